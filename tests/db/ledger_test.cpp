// The ledger of transactions: against a model, across restarts, with a clock that steps back, and before the log is durable.
#include "spg/db/ledger.hpp"

#include <catch2/catch.hpp>

#include <map>

#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/transaction.hpp"
#include "support/database.hpp"

using namespace spg;
using db::Ledger;
using SimDatabase = test::Database<os::SimEnv>;
using SimMachine = txn::Machine<os::SimEnv>;

namespace {

constexpr DatabaseId here{5}, there{6};

struct World {
  explicit World(bool keeps_commit_times = false) : ledger(machine, keeps_commit_times) {
    REQUIRE_FALSE(machine.open());
    REQUIRE_FALSE(ledger.open());
  }
  std::uint64_t draw() { return *ledger.draw(); }
  std::string snapshot(const Ledger::Reading& reading, std::uint64_t own = 0) {
    arena.reset();
    auto body = ledger.snapshot(reading, own, arena);
    if (!body) return test::answer_of(body.error()).error;
    TextBuilder out(arena);
    type::print_snapshot(*body, out);
    return std::string(out.view());
  }
  Ledger::Fate fate(std::uint64_t number) { return *ledger.fate(number, UINT64_MAX); }

  os::SimStorage storage;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  SimMachine machine{storage, clock, alloc, random, {}};
  Ledger ledger;
  MemoryBudget budget;
  Arena arena{budget};
};

std::uint64_t number_of(const std::string& rows) { return std::stoull(rows); }

/// One statement on a session of its own, up to where it would wait for the log.
db::Progress run_to_wait(db::Session& session, std::string_view text) {
  session.start_query(text);
  for (auto where = db::Where::reactor;;) {
    auto progress = session.run(where);
    REQUIRE(progress);
    if (*progress != db::Progress::wants_worker) return *progress;
    where = db::Where::worker;
  }
}

}  // namespace

TEST_CASE("snapshots of the ledger are those of a model") {
  struct Known { bool ended = false, committed = false; std::uint64_t end = 0, position = 0; DatabaseId database{}; };
  for (std::uint64_t seed = 1; seed <= 30; ++seed) {
    CAPTURE(seed);
    World world;
    os::SimChance chance(seed);
    std::map<std::uint64_t, Known> all;
    std::vector<std::uint64_t> running;
    std::uint64_t ends = 0, position = 0, highest = 0;
    // Positions are handed out in commit order, ends come a little out of it.
    for (int step = 0; step < 400; ++step) {
      if (chance.below(2) == 0 || running.empty()) {
        running.push_back(world.draw());
        all[running.back()] = {};
      } else {
        const std::size_t at = chance.below(running.size());
        const std::uint64_t number = running[at];
        running.erase(running.begin() + static_cast<std::ptrdiff_t>(at));
        Known& one = all[number];
        one = {true, chance.below(4) != 0, ++ends, 0, chance.below(3) == 0 ? there : here};
        position += 10;
        if (one.committed && chance.below(4) != 0) one.position = position - 15 * chance.below(2);
        world.ledger.end(number, {one.committed, one.database, one.position});
        highest = std::max(highest, number);
      }
      if (chance.below(3) != 0) continue;
      const Ledger::Reading reading{world.ledger.now(), here, position - std::min<std::uint64_t>(position, 10 * chance.below(6))};
      REQUIRE(reading.moment.ended == ends);
      std::vector<std::uint64_t> unseen;
      for (const auto& [number, one] : all) {
        const bool has_place = one.position != 0 && one.database == here;
        if (number <= highest && !(one.ended && (!has_place || one.position <= reading.position))) unseen.push_back(number);
      }
      const std::uint64_t xmax = ends == 0 ? Ledger::first_normal : highest + 1;
      std::string expected = std::to_string(unseen.empty() ? xmax : unseen[0]) + ":" + std::to_string(xmax) + ":";
      for (std::size_t i = 0; i < unseen.size(); ++i) expected += (i == 0 ? "" : ",") + std::to_string(unseen[i]);
      REQUIRE(world.snapshot(reading) == expected);
    }
  }
}

TEST_CASE("a snapshot is of its moment, whenever it is asked for") {
  World world;
  const std::uint64_t a = world.draw(), b = world.draw(), c = world.draw();
  world.ledger.end(c, {true, here, 100});
  const Ledger::Reading reading{world.ledger.now(), here, 100};
  const std::string then = world.snapshot(reading);
  REQUIRE(then == "3:6:3,4");
  world.ledger.end(a, {true, here, 0});
  world.ledger.end(b, {true, here, 110});
  world.ledger.end(world.draw(), {false, here, 0});
  REQUIRE(world.snapshot(reading) == then);
  REQUIRE(world.snapshot({world.ledger.now(), here, 100}) == "4:7:4");  // the version is still without b
  REQUIRE(world.snapshot({world.ledger.now(), there, 0}) == "7:7:");    // in another database b has no place
  REQUIRE(world.snapshot({world.ledger.now(), here, 110}) == "7:7:");
}

