// Which columns are read by somebody, so that scans and subqueries yield no others; and which subqueries of FROM can be
// merged into the query around them.
#include "planner.hpp"

namespace spg::plan {

void Planner::use_target(Query* query, std::size_t target) {
  Expr* expr = query->targets[target].expr;
  use(expr);
}

void Planner::use(Expr* expr) {
  if (expr == nullptr) return;
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    RangeEntry* entry = range(ref.relation);
    RangeColumn& column = entry->columns[static_cast<std::size_t>(ref.number - 1)];
    if (column.used) return;
    column.used = true;
    const auto index = static_cast<std::size_t>(ref.number - 1);
    if (entry->kind == RangeKind::subquery) use_target(entry->subquery, index);
    if (entry->kind == RangeKind::windows) use_window_call(entry->subquery->window_calls[index], entry->subquery);
    return;
  }
  for_each_part(expr, [&](Expr*& part) { use(part); });
  if (expr->kind == ExprKind::subquery) {
    auto* link = static_cast<QueryLink*>(expr);
    use_query(link->query, true);
  }
}

/// What a call over a window reads. A call that nobody reads is not computed, nor is its window.
void Planner::use_window_call(const WindowedCall& one, const Query* query) {
  for (Expr* argument : one.call.arguments) use(argument);
  use(one.call.filter);
  const WindowSpec& window = *query->windows[one.window];
  for (const WindowKey& key : window.partition_by) use(key.value);
  for (const WindowKey& key : window.order_by) use(key.value);
  use(window.frame.start_offset);
  use(window.frame.end_offset);
}

void Planner::use_from(FromTree* tree) {
  if (tree == nullptr) return;
  use(tree->condition);
  for (FromTree* item : tree->items) use_from(item);
  use_from(tree->left);
  use_from(tree->right);
  if (tree->kind != FromTree::Kind::leaf || tree->range == nullptr) return;
  RangeEntry& entry = *tree->range;
  if (entry.kind == RangeKind::subquery) use_query(entry.subquery, false);
  for (Call* call : entry.functions) use(call);
  for (std::span<Expr*> row : entry.rows)
    for (Expr* value : row) use(value);
  if (entry.sample != nullptr) use(entry.sample->percent);
  if (entry.sample != nullptr) use(entry.sample->seed);
}

void Planner::use_query(Query* query, bool all_targets) {
  if (query == nullptr) return;
  const bool whole = all_targets || query->distinct || query->set_op != sql::SetOp::none || query->has_set_functions;
  for (std::size_t i = 0; i < query->targets.size(); ++i) {
    bool sorted = i >= query->visible;
    for (const SortBy& sort : query->order_by) sorted = sorted || sort.target == i;
    if (whole || sorted || is_volatile(query->targets[i].expr)) use(query->targets[i].expr);
  }
  use(query->where);
  use(query->having);
  use(query->limit);
  use(query->offset);
  for (Expr* key : query->group_keys) use(key);
  for (const Aggregated& one : query->aggregates) {
    for (Expr* argument : one.call.arguments) use(argument);
    for (Expr* argument : one.call.direct) use(argument);
    use(one.call.filter);
    for (const AggregateCall::Order& order : one.call.order_by) use(order.value);
  }
  use_from(query->from);
  use_query(query->left, true);
  use_query(query->right, true);
  for (Cte* cte : query->ctes) {
    if (cte->references == 0) continue;
    use_query(cte->query, true);
    use_query(cte->initial, true);
    use_query(cte->step, true);
  }
}

bool Planner::can_pull_up(const Query* query, bool nullable) {
  if (query->grouped || !query->window_calls.empty() || query->distinct || query->limit != nullptr || query->offset != nullptr ||
      query->has_set_functions || query->set_op != sql::SetOp::none || !query->ctes.empty() || query->from == nullptr ||
      !query->row_locks.empty() || !query->order_by.empty())  // the rows keep their order when nothing above orders them
    return false;
  for (const Target& target : query->targets) {
    if (is_volatile(target.expr)) return false;
    if (nullable && target.expr->kind != ExprKind::column) return false;
  }
  return true;
}

void Planner::pull_up(FromTree*& tree, bool nullable) {
  if (tree == nullptr) return;
  for (FromTree*& item : tree->items) pull_up(item, nullable);
  if (tree->kind == FromTree::Kind::join) {
    const bool left = tree->type == sql::JoinType::right || tree->type == sql::JoinType::full;
    const bool right = tree->type == sql::JoinType::left || tree->type == sql::JoinType::full;
    pull_up(tree->left, nullable || left);
    pull_up(tree->right, nullable || right);
    return;
  }
  if (tree->kind != FromTree::Kind::leaf || tree->range == nullptr) return;
  RangeEntry& entry = *tree->range;
  if (entry.kind == RangeKind::cte && entry.cte->query != nullptr && entry.cte->references == 1 &&
      entry.cte->materialized != sql::Materialized::always && entry.cte->query->row_locks.empty()) {
    bool volatile_targets = false;
    for (const Target& target : entry.cte->query->targets)
      volatile_targets = volatile_targets || is_volatile(target.expr);
    if (!volatile_targets || entry.cte->materialized == sql::Materialized::never) {
      entry.kind = RangeKind::subquery;
      entry.subquery = entry.cte->query;
      entry.cte->references = 0;
    }
  }
  if (entry.kind != RangeKind::subquery) return;
  Query* query = entry.subquery;
  // What a barrier hides must not be seen by conditions from outside, whose functions might tell.
  if (entry.is_barrier || !can_pull_up(query, nullable)) return;
  // What is merged further in is null-extended together with this: the same restriction holds for it.
  pull_up(query->from, nullable);
  // A lateral subquery reads its neighbours: its conditions then belong to the join, which only inner joins allow.
  if (tree->lateral && nullable) return;
  entry.pulled_up = true;
  auto* list = arena_->make<FromTree>();
  list->kind = FromTree::Kind::list;
  list->items = Vec<FromTree*>(*arena_);
  list->items.push_back(query->from);
  list->condition = query->where;
  tree = list;
}

void Planner::pull_up_in(Query* query) { pull_up(query->from, false); }

}  // namespace spg::plan
