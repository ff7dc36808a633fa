// Planned expressions as SQL text, in PostgreSQL's style: operators in parentheses, constants with their types.
#include "planner.hpp"
#include "spg/plan/explain.hpp"
#include "spg/sql/deparse.hpp"

namespace spg::plan {

namespace {

class ExprPrinter {
 public:
  ExprPrinter(Arena& arena, catalog::Catalog& catalog, std::span<const std::string_view> names)
      : arena_(arena), catalog_(catalog), names_(names), out_(arena) {}
  std::string_view text() const { return out_.view(); }

  void print(const Expr& expr) {
    switch (expr.kind) {
      case ExprKind::constant: constant(as<Constant>(expr)); break;
      case ExprKind::column: {
        const auto& column = as<Column>(expr);
        out_.add(column.place < names_.size() ? names_[column.place] : std::string_view("?"));
        break;
      }
      case ExprKind::parameter:
        out_.add("$", as<Parameter>(expr).internal ? as<Parameter>(expr).number : as<Parameter>(expr).number + 1);
        break;
      case ExprKind::call: call(as<Call>(expr)); break;
      case ExprKind::relabel: cast(*static_cast<const Unary&>(expr).argument, expr.type, expr.typmod); break;
      case ExprKind::logical_and: list(as<Variadic>(expr).arguments, "(", " AND ", ")"); break;
      case ExprKind::logical_or: list(as<Variadic>(expr).arguments, "(", " OR ", ")"); break;
      case ExprKind::logical_not:
        out_.add("(NOT ");
        print(*static_cast<const Unary&>(expr).argument);
        out_.add(")");
        break;
      case ExprKind::is_null: test(expr, "IS NULL"); break;
      case ExprKind::is_not_null: test(expr, "IS NOT NULL"); break;
      case ExprKind::is_true: test(expr, "IS TRUE"); break;
      case ExprKind::is_not_true: test(expr, "IS NOT TRUE"); break;
      case ExprKind::is_false: test(expr, "IS FALSE"); break;
      case ExprKind::is_not_false: test(expr, "IS NOT FALSE"); break;
      case ExprKind::is_unknown: test(expr, "IS UNKNOWN"); break;
      case ExprKind::is_not_unknown: test(expr, "IS NOT UNKNOWN"); break;
      case ExprKind::distinct_from: list(as<Call>(expr).arguments, "(", " IS DISTINCT FROM ", ")"); break;
      case ExprKind::not_distinct_from: list(as<Call>(expr).arguments, "(NOT (", " IS DISTINCT FROM ", "))"); break;
      case ExprKind::null_if: list(as<Call>(expr).arguments, "NULLIF(", ", ", ")"); break;
      case ExprKind::coalesce: list(as<Variadic>(expr).arguments, "COALESCE(", ", ", ")"); break;
      case ExprKind::greatest: list(as<Variadic>(expr).arguments, "GREATEST(", ", ", ")"); break;
      case ExprKind::least: list(as<Variadic>(expr).arguments, "LEAST(", ", ", ")"); break;
      case ExprKind::array: list(as<Variadic>(expr).arguments, "ARRAY[", ", ", "]"); break;
      case ExprKind::row: list(as<Variadic>(expr).arguments, "ROW(", ", ", ")"); break;
      case ExprKind::grouping: list(as<Variadic>(expr).arguments, "GROUPING(", ", ", ")"); break;
      case ExprKind::case_when: case_when(as<Case>(expr)); break;
      case ExprKind::any_of:
      case ExprKind::all_of: {
        const auto& any = as<AnyAll>(expr);
        out_.add("(");
        print(*any.scalar);
        out_.add(" ", operator_of(any.function), expr.kind == ExprKind::any_of ? " ANY (" : " ALL (");
        print(*any.array_value);
        out_.add("))");
        break;
      }
      case ExprKind::in_list: in_list(as<InList>(expr)); break;
      case ExprKind::subquery: {
        const auto form = as<SubqueryExpr>(expr).form;
        out_.add(form == SubqueryExpr::Form::exists   ? "(SubPlan)"
                 : form == SubqueryExpr::Form::scalar ? "(SubPlan)"
                 : form == SubqueryExpr::Form::array  ? "ARRAY(SubPlan)"
                                                      : "(hashed SubPlan)");
        break;
      }
      case ExprKind::row_id: out_.add("ctid"); break;
      case ExprKind::default_marker: out_.add("DEFAULT"); break;
    }
  }

