#include "spg/type/text.hpp"

#include <algorithm>
#include <cstring>

#include "spg/codec/utf8.hpp"
#include "spg/type/ascii.hpp"

namespace spg::type {
namespace {

Error too_long() { return Error::make(sqlstate::program_limit_exceeded, "requested length too large"); }
Error negative_substring() {
  return Error::make(sqlstate::substring_error, "negative substring length not allowed");
}

/// Memory whose size the caller's data decides; null past the limits.
char* allocate(std::size_t bytes, Arena& arena) {
  return static_cast<char*>(arena.try_allocate(bytes == 0 ? 1 : bytes, 1));
}

template <class Map>
std::string_view mapped(std::string_view text, Arena& arena, Map map) {
  char* to = arena.array<char>(text.size());
  for (std::size_t i = 0; i < text.size(); ++i) to[i] = map(text[i]);
  return {to, text.size()};
}

}  // namespace

std::int64_t character_count(std::string_view text) {
  std::int64_t count = 0;
  for (const char c : text) count += (c & 0xc0) != 0x80;
  return count;
}

std::size_t character_offset(std::string_view text, std::int64_t index) {
  std::size_t at = 0;
  for (; index > 0 && at < text.size(); --index) at += character_bytes(text[at]);
  return std::min(at, text.size());
}

Status check_utf8(std::string_view text) { return codec::check_utf8(text); }

Result<std::string_view> parse_bytea(std::string_view text, Arena& arena) {
  char* to = arena.array<char>(text.size() + 1);
  std::size_t used = 0;
  if (text.starts_with("\\x")) {
    for (std::size_t i = 2; i < text.size();) {
      if (is_space(text[i])) { ++i; continue; }
      const int high = hex_value(text[i]);
      if (high < 0)
        return Error::make(sqlstate::invalid_parameter_value, "invalid hexadecimal digit: \"",
                           text.substr(i, character_bytes(text[i])), "\"");
      if (i + 1 >= text.size())
        return Error::make(sqlstate::invalid_parameter_value, "invalid hexadecimal data: odd number of digits");
      const int low = hex_value(text[i + 1]);
      if (low < 0)
        return Error::make(sqlstate::invalid_parameter_value, "invalid hexadecimal digit: \"",
                           text.substr(i + 1, character_bytes(text[i + 1])), "\"");
      to[used++] = static_cast<char>(high * 16 + low);
      i += 2;
    }
    return std::string_view(to, used);
  }
  for (std::size_t i = 0; i < text.size();) {
    if (text[i] != '\\') { to[used++] = text[i++]; continue; }
    const auto octal = [&](std::size_t at, char most) {
      return at < text.size() && text[at] >= '0' && text[at] <= most;
    };
    if (i + 1 < text.size() && text[i + 1] == '\\') {
      to[used++] = '\\';
      i += 2;
    } else if (octal(i + 1, '3') && octal(i + 2, '7') && octal(i + 3, '7')) {
      to[used++] = static_cast<char>((text[i + 1] - '0') * 64 + (text[i + 2] - '0') * 8 + (text[i + 3] - '0'));
      i += 4;
    } else {
      return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type bytea");
    }
  }
  return std::string_view(to, used);
}

void print_bytea(std::string_view value, TextBuilder& out, ByteaOutput style) {
  if (style == ByteaOutput::hex) {
    const std::size_t start = out.size();
    out.resize(start + 2 + 2 * value.size());
    char* to = out.data() + start;
    *to++ = '\\';
    *to++ = 'x';
    for (const char c : value) {
      *to++ = "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
      *to++ = "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
    }
    return;
  }
  for (const char c : value) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '\\') out.add("\\\\");
    else if (byte < 0x20 || byte > 0x7e)
      out.add('\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
              static_cast<char>('0' + (byte & 7)));
    else out.add(c);
  }
}

