// Backups of random workloads: they are the state of their point whatever goes on beside, after crashes and failures at any call
// what was there or the whole of the new, with any bit changed an error.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>

#include "support/backup.hpp"

using namespace spg;
using namespace spg::test;

namespace {

constexpr os::Survival survivals[] = {os::Survival::none, os::Survival::all, os::Survival::torn, os::Survival::reordered};

/// A database of several segments, of which checkpoints empty some all the time.
std::unique_ptr<World> make_world(os::SimStorage& disk, os::SimClock* clock = nullptr) {
  auto world = std::make_unique<World>(disk, clock);
  world->options.compaction = {6, 8 * 1024};
  return world;
}

void commit_some(World& world, os::SimChance& chance, Model& model, int count) {
  for (int i = 0; i < count; ++i) {
    bool committed = false;
    Status failed = random_transaction(world, chance, model, committed);
    if (failed) UNSCOPED_INFO(std::string(failed.message()));
    REQUIRE_FALSE(failed);
  }
}

void fill(World& world, os::SimChance& chance, Model& model, int rounds) {
  REQUIRE_FALSE(world.open());
  REQUIRE_FALSE(world.create_table());
  for (int round = 0; round < rounds; ++round) {
    commit_some(world, chance, model, 6);
    REQUIRE_FALSE(world.machine->checkpoint());
  }
}

std::vector<std::string> named_segments(const World& world) {
  std::vector<std::string> names;
  for (const store::SegmentInfo& one : world.machine->manifest().segments) {
    char name[512];
    store::write_segment_name(name, "d/db.d", one.number);
    names.emplace_back(name + std::string_view("d/db.d/").size());
  }
  return names;
}

std::uint64_t segments_gone(World& world, const std::vector<std::string>& before) {
  std::uint64_t gone = 0;
  const auto now = world.files("segment-");
  for (const std::string& name : before) gone += std::find(now.begin(), now.end(), name) == now.end();
  return gone;
}

}  // namespace

TEST_CASE("a backup is the state of its point, whatever is committed, compacted and spilled beside it") {
  std::uint64_t emptied = 0;
  for (std::uint64_t seed = 1; seed <= 12; ++seed) {
    CAPTURE(seed);
    os::SimStorage disk;
    os::SimChance chance(seed);
    auto world = make_world(disk);
    if (seed % 3 == 0) {
      world->options.changes_in_memory_max = 256;
      world->options.unspilled_bytes_max = 1024;
      world->options.piece_bytes = 64;
    }
    Model model;
    fill(*world, chance, model, 3);
    for (int round = 0; round < 4; ++round) {
      const std::string path = (round % 2 == 0 ? "b/" : "b/file") + std::string(round % 2 == 0 ? "" : std::to_string(round));
      commit_some(*world, chance, model, static_cast<int>(chance.below(8)));
      const Model of_point = model;
      std::vector<std::string> before;
      store::BackupTarget target;
      target.path = path;
      Status failed = back_up(*world->machine, target, [&] {
        if (before.empty()) before = named_segments(*world);
        commit_some(*world, chance, model, static_cast<int>(chance.below(4)));
        if (chance.below(2) == 0) REQUIRE_FALSE(world->machine->checkpoint());
        if (chance.below(3) == 0) (void)world->machine->objects().evict(SIZE_MAX);
        REQUIRE(segments_gone(*world, before) == 0);
      });
      if (failed) UNSCOPED_INFO(std::string(failed.message()));
      REQUIRE_FALSE(failed);
      REQUIRE(read_backup(disk, path) == of_point);
      REQUIRE(read_restored(disk, path) == of_point);
      for (int i = 0; i < 2; ++i) {  // what the backup kept goes
        commit_some(*world, chance, model, 2);
        REQUIRE_FALSE(world->machine->checkpoint());
      }
      emptied += segments_gone(*world, before);
      REQUIRE(read_all(*world) == model);
    }
    REQUIRE(faults_of(*world->machine) == "");
    REQUIRE_FALSE(world->open());
    REQUIRE(read_all(*world) == model);
  }
  CHECK(emptied > 30);
}

