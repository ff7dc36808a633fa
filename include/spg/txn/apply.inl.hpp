#pragma once
#include <algorithm>
#include <cstdlib>

#include "spg/base/array.hpp"
#include "spg/base/checked_sort.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/index/btree/tree.inl.hpp"
#include "spg/table/table.inl.hpp"
#include "spg/txn/apply.hpp"
#include "spg/txn/root.hpp"

namespace spg::txn {

template <class Scope>
Result<TableEdit<Scope>> edit_table(Scope& scope, Cell*& slot, TableId id, Arena& arena, Access access) {
  if (slot == nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(id), " is not there");
  SPG_TRY(scope.objects().read(slot, access).status());
  SPG_ASSIGN(Image * image, scope.writable(slot));
  SPG_ASSIGN(const table::LayoutView layout, table::read_layout(scope.objects(), image, access));
  table::TableState& state = table::table_state(image);
  state.stamp = state.content_stamp = raw(scope.generation());
  return TableEdit<Scope>{scope, image, layout, arena, access};
}

template <class Objects>
Status each_with_key(Objects& objects, Cell* root, unsigned height, const index::IntKey& key, Access access, FunctionRef<Result<bool>(std::uint64_t)> visit) {
  index::Cursor<index::IntNodes, Objects> cursor(objects, root, height);
  SPG_TRY(cursor.seek({key.key, key.rowid & index::null_rowid_bit}, access));
  for (;;) {
    std::uint32_t at;
    SPG_ASSIGN(const Image* leaf, cursor.next(at, access));
    if (leaf == nullptr) return ok();
    const index::IntKey& found = index::IntNodes::keys(leaf)[at];
    if (found.key != key.key || ((found.rowid ^ key.rowid) & index::null_rowid_bit) != 0) return ok();
    SPG_ASSIGN(const bool more, visit(index::IntNodes::rowid(leaf, at)));
    if (!more) return ok();
  }
}
template <class Objects>
Status each_with_key(Objects& objects, Cell* root, unsigned height, std::string_view key, Access access, FunctionRef<Result<bool>(std::uint64_t)> visit) {
  index::Cursor<index::BytesNodes, Objects> cursor(objects, root, height);
  SPG_TRY(cursor.seek({key, 0}, access));
  for (;;) {
    std::uint32_t at;
    SPG_ASSIGN(const Image* leaf, cursor.next(at, access));
    if (leaf == nullptr) return ok();
    const std::string_view common = index::BytesNodes::prefix(leaf), tail = index::BytesNodes::suffix(leaf, at);
    const bool same = common.size() + tail.size() == key.size() && key.substr(0, common.size()) == common && key.substr(common.size()) == tail;
    if (!same) return ok();
    SPG_ASSIGN(const bool more, visit(index::BytesNodes::rowid(leaf, at)));
    if (!more) return ok();
  }
}

/// XX001 when the index's keys cannot be made of the layout's columns.
inline Status check_key(const table::LayoutView& layout, const table::IndexLayout& index) {
  const auto parts = layout.parts(index);
  bool fits = index.kind == table::KeyKind::bytes || key_kind_of(parts) == table::KeyKind::integer;
  for (const table::KeyPart& part : parts) {
    const table::ColumnLayout* column = layout.column(part.column);
    fits = fits && column != nullptr && key_part_fits(part, column->physical);
  }
  return fits ? ok() : Error::make(sqlstate::data_corrupted, "index ", raw(index.id), " has a key that its table does not have");
}

/// The keys of many rows for one index, in memory of its own (reused from index to index).
class KeySet {
 public:
  struct Entry {
    index::IntKey number;    ///< the key; of a key of bytes: its first eight, as they compare
    std::uint32_t at, size;  // of the bytes
    std::uint32_t row;
    bool has_null;
  };
  /// `value(part, i)` gives the i-th row's value of a key part; `rowid(i)` its rowid.
  template <class ValueOf, class RowidOf>
  Status fill(std::span<const table::KeyPart> parts, table::KeyKind kind, std::uint32_t rows, ValueOf value, RowidOf rowid) {
    entries_.clear();
    bytes_.clear();
    for (std::uint32_t i = 0; i < rows; ++i) {
      Entry entry{{}, 0, 0, i, false};
      if (kind == table::KeyKind::integer) {
        SPG_ASSIGN(const type::Value one, value(std::size_t{0}, i));
        entry.number = int_key(one, rowid(i));
        entry.has_null = one.is_null;
      } else {
        key_.clear();
        for (std::size_t part = 0; part < parts.size(); ++part) {
          SPG_ASSIGN(const type::Value one, value(part, i));
          entry.has_null |= one.is_null;
          append_key_part(key_, parts[part], one);
        }
        if (key_.too_long()) return key_too_long(key_.size());
        if (bytes_.size() > UINT32_MAX - key_.size()) return Error::make(sqlstate::program_limit_exceeded, "keys of an index build exceed 4 GB");
        entry.number = {head_of(key_.view()), rowid(i)};
        entry.at = static_cast<std::uint32_t>(bytes_.size());
        entry.size = static_cast<std::uint32_t>(key_.size());
        if (!bytes_.add(as_bytes(key_.view()))) return Error::out_of_memory();
      }
      if (!entries_.push_back(entry)) return Error::out_of_memory();
    }
    return ok();
  }
  std::span<Entry> entries() { return {entries_.data(), entries_.size()}; }
  std::span<const Entry> entries() const { return {entries_.data(), entries_.size()}; }
  std::string_view bytes(const Entry& entry) const { return as_text(bytes_.bytes().subspan(entry.at, entry.size)); }
  bool same_key(table::KeyKind kind, const Entry& a, const Entry& b) const {
    return kind == table::KeyKind::integer ? a.number.key == b.number.key && a.has_null == b.has_null : bytes(a) == bytes(b);
  }
  /// For locks on keys: equal keys have equal numbers, and integers that follow each other numbers that do, too.
  std::uint64_t lock_number(table::KeyKind kind, const Entry& entry) const {
    std::uint64_t hash = entry.has_null ? 0x9e3779b97f4a7c15u : 0;
    if (kind == table::KeyKind::integer) return entry.number.key ^ hash;
    std::string_view rest = bytes(entry);
    for (; rest.size() >= 8; rest.remove_prefix(8)) hash = (hash ^ load_le<std::uint64_t>(rest.data())) * 0xbf58476d1ce4e5b9u, hash ^= hash >> 31;
    for (const char c : rest) hash = (hash ^ static_cast<unsigned char>(c)) * 0x94d049bb133111ebu;
    return hash ^ hash >> 29;
  }
  void sort(table::KeyKind kind) {
    (void)sort(kind, [] { return ok(); });  // fails only when interrupted
  }
  Status sort(table::KeyKind kind, FunctionRef<Status()> interrupted) {
    return checked_sort(entries_.begin(), entries_.end(), [&](const Entry& a, const Entry& b) {
      if (kind == table::KeyKind::integer) return a.number < b.number;
      if (a.number.key != b.number.key) return a.number.key < b.number.key;
      const int order = index::compare_text(bytes(a), bytes(b));
      return order != 0 ? order < 0 : a.number.rowid < b.number.rowid;
    }, interrupted);
  }

