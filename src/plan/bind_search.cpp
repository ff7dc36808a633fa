// SEARCH and CYCLE of a recursive WITH query, by the rewriting of the SQL standard: both of its terms get columns more.
//
// The sequence of DEPTH FIRST is the list of rows on the way, that of BREADTH FIRST the row behind its depth; the path
// of CYCLE is the list of rows on the way, and what follows a row that has its mark is not looked for.
#include "binder.hpp"

namespace spg::plan {

/// The type of the mark must be known before the query is bound, which may read it.
Status Binder::cycle_mark(const sql::CycleClause& node, Cte* cte) {
  const auto literal = [&](const sql::Expr* value, bool without) -> Result<Expr*> {
    if (value != nullptr) return expr(*value);
    return static_cast<Expr*>(
        make_constant(*arena_, oid::boolean, type::Value::of(Physical::boolean, std::uint8_t{without})));
  };
  SPG_ASSIGN(cte->mark_value, literal(node.mark_value, true));
  SPG_ASSIGN(cte->mark_default, literal(node.mark_default, false));
  SPG_ASSIGN(const Oid type, common_type(span_of(*arena_, {cte->mark_value, cte->mark_default}), "CYCLE"));
  SPG_ASSIGN(cte->mark_value, coerce_common(cte->mark_value, type, "CYCLE/SET/TO"));
  SPG_ASSIGN(cte->mark_default, coerce_common(cte->mark_default, type, "CYCLE/SET/DEFAULT"));
  if (has_equality(base_type(type))) return ok();
  return fail(sqlstate::undefined_function, -1, "could not identify an equality operator for type ", type_text(type));
}

/// The columns that the clauses add, behind the query's own.
void Binder::add_searched_columns(const sql::CommonTable& node, Cte* cte) {
  const auto add = [&](std::string_view name, Oid type, std::int32_t typmod) {
    cte->columns.push_back(computed_column(arena_->copy(name), type, typmod));
  };
  if (node.search != nullptr)
    add(node.search->sequence, node.search->breadth_first ? oid::record : oid::record_array, -1);
  if (node.cycle != nullptr) {
    const std::int32_t typmod = common_typmod(span_of(*arena_, {cte->mark_value, cte->mark_default}));
    add(node.cycle->mark, cte->mark_value->type, typmod);
    add(node.cycle->path, oid::record_array, -1);
  }
}

/// The own column of the name, UINT32_MAX without one.
std::uint32_t Binder::own_column(const Cte& cte, std::string_view name) {
  for (std::uint32_t i = 0; i < cte.own_columns; ++i)
    if (cte.columns[i].name == name) return i;
  return UINT32_MAX;
}

Status Binder::check_searched(const Cte& cte, const Vec<sql::Name>& names, std::string_view what, std::int32_t at) {
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (own_column(cte, names[i]) == UINT32_MAX)
      return fail(sqlstate::syntax_error, at, what, " column \"", names[i], "\" not in WITH query column list");
    for (std::size_t before = 0; before < i; ++before)
      if (names[before] == names[i])
        return fail(sqlstate::duplicate_column, at, what, " column \"", names[i], "\" specified more than once");
  }
  return ok();
}

Status Binder::check_search_and_cycle(const sql::CommonTable& node, const sql::Select& inner, const Cte& cte) {
  const auto is_set_operation = [](const sql::Select& one) {
    return one.op != sql::SetOp::none && one.with == nullptr && one.order_by.empty() && one.limit == nullptr &&
           one.offset == nullptr && one.locking.empty();
  };
  for (const sql::Select* side : {inner.left, inner.right})
    if (is_set_operation(*side))
      return fail(sqlstate::feature_not_supported, -1, "with a SEARCH or CYCLE clause, the ",
                  side == inner.left ? "left" : "right", " side of the UNION must be a SELECT");
  const auto is_free = [&](std::string_view name, std::string_view what, std::int32_t at) -> Status {
    if (own_column(cte, name) == UINT32_MAX) return ok();
    return fail(sqlstate::syntax_error, at, what, " column name \"", name, "\" already used in WITH query column list");
  };
  if (const sql::SearchClause* search = node.search; search != nullptr) {
    SPG_TRY(check_searched(cte, search->columns, "search", search->at));
    SPG_TRY(is_free(search->sequence, "search sequence", search->at));
  }
  if (const sql::CycleClause* cycle = node.cycle; cycle != nullptr) {
    SPG_TRY(check_searched(cte, cycle->columns, "cycle", cycle->at));
    SPG_TRY(is_free(cycle->mark, "cycle mark", cycle->at));
    SPG_TRY(is_free(cycle->path, "cycle path", cycle->at));
    if (cycle->mark == cycle->path)
      return fail(sqlstate::syntax_error, cycle->at, "cycle mark column name and cycle path column name are the same");
  }
  if (node.search == nullptr || node.cycle == nullptr) return ok();
  for (const bool is_mark : {true, false})
    if (node.search->sequence == (is_mark ? node.cycle->mark : node.cycle->path))
      return fail(sqlstate::syntax_error, node.search->at, "search sequence column name and cycle ",
                  is_mark ? "mark" : "path", " column name are the same");
  return ok();
}

