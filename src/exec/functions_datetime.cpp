// The datetime module: operators, casts and functions of date, time, timetz, timestamp, timestamptz and interval.
#include <cmath>

#include "kernels.hpp"
#include "spg/type/calendar.hpp"
#include "spg/type/number_text.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using I = Interval;
using N = Numeric;
using type::TimeZone;

const TimeZone& zone_of(const Context& c) { return *c.settings().zone; }
Result<TimeZone> zone_named(Context& c, Text name) { return type::find_zone(name, c.settings()); }
Error out_of_range(std::string_view what) {
  return Error::make(sqlstate::datetime_value_out_of_range, what, " out of range");
}

// --- comparisons ----------------------------------------------------------------------------------------------------

template <Compare c>
bool interval_is(I a, I b) {
  return holds<c>(type::interval_compare(a, b));
}
template <Compare c>
bool timetz_is(TimeTz a, TimeTz b) {
  return holds<c>(a.utc() != b.utc() ? (a.utc() < b.utc() ? -1 : 1) : a.west < b.west ? -1 : a.west > b.west);
}
i4 timetz_order(TimeTz a, TimeTz b) { return timetz_is<Compare::lt>(a, b) ? -1 : timetz_is<Compare::gt>(a, b); }

/// A date against a timestamp: dates beyond the range of timestamps compare as infinite ones.
i8 date_as_timestamp(i4 date) {
  if (date == type::date_infinity) return type::timestamp_infinity;
  if (date == type::date_minus_infinity) return type::timestamp_minus_infinity;
  const __int128 us = static_cast<__int128>(date) * type::day_us;
  return us >= type::timestamp_end ? INT64_MAX - 1 : static_cast<i8>(us);
}
i8 zoned(Context& c, i8 local) {
  if (type::is_infinite_timestamp(local) || local == INT64_MAX - 1) return local;
  auto result = type::from_local(local, zone_of(c));
  return result.has_value() ? *result : local < 0 ? INT64_MIN + 1 : INT64_MAX - 1;
}
int three_way(i8 a, i8 b) { return a < b ? -1 : b < a; }
template <Compare c>
bool date_timestamp_is(i4 a, i8 b) {
  return holds<c>(three_way(date_as_timestamp(a), b));
}
template <Compare c>
bool timestamp_date_is(i8 a, i4 b) {
  return holds<c>(three_way(a, date_as_timestamp(b)));
}
template <Compare c>
bool date_timestamptz_is(Context& x, i4 a, i8 b) {
  return holds<c>(three_way(zoned(x, date_as_timestamp(a)), b));
}
template <Compare c>
bool timestamptz_date_is(Context& x, i8 a, i4 b) {
  return holds<c>(three_way(a, zoned(x, date_as_timestamp(b))));
}
template <Compare c>
bool timestamp_timestamptz_is(Context& x, i8 a, i8 b) {
  return holds<c>(three_way(zoned(x, a), b));
}
template <Compare c>
bool timestamptz_timestamp_is(Context& x, i8 a, i8 b) {
  return holds<c>(three_way(a, zoned(x, b)));
}

// --- arithmetic -----------------------------------------------------------------------------------------------------