 private:
  static std::uint64_t head_of(std::string_view key) {
    char head[8] = {};
    std::memcpy(head, key.data(), std::min<std::size_t>(key.size(), 8));
    return load_be<std::uint64_t>(head);
  }
  Array<Entry> entries_;
  RecordBuffer bytes_;
  KeyBuffer key_;
};

template <class Scope>
Status add_entries(TableEdit<Scope>& edit, std::size_t position, KeySet& keys) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  for (const KeySet::Entry& entry : keys.entries()) {
    Result<bool> added = index.kind == table::KeyKind::integer
        ? index::Tree<index::IntNodes>::insert(edit.scope, edit.index_root(position), entry.number, edit.image->table, raw(index.id), edit.access)
        : index::Tree<index::BytesNodes>::insert(edit.scope, edit.index_root(position), {keys.bytes(entry), entry.number.rowid}, edit.image->table, raw(index.id), edit.access);
    if (!added) return added.take_error();
    if (!*added) return Error::make(sqlstate::index_corrupted, "index ", raw(index.id), " already has the entry of row ", entry.number.rowid);
  }
  return ok();
}
template <class Scope>
Status drop_entries(TableEdit<Scope>& edit, std::size_t position, KeySet& keys) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  for (const KeySet::Entry& entry : keys.entries()) {
    Result<bool> erased = index.kind == table::KeyKind::integer
        ? index::Tree<index::IntNodes>::erase(edit.scope, edit.index_root(position), entry.number, edit.access)
        : index::Tree<index::BytesNodes>::erase(edit.scope, edit.index_root(position), {keys.bytes(entry), entry.number.rowid}, edit.access);
    if (!erased) return erased.take_error();
    if (!*erased) return Error::make(sqlstate::index_corrupted, "index ", raw(index.id), " lacks the entry of row ", entry.number.rowid);
  }
  return ok();
}

