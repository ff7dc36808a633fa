// Bound queries as SQL: lay-out and clauses.
#include "query_text.hpp"

#include <algorithm>

#include "spg/catalog/names.hpp"
#include "spg/sql/ddl.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {
bool has_own_clauses(const Query& query) {
  return !query.ctes.empty() || !query.order_by.empty() || query.limit != nullptr || query.offset != nullptr ||
         (query.node != nullptr && !query.node->locking.empty());
}
bool is_set_operation(const Query& query) { return query.set_op != sql::SetOp::none && !has_own_clauses(query); }
}  // namespace

QueryText::QueryText(Arena& arena, PlanContext& context, std::span<RangeEntry* const> ranges, Form form, ViewStyle style)
    : arena_(arena),
      context_(context),
      catalog_(*context.catalog),
      ranges_(ranges),
      form_(form),
      style_(style),
      out_(arena.make<TextBuilder>(arena)),
      references_(arena) {}

Status QueryText::print(const Query& of, std::span<const std::string_view> names) {
  // PostgreSQL 15 has these in the range table of every view.
  Level rule;
  if (!is_stored()) {
    name_item(&of, "old", rule);
    name_item(&form_, "new", rule);
  }
  level_ = &rule;
  Status status = query(of, names, true);
  level_ = nullptr;
  SPG_TRY(std::move(status));
  if (!is_stored()) out_->add(";");
  return arena_.check();
}

std::string_view QueryText::quoted(std::string_view name) {
  return is_stored() ? catalog::quote_always(name, arena_) : sql::quote_identifier(arena_, name);
}

void QueryText::refer(Oid catalog, Oid oid, std::int32_t sub) {
  // A column stands for its table as well.
  ViewReference made{catalog, oid, sub};
  for (ViewReference& one : references_) {
    if (one.catalog != catalog || one.oid != oid) continue;
    if (one.sub == sub || sub == 0) return;
    if (one.sub == 0) {
      one.sub = sub;
      return;
    }
  }
  references_.push_back(made);
}

// ------------------------------------------------------------------------------------------------------- lay-out

void QueryText::drop_spaces() {
  std::size_t size = out_->size();
  while (size > 0 && out_->view()[size - 1] == ' ') --size;
  out_->resize(size);
}

/// appendContextKeyword()
void QueryText::keyword(std::string_view text, int before, int after, int plus) {
  if (!breaks_lines()) {
    out_->add(text);
    return;
  }
  indent_ += before;
  drop_spaces();
  out_->add("\n");
  int amount = 0;
  if (indent_ < indent_limit) {
    amount = std::max(indent_, 0) + plus;
  } else {
    amount = indent_limit + (indent_ - indent_limit) / (indent_step / 2);
    amount = amount % indent_limit + plus;
  }
  for (int i = 0; i < amount; ++i) out_->add(" ");
  out_->add(text);
  indent_ = std::max(indent_ + after, 0);
}

std::size_t QueryText::line_bytes() const {
  const std::string_view text = out_->view();
  const std::size_t at = text.rfind('\n');
  return at == std::string_view::npos ? text.size() : text.size() - at - 1;
}

// ------------------------------------------------------------------------------------------------------- queries

/// get_query_def(): its own indentation and names, which end with it.
Status QueryText::query(const Query& of, std::span<const std::string_view> names, bool names_are_visible) {
  if (++depth_ > context_.depth_limit) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  const int kept_indent = indent_;
  ForcedName* const kept_forced = forced_;
  Level level;
  level.query = &of;
  level.outer = level_;
  name_items(of, level);
  level_ = &level;
  bool by_number = false;
  Status status = query_body(of, names, names_are_visible, &by_number);
  level_ = level.outer;
  indent_ = kept_indent;
  forced_ = kept_forced;
  --depth_;
  return status;
}

Status QueryText::subquery(const Query& of, bool names_are_visible) { return query(of, {}, names_are_visible); }

