// Manifest: the small file that says what a database is made of: its roots, its segments, where the log goes on
// (DESIGN 1.9; docs/file-formats.md).
//
// Manifests are numbered (<db>.d/manifest-NNNNNNNN) and never overwritten; the file <db> names the newest one and is
// replaced atomically. All integers are little-endian or varints; the last 4 bytes are the crc32c of all before.
//
//   <db>:      "SPGDB\0\0\1", 8 bytes manifest number, 4 bytes crc32c of the 16 before
//   manifest:  "SPGMAN\0\3", 8 bytes number, then varints: log start, next generation, next oid, epochs {number, start}*,
//              segments {number, bytes, live bytes}*, databases {id, segment, length, offset, birth, log position}*, 8 bytes commit
//              time, lsn, copies, jumps {from, to, epoch before, epoch after}*, bytes of the audit log (0: there is none, and
//              nothing follows), number of its last entry, counter and epoch that it is complete through, 1 if paused; the entry's
//              hash (32 bytes)
//   Format 2 ends with the jumps, format 1 with the databases and lacks live bytes; both are read.
#pragma once
#include "spg/base/array.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/image.hpp"
#include "spg/store/segment.hpp"

namespace spg::store {

inline constexpr char database_magic[8] = {'S', 'P', 'G', 'D', 'B', 0, 0, 1};
inline constexpr char manifest_magic[8] = {'S', 'P', 'G', 'M', 'A', 'N', 0, 3};

struct ManifestEpoch { std::uint32_t number; std::uint64_t start; };
/// `log_position`: records of this database before it are contained in the root.
struct ManifestDatabase { DatabaseId id; Address root; Generation birth; std::uint64_t log_position; };

/// How far the audit log has come (log/audit.hpp). `bytes` 0: there is none.
struct ManifestAudit {
  std::uint64_t number = 0, bytes = 0;
  std::byte hash[32] = {};
  Lsn through;
  bool is_paused = false;
};
/// A recovery to an earlier point: the log goes on at `to` behind `from` (log/frame.hpp).
struct ManifestJump { std::uint64_t from, to; std::uint32_t epoch_before, epoch_after; };
/// Of a manifest that does not say.
inline constexpr std::int64_t unknown_commit_time = INT64_MAX;

struct Manifest {
  std::uint64_t number = 0;
  std::uint64_t log_start = 0;       ///< records before it are contained in all roots
  std::uint64_t next_generation = 1;
  std::uint64_t next_oid = 16384;
  Array<ManifestEpoch> epochs;
  Array<SegmentInfo> segments;
  Array<ManifestDatabase> databases;
  /// No commit that is contained is younger: microseconds since 1970. INT64_MIN: nothing is contained.
  std::int64_t commit_time_us = INT64_MIN;
  /// Of the newest record that is contained (log::lsn_of); in format 1 it is not known, and UINT64_MAX.
  std::uint64_t lsn = 0;
  /// The log's copies that a server feeds: 1 an archive, 2 a tee. Who opens the database otherwise keeps the log for them.
  std::uint64_t copies = 0;
  Array<ManifestJump> jumps;         ///< all that there ever were, ascending by `to`
  ManifestAudit audit;

  /// No record behind this place is contained in any root.
  std::uint64_t contained() const;
};

/// "<db>.d/manifest-00000001" and the directories it needs.
struct DatabasePaths {
  explicit DatabasePaths(std::string_view database);
  void manifest_name(char (&to)[512], std::uint64_t number) const;
  void segment_name(char (&to)[512], std::uint32_t number) const;
  void scratch_name(char (&to)[512], std::uint32_t number) const;
  /// The number at the end of such a name.
  static std::uint64_t number_in(std::string_view name);
  char name[400], fresh[408], directory[408], parent[408];
};

Status encode_manifest(const Manifest& manifest, RecordBuffer& out);
/// XX001 when the bytes are not a manifest, 0A000 when it is of a newer format.
Result<Manifest> decode_manifest(Bytes bytes);

/// Writes the manifest under its number and lets <db> name it. Durable when it returns ok.
template <policy::Storage Storage>
Status write_manifest(Storage& storage, std::string_view database_path, const Manifest& manifest);
/// The newest manifest; undefined_file when there is no database. XX001 when there is one, but the file that names its manifest
/// is lost.
template <policy::Storage Storage>
Result<Manifest> read_manifest(Storage& storage, std::string_view database_path);
/// The newest manifest in the database's directory that can be read and whose segments are there, whatever <db> says. A newer
/// one than <db> named is as good: its segments and itself were durable before <db> was to name it, and its log is still kept.
template <policy::Storage Storage>
Result<Manifest> find_manifest(Storage& storage, std::string_view database_path);
/// Lets <db> name the manifest of the number. Durable when it returns ok.
template <policy::Storage Storage>
Status write_pointer(Storage& storage, std::string_view database_path, std::uint64_t number);

/// Keeps other processes from the database: one writes, or several read (policy::Storage::lock). F0001 when it is open already,
/// undefined_file when it has no directory.
template <policy::Storage Storage>
Result<typename Storage::Lock> lock_database(Storage& storage, std::string_view database_path, policy::LockMode mode);
/// The manifest of a number; undefined_file when it is not there.
template <policy::Storage Storage>
Result<Manifest> read_manifest(Storage& storage, const DatabasePaths& paths, std::uint64_t number);

}  // namespace spg::store
