// The audit log under SQL: what it says of which statement, and that whatever happens to the disk it has one entry for each
// transaction that is there, and none for others.
#include <catch2/catch.hpp>

#include <map>
#include <string>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "support/database.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;

namespace {

constexpr const char* audit_path = "d/audit";

/// A simulated disk on which the audit log's file can be made to fail by itself.
struct PickyStorage : os::SimStorage {
  struct File {
    Status read_at(std::uint64_t at, MutableBytes into) { return file.read_at(at, into); }
    Result<bool> read_now(std::uint64_t at, MutableBytes into) { return file.read_now(at, into); }
    void will_read(std::uint64_t at, std::uint64_t bytes) { file.will_read(at, bytes); }
    Status write_at(std::uint64_t at, Bytes from) { SPG_TRY(check()); return file.write_at(at, from); }
    Status sync() { SPG_TRY(check()); return file.sync(); }
    Result<std::uint64_t> size() { return file.size(); }
    Status resize(std::uint64_t bytes) { SPG_TRY(check()); return file.resize(bytes); }
    Status check() const { return is_audit && storage->audit_fails ? Error::make(sqlstate::disk_full, "No space left on device") : ok(); }
    os::SimFile file;
    PickyStorage* storage = nullptr;
    bool is_audit = false;
  };
  Result<File> open(std::string_view path, policy::OpenMode mode) {
    SPG_ASSIGN(os::SimFile file, os::SimStorage::open(path, mode));
    return File{std::move(file), this, path == audit_path};
  }
  bool audit_fails = false;
};
struct PickyEnv : os::SimEnv { using Storage = PickyStorage; };
static_assert(policy::Env<PickyEnv>);

struct AuditedDatabase : Database<PickyEnv> {
  explicit AuditedDatabase(PickyStorage& on, bool audited = true) : Database(on) {
    if (audited) options.audit.path = audit_path;
  }
};

struct Read {
  std::string error;
  std::vector<std::string> entries;   ///< user.database: statement | statement
};

/// The file as `spg audit` reads it.
Read read_audit(PickyStorage& storage) {
  Read found;
  auto file = storage.open(audit_path, policy::OpenMode::read);
  if (!file) return {std::string(file.error().message()), {}};
  const auto read = [&](std::uint64_t at, MutableBytes into) { return file->read_at(at, into); };
  log::AuditWalk walk(read, *file->size());
  if (auto header = walk.open(); !header) return {std::string(header.error().message()), {}};
  for (log::AuditEntry entry;;) {
    auto more = walk.next(entry);
    if (!more) found.error = std::string(more.error().message());
    if (!more || !*more) return found;
    std::string line, texts;
    if (entry.kind == log::AuditKind::pause) {
      found.entries.push_back("pause");
      continue;
    }
    auto body = log::read_audit_body(entry.body, [&](const log::AuditStatement& one) { texts += (texts.empty() ? "" : " | ") + std::string(one.text); });
    found.entries.push_back(std::string(body->user) + "." + std::string(body->database) + ": " + texts);
  }
}

/// Entries behind the first, which is that of the first start.
std::vector<std::string> entries_of(PickyStorage& storage) {
  Read found = read_audit(storage);
  CHECK(found.error == "");
  REQUIRE_FALSE(found.entries.empty());
  CHECK(found.entries[0].starts_with("bench.: /* the first start"));
  found.entries.erase(found.entries.begin());
  return found.entries;
}

}  // namespace

