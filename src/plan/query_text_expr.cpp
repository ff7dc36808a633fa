// Expressions of bound queries as SQL.
#include "query_text.hpp"
#include "spg/catalog/names.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/type/io.hpp"

namespace spg::plan {

namespace {
bool is_implicit_cast(const Expr* expr) {
  return (expr->kind == ExprKind::relabel || expr->kind == ExprKind::call) && expr->written == Written::implicit_cast;
}
bool is_cast(const Expr* expr) {
  return expr->kind == ExprKind::relabel ||
         (expr->kind == ExprKind::call &&
          (expr->written == Written::explicit_cast || expr->written == Written::implicit_cast));
}
const Expr* cast_argument(const Expr* expr) {
  return expr->kind == ExprKind::relabel ? as<Unary>(*expr).argument : as<Call>(*expr).arguments[0];
}
/// As standard_conforming_strings has it.
void add_literal(TextBuilder& out, std::string_view text) {
  out.add("'");
  for (const char& c : text) {
    if (c == '\'') out.add("'");
    out.add(std::string_view(&c, 1));
  }
  out.add("'");
}
}  // namespace

/// What an expression is printed as: groups' columns are their keys, simplified nodes what they were.
const Expr* QueryText::seen(const Expr* expr) const {
  for (;;) {
    if (expr->shown != nullptr && expr->shown->kind == Shown::Kind::expr) {
      expr = expr->shown->expr;
      continue;
    }
    if (expr->kind != ExprKind::column || expr->shown != nullptr) return expr;
    const RangeEntry* range = ranges_[as<Column>(*expr).relation];
    if (range->kind != RangeKind::groups || range != range->subquery->key_range) return expr;
    expr = range->subquery->group_keys[static_cast<std::size_t>(as<Column>(*expr).number - 1)];
  }
}

QueryText::Tag QueryText::tag(const Expr* expr) const {
  expr = seen(expr);
  if (expr->shown != nullptr)
    switch (expr->shown->kind) {
      case Shown::Kind::collate:
      case Shown::Kind::row_compare: return Tag::other;
      default: return Tag::simple;
    }
  switch (expr->kind) {
    case ExprKind::call:
      if (is_cast(expr)) return as<Call>(*expr).function == io_cast_function ? Tag::cast : Tag::function_cast;
      if (as<Call>(*expr).function == array_subscript_function) return Tag::simple;
      return expr->written == Written::operator_    ? Tag::op
             : expr->written == Written::sql_syntax ? Tag::sql_function
                                                    : Tag::function;
    case ExprKind::relabel: return Tag::cast;
    case ExprKind::logical_and: return Tag::boolean_and;
    case ExprKind::logical_or: return Tag::boolean_or;
    case ExprKind::logical_not:
    case ExprKind::not_distinct_from: return Tag::boolean_not;
    case ExprKind::subquery: return Tag::sublink;
    case ExprKind::distinct_from:
    case ExprKind::is_null:
    case ExprKind::is_not_null:
    case ExprKind::is_true:
    case ExprKind::is_not_true:
    case ExprKind::is_false:
    case ExprKind::is_not_false:
    case ExprKind::is_unknown:
    case ExprKind::is_not_unknown: return Tag::test;
    case ExprKind::any_of:
    case ExprKind::all_of:
    case ExprKind::in_list: return Tag::other;
    default: return Tag::simple;
  }
}

/// + - * / % as a binary operator; 0: something else.
char QueryText::arithmetic(const Expr* expr) const {
  expr = seen(expr);
  if (tag(expr) != Tag::op || as<Call>(*expr).arguments.size() != 2) return 0;
  const std::string_view name = operator_name(as<Call>(*expr).op);
  return name.size() == 1 && std::string_view("+-*/%").find(name[0]) != std::string_view::npos ? name[0] : 0;
}

/// isSimpleNode(): whether it needs no parentheses within `parent`.
bool QueryText::is_simple(const Expr* expr, const Expr* parent) const {
  expr = seen(expr);
  const Tag own = tag(expr), around = tag(parent);
  const bool separates = around == Tag::function || around == Tag::simple;
  switch (own) {
    case Tag::simple:
    case Tag::function:
    case Tag::function_cast:
    case Tag::sql_function: return true;
    case Tag::cast: return is_simple(cast_argument(expr), expr);
    case Tag::op: {
      if (around != Tag::op) return separates || around == Tag::boolean_and || around == Tag::boolean_or || around == Tag::boolean_not;
      const char op = arithmetic(expr), outer = arithmetic(parent);
      if (op == 0 || outer == 0) return false;
      const bool adds = op == '+' || op == '-', outer_adds = outer == '+' || outer == '-';
      if (adds != outer_adds) return outer_adds;
      return seen(as<Call>(*seen(parent)).arguments[0]) == expr;
    }
    case Tag::sublink:
    case Tag::test: return separates || around == Tag::boolean_and || around == Tag::boolean_or || around == Tag::boolean_not;
    case Tag::boolean_and:
    case Tag::boolean_not:
      return separates || around == Tag::boolean_and || around == Tag::boolean_or;
    case Tag::boolean_or: return separates || around == Tag::boolean_or;
    case Tag::other: break;
  }
  return false;
}

Status QueryText::enclosed(const Expr* node, bool implicit_casts, const Expr* parent) {
  const bool needed = style_.pretty && !is_simple(node, parent);
  if (needed) out_->add("(");
  SPG_TRY(expr(node, implicit_casts));
  if (needed) out_->add(")");
  return ok();
}

Status QueryText::list(std::span<Expr* const> items, bool implicit_casts) {
  for (std::size_t i = 0; i < items.size(); ++i) {
    if (i != 0) out_->add(", ");
    SPG_TRY(expr(items[i], implicit_casts));
  }
  return ok();
}

Status QueryText::expr(const Expr* node, bool implicit_casts) {
  if (++depth_ > context_.depth_limit) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  SPG_TRY(arena_.check());
  Status status = expr_any(seen(node), implicit_casts);
  --depth_;
  return status;
}

Status QueryText::expr_any(const Expr* node, bool implicit_casts) {
  if (node->shown != nullptr) return shown(*node, implicit_casts);
  switch (node->kind) {
    case ExprKind::constant: return constant(as<Constant>(*node), true);
    case ExprKind::column: return column(as<Column>(*node));
    case ExprKind::call: return call(as<Call>(*node), implicit_casts);
    case ExprKind::relabel:
      if (is_implicit_cast(node) && !implicit_casts) return enclosed(as<Unary>(*node).argument, false, node);
      return cast(as<Unary>(*node).argument, *node);
    case ExprKind::logical_and:
    case ExprKind::logical_or: return logical(as<Variadic>(*node));
    case ExprKind::logical_not: return negation(as<Unary>(*node).argument, node);
    case ExprKind::is_null: return test(as<Unary>(*node), "NULL");
    case ExprKind::is_not_null: return test(as<Unary>(*node), "NOT NULL");
    case ExprKind::is_true: return test(as<Unary>(*node), "TRUE");
    case ExprKind::is_not_true: return test(as<Unary>(*node), "NOT TRUE");
    case ExprKind::is_false: return test(as<Unary>(*node), "FALSE");
    case ExprKind::is_not_false: return test(as<Unary>(*node), "NOT FALSE");
    case ExprKind::is_unknown: return test(as<Unary>(*node), "UNKNOWN");
    case ExprKind::is_not_unknown: return test(as<Unary>(*node), "NOT UNKNOWN");
    case ExprKind::distinct_from:
    case ExprKind::not_distinct_from: {
      const auto& both = as<Call>(*node);
      const bool negated = node->kind == ExprKind::not_distinct_from;
      // PostgreSQL has NOT (a IS DISTINCT FROM b).
      out_->add(parens_are_forced() ? "(" : "", negated ? "NOT (" : "");
      SPG_TRY(enclosed(both.arguments[0], true, node));
      out_->add(" IS DISTINCT FROM ");
      SPG_TRY(enclosed(both.arguments[1], true, node));
      out_->add(negated ? ")" : "", parens_are_forced() ? ")" : "");
      return ok();
    }
    case ExprKind::null_if:
      out_->add("NULLIF(");
      SPG_TRY(list(as<Call>(*node).arguments, true));
      out_->add(")");
      return ok();
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
      out_->add(node->kind == ExprKind::coalesce ? "COALESCE(" : node->kind == ExprKind::greatest ? "GREATEST(" : "LEAST(");
      SPG_TRY(list(as<Variadic>(*node).arguments, true));
      out_->add(")");
      return ok();
    case ExprKind::array:
      out_->add("ARRAY[");
      SPG_TRY(list(as<Variadic>(*node).arguments, true));
      out_->add("]");
      if (as<Variadic>(*node).arguments.empty()) out_->add("::", type_name(node->type, -1));
      return ok();
    case ExprKind::row:
      out_->add("ROW(");
      SPG_TRY(list(as<Variadic>(*node).arguments, true));
      out_->add(")");
      return ok();
    case ExprKind::case_when: return case_when(as<Case>(*node));
    case ExprKind::any_of:
    case ExprKind::all_of: return any_all(as<AnyAll>(*node));
    case ExprKind::subquery: return sublink(static_cast<const QueryLink&>(*node));
    case ExprKind::grouping:
      out_->add("GROUPING(");
      SPG_TRY(list(as<Variadic>(*node).arguments, true));
      out_->add(")");
      return ok();
    default: return Error::make(sqlstate::feature_not_supported, "this expression is not supported in a view");
  }
}

Status QueryText::shown(const Expr& node, bool implicit_casts) {
  const Shown& what = *node.shown;
  switch (what.kind) {
    case Shown::Kind::expr: return expr(what.expr, implicit_casts);
    case Shown::Kind::join_column: return join_column(*what.join, what.column);
    case Shown::Kind::row_compare: return row_compare(what);
    case Shown::Kind::value_function: value_function(what); return ok();
    case Shown::Kind::whole_row: return whole_row(what, false);
    case Shown::Kind::system_column:
      refer(Oid{1259}, ranges_[what.relation]->relation->oid, 0);
      out_->add(quoted(name_of(ranges_[what.relation])), ".", quoted(what.name));
      return ok();
    case Shown::Kind::collate:
      out_->add(parens_are_forced() ? "(" : "");
      SPG_TRY(enclosed(what.expr, implicit_casts, &node));
      out_->add(" COLLATE ", sql::quote_identifier(arena_, what.collation), parens_are_forced() ? ")" : "");
      return ok();
  }
  return ok();
}

Status QueryText::column(const Column& node) {
  const RangeEntry& range = *ranges_[node.relation];
  const auto index = static_cast<std::size_t>(node.number - 1);
  switch (range.kind) {
    case RangeKind::groups: return grouping(*range.subquery, index);
    case RangeKind::aggregates: return aggregate(range.subquery->aggregates[index]);
    case RangeKind::windows: return window_call(range.subquery->window_calls[index], *range.subquery);
    default: break;
  }
  const catalog::Relation* relation = range.view != nullptr ? range.view : range.relation;
  if (relation != nullptr) refer(Oid{1259}, relation->oid, range.columns[index].stored);
  // VALUES has no alias that its own ORDER BY could use.
  if (!is_stored() || range.kind != RangeKind::values) out_->add(quoted(name_of(&range)), ".");
  out_->add(quoted(column_name(range, index)));
  return ok();
}

/// A column of a join with an alias; or one that USING has merged, which has no item to be named by.
Status QueryText::join_column(const JoinNames& join, std::size_t index) {
  if (join.number != 0 || is_stored()) out_->add(quoted(name_of(&join)), ".");
  out_->add(quoted(join_column_name(join, index)));
  return ok();
}

Status QueryText::whole_row(const Shown& what, bool at_top) {
  const void* item = what.join;
  if (what.join == nullptr) item = ranges_[what.relation];
  if (const RangeEntry* range = what.join != nullptr ? nullptr : ranges_[what.relation]; range != nullptr) {
    const catalog::Relation* relation = range->view != nullptr ? range->view : range->relation;
    if (relation != nullptr) refer(Oid{1259}, relation->oid, 0);
  }
  // As a bare name it is one value in whatever place.
  out_->add(quoted(name_of(item)), is_stored() ? "" : ".*", at_top && !is_stored() ? "::record" : "");
  return ok();
}

std::string_view QueryText::type_name(Oid type, std::int32_t typmod) {
  if (is_stored() && raw(type) >= 16384) {
    const catalog::Type* found = catalog_.type(type);
    const bool is_array = found != nullptr && found->category == 'A' && found->element != Oid::none;
    const Oid shown = is_array ? found->element : type;
    refer(Oid{1247}, shown, 0);
    return arena_.concat("\"@\".\"", raw(shown), "\"", is_array ? "[]" : "");
  }
  // The bare words mean a length of one.
  constexpr Oid bpchar_array{1014}, bit_array{1561};
  if (typmod < 0 && type == oid::bpchar) return "bpchar";
  if (typmod < 0 && type == bpchar_array) return "bpchar[]";
  if (typmod < 0 && type == oid::bit) return "\"bit\"";
  if (typmod < 0 && type == bit_array) return "\"bit\"[]";
  return format_type(arena_, catalog_, type, typmod);
}

std::string_view QueryText::operator_name(Oid op) const {
  const catalog::Operator* found = catalog_.operator_(op);
  return found == nullptr ? std::string_view("?") : found->name;
}

std::string_view QueryText::function_name(Oid function) {
  const catalog::Function* found = catalog_.function(function);
  return found == nullptr ? std::string_view("?") : sql::quote_identifier(arena_, found->name);
}

Status QueryText::constant(const Constant& node, bool with_type) {
  if (node.value.is_null) {
    out_->add("NULL");
    if (with_type && !(is_stored() && node.type == oid::unknown)) out_->add("::", type_name(node.type, node.typmod));
    return ok();
  }
  TextBuilder value(arena_);
  type::TextSettings settings;
  if (!is_stored()) settings = context_.settings;
  if (catalog::is_reg_type(node.type)) {
    SPG_ASSIGN(const std::string_view name, catalog_.reg_out(node.type, Oid{node.value.as<std::uint32_t>()}, arena_));
    value.add(name);
  } else if (node.type == oid::unknown || type::find_type(node.type) == nullptr) {
    value.add(node.value.as<type::StringRef>().view());
  } else {
    type::output(node.type, node.value, value, settings);
  }
  const std::string_view text = value.view();
  bool needs_label = true;
  if (node.type == oid::int4) {
    needs_label = text.starts_with('-');
    if (needs_label) add_literal(*out_, text);
    else out_->add(text);
  } else if (node.type == oid::numeric) {
    const bool bare = !text.empty() && text[0] >= '0' && text[0] <= '9' && text.find_first_of("eE.") != std::string_view::npos;
    if (bare) out_->add(text);
    else add_literal(*out_, text);
    needs_label = !bare || node.typmod >= 0;
  } else if (node.type == oid::boolean) {
    out_->add(node.value.as<bool>() ? "true" : "false");
    needs_label = false;
  } else {
    add_literal(*out_, text);
    needs_label = node.type != oid::unknown;
  }
  if (with_type && needs_label) out_->add("::", type_name(node.type, node.typmod));
  return ok();
}

/// get_coercion_expr()
Status QueryText::cast(const Expr* argument, const Expr& node) {
  const std::int32_t typmod = node.kind == ExprKind::call ? node.typmod : -1;
  const Expr* inner = seen(argument);
  if (inner->kind == ExprKind::constant && inner->shown == nullptr && inner->type == node.type && inner->typmod == -1) {
    SPG_TRY(constant(as<Constant>(*inner), false));
  } else {
    // Read back, the cast of an array expression would be one of its elements.
    if (is_stored() && inner->kind == ExprKind::array) out_->add("\"@\"");
    out_->add(parens_are_forced() ? "(" : "");
    SPG_TRY(enclosed(argument, false, &node));
    out_->add(parens_are_forced() ? ")" : "");
  }
  out_->add("::", type_name(node.type, typmod));
  return ok();
}

Status QueryText::call(const Call& node, bool implicit_casts) {
  if (node.written == Written::implicit_cast && !implicit_casts) return enclosed(node.arguments[0], false, &node);
  if (is_cast(&node)) return cast(node.arguments[0], node);
  if (node.function == array_subscript_function) return subscript(node);
  if (node.written == Written::operator_) return operation(node);
  if (node.written == Written::sql_syntax) {
    bool done = false;
    SPG_TRY(sql_syntax(node, &done));
    if (done) return ok();
  }
  return function_call(node);
}

Status QueryText::operation(const Call& node) {
  out_->add(parens_are_forced() ? "(" : "");
  if (node.arguments.size() == 2) {
    SPG_TRY(enclosed(node.arguments[0], true, &node));
    out_->add(" ", operator_name(node.op), " ");
    SPG_TRY(enclosed(node.arguments[1], true, &node));
  } else {
    out_->add(operator_name(node.op), " ");
    SPG_TRY(enclosed(node.arguments[0], true, &node));
  }
  out_->add(parens_are_forced() ? ")" : "");
  return ok();
}

Status QueryText::words(std::string_view before, std::initializer_list<std::pair<std::string_view, const Expr*>> parts,
                        std::string_view after) {
  out_->add(before);
  for (const auto& [word, part] : parts) {
    out_->add(word);
    SPG_TRY(expr(part, false));
  }
  out_->add(after);
  return ok();
}

/// get_func_sql_syntax(): what was written as the standard has it.
Status QueryText::sql_syntax(const Call& node, bool* done) {
  const catalog::Function* function = catalog_.function(node.function);
  if (function == nullptr) return ok();
  const std::string_view name = function->name;
  const auto args = node.arguments;
  *done = true;
  if (name == "timezone" && args.size() == 2) {
    out_->add("(");
    SPG_TRY(enclosed(args[1], false, &node));
    out_->add(" AT TIME ZONE ");
    SPG_TRY(enclosed(args[0], false, &node));
    out_->add(")");
    return ok();
  }
  if (name == "overlaps" && args.size() == 4)
    return words("((", {{"", args[0]}, {", ", args[1]}, {") OVERLAPS (", args[2]}, {", ", args[3]}}, "))");
  if (name == "extract" && args.size() == 2) {
    const Expr* field = seen(args[0]);
    if (field->kind == ExprKind::constant && !as<Constant>(*field).value.is_null) {
      out_->add("EXTRACT(", as<Constant>(*field).value.as<type::StringRef>().view());
      return words(" FROM ", {{"", args[1]}}, ")");
    }
  }
  if (name == "normalize" || name == "is_normalized") {
    const bool asks = name == "is_normalized";
    out_->add(asks ? "((" : "NORMALIZE(");
    SPG_TRY(expr(args[0], false));
    out_->add(asks ? ") IS" : "");
    if (args.size() == 2) {
      const Expr* form = seen(args[1]);
      if (form->kind == ExprKind::constant)
        out_->add(asks ? " " : ", ", as<Constant>(*form).value.as<type::StringRef>().view());
    }
    out_->add(asks ? " NORMALIZED)" : ")");
    return ok();
  }
  if (name == "pg_collation_for") return words("COLLATION FOR (", {{"", args[0]}}, ")");
  if (name == "overlay" && args.size() == 3)
    return words("OVERLAY(", {{"", args[0]}, {" PLACING ", args[1]}, {" FROM ", args[2]}}, ")");
  if (name == "overlay" && args.size() == 4)
    return words("OVERLAY(", {{"", args[0]}, {" PLACING ", args[1]}, {" FROM ", args[2]}, {" FOR ", args[3]}}, ")");
  if (name == "position") return words("POSITION((", {{"", args[1]}, {") IN (", args[0]}}, "))");
  if (name == "substring" && args.size() == 2 && args[1]->type == oid::int4) return words("SUBSTRING(", {{"", args[0]}, {" FROM ", args[1]}}, ")");
  if (name == "substring" && args.size() == 3) {
    if (args[1]->type == oid::text)
      return words("SUBSTRING(", {{"", args[0]}, {" SIMILAR ", args[1]}, {" ESCAPE ", args[2]}}, ")");
    return words("SUBSTRING(", {{"", args[0]}, {" FROM ", args[1]}, {" FOR ", args[2]}}, ")");
  }
  if (name == "btrim" || name == "ltrim" || name == "rtrim") {
    const std::string_view side = name == "btrim" ? "TRIM(BOTH" : name == "ltrim" ? "TRIM(LEADING" : "TRIM(TRAILING";
    if (args.size() == 2) return words(side, {{" ", args[1]}, {" FROM ", args[0]}}, ")");
    return words(side, {{" FROM ", args[0]}}, ")");
  }
  *done = false;
  return ok();
}

Status QueryText::function_call(const Call& node) {
  out_->add(function_name(node.function), "(");
  std::size_t count = node.arguments.size();
  if (node.given < count) count = node.given;
  const catalog::Function* function = catalog_.function(node.function);
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0) out_->add(", ");
    if (node.is_variadic && i + 1 == node.arguments.size() && function != nullptr && function->variadic != Oid::none) out_->add("VARIADIC ");
    SPG_TRY(expr(node.arguments[i], true));
  }
  out_->add(")");
  return ok();
}