/// Looks for keys that are there already, or twice among the new ones. The entries are sorted by it. `counts`: whether a row
/// that has one is in the way.
template <class Scope>
Status check_unique(TableEdit<Scope>& edit, std::size_t position, KeySet& keys, UniqueCheck counts, Conflict& conflict) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  if (!index.is_immediate()) return ok();
  const Cell* root_cell = edit.image->child_array()[table::index_children + position];
  const unsigned height = table::table_state(edit.image).indexes()[position].height;
  keys.sort(index.kind);
  const auto entries = keys.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (entries[i].has_null && index.nulls_distinct != 0) continue;
    if (i != 0 && keys.same_key(index.kind, entries[i - 1], entries[i])) {
      conflict = {index.id, entries[i].row, UINT64_MAX};
      return ok();
    }
    const auto look_at = [&](std::uint64_t rowid) -> Result<bool> {
      SPG_ASSIGN(const bool is_in_the_way, counts(rowid));
      if (is_in_the_way) conflict = {index.id, entries[i].row, rowid};
      return !is_in_the_way;
    };
    SPG_TRY(index.kind == table::KeyKind::integer
        ? each_with_key(edit.scope.objects(), const_cast<Cell*>(root_cell), height, entries[i].number, edit.access, look_at)
        : each_with_key(edit.scope.objects(), const_cast<Cell*>(root_cell), height, keys.bytes(entries[i]), edit.access, look_at));
    if (conflict.found()) return ok();
  }
  return ok();
}

/// One value out of the rows given for a write; a column that is not given is NULL.
inline type::Value input_value(std::span<const table::ColumnInput> columns, std::uint16_t number, type::Physical physical, std::uint32_t row) {
  for (const table::ColumnInput& column : columns) {
    if (column.number != number) continue;
    if (column.values.is_null(row)) break;
    type::Value value;
    value.physical = column.values.physical;
    value.is_null = false;
    const std::size_t width = type::physical_bytes(value.physical);
    std::memcpy(value.bytes, static_cast<const std::byte*>(column.values.values) + column.values.slot(row) * width, width);
    return value;
  }
  return type::Value::null_of(physical);
}

