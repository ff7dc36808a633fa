// Ordered-set aggregates: percentiles, mode, and the ranks of hypothetical rows.
#include <cmath>
#include <cstdio>

#include "kernels.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

// --- percentiles ----------------------------------------------------------------------------------------------------

Status check_fraction(double fraction) {
  if (fraction >= 0 && fraction <= 1) return ok();
  char text[32];
  std::snprintf(text, sizeof text, "%g", fraction);
  // PostgreSQL's printf spells these as its type's output does.
  const std::string_view shown = std::isfinite(fraction) ? std::string_view(text)
                                 : std::isnan(fraction)  ? "NaN"
                                 : fraction > 0          ? "Infinity"
                                                         : "-Infinity";
  return Error::make(sqlstate::numeric_value_out_of_range, "percentile value ", shown, " is not between 0 and 1");
}

/// The first value that at least so large a part of the rows is not behind.
Status discrete(OrderedSetCall& call, double fraction, Value& out) {
  const double place = std::ceil(fraction * static_cast<double>(call.rows.size()));
  out = call.rows.value(place < 1 ? 0 : static_cast<std::size_t>(place) - 1, 0);
  return ok();
}
Status between(double low, double high, double part, Value& out) {
  out = Value::of(Physical::float8, low + part * (high - low));
  return ok();
}
Status between(const Interval& low, const Interval& high, double part, Value& out) {
  SPG_ASSIGN(const Interval difference, type::interval_sub(high, low));
  SPG_ASSIGN(const Interval share, type::interval_mul(difference, part));
  SPG_ASSIGN(const Interval sum, type::interval_add(share, low));
  out = Value::of(Physical::interval, sum);
  return ok();
}
template <class T>
Status continuous(OrderedSetCall& call, double fraction, Value& out) {
  const double place = fraction * static_cast<double>(call.rows.size() - 1), low = std::floor(place);
  const Value first = call.rows.value(static_cast<std::size_t>(low), 0);
  out = first;
  if (std::ceil(place) == low) return ok();
  return between(first.as<T>(), call.rows.value(static_cast<std::size_t>(low) + 1, 0).as<T>(), place - low, out);
}

using Percentile = Status (*)(OrderedSetCall& call, double fraction, Value& out);

template <Percentile percentile>
Status finish_percentile(OrderedSetCall& call, Value& out) {
  out = Value{};
  if (call.direct[0].is_null) return ok();
  const auto fraction = call.direct[0].as<double>();
  SPG_TRY(check_fraction(fraction));
  return call.rows.size() == 0 ? ok() : percentile(call, fraction, out);
}
/// For an array of fractions, an array of the same shape.
template <Percentile percentile>
Status finish_percentiles(OrderedSetCall& call, Value& out) {
  out = Value{};
  if (call.rows.size() == 0 || call.direct[0].is_null) return ok();
  const auto fractions = call.direct[0].as<StringRef>();
  type::ArrayReader reader(fractions);
  Vec<type::ArrayDimension> dimensions(call.context.arena);
  for (int d = 0; d < reader.dimensions(); ++d) dimensions.push_back(reader.dimension(d));
  Vec<Value> results(call.context.arena);
  Value fraction;
  while (reader.next(&fraction)) {
    Value result = fraction;
    if (!fraction.is_null) {
      SPG_TRY(check_fraction(fraction.as<double>()));
      SPG_TRY(percentile(call, fraction.as<double>(), result));
    }
    results.push_back(result);
  }
  SPG_ASSIGN(const StringRef made,
             type::make_array(call.context.argument_type(0), dimensions.span(), results.span(), call.context.arena));
  out = Value::of(Physical::string, made);
  return ok();
}

/// The most frequent value; of several, the first in order.
Status finish_mode(OrderedSetCall& call, Value& out) {
  out = Value{};
  const Oid type = call.context.argument_type(0);
  const std::size_t size = call.rows.size();
  std::size_t most = 0;
  for (std::size_t first = 0; first < size;) {
    const Value value = call.rows.value(first, 0);
    std::size_t end = first + 1;
    while (end < size && type::compare(type, value, call.rows.value(end, 0)) == 0) ++end;
    if (end - first > most) {
      most = end - first;
      out = value;
    }
    first = end;
  }
  return ok();
}

