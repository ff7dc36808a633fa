#include <catch2/catch.hpp>

#include <memory>
#include <string>

#include "support/table_world.hpp"
#include "support/verify.hpp"

using namespace spg;
using namespace spg::test;

TEST_CASE("random transactions agree with a map, across checkpoints, evictions and reopening") {
  const bool spills = GENERATE(false, true);
  CAPTURE(spills);
  std::size_t evicted = 0;
  for (std::uint64_t seed = 1; seed <= 15; ++seed) {
    CAPTURE(seed);
    os::SimStorage disk;
    os::SimChance chance(seed);
    auto world = std::make_unique<World>(disk);
    if (spills) world->options.changes_in_memory_max = world->options.unspilled_bytes_max = 64;
    REQUIRE_FALSE(world->open());
    REQUIRE_FALSE(world->create_table());
    Model model;
    for (int round = 0; round < 60; ++round) {
      bool committed;
      Status failed = random_transaction(*world, chance, model, committed);
      if (failed) UNSCOPED_INFO(std::string(failed.message()));
      REQUIRE_FALSE(failed);
      REQUIRE(read_all(*world) == model);
      if (round % 5 == 0) REQUIRE(test::faults_of(*world->machine) == "");
      if (chance.below(8) == 0) REQUIRE_FALSE(world->machine->checkpoint());
      if (chance.below(4) == 0) evicted += world->machine->objects().evict(chance.below(2) == 0 ? SIZE_MAX : 5000);
      if (chance.below(15) == 0) {
        world = std::make_unique<World>(disk);
        REQUIRE_FALSE(world->open());
        REQUIRE(read_all(*world) == model);
      }
    }
    world->machine.reset();
    CHECK(world->alloc.used_bytes() == 0);
  }
  CHECK(evicted > 1'000'000);
}

TEST_CASE("every crash point keeps what was acknowledged and nothing half") {
  std::uint64_t crashes = 0;
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    for (std::uint64_t cut = 1; cut < 2000; ++cut) {
      CAPTURE(seed, cut);
      os::SimStorage disk;
      os::SimChance chance(seed);
      Model acknowledged, possible;
      bool finished = false, has_table = false;
      {
        World world(disk);
        disk.cut_power_at(cut);
        Status failed = world.open();
        if (!failed) failed = world.create_table();
        has_table = !failed;
        for (int i = 0; i < 5 && !failed; ++i) {
          bool committed;
          possible = acknowledged;
          failed = random_transaction(world, chance, possible, committed);
          if (!failed) acknowledged = possible;
          if (!failed && chance.below(3) == 0) failed = world.machine->checkpoint();
        }
        finished = !failed;
      }
      ++crashes;
      disk.power_cycle(chance, cut % 3 == 0 ? os::Survival::none : cut % 3 == 1 ? os::Survival::torn : os::Survival::all);
      if (chance.below(4) == 0) {  // a crash during recovery, too
        World again(disk);
        disk.cut_power_at(1 + chance.below(12));
        (void)again.open();
        again.machine.reset();
        disk.power_cycle(chance, os::Survival::torn);
      }
      World world(disk);
      Status opened = world.open();
      if (opened) UNSCOPED_INFO(std::string(opened.message()));
      REQUIRE_FALSE(opened);
      auto* tip = world.lineage->tip();
      auto table = find_table(world.machine->objects(), tip->root, table_id, store::Access::wait);
      REQUIRE(table);
      if (*table == nullptr) {
        REQUIRE_FALSE(has_table);
      } else {
        const Model found = read_all(world);
        REQUIRE((found == acknowledged || found == possible));
      }
      REQUIRE(test::faults_of(*world.machine) == "");
      if (finished) break;
    }
  }
  INFO(crashes << " crash points");
  CHECK(crashes > 200);
}

