// Reading intervals: PostgreSQL's and SQL's "1 year 2 days 03:04", ISO 8601's "P1Y2DT3H4M".
#include <charconv>
#include <cmath>

#include "spg/type/ascii.hpp"
#include "spg/type/datetime.hpp"
#include "datetime_fields.hpp"

namespace spg::type {
namespace fields {

Unit find_unit(std::string_view lower) {
  struct Name { std::string_view text; Unit unit; };
  // Longer names count by their first ten letters, as PostgreSQL's do.
  static constexpr Name names[] = {
      {"us", unit_microsecond},
      {"usec", unit_microsecond},
      {"usecs", unit_microsecond},
      {"microsecon", unit_microsecond},
      {"usecond", unit_microsecond},
      {"useconds", unit_microsecond},
      {"ms", unit_millisecond},
      {"msec", unit_millisecond},
      {"msecs", unit_millisecond},
      {"millisecon", unit_millisecond},
      {"msecond", unit_millisecond},
      {"mseconds", unit_millisecond},
      {"s", unit_second},
      {"sec", unit_second},
      {"secs", unit_second},
      {"second", unit_second},
      {"seconds", unit_second},
      {"m", unit_minute},
      {"min", unit_minute},
      {"mins", unit_minute},
      {"minute", unit_minute},
      {"minutes", unit_minute},
      {"h", unit_hour},
      {"hr", unit_hour},
      {"hrs", unit_hour},
      {"hour", unit_hour},
      {"hours", unit_hour},
      {"d", unit_day},
      {"day", unit_day},
      {"days", unit_day},
      {"w", unit_week},
      {"week", unit_week},
      {"weeks", unit_week},
      {"mon", unit_month},
      {"mons", unit_month},
      {"month", unit_month},
      {"months", unit_month},
      {"qtr", unit_quarter},
      {"quarter", unit_quarter},
      {"y", unit_year},
      {"yr", unit_year},
      {"yrs", unit_year},
      {"year", unit_year},
      {"years", unit_year},
      {"dec", unit_decade},
      {"decs", unit_decade},
      {"decade", unit_decade},
      {"decades", unit_decade},
      {"c", unit_century},
      {"cent", unit_century},
      {"century", unit_century},
      {"centuries", unit_century},
      {"mil", unit_millennium},
      {"mils", unit_millennium},
      {"millennium", unit_millennium},
      {"millennia", unit_millennium},
      {"ago", unit_ago},
      {"dow", unit_dow},
      {"doy", unit_doy},
      {"epoch", unit_epoch},
      {"isodow", unit_isodow},
      {"isoyear", unit_isoyear},
      {"julian", unit_julian},
      {"timezone", unit_timezone},
      {"timezone_h", unit_timezone_hour},
      {"timezone_m", unit_timezone_minute},
  };
  for (const Name& name : names)
    if (name.text == lower.substr(0, 10)) return name.unit;
  return unit_none;
}

}  // namespace fields

using namespace fields;

namespace {

constexpr std::int32_t field_bit(int bit) { return 1 << bit; }
// Bits of PostgreSQL's interval typmod.
constexpr std::int32_t mask_month = field_bit(1), mask_year = field_bit(2), mask_day = field_bit(3),
                       mask_hour = field_bit(10), mask_minute = field_bit(11), mask_second = field_bit(12),
                       mask_full = 0x7fff;

/// Sums of what was read; any overflow sticks.
struct Sum {
  std::int64_t us = 0, days = 0, months = 0, years = 0;
  bool overflow = false;