TEST_CASE("a database that is only read is backed up with what its log holds, and does not change") {
  for (std::uint64_t seed = 1; seed <= 6; ++seed) {
    CAPTURE(seed);
    os::SimStorage disk;
    os::SimChance chance(seed);
    auto world = make_world(disk);
    Model model;
    fill(*world, chance, model, static_cast<int>(seed % 3));
    commit_some(*world, chance, model, 5);
    world->machine.reset();
    const std::uint64_t before = disk.fingerprint();
    auto reader = make_world(disk);
    reader->options.read_only = true;
    REQUIRE_FALSE(reader->open());
    auto other = make_world(disk);  // readers do not mind each other
    other->options.read_only = true;
    REQUIRE_FALSE(other->open());
    for (const std::string_view path : {"b/file", "b/"}) {
      store::BackupTarget target;
      target.path = path;
      REQUIRE_FALSE(back_up(*reader->machine, target));
      REQUIRE(read_backup(disk, path) == model);
      REQUIRE(read_restored(disk, path) == model);
      REQUIRE(read_all(*reader) == model);
    }
    for (const std::string& name : names_in(disk, "b")) {
      REQUIRE(name.find("apart") == std::string::npos);
      REQUIRE_FALSE(disk.remove("b/" + name));
    }
    REQUIRE(disk.fingerprint() == before);
  }
}

TEST_CASE("where a call fails, a backup of a database that is only read leaves no file either") {
  os::SimStorage disk;
  os::SimChance chance(21);
  Model model;
  {
    auto world = make_world(disk);
    fill(*world, chance, model, 2);
    commit_some(*world, chance, model, 5);
  }
  const std::uint64_t before = disk.fingerprint();
  std::uint64_t failures = 0;
  for (const bool is_power : {false, true})
    for (std::uint64_t nth = 1;; ++nth) {
      CAPTURE(is_power, nth);
      os::SimStorage copy;
      copy.copy_from(disk);
      World reader(copy);
      reader.options.read_only = true;
      REQUIRE_FALSE(reader.open());
      const std::uint64_t steps = copy.steps();
      if (is_power) copy.cut_power_at(nth);
      else copy.fail_at(nth, sqlstate::disk_full);
      const Status failed = back_up(*reader.machine, {"b/one", false, false});
      const bool is_over = copy.steps() - steps < nth;
      if (is_power) copy.power_cycle(chance, survivals[nth % 4]);
      else copy.fail_at(0, sqlstate::disk_full);
      if (is_over) {
        REQUIRE_FALSE(failed);
        break;
      }
      if (failed && !is_power) {
        ++failures;
        REQUIRE(copy.fingerprint() == before);
      }
      reader.machine.reset();
      REQUIRE_FALSE(reader.open());
      REQUIRE_FALSE(back_up(*reader.machine, {"b/one", true, false}));
      REQUIRE(names_in(copy, "b") == std::vector<std::string>{"one"});
      REQUIRE(read_backup(copy, "b/one") == model);
    }
  CHECK(failures > 8);
}

TEST_CASE("a backup opens to be read only, and is backed up and restored as a database is") {
  os::SimStorage disk;
  os::SimChance chance(3);
  auto world = make_world(disk);
  Model model;
  fill(*world, chance, model, 2);
  REQUIRE_FALSE(back_up(*world->machine, {"b/one", false, false}));
  const Model then = model;
  commit_some(*world, chance, model, 4);
  REQUIRE(model != then);
  World opened(disk);
  opened.options.database_path = "b/one";
  REQUIRE_FALSE(opened.open());
  CHECK(opened.machine->is_read_only());
  CHECK(opened.machine->checkpoint().code() == sqlstate::read_only_sql_transaction);
  CHECK(opened.write([](SimTransaction& transaction) {
    Conflict conflict;
    return put(transaction, 1000, "x", conflict);
  }).failed());
  const Lsn end = opened.machine->log_end(true);
  CHECK((end.epoch != 0 && end.counter != 0));
  REQUIRE_FALSE(back_up(*opened.machine, {"b/two", false, false}));
  RecordBuffer one, two;
  REQUIRE_FALSE(store::read_whole_file(disk, "b/one", one));
  REQUIRE_FALSE(store::read_whole_file(disk, "b/two", two));
  CHECK(as_text(one.bytes()) == as_text(two.bytes()));
  REQUIRE_FALSE(back_up(*opened.machine, {"s/", false, false}));
  CHECK(read_restored(disk, "s/") == then);
  // What is there already stays.
  os::SimClock clock;
  auto there = restore_plan("b/one");
  there.database = "d/db";
  CHECK(restore(disk, clock, there).error().code() == sqlstate::duplicate_file);
  there = restore_plan("d/db");
  CHECK(restore(disk, clock, there).error().message() == "file \"d/db\" is not a backup");
  there = restore_plan("nothing");
  CHECK(restore(disk, clock, there).error().code() == sqlstate::undefined_file);
  // A database whose small file is lost is one still.
  REQUIRE_FALSE(disk.remove("d/db"));
  there = restore_plan("b/one");
  there.database = "d/db";
  CHECK_THAT(std::string(restore(disk, clock, there).error().message()), Catch::Contains("holds a database"));
}

