// Aggregate calls: the query that one belongs to, and what ordered-set aggregates ask of their arguments.
#include "binder.hpp"

namespace spg::plan {

/// The first aggregate or GROUPING of the query in the expression; null: there is none.
Expr* Binder::find_aggregate_of(Expr* expr, const Query* query) {
  Expr* found = nullptr;
  auto look = [&](Expr* part) {
    if (found != nullptr) return;
    const bool is_aggregate = part->kind == ExprKind::column && query->aggregate_range != nullptr &&
                              as<Column>(*part).relation == query->aggregate_range->number;
    if (is_aggregate || (part->kind == ExprKind::grouping && static_cast<GroupingExpr*>(part)->query == query))
      found = part;
  };
  for_each_below(expr, look);
  return found;
}

/// Of an argument of an aggregate of the query.
Status Binder::check_nesting(Expr* arg, const Query* query) {
  if (const Expr* inner = find_aggregate_of(arg, query); inner != nullptr)
    return fail(sqlstate::grouping_error, inner->position, "aggregate function calls cannot be nested");
  if (const Expr* inner = find_window_call(arg, scope_->query); inner != nullptr)
    return fail(sqlstate::grouping_error, inner->position,
                "aggregate function calls cannot contain window function calls");
  return ok();
}

/// The scope whose query an aggregate (or GROUPING) over `args` belongs to: the innermost of those whose columns they
/// read. `what` names it in messages.
Result<Scope*> Binder::owner_of(std::span<Expr* const> args, std::int32_t at, std::string_view what) {
  if (scope_ == nullptr || scope_->query == nullptr)
    return fail(sqlstate::grouping_error, at, what, " are not allowed in ",
                place_name(scope_ == nullptr ? Place::default_value : scope_->place));
  Vec<const Query*> read(*arena_);
  auto note = [&](Expr* part) {
    if (part->kind == ExprKind::column) read.push_back(ranges_[as<Column>(*part).relation]->owner);
    if (part->kind == ExprKind::grouping) read.push_back(static_cast<GroupingExpr*>(part)->query);
  };
  for (Expr* arg : args) for_each_below(arg, note);
  Scope* owner = nullptr;
  for (Scope* scope = scope_; scope != nullptr && owner == nullptr; scope = scope->outer)
    for (const Query* query : read)
      if (query == scope->query) owner = scope;
  if (owner == nullptr) owner = scope_;
  for (Expr* arg : args) SPG_TRY(check_nesting(arg, owner->query));
  if (owner->place == Place::from_subquery)
    return fail(sqlstate::grouping_error, at, what, " are not allowed in FROM clause of their own query level");
  if (!owner->aggregates_allowed || owner->place == Place::none)
    return fail(sqlstate::grouping_error, at, what, " are not allowed in ", place_name(owner->place));
  for (const NameItem& item : owner->items)
    if (item.range != nullptr && item.range->kind == RangeKind::work_table)
      return fail(sqlstate::invalid_recursion, at, what, " are not allowed in a recursive query's recursive term");
  return owner;
}

/// WITHIN GROUP, or its absence: as the aggregate wants it. Hypothetical arguments get the types of what they are
/// compared with.
Status Binder::check_aggregate_form(const sql::FunctionCall& node, const Candidate& chosen, std::span<Expr*> args,
                                    std::span<const std::string_view> names, std::string_view shown) {
  const catalog::AggregateForm form = catalog::aggregate_form(chosen.function->oid);
  if (form.kind == catalog::AggregateForm::Kind::normal) {
    if (node.within_group)
      return fail(sqlstate::wrong_object_type, node.at, shown,
                  " is not an ordered-set aggregate, so it cannot have WITHIN GROUP");
    return ok();
  }
  if (!node.within_group)
    return fail(sqlstate::wrong_object_type, node.at, "WITHIN GROUP is required for ordered-set aggregate ", shown);
  if (node.over != nullptr)
    return fail(sqlstate::feature_not_supported, node.at, "OVER is not supported for ordered-set aggregate ", shown);
  const std::size_t ordered = node.order_by.size(), direct = args.size() - ordered;
  const auto no_such = [&] {
    return fail(sqlstate::undefined_function, node.at, "function ", signature(shown, args, names), " does not exist");
  };
  if (form.kind == catalog::AggregateForm::Kind::hypothetical) {
    if (direct != ordered)
      return no_such().hint("To use the hypothetical-set aggregate ", shown,
                            ", the number of hypothetical direct arguments (here ", direct,
                            ") must match the number of ordering columns (here ", ordered, ").");
    return unify_hypothetical(args, ordered);
  }
  if (direct != form.direct_arguments)
    return no_such().hint("There is an ordered-set aggregate ", shown, ", but it requires ", form.direct_arguments,
                          form.direct_arguments == 1 ? " direct argument, not " : " direct arguments, not ", direct,
                          ".");
  return ok();
}

Status Binder::unify_hypothetical(std::span<Expr*> args, std::size_t ordered) {
  for (std::size_t i = 0; i < ordered; ++i) {
    Expr* both[] = {args[ordered + i], args[i]};
    SPG_ASSIGN(const Oid common, common_type(both, "WITHIN GROUP"));
    SPG_ASSIGN(args[i], coerce_common(args[i], common, "WITHIN GROUP"));
    SPG_ASSIGN(args[ordered + i], coerce_common(args[ordered + i], common, "WITHIN GROUP"));
  }
  return ok();
}

/// ORDER BY within the parentheses, and DISTINCT; or ORDER BY of WITHIN GROUP, whose expressions are the last
/// arguments.
Status Binder::aggregate_order(const sql::FunctionCall& node, AggregateCall& call) {
  Vec<AggregateCall::Order> orders(*arena_);
  for (std::size_t i = 0; i < node.order_by.size(); ++i) {
    const sql::SortItem& item = node.order_by[i];
    Expr* value = nullptr;
    if (node.within_group) {
      value = call.arguments[i];
    } else {
      SPG_ASSIGN(value, expr(*item.expr));
      SPG_ASSIGN(value, settle_unknown(value));
    }
    AggregateCall::Order order{value, false, false};
    SPG_TRY(sort_direction(item, value, &order.descending, &order.nulls_first));
    bool listed = !node.distinct;
    for (const Expr* arg : call.arguments) listed = listed || same_expr(arg, value);
    if (!listed)
      return fail(sqlstate::invalid_column_reference, location(*item.expr),
                  "in an aggregate with DISTINCT, ORDER BY expressions must appear in argument list");
    orders.push_back(order);
  }
  call.order_by = orders.span();
  if (!node.distinct) return ok();
  for (const Expr* arg : call.arguments) {
    const Oid base = base_type(arg->type);
    if (base == oid::record || base == oid::unknown) continue;
    if (element_of(base) == Oid::none && !has_equality(base))
      return fail(sqlstate::undefined_function, location(arg), "could not identify an equality operator for type ",
                  type_text(arg->type));
    if (!has_order(base))
      return fail(sqlstate::undefined_function, location(arg), "could not identify an ordering operator for type ",
                  type_text(arg->type))
          .detail("Aggregates with DISTINCT must be able to sort their inputs.");
  }
  return ok();
}

namespace {
bool same_call(const AggregateCall& a, const AggregateCall& b) {
  const auto same_list = [](std::span<Expr* const> x, std::span<Expr* const> y) {
    if (x.size() != y.size()) return false;
    for (std::size_t i = 0; i < x.size(); ++i)
      if (!same_expr(x[i], y[i])) return false;
    return true;
  };
  if (a.function != b.function || a.distinct != b.distinct || a.order_by.size() != b.order_by.size() ||
      !same_expr(a.filter, b.filter) || !same_list(a.arguments, b.arguments) || !same_list(a.direct, b.direct))
    return false;
  for (std::size_t i = 0; i < a.order_by.size(); ++i)
    if (!same_expr(a.order_by[i].value, b.order_by[i].value) || a.order_by[i].descending != b.order_by[i].descending ||
        a.order_by[i].nulls_first != b.order_by[i].nulls_first)
      return false;
  return true;
}
}  // namespace

bool Binder::calls_volatile(const AggregateCall& call) {
  bool found = false;
  auto look = [&](Expr* part) {
    if (part->kind != ExprKind::call) return;
    const catalog::Function* function = catalog_->function(as<Call>(*part).function);
    found = found || (function != nullptr && function->volatility == 'v');
  };
  for (const std::span<Expr*> list : {call.arguments, call.direct})
    for (Expr* arg : list) for_each_below(arg, look);
  if (call.filter != nullptr) for_each_below(call.filter, look);
  for (const AggregateCall::Order& order : call.order_by) for_each_below(order.value, look);
  return found;
}

/// The call as a column of its query's aggregates; equal calls are one.
Expr* Binder::add_aggregate(Query* query, const AggregateCall& call, std::string_view name, std::int32_t at) {
  if (query->aggregate_range == nullptr) {
    query->aggregate_range = new_range(RangeKind::aggregates);
    query->aggregate_range->owner = query;
    query->aggregate_range->subquery = query;
  }
  query->grouped = true;
  std::size_t place = calls_volatile(call) ? query->aggregates.size() : 0;
  while (place < query->aggregates.size() && !same_call(query->aggregates[place].call, call)) ++place;
  const Oid type = call.result_type;
  if (place == query->aggregates.size()) {
    Aggregated made;
    made.call = call;
    made.name = name;
    made.position = at;
    query->aggregates.push_back(made);
    RangeColumn column;
    column.name = name;
    column.type = type;
    column.collation = collation_of(type);
    column.physical = call.physical;
    query->aggregate_range->columns.push_back(column);
  }
  return make_column(*arena_, query->aggregate_range->number, static_cast<std::int16_t>(place + 1), type, -1,
                     collation_of(type), call.physical, at);
}

Result<Expr*> Binder::aggregate(const sql::FunctionCall& node, const Candidate& chosen, std::span<Expr*> args,
                                Oid result) {
  AggregateCall call;
  call.function = chosen.function->oid;
  call.result_type = result;
  call.physical = physical(result);
  call.distinct = node.distinct;
  const std::size_t direct = node.within_group ? args.size() - node.order_by.size() : 0;
  call.direct = args.subspan(0, direct);
  call.arguments = args.subspan(direct);
  if (scope_ == nullptr) { SPG_ASSIGN([[maybe_unused]] Scope * none, owner_of(args, node.at, "aggregate functions")); }
  SPG_TRY(aggregate_order(node, call));
  if (node.filter != nullptr) { SPG_ASSIGN(call.filter, condition(*node.filter, Place::filter, "FILTER")); }
  // Direct arguments do not say which query it is that the aggregate belongs to.
  Vec<Expr*> read(*arena_);
  read.append(call.arguments);
  for (const AggregateCall::Order& order : call.order_by) read.push_back(order.value);
  if (call.filter != nullptr) read.push_back(call.filter);
  SPG_ASSIGN(Scope * owner, owner_of(read.span(), node.at, "aggregate functions"));
  SPG_TRY(check_direct(call.direct, owner));
  return add_aggregate(owner->query, call, chosen.function->name, node.at);
}

Status Binder::check_direct(std::span<Expr*> direct, const Scope* owner) {
  const Expr* lower = nullptr;
  auto look = [&](Expr* part) {
    if (part->kind != ExprKind::column || lower != nullptr) return;
    for (const Scope* scope = scope_; scope != owner; scope = scope->outer)
      if (ranges_[as<Column>(*part).relation]->owner == scope->query && scope->query != owner->query) lower = part;
  };
  for (Expr* arg : direct) for_each_below(arg, look);
  if (lower != nullptr)
    return fail(sqlstate::grouping_error, lower->position,
                "outer-level aggregate cannot contain a lower-level variable in its direct arguments");
  for (Expr* arg : direct) SPG_TRY(check_nesting(arg, owner->query));
  return ok();
}

}  // namespace spg::plan
