// The writing half of Transaction: locks, what must be checked under them, and records.
#pragma once
#include <cstring>

#include "spg/txn/transaction.hpp"

namespace spg::txn {

static_assert(table::block_rows <= lock_slots);  // a block is a place

// --- locks ----------------------------------------------------------------------------------------------------------

/// The statement has read what is not the newest any more: it begins anew (READ COMMITTED), or cannot go on.
template <policy::Env E>
Status Transaction<E>::try_again() {
  if (is_stable()) return Error::make(sqlstate::t_r_serialization_failure, "could not serialize access due to concurrent update");
  if (wake_ != nullptr) wake_(wake_context_);
  return Error::must_wait();
}

template <policy::Env E>
LockResult Transaction<E>::request_lock(const LockTag& tag, std::uint16_t slot, std::uint8_t mode, LockWait wait) {
  has_locked_ = true;
  return machine_->locks().with([&](LockTable& locks) { return locks.request(*owner_, tag, slot, mode, lock_level(), wait); });
}

/// True when a lock that covers it was held before.
template <policy::Env E>
Result<bool> Transaction<E>::lock(const LockTag& tag, std::uint16_t slot, std::uint8_t mode, LockWait wait) {
  switch (request_lock(tag, slot, mode, wait)) {
    case LockResult::granted: return false;
    case LockResult::held: return true;
    case LockResult::must_wait: return Error::must_wait();
    case LockResult::not_available: return Error::make(sqlstate::lock_not_available, "could not obtain lock");
    case LockResult::out_of_memory: break;
  }
  return Error::out_of_memory();
}

/// Looks at the tip; what the locks protect is there as the last holder has left it, and cannot change any more.
template <policy::Env E>
Status Transaction<E>::see_tip() {
  const VersionOf* tip = lineage_->pin_tip(tip_pin_);
  tip_root_ = tip->root;
  if (tip->log_end > floor_) floor_ = tip->log_end;
  return ok();
}
template <policy::Env E>
Result<Cell*> Transaction<E>::tip_table(TableId id) {
  return committed(tip_root_, id);
}

template <policy::Env E>
Status Transaction<E>::lock_for_statement(TableId id, TableLock mode) {
  return mode == TableLock::access_share ? lock_for_reading(id) : lock_for_writing(id, mode);
}

/// ACCESS SHARE, which blocks must keep to their end. Elsewhere it matters only to those who ask for ACCESS EXCLUSIVE.
template <policy::Env E>
Status Transaction<E>::lock_for_reading(TableId id) {
  if (raw(id) < first_user_table || is_snapshot_ || is_as_of_ || (!options_.is_block && !machine_->locks().has_access_exclusive())) return ok();
  for (const KnownLock& known : known_locks_)
    if (known.table == id) return ok();
  if (const PrivateOf* own = find_private(id); own != nullptr && own->base == nullptr && own->changes_layout()) return ok();
  SPG_TRY(lock(tag_of(LockSpace::table, raw(id)), 0, static_cast<std::uint8_t>(TableLock::access_share), LockWait::wait).status());
  return known_locks_.push_back({id, TableLock::access_share}) ? ok() : Error::out_of_memory();
}

template <policy::Env E>
Status Transaction<E>::lock_table(TableId id, TableLock mode, LockWait wait) {
  if (is_as_of_) return ok();  // nobody changes the past
  for (const KnownLock& known : known_locks_)
    if (known.table == id && known.mode == mode) return ok();
  SPG_TRY(lock(tag_of(LockSpace::table, raw(id)), 0, static_cast<std::uint8_t>(mode), wait).status());
  return known_locks_.push_back({id, mode}) ? ok() : Error::out_of_memory();
}

template <policy::Env E>
Status Transaction<E>::lock_database() {
  SPG_ASSERT(active_ && !in_statement_);
  has_locked_ = true;
  const LockTag tag = tag_of(LockSpace::database, 0);
  const LockResult result = machine_->locks().with([&](LockTable& locks) {
    if (locks.database_exclusive_count() == 0 && !locks.admit_writers(*owner_, tag)) return LockResult::out_of_memory;
    return locks.request(*owner_, tag, 0, static_cast<std::uint8_t>(SimpleLock::exclusive), lock_level(), LockWait::wait);
  });
  if (result == LockResult::must_wait) return Error::must_wait();
  return result == LockResult::out_of_memory ? Error::out_of_memory() : ok();
}

/// A writer's share of the database's lock. As long as nobody has asked for all of it, there is none; who asks first takes
/// it for those who write then.
template <policy::Env E>
Status Transaction<E>::lock_database_for_writing() {
  if (!machine_->locks().has_database_exclusive()) return ok();
  return lock(tag_of(LockSpace::database, 0), 0, static_cast<std::uint8_t>(SimpleLock::share), LockWait::wait).status();
}

/// Locks the table, then sees to it that its layout is the one that the statement was planned for. Tables of the catalog
/// have none but row locks, and one layout for ever.
template <policy::Env E>
Status Transaction<E>::lock_for_writing(TableId id, TableLock mode) {
  // The database goes first, so that who waits for it is in nobody's way; and again, as it may have been asked for before
  // the table's lock was there to be seen.
  if (mode >= TableLock::row_exclusive) SPG_TRY(lock_database_for_writing());
  if (raw(id) < first_user_table) return ok();
  for (const KnownLock& known : known_locks_)
    if (known.table == id && known.mode == mode) return ok();
  SPG_TRY(lock_table(id, mode, LockWait::wait));
  if (mode >= TableLock::row_exclusive) SPG_TRY(lock_database_for_writing());
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * ours, committed(root_, id));
  SPG_ASSIGN(Cell * theirs, tip_table(id));
  if (ours == theirs) return ok();
  const auto layout_of_cell = [&](Cell* cell) -> Result<const Cell*> {
    if (cell == nullptr) return static_cast<const Cell*>(nullptr);
    SPG_ASSIGN(const Image* image, machine_->objects().read(cell, access_));
    return static_cast<const Cell*>(image->child_array()[table::layout_child]);
  };
  SPG_ASSIGN(const Cell* our_layout, layout_of_cell(ours));
  SPG_ASSIGN(const Cell* their_layout, layout_of_cell(theirs));
  if (our_layout == their_layout) return ok();
  known_locks_.clear();
  return try_again();
}