Status QueryText::logical(const Variadic& node) {
  out_->add(parens_are_forced() ? "(" : "");
  for (std::size_t i = 0; i < node.arguments.size(); ++i) {
    if (i != 0) out_->add(node.kind == ExprKind::logical_and ? " AND " : " OR ");
    // Read back, a list within a list of the same kind would be one with it.
    const bool keeps_apart = is_stored() && seen(node.arguments[i])->kind == node.kind;
    out_->add(keeps_apart ? "\"@\"" : "");
    SPG_TRY(enclosed(node.arguments[i], false, &node));
  }
  out_->add(parens_are_forced() ? ")" : "");
  return ok();
}

Status QueryText::negation(const Expr* argument, const Expr* parent) {
  out_->add(parens_are_forced() ? "(" : "", "NOT ");
  SPG_TRY(enclosed(argument, false, parent));
  out_->add(parens_are_forced() ? ")" : "");
  return ok();
}

Status QueryText::test(const Unary& node, std::string_view words) {
  out_->add(parens_are_forced() ? "(" : "");
  SPG_TRY(enclosed(node.argument, node.kind == ExprKind::is_null || node.kind == ExprKind::is_not_null, &node));
  out_->add(" IS ", words, parens_are_forced() ? ")" : "");
  return ok();
}

