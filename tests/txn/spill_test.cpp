// Large transactions: their records and what these make leave memory before the commit; nothing of that shows.
#include <catch2/catch.hpp>

#include "support/table_world.hpp"
#include "support/verify.hpp"

using namespace spg;
using namespace spg::test;

namespace {

struct Spilling {
  os::SimStorage disk;
  World world{disk};
  Model model;
  Spilling() {
    world.options.changes_in_memory_max = 16 * 1024;
    world.options.unspilled_bytes_max = 64 * 1024;
    REQUIRE_FALSE(world.open());
    REQUIRE_FALSE(world.create_table());
    REQUIRE_FALSE(world.write([&](SimTransaction& transaction) { return put_rows(transaction, model, -500, 0); }));
  }
  static std::string text_of(std::int32_t key) { return std::string(static_cast<std::size_t>(20 + key % 30 * (key > 0)), 't') + std::to_string(key * 7919 % 100'003); }
  static Status put_rows(SimTransaction& transaction, Model& model, std::int32_t from, std::int32_t to) {
    Conflict conflict;
    for (std::int32_t key = from; key < to; ++key) {
      SPG_TRY(put(transaction, key, text_of(key), conflict));
      REQUIRE_FALSE(conflict.found());
      model[key] = text_of(key);
    }
    return ok();
  }
  template <class Work>
  void statement(SimTransaction& transaction, Work work) {
    REQUIRE_FALSE(transaction.begin_statement(Intent::write, store::Access::wait));
    Status failed = work();
    if (failed) UNSCOPED_INFO(std::string(failed.message()));
    REQUIRE_FALSE(failed);
    REQUIRE_FALSE(transaction.end_statement(true));
  }
  void check_sound() {
    REQUIRE_FALSE(world.machine->flush());
    CHECK(read_all(world) == model);
    CHECK(faults_of(*world.machine) == "");
    REQUIRE_FALSE(world.machine->checkpoint());
    REQUIRE_FALSE(world.open());
    CHECK(read_all(world) == model);
    Faults faults;
    world.machine.reset();  // who verifies opens the database himself
    verify_all<SimMachine>(disk, faults);
    CHECK(faults.text == "");
    REQUIRE_FALSE(world.open());
    CHECK(world.files("scratch-").empty());
    CHECK(world.files("segment-").size() == world.machine->manifest().segments.size());
  }
};

}  // namespace

TEST_CASE("a transaction much larger than its memory commits, and is rolled back") {
  const bool commits = GENERATE(true, false), looks = GENERATE(false, true);
  CAPTURE(commits, looks);
  Spilling spilling;
  World& world = spilling.world;
  REQUIRE_FALSE(world.machine->checkpoint());
  Model mine = spilling.model;
  std::size_t most = 0;
  {
    SimTransaction transaction(*world.machine, *world.lineage);
    REQUIRE_FALSE(transaction.begin({}));
    for (std::int32_t from = 0; from < 20'000; from += 1000) {
      spilling.statement(transaction, [&] { return Spilling::put_rows(transaction, mine, from, from + 1000); });
      if (looks) spilling.statement(transaction, [&] { CHECK(find(transaction, world.arena, from).size() == 1); return ok(); });
      (void)world.machine->objects().evict(SIZE_MAX);
      most = std::max(most, world.alloc.used_bytes());
    }
    CHECK(world.files("scratch-").size() == 1);
    if (looks) CHECK(world.files("segment-").size() > 5);
    if (looks) spilling.statement(transaction, [&] { CHECK(contents(transaction, world.arena) == mine); return ok(); });
    if (commits) {
      REQUIRE_FALSE(transaction.commit());
      spilling.model = mine;
    } else {
      transaction.rollback();
    }
  }
  // 20,000 rows are more than 2 MB with their indexes.
  CHECK(most < 1'500'000);
  CHECK(world.files("scratch-").empty());
  if (!commits) CHECK(world.files("segment-").size() == world.machine->manifest().segments.size());
  spilling.check_sound();
}

TEST_CASE("recovery needs no more memory than it has, whatever the log holds") {
  const bool is_large = GENERATE(true, false);  // one transaction, or many
  CAPTURE(is_large);
  Spilling spilling;
  World& world = spilling.world;
  REQUIRE_FALSE(world.machine->checkpoint());
  if (is_large) {
    REQUIRE_FALSE(world.write([&](SimTransaction& transaction) { return Spilling::put_rows(transaction, spilling.model, 0, 60'000); }));
  } else {
    for (std::int32_t from = 0; from < 60'000; from += 100)
      REQUIRE_FALSE(world.write([&](SimTransaction& transaction) { return Spilling::put_rows(transaction, spilling.model, from, from + 100); }));
  }
  world.machine.reset();
  os::SimStorage log_only;
  log_only.copy_from(spilling.disk);
  (void)world.alloc.take_most_used_bytes();
  REQUIRE_FALSE(world.open());
  const std::size_t unbounded = world.alloc.take_most_used_bytes();
  CHECK(read_all(world) == spilling.model);
  world.machine.reset();
  spilling.disk.copy_from(log_only);
  world.options.hot_tier_bytes = 800'000;
  (void)world.alloc.take_most_used_bytes();
  REQUIRE_FALSE(world.open());
  const std::size_t most = world.alloc.take_most_used_bytes();
  CAPTURE(unbounded, most);
  CHECK(unbounded > 6'000'000);
  CHECK(most < 2'000'000);
  CHECK(world.files("scratch-").empty());
  spilling.check_sound();
}

TEST_CASE("savepoints, updates and deletes over what has been spilled") {
  Spilling spilling;
  World& world = spilling.world;
  Model mine = spilling.model;
  SimTransaction transaction(*world.machine, *world.lineage);
  REQUIRE_FALSE(transaction.begin({}));
  spilling.statement(transaction, [&] { return Spilling::put_rows(transaction, mine, 0, 4000); });
  spilling.statement(transaction, [&] { CHECK(contents(transaction, world.arena) == mine); return ok(); });
  const Model at_mark = mine;
  auto mark = transaction.savepoint();
  REQUIRE(mark);
  spilling.statement(transaction, [&] { return Spilling::put_rows(transaction, mine, 4000, 8000); });
  spilling.statement(transaction, [&]() -> Status {
    for (std::int32_t key = -500; key < 8000; key += 3) {
      mine.erase(key);
      SPG_TRY(transaction.remove(table_id, find(transaction, world.arena, key)));
    }
    return ok();
  });
  spilling.statement(transaction, [&] { CHECK(contents(transaction, world.arena) == mine); return ok(); });
  REQUIRE_FALSE(transaction.rollback_to(*mark));
  mine = at_mark;
  spilling.statement(transaction, [&] { CHECK(contents(transaction, world.arena) == mine); return ok(); });
  spilling.statement(transaction, [&]() -> Status {
    for (std::int32_t key = -400; key < 4000; key += 5) {
      const std::string text = "changed " + std::to_string(key);
      const StringRef ref(text);
      const table::ColumnInput column{2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}};
      Conflict conflict;
      SPG_TRY(transaction.update(table_id, find(transaction, world.arena, key), {&column, 1}, {nullptr, 1}, conflict));
      mine[key] = text;
    }
    return ok();
  });
  // Others go on meanwhile, so that the private table is made anew on theirs; and a checkpoint knows nothing of it.
  REQUIRE_FALSE(world.write([&](SimTransaction& other) { return Spilling::put_rows(other, spilling.model, 50'000, 50'500); }));
  REQUIRE_FALSE(world.machine->checkpoint());
  for (std::int32_t key = 50'000; key < 50'500; ++key) mine[key] = Spilling::text_of(key);
  spilling.statement(transaction, [&] { CHECK(contents(transaction, world.arena) == mine); return ok(); });
  REQUIRE_FALSE(transaction.commit());
  spilling.model = mine;
  transaction.rollback();
  REQUIRE_FALSE(world.machine->flush());
  CHECK(read_all(world) == mine);
}

TEST_CASE("power is lost in the middle of a large transaction: nothing of it stays") {
  Spilling spilling;
  World& world = spilling.world;
  os::SimChance chance(3);
  {
    SimTransaction transaction(*world.machine, *world.lineage);
    REQUIRE_FALSE(transaction.begin({}));
    Model mine = spilling.model;
    spilling.statement(transaction, [&] { return Spilling::put_rows(transaction, mine, 0, 6000); });
    spilling.statement(transaction, [&] { CHECK(find(transaction, world.arena, 77).size() == 1); return ok(); });
    REQUIRE_FALSE(world.machine->checkpoint());
    CHECK(world.files("scratch-").size() == 1);
    CHECK(world.files("segment-").size() > world.machine->manifest().segments.size());
    world.disk.cut_power_at(1);
  }
  world.machine.reset();
  world.disk.power_cycle(chance, os::Survival::all);
  REQUIRE_FALSE(world.open());
  spilling.check_sound();
}

TEST_CASE("a disk that fills up while a transaction spills fails a statement, or the commit, and nothing else") {
  for (std::uint64_t nth = 1; nth < 60; ++nth) {
    CAPTURE(nth);
    Spilling spilling;
    World& world = spilling.world;
    {
      SimTransaction transaction(*world.machine, *world.lineage);
      REQUIRE_FALSE(transaction.begin({}));
      Model mine = spilling.model;
      world.disk.fail_at(nth, sqlstate::disk_full);
      Status failed;
      for (std::int32_t from = 0; from < 3000 && !failed; from += 500) {
        REQUIRE_FALSE(transaction.begin_statement(Intent::write, store::Access::wait));
        failed = Spilling::put_rows(transaction, mine, from, from + 500);
        REQUIRE_FALSE(transaction.end_statement(!failed));
      }
      if (failed) transaction.rollback();
      else failed = transaction.commit();
      if (!failed) spilling.model = mine;
      else CHECK(failed.code() == sqlstate::disk_full);
      world.disk.fail_at(0, sqlstate::disk_full);
    }
    if (world.machine->log_is_broken()) REQUIRE_FALSE(world.open());
    else REQUIRE_FALSE(world.machine->flush());
    CHECK(read_all(world) == spilling.model);
    spilling.check_sound();
  }
}