/// For what changes the table itself: nothing may have happened to it since the version that the statement reads.
template <policy::Env E>
Status Transaction<E>::lock_for_change(TableId id, TableLock mode) {
  SPG_TRY(lock_database_for_writing());
  if (raw(id) < first_user_table) return ok();
  SPG_TRY(lock_table(id, mode, LockWait::wait));
  SPG_TRY(lock_database_for_writing());
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * ours, committed(root_, id));
  SPG_ASSIGN(Cell * theirs, tip_table(id));
  return ours == theirs ? ok() : try_again();
}

/// What has become of a row; in neither table counts as the same. `keys_only`: only columns of unique indexes count.
template <policy::Env E>
Result<typename Transaction<E>::Compare> Transaction<E>::compare_row(const Image* ours, const Image* theirs, std::uint64_t rowid, bool keys_only) {
  auto& objects = machine_->objects();
  const auto block_of = [&](const Image* of) {
    return table::radix_find(objects, of->child_array()[table::rows_child], table::table_state(of).row_height, rowid / table::block_rows, access_);
  };
  SPG_ASSIGN(Cell * our_cell, block_of(ours));
  SPG_ASSIGN(Cell * their_cell, block_of(theirs));
  if (our_cell == their_cell) return Compare::same;
  const Image* our_block = nullptr;
  const Image* their_block = nullptr;
  if (our_cell != nullptr) { SPG_ASSIGN(our_block, objects.read(our_cell, access_)); }
  if (their_cell != nullptr) { SPG_ASSIGN(their_block, objects.read(their_cell, access_)); }
  const auto slot = static_cast<std::uint32_t>(rowid % table::block_rows);
  const bool in_ours = our_block != nullptr && table::block_state(our_block).is_live(slot);
  const bool in_theirs = their_block != nullptr && table::block_state(their_block).is_live(slot);
  if (!in_ours || !in_theirs) return in_ours == in_theirs ? Compare::same : in_theirs ? Compare::changed : Compare::gone;
  SPG_ASSIGN(const table::LayoutView layout, layout_of(theirs));
  const auto is_key = [&](std::uint16_t number) {
    for (const table::IndexLayout& index : layout.indexes())
      for (const table::KeyPart& part : layout.parts(index))
        if (index.is_unique() && part.column == number) return true;
    return false;
  };
  for (const table::ColumnEntry& entry : table::block_state(their_block).entries()) {
    const int at = table::block_state(our_block).find(entry.number);
    const int their_at = table::block_state(their_block).find(entry.number);
    if (at >= 0 && our_block->child_array()[at] == their_block->child_array()[their_at]) continue;
    if (keys_only && !is_key(entry.number)) continue;
    const table::ColumnLayout& column = *layout.column(entry.number);
    SPG_ASSIGN(const type::Value a, table::read_value(objects, our_block, layout, column, slot, scratch_, access_));
    SPG_ASSIGN(const type::Value b, table::read_value(objects, their_block, layout, column, slot, scratch_, access_));
    if (a.is_null || b.is_null) {
      if (a.is_null != b.is_null) return Compare::changed;
      continue;
    }
    const bool same = a.physical == type::Physical::string ? a.as<type::StringRef>().view() == b.as<type::StringRef>().view()
                                                           : std::memcmp(a.bytes, b.bytes, type::physical_bytes(a.physical)) == 0;
    if (!same) return Compare::changed;
  }
  return Compare::same;
}

