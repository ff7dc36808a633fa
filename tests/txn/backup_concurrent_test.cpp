// Backups with threads: of several databases they are one point, and one that waits for its checkpoint can be given up.
#include <catch2/catch.hpp>

#include <atomic>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>

#include "spg/os/posix/posix.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/oids.hpp"

using namespace spg;
using namespace spg::txn;
using Env = os::PosixEnv;
using type::Physical;

namespace {

constexpr TableId table_id{first_user_table};
constexpr DatabaseId first{1}, last{2};

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~Folder() { if (std::system(("rm -rf " + std::string(path)).c_str()) != 0) std::abort(); }
  char path[32] = "/tmp/spg-test-XXXXXX";
};

/// A machine with all that it stands on.
struct Opened {
  explicit Opened(const std::string& path) {
    options.database_path = path;
    log = path + ".wal";
    options.log_path = log;
    machine = std::make_unique<Machine<Env>>(storage, clock, alloc, random, options);
    REQUIRE_FALSE(machine->open());
  }
  std::string log;
  os::PosixStorage storage;
  os::SystemClock clock;
  os::ExtentAlloc alloc;
  os::SystemRandom random;
  MachineOptions options;
  std::unique_ptr<Machine<Env>> machine;
};

/// A database with one number.
void make_counter(Machine<Env>& machine, DatabaseId id) {
  REQUIRE(machine.create_lineage(id));
  const std::unique_ptr<TransactionControl> setup(machine.open_transaction(id));
  REQUIRE_FALSE(setup->begin({}));
  REQUIRE_FALSE(setup->begin_statement(Intent::write, Access::wait));
  const table::ColumnLayout column{1, Physical::int8, 0, {}, type::Value::null_of(Physical::int8)};
  REQUIRE(setup->create_table(TableUse::user, {&column, 1}));
  REQUIRE_FALSE(setup->end_statement(true));
  REQUIRE_FALSE(setup->begin_statement(Intent::write, Access::wait));
  const std::int64_t zero = 0;
  const table::ColumnInput input{1, {Physical::int8, type::Vector::Form::flat, &zero, nullptr, nullptr}};
  Conflict conflict;
  REQUIRE(setup->insert(table_id, {&input, 1}, {nullptr, 1}, conflict));
  REQUIRE_FALSE(setup->end_statement(true));
  REQUIRE_FALSE(setup->commit());
  REQUIRE_FALSE(machine.wait_durable(setup->floor()));
}

Status set_counter(TransactionControl& transaction, std::int64_t value) {
  SPG_TRY(transaction.begin({}));
  SPG_TRY(transaction.begin_statement(Intent::write, Access::wait));
  const table::ColumnInput input{1, {Physical::int8, type::Vector::Form::flat, &value, nullptr, nullptr}};
  const std::uint64_t rowid = 0;
  Conflict conflict;
  SPG_TRY(transaction.update(table_id, {&rowid, 1}, {&input, 1}, {nullptr, 1}, conflict));
  return transaction.end_statement(true);
}

std::int64_t counter(Machine<Env>& machine, DatabaseId id) {
  const std::unique_ptr<TransactionControl> reader(machine.open_transaction(id));
  REQUIRE(reader != nullptr);
  MemoryBudget budget;
  Arena arena(budget);
  REQUIRE_FALSE(reader->begin({}));
  REQUIRE_FALSE(reader->begin_statement(Intent::read, Access::wait));
  const std::uint64_t rowid = 0;
  const std::uint16_t column = 1;
  type::Vector found;
  REQUIRE_FALSE(reader->fetch(table_id, {&rowid, 1}, {&column, 1}, arena, {&found, 1}));
  const auto value = found.value<std::int64_t>(0);
  REQUIRE_FALSE(reader->end_statement(true));
  reader->rollback();
  return value;
}

}  // namespace

TEST_CASE("a backup has a commit of several databases as a whole or not at all, and all that was told before it began") {
  const Folder folder;
  const std::string path = std::string(folder.path) + "/db";
  Opened opened(path);
  Machine<Env>& machine = *opened.machine;
  make_counter(machine, first);
  for (std::uint32_t filler = 100; filler < 300; ++filler) REQUIRE(machine.create_lineage(DatabaseId{filler}));  // time passes between the two
  make_counter(machine, last);
  REQUIRE_FALSE(machine.start_background(nullptr));
  std::atomic<bool> stop{false};
  std::atomic<int> problems{0};
  std::atomic<std::int64_t> told{0};
  std::thread writer([&] {
    const std::unique_ptr<TransactionControl> one(machine.open_transaction(first)), other(machine.open_transaction(last));
    TransactionControl* const both[] = {one.get(), other.get()};
    for (std::int64_t value = 1; !stop.load(); ++value) {
      if (set_counter(*one, value) || set_counter(*other, value) || machine.commit_together(both)) { ++problems; return; }
      if (value % 64 == 0 && !machine.wait_durable(one->floor())) told = value;
    }
  });
  std::int64_t before = -1;
  for (int round = 0; round < 25; ++round) {
    const std::string file = path + ".backup" + std::to_string(round);
    const std::int64_t least = told;
    auto job = machine.start_backup({file, false, false});
    REQUIRE(job);
    for (bool is_done = false; !is_done;) {
      auto stepped = (*job)->step();
      REQUIRE(stepped);
      is_done = *stepped;
    }
    Opened backup(file);
    const std::int64_t value = counter(*backup.machine, first);
    CHECK(value == counter(*backup.machine, last));
    CHECK((value >= least && value >= before));
    before = value;
  }
  stop = true;
  writer.join();
  machine.stop_background();
  CHECK(problems == 0);
  CHECK(before > 25);
}

TEST_CASE("a backup that is given up while others wait for theirs disturbs nobody") {
  const Folder folder;
  const std::string path = std::string(folder.path) + "/db";
  Opened opened(path);
  Machine<Env>& machine = *opened.machine;
  make_counter(machine, first);
  REQUIRE_FALSE(machine.start_background(nullptr));
  std::atomic<int> problems{0}, made{0};
  std::vector<std::thread> threads;
  for (int thread = 0; thread < 3; ++thread)
    threads.emplace_back([&, thread] {
      for (int round = 0; round < 12; ++round) {
        const std::string file = path + "." + std::to_string(thread) + "." + std::to_string(round);
        auto job = machine.start_backup({file, false, false});
        if (!job) { ++problems; return; }
        const int patience = (thread + round) % 3 == 0 ? 1000 : (thread + round) % 3;
        bool is_done = false;
        for (int step = 0; step < patience && !is_done; ++step) {
          auto stepped = (*job)->step();
          if (!stepped) { ++problems; return; }
          is_done = *stepped;
        }
        made += is_done;
        job->reset();
        os::PosixStorage storage;
        if (storage.open(file, policy::OpenMode::read).has_value() != is_done) ++problems;
        if (storage.open(file + ".new", policy::OpenMode::read)) ++problems;
      }
    });
  for (std::thread& thread : threads) thread.join();
  machine.stop_background();
  CHECK(problems == 0);
  CHECK(made >= 12);
}
