// Fields of date and time texts, shared by the readers of dates and of intervals. Inside the room only; no ownership:
// fields point into the buffer of their Fields object. Field texts are lower case.
#pragma once
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "spg/base/result.hpp"
#include "spg/type/calendar.hpp"

namespace spg::type::fields {

inline constexpr int fields_max = 25;

enum class FieldKind : std::uint8_t { number, date, time, zone, word, special };
struct Field {
  FieldKind kind = FieldKind::number;
  const char* text = nullptr;
  std::size_t size = 0;
};
struct Fields {
  Field list[fields_max];
  int count = 0;
  char buffer[25 + 128 + 25];
  std::size_t used = 0;
};

enum class Outcome : std::uint8_t {
  ok, bad_format, field_overflow, month_day_overflow, interval_overflow, zone_overflow, unknown_zone
};

enum class WordKind : std::uint8_t { unknown, ignore, month, weekday, half_day, era, unit, iso_time, special, dst };
struct Word {
  std::string_view text;
  WordKind kind = WordKind::unknown;
  std::int32_t value = 0;
};
enum Special { special_none, special_now, special_today, special_tomorrow, special_yesterday, special_zulu,
               special_epoch, special_late, special_early };
enum Unit { unit_none, unit_microsecond, unit_millisecond, unit_second, unit_minute, unit_hour, unit_day, unit_week,
            unit_month, unit_quarter, unit_year, unit_decade, unit_century, unit_millennium, unit_julian, unit_dow,
            unit_doy, unit_epoch, unit_isodow, unit_isoyear, unit_timezone, unit_timezone_hour, unit_timezone_minute,
            unit_ago };

/// False when the text holds what no date can, or is too long.
bool split(std::string_view text, Fields& out);
Word find_word(std::string_view text);
/// A unit of intervals and of extract(), by any of its names (lower case); unit_none when unknown.
Unit find_unit(std::string_view lower);

/// Reads a signed number off the front, as C's strtol; false (field_overflow) past the range of int4.
bool read_number(std::string_view& text, std::int64_t* value, Outcome* outcome);
/// The value of ".123". Requires: text starts with the point.
bool read_fraction(std::string_view text, double* value);
/// The same for int8, as intervals take numbers.
bool read_wide(std::string_view& text, std::int64_t* value);
Outcome decode_time(std::string_view text, Broken& to);
struct Clock {
  std::int64_t hour = 0, minute = 0, second = 0;
  std::int32_t micro = 0;
};
/// `minute_to_second`: two numbers are minutes and seconds.
Outcome decode_clock(std::string_view text, Clock& to, bool minute_to_second);
Outcome decode_offset(std::string_view text, std::int32_t* east);
Error timestamp_range();
Error error_of(Outcome outcome, std::string_view text, std::string_view type);

}  // namespace spg::type::fields
