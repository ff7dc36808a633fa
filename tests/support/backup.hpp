// Backups of a World: made step by step, read as they are, restored.
#pragma once
#include <functional>

#include "support/table_world.hpp"
#include "support/verify.hpp"

namespace spg::test {

/// `between` runs before every step but the first, with which the backup's point is there.
inline Status back_up(SimMachine& machine, const store::BackupTarget& target, const std::function<void()>& between = [] {}) {
  SPG_ASSIGN(const std::unique_ptr<BackupJob> job, machine.start_backup(target));
  for (bool is_first = true;; is_first = false) {
    if (!is_first) between();
    SPG_ASSIGN(const bool is_done, job->step());
    if (is_done) return ok();
  }
}

/// What a machine that is opened on a path holds; nothing of it may be wrong.
inline Model read_opened(os::SimStorage& disk, std::string_view database, std::string_view log) {
  World world(disk);
  world.options.database_path = database;
  world.options.log_path = log;
  Status opened = world.open();
  if (opened) UNSCOPED_INFO(std::string(opened.message()));
  REQUIRE_FALSE(opened);
  REQUIRE(faults_of(*world.machine) == "");
  auto table = find_table(world.machine->objects(), world.lineage->tip()->root, table_id, store::Access::wait);
  REQUIRE(table);
  return *table == nullptr ? Model{} : read_all(world);
}

/// What is in a backup, which must be sound.
inline Model read_backup(os::SimStorage& disk, std::string_view path) {
  Faults faults;
  REQUIRE_FALSE(verify_backup(disk, path, faults));
  REQUIRE(faults.text == "");
  return read_opened(disk, path, "nowhere/wal");
}

inline Result<Recovered> restore(os::SimStorage& disk, os::SimClock& clock, const RestorePlan& plan) {
  os::SimAlloc alloc;
  os::SimRandom random;
  return restore_database<SimEnv>(disk, clock, alloc, random, plan, [](const store::BackupProgress&) { return ok(); });
}
inline RestorePlan restore_plan(std::string_view backup) {
  RestorePlan plan;
  plan.backup = backup;
  plan.database = "r/db";
  plan.log = "r/wal";
  return plan;
}

/// What a database made of a backup holds, which must be sound, take writes, and be there after a crash.
inline Model read_restored(const os::SimStorage& disk, std::string_view path) {
  os::SimStorage copy;
  copy.copy_from(disk);
  os::SimClock clock;
  auto done = restore(copy, clock, restore_plan(path));
  if (!done) UNSCOPED_INFO(std::string(done.error().message()));
  REQUIRE(done);
  os::SimChance chance(1);
  copy.power_cycle(chance, os::Survival::none);
  const Model found = read_opened(copy, "r/db", "r/wal");
  World world(copy);
  world.options.database_path = "r/db";
  world.options.log_path = "r/wal";
  REQUIRE_FALSE(world.open());
  Model model = found;
  bool committed = false;
  while (!committed) REQUIRE_FALSE(random_transaction(world, chance, model, committed));
  REQUIRE_FALSE(world.machine->checkpoint());
  world.machine.reset();
  REQUIRE(read_opened(copy, "r/db", "r/wal") == model);
  return found;
}

inline std::vector<std::string> names_in(os::SimStorage& disk, std::string_view folder) {
  std::vector<std::string> names;
  REQUIRE_FALSE(disk.list(folder, [&](std::string_view name) { names.emplace_back(name); }));
  return names;
}

}  // namespace spg::test