TEST_CASE("each transaction that changes anything has one entry, with its statements that did") {
  PickyStorage storage;
  AuditedDatabase database(storage);
  REQUIRE_FALSE(database.open());
  const auto ask = [&](const char* text, const char* copied = "") { return database.ask(text, copied).error; };
  std::vector<std::string> wanted;
  const auto entry = [&](const std::string& texts) { wanted.push_back("bench.postgres: " + texts); };
  struct Row { const char *text, *error, *entry; };
  const Row rows[] = {
      {"CREATE TABLE t (a int PRIMARY KEY, b text)", "", "CREATE TABLE t (a int PRIMARY KEY, b text)"},
      {"  INSERT INTO t VALUES (1, 'x') ; ", "", "INSERT INTO t VALUES (1, 'x')"},
      {"SELECT * FROM t", "", nullptr},
      {"SELECT a FROM t FOR UPDATE", "", nullptr},
      {"UPDATE t SET b = 'none' WHERE a = 77", "", nullptr},
      {"INSERT INTO t VALUES (1, 'twice')", "23505", nullptr},
      {"INSERT INTO t VALUES (1, 'twice') ON CONFLICT DO NOTHING", "", nullptr},
      {"SET work_mem = '8MB'", "", nullptr},
      {"INSERT INTO t VALUES (2, 'x'); SELECT 1; DELETE FROM t WHERE a = 1", "", "INSERT INTO t VALUES (2, 'x') | DELETE FROM t WHERE a = 1"},
      {"INSERT INTO t VALUES (3, 'x'); SELECT 1 / 0", "22012", nullptr},
      {"BEGIN", "", nullptr},
      {"INSERT INTO t VALUES (4, 'x')", "", nullptr},
      {"SELECT count(*) FROM t", "", nullptr},
      {"SAVEPOINT a", "", nullptr},
      {"INSERT INTO t VALUES (5, 'x')", "", nullptr},
      {"SAVEPOINT b", "", nullptr},
      {"INSERT INTO t VALUES (6, 'x')", "", nullptr},
      {"RELEASE b", "", nullptr},
      {"ROLLBACK TO a", "", nullptr},
      {"UPDATE t SET b = 'y' WHERE a = 4", "", nullptr},
      {"SAVEPOINT c", "", nullptr},
      {"DELETE FROM t WHERE a = 4", "", nullptr},
      {"SELECT nothing", "42703", nullptr},
      {"ROLLBACK TO c", "", nullptr},
      {"INSERT INTO t VALUES (7, 'x')", "", nullptr},
      {"COMMIT", "", "INSERT INTO t VALUES (4, 'x') | UPDATE t SET b = 'y' WHERE a = 4 | INSERT INTO t VALUES (7, 'x')"},
      {"BEGIN", "", nullptr},
      {"INSERT INTO t VALUES (8, 'x')", "", nullptr},
      {"ROLLBACK", "", nullptr},
      {"BEGIN", "", nullptr},
      {"INSERT INTO t VALUES (8, 'x')", "", nullptr},
      {"SELECT nothing", "42703", nullptr},
      {"COMMIT", "", nullptr},
      {"BEGIN", "", nullptr},
      {"INSERT INTO t VALUES (9, 'x')", "", nullptr},
      {"COMMIT AND CHAIN", "", "INSERT INTO t VALUES (9, 'x')"},
      {"INSERT INTO t VALUES (10, 'x')", "", nullptr},
      {"COMMIT", "", "INSERT INTO t VALUES (10, 'x')"},
      {"PREPARE p(int, text) AS INSERT INTO t VALUES ($1, $2)", "", nullptr},
      {"EXECUTE p(11, 'a value')", "", "INSERT INTO t VALUES ($1, $2)"},
      {"CREATE TABLE u (a int); INSERT INTO u SELECT a FROM t", "", "CREATE TABLE u (a int) | INSERT INTO u SELECT a FROM t"},
      {"TRUNCATE u", "", "TRUNCATE u"},
      {"CREATE ROLE r LOGIN PASSWORD 'secret'", "", "CREATE ROLE r LOGIN PASSWORD '********'"},
      {"BEGIN; ALTER ROLE r PASSWORD E'sec\\x72et'; INSERT INTO t VALUES (12, 'x'); COMMIT", "", "ALTER ROLE r PASSWORD '********' | INSERT INTO t VALUES (12, 'x')"},
      {"COMMENT ON TABLE t IS 'a comment'", "", "COMMENT ON TABLE t IS 'a comment'"},
      {"DROP TABLE t, u", "", "DROP TABLE t, u"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.text);
    REQUIRE(ask(row.text) == row.error);
    if (row.entry != nullptr) entry(row.entry);
  }
  REQUIRE(ask("CREATE TABLE t (a int, b text)") == "");
  entry("CREATE TABLE t (a int, b text)");
  REQUIRE(ask("COPY t (b) FROM STDIN", "x\ny\n") == "");
  entry("COPY t (b) FROM STDIN");
  REQUIRE(ask("COPY t FROM STDIN", "") == "");  // nothing came: nothing has changed
  REQUIRE(ask("COPY t FROM STDIN", "no number\tx\n") == "22P02");
  CHECK(entries_of(storage) == wanted);
  REQUIRE_FALSE(database.machine->checkpoint());
  database.close();
  AuditedDatabase again(storage);
  REQUIRE_FALSE(again.open());
  CHECK(entries_of(storage) == wanted);
}

