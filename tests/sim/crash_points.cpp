#include "sim/crash_points.hpp"

#include <array>
#include <map>
#include <memory>
#include <vector>

#include "sim/world.hpp"
#include "spg/txn/transaction.hpp"
#include "spg/type/oids.hpp"
#include "support/verify.hpp"

namespace spg {
extern template class txn::Transaction<os::SimEnv>;  // machine.cpp
}

namespace spg::sim {
namespace {

using Transaction = txn::Transaction<os::SimEnv>;
using type::Physical;
using type::StringRef;
constexpr DatabaseId db{1};
constexpr TableId table_id{txn::first_user_table};

struct State {
  std::map<std::int32_t, std::array<std::string, 2>> rows;  ///< key -> text and body
  bool has_index = false;
  friend bool operator==(const State&, const State&) = default;
};

/// Names of the statements, one letter each: a workload is a word.
constexpr std::string_view alphabet = "iudDcLkr";
struct Fate { os::Survival survival; const char* name; };
constexpr Fate fates[] = {{os::Survival::none, "none"}, {os::Survival::all, "all"}, {os::Survival::torn, "torn"}, {os::Survival::reordered, "reordered"}};

class CrashWorld {
 public:
  explicit CrashWorld(os::SimStorage& on, std::uint32_t history = 0) : disk(on), history_seconds(history) {}
  Status open() {
    txn::MachineOptions options;
    options.database_path = "d/db";
    options.log_path = "d/wal";
    options.piece_bytes = 512;  // a large string is written ahead of its commit
    options.compaction = {3, 4000};  // the third checkpoint puts segments together
    options.changes_in_memory_max = options.unspilled_bytes_max = 256;
    options.history_seconds = history_seconds;
    machine = std::make_unique<Machine>(disk, clock, alloc, random, options);
    SPG_TRY(machine->open());
    lineage = machine->lineage(db);
    if (lineage == nullptr) { SPG_ASSIGN(lineage, machine->create_lineage(db)); }
    return ok();
  }
  Status make_table() {
    return write([&](Transaction& transaction) -> Status {
      const table::ColumnLayout columns[] = {{1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)},
                                             {2, Physical::string, 0, {}, type::Value::null_of(Physical::string)},
                                             {3, Physical::string, 0, {}, type::Value::null_of(Physical::string)}};
      SPG_TRY(transaction.create_table(txn::TableUse::user, columns).status());
      return make_index(transaction, {raw(type::oid::int4), 1, 0, 0}, table::Uniqueness::immediate);
    });
  }
  /// One statement, acknowledged when it returns; `state` as it is afterwards, whether it is acknowledged or not.
  Status run(char statement, int number, State& state) {
    switch (statement) {
      case 'k': return machine->checkpoint();
      case 'r': (void)machine->objects().evict(SIZE_MAX); return read(nullptr);
      case 'i': return insert(100 + number, text_of(number), "", state);
      case 'L': return insert(200 + number, text_of(number), std::string(9'000, static_cast<char>('A' + number)), state);
      case 'u': return update("changed to something longer " + text_of(number), state);
      case 'd': return remove(1, state);
      case 'D': return remove(SIZE_MAX, state);
      default: break;
    }
    if (state.has_index) return ok();
    state.has_index = true;
    return write([&](Transaction& transaction) { return make_index(transaction, {raw(type::oid::text), 2, 0, 0}, table::Uniqueness::none); });
  }
  /// The rows by a scan; `found` may be null.
  Status read(State* found) {
    Transaction transaction(*machine, *lineage);
    SPG_TRY(transaction.begin({}));
    SPG_TRY(transaction.begin_statement(txn::Intent::read, store::Access::wait));
    State state;
    SPG_TRY(scan(transaction, [&](std::uint64_t, std::int32_t key, std::string_view text, std::string_view body) { state.rows[key] = {std::string(text), std::string(body)}; }));
    SPG_TRY(transaction.end_statement(true));
    SPG_TRY(transaction.commit());
    SPG_ASSIGN(const store::Image* table, txn::find_table(machine->objects(), lineage->tip()->root, table_id, store::Access::wait));
    state.has_index = table::table_state(table).index_count == 2;
    if (found != nullptr) *found = std::move(state);
    return ok();
  }

  os::SimStorage& disk;
  std::uint32_t history_seconds;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  MemoryBudget budget;
  Arena arena{budget};
  std::unique_ptr<Machine> machine;
  Machine::LineageOf* lineage = nullptr;

 private:
  static std::string text_of(int number) { return "inserted " + std::to_string(number); }
  template <class Work>
  Status write(Work work) {
    Transaction transaction(*machine, *lineage);
    SPG_TRY(transaction.begin({}));
    SPG_TRY(transaction.begin_statement(txn::Intent::write, store::Access::wait));
    SPG_TRY(work(transaction));
    SPG_TRY(transaction.end_statement(true));
    SPG_TRY(transaction.commit());
    arena.reset();
    return machine->wait_durable(transaction.floor());
  }
  Status make_index(Transaction& transaction, table::KeyPart key, table::Uniqueness unique) {
    txn::Conflict conflict;
    return transaction.create_index(table_id, {{&key, 1}, unique, true}, conflict).status();
  }
  template <class Visit>
  Status scan(Transaction& transaction, Visit visit) {
    const std::uint16_t columns[] = {1, 2, 3};
    txn::ScanRequest request;
    request.table = table_id;
    request.columns = columns;
    SPG_ASSIGN(txn::Scan * opened, transaction.open_scan(request, arena));
    std::unique_ptr<txn::Scan> scan(opened);
    for (;;) {
      txn::RowBatch batch;
      SPG_ASSIGN(const bool more, scan->next(batch));
      if (!more) return ok();
      for (std::uint32_t i = 0; i < batch.batch.selected.count; ++i) {
        const std::uint32_t row = batch.batch.selected[i];
        const auto text = [&](std::size_t column) { return batch.batch.columns[column].value<StringRef>(row).view(); };
        visit(batch.first_rowid + row, batch.batch.columns[0].value<std::int32_t>(row), text(1), text(2));
      }
    }
  }
  Status insert(std::int32_t key, const std::string& text, const std::string& body, State& state) {
    state.rows[key] = {text, body};
    return write([&](Transaction& transaction) {
      const StringRef ref(text), body_ref(body);
      const table::ColumnInput columns[] = {{1, {Physical::int4, type::Vector::Form::flat, &key, nullptr, nullptr}},
                                            {2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}},
                                            {3, {Physical::string, type::Vector::Form::flat, &body_ref, nullptr, nullptr}}};
      txn::Conflict conflict;
      return transaction.insert(table_id, columns, {nullptr, 1}, conflict).status();
    });
  }
  /// The text of the first row, by its key.
  Status update(const std::string& text, State& state) {
    if (state.rows.empty()) return ok();
    const std::int32_t key = state.rows.begin()->first;
    state.rows[key][0] = text;
    return write([&](Transaction& transaction) -> Status {
      std::vector<std::uint64_t> rowids;
      SPG_TRY(scan(transaction, [&](std::uint64_t rowid, std::int32_t of, std::string_view, std::string_view) { if (of == key) rowids.push_back(rowid); }));
      const StringRef ref(text);
      const table::ColumnInput column{2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}};
      txn::Conflict conflict;
      return transaction.update(table_id, rowids, {&column, 1}, {nullptr, 1}, conflict);
    });
  }
  /// The last rows, by their place.
  Status remove(std::size_t most, State& state) {
    if (state.rows.empty()) return ok();
    return write([&](Transaction& transaction) -> Status {
      std::vector<std::uint64_t> rowids;
      std::vector<std::int32_t> keys;
      SPG_TRY(scan(transaction, [&](std::uint64_t rowid, std::int32_t of, std::string_view, std::string_view) { rowids.push_back(rowid); keys.push_back(of); }));
      const std::size_t from = rowids.size() - std::min(most, rowids.size());
      for (std::size_t i = from; i < keys.size(); ++i) state.rows.erase(keys[i]);
      return transaction.remove(table_id, std::span(rowids).subspan(from));
    });
  }
};

/// A table of some rows, the first of them in a segment, the others in the log.
struct Beginning {
  Beginning() {
    CrashWorld world(disk);
    Status failed = world.open();
    if (!failed) failed = world.make_table();
    for (int n = 0; n < 6 && !failed; ++n) {
      failed = world.run(n == 4 ? 'L' : 'i', n, state);
      if (!failed && n == 3) failed = world.machine->checkpoint();
    }
    if (failed) error = std::string(failed.message());
  }
  os::SimStorage disk;
  State state;
  std::string error;
};
const Beginning& beginning() {
  static const Beginning made;
  return made;
}

struct Ending {
  State acknowledged, possible;  ///< after the last statement that returned, and after the one that was cut
  std::uint64_t steps = 0;
  bool finished = false;
};

std::uint32_t history_of(std::uint64_t seed) { return seed % 2 == 0 ? 100 : 0; }

/// With history, what only that reads is written by checkpoints, too.
Ending run_workload(os::SimStorage& disk, const std::string& workload, std::uint64_t cut, std::uint32_t history_seconds) {
  CrashWorld world(disk, history_seconds);
  Ending ending{beginning().state, beginning().state};
  const std::uint64_t before = disk.steps();
  disk.cut_power_at(cut);
  Status failed = world.open();
  for (std::size_t i = 0; i < workload.size() && !failed; ++i) {
    failed = world.run(workload[i], 10 + static_cast<int>(i), ending.possible);
    if (!failed) ending.acknowledged = ending.possible;
  }
  ending.finished = !failed;
  ending.steps = disk.steps() - before;
  return ending;
}

std::string describe(const State& state) {
  std::string text = std::to_string(state.rows.size()) + " rows" + (state.has_index ? ", two indexes" : "");
  for (const auto& [key, value] : state.rows) text += " " + std::to_string(key) + "=" + value[0] + "/" + std::to_string(value[1].size());
  return text;
}

std::string check_recovered(os::SimStorage& disk, const Ending& ending, bool again, State& found) {
  CrashWorld world(disk);
  if (Status failed = world.open()) return "it cannot be opened: " + std::string(failed.message());
  if (Status failed = world.read(&found)) return "it cannot be read: " + std::string(failed.message());
  if (found != ending.acknowledged && found != ending.possible)
    return "found " + describe(found) + "; acknowledged " + describe(ending.acknowledged) + "; possible " + describe(ending.possible);
  if (const std::string faults = test::faults_of(*world.machine); !faults.empty()) return faults;
  if (!again) return {};
  world.machine.reset();
  CrashWorld second(disk);
  State same;
  if (Status failed = second.open()) return "a second recovery fails: " + std::string(failed.message());
  if (Status failed = second.read(&same)) return "after a second recovery it cannot be read: " + std::string(failed.message());
  return same == found ? std::string() : "a second recovery finds " + describe(same) + " after " + describe(found);
}

/// One crash point. `counts` may tell what it was good for.
std::string crash(std::uint64_t seed, const std::string& workload, std::uint64_t cut, const Fate& fate, bool lying_sync, std::uint64_t number, CrashCounts& counts) {
  os::SimStorage disk;
  disk.copy_from(beginning().disk);
  disk.ignore_syncs(lying_sync);
  os::SimChance chance(seed * 1'000'003 + number);
  const Ending ending = run_workload(disk, workload, cut, history_of(seed));
  disk.ignore_syncs(false);
  disk.power_cycle(chance, fate.survival);
  ++counts.points;
  for (std::uint64_t nested = number % 10 == 0 ? 1 + number / 10 % 2 : 0; nested != 0; --nested) {  // up to two deep
    CrashWorld world(disk);
    disk.cut_power_at(1 + chance.below(7));
    (void)world.open();
    world.machine.reset();
    disk.power_cycle(chance, fates[chance.below(std::size(fates))].survival);
    ++counts.cut_recoveries;
  }
  const bool again = number % 4 == 1;
  counts.second_recoveries += again;
  State found;
  return check_recovered(disk, ending, again, found);
}

std::vector<std::string> workloads() {
  std::vector<std::string> all{""};
  for (std::size_t from = 0, length = 1; length <= 3; ++length) {
    const std::size_t upto = all.size();
    for (; from < upto; ++from)
      for (const char one : alphabet) all.push_back(all[from] + one);
  }
  all.erase(all.begin());
  return all;
}

}  // namespace

