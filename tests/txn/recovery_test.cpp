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
    const Model before = model;
    SPG_TRY(random_transaction(world, chance, model, committed));  // an error leaves what may have become of it
    if (committed && model != before) return ok();
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

namespace {

/// A little of everything that touches archive, tee and manifests. `acknowledged` after the last step that returned, `possible`
/// after the one that did not.
struct Story {
  os::SimStorage& disk;
  os::SimClock& clock;
  os::SimChance chance;
  Model acknowledged, possible;
  bool has_table = false, is_finished = false;

  Status tell() {
    auto world = make_world(disk, clock);
    SPG_TRY(world->open());
    SPG_TRY(world->create_table());
    has_table = true;
    for (int round = 0; round < 8; ++round) {
      SPG_TRY(step(*world));
      if (round % 2 == 0) world->machine->ship(round == 4);
      clock.advance_ns(1'500'000'000);
      if (round % 3 == 1) SPG_TRY(world->machine->checkpoint());
      if (round != 5) continue;
      world = make_world(disk, clock);
      SPG_TRY(world->open());
    }
    world->machine->ship(true);
    is_finished = true;
    return ok();
  }
  Status step(World& world) {
    possible = acknowledged;
    SPG_TRY(commit_one(world, chance, possible));
    acknowledged = possible;
    return ok();
  }
  /// What it has come to after the worst; then archive and tee make the same of it.
  void check() {
    auto world = make_world(disk, clock);
    Status opened = world->open();
    if (opened) UNSCOPED_INFO(std::string(opened.message()));
    REQUIRE_FALSE(opened);
    if (!has_table) return;
    const Model found = read_all(*world);
    REQUIRE((found == acknowledged || found == possible));
    REQUIRE(test::faults_of(*world->machine) == "");
    world->machine->ship(true);
    world.reset();
    for (const char* copy : {"a/wal", "t/wal"}) {
      CAPTURE(copy);
      const auto again = replayed(disk, clock, copy);
      if (!again) UNSCOPED_INFO(std::string(again.error().message()));
      REQUIRE(again);
      REQUIRE(*again == found);
    }
  }
};

}  // namespace

TEST_CASE("archive and tee make the same database after a crash at any call that changes the disk") {
  std::uint64_t crashes = 0;
  for (std::uint64_t cut = 1;; ++cut, ++crashes) {
    CAPTURE(cut);
    os::SimStorage disk;
    os::SimClock clock;
    Story story{disk, clock, os::SimChance(cut % 5), {}, {}};
    disk.cut_power_at(cut);
    (void)story.tell();
    constexpr os::Survival survivals[] = {os::Survival::none, os::Survival::all, os::Survival::torn, os::Survival::reordered};
    os::SimChance chance(cut);
    disk.power_cycle(chance, survivals[cut % 4]);
    if (cut % 3 == 0) {  // and again while it recovers
      auto world = make_world(disk, clock);
      disk.cut_power_at(1 + chance.below(20));
      if (!world->open()) world->machine->ship(true);
      world.reset();
      disk.power_cycle(chance, os::Survival::torn);
    }
    story.check();
    if (story.is_finished) break;
  }
  CHECK(crashes > 150);
}

TEST_CASE("archive and tee catch up when any call fails once") {
  std::uint64_t failures = 0;
  for (const Sqlstate code : {sqlstate::io_error, sqlstate::disk_full})
    for (std::uint64_t nth = 1;; ++nth, ++failures) {
      CAPTURE(nth, failures);
      os::SimStorage disk;
      os::SimClock clock;
      Story story{disk, clock, os::SimChance(nth % 5), {}, {}};
      const std::uint64_t before = disk.steps();
      disk.fail_at(nth, code);
      (void)story.tell();
      const bool is_over = disk.steps() - before < nth;
      disk.fail_at(0, code);
      story.check();
      if (is_over) break;
    }
  CHECK(failures > 300);
}

TEST_CASE("a revert that is cut short at any call has happened or has not") {
  std::uint64_t done = 0, not_done = 0;
  for (const bool is_power : {true, false})
    for (std::uint64_t cut = 1;; ++cut) {
      CAPTURE(is_power, cut);
      os::SimStorage disk;
      os::SimClock clock;
      os::SimChance chance(cut);
      Model model;
      std::vector<Point> points;
      live(disk, clock, chance, model, points, 6);
      const Point& to = points[3];
      const std::uint64_t before = disk.steps();
      if (is_power) disk.cut_power_at(cut);
      else disk.fail_at(cut, sqlstate::io_error);
      const bool is_reverted = recover(disk, clock, plan_of(at_lsn(to.lsn))).has_value();
      const bool is_over = disk.steps() - before < cut;
      if (is_power) disk.power_cycle(chance, cut % 2 == 0 ? os::Survival::torn : os::Survival::none);
      else disk.fail_at(0, sqlstate::io_error);
      Story story{disk, clock, os::SimChance(cut), to.model, is_reverted ? to.model : model};
      story.has_table = true;
      story.check();
      (read_database(disk, "d/db", "d/wal") == to.model ? done : not_done) += 1;
      if (is_over) break;
    }
  CHECK(done > 5);
  CHECK(not_done > 10);
}

TEST_CASE("a revert that never came to be leaves a file that means nothing") {
  std::uint64_t left = 0;
  for (std::uint64_t nth = 1; nth < 40; ++nth) {
    CAPTURE(nth);
    os::SimStorage disk;
    os::SimClock clock;
    os::SimChance chance(nth);
    Model model;
    Point to;
    {
      auto world = make_world(disk, clock);
      REQUIRE_FALSE(world->open());
      REQUIRE_FALSE(world->create_table());
      for (int i = 0; i < 6; ++i) {
        REQUIRE_FALSE(commit_one(*world, chance, model));
        if (i == 3) to = point_of(*world, model);
      }
    }
    disk.fail_at(nth, sqlstate::disk_full);
    const bool is_reverted = recover(disk, clock, plan_of(at_lsn(to.lsn))).has_value();
    disk.fail_at(0, sqlstate::disk_full);
    if (is_reverted) break;
    left += disk.open("d/wal.00000001", policy::OpenMode::read).has_value();
    const Model now = read_database(disk, "d/db", "d/wal");
    REQUIRE((now == model || now == to.model));
    // The log alone begins at the beginning: it makes the same.
    REQUIRE(*replayed(disk, clock, "d/wal") == now);
  }
  CHECK(left > 5);
}

TEST_CASE("targets are LSNs or times") {
  const std::int64_t now = 1'700'000'000'000'000;
  const auto lsn = parse_recovery_target("1/A0", now);
  REQUIRE(lsn);
  CHECK((lsn->kind == RecoveryTarget::Kind::lsn && lsn->lsn == (std::uint64_t{1} << 32) + 0xA0));
  struct Row { const char* text; std::int64_t time_us; };
  for (const Row& row : {Row{"2023-11-14 22:13:20", now}, Row{"2023-11-14 22:13:20.5+00", now + 500'000}, Row{"2023-11-14 23:13:20+01", now}, Row{"now", now}, Row{"1970-01-01", 0}}) {
    CAPTURE(row.text);
    const auto time = parse_recovery_target(row.text, now);
    REQUIRE(time);
    CHECK((time->kind == RecoveryTarget::Kind::time && time->time_us == row.time_us));
  }
  CHECK(parse_recovery_target("infinity", now)->kind == RecoveryTarget::Kind::end);
  CHECK(parse_recovery_target("yesterdaz", now).error().code() == sqlstate::invalid_datetime_format);
  CHECK(parse_recovery_target("", now).error().code() == sqlstate::invalid_datetime_format);
}

TEST_CASE("manifests are kept as the window wants them") {
  const auto kept = [](std::vector<std::int64_t> seconds, std::int64_t now, std::int64_t window) {
    std::vector<ManifestFacts> facts;
    for (const std::int64_t one : seconds) facts.push_back({facts.size() + 1, 0, one == INT64_MIN || one == INT64_MAX ? one : one * 1'000'000});
    Array<std::uint8_t> keep;
    REQUIRE_FALSE(select_kept(facts, now * 1'000'000, window * 1'000'000, keep));
    std::string text;
    for (const std::uint8_t one : keep) text += one != 0 ? 'k' : '.';
    return text;
  };
  CHECK(kept({INT64_MIN}, 100, 80) == "k");
  CHECK(kept({INT64_MIN, 50, 90}, 100, 80) == "kkk");
  CHECK(kept({INT64_MIN, 10, 90}, 100, 80) == ".kk");          // 10 is older than 20: nothing before it is needed
  CHECK(kept({10, 15, 20, 25, 30, 31, 45, 99}, 100, 80) == "..k..kkk");  // further from each other than 10
  CHECK(kept({10, 60, 60, 60, 60}, 100, 80) == "kk..k");
  CHECK(kept({INT64_MAX, 10, 60}, 100, 80) == ".kk");          // format 1: no time is known
  CHECK(kept({10, INT64_MAX, 60}, 100, 80) == "k.k");
}

TEST_CASE("the window moves: manifests and what they name go when no recovery wants them") {
  os::SimStorage disk;
  os::SimClock clock;
  os::SimChance chance(1);
  auto world = make_world(disk, clock);
  world->options.recovery_seconds = 800;
  REQUIRE_FALSE(world->open());
  REQUIRE_FALSE(world->create_table());
  Model model;
  std::vector<Point> points;
  const auto manifests = [&] {
    std::size_t count = 0;
    REQUIRE_FALSE(disk.list("d/db.d", [&](std::string_view name) { count += name.starts_with("manifest-"); }));
    return count;
  };
  for (int i = 0; i < 60; ++i) {
    REQUIRE_FALSE(commit_one(*world, chance, model));
    points.push_back(point_of(*world, model));
    clock.advance_ns(30'000'000'000);
    REQUIRE_FALSE(world->machine->checkpoint());
    REQUIRE(manifests() <= 12);
    world->machine->ship();
  }
  world->machine->ship(true);
  REQUIRE(manifests() > 6);
  const std::int64_t oldest = clock.wall_us() - 800'000'000;
  std::size_t inside = 0;
  for (const Point& point : points) {
    if (point.time_us < oldest) continue;
    ++inside;
    REQUIRE(recovered_copy(disk, clock, at_time(point.time_us)) == point.model);
  }
  CHECK(inside > 20);
  world.reset();
  RecoveryPlan plan = plan_of(at_time(points[5].time_us));
  CHECK(recover(disk, clock, plan).error().code() == sqlstate::object_not_in_prerequisite_state);
  // Who opens the database without knowing of the archive takes nothing away from it.
  const std::size_t before = manifests();
  world = std::make_unique<World>(disk, &clock);
  REQUIRE_FALSE(world->open());
  for (int i = 0; i < 3; ++i) {
    REQUIRE_FALSE(commit_one(*world, chance, model));
    REQUIRE_FALSE(world->machine->checkpoint());
  }
  CHECK(manifests() == before + 4);
  world = make_world(disk, clock);
  world->options.recovery_seconds = 800;
  REQUIRE_FALSE(world->open());
  world->machine->ship(true);
  REQUIRE(*replayed(disk, clock, "a/wal") == model);
  // Once an archive is not wanted any more, nothing behind the newest is of use.
  world = std::make_unique<World>(disk, &clock);
  world->options.decides_copies = true;
  REQUIRE_FALSE(world->open());
  CHECK(manifests() == 1);
}