TEST_CASE("deferred constraints and statements that wait in between do not double an entry") {
  PickyStorage storage;
  AuditedDatabase database(storage);
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY IMMEDIATE)").error == "");
  REQUIRE(database.ask("INSERT INTO t VALUES (1), (2)").error == "");
  REQUIRE(database.ask("UPDATE t SET a = 3 - a").error == "");
  REQUIRE(database.ask("UPDATE t SET a = 7").error == "23505");
  REQUIRE(database.ask("BEGIN; SET CONSTRAINTS ALL DEFERRED; UPDATE t SET a = 7; DELETE FROM t WHERE ctid IS NULL; COMMIT").error != "");
  (void)database.ask("ROLLBACK");
  CHECK(entries_of(storage) == std::vector<std::string>{"bench.postgres: CREATE TABLE t (a int UNIQUE DEFERRABLE INITIALLY IMMEDIATE)",
                                                        "bench.postgres: INSERT INTO t VALUES (1), (2)", "bench.postgres: UPDATE t SET a = 3 - a"});
}

TEST_CASE("large transactions, which go into the log in pieces, are audited like others") {
  PickyStorage storage;
  AuditedDatabase database(storage);
  database.options.piece_bytes = 4096;
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("CREATE TABLE t (a int, b text)").error == "");
  const std::string large = "INSERT INTO t SELECT g, repeat(md5(g::text), 3) FROM generate_series(1, 2000) g";
  REQUIRE(database.ask(large).error == "");
  database.close();
  AuditedDatabase again(storage);
  REQUIRE_FALSE(again.open());
  CHECK(entries_of(storage).at(1) == "bench.postgres: " + large);
}

TEST_CASE("what was written without the audit log is said to have been") {
  PickyStorage storage;
  {
    AuditedDatabase database(storage);
    REQUIRE_FALSE(database.open());
    REQUIRE(database.ask("CREATE TABLE t (a int)").error == "");
    database.close();
    // Not closed: the audit log may lack what the log has.
    AuditedDatabase without(storage, false);
    CHECK(without.open().code() == sqlstate::object_not_in_prerequisite_state);
    without.close();
    REQUIRE_FALSE(database.open());
    REQUIRE_FALSE(database.machine->checkpoint());
  }
  {
    AuditedDatabase without(storage, false);
    REQUIRE_FALSE(without.open());
    REQUIRE(without.ask("INSERT INTO t VALUES (1)").error == "");
    REQUIRE_FALSE(without.machine->checkpoint());
  }
  AuditedDatabase database(storage);
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("INSERT INTO t VALUES (2)").error == "");
  CHECK(entries_of(storage) == std::vector<std::string>{"bench.postgres: CREATE TABLE t (a int)", "pause", "bench.postgres: INSERT INTO t VALUES (2)"});
}

