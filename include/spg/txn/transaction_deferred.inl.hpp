// Deferrable unique indexes: keys that are checked at the end of the statement, by SET CONSTRAINTS or at COMMIT.
//
// The write waits for nobody. It takes the lock of each key that is free; a row whose key is not, or is there already, is a
// suspect, and is looked at when the constraint is checked: then its key is waited for, and must be the row's alone in
// the tip and among the transaction's own rows. Whoever has the key's lock from the start need not look again: any other who
// writes the key has become a suspect by that.
#pragma once
#include <algorithm>

#include "spg/txn/transaction.hpp"

namespace spg::txn {

/// `rowids`: of the rows that have the keys; none: they are not drawn yet, and suspects are given their numbers.
template <policy::Env E>
Status Transaction<E>::suspect_keys(PrivateOf& table, const table::LayoutView& layout, std::size_t position, KeySet& keys,
                                    std::span<const std::uint64_t> rowids) {
  const table::IndexLayout& index = layout.indexes()[position];
  keys.sort(index.kind);
  const auto entries = keys.entries();
  Array<bool> is_ours;  // its lock has been taken just now
  for (std::size_t i = 0; i < entries.size(); ++i) {
    const bool is_double = (i != 0 && keys.same_key(index.kind, entries[i - 1], entries[i])) ||
                           (i + 1 != entries.size() && keys.same_key(index.kind, entries[i], entries[i + 1]));
    const std::uint64_t number = keys.lock_number(index.kind, entries[i]);
    const LockResult locked = request_lock(tag_of(LockSpace::key, raw(index.id), number / lock_slots), static_cast<std::uint16_t>(number % lock_slots),
                                           static_cast<std::uint8_t>(SimpleLock::exclusive), LockWait::no_wait);
    if (locked == LockResult::out_of_memory || !is_ours.push_back(locked == LockResult::granted && !is_double)) return Error::out_of_memory();
  }
  SPG_ASSIGN(const TipIndex tip, tip_index(table, index.id));
  for (std::uint32_t i = 0; i < entries.size(); ++i) {
    if (entries[i].has_null && index.nulls_distinct != 0) continue;
    const std::uint64_t rowid = rowids.empty() ? entries[i].row : rowids[entries[i].row];
    if (is_ours[i]) {
      SPG_ASSIGN(const std::uint64_t there, find_in_tip(tip, keys, {i, i + 1}));
      if (there == UINT64_MAX || (!rowids.empty() && there == rowid)) continue;
    }
    if (!table.suspects.push_back({index.id, index.unique, rowid, changes_.size()})) return Error::out_of_memory();
  }
  return ok();
}

template <policy::Env E>
bool Transaction<E>::has_unchecked_keys(TableId id) const {
  for (const PrivateOf* table = private_; table != nullptr; table = table->next) {
    if (id != TableId::none && table->id != id) continue;
    for (const Suspect& suspect : table->suspects)
      if (!suspect.is_checked()) return true;
  }
  return false;
}

/// Whether the key is in the tip, at a row that this transaction has not written.
template <policy::Env E>
Result<bool> Transaction<E>::is_key_of_other(PrivateOf& table, const TipIndex& tip, const KeySet& keys, std::size_t entry, std::uint64_t& row) {
  const auto at = static_cast<std::uint32_t>(entry);
  SPG_ASSIGN(row, find_in_tip(tip, keys, {at, at + 1}));
  return row != UINT64_MAX && !is_own_row(table.id, row);
}

/// Waits for those who may have the key, then looks for another row that has it.
template <policy::Env E>
template <class Edit>
Status Transaction<E>::check_suspect(PrivateOf& table, Edit& edit, std::size_t position, const KeySet& keys, std::size_t entry, std::uint64_t rowid, bool& is_alone) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  const std::uint64_t number = keys.lock_number(index.kind, keys.entries()[entry]);
  SPG_TRY(lock(tag_of(LockSpace::key, raw(index.id), number / lock_slots), static_cast<std::uint16_t>(number % lock_slots),
               static_cast<std::uint8_t>(SimpleLock::exclusive), LockWait::wait).status());
  is_alone = false;
  for (std::uint64_t before = UINT64_MAX, row = UINT64_MAX;; before = row) {
    SPG_ASSIGN(const TipIndex tip, tip_index(table, index.id));
    SPG_ASSIGN(const bool is_others, is_key_of_other(table, tip, keys, entry, row));
    if (!is_others) break;
    if (row == before) return ok();  // nobody is about to change it
    SPG_TRY(wait_for_changes(table.id, row));
  }
  is_alone = true;
  SPG_ASSIGN(Cell * committed_cell, committed(root_, table.id));
  const Image* seen = nullptr;
  if (committed_cell != nullptr) { SPG_ASSIGN(seen, machine_->objects().read(committed_cell, access_)); }
  return each_with_key(edit.image, edit.layout, position, keys, entry, [&](std::uint64_t other) -> Result<bool> {
    if (other == rowid) return true;
    // Of what others have written, the tip is the truth, and has been looked at.
    bool is_others = false;
    if (seen != nullptr && !is_own_row(table.id, other)) { SPG_ASSIGN(is_others, table::row_exists(machine_->objects(), seen, other, access_)); }
    is_alone = is_others;
    return is_alone;
  });
}

