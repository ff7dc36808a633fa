#include <catch2/catch.hpp>

#include <atomic>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <thread>
#include <vector>

#include "spg/os/posix/posix.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/oids.hpp"

using namespace spg;
using namespace spg::txn;
using Env = os::PosixEnv;
using type::Physical;

namespace {

/// Blocks until a transaction is told to try again.
struct Waiting {
  os::StdSync::Mutex mutex;
  os::StdSync::CondVar changed;
  bool granted = false;
  void prepare(TransactionControl& transaction) {
    transaction.set_wake([](void* waiting) {
      auto& self = *static_cast<Waiting*>(waiting);
      policy::LockGuard lock(self.mutex);
      self.granted = true;
      self.changed.notify_all();
    }, this);
  }
  void wait() {
    policy::LockGuard lock(mutex);
    while (!granted) changed.wait(mutex);
    granted = false;
  }
};

constexpr TableId table_id{first_user_table};
constexpr int accounts = 4000;

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~Folder() { if (std::system(("rm -rf " + std::string(path)).c_str()) != 0) std::abort(); }
  char path[32] = "/tmp/spg-test-XXXXXX";
};

}  // namespace

TEST_CASE("readers see whole versions while writers, flusher, checkpoints and evictions go on") {
  // With tiny pieces every write set goes into the log ahead of its commit, beside the checkpoints.
  const std::size_t piece_bytes = GENERATE(std::size_t{128 * 1024}, std::size_t{8});
  Folder folder;
  const std::string database = std::string(folder.path) + "/db", log = std::string(folder.path) + "/wal";
  std::int64_t committed_total = 0;
  for (int life = 0; life < 2; ++life) {
    os::PosixStorage storage;
    os::SystemClock clock;
    os::ExtentAlloc alloc;
    os::SystemRandom random;
    MachineOptions options;
    options.database_path = database;
    options.log_path = log;
    options.piece_bytes = piece_bytes;
    options.compaction = {4, 100'000};
    if (piece_bytes == 8) options.changes_in_memory_max = options.unspilled_bytes_max = 40;
    Machine<Env> machine(storage, clock, alloc, random, options);
    REQUIRE_FALSE(machine.open());
    if (life == 0) {
      REQUIRE(machine.create_lineage(DatabaseId{1}));
      std::unique_ptr<TransactionControl> setup(machine.open_transaction(DatabaseId{1}));
      REQUIRE_FALSE(setup->begin({}));
      REQUIRE_FALSE(setup->begin_statement(Intent::write, Access::wait));
      const table::ColumnLayout columns[] = {{1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)}, {2, Physical::int8, 0, {}, type::Value::null_of(Physical::int8)}};
      REQUIRE(setup->create_table(TableUse::user, columns));
      Conflict conflict;
      const table::KeyPart key{raw(type::oid::int4), 1, 0, 0};
      REQUIRE(setup->create_index(table_id, {{&key, 1}, table::Uniqueness::immediate, true}, conflict));
      REQUIRE_FALSE(setup->end_statement(true));
      for (int first = 0; first < accounts; first += 1000) {
        REQUIRE_FALSE(setup->begin_statement(Intent::write, Access::wait));
        std::vector<std::int32_t> ids(1000);
        std::vector<std::int64_t> balances(1000, 0);
        for (int i = 0; i < 1000; ++i) ids[static_cast<std::size_t>(i)] = first + i;
        const table::ColumnInput inputs[] = {{1, {Physical::int4, type::Vector::Form::flat, ids.data(), nullptr, nullptr}},
                                             {2, {Physical::int8, type::Vector::Form::flat, balances.data(), nullptr, nullptr}}};
        REQUIRE(setup->insert(table_id, inputs, {nullptr, 1000}, conflict));
        REQUIRE_FALSE(setup->end_statement(true));
      }
      REQUIRE_FALSE(setup->commit());
      REQUIRE_FALSE(machine.wait_durable(setup->floor()));  // readers pin what is durable
    }
    REQUIRE_FALSE(machine.start_background(nullptr));
    std::atomic<bool> stop{false};
    std::atomic<int> problems{0};
    std::atomic<std::int64_t> commits{0}, reads{0};
    std::size_t evicted = 0, next_amount = 0;
    auto report = [&](const Error& error) {
      ++problems;
      std::fprintf(stderr, "%.*s\n", static_cast<int>(error.message().size()), error.message().data());
    };
    std::vector<std::thread> threads;
    for (unsigned writer = 0; writer < 3; ++writer)
      threads.emplace_back([&, writer] {
        std::unique_ptr<TransactionControl> transaction(machine.open_transaction(DatabaseId{1}));
        Waiting waiting;
        waiting.prepare(*transaction);
        MemoryBudget budget;
        Arena arena(budget);
        std::uint64_t chance = writer + 1;
        auto next = [&](std::uint64_t below) { chance = chance * 6364136223846793005u + 1442695040888963407u; return (chance >> 33) % below; };
        while (!stop.load()) {
          arena.reset();
          if (transaction->begin({})) { ++problems; return; }
          // Move money between two accounts, mostly of a few that all want: the sum stays zero in every version.
          const std::uint64_t few = next(4) == 0 ? accounts : 8, a = next(few), b = next(few);
          const std::uint64_t rowids[2] = {std::min(a, b), std::max(a, b)};
          for (;;) {
            if (transaction->begin_statement(Intent::write, Access::wait)) { ++problems; return; }
            Status failed;
            if (a != b) {
              const std::uint16_t column = 2;
              type::Vector balances;
              if (transaction->fetch(table_id, rowids, {&column, 1}, arena, {&balances, 1})) { ++problems; return; }
              const std::int64_t changed[2] = {balances.value<std::int64_t>(0) - 7, balances.value<std::int64_t>(1) + 7};
              const table::ColumnInput input{2, {Physical::int8, type::Vector::Form::flat, changed, nullptr, nullptr}};
              Conflict conflict;
              failed = transaction->update(table_id, rowids, {&input, 1}, {nullptr, 2}, conflict);
            }
            if (transaction->end_statement(!failed)) { ++problems; return; }
            if (!failed) break;
            if (!failed.is_must_wait()) { ++problems; return; }
            waiting.wait();
          }
          if (next(10) == 0) { transaction->rollback(); continue; }
          Status committed = transaction->commit();
          while (committed.is_must_wait()) {
            waiting.wait();
            committed = transaction->commit();
          }
          if (committed || machine.wait_durable(transaction->floor())) { ++problems; return; }
          ++commits;
        }
      });
    for (int reader = 0; reader < 2; ++reader)
      threads.emplace_back([&] {
        std::unique_ptr<TransactionControl> transaction(machine.open_transaction(DatabaseId{1}));
        MemoryBudget budget;
        Arena arena(budget);
        while (!stop.load()) {
          arena.reset();
          if (Status failed = transaction->begin({})) { report(failed); return; }
          if (Status failed = transaction->begin_statement(Intent::read, Access::wait)) { report(failed); return; }
          ScanRequest request;
          request.table = table_id;
          const std::uint16_t column = 2;
          request.columns = {&column, 1};
          auto opened = transaction->open_scan(request, arena);
          if (!opened) { report(opened.error()); return; }
          std::unique_ptr<Scan> scan(*opened);
          std::int64_t sum = 0;
          std::uint64_t rows = 0;
          for (RowBatch batch;;) {
            auto more = scan->next(batch);
            if (!more) { report(more.error()); return; }
            if (!*more) break;
            for (std::uint32_t i = 0; i < batch.batch.selected.count; ++i) sum += batch.batch.columns[0].value<std::int64_t>(batch.batch.selected[i]);
            rows += batch.batch.selected.count;
          }
          scan.reset();
          if (sum != 0 || rows != accounts) ++problems;
          if (transaction->end_statement(true) || transaction->commit()) { ++problems; return; }
          ++reads;
        }
      });
    threads.emplace_back([&] {
      while (!stop.load()) evicted += machine.objects().evict(next_amount++ % 2 == 0 ? SIZE_MAX : 20'000);
    });
    threads.emplace_back([&] {
      while (!stop.load()) {
        if (machine.checkpoint()) ++problems;
        std::this_thread::sleep_for(std::chrono::milliseconds(20));
      }
    });
    std::this_thread::sleep_for(std::chrono::milliseconds(1500));
    stop = true;
    for (std::thread& thread : threads) thread.join();
    machine.stop_background();
    CHECK(problems == 0);
    CHECK(commits > 10);
    CHECK(reads > 10);
    CHECK(evicted > 10'000);
    committed_total += commits;
  }
  CHECK(committed_total > 20);
}
