// Aggregates: states by group, updated column at a time.
#include <algorithm>
#include <cmath>

#include "kernels.hpp"
#include "spg/type/numeric_sum.hpp"

namespace spg::exec {
namespace {

using type::NumericSum;
using i4 = std::int32_t;
using i8 = std::int64_t;

template <class S>
S& state_at(AggregateUpdate& u, std::uint32_t i) {
  return reinterpret_cast<S*>(u.states)[u.groups[i]];
}
template <class S>
const S& state_of(const std::byte* state) {
  return *reinterpret_cast<const S*>(state);
}

/// Physical type of a C++ one.
template <class T>
constexpr Physical physical_v = std::is_same_v<T, std::int16_t>                             ? Physical::int2
                                : std::is_same_v<T, i4> || std::is_same_v<T, std::uint32_t> ? Physical::int4
                                : std::is_same_v<T, i8>                                     ? Physical::int8
                                : std::is_same_v<T, float>                                  ? Physical::float4
                                : std::is_same_v<T, double>                                 ? Physical::float8
                                : std::is_same_v<T, Interval>                               ? Physical::interval
                                : std::is_same_v<T, std::uint8_t>                           ? Physical::boolean
                                                                                            : Physical::string;

template <class S>
constexpr AggregateFunction aggregate(Status (*update)(AggregateUpdate&),
                                      Status (*finish)(FunctionContext&, const std::byte*, Value&),
                                      bool sees_nulls = false) {
  return {sizeof(S), sees_nulls, update, finish, nullptr};
}
/// The same with an inverse, for frames that slide.
constexpr AggregateFunction invertible(AggregateFunction function, Result<bool> (*remove)(AggregateUpdate&)) {
  function.remove = remove;
  return function;
}

// --- count ----------------------------------------------------------------------------------------------------------

Status update_count(AggregateUpdate& u) {
  if (u.one_group) {
    *reinterpret_cast<i8*>(u.states) += u.rows.count;
    return ok();
  }
  for (std::uint32_t i = 0; i < u.rows.count; ++i) ++state_at<i8>(u, i);
  return ok();
}
Status finish_count(FunctionContext&, const std::byte* state, Value& out) {
  out = Value::of(Physical::int8, state_of<i8>(state));
  return ok();
}

// --- sums -----------------------------------------------------------------------------------------------------------

struct IntegerSum {
  i8 sum, count;
};
/// Whether the rows' values lie one after another.
bool is_dense(const Vector& values, Selection rows) { return values.form == Vector::Form::flat && rows.rows == nullptr; }

template <class T>
Status update_integer_sum(AggregateUpdate& u) {
  const Vector& values = u.arguments[0];
  if (u.one_group && is_dense(values, u.rows)) {
    // A batch of them cannot overflow.
    const T* value = values.as<T>();
    i8 sum = 0;
    for (std::uint32_t i = 0; i < u.rows.count; ++i) sum += value[i];
    auto& state = *reinterpret_cast<IntegerSum*>(u.states);
    state.count += u.rows.count;
    if (__builtin_add_overflow(state.sum, sum, &state.sum))
      return Error::make(sqlstate::numeric_value_out_of_range, "bigint out of range");
    return ok();
  }
  bool overflowed = false;
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& state = state_at<IntegerSum>(u, i);
    overflowed |= __builtin_add_overflow(state.sum, i8{values.value<T>(u.rows[i])}, &state.sum);
    ++state.count;
  }
  return overflowed ? Error::make(sqlstate::numeric_value_out_of_range, "bigint out of range") : ok();
}
Status finish_integer_sum(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<IntegerSum>(state);
  out = s.count == 0 ? Value::null_of(Physical::int8) : Value::of(Physical::int8, s.sum);
  return ok();
}
Status finish_integer_avg(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<IntegerSum>(state);
  out = Value::null_of(Physical::string);
  if (s.count == 0) return ok();
  SPG_ASSIGN(const Numeric average, type::numeric_div(type::numeric_from_int8(s.sum, c.arena),
                                                      type::numeric_from_int8(s.count, c.arena), c.arena));
  out = Value::of(Physical::string, average);
  return ok();
}
/// As many bigints as there can be rows fit.
struct BigintSum {
  type::Int128 sum;
  i8 count;
};
Status update_bigint_sum(AggregateUpdate& u) {
  if (u.one_group && is_dense(u.arguments[0], u.rows)) {
    const i8* value = u.arguments[0].as<i8>();
    type::Int128 sum = 0;
    for (std::uint32_t i = 0; i < u.rows.count; ++i) sum += value[i];
    auto& state = *reinterpret_cast<BigintSum*>(u.states);
    state.sum += sum;
    state.count += u.rows.count;
    return ok();
  }
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& state = state_at<BigintSum>(u, i);
    state.sum += u.arguments[0].value<i8>(u.rows[i]);
    ++state.count;
  }
  return ok();
}
Result<bool> remove_bigint_sum(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& state = state_at<BigintSum>(u, i);
    state.sum -= u.arguments[0].value<i8>(u.rows[i]);
    --state.count;
  }
  return true;
}
template <bool average>
Status finish_bigint_sum(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<BigintSum>(state);
  out = Value::null_of(Physical::string);
  if (s.count == 0) return ok();
  Numeric result = type::numeric_from_scaled(s.sum, 0, c.arena);
  if (average) { SPG_ASSIGN(result, type::numeric_div(result, type::numeric_from_int8(s.count, c.arena), c.arena)); }
  out = Value::of(Physical::string, result);
  return ok();
}
Status update_numeric(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i)
    state_at<NumericSum>(u, i).add(u.arguments[0].value<Numeric>(u.rows[i]), u.context.arena);
  return ok();
}
Result<bool> remove_numeric(AggregateUpdate& u) {
  bool known = true;
  for (std::uint32_t i = 0; i < u.rows.count; ++i)
    known &= state_at<NumericSum>(u, i).remove(u.arguments[0].value<Numeric>(u.rows[i]), u.context.arena);
  return known;
}
Status finish_numeric_sum(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<NumericSum>(state);
  out = Value::null_of(Physical::string);
  if (s.count() == 0) return ok();
  SPG_ASSIGN(const Numeric sum, s.sum(c.arena));
  out = Value::of(Physical::string, sum);
  return ok();
}
Status finish_numeric_avg(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<NumericSum>(state);
  out = Value::null_of(Physical::string);
  if (s.count() == 0) return ok();
  SPG_ASSIGN(const Numeric average, s.avg(c.arena));
  out = Value::of(Physical::string, average);
  return ok();
}
template <class T>
struct FloatSum {
  T sum;
  i8 count;
};
template <class T>
Status update_float_sum(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& state = state_at<FloatSum<T>>(u, i);
    const T value = u.arguments[0].value<T>(u.rows[i]);
    const T sum = state.count == 0 ? value : state.sum + value;
    if (std::isinf(sum) && !std::isinf(state.sum) && !std::isinf(value)) return fault_error(overflow, {});
    state.sum = sum;
    ++state.count;
  }
  return ok();
}
template <class T>
Status finish_float_sum(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<FloatSum<T>>(state);
  out = s.count == 0 ? Value::null_of(physical_v<T>) : Value::of(physical_v<T>, s.sum);
  return ok();
}
struct IntervalSum {
  Interval sum;
  i8 count;
};
Status update_interval_sum(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& state = state_at<IntervalSum>(u, i);
    SPG_ASSIGN(state.sum, type::interval_add(state.sum, u.arguments[0].value<Interval>(u.rows[i])));
    ++state.count;
  }
  return ok();
}
Result<bool> remove_interval_sum(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& state = state_at<IntervalSum>(u, i);
    SPG_ASSIGN(state.sum, type::interval_sub(state.sum, u.arguments[0].value<Interval>(u.rows[i])));
    --state.count;
  }
  return true;
}
template <bool average>
Status finish_interval(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<IntervalSum>(state);
  out = Value::null_of(Physical::interval);
  if (s.count == 0) return ok();
  if (!average) {
    out = Value::of(Physical::interval, s.sum);
    return ok();
  }
  SPG_ASSIGN(const Interval result, type::interval_div(s.sum, static_cast<double>(s.count)));
  out = Value::of(Physical::interval, result);
  return ok();
}

