// The numeric module: numeric operators and casts; rounding, powers, logarithms and trigonometry of floats and
// numerics.
#include <cmath>

#include "kernels.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i2 = std::int16_t;
using i4 = std::int32_t;
using i8 = std::int64_t;
using N = Numeric;

template <Compare c>
bool numeric_is(N a, N b) {
  return holds<c>(type::numeric_compare(a, b));
}
i4 numeric_order(N a, N b) {
  const int order = type::numeric_compare(a, b);
  return order < 0 ? -1 : order > 0;
}

Error range_fault(unsigned fault) { return fault_error(fault, {}); }
Error bad_argument(Sqlstate code, std::string_view message) { return Error::make(code, message); }
Error input_range() { return Error::make(sqlstate::numeric_value_out_of_range, "input is out of range"); }

Result<double> checked(double result, bool infinite_in, bool zero_is_fine = true) {
  if (std::isinf(result) && !infinite_in) return range_fault(overflow);
  if (result == 0 && !zero_is_fine) return range_fault(underflow);
  return result;
}
Result<double> square_root(double a) {
  if (a < 0)
    return bad_argument(sqlstate::invalid_argument_for_power_function, "cannot take square root of a negative number");
  return checked(std::sqrt(a), std::isinf(a), a == 0);
}
Result<double> cube_root(double a) { return checked(std::cbrt(a), std::isinf(a), a == 0); }
Result<double> power(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return (b == 0 || a == 1) ? 1.0 : std::nan("");
  if (a == 0 && b < 0)
    return bad_argument(sqlstate::invalid_argument_for_power_function, "zero raised to a negative power is undefined");
  if (a < 0 && std::isfinite(a) && std::floor(b) != b && std::isfinite(b))
    return bad_argument(sqlstate::invalid_argument_for_power_function,
                        "a negative number raised to a non-integer power yields a complex result");
  const double result = std::pow(a, b);
  if (std::isinf(a) || std::isinf(b)) return result;
  return checked(result, false, a == 0);
}
Result<double> exponential(double a) {
  if (std::isnan(a)) return a;
  if (std::isinf(a)) return a > 0 ? a : 0.0;
  return checked(std::exp(a), false, false);
}
Status check_logarithm(double a) {
  if (a == 0) return bad_argument(sqlstate::invalid_argument_for_log, "cannot take logarithm of zero");
  if (a < 0) return bad_argument(sqlstate::invalid_argument_for_log, "cannot take logarithm of a negative number");
  return ok();
}
Result<double> natural_logarithm(double a) {
  SPG_TRY(check_logarithm(a));
  return std::log(a);
}
Result<double> decimal_logarithm(double a) {
  SPG_TRY(check_logarithm(a));
  return std::log10(a);
}

enum class Trig : std::uint8_t { sin, cos, tan, cot, asin, acos, atan, sinh, cosh, tanh, asinh, acosh, atanh };
template <Trig f>
Result<double> trigonometry(double a) {
  if (std::isnan(a)) return a;
  const bool bounded = f == Trig::asin || f == Trig::acos || f == Trig::atanh;
  if (bounded && (a < -1 || a > 1)) return input_range();
  if (f == Trig::acosh && a < 1) return input_range();
  if ((f == Trig::sin || f == Trig::cos || f == Trig::tan || f == Trig::cot) && std::isinf(a)) return input_range();
  switch (f) {
    case Trig::sin: return std::sin(a);
    case Trig::cos: return std::cos(a);
    case Trig::tan: return std::tan(a);
    case Trig::cot: return 1 / std::tan(a);
    case Trig::asin: return std::asin(a);
    case Trig::acos: return std::acos(a);
    case Trig::atan: return std::atan(a);
    case Trig::sinh: return std::sinh(a);
    case Trig::cosh: return std::cosh(a);
    case Trig::tanh: return std::tanh(a);
    case Trig::asinh: return std::asinh(a);
    case Trig::acosh: return std::acosh(a);
    case Trig::atanh: return std::atanh(a);
  }
}
constexpr double pi = 3.14159265358979323846, radians_per_degree = 0.0174532925199432957692;

