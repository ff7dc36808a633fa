#include "spg/type/numeric.hpp"

#include <algorithm>
#include <cmath>

#include "spg/type/ascii.hpp"
#include "spg/type/number_text.hpp"
#include "spg/type/oids.hpp"
#include "decimal.hpp"

namespace spg::type {

using namespace decimal;

namespace {

Error invalid_numeric(std::string_view text) {
  return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type numeric: \"", text, "\"");
}
Error division_by_zero() { return Error::make(sqlstate::division_by_zero, "division by zero"); }

Numeric special(std::uint16_t code) {
  char raw[2];
  store_le<std::uint16_t>(raw, static_cast<std::uint16_t>(0x8000 + code));
  return Numeric{StringRef(std::string_view(raw, 2))};
}
Numeric nan() { return special(0); }
Numeric infinity(bool negative) { return special(negative ? 2 : 1); }

int sign_of(const Numeric& a) {
  if (a.is_nan()) return 0;
  if (a.is_infinite()) return (a.head() & 0x3fff) == 2 ? -1 : 1;
  return a.is_zero() ? 0 : (a.head() >> 14) == 1 ? -1 : 1;
}

/// Scratch memory for unpacking values in functions that are not handed an arena: only long values need any.
struct Scratch {
  MemoryBudget budget;
  Arena arena{budget};
};

/// A finite value packed again cannot fail when it was packed before.
Numeric store_known(const Decimal& value, Arena& arena) { return *store(value, arena); }

}  // namespace

Result<Numeric> parse_numeric(std::string_view text, Arena& arena) {
  std::string_view body = trim_spaces(text);
  Decimal value;
  if (!body.empty() && (body[0] == '+' || body[0] == '-')) {
    value.negative = body[0] == '-';
    body.remove_prefix(1);
    if (equals_ignoring_case(body, "nan")) return invalid_numeric(text);
  }
  if (equals_ignoring_case(body, "nan")) return nan();
  if (equals_ignoring_case(body, "inf") || equals_ignoring_case(body, "infinity")) return infinity(value.negative);
  // One pass to find the parts, one to pack the digits.
  std::size_t at = 0, digits = 0, before = 0, first_nonzero = SIZE_MAX;
  bool point = false;
  for (; at < body.size(); ++at) {
    if (is_digit(body[at])) {
      if (body[at] != '0' && first_nonzero == SIZE_MAX) first_nonzero = digits;
      ++digits;
      before += !point;
    } else if (body[at] == '.' && !point) {
      point = true;
    } else {
      break;
    }
  }
  if (digits == 0) return invalid_numeric(text);
  const std::string_view mantissa = body.substr(0, at);
  std::int64_t exponent = 0;
  if (at < body.size()) {
    if (to_lower(body[at]) != 'e') return invalid_numeric(text);
    ++at;
    const bool negative = at < body.size() && body[at] == '-';
    if (at < body.size() && (body[at] == '-' || body[at] == '+')) ++at;
    if (at == body.size()) return invalid_numeric(text);
    for (; at < body.size(); ++at) {
      if (!is_digit(body[at])) return invalid_numeric(text);
      if (exponent < INT32_MAX) exponent = exponent * 10 + (body[at] - '0');
    }
    if (exponent >= INT32_MAX / 2) return overflow();
    if (negative) exponent = -exponent;
  }
  const auto after = static_cast<std::int64_t>(digits - before);
  const std::int64_t dscale = std::max<std::int64_t>(after - exponent, 0);
  if (dscale > numeric_scale_max) return overflow();
  value.dscale = static_cast<std::int32_t>(dscale);
  if (first_nonzero == SIZE_MAX) return store(value, arena);
  // Decimal position (power of ten) of the first digit that counts, and how far it stands into its group.
  const std::int64_t top = static_cast<std::int64_t>(before) - 1 - static_cast<std::int64_t>(first_nonzero) + exponent;
  const std::int64_t weight = top >= 0 ? top / group : -((-top - 1) / group) - 1;
  if (weight > weight_max || weight < -weight_max - 1) return overflow();
  value.weight = static_cast<std::int32_t>(weight);
  int place = group - 1 - static_cast<int>(top - weight * group);
  const std::size_t significant = digits - first_nonzero;
  const std::size_t count = (static_cast<std::size_t>(place) + significant + group - 1) / group;
  Digit* to = value.allocate(static_cast<int>(count), arena);
  std::size_t seen = 0;
  int current = 0;
  constexpr int units[] = {1000, 100, 10, 1};
  for (const char c : mantissa) {
    if (c == '.' || seen++ < first_nonzero) continue;
    current += (c - '0') * units[place];
    if (++place == group) {
      *to++ = static_cast<Digit>(current);
      current = place = 0;
    }
  }
  if (place != 0) *to = static_cast<Digit>(current);
  strip(value);
  return store(value, arena);
}

