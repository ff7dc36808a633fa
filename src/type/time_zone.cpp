#include "spg/type/time_zone.hpp"

#include <algorithm>

#include "spg/type/ascii.hpp"
#include "spg/type/calendar.hpp"

namespace spg::type {
namespace {

constexpr std::int64_t day_s = 86400;
Error bad_zone() { return Error::make(sqlstate::invalid_parameter_value, "invalid time zone data"); }

/// Reads the pieces of a rule such as "CET-1CEST,M3.5.0,M10.5.0/3".
struct RuleReader {
  std::string_view text;
  bool ok = true;

  bool eat(char c) {
    if (text.empty() || text[0] != c) return false;
    text.remove_prefix(1);
    return true;
  }
  std::int32_t number() {
    if (text.empty() || !is_digit(text[0])) { ok = false; return 0; }
    std::int32_t value = 0;
    while (!text.empty() && is_digit(text[0]) && value < 10000) {
      value = value * 10 + (text[0] - '0');
      text.remove_prefix(1);
    }
    return value;
  }
  std::int32_t clock() {
    const bool negative = eat('-');
    if (!negative) eat('+');
    std::int32_t seconds = number() * 3600;
    if (eat(':')) {
      seconds += number() * 60;
      if (eat(':')) seconds += number();
    }
    return negative ? -seconds : seconds;
  }
  std::string_view abbreviation() {
    std::size_t size = 0;
    std::string_view name;
    if (eat('<')) {
      while (size < text.size() && text[size] != '>') ++size;
      name = text.substr(0, size);
      text.remove_prefix(size);
      ok &= eat('>');
    } else {
      while (size < text.size() && is_alpha(text[size])) ++size;
      name = text.substr(0, size);
      text.remove_prefix(size);
    }
    ok &= !name.empty();
    return name;
  }
  ZoneChange change() {
    ZoneChange result;
    if (eat('M')) {
      result.kind = 'M';
      result.month = number();
      ok &= eat('.');
      result.week = number();
      ok &= eat('.');
      result.day = number();
      ok &= result.month >= 1 && result.month <= 12 && result.week >= 1 && result.week <= 5 && result.day <= 6;
    } else {
      result.kind = eat('J') ? 'J' : 'N';
      result.day = number();
      ok &= result.day <= 366;
    }
    if (eat('/')) result.time = clock();
    return result;
  }
};

}  // namespace

TimeZone TimeZone::fixed(std::int32_t offset, std::string_view name, std::string_view abbreviation) {
  TimeZone zone;
  zone.name_ = name;
  zone.has_rule_ = true;
  zone.standard_ = {offset, false, abbreviation};
  return zone;
}

bool TimeZone::parse_rule(std::string_view rule, Arena& arena) {
  RuleReader reader{rule};
  standard_.abbreviation = arena.copy(reader.abbreviation());
  standard_.offset = -reader.clock();
  if (!reader.text.empty()) {
    has_daylight_ = true;
    daylight_ = {standard_.offset + 3600, true, arena.copy(reader.abbreviation())};
    if (!reader.text.empty() && reader.text[0] != ',') daylight_.offset = -reader.clock();
    if (!reader.eat(',')) return false;
    to_daylight_ = reader.change();
    if (!reader.eat(',')) return false;
    to_standard_ = reader.change();
  }
  return reader.ok && reader.text.empty();
}

Result<TimeZone> TimeZone::read(Bytes tzif, std::string_view name, Arena& arena) {
  ByteReader reader(tzif);
  struct Counts { std::uint32_t utc, standard, leaps, times, types, chars; } counts{};
  std::uint8_t version = 0;
  const auto header = [&] {
    const std::string_view magic = as_text(reader.bytes(4));
    version = reader.be<std::uint8_t>();
    reader.bytes(15);
    counts.utc = reader.be<std::uint32_t>();
    counts.standard = reader.be<std::uint32_t>();
    counts.leaps = reader.be<std::uint32_t>();
    counts.times = reader.be<std::uint32_t>();
    counts.types = reader.be<std::uint32_t>();
    counts.chars = reader.be<std::uint32_t>();
    return reader.ok() && magic == "TZif";
  };
  const auto body_bytes = [&](std::uint64_t wide) {
    return counts.times * (wide + 1) + counts.types * std::uint64_t{6} + counts.chars + counts.leaps * (wide + 4) +
           counts.standard + counts.utc;
  };
  if (!header()) return bad_zone();
  std::size_t wide = 4;
  if (version >= '2') {
    reader.bytes(body_bytes(4));
    if (!header()) return bad_zone();
    wide = 8;
  }
  if (body_bytes(wide) > reader.left() || counts.types == 0 || counts.types > 256) return bad_zone();
  TimeZone zone;
  zone.name_ = arena.copy(name);
  auto* changes = arena.array<std::int64_t>(counts.times);
  auto* kinds = arena.array<std::uint8_t>(counts.times);
  auto* periods = arena.array<ZonePeriod>(counts.types);
  for (std::uint32_t i = 0; i < counts.times; ++i) {
    changes[i] = wide == 8 ? reader.be<std::int64_t>() : reader.be<std::int32_t>();
    if (i != 0 && changes[i] <= changes[i - 1]) return bad_zone();
  }
  for (std::uint32_t i = 0; i < counts.times; ++i) {
    kinds[i] = reader.be<std::uint8_t>();
    if (kinds[i] >= counts.types) return bad_zone();
  }
  const Bytes types = reader.bytes(std::size_t{6} * counts.types);
  const std::string_view chars = arena.copy(as_text(reader.bytes(counts.chars)));
  ByteReader type(types);
  for (std::uint32_t i = 0; i < counts.types; ++i) {
    const auto offset = type.be<std::int32_t>();
    const bool is_dst = type.be<std::uint8_t>() != 0;
    const auto at = type.be<std::uint8_t>();
    if (at >= chars.size() || offset < -day_s * 2 || offset > day_s * 2) return bad_zone();
    const std::string_view rest = chars.substr(at);
    new (&periods[i]) ZonePeriod{offset, is_dst, rest.substr(0, rest.find('\0'))};
  }
  reader.bytes(counts.leaps * (wide + 4) + counts.standard + counts.utc);
  if (!reader.ok()) return bad_zone();
  zone.changes_ = {changes, counts.times};
  zone.kinds_ = {kinds, counts.times};
  zone.periods_ = {periods, counts.types};
  if (wide == 8 && reader.left() >= 2) {
    std::string_view footer = as_text(reader.bytes(reader.left()));
    footer.remove_prefix(1);
    footer = footer.substr(0, footer.find('\n'));
    if (!footer.empty()) {
      if (!zone.parse_rule(footer, arena)) return bad_zone();
      zone.has_rule_ = true;
    }
  }
  return zone;
}

std::int64_t TimeZone::rule_change(const ZoneChange& change, std::int64_t year, std::int32_t offset) const {
  std::int64_t days = days_of(year, 1, 1);
  switch (change.kind) {
    case 'J': days += change.day - 1 + (change.day >= 60 && is_leap(year)); break;
    case 'N': days += change.day; break;
    default: {
      const std::int64_t first = days_of(year, change.month, 1);
      std::int32_t day = (change.day - weekday_of(first) + 7) % 7 + 7 * (change.week - 1);
      while (day >= days_in_month(year, change.month)) day -= 7;
      days = first + day;
    }
  }
  return (days - unix_epoch_date) * day_s + change.time - offset;
}

namespace {
std::int64_t year_of(std::int64_t unix_seconds) {
  return civil_of(floor_div(unix_seconds, day_s) + unix_epoch_date).year;
}
}  // namespace

ZonePeriod TimeZone::at(std::int64_t t) const {
  if (!changes_.empty() && t < changes_.front()) {
    for (const ZonePeriod& period : periods_)
      if (!period.is_dst) return period;
    return periods_[0];
  }
  if (!changes_.empty() && (t < changes_.back() || !has_rule_)) {
    const auto next = std::upper_bound(changes_.begin(), changes_.end(), t);
    return periods_[kinds_[static_cast<std::size_t>(next - changes_.begin()) - 1]];
  }
  if (!has_rule_) return periods_.empty() ? ZonePeriod{} : periods_[0];
  if (!has_daylight_) return standard_;
  const std::int64_t year = year_of(t + standard_.offset);
  const std::int64_t start = rule_change(to_daylight_, year, standard_.offset);
  const std::int64_t end = rule_change(to_standard_, year, daylight_.offset);
  const bool daylight = start < end ? t >= start && t < end : t >= start || t < end;
  return daylight ? daylight_ : standard_;
}

bool TimeZone::next_change(std::int64_t after, std::int64_t* change, std::int32_t* offset) const {
  const auto next = std::upper_bound(changes_.begin(), changes_.end(), after);
  if (next != changes_.end()) {
    *change = *next;
    *offset = periods_[kinds_[static_cast<std::size_t>(next - changes_.begin())]].offset;
    return true;
  }
  if (!has_rule_ || !has_daylight_) return false;
  const std::int64_t year = year_of(after);
  bool found = false;
  for (std::int64_t y = year - 1; y <= year + 1; ++y) {
    const std::int64_t points[] = {rule_change(to_daylight_, y, standard_.offset),
                                   rule_change(to_standard_, y, daylight_.offset)};
    for (int i = 0; i < 2; ++i)
      if (points[i] > after && (!found || points[i] < *change)) {
        *change = points[i];
        *offset = i == 0 ? daylight_.offset : standard_.offset;
        found = true;
      }
  }
  return found;
}

std::int32_t TimeZone::offset_of_local(std::int64_t local) const {
  const std::int64_t before_day = local - day_s;
  const std::int32_t before = at(before_day).offset;
  std::int64_t change = 0;
  std::int32_t after = 0;
  if (!next_change(before_day, &change, &after)) return before;
  const std::int64_t by_before = local - before, by_after = local - after;
  if (by_before < change && by_after < change) return before;
  if (by_before > change && by_after >= change) return after;
  return by_before > by_after ? before : after;
}

}  // namespace spg::type
