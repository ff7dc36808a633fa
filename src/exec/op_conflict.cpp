// INSERT ... ON CONFLICT: rows that nothing is in the way of are inserted; for the others, what is in the way is left alone
// or updated. RETURNING yields what was written, in the order of the input.
//
// A batch is done at once unless DO UPDATE sets columns of unique indexes: then a row may free or take the key that the
// next one wants, so each is done by itself.
#include <algorithm>

#include "modify.hpp"

namespace spg::exec {
namespace {

class InsertOnConflictOp final : public ModifyOp {
 public:
  InsertOnConflictOp(State& state, const CompiledNode& node)
      : ModifyOp(state, node),
        conflict_(*static_cast<const CompiledConflict*>(node.extra)),
        rowids_(*state.arena),
        rows_(*state.arena) {}

 private:
  const plan::Modify::OnConflict& clause() const { return *node().on_conflict; }

  Status insert(const Batch& batch) override {
    if (!std::exchange(has_checked_arbiters_, true)) SPG_TRY(check_arbiters());
    SPG_ASSIGN(const Written written, inserted(batch));
    SPG_ASSIGN(const auto inputs, stored_inputs(written, batch.selected));
    rowids_.clear();
    rows_.clear();
    collected_ = {batch_arena_.array<Batch>(batch.selected.count), 0};
    if (!clause().changes_keys) {
      SPG_TRY(write(batch, written, inputs, batch.selected));
    } else {
      for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
        const auto row = static_cast<std::uint16_t>(batch.selected[i]);
        SPG_TRY(write(batch, written, inputs, {&row, 1}));
        SPG_TRY(batch_arena_.check());
      }
    }
    return rowids_.empty() ? ok() : publish_collected(batch);
  }

  /// Once there is a row, as in PostgreSQL.
  Status check_arbiters() {
    SPG_ASSIGN(const catalog::Relation* of, relation());
    if (of == nullptr) return ok();
    const auto arbiters = clause().arbiters;
    for (const catalog::IndexInfo& index : of->indexes) {
      const bool is_arbiter = arbiters.empty() ? index.unique : std::ranges::find(arbiters, index.id) != arbiters.end();
      if (!is_arbiter || index.immediate) continue;
      return Error::make(sqlstate::object_not_in_prerequisite_state,
                         "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters")
          .set(ErrorField::schema, {node().schema_name})
          .set(ErrorField::table, {node().relation_name})
          .set(ErrorField::constraint, {index.name});
    }
    return ok();
  }

  Status write(const Batch& batch, const Written& written, std::span<const table::ColumnInput> inputs,
               Selection rows) {
    txn::Arbitration arbitration;
    arbitration.indexes = clause().arbiters;
    arbitration.lock_existing = clause().updates;
    arbitration.mode = clause().changes_keys ? txn::RowLock::update : txn::RowLock::no_key_update;
    arbitration.existing = {batch_arena_.array<std::uint64_t>(rows.count), rows.count};
    txn::Conflict conflict;
    SPG_ASSIGN(const std::uint64_t first,
               state_.context.view->insert_unless(node().table, inputs, rows, arbitration, conflict));
    if (conflict.found()) return unique_violation(conflict, written, rows, {});
    std::uint32_t count = 0;
    for (const std::uint64_t existing : arbitration.existing) count += existing == txn::Arbitration::inserted;
    count_rows(count);
    Updated updated;
    if (clause().updates && count != rows.count) SPG_TRY(update_existing(batch, rows, arbitration.existing, updated));
    return changes_.has_listeners() ? collect(written, rows, arbitration.existing, first, count, updated) : ok();
  }

  // --- DO UPDATE

  /// Rows in the way that were updated: row i of the values belongs to the i-th row of the call that was not inserted.
  struct Updated {
    Written written;
    Selection rows;  ///< those updated, ascending
    std::span<const std::uint64_t> rowids;
  };