TEST_CASE("targets that are there already") {
  os::SimStorage disk;
  os::SimChance chance(4);
  auto world = make_world(disk);
  Model model;
  fill(*world, chance, model, 2);
  SimMachine& machine = *world->machine;
  CHECK(back_up(machine, {"d/db", false, false}).message() == "file \"d/db\" exists already, and is no backup");
  CHECK(back_up(machine, {"d/db", true, false}).message() == "file \"d/db\" exists already, and is no backup");
  REQUIRE_FALSE(back_up(machine, {"b/one", true, false}));
  CHECK(back_up(machine, {"b/one", false, false}).message() == "backup \"b/one\" exists already");
  commit_some(*world, chance, model, 4);
  REQUIRE_FALSE(back_up(machine, {"b/one", true, false}));
  CHECK(read_backup(disk, "b/one") == model);
  CHECK(names_in(disk, "b") == std::vector<std::string>{"one"});
  // One that is given up in the middle leaves nothing, and lets go of the segments.
  {
    auto job = machine.start_backup({"b/two", false, false});
    REQUIRE(job);
    for (int i = 0; i < 2; ++i) REQUIRE((*job)->step());
    CHECK(names_in(disk, "b") == std::vector<std::string>{"one", "two.new"});
  }
  CHECK(names_in(disk, "b") == std::vector<std::string>{"one"});
  // The directory of the database itself is in use.
  CHECK(back_up(machine, {"d/db.d/", false, false}).code() == sqlstate::lock_file_exists);
  {
    auto job = machine.start_backup({"s/", false, false});
    REQUIRE(job);
    CHECK(back_up(machine, {"s/", false, false}).code() == sqlstate::lock_file_exists);
  }
  CHECK(back_up(machine, {"/", false, false}).code() == sqlstate::invalid_parameter_value);
  MachineOptions options;
  options.ephemeral = true;
  World none(disk);
  none.options = options;
  REQUIRE_FALSE(none.open());
  CHECK(back_up(*none.machine, {"b/none", false, false}).code() == sqlstate::feature_not_supported);
}

