#pragma once
#include "spg/table/table.hpp"

namespace spg::table {

template <class Scope>
Result<store::Cell*> make_table_image(Scope& scope, TableId id, store::Cell* layout_cell) {
  const LayoutView layout(Scope::ObjectsOf::image_of(layout_cell));
  const std::uint32_t indexes = layout.state().index_count;
  const std::uint32_t children_at = table_children_at(indexes);
  const auto children = static_cast<std::uint16_t>(index_children + indexes);
  SPG_ASSIGN(store::Cell * cell, scope.make(store::Kind::table, children_at + children * 8u, children, children_at));
  store::Image* image = Scope::ObjectsOf::image_of(cell);
  image->table = raw(id);
  image->child_array()[layout_child] = layout_cell;
  TableState& state = table_state(image);
  state.index_count = indexes;
  for (std::size_t i = 0; i < indexes; ++i) {
    state.indexes()[i].id = raw(layout.indexes()[i].id);
    state.indexes()[i].kind = layout.indexes()[i].kind;
  }
  return cell;
}

template <class Scope>
Result<store::Cell*> make_table(Scope& scope, TableId id, store::Cell* layout_cell) {
  return make_table_image(scope, id, layout_cell);
}

template <class Scope>
Status replace_layout(Scope& scope, store::Cell*& table_slot, store::Cell* layout_cell) {
  const store::Image* old = Scope::ObjectsOf::image_of(table_slot);
  SPG_ASSIGN(store::Cell * cell, make_table_image(scope, TableId{old->table}, layout_cell));
  store::Image* image = Scope::ObjectsOf::image_of(cell);
  const TableState& from = table_state(old);
  TableState& to = table_state(image);
  to.rows = from.rows;
  to.next_rowid = from.next_rowid;
  to.stamp = from.stamp;
  to.content_stamp = from.content_stamp;
  to.row_height = from.row_height;
  image->child_array()[rows_child] = old->child_array()[rows_child];
  for (std::size_t i = 0; i < from.index_count; ++i) {
    bool kept = false;
    for (std::size_t j = 0; j < to.index_count; ++j) {
      if (to.indexes()[j].id != from.indexes()[i].id) continue;
      to.indexes()[j] = from.indexes()[i];
      image->child_array()[index_children + j] = old->child_array()[index_children + i];
      kept = true;
    }
    if (!kept && old->child_array()[index_children + i] != nullptr) SPG_TRY(scope.retire(old->child_array()[index_children + i], true));
  }
  SPG_TRY(scope.retire(old->child_array()[layout_child]));
  SPG_TRY(scope.retire(table_slot));
  table_slot = cell;
  return ok();
}

/// Whether a string lies in a heap together with others.
inline bool is_shared(const StringRef& text) { return !text.is_inline() && text.size <= own_heap_bytes; }
/// What strings of a batch need of such heaps.
inline std::uint32_t shared_heap_bytes(const type::Vector& values, type::Selection rows) {
  std::uint32_t bytes = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i)
    if (!values.is_null(rows[i]))
      if (const auto& text = values.value<StringRef>(rows[i]); is_shared(text)) bytes += text.size;
  return bytes;
}

