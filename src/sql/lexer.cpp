#include "spg/sql/lexer.hpp"

namespace spg::sql {
namespace {

constexpr std::size_t name_bytes_max = 63;

enum CharClass : std::uint8_t {
  blank = 1,
  digit = 2,
  name_start = 4,
  op_char = 8,
  single = 16,
  horizontal = 32,
  upper = 64
};

struct CharTable {
  std::uint8_t of[256] = {};
  constexpr CharTable() {
    auto mark = [this](std::string_view chars, int cls) {
      for (const char c : chars) of[static_cast<unsigned char>(c)] |= static_cast<std::uint8_t>(cls);
    };
    mark(" \t\n\r\f", blank);
    mark(" \t\f", horizontal);
    mark("~!@#^&|`?+-*/%<>=", op_char);
    mark(",()[].;:+-*/%^<>=", single);
    mark("_", name_start);
    for (int c = '0'; c <= '9'; ++c) of[c] |= digit;
    for (int c = 'a'; c <= 'z'; ++c) of[c] |= name_start;
    for (int c = 'A'; c <= 'Z'; ++c) of[c] |= name_start | upper;
    for (int c = 128; c <= 255; ++c) of[c] |= name_start;
  }
};
constexpr CharTable char_table;

bool is(char c, int cls) { return (char_table.of[static_cast<unsigned char>(c)] & cls) != 0; }
bool is_name_part(char c) { return is(c, name_start | digit) || c == '$'; }
/// The value of a hexadecimal digit, or -1.
int hex_value(char c) {
  if (c >= '0' && c <= '9') return c - '0';
  if (c >= 'a' && c <= 'f') return c - 'a' + 10;
  if (c >= 'A' && c <= 'F') return c - 'A' + 10;
  return -1;
}
bool is_high_surrogate(std::uint32_t c) { return c >= 0xD800 && c <= 0xDBFF; }
bool is_low_surrogate(std::uint32_t c) { return c >= 0xDC00 && c <= 0xDFFF; }
std::uint32_t join_surrogates(std::uint32_t high, std::uint32_t low) {
  return ((high & 0x3FF) << 10) + 0x10000 + (low & 0x3FF);
}

void add_utf8(TextBuilder& text, std::uint32_t c) {
  auto put = [&text](std::uint32_t byte) { text.add(static_cast<char>(byte)); };
  if (c < 0x80) { put(c); return; }
  if (c < 0x800) { put(0xC0 | c >> 6); put(0x80 | (c & 0x3F)); return; }
  if (c < 0x10000) { put(0xE0 | c >> 12); put(0x80 | (c >> 6 & 0x3F)); put(0x80 | (c & 0x3F)); return; }
  put(0xF0 | c >> 18); put(0x80 | (c >> 12 & 0x3F)); put(0x80 | (c >> 6 & 0x3F)); put(0x80 | (c & 0x3F));
}

/// Bytes of the well-formed character at the start of `text`; 0 when it is none (or is NUL).
std::size_t utf8_length(std::string_view text) {
  auto byte = [text](std::size_t i) { return i < text.size() ? static_cast<unsigned char>(text[i]) : 0u; };
  auto tail = [&byte](std::size_t i) { return (byte(i) & 0xC0) == 0x80; };
  const unsigned a = byte(0), b = byte(1);
  if (a == 0) return 0;
  if (a < 0x80) return 1;
  if (a >= 0xC2 && a <= 0xDF) return tail(1) ? 2 : 0;
  if (a >= 0xE0 && a <= 0xEF) {
    if (!tail(1) || !tail(2) || (a == 0xE0 && b < 0xA0) || (a == 0xED && b > 0x9F)) return 0;
    return 3;
  }
  if (a >= 0xF0 && a <= 0xF4) {
    if (!tail(1) || !tail(2) || !tail(3) || (a == 0xF0 && b < 0x90) || (a == 0xF4 && b > 0x8F)) return 0;
    return 4;
  }
  return 0;
}

/// Bytes that the lead byte promises.
std::size_t utf8_expected(unsigned char lead) { return lead < 0x80 ? 1 : lead < 0xE0 ? 2 : lead < 0xF0 ? 3 : 4; }

Error verify_utf8(std::string_view text) {
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t length = utf8_length(text.substr(at));
    if (length != 0) { at += length; continue; }
    char shown[32];
    std::size_t n = 0;
    const std::size_t bad = utf8_expected(static_cast<unsigned char>(text[at]));
    for (std::size_t i = 0; i < bad && at + i < text.size(); ++i) {
      const auto byte = static_cast<unsigned char>(text[at + i]);
      if (n != 0) shown[n++] = ' ';
      shown[n++] = '0';
      shown[n++] = 'x';
      shown[n++] = "0123456789abcdef"[byte >> 4];
      shown[n++] = "0123456789abcdef"[byte & 15];
    }
    return Error::make(sqlstate::character_not_in_repertoire, "invalid byte sequence for encoding \"UTF8\": ",
                       std::string_view(shown, n));
  }
  return {};
}

/// Where the name that goes through `at` ends.
std::size_t name_end(std::string_view source, std::size_t at) {
  while (at < source.size() && is_name_part(source[at])) ++at;
  return at;
}

bool is_numeric_overflow(std::string_view digits) {
  while (digits.size() > 1 && digits[0] == '0') digits.remove_prefix(1);
  return digits.size() > 10 || (digits.size() == 10 && digits > "2147483647");
}

}  // namespace

