// Reading the past: which versions are kept to be read by their time, and that what only they need goes with them.
#include <catch2/catch.hpp>

#include "support/table_world.hpp"
#include "support/verify.hpp"

using namespace spg;
using namespace spg::test;

namespace {

constexpr std::uint64_t second_ns = 1'000'000'000;

struct Past {
  os::SimStorage disk;
  World world{disk};
  Model model;
  struct Moment { std::int64_t time_us; Model model; };
  std::vector<Moment> moments;  ///< what the table was from a time on

  explicit Past(std::uint32_t seconds) {
    world.options.history_seconds = seconds;
    world.options.compaction = {4, 4000};
    open();
    REQUIRE_FALSE(world.create_table());
    note();
  }
  void open() { REQUIRE_FALSE(world.open()); }
  std::int64_t now() { return world.clock.wall_us() - epoch_2000_us; }
  void note() {
    world.clock.advance_ns(2000);
    moments.push_back({now(), model});
    world.clock.advance_ns(2000);
  }
  void set(std::int32_t key, const std::string& text) {
    REQUIRE_FALSE(world.write([&](SimTransaction& transaction) -> Status {
      Conflict conflict;
      if (!model.contains(key)) return put(transaction, key, text, conflict);
      const StringRef ref(text);
      const table::ColumnInput column{2, {Physical::string, type::Vector::Form::flat, &ref, nullptr, nullptr}};
      return transaction.update(table_id, find(transaction, world.arena, key), {&column, 1}, {nullptr, 1}, conflict);
    }));
    model[key] = text;
    note();
  }
  void wait(std::uint64_t ns) {
    world.clock.advance_ns(ns);
    REQUIRE_FALSE(world.machine->tick());
  }
  /// Null: not kept.
  std::unique_ptr<Model> read(std::int64_t time_us) {
    SimTransaction reader(*world.machine, *world.lineage);
    REQUIRE_FALSE(reader.begin({}));
    Status failed = reader.begin_statement_as_of(time_us, store::Access::wait);
    if (failed) {
      CHECK(failed.code() == sqlstate::snapshot_too_old);
      reader.rollback();
      return nullptr;
    }
    auto found = std::make_unique<Model>(contents(reader, world.arena));
    REQUIRE_FALSE(reader.end_statement(true));
    REQUIRE_FALSE(reader.commit());
    world.arena.reset();
    return found;
  }
  const Model& wanted(std::int64_t time_us) const {
    const Model* found = nullptr;
    for (const Moment& one : moments)
      if (one.time_us <= time_us) found = &one.model;
    REQUIRE(found != nullptr);
    return *found;
  }
};

}  // namespace

TEST_CASE("any moment of the kept past reads as it was") {
  const auto seed = GENERATE(as<std::uint64_t>{}, 1, 2, 3, 4, 5, 6);
  CAPTURE(seed);
  os::SimChance chance(seed);
  Past past(3);
  World& world = past.world;
  std::size_t read = 0, refused = 0;
  for (int step = 0; step < 400; ++step) {
    bool committed = false;
    REQUIRE_FALSE(random_transaction(world, chance, past.model, committed));
    if (committed) past.note();
    past.wait(chance.below(4) == 0 ? chance.below(second_ns / 2) : chance.below(50'000'000));
    if (chance.below(25) == 0) REQUIRE_FALSE(world.machine->checkpoint());
    if (chance.below(10) == 0) (void)world.machine->objects().evict(SIZE_MAX);
    if (chance.below(100) == 0) past.wait(10 * second_ns);
    if (chance.below(150) == 0) {
      REQUIRE_FALSE(world.machine->checkpoint());
      past.open();
      past.moments = {past.moments.back()};  // history ends with the process
    }
    const std::int64_t now = past.now(), begin = past.moments[0].time_us;
    const std::int64_t ago = static_cast<std::int64_t>(chance.below(chance.below(2) == 0 ? 4'000'000 : 30'000'000));
    const std::int64_t time = std::max(begin, now - ago);
    auto found = past.read(time);
    if (found != nullptr) CHECK(*found == past.wanted(time));
    else CHECK(time < now - 3'000'000);
    ++(found != nullptr ? read : refused);
    if (chance.below(20) == 0) CHECK(read_all(world) == past.model);
  }
  CHECK(read > 100);
  CHECK(refused > 10);
  CHECK(faults_of(*world.machine) == "");
  REQUIRE_FALSE(world.machine->checkpoint());
  world.machine.reset();
  CHECK(world.alloc.used_bytes() == 0);
  Faults faults;
  verify_all<SimMachine>(past.disk, faults);
  CHECK(faults.text == "");
}