template <class Scope>
Status insert_rows(TableEdit<Scope>& edit, std::uint64_t first_rowid, std::span<const table::ColumnInput> columns, type::Selection rows) {
  const auto indexes = edit.layout.indexes();
  KeySet keys;
  auto fill = [&](std::size_t position) -> Status {
    const auto parts = edit.layout.parts(indexes[position]);
    SPG_TRY(check_key(edit.layout, indexes[position]));
    return keys.fill(parts, indexes[position].kind, rows.count,
        [&](std::size_t part, std::uint32_t i) -> Result<type::Value> {
          return input_value(columns, parts[part].column, edit.layout.column(parts[part].column)->physical, rows[i]);
        },
        [&](std::uint32_t i) { return first_rowid + i; });
  };
  SPG_TRY(table::append_rows_at(edit.scope, edit.image, edit.layout, first_rowid, columns, rows, edit.access));
  for (std::size_t position = 0; position < indexes.size(); ++position) {
    SPG_TRY(fill(position));
    if (rows.count > 16) keys.sort(indexes[position].kind);
    SPG_TRY(add_entries(edit, position, keys));
  }
  return ok();
}

inline constexpr auto never_interrupted = [] { return ok(); };

/// Reads the parts of keys of rows, block by block.
template <class Scope>
class PresentParts {
 public:
  PresentParts(TableEdit<Scope>& edit, std::size_t position, FunctionRef<Status()> interrupted)
      : edit_(edit), parts_(edit.layout.parts(edit.layout.indexes()[position])), interrupted_(interrupted) {}
  Result<type::Value> value(std::size_t part, std::uint64_t rowid) {
    if (rowid / table::block_rows != number_) {
      SPG_TRY(interrupted_());
      number_ = rowid / table::block_rows;
      SPG_ASSIGN(block_, table::read_block(edit_.scope.objects(), edit_.image, number_, edit_.access));
    }
    const auto slot = static_cast<std::uint32_t>(rowid % table::block_rows);
    if (block_ == nullptr || !table::block_state(block_).is_live(slot)) return table::no_such_row(rowid);
    return table::read_value(edit_.scope.objects(), block_, edit_.layout, *edit_.layout.column(parts_[part].column), slot, edit_.arena, edit_.access);
  }

 private:
  TableEdit<Scope>& edit_;
  std::span<const table::KeyPart> parts_;
  FunctionRef<Status()> interrupted_;
  const Image* block_ = nullptr;
  std::uint64_t number_ = UINT64_MAX;
};

/// Fills `keys` with the present keys of rows, read from the table.
template <class Scope>
Status present_keys(TableEdit<Scope>& edit, std::size_t position, std::span<const std::uint64_t> rowids, KeySet& keys,
                    FunctionRef<Status()> interrupted = never_interrupted) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  SPG_TRY(check_key(edit.layout, index));
  PresentParts<Scope> present(edit, position, interrupted);
  return keys.fill(edit.layout.parts(index), index.kind, static_cast<std::uint32_t>(rowids.size()),
      [&](std::size_t part, std::uint32_t i) { return present.value(part, rowids[i]); },
      [&](std::uint32_t i) { return rowids[i]; });
}

/// The rows of an update get their keys one after the other: a key that one wants may not still be a later one's.
template <class Scope>
Status check_order(TableEdit<Scope>& edit, std::size_t position, std::span<const std::uint64_t> rowids,
                   std::span<const table::ColumnInput> columns, type::Selection rows, KeySet& keys, Conflict& conflict) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  const auto parts = edit.layout.parts(index);
  const auto count = static_cast<std::uint32_t>(rowids.size());
  PresentParts<Scope> present(edit, position, never_interrupted);
  // The keys as they are, then as they will be.
  SPG_TRY(keys.fill(parts, index.kind, 2 * count,
      [&](std::size_t part, std::uint32_t i) -> Result<type::Value> {
        if (i >= count)
          for (const table::ColumnInput& column : columns)
            if (column.number == parts[part].column)
              return input_value({&column, 1}, column.number, edit.layout.column(column.number)->physical, rows[i - count]);
        return present.value(part, rowids[i % count]);
      },
      [&](std::uint32_t i) { return rowids[i % count]; }));
  keys.sort(index.kind);
  const auto entries = keys.entries();
  for (std::size_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    std::uint32_t before = UINT32_MAX, after = UINT32_MAX;  // who has the key, and the first to get it
    for (; end < entries.size() && (end == begin || keys.same_key(index.kind, entries[begin], entries[end])); ++end) {
      const std::uint32_t row = entries[end].row;
      if (row < count) before = row;
      else after = std::min(after, row - count);
    }
    const bool counts = before != UINT32_MAX && after < before && !(entries[begin].has_null && index.nulls_distinct != 0);
    if (counts && (!conflict.found() || after < conflict.row)) conflict = {index.id, after, rowids[before]};
  }
  return ok();
}

