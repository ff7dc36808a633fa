// The embedded API: values in and out, errors, prepared statements, files, several connections.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <spg/spg.hpp>
#include <string>
#include <thread>
#include <vector>

#include "spg/db/instance.hpp"
#include "spg/profile/firmware.hpp"

using namespace spg;

namespace {
std::string code_of(const Error& error) {
  const auto code = sqlstate_text(error.code());
  return {code.data(), 5};
}
struct Folder {
  Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~Folder() { REQUIRE(std::system(("rm -rf " + std::string(path)).c_str()) == 0); }
  std::string operator/(const char* name) const { return std::string(path) + "/" + name; }
  char path[40] = "/tmp/spg-database-XXXXXX";
};
}  // namespace

TEST_CASE("parameters come back as what they were") {
  Database database = Database::in_memory().value();
  Connection connection = database.connect().value();
  connection.execute("CREATE TABLE t (a int8, b float8, c text, d bool, e bytea, f numeric)").value();
  const std::string long_text(5000, 'x');
  const std::byte bytes[] = {std::byte{0}, std::byte{255}, std::byte{7}};
  Rows written = connection.execute("INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)", INT64_MIN, 0.1, long_text, true, Bytes(bytes), "1e-3").value();
  REQUIRE(written.tag() == "INSERT 0 1");
  REQUIRE(written.rows_affected() == 1);
  connection.execute("INSERT INTO t VALUES ($1, $2, $3, $4, $5, $6)", nullptr, -1.0 / 0.0, "", std::optional<bool>(), std::optional<std::string>(), 12u).value();
  Rows rows = connection.execute("SELECT * FROM t ORDER BY a").value();
  REQUIRE(rows.size() == 2);
  REQUIRE(rows.column_count() == 6);
  REQUIRE(rows.column_name(1) == "b");
  REQUIRE(rows[0]["a"].as<std::int64_t>().value() == INT64_MIN);
  REQUIRE(rows[0][1].as<double>().value() == 0.1);
  REQUIRE(rows[0][2].as<std::string_view>().value() == long_text);
  REQUIRE(rows[0][3].as<bool>().value());
  REQUIRE(rows[0][4].as<std::string_view>().value() == std::string_view("\0\xff\7", 3));
  REQUIRE(rows[0][5].text() == "0.001");
  REQUIRE(rows[1][0].is_null());
  REQUIRE(rows[1][0].as<std::optional<int>>().value() == std::nullopt);
  REQUIRE(rows[1][1].text() == "-Infinity");
  REQUIRE(rows[1][2].as<std::string>().value().empty());
  REQUIRE(rows[1][3].is_null());
  REQUIRE(rows[1][5].as<int>().value() == 12);
  REQUIRE(rows[1][5].as<double>().value() == 12.0);
}

TEST_CASE("values are not read as what they are not") {
  Database database = Database::in_memory().value();
  Connection connection = database.connect().value();
  Rows rows = connection.execute("SELECT 300, 'x', NULL::int, 1.5, true").value();
  REQUIRE(code_of(rows[0][0].as<std::uint8_t>().error()) == "22003");
  REQUIRE(code_of(rows[0][1].as<int>().error()) == "42804");
  REQUIRE(code_of(rows[0][2].as<int>().error()) == "22002");
  REQUIRE(code_of(rows[0][3].as<int>().error()) == "22003");
  REQUIRE(code_of(rows[0][4].as<std::string_view>().error()) == "42804");
  REQUIRE(rows[0][4].as<std::string>().value() == "t");
  REQUIRE_FALSE(rows.find_column("nothing").has_value());
}

TEST_CASE("errors are values, or exceptions for those who take value()") {
  Database database = Database::in_memory().value();
  Connection connection = database.connect().value();
  auto failed = connection.execute("SELECT * FROM nowhere");
  REQUIRE_FALSE(failed);
  REQUIRE(code_of(failed.error()) == "42P01");
  REQUIRE(failed.error().position() == 15);
  REQUIRE_THROWS_AS(connection.execute("SELECT 1 / $1", 0).value(), Exception);
  try {
    connection.execute("SELECT $1::int", "seven").value();
    FAIL("no exception");
  } catch (const Exception& error) {
    REQUIRE(std::string(error.what()) == "invalid input syntax for type integer: \"seven\"");
    REQUIRE(code_of(error.error()) == "22P02");
  }
  REQUIRE(code_of(connection.execute("SELECT 1; SELECT 2", 1).error()) == "42601");
  REQUIRE(code_of(connection.execute("COPY (SELECT 1) TO STDOUT; COPY pg_class FROM STDIN").error()) != "00000");
  REQUIRE(connection.execute("SELECT 7").value()[0][0].as<int>().value() == 7);
  REQUIRE(code_of(database.connect("nowhere").error()) == "3D000");
}

