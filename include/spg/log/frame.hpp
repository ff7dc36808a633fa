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
//                                                   20    4 crc of the frame before (0 at the start of an epoch)
//                                                   24    8 durable: position known durable when this was written
//                                                   32    4 database
//                                                   36    1 type, 3 zeros
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

/// Fills the file_header_bytes at the beginning of a log file.
inline void write_file_header(std::byte* to, std::uint64_t number) {
  std::memset(to, 0, file_header_bytes);
  std::memcpy(to, file_magic, sizeof file_magic);
  store_le<std::uint64_t>(to + 8, number);
  store_le<std::uint64_t>(to + 16, file_data_bytes);
  store_le<std::uint32_t>(to + 24, crypto::crc32c(0, {to, 24}));
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

/// One epoch of the log: every recovery starts the next one where it found the end.
struct Epoch {
  std::uint32_t number;
  std::uint64_t start;
};

}  // namespace spg::log