Result<i8> date_plus_interval(i4 date, I interval) {
  SPG_ASSIGN(const i8 timestamp, type::date_to_timestamp(date));
  return type::timestamp_add(timestamp, interval);
}
Result<i8> date_minus_interval(i4 date, I interval) {
  SPG_ASSIGN(const I negated, type::interval_neg(interval));
  return date_plus_interval(date, negated);
}
Result<i8> timestamp_minus_interval(i8 a, I interval) {
  SPG_ASSIGN(const I negated, type::interval_neg(interval));
  return type::timestamp_add(a, negated);
}
Result<i8> timestamptz_plus_interval(Context& c, i8 a, I interval) {
  return type::timestamptz_add(a, interval, zone_of(c));
}
Result<i8> timestamptz_minus_interval(Context& c, i8 a, I interval) {
  SPG_ASSIGN(const I negated, type::interval_neg(interval));
  return type::timestamptz_add(a, negated, zone_of(c));
}
Result<i8> date_plus_time(i4 date, i8 time) {
  SPG_ASSIGN(const i8 timestamp, type::date_to_timestamp(date));
  if (type::is_infinite_timestamp(timestamp)) return timestamp;
  i8 sum;
  if (__builtin_add_overflow(timestamp, time, &sum) || !type::is_timestamp(sum)) return out_of_range("timestamp");
  return sum;
}
Result<i8> date_plus_timetz(i4 date, TimeTz time) {
  if (date == type::date_infinity) return type::timestamp_infinity;
  if (date == type::date_minus_infinity) return type::timestamp_minus_infinity;
  const __int128 sum = static_cast<__int128>(date) * type::day_us + time.utc();
  if (sum < type::timestamp_min || sum >= type::timestamp_end)
    return Error::make(sqlstate::datetime_value_out_of_range, "date out of range for timestamp");
  return static_cast<i8>(sum);
}
Result<i8> date_time_zoned(Context& c, i4 date, i8 time) {
  SPG_ASSIGN(const i8 local, date_plus_time(date, time));
  return type::from_local(local, zone_of(c));
}
I interval_of_time(i8 us) { return {us, 0, 0}; }
i8 time_minus_interval(i8 time, I interval) {
  i8 us = (time - interval.microseconds) % type::day_us;
  return us < 0 ? us + type::day_us : us;
}
i8 interval_to_time(I interval) {
  const i8 us = interval.microseconds % type::day_us;
  return us < 0 ? us + type::day_us : us;
}
TimeTz timetz_plus(TimeTz a, I interval) { return {type::time_add(a.microseconds, interval), a.west}; }
TimeTz timetz_minus(TimeTz a, I interval) { return {time_minus_interval(a.microseconds, interval), a.west}; }

// --- between the types ----------------------------------------------------------------------------------------------

Result<i4> timestamptz_to_date(Context& c, i8 a) {
  SPG_ASSIGN(const i8 local, type::to_local(a, zone_of(c)));
  return type::timestamp_to_date(local);
}
std::optional<i8> time_of_timestamp(i8 a) {
  if (type::is_infinite_timestamp(a)) return std::nullopt;
  return type::timestamp_to_time(a);
}
Result<std::optional<i8>> time_of_timestamptz(Context& c, i8 a) {
  if (type::is_infinite_timestamp(a)) return std::optional<i8>();
  SPG_ASSIGN(const i8 local, type::to_local(a, zone_of(c)));
  return std::optional<i8>(type::timestamp_to_time(local));
}
Result<std::optional<TimeTz>> timetz_of_timestamptz(Context& c, i8 a) {
  if (type::is_infinite_timestamp(a)) return std::optional<TimeTz>();
  SPG_ASSIGN(const i8 local, type::to_local(a, zone_of(c)));
  return std::optional<TimeTz>(TimeTz{type::timestamp_to_time(local), static_cast<i4>((a - local) / type::second_us)});
}
/// The zone's offset as of the transaction's start.
i4 west_now(Context& c, const TimeZone& zone) {
  const i8 seconds = type::floor_div(c.settings().now, type::second_us) + 946684800;
  return -zone.at(seconds).offset;
}
TimeTz time_to_timetz(Context& c, i8 time) { return {time, west_now(c, zone_of(c))}; }
TimeTz shift_zone(TimeTz a, i4 west) {
  i8 us = (a.microseconds + (a.west - west) * type::second_us) % type::day_us;
  if (us < 0) us += type::day_us;
  return {us, west};
}
Result<i4> interval_west(Context& c, I interval) {
  if (interval.months != 0 || interval.days != 0) {
    TextBuilder text(c.arena);
    type::print_interval(interval, text, c.settings());
    return Error::make(sqlstate::invalid_parameter_value, "interval time zone \"", text.view(),
                       "\" must not include months or days");
  }
  return static_cast<i4>(-(interval.microseconds / type::second_us));
}
Result<i8> at_zone(Context& c, Text zone, i8 timestamptz) {
  if (type::is_infinite_timestamp(timestamptz)) return timestamptz;
  SPG_ASSIGN(const TimeZone found, zone_named(c, zone));
  return type::to_local(timestamptz, found);
}
Result<i8> from_zone(Context& c, Text zone, i8 timestamp) {
  if (type::is_infinite_timestamp(timestamp)) return timestamp;
  SPG_ASSIGN(const TimeZone found, zone_named(c, zone));
  return type::from_local(timestamp, found);
}
Result<i8> in_range(i8 timestamp) {
  if (!type::is_timestamp(timestamp)) return out_of_range("timestamp");
  return timestamp;
}
Result<i8> at_interval(Context& c, I interval, i8 timestamptz) {
  if (type::is_infinite_timestamp(timestamptz)) return timestamptz;
  SPG_ASSIGN(const i4 west, interval_west(c, interval));
  return in_range(timestamptz - west * type::second_us);
}
Result<i8> from_interval(Context& c, I interval, i8 timestamp) {
  if (type::is_infinite_timestamp(timestamp)) return timestamp;
  SPG_ASSIGN(const i4 west, interval_west(c, interval));
  return in_range(timestamp + west * type::second_us);
}
Result<TimeTz> timetz_at_zone(Context& c, Text zone, TimeTz a) {
  SPG_ASSIGN(const TimeZone found, zone_named(c, zone));
  return shift_zone(a, west_now(c, found));
}
Result<TimeTz> timetz_at_interval(Context& c, I interval, TimeTz a) {
  SPG_ASSIGN(const i4 west, interval_west(c, interval));
  return shift_zone(a, west);
}