TEST_CASE("a damaged, shortened or missing audit log keeps the database from opening") {
  PickyStorage storage;
  {
    AuditedDatabase database(storage);
    REQUIRE_FALSE(database.open());
    for (const char* text : {"CREATE TABLE t (a int)", "INSERT INTO t VALUES (1)", "INSERT INTO t VALUES (2)"}) REQUIRE(database.ask(text).error == "");
    REQUIRE_FALSE(database.machine->checkpoint());
  }
  const auto open = [](PickyStorage& on) {
    AuditedDatabase database(on);
    const Status failed = database.open();
    return failed ? answer_of(failed) : Answer{};
  };
  const std::uint64_t bytes = *storage.open(audit_path, policy::OpenMode::read)->size();
  {
    PickyStorage damaged;
    damaged.copy_from(storage);
    REQUIRE(damaged.flip(audit_path, bytes - 200, 3));
    const Answer answer = open(damaged);
    CHECK(answer.error == "XX001");
    CHECK(answer.message.starts_with("audit log \"d/audit\": audit log entry "));
    CHECK(answer.message.ends_with(" is broken: its hash is wrong"));
  }
  {
    PickyStorage shortened;
    shortened.copy_from(storage);
    auto file = shortened.open(audit_path, policy::OpenMode::write);
    std::uint64_t at = log::audit_header_bytes;
    std::byte length[4];
    for (int entry = 1; entry <= 2; ++entry) {
      REQUIRE_FALSE(file->read_at(at, length));
      at += load_le<std::uint32_t>(length);
    }
    REQUIRE_FALSE(file->resize(at));
    CHECK(open(shortened).message == "audit log \"d/audit\": it ends behind entry 2, but the database knows of 4");
  }
  {
    PickyStorage missing;
    missing.copy_from(storage);
    REQUIRE_FALSE(missing.remove(audit_path));
    CHECK(open(missing).error == "58P01");
    AuditedDatabase begun(missing);
    begun.options.audit.begins = true;
    REQUIRE_FALSE(begun.open());
    REQUIRE(begun.ask("INSERT INTO t VALUES (3)").error == "");
    const Read found = read_audit(missing);
    CHECK((found.error == "" && found.entries == std::vector<std::string>{"bench.postgres: INSERT INTO t VALUES (3)"}));
  }
  CHECK(open(storage).error == "");
}

