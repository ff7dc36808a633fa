// THE SEAM (DESIGN 2): all that the language (catalog, plan, exec) knows of the machine. One virtual call per batch or point
// access, none per value. Everything returns ready, an error, or "would block" (Error::is_would_block: a cold read; the
// statement is undone and run again where waiting is allowed) or "must wait" (Error::is_must_wait: a lock, or what the
// statement has read is not the newest any more; the session is parked and woken, and the statement runs again).
//
// A View belongs to one session. Within a statement, reads see the root as it was when the statement began, never the
// statement's own writes. Vectors and strings that it returns stay valid until the next call of renew_guard() or the end
// of the statement; what must live longer is copied.
#pragma once
#include <atomic>
#include <cstdint>
#include <span>

#include "spg/base/arena.hpp"
#include "spg/base/ids.hpp"
#include "spg/table/table.hpp"
#include "spg/txn/locks.hpp"
#include "spg/type/vector.hpp"

namespace spg::txn {

/// Rows of one block: row i has rowid first_rowid + i; `batch.selected` says which are there.
struct RowBatch {
  type::Batch batch;
  std::uint64_t first_rowid = 0;
};

/// A bound on a column that lets a scan skip blocks; never exact, the filter still runs.
struct ZonePredicate {
  enum class Op : std::uint8_t { equal, less, less_equal, greater, greater_equal, is_null, is_not_null };
  std::uint16_t column = 0;
  Op op = Op::equal;
  type::Value value;  ///< of the column's physical type
};

struct ScanRequest {
  TableId table{};
  std::span<const std::uint16_t> columns;     ///< numbers, in the order of the batch's columns
  std::span<const ZonePredicate> zones;
  std::uint64_t first_block = 0, end_block = UINT64_MAX;  ///< a morsel: blocks [first, end)
};

/// Cursor over the rows of a table in rowid order.
class Scan {
 public:
  virtual ~Scan() = default;
  /// False at the end.
  virtual Result<bool> next(RowBatch& rows) = 0;
  /// Blocks that it has read, and that it has left out by the zone predicates.
  std::uint64_t blocks = 0, blocks_pruned = 0;
};

/// Which entries of an index: equal to `prefix` on the first columns, then between the bounds on the column after them.
struct KeyRange {
  std::span<const type::Value> prefix;  ///< of the key columns' physical types; a NULL matches NULLs
  const type::Value* low = nullptr;     ///< null pointer = open
  const type::Value* high = nullptr;
  bool low_inclusive = true, high_inclusive = true;
  /// With a bound or neither: whether NULLs of that column belong to the range. (SQL comparisons: no; order scans: yes.)
  bool with_nulls = false;
};

class IndexScan {
 public:
  virtual ~IndexScan() = default;
  /// Fills rowids in key order; fewer than asked for only at the end.
  virtual Result<std::size_t> next(std::span<std::uint64_t> rowids) = 0;
};

/// A unique index that a write would break.
struct Conflict {
  IndexId index{};              ///< 0 = none
  std::uint32_t row = 0;        ///< of the rows given
  std::uint64_t existing = 0;   ///< rowid that has the key; UINT64_MAX when it is another row of the same write
  bool found() const { return index != IndexId{}; }
};

/// INSERT ... ON CONFLICT: in which unique indexes a row in the way decides (elsewhere it is a Conflict), and what was found.
struct Arbitration {
  static constexpr std::uint64_t inserted = UINT64_MAX;           ///< nobody was in the way
  static constexpr std::uint64_t by_statement = UINT64_MAX - 1;   ///< a row that the same statement has inserted is
  std::span<const IndexId> indexes;    ///< empty: all unique ones
  /// DO UPDATE: rows in the way are locked, and are then as the statement reads them.
  bool lock_existing = false;
  RowLock mode = RowLock::no_key_update;
  std::span<std::uint64_t> existing;   ///< out, of each row given: the rowid in its way, or one of the above
};

/// What CREATE INDEX asks of the machine.
struct IndexSpec {
  std::span<const table::KeyPart> parts;
  table::Uniqueness unique = table::Uniqueness::none;
  bool nulls_distinct = true;
};

/// How far the building of an index has come, for others to see. Written by the session's thread.
struct BuildProgress {
  enum class Phase : std::uint8_t { none, scanning, sorting, loading };
  std::atomic<Phase> phase{Phase::none};
  std::atomic<std::uint32_t> table{0};
  std::atomic<std::uint64_t> blocks_total{0}, blocks_done{0}, rows_total{0}, rows_done{0};
  void clear() {
    phase.store(Phase::none, std::memory_order_relaxed);
    for (auto* one : {&blocks_total, &blocks_done, &rows_total, &rows_done}) one->store(0, std::memory_order_relaxed);
  }
};

/// What a statement does about rows that another has locked.
enum class RowWait : std::uint8_t { wait, no_wait, skip };

/// Bytes of objects, by where they lie: in memory of those that are nowhere else, on disk of the others.
struct StorageBytes {
  std::uint64_t hot = 0;    ///< in memory only
  std::uint64_t clean = 0;  ///< in memory and on disk
  std::uint64_t cold = 0;   ///< on disk only
  std::uint64_t total() const { return hot + clean + cold; }
  StorageBytes& operator+=(const StorageBytes& more) {
    hot += more.hot;
    clean += more.clean;
    cold += more.cold;
    return *this;
  }
};
struct IndexStorage {
  IndexId index{};
  std::uint64_t entries = 0;
  StorageBytes bytes;
  bool has_unseen = false;                              ///< some of it lies below nodes that are not in memory
  std::uint64_t leaf_entries = 0, leaf_bytes = 0;       ///< of the leaves in memory
  /// `bytes`, or, where some of it has not been seen, what the entries take if all are like those seen.
  std::uint64_t estimated_bytes() const;
};
/// Where a table's objects lie. What is below an object that is not in memory is not known: it is in no figure but the
/// estimates.
struct TableStorage {
  std::uint64_t rows = 0;
  /// Of blocks that have something in memory only; of those that have some column in memory; of the others.
  std::uint64_t hot_rows = 0, clean_rows = 0, cold_rows = 0;
  StorageBytes bytes;                                   ///< without the indexes
  std::uint64_t complete_rows = 0, complete_bytes = 0;  ///< of blocks that have been seen whole
  std::span<IndexStorage> indexes;
  /// `bytes`, with those of rows that have not been seen whole taken to be like the others, or `row_bytes` each where there are
  /// no others.
  std::uint64_t estimated_bytes(std::uint64_t row_bytes) const;
};

enum class TableUse : std::uint8_t { catalog, user };

class View {
 public:
  virtual ~View() = default;

