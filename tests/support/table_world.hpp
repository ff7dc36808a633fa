// A machine on a simulated disk with one table, verbs on it, and random transactions whose outcome a map tells.
#pragma once
#include <catch2/catch.hpp>

#include <algorithm>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/oids.hpp"

namespace spg::test {

using namespace txn;
using os::SimEnv;
using SimMachine = Machine<SimEnv>;
using SimTransaction = Transaction<SimEnv>;
using type::Physical;
using type::StringRef;

using Model = std::map<std::int32_t, std::string>;  // key -> text
inline constexpr DatabaseId db{1};

/// A machine on a simulated disk with one table (1 int4 unique, 2 text indexed), and verbs on it.
struct World {
  os::SimStorage& disk;
  os::SimClock own_clock;
  os::SimClock& clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  MemoryBudget budget;
  Arena arena{budget};
  std::unique_ptr<SimMachine> machine;
  SimMachine::LineageOf* lineage = nullptr;
  MachineOptions options;

  /// Time goes on from world to world with a clock that they share.
  explicit World(os::SimStorage& storage, os::SimClock* shared_clock = nullptr) : disk(storage), clock(shared_clock != nullptr ? *shared_clock : own_clock) {
    options.database_path = "d/db";
    options.log_path = "d/wal";
  }
  /// Also: leaves the machine that was, without saying farewell to its disk, and opens another.
  Status open() {
    machine.reset();
    machine = std::make_unique<SimMachine>(disk, clock, alloc, random, options);
    SPG_TRY(machine->open());
    lineage = machine->lineage(db);
    if (lineage == nullptr) { SPG_ASSIGN(lineage, machine->create_lineage(db)); }
    return ok();
  }
  /// One transaction of one statement, durable.
  template <class Work>
  Status write(Work work) {
    SimTransaction transaction(*machine, *lineage);
    SPG_TRY(transaction.begin({}));
    SPG_TRY(transaction.begin_statement(Intent::write, store::Access::wait));
    SPG_TRY(work(transaction));
    SPG_TRY(transaction.end_statement(true));
    SPG_TRY(transaction.commit());
    return machine->wait_durable(transaction.floor());
  }
  Status create_table() { return write([](SimTransaction& transaction) { return create_table_in(transaction); }); }
  std::vector<std::string> files(std::string_view prefix) {
    std::vector<std::string> names;
    (void)disk.list("d/db.d", [&](std::string_view name) {
      if (name.starts_with(prefix)) names.emplace_back(name);
    });
    return names;
  }

 private:
  static Status create_table_in(SimTransaction& transaction) {
    const table::ColumnLayout columns[] = {{1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)},
                                           {2, Physical::string, 0, {}, type::Value::null_of(Physical::string)}};
    auto id = transaction.create_table(TableUse::user, columns);
    if (!id) return id.take_error();
    Conflict conflict;
    const table::KeyPart key{raw(type::oid::int4), 1, 0, 0}, text{raw(type::oid::text), 2, 0, 0};
    SPG_TRY(transaction.create_index(*id, {{&key, 1}, table::Uniqueness::immediate, true}, conflict).status());
    return transaction.create_index(*id, {{&text, 1}, table::Uniqueness::none, true}, conflict).status();
  }
};
inline constexpr TableId table_id{first_user_table};

inline Status put(SimTransaction& transaction, std::int32_t key, std::string_view text, Conflict& conflict) {
  const StringRef ref(text);
  const table::ColumnInput columns[] = {{1, {Physical::int4, type::Vector::Form::flat, &key, nullptr, nullptr}},
                                        {2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}}};
  return transaction.insert(table_id, columns, {nullptr, 1}, conflict).status();
}

inline std::vector<std::uint64_t> find(SimTransaction& transaction, Arena& arena, std::int32_t key) {
  const type::Value value = type::Value::of(Physical::int4, key);
  KeyRange range;
  range.prefix = {&value, 1};
  auto scan = transaction.open_index(table_id, IndexId{1}, range, false, arena);
  REQUIRE(scan);
  std::unique_ptr<IndexScan> owned(*scan);
  std::uint64_t rowids[16];
  auto count = owned->next(rowids);
  REQUIRE(count);
  return {rowids, rowids + *count};
}

