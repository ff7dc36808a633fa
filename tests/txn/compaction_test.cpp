// Compaction through a machine: what is alive moves out of old segments, older versions read on, files go, nothing is lost.
#include <catch2/catch.hpp>

#include "support/table_world.hpp"
#include "support/verify.hpp"

using namespace spg;
using namespace spg::test;

namespace {

struct Compacted {
  os::SimStorage disk;
  World world{disk};
  Compacted(std::uint32_t count_max, std::uint64_t dead_bytes_min) {
    world.options.compaction = {count_max, dead_bytes_min};
    REQUIRE_FALSE(world.open());
    REQUIRE_FALSE(world.create_table());
  }
};

std::uint64_t segment_bytes(const World& world) {
  std::uint64_t bytes = 0;
  for (const store::SegmentInfo& one : world.machine->manifest().segments) bytes += one.bytes;
  return bytes;
}
Status put(SimTransaction& transaction, Model& model, std::int32_t key, std::string text) {
  Conflict conflict;
  SPG_TRY(test::put(transaction, key, text, conflict));
  model[key] = std::move(text);
  return ok();
}
Status drop(World& world, SimTransaction& transaction, Model& model, std::int32_t key) {
  model.erase(key);
  return transaction.remove(table_id, find(transaction, world.arena, key));
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
/// Who verifies opens the database himself: the machine is gone then.
std::string sound(World& world) {
  world.machine.reset();
  test::Faults faults;
  test::verify_all<SimMachine>(world.disk, faults);
  return faults.text;
}

}  // namespace

TEST_CASE("the number of segments stays below its limit, whatever is in memory, and nothing is lost") {
  const bool evicts = GENERATE(false, true);
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed, evicts);
    Compacted compacted(5, std::uint64_t{1} << 40);
    World& world = compacted.world;
    os::SimChance chance(seed);
    Model model;
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
    CHECK(world.files("segment-").size() == world.machine->manifest().segments.size());
    std::uint64_t live = 0;
    for (const store::SegmentInfo& one : world.machine->manifest().segments) live += one.live_bytes;
    CHECK(live * 5 > segment_bytes(world));  // it is told what is alive
    CHECK(live <= segment_bytes(world));
  }
}

TEST_CASE("segments whose numbers are the same modulo 64 are told from each other") {
  Compacted compacted(1000, std::uint64_t{1} << 40);
  World& world = compacted.world;
  Model model;
  const auto fill = [&](std::int32_t from, std::int32_t to) {
    REQUIRE_FALSE(world.write([&](SimTransaction& transaction) -> Status {
      for (std::int32_t key = from; key < to; ++key) SPG_TRY(put(transaction, model, key, "row " + std::to_string(key)));
      return ok();
    }));
    REQUIRE_FALSE(world.machine->checkpoint());
  };
  fill(0, 1000);
  const std::uint32_t first = world.machine->manifest().segments.back().number;
  // The block is written anew, and goes on referring to the first column's chunk in the first segment.
  const auto last = [&] { return world.machine->manifest().segments.back().number; };
  for (std::int32_t round = 0; last() == first || last() % 64 != first % 64; ++round) {
    const std::string text = "changed " + std::to_string(round);
    const StringRef ref(text);
    REQUIRE_FALSE(world.write([&](SimTransaction& transaction) {
      const table::ColumnInput column{2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}};
      Conflict conflict;
      model[round % 1000] = text;
      return transaction.update(table_id, find(transaction, world.arena, round % 1000), {&column, 1}, {nullptr, 1}, conflict);
    }));
    REQUIRE_FALSE(world.machine->checkpoint());
  }
  REQUIRE(world.machine->manifest().segments[0].number == first);
  world.options.compaction.count_max = 2;  // all but the largest
  REQUIRE_FALSE(world.open());
  for (int i = 0; i < 3; ++i) {
    REQUIRE_FALSE(world.machine->checkpoint());
    REQUIRE_FALSE(world.machine->tick());
  }
  CHECK(world.machine->manifest().segments.size() <= 2);
  CHECK(world.machine->manifest().segments[0].number != first);
  REQUIRE_FALSE(world.open());
  CHECK(read_all(world) == model);
  world.machine.reset();
  CHECK(sound(world) == "");
}

TEST_CASE("an old version reads on from where its objects lay, and where they lie now, until it ends") {
  Compacted compacted(3, std::uint64_t{1} << 40);
  World& world = compacted.world;
  os::SimChance chance(77);
  Model model;
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
    CHECK(world.files("segment-").size() > world.machine->manifest().segments.size());
    old.rollback();
  }
  REQUIRE_FALSE(world.machine->flush());
  REQUIRE_FALSE(world.machine->checkpoint());
  REQUIRE_FALSE(world.machine->flush());
  REQUIRE_FALSE(world.machine->tick());
  CHECK_FALSE(world.machine->objects().is_forwarding());
  CHECK(world.machine->manifest().segments.size() < 3);
  CHECK(world.files("segment-").size() == world.machine->manifest().segments.size());
  CHECK(read_all(world) == model);
  CHECK(sound(world) == "");
}

TEST_CASE("what is dead goes from the disk, and what has not changed is not written again") {
  Compacted compacted(64, 1000);
  World& world = compacted.world;
  os::SimChance chance(5);
  Model model;
  REQUIRE_FALSE(world.write([&](SimTransaction& transaction) -> Status {
    for (std::int32_t key = 0; key < 20'000; ++key) SPG_TRY(put(transaction, model, key, "row " + std::to_string(chance.next())));
    return ok();
  }));
  REQUIRE_FALSE(world.machine->checkpoint());
  const std::uint64_t full = segment_bytes(world);
  REQUIRE_FALSE(world.machine->flush());
  CHECK_FALSE(world.machine->wants_checkpoint());
  // A little dies: the rest stays where it is.
  REQUIRE_FALSE(change(world, chance, model, 20));
  REQUIRE_FALSE(world.machine->checkpoint());
  CHECK(segment_bytes(world) < full + full / 4);
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
  CHECK(segment_bytes(world) < full / 2);
  CHECK(read_all(world) == model);
  // All of it dies with its table.
  REQUIRE_FALSE(world.write([&](SimTransaction& transaction) { return transaction.drop_table(table_id); }));
  for (int i = 0; i < 4; ++i) {
    REQUIRE_FALSE(world.machine->checkpoint());
    REQUIRE_FALSE(world.machine->flush());
  }
  CHECK(segment_bytes(world) < 3000);
  REQUIRE_FALSE(world.machine->tick());
  CHECK(world.files("segment-").size() == world.machine->manifest().segments.size());
  CHECK(sound(world) == "");
}

TEST_CASE("a compaction that fails at any call leaves what was there, and the next one goes on") {
  for (std::uint64_t nth = 1; nth < 400; ++nth) {
    CAPTURE(nth);
    Compacted compacted(3, std::uint64_t{1} << 40);
  World& world = compacted.world;
    os::SimChance chance(9);
    Model model;
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