  // --- reading, at the statement's root
  virtual Result<std::uint64_t> row_count(TableId table) = 0;
  /// Blocks in use: for morsels and estimates.
  virtual Result<std::uint64_t> block_count(TableId table) = 0;
  /// Where the table's objects lie. Loads nothing but the table's own object, and keeps nothing in memory.
  virtual Result<TableStorage> table_storage(TableId table, Arena& arena) = 0;
  /// Of all tables and their indexes together, an estimate where something has not been seen.
  virtual Result<std::uint64_t> database_bytes() = 0;
  /// The scan lives in the arena's statement; destroy it (delete_scan) before the statement ends.
  virtual Result<Scan*> open_scan(const ScanRequest& request, Arena& arena) = 0;
  virtual Result<IndexScan*> open_index(TableId table, IndexId index, const KeyRange& range, bool backward, Arena& arena) = 0;
  /// One look-up per key (all key columns given): the rowids of each key's entries are appended to `rowids`, ends[i] is set
  /// to their number after key i.
  virtual Status probe(TableId table, IndexId index, std::span<const type::Vector> keys, type::Selection rows,
                       Vec<std::uint64_t>& rowids, std::span<std::uint32_t> ends) = 0;
  /// Columns of up to 1024 rows, in the order of the rowids, into flat vectors in the arena.
  virtual Status fetch(TableId table, std::span<const std::uint64_t> rowids, std::span<const std::uint16_t> columns, Arena& arena,
                       std::span<type::Vector> out) = 0;
  /// Lets go of image pointers handed out so far; called between batches.
  virtual void renew_guard() = 0;
  /// The same, and none will be asked for until the next renew_guard(): who waits for a client keeps nothing in memory.
  virtual void leave_guard() = 0;

