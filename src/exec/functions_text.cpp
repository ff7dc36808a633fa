// The text module: text, varchar, bpchar, name, bytea: comparisons, casts and string functions.
#include "kernels.hpp"
#include "spg/base/base64.hpp"
#include "spg/codec/hex.hpp"
#include "spg/codec/utf8.hpp"
#include "spg/crypto/sha256.hpp"
#include "spg/sql/keywords.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using type::CastForm;

// --- comparisons: bytes (collation C); bpchar without its trailing blanks -------------------------------------------

bool equal(const StringRef& a, const StringRef& b) { return a == b; }
bool unequal(const StringRef& a, const StringRef& b) { return !(a == b); }
template <Compare c>
bool text_is(const StringRef& a, const StringRef& b) {
  return holds<c>(type::compare_bytes(a, b));
}
i4 text_order(const StringRef& a, const StringRef& b) {
  const int order = type::compare_bytes(a, b);
  return order < 0 ? -1 : order > 0;
}
template <bool larger>
Text text_extreme(const StringRef& a, const StringRef& b) {
  return ((type::compare_bytes(a, b) > 0) == larger ? a : b).view();
}
template <Compare c>
bool bpchar_is(Text a, Text b) {
  return holds<c>(type::trim_bpchar(a).compare(type::trim_bpchar(b)));
}
i4 bpchar_order(Text a, Text b) {
  const int order = type::trim_bpchar(a).compare(type::trim_bpchar(b));
  return order < 0 ? -1 : order > 0;
}
template <bool larger>
Text bpchar_extreme(Text a, Text b) {
  return (type::trim_bpchar(a).compare(type::trim_bpchar(b)) > 0) == larger ? a : b;
}

// --- pieces ---------------------------------------------------------------------------------------------------------

bool is_quoted_keyword(Text name) {
  const sql::Tok tok = sql::find_keyword(name);
  return sql::is_keyword(tok) && sql::keyword(tok).category != sql::KeywordCategory::unreserved;
}
Text concat(Context& c, Text a, Text b) { return c.arena.concat(a, b); }
Text print(Context& c, Oid type, const Value& value) {
  TextBuilder out(c.arena);
  print_value(c.exec, type, value, out);
  return out.view();
}
/// Booleans print as t and f in concat() and format(), which is what output functions do.
std::span<type::FormatArgument> print_all(Context& c, Rest rest, std::size_t first) {
  auto* out = c.arena.array<type::FormatArgument>(rest.size() + 1);
  for (std::size_t i = 0; i < rest.size(); ++i)
    out[i] = rest[i].is_null ? type::FormatArgument{{}, true}
                             : type::FormatArgument{print(c, c.argument_type(first + i), rest[i]), false};
  return {out, rest.size()};
}
Text concat_all(Context& c, Rest rest) { return type::concat_ws("", print_all(c, rest, 0), c.arena); }
std::optional<Text> concat_separated(Context& c, Value separator, Rest rest) {
  if (separator.is_null) return std::nullopt;
  return type::concat_ws(separator.as<StringRef>().view(), print_all(c, rest, 1), c.arena);
}
Result<std::optional<Text>> format(Context& c, Value pattern, Rest rest) {
  if (pattern.is_null) return std::optional<Text>();
  SPG_ASSIGN(const Text text,
             type::format(pattern.as<StringRef>().view(), print_all(c, rest, 1), is_quoted_keyword, c.arena));
  return std::optional<Text>(text);
}
Text quote_nullable(Context& c, Value value) {
  if (value.is_null) return "NULL";
  return type::quote_literal(print(c, c.argument_type(0), value), c.arena);
}
/// As the cast to text has it: alone of all types, boolean has a cast that is not its output.
Text cast_to_text(Context& c, std::size_t argument, Value value) {
  if (c.argument_type(argument) == type::oid::boolean) return value.as<std::uint8_t>() != 0 ? "true" : "false";
  return print(c, c.argument_type(argument), value);
}
Text text_and_any(Context& c, Value a, Value b) { return c.arena.concat(cast_to_text(c, 0, a), cast_to_text(c, 1, b)); }

