// Reading dates and times. First the text is split into fields by their look (number, date, time, zone, word), then the
// fields are given a meaning one after another, each at most once; the setting DateStyle decides what is ambiguous.
#include <charconv>
#include <cmath>
#include <cstring>

#include "spg/type/ascii.hpp"
#include "spg/type/datetime.hpp"
#include "datetime_fields.hpp"

namespace spg::type {
namespace fields {

bool split(std::string_view text, Fields& out) {
  std::size_t at = 0;
  const auto peek = [&] { return at < text.size() ? text[at] : '\0'; };
  while (at < text.size()) {
    const char c = text[at];
    if (is_space(c)) { ++at; continue; }
    if (static_cast<unsigned char>(c) >= 0x80 || c < ' ') return false;
    if (!is_digit(c) && !is_alpha(c) && c != '.' && c != '+' && c != '-') { ++at; continue; }  // punctuation
    if (out.count == fields_max) return false;
    Field& field = out.list[out.count++];
    field.text = out.buffer + out.used;
    field.size = 0;
    bool full = false;
    const auto take = [&] {
      if (out.used >= sizeof out.buffer - 1) { full = true; ++at; return; }
      out.buffer[out.used++] = to_lower(text[at++]);
      ++field.size;
    };
    const auto take_digits = [&] { while (is_digit(peek())) take(); };
    if (is_digit(c)) {
      take_digits();
      if (peek() == ':') {
        field.kind = FieldKind::time;
        while (is_digit(peek()) || peek() == ':' || peek() == '.') take();
      } else if (peek() == '-' || peek() == '/' || peek() == '.') {
        const char delimiter = peek();
        take();
        if (is_digit(peek())) {
          field.kind = delimiter == '.' ? FieldKind::number : FieldKind::date;
          take_digits();
          if (peek() == delimiter) {
            field.kind = FieldKind::date;
            take();
            while (is_digit(peek()) || peek() == delimiter) take();
          }
        } else {
          field.kind = FieldKind::date;
          while (is_alnum(peek()) || peek() == delimiter) take();
        }
      } else {
        field.kind = FieldKind::number;
      }
    } else if (c == '.') {
      field.kind = FieldKind::number;
      take();
      take_digits();
    } else if (is_alpha(c)) {
      field.kind = FieldKind::word;
      while (is_alpha(peek())) take();
      bool is_date = peek() == '-' || peek() == '/' || peek() == '.';
      if (peek() == '+' || is_digit(peek())) is_date = find_word({field.text, field.size}).kind == WordKind::unknown;
      if (is_date) {
        field.kind = FieldKind::date;
        while (is_alnum(peek()) || (peek() != '\0' && std::strchr("+-/_.:", peek()) != nullptr)) take();
      }
    } else {
      take();
      while (is_space(peek())) ++at;
      if (is_digit(peek())) {
        field.kind = FieldKind::zone;
        while (is_digit(peek()) || peek() == ':' || peek() == '.' || peek() == '-') take();
      } else if (is_alpha(peek())) {
        field.kind = FieldKind::special;
        while (is_alpha(peek())) take();
      } else {
        return false;
      }
    }
    if (full) return false;
    out.buffer[out.used++] = '\0';
  }
  return true;
}

namespace {
constexpr Word words[] = {
    {"ad", WordKind::era, 0}, {"am", WordKind::half_day, 1}, {"at", WordKind::ignore, 0},
    {"bc", WordKind::era, 1}, {"allballs", WordKind::special, special_zulu},
    {"d", WordKind::unit, unit_day}, {"epoch", WordKind::special, special_epoch}, {"h", WordKind::unit, unit_hour},
    {"infinity", WordKind::special, special_late}, {"+infinity", WordKind::special, special_late},
    {"-infinity", WordKind::special, special_early},
    {"j", WordKind::unit, unit_julian}, {"jd", WordKind::unit, unit_julian}, {"julian", WordKind::unit, unit_julian},
    {"m", WordKind::unit, unit_month}, {"mm", WordKind::unit, unit_minute}, {"now", WordKind::special, special_now},
    {"on", WordKind::ignore, 0}, {"pm", WordKind::half_day, 2}, {"s", WordKind::unit, unit_second},
    {"t", WordKind::iso_time, 0}, {"today", WordKind::special, special_today},
    {"tomorrow", WordKind::special, special_tomorrow}, {"y", WordKind::unit, unit_year},
    {"yesterday", WordKind::special, special_yesterday}, {"dst", WordKind::dst, 0},
    {"sept", WordKind::month, 9}, {"tues", WordKind::weekday, 2}, {"thur", WordKind::weekday, 4},
    {"thurs", WordKind::weekday, 4}, {"weds", WordKind::weekday, 3},
};
constexpr std::string_view months[] = {"january", "february", "march", "april", "may", "june", "july",
                                       "august", "september", "october", "november", "december"};
constexpr std::string_view weekdays[] = {"sunday", "monday", "tuesday", "wednesday", "thursday", "friday", "saturday"};
}  // namespace

Word find_word(std::string_view text) {
  for (const Word& word : words)
    if (word.text == text) return word;
  for (int i = 0; i < 12; ++i)
    if (text == months[i] || text == months[i].substr(0, 3)) return {text, WordKind::month, i + 1};
  for (int i = 0; i < 7; ++i)
    if (text == weekdays[i] || text == weekdays[i].substr(0, 3)) return {text, WordKind::weekday, i};
  return {text, WordKind::unknown, 0};
}

bool read_number(std::string_view& text, std::int64_t* value, Outcome* outcome) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc::invalid_argument) { *value = 0; return true; }  // as strtol: no digits are zero
  text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (error == std::errc::result_out_of_range || *value > INT32_MAX) {
    *outcome = Outcome::field_overflow;
    return false;
  }
  if (negative) *value = -*value;
  return true;
}