/// Copies values of batch rows into consecutive or scattered slots of a chunk and keeps the entry's account.
/// `place(i)` is the slot of row i.
template <class Scope, class Place>
Status write_values(Scope& scope, store::Cell*& chunk_slot, ColumnEntry& entry, std::uint32_t keep_rows,
                    const type::Vector& values, type::Selection rows, Place place) {
  store::Image* chunk = Scope::ObjectsOf::image_of(chunk_slot);
  const std::size_t width = type::physical_bytes(entry.physical);
  std::uint64_t* validity = chunk_validity(chunk);
  std::byte* to = chunk_values(chunk);
  std::uint32_t heap_bytes_left = entry.physical == Physical::string ? shared_heap_bytes(values, rows) : 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i], slot = place(i);
    const std::uint64_t bit = std::uint64_t{1} << (slot % 64);
    if (values.is_null(row)) {
      validity[slot / 64] &= ~bit;
      std::memset(to + slot * width, 0, width);
      ++entry.null_count;
      continue;
    }
    const auto* from = static_cast<const std::byte*>(values.values) + values.slot(row) * width;
    if (entry.physical == Physical::string) {
      const auto& text = *reinterpret_cast<const StringRef*>(from);
      SPG_ASSIGN(const StringRef stored, store_string(scope, chunk_slot, keep_rows > slot ? keep_rows : slot, text.view(), {heap_bytes_left, slot >= keep_rows}));
      if (is_shared(text)) heap_bytes_left -= text.size;
      chunk = Scope::ObjectsOf::image_of(chunk_slot);  // may have been replaced for more heap slots
      validity = chunk_validity(chunk);
      to = chunk_values(chunk);
      std::memcpy(to + slot * sizeof stored, &stored, sizeof stored);
    } else {
      std::memcpy(to + slot * width, from, width);
      if (has_bounds(entry.physical)) {
        const std::uint64_t bound = bound_of(entry.physical, from);
        if (entry.bounded == 0) { entry.low = entry.high = bound; entry.bounded = 1; }
        else if (bound < entry.low) entry.low = bound;
        else if (bound > entry.high) entry.high = bound;
      }
    }
    validity[slot / 64] |= bit;
  }
  return ok();
}

/// A block's header for the table's present columns: a copy of `old` (or empty), with entries in the layout's order.
/// Chunks of columns that the layout has dropped are retired whole.
template <class Scope>
Result<store::Cell*> rebuild_block(Scope& scope, store::Cell* old_cell, const LayoutView& layout, std::uint32_t table, std::uint64_t number, std::uint32_t used) {
  std::uint16_t columns = 0;
  for (const ColumnLayout& column : layout.columns()) columns = static_cast<std::uint16_t>(columns + (column.dropped == 0));
  const std::uint32_t children_at = block_children_at(columns);
  SPG_ASSIGN(store::Cell * cell, scope.make(store::Kind::block, children_at + columns * 8u, columns, children_at));
  store::Image* image = Scope::ObjectsOf::image_of(cell);
  image->table = table;
  image->place = number;
  BlockState& state = block_state(image);
  state.number = number;
  state.used = static_cast<std::uint16_t>(used);
  state.column_count = columns;
  const store::Image* old = old_cell == nullptr ? nullptr : Scope::ObjectsOf::image_of(old_cell);
  if (old != nullptr) {
    const BlockState& from = block_state(old);
    state.used = from.used;
    state.live_count = from.live_count;
    std::memcpy(state.live, from.live, sizeof state.live);
  }
  std::size_t at = 0;
  for (const ColumnLayout& column : layout.columns()) {
    if (column.dropped != 0) continue;
    ColumnEntry& entry = state.entries()[at];
    entry = {column.number, column.physical, 0, 0, 0, 0, 0};
    const int before = old == nullptr ? -1 : block_state(old).find(column.number);
    if (before >= 0) {
      entry = block_state(old).entries()[static_cast<std::size_t>(before)];
      image->child_array()[at] = old->child_array()[before];
    }
    ++at;
  }
  if (old != nullptr) {
    for (std::size_t i = 0; i < block_state(old).column_count; ++i)
      if (state.find(block_state(old).entries()[i].number) < 0 && old->child_array()[i] != nullptr)
        SPG_TRY(scope.retire(old->child_array()[i], true));
    SPG_TRY(scope.retire(old_cell));
  }
  return cell;
}

/// Whether a block's header has exactly the layout's live columns.
inline bool block_is_current(const BlockState& state, const LayoutView& layout) {
  std::size_t at = 0;
  for (const ColumnLayout& column : layout.columns()) {
    if (column.dropped != 0) continue;
    if (at >= state.column_count || state.entries()[at].number != column.number) return false;
    ++at;
  }
  return at == state.column_count;
}