void print_numeric(const Numeric& value, TextBuilder& out) {
  Scratch scratch;
  print(load(value, scratch.arena), out);
}

Result<Numeric> receive_numeric(ByteReader& from, Arena& arena) {
  const auto bad = [](std::string_view what) {
    return Error::make(sqlstate::invalid_binary_representation, "invalid ", what, " in external \"numeric\" value");
  };
  const auto count = from.be<std::uint16_t>();
  const auto weight = from.be<std::int16_t>();
  const auto sign = from.be<std::uint16_t>();
  const bool has_sign = from.ok();
  const auto dscale = from.be<std::uint16_t>();
  const Bytes raw = from.bytes(std::size_t{2} * count);
  if (has_sign && sign != 0 && sign != 0x4000 && sign != 0xC000 && sign != 0xD000 && sign != 0xF000) return bad("sign");
  if (!from.ok()) return Error::make(sqlstate::protocol_violation, "insufficient data left in message");
  Decimal value;
  switch (sign) {
    case 0: break;
    case 0x4000: value.negative = true; break;
    case 0xC000: return nan();
    case 0xD000: return infinity(false);
    case 0xF000: return infinity(true);
    default: break;
  }
  if (dscale > numeric_scale_max) return bad("scale");
  value.weight = weight;
  Digit* digits = value.allocate(count, arena);
  for (int i = 0; i < count; ++i) {
    digits[i] = load_be<Digit>(raw.data() + 2 * i);
    if (digits[i] < 0 || digits[i] >= base) return bad("digit");
  }
  strip(value);
  // What lies beyond the display scale is cut off, so that no hidden digits remain.
  return store(trunc(value, dscale, arena), arena);
}

void send_numeric(const Numeric& value, TextBuilder& out) {
  Scratch scratch;
  const Decimal source = load(value, scratch.arena);
  const auto put = [&](int word) {
    char raw[2];
    store_be<std::uint16_t>(raw, static_cast<std::uint16_t>(word));
    out.add(std::string_view(raw, 2));
  };
  put(source.count);
  put(source.weight);
  put(source.kind == Kind::nan ? 0xC000 : source.kind == Kind::infinity ? (source.negative ? 0xF000 : 0xD000)
                                                                        : source.negative ? 0x4000 : 0);
  put(source.kind == Kind::infinity ? 0x20 : source.dscale);  // PostgreSQL's own oddity
  for (int i = 0; i < source.count; ++i) put(source.digits()[i]);
}

bool numeric_is_valid(Bytes body) {
  if (body.size() < 4) return body.empty() || (body.size() == 2 && load_le<std::uint16_t>(body.data()) >= 0x8000 &&
                                               load_le<std::uint16_t>(body.data()) <= 0x8002);
  if (body.size() % 2 != 0 || load_le<std::uint16_t>(body.data()) >= 0x8000) return false;
  for (std::size_t at = 4; at < body.size(); at += 2)
    if (load_le<std::uint16_t>(body.data() + at) >= base) return false;
  return body.size() == 4 ||
         (load_le<Digit>(body.data() + 4) != 0 && load_le<Digit>(body.data() + body.size() - 2) != 0);
}