Status QueryText::query_body(const Query& of, std::span<const std::string_view> names, bool names_are_visible,
                             bool* by_number) {
  SPG_TRY(with(of));
  *by_number = of.set_op != sql::SetOp::none;
  if (*by_number) SPG_TRY(set_operation(of, names, names_are_visible, true));
  else SPG_TRY(plain(of, names, names_are_visible));
  SPG_TRY(order_by(of, *by_number));
  SPG_TRY(limit(of));
  row_locks(of);
  return ok();
}

Status QueryText::with(const Query& of) {
  if (of.ctes.empty()) return ok();
  if (breaks_lines()) {
    indent_ += indent_step;
    out_->add(" ");
  }
  const bool recursive = of.node != nullptr && of.node->with != nullptr && of.node->with->recursive;
  // The word is not printed where nothing recurs.
  bool recurs = false;
  for (const Cte* cte : of.ctes) recurs = recurs || cte->recursive;
  std::string_view between = recursive && (recurs || is_stored()) ? "WITH RECURSIVE " : "WITH ";
  for (const Cte* cte : of.ctes) {
    out_->add(between);
    between = ", ";
    SPG_TRY(common_table(*cte));
  }
  if (breaks_lines()) {
    indent_ -= indent_step;
    keyword("", 0, 0, 0);
  } else {
    out_->add(" ");
  }
  return ok();
}

Status QueryText::common_table(const Cte& cte) {
  out_->add(quoted(cte.name));
  if (cte.node != nullptr && !cte.node->columns.empty()) name_list(cte.node->columns.span());
  out_->add(" AS ");
  if (cte.materialized == sql::Materialized::always) out_->add("MATERIALIZED ");
  if (cte.materialized == sql::Materialized::never) out_->add("NOT MATERIALIZED ");
  out_->add("(");
  if (breaks_lines()) keyword("", 0, 0, 0);
  if (cte.recursive) {
    // The UNION of the two terms, which are bound one by one.
    Query both = *cte.written_initial;
    both.ctes = Vec<Cte*>(arena_);
    both.order_by = Vec<SortBy>(arena_);
    both.limit = both.offset = nullptr;
    both.node = nullptr;
    both.from = nullptr;
    both.set_op = sql::SetOp::union_;
    both.set_all = cte.union_all;
    Query step = *cte.written_step;
    step.visible = cte.own_columns;
    if (step.node != nullptr && step.node->distinct_on.empty()) step.distinct_on = Vec<std::uint32_t>(arena_);
    both.right = &step;
    // The first query's columns have been called as the table's are.
    Query first = *cte.written_initial;
    first.targets = Vec<Target>(arena_);
    first.targets.append(cte.written_initial->targets.span());
    for (std::size_t i = 0; i < cte.initial_names.size(); ++i) first.targets[i].name = cte.initial_names[i];
    both.left = &first;
    SPG_TRY(query(both, {}, true));
  } else if (cte.query != nullptr) {
    SPG_TRY(subquery(*cte.query, true));
  }
  if (breaks_lines()) keyword("", 0, 0, 0);
  out_->add(")");
  return cte.node == nullptr ? ok() : search_and_cycle(cte);
}