TEST_CASE("what only the past needs goes when the past does") {
  Past past(10);
  World& world = past.world;
  for (std::int32_t key = 0; key < 30; ++key) past.set(key, "a");
  past.wait(60 * second_ns);
  past.set(0, "b");
  past.wait(60 * second_ns);
  const std::uint64_t before = world.machine->objects().live_objects();
  for (int n = 0; n < 50; ++n) past.set(n % 30, std::to_string(n));
  CHECK(world.machine->objects().live_objects() > before + 100);
  past.wait(9 * second_ns);
  CHECK(world.machine->objects().live_objects() > before + 100);
  past.wait(2 * second_ns);
  CHECK(world.machine->objects().live_objects() == before);
}

TEST_CASE("of a second with many commits the first hundred are kept, and the last") {
  Past past(100);
  std::size_t exact = 0, older = 0;
  for (int n = 0; n < 300; ++n) past.set(1, std::to_string(n));
  past.wait(2 * second_ns);
  past.set(1, "at last");
  for (const Past::Moment& one : past.moments) {
    auto found = past.read(one.time_us);
    REQUIRE(found != nullptr);
    if (*found == one.model) { ++exact; continue; }
    ++older;
    CHECK(std::stoi((*found)[1]) < std::stoi(one.model.at(1)));
  }
  CHECK(exact >= 102);
  CHECK(older >= 190);
  CHECK(past.read(past.moments[300].time_us)->at(1) == "299");
}

TEST_CASE("history that is read stays until it has been read") {
  Past past(10);
  World& world = past.world;
  past.set(1, "first");
  const std::int64_t then = past.now();
  past.set(1, "second");
  SimTransaction reader(*world.machine, *world.lineage);
  REQUIRE_FALSE(reader.begin({}));
  REQUIRE_FALSE(reader.begin_statement_as_of(then, store::Access::wait));
  past.wait(30 * second_ns);
  past.set(1, "third");
  REQUIRE_FALSE(world.machine->checkpoint());
  past.wait(30 * second_ns);
  (void)world.machine->objects().evict(SIZE_MAX);
  CHECK(contents(reader, world.arena) == Model{{1, "first"}});
  REQUIRE_FALSE(reader.end_statement(true));
  past.wait(second_ns);
  REQUIRE(reader.begin_statement_as_of(then, store::Access::wait).code() == sqlstate::snapshot_too_old);
  reader.rollback();
}

TEST_CASE("the past that is written to disk does not count as alive, and leaves memory") {
  Past past(3600);
  World& world = past.world;
  for (std::int32_t key = 0; key < 30; ++key) past.set(key, "a");
  REQUIRE_FALSE(world.machine->checkpoint());
  const auto live_bytes = [&] {
    std::uint64_t live = 0;
    for (const store::SegmentInfo& segment : world.machine->manifest().segments) live += segment.live_bytes;
    return live;
  };
  const std::uint64_t before = live_bytes();
  for (int n = 0; n < 200; ++n) {
    past.set(n % 30, std::to_string(n));
    past.wait(second_ns / 10);
    if (n % 20 == 19) REQUIRE_FALSE(world.machine->checkpoint());
  }
  REQUIRE_FALSE(world.machine->checkpoint());
  CHECK(live_bytes() < 3 * before);
  // All of it can go, and comes back.
  (void)world.machine->objects().evict(SIZE_MAX);
  const std::size_t cold = world.alloc.used_bytes();
  for (const Past::Moment& one : past.moments) CHECK(*past.read(one.time_us) == one.model);
  CHECK(world.alloc.used_bytes() > 2 * cold);
  CHECK(world.files("segment-").size() < 20);
}

TEST_CASE("without history nothing but the newest version can be read") {
  Past past(0);
  past.set(1, "first");
  const std::int64_t then = past.now();
  past.set(1, "second");
  past.wait(second_ns);
  CHECK(past.read(then) == nullptr);
  CHECK(*past.read(past.now()) == past.model);
}