std::int32_t char_position(std::string_view source, std::size_t offset_bytes) {
  if (offset_bytes > source.size()) offset_bytes = source.size();
  std::int32_t position = 1;
  for (std::size_t i = 0; i < offset_bytes; ++i) position += (source[i] & 0xC0) != 0x80;
  return position;
}

Error error_near(std::string_view source, std::string_view what, std::size_t begin, std::size_t end, Sqlstate code) {
  if (begin >= source.size())
    return Error::make(code, what, " at end of input").at(char_position(source, begin));
  return Error::make(code, what, " at or near \"", source.substr(begin, end - begin), "\"")
      .at(char_position(source, begin));
}

std::string_view truncate_name(std::string_view name) {
  if (name.size() <= name_bytes_max) return name;
  std::size_t size = name_bytes_max;
  while (size > 0 && (name[size] & 0xC0) == 0x80) --size;
  return name.substr(0, size);
}

Token Lexer::finish(Tok kind, std::string_view text) {
  return {kind, static_cast<std::uint32_t>(begin_), static_cast<std::uint32_t>(at_), text};
}
Token Lexer::fail(Error error) {
  error_ = std::move(error);
  failed_ = true;
  return finish(Tok::error, {});
}
Token Lexer::fail_near(std::string_view what, std::size_t end) { return fail(error_near(source_, what, begin_, end)); }

/// Skips white space and comments; false at an open comment, with begin_ at its start.
bool Lexer::skip_blanks() {
  while (at_ < source_.size()) {
    const char c = source_[at_];
    if (is(c, blank)) { ++at_; continue; }
    if (c == '-' && peek(1) == '-') {
      while (at_ < source_.size() && source_[at_] != '\n' && source_[at_] != '\r') ++at_;
      continue;
    }
    if (c != '/' || peek(1) != '*') return true;
    begin_ = at_;
    std::size_t depth = 0;
    do {
      if (at_ >= source_.size()) return false;
      if (peek() == '/' && peek(1) == '*') { ++depth; at_ += 2; }
      else if (peek() == '*' && peek(1) == '/') { --depth; at_ += 2; }
      else ++at_;
    } while (depth != 0);
  }
  return true;
}

