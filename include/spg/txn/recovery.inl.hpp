// Bodies: a database recovered to a point, in place or as a copy: what spg-server --recover-to and spg revert do.
#pragma once
#include <algorithm>
#include <memory>
#include <optional>

#include "spg/store/manifest.hpp"
#include "spg/txn/machine.hpp"

namespace spg::txn {

/// The newest manifest that a recovery to the target may begin with. Given up ones are not. Where the pointer file names one
/// that is damaged, it is as if it were not there.
template <policy::Storage Storage>
Result<store::Manifest> find_base(Storage& storage, std::string_view database, const store::Manifest& newest, const RecoveryTarget& target) {
  const store::DatabasePaths paths(database);
  Array<std::uint64_t> numbers;
  bool fits = true;
  SPG_TRY(storage.list(std::string_view(paths.directory), [&](std::string_view name) {
    if (!name.starts_with("manifest-")) return;
    const std::uint64_t number = store::DatabasePaths::number_in(name);
    fits = fits && (number > newest.number || numbers.push_back(number));
  }));
  if (!fits) return Error::out_of_memory();
  std::sort(numbers.begin(), numbers.end());
  std::int64_t oldest_us = INT64_MAX;
  std::uint64_t oldest_lsn = UINT64_MAX;
  for (std::size_t i = numbers.size(); i-- > 0;) {
    auto manifest = store::read_manifest(storage, paths, numbers[i]);
    if (!manifest || is_given_up({newest.jumps.data(), newest.jumps.size()}, manifest->contained())) continue;
    if (may_begin_with({manifest->number, manifest->lsn, manifest->commit_time_us}, target)) return manifest;
    oldest_lsn = manifest->lsn;
    oldest_us = manifest->commit_time_us;
  }
  return too_old(oldest_lsn, oldest_us);
}

/// Copies the segments of a manifest.
template <policy::Storage Storage>
Status copy_segments(Storage& storage, const store::Manifest& manifest, std::string_view from, std::string_view to) {
  constexpr std::size_t step_bytes = 1024 * 1024;
  const store::DatabasePaths from_paths(from), to_paths(to);
  SPG_TRY(storage.make_dir(std::string_view(to_paths.directory)));
  RecordBuffer buffer;
  std::byte* const bytes = buffer.extend(step_bytes);
  if (bytes == nullptr) return Error::out_of_memory();
  for (const store::SegmentInfo& segment : manifest.segments) {
    char from_name[512], to_name[512];
    from_paths.segment_name(from_name, segment.number);
    to_paths.segment_name(to_name, segment.number);
    SPG_ASSIGN(auto source, storage.open(std::string_view(from_name), policy::OpenMode::read));
    auto made = storage.open(std::string_view(to_name), policy::OpenMode::create);
    if (!made && made.error().code() == sqlstate::duplicate_file) made = storage.open(std::string_view(to_name), policy::OpenMode::write);
    if (!made) return made.take_error();
    SPG_TRY(made->resize(0));
    for (std::uint64_t at = 0; at < segment.bytes; at += step_bytes) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(segment.bytes - at, step_bytes));
      SPG_TRY(source.read_at(at, {bytes, take}));
      SPG_TRY(made->write_at(at, {bytes, take}));
    }
    SPG_TRY(made->sync());
  }
  return storage.sync_dir(std::string_view(to_paths.directory));
}

/// The target must be no database, and have no log, yet.
template <policy::Storage Storage>
Status check_is_free(Storage& storage, std::string_view database, std::string_view log) {
  if (storage.open(database, policy::OpenMode::read)) return Error::make(sqlstate::duplicate_file, "database \"", database, "\" exists already");
  Array<std::uint64_t> numbers;
  SPG_TRY(log::FileNames(log).list(storage, numbers));
  return numbers.empty() ? ok() : Error::make(sqlstate::duplicate_file, "log \"", log, "\" exists already");
}

template <policy::Env Env>
Result<Recovered> recover_database(typename Env::Storage& storage, typename Env::Clock& clock, typename Env::Alloc& alloc, typename Env::Random& random,
                                   const RecoveryPlan& plan) {
  const bool is_copy = !plan.to_database.empty();
  if (is_copy) SPG_TRY(check_is_free(storage, plan.to_database, plan.to_log));
  MachineOptions options;
  options.database_path = is_copy ? plan.to_database : plan.database;
  options.log_path = is_copy ? plan.to_log : plan.log;
  options.hot_tier_bytes = plan.hot_tier_bytes;
  if (!is_copy) options.copies.archive = plan.archive;
  if (!is_copy) options.audit = plan.audit;
  options.recovery_seconds = keep_all_manifests;
  const std::unique_ptr<Machine<Env>> machine(new (std::nothrow) Machine<Env>(storage, clock, alloc, random, options));
  if (machine == nullptr) return Error::out_of_memory();
  // Before anything is looked at, so that it stays.
  typename Env::Storage::Lock source;
  if (is_copy) {
    auto lock = store::lock_database(storage, plan.database, policy::LockMode::shared);
    if (!lock && lock.error().code() != sqlstate::undefined_file) return lock.take_error();
    if (lock) source = std::move(*lock);
  } else {
    SPG_TRY(machine->lock_files());
  }
  auto newest = store::read_manifest(storage, plan.database);
  const bool has_database = newest.has_value();
  if (!has_database && newest.error().code() != sqlstate::undefined_file) return newest.take_error();
  store::Manifest base;
  if (has_database) {
    SPG_ASSIGN(base, find_base(storage, plan.database, *newest, plan.target));
  }
  // A copy is a database of its own: it does not write to the archive of the one that it comes from.
  if (is_copy) base.copies = 0;
  if (is_copy && has_database) newest->copies = 0;
  // Nor to its audit log.
  if (is_copy) base.audit = {};
  if (is_copy && has_database) newest->audit = {};
  if (is_copy) SPG_TRY(copy_segments(storage, base, plan.database, plan.to_database));
  if (is_copy) SPG_TRY(machine->lock_files());
  char archive[448];
  log::archive_path(plan.archive, archive);
  RecoveryPlace places[2];
  std::size_t count = 0;
  places[count++] = plan.other_log.empty() ? RecoveryPlace{plan.log, log::PlaceKind::log} : RecoveryPlace{plan.other_log, log::PlaceKind::tee};
  if (!plan.archive.empty()) places[count++] = {archive, log::PlaceKind::archive};
  Recovery what;
  what.places = {places, count};
  what.target = plan.target;
  what.newest = has_database ? &*newest : nullptr;
  return machine->recover(std::move(base), what);
}

}  // namespace spg::txn