// --- variance -------------------------------------------------------------------------------------------------------

/// Youngs and Cramer's updates of the sums of values and of squared deviations (doi:10.2307/1267176).
struct Moments {
  double n, sum, squares;
};
template <class T>
Status update_moments(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<Moments>(u, i);
    const auto value = static_cast<double>(u.arguments[0].value<T>(u.rows[i]));
    const double sum_before = s.sum;
    s.n += 1;
    s.sum += value;
    if (s.n > 1) {
      const double difference = value * s.n - s.sum;
      s.squares += difference * difference / (s.n * (s.n - 1));
      if (std::isinf(s.sum) || std::isinf(s.squares)) {
        if (!std::isinf(sum_before) && !std::isinf(value)) return fault_error(overflow, {});
        s.squares = std::nan("");
      }
    } else if (std::isnan(value) || std::isinf(value)) {
      s.squares = std::nan("");
    }
  }
  return ok();
}
enum class Spread : std::uint8_t { average, var_pop, var_samp, stddev_pop, stddev_samp };
template <Spread what>
Status finish_moments(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<Moments>(state);
  constexpr bool sample = what == Spread::var_samp || what == Spread::stddev_samp;
  out = Value::null_of(Physical::float8);
  if (s.n < (sample ? 2.0 : 1.0)) return ok();
  double result = what == Spread::average ? s.sum / s.n : s.squares / (sample ? s.n - 1 : s.n);
  if (what == Spread::stddev_pop || what == Spread::stddev_samp) result = std::sqrt(result);
  out = Value::of(Physical::float8, result);
  return ok();
}

