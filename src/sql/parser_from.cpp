// FROM: relations, functions, subqueries and joins.
#include "parser_state.hpp"

namespace spg::sql {

Vec<FromItem*> Parser::from_list() {
  auto items = list<FromItem*>();
  do items.push_back(table_expr());
  while (accept(','));
  return items;
}

bool Parser::at_join() const {
  return at_any(Tok::kw_join, Tok::kw_cross, Tok::kw_left, Tok::kw_right, Tok::kw_full, Tok::kw_inner, Tok::kw_natural);
}

FromItem* Parser::table_expr() {
  const Deeper deeper(*this);
  return join_tail(from_primary());
}

/// Joins behind `left`. The right side of a join with a condition takes joins greedily until its own ON or USING.
FromItem* Parser::join_tail(FromItem* left) {
  for (std::uint32_t chain = 0; at_join(); ++chain) {
    if (chain > depth_limit_) { too_deep(); return left; }
    auto* node = make<Join>(here());
    node->left = left;
    const bool cross = accept(Tok::kw_cross);
    node->natural = !cross && accept(Tok::kw_natural);
    if (cross) node->type = JoinType::cross;
    else if (accept(Tok::kw_left)) { node->type = JoinType::left; accept(Tok::kw_outer); }
    else if (accept(Tok::kw_right)) { node->type = JoinType::right; accept(Tok::kw_outer); }
    else if (accept(Tok::kw_full)) { node->type = JoinType::full; accept(Tok::kw_outer); }
    else accept(Tok::kw_inner);
    expect(Tok::kw_join);
    if (cross || node->natural) {
      node->right = from_primary();
    } else {
      node->right = table_expr();
      if (accept(Tok::kw_using)) {
        node->using_columns = paren_names();
        if (!at_as_of() && accept(Tok::kw_as)) {
          node->using_alias = arena_->make<Alias>();
          node->using_alias->at = here();
          node->using_alias->name = col_id();
        }
      } else {
        expect(Tok::kw_on);
        node->on = expr();
      }
    }
    left = node;
  }
  return left;
}

FromItem* Parser::from_primary() {
  const std::int32_t place = here();
  if (accept(Tok::kw_lateral)) {
    if (at('(')) {
      Select* query = paren_select();
      return subquery_item(query, true, place);
    }
    if (at(Tok::kw_rows) && next_is(Tok::kw_from)) return rows_from_item(true);
    return function_item(true);
  }
  if (at('(')) {
    Node* inside = from_paren();
    if (auto* query = as<Select>(inside)) return subquery_item(query, false, place);
    auto* join = as<Join>(inside);
    if (join != nullptr) if (Alias* name = optional_alias(); name != nullptr) join->alias = name;
    return static_cast<FromItem*>(inside);
  }
  if (at(Tok::kw_rows) && next_is(Tok::kw_from)) return rows_from_item(false);
  if (at(Tok::kw_only)) return relation_item();
  if (is_col_id(kind()) && !next_is('(') && !next_is('.')) {
    switch (kind()) {
      case Tok::kw_coalesce: case Tok::kw_extract: break;
      case Tok::kw_xmltable: break;
      default: return relation_item();
    }
  }
  return function_item(false);
}

/// What stands in parentheses in FROM: a Select or a Join.
Node* Parser::from_paren() {
  const Deeper deeper(*this);
  const std::int32_t place = here();
  expect('(');
  if (starts_select()) {
    Select* query = select_no_parens();
    expect(')');
    query->parenthesized = true;
    return query;
  }
  FromItem* item = nullptr;
  if (at('(')) {
    const std::int32_t inner_place = here();
    Node* inside = from_paren();
    if (auto* query = as<Select>(inside)) {
      if (at(')') || continues_select()) {
        if (!at(')')) query = select_rest(query, nullptr);
        expect(')');
        query->parenthesized = true;
        return query;
      }
      if (!at(Tok::kw_as) && !is_col_id(kind()) && !at_join()) syntax_error();
      item = join_tail(subquery_item(query, false, inner_place));
    } else {
      auto* join = as<Join>(inside);
      if (join != nullptr) if (Alias* name = optional_alias(); name != nullptr) join->alias = name;
      item = join_tail(static_cast<FromItem*>(inside));
    }
  } else {
    item = table_expr();
  }
  if (item->kind != NodeKind::join) {
    syntax_error();
    return make<Join>(place);
  }
  expect(')');
  return item;
}

FromItem* Parser::subquery_item(Select* query, bool lateral, std::int32_t place) {
  auto* node = make<SubqueryRef>(place);
  node->query = query;
  node->lateral = lateral;
  node->alias = optional_alias();
  if (node->alias == nullptr && !failed_) {
    const bool values = !query->values.empty();
    // PostgreSQL points at the parenthesis of the subquery, also after LATERAL.
    std::size_t at_byte = static_cast<std::size_t>(place);
    if (lateral) at_byte = lexer_.source().find('(', at_byte);
    fail(Error::make(sqlstate::syntax_error,
                     values ? "VALUES in FROM must have an alias" : "subquery in FROM must have an alias")
             .hint(values ? "For example, FROM (VALUES ...) [AS] foo." : "For example, FROM (SELECT ...) [AS] foo.")
             .at(char_position(lexer_.source(), at_byte)));
  }
  return node;
}

Alias* Parser::alias() {
  auto* node = arena_->make<Alias>();
  node->at = here();
  node->name = col_id();
  if (at('(')) node->columns = paren_names();
  return node;
}

/// AS OF SYSTEM TIME 'timestamp or interval', behind the whole FROM list. One statement reads as of one time.
Literal* Parser::optional_as_of() {
  if (!at_as_of()) return nullptr;
  for (int word = 0; word < 4; ++word) advance();
  auto* node = make<Literal>(here());
  node->form = LiteralKind::string;
  node->text = string_literal();
  if (as_of_ != nullptr && as_of_->text != node->text)
    fail_at(node->at, sqlstate::feature_not_supported, "AS OF SYSTEM TIME cannot name different times in one statement");
  return as_of_ = node;
}
bool Parser::at_as_of() {
  return at(Tok::kw_as) && next_is(Tok::kw_of) && peek(2).kind == Tok::kw_system && peek(3).kind == Tok::kw_time;
}

/// [AS] name [(columns)]
Alias* Parser::optional_alias() {
  if (at_as_of()) return nullptr;
  if (accept(Tok::kw_as)) return alias();
  if (is_col_id(kind())) return alias();
  return nullptr;
}

TableRef* Parser::relation_expr() {
  const std::int32_t place = here();
  if (accept(Tok::kw_only)) {
    const bool paren = accept('(');
    TableRef* table = qualified_name();
    if (paren) expect(')');
    table->at = paren || failed_ ? place : table->at;
    table->only = true;
    return table;
  }
  TableRef* table = qualified_name();
  accept('*');
  return table;
}

/// Of UPDATE and DELETE: SET is no alias without AS.
TableRef* Parser::relation_with_alias() {
  TableRef* table = relation_expr();
  const bool as_word = accept(Tok::kw_as);
  if (as_word || (is_col_id(kind()) && !at(Tok::kw_set))) {
    table->alias = arena_->make<Alias>();
    table->alias->at = here();
    table->alias->name = col_id();
  }
  return table;
}

FromItem* Parser::relation_item() {
  TableRef* table = relation_expr();
  table->alias = optional_alias();
  return at(Tok::kw_tablesample) ? table_sample(table) : table;
}

FromItem* Parser::table_sample(TableRef* relation) {
  advance();
  auto* node = make<TableSample>(here());
  node->relation = relation;
  if (is_type_name(kind()) && !next_is('.')) node->method = one_name(take());
  else node->method = any_name();
  node->args = paren_exprs();
  if (accept(Tok::kw_repeatable)) {
    expect('(');
    node->repeatable = expr();
    expect(')');
  }
  return node;
}

/// A function call, or a relation if no parenthesis follows the name.
FromItem* Parser::function_item(bool lateral) {
  const std::int32_t place = here();
  auto* node = make<FunctionRef>(place);
  node->lateral = lateral;
  node->functions = list<FunctionRefItem>();
  FunctionRefItem item;
  if (is_col_id(kind()) && next_is('.')) {
    QualifiedName name = any_name();
    if (!at('(')) {
      if (lateral) { syntax_error(); return node; }
      TableRef* table = table_from(name, place);
      accept('*');
      table->alias = optional_alias();
      if (at(Tok::kw_tablesample)) return table_sample(table);
      return table;
    }
    item.call = call(name, place);
  } else {
    item.call = windowless_call();
  }
  node->functions.push_back(item);
  return function_tail(node);
}

/// Calls as FROM allows them: no FILTER and no OVER, but the calls with a grammar of their own.
Expr* Parser::windowless_call() {
  const std::int32_t place = here();
  const Tok word = kind();
  if (word == Tok::kw_current_schema && !next_is('(')) return sql_value();
  if (is_type_name(word)) {
    const Name name = take();
    if (!at('(')) {
      syntax_error();
      return literal(LiteralKind::null, place);
    }
    return call(one_name(name), place);
  }
  switch (word) {
    case Tok::kw_current_date: case Tok::kw_current_time: case Tok::kw_current_timestamp: case Tok::kw_localtime:
    case Tok::kw_localtimestamp: case Tok::kw_current_role: case Tok::kw_current_user: case Tok::kw_session_user:
    case Tok::kw_user: case Tok::kw_current_catalog: case Tok::kw_cast: case Tok::kw_coalesce: case Tok::kw_greatest:
    case Tok::kw_least: case Tok::kw_nullif: case Tok::kw_extract: case Tok::kw_normalize: case Tok::kw_overlay:
    case Tok::kw_position: case Tok::kw_substring: case Tok::kw_treat: case Tok::kw_trim: case Tok::kw_collation:
      return primary();
    default:
      if (is_col_id(word)) advance();
      syntax_error();
      return literal(LiteralKind::null, place);
  }
}

FromItem* Parser::rows_from_item(bool lateral) {
  auto* node = make<FunctionRef>(here());
  node->lateral = lateral;
  node->rows_from = true;
  node->functions = list<FunctionRefItem>();
  advance();
  advance();
  expect('(');
  do {
    FunctionRefItem item;
    const std::int32_t place = here();
    item.call = is_col_id(kind()) && next_is('.') ? call(any_name(), place) : windowless_call();
    if (accept(Tok::kw_as)) item.columns = column_definitions();
    node->functions.push_back(item);
  } while (accept(','));
  expect(')');
  return function_tail(node);
}

FromItem* Parser::function_tail(FunctionRef* item) {
  if (at(Tok::kw_with) && next_is(Tok::kw_ordinality)) {
    advance();
    advance();
    item->with_ordinality = true;
  }
  function_alias(item);
  return item;
}

/// [AS] name [(columns or column definitions)], AS (column definitions)
void Parser::function_alias(FunctionRef* item) {
  if (at_as_of()) return;
  const bool as_word = accept(Tok::kw_as);
  if (as_word && at('(')) { item->columns = column_definitions(); return; }
  if (!as_word && !is_col_id(kind())) return;
  item->alias = arena_->make<Alias>();
  item->alias->at = here();
  item->alias->name = col_id();
  if (!at('(')) return;
  const Tok second = peek(2).kind;
  if (second == ch(',') || second == ch(')')) item->alias->columns = paren_names();
  else item->columns = column_definitions();
}

/// (a int, b text COLLATE "C")
Vec<ColumnDef*> Parser::column_definitions() {
  auto columns = list<ColumnDef*>();
  expect('(');
  do {
    auto* column = make<ColumnDef>(here());
    column->name = col_id();
    column->type = type();
    if (accept(Tok::kw_collate)) column->collation = any_name();
    columns.push_back(column);
  } while (accept(','));
  expect(')');
  return columns;
}

}  // namespace spg::sql
