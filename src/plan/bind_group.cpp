// GROUP BY: its keys, and what may stand outside of aggregates.
//
// After the check every expression above the grouping reads the group's columns: keys through Query::key_range,
// aggregates through Query::aggregate_range (the latter are made when the call is bound).
#include "binder.hpp"

namespace spg::plan {

Status Binder::add_group_key(Expr* key, Query* query) {
  for (const Expr* before : query->group_keys)
    if (same_expr(before, key)) return ok();
  if (query->key_range == nullptr) {
    query->key_range = new_range(RangeKind::groups);
    query->key_range->owner = query;
    query->key_range->subquery = query;
  }
  RangeColumn column;
  column.type = key->type;
  column.typmod = key->typmod;
  column.collation = key->collation;
  column.physical = key->physical;
  if (key->kind == ExprKind::column) {
    const auto& ref = as<Column>(*key);
    const RangeColumn& origin = ranges_[ref.relation]->columns[static_cast<std::size_t>(ref.number - 1)];
    column.name = origin.name;
    column.origin_table = origin.origin_table;
    column.origin_number = origin.origin_number;
  }
  query->group_keys.push_back(key);
  query->key_range->columns.push_back(column);
  return ok();
}

Status Binder::group_by(const sql::Select& node, Query* query) {
  if (node.group_by.empty()) return ok();
  query->grouped = true;
  for (const sql::GroupItem* item : node.group_by) {
    if (item->kind == sql::GroupItemKind::empty) continue;
    if (item->kind != sql::GroupItemKind::expr)
      return fail(sqlstate::feature_not_supported, item->at, "grouping sets are not supported");
    Vec<const sql::Expr*> parts(*arena_);
    if (const auto* row = sql::as<sql::RowExpr>(item->expr); row != nullptr && !row->explicit_row)
      for (const sql::Expr* one : row->args) parts.push_back(one);
    else parts.push_back(item->expr);
    for (const sql::Expr* part : parts) {
      SPG_ASSIGN(const std::uint32_t at, sort_target(*part, query, Place::group_by, false));
      Expr* key = query->targets[at].expr;
      if (key->type == oid::unknown) {
        SPG_ASSIGN(key, settle_unknown(key));
        query->targets[at].expr = key;
      }
      for (const Aggregated& one : query->aggregates) {
        (void)one;
        if (key->kind == ExprKind::column && as<Column>(*key).relation == query->aggregate_range->number)
          return fail(sqlstate::grouping_error, key->position, "aggregate functions are not allowed in GROUP BY");
      }
      const Oid base = base_type(key->type);
      if (base != oid::record && element_of(base) == Oid::none && !has_equality(base))
        return fail(sqlstate::undefined_function, location(key), "could not identify an equality operator for type ",
                    type_text(key->type));
      SPG_TRY(add_group_key(key, query));
    }
  }
  return ok();
}

Status Binder::check_grouping(Query* query) {
  if (!query->grouped) return ok();
  for (Target& target : query->targets) { SPG_ASSIGN(target.expr, replace_groups(target.expr, query, false)); }
  if (query->having != nullptr) { SPG_ASSIGN(query->having, replace_groups(query->having, query, false)); }
  Status status;
  for_each_window_expr(query, [&](Expr*& part) {
    if (status.failed()) return;
    auto replaced = replace_groups(part, query, false);
    if (!replaced) status = replaced.take_error();
    else part = *replaced;
  });
  return status;
}

Result<Expr*> Binder::replace_groups(Expr* expr, Query* query, bool nested) {
  if (is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  for (std::size_t i = 0; i < query->group_keys.size(); ++i) {
    const Expr* key = query->group_keys[i];
    if (!same_expr(key, expr)) continue;
    return make_column(*arena_, query->key_range->number, static_cast<std::int16_t>(i + 1), expr->type, expr->typmod,
                       expr->collation, expr->physical, expr->position);
  }
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    RangeEntry* range = ranges_[ref.relation];
    if (range->owner != query || range->kind == RangeKind::groups || range->kind == RangeKind::aggregates ||
        range->kind == RangeKind::windows)
      return expr;
    // Columns that depend on a primary key among the group keys are group keys as well.
    if (range->kind == RangeKind::relation) {
      for (const catalog::IndexInfo& index : range->relation->indexes) {
        if (!index.primary || !index.immediate) continue;
        std::size_t covered = 0;
        for (const std::int16_t number : index.columns)
          for (const Expr* key : query->group_keys) {
            if (key->kind != ExprKind::column || as<Column>(*key).relation != ref.relation) continue;
            if (range->columns[static_cast<std::size_t>(as<Column>(*key).number - 1)].stored == number) {
              ++covered;
              break;
            }
          }
        if (covered != index.columns.size()) continue;
        SPG_TRY(add_group_key(expr, query));
        return replace_groups(expr, query, nested);
      }
    }
    const RangeColumn& column = range->columns[static_cast<std::size_t>(ref.number - 1)];
    if (nested)
      return fail(sqlstate::grouping_error, expr->position, "subquery uses ungrouped column \"", range->alias, ".",
                  column.name, "\" from outer query");
    return fail(sqlstate::grouping_error, expr->position, "column \"", range->alias, ".", column.name,
                "\" must appear in the GROUP BY clause or be used in an aggregate function");
  }
  Expr* made = copy_node(*arena_, expr);
  Status status;
  for_each_part(made, [&](Expr*& part) {
    if (status.failed()) return;
    auto replaced = replace_groups(part, query, nested);
    if (!replaced) status = replaced.take_error();
    else part = *replaced;
  });
  if (status.failed()) return status;
  if (made->kind == ExprKind::subquery) SPG_TRY(replace_groups_in(static_cast<QueryLink*>(made)->query, query));
  return made;
}

Status Binder::replace_groups_in(Query* inner, Query* query) {
  Status status;
  for_each_query_expr(inner, [&](Expr*& part) {
    if (status.failed()) return;
    auto replaced = replace_groups(part, query, true);
    if (!replaced) status = replaced.take_error();
    else part = *replaced;
  });
  return status;
}

}  // namespace spg::plan
