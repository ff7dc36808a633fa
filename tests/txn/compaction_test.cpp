// Compaction through a machine: what is alive moves out of old segments, older versions read on, files go, nothing is lost.
#include <catch2/catch.hpp>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spg/os/sim/sim.hpp"
#include "spg/txn/bodies.inl.hpp"
#include "spg/type/oids.hpp"
#include "support/verify.hpp"

using namespace spg;
using namespace spg::txn;
using os::SimEnv;
using SimMachine = Machine<SimEnv>;
using SimTransaction = Transaction<SimEnv>;
using type::Physical;
using type::StringRef;

namespace {

using Model = std::map<std::int32_t, std::string>;
constexpr DatabaseId db{1};
constexpr TableId table_id{first_user_table};

struct World {
  os::SimStorage disk;
  os::SimClock clock;
  os::SimAlloc alloc;
  os::SimRandom random;
  MemoryBudget budget;
  Arena arena{budget};
  MachineOptions options;
  std::unique_ptr<SimMachine> machine;
  SimMachine::LineageOf* lineage = nullptr;

  World(std::uint32_t count_max, std::uint64_t dead_bytes_min) {
    options.database_path = "d/db";
    options.log_path = "d/wal";
    options.compaction = {count_max, dead_bytes_min};
  }
  Status open() {
    machine.reset();
    machine = std::make_unique<SimMachine>(disk, clock, alloc, random, options);
    SPG_TRY(machine->open());
    lineage = machine->lineage(db);
    if (lineage != nullptr) return ok();
    SPG_ASSIGN(lineage, machine->create_lineage(db));
    return write([](SimTransaction& transaction) -> Status {
      const table::ColumnLayout columns[] = {{1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)},
                                             {2, Physical::string, 0, {}, type::Value::null_of(Physical::string)}};
      SPG_ASSIGN(const TableId id, transaction.create_table(TableUse::user, columns));
      Conflict conflict;
      const table::KeyPart key{raw(type::oid::int4), 1, 0, 0}, text{raw(type::oid::text), 2, 0, 0};
      SPG_TRY(transaction.create_index(id, {{&key, 1}, table::Uniqueness::immediate, true}, conflict).status());
      return transaction.create_index(id, {{&text, 1}, table::Uniqueness::none, true}, conflict).status();
    });
  }
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
  std::vector<std::string> segment_files() {
    std::vector<std::string> names;
    (void)disk.list("d/db.d", [&](std::string_view name) {
      if (name.starts_with("segment-")) names.emplace_back(name);
    });
    return names;
  }
  std::uint64_t segment_bytes() const {
    std::uint64_t bytes = 0;
    for (const store::SegmentInfo& one : machine->manifest().segments) bytes += one.bytes;
    return bytes;
  }
};

Status put(SimTransaction& transaction, Model& model, std::int32_t key, std::string text) {
  const StringRef ref(text);
  const table::ColumnInput columns[] = {{1, {Physical::int4, type::Vector::Form::flat, &key, nullptr, nullptr}},
                                        {2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}}};
  Conflict conflict;
  SPG_TRY(transaction.insert(table_id, columns, {nullptr, 1}, conflict).status());
  model[key] = std::move(text);
  return ok();
}
Result<std::vector<std::uint64_t>> find(SimTransaction& transaction, Arena& arena, std::int32_t key) {
  const type::Value value = type::Value::of(Physical::int4, key);
  KeyRange range;
  range.prefix = {&value, 1};
  SPG_ASSIGN(IndexScan * scan, transaction.open_index(table_id, IndexId{1}, range, false, arena));
  const std::unique_ptr<IndexScan> owned(scan);
  std::uint64_t rowids[8];
  SPG_ASSIGN(const std::size_t count, owned->next(rowids));
  return std::vector<std::uint64_t>(rowids, rowids + count);
}
Status drop(World& world, SimTransaction& transaction, Model& model, std::int32_t key) {
  SPG_ASSIGN(const std::vector<std::uint64_t> rowids, find(transaction, world.arena, key));
  model.erase(key);
  return transaction.remove(table_id, rowids);
}
Model contents(SimTransaction& transaction, Arena& arena) {
  const std::uint16_t columns[] = {1, 2};
  ScanRequest request;
  request.table = table_id;
  request.columns = columns;
  auto scan = transaction.open_scan(request, arena);
  REQUIRE(scan);
  const std::unique_ptr<Scan> owned(*scan);
  Model found;
  RowBatch rows;
  for (;;) {
    auto more = owned->next(rows);
    if (!more) UNSCOPED_INFO(std::string(more.error().message()));
    REQUIRE(more);
    if (!*more) return found;
    for (std::uint32_t i = 0; i < rows.batch.selected.count; ++i) {
      const std::uint32_t row = rows.batch.selected.rows == nullptr ? i : rows.batch.selected.rows[i];
      const auto key = static_cast<const std::int32_t*>(rows.batch.columns[0].values)[row];
      found[key] = std::string(static_cast<const StringRef*>(rows.batch.columns[1].values)[row].view());
    }
  }
}
Model read_all(World& world) {
  SimTransaction reader(*world.machine, *world.lineage);
  REQUIRE_FALSE(reader.begin({}));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  Model found = contents(reader, world.arena);
  REQUIRE_FALSE(reader.end_statement(true));
  reader.rollback();
  return found;
}
/// Some changes here and there, and some new rows.
Status change(World& world, os::SimChance& chance, Model& model, int count) {
  return world.write([&](SimTransaction& transaction) -> Status {
    std::map<std::int32_t, bool> touched;
    for (int i = 0; i < count; ++i) {
      const auto key = static_cast<std::int32_t>(chance.below(6000));
      if (!touched.insert({key, true}).second) continue;
      if (model.contains(key)) SPG_TRY(drop(world, transaction, model, key));
      else SPG_TRY(put(transaction, model, key, std::string(chance.below(60), 'v') + std::to_string(chance.next())));
    }
    return ok();
  });
}
std::string sound(World& world) {
  test::Faults faults;
  test::verify_all<SimMachine>(world.disk, faults);
  return faults.text;
}

}  // namespace

