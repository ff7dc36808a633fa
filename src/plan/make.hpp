// Makers of bound expressions, and small questions about them. Private to src/plan.
#pragma once
#include "spg/plan/expr.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::plan {

namespace oid = type::oid;

/// What Call::function holds for a cast through text, for a field of a record by number, and for array[i].
inline constexpr Oid io_cast_function{0}, record_field_function{1}, array_subscript_function{6179};
inline constexpr Oid array_cat_function{383};
/// ... and for an array with an element, or a slice, assigned: UPDATE ... SET a[1] = 2, a[1:2] = '{3,4}'.
inline constexpr Oid array_assign_function{2}, array_assign_slice_function{3};
/// ... and for IS NULL and IS NOT NULL of a record that is not ROW(...), which ask after its fields.
inline constexpr Oid record_is_null_function{4}, record_is_not_null_function{5};

template <class T>
T* make_expr(Arena& arena, ExprKind kind, Oid type, Physical physical, std::int32_t position) {
  T* made = arena.make<T>();
  made->kind = kind;
  made->type = type;
  made->physical = physical;
  made->position = position;
  return made;
}
inline Unary* make_unary(Arena& arena, ExprKind kind, Expr* argument, std::int32_t position) {
  auto* made = make_expr<Unary>(arena, kind, oid::boolean, Physical::boolean, position);
  made->argument = argument;
  return made;
}
inline Constant* make_constant(Arena& arena, Oid type, const type::Value& value, std::int32_t position = -1) {
  auto* made = make_expr<Constant>(arena, ExprKind::constant, type, value.physical, position);
  made->value = value;
  return made;
}
inline Constant* make_bool(Arena& arena, bool value, std::int32_t position = -1) {
  return make_constant(arena, oid::boolean, type::Value::of(Physical::boolean, value), position);
}
inline Constant* make_int4(Arena& arena, std::int32_t value, std::int32_t position = -1) {
  return make_constant(arena, oid::int4, type::Value::of(Physical::int4, value), position);
}
inline Column* make_column(Arena& arena, std::uint16_t relation, std::int16_t number, Oid type, std::int32_t typmod,
                           Oid collation, Physical physical, std::int32_t position) {
  auto* made = make_expr<Column>(arena, ExprKind::column, type, physical, position);
  made->typmod = typmod;
  made->collation = collation;
  made->relation = relation;
  made->number = number;
  return made;
}
inline std::span<Expr*> span_of(Arena& arena, std::initializer_list<Expr*> items) {
  Expr** list = arena.array<Expr*>(items.size());
  std::size_t count = 0;
  for (Expr* item : items) list[count++] = item;
  return {list, count};
}
/// AND of two conditions, either of which may be null; flat.
Expr* conjoin(Arena& arena, Expr* a, Expr* b);
/// The parts of an AND, appended.
void split_and(Expr* condition, Vec<Expr*>& parts);

inline bool is_constant(const Expr* expr) { return expr->kind == ExprKind::constant; }
inline bool is_true_constant(const Expr* expr) {
  return is_constant(expr) && !as<Constant>(*expr).value.is_null && as<Constant>(*expr).value.as<bool>();
}
inline bool is_null_constant(const Expr* expr) { return is_constant(expr) && as<Constant>(*expr).value.is_null; }

/// The same but for source positions. Subqueries are equal only when they are the same object.
bool same_expr(const Expr* a, const Expr* b);

/// Calls `visit(Expr*&)` for the direct parts of an expression. Of subquery links: the operands, not the query.
template <class Visit>
void for_each_part(Expr* expr, Visit visit);
/// Whether a subquery stands anywhere in it; null: no.
bool has_subquery(const Expr* expr);

/// A copy of the node (not of its parts), so that its parts may be changed.
Expr* copy_node(Arena& arena, const Expr* expr);

}  // namespace spg::plan

#include "query.hpp"

