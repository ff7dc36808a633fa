#include <algorithm>

#include "spg/txn/view.hpp"

namespace spg::txn {

namespace {
/// What `count` take if `seen` of them take `bytes`: less than a byte each, perhaps.
std::uint64_t in_proportion(std::uint64_t count, std::uint64_t bytes, std::uint64_t seen) {
  return static_cast<std::uint64_t>(static_cast<double>(count) * static_cast<double>(bytes) / static_cast<double>(seen));
}
}  // namespace

std::uint64_t TableStorage::estimated_bytes(std::uint64_t row_bytes) const {
  const std::uint64_t unseen = rows - std::min(rows, complete_rows);
  const std::uint64_t unseen_bytes = complete_rows != 0 ? in_proportion(unseen, complete_bytes, complete_rows) : unseen * row_bytes;
  return complete_bytes + std::max(bytes.total() - complete_bytes, unseen_bytes);
}

std::uint64_t IndexStorage::estimated_bytes() const {
  constexpr std::uint64_t entry_bytes_usual = 24;
  if (!has_unseen) return bytes.total();
  return std::max(bytes.total(), leaf_entries == 0 ? entries * entry_bytes_usual : in_proportion(entries, leaf_bytes, leaf_entries));
}

}  // namespace spg::txn
