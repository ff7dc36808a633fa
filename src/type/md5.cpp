// MD5 (RFC 1321), for SQL's md5() only: nothing in the engine relies on it for security.
#include <bit>
#include <cmath>

#include "spg/type/text.hpp"

namespace spg::type {
namespace {

struct Constants {
  std::uint32_t sines[64];
  Constants() {
    for (int i = 0; i < 64; ++i)
      sines[i] = static_cast<std::uint32_t>(std::floor(std::fabs(std::sin(i + 1.0)) * 4294967296.0));
  }
};

void mix(std::uint32_t (&state)[4], const char* block, const Constants& constants) {
  static constexpr int turns[4][4] = {{7, 12, 17, 22}, {5, 9, 14, 20}, {4, 11, 16, 23}, {6, 10, 15, 21}};
  std::uint32_t words[16];
  for (int i = 0; i < 16; ++i) words[i] = load_le<std::uint32_t>(block + 4 * i);
  std::uint32_t a = state[0], b = state[1], c = state[2], d = state[3];
  for (int i = 0; i < 64; ++i) {
    const int round = i / 16;
    const std::uint32_t f = round == 0   ? (b & c) | (~b & d)
                            : round == 1 ? (d & b) | (~d & c)
                            : round == 2 ? b ^ c ^ d
                                         : c ^ (b | ~d);
    const int word = round == 0 ? i : round == 1 ? (5 * i + 1) % 16 : round == 2 ? (3 * i + 5) % 16 : 7 * i % 16;
    const std::uint32_t sum = a + f + constants.sines[i] + words[word];
    a = d;
    d = c;
    c = b;
    b += std::rotl(sum, turns[round][i % 4]);
  }
  state[0] += a;
  state[1] += b;
  state[2] += c;
  state[3] += d;
}

}  // namespace

std::string_view md5(std::string_view text, Arena& arena) {
  static const Constants constants;
  std::uint32_t state[4] = {0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476};
  const std::uint64_t bits = std::uint64_t{text.size()} * 8;
  for (; text.size() >= 64; text.remove_prefix(64)) {
    mix(state, text.data(), constants);
    // Given up, the digest is of no use to anybody: whoever asked for it checks the arena, too.
    if (text.size() % (1 << 20) < 64 && arena.check().failed()) text = text.substr(0, 64);
  }
  char last[128] = {};
  for (std::size_t i = 0; i < text.size(); ++i) last[i] = text[i];
  last[text.size()] = '\x80';
  const std::size_t size = text.size() < 56 ? 64 : 128;
  store_le<std::uint64_t>(last + size - 8, bits);
  for (std::size_t at = 0; at < size; at += 64) mix(state, last + at, constants);
  char* to = arena.array<char>(32);
  for (std::size_t i = 0; i < 16; ++i) {
    const std::uint32_t byte = state[i / 4] >> (8 * (i % 4)) & 0xff;
    to[2 * i] = "0123456789abcdef"[byte >> 4];
    to[2 * i + 1] = "0123456789abcdef"[byte & 15];
  }
  return {to, 32};
}

}  // namespace spg::type