struct NumericMoments {
  NumericSum sum, squares;
};
template <class T>
Status update_numeric_moments(AggregateUpdate& u) {
  Arena& arena = u.context.arena;
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<NumericMoments>(u, i);
    if constexpr (std::is_same_v<T, Numeric>) {
      const Numeric& value = u.arguments[0].value<Numeric>(u.rows[i]);
      s.sum.add(value, arena);
      Arena scratch(arena.budget());
      SPG_ASSIGN(const Numeric square, type::numeric_mul(value, value, scratch));
      s.squares.add(square, arena);
    } else {
      const type::Int128 value = u.arguments[0].value<T>(u.rows[i]);
      s.sum.add_scaled(value, 0, arena);
      s.squares.add_scaled(value * value, 0, arena);
    }
  }
  return ok();
}
template <class T>
Result<bool> remove_numeric_moments(AggregateUpdate& u) {
  Arena& arena = u.context.arena;
  bool known = true;
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<NumericMoments>(u, i);
    if constexpr (std::is_same_v<T, Numeric>) {
      const Numeric& value = u.arguments[0].value<Numeric>(u.rows[i]);
      Arena scratch(arena.budget());
      SPG_ASSIGN(const Numeric square, type::numeric_mul(value, value, scratch));
      known &= s.sum.remove(value, arena);
      known &= s.squares.remove(square, arena);
    } else {
      const type::Int128 value = u.arguments[0].value<T>(u.rows[i]);
      known &= s.sum.remove_scaled(value, 0, arena);
      known &= s.squares.remove_scaled(value * value, 0, arena);
    }
  }
  return known;
}
template <Spread what>
Status finish_numeric_moments(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<NumericMoments>(state);
  constexpr bool sample = what == Spread::var_samp || what == Spread::stddev_samp;
  out = Value::null_of(Physical::string);
  const i8 n = s.sum.count();
  if (n < (sample ? 2 : 1)) return ok();
  Arena& arena = c.arena;
  SPG_ASSIGN(const Numeric sum, s.sum.sum(arena));
  if (sum.is_special()) {
    SPG_ASSIGN(const Numeric nan, type::parse_numeric("NaN", arena));
    out = Value::of(Physical::string, nan);
    return ok();
  }
  SPG_ASSIGN(const Numeric squares, s.squares.sum(arena));
  const Numeric count = type::numeric_from_int8(n, arena);
  SPG_ASSIGN(const Numeric sum_squared, type::numeric_mul(sum, sum, arena));
  SPG_ASSIGN(const Numeric scaled, type::numeric_mul(count, squares, arena));
  SPG_ASSIGN(const Numeric numerator, type::numeric_sub(scaled, sum_squared, arena));
  const Numeric zero = type::numeric_from_int8(0, arena);
  if (type::numeric_compare(numerator, zero) <= 0) {
    out = Value::of(Physical::string, zero);
    return ok();
  }
  SPG_ASSIGN(const Numeric divisor,
             type::numeric_mul(count, type::numeric_from_int8(sample ? n - 1 : n, arena), arena));
  SPG_ASSIGN(Numeric result, type::numeric_div(numerator, divisor, arena));
  // Rounded once: a root with more digits, rounded again, may be another.
  if (what == Spread::stddev_pop || what == Spread::stddev_samp) {
    SPG_ASSIGN(result, type::numeric_sqrt_to_scale(result, result.dscale(), arena));
  }
  out = Value::of(Physical::string, result);
  return ok();
}