Status QueryText::case_when(const Case& node) {
  constexpr int step = 4;
  const std::string_view space = breaks_lines() ? "" : " ";
  keyword("CASE", 0, step, 0);
  if (node.tested != nullptr) {
    out_->add(" ");
    SPG_TRY(expr(node.tested, true));
  }
  for (const Case::When& when : node.whens) {
    out_->add(space);
    keyword("WHEN ", 0, 0, 0);
    const Expr* condition = seen(when.condition);
    if (node.tested != nullptr && condition->kind == ExprKind::call && as<Call>(*condition).arguments.size() == 2)
      condition = as<Call>(*condition).arguments[1];
    SPG_TRY(expr(condition, false));
    out_->add(" THEN ");
    SPG_TRY(expr(when.result, true));
  }
  out_->add(space);
  keyword("ELSE ", 0, 0, 0);
  if (node.otherwise != nullptr) SPG_TRY(expr(node.otherwise, true));
  else out_->add("NULL::", type_name(node.type, -1));
  out_->add(space);
  keyword("END", -step, 0, 0);
  return ok();
}

Status QueryText::any_all(const AnyAll& node) {
  out_->add(parens_are_forced() ? "(" : "");
  SPG_TRY(enclosed(node.scalar, true, &node));
  out_->add(" ", operator_name(node.op), node.kind == ExprKind::any_of ? " ANY (" : " ALL (");
  SPG_TRY(enclosed(node.array_value, true, &node));
  const Expr* list = seen(node.array_value);
  if (list->kind == ExprKind::subquery && static_cast<const QueryLink*>(list)->form == SubqueryExpr::Form::scalar)
    out_->add("::", type_name(list->type, list->typmod));
  out_->add(")", parens_are_forced() ? ")" : "");
  return ok();
}