  void add(std::int64_t& to, std::int64_t value, std::int64_t unit) {
    std::int64_t product = 0;
    overflow |= __builtin_mul_overflow(value, unit, &product) || __builtin_add_overflow(to, product, &to);
  }
  void add_fraction_us(double fraction, std::int64_t unit) {
    if (fraction == 0) return;
    fraction *= static_cast<double>(unit);
    auto whole = static_cast<std::int64_t>(fraction);
    fraction -= static_cast<double>(whole);
    if (fraction > 0.5) ++whole;
    else if (fraction < -0.5) --whole;
    add(us, whole, 1);
  }
  void add_fraction_days(double fraction, int unit) {
    if (fraction == 0) return;
    fraction *= unit;
    const auto whole = static_cast<std::int64_t>(fraction);
    add(days, whole, 1);
    add_fraction_us(fraction - static_cast<double>(whole), day_us);
  }
  void add_years(std::int64_t value, double fraction, int scale) {
    add(years, value, scale);
    add(months, static_cast<std::int64_t>(std::rint(fraction * scale * 12)), 1);
  }
  bool add_unit(Unit unit, std::int64_t value, double fraction) {
    switch (unit) {
      case unit_microsecond: add(us, value, 1); add_fraction_us(fraction, 1); return true;
      case unit_millisecond: add(us, value, 1000); add_fraction_us(fraction, 1000); return true;
      case unit_second: add(us, value, second_us); add_fraction_us(fraction, second_us); return true;
      case unit_minute: add(us, value, minute_us); add_fraction_us(fraction, minute_us); return true;
      case unit_hour: add(us, value, hour_us); add_fraction_us(fraction, hour_us); return true;
      case unit_day: add(days, value, 1); add_fraction_us(fraction, day_us); return true;
      case unit_week: add(days, value, 7); add_fraction_days(fraction, 7); return true;
      case unit_month: add(months, value, 1); add_fraction_days(fraction, 30); return true;
      case unit_year: add_years(value, fraction, 1); return true;
      case unit_decade: add_years(value, fraction, 10); return true;
      case unit_century: add_years(value, fraction, 100); return true;
      case unit_millennium: add_years(value, fraction, 1000); return true;
      default: return false;
    }
  }
  bool fits() const {
    return !overflow && days == static_cast<std::int32_t>(days) && years == static_cast<std::int32_t>(years) &&
           months == static_cast<std::int32_t>(months);
  }
};

Unit default_unit(std::int32_t mask) {
  switch (mask) {
    case mask_year: return unit_year;
    case mask_month: case mask_year | mask_month: return unit_month;
    case mask_day: return unit_day;
    case mask_hour: case mask_day | mask_hour: return unit_hour;
    case mask_minute: case mask_hour | mask_minute: case mask_day | mask_hour | mask_minute: return unit_minute;
    default: return unit_second;
  }
}

Outcome decode_fields(std::string_view text, std::int32_t mask, bool sql_signs, Sum& sum) {
  Fields all;
  if (!split(text, all)) return Outcome::bad_format;
  Unit unit = unit_none;
  bool ago = false, any = false;
  unsigned seen = 0;
  // A leading minus of SQL's form is for the whole interval, unless another sign follows.
  bool force_negative = false;
  if (sql_signs && all.count > 0 && all.list[0].text[0] == '-') {
    force_negative = true;
    for (int i = 1; i < all.count; ++i) {
      const char c = all.list[i].text[0];
      if (c == '-' || c == '+') force_negative = false;
    }
  }
  // Backwards, because a unit stands behind its number.
  for (int i = all.count - 1; i >= 0; --i) {
    const Field& field = all.list[i];
    std::string_view it{field.text, field.size};
    const auto clock = [&](std::string_view digits, bool negative) {
      Clock c;
      const Outcome outcome = decode_clock(digits, c, mask == (mask_minute | mask_second));
      if (outcome != Outcome::ok) return outcome;
      constexpr unsigned parts = 1u << unit_hour | 1u << unit_minute | 1u << unit_second | 1u << unit_millisecond |
                                 1u << unit_microsecond;
      if ((seen & parts) != 0) return Outcome::bad_format;
      seen |= parts;
      const int sign = negative || force_negative ? -1 : 1;
      sum.us = 0;  // a clock time replaces what fractions of later fields came to, as in PostgreSQL
      sum.add(sum.us, c.hour, sign * hour_us);
      sum.add(sum.us, c.minute, sign * minute_us);
      sum.add(sum.us, c.second, sign * second_us);
      sum.add(sum.us, c.micro, sign);
      unit = unit_day;
      any = true;
      return Outcome::ok;
    };
    switch (field.kind) {
      case FieldKind::time: {
        const Outcome outcome = clock(it, false);
        if (outcome != Outcome::ok) return outcome;
        break;
      }
      case FieldKind::zone:
        if (it.find(':') != std::string_view::npos && clock(it.substr(1), it[0] == '-') == Outcome::ok) break;
        [[fallthrough]];
      case FieldKind::date:
      case FieldKind::number: {
        if (unit == unit_none) unit = default_unit(mask);
        const bool negative = it[0] == '-';
        std::int64_t value = 0;
        double fraction = 0;
        if (!read_wide(it, &value)) return Outcome::field_overflow;
        if (!it.empty() && it[0] == '-') {
          it.remove_prefix(1);
          std::int64_t months = 0;
          if (!read_wide(it, &months) || months < 0 || months >= 12) return Outcome::field_overflow;
          if (!it.empty()) return Outcome::bad_format;
          unit = unit_month;
          if (__builtin_mul_overflow(value, std::int64_t{12}, &value)) return Outcome::field_overflow;
          value += negative ? -months : months;
        } else if (!it.empty() && it[0] == '.') {
          if (!read_fraction(it, &fraction)) return Outcome::bad_format;
          if (negative) fraction = -fraction;
        } else if (!it.empty()) {
          return Outcome::bad_format;
        }
        if (force_negative && !negative) { value = -value; fraction = -fraction; }
        const unsigned bit = 1u << unit;
        if ((seen & bit) != 0) return Outcome::bad_format;
        seen |= bit;
        if (unit == unit_second && fraction != 0) {
          if ((seen & (1u << unit_millisecond | 1u << unit_microsecond)) != 0) return Outcome::bad_format;
          seen |= 1u << unit_millisecond | 1u << unit_microsecond;
        }
        if (!sum.add_unit(unit, value, fraction)) return Outcome::bad_format;
        any = true;
        if (unit == unit_hour) unit = unit_day;  // what stands before hours without a unit is days
        break;
      }
      case FieldKind::word:
      case FieldKind::special: {
        if (find_word(it).kind == WordKind::ignore) continue;
        unit = find_unit(it);
        if (unit == unit_ago) ago = true;  // a number needs a unit of its own before it
        else if (unit == unit_none) return Outcome::bad_format;
        break;
      }
    }
    if (sum.overflow) return Outcome::field_overflow;
  }
  if (!any) return Outcome::bad_format;
  if (ago) {
    sum.overflow |= sum.us == INT64_MIN;
    if (!sum.overflow) sum.us = -sum.us;
    sum.days = -sum.days;
    sum.months = -sum.months;
    sum.years = -sum.years;
  }
  return Outcome::ok;
}

/// Reads "1.5" of ISO 8601 durations.
bool read_iso_number(std::string_view& text, std::int64_t* whole, double* fraction) {
  std::size_t size = 0;
  if (size < text.size() && (text[size] == '-' || text[size] == '+')) ++size;
  const std::size_t start = size;
  while (size < text.size() && (is_digit(text[size]) || text[size] == '.')) ++size;
  if (size == start) return false;
  const bool negative = text[0] == '-';
  std::string_view digits = text.substr(start, size - start);
  text.remove_prefix(size);
  *fraction = 0;
  *whole = 0;
  const std::size_t point = digits.find('.');
  if (point != std::string_view::npos) {
    if (!read_fraction(digits.substr(point), fraction)) return false;
    digits = digits.substr(0, point);
  }
  if (!digits.empty() && std::from_chars(digits.data(), digits.data() + digits.size(), *whole).ec != std::errc{})
    return false;
  if (*whole > INT32_MAX) return false;
  if (negative) { *whole = -*whole; *fraction = -*fraction; }
  return true;
}

Outcome decode_iso(std::string_view text, Sum& sum) {
  if (text.size() < 2 || text[0] != 'P') return Outcome::bad_format;
  text.remove_prefix(1);
  bool in_date = true, any = false;  // any: in this half
  while (!text.empty()) {
    if (text[0] == 'T') {
      in_date = false;
      any = false;
      text.remove_prefix(1);
      continue;
    }
    std::string_view digits = text;
    std::int64_t value = 0;
    double fraction = 0;
    if (!read_iso_number(text, &value, &fraction)) return Outcome::bad_format;
    digits = digits.substr(0, digits.size() - text.size());
    const char unit = text.empty() ? '\0' : text[0];
    const auto alternative_date = [&](std::int64_t y, std::int64_t m, std::int64_t d) {
      sum.add(sum.years, y, 1);
      sum.add(sum.months, m, 1);
      sum.add(sum.days, d, 1);
    };
    const auto more = [&](std::int64_t* next) {
      double ignored = 0;
      if (text.empty() || text[0] != (in_date ? '-' : ':')) return false;
      text.remove_prefix(1);
      return read_iso_number(text, next, in_date ? &ignored : &fraction);
    };
    if (unit == '\0' || unit == 'T' || unit == '-' || unit == ':') {
      std::int64_t second = 0, third = 0;
      if (in_date) {
        if ((unit == '\0' || unit == 'T') && digits.size() >= 8 && !any) {
          alternative_date(value / 10000, value / 100 % 100, value % 100);
        } else if (unit == '-') {
          more(&second);
          if (!text.empty() && text[0] == '-') more(&third);
          alternative_date(value, second, third);
        } else {
          sum.add_years(value, fraction, 1);
        }
        if (!text.empty() && text[0] != 'T') return Outcome::bad_format;
      } else {
        if (unit == '\0' && digits.size() >= 6 && !any && digits.find('.') > 5) {
          sum.add(sum.us, value / 10000, hour_us);
          sum.add(sum.us, value / 100 % 100, minute_us);
          sum.add(sum.us, value % 100, second_us);
          sum.add_fraction_us(fraction, second_us);
        } else if (unit == ':') {
          fraction = 0;
          sum.add(sum.us, value, hour_us);
          if (!more(&second)) return Outcome::bad_format;
          sum.add(sum.us, second, minute_us);
          if (!text.empty() && text[0] == ':') {
            if (!more(&third)) return Outcome::bad_format;
            sum.add(sum.us, third, second_us);
            sum.add_fraction_us(fraction, second_us);
          }
        } else {
          sum.add_unit(unit_hour, value, fraction);
        }
        if (!text.empty()) return Outcome::bad_format;
      }
      any = true;
      continue;
    }
    text.remove_prefix(1);
    Unit which = unit_none;
    if (in_date)
      which = unit == 'Y'   ? unit_year
              : unit == 'M' ? unit_month
              : unit == 'W' ? unit_week
              : unit == 'D' ? unit_day
                            : unit_none;
    else which = unit == 'H' ? unit_hour : unit == 'M' ? unit_minute : unit == 'S' ? unit_second : unit_none;
    if (which == unit_none) return Outcome::bad_format;
    sum.add_unit(which, value, fraction);
    any = true;
  }
  return Outcome::ok;
}

}  // namespace

Result<Interval> parse_interval(std::string_view text, const TextSettings& settings, std::int32_t typmod) {
  const std::int32_t mask = typmod < 0 ? mask_full : (typmod >> 16) & mask_full;
  Sum sum;
  Outcome outcome = decode_fields(text, mask, settings.interval_style == IntervalStyle::sql_standard, sum);
  if (outcome == Outcome::bad_format) {
    sum = Sum{};
    outcome = decode_iso(text, sum);
  }
  if (outcome == Outcome::ok && !sum.fits()) outcome = Outcome::field_overflow;
  // Numbers out of range are reported as the interval's, not as a date's.
  if (outcome == Outcome::field_overflow) outcome = Outcome::interval_overflow;
  if (outcome != Outcome::ok) return error_of(outcome, text, "interval");
  const std::int64_t months = sum.months + sum.years * 12;
  if (months != static_cast<std::int32_t>(months))
    return Error::make(sqlstate::datetime_value_out_of_range, "interval out of range");
  return interval_apply_typmod({sum.us, static_cast<std::int32_t>(sum.days), static_cast<std::int32_t>(months)},
                               typmod);
}

namespace {
constexpr std::int64_t powers[] = {1000000, 100000, 10000, 1000, 100, 10, 1};

std::int64_t round_to(std::int64_t value, int decimals) {
  const std::int64_t unit = powers[decimals], half = unit / 2;
  if (unit == 1) return value;
  return value >= 0 ? (value + half) / unit * unit : -((-value + half) / unit * unit);
}
}  // namespace

std::int64_t round_time(std::int64_t value, std::int32_t typmod) {
  return typmod < 0 || typmod > 6 ? value : round_to(value, typmod);
}

Result<std::int64_t> round_timestamp(std::int64_t value, std::int32_t typmod) {
  if (typmod < 0 || typmod >= 6 || is_infinite_timestamp(value)) return value;
  const std::int64_t rounded = round_to(value, typmod);
  if (!is_timestamp(rounded)) return Error::make(sqlstate::datetime_value_out_of_range, "timestamp out of range");
  return rounded;
}

Result<Interval> interval_apply_typmod(const Interval& value, std::int32_t typmod) {
  if (typmod < 0) return value;
  Interval result = value;
  const std::int32_t mask = (typmod >> 16) & mask_full, precision = typmod & 0xffff;
  if (mask != mask_full) {
    // The least field kept decides; what is above it always stays.
    const auto down_to = [&](std::int64_t unit) { result.microseconds = result.microseconds / unit * unit; };
    if ((mask & mask_second) != 0) { /* all kept */ }
    else if ((mask & mask_minute) != 0) down_to(minute_us);
    else if ((mask & mask_hour) != 0) down_to(hour_us);
    else if ((mask & mask_day) != 0) result.microseconds = 0;
    else {
      result.microseconds = 0;
      result.days = 0;
      if ((mask & mask_month) == 0) result.months = result.months / 12 * 12;
    }
  }
  if (precision <= 6) result.microseconds = round_to(result.microseconds, precision);
  return result;
}

}  // namespace spg::type