Result<Uuid> parse_uuid(std::string_view text) {
  Uuid result{};
  std::string_view rest = text;
  const auto bad = [&] {
    return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type uuid: \"", text, "\"");
  };
  bool braces = false;
  if (!rest.empty() && rest[0] == '{') {
    rest.remove_prefix(1);
    braces = true;
  }
  for (std::size_t i = 0; i < 16; ++i) {
    if (rest.size() < 2) return bad();
    const int high = hex_value(rest[0]), low = hex_value(rest[1]);
    if (high < 0 || low < 0) return bad();
    result[i] = static_cast<std::uint8_t>(high * 16 + low);
    rest.remove_prefix(2);
    if (i % 2 == 1 && i < 15 && !rest.empty() && rest[0] == '-') rest.remove_prefix(1);
  }
  if (braces) {
    if (rest.empty() || rest[0] != '}') return bad();
    rest.remove_prefix(1);
  }
  if (!rest.empty()) return bad();
  return result;
}

void print_uuid(const Uuid& value, TextBuilder& out) {
  char text[36];
  std::size_t used = 0;
  for (std::size_t i = 0; i < 16; ++i) {
    if (i == 4 || i == 6 || i == 8 || i == 10) text[used++] = '-';
    text[used++] = "0123456789abcdef"[value[i] >> 4];
    text[used++] = "0123456789abcdef"[value[i] & 15];
  }
  out.add(std::string_view(text, used));
}

std::string_view truncate_name(std::string_view text) {
  if (text.size() <= name_bytes_max) return text;
  std::size_t size = name_bytes_max;
  while (size > 0 && (text[size] & 0xc0) == 0x80) --size;
  return text.substr(0, size);
}

std::int16_t parse_char(std::string_view text) {
  if (text.size() == 4 && text[0] == '\\') {
    const auto octal = [](char c) { return c >= '0' && c <= '7'; };
    if (octal(text[1]) && octal(text[2]) && octal(text[3]))
      return static_cast<std::int16_t>(((text[1] - '0') * 64 + (text[2] - '0') * 8 + (text[3] - '0')) & 0xff);
  }
  return text.empty() ? std::int16_t{0} : static_cast<std::int16_t>(static_cast<unsigned char>(text[0]));
}
void print_char(std::int16_t value, TextBuilder& out) {
  const int byte = value & 0xff;
  if (byte == 0) return;
  if (byte < 0x80) out.add(static_cast<char>(byte));
  else
    out.add('\\', static_cast<char>('0' + (byte >> 6)), static_cast<char>('0' + (byte >> 3 & 7)),
            static_cast<char>('0' + (byte & 7)));
}

namespace {
Result<std::string_view> cut(std::string_view text, std::int32_t length, CastForm form, std::string_view type) {
  const std::size_t size = character_offset(text, length);
  if (form == CastForm::implicit)
    for (std::size_t i = size; i < text.size(); ++i)
      if (text[i] != ' ')
        return Error::make(sqlstate::string_data_right_truncation, "value too long for type ", type, "(", length, ")");
  return text.substr(0, size);
}
}  // namespace

Result<std::string_view> coerce_varchar(std::string_view text, std::int32_t typmod, CastForm form) {
  if (typmod < 4 || text.size() <= static_cast<std::size_t>(typmod - 4)) return text;
  return cut(text, typmod - 4, form, "character varying");
}

Result<std::string_view> coerce_bpchar(std::string_view text, std::int32_t typmod, CastForm form, Arena& arena) {
  if (typmod < 4) return text;
  const std::int64_t length = typmod - 4, count = character_count(text);
  if (count == length) return text;
  if (count > length) return cut(text, typmod - 4, form, "character");
  const auto blanks = static_cast<std::size_t>(length - count);
  char* to = allocate(text.size() + blanks, arena);
  if (to == nullptr) return Error::out_of_memory();
  if (!text.empty()) std::memcpy(to, text.data(), text.size());
  std::memset(to + text.size(), ' ', blanks);
  return std::string_view(to, text.size() + blanks);
}

std::string_view trim_bpchar(std::string_view text) {
  while (!text.empty() && text.back() == ' ') text.remove_suffix(1);
  return text;
}

