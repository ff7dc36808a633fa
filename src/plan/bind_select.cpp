// SELECT, VALUES, set operations.
#include "binder.hpp"

namespace spg::plan {

Scope Binder::make_scope(Scope* outer) {
  Scope scope;
  scope.outer = outer;
  scope.query = arena_->make<Query>();
  scope.items = Vec<NameItem>(*arena_);
  scope.columns = Vec<NamedColumn>(*arena_);
  scope.hidden = Vec<NameItem>(*arena_);
  scope.ctes = Vec<Cte*>(*arena_);
  Query& query = *scope.query;
  query.targets = Vec<Target>(*arena_);
  query.group_keys = Vec<Expr*>(*arena_);
  query.written_keys = Vec<std::uint32_t>(*arena_);
  query.key_targets = Vec<std::uint32_t>(*arena_);
  query.group_sets = Vec<Vec<std::uint32_t>>(*arena_);
  query.groupings = Vec<Vec<std::uint32_t>>(*arena_);
  query.aggregates = Vec<Aggregated>(*arena_);
  query.windows = Vec<WindowSpec*>(*arena_);
  query.window_calls = Vec<WindowedCall>(*arena_);
  query.distinct_on = Vec<std::uint32_t>(*arena_);
  query.order_by = Vec<SortBy>(*arena_);
  query.ctes = Vec<Cte*>(*arena_);
  return scope;
}

Result<Query*> Binder::select(const sql::Select& node, Scope* outer, bool keep_unknown) {
  const Deeper deeper(depth_);
  SPG_TRY(check_depth());
  Scope scope = make_scope(outer);
  Scope* const kept = scope_;
  scope_ = &scope;
  auto result = select_in(node, scope, keep_unknown);
  scope_ = kept;
  return result;
}

Result<Query*> Binder::select_in(const sql::Select& node, Scope& scope, bool keep_unknown) {
  Query* query = scope.query;
  query->node = &node;
  if (node.into != nullptr)
    return fail(sqlstate::feature_not_supported, node.into->at, "SELECT ... INTO is not allowed here");
  if (node.with != nullptr) SPG_TRY(with(*node.with, query));
  if (node.op != sql::SetOp::none) return set_query(node, query, keep_unknown);
  if (!node.values.empty()) return values_query(node, query, keep_unknown);
  return plain_select(node, query, keep_unknown);
}

Status Binder::settle_targets(Query* query) {
  for (Target& target : query->targets) { SPG_ASSIGN(target.expr, settle_unknown(target.expr)); }
  return ok();
}

void Binder::output_columns(const Vec<Target>& targets, std::uint32_t count, Vec<OutputColumn>& outputs) {
  for (std::uint32_t i = 0; i < count; ++i) {
    const Expr& expr = *targets[i].expr;
    OutputColumn output;
    output.name = targets[i].name;
    output.type = expr.type;
    output.typmod = expr.typmod;
    output.collation = expr.collation;
    output.physical = expr.physical;
    if (expr.kind == ExprKind::column) {
      const auto& ref = as<Column>(expr);
      const RangeColumn& column = ranges_[ref.relation]->columns[static_cast<std::size_t>(ref.number - 1)];
      output.origin_table = column.origin_table;
      output.origin_number = column.origin_number;
    }
    outputs.push_back(output);
  }
}

Status Binder::target_list(const Vec<sql::Target>& nodes, Vec<Target>& targets, Place place) {
  const Place was = scope_->place;
  const bool allowed = scope_->aggregates_allowed;
  scope_->place = place;
  scope_->aggregates_allowed = place == Place::select;
  const auto each = [&]() -> Status {
    for (const sql::Target& node : nodes) {
      if (const auto* ref = sql::as<sql::ColumnRef>(node.expr); ref != nullptr && ref->star) {
        SPG_TRY(expand_star(*ref, targets));
        continue;
      }
      SPG_ASSIGN(Expr * bound, expr(*node.expr));
      Target target;
      target.expr = bound;
      target.name = arena_->copy(output_name(node));
      targets.push_back(target);
    }
    return ok();
  };
  Status status = each();
  scope_->place = was;
  scope_->aggregates_allowed = allowed;
  return status;
}

Result<Query*> Binder::plain_select(const sql::Select& node, Query* query, bool keep_unknown) {
  name_windows(node, query);
  if (!node.from.empty()) { SPG_ASSIGN(query->from, from_list(node.from)); }
  SPG_TRY(target_list(node.targets, query->targets, Place::select));
  if (node.where != nullptr) { SPG_ASSIGN(query->where, condition(*node.where, Place::where, "WHERE")); }
  if (node.having != nullptr) {
    SPG_ASSIGN(query->having, condition(*node.having, Place::having, "HAVING"));
    query->grouped = true;
  }
  if (!keep_unknown) SPG_TRY(settle_targets(query));
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  SPG_TRY(order_by(node.order_by, query));
  SPG_TRY(group_by(node, query));
  if (node.distinct) {
    query->distinct = true;
    if (!node.distinct_on.empty()) {
      SPG_TRY(distinct_on(node.distinct_on, query));
    } else {
      for (const SortBy& sort : query->order_by)
        if (sort.target >= query->visible)
          return fail(sqlstate::invalid_column_reference, location(query->targets[sort.target].expr),
                      "for SELECT DISTINCT, ORDER BY expressions must appear in select list");
      for (std::uint32_t i = 0; i < query->visible; ++i) {
        const Expr& value = *query->targets[i].expr;
        const Oid base = base_type(value.type);
        if (element_of(base) == Oid::none && base != oid::record && base != oid::unknown &&
            catalog_->comparison(base, base, catalog::Comparison::equal) == nullptr && !has_equality(base))
          return fail(sqlstate::undefined_function, value.position, "could not identify an equality operator for type ",
                      type_text(value.type));
      }
    }
  }
  SPG_TRY(limit(node, query));
  SPG_TRY(finish_windows(query));
  SPG_TRY(check_grouping(query));
  SPG_TRY(locking(node, query));
  return query;
}

bool Binder::has_equality(Oid base) {
  // Types that are binary-coercible to one with an equality (varchar, regclass) compare as that.
  if (catalog_->comparison(base, base, catalog::Comparison::equal) != nullptr) return true;
  auto* stand_in = make_expr<Expr>(*arena_, ExprKind::default_marker, base, physical(base), -1);
  sql::OperatorName equal;
  equal.name = "=";
  auto found = find_operator(equal, stand_in, stand_in, -1);
  return found.has_value();
}

bool Binder::has_order(Oid base) {
  if (catalog_->comparison(base, base, catalog::Comparison::less) != nullptr) return true;
  if (element_of(base) != Oid::none) return has_order(element_of(base));
  auto* stand_in = make_expr<Expr>(*arena_, ExprKind::default_marker, base, physical(base), -1);
  sql::OperatorName less;
  less.name = "<";
  auto found = find_operator(less, stand_in, stand_in, -1);
  return found.has_value() && catalog_->comparison_of((*found)->oid) == catalog::Comparison::less;
}

Status Binder::sort_direction(const sql::SortItem& item, Expr* value, bool* descending, bool* nulls_first) {
  *descending = item.direction == sql::SortDirection::descending;
  if (item.direction == sql::SortDirection::using_operator) {
    SPG_ASSIGN(const catalog::Operator* op, find_operator(item.using_op, value, value, item.using_at));
    const catalog::Comparison comparison = catalog_->comparison_of(op->oid);
    if (comparison != catalog::Comparison::less && comparison != catalog::Comparison::greater)
      return fail(sqlstate::wrong_object_type, item.using_at, "operator ", item.using_op.name,
                  " is not a valid ordering operator")
          .hint("Ordering operators must be \"<\" or \">\" members of btree operator families.");
    *descending = comparison == catalog::Comparison::greater;
  } else if (const Oid base = base_type(value->type); base != oid::record && base != oid::unknown && !has_order(base)) {
    return fail(sqlstate::undefined_function, location(*item.expr), "could not identify an ordering operator for type ",
                type_text(value->type))
        .hint("Use an explicit ordering operator or modify the query.");
  }
  *nulls_first = item.nulls == sql::NullsOrder::first || (item.nulls == sql::NullsOrder::unspecified && *descending);
  return ok();
}

Result<std::uint32_t> Binder::sort_target(const sql::Expr& node, Query* query, Place place, bool names_first) {
  const std::string_view clause = place == Place::group_by      ? "GROUP BY"
                                  : place == Place::distinct_on ? "DISTINCT ON"
                                                                : "ORDER BY";
  const auto chosen = [&](std::uint32_t target) -> Result<std::uint32_t> {
    const Expr* call = place == Place::group_by ? find_window_call(query->targets[target].expr, query) : nullptr;
    if (call == nullptr) return target;
    return fail(sqlstate::windowing_error, call->position, "window functions are not allowed in GROUP BY");
  };
  if (const auto* literal = sql::as<sql::Literal>(&node);
      literal != nullptr && literal->form != sql::LiteralKind::boolean) {
    if (literal->form != sql::LiteralKind::integer)
      return fail(sqlstate::syntax_error, node.at, "non-integer constant in ", clause);
    if (literal->integer < 1 || static_cast<std::uint32_t>(literal->integer) > query->visible)
      return fail(sqlstate::invalid_column_reference, node.at, clause, " position ", literal->integer,
                  " is not in select list");
    return chosen(static_cast<std::uint32_t>(literal->integer - 1));
  }
  if (const auto* ref = sql::as<sql::ColumnRef>(&node); ref != nullptr && !ref->star && ref->fields.size() == 1) {
    bool shadowed = false;
    if (!names_first) {
      for (const NamedColumn& column : scope_->columns) shadowed = shadowed || column.name == ref->fields[0];
    }
    std::uint32_t match = UINT32_MAX;
    for (std::uint32_t i = 0; i < query->visible && !shadowed; ++i) {
      if (query->targets[i].name != ref->fields[0]) continue;
      if (match != UINT32_MAX && !same_expr(query->targets[match].expr, query->targets[i].expr))
        return fail(sqlstate::ambiguous_column, node.at, clause, " \"", ref->fields[0], "\" is ambiguous");
      if (match == UINT32_MAX) match = i;
    }
    if (match != UINT32_MAX) return chosen(match);
  }
  const Place was = scope_->place;
  const bool allowed = scope_->aggregates_allowed;
  scope_->place = place;
  scope_->aggregates_allowed = place != Place::group_by;
  auto bound = expr(node);
  scope_->place = was;
  scope_->aggregates_allowed = allowed;
  if (!bound) return bound.take_error();
  for (std::uint32_t i = 0; i < query->targets.size(); ++i)
    if (same_expr(query->targets[i].expr, *bound)) return i;
  Target junk;
  SPG_ASSIGN(junk.expr, settle_unknown(*bound));
  junk.name = "?column?";
  query->targets.push_back(junk);
  return static_cast<std::uint32_t>(query->targets.size() - 1);
}

Status Binder::order_by(const Vec<sql::SortItem>& items, Query* query) {
  for (const sql::SortItem& item : items) {
    SPG_ASSIGN(const std::uint32_t at, sort_target(*item.expr, query, Place::order_by, true));
    SPG_ASSIGN(query->targets[at].expr, settle_unknown(query->targets[at].expr));
    SortBy sort;
    sort.target = at;
    SPG_TRY(sort_direction(item, query->targets[at].expr, &sort.descending, &sort.nulls_first));
    bool repeated = false;
    for (const SortBy& before : query->order_by) repeated = repeated || before.target == at;
    if (!repeated) query->order_by.push_back(sort);
  }
  return ok();
}

Status Binder::distinct_on(const Vec<sql::Expr*>& items, Query* query) {
  Vec<std::uint32_t> targets(*arena_);
  for (const sql::Expr* item : items) {
    SPG_ASSIGN(const std::uint32_t at, sort_target(*item, query, Place::distinct_on, true));
    targets.push_back(at);
    bool repeated = false;
    for (const std::uint32_t before : query->distinct_on) repeated = repeated || before == at;
    if (!repeated) query->distinct_on.push_back(at);
  }
  const auto place_of = [&](std::uint32_t target) {
    for (std::size_t i = 0; i < targets.size(); ++i)
      if (targets[i] == target) return location(*items[i]);
    return std::int32_t{-1};
  };
  // The sort keys must begin with the DISTINCT ON expressions, in any order.
  bool skipped = false;
  for (const SortBy& sort : query->order_by) {
    bool listed = false;
    for (const std::uint32_t one : query->distinct_on) listed = listed || one == sort.target;
    if (listed && skipped)
      return fail(sqlstate::invalid_column_reference, place_of(sort.target),
                  "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
    if (!listed) skipped = true;
  }
  if (skipped) {
    for (const std::uint32_t one : query->distinct_on) {
      bool sorted = false;
      for (const SortBy& sort : query->order_by) sorted = sorted || sort.target == one;
      if (!sorted)
        return fail(sqlstate::invalid_column_reference, place_of(one),
                    "SELECT DISTINCT ON expressions must match initial ORDER BY expressions");
    }
  }
  return ok();
}

namespace {
bool reads_range_of(Expr* expr, const Query* query, const Vec<RangeEntry*>& ranges) {
  if (expr->kind == ExprKind::column) return ranges[as<Column>(*expr).relation]->owner == query;
  bool found = false;
  for_each_part(expr, [&](Expr*& part) { found = found || reads_range_of(part, query, ranges); });
  return found;
}
}  // namespace

Status Binder::limit(const sql::Select& node, Query* query) {
  const auto bind = [&](const sql::Expr* what, Place place, std::string_view word) -> Result<Expr*> {
    const Place was = scope_->place;
    const bool allowed = scope_->aggregates_allowed;
    scope_->place = place;
    scope_->aggregates_allowed = false;
    auto bound = expr(*what);
    scope_->place = was;
    scope_->aggregates_allowed = allowed;
    if (!bound) return bound;
    SPG_ASSIGN(Expr * count, coerce_integer(*bound, word));
    if (reads_range_of(count, query, ranges_))
      return fail(sqlstate::invalid_column_reference, location(*bound), "argument of ", word,
                  " must not contain variables");
    return count;
  };
  if (node.offset != nullptr) { SPG_ASSIGN(query->offset, bind(node.offset, Place::offset, "OFFSET")); }
  if (node.limit != nullptr) {
    SPG_ASSIGN(query->limit,
               bind(node.limit, Place::limit, node.limit_form == sql::LimitForm::limit ? "LIMIT" : "LIMIT"));
  }
  query->with_ties = node.limit_form == sql::LimitForm::fetch_with_ties;
  if (query->with_ties && query->order_by.empty())
    return fail(sqlstate::syntax_error, -1, "WITH TIES cannot be specified without ORDER BY clause");
  return ok();
}

// --------------------------------------------------------------------------------------------------------- VALUES

Status Binder::rows_of_values(const sql::Select& node, Vec<Vec<Expr*>>& rows, bool defaults_allowed) {
  const Place was = scope_->place;
  scope_->place = Place::values;
  const auto each = [&]() -> Status {
    for (const Vec<sql::Expr*>& row : node.values) {
      if (row.size() != node.values[0].size())
        return fail(sqlstate::syntax_error, row[0]->at, "VALUES lists must all be the same length");
      Vec<Expr*> bound(*arena_);
      for (const sql::Expr* one : row) {
        if (defaults_allowed && one->kind == sql::NodeKind::default_value) {
          bound.push_back(make_expr<Expr>(*arena_, ExprKind::default_marker, oid::unknown, Physical::none, one->at));
          continue;
        }
        SPG_ASSIGN(Expr * value, expr(*one));
        bound.push_back(value);
      }
      rows.push_back(bound);
    }
    return ok();
  };
  Status status = each();
  scope_->place = was;
  return status;
}

Result<Query*> Binder::values_query(const sql::Select& node, Query* query, bool keep_unknown) {
  Vec<Vec<Expr*>> rows(*arena_);
  SPG_TRY(rows_of_values(node, rows, false));
  RangeEntry* range = new_range(RangeKind::values);
  range->alias = "*VALUES*";
  const std::size_t width = rows[0].size();
  for (std::size_t c = 0; c < width; ++c) {
    Vec<Expr*> column(*arena_);
    for (const Vec<Expr*>& row : rows) column.push_back(row[c]);
    SPG_ASSIGN(const Oid common, common_type(column.span(), "VALUES", keep_unknown && rows.size() == 1));
    for (std::size_t r = 0; r < rows.size(); ++r) {
      SPG_ASSIGN(rows[r][c], coerce_common(rows[r][c], common, "VALUES"));
      column[r] = rows[r][c];
    }
    RangeColumn info;
    info.name = arena_->concat("column", c + 1);
    info.type = common;
    info.typmod = common_typmod(column.span());
    info.collation = collation_of(common);
    info.physical = physical(common);
    range->columns.push_back(info);
  }
  std::span<Expr*>* list = arena_->array<std::span<Expr*>>(rows.size());
  for (std::size_t r = 0; r < rows.size(); ++r) list[r] = rows[r].span();
  range->rows = {list, rows.size()};
  query->from = arena_->make<FromTree>();
  query->from->range = range;
  const NameItem item = item_of(range);
  scope_->columns = item.columns;
  for (const NamedColumn& column : item.columns) {
    Target target;
    target.name = column.name;
    // Undecided literals of a lone row stay literals, so that a set operation or INSERT can settle them.
    target.expr = column.expr->type == oid::unknown ? rows[0][query->targets.size()] : column.expr;
    query->targets.push_back(target);
  }
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  SPG_TRY(order_by(node.order_by, query));
  SPG_TRY(limit(node, query));
  return query;
}

// ------------------------------------------------------------------------------------------------- set operations

Result<Query*> Binder::set_query(const sql::Select& node, Query* query, bool keep_unknown) {
  const std::string_view word = node.op == sql::SetOp::union_      ? "UNION"
                                : node.op == sql::SetOp::intersect ? "INTERSECT"
                                                                   : "EXCEPT";
  query->set_op = node.op;
  if (!node.locking.empty()) SPG_TRY(check_lockable(*query, node.locking[0].strength));
  query->set_all = node.all;
  const std::string_view kept_place = recursion_place_;
  if (node.op != sql::SetOp::union_ && node.all) recursion_place_ = word;
  auto left = select(*node.left, scope_, true);
  if (node.op == sql::SetOp::except) recursion_place_ = word;
  auto right = left ? select(*node.right, scope_, true) : std::move(left);
  recursion_place_ = kept_place;
  if (!right) return right.take_error();
  query->left = *left;
  query->right = *right;
  if (query->left->visible != query->right->visible) {
    const std::int32_t at = query->right->targets.empty() ? node.right->at : location(query->right->targets[0].expr);
    return fail(sqlstate::syntax_error, at, "each ", word, " query must have the same number of columns");
  }
  query->set_range = new_range(RangeKind::set);
  query->set_range->owner = query;
  query->set_range->subquery = query;
  query->set_range->alias = "*SELECT*";
  for (std::uint32_t i = 0; i < query->left->visible; ++i) {
    Target& a = query->left->targets[i];
    Target& b = query->right->targets[i];
    SPG_ASSIGN(const Oid common, common_type(span_of(*arena_, {a.expr, b.expr}), word, keep_unknown));
    const std::int32_t typmod = common_typmod(span_of(*arena_, {a.expr, b.expr}));
    if (common != oid::unknown) {
      if (a.expr->type != oid::unknown) a.written = a.expr;
      if (b.expr->type != oid::unknown) b.written = b.expr;
      SPG_ASSIGN(a.expr, coerce_common(a.expr, common, word));
      SPG_ASSIGN(b.expr, coerce_common(b.expr, common, word));
    }
    const RangeColumn column = computed_column(a.name, common, typmod);
    query->set_range->columns.push_back(column);
    Target target;
    target.name = a.name;
    target.expr = make_column(*arena_, query->set_range->number, static_cast<std::int16_t>(i + 1), common, typmod,
                              column.collation, column.physical, a.expr->position);
    query->targets.push_back(target);
    const bool distinct = !(node.op == sql::SetOp::union_ && node.all);
    if (distinct && common != oid::unknown && element_of(common) == Oid::none && common != oid::record &&
        !has_equality(base_type(common)))
      return fail(sqlstate::undefined_function, b.expr->position, "could not identify an equality operator for type ",
                  type_text(common));
  }
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  for (const sql::SortItem& item : node.order_by) {
    const auto* literal = sql::as<sql::Literal>(item.expr);
    const auto* ref = sql::as<sql::ColumnRef>(item.expr);
    bool fits = literal != nullptr;
    if (ref != nullptr && ref->fields.size() == 1 && !ref->star) {
      for (const Target& target : query->targets) fits = fits || target.name == ref->fields[0];
      if (!fits) return no_column(ref->fields[0], {}, item.expr->at);
    }
    if (!fits)
      return fail(sqlstate::feature_not_supported, location(*item.expr),
                  "invalid UNION/INTERSECT/EXCEPT ORDER BY clause")
          .detail("Only result column names can be used, not expressions or functions.")
          .hint("Add the expression/function to every SELECT, or move the UNION into a FROM clause.");
  }
  SPG_TRY(order_by(node.order_by, query));
  SPG_TRY(limit(node, query));
  return query;
}

}  // namespace spg::plan