Token Lexer::next() {
  if (failed_) return finish(Tok::error, {});
  if (!skip_blanks()) return fail_near("unterminated /* comment", source_.size());
  begin_ = at_;
  if (at_ >= source_.size()) return finish(Tok::end, {});
  const char c = source_[at_];
  if (is(c, name_start)) {
    const char second = peek(1);
    if (second == '\'') {
      switch (c) {
        case 'e': case 'E': at_ += 2; return escape_string();
        case 'b': case 'B': at_ += 2; return plain_string(Tok::bit_string, "unterminated bit string literal");
        case 'x': case 'X': at_ += 2; return plain_string(Tok::hex_string, "unterminated hexadecimal string literal");
        case 'n': case 'N': ++at_; return finish(Tok::kw_nchar, "nchar");
        default: break;
      }
    }
    if ((c == 'u' || c == 'U') && second == '&') {
      if (peek(2) == '\'') { at_ += 3; return unicode_string(); }
      if (peek(2) == '"') { at_ += 3; return quoted_identifier(true); }
    }
    return identifier();
  }
  if (is(c, digit) || (c == '.' && is(peek(1), digit))) return number();
  switch (c) {
    case '\'':
      ++at_;
      if (!options_.standard_conforming_strings) return escape_string();
      return plain_string(Tok::string, "unterminated quoted string");
    case '"': ++at_; return quoted_identifier(false);
    case '$': return is(peek(1), digit) ? parameter() : dollar_string();
    case ':':
      if (peek(1) == ':') { at_ += 2; return finish(Tok::typecast, "::"); }
      if (peek(1) == '=') { at_ += 2; return finish(Tok::colon_equals, ":="); }
      break;
    case '.':
      if (peek(1) == '.') { at_ += 2; return finish(Tok::dot_dot, ".."); }
      break;
    default: break;
  }
  if (is(c, op_char)) return op();
  ++at_;
  return finish(static_cast<Tok>(static_cast<unsigned char>(c) < 128 && c > 1 ? c : 2), source_.substr(begin_, 1));
}

Token Lexer::identifier() {
  bool folds = false;
  while (at_ < source_.size() && is_name_part(source_[at_])) folds |= is(source_[at_++], upper);
  std::string_view name = source_.substr(begin_, at_ - begin_);
  if (folds) {
    char* folded = arena_->array<char>(name.size());
    for (std::size_t i = 0; i < name.size(); ++i)
      folded[i] = is(name[i], upper) ? static_cast<char>(name[i] + 32) : name[i];
    name = {folded, name.size()};
  }
  const Tok kind = find_keyword(name);
  return finish(kind, kind == Tok::identifier ? truncate_name(name) : keyword(kind).word);
}

Token Lexer::number() {
  bool integral = true;
  while (is(peek(), digit)) ++at_;
  if (peek() == '.' && peek(1) != '.') {  // 1..2 is 1, .., 2
    integral = false;
    ++at_;
    while (is(peek(), digit)) ++at_;
  }
  const std::size_t mantissa_end = at_;
  if (peek() == 'e' || peek() == 'E') {
    std::size_t sign = (peek(1) == '+' || peek(1) == '-') ? 1 : 0;
    if (!is(peek(1 + sign), digit))
      return fail_near("trailing junk after numeric literal", sign != 0 ? mantissa_end + 2 : name_end(source_, at_));
    integral = false;
    at_ += 1 + sign;
    while (is(peek(), digit)) ++at_;
  }
  if (is(peek(), name_start)) return fail_near("trailing junk after numeric literal", name_end(source_, at_));
  const std::string_view text = source_.substr(begin_, at_ - begin_);
  return finish(integral && !is_numeric_overflow(text) ? Tok::integer : Tok::numeric, text);
}

Token Lexer::parameter() {
  ++at_;
  while (is(peek(), digit)) ++at_;
  if (is(peek(), name_start)) return fail_near("trailing junk after parameter", name_end(source_, at_));
  return finish(Tok::parameter, source_.substr(begin_ + 1, at_ - begin_ - 1));
}

/// The longest run of operator characters, cut before a comment; a trailing + or - stays only behind one of ~!@#^&|`?%.
Token Lexer::op() {
  std::size_t end = at_;
  while (end < source_.size() && is(source_[end], op_char)) {
    if (end > at_ && end + 1 < source_.size() &&
        ((source_[end] == '-' && source_[end + 1] == '-') || (source_[end] == '/' && source_[end + 1] == '*'))) break;
    ++end;
  }
  std::string_view text = source_.substr(at_, end - at_);
  if (text.size() > 1 && (text.back() == '+' || text.back() == '-') &&
      text.find_first_of("~!@#^&|`?%") == std::string_view::npos)
    while (text.size() > 1 && (text.back() == '+' || text.back() == '-')) text.remove_suffix(1);
  at_ += text.size();
  if (text.size() == 1) return finish(is(text[0], single) ? static_cast<Tok>(text[0]) : Tok::op, text);
  if (text.size() == 2) {
    if (text == "=>") return finish(Tok::equals_greater, text);
    if (text == ">=") return finish(Tok::greater_equals, text);
    if (text == "<=") return finish(Tok::less_equals, text);
    if (text == "<>" || text == "!=") return finish(Tok::not_equals, "<>");
  }
  if (text.size() > name_bytes_max) return fail_near("operator too long", at_);
  return finish(Tok::op, text);
}