namespace {

/// What the client knows of numbered transactions. Each of their statements has the number in a comment.
enum class Fate { acknowledged, refused, in_doubt };

bool is_disk_error(const std::string& code) { return code == "53100" || code == "58030" || code == "08007"; }

std::map<int, Fate> run(AuditedDatabase& database, int count, std::string& unexpected) {
  std::map<int, Fate> fates;
  for (int n = 1; n <= count; ++n) {
    const std::string id = std::to_string(n), mark = "/*n=" + id + "*/";
    Answer answer;
    const auto ask = [&](const std::string& text) { if (answer.error.empty()) answer = database.ask(text); };
    switch (n % 5) {
      case 0: ask("INSERT " + mark + " INTO t VALUES (" + id + ", 1), (" + id + ", 2)"); break;
      case 1: answer = database.ask("COPY " + mark + " t FROM STDIN", id + "\t1\n" + id + "\t2\n"); break;
      case 2: ask("INSERT " + mark + " INTO t VALUES (" + id + ", 1); INSERT INTO t SELECT " + id + ", 2"); break;
      case 3:
        ask("BEGIN");
        ask("INSERT " + mark + " INTO t VALUES (" + id + ", 1)");
        ask("SAVEPOINT a");
        ask("INSERT INTO t VALUES (-1, 1) /* undone */");
        ask("ROLLBACK TO a");
        ask("INSERT INTO t VALUES (" + id + ", 2)");
        ask("COMMIT");
        if (!answer.error.empty()) (void)database.ask("ROLLBACK");
        break;
      default:  // with a role, that is in two lineages, by one record
        ask("BEGIN; CREATE ROLE r" + id + " PASSWORD 'secret'; INSERT " + mark + " INTO t VALUES (" + id + ", 1), (" + id + ", 2); COMMIT");
        if (!answer.error.empty()) (void)database.ask("ROLLBACK");
    }
    fates[n] = answer.error.empty() ? Fate::acknowledged : answer.error == "08007" ? Fate::in_doubt : Fate::refused;
    if (!answer.error.empty() && !is_disk_error(answer.error)) unexpected += answer.error + " " + answer.message + "\n";
    (void)database.ask("INSERT INTO t VALUES (1, 1), (1, 1) /* fails */");
    (void)database.ask("BEGIN; INSERT INTO t VALUES (-2, 1)");
    (void)database.ask("ROLLBACK");
    if (n % 8 == 5) (void)database.machine->checkpoint();
  }
  return fates;
}

/// Empty when the chain is whole and has exactly one entry, in order, for each transaction that is in the table.
std::string compare(AuditedDatabase& database, PickyStorage& storage, const std::map<int, Fate>& fates) {
  const Answer answer = database.ask("SELECT n, count(*) FROM t GROUP BY n ORDER BY n");
  if (!answer.error.empty()) return answer.error + " " + answer.message;
  std::map<int, int> rows;
  for (const std::string& line : database.sink.lines) rows[std::atoi(line.c_str())] = std::atoi(line.c_str() + line.find('\t'));
  const Read found = read_audit(storage);
  if (!found.error.empty()) return found.error;
  std::map<int, int> entries;
  int last = 0;
  for (const std::string& line : found.entries) {
    if (line.find("secret") != std::string::npos || line.find("undone") != std::string::npos || line.find("-2") != std::string::npos) return line;
    const auto mark = line.find("n=");
    if (mark == std::string::npos) continue;
    const int n = std::atoi(line.c_str() + mark + 2);
    if (n <= last) return "entries are out of order: " + line;
    last = n;
    ++entries[n];
    if (n % 5 == 3 && line.find(" | INSERT INTO t VALUES (" + std::to_string(n) + ", 2)") == std::string::npos) return "half of an entry: " + line;
  }
  for (const auto& [n, fate] : fates) {
    if (rows[n] != 0 && rows[n] != 2) return "half of transaction " + std::to_string(n);
    if ((rows[n] == 2) != (entries[n] == 1)) return "transaction " + std::to_string(n) + " has " + std::to_string(rows[n]) + " rows and " + std::to_string(entries[n]) + " entries";
    if (fate == Fate::acknowledged && rows[n] != 2) return "acknowledged transaction " + std::to_string(n) + " is lost";
    if (fate == Fate::refused && rows[n] != 0) return "refused transaction " + std::to_string(n) + " is there";
  }
  return {};
}

enum class Fault { once, for_good, full_disk, power };

void fail_each(Fault fault, os::Survival survival) {
  constexpr int transactions = 18;
  const auto start = [](AuditedDatabase& database) {
    REQUIRE_FALSE(database.open());
    REQUIRE(database.ask("CREATE TABLE t (n int, part int, PRIMARY KEY (n, part))").error == "");
  };
  std::uint64_t steps = 0;
  std::string unexpected;
  {
    PickyStorage storage;
    AuditedDatabase database(storage);
    start(database);
    const std::uint64_t before = storage.steps();
    const auto fates = run(database, transactions, unexpected);
    REQUIRE(unexpected == "");
    REQUIRE(compare(database, storage, fates) == "");
    for (const auto& [n, fate] : fates) REQUIRE(fate == Fate::acknowledged);
    steps = storage.steps() - before;
  }
  REQUIRE(steps > 40);
  for (std::uint64_t nth = 1; nth <= steps; ++nth) {
    CAPTURE(static_cast<int>(fault), static_cast<int>(survival), nth, steps);
    PickyStorage storage;
    os::SimChance chance(nth);
    std::map<int, Fate> fates;
    {
      AuditedDatabase database(storage);
      start(database);
      if (fault == Fault::power) storage.cut_power_at(nth);
      else storage.fail_at(nth, fault == Fault::full_disk ? sqlstate::disk_full : sqlstate::io_error, fault == Fault::for_good);
      fates = run(database, transactions, unexpected);
      REQUIRE(unexpected == "");
      storage.fail_at(0, sqlstate::io_error);
      storage.cut_power_at(0);
      // Once the disk works again, nothing is missing even before a new start, unless the log has given up. (Not always: a
      // checkpoint leaves nothing to recovery.)
      if (fault != Fault::power && nth % 4 < 2 && !database.machine->log_is_broken() && !database.machine->checkpoint()) REQUIRE(compare(database, storage, fates) == "");
    }
    if (fault == Fault::power || nth % 2 == 0) storage.power_cycle(chance, survival);
    AuditedDatabase again(storage);
    Status failed = again.open();
    if (failed) FAIL("reopening: " << std::string(failed.message()));
    REQUIRE(compare(again, storage, fates) == "");
    REQUIRE(again.ask("INSERT INTO t VALUES (1000, 1)").error == "");
    REQUIRE(entries_of(storage).back() == "bench.postgres: INSERT INTO t VALUES (1000, 1)");
  }
}

}  // namespace

