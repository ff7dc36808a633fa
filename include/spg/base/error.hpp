// Error: what went wrong, as a value. One pointer; null means success (see Status in result.hpp).
//
// An error carries an SQLSTATE and the fields that PostgreSQL's protocol sends (chapter 55.8 "Error and Notice Message
// Fields"). Making one allocates with malloc; when that fails too, the static "out of memory" error takes its place, so
// that no path here throws or aborts. Thread rule: an Error belongs to one thread at a time and may be moved between.
#pragma once
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string_view>
#include <utility>

#include "spg/base/piece.hpp"
#include "spg/base/sqlstate.hpp"

namespace spg {

/// The text fields of an error beside its message.
enum class ErrorField : std::uint8_t {
  message, detail, hint, context, schema, table, column, data_type, constraint, internal_query,
  count_
};

struct ErrorInfo;

class [[nodiscard]] Error {
 public:
  Error() = default;  ///< success
  Error(Error&& other) noexcept : info_(std::exchange(other.info_, nullptr)) {}
  Error& operator=(Error&& other) noexcept {
    if (this != &other) { reset(); info_ = std::exchange(other.info_, nullptr); }
    return *this;
  }
  ~Error() { if (info_ != nullptr) reset(); }

  template <class... Pieces>
  static Error make(Sqlstate code, const Pieces&... pieces) {
    return from(code, {Piece(pieces).text()...});
  }
  static Error from(Sqlstate code, std::initializer_list<std::string_view> pieces);

  /// The read would have to wait for the disk (DESIGN 2, the seam). Static: costs nothing to make.
  static Error would_block();
  /// The session must wait for a lock or the turn; whoever grants it wakes the session. Static.
  static Error must_wait();
  static Error out_of_memory();

  bool failed() const { return info_ != nullptr; }
  explicit operator bool() const { return failed(); }
  bool is_would_block() const;
  bool is_must_wait() const;

  /// Requires: failed().
  Sqlstate code() const;
  /// Empty when not set.
  std::string_view field(ErrorField field) const;
  std::string_view message() const { return field(ErrorField::message); }
  /// 1-based character (not byte) position in the statement's text; 0 when unknown.
  std::int32_t position() const;

  /// Fills a field of a failed error; returns it for chaining. Static errors stay as they are.
  Error&& set(ErrorField field, std::initializer_list<std::string_view> pieces) &&;
  template <class... Pieces>
  Error&& detail(const Pieces&... pieces) && { return std::move(*this).set(ErrorField::detail, {Piece(pieces).text()...}); }
  template <class... Pieces>
  Error&& hint(const Pieces&... pieces) && { return std::move(*this).set(ErrorField::hint, {Piece(pieces).text()...}); }
  template <class... Pieces>
  Error&& context(const Pieces&... pieces) && { return std::move(*this).set(ErrorField::context, {Piece(pieces).text()...}); }
  /// The position is kept if one was set before: the innermost place wins.
  Error&& at(std::int32_t position) &&;

  Error copy() const;

 private:
  explicit Error(ErrorInfo* info) : info_(info) {}
  void reset() noexcept;
  ErrorInfo* info_ = nullptr;
};

}  // namespace spg