template <policy::Env E>
Result<typename Transaction<E>::RowFate> Transaction<E>::compare_row(TransactionControl& snapshot, TableId id, std::uint64_t rowid) {
  auto& before = static_cast<Transaction&>(snapshot);
  SPG_ASSIGN(Cell * then_cell, committed(before.root_, id));
  SPG_ASSIGN(Cell * now_cell, committed(root_, id));
  SPG_ASSIGN(const Image* mine, read_table(id));
  if (then_cell == nullptr || now_cell == nullptr) return RowFate::changed;
  SPG_ASSIGN(const Image* then, machine_->objects().read(then_cell, access_));
  SPG_ASSIGN(const Image* now, machine_->objects().read(now_cell, access_));
  scratch_.reset();
  SPG_ASSIGN(const Compare as_others_left_it, compare_row(then, now, rowid, false));
  if (as_others_left_it != Compare::same) return RowFate::changed;
  SPG_ASSIGN(const Compare as_seen, compare_row(now, mine, rowid, false));
  return as_seen == Compare::same ? RowFate::same : RowFate::own;
}

/// Rows that have been locked must be in the tip as the statement has read them: all of it, or what `mode` protects.
template <policy::Env E>
Status Transaction<E>::check_unchanged(TableId id, std::span<const std::uint64_t> rowids, RowLock mode, bool writes) {
  if (rowids.empty()) return ok();
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * ours, committed(root_, id));
  SPG_ASSIGN(Cell * theirs, tip_table(id));
  if (ours == theirs || ours == nullptr) return ok();
  if (theirs == nullptr) return try_again();
  SPG_ASSIGN(const Image* our_table, machine_->objects().read(ours, access_));
  SPG_ASSIGN(const Image* their_table, machine_->objects().read(theirs, access_));
  for (const std::uint64_t rowid : rowids) {
    scratch_.reset();
    // KEY SHARE lets a snapshot stand whose other columns have changed; READ COMMITTED goes to the newest.
    SPG_ASSIGN(const Compare found, compare_row(our_table, their_table, rowid, is_stable() && mode == RowLock::key_share));
    if (found == Compare::same) continue;
    if (is_stable() && writes && found == Compare::gone)
      return Error::make(sqlstate::t_r_serialization_failure, "could not serialize access due to concurrent delete");
    return try_again();
  }
  return ok();
}

/// Above READ COMMITTED a row that has changed since the snapshot is an error, whoever has it locked now: one does not wait
/// for its lock, nor pass it over. False when no row of the table can have.
template <policy::Env E>
Result<bool> Transaction<E>::may_have_changed(TableId id) {
  if (!is_stable()) return false;
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * ours, committed(root_, id));
  SPG_ASSIGN(Cell * theirs, tip_table(id));
  return ours != theirs;
}

/// What has become of a row since the version that the statement reads.
template <policy::Env E>
Result<typename Transaction<E>::Compare> Transaction<E>::compare_with_tip(TableId id, std::uint64_t rowid) {
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * ours, committed(root_, id));
  SPG_ASSIGN(Cell * theirs, tip_table(id));
  if (ours == theirs || ours == nullptr) return Compare::same;
  if (theirs == nullptr) return Compare::gone;
  SPG_ASSIGN(const Image* our_table, machine_->objects().read(ours, access_));
  SPG_ASSIGN(const Image* their_table, machine_->objects().read(theirs, access_));
  scratch_.reset();
  return compare_row(our_table, their_table, rowid, false);
}

/// Rows that are locked, or gone, are passed over (READ COMMITTED: a snapshot must not pass over rows that it sees).
template <policy::Env E>
Status Transaction<E>::lock_free_rows(TableId id, std::span<const std::uint64_t> rowids, RowLock mode, std::span<bool> taken) {
  for (std::size_t i = 0; i < rowids.size(); ++i) {
    const LockTag tag = tag_of(LockSpace::row, raw(id), rowids[i] / table::block_rows);
    const LockResult result = request_lock(tag, static_cast<std::uint16_t>(rowids[i] % table::block_rows), static_cast<std::uint8_t>(mode), LockWait::no_wait);
    if (result == LockResult::out_of_memory) return Error::out_of_memory();
    taken[i] = result != LockResult::not_available;
    if (result != LockResult::granted) continue;
    SPG_ASSIGN(const Compare found, compare_with_tip(id, rowids[i]));
    if (found == Compare::changed) return try_again();
    taken[i] = found == Compare::same;
  }
  return ok();
}