Status QueryText::search_and_cycle(const Cte& cte) {
  const auto names = [&](const Vec<sql::Name>& columns) {
    for (std::size_t i = 0; i < columns.size(); ++i) out_->add(i == 0 ? "" : ", ", quoted(columns[i]));
  };
  if (const sql::SearchClause* search = cte.node->search; search != nullptr) {
    out_->add(search->breadth_first ? " SEARCH BREADTH FIRST BY " : " SEARCH DEPTH FIRST BY ");
    names(search->columns);
    out_->add(" SET ", quoted(search->sequence));
  }
  const sql::CycleClause* cycle = cte.node->cycle;
  if (cycle == nullptr) return ok();
  out_->add(" CYCLE ");
  names(cycle->columns);
  out_->add(" SET ", quoted(cycle->mark));
  const auto is_boolean = [](const Expr* mark, bool wanted) {
    return mark->kind == ExprKind::constant && mark->type == oid::boolean && !as<Constant>(*mark).value.is_null &&
           as<Constant>(*mark).value.as<bool>() == wanted;
  };
  if (!is_boolean(cte.mark_value, true) || !is_boolean(cte.mark_default, false)) {
    out_->add(" TO ");
    SPG_TRY(cycle_mark(cte.mark_value));
    out_->add(" DEFAULT ");
    SPG_TRY(cycle_mark(cte.mark_default));
  }
  out_->add(" USING ", quoted(cycle->path));
  return ok();
}

/// A constant. What PostgreSQL prints, 'x'::text, the grammar takes only as text 'x'.
Status QueryText::cycle_mark(const Expr* mark) {
  while (mark->kind == ExprKind::relabel || mark->kind == ExprKind::call)
    mark = mark->kind == ExprKind::relabel ? as<Unary>(*mark).argument : as<Call>(*mark).arguments[0];
  const auto& value = as<Constant>(*mark);
  if (!is_stored() || value.value.is_null) return constant(value, !is_stored());
  if (value.type != oid::boolean && value.type != oid::int4 && value.type != oid::unknown)
    out_->add(type_name(value.type, value.typmod), " ");
  return constant(value, false);
}

/// get_setop_query()
Status QueryText::set_operation(const Query& of, std::span<const std::string_view> names, bool names_are_visible,
                                bool is_root) {
  if (!is_root && !is_set_operation(of)) {
    const bool needs_parens = has_own_clauses(of);
    out_->add(needs_parens ? "(" : "");
    SPG_TRY(query(of, names, names_are_visible));
    out_->add(needs_parens ? ")" : "");
    return ok();
  }
  if (++depth_ > context_.depth_limit) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  const bool left_parens = is_set_operation(*of.left) && (of.left->set_op != of.set_op || of.left->set_all != of.set_all);
  int deeper = left_parens ? indent_step : 0;
  if (left_parens) {
    out_->add("(");
    keyword("", deeper, 0, 0);
  }
  SPG_TRY(set_operation(*of.left, names, names_are_visible, false));
  if (left_parens) keyword(") ", -deeper, 0, 0);
  else if (breaks_lines()) keyword("", 0, 0, 0);
  else out_->add(" ");
  out_->add(of.set_op == sql::SetOp::union_      ? "UNION "
            : of.set_op == sql::SetOp::intersect ? "INTERSECT "
                                                 : "EXCEPT ",
            of.set_all ? "ALL " : "");
  const bool right_parens = is_set_operation(*of.right);
  deeper = right_parens ? indent_step : 0;
  out_->add(right_parens ? "(" : "");
  keyword("", deeper, 0, 0);
  SPG_TRY(set_operation(*of.right, names, false, false));
  if (breaks_lines()) indent_ -= deeper;
  if (right_parens) keyword(")", 0, 0, 0);
  --depth_;
  return ok();
}

/// The VALUES that the query is; null: it is more than that.
const RangeEntry* QueryText::only_values(const Query& of, std::span<const std::string_view> names) const {
  if (of.from == nullptr || of.from->kind != FromTree::Kind::leaf || of.from->range == nullptr ||
      of.from->range->kind != RangeKind::values || of.node == nullptr || of.node->values.empty())
    return nullptr;
  const RangeEntry* range = of.from->range;
  if (of.visible != range->columns.size()) return nullptr;
  for (std::size_t i = 0; i < of.visible; ++i) {
    const std::string_view name = i < names.size() ? names[i] : of.targets[i].name;
    if (name != range->columns[i].name && !is_stored()) return nullptr;
  }
  return range;
}

