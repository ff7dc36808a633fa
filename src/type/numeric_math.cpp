// Inexact functions of numerics: roots, exponentials, logarithms, powers; and the integer ones built on division.
#include <algorithm>
#include <cmath>

#include "spg/type/numeric.hpp"
#include "decimal.hpp"

namespace spg::type {
namespace decimal {
namespace {

constexpr double ln_ten = 2.302585092994045684, log10_e = 0.434294481903252;

Decimal from_double(double value, Arena& arena) {
  auto parsed = numeric_from_float8(value, arena);
  return parsed ? load(*parsed, arena) : Decimal{};
}

Decimal halve(const Decimal& a, int scale, Arena& arena) {
  return div(a, from_int(2), scale, Rounding::half_away, arena);
}

}  // namespace

Decimal sqrt(const Decimal& a, int scale, Arena& arena) {
  Decimal result;
  result.dscale = std::max(scale, 0);
  if (a.count == 0) return result;
  // Newton's iteration from a double's 15 digits, each step doubling the digits that are right.
  Decimal mantissa = a;
  const int shift = a.weight >= 0 ? a.weight / 2 : -((-a.weight + 1) / 2);
  mantissa.weight -= 2 * shift;  // now 0 or 1
  const int target = std::max(scale + shift * group, 0) + 8;
  Decimal root = from_double(std::sqrt(to_double(mantissa)), arena);
  for (int right = 12;;) {
    right = std::min(2 * right, target + 4);
    root = halve(add(root, div(mantissa, root, right + 4, Rounding::half_away, arena), arena), right + 4, arena);
    if (right >= target + 4) break;
  }
  if (root.count != 0) root.weight += shift;
  return round(root, scale, arena);
}

Result<Decimal> exp(const Decimal& a, int scale, Arena& arena) {
  double approximate = to_double(a);
  if (std::abs(approximate) >= result_scale_max * 3) {
    if (approximate > 0) return overflow();
    Decimal zero;
    zero.dscale = scale;
    return zero;
  }
  // Halve until below 0.01, sum the Taylor series, square back.
  int halvings = 0;
  for (; std::abs(approximate) > 0.01; approximate /= 2) ++halvings;
  const int weight = static_cast<int>(to_double(a) * log10_e);  // decimal digits before the point of the result
  const int significant = std::max(1 + weight + scale, 1);
  const int local = significant + halvings / 3 + 10;
  Decimal x = a;
  if (halvings > 0) x = div(a, from_int(std::int64_t{1} << halvings), local + 4, Rounding::half_away, arena);
  Decimal sum = add(from_int(1), x, arena), term = x;
  for (int n = 2;; ++n) {
    term = div(mul_round(term, x, local, arena), from_int(n), local, Rounding::half_away, arena);
    if (term.count == 0) break;
    sum = add(sum, term, arena);
  }
  for (int i = 0; i < halvings; ++i) {
    // Relative precision is what counts: a result far below or above 1 needs more or fewer decimals.
    const int keep = std::max(local - 2 * sum.weight * group, 0);
    sum = mul_round(sum, sum, keep, arena);
  }
  return round(sum, scale, arena);
}

Decimal ln(const Decimal& a, int scale, Arena& arena) {
  // Square roots until the argument is near 1, then 2 artanh((x - 1) / (x + 1)).
  const double magnitude = std::abs(static_cast<double>(a.weight) * group * ln_ten) + 10;
  const int roots_most = static_cast<int>(std::log2(magnitude)) + 6;
  const int local = std::max(scale, 0) + roots_most / 3 + 12;
  Decimal x = a;
  int doublings = 1;
  const Decimal low = from_double(0.98, arena), high = from_double(1.02, arena);
  while (compare(x, low) < 0 || compare(x, high) > 0) {
    // Below 1 roots of tiny numbers must keep their relative precision.
    x = sqrt(x, local + (x.weight < 0 ? -x.weight * group : 0), arena);
    ++doublings;
  }
  const Decimal one = from_int(1);
  const Decimal z = div(sub(x, one, arena), add(x, one, arena), local + 4, Rounding::half_away, arena);
  const Decimal square = mul_round(z, z, local + 4, arena);
  Decimal sum = z, power = z;
  for (int n = 3; power.count != 0; n += 2) {
    power = mul_round(power, square, local + 4, arena);
    const Decimal term = div(power, from_int(n), local + 4, Rounding::half_away, arena);
    if (term.count == 0) break;
    sum = add(sum, term, arena);
  }
  return round(mul(sum, from_int(std::int64_t{1} << doublings), arena), scale, arena);
}

int estimate_ln_weight(const Decimal& a, Arena& arena) {
  if (a.count == 0 || a.negative) return 0;
  const double value = a.digit(0) * 1e4 + a.digit(1);
  const bool near_one = std::abs(a.weight) <= 1 && [&] {
    const double approximate = to_double(a);
    return approximate >= 0.9 && approximate <= 1.1;
  }();
  if (near_one) {
    const Decimal x = sub(a, from_int(1), arena);
    return x.count == 0 ? 0 : x.weight * group + static_cast<int>(std::log10(x.digit(0)));
  }
  const double estimate = std::log(value) + (a.weight - 1) * group * ln_ten;
  return static_cast<int>(std::log10(std::abs(estimate)));
}

namespace {

int clamp_scale(int scale, int a, int b) { return std::min(std::max({scale, a, b, 0}), display_scale_max); }

/// base^n by squaring, to a relative precision that leaves `scale` decimals right.
Result<Decimal> power_int(const Decimal& a, std::int64_t n, int scale, Arena& arena) {
  const auto whole = [&](Decimal value) {
    value.dscale = scale;
    return value;
  };
  if (n == 0) return whole(from_int(1));
  if (n == 1) return round(a, scale, arena);
  if (n == 2) return mul_round(a, a, scale, arena);
  if (a.count == 0) {
    if (n < 0) return Error::make(sqlstate::division_by_zero, "division by zero");
    return whole(Decimal{});
  }
  if (n == -1) return div(from_int(1), a, scale, Rounding::half_away, arena);
  const double digits = (std::log10(a.digit(0) + a.digit(1) / 1e4 + a.digit(2) / 1e8) + a.weight * group) *
                        static_cast<double>(n);
  if (digits > 3.0 * weight_max * group) return overflow();
  if (digits + 1 < -numeric_scale_max) return whole(Decimal{});
  const int significant = std::max(1 + scale + static_cast<int>(digits), 1) +
                          static_cast<int>(std::log(std::abs(static_cast<double>(n)))) + 12;
  const int groups = significant / group + 3;
  const auto keep = [&](const Decimal& value) { return round(value, (groups - 1 - value.weight) * group, arena); };
  std::uint64_t mask = static_cast<std::uint64_t>(n < 0 ? -n : n);
  Decimal product = a, result = (mask & 1) != 0 ? a : from_int(1);
  for (mask >>= 1; mask != 0; mask >>= 1) {
    product = keep(mul(product, product, arena));
    if ((mask & 1) != 0) result = keep(mul(product, result, arena));
    if (product.weight > weight_max || result.weight > weight_max) {
      if (n > 0) return overflow();
      return whole(Decimal{});
    }
    // Vanishing bases stay finite in PostgreSQL's format only down to its least weight.
    if (n > 0 && product.count != 0 && product.weight < -weight_max) return whole(Decimal{});
  }
  if (n < 0) return div(from_int(1), result, scale, Rounding::half_away, arena);
  return round(result, scale, arena);
}

Result<Decimal> log_of(const Decimal& b, const Decimal& a, Arena& arena) {
  const int weight_b = estimate_ln_weight(b, arena), weight_a = estimate_ln_weight(a, arena);
  const int weight = weight_a - weight_b;
  const int scale = clamp_scale(min_significant - weight, b.dscale, a.dscale);
  const Decimal ln_b = ln(b, std::max(scale + weight - weight_b + 8, 0), arena);
  const Decimal ln_a = ln(a, std::max(scale + weight - weight_a + 8, 0), arena);
  if (ln_b.count == 0) return Error::make(sqlstate::division_by_zero, "division by zero");
  return div(ln_a, ln_b, scale, Rounding::half_away, arena);
}

Result<Decimal> power_of(Decimal a, const Decimal& b, Arena& arena) {
  std::int64_t n = 0;
  if (is_integer(b) && to_int64(b, &n) && n >= INT32_MIN && n <= INT32_MAX)
    return power_int(a, n, clamp_scale(min_significant, a.dscale, 0), arena);
  if (a.count == 0) {
    Decimal zero;
    zero.dscale = min_significant;
    return zero;
  }
  bool negative = false;
  if (a.negative) {
    negative = (b.at_weight(0) & 1) != 0;
    a.negative = false;
  }
  const int ln_weight = estimate_ln_weight(a, arena);
  int local = std::max(8 - ln_weight, 0);
  double value = to_double(mul_round(ln(a, local, arena), b, local, arena));
  if (std::abs(value) > result_scale_max * 3.01) {
    if (value > 0) return overflow();
    Decimal zero;
    zero.dscale = display_scale_max;
    return zero;
  }
  value *= log10_e;
  const int scale = clamp_scale(min_significant - static_cast<int>(value), a.dscale, b.dscale);
  const int significant = std::max(scale + static_cast<int>(value), 0);
  local = std::max(significant - ln_weight + 8, 0);
  SPG_ASSIGN(Decimal result, exp(mul_round(ln(a, local + 8, arena), b, local, arena), scale, arena));
  result.negative = negative && result.count != 0;
  return result;
}

Numeric packed(const Decimal& value, Arena& arena) { return *store(value, arena); }
Result<Numeric> store_result(Result<Decimal> value, Arena& arena) {
  if (!value) return value.take_error();
  return store(*value, arena);
}

Numeric nan_value(Arena& arena) {
  Decimal value;
  value.kind = Kind::nan;
  return packed(value, arena);
}
Numeric infinity_value(bool negative, Arena& arena) {
  Decimal value;
  value.kind = Kind::infinity;
  value.negative = negative;
  return packed(value, arena);
}

Error log_of_zero() { return Error::make(sqlstate::invalid_argument_for_log, "cannot take logarithm of zero"); }
Error log_of_negative() {
  return Error::make(sqlstate::invalid_argument_for_log, "cannot take logarithm of a negative number");
}
Status check_log(const Decimal& a) {
  if (a.sign() == 0) return log_of_zero();
  return a.negative ? log_of_negative() : ok();
}

}  // namespace
}  // namespace decimal

using namespace decimal;

Result<Numeric> numeric_sqrt(const Numeric& a, Arena& arena) {
  if (a.is_nan()) return a;
  const Decimal value = load(a, arena);
  if (value.negative)
    return Error::make(sqlstate::invalid_argument_for_power_function, "cannot take square root of a negative number");
  if (value.kind == Kind::infinity) return a;
  const int weight = (value.weight + 1) * group / 2 - 1;
  return store(decimal::sqrt(value, clamp_scale(min_significant - weight, value.dscale, 0), arena), arena);
}

Result<Numeric> numeric_sqrt_to_scale(const Numeric& a, int scale, Arena& arena) {
  return store(decimal::sqrt(load(a, arena), scale, arena), arena);
}

Result<Numeric> numeric_exp(const Numeric& a, Arena& arena) {
  if (a.is_nan()) return a;
  const Decimal value = load(a, arena);
  if (value.kind == Kind::infinity) return value.negative ? Numeric{} : a;
  const double digits = std::clamp(to_double(value) * log10_e, -1.0 * result_scale_max, 1.0 * result_scale_max);
  const int scale = clamp_scale(min_significant - static_cast<int>(digits), value.dscale, 0);
  return store_result(decimal::exp(value, scale, arena), arena);
}

Result<Numeric> numeric_ln(const Numeric& a, Arena& arena) {
  if (a.is_nan()) return a;
  const Decimal value = load(a, arena);
  SPG_TRY(check_log(value));
  if (value.kind == Kind::infinity) return a;
  const int scale = clamp_scale(min_significant - estimate_ln_weight(value, arena), value.dscale, 0);
  return store(decimal::ln(value, scale, arena), arena);
}

Result<Numeric> numeric_log(const Numeric& base_value, const Numeric& a, Arena& arena) {
  if (a.is_nan() || base_value.is_nan()) return nan_value(arena);
  const Decimal b = load(base_value, arena), value = load(a, arena);
  if ((b.kind == Kind::infinity || value.kind == Kind::infinity) && (b.negative || value.negative))
    return log_of_negative();
  SPG_TRY(check_log(b));
  SPG_TRY(check_log(value));
  if (b.kind == Kind::infinity) return value.kind == Kind::infinity ? nan_value(arena) : Numeric{};
  if (value.kind == Kind::infinity) return a;
  return store_result(log_of(b, value, arena), arena);
}

Result<Numeric> numeric_log10(const Numeric& a, Arena& arena) {
  return numeric_log(numeric_from_int8(10, arena), a, arena);
}

Result<Numeric> numeric_power(const Numeric& a, const Numeric& b, Arena& arena) {
  const Decimal x = load(a, arena), y = load(b, arena), one = from_int(1);
  if (x.kind == Kind::nan) return y.is_zero() ? packed(one, arena) : a;
  if (y.kind == Kind::nan) return x.kind == Kind::finite && compare(x, one) == 0 ? packed(one, arena) : b;
  const bool integral = y.kind == Kind::infinity || is_integer(y);
  if (x.sign() == 0 && y.sign() < 0)
    return Error::make(sqlstate::invalid_argument_for_power_function,
                       "zero raised to a negative power is undefined");
  if (x.sign() < 0 && !integral)
    return Error::make(sqlstate::invalid_argument_for_power_function,
                       "a negative number raised to a non-integer power yields a complex result");
  if (x.kind == Kind::finite && y.kind == Kind::finite) return store_result(power_of(x, y, arena), arena);
  if (x.kind == Kind::finite && compare(x, one) == 0) return packed(one, arena);
  if (y.sign() == 0) return packed(one, arena);
  if (x.sign() == 0) return Numeric{};
  if (y.kind == Kind::infinity) {
    const int against_one = x.kind == Kind::infinity ? 1 : compare_magnitude(x, one);
    if (against_one == 0) return packed(one, arena);
    return (against_one > 0) == !y.negative ? infinity_value(false, arena) : Numeric{};
  }
  if (y.negative) return Numeric{};
  return infinity_value(x.negative && (y.at_weight(0) & 1) != 0, arena);
}

namespace {

Decimal gcd_of(Decimal a, Decimal b, Arena& arena) {
  const int dscale = std::max(a.dscale, b.dscale);
  a.negative = b.negative = false;
  while (b.count != 0) {
    const Decimal rest = sub(a, mul(div(a, b, 0, Rounding::truncate, arena), b, arena), arena);
    a = b;
    b = rest;
  }
  a.dscale = dscale;
  return a;
}

}  // namespace

Result<Numeric> numeric_gcd(const Numeric& a, const Numeric& b, Arena& arena) {
  if (a.is_special() || b.is_special()) return nan_value(arena);
  return store(gcd_of(load(a, arena), load(b, arena), arena), arena);
}

Result<Numeric> numeric_lcm(const Numeric& a, const Numeric& b, Arena& arena) {
  if (a.is_special() || b.is_special()) return nan_value(arena);
  const Decimal x = load(a, arena), y = load(b, arena);
  Decimal result;
  if (x.count != 0 && y.count != 0)
    result = mul(div(x, gcd_of(x, y, arena), 0, Rounding::truncate, arena), y, arena);
  result.negative = false;
  result.dscale = std::max(x.dscale, y.dscale);
  return store(result, arena);
}

Result<Numeric> numeric_factorial(std::int64_t n, Arena& arena) {
  if (n < 0) return Error::make(sqlstate::numeric_value_out_of_range, "factorial of a negative number is undefined");
  if (n > 32177) return overflow();
  Decimal result = from_int(1);
  for (std::int64_t i = 2; i <= n;) {
    std::int64_t factor = i++;
    while (i <= n && factor < 1000000000000 / i) factor *= i++;
    result = mul(result, from_int(factor), arena);
    SPG_TRY(arena.check());
  }
  return store(result, arena);
}

Result<std::int32_t> numeric_width_bucket(const Numeric& operand, const Numeric& low, const Numeric& high,
                                          std::int32_t count, Arena& arena) {
  const auto bad = [](std::string_view what) {
    return Error::make(sqlstate::invalid_argument_for_width_bucket_function, what);
  };
  if (count <= 0) return bad("count must be greater than zero");
  if (operand.is_nan() || low.is_nan() || high.is_nan())
    return bad("operand, lower bound, and upper bound cannot be NaN");
  if (low.is_infinite() || high.is_infinite()) return bad("lower and upper bounds must be finite");
  const Decimal x = load(operand, arena);
  Decimal from = load(low, arena), to = load(high, arena);
  const int order = compare(from, to);
  if (order == 0) return bad("lower bound cannot equal upper bound");
  const auto past_last = [&]() -> Result<std::int32_t> {
    if (count == INT32_MAX) return Error::make(sqlstate::numeric_value_out_of_range, "integer out of range");
    return count + 1;
  };
  if (order < 0 ? compare(x, from) < 0 : compare(x, from) > 0) return 0;
  if (order < 0 ? compare(x, to) >= 0 : compare(x, to) <= 0) return past_last();
  const Decimal share = div(mul(sub(x, from, arena), from_int(count), arena), sub(to, from, arena), 0,
                            Rounding::truncate, arena);
  std::int64_t bucket = 0;
  to_int64(share, &bucket);
  return static_cast<std::int32_t>(bucket) + 1;
}

}  // namespace spg::type