TEST_CASE("the number of segments stays below its limit, whatever is in memory, and nothing is lost") {
  const bool evicts = GENERATE(false, true);
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed, evicts);
    World world(5, std::uint64_t{1} << 40);
    os::SimChance chance(seed);
    Model model;
    REQUIRE_FALSE(world.open());
    for (int round = 0; round < 40; ++round) {
      REQUIRE_FALSE(change(world, chance, model, round == 0 ? 4000 : 60));
      if (evicts) (void)world.machine->objects().evict(SIZE_MAX);
      REQUIRE_FALSE(world.machine->checkpoint());
      REQUIRE_FALSE(world.machine->flush());
      REQUIRE(world.machine->manifest().segments.size() < 5);
      if (evicts) (void)world.machine->objects().evict(SIZE_MAX);
      if (round % 8 == 3) {
        REQUIRE(sound(world) == "");
        REQUIRE_FALSE(world.open());
      }
      REQUIRE(read_all(world) == model);
    }
    REQUIRE_FALSE(world.machine->tick());
    CHECK(world.segment_files().size() == world.machine->manifest().segments.size());
    std::uint64_t live = 0;
    for (const store::SegmentInfo& one : world.machine->manifest().segments) live += one.live_bytes;
    CHECK(live * 5 > world.segment_bytes());  // it is told what is alive
    CHECK(live <= world.segment_bytes());
  }
}

TEST_CASE("an old version reads on from where its objects lay, and where they lie now, until it ends") {
  World world(3, std::uint64_t{1} << 40);
  os::SimChance chance(77);
  Model model;
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(change(world, chance, model, 4000));
  REQUIRE_FALSE(world.machine->checkpoint());
  REQUIRE_FALSE(change(world, chance, model, 300));
  REQUIRE_FALSE(world.machine->checkpoint());
  {
    SimTransaction old(*world.machine, *world.lineage);
    REQUIRE_FALSE(old.begin({Isolation::repeatable_read, false}));
    REQUIRE_FALSE(old.begin_statement(Intent::read, store::Access::wait));
    const Model before = contents(old, world.arena);
    REQUIRE(before == model);
    REQUIRE_FALSE(old.end_statement(true));
    bool has_forwarded = false;
    for (int round = 0; round < 12; ++round) {
      REQUIRE_FALSE(change(world, chance, model, 200));
      (void)world.machine->objects().evict(SIZE_MAX);
      REQUIRE_FALSE(world.machine->checkpoint());
      has_forwarded |= world.machine->objects().is_forwarding();
      (void)world.machine->objects().evict(SIZE_MAX);
      REQUIRE_FALSE(old.begin_statement(Intent::read, store::Access::wait));
      REQUIRE(contents(old, world.arena) == before);
      REQUIRE_FALSE(old.end_statement(true));
      REQUIRE(read_all(world) == model);
    }
    CHECK(has_forwarded);
    // Files that only the old version reads from are kept for it, and no other manifest's.
    CHECK(world.segment_files().size() > world.machine->manifest().segments.size());
    old.rollback();
  }
  REQUIRE_FALSE(world.machine->flush());
  REQUIRE_FALSE(world.machine->checkpoint());
  REQUIRE_FALSE(world.machine->flush());
  REQUIRE_FALSE(world.machine->tick());
  CHECK_FALSE(world.machine->objects().is_forwarding());
  CHECK(world.machine->manifest().segments.size() < 3);
  CHECK(world.segment_files().size() == world.machine->manifest().segments.size());
  CHECK(read_all(world) == model);
  CHECK(sound(world) == "");
}

