// Bound queries as SQL: clauses, FROM, names.
#include "query_text.hpp"

#include <algorithm>

#include "spg/catalog/names.hpp"
#include "spg/sql/ddl.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {
constexpr int indent_step = 8, indent_join = 4, indent_item = 4, indent_limit = 40;
/// References of joins lie above those of ranges.
constexpr std::uint32_t first_join_reference = 40000;

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

// --------------------------------------------------------------------------------------------------------- names

bool QueryText::is_taken(std::string_view name, const Level& level) const {
  for (const Level* at = &level; at != nullptr; at = at->outer)
    for (const ItemName* one = at->names; one != nullptr; one = one->next)
      if (one->name == name) return true;
  return false;
}

void QueryText::name_item(const void* item, std::string_view wanted, Level& level) {
  std::string_view name = wanted;
  for (int i = 1; is_taken(name, level); ++i) name = arena_.concat(wanted, "_", i);
  level.names = arena_.make<ItemName>(item, name, level.names);
}

void QueryText::name_tree(const FromTree* tree, Level& level) {
  if (tree == nullptr) return;
  for (const FromTree* item : tree->items) name_tree(item, level);
  name_tree(tree->left, level);
  name_tree(tree->right, level);
  if (tree->kind == FromTree::Kind::join && tree->names != nullptr) {
    const JoinNames& join = *tree->names;
    if (is_stored()) name_item(&join, arena_.concat(first_join_reference + join.id), level);
    else if (join.number != 0) name_item(&join, join.alias, level);
  }
  if (tree->kind != FromTree::Kind::leaf || tree->range == nullptr) return;
  const RangeEntry& range = *tree->range;
  if (is_stored()) name_item(&range, arena_.concat(range.number), level);
  else name_item(&range, range.alias, level);
}

void QueryText::name_items(const Query& query, Level& level) {
  name_tree(query.from, level);
  if (!is_stored()) force_names(query.from);
}

std::string_view QueryText::name_of(const void* item) const {
  for (const Level* at = level_; at != nullptr; at = at->outer)
    for (const ItemName* one = at->names; one != nullptr; one = one->next)
      if (one->item == item) return one->name;
  return "?";
}

/// A column that USING joins by is called as USING calls it, whatever its table calls it now.
void QueryText::force_name(const Expr* column, std::string_view name) {
  column = seen(column);
  while (column->kind == ExprKind::relabel || column->kind == ExprKind::call)
    column = seen(column->kind == ExprKind::relabel ? as<Unary>(*column).argument : as<Call>(*column).arguments[0]);
  if (column->kind == ExprKind::coalesce) {
    for (const Expr* part : as<Variadic>(*column).arguments) force_name(part, name);
    return;
  }
  if (column->kind != ExprKind::column || (column->shown != nullptr && column->shown->join->number != 0)) return;
  const auto& ref = as<Column>(*column);
  forced_ = arena_.make<ForcedName>(ref.relation, ref.number, name, forced_);
}

void QueryText::force_names(const FromTree* tree) {
  if (tree == nullptr) return;
  for (const FromTree* item : tree->items) force_names(item);
  force_names(tree->left);
  force_names(tree->right);
  if (tree->kind != FromTree::Kind::join || tree->names == nullptr || tree->names->merged == 0) return;
  std::size_t i = 0;
  for (const JoinNames::Pair& pair : tree->names->pairs) {
    force_name(pair.left, tree->names->using_names[i]);
    force_name(pair.right, tree->names->using_names[i]);
    ++i;
  }
}

std::string_view QueryText::column_name(const RangeEntry& range, std::size_t index) const {
  for (const ForcedName* one = forced_; one != nullptr; one = one->next)
    if (one->relation == range.number && static_cast<std::size_t>(one->number) == index + 1) return one->name;
  const std::string_view name = range.columns[index].name;
  bool repeated = false;
  for (std::size_t i = 0; i < index; ++i) repeated = repeated || range.columns[i].name == name;
  if (!repeated) return name;
  for (int suffix = 1;; ++suffix) {
    const std::string_view made = arena_.concat(name, "_", suffix);
    bool taken = false;
    for (std::size_t i = 0; i < range.columns.size(); ++i)
      taken = taken || (i < index ? column_name(range, i) == made : range.columns[i].name == made);
    if (!taken) return made;
  }
}

