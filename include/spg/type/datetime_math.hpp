// Arithmetic on dates and times: sums, differences, scaling, truncation, fields, construction.
// Pure functions, usable from any thread. Errors: 22008 "... out of range", 22012, 0A000/22023 for fields that a type
// lacks.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"
#include "spg/type/datetime.hpp"
#include "spg/type/numeric.hpp"

namespace spg::type {

Result<std::int32_t> date_add_days(std::int32_t date, std::int64_t days);
/// Requires: SQL's date - date fails for infinite dates (22008).
Result<std::int32_t> date_sub(std::int32_t a, std::int32_t b);
Result<std::int64_t> date_to_timestamp(std::int32_t date);
Result<std::int64_t> date_to_timestamptz(std::int32_t date, const TimeZone& zone);
Result<std::int32_t> timestamp_to_date(std::int64_t timestamp);
std::int64_t timestamp_to_time(std::int64_t timestamp);

/// The local time of a moment, and the moment of a local time: casts between the types, and AT TIME ZONE.
Result<std::int64_t> to_local(std::int64_t timestamptz, const TimeZone& zone);
Result<std::int64_t> from_local(std::int64_t timestamp, const TimeZone& zone);

Result<std::int64_t> timestamp_add(std::int64_t timestamp, const Interval& interval);
Result<std::int64_t> timestamptz_add(std::int64_t timestamptz, const Interval& interval, const TimeZone& zone);
Result<Interval> timestamp_sub(std::int64_t a, std::int64_t b);
Result<Interval> timestamp_age(std::int64_t a, std::int64_t b);
std::int64_t time_add(std::int64_t time, const Interval& interval);

Result<Interval> interval_neg(const Interval& a);
Result<Interval> interval_add(const Interval& a, const Interval& b);
Result<Interval> interval_sub(const Interval& a, const Interval& b);
Result<Interval> interval_mul(const Interval& a, double factor);
Result<Interval> interval_div(const Interval& a, double divisor);
Result<Interval> justify_hours(const Interval& a);
Result<Interval> justify_days(const Interval& a);
Result<Interval> justify_interval(const Interval& a);

/// extract(field from ...): a numeric, or NULL (false in `has`) for fields that infinity does not have.
struct Extracted {
  bool has = true;
  Numeric value;
};
Result<Extracted> extract_timestamp(std::string_view field, std::int64_t timestamp, Arena& arena);
Result<Extracted> extract_timestamptz(std::string_view field, std::int64_t timestamptz, const TimeZone& zone,
                                      Arena& arena);
Result<Extracted> extract_date(std::string_view field, std::int32_t date, Arena& arena);
Result<Extracted> extract_time(std::string_view field, std::int64_t time, Arena& arena);
Result<Extracted> extract_interval(std::string_view field, const Interval& interval, Arena& arena);

Result<std::int64_t> truncate_timestamp(std::string_view field, std::int64_t timestamp);
Result<std::int64_t> truncate_timestamptz(std::string_view field, std::int64_t timestamptz, const TimeZone& zone);
Result<Interval> truncate_interval(std::string_view field, const Interval& interval);
Result<std::int64_t> date_bin(const Interval& stride, std::int64_t timestamp, std::int64_t origin);

Result<std::int32_t> make_date(std::int32_t year, std::int32_t month, std::int32_t day);
Result<std::int64_t> make_time(std::int32_t hour, std::int32_t minute, double second);
Result<std::int64_t> make_timestamp(std::int32_t year, std::int32_t month, std::int32_t day, std::int32_t hour,
                                    std::int32_t minute, double second);
struct IntervalFields {
  std::int32_t years = 0, months = 0, weeks = 0, days = 0, hours = 0, minutes = 0;
  double seconds = 0;
};
Result<Interval> make_interval(const IntervalFields& fields);
/// (start1, end1) OVERLAPS (start2, end2) for values without NULL; ends may come before starts.
bool overlaps(std::int64_t start1, std::int64_t end1, std::int64_t start2, std::int64_t end2);

}  // namespace spg::type
