#include "spg/type/number_text.hpp"

#include <bit>
#include <charconv>
#include <cmath>
#include <limits>

#include "spg/type/ascii.hpp"

namespace spg::type {
namespace {

Error invalid_syntax(std::string_view type, std::string_view text) {
  return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type ", type, ": \"", text, "\"");
}

template <class Int>
Result<Int> parse_integer(std::string_view text, std::string_view type) {
  std::string_view body = trim_spaces(text);
  bool negative = false;
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) {
    negative = body[0] == '-';
    body.remove_prefix(1);
  }
  if (body.empty()) return invalid_syntax(type, text);
  // Counts downwards, because the range of negative numbers is the larger one.
  Int value = 0;
  bool overflow = false;
  for (const char c : body) {
    if (!is_digit(c)) return invalid_syntax(type, text);
    overflow |= __builtin_mul_overflow(value, Int{10}, &value);
    overflow |= __builtin_sub_overflow(value, static_cast<Int>(c - '0'), &value);
  }
  if (!negative) overflow |= __builtin_sub_overflow(Int{0}, value, &value);
  if (overflow)
    return Error::make(sqlstate::numeric_value_out_of_range, "value \"", text, "\" is out of range for type ", type);
  return value;
}

template <class Float>
Result<Float> parse_float(std::string_view text, std::string_view type) {
  std::string_view body = trim_spaces(text);
  bool negative = false;
  if (!body.empty() && (body[0] == '-' || body[0] == '+')) {
    negative = body[0] == '-';
    body.remove_prefix(1);
  }
  if (body.empty()) return invalid_syntax(type, text);
  Float value = 0;
  if (is_alpha(body[0])) {
    if (equals_ignoring_case(body, "nan")) return std::numeric_limits<Float>::quiet_NaN();
    if (!equals_ignoring_case(body, "inf") && !equals_ignoring_case(body, "infinity"))
      return invalid_syntax(type, text);
    value = std::numeric_limits<Float>::infinity();
    return negative ? -value : value;
  }
  if (!is_digit(body[0]) && body[0] != '.') return invalid_syntax(type, text);
  auto format = std::chars_format::general;
  if (body.size() > 2 && body[0] == '0' && to_lower(body[1]) == 'x') {
    format = std::chars_format::hex;
    body.remove_prefix(2);
    if (hex_value(body[0]) < 0 && body[0] != '.') return invalid_syntax(type, text);
  }
  const auto [end, error] = std::from_chars(body.data(), body.data() + body.size(), value, format);
  if (error == std::errc::invalid_argument || end != body.data() + body.size()) return invalid_syntax(type, text);
  bool lost = error == std::errc::result_out_of_range || std::isinf(value);
  if (!lost && value == 0) {
    for (const char c : body) {
      if (format == std::chars_format::general ? to_lower(c) == 'e' : to_lower(c) == 'p') break;
      if (c != '0' && c != '.') { lost = true; break; }
    }
  }
  if (lost) {
    // A value in the subnormal range is no error; libraries differ in whether they report it as one.
    if (error != std::errc::result_out_of_range || value == 0 || std::isinf(value) || std::abs(value) >= 1)
      return Error::make(sqlstate::numeric_value_out_of_range, "\"", trim_spaces(text), "\" is out of range for type ",
                         type);
  }
  return negative ? -value : value;
}

/// Whether digits x 10^exponent lies exactly between two floats of `bits` mantissa bits. PostgreSQL prints only what is
/// strictly nearer to the value, while std::to_chars also takes such a tie when reading it back rounds to the value.
bool is_tie(std::uint64_t digits, int exponent, int bits) {
  if (exponent < 0 || exponent > 23) return false;
  unsigned __int128 product = digits;
  for (int i = 0; i < exponent; ++i) product *= 5;
  if (product == 0) return false;
  while ((product & 1) == 0) product >>= 1;
  const auto high = static_cast<std::uint64_t>(product >> 64);
  if (high != 0) return false;
  return static_cast<int>(std::bit_width(static_cast<std::uint64_t>(product))) == bits + 1;
}

