// Recovery to a point under an audit log: what is given up has happened, and stays there; the chain says that it was given up.
#include <catch2/catch.hpp>

#include <memory>
#include <string>
#include <vector>

#include "support/table_world.hpp"

using namespace spg;
using namespace spg::test;

namespace {

constexpr std::string_view audit_path = "x/audit";
using Lines = std::vector<std::string>;

std::string text_of(Lsn lsn) { return std::to_string(lsn.epoch) + "/" + std::to_string(lsn.counter); }

/// The chain, which must be whole: "1/200", "revert 1/200 to 2/16777152", "pause ..".
Lines entries_of(os::SimStorage& disk) {
  auto file = disk.open(audit_path, policy::OpenMode::read);
  REQUIRE(file);
  const auto read = [&](std::uint64_t at, MutableBytes into) { return file->read_at(at, into); };
  log::AuditWalk walk(read, *file->size());
  REQUIRE(walk.open());
  Lines lines;
  for (log::AuditEntry entry;;) {
    auto more = walk.next(entry);
    if (!more) UNSCOPED_INFO(std::string(more.error().message()));
    REQUIRE(more);
    if (!*more) return lines;
    if (entry.kind == log::AuditKind::transaction) lines.push_back(text_of(entry.lsn));
    else lines.push_back((entry.kind == log::AuditKind::pause ? "pause " : "revert ") + text_of(*log::read_audit_from(entry.body)) + " to " + text_of(entry.lsn));
  }
}

struct Point {
  Lsn lsn;
  Model model;
};

/// An audited database with archive and tee, and what its audit log must say.
struct Story {
  os::SimStorage disk;
  os::SimClock clock;
  os::SimChance chance;
  Model model;
  std::vector<Point> points;
  Lines wanted;
  std::unique_ptr<World> world;

  explicit Story(std::uint64_t seed) : chance(seed) {}

  Status open(bool audited = true) {
    world.reset();
    world = std::make_unique<World>(disk, &clock);
    world->options.copies.archive = "a";
    world->options.copies.tee = "t/wal";
    world->options.copies.archive_seconds = 1;
    if (audited) world->options.audit.path = audit_path;
    return world->open();
  }
  void must_open(bool audited = true) {
    Status failed = open(audited);
    if (failed) UNSCOPED_INFO(std::string(failed.message()));
    REQUIRE_FALSE(failed);
  }
  Status commit() {
    const auto key = static_cast<std::int32_t>(points.size() + 1000 * wanted.size());
    SPG_TRY(world->write([&](SimTransaction& transaction) {
      Conflict conflict;
      return put(transaction, key, "row", conflict);
    }));
    model[key] = "row";
    note();
    return ok();
  }
  void note() {
    points.push_back({world->machine->log_end(true), model});
    wanted.push_back(text_of(points.back().lsn));
  }
  void begin() {
    must_open();
    REQUIRE_FALSE(world->create_table());
    note();
  }
  void live(int rounds) {
    for (int round = 0; round < rounds; ++round) {
      REQUIRE_FALSE(commit());
      clock.advance_ns(1'000'000'000);
      if (chance.below(3) == 0) world->machine->ship();
      if (chance.below(4) == 0) REQUIRE_FALSE(world->machine->checkpoint());
      if (chance.below(5) == 0) must_open();
    }
    world->machine->ship(true);
  }
  RecoveryPlan plan_to(const Point& point) const {
    RecoveryPlan plan;
    plan.database = "d/db";
    plan.log = "d/wal";
    plan.archive = "a";
    plan.audit.path = audit_path;
    plan.target = {RecoveryTarget::Kind::lsn, log::lsn_of(point.lsn.epoch, point.lsn.counter), 0};
    return plan;
  }
  Result<Recovered> recover(const RecoveryPlan& plan) {
    world.reset();
    os::SimAlloc alloc;
    os::SimRandom random;
    auto done = recover_database<SimEnv>(disk, clock, alloc, random, plan);
    if (!done) UNSCOPED_INFO(std::string(done.error().message()));
    return done;
  }
  /// And goes on from there. A second revert to the same point gives up what lies behind the first one's jump.
  void reverted(std::size_t to, const Recovered& done) {
    const Lsn from = to == kept && points[to].lsn < goes_on ? behind_mark(goes_on) : points[to].lsn;
    goes_on = {static_cast<std::uint32_t>(done.goes_on_at >> 32), done.goes_on_at & 0xffffffff};
    wanted.push_back("revert " + text_of(from) + " to " + text_of(goes_on));
    points.resize(to + 1);
    kept = to;
    model = points[to].model;
  }
  static Lsn behind_mark(Lsn jump) { return {jump.epoch, jump.counter + log::frame_bytes(0)}; }

  std::size_t kept = SIZE_MAX;
  Lsn goes_on;
};

}  // namespace

TEST_CASE("reverts give nothing up of the audit log, and are entries of it") {
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    Story story(seed);
    story.begin();
    for (int life = 0; life < 4; ++life) {
      CAPTURE(life);
      story.live(8);
      // As a crash leaves it, which may have taken of the audit log what was not synced.
      story.world.reset();
      if (seed % 3 != 0) story.disk.power_cycle(story.chance, seed % 3 == 1 ? os::Survival::none : os::Survival::torn);
      const std::size_t to = story.points.size() - 1 - story.chance.below(std::min<std::size_t>(story.points.size(), 7));
      auto done = story.recover(story.plan_to(story.points[to]));
      REQUIRE(done);
      story.reverted(to, *done);
      REQUIRE(entries_of(story.disk) == story.wanted);
      if (story.chance.below(2) == 0) story.disk.power_cycle(story.chance, os::Survival::none);
      story.must_open();
      REQUIRE(entries_of(story.disk) == story.wanted);
      REQUIRE(read_all(*story.world) == story.model);
    }
    story.live(3);
    story.must_open();
    REQUIRE(entries_of(story.disk) == story.wanted);
  }
}

