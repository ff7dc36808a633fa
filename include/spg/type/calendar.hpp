// The proleptic Gregorian calendar: day numbers <-> year, month, day, and the ranges of date and timestamp.
// Pure functions, usable from any thread. Dates are days, timestamps microseconds since 2000-01-01 00:00.
#pragma once
#include <cstdint>

namespace spg::type {

inline constexpr std::int64_t second_us = 1000000, minute_us = 60 * second_us, hour_us = 60 * minute_us,
                              day_us = 24 * hour_us;
inline constexpr std::int32_t unix_epoch_date = -10957;       ///< 1970-01-01
inline constexpr std::int32_t julian_of_2000 = 2451545;       ///< Julian day of 2000-01-01
inline constexpr std::int32_t date_infinity = INT32_MAX, date_minus_infinity = INT32_MIN;
inline constexpr std::int64_t timestamp_infinity = INT64_MAX, timestamp_minus_infinity = INT64_MIN;
inline constexpr std::int32_t date_min = -julian_of_2000, date_end = 2145031949;  ///< 4713-11-24 BC .. 5874897-12-31
inline constexpr std::int64_t timestamp_min = -211813488000000000, timestamp_end = 9223371331200000000;

/// `year` counts astronomically: 0 is 1 BC.
struct Civil {
  std::int32_t year = 0, month = 1, day = 1;
};

/// Days since 2000-01-01. `month` 1 .. 12; any day.
constexpr std::int64_t days_of(std::int64_t year, std::int32_t month, std::int32_t day) {
  year -= month <= 2;
  const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
  const std::int64_t of_era = year - era * 400;
  const std::int64_t day_of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + day_of_year - 730425;
}
constexpr Civil civil_of(std::int64_t days) {
  days += 730425;
  const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
  const std::int64_t of_era = days - era * 146097;
  const std::int64_t year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
  const std::int64_t day_of_year = of_era - (365 * year + year / 4 - year / 100);
  const std::int64_t shifted = (5 * day_of_year + 2) / 153;
  const auto month = static_cast<std::int32_t>(shifted + (shifted < 10 ? 3 : -9));
  return {static_cast<std::int32_t>(year + era * 400 + (month <= 2)), month,
          static_cast<std::int32_t>(day_of_year - (153 * shifted + 2) / 5 + 1)};
}
constexpr bool is_leap(std::int64_t year) { return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0); }
constexpr std::int32_t days_in_month(std::int64_t year, std::int32_t month) {
  return month == 2 ? 28 + is_leap(year) : 30 + (month < 8 ? month % 2 : 1 - month % 2);
}
/// 0 = Sunday.
constexpr std::int32_t weekday_of(std::int64_t days) { return static_cast<std::int32_t>(((days + 6) % 7 + 7) % 7); }

constexpr bool is_timestamp(std::int64_t value) { return value >= timestamp_min && value < timestamp_end; }
constexpr bool is_infinite_timestamp(std::int64_t value) {
  return value == timestamp_infinity || value == timestamp_minus_infinity;
}
constexpr bool is_infinite_date(std::int32_t value) { return value == date_infinity || value == date_minus_infinity; }

/// A point of time taken apart, in some zone.
struct Broken {
  Civil date;
  std::int32_t hour = 0, minute = 0, second = 0, micro = 0;
};
constexpr std::int64_t floor_div(std::int64_t a, std::int64_t b) { return a / b - (a % b < 0); }
constexpr std::int64_t time_of(const Broken& b) {
  return b.hour * hour_us + b.minute * minute_us + b.second * second_us + b.micro;
}
constexpr void set_time(Broken& b, std::int64_t us) {
  b.hour = static_cast<std::int32_t>(us / hour_us);
  b.minute = static_cast<std::int32_t>(us / minute_us % 60);
  b.second = static_cast<std::int32_t>(us / second_us % 60);
  b.micro = static_cast<std::int32_t>(us % second_us);
}
constexpr Broken broken_of(std::int64_t timestamp) {
  Broken result;
  const std::int64_t days = floor_div(timestamp, day_us);
  result.date = civil_of(days);
  set_time(result, timestamp - days * day_us);
  return result;
}
/// False when it is out of the range of timestamps.
constexpr bool join(const Broken& b, std::int64_t* timestamp) {
  const __int128 value = static_cast<__int128>(days_of(b.date.year, b.date.month, b.date.day)) * day_us + time_of(b);
  if (value < timestamp_min || value >= timestamp_end) return false;
  *timestamp = static_cast<std::int64_t>(value);
  return true;
}

}  // namespace spg::type