// --- fields ---------------------------------------------------------------------------------------------------------

Result<std::optional<N>> as_numeric(Result<type::Extracted> extracted) {
  if (!extracted) return extracted.take_error();
  return extracted->has ? std::optional<N>(extracted->value) : std::optional<N>();
}
Result<std::optional<double>> as_float(Result<type::Extracted> extracted) {
  if (!extracted) return extracted.take_error();
  if (!extracted->has) return std::optional<double>();
  SPG_ASSIGN(const double value, type::numeric_to_float8(extracted->value));
  return std::optional<double>(value);
}
Result<type::Extracted> timetz_field(Context& c, Text field, TimeTz a) {
  TextBuilder lower(c.arena);
  lower.add(type::lower(field, c.arena));
  const Text name = lower.view();
  const auto whole = [&](i8 value) { return type::Extracted{true, type::numeric_from_int8(value, c.arena)}; };
  if (name == "timezone") return whole(-a.west);
  if (name == "timezone_hour" || name == "timezone_h") return whole(-a.west / 3600);
  if (name == "timezone_minute" || name == "timezone_m") return whole(-a.west % 3600 / 60);
  if (name == "epoch") return type::Extracted{true, type::numeric_from_scaled(a.utc(), 6, c.arena)};
  auto result = type::extract_time(field, a.microseconds, c.arena);
  if (result.has_value()) return result;
  constexpr std::string_view without = "without time zone";
  std::string_view message = result.error().message();
  if (message.ends_with(without)) message.remove_suffix(without.size());
  return Error::make(result.error().code(), message, "with time zone");
}
Result<std::optional<double>> date_part_of_date(Context& c, Text field, i4 date) {
  SPG_ASSIGN(const i8 timestamp, type::date_to_timestamp(date));
  return as_float(type::extract_timestamp(field, timestamp, c.arena));
}
using type::extract_date;
using type::extract_interval;
using type::extract_time;
using type::extract_timestamp;
using type::extract_timestamptz;

// --- now ------------------------------------------------------------------------------------------------------------

