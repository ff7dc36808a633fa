// Apply: changes of rows together with the entries of their indexes, on a table object that a scope may write. The same
// code serves statements, recovery and (later) rebase and followers.
#pragma once
#include "spg/index/btree/tree.hpp"
#include "spg/table/table.hpp"
#include "spg/txn/key.hpp"
#include "spg/txn/view.hpp"

namespace spg::txn {

using store::Access;
using store::Cell;
using store::Image;

/// A table under change: its image (writable), layout, and what the functions below need.
template <class Scope>
struct TableEdit {
  Scope& scope;
  Image* image;
  table::LayoutView layout;
  Arena& arena;            ///< scratch for key columns read back
  Access access;

  using Objects = typename Scope::ObjectsOf;
  index::Root index_root(std::size_t position) {
    table::IndexState& state = table::table_state(image).indexes()[position];
    return {image->child_array()[table::index_children + position], state.height, state.entries};
  }
};

/// Opens the table in `slot` for change (made writable). XX001 when the table is not there.
template <class Scope>
Result<TableEdit<Scope>> edit_table(Scope& scope, Cell*& slot, TableId id, Arena& arena, Access access);

/// Inserts rows at fixed rowids (see table::append_rows_at) with their index entries.
template <class Scope>
Status insert_rows(TableEdit<Scope>& edit, std::uint64_t first_rowid, std::span<const table::ColumnInput> columns, type::Selection rows);

/// Says of a row that has a wanted key whether it is in the way.
using UniqueCheck = FunctionRef<Result<bool>(std::uint64_t rowid)>;
/// Old entries go before new ones come; only indexes over changed columns are touched. With a check, unique indexes are looked
/// at, and a conflict stops everything.
template <class Scope>
Status update_rows(TableEdit<Scope>& edit, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                   type::Selection rows, const UniqueCheck* check, Conflict& conflict);

template <class Scope>
Status remove_rows(TableEdit<Scope>& edit, std::span<const std::uint64_t> rowids);

/// Fills the index at `position` of the layout from the rows. `interrupted` is asked now and then, `progress` (may be null) told.
template <class Scope>
Status build_index(TableEdit<Scope>& edit, std::size_t position, bool check, Conflict& conflict, FunctionRef<Status()> interrupted,
                   BuildProgress* progress);

/// Empties the table.
template <class Scope>
Status truncate(TableEdit<Scope>& edit);

/// Visits the rows with the key of an entry in a tree, until `visit` returns false.
template <class Objects>
Status each_with_key(Objects& objects, Cell* root, unsigned height, const index::IntKey& key, Access access,
                     FunctionRef<Result<bool>(std::uint64_t)> visit);
template <class Objects>
Status each_with_key(Objects& objects, Cell* root, unsigned height, std::string_view key, Access access,
                     FunctionRef<Result<bool>(std::uint64_t)> visit);

}  // namespace spg::txn
