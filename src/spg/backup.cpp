// spg backup: a backup of a database that no server has open. It changes nothing of that, and may run beside readers.
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "cli.hpp"
#include "spg/profile/daemon.hpp"

namespace spg::cli {
namespace {

constexpr std::size_t memory_bytes = std::size_t{1} << 30;

Result<store::BackupProgress> make_backup(std::string_view database, std::string_view log, const store::BackupTarget& target) {
  os::PosixStorage storage;
  os::SystemClock clock;
  os::ExtentAlloc alloc;
  os::SystemRandom random;
  txn::MachineOptions options;
  options.database_path = database;
  options.log_path = log;
  options.read_only = true;
  options.hot_tier_bytes = memory_bytes;
  const std::unique_ptr<DaemonMachine> machine(new (std::nothrow) DaemonMachine(storage, clock, alloc, random, options));
  if (machine == nullptr) return Error::out_of_memory();
  SPG_TRY(machine->open());
  SPG_ASSIGN(const std::unique_ptr<txn::BackupJob> job, machine->start_backup(target));
  Meter meter("backup");
  for (;;) {
    SPG_ASSIGN(const bool is_done, job->step());
    const store::BackupProgress& progress = job->progress();
    meter.show(progress.done_bytes, progress.all_bytes);
    if (is_done) return progress;
  }
}

}  // namespace

int backup(Arguments arguments) {
  Options options(arguments);
  store::BackupTarget target;
  target.replace = options.flag("--replace");
  target.prune = options.flag("--prune");
  const bool quiet = options.flag("--quiet");
  const std::string_view wal = options.value("--wal", {});
  if (options.missing || options.rest.size() != 2 || options.has_unknown()) return wrong_usage("backup: one database, and a file or a directory");
  target.path = options.rest[1];
  if (target.prune && !target.is_directory()) return wrong_usage("backup: --prune is for directories, whose path ends with /");
  if (target.replace && target.is_directory()) return wrong_usage("backup: --replace is for files");
  const std::string log = wal.empty() ? default_log_path(options.rest[0]) : std::string(wal);
  const auto done = make_backup(options.rest[0], log, target);
  if (!done) return report(done.error());
  if (!quiet) std::printf("backed up %" PRIu64 " bytes, of which %" PRIu64 " were copied\n", done->all_bytes, done->copied_bytes);
  return 0;
}

}  // namespace spg::cli