/// The chunk of entry `at` ready to take values of slots below `upto`, of which the first `used` are in use; `in_place`:
/// only slots from `used` on will be written.
template <class Scope>
Status prepare_chunk(Scope& scope, store::Image* block, std::size_t at, const LayoutView& layout, std::uint32_t used,
                     std::uint32_t upto, bool in_place, store::Access access) {
  ColumnEntry& entry = block_state(block).entries()[at];
  store::Cell*& slot = block->child_array()[at];
  if (slot == nullptr) {
    // A new block, or one that is older than the column: the rows that exist take the missing-value.
    const std::uint32_t rows = upto > used ? upto : used;
    SPG_ASSIGN(slot, make_chunk(scope, entry.physical, chunk_capacity_for(rows), 0));
    store::Image* chunk = Scope::ObjectsOf::image_of(slot);
    chunk->table = block->table;
    chunk->part = entry.number;
    chunk->place = block->place;
    if (used != 0) {
      const type::Value missing = layout.missing(*layout.column(entry.number));
      SPG_TRY(write_values(scope, slot, entry, 0, missing.vector(), {nullptr, used}, [](std::uint32_t i) { return i; }));
    }
    Scope::ObjectsOf::image_of(slot)->claimed.store(rows, std::memory_order_relaxed);
    return ok();
  }
  SPG_TRY(scope.objects().read(slot, access).status());
  store::Image* chunk = Scope::ObjectsOf::image_of(slot);
  if (upto > chunk_state(chunk).capacity) {
    SPG_TRY(resize_chunk(scope, slot, used, chunk_capacity_for(upto), chunk->children, entry.last_validity));
    Scope::ObjectsOf::image_of(slot)->claimed.store(upto, std::memory_order_relaxed);
  } else if (scope.owns(*slot)) {
    if (upto > used) chunk->claimed.store(upto, std::memory_order_relaxed);
  } else {
    std::uint32_t claimed = used;
    const bool appended = in_place && scope.appends_to_shared() && !slot->has_address() && !scope.objects().is_sealed(*slot) &&
                          chunk->claimed.compare_exchange_strong(claimed, upto, std::memory_order_relaxed);
    if (!appended) {
      // Another may be appending to it right now: only the rows in use are copied, and of their last word what this
      // version of the block knows.
      SPG_TRY(resize_chunk(scope, slot, used, chunk_state(chunk).capacity, chunk->children, entry.last_validity));
      store::Image* copy = Scope::ObjectsOf::image_of(slot);
      copy->claimed.store(upto > used ? upto : used, std::memory_order_relaxed);
    }
  }
  return ok();
}

/// After values were written: the validity word of the last partly filled 64 rows, as readers of this header see it.
inline void note_last_validity(store::Image* block, std::size_t at) {
  BlockState& state = block_state(block);
  if (state.used % 64 != 0) {
    const store::Image* chunk = block->child_array()[at]->image.load(std::memory_order_acquire);
    state.entries()[at].last_validity = chunk_validity(chunk)[state.used / 64] & ((std::uint64_t{1} << state.used % 64) - 1);
  }
}

inline void set_live(BlockState& state, std::uint32_t from, std::uint32_t count) {
  for (std::uint32_t slot = from; slot < from + count;) {
    const std::uint32_t bit = slot % 64, run = std::min(64 - bit, from + count - slot);
    const std::uint64_t mask = run == 64 ? ~std::uint64_t{0} : ((std::uint64_t{1} << run) - 1) << bit;
    state.live[slot / 64] |= mask;
    slot += run;
  }
  state.live_count = static_cast<std::uint16_t>(state.live_count + count);
}

inline Error wrong_type(std::uint16_t column) {
  return Error::make(sqlstate::data_corrupted, "column ", column, " of a block is of another type than that of the table");
}

