#include "spg/crypto/crc32c.hpp"

#include <array>

#if defined(__x86_64__)
#include <nmmintrin.h>
#endif

namespace spg::crypto {
namespace {

constexpr std::uint32_t castagnoli_reflected = 0x82f63b78;

using CrcTable = std::array<std::array<std::uint32_t, 256>, 8>;
constexpr CrcTable make_byte_tables() {
  CrcTable table{};
  for (std::uint32_t n = 0; n < 256; ++n) {
    std::uint32_t crc = n;
    for (int bit = 0; bit < 8; ++bit) crc = (crc & 1) != 0 ? crc >> 1 ^ castagnoli_reflected : crc >> 1;
    table[0][n] = crc;
  }
  for (std::size_t n = 0; n < 256; ++n)
    for (std::size_t k = 1; k < 8; ++k) table[k][n] = table[k - 1][n] >> 8 ^ table[0][table[k - 1][n] & 0xff];
  return table;
}
constexpr CrcTable byte_tables = make_byte_tables();

#if defined(__x86_64__)

/// Appending zero bytes is linear in the register: a matrix over GF(2), column n being the image of bit n.
using CrcMatrix = std::array<std::uint32_t, 32>;
constexpr std::uint32_t times(const CrcMatrix& matrix, std::uint32_t vector) {
  std::uint32_t sum = 0;
  for (std::size_t n = 0; vector != 0; ++n, vector >>= 1)
    if ((vector & 1) != 0) sum ^= matrix[n];
  return sum;
}

/// Tables, by byte of the register, of the operator that appends `count` zero bytes; `count` is a power of two.
using ShiftTable = std::array<std::array<std::uint32_t, 256>, 4>;
constexpr ShiftTable make_shift_table(std::size_t count) {
  CrcMatrix matrix{};
  matrix[0] = castagnoli_reflected;  // one zero bit
  for (std::size_t n = 1; n < 32; ++n) matrix[n] = std::uint32_t{1} << (n - 1);
  for (std::size_t bits = 1; bits < count * 8; bits *= 2) {
    CrcMatrix square{};
    for (std::size_t n = 0; n < 32; ++n) square[n] = times(matrix, matrix[n]);
    matrix = square;
  }
  ShiftTable table{};
  for (std::uint32_t n = 0; n < 256; ++n)
    for (std::uint32_t k = 0; k < 4; ++k) table[k][n] = times(matrix, n << (8 * k));
  return table;
}
constexpr std::size_t long_stream_bytes = 2048, short_stream_bytes = 128;
constexpr ShiftTable long_shift = make_shift_table(long_stream_bytes),
                     short_shift = make_shift_table(short_stream_bytes);

std::uint32_t shift(const ShiftTable& table, std::uint32_t crc) {
  return table[0][crc & 0xff] ^ table[1][crc >> 8 & 0xff] ^ table[2][crc >> 16 & 0xff] ^ table[3][crc >> 24];
}

template <std::size_t stream_bytes>
__attribute__((target("sse4.2"))) std::uint64_t three_streams(std::uint64_t crc, const std::byte*& at,
                                                              std::size_t& left, const ShiftTable& table) {
  while (left >= 3 * stream_bytes) {
    std::uint64_t second = 0, third = 0;
    for (std::size_t i = 0; i < stream_bytes; i += 8) {
      crc = _mm_crc32_u64(crc, load_le<std::uint64_t>(at + i));
      second = _mm_crc32_u64(second, load_le<std::uint64_t>(at + stream_bytes + i));
      third = _mm_crc32_u64(third, load_le<std::uint64_t>(at + 2 * stream_bytes + i));
    }
    crc = shift(table, static_cast<std::uint32_t>(crc)) ^ second;
    crc = shift(table, static_cast<std::uint32_t>(crc)) ^ third;
    at += 3 * stream_bytes;
    left -= 3 * stream_bytes;
  }
  return crc;
}

__attribute__((target("sse4.2"))) std::uint32_t crc32c_sse42(std::uint32_t seed, Bytes bytes) {
  std::uint64_t crc = ~seed;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  crc = three_streams<long_stream_bytes>(crc, at, left, long_shift);
  crc = three_streams<short_stream_bytes>(crc, at, left, short_shift);
  for (; left >= 8; at += 8, left -= 8) crc = _mm_crc32_u64(crc, load_le<std::uint64_t>(at));
  auto last = static_cast<std::uint32_t>(crc);
  for (; left != 0; ++at, --left) last = _mm_crc32_u8(last, static_cast<std::uint8_t>(*at));
  return ~last;
}

const bool has_sse42 = __builtin_cpu_supports("sse4.2") != 0;

#endif

}  // namespace

std::uint32_t crc32c_portable(std::uint32_t seed, Bytes bytes) {
  std::uint32_t crc = ~seed;
  const std::byte* at = bytes.data();
  std::size_t left = bytes.size();
  for (; left >= 8; at += 8, left -= 8) {
    const std::uint32_t low = load_le<std::uint32_t>(at) ^ crc, high = load_le<std::uint32_t>(at + 4);
    crc = byte_tables[7][low & 0xff] ^ byte_tables[6][low >> 8 & 0xff] ^ byte_tables[5][low >> 16 & 0xff] ^
          byte_tables[4][low >> 24] ^ byte_tables[3][high & 0xff] ^ byte_tables[2][high >> 8 & 0xff] ^
          byte_tables[1][high >> 16 & 0xff] ^ byte_tables[0][high >> 24];
  }
  for (; left != 0; ++at, --left) crc = crc >> 8 ^ byte_tables[0][(crc ^ static_cast<std::uint32_t>(*at)) & 0xff];
  return ~crc;
}

std::uint32_t crc32c(std::uint32_t seed, Bytes bytes) {
#if defined(__x86_64__)
  if (__builtin_expect(has_sse42, 1)) return crc32c_sse42(seed, bytes);
#endif
  return crc32c_portable(seed, bytes);
}

}  // namespace spg::crypto