/// Sine of 0 .. 90 degrees, exact at 0, 30 and 90.
double sine_quadrant(double degrees) {
  static const double sin_30 = std::sin(30 * radians_per_degree),
                      one_minus_cos_60 = 1 - std::cos(60 * radians_per_degree);
  const auto small_sine = [](double x) { return std::sin(x * radians_per_degree) / sin_30 / 2.0; };
  const auto small_cosine = [](double x) {
    return 1.0 - (1.0 - std::cos(x * radians_per_degree)) / one_minus_cos_60 / 2.0;
  };
  return degrees <= 30 ? small_sine(degrees) : small_cosine(90 - degrees);
}
double cosine_quadrant(double degrees) {
  static const double sin_30 = std::sin(30 * radians_per_degree),
                      one_minus_cos_60 = 1 - std::cos(60 * radians_per_degree);
  if (degrees <= 60) return 1.0 - (1.0 - std::cos(degrees * radians_per_degree)) / one_minus_cos_60 / 2.0;
  return std::sin((90 - degrees) * radians_per_degree) / sin_30 / 2.0;
}
enum class Degrees : std::uint8_t { sin, cos, tan, cot };
template <Degrees f>
Result<double> degree_trigonometry(double a) {
  if (std::isnan(a)) return a;
  if (std::isinf(a)) return input_range();
  double x = std::fmod(a, 360.0);
  int sin_sign = 1, cos_sign = 1;
  if (x < 0) {
    x = -x;
    sin_sign = -sin_sign;
  }
  if (x > 180) {
    x = 360 - x;
    sin_sign = -sin_sign;
  }
  if (x > 90) {
    x = 180 - x;
    cos_sign = -cos_sign;
  }
  const double s = sin_sign * sine_quadrant(x), c = cos_sign * cosine_quadrant(x);
  static const double tan_45 = sine_quadrant(45) / cosine_quadrant(45),
                      cot_45 = cosine_quadrant(45) / sine_quadrant(45);
  double result = 0;
  switch (f) {
    case Degrees::sin: result = s; break;
    case Degrees::cos: result = c; break;
    case Degrees::tan: result = s / c / tan_45; break;
    case Degrees::cot: result = c / s / cot_45; break;
  }
  return result == 0 ? 0.0 : result;
}
double arc_sine_quadrant(double x) {
  static const double asin_half = std::asin(0.5), acos_half = std::acos(0.5);
  return x <= 0.5 ? std::asin(x) / asin_half * 30.0 : 90.0 - std::acos(x) / acos_half * 60.0;
}
Result<double> arc_sine_degrees(double a) {
  if (std::isnan(a)) return a;
  if (a < -1 || a > 1) return input_range();
  return a >= 0 ? arc_sine_quadrant(a) : -arc_sine_quadrant(-a);
}
Result<double> arc_cosine_degrees(double a) {
  if (std::isnan(a)) return a;
  if (a < -1 || a > 1) return input_range();
  static const double asin_half = std::asin(0.5), acos_half = std::acos(0.5);
  if (a < 0) return 90.0 + arc_sine_quadrant(-a);
  return a <= 0.5 ? 90.0 - std::asin(a) / asin_half * 30.0 : std::acos(a) / acos_half * 60.0;
}
double arc_tangent_degrees(double a) {
  static const double one = std::atan(1.0);
  return std::atan(a) / one * 45.0;
}
double arc_tangent2_degrees(double y, double x) {
  static const double one = std::atan(1.0);
  return std::atan2(y, x) / one * 45.0;
}

Result<i4> width_bucket_float(double operand, double low, double high, i4 count) {
  if (count <= 0)
    return bad_argument(sqlstate::invalid_argument_for_width_bucket_function, "count must be greater than zero");
  if (std::isnan(operand) || std::isnan(low) || std::isnan(high))
    return bad_argument(sqlstate::invalid_argument_for_width_bucket_function,
                        "operand, lower bound, and upper bound cannot be NaN");
  if (std::isinf(low) || std::isinf(high))
    return bad_argument(sqlstate::invalid_argument_for_width_bucket_function, "lower and upper bounds must be finite");
  if (low == high)
    return bad_argument(sqlstate::invalid_argument_for_width_bucket_function, "lower bound cannot equal upper bound");
  const bool up = low < high;
  if (up ? operand < low : operand > low) return 0;
  if (up ? operand >= high : operand <= high) {
    if (count == INT32_MAX) return Error::make(sqlstate::numeric_value_out_of_range, "integer out of range");
    return count + 1;
  }
  const double part = up ? (operand - low) / (high - low) : (low - operand) / (low - high);
  const auto bucket = static_cast<i4>(static_cast<double>(count) * part);
  return (bucket >= count ? count - 1 : bucket) + 1;
}

Result<double> random_unit(Context& context) {
  if (context.exec.host == nullptr)
    return Error::make(sqlstate::object_not_in_prerequisite_state, "there is no source of random numbers here");
  std::uint64_t bits;
  context.exec.host->fill_random({reinterpret_cast<std::byte*>(&bits), sizeof bits});
  return static_cast<double>(bits >> 11) * 0x1p-53;
}

