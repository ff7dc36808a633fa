// What a checkpoint writes encoded is read as it was: by every type, after each of several reopenings, with writes between them
// that go on where decoded chunks, heaps and index nodes end.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "support/database.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using SimDatabase = test::Database<os::SimEnv>;

namespace {

constexpr const char* making[] = {
    ("CREATE TABLE t (id int PRIMARY KEY, i2 smallint, i8 bigint, b boolean, r real, d double precision, n numeric(12,2), w numeric(30,5), u uuid, day date,"
     " at timestamptz, v interval, c char(3), short text, long text, digest text, a int[], free numeric)"),
    "CREATE INDEX t_short ON t (short, id DESC)",
    "CREATE INDEX t_digest ON t (digest)",
    "CREATE INDEX t_day ON t (day)",
};

/// Rows [from, to): constants, sequences, few values, NULLs, extremes.
std::string insert(int from, int to) {
  return "INSERT INTO t SELECT i, i % 7 - 3, CASE i % 50 WHEN 0 THEN 9223372036854775807 WHEN 1 THEN -9223372036854775808 ELSE i::bigint * 1000000007 END, i % 3 = 0,"
         " i / 8.0, CASE i % 40 WHEN 0 THEN 'NaN' WHEN 1 THEN '-0' WHEN 2 THEN 'Infinity' ELSE i / 100.0 END, i * 1.07, i * 12345678901234.5, md5(i::text)::uuid,"
         " '2001-01-01'::date + i / 30, '2001-01-01 00:00+00'::timestamptz + i * interval '37 s', i % 4 * interval '1 day 2 s', 'abc',"
         " CASE WHEN i % 5 <> 0 THEN 'note ' || i % 11 END, repeat('some words ' || i || ' ', i % 9), md5(i::text) || md5((i + 1)::text),"
         " CASE WHEN i % 6 <> 0 THEN ARRAY[i, i % 10, NULL] END, CASE WHEN i % 500 = 3 THEN repeat('7', 6000)::numeric ELSE i / 7::numeric END"
         " FROM generate_series(" + std::to_string(from) + ", " + std::to_string(to - 1) + ") i";
}

constexpr const char* questions[] = {
    "SELECT * FROM t ORDER BY id",
    "SELECT id, short FROM t WHERE short > 'note 3' ORDER BY short, id DESC",
    "SELECT id FROM t WHERE digest = md5('77') || md5('78')",
    "SELECT day, count(*), sum(n), min(w), max(u::text), sum(length(long)) FROM t GROUP BY day ORDER BY day",
    "SELECT count(*), count(short), count(a), sum(i8 % 1000), sum(free) FROM t",
    "SELECT * FROM t WHERE id = 1023",
};

std::vector<std::string> answers(SimDatabase& database) {
  std::vector<std::string> all;
  for (const char* question : questions) {
    all.push_back(database.rows(question));
    REQUIRE(all.back().substr(0, 5) != "XX001");
  }
  return all;
}

}  // namespace

TEST_CASE("rows of all types survive checkpoints, and what is written behind them") {
  const std::string steps[] = {
      insert(0, 1),
      insert(1, 40),
      insert(40, 1000),
      "UPDATE t SET short = 'changed ' || id, long = long || long, d = -d WHERE id % 9 = 0",
      insert(1000, 2300),
      "DELETE FROM t WHERE id % 10 < 4 AND id > 500",
      "UPDATE t SET i8 = NULL, u = NULL, digest = NULL, b = NULL WHERE id < 300",
      "ALTER TABLE t ADD COLUMN more text DEFAULT 'a default that does not lie in the row'",
      insert(2300, 2301),
      "UPDATE t SET more = NULL WHERE id % 2 = 0",
      "DELETE FROM t WHERE id > 1100",
  };
  os::SimStorage storage, plain_storage;
  SimDatabase never_closed(plain_storage);
  REQUIRE_FALSE(never_closed.open());
  {
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    for (const char* one : making) {
      REQUIRE(database.ask(one).error == "");
      REQUIRE(never_closed.ask(one).error == "");
    }
    REQUIRE_FALSE(database.machine->checkpoint());
  }
  for (const std::string& step : steps) {
    CAPTURE(step);
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    const auto one = database.ask(step), same = never_closed.ask(step);
    REQUIRE(one.message == "");
    REQUIRE(same.message == "");
    const std::vector<std::string> expected = answers(never_closed);
    CHECK(answers(database) == expected);
    REQUIRE_FALSE(database.machine->checkpoint());
    database.close();
    CHECK(database.alloc.used_bytes() == 0);
    SimDatabase again(storage);
    REQUIRE_FALSE(again.open());
    CHECK(answers(again) == expected);
  }
}