// Outside of a transaction (constants of a plan) there is only the settings' time.
i8 transaction_start(Context& c) { return c.exec.view == nullptr ? c.settings().now : c.exec.view->transaction_time(); }
i8 statement_start(Context& c) { return c.exec.view == nullptr ? c.settings().now : c.exec.view->statement_time(); }
i8 clock_now(Context& c) { return c.exec.view == nullptr ? c.settings().now : c.exec.view->clock_time(); }
Text time_of_day(Context& c) {
  type::TextSettings settings = c.settings();
  const i8 now = clock_now(c);
  auto local = type::to_local(now, zone_of(c));
  const i8 shown = local.has_value() ? *local : now;
  const type::Broken b = type::broken_of(shown);
  static constexpr std::string_view days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
  static constexpr std::string_view months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  TextBuilder out(c.arena);
  const auto two = [&](i4 value) { out.add(value < 10 ? "0" : "", value); };
  const auto weekday = static_cast<std::size_t>(type::weekday_of(type::days_of(b.date.year, b.date.month, b.date.day)));
  out.add(days[weekday], " ", months[static_cast<std::size_t>(b.date.month - 1)], " ");
  two(b.date.day);
  out.add(" ");
  two(b.hour);
  out.add(":");
  two(b.minute);
  out.add(":");
  two(b.second);
  out.add(".");
  for (i4 part = 100000; part > 0; part /= 10) out.add(b.micro / part % 10);
  const i8 seconds = type::floor_div(now, type::second_us) + 946684800;
  out.add(" ", b.date.year, " ", settings.zone->at(seconds).abbreviation);
  return out.view();
}
Result<I> age_today(Context& c, i8 timestamp) {
  // Midnight at the start of the current day, in the session's zone.
  SPG_ASSIGN(const i8 local, type::to_local(transaction_start(c), zone_of(c)));
  return type::timestamp_age(type::floor_div(local, type::day_us) * type::day_us, timestamp);
}
Result<I> age_zoned(Context& c, i8 a, i8 b) {
  SPG_ASSIGN(const i8 x, type::to_local(a, zone_of(c)));
  SPG_ASSIGN(const i8 y, type::to_local(b, zone_of(c)));
  return type::timestamp_age(x, y);
}
Result<I> age_today_zoned(Context& c, i8 timestamptz) {
  SPG_ASSIGN(const i8 local, type::to_local(timestamptz, zone_of(c)));
  return age_today(c, local);
}
Result<i8> timestamp_of_unix(double seconds) {
  if (std::isinf(seconds)) return seconds > 0 ? type::timestamp_infinity : type::timestamp_minus_infinity;
  if (std::isnan(seconds)) return Error::make(sqlstate::datetime_value_out_of_range, "timestamp cannot be NaN");
  const double us = std::rint((seconds - 946684800.0) * 1e6);
  if (us < static_cast<double>(type::timestamp_min) || us >= static_cast<double>(type::timestamp_end)) {
    char digits[type::float_text_bytes_max];
    return Error::make(sqlstate::datetime_value_out_of_range, "timestamp out of range: \"",
                       Text(digits, type::format_general(seconds, 6, digits)), "\"");
  }
  return static_cast<i8>(us);
}
Result<i8> make_zoned(Context& c, i4 year, i4 month, i4 day, i4 hour, i4 minute, double second) {
  SPG_ASSIGN(const i8 local, type::make_timestamp(year, month, day, hour, minute, second));
  return type::from_local(local, zone_of(c));
}
Result<i8> make_in_zone(Context& c, i4 year, i4 month, i4 day, i4 hour, i4 minute, double second, Text zone) {
  SPG_ASSIGN(const i8 local, type::make_timestamp(year, month, day, hour, minute, second));
  if (!zone.empty() && (zone[0] == '+' || zone[0] == '-')) {  // an offset here is ISO's, not POSIX's as in AT TIME ZONE
    const auto time = type::parse_timetz(c.arena.concat("00:00", zone), c.settings());
    if (!time.has_value())
      return Error::make(sqlstate::invalid_parameter_value, "time zone \"", zone, "\" not recognized");
    return in_range(local + time->west * type::second_us);
  }
  return from_zone(c, zone, local);
}
Result<I> make_interval(i4 years, i4 months, i4 weeks, i4 days, i4 hours, i4 minutes, double seconds) {
  return type::make_interval({years, months, weeks, days, hours, minutes, seconds});
}
Result<i8> truncate_in_zone(Context& c, Text field, i8 a, Text zone) {
  if (type::is_infinite_timestamp(a)) return a;
  SPG_ASSIGN(const TimeZone found, zone_named(c, zone));
  return type::truncate_timestamptz(field, a, found);
}