TEST_CASE("what is dead goes from the disk, and what has not changed is not written again") {
  World world(64, 1000);
  os::SimChance chance(5);
  Model model;
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.write([&](SimTransaction& transaction) -> Status {
    for (std::int32_t key = 0; key < 20'000; ++key) SPG_TRY(put(transaction, model, key, "row " + std::to_string(chance.next())));
    return ok();
  }));
  REQUIRE_FALSE(world.machine->checkpoint());
  const std::uint64_t full = world.segment_bytes();
  REQUIRE_FALSE(world.machine->flush());
  CHECK_FALSE(world.machine->wants_checkpoint());
  // A little dies: the rest stays where it is.
  REQUIRE_FALSE(change(world, chance, model, 20));
  REQUIRE_FALSE(world.machine->checkpoint());
  CHECK(world.segment_bytes() < full + full / 4);
  CHECK(world.machine->manifest().segments.size() == 2);
  // Most of it dies.
  REQUIRE_FALSE(world.write([&](SimTransaction& transaction) -> Status {
    for (std::int32_t key = 3000; key < 20'000; ++key)
      if (model.contains(key)) SPG_TRY(drop(world, transaction, model, key));
    return ok();
  }));
  for (int i = 0; i < 4; ++i) {
    REQUIRE_FALSE(world.machine->checkpoint());
    REQUIRE_FALSE(world.machine->flush());
  }
  CHECK(world.segment_bytes() < full / 2);
  CHECK(read_all(world) == model);
  // All of it dies with its table.
  REQUIRE_FALSE(world.write([&](SimTransaction& transaction) { return transaction.drop_table(table_id); }));
  for (int i = 0; i < 4; ++i) {
    REQUIRE_FALSE(world.machine->checkpoint());
    REQUIRE_FALSE(world.machine->flush());
  }
  CHECK(world.segment_bytes() < 3000);
  REQUIRE_FALSE(world.machine->tick());
  CHECK(world.segment_files().size() == world.machine->manifest().segments.size());
  CHECK(sound(world) == "");
}

TEST_CASE("a compaction that fails at any call leaves what was there, and the next one goes on") {
  for (std::uint64_t nth = 1; nth < 400; ++nth) {
    CAPTURE(nth);
    World world(3, std::uint64_t{1} << 40);
    os::SimChance chance(9);
    Model model;
    REQUIRE_FALSE(world.open());
    for (int round = 0; round < 2; ++round) {
      REQUIRE_FALSE(change(world, chance, model, 120));
      REQUIRE_FALSE(world.machine->checkpoint());
    }
    REQUIRE_FALSE(change(world, chance, model, 30));
    (void)world.machine->objects().evict(SIZE_MAX);
    const std::uint64_t steps = world.disk.steps();
    world.disk.fail_at(nth, sqlstate::disk_full);
    (void)world.machine->checkpoint();
    const bool has_met = world.disk.steps() - steps >= nth;
    world.disk.fail_at(0, sqlstate::disk_full);
    if (world.machine->log_is_broken()) {
      REQUIRE_FALSE(world.open());
    } else {
      REQUIRE(read_all(world) == model);
      REQUIRE_FALSE(world.machine->checkpoint());
      REQUIRE_FALSE(change(world, chance, model, 30));
      REQUIRE_FALSE(world.machine->checkpoint());
      REQUIRE_FALSE(world.machine->flush());
      REQUIRE_FALSE(world.machine->checkpoint());
      REQUIRE(world.machine->manifest().segments.size() <= 3);
    }
    REQUIRE(read_all(world) == model);
    REQUIRE(sound(world) == "");
    if (!has_met) return;
  }
  FAIL("there were more calls than were made to fail");
}
