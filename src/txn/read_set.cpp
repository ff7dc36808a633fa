#include "spg/txn/read_set.hpp"

#include <algorithm>

namespace spg::txn {

void ReadSet::clear() {
  tables_.clear();
  ranges_.clear();
  rows_.clear();
  bytes_.shrink(16 * 1024);
  bytes_.clear();
  rows_are_sorted_ = true;
}

bool ReadSet::has_table(TableId table) const { return std::find(tables_.begin(), tables_.end(), table) != tables_.end(); }

bool ReadSet::touches(TableId table) const {
  if (has_table(table)) return true;
  for (const Range& range : ranges_)
    if (range.table == table) return true;
  for (const RowNote& row : rows_)
    if (row.table == table) return true;
  return false;
}

Status ReadSet::add_table(TableId table) {
  if (has_table(table)) return ok();
  return tables_.push_back(table) ? ok() : Error::out_of_memory();
}

/// Too much to note one by one: every table that is noted counts as a whole.
Status ReadSet::coarsen() {
  for (const Range& range : ranges_) SPG_TRY(add_table(range.table));
  TableId before{};
  for (const RowNote& row : rows_)
    if (row.table != before) SPG_TRY(add_table(before = row.table));
  ranges_.clear();
  rows_.clear();
  bytes_.clear();
  rows_are_sorted_ = true;
  return ok();
}

Status ReadSet::add_range(TableId table, IndexId index, const index::IntKey& low, const index::IntKey& high, bool includes_high) {
  if (has_table(table)) return ok();
  if (ranges_.size() == ranges_max) SPG_TRY(coarsen());
  return ranges_.push_back({table, index, table::KeyKind::integer, includes_high, low, high, 0, 0, 0, 0}) ? ok() : Error::out_of_memory();
}

Status ReadSet::add_range(TableId table, IndexId index, std::string_view low, std::string_view high, bool includes_high) {
  if (has_table(table)) return ok();
  if (ranges_.size() == ranges_max || bytes_.size() > (16u << 20)) SPG_TRY(coarsen());
  Range range{table, index, table::KeyKind::bytes, includes_high, {}, {}, 0, static_cast<std::uint32_t>(low.size()), 0, static_cast<std::uint32_t>(high.size())};
  range.low_at = static_cast<std::uint32_t>(bytes_.size());
  if (!bytes_.add(as_bytes(low))) return Error::out_of_memory();
  range.high_at = static_cast<std::uint32_t>(bytes_.size());
  if (!bytes_.add(as_bytes(high))) return Error::out_of_memory();
  return ranges_.push_back(range) ? ok() : Error::out_of_memory();
}

Status ReadSet::add_row(TableId table, std::uint64_t rowid) {
  if (has_table(table)) return ok();
  if (rows_.size() == rows_max) SPG_TRY(coarsen());
  rows_are_sorted_ = false;
  return rows_.push_back({table, rowid}) ? ok() : Error::out_of_memory();
}

bool ReadSet::has_row(TableId table, std::uint64_t rowid) {
  if (!rows_are_sorted_) std::sort(rows_.begin(), rows_.end());
  rows_are_sorted_ = true;
  return std::binary_search(rows_.begin(), rows_.end(), RowNote{table, rowid});
}

bool ReadSet::contains(const Range& range, const index::IntKey& key) const {
  if (key < range.low) return false;
  return key < range.high || (range.includes_high && key.key == range.high.key);
}
bool ReadSet::contains(const Range& range, std::string_view key) const {
  if (key < bytes(range.low_at, range.low_size)) return false;
  const std::string_view high = bytes(range.high_at, range.high_size);
  return key < high || (range.includes_high && key == high);
}

}  // namespace spg::txn