// --- two variables --------------------------------------------------------------------------------------------------

struct Regression {
  double n, sx, sxx, sy, syy, sxy;
};
Status update_regression(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<Regression>(u, i);
    const double y = u.arguments[0].value<double>(u.rows[i]), x = u.arguments[1].value<double>(u.rows[i]);
    const double sx_before = s.sx, sy_before = s.sy;
    s.n += 1;
    s.sx += x;
    s.sy += y;
    if (s.n > 1) {
      const double dx = x * s.n - s.sx, dy = y * s.n - s.sy, scale = 1 / (s.n * (s.n - 1));
      s.sxx += dx * dx * scale;
      s.syy += dy * dy * scale;
      s.sxy += dx * dy * scale;
      if (std::isinf(s.sx) || std::isinf(s.sxx) || std::isinf(s.sy) || std::isinf(s.syy) || std::isinf(s.sxy)) {
        // Only finite inputs overflow; others make the sums of products NaN.
        const bool x_finite = !std::isinf(sx_before) && !std::isinf(x), y_finite = !std::isinf(sy_before) && !std::isinf(y);
        if (((std::isinf(s.sx) || std::isinf(s.sxx)) && x_finite) || ((std::isinf(s.sy) || std::isinf(s.syy)) && y_finite) ||
            (std::isinf(s.sxy) && x_finite && y_finite))
          return fault_error(overflow, {});
        for (double* sum : {&s.sxx, &s.syy, &s.sxy})
          if (std::isinf(*sum)) *sum = std::nan("");
      }
    } else if (!std::isfinite(x) || !std::isfinite(y)) {
      if (!std::isfinite(x)) s.sxx = s.sxy = std::nan("");
      if (!std::isfinite(y)) s.syy = s.sxy = std::nan("");
    }
  }
  return ok();
}
enum class Regress : std::uint8_t {
  count,
  sxx,
  syy,
  sxy,
  avgx,
  avgy,
  r2,
  slope,
  intercept,
  covar_pop,
  covar_samp,
  corr
};
template <Regress what>
Status finish_regression(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<Regression>(state);
  if (what == Regress::count) {
    out = Value::of(Physical::int8, static_cast<i8>(s.n));
    return ok();
  }
  out = Value::null_of(Physical::float8);
  if (s.n < (what == Regress::covar_samp ? 2.0 : 1.0)) return ok();
  double r = 0;
  switch (what) {
    case Regress::count: break;
    case Regress::sxx: r = s.sxx; break;
    case Regress::syy: r = s.syy; break;
    case Regress::sxy: r = s.sxy; break;
    case Regress::avgx: r = s.sx / s.n; break;
    case Regress::avgy: r = s.sy / s.n; break;
    case Regress::r2:
      if (s.sxx == 0) return ok();
      r = s.syy == 0 ? 1.0 : s.sxy * s.sxy / (s.sxx * s.syy);
      break;
    case Regress::slope:
      if (s.sxx == 0) return ok();
      r = s.sxy / s.sxx;
      break;
    case Regress::intercept:
      if (s.sxx == 0) return ok();
      r = (s.sy - s.sx * s.sxy / s.sxx) / s.n;
      break;
    case Regress::covar_pop: r = s.sxy / s.n; break;
    case Regress::covar_samp: r = s.sxy / (s.n - 1); break;
    case Regress::corr:
      if (s.sxx == 0 || s.syy == 0) return ok();
      r = s.sxy / std::sqrt(s.sxx * s.syy);
      break;
  }
  out = Value::of(Physical::float8, r);
  return ok();
}

// --- min, max -------------------------------------------------------------------------------------------------------