// --- hypothetical rows ----------------------------------------------------------------------------------------------

/// How the row that the direct arguments are sorts against row `row`.
int compare_hypothetical(const OrderedSetCall& call, std::size_t row) {
  for (std::size_t i = 0; i < call.direct.size(); ++i) {
    const plan::AggregateCall::Order& order = call.call.order_by[i];
    const Value &a = call.direct[i], b = call.rows.value(row, i);
    if (a.is_null && b.is_null) continue;
    if (a.is_null || b.is_null) return a.is_null == order.nulls_first ? -1 : 1;
    const int result = type::compare(call.context.argument_type(i), a, b);
    if (result != 0) return order.descending ? -result : result;
  }
  return 0;
}
bool same_rows(const OrderedSetCall& call, std::size_t a, std::size_t b) {
  for (std::size_t i = 0; i < call.direct.size(); ++i) {
    const Value x = call.rows.value(a, i), y = call.rows.value(b, i);
    if (x.is_null != y.is_null) return false;
    if (!x.is_null && type::compare(call.context.argument_type(i), x, y) != 0) return false;
  }
  return true;
}
/// Rows that sort before the hypothetical one; with `peers`, or equal to it.
std::size_t rows_before(const OrderedSetCall& call, bool peers) {
  std::size_t low = 0, high = call.rows.size();
  while (low < high) {
    const std::size_t middle = low + (high - low) / 2;
    const int order = compare_hypothetical(call, middle);
    if (peers ? order >= 0 : order > 0) low = middle + 1;
    else high = middle;
  }
  return low;
}

Status finish_rank(OrderedSetCall& call, Value& out) {
  out = Value::of(Physical::int8, static_cast<std::int64_t>(rows_before(call, false)) + 1);
  return ok();
}
Status finish_dense_rank(OrderedSetCall& call, Value& out) {
  const std::size_t before = rows_before(call, false);
  std::int64_t rank = 1;
  for (std::size_t i = 0; i < before; ++i) rank += i == 0 || !same_rows(call, i - 1, i);
  out = Value::of(Physical::int8, rank);
  return ok();
}
Status finish_percent_rank(OrderedSetCall& call, Value& out) {
  const auto count = static_cast<double>(call.rows.size());
  out = Value::of(Physical::float8, count == 0 ? 0.0 : static_cast<double>(rows_before(call, false)) / count);
  return ok();
}
Status finish_cume_dist(OrderedSetCall& call, Value& out) {
  const auto count = static_cast<double>(call.rows.size()) + 1;
  out = Value::of(Physical::float8, (static_cast<double>(rows_before(call, true)) + 1) / count);
  return ok();
}

constexpr AggregateFunction ordered(Status (*finish)(OrderedSetCall&, Value&), bool sees_nulls = false) {
  AggregateFunction made;
  made.sees_nulls = sees_nulls;
  made.finish_ordered = finish;
  return made;
}

constexpr AggregateEntry ordered_entries[] = {
    {proc::agg_percentile_disc_double_precision_anyelement, ordered(&finish_percentile<&discrete>)},
    {proc::agg_percentile_disc_double_precision_array_anyelement, ordered(&finish_percentiles<&discrete>)},
    {proc::agg_percentile_cont_double_precision_double_precision, ordered(&finish_percentile<&continuous<double>>)},
    {proc::agg_percentile_cont_double_precision_interval, ordered(&finish_percentile<&continuous<Interval>>)},
    {proc::agg_percentile_cont_double_precision_array_double_precision,
     ordered(&finish_percentiles<&continuous<double>>)},
    {proc::agg_percentile_cont_double_precision_array_interval, ordered(&finish_percentiles<&continuous<Interval>>)},
    {proc::agg_mode_anyelement, ordered(&finish_mode)},
    {proc::agg_rank_any, ordered(&finish_rank, true)},
    {proc::agg_percent_rank_any, ordered(&finish_percent_rank, true)},
    {proc::agg_cume_dist_any, ordered(&finish_cume_dist, true)},
    {proc::agg_dense_rank_any, ordered(&finish_dense_rank, true)},
};

}  // namespace

namespace module {
const Module ordered_aggregates{{}, ordered_entries};
}

}  // namespace spg::exec
