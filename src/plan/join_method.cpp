// How two pieces are joined: hash, index probe, nested loop; filters and the joins that subqueries in filters become.
#include "planner.hpp"

namespace spg::plan {

using catalog::Comparison;

Rel Planner::filtered(Rel rel, Expr* condition) {
  if (condition == nullptr) return rel;
  switch (rel.node->kind) {
    case NodeKind::table_scan: {
      auto* scan = static_cast<TableScan*>(rel.node);
      scan->filter = conjoin(*arena_, scan->filter, condition);
      return rel;
    }
    case NodeKind::index_scan: {
      auto* scan = static_cast<IndexScan*>(rel.node);
      scan->filter = conjoin(*arena_, scan->filter, condition);
      return rel;
    }
    case NodeKind::virtual_scan: {
      auto* scan = static_cast<VirtualScan*>(rel.node);
      scan->filter = conjoin(*arena_, scan->filter, condition);
      return rel;
    }
    default: break;
  }
  auto* node = make_node<Filter>(NodeKind::filter);
  node->input = rel.node;
  node->condition = condition;
  node->outputs = rel.node->outputs;
  node->rows_estimate = rel.node->rows_estimate / 3 < 1 ? 1 : rel.node->rows_estimate / 3;
  node->cost_start = rel.node->cost_start;
  node->cost_total = rel.node->cost_total + rel.node->rows_estimate * 0.0025;
  rel.node = node;
  return rel;
}

Result<Rel> Planner::apply_quals(Rel rel, std::span<Expr*> quals) {
  Expr* condition = nullptr;
  for (Expr* qual : quals) {
    if (is_true_constant(qual)) continue;
    SPG_ASSIGN(const bool joined, semi_join(rel, qual));
    if (joined) continue;
    SPG_ASSIGN(Expr * resolved, resolve(qual, rel));
    condition = conjoin(*arena_, condition, resolved);
  }
  return filtered(rel, condition);
}

/// Makes the two sides of one type, so that equal values hash alike; false when there is no cheap way.
bool Planner::same_type_sides(EquiKey* key) {
  if (key->left->type == key->right->type) return true;
  const auto stringlike = [](Oid type) { return type == oid::text || type == oid::varchar; };
  if (stringlike(key->left->type) && stringlike(key->right->type)) return true;
  RangeColumn shape;
  const auto try_cast = [&](Expr*& from, const Expr* to) {
    shape.type = to->type;
    shape.physical = to->physical;
    Expr* made = as_column_type(from, shape);
    if (made == nullptr) return false;
    from = made;
    return true;
  };
  return try_cast(key->left, key->right) || try_cast(key->right, key->left);
}

bool Planner::equi_key(Expr* qual, const Rel& left, const Rel& right, EquiKey* key) {
  if (qual->kind != ExprKind::call || as<Call>(*qual).arguments.size() != 2) return false;
  const auto& call = as<Call>(*qual);
  if (catalog_->comparison_of(call.function) != Comparison::equal || is_volatile(qual)) return false;
  Expr *a = call.arguments[0], *b = call.arguments[1];
  const auto side = [&](Expr* expr, const Rel& own, const Rel& other) {
    return reads_any(expr, own) && !reads_any(expr, other);
  };
  if (side(a, left, right) && side(b, right, left)) *key = {a, b, call.function};
  else if (side(a, right, left) && side(b, left, right)) *key = {b, a, call.function};
  else return false;
  return same_type_sides(key);
}

Result<Node*> Planner::index_join(const Rel& left, const Unit& unit, JoinType type, std::span<Expr*> quals,
                                  Rel* result) {
  RangeEntry* entry = unit.range;
  const catalog::Relation& relation = *entry->relation;
  if (relation.table == TableId::none || relation.is_virtual || entry->sample != nullptr)
    return static_cast<Node*>(nullptr);
  const catalog::IndexInfo* best = nullptr;
  Vec<std::size_t> best_keys(*arena_);
  for (const catalog::IndexInfo& index : relation.indexes) {
    Vec<std::size_t> keys(*arena_);
    for (const std::int16_t stored : index.columns) {
      std::size_t found = SIZE_MAX;
      for (std::size_t q = 0; q < quals.size() && found == SIZE_MAX; ++q) {
        ColumnTest test;
        if (column_test(quals[q], entry, &test) && test.value != nullptr && test.stored == stored &&
            test.comparison == Comparison::equal)
          found = q;
      }
      if (found == SIZE_MAX) break;
      keys.push_back(found);
    }
    if (keys.size() != index.columns.size() || keys.empty()) continue;
    if (best == nullptr || (index.unique && !best->unique)) {
      best = &index;
      best_keys = keys;
    }
  }
  if (best == nullptr) return static_cast<Node*>(nullptr);
  auto* node = make_node<IndexJoin>(NodeKind::index_join);
  node->type = type;
  node->left = left.node;
  node->table = relation.table;
  node->index = best->id;
  node->relation = relation.oid;
  node->index_relation = best->oid;
  node->relation_name = relation.name;
  node->alias = entry->alias;
  node->index_name = best->name;
  Node shape;
  Rel right{&shape, Vec<Slot>(*arena_)};
  Vec<std::uint16_t> numbers(*arena_);
  scan_columns(entry, right, numbers);
  node->columns = numbers.span();
  *result = {node, Vec<Slot>(*arena_)};
  result->slots.append(left.slots.span());
  result->slots.append(right.slots.span());
  node->outputs = outputs_of({left.node, &shape});
  Vec<Expr*> keys(*arena_);
  Vec<bool> used(*arena_);
  used.resize(quals.size());
  for (const std::size_t q : best_keys) {
    ColumnTest test;
    column_test(quals[q], entry, &test);
    SPG_ASSIGN(Expr * key, resolve(test.value, left));
    keys.push_back(key);
    used[q] = true;
  }
  node->keys = keys.span();
  for (std::size_t q = 0; q < quals.size(); ++q) {
    if (used[q]) continue;
    SPG_ASSIGN(Expr * resolved, resolve(quals[q], *result));
    node->residual = conjoin(*arena_, node->residual, resolved);
  }
  for (Expr* qual : unit.quals) {
    SPG_ASSIGN(Expr * resolved, resolve(qual, *result));
    node->residual = conjoin(*arena_, node->residual, resolved);
  }
  const double per_row = best->unique ? 1 : table_rows(relation) / 200 < 1 ? 1 : table_rows(relation) / 200;
  node->rows_estimate = left.node->rows_estimate * per_row;
  node->cost_start = left.node->cost_start;
  node->cost_total = left.node->cost_total + left.node->rows_estimate * (0.04 + per_row * 0.02);
  return static_cast<Node*>(node);
}

Result<Rel> Planner::lateral_join(const Rel& left, const Rel& right, const Correlation& inner, JoinType type,
                                  std::span<Expr*> quals) {
  auto* node = make_node<LoopJoin>(NodeKind::loop_join);
  Rel rel = rel_of(node);
  node->type = type;
  node->left = left.node;
  node->right = right.node;
  rel.slots.append({left.slots.begin(), left.slots.size()});
  rel.slots.append({right.slots.begin(), right.slots.size()});
  node->outputs = outputs_of({left.node, right.node});
  SPG_ASSIGN(node->bindings, bindings_of(inner, left));
  for (Expr* qual : quals) {
    SPG_ASSIGN(Expr * resolved, resolve(qual, rel));
    node->condition = conjoin(*arena_, node->condition, resolved);
  }
  node->rows_estimate = left.node->rows_estimate * right.node->rows_estimate;
  node->cost_start = left.node->cost_start + right.node->cost_start;
  node->cost_total = left.node->cost_total + left.node->rows_estimate * right.node->cost_total;
  return rel;
}

Result<Rel> Planner::join(Rel left, Unit* unit, Rel right, JoinType type, std::span<Expr*> quals, bool lateral) {
  if (lateral) {
    Correlation inner{correlation_, Vec<Correlation::Read>(*arena_)};
    correlation_ = &inner;
    auto planned = plan_unit(*unit, nullptr);
    correlation_ = inner.outer;
    if (!planned) return planned;
    return lateral_join(left, *planned, inner, type, quals);
  }
  const bool is_table =
      unit != nullptr && unit->range != nullptr && unit->range->kind == RangeKind::relation && right.node == nullptr;
  if (is_table) {
    const double total = table_rows(*unit->range->relation);
    double wanted = total;
    for (Expr* qual : unit->quals) wanted *= selectivity(qual, unit->range, total);
    const double probing = left.node->rows_estimate * 0.06,
                 hashing = total * 0.02 + wanted * 0.02 + left.node->rows_estimate * 0.01;
    if (probing < hashing) {
      Rel result;
      SPG_ASSIGN(Node * node, index_join(left, *unit, type, quals, &result));
      if (node != nullptr) return result;
    }
  }
  if (right.node == nullptr) { SPG_ASSIGN(right, plan_unit(*unit, nullptr)); }
  // The smaller side of an inner join is built.
  if (type == JoinType::inner && left.node->rows_estimate < right.node->rows_estimate) std::swap(left, right);
  Vec<HashJoin::Key> keys(*arena_);
  Vec<Expr*> rest(*arena_);
  Rel both;
  both.slots = Vec<Slot>(*arena_);
  both.slots.append(left.slots.span());
  both.slots.append(right.slots.span());
  Node shape;
  shape.outputs = outputs_of({left.node, right.node});
  both.node = &shape;
  for (Expr* qual : quals) {
    EquiKey key{};
    if (!equi_key(qual, left, right, &key)) {
      rest.push_back(qual);
      continue;
    }
    SPG_ASSIGN(Expr * a, resolve(key.left, left));
    SPG_ASSIGN(Expr * b, resolve(key.right, right));
    keys.push_back({a, b, key.function});
  }
  Expr* condition = nullptr;
  for (Expr* qual : rest) {
    SPG_ASSIGN(Expr * resolved, resolve(qual, both));
    condition = conjoin(*arena_, condition, resolved);
  }
  const double a = left.node->rows_estimate, b = right.node->rows_estimate;
  if (!keys.empty()) {
    auto* node = make_node<HashJoin>(NodeKind::hash_join);
    node->type = type;
    node->left = left.node;
    node->right = right.node;
    node->keys = keys.span();
    node->residual = condition;
    node->outputs = shape.outputs;
    node->rows_estimate = a > b ? a : b;
    node->cost_start = right.node->cost_total + b * 0.02;
    node->cost_total = node->cost_start + left.node->cost_total + a * 0.01 + node->rows_estimate * 0.01;
    both.node = node;
    return both;
  }
  auto* node = make_node<LoopJoin>(NodeKind::loop_join);
  node->type = type;
  node->left = left.node;
  node->right = right.node;
  if (right.node->kind != NodeKind::values && right.node->kind != NodeKind::cte_scan) {
    auto* kept = make_node<Materialize>(NodeKind::materialize);
    kept->input = right.node;
    kept->outputs = right.node->outputs;
    kept->rows_estimate = b;
    kept->cost_start = right.node->cost_start;
    kept->cost_total = right.node->cost_total + b * 0.005;
    node->right = kept;
  }
  node->condition = condition;
  node->outputs = shape.outputs;
  node->rows_estimate = condition == nullptr ? a * b : a * b / 3 < 1 ? 1 : a * b / 3;
  node->cost_start = left.node->cost_start + right.node->cost_start;
  node->cost_total = left.node->cost_total + right.node->cost_total + a * b * 0.01;
  both.node = node;
  return both;
}

// ------------------------------------------------------------------------------------- subqueries that become joins

namespace {
/// Replaces the parameters that stand for a subquery's row by what the row holds.
Expr* with_row(Arena& arena, Expr* expr, std::uint32_t first, std::span<Expr*> row) {
  if (expr->kind == ExprKind::parameter) {
    const auto& parameter = as<Parameter>(*expr);
    if (parameter.internal && parameter.number >= first && parameter.number - first < row.size())
      return row[parameter.number - first];
    return expr;
  }
  if (is_constant(expr) || expr->kind == ExprKind::column) return expr;
  Expr* made = copy_node(arena, expr);
  for_each_part(made, [&](Expr*& part) { part = with_row(arena, part, first, row); });
  return made;
}
}  // namespace

bool Planner::covers_unique_key(const RangeEntry* entry, const Vec<Expr*>& quals) {
  for (const catalog::IndexInfo& index : entry->relation->indexes) {
    if (!index.is_always_unique()) continue;
    std::size_t covered = 0;
    for (const std::int16_t stored : index.columns)
      for (Expr* qual : quals) {
        ColumnTest test;
        if (!column_test(qual, entry, &test) || test.value == nullptr || test.stored != stored ||
            test.comparison != Comparison::equal)
          continue;
        ++covered;
        break;
      }
    if (covered == index.columns.size()) return true;
  }
  return false;
}

/// Turns EXISTS, IN and their negations into a join of `rel`; false when the condition is something else or too
/// complex.
Result<bool> Planner::semi_join(Rel& rel, Expr* qual) {
  bool negated = false;
  Expr* inside = qual;
  if (inside->kind == ExprKind::logical_not) {
    negated = true;
    inside = static_cast<Unary*>(inside)->argument;
  }
  if (inside->kind != ExprKind::subquery) return false;
  auto* link = static_cast<QueryLink*>(inside);
  const bool exists = link->form == SubqueryExpr::Form::exists;
  if (!exists && link->form != SubqueryExpr::Form::any) return false;
  Query* query = link->query;
  const auto reads_left = [&](Expr* expr) { return reads_any(expr, rel); };
  Vec<Column*> all(*arena_);
  collect_columns_of(query, all);
  bool correlated = false;
  for (const Column* column : all)
    for (const Slot& slot : rel.slots)
      correlated = correlated || (slot.relation == column->relation && slot.number == column->number);
  if (exists && !correlated) return false;  // evaluated once
  const bool simple = !query->grouped && query->window_calls.empty() && query->set_op == sql::SetOp::none && query->limit == nullptr &&
                      query->offset == nullptr && !query->has_set_functions && query->ctes.empty() &&
                      query->from != nullptr && query->distinct_on.empty();
  if (correlated && !simple) return false;
  Vec<Expr*> between(*arena_);
  Expr* local = nullptr;
  Rel right;
  if (simple && (correlated || (!negated && !exists))) {
    pull_up_in(query);
    bool sideways = false;
    for_each_from_expr(query->from, [&](Expr*& expr) { sideways = sideways || reads_left(expr); });
    if (sideways) {
      // Conditions of inner joins may move up; anything else that reads the left side may not.
      return false;
    }
    Vec<Expr*> quals(*arena_);
    split_and(query->where == nullptr ? nullptr : simplify(query->where), quals);
    for (Expr* one : quals) {
      if (reads_left(one)) between.push_back(one);
      else local = conjoin(*arena_, local, one);
    }
    if (!exists) {
      Vec<Expr*> row(*arena_);
      for (std::uint32_t i = 0; i < query->visible; ++i) row.push_back(simplify(query->targets[i].expr));
      split_and(with_row(*arena_, link->test, link->first_row_param, row.span()), between);
    }
    if (negated && !exists) return false;
    if (!negated) {
      // At most one row matches when a unique key is covered: then it is an inner join, which can use the index.
      FromTree* single = query->from;
      while (single->kind == FromTree::Kind::list && single->items.size() == 1 && single->condition == nullptr)
        single = single->items[0];
      if (single->kind == FromTree::Kind::leaf && single->range->kind == RangeKind::relation &&
          covers_unique_key(single->range, between)) {
        Unit unit;
        unit.range = single->range;
        unit.quals = Vec<Expr*>(*arena_);
        split_and(local, unit.quals);
        SPG_ASSIGN(rel, join(rel, &unit, Rel{}, JoinType::inner, between.span(), false));
        return true;
      }
    }
    // Without an equality the join would compare every pair; the subplan does no worse and can use indexes.
    Rel inner_shape{arena_->make<Node>(), Vec<Slot>(*arena_)};
    Vec<std::uint16_t> inner_ranges(*arena_);
    ranges_of(query->from, inner_ranges);
    for (const std::uint16_t one : inner_ranges)
      for (std::size_t c = 0; c < range(one)->columns.size(); ++c)
        inner_shape.slots.push_back({one, static_cast<std::int16_t>(c + 1)});
    bool any_key = false;
    for (Expr* one : between) {
      EquiKey key{};
      any_key = any_key || equi_key(one, rel, inner_shape, &key);
    }
    if (!any_key) return false;
    SPG_ASSIGN(right, plan_from(query->from, local, nullptr));
  } else {
    SPG_ASSIGN(right, plan_query(query, nullptr));
    RangeEntry* stand_in = new_range();
    Vec<Expr*> row(*arena_);
    for (std::size_t i = 0; i < right.node->outputs.size(); ++i) {
      const OutputColumn& output = right.node->outputs[i];
      RangeColumn column;
      column.name = output.name;
      column.type = output.type;
      column.typmod = output.typmod;
      column.collation = output.collation;
      column.physical = output.physical;
      stand_in->columns.push_back(column);
      right.slots[i].relation = stand_in->number;
      right.slots[i].number = static_cast<std::int16_t>(i + 1);
      row.push_back(make_column(*arena_, stand_in->number, static_cast<std::int16_t>(i + 1), output.type, output.typmod,
                                output.collation, output.physical, -1));
    }
    split_and(with_row(*arena_, link->test, link->first_row_param, row.span()), between);
  }
  Vec<HashJoin::Key> keys(*arena_);
  Rel both;
  both.slots = Vec<Slot>(*arena_);
  both.slots.append(rel.slots.span());
  both.slots.append(right.slots.span());
  Node shape;
  shape.outputs = outputs_of({rel.node, right.node});
  both.node = &shape;
  Expr* residual = nullptr;
  for (Expr* one : between) {
    EquiKey key{};
    if (equi_key(one, rel, right, &key)) {
      SPG_ASSIGN(Expr * a, resolve(key.left, rel));
      SPG_ASSIGN(Expr * b, resolve(key.right, right));
      keys.push_back({a, b, key.function});
      continue;
    }
    SPG_ASSIGN(Expr * resolved, resolve(one, both));
    residual = conjoin(*arena_, residual, resolved);
  }
  if (keys.empty()) return false;
  if (negated && !exists && (keys.size() != 1 || residual != nullptr)) return false;
  auto* node = make_node<HashJoin>(NodeKind::hash_join);
  node->type = !negated ? JoinType::semi : exists ? JoinType::anti : JoinType::anti_null_aware;
  node->left = rel.node;
  node->right = right.node;
  node->keys = keys.span();
  node->residual = residual;
  node->outputs = rel.node->outputs;
  node->rows_estimate = rel.node->rows_estimate / 2 < 1 ? 1 : rel.node->rows_estimate / 2;
  node->cost_start = right.node->cost_total + right.node->rows_estimate * 0.02;
  node->cost_total = node->cost_start + rel.node->cost_total + rel.node->rows_estimate * 0.02;
  rel.node = node;
  return true;
}

}  // namespace spg::plan