TEST_CASE("a directory gets the segments that it lacks, and keeps older backups until it is pruned") {
  os::SimStorage disk;
  os::SimChance chance(5);
  auto world = make_world(disk);
  world->options.compaction = {64, std::uint64_t{1} << 40};  // nothing is moved
  Model model;
  fill(*world, chance, model, 3);
  std::vector<Model> points;
  std::uint64_t copied = 0, all = 0;
  for (int round = 0; round < 4; ++round) {
    auto job = world->machine->start_backup({"s/", false, false});
    REQUIRE(job);
    for (bool is_done = false; !is_done;) {
      auto stepped = (*job)->step();
      REQUIRE(stepped);
      is_done = *stepped;
    }
    copied = (*job)->progress().copied_bytes;
    all = (*job)->progress().all_bytes;
    REQUIRE((*job)->progress().done_bytes == all);
    REQUIRE((round == 0 ? copied == all : copied < all / 2));
    points.push_back(model);
    commit_some(*world, chance, model, 4);
  }
  for (std::size_t i = 0; i < points.size(); ++i) {
    const std::string path = "s/backup-0000000" + std::to_string(i + 1);
    CHECK(read_backup(disk, path) == points[i]);
    CHECK(read_restored(disk, path) == points[i]);
  }
  CHECK(read_backup(disk, "s/") == points.back());
  // Another database's segments of the same numbers and sizes are others. (A database that was restored goes on as the first did.)
  Model models[2] = {points.back(), points.back()};
  std::vector<store::SegmentInfo> last;
  for (const char* database : {"r/db", "q/db"}) {
    os::SimClock clock;
    const std::string log = std::string(database) + ".wal";
    RestorePlan plan = restore_plan("s/backup-00000004");
    plan.database = database;
    plan.log = log;
    REQUIRE(restore(disk, clock, plan));
    World twin(disk);
    twin.options.database_path = database;
    twin.options.log_path = log;
    REQUIRE_FALSE(twin.open());
    const std::string text = last.empty() ? "some texts" : "some tests";
    REQUIRE_FALSE(twin.write([&](SimTransaction& transaction) {
      Conflict conflict;
      models[last.size()][7000] = text;
      return put(transaction, 7000, text, conflict);
    }));
    REQUIRE_FALSE(back_up(*twin.machine, {"s/", false, false}));
    last.push_back(twin.machine->manifest().segments.back());
  }
  CHECK(last[0].number == last[1].number);  // else this tests nothing
  CHECK(last[0].bytes == last[1].bytes);
  CHECK(read_backup(disk, "s/backup-00000005") == models[0]);
  CHECK(read_backup(disk, "s/backup-00000006") == models[1]);
  {
    World reader(disk);
    reader.options.database_path = "s/";
    REQUIRE_FALSE(reader.open());
    CHECK(back_up(*world->machine, {"s/", false, true}).code() == sqlstate::lock_file_exists);
  }
  REQUIRE_FALSE(back_up(*world->machine, {"s/", false, true}));
  CHECK(read_backup(disk, "s/") == model);
  CHECK(names_in(disk, "s").size() == 1 + world->machine->manifest().segments.size());
  // A file that is gone, or not whole, is copied again; one that is damaged is another segment's.
  const auto files = names_in(disk, "s");
  REQUIRE_FALSE(disk.remove("s/" + files.back()));
  REQUIRE_FALSE(disk.open("s/" + files[1], policy::OpenMode::write)->resize(40));
  REQUIRE_FALSE(back_up(*world->machine, {"s/", false, true}));
  CHECK(read_backup(disk, "s/") == model);
}

namespace {

/// What the target may be after a backup that may not have come to its end.
void check_target(os::SimStorage& disk, const std::string& path, const std::vector<Model>& allowed, bool may_be_missing) {
  char name[400];
  auto found = store::find_backup(disk, path, name);
  if (path.ends_with('/') && !found && may_be_missing) return;
  REQUIRE(found);
  if (!*found) { REQUIRE(may_be_missing); return; }
  const Model model = read_backup(disk, path);
  REQUIRE(std::find(allowed.begin(), allowed.end(), model) != allowed.end());
}

}  // namespace

TEST_CASE("a power cut at any call leaves the backup that was, or the whole of the new one, and the database") {
  std::uint64_t cuts = 0, finished = 0;
  for (const std::string path : {"b/one", "b/"})
    for (const bool has_old : {false, true}) {
      os::SimStorage base;
      os::SimChance base_chance(7);
      Model old, model;
      {
        auto world = make_world(base);
        fill(*world, base_chance, model, 2);
        old = model;
        if (has_old) REQUIRE_FALSE(back_up(*world->machine, {path, false, false}));
        commit_some(*world, base_chance, model, 8);
      }
      for (std::uint64_t cut = 1;; ++cut, ++cuts) {
        CAPTURE(path, has_old, cut);
        os::SimStorage disk;
        disk.copy_from(base);
        os::SimChance chance(cut);
        auto world = make_world(disk);
        REQUIRE_FALSE(world->open());
        Model later = model;
        disk.cut_power_at(cut);
        Status failed = back_up(*world->machine, {path, path == "b/one", path == "b/" && cut % 2 == 0});
        const bool is_over = !disk.power_is_cut();
        world.reset();
        disk.power_cycle(chance, survivals[cut % 4]);
        if (is_over) REQUIRE_FALSE(failed);
        finished += is_over;
        if (!failed) check_target(disk, path, {model}, false);
        else check_target(disk, path, has_old ? std::vector<Model>{old, model} : std::vector<Model>{model}, !has_old);
        world = make_world(disk);
        REQUIRE_FALSE(world->open());
        REQUIRE(read_all(*world) == model);
        // What is left over is in nobody's way.
        commit_some(*world, chance, later, 1);
        REQUIRE_FALSE(back_up(*world->machine, {path, path == "b/one", path == "b/"}));
        REQUIRE(read_backup(disk, path) == later);
        if (path == "b/one") REQUIRE(names_in(disk, "b") == std::vector<std::string>{"one"});
        else REQUIRE(names_in(disk, "b").size() == 1 + world->machine->manifest().segments.size());
        if (is_over) break;
      }
    }
  CHECK(finished == 4);
  CHECK(cuts > 60);
}