constexpr FunctionEntry numeric_functions[] = {
    {proc::numeric_eq,
     [] {
       Function f = call<numeric_is<Compare::eq>>();
       f.is_equality = true;
       return f;
     }()},
    {proc::numeric_ne, call<numeric_is<Compare::ne>>()},
    {proc::numeric_lt, call<numeric_is<Compare::lt>>()},
    {proc::numeric_le, call<numeric_is<Compare::le>>()},
    {proc::numeric_gt, call<numeric_is<Compare::gt>>()},
    {proc::numeric_ge, call<numeric_is<Compare::ge>>()},
    {proc::numeric_cmp, call<numeric_order>()},
    {proc::numeric_larger, call<+[](N a, N b) { return (type::numeric_compare(a, b) > 0) ? a : b; }>()},
    {proc::numeric_smaller, call<+[](N a, N b) { return (type::numeric_compare(a, b) < 0) ? a : b; }>()},
    {proc::numeric_add, call<+[](Context& c, N a, N b) { return type::numeric_add(a, b, c.arena); }>()},
    {proc::numeric_sub, call<+[](Context& c, N a, N b) { return type::numeric_sub(a, b, c.arena); }>()},
    {proc::numeric_mul, call<+[](Context& c, N a, N b) { return type::numeric_mul(a, b, c.arena); }>()},
    {proc::numeric_div, call<+[](Context& c, N a, N b) { return type::numeric_div(a, b, c.arena); }>()},
    {proc::numeric_div_trunc, call<+[](Context& c, N a, N b) { return type::numeric_div_trunc(a, b, c.arena); }>()},
    {proc::numeric_mod, call<+[](Context& c, N a, N b) { return type::numeric_mod(a, b, c.arena); }>()},
    {proc::numeric_uminus, call<+[](Context& c, N a) { return type::numeric_neg(a, c.arena); }>()},
    {proc::numeric_uplus, call<+[](N a) { return a; }>()},
    {proc::numeric_abs, call<+[](Context& c, N a) { return type::numeric_abs(a, c.arena); }>()},
    {proc::numeric_sign, call<+[](N a) { return type::numeric_sign(a); }>()},
    {proc::numeric_round, call<+[](Context& c, N a, i4 scale) { return type::numeric_round(a, scale, c.arena); }>()},
    {proc::round_1708, call<+[](Context& c, N a) { return type::numeric_round(a, 0, c.arena); }>()},
    {proc::numeric_trunc, call<+[](Context& c, N a, i4 scale) { return type::numeric_trunc(a, scale, c.arena); }>()},
    {proc::trunc_1710, call<+[](Context& c, N a) { return type::numeric_trunc(a, 0, c.arena); }>()},
    {proc::numeric_ceil, call<+[](Context& c, N a) { return type::numeric_ceil(a, c.arena); }>()},
    {proc::numeric_floor, call<+[](Context& c, N a) { return type::numeric_floor(a, c.arena); }>()},
    {proc::numeric_power, call<+[](Context& c, N a, N b) { return type::numeric_power(a, b, c.arena); }>()},
    {proc::numeric_sqrt, call<+[](Context& c, N a) { return type::numeric_sqrt(a, c.arena); }>()},
    {proc::numeric_exp, call<+[](Context& c, N a) { return type::numeric_exp(a, c.arena); }>()},
    {proc::numeric_ln, call<+[](Context& c, N a) { return type::numeric_ln(a, c.arena); }>()},
    {proc::numeric_log, call<+[](Context& c, N base, N a) { return type::numeric_log(base, a, c.arena); }>()},
    {proc::log10_1481, call<+[](Context& c, N a) { return type::numeric_log10(a, c.arena); }>()},
    {proc::log_1741, call<+[](Context& c, N a) { return type::numeric_log10(a, c.arena); }>()},
    {proc::numeric_gcd, call<+[](Context& c, N a, N b) { return type::numeric_gcd(a, b, c.arena); }>()},
    {proc::numeric_lcm, call<+[](Context& c, N a, N b) { return type::numeric_lcm(a, b, c.arena); }>()},
    {proc::numeric_fac, call<+[](Context& c, i8 n) { return type::numeric_factorial(n, c.arena); }>()},
    {proc::numeric_trim_scale, call<+[](Context& c, N a) { return type::numeric_trim_scale(a, c.arena); }>()},
    {proc::numeric_scale,
     call<+[](N a) { return a.is_special() ? std::optional<i4>() : std::optional<i4>(a.dscale()); }>()},
    {proc::numeric_min_scale,
     call<+[](N a) { return a.is_special() ? std::optional<i4>() : std::optional<i4>(type::numeric_min_scale(a)); }>()},
    {proc::numeric_inc,
     call<+[](Context& c, N a) { return type::numeric_add(a, type::numeric_from_int8(1, c.arena), c.arena); }>()},
    {proc::width_bucket_numeric, call<+[](Context& c, N a, N low, N high, i4 count) {
       return type::numeric_width_bucket(a, low, high, count, c.arena);
     }>()},
    {proc::width_bucket_float8, call<width_bucket_float>()},
    {proc::numeric, call<+[](Context& c, N a, i4 typmod) { return type::numeric_apply_typmod(a, typmod, c.arena); }>()},
    {proc::int2_numeric, call<+[](Context& c, i2 a) { return type::numeric_from_int8(a, c.arena); }>()},
    {proc::int4_numeric, call<+[](Context& c, i4 a) { return type::numeric_from_int8(a, c.arena); }>()},
    {proc::int8_numeric, call<+[](Context& c, i8 a) { return type::numeric_from_int8(a, c.arena); }>()},
    {proc::float4_numeric, call<+[](Context& c, float a) { return type::numeric_from_float4(a, c.arena); }>()},
    {proc::float8_numeric, call<+[](Context& c, double a) { return type::numeric_from_float8(a, c.arena); }>()},
    {proc::numeric_int2, call<+[](N a) { return type::numeric_to_int2(a); }>()},
    {proc::numeric_int4, call<+[](N a) { return type::numeric_to_int4(a); }>()},
    {proc::numeric_int8, call<+[](N a) { return type::numeric_to_int8(a); }>()},
    {proc::numeric_float4, call<+[](N a) { return type::numeric_to_float4(a); }>()},
    {proc::numeric_float8, call<+[](N a) { return type::numeric_to_float8(a); }>()},
    // floats
    {proc::dsqrt, call<square_root>()},
    {proc::dcbrt, call<cube_root>()},
    {proc::dpow, call<power>()},
    {proc::dexp, call<exponential>()},
    {proc::dlog1, call<natural_logarithm>()},
    {proc::dlog10, call<decimal_logarithm>()},
    {proc::dround, call<+[](double a) { return std::rint(a); }>()},
    {proc::dtrunc, call<+[](double a) { return std::trunc(a); }>()},
    {proc::dceil, call<+[](double a) { return std::ceil(a); }>()},
    {proc::dfloor, call<+[](double a) { return std::floor(a); }>()},
    {proc::dsign, call<+[](double a) { return (a > 0)   ? 1.0
                                              : (a < 0) ? -1.0
                                                        : 0.0; }>()},
    {proc::dsin, call<trigonometry<Trig::sin>>()},
    {proc::dcos, call<trigonometry<Trig::cos>>()},
    {proc::dtan, call<trigonometry<Trig::tan>>()},
    {proc::dcot, call<trigonometry<Trig::cot>>()},
    {proc::dasin, call<trigonometry<Trig::asin>>()},
    {proc::dacos, call<trigonometry<Trig::acos>>()},
    {proc::datan, call<trigonometry<Trig::atan>>()},
    {proc::dsinh, call<trigonometry<Trig::sinh>>()},
    {proc::dcosh, call<trigonometry<Trig::cosh>>()},
    {proc::dtanh, call<trigonometry<Trig::tanh>>()},
    {proc::dasinh, call<trigonometry<Trig::asinh>>()},
    {proc::dacosh, call<trigonometry<Trig::acosh>>()},
    {proc::datanh, call<trigonometry<Trig::atanh>>()},
    {proc::datan2, call<+[](double y, double x) { return std::atan2(y, x); }>()},
    {proc::dsind, call<degree_trigonometry<Degrees::sin>>()},
    {proc::dcosd, call<degree_trigonometry<Degrees::cos>>()},
    {proc::dtand, call<degree_trigonometry<Degrees::tan>>()},
    {proc::dcotd, call<degree_trigonometry<Degrees::cot>>()},
    {proc::dasind, call<arc_sine_degrees>()},
    {proc::dacosd, call<arc_cosine_degrees>()},
    {proc::datand, call<arc_tangent_degrees>()},
    {proc::datan2d, call<arc_tangent2_degrees>()},
    {proc::dpi, call<+[]() { return pi; }>()},
    {proc::degrees, call<+[](double a) { return checked(a / radians_per_degree, std::isinf(a)); }>()},
    {proc::radians, call<+[](double a) { return a * radians_per_degree; }>()},
    {proc::drandom, call_volatile<random_unit>()},
};

}  // namespace

namespace module {
const Module numeric{numeric_functions, {}};
}

}  // namespace spg::exec
