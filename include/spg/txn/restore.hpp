// Restore: a database made of a backup, and of the log behind it where there is some (docs/backup.md, docs/recovery.md).
#pragma once
#include "spg/base/function_ref.hpp"
#include "spg/store/backup.hpp"
#include "spg/txn/recovery.hpp"

namespace spg::txn {

struct RestorePlan {
  std::string_view backup;             ///< its file, or a directory of backups
  std::string_view database, log;      ///< what is to be made; neither may be there
  /// Records that follow the backup: an archive's directory, the path of a log or tee; or empty. Without either the database
  /// becomes what the backup is.
  std::string_view archive, other_log;
  RecoveryTarget target;
  std::size_t hot_tier_bytes = SIZE_MAX;
};

/// Makes the database; before this returns ok there is none. `step` hears how far it has come, and its error ends the work.
template <policy::Env Env>
Result<Recovered> restore_database(typename Env::Storage& storage, typename Env::Clock& clock, typename Env::Alloc& alloc, typename Env::Random& random,
                                   const RestorePlan& plan, FunctionRef<Status(const store::BackupProgress&)> step);

}  // namespace spg::txn