TEST_CASE("what the ledger has forgotten is not guessed at") {
  World world;
  const std::uint64_t first = world.draw(), runs = world.draw();
  world.ledger.end(first, {true, here, 1});
  const Ledger::Reading early{world.ledger.now(), here, 1};
  for (std::size_t i = 0; i < Ledger::ends_max; ++i) world.ledger.end(world.draw(), {true, there, 2 + i});
  REQUIRE(world.snapshot(early) == "4:4:");
  REQUIRE(world.fate(first) == Ledger::Fate::committed);
  world.ledger.end(world.draw(), {true, there, 1'000'000});
  REQUIRE(world.snapshot(early) == "72000");
  // One that began later, but reads a version from before what has been forgotten.
  REQUIRE(world.snapshot({world.ledger.now(), here, 0}) == "72000");
  const std::uint64_t next = world.draw();
  REQUIRE(world.snapshot({world.ledger.now(), here, 1}) == "4:" + std::to_string(next) + ":4");
  world.ledger.end(next, {false, here, 0});
  while (world.draw() < first + Ledger::fates_max) world.ledger.end(world.draw(), {});
  REQUIRE(world.fate(first) == Ledger::Fate::unknown);
  REQUIRE(world.fate(runs) == Ledger::Fate::in_progress);
  REQUIRE(world.fate(next) == Ledger::Fate::aborted);
}

TEST_CASE("commit times never decrease in commit order") {
  World world(true);
  std::map<std::uint64_t, std::int64_t> times;  // by position
  os::SimChance chance(7);
  std::vector<std::pair<std::uint64_t, std::uint64_t>> open;  // number, position: the order in which they were published
  std::uint64_t position = 0, last = 0;
  for (int step = 0; step < 3000; ++step) {
    open.emplace_back(world.draw(), position += 1 + chance.below(50));
    last = open.back().first;
    if (open.size() < 5 && step < 2990) continue;
    std::swap(open[0], open[chance.below(open.size())]);  // threads tell the ledger a little out of order
    const auto [number, at] = open[0];
    open.erase(open.begin());
    world.clock.step_wall_us(static_cast<std::int64_t>(chance.below(2'000'000)) - 1'000'000);
    world.ledger.end(number, {true, here, at});
    const auto found = world.ledger.commit_time(static_cast<std::uint32_t>(number));
    REQUIRE(found.has_value());
    REQUIRE(found->number == number);
    times[at] = found->time_us;
  }
  while (!open.empty()) {
    world.ledger.end(open.back().first, {true, here, open.back().second});
    times[open.back().second] = world.ledger.commit_time(static_cast<std::uint32_t>(open.back().first))->time_us;
    open.pop_back();
  }
  std::int64_t before = INT64_MIN;
  for (const auto& [at, time_us] : times) {
    CAPTURE(at);
    REQUIRE(time_us >= before);
    before = time_us;
  }
  REQUIRE(world.ledger.last_commit()->number == last);
  const std::uint64_t rolled_back = world.draw();
  world.ledger.end(rolled_back, {});
  REQUIRE_FALSE(world.ledger.commit_time(static_cast<std::uint32_t>(rolled_back)).has_value());
}

TEST_CASE("a session's commit times") {
  os::SimStorage storage;
  SimDatabase database(storage);
  database.instance_options.track_commit_timestamp = true;
  REQUIRE_FALSE(database.open());
  REQUIRE(database.rows("SHOW track_commit_timestamp") == "on\n");
  REQUIRE(database.rows("SELECT * FROM pg_last_committed_xact()") == "NULL\tNULL\tNULL\n");
  std::string before = "2000";
  for (int i = 0; i < 20; ++i) {
    database.clock.step_wall_us(-5'000'000);
    // With commit times on, who writes has a number, asked for or not.
    REQUIRE(database.ask(i == 0 ? "CREATE TABLE t (a int)" : "INSERT INTO t VALUES (1)").error.empty());
    const std::string time = database.rows("SELECT timestamp FROM pg_last_committed_xact()");
    REQUIRE(time.starts_with("20"));
    REQUIRE(time >= before);
    REQUIRE(database.rows("SELECT roident, timestamp = pg_xact_commit_timestamp(xid), timestamp < now() + interval '1 day' FROM pg_last_committed_xact()") == "0\tt\tt\n");
    before = time;
  }
  REQUIRE(database.ask("BEGIN").error.empty());
  const std::string xid = std::to_string(number_of(database.rows("SELECT txid_current()")));
  REQUIRE(database.rows("SELECT pg_xact_commit_timestamp('" + xid + "')") == "NULL\n");
  REQUIRE(database.ask("COMMIT").error.empty());
  REQUIRE(database.rows("SELECT xid FROM pg_last_committed_xact()") == xid + "\n");
  REQUIRE(database.rows("SELECT pg_xact_commit_timestamp('" + xid + "') IS NULL, (SELECT timestamp FROM pg_xact_commit_timestamp_origin('" + xid + "')) IS NULL") == "f\tf\n");
}

