// Statements that begin on a reactor and meet cold objects.
#include <catch2/catch.hpp>

#include "spg/os/sim/sim.hpp"
#include "spg/profile/memory.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "support/database.hpp"

using namespace spg;

TEST_CASE("a result whose beginning has left goes on when it meets a cold object") {
  os::SimStorage storage;
  test::Database<os::SimEnv> database(storage);
  REQUIRE_FALSE(database.open());
  // Statistics take k for selective: the plan counts as short and starts on the reactor.
  REQUIRE(database.ask("CREATE TABLE skewed (id int PRIMARY KEY, k int, body text)").error.empty());
  REQUIRE(database.ask("CREATE INDEX ON skewed (k)").error.empty());
  REQUIRE(database.ask("INSERT INTO skewed SELECT g, 1, repeat('x', 100) || g FROM generate_series(1, 1500) g").error.empty());
  std::string expected;
  for (int i = 1; i <= 1500; ++i) expected += std::string(100, 'x') + std::to_string(i) + "\n";
  database.sink.full_lines = 100;
  int sent_before_cold = 0;
  for (std::uint64_t one_in = 2; one_in < 20'000; one_in += one_in / 3 + 1) {
    CAPTURE(one_in);
    database.random.set_cold_one_in(one_in);
    REQUIRE(database.rows("SELECT body FROM skewed WHERE k = 1") == expected);
    sent_before_cold += database.moved_after_output;
  }
  CHECK(sent_before_cold > 0);
}