bool read_fraction(std::string_view text, double* value) {
  // text starts with the point
  *value = 0;
  if (text.size() == 1) return true;
  for (std::size_t i = 1; i < text.size(); ++i)
    if (!is_digit(text[i])) return false;
  std::from_chars(text.data(), text.data() + text.size(), *value);
  return true;
}

bool read_wide(std::string_view& text, std::int64_t* value) {
  const bool negative = !text.empty() && text[0] == '-';
  if (!text.empty() && (text[0] == '-' || text[0] == '+')) text.remove_prefix(1);
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), *value);
  if (error == std::errc::result_out_of_range) return false;
  if (error == std::errc::invalid_argument) *value = 0;
  else text.remove_prefix(static_cast<std::size_t>(end - text.data()));
  if (negative) *value = -*value;
  return true;
}

Outcome decode_time(std::string_view text, Broken& to) {
  Clock clock;
  const Outcome outcome = decode_clock(text, clock, false);
  if (outcome != Outcome::ok) return outcome;
  if (clock.hour > INT32_MAX) return Outcome::field_overflow;
  to.hour = static_cast<std::int32_t>(clock.hour);
  to.minute = static_cast<std::int32_t>(clock.minute);
  to.second = static_cast<std::int32_t>(clock.second);
  to.micro = clock.micro;
  return Outcome::ok;
}

Outcome decode_clock(std::string_view text, Clock& to, bool minute_to_second) {
  Outcome outcome = Outcome::ok;
  std::int64_t hour = 0, minute = 0, second = 0;
  double fraction = 0;
  if (!read_wide(text, &hour)) return Outcome::field_overflow;
  if (text.empty() || text[0] != ':') return Outcome::bad_format;
  text.remove_prefix(1);
  if (!read_number(text, &minute, &outcome)) return outcome;
  if (text.empty()) {
    if (minute_to_second) { second = minute; minute = hour; hour = 0; }
  } else if (text[0] == '.') {
    if (!read_fraction(text, &fraction)) return Outcome::bad_format;
    second = minute; minute = hour; hour = 0;
  } else if (text[0] == ':') {
    text.remove_prefix(1);
    if (!read_number(text, &second, &outcome)) return outcome;
    if (!text.empty() && (text[0] != '.' || !read_fraction(text, &fraction))) return Outcome::bad_format;
  } else {
    return Outcome::bad_format;
  }
  if (hour < 0 || minute < 0 || minute > 59 || second < 0 || second > 60) return Outcome::field_overflow;
  to = {hour, minute, second, static_cast<std::int32_t>(std::rint(fraction * 1e6))};
  return Outcome::ok;
}