/// Whether an update of these columns changes keys of the index.
inline bool touches_index(const table::LayoutView& layout, std::size_t position, std::span<const table::ColumnInput> columns) {
  for (const table::KeyPart& part : layout.parts(layout.indexes()[position]))
    for (const table::ColumnInput& column : columns)
      if (column.number == part.column) return true;
  return false;
}

template <class Scope>
Status update_rows(TableEdit<Scope>& edit, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                   type::Selection rows, const UniqueCheck* check, Conflict& conflict) {
  const auto indexes = edit.layout.indexes();
  auto touched = [&](std::size_t position) { return touches_index(edit.layout, position, columns); };
  KeySet keys;
  for (std::size_t position = 0; position < indexes.size(); ++position) {
    if (!touched(position)) continue;
    SPG_TRY(present_keys(edit, position, rowids, keys));
    SPG_TRY(drop_entries(edit, position, keys));
    if (check == nullptr || !indexes[position].is_immediate() || rowids.size() == 1) continue;
    SPG_TRY(check_order(edit, position, rowids, columns, rows, keys, conflict));
    if (conflict.found()) return ok();  // the caller undoes the call
  }
  SPG_TRY(table::update_rows(edit.scope, edit.image, edit.layout, rowids, columns, rows, edit.access));
  for (std::size_t position = 0; position < indexes.size(); ++position) {
    if (!touched(position)) continue;
    SPG_TRY(present_keys(edit, position, rowids, keys));
    if (check != nullptr) {
      SPG_TRY(check_unique(edit, position, keys, *check, conflict));
      if (conflict.found()) return ok();  // the caller undoes the call
    }
    SPG_TRY(add_entries(edit, position, keys));
  }
  return ok();
}

template <class Scope>
Status remove_rows(TableEdit<Scope>& edit, std::span<const std::uint64_t> rowids) {
  KeySet keys;
  for (std::size_t position = 0; position < edit.layout.indexes().size(); ++position) {
    SPG_TRY(present_keys(edit, position, rowids, keys));
    SPG_TRY(drop_entries(edit, position, keys));
  }
  return table::delete_rows(edit.scope, edit.image, rowids, edit.access);
}

inline constexpr std::size_t load_step_rows = 1024;

/// Asks `interrupted` every load_step_rows.
template <class Nodes, class Scope>
Status load_sorted(TableEdit<Scope>& edit, std::size_t position, KeySet& keys, bool check, Conflict& conflict, FunctionRef<Status()> interrupted) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  index::BulkLoader<Nodes, Scope> loader(edit.scope, edit.image->table, raw(index.id));
  const auto entries = keys.entries();
  for (std::size_t i = 0; i < entries.size(); ++i) {
    if (i % load_step_rows == 0) SPG_TRY(interrupted());
    if (check && index.is_unique() && i != 0 && !(entries[i].has_null && index.nulls_distinct != 0) &&
        keys.same_key(index.kind, entries[i - 1], entries[i])) {
      conflict = {index.id, entries[i].row, entries[i - 1].number.rowid & ~index::null_rowid_bit};
      return ok();
    }
    if constexpr (std::is_same_v<Nodes, index::IntNodes>) SPG_TRY(loader.add(entries[i].number));
    else SPG_TRY(loader.add({keys.bytes(entries[i]), entries[i].number.rowid}));
  }
  return loader.finish(edit.index_root(position));
}

