// Expressions: operators by binding power. Primaries: parser_primary.cpp.
#include "parser_state.hpp"

namespace spg::sql {

bool Parser::is_math_operator(Tok tok) {
  switch (tok) {
    case Tok('+'):
    case Tok('-'):
    case Tok('*'):
    case Tok('/'):
    case Tok('%'):
    case Tok('^'):
    case Tok('<'):
    case Tok('>'):
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

/// `SELECT a or FROM t`: the words of operators may also label an output column, which only the token behind them
/// tells.
bool Parser::labels_target() {
  switch (kind()) {
    case Tok::kw_and: case Tok::kw_or: case Tok::kw_is: case Tok::kw_like: case Tok::kw_ilike: case Tok::kw_similar:
    case Tok::kw_between: case Tok::kw_in: case Tok::kw_at: case Tok::kw_collate: case Tok::kw_operator: break;
    default: return false;
  }
  switch (peek().kind) {
    case Tok::comma: case Tok::end: case Tok::semicolon: case Tok::right_paren: case Tok::kw_into: case Tok::kw_from:
    case Tok::kw_where:
    case Tok::kw_group:
    case Tok::kw_having:
    case Tok::kw_window:
    case Tok::kw_union:
    case Tok::kw_except:
    case Tok::kw_intersect:
    case Tok::kw_order:
    case Tok::kw_limit:
    case Tok::kw_offset:
    case Tok::kw_fetch:
    case Tok::kw_for:
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
      case Tok('<'):
      case Tok('>'):
      case Tok('='):
      case Tok::less_equals:
      case Tok::greater_equals:
      case Tok::not_equals:
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
        if (word != Tok::kw_between && word != Tok::kw_in && word != Tok::kw_like && word != Tok::kw_ilike &&
            word != Tok::kw_similar)
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
        if (auto* row = as<RowExpr>(left); full && row != nullptr) {
          left = overlaps(row);
          blocked = power_none;
          continue;
        }
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
      node->test = at(Tok::kw_true)    ? BooleanTestKind::true_
                   : at(Tok::kw_false) ? BooleanTestKind::false_
                                       : BooleanTestKind::unknown;
      advance();
      return node;
    }
    case Tok::kw_nfc: case Tok::kw_nfd: case Tok::kw_nfkc: case Tok::kw_nfkd: case Tok::kw_normalized: {
      auto* node = make<FunctionCall>(place);
      node->name = catalog_name("is_normalized");
      node->syntax = CallSyntax::is_normalized;
      node->args = list<Expr*>();
      node->args.push_back(left);
      if (!at(Tok::kw_normalized)) {
        const std::int32_t where = here();
        node->args.push_back(string_node(take(), where));
      }
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

}  // namespace spg::sql
