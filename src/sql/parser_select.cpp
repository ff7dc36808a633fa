// SELECT, VALUES, TABLE, set operations and WITH.
#include "parser_state.hpp"

namespace spg::sql {

bool Parser::starts_select() {
  switch (kind()) {
    case Tok::kw_select: case Tok::kw_with: case Tok::kw_table: return true;
    case Tok::kw_values: return next_is('(');
    default: return false;
  }
}

/// Behind a parenthesised query: something that only a query can be followed by.
bool Parser::continues_select() const {
  return at_any(Tok::kw_union, Tok::kw_intersect, Tok::kw_except, Tok::kw_order, Tok::kw_limit, Tok::kw_offset,
                Tok::kw_fetch, Tok::kw_for);
}

Select* Parser::select() { return select_no_parens(); }

Select* Parser::select_no_parens() {
  const Deeper deeper(*this);
  With* with = at(Tok::kw_with) ? with_clause() : nullptr;
  return select_rest(nullptr, with);
}

/// What follows WITH, or an operand already read.
Select* Parser::select_rest(Select* left, With* with) {
  Select* query = left != nullptr ? set_tail(left, power_none) : set_expr(power_none);
  select_tail(query);
  if (with != nullptr) {
    if (query->with != nullptr) fail_at(with->at, sqlstate::syntax_error, "multiple WITH clauses not allowed");
    query->with = with;
  }
  return query;
}

Select* Parser::set_expr(int power) {
  const Deeper deeper(*this);
  return set_tail(set_primary(), power);
}

/// INTERSECT (2) binds tighter than UNION and EXCEPT (1); all are left-associative.
Select* Parser::set_tail(Select* left, int power) {
  for (std::uint32_t chain = 0;; ++chain) {
    const bool intersect = at(Tok::kw_intersect);
    if (!intersect && !at(Tok::kw_union) && !at(Tok::kw_except)) return left;
    const int own = intersect ? 2 : 1;
    if (own < power) return left;
    if (chain > depth_limit_) { too_deep(); return left; }
    auto* node = make<Select>(here());
    node->op = intersect ? SetOp::intersect : at(Tok::kw_union) ? SetOp::union_ : SetOp::except;
    advance();
    node->all = accept(Tok::kw_all);
    if (!node->all) accept(Tok::kw_distinct);
    node->left = left;
    node->right = set_expr(own + 1);
    left = node;
  }
}

Select* Parser::set_primary() {
  switch (kind()) {
    case Tok('('): return paren_select();
    case Tok::kw_select: return simple_select();
    case Tok::kw_values: return values_clause();
    case Tok::kw_table: return table_command();
    default: syntax_error(); return make<Select>(here());
  }
}

/// (query), with any number of parentheses
Select* Parser::paren_select() {
  const Deeper deeper(*this);
  expect('(');
  Select* query = select_no_parens();
  expect(')');
  query->parenthesized = true;
  return query;
}

Select* Parser::table_command() {
  auto* node = make<Select>(here());
  advance();
  auto* star = make<ColumnRef>(-1);
  star->star = true;
  node->targets = list<Target>();
  node->targets.push_back({star, {}, -1});
  node->from = list<FromItem*>();
  node->from.push_back(relation_expr());
  return node;
}

Select* Parser::values_clause() {
  auto* node = make<Select>(here());
  advance();
  node->values = list<Vec<Expr*>>();
  do {
    node->values.push_back(paren_exprs());
  } while (accept(','));
  return node;
}

Select* Parser::simple_select() {
  auto* node = make<Select>(here());
  advance();
  bool need_targets = false;
  if (accept(Tok::kw_distinct)) {
    node->distinct = true;
    need_targets = true;
    if (accept(Tok::kw_on)) node->distinct_on = paren_exprs();
  } else {
    accept(Tok::kw_all);
  }
  switch (kind()) {
    case Tok::kw_from:
    case Tok::kw_where:
    case Tok::kw_into:
    case Tok::kw_group:
    case Tok::kw_having:
    case Tok::kw_window:
    case Tok::kw_union: case Tok::kw_intersect: case Tok::kw_except: case Tok::kw_order: case Tok::kw_limit:
    case Tok::kw_offset:
    case Tok::kw_fetch:
    case Tok::kw_for:
    case Tok(')'):
    case Tok(';'):
    case Tok::end:
    case Tok::kw_on:
      if (!need_targets) break;
      [[fallthrough]];
    default: node->targets = targets();
  }
  if (at(Tok::kw_into)) node->into = into_target();
  if (accept(Tok::kw_from)) {
    node->from = from_list();
    node->as_of = optional_as_of();
  }
  node->where = optional_where();
  if (accept(Tok::kw_group)) {
    expect(Tok::kw_by);
    node->group_distinct = accept(Tok::kw_distinct);
    if (!node->group_distinct) accept(Tok::kw_all);
    node->group_by = group_list();
  }
  if (accept(Tok::kw_having)) node->having = expr();
  if (accept(Tok::kw_window)) window_clause(node);
  return node;
}

void Parser::window_clause(Select* query) {
  query->windows = list<WindowDef*>();
  do {
    const Name name = col_id();
    expect(Tok::kw_as);
    WindowDef* window = window_specification();
    window->name = name;
    query->windows.push_back(window);
  } while (accept(','));
}

Expr* Parser::optional_where() { return accept(Tok::kw_where) ? expr() : nullptr; }

Vec<Target> Parser::targets() {
  auto items = list<Target>();
  do items.push_back(target());
  while (accept(','));
  return items;
}

Target Parser::target() {
  Target item;
  item.at = here();
  if (at('*')) {
    auto* star = make<ColumnRef>(here());
    advance();
    star->star = true;
    item.expr = star;
    return item;
  }
  const bool outer = std::exchange(in_target_, true);
  item.expr = expr();
  in_target_ = outer;
  if (accept(Tok::kw_as)) item.label = label();
  else if (is_bare_label(kind())) item.label = take();
  return item;
}

TableRef* Parser::into_target() {
  advance();
  Persistence persistence = Persistence::permanent;
  if (at_any(Tok::kw_local, Tok::kw_global) && (next_is(Tok::kw_temporary) || next_is(Tok::kw_temp))) advance();
  const bool word = is_col_id(peek().kind) || next_is(Tok::kw_table);
  if (word && at_any(Tok::kw_temporary, Tok::kw_temp)) { advance(); persistence = Persistence::temporary; }
  else if (word && at(Tok::kw_unlogged)) { advance(); persistence = Persistence::unlogged; }
  accept(Tok::kw_table);
  TableRef* table = qualified_name();
  table->persistence = persistence;
  return table;
}

Vec<GroupItem*> Parser::group_list() {
  auto items = list<GroupItem*>();
  do items.push_back(group_item());
  while (accept(','));
  return items;
}

GroupItem* Parser::group_item() {
  const Deeper deeper(*this);
  auto* item = arena_->make<GroupItem>();
  item->at = here();
  auto exprs = [&](GroupItemKind which) {
    item->kind = which;
    item->items = list<GroupItem*>();
    expect('(');
    do {
      auto* part = arena_->make<GroupItem>();
      part->at = here();
      part->expr = expr();
      item->items.push_back(part);
    } while (accept(','));
    expect(')');
  };
  if (at(Tok::kw_rollup) && next_is('(')) { advance(); exprs(GroupItemKind::rollup); }
  else if (at(Tok::kw_cube) && next_is('(')) { advance(); exprs(GroupItemKind::cube); }
  else if (accept(Tok::kw_grouping, Tok::kw_sets)) {
    item->kind = GroupItemKind::sets;
    expect('(');
    item->items = group_list();
    expect(')');
  } else if (at('(') && next_is(')')) {
    advance();
    advance();
    item->kind = GroupItemKind::empty;
  } else {
    item->expr = expr();
  }
  return item;
}

/// ORDER BY, LIMIT, OFFSET, FETCH and FOR, which belong to the whole query; the limits and FOR in either order.
void Parser::select_tail(Select* query) {
  if (accept(Tok::kw_order)) {
    expect(Tok::kw_by);
    const bool again = !query->order_by.empty();
    const std::int32_t place = here();
    Vec<SortItem> order = sort_list();
    if (again) fail_at(place, sqlstate::syntax_error, "multiple ORDER BY clauses not allowed");
    query->order_by = order;
  }
  bool limited = false, offsetted = false, locked = false;
  while (true) {
    if (at_any(Tok::kw_limit, Tok::kw_fetch, Tok::kw_offset)) {
      if ((locked && (limited || offsetted)) || (at(Tok::kw_offset) ? offsetted : limited)) break;
      limit_clause(query, limited, offsetted);
      if (locked && at_any(Tok::kw_limit, Tok::kw_fetch, Tok::kw_offset) && !(limited && offsetted))
        limit_clause(query, limited, offsetted);
    } else if (at(Tok::kw_for) && !locked) {
      locked = true;
      locking(query);
    } else {
      break;
    }
  }
  if (query->limit_form == LimitForm::fetch_with_ties) {
    if (query->order_by.empty())
      fail(Error::make(sqlstate::syntax_error, "WITH TIES cannot be specified without ORDER BY clause"));
    for (const LockingClause& clause : query->locking)
      if (clause.wait == LockWait::skip_locked)
        fail(Error::make(sqlstate::syntax_error, "SKIP LOCKED and WITH TIES options cannot be used together"));
  }
}

void Parser::limit_clause(Select* query, bool& limited, bool& offsetted) {
  const std::int32_t place = here();
  if (accept(Tok::kw_offset)) {
    const std::int32_t value_place = here();
    Expr* value = expr();
    if (at_any(Tok::kw_row, Tok::kw_rows)) advance();
    if (query->offset != nullptr) fail_at(value_place, sqlstate::syntax_error, "multiple OFFSET clauses not allowed");
    query->offset = value;
    offsetted = true;
    return;
  }
  const bool again = query->limit_form != LimitForm::none;
  limited = true;
  std::int32_t value_place = place;
  if (at(Tok::kw_fetch)) { fetch_clause(query); }
  else {
    advance();
    query->limit_form = LimitForm::limit;
    value_place = here();
    if (accept(Tok::kw_all)) query->limit_all = true;
    else query->limit = expr();
    if (accept(',')) {
      expr();
      fail([&] {
        return Error::make(sqlstate::syntax_error, "LIMIT #,# syntax is not supported")
            .hint("Use separate LIMIT and OFFSET clauses.")
            .at(char_position(lexer_.source(), static_cast<std::size_t>(place)));
      }());
    }
  }
  if (again) fail_at(value_place, sqlstate::syntax_error, "multiple LIMIT clauses not allowed");
}

/// FETCH FIRST n ROWS ONLY
void Parser::fetch_clause(Select* query) {
  advance();
  if (!at_any(Tok::kw_first, Tok::kw_next)) syntax_error();
  advance();
  if (at_any(Tok::kw_row, Tok::kw_rows)) {
    auto* one = literal(LiteralKind::integer, -1);
    one->integer = 1;
    query->limit = one;
  } else {
    query->limit = fetch_value();
  }
  if (!at_any(Tok::kw_row, Tok::kw_rows)) syntax_error();
  advance();
  query->limit_form = LimitForm::fetch_first;
  if (accept(Tok::kw_only)) return;
  expect(Tok::kw_with);
  expect(Tok::kw_ties);
  query->limit_form = LimitForm::fetch_with_ties;
}

Expr* Parser::fetch_value() { return at('+') || at('-') ? signed_number() : primary(); }

void Parser::locking(Select* query) {
  if (next_is(Tok::kw_read)) {
    advance();
    advance();
    expect(Tok::kw_only);
    return;
  }
  if (query->locking.arena() == nullptr) query->locking = list<LockingClause>();
  while (accept(Tok::kw_for)) {
    LockingClause clause;
    if (accept(Tok::kw_update)) clause.strength = LockStrength::update;
    else if (accept(Tok::kw_share)) clause.strength = LockStrength::share;
    else if (accept(Tok::kw_no)) {
      expect(Tok::kw_key);
      expect(Tok::kw_update);
      clause.strength = LockStrength::no_key_update;
    } else if (accept(Tok::kw_key)) {
      expect(Tok::kw_share);
      clause.strength = LockStrength::key_share;
    } else syntax_error();
    if (accept(Tok::kw_of)) clause.tables = qualified_names();
    if (accept(Tok::kw_nowait)) clause.wait = LockWait::nowait;
    else if (accept(Tok::kw_skip)) { expect(Tok::kw_locked); clause.wait = LockWait::skip_locked; }
    query->locking.push_back(clause);
  }
}

With* Parser::with_clause() {
  auto* with = arena_->make<With>();
  with->at = here();
  advance();
  with->recursive = at(Tok::kw_recursive) && !next_is('(') && !next_is(Tok::kw_as) && accept(Tok::kw_recursive);
  with->tables = list<CommonTable*>();
  do with->tables.push_back(common_table());
  while (accept(','));
  return with;
}

CommonTable* Parser::common_table() {
  auto* table = arena_->make<CommonTable>();
  table->at = here();
  table->name = col_id();
  if (at('(')) table->columns = paren_names();
  expect(Tok::kw_as);
  if (accept(Tok::kw_materialized)) table->materialized = Materialized::always;
  else if (accept(Tok::kw_not)) { expect(Tok::kw_materialized); table->materialized = Materialized::never; }
  expect('(');
  table->query = preparable();
  expect(')');
  if (at(Tok::kw_search)) search_clause(table);
  if (at(Tok::kw_cycle)) cycle_clause(table);
  return table;
}

void Parser::search_clause(CommonTable* table) {
  auto* search = arena_->make<SearchClause>();
  search->at = here();
  advance();
  if (accept(Tok::kw_breadth)) search->breadth_first = true;
  else expect(Tok::kw_depth);
  expect(Tok::kw_first);
  expect(Tok::kw_by);
  search->columns = name_list();
  expect(Tok::kw_set);
  search->sequence = col_id();
  table->search = search;
}

void Parser::cycle_clause(CommonTable* table) {
  auto* cycle = arena_->make<CycleClause>();
  cycle->at = here();
  advance();
  cycle->columns = name_list();
  expect(Tok::kw_set);
  cycle->mark = col_id();
  if (accept(Tok::kw_to)) {
    cycle->mark_value = constant();
    expect(Tok::kw_default);
    cycle->mark_default = constant();
  }
  expect(Tok::kw_using);
  cycle->path = col_id();
  table->cycle = cycle;
}

}  // namespace spg::sql
