#include "spg/base/error.hpp"

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>

#include "spg/base/assert.hpp"

namespace spg {

void assertion_failed(const char* what, const char* file, int line) noexcept {
  std::fprintf(stderr, "spg: assertion failed: %s (%s:%d)\n", what, file, line);
  std::abort();
}

namespace {
constexpr std::size_t field_count = static_cast<std::size_t>(ErrorField::count_);
constexpr std::size_t field_bytes_max = 64 * 1024;
}  // namespace

struct ErrorInfo {
  Sqlstate code{};
  std::int32_t position = 0;
  bool is_static = false;
  char* text[field_count] = {};
  std::size_t bytes[field_count] = {};
};

namespace {

void assign(ErrorInfo& info, ErrorField field, std::initializer_list<std::string_view> pieces) {
  const auto slot = static_cast<std::size_t>(field);
  std::size_t total = 0;
  for (auto piece : pieces) total += piece.size();
  if (total > field_bytes_max) total = field_bytes_max;
  auto* text = static_cast<char*>(std::malloc(total == 0 ? 1 : total));
  if (text == nullptr) return;  // the field stays as it was: an error without detail beats none
  std::size_t at = 0;
  for (auto piece : pieces) {
    const std::size_t take = piece.size() < total - at ? piece.size() : total - at;
    if (take != 0) std::memcpy(text + at, piece.data(), take);
    at += take;
  }
  std::free(info.text[slot]);
  info.text[slot] = text;
  info.bytes[slot] = total;
}

ErrorInfo make_static(Sqlstate code, const char* message) {
  ErrorInfo info;
  info.code = code;
  info.is_static = true;
  info.text[0] = const_cast<char*>(message);  // never freed: is_static
  info.bytes[0] = std::strlen(message);
  return info;
}

ErrorInfo out_of_memory_info = make_static(sqlstate::out_of_memory, "out of memory");
ErrorInfo would_block_info = make_static(sqlstate::internal_error, "would block");
ErrorInfo must_wait_info = make_static(sqlstate::internal_error, "must wait");

}  // namespace

Error Error::from(Sqlstate code, std::initializer_list<std::string_view> pieces) {
  auto* memory = std::malloc(sizeof(ErrorInfo));
  if (memory == nullptr) return out_of_memory();
  auto* info = new (memory) ErrorInfo;
  info->code = code;
  assign(*info, ErrorField::message, pieces);
  return Error{info};
}

Error Error::would_block() { return Error{&would_block_info}; }
Error Error::must_wait() { return Error{&must_wait_info}; }
Error Error::out_of_memory() { return Error{&out_of_memory_info}; }
bool Error::is_would_block() const { return info_ == &would_block_info; }
bool Error::is_must_wait() const { return info_ == &must_wait_info; }

Sqlstate Error::code() const {
  SPG_ASSERT(info_ != nullptr);
  return info_->code;
}
std::string_view Error::field(ErrorField field) const {
  SPG_ASSERT(info_ != nullptr);
  const auto slot = static_cast<std::size_t>(field);
  return {info_->text[slot] == nullptr ? "" : info_->text[slot], info_->bytes[slot]};
}
std::int32_t Error::position() const { return info_ == nullptr ? 0 : info_->position; }

Error&& Error::set(ErrorField field, std::initializer_list<std::string_view> pieces) && {
  if (info_ != nullptr && !info_->is_static) assign(*info_, field, pieces);
  return std::move(*this);
}
Error&& Error::at(std::int32_t position) && {
  if (info_ != nullptr && !info_->is_static && info_->position == 0) info_->position = position;
  return std::move(*this);
}

Error Error::copy() const {
  if (info_ == nullptr || info_->is_static) return Error{info_};
  Error result = from(info_->code, {message()});
  if (result.info_->is_static) return result;
  result.info_->position = info_->position;
  for (std::size_t slot = 1; slot < field_count; ++slot)
    if (info_->text[slot] != nullptr) assign(*result.info_, static_cast<ErrorField>(slot), {field(static_cast<ErrorField>(slot))});
  return result;
}

void Error::reset() noexcept {
  if (info_ == nullptr || info_->is_static) return;
  for (char* text : info_->text) std::free(text);
  std::free(info_);
  info_ = nullptr;
}

}  // namespace spg