void QueryText::name_list(std::span<const std::string_view> names) {
  out_->add("(");
  for (std::size_t i = 0; i < names.size(); ++i) out_->add(i == 0 ? "" : ", ", quoted(names[i]));
  out_->add(")");
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
    Query both = *cte.initial;
    both.ctes = Vec<Cte*>(arena_);
    both.order_by = Vec<SortBy>(arena_);
    both.limit = both.offset = nullptr;
    both.node = nullptr;
    both.from = nullptr;
    both.set_op = sql::SetOp::union_;
    both.set_all = cte.union_all;
    both.right = cte.step;
    // The first query's columns have been called as the table's are.
    Query first = *cte.initial;
    first.targets = Vec<Target>(arena_);
    first.targets.append(cte.initial->targets.span());
    for (std::size_t i = 0; i < cte.initial_names.size(); ++i) first.targets[i].name = cte.initial_names[i];
    both.left = &first;
    SPG_TRY(query(both, {}, true));
  } else if (cte.query != nullptr) {
    SPG_TRY(subquery(*cte.query, true));
  }
  if (breaks_lines()) keyword("", 0, 0, 0);
  out_->add(")");
  return ok();
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
    SPG_TRY(whole_row(*value->shown, *value, true));
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

Status QueryText::sort_key(const Query& of, std::size_t target, bool by_number) {
  if (by_number) {
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
      SPG_TRY(key(of.group_keys[i]));
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
  return key(of.group_keys[of.written_keys[next++]]);
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
    SPG_TRY(window(*spec, of));
  }
  return ok();
}

/// get_rule_windowspec()
Status QueryText::window(const WindowSpec& spec, const Query&) {
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

// ---------------------------------------------------------------------------------------------------------- FROM

Status QueryText::from(const Query& of) {
  if (of.from == nullptr) return ok();
  Vec<const FromTree*> items(arena_);
  if (of.from->kind == FromTree::Kind::list)
    for (const FromTree* item : of.from->items) items.push_back(item);
  else items.push_back(of.from);
  TextBuilder* const out = out_;
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i == 0) {
      keyword(" FROM ", -indent_step, indent_step, 2);
      SPG_TRY(from_item(items[i]));
      continue;
    }
    out->add(", ");
    TextBuilder item(arena_);
    out_ = &item;
    Status status = from_item(items[i]);
    out_ = out;
    SPG_TRY(std::move(status));
    const std::string_view text = item.view();
    if (breaks_lines() && style_.wrap >= 0) {
      if (!text.empty() && text[0] == '\n') drop_spaces();
      else if (line_bytes() + text.size() > static_cast<std::size_t>(style_.wrap))
        keyword("", -indent_step, indent_step, indent_item);
    }
    out->add(text);
  }
  return ok();
}

Status QueryText::from_item(const FromTree* tree) {
  if (++depth_ > context_.depth_limit) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  Status status = tree->kind == FromTree::Kind::join ? join(tree) : range(*tree->range, tree->lateral);
  --depth_;
  return status;
}

Status QueryText::join(const FromTree* tree) {
  const JoinNames& names = *tree->names;
  const bool has_alias = names.number != 0;
  const bool right_parens = style_.pretty && tree->right->kind == FromTree::Kind::join && tree->right->names->number == 0;
  out_->add(parens_are_forced() || has_alias ? "(" : "");
  SPG_TRY(from_item(tree->left));
  const std::string_view word = tree->type == sql::JoinType::left    ? " LEFT JOIN "
                                : tree->type == sql::JoinType::right ? " RIGHT JOIN "
                                : tree->type == sql::JoinType::full  ? " FULL JOIN "
                                : tree->condition != nullptr         ? " JOIN "
                                                                     : " CROSS JOIN ";
  keyword(word, -indent_step, indent_step, indent_join);
  out_->add(right_parens ? "(" : "");
  SPG_TRY(from_item(tree->right));
  out_->add(right_parens ? ")" : "");
  if (names.merged != 0) {
    out_->add(" USING ");
    name_list(names.using_names.span());
    if (is_stored())
      out_->add(" AS ", quoted(arena_.concat(first_join_reference + names.id, ":0:", names.using_alias.empty() ? "-" : "+", names.using_alias)));
    else if (!names.using_alias.empty()) out_->add(" AS ", quoted(names.using_alias));
    // For what it reads: the columns.
    if (is_stored()) {
      TextBuilder* const out = out_;
      TextBuilder unread(arena_);
      out_ = &unread;
      Status status = expr(tree->condition, false);
      out_ = out;
      SPG_TRY(std::move(status));
    }
  } else if (tree->condition != nullptr) {
    out_->add(" ON ", parens_are_forced() ? "(" : "");
    SPG_TRY(expr(tree->condition, false));
    out_->add(parens_are_forced() ? ")" : "");
  } else if (tree->type != sql::JoinType::inner) {
    out_->add(" ON TRUE");
  }
  out_->add(parens_are_forced() || has_alias ? ")" : "");
  if (!has_alias) return ok();
  if (is_stored()) {
    out_->add(" AS ", quoted(arena_.concat(first_join_reference + names.id, ":", names.alias_columns, ":+", names.alias)));
    name_list(join_names(names, nullptr));
    return ok();
  }
  out_->add(" ", quoted(name_of(&names)));
  bool renamed = false;
  const std::span<const std::string_view> columns = join_names(names, &renamed);
  if (renamed) name_list(columns);
  return ok();
}

