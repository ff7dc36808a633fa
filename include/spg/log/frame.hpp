// WAL frames: the byte format of the log (DESIGN 1.8; docs/file-formats.md).
//
// The log is one byte space; a position (Lsn::counter) is an offset in it. File <wal>.N holds bytes [N*D, (N+1)*D), D =
// file_data_bytes, behind a header. Frames follow each other, 8-byte aligned, and may cross files.
//
//   file header, 64 bytes, little-endian        frame header, 40 bytes, little-endian
//   offset size field                           offset size field
//        0    8 "SPGWAL\0\1"                         0    4 crc32c of bytes 4 .. 40+length
//        8    8 file number                          4    4 length of the payload
//       16    8 file_data_bytes                      8    8 counter: position of this frame
//       24    4 crc32c of bytes 0 .. 24             16    4 epoch
//       28    4 zeros                               20    4 crc of the frame before (0 at the start of an epoch)
//       32    8 goes on behind, plus 1              24    8 durable: position known durable when this was written
//       40    4 epoch of the record there           32    4 database
//       44    4 epoch that begins with this file    36    1 type, 3 zeros
//       48    4 crc32c of bytes 0 .. 48
//       52   12 zeros
//
// What follows offset 28 is zero but in a file that a recovery to an earlier point began with (a jump): then the file's first frame
// follows the one that ends at that position, and what lies between is given up for good. That frame (a mark, as a rule) is
// written when the jump is in force: a file without it means nothing.
//
// A frame is valid iff its crc matches, its counter is its position, its epoch is the one that the manifest's history gives
// for the position, and it names the crc of the frame before. The first invalid frame ends the log, unless a valid frame
// further on knows this position to be durable: then the log is damaged.
#pragma once
#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/crypto/crc32c.hpp"