Outcome decode_offset(std::string_view text, std::int32_t* east) {
  if (text.empty() || (text[0] != '+' && text[0] != '-')) return Outcome::bad_format;
  const bool negative = text[0] == '-';
  const std::size_t size = text.size();
  text.remove_prefix(1);
  Outcome outcome = Outcome::ok;
  std::int64_t hour = 0, minute = 0, second = 0;
  if (!read_number(text, &hour, &outcome)) return Outcome::zone_overflow;
  if (!text.empty() && text[0] == ':') {
    text.remove_prefix(1);
    if (!read_number(text, &minute, &outcome)) return Outcome::zone_overflow;
    if (!text.empty() && text[0] == ':') {
      text.remove_prefix(1);
      if (!read_number(text, &second, &outcome)) return Outcome::zone_overflow;
    }
  } else if (text.empty() && size > 3) {
    minute = hour % 100;
    hour /= 100;
  }
  if (hour < 0 || hour > 15 || minute < 0 || minute > 59 || second < 0 || second > 59) return Outcome::zone_overflow;
  const auto total = static_cast<std::int32_t>(hour * 3600 + minute * 60 + second);
  *east = negative ? -total : total;
  return text.empty() ? Outcome::ok : Outcome::bad_format;
}

Error timestamp_range() { return Error::make(sqlstate::datetime_value_out_of_range, "timestamp out of range"); }

Error error_of(Outcome outcome, std::string_view text, std::string_view type) {
  switch (outcome) {
    case Outcome::field_overflow:
      return Error::make(sqlstate::datetime_field_overflow, "date/time field value out of range: \"", text, "\"");
    case Outcome::month_day_overflow:
      return Error::make(sqlstate::datetime_field_overflow, "date/time field value out of range: \"", text, "\"")
          .hint("Perhaps you need a different \"datestyle\" setting.");
    case Outcome::interval_overflow:
      return Error::make(sqlstate::interval_field_overflow, "interval field value out of range: \"", text, "\"");
    case Outcome::zone_overflow:
      return Error::make(sqlstate::invalid_time_zone_displacement_value, "time zone displacement out of range: \"",
                         text, "\"");
    default:
      return Error::make(sqlstate::invalid_datetime_format, "invalid input syntax for type ", type, ": \"", text, "\"");
  }
}

}  // namespace fields

using namespace fields;

namespace {

enum Part : unsigned {
  part_year = 1, part_month = 2, part_day = 4, part_hour = 8, part_minute = 16, part_second = 32, part_zone = 64,
  part_day_of_year = 128, part_era = 256, part_half = 512, part_weekday = 1024, part_dst = 2048,
  parts_date = part_year | part_month | part_day, parts_time = part_hour | part_minute | part_second
};

/// The state of giving meaning to fields.
struct Decoder {
  const TextSettings& settings;
  bool time_only = false;
  unsigned seen = 0;
  Broken value{{0, 0, 0}};
  std::int64_t year = 0;
  std::int32_t month = 0, day = 0, day_of_year = 0, half_day = 0;
  bool text_month = false, two_digits = false, before_christ = false, is_julian = false;
  bool has_offset = false;
  std::int32_t east = 0;
  const TimeZone* zone = nullptr;
  int special = 0;  ///< special_epoch, special_late or special_early

