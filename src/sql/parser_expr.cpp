// Expressions: operators by binding power, primaries by their first token.
#include "parser_state.hpp"

namespace spg::sql {

bool Parser::is_math_operator(Tok tok) {
  switch (tok) {
    case Tok('+'): case Tok('-'): case Tok('*'): case Tok('/'): case Tok('%'): case Tok('^'): case Tok('<'): case Tok('>'):
    case Tok('='): case Tok::less_equals: case Tok::greater_equals: case Tok::not_equals: return true;
    default: return false;
  }
}

Expr* Parser::expr(int power, ExprForm form) {
  const Deeper deeper(*this);
  return infix(prefix(form), power, form);
}

Expr* Parser::prefix(ExprForm form) {
  const std::int32_t place = here();
  switch (kind()) {
    case Tok('-'): return negation(form);
    case Tok('+'): case Tok::op: case Tok::kw_operator: {
      const bool plus = at('+');
      auto* node = make<OpExpr>(place);
      node->op = operator_name();
      node->right = expr(plus ? power_minus : power_op + 1, form);
      return node;
    }
    case Tok::kw_not: {
      if (form == ExprForm::restricted) break;
      advance();
      auto* node = make<BoolExpr>(place);
      node->op = BoolOp::not_;
      node->args = list<Expr*>();
      node->args.push_back(expr(power_not));
      return node;
    }
    case Tok::kw_default:
      if (form == ExprForm::restricted) break;
      advance();
      return make<DefaultValue>(place);
    default: break;
  }
  const bool outer = std::exchange(in_target_, false);
  Expr* node = primary();
  in_target_ = outer;
  return node;
}

/// `SELECT a or FROM t`: the words of operators may also label an output column, which only the token behind them tells.
bool Parser::labels_target() {
  switch (kind()) {
    case Tok::kw_and: case Tok::kw_or: case Tok::kw_is: case Tok::kw_like: case Tok::kw_ilike: case Tok::kw_similar:
    case Tok::kw_between: case Tok::kw_in: case Tok::kw_at: case Tok::kw_collate: case Tok::kw_operator: break;
    default: return false;
  }
  switch (peek().kind) {
    case Tok::comma: case Tok::end: case Tok::semicolon: case Tok::right_paren: case Tok::kw_into: case Tok::kw_from:
    case Tok::kw_where: case Tok::kw_group: case Tok::kw_having: case Tok::kw_window: case Tok::kw_union: case Tok::kw_except:
    case Tok::kw_intersect: case Tok::kw_order: case Tok::kw_limit: case Tok::kw_offset: case Tok::kw_fetch: case Tok::kw_for:
    case Tok::kw_returning: case Tok::kw_on: case Tok::kw_with:
      return true;
    default: return false;
  }
}

/// A minus before a number makes a negative number, so that the smallest int8 can be written.
Expr* Parser::negation(ExprForm form) {
  const std::int32_t place = here();
  advance();
  Expr* arg = expr(power_minus, form);
  if (auto* number = as<Literal>(arg)) {
    if (number->form == LiteralKind::integer) { number->integer = -number->integer; number->at = place; return number; }
    if (number->form == LiteralKind::numeric) {
      const std::string_view text = number->text;
      number->text = text.starts_with('-') ? text.substr(1) : arena_->concat("-", text);
      number->at = place;
      return number;
    }
  }
  auto* node = make<OpExpr>(place);
  node->op.name = "-";
  node->right = arg;
  return node;
}

/// Operators behind `left` that bind at least as tightly as `power`. `blocked` is the level of a non-associative
/// operator whose right operand has just ended: the same level may not follow.
Expr* Parser::infix(Expr* left, int power, ExprForm form) {
  int blocked = power_none;
  const bool full = form == ExprForm::full;
  for (std::uint32_t chain = 0;; ++chain) {
    if (__builtin_expect(chain > depth_limit_ * 4, 0)) { too_deep(); return left; }
    const std::int32_t place = here();
    if (in_target_ && is_keyword(kind()) && labels_target()) return left;
    switch (kind()) {
      case Tok::typecast: {
        if (power > power_cast) return left;
        advance();
        auto* node = make<TypeCast>(place);
        node->arg = left;
        node->form = CastForm::colons;
        node->type = type();
        left = node;
        blocked = power_none;
        continue;
      }
      case Tok('+'): case Tok('-'):
        if (power > power_add) return left;
        left = infix_operator(left, power_add, power_add + 1, form, blocked);
        continue;
      case Tok('*'): case Tok('/'): case Tok('%'):
        if (power > power_mul) return left;
        left = infix_operator(left, power_mul, power_mul + 1, form, blocked);
        continue;
      case Tok('^'):
        if (power > power_pow) return left;
        left = infix_operator(left, power_pow, power_pow + 1, form, blocked);
        continue;
      case Tok('<'): case Tok('>'): case Tok('='): case Tok::less_equals: case Tok::greater_equals: case Tok::not_equals:
        if (power > power_compare) return left;
        if (blocked == power_compare) { syntax_error(); return left; }
        left = infix_operator(left, power_compare, power_compare + 1, form, blocked);
        continue;
      case Tok::op: case Tok::kw_operator:
        if (power > power_op) return left;
        left = infix_operator(left, power_op, power_op + 1, form, blocked);
        continue;
      case Tok::kw_and:
        if (!full || power > power_and) return left;
        advance();
        left = bool_pair(BoolOp::and_, left, expr(power_and + 1), place);
        blocked = power_none;
        chain = 0;
        continue;
      case Tok::kw_or:
        if (!full || power > power_or) return left;
        advance();
        left = bool_pair(BoolOp::or_, left, expr(power_or + 1), place);
        blocked = power_none;
        chain = 0;
        continue;
      case Tok::kw_is:
        if (power > power_is) return left;
        if (blocked == power_is) { syntax_error(); return left; }
        left = infix_is(left, form, blocked);
        continue;
      case Tok::kw_isnull: case Tok::kw_notnull: {
        if (!full || power > power_is) return left;
        if (blocked == power_is) { syntax_error(); return left; }
        auto* node = make<NullTest>(place);
        node->arg = left;
        node->negated = at(Tok::kw_notnull);
        advance();
        left = node;
        blocked = power_none;
        continue;
      }
      case Tok::kw_not: {
        if (!full || power > power_between) return left;
        const Tok word = peek().kind;
        if (word != Tok::kw_between && word != Tok::kw_in && word != Tok::kw_like && word != Tok::kw_ilike && word != Tok::kw_similar)
          return left;
        if (blocked == power_between) { syntax_error(); return left; }
        advance();
        left = infix_word(left, true, place, blocked);
        continue;
      }
      case Tok::kw_between: case Tok::kw_in: case Tok::kw_like: case Tok::kw_ilike: case Tok::kw_similar:
        if (!full || power > power_between) return left;
        if (blocked == power_between) { syntax_error(); return left; }
        if (in_substring_ && at(Tok::kw_similar) && !next_is(Tok::kw_to)) return left;
        left = infix_word(left, false, place, blocked);
        continue;
      case Tok::kw_at: {
        if (!full || power > power_at) return left;
        advance();
        expect(Tok::kw_time);
        expect(Tok::kw_zone);
        auto* node = make<FunctionCall>(place);
        node->name = catalog_name("timezone");
        node->syntax = CallSyntax::at_time_zone;
        node->args = list<Expr*>();
        node->args.push_back(expr(power_at + 1));
        node->args.push_back(left);
        left = node;
        blocked = power_none;
        continue;
      }
      case Tok::kw_collate: {
        if (!full || power > power_collate) return left;
        advance();
        auto* node = make<Collate>(place);
        node->arg = left;
        node->collation = any_name();
        left = node;
        blocked = power_none;
        continue;
      }
      case Tok::kw_overlaps:
        if (auto* row = as<RowExpr>(left); full && row != nullptr) { left = overlaps(row); blocked = power_none; continue; }
        return left;
      default: return left;
    }
  }
}

Expr* Parser::bool_pair(BoolOp op, Expr* left, Expr* right, std::int32_t place) {
  if (auto* same = as<BoolExpr>(left); same != nullptr && same->op == op) {
    same->args.push_back(right);
    return same;
  }
  auto* node = make<BoolExpr>(place);
  node->op = op;
  node->args = list<Expr*>();
  node->args.push_back(left);
  node->args.push_back(right);
  return node;
}

/// Behind IS.
Expr* Parser::infix_is(Expr* left, ExprForm form, int& blocked) {
  const std::int32_t place = here();
  advance();
  const bool negated = accept(Tok::kw_not);
  blocked = power_none;
  if (accept(Tok::kw_distinct)) {
    expect(Tok::kw_from);
    auto* node = make<DistinctTest>(place);
    node->left = left;
    node->right = expr(power_is + 1, form);
    node->negated = negated;
    blocked = power_is;
    return node;
  }
  if (accept(Tok::kw_document)) {
    auto* node = make<DocumentTest>(place);
    node->arg = left;
    node->negated = negated;
    return node;
  }
  if (form == ExprForm::restricted) { syntax_error(); return left; }
  switch (kind()) {
    case Tok::kw_null: {
      advance();
      auto* node = make<NullTest>(place);
      node->arg = left;
      node->negated = negated;
      return node;
    }
    case Tok::kw_true: case Tok::kw_false: case Tok::kw_unknown: {
      auto* node = make<BooleanTest>(place);
      node->arg = left;
      node->negated = negated;
      node->test = at(Tok::kw_true) ? BooleanTestKind::true_ : at(Tok::kw_false) ? BooleanTestKind::false_ : BooleanTestKind::unknown;
      advance();
      return node;
    }
    case Tok::kw_nfc: case Tok::kw_nfd: case Tok::kw_nfkc: case Tok::kw_nfkd: case Tok::kw_normalized: {
      auto* node = make<FunctionCall>(place);
      node->name = catalog_name("is_normalized");
      node->syntax = CallSyntax::is_normalized;
      node->args = list<Expr*>();
      node->args.push_back(left);
      if (!at(Tok::kw_normalized)) { const std::int32_t where = here(); node->args.push_back(string_node(take(), where)); }
      expect(Tok::kw_normalized);
      if (!negated) return node;
      auto* inverse = make<BoolExpr>(place);
      inverse->op = BoolOp::not_;
      inverse->args = list<Expr*>();
      inverse->args.push_back(node);
      return inverse;
    }
    default: syntax_error(); return left;
  }
}

/// BETWEEN, IN, LIKE, ILIKE, SIMILAR TO.
Expr* Parser::infix_word(Expr* left, bool negated, std::int32_t place, int& blocked) {
  const Tok word = kind();
  advance();
  blocked = power_between;
  if (word == Tok::kw_between) {
    auto* node = make<Between>(place);
    node->arg = left;
    node->negated = negated;
    node->symmetric = accept(Tok::kw_symmetric);
    if (!node->symmetric) accept(Tok::kw_asymmetric);
    node->low = expr(power_none, ExprForm::restricted);
    expect(Tok::kw_and);
    node->high = expr(power_between + 1);
    return node;
  }
  if (word == Tok::kw_in) {
    blocked = power_none;
    return in_tail(left, negated, place);
  }
  if (word == Tok::kw_similar) expect(Tok::kw_to);
  else if (at_any(Tok::kw_any, Tok::kw_some, Tok::kw_all)) {
    blocked = power_none;
    const bool ilike = word == Tok::kw_ilike;
    OperatorName op;
    op.name = ilike ? (negated ? "!~~*" : "~~*") : (negated ? "!~~" : "~~");
    return quantified(left, op, place);
  }
  auto* node = make<Like>(place);
  node->form = word == Tok::kw_like ? LikeForm::like : word == Tok::kw_ilike ? LikeForm::ilike : LikeForm::similar;
  node->arg = left;
  node->negated = negated;
  node->pattern = expr(power_between + 1);
  if (accept(Tok::kw_escape)) node->escape = expr(power_between + 1);
  return node;
}

Expr* Parser::in_tail(Expr* left, bool negated, std::int32_t place) {
  if (!at('(')) { syntax_error(); return left; }
  const std::int32_t paren = here();
  const bool outer = std::exchange(in_target_, false);
  Node* inside = paren_node();
  in_target_ = outer;
  if (auto* query = as<Select>(inside)) {
    auto* node = make<Sublink>(place);
    node->form = SublinkForm::in;
    node->test = left;
    node->query = query;
    node->negated = negated;
    return node;
  }
  auto* node = make<InList>(place);
  node->arg = left;
  node->negated = negated;
  auto* row = as<RowExpr>(inside);
  if (row != nullptr && !row->explicit_row && row->at == paren) {
    node->list = row->args;
  } else {
    node->list = list<Expr*>();
    node->list.push_back(static_cast<Expr*>(inside));
  }
  return node;
}

Expr* Parser::infix_operator(Expr* left, int, int right_power, ExprForm form, int& blocked) {
  const std::int32_t place = here();
  const bool compare = right_power == power_compare + 1;
  const OperatorName op = operator_name();
  blocked = power_none;
  if (form == ExprForm::full && at_any(Tok::kw_any, Tok::kw_some, Tok::kw_all)) return quantified(left, op, place);
  auto* node = make<OpExpr>(place);
  node->op = op;
  node->left = left;
  node->right = expr(right_power, form);
  if (compare) blocked = power_compare;
  return node;
}

/// ANY, SOME or ALL with a subquery or an array.
Expr* Parser::quantified(Expr* left, const OperatorName& op, std::int32_t place) {
  const bool all = at(Tok::kw_all);
  advance();
  if (!at('(')) { syntax_error(); return left; }
  const std::int32_t paren = here();
  const bool outer = std::exchange(in_target_, false);
  Node* inside = paren_node();
  in_target_ = outer;
  if (auto* query = as<Select>(inside)) {
    auto* node = make<Sublink>(place);
    node->form = all ? SublinkForm::all : SublinkForm::any;
    node->test = left;
    node->op = op;
    node->query = query;
    return node;
  }
  if (auto* row = as<RowExpr>(inside); row != nullptr && !row->explicit_row && row->at == paren) syntax_error();
  auto* node = make<Quantified>(place);
  node->op = op;
  node->left = left;
  node->array = static_cast<Expr*>(inside);
  node->all = all;
  return node;
}

Expr* Parser::overlaps(RowExpr* left) {
  const std::int32_t place = here();
  advance();
  const std::int32_t right_place = here();
  auto* right = as<RowExpr>(at(Tok::kw_row) || at('(') ? primary() : nullptr);
  if (right == nullptr) { syntax_error(); return left; }
  auto* node = make<FunctionCall>(place);
  node->name = catalog_name("overlaps");
  node->syntax = CallSyntax::overlaps;
  if (left->args.size() != 2)
    fail_at(left->at, sqlstate::syntax_error, "wrong number of parameters on left side of OVERLAPS expression");
  if (right->args.size() != 2)
    fail_at(right_place, sqlstate::syntax_error, "wrong number of parameters on right side of OVERLAPS expression");
  node->args = list<Expr*>();
  node->args.append(left->args.span());
  node->args.append(right->args.span());
  return node;
}

/// all_Op, schema-qualified with dots before it.
OperatorName Parser::all_operator() {
  OperatorName op;
  op.schema = list<Name>();
  while (is_col_id(kind())) {
    op.schema.push_back(take());
    expect('.');
  }
  if (at(Tok::op) || is_math_operator(kind())) op.name = take();
  else syntax_error();
  return op;
}

/// An operator, or OPERATOR(schema.op).
OperatorName Parser::operator_name() {
  if (!at(Tok::kw_operator)) {
    OperatorName op;
    op.name = take();
    return op;
  }
  advance();
  expect('(');
  OperatorName op = all_operator();
  expect(')');
  return op;
}

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
    case Tok::kw_bigint: case Tok::kw_bit: case Tok::kw_boolean: case Tok::kw_char: case Tok::kw_character: case Tok::kw_dec:
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
      first = row != nullptr && !row->explicit_row && row->at == inner_place ? row : indirections(static_cast<Expr*>(inside));
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
