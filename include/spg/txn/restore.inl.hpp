#pragma once
#include <algorithm>
#include <array>
#include <cstdio>
#include <memory>

#include "spg/store/backup.inl.hpp"
#include "spg/store/manifest.inl.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/recovery.inl.hpp"
#include "spg/txn/restore.hpp"

namespace spg::txn {

/// Copies a backup's segments to the database's directory, and looks at every byte of them.
template <policy::Storage Storage>
Status restore_segments(Storage& storage, const store::Backup& backup, std::string_view database, FunctionRef<Status(const store::BackupProgress&)> step) {
  using File = typename Storage::File;
  const store::DatabasePaths paths(database);
  store::BackupProgress progress;
  store::SegmentCopy<File> copy;
  for (const store::SegmentInfo& info : backup.manifest.segments) progress.all_bytes += info.bytes;
  for (std::size_t i = 0; i < backup.segments.size(); ++i) {
    const store::SegmentInfo& info = backup.manifest.segments[i];
    const store::SegmentPlace place = backup.place_of(i);
    store::SegmentFile<File> from;
    SPG_ASSIGN(from.file, storage.open(std::string_view(place.name), policy::OpenMode::read));
    from.offset = place.offset;
    copy.begin(std::move(from), info);
    char name[512];
    paths.segment_name(name, info.number);
    // One of that name is left of a restore that was cut short.
    auto made = storage.open(std::string_view(name), policy::OpenMode::create);
    if (!made && made.error().code() == sqlstate::duplicate_file) made = storage.open(std::string_view(name), policy::OpenMode::write);
    if (!made) return made.take_error();
    SPG_TRY(made->resize(0));
    while (!copy.is_done()) {
      const std::uint64_t before = copy.done_bytes();
      SPG_TRY(copy.step(&*made, 0));
      progress.done_bytes += copy.done_bytes() - before;
      SPG_TRY(step(progress));
    }
    SPG_ASSIGN(const store::SegmentPrint print, copy.finish());
    if (print != backup.segments[i].print) return Error::make(sqlstate::data_corrupted, "segment ", info.number, " of the backup is not the one that it was made of");
    SPG_TRY(made->sync());
  }
  return storage.sync_dir(std::string_view(paths.directory));
}

/// What a restore that has failed has made of a database that is none yet. Failures only leave files.
template <policy::Storage Storage>
void remove_unfinished(Storage& storage, const RestorePlan& plan) {
  if (storage.open(plan.database, policy::OpenMode::read)) return;  // it is in force
  const store::DatabasePaths paths(plan.database);
  const auto remove_all = [&](std::string_view directory, std::string_view prefix) {
    Array<std::array<char, 64>> names;
    (void)storage.list(directory, [&](std::string_view name) {
      std::array<char, 64> kept{};
      if (!name.starts_with(prefix) || name.size() >= kept.size()) return;
      std::copy(name.begin(), name.end(), kept.begin());
      (void)names.push_back(kept);
    });
    for (const auto& one : names) {
      char name[512];
      std::snprintf(name, sizeof name, "%.*s/%s", static_cast<int>(directory.size()), directory.data(), one.data());
      (void)storage.remove(std::string_view(name));
    }
  };
  for (const std::string_view prefix : {"segment-", "manifest-"}) remove_all(std::string_view(paths.directory), prefix);
  const log::FileNames log(plan.log);
  Array<std::uint64_t> numbers;
  (void)log.list(storage, numbers);
  for (const std::uint64_t number : numbers) {
    char name[512];
    log.name(name, number);
    (void)storage.remove(std::string_view(name));
  }
}

template <policy::Env Env>
Result<Recovered> restore_into(Machine<Env>& machine, typename Env::Storage& storage, store::Backup& backup, const RestorePlan& plan,
                               FunctionRef<Status(const store::BackupProgress&)> step) {
  SPG_TRY(restore_segments(storage, backup, plan.database, step));
  char archive[448];
  log::archive_path(plan.archive, archive);
  RecoveryPlace places[2];
  std::size_t count = 0;
  if (!plan.other_log.empty()) places[count++] = {plan.other_log, log::PlaceKind::tee};
  if (!plan.archive.empty()) places[count++] = {archive, log::PlaceKind::archive};
  store::Manifest& base = backup.manifest;
  // It is a database of its own, which feeds no copies and has no audit log yet.
  base.copies = 0;
  base.audit = {};
  // What lies before the backup's point there are only parts of transactions that it does not have.
  if (count == 0) base.log_start = base.contained();
  Recovery what;
  what.places = {places, count};
  what.target = plan.target;
  return machine.recover(std::move(base), what);
}

template <policy::Env Env>
Result<Recovered> restore_database(typename Env::Storage& storage, typename Env::Clock& clock, typename Env::Alloc& alloc, typename Env::Random& random,
                                   const RestorePlan& plan, FunctionRef<Status(const store::BackupProgress&)> step) {
  char name[400];
  SPG_ASSIGN(const bool is_backup, store::find_backup(storage, plan.backup, name));
  if (!is_backup) {
    SPG_TRY(storage.open(plan.backup, policy::OpenMode::read).status());
    return Error::make(sqlstate::data_corrupted, "file \"", plan.backup, "\" is not a backup");
  }
  SPG_ASSIGN(store::Backup backup, store::open_backup(storage, std::string_view(name)));
  SPG_ASSIGN([[maybe_unused]] const typename Env::Storage::Lock shared, store::lock_backup(storage, backup));
  if (!may_begin_with({backup.manifest.number, backup.manifest.lsn, backup.manifest.commit_time_us}, plan.target))
    return too_old(backup.manifest.lsn, backup.manifest.commit_time_us);
  SPG_TRY(check_is_free(storage, plan.database, plan.log));
  SPG_TRY(store::check_never_made(storage, store::DatabasePaths(plan.database)));
  MachineOptions options;
  options.database_path = plan.database;
  options.log_path = plan.log;
  options.hot_tier_bytes = plan.hot_tier_bytes;
  const std::unique_ptr<Machine<Env>> machine(new (std::nothrow) Machine<Env>(storage, clock, alloc, random, options));
  if (machine == nullptr) return Error::out_of_memory();
  SPG_TRY(machine->lock_files());
  auto done = restore_into(*machine, storage, backup, plan, step);
  if (!done) remove_unfinished(storage, plan);
  return done;
}

}  // namespace spg::txn
