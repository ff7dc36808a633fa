// Verify: whether a database is what it says: every checksum of its files, every rule for its images, counts and bounds of
// blocks and tables, every index entry against its row and every row against each index, and the log.
//
// Used by `spg verify`, and by tests on the versions of a running machine. What is wrong is told to a VerifyReport, one fault
// after the other; functions fail only where memory ends. No file is changed.
// Threads: nobody else uses the machine meanwhile.
// Memory: objects are dropped again over a budget. A cell stays for every object that has been looked at (about 1 % of the
// database), and recovery keeps what the log has changed.
#pragma once
#include "spg/txn/machine.hpp"

namespace spg::txn {

struct VerifyFault {
  std::string_view file;          ///< empty: an object that is in memory only
  std::uint64_t offset = 0;
  DatabaseId database{};
  TableId table = TableId::none;  ///< none: no table's
  std::string_view what;
};

struct VerifiedSegment {
  std::uint32_t number = 0;
  std::uint64_t records = 0, bytes = 0;
};
struct VerifiedLog { std::uint64_t records = 0, from = 0, to = 0; };
struct VerifiedTable {
  DatabaseId database{};
  TableId table{};
  std::uint64_t rows = 0, blocks = 0, indexes = 0, entries = 0, objects = 0;
};

class VerifyReport {
 public:
  virtual void fault(const VerifyFault& fault) = 0;
  virtual void segment(const VerifiedSegment&) {}
  virtual void log(const VerifiedLog&) {}
  virtual void table(const VerifiedTable&) {}
  /// So much of the segments has been read.
  virtual void progress(std::uint64_t, std::uint64_t) {}

 protected:
  ~VerifyReport() = default;
};

/// The bytes of the database's files: pointer file, manifest, segments, and the log from where the manifest says on.
template <policy::Storage Storage, policy::Sync Sync>
Status verify_files(Storage& storage, std::string_view database_path, std::string_view log_path, VerifyReport& report);

/// The bytes of a backup: its file, or those that it shares with others of its directory.
template <policy::Storage Storage>
Status verify_backup(Storage& storage, std::string_view file, VerifyReport& report);

/// All that is below the newest version of every database of the machine. `memory_bytes`: of objects.
template <policy::Env Env>
Status verify_versions(Machine<Env>& machine, VerifyReport& report, std::size_t memory_bytes = SIZE_MAX);

}  // namespace spg::txn