std::string_view upper(std::string_view text, Arena& arena) { return mapped(text, arena, to_upper); }
std::string_view lower(std::string_view text, Arena& arena) { return mapped(text, arena, to_lower); }
std::string_view initcap(std::string_view text, Arena& arena) {
  bool inside = false;
  return mapped(text, arena, [&](char c) {
    const char result = inside ? to_lower(c) : to_upper(c);
    inside = is_alnum(c);
    return result;
  });
}

std::string_view substring(std::string_view text, std::int32_t start) {
  return start <= 1 ? text : text.substr(character_offset(text, std::int64_t{start} - 1));
}
Result<std::string_view> substring(std::string_view text, std::int32_t start, std::int32_t length) {
  if (length < 0) return negative_substring();
  const std::int64_t end = std::int64_t{start} + length, from = std::max<std::int64_t>(start, 1);
  if (end <= from) return std::string_view{};
  const std::string_view rest = text.substr(character_offset(text, from - 1));
  return rest.substr(0, character_offset(rest, end - from));
}
Result<std::string_view> substring_bytes(std::string_view bytes, std::int32_t start, std::int32_t length) {
  if (length < 0) return negative_substring();
  const std::int64_t end = std::int64_t{start} + length, from = std::max<std::int64_t>(start, 1);
  if (end <= from || from > static_cast<std::int64_t>(bytes.size())) return std::string_view{};
  return bytes.substr(static_cast<std::size_t>(from - 1), static_cast<std::size_t>(end - from));
}

std::int32_t position(std::string_view part, std::string_view text) {
  const std::size_t at = text.find(part);
  return at == std::string_view::npos ? 0 : static_cast<std::int32_t>(character_count(text.substr(0, at)) + 1);
}

Result<std::string_view> overlay(std::string_view text, std::string_view by, std::int32_t start, std::int32_t length,
                                 Arena& arena) {
  if (start <= 0) return negative_substring();
  std::int32_t after = 0;
  if (__builtin_add_overflow(start, length, &after))
    return Error::make(sqlstate::numeric_value_out_of_range, "integer out of range");
  SPG_ASSIGN(const std::string_view head, substring(text, 1, start - 1));
  return arena.concat(head, by, substring(text, after));
}

std::string_view trim(std::string_view text, std::string_view characters, TrimSide side) {
  const auto is_one = [&](std::string_view one) {
    for (std::size_t at = 0; at < characters.size(); at += character_bytes(characters[at]))
      if (characters.substr(at, character_bytes(characters[at])) == one) return true;
    return false;
  };
  if (side != TrimSide::trailing)
    while (!text.empty() && is_one(text.substr(0, character_bytes(text[0]))))
      text.remove_prefix(std::min(text.size(), character_bytes(text[0])));
  if (side != TrimSide::leading)
    while (!text.empty()) {
      std::size_t last = text.size() - 1;
      while (last > 0 && (text[last] & 0xc0) == 0x80) --last;
      if (!is_one(text.substr(last))) break;
      text = text.substr(0, last);
    }
  return text;
}

namespace {
Result<std::string_view> pad(std::string_view text, std::int32_t length, std::string_view fill, bool in_front,
                             Arena& arena) {
  length = std::max(length, 0);
  const std::int64_t count = character_count(text);
  if (count >= length || fill.empty()) return text.substr(0, character_offset(text, length));
  const std::int64_t missing = length - count, fill_count = character_count(fill);
  const std::string_view rest = fill.substr(0, character_offset(fill, missing % fill_count));
  const std::size_t bytes = text.size() + fill.size() * static_cast<std::size_t>(missing / fill_count) + rest.size();
  if (bytes > value_bytes_max) return too_long();
  char* const result = allocate(bytes, arena);
  if (result == nullptr) return Error::out_of_memory();
  char* to = result;
  const auto put = [&to](std::string_view piece) {
    if (!piece.empty()) std::memcpy(to, piece.data(), piece.size());
    to += piece.size();
  };
  if (!in_front) put(text);
  for (std::int64_t i = 0; i < missing / fill_count; ++i) put(fill);
  put(rest);
  if (in_front) put(text);
  return std::string_view(result, bytes);
}
}  // namespace