Status QueryText::values(const RangeEntry& range) {
  out_->add("VALUES ");
  for (std::size_t r = 0; r < range.rows.size(); ++r) {
    out_->add(r == 0 ? "(" : ", (");
    for (std::size_t c = 0; c < range.rows[r].size(); ++c) {
      out_->add(c == 0 ? "" : ",");
      SPG_TRY(expr(range.rows[r][c], false));
    }
    out_->add(")");
  }
  return ok();
}

/// get_basic_select_query()
Status QueryText::plain(const Query& of, std::span<const std::string_view> names, bool names_are_visible) {
  if (breaks_lines()) {
    indent_ += indent_step;
    out_->add(" ");
  }
  if (const RangeEntry* range = only_values(of, names)) return values(*range);
  out_->add("SELECT");
  if (!of.distinct_on.empty()) {
    out_->add(" DISTINCT ON (");
    for (std::size_t i = 0; i < of.distinct_on.size(); ++i) {
      out_->add(i == 0 ? "" : ", ");
      SPG_TRY(sort_key(of, of.distinct_on[i], false));
    }
    out_->add(")");
  } else if (of.distinct) {
    out_->add(" DISTINCT");
  }
  SPG_TRY(targets(of, names, names_are_visible));
  SPG_TRY(from(of));
  if (of.where != nullptr) {
    keyword(" WHERE ", -indent_step, indent_step, 1);
    SPG_TRY(expr(of.where, false));
  }
  SPG_TRY(group_by(of));
  if (of.having != nullptr) {
    keyword(" HAVING ", -indent_step, indent_step, 0);
    SPG_TRY(expr(of.having, false));
  }
  return windows(of);
}

/// The target as it was before it was converted to what a set operation around the query yields.
const Expr* QueryText::target_expr(const Query& of, std::size_t index) const {
  const Target& target = of.targets[index];
  return seen(target.written != nullptr ? target.written : target.expr);
}

Status QueryText::target(const Query& of, std::size_t index, std::string_view name, bool names_are_visible) {
  const Expr* value = target_expr(of, index);
  std::string_view label = names_are_visible || is_stored() ? std::string_view() : "?column?";
  bool has_label = !(names_are_visible || is_stored());
  const bool is_row = value->shown != nullptr && value->shown->kind == Shown::Kind::whole_row;
  const bool is_join = value->shown != nullptr && value->shown->kind == Shown::Kind::join_column;
  if (is_row) {
    SPG_TRY(whole_row(*value->shown, true));
    has_label = false;
  } else {
    SPG_TRY(expr(value, true));
  }
  if (value->kind == ExprKind::column && value->shown == nullptr) {
    const RangeEntry& range = *ranges_[as<Column>(*value).relation];
    if (range.kind != RangeKind::aggregates && range.kind != RangeKind::windows && range.kind != RangeKind::groups) {
      label = column_name(range, static_cast<std::size_t>(as<Column>(*value).number - 1));
      has_label = !is_stored();
    }
  } else if (value->shown != nullptr && value->shown->kind == Shown::Kind::system_column) {
    label = value->shown->name;
    has_label = !is_stored();
  } else if (is_join) {
    label = join_column_name(*value->shown->join, value->shown->column);
    has_label = !is_stored();
  }
  if (!has_label || label != name) out_->add(" AS ", quoted(name));
  return ok();
}

Status QueryText::targets(const Query& of, std::span<const std::string_view> names, bool names_are_visible) {
  const bool wraps = breaks_lines() && style_.wrap >= 0;
  std::string_view between = " ";
  bool was_multiline = false;
  TextBuilder* const out = out_;
  for (std::size_t i = 0; i < of.visible; ++i) {
    out->add(between);
    between = ", ";
    TextBuilder item(arena_);
    out_ = &item;
    Status status = target(of, i, i < names.size() ? names[i] : of.targets[i].name, names_are_visible);
    out_ = out;
    SPG_TRY(std::move(status));
    const std::string_view text = item.view();
    if (wraps) {
      const bool leads = !text.empty() && text[0] == '\n';
      if (leads) drop_spaces();
      else if (i > 0 && (line_bytes() + text.size() > static_cast<std::size_t>(style_.wrap) || was_multiline))
        keyword("", -indent_step, indent_step, indent_item);
      was_multiline = text.find('\n', leads ? 1 : 0) != std::string_view::npos;
    }
    out->add(text);
  }
  return ok();
}

