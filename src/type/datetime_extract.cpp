// Fields of dates and times: extract(), date_trunc(), date_bin().
#include <algorithm>

#include "spg/type/ascii.hpp"
#include "spg/type/datetime_math.hpp"
#include "datetime_fields.hpp"

namespace spg::type {

using namespace fields;

namespace {

/// A field's name, lower case and cut as identifiers are, and what it means.
struct FieldName {
  char text[64];
  std::size_t size = 0;
  Unit unit = unit_none;

  explicit FieldName(std::string_view given) {
    size = std::min(given.size(), sizeof text - 1);
    for (std::size_t i = 0; i < size; ++i) text[i] = to_lower(given[i]);
    unit = find_unit(view());
    if (unit == unit_ago) unit = unit_none;
  }
  std::string_view view() const { return {text, size}; }
  Error unknown(std::string_view type) const {
    return Error::make(sqlstate::invalid_parameter_value, "unit \"", view(), "\" not recognized for type ", type);
  }
  Error unsupported(std::string_view type) const {
    return Error::make(sqlstate::feature_not_supported, "unit \"", view(), "\" not supported for type ", type);
  }
  /// For truncation, which knows the words of fields but not those that are no unit of time.
  Error not_a_unit(std::string_view type) const {
    const bool is_zone = unit == unit_timezone || unit == unit_timezone_hour || unit == unit_timezone_minute;
    return is_zone ? unsupported(type) : unknown(type);
  }
  Error refused(std::string_view type) const { return unit == unit_none ? unknown(type) : unsupported(type); }
};

Extracted whole(std::int64_t value, Arena& arena) { return {true, numeric_from_int8(value, arena)}; }
Extracted decimal_of(Int128 value, int scale, Arena& arena) { return {true, numeric_from_scaled(value, scale, arena)}; }

std::int64_t isoyear_start(std::int64_t year) {
  const std::int64_t fourth = days_of(year, 1, 4);
  return fourth - (weekday_of(fourth) + 6) % 7;
}
std::int64_t isoyear_of(std::int64_t days) {
  const Civil date = civil_of(days);
  if (days >= isoyear_start(date.year + 1)) return date.year + 1;
  return days < isoyear_start(date.year) ? date.year - 1 : date.year;
}
std::int64_t isoweek_of(std::int64_t days) { return (days - isoyear_start(isoyear_of(days))) / 7 + 1; }

std::int64_t decade_of(std::int64_t year) { return floor_div(year, 10); }
std::int64_t century_of(std::int64_t year) { return year > 0 ? (year + 99) / 100 : -((99 - (year - 1)) / 100); }
std::int64_t millennium_of(std::int64_t year) { return year > 0 ? (year + 999) / 1000 : -((999 - (year - 1)) / 1000); }

Result<Extracted> of_infinity(const FieldName& field, bool negative, std::string_view type, Arena& arena) {
  switch (field.unit) {
    case unit_year: case unit_decade: case unit_century: case unit_millennium: case unit_julian: case unit_isoyear:
    case unit_epoch: {
      SPG_ASSIGN(const Numeric value, parse_numeric(negative ? "-Infinity" : "Infinity", arena));
      return Extracted{true, value};
    }
    case unit_none: return field.unknown(type);
    default: return Extracted{false, {}};
  }
}

/// Fields that date and timestamps share; false when the unit is none of these.
bool date_field(Unit unit, std::int64_t days, Arena& arena, Extracted* result) {
  const Civil date = civil_of(days);
  const auto is = [&](std::int64_t value) { *result = whole(value, arena); return true; };
  switch (unit) {
    case unit_day: return is(date.day);
    case unit_month: return is(date.month);
    case unit_quarter: return is((date.month - 1) / 3 + 1);
    case unit_week: return is(isoweek_of(days));
    case unit_year: return is(date.year > 0 ? date.year : date.year - 1);
    case unit_decade: return is(decade_of(date.year));
    case unit_century: return is(century_of(date.year));
    case unit_millennium: return is(millennium_of(date.year));
    case unit_isoyear: { const std::int64_t year = isoyear_of(days); return is(year > 0 ? year : year - 1); }
    case unit_dow: return is(weekday_of(days));
    case unit_isodow: return is((weekday_of(days) + 6) % 7 + 1);
    case unit_doy: return is(days - days_of(date.year, 1, 1) + 1);
    default: return false;
  }
}

bool time_field(Unit unit, std::int64_t time, Arena& arena, Extracted* result) {
  switch (unit) {
    case unit_microsecond: *result = whole(time % minute_us, arena); return true;
    case unit_millisecond: *result = decimal_of(time % minute_us, 3, arena); return true;
    case unit_second: *result = decimal_of(time % minute_us, 6, arena); return true;
    case unit_minute: *result = whole(time / minute_us % 60, arena); return true;
    case unit_hour: *result = whole(time / hour_us, arena); return true;
    default: return false;
  }
}

Result<Extracted> extract_local(const FieldName& field, std::int64_t local, std::int64_t moment, std::string_view type,
                                Arena& arena) {
  const std::int64_t days = floor_div(local, day_us), time = local - days * day_us;
  Extracted result;
  if (date_field(field.unit, days, arena, &result) || time_field(field.unit, time, arena, &result)) return result;
  if (field.unit == unit_julian) {
    // The day's fraction is a quotient of numerics, with the digits that division gives.
    SPG_ASSIGN(const Numeric fraction,
               numeric_div(numeric_from_int8(time, arena), numeric_from_int8(day_us, arena), arena));
    SPG_ASSIGN(const Numeric value, numeric_add(numeric_from_int8(days + julian_of_2000, arena), fraction, arena));
    return Extracted{true, value};
  }
  if (field.unit == unit_epoch) return decimal_of(Int128{moment} - Int128{unix_epoch_date} * day_us, 6, arena);
  return field.refused(type);
}

}  // namespace

Result<Extracted> extract_timestamp(std::string_view name, std::int64_t timestamp, Arena& arena) {
  const FieldName field(name);
  constexpr std::string_view type = "timestamp without time zone";
  if (is_infinite_timestamp(timestamp)) return of_infinity(field, timestamp < 0, type, arena);
  return extract_local(field, timestamp, timestamp, type, arena);
}

Result<Extracted> extract_timestamptz(std::string_view name, std::int64_t moment, const TimeZone& zone, Arena& arena) {
  const FieldName field(name);
  constexpr std::string_view type = "timestamp with time zone";
  if (is_infinite_timestamp(moment)) return of_infinity(field, moment < 0, type, arena);
  const std::int32_t offset = zone.at(floor_div(moment, second_us) - std::int64_t{unix_epoch_date} * 86400).offset;
  switch (field.unit) {
    case unit_timezone: return whole(offset, arena);
    case unit_timezone_hour: return whole(offset / 3600, arena);
    case unit_timezone_minute: return whole(offset / 60 % 60, arena);
    default: return extract_local(field, moment + offset * second_us, moment, type, arena);
  }
}

Result<Extracted> extract_date(std::string_view name, std::int32_t date, Arena& arena) {
  const FieldName field(name);
  if (is_infinite_date(date)) {
    switch (field.unit) {
      case unit_microsecond: case unit_millisecond: case unit_second: case unit_minute: case unit_hour:
      case unit_timezone: case unit_timezone_hour: case unit_timezone_minute: return field.unsupported("date");
      default: return of_infinity(field, date < 0, "date", arena);
    }
  }
  Extracted result;
  if (date_field(field.unit, date, arena, &result)) return result;
  if (field.unit == unit_julian) return whole(std::int64_t{date} + julian_of_2000, arena);
  if (field.unit == unit_epoch) return whole((std::int64_t{date} - unix_epoch_date) * 86400, arena);
  return field.refused("date");
}

Result<Extracted> extract_time(std::string_view name, std::int64_t time, Arena& arena) {
  const FieldName field(name);
  Extracted result;
  if (time_field(field.unit, time, arena, &result)) return result;
  if (field.unit == unit_epoch) return decimal_of(time, 6, arena);
  return field.refused("time without time zone");
}

Result<Extracted> extract_interval(std::string_view name, const Interval& v, Arena& arena) {
  const FieldName field(name);
  const std::int32_t year = v.months / 12, month = v.months % 12;
  Extracted result;
  if (time_field(field.unit, v.microseconds, arena, &result)) return result;
  switch (field.unit) {
    case unit_day: return whole(v.days, arena);
    case unit_month: return whole(month, arena);
    case unit_quarter: return whole(month / 3 + 1, arena);
    case unit_year: return whole(year, arena);
    case unit_decade: return whole(year / 10, arena);
    case unit_century: return whole(year / 100, arena);
    case unit_millennium: return whole(year / 1000, arena);
    case unit_epoch: {
      // A year is 365.25 days here.
      const std::int64_t quarter_days =
          std::int64_t{1461} * year + 120 * std::int64_t{month} + 4 * std::int64_t{v.days};
      return decimal_of(Int128{quarter_days} * (day_us / 4) + v.microseconds, 6, arena);
    }
    default: return field.refused("interval");
  }
}

namespace {

/// Truncates a local time; false when the unit is none that date_trunc knows.
bool truncate_local(Unit unit, std::int64_t local, std::int64_t* result, bool* in_range) {
  const std::int64_t days = floor_div(local, day_us);
  const Civil date = civil_of(days);
  const auto is_day = [&](std::int64_t day) {
    const Int128 value = Int128{day} * day_us;
    *in_range = value >= timestamp_min && value < timestamp_end;
    *result = *in_range ? static_cast<std::int64_t>(value) : 0;
    return true;
  };
  const auto down = [&](std::int64_t step) { *result = floor_div(local, step) * step; return true; };
  const std::int64_t year = date.year;
  *in_range = true;
  switch (unit) {
    case unit_microsecond: *result = local; return true;
    case unit_millisecond: return down(1000);
    case unit_second: return down(second_us);
    case unit_minute: return down(minute_us);
    case unit_hour: return down(hour_us);
    case unit_day: return is_day(days);
    case unit_week: return is_day(days - (weekday_of(days) + 6) % 7);
    case unit_month: return is_day(days_of(year, date.month, 1));
    case unit_quarter: return is_day(days_of(year, 3 * ((date.month - 1) / 3) + 1, 1));
    case unit_year: return is_day(days_of(year, 1, 1));
    case unit_decade: return is_day(days_of(floor_div(year, 10) * 10, 1, 1));
    case unit_century:
      return is_day(days_of(year > 0 ? (year + 99) / 100 * 100 - 99 : -((99 - (year - 1)) / 100) * 100 + 1, 1, 1));
    case unit_millennium:
      return is_day(
          days_of(year > 0 ? (year + 999) / 1000 * 1000 - 999 : -((999 - (year - 1)) / 1000) * 1000 + 1, 1, 1));
    default: return false;
  }
}

}  // namespace

Result<std::int64_t> truncate_timestamp(std::string_view name, std::int64_t timestamp) {
  const FieldName field(name);
  if (is_infinite_timestamp(timestamp)) return timestamp;
  std::int64_t result = 0;
  bool in_range = true;
  if (!truncate_local(field.unit, timestamp, &result, &in_range))
    return field.not_a_unit("timestamp without time zone");
  if (!in_range) return timestamp_range();
  return result;
}

Result<std::int64_t> truncate_timestamptz(std::string_view name, std::int64_t moment, const TimeZone& zone) {
  const FieldName field(name);
  if (is_infinite_timestamp(moment)) return moment;
  SPG_ASSIGN(const std::int64_t local, to_local(moment, zone));
  std::int64_t result = 0;
  bool in_range = true;
  if (!truncate_local(field.unit, local, &result, &in_range)) return field.not_a_unit("timestamp with time zone");
  if (!in_range) return timestamp_range();
  // Below a day the offset stays what it was, so that repeated hours keep apart.
  switch (field.unit) {
    case unit_microsecond: case unit_millisecond: case unit_second: case unit_minute: case unit_hour:
      return result - (local - moment);
    default: return from_local(result, zone);
  }
}

Result<Interval> truncate_interval(std::string_view name, const Interval& v) {
  const FieldName field(name);
  const auto months = [&](std::int32_t step) { return Interval{0, 0, v.months / step * step}; };
  const auto time = [&](std::int64_t step) { return Interval{v.microseconds / step * step, v.days, v.months}; };
  switch (field.unit) {
    case unit_microsecond: return v;
    case unit_millisecond: return time(1000);
    case unit_second: return time(second_us);
    case unit_minute: return time(minute_us);
    case unit_hour: return time(hour_us);
    case unit_day: return Interval{0, v.days, v.months};
    case unit_month: return months(1);
    case unit_quarter: return months(3);
    case unit_year: return months(12);
    case unit_decade: return months(120);
    case unit_century: return months(1200);
    case unit_millennium: return months(12000);
    case unit_week: {
      Error error = field.unsupported("interval");
      return std::move(error).detail("Months usually have fractional weeks.");
    }
    default: return field.not_a_unit("interval");
  }
}

Result<std::int64_t> date_bin(const Interval& stride, std::int64_t timestamp, std::int64_t origin) {
  if (is_infinite_timestamp(timestamp)) return timestamp;
  if (is_infinite_timestamp(origin)) return Error::make(sqlstate::datetime_value_out_of_range, "origin out of range");
  if (stride.months != 0)
    return Error::make(sqlstate::feature_not_supported,
                       "timestamps cannot be binned into intervals containing months or years");
  const Int128 step = stride.span();
  if (step <= 0) return Error::make(sqlstate::datetime_value_out_of_range, "stride must be greater than zero");
  if (step > INT64_MAX) return Error::make(sqlstate::datetime_value_out_of_range, "interval out of range");
  const Int128 distance = Int128{timestamp} - origin;
  Int128 bins = distance / step;
  if (distance < 0 && distance % step != 0) --bins;
  const Int128 result = origin + bins * step;
  if (result < timestamp_min || result >= timestamp_end) return timestamp_range();
  return static_cast<std::int64_t>(result);
}

}  // namespace spg::type