Status QueryText::row_compare(const Shown& what) {
  out_->add("(ROW(");
  SPG_TRY(list(what.left, true));
  out_->add(") ", operator_name(what.op), " ROW(");
  SPG_TRY(list(what.right, true));
  out_->add("))");
  return ok();
}

/// The left side of a comparison with a subquery, and the name of the (first) operator.
Status QueryText::sublink_test(const QueryLink& link, std::string_view* op) {
  const Expr* test = seen(link.test);
  if (test->shown != nullptr && test->shown->kind == Shown::Kind::row_compare) {
    out_->add("(");
    SPG_TRY(list(test->shown->left, true));
    out_->add(")");
    *op = operator_name(test->shown->op);
    return ok();
  }
  if (test->kind == ExprKind::call) {
    // Read back, it would be a comparison with a value else.
    const bool keeps_row = is_stored() && link.form == SubqueryExpr::Form::row;
    out_->add(keeps_row ? "ROW(" : "");
    SPG_TRY(enclosed(as<Call>(*test).arguments[0], true, test));
    out_->add(keeps_row ? ")" : "");
    *op = operator_name(as<Call>(*test).op);
    return ok();
  }
  out_->add("(");
  std::size_t i = 0;
  for (const Expr* part : as<Variadic>(*test).arguments) {
    out_->add(i++ == 0 ? "" : ", ");
    SPG_TRY(expr(as<Call>(*seen(part)).arguments[0], true));
    if (i == 1) *op = operator_name(as<Call>(*seen(part)).op);
  }
  out_->add(")");
  return ok();
}