/// Tells of the steps of one index.
class BuildTold {
 public:
  using Phase = BuildProgress::Phase;
  BuildTold(BuildProgress* progress, std::uint32_t table) : progress_(progress) {
    if (progress_ == nullptr) return;
    progress_->clear();
    progress_->table.store(table, std::memory_order_relaxed);
  }
  ~BuildTold() {
    if (progress_ != nullptr) progress_->clear();
  }
  BuildTold(const BuildTold&) = delete;
  BuildTold& operator=(const BuildTold&) = delete;
  void begin(Phase phase, std::uint64_t blocks, std::uint64_t rows) {
    if (progress_ == nullptr) return;
    progress_->blocks_total.store(blocks, std::memory_order_relaxed);
    progress_->rows_total.store(rows, std::memory_order_relaxed);
    progress_->rows_done.store(0, std::memory_order_relaxed);
    progress_->phase.store(phase, std::memory_order_relaxed);
  }
  void blocks_done(std::uint64_t count) {
    if (progress_ != nullptr) progress_->blocks_done.store(count, std::memory_order_relaxed);
  }
  void rows_done(std::uint64_t count) {
    if (progress_ != nullptr) progress_->rows_done.store(count, std::memory_order_relaxed);
  }

 private:
  BuildProgress* progress_;
};

template <class Scope>
Status build_index(TableEdit<Scope>& edit, std::size_t position, bool check, Conflict& conflict, FunctionRef<Status()> interrupted,
                   BuildProgress* progress) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  const table::TableState& state = table::table_state(edit.image);
  const std::uint64_t blocks = (state.next_rowid + table::block_rows - 1) / table::block_rows;
  BuildTold told(progress, edit.image->table);
  told.begin(BuildProgress::Phase::scanning, blocks, state.rows);
  Array<std::uint64_t> rowids;
  for (std::uint64_t number = 0;; ++number) {
    SPG_ASSIGN(const Image* block, table::next_block(edit.scope.objects(), edit.image, number, edit.access));
    if (block == nullptr) break;
    SPG_TRY(interrupted());
    for (std::uint32_t slot = 0; slot < table::block_state(block).used; ++slot)
      if (table::block_state(block).is_live(slot) && !rowids.push_back(number * table::block_rows + slot)) return Error::out_of_memory();
  }
  KeySet keys;
  // It is asked once a block.
  std::uint64_t scanned = 0;
  const auto scanning = [&] {
    told.blocks_done(std::min(scanned++, blocks));
    return interrupted();
  };
  SPG_TRY(present_keys(edit, position, {rowids.data(), rowids.size()}, keys, scanning));
  told.blocks_done(blocks);
  told.begin(BuildProgress::Phase::sorting, blocks, rowids.size());
  SPG_TRY(keys.sort(index.kind, interrupted));
  told.begin(BuildProgress::Phase::loading, blocks, rowids.size());
  std::uint64_t loaded = 0;
  const auto loading = [&] {
    told.rows_done(std::min<std::uint64_t>(loaded, rowids.size()));
    loaded += load_step_rows;
    return interrupted();
  };
  return index.kind == table::KeyKind::integer ? load_sorted<index::IntNodes>(edit, position, keys, check, conflict, loading)
                                               : load_sorted<index::BytesNodes>(edit, position, keys, check, conflict, loading);
}

template <class Scope>
Status truncate(TableEdit<Scope>& edit) {
  table::TableState& state = table::table_state(edit.image);
  for (std::size_t child = table::rows_child; child < edit.image->children; ++child) {
    Cell*& cell = edit.image->child_array()[child];
    if (cell != nullptr) SPG_TRY(edit.scope.retire(cell, true));
    cell = nullptr;
  }
  state.rows = 0;
  state.row_height = 0;
  // Rowids go on: they are never reused. The tree grows again from the block of the next one, rounded up to keep the
  // first blocks of a truncated table whole.
  state.next_rowid = (state.next_rowid + table::block_rows - 1) / table::block_rows * table::block_rows;
  for (table::IndexState& index : state.indexes()) index.entries = index.height = 0;
  return ok();
}

}  // namespace spg::txn