template <policy::Env E>
Status Transaction<E>::lock_rows(TableId id, std::span<const std::uint64_t> rowids, RowLock mode, RowWait wait, std::span<bool> taken) {
  SPG_TRY(lock_for_writing(id, TableLock::row_share));
  if (wait == RowWait::skip && !is_stable() && taken.size() == rowids.size()) return lock_free_rows(id, rowids, mode, taken);
  SPG_ASSIGN(const bool looks_before, may_have_changed(id));
  Array<std::uint64_t> fresh;
  for (std::size_t i = 0; i < rowids.size(); ++i) {
    if (looks_before) SPG_TRY(check_unchanged(id, rowids.subspan(i, 1), mode, false));
    auto held = lock(tag_of(LockSpace::row, raw(id), rowids[i] / table::block_rows), static_cast<std::uint16_t>(rowids[i] % table::block_rows),
                     static_cast<std::uint8_t>(mode), wait == RowWait::wait ? LockWait::wait : LockWait::no_wait);
    if (!taken.empty()) taken[i] = held.has_value();
    if (!held && wait == RowWait::skip && held.error().code() == sqlstate::lock_not_available) continue;
    if (!held) return held.take_error();
    if ((!*held || is_stable()) && !fresh.push_back(rowids[i])) return Error::out_of_memory();
  }
  return check_unchanged(id, {fresh.data(), fresh.size()}, mode, false);
}

template <policy::Env E>
Status Transaction<E>::lock_and_check_rows(TableId id, std::span<const std::uint64_t> rowids, RowLock mode) {
  std::uint64_t fresh[table::block_rows];
  SPG_ASSERT(rowids.size() <= table::block_rows);
  std::size_t count = 0;
  SPG_ASSIGN(const bool looks_before, may_have_changed(id));
  for (const std::uint64_t rowid : rowids) {
    if (looks_before) SPG_TRY(check_unchanged(id, {&rowid, 1}, mode, true));
    SPG_ASSIGN(const bool held, lock(tag_of(LockSpace::row, raw(id), rowid / table::block_rows),
                                     static_cast<std::uint16_t>(rowid % table::block_rows), static_cast<std::uint8_t>(mode), LockWait::wait));
    // A lock that came while the statement waited was held before this attempt; READ COMMITTED has a newer version by now.
    if (!held || is_stable()) fresh[count++] = rowid;
  }
  return check_unchanged(id, {fresh, count}, mode, true);
}

template <policy::Env E>
bool Transaction<E>::is_own_row(TableId id, std::uint64_t rowid) {
  const int mode = machine_->locks().with([&](LockTable& locks) {
    return locks.held_mode(*owner_, tag_of(LockSpace::row, raw(id), rowid / table::block_rows), static_cast<std::uint16_t>(rowid % table::block_rows));
  });
  return mode == static_cast<int>(RowLock::no_key_write) || mode == static_cast<int>(RowLock::write);
}

// --- unique keys ----------------------------------------------------------------------------------------------------

/// Visits the rows that have the key of an entry in a table's index, until it returns false.
template <policy::Env E>
Status Transaction<E>::each_with_key(const Image* of, const table::LayoutView& layout, std::size_t position, const KeySet& keys,
                                     std::size_t entry, FunctionRef<Result<bool>(std::uint64_t)> visit) {
  const table::IndexLayout& index = layout.indexes()[position];
  Cell* const tree = const_cast<Cell*>(of->child_array()[table::index_children + position]);
  const unsigned height = table::table_state(of).indexes()[position].height;
  const KeySet::Entry& key = keys.entries()[entry];
  return index.kind == table::KeyKind::integer ? txn::each_with_key(machine_->objects(), tree, height, key.number, access_, visit)
                                               : txn::each_with_key(machine_->objects(), tree, height, keys.bytes(key), access_, visit);
}
/// A row that has the key; UINT64_MAX when there is none.
template <policy::Env E>
Result<std::uint64_t> Transaction<E>::find_key(const Image* of, const table::LayoutView& layout, std::size_t position, const KeySet& keys, std::size_t entry) {
  std::uint64_t found = UINT64_MAX;
  SPG_TRY(each_with_key(of, layout, position, keys, entry, [&](std::uint64_t rowid) -> Result<bool> { found = rowid; return false; }));
  return found;
}