/// After a closing quote: white space with a line break (comments count as white space) and another quote go on with
/// the same literal.
bool Lexer::continues_string() {
  std::size_t at = at_;
  bool line_break = false;
  while (at < source_.size()) {
    const char c = source_[at];
    if (c == '\n' || c == '\r') { line_break = true; ++at; }
    else if (is(c, blank)) ++at;
    else if (c == '-' && at + 1 < source_.size() && source_[at + 1] == '-') {
      while (at < source_.size() && source_[at] != '\n' && source_[at] != '\r') ++at;
    } else break;
  }
  if (!line_break || at >= source_.size() || source_[at] != '\'') return false;
  at_ = at + 1;
  return true;
}

/// Reads up to the closing quote, un-doubling quotes (which bit strings do not know); false when there is none.
bool Lexer::read_quoted(char quote, TextBuilder& text, bool doubling) {
  while (true) {
    const std::size_t end = source_.find(quote, at_);
    if (end == std::string_view::npos) { at_ = source_.size(); return false; }
    text.add(source_.substr(at_, end - at_));
    at_ = end + 1;
    if (doubling && peek() == quote && at_ < source_.size()) { text.add(quote); ++at_; continue; }
    if (quote == '\'' && continues_string()) continue;
    return true;
  }
}

Token Lexer::plain_string(Tok kind, std::string_view unterminated) {
  const bool bits = kind != Tok::string;
  const std::size_t first = at_, end = source_.find('\'', at_);
  if (end != std::string_view::npos) {  // nearly always one plain piece: no copy
    at_ = end + 1;
    if ((bits || peek() != '\'') && !continues_string()) return finish(kind, source_.substr(first, end - first));
    at_ = first;
  }
  TextBuilder text(*arena_);
  if (!read_quoted('\'', text, !bits)) return fail_near(unterminated, source_.size());
  return finish(kind, text.view());
}

struct Lexer::Escaped {
  TextBuilder text;
  std::uint32_t high_surrogate = 0;
  bool verify = false;
};