Result<Numeric> numeric_add(const Numeric& a, const Numeric& b, Arena& arena) {
  if (__builtin_expect(a.is_special() || b.is_special(), 0)) {
    if (a.is_nan() || b.is_nan()) return nan();
    if (a.is_infinite() && b.is_infinite()) return sign_of(a) == sign_of(b) ? a : nan();
    return a.is_infinite() ? a : b;
  }
  return store(add(load(a, arena), load(b, arena), arena), arena);
}

Result<Numeric> numeric_sub(const Numeric& a, const Numeric& b, Arena& arena) {
  if (__builtin_expect(a.is_special() || b.is_special(), 0)) {
    if (a.is_nan() || b.is_nan()) return nan();
    if (a.is_infinite() && b.is_infinite()) return sign_of(a) != sign_of(b) ? a : nan();
    return a.is_infinite() ? a : infinity(sign_of(b) > 0);
  }
  return store(sub(load(a, arena), load(b, arena), arena), arena);
}

Result<Numeric> numeric_mul(const Numeric& a, const Numeric& b, Arena& arena) {
  if (__builtin_expect(a.is_special() || b.is_special(), 0)) {
    const int sign = sign_of(a) * sign_of(b);
    return a.is_nan() || b.is_nan() || sign == 0 ? nan() : infinity(sign < 0);
  }
  Decimal product = mul(load(a, arena), load(b, arena), arena);
  if (product.dscale > numeric_scale_max) product = round(product, numeric_scale_max, arena);
  return store(product, arena);
}

namespace {
/// The rules of / and div() for NaN, infinities and zero divisors; false when both are ordinary.
bool divide_special(const Numeric& a, const Numeric& b, Result<Numeric>& result) {
  if (a.is_nan() || b.is_nan()) result = nan();
  else if (a.is_infinite()) {
    if (b.is_infinite()) result = nan();
    else if (b.is_zero()) result = division_by_zero();
    else result = infinity(sign_of(a) * sign_of(b) < 0);
  } else if (b.is_infinite()) result = Numeric{};
  else if (b.is_zero()) result = division_by_zero();
  else return false;
  return true;
}
}  // namespace

Result<Numeric> numeric_div(const Numeric& a, const Numeric& b, Arena& arena) {
  Result<Numeric> result = Numeric{};
  if (divide_special(a, b, result)) return result;
  const Decimal x = load(a, arena), y = load(b, arena);
  return store(div(x, y, div_scale(x, y), Rounding::half_away, arena), arena);
}

Result<Numeric> numeric_div_trunc(const Numeric& a, const Numeric& b, Arena& arena) {
  Result<Numeric> result = Numeric{};
  if (divide_special(a, b, result)) return result;
  return store(div(load(a, arena), load(b, arena), 0, Rounding::truncate, arena), arena);
}

Result<Numeric> numeric_mod(const Numeric& a, const Numeric& b, Arena& arena) {
  if (a.is_special() || b.is_special()) {
    if (a.is_nan() || b.is_nan()) return nan();
    if (a.is_infinite()) {
      if (b.is_zero()) return division_by_zero();
      return nan();
    }
    return a;
  }
  if (b.is_zero()) return division_by_zero();
  const Decimal x = load(a, arena), y = load(b, arena);
  Decimal rest = sub(x, mul(div(x, y, 0, Rounding::truncate, arena), y, arena), arena);
  rest.dscale = std::max(x.dscale, y.dscale);
  return store(rest, arena);
}

Numeric numeric_neg(const Numeric& a, Arena& arena) {
  if (a.is_nan() || a.is_zero()) return a;
  if (a.is_infinite()) return infinity(sign_of(a) > 0);
  Decimal value = load(a, arena);
  value.negative = !value.negative;
  return store_known(value, arena);
}

Numeric numeric_abs(const Numeric& a, Arena& arena) { return sign_of(a) < 0 ? numeric_neg(a, arena) : a; }

