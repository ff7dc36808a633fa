// Recovery to a point: which manifest to begin with, how far to follow the log, what must be kept so that it is possible
// (docs/recovery.md). Plain data and decisions; Machine::recover() does the work, recover_database() (recovery.inl.hpp) is the
// whole of it for programs.
//
// The LSN that pg_current_wal_lsn() shows behind a commit names the state with that commit. A time ends the recovery before the first commit that is younger.
#pragma once
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/array.hpp"
#include "spg/log/audit_log.hpp"
#include "spg/log/trail.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/manifest.hpp"

namespace spg::txn {

/// Microseconds from 1970 to 2000, UTC.
inline constexpr std::int64_t epoch_2000_us = 946'684'800'000'000;

/// Of MachineOptions::recovery_seconds: as many as there are, archive or not.
inline constexpr std::uint32_t keep_all_manifests = UINT32_MAX;

struct RecoveryTarget {
  enum class Kind : std::uint8_t { end, lsn, time };
  Kind kind = Kind::end;
  std::uint64_t lsn = 0;       ///< log::lsn_of
  std::int64_t time_us = 0;    ///< since 1970
};
/// PostgreSQL's pg_lsn or timestamptz; without a zone it is UTC. 22007 and kin when it is neither.
Result<RecoveryTarget> parse_recovery_target(std::string_view text, std::int64_t now_us);

struct RecoveryPlace {
  std::string_view path;
  log::PlaceKind kind = log::PlaceKind::log;
};

/// What Machine::recover() is told. `newest`: the manifest in force, of which `base` is an older one, or null.
struct Recovery {
  std::span<const RecoveryPlace> places;
  RecoveryTarget target;
  const store::Manifest* newest = nullptr;
};

/// How far it came.
struct Recovered {
  std::uint64_t lsn = 0;                   ///< of the last record
  std::int64_t commit_time_us = INT64_MIN; ///< of the youngest commit
  std::uint64_t records = 0, records_bytes = 0;
  std::uint64_t goes_on_at = 0;            ///< the LSN from which the log is written from here on
  std::uint64_t base = 0;                  ///< the manifest that it began with; 0: none
};

/// Of a manifest, what decides.
struct ManifestFacts {
  std::uint64_t number = 0, lsn = 0;
  std::int64_t commit_time_us = INT64_MIN;
};
/// Whether a recovery to the target may begin with it.
bool may_begin_with(const ManifestFacts& manifest, const RecoveryTarget& target);
/// Of manifests in ascending order, whether each must stay (one byte each): the newest; the one with which a recovery to
/// `window_us` before now begins; and those behind it that are further from each other than an eighth of the window.
Status select_kept(std::span<const ManifestFacts> manifests, std::int64_t now_us, std::int64_t window_us, Array<std::uint8_t>& keep);

/// 55000: no manifest is as old as the target; the oldest contains that.
Error too_old(std::uint64_t lsn, std::int64_t commit_time_us);
/// "2000-01-01 00:00:00+00" of microseconds since 1970. "1/2A" of an LSN.
std::string_view print_time(std::int64_t time_us, Arena& arena);
std::string_view print_lsn(std::uint64_t lsn, Arena& arena);

/// Manifests that are kept beside the one in force, and the segments that they name. Where one could not be read nobody knows
/// which they are: all are named.
struct Kept {
  Array<std::uint64_t> manifests, segments;
  bool is_complete = true;
  bool has_manifest(std::uint64_t number) const;
  bool has_segment(std::uint64_t number) const;
};

inline log::Jump log_jump(const store::ManifestJump& jump) { return {jump.from, jump.to, jump.epoch_before, jump.epoch_after}; }
inline store::ManifestJump manifest_jump(const log::Jump& jump) { return {jump.from, jump.to, jump.epoch_before, jump.epoch_after}; }
/// The jump that the log's files know of: the newest; of no file when there is none.
inline log::Jump newest_jump(const store::Manifest& manifest) { return manifest.jumps.empty() ? log::Jump{} : log_jump(manifest.jumps.back()); }

/// The epoch in force at a position, as the manifest knows it.
inline std::uint32_t epoch_at(const store::Manifest& manifest, std::uint64_t position) {
  std::uint32_t epoch = 0;
  for (const store::ManifestEpoch& one : manifest.epochs)
    if (one.start <= position) epoch = one.number;
  return epoch;
}

inline bool is_given_up(std::span<const store::ManifestJump> jumps, std::uint64_t position) {
  for (const store::ManifestJump& jump : jumps)
    if (position > jump.from && position < jump.to) return true;
  return false;
}

/// What a program asks for.
struct RecoveryPlan {
  std::string_view database, log;      ///< the database, and its own log
  std::string_view archive;            ///< a directory, or empty
  std::string_view other_log;          ///< of this path, and not of the database's log, are the records; or empty
  /// Where the recovered database shall be; empty: where it is.
  std::string_view to_database, to_log;
  RecoveryTarget target;
  /// In place: the database's audit log, which gets what is given up before it is, and then an entry that says so. A copy
  /// begins without one.
  log::AuditOptions audit;
  std::size_t hot_tier_bytes = SIZE_MAX;
};

/// The whole of it (recovery.inl.hpp). Without a database its records make one, if they begin at the beginning. F0001 when
/// somebody else has the database open.
template <policy::Env Env>
Result<Recovered> recover_database(typename Env::Storage& storage, typename Env::Clock& clock, typename Env::Alloc& alloc, typename Env::Random& random,
                                   const RecoveryPlan& plan);

}  // namespace spg::txn