TEST_CASE("without syncs the same workload loses what it acknowledged") {
  bool lost = false;
  for (std::uint64_t seed = 1; seed <= 10 && !lost; ++seed) {
    os::SimStorage disk;
    os::SimChance chance(seed);
    Model model;
    {
      World world(disk);
      REQUIRE_FALSE(world.open());
      REQUIRE_FALSE(world.create_table());
      disk.ignore_syncs(true);
      bool committed;
      for (int i = 0; i < 5; ++i) REQUIRE_FALSE(random_transaction(world, chance, model, committed));
    }
    disk.ignore_syncs(false);
    disk.power_cycle(chance, os::Survival::none);
    World world(disk);
    if (world.open()) { lost = true; break; }
    lost = read_all(world) != model;
  }
  CHECK(lost);
}

namespace {

/// Adds the same number to a table of each of two databases, by one commit.
Status add_to_both(World& world, SimMachine::LineageOf& other, std::int32_t number) {
  SimTransaction first(*world.machine, *world.lineage), second(*world.machine, other);
  Conflict conflict;
  const table::ColumnInput column{1, {Physical::int4, type::Vector::Form::flat, &number, nullptr, nullptr}};
  SPG_TRY(first.begin({}));
  SPG_TRY(first.begin_statement(Intent::write, store::Access::wait));
  SPG_TRY(put(first, number, "x", conflict));
  SPG_TRY(first.end_statement(true));
  SPG_TRY(second.begin({}));
  SPG_TRY(second.begin_statement(Intent::write, store::Access::wait));
  SPG_TRY(second.insert(table_id, {&column, 1}, {nullptr, 1}, conflict).status());
  SPG_TRY(second.end_statement(true));
  TransactionControl* const both[] = {&first, &second};
  SPG_TRY(world.machine->commit_together(both));
  return world.machine->wait_durable(second.floor());
}

Status create_plain_table(SimMachine& machine, SimMachine::LineageOf& lineage) {
  SimTransaction setup(machine, lineage);
  SPG_TRY(setup.begin({}));
  SPG_TRY(setup.begin_statement(Intent::write, store::Access::wait));
  const table::ColumnLayout columns[] = {{1, Physical::int4, 0, {}, type::Value::null_of(Physical::int4)}};
  SPG_TRY(setup.create_table(TableUse::user, columns).status());
  SPG_TRY(setup.end_statement(true));
  SPG_TRY(setup.commit());
  return machine.wait_durable(setup.floor());
}

}  // namespace

TEST_CASE("a commit of two databases survives a crash whole or not at all") {
  int cut_short = 0;
  for (std::uint64_t cut = 1; cut < 500; ++cut) {
    CAPTURE(cut);
    os::SimStorage disk;
    os::SimChance chance(cut);
    std::size_t acknowledged = 0;
    bool finished = false;
    {
      World world(disk);
      REQUIRE_FALSE(world.open());
      REQUIRE_FALSE(world.create_table());
      auto other = world.machine->create_lineage(DatabaseId{2});
      REQUIRE(other);
      REQUIRE_FALSE(create_plain_table(*world.machine, **other));
      disk.cut_power_at(cut);
      Status failed;
      for (std::int32_t number = 1; number <= 8 && !failed; ++number) {
        failed = add_to_both(world, **other, number);
        if (!failed) ++acknowledged;
        if (!failed && number % 3 == 0) failed = world.machine->checkpoint();
      }
      finished = !failed;
    }
    disk.power_cycle(chance, cut % 2 == 0 ? os::Survival::torn : os::Survival::none);
    World world(disk);
    REQUIRE_FALSE(world.open());
    const std::size_t rows = read_all(world).size();
    REQUIRE(rows >= acknowledged);
    SimTransaction reader(*world.machine, *world.machine->lineage(DatabaseId{2}));
    REQUIRE_FALSE(reader.begin({}));
    REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
    REQUIRE(*reader.row_count(table_id) == rows);
    REQUIRE(test::faults_of(*world.machine) == "");
    if (finished) break;
    ++cut_short;
  }
  CHECK(cut_short > 20);
}