/// get_rule_sortgroupclause() of an expression.
Status QueryText::key(const Expr* value) {
  value = seen(value);
  if (value->kind == ExprKind::constant && value->shown == nullptr) {
    const auto& fixed = as<Constant>(*value);
    const bool bare = !fixed.value.is_null && (fixed.type == oid::int4 || fixed.type == oid::boolean || fixed.type == oid::numeric);
    const std::size_t before = out_->size();
    SPG_TRY(constant(fixed, true));
    if (bare && out_->view().substr(before).find("::") == std::string_view::npos) out_->add("::", type_name(fixed.type, fixed.typmod));
    return ok();
  }
  bool is_call = value->kind == ExprKind::call && value->written != Written::operator_ && value->shown == nullptr &&
                 as<Call>(*value).function != io_cast_function && as<Call>(*value).function != array_subscript_function;
  bool is_variable = (value->kind == ExprKind::column && value->shown == nullptr) || (value->shown != nullptr && value->shown->kind == Shown::Kind::join_column);
  if (value->kind == ExprKind::column && value->shown == nullptr) {
    const RangeKind kind = ranges_[as<Column>(*value).relation]->kind;
    is_call = kind == RangeKind::aggregates || kind == RangeKind::windows;
    if (is_call || kind == RangeKind::groups) is_variable = false;
  }
  const bool needs_parens = !is_variable && (style_.pretty || is_call);
  out_->add(needs_parens ? "(" : "");
  SPG_TRY(expr(value, true));
  out_->add(needs_parens ? ")" : "");
  return ok();
}

/// By its number where it is a result column: two texts of a subquery would not be read back as one expression.
Status QueryText::sort_key(const Query& of, std::size_t target, bool by_number) {
  if (by_number || (is_stored() && target < of.visible)) {
    out_->add(target + 1);
    return ok();
  }
  return key(target_expr(of, target));
}

void QueryText::direction(bool descending, bool nulls_first) {
  out_->add(descending ? " DESC" : "");
  if (descending && !nulls_first) out_->add(" NULLS LAST");
  if (!descending && nulls_first) out_->add(" NULLS FIRST");
}

Status QueryText::order_by(const Query& of, bool by_number) {
  if (of.order_by.empty()) return ok();
  keyword(" ORDER BY ", -indent_step, indent_step, 1);
  std::string_view between;
  for (const SortBy& sort : of.order_by) {
    out_->add(between);
    between = ", ";
    SPG_TRY(sort_key(of, sort.target, by_number));
    direction(sort.descending, sort.nulls_first);
  }
  return ok();
}

Status QueryText::limit(const Query& of) {
  if (of.offset != nullptr) {
    keyword(" OFFSET ", -indent_step, indent_step, 0);
    SPG_TRY(expr(of.offset, false));
  }
  if (of.limit == nullptr && of.node != nullptr && of.node->limit_all) keyword(" LIMIT ALL", -indent_step, indent_step, 0);
  if (of.limit == nullptr) return ok();
  if (of.with_ties) {
    keyword(" FETCH FIRST ", -indent_step, indent_step, 0);
    out_->add("(");
    SPG_TRY(expr(of.limit, false));
    out_->add(") ROWS WITH TIES");
    return ok();
  }
  keyword(" LIMIT ", -indent_step, indent_step, 0);
  if (is_null_constant(seen(of.limit))) out_->add("ALL");
  else SPG_TRY(expr(of.limit, false));
  return ok();
}