TEST_CASE("a call that fails is told, leaves no file, and the service goes on") {
  std::uint64_t failures = 0;
  for (const std::string path : {"b/one", "b/"})
    for (const Sqlstate code : {sqlstate::io_error, sqlstate::disk_full})
      for (std::uint64_t nth = 1;; ++nth) {
        CAPTURE(path, nth);
        os::SimStorage disk;
        os::SimChance chance(9);
        Model model;
        auto world = make_world(disk);
        fill(*world, chance, model, 3);
        REQUIRE_FALSE(world->machine->checkpoint());
        auto job = world->machine->start_backup({path, false, false});
        REQUIRE(job);
        REQUIRE((*job)->step());  // what a failing checkpoint does, others' tests say
        const Model of_point = model;
        const std::uint64_t before = disk.steps();
        disk.fail_at(nth, code);
        Status failed;
        for (bool is_done = false; !is_done && !failed;) {
          auto stepped = (*job)->step();
          if (stepped) is_done = *stepped;
          else failed = stepped.take_error();
        }
        const bool is_over = disk.steps() - before < nth;
        disk.fail_at(0, code);
        job->reset();
        if (failed) CHECK(failed.code() == code);
        REQUIRE(is_over != failed.failed());
        if (failed && path == "b/one") REQUIRE(names_in(disk, "b").empty());
        if (failed) {
          ++failures;
          for (const std::string& name : names_in(disk, "b")) REQUIRE(name.starts_with("segment-"));
          check_target(disk, path, {}, true);
        }
        commit_some(*world, chance, model, 2);
        REQUIRE_FALSE(world->machine->checkpoint());
        REQUIRE(read_all(*world) == model);
        if (!failed) CHECK(read_backup(disk, path) == of_point);
        REQUIRE_FALSE(back_up(*world->machine, {path, path == "b/one", false}));
        REQUIRE(read_backup(disk, path) == model);
        if (is_over) break;
      }
  CHECK(failures > 30);
}

TEST_CASE("a restore that is cut short, or fails, has made a database or none, and can be done again") {
  os::SimStorage base;
  os::SimChance base_chance(11);
  Model model;
  {
    auto world = make_world(base);
    fill(*world, base_chance, model, 3);
    REQUIRE_FALSE(back_up(*world->machine, {"b/one", false, false}));
  }
  std::uint64_t made = 0, not_made = 0;
  for (const bool is_power : {true, false})
    for (std::uint64_t cut = 1;; ++cut) {
      CAPTURE(is_power, cut);
      os::SimStorage disk;
      disk.copy_from(base);
      os::SimClock clock;
      os::SimChance chance(cut);
      const std::uint64_t before = disk.steps();
      if (is_power) disk.cut_power_at(cut);
      else disk.fail_at(cut, sqlstate::disk_full);
      const bool is_restored = restore(disk, clock, restore_plan("b/one")).has_value();
      const bool is_over = disk.steps() - before < cut;
      if (is_power) disk.power_cycle(chance, survivals[cut % 4]);
      else disk.fail_at(0, sqlstate::disk_full);
      if (is_over) REQUIRE(is_restored);
      const bool is_there = disk.open("r/db", policy::OpenMode::read).has_value();
      if (is_restored) REQUIRE(is_there);
      ++(is_there ? made : not_made);
      if (!is_there) {
        auto again = restore(disk, clock, restore_plan("b/one"));
        if (!again && is_power) {
          // A log without its database, or a database that lacks nothing but its name.
          const std::string message(again.error().message());
          CAPTURE(message);
          REQUIRE((message.find("exists already") != std::string::npos || message.find("holds a database") != std::string::npos));
          for (const std::string& name : names_in(disk, "r")) REQUIRE_FALSE(disk.remove("r/" + name));
          for (const std::string& name : names_in(disk, "r/db.d")) REQUIRE_FALSE(disk.remove("r/db.d/" + name));
          again = restore(disk, clock, restore_plan("b/one"));
        }
        REQUIRE(again);
      }
      REQUIRE(read_opened(disk, "r/db", "r/wal") == model);
      if (is_over) break;
    }
  CHECK((made >= 2 && not_made > 20));
}