Status QueryText::sublink(const QueryLink& link) {
  using Link = SubqueryExpr::Form;
  out_->add(link.form == Link::array ? "ARRAY(" : "(");
  std::string_view op;
  if (link.test != nullptr) SPG_TRY(sublink_test(link, &op));
  bool needs_parens = true;
  switch (link.form) {
    case Link::exists: out_->add("EXISTS "); break;
    case Link::any:
      if (op == "=") out_->add(" IN ");
      else out_->add(" ", op, " ANY ");
      break;
    case Link::all: out_->add(" ", op, " ALL "); break;
    case Link::row: out_->add(" ", op, " "); break;
    case Link::scalar:
    case Link::array: needs_parens = false; break;
  }
  out_->add(needs_parens ? "(" : "");
  SPG_TRY(subquery(*link.query, false));
  out_->add(needs_parens ? "))" : ")");
  return ok();
}

Status QueryText::subscript(const Call& node) {
  const Expr* value = seen(node.arguments[0]);
  const bool bare = value->kind == ExprKind::column && ranges_[as<Column>(*value).relation]->kind != RangeKind::aggregates &&
                    ranges_[as<Column>(*value).relation]->kind != RangeKind::windows;
  out_->add(bare ? "" : "(");
  SPG_TRY(expr(value, true));
  out_->add(bare ? "" : ")");
  for (const Expr* at : node.arguments.subspan(1)) {
    out_->add("[");
    SPG_TRY(expr(at, false));
    out_->add("]");
  }
  return ok();
}