template <class T>
struct Best {
  T value;
  i8 count;
};
template <class T, bool max>
Status update_best(AggregateUpdate& u) {
  if constexpr (std::is_integral_v<T>) {
    if (u.one_group && is_dense(u.arguments[0], u.rows)) {
      auto& s = *reinterpret_cast<Best<T>*>(u.states);
      const T* value = u.arguments[0].as<T>();
      T best = s.count == 0 ? value[0] : s.value;
      for (std::uint32_t i = 0; i < u.rows.count; ++i) best = max ? std::max(best, value[i]) : std::min(best, value[i]);
      s = {best, 1};
      return ok();
    }
  }
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<Best<T>>(u, i);
    const T value = u.arguments[0].value<T>(u.rows[i]);
    bool better;
    if constexpr (std::is_floating_point_v<T>) {
      // NaN is above all. Of equals (0 and -0) the last stays, as PostgreSQL's float8larger and kin have it.
      const bool a = value != value, b = s.value != s.value;
      better = a || b ? (max ? a : b) : max ? value >= s.value : value <= s.value;
    } else {
      better = max ? value > s.value : value < s.value;
    }
    if (s.count == 0 || better) s.value = value;
    s.count = 1;
  }
  return ok();
}
template <class T>
Status finish_best(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<Best<T>>(state);
  out = s.count == 0 ? Value::null_of(physical_v<T>) : Value::of(physical_v<T>, s.value);
  return ok();
}
/// Values of any type, by the type's order; of equals (1.0 and 1.00) the last.
struct BestValue {
  Value value;
  char* room;  ///< of a long one: the next takes its place
  std::uint32_t room_bytes;
  bool has;

  void keep(const Value& better, Arena& arena) {
    has = true;
    value = better;
    if (better.physical != Physical::string) return;
    const auto text = better.as<StringRef>();
    if (text.is_inline()) return;
    if (text.size > room_bytes) {
      room_bytes = std::max(text.size, room_bytes * 2);
      room = arena.array<char>(room_bytes);
    }
    std::memcpy(room, text.data(), text.size);
    value = type::string_value({room, text.size});
  }
};
template <bool max>
Status update_best_value(AggregateUpdate& u) {
  const Oid type = u.context.argument_type(0);
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<BestValue>(u, i);
    const Value value = type::value_of(u.arguments[0], u.rows[i]);
    if (s.has) {
      const int order = type::compare(type, value, s.value);
      if (max ? order < 0 : order > 0) continue;
    }
    s.keep(value, u.context.arena);
  }
  return ok();
}
/// Texts in byte order: what collation "C" is.
template <bool max>
Status update_best_text(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<BestValue>(u, i);
    const auto& text = u.arguments[0].value<StringRef>(u.rows[i]);
    if (s.has) {
      const int order = type::compare_bytes(text, s.value.as<StringRef>());
      if (max ? order <= 0 : order >= 0) continue;
    }
    s.keep(Value::of(Physical::string, text), u.context.arena);
  }
  return ok();
}
Status finish_best_value(FunctionContext& context, const std::byte* state, Value& out) {
  const auto& s = state_of<BestValue>(state);
  out = s.has ? own_value(s.value, context.arena) : Value{};
  return ok();
}
template <class T>
constexpr AggregateFunction best(bool max) {
  return max ? aggregate<Best<T>>(&update_best<T, true>, &finish_best<T>)
             : aggregate<Best<T>>(&update_best<T, false>, &finish_best<T>);
}
constexpr AggregateFunction best_text(bool max) {
  return max ? aggregate<BestValue>(&update_best_text<true>, &finish_best_value)
             : aggregate<BestValue>(&update_best_text<false>, &finish_best_value);
}
constexpr AggregateFunction best_value(bool max) {
  return max ? aggregate<BestValue>(&update_best_value<true>, &finish_best_value)
             : aggregate<BestValue>(&update_best_value<false>, &finish_best_value);
}

// --- booleans and bits ----------------------------------------------------------------------------------------------

enum class Bitop : std::uint8_t { and_, or_, xor_ };
template <class T, Bitop op>
Status update_bits(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<Best<T>>(u, i);
    const T value = u.arguments[0].value<T>(u.rows[i]);
    s.value = static_cast<T>(s.count == 0        ? value
                             : op == Bitop::and_ ? s.value & value
                             : op == Bitop::or_  ? s.value | value
                                                 : s.value ^ value);
    s.count = 1;
  }
  return ok();
}
template <class T, Bitop op>
constexpr AggregateFunction bits() {
  return aggregate<Best<T>>(&update_bits<T, op>, &finish_best<T>);
}

// --- collecting -----------------------------------------------------------------------------------------------------

