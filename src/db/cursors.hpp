// Cursor: what DECLARE leaves open: a query that goes on running over a snapshot, and the rows of it that were fetched.
//
// Rows are pulled as they are asked for and kept, so that a scrollable cursor can go back; one that is not lets go of those
// behind it. What cannot go on beside the transaction (it reads the transaction's own writes, or computed relations) runs
// to its end at DECLARE, and so does what WITH HOLD leaves to COMMIT. Owned by its session.
#pragma once
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spg/exec/execution.hpp"
#include "spg/txn/control.hpp"

namespace spg::db {

struct Prepared;

/// Rows in an arena of their own. `first` is the number of the first one, from 1.
struct KeptRows {
  std::unique_ptr<Arena> arena;
  type::Batch batch;
  std::uint64_t first = 0;
  std::uint64_t last() const { return first + batch.rows - 1; }
};

struct Cursor {
  Cursor(MemoryBudget& memory, std::size_t limit_bytes) : budget(limit_bytes, &memory), arena(budget) {}
  /// Whether it stands behind its last row. Before the first it stands at 0.
  bool is_after_end(std::uint64_t at) const { return is_exhausted && at > pulled; }
  const KeptRows* find(std::uint64_t row) const;

  std::string name, text;
  bool is_scrollable = false, is_binary = false, is_hold = false;
  bool is_held = false;                ///< the transaction that declared it has ended
  bool has_failed = false;
  bool locks_rows = false;             ///< as they are fetched
  bool sees_own_writes = false;        ///< the transaction had written when it was declared
  std::size_t depth = 0;               ///< savepoints around it
  std::int64_t created_us = 0;
  MemoryBudget budget;
  Arena arena;                         ///< the execution's, and the parameters
  std::shared_ptr<Prepared> query;
  std::shared_ptr<Prepared> recheck;   ///< the query without LIMIT and order: made when a row to lock has changed
  std::span<const type::Value> parameters;
  std::vector<Oid> relations;          ///< that it reads
  std::vector<TableId> tables;         ///< the same
  std::unique_ptr<txn::TransactionControl> snapshot;
  exec::Execution execution;
  std::deque<KeptRows> rows;
  std::uint64_t pulled = 0;            ///< rows so far
  bool is_exhausted = false;
  std::uint64_t position = 0;
};

using CursorMap = std::map<std::string, std::unique_ptr<Cursor>, std::less<>>;

}  // namespace spg::db
