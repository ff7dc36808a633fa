// The reading half of Transaction: scans, index ranges, look-ups.
#pragma once
#include <new>

#include "spg/txn/transaction.hpp"

namespace spg::txn {

// --- reading --------------------------------------------------------------------------------------------------------

/// The committed object of a table in the version that the statement reads; null when it is not there.
template <policy::Env E>
Result<Cell*> Transaction<E>::committed(store::Cell* root, TableId id) {
  SPG_DCHECK(guard_->epoch.load(std::memory_order_relaxed) != 0);
  SPG_ASSIGN(const store::Image* image, machine_->objects().read(root, access_));
  return table::radix_find(machine_->objects(), image->child_array()[0], root_state(image).height, raw(id), access_);
}

/// The object that the statement reads: with the transaction's own writes from before the statement.
template <policy::Env E>
Result<Cell*> Transaction<E>::table_to_read(TableId id) {
  Cell* cell = nullptr;
  if (PrivateOf* own = is_as_of_ ? nullptr : find_private(id); own != nullptr && (!own->records.empty() || own->top != nullptr)) {
    SPG_TRY(settle(*own));
    cell = own->read;
  } else {
    SPG_ASSIGN(cell, committed(root_, id));
  }
  if (cell == nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(id), " is not there");
  return cell;
}
template <policy::Env E>
Result<const store::Image*> Transaction<E>::read_table(TableId id) {
  SPG_ASSIGN(Cell * cell, table_to_read(id));
  return machine_->objects().read(cell, access_);
}
template <policy::Env E>
Result<table::LayoutView> Transaction<E>::layout_of(const store::Image* table) {
  return table::read_layout(machine_->objects(), table, access_);
}

template <policy::Env E>
Result<std::uint64_t> Transaction<E>::row_count(TableId id) {
  SPG_ASSIGN(const store::Image* image, read_table(id));
  return table::table_state(image).rows;
}
template <policy::Env E>
Result<std::uint64_t> Transaction<E>::block_count(TableId id) {
  SPG_ASSIGN(const store::Image* image, read_table(id));
  return (table::table_state(image).next_rowid + table::block_rows - 1) / table::block_rows;
}

/// Whether a block can hold rows that satisfy the predicate.
inline bool zone_may_match(const table::BlockState& block, const ZonePredicate& zone) {
  const int at = block.find(zone.column);
  if (at < 0) return true;
  const table::ColumnEntry& entry = block.entries()[static_cast<std::size_t>(at)];
  using Op = ZonePredicate::Op;
  if (zone.op == Op::is_null) return entry.null_count != 0;
  if (zone.op == Op::is_not_null) return entry.null_count < block.used;
  if (zone.value.is_null || zone.value.physical != entry.physical || !table::has_bounds(entry.physical)) return true;
  if (entry.bounded == 0) return false;  // only NULLs were ever written
  const std::uint64_t bound = table::bound_of(entry.physical, zone.value.bytes);
  switch (zone.op) {
    case Op::equal: return entry.low <= bound && bound <= entry.high;
    // Equal bounds may still hide a difference (float4 in double, the low half of 128 bits): only strict order skips.
    case Op::less: case Op::less_equal: return entry.low <= bound;
    case Op::greater: case Op::greater_equal: return entry.high >= bound;
    default: return true;
  }
}

/// Keeps cells, no image pointers: it may rest between batches.
template <class Objects>
class TableScanOf final : public Scan {
 public:
  TableScanOf(Objects& objects, const ScanRequest& request, Cell* table, Arena& arena, const Access& access)
      : objects_(&objects), table_(table), batch_arena_(arena.budget()), access_(access), next_(request.first_block), end_(request.end_block) {
    columns_ = {arena.array<std::uint16_t>(request.columns.size()), request.columns.size()};
    std::copy(request.columns.begin(), request.columns.end(), columns_.begin());
    zones_ = {arena.array<ZonePredicate>(request.zones.size()), request.zones.size()};
    std::copy(request.zones.begin(), request.zones.end(), zones_.begin());
    vectors_ = {arena.array<type::Vector>(columns_.size()), columns_.size()};
    selection_ = arena.array<std::uint16_t>(type::batch_rows_max);
  }
  Result<bool> next(RowBatch& rows) override {
    batch_arena_.reset();
    SPG_ASSIGN(const store::Image* table, objects_->read(table_, access_));
    SPG_ASSIGN(const table::LayoutView layout, table::read_layout(*objects_, table, access_));
    for (;; ++next_) {
      SPG_ASSIGN(Cell * cell, table::next_block_cell(*objects_, table, next_, access_));
      if (cell == nullptr || next_ >= end_) return false;
      bool was_cold = objects_->is_cold(*cell);
      SPG_ASSIGN(const store::Image* block, objects_->read(cell, access_));
      if (!may_match(block)) {
        ++blocks_pruned;
        continue;
      }
      const table::BlockState& state = table::block_state(block);
      ++blocks;
      each_chunk(block, [&](const Cell& chunk) { was_cold = was_cold || objects_->is_cold(chunk); });
      if (was_cold) SPG_TRY(read_ahead(table));
      for (std::size_t i = 0; i < columns_.size(); ++i) {
        const table::ColumnLayout* column = layout.column(columns_[i]);
        if (column == nullptr) return Error::make(sqlstate::data_corrupted, "column ", columns_[i], " of table ", table->table, " is not there");
        SPG_ASSIGN(vectors_[i], table::block_column(*objects_, block, layout, *column, batch_arena_, access_));
      }
      rows.batch = {vectors_, state.used, {nullptr, state.used}};
      rows.first_rowid = next_ * table::block_rows;
      if (state.live_count != state.used) {
        std::uint32_t count = 0;
        for (std::uint32_t word = 0; word * 64 < state.used; ++word)
          for (std::uint64_t bits = state.live[word]; bits != 0; bits &= bits - 1)
            selection_[count++] = static_cast<std::uint16_t>(word * 64 + static_cast<std::uint32_t>(__builtin_ctzll(bits)));
        rows.batch.selected = {selection_, count};
      }
      ++next_;
      return true;
    }
  }

