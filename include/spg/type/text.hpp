// Text, bytea and uuid: input and output, length rules, LIKE, and the string functions of SQL over UTF-8.
//
// Positions and lengths count characters; texts are valid UTF-8 (checked where they enter). Case follows collation "C":
// ASCII only. Results refer to the arguments where they can (trims, left, right, substring), else to the caller's
// arena. Pure functions, usable from any thread.
#pragma once
#include <array>
#include <cstdint>
#include <span>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/result.hpp"
#include "spg/type/settings.hpp"

namespace spg::type {

using Uuid = std::array<std::uint8_t, 16>;
inline constexpr std::size_t name_bytes_max = 63;
/// PostgreSQL's limit of one value.
inline constexpr std::size_t value_bytes_max = 0x3fffffff;

// --- UTF-8 ---
/// Bytes of the character that begins so; 1 for what is no first byte.
constexpr std::size_t character_bytes(char first) {
  const auto byte = static_cast<unsigned char>(first);
  return byte < 0xc0 ? 1 : byte < 0xe0 ? 2 : byte < 0xf0 ? 3 : 4;
}
std::int64_t character_count(std::string_view text);
/// Byte offset of the character number `index` (0-based), at most the size.
std::size_t character_offset(std::string_view text, std::int64_t index);
/// 22021 when the bytes are no UTF-8 or hold a zero byte.
Status check_utf8(std::string_view text);

// --- input and output, coercion ---
Result<std::string_view> parse_bytea(std::string_view text, Arena& arena);
void print_bytea(std::string_view value, TextBuilder& out, ByteaOutput style);
Result<Uuid> parse_uuid(std::string_view text);
void print_uuid(const Uuid& value, TextBuilder& out);
/// Cuts a name to 63 bytes without splitting a character.
std::string_view truncate_name(std::string_view text);
/// "char": one byte. Values above 127 print in octal, as \ooo.
std::int16_t parse_char(std::string_view text);
void print_char(std::int16_t value, TextBuilder& out);
enum class CastForm : std::uint8_t { implicit, explicit_cast };
/// typmod is PostgreSQL's (length + 4), -1 for none. Assigning what is too long is 22001 unless the excess is blanks;
/// an explicit cast cuts.
Result<std::string_view> coerce_varchar(std::string_view text, std::int32_t typmod, CastForm form);
/// Also pads with blanks to the length.
Result<std::string_view> coerce_bpchar(std::string_view text, std::int32_t typmod, CastForm form, Arena& arena);
/// A bpchar without its trailing blanks: how it compares, hashes, and becomes text.
std::string_view trim_bpchar(std::string_view text);

// --- LIKE ---
inline constexpr std::int32_t like_no_escape = -1;
/// `escape` is a character of at most 4 bytes, "" for none. 22025 for an escape at the pattern's end, 22019 for one
/// longer than a character.
Result<bool> like(std::string_view text, std::string_view pattern, std::string_view escape = "\\");
Result<bool> ilike(std::string_view text, std::string_view pattern, std::string_view escape = "\\");

// --- functions ---
std::string_view upper(std::string_view text, Arena& arena);
std::string_view lower(std::string_view text, Arena& arena);
std::string_view initcap(std::string_view text, Arena& arena);
/// substring(text from start), or with a length.
std::string_view substring(std::string_view text, std::int32_t start);
Result<std::string_view> substring(std::string_view text, std::int32_t start, std::int32_t length);
Result<std::string_view> substring_bytes(std::string_view bytes, std::int32_t start, std::int32_t length);
/// 1-based, 0 when absent.
std::int32_t position(std::string_view part, std::string_view text);
Result<std::string_view> overlay(std::string_view text, std::string_view by, std::int32_t start, std::int32_t length,
                                 Arena& arena);
enum class TrimSide : std::uint8_t { both, leading, trailing };
std::string_view trim(std::string_view text, std::string_view characters, TrimSide side);
Result<std::string_view> lpad(std::string_view text, std::int32_t length, std::string_view fill, Arena& arena);
Result<std::string_view> rpad(std::string_view text, std::int32_t length, std::string_view fill, Arena& arena);
Result<std::string_view> repeat(std::string_view text, std::int32_t count, Arena& arena);
std::string_view reverse(std::string_view text, Arena& arena);
Result<std::string_view> replace(std::string_view text, std::string_view from, std::string_view to, Arena& arena);
std::string_view translate(std::string_view text, std::string_view from, std::string_view to, Arena& arena);
Result<std::string_view> split_part(std::string_view text, std::string_view delimiter, std::int32_t index);
std::string_view left(std::string_view text, std::int32_t count);
std::string_view right(std::string_view text, std::int32_t count);
std::int32_t ascii(std::string_view text);
Result<std::string_view> chr(std::int32_t code, Arena& arena);
/// 32 hexadecimal digits.
std::string_view md5(std::string_view text, Arena& arena);
std::string_view to_hex(std::uint64_t value, Arena& arena);
/// Whether a name can stand in SQL without quotes is the caller's to say for keywords.
bool is_plain_identifier(std::string_view name);
/// Quotes when needed; `is_keyword` forces it.
std::string_view quote_ident(std::string_view name, bool is_keyword, Arena& arena);
std::string_view quote_literal(std::string_view text, Arena& arena);

/// An argument of format() and its kin in text form.
struct FormatArgument {
  std::string_view text;
  bool is_null = false;
};
std::string_view quote_nullable(const FormatArgument& argument, Arena& arena);
/// The arguments that are not NULL, joined; with an empty separator this is concat().
std::string_view concat_ws(std::string_view separator, std::span<const FormatArgument> arguments, Arena& arena);
/// `is_keyword` tells which identifiers %I must quote; null: none.
Result<std::string_view> format(std::string_view pattern, std::span<const FormatArgument> arguments,
                                bool (*is_keyword)(std::string_view), Arena& arena);

}  // namespace spg::type
