// What a reply shows is durable before it is told, errors included; and a connection goes on when the log has broken.
#include <catch2/catch.hpp>

#include "spg/db/database.hpp"
#include "spg/os/sim/sim.hpp"
#include "support/database.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;

namespace {

struct Sim {
  Sim() : machine(disk, clock, alloc, random, options()) { REQUIRE_FALSE(machine.open()); }
  static txn::MachineOptions options() {
    txn::MachineOptions options;
    options.database_path = "d/db";
    options.log_path = "d/wal";
    return options;
  }
  bool is_all_durable() { return machine.is_durable(machine.log().position()); }

  os::SimStorage disk;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  txn::Machine<os::SimEnv> machine;
};

std::string code_of(const Error& error) {
  const auto text = sqlstate_text(error.code());
  return {text.data(), 5};
}

}  // namespace

TEST_CASE("an error that shows another's commit is held until that is durable") {
  Sim sim;
  auto instance = db::Instance::open(sim.machine, {}).value();
  test::TextSink sinks[2];
  std::unique_ptr<db::Session> sessions[2];
  for (int i = 0; i < 2; ++i) {
    sessions[i] = db::Session::open(*instance, "bench", "postgres", sinks[i]).value();
    sessions[i]->let_caller_hold_replies();
  }
  const auto ask = [&](int who, std::string_view text) -> std::string {
    sessions[who]->start_query(text);
    for (;;) {
      auto progress = sessions[who]->run(db::Where::worker);
      if (!progress) return code_of(progress.error());
      if (*progress == db::Progress::done) return {};
      if (*progress != db::Progress::wants_worker) return "waits";
    }
  };
  REQUIRE(ask(0, "CREATE TABLE t (id int PRIMARY KEY)") == "");
  REQUIRE_FALSE(sim.machine.flush());
  REQUIRE(ask(0, "INSERT INTO t VALUES (1)") == "");
  REQUIRE_FALSE(sim.is_all_durable());

  SECTION("of one statement") {
    REQUIRE(ask(1, "INSERT INTO t VALUES (1)") == "23505");
    REQUIRE_FALSE(sim.machine.is_durable(sessions[1]->reply_floor()));
  }
  SECTION("of several statements in one query") {
    REQUIRE(ask(1, "SELECT 1; INSERT INTO t VALUES (1)") == "23505");
    REQUIRE_FALSE(sim.machine.is_durable(sessions[1]->reply_floor()));
  }
  SECTION("a block's is provisional, as the block is; what ends it is not") {
    REQUIRE(ask(1, "BEGIN") == "");
    REQUIRE(ask(1, "INSERT INTO t VALUES (1)") == "23505");
    REQUIRE(sim.machine.is_durable(sessions[1]->reply_floor()));
    REQUIRE(ask(1, "ROLLBACK") == "");
    REQUIRE_FALSE(sim.machine.is_durable(sessions[1]->reply_floor()));
  }
  SECTION("not of sessions that do not wait for their commits either") {
    REQUIRE(ask(1, "SET synchronous_commit = off") == "");
    REQUIRE(ask(1, "INSERT INTO t VALUES (1)") == "23505");
    REQUIRE(sim.machine.is_durable(sessions[1]->reply_floor()));
  }
  SECTION("one that has met nothing waits for nothing") {
    REQUIRE(ask(1, "SELEC") == "42601");
    REQUIRE(sim.machine.is_durable(sessions[1]->reply_floor()));
  }
  REQUIRE_FALSE(sim.machine.flush());
  REQUIRE(sim.machine.is_durable(sessions[1]->reply_floor()));
}

TEST_CASE("an embedded connection's error waits for the commit that it shows") {
  Sim sim;
  Database database = Database::over(sim.machine, {}).value();
  Connection one = database.connect().value(), other = database.connect().value();
  one.execute("CREATE TABLE t (id int PRIMARY KEY)").value();
  one.execute("SET synchronous_commit = off").value();
  one.execute("INSERT INTO t VALUES (1)").value();
  REQUIRE_FALSE(sim.is_all_durable());
  SECTION("by text") { REQUIRE(code_of(other.execute("INSERT INTO t VALUES (1)").error()) == "23505"); }
  SECTION("with parameters") { REQUIRE(code_of(other.execute("INSERT INTO t VALUES ($1)", 1).error()) == "23505"); }
  REQUIRE(sim.is_all_durable());
}

