#include "spg/type/datetime_math.hpp"

#include "spg/type/number_text.hpp"

#include "datetime_fields.hpp"

#include <algorithm>
#include <cmath>

namespace spg::type {

using fields::timestamp_range;

namespace {

Error date_range() { return Error::make(sqlstate::datetime_value_out_of_range, "date out of range"); }
Error interval_range() { return Error::make(sqlstate::datetime_value_out_of_range, "interval out of range"); }

Result<std::int64_t> checked(Int128 value) {
  if (value < timestamp_min || value >= timestamp_end) return timestamp_range();
  return static_cast<std::int64_t>(value);
}
std::int64_t unix_seconds(std::int64_t timestamp) {
  return floor_div(timestamp, second_us) - std::int64_t{unix_epoch_date} * 86400;
}

/// Moves by months, to the month's last day when the day does not exist there.
Result<std::int64_t> add_months(std::int64_t timestamp, std::int32_t months) {
  if (months == 0) return timestamp;
  const std::int64_t days = floor_div(timestamp, day_us);
  const Civil date = civil_of(days);
  const std::int64_t total = std::int64_t{date.year} * 12 + date.month - 1 + months;
  const std::int64_t year = floor_div(total, 12);
  const auto month = static_cast<std::int32_t>(total - year * 12 + 1);
  const std::int32_t day = std::min(date.day, days_in_month(year, month));
  return checked(Int128{days_of(year, month, day)} * day_us + (timestamp - days * day_us));
}

}  // namespace

Result<std::int32_t> date_add_days(std::int32_t date, std::int64_t days) {
  if (is_infinite_date(date)) return date;
  std::int64_t result = 0;
  if (__builtin_add_overflow(std::int64_t{date}, days, &result) || result < date_min || result >= date_end)
    return date_range();
  return static_cast<std::int32_t>(result);
}

Result<std::int32_t> date_sub(std::int32_t a, std::int32_t b) {
  if (is_infinite_date(a) || is_infinite_date(b))
    return Error::make(sqlstate::datetime_value_out_of_range, "cannot subtract infinite dates");
  return a - b;
}

Result<std::int64_t> date_to_timestamp(std::int32_t date) {
  if (is_infinite_date(date)) return date > 0 ? timestamp_infinity : timestamp_minus_infinity;
  const Int128 value = Int128{date} * day_us;
  if (value >= timestamp_end)
    return Error::make(sqlstate::datetime_value_out_of_range, "date out of range for timestamp");
  return static_cast<std::int64_t>(value);
}

Result<std::int64_t> date_to_timestamptz(std::int32_t date, const TimeZone& zone) {
  SPG_ASSIGN(const std::int64_t local, date_to_timestamp(date));
  return from_local(local, zone);
}

Result<std::int32_t> timestamp_to_date(std::int64_t timestamp) {
  if (is_infinite_timestamp(timestamp)) return timestamp > 0 ? date_infinity : date_minus_infinity;
  return static_cast<std::int32_t>(floor_div(timestamp, day_us));
}
std::int64_t timestamp_to_time(std::int64_t timestamp) { return timestamp - floor_div(timestamp, day_us) * day_us; }

Result<std::int64_t> to_local(std::int64_t moment, const TimeZone& zone) {
  if (is_infinite_timestamp(moment)) return moment;
  return checked(Int128{moment} + zone.at(unix_seconds(moment)).offset * second_us);
}
Result<std::int64_t> from_local(std::int64_t local, const TimeZone& zone) {
  if (is_infinite_timestamp(local)) return local;
  return checked(Int128{local} - zone.offset_of_local(unix_seconds(local)) * second_us);
}

Result<std::int64_t> timestamp_add(std::int64_t timestamp, const Interval& interval) {
  if (is_infinite_timestamp(timestamp)) return timestamp;
  SPG_ASSIGN(const std::int64_t moved, add_months(timestamp, interval.months));
  SPG_ASSIGN(const std::int64_t by_days, checked(Int128{moved} + Int128{interval.days} * day_us));
  return checked(Int128{by_days} + interval.microseconds);
}

Result<std::int64_t> timestamptz_add(std::int64_t moment, const Interval& interval, const TimeZone& zone) {
  if (is_infinite_timestamp(moment)) return moment;
  if (interval.months != 0) {
    SPG_ASSIGN(const std::int64_t local, to_local(moment, zone));
    SPG_ASSIGN(const std::int64_t moved, add_months(local, interval.months));
    SPG_ASSIGN(moment, from_local(moved, zone));
  }
  if (interval.days != 0) {
    SPG_ASSIGN(const std::int64_t local, to_local(moment, zone));
    SPG_ASSIGN(const std::int64_t moved, checked(Int128{local} + Int128{interval.days} * day_us));
    SPG_ASSIGN(moment, from_local(moved, zone));
  }
  return checked(Int128{moment} + interval.microseconds);
}

Result<Interval> timestamp_sub(std::int64_t a, std::int64_t b) {
  if (is_infinite_timestamp(a) || is_infinite_timestamp(b))
    return Error::make(sqlstate::datetime_value_out_of_range, "cannot subtract infinite timestamps");
  // Wraps when the distance is more than 292 thousand years, as PostgreSQL 15 does.
  Interval result;
  result.microseconds = static_cast<std::int64_t>(static_cast<std::uint64_t>(a) - static_cast<std::uint64_t>(b));
  return justify_hours(result);
}

Result<Interval> timestamp_age(std::int64_t a, std::int64_t b) {
  if (is_infinite_timestamp(a) || is_infinite_timestamp(b)) return timestamp_range();
  const bool negative = a < b;
  const Broken late = broken_of(negative ? b : a), early = broken_of(negative ? a : b);
  std::int64_t time = time_of(late) - time_of(early);
  std::int32_t days = late.date.day - early.date.day;
  std::int32_t months = late.date.month - early.date.month + 12 * (late.date.year - early.date.year);
  if (time < 0) { time += day_us; --days; }
  if (days < 0) {
    // Borrow the length of a month: the earlier date's own.
    days += days_in_month(early.date.year, early.date.month);
    --months;
  }
  return negative ? Interval{-time, -days, -months} : Interval{time, days, months};
}

std::int64_t time_add(std::int64_t time, const Interval& interval) {
  const std::int64_t sum = time + interval.microseconds % day_us;
  return sum - floor_div(sum, day_us) * day_us;
}

Result<Interval> interval_neg(const Interval& a) {
  if (a.microseconds == INT64_MIN || a.days == INT32_MIN || a.months == INT32_MIN) return interval_range();
  return Interval{-a.microseconds, -a.days, -a.months};
}
Result<Interval> interval_add(const Interval& a, const Interval& b) {
  Interval sum;
  if (__builtin_add_overflow(a.microseconds, b.microseconds, &sum.microseconds) ||
      __builtin_add_overflow(a.days, b.days, &sum.days) || __builtin_add_overflow(a.months, b.months, &sum.months))
    return interval_range();
  return sum;
}
Result<Interval> interval_sub(const Interval& a, const Interval& b) {
  Interval rest;
  if (__builtin_sub_overflow(a.microseconds, b.microseconds, &rest.microseconds) ||
      __builtin_sub_overflow(a.days, b.days, &rest.days) || __builtin_sub_overflow(a.months, b.months, &rest.months))
    return interval_range();
  return rest;
}

namespace {

double to_micro_places(double x) { return std::rint(x * 1e6) / 1e6; }

/// Scales each part; what a part loses in whole units goes on to the next finer one.
template <class Scale>
Result<Interval> scaled(const Interval& a, Scale scale) {
  Interval result;
  const double months = scale(static_cast<double>(a.months)), days = scale(static_cast<double>(a.days));
  const auto fits = [](double value) { return value >= -2147483648.0 && value < 2147483648.0; };
  if (!fits(months) || !fits(days)) return interval_range();
  result.months = static_cast<std::int32_t>(months);
  result.days = static_cast<std::int32_t>(days);
  const double month_days = to_micro_places((months - result.months) * 30);
  double seconds = to_micro_places((days - result.days + month_days - static_cast<int>(month_days)) * 86400);
  if (std::abs(seconds) >= 86400) {
    const int more = static_cast<int>(seconds / 86400);
    if (__builtin_add_overflow(result.days, more, &result.days)) return interval_range();
    seconds -= more * 86400;
  }
  if (__builtin_add_overflow(result.days, static_cast<int>(month_days), &result.days)) return interval_range();
  const double time = std::rint(scale(static_cast<double>(a.microseconds)) + seconds * 1e6);
  if (!(time >= -9223372036854775808.0 && time < 9223372036854775808.0)) return interval_range();
  result.microseconds = static_cast<std::int64_t>(time);
  return result;
}

}  // namespace

Result<Interval> interval_mul(const Interval& a, double factor) {
  return scaled(a, [factor](double part) { return part * factor; });
}
Result<Interval> interval_div(const Interval& a, double divisor) {
  if (divisor == 0) return Error::make(sqlstate::division_by_zero, "division by zero");
  return scaled(a, [divisor](double part) { return part / divisor; });
}

Result<Interval> justify_hours(const Interval& a) {
  Interval result = a;
  const auto whole = static_cast<std::int32_t>(a.microseconds / day_us);
  result.microseconds -= whole * day_us;
  if (__builtin_add_overflow(result.days, whole, &result.days)) return interval_range();
  if (result.days > 0 && result.microseconds < 0) { result.microseconds += day_us; --result.days; }
  else if (result.days < 0 && result.microseconds > 0) { result.microseconds -= day_us; ++result.days; }
  return result;
}
Result<Interval> justify_days(const Interval& a) {
  Interval result = a;
  const std::int32_t whole = a.days / 30;
  result.days -= whole * 30;
  if (__builtin_add_overflow(result.months, whole, &result.months)) return interval_range();
  if (result.months > 0 && result.days < 0) { result.days += 30; --result.months; }
  else if (result.months < 0 && result.days > 0) { result.days -= 30; ++result.months; }
  return result;
}
Result<Interval> justify_interval(const Interval& a) {
  Interval result = a;
  std::int64_t days = result.days + a.microseconds / day_us;
  result.microseconds %= day_us;
  std::int64_t months = result.months + days / 30;
  days %= 30;
  if (months > 0 && (days < 0 || (days == 0 && result.microseconds < 0))) { days += 30; --months; }
  else if (months < 0 && (days > 0 || (days == 0 && result.microseconds > 0))) { days -= 30; ++months; }
  if (days > 0 && result.microseconds < 0) { result.microseconds += day_us; --days; }
  else if (days < 0 && result.microseconds > 0) { result.microseconds -= day_us; ++days; }
  if (months != static_cast<std::int32_t>(months)) return interval_range();
  result.days = static_cast<std::int32_t>(days);
  result.months = static_cast<std::int32_t>(months);
  return result;
}

namespace {
/// `given` is the year as messages show it.
Result<std::int32_t> date_of(std::int32_t year, std::int32_t month, std::int32_t day, std::int32_t given) {
  const auto bad = [&] {
    return Error::make(sqlstate::datetime_field_overflow, "date field value out of range: ", given, "-",
                       month < 10 && month >= 0 ? "0" : "", month, "-", day < 10 && day >= 0 ? "0" : "", day);
  };
  if (year == 0 || month < 1 || month > 12 || day < 1) return bad();
  if (year < 0) year = year == INT32_MIN ? year : year + 1;
  if (day > days_in_month(year, month)) return bad();
  const std::int64_t days = days_of(year, month, day);
  if (days < date_min || days >= date_end)
    return Error::make(sqlstate::datetime_value_out_of_range, "date out of range: ", given, "-", month < 10 ? "0" : "",
                       month, "-", day < 10 ? "0" : "", day);
  return static_cast<std::int32_t>(days);
}
}  // namespace

Result<std::int32_t> make_date(std::int32_t year, std::int32_t month, std::int32_t day) {
  return date_of(year, month, day, year < 0 ? year + 1 : year);  // PostgreSQL shows years before Christ so
}

Result<std::int64_t> make_time(std::int32_t hour, std::int32_t minute, double second) {
  bool bad = hour < 0 || minute < 0 || minute > 59 || hour > 24 || !(second >= 0) || second > 60;
  const double micro = bad ? 0 : std::rint(second * 1e6);
  const std::int64_t time = bad ? 0 : hour * hour_us + minute * minute_us + static_cast<std::int64_t>(micro);
  bad |= time > day_us || micro > 60e6;
  if (bad) {
    char digits[float_text_bytes_max];
    std::string_view text(digits, format_general(second, 6, digits));
    return Error::make(sqlstate::datetime_field_overflow, "time field value out of range: ", hour, ":",
                       minute >= 0 && minute < 10 ? "0" : "", minute, ":", text.size() == 1 ? "0" : "", text);
  }
  return time;
}

Result<std::int64_t> make_timestamp(std::int32_t year, std::int32_t month, std::int32_t day, std::int32_t hour,
                                    std::int32_t minute, double second) {
  SPG_ASSIGN(const std::int32_t date, date_of(year, month, day, year));
  SPG_ASSIGN(const std::int64_t time, make_time(hour, minute, second));
  return checked(Int128{date} * day_us + time);
}

Result<Interval> make_interval(const IntervalFields& f) {
  const std::int64_t months = std::int64_t{f.years} * 12 + f.months, days = std::int64_t{f.weeks} * 7 + f.days;
  const double micro = std::rint(f.seconds * 1e6);
  if (months != static_cast<std::int32_t>(months) || days != static_cast<std::int32_t>(days) ||
      !std::isfinite(f.seconds) || std::abs(micro) >= 9.2e18)
    return interval_range();
  return Interval{f.hours * hour_us + f.minutes * minute_us + static_cast<std::int64_t>(micro),
                  static_cast<std::int32_t>(days), static_cast<std::int32_t>(months)};
}

bool overlaps(std::int64_t start1, std::int64_t end1, std::int64_t start2, std::int64_t end2) {
  if (start1 > end1) std::swap(start1, end1);
  if (start2 > end2) std::swap(start2, end2);
  // Half-open ranges, but a range that is a single point counts as that point.
  if (start1 > start2) return start1 < end2;
  if (start1 < start2) return start2 < end1;
  return true;
}

}  // namespace spg::type
