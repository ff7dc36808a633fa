// Deferrable constraints: SET CONSTRAINTS, and the checks at the end of a statement and of the transaction.
#include "session_impl.hpp"
#include "spg/catalog/constraints.hpp"
#include "spg/exec/violation.hpp"

namespace spg::db {

bool ConstraintModes::is_deferred(IndexId index, table::Uniqueness unique) const {
  for (auto one = named.rbegin(); one != named.rend(); ++one)
    if (one->index == index) return one->deferred;
  return all.value_or(unique == table::Uniqueness::deferred);
}

/// What becomes IMMEDIATE is checked at the end of this very statement.
Status SessionImpl::run_set_constraints(const sql::SetConstraints& set, Where where) {
  if (!in_block_) {
    warn(sqlstate::no_active_sql_transaction, "SET CONSTRAINTS can only be used in transaction blocks");
    return ok();
  }
  if (set.names.empty()) {
    constraint_modes_ = {set.deferred, {}};
    return ok();
  }
  SPG_TRY(begin_statement(txn::Intent::read, where));
  ConstraintModes modes = constraint_modes_;
  for (const sql::TableRef* name : set.names) {
    SPG_ASSIGN(const Vec<IndexId> indexes, catalog::deferrable_indexes(catalog_, name->schema, name->name, statement_arena_));
    for (const IndexId index : indexes) {
      std::erase_if(modes.named, [&](const ConstraintModes::One& one) { return one.index == index; });
      modes.named.push_back({index, set.deferred});
    }
  }
  end_statement(true);
  constraint_modes_ = std::move(modes);
  return ok();
}

Error SessionImpl::broken_key(const txn::BrokenKey& broken) {
  // The row is there since the statement: what it has written is read by the next one.
  end_statement(true);
  Status failed = begin_statement(txn::Intent::read, Where::worker);
  if (failed) return failed;
  auto relation = catalog::relation_of_table(catalog_, broken.table, statement_arena_);
  if (!relation) return relation.take_error();
  return exec::unique_violation(context(statement_arena_, {}), *relation, broken.index, broken.rowid);
}

/// Checks the constraints that are due: all of them at COMMIT, else those that are not put off. While it waits for others who
/// write the same keys, or for a worker, it is called again.
Result<SessionImpl::Checked> SessionImpl::check_constraints(bool at_commit, Where where) {
  if (!transaction_->has_unchecked_keys()) return Checked::done;
  if (wait_for_worker_ && where == Where::reactor) return Checked::wants_worker;
  is_woken_.store(false, std::memory_order_seq_cst);
  SPG_TRY(check_interrupts());
  SPG_ASSIGN(const bool waits, still_waits());
  if (waits) return Checked::waits;
  execution_.close();
  end_statement(true);
  SPG_TRY(begin_statement(txn::Intent::write, where));
  txn::BrokenKey broken;
  Status failed = transaction_->check_unique_keys(
      [&](IndexId index, table::Uniqueness unique) { return at_commit || !constraint_modes_.is_deferred(index, unique); }, broken);
  if (!failed && broken.found()) return broken_key(broken);
  end_statement(!failed);
  if (failed.is_must_wait()) {
    begin_lock_wait();
    return Checked::waits;
  }
  if (failed.is_would_block()) {
    wait_for_worker_ = true;
    return Checked::wants_worker;
  }
  if (failed) return failed;
  return Checked::done;
}

}  // namespace spg::db
