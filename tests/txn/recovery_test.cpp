// Recovery to a point: by archive, tee and kept manifests, against a history of what every point was.
#include <catch2/catch.hpp>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "support/table_world.hpp"
#include "support/verify.hpp"

using namespace spg;
using namespace spg::test;

namespace {

struct Lines final : log::CopyReport {
  void say(std::string_view line) override { all.emplace_back(line); }
  bool has(std::string_view part) const {
    return std::any_of(all.begin(), all.end(), [&](const std::string& line) { return line.find(part) != std::string::npos; });
  }
  std::vector<std::string> all;
};

/// What the database was, and what names that state.
struct Point {
  std::uint64_t lsn = 0;
  std::int64_t time_us = 0;
  Model model;
};

std::unique_ptr<World> make_world(os::SimStorage& disk, os::SimClock& clock, Lines* lines = nullptr) {
  auto world = std::make_unique<World>(disk, &clock);
  world->options.copies.archive = "a";
  world->options.copies.tee = "t/wal";
  world->options.copies.archive_seconds = 1;
  world->options.copy_report = lines;
  return world;
}

std::uint64_t lsn_of(World& world) {
  const Lsn end = world.machine->log_end(true);
  return log::lsn_of(end.epoch, end.counter);
}

RecoveryTarget at_lsn(std::uint64_t lsn) { return {RecoveryTarget::Kind::lsn, lsn, 0}; }
RecoveryTarget at_time(std::int64_t time_us) { return {RecoveryTarget::Kind::time, 0, time_us}; }

RecoveryPlan plan_of(const RecoveryTarget& target) {
  RecoveryPlan plan;
  plan.database = "d/db";
  plan.log = "d/wal";
  plan.archive = "a";
  plan.target = target;
  return plan;
}

Result<Recovered> recover(os::SimStorage& disk, os::SimClock& clock, const RecoveryPlan& plan) {
  os::SimAlloc alloc;
  os::SimRandom random;
  return recover_database<SimEnv>(disk, clock, alloc, random, plan);
}

/// What a database of these paths holds.
Model read_database(os::SimStorage& disk, std::string_view database, std::string_view log) {
  World world(disk);
  world.options.database_path = database;
  world.options.log_path = log;
  Status opened = world.open();
  if (opened) UNSCOPED_INFO(std::string(opened.message()));
  REQUIRE_FALSE(opened);
  REQUIRE(test::faults_of(*world.machine) == "");
  auto table = find_table(world.machine->objects(), world.lineage->tip()->root, table_id, store::Access::wait);
  REQUIRE(table);
  return *table == nullptr ? Model{} : read_all(world);
}

/// The state at a target, in a copy of the disk; the source's files stay as they are.
Model recovered_copy(const os::SimStorage& disk, os::SimClock& clock, const RecoveryTarget& target) {
  os::SimStorage copy;
  copy.copy_from(disk);
  RecoveryPlan plan = plan_of(target);
  plan.to_database = "c/db";
  plan.to_log = "c/wal";
  auto done = recover(copy, clock, plan);
  if (!done) UNSCOPED_INFO(std::string(done.error().message()));
  REQUIRE(done);
  const Model found = read_database(copy, "c/db", "c/wal");
  for (const char* folder : {"c", "c/db.d"}) {
    std::vector<std::string> names;
    REQUIRE_FALSE(copy.list(folder, [&](std::string_view name) { names.push_back(std::string(folder) + "/" + std::string(name)); }));
    for (const std::string& name : names) REQUIRE_FALSE(copy.remove(name));
  }
  REQUIRE(copy.fingerprint() == disk.fingerprint());
  return found;
}

/// What a log of another path makes where there is no database.
Result<Model> replayed(const os::SimStorage& disk, os::SimClock& clock, std::string_view other) {
  os::SimStorage copy;
  copy.copy_from(disk);
  RecoveryPlan plan;
  plan.database = "n/db";
  plan.log = "n/wal";
  plan.other_log = other;
  SPG_TRY(recover(copy, clock, plan).status());
  return read_database(copy, "n/db", "n/wal");
}

Status commit_one(World& world, os::SimChance& chance, Model& model) {
  for (;;) {
    bool committed = false;
    Model after = model;
    SPG_TRY(random_transaction(world, chance, after, committed));
    if (!committed || after == model) continue;
    model = after;
    return ok();
  }
}

Point point_of(World& world, const Model& model) { return {lsn_of(world), world.clock.wall_us(), model}; }

/// Commits, checkpoints, starts and full disks; what every commit has left goes to `points`.
void live(os::SimStorage& disk, os::SimClock& clock, os::SimChance& chance, Model& model, std::vector<Point>& points, int rounds) {
  auto world = make_world(disk, clock);
  REQUIRE_FALSE(world->open());
  if (points.empty()) {
    REQUIRE_FALSE(world->create_table());
    points.push_back(point_of(*world, model));
  }
  for (int round = 0; round < rounds; ++round) {
    if (chance.below(8) == 0) {
      Model never = model;
      disk.fail_at(1, sqlstate::disk_full, false, os::SimCalls::writes);
      (void)commit_one(*world, chance, never);  // it may have been the copies' write that failed
      disk.fail_at(0, sqlstate::disk_full);
      if (!world->machine->is_lost(world->machine->log().position())) model = read_all(*world);
    } else {
      REQUIRE_FALSE(commit_one(*world, chance, model));
    }
    points.push_back(point_of(*world, model));
    clock.advance_ns(chance.below(3) * 700'000'000);
    if (chance.below(3) == 0) world->machine->ship();
    if (chance.below(6) == 0) {
      Status failed = world->machine->checkpoint();
      if (failed) UNSCOPED_INFO(std::string(failed.message()));
      REQUIRE_FALSE(failed);
    }
    if (chance.below(10) == 0) {
      world.reset();
      world = make_world(disk, clock);
      REQUIRE_FALSE(world->open());
    }
  }
  world->machine->ship(true);
}

}  // namespace