namespace {
void leaves(FromTree* tree, Vec<const RangeEntry*>& found) {
  if (tree == nullptr) return;
  for (FromTree* item : tree->items) leaves(item, found);
  leaves(tree->left, found);
  leaves(tree->right, found);
  if (tree->kind == FromTree::Kind::leaf && tree->range != nullptr) found.push_back(tree->range);
}
}  // namespace

void QueryText::row_locks(const Query& of) {
  if (of.node == nullptr) return;
  Vec<const RangeEntry*> items(arena_);
  leaves(of.from, items);
  static constexpr std::string_view words[] = {" FOR KEY SHARE", " FOR SHARE", " FOR NO KEY UPDATE", " FOR UPDATE"};
  for (const sql::LockingClause& clause : of.node->locking)
    for (const RangeEntry* range : items) {
      bool named = clause.tables.empty();
      // In the text of a view, items have numbers for names.
      for (const sql::TableRef* table : clause.tables)
        named = named || table->name == range->alias || (range->reference != 0 && table->name == arena_.concat(range->reference));
      if (!named || (range->kind != RangeKind::relation && range->kind != RangeKind::subquery)) continue;
      keyword(words[static_cast<std::size_t>(clause.strength)], -indent_step, indent_step, 0);
      out_->add(" OF ", quoted(name_of(range)));
      if (clause.wait == sql::LockWait::nowait) out_->add(" NOWAIT");
      if (clause.wait == sql::LockWait::skip_locked) out_->add(" SKIP LOCKED");
    }
}

// ------------------------------------------------------------------------------------------------------ GROUP BY

Status QueryText::group_by(const Query& of) {
  if (of.node == nullptr || of.node->group_by.empty()) return ok();
  keyword(" GROUP BY ", -indent_step, indent_step, 1);
  if (of.node->group_distinct) out_->add("DISTINCT ");
  bool has_sets = false;
  for (const sql::GroupItem* item : of.node->group_by) has_sets = has_sets || item->kind != sql::GroupItemKind::expr;
  std::string_view between;
  if (!has_sets) {
    for (std::size_t i = 0; i < of.group_keys.size(); ++i) {
      if (of.key_targets[i] == UINT32_MAX) continue;
      out_->add(between);
      between = ", ";
      SPG_TRY(group_key(of, i));
    }
    return ok();
  }
  std::size_t next = 0;
  for (const sql::GroupItem* item : of.node->group_by) {
    out_->add(between);
    between = ", ";
    SPG_TRY(group_item(*item, of, next, true));
  }
  return ok();
}

Status QueryText::group_exprs(const sql::Expr& node, const Query& of, std::size_t& next, std::string_view& between) {
  if (const auto* row = sql::as<sql::RowExpr>(&node); row != nullptr && !row->explicit_row) {
    for (const sql::Expr* one : row->args) SPG_TRY(group_exprs(*one, of, next, between));
    return ok();
  }
  out_->add(between);
  between = ", ";
  return group_key(of, of.written_keys[next++]);
}

Status QueryText::group_key(const Query& of, std::size_t index) {
  if (is_stored() && of.key_targets[index] < of.visible) return sort_key(of, of.key_targets[index], true);
  return key(of.group_keys[index]);
}