/// One backslash escape, at_ behind the backslash; false after fail().
bool Lexer::escape(Escaped& state) {
  const std::size_t start = at_ - 1;
  const char c = source_[at_++];
  auto refuse = [&](std::size_t end, std::string_view what, Sqlstate code) {
    begin_ = start;
    fail(error_near(source_, what, start, end, code));
    return false;
  };
  if (c == 'u' || c == 'U') {
    const std::size_t digits = c == 'u' ? 4 : 8;
    std::uint32_t value = 0;
    std::size_t n = 0;
    while (n < digits && hex_value(peek()) >= 0) {
      value = value << 4 | static_cast<std::uint32_t>(hex_value(peek()));
      ++at_;
      ++n;
    }
    if (n < digits) {
      fail(Error::make(sqlstate::invalid_escape_sequence, "invalid Unicode escape")
               .hint("Unicode escapes must be \\uXXXX or \\UXXXXXXXX.").at(char_position(source_, start)));
      return false;
    }
    if (state.high_surrogate != 0) {
      if (!is_low_surrogate(value)) return refuse(at_, "invalid Unicode surrogate pair", sqlstate::syntax_error);
      value = join_surrogates(state.high_surrogate, value);
      state.high_surrogate = 0;
    } else if (is_low_surrogate(value)) {
      return refuse(at_, "invalid Unicode surrogate pair", sqlstate::syntax_error);
    } else if (is_high_surrogate(value)) {
      state.high_surrogate = value;
      return true;
    }
    if (value == 0 || value > 0x10FFFF) return refuse(at_, "invalid Unicode escape value", sqlstate::syntax_error);
    add_utf8(state.text, value);
    return true;
  }
  if (state.high_surrogate != 0) return refuse(at_, "invalid Unicode surrogate pair", sqlstate::syntax_error);
  switch (c) {
    case 'b': state.text.add('\b'); return true;
    case 'f': state.text.add('\f'); return true;
    case 'n': state.text.add('\n'); return true;
    case 'r': state.text.add('\r'); return true;
    case 't': state.text.add('\t'); return true;
    case '\'':
      if (options_.backslash_quote == BackslashQuote::off) {
        fail(Error::make(sqlstate::nonstandard_use_of_escape_character, "unsafe use of \\' in a string literal")
                 .hint("Use '' to write quotes in strings. \\' is insecure in client-only encodings.")
                 .at(char_position(source_, start)));
        return false;
      }
      break;
    default: break;
  }
  if (c >= '0' && c <= '7') {
    int value = c - '0';
    for (int n = 1; n < 3 && peek() >= '0' && peek() <= '7'; ++n) value = value * 8 + (source_[at_++] - '0');
    state.text.add(static_cast<char>(value));
    state.verify |= (value & 0xFF) == 0 || (value & 0x80) != 0;
    return true;
  }
  if (c == 'x' && hex_value(peek()) >= 0) {
    int value = hex_value(source_[at_++]);
    if (hex_value(peek()) >= 0) value = value * 16 + hex_value(source_[at_++]);
    state.text.add(static_cast<char>(value));
    state.verify |= value == 0 || value >= 0x80;
    return true;
  }
  state.text.add(c);
  state.verify |= c == '\0';
  return true;
}

Token Lexer::escape_string() {
  Escaped state{TextBuilder(*arena_)};
  const std::size_t begin = begin_;
  while (true) {
    const std::size_t stop = source_.find_first_of("'\\", at_);
    if (stop == std::string_view::npos || (source_[stop] == '\\' && stop + 1 >= source_.size()))
      return fail_near("unterminated quoted string", source_.size());
    const bool doubled = source_[stop] == '\'' && stop + 1 < source_.size() && source_[stop + 1] == '\'';
    if (state.high_surrogate != 0 && (stop > at_ || source_[stop] == '\'')) {
      begin_ = at_;
      const std::size_t end = stop > at_ ? stop : stop + (doubled ? 2 : 1);
      return fail_near("invalid Unicode surrogate pair", end);
    }
    state.text.add(source_.substr(at_, stop - at_));
    at_ = stop + 1;
    if (source_[stop] == '\\') {
      if (!escape(state)) return finish(Tok::error, {});
    } else if (doubled) {
      state.text.add('\'');
      ++at_;
    } else if (!continues_string()) {
      break;
    }
  }
  begin_ = begin;
  if (state.verify)
    if (Error error = verify_utf8(state.text.view())) return fail(std::move(error));
  return finish(Tok::string, state.text.view());
}

Token Lexer::dollar_string() {
  std::size_t end = at_ + 1;
  if (is(peek(1), name_start))
    while (end < source_.size() && is(source_[end], name_start | digit)) ++end;
  if (end >= source_.size() || source_[end] != '$') {  // no delimiter: a lone dollar, which no grammar accepts
    ++at_;
    return finish(static_cast<Tok>('$'), source_.substr(begin_, 1));
  }
  const std::string_view delimiter = source_.substr(at_, end + 1 - at_);
  const std::size_t first = end + 1, close = source_.find(delimiter, first);
  if (close == std::string_view::npos) {
    at_ = source_.size();
    return fail_near("unterminated dollar-quoted string", at_);
  }
  at_ = close + delimiter.size();
  return finish(Tok::string, source_.substr(first, close - first));
}