/// Whether a row of the private table that has a wanted key is one that others have removed or changed since. Those who
/// are about to are waited for.
template <policy::Env E>
Result<bool> Transaction<E>::is_stale(PrivateOf& table, std::uint64_t rowid) {
  if (is_own_row(table.id, rowid)) return false;
  SPG_ASSIGN(Cell * ours, committed(root_, table.id));
  if (ours == nullptr) return false;
  SPG_ASSIGN(const Image* image, machine_->objects().read(ours, access_));
  SPG_ASSIGN(const bool is_committed, table::row_exists(machine_->objects(), image, rowid, access_));
  if (!is_committed) return false;  // the transaction has inserted it
  SPG_TRY(lock(tag_of(LockSpace::row, raw(table.id), rowid / table::block_rows), static_cast<std::uint16_t>(rowid % table::block_rows),
               static_cast<std::uint8_t>(RowLock::settled), LockWait::wait).status());
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * theirs, tip_table(table.id));
  if (theirs == ours) return false;
  if (theirs == nullptr) return true;
  SPG_ASSIGN(const Image* their_image, machine_->objects().read(theirs, access_));
  SPG_ASSIGN(const Compare found, compare_row(image, their_image, rowid, true));
  return found != Compare::same;
}

/// Whether a row of the private table that has a wanted key keeps others from it. One that is only seen by an old snapshot
/// does not; READ COMMITTED goes to the newest version instead.
template <policy::Env E>
Result<bool> Transaction<E>::is_in_the_way(PrivateOf& table, std::uint64_t rowid) {
  SPG_ASSIGN(const bool stale, is_stale(table, rowid));
  if (stale && !is_stable()) return try_again();
  return !stale;
}

// --- writing --------------------------------------------------------------------------------------------------------

/// A record has been added to the write set behind `before`.
template <policy::Env E>
Status Transaction<E>::record(PrivateOf& table, std::size_t before, bool changes_layout) {
  if (!table.records.push_back({before, changes_.size() - before})) {
    changes_.cut(before);
    return Error::out_of_memory();
  }
  if (changes_layout) table.first_layout_record = std::min(table.first_layout_record, table.records.size() - 1);
  if (raw(table.id) < first_user_table) own_catalog_ = raw(machine_->draw_generation());
  return changes_.tail().size() < machine_->changes_in_memory_max() ? ok() : machine_->spill(changes_);
}

/// A table object with the layout that the transaction sees.
template <policy::Env E>
Result<const Image*> Transaction<E>::layout_table(PrivateOf& table) {
  Cell* cell = nullptr;
  if (table.changes_layout()) {
    SPG_TRY(apply_own(table));
    cell = table.mine;
  } else {
    SPG_ASSIGN(cell, committed(root_, table.id));
  }
  if (cell == nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(table.id), " is not there");
  return machine_->objects().read(cell, access_);
}

/// Whether an update gives a column of a unique index another value.
template <policy::Env E>
Result<bool> Transaction<E>::changes_unique_keys(TableId id, const table::LayoutView& layout, std::span<const std::uint64_t> rowids,
                                                 std::span<const table::ColumnInput> columns, type::Selection rows) {
  bool touches = false;
  for (std::size_t position = 0; position < layout.indexes().size(); ++position)
    touches = touches || (layout.indexes()[position].is_unique() && touches_index(layout, position, columns));
  if (!touches) return false;
  SPG_ASSIGN(const Image* image, read_table(id));
  for (std::size_t i = 0; i < rowids.size(); ++i) {
    SPG_ASSIGN(const Image* block, table::read_block(machine_->objects(), image, rowids[i] / table::block_rows, access_));
    const auto slot = static_cast<std::uint32_t>(rowids[i] % table::block_rows);
    if (block == nullptr || !table::block_state(block).is_live(slot)) return true;
    for (const table::ColumnInput& column : columns) {
      bool is_key = false;
      for (const table::IndexLayout& index : layout.indexes())
        for (const table::KeyPart& part : layout.parts(index)) is_key = is_key || (index.is_unique() && part.column == column.number);
      if (!is_key) continue;
      SPG_ASSIGN(const type::Value before, table::read_value(machine_->objects(), block, layout, *layout.column(column.number), slot, scratch_, access_));
      const type::Value now = input_value({&column, 1}, column.number, before.physical, rows[static_cast<std::uint32_t>(i)]);
      if (before.is_null != now.is_null) return true;
      if (before.is_null) continue;
      const bool same = before.physical == type::Physical::string ? before.as<type::StringRef>().view() == now.as<type::StringRef>().view()
                                                                  : std::memcmp(before.bytes, now.bytes, type::physical_bytes(before.physical)) == 0;
      if (!same) return true;
    }
  }
  return false;
}

