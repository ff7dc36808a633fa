// FOR UPDATE and its kin: which rows of which relations a query locks. Each locked relation yields its rowid as a hidden
// target, which the LockRows node above the ordering reads.
#include "binder.hpp"

namespace spg::plan {

namespace {

std::string_view clause_name(sql::LockStrength strength) {
  switch (strength) {
    case sql::LockStrength::update: return "FOR UPDATE";
    case sql::LockStrength::no_key_update: return "FOR NO KEY UPDATE";
    case sql::LockStrength::share: return "FOR SHARE";
    case sql::LockStrength::key_share: break;
  }
  return "FOR KEY SHARE";
}

bool has_set_call(const Expr* expr) {
  if (expr->kind == ExprKind::call && as<Call>(*expr).returns_set) return true;
  bool found = false;
  for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { found = found || has_set_call(part); });
  return found;
}

}  // namespace

Status Binder::check_lockable(const Query& query, sql::LockStrength strength) {
  const char* why = nullptr;
  bool has_sets = false;
  for (const Target& target : query.targets) has_sets = has_sets || has_set_call(target.expr);
  if (query.set_op != sql::SetOp::none) why = "UNION/INTERSECT/EXCEPT";
  else if (query.distinct) why = "DISTINCT clause";
  else if (!query.group_keys.empty()) why = "GROUP BY clause";
  else if (query.having != nullptr) why = "HAVING clause";
  else if (query.grouped) why = "aggregate functions";
  else if (has_sets) why = "set-returning functions in the target list";
  if (why == nullptr) return ok();
  return fail(sqlstate::feature_not_supported, -1, clause_name(strength), " is not allowed with ", why);
}

/// Adds the lock to a relation of the query, or to all of a subquery. A relation that two clauses name is locked by the
/// stronger, and waits as the more impatient says.
Status Binder::lock_range(Query* query, RangeEntry* range, const sql::LockingClause& clause) {
  if (range->kind == RangeKind::subquery) return lock_all(range->subquery, clause);
  if (range->kind != RangeKind::relation || range->relation->table == TableId::none) return ok();
  const auto wait = clause.wait == sql::LockWait::nowait        ? txn::RowWait::no_wait
                    : clause.wait == sql::LockWait::skip_locked ? txn::RowWait::skip
                                                                : txn::RowWait::wait;
  const auto mode = static_cast<txn::RowLock>(clause.strength);
  for (RowLocking& present : query->row_locks) {
    if (present.range != range) continue;
    present.mode = std::max(present.mode, mode);
    if (wait == txn::RowWait::no_wait || present.wait == txn::RowWait::wait) present.wait = wait;
    return ok();
  }
  range->locks_rows = true;
  RangeColumn row_id;
  row_id.type = oid::int8;
  row_id.physical = Physical::int8;
  range->columns.push_back(row_id);
  Target target;
  target.name = "ctid";
  target.expr = make_column(*arena_, range->number, static_cast<std::int16_t>(range->columns.size()), oid::int8, -1,
                            Oid::none, Physical::int8, -1);
  query->row_locks.push_back({range, mode, wait, static_cast<std::uint32_t>(query->targets.size())});
  query->targets.push_back(target);
  return ok();
}

Status Binder::lock_tree(Query* query, FromTree* tree, bool nullable, const sql::LockingClause& clause,
                         const sql::TableRef* only, bool* found) {
  if (tree == nullptr) return ok();
  switch (tree->kind) {
    case FromTree::Kind::leaf: {
      RangeEntry* range = tree->range;
      if (only != nullptr && range->alias != only->name) return ok();
      *found = true;
      if (only != nullptr && range->kind != RangeKind::relation && range->kind != RangeKind::subquery) {
        const char* what = range->kind == RangeKind::function ? "a function" : range->kind == RangeKind::values ? "VALUES" : "a WITH query";
        return fail(sqlstate::feature_not_supported, only->at, clause_name(clause.strength), " cannot be applied to ", what);
      }
      if (nullable && (range->kind == RangeKind::relation || range->kind == RangeKind::subquery))
        return fail(sqlstate::feature_not_supported, -1, clause_name(clause.strength),
                    " cannot be applied to the nullable side of an outer join");
      return lock_range(query, range, clause);
    }
    case FromTree::Kind::list:
      for (FromTree* item : tree->items) SPG_TRY(lock_tree(query, item, nullable, clause, only, found));
      return ok();
    case FromTree::Kind::join: {
      const bool left_nullable = tree->type == sql::JoinType::right || tree->type == sql::JoinType::full;
      const bool right_nullable = tree->type == sql::JoinType::left || tree->type == sql::JoinType::full;
      SPG_TRY(lock_tree(query, tree->left, nullable || left_nullable, clause, only, found));
      return lock_tree(query, tree->right, nullable || right_nullable, clause, only, found);
    }
  }
  return ok();
}

Status Binder::lock_all(Query* query, const sql::LockingClause& clause) {
  SPG_TRY(check_lockable(*query, clause.strength));
  if (query->row_locks.arena() == nullptr) query->row_locks = Vec<RowLocking>(*arena_);
  bool found = false;
  return lock_tree(query, query->from, false, clause, nullptr, &found);
}

Status Binder::locking(const sql::Select& node, Query* query) {
  for (const sql::LockingClause& clause : node.locking) {
    if (clause.tables.empty()) {
      SPG_TRY(lock_all(query, clause));
      continue;
    }
    SPG_TRY(check_lockable(*query, clause.strength));
    if (query->row_locks.arena() == nullptr) query->row_locks = Vec<RowLocking>(*arena_);
    for (const sql::TableRef* table : clause.tables) {
      if (!table->schema.empty())
        return fail(sqlstate::syntax_error, table->at, clause_name(clause.strength), " must specify unqualified relation names");
      bool found = false;
      SPG_TRY(lock_tree(query, query->from, false, clause, table, &found));
      if (!found)
        return fail(sqlstate::undefined_table, table->at, "relation \"", table->name, "\" in ", clause_name(clause.strength),
                    " clause not found in FROM clause");
    }
  }
  return ok();
}

}  // namespace spg::plan