  Outcome number_field(std::string_view text, unsigned known, unsigned* parts) {
    const auto at = [&](std::size_t from, std::size_t count) {
      std::int32_t result = 0;
      for (std::size_t i = from; i < from + count; ++i) result = result * 10 + (text[i] - '0');
      return result;
    };
    const std::size_t point = text.find('.');
    if (point != std::string_view::npos) {
      double fraction = 0;
      if (!read_fraction(text.substr(point), &fraction)) return Outcome::bad_format;
      value.micro = static_cast<std::int32_t>(std::rint(fraction * 1e6));
      text = text.substr(0, point);
    } else if ((known & parts_date) != parts_date && text.size() >= 6) {
      if (text.size() > 13) return Outcome::bad_format;
      *parts = parts_date;
      day = at(text.size() - 2, 2);
      month = at(text.size() - 4, 2);
      year = 0;
      for (std::size_t i = 0; i < text.size() - 4; ++i) year = year * 10 + (text[i] - '0');
      if (text.size() == 6) two_digits = true;
      return Outcome::ok;
    }
    if ((known & parts_time) != parts_time && (text.size() == 6 || text.size() == 4)) {
      *parts = parts_time;
      value.hour = at(0, 2);
      value.minute = at(2, 2);
      value.second = text.size() == 6 ? at(4, 2) : 0;
      return Outcome::ok;
    }
    return Outcome::bad_format;
  }

  Outcome number(std::string_view text, unsigned known, unsigned* parts) {
    const std::size_t size = text.size();
    std::string_view rest = text;
    std::int64_t read = 0;
    Outcome outcome = Outcome::ok;
    if (!read_number(rest, &read, &outcome)) return outcome;
    if (rest.size() == size) return Outcome::bad_format;
    if (!rest.empty() && rest[0] == '.') {
      if (size - rest.size() > 2) return number_field(text, known | parts_date, parts);
      double fraction = 0;
      if (!read_fraction(rest, &fraction)) return Outcome::bad_format;
      value.micro = static_cast<std::int32_t>(std::rint(fraction * 1e6));
    } else if (!rest.empty()) {
      return Outcome::bad_format;
    }
    const auto small = static_cast<std::int32_t>(read);
    if (size == 3 && (known & parts_date) == part_year && read >= 1 && read <= 366) {
      *parts = part_day_of_year | part_month | part_day;
      day_of_year = small;
      return Outcome::ok;
    }
    const auto set = [&](Part part) {
      *parts = part;
      if (part == part_year) { year = read; two_digits = size <= 2; }
      else (part == part_month ? month : day) = small;
      return Outcome::ok;
    };
    switch (known & parts_date) {
      case 0:
        if (size >= 3 || settings.date_order == DateOrder::ymd) return set(part_year);
        return set(settings.date_order == DateOrder::dmy ? part_day : part_month);
      case part_year: return set(part_month);
      case part_month:
        if (text_month && (size >= 3 || settings.date_order == DateOrder::ymd)) return set(part_year);
        return set(part_day);
      case part_year | part_month:
        if (text_month && size >= 3 && two_digits) {
          // What was taken for a year was the day, as in "08 Jan 1999" read by YMD.
          *parts = part_day;
          day = static_cast<std::int32_t>(year);
          year = read;
          two_digits = false;
          return Outcome::ok;
        }
        return set(part_day);
      case part_day: return set(part_month);
      case part_month | part_day: return set(part_year);
      case parts_date: return number_field(text, known, parts);
      default: return Outcome::bad_format;
    }
  }