/// The keys that rows to be inserted have in one index.
inline Status new_keys(const table::LayoutView& layout, std::size_t position, std::span<const table::ColumnInput> columns, type::Selection rows, KeySet& keys) {
  const auto parts = layout.parts(layout.indexes()[position]);
  return keys.fill(parts, layout.indexes()[position].kind, rows.count,
      [&](std::size_t part, std::uint32_t i) -> Result<type::Value> {
        return input_value(columns, parts[part].column, layout.column(parts[part].column)->physical, rows[i]);
      },
      [](std::uint32_t) { return std::uint64_t{0}; });
}

inline bool is_arbiter(const Arbitration& arbitration, const table::IndexLayout& index) {
  if (arbitration.indexes.empty()) return index.is_unique();
  return std::find(arbitration.indexes.begin(), arbitration.indexes.end(), index.id) != arbitration.indexes.end();
}

/// Locks the unique keys of rows to be inserted and looks for them, but for those in indexes that have been decided upon.
template <policy::Env E>
Status Transaction<E>::check_new_keys(PrivateOf& table, const table::LayoutView& layout, std::span<const table::ColumnInput> columns,
                                      type::Selection rows, const Arbitration* decided, Conflict& conflict) {
  KeySet keys;
  for (std::size_t position = 0; position < layout.indexes().size(); ++position) {
    const table::IndexLayout& index = layout.indexes()[position];
    if (!index.is_unique() && index.kind == table::KeyKind::integer) continue;
    if (decided != nullptr && is_arbiter(*decided, index)) continue;
    SPG_TRY(new_keys(layout, position, columns, rows, keys));  // 54000 must come from the statement, not from COMMIT
    if (index.is_deferrable()) SPG_TRY(suspect_keys(table, layout, position, keys, {}));
    if (!index.is_immediate()) continue;
    SPG_TRY(check_keys(table, layout, position, keys, true, conflict));
    // What was read may say otherwise than the key that is there now.
    if (conflict.found()) return check_reads();
  }
  return ok();
}

/// Draws rowids for rows whose keys are settled, and adds their record.
template <policy::Env E>
Result<std::uint64_t> Transaction<E>::record_insert(PrivateOf& table, const Image* image, std::span<const table::ColumnInput> columns,
                                                    type::Selection rows) {
  std::uint64_t least = table::table_state(image).next_rowid;
  SPG_TRY(see_tip());
  SPG_ASSIGN(Cell * theirs, tip_table(table.id));
  if (theirs != nullptr) {
    SPG_ASSIGN(const Image* their_image, machine_->objects().read(theirs, access_));
    least = std::max(least, table::table_state(their_image).next_rowid);
  }
  const std::uint64_t first = lineage_->draw_rowids(table.id, least, rows.count);
  if (first == UINT64_MAX) return Error::out_of_memory();
  const std::size_t before = changes_.size();
  SPG_TRY(encode_insert(changes_.tail(), table.id, first, columns, rows));
  SPG_TRY(record(table, before, false));
  for (std::size_t i = table.suspects.size(); i != 0 && table.suspects[i - 1].at == before;) table.suspects[--i].rowid += first;
  return first;
}

template <policy::Env E>
Result<std::uint64_t> Transaction<E>::insert(TableId id, std::span<const table::ColumnInput> columns, type::Selection rows, Conflict& conflict) {
  SPG_ASSERT(in_statement_ && statement_level_);
  if (rows.count == 0) return std::uint64_t{0};
  scratch_.reset();
  SPG_TRY(lock_for_writing(id, TableLock::row_exclusive));
  SPG_ASSIGN(PrivateOf * table, open_private(id));
  SPG_ASSIGN(const Image* image, layout_table(*table));
  SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
  SPG_TRY(check_new_keys(*table, layout, columns, rows, nullptr, conflict));
  if (conflict.found()) return std::uint64_t{0};
  return record_insert(*table, image, columns, rows);
}

