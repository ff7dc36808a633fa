// UTF-8, the server's only encoding, and its conversion from and to LATIN1. Any thread; nothing is owned.
//
// Valid means what PostgreSQL means: shortest form, no surrogates, at most U+10FFFF, and no zero byte.
#pragma once
#include <cstdint>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/result.hpp"

namespace spg::codec {

/// The number of bytes at the start that are valid; text.size() when all are.
std::size_t utf8_valid_bytes(std::string_view text);
inline bool utf8_is_valid(std::string_view text) { return utf8_valid_bytes(text) == text.size(); }
/// 22021 with PostgreSQL's text, which names the bytes.
Status check_utf8(std::string_view text);

/// Length of the character that starts with this byte, by that byte alone (1 where it starts none).
constexpr std::uint32_t utf8_bytes_of_lead(char lead) {
  const auto byte = static_cast<std::uint8_t>(lead);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : byte < 0xf8 ? 4 : 1;
}
/// Characters in valid text.
std::size_t utf8_length(std::string_view text);
/// The byte at which the character number `characters` (from 0) of valid text starts; text.size() past the end.
std::size_t utf8_offset(std::string_view text, std::size_t characters);
/// The character at the start of valid, non-empty text.
char32_t utf8_decode(std::string_view text);
/// Writes up to 4 bytes and returns how many. Requires: a scalar value.
std::size_t utf8_encode(char32_t character, char* to);

/// Every LATIN1 text has a UTF-8 form. The result lives in the arena, or is the argument when that is ASCII.
std::string_view latin1_to_utf8(std::string_view text, Arena& arena);
/// 22P05 with PostgreSQL's text for a character that LATIN1 lacks. Requires: valid UTF-8.
Result<std::string_view> utf8_to_latin1(std::string_view text, Arena& arena);

}  // namespace spg::codec