struct Collected {
  char* data;
  std::uint32_t size, capacity;
  bool has;
};
void append(Collected& s, std::string_view text, Arena& arena) {
  if (s.capacity - s.size < text.size()) {
    std::size_t capacity = s.capacity == 0 ? 32 : std::size_t{s.capacity} * 2;
    while (capacity < s.size + text.size()) capacity *= 2;
    auto* data = arena.array<char>(capacity);
    if (s.size != 0) std::memcpy(data, s.data, s.size);
    s.data = data;
    s.capacity = static_cast<std::uint32_t>(capacity);
  }
  if (!text.empty()) std::memcpy(s.data + s.size, text.data(), text.size());
  s.size += static_cast<std::uint32_t>(text.size());
}
Status update_string_agg(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    const std::uint32_t row = u.rows[i];
    if (u.arguments[0].is_null(row)) continue;
    auto& s = state_at<Collected>(u, i);
    const std::string_view text = u.arguments[0].value<StringRef>(row).view();
    const std::string_view delimiter =
        s.has && !u.arguments[1].is_null(row) ? u.arguments[1].value<StringRef>(row).view() : std::string_view();
    if (std::size_t{s.size} + text.size() + delimiter.size() > type::value_bytes_max)
      return Error(
          Error::make(sqlstate::program_limit_exceeded, "out of memory")
              .detail("Cannot enlarge string buffer containing ", s.size, " bytes by ", text.size(), " more bytes."));
    append(s, delimiter, u.context.arena);
    append(s, text, u.context.arena);
    s.has = true;
  }
  return ok();
}
Status finish_string_agg(FunctionContext&, const std::byte* state, Value& out) {
  const auto& s = state_of<Collected>(state);
  out = s.has ? type::string_value({s.data, s.size}) : Value::null_of(Physical::string);
  return ok();
}

/// In pieces, so that the next value never moves those before it.
struct CollectedValues {
  struct Piece {
    Piece* next;
    std::uint32_t size, capacity;
    std::span<Value> values() { return {reinterpret_cast<Value*>(this + 1), size}; }
  };
  static constexpr std::uint32_t piece_max = 4096;
  Piece* first;
  Piece* last;
  std::uint32_t size;
  Oid type;

  void add(const Value& value, Arena& arena) {
    if (last == nullptr || last->size == last->capacity) {
      const std::uint32_t capacity = last == nullptr ? 4 : std::min(last->capacity * 2, piece_max);
      static_assert(sizeof(Piece) % alignof(Value) == 0);
      auto* piece = static_cast<Piece*>(arena.allocate(sizeof(Piece) + capacity * sizeof(Value), alignof(Value)));
      *piece = {nullptr, 0, capacity};
      (last == nullptr ? first : last->next) = piece;
      last = piece;
    }
    reinterpret_cast<Value*>(last + 1)[last->size++] = value;
    ++size;
  }
  Vec<Value> all(Arena& arena) const {
    Vec<Value> values(arena, size);
    for (Piece* piece = first; piece != nullptr; piece = piece->next) values.append(piece->values());
    return values;
  }
};
Status update_array_agg(AggregateUpdate& u) {
  for (std::uint32_t i = 0; i < u.rows.count; ++i) {
    auto& s = state_at<CollectedValues>(u, i);
    s.type = u.context.argument_type(0);
    s.add(own_value(type::value_of(u.arguments[0], u.rows[i]), u.context.arena), u.context.arena);
  }
  return ok();
}
Status finish_array_agg(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<CollectedValues>(state);
  out = Value::null_of(Physical::string);
  if (s.size == 0) return ok();
  const type::ArrayDimension dimension{static_cast<i4>(s.size), 1};
  SPG_ASSIGN(const StringRef made, type::make_array(s.type, {&dimension, 1}, s.all(c.arena).span(), c.arena));
  out = Value::of(Physical::string, made);
  return ok();
}
/// array_agg over arrays of equal dimensions: one dimension more.
Status finish_array_agg_array(FunctionContext& c, const std::byte* state, Value& out) {
  const auto& s = state_of<CollectedValues>(state);
  out = Value::null_of(Physical::string);
  if (s.size == 0) return ok();
  Vec<Value> values(c.arena);
  type::ArrayDimension dimensions[type::array_dimensions_max + 1];
  int inner = -1;
  Oid element{};
  for (const Value& array : s.all(c.arena)) {
    if (array.is_null) return Error::make(sqlstate::null_value_not_allowed, "cannot accumulate null arrays");
    type::ArrayReader reader(array.as<StringRef>());
    if (reader.dimensions() == 0) return Error::make(sqlstate::array_subscript_error, "cannot accumulate empty arrays");
    bool same = inner < 0 || inner == reader.dimensions();
    for (int d = 0; d < reader.dimensions() && same; ++d) {
      if (inner < 0) dimensions[d + 1] = reader.dimension(d);
      else
        same = dimensions[d + 1].length == reader.dimension(d).length &&
               dimensions[d + 1].lower == reader.dimension(d).lower;
    }
    if (!same)
      return Error::make(sqlstate::array_subscript_error, "cannot accumulate arrays of different dimensionality");
    inner = reader.dimensions();
    element = reader.element_type();
    Value value;
    while (reader.next(&value)) values.push_back(value);
  }
  dimensions[0] = {static_cast<i4>(s.size), 1};
  SPG_ASSIGN(const StringRef made,
             type::make_array(element, {dimensions, static_cast<std::size_t>(inner) + 1}, values.span(), c.arena));
  out = Value::of(Physical::string, made);
  return ok();
}

