// INSERT, UPDATE, DELETE, MERGE.
#include "parser_state.hpp"

namespace spg::sql {

/// What may stand in WITH and behind PREPARE: a query or a row change.
Statement* Parser::preparable() {
  switch (kind()) {
    case Tok::kw_insert: return insert(nullptr);
    case Tok::kw_update: return update(nullptr);
    case Tok::kw_delete: return delete_from(nullptr);
    case Tok::kw_merge: return merge(nullptr);
    case Tok::kw_with: return with_statement();
    default: return select();
  }
}

Statement* Parser::with_statement() {
  const Deeper deeper(*this);
  With* with = with_clause();
  switch (kind()) {
    case Tok::kw_insert: return insert(with);
    case Tok::kw_update: return update(with);
    case Tok::kw_delete: return delete_from(with);
    case Tok::kw_merge: return merge(with);
    default: return select_rest(nullptr, with);
  }
}

Statement* Parser::insert(With* with) {
  auto* node = make<Insert>(here());
  node->with = with;
  advance();
  expect(Tok::kw_into);
  node->table = qualified_name();
  if (accept(Tok::kw_as)) {
    node->table->alias = arena_->make<Alias>();
    node->table->alias->at = here();
    node->table->alias->name = col_id();
  }
  insert_source(node);
  if (at(Tok::kw_on)) node->on_conflict = on_conflict();
  node->returning = returning();
  return node;
}

void Parser::insert_source(Insert* node) {
  if (accept(Tok::kw_default)) {
    expect(Tok::kw_values);
    return;
  }
  if (at('(') && !next_is(Tok::kw_select) && !next_is(Tok::kw_with) && !next_is(Tok::kw_table) && !next_is('(') &&
      !(next_is(Tok::kw_values) && peek(2).kind == ch('('))) {
    advance();
    node->columns = assign_targets();
    expect(')');
  }
  node->overriding = overriding();
  node->query = select();
}

Overriding Parser::overriding() {
  if (!accept(Tok::kw_overriding)) return Overriding::none;
  Overriding result = Overriding::user;
  if (!accept(Tok::kw_user)) { expect(Tok::kw_system); result = Overriding::system; }
  expect(Tok::kw_value);
  return result;
}

OnConflict* Parser::on_conflict() {
  auto* node = arena_->make<OnConflict>();
  node->at = here();
  advance();
  expect(Tok::kw_conflict);
  node->target_at = here();
  if (at('(')) {
    node->target = index_elements();
    node->target_where = optional_where();
  } else if (accept(Tok::kw_on)) {
    expect(Tok::kw_constraint);
    node->constraint = col_id();
  }
  expect(Tok::kw_do);
  if (accept(Tok::kw_nothing)) return node;
  expect(Tok::kw_update);
  expect(Tok::kw_set);
  node->action = ConflictAction::update;
  node->set = assignments();
  node->where = optional_where();
  return node;
}

Vec<AssignTarget> Parser::assign_targets() {
  auto targets = list<AssignTarget>();
  do targets.push_back(assign_target());
  while (accept(','));
  return targets;
}

AssignTarget Parser::assign_target() {
  AssignTarget target;
  target.at = here();
  target.column = col_id();
  if (at('.') || at('[')) {
    target.steps = list<Step>();
    steps(target.steps);
  }
  return target;
}

Vec<Assignment> Parser::assignments() {
  auto items = list<Assignment>();
  do {
    Assignment item;
    if (accept('(')) {
      item.row = true;
      item.targets = assign_targets();
      expect(')');
    } else {
      item.targets = Vec<AssignTarget>(*arena_, 1);
      item.targets.push_back(assign_target());
    }
    expect('=');
    item.value = expr();
    items.push_back(item);
  } while (accept(','));
  return items;
}

Expr* Parser::where_or_current() {
  if (at(Tok::kw_where) && next_is(Tok::kw_current) && peek(2).kind == Tok::kw_of) {
    auto* node = make<CurrentOf>(here());
    advance();
    advance();
    advance();
    node->cursor = col_id();
    return node;
  }
  return optional_where();
}

Vec<Target> Parser::returning() {
  if (!accept(Tok::kw_returning)) return {};
  return targets();
}

Statement* Parser::update(With* with) {
  auto* node = make<Update>(here());
  node->with = with;
  advance();
  node->table = relation_with_alias();
  expect(Tok::kw_set);
  node->set = assignments();
  if (accept(Tok::kw_from)) node->from = from_list();
  node->where = where_or_current();
  node->returning = returning();
  return node;
}

Statement* Parser::delete_from(With* with) {
  auto* node = make<Delete>(here());
  node->with = with;
  advance();
  expect(Tok::kw_from);
  node->table = relation_with_alias();
  if (accept(Tok::kw_using)) node->using_items = from_list();
  node->where = where_or_current();
  node->returning = returning();
  return node;
}

Statement* Parser::merge(With* with) {
  auto* node = make<Merge>(here());
  node->with = with;
  advance();
  expect(Tok::kw_into);
  node->target = relation_with_alias();
  expect(Tok::kw_using);
  node->source = table_expr();
  expect(Tok::kw_on);
  node->on = expr();
  node->whens = list<MergeWhen>();
  do node->whens.push_back(merge_when());
  while (at(Tok::kw_when));
  return node;
}

MergeWhen Parser::merge_when() {
  MergeWhen when;
  expect(Tok::kw_when);
  when.matched = !accept(Tok::kw_not);
  expect(Tok::kw_matched);
  if (accept(Tok::kw_and)) when.condition = expr();
  expect(Tok::kw_then);
  if (accept(Tok::kw_do)) {
    expect(Tok::kw_nothing);
  } else if (when.matched && accept(Tok::kw_update)) {
    expect(Tok::kw_set);
    when.action = MergeAction::update;
    when.set = assignments();
  } else if (when.matched && accept(Tok::kw_delete)) {
    when.action = MergeAction::delete_;
  } else if (!when.matched && accept(Tok::kw_insert)) {
    when.action = MergeAction::insert;
    if (accept(Tok::kw_default)) { expect(Tok::kw_values); return when; }
    if (accept('(')) { when.columns = assign_targets(); expect(')'); }
    when.overriding = overriding();
    expect(Tok::kw_values);
    when.values = paren_exprs();
  } else {
    syntax_error();
  }
  return when;
}

}  // namespace spg::sql
