// Unique keys: who has them. For INSERT and UPDATE whoever does is a conflict; for INSERT ... ON CONFLICT it is decided which
// of the rows are inserted.
//
// A key is settled by the tip and the transaction's own writes. The tip is looked at first and a key is locked only if no
// other row has it: who waits for a row holds nothing that its changer could want, and what is only left alone (DO
// NOTHING) leaves no lock behind.
#pragma once
#include <algorithm>

#include "spg/txn/transaction.hpp"

namespace spg::txn {

/// A unique index in the tip; without an image it is to be had among the transaction's own writes only.
template <policy::Env E>
struct Transaction<E>::TipIndex {
  Cell* table = nullptr;
  Generation birth{};
  const Image* image = nullptr;
  table::LayoutView layout;
  std::size_t position = 0;
  bool is_same(const TipIndex& other) const { return table == other.table && birth == other.birth; }
};

/// One distinct key of the rows given: entries [begin, end) of its KeySet.
template <policy::Env E>
struct Transaction<E>::WantedKey {
  std::uint32_t begin, end;
  std::uint64_t row = Arbitration::inserted;  ///< who has it
  bool is_locked = false;                     ///< just now
  bool look_at_own = false;
  bool is_others() const { return !look_at_own && row < Arbitration::by_statement; }
};

/// Keys that several of the rows have and nobody else: the first of them that is inserted takes it.
template <policy::Env E>
struct Transaction<E>::SharedKeys {
  Array<std::uint64_t> places;  ///< row << 32 | number of the key
  std::uint32_t count = 0;
  Status settle(std::span<std::uint64_t> existing) {
    Array<bool> taken;
    if (!taken.reserve(count)) return Error::out_of_memory();
    for (std::uint32_t i = 0; i < count; ++i) (void)taken.push_back(false);
    std::sort(places.begin(), places.end());
    for (std::size_t begin = 0, end = 0; begin < places.size(); begin = end) {
      const std::uint64_t row = places[begin] >> 32;
      bool in_the_way = false;
      for (; end < places.size() && places[end] >> 32 == row; ++end) in_the_way = in_the_way || taken[places[end] & UINT32_MAX];
      if (existing[row] != Arbitration::inserted) continue;
      if (in_the_way) existing[row] = Arbitration::by_statement;
      else
        for (std::size_t i = begin; i < end; ++i) taken[places[i] & UINT32_MAX] = true;
    }
    return ok();
  }
};

template <policy::Env E>
Result<typename Transaction<E>::TipIndex> Transaction<E>::tip_index(const PrivateOf& table, IndexId index) {
  TipIndex tip;
  if (table.changes_layout()) return tip;  // it is locked against all others
  SPG_TRY(see_tip());
  SPG_ASSIGN(tip.table, tip_table(table.id));
  if (tip.table == nullptr) return tip;
  tip.birth = tip.table->birth;
  SPG_ASSIGN(const Image* image, machine_->objects().read(tip.table, access_));
  SPG_ASSIGN(tip.layout, layout_of(image));
  const int position = tip.layout.index_position(index);
  if (position < 0) return tip;
  tip.image = image;
  tip.position = static_cast<std::size_t>(position);
  return tip;
}

template <policy::Env E>
Result<std::uint64_t> Transaction<E>::find_in_tip(const TipIndex& tip, const KeySet& keys, const WantedKey& key) {
  if (tip.image == nullptr) return UINT64_MAX;
  return find_key(tip.image, tip.layout, tip.position, keys, key.begin);
}

/// Looks for keys in the tip and, with `locks`, locks those that it does not have.
template <policy::Env E>
Status Transaction<E>::find_committed(PrivateOf& table, const TipIndex& tip, IndexId index, const KeySet& keys, std::span<WantedKey> wanted, bool locks) {
  bool any_locked = false;
  for (WantedKey& key : wanted) {
    if (tip.image == nullptr) { key.look_at_own = true; continue; }
    SPG_ASSIGN(key.row, find_in_tip(tip, keys, key));
    if (key.row != UINT64_MAX) continue;
    const table::KeyKind kind = tip.layout.indexes()[tip.position].kind;
    const std::uint64_t number = keys.lock_number(kind, keys.entries()[key.begin]);
    const LockTag tag = tag_of(LockSpace::key, raw(index), number / lock_slots);
    const auto slot = static_cast<std::uint16_t>(number % lock_slots);
    if (!locks) {
      SPG_TRY(wait_until_settled(tag, slot, static_cast<std::uint8_t>(SimpleLock::settled)));
      continue;
    }
    SPG_ASSIGN(const bool held, lock(tag, slot, static_cast<std::uint8_t>(SimpleLock::exclusive), LockWait::wait));
    key.look_at_own = held;
    key.is_locked = !held;
    any_locked = any_locked || !held;
  }
  if (any_locked) {
    SPG_ASSIGN(const TipIndex now, tip_index(table, index));
    if (!now.is_same(tip))
      for (WantedKey& key : wanted)
        if (key.is_locked) { SPG_ASSIGN(key.row, find_in_tip(now, keys, key)); }
  }
  for (WantedKey& key : wanted) {
    if (key.row == UINT64_MAX || !is_own_row(table.id, key.row)) continue;
    key.row = Arbitration::inserted;  // if so, others who want the key wait for the row
    key.look_at_own = true;
  }
  return ok();
}

/// Looks among the transaction's own writes, the statement's included.
template <policy::Env E>
Status Transaction<E>::find_own(PrivateOf& table, std::size_t position, const KeySet& keys, std::span<WantedKey> wanted) {
  const Image* of = nullptr;
  const Image* read = nullptr;
  table::LayoutView layout;
  for (WantedKey& key : wanted) {
    if (!key.look_at_own) continue;
    if (of == nullptr) {
      SPG_TRY(apply_own(table));
      SPG_ASSIGN(of, machine_->objects().read(table.mine, access_));
      if (table.read != nullptr) { SPG_ASSIGN(read, machine_->objects().read(table.read, access_)); }
      SPG_ASSIGN(layout, layout_of(of));
    }
    std::uint64_t row = UINT64_MAX;
    SPG_TRY(each_with_key(of, layout, position, keys, key.begin, [&](std::uint64_t rowid) -> Result<bool> {
      SPG_ASSIGN(const bool found, is_in_the_way(table, rowid));
      if (found) row = rowid;
      return !found;
    }));
    if (row == UINT64_MAX) continue;
    bool is_read = false;
    if (read != nullptr) { SPG_ASSIGN(is_read, table::row_exists(machine_->objects(), read, row, access_)); }
    key.row = is_read ? row : Arbitration::by_statement;
  }
  return ok();
}

/// Waits for another who has written the row, without keeping a lock on it where there is nobody.
template <policy::Env E>
Status Transaction<E>::wait_for_changes(TableId id, std::uint64_t rowid) {
  const LockTag tag = tag_of(LockSpace::row, raw(id), rowid / table::block_rows);
  return wait_until_settled(tag, static_cast<std::uint16_t>(rowid % table::block_rows), static_cast<std::uint8_t>(RowLock::settled));
}

/// Waits for others who hold a lock that conflicts, and takes nothing that others would have to wait for.
template <policy::Env E>
Status Transaction<E>::wait_until_settled(const LockTag& tag, std::uint16_t slot, std::uint8_t mode) {
  if (!machine_->locks().with([&](LockTable& locks) { return locks.is_held_by_other(*owner_, tag, slot, mode); })) return ok();
  return lock(tag, slot, mode, LockWait::wait).status();
}

/// Rows of others that have the keys, as found in `tip`: whoever is changing one is waited for. With arbitration, they are
/// locked for DO UPDATE, and levels above READ COMMITTED must have read them.
template <policy::Env E>
Status Transaction<E>::settle_committed(PrivateOf& table, const TipIndex& tip, IndexId index, const KeySet& keys,
                                        std::span<WantedKey> wanted, const Arbitration* arbitration) {
  bool any = false;
  const bool locks = arbitration != nullptr && arbitration->lock_existing;
  for (const WantedKey& key : wanted) {
    if (!key.is_others()) continue;
    any = true;
    if (locks) SPG_TRY(lock_and_check_rows(table.id, {&key.row, 1}, arbitration->mode));
    else SPG_TRY(wait_for_changes(table.id, key.row));
    if (arbitration == nullptr) continue;
    if (is_stable()) SPG_TRY(check_unchanged(table.id, {&key.row, 1}, arbitration->mode, true));
    if (ReadSet* noted = reads(); noted != nullptr && !locks) SPG_TRY(noted->add_row(table.id, key.row));
  }
  if (!any) return ok();
  SPG_ASSIGN(const TipIndex now, tip_index(table, index));
  if (now.is_same(tip)) return ok();
  for (const WantedKey& key : wanted) {
    if (!key.is_others()) continue;
    SPG_ASSIGN(const std::uint64_t row, find_in_tip(now, keys, key));
    if (row != key.row) return try_again();  // it has got another key meanwhile
  }
  return ok();
}

/// The distinct keys among the entries (which it sorts) of which some entry is wanted.
template <policy::Env E>
template <class IsWanted>
Status Transaction<E>::group_keys(const table::IndexLayout& index, KeySet& keys, Array<WantedKey>& wanted, IsWanted is_wanted) {
  keys.sort(index.kind);
  const auto entries = keys.entries();
  for (std::uint32_t begin = 0, end = 0; begin < entries.size(); begin = end) {
    bool any = false;
    for (; end < entries.size() && (end == begin || keys.same_key(index.kind, entries[begin], entries[end])); ++end)
      any = any || is_wanted(entries[end]);
    if (!any || (entries[begin].has_null && index.nulls_distinct != 0)) continue;
    if (!wanted.push_back({begin, end})) return Error::out_of_memory();
  }
  return ok();
}

/// The first row (as they were given) that cannot have its key.
template <policy::Env E>
Conflict Transaction<E>::first_conflict(IndexId index, const KeySet& keys, std::span<const WantedKey> wanted) {
  Conflict first;
  for (const WantedKey& key : wanted) {
    const bool is_free = key.row == Arbitration::inserted;
    if (is_free && key.end - key.begin == 1) continue;
    // Of several with one key that is free, the first has it.
    std::uint32_t least = UINT32_MAX, second = UINT32_MAX;
    for (std::uint32_t i = key.begin; i < key.end; ++i) {
      const std::uint32_t row = keys.entries()[i].row;
      second = std::min(second, std::max(least, row));
      least = std::min(least, row);
    }
    const std::uint32_t row = is_free ? second : least;
    if (!first.found() || row < first.row) first = {index, row, key.row};
  }
  return first;
}

/// For rows that are to have keys in a unique index: locks the keys, and looks who has them.
template <policy::Env E>
Status Transaction<E>::check_keys(PrivateOf& table, const table::LayoutView& layout, std::size_t position, KeySet& keys,
                                  bool looks_at_own, Conflict& conflict) {
  const table::IndexLayout& index = layout.indexes()[position];
  Array<WantedKey> wanted;
  SPG_TRY(group_keys(index, keys, wanted, [](const KeySet::Entry&) { return true; }));
  const std::span<WantedKey> all{wanted.data(), wanted.size()};
  SPG_ASSIGN(const TipIndex tip, tip_index(table, index.id));
  SPG_TRY(find_committed(table, tip, index.id, keys, all, true));
  if (looks_at_own) SPG_TRY(find_own(table, position, keys, all));
  conflict = first_conflict(index.id, keys, all);
  for (WantedKey& key : wanted)
    if (key.is_others() && key.row == conflict.existing) SPG_TRY(settle_committed(table, tip, index.id, keys, {&key, 1}, nullptr));
  return ok();
}

/// Decides on the rows for one index; without `shared` on those only that another's row is in the way of, and locks no key.
template <policy::Env E>
Status Transaction<E>::arbitrate(PrivateOf& table, const table::LayoutView& layout, std::size_t position, KeySet& keys,
                                 const Arbitration& arbitration, SharedKeys* shared) {
  const table::IndexLayout& index = layout.indexes()[position];
  const auto is_open = [&](const KeySet::Entry& entry) { return arbitration.existing[entry.row] == Arbitration::inserted; };
  Array<WantedKey> wanted;
  SPG_TRY(group_keys(index, keys, wanted, is_open));
  const auto entries = keys.entries();
  const std::span<WantedKey> all{wanted.data(), wanted.size()};
  SPG_ASSIGN(const TipIndex tip, tip_index(table, index.id));
  SPG_TRY(find_committed(table, tip, index.id, keys, all, shared != nullptr));
  if (shared != nullptr) SPG_TRY(find_own(table, position, keys, all));
  SPG_TRY(settle_committed(table, tip, index.id, keys, all, &arbitration));
  for (const WantedKey& key : wanted) {
    if (shared == nullptr && !key.is_others()) continue;
    const bool is_shared = key.row == Arbitration::inserted && key.end - key.begin > 1;
    for (std::uint32_t i = key.begin; i < key.end; ++i) {
      if (!is_open(entries[i])) continue;
      arbitration.existing[entries[i].row] = key.row;
      if (is_shared && !shared->places.push_back(std::uint64_t{entries[i].row} << 32 | shared->count)) return Error::out_of_memory();
    }
    if (is_shared) ++shared->count;
  }
  return ok();
}

template <policy::Env E>
Result<std::uint64_t> Transaction<E>::insert_unless(TableId id, std::span<const table::ColumnInput> columns, type::Selection rows,
                                                    const Arbitration& arbitration, Conflict& conflict) {
  SPG_ASSERT(in_statement_ && statement_level_ && arbitration.existing.size() >= rows.count);
  if (rows.count == 0) return std::uint64_t{0};
  scratch_.reset();
  SPG_TRY(lock_for_writing(id, TableLock::row_exclusive));
  SPG_ASSIGN(PrivateOf * table, open_private(id));
  SPG_ASSIGN(const Image* image, layout_table(*table));
  SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
  const std::span<std::uint64_t> existing = arbitration.existing.first(rows.count);
  std::fill(existing.begin(), existing.end(), Arbitration::inserted);
  SharedKeys shared;
  KeySet keys;
  const auto arbitrate_all = [&](SharedKeys* decides) -> Status {
    for (std::size_t position = 0; position < layout.indexes().size(); ++position) {
      if (!is_arbiter(arbitration, layout.indexes()[position])) continue;
      SPG_TRY(new_keys(layout, position, columns, rows, keys));
      SPG_TRY(arbitrate(*table, layout, position, keys, arbitration, decides));
    }
    return ok();
  };
  // A row that one index keeps out must not leave locks on its keys in those before it.
  const auto is_one = [&](const table::IndexLayout& index) { return is_arbiter(arbitration, index); };
  if (std::count_if(layout.indexes().begin(), layout.indexes().end(), is_one) > 1) SPG_TRY(arbitrate_all(nullptr));
  SPG_TRY(arbitrate_all(&shared));
  if (shared.count != 0) SPG_TRY(shared.settle(existing));
  std::uint16_t kept[table::block_rows], places[table::block_rows];
  SPG_ASSERT(rows.count <= table::block_rows);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (existing[i] != Arbitration::inserted) continue;
    places[count] = static_cast<std::uint16_t>(i);
    kept[count++] = static_cast<std::uint16_t>(rows[i]);
  }
  if (count == 0) return std::uint64_t{0};
  const type::Selection free{kept, count};
  SPG_TRY(check_new_keys(*table, layout, columns, free, &arbitration, conflict));
  if (conflict.found()) {
    conflict.row = places[conflict.row];
    return std::uint64_t{0};
  }
  return record_insert(*table, image, columns, free);
}

}  // namespace spg::txn
