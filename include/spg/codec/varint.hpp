// Variable-length integers (LEB128, 7 bits per byte, low first) and zig-zag for signed ones. base/'s ByteReader reads
// them from untrusted bytes; here is the writing and a reader for hot loops. Any thread.
#pragma once
#include <cstdint>

#include "spg/base/bytes.hpp"

namespace spg::codec {

inline constexpr std::size_t varint_bytes_max = 10;

constexpr std::uint64_t zigzag(std::int64_t number) {
  return static_cast<std::uint64_t>(number) << 1 ^ static_cast<std::uint64_t>(number >> 63);
}
constexpr std::int64_t unzigzag(std::uint64_t coded) {
  return static_cast<std::int64_t>(coded >> 1 ^ (~(coded & 1) + 1));
}

constexpr std::size_t varint_bytes(std::uint64_t number) {
  return (static_cast<std::size_t>(std::bit_width(number | 1)) + 6) / 7;
}

/// Writes varint_bytes(number) bytes; returns the place after them.
inline std::byte* put_varint(std::byte* to, std::uint64_t number) {
  for (; number >= 0x80; number >>= 7) *to++ = static_cast<std::byte>(number | 0x80);
  *to++ = static_cast<std::byte>(number);
  return to;
}

/// Reads at `at` and moves it; false (and `at` somewhere before `end`) when the number is cut off or above 64 bits.
inline bool get_varint(const std::byte*& at, const std::byte* end, std::uint64_t& number) {
  number = 0;
  for (unsigned shift = 0; at != end; shift += 7) {
    const auto byte = static_cast<std::uint64_t>(*at++);
    if (shift == 63 && byte > 1) return false;
    number |= (byte & 0x7f) << shift;
    if (byte < 0x80) return true;
  }
  return false;
}

}  // namespace spg::codec
