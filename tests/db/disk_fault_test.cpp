// The n-th disk call fails (once, or for good, or the power goes) while SQL statements and checkpoints run: what was
// acknowledged is there after reopening, no transaction is there by half, and every error says what it is.
#include <catch2/catch.hpp>

#include <map>
#include <string>

#include "spg/os/sim/sim.hpp"
#include "support/database.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;

namespace {

using SimDatabase = Database<os::SimEnv>;

/// What the client knows: for every transaction whether it was acknowledged, refused, or is in doubt.
struct Expected {
  enum class Fate { acknowledged, refused, in_doubt };
  std::map<int, Fate> transactions;  ///< number -> fate; transaction n inserts rows (n, 1) and (n, 2)
  std::string unexpected;
};

bool is_disk_error(const std::string& code) { return code == "53100" || code == "58030" || code == "08007"; }

/// Two rows per transaction, by several kinds of statement, with checkpoints in between. Stops once the log is broken.
Expected run(SimDatabase& database, int count) {
  Expected expected;
  for (int n = 1; n <= count; ++n) {
    const std::string id = std::to_string(n);
    Answer answer;
    switch (n % 4) {
      case 0: answer = database.ask("INSERT INTO t VALUES (" + id + ", 1), (" + id + ", 2)"); break;
      case 1: answer = database.ask("COPY t FROM STDIN", id + "\t1\n" + id + "\t2\n"); break;
      case 2: answer = database.ask("INSERT INTO t VALUES (" + id + ", 1); INSERT INTO t SELECT " + id + ", 2"); break;
      default:
        answer = database.ask("BEGIN");
        if (answer.error.empty()) answer = database.ask("INSERT INTO t VALUES (" + id + ", 1)");
        if (answer.error.empty()) answer = database.ask("INSERT INTO t VALUES (" + id + ", 2)");
        if (answer.error.empty()) answer = database.ask("COMMIT");
        else (void)database.ask("ROLLBACK");
    }
    using Fate = Expected::Fate;
    expected.transactions[n] = answer.error.empty() ? Fate::acknowledged : answer.error == "08007" ? Fate::in_doubt : Fate::refused;
    if (!answer.error.empty() && !is_disk_error(answer.error)) expected.unexpected += answer.error + " " + answer.message + "\n";
    if (n % 10 == 5)
      if (Status failed = database.machine->checkpoint(); failed && !is_disk_error(answer_of(failed).error)) expected.unexpected += std::string(failed.message()) + "\n";
  }
  // Reading goes on, whatever happened to the disk.
  const Answer read = database.ask("SELECT count(*) FROM t");
  if (!read.error.empty() && !is_disk_error(read.error)) expected.unexpected += "reading: " + read.error + " " + read.message + "\n";
  return expected;
}

std::string compare(SimDatabase& database, const Expected& expected) {
  const Answer answer = database.ask("SELECT n, count(*) FROM t GROUP BY n ORDER BY n");
  if (!answer.error.empty()) return answer.error + " " + answer.message;
  std::map<int, int> rows;
  for (const std::string& line : database.sink.lines) rows[std::atoi(line.c_str())] = std::atoi(line.c_str() + line.find('\t'));
  for (const auto& [n, fate] : expected.transactions) {
    const int found = rows[n];
    using Fate = Expected::Fate;
    if (found != 0 && found != 2) return "half of transaction " + std::to_string(n);
    if (fate == Fate::acknowledged && found != 2) return "acknowledged transaction " + std::to_string(n) + " is lost";
    if (fate == Fate::refused && found != 0) return "refused transaction " + std::to_string(n) + " is there";
  }
  return database.rows("SELECT count(*) FROM t WHERE n IS NULL OR part NOT IN (1, 2)") == "0\n" ? "" : "garbage";
}

enum class Fault { once, for_good, full_disk, power };

void fail_each(Fault fault) {
  constexpr int transactions = 24;
  std::uint64_t steps = 0;
  {
    os::SimStorage storage;
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    REQUIRE(database.ask("CREATE TABLE t (n int, part int, PRIMARY KEY (n, part))").error == "");
    const std::uint64_t before = storage.steps();
    const Expected expected = run(database, transactions);
    REQUIRE(expected.unexpected == "");
    REQUIRE(compare(database, expected) == "");
    steps = storage.steps() - before;
  }
  REQUIRE(steps > 40);
  for (std::uint64_t n = 1; n <= steps; ++n) {
    CAPTURE(static_cast<int>(fault), n, steps);
    os::SimStorage storage;
    os::SimChance chance(n);
    Expected expected;
    {
      SimDatabase database(storage);
      REQUIRE_FALSE(database.open());
      REQUIRE(database.ask("CREATE TABLE t (n int, part int, PRIMARY KEY (n, part))").error == "");
      if (fault == Fault::power) storage.cut_power_at(n);
      else storage.fail_at(n, fault == Fault::full_disk ? sqlstate::disk_full : sqlstate::io_error, fault == Fault::for_good);
      expected = run(database, transactions);
      REQUIRE(expected.unexpected == "");
      storage.fail_at(0, sqlstate::io_error);
      storage.cut_power_at(0);
    }
    if (fault == Fault::power || n % 2 == 0) storage.power_cycle(chance, os::Survival::torn);
    SimDatabase again(storage);
    Status failed = again.open();
    if (failed) FAIL("reopening: " << std::string(failed.message()));
    REQUIRE(compare(again, expected) == "");
    REQUIRE(again.ask("INSERT INTO t VALUES (1000, 1)").error == "");
  }
}

}  // namespace

TEST_CASE("one disk call fails under SQL") { fail_each(Fault::once); }
TEST_CASE("all disk calls fail from one on under SQL") { fail_each(Fault::for_good); }
TEST_CASE("the disk is full for once under SQL") { fail_each(Fault::full_disk); }
TEST_CASE("the power goes under SQL") { fail_each(Fault::power); }