Result<std::string_view> lpad(std::string_view text, std::int32_t length, std::string_view fill, Arena& arena) {
  return pad(text, length, fill, true, arena);
}
Result<std::string_view> rpad(std::string_view text, std::int32_t length, std::string_view fill, Arena& arena) {
  return pad(text, length, fill, false, arena);
}

Result<std::string_view> repeat(std::string_view text, std::int32_t count, Arena& arena) {
  const std::size_t bytes = count <= 0 ? 0 : text.size() * static_cast<std::size_t>(count);
  if (bytes > value_bytes_max) return too_long();
  char* to = allocate(bytes, arena);
  if (to == nullptr) return Error::out_of_memory();
  constexpr std::size_t piece = std::size_t{1} << 20;  // between looks at cancellation
  std::size_t check_at = piece;
  for (std::size_t at = 0; at < bytes; at += text.size()) {
    if (at >= check_at) {
      SPG_TRY(arena.check());
      check_at = at + piece;
    }
    std::memcpy(to + at, text.data(), text.size());
  }
  return std::string_view(to, bytes);
}

std::string_view reverse(std::string_view text, Arena& arena) {
  char* to = arena.array<char>(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t size = std::min(character_bytes(text[at]), text.size() - at);
    std::memcpy(to + text.size() - at - size, text.data() + at, size);
    at += size;
  }
  return {to, text.size()};
}

Result<std::string_view> replace(std::string_view text, std::string_view from, std::string_view to, Arena& arena) {
  if (from.empty()) return text;
  // Counted first: a result that grows would be copied again and again.
  std::size_t count = 0;
  for (std::size_t at = text.find(from); at != std::string_view::npos; at = text.find(from, at + from.size()))
    if (++count % 256 == 0) SPG_TRY(arena.check());
  if (count == 0) return text;
  const std::size_t size = text.size() - count * from.size() + count * to.size();
  if (size > value_bytes_max) return too_long();
  char* const made = arena.array<char>(size);
  SPG_TRY(arena.check());
  char* out = made;
  const auto add = [&](std::string_view piece) {
    if (!piece.empty()) std::memcpy(out, piece.data(), piece.size());
    out += piece.size();
  };
  for (; count != 0; --count) {
    const std::size_t at = text.find(from);
    add(text.substr(0, at));
    add(to);
    text.remove_prefix(at + from.size());
    if (count % 256 == 0) SPG_TRY(arena.check());
  }
  add(text);
  return std::string_view(made, size);
}

std::string_view translate(std::string_view text, std::string_view from, std::string_view to, Arena& arena) {
  TextBuilder out(arena);
  while (!text.empty()) {
    const std::string_view one = text.substr(0, character_bytes(text[0]));
    text.remove_prefix(one.size());
    std::int64_t index = 0;
    std::size_t at = 0;
    for (; at < from.size(); at += character_bytes(from[at]), ++index)
      if (from.substr(at, character_bytes(from[at])) == one) break;
    if (at >= from.size()) { out.add(one); continue; }
    const std::size_t place = character_offset(to, index);
    if (place < to.size()) out.add(to.substr(place, character_bytes(to[place])));
  }
  return out.view();
}

Result<std::string_view> split_part(std::string_view text, std::string_view delimiter, std::int32_t index) {
  if (index == 0) return Error::make(sqlstate::invalid_parameter_value, "field position must not be zero");
  if (text.empty()) return std::string_view{};
  if (delimiter.empty()) return index == 1 || index == -1 ? text : std::string_view{};
  if (index < 0) {
    // Count the fields, to find the one from the end.
    std::int64_t fields = 1;
    for (std::size_t at = 0; (at = text.find(delimiter, at)) != std::string_view::npos; at += delimiter.size())
      ++fields;
    if (-std::int64_t{index} > fields) return std::string_view{};
    index = static_cast<std::int32_t>(fields + index + 1);
  }
  for (;;) {
    const std::size_t at = text.find(delimiter);
    if (--index == 0) return text.substr(0, at);
    if (at == std::string_view::npos) return std::string_view{};
    text.remove_prefix(at + delimiter.size());
  }
}