/// Looks at the unchecked suspects of one index.
template <policy::Env E>
template <class Edit>
Status Transaction<E>::check_suspects(PrivateOf& table, Edit& edit, std::size_t position, BrokenKey& broken) {
  const table::IndexLayout& index = edit.layout.indexes()[position];
  Array<std::uint64_t> rowids;
  for (const Suspect& suspect : table.suspects) {
    if (suspect.index != index.id || suspect.is_checked()) continue;
    SPG_ASSIGN(const bool is_there, table::row_exists(machine_->objects(), edit.image, suspect.rowid, access_));
    if (is_there && !rowids.push_back(suspect.rowid)) return Error::out_of_memory();
  }
  std::sort(rowids.begin(), rowids.end());
  rowids.truncate(static_cast<std::size_t>(std::unique(rowids.begin(), rowids.end()) - rowids.begin()));
  KeySet keys;
  for (std::size_t done = 0; done < rowids.size();) {
    const std::span<const std::uint64_t> some{rowids.data() + done, std::min<std::size_t>(rowids.size() - done, table::block_rows)};
    SPG_TRY(interrupted());
    SPG_TRY(present_keys(edit, position, some, keys));
    for (std::size_t i = 0; i < some.size(); ++i) {
      if (keys.entries()[i].has_null && index.nulls_distinct != 0) continue;
      bool is_alone = false;
      SPG_TRY(check_suspect(table, edit, position, keys, i, some[i], is_alone));
      if (is_alone) continue;
      broken = {table.id, index.id, some[i]};
      return check_reads();
    }
    done += some.size();
  }
  for (Suspect& suspect : table.suspects)
    if (suspect.index == index.id && !suspect.is_checked()) suspect.checked = changes_.size();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::check_unique_keys(IsDue is_due, BrokenKey& broken) {
  SPG_ASSERT(in_statement_ && statement_level_);
  for (PrivateOf* table = private_; table != nullptr; table = table->next) {
    const bool any = std::any_of(table->suspects.begin(), table->suspects.end(), [&](const Suspect& suspect) {
      return !suspect.is_checked() && is_due(suspect.index, suspect.unique);
    });
    if (!any) continue;
    SPG_TRY(apply_own(*table));
    if (table->mine == nullptr) continue;  // it has been dropped
    SPG_ASSIGN(Layer * layer, own_layer(*table));
    scratch_.reset();
    SPG_ASSIGN(auto edit, edit_table(layer->scope, table->mine, table->id, scratch_, access_));
    for (std::size_t position = 0; position < edit.layout.indexes().size(); ++position) {
      const table::IndexLayout& index = edit.layout.indexes()[position];
      if (!index.is_deferrable() || !is_due(index.id, index.unique)) continue;
      SPG_TRY(check_suspects(*table, edit, position, broken));
      if (broken.found()) return ok();
    }
  }
  return ok();
}

}  // namespace spg::txn