/// Does an update on the private table, whose new keys (made of given and of present values) are then locked and looked
/// for in the tip.
template <policy::Env E>
Status Transaction<E>::update_keys(PrivateOf& table, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                                   type::Selection rows, Conflict& conflict) {
  SPG_TRY(apply_own(table));
  SPG_ASSIGN(Layer * layer, own_layer(table));
  scratch_.reset();
  SPG_ASSIGN(auto edit, edit_table(layer->scope, table.mine, table.id, scratch_, access_));
  const auto counts = [&](std::uint64_t rowid) { return is_in_the_way(table, rowid); };
  const UniqueCheck check(counts);
  SPG_TRY(update_rows(edit, rowids, columns, rows, &check, conflict));
  if (conflict.found()) return ok();
  KeySet keys;
  for (std::size_t position = 0; position < edit.layout.indexes().size(); ++position) {
    const table::IndexLayout& index = edit.layout.indexes()[position];
    if (!index.is_unique() || !touches_index(edit.layout, position, columns)) continue;
    SPG_TRY(present_keys(edit, position, rowids, keys));
    if (index.is_deferrable()) {
      SPG_TRY(suspect_keys(table, edit.layout, position, keys, rowids));
      continue;
    }
    SPG_TRY(check_keys(table, edit.layout, position, keys, false, conflict));  // the private table has been looked at
    if (conflict.found()) return ok();
  }
  return ok();
}