std::string find_crash(const CrashOptions& options, CrashCounts& counts) {
  if (!beginning().error.empty()) return "the table cannot be made: " + beginning().error;
  for (std::uint64_t seed = options.seed; counts.points < options.points; ++seed, ++counts.rounds) {
    std::uint64_t number = 0;
    for (const std::string& workload : workloads()) {
      ++counts.workloads;
      os::SimStorage whole;
      whole.copy_from(beginning().disk);
      const Ending ending = run_workload(whole, workload, 0, history_of(seed));
      if (!ending.finished) return "workload " + workload + " fails without a crash";
      // A cut behind the last call is a crash, too: of what the workload has left unsynced.
      for (std::uint64_t cut = 1; cut <= ending.steps + 1; ++cut, ++number) {
        if (counts.points >= options.points) return {};
        const Fate& fate = fates[(seed + number) % std::size(fates)];  // four rounds have them all
        const std::string finding = crash(seed, workload, cut, fate, options.lying_sync, number, counts);
        if (!finding.empty())
          return "--seed " + std::to_string(seed) + " --workload " + workload + " --cut " + std::to_string(cut) + " --survival " + fate.name + " --point " +
                 std::to_string(number) + ": " + finding;
      }
    }
  }
  return {};
}

std::string crash_once(std::uint64_t seed, const std::string& workload, std::uint64_t cut, const std::string& survival, std::uint64_t number) {
  CrashCounts counts;
  for (const Fate& fate : fates)
    if (survival == fate.name) return crash(seed, workload, cut, fate, false, number, counts);
  return "unknown survival " + survival;
}

}  // namespace spg::sim