TEST_CASE("a failed block stays failed until it ends") {
  Database database = Database::in_memory().value();
  Connection connection = database.connect().value();
  connection.execute("CREATE TABLE t (a int PRIMARY KEY); INSERT INTO t VALUES (1)").value();
  connection.execute("BEGIN").value();
  REQUIRE(connection.in_transaction());
  connection.execute("INSERT INTO t VALUES ($1)", 2).value();
  REQUIRE(code_of(connection.execute("INSERT INTO t VALUES ($1)", 1).error()) == "23505");
  REQUIRE(code_of(connection.execute("SELECT 1").error()) == "25P02");
  REQUIRE(connection.execute("COMMIT").value().tag() == "ROLLBACK");
  REQUIRE(connection.execute("SELECT count(*) FROM t").value()[0][0].as<int>().value() == 1);
}

TEST_CASE("a script answers with its last statement") {
  Database database = Database::in_memory().value();
  Connection connection = database.connect().value();
  REQUIRE(connection.execute("SELECT 1, 2; SELECT 3").value()[0].size() == 1);
  Rows rows = connection.execute("SELECT 1, 2; CREATE TABLE t (a int)").value();
  REQUIRE(rows.tag() == "CREATE TABLE");
  REQUIRE(rows.size() == 0);
  REQUIRE(rows.column_count() == 0);
  REQUIRE(connection.execute("").value().empty());
}

TEST_CASE("prepared statements run again, also after the schema has changed") {
  Database database = Database::in_memory().value();
  Connection connection = database.connect().value();
  connection.execute("CREATE TABLE t (a int)").value();
  Statement insert = connection.prepare("INSERT INTO t VALUES ($1)").value();
  for (int i = 0; i < 100; ++i) insert.execute(i).value();
  connection.execute("ALTER TABLE t ADD COLUMN b int DEFAULT 5").value();
  insert.execute(100).value();
  Rows rows = connection.execute("SELECT count(*), sum(b) FROM t").value();
  REQUIRE(rows[0][0].as<int>().value() == 101);
  REQUIRE(rows[0][1].as<int>().value() == 505);
  REQUIRE(code_of(insert.execute().error()) == "08P01");
  REQUIRE(code_of(connection.prepare("SELECT FROM FROM").error()) == "42601");
}

TEST_CASE("times are printed in the connection's zone, also when it has gone") {
  std::optional<Rows> rows;
  {
    Database database = Database::in_memory().value();
    Connection connection = database.connect().value();
    connection.execute("SET timezone = 'America/New_York'").value();
    rows = connection.execute("SELECT timestamptz '2024-07-01 12:00+00'").value();
  }
  REQUIRE((*rows)[0][0].text() == "2024-07-01 08:00:00-04");
}

TEST_CASE("files outlive the database, and are not opened without their log") {
  Folder folder;
  const std::string path = folder / "app.db", elsewhere = folder / "elsewhere";
  {
    Database database = Database::open(path).value();
    Connection connection = database.connect().value();
    connection.execute("CREATE TABLE t (a int)").value();
    connection.execute("INSERT INTO t SELECT generate_series(1, 1000)").value();
    REQUIRE_FALSE(database.checkpoint().failed());
    connection.execute("INSERT INTO t VALUES ($1)", 7).value();
  }
  {
    Database database = Database::open(path).value();
    REQUIRE(database.connect().value().execute("SELECT count(*) FROM t").value()[0][0].as<int>().value() == 1001);
  }
  DatabaseOptions options;
  options.log_path = elsewhere;
  auto lost = Database::open(path, options);
  REQUIRE_FALSE(lost);
  REQUIRE(code_of(lost.error()) == "58P01");
  REQUIRE(Database::open(path).value().connect().value().execute("SELECT count(*) FROM t").value()[0][0].as<int>().value() == 1001);
}

TEST_CASE("connections of several threads take turns") {
  Folder folder;
  Database database = Database::open(folder / "app.db").value();
  database.connect().value().execute("CREATE TABLE t (a int); INSERT INTO t VALUES (0)").value();
  std::vector<std::thread> threads;
  for (int i = 0; i < 4; ++i)
    threads.emplace_back([&] {
      Connection connection = database.connect().value();
      for (int n = 0; n < 25; ++n) {
        connection.execute("BEGIN").value();
        connection.execute("UPDATE t SET a = a + 1").value();
        connection.execute("COMMIT").value();
      }
    });
  for (auto& thread : threads) thread.join();
  REQUIRE(database.connect().value().execute("SELECT a FROM t").value()[0][0].as<int>().value() == 100);
}

