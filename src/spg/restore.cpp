// spg restore: a database of a backup, and of the log that follows it.
#include <cinttypes>
#include <cstdio>

#include "cli.hpp"
#include "spg/profile/daemon.hpp"
#include "spg/txn/restore.hpp"

namespace spg::cli {
namespace {

constexpr std::size_t memory_bytes = std::size_t{1} << 30;

}  // namespace

int restore(Arguments arguments) {
  Options options(arguments);
  const std::string_view to = options.value("--to", {}), wal = options.value("--wal", {}), archive = options.value("--archive", {}), replay = options.value("--replay", {});
  const bool quiet = options.flag("--quiet");
  if (options.missing || options.rest.size() != 2 || options.has_unknown()) return wrong_usage("restore: one backup, and the database to be");
  if (!to.empty() && archive.empty() && replay.empty()) return wrong_usage("restore: --to goes with --archive or --replay, which have what follows the backup");
  os::PosixStorage storage;
  os::SystemClock clock;
  os::ExtentAlloc alloc;
  os::SystemRandom random;
  txn::RestorePlan plan;
  plan.backup = options.rest[0];
  plan.database = options.rest[1];
  const std::string log = wal.empty() ? std::string(plan.database) + ".wal" : std::string(wal);
  plan.log = log;
  plan.archive = archive;
  plan.other_log = replay;
  plan.hot_tier_bytes = memory_bytes;
  if (!to.empty()) {
    auto target = txn::parse_recovery_target(to, clock.wall_us());
    if (!target) return report(target.error());
    plan.target = *target;
  }
  Meter meter("restore");
  auto done = txn::restore_database<os::PosixEnv>(storage, clock, alloc, random, plan, [&](const store::BackupProgress& progress) {
    meter.show(progress.done_bytes, progress.all_bytes);
    return ok();
  });
  if (!done) return report(done.error());
  MemoryBudget budget;
  Arena arena(budget);
  if (!quiet)
    std::printf("restored to %s, the last commit of %s: the backup and %" PRIu64 " log records; the log is %s\n", std::string(txn::print_lsn(done->lsn, arena)).c_str(),
                std::string(txn::print_time(done->commit_time_us, arena)).c_str(), done->records, log.c_str());
  return 0;
}

}  // namespace spg::cli