 private:
  bool may_match(const store::Image* block) const {
    const table::BlockState& state = table::block_state(block);
    bool may = state.live_count != 0;
    for (const ZonePredicate& zone : zones_) may = may && zone_may_match(state, zone);
    return may;
  }
  template <class Visit>
  void each_chunk(const store::Image* block, Visit visit) const {
    const table::BlockState& state = table::block_state(block);
    for (const std::uint16_t column : columns_)
      if (const int at = state.find(column); at >= 0 && block->child_array()[at] != nullptr) visit(*block->child_array()[at]);
  }
  /// Has the disk begin with what the next blocks need: first the blocks themselves, which say where their chunks are, then those.
  Status read_ahead(const store::Image* table) {
    if (access_ == Access::no_wait) return ok();
    for (blocks_ahead_ = std::max(blocks_ahead_, next_ + 1); blocks_ahead_ < std::min(end_, next_ + 2 * ahead_blocks); ++blocks_ahead_) {
      SPG_ASSIGN(const Cell* cell, table::next_block_cell(*objects_, table, blocks_ahead_, access_));
      if (cell == nullptr) break;
      objects_->will_read(*cell);
    }
    for (chunks_ahead_ = std::max(chunks_ahead_, next_ + 1); chunks_ahead_ < std::min(end_, next_ + ahead_blocks); ++chunks_ahead_) {
      SPG_ASSIGN(const store::Image* block, table::next_block(*objects_, table, chunks_ahead_, access_));
      if (block == nullptr) break;
      if (may_match(block)) each_chunk(block, [&](const Cell& chunk) { objects_->will_read(chunk); });
    }
    return ok();
  }

