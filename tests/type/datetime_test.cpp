#include "spg/type/datetime.hpp"

#include <fstream>
#include <iterator>

#include "spg/type/datetime_math.hpp"
#include "spg/type/number_text.hpp"
#include "vectors.hpp"

using namespace spg;
using namespace spg::type;
using vectors::Function;
using vectors::Row;

namespace {

/// The zones that the vectors use, from the system's TZif files.
class TestZones : public ZoneSource {
 public:
  TestZones() {
    for (const char* name : {"Europe/Berlin", "America/New_York"}) {
      std::ifstream file(std::string("/usr/share/zoneinfo/") + name, std::ios::binary);
      const std::string bytes{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
      auto zone = TimeZone::read(as_bytes(bytes), name, arena_);
      if (!zone) continue;  // the vectors then fail
      std::string lower = name;
      for (char& c : lower) c = static_cast<char>(std::tolower(c));
      zones_.emplace(lower, *zone);
    }
  }
  const TimeZone* find(std::string_view name) const override {
    std::string lower(name);
    for (char& c : lower) c = static_cast<char>(std::tolower(c));
    const auto found = zones_.find(lower);
    return found == zones_.end() ? nullptr : &found->second;
  }

 private:
  MemoryBudget budget_;
  Arena arena_{budget_};
  std::map<std::string, TimeZone> zones_;
};

const TestZones& zones() {
  static const TestZones all;
  return all;
}

TextSettings with(const std::string& zone, const std::string& style = "ISO", const std::string& order = "MDY") {
  TextSettings s;
  s.zones = &zones();
  if (const TimeZone* found = zones().find(zone)) s.zone = found;
  s.date_style = style == "SQL" ? DateStyle::sql : style == "Postgres" ? DateStyle::postgres
                 : style == "German" ? DateStyle::german : DateStyle::iso;
  s.date_order = order == "DMY" ? DateOrder::dmy : order == "YMD" ? DateOrder::ymd : DateOrder::mdy;
  s.interval_style = style == "postgres_verbose" ? IntervalStyle::postgres_verbose
                     : style == "iso_8601"       ? IntervalStyle::iso_8601
                     : style == "sql_standard"   ? IntervalStyle::sql_standard
                                                 : IntervalStyle::postgres;
  return s;
}
const TextSettings plain = [] { return with("UTC"); }();

template <class T, class Print>
std::string shown(Result<T> result, Arena& arena, Print print) {
  return vectors::outcome(std::move(result), [&](const T& value) {
    TextBuilder out(arena);
    print(value, out);
    return std::string(out.view());
  });
}
std::string date_text(Result<std::int32_t> r, Arena& a, const TextSettings& s = plain) {
  return shown(std::move(r), a, [&](std::int32_t v, TextBuilder& out) { print_date(v, out, s); });
}
std::string timestamp_text(Result<std::int64_t> r, Arena& a, const TextSettings& s = plain) {
  return shown(std::move(r), a, [&](std::int64_t v, TextBuilder& out) { print_timestamp(v, out, s); });
}
std::string timestamptz_text(Result<std::int64_t> r, Arena& a, const TextSettings& s) {
  return shown(std::move(r), a, [&](std::int64_t v, TextBuilder& out) { print_timestamptz(v, out, s); });
}
std::string time_text(Result<std::int64_t> r, Arena& a) {
  return shown(std::move(r), a, [&](std::int64_t v, TextBuilder& out) { print_time(v, out); });
}
std::string interval_text(Result<Interval> r, Arena& a, const TextSettings& s = plain) {
  return shown(std::move(r), a, [&](const Interval& v, TextBuilder& out) { print_interval(v, out, s); });
}
std::string extracted(Result<Extracted> r, Arena& a) {
  if (r && !r->has) return vectors::null_field;
  return shown(std::move(r), a, [&](const Extracted& v, TextBuilder& out) { print_numeric(v.value, out); });
}
std::int64_t moment(const std::string& text, const TextSettings& s = plain) {
  auto r = parse_timestamp(text, s);
  return r ? *r : -1;
}
Interval span(const std::string& text) {
  auto r = parse_interval(text, plain);
  REQUIRE(r);
  return *r;
}

}  // namespace

/// A value that does not parse is the expected error itself.
#define MUST(name, expression)                                      \
  auto name##_read = (expression);                                  \
  if (!name##_read) return vectors::describe(name##_read.error());  \
  const auto name = *name##_read

TEST_CASE("dates and times read and print as PostgreSQL's do") {
  vectors::replay(
      {"datetime"},
      {
          {"date", [](const Row& r, Arena& a) { return date_text(parse_date(r[1], with("UTC", "ISO", r[2])), a); }},
          {"timestamp",
           [](const Row& r, Arena& a) { return timestamp_text(parse_timestamp(r[1], with("UTC", "ISO", r[2])), a); }},
          {"time", [](const Row& r, Arena& a) { return time_text(parse_time(r[1], plain), a); }},
          {"timetz",
           [](const Row& r, Arena& a) {
             return shown(parse_timetz(r[1], plain), a,
                          [](const TimeTz& v, TextBuilder& out) { print_timetz(v, out); });
           }},
          {"timestamptz",
           [](const Row& r, Arena& a) { return timestamptz_text(parse_timestamptz(r[1], with(r[2])), a, with(r[2])); }},
          {"timestamptz_style",
           [](const Row& r, Arena& a) {
             const auto s = with(r[2], r[3]);
             return timestamptz_text(parse_timestamptz(r[1], s), a, s);
           }},
          {"date_style",
           [](const Row& r, Arena& a) {
             const auto s = with("UTC", r[2], r[3]);
             return date_text(parse_date(r[1], s), a, s);
           }},
          {"timestamp_style",
           [](const Row& r, Arena& a) {
             const auto s = with("UTC", r[2], r[3]);
             return timestamp_text(parse_timestamp(r[1], s), a, s);
           }},
          {"timestamp_typmod",
           [](const Row& r, Arena& a) { return timestamp_text(round_timestamp(moment(r[1]), std::stoi(r[2])), a); }},
          {"interval",
           [](const Row& r, Arena& a) {
             return interval_text(parse_interval(r[1], with("UTC", r[2])), a, with("UTC", r[2]));
           }},
      });
}

TEST_CASE("dates and times compute as PostgreSQL's do") {
  const auto extract = [](Result<Extracted> (*f)(std::string_view, std::int64_t, Arena&)) {
    return Function([=](const Row& r, Arena& a) -> std::string {
      MUST(t, parse_timestamp(r[1], plain));
      return extracted(f(r[2], t, a), a);
    });
  };
  const auto justify = [](Result<Interval> (*f)(const Interval&)) {
    return Function([=](const Row& r, Arena& a) { return interval_text(f(span(r[1])), a); });
  };
  const auto combine = [](Result<Interval> (*f)(const Interval&, const Interval&)) {
    return Function([=](const Row& r, Arena& a) { return interval_text(f(span(r[1]), span(r[2])), a); });
  };
  const auto scale = [](Result<Interval> (*f)(const Interval&, double)) {
    return Function([=](const Row& r, Arena& a) { return interval_text(f(span(r[1]), *parse_float8(r[2])), a); });
  };
  const auto between = [](Result<Interval> (*f)(std::int64_t, std::int64_t)) {
    return Function([=](const Row& r, Arena& a) -> std::string {
      MUST(x, parse_timestamp(r[1], plain));
      MUST(y, parse_timestamp(r[2], plain));
      return interval_text(f(x, y), a);
    });
  };
  vectors::replay(
      {"datetime_math"},
      {
          {"timestamp_add",
           [](const Row& r, Arena& a) -> std::string {
             MUST(t, parse_timestamp(r[1], plain));
             return timestamp_text(timestamp_add(t, span(r[2])), a);
           }},
          {"timestamptz_add",
           [](const Row& r, Arena& a) -> std::string {
             const auto s = with("Europe/Berlin");
             MUST(t, parse_timestamptz(r[1], s));
             return timestamptz_text(timestamptz_add(t, span(r[2]), *s.zone), a, s);
           }},
          {"timestamp_sub", between(timestamp_sub)},
          {"age", between(timestamp_age)},
          {"extract_timestamp", extract(extract_timestamp)},
          {"extract_timestamptz",
           [](const Row& r, Arena& a) -> std::string {
             const auto s = with("America/New_York");
             MUST(t, parse_timestamptz(r[1], s));
             return extracted(extract_timestamptz(r[2], t, *s.zone, a), a);
           }},
          {"extract_date",
           [](const Row& r, Arena& a) -> std::string {
             MUST(d, parse_date(r[1], plain));
             return extracted(extract_date(r[2], d, a), a);
           }},
          {"extract_time",
           [](const Row& r, Arena& a) { return extracted(extract_time(r[2], *parse_time(r[1], plain), a), a); }},
          {"extract_interval",
           [](const Row& r, Arena& a) { return extracted(extract_interval(r[2], span(r[1]), a), a); }},
          {"trunc_timestamp",
           [](const Row& r, Arena& a) -> std::string {
             MUST(t, parse_timestamp(r[2], plain));
             return timestamp_text(truncate_timestamp(r[1], t), a);
           }},
          {"trunc_timestamptz",
           [](const Row& r, Arena& a) -> std::string {
             const auto s = with("Europe/Berlin");
             MUST(t, parse_timestamptz(r[2], s));
             return timestamptz_text(truncate_timestamptz(r[1], t, *s.zone), a, s);
           }},
          {"trunc_interval",
           [](const Row& r, Arena& a) { return interval_text(truncate_interval(r[1], span(r[2])), a); }},
          {"date_bin",
           [](const Row& r, Arena& a) -> std::string {
             MUST(t, parse_timestamp(r[2], plain));
             return timestamp_text(date_bin(span(r[1]), t, moment("2001-01-01")), a);
           }},
          {"interval_mul", scale(interval_mul)},
          {"interval_div", scale(interval_div)},
          {"interval_add", combine(interval_add)},
          {"interval_sub", combine(interval_sub)},
          {"justify_hours", justify(justify_hours)},
          {"justify_days", justify(justify_days)},
          {"justify_interval", justify(justify_interval)},
          {"time_add",
           [](const Row& r, Arena& a) { return time_text(time_add(*parse_time(r[1], plain), span(r[2])), a); }},
          {"make_date",
           [](const Row& r, Arena& a) {
             return date_text(make_date(std::stoi(r[1]), std::stoi(r[2]), std::stoi(r[3])), a);
           }},
          {"make_time",
           [](const Row& r, Arena& a) {
             return time_text(make_time(std::stoi(r[1]), std::stoi(r[2]), std::stod(r[3])), a);
           }},
      });
}

TEST_CASE("the clock's words follow the clock that is passed") {
  MemoryBudget budget;
  Arena arena(budget);
  TextSettings s = with("America/New_York");
  s.now = moment("2024-03-01 02:00:00");
  CHECK(date_text(parse_date("today", s), arena) == "2024-02-29");
  CHECK(date_text(parse_date("tomorrow", s), arena) == "2024-03-01");
  CHECK(timestamp_text(parse_timestamp("yesterday 10:00", s), arena) == "2024-02-28 10:00:00");
  CHECK(timestamptz_text(parse_timestamptz("now", s), arena, s) == "2024-02-29 21:00:00-05");
}

TEST_CASE("bytes that are no time zone are refused") {
  MemoryBudget budget;
  Arena arena(budget);
  std::ifstream file("/usr/share/zoneinfo/Europe/Berlin", std::ios::binary);
  const std::string good{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  for (std::size_t size = 0; size < good.size() - 40; size += 7)
    CHECK_FALSE(TimeZone::read(as_bytes(std::string_view(good).substr(0, size)), "x", arena));
  CHECK_FALSE(TimeZone::read(as_bytes("TZif2"), "x", arena));
}

TEST_CASE("overlapping ranges") {
  CHECK(overlaps(1, 5, 4, 8));
  CHECK_FALSE(overlaps(1, 5, 5, 8));
  CHECK(overlaps(5, 1, 2, 3));
  CHECK(overlaps(3, 3, 3, 3));
}