template <Spread what>
constexpr AggregateFunction float_spread(bool single) {
  return aggregate<Moments>(single ? &update_moments<float> : &update_moments<double>, &finish_moments<what>);
}
template <Spread what, class T>
constexpr AggregateFunction numeric_spread() {
  return invertible(aggregate<NumericMoments>(&update_numeric_moments<T>, &finish_numeric_moments<what>),
                    &remove_numeric_moments<T>);
}
template <Regress what>
constexpr AggregateFunction regress() {
  return aggregate<Regression>(&update_regression, &finish_regression<what>);
}

#define SPG_SPREAD(prefix, what)                                                                                    \
  {proc::prefix##_smallint, numeric_spread<what, std::int16_t>()},                                                  \
      {proc::prefix##_integer, numeric_spread<what, i4>()}, {proc::prefix##_bigint, numeric_spread<what, i8>()},    \
      {proc::prefix##_numeric, numeric_spread<what, Numeric>()}, {proc::prefix##_real, float_spread<what>(true)}, { \
    proc::prefix##_double_precision, float_spread<what>(false)                                                      \
  }
#define SPG_BEST(prefix, max)                                                                                          \
  {proc::prefix##_smallint, best<std::int16_t>(max)}, {proc::prefix##_integer, best<i4>(max)},                         \
      {proc::prefix##_bigint, best<i8>(max)}, {proc::prefix##_oid, best<std::uint32_t>(max)},                          \
      {proc::prefix##_real, best<float>(max)}, {proc::prefix##_double_precision, best<double>(max)},                   \
      {proc::prefix##_date, best<i4>(max)}, {proc::prefix##_time_without_time_zone, best<i8>(max)},                    \
      {proc::prefix##_timestamp_without_time_zone, best<i8>(max)},                                                     \
      {proc::prefix##_timestamp_with_time_zone, best<i8>(max)}, {proc::prefix##_time_with_time_zone, best_value(max)}, \
      {proc::prefix##_interval, best_value(max)}, {proc::prefix##_text, best_text(max)},                               \
      {proc::prefix##_character, best_value(max)}, {proc::prefix##_numeric, best_value(max)},                          \
      {proc::prefix##_xid8, best<i8>(max)}, {proc::prefix##_pg_lsn, best<i8>(max)}, {                                  \
    proc::prefix##_anyarray, best_value(max)                                                                           \
  }
#define SPG_BITS(prefix, op)                                                                       \
  {proc::prefix##_smallint, bits<std::int16_t, op>()}, {proc::prefix##_integer, bits<i4, op>()}, { \
    proc::prefix##_bigint, bits<i8, op>()                                                          \
  }

constexpr AggregateEntry entries[] = {
    {proc::agg_count, aggregate<i8>(&update_count, &finish_count, true)},
    {proc::agg_count_any, aggregate<i8>(&update_count, &finish_count)},
    {proc::agg_sum_smallint, aggregate<IntegerSum>(&update_integer_sum<std::int16_t>, &finish_integer_sum)},
    {proc::agg_sum_integer, aggregate<IntegerSum>(&update_integer_sum<i4>, &finish_integer_sum)},
    {proc::agg_sum_bigint,
     invertible(aggregate<BigintSum>(&update_bigint_sum, &finish_bigint_sum<false>), &remove_bigint_sum)},
    {proc::agg_sum_numeric, invertible(aggregate<NumericSum>(&update_numeric, &finish_numeric_sum), &remove_numeric)},
    {proc::agg_sum_real, aggregate<FloatSum<float>>(&update_float_sum<float>, &finish_float_sum<float>)},
    {proc::agg_sum_double_precision, aggregate<FloatSum<double>>(&update_float_sum<double>, &finish_float_sum<double>)},
    {proc::agg_sum_interval,
     invertible(aggregate<IntervalSum>(&update_interval_sum, &finish_interval<false>), &remove_interval_sum)},
    {proc::agg_avg_smallint, aggregate<IntegerSum>(&update_integer_sum<std::int16_t>, &finish_integer_avg)},
    {proc::agg_avg_integer, aggregate<IntegerSum>(&update_integer_sum<i4>, &finish_integer_avg)},
    {proc::agg_avg_bigint,
     invertible(aggregate<BigintSum>(&update_bigint_sum, &finish_bigint_sum<true>), &remove_bigint_sum)},
    {proc::agg_avg_numeric, invertible(aggregate<NumericSum>(&update_numeric, &finish_numeric_avg), &remove_numeric)},
    {proc::agg_avg_real, float_spread<Spread::average>(true)},
    {proc::agg_avg_double_precision, float_spread<Spread::average>(false)},
    {proc::agg_avg_interval,
     invertible(aggregate<IntervalSum>(&update_interval_sum, &finish_interval<true>), &remove_interval_sum)},
    SPG_SPREAD(agg_variance, Spread::var_samp),
    SPG_SPREAD(agg_var_samp, Spread::var_samp),
    SPG_SPREAD(agg_var_pop, Spread::var_pop),
    SPG_SPREAD(agg_stddev, Spread::stddev_samp),
    SPG_SPREAD(agg_stddev_samp, Spread::stddev_samp),
    SPG_SPREAD(agg_stddev_pop, Spread::stddev_pop),
    SPG_BEST(agg_max, true),
    SPG_BEST(agg_min, false),
    SPG_BITS(agg_bit_and, Bitop::and_),
    SPG_BITS(agg_bit_or, Bitop::or_),
    SPG_BITS(agg_bit_xor, Bitop::xor_),
    {proc::agg_bool_and_boolean, bits<std::uint8_t, Bitop::and_>()},
    {proc::agg_every_boolean, bits<std::uint8_t, Bitop::and_>()},
    {proc::agg_bool_or_boolean, bits<std::uint8_t, Bitop::or_>()},
    {proc::agg_string_agg_text_text, aggregate<Collected>(&update_string_agg, &finish_string_agg, true)},
    {proc::agg_string_agg_bytea_bytea, aggregate<Collected>(&update_string_agg, &finish_string_agg, true)},
    {proc::agg_array_agg_anynonarray, aggregate<CollectedValues>(&update_array_agg, &finish_array_agg, true)},
    {proc::agg_array_agg_anyarray, aggregate<CollectedValues>(&update_array_agg, &finish_array_agg_array, true)},
    {proc::agg_regr_count_double_precision_double_precision, regress<Regress::count>()},
    {proc::agg_regr_sxx_double_precision_double_precision, regress<Regress::sxx>()},
    {proc::agg_regr_syy_double_precision_double_precision, regress<Regress::syy>()},
    {proc::agg_regr_sxy_double_precision_double_precision, regress<Regress::sxy>()},
    {proc::agg_regr_avgx_double_precision_double_precision, regress<Regress::avgx>()},
    {proc::agg_regr_avgy_double_precision_double_precision, regress<Regress::avgy>()},
    {proc::agg_regr_r2_double_precision_double_precision, regress<Regress::r2>()},
    {proc::agg_regr_slope_double_precision_double_precision, regress<Regress::slope>()},
    {proc::agg_regr_intercept_double_precision_double_precision, regress<Regress::intercept>()},
    {proc::agg_covar_pop_double_precision_double_precision, regress<Regress::covar_pop>()},
    {proc::agg_covar_samp_double_precision_double_precision, regress<Regress::covar_samp>()},
    {proc::agg_corr_double_precision_double_precision, regress<Regress::corr>()},
};

}  // namespace

namespace module {
const Module aggregates{{}, entries};
}

}  // namespace spg::exec
