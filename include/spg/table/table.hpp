// Table: rows in blocks of column chunks under a copy-on-write radix tree, with the roots of their indexes: the unit of
// publication (DESIGN 1.3).
//
// Table image (Kind::table): header | TableState | IndexState[]; children: layout, root of the rows, roots of the indexes.
// Readers work on the image of a pinned version; writers through a Scope on an image that they may change. This room
// does not know indexes: txn/ applies a change to rows and indexes together.
#pragma once
#include "spg/table/block.hpp"
#include "spg/table/radix.hpp"

namespace spg::table {

/// Rowids stay below this: a bit of index entries is used for NULL, and sums of rowids and row counts do not overflow.
inline constexpr std::uint64_t rowids_max = std::uint64_t{1} << 62;

struct IndexState {
  std::uint64_t entries;
  std::uint32_t id;
  std::uint8_t height;
  KeyKind kind;
  std::uint16_t reserved;
};

struct TableState {
  std::uint64_t rows;         ///< live rows
  std::uint64_t next_rowid;   ///< never handed out before, in this version
  std::uint64_t stamp;        ///< changes with every commit that touches the table
  std::uint64_t content_stamp;///< the same, but maintenance leaves it alone
  std::uint32_t index_count;
  std::uint8_t row_height;
  std::uint8_t reserved[3];
  std::span<IndexState> indexes() { return {reinterpret_cast<IndexState*>(this + 1), index_count}; }
  std::span<const IndexState> indexes() const { return {reinterpret_cast<const IndexState*>(this + 1), index_count}; }
};
constexpr std::uint32_t table_children_at(std::size_t indexes) {
  return static_cast<std::uint32_t>(sizeof(store::Image) + sizeof(TableState) + indexes * sizeof(IndexState));
}
inline constexpr std::size_t layout_child = 0, rows_child = 1, index_children = 2;

inline TableState& table_state(store::Image* image) { return *image->payload<TableState>(); }
inline const TableState& table_state(const store::Image* image) { return *image->payload<TableState>(); }

/// A table's layout. XX001 when it does not list the indexes that the table has (they are two objects, and come from disk).
template <class Objects>
Result<LayoutView> read_layout(Objects& objects, const store::Image* table, store::Access access) {
  SPG_ASSIGN(const store::Image* image, objects.read(table->child_array()[layout_child], access));
  const LayoutView layout(image);
  const auto states = table_state(table).indexes();
  const auto indexes = layout.indexes();
  bool fits = states.size() == indexes.size();
  for (std::size_t i = 0; fits && i < states.size(); ++i) fits = states[i].id == raw(indexes[i].id) && states[i].kind == indexes[i].kind;
  if (!fits) return Error::make(sqlstate::data_corrupted, "layout of table ", table->table, " does not list its indexes");
  return layout;
}

/// A column of rows to write: its number and the values by batch row.
struct ColumnInput {
  std::uint16_t number;
  type::Vector values;
};

/// Values of fetched or scanned rows: memory that a reader fills (or a chunk's own memory, when nothing must be copied).
struct ColumnBuffer {
  void* values = nullptr;                    ///< capacity rows of the physical type; 16-aligned
  std::uint64_t validity[type::batch_words];
};

/// Makes an empty table. `index_roots` may be empty trees (null cells). Indexes are listed as in the layout.
template <class Scope>
Result<store::Cell*> make_table(Scope& scope, TableId id, store::Cell* layout_cell);

/// Writes the table image anew around another layout: index roots and states are carried over by index id; new indexes
/// start empty; dropped ones are retired whole.
template <class Scope>
Status replace_layout(Scope& scope, store::Cell*& table_slot, store::Cell* layout_cell);

/// Inserts rows at consecutive rowids that were drawn before, from `first_rowid` on. Those may lie below next_rowid, where
/// later ones were published first; XX001 when a row is there. Every column of the layout that is not given becomes NULL.
/// `table` is writable in the scope.
template <class Scope>
Status append_rows_at(Scope& scope, store::Image* table, const LayoutView& layout, std::uint64_t first_rowid,
                      std::span<const ColumnInput> columns, type::Selection rows, store::Access access);

/// Overwrites columns of live rows. Rowids ascend; row i takes its values from batch row rows[i].
template <class Scope>
Status update_rows(Scope& scope, store::Image* table, const LayoutView& layout, std::span<const std::uint64_t> rowids,
                   std::span<const ColumnInput> columns, type::Selection rows, store::Access access);

/// Deletes live rows. Rowids ascend.
template <class Scope>
Status delete_rows(Scope& scope, store::Image* table, std::span<const std::uint64_t> rowids, store::Access access);

/// A block of the table, or null.
template <class Objects>
Result<const store::Image*> read_block(Objects& objects, const store::Image* table, std::uint64_t number, store::Access access) {
  SPG_ASSIGN(store::Cell * cell, radix_find(objects, table->child_array()[rows_child], table_state(table).row_height, number, access));
  if (cell == nullptr) return static_cast<const store::Image*>(nullptr);
  return objects.read(cell, access);
}

/// The first block at or above `number`, which is set to its number; null at the end.
template <class Objects>
Result<store::Cell*> next_block_cell(Objects& objects, const store::Image* table, std::uint64_t& number, store::Access access) {
  return radix_next(objects, table->child_array()[rows_child], table_state(table).row_height, number, access);
}
template <class Objects>
Result<const store::Image*> next_block(Objects& objects, const store::Image* table, std::uint64_t& number, store::Access access) {
  SPG_ASSIGN(store::Cell * cell, next_block_cell(objects, table, number, access));
  if (cell == nullptr) return static_cast<const store::Image*>(nullptr);
  return objects.read(cell, access);
}

/// One column of a block as a vector over its `used` rows: the chunk's own memory, except that long strings get pointers
/// and a partly filled validity word is completed, in `arena`.
template <class Objects>
Result<type::Vector> block_column(Objects& objects, const store::Image* block, const LayoutView& layout,
                                  const ColumnLayout& column, Arena& arena, store::Access access);

/// Whether the row is there.
template <class Objects>
Result<bool> row_exists(Objects& objects, const store::Image* table, std::uint64_t rowid, store::Access access) {
  SPG_ASSIGN(const store::Image* block, read_block(objects, table, rowid / block_rows, access));
  return block != nullptr && block_state(block).is_live(static_cast<std::uint32_t>(rowid % block_rows));
}

/// One value of a live row of `block`. Long strings point into heaps (or the arena).
template <class Objects>
Result<type::Value> read_value(Objects& objects, const store::Image* block, const LayoutView& layout,
                               const ColumnLayout& column, std::uint32_t slot, Arena& arena, store::Access access);

}  // namespace spg::table