TEST_CASE("one disk call fails under an audit log") { fail_each(Fault::once, os::Survival::torn); }
TEST_CASE("all disk calls fail from one on under an audit log") { fail_each(Fault::for_good, os::Survival::torn); }
TEST_CASE("the disk is full for once under an audit log") { fail_each(Fault::full_disk, os::Survival::none); }
TEST_CASE("the power goes under an audit log") {
  for (const auto survival : {os::Survival::none, os::Survival::all, os::Survival::torn, os::Survival::reordered}) fail_each(Fault::power, survival);
}

TEST_CASE("a start that is cut short anywhere leaves an audit log that the next one goes on with") {
  PickyStorage before;
  std::map<int, Fate> fates;
  std::string unexpected;
  {
    AuditedDatabase database(before);
    REQUIRE_FALSE(database.open());
    REQUIRE(database.ask("CREATE TABLE t (n int, part int, PRIMARY KEY (n, part))").error == "");
    fates = run(database, 12, unexpected);
  }
  os::SimChance chance(3);
  before.power_cycle(chance, os::Survival::torn);
  for (std::uint64_t cut = 1;; ++cut) {
    CAPTURE(cut);
    REQUIRE(cut < 200);
    PickyStorage storage;
    storage.copy_from(before);
    bool whole;
    {
      AuditedDatabase database(storage);
      storage.cut_power_at(cut);
      whole = !database.open();
    }
    os::SimChance which(cut);
    storage.power_cycle(which, os::Survival::torn);
    AuditedDatabase database(storage);
    REQUIRE_FALSE(database.open());
    REQUIRE(compare(database, storage, fates) == "");
    if (whole) break;
  }
}

TEST_CASE("a first start with an audit log that is cut short anywhere is begun anew") {
  for (std::uint64_t cut = 1;; ++cut) {
    CAPTURE(cut);
    REQUIRE(cut < 300);
    PickyStorage storage;
    os::SimChance chance(cut);
    bool whole;
    {
      AuditedDatabase database(storage);
      storage.cut_power_at(cut);
      whole = !database.open();
    }
    storage.power_cycle(chance, os::Survival::reordered);
    AuditedDatabase database(storage);
    REQUIRE_FALSE(database.open());
    CHECK(entries_of(storage).empty());
    if (whole) break;
  }
}

TEST_CASE("the log is kept for an audit log that cannot be written, until its bound refuses commits") {
  PickyStorage storage;
  AuditedDatabase database(storage);
  database.options.audit.backlog_bytes_max = 64 * 1024;
  REQUIRE_FALSE(database.open());
  REQUIRE(database.ask("CREATE TABLE t (n int, b text)").error == "");
  REQUIRE_FALSE(database.machine->checkpoint());
  const std::uint64_t start = database.machine->manifest().log_start;
  storage.audit_fails = true;
  int taken = 0;
  Answer refused;
  std::vector<std::string> wanted{"bench.postgres: CREATE TABLE t (n int, b text)"};
  for (; refused.error.empty(); ++taken) {
    REQUIRE(taken < 1000);
    const std::string text = "INSERT INTO t VALUES (" + std::to_string(taken) + ", repeat('x', 1000))";
    refused = database.ask(text);
    if (refused.error.empty()) wanted.push_back("bench.postgres: " + text);
    if (taken % 10 == 9) REQUIRE_FALSE(database.machine->checkpoint());  // which may not let the log go
  }
  CHECK(taken > 20);
  CHECK(refused.error == "53100");
  CHECK(refused.message == "the audit log cannot be written: No space left on device");
  CHECK(database.rows("SELECT count(*) FROM t") == std::to_string(taken - 1) + "\n");
  CHECK(database.machine->manifest().log_start < start + 4096);
  CHECK(entries_of(storage).size() == 1);
  SECTION("it can be written again") {
    storage.audit_fails = false;
    REQUIRE_FALSE(database.machine->checkpoint());
  }
  SECTION("the process ends before") {
    database.close();
    storage.audit_fails = false;
    os::SimChance chance(1);
    storage.power_cycle(chance, os::Survival::torn);
    REQUIRE_FALSE(database.open());
  }
  CHECK(entries_of(storage) == wanted);
  REQUIRE(database.ask("INSERT INTO t VALUES (-1, 'again')").error == "");
  REQUIRE_FALSE(database.machine->checkpoint());
  CHECK(database.machine->manifest().log_start > start + 4096);
}
