#include <cstdlib>
#include <cstring>

#include "spg/type/datetime.hpp"

namespace spg::type {
namespace {

constexpr std::string_view month_names[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                            "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
constexpr std::string_view day_names[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};

/// At least `width` digits.
void add_padded(TextBuilder& out, std::int64_t value, int width) {
  char digits[20];
  int count = 0;
  for (; value != 0 || count < width; value /= 10) digits[19 - count++] = static_cast<char>('0' + value % 10);
  out.add(std::string_view(digits + 20 - count, static_cast<std::size_t>(count)));
}
void add_fraction(TextBuilder& out, std::int32_t micro) {
  if (micro == 0) return;
  char digits[7] = {'.'};
  int used = 1;
  for (int i = 6; i >= 1; --i, micro /= 10) {
    digits[i] = static_cast<char>('0' + micro % 10);
    if (digits[i] != '0' && used == 1) used = i + 1;
  }
  out.add(std::string_view(digits, static_cast<std::size_t>(used)));
}
void add_time(TextBuilder& out, const Broken& b) {
  add_padded(out, b.hour, 2);
  out.add(":");
  add_padded(out, b.minute, 2);
  out.add(":");
  add_padded(out, b.second, 2);
  add_fraction(out, b.micro);
}
void add_offset(TextBuilder& out, std::int32_t east, bool always_minutes) {
  const std::int32_t seconds = std::abs(east);
  out.add(east < 0 ? "-" : "+");
  add_padded(out, seconds / 3600, 2);
  if (seconds % 3600 != 0 || always_minutes) {
    out.add(":");
    add_padded(out, seconds / 60 % 60, 2);
    if (seconds % 60 != 0) {
      out.add(":");
      add_padded(out, seconds % 60, 2);
    }
  }
}
std::int32_t shown_year(const Civil& date) { return date.year > 0 ? date.year : 1 - date.year; }

void add_numbers(TextBuilder& out, std::int32_t first, std::int32_t second, std::string_view separator,
                 const Civil& date) {
  add_padded(out, first, 2);
  out.add(separator);
  add_padded(out, second, 2);
  out.add(separator);
  add_padded(out, shown_year(date), 4);
}

void add_date(TextBuilder& out, const Civil& date, const TextSettings& settings) {
  const bool day_first = settings.date_order == DateOrder::dmy;
  switch (settings.date_style) {
    case DateStyle::iso:
      add_padded(out, shown_year(date), 4);
      out.add("-");
      add_padded(out, date.month, 2);
      out.add("-");
      add_padded(out, date.day, 2);
      return;
    case DateStyle::german: add_numbers(out, date.day, date.month, ".", date); return;
    default: {
      const std::string_view separator = settings.date_style == DateStyle::sql ? "/" : "-";
      add_numbers(out, day_first ? date.day : date.month, day_first ? date.month : date.day, separator, date);
    }
  }
}

void add_moment(TextBuilder& out, std::int64_t local, const ZonePeriod* zone, const TextSettings& settings) {
  const Broken b = broken_of(local);
  if (settings.date_style == DateStyle::postgres) {
    const std::int64_t days = floor_div(local, day_us);
    out.add(day_names[weekday_of(days)], " ");
    const std::string_view month = month_names[b.date.month - 1];
    if (settings.date_order == DateOrder::dmy) {
      add_padded(out, b.date.day, 2);
      out.add(" ", month);
    } else {
      out.add(month, " ");
      add_padded(out, b.date.day, 2);
    }
    out.add(" ");
    add_time(out, b);
    out.add(" ");
    add_padded(out, shown_year(b.date), 4);
  } else {
    add_date(out, b.date, settings);
    out.add(" ");
    add_time(out, b);
  }
  if (zone != nullptr) {
    const bool is_name = !zone->abbreviation.empty() && zone->abbreviation[0] != '+' && zone->abbreviation[0] != '-';
    if (settings.date_style == DateStyle::iso) add_offset(out, zone->offset, false);
    else if (is_name) out.add(" ", zone->abbreviation);
    else {
      if (settings.date_style == DateStyle::postgres) out.add(" ");
      add_offset(out, zone->offset, false);
    }
  }
  if (b.date.year <= 0) out.add(" BC");
}

bool add_infinite(TextBuilder& out, std::int64_t value) {
  if (!is_infinite_timestamp(value)) return false;
  out.add(value > 0 ? "infinity" : "-infinity");
  return true;
}

}  // namespace

StringRef TimeTz::pack() const {
  char raw[12];
  store_le<std::int64_t>(raw, microseconds);
  store_le<std::int32_t>(raw + 8, west);
  return StringRef(std::string_view(raw, 12));
}
TimeTz TimeTz::unpack(const StringRef& packed) {
  if (packed.size != 12) return {};
  return {load_le<std::int64_t>(packed.data()), load_le<std::int32_t>(packed.data() + 8)};
}

void print_date(std::int32_t value, TextBuilder& out, const TextSettings& settings) {
  if (is_infinite_date(value)) { out.add(value > 0 ? "infinity" : "-infinity"); return; }
  const Civil date = civil_of(value);
  add_date(out, date, settings);
  if (date.year <= 0) out.add(" BC");
}

void print_time(std::int64_t value, TextBuilder& out) {
  Broken b;
  set_time(b, value);
  add_time(out, b);
}

void print_timetz(const TimeTz& value, TextBuilder& out) {
  print_time(value.microseconds, out);
  add_offset(out, -value.west, false);
}

void print_timestamp(std::int64_t value, TextBuilder& out, const TextSettings& settings) {
  if (!add_infinite(out, value)) add_moment(out, value, nullptr, settings);
}

void print_timestamptz(std::int64_t value, TextBuilder& out, const TextSettings& settings) {
  if (add_infinite(out, value)) return;
  const ZonePeriod zone = settings.zone->at(floor_div(value, second_us) - std::int64_t{unix_epoch_date} * 86400);
  add_moment(out, value + zone.offset * second_us, &zone, settings);
}

namespace {

struct IntervalParts {
  std::int64_t year, month, day, hour, minute, second, micro;
  explicit IntervalParts(const Interval& v)
      : year(v.months / 12), month(v.months % 12), day(v.days), hour(v.microseconds / hour_us),
        minute(v.microseconds / minute_us % 60), second(v.microseconds / second_us % 60),
        micro(v.microseconds % second_us) {}
  bool has_time() const { return hour != 0 || minute != 0 || second != 0 || micro != 0; }
  bool time_negative() const { return hour < 0 || minute < 0 || second < 0 || micro < 0; }
};

void add_seconds(TextBuilder& out, const IntervalParts& p, int width) {
  add_padded(out, std::abs(p.second), width);
  add_fraction(out, static_cast<std::int32_t>(std::abs(p.micro)));
}

void print_iso(const IntervalParts& p, TextBuilder& out) {
  const bool has_date = p.year != 0 || p.month != 0 || p.day != 0;
  if (!has_date && !p.has_time()) { out.add("PT0S"); return; }
  out.add("P");
  if (p.year != 0) out.add(p.year, "Y");
  if (p.month != 0) out.add(p.month, "M");
  if (p.day != 0) out.add(p.day, "D");
  if (!p.has_time()) return;
  out.add("T");
  if (p.hour != 0) out.add(p.hour, "H");
  if (p.minute != 0) out.add(p.minute, "M");
  if (p.second != 0 || p.micro != 0) {
    if (p.second < 0 || p.micro < 0) out.add("-");
    add_seconds(out, p, 1);
    out.add("S");
  }
}

void print_sql(IntervalParts p, TextBuilder& out) {
  const bool negative = p.year < 0 || p.month < 0 || p.day < 0 || p.time_negative();
  const bool positive =
      p.year > 0 || p.month > 0 || p.day > 0 || p.hour > 0 || p.minute > 0 || p.second > 0 || p.micro > 0;
  const bool year_month = p.year != 0 || p.month != 0, day_time = p.day != 0 || p.has_time();
  const auto clock = [&](char sign) {
    if (sign != 0) out.add(sign);
    out.add(std::abs(p.hour), ":");
    add_padded(out, std::abs(p.minute), 2);
    out.add(":");
    add_seconds(out, p, 2);
  };
  if (!negative && !positive) { out.add("0"); return; }
  if ((negative && positive) || (year_month && day_time)) {
    out.add(p.year < 0 || p.month < 0 ? '-' : '+', std::abs(p.year), "-", std::abs(p.month), " ", p.day < 0 ? '-' : '+',
            std::abs(p.day), " ");
    clock(p.time_negative() ? '-' : '+');
    return;
  }
  if (negative) out.add("-");
  if (year_month) out.add(std::abs(p.year), "-", std::abs(p.month));
  else {
    if (p.day != 0) out.add(std::abs(p.day), " ");
    clock(0);
  }
}

void print_plain(const IntervalParts& p, TextBuilder& out) {
  bool empty = true, before = false;
  const auto part = [&](std::int64_t value, std::string_view unit) {
    if (value == 0) return;
    out.add(empty ? "" : " ", before && value > 0 ? "+" : "", value, " ", unit, value != 1 ? "s" : "");
    before = value < 0;
    empty = false;
  };
  part(p.year, "year");
  part(p.month, "mon");
  part(p.day, "day");
  if (!empty && !p.has_time()) return;
  out.add(empty ? "" : " ", p.time_negative() ? "-" : before ? "+" : "");
  add_padded(out, std::abs(p.hour), 2);
  out.add(":");
  add_padded(out, std::abs(p.minute), 2);
  out.add(":");
  add_seconds(out, p, 2);
}

void print_verbose(const IntervalParts& p, TextBuilder& out) {
  bool empty = true, before = false;
  out.add("@");
  const auto part = [&](std::int64_t value, std::string_view unit) {
    if (value == 0) return;
    if (empty) {
      before = value < 0;
      value = std::abs(value);
    } else if (before) {
      value = -value;
    }
    out.add(" ", value, " ", unit, value == 1 ? "" : "s");
    empty = false;
  };
  part(p.year, "year");
  part(p.month, "mon");
  part(p.day, "day");
  part(p.hour, "hour");
  part(p.minute, "min");
  if (p.second != 0 || p.micro != 0) {
    out.add(" ");
    const bool negative = p.second < 0 || p.micro < 0;
    if (negative && empty) before = true;
    else if (negative != before) out.add("-");
    add_seconds(out, p, 1);
    out.add(" sec", std::abs(p.second) != 1 || p.micro != 0 ? "s" : "");
    empty = false;
  }
  if (empty) out.add(" 0");
  if (before) out.add(" ago");
}

}  // namespace

void print_interval(const Interval& value, TextBuilder& out, const TextSettings& settings) {
  const IntervalParts parts(value);
  switch (settings.interval_style) {
    case IntervalStyle::postgres: print_plain(parts, out); return;
    case IntervalStyle::postgres_verbose: print_verbose(parts, out); return;
    case IntervalStyle::iso_8601: print_iso(parts, out); return;
    case IntervalStyle::sql_standard: print_sql(parts, out); return;
  }
}

}  // namespace spg::type