  static constexpr std::uint64_t ahead_blocks = 8;
  Objects* objects_;
  Cell* table_;
  Arena batch_arena_;
  const Access& access_;  ///< the transaction's: set_access() may come while the scan goes on
  std::uint64_t next_, end_;
  std::uint64_t blocks_ahead_ = 0, chunks_ahead_ = 0;  ///< those before have been asked for
  std::span<std::uint16_t> columns_;
  std::span<ZonePredicate> zones_;
  std::span<type::Vector> vectors_;
  std::uint16_t* selection_;
};

template <policy::Env E>
Result<Scan*> Transaction<E>::open_scan(const ScanRequest& request, Arena& arena) {
  SPG_ASSIGN(Cell * table, table_to_read(request.table));
  if (ReadSet* noted = reads(); noted != nullptr && raw(request.table) >= first_user_table) SPG_TRY(noted->add_table(request.table));
  auto* scan = new (std::nothrow) TableScanOf<Objects>(machine_->objects(), request, table, arena, access_);
  if (scan == nullptr) return Error::out_of_memory();
  return static_cast<Scan*>(scan);
}

/// Entries of one tree between two keys. The bounds are kept as keys of their own.
template <class Nodes, class Objects>
class IndexScanOf final : public IndexScan {
 public:
  using Owned = typename Nodes::OwnedKey;
  IndexScanOf(Objects& objects, Cell* root, unsigned height, const Owned& low, const Owned& high, bool backward, const Access& access,
              ReadSet* reads, TableId table, IndexId index)
      : cursor_(objects, root, height), low_(low), high_(high), backward_(backward), access_(access), reads_(reads), table_(table), index_(index) {}
  Result<std::size_t> next(std::span<std::uint64_t> rowids) override {
    if (!started_) {
      SPG_TRY(cursor_.seek(Nodes::key_of(backward_ ? high_ : low_), access_));
      started_ = true;
    }
    std::size_t count = 0;
    while (count < rowids.size()) {
      std::uint32_t at;
      SPG_ASSIGN(const Image* leaf, backward_ ? cursor_.prev(at, access_) : cursor_.next(at, access_));
      // Entries at or above `high` and below `low` are outside: bounds are half-open intervals of (key, rowid).
      if (leaf == nullptr) break;
      if (backward_ ? Nodes::compare(leaf, at, Nodes::key_of(low_)) < 0 : Nodes::compare(leaf, at, Nodes::key_of(high_)) >= 0) break;
      rowids[count++] = Nodes::rowid(leaf, at);
      if (count == rowids.size() && reads_ != nullptr) last_ = Nodes::entry(leaf, at);
    }
    if (reads_ != nullptr) SPG_TRY(note({rowids.data(), count}, count < rowids.size()));
    return count;
  }

 private:
  /// SERIALIZABLE: the rows, and the part of the range that has been looked at since the last call.
  Status note(std::span<const std::uint64_t> rowids, bool at_end) {
    for (const std::uint64_t rowid : rowids) SPG_TRY(reads_->add_row(table_, rowid));
    const auto low = Nodes::key_of(backward_ && !at_end ? last_ : low_), high = Nodes::key_of(!backward_ && !at_end ? last_ : high_);
    if constexpr (std::is_same_v<Nodes, index::IntNodes>) {
      SPG_TRY(reads_->add_range(table_, index_, index::IntKey{low.key, low.rowid & index::null_rowid_bit}, high, !at_end && !backward_));
    } else {
      // A bound that ends in a rowid is behind the entries of its key.
      SPG_TRY(reads_->add_range(table_, index_, full_text(low), full_text(high), (!at_end && !backward_) || high.rowid != 0));
    }
    if (!at_end) (backward_ ? high_ : low_) = last_;
    return ok();
  }
  static std::string_view full_text(const index::BytesNodes::Key& key) { return key.bytes; }

