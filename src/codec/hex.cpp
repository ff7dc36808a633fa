#include "spg/codec/hex.hpp"

namespace spg::codec {
namespace {

unsigned hex_digit(char c) {
  if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
  if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
  if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
  return 16;
}

}  // namespace

void hex_encode(Bytes bytes, char* to) {
  constexpr char digits[] = "0123456789abcdef";
  for (std::byte byte : bytes) {
    *to++ = digits[static_cast<unsigned>(byte) >> 4];
    *to++ = digits[static_cast<unsigned>(byte) & 15];
  }
}

std::optional<std::size_t> hex_decode(std::string_view text, std::byte* to) {
  if (text.size() % 2 != 0) return std::nullopt;
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const unsigned high = hex_digit(text[i]), low = hex_digit(text[i + 1]);
    if ((high | low) > 15) return std::nullopt;
    *to++ = static_cast<std::byte>(high << 4 | low);
  }
  return text.size() / 2;
}

}  // namespace spg::codec