  /// A date written in one piece: parts separated by anything that is neither letter nor digit.
  Outcome date(std::string_view text, unsigned* parts) {
    std::string_view pieces[25];
    int count = 0;
    unsigned known = seen;
    while (!text.empty()) {
      while (!text.empty() && !is_alnum(text[0])) text.remove_prefix(1);
      if (text.empty() || count == 25) return Outcome::bad_format;
      std::size_t size = 0;
      const bool digits = is_digit(text[0]);
      while (size < text.size() && (digits ? is_digit(text[size]) : is_alpha(text[size]))) ++size;
      pieces[count++] = text.substr(0, size);
      text.remove_prefix(size);
      if (!text.empty()) text.remove_prefix(1);
    }
    for (int i = 0; i < count; ++i) {
      if (!is_alpha(pieces[i][0])) continue;
      const Word word = find_word(pieces[i]);
      pieces[i] = {};
      if (word.kind == WordKind::ignore) continue;
      if (word.kind != WordKind::month || (known & part_month) != 0) return Outcome::bad_format;
      month = word.value;
      text_month = true;
      known |= part_month;
      *parts |= part_month;
    }
    for (int i = 0; i < count; ++i) {
      if (pieces[i].empty()) continue;
      unsigned got = 0;
      const Outcome outcome = number(pieces[i], known, &got);
      if (outcome != Outcome::ok) return outcome;
      if ((known & got) != 0) return Outcome::bad_format;
      known |= got;
      *parts |= got;
    }
    return (known & ~unsigned{part_day_of_year | part_zone}) == parts_date ? Outcome::ok : Outcome::bad_format;
  }

  Outcome word(const Field& field, int* prefix, unsigned* parts) {
    const std::string_view text{field.text, field.size};
    std::int32_t offset = 0;
    if (find_zone_abbreviation(text, &offset)) {
      *parts = part_zone;
      if ((seen & part_zone) != 0 && has_offset && offset == east) { *parts = 0; return Outcome::ok; }
      east = offset;
      has_offset = true;
      return Outcome::ok;
    }
    const Word found = find_word(text);
    switch (found.kind) {
      case WordKind::ignore: return Outcome::ok;
      case WordKind::month:
        if ((seen & part_month) != 0 && !text_month && (seen & part_day) == 0 && month >= 1 && month <= 31) {
          day = month;
          *parts = part_day;
        } else {
          *parts = part_month;
        }
        text_month = true;
        month = found.value;
        return Outcome::ok;
      case WordKind::half_day: *parts = part_half; half_day = found.value; return Outcome::ok;
      case WordKind::era: *parts = part_era; before_christ = found.value == 1; return Outcome::ok;
      case WordKind::weekday: *parts = part_weekday; return Outcome::ok;
      case WordKind::dst: *parts = part_dst; east += 3600; return has_offset ? Outcome::ok : Outcome::bad_format;
      case WordKind::iso_time:
        if (!time_only && (seen & parts_date) != parts_date) return Outcome::bad_format;
        *prefix = 't';
        return Outcome::ok;
      case WordKind::unit:
        if (found.value != unit_julian) return Outcome::bad_format;
        *prefix = 'j';
        return Outcome::ok;
      case WordKind::special: return special_word(found.value, parts);
      case WordKind::unknown: break;
    }
    if (field.kind == FieldKind::special || settings.zones == nullptr) return Outcome::bad_format;
    zone = settings.zones->find(text);
    *parts = part_zone;
    return zone == nullptr ? Outcome::bad_format : Outcome::ok;
  }

  Outcome special_word(int which, unsigned* parts) {
    switch (which) {
      case special_now: case special_today: case special_tomorrow: case special_yesterday: {
        const std::int64_t seconds = floor_div(settings.now, second_us) - std::int64_t{unix_epoch_date} * 86400;
        const std::int32_t offset = settings.zone->at(seconds).offset;
        Broken local = broken_of(settings.now + offset * second_us);
        if (which == special_now) {
          value = local;
          *parts = parts_date | parts_time | part_zone;
          if (time_only) *parts = parts_time;
          east = offset;
          has_offset = true;
        } else {
          if (time_only) return Outcome::bad_format;
          *parts = parts_date;
          const int by = which == special_tomorrow ? 1 : which == special_yesterday ? -1 : 0;
          local.date = civil_of(days_of(local.date.year, local.date.month, local.date.day) + by);
        }
        year = local.date.year;
        month = local.date.month;
        day = local.date.day;
        two_digits = false;
        return Outcome::ok;
      }
      case special_zulu:
        *parts = parts_time | part_zone;
        has_offset = true;
        return Outcome::ok;
      default:
        if (time_only) return Outcome::bad_format;
        special = which;
        return Outcome::ok;
    }
  }

