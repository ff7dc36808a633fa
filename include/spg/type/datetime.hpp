// date, time, timetz, timestamp, timestamptz, interval <-> text, in PostgreSQL's input and output styles.
//
// date: days, timestamp(tz): microseconds since 2000-01-01 (UTC); time: microseconds since midnight; extreme values are
// -infinity and infinity (calendar.hpp). Pure functions, usable from any thread. Errors: 22007 for what is no date,
// 22008 for one out of range, 22009 for zone offsets, 22015 for interval fields, 22023 for unknown zones.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"
#include "spg/type/calendar.hpp"
#include "spg/type/interval.hpp"
#include "spg/type/settings.hpp"

namespace spg::type {

/// time with time zone. In vectors: a 12-byte string, microseconds then zone, little-endian.
struct TimeTz {
  std::int64_t microseconds = 0;
  std::int32_t west = 0;  ///< seconds west of UTC, PostgreSQL's sign
  /// Values are ordered by the moment in UTC, then by zone.
  std::int64_t utc() const { return microseconds + west * second_us; }
  StringRef pack() const;
  static TimeTz unpack(const StringRef& packed);
};

Result<std::int32_t> parse_date(std::string_view text, const TextSettings& settings);
Result<std::int64_t> parse_time(std::string_view text, const TextSettings& settings);
Result<TimeTz> parse_timetz(std::string_view text, const TextSettings& settings);
Result<std::int64_t> parse_timestamp(std::string_view text, const TextSettings& settings);
Result<std::int64_t> parse_timestamptz(std::string_view text, const TextSettings& settings);
/// `fields` is the interval typmod's field mask (0 = any): it decides what a bare number means.
Result<Interval> parse_interval(std::string_view text, const TextSettings& settings, std::int32_t typmod = -1);

void print_date(std::int32_t value, TextBuilder& out, const TextSettings& settings);
void print_time(std::int64_t value, TextBuilder& out);
void print_timetz(const TimeTz& value, TextBuilder& out);
void print_timestamp(std::int64_t value, TextBuilder& out, const TextSettings& settings);
void print_timestamptz(std::int64_t value, TextBuilder& out, const TextSettings& settings);
void print_interval(const Interval& value, TextBuilder& out, const TextSettings& settings);

/// A zone by name, abbreviation or offset, as AT TIME ZONE and SET timezone take it; 22023 when there is none.
Result<TimeZone> find_zone(std::string_view name, const TextSettings& settings);

/// Rounds to typmod decimals (0 .. 6) of seconds; -1 changes nothing.
std::int64_t round_time(std::int64_t value, std::int32_t typmod);
Result<std::int64_t> round_timestamp(std::int64_t value, std::int32_t typmod);
/// Rounds and cuts to the fields of INTERVAL YEAR TO MONTH and so on.
Result<Interval> interval_apply_typmod(const Interval& value, std::int32_t typmod);

}  // namespace spg::type
