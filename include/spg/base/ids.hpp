// Strong ids: one enum class each, so that a table is never passed where a row is wanted.
#pragma once
#include <compare>
#include <cstdint>

namespace spg {

/// PostgreSQL's object identifier. 0 is "none"; user objects start at 16384.
enum class Oid : std::uint32_t { none = 0 };
/// Database number in roots, log records and locks. 0 is the lineage of the shared catalogs (roles, databases).
enum class DatabaseId : std::uint32_t { shared = 0 };
/// Storage identity of a table; TRUNCATE and rewrites give a table a new one (PostgreSQL's relfilenode).
enum class TableId : std::uint32_t { none = 0 };
enum class IndexId : std::uint32_t { none = 0 };
/// 64-bit row number within a table; never reused (DESIGN 1.3).
enum class Rowid : std::uint64_t {};
/// Process-wide stamp that says who may change an object in place (DESIGN 1.2).
enum class Generation : std::uint64_t { none = 0 };
/// No database lives to see it; a file that names a higher one is damaged.
inline constexpr std::uint64_t generations_max = std::uint64_t{1} << 62;

constexpr std::uint32_t raw(Oid id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t raw(DatabaseId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t raw(TableId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint32_t raw(IndexId id) { return static_cast<std::uint32_t>(id); }
constexpr std::uint64_t raw(Rowid id) { return static_cast<std::uint64_t>(id); }
constexpr std::uint64_t raw(Generation id) { return static_cast<std::uint64_t>(id); }

/// Log position: every recovery raises the epoch, so that a position never repeats (DESIGN 1.8).
struct Lsn {
  std::uint32_t epoch = 0;
  std::uint64_t counter = 0;  ///< bytes appended to the log since the database was made
  friend constexpr auto operator<=>(const Lsn&, const Lsn&) = default;
};

}  // namespace spg