  Outcome zone_name(std::string_view text, unsigned* parts) {
    *parts = part_zone;
    if (find_zone_abbreviation(text, &east)) { has_offset = true; return Outcome::ok; }
    zone = settings.zones == nullptr ? nullptr : settings.zones->find(text);
    return zone == nullptr ? Outcome::unknown_zone : Outcome::ok;
  }

  Outcome field(const Fields& all, int index, int* prefix, unsigned* parts) {
    const Field& it = all.list[index];
    const std::string_view text{it.text, it.size};
    switch (it.kind) {
      case FieldKind::date:
        if ((seen & parts_date) == parts_date || *prefix == 't' || (time_only && !is_digit(text[0])) ||
            (time_only && all.count == 1)) {
          // A zone by name, or a time that is run together with a zone, as in "040506-08".
          if (!is_digit(text[0]) && *prefix == 0) return zone_name(text, parts);
          const std::size_t dash = text.find('-');
          if (dash == std::string_view::npos) return Outcome::bad_format;
          if (time_only && (seen & parts_time) == 0 && text.size() - dash > 3 && *prefix == 0) return date(text, parts);
          Outcome outcome = number_field(text.substr(0, dash), seen | parts_date, parts);
          if (outcome != Outcome::ok) return outcome;
          *prefix = 0;
          outcome = decode_offset(text.substr(dash), &east);
          has_offset = true;
          *parts |= part_zone;
          return outcome;
        }
        return date(text, parts);
      case FieldKind::time: {
        *prefix = 0;
        *parts = parts_time;
        const Outcome outcome = decode_time(text, value);
        if (outcome != Outcome::ok) return outcome;
        return !time_only && overflows(value) ? Outcome::field_overflow : Outcome::ok;
      }
      case FieldKind::zone:
        *parts = part_zone;
        has_offset = true;
        return decode_offset(text, &east);
      case FieldKind::number: return number_or_prefixed(text, prefix, parts);
      case FieldKind::word: case FieldKind::special: return word(it, prefix, parts);
    }
    return Outcome::bad_format;
  }

  Outcome number_or_prefixed(std::string_view text, int* prefix, unsigned* parts) {
    if (*prefix == 'j') {
      *prefix = 0;
      std::int64_t julian = 0;
      Outcome outcome = Outcome::ok;
      std::string_view rest = text;
      if (!read_number(rest, &julian, &outcome)) return outcome;
      const Civil civil = civil_of(julian - julian_of_2000);
      year = civil.year;
      month = civil.month;
      day = civil.day;
      is_julian = true;
      *parts = parts_date;
      double fraction = 0;
      if (!rest.empty()) {
        if (rest[0] != '.' || !read_fraction(rest, &fraction)) return Outcome::bad_format;
        *parts |= parts_time;
        set_time(value, static_cast<std::int64_t>(fraction * 86400e6));
      }
      return Outcome::ok;
    }
    if (*prefix == 't') {
      *prefix = 0;
      return number_field(text, seen | parts_date, parts);
    }
    const std::size_t point = text.find('.');
    if (time_only) {
      if ((seen & parts_time) == parts_time || (seen & parts_date) != 0) return Outcome::bad_format;
      if (point == 0) return Outcome::bad_format;
      return number_field(text, seen | parts_date, parts);
    }
    if (point != std::string_view::npos && (seen & parts_date) == 0) return date(text, parts);
    if (point != std::string_view::npos && point > 2) return number_field(text, seen, parts);
    if (text.size() >= 6 && ((seen & parts_date) == 0 || (seen & parts_time) == 0))
      return number_field(text, seen, parts);
    return number(text, seen, parts);
  }

  static bool overflows(const Broken& b) {
    return b.hour < 0 || b.hour > 24 || b.minute > 59 || b.second > 60 || time_of(b) > day_us;
  }

