// Byte order and byte spans. Bytes on disk are little-endian and written by offset, bytes on the wire are big-endian.
#pragma once
#include <bit>
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string_view>
#include <type_traits>

namespace spg {

using Bytes = std::span<const std::byte>;
using MutableBytes = std::span<std::byte>;

inline Bytes as_bytes(std::string_view text) { return {reinterpret_cast<const std::byte*>(text.data()), text.size()}; }
inline std::string_view as_text(Bytes bytes) { return {reinterpret_cast<const char*>(bytes.data()), bytes.size()}; }

template <std::unsigned_integral N>
constexpr N byte_swap(N value) {
  if constexpr (sizeof(N) == 1) return value;
  else if constexpr (sizeof(N) == 2) return static_cast<N>(__builtin_bswap16(value));
  else if constexpr (sizeof(N) == 4) return static_cast<N>(__builtin_bswap32(value));
  else return static_cast<N>(__builtin_bswap64(value));
}

/// Reads/writes an integer at an unaligned place. The caller has checked that sizeof(N) bytes are there.
template <std::integral N>
N load_le(const void* from) {
  std::make_unsigned_t<N> value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::big) value = byte_swap(value);
  return static_cast<N>(value);
}
template <std::integral N>
void store_le(void* to, N number) {
  auto value = static_cast<std::make_unsigned_t<N>>(number);
  if constexpr (std::endian::native == std::endian::big) value = byte_swap(value);
  std::memcpy(to, &value, sizeof value);
}
template <std::integral N>
N load_be(const void* from) {
  std::make_unsigned_t<N> value;
  std::memcpy(&value, from, sizeof value);
  if constexpr (std::endian::native == std::endian::little) value = byte_swap(value);
  return static_cast<N>(value);
}
template <std::integral N>
void store_be(void* to, N number) {
  auto value = static_cast<std::make_unsigned_t<N>>(number);
  if constexpr (std::endian::native == std::endian::little) value = byte_swap(value);
  std::memcpy(to, &value, sizeof value);
}

/// A bounded reader of untrusted bytes: past the end it yields zeros and remembers; check ok() at the end (and before
/// any allocation that a length read here decides).
class ByteReader {
 public:
  explicit ByteReader(Bytes bytes) : bytes_(bytes) {}
  template <std::integral N>
  N le() { return take(sizeof(N)) ? load_le<N>(bytes_.data() + at_ - sizeof(N)) : N{}; }
  template <std::integral N>
  N be() { return take(sizeof(N)) ? load_be<N>(bytes_.data() + at_ - sizeof(N)) : N{}; }
  std::uint64_t varint() {
    std::uint64_t value = 0;
    for (unsigned shift = 0; shift < 64; shift += 7) {
      const auto byte = le<std::uint8_t>();
      value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if (byte < 0x80) return value;
    }
    failed_ = true;
    return 0;
  }
  /// Zig-zag coded signed number.
  std::int64_t signed_varint() {
    const std::uint64_t coded = varint();
    return static_cast<std::int64_t>(coded >> 1) ^ -static_cast<std::int64_t>(coded & 1);
  }
  Bytes bytes(std::size_t count) { return take(count) ? bytes_.subspan(at_ - count, count) : Bytes{}; }
  Bytes rest() { return bytes(left()); }
  std::size_t left() const { return failed_ ? 0 : bytes_.size() - at_; }
  std::size_t at() const { return at_; }
  bool ok() const { return !failed_; }
  bool at_end() const { return ok() && at_ == bytes_.size(); }

 private:
  bool take(std::size_t count) {
    if (failed_ || bytes_.size() - at_ < count) { failed_ = true; return false; }
    at_ += count;
    return true;
  }
  Bytes bytes_;
  std::size_t at_ = 0;
  bool failed_ = false;
};

}  // namespace spg