namespace spg::log {

inline constexpr char file_magic[8] = {'S', 'P', 'G', 'W', 'A', 'L', 0, 1};
inline constexpr std::uint64_t file_header_bytes = 64;
inline constexpr std::uint64_t file_data_bytes = 16 * 1024 * 1024 - file_header_bytes;
inline constexpr std::uint32_t frame_header_bytes = 40;
inline constexpr std::uint32_t payload_bytes_max = 1u << 30;

/// commit: one database's changes; joint_commit: those of several, applied together (txn/write_set.hpp).
enum class RecordType : std::uint8_t {
  commit = 1,
  joint_commit = 2,     ///< of several databases
  piece = 3,            ///< a part of a large write set, written ahead of its commit
  streamed_commit = 4,  ///< names the pieces
  mark = 5,             ///< empty: says that what is before it is durable
};

/// Set in the type of a commit that is audited: the audit text (log/audit.hpp) lies behind the commit time, varint bytes and then
/// they.
inline constexpr std::uint8_t audited_bit = 0x80;
constexpr RecordType audited(RecordType type) { return static_cast<RecordType>(static_cast<std::uint8_t>(type) | audited_bit); }
constexpr bool is_audited(RecordType type) { return (static_cast<std::uint8_t>(type) & audited_bit) != 0; }
constexpr RecordType without_audit(RecordType type) { return static_cast<RecordType>(static_cast<std::uint8_t>(type) & ~audited_bit); }

struct FrameHeader {
  std::uint32_t crc = 0, length = 0;
  std::uint64_t counter = 0;
  std::uint32_t epoch = 0, before_crc = 0;
  std::uint64_t durable = 0;
  DatabaseId database{};
  RecordType type{};
};

/// A recovery to an earlier point: the log goes on at `to`, the start of a file, behind what ends at `from`. No record between
/// the two counts any more. No position is used twice, so files of both sides can lie in one archive.
struct Jump {
  std::uint64_t from = 0, to = 0;
  std::uint32_t epoch_before = 0, epoch_after = 0;  ///< of the last record before `from`, of what follows `to`
};

/// Fills the file_header_bytes at the beginning of a log file. `jump`: null, or the one that leads to this file.
inline void write_file_header(std::byte* to, std::uint64_t number, const Jump* jump = nullptr) {
  std::memset(to, 0, file_header_bytes);
  std::memcpy(to, file_magic, sizeof file_magic);
  store_le<std::uint64_t>(to + 8, number);
  store_le<std::uint64_t>(to + 16, file_data_bytes);
  store_le<std::uint32_t>(to + 24, crypto::crc32c(0, {to, 24}));
  if (jump == nullptr) return;
  store_le<std::uint64_t>(to + 32, jump->from + 1);
  store_le<std::uint32_t>(to + 40, jump->epoch_before);
  store_le<std::uint32_t>(to + 44, jump->epoch_after);
  store_le<std::uint32_t>(to + 48, crypto::crc32c(0, {to, 48}));
}
/// Whether these file_header_bytes are the header of the file of this number. Sets `jump`, whose `to` is 0 when there is none.
inline bool read_file_header(const std::byte* from, std::uint64_t number, Jump& jump) {
  jump = {};
  if (std::memcmp(from, file_magic, sizeof file_magic) != 0 || load_le<std::uint64_t>(from + 8) != number ||
      load_le<std::uint64_t>(from + 16) != file_data_bytes || load_le<std::uint32_t>(from + 24) != crypto::crc32c(0, {from, 24}))
    return false;
  const auto behind = load_le<std::uint64_t>(from + 32);
  if (behind == 0) return true;
  if (load_le<std::uint32_t>(from + 48) != crypto::crc32c(0, {from, 48}) || behind > number * file_data_bytes) return false;
  jump = {behind - 1, number * file_data_bytes, load_le<std::uint32_t>(from + 40), load_le<std::uint32_t>(from + 44)};
  return true;
}

constexpr std::uint64_t frame_bytes(std::uint64_t payload) { return (frame_header_bytes + payload + 7) & ~std::uint64_t{7}; }

inline FrameHeader read_frame_header(const std::byte* at) {
  FrameHeader header;
  header.crc = load_le<std::uint32_t>(at);
  header.length = load_le<std::uint32_t>(at + 4);
  header.counter = load_le<std::uint64_t>(at + 8);
  header.epoch = load_le<std::uint32_t>(at + 16);
  header.before_crc = load_le<std::uint32_t>(at + 20);
  header.durable = load_le<std::uint64_t>(at + 24);
  header.database = DatabaseId{load_le<std::uint32_t>(at + 32)};
  header.type = static_cast<RecordType>(at[36]);
  return header;
}
/// Writes the header before a payload that is already in place; returns the crc.
inline std::uint32_t write_frame_header(std::byte* at, const FrameHeader& header) {
  store_le(at + 4, header.length);
  store_le(at + 8, header.counter);
  store_le(at + 16, header.epoch);
  store_le(at + 20, header.before_crc);
  store_le(at + 24, header.durable);
  store_le(at + 32, raw(header.database));
  store_le(at + 36, static_cast<std::uint32_t>(header.type));
  const std::uint32_t crc = crypto::crc32c(0, {at + 4, frame_header_bytes - 4 + header.length});
  store_le(at, crc);
  return crc;
}

/// The pg_lsn of a position: it grows with every record, recovery and recovery to an earlier point (docs/transactions.md).
constexpr std::uint64_t lsn_of(std::uint32_t epoch, std::uint64_t position) { return (std::uint64_t{epoch} << 32) + position; }

/// Whether what had this LSN was given up by the jump. The position that it begins with, in whatever epoch, was not.
constexpr bool gives_up(const Jump& jump, std::uint64_t lsn) {
  return lsn > lsn_of(jump.epoch_before, jump.from) && lsn < lsn_of(jump.epoch_after, jump.to) && static_cast<std::uint32_t>(lsn - jump.from) != 0;
}

/// One epoch of the log: every recovery starts the next one where it found the end.
struct Epoch {
  std::uint32_t number;
  std::uint64_t start;
};

}  // namespace spg::log
