// xid, xid8, pg_lsn and pg_snapshot: the types in which PostgreSQL speaks of transactions and of places in the log.
//
// xid8 and pg_lsn are unsigned, but an int8 in memory, which everything below compares as signed (keys, summaries, vectors).
// So they are kept with the top bit flipped: the order of the signed bits is that of the numbers.
// A pg_snapshot's body is the numbers xmin, xmax, xip[] as 8 bytes each, little-endian, xip ascending.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/result.hpp"
#include "spg/type/physical.hpp"
#include "spg/type/text.hpp"

namespace spg::type {

constexpr std::int64_t pack_unsigned(std::uint64_t number) { return static_cast<std::int64_t>(number ^ (std::uint64_t{1} << 63)); }
constexpr std::uint64_t unpack_unsigned(std::int64_t packed) { return static_cast<std::uint64_t>(packed) ^ (std::uint64_t{1} << 63); }

/// As PostgreSQL 15 reads them, by C's strtoul: what is no number is 0, what is too large the largest.
std::uint64_t parse_xid8(std::string_view text);
std::uint32_t parse_xid(std::string_view text);

Result<std::uint64_t> parse_lsn(std::string_view text);
void print_lsn(std::uint64_t lsn, TextBuilder& out);

/// Reads a body where it lies; what is cut short reads as a snapshot that sees nothing.
class SnapshotReader {
 public:
  explicit SnapshotReader(std::string_view body) : body_(body) {}
  std::uint64_t xmin() const { return at(0); }
  std::uint64_t xmax() const { return at(1); }
  std::size_t count() const { return body_.size() < 16 ? 0 : body_.size() / 8 - 2; }
  std::uint64_t xip(std::size_t i) const { return at(i + 2); }
  /// Whether what the transaction did is seen: it had ended when the snapshot was taken.
  bool sees(std::uint64_t number) const;

 private:
  std::uint64_t at(std::size_t i) const { return body_.size() < 8 * (i + 1) ? 0 : load_le<std::uint64_t>(body_.data() + 8 * i); }
  std::string_view body_;
};

/// Collects the numbers of a snapshot's body.
class SnapshotBuilder {
 public:
  explicit SnapshotBuilder(Arena& arena) : out_(arena) {}
  void add(std::uint64_t number) {
    char raw[8];
    store_le<std::uint64_t>(raw, number);
    out_.add(std::string_view(raw, sizeof raw));
  }
  std::string_view body() const { return out_.view(); }

 private:
  TextBuilder out_;
};

Result<std::string_view> parse_snapshot(std::string_view text, Arena& arena);
void print_snapshot(std::string_view body, TextBuilder& out);
Result<std::string_view> receive_snapshot(ByteReader& from, Arena& arena);
void send_snapshot(std::string_view body, TextBuilder& out);

}  // namespace spg::type