Token Lexer::quoted_identifier(bool unicode) {
  const std::size_t first = at_;
  TextBuilder text(*arena_);
  std::string_view name;
  const std::size_t end = source_.find('"', at_);
  if (end != std::string_view::npos && (end + 1 >= source_.size() || source_[end + 1] != '"')) {
    name = source_.substr(first, end - first);
    at_ = end + 1;
  } else {
    if (!read_quoted('"', text, true)) return fail_near("unterminated quoted identifier", source_.size());
    name = text.view();
  }
  if (name.empty()) return fail_near("zero-length delimited identifier", at_);
  if (unicode) return unicode_unescape(Tok::identifier, name, first);
  return finish(Tok::identifier, truncate_name(name));
}

Token Lexer::unicode_string() {
  if (!options_.standard_conforming_strings)
    return fail(
        Error::make(sqlstate::feature_not_supported, "unsafe use of string constant with Unicode escapes")
            .detail("String constants with Unicode escapes cannot be used when standard_conforming_strings is off.")
            .at(char_position(source_, begin_)));
  const std::size_t first = at_;
  const Token raw = plain_string(Tok::string, "unterminated quoted string");
  if (raw.kind == Tok::error) return raw;
  return unicode_unescape(Tok::string, raw.text, first);
}

/// Applies an optional UESCAPE 'c' behind the literal, then the escapes \XXXX and \+XXXXXX. raw_at: where the text of
/// the literal begins, for positions.
Token Lexer::unicode_unescape(Tok kind, std::string_view raw, std::size_t raw_at) {
  const std::size_t begin = begin_, literal_end = at_;
  char escape_char = '\\';
  if (!skip_blanks()) return fail_near("unterminated /* comment", source_.size());
  begin_ = at_;
  if (is(peek(), name_start) && identifier().kind == Tok::kw_uescape) {
    const Token arg = next();
    if (arg.kind == Tok::error) return arg;
    if (arg.kind != Tok::string) return fail_near("UESCAPE must be followed by a simple string literal", at_);
    const char c = arg.text.size() == 1 ? arg.text[0] : '+';
    if (hex_value(c) >= 0 || c == '+' || c == '\'' || c == '"' || is(c, blank))
      return fail_near("invalid Unicode escape character", at_);
    escape_char = c;
  } else {
    at_ = literal_end;
  }
  const std::size_t end = at_;
  begin_ = begin;
  TextBuilder text(*arena_);
  std::uint32_t high = 0;
  for (std::size_t i = 0; i < raw.size();) {
    auto refuse = [&](std::string_view what) {
      return fail(Error::make(sqlstate::syntax_error, what).at(char_position(source_, raw_at + i)));
    };
    if (raw[i] != escape_char || (i + 1 < raw.size() && raw[i + 1] == escape_char)) {
      if (high != 0) return refuse("invalid Unicode surrogate pair");
      text.add(raw[i]);
      i += raw[i] == escape_char ? 2 : 1;
      continue;
    }
    const bool long_form = i + 1 < raw.size() && raw[i + 1] == '+';
    const std::size_t digits_at = i + (long_form ? 2 : 1), digits = long_form ? 6 : 4;
    std::uint32_t value = 0;
    std::size_t n = 0;
    while (n < digits && digits_at + n < raw.size() && hex_value(raw[digits_at + n]) >= 0)
      value = value << 4 | static_cast<std::uint32_t>(hex_value(raw[digits_at + n++]));
    if (n < digits)
      return fail(Error::make(sqlstate::syntax_error, "invalid Unicode escape")
                      .hint("Unicode escapes must be \\XXXX or \\+XXXXXX.").at(char_position(source_, raw_at + i)));
    if (value == 0 || value > 0x10FFFF) return refuse("invalid Unicode escape value");
    if (high != 0) {
      if (!is_low_surrogate(value)) return refuse("invalid Unicode surrogate pair");
      value = join_surrogates(high, value);
      high = 0;
    } else if (is_low_surrogate(value)) {
      return refuse("invalid Unicode surrogate pair");
    }
    if (is_high_surrogate(value)) high = value;
    else add_utf8(text, value);
    i = digits_at + digits;
  }
  if (high != 0)
    return fail(Error::make(sqlstate::syntax_error, "invalid Unicode surrogate pair")
                    .at(char_position(source_, raw_at + raw.size())));
  at_ = end;
  return finish(kind, kind == Tok::identifier ? truncate_name(text.view()) : text.view());
}

}  // namespace spg::sql