/// The rows by a scan; checks that both indexes agree with it.
inline Model contents(SimTransaction& transaction, Arena& arena) {
  Model found;
  std::size_t rows = 0;
  const std::uint16_t columns[] = {1, 2};
  ScanRequest request;
  request.table = table_id;
  request.columns = columns;
  auto opened = transaction.open_scan(request, arena);
  REQUIRE(opened);
  std::unique_ptr<Scan> scan(*opened);
  for (;;) {
    RowBatch batch;
    auto more = scan->next(batch);
    REQUIRE(more);
    if (!*more) break;
    for (std::uint32_t i = 0; i < batch.batch.selected.count; ++i) {
      const std::uint32_t row = batch.batch.selected[i];
      const auto key = batch.batch.columns[0].value<std::int32_t>(row);
      found[key] = std::string(batch.batch.columns[1].value<StringRef>(row).view());
      ++rows;
      REQUIRE(find(transaction, arena, key) == std::vector<std::uint64_t>{batch.first_rowid + row});
    }
  }
  REQUIRE(rows == found.size());
  REQUIRE(*transaction.row_count(table_id) == rows);
  auto opened_index = transaction.open_index(table_id, IndexId{2}, {}, false, arena);
  REQUIRE(opened_index);
  std::unique_ptr<IndexScan> index(*opened_index);
  std::string before;
  std::size_t entries = 0;
  for (;;) {
    std::uint64_t rowids[64];
    auto count = index->next(rowids);
    REQUIRE(count);
    entries += *count;
    std::uint16_t text = 2;
    std::uint64_t sorted[64];
    std::copy(rowids, rowids + *count, sorted);
    type::Vector out;
    REQUIRE_FALSE(transaction.fetch(table_id, {sorted, *count}, {&text, 1}, arena, {&out, 1}));
    for (std::size_t i = 0; i < *count; ++i) {
      const std::string now(out.value<StringRef>(i).view());
      REQUIRE(before <= now);
      before = now;
    }
    if (*count < 64) break;
  }
  REQUIRE(entries == rows);
  return found;
}

inline Model read_all(World& world) {
  SimTransaction reader(*world.machine, *world.lineage);
  REQUIRE_FALSE(reader.begin({}));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  Model found = contents(reader, world.arena);
  REQUIRE_FALSE(reader.end_statement(true));
  REQUIRE_FALSE(reader.commit());
  world.arena.reset();
  return found;
}

/// One random transaction: several statements, savepoints, maybe a rollback. `model` is what it should leave behind.
inline Status random_transaction(World& world, os::SimChance& chance, Model& model, bool& committed) {
  SimTransaction transaction(*world.machine, *world.lineage);
  Model now = model;
  committed = false;
  SPG_TRY(transaction.begin({}));
  struct Mark { std::uint32_t depth; Model model; };
  std::vector<Mark> marks;
  for (std::uint64_t statements = 1 + chance.below(4); statements != 0; --statements) {
    SPG_TRY(transaction.begin_statement(Intent::write, store::Access::wait));
    Model after = now;
    bool good = true;
    for (std::uint64_t n = 1 + chance.below(6); n != 0 && good; --n) {
      const auto key = static_cast<std::int32_t>(chance.below(60));
      const std::string text(chance.below(30) == 0 ? chance.below(2600) : chance.below(40), static_cast<char>('a' + chance.below(26)));
      // A statement reads the root of its start, so every key is touched once only.
      const bool was = now.contains(key), touched = (after.contains(key) != was) || (was && after.at(key) != now.at(key));
      if (touched) continue;
      if (!was) {
        Conflict conflict;
        SPG_TRY(put(transaction, key, text, conflict));
        REQUIRE_FALSE(conflict.found());
        after[key] = text;
      } else if (chance.below(3) == 0) {
        const auto rowids = find(transaction, world.arena, key);
        SPG_TRY(transaction.remove(table_id, rowids));
        after.erase(key);
      } else if (chance.below(6) == 0) {
        Conflict conflict;
        SPG_TRY(put(transaction, key, text, conflict));
        REQUIRE(conflict.found());
        good = false;  // the statement fails and leaves nothing
      } else {
        const auto rowids = find(transaction, world.arena, key);
        const StringRef ref(text);
        const table::ColumnInput column{2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}};
        Conflict conflict;
        SPG_TRY(transaction.update(table_id, rowids, {&column, 1}, {nullptr, 1}, conflict));
        after[key] = text;
      }
    }
    SPG_TRY(transaction.end_statement(good));
    if (good) now = after;
    if (chance.below(3) == 0) {
      SPG_ASSIGN(const std::uint32_t depth, transaction.savepoint());
      marks.push_back({depth, now});
    } else if (!marks.empty() && chance.below(2) == 0) {
      if (chance.below(2) == 0) {
        SPG_TRY(transaction.rollback_to(marks.back().depth));
        now = marks.back().model;
      } else {
        SPG_TRY(transaction.release(marks.back().depth));
        marks.pop_back();
      }
    }
  }
  if (chance.below(5) == 0) {
    transaction.rollback();
    return ok();
  }
  SPG_TRY(transaction.commit());
  committed = true;
  model = now;
  return world.machine->wait_durable(transaction.floor());
}

}  // namespace spg::test