  Status update_existing(const Batch& batch, Selection rows, std::span<const std::uint64_t> existing,
                         Updated& updated) {
    auto* rowids = batch_arena_.array<std::uint64_t>(rows.count);
    auto* places = batch_arena_.array<std::uint16_t>(rows.count);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      if (existing[i] == txn::Arbitration::inserted) continue;
      if (existing[i] == txn::Arbitration::by_statement) return second_time();
      rowids[count] = existing[i];
      places[count++] = static_cast<std::uint16_t>(rows[i]);
    }
    SPG_TRY(see_existing(batch, {rowids, count}, {places, count}));
    Selection selected{nullptr, count};
    if (conflict_.where != nullptr)
      SPG_TRY(filter_rows(*conflict_.where, frame_, selected, batch_arena_.array<std::uint16_t>(count), selected));
    SPG_TRY(note_written({rowids, count}, selected));
    auto* values = batch_arena_.array<Vector>(conflict_.columns.size() + 1);
    for (std::size_t i = 0; i < conflict_.columns.size(); ++i)
      SPG_TRY(evaluate(*conflict_.values[i], frame_, selected, values[i]));
    updated = {{plan::Modify::Op::update, conflict_.columns, values, count}, selected, {rowids, count}};
    if (selected.count == 0) return ok();
    auto* chosen = batch_arena_.array<std::uint64_t>(selected.count);
    for (std::uint32_t i = 0; i < selected.count; ++i) chosen[i] = rowids[selected[i]];
    const Targets to = in_order({chosen, selected.count}, selected);
    SPG_TRY(check_not_null(updated.written, clause().not_null, to.rows, to.rowids));
    SPG_ASSIGN(const auto inputs, stored_inputs(updated.written, selected));
    txn::Conflict conflict;
    SPG_TRY(state_.context.view->update(node().table, to.rowids, inputs, to.rows, conflict));
    if (conflict.found()) return unique_violation(conflict, updated.written, to.rows, to.rowids);
    count_rows(selected.count);
    return ok();
  }

  /// What the expressions are over: the rows in the way, then the rows that were to be inserted.
  Status see_existing(const Batch& batch, std::span<const std::uint64_t> rowids, Selection rows) {
    const Batch excluded = copy_batch({batch.columns, batch.rows, rows}, batch_arena_, false);
    const std::size_t before = conflict_.existing.size(), width = before + excluded.columns.size();
    std::span<Vector> columns{batch_arena_.array<Vector>(width + 1), width};
    SPG_TRY(fetch(rowids, conflict_.existing, columns.first(before)));
    std::copy(excluded.columns.begin(), excluded.columns.end(), columns.begin() + static_cast<std::ptrdiff_t>(before));
    see({columns, rows.count, {nullptr, rows.count}});
    return ok();
  }

  /// A row that the statement has updated must not come again, whether or not it would be updated again.
  Status note_written(std::span<const std::uint64_t> rowids, Selection selected) {
    std::uint32_t next = 0;
    for (std::uint32_t i = 0; i < rowids.size(); ++i) {
      if (written_.contains(rowids[i])) return second_time();
      if (next == selected.count || selected[next] != i) continue;
      written_.add(rowids[i]);
      ++next;
    }
    return ok();
  }

  static Error second_time() {
    return Error::make(sqlstate::cardinality_violation, "ON CONFLICT DO UPDATE command cannot affect row a second time")
        .hint("Ensure that no rows proposed for insertion within the same command have duplicate constrained values.");
  }

  // --- RETURNING

