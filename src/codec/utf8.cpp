#include "spg/codec/utf8.hpp"

#include <algorithm>

namespace spg::codec {
namespace {

constexpr std::uint64_t high_bits = 0x8080808080808080, low_bits = 0x0101010101010101;

/// No byte of the word is zero or above 0x7f.
inline bool plain_ascii(std::uint64_t word) { return ((word | (word - low_bits)) & high_bits) == 0; }

bool is_continuation(char c) { return (static_cast<std::uint8_t>(c) & 0xc0) == 0x80; }

/// Bytes of the valid character at the start of the non-empty text; 0 when there is none.
std::size_t valid_character_bytes(std::string_view text) {
  const auto lead = static_cast<std::uint8_t>(text[0]);
  if (lead < 0x80) return lead == 0 ? 0 : 1;
  const std::size_t size = utf8_bytes_of_lead(text[0]);
  if (lead < 0xc2 || lead > 0xf4 || text.size() < size) return 0;
  const auto second = static_cast<std::uint8_t>(text[1]);
  std::uint8_t least = 0x80, most = 0xbf;
  if (lead == 0xe0) least = 0xa0;      // shorter forms exist below
  else if (lead == 0xed) most = 0x9f;  // surrogates
  else if (lead == 0xf0) least = 0x90;
  else if (lead == 0xf4) most = 0x8f;  // beyond U+10FFFF
  if (second < least || second > most) return 0;
  for (std::size_t i = 2; i < size; ++i)
    if (!is_continuation(text[i])) return 0;
  return size;
}

/// "0xe2 0x82 ..." of at most `count` bytes.
struct ByteList {
  explicit ByteList(std::string_view bytes) {
    for (char c : bytes) {
      const auto byte = static_cast<std::uint8_t>(c);
      if (size != 0) text[size++] = ' ';
      text[size++] = '0';
      text[size++] = 'x';
      text[size++] = "0123456789abcdef"[byte >> 4];
      text[size++] = "0123456789abcdef"[byte & 15];
    }
  }
  std::string_view view() const { return {text, size}; }
  char text[4 * 5];
  std::size_t size = 0;
};

std::string_view character_or_rest(std::string_view text) {
  return text.substr(0, std::min<std::size_t>(utf8_bytes_of_lead(text[0]), text.size()));
}

/// Bytes of the ASCII prefix, zero bytes included, in steps of eight.
std::size_t ascii_words(std::string_view text) {
  std::size_t at = 0;
  while (at + 8 <= text.size() && (load_le<std::uint64_t>(text.data() + at) & high_bits) == 0) at += 8;
  return at;
}

}  // namespace

std::size_t utf8_valid_bytes(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    while (at + 8 <= text.size() && plain_ascii(load_le<std::uint64_t>(text.data() + at))) at += 8;
    // A word that is not plain ASCII is looked at byte by byte to its end, so that text with few such words stays fast.
    const std::size_t stop = std::min(at + 8, text.size());
    while (at < stop) {
      const std::size_t size = valid_character_bytes(text.substr(at));
      if (size == 0) return at;
      at += size;
    }
  }
  return at;
}

Status check_utf8(std::string_view text) {
  const std::size_t valid = utf8_valid_bytes(text);
  if (__builtin_expect(valid == text.size(), 1)) return ok();
  const ByteList bytes(character_or_rest(text.substr(valid)));
  return Error::make(sqlstate::character_not_in_repertoire,
                     "invalid byte sequence for encoding \"UTF8\": ", bytes.view());
}

std::size_t utf8_length(std::string_view text) {
  std::size_t count = 0, at = 0;
  for (; at + 8 <= text.size(); at += 8) {
    const auto word = load_le<std::uint64_t>(text.data() + at);
    const std::uint64_t continuation = word >> 7 & ~word >> 6 & low_bits;
    count += 8 - static_cast<std::size_t>(std::popcount(continuation));
  }
  for (; at < text.size(); ++at) count += is_continuation(text[at]) ? 0 : 1;
  return count;
}

std::size_t utf8_offset(std::string_view text, std::size_t characters) {
  std::size_t at = std::min(ascii_words(text), characters);
  for (characters -= at; characters != 0 && at < text.size(); --characters) at += utf8_bytes_of_lead(text[at]);
  return std::min(at, text.size());
}

char32_t utf8_decode(std::string_view text) {
  const auto byte = [&](std::size_t i) { return static_cast<std::uint32_t>(static_cast<std::uint8_t>(text[i])); };
  const std::uint32_t size = utf8_bytes_of_lead(text[0]);
  SPG_DCHECK(size <= text.size());
  if (size == 1) return byte(0);
  std::uint32_t character = byte(0) & (0xffu >> (size + 1));
  for (std::size_t i = 1; i < size; ++i) character = character << 6 | (byte(i) & 0x3f);
  return character;
}

std::size_t utf8_encode(char32_t character, char* to) {
  const auto c = static_cast<std::uint32_t>(character);
  if (c < 0x80) {
    to[0] = static_cast<char>(c);
    return 1;
  }
  const std::size_t size = c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;
  for (std::size_t i = 1; i < size; ++i) to[i] = static_cast<char>(0x80 | (c >> (6 * (size - 1 - i)) & 0x3f));
  to[0] = static_cast<char>((0xf00u >> size & 0xf0u) | c >> (6 * (size - 1)));
  return size;
}

std::string_view latin1_to_utf8(std::string_view text, Arena& arena) {
  std::size_t high = 0;
  for (char c : text) high += static_cast<std::uint8_t>(c) >> 7;
  if (high == 0) return text;
  char* const result = arena.array<char>(text.size() + high);
  char* to = result;
  for (char c : text) to += utf8_encode(static_cast<std::uint8_t>(c), to);
  return {result, text.size() + high};
}

Result<std::string_view> utf8_to_latin1(std::string_view text, Arena& arena) {
  if (utf8_length(text) == text.size()) return text;
  char* const result = arena.array<char>(text.size());
  char* to = result;
  for (std::size_t at = 0; at < text.size(); at += utf8_bytes_of_lead(text[at])) {
    const char32_t character = utf8_decode(text.substr(at));
    if (character > 0xff) {
      const ByteList bytes(character_or_rest(text.substr(at)));
      return Error::make(sqlstate::untranslatable_character, "character with byte sequence ", bytes.view(),
                         " in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"");
    }
    *to++ = static_cast<char>(character);
  }
  return std::string_view(result, static_cast<std::size_t>(to - result));
}

}  // namespace spg::codec
