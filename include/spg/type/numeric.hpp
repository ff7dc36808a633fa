// numeric: arbitrary-precision decimals. The value form of the executor, its arithmetic, text and binary forms.
//
// Body (lives in a StringRef, so values of up to 16 decimal digits are inline):
//   offset size meaning
//     0     2   bits 0-13 display scale, bits 14-15: 0 positive, 1 negative, 2 special (then bits 0-13: 0 NaN, 1
//     Infinity,
//               2 -Infinity, and the body ends here)
//     2     2   weight: power of 10000 of the first digit (signed)
//     4    2n   digits of base 10000, most significant first; neither the first nor the last is zero; none for 0
// All integers little-endian. Valid iff digits are 0..9999 and the sizes fit. An empty body (the NULL slot) reads as 0.
// Pure functions, usable from any thread. Results are written to the caller's arena (or are inline). Result scales and
// error texts are PostgreSQL's. Limits: 131072 digits before the point, 16383 after it (22003 beyond).
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/result.hpp"
#include "spg/type/physical.hpp"
#include "spg/type/vector.hpp"

namespace spg::type {

/// A numeric value; the same 16 bytes as its StringRef, so vectors of either can be read as the other.
struct Numeric {
  StringRef body;

  std::uint16_t head() const { return body.size < 2 ? std::uint16_t{0} : load_le<std::uint16_t>(body.data()); }
  bool is_special() const { return (head() >> 14) == 2; }
  bool is_nan() const { return head() == 0x8000; }
  bool is_infinite() const { return is_special() && !is_nan(); }
  /// A body without a first digit: of a damaged one (bytes from disk) that is a number of no digits, too, as all of type/ reads it.
  bool is_zero() const {
    if (is_special()) return false;
    if (body.size < 6) return true;
    const auto first = load_le<std::uint16_t>(body.data() + 4);
    return first == 0 || first >= 10000;
  }
  /// Requires: finite.
  int dscale() const { return head() & 0x3fff; }
};
static_assert(sizeof(Numeric) == 16);

inline constexpr int numeric_scale_max = 16383;
inline constexpr int numeric_precision_max = 1000;

/// Precision and scale of a column, from PostgreSQL's typmod.
struct NumericTypmod {
  int precision, scale;
  static constexpr NumericTypmod of(std::int32_t typmod) {
    return {((typmod - 4) >> 16) & 0xffff, (((typmod - 4) & 0x7ff) ^ 1024) - 1024};
  }
  constexpr std::int32_t typmod() const { return ((precision << 16) | (scale & 0x7ff)) + 4; }
};

Result<Numeric> parse_numeric(std::string_view text, Arena& arena);
void print_numeric(const Numeric& value, TextBuilder& out);
/// PostgreSQL's binary form.
Result<Numeric> receive_numeric(ByteReader& from, Arena& arena);
void send_numeric(const Numeric& value, TextBuilder& out);
/// Whether bytes from outside (disk, another process) are a valid body.
bool numeric_is_valid(Bytes body);

Result<Numeric> numeric_add(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_sub(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_mul(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_div(const Numeric& a, const Numeric& b, Arena& arena);
/// Integer quotient, truncated towards zero: SQL's div(a, b).
Result<Numeric> numeric_div_trunc(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_mod(const Numeric& a, const Numeric& b, Arena& arena);
Numeric numeric_neg(const Numeric& a, Arena& arena);
Numeric numeric_abs(const Numeric& a, Arena& arena);
Numeric numeric_sign(const Numeric& a);
Result<Numeric> numeric_round(const Numeric& a, std::int32_t scale, Arena& arena);
Result<Numeric> numeric_trunc(const Numeric& a, std::int32_t scale, Arena& arena);
Result<Numeric> numeric_ceil(const Numeric& a, Arena& arena);
Result<Numeric> numeric_floor(const Numeric& a, Arena& arena);
Result<Numeric> numeric_power(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_sqrt(const Numeric& a, Arena& arena);
/// Rounded to `scale` decimals at once. Requires: a is finite and not negative.
Result<Numeric> numeric_sqrt_to_scale(const Numeric& a, int scale, Arena& arena);
Result<Numeric> numeric_exp(const Numeric& a, Arena& arena);
Result<Numeric> numeric_ln(const Numeric& a, Arena& arena);
Result<Numeric> numeric_log(const Numeric& base, const Numeric& a, Arena& arena);
Result<Numeric> numeric_log10(const Numeric& a, Arena& arena);
Result<Numeric> numeric_gcd(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_lcm(const Numeric& a, const Numeric& b, Arena& arena);
Result<Numeric> numeric_factorial(std::int64_t n, Arena& arena);
Result<Numeric> numeric_trim_scale(const Numeric& a, Arena& arena);
/// Requires: finite (SQL's scale() of NaN and Infinity is NULL).
std::int32_t numeric_min_scale(const Numeric& a);
Result<std::int32_t> numeric_width_bucket(const Numeric& operand, const Numeric& low, const Numeric& high,
                                          std::int32_t count, Arena& arena);

/// Negative, zero, positive; NaN is equal to itself and above all others.
int numeric_compare(const Numeric& a, const Numeric& b);
/// Equal for equal values whatever their scale; the same as hash_int (order.hpp) for integers that fit in int8.
std::uint64_t numeric_hash(const Numeric& a);

Numeric numeric_from_int8(std::int64_t value, Arena& arena);
Result<Numeric> numeric_from_float8(double value, Arena& arena);
Result<Numeric> numeric_from_float4(float value, Arena& arena);
Result<std::int16_t> numeric_to_int2(const Numeric& a);
Result<std::int32_t> numeric_to_int4(const Numeric& a);
Result<std::int64_t> numeric_to_int8(const Numeric& a);
Result<float> numeric_to_float4(const Numeric& a);
Result<double> numeric_to_float8(const Numeric& a);

/// Rounds to the column's scale and checks its precision; typmod -1 changes nothing.
Result<Numeric> numeric_apply_typmod(const Numeric& a, std::int32_t typmod, Arena& arena);

/// The value x 10^scale, when it is finite, has no more decimals than `scale` (0 .. 38) and fits; else false.
bool numeric_to_scaled(const Numeric& a, int scale, Int128* to);
bool numeric_to_scaled(const Numeric& a, int scale, std::int64_t* to);
/// value x 10^-scale with that display scale (0 .. 38).
Numeric numeric_from_scaled(Int128 value, int scale, Arena& arena);

// Scaled columns: numeric(p,s) as integers, NaN as the greatest one, so that it sorts where NaN does: behind all numbers.
// (A column with a precision holds no infinities.)
inline constexpr std::int64_t scaled_nan8 = INT64_MAX;
inline constexpr Int128 scaled_nan16 = static_cast<Int128>(~static_cast<unsigned __int128>(0) >> 1);
/// A value of a scaled column (int8 or int16), which is not NULL, as a numeric.
Numeric numeric_from_stored(const Value& value, int scale, Arena& arena);
/// The value as a scaled column keeps it; false when it has no such form (infinite, too great, too many decimals).
bool numeric_to_stored(const Numeric& a, Physical physical, int scale, Value* to);
/// A vector's value, or a stored one, in the form that expressions work on.
Value expression_value(Oid type, std::int32_t typmod, const Value& stored, Arena& arena);

}  // namespace spg::type