std::string_view left(std::string_view text, std::int32_t count) {
  const std::int64_t keep = count >= 0 ? count : std::max<std::int64_t>(character_count(text) + count, 0);
  return text.substr(0, character_offset(text, keep));
}
std::string_view right(std::string_view text, std::int32_t count) {
  const std::int64_t skip =
      count >= 0 ? std::max<std::int64_t>(character_count(text) - count, 0) : -std::int64_t{count};
  return text.substr(character_offset(text, skip));
}

std::int32_t ascii(std::string_view text) {
  if (text.empty()) return 0;
  const std::size_t size = std::min(character_bytes(text[0]), text.size());
  auto code = static_cast<std::int32_t>(static_cast<unsigned char>(text[0]));
  if (size > 1) code &= 0x7f >> size;
  for (std::size_t i = 1; i < size; ++i) code = code << 6 | (text[i] & 0x3f);
  return code;
}

Result<std::string_view> chr(std::int32_t code, Arena& arena) {
  if (code < 0) return Error::make(sqlstate::invalid_parameter_value, "character number must be positive");
  if (code == 0) return Error::make(sqlstate::program_limit_exceeded, "null character not permitted");
  if (code > 0x10ffff || (code >= 0xd800 && code <= 0xdfff))
    return Error::make(sqlstate::program_limit_exceeded,
                       code > 0x10ffff ? "requested character too large for encoding: "
                                       : "requested character not valid for encoding: ",
                       code);
  char raw[4];
  std::size_t size = 1;
  const auto tail = [&](int shift) { return static_cast<char>(0x80 | (code >> shift & 0x3f)); };
  if (code < 0x80) raw[0] = static_cast<char>(code);
  else if (code < 0x800) { raw[0] = static_cast<char>(0xc0 | code >> 6); raw[1] = tail(0); size = 2;
  } else if (code < 0x10000) {
    raw[0] = static_cast<char>(0xe0 | code >> 12);
    raw[1] = tail(6);
    raw[2] = tail(0);
    size = 3;
  } else {
    raw[0] = static_cast<char>(0xf0 | code >> 18);
    raw[1] = tail(12);
    raw[2] = tail(6);
    raw[3] = tail(0);
    size = 4;
  }
  return arena.copy(std::string_view(raw, size));
}

std::string_view to_hex(std::uint64_t value, Arena& arena) {
  char text[16];
  std::size_t at = sizeof text;
  do { text[--at] = "0123456789abcdef"[value & 15]; value >>= 4; } while (value != 0);
  return arena.copy(std::string_view(text + at, sizeof text - at));
}

bool is_plain_identifier(std::string_view name) {
  if (name.empty() || !(is_lower(name[0]) || name[0] == '_')) return false;
  return std::all_of(name.begin(), name.end(), [](char c) { return is_lower(c) || is_digit(c) || c == '_'; });
}

std::string_view quote_ident(std::string_view name, bool is_keyword, Arena& arena) {
  if (is_plain_identifier(name) && !is_keyword) return name;
  TextBuilder out(arena);
  out.add("\"");
  for (const char c : name) {
    if (c == '"') out.add("\"");
    out.add(c);
  }
  return out.add("\"").view();
}

std::string_view quote_literal(std::string_view text, Arena& arena) {
  TextBuilder out(arena);
  if (text.find('\\') != std::string_view::npos) out.add("E");
  out.add("'");
  for (const char c : text) {
    if (c == '\'' || c == '\\') out.add(c);
    out.add(c);
  }
  return out.add("'").view();
}

}  // namespace spg::type
