// BACKUP TO as a statement: who may, when, with which options, what the client hears; and what is read of the backup.
#include <catch2/catch.hpp>

#include <string>

#include "spg/os/sim/sim.hpp"
#include "support/database.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;

namespace {

using SimDatabase = Database<os::SimEnv>;

std::string told(const Answer& answer) { return answer.error + " " + answer.message; }

}  // namespace

TEST_CASE("BACKUP TO: its tag, its options, and where it is refused") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, 'note ' || i FROM generate_series(1, 2000) i").error == "");
  REQUIRE(database.ask("BACKUP TO 'b/one'").error == "");
  CHECK(database.sink.tag == "BACKUP");
  REQUIRE(database.sink.notices.size() == 1);
  CHECK(database.sink.notices[0] == "backup: 100 % (1 MB, of which 1 MB were copied)");
  CHECK(told(database.ask("BACKUP TO 'b/one'")) == "58P02 backup \"b/one\" exists already");
  CHECK(told(database.ask("BACKUP TO 'b/one' WITH (replace)")) == " ");
  CHECK(told(database.ask("BACKUP TO 'b/one' WITH (replace off)")) == "58P02 backup \"b/one\" exists already");
  CHECK(told(database.ask("BACKUP TO 'b/one' WITH (replace maybe)")) == "42601 replace requires a Boolean value");
  CHECK(told(database.ask("BACKUP TO 'b/one' WITH (squeeze)")) == "42601 unrecognized BACKUP option \"squeeze\"");
  CHECK(told(database.ask("BACKUP TO 'b/one' WITH (prune)")) == "22023 BACKUP option \"prune\" is for directories, whose path ends with \"/\"");
  CHECK(told(database.ask("BACKUP TO 's/' WITH (replace)")) == "22023 BACKUP option \"replace\" is for files: a directory keeps its older backups");
  CHECK(told(database.ask("BACKUP TO ''")) == "22023 a backup cannot have the path \"\"");
  CHECK(told(database.ask("BACKUP TO 's/' WITH (prune true)")) == " ");
  CHECK(told(database.ask("BACKUP TO 's/' WITH (prune)")) == " ");
  CHECK(database.sink.notices[0] == "backup: 100 % (1 MB, of which 0 MB were copied)");
  CHECK(told(database.ask("BEGIN; BACKUP TO 'b/two'")) == "25001 BACKUP cannot run inside a transaction block");
  REQUIRE(database.ask("ROLLBACK").error == "");
  CHECK(told(database.ask("SELECT 1; BACKUP TO 'b/two'")) == "25001 BACKUP cannot run inside a transaction block");
  REQUIRE(database.ask("SET default_transaction_read_only = on").error == "");
  CHECK(told(database.ask("BACKUP TO 'b/three'")) == " ");  // it changes nothing of the database
  REQUIRE(database.ask("SET default_transaction_read_only = off; CREATE ROLE somebody LOGIN").error == "");
  database.session.reset();
  auto session = db::Session::open(*database.instance, "somebody", "postgres", database.sink);
  REQUIRE(session);
  database.session = std::move(*session);
  CHECK(told(database.ask("BACKUP TO 'b/four'")) == "42501 must be superuser or have privileges of the pg_write_server_files role to BACKUP to a file");
  for (const char* name : {"b/two", "b/four", "b/one.new"}) CHECK_FALSE(storage.open(name, policy::OpenMode::read));
}

TEST_CASE("a database that is a backup answers as the other did, and refuses to be written by its SQLSTATE") {
  os::SimStorage storage;
  const std::string question = "SELECT count(*), sum(id), max(note) FROM t";
  std::string truth;
  {
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    REQUIRE(database.ask("CREATE TABLE t (id int PRIMARY KEY, note text); INSERT INTO t SELECT i, 'note ' || i FROM generate_series(1, 2000) i; CREATE INDEX ON t (note)").error == "");
    truth = database.rows(question);
    REQUIRE(database.ask("BACKUP TO 'd/backup'").error == "");
    REQUIRE(database.ask("DELETE FROM t WHERE id > 10").error == "");
  }
  SimDatabase backup(storage);
  backup.path = "d/backup";
  REQUIRE_FALSE(backup.open());
  CHECK(backup.rows(question) == truth);
  CHECK(backup.rows("SELECT id FROM t WHERE note = 'note 1999'") == "1999\n");
  CHECK(backup.rows("SHOW transaction_read_only") == "on\n");
  CHECK(told(backup.ask("INSERT INTO t VALUES (0, '')")) == "25006 cannot execute INSERT in a read-only transaction");
  CHECK(told(backup.ask("DROP TABLE t")) == "25006 cannot execute DROP TABLE in a read-only transaction");
  CHECK(told(backup.ask("SELECT * FROM t WHERE id = 1 FOR UPDATE")) == "25006 cannot execute SELECT FOR UPDATE in a read-only transaction");
  CHECK(backup.ask("CHECKPOINT").error == "25006");
  CHECK(told(backup.ask("BACKUP TO 'd/copy'")) == " ");
  CHECK(backup.rows(question) == truth);
}

TEST_CASE("a full disk during BACKUP is told, leaves no file, and writers go on") {
  os::SimStorage storage;
  SimDatabase database(storage);
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("CREATE TABLE t (id int PRIMARY KEY); INSERT INTO t SELECT i FROM generate_series(1, 2000) i").error == "");
  int refused = 0;
  for (std::uint64_t nth = 1;; ++nth) {
    CAPTURE(nth);
    REQUIRE(database.ask("INSERT INTO t VALUES (" + std::to_string(-static_cast<int>(nth)) + ")").error == "");
    const std::uint64_t before = storage.steps();
    storage.fail_at(nth, sqlstate::disk_full, false, os::SimCalls::writes);
    const Answer answer = database.ask("BACKUP TO 'b/one'");
    storage.fail_at(0, sqlstate::disk_full);
    const bool is_over = storage.steps() - before < nth;
    if (answer.error == "") {
      REQUIRE(storage.open("b/one", policy::OpenMode::read));
      REQUIRE_FALSE(storage.remove("b/one"));
    } else {
      CHECK(answer.error == "53100");
      CHECK_FALSE(storage.open("b/one", policy::OpenMode::read));
      ++refused;
    }
    CHECK_FALSE(storage.open("b/one.new", policy::OpenMode::read));
    if (is_over) break;
  }
  CHECK(refused > 3);
  CHECK(database.ask("BACKUP TO 'b/one'").error == "");
}
