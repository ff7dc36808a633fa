// Primary expressions, by their first token: literals, columns, parentheses, constructors.
#include "parser_state.hpp"

namespace spg::sql {

Literal* Parser::literal(LiteralKind form, std::int32_t place) {
  auto* node = make<Literal>(place);
  node->form = form;
  return node;
}
Literal* Parser::string_node(std::string_view text, std::int32_t place) {
  auto* node = literal(LiteralKind::string, place);
  node->text = text;
  return node;
}

/// What PostgreSQL's grammar calls AexprConst.
Expr* Parser::constant() {
  Expr* node = at('(') || at(Tok::parameter) ? nullptr : primary();
  const auto* typed = node == nullptr ? nullptr : as<TypeCast>(node);
  const bool is_constant =
      node != nullptr && (as<Literal>(node) != nullptr || (typed != nullptr && typed->form == CastForm::typed_literal));
  if (!is_constant) syntax_error();
  return node;
}

Expr* Parser::primary() {
  const std::int32_t place = here();
  switch (kind()) {
    case Tok::integer: {
      auto* node = literal(LiteralKind::integer, place);
      node->integer = integer();
      return node;
    }
    case Tok::numeric: { auto* node = literal(LiteralKind::numeric, place); node->text = take(); return node; }
    case Tok::string: return string_node(take(), place);
    case Tok::bit_string: { auto* node = literal(LiteralKind::bits, place); node->text = take(); return node; }
    case Tok::hex_string: { auto* node = literal(LiteralKind::hex, place); node->text = take(); return node; }
    case Tok::kw_null: advance(); return literal(LiteralKind::null, place);
    case Tok::kw_true: case Tok::kw_false: {
      auto* node = literal(LiteralKind::boolean, place);
      node->integer = at(Tok::kw_true);
      advance();
      return node;
    }
    case Tok::parameter: {
      auto* node = make<Param>(place);
      std::int64_t number = 0;
      for (const char c : cur().text) number = number > INT32_MAX ? number : number * 10 + (c - '0');
      node->number = static_cast<std::int32_t>(number > INT32_MAX ? INT32_MAX : number);
      if (node->number > params_) params_ = node->number;
      advance();
      return indirections(node);
    }
    case Tok('('): return parenthesized();
    case Tok::kw_case: return case_expr();
    case Tok::kw_array: return array_constructor();
    case Tok::kw_cast: return cast_call();
    case Tok::kw_exists:
      if (!next_is('(')) break;
      advance();
      {
        auto* node = make<Sublink>(place);
        node->form = SublinkForm::exists;
        node->query = paren_select();
        return node;
      }
    case Tok::kw_row: if (!next_is('(')) break; return row_constructor();
    case Tok::kw_coalesce: if (!next_is('(')) break; return conditional(ConditionalKind::coalesce);
    case Tok::kw_greatest: if (!next_is('(')) break; return conditional(ConditionalKind::greatest);
    case Tok::kw_least: if (!next_is('(')) break; return conditional(ConditionalKind::least);
    case Tok::kw_nullif: if (!next_is('(')) break; return conditional(ConditionalKind::nullif);
    case Tok::kw_grouping: {
      if (!next_is('(')) break;
      advance();
      auto* node = make<GroupingCall>(place);
      node->args = paren_exprs();
      return node;
    }
    case Tok::kw_extract: case Tok::kw_normalize: case Tok::kw_overlay: case Tok::kw_position: case Tok::kw_substring:
    case Tok::kw_treat: case Tok::kw_trim:
      if (!next_is('(')) break;
      return special_call();
    case Tok::kw_collation:
      if (!next_is(Tok::kw_for)) break;
      return special_call();
    case Tok::kw_unique:
      advance();
      paren_select();
      fail_at(place, sqlstate::feature_not_supported, "UNIQUE predicate is not yet implemented");
      return literal(LiteralKind::null, place);
    case Tok::kw_current_date: case Tok::kw_current_time: case Tok::kw_current_timestamp: case Tok::kw_localtime:
    case Tok::kw_localtimestamp: case Tok::kw_current_role: case Tok::kw_current_user: case Tok::kw_session_user:
    case Tok::kw_user: case Tok::kw_current_catalog:
      return sql_value();
    case Tok::kw_current_schema:
      if (next_is('(') || next_is(Tok::string)) break;
      return sql_value();
    case Tok::kw_bigint:
    case Tok::kw_bit:
    case Tok::kw_boolean:
    case Tok::kw_char:
    case Tok::kw_character:
    case Tok::kw_dec:
    case Tok::kw_decimal: case Tok::kw_float: case Tok::kw_int: case Tok::kw_integer: case Tok::kw_interval:
    case Tok::kw_national: case Tok::kw_nchar: case Tok::kw_numeric: case Tok::kw_real: case Tok::kw_smallint:
    case Tok::kw_time: case Tok::kw_timestamp: case Tok::kw_varchar: case Tok::kw_double:
      if (!starts_typed_literal()) break;
      return typed_literal();
    default: break;
  }
  return name_or_call();
}

Expr* Parser::scalar_sublink(Select* query, std::int32_t place) {
  auto* node = make<Sublink>(place);
  node->form = SublinkForm::scalar;
  node->query = query;
  return node;
}

/// (expr), (a, b), (SELECT ..), each with subscripts and fields behind it.
Expr* Parser::parenthesized() {
  const std::int32_t place = here();
  Node* inside = paren_node();
  if (auto* query = as<Select>(inside)) return indirections(scalar_sublink(query, place));
  auto* row = as<RowExpr>(inside);
  if (row != nullptr && !row->explicit_row && row->at == place) return row;
  return indirections(static_cast<Expr*>(inside));
}

/// What stands in parentheses: a Select, an expression, or (at the parenthesis' own place) an implicit row. Only the
/// end tells ((SELECT 1)) from ((SELECT 1) + 2), so the inner result decides how to go on.
Node* Parser::paren_node() {
  const Deeper deeper(*this);
  const std::int32_t place = here();
  expect('(');
  Expr* first = nullptr;
  if (starts_select()) {
    Select* query = select_no_parens();
    expect(')');
    query->parenthesized = true;
    return query;
  }
  if (at('(')) {
    const std::int32_t inner_place = here();
    Node* inside = paren_node();
    if (auto* query = as<Select>(inside)) {
      if (at(')') || continues_select()) {
        if (!at(')')) query = select_rest(query, nullptr);
        expect(')');
        query->parenthesized = true;
        return query;
      }
      first = indirections(scalar_sublink(query, inner_place));
    } else {
      auto* row = as<RowExpr>(inside);
      first = row != nullptr && !row->explicit_row && row->at == inner_place ? row
                                                                             : indirections(static_cast<Expr*>(inside));
    }
    first = infix(first, power_none, ExprForm::full);
  } else {
    first = expr();
  }
  if (!at(',')) {
    expect(')');
    return first;
  }
  auto* row = make<RowExpr>(place);
  row->args = list<Expr*>();
  row->args.push_back(first);
  while (accept(',')) row->args.push_back(expr());
  expect(')');
  return row;
}

Expr* Parser::indirections(Expr* arg) {
  if (!at('.') && !at('[')) return arg;
  auto* node = make<Indirection>(arg->at);
  node->arg = arg;
  node->steps = list<Step>();
  steps(node->steps);
  return node;
}

/// .field, .*, [i], [a:b], any number; nothing may follow a star. False when there is none.
bool Parser::steps(Vec<Step>& out) {
  const std::size_t before = out.size();
  bool misplaced = false;
  while (true) {
    if (accept('.')) {
      Step step;
      if (accept('*')) {
        step.kind = StepKind::star;
        out.push_back(step);
        if (at('.') || at('[')) misplaced = true;
        continue;
      }
      step.name = label();
      out.push_back(step);
    } else if (accept('[')) {
      Step step;
      step.kind = StepKind::index;
      if (!at(':')) step.lower = expr();
      if (accept(':')) {
        step.kind = StepKind::slice;
        if (!at(']')) step.upper = expr();
      }
      expect(']');
      out.push_back(step);
    } else {
      if (misplaced) fail(error_near(lexer_.source(), "improper use of \"*\"", cur().begin, cur().end));
      return out.size() > before;
    }
  }
}

/// A column, a function call, or a literal typed by a plain name: a.b, f(..), mytype 'text'.
Expr* Parser::name_or_call() {
  const std::int32_t place = here();
  const Tok first = kind();
  const bool column = is_col_id(first), function = is_type_name(first);
  if (!column && !function) {
    syntax_error();
    return literal(LiteralKind::null, place);
  }
  const Name name = take();
  const bool callable = at('(') || at(Tok::string);
  if (callable && function) return call(one_name(name), place);
  if (!column) { syntax_error(); return literal(LiteralKind::null, place); }
  return column_ref(name, place);
}

Expr* Parser::column_ref(Name first, std::int32_t place) {
  auto* node = make<ColumnRef>(place);
  node->fields = Vec<Name>(*arena_, 2);
  node->fields.push_back(first);
  while (at('.')) {
    advance();
    if (accept('*')) {
      node->star = true;
      if (!at('.') && !at('[')) return node;
      auto rest = list<Step>();
      steps(rest);
      fail(error_near(lexer_.source(), "improper use of \"*\"", cur().begin, cur().end));
      return node;
    }
    node->fields.push_back(label());
  }
  if (node->fields.size() > 1 && (at('(') || at(Tok::string))) return call(node->fields, place);
  return indirections(node);
}

Expr* Parser::case_expr() {
  auto* node = make<CaseExpr>(here());
  advance();
  if (!at(Tok::kw_when)) node->arg = expr();
  node->whens = list<CaseWhen>();
  do {
    CaseWhen when;
    expect(Tok::kw_when);
    when.when = expr();
    expect(Tok::kw_then);
    when.then = expr();
    node->whens.push_back(when);
  } while (at(Tok::kw_when));
  if (accept(Tok::kw_else)) node->otherwise = expr();
  expect(Tok::kw_end);
  return node;
}

/// ARRAY[..] or ARRAY(SELECT ..)
Expr* Parser::array_constructor() {
  const std::int32_t place = here();
  advance();
  if (at('(')) {
    auto* node = make<Sublink>(place);
    node->form = SublinkForm::array;
    node->query = paren_select();
    return node;
  }
  Expr* node = array_literal();
  node->at = place;
  return node;
}

/// [a, b] or [[a, b], [c, d]]
Expr* Parser::array_literal() {
  const Deeper deeper(*this);
  auto* node = make<ArrayExpr>(here());
  node->elements = list<Expr*>();
  expect('[');
  if (accept(']')) return node;
  const bool nested = at('[');
  do {
    if (nested && !at('[')) syntax_error();
    node->elements.push_back(nested ? array_literal() : expr());
  } while (accept(','));
  expect(']');
  return node;
}

Expr* Parser::cast_call() {
  auto* node = make<TypeCast>(here());
  advance();
  expect('(');
  node->arg = expr();
  expect(Tok::kw_as);
  node->type = type();
  expect(')');
  return node;
}

Expr* Parser::conditional(ConditionalKind which) {
  auto* node = make<Conditional>(here());
  advance();
  node->which = which;
  if (which != ConditionalKind::nullif) {
    node->args = paren_exprs();
    return node;
  }
  node->args = list<Expr*>();
  expect('(');
  node->args.push_back(expr());
  expect(',');
  node->args.push_back(expr());
  expect(')');
  return node;
}

Expr* Parser::sql_value() {
  auto* node = make<SqlValue>(here());
  bool has_precision = false;
  switch (kind()) {
    case Tok::kw_current_date: node->which = SqlValueKind::current_date; break;
    case Tok::kw_current_time: node->which = SqlValueKind::current_time; has_precision = true; break;
    case Tok::kw_current_timestamp: node->which = SqlValueKind::current_timestamp; has_precision = true; break;
    case Tok::kw_localtime: node->which = SqlValueKind::localtime; has_precision = true; break;
    case Tok::kw_localtimestamp: node->which = SqlValueKind::localtimestamp; has_precision = true; break;
    case Tok::kw_current_role: node->which = SqlValueKind::current_role; break;
    case Tok::kw_current_user: node->which = SqlValueKind::current_user; break;
    case Tok::kw_session_user: node->which = SqlValueKind::session_user; break;
    case Tok::kw_user: node->which = SqlValueKind::user; break;
    case Tok::kw_current_catalog: node->which = SqlValueKind::current_catalog; break;
    default: node->which = SqlValueKind::current_schema; break;
  }
  advance();
  if (has_precision && accept('(')) {
    node->precision = integer();
    expect(')');
  }
  return node;
}

Expr* Parser::row_constructor() {
  auto* node = make<RowExpr>(here());
  advance();
  node->explicit_row = true;
  node->args = list<Expr*>();
  expect('(');
  if (!at(')')) node->args = expr_list();
  expect(')');
  return node;
}

Vec<Expr*> Parser::expr_list() {
  auto exprs = list<Expr*>();
  do exprs.push_back(expr());
  while (accept(','));
  return exprs;
}

Vec<Expr*> Parser::paren_exprs() {
  expect('(');
  auto exprs = expr_list();
  expect(')');
  return exprs;
}

}  // namespace spg::sql
