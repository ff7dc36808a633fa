// Result<T>: a value or an Error. Status: an Error or success. The only error channel of the engine (no exceptions).
//
//   Result<Image*> load(Address at);
//   SPG_ASSIGN(Image* image, load(at));      // returns the error to the caller
//   SPG_TRY(file.sync());
#pragma once
#include <exception>
#include <new>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "spg/base/assert.hpp"
#include "spg/base/error.hpp"

namespace spg {

#if defined(__cpp_exceptions)
inline constexpr bool has_exceptions = true;
/// What Result::value() throws. The engine itself neither throws nor catches.
class Exception : public std::exception {
 public:
  explicit Exception(Error error) : error_(std::move(error)), message_(error_.message()) {}
  Exception(const Exception& other) : std::exception(other), error_(other.error_.copy()), message_(other.message_) {}
  const char* what() const noexcept override { return message_.c_str(); }
  const Error& error() const { return error_; }

 private:
  Error error_;
  std::string message_;
};
[[noreturn]] inline void throw_error(Error error) { throw Exception(std::move(error)); }
#else
inline constexpr bool has_exceptions = false;
void throw_error(Error error);  // never called
#endif

using Status = Error;
inline Status ok() { return {}; }

template <class T>
class [[nodiscard]] Result {
 public:
  using Value = T;
  Result(T value) : value_(std::move(value)) {}  // NOLINT: implicit by design
  Result(Error error) : failed_(true), error_(std::move(error)) { SPG_DCHECK(error_.failed()); }  // NOLINT
  Result(Result&& other) noexcept : failed_(other.failed_) {
    if (failed_) new (&error_) Error(std::move(other.error_));
    else new (&value_) T(std::move(other.value_));
  }
  Result& operator=(Result&& other) noexcept {
    if (this != &other) { this->~Result(); new (this) Result(std::move(other)); }
    return *this;
  }
  ~Result() { if (failed_) error_.~Error(); else value_.~T(); }

  bool has_value() const { return !failed_; }
  explicit operator bool() const { return !failed_; }
  T& operator*() & { SPG_DCHECK(!failed_); return value_; }
  const T& operator*() const& { SPG_DCHECK(!failed_); return value_; }
  T&& operator*() && { SPG_DCHECK(!failed_); return std::move(value_); }
  T* operator->() { SPG_DCHECK(!failed_); return &value_; }
  const T* operator->() const { SPG_DCHECK(!failed_); return &value_; }
  const Error& error() const { SPG_DCHECK(failed_); return error_; }
  /// For those who like to throw: the value, or an spg::Exception. Without exceptions: requires has_value().
  template <bool throws = has_exceptions>
  T& value() & { check_value<throws>(); return value_; }
  template <bool throws = has_exceptions>
  T&& value() && { check_value<throws>(); return std::move(value_); }
  Error take_error() { SPG_DCHECK(failed_); return std::move(error_); }
  Error status() && { return failed_ ? std::move(error_) : Error{}; }

 private:
  // A template, so that code with and without exceptions can be linked together.
  template <bool throws>
  void check_value() {
    if constexpr (throws) { if (failed_) throw_error(std::move(error_)); }
    else SPG_ASSERT(!failed_);
  }
  bool failed_ = false;
  union {
    T value_;
    Error error_;
  };
};

}  // namespace spg

#define SPG_CONCAT_INNER_(a, b) a##b
#define SPG_CONCAT_(a, b) SPG_CONCAT_INNER_(a, b)
/// Evaluates a Status (or a Result whose value is not wanted) and returns its error, if any, to the caller.
#define SPG_TRY(expression)                                             \
  do {                                                                  \
    ::spg::Error spg_error_ = (expression);                             \
    if (__builtin_expect(spg_error_.failed(), 0)) return spg_error_;    \
  } while (false)
/// Declares (or assigns) from a Result's value and returns its error to the caller.
#define SPG_ASSIGN(declaration, expression) SPG_ASSIGN_(SPG_CONCAT_(spg_result_, __LINE__), declaration, expression)
#define SPG_ASSIGN_(result, declaration, expression)                    \
  auto result = (expression);                                           \
  if (__builtin_expect(!result.has_value(), 0)) return result.take_error(); \
  declaration = *std::move(result)