  index::Cursor<Nodes, Objects> cursor_;
  Owned low_, high_, last_;
  bool backward_, started_ = false;
  const Access& access_;  ///< the transaction's: set_access() may come while the scan goes on
  ReadSet* reads_;        ///< null below SERIALIZABLE
  TableId table_;
  IndexId index_;
};

/// The half-open interval [low, high) of an integer tree that a range means.
inline void int_bounds(const KeyRange& range, index::IntKey& low, index::IntKey& high) {
  constexpr index::IntKey first_null{UINT64_MAX, index::null_rowid_bit};
  constexpr index::IntKey above_all{UINT64_MAX, UINT64_MAX};
  low = {0, 0};
  high = range.with_nulls ? above_all : first_null;
  auto after = [&](std::uint64_t key) { return key == UINT64_MAX ? first_null : index::IntKey{key + 1, 0}; };
  const type::Value* from = range.prefix.empty() ? range.low : &range.prefix[0];
  const type::Value* to = range.prefix.empty() ? range.high : &range.prefix[0];
  if (from != nullptr && from->is_null) {
    low = first_null;
    high = range.prefix.empty() ? first_null : above_all;  // comparisons with NULL match nothing; equality as a prefix does
    return;
  }
  if (from != nullptr) {
    low = int_key(*from, 0);
    if (range.prefix.empty() && !range.low_inclusive) low = after(low.key);
  }
  if (to != nullptr) {
    if (to->is_null) { high = low; return; }
    high = int_key(*to, 0);
    if (!range.prefix.empty() || range.high_inclusive) high = after(high.key);
  }
}

/// The same for a bytes tree. `above_all` stands for "no upper bound".
inline void bytes_bounds(std::span<const table::KeyPart> parts, const KeyRange& range, index::BytesNodes::OwnedKey& low,
                         index::BytesNodes::OwnedKey& high) {
  static constexpr char highest[] = "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff";
  auto assign = [](index::BytesNodes::OwnedKey& to, const KeyBuffer& key) {
    to.assign({}, key.view().substr(0, index::key_bytes_max), 0);
  };
  auto assign_next = [&](index::BytesNodes::OwnedKey& to, KeyBuffer& key) {
    if (key.to_next_prefix()) assign(to, key);
    else to.assign({}, {highest, 16}, UINT64_MAX);
  };
  KeyBuffer prefix, key;
  for (std::size_t i = 0; i < range.prefix.size(); ++i) append_key_part(prefix, parts[i], range.prefix[i]);
  const bool more = range.prefix.size() < parts.size();
  const table::KeyPart part = more ? parts[range.prefix.size()] : table::KeyPart{};
  // On a descending column the bounds change places.
  const bool swapped = part.descending != 0;
  const type::Value* from = swapped ? range.high : range.low;
  const type::Value* to = swapped ? range.low : range.high;
  const bool from_inclusive = swapped ? range.high_inclusive : range.low_inclusive;
  const bool to_inclusive = swapped ? range.low_inclusive : range.high_inclusive;
  if ((from != nullptr && from->is_null) || (to != nullptr && to->is_null)) {
    low.assign({}, {}, 0);
    high.assign({}, {}, 0);
    return;
  }
  // NULLs of the bounded column lie before or behind the values; a bound on that side keeps them out by itself.
  const type::Value null = type::Value::null_of(type::Physical::none);
  key.assign(prefix);
  if (from != nullptr) {
    append_key_part(key, part, *from);
    if (from_inclusive) assign(low, key); else assign_next(low, key);
  } else if (more && !range.with_nulls && part.nulls_first != 0) {
    append_key_part(key, part, null);
    assign_next(low, key);
  } else {
    assign(low, key);
  }
  key.assign(prefix);
  if (to != nullptr) {
    append_key_part(key, part, *to);
    if (to_inclusive) assign_next(high, key); else assign(high, key);
  } else if (more && !range.with_nulls && part.nulls_first == 0) {
    append_key_part(key, part, null);
    assign(high, key);
  } else {
    assign_next(high, key);
  }
}

inline Error other_key(const table::IndexLayout& index) {
  return Error::make(sqlstate::data_corrupted, "index ", raw(index.id), " has another key than the catalog says");
}
/// XX001 when the range's values are not of the index's columns (which the catalog, stored elsewhere, said they were).
inline Status check_range(const table::LayoutView& layout, const table::IndexLayout& index, const KeyRange& range) {
  SPG_TRY(check_key(layout, index));
  const auto parts = layout.parts(index);
  auto fits = [&](std::size_t part, const type::Value& value) {
    return part < parts.size() && (value.is_null || value.physical == layout.column(parts[part].column)->physical);
  };
  bool all = true;
  for (std::size_t i = 0; i < range.prefix.size(); ++i) all = all && fits(i, range.prefix[i]);
  for (const type::Value* bound : {range.low, range.high})
    if (bound != nullptr) all = all && fits(range.prefix.size(), *bound);
  return all ? ok() : other_key(index);
}

template <policy::Env E>
Result<IndexScan*> Transaction<E>::open_index(TableId id, IndexId index, const KeyRange& range, bool backward, Arena&) {
  SPG_ASSIGN(const store::Image* image, read_table(id));
  SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
  const int position = layout.index_position(index);
  if (position < 0) return Error::make(sqlstate::data_corrupted, "index ", raw(index), " is not there");
  const auto at = static_cast<std::size_t>(position);
  SPG_TRY(check_range(layout, layout.indexes()[at], range));
  Cell* root = image->child_array()[table::index_children + at];
  const unsigned height = table::table_state(image).indexes()[at].height;
  ReadSet* const noted = raw(id) >= first_user_table ? reads() : nullptr;
  IndexScan* scan = nullptr;
  if (layout.indexes()[at].kind == table::KeyKind::integer) {
    index::IntKey low, high;
    int_bounds(range, low, high);
    scan = new (std::nothrow) IndexScanOf<index::IntNodes, Objects>(machine_->objects(), root, height, low, high, backward, access_, noted, id, index);
  } else {
    index::BytesNodes::OwnedKey low, high;
    bytes_bounds(layout.parts(layout.indexes()[at]), range, low, high);
    scan = new (std::nothrow) IndexScanOf<index::BytesNodes, Objects>(machine_->objects(), root, height, low, high, backward, access_, noted, id, index);
  }
  if (scan == nullptr) return Error::out_of_memory();
  return scan;
}

template <policy::Env E>
Status Transaction<E>::probe(TableId id, IndexId index, std::span<const type::Vector> keys, type::Selection rows,
                             Vec<std::uint64_t>& rowids, std::span<std::uint32_t> ends) {
  SPG_ASSIGN(const store::Image* image, read_table(id));
  SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
  const int position = layout.index_position(index);
  if (position < 0) return Error::make(sqlstate::data_corrupted, "index ", raw(index), " is not there");
  const auto at = static_cast<std::size_t>(position);
  Cell* root = image->child_array()[table::index_children + at];
  const unsigned height = table::table_state(image).indexes()[at].height;
  const bool integer = layout.indexes()[at].kind == table::KeyKind::integer;
  type::Value values[64];
  if (keys.size() > std::size(values)) return other_key(layout.indexes()[at]);
  for (std::size_t k = 0; k < keys.size(); ++k) values[k] = type::Value{keys[k].physical, false};
  SPG_TRY(check_range(layout, layout.indexes()[at], KeyRange{{values, keys.size()}}));
  ReadSet* const noted = raw(id) >= first_user_table ? reads() : nullptr;
  auto collect = [&](auto& scan) -> Status {
    for (;;) {
      std::uint64_t found[16];
      SPG_ASSIGN(const std::size_t count, scan.next(found));
      rowids.append(std::span<const std::uint64_t>(found, count));
      if (count < 16) return ok();
    }
  };
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    bool has_null = false;
    for (std::size_t k = 0; k < keys.size(); ++k) {
      const std::uint32_t row = rows[i];
      values[k] = type::Value::null_of(keys[k].physical);
      if (keys[k].is_null(row)) { has_null = true; continue; }
      values[k].is_null = false;
      const std::size_t width = type::physical_bytes(keys[k].physical);
      std::memcpy(values[k].bytes, static_cast<const std::byte*>(keys[k].values) + keys[k].slot(row) * width, width);
    }
    if (!has_null) {  // a join's equality never holds for NULL
      KeyRange range;
      range.prefix = {values, keys.size()};
      range.with_nulls = true;
      if (integer) {
        index::IntKey low, high;
        int_bounds(range, low, high);
        IndexScanOf<index::IntNodes, Objects> scan(machine_->objects(), root, height, low, high, false, access_, noted, id, index);
        SPG_TRY(collect(scan));
      } else {
        index::BytesNodes::OwnedKey low, high;
        bytes_bounds(layout.parts(layout.indexes()[at]), range, low, high);
        IndexScanOf<index::BytesNodes, Objects> scan(machine_->objects(), root, height, low, high, false, access_, noted, id, index);
        SPG_TRY(collect(scan));
      }
    }
    ends[i] = static_cast<std::uint32_t>(rowids.size());
  }
  return ok();
}

