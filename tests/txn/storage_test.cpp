#include <catch2/catch.hpp>

#include "spg/txn/view.hpp"

namespace spg::txn {

TEST_CASE("a table's size is what is seen, and the like of it for the rest") {
  struct Row {
    std::uint64_t rows, seen_bytes, complete_rows, complete_bytes, row_bytes, want;
  };
  constexpr Row table[] = {
      {0, 100, 0, 0, 50, 100},               // empty: its own objects
      {1000, 5000, 1000, 4800, 50, 5000},    // all seen
      {1000, 2600, 500, 2500, 50, 5000},     // half of it: 5 bytes a row
      {1000, 300, 0, 0, 50, 50000},          // nothing of it: by the width
      {1000, 60000, 0, 0, 50, 60000},        // more is seen than the width promises
      {1000000, 400, 1000, 300, 50, 300000}, // less than a byte a row
  };
  for (const Row& row : table) {
    CAPTURE(row.rows, row.seen_bytes);
    TableStorage storage;
    storage.rows = row.rows;
    storage.bytes.cold = row.seen_bytes;
    storage.complete_rows = row.complete_rows;
    storage.complete_bytes = row.complete_bytes;
    CHECK(storage.estimated_bytes(row.row_bytes) == row.want);
  }
}

TEST_CASE("an index's size, likewise") {
  IndexStorage index;
  index.entries = 1'000'000;
  index.bytes = {10, 20, 30};
  CHECK(index.estimated_bytes() == 60);
  index.has_unseen = true;
  CHECK(index.estimated_bytes() == 24'000'000);
  index.leaf_entries = 1000;
  index.leaf_bytes = 300;
  CHECK(index.estimated_bytes() == 300'000);
}

}  // namespace spg::txn