Numeric numeric_sign(const Numeric& a) {
  if (a.is_nan()) return a;
  Scratch scratch;
  return store_known(from_int(sign_of(a)), scratch.arena);
}

Result<Numeric> numeric_round(const Numeric& a, std::int32_t scale, Arena& arena) {
  if (a.is_special()) return a;
  return store(round(load(a, arena), std::clamp(scale, -result_scale_max, result_scale_max), arena), arena);
}
Result<Numeric> numeric_trunc(const Numeric& a, std::int32_t scale, Arena& arena) {
  if (a.is_special()) return a;
  return store(trunc(load(a, arena), std::clamp(scale, -result_scale_max, result_scale_max), arena), arena);
}

namespace {
Result<Numeric> to_whole(const Numeric& a, int direction, Arena& arena) {
  if (a.is_special()) return a;
  const Decimal value = load(a, arena);
  Decimal whole = trunc(value, 0, arena);
  if (!is_integer(value) && value.sign() == direction) whole = add(whole, from_int(direction), arena);
  return store(whole, arena);
}
}  // namespace

Result<Numeric> numeric_ceil(const Numeric& a, Arena& arena) { return to_whole(a, 1, arena); }
Result<Numeric> numeric_floor(const Numeric& a, Arena& arena) { return to_whole(a, -1, arena); }

std::int32_t numeric_min_scale(const Numeric& a) {
  Scratch scratch;
  const Decimal value = load(a, scratch.arena);
  int scale = (value.count - 1 - value.weight) * group;
  if (value.count == 0 || scale <= 0) return 0;
  for (int last = value.digit(value.count - 1); last % 10 == 0; last /= 10) --scale;
  return scale;
}

Result<Numeric> numeric_trim_scale(const Numeric& a, Arena& arena) {
  if (a.is_special()) return a;
  Decimal value = load(a, arena);
  value.dscale = numeric_min_scale(a);
  return store(value, arena);
}

int numeric_compare(const Numeric& a, const Numeric& b) {
  Scratch scratch;
  return compare(load(a, scratch.arena), load(b, scratch.arena));
}

Numeric numeric_from_int8(std::int64_t value, Arena& arena) { return store_known(from_int(value), arena); }

namespace {
Result<Numeric> from_float(double value, int digits, Arena& arena) {
  if (std::isnan(value)) return nan();
  if (std::isinf(value)) return infinity(value < 0);
  char text[float_text_bytes_max];
  return parse_numeric({text, format_general(value, digits, text)}, arena);
}

template <class Int>
Result<Int> to_integer(const Numeric& a, std::string_view type) {
  if (a.is_special())
    return Error::make(sqlstate::feature_not_supported, "cannot convert ", a.is_nan() ? "NaN" : "infinity", " to ",
                       type);
  Scratch scratch;
  std::int64_t value = 0;
  if (!to_int64(load(a, scratch.arena), &value) || value != static_cast<Int>(value))
    return Error::make(sqlstate::numeric_value_out_of_range, type, " out of range");
  return static_cast<Int>(value);
}

template <class Float>
Result<Float> to_float(const Numeric& a, Result<Float> (*parse)(std::string_view)) {
  Scratch scratch;
  TextBuilder text(scratch.arena);
  print(load(a, scratch.arena), text);
  return parse(text.view());
}
}  // namespace

Result<Numeric> numeric_from_float8(double value, Arena& arena) { return from_float(value, 15, arena); }
Result<Numeric> numeric_from_float4(float value, Arena& arena) {
  return from_float(static_cast<double>(value), 6, arena);
}
Result<std::int16_t> numeric_to_int2(const Numeric& a) { return to_integer<std::int16_t>(a, "smallint"); }
Result<std::int32_t> numeric_to_int4(const Numeric& a) { return to_integer<std::int32_t>(a, "integer"); }
Result<std::int64_t> numeric_to_int8(const Numeric& a) { return to_integer<std::int64_t>(a, "bigint"); }
Result<float> numeric_to_float4(const Numeric& a) { return to_float<float>(a, parse_float4); }