namespace spg::plan {

bool same_keys(std::span<const WindowKey> a, std::span<const WindowKey> b);

template <class Visit>
void for_each_part(Expr* expr, Visit visit) {
  auto each = [&](std::span<Expr*> list) {
    for (Expr*& item : list) visit(item);
  };
  switch (expr->kind) {
    case ExprKind::call:
    case ExprKind::distinct_from:
    case ExprKind::not_distinct_from:
    case ExprKind::null_if: each(static_cast<Call*>(expr)->arguments); break;
    case ExprKind::relabel:
    case ExprKind::logical_not:
    case ExprKind::is_null:
    case ExprKind::is_not_null:
    case ExprKind::is_true:
    case ExprKind::is_not_true:
    case ExprKind::is_false:
    case ExprKind::is_not_false:
    case ExprKind::is_unknown:
    case ExprKind::is_not_unknown: visit(static_cast<Unary*>(expr)->argument); break;
    case ExprKind::logical_and:
    case ExprKind::logical_or:
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::array:
    case ExprKind::row:
    case ExprKind::grouping: each(static_cast<Variadic*>(expr)->arguments); break;
    case ExprKind::case_when: {
      auto* node = static_cast<Case*>(expr);
      for (Case::When& when : node->whens) {
        visit(when.condition);
        visit(when.result);
      }
      if (node->otherwise != nullptr) visit(node->otherwise);
      break;
    }
    case ExprKind::any_of:
    case ExprKind::all_of:
      visit(static_cast<AnyAll*>(expr)->scalar);
      visit(static_cast<AnyAll*>(expr)->array_value);
      break;
    case ExprKind::in_list:
      visit(static_cast<InList*>(expr)->scalar);
      each(static_cast<InList*>(expr)->items);
      break;
    case ExprKind::subquery: {
      auto* node = static_cast<QueryLink*>(expr);
      each(node->row_operands);
      if (node->test != nullptr) visit(node->test);
      for (SubqueryExpr::Binding& binding : node->bindings) visit(binding.value);
      break;
    }
    case ExprKind::constant:
    case ExprKind::column:
    case ExprKind::parameter:
    case ExprKind::row_id:
    case ExprKind::default_marker: break;
  }
}

/// Calls `visit(Expr*&)` for every expression that stands directly in the query or in the queries of its FROM, WITH and
/// set operations; not for the parts of expressions, nor for the queries within them.
template <class Visit>
void for_each_query_expr(Query* query, Visit visit);

template <class Visit>
void for_each_from_expr(FromTree* tree, Visit visit) {
  if (tree == nullptr) return;
  if (tree->condition != nullptr) visit(tree->condition);
  for (FromTree* item : tree->items) for_each_from_expr(item, visit);
  for_each_from_expr(tree->left, visit);
  for_each_from_expr(tree->right, visit);
  if (tree->kind != FromTree::Kind::leaf || tree->range == nullptr) return;
  if (tree->range->kind == RangeKind::subquery) for_each_query_expr(tree->range->subquery, visit);
  for (Call* call : tree->range->functions)
    for (Expr*& argument : call->arguments) visit(argument);
  for (std::span<Expr*> row : tree->range->rows)
    for (Expr*& value : row) visit(value);
  if (SampleClause* sample = tree->range->sample; sample != nullptr) {
    visit(sample->percent);
    if (sample->seed != nullptr) visit(sample->seed);
  }
}

/// The keys and frame offsets of a query's windows, arguments and filters of the calls over them. Windows may share keys,
/// which are then visited several times.
template <class Visit>
void for_each_window_expr(Query* query, Visit visit) {
  for (WindowSpec* window : query->windows) {
    for (WindowKey& key : window->partition_by) visit(key.value);
    for (WindowKey& key : window->order_by) visit(key.value);
    if (window->frame.start_offset != nullptr) visit(window->frame.start_offset);
    if (window->frame.end_offset != nullptr) visit(window->frame.end_offset);
  }
  for (WindowedCall& one : query->window_calls) {
    for (Expr*& argument : one.call.arguments) visit(argument);
    if (one.call.filter != nullptr) visit(one.call.filter);
  }
}

template <class Visit>
void for_each_query_expr(Query* query, Visit visit) {
  if (query == nullptr) return;
  for (Target& target : query->targets) visit(target.expr);
  if (query->where != nullptr) visit(query->where);
  if (query->having != nullptr) visit(query->having);
  if (query->limit != nullptr) visit(query->limit);
  if (query->offset != nullptr) visit(query->offset);
  for (Expr*& key : query->group_keys) visit(key);
  for (Aggregated& one : query->aggregates) {
    for (Expr*& argument : one.call.direct) visit(argument);
    for (Expr*& argument : one.call.arguments) visit(argument);
    if (one.call.filter != nullptr) visit(one.call.filter);
    for (AggregateCall::Order& order : one.call.order_by) visit(order.value);
  }
  for_each_window_expr(query, visit);
  for_each_from_expr(query->from, visit);
  for_each_query_expr(query->left, visit);
  for_each_query_expr(query->right, visit);
  for (Cte* cte : query->ctes) {
    for_each_query_expr(cte->query, visit);
    for_each_query_expr(cte->initial, visit);
    for_each_query_expr(cte->step, visit);
  }
}

/// Calls `visit` for the expression and all below it, subqueries too.
template <class Visit>
void for_each_below(Expr* expr, Visit& visit) {
  visit(expr);
  for_each_part(expr, [&](Expr*& part) { for_each_below(part, visit); });
  if (expr->kind == ExprKind::subquery)
    for_each_query_expr(static_cast<QueryLink*>(expr)->query, [&](Expr*& part) { for_each_below(part, visit); });
}

}  // namespace spg::plan