TEST_CASE("without threads, a key that another connection's transaction has written is an error and not a wait") {
  std::vector<std::byte> disk(32u << 20), memory(32u << 20);
  os::RamStorage storage(disk);
  os::FixedAlloc alloc(memory);
  os::TickClock clock;
  os::SeededRandom random(as_bytes("seed"));
  FirmwareMachine machine(storage, clock, alloc, random, {});
  REQUIRE_FALSE(machine.open().failed());
  Database database = Database::over(machine, {}).value();
  Connection one = database.connect().value(), two = database.connect().value();
  one.execute("CREATE TABLE t (a int PRIMARY KEY)").value();
  one.execute("BEGIN; INSERT INTO t VALUES (1)").value();
  REQUIRE(code_of(two.execute("INSERT INTO t VALUES (1)").error()) == "55P03");
  REQUIRE(code_of(two.execute("INSERT INTO t VALUES ($1)", 1).error()) == "55P03");
  two.execute("INSERT INTO t VALUES (2)").value();
  one.execute("COMMIT").value();
  REQUIRE(code_of(two.execute("INSERT INTO t VALUES (1)").error()) == "23505");
  REQUIRE(two.execute("SELECT count(*) FROM t").value()[0][0].as<int>().value() == 2);
  // Nobody flushes but the commit itself.
  REQUIRE_FALSE(machine.log().has_unflushed());
}

TEST_CASE("files are opened once to be written, or several times to be read") {
  Folder folder;
  const std::string path = folder / "app.db";
  DatabaseOptions read_only;
  read_only.read_only = true;
  CHECK(code_of(Database::open(path, read_only).error()) == "58P01");  // makes nothing
  {
    Database database = Database::open(path).value();
    database.connect().value().execute("CREATE TABLE t (a int); INSERT INTO t VALUES (1)").value();
    for (const auto& options : {DatabaseOptions{}, read_only}) {
      auto again = Database::open(path, options);
      REQUIRE_FALSE(again);
      CHECK(code_of(again.error()) == "F0001");
      CHECK(again.error().message() == "database \"" + path + "\" is open already: directory \"" + path + ".d\" is locked by this process");
    }
  }
  Database one = Database::open(path, read_only).value(), two = Database::open(path, read_only).value();
  CHECK(code_of(Database::open(path).error()) == "F0001");
  for (const Database& database : {one, two}) {
    Connection connection = database.connect().value();
    CHECK(connection.execute("SELECT a FROM t").value()[0][0].as<int>().value() == 1);
    for (const char* write : {"INSERT INTO t VALUES (2)", "CREATE TABLE u (a int)", "DROP TABLE t", "CREATE ROLE r"}) {
      CAPTURE(write);
      CHECK(code_of(connection.execute(write).error()) == "25006");
    }
    CHECK(code_of(connection.execute("BEGIN READ WRITE").error()) == "0A000");
    connection.execute("ROLLBACK").value();
    CHECK(code_of(connection.execute("SET SESSION CHARACTERISTICS AS TRANSACTION READ WRITE; INSERT INTO t VALUES (3)").error()) == "25006");
    CHECK(connection.execute("SHOW transaction_read_only").value()[0][0].text() == "on");
    CHECK(code_of(database.checkpoint()) == "25006");
    CHECK(code_of(connection.execute("CHECKPOINT").error()) == "25006");
    CHECK(connection.execute("SELECT count(*) FROM t").value()[0][0].as<int>().value() == 1);
  }
}

TEST_CASE("a library's sessions are audited, prepared statements without their parameters") {
  Folder folder;
  const std::string path = folder / "app.db", audit_path = folder / "audit.log";
  DatabaseOptions options;
  options.audit_path = audit_path;
  {
    Database database = Database::open(path, options).value();
    Connection connection = database.connect().value();
    connection.execute("CREATE TABLE t (a int, b text)").value();
    connection.execute("INSERT INTO t VALUES ($1, $2)", 1, "a parameter").value();
    Statement statement = connection.prepare("UPDATE t SET b = $1").value();
    statement.execute("another").value();
    connection.execute("SELECT * FROM t").value();
  }
  std::string file;
  if (std::FILE* opened = std::fopen(audit_path.c_str(), "rb")) {
    char bytes[4096];
    file.assign(bytes, std::fread(bytes, 1, sizeof bytes, opened));
    std::fclose(opened);
  }
  for (const char* text : {"CREATE TABLE t (a int, b text)", "INSERT INTO t VALUES ($1, $2)", "UPDATE t SET b = $1"}) {
    CAPTURE(text);
    CHECK(file.find(text) != std::string::npos);
  }
  for (const char* text : {"a parameter", "another", "SELECT"}) CHECK(file.find(text) == std::string::npos);
  CHECK(code_of(Database::open(path).error()) == "55000");  // not closed by a checkpoint: the audit log is needed
  { Database database = Database::open(path, options).value(); }
  CHECK(Database::open(path));
}