TEST_CASE("a database that nobody writes to keeps no log") {
  os::SimStorage disk;
  const std::string text(1000, 'x');
  {
    World world(disk);
    world.options.checkpoint_log_bytes = 100'000;
    REQUIRE_FALSE(world.open());
    REQUIRE_FALSE(world.create_table());
    auto idle = world.machine->create_lineage(DatabaseId{2});
    REQUIRE(idle);
    REQUIRE_FALSE(create_plain_table(*world.machine, **idle));
    for (std::int32_t key = 0; key < 300; ++key) {
      SimTransaction transaction(*world.machine, *world.lineage);
      Conflict conflict;
      REQUIRE_FALSE(transaction.begin({}));
      REQUIRE_FALSE(transaction.begin_statement(Intent::write, store::Access::wait));
      REQUIRE_FALSE(put(transaction, key, text, conflict));
      REQUIRE_FALSE(transaction.end_statement(true));
      REQUIRE_FALSE(transaction.commit());
    }
    CHECK(world.machine->wants_checkpoint());
    REQUIRE_FALSE(world.machine->checkpoint());
    CHECK_FALSE(world.machine->wants_checkpoint());
    REQUIRE_FALSE(world.machine->flush());
  }
  World world(disk);
  REQUIRE_FALSE(world.open());
  CHECK(read_all(world).size() == 300);
  CHECK(world.machine->lineage(DatabaseId{2}) != nullptr);
  CHECK_FALSE(world.machine->wants_checkpoint());
}

