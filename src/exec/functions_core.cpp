// The core module: booleans, integers, floats, oid, "char", uuid: operators, comparisons, casts.
#include <bit>
#include <cmath>
#include <limits>

#include "kernels.hpp"

namespace spg::exec {

Error fault_error(unsigned faults, std::string_view type_name) {
  if ((faults & zero_division) != 0) return Error::make(sqlstate::division_by_zero, "division by zero");
  if ((faults & overflow) != 0)
    return Error::make(sqlstate::numeric_value_out_of_range, "value out of range: overflow");
  if ((faults & underflow) != 0)
    return Error::make(sqlstate::numeric_value_out_of_range, "value out of range: underflow");
  return Error::make(sqlstate::numeric_value_out_of_range, type_name, " out of range");
}

namespace {

// --- comparisons ----------------------------------------------------------------------------------------------------

/// NaN equals NaN and is above all, as in type::compare.
template <class T>
constexpr int three_way(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    const bool x = a != a, y = b != b;
    if (x || y) return x - y;
  }
  return a < b ? -1 : b < a;
}
template <Compare c, class X, class Y>
struct Ordered {
  using A = X;
  using B = Y;
  using R = std::uint8_t;
  static constexpr bool is_equality = c == Compare::eq && std::is_same_v<X, Y>;
  static unsigned run(A a, B b, R* out) {
    using T = std::common_type_t<A, B>;
    const T x = static_cast<T>(a), y = static_cast<T>(b);
    if constexpr (std::is_integral_v<T>) {
      switch (c) {
        case Compare::eq: *out = x == y; break;
        case Compare::ne: *out = x != y; break;
        case Compare::lt: *out = x < y; break;
        case Compare::le: *out = x <= y; break;
        case Compare::gt: *out = x > y; break;
        case Compare::ge: *out = x >= y; break;
      }
    } else {
      *out = holds<c>(three_way(x, y));
    }
    return no_fault;
  }
};
template <class X, class Y>
struct Order {
  using A = X;
  using B = Y;
  using R = std::int32_t;
  static unsigned run(A a, B b, R* out) {
    using T = std::common_type_t<A, B>;
    *out = three_way(static_cast<T>(a), static_cast<T>(b));
    return no_fault;
  }
};
/// The larger (or smaller) of two.
template <class T, bool larger>
struct Extreme {
  using A = T;
  using B = T;
  using R = T;
  static unsigned run(A a, B b, R* out) {
    const int order = three_way(a, b);
    *out = (larger ? order > 0 : order < 0) ? a : b;
    return no_fault;
  }
};

// --- integer arithmetic ---------------------------------------------------------------------------------------------

enum class Arithmetic : std::uint8_t { add, subtract, multiply, divide, modulo };

template <Arithmetic op, class X, class Y, class Z>
struct Integers {
  using A = X;
  using B = Y;
  using R = Z;
  static unsigned run(A a, B b, R* out) {
    if constexpr (op == Arithmetic::add) return __builtin_add_overflow(a, b, out) ? out_of_range : no_fault;
    else if constexpr (op == Arithmetic::subtract) return __builtin_sub_overflow(a, b, out) ? out_of_range : no_fault;
    else if constexpr (op == Arithmetic::multiply) return __builtin_mul_overflow(a, b, out) ? out_of_range : no_fault;
    else {
      if (b == 0) {
        *out = 0;
        return zero_division;
      }
      if (b == -1) {  // the only quotient that can run over
        if constexpr (op == Arithmetic::modulo) {
          *out = 0;
          return no_fault;
        } else return __builtin_sub_overflow(R{0}, a, out) ? out_of_range : no_fault;
      }
      if constexpr (op == Arithmetic::divide) *out = static_cast<R>(static_cast<R>(a) / static_cast<R>(b));
      else *out = static_cast<R>(static_cast<R>(a) % static_cast<R>(b));
      return no_fault;
    }
  }
};
enum class Bits : std::uint8_t { and_, or_, xor_, left, right };
template <Bits op, class T, class S>
struct Bitwise {
  using A = T;
  using B = S;
  using R = T;
  static unsigned run(A a, B b, R* out) {
    using U = std::make_unsigned_t<T>;
    constexpr int width = static_cast<int>(sizeof(T)) * 8;
    if constexpr (op == Bits::and_) *out = static_cast<T>(a & b);
    else if constexpr (op == Bits::or_) *out = static_cast<T>(a | b);
    else if constexpr (op == Bits::xor_) *out = static_cast<T>(a ^ b);
    // int2 shifts in 32 bits, as C promotes; the count wraps at the register's width.
    else if constexpr (op == Bits::left)
      *out = static_cast<T>(
          static_cast<U>(static_cast<std::uint64_t>(static_cast<U>(a)) << (b & (width < 32 ? 31 : width - 1))));
    else *out = static_cast<T>(a >> (b & (width < 32 ? 31 : width - 1)));
    return no_fault;
  }
};

// --- float arithmetic -----------------------------------------------------------------------------------------------

template <Arithmetic op, class X, class Y, class Z>
struct Floats {
  using A = X;
  using B = Y;
  using R = Z;
  static unsigned run(A left, B right, R* out) {
    const R a = static_cast<R>(left), b = static_cast<R>(right);
    R r;
    unsigned faults = no_fault;
    if constexpr (op == Arithmetic::add) r = a + b;
    else if constexpr (op == Arithmetic::subtract) r = a - b;
    else if constexpr (op == Arithmetic::multiply) r = a * b;
    else {
      if (b == 0 && !std::isnan(a)) faults |= zero_division;
      r = a / b;
    }
    *out = r;
    if (std::isinf(r) && !std::isinf(a) && !std::isinf(b)) faults |= overflow;
    if constexpr (op == Arithmetic::multiply) {
      if (r == 0 && a != 0 && b != 0) faults |= underflow;
    }
    if constexpr (op == Arithmetic::divide) {
      if (r == 0 && a != 0 && !std::isinf(b)) faults |= underflow;
    }
    return faults;
  }
};

// --- one argument ---------------------------------------------------------------------------------------------------

Error integer_range(std::string_view name) {
  return Error::make(sqlstate::numeric_value_out_of_range, name, " out of range");
}
template <class T>
Result<T> negate(T a) {
  if (a == std::numeric_limits<T>::min()) return integer_range(range_name<T>());
  return static_cast<T>(-a);
}
template <class T>
Result<T> absolute(T a) {
  if (a == std::numeric_limits<T>::min()) return integer_range(range_name<T>());
  return static_cast<T>(a < 0 ? -a : a);
}
template <class T>
T same(T a) {
  return a;
}
template <class T>
T complement(T a) {
  return static_cast<T>(~a);
}
template <class From, class To>
Result<To> narrow(From a) {
  if (a < std::numeric_limits<To>::min() || a > std::numeric_limits<To>::max()) return integer_range(range_name<To>());
  return static_cast<To>(a);
}
template <class From, class To>
To widen(From a) {
  return static_cast<To>(a);
}
/// Rounds to even, then checks the range.
template <class From, class To>
Result<To> from_float(From a) {
  const From rounded = std::rint(a);
  const From low = static_cast<From>(std::numeric_limits<To>::min());
  if (std::isnan(rounded) || !(rounded >= low && rounded < -low)) return integer_range(range_name<To>());
  return static_cast<To>(rounded);
}
Result<float> double_to_float(double a) {
  const auto result = static_cast<float>(a);
  if (std::isinf(result) && !std::isinf(a)) return fault_error(overflow, {});
  if (result == 0 && a != 0) return fault_error(underflow, {});
  return result;
}

bool int4_to_bool(std::int32_t a) { return a != 0; }
std::int32_t bool_to_int4(bool a) { return a; }
Text bool_to_text(bool a) { return a ? "true" : "false"; }
Result<std::uint32_t> int8_to_oid(std::int64_t a) {
  if (a < 0 || a > UINT32_MAX) return integer_range("OID");
  return static_cast<std::uint32_t>(a);
}
std::int64_t oid_to_int8(std::uint32_t a) { return a; }
std::int32_t char_to_int4(std::int16_t a) { return static_cast<std::int8_t>(a); }
Result<std::int16_t> int4_to_char(std::int32_t a) {
  if (a < -128 || a > 127) return integer_range("\"char\"");
  return static_cast<std::int16_t>(static_cast<std::uint8_t>(a));
}

// --- number theory --------------------------------------------------------------------------------------------------

template <class T>
Result<T> gcd(T a, T b) {
  using U = std::make_unsigned_t<T>;
  U x = a < 0 ? U{0} - static_cast<U>(a) : static_cast<U>(a), y = b < 0 ? U{0} - static_cast<U>(b) : static_cast<U>(b);
  while (y != 0) {
    const U rest = x % y;
    x = y;
    y = rest;
  }
  if (x > static_cast<U>(std::numeric_limits<T>::max())) return integer_range(range_name<T>());
  return static_cast<T>(x);
}
template <class T>
Result<T> lcm(T a, T b) {
  if (a == 0 || b == 0) return T{0};
  SPG_ASSIGN(const T divisor, gcd(a, b));
  T product;
  if (__builtin_mul_overflow(static_cast<T>(a / divisor), b, &product) || product == std::numeric_limits<T>::min())
    return integer_range(range_name<T>());
  return static_cast<T>(product < 0 ? -product : product);
}

int compare_uuid(const Uuid& a, const Uuid& b) { return std::memcmp(a.data(), b.data(), 16); }
template <Compare c>
bool uuid_is(Uuid a, Uuid b) {
  return holds<c>(compare_uuid(a, b));
}
std::int32_t uuid_order(Uuid a, Uuid b) {
  const int order = compare_uuid(a, b);
  return order < 0 ? -1 : order > 0;
}

using i2 = std::int16_t;
using i4 = std::int32_t;
using i8 = std::int64_t;
using u4 = std::uint32_t;
using u1 = std::uint8_t;
using f4 = float;
using f8 = double;

#define SPG_COMPARE(prefix, A, B)                                                                                   \
  {proc::prefix##eq, dense<Ordered<Compare::eq, A, B>>()}, {proc::prefix##ne, dense<Ordered<Compare::ne, A, B>>()}, \
      {proc::prefix##lt, dense<Ordered<Compare::lt, A, B>>()},                                                      \
      {proc::prefix##le, dense<Ordered<Compare::le, A, B>>()},                                                      \
      {proc::prefix##gt, dense<Ordered<Compare::gt, A, B>>()}, {                                                    \
    proc::prefix##ge, dense<Ordered<Compare::ge, A, B>>()                                                           \
  }
#define SPG_INTEGERS(prefix, A, B, R)                                                         \
  SPG_COMPARE(prefix, A, B), {proc::prefix##pl, dense<Integers<Arithmetic::add, A, B, R>>()}, \
      {proc::prefix##mi, dense<Integers<Arithmetic::subtract, A, B, R>>()},                   \
      {proc::prefix##mul, dense<Integers<Arithmetic::multiply, A, B, R>>()}, {                \
    proc::prefix##div, dense<Integers<Arithmetic::divide, A, B, R>>()                         \
  }
#define SPG_FLOATS(prefix, A, B, R)                                                         \
  SPG_COMPARE(prefix, A, B), {proc::prefix##pl, dense<Floats<Arithmetic::add, A, B, R>>()}, \
      {proc::prefix##mi, dense<Floats<Arithmetic::subtract, A, B, R>>()},                   \
      {proc::prefix##mul, dense<Floats<Arithmetic::multiply, A, B, R>>()}, {                \
    proc::prefix##div, dense<Floats<Arithmetic::divide, A, B, R>>()                         \
  }
#define SPG_ONE_INTEGER(prefix, T)                                                                                     \
  {proc::prefix##um, call<negate<T>>()}, {proc::prefix##up, call<same<T>>()},                                          \
      {proc::prefix##abs, call<absolute<T>>()}, {proc::prefix##not, call<complement<T>>()},                            \
      {proc::prefix##mod, dense<Integers<Arithmetic::modulo, T, T, T>>()},                                             \
      {proc::prefix##and, dense<Bitwise<Bits::and_, T, T>>()}, {proc::prefix## or, dense<Bitwise<Bits::or_, T, T>>()}, \
      {proc::prefix## xor, dense<Bitwise<Bits::xor_, T, T>>()},                                                        \
      {proc::prefix##shl, dense<Bitwise<Bits::left, T, i4>>()},                                                        \
      {proc::prefix##shr, dense<Bitwise<Bits::right, T, i4>>()}, {proc::prefix##larger, dense<Extreme<T, true>>()}, {  \
    proc::prefix##smaller, dense<Extreme<T, false>>()                                                                  \
  }

constexpr FunctionEntry core_functions[] = {
    SPG_INTEGERS(int2, i2, i2, i2),
    SPG_INTEGERS(int4, i4, i4, i4),
    SPG_INTEGERS(int8, i8, i8, i8),
    SPG_INTEGERS(int24, i2, i4, i4),
    SPG_INTEGERS(int42, i4, i2, i4),
    SPG_INTEGERS(int28, i2, i8, i8),
    SPG_INTEGERS(int82, i8, i2, i8),
    SPG_INTEGERS(int48, i4, i8, i8),
    SPG_INTEGERS(int84, i8, i4, i8),
    SPG_ONE_INTEGER(int2, i2),
    SPG_ONE_INTEGER(int4, i4),
    SPG_ONE_INTEGER(int8, i8),
    SPG_FLOATS(float4, f4, f4, f4),
    SPG_FLOATS(float8, f8, f8, f8),
    SPG_FLOATS(float48, f4, f8, f8),
    SPG_FLOATS(float84, f8, f4, f8),
    SPG_COMPARE(bool, u1, u1),
    SPG_COMPARE(char, i2, i2),
    SPG_COMPARE(oid, u4, u4),
    {proc::date_eq, dense<Ordered<Compare::eq, i4, i4>>()},
    {proc::date_ne, dense<Ordered<Compare::ne, i4, i4>>()},
    {proc::date_lt, dense<Ordered<Compare::lt, i4, i4>>()},
    {proc::date_le, dense<Ordered<Compare::le, i4, i4>>()},
    {proc::date_gt, dense<Ordered<Compare::gt, i4, i4>>()},
    {proc::date_ge, dense<Ordered<Compare::ge, i4, i4>>()},
    {proc::timestamp_eq, dense<Ordered<Compare::eq, i8, i8>>()},
    {proc::timestamp_ne, dense<Ordered<Compare::ne, i8, i8>>()},
    {proc::timestamp_lt, dense<Ordered<Compare::lt, i8, i8>>()},
    {proc::timestamp_le, dense<Ordered<Compare::le, i8, i8>>()},
    {proc::timestamp_gt, dense<Ordered<Compare::gt, i8, i8>>()},
    {proc::timestamp_ge, dense<Ordered<Compare::ge, i8, i8>>()},
    {proc::time_eq, dense<Ordered<Compare::eq, i8, i8>>()},
    {proc::time_ne, dense<Ordered<Compare::ne, i8, i8>>()},
    {proc::time_lt, dense<Ordered<Compare::lt, i8, i8>>()},
    {proc::time_le, dense<Ordered<Compare::le, i8, i8>>()},
    {proc::time_gt, dense<Ordered<Compare::gt, i8, i8>>()},
    {proc::time_ge, dense<Ordered<Compare::ge, i8, i8>>()},
    {proc::uuid_eq, call<uuid_is<Compare::eq>>()},
    {proc::uuid_ne, call<uuid_is<Compare::ne>>()},
    {proc::uuid_lt, call<uuid_is<Compare::lt>>()},
    {proc::uuid_le, call<uuid_is<Compare::le>>()},
    {proc::uuid_gt, call<uuid_is<Compare::gt>>()},
    {proc::uuid_ge, call<uuid_is<Compare::ge>>()},
    {proc::uuid_cmp, call<uuid_order>()},
    {proc::btint2cmp, dense<Order<i2, i2>>()},
    {proc::btint4cmp, dense<Order<i4, i4>>()},
    {proc::btint8cmp, dense<Order<i8, i8>>()},
    {proc::btfloat4cmp, dense<Order<f4, f4>>()},
    {proc::btfloat8cmp, dense<Order<f8, f8>>()},
    {proc::date_cmp, dense<Order<i4, i4>>()},
    {proc::timestamp_cmp, dense<Order<i8, i8>>()},
    {proc::time_cmp, dense<Order<i8, i8>>()},
    {proc::date_larger, dense<Extreme<i4, true>>()},
    {proc::date_smaller, dense<Extreme<i4, false>>()},
    {proc::timestamp_larger, dense<Extreme<i8, true>>()},
    {proc::timestamp_smaller, dense<Extreme<i8, false>>()},
    {proc::time_larger, dense<Extreme<i8, true>>()},
    {proc::time_smaller, dense<Extreme<i8, false>>()},
    {proc::float4larger, dense<Extreme<f4, true>>()},
    {proc::float4smaller, dense<Extreme<f4, false>>()},
    {proc::float8larger, dense<Extreme<f8, true>>()},
    {proc::float8smaller, dense<Extreme<f8, false>>()},
    {proc::oidlarger, dense<Extreme<u4, true>>()},
    {proc::oidsmaller, dense<Extreme<u4, false>>()},
    {proc::float4um, call<+[](f4 a) { return -a; }>()},
    {proc::float8um, call<+[](f8 a) { return -a; }>()},
    {proc::float4up, call<same<f4>>()},
    {proc::float8up, call<same<f8>>()},
    {proc::float4abs, call<+[](f4 a) { return std::fabs(a); }>()},
    {proc::float8abs, call<+[](f8 a) { return std::fabs(a); }>()},
    // casts
    {proc::int28, call<widen<i2, i8>>()},
    {proc::int48, call<widen<i4, i8>>()},
    {proc::i2toi4, call<widen<i2, i4>>()},
    {proc::int82, call<narrow<i8, i2>>()},
    {proc::int84, call<narrow<i8, i4>>()},
    {proc::i4toi2, call<narrow<i4, i2>>()},
    {proc::i2tod, call<widen<i2, f8>>()},
    {proc::i4tod, call<widen<i4, f8>>()},
    {proc::i8tod, call<widen<i8, f8>>()},
    {proc::i2tof, call<widen<i2, f4>>()},
    {proc::i4tof, call<widen<i4, f4>>()},
    {proc::i8tof, call<widen<i8, f4>>()},
    {proc::dtoi2, call<from_float<f8, i2>>()},
    {proc::dtoi4, call<from_float<f8, i4>>()},
    {proc::dtoi8, call<from_float<f8, i8>>()},
    {proc::ftoi2, call<from_float<f4, i2>>()},
    {proc::ftoi4, call<from_float<f4, i4>>()},
    {proc::ftoi8, call<from_float<f4, i8>>()},
    {proc::ftod, call<widen<f4, f8>>()},
    {proc::dtof, call<double_to_float>()},
    {proc::int4_bool, call<int4_to_bool>()},
    {proc::bool_int4, call<bool_to_int4>()},
    {proc::booltext, call<bool_to_text>()},
    {proc::i8tooid, call<int8_to_oid>()},
    {proc::oidtoi8, call<oid_to_int8>()},
    {proc::chartoi4, call<char_to_int4>()},
    {proc::i4tochar, call<int4_to_char>()},
    {proc::int4gcd, call<gcd<i4>>()},
    {proc::int8gcd, call<gcd<i8>>()},
    {proc::int4lcm, call<lcm<i4>>()},
    {proc::int8lcm, call<lcm<i8>>()},
    {proc::int4inc, call<+[](i4 a) -> Result<i4> {
       if (a == INT32_MAX) return integer_range("integer");
       return a + 1;
     }>()},
};

}  // namespace

namespace module {
const Module core{core_functions, {}};
}

}  // namespace spg::exec
