// FROM: flattening it into units and conditions, the order of joins, outer joins.
//
// Inner joins are free: their items become units, their conditions join those of WHERE. Outer joins are units of their
// own, unless a condition above rejects the rows that they add. The order is the cheapest left-deep one (dynamic
// programming up to ten units, greedy beyond).
#include "planner.hpp"

namespace spg::plan {

using catalog::Comparison;

RangeEntry* Planner::new_range() {
  auto* made = arena_->make<RangeEntry>();
  made->kind = RangeKind::set;
  made->number = static_cast<std::uint16_t>(bound_->ranges.size());
  made->columns = Vec<RangeColumn>(*arena_);
  bound_->ranges.push_back(made);
  return made;
}

void Planner::ranges_of(const FromTree* tree, Vec<std::uint16_t>& ranges) {
  if (tree == nullptr) return;
  if (tree->range != nullptr && tree->kind == FromTree::Kind::leaf) ranges.push_back(tree->range->number);
  for (const FromTree* item : tree->items) ranges_of(item, ranges);
  ranges_of(tree->left, ranges);
  ranges_of(tree->right, ranges);
}

/// Whether the expression is NULL when a column that it reads is (for all columns that it reads).
bool Planner::is_strict(Expr* expr) {
  switch (expr->kind) {
    case ExprKind::constant:
    case ExprKind::column:
    case ExprKind::parameter: return true;
    case ExprKind::call:
      if (!as<Call>(*expr).strict || as<Call>(*expr).returns_set) return false;
      for (Expr* part : as<Call>(*expr).arguments)
        if (!is_strict(part)) return false;
      return true;
    case ExprKind::relabel: return is_strict(static_cast<Unary*>(expr)->argument);
    default: return false;
  }
}

void Planner::find_nonnullable(Expr* condition, Vec<std::uint16_t>& found) {
  if (condition == nullptr) return;
  const auto add = [&](Expr* expr) {
    if (!is_strict(expr)) return;
    Vec<Column*> columns(*arena_);
    collect_columns(expr, columns);
    for (const Column* column : columns) found.push_back(column->relation);
  };
  switch (condition->kind) {
    case ExprKind::logical_and:
      for (Expr* part : static_cast<Variadic*>(condition)->arguments) find_nonnullable(part, found);
      break;
    case ExprKind::is_not_null:
    case ExprKind::is_true:
    case ExprKind::is_false: add(static_cast<Unary*>(condition)->argument); break;
    case ExprKind::in_list: add(as<InList>(*condition).scalar); break;
    case ExprKind::any_of: add(as<AnyAll>(*condition).scalar); break;
    case ExprKind::logical_not: add(static_cast<Unary*>(condition)->argument); break;
    default: add(condition); break;
  }
}

void Planner::reduce_outer_joins(FromTree* tree, const Vec<std::uint16_t>& nonnullable) {
  if (tree == nullptr) return;
  if (tree->kind == FromTree::Kind::join && tree->type != sql::JoinType::inner) {
    const auto any = [&](const FromTree* side) {
      Vec<std::uint16_t> ranges(*arena_);
      ranges_of(side, ranges);
      for (const std::uint16_t range : ranges)
        for (const std::uint16_t one : nonnullable)
          if (range == one) return true;
      return false;
    };
    const bool left = any(tree->left), right = any(tree->right);
    using sql::JoinType;
    if (tree->type == JoinType::full) {
      if (left && right) tree->type = JoinType::inner;
      else if (left) tree->type = JoinType::left;
      else if (right) tree->type = JoinType::right;
    } else if ((tree->type == JoinType::left && right) || (tree->type == JoinType::right && left)) {
      tree->type = JoinType::inner;
    }
  }
  for (FromTree* item : tree->items) reduce_outer_joins(item, nonnullable);
  reduce_outer_joins(tree->left, nonnullable);
  reduce_outer_joins(tree->right, nonnullable);
}

void Planner::flatten(FromTree* tree, Vec<Expr*>& quals, Vec<Unit>& units) {
  if (tree == nullptr) return;
  const bool inner =
      tree->kind == FromTree::Kind::list || (tree->kind == FromTree::Kind::join && tree->type == sql::JoinType::inner);
  if (inner) {
    for (FromTree* item : tree->items) flatten(item, quals, units);
    flatten(tree->left, quals, units);
    flatten(tree->right, quals, units);
    if (tree->condition != nullptr) split_and(simplify(tree->condition), quals);
    return;
  }
  Unit unit;
  unit.quals = Vec<Expr*>(*arena_);
  if (tree->kind == FromTree::Kind::leaf) unit.range = tree->range;
  else unit.join = tree;
  units.push_back(unit);
}

void Planner::derive_equalities(Vec<Expr*>& quals) {
  const std::size_t count = quals.size();
  const auto equality = [&](Expr* qual, Expr** a, Expr** b) {
    if (qual->kind != ExprKind::call || as<Call>(*qual).arguments.size() != 2) return false;
    if (catalog_->comparison_of(as<Call>(*qual).function) != Comparison::equal) return false;
    *a = as<Call>(*qual).arguments[0];
    *b = as<Call>(*qual).arguments[1];
    return true;
  };
  for (std::size_t i = 0; i < count; ++i) {
    Expr *a = nullptr, *b = nullptr;
    if (!equality(quals[i], &a, &b)) continue;
    if (a->kind != ExprKind::column || (b->kind != ExprKind::constant && b->kind != ExprKind::parameter)) continue;
    for (std::size_t j = 0; j < count; ++j) {
      Expr *c = nullptr, *d = nullptr;
      if (i == j || !equality(quals[j], &c, &d) || c->kind != ExprKind::column || d->kind != ExprKind::column) continue;
      Expr* other = same_expr(a, c) ? d : same_expr(a, d) ? c : nullptr;
      if (other == nullptr || other->type != a->type || as<Call>(*quals[i]).function != as<Call>(*quals[j]).function)
        continue;
      auto* made = static_cast<Call*>(copy_node(*arena_, quals[i]));
      made->arguments[0] = other;
      bool known = false;
      for (const Expr* qual : quals) known = known || same_expr(qual, made);
      if (!known) quals.push_back(made);
    }
  }
}

Result<Rel> Planner::plan_from(FromTree* from, Expr* where, const WantedOrder* order) {
  Vec<Expr*> quals(*arena_);
  split_and(where == nullptr ? nullptr : simplify(where), quals);
  Vec<std::uint16_t> nonnullable(*arena_);
  for (Expr* qual : quals) find_nonnullable(qual, nonnullable);
  for (FromTree* tree = from; tree != nullptr; tree = nullptr) {
    // Conditions of inner joins at the top reject rows as WHERE does.
    Vec<FromTree*> open(*arena_);
    open.push_back(tree);
    for (std::size_t i = 0; i < open.size(); ++i) {
      FromTree* one = open[i];
      if (one->kind == FromTree::Kind::leaf || (one->kind == FromTree::Kind::join && one->type != sql::JoinType::inner))
        continue;
      if (one->condition != nullptr) find_nonnullable(simplify(one->condition), nonnullable);
      for (FromTree* item : one->items) open.push_back(item);
      if (one->left != nullptr) open.push_back(one->left);
      if (one->right != nullptr) open.push_back(one->right);
    }
  }
  reduce_outer_joins(from, nonnullable);
  Vec<Unit> units(*arena_);
  flatten(from, quals, units);
  if (units.empty()) return apply_quals(one_row(), quals.span());
  if (units.size() > 64) return Error::make(sqlstate::statement_too_complex, "more than 64 tables in one join");
  derive_equalities(quals);
  return plan_units(units, quals, order);
}

Result<Rel> Planner::plan_units(Vec<Unit>& units, Vec<Expr*>& quals, const WantedOrder* order) {
  const std::size_t count = units.size();
  Vec<std::uint8_t> unit_of(*arena_);
  unit_of.resize(bound_->ranges.size());
  for (std::uint8_t& one : unit_of) one = 255;
  for (std::size_t u = 0; u < count; ++u) {
    Vec<std::uint16_t> ranges(*arena_);
    if (units[u].range != nullptr) ranges.push_back(units[u].range->number);
    else ranges_of(units[u].join, ranges);
    for (const std::uint16_t one : ranges) unit_of[one] = static_cast<std::uint8_t>(u);
  }
  const auto mask_of_columns = [&](const Vec<Column*>& columns) {
    std::uint64_t mask = 0;
    for (const Column* column : columns)
      if (column->relation < unit_of.size() && unit_of[column->relation] != 255)
        mask |= std::uint64_t{1} << unit_of[column->relation];
    return mask;
  };
  for (std::size_t u = 0; u < count; ++u) {
    Vec<Column*> columns(*arena_);
    FromTree leaf;
    leaf.range = units[u].range;
    const auto visit = [&](Expr*& expr) { collect_columns(expr, columns); };
    if (units[u].join != nullptr) for_each_from_expr(units[u].join, visit);
    else for_each_from_expr(&leaf, visit);
    units[u].needs = mask_of_columns(columns) & ~(std::uint64_t{1} << u);
  }
  Vec<JoinQual> joins(*arena_);
  Vec<Expr*> last(*arena_);
  for (Expr* qual : quals) {
    Vec<Column*> columns(*arena_);
    collect_columns(qual, columns);
    const std::uint64_t mask = mask_of_columns(columns);
    if (mask == 0 || (is_volatile(qual) && count > 1)) last.push_back(qual);
    else if ((mask & (mask - 1)) == 0) units[static_cast<std::size_t>(__builtin_ctzll(mask))].quals.push_back(qual);
    else joins.push_back({qual, mask, false});
  }
  if (count == 1) {
    SPG_ASSIGN(const Rel rel, plan_unit(units[0], order));
    return apply_quals(rel, last.span());
  }

  // Units that are not tables are planned now: their size is known only then.
  Rel* planned = arena_->array<Rel>(count);
  double* unit_cost = arena_->array<double>(count);
  for (std::size_t u = 0; u < count; ++u) {
    planned[u] = Rel{};
    const bool is_table = units[u].range != nullptr && units[u].range->kind == RangeKind::relation;
    if (is_table) {
      units[u].rows = table_rows(*units[u].range->relation);
      unit_cost[u] = units[u].rows * 0.02;
      const double total = units[u].rows;
      for (Expr* qual : units[u].quals) units[u].rows *= selectivity(qual, units[u].range, total);
      if (units[u].rows < 1) units[u].rows = 1;
      continue;
    }
    if (units[u].needs != 0) {
      units[u].rows = 10;
      unit_cost[u] = 10;
      continue;
    }
    SPG_ASSIGN(planned[u], plan_unit(units[u], nullptr));
    units[u].rows = planned[u].node->rows_estimate;
    unit_cost[u] = planned[u].node->cost_total;
  }
  const auto distinct_values = [&](Expr* side) {
    Vec<Column*> columns(*arena_);
    collect_columns(side, columns);
    double best = 200;
    for (const Column* column : columns) {
      RangeEntry* entry = range(column->relation);
      if (entry->relation == nullptr) continue;
      const double rows = table_rows(*entry->relation);
      const std::int16_t stored = entry->columns[static_cast<std::size_t>(column->number - 1)].stored;
      for (const catalog::IndexInfo& index : entry->relation->indexes)
        if (index.unique && index.columns.size() == 1 && index.columns[0] == stored && rows > best) best = rows;
    }
    return best;
  };
  double* join_selectivity = arena_->array<double>(joins.size() + 1);
  for (std::size_t j = 0; j < joins.size(); ++j) {
    Expr* qual = joins[j].expr;
    join_selectivity[j] = 1.0 / 3;
    if (qual->kind == ExprKind::call && as<Call>(*qual).arguments.size() == 2 &&
        catalog_->comparison_of(as<Call>(*qual).function) == Comparison::equal) {
      const double a = distinct_values(as<Call>(*qual).arguments[0]), b = distinct_values(as<Call>(*qual).arguments[1]);
      join_selectivity[j] = 1 / (a > b ? a : b);
    }
  }
  const auto rows_of = [&](std::uint64_t mask) {
    double rows = 1;
    for (std::size_t u = 0; u < count; ++u)
      if (mask >> u & 1) rows *= units[u].rows;
    for (std::size_t j = 0; j < joins.size(); ++j)
      if ((joins[j].units & ~mask) == 0) rows *= join_selectivity[j];
    return rows < 1 ? 1 : rows;
  };
  const auto connected = [&](std::uint64_t mask, std::size_t u) {
    for (const JoinQual& one : joins)
      if ((one.units >> u & 1) != 0 && (one.units & mask) != 0 && (one.units & ~(mask | std::uint64_t{1} << u)) == 0)
        return true;
    return false;
  };
  const auto step_cost = [&](std::uint64_t mask, std::size_t u) {
    const double left = rows_of(mask), out = rows_of(mask | std::uint64_t{1} << u);
    if (!connected(mask, u)) return unit_cost[u] + left * units[u].rows * 0.01 + out * 0.01 + 100;
    const double hash = unit_cost[u] + units[u].rows * 0.02 + left * 0.01 + out * 0.01;
    const bool is_table = units[u].range != nullptr && units[u].range->kind == RangeKind::relation;
    const double probe = left * 0.06 + out * 0.01;
    return is_table && can_probe(units[u], mask, joins, unit_of) && probe < hash ? probe : hash;
  };

  Vec<std::uint8_t> sequence(*arena_);
  if (count <= 10) {
    struct State {
      double cost;
      std::uint8_t last;
      bool reached;
    };
    const std::size_t states = std::size_t{1} << count;
    State* best = arena_->array<State>(states);
    for (std::size_t i = 0; i < states; ++i) best[i] = {0, 0, false};
    for (std::size_t u = 0; u < count; ++u)
      if (units[u].needs == 0) best[std::size_t{1} << u] = {unit_cost[u], static_cast<std::uint8_t>(u), true};
    for (std::size_t mask = 1; mask < states; ++mask) {
      if (!best[mask].reached) continue;
      for (std::size_t u = 0; u < count; ++u) {
        const std::size_t bit = std::size_t{1} << u;
        if ((mask & bit) != 0 || (units[u].needs & ~mask) != 0) continue;
        const double cost = best[mask].cost + step_cost(mask, u);
        State& to = best[mask | bit];
        if (!to.reached || cost < to.cost) to = {cost, static_cast<std::uint8_t>(u), true};
      }
    }
    if (!best[states - 1].reached)
      return Error::make(sqlstate::feature_not_supported, "LATERAL references form a cycle");
    for (std::size_t mask = states - 1; mask != 0;) {
      sequence.push_back(best[mask].last);
      mask &= ~(std::size_t{1} << best[mask].last);
    }
    for (std::size_t i = 0; i < count / 2; ++i) std::swap(sequence[i], sequence[count - 1 - i]);
  } else {
    std::uint64_t mask = 0;
    while (sequence.size() < count) {
      std::size_t chosen = SIZE_MAX;
      double cost = 0;
      for (std::size_t u = 0; u < count; ++u) {
        if ((mask >> u & 1) != 0 || (units[u].needs & ~mask) != 0) continue;
        const double one = mask == 0 ? units[u].rows : step_cost(mask, u);
        if (chosen == SIZE_MAX || one < cost) {
          chosen = u;
          cost = one;
        }
      }
      if (chosen == SIZE_MAX) return Error::make(sqlstate::feature_not_supported, "LATERAL references form a cycle");
      sequence.push_back(static_cast<std::uint8_t>(chosen));
      mask |= std::uint64_t{1} << chosen;
    }
  }

  Rel rel;
  std::uint64_t mask = 0;
  for (const std::uint8_t u : sequence) {
    const std::uint64_t bit = std::uint64_t{1} << u;
    if (mask == 0) {
      if (planned[u].node != nullptr) rel = planned[u];
      else { SPG_ASSIGN(rel, plan_unit(units[u], nullptr)); }
      mask = bit;
      continue;
    }
    mask |= bit;
    Vec<Expr*> here(*arena_);
    for (JoinQual& one : joins) {
      if (one.done || (one.units & ~mask) != 0) continue;
      one.done = true;
      here.push_back(one.expr);
    }
    SPG_ASSIGN(rel, join(rel, &units[u], planned[u], JoinType::inner, here.span(), units[u].needs != 0));
    rel.node->rows_estimate = rows_of(mask);
  }
  return apply_quals(rel, last.span());
}

/// Whether an index of the table has all its key columns equated to columns of the units in `mask`.
bool Planner::can_probe(const Unit& unit, std::uint64_t mask, const Vec<JoinQual>& joins,
                        const Vec<std::uint8_t>& unit_of) {
  (void)unit_of;
  for (const catalog::IndexInfo& index : unit.range->relation->indexes) {
    std::size_t covered = 0;
    for (const std::int16_t stored : index.columns) {
      bool found = false;
      for (const JoinQual& one : joins) {
        ColumnTest test;
        if ((one.units & mask) != 0 && column_test(one.expr, unit.range, &test) && test.value != nullptr &&
            test.stored == stored && test.comparison == Comparison::equal)
          found = true;
      }
      if (!found) break;
      ++covered;
    }
    if (covered == index.columns.size() && covered != 0) return true;
  }
  return false;
}

Result<Rel> Planner::plan_unit(Unit& unit, const WantedOrder* order) {
  if (unit.join != nullptr) return plan_outer_join(unit.join, unit.quals);
  return plan_leaf(unit, order);
}

Result<Rel> Planner::plan_outer_join(FromTree* tree, Vec<Expr*>& quals) {
  FromTree *left_tree = tree->left, *right_tree = tree->right;
  JoinType type = tree->type == sql::JoinType::full ? JoinType::full : JoinType::left;
  if (tree->type == sql::JoinType::right) std::swap(left_tree, right_tree);
  Vec<std::uint16_t> left_ranges(*arena_), right_ranges(*arena_);
  ranges_of(left_tree, left_ranges);
  ranges_of(right_tree, right_ranges);
  const auto reads = [&](Expr* qual, const Vec<std::uint16_t>& ranges) {
    Vec<Column*> columns(*arena_);
    collect_columns(qual, columns);
    for (const Column* column : columns)
      for (const std::uint16_t one : ranges)
        if (column->relation == one) return true;
    return false;
  };
  Vec<Expr*> on(*arena_), between(*arena_), above(*arena_);
  split_and(tree->condition == nullptr ? nullptr : simplify(tree->condition), on);
  Expr *left_where = nullptr, *right_where = nullptr;
  for (Expr* qual : on) {
    if (type == JoinType::left && !reads(qual, left_ranges) && !is_volatile(qual))
      right_where = conjoin(*arena_, right_where, qual);
    else between.push_back(qual);
  }
  for (Expr* qual : quals) {
    if (type == JoinType::left && !reads(qual, right_ranges) && !is_volatile(qual))
      left_where = conjoin(*arena_, left_where, qual);
    else above.push_back(qual);
  }
  // A constant for the left side of an equality holds on the right side as well: only matching rows matter there.
  if (type == JoinType::left && left_where != nullptr) {
    Vec<Expr*> derived(*arena_);
    split_and(left_where, derived);
    const std::size_t own = derived.size();
    for (Expr* qual : between) derived.push_back(qual);
    derive_equalities(derived);
    for (std::size_t i = own + between.size(); i < derived.size(); ++i)
      if (!reads(derived[i], left_ranges) && reads(derived[i], right_ranges))
        right_where = conjoin(*arena_, right_where, derived[i]);
  }
  SPG_ASSIGN(const Rel left, plan_from(left_tree, left_where, nullptr));
  Vec<Column*> side_columns(*arena_);
  for_each_from_expr(right_tree, [&](Expr*& expr) { collect_columns(expr, side_columns); });
  bool lateral = false;
  for (const Column* column : side_columns)
    for (const std::uint16_t one : left_ranges) lateral = lateral || column->relation == one;
  Unit unit;
  unit.quals = Vec<Expr*>(*arena_);
  Rel right;
  FromTree* single = right_tree;
  while (single->kind == FromTree::Kind::list && single->items.size() == 1 && single->condition == nullptr)
    single = single->items[0];
  if (single->kind == FromTree::Kind::leaf && single->range->kind == RangeKind::relation && type == JoinType::left) {
    unit.range = single->range;
    split_and(right_where, unit.quals);
  } else if (!lateral) {
    SPG_ASSIGN(right, plan_from(right_tree, right_where, nullptr));
  } else {
    unit.join = nullptr;
    Correlation inner{correlation_, Vec<Correlation::Read>(*arena_)};
    correlation_ = &inner;
    auto planned = plan_from(right_tree, right_where, nullptr);
    correlation_ = inner.outer;
    if (!planned) return planned;
    SPG_ASSIGN(Rel rel, lateral_join(left, *planned, inner, type, between.span()));
    return apply_quals(rel, above.span());
  }
  SPG_ASSIGN(Rel rel, join(left, unit.range == nullptr ? nullptr : &unit, right, type, between.span(), lateral));
  return apply_quals(rel, above.span());
}

}  // namespace spg::plan