template <class Scope>
Status append_rows_at(Scope& scope, store::Image* table, const LayoutView& layout, std::uint64_t first_rowid,
                      std::span<const ColumnInput> columns, type::Selection rows, store::Access access) {
  static const std::uint64_t no_row_valid = 0;
  TableState& state = table_state(table);
  std::uint32_t done = 0;
  while (done < rows.count) {
    const std::uint64_t rowid = first_rowid + done, number = rowid / block_rows;
    const auto from = static_cast<std::uint32_t>(rowid % block_rows);
    const std::uint32_t count = std::min(rows.count - done, block_rows - from);
    SPG_ASSIGN(store::Cell * *block_slot, radix_writable(scope, table->child_array()[rows_child], state.row_height, number, access));
    if (*block_slot == nullptr) {
      SPG_ASSIGN(*block_slot, rebuild_block(scope, nullptr, layout, table->table, number, from));
    } else {
      SPG_ASSIGN(const store::Image* old, scope.objects().read(*block_slot, access));
      if (block_is_current(block_state(old), layout)) SPG_TRY(scope.writable(*block_slot).status());
      else { SPG_ASSIGN(*block_slot, rebuild_block(scope, *block_slot, layout, table->table, number, 0)); }
    }
    store::Image* block = Scope::ObjectsOf::image_of(*block_slot);
    BlockState& block_of = block_state(block);
    // Slots between `used` and `from` (rowids that were skipped) are in use but dead; their values are zeros. They are
    // filled when the transaction that drew them comes later than those behind it.
    const std::uint32_t used = block_of.used;
    const bool appends = used <= from;
    const std::uint32_t end = std::max(used, from + count);
    for (std::uint32_t slot = from; slot < used && slot < from + count; ++slot)
      if (block_of.is_live(slot)) return Error::make(sqlstate::data_corrupted, "row ", number * block_rows + slot, " is there already");
    for (std::size_t at = 0; at < block_of.column_count; ++at) {
      SPG_TRY(prepare_chunk(scope, block, at, layout, used, end, appends, access));
      ColumnEntry& entry = block_of.entries()[at];
      const ColumnInput* input = nullptr;
      for (const ColumnInput& one : columns)
        if (one.number == entry.number) input = &one;
      const type::Vector nulls{entry.physical, type::Vector::Form::constant, "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0", &no_row_valid, nullptr};
      const type::Selection part = rows.rows == nullptr ? type::Selection{nullptr, count} : type::Selection{rows.rows + done, count};
      type::Vector values = input != nullptr ? input->values : nulls;
      if (values.physical != entry.physical) return wrong_type(entry.number);
      const std::uint32_t shift = rows.rows == nullptr ? done : 0;
      if (shift != 0 && values.form != type::Vector::Form::constant) {
        // Rows 0..n of a batch, continued in the next block: go through explicit row numbers.
        std::uint16_t numbers[block_rows];
        for (std::uint32_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint16_t>(shift + i);
        SPG_TRY(write_values(scope, block->child_array()[at], entry, std::max(from, used), values, {numbers, count}, [&](std::uint32_t i) { return from + i; }));
      } else {
        SPG_TRY(write_values(scope, block->child_array()[at], entry, std::max(from, used), values, part, [&](std::uint32_t i) { return from + i; }));
      }
    }
    block_of.used = static_cast<std::uint16_t>(end);
    set_live(block_of, from, count);
    for (std::size_t at = 0; at < block_of.column_count; ++at) note_last_validity(block, at);
    done += count;
  }
  state.rows += rows.count;
  if (first_rowid + rows.count > state.next_rowid) state.next_rowid = first_rowid + rows.count;
  return ok();
}

inline Error no_such_row(std::uint64_t rowid) { return Error::make(sqlstate::data_corrupted, "row ", rowid, " is not there"); }

template <class Scope>
Status update_rows(Scope& scope, store::Image* table, const LayoutView& layout, std::span<const std::uint64_t> rowids,
                   std::span<const ColumnInput> columns, type::Selection rows, store::Access access) {
  TableState& state = table_state(table);
  for (std::size_t done = 0; done < rowids.size();) {
    const std::uint64_t number = rowids[done] / block_rows;
    std::size_t count = 1;
    while (done + count < rowids.size() && rowids[done + count] / block_rows == number) ++count;
    SPG_ASSIGN(store::Cell * *block_slot, radix_writable(scope, table->child_array()[rows_child], state.row_height, number, access));
    if (*block_slot == nullptr) return no_such_row(rowids[done]);
    SPG_ASSIGN(const store::Image* old, scope.objects().read(*block_slot, access));
    if (block_is_current(block_state(old), layout)) SPG_TRY(scope.writable(*block_slot).status());
    else { SPG_ASSIGN(*block_slot, rebuild_block(scope, *block_slot, layout, table->table, number, 0)); }
    store::Image* block = Scope::ObjectsOf::image_of(*block_slot);
    BlockState& block_of = block_state(block);
    for (std::size_t i = 0; i < count; ++i)
      if (!block_of.is_live(static_cast<std::uint32_t>(rowids[done + i] % block_rows))) return no_such_row(rowids[done + i]);
    for (const ColumnInput& input : columns) {
      const int at = block_of.find(input.number);
      if (at < 0) return Error::make(sqlstate::data_corrupted, "column ", input.number, " of table ", table->table, " is not there");
      const auto entry_at = static_cast<std::size_t>(at);
      SPG_TRY(prepare_chunk(scope, block, entry_at, layout, block_of.used, 0, false, access));
      ColumnEntry& entry = block_of.entries()[entry_at];
      if (input.values.physical != entry.physical) return wrong_type(entry.number);
      store::Image* chunk = Scope::ObjectsOf::image_of(block->child_array()[entry_at]);
      for (std::size_t i = 0; i < count; ++i) {
        const auto slot = static_cast<std::uint32_t>(rowids[done + i] % block_rows);
        if ((chunk_validity(chunk)[slot / 64] >> (slot % 64) & 1) == 0) { --entry.null_count; continue; }
        if (entry.physical != Physical::string) continue;
        const auto& text = reinterpret_cast<const StringRef*>(chunk_values(chunk))[slot];
        if (!text.is_inline()) chunk_state(chunk).dead_heap_bytes += text.size;
      }
      const type::Selection part = rows.rows == nullptr ? type::Selection{} : type::Selection{rows.rows + done, static_cast<std::uint32_t>(count)};
      std::uint16_t numbers[block_rows];
      if (rows.rows == nullptr) for (std::size_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint16_t>(done + i);
      SPG_TRY(write_values(scope, block->child_array()[entry_at], entry, block_of.used, input.values,
                           rows.rows == nullptr ? type::Selection{numbers, static_cast<std::uint32_t>(count)} : part,
                           [&](std::uint32_t i) { return static_cast<std::uint32_t>(rowids[done + i] % block_rows); }));
      if (entry.physical == Physical::string) {
        SPG_TRY(rewrite_heaps(scope, block->child_array()[entry_at], block_of.used, [&](std::uint32_t slot) { return block_of.is_live(slot); }, access));
      }
      note_last_validity(block, entry_at);
    }
    done += count;
  }
  return ok();
}

template <class Scope>
Status delete_rows(Scope& scope, store::Image* table, std::span<const std::uint64_t> rowids, store::Access access) {
  TableState& state = table_state(table);
  for (std::size_t done = 0; done < rowids.size();) {
    const std::uint64_t number = rowids[done] / block_rows;
    SPG_ASSIGN(store::Cell * *block_slot, radix_writable(scope, table->child_array()[rows_child], state.row_height, number, access));
    if (*block_slot == nullptr) return no_such_row(rowids[done]);
    SPG_TRY(scope.objects().read(*block_slot, access).status());
    SPG_ASSIGN(store::Image * block, scope.writable(*block_slot));
    BlockState& block_of = block_state(block);
    for (; done < rowids.size() && rowids[done] / block_rows == number; ++done) {
      const auto slot = static_cast<std::uint32_t>(rowids[done] % block_rows);
      if (!block_of.is_live(slot)) return no_such_row(rowids[done]);
      block_of.live[slot / 64] &= ~(std::uint64_t{1} << (slot % 64));
      --block_of.live_count;
      --state.rows;
    }
    if (block_of.live_count == 0) {
      SPG_TRY(scope.retire(*block_slot, true));
      *block_slot = nullptr;
    }
  }
  return ok();
}

template <class Objects>
Result<type::Vector> block_column(Objects& objects, const store::Image* block, const LayoutView& layout,
                                  const ColumnLayout& column, Arena& arena, store::Access access) {
  const BlockState& state = block_state(block);
  const int at = state.find(column.number);
  if (at < 0 || block->child_array()[at] == nullptr) {
    auto* value = static_cast<type::Value*>(arena.allocate(sizeof(type::Value), alignof(type::Value)));
    *value = layout.missing(column);
    return value->vector();
  }
  const ColumnEntry& entry = state.entries()[static_cast<std::size_t>(at)];
  if (entry.physical != column.physical) return wrong_type(column.number);
  SPG_ASSIGN(const store::Image* chunk, objects.read(block->child_array()[at], access));
  type::Vector vector{entry.physical, type::Vector::Form::flat, chunk_values(chunk), nullptr, nullptr};
  if (entry.null_count != 0) {
    vector.validity = chunk_validity(chunk);
    if (state.used % 64 != 0) {
      const std::size_t words = state.used / 64 + 1;
      auto* copy = arena.array<std::uint64_t>(words);
      std::memcpy(copy, vector.validity, (words - 1) * 8);
      copy[words - 1] = entry.last_validity;
      vector.validity = copy;
    }
  }
  if (entry.physical == Physical::string && chunk->children != 0) {
    const auto* from = vector.as<StringRef>();
    auto* to = arena.array<StringRef>(state.used);
    for (std::uint32_t i = 0; i < state.used; ++i) {
      to[i] = from[i];
      if (from[i].is_inline()) continue;
      if (!state.is_live(i)) { to[i] = StringRef{}; continue; }
      SPG_ASSIGN(to[i], load_string(objects, chunk, from[i], arena, access));
    }
    vector.values = to;
  }
  return vector;
}

template <class Objects>
Result<type::Value> read_value(Objects& objects, const store::Image* block, const LayoutView& layout,
                               const ColumnLayout& column, std::uint32_t slot, Arena& arena, store::Access access) {
  const BlockState& state = block_state(block);
  const int at = state.find(column.number);
  if (at < 0 || block->child_array()[at] == nullptr) return layout.missing(column);
  const ColumnEntry& entry = state.entries()[static_cast<std::size_t>(at)];
  if (entry.physical != column.physical) return wrong_type(column.number);
  SPG_ASSIGN(const store::Image* chunk, objects.read(block->child_array()[at], access));
  type::Value value = type::Value::null_of(entry.physical);
  const std::uint64_t word = slot / 64 == state.used / 64u ? entry.last_validity : chunk_validity(chunk)[slot / 64];
  if (entry.null_count != 0 && (word >> (slot % 64) & 1) == 0) return value;
  value.is_null = false;
  const std::size_t width = type::physical_bytes(entry.physical);
  std::memcpy(value.bytes, chunk_values(chunk) + slot * width, width);
  if (entry.physical == Physical::string) {
    auto& text = *reinterpret_cast<StringRef*>(value.bytes);
    SPG_ASSIGN(text, load_string(objects, chunk, text, arena, access));
  }
  return value;
}

}  // namespace spg::table
