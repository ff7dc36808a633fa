// Frames of windows: where they begin and end, row by row; in_range(), by which RANGE counts.
#include <cmath>

#include "kernels.hpp"
#include "window.hpp"

namespace spg::exec {

// --- in_range: whether value <= base + offset (less), or >=; base - offset with `subtract` --------------------------

namespace {

Error bad_size() {
  return Error::make(sqlstate::invalid_preceding_or_following_size,
                     "invalid preceding or following size in window function");
}
template <class T>
bool on_side(const T& value, const T& limit, bool less) {
  return less ? value <= limit : value >= limit;
}

template <class Column, class Offset>
Result<bool> in_range_integer(Column value, Column base, Offset offset, bool subtract, bool less) {
  if (offset < 0) return bad_size();
  std::int64_t sum = 0;
  if (__builtin_add_overflow(std::int64_t{base}, subtract ? -std::int64_t{offset} : std::int64_t{offset}, &sum))
    return subtract ? !less : less;
  return on_side(std::int64_t{value}, sum, less);
}

template <class T>
Result<bool> in_range_float(T value, T base, double offset, bool subtract, bool less) {
  if (std::isnan(offset) || offset < 0) return bad_size();
  if (std::isnan(value)) return std::isnan(base) || !less;  // NaN is above all, and equals itself
  if (std::isnan(base)) return less;
  const double from{base};
  if (std::isinf(offset) && std::isinf(from) && (subtract ? from > 0 : from < 0)) return true;
  return on_side(double{value}, subtract ? from - offset : from + offset, less);
}

Result<bool> in_range_numeric(FunctionContext& c, Numeric value, Numeric base, Numeric offset, bool subtract,
                              bool less) {
  const Numeric zero = type::numeric_from_int8(0, c.arena);
  if (offset.is_nan() || type::numeric_compare(offset, zero) < 0) return bad_size();
  if (value.is_nan()) return base.is_nan() || !less;
  if (base.is_nan()) return less;
  const bool is_positive = type::numeric_compare(base, zero) > 0;
  if (offset.is_infinite() && base.is_infinite() && is_positive == subtract) return true;
  SPG_ASSIGN(const Numeric limit,
             subtract ? type::numeric_sub(base, offset, c.arena) : type::numeric_add(base, offset, c.arena));
  return on_side(type::numeric_compare(value, limit), 0, less);
}

bool is_negative(const Interval& interval) { return interval.span() < 0; }

Result<bool> in_range_timestamp(std::int64_t value, std::int64_t base, Interval offset, bool subtract, bool less) {
  if (is_negative(offset)) return bad_size();
  if (subtract) { SPG_ASSIGN(offset, type::interval_neg(offset)); }
  SPG_ASSIGN(const std::int64_t limit, type::timestamp_add(base, offset));
  return on_side(value, limit, less);
}
Result<bool> in_range_date(std::int32_t value, std::int32_t base, Interval offset, bool subtract, bool less) {
  SPG_ASSIGN(const std::int64_t value_time, type::date_to_timestamp(value));
  SPG_ASSIGN(const std::int64_t base_time, type::date_to_timestamp(base));
  return in_range_timestamp(value_time, base_time, offset, subtract, less);
}
Result<bool> in_range_timestamptz(FunctionContext& c, std::int64_t value, std::int64_t base, Interval offset,
                                  bool subtract, bool less) {
  if (is_negative(offset)) return bad_size();
  if (subtract) { SPG_ASSIGN(offset, type::interval_neg(offset)); }
  SPG_ASSIGN(const std::int64_t limit, type::timestamptz_add(base, offset, *c.settings().zone));
  return on_side(value, limit, less);
}
Result<bool> in_range_interval(Interval value, Interval base, Interval offset, bool subtract, bool less) {
  if (is_negative(offset)) return bad_size();
  SPG_ASSIGN(const Interval limit, subtract ? type::interval_sub(base, offset) : type::interval_add(base, offset));
  return on_side(type::interval_compare(value, limit), 0, less);
}
/// Of the offset only the time counts, and the sum does not wrap around at midnight.
Result<std::int64_t> time_limit(std::int64_t base, const Interval& offset, bool subtract) {
  if (offset.microseconds < 0) return bad_size();
  std::int64_t limit = 0;
  if (__builtin_add_overflow(base, subtract ? -offset.microseconds : offset.microseconds, &limit))
    limit = subtract ? INT64_MIN : INT64_MAX;
  return limit;
}
Result<bool> in_range_time(std::int64_t value, std::int64_t base, Interval offset, bool subtract, bool less) {
  SPG_ASSIGN(const std::int64_t limit, time_limit(base, offset, subtract));
  return on_side(value, limit, less);
}
Result<bool> in_range_timetz(TimeTz value, TimeTz base, Interval offset, bool subtract, bool less) {
  SPG_ASSIGN(const std::int64_t limit, time_limit(base.microseconds, offset, subtract));
  const TimeTz end{limit, base.west};
  int order = value.utc() < end.utc() ? -1 : value.utc() > end.utc();
  if (order == 0) order = value.west < end.west ? -1 : value.west > end.west;
  return on_side(order, 0, less);
}

// --- bounds by RANGE ------------------------------------------------------------------------------------------------

/// One bound of all rows: `is_start` the first row in range, else the row after the last.
using RangeBound = Status (*)(const FrameClause& clause, const WindowRows& rows, FunctionContext& context,
                              bool is_start, std::uint32_t* out);

template <auto f, class V, class O>
Result<bool> test(FunctionContext& context, const Vector& order, std::uint32_t value, std::uint32_t base,
                  const Vector& offset, bool subtract, bool less) {
  using kernel_detail::Reader;
  const V a = Reader<V>::read(order, value), b = Reader<V>::read(order, base);
  if constexpr (std::is_invocable_v<decltype(f), FunctionContext&, V, V, O, bool, bool>)
    return f(context, a, b, Reader<O>::read(offset, 0), subtract, less);
  else return f(a, b, Reader<O>::read(offset, 0), subtract, less);
}

/// Whether the bound of `base` lies behind row `at`.
template <auto f, class V, class O>
Result<bool> is_beyond(const FrameClause& clause, FunctionContext& context, bool is_start, const Vector& offset,
                       bool subtract, std::uint32_t at, std::uint32_t base) {
  const bool at_null = clause.order.is_null(at), base_null = clause.order.is_null(base);
  if (at_null || base_null) {
    if (is_start) return clause.nulls_first ? at_null && !base_null : !at_null && base_null;
    return clause.nulls_first ? at_null : base_null;
  }
  SPG_ASSIGN(const bool in,
             (test<f, V, O>(context, clause.order, at, base, offset, subtract, is_start == clause.descending)));
  return in != is_start;
}

template <auto f, class V, class O>
Status range_bound(const FrameClause& clause, const WindowRows& rows, FunctionContext& context, bool is_start,
                   std::uint32_t* out) {
  const auto kind = is_start ? clause.frame->start : clause.frame->end;
  const bool subtract = (kind == sql::FrameBound::preceding) != clause.descending;
  const Vector offset = (is_start ? clause.start_offset : clause.end_offset).vector();
  Arena memory(context.arena.budget());
  FunctionContext own{context.exec, memory, nullptr, context.arguments};
  for (std::size_t p = 0, peer = 0; p + 1 < rows.partitions.size(); ++p) {
    const std::uint32_t end = rows.partitions[p + 1];
    std::uint32_t at = rows.partitions[p];
    for (; rows.peers[peer] < end; ++peer) {
      const std::uint32_t base = rows.peers[peer];
      for (; at < end; ++at) {
        SPG_ASSIGN(const bool beyond, (is_beyond<f, V, O>(clause, own, is_start, offset, subtract, at, base)));
        if (!beyond) break;
        if (at % 1024 == 0) SPG_TRY(memory.check());
      }
      if (peer % 64 == 0) {
        SPG_TRY(memory.check());
        memory.reset();
      }
      for (std::uint32_t row = base; row < rows.peers[peer + 1]; ++row) out[row] = at;
    }
  }
  return ok();
}

struct RangeEntry {
  std::uint16_t oid;
  RangeBound bound;
};
using i2 = std::int16_t;
using i4 = std::int32_t;
using i8 = std::int64_t;
constexpr RangeEntry range_entries[] = {
    {4126, &range_bound<&in_range_integer<i8, i8>, i8, i8>},
    {4127, &range_bound<&in_range_integer<i4, i8>, i4, i8>},
    {4128, &range_bound<&in_range_integer<i4, i4>, i4, i4>},
    {4129, &range_bound<&in_range_integer<i4, i2>, i4, i2>},
    {4130, &range_bound<&in_range_integer<i2, i8>, i2, i8>},
    {4131, &range_bound<&in_range_integer<i2, i4>, i2, i4>},
    {4132, &range_bound<&in_range_integer<i2, i2>, i2, i2>},
    {4133, &range_bound<&in_range_date, i4, Interval>},
    {4134, &range_bound<&in_range_timestamp, i8, Interval>},
    {4135, &range_bound<&in_range_timestamptz, i8, Interval>},
    {4136, &range_bound<&in_range_interval, Interval, Interval>},
    {4137, &range_bound<&in_range_time, i8, Interval>},
    {4138, &range_bound<&in_range_timetz, TimeTz, Interval>},
    {4139, &range_bound<&in_range_float<double>, double, double>},
    {4140, &range_bound<&in_range_float<float>, float, double>},
    {4141, &range_bound<&in_range_numeric, Numeric, Numeric>},
};

// --- bounds by ROWS and GROUPS --------------------------------------------------------------------------------------

/// at + offset within [low, high]; at - offset when preceding.
std::uint32_t moved(std::uint32_t at, std::int64_t offset, bool preceding, std::uint32_t low, std::uint32_t high) {
  if (preceding) return offset > std::int64_t{at - low} ? low : at - static_cast<std::uint32_t>(offset);
  return offset > std::int64_t{high - at} ? high : at + static_cast<std::uint32_t>(offset);
}

/// Fills a bound of each row by visit(partition's range, peer group's number, row, groups of the partition).
template <class Bound>
void each_row(const WindowRows& rows, std::uint32_t* out, Bound bound) {
  for (std::uint32_t p = 0, peer = 0; p + 1 < rows.partitions.size(); ++p) {
    const RowRange partition{rows.partitions[p], rows.partitions[p + 1]};
    const std::uint32_t first = peer;
    std::uint32_t last = peer;
    while (rows.peers[last] < partition.end) ++last;
    for (; peer < last; ++peer)
      for (std::uint32_t row = rows.peers[peer]; row < rows.peers[peer + 1]; ++row)
        out[row] = bound(partition, RowRange{first, last}, peer, row);
  }
}

void start_bound(const FrameClause& clause, const WindowRows& rows, std::uint32_t* out) {
  const bool by_rows = clause.frame->mode == sql::FrameMode::rows;
  const bool preceding = clause.frame->start == sql::FrameBound::preceding;
  switch (clause.frame->start) {
    case sql::FrameBound::unbounded_preceding:
      return each_row(rows, out,
                      [](RowRange partition, RowRange, std::uint32_t, std::uint32_t) { return partition.begin; });
    case sql::FrameBound::current_row:
      return each_row(rows, out, [&](RowRange, RowRange, std::uint32_t peer, std::uint32_t row) {
        return by_rows ? row : rows.peers[peer];
      });
    default: break;
  }
  const auto offset = clause.start_offset.as<std::int64_t>();
  each_row(rows, out, [&](RowRange partition, RowRange groups, std::uint32_t peer, std::uint32_t row) {
    if (by_rows) return moved(row, offset, preceding, partition.begin, partition.end);
    return rows.peers[moved(peer, offset, preceding, groups.begin, groups.end)];
  });
}

void end_bound(const FrameClause& clause, const WindowRows& rows, std::uint32_t* out) {
  const bool by_rows = clause.frame->mode == sql::FrameMode::rows;
  const bool preceding = clause.frame->end == sql::FrameBound::preceding;
  switch (clause.frame->end) {
    case sql::FrameBound::unbounded_following:
      return each_row(rows, out,
                      [](RowRange partition, RowRange, std::uint32_t, std::uint32_t) { return partition.end; });
    case sql::FrameBound::current_row:
      return each_row(rows, out, [&](RowRange, RowRange, std::uint32_t peer, std::uint32_t row) {
        return by_rows ? row + 1 : rows.peers[peer + 1];
      });
    default: break;
  }
  const auto offset = clause.end_offset.as<std::int64_t>();
  each_row(rows, out, [&](RowRange partition, RowRange groups, std::uint32_t peer, std::uint32_t row) {
    if (by_rows) return moved(row + 1, offset, preceding, partition.begin, partition.end);
    return rows.peers[moved(peer + 1, offset, preceding, groups.begin, groups.end)];
  });
}

bool is_offset(sql::FrameBound bound) {
  return bound == sql::FrameBound::preceding || bound == sql::FrameBound::following;
}

Status one_bound(const FrameClause& clause, const WindowRows& rows, FunctionContext& context, bool is_start,
                 std::uint32_t* out) {
  const bool by_offset = is_offset(is_start ? clause.frame->start : clause.frame->end);
  if (clause.frame->mode == sql::FrameMode::range && by_offset) {
    const Oid function = is_start ? clause.frame->start_in_range : clause.frame->end_in_range;
    for (const RangeEntry& entry : range_entries)
      if (entry.oid == raw(function)) return entry.bound(clause, rows, context, is_start, out);
    return Error::make(sqlstate::internal_error, "unknown in_range function ", raw(function));
  }
  if (is_start) start_bound(clause, rows, out);
  else end_bound(clause, rows, out);
  return ok();
}

std::uint32_t* row_numbers(std::uint32_t count, Arena& arena) {
  return static_cast<std::uint32_t*>(arena.try_allocate((std::size_t{count} + 1) * sizeof(std::uint32_t)));
}

}  // namespace

Status check_offset(const FrameClause& clause, bool is_start) {
  if (!is_offset(is_start ? clause.frame->start : clause.frame->end)) return ok();
  const Value& offset = is_start ? clause.start_offset : clause.end_offset;
  const char* which = is_start ? "starting" : "ending";
  if (offset.is_null) return Error::make(sqlstate::null_value_not_allowed, "frame ", which, " offset must not be null");
  if (clause.frame->mode != sql::FrameMode::range && offset.as<std::int64_t>() < 0)
    return Error::make(sqlstate::invalid_preceding_or_following_size, "frame ", which, " offset must not be negative");
  return ok();
}

Result<FrameBounds> compute_frames(const FrameClause& clause, const WindowRows& rows, FunctionContext& context,
                                   Arena& arena) {
  FrameBounds bounds;
  bounds.exclusion = clause.frame->exclusion;
  bounds.begin = row_numbers(rows.count, arena);
  bounds.end = row_numbers(rows.count, arena);
  if (bounds.begin == nullptr || bounds.end == nullptr) return Error::out_of_memory();
  SPG_TRY(one_bound(clause, rows, context, true, bounds.begin));
  SPG_TRY(one_bound(clause, rows, context, false, bounds.end));
  for (std::uint32_t row = 0; row < rows.count; ++row)
    if (bounds.end[row] < bounds.begin[row]) bounds.end[row] = bounds.begin[row];
  if (bounds.exclusion == sql::FrameExclusion::group || bounds.exclusion == sql::FrameExclusion::ties) {
    bounds.peers_begin = row_numbers(rows.count, arena);
    bounds.peers_end = row_numbers(rows.count, arena);
    if (bounds.peers_begin == nullptr || bounds.peers_end == nullptr) return Error::out_of_memory();
    for (std::size_t peer = 0; peer + 1 < rows.peers.size(); ++peer)
      for (std::uint32_t row = rows.peers[peer]; row < rows.peers[peer + 1]; ++row) {
        bounds.peers_begin[row] = rows.peers[peer];
        bounds.peers_end[row] = rows.peers[peer + 1];
      }
  }
  SPG_TRY(arena.check());
  return bounds;
}

namespace {
constexpr FunctionEntry in_range_entries[] = {
    {proc::in_range_int8_int8, call<&in_range_integer<i8, i8>>()},
    {proc::in_range_int4_int8, call<&in_range_integer<i4, i8>>()},
    {proc::in_range_int4_int4, call<&in_range_integer<i4, i4>>()},
    {proc::in_range_int4_int2, call<&in_range_integer<i4, i2>>()},
    {proc::in_range_int2_int8, call<&in_range_integer<i2, i8>>()},
    {proc::in_range_int2_int4, call<&in_range_integer<i2, i4>>()},
    {proc::in_range_int2_int2, call<&in_range_integer<i2, i2>>()},
    {proc::in_range_date_interval, call<&in_range_date>()},
    {proc::in_range_timestamp_interval, call<&in_range_timestamp>()},
    {proc::in_range_timestamptz_interval, call<&in_range_timestamptz>()},
    {proc::in_range_interval_interval, call<&in_range_interval>()},
    {proc::in_range_time_interval, call<&in_range_time>()},
    {proc::in_range_timetz_interval, call<&in_range_timetz>()},
    {proc::in_range_float8_float8, call<&in_range_float<double>>()},
    {proc::in_range_float4_float8, call<&in_range_float<float>>()},
    {proc::in_range_numeric_numeric, call<&in_range_numeric>()},
};
}  // namespace

namespace module {
const Module windows{in_range_entries, {}};
}

}  // namespace spg::exec
