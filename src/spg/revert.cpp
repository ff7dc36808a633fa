// spg revert: a database becomes what it was at a point; what came later is given up.
#include <cinttypes>
#include <cstdio>

#include "cli.hpp"
#include "spg/profile/daemon.hpp"

namespace spg::cli {
namespace {

constexpr std::size_t revert_memory_bytes = std::size_t{1} << 30;

}  // namespace

int revert(Arguments arguments) {
  Options options(arguments);
  const std::string_view to = options.value("--to", {}), wal = options.value("--wal", {}), archive = options.value("--archive", {}), audit = options.value("--audit", {});
  const bool audit_begins = options.flag("--audit-begin");
  if (options.missing || to.empty() || options.rest.size() != 1 || options.has_unknown()) return wrong_usage("revert: --to TIME|LSN and one database");
  os::PosixStorage storage;
  os::SystemClock clock;
  os::ExtentAlloc alloc;
  os::SystemRandom random;
  const std::string log = wal.empty() ? default_log_path(options.rest[0]) : std::string(wal);
  txn::RecoveryPlan plan;
  plan.database = options.rest[0];
  plan.log = log;
  plan.archive = archive;
  plan.audit.path = audit;
  plan.audit.begins = audit_begins;
  plan.hot_tier_bytes = revert_memory_bytes;
  auto target = txn::parse_recovery_target(to, clock.wall_us());
  if (!target) return report(target.error());
  plan.target = *target;
  // There is nothing to revert where there is no database, though a log could make one.
  if (auto there = storage.open(plan.database, policy::OpenMode::read); !there) return report(there.error());
  auto done = txn::recover_database<os::PosixEnv>(storage, clock, alloc, random, plan);
  if (!done) return report(done.error());
  MemoryBudget budget;
  Arena arena(budget);
  std::printf("reverted to %s, the last commit of %s: manifest %" PRIu64 " and %" PRIu64 " log records\n", std::string(txn::print_lsn(done->lsn, arena)).c_str(),
              std::string(txn::print_time(done->commit_time_us, arena)).c_str(), done->base, done->records);
  return 0;
}

}  // namespace spg::cli