template <policy::Env E>
Status Transaction<E>::update(TableId id, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                              type::Selection rows, Conflict& conflict) {
  SPG_ASSERT(in_statement_ && statement_level_);
  if (rowids.empty()) return ok();
  scratch_.reset();
  SPG_TRY(lock_for_writing(id, TableLock::row_exclusive));
  SPG_ASSIGN(PrivateOf * table, open_private(id));
  SPG_ASSIGN(const Image* image, layout_table(*table));
  SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
  SPG_ASSIGN(const bool unique_keys, changes_unique_keys(id, layout, rowids, columns, rows));
  bool looks = unique_keys;
  for (std::size_t position = 0; position < layout.indexes().size(); ++position)  // keys of bytes can be too long
    looks = looks || (layout.indexes()[position].kind == table::KeyKind::bytes && touches_index(layout, position, columns));
  SPG_TRY(lock_and_check_rows(id, rowids, unique_keys ? RowLock::write : RowLock::no_key_write));
  if (looks) {
    Status failed = update_keys(*table, rowids, columns, rows, conflict);
    // On a conflict nothing of the call stays. The layer may go: the records of the calls before make it anew.
    if (conflict.found() && table->top != nullptr) table->pop_layer();
    if (failed || conflict.found()) return failed;
  }
  const std::size_t before = changes_.size();
  SPG_TRY(encode_update(changes_.tail(), id, rowids, columns, rows));
  SPG_TRY(record(*table, before, false));
  if (looks) table->applied = table->records.size();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::remove(TableId id, std::span<const std::uint64_t> rowids) {
  SPG_ASSERT(in_statement_ && statement_level_);
  if (rowids.empty()) return ok();
  scratch_.reset();
  SPG_TRY(lock_for_writing(id, TableLock::row_exclusive));
  SPG_ASSIGN(PrivateOf * table, open_private(id));
  SPG_TRY(lock_and_check_rows(id, rowids, RowLock::write));
  const std::size_t before = changes_.size();
  SPG_TRY(encode_remove(changes_.tail(), id, rowids));
  return record(*table, before, false);
}

// --- physical schema ------------------------------------------------------------------------------------------------

template <policy::Env E>
Result<TableId> Transaction<E>::create_table(TableUse use, std::span<const table::ColumnLayout> columns) {
  SPG_ASSERT(in_statement_ && statement_level_);
  SPG_TRY(see_tip());
  SPG_ASSIGN(const Image* tip, machine_->objects().read(tip_root_, access_));
  const std::uint64_t least = root_state(tip).next_table;
  const TableId id{static_cast<std::uint32_t>(lineage_->draw_table(use == TableUse::user ? std::max<std::uint64_t>(least, first_user_table) : least))};
  SPG_ASSIGN(PrivateOf * table, open_private(id));
  SPG_TRY(settle(*table));
  SPG_ASSIGN(Layer * layer, own_layer(*table));
  scratch_.reset();
  table::LayoutBuilder layout(scratch_);
  layout.columns = Vec<table::ColumnLayout>(scratch_);
  layout.columns.append(columns);
  SPG_TRY(create_table_at(layer->scope, table->mine, id, layout));
  const std::size_t before = changes_.size();
  SPG_TRY(encode_layout(changes_.tail(), ChangeKind::create_table, id, layout));
  SPG_TRY(record(*table, before, true));
  table->applied = table->records.size();
  return id;
}

/// A layer for changes of the table itself, with all records so far done. Requires: it is locked.
template <policy::Env E>
Result<PrivateTable<typename Machine<E>::ScopeOf>*> Transaction<E>::open_own_layer(TableId id) {
  SPG_ASSERT(in_statement_ && statement_level_);
  SPG_ASSIGN(PrivateOf * table, open_private(id));
  SPG_TRY(apply_own(*table));
  SPG_TRY(own_layer(*table).status());
  if (table->mine == nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(id), " is not there");
  scratch_.reset();
  return table;
}

/// Locks a table whose object is to be changed, does all records so far, and copies its layout.
template <policy::Env E>
Result<PrivateTable<typename Machine<E>::ScopeOf>*> Transaction<E>::open_for_change(TableId id, TableLock mode, table::LayoutBuilder& layout) {
  SPG_TRY(lock_for_change(id, mode));
  SPG_ASSIGN(PrivateOf * table, open_own_layer(id));
  SPG_ASSIGN(const Image* image, machine_->objects().read(table->mine, access_));
  SPG_ASSIGN(const table::LayoutView present, layout_of(image));
  layout.start_from(present);
  return table;
}

template <policy::Env E>
Status Transaction<E>::drop_table(TableId id) {
  table::LayoutBuilder layout(scratch_);
  SPG_ASSIGN(PrivateOf * table, open_for_change(id, TableLock::access_exclusive, layout));
  SPG_TRY(drop_table_at(table->top->scope, table->mine, id));
  return record_plain(*table, ChangeKind::drop_table);
}

template <policy::Env E>
Status Transaction<E>::truncate_table(TableId id) {
  // Whatever others have written since the version that is read goes, too: COMMIT does the record on the tip.
  SPG_TRY(lock_for_writing(id, TableLock::access_exclusive));
  SPG_ASSIGN(PrivateOf * table, open_own_layer(id));
  SPG_ASSIGN(auto edit, edit_table(table->top->scope, table->mine, id, scratch_, access_));
  SPG_TRY(truncate(edit));
  return record_plain(*table, ChangeKind::truncate);
}

template <policy::Env E>
Status Transaction<E>::record_plain(PrivateOf& table, ChangeKind kind) {
  const std::size_t before = changes_.size();
  SPG_TRY(encode_plain(changes_.tail(), kind, table.id));
  SPG_TRY(record(table, before, true));
  table.applied = table.records.size();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::change_layout(PrivateOf& table, const table::LayoutBuilder& layout, Conflict& conflict) {
  auto check = [&] { return interrupted(); };
  SPG_TRY(set_layout_at(table.top->scope, table.mine, table.id, layout, scratch_, true, conflict, check, access_, build_progress_));
  if (conflict.found()) return ok();  // the statement fails, and undoes it
  const std::size_t before = changes_.size();
  SPG_TRY(encode_layout(changes_.tail(), ChangeKind::set_layout, table.id, layout));
  SPG_TRY(record(table, before, true));
  table.applied = table.records.size();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::add_column(TableId id, const table::ColumnLayout& column) {
  table::LayoutBuilder layout(scratch_);
  SPG_ASSIGN(PrivateOf * table, open_for_change(id, TableLock::access_exclusive, layout));
  layout.columns.push_back(column);
  Conflict none;
  return change_layout(*table, layout, none);
}

template <policy::Env E>
Status Transaction<E>::drop_column(TableId id, std::uint16_t number) {
  table::LayoutBuilder layout(scratch_);
  SPG_ASSIGN(PrivateOf * table, open_for_change(id, TableLock::access_exclusive, layout));
  for (table::ColumnLayout& column : layout.columns)
    if (column.number == number) column.dropped = 1;
  Conflict none;
  return change_layout(*table, layout, none);
}

template <policy::Env E>
Result<IndexId> Transaction<E>::create_index(TableId id, const IndexSpec& spec, Conflict& conflict) {
  table::LayoutBuilder layout(scratch_);
  // SHARE would let two of them build at once, each with a layout that lacks the other's index.
  SPG_ASSIGN(PrivateOf * table, open_for_change(id, TableLock::share_row_exclusive, layout));
  SPG_TRY(see_tip());
  SPG_ASSIGN(const Image* tip, machine_->objects().read(tip_root_, access_));
  table::IndexLayout index;
  index.id = IndexId{static_cast<std::uint32_t>(lineage_->draw_index(root_state(tip).next_index))};
  index.unique = spec.unique;
  index.nulls_distinct = spec.nulls_distinct;
  index.kind = key_kind_of(spec.parts);
  layout.add_index(index, spec.parts);
  SPG_TRY(change_layout(*table, layout, conflict));
  return index.id;
}

template <policy::Env E>
Status Transaction<E>::drop_index(TableId id, IndexId index) {
  table::LayoutBuilder layout(scratch_);
  SPG_ASSIGN(PrivateOf * table, open_for_change(id, TableLock::access_exclusive, layout));
  layout.drop_index(index);
  Conflict none;
  return change_layout(*table, layout, none);
}

}  // namespace spg::txn
