// Sorting of stored rows by normalised keys (type/order.hpp): memcmp decides, and equal keys keep the order of rows.
#pragma once
#include "spg/type/order.hpp"
#include "vectors.hpp"

namespace spg::exec {

struct SortColumn {
  std::uint32_t column = 0;
  type::KeyColumn key;
};

/// One row's key: its first bytes as a number that compares as they do, and where the rest lies.
struct SortEntry {
  std::uint64_t head = 0;
  const char* key = nullptr;
  std::uint32_t bytes = 0;
  std::uint32_t row = 0;
};
bool sorts_before(const SortEntry& a, const SortEntry& b);

/// The key of a batch's row; bytes in the arena.
SortEntry make_sort_entry(std::span<const Vector> columns, std::uint32_t batch_row, std::uint32_t row,
                          std::span<const SortColumn> by, Arena& arena);

/// Numbers of all rows in order. 53200 when keys do not fit.
Result<std::span<std::uint32_t>> sort_rows(const Rows& rows, std::span<const SortColumn> by, Arena& arena);

}  // namespace spg::exec