TEST_CASE("any bit of a backup that changes is found by verify, and gives an error or the right answer when it is read") {
  for (const bool is_directory : {false, true}) {
    os::SimStorage disk;
    os::SimChance chance(13);
    Model model;
    {
      World world(disk);
      fill(world, chance, model, 1);
      commit_some(world, chance, model, 3);
      REQUIRE_FALSE(back_up(*world.machine, {is_directory ? "b/" : "b/one", false, false}));
    }
    const char* const path = is_directory ? "b/" : "b/one";
    std::uint64_t told = 0, unharmed = 0;
    for (const std::string& name : names_in(disk, "b")) {
      const std::string file = "b/" + name;
      const std::uint64_t bytes = *disk.open(file, policy::OpenMode::read)->size();
      for (std::uint64_t at = 0; at < bytes; ++at) {
        const auto bit = static_cast<unsigned>(chance.below(8));
        CAPTURE(file, at, bit);
        REQUIRE(disk.flip(file, at, bit));
        Faults faults;
        REQUIRE_FALSE(verify_backup(disk, path, faults));
        REQUIRE(faults.text != "");
        World world(disk);
        world.options.database_path = path;
        world.options.read_only = true;
        Status failed = world.open();
        const auto is_damage = [](const Error& error) { return error.code() == sqlstate::data_corrupted || error.code() == sqlstate::feature_not_supported; };
        if (!failed && at % 16 == 0) {
          Faults deep;
          REQUIRE_FALSE(verify_versions(*world.machine, deep));
          if (deep.text == "") REQUIRE(read_all(world) == model);
          ++(deep.text == "" ? unharmed : told);
        } else if (failed) {
          REQUIRE(is_damage(failed));
          ++told;
        }
        world.machine.reset();
        REQUIRE(disk.flip(file, at, bit));
      }
      // Cut short, or with something behind it.
      for (const std::uint64_t size : {bytes - 1, bytes / 2, std::uint64_t{0}, bytes + 1}) {
        CAPTURE(file, size);
        os::SimStorage copy;
        copy.copy_from(disk);
        REQUIRE_FALSE(copy.open(file, policy::OpenMode::write)->resize(size));
        Faults faults;
        REQUIRE_FALSE(verify_backup(copy, path, faults));
        REQUIRE(faults.text != "");
      }
    }
    CHECK(read_backup(disk, path) == model);
    CHECK((told > 300 && unharmed > 10));
  }
}

TEST_CASE("what is damaged in the database is not carried into a backup") {
  os::SimStorage disk;
  os::SimChance chance(17);
  Model model;
  auto world = make_world(disk);
  fill(*world, chance, model, 2);
  const std::string segment = "d/db.d/" + world->files("segment-").back();
  REQUIRE(disk.flip(segment, 100, 3));
  for (const char* path : {"b/one", "b/"}) {
    const Status failed = back_up(*world->machine, {path, false, false});
    CHECK(failed.code() == sqlstate::data_corrupted);
    CHECK_THAT(std::string(failed.message()), Catch::Contains("is damaged at 64: the record has a wrong checksum"));
  }
  for (const std::string& name : names_in(disk, "b")) CHECK(name.starts_with("segment-"));
}

