#include "spg/base/base64.hpp"

#include <array>

namespace spg {
namespace {

constexpr char base64_alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t no_digit = 0xff;

constexpr std::array<std::uint8_t, 256> make_base64_digits() {
  std::array<std::uint8_t, 256> digits{};
  digits.fill(no_digit);
  for (std::uint8_t i = 0; i < 64; ++i) digits[static_cast<std::uint8_t>(base64_alphabet[i])] = i;
  return digits;
}
constexpr auto base64_digits = make_base64_digits();

}  // namespace

std::size_t base64_encode(Bytes bytes, char* to) {
  char* const start = to;
  for (; !bytes.empty(); bytes = bytes.subspan(bytes.size() < 3 ? bytes.size() : 3)) {
    std::uint32_t group = static_cast<std::uint32_t>(bytes[0]) << 16;
    if (bytes.size() > 1) group |= static_cast<std::uint32_t>(bytes[1]) << 8;
    if (bytes.size() > 2) group |= static_cast<std::uint32_t>(bytes[2]);
    *to++ = base64_alphabet[group >> 18];
    *to++ = base64_alphabet[group >> 12 & 63];
    *to++ = bytes.size() > 1 ? base64_alphabet[group >> 6 & 63] : '=';
    *to++ = bytes.size() > 2 ? base64_alphabet[group & 63] : '=';
  }
  return static_cast<std::size_t>(to - start);
}

std::optional<std::size_t> base64_decode(std::string_view text, std::byte* to) {
  if (text.size() % 4 != 0) return std::nullopt;
  const std::byte* const start = to;
  for (; !text.empty(); text.remove_prefix(4)) {
    std::size_t digits = 4;
    if (text.size() == 4 && text[3] == '=') digits = text[2] == '=' ? 2 : 3;
    std::uint32_t group = 0;
    for (std::size_t i = 0; i < 4; ++i) {
      const std::uint8_t digit = i < digits ? base64_digits[static_cast<std::uint8_t>(text[i])] : std::uint8_t{0};
      if (digit == no_digit) return std::nullopt;
      group = group << 6 | digit;
    }
    if ((digits == 2 && (group & 0xffff) != 0) || (digits == 3 && (group & 0xff) != 0)) return std::nullopt;
    *to++ = static_cast<std::byte>(group >> 16);
    if (digits > 2) *to++ = static_cast<std::byte>(group >> 8);
    if (digits > 3) *to++ = static_cast<std::byte>(group);
  }
  return static_cast<std::size_t>(to - start);
}

}  // namespace spg