/// A query over `inner` as if it stood in FROM, without targets.
Query* Binder::query_over(Query* inner, std::string_view alias, std::span<const RangeColumn> columns) {
  Query* query = make_scope(nullptr).query;
  RangeEntry* range = new_range(RangeKind::subquery);
  range->owner = query;
  range->subquery = inner;
  range->alias = alias;
  range->columns.append(columns);
  query->from = arena_->make<FromTree>();
  query->from->range = range;
  return query;
}

Expr* Binder::column_of(const RangeEntry& range, std::size_t index) {
  const RangeColumn& column = range.columns[index];
  return make_column(*arena_, range.number, static_cast<std::int16_t>(index + 1), column.type, column.typmod,
                     column.collation, column.physical, -1);
}

/// ROW(the columns), behind `first` if that is not null.
Expr* Binder::searched_row(const Cte& cte, const RangeEntry& range, const Vec<sql::Name>& names, Expr* first) {
  auto* made = make_expr<Variadic>(*arena_, ExprKind::row, oid::record, Physical::string, -1);
  Vec<Expr*> fields(*arena_);
  if (first != nullptr) fields.push_back(first);
  for (const sql::Name& name : names) fields.push_back(column_of(range, own_column(cte, name)));
  made->arguments = fields.span();
  return made;
}

Expr* Binder::one_row_array(Expr* row) {
  auto* made = make_expr<Variadic>(*arena_, ExprKind::array, oid::record_array, Physical::string, -1);
  made->arguments = span_of(*arena_, {row});
  return made;
}

/// The non-recursive term, with what the first rows have in the added columns.
Query* Binder::searched_initial(const sql::CommonTable& node, const Cte& cte) {
  Query* query = query_over(cte.initial, "*TLOCRN*", cte.columns.span().first(cte.own_columns));
  const RangeEntry& range = *query->from->range;
  const auto add = [&](Expr* value) { query->targets.push_back({value, cte.columns[query->targets.size()].name}); };
  for (std::uint32_t i = 0; i < cte.own_columns; ++i) add(column_of(range, i));
  if (const sql::SearchClause* search = node.search; search != nullptr) {
    Expr* zero = make_constant(*arena_, oid::int8, type::Value::of(Physical::int8, std::int64_t{0}));
    add(search->breadth_first ? searched_row(cte, range, search->columns, zero)
                              : one_row_array(searched_row(cte, range, search->columns, nullptr)));
  }
  if (const sql::CycleClause* cycle = node.cycle; cycle != nullptr) {
    add(cte.mark_default);
    add(one_row_array(searched_row(cte, range, cycle->columns, nullptr)));
  }
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  return query;
}

/// More of what the query yields; what only serves it moves behind. DISTINCT does not mind them.
void Binder::add_visible(Query* query, std::span<const Target> more) {
  const std::uint32_t since = query->visible, count = static_cast<std::uint32_t>(more.size());
  if (query->distinct && query->distinct_on.empty())
    for (std::uint32_t i = 0; i < since; ++i) query->distinct_on.push_back(i);
  Vec<Target> targets(*arena_);
  targets.append(query->targets.span().first(since));
  targets.append(more);
  targets.append(query->targets.span().subspan(since));
  query->targets = targets;
  query->visible += count;
  const auto move = [&](std::uint32_t& target) {
    if (target >= since && target != UINT32_MAX) target += count;
  };
  for (SortBy& sort : query->order_by) move(sort.target);
  for (std::uint32_t& target : query->distinct_on) move(target);
}