Result<double> numeric_to_float8(const Numeric& a) {
  if (!a.is_special()) {
    Scratch scratch;
    const Decimal value = load(a, scratch.arena);
    if (std::abs(value.weight) < 70 || value.count == 0) return to_double(value);
  }
  return to_float<double>(a, parse_float8);
}

Result<Numeric> numeric_apply_typmod(const Numeric& a, std::int32_t typmod, Arena& arena) {
  if (typmod < 4 || a.is_nan()) return a;
  const auto [precision, scale] = NumericTypmod::of(typmod);
  if (a.is_infinite())
    return Error::make(sqlstate::numeric_value_out_of_range, "numeric field overflow")
        .detail("A field with precision ", precision, ", scale ", scale, " cannot hold an infinite value.");
  Decimal value = round(load(a, arena), scale, arena);
  if (value.count != 0) {
    int digits = value.weight * group;  // decimal digits before the point (negative: zeros after it)
    for (int first = value.digit(0); first != 0; first /= 10) ++digits;
    if (digits > precision - scale) {
      const int most = precision - scale;
      Error error = Error::make(sqlstate::numeric_value_out_of_range, "numeric field overflow");
      if (most == 0)
        return std::move(error).detail("A field with precision ", precision, ", scale ", scale,
                                       " must round to an absolute value less than 1.");
      return std::move(error).detail("A field with precision ", precision, ", scale ", scale,
                                     " must round to an absolute value less than 10^", most, ".");
    }
  }
  return store(value, arena);
}

bool numeric_to_scaled(const Numeric& a, int scale, Int128* to) {
  if (a.is_special()) return false;
  Scratch scratch;
  const Decimal value = load(a, scratch.arena);
  Int128 result = 0;
  bool lost = false;
  // Whole digits down to weight 0, then groups of the fraction, the last one cut at the scale.
  for (int w = value.weight; value.count != 0 && w >= 0 && !lost; --w) {
    lost |= __builtin_mul_overflow(result, Int128{base}, &result);
    lost |= __builtin_add_overflow(result, Int128{value.at_weight(w)}, &result);
  }
  int left = scale;
  for (int w = -1; left > 0 && !lost; --w) {
    constexpr int units[] = {1, 10, 100, 1000, base};
    const int take = std::min(left, group), digit = value.count == 0 ? 0 : value.at_weight(w);
    const int unit = units[group - take];
    if (digit % unit != 0) return false;
    lost |= __builtin_mul_overflow(result, Int128{units[take]}, &result);
    lost |= __builtin_add_overflow(result, Int128{digit / unit}, &result);
    left -= take;
  }
  if (lost) return false;
  const int last_weight = value.weight - value.count + 1;
  if (value.count != 0 && last_weight < -((scale + group - 1) / group)) return false;
  *to = value.negative ? -result : result;
  return true;
}

bool numeric_to_scaled(const Numeric& a, int scale, std::int64_t* to) {
  Int128 wide;
  if (!numeric_to_scaled(a, scale, &wide) || wide > INT64_MAX || wide < INT64_MIN) return false;
  *to = static_cast<std::int64_t>(wide);
  return true;
}

namespace {

/// The common case of numeric_from_scaled: every digit within 64 bits, built in place.
Numeric from_scaled_small(std::int64_t value, int scale, int pad, Arena& arena) {
  constexpr std::uint64_t units[] = {1, 10, 100, 1000};
  constexpr int digits_max = 6;
  std::uint64_t rest = value < 0 ? 0 - static_cast<std::uint64_t>(value) : static_cast<std::uint64_t>(value);
  Digit reversed[digits_max];
  int count = 0, zeros = 0;
  // The lowest group is short by `pad` decimals.
  const std::uint64_t low_base = base / units[pad];
  reversed[count++] = static_cast<Digit>(rest % low_base * units[pad]);
  for (rest /= low_base; rest != 0; rest /= base) reversed[count++] = static_cast<Digit>(rest % base);
  while (zeros < count && reversed[zeros] == 0) ++zeros;
  const int kept = count - zeros, weight = kept == 0 ? 0 : count - 1 - (scale + pad) / group;
  const std::size_t bytes = 4 + 2 * static_cast<std::size_t>(kept);
  char small[StringRef::inline_bytes_max];
  char* to = bytes <= sizeof small ? small : static_cast<char*>(arena.allocate(bytes, 2));
  store_le<std::uint16_t>(to, static_cast<std::uint16_t>((value < 0 ? 0x4000 : 0) | scale));
  store_le<std::int16_t>(to + 2, static_cast<std::int16_t>(weight));
  for (int i = 0; i < kept; ++i) store_le<Digit>(to + 4 + 2 * i, reversed[count - 1 - i]);
  return Numeric{StringRef(std::string_view(to, bytes))};
}

}  // namespace