TEST_CASE("an embedded connection goes on after the log has broken") {
  Sim sim;
  Database database = Database::over(sim.machine, {}).value();
  Connection connection = database.connect().value(), other = database.connect().value();
  connection.execute("CREATE TABLE t (id int PRIMARY KEY)").value();
  sim.disk.fail_at(1, sqlstate::io_error, true);
  SECTION("by text") { REQUIRE(code_of(connection.execute("INSERT INTO t VALUES (1)").error()) == "08007"); }
  SECTION("with parameters") { REQUIRE(code_of(connection.execute("INSERT INTO t VALUES ($1)", 1).error()) == "08007"); }
  REQUIRE(sim.machine.log_is_broken());
  REQUIRE(code_of(connection.execute("SELECT 1").error()) == "08007");
  REQUIRE_FALSE(connection.execute("INSERT INTO t VALUES (2)").has_value());
  REQUIRE(other.execute("SELECT count(*) FROM t").value()[0][0].as<int>().value() == 0);
}

TEST_CASE("what a failed write of the log takes with it is refused, and all others go on") {
  Sim sim;
  {
    Database database = Database::over(sim.machine, {}).value();
    Connection writer = database.connect().value(), other = database.connect().value(), lax = database.connect().value();
    const auto ids = [&](Connection& connection) {
      std::string text;
      Rows rows = connection.execute("SELECT id FROM t ORDER BY id").value();
      for (const auto& row : rows) text += row[0].as<std::string>().value() + " ";
      return text;
    };
    writer.execute("CREATE TABLE t (id int PRIMARY KEY, v int)").value();
    writer.execute("INSERT INTO t VALUES (1, 1), (2, 2)").value();
    lax.execute("SET synchronous_commit = off").value();

    SECTION("the commit itself") {
      sim.disk.fail_at(1, sqlstate::io_error);
      REQUIRE(code_of(writer.execute("INSERT INTO t VALUES (3, 3)").error()) == "53100");
    }
    SECTION("commits that nobody waits for") {
      lax.execute("INSERT INTO t VALUES (3, 3)").value();
      lax.execute("DELETE FROM t WHERE id = 1").value();
      lax.execute("CREATE TABLE gone (a int)").value();
      lax.execute("TRUNCATE t").value();
      sim.disk.fail_at(1, sqlstate::io_error);
      REQUIRE(sim.machine.flush().failed());
      REQUIRE(code_of(lax.execute("SELECT * FROM gone").error()) == "42P01");
    }
    SECTION("who has built on one") {
      lax.execute("UPDATE t SET v = 10 WHERE id = 1").value();
      other.execute("BEGIN").value();
      other.execute("UPDATE t SET v = v + 1 WHERE id = 1").value();
      writer.execute("BEGIN").value();
      writer.execute("SELECT * FROM t").value();  // what is durable
      sim.disk.fail_at(1, sqlstate::io_error);
      REQUIRE(sim.machine.flush().failed());
      writer.execute("UPDATE t SET v = 3 WHERE id = 2").value();
      writer.execute("COMMIT").value();
      SECTION("at the next statement") { REQUIRE(code_of(other.execute("SELECT 1").error()) == "40001"); }
      SECTION("at COMMIT") { REQUIRE(code_of(other.execute("COMMIT").error()) == "40001"); }
      other.execute("ROLLBACK").value();
      REQUIRE(other.execute("SELECT sum(v) FROM t").value()[0][0].as<int>().value() == 4);
    }
    REQUIRE_FALSE(sim.machine.log_is_broken());
    REQUIRE(ids(writer) == "1 2 ");
    REQUIRE(ids(other) == "1 2 ");
    writer.execute("INSERT INTO t VALUES (4, 4)").value();
    REQUIRE_FALSE(sim.machine.checkpoint());
    writer.execute("INSERT INTO t VALUES (5, 5)").value();
    REQUIRE(ids(lax) == "1 2 4 5 ");
  }
  os::SimStorage after;
  after.copy_from(sim.disk);
  os::SimChance chance(7);
  after.power_cycle(chance, os::Survival::none);
  txn::Machine<os::SimEnv> machine(after, sim.clock, sim.alloc, sim.random, Sim::options());
  REQUIRE_FALSE(machine.open());
  Database database = Database::over(machine, {}).value();
  Connection connection = database.connect().value();
  REQUIRE(connection.execute("SELECT count(*), sum(id) FROM t").value()[0][1].as<int>().value() == 12);
}