  Outcome decode(std::string_view text) {
    Fields all;
    if (!split(text, all) || all.count == 0) return Outcome::bad_format;
    int prefix = 0;
    for (int i = 0; i < all.count; ++i) {
      unsigned parts = 0;
      const Outcome outcome = field(all, i, &prefix, &parts);
      if (outcome != Outcome::ok) {
        if (outcome == Outcome::unknown_zone) unknown = settings_copy(all.list[i]);
        return outcome;
      }
      if ((seen & parts) != 0) return Outcome::bad_format;
      seen |= parts;
    }
    if (prefix != 0) return Outcome::bad_format;
    if (special != 0) return seen == 0 ? Outcome::ok : Outcome::bad_format;
    return finish();
  }

  char unknown_text[64] = {};
  std::string_view unknown{};
  std::string_view settings_copy(const Field& it) {
    const std::size_t size = it.size < sizeof unknown_text ? it.size : sizeof unknown_text;
    std::memcpy(unknown_text, it.text, size);
    return {unknown_text, size};
  }

  Outcome finish() {
    if ((seen & part_year) != 0 && !is_julian) {
      if (before_christ) {
        if (year <= 0) return Outcome::field_overflow;
        year = 1 - year;
      } else if (two_digits) {
        year += year < 70 ? 2000 : year < 100 ? 1900 : 0;
      } else if (year <= 0 && (seen & part_zone) == 0) {
        return Outcome::field_overflow;
      } else if (year <= 0) {
        return Outcome::field_overflow;
      }
    }
    if ((seen & part_day_of_year) != 0) {
      const Civil civil = civil_of(days_of(year, 1, 1) + day_of_year - 1);
      month = civil.month;
      day = civil.day;
    }
    if ((seen & part_month) != 0 && (month < 1 || month > 12)) return Outcome::month_day_overflow;
    if ((seen & part_day) != 0 && (day < 1 || day > 31)) return Outcome::month_day_overflow;
    if ((seen & parts_date) == parts_date && day > days_in_month(year, month)) return Outcome::field_overflow;
    if (half_day != 0) {
      if (value.hour > 12) return Outcome::field_overflow;
      if (half_day == 1 && value.hour == 12) value.hour = 0;
      if (half_day == 2 && value.hour != 12) value.hour += 12;
    }
    if ((time_only ? seen & parts_time : seen & parts_date) !=
        (time_only ? unsigned{parts_time} : unsigned{parts_date}))
      return Outcome::bad_format;
    // Run-together times of a date may run over into the days after it, as in PostgreSQL.
    if (time_only && overflows(value)) return Outcome::field_overflow;
    if (year > INT32_MAX) return Outcome::field_overflow;
    value.date = {static_cast<std::int32_t>(year), month, day};
    return Outcome::ok;
  }

  /// Offset from UTC of the local time read, by its own zone or the session's.
  std::int32_t offset() const {
    if (has_offset) return east;
    const TimeZone* by = zone != nullptr ? zone : settings.zone;
    const std::int64_t days = days_of(value.date.year, value.date.month, value.date.day);
    return by->offset_of_local((days - unix_epoch_date) * 86400 + time_of(value) / second_us);
  }
  Error error(Outcome outcome, std::string_view text, std::string_view type) const {
    if (outcome == Outcome::unknown_zone)
      return Error::make(sqlstate::invalid_parameter_value, "time zone \"", unknown, "\" not recognized");
    return error_of(outcome, text, type);
  }
};

Error out_of_range(std::string_view type, std::string_view text) {
  return Error::make(sqlstate::datetime_value_out_of_range, type, " out of range: \"", text, "\"");
}

Result<std::int64_t> parse_moment(std::string_view text, const TextSettings& settings, bool zoned) {
  Decoder decoder{settings};
  const Outcome outcome = decoder.decode(text);
  if (outcome != Outcome::ok)
    return decoder.error(outcome, text, zoned ? "timestamp with time zone" : "timestamp");
  switch (decoder.special) {
    case special_epoch: return std::int64_t{unix_epoch_date} * day_us;
    case special_late: return timestamp_infinity;
    case special_early: return timestamp_minus_infinity;
    default: break;
  }
  const Int128 local =
      Int128{days_of(decoder.value.date.year, decoder.value.date.month, decoder.value.date.day)} * day_us +
      time_of(decoder.value);
  const Int128 moment = zoned ? local - Int128{decoder.offset()} * second_us : local;
  if (moment < timestamp_min || moment >= timestamp_end) return out_of_range("timestamp", text);
  return static_cast<std::int64_t>(moment);
}

}  // namespace

