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
  else if (!query.window_calls.empty()) why = "window functions";
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
  query->row_locks.push_back({range, mode, wait, add_row_id(query, range)});
  return ok();
}

/// A hidden target with a relation's rowid; its number.
std::uint32_t Binder::add_row_id(Query* query, RangeEntry* range) {
  RangeColumn row_id;
  row_id.type = oid::int8;
  row_id.physical = Physical::int8;
  range->columns.push_back(row_id);
  Target target;
  target.name = "ctid";
  target.expr = make_column(*arena_, range->number, static_cast<std::int16_t>(range->columns.size()), oid::int8, -1,
                            Oid::none, Physical::int8, -1);
  query->targets.push_back(target);
  return static_cast<std::uint32_t>(query->targets.size() - 1);
}

/// A cursor's query: the rows of a plain scan carry its rowids, those of a locking one the rowids of what they lock, which
/// happens as they are fetched. Where rows may be skipped under a LIMIT, the plan locks.
void Binder::give_row_ids(Query* query) {
  query->row_ids = Vec<RowLocking>(*arena_);
  if (!query->row_locks.empty()) {
    query->locks_later = true;
    for (const RowLocking& lock : query->row_locks)
      if (lock.wait == txn::RowWait::skip && (query->limit != nullptr || query->offset != nullptr)) query->locks_later = false;
    query->row_ids = query->row_locks;
    if (query->locks_later) query->row_locks.clear();
    return;
  }
  std::uint32_t target = 0;
  if (RangeEntry* range = scanned_relation(query, &target)) query->row_ids.push_back({range, {}, {}, target});
}

/// The relation whose rows the query's are, one by one, and a hidden target with its rowids; null when there is none.
RangeEntry* Binder::scanned_relation(Query* query, std::uint32_t* row_id) {
  FromTree* from = query->from;
  while (from != nullptr && from->kind == FromTree::Kind::list && from->items.size() == 1) from = from->items[0];
  if (from == nullptr || from->kind != FromTree::Kind::leaf || query->set_op != sql::SetOp::none || query->distinct || query->grouped || !query->window_calls.empty()) return nullptr;
  for (const Target& target : query->targets)
    if (has_set_call(target.expr)) return nullptr;
  RangeEntry* range = from->range;
  if (range->kind == RangeKind::relation && range->relation->table != TableId::none) {
    *row_id = add_row_id(query, range);
    return range;
  }
  // A subquery's rowid becomes one of its columns.
  if (range->kind != RangeKind::subquery) return nullptr;
  Query* inner = range->subquery;
  if (!inner->row_locks.empty() || inner->targets.size() != inner->visible || range->columns.size() != inner->visible) return nullptr;
  std::uint32_t inner_target = 0;
  RangeEntry* found = scanned_relation(inner, &inner_target);
  if (found == nullptr) return nullptr;
  inner->visible = static_cast<std::uint32_t>(inner->targets.size());
  *row_id = add_row_id(query, range);
  return found;
}

/// WHERE CURRENT OF: the row that the cursor stands on now.
Result<Expr*> Binder::current_of(const sql::CurrentOf& node, BoundStatement* bound) {
  constexpr Oid int8_equal{467};
  bound->is_current_of = true;
  if (context_->cursors != nullptr) {
    SPG_ASSIGN(bound->current_row, context_->cursors->current_row(node.cursor, bound->relation->oid, bound->relation->name));
  }
  auto place = type::Value::null_of(Physical::int8);
  if (bound->current_row != UINT64_MAX) place = type::Value::of(Physical::int8, static_cast<std::int64_t>(bound->current_row));
  Expr* column = make_column(*arena_, bound->target->number, static_cast<std::int16_t>(bound->target->columns.size()),
                             oid::int8, -1, Oid::none, Physical::int8, -1);
  auto* call = make_expr<Call>(*arena_, ExprKind::call, oid::boolean, Physical::boolean, node.at);
  call->function = int8_equal;
  call->arguments = span_of(*arena_, {column, make_constant(*arena_, oid::int8, place, node.at)});
  return static_cast<Expr*>(call);
}

Status Binder::lock_tree(Query* query, FromTree* tree, bool nullable, const sql::LockingClause& clause,
                         const sql::TableRef* only, bool* found) {
  if (tree == nullptr) return ok();
  switch (tree->kind) {
    case FromTree::Kind::leaf: {
      RangeEntry* range = tree->range;
      const std::string_view name = in_view_ != 0 ? arena_->concat(range->reference) : range->alias;
      if (only != nullptr && name != only->name) return ok();
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