/// The columns of a join with an alias by the names that they have in the text; `renamed`: whether some are not those of
/// the items'.
std::span<const std::string_view> QueryText::join_names(const JoinNames& join, bool* renamed) const {
  Vec<std::string_view> made(arena_);
  for (std::size_t i = 0; i < join.names.size(); ++i) {
    const Expr* column = seen(join.columns[i]);
    std::string_view own = join.names[i];
    if (column->shown != nullptr && column->shown->kind == Shown::Kind::join_column) {
      if (column->shown->join->number != 0) own = join_names(*column->shown->join, nullptr)[column->shown->column];
    } else if (column->kind == ExprKind::column) {
      own = column_name(*ranges_[as<Column>(*column).relation], static_cast<std::size_t>(as<Column>(*column).number - 1));
    }
    const std::string_view wanted = i < join.alias_columns ? join.names[i] : own;
    std::string_view name = wanted;
    for (int suffix = 1; std::find(made.begin(), made.end(), name) != made.end(); ++suffix)
      name = arena_.concat(wanted, "_", suffix);
    made.push_back(name);
    if (renamed != nullptr) *renamed = *renamed || name != own;
  }
  return made.span();
}

/// Qualified where the search path (or a WITH query) hides it.
Status QueryText::relation_name(const catalog::Relation& relation) {
  refer(Oid{1259}, relation.oid, 0);
  if (is_stored()) {
    out_->add("\"@\".\"", raw(relation.oid), "\"");
    return ok();
  }
  SPG_ASSIGN(const catalog::Relation* visible, catalog_.relation({}, relation.name));
  bool hidden = visible == nullptr || visible->oid != relation.oid;
  for (const Level* level = level_; level != nullptr; level = level->outer)
    if (level->query != nullptr)
      for (const Cte* cte : level->query->ctes) hidden = hidden || cte->name == relation.name;
  if (hidden) {
    SPG_ASSIGN(const std::string_view schema, catalog_.schema_name(relation.schema));
    out_->add(quoted(schema), ".");
  }
  out_->add(quoted(relation.name));
  return ok();
}

Status QueryText::functions(const RangeEntry& of) {
  const auto print_call = [&](const Call* one) -> Status {
    const Expr* value = seen(one);
    const bool looks_like_call = value->shown != nullptr || (value->kind == ExprKind::call && tag(value) != Tag::cast && tag(value) != Tag::op);
    if (looks_like_call) return expr(value, true);
    out_->add("CAST(");
    SPG_TRY(expr(value, false));
    out_->add(" AS ", type_name(value->type, value->typmod), ")");
    return ok();
  };
  if (of.functions.size() == 1 && !(of.has_definitions && of.with_ordinality)) {
    SPG_TRY(print_call(of.functions[0]));
  } else {
    out_->add("ROWS FROM(");
    for (std::size_t i = 0; i < of.functions.size(); ++i) {
      out_->add(i == 0 ? "" : ", ");
      SPG_TRY(print_call(of.functions[i]));
    }
    out_->add(")");
  }
  out_->add(of.with_ordinality ? " WITH ORDINALITY" : "");
  return ok();
}