TEST_CASE("a machine that has just been opened is not late with its checkpoint") {
  os::SimStorage disk;
  World world(disk);
  world.clock.advance_ns(std::uint64_t{7} * 24 * 3600 * 1'000'000'000);  // the system runs for a week
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  CHECK_FALSE(world.machine->wants_checkpoint());
  world.clock.advance_ns(world.options.checkpoint_seconds * std::uint64_t{1'000'000'000});
  CHECK(world.machine->wants_checkpoint());
  REQUIRE_FALSE(world.open());
  CHECK_FALSE(world.machine->wants_checkpoint());
}

namespace {

/// Transactions on one database, and on two, and checkpoints, until one fails. Those on two put keys from 1000 on into both.
struct FaultRun {
  Model acknowledged, possible;
  std::string failed;  ///< code of the error

  bool note(Status status) {
    if (!status) return false;
    const auto code = sqlstate_text(status.code());
    failed.assign(code.data(), 5);
    return true;
  }
  void run(World& world, SimMachine::LineageOf& other) {
    os::SimChance chance(5);
    for (int i = 0; i < 6; ++i) {
      bool committed;
      possible = acknowledged;
      if (note(random_transaction(world, chance, possible, committed))) return;
      acknowledged = possible;
      possible[1000 + i] = "x";
      if (note(add_to_both(world, other, 1000 + i))) return;
      acknowledged = possible;
      if (i % 2 == 1 && note(world.machine->checkpoint())) return;
    }
  }
};

/// One more row, after the fault has gone. False when it is the first to hear of a write of the log that has failed.
bool goes_on(World& world) {
  Conflict conflict;
  SimTransaction transaction(*world.machine, *world.lineage);
  REQUIRE_FALSE(transaction.begin({}));
  REQUIRE_FALSE(transaction.begin_statement(Intent::write, store::Access::wait));
  REQUIRE_FALSE(put(transaction, 5000, "after", conflict));
  REQUIRE_FALSE(transaction.end_statement(true));
  Status failed = transaction.commit();
  if (!failed) failed = world.machine->wait_durable(transaction.floor());
  if (failed) REQUIRE((failed.code() == sqlstate::disk_full || failed.code() == sqlstate::t_r_serialization_failure));
  return !failed;
}

std::size_t rows_of_second(World& world) {
  SimTransaction reader(*world.machine, *world.machine->lineage(DatabaseId{2}));
  REQUIRE_FALSE(reader.begin({}));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  return static_cast<std::size_t>(*reader.row_count(table_id));
}

}  // namespace

TEST_CASE("every disk call fails once, or from then on: an error that says so, and nothing acknowledged is lost") {
  struct Fault { Sqlstate code; bool sticky; os::SimCalls calls; };
  const Fault faults[] = {{sqlstate::disk_full, false, os::SimCalls::all},    {sqlstate::io_error, false, os::SimCalls::all},
                          {sqlstate::disk_full, true, os::SimCalls::all},     {sqlstate::io_error, true, os::SimCalls::all},
                          {sqlstate::io_error, true, os::SimCalls::syncs},    {sqlstate::io_error, true, os::SimCalls::names},
                          {sqlstate::io_error, true, os::SimCalls::dir_syncs}, {sqlstate::disk_full, true, os::SimCalls::all_but_syncs}};
  for (const Fault& fault : faults) {
    std::uint64_t tried = 0, went_on = 0;
    for (std::uint64_t nth = 1;; ++nth) {
      CAPTURE(nth, static_cast<int>(fault.calls), fault.sticky);
      os::SimStorage disk;
      os::SimChance chance(nth);
      FaultRun run;
      std::uint64_t steps = 0;
      {
        World world(disk);
        REQUIRE_FALSE(world.open());
        REQUIRE_FALSE(world.create_table());
        auto other = world.machine->create_lineage(DatabaseId{2});
        REQUIRE(other);
        REQUIRE_FALSE(create_plain_table(*world.machine, **other));
        steps = disk.steps();
        disk.fail_at(nth, fault.code, fault.sticky, fault.calls);
        run.run(world, **other);
        steps = disk.steps() - steps;
        disk.fail_at(0, fault.code);
        REQUIRE((run.failed == "" || run.failed == "53100" || run.failed == "58030" || run.failed == "08007"));
        REQUIRE(test::faults_of(*world.machine) == "");  // reads go on, whatever has failed
        ++tried;
        if (!world.machine->log_is_broken()) {  // so does the service
          if (goes_on(world)) run.acknowledged[5000] = run.possible[5000] = "after";
          REQUIRE_FALSE(world.machine->checkpoint());
          ++went_on;
        }
      }
      if (nth % 2 == 0) disk.power_cycle(chance, static_cast<os::Survival>(nth / 2 % 4));
      World world(disk);
      Status opened = world.open();
      if (opened) UNSCOPED_INFO(std::string(opened.message()));
      REQUIRE_FALSE(opened);
      const Model found = read_all(world);
      REQUIRE((found == run.acknowledged || found == run.possible));
      const auto in_both = std::count_if(found.begin(), found.end(), [](const auto& row) { return row.first >= 1000 && row.first < 5000; });
      REQUIRE(rows_of_second(world) == static_cast<std::size_t>(in_both));
      REQUIRE(test::faults_of(*world.machine) == "");
      if (nth > steps) break;  // nothing was left to fail
    }
    CHECK(tried > 30);
    CHECK(went_on > (fault.calls == os::SimCalls::syncs ? 0 : tried / 4));
  }
}

TEST_CASE("readers keep their version while writers go on, and writers wait for keys and rows, not for each other") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  SimTransaction reader(*world.machine, *world.lineage), writer(*world.machine, *world.lineage), other(*world.machine, *world.lineage);
  Conflict conflict;
  REQUIRE_FALSE(reader.begin({Isolation::repeatable_read, false}));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  REQUIRE_FALSE(writer.begin({}));
  REQUIRE_FALSE(writer.begin_statement(Intent::write, store::Access::wait));
  REQUIRE_FALSE(put(writer, 1, "one", conflict));
  REQUIRE_FALSE(writer.end_statement(true));
  REQUIRE_FALSE(other.begin({}));
  REQUIRE_FALSE(other.begin_statement(Intent::write, store::Access::wait));
  REQUIRE_FALSE(put(other, 2, "two", conflict));
  CHECK(put(other, 1, "another one", conflict).is_must_wait());
  REQUIRE_FALSE(other.end_statement(false));
  bool granted = false;
  other.set_wake([](void* flag) { *static_cast<bool*>(flag) = true; }, &granted);
  REQUIRE_FALSE(writer.commit());
  CHECK(granted);
  REQUIRE_FALSE(other.begin_statement(Intent::write, store::Access::wait));
  CHECK(find(other, world.arena, 1).size() == 1);  // it reads the tip
  REQUIRE_FALSE(put(other, 1, "another one", conflict));
  CHECK(conflict.found());
  REQUIRE_FALSE(other.end_statement(true));
  other.rollback();
  CHECK(contents(reader, world.arena).empty());
  REQUIRE_FALSE(reader.end_statement(true));
  REQUIRE_FALSE(world.machine->flush());
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  CHECK(contents(reader, world.arena).empty());
  REQUIRE_FALSE(reader.end_statement(true));
  REQUIRE_FALSE(reader.commit());
  CHECK(read_all(world).size() == 1);
}

TEST_CASE("a transaction that thinks between its statements keeps no version, unless one was promised") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  Conflict conflict;
  const auto grown_beside = [&](Isolation isolation) {
    SimTransaction thinking(*world.machine, *world.lineage);
    const std::int32_t key = isolation == Isolation::read_committed ? -1 : -2;
    REQUIRE_FALSE(thinking.begin({isolation, false}));
    REQUIRE_FALSE(thinking.begin_statement(Intent::write, store::Access::wait));
    REQUIRE_FALSE(put(thinking, key, "thinking", conflict));
    CHECK(find(thinking, world.arena, key).empty());
    REQUIRE_FALSE(thinking.end_statement(true));
    REQUIRE_FALSE(world.machine->flush());
    const std::size_t before = world.alloc.used_bytes();
    for (std::int32_t i = 0; i < 400; ++i) {
      SimTransaction other(*world.machine, *world.lineage);
      REQUIRE_FALSE(other.begin({}));
      REQUIRE_FALSE(other.begin_statement(Intent::write, store::Access::wait));
      const std::vector<std::uint64_t> last = find(other, world.arena, 7);
      if (!last.empty()) REQUIRE_FALSE(other.remove(table_id, last));
      REQUIRE_FALSE(put(other, 7, "again and again", conflict));
      REQUIRE_FALSE(other.end_statement(true));
      REQUIRE_FALSE(other.commit());
      REQUIRE_FALSE(world.machine->flush());
    }
    const std::size_t grown = world.alloc.used_bytes() - std::min(before, world.alloc.used_bytes());
    REQUIRE_FALSE(thinking.begin_statement(Intent::write, store::Access::wait));
    CHECK(find(thinking, world.arena, key).size() == 1);
    CHECK(find(thinking, world.arena, 7).size() == 1);
    REQUIRE_FALSE(thinking.end_statement(true));
    REQUIRE_FALSE(thinking.commit());
    REQUIRE_FALSE(world.machine->flush());
    return grown;
  };
  CHECK(grown_beside(Isolation::read_committed) < 256 * 1024);
  CHECK(grown_beside(Isolation::repeatable_read) > 1024 * 1024);  // else the test would show nothing
  CHECK(read_all(world).size() == 3);
}

TEST_CASE("who is about to lock reads the tip, who reads what is durable") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  Conflict conflict;
  SimTransaction writer(*world.machine, *world.lineage);
  REQUIRE_FALSE(writer.begin({}));
  REQUIRE_FALSE(writer.begin_statement(Intent::write, store::Access::wait));
  REQUIRE_FALSE(put(writer, 1, "published", conflict));
  REQUIRE_FALSE(writer.end_statement(true));
  REQUIRE_FALSE(writer.commit());
  for (const Intent intent : {Intent::read, Intent::lock}) {
    SimTransaction other(*world.machine, *world.lineage);
    REQUIRE_FALSE(other.begin({}));
    REQUIRE_FALSE(other.begin_statement(intent, store::Access::wait));
    CHECK(find(other, world.arena, 1).size() == (intent == Intent::lock));
    REQUIRE_FALSE(other.end_statement(true));
    other.rollback();
  }
}

