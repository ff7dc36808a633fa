// Function calls: plain, aggregate and window calls, and the ones with a grammar of their own.
#include "parser_state.hpp"

namespace spg::sql {

/// Behind the name: `(args)` with all that may follow, or a string, which makes the name a type.
Expr* Parser::call(const QualifiedName& name, std::int32_t place) {
  auto typed = [&](const Vec<Expr*>& modifiers) {
    auto* cast = make<TypeCast>(place);
    cast->form = CastForm::typed_literal;
    cast->type = make<TypeName>(place);
    cast->type->name = name;
    cast->type->modifiers = modifiers;
    const std::int32_t where = here();
    cast->arg = string_node(take(), where);
    return cast;
  };
  if (at(Tok::string)) return typed({});
  auto* node = make<FunctionCall>(place);
  node->name = name;
  node->args = list<Expr*>();
  expect('(');
  if (accept('*')) {
    node->star = true;
  } else if (!at(')')) {
    if (accept(Tok::kw_distinct)) node->distinct = true;
    else accept(Tok::kw_all);
    do {
      if (!node->distinct && accept(Tok::kw_variadic)) {
        node->variadic = true;
        node->args.push_back(call_argument());
        break;
      }
      node->args.push_back(call_argument());
    } while (accept(','));
    if (at(Tok::kw_order)) node->order_by = optional_order_by();
  }
  expect(')');
  if (at(Tok::string) && !node->star && !node->distinct && !node->variadic && !node->args.empty())
    return typed(node->args);
  call_tail(node);
  return node;
}

Expr* Parser::call_argument() {
  if (is_type_name(kind()) && (next_is(Tok::colon_equals) || next_is(Tok::equals_greater))) {
    auto* node = make<NamedArgument>(here());
    node->name = take();
    advance();
    node->value = expr();
    return node;
  }
  return expr();
}

/// WITHIN GROUP, FILTER and OVER.
void Parser::call_tail(FunctionCall* node) {
  const std::int32_t within_place = here();
  if (accept(Tok::kw_within)) {
    expect(Tok::kw_group);
    expect('(');
    if (!at(Tok::kw_order)) syntax_error();
    Vec<SortItem> order = optional_order_by();
    expect(')');
    if (!node->order_by.empty())
      fail_at(within_place, sqlstate::syntax_error, "cannot use multiple ORDER BY clauses with WITHIN GROUP");
    if (node->distinct) fail_at(within_place, sqlstate::syntax_error, "cannot use DISTINCT with WITHIN GROUP");
    if (node->variadic) fail_at(within_place, sqlstate::syntax_error, "cannot use VARIADIC with WITHIN GROUP");
    node->order_by = order;
    node->within_group = true;
  }
  if (accept(Tok::kw_filter)) {
    expect('(');
    expect(Tok::kw_where);
    node->filter = expr();
    expect(')');
  }
  if (accept(Tok::kw_over)) node->over = over_clause();
}

WindowDef* Parser::over_clause() {
  if (at('(')) return window_specification();
  auto* window = arena_->make<WindowDef>();
  window->at = here();
  window->reference = col_id();
  window->bare = true;
  return window;
}

WindowDef* Parser::window_specification() {
  auto* window = arena_->make<WindowDef>();
  window->at = here();
  expect('(');
  if (is_col_id(kind()) && !at_any(Tok::kw_partition, Tok::kw_range, Tok::kw_rows, Tok::kw_groups))
    window->reference = take();
  if (accept(Tok::kw_partition)) {
    expect(Tok::kw_by);
    window->partition_by = expr_list();
  }
  window->order_by = optional_order_by();
  if (at_any(Tok::kw_range, Tok::kw_rows, Tok::kw_groups)) frame_clause(window);
  expect(')');
  return window;
}

void Parser::frame_clause(WindowDef* window) {
  window->has_frame = true;
  window->mode = at(Tok::kw_rows) ? FrameMode::rows : at(Tok::kw_groups) ? FrameMode::groups : FrameMode::range;
  advance();
  std::int32_t start_place = -1, end_place = -1;
  const bool between = accept(Tok::kw_between);
  window->is_between = between;
  window->start = frame_bound(&window->start_offset, &start_place);
  if (between) {
    expect(Tok::kw_and);
    window->end = frame_bound(&window->end_offset, &end_place);
  }
  const FrameBound start = window->start, end = window->end;
  auto refuse = [this](std::int32_t place, std::string_view message) {
    fail_at(place, sqlstate::windowing_error, message);
  };
  if (start == FrameBound::unbounded_following) refuse(start_place, "frame start cannot be UNBOUNDED FOLLOWING");
  if (!between && start == FrameBound::following)
    refuse(start_place, "frame starting from following row cannot end with current row");
  if (between) {
    if (end == FrameBound::unbounded_preceding) refuse(end_place, "frame end cannot be UNBOUNDED PRECEDING");
    if (start == FrameBound::current_row && end == FrameBound::preceding)
      refuse(end_place, "frame starting from current row cannot have preceding rows");
    if (start == FrameBound::following && (end == FrameBound::preceding || end == FrameBound::current_row))
      refuse(end_place, "frame starting from following row cannot have preceding rows");
  }
  if (!accept(Tok::kw_exclude)) return;
  if (accept(Tok::kw_current)) { expect(Tok::kw_row); window->exclusion = FrameExclusion::current_row; }
  else if (accept(Tok::kw_group)) window->exclusion = FrameExclusion::group;
  else if (accept(Tok::kw_ties)) window->exclusion = FrameExclusion::ties;
  else if (accept(Tok::kw_no)) expect(Tok::kw_others);
  else syntax_error();
}

FrameBound Parser::frame_bound(Expr** offset, std::int32_t* place) {
  *place = here();
  if (at(Tok::kw_unbounded) && (next_is(Tok::kw_preceding) || next_is(Tok::kw_following))) {
    advance();
    if (accept(Tok::kw_preceding)) return FrameBound::unbounded_preceding;
    advance();
    return FrameBound::unbounded_following;
  }
  if (accept(Tok::kw_current, Tok::kw_row)) return FrameBound::current_row;
  *offset = expr();
  if (accept(Tok::kw_preceding)) return FrameBound::preceding;
  expect(Tok::kw_following);
  return FrameBound::following;
}

Vec<SortItem> Parser::optional_order_by() {
  if (!accept(Tok::kw_order)) return {};
  expect(Tok::kw_by);
  return sort_list();
}

Vec<SortItem> Parser::sort_list() {
  auto items = list<SortItem>();
  do items.push_back(sort_item());
  while (accept(','));
  return items;
}

SortItem Parser::sort_item() {
  SortItem item;
  item.expr = expr();
  if (accept(Tok::kw_using)) {
    item.direction = SortDirection::using_operator;
    item.using_at = here();
    if (at(Tok::op) || at(Tok::kw_operator) || is_math_operator(kind())) item.using_op = operator_name();
    else syntax_error();
  } else if (accept(Tok::kw_asc)) {
    item.direction = SortDirection::ascending;
  } else if (accept(Tok::kw_desc)) {
    item.direction = SortDirection::descending;
  }
  if (at(Tok::kw_nulls) && (next_is(Tok::kw_first) || next_is(Tok::kw_last))) {
    advance();
    if (accept(Tok::kw_first)) item.nulls = NullsOrder::first;
    else { expect(Tok::kw_last); item.nulls = NullsOrder::last; }
  }
  return item;
}

/// EXTRACT(..), SUBSTRING(..), POSITION(..), OVERLAY(..), TRIM(..), NORMALIZE(..), TREAT(..), COLLATION FOR (..)
Expr* Parser::special_call() {
  auto* node = make<FunctionCall>(here());
  const Tok word = kind();
  node->args = list<Expr*>();
  advance();
  if (word == Tok::kw_collation) expect(Tok::kw_for);
  expect('(');
  Expr* result = node;
  switch (word) {
    case Tok::kw_extract: result = extract_call(node); break;
    case Tok::kw_trim: result = trim_call(node); break;
    case Tok::kw_substring: result = substring_call(node); break;
    case Tok::kw_overlay: result = overlay_call(node); break;
    case Tok::kw_position:
      node->name = catalog_name("position");
      node->syntax = CallSyntax::position;
      {
        Expr* needle = expr(power_none, ExprForm::restricted);
        expect(Tok::kw_in);
        node->args.push_back(expr(power_none, ExprForm::restricted));
        node->args.push_back(needle);
      }
      break;
    case Tok::kw_normalize:
      node->name = catalog_name("normalize");
      node->syntax = CallSyntax::normalize;
      node->args.push_back(expr());
      if (accept(',')) {
        const std::int32_t place = here();
        if (at_any(Tok::kw_nfc, Tok::kw_nfd, Tok::kw_nfkc, Tok::kw_nfkd))
          node->args.push_back(string_node(take(), place));
        else syntax_error();
      }
      break;
    case Tok::kw_treat:
      node->syntax = CallSyntax::treat;
      node->args.push_back(expr());
      expect(Tok::kw_as);
      if (TypeName* target = type(); !target->name.empty()) node->name = catalog_name(target->name.back());
      break;
    default:
      node->name = catalog_name("pg_collation_for");
      node->syntax = CallSyntax::collation_for;
      node->args.push_back(expr());
      break;
  }
  expect(')');
  call_tail(node);
  return result;
}

Expr* Parser::extract_call(FunctionCall* node) {
  node->name = catalog_name("extract");
  node->syntax = CallSyntax::extract;
  const std::int32_t place = here();
  if (at_any(Tok::identifier, Tok::kw_year, Tok::kw_month, Tok::kw_day, Tok::kw_hour, Tok::kw_minute, Tok::kw_second,
             Tok::string))
    node->args.push_back(string_node(take(), place));
  else syntax_error();
  expect(Tok::kw_from);
  node->args.push_back(expr());
  return node;
}

Expr* Parser::trim_call(FunctionCall* node) {
  Name name = "btrim";
  node->syntax = CallSyntax::trim_both;
  if (accept(Tok::kw_leading)) { name = "ltrim"; node->syntax = CallSyntax::trim_leading; }
  else if (accept(Tok::kw_trailing)) { name = "rtrim"; node->syntax = CallSyntax::trim_trailing; }
  else accept(Tok::kw_both);
  node->name = catalog_name(name);
  if (accept(Tok::kw_from)) {
    node->args = expr_list();
    return node;
  }
  Expr* first = expr();
  if (accept(Tok::kw_from)) {
    node->args = expr_list();
    node->args.push_back(first);
    return node;
  }
  node->args.push_back(first);
  while (accept(',')) node->args.push_back(expr());
  return node;
}

/// SUBSTRING(a FROM b FOR c), either or both, SUBSTRING(a SIMILAR b ESCAPE c), or a plain argument list.
Expr* Parser::substring_call(FunctionCall* node) {
  node->name = one_name("substring");
  if (at(')')) return node;
  const bool outer = std::exchange(in_substring_, true);
  Expr* first = call_argument();
  in_substring_ = outer;
  node->args.push_back(first);
  const bool named = first->kind == NodeKind::named_argument;
  if (!named && at(Tok::kw_similar)) {
    advance();
    node->name = catalog_name("substring");
    node->syntax = CallSyntax::substring_similar;
    node->args.push_back(expr());
    expect(Tok::kw_escape);
    node->args.push_back(expr());
    return node;
  }
  if (named || !at_any(Tok::kw_from, Tok::kw_for)) {
    while (accept(',')) node->args.push_back(call_argument());
    return node;
  }
  node->name = catalog_name("substring");
  node->syntax = CallSyntax::substring;
  Expr* from = nullptr;
  Expr* length = nullptr;
  if (accept(Tok::kw_for)) {
    length = expr();
    if (accept(Tok::kw_from)) from = expr();
  } else {
    advance();
    from = expr();
    if (accept(Tok::kw_for)) length = expr();
  }
  if (from == nullptr) {  // PostgreSQL counts from one then, and casts the length
    auto* one = literal(LiteralKind::integer, -1);
    one->integer = 1;
    auto* cast = make<TypeCast>(-1);
    cast->arg = length;
    cast->type = builtin("int4", -1);
    from = one;
    length = cast;
  }
  node->args.push_back(from);
  if (length != nullptr) node->args.push_back(length);
  return node;
}

Expr* Parser::overlay_call(FunctionCall* node) {
  node->name = one_name("overlay");
  if (at(')')) return node;
  node->args.push_back(call_argument());
  if (accept(Tok::kw_placing)) {
    node->name = catalog_name("overlay");
    node->syntax = CallSyntax::overlay;
    node->args.push_back(expr());
    expect(Tok::kw_from);
    node->args.push_back(expr());
    if (accept(Tok::kw_for)) node->args.push_back(expr());
    return node;
  }
  while (accept(',')) node->args.push_back(call_argument());
  return node;
}

}  // namespace spg::sql