 private:
  void constant(const Constant& constant) {
    if (constant.value.is_null) {
      out_.add("NULL::", format_type(arena_, catalog_, constant.type, constant.typmod));
      return;
    }
    if (constant.type == oid::boolean) {
      out_.add(constant.value.as<bool>() ? "true" : "false");
      return;
    }
    TextBuilder value(arena_);
    if (type::find_type(constant.type) != nullptr) type::output(constant.type, constant.value, value, {});
    else if (constant.value.physical == Physical::string) value.add(constant.value.as<type::StringRef>().view());
    const bool plain = (constant.type == oid::int4 || constant.type == oid::numeric) &&
                       value.view().find_first_not_of("0123456789.") == std::string_view::npos &&
                       (constant.type == oid::int4 || value.view().find('.') != std::string_view::npos);
    if (plain) out_.add(value.view());
    else
      out_.add(sql::quote_literal(arena_, value.view()),
               "::", format_type(arena_, catalog_, constant.type, constant.typmod));
  }
  void list(std::span<Expr*> items, std::string_view before, std::string_view between, std::string_view after) {
    out_.add(before);
    for (std::size_t i = 0; i < items.size(); ++i) {
      if (i != 0) out_.add(between);
      print(*items[i]);
    }
    out_.add(after);
  }
  void test(const Expr& expr, std::string_view words) {
    out_.add("(");
    print(*static_cast<const Unary&>(expr).argument);
    out_.add(" ", words, ")");
  }
  void cast(const Expr& argument, Oid type, std::int32_t typmod) {
    const bool simple = argument.kind == ExprKind::column || argument.kind == ExprKind::parameter ||
                        argument.kind == ExprKind::constant;
    out_.add(simple && argument.kind == ExprKind::column ? "(" : "");
    print(argument);
    out_.add(simple && argument.kind == ExprKind::column ? ")" : "", "::", format_type(arena_, catalog_, type, typmod));
  }
  std::string_view operator_of(Oid function) {
    const catalog::Function* found = catalog_.function(function);
    if (found == nullptr) return "=";
    for (const std::string_view name :
         {"=", "<>", "<",  "<=",  ">", ">=", "+", "-", "*",  "/",  "%",  "||", "~~", "!~~", "~~*", "!~~*",
          "~", "!~", "~*", "!~*", "^", "&",  "|", "#", "<<", ">>", "@>", "<@", "&&", "->",  "->>"})
      for (const catalog::Operator* op : catalog_.operators("pg_catalog", name))
        if (op->function == function) return op->name;
    return {};
  }
  /// An array that is subscripted.
  void container(const Expr& array) {
    const bool bare = array.kind == ExprKind::column;
    out_.add(bare ? "" : "(");
    print(array);
    out_.add(bare ? "" : ")");
  }
  void subscripts(std::span<Expr* const> items) {
    for (const Expr* at : items) {
      out_.add("[");
      print(*at);
      out_.add("]");
    }
  }
  /// a[1] := 2, a[1:2] := '{3,4}'
  void assigned_part(const Call& call) {
    container(*call.arguments[0]);
    if (call.function == array_assign_function) {
      subscripts(call.arguments.subspan(2));
    } else {
      const auto given = as<Constant>(*call.arguments[2]).value.as<std::int32_t>();
      const auto bounds = call.arguments.subspan(3);
      for (std::size_t i = 0; i < bounds.size(); ++i) {
        out_.add(i % 2 == 0 ? "[" : ":");
        if ((given >> i & 1) != 0) print(*bounds[i]);
        if (i % 2 != 0) out_.add("]");
      }
    }
    out_.add(" := ");
    print(*call.arguments[1]);
  }
  void call(const Call& call) {
    if (call.function == io_cast_function) return cast(*call.arguments[0], call.type, call.typmod);
    if (call.function == record_field_function) {
      out_.add("(");
      print(*call.arguments[0]);
      out_.add(").\"*DEPTH*\"");
      return;
    }
    if (call.function == array_subscript_function) {
      container(*call.arguments[0]);
      return subscripts(call.arguments.subspan(1));
    }
    if (call.function == record_is_null_function || call.function == record_is_not_null_function)
      return list(call.arguments, "(", "", call.function == record_is_null_function ? " IS NULL)" : " IS NOT NULL)");
    if (call.function == array_assign_function || call.function == array_assign_slice_function)
      return assigned_part(call);
    const std::string_view op = operator_of(call.function);
    if (!op.empty() && call.arguments.size() == 2) return list(call.arguments, "(", arena_.concat(" ", op, " "), ")");
    if (!op.empty() && call.arguments.size() == 1) return list(call.arguments, arena_.concat("(", op, " "), "", ")");
    const catalog::Cast* known = call.arguments.empty() ? nullptr : catalog_.cast(call.arguments[0]->type, call.type);
    if (known != nullptr && known->function == call.function) return cast(*call.arguments[0], call.type, call.typmod);
    const catalog::Function* found = catalog_.function(call.function);
    list(call.arguments,
         arena_.concat(found == nullptr ? std::string_view("?") : sql::quote_identifier(arena_, found->name), "("),
         ", ", ")");
  }
  void case_when(const Case& node) {
    out_.add("CASE");
    for (const Case::When& when : node.whens) {
      out_.add(" WHEN ");
      print(*when.condition);
      out_.add(" THEN ");
      print(*when.result);
    }
    if (node.otherwise != nullptr) {
      out_.add(" ELSE ");
      print(*node.otherwise);
    }
    out_.add(" END");
  }
  void in_list(const InList& node) {
    out_.add("(");
    print(*node.scalar);
    out_.add(node.negated ? " <> ALL (" : " = ANY (");
    bool constants = true;
    for (const Expr* item : node.items) constants = constants && is_constant(item);
    const catalog::Type* element = catalog_.type(node.items[0]->type);
    if (constants && element != nullptr && element->array != Oid::none) {
      TextBuilder text(arena_);
      text.add("{");
      for (std::size_t i = 0; i < node.items.size(); ++i) {
        if (i != 0) text.add(",");
        const auto& item = as<Constant>(*node.items[i]);
        if (item.value.is_null) text.add("NULL");
        else if (type::find_type(item.type) != nullptr) type::output(item.type, item.value, text, {});
      }
      text.add("}");
      out_.add(sql::quote_literal(arena_, text.view()), "::", format_type(arena_, catalog_, element->array));
    } else {
      list(node.items, "ARRAY[", ", ", "]");
    }
    out_.add("))");
  }

  Arena& arena_;
  catalog::Catalog& catalog_;
  std::span<const std::string_view> names_;
  TextBuilder out_;
};

}  // namespace

std::string_view deparse_expr(Arena& arena, catalog::Catalog& catalog, const Expr& expr,
                              std::span<const std::string_view> names) {
  ExprPrinter printer(arena, catalog, names);
  printer.print(expr);
  return printer.text();
}

}  // namespace spg::plan