#define SPG_SIX(prefix, suffix, f)                                                                            \
  {proc::prefix##eq##suffix, call<f<Compare::eq>>()}, {proc::prefix##ne##suffix, call<f<Compare::ne>>()},     \
      {proc::prefix##lt##suffix, call<f<Compare::lt>>()}, {proc::prefix##le##suffix, call<f<Compare::le>>()}, \
      {proc::prefix##gt##suffix, call<f<Compare::gt>>()}, {                                                   \
    proc::prefix##ge##suffix, call<f<Compare::ge>>()                                                          \
  }

constexpr FunctionEntry datetime_functions[] = {
    SPG_SIX(interval_, , interval_is),
    SPG_SIX(timetz_, , timetz_is),
    SPG_SIX(date_, _timestamp, date_timestamp_is),
    SPG_SIX(timestamp_, _date, timestamp_date_is),
    SPG_SIX(date_, _timestamptz, date_timestamptz_is),
    SPG_SIX(timestamptz_, _date, timestamptz_date_is),
    SPG_SIX(timestamp_, _timestamptz, timestamp_timestamptz_is),
    SPG_SIX(timestamptz_, _timestamp, timestamptz_timestamp_is),
    {proc::interval_cmp, call<+[](I a, I b) { return type::interval_compare(a, b); }>()},
    {proc::timetz_cmp, call<timetz_order>()},
    {proc::interval_larger, call<+[](I a, I b) { return (type::interval_compare(a, b) > 0) ? a : b; }>()},
    {proc::interval_smaller, call<+[](I a, I b) { return (type::interval_compare(a, b) < 0) ? a : b; }>()},
    {proc::timetz_larger, call<+[](TimeTz a, TimeTz b) { return timetz_is<Compare::gt>(a, b) ? a : b; }>()},
    {proc::timetz_smaller, call<+[](TimeTz a, TimeTz b) { return timetz_is<Compare::lt>(a, b) ? a : b; }>()},
    // arithmetic
    {proc::date_pli, call<+[](i4 a, i4 b) { return type::date_add_days(a, b); }>()},
    {proc::date_mii, call<+[](i4 a, i4 b) { return type::date_add_days(a, -static_cast<i8>(b)); }>()},
    {proc::integer_pl_date_2550, call<+[](i4 a, i4 b) { return type::date_add_days(b, a); }>()},
    {proc::date_mi, call<+[](i4 a, i4 b) { return type::date_sub(a, b); }>()},
    {proc::date_pl_interval, call<date_plus_interval>()},
    {proc::date_mi_interval, call<date_minus_interval>()},
    {proc::interval_pl_date_2546, call<+[](I a, i4 b) { return date_plus_interval(b, a); }>()},
    {proc::datetime_timestamp, call<date_plus_time>()},
    {proc::timedate_pl_1296, call<+[](i8 a, i4 b) { return date_plus_time(b, a); }>()},
    {proc::datetimetz_timestamptz, call<date_plus_timetz>()},
    {proc::timetzdate_pl_1298, call<+[](TimeTz a, i4 b) { return date_plus_timetz(b, a); }>()},
    {proc::timestamptz_1176, call<date_time_zoned>()},
    {proc::timestamp_pl_interval, call<+[](i8 a, I b) { return type::timestamp_add(a, b); }>()},
    {proc::timestamp_mi_interval, call<timestamp_minus_interval>()},
    {proc::interval_pl_timestamp_2548, call<+[](I a, i8 b) { return type::timestamp_add(b, a); }>()},
    {proc::timestamptz_pl_interval, call<timestamptz_plus_interval>()},
    {proc::timestamptz_mi_interval, call<timestamptz_minus_interval>()},
    {proc::interval_pl_timestamptz_2549,
     call<+[](Context& c, I a, i8 b) { return timestamptz_plus_interval(c, b, a); }>()},
    {proc::timestamp_mi, call<+[](i8 a, i8 b) { return type::timestamp_sub(a, b); }>()},
    {proc::time_pl_interval, call<+[](i8 a, I b) { return type::time_add(a, b); }>()},
    {proc::time_mi_interval, call<time_minus_interval>()},
    {proc::interval_pl_time_1848, call<+[](I a, i8 b) { return type::time_add(b, a); }>()},
    {proc::time_mi_time, call<+[](i8 a, i8 b) { return interval_of_time(a - b); }>()},
    {proc::timetz_pl_interval, call<timetz_plus>()},
    {proc::timetz_mi_interval, call<timetz_minus>()},
    {proc::interval_pl_timetz_2547, call<+[](I a, TimeTz b) { return timetz_plus(b, a); }>()},
    {proc::interval_pl, call<+[](I a, I b) { return type::interval_add(a, b); }>()},
    {proc::interval_mi, call<+[](I a, I b) { return type::interval_sub(a, b); }>()},
    {proc::interval_um, call<+[](I a) { return type::interval_neg(a); }>()},
    {proc::interval_mul, call<+[](I a, double b) { return type::interval_mul(a, b); }>()},
    {proc::mul_d_interval, call<+[](double a, I b) { return type::interval_mul(b, a); }>()},
    {proc::interval_div, call<+[](I a, double b) { return type::interval_div(a, b); }>()},
    // casts
    {proc::date_timestamp, call<+[](i4 a) { return type::date_to_timestamp(a); }>()},
    {proc::date_timestamptz, call<+[](Context& c, i4 a) { return type::date_to_timestamptz(a, zone_of(c)); }>()},
    {proc::timestamp_date, call<+[](i8 a) { return type::timestamp_to_date(a); }>()},
    {proc::timestamptz_date, call<timestamptz_to_date>()},
    {proc::timestamp_timestamptz, call<+[](Context& c, i8 a) { return type::from_local(a, zone_of(c)); }>()},
    {proc::timestamptz_timestamp, call<+[](Context& c, i8 a) { return type::to_local(a, zone_of(c)); }>()},
    {proc::timestamp_time, call<time_of_timestamp>()},
    {proc::timestamptz_time, call<time_of_timestamptz>()},
    {proc::timestamptz_timetz, call<timetz_of_timestamptz>()},
    {proc::time_timetz, call<time_to_timetz>()},
    {proc::timetz_time, call<+[](TimeTz a) { return a.microseconds; }>()},
    {proc::time_interval, call<interval_of_time>()},
    {proc::interval_time, call<interval_to_time>()},
    {proc::time_scale, call<+[](i8 a, i4 typmod) { return type::round_time(a, typmod); }>()},
    {proc::timetz_scale, call<+[](TimeTz a, i4 typmod) {
       return TimeTz{type::round_time(a.microseconds, typmod), a.west};
     }>()},
    {proc::timestamp_scale, call<+[](i8 a, i4 typmod) { return type::round_timestamp(a, typmod); }>()},
    {proc::timestamptz_scale, call<+[](i8 a, i4 typmod) { return type::round_timestamp(a, typmod); }>()},
    {proc::interval_scale, call<+[](I a, i4 typmod) { return type::interval_apply_typmod(a, typmod); }>()},
    {proc::timestamptz_zone, call<at_zone>()},
    {proc::timestamp_zone, call<from_zone>()},
    {proc::timestamptz_izone, call<at_interval>()},
    {proc::timestamp_izone, call<from_interval>()},
    {proc::timetz_zone, call<timetz_at_zone>()},
    {proc::timetz_izone, call<timetz_at_interval>()},
    // fields
    {proc::extract_date, call<+[](Context& c, Text f, i4 a) { return as_numeric(extract_date(f, a, c.arena)); }>()},
    {proc::extract_time, call<+[](Context& c, Text f, i8 a) { return as_numeric(extract_time(f, a, c.arena)); }>()},
    {proc::extract_timetz, call<+[](Context& c, Text f, TimeTz a) { return as_numeric(timetz_field(c, f, a)); }>()},
    {proc::extract_timestamp,
     call<+[](Context& c, Text f, i8 a) { return as_numeric(extract_timestamp(f, a, c.arena)); }>()},
    {proc::extract_timestamptz,
     call<+[](Context& c, Text f, i8 a) { return as_numeric(extract_timestamptz(f, a, zone_of(c), c.arena)); }>()},
    {proc::extract_interval,
     call<+[](Context& c, Text f, I a) { return as_numeric(extract_interval(f, a, c.arena)); }>()},
    {proc::date_part_1384, call<date_part_of_date>()},
    {proc::time_part, call<+[](Context& c, Text f, i8 a) { return as_float(extract_time(f, a, c.arena)); }>()},
    {proc::timetz_part, call<+[](Context& c, Text f, TimeTz a) { return as_float(timetz_field(c, f, a)); }>()},
    {proc::timestamp_part,
     call<+[](Context& c, Text f, i8 a) { return as_float(extract_timestamp(f, a, c.arena)); }>()},
    {proc::timestamptz_part,
     call<+[](Context& c, Text f, i8 a) { return as_float(extract_timestamptz(f, a, zone_of(c), c.arena)); }>()},
    {proc::interval_part, call<+[](Context& c, Text f, I a) { return as_float(extract_interval(f, a, c.arena)); }>()},
    {proc::timestamp_trunc, call<+[](Text f, i8 a) { return type::truncate_timestamp(f, a); }>()},
    {proc::timestamptz_trunc,
     call<+[](Context& c, Text f, i8 a) { return type::truncate_timestamptz(f, a, zone_of(c)); }>()},
    {proc::timestamptz_trunc_zone, call<truncate_in_zone>()},
    {proc::interval_trunc, call<+[](Text f, I a) { return type::truncate_interval(f, a); }>()},
    {proc::timestamp_bin, call<+[](I stride, i8 a, i8 origin) { return type::date_bin(stride, a, origin); }>()},
    {proc::timestamptz_bin, call<+[](I stride, i8 a, i8 origin) { return type::date_bin(stride, a, origin); }>()},
    // making and judging
    {proc::now, call<transaction_start>()},
    {proc::statement_timestamp, call<statement_start>()},
    {proc::clock_timestamp, call_volatile<clock_now>()},
    {proc::timeofday, call_volatile<time_of_day>()},
    {proc::timestamp_age, call<+[](i8 a, i8 b) { return type::timestamp_age(a, b); }>()},
    {proc::timestamptz_age, call<age_zoned>()},
    {proc::age_2059, call<age_today>()},
    {proc::age_1386, call<age_today_zoned>()},
    {proc::make_date, call<+[](i4 y, i4 m, i4 d) { return type::make_date(y, m, d); }>()},
    {proc::make_time, call<+[](i4 h, i4 m, double s) { return type::make_time(h, m, s); }>()},
    {proc::make_timestamp,
     call<+[](i4 y, i4 mo, i4 d, i4 h, i4 mi, double s) { return type::make_timestamp(y, mo, d, h, mi, s); }>()},
    {proc::make_timestamptz, call<make_zoned>()},
    {proc::make_timestamptz_at_timezone, call<make_in_zone>()},
    {proc::make_interval, call<make_interval>()},
    {proc::float8_timestamptz, call<timestamp_of_unix>()},
    {proc::interval_justify_hours, call<+[](I a) { return type::justify_hours(a); }>()},
    {proc::interval_justify_days, call<+[](I a) { return type::justify_days(a); }>()},
    {proc::interval_justify_interval, call<+[](I a) { return type::justify_interval(a); }>()},
    {proc::date_finite, call<+[](i4 a) { return !type::is_infinite_date(a); }>()},
    {proc::timestamp_finite, call<+[](i8 a) { return !type::is_infinite_timestamp(a); }>()},
    {proc::interval_finite, call<+[](I) { return true; }>()},
    {proc::overlaps_timestamp, call<+[](i8 a, i8 b, i8 x, i8 y) { return type::overlaps(a, b, x, y); }>()},
    {proc::overlaps_time, call<+[](i8 a, i8 b, i8 x, i8 y) { return type::overlaps(a, b, x, y); }>()},
};

}  // namespace

namespace module {
const Module datetime{datetime_functions, {}};
}

}  // namespace spg::exec