TEST_CASE("what a reader has looked at under its guard stays in memory") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  Model model;
  os::SimChance chance(3);
  for (int round = 0; round < 10; ++round) {
    bool committed;
    REQUIRE_FALSE(random_transaction(world, chance, model, committed));
  }
  REQUIRE_FALSE(world.machine->checkpoint());
  auto& objects = world.machine->objects();
  SimTransaction reader(*world.machine, *world.lineage);
  REQUIRE_FALSE(reader.begin({}));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  REQUIRE(contents(reader, world.arena) == model);
  (void)objects.evict(SIZE_MAX);
  CHECK(objects.evict(SIZE_MAX) == 0);
  reader.leave_guard();  // it waits for its client
  CHECK(objects.evict(SIZE_MAX) > 1000);
  reader.renew_guard();
  CHECK(contents(reader, world.arena) == model);
  REQUIRE_FALSE(reader.end_statement(true));
  reader.rollback();
}

TEST_CASE("cold rows cost a cell per block, unless an older version is still read") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  const auto fill = [&](std::int32_t from) {
    Conflict conflict;
    SimTransaction writer(*world.machine, *world.lineage);
    REQUIRE_FALSE(writer.begin({}));
    REQUIRE_FALSE(writer.begin_statement(Intent::write, store::Access::wait));
    for (std::int32_t key = from; key < from + 12'000; ++key) REQUIRE_FALSE(put(writer, key, std::string(20, 'x') + std::to_string(key), conflict));
    REQUIRE_FALSE(writer.end_statement(true));
    REQUIRE_FALSE(writer.commit());
    REQUIRE_FALSE(world.machine->flush());
  };
  auto& objects = world.machine->objects();
  const auto evict_all = [&] {
    REQUIRE_FALSE(world.machine->tick());  // it may learn that nobody reads older versions any more
    std::size_t freed = 0;
    while (const std::size_t more = objects.evict(SIZE_MAX)) freed += more;
    return freed;
  };
  fill(0);
  auto kept = std::make_unique<SimTransaction>(*world.machine, *world.lineage);
  SimTransaction& old = *kept;
  REQUIRE_FALSE(old.begin({Isolation::repeatable_read, false}));
  REQUIRE_FALSE(old.begin_statement(Intent::read, store::Access::wait));
  const Model before = contents(old, world.arena);
  REQUIRE_FALSE(old.end_statement(true));
  fill(20'000);
  REQUIRE_FALSE(world.machine->checkpoint());
  const std::uint64_t with_all = objects.live_objects();
  (void)evict_all();
  CHECK(objects.live_objects() == with_all);  // the old version shares blocks with the new one
  REQUIRE_FALSE(old.begin_statement(Intent::read, store::Access::wait));
  CHECK(contents(old, world.arena) == before);
  REQUIRE_FALSE(old.end_statement(true));
  REQUIRE_FALSE(old.commit());
  kept.reset();
  REQUIRE_FALSE(world.machine->flush());
  CHECK(evict_all() != 0);
  const std::uint64_t cold = objects.live_objects();
  const Model model = read_all(world);
  CHECK(model.size() == 24'000);
  CHECK(objects.live_objects() > cold + 24 * 3 * 3 / 4);  // 24 blocks of two chunks and a heap
  CHECK(evict_all() != 0);
  CHECK(objects.live_objects() <= cold);  // what the first round had evicted without its cells is whole now
  // What lost its cells is written to, dropped, and read again after a restart.
  fill(50'000);
  CHECK(read_all(world).size() == 36'000);
  REQUIRE_FALSE(world.machine->checkpoint());
  REQUIRE_FALSE(world.open());
  CHECK(read_all(world).size() == 36'000);
}

TEST_CASE("a large write set is brought onto a table that others have changed meanwhile, and nothing is freed twice") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  Model model;
  {
    SimTransaction large(*world.machine, *world.lineage), small(*world.machine, *world.lineage);
    Conflict conflict;
    REQUIRE_FALSE(large.begin({}));
    for (std::int32_t key = 0; key < 300; ++key) {
      REQUIRE_FALSE(large.begin_statement(Intent::write, store::Access::wait));
      REQUIRE_FALSE(put(large, key, std::string(40, 'l'), conflict));
      REQUIRE_FALSE(large.end_statement(true));
      model[key] = std::string(40, 'l');
      if (key % 50 != 0) continue;
      REQUIRE_FALSE(large.begin_statement(Intent::read, store::Access::wait));
      CHECK(contents(large, world.arena).size() == static_cast<std::size_t>(key + 1 + key / 50));
      REQUIRE_FALSE(large.end_statement(true));
      REQUIRE_FALSE(small.begin({}));
      REQUIRE_FALSE(small.begin_statement(Intent::write, store::Access::wait));
      REQUIRE_FALSE(put(small, 1000 + key, "small", conflict));
      REQUIRE_FALSE(small.end_statement(true));
      REQUIRE_FALSE(small.commit());
      REQUIRE_FALSE(world.machine->flush());
      model[1000 + key] = "small";
    }
    REQUIRE_FALSE(large.begin_statement(Intent::read, store::Access::wait));
    CHECK(contents(large, world.arena) == model);
    REQUIRE_FALSE(large.end_statement(true));
    REQUIRE_FALSE(small.begin({}));
    REQUIRE_FALSE(small.begin_statement(Intent::write, store::Access::wait));
    REQUIRE_FALSE(put(small, 5000, "last", conflict));
    REQUIRE_FALSE(small.end_statement(true));
    REQUIRE_FALSE(small.commit());
    model[5000] = "last";
    REQUIRE_FALSE(large.commit());
  }
  REQUIRE_FALSE(world.machine->flush());
  CHECK(read_all(world) == model);
  REQUIRE_FALSE(world.machine->checkpoint());
  World again(disk);
  world.machine.reset();
  REQUIRE_FALSE(again.open());
  CHECK(read_all(again) == model);
}

TEST_CASE("a read that may not wait is told when an object is not resident") {
  os::SimStorage disk;
  {
    World world(disk);
    REQUIRE_FALSE(world.open());
    REQUIRE_FALSE(world.create_table());
    REQUIRE_FALSE(world.machine->checkpoint());
  }
  World world(disk);
  REQUIRE_FALSE(world.open());
  SimTransaction reader(*world.machine, *world.lineage);
  REQUIRE_FALSE(reader.begin({}));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::no_wait));
  CHECK(reader.row_count(table_id).error().is_would_block());
  REQUIRE_FALSE(reader.end_statement(false));
  REQUIRE_FALSE(reader.begin_statement(Intent::read, store::Access::wait));
  CHECK(*reader.row_count(table_id) == 0);
  REQUIRE_FALSE(reader.end_statement(true));
}

TEST_CASE("a checkpoint right after a failed write of the log works") {
  os::SimStorage disk;
  World world(disk);
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  const std::uint64_t before = world.machine->manifest().number;
  SimTransaction transaction(*world.machine, *world.lineage);
  Conflict conflict;
  REQUIRE_FALSE(transaction.begin({}));
  REQUIRE_FALSE(transaction.begin_statement(Intent::write, store::Access::wait));
  REQUIRE_FALSE(put(transaction, 1, "lost", conflict));
  REQUIRE_FALSE(transaction.end_statement(true));
  REQUIRE_FALSE(transaction.commit());
  disk.fail_at(1, sqlstate::disk_full, false, os::SimCalls::writes);
  REQUIRE(world.machine->wait_durable(transaction.floor()).code() == sqlstate::disk_full);
  REQUIRE_FALSE(world.machine->checkpoint());
  CHECK(world.machine->manifest().number == before + 2);  // the new epoch's, and the checkpoint's
  CHECK(read_all(world).empty());
}

TEST_CASE("one machine writes to a storage, or several read") {
  os::SimStorage disk;
  World writer(disk), other(disk);
  REQUIRE_FALSE(writer.open());
  REQUIRE_FALSE(writer.create_table());
  Status refused = other.open();
  REQUIRE(refused.code() == sqlstate::lock_file_exists);
  CHECK(std::string(refused.message()) == "database \"d/db\" is open already: directory \"d/db.d\" is locked by this process");
  other.options.read_only = true;
  CHECK(other.open().code() == sqlstate::lock_file_exists);
  writer.machine.reset();
  World second(disk);
  second.options.read_only = true;
  REQUIRE_FALSE(other.open());
  REQUIRE_FALSE(second.open());
  CHECK(writer.open().code() == sqlstate::lock_file_exists);
  CHECK(other.machine->checkpoint().code() == sqlstate::read_only_sql_transaction);
  other.machine.reset();
  second.machine.reset();
  CHECK_FALSE(writer.open());
}

TEST_CASE("a lost pointer file makes no new database over the old one") {
  os::SimStorage disk;
  {
    World world(disk);
    REQUIRE_FALSE(world.open());
    REQUIRE_FALSE(world.create_table());
    REQUIRE_FALSE(world.machine->checkpoint());
  }
  REQUIRE_FALSE(disk.remove("d/db"));
  for (const bool read_only : {false, true}) {
    World world(disk);
    world.options.read_only = read_only;
    Status refused = world.open();
    CHECK(refused.code() == sqlstate::data_corrupted);
    CHECK(std::string(refused.message()) == "file \"d/db\" is missing, but directory \"d/db.d\" holds a database");
  }
  auto found = store::find_manifest(disk, "d/db");
  REQUIRE(found);
  REQUIRE_FALSE(store::write_pointer(disk, "d/db", found->number));
  World world(disk);
  REQUIRE_FALSE(world.open());
  CHECK_FALSE(world.machine->is_new());
  CHECK(world.lineage->tip()->log_end != 0);
}

TEST_CASE("the newest manifest that is whole is found, past damaged ones") {
  os::SimStorage disk;
  store::Manifest manifest;
  REQUIRE(manifest.epochs.push_back({1, 0}));
  for (const std::uint64_t number : {3u, 4u, 5u, 6u}) {
    manifest.number = number;
    if (number == 6) REQUIRE(manifest.segments.push_back({1, 100, 0}));  // which is not there
    REQUIRE_FALSE(store::write_manifest(disk, "d/db", manifest));
  }
  REQUIRE(disk.flip("d/db.d/manifest-00000005", 20, 3));
  auto found = store::find_manifest(disk, "d/db");
  REQUIRE(found);
  CHECK(found->number == 4);
  CHECK(store::find_manifest(disk, "d/other").error().code() == sqlstate::undefined_file);
}

TEST_CASE("a first start that was cut short anywhere is begun anew") {
  for (std::uint64_t cut = 1;; ++cut) {
    CAPTURE(cut);
    REQUIRE(cut < 200);
    os::SimStorage disk;
    os::SimChance chance(cut);
    bool whole;
    {
      World world(disk);
      disk.cut_power_at(cut);
      whole = !world.open();
    }
    disk.power_cycle(chance, os::Survival::all);
    World world(disk);
    REQUIRE_FALSE(world.open());
    REQUIRE_FALSE(world.create_table());
    if (whole) break;
  }
}