template <class Float>
void print_shortest(Float value, TextBuilder& out) {
  constexpr int bits = std::numeric_limits<Float>::digits;
  constexpr int fixed_below = sizeof(Float) == 8 ? 15 : 6;
  char raw[float_text_bytes_max];
  char* end = std::to_chars(raw, raw + sizeof raw, value, std::chars_format::scientific).ptr;
  char digits[24] = {};
  int count = 0, exponent = 0;
  const auto split = [&] {
    count = 0;
    const char* at = raw;
    for (; *at != 'e'; ++at)
      if (is_digit(*at)) digits[count++] = *at;
    ++at;
    if (*at == '+') ++at;
    std::from_chars(at, end, exponent);
    while (count > 1 && digits[count - 1] == '0') --count;
  };
  split();
  const auto tie = [&] {
    std::uint64_t number = 0;
    for (int i = 0; i < count; ++i) number = number * 10 + static_cast<std::uint64_t>(digits[i] - '0');
    return is_tie(number, exponent - (count - 1), bits);
  };
  if (exponent >= 15 - (sizeof(Float) == 4 ? 9 : 0) && tie()) {
    for (int precision = count; precision < std::numeric_limits<Float>::max_digits10; ++precision) {
      end = std::to_chars(raw, raw + sizeof raw, value, std::chars_format::scientific, precision).ptr;
      split();
      Float back = 0;
      std::from_chars(raw, end, back);
      if (back == value && !tie()) break;
    }
  }
  char text[float_text_bytes_max];
  std::size_t size = 0;
  const auto put = [&](char c) { text[size++] = c; };
  if (exponent < -4 || exponent >= fixed_below) {
    put(digits[0]);
    if (count > 1) put('.');
    for (int i = 1; i < count; ++i) put(digits[i]);
    put('e');
    put(exponent < 0 ? '-' : '+');
    const int magnitude = std::abs(exponent);
    if (magnitude >= 100) put(static_cast<char>('0' + magnitude / 100));
    put(static_cast<char>('0' + magnitude / 10 % 10));
    put(static_cast<char>('0' + magnitude % 10));
  } else if (exponent < 0) {
    put('0');
    put('.');
    for (int i = -1; i > exponent; --i) put('0');
    for (int i = 0; i < count; ++i) put(digits[i]);
  } else {
    for (int i = 0; i < count || i <= exponent; ++i) {
      if (i == exponent + 1) put('.');
      put(i < count ? digits[i] : '0');
    }
  }
  out.add(std::string_view(text, size));
}

template <class Float>
void print_float(Float value, TextBuilder& out, int extra_digits) {
  if (std::isnan(value)) { out.add("NaN"); return; }
  if (std::signbit(value)) { out.add("-"); value = -value; }
  if (std::isinf(value)) { out.add("Infinity"); return; }
  if (extra_digits > 0) { print_shortest(value, out); return; }
  const int digits = std::numeric_limits<Float>::digits10 + extra_digits;
  char text[float_text_bytes_max];
  out.add(std::string_view(text, format_general(static_cast<double>(value), digits < 1 ? 1 : digits, text)));
}

}  // namespace

Result<std::int16_t> parse_int2(std::string_view text) { return parse_integer<std::int16_t>(text, "smallint"); }
Result<std::int32_t> parse_int4(std::string_view text) { return parse_integer<std::int32_t>(text, "integer"); }
Result<std::int64_t> parse_int8(std::string_view text) { return parse_integer<std::int64_t>(text, "bigint"); }
Result<float> parse_float4(std::string_view text) { return parse_float<float>(text, "real"); }
Result<double> parse_float8(std::string_view text) { return parse_float<double>(text, "double precision"); }

Result<std::uint32_t> parse_oid(std::string_view text) {
  auto wide = parse_integer<std::int64_t>(text, "oid");
  if (!wide) return wide.take_error();
  if (*wide > std::int64_t{UINT32_MAX} || *wide < std::int64_t{INT32_MIN})
    return Error::make(sqlstate::numeric_value_out_of_range, "value \"", text, "\" is out of range for type oid");
  return static_cast<std::uint32_t>(*wide);
}

Result<bool> parse_bool(std::string_view text) {
  const std::string_view body = trim_spaces(text);
  const auto is_prefix_of = [&](std::string_view word, std::size_t least) {
    return body.size() >= least && body.size() <= word.size() &&
           equals_ignoring_case(body, word.substr(0, body.size()));
  };
  if (is_prefix_of("true", 1) || is_prefix_of("yes", 1) || is_prefix_of("on", 2) || body == "1") return true;
  if (is_prefix_of("false", 1) || is_prefix_of("no", 1) || is_prefix_of("off", 2) || body == "0") return false;
  return invalid_syntax("boolean", text);
}

std::size_t format_general(double value, int digits, char* to) {
  return static_cast<std::size_t>(
      std::to_chars(to, to + float_text_bytes_max, value, std::chars_format::general, digits).ptr - to);
}

void print_float4(float value, TextBuilder& out, int extra_digits) { print_float(value, out, extra_digits); }
void print_float8(double value, TextBuilder& out, int extra_digits) { print_float(value, out, extra_digits); }

}  // namespace spg::type