TEST_CASE("recovery finds every point of a random workload, by LSN and by time, and leaves its source alone") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    os::SimStorage disk;
    os::SimClock clock;
    os::SimChance chance(seed);
    Model model;
    std::vector<Point> points;
    live(disk, clock, chance, model, points, 30);
    for (std::size_t i = 0; i < points.size(); ++i) {
      CAPTURE(seed, i, points[i].lsn);
      REQUIRE(recovered_copy(disk, clock, at_lsn(points[i].lsn)) == points[i].model);
      REQUIRE(recovered_copy(disk, clock, at_time(points[i].time_us)) == points[i].model);
    }
    REQUIRE(recovered_copy(disk, clock, {}) == points.back().model);
    const auto from_archive = replayed(disk, clock, "a/wal"), from_tee = replayed(disk, clock, "t/wal");
    REQUIRE(from_archive);
    REQUIRE(*from_archive == points.back().model);
    REQUIRE(from_tee);
    REQUIRE(*from_tee == points.back().model);
  }
}

TEST_CASE("what a revert gives up never comes back: not after crashes, not from archive or tee, not by name") {
  for (std::uint64_t seed = 1; seed <= 8; ++seed) {
    CAPTURE(seed);
    os::SimStorage disk;
    os::SimClock clock;
    os::SimChance chance(seed);
    Model model;
    std::vector<Point> points, given_up;
    for (int life = 0; life < 4; ++life) {
      live(disk, clock, chance, model, points, 12);
      const std::size_t to = points.size() - 1 - chance.below(std::min<std::size_t>(points.size(), 10));
      RecoveryPlan plan = plan_of(chance.below(2) == 0 ? at_lsn(points[to].lsn) : at_time(points[to].time_us));
      if (chance.below(2) == 0) plan.archive = {};  // the next start brings the archive up to date
      auto done = recover(disk, clock, plan);
      if (!done) {
        // The manifests in the database's folder alone may not be old enough.
        REQUIRE(plan.archive.empty());
        plan.archive = "a";
        done = recover(disk, clock, plan);
      }
      REQUIRE(done);
      for (std::size_t i = to + 1; i < points.size(); ++i)
        if (points[i].lsn != points[to].lsn) given_up.push_back(points[i]);
      points.resize(to + 1);
      model = points[to].model;
      if (chance.below(2) == 0) disk.power_cycle(chance, os::Survival::none);
    }
    live(disk, clock, chance, model, points, 6);
    for (std::size_t i = 0; i < points.size(); ++i) {
      CAPTURE(i, points[i].lsn);
      REQUIRE(recovered_copy(disk, clock, at_lsn(points[i].lsn)) == points[i].model);
    }
    for (const Point& point : given_up) {
      os::SimStorage copy;
      copy.copy_from(disk);
      RecoveryPlan plan = plan_of(at_lsn(point.lsn));
      plan.to_database = "c/db";
      plan.to_log = "c/wal";
      const auto done = recover(copy, clock, plan);
      REQUIRE_FALSE(done);
      REQUIRE(done.error().code() == sqlstate::object_not_in_prerequisite_state);
    }
    REQUIRE(*replayed(disk, clock, "a/wal") == model);
    REQUIRE(*replayed(disk, clock, "t/wal") == model);
  }
}