TEST_CASE("a backup of format 1 is read; a newer one is refused with a message") {
  const std::string path = std::string(SPG_TEST_VECTORS) + "/store/backup-v1";
  os::SimStorage disk;
  {
    os::SimChance chance(19);
    Model model;
    World world(disk);
    fill(world, chance, model, 1);
    REQUIRE_FALSE(world.write([](SimTransaction& transaction) {
      Conflict conflict;
      return put(transaction, 4711, "kept for ever", conflict);
    }));
    REQUIRE_FALSE(back_up(*world.machine, {"b/made", false, false}));
  }
  if (std::getenv("SPG_WRITE_GOLDEN") != nullptr) {
    RecordBuffer made;
    REQUIRE_FALSE(store::read_whole_file(disk, "b/made", made));
    std::ofstream(path, std::ios::binary).write(reinterpret_cast<const char*>(made.data()), static_cast<std::streamsize>(made.size()));
  }
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  const std::string kept{std::istreambuf_iterator<char>(file), {}};
  REQUIRE(kept.at(7) == 1);
  REQUIRE_FALSE(store::write_whole_file(disk, "b/kept", as_bytes(kept)));
  const Model model = read_backup(disk, "b/kept");
  CHECK(model.size() == 26);
  CHECK(model.at(4711) == "kept for ever");
  CHECK(read_restored(disk, "b/kept") == model);
  std::string newer = kept;
  newer[7] = 2;
  REQUIRE_FALSE(store::write_whole_file(disk, "b/newer", as_bytes(newer)));
  const auto refused = store::open_backup(disk, "b/newer");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == sqlstate::feature_not_supported);
  CHECK(refused.error().message() == "the backup has format 2, this program reads up to 1");
}

TEST_CASE("with an archive behind it, a backup makes every later point") {
  for (std::uint64_t seed = 1; seed <= 4; ++seed) {
    CAPTURE(seed);
    os::SimStorage disk;
    os::SimClock clock;
    os::SimChance chance(seed);
    auto world = make_world(disk, &clock);
    world->options.copies.archive = "a";
    world->options.copies.archive_seconds = 1;
    world->options.recovery_seconds = 0;  // no manifest is kept: only the backup can be a base
    Model model;
    fill(*world, chance, model, 2);
    struct Point { std::uint64_t lsn; std::int64_t time_us; Model model; };
    std::vector<Point> points;
    const auto note = [&] {
      const Lsn end = world->machine->log_end(true);
      points.push_back({log::lsn_of(end.epoch, end.counter), clock.wall_us(), model});
      clock.advance_ns(1'000'000'000);
    };
    note();
    commit_some(*world, chance, model, 3);
    const Point before_backup = points.back();
    clock.advance_ns(1'000'000'000);
    REQUIRE_FALSE(back_up(*world->machine, {"b/one", false, false}, [&] { commit_some(*world, chance, model, 1); }));
    points.clear();
    for (int round = 0; round < 12; ++round) {
      commit_some(*world, chance, model, 2);
      note();
      if (chance.below(3) == 0) REQUIRE_FALSE(world->machine->checkpoint());
      if (chance.below(4) == 0) {
        world->machine->ship(true);
        REQUIRE_FALSE(world->open());
      }
    }
    world->machine->ship(true);
    world->machine.reset();
    const auto at = [&](const RecoveryTarget& target) {
      os::SimStorage copy;
      copy.copy_from(disk);
      RestorePlan plan = restore_plan("b/one");
      plan.archive = "a";
      plan.target = target;
      auto done = restore(copy, clock, plan);
      if (!done) UNSCOPED_INFO(std::string(done.error().message()));
      REQUIRE(done);
      return read_opened(copy, "r/db", "r/wal");
    };
    for (const Point& point : points) {
      CAPTURE(point.lsn);
      REQUIRE(at({RecoveryTarget::Kind::lsn, point.lsn, 0}) == point.model);
      REQUIRE(at({RecoveryTarget::Kind::time, 0, point.time_us}) == point.model);
    }
    REQUIRE(at({}) == model);
    RestorePlan plan = restore_plan("b/one");
    plan.archive = "a";
    plan.target = {RecoveryTarget::Kind::lsn, before_backup.lsn, 0};
    CHECK(restore(disk, clock, plan).error().code() == sqlstate::object_not_in_prerequisite_state);
    // With the log alone, if that is left.
    plan = restore_plan("b/one");
    plan.other_log = "d/wal";
    auto done = restore(disk, clock, plan);
    REQUIRE(done);
    CHECK(read_opened(disk, "r/db", "r/wal") == model);
  }
}
