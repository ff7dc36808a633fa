// Backups: a manifest and the segments that it names, in one file, or in a directory whose segments several backups share
// (docs/backup.md; docs/file-formats.md). A backup needs no log: its roots are one state of all databases.
//
//   backup file                               contents
//   offset size field                         varint bytes of the manifest, the manifest as in manifest.hpp
//        0    7 "SPGBAK\0"                    8 bytes: when it was made, microseconds since 1970
//        7    1 format version: 1             varint number of segments, and for each of the manifest's, in its order: varint
//        8    8 where the contents begin      offset of its first byte in this file (0: it is a file beside this one), 32 bytes print
//       16    8 bytes of the contents
//       24    4 crc32c of the contents
//       28   32 zeros
//       60    4 crc32c of bytes 0 .. 60
//       64      segments, one behind the other, as they lie in their files; then the contents, with which the file ends
//
// The header is written last. A directory has backup-NNNNNNNN, files like that without segments in them, and segments under names
// that tell what they hold: segment-NNNNNNNN-PPPPPPPPPPPPPPPP, P being the first 8 bytes of the print. None is ever overwritten.
#pragma once
#include "spg/base/array.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/crypto/blake3.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/manifest.hpp"

namespace spg::store {

inline constexpr char backup_magic[8] = {'S', 'P', 'G', 'B', 'A', 'K', 0, 1};  ///< the last byte is the version
inline constexpr std::size_t backup_header_bytes = 64;

/// What tells a segment from every other one of its number and size: BLAKE3 of the CRC-32Cs of its pieces of 64 KiB.
using SegmentPrint = crypto::Blake3Digest;

struct BackupHeader {
  std::uint64_t contents_at = 0, contents_bytes = 0;
  std::uint32_t contents_crc = 0;
};
void write_backup_header(std::byte* to, const BackupHeader& header);
/// Of a file of so many bytes. XX001 when it is damaged or cut short, 0A000 when it is of a newer format.
Result<BackupHeader> read_backup_header(Bytes header, std::uint64_t file_bytes);

struct BackupSegment {
  std::uint64_t offset = 0;
  SegmentPrint print{};
};

/// Where the bytes of a segment are.
struct SegmentPlace {
  char name[512];
  std::uint64_t offset = 0;
};

struct Backup {
  char path[400] = {};              ///< of its file
  std::int64_t made_us = 0;
  Manifest manifest;
  Array<BackupSegment> segments;    ///< as the manifest's

  /// False when it has none of that number.
  bool find(std::uint32_t segment, SegmentPlace& place) const;
  SegmentPlace place_of(std::size_t at) const;
};

Status encode_contents(const Manifest& manifest, std::span<const BackupSegment> segments, std::int64_t made_us, RecordBuffer& out);
/// XX001 when the bytes are no contents of a file in which they begin at `contents_at`.
Result<Backup> decode_contents(Bytes bytes, std::uint64_t contents_at);

/// "<directory>/segment-00000001-0123456789abcdef"
void write_shared_name(char (&to)[512], std::string_view directory, std::uint32_t segment, const SegmentPrint& print);

/// The prefix and the number: of a segment that Segments::write_apart() makes.
void write_apart_name(char (&to)[512], std::string_view prefix, std::uint32_t segment);

/// Looks at the bytes of a segment, given in order, as walk_segment() does, and makes the print. XX001 says what is wrong, and where.
class SegmentCheck {
 public:
  void begin(const SegmentInfo& info);
  Status add(Bytes bytes);
  /// When all have been given.
  Result<SegmentPrint> finish();

 private:
  static constexpr std::size_t piece_bytes = 64 * 1024;
  void add_to_print(Bytes bytes);
  void end_piece();
  Result<std::size_t> check_next(Bytes bytes) const;
  Error damaged(std::uint64_t at, std::string_view what) const;

  SegmentInfo info_;
  RecordBuffer pending_;            ///< from offset_ on: what is not a whole record yet
  std::uint64_t offset_ = 0;
  crypto::Blake3 hash_;
  std::uint32_t piece_crc_ = 0;
  std::size_t piece_filled_ = 0;
};

/// What a backup is to be written to: a file, or a directory, whose path ends with '/'.
struct BackupTarget {
  std::string_view path;
  bool replace = false;             ///< a backup that is there already; of files
  bool prune = false;               ///< afterwards older backups go, and what only they name; of directories
  bool is_directory() const { return path.ends_with('/'); }
};

struct BackupProgress {
  std::uint64_t done_bytes = 0, all_bytes = 0;
  std::uint64_t copied_bytes = 0;   ///< the rest was in the target already
};

template <policy::File File>
struct SegmentFile {
  File file;
  std::uint64_t offset = 0;
};

/// The path of a backup's file, where `path` names that or a directory of backups, whose newest it is then. False when it names
/// something else, or nothing. 58P01 for a directory without any.
template <policy::Storage Storage>
Result<bool> find_backup(Storage& storage, std::string_view path, char (&name)[400]);
/// The backup whose file is `name`.
template <policy::Storage Storage>
Result<Backup> open_backup(Storage& storage, std::string_view name);
/// Keeps those who write to the directory of a backup, or prune it, away. Nothing is locked for a backup that is one file.
template <policy::Storage Storage>
Result<typename Storage::Lock> lock_backup(Storage& storage, const Backup& backup);

}  // namespace spg::store
