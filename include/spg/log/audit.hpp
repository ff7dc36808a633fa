// Audit: the format of the audit log: an append-only chain of BLAKE3 hashes with one entry for each committed transaction that
// has changed anything (docs/audit.md, docs/file-formats.md).
//
//   file header, 104 bytes, little-endian       entry, little-endian
//   offset size field                           offset size field
//        0    8 "SPGAUD\0\1"                         0    4 bytes of the whole entry
//        8    8 number of the file's first entry     4    4 kind: 1 transaction, 2 pause, 3 revert
//       16   32 hash of the entry before it; zeros   8    8 number: 1, 2, 3, ..
//       48    8 made: us since 1970 UTC             16   32 hash of the entry before; of the header for the file's first
//       56   16 random                              48    8 LSN: counter, of the place behind the commit
//       72   32 BLAKE3 of bytes 0 .. 72             56    4 LSN: epoch
//                                                   60    4 zeros
//                                                   64    8 commit time: us since 1970 UTC; 0 but for 1
//                                                   72    . body, by the kind
//                                                   end  32 BLAKE3 of all of the entry before it
//
// Body of a transaction: v = varint. v bytes, user; v bytes, database; v statements, and for each v bytes, text, v bytes of the
// whole text, and where that is longer its BLAKE3 (32); v statements left out, and if there are any v bytes of their texts, and
// a hash (32): from zeros on, for each of them, BLAKE3 of the hash so far and the text.
// Body of a pause: the LSN from which on, up to that of the entry, commits were not audited: counter (8), epoch (4). Of a revert:
// what was committed from that one on, up to that of the entry, was given up by a recovery to an earlier point.
//
// An entry is valid iff its hash is right, its number is one more than that of the entry before, whose hash it names, its LSN
// is not before that one's, and its body is whole. Lengths are bounded: transaction_text_bytes_max, statement_text_bytes_max.
#pragma once
#include "spg/base/bytes.hpp"
#include "spg/base/function_ref.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/crypto/blake3.hpp"

namespace spg::log {

using crypto::Blake3Digest;

inline constexpr char audit_magic[8] = {'S', 'P', 'G', 'A', 'U', 'D', 0, 1};
inline constexpr std::size_t audit_header_bytes = 104;
inline constexpr std::size_t audit_fixed_bytes = 72;   ///< of an entry, before its body
inline constexpr std::size_t audit_entry_bytes_min = audit_fixed_bytes + sizeof(Blake3Digest);
inline constexpr std::size_t audit_entry_bytes_max = std::size_t{2} << 20;
/// What is kept of one statement's text, and of all texts of a transaction: a byte more, and only its length and hash are.
inline constexpr std::size_t statement_text_bytes_max = std::size_t{64} << 10;
inline constexpr std::size_t transaction_text_bytes_max = std::size_t{1} << 20;
inline constexpr std::size_t audit_statements_max = 4096;

enum class AuditKind : std::uint32_t { transaction = 1, pause = 2, revert = 3 };

/// What the next entry leans on: the number and hash of the last one, and where the file ends.
struct AuditEnd {
  std::uint64_t number = 0;
  Blake3Digest hash{};
  std::uint64_t bytes = 0;   ///< 0: there is no file
  Lsn lsn;                   ///< of the last entry
};

/// How far the audit log is durable, as a manifest says it: the log is kept from there on, and the file reaches it.
struct AuditAnchor {
  AuditEnd end;
  Lsn through;               ///< every commit up to here is in it
  bool is_paused = false;    ///< something has been opened since, without auditing
  bool is_there() const { return end.bytes != 0; }
};

struct AuditEntry {
  AuditKind kind{};
  std::uint64_t number = 0, offset = 0;
  Lsn lsn;
  std::int64_t time_us = 0;
  Bytes body, bytes;         ///< valid until the next one is read
};

struct AuditHeader {
  std::uint64_t first_number = 1;
  Blake3Digest before{};
  std::int64_t made_us = 0;
  std::byte random[16] = {};
};

/// Fills audit_header_bytes; returns the hash that the first entry leans on.
Blake3Digest write_audit_header(std::byte* to, const AuditHeader& header);
/// Appends the entry that follows `end`, which moves behind it.
Status add_audit_entry(RecordBuffer& out, AuditKind kind, Lsn lsn, std::int64_t time_us, Bytes body, AuditEnd& end);
/// The body of a pause, or of a revert.
std::array<std::byte, 12> audit_from_body(Lsn from);

/// The statements of one transaction, gathered as they come: the body of its entry.
class AuditText {
 public:
  /// A place to go back to, as a savepoint does.
  struct Mark {
    std::size_t bytes = 0;
    std::uint64_t statements = 0, left_out = 0, left_out_bytes = 0;
    Blake3Digest left_out_hash{};
  };
  /// 53200 when there is no memory.
  Status add(std::string_view statement);
  const Mark& mark() const { return end_; }
  void back_to(const Mark& mark) { end_ = mark; kept_.resize(end_.bytes); }
  void clear() { back_to({}); kept_.shrink(64 * 1024); }
  Status write_body(std::string_view user, std::string_view database, RecordBuffer& out) const;

 private:
  RecordBuffer kept_;
  Mark end_;
};

struct AuditStatement {
  std::string_view text;
  std::uint64_t whole_bytes = 0;       ///< more than the text has: it was cut
  const std::byte* whole_hash = nullptr;
};
struct AuditBody {
  std::string_view user, database;
  std::uint64_t statements = 0, left_out = 0, left_out_bytes = 0;
  const std::byte* left_out_hash = nullptr;
};
/// A transaction's body; XX001 when it is malformed.
Result<AuditBody> read_audit_body(Bytes body, FunctionRef<void(const AuditStatement&)> visit);
Result<Lsn> read_audit_from(Bytes body);

/// Goes through an audit log from its start and checks everything.
class AuditWalk {
 public:
  using Read = FunctionRef<Status(std::uint64_t at, MutableBytes into)>;
  /// `bytes`: of the file.
  AuditWalk(Read read, std::uint64_t bytes) : read_(read), file_bytes_(bytes) {}

  /// Reads the header. 0A000 when the file is of a newer format, XX001 when it is none.
  Result<AuditHeader> open();
  /// Goes on behind `end` instead, in a file that is known up to there.
  void go_on(const AuditEnd& end) { end_ = end; }
  /// False at the end of the file. XX001 names the entry that is broken, its offset and why; then it is not gone past.
  Result<bool> next(AuditEntry& entry);
  const AuditEnd& end() const { return end_; }
  /// After an error: the file ends within the entry, which a crash may leave.
  bool is_cut_short() const { return cut_short_; }

 private:
  static constexpr std::size_t window_bytes = 256 * 1024;
  Error broken(std::string_view why) const;
  Result<Bytes> window(std::size_t bytes);

  Read read_;
  std::uint64_t file_bytes_;
  AuditEnd end_;
  RecordBuffer buffer_;
  std::uint64_t buffer_at_ = 0;
  bool cut_short_ = false;
};

}  // namespace spg::log