// --- bytea ----------------------------------------------------------------------------------------------------------

Error bad_index(i8 index, i8 last) {
  return Error::make(sqlstate::array_subscript_error, "index ", index, " out of valid range, 0..", last);
}
Result<i4> get_byte(Text bytes, i4 index) {
  if (index < 0 || static_cast<std::size_t>(index) >= bytes.size())
    return bad_index(index, static_cast<i8>(bytes.size()) - 1);
  return static_cast<i4>(static_cast<unsigned char>(bytes[static_cast<std::size_t>(index)]));
}
Result<Text> set_byte(Context& c, Text bytes, i4 index, i4 value) {
  if (index < 0 || static_cast<std::size_t>(index) >= bytes.size())
    return bad_index(index, static_cast<i8>(bytes.size()) - 1);
  const Text copy = c.arena.copy(bytes);
  const_cast<char*>(copy.data())[index] = static_cast<char>(value);
  return copy;
}
Text sha256_of(Context& c, Text bytes) {
  const auto digest = crypto::sha256(as_bytes(bytes));
  return c.arena.copy({reinterpret_cast<const char*>(digest.data()), digest.size()});
}
Text sha224_of(Context& c, Text bytes) {
  const crypto::Sha256State start{0xc1059ed8, 0x367cd507, 0x3070dd17, 0xf70e5939,
                                  0xffc00b31, 0x68581511, 0x64f98fa7, 0xbefa4fa4};
  const auto digest = crypto::Sha256(start, 0).update(as_bytes(bytes)).finish();
  return c.arena.copy({reinterpret_cast<const char*>(digest.data()), 28});
}
enum class Encoding : std::uint8_t { hex, base64, escape, unknown };
Encoding encoding_of(Text name) {
  const auto is = [&](Text lower) {
    if (name.size() != lower.size()) return false;
    for (std::size_t i = 0; i < name.size(); ++i)
      if ((name[i] >= 'A' && name[i] <= 'Z' ? name[i] + 32 : name[i]) != lower[i]) return false;
    return true;
  };
  return is("hex")      ? Encoding::hex
         : is("base64") ? Encoding::base64
         : is("escape") ? Encoding::escape
                        : Encoding::unknown;
}
Error unknown_encoding(Text name) {
  return Error::make(sqlstate::invalid_parameter_value, "unrecognized encoding: \"", name, "\"");
}
Result<Text> encode(Context& c, Text bytes, Text how) {
  TextBuilder out(c.arena);
  switch (encoding_of(how)) {
    case Encoding::hex:
      out.resize(bytes.size() * 2);
      codec::hex_encode(as_bytes(bytes), out.data());
      break;
    case Encoding::base64: {
      // Lines of 76 characters, as MIME has them.
      const std::size_t size = base64_encoded_bytes(bytes.size());
      auto* all = c.arena.array<char>(size + 1);
      base64_encode(as_bytes(bytes), all);
      for (std::size_t at = 0; at < size; at += 76)
        out.add(at == 0 ? "" : "\n", Text(all + at, size - at < 76 ? size - at : 76));
      break;
    }
    case Encoding::escape:
      for (const char ch : bytes) {
        const auto byte = static_cast<unsigned char>(ch);
        if (ch == '\\') out.add("\\\\");
        else if (byte == 0 || byte >= 128)
          out.add("\\", static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
                  static_cast<char>('0' + (byte & 7)));
        else out.add(ch);
      }
      break;
    case Encoding::unknown: return unknown_encoding(how);
  }
  return out.view();
}
Result<Text> decode(Context& c, Text text, Text how) {
  TextBuilder packed(c.arena);
  const Encoding encoding = encoding_of(how);
  if (encoding == Encoding::unknown) return unknown_encoding(how);
  if (encoding == Encoding::escape) {
    if (text.size() >= 2 && text[0] == '\\' && text[1] == 'x') packed.add("\\", text);
    return type::parse_bytea(packed.size() != 0 ? packed.view() : text, c.arena);
  }
  for (const char ch : text)
    if (ch != ' ' && ch != '\n' && ch != '\t' && ch != '\r') packed.add(ch);
  auto* to = reinterpret_cast<std::byte*>(c.arena.array<char>(packed.size() + 4));
  if (encoding == Encoding::base64) {
    const auto size = base64_decode(packed.view(), to);
    if (size.has_value()) return Text(reinterpret_cast<char*>(to), *size);
    for (const char ch : packed.view()) {
      const bool known = (ch >= 'A' && ch <= 'Z') || (ch >= 'a' && ch <= 'z') || (ch >= '0' && ch <= '9') ||
                         ch == '+' || ch == '/' || ch == '=';
      if (!known)
        return Error::make(sqlstate::invalid_parameter_value, "invalid symbol \"", ch,
                           "\" found while decoding base64 sequence");
    }
    return Error(Error::make(sqlstate::invalid_parameter_value, "invalid base64 end sequence")
                     .hint("Input data is missing padding, is truncated, or is otherwise corrupted."));
  }
  const auto size = codec::hex_decode(packed.view(), to);
  if (size.has_value()) return Text(reinterpret_cast<char*>(to), *size);
  const Text view = packed.view();
  for (std::size_t i = 0; i < view.size(); ++i) {
    const char ch = view[i];
    const bool digit = (ch >= '0' && ch <= '9') || (ch >= 'a' && ch <= 'f') || (ch >= 'A' && ch <= 'F');
    if (!digit)
      return Error::make(sqlstate::invalid_parameter_value, "invalid hexadecimal digit: \"",
                         view.substr(i, type::character_bytes(ch)), "\"");
  }
  return Error::make(sqlstate::invalid_parameter_value, "invalid hexadecimal data: odd number of digits");
}
Status check_utf8_name(Text name) {
  Text known[] = {"UTF8", "utf8", "UTF-8", "utf-8", "unicode", "UNICODE", "SQL_ASCII", "sql_ascii"};
  for (const Text text : known)
    if (text == name) return ok();
  return Error::make(sqlstate::undefined_object, "encoding \"", name, "\" does not exist");
}
Result<Text> convert_from(Text bytes, Text encoding) {
  SPG_TRY(check_utf8_name(encoding));
  SPG_TRY(type::check_utf8(bytes));
  return bytes;
}
Result<Text> convert_to(Text text, Text encoding) {
  SPG_TRY(check_utf8_name(encoding));
  return text;
}
i4 byte_position(Text part, Text bytes) {
  const std::size_t at = bytes.find(part);
  return at == Text::npos ? 0 : static_cast<i4>(at) + 1;
}
Text trim_bytes(Text bytes, Text set, bool left, bool right) {
  while (left && !bytes.empty() && set.find(bytes.front()) != Text::npos) bytes.remove_prefix(1);
  while (right && !bytes.empty() && set.find(bytes.back()) != Text::npos) bytes.remove_suffix(1);
  return bytes;
}

