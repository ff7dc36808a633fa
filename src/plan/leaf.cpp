// FROM items that are no tables: subqueries, functions, VALUES, WITH queries; pushing conditions into subqueries.
#include "planner.hpp"

namespace spg::plan {

namespace {
/// Columns of a range entry replaced by the targets that they stand for.
Expr* with_targets(Arena& arena, Expr* expr, std::uint16_t relation, const Query* query) {
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    return ref.relation == relation ? query->targets[static_cast<std::size_t>(ref.number - 1)].expr : expr;
  }
  if (is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  Expr* made = copy_node(arena, expr);
  for_each_part(made, [&](Expr*& part) { part = with_targets(arena, part, relation, query); });
  return made;
}
Expr* with_keys(Arena& arena, Expr* expr, const Query* query) {
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    return ref.relation == query->key_range->number ? query->group_keys[static_cast<std::size_t>(ref.number - 1)]
                                                    : expr;
  }
  if (is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  Expr* made = copy_node(arena, expr);
  for_each_part(made, [&](Expr*& part) { part = with_keys(arena, part, query); });
  return made;
}
}  // namespace

/// Whether a condition on a subquery's columns keeps or drops whole partitions of all its windows.
bool Planner::reads_partitions_only(const Query* query, std::uint16_t relation, Expr* qual) {
  Vec<Column*> columns(*arena_);
  collect_columns(qual, columns);
  for (const Column* column : columns) {
    if (column->relation != relation) continue;
    const Expr* value = query->targets[static_cast<std::size_t>(column->number - 1)].expr;
    for (const WindowSpec* window : query->windows) {
      bool listed = false;
      for (const WindowKey& key : window->partition_by) listed = listed || same_expr(key.value, value);
      if (!listed) return false;
    }
  }
  return true;
}

bool Planner::push_into_query(Query* query, std::uint16_t relation, Expr* qual) {
  if (query->limit != nullptr || query->offset != nullptr || query->has_set_functions || !query->distinct_on.empty())
    return false;
  if (has_subquery(qual) || is_volatile(qual)) return false;
  if (query->set_op != sql::SetOp::none) {
    const std::uint16_t own = query->set_range->number;
    Expr* here = with_targets(*arena_, qual, relation, query);
    // Both sides must take it, or neither; the columns of a set operation are those of its sides.
    if (!can_push(query->left, own, here) || !can_push(query->right, own, here)) return false;
    return push_into_query(query->left, own, here) && push_into_query(query->right, own, here);
  }
  Expr* here = with_targets(*arena_, qual, relation, query);
  if (is_volatile(here) || has_subquery(here)) return false;
  if (query->grouped) {
    if (!can_push_below_groups(here, *query)) return false;
    here = with_keys(*arena_, here, query);
  }
  if (!query->window_calls.empty() && !reads_partitions_only(query, relation, qual)) return false;
  use(here);
  query->where = conjoin(*arena_, query->where, here);
  return true;
}

bool Planner::can_push(Query* query, std::uint16_t relation, Expr* qual) {
  if (query->limit != nullptr || query->offset != nullptr || query->has_set_functions || !query->distinct_on.empty())
    return false;
  if (has_subquery(qual) || is_volatile(qual)) return false;
  Expr* here = with_targets(*arena_, qual, relation, query);
  if (query->set_op != sql::SetOp::none)
    return can_push(query->left, query->set_range->number, here) &&
           can_push(query->right, query->set_range->number, here);
  if (is_volatile(here) || has_subquery(here)) return false;
  if (!query->window_calls.empty() && !reads_partitions_only(query, relation, qual)) return false;
  return !query->grouped || can_push_below_groups(here, *query);
}

/// A condition over keys alone may be asked of the rows instead of the groups. Of grouping sets, they must be keys of
/// all: elsewhere they are NULL, and the empty set has a row that no condition below takes away.
bool Planner::can_push_below_groups(Expr* qual, const Query& query) {
  if (query.key_range == nullptr) return false;
  if (query.aggregate_range != nullptr && reads_range(qual, query.aggregate_range->number)) return false;
  if (query.grouping_range != nullptr && reads_range(qual, query.grouping_range->number)) return false;
  if (query.group_sets.empty()) return true;
  Vec<Column*> columns(*arena_);
  collect_columns(qual, columns);
  bool any = false;
  for (const Column* column : columns) {
    if (column->relation != query.key_range->number) continue;
    any = true;
    if (!in_all_sets(query, static_cast<std::uint32_t>(column->number - 1))) return false;
  }
  return any;
}

Result<Rel> Planner::plan_leaf(Unit& unit, const WantedOrder* order) {
  SPG_TRY(arena_->check());
  RangeEntry* entry = unit.range;
  Vec<Expr*> quals(*arena_), later(*arena_);
  for (Expr* qual : unit.quals) {
    if (has_subquery(qual)) later.push_back(qual);
    else quals.push_back(qual);
  }
  const auto whole = [&](Node* node, double rows) {
    Rel rel = rel_of(node);
    Vec<OutputColumn> outputs(*arena_);
    for (std::size_t i = 0; i < entry->columns.size(); ++i) {
      const RangeColumn& column = entry->columns[i];
      OutputColumn output;
      output.name = column.name;
      output.type = column.type;
      output.typmod = column.typmod;
      output.collation = column.collation;
      output.physical = column.physical;
      output.origin_table = column.origin_table;
      output.origin_number = column.origin_number;
      outputs.push_back(output);
      rel.slots.push_back({entry->number, static_cast<std::int16_t>(i + 1)});
    }
    node->outputs = outputs.span();
    node->rows_estimate = rows;
    node->cost_total = rows * 0.01;
    return rel;
  };
  const Rel nothing = rel_of(arena_->make<Node>());
  Rel rel;
  switch (entry->kind) {
    case RangeKind::relation: {
      SPG_ASSIGN(rel, plan_table(entry, quals.span(), order));
      return apply_quals(rel, later.span());
    }
    case RangeKind::subquery: {
      Vec<Expr*> kept(*arena_);
      for (Expr* qual : quals)
        if (entry->is_barrier || !push_into_query(entry->subquery, entry->number, qual)) kept.push_back(qual);
      for (Expr* qual : later) kept.push_back(qual);
      Vec<bool> wanted(*arena_);
      for (const RangeColumn& column : entry->columns) wanted.push_back(column.used);
      SPG_ASSIGN(rel, plan_query(entry->subquery, &wanted));
      for (Slot& slot : rel.slots) slot.relation = entry->number;
      return apply_quals(rel, kept.span());
    }
    case RangeKind::function: {
      auto* node = make_node<FunctionScan>(NodeKind::function_scan);
      node->alias = entry->alias;
      node->with_ordinality = entry->with_ordinality;
      Vec<Call*> calls(*arena_);
      for (Call* call : entry->functions) {
        Expr* made = copy_node(*arena_, call);
        for_each_part(made, [&](Expr*& part) { part = simplify(part); });
        SPG_ASSIGN(Expr * resolved, resolve(made, nothing));
        calls.push_back(static_cast<Call*>(resolved));
      }
      node->functions = calls.span();
      rel = whole(node, function_rows(entry));
      break;
    }
    case RangeKind::values: {
      auto* node = make_node<Values>(NodeKind::values);
      auto* rows = arena_->array<std::span<Expr*>>(entry->rows.size());
      for (std::size_t r = 0; r < entry->rows.size(); ++r) {
        Expr** row = arena_->array<Expr*>(entry->rows[r].size());
        for (std::size_t c = 0; c < entry->rows[r].size(); ++c) {
          SPG_ASSIGN(row[c], resolve(simplify(entry->rows[r][c]), nothing));
        }
        rows[r] = {row, entry->rows[r].size()};
      }
      node->rows = {rows, entry->rows.size()};
      rel = whole(node, static_cast<double>(entry->rows.size()));
      break;
    }
    case RangeKind::cte: {
      if (entry->cte->planned == nullptr) {
        // One reader: the query stands where it is read.
        SPG_ASSIGN(rel, plan_query(entry->cte->query, nullptr));
        for (Slot& slot : rel.slots) slot.relation = entry->number;
        return apply_quals(rel, unit.quals.span());
      }
      auto* node = make_node<CteScan>(NodeKind::cte_scan);
      node->source = entry->cte->planned;
      node->name = entry->cte->name;
      node->alias = entry->alias;
      rel = whole(node, entry->cte->planned->rows_estimate);
      break;
    }
    case RangeKind::work_table: {
      auto* node = make_node<WorkTable>(NodeKind::work_table);
      node->slot = entry->cte->slot;
      node->name = entry->cte->name;
      node->alias = entry->alias;
      rel = whole(node, 100);
      break;
    }
    default: return Error::make(sqlstate::internal_error, "unexpected range entry in FROM");
  }
  return apply_quals(rel, unit.quals.span());
}

double Planner::function_rows(const RangeEntry* entry) {
  const Call* call = entry->functions.empty() ? nullptr : entry->functions[0];
  if (call == nullptr || !call->returns_set) return 1;
  // generate_series(a, b) of constants says how long it is.
  const auto number = [](const Expr* expr, std::int64_t* value) {
    if (expr->kind != ExprKind::constant || as<Constant>(*expr).value.is_null) return false;
    if (expr->physical == Physical::int4) *value = as<Constant>(*expr).value.as<std::int32_t>();
    else if (expr->physical == Physical::int8 && expr->type == oid::int8)
      *value = as<Constant>(*expr).value.as<std::int64_t>();
    else return false;
    return true;
  };
  std::int64_t from = 0, to = 0;
  if ((raw(call->function) == 1067 || raw(call->function) == 1069) && number(call->arguments[0], &from) &&
      number(call->arguments[1], &to))
    return to < from ? 1 : static_cast<double>(to) - static_cast<double>(from) + 1;
  return 1000;
}

}  // namespace spg::plan
