// spg verify: looks at every byte and every row of a database that no server has open, and changes nothing.
#include <cinttypes>
#include <cstdio>
#include <memory>

#include "cli.hpp"
#include "spg/store/backup.hpp"
#include "spg/profile/daemon.hpp"
#include "spg/store/manifest.hpp"
#include "spg/txn/verify.hpp"

namespace spg::cli {
namespace {

constexpr std::size_t memory_bytes = std::size_t{256} << 20;
constexpr std::uint64_t printed_faults_max = 200;

class Printer final : public txn::VerifyReport {
 public:
  explicit Printer(bool quiet) : quiet_(quiet) {}
  void fault(const txn::VerifyFault& fault) override {
    if (++faults > printed_faults_max) return;
    std::printf("FAULT");
    if (!fault.file.empty()) std::printf(" %.*s at %" PRIu64, static_cast<int>(fault.file.size()), fault.file.data(), fault.offset);
    if (fault.table != TableId::none) std::printf(" (database %u, table %u)", raw(fault.database), raw(fault.table));
    std::printf(": %.*s\n", static_cast<int>(fault.what.size()), fault.what.data());
  }
  void segment(const txn::VerifiedSegment& of) override {
    if (!quiet_) std::printf("segment %u: %" PRIu64 " sound records, %" PRIu64 " bytes\n", of.number, of.records, of.bytes);
  }
  void log(const txn::VerifiedLog& of) override {
    if (!quiet_) std::printf("log: %" PRIu64 " records from %" PRIu64 " to %" PRIu64 "\n", of.records, of.from, of.to);
  }
  void table(const txn::VerifiedTable& of) override {
    if (database_ != of.database) end_database();
    database_ = of.database;
    has_database_ = true;
    ++tables_;
    rows_ += of.rows;
    if (!quiet_)
      std::printf("database %u table %u: %" PRIu64 " rows in %" PRIu64 " blocks, %" PRIu64 " entries in %" PRIu64 " indexes, %" PRIu64 " objects\n", raw(of.database),
                  raw(of.table), of.rows, of.blocks, of.entries, of.indexes, of.objects);
  }
  void progress(std::uint64_t done, std::uint64_t all) override { meter_.show(done, all); }
  void end_database() {
    if (has_database_ && !quiet_) std::printf("database %u: %" PRIu64 " tables, %" PRIu64 " rows\n", raw(database_), tables_, rows_);
    has_database_ = false;
    tables_ = rows_ = 0;
  }

  std::uint64_t faults = 0;

 private:
  Meter meter_{"verify"};
  bool quiet_, has_database_ = false;
  DatabaseId database_{};
  std::uint64_t tables_ = 0, rows_ = 0;
};

/// The database as a start would show it, in memory.
Status verify_recovered(os::PosixStorage& storage, std::string_view database, std::string_view log, Printer& printer) {
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
  // What a start cannot get past is told; what is below is looked at as far as recovery has come.
  if (Status failed = machine->open()) printer.fault({database, 0, {}, TableId::none, failed.message()});
  return txn::verify_versions(*machine, printer, memory_bytes);
}

}  // namespace

int verify(Arguments arguments) {
  Options options(arguments);
  const bool quiet = options.flag("--quiet");
  const std::string_view wal = options.value("--wal", {});
  if (options.missing || options.rest.size() != 1 || options.has_unknown()) return wrong_usage("verify: one database");
  const std::string_view database = options.rest[0];
  const std::string log = wal.empty() ? default_log_path(database) : std::string(wal);
  os::PosixStorage storage;
  char backup[400];
  const auto is_backup = store::find_backup(storage, database, backup);
  if (!is_backup) return report(is_backup.error());
  const auto lock = *is_backup ? Result<os::PosixLock>(os::PosixLock()) : store::lock_database(storage, database, policy::LockMode::shared);
  if (!lock && lock.error().code() != sqlstate::undefined_file) return report(lock.error());  // what is not there is told below
  Printer printer(quiet);
  Status failed = *is_backup ? txn::verify_backup(storage, database, printer) : txn::verify_files<os::PosixStorage, os::StdSync>(storage, database, log, printer);
  if (!failed) failed = verify_recovered(storage, database, log, printer);
  printer.end_database();
  if (failed) return report(failed);
  if (printer.faults > printed_faults_max) std::printf("%" PRIu64 " more faults\n", printer.faults - printed_faults_max);
  if (!quiet || printer.faults != 0) std::printf("%s\n", printer.faults == 0 ? "sound" : "DAMAGED");
  return printer.faults == 0 ? 0 : 1;
}

}  // namespace spg::cli