i4 characters(Text text) { return static_cast<i4>(type::character_count(text)); }
i4 bytes_of(Text text) { return static_cast<i4>(text.size()); }
template <bool wanted>
Result<bool> is_like(Text text, Text pattern) {
  SPG_ASSIGN(const bool matches, type::like(text, pattern));
  return matches == wanted;
}
template <bool wanted>
Result<bool> is_ilike(Text text, Text pattern) {
  SPG_ASSIGN(const bool matches, type::ilike(text, pattern));
  return matches == wanted;
}
/// like_escape(pattern, escape): the pattern with backslash as its escape.
Result<Text> like_escape(Context& c, Text pattern, Text escape) {
  if (!escape.empty() && type::character_count(escape) != 1)
    return Error(Error::make(sqlstate::invalid_escape_sequence, "invalid escape string")
                     .hint("Escape string must be empty or one character."));
  if (escape == "\\") return pattern;
  TextBuilder out(c.arena);
  bool after_escape = false;
  for (std::size_t at = 0; at < pattern.size();) {
    const std::size_t bytes = type::character_bytes(pattern[at]);
    const Text character = pattern.substr(at, bytes);
    at += bytes;
    if (!escape.empty() && character == escape && !after_escape) {
      out.add("\\");
      after_escape = true;
      continue;
    }
    if (character == "\\" && !after_escape) out.add("\\");
    out.add(character);
    after_escape = false;
  }
  return out.view();
}
Result<Text> to_length(Text text, i4 typmod, bool is_explicit) {
  return type::coerce_varchar(text, typmod, is_explicit ? CastForm::explicit_cast : CastForm::implicit);
}
Result<Text> to_padded_length(Context& c, Text text, i4 typmod, bool is_explicit) {
  return type::coerce_bpchar(text, typmod, is_explicit ? CastForm::explicit_cast : CastForm::implicit, c.arena);
}

