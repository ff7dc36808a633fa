// Expressions: one function per kind of node.
#include <charconv>

#include "binder.hpp"
#include "spg/sql/lexer.hpp"

namespace spg::plan {

Binder::Binder(Arena& arena, PlanContext& context)
    : arena_(&arena),
      context_(&context),
      catalog_(context.catalog),
      text_(context.text),
      ranges_(arena),
      parameters_(arena),
      writes_(arena),
      open_views_(arena),
      grouping_keys_(arena) {
  ranges_.push_back(nullptr);
  parameters_.append(context.parameter_types);
}

std::int32_t Binder::position(std::int32_t at) const {
  if (at < 0 || in_view_ != 0 || static_cast<std::size_t>(at) > text_.size()) return 0;
  return sql::char_position(text_, static_cast<std::size_t>(at));
}

Status Binder::check_depth() {
  SPG_TRY(arena_->check());
  if (depth_ <= context_->depth_limit) return ok();
  return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded")
      .hint(
          "Increase the configuration parameter \"max_stack_depth\" (currently 2048kB), after ensuring the platform's "
          "stack depth limit is adequate.");
}

Result<Expr*> Binder::expr(const sql::Expr& node) {
  const Deeper deeper(depth_);
  SPG_TRY(check_depth());
  return expr_any(node);
}

Result<Oid> Binder::named_collation(std::string_view name, std::int32_t at) {
  const Oid found{name == "default" ? 100u : name == "C" ? 950u : name == "POSIX" ? 951u : 0u};
  if (found != Oid::none) return found;
  return fail(sqlstate::undefined_object, at, "collation \"", name, "\" for encoding \"UTF8\" does not exist");
}

Result<Expr*> Binder::expr_any(const sql::Expr& node) {
  using sql::NodeKind;
  switch (node.kind) {
    case NodeKind::literal: return literal(sql::to<sql::Literal>(node));
    case NodeKind::column_ref: return column(sql::to<sql::ColumnRef>(node));
    case NodeKind::param: return parameter(sql::to<sql::Param>(node));
    case NodeKind::type_cast: return cast(sql::to<sql::TypeCast>(node));
    case NodeKind::op_expr: return operation(sql::to<sql::OpExpr>(node));
    case NodeKind::bool_expr: return logical(sql::to<sql::BoolExpr>(node));
    case NodeKind::null_test: return null_test(sql::to<sql::NullTest>(node));
    case NodeKind::boolean_test: {
      const auto& test = sql::to<sql::BooleanTest>(node);
      SPG_ASSIGN(Expr * arg, expr(*test.arg));
      const std::string_view shown =
          test.test == sql::BooleanTestKind::true_    ? (test.negated ? "IS NOT TRUE" : "IS TRUE")
          : test.test == sql::BooleanTestKind::false_ ? (test.negated ? "IS NOT FALSE" : "IS FALSE")
                                                      : (test.negated ? "IS NOT UNKNOWN" : "IS UNKNOWN");
      SPG_ASSIGN(arg, coerce_boolean(arg, shown));
      static constexpr ExprKind kinds[3][2] = {{ExprKind::is_true, ExprKind::is_not_true},
                                               {ExprKind::is_false, ExprKind::is_not_false},
                                               {ExprKind::is_unknown, ExprKind::is_not_unknown}};
      return make_unary(*arena_, kinds[static_cast<int>(test.test)][test.negated ? 1 : 0], arg, node.at);
    }
    case NodeKind::distinct_test: return distinct(sql::to<sql::DistinctTest>(node));
    case NodeKind::between: return between(sql::to<sql::Between>(node));
    case NodeKind::in_list: return in_list(sql::to<sql::InList>(node));
    case NodeKind::like: return like(sql::to<sql::Like>(node));
    case NodeKind::quantified: return quantified(sql::to<sql::Quantified>(node));
    case NodeKind::sublink: return sublink(sql::to<sql::Sublink>(node));
    case NodeKind::function_call: return function(sql::to<sql::FunctionCall>(node));
    case NodeKind::case_expr: return case_expr(sql::to<sql::CaseExpr>(node));
    case NodeKind::conditional: return conditional(sql::to<sql::Conditional>(node));
    case NodeKind::array_expr: return array(sql::to<sql::ArrayExpr>(node), Oid::none);
    case NodeKind::row_expr: return row(sql::to<sql::RowExpr>(node));
    case NodeKind::indirection: return indirection(sql::to<sql::Indirection>(node));
    case NodeKind::sql_value: return sql_value(sql::to<sql::SqlValue>(node));
    case NodeKind::collate: {
      const auto& collate = sql::to<sql::Collate>(node);
      SPG_ASSIGN(Expr * arg, expr(*collate.arg));
      const std::string_view name = collate.collation[collate.collation.size() - 1];
      SPG_ASSIGN(const Oid wanted, named_collation(name, node.at));
      SPG_ASSIGN(arg, settle_unknown(arg));
      if (collation_of(arg->type) == Oid::none)
        return fail(sqlstate::datatype_mismatch, node.at, "collations are not supported by type ",
                    type_text(arg->type));
      Expr* made = copy_node(*arena_, arg);
      made->collation = wanted;
      auto* shown = arena_->make<Shown>();
      shown->kind = Shown::Kind::collate;
      shown->expr = arg;
      shown->collation = arena_->copy(name);
      made->shown = shown;
      return made;
    }
    case NodeKind::default_value:
      return fail(sqlstate::syntax_error, node.at, "DEFAULT is not allowed in this context");
    case NodeKind::named_argument:
      return fail(sqlstate::syntax_error, node.at, "named arguments are not allowed in this context");
    case NodeKind::grouping_call: return grouping(*static_cast<const sql::GroupingCall*>(&node));
    case NodeKind::current_of:
      return fail(sqlstate::feature_not_supported, node.at, "WHERE CURRENT OF is not supported");
    default: return fail(sqlstate::feature_not_supported, node.at, "this kind of expression is not supported");
  }
}

Result<Expr*> Binder::literal(const sql::Literal& node) {
  switch (node.form) {
    case sql::LiteralKind::null:
      return make_constant(*arena_, oid::unknown, type::Value::null_of(Physical::string), node.at);
    case sql::LiteralKind::boolean: return make_bool(*arena_, node.integer != 0, node.at);
    case sql::LiteralKind::integer: return make_int4(*arena_, node.integer, node.at);
    case sql::LiteralKind::numeric: {
      std::int64_t value = 0;
      const char* end = node.text.data() + node.text.size();
      const auto parsed = std::from_chars(node.text.data(), end, value);
      if (parsed.ec == std::errc{} && parsed.ptr == end && value == static_cast<std::int32_t>(value))
        return make_int4(*arena_, static_cast<std::int32_t>(value), node.at);
      if (parsed.ec == std::errc{} && parsed.ptr == end)
        return make_constant(*arena_, oid::int8, type::Value::of(Physical::int8, value), node.at);
      auto number = type::input(oid::numeric, node.text, -1, settings(), *arena_);
      if (!number) return number.take_error().at(position(node.at));
      return make_constant(*arena_, oid::numeric, *number, node.at);
    }
    case sql::LiteralKind::string:
      return make_constant(*arena_, oid::unknown, type::string_value(arena_->copy(node.text)), node.at);
    case sql::LiteralKind::bits:
    case sql::LiteralKind::hex: return fail(sqlstate::feature_not_supported, node.at, "type bit is not supported");
  }
  return fail(sqlstate::internal_error, node.at, "unexpected literal");
}

Result<Expr*> Binder::parameter(const sql::Param& node) {
  if (node.number < 1 || node.number > 65535 || !context_->allows_parameters)
    return fail(sqlstate::undefined_parameter, node.at, "there is no parameter $", node.number);
  const auto at = static_cast<std::uint32_t>(node.number - 1);
  if (parameters_.size() <= at) parameters_.resize(at + 1);
  Oid known = parameters_[at];
  if (known == Oid::none) known = oid::unknown;
  auto* made = make_expr<Parameter>(*arena_, ExprKind::parameter, known, physical(known), node.at);
  made->number = at;
  made->collation = collation_of(known);
  return made;
}

Result<Expr*> Binder::cast(const sql::TypeCast& node) {
  SPG_ASSIGN(const ResolvedType target, type_of(*node.type));
  Expr* arg = nullptr;
  if (const auto* list = sql::as<sql::ArrayExpr>(node.arg); list != nullptr && element_of(target.type) != Oid::none) {
    SPG_ASSIGN(arg, array(*list, target.type));
  } else {
    SPG_ASSIGN(arg, expr(*node.arg));
  }
  bool done = false;
  // PostgreSQL points at the operand of a literal's cast, at the cast word or :: otherwise.
  SPG_ASSIGN(Expr * made, coerce_to(arg, target.type, target.typmod, CastContext::explicit_, node.at, &done));
  if (!done)
    return fail(sqlstate::cannot_coerce, node.at, "cannot cast type ", type_text(arg->type), " to ",
                type_text(target.type));
  return made;
}

Result<Expr*> Binder::operation(const sql::OpExpr& node) {
  const auto* left_row = sql::as<sql::RowExpr>(node.left);
  const auto* right_row = sql::as<sql::RowExpr>(node.right);
  if (left_row != nullptr && right_row != nullptr) {
    Vec<Expr*> left(*arena_), right(*arena_);
    SPG_TRY(row_fields(*left_row, left));
    SPG_TRY(row_fields(*right_row, right));
    return compare_rows(node.op.name, left.span(), right.span(), node.at);
  }
  if (left_row != nullptr) {
    if (const auto* link = sql::as<sql::Sublink>(node.right);
        link != nullptr && link->form == sql::SublinkForm::scalar) {
      sql::Sublink any = *link;
      any.form = sql::SublinkForm::any;
      any.test = node.left;
      any.op = node.op;
      any.at = node.at;
      SPG_ASSIGN(Expr * made, sublink(any));
      static_cast<QueryLink*>(made)->form = SubqueryExpr::Form::row;
      return made;
    }
  }
  Expr* left = nullptr;
  if (node.left != nullptr) { SPG_ASSIGN(left, expr(*node.left)); }
  SPG_ASSIGN(Expr * right, expr(*node.right));
  return make_operator(node.op, left, right, node.at);
}

Expr* Binder::make_not(Expr* argument, std::int32_t at) {
  return make_unary(*arena_, ExprKind::logical_not, argument, at);
}

Result<Expr*> Binder::logical(const sql::BoolExpr& node) {
  const std::string_view word = node.op == sql::BoolOp::and_ ? "AND" : node.op == sql::BoolOp::or_ ? "OR" : "NOT";
  Vec<Expr*> args(*arena_);
  for (const sql::Expr* one : node.args) {
    SPG_ASSIGN(Expr * bound, expr(*one));
    SPG_ASSIGN(bound, coerce_boolean(bound, word));
    args.push_back(bound);
  }
  if (node.op == sql::BoolOp::not_) return make_not(args[0], node.at);
  auto* made = make_expr<Variadic>(*arena_, node.op == sql::BoolOp::and_ ? ExprKind::logical_and : ExprKind::logical_or,
                                   oid::boolean, Physical::boolean, node.at);
  made->arguments = args.span();
  return made;
}

Result<Expr*> Binder::null_test(const sql::NullTest& node) {
  SPG_ASSIGN(Expr * arg, expr(*node.arg));
  const ExprKind test = node.negated ? ExprKind::is_not_null : ExprKind::is_null;
  if (arg->kind == ExprKind::row) {
    Expr* all = nullptr;
    for (Expr* field : as<Variadic>(*arg).arguments)
      all = conjoin(*arena_, all, make_unary(*arena_, test, field, node.at));
    if (all == nullptr)
      all = make_constant(*arena_, oid::boolean, type::Value::of(Physical::boolean, std::uint8_t{1}), node.at);
    all->shown = show_expr(make_unary(*arena_, test, arg, node.at));
    return all;
  }
  if (arg->type == oid::record) {
    auto* made = make_expr<Call>(*arena_, ExprKind::call, oid::boolean, Physical::boolean, node.at);
    made->function = node.negated ? record_is_not_null_function : record_is_null_function;
    made->strict = false;
    made->arguments = span_of(*arena_, {arg});
    made->shown = show_expr(make_unary(*arena_, test, arg, node.at));
    return made;
  }
  const Expr* undecided = arg;
  SPG_ASSIGN(arg, settle_unknown(arg));
  if (arg != undecided && is_constant(arg)) arg->shown = show_expr(undecided);
  return make_unary(*arena_, node.negated ? ExprKind::is_not_null : ExprKind::is_null, arg, node.at);
}

Result<Expr*> Binder::make_distinct(Expr* left, Expr* right, bool negated, std::int32_t at) {
  SPG_ASSIGN(Expr * equal, make_operator("=", left, right, at));
  if (equal->type != oid::boolean)
    return fail(sqlstate::datatype_mismatch, at, "IS DISTINCT FROM requires = operator to yield boolean");
  equal->kind = negated ? ExprKind::not_distinct_from : ExprKind::distinct_from;
  static_cast<Call*>(equal)->strict = false;
  return equal;
}

Result<Expr*> Binder::distinct(const sql::DistinctTest& node) {
  const auto* left_row = sql::as<sql::RowExpr>(node.left);
  const auto* right_row = sql::as<sql::RowExpr>(node.right);
  if (left_row != nullptr && right_row != nullptr) {
    Vec<Expr*> lefts(*arena_), rights(*arena_), parts(*arena_), written(*arena_);
    SPG_TRY(row_fields(*left_row, lefts));
    SPG_TRY(row_fields(*right_row, rights));
    if (lefts.size() != rights.size())
      return fail(sqlstate::syntax_error, node.at, "unequal number of entries in row expressions");
    for (std::size_t i = 0; i < lefts.size(); ++i) {
      SPG_ASSIGN(Expr * part, make_distinct(lefts[i], rights[i], node.negated, node.at));
      parts.push_back(part);
      Expr* asked = copy_node(*arena_, part);
      asked->kind = ExprKind::distinct_from;
      written.push_back(asked);
    }
    if (parts.size() == 1) return parts[0];
    auto* made = make_expr<Variadic>(*arena_, node.negated ? ExprKind::logical_and : ExprKind::logical_or, oid::boolean,
                                     Physical::boolean, node.at);
    made->arguments = parts.span();
    if (node.negated) {
      auto* any = make_expr<Variadic>(*arena_, ExprKind::logical_or, oid::boolean, Physical::boolean, node.at);
      any->arguments = written.span();
      made->shown = show_expr(make_unary(*arena_, ExprKind::logical_not, any, node.at));
    }
    return made;
  }
  SPG_ASSIGN(Expr * left, expr(*node.left));
  SPG_ASSIGN(Expr * right, expr(*node.right));
  if (is_null_constant(right) || is_null_constant(left)) {
    Expr* tested = is_null_constant(right) ? left : right;
    SPG_ASSIGN(tested, settle_unknown(tested));
    return make_unary(*arena_, node.negated ? ExprKind::is_null : ExprKind::is_not_null, tested, node.at);
  }
  return make_distinct(left, right, node.negated, node.at);
}

Result<Expr*> Binder::between(const sql::Between& node) {
  SPG_ASSIGN(Expr * arg, expr(*node.arg));
  SPG_ASSIGN(Expr * low, expr(*node.low));
  SPG_ASSIGN(Expr * high, expr(*node.high));
  const auto either = [&](ExprKind kind, Expr* a, Expr* b) -> Expr* {
    auto* made = make_expr<Variadic>(*arena_, kind, oid::boolean, Physical::boolean, node.at);
    made->arguments = span_of(*arena_, {a, b});
    return made;
  };
  const auto side = [&](Expr* from, Expr* to) -> Result<Expr*> {
    SPG_ASSIGN(Expr * first, make_operator(node.negated ? "<" : ">=", arg, from, node.at));
    SPG_ASSIGN(Expr * second, make_operator(node.negated ? ">" : "<=", arg, to, node.at));
    return either(node.negated ? ExprKind::logical_or : ExprKind::logical_and, first, second);
  };
  SPG_ASSIGN(Expr * straight, side(low, high));
  if (!node.symmetric) return straight;
  SPG_ASSIGN(Expr * swapped, side(high, low));
  return either(node.negated ? ExprKind::logical_and : ExprKind::logical_or, straight, swapped);
}

Result<Expr*> Binder::in_list(const sql::InList& node) {
  const auto* fields = sql::as<sql::RowExpr>(node.arg);
  Vec<Expr*> parts(*arena_);
  if (fields == nullptr) {
    Vec<Expr*> all(*arena_);
    SPG_ASSIGN(Expr * scalar, expr(*node.arg));
    all.push_back(scalar);
    for (const sql::Expr* one : node.list) {
      SPG_ASSIGN(Expr * bound, expr(*one));
      all.push_back(bound);
    }
    SPG_ASSIGN(Oid common, common_type(all.span(), {}));
    if (all.size() == 2) common = Oid::none;  // one item: a plain comparison, which resolves on its own
    if (common != Oid::none && common != oid::record) {
      bool fits = true;
      for (std::size_t i = 1; i < all.size(); ++i)
        fits = fits && can_coerce(all[i]->type, common, CastContext::implicit);
      if (fits) {
        for (std::size_t i = 1; i < all.size(); ++i) {
          SPG_ASSIGN(all[i], coerce(all[i], common, -1, CastContext::implicit, -1));
        }
        sql::OperatorName equal;
        equal.name = node.negated ? "<>" : "=";
        SPG_ASSIGN(const catalog::Operator* op, find_operator(equal, scalar, all[1], node.at));
        if (node.negated) {
          const catalog::Operator* negator = catalog_->operator_(op->negator);
          op = negator != nullptr ? negator : op;
        }
        auto* made = make_expr<InList>(*arena_, ExprKind::in_list, oid::boolean, Physical::boolean, node.at);
        made->function = op->function;
        made->negated = node.negated;
        SPG_ASSIGN(made->shown, show_in_list(node, *made, scalar, all.span().subspan(1), common));
        if (is_polymorphic_operator(*op)) {
          made->scalar = scalar;
        } else {
          SPG_ASSIGN(made->scalar, coerce(scalar, op->left, -1, CastContext::implicit, -1));
          for (std::size_t i = 1; i < all.size(); ++i) {
            SPG_ASSIGN(all[i], coerce(all[i], op->right, -1, CastContext::implicit, -1));
          }
        }
        made->items = all.span().subspan(1);
        return made;
      }
    }
    for (std::size_t i = 1; i < all.size(); ++i) {
      SPG_ASSIGN(Expr * part, make_operator(node.negated ? "<>" : "=", scalar, all[i], node.at));
      parts.push_back(part);
    }
  } else {
    for (const sql::Expr* one : node.list) {
      sql::OpExpr compare;
      compare.at = node.at;
      compare.op.name = node.negated ? "<>" : "=";
      compare.left = node.arg;
      compare.right = const_cast<sql::Expr*>(one);
      SPG_ASSIGN(Expr * part, operation(compare));
      parts.push_back(part);
    }
  }
  if (parts.size() == 1) return parts[0];
  auto* made = make_expr<Variadic>(*arena_, node.negated ? ExprKind::logical_and : ExprKind::logical_or, oid::boolean,
                                   Physical::boolean, node.at);
  made->arguments = parts.span();
  return made;
}

Result<Expr*> Binder::like(const sql::Like& node) {
  SPG_ASSIGN(Expr * arg, expr(*node.arg));
  SPG_ASSIGN(Expr * pattern, expr(*node.pattern));
  Expr* escape = nullptr;
  if (node.escape != nullptr) { SPG_ASSIGN(escape, expr(*node.escape)); }
  if (node.form == sql::LikeForm::similar) {
    SPG_ASSIGN(
        pattern,
        call_by_name("similar_to_escape",
                     escape == nullptr ? span_of(*arena_, {pattern}) : span_of(*arena_, {pattern, escape}), node.at));
    return make_operator(node.negated ? "!~" : "~", arg, pattern, node.at);
  }
  if (escape != nullptr) {
    SPG_ASSIGN(pattern, call_by_name("like_escape", span_of(*arena_, {pattern, escape}), node.at));
  }
  const bool ilike = node.form == sql::LikeForm::ilike;
  return make_operator(node.negated ? (ilike ? "!~~*" : "!~~") : (ilike ? "~~*" : "~~"), arg, pattern, node.at);
}

Result<Expr*> Binder::quantified(const sql::Quantified& node) {
  SPG_ASSIGN(Expr * left, expr(*node.left));
  SPG_ASSIGN(Expr * list, expr(*node.array));
  Oid element = oid::unknown;
  if (list->type != oid::unknown) {
    element = element_of(list->type);
    if (element == Oid::none)
      return fail(sqlstate::wrong_object_type, node.at, "op ANY/ALL (array) requires array on right side");
  }
  auto* stand_in = make_expr<Expr>(*arena_, ExprKind::default_marker, element, physical(element), list->position);
  SPG_ASSIGN(const catalog::Operator* op, find_operator(node.op, left, stand_in, node.at));
  if (op->result != oid::boolean)
    return fail(sqlstate::wrong_object_type, node.at, "op ANY/ALL (array) requires operator to yield boolean");
  auto* made = make_expr<AnyAll>(*arena_, node.all ? ExprKind::all_of : ExprKind::any_of, oid::boolean,
                                 Physical::boolean, node.at);
  made->function = op->function;
  made->op = op->oid;
  made->scalar = left;
  made->array_value = list;
  if (is_polymorphic_operator(*op)) return made;
  SPG_ASSIGN(made->scalar, coerce(left, op->left, -1, CastContext::implicit, -1));
  SPG_ASSIGN(made->array_value, coerce(list, array_of(op->right), -1, CastContext::implicit, -1));
  return made;
}

bool Binder::is_polymorphic_operator(const catalog::Operator& op) {
  const catalog::Type* found = type(op.left);
  return found != nullptr && found->kind == 'p' && op.left != oid::record;
}

Result<Expr*> Binder::sublink(const sql::Sublink& node) {
  if (scope_ == nullptr && !context_->default_column.empty())
    return fail(sqlstate::feature_not_supported, node.at, "cannot use subquery in DEFAULT expression");
  Scope* const outer = scope_;
  const std::string_view kept_place = recursion_place_;
  recursion_place_ = "a subquery";
  auto selected = select(*node.query, outer);
  recursion_place_ = kept_place;
  if (!selected) return selected.take_error();
  Query* const query = *selected;
  auto* made = make_expr<QueryLink>(*arena_, ExprKind::subquery, oid::boolean, Physical::boolean, node.at);
  made->query = query;
  const std::uint32_t width = query->visible;
  switch (node.form) {
    case sql::SublinkForm::exists: made->form = SubqueryExpr::Form::exists; return made;
    case sql::SublinkForm::scalar:
    case sql::SublinkForm::array: {
      const bool is_array = node.form == sql::SublinkForm::array;
      if (width != 1) return fail(sqlstate::syntax_error, node.at, "subquery must return only one column");
      const Expr& value = *query->targets[0].expr;
      made->form = is_array ? SubqueryExpr::Form::array : SubqueryExpr::Form::scalar;
      made->type = value.type;
      made->typmod = value.typmod;
      made->collation = value.collation;
      made->physical = value.physical;
      if (is_array) {
        made->type = element_of(value.type) != Oid::none ? value.type : array_of(value.type);
        if (made->type == Oid::none)
          return fail(sqlstate::undefined_object, node.at, "could not find array type for data type ",
                      type_text(value.type));
        made->physical = Physical::string;
      }
      return made;
    }
    default: break;
  }
  Vec<Expr*> operands(*arena_);
  if (const auto* fields = sql::as<sql::RowExpr>(node.test); fields != nullptr) {
    SPG_TRY(row_fields(*fields, operands));
  } else {
    SPG_ASSIGN(Expr * bound, expr(*node.test));
    operands.push_back(bound);
  }
  if (operands.size() < width) return fail(sqlstate::syntax_error, node.at, "subquery has too many columns");
  if (operands.size() > width) return fail(sqlstate::syntax_error, node.at, "subquery has too few columns");
  made->form = node.form == sql::SublinkForm::all ? SubqueryExpr::Form::all : SubqueryExpr::Form::any;
  made->first_row_param = internal_parameters_;
  internal_parameters_ += width;
  const std::string_view op = node.form == sql::SublinkForm::in ? std::string_view("=") : node.op.name;
  Vec<Expr*> results(*arena_);
  Vec<Oid> operators(*arena_);
  for (std::uint32_t i = 0; i < width; ++i) {
    const Expr& value = *query->targets[i].expr;
    auto* inner = make_expr<Parameter>(*arena_, ExprKind::parameter, value.type, value.physical, value.position);
    inner->number = made->first_row_param + i;
    inner->internal = true;
    inner->typmod = value.typmod;
    inner->collation = value.collation;
    results.push_back(inner);
    if (op == "=" || op == "<>") {
      sql::OperatorName name = node.op;
      name.name = op;
      SPG_ASSIGN(const catalog::Operator* found, find_operator(name, operands[i], inner, node.at));
      operators.push_back(found->oid);
    }
  }
  if (width == 1) {
    sql::OperatorName name = node.op;
    name.name = op;
    SPG_ASSIGN(made->test, make_operator(name, operands[0], results[0], node.at));
    if (made->test->type != oid::boolean)
      return fail(sqlstate::datatype_mismatch, node.at, "operator ", op, " must return type boolean, not type ",
                  type_text(made->test->type));
  } else {
    SPG_ASSIGN(made->test, compare_rows(op, operands.span(), results.span(), node.at));
  }
  made->row_operands = {};
  made->row_operators = operators.span();
  return node.negated ? make_not(made, node.at) : made;
}

Result<Expr*> Binder::compare_rows(std::string_view op, std::span<Expr*> left, std::span<Expr*> right,
                                   std::int32_t at) {
  if (left.size() != right.size())
    return fail(sqlstate::syntax_error, at, "unequal number of entries in row expressions");
  if (left.empty()) return fail(sqlstate::feature_not_supported, at, "cannot compare rows of zero length");
  const bool equal = op == "=", unequal = op == "<>";
  const std::size_t count = left.size();
  const auto combine = [&](ExprKind kind, std::span<Expr*> parts) -> Expr* {
    if (parts.size() == 1) return parts[0];
    auto* made = make_expr<Variadic>(*arena_, kind, oid::boolean, Physical::boolean, at);
    made->arguments = parts;
    return made;
  };
  if (equal || unequal) {
    Vec<Expr*> parts(*arena_);
    for (std::size_t i = 0; i < count; ++i) {
      SPG_ASSIGN(Expr * part, make_operator(op, left[i], right[i], at));
      parts.push_back(part);
    }
    return combine(equal ? ExprKind::logical_and : ExprKind::logical_or, parts.span());
  }
  if (op != "<" && op != "<=" && op != ">" && op != ">=") {
    for (std::size_t i = 0; i < count; ++i) SPG_TRY(make_operator(op, left[i], right[i], at).status());
    return fail(sqlstate::feature_not_supported, at, "could not determine interpretation of row comparison operator ",
                op)
        .hint("Row comparison operators must be associated with btree operator families.");
  }
  // (a, b) < (c, d): a < c OR (a = c AND b < d)
  const std::string_view strict = op.substr(0, 1);
  Expr* result = nullptr;
  for (std::size_t i = count; i-- > 0;) {
    SPG_ASSIGN(Expr * less, make_operator(i + 1 == count ? op : strict, left[i], right[i], at));
    if (result == nullptr) {
      result = less;
      continue;
    }
    SPG_ASSIGN(Expr * same, make_operator("=", left[i], right[i], at));
    Expr* then = combine(ExprKind::logical_and, span_of(*arena_, {same, result}));
    result = combine(ExprKind::logical_or, span_of(*arena_, {less, then}));
  }
  return show_row_compare(op, left, right, result, at);
}

Result<Expr*> Binder::case_expr(const sql::CaseExpr& node) {
  Expr* tested = nullptr;
  if (node.arg != nullptr) {
    SPG_ASSIGN(tested, expr(*node.arg));
    SPG_ASSIGN(tested, settle_unknown(tested));
  }
  auto* made = make_expr<Case>(*arena_, ExprKind::case_when, oid::text, Physical::string, node.at);
  made->tested = tested;
  Vec<Case::When> whens(*arena_);
  Vec<Expr*> results(*arena_);
  for (const sql::CaseWhen& when : node.whens) {
    SPG_ASSIGN(Expr * test, expr(*when.when));
    if (tested != nullptr) { SPG_ASSIGN(test, make_operator("=", tested, test, when.when->at)); }
    SPG_ASSIGN(test, coerce_boolean(test, "CASE/WHEN"));
    SPG_ASSIGN(Expr * result, expr(*when.then));
    whens.push_back({test, result});
  }
  if (node.otherwise != nullptr) {
    SPG_ASSIGN(made->otherwise, expr(*node.otherwise));
    results.push_back(made->otherwise);
  } else {
    results.push_back(make_constant(*arena_, oid::unknown, type::Value::null_of(Physical::string), node.at));
  }
  for (const Case::When& when : whens) results.push_back(when.result);
  SPG_ASSIGN(made->type, common_type(results.span(), "CASE"));
  for (Case::When& when : whens) { SPG_ASSIGN(when.result, coerce_common(when.result, made->type, "CASE/WHEN")); }
  if (made->otherwise != nullptr) {
    SPG_ASSIGN(made->otherwise, coerce_common(made->otherwise, made->type, "CASE/ELSE"));
  }
  made->physical = physical(made->type);
  made->collation = collation_of(made->type);
  made->whens = whens.span();
  Vec<Expr*> typed(*arena_);
  for (const Case::When& when : whens) typed.push_back(when.result);
  if (made->otherwise != nullptr) typed.push_back(made->otherwise);
  made->typmod = made->otherwise == nullptr ? common_typmod(typed.span()) : common_typmod(typed.span());
  return made;
}

Result<Expr*> Binder::conditional(const sql::Conditional& node) {
  Vec<Expr*> args(*arena_);
  for (const sql::Expr* one : node.args) {
    SPG_ASSIGN(Expr * bound, expr(*one));
    args.push_back(bound);
  }
  if (node.which == sql::ConditionalKind::nullif) {
    Expr* first = args[0];
    SPG_ASSIGN(Expr * made, make_operator("=", args[0], args[1], node.at));
    if (made->type != oid::boolean)
      return fail(sqlstate::datatype_mismatch, node.at, "NULLIF requires = operator to yield boolean");
    (void)first;
    auto* call = static_cast<Call*>(made);
    call->kind = ExprKind::null_if;
    call->type = call->arguments[0]->type;
    call->physical = call->arguments[0]->physical;
    call->collation = call->arguments[0]->collation;
    call->typmod = call->arguments[0]->typmod;
    call->strict = false;
    return made;
  }
  static constexpr std::string_view words[] = {"COALESCE", "GREATEST", "LEAST"};
  static constexpr ExprKind kinds[] = {ExprKind::coalesce, ExprKind::greatest, ExprKind::least};
  const auto which = static_cast<std::size_t>(node.which);
  SPG_ASSIGN(const Oid common, common_type(args.span(), words[which]));
  for (Expr*& arg : args) { SPG_ASSIGN(arg, coerce_common(arg, common, words[which])); }
  auto* made = make_expr<Variadic>(*arena_, kinds[which], common, physical(common), node.at);
  if (which != 0 && catalog_->comparison(base_type(common), base_type(common), catalog::Comparison::less) == nullptr &&
      element_of(common) == Oid::none)
    return fail(sqlstate::undefined_function, -1, "could not identify a comparison function for type ",
                type_text(common));
  made->collation = collation_of(common);
  made->typmod = common_typmod(args.span());
  made->arguments = args.span();
  return made;
}

Result<Expr*> Binder::array(const sql::ArrayExpr& node, Oid wanted) {
  const Deeper deeper(depth_);
  SPG_TRY(check_depth());
  Vec<Expr*> elements(*arena_);
  for (const sql::Expr* one : node.elements) {
    const auto* nested = sql::as<sql::ArrayExpr>(one);
    Expr* bound = nullptr;
    if (nested != nullptr) {
      SPG_ASSIGN(bound, array(*nested, wanted));
    } else {
      SPG_ASSIGN(bound, expr(*one));
    }
    elements.push_back(bound);
  }
  Oid type_oid = wanted;
  if (wanted == Oid::none) {
    if (elements.empty())
      return fail(sqlstate::indeterminate_datatype, node.at, "cannot determine type of empty array")
          .hint("Explicitly cast to the desired type, for example ARRAY[]::integer[].");
    SPG_ASSIGN(const Oid common, common_type(elements.span(), "ARRAY"));
    type_oid = element_of(common) != Oid::none ? common : array_of(common);
    if (type_oid == Oid::none)
      return fail(sqlstate::undefined_object, node.at, "could not find array type for data type ", type_text(common));
    for (Expr*& element : elements) { SPG_ASSIGN(element, coerce_common(element, common, "ARRAY")); }
  } else {
    const Oid element_type = element_of(wanted);
    for (Expr*& element : elements) {
      const Oid target =
          element->kind == ExprKind::array && element_of(element->type) != Oid::none ? wanted : element_type;
      bool done = false;
      SPG_ASSIGN(Expr * made, coerce_to(element, target, -1, CastContext::explicit_, -1, &done));
      if (!done)
        return fail(sqlstate::cannot_coerce, element->position, "cannot cast type ", type_text(element->type), " to ",
                    type_text(target));
      element = made;
    }
  }
  auto* made = make_expr<Variadic>(*arena_, ExprKind::array, type_oid, Physical::string, node.at);
  made->collation = collation_of(type_oid);
  made->arguments = elements.span();
  return made;
}

/// The fields of ROW(...); `t.*` is as many as its table has columns.
Status Binder::row_fields(const sql::RowExpr& node, Vec<Expr*>& fields) {
  for (const sql::Expr* one : node.args) {
    const auto* ref = sql::as<sql::ColumnRef>(one);
    if (ref == nullptr || !ref->star) {
      SPG_ASSIGN(Expr * bound, expr(*one));
      fields.push_back(bound);
      continue;
    }
    Vec<Target> columns(*arena_);
    SPG_TRY(expand_star(*ref, columns));
    for (const Target& column : columns) fields.push_back(column.expr);
  }
  return ok();
}

Result<Expr*> Binder::row(const sql::RowExpr& node) {
  auto* made = make_expr<Variadic>(*arena_, ExprKind::row, oid::record, Physical::string, node.at);
  Vec<Expr*> fields(*arena_);
  SPG_TRY(row_fields(node, fields));
  for (Expr*& field : fields) {
    const Expr* undecided = field;
    SPG_ASSIGN(field, settle_unknown(field));
    if (field != undecided && is_constant(field)) field->shown = show_expr(undecided);
  }
  made->arguments = fields.span();
  return made;
}

Result<Expr*> Binder::indirection(const sql::Indirection& node) {
  Expr* value = nullptr;
  bool skipped = false;
  // (table).column
  if (const auto* ref = sql::as<sql::ColumnRef>(node.arg); ref != nullptr && !ref->star && ref->fields.size() == 1 &&
                                                           scope_ != nullptr &&
                                                           node.steps[0].kind == sql::StepKind::field) {
    bool found = false;
    SPG_ASSIGN(value, unqualified(ref->fields[0], ref->at, &found));
    if (!found) {
      sql::ColumnRef qualified = *ref;
      qualified.fields = sql::QualifiedName(*arena_);
      qualified.fields.push_back(ref->fields[0]);
      qualified.fields.push_back(node.steps[0].name);
      SPG_ASSIGN(value, column(qualified));
      skipped = true;
    }
  } else {
    SPG_ASSIGN(value, expr(*node.arg));
  }
  for (std::size_t i = skipped ? 1 : 0; i < node.steps.size(); ++i) {
    const sql::Step& step = node.steps[i];
    if (step.kind != sql::StepKind::index) {
      if (step.kind == sql::StepKind::field)
        return fail(sqlstate::wrong_object_type, node.at, "column notation .", step.name, " applied to type ",
                    type_text(value->type), ", which is not a composite type");
      return fail(sqlstate::feature_not_supported, node.at, "array slices are not supported");
    }
    const Oid element = element_of(value->type);
    const catalog::Type* found = type(base_type(value->type));
    const bool vector =
        found != nullptr && element == Oid::none && found->element != Oid::none && found->category == 'A';
    if (element == Oid::none && !vector)
      return fail(sqlstate::datatype_mismatch, node.at, "cannot subscript type ", type_text(value->type),
                  " because it does not support subscripting");
    // All subscripts that follow one another belong to one look-up.
    Vec<Expr*> args(*arena_);
    args.push_back(value);
    for (; i < node.steps.size() && node.steps[i].kind == sql::StepKind::index; ++i) {
      const sql::Step& one = node.steps[i];
      SPG_ASSIGN(Expr * at, subscript(one.upper != nullptr ? *one.upper : *one.lower));
      args.push_back(at);
    }
    if (i < node.steps.size() && node.steps[i].kind == sql::StepKind::slice)
      return fail(sqlstate::feature_not_supported, node.at, "array slices are not supported");
    --i;
    const Oid result = vector ? found->element : element;
    auto* made = make_expr<Call>(*arena_, ExprKind::call, result, physical(result), node.at);
    made->function = array_subscript_function;
    made->collation = collation_of(result);
    made->arguments = args.span();
    value = made;
  }
  return value;
}

Result<Expr*> Binder::sql_value_call(const sql::SqlValue& node) {
  using sql::SqlValueKind;
  const auto call = [&](std::string_view name, std::initializer_list<Expr*> args) {
    return call_by_name(name, span_of(*arena_, args), node.at);
  };
  switch (node.which) {
    case SqlValueKind::current_role:
    case SqlValueKind::current_user:
    case SqlValueKind::user: return call("current_user", {});
    case SqlValueKind::session_user: return call("session_user", {});
    case SqlValueKind::current_catalog: return call("current_database", {});
    case SqlValueKind::current_schema: return call("current_schema", {});
    default: break;
  }
  SPG_ASSIGN(Expr * now, call("now", {}));
  Oid target = oid::timestamptz;
  switch (node.which) {
    case SqlValueKind::current_date: target = oid::date; break;
    case SqlValueKind::current_time: target = oid::timetz; break;
    case SqlValueKind::localtime: target = oid::time; break;
    case SqlValueKind::localtimestamp: target = oid::timestamp; break;
    default: break;
  }
  SPG_ASSIGN(now, coerce(now, target, -1, CastContext::explicit_, node.at));
  const std::int32_t typmod = node.precision > 6 ? 6 : node.precision;
  return apply_typmod(now, target, typmod, CastContext::explicit_);
}

Result<Expr*> Binder::sql_value(const sql::SqlValue& node) {
  SPG_ASSIGN(Expr * made, sql_value_call(node));
  auto* shown = arena_->make<Shown>();
  shown->kind = Shown::Kind::value_function;
  shown->function = node.which;
  shown->precision = node.precision > 6 ? 6 : node.precision;
  made->shown = shown;
  return made;
}

Result<Expr*> Binder::condition(const sql::Expr& node, Place place, std::string_view construct) {
  const Place was = scope_->place;
  scope_->place = place;
  const bool allowed = scope_->aggregates_allowed;
  scope_->aggregates_allowed = place == Place::having;
  auto bound = expr(node);
  scope_->place = was;
  scope_->aggregates_allowed = allowed;
  if (!bound) return bound;
  return coerce_boolean(*bound, construct);
}

}  // namespace spg::plan