  // --- locks, kept to the end of the transaction. "Must wait" when another's is in the way.
  virtual Status lock_table(TableId table, TableLock mode, LockWait wait) = 0;
  /// What a statement that reads (access_share), locks rows of (row_share) or writes to (row_exclusive) a table takes before
  /// it begins.
  virtual Status lock_for_statement(TableId table, TableLock mode) = 0;
  /// For what changes a table's definition: access_exclusive, and nothing has happened to it since the statement's version.
  virtual Status lock_definition(TableId table) = 0;
  /// Locks rows that the statement has read. taken[i] (may be empty): whether row i was locked (false: skipped). 55P03 when
  /// one is locked and `wait` is no_wait.
  virtual Status lock_rows(TableId table, std::span<const std::uint64_t> rowids, RowLock mode, RowWait wait, std::span<bool> taken) = 0;

  // --- writing. Up to 1024 rows a call. On a conflict nothing of the call is done. Rows and keys that it writes are locked.
  virtual Result<std::uint64_t> insert(TableId table, std::span<const table::ColumnInput> columns, type::Selection rows, Conflict& conflict) = 0;
  /// Inserts the rows that nothing is in the way of, at consecutive rowids from the result on.
  virtual Result<std::uint64_t> insert_unless(TableId table, std::span<const table::ColumnInput> columns, type::Selection rows,
                                              const Arbitration& arbitration, Conflict& conflict) = 0;
  virtual Status update(TableId table, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                        type::Selection rows, Conflict& conflict) = 0;
  virtual Status remove(TableId table, std::span<const std::uint64_t> rowids) = 0;

  // --- physical schema
  /// User tables get numbers from first_user_table on: writes to those below change the catalog's stamp.
  virtual Result<TableId> create_table(TableUse use, std::span<const table::ColumnLayout> columns) = 0;
  virtual Status drop_table(TableId table) = 0;
  virtual Status truncate_table(TableId table) = 0;
  virtual Status add_column(TableId table, const table::ColumnLayout& column) = 0;
  virtual Status drop_column(TableId table, std::uint16_t number) = 0;
  /// Builds the index over the rows as the statement sees them, own earlier writes included.
  virtual Result<IndexId> create_index(TableId table, const IndexSpec& spec, Conflict& conflict) = 0;
  virtual Status drop_index(TableId table, IndexId index) = 0;

  // --- scopes: O(1) marks within the transaction
  virtual Result<std::uint32_t> savepoint() = 0;             ///< depth, to name it by
  virtual Status release(std::uint32_t depth) = 0;           ///< this mark and those after it
  virtual Status rollback_to(std::uint32_t depth) = 0;       ///< undoes what came after; the mark stays

  // --- facts
  /// Changes whenever the catalog's tables differ: keys caches of catalog and plans.
  virtual std::uint64_t catalog_stamp() = 0;
  /// A fresh OID, never handed out before.
  virtual Oid new_oid() = 0;
  virtual DatabaseId database() const = 0;
  /// Microseconds since 2000-01-01 UTC: of the transaction's start, and now.
  virtual std::int64_t transaction_time() const = 0;
  virtual std::int64_t statement_time() const = 0;
  virtual std::int64_t clock_time() = 0;
};

/// What the language needs of its surroundings while it runs a statement.
class Host : public Interrupts {
 public:
  virtual ~Host() = default;
  virtual void fill_random(MutableBytes into) = 0;
  /// The running statement keeps nothing of what its session has read so far: see View::renew_guard().
  virtual void renew_guards() {}
};

}  // namespace spg::txn
