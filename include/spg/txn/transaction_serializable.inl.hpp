// SERIALIZABLE: at COMMIT, what the transaction has read is compared with what others have committed since its version. If
// nothing of it has changed, it could as well have run at this moment, so that the order of commits is a serial order. (A
// transaction that writes nothing fits where its version stands.)
#pragma once
#include "spg/txn/transaction.hpp"

namespace spg::txn {

inline Error serialization_failure() {
  return Error::make(sqlstate::t_r_serialization_failure, "could not serialize access due to read/write dependencies among transactions")
      .detail("Reason code: Canceled on identification as a pivot, during commit attempt.")
      .hint("The transaction might succeed if retried.");
}

/// Whether a change of another is one of what has been read. `layout` is the table's.
template <policy::Env E>
Result<bool> Transaction<E>::reads_changed(const Change& change, const table::LayoutView& layout) {
  if (reads_.has_table(change.table)) return true;
  if (change.kind != ChangeKind::insert && change.kind != ChangeKind::update && change.kind != ChangeKind::remove) return reads_.touches(change.table);
  for (const std::uint64_t rowid : change.rowids)
    if (reads_.has_row(change.table, rowid)) return true;
  if (change.kind == ChangeKind::remove) return false;
  // New keys within a range that was looked through.
  KeySet keys;
  for (const ReadSet::Range& range : reads_.ranges()) {
    if (range.table != change.table) continue;
    const int position = layout.index_position(range.index);
    if (position < 0) return true;
    const auto at = static_cast<std::size_t>(position);
    if (change.kind == ChangeKind::update) {
      if (!touches_index(layout, at, change.columns)) continue;
      for (const table::KeyPart& part : layout.parts(layout.indexes()[at])) {
        bool given = false;
        for (const table::ColumnInput& column : change.columns) given = given || column.number == part.column;
        if (!given) return true;  // a part of the new key is not in the record
      }
    }
    SPG_TRY(new_keys(layout, at, change.columns, {nullptr, change.rows}, keys));
    for (const KeySet::Entry& entry : keys.entries())
      if (range.kind == table::KeyKind::integer ? reads_.contains(range, entry.number) : reads_.contains(range, keys.bytes(entry))) return true;
  }
  return false;
}

/// 40001 when something that was read has changed between the version that was read and the tip.
template <policy::Env E>
Status Transaction<E>::check_reads() {
  if (options_.isolation != Isolation::serializable || reads_.empty()) return ok();
  const VersionOf* const from = pins_[pin_].version.load(std::memory_order_relaxed);
  const VersionOf* const tip = lineage_->pin_tip(tip_pin_);
  if (from == tip) return ok();
  bool complete = true;
  for (const VersionOf* version = from; complete && version != tip;) {
    version = version->newer.load(std::memory_order_acquire);
    complete = version->has_changes;
    ByteReader reader(version->changes.bytes());
    while (complete && !reader.at_end()) {
      MemoryBudget budget;
      Arena arena(budget);
      Change change(arena);
      SPG_TRY(decode_change(reader, arena, change));
      if (!reads_.touches(change.table)) continue;
      SPG_ASSIGN(Cell * cell, committed(from->root, change.table));
      if (cell == nullptr) continue;
      SPG_ASSIGN(const Image* image, machine_->objects().read(cell, access_));
      SPG_ASSIGN(const table::LayoutView layout, layout_of(image));
      SPG_ASSIGN(const bool changed, reads_changed(change, layout));
      if (changed) return serialization_failure();
    }
  }
  if (complete) return ok();
  // Too much has happened for the write sets to have been kept: whole tables are compared.
  const auto has_moved = [&](TableId table) -> Result<bool> {
    SPG_ASSIGN(Cell * before, committed(from->root, table));
    SPG_ASSIGN(Cell * now, committed(tip->root, table));
    return before != now;
  };
  for (const TableId table : reads_.tables()) {
    SPG_ASSIGN(const bool moved, has_moved(table));
    if (moved) return serialization_failure();
  }
  for (const ReadSet::Range& range : reads_.ranges()) {
    SPG_ASSIGN(const bool moved, has_moved(range.table));
    if (moved) return serialization_failure();
  }
  return ok();
}

}  // namespace spg::txn