  /// Keeps what was written by one call of write(), in the order of the input.
  Status collect(const Written& written, Selection rows, std::span<const std::uint64_t> existing, std::uint64_t first,
                 std::uint32_t inserted_count, const Updated& updated) {
    auto* inserted_rows = batch_arena_.array<std::uint16_t>(rows.count);
    auto* rowids = batch_arena_.array<std::uint64_t>(rows.count);
    // Where each written row's values lie: among the inserted rows or, above `from_updated`, among the updated ones.
    constexpr std::uint32_t from_updated = 1u << 31;
    Vec<std::uint32_t> places(batch_arena_);
    std::uint32_t in_the_way = 0, next = 0, done = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      if (existing[i] == txn::Arbitration::inserted) {
        inserted_rows[done] = static_cast<std::uint16_t>(rows[i]);
        rowids[done] = first + done;
        places.push_back(done);
        rowids_.push_back(rowids[done++]);
      } else {
        const std::uint32_t at = in_the_way++;
        if (next == updated.rows.count || updated.rows[next] != at) continue;
        places.push_back(from_updated | next++);
        rowids_.push_back(updated.rowids[at]);
      }
      rows_.push_back(static_cast<std::uint16_t>(rows[i]));
    }
    if (places.empty()) return ok();
    SPG_ASSIGN(auto values, row_values(written, {inserted_rows, inserted_count}, {rowids, inserted_count}));
    if (updated.rows.count != 0) {
      auto* chosen = batch_arena_.array<std::uint64_t>(updated.rows.count);
      for (std::uint32_t i = 0; i < updated.rows.count; ++i) chosen[i] = updated.rowids[updated.rows[i]];
      SPG_ASSIGN(const auto after, row_values(updated.written, updated.rows, {chosen, updated.rows.count}));
      for (std::size_t c = 0; c < values.size(); ++c) values[c] = merged(values[c], after[c], places.span());
    }
    const auto count = static_cast<std::uint32_t>(places.size());
    collected_.batches[collected_.count++] = {values, count, {nullptr, count}};
    return ok();
  }

  /// Value i is that at places[i] of the first vector or, with the highest bit, of the second.
  Vector merged(const Vector& a, const Vector& b, std::span<const std::uint32_t> places) {
    const std::size_t bytes = type::physical_bytes(b.physical);
    auto* to = static_cast<std::byte*>(batch_arena_.allocate(bytes * places.size()));
    auto* validity = batch_arena_.array<std::uint64_t>(type::batch_words);
    std::memset(validity, 0xff, type::batch_words * 8);
    for (std::size_t i = 0; i < places.size(); ++i) {
      const Vector& from = places[i] >> 31 != 0 ? b : a;
      const std::uint32_t at = places[i] & INT32_MAX;
      if (from.is_null(at)) {
        std::memset(to + i * bytes, 0, bytes);
        clear_bit(validity, i);
      } else {
        copy_value(to + i * bytes, value_at(from, at), bytes);
      }
    }
    return {b.physical, Vector::Form::flat, to, validity, nullptr};
  }

  Status publish_collected(const Batch& batch) {
    Change change;
    change.op = node().op;
    change.rows = static_cast<std::uint32_t>(rowids_.size());
    change.rowids = rowids_.span();
    change.input = {batch.columns, batch.rows, {rows_.data(), change.rows}};
    change.row_values = collected_.batches[0].columns;
    if (collected_.count > 1) {
      Rows all(batch_arena_);
      for (std::size_t i = 0; i < collected_.count; ++i) all.append(collected_.batches[i]);
      change.row_values = all.chunk(0).columns;
    }
    return changes_.publish(change);
  }

  struct Collected {
    Batch* batches = nullptr;
    std::size_t count = 0;
  };
  const CompiledConflict& conflict_;
  bool has_checked_arbiters_ = false;
  Collected collected_;          ///< values of RETURNING's columns, one batch for each call of write()
  Vec<std::uint64_t> rowids_;    ///< written by this batch, in the order of the input
  Vec<std::uint16_t> rows_;      ///< of the batch
};

}  // namespace

Operator* make_insert_on_conflict(State& state, const CompiledNode& node) {
  return new_operator<InsertOnConflictOp>(state, node);
}

}  // namespace spg::exec