Result<std::int64_t> parse_timestamp(std::string_view text, const TextSettings& settings) {
  return parse_moment(text, settings, false);
}
Result<std::int64_t> parse_timestamptz(std::string_view text, const TextSettings& settings) {
  return parse_moment(text, settings, true);
}

Result<std::int32_t> parse_date(std::string_view text, const TextSettings& settings) {
  Decoder decoder{settings};
  const Outcome outcome = decoder.decode(text);
  if (outcome != Outcome::ok) return decoder.error(outcome, text, "date");
  switch (decoder.special) {
    case special_epoch: return unix_epoch_date;
    case special_late: return date_infinity;
    case special_early: return date_minus_infinity;
    default: break;
  }
  const std::int64_t days = days_of(decoder.value.date.year, decoder.value.date.month, decoder.value.date.day);
  if (days < date_min || days >= date_end) return out_of_range("date", text);
  return static_cast<std::int32_t>(days);
}

Result<std::int64_t> parse_time(std::string_view text, const TextSettings& settings) {
  Decoder decoder{settings, true};
  const Outcome outcome = decoder.decode(text);
  if (outcome != Outcome::ok) return decoder.error(outcome, text, "time");
  return time_of(decoder.value);
}

Result<TimeTz> parse_timetz(std::string_view text, const TextSettings& settings) {
  Decoder decoder{settings, true};
  const Outcome outcome = decoder.decode(text);
  if (outcome != Outcome::ok) return decoder.error(outcome, text, "time with time zone");
  if (!decoder.has_offset && (decoder.seen & parts_date) != parts_date) {
    // Without a date the zone is read as of today.
    const std::int64_t seconds = floor_div(settings.now, second_us) - std::int64_t{unix_epoch_date} * 86400;
    const TimeZone* zone = decoder.zone != nullptr ? decoder.zone : settings.zone;
    return TimeTz{time_of(decoder.value), -zone->at(seconds).offset};
  }
  return TimeTz{time_of(decoder.value), -decoder.offset()};
}

Result<TimeZone> find_zone(std::string_view name, const TextSettings& settings) {
  const std::string_view trimmed = trim_spaces(name);
  char lower[64];
  if (trimmed.size() < sizeof lower) {
    for (std::size_t i = 0; i < trimmed.size(); ++i) lower[i] = to_lower(trimmed[i]);
    const std::string_view key{lower, trimmed.size()};
    std::int32_t offset = 0;
    if (find_zone_abbreviation(key, &offset)) return TimeZone::fixed(offset, name, name);
    if (settings.zones != nullptr)
      if (const TimeZone* zone = settings.zones->find(key)) return *zone;
    if (!key.empty() && (key[0] == '+' || key[0] == '-' || is_digit(key[0]))) {
      // A bare offset is POSIX's: west of UTC is positive.
      char sign = '+';
      std::string_view digits = key;
      if (!is_digit(key[0])) { sign = key[0]; digits.remove_prefix(1); }
      char padded[66] = {sign};
      std::memcpy(padded + 1, digits.data(), digits.size());
      if (decode_offset({padded, digits.size() + 1}, &offset) == Outcome::ok)
        return TimeZone::fixed(-offset, name, name);
    }
  }
  return Error::make(sqlstate::invalid_parameter_value, "time zone \"", name, "\" not recognized");
}

}  // namespace spg::type