/// The recursive term as it stands, with the added columns of the row from which each of its rows comes.
Status Binder::carry_searched(const Cte& cte, Query* step) {
  const RangeEntry* self = nullptr;
  for (const RangeEntry* range : ranges_)
    if (range != nullptr && range->kind == RangeKind::work_table && range->cte == &cte && range->owner == step)
      self = range;
  if (self == nullptr)
    return fail(sqlstate::feature_not_supported, -1,
                "with a SEARCH or CYCLE clause, the recursive reference to WITH query \"", cte.name,
                "\" must be at the top level of its right-hand SELECT");
  if (step->grouped || !step->group_keys.empty())
    return fail(sqlstate::feature_not_supported, cte.position,
                "GROUP BY in the recursive term of a query with a SEARCH or CYCLE clause is not supported");
  Vec<Target> carried(*arena_);
  for (std::size_t i = cte.own_columns; i < cte.columns.size(); ++i)
    carried.push_back({column_of(*self, i), cte.columns[i].name});
  add_visible(step, carried.span());
  return ok();
}

Expr* Binder::append_row(Expr* list, Expr* row) {
  auto* made = make_expr<Call>(*arena_, ExprKind::call, oid::record_array, Physical::string, -1);
  made->function = array_cat_function;
  made->arguments = span_of(*arena_, {list, one_row_array(row)});
  return made;
}

/// One more than the depth of the row from which a row comes.
Result<Expr*> Binder::next_depth(Expr* sequence) {
  auto* depth = make_expr<Call>(*arena_, ExprKind::call, oid::int8, Physical::int8, -1);
  depth->function = record_field_function;
  depth->arguments =
      span_of(*arena_, {sequence, make_constant(*arena_, oid::int4, type::Value::of(Physical::int4, std::int32_t{1}))});
  return make_operator("+", depth, make_constant(*arena_, oid::int8, type::Value::of(Physical::int8, std::int64_t{1})),
                       -1);
}

/// Whether the row is on the way to itself.
Result<Expr*> Binder::next_mark(const Cte& cte, Expr* row, Expr* path) {
  auto* found = make_expr<AnyAll>(*arena_, ExprKind::any_of, oid::boolean, Physical::boolean, -1);
  sql::OperatorName equal;
  equal.name = "=";
  SPG_ASSIGN(const catalog::Operator* op, find_operator(equal, row, row, -1));
  found->function = op->function;
  found->scalar = row;
  found->array_value = path;
  auto* made = make_expr<Case>(*arena_, ExprKind::case_when, cte.mark_value->type, cte.mark_value->physical, -1);
  made->typmod = cte.mark_value->typmod == cte.mark_default->typmod ? cte.mark_value->typmod : -1;
  made->collation = cte.mark_value->collation;
  auto* when = arena_->array<Case::When>(1);
  when[0] = {found, copy_node(*arena_, cte.mark_value)};
  made->whens = {when, 1};
  made->otherwise = copy_node(*arena_, cte.mark_default);
  return made;
}

Result<Query*> Binder::searched_step(const sql::CommonTable& node, const Cte& cte, Query* step) {
  SPG_TRY(carry_searched(cte, step));
  Query* query = query_over(step, "*TROCRN*", cte.columns.span());
  const RangeEntry& range = *query->from->range;
  std::size_t at = cte.own_columns;
  const auto add = [&](Expr* value) { query->targets.push_back({value, cte.columns[query->targets.size()].name}); };
  for (std::uint32_t i = 0; i < cte.own_columns; ++i) add(column_of(range, i));
  if (const sql::SearchClause* search = node.search; search != nullptr) {
    Expr* sequence = column_of(range, at++);
    if (search->breadth_first) {
      SPG_ASSIGN(Expr * depth, next_depth(sequence));
      add(searched_row(cte, range, search->columns, depth));
    } else {
      add(append_row(sequence, searched_row(cte, range, search->columns, nullptr)));
    }
  }
  if (const sql::CycleClause* cycle = node.cycle; cycle != nullptr) {
    SPG_ASSIGN(query->where, make_operator("<>", column_of(range, at++), copy_node(*arena_, cte.mark_value), -1));
    Expr* path = column_of(range, at);
    SPG_ASSIGN(Expr * mark, next_mark(cte, searched_row(cte, range, cycle->columns, nullptr), path));
    add(mark);
    add(append_row(column_of(range, at), searched_row(cte, range, cycle->columns, nullptr)));
  }
  query->visible = static_cast<std::uint32_t>(query->targets.size());
  return query;
}

}  // namespace spg::plan