TEST_CASE("no number is drawn twice, whatever ends the server") {
  os::SimStorage storage;
  os::SimChance chance(3);
  std::uint64_t highest = 0;
  std::string log_end = "0/0";
  for (int start = 0; start < 6; ++start) {
    CAPTURE(start);
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    // Every one of them leaves no trace on the disk: it only asks, or it is rolled back.
    for (int i = 0; i < 5; ++i) {
      const std::uint64_t number = number_of(database.rows("SELECT txid_current()"));
      REQUIRE(number > highest);
      highest = number;
      REQUIRE(database.rows("SELECT txid_status(" + std::to_string(number) + ")") == "committed\n");
      REQUIRE(database.ask("BEGIN; CREATE TABLE t (a int); SELECT pg_current_xact_id(); ROLLBACK").error.empty());
    }
    highest = number_of(database.rows("SELECT txid_current()"));
    // Of an earlier run nothing is known; of the future there is nothing to know.
    REQUIRE(database.rows("SELECT txid_status(" + std::to_string(highest + 1) + ")") == "22023 transaction ID " + std::to_string(highest + 1) + " is in the future");
    if (start != 0) REQUIRE(database.rows("SELECT txid_status(3)") == "NULL\n");
    REQUIRE(database.rows("SELECT pg_snapshot_xmax(pg_current_snapshot())") == std::to_string(highest + 1) + "\n");
    // Nor does a place in the log come again: what is appended here is lost with the power, unless it was synced.
    REQUIRE(database.rows("SELECT pg_current_wal_insert_lsn() > '" + log_end + "', pg_current_wal_flush_lsn() > '" + log_end + "'") == "t\tt\n");
    REQUIRE(database.ask("CREATE TABLE kept" + std::to_string(start) + " (a int)").error.empty());
    REQUIRE(run_to_wait(*database.session, "CREATE TABLE lost" + std::to_string(start) + " (a int)") == db::Progress::waits_durable);
    auto other = db::Session::open(*database.instance, "bench", "postgres", database.sink);
    REQUIRE(other);
    database.session = std::move(*other);
    log_end = database.rows("SELECT pg_current_wal_insert_lsn()");
    log_end.pop_back();
    REQUIRE(database.rows("SELECT pg_current_wal_flush_lsn() < '" + log_end + "'") == "t\n");
    storage.power_cycle(chance, os::Survival::none);
  }
}

TEST_CASE("a commit is seen, and told of, once it is durable") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("CREATE TABLE t (x bigint)").error.empty());
  test::TextSink sink;
  auto writer = *db::Session::open(*database.instance, "bench", "postgres", sink);
  const std::uint64_t number = number_of(database.rows("SELECT txid_current()")) + 1;
  const std::string before = database.rows("SELECT pg_current_wal_insert_lsn()");
  REQUIRE(run_to_wait(*writer, "INSERT INTO t VALUES (txid_current())") == db::Progress::waits_durable);
  // Its number has been drawn and the transaction has published, but the log has not been synced.
  (void)database.rows("SELECT txid_current()");
  const std::string x = std::to_string(number);
  const std::string ask = "SELECT txid_status(" + x + "), txid_visible_in_snapshot(" + x + ", txid_current_snapshot()), (SELECT count(*) FROM t)";
  REQUIRE(database.rows(ask) == "in progress\tf\t0\n");
  REQUIRE(database.rows("SELECT txid_snapshot_xip(txid_current_snapshot())") == x + "\n");
  REQUIRE(database.rows("SELECT pg_current_wal_flush_lsn() < pg_current_wal_insert_lsn(), pg_current_wal_lsn() = pg_current_wal_flush_lsn(), pg_current_wal_insert_lsn() > '" +
                        before.substr(0, before.size() - 1) + "'") == "t\tt\tt\n");
  // A transaction that keeps its version keeps the snapshot, too: it has not asked for it yet.
  REQUIRE(database.ask("BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT 1").error.empty());
  REQUIRE_FALSE(database.machine->flush());
  REQUIRE(*writer->run(db::Where::reactor) == db::Progress::done);
  REQUIRE(database.rows(ask) == "committed\tf\t0\n");
  REQUIRE(database.ask("COMMIT").error.empty());
  REQUIRE(database.rows(ask) == "committed\tt\t1\n");
  REQUIRE(database.rows("SELECT pg_current_wal_flush_lsn() = pg_current_wal_insert_lsn()") == "t\n");
}