Status QueryText::aggregate_order(const AggregateCall& call) {
  for (std::size_t i = 0; i < call.order_by.size(); ++i) {
    out_->add(i == 0 ? "" : ", ");
    SPG_TRY(key(call.order_by[i].value));
    direction(call.order_by[i].descending, call.order_by[i].nulls_first);
  }
  return ok();
}

Status QueryText::aggregate(const Aggregated& one) {
  const AggregateCall& call = one.call;
  out_->add(function_name(call.function), "(", call.distinct ? "DISTINCT " : "");
  if (catalog::aggregate_form(call.function).kind != catalog::AggregateForm::Kind::normal) {
    SPG_TRY(list(call.direct, true));
    out_->add(") WITHIN GROUP (ORDER BY ");
    SPG_TRY(aggregate_order(call));
  } else {
    if (call.arguments.empty()) out_->add("*");
    SPG_TRY(list(call.arguments, true));
    if (!call.order_by.empty()) {
      out_->add(" ORDER BY ");
      SPG_TRY(aggregate_order(call));
    }
  }
  if (call.filter != nullptr) {
    out_->add(") FILTER (WHERE ");
    SPG_TRY(expr(call.filter, false));
  }
  out_->add(")");
  return ok();
}

Status QueryText::window_call(const WindowedCall& one, const Query& query) {
  out_->add(function_name(one.call.function), "(");
  if (one.call.is_aggregate && one.call.arguments.empty()) out_->add("*");
  SPG_TRY(list(one.call.arguments, true));
  if (one.call.filter != nullptr) {
    out_->add(") FILTER (WHERE ");
    SPG_TRY(expr(one.call.filter, false));
  }
  out_->add(") OVER ");
  const WindowSpec& spec = *query.windows[one.window];
  if (!spec.name.empty()) {
    out_->add(quoted(spec.name));
    return ok();
  }
  return window(spec);
}

Status QueryText::grouping(const Query& query, std::size_t index) {
  out_->add("GROUPING(");
  std::string_view between;
  for (const std::uint32_t at : query.groupings[index]) {
    out_->add(between);
    between = ", ";
    SPG_TRY(expr(query.group_keys[at], true));
  }
  out_->add(")");
  return ok();
}

void QueryText::value_function(const Shown& what) {
  static constexpr std::string_view names[] = {"CURRENT_DATE",   "CURRENT_TIME",    "CURRENT_TIMESTAMP", "LOCALTIME",
                                               "LOCALTIMESTAMP", "CURRENT_ROLE",    "CURRENT_USER",      "USER",
                                               "SESSION_USER",   "CURRENT_CATALOG", "CURRENT_SCHEMA"};
  out_->add(names[static_cast<std::size_t>(what.function)]);
  if (what.precision >= 0) out_->add("(", what.precision, ")");
}

}  // namespace spg::plan