TEST_CASE("a revert without the audit log leaves its entry to the next start with it, and is refused while the audit log may lack anything") {
  Story story(1);
  story.begin();
  story.live(6);
  REQUIRE_FALSE(story.world->machine->checkpoint());
  REQUIRE_FALSE(story.commit());
  RecoveryPlan plan = story.plan_to(story.points[3]);
  plan.audit.path = {};
  auto done = story.recover(plan);
  REQUIRE_FALSE(done);
  CHECK(done.error().code() == sqlstate::object_not_in_prerequisite_state);
  story.must_open();
  REQUIRE_FALSE(story.world->machine->checkpoint());
  const Lsn complete = story.world->machine->log_end(true);
  done = story.recover(plan);
  REQUIRE(done);
  REQUIRE(entries_of(story.disk) == story.wanted);
  story.reverted(3, *done);
  story.must_open();
  Lines found = entries_of(story.disk);
  REQUIRE(found.size() == story.wanted.size() + 1);
  CHECK(found.back().starts_with("pause " + text_of(complete)));  // it was opened without
  found.pop_back();
  CHECK(found == story.wanted);
  CHECK(read_all(*story.world) == story.model);
}

namespace {

/// Whatever has become of a revert: the next start with the audit log has all that was committed, and the revert if it has happened.
void check_outcome(Story& story, std::size_t to) {
  story.world.reset();
  const std::size_t before = story.wanted.size();
  story.must_open();
  Lines found = entries_of(story.disk);
  const Model now = read_all(*story.world);
  REQUIRE((now == story.model || now == story.points[to].model));
  REQUIRE(found.size() == before + (now == story.model ? 0 : 1));
  if (now != story.model) {
    CHECK(found.back().starts_with("revert " + text_of(story.points[to].lsn) + " to "));
    found.pop_back();
  }
  REQUIRE(found == story.wanted);
  REQUIRE_FALSE(story.commit());
  story.must_open();
}

void prepare(Story& story) {
  story.begin();
  story.live(6);
  for (int i = 0; i < 3; ++i) REQUIRE_FALSE(story.commit());
  story.world.reset();
}

}  // namespace

TEST_CASE("a revert of an audited database that is cut short at any call has happened, with its entry, or has not") {
  for (std::uint64_t cut = 1;; ++cut) {
    CAPTURE(cut);
    Story story(3);
    prepare(story);
    constexpr os::Survival survivals[] = {os::Survival::none, os::Survival::all, os::Survival::torn, os::Survival::reordered};
    if (cut % 2 == 0) story.disk.power_cycle(story.chance, survivals[cut / 2 % 4]);
    story.disk.cut_power_at(cut);
    const bool is_done = story.recover(story.plan_to(story.points[4])).has_value();
    os::SimChance chance(cut);
    story.disk.power_cycle(chance, survivals[cut % 4]);
    check_outcome(story, 4);
    if (is_done) {
      CHECK(cut > 10);
      break;
    }
  }
}

