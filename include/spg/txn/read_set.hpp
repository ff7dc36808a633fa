// ReadSet: what a SERIALIZABLE transaction has read, to be compared at COMMIT with what others have committed since its
// version (DESIGN 1.6): whole tables, ranges of indexes (so that rows which were not there count, too), and rows.
//
// Finer notes than `rows_max` rows or `ranges_max` ranges of one transaction become notes of whole tables.
#pragma once
#include <string_view>

#include "spg/base/array.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/index/btree/nodes.hpp"
#include "spg/table/layout.hpp"

namespace spg::txn {

class ReadSet {
 public:
  /// Keys from `low` on and below `high`, or up to and including it.
  struct Range {
    TableId table;
    IndexId index;
    table::KeyKind kind;
    bool includes_high;
    index::IntKey low, high;             ///< integer trees
    std::uint32_t low_at, low_size, high_at, high_size;  ///< bytes trees: in `bytes_`
  };

  void clear();
  bool empty() const { return tables_.empty() && ranges_.empty() && rows_.empty(); }
  /// 53200 when there is no memory; then the transaction must not commit.
  Status add_table(TableId table);
  Status add_range(TableId table, IndexId index, const index::IntKey& low, const index::IntKey& high, bool includes_high);
  Status add_range(TableId table, IndexId index, std::string_view low, std::string_view high, bool includes_high);
  Status add_row(TableId table, std::uint64_t rowid);

  bool has_table(TableId table) const;
  /// Whether anything of the table has been read.
  bool touches(TableId table) const;
  bool has_row(TableId table, std::uint64_t rowid);
  std::span<const Range> ranges() const { return {ranges_.data(), ranges_.size()}; }
  bool contains(const Range& range, const index::IntKey& key) const;
  bool contains(const Range& range, std::string_view key) const;
  std::span<const TableId> tables() const { return {tables_.data(), tables_.size()}; }

 private:
  static constexpr std::size_t rows_max = 16 * 1024, ranges_max = 1024;
  struct RowNote {
    TableId table;
    std::uint64_t rowid;
    friend auto operator<=>(const RowNote&, const RowNote&) = default;
  };
  Status coarsen();
  std::string_view bytes(std::uint32_t at, std::uint32_t size) const { return as_text(bytes_.bytes().subspan(at, size)); }
  Array<TableId> tables_;
  Array<Range> ranges_;
  Array<RowNote> rows_;
  RecordBuffer bytes_;
  bool rows_are_sorted_ = true;
};

}  // namespace spg::txn
