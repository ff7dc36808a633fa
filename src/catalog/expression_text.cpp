// The text of a default: each node prints itself as PostgreSQL's pg_get_expr would after type analysis, as far as that
// can be told from the tree: bare strings get the cast that the place asks for.
#include "spg/catalog/names.hpp"
#include "spg/type/text.hpp"

namespace spg::catalog {

namespace {

using namespace sql;
constexpr int depth_max = 200;

class Printer {
 public:
  Printer(Catalog& catalog, Arena& arena) : catalog_(catalog), arena_(arena), out_(arena) {}
  Status print(const Expr& expr, Oid target);
  std::string_view text() const { return out_.view(); }

 private:
  Status print_node(const Expr& expr, Oid target);
  void print_literal(const Literal& literal, Oid target);
  Status print_call(const FunctionCall& call);
  Status print_cast(const TypeCast& cast);
  Status print_operator(const OpExpr& op);
  Status print_list(std::span<Expr* const> list, std::string_view between, Oid target);
  Oid argument_type(const FunctionCall& call, std::size_t index);
  Oid operand_type(const Expr* expr);
  Status print_value(const SqlValue& value);

  Catalog& catalog_;
  Arena& arena_;
  TextBuilder out_;
  int depth_ = 0;
};

Error unsupported() {
  return Error::make(sqlstate::feature_not_supported, "this form of expression is not supported in DEFAULT");
}

Status Printer::print(const Expr& expr, Oid target) {
  if (++depth_ > depth_max) return Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded");
  Status status = print_node(expr, target);
  --depth_;
  return status;
}

/// The type of an operand whose text alone says it.
Oid Printer::operand_type(const Expr* expr) {
  if (const auto* cast = as<TypeCast>(expr)) {
    auto type = resolve_type(catalog_, *cast->type, nullptr, arena_);
    return type ? type->type->oid : Oid::none;
  }
  if (const auto* literal = as<Literal>(expr)) {
    switch (literal->form) {
      case LiteralKind::integer: return Oid{23};
      case LiteralKind::numeric: return Oid{1700};
      case LiteralKind::boolean: return Oid{16};
      default: return Oid::none;
    }
  }
  if (const auto* value = as<SqlValue>(expr)) {
    if (value->which == SqlValueKind::current_date) return Oid{1082};
    if (value->which == SqlValueKind::current_timestamp) return Oid{1184};
  }
  if (const auto* call = as<FunctionCall>(expr)) {
    Oid only = Oid::none;
    for (const Function* function :
         catalog_.functions(call->name.size() > 1 ? call->name[0] : Name(), call->name.back())) {
      if (function->arguments.size() != call->args.size()) continue;
      if (only != Oid::none && only != function->result) return Oid::none;
      only = function->result;
    }
    return only;
  }
  return Oid::none;
}

void Printer::print_literal(const Literal& literal, Oid target) {
  const auto cast_to = [&](Oid type) {
    if (type != Oid::none) out_.add("::", format_type(catalog_, type, {}, arena_));
  };
  switch (literal.form) {
    case LiteralKind::null:
      out_.add("NULL");
      cast_to(target);
      break;
    case LiteralKind::boolean: out_.add(literal.integer != 0 ? "true" : "false"); break;
    case LiteralKind::integer:
      if (literal.integer >= 0) out_.add(literal.integer);
      else out_.add("'", literal.integer, "'::integer");
      break;
    case LiteralKind::numeric:
      if (literal.text.starts_with("-")) out_.add("'", literal.text, "'::numeric");
      else out_.add(literal.text);
      break;
    case LiteralKind::bits: out_.add("B'", literal.text, "'::\"bit\""); break;
    case LiteralKind::hex: out_.add("X'", literal.text, "'"); break;
    case LiteralKind::string: {
      const Type* type = target == Oid::none ? nullptr : catalog_.type(target);
      // What a number's or a boolean's input would make of it prints bare.
      const bool is_number = type != nullptr && type->category == 'N' && !literal.text.empty() &&
                             literal.text.find_first_not_of("0123456789") == std::string_view::npos;
      if (is_number) {
        out_.add(literal.text);
        break;
      }
      if (target == Oid{16} && (literal.text == "t" || literal.text == "true")) {
        out_.add("true");
        break;
      }
      if (target == Oid{16} && (literal.text == "f" || literal.text == "false")) {
        out_.add("false");
        break;
      }
      out_.add(type::quote_literal(literal.text, arena_));
      cast_to(target);
      break;
    }
  }
}

Status Printer::print_list(std::span<Expr* const> list, std::string_view between, Oid target) {
  for (std::size_t i = 0; i < list.size(); ++i) {
    if (i != 0) out_.add(between);
    SPG_TRY(print(*list[i], target));
  }
  return ok();
}

/// The type that every function of the call's name and number of arguments wants there; text for the polymorphic.
Oid Printer::argument_type(const FunctionCall& call, std::size_t index) {
  Oid only = Oid::none;
  for (const Function* function : catalog_.functions(call.name.size() > 1 ? call.name[0] : Name(), call.name.back())) {
    if (function->arguments.size() != call.args.size()) continue;
    const Oid wanted = function->arguments[index];
    if (wanted == Oid{25}) return wanted;  // unknown literals prefer text
    if (only != Oid::none && only != wanted) return Oid::none;
    only = wanted;
  }
  const Type* type = only == Oid::none ? nullptr : catalog_.type(only);
  return type != nullptr && type->kind == 'p' ? Oid::none : only;
}

Status Printer::print_call(const FunctionCall& call) {
  if (call.over != nullptr || call.filter != nullptr || !call.order_by.empty() || call.distinct || call.within_group)
    return unsupported();
  const bool built_in = call.name.size() == 1 || call.name[0] == "pg_catalog";
  if (call.syntax == CallSyntax::at_time_zone && call.args.size() == 2) {
    out_.add("(");
    SPG_TRY(print(*call.args[1], Oid::none));
    out_.add(" AT TIME ZONE ");
    SPG_TRY(print(*call.args[0], Oid{25}));
    out_.add(")");
    return ok();
  }
  out_.add(built_in ? quote_name(call.name.back(), arena_) : quote_names(call.name[0], call.name.back(), arena_), "(");
  if (call.star) out_.add("*");
  for (std::size_t i = 0; i < call.args.size(); ++i) {
    if (i != 0) out_.add(", ");
    if (call.variadic && i + 1 == call.args.size()) out_.add("VARIADIC ");
    if (const auto* named = as<NamedArgument>(call.args[i])) {
      out_.add(quote_name(named->name, arena_), " => ");
      SPG_TRY(print(*named->value, Oid::none));
    } else {
      SPG_TRY(print(*call.args[i], argument_type(call, i)));
    }
  }
  out_.add(")");
  return ok();
}

Status Printer::print_cast(const TypeCast& cast) {
  SPG_ASSIGN(const TypeReference type, resolve_type(catalog_, *cast.type, nullptr, arena_));
  const std::string_view name = format_type(catalog_, type.type->oid, {type.typmod >= 0, type.typmod}, arena_);
  if (const auto* literal = as<Literal>(cast.arg); literal != nullptr && literal->form == LiteralKind::string) {
    out_.add(type::quote_literal(literal->text, arena_), "::", name);
    return ok();
  }
  out_.add("(");
  SPG_TRY(print(*cast.arg, Oid::none));
  out_.add(")::", name);
  return ok();
}

Status Printer::print_operator(const OpExpr& op) {
  out_.add("(");
  const std::string_view name =
      op.op.schema.empty() ? op.op.name
                           : arena_.concat("OPERATOR(", quote_name(op.op.schema[0], arena_), ".", op.op.name, ")");
  const bool text = op.op.name == "||";
  if (op.left != nullptr) {
    const Oid other = operand_type(op.right);
    SPG_TRY(print(*op.left, other != Oid::none ? other : text ? Oid{25} : Oid::none));
    out_.add(" ");
  }
  out_.add(name, op.left == nullptr ? "" : " ");
  const Oid other = op.left == nullptr ? Oid::none : operand_type(op.left);
  // Beside a time, a bare string is an interval.
  const bool time = other == Oid{1184} || other == Oid{1114} || other == Oid{1083};
  const bool sum = op.op.name == "+" || op.op.name == "-";
  SPG_TRY(print(*op.right, time && sum ? Oid{1186} : other != Oid::none ? other : text ? Oid{25} : Oid::none));
  out_.add(")");
  return ok();
}

Status Printer::print_value(const SqlValue& value) {
  static constexpr std::string_view words[] = {"CURRENT_DATE",   "CURRENT_TIME",    "CURRENT_TIMESTAMP", "LOCALTIME",
                                               "LOCALTIMESTAMP", "CURRENT_ROLE",    "CURRENT_USER",      "USER",
                                               "SESSION_USER",   "CURRENT_CATALOG", "CURRENT_SCHEMA"};
  out_.add(words[static_cast<std::size_t>(value.which)]);
  if (value.precision >= 0) out_.add("(", value.precision, ")");
  return ok();
}

Status Printer::print_node(const Expr& expr, Oid target) {
  switch (expr.kind) {
    case NodeKind::literal: print_literal(to<Literal>(expr), target); return ok();
    case NodeKind::sql_value: return print_value(to<SqlValue>(expr));
    case NodeKind::function_call: return print_call(to<FunctionCall>(expr));
    case NodeKind::type_cast: return print_cast(to<TypeCast>(expr));
    case NodeKind::op_expr: return print_operator(to<OpExpr>(expr));
    case NodeKind::bool_expr: {
      const auto& node = to<BoolExpr>(expr);
      out_.add("(", node.op == BoolOp::not_ ? "NOT " : "");
      SPG_TRY(print_list(node.args, node.op == BoolOp::and_ ? " AND " : " OR ", Oid{16}));
      out_.add(")");
      return ok();
    }
    case NodeKind::null_test: {
      const auto& node = to<NullTest>(expr);
      out_.add("(");
      SPG_TRY(print(*node.arg, Oid::none));
      out_.add(node.negated ? " IS NOT NULL)" : " IS NULL)");
      return ok();
    }
    case NodeKind::conditional: {
      const auto& node = to<Conditional>(expr);
      static constexpr std::string_view words[] = {"COALESCE(", "GREATEST(", "LEAST(", "NULLIF("};
      out_.add(words[static_cast<std::size_t>(node.which)]);
      SPG_TRY(print_list(node.args, ", ", target));
      out_.add(")");
      return ok();
    }
    case NodeKind::array_expr: {
      const Type* type = target == Oid::none ? nullptr : catalog_.type(target);
      out_.add("ARRAY[");
      SPG_TRY(print_list(to<ArrayExpr>(expr).elements, ", ", type == nullptr ? Oid::none : type->element));
      out_.add("]");
      return ok();
    }
    case NodeKind::case_expr: {
      const auto& node = to<CaseExpr>(expr);
      out_.add("CASE");
      if (node.arg != nullptr) {
        out_.add(" ");
        SPG_TRY(print(*node.arg, Oid::none));
      }
      for (const CaseWhen& when : node.whens) {
        out_.add(" WHEN ");
        SPG_TRY(print(*when.when, Oid::none));
        out_.add(" THEN ");
        SPG_TRY(print(*when.then, target));
      }
      if (node.otherwise != nullptr) {
        out_.add(" ELSE ");
        SPG_TRY(print(*node.otherwise, target));
      }
      out_.add(" END");
      return ok();
    }
    case NodeKind::column_ref:
      return Error::make(sqlstate::feature_not_supported, "cannot use column reference in DEFAULT expression");
    case NodeKind::sublink:
      return Error::make(sqlstate::feature_not_supported, "cannot use subquery in DEFAULT expression");
    default: return unsupported();
  }
}

}  // namespace

Result<std::string_view> expression_text(Catalog& catalog, const sql::Expr& expr, Oid target, Arena& arena) {
  Printer printer(catalog, arena);
  SPG_TRY(printer.print(expr, target));
  return printer.text();
}

}  // namespace spg::catalog