Status QueryText::group_item(const sql::GroupItem& item, const Query& of, std::size_t& next, bool omit_parens) {
  std::string_view between;
  switch (item.kind) {
    case sql::GroupItemKind::empty: out_->add("()"); return ok();
    case sql::GroupItemKind::expr: {
      const auto* row = sql::as<sql::RowExpr>(item.expr);
      const bool several = row != nullptr && !row->explicit_row && row->args.size() != 1;
      out_->add(omit_parens && !several ? "" : "(");
      SPG_TRY(group_exprs(*item.expr, of, next, between));
      out_->add(omit_parens && !several ? "" : ")");
      return ok();
    }
    case sql::GroupItemKind::rollup: out_->add("ROLLUP("); break;
    case sql::GroupItemKind::cube: out_->add("CUBE("); break;
    case sql::GroupItemKind::sets: out_->add("GROUPING SETS ("); break;
  }
  for (const sql::GroupItem* one : item.items) {
    out_->add(between);
    between = ", ";
    SPG_TRY(group_item(*one, of, next, item.kind != sql::GroupItemKind::sets));
  }
  out_->add(")");
  return ok();
}

// ------------------------------------------------------------------------------------------------------- windows

Status QueryText::windows(const Query& of) {
  bool first = true;
  for (const WindowSpec* spec : of.windows) {
    if (spec->name.empty()) continue;
    if (first) keyword(" WINDOW ", -indent_step, indent_step, 1);
    else out_->add(", ");
    first = false;
    out_->add(quoted(spec->name), " AS ");
    SPG_TRY(window(*spec));
  }
  return ok();
}

/// get_rule_windowspec()
Status QueryText::window(const WindowSpec& spec) {
  std::string_view space;
  out_->add("(");
  const bool has_base = !spec.def->reference.empty();
  if (has_base) {
    out_->add(quoted(spec.def->reference));
    space = " ";
  }
  if (!spec.partition_by.empty() && !has_base) {
    std::string_view between = "PARTITION BY ";
    for (const WindowKey& one : spec.partition_by) {
      out_->add(between);
      between = ", ";
      SPG_TRY(key(one.value));
    }
    space = " ";
  }
  if (!spec.order_by.empty() && !(has_base && spec.def->order_by.empty())) {
    out_->add(space);
    std::string_view between = "ORDER BY ";
    for (const WindowKey& one : spec.order_by) {
      out_->add(between);
      between = ", ";
      SPG_TRY(key(one.value));
      direction(one.descending, one.nulls_first);
    }
    space = " ";
  }
  if (spec.def->has_frame) {
    out_->add(space);
    SPG_TRY(frame(spec));
  }
  out_->add(")");
  return ok();
}

Status QueryText::frame_bound(sql::FrameBound bound, const Expr* offset) {
  switch (bound) {
    case sql::FrameBound::unbounded_preceding: out_->add("UNBOUNDED PRECEDING"); return ok();
    case sql::FrameBound::unbounded_following: out_->add("UNBOUNDED FOLLOWING"); return ok();
    case sql::FrameBound::current_row: out_->add("CURRENT ROW"); return ok();
    case sql::FrameBound::preceding:
    case sql::FrameBound::following: break;
  }
  SPG_TRY(expr(offset, false));
  out_->add(bound == sql::FrameBound::preceding ? " PRECEDING" : " FOLLOWING");
  return ok();
}

Status QueryText::frame(const WindowSpec& spec) {
  const WindowFrame& frame = spec.frame;
  out_->add(frame.mode == sql::FrameMode::range ? "RANGE " : frame.mode == sql::FrameMode::rows ? "ROWS " : "GROUPS ");
  if (spec.def->is_between) {
    out_->add("BETWEEN ");
    SPG_TRY(frame_bound(frame.start, frame.start_offset));
    out_->add(" AND ");
    SPG_TRY(frame_bound(frame.end, frame.end_offset));
  } else {
    SPG_TRY(frame_bound(frame.start, frame.start_offset));
  }
  switch (frame.exclusion) {
    case sql::FrameExclusion::none: break;
    case sql::FrameExclusion::current_row: out_->add(" EXCLUDE CURRENT ROW"); break;
    case sql::FrameExclusion::group: out_->add(" EXCLUDE GROUP"); break;
    case sql::FrameExclusion::ties: out_->add(" EXCLUDE TIES"); break;
  }
  return ok();
}

}  // namespace spg::plan
