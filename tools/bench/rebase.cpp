// What it costs to bring a write set of ten rows onto a tip that has moved: transactions of ten updates each, committed in
// turn so that every one finds the tip moved since it began; and the same with nobody in between.
//
// cmake --build --preset release --target rebase
#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "spg/os/memory/memory.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/oids.hpp"

using namespace spg;
using Env = os::MemoryEnv;
using type::Physical;

namespace {

constexpr std::uint32_t rows = 100'000;
constexpr TableId table_id{txn::first_user_table};

void need(Status failed, const char* what) {
  if (!failed) return;
  std::fprintf(stderr, "%s: %.*s\n", what, static_cast<int>(failed.message().size()), failed.message().data());
  std::exit(1);
}

void update_ten(txn::TransactionControl& transaction, std::uint64_t& chance) {
  need(transaction.begin({}), "begin");
  need(transaction.begin_statement(txn::Intent::write, store::Access::wait), "statement");
  std::uint64_t rowids[10];
  std::int64_t values[10];
  for (int i = 0; i < 10; ++i) {
    chance = chance * 6364136223846793005u + 1442695040888963407u;
    rowids[i] = (chance >> 33) % rows;
    values[i] = static_cast<std::int64_t>(chance);
  }
  std::sort(rowids, rowids + 10);
  const auto count = static_cast<std::uint32_t>(std::unique(rowids, rowids + 10) - rowids);
  const table::ColumnInput input{2, {Physical::int8, type::Vector::Form::flat, values, nullptr, nullptr}};
  txn::Conflict conflict;
  need(transaction.update(table_id, {rowids, count}, {&input, 1}, {nullptr, count}, conflict), "update");
  need(transaction.end_statement(true), "end");
}

}  // namespace

int main() {
  Env::Storage storage;
  Env::Clock clock;
  Env::Alloc alloc;
  Env::Random random;
  txn::MachineOptions options;
  options.ephemeral = true;
  auto machine = std::make_unique<txn::Machine<Env>>(storage, clock, alloc, random, options);
  need(machine->open(), "open");
  need(machine->create_database(DatabaseId{1}), "database");
  std::unique_ptr<txn::TransactionControl> setup(machine->open_transaction(DatabaseId{1}));
  need(setup->begin({}), "begin");
  need(setup->begin_statement(txn::Intent::write, store::Access::wait), "statement");
  const table::ColumnLayout columns[] = {{1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)}, {2, Physical::int8, 0, {}, type::Value::null_of(Physical::int8)}};
  need(setup->create_table(txn::TableUse::user, columns).status(), "table");
  txn::Conflict conflict;
  for (std::uint32_t first = 0; first < rows; first += 1000) {
    std::vector<std::int32_t> ids(1000);
    std::vector<std::int64_t> values(1000, 0);
    for (std::uint32_t i = 0; i < 1000; ++i) ids[i] = static_cast<std::int32_t>(first + i);
    const table::ColumnInput inputs[] = {{1, {Physical::int4, type::Vector::Form::flat, ids.data(), nullptr, nullptr}}, {2, {Physical::int8, type::Vector::Form::flat, values.data(), nullptr, nullptr}}};
    need(setup->insert(table_id, inputs, {nullptr, 1000}, conflict).status(), "insert");
  }
  need(setup->end_statement(true), "end");
  need(setup->commit(), "commit");

  std::uint64_t chance = 1;
  const auto median_us = [&](bool moved) {
    std::unique_ptr<txn::TransactionControl> mine(machine->open_transaction(DatabaseId{1})), other(machine->open_transaction(DatabaseId{1}));
    std::vector<double> found;
    for (int i = 0; i < 20'000; ++i) {
      update_ten(*mine, chance);
      // The rows are looked at, so that they are applied before: then a moved tip means that they are applied again.
      need(mine->begin_statement(txn::Intent::read, store::Access::wait), "statement");
      (void)mine->row_count(table_id);
      need(mine->end_statement(true), "end");
      if (moved) {
        std::uint64_t own = chance ^ 0x5555;
        need(other->begin({}), "begin");
        need(other->begin_statement(txn::Intent::write, store::Access::wait), "statement");
        std::uint64_t rowid = (own >> 20) % rows;
        const std::int64_t value = 1;
        const table::ColumnInput input{2, {Physical::int8, type::Vector::Form::flat, &value, nullptr, nullptr}};
        Status failed = other->update(table_id, {&rowid, 1}, {&input, 1}, {nullptr, 1}, conflict);
        need(other->end_statement(!failed), "end");
        if (failed) other->rollback();  // one of my rows
        else need(other->commit(), "commit");
      }
      const auto begun = std::chrono::steady_clock::now();
      need(mine->commit(), "commit");
      found.push_back(std::chrono::duration<double, std::micro>(std::chrono::steady_clock::now() - begun).count());
    }
    std::nth_element(found.begin(), found.begin() + static_cast<std::ptrdiff_t>(found.size() / 2), found.end());
    return found[found.size() / 2];
  };
  const double still = median_us(false), moved = median_us(true);
  std::printf("| commit of ten updated rows, median us | on the same tip (grafted) | on a moved tip | rebase |\n| --- | --- | --- | --- |\n| | %.1f | %.1f | %.1f |\n", still, moved, moved - still);
}