TEST_CASE("a revert of an audited database in which any call fails once has happened, with its entry, or has not") {
  for (std::uint64_t nth = 1;; ++nth) {
    CAPTURE(nth);
    Story story(3);
    prepare(story);
    if (nth % 2 == 0) story.disk.power_cycle(story.chance, os::Survival::none);  // the audit log lacks its last entries
    const std::uint64_t before = story.disk.steps();
    story.disk.fail_at(nth, sqlstate::io_error);
    (void)story.recover(story.plan_to(story.points[4]));
    const bool is_over = story.disk.steps() - before < nth;
    story.disk.fail_at(0, sqlstate::io_error);
    check_outcome(story, 4);
    if (is_over) break;
  }
}

TEST_CASE("a copy begins without its source's audit log, which stays as it is") {
  Story story(2);
  story.begin();
  story.live(6);
  RecoveryPlan plan = story.plan_to(story.points[2]);
  plan.to_database = "c/db";
  plan.to_log = "c/wal";
  REQUIRE(story.recover(plan));
  REQUIRE(entries_of(story.disk) == story.wanted);
  World copy(story.disk, &story.clock);
  copy.options.database_path = "c/db";
  copy.options.log_path = "c/wal";
  copy.options.audit.path = audit_path;
  CHECK(copy.open().code() == sqlstate::data_corrupted);  // it is another database's
  copy.options.audit.path = "c/audit";
  REQUIRE_FALSE(copy.open());
  CHECK(read_all(copy) == story.points[2].model);
  story.must_open();
  CHECK(entries_of(story.disk) == story.wanted);
}

TEST_CASE("a database that archive or tee make anew goes on with its audit log") {
  for (const char* other : {"a/wal", "t/wal"}) {
    CAPTURE(other);
    Story story(4);
    story.begin();
    story.live(5);
    auto done = story.recover(story.plan_to(story.points[3]));
    REQUIRE(done);
    story.reverted(3, *done);
    story.must_open();
    story.live(3);
    // What the log's copies have not got any more, the audit log may have.
    if (other[0] == 't') REQUIRE_FALSE(story.commit());
    RecoveryPlan plan = story.plan_to({});
    plan.database = "n/db";
    plan.log = "n/wal";
    plan.archive = {};
    plan.other_log = other;
    plan.target = {};
    const Lsn end = other[0] == 't' ? story.points[story.points.size() - 2].lsn : story.points.back().lsn;
    done = story.recover(plan);
    REQUIRE(done);
    Lines found = entries_of(story.disk);
    REQUIRE(found.size() == story.wanted.size() + 1);
    CHECK(found.back().starts_with("revert " + text_of(end) + " to "));
    World again(story.disk, &story.clock);
    again.options.database_path = "n/db";
    again.options.log_path = "n/wal";
    again.options.audit.path = audit_path;
    REQUIRE_FALSE(again.open());
    CHECK(entries_of(story.disk) == found);
    found.pop_back();
    CHECK(found == story.wanted);
  }
}

TEST_CASE("where the log is damaged, entries of what lies behind stay, and a revert to before is possible") {
  Story story(5);
  story.begin();
  for (int i = 0; i < 6; ++i) REQUIRE_FALSE(story.commit());
  story.world.reset();
  const Lsn place = story.points[3].lsn;
  REQUIRE(story.disk.flip("d/wal.00000000", log::file_header_bytes + place.counter + 60, 1));
  CHECK(story.open().code() == sqlstate::data_corrupted);
  RecoveryPlan plan = story.plan_to(story.points[2]);
  plan.archive = {};
  RecoveryPlan without = plan;
  without.audit.path = {};
  CHECK(story.recover(without).error().code() == sqlstate::object_not_in_prerequisite_state);
  auto done = story.recover(plan);
  REQUIRE(done);
  story.reverted(2, *done);
  CHECK(entries_of(story.disk) == story.wanted);
  story.must_open();
  REQUIRE_FALSE(story.commit());
  story.must_open();
  CHECK(entries_of(story.disk) == story.wanted);
  CHECK(read_all(*story.world) == story.model);
}

TEST_CASE("a database that is open is neither reverted nor copied") {
  Story story(6);
  story.begin();
  story.live(2);
  World& open = *story.world;
  os::SimAlloc alloc;
  os::SimRandom random;
  RecoveryPlan plan = story.plan_to(story.points[1]);
  CHECK(recover_database<SimEnv>(story.disk, story.clock, alloc, random, plan).error().code() == sqlstate::lock_file_exists);
  plan.to_database = "c/db";
  plan.to_log = "c/wal";
  CHECK(recover_database<SimEnv>(story.disk, story.clock, alloc, random, plan).error().code() == sqlstate::lock_file_exists);
  REQUIRE_FALSE(open.machine->checkpoint());
}
