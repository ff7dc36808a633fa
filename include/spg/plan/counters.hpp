// What the nodes of a plan have done, for EXPLAIN ANALYZE: exec counts, plan/explain prints.
#pragma once
#include <cstdint>

namespace spg::plan {

/// Of one node, summed over its loops; indexed by Node::id. Times in milliseconds.
struct NodeCounters {
  double start_ms = 0, total_ms = 0;      ///< until the first row, and in all
  std::uint64_t rows = 0, loops = 0;
  std::uint64_t removed_by_filter = 0;
  std::uint64_t removed_by_join_filter = 0;
  /// Of a scan: blocks of rows that it has read, and those that it has not, because no row could match by their bounds.
  std::uint64_t blocks = 0, blocks_pruned = 0;
  /// Of what collects its rows: memory that it has taken.
  std::uint64_t memory_bytes = 0;
  std::uint64_t hash_buckets = 0;
  enum class Sorted : std::uint8_t { no, quicksort, top_n } sorted = Sorted::no;
  /// Of an IndexJoin, whose inner side is no node: look-ups, and the rows that they have found.
  std::uint64_t probes = 0, probed_rows = 0;
};

}  // namespace spg::plan