#define SPG_TEXT_ORDER(prefix)                                                                        \
  {proc::prefix##lt, call<text_is<Compare::lt>>()}, {proc::prefix##le, call<text_is<Compare::le>>()}, \
      {proc::prefix##gt, call<text_is<Compare::gt>>()}, {                                             \
    proc::prefix##ge, call<text_is<Compare::ge>>()                                                    \
  }

constexpr FunctionEntry text_functions[] = {
    {proc::texteq, equality(call<equal>())},
    {proc::textne, call<unequal>()},
    {proc::nameeq, equality(call<equal>())},
    {proc::namene, call<unequal>()},
    {proc::nameeqtext, call<equal>()},
    {proc::namenetext, call<unequal>()},
    {proc::texteqname, call<equal>()},
    {proc::textnename, call<unequal>()},
    {proc::byteaeq, equality(call<equal>())},
    {proc::byteane, call<unequal>()},
    SPG_TEXT_ORDER(text_),
    SPG_TEXT_ORDER(name),
    SPG_TEXT_ORDER(bytea),
    SPG_TEXT_ORDER(text_pattern_),
    {proc::namelttext, call<text_is<Compare::lt>>()},
    {proc::nameletext, call<text_is<Compare::le>>()},
    {proc::namegttext, call<text_is<Compare::gt>>()},
    {proc::namegetext, call<text_is<Compare::ge>>()},
    {proc::textltname, call<text_is<Compare::lt>>()},
    {proc::textlename, call<text_is<Compare::le>>()},
    {proc::textgtname, call<text_is<Compare::gt>>()},
    {proc::textgename, call<text_is<Compare::ge>>()},
    {proc::bttextcmp, call<text_order>()},
    {proc::btnamecmp, call<text_order>()},
    {proc::byteacmp, call<text_order>()},
    {proc::text_larger, call<text_extreme<true>>()},
    {proc::text_smaller, call<text_extreme<false>>()},
    {proc::bpchareq, equality(call<bpchar_is<Compare::eq>>())},
    {proc::bpcharne, call<bpchar_is<Compare::ne>>()},
    {proc::bpcharlt, call<bpchar_is<Compare::lt>>()},
    {proc::bpcharle, call<bpchar_is<Compare::le>>()},
    {proc::bpchargt, call<bpchar_is<Compare::gt>>()},
    {proc::bpcharge, call<bpchar_is<Compare::ge>>()},
    {proc::bpcharcmp, call<bpchar_order>()},
    {proc::bpchar_larger, call<bpchar_extreme<true>>()},
    {proc::bpchar_smaller, call<bpchar_extreme<false>>()},
    // casts and lengths
    {proc::rtrim1, call<+[](Text a) { return type::trim(a, " ", type::TrimSide::trailing); }>()},
    {proc::name_text, call<+[](Text a) { return a; }>()},
    {proc::text_name, call<+[](Text a) { return type::truncate_name(a); }>()},
    {proc::name_bpchar, call<+[](Text a) { return a; }>()},
    {proc::bpchar_name, call<+[](Text a) { return type::trim_bpchar(type::truncate_name(a)); }>()},
    {proc::varchar, call<to_length>()},
    {proc::bpchar, call<to_padded_length>()},
    {proc::text_char, call<+[](Text a) { return type::parse_char(a); }>()},
    {proc::char_text, call<+[](Context& c, std::int16_t a) {
       TextBuilder out(c.arena);
       type::print_char(a, out);
       return out.view();
     }>()},
    {proc::char_bpchar, call<+[](Context& c, std::int16_t a) {
       TextBuilder out(c.arena);
       type::print_char(a, out);
       return out.view();
     }>()},
    {proc::textlen, call<characters>()},
    {proc::bpcharlen, call<+[](Text a) { return characters(type::trim_bpchar(a)); }>()},
    {proc::textoctetlen, call<bytes_of>()},
    {proc::bpcharoctetlen, call<bytes_of>()},
    {proc::byteaoctetlen, call<bytes_of>()},
    {proc::bit_length_1810, call<+[](Text a) { return bytes_of(a) * 8; }>()},
    {proc::bit_length_1811, call<+[](Text a) { return bytes_of(a) * 8; }>()},
    // putting together
    {proc::textcat, call<concat>()},
    {proc::byteacat, call<concat>()},
    {proc::textanycat_2003, call<+[](Context& c, Value a, Value b) {
       return a.is_null || b.is_null ? std::optional<Text>() : std::optional<Text>(text_and_any(c, a, b));
     }>()},
    {proc::anytextcat_2004, call<+[](Context& c, Value a, Value b) {
       return a.is_null || b.is_null ? std::optional<Text>() : std::optional<Text>(text_and_any(c, a, b));
     }>()},
    {proc::text_concat, call<concat_all>()},
    {proc::text_concat_ws, call<concat_separated>()},
    {proc::text_format, call<format>()},
    {proc::text_format_nv, call<format>()},
    {proc::quote_ident,
     call<+[](Context& c, Text a) { return type::quote_ident(a, is_quoted_keyword(a), c.arena); }>()},
    {proc::quote_literal, call<+[](Context& c, Text a) { return type::quote_literal(a, c.arena); }>()},
    {proc::quote_literal_1285, call<+[](Context& c, Value a) {
       return a.is_null ? std::optional<Text>() : std::optional<Text>(quote_nullable(c, a));
     }>()},
    {proc::quote_nullable, call<quote_nullable>()},
    {proc::quote_nullable_1290, call<quote_nullable>()},
    {proc::nameconcatoid,
     call<+[](Context& c, Text a, std::uint32_t b) { return c.arena.concat(type::truncate_name(a), "_", b); }>()},
    // patterns
    {proc::textlike, call<is_like<true>>()},
    {proc::textnlike, call<is_like<false>>()},
    {proc::namelike, call<is_like<true>>()},
    {proc::namenlike, call<is_like<false>>()},
    {proc::bytealike, call<is_like<true>>()},
    {proc::byteanlike, call<is_like<false>>()},
    {proc::texticlike, call<is_ilike<true>>()},
    {proc::texticnlike, call<is_ilike<false>>()},
    {proc::nameiclike, call<is_ilike<true>>()},
    {proc::nameicnlike, call<is_ilike<false>>()},
    {proc::like_escape, call<like_escape>()},
    {proc::text_starts_with, call<+[](Text a, Text b) { return a.starts_with(b); }>()},
    // taking apart and changing
    {proc::upper, call<+[](Context& c, Text a) { return type::upper(a, c.arena); }>()},
    {proc::lower, call<+[](Context& c, Text a) { return type::lower(a, c.arena); }>()},
    {proc::initcap, call<+[](Context& c, Text a) { return type::initcap(a, c.arena); }>()},
    {proc::text_substr, call<+[](Text a, i4 from, i4 length) { return type::substring(a, from, length); }>()},
    {proc::text_substr_no_len, call<+[](Text a, i4 from) { return type::substring(a, from); }>()},
    {proc::bytea_substr, call<+[](Text a, i4 from, i4 length) { return type::substring_bytes(a, from, length); }>()},
    {proc::bytea_substr_no_len, call<+[](Text a, i4 from) {
       return a.substr((from <= 1)                                       ? 0
                       : (static_cast<std::size_t>(from) - 1 < a.size()) ? static_cast<std::size_t>(from) - 1
                                                                         : a.size());
     }>()},
    {proc::textpos, call<+[](Text text, Text part) { return type::position(part, text); }>()},
    {proc::byteapos, call<+[](Text bytes, Text part) { return byte_position(part, bytes); }>()},
    {proc::textoverlay, call<+[](Context& c, Text a, Text by, i4 from, i4 length) {
       return type::overlay(a, by, from, length, c.arena);
     }>()},
    {proc::textoverlay_no_len,
     call<+[](Context& c, Text a, Text by, i4 from) { return type::overlay(a, by, from, characters(by), c.arena); }>()},
    {proc::btrim, call<+[](Text a, Text set) { return type::trim(a, set, type::TrimSide::both); }>()},
    {proc::ltrim, call<+[](Text a, Text set) { return type::trim(a, set, type::TrimSide::leading); }>()},
    {proc::rtrim, call<+[](Text a, Text set) { return type::trim(a, set, type::TrimSide::trailing); }>()},
    {proc::btrim1, call<+[](Text a) { return type::trim(a, " ", type::TrimSide::both); }>()},
    {proc::ltrim1, call<+[](Text a) { return type::trim(a, " ", type::TrimSide::leading); }>()},
    {proc::byteatrim, call<+[](Text a, Text set) { return trim_bytes(a, set, true, true); }>()},
    {proc::bytealtrim, call<+[](Text a, Text set) { return trim_bytes(a, set, true, false); }>()},
    {proc::byteartrim, call<+[](Text a, Text set) { return trim_bytes(a, set, false, true); }>()},
    {proc::lpad,
     call<+[](Context& c, Text a, i4 length, Text fill) { return type::lpad(a, length, fill, c.arena); }>()},
    {proc::rpad,
     call<+[](Context& c, Text a, i4 length, Text fill) { return type::rpad(a, length, fill, c.arena); }>()},
    {proc::lpad_879, call<+[](Context& c, Text a, i4 length) { return type::lpad(a, length, " ", c.arena); }>()},
    {proc::rpad_880, call<+[](Context& c, Text a, i4 length) { return type::rpad(a, length, " ", c.arena); }>()},
    {proc::repeat, call<+[](Context& c, Text a, i4 count) { return type::repeat(a, count, c.arena); }>()},
    {proc::text_reverse, call<+[](Context& c, Text a) { return type::reverse(a, c.arena); }>()},
    {proc::replace_text,
     call<+[](Context& c, Text a, Text from, Text to) { return type::replace(a, from, to, c.arena); }>()},
    {proc::translate,
     call<+[](Context& c, Text a, Text from, Text to) { return type::translate(a, from, to, c.arena); }>()},
    {proc::split_part, call<+[](Text a, Text delimiter, i4 index) { return type::split_part(a, delimiter, index); }>()},
    {proc::text_left, call<+[](Text a, i4 count) { return type::left(a, count); }>()},
    {proc::text_right, call<+[](Text a, i4 count) { return type::right(a, count); }>()},
    {proc::ascii, call<+[](Text a) { return type::ascii(a); }>()},
    {proc::chr, call<+[](Context& c, i4 code) { return type::chr(code, c.arena); }>()},
    {proc::to_hex32, call<+[](Context& c, i4 a) { return type::to_hex(static_cast<std::uint32_t>(a), c.arena); }>()},
    {proc::to_hex64, call<+[](Context& c, i8 a) { return type::to_hex(static_cast<std::uint64_t>(a), c.arena); }>()},
    {proc::md5_text, call<+[](Context& c, Text a) { return type::md5(a, c.arena); }>()},
    {proc::md5_bytea, call<+[](Context& c, Text a) { return type::md5(a, c.arena); }>()},
    {proc::sha224_bytea, call<sha224_of>()},
    {proc::sha256_bytea, call<sha256_of>()},
    {proc::binary_encode, call<encode>()},
    {proc::binary_decode, call<decode>()},
    {proc::pg_convert_from, call<convert_from>()},
    {proc::pg_convert_to, call<convert_to>()},
    {proc::byteaGetByte, call<get_byte>()},
    {proc::byteaSetByte, call<set_byte>()},
};

}  // namespace

namespace module {
const Module text{text_functions, {}};
}

}  // namespace spg::exec
