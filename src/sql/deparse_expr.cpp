// Expressions and types as canonical text.
#include "printer.hpp"
#include "spg/sql/keywords.hpp"

namespace spg::sql {

std::string_view quote_identifier(Arena& arena, std::string_view name) {
  bool plain = !name.empty() && ((name[0] >= 'a' && name[0] <= 'z') || name[0] == '_');
  for (const char c : name) plain = plain && ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_');
  if (plain) {
    const Tok tok = find_keyword(name);
    if (!is_keyword(tok) || keyword(tok).category == KeywordCategory::unreserved) return name;
  }
  TextBuilder text(arena);
  text.add('"');
  for (const char c : name) {
    if (c == '"') text.add('"');
    text.add(c);
  }
  return text.add('"').view();
}

std::string_view quote_literal(Arena& arena, std::string_view literal) {
  TextBuilder text(arena);
  text.add(literal.find('\\') == std::string_view::npos ? "'" : "E'");
  for (const char c : literal) {
    if (c == '\'' || c == '\\') text.add(c);
    text.add(c);
  }
  return text.add('\'').view();
}

void Printer::operator_name(const OperatorName& op) {
  if (op.schema.empty()) { put(op.name); return; }
  put("OPERATOR(");
  qualified(op.schema);
  put(".", op.name, ")");
}

void Printer::literal(const Literal& node) {
  switch (node.form) {
    case LiteralKind::null: put("NULL"); return;
    case LiteralKind::boolean: put(node.integer != 0 ? "true" : "false"); return;
    case LiteralKind::integer:
      if (node.integer < 0) put("(", node.integer, ")");
      else put(node.integer);
      return;
    case LiteralKind::numeric:
      if (node.text.starts_with('-')) put("(", node.text, ")");
      else put(node.text);
      return;
    case LiteralKind::string: string(node.text); return;
    case LiteralKind::bits: put("B'", node.text, "'"); return;
    case LiteralKind::hex: put("X'", node.text, "'"); return;
  }
}

void Printer::type(const TypeName& node) {
  if (node.set_of) put("SETOF ");
  const bool catalog = node.name.size() == 2 && node.name[0] == "pg_catalog";
  const Name last = node.name.empty() ? Name{} : node.name[node.name.size() - 1];
  if (catalog && last == "interval") {
    put("interval");
    struct Field { std::int32_t bits; std::string_view text; };
    constexpr std::int32_t hm = interval_hour | interval_minute, dhm = interval_day | hm;
    constexpr Field fields[] = {{interval_year, " YEAR"},
                                {interval_month, " MONTH"},
                                {interval_year | interval_month, " YEAR TO MONTH"},
                                {interval_day, " DAY"},
                                {interval_hour, " HOUR"},
                                {interval_minute, " MINUTE"},
                                {interval_second, " SECOND"},
                                {interval_day | interval_hour, " DAY TO HOUR"},
                                {dhm, " DAY TO MINUTE"},
                                {dhm | interval_second, " DAY TO SECOND"},
                                {hm, " HOUR TO MINUTE"},
                                {hm | interval_second, " HOUR TO SECOND"},
                                {interval_minute | interval_second, " MINUTE TO SECOND"}};
    for (const Field& field : fields) if (field.bits == node.interval_fields) put(field.text);
  } else {
    qualified(node.name);
  }
  if (node.percent_type) put("%TYPE");
  if (!node.modifiers.empty()) paren_exprs(node.modifiers);
  for (const std::int32_t bound : node.array_bounds) {
    if (bound < 0) put("[]");
    else put("[", bound, "]");
  }
}

/// An expression where only a primary may stand.
void Printer::operand(const Expr& node) {
  put("(");
  expr(node);
  put(")");
}

void Printer::steps(const Vec<Step>& list) {
  for (const Step& step : list) {
    switch (step.kind) {
      case StepKind::field: put("."); name(step.name); break;
      case StepKind::star: put(".*"); break;
      case StepKind::index: put("["); expr(*step.lower); put("]"); break;
      case StepKind::slice:
        put("[");
        if (step.lower != nullptr) expr(*step.lower);
        put(":");
        if (step.upper != nullptr) expr(*step.upper);
        put("]");
        break;
    }
  }
}

void Printer::indirection(const Indirection& node) {
  const bool bare =
      (node.arg->kind == NodeKind::column_ref && !node.steps.empty() && node.steps[0].kind >= StepKind::index) ||
      node.arg->kind == NodeKind::param;
  if (bare) expr(*node.arg);
  else operand(*node.arg);
  steps(node.steps);
}

void Printer::sort(const Vec<SortItem>& items) {
  join(items, ", ", [this](const SortItem& item) {
    expr(*item.expr);
    switch (item.direction) {
      case SortDirection::unspecified: break;
      case SortDirection::ascending: put(" ASC"); break;
      case SortDirection::descending: put(" DESC"); break;
      case SortDirection::using_operator: put(" USING "); operator_name(item.using_op); break;
    }
    if (item.nulls != NullsOrder::unspecified) put(item.nulls == NullsOrder::first ? " NULLS FIRST" : " NULLS LAST");
  });
}

void Printer::bound(FrameBound bound, const Expr* offset) {
  if (offset != nullptr) expr(*offset);
  constexpr std::string_view texts[] = {"UNBOUNDED PRECEDING", " PRECEDING", "CURRENT ROW", " FOLLOWING",
                                        "UNBOUNDED FOLLOWING"};
  put(texts[static_cast<std::size_t>(bound)]);
}

void Printer::frame(const WindowDef& window) {
  put(window.mode == FrameMode::rows ? " ROWS " : window.mode == FrameMode::groups ? " GROUPS " : " RANGE ");
  put("BETWEEN ");
  bound(window.start, window.start_offset);
  put(" AND ");
  bound(window.end, window.end_offset);
  constexpr std::string_view exclusions[] = {"", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES"};
  put(exclusions[static_cast<std::size_t>(window.exclusion)]);
}

void Printer::window(const WindowDef& window) {
  if (window.bare) { name(window.reference); return; }
  put("(");
  if (!window.reference.empty()) name(window.reference);
  if (!window.partition_by.empty()) { put(" PARTITION BY "); exprs(window.partition_by); }
  if (!window.order_by.empty()) { put(" ORDER BY "); sort(window.order_by); }
  if (window.has_frame) frame(window);
  put(")");
}

/// The calls with a grammar of their own; false for a plain call.
bool Printer::call_by_syntax(const FunctionCall& node) {
  auto arg = [&](std::size_t i) { expr(*node.args[i]); };
  const std::size_t count = node.args.size();
  switch (node.syntax) {
    case CallSyntax::extract: put("EXTRACT("); arg(0); put(" FROM "); arg(1); put(")"); return true;
    case CallSyntax::position:
      put("POSITION(");
      operand(*node.args[1]);
      put(" IN ");
      operand(*node.args[0]);
      put(")");
      return true;
    case CallSyntax::substring:
      put("SUBSTRING("); arg(0); put(" FROM "); arg(1);
      if (count > 2) { put(" FOR "); arg(2); }
      put(")");
      return true;
    case CallSyntax::substring_similar:
      put("SUBSTRING(");
      operand(*node.args[0]);
      put(" SIMILAR ");
      arg(1);
      put(" ESCAPE ");
      arg(2);
      put(")");
      return true;
    case CallSyntax::overlay:
      put("OVERLAY("); arg(0); put(" PLACING "); arg(1); put(" FROM "); arg(2);
      if (count > 3) { put(" FOR "); arg(3); }
      put(")");
      return true;
    case CallSyntax::trim_both: case CallSyntax::trim_leading: case CallSyntax::trim_trailing:
      put(node.syntax == CallSyntax::trim_both      ? "TRIM(BOTH "
          : node.syntax == CallSyntax::trim_leading ? "TRIM(LEADING "
                                                    : "TRIM(TRAILING ");
      put("FROM ");
      exprs(node.args);
      put(")");
      return true;
    case CallSyntax::normalize:
      put("NORMALIZE("); arg(0);
      if (count > 1) put(", ", to<Literal>(*node.args[1]).text);
      put(")");
      return true;
    case CallSyntax::is_normalized:
      put("("); arg(0); put(" IS ");
      if (count > 1) put(to<Literal>(*node.args[1]).text, " ");
      put("NORMALIZED)");
      return true;
    case CallSyntax::at_time_zone: put("("); arg(1); put(" AT TIME ZONE "); arg(0); put(")"); return true;
    case CallSyntax::overlaps:
      put("(ROW("); arg(0); put(", "); arg(1); put(") OVERLAPS ROW("); arg(2); put(", "); arg(3); put("))");
      return true;
    case CallSyntax::collation_for: put("COLLATION FOR ("); arg(0); put(")"); return true;
    case CallSyntax::treat: put("TREAT("); arg(0); put(" AS "); qualified(node.name); put(")"); return true;
    default: return false;
  }
}

void Printer::call(const FunctionCall& node) {
  if (!call_by_syntax(node)) {
    if (node.name.size() == 1 && (node.name[0] == "substring" || node.name[0] == "overlay")) put(node.name[0]);
    else qualified(node.name);
    put("(");
    if (node.star) put("*");
    if (node.distinct) put("DISTINCT ");
    for (std::size_t i = 0; i < node.args.size(); ++i) {
      if (i != 0) put(", ");
      if (node.variadic && i + 1 == node.args.size()) put("VARIADIC ");
      expr(*node.args[i]);
    }
    if (!node.order_by.empty() && !node.within_group) { put(" ORDER BY "); sort(node.order_by); }
    put(")");
  }
  if (node.within_group) { put(" WITHIN GROUP (ORDER BY "); sort(node.order_by); put(")"); }
  if (node.filter != nullptr) { put(" FILTER (WHERE "); expr(*node.filter); put(")"); }
  if (node.over != nullptr) { put(" OVER "); window(*node.over); }
}

void Printer::sublink(const Sublink& node) {
  switch (node.form) {
    case SublinkForm::exists: put("EXISTS "); break;
    case SublinkForm::array: put("ARRAY"); break;
    case SublinkForm::scalar: break;
    case SublinkForm::in: put("("); expr(*node.test); put(node.negated ? " NOT IN " : " IN "); break;
    case SublinkForm::any: case SublinkForm::all:
      put("(");
      expr(*node.test);
      put(" ");
      operator_name(node.op);
      put(node.form == SublinkForm::any ? " ANY " : " ALL ");
      break;
  }
  put("(");
  select(*node.query);
  put(")");
  if (node.test != nullptr) put(")");
}

void Printer::expr(const Expr& node) {
  auto negated = [](bool no) -> std::string_view { return no ? "NOT " : ""; };
  switch (node.kind) {
    case NodeKind::literal: literal(to<Literal>(node)); return;
    case NodeKind::column_ref: {
      const auto& column = to<ColumnRef>(node);
      qualified(column.fields);
      if (column.star) put(column.fields.empty() ? "*" : ".*");
      return;
    }
    case NodeKind::param: put("$", to<Param>(node).number); return;
    case NodeKind::type_cast: {
      const auto& cast = to<TypeCast>(node);
      put("CAST(");
      expr(*cast.arg);
      put(" AS ");
      type(*cast.type);
      put(")");
      return;
    }
    case NodeKind::op_expr: {
      const auto& op = to<OpExpr>(node);
      put("(");
      if (op.left != nullptr) { expr(*op.left); put(" "); }
      operator_name(op.op);
      put(" ");
      expr(*op.right);
      put(")");
      return;
    }
    case NodeKind::bool_expr: {
      const auto& boolean = to<BoolExpr>(node);
      put("(");
      if (boolean.op == BoolOp::not_) { put("NOT "); expr(*boolean.args[0]); }
      else join(boolean.args, boolean.op == BoolOp::and_ ? " AND " : " OR ", [this](const Expr* arg) { expr(*arg); });
      put(")");
      return;
    }
    case NodeKind::null_test: {
      const auto& test = to<NullTest>(node);
      put("("); expr(*test.arg); put(" IS ", negated(test.negated), "NULL)");
      return;
    }
    case NodeKind::boolean_test: {
      const auto& test = to<BooleanTest>(node);
      constexpr std::string_view words[] = {"TRUE)", "FALSE)", "UNKNOWN)"};
      put("("); expr(*test.arg); put(" IS ", negated(test.negated), words[static_cast<std::size_t>(test.test)]);
      return;
    }
    case NodeKind::document_test: {
      const auto& test = to<DocumentTest>(node);
      put("("); expr(*test.arg); put(" IS ", negated(test.negated), "DOCUMENT)");
      return;
    }
    case NodeKind::distinct_test: {
      const auto& test = to<DistinctTest>(node);
      put("("); expr(*test.left); put(" IS ", negated(test.negated), "DISTINCT FROM "); expr(*test.right); put(")");
      return;
    }
    case NodeKind::between: {
      const auto& between = to<Between>(node);
      put("(");
      expr(*between.arg);
      put(" ", negated(between.negated), "BETWEEN ", between.symmetric ? "SYMMETRIC " : "");
      operand(*between.low); put(" AND "); operand(*between.high); put(")");
      return;
    }
    case NodeKind::in_list: {
      const auto& in = to<InList>(node);
      put("("); expr(*in.arg); put(" ", negated(in.negated), "IN "); paren_exprs(in.list); put(")");
      return;
    }
    case NodeKind::like: {
      const auto& like = to<Like>(node);
      put("("); expr(*like.arg); put(" ", negated(like.negated));
      put(like.form == LikeForm::like ? "LIKE " : like.form == LikeForm::ilike ? "ILIKE " : "SIMILAR TO ");
      expr(*like.pattern);
      if (like.escape != nullptr) { put(" ESCAPE "); expr(*like.escape); }
      put(")");
      return;
    }
    case NodeKind::quantified: {
      const auto& any = to<Quantified>(node);
      put("("); expr(*any.left); put(" "); operator_name(any.op); put(any.all ? " ALL (" : " ANY (");
      expr(*any.array);
      put("))");
      return;
    }
    case NodeKind::sublink: sublink(to<Sublink>(node)); return;
    case NodeKind::function_call: call(to<FunctionCall>(node)); return;
    case NodeKind::named_argument:
      name(to<NamedArgument>(node).name);
      put(" => ");
      expr(*to<NamedArgument>(node).value);
      return;
    case NodeKind::collate:
      put("(");
      expr(*to<Collate>(node).arg);
      put(" COLLATE ");
      qualified(to<Collate>(node).collation);
      put(")");
      return;
    case NodeKind::case_expr: {
      const auto& choice = to<CaseExpr>(node);
      put("CASE");
      if (choice.arg != nullptr) { put(" "); expr(*choice.arg); }
      for (const CaseWhen& when : choice.whens) { put(" WHEN "); expr(*when.when); put(" THEN "); expr(*when.then); }
      if (choice.otherwise != nullptr) { put(" ELSE "); expr(*choice.otherwise); }
      put(" END");
      return;
    }
    case NodeKind::conditional: {
      constexpr std::string_view words[] = {"COALESCE", "GREATEST", "LEAST", "NULLIF"};
      put(words[static_cast<std::size_t>(to<Conditional>(node).which)]);
      paren_exprs(to<Conditional>(node).args);
      return;
    }
    case NodeKind::array_expr: put("ARRAY["); exprs(to<ArrayExpr>(node).elements); put("]"); return;
    case NodeKind::row_expr: put("ROW"); paren_exprs(to<RowExpr>(node).args); return;
    case NodeKind::indirection: indirection(to<Indirection>(node)); return;
    case NodeKind::sql_value: {
      constexpr std::string_view words[] = {"CURRENT_DATE",   "CURRENT_TIME",    "CURRENT_TIMESTAMP", "LOCALTIME",
                                            "LOCALTIMESTAMP", "CURRENT_ROLE",    "CURRENT_USER",      "USER",
                                            "SESSION_USER",   "CURRENT_CATALOG", "CURRENT_SCHEMA"};
      const auto& value = to<SqlValue>(node);
      put(words[static_cast<std::size_t>(value.which)]);
      if (value.precision >= 0) put("(", value.precision, ")");
      return;
    }
    case NodeKind::default_value: put("DEFAULT"); return;
    case NodeKind::grouping_call: put("GROUPING"); paren_exprs(to<GroupingCall>(node).args); return;
    case NodeKind::current_of: put("CURRENT OF "); name(to<CurrentOf>(node).cursor); return;
    default: return;
  }
}

std::string_view deparse(Arena& arena, const Expr& expr) {
  Printer printer(arena);
  printer.expr(expr);
  return printer.text();
}
std::string_view deparse(Arena& arena, const TypeName& type) {
  Printer printer(arena);
  printer.type(type);
  return printer.text();
}

}  // namespace spg::sql
