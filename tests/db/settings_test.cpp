#include <catch2/catch.hpp>

#include "spg/db/settings.hpp"

using namespace spg;
using namespace spg::db;

TEST_CASE("settings are shown as PostgreSQL shows them") {
  struct Row { const char *name, *text, *want; };
  constexpr Row rows[] = {{"work_mem", "65536", "64MB"}, {"work_mem", "100", "100kB"}, {"work_mem", "1GB", "1GB"}, {"statement_timeout", "90000", "90s"},
      {"statement_timeout", "1500", "1500ms"}, {"statement_timeout", "2min", "2min"}, {"statement_timeout", "0", "0"}, {"extra_float_digits", "-3", "-3"},
      {"enable_seqscan", "f", "off"}, {"bytea_output", "ESCAPE", "escape"}, {"DateStyle", "german", "German, DMY"}, {"datestyle", "ISO, dmy", "ISO, DMY"},
      {"client_encoding", "utf-8", "UTF8"}, {"client_encoding", "latin1", "LATIN1"}, {"random_page_cost", "1.1", "1.1"}, {"synchronous_commit", "false", "off"}};
  for (const Row& row : rows) {
    CAPTURE(row.name, row.text);
    Settings settings;
    REQUIRE_FALSE(settings.set(row.name, row.text, Settings::Source::user));
    CHECK(settings.value(row.name) == row.want);
  }
}

TEST_CASE("bad values and names are refused with PostgreSQL's words") {
  struct Row { const char *name, *text, *message; };
  constexpr Row rows[] = {{"enable_seqscan", "maybe", "parameter \"enable_seqscan\" requires a Boolean value"},
      {"work_mem", "1", "1 kB is outside the valid range for parameter \"work_mem\" (64 .. 2147483647)"},
      {"work_mem", "x", "invalid value for parameter \"work_mem\": \"x\""},
      {"bytea_output", "x", "invalid value for parameter \"bytea_output\": \"x\""},
      {"nothing", "x", "unrecognized configuration parameter \"nothing\""},
      {"server_version", "16", "parameter \"server_version\" cannot be changed"},
      {"max_connections", "5", "parameter \"max_connections\" cannot be changed without restarting the server"}};
  for (const Row& row : rows) {
    CAPTURE(row.name);
    Settings settings;
    Status failed = settings.set(row.name, row.text, Settings::Source::user);
    REQUIRE(failed);
    CHECK(failed.message() == row.message);
  }
}

TEST_CASE("SET LOCAL ends with the transaction, and rollback takes back both") {
  Settings settings;
  auto set = [&](const char* value, bool local) { REQUIRE_FALSE(settings.set("work_mem", value, Settings::Source::user, local)); };
  set("1MB", true);
  CHECK(settings.value("work_mem") == "1MB");
  settings.commit();
  CHECK(settings.value("work_mem") == "4MB");
  set("2MB", false);
  set("1MB", true);
  settings.commit();
  CHECK(settings.value("work_mem") == "2MB");
  set("1MB", true);
  set("8MB", false);
  settings.commit();
  CHECK(settings.value("work_mem") == "8MB");
  const std::size_t mark = settings.mark();
  set("16MB", false);
  settings.undo_to(mark);
  CHECK(settings.value("work_mem") == "8MB");
  CHECK(settings.number("work_mem") == 8192);
  REQUIRE_FALSE(settings.reset("work_mem"));
  CHECK(settings.value("work_mem") == "4MB");
  int reported = 0;
  REQUIRE_FALSE(settings.set("application_name", "psql", Settings::Source::user));
  settings.report_changes([&](std::string_view name, std::string_view value) { reported += name == "application_name" && value == "psql"; });
  CHECK(reported == 1);
}