template <policy::Env E>
Status Transaction<E>::fetch(TableId id, std::span<const std::uint64_t> rowids, std::span<const std::uint16_t> columns, Arena& arena,
                             std::span<type::Vector> out) {
  SPG_ASSIGN(const store::Image* image, read_table(id));
  SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
  auto& objects = machine_->objects();
  const std::size_t count = rowids.size(), words = (count + 63) / 64;
  SPG_ASSERT(count <= type::batch_rows_max && out.size() >= columns.size());
  const table::ColumnLayout* found[table::block_rows];
  std::byte* values[table::block_rows];
  std::uint64_t* validity[table::block_rows];
  SPG_ASSERT(columns.size() <= table::block_rows);
  for (std::size_t c = 0; c < columns.size(); ++c) {
    found[c] = layout.column(columns[c]);
    if (found[c] == nullptr) return Error::make(sqlstate::data_corrupted, "column ", columns[c], " of table ", raw(id), " is not there");
    values[c] = static_cast<std::byte*>(arena.allocate(type::physical_bytes(found[c]->physical) * (count == 0 ? 1 : count)));
    validity[c] = nullptr;
    out[c] = {found[c]->physical, type::Vector::Form::flat, values[c], nullptr, nullptr};
  }
  const store::Image* block = nullptr;
  std::uint64_t block_number = UINT64_MAX;
  for (std::size_t i = 0; i < count; ++i) {
    if (rowids[i] / table::block_rows != block_number) {
      block_number = rowids[i] / table::block_rows;
      SPG_ASSIGN(block, table::read_block(objects, image, block_number, access_));
    }
    const auto slot = static_cast<std::uint32_t>(rowids[i] % table::block_rows);
    if (block == nullptr || !table::block_state(block).is_live(slot)) return table::no_such_row(rowids[i]);
    for (std::size_t c = 0; c < columns.size(); ++c) {
      SPG_ASSIGN(const type::Value value, table::read_value(objects, block, layout, *found[c], slot, arena, access_));
      const std::size_t width = type::physical_bytes(found[c]->physical);
      std::memcpy(values[c] + i * width, value.bytes, width);
      if (!value.is_null) continue;
      if (validity[c] == nullptr) {
        validity[c] = arena.array<std::uint64_t>(words);
        std::memset(validity[c], 0xff, words * 8);
        out[c].validity = validity[c];
      }
      validity[c][i / 64] &= ~(std::uint64_t{1} << (i % 64));
    }
  }
  return ok();
}

}  // namespace spg::txn