Status QueryText::range(const RangeEntry& of, bool lateral) {
  switch (of.kind) {
    case RangeKind::relation:
      out_->add(of.only ? "ONLY " : "");
      SPG_TRY(relation_name(*of.relation));
      break;
    case RangeKind::subquery:
      if (of.view != nullptr) {
        out_->add(of.only ? "ONLY " : "");
        SPG_TRY(relation_name(*of.view));
        break;
      }
      out_->add(lateral ? "LATERAL (" : "(");
      SPG_TRY(subquery(*of.subquery, true));
      out_->add(")");
      break;
    case RangeKind::function: {
      bool reads = false;
      auto look = [&](Expr* part) {
        reads = reads || (part->kind == ExprKind::column && level_->query != nullptr && ranges_[as<Column>(*part).relation]->owner == level_->query);
      };
      for (Call* call : of.functions) for_each_below(call, look);
      out_->add(reads ? "LATERAL " : "");
      SPG_TRY(functions(of));
      break;
    }
    case RangeKind::values:
      out_->add("(");
      SPG_TRY(values(of));
      out_->add(")");
      break;
    case RangeKind::cte:
    case RangeKind::work_table: out_->add(quoted(of.cte->name)); break;
    default: return Error::make(sqlstate::internal_error, "unexpected range entry in FROM");
  }
  SPG_TRY(range_alias(of));
  if (of.sample == nullptr) return ok();
  out_->add(" TABLESAMPLE ", of.sample->by_block ? "system" : "bernoulli", " (");
  SPG_TRY(expr(of.sample->percent, false));
  out_->add(")");
  if (of.sample->seed == nullptr) return ok();
  out_->add(" REPEATABLE (");
  SPG_TRY(expr(of.sample->seed, false));
  out_->add(")");
  return ok();
}

/// Every column by the name that the text calls it, as Binder::referenced_item reads it.
void QueryText::stored_alias(const RangeEntry& of) {
  std::int32_t given = 0;
  std::size_t width = 0;
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const RangeColumn& column = of.columns[i];
    if (of.kind == RangeKind::relation && column.stored == 0) continue;
    const std::size_t place = column.stored != 0 ? static_cast<std::size_t>(column.stored) : i + 1;
    width = std::max(width, place);
    if (column.aliased) given = static_cast<std::int32_t>(place);
  }
  out_->add(" AS ", quoted(arena_.concat(of.number, ":", given, of.has_alias ? ":+" : ":-", of.alias)));
  if (of.has_definitions) return;
  Vec<std::string_view> names(arena_);
  for (std::size_t i = 0; i < width; ++i) names.push_back("?");
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const RangeColumn& column = of.columns[i];
    if (of.kind == RangeKind::relation && column.stored == 0) continue;
    names[column.stored != 0 ? static_cast<std::size_t>(column.stored) - 1 : i] = column_name(of, i);
  }
  if (!names.empty()) name_list(names.span());
}

Status QueryText::range_alias(const RangeEntry& of) {
  if (is_stored()) {
    stored_alias(of);
  } else {
    const std::string_view name = name_of(&of);
    bool renamed = false, given = false;
    Vec<std::string_view> names(arena_);
    for (std::size_t i = 0; i < of.columns.size(); ++i) {
      const RangeColumn& column = of.columns[i];
      if (of.kind == RangeKind::relation && column.stored == 0) continue;
      names.push_back(column_name(of, i));
      std::string_view real = column.name;
      const catalog::Relation* relation = of.view != nullptr ? of.view : of.relation;
      if (relation != nullptr) real = relation->columns[static_cast<std::size_t>(column.stored - 1)].name;
      renamed = renamed || real != names.back();
      given = given || column.aliased;
    }
    const bool is_relation = of.kind == RangeKind::relation || of.view != nullptr;
    const bool prints_columns = of.kind == RangeKind::function || renamed || (given && !is_relation);
    bool prints_name = of.has_alias || prints_columns || of.kind == RangeKind::values;
    if (of.view != nullptr) prints_name = prints_name || name != of.view->name;
    else if (of.kind == RangeKind::relation) prints_name = prints_name || name != of.relation->name;
    else if (of.cte != nullptr) prints_name = prints_name || name != of.cte->name;
    if (prints_name) out_->add(" ", quoted(name));
    if (prints_columns && !of.has_definitions && !names.empty()) name_list(names.span());
  }
  if (!of.has_definitions) return ok();
  out_->add("(");
  for (std::size_t i = 0; i < of.columns.size(); ++i) {
    const RangeColumn& column = of.columns[i];
    out_->add(i == 0 ? "" : ", ", quoted(column.name), " ", type_name(column.type, column.typmod));
  }
  out_->add(")");
  return ok();
}

}  // namespace spg::plan
