// Bits flip in stored files: after it a database refuses to open or to answer, with XX001, or answers as before.
#include <catch2/catch.hpp>

#include <string>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "support/database.hpp"

#include "spg/txn/bodies.inl.hpp"

using namespace spg;
using namespace spg::test;

namespace {

using SimDatabase = Database<os::SimEnv>;

constexpr const char* questions[] = {
    "SELECT count(*), sum(id), count(note) FROM t",
    "SELECT * FROM t ORDER BY id",
    "SELECT * FROM t WHERE id = 77",
    "SELECT id FROM t WHERE note = 'note 55'",
    "SELECT relname, relkind FROM pg_class WHERE relname LIKE 't%' ORDER BY 1",
};

void fill(SimDatabase& database) {
  REQUIRE(database.ask("CREATE TABLE t (id int PRIMARY KEY, note text, f float8, n numeric(12,3), long text)").error == "");
  REQUIRE(database.ask("INSERT INTO t SELECT i, 'note ' || i, i / 3.0, i * 1.001, repeat('long ' || i, 20) FROM generate_series(1, 300) i").error == "");
  REQUIRE(database.ask("CREATE INDEX t_note ON t (note)").error == "");
  REQUIRE_FALSE(database.machine->checkpoint());
  REQUIRE(database.ask("UPDATE t SET note = NULL WHERE id % 10 = 0").error == "");  // these lie in the log only
}

std::vector<std::string> answers(SimDatabase& database) {
  std::vector<std::string> all;
  for (const char* question : questions) all.push_back(database.rows(question));
  return all;
}

}  // namespace

TEST_CASE("a flipped bit anywhere gives an error, never a wrong answer") {
  os::SimStorage storage;
  std::vector<std::string> truth, before_update;
  {
    SimDatabase database(storage);
    REQUIRE_FALSE(database.open());
    fill(database);
    truth = answers(database);
  }
  std::vector<std::string> files;
  for (const char* folder : {"d", "d/db.d"})
    REQUIRE_FALSE(storage.list(folder, [&](std::string_view name) { files.push_back(std::string(folder) + "/" + std::string(name)); }));
  REQUIRE(files.size() >= 3);
  int refused = 0, told = 0, unharmed = 0;
  os::SimChance chance(20261127);
  for (const std::string& path : files) {
    auto file = storage.open(path, policy::OpenMode::read);
    REQUIRE(file.has_value());
    const std::uint64_t bytes = *file->size();
    // Every byte of small files, a sample of large ones.
    const std::uint64_t stride = std::max<std::uint64_t>(1, bytes / 250);
    for (std::uint64_t at = chance.below(stride); at < bytes; at += 1 + chance.below(2 * stride - 1)) {
      const unsigned bit = static_cast<unsigned>(chance.below(8));
      CAPTURE(path, at, bit, bytes);
      // Opening writes (it starts an epoch): each flip on a copy of the disk.
      os::SimStorage copy;
      copy.copy_from(storage);
      REQUIRE(copy.flip(path, at, bit));
      SimDatabase database(copy);
      if (Status failed = database.open()) {
        const std::string code = answer_of(failed).error;
        CHECK((code == "XX001" || code == "0A000"));  // another version than this program knows
        database.close();
        REQUIRE(database.alloc.used_bytes() == 0);
        ++refused;
        continue;
      }
      bool harmed = false;
      for (std::size_t i = 0; i < truth.size(); ++i) {
        const std::string answer = database.rows(questions[i]);
        if (answer == truth[i]) continue;
        harmed = true;
        REQUIRE(answer.substr(0, 5) == "XX001");
      }
      ++(harmed ? told : unharmed);
    }
  }
  WARN(refused << " refused to open, " << told << " were told by a query, " << unharmed << " did no harm");
  CHECK(refused > 0);
  CHECK(told > 0);
}