Numeric numeric_from_scaled(Int128 value, int scale, Arena& arena) {
  // The fraction is brought to whole groups first, so that the digits are those of an integer.
  const int pad = (group - scale % group) % group;
  if (value <= INT64_MAX && value >= INT64_MIN)
    return from_scaled_small(static_cast<std::int64_t>(value), scale, pad, arena);
  constexpr int units[] = {1, 10, 100, 1000};
  Decimal result;
  Int128 padded;
  if (!__builtin_mul_overflow(value, Int128{units[pad]}, &padded)) {
    result = from_int128(padded, arena);
  } else {
    result = mul(from_int128(value, arena), from_int(units[pad]), arena);
  }
  if (result.count != 0) result.weight -= (scale + pad) / group;
  result.dscale = scale;
  return store_known(result, arena);
}

Numeric numeric_from_stored(const Value& value, int scale, Arena& arena) {
  if (value.physical == Physical::int8) {
    const auto scaled = value.as<std::int64_t>();
    return scaled == scaled_nan8 ? nan() : numeric_from_scaled(scaled, scale, arena);
  }
  const auto scaled = value.as<Int128>();
  return scaled == scaled_nan16 ? nan() : numeric_from_scaled(scaled, scale, arena);
}

bool numeric_to_stored(const Numeric& a, Physical physical, int scale, Value* to) {
  if (physical == Physical::int8) {
    std::int64_t scaled = scaled_nan8;
    if (!a.is_nan() && (!numeric_to_scaled(a, scale, &scaled) || scaled == scaled_nan8)) return false;
    *to = Value::of(physical, scaled);
    return true;
  }
  Int128 scaled = scaled_nan16;
  if (!a.is_nan() && (!numeric_to_scaled(a, scale, &scaled) || scaled == scaled_nan16)) return false;
  *to = Value::of(physical, scaled);
  return true;
}

Value expression_value(Oid type, std::int32_t typmod, const Value& stored, Arena& arena) {
  if (type != oid::numeric || (stored.physical != Physical::int8 && stored.physical != Physical::int16)) return stored;
  if (stored.is_null) return Value::null_of(Physical::string);
  return Value::of(Physical::string, numeric_from_stored(stored, NumericTypmod::of(typmod).scale, arena));
}

std::uint64_t numeric_hash(const Numeric& a) {
  Scratch scratch;
  const Decimal value = load(a, scratch.arena);
  const auto mix = [](std::uint64_t x) {
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    x ^= x >> 32;
    x *= 0xd6e8feb86659fd93u;
    return x ^ x >> 32;
  };
  std::int64_t integer = 0;
  if (value.kind == Kind::finite && is_integer(value) && to_int64(value, &integer))
    return mix(static_cast<std::uint64_t>(integer) + 0x9e3779b97f4a7c15u);
  std::uint64_t hash = mix(static_cast<std::uint64_t>(value.weight + 40000) * 8 + (value.negative ? 4 : 0) +
                           static_cast<std::uint64_t>(value.kind));
  for (int i = 0; i < value.count; ++i) hash = mix(hash ^ static_cast<std::uint64_t>(value.digits()[i] + 1));
  return hash;
}

}  // namespace spg::type
