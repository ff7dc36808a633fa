// What PostgreSQL calls an output column, and where an expression begins in the text.
#include "binder.hpp"

namespace spg::plan {

namespace {
/// 2: a name to use; 1: a type's name, which a better one replaces; 0: none.
int figure(const sql::Expr* node, std::string_view* name) {
  if (node == nullptr) return 0;
  using sql::NodeKind;
  switch (node->kind) {
    case NodeKind::column_ref: {
      const auto& ref = sql::to<sql::ColumnRef>(*node);
      if (ref.star || ref.fields.empty()) return 0;
      *name = ref.fields[ref.fields.size() - 1];
      return 2;
    }
    case NodeKind::indirection: {
      const auto& steps = sql::to<sql::Indirection>(*node).steps;
      for (std::size_t i = steps.size(); i-- > 0;) {
        if (steps[i].kind != sql::StepKind::field) continue;
        *name = steps[i].name;
        return 2;
      }
      return figure(sql::to<sql::Indirection>(*node).arg, name);
    }
    case NodeKind::function_call: {
      const auto& call = sql::to<sql::FunctionCall>(*node);
      *name = call.name[call.name.size() - 1];
      return 2;
    }
    case NodeKind::type_cast: {
      const auto& cast = sql::to<sql::TypeCast>(*node);
      const int strength = figure(cast.arg, name);
      if (strength > 1) return strength;
      *name = cast.type->name[cast.type->name.size() - 1];
      return 1;
    }
    case NodeKind::collate: return figure(sql::to<sql::Collate>(*node).arg, name);
    case NodeKind::grouping_call: *name = "grouping"; return 2;
    case NodeKind::sublink: {
      const auto& link = sql::to<sql::Sublink>(*node);
      if (link.form == sql::SublinkForm::exists) {
        *name = "exists";
        return 2;
      }
      if (link.form == sql::SublinkForm::array) {
        *name = "array";
        return 2;
      }
      if (link.form != sql::SublinkForm::scalar) return 0;
      const sql::Select* select = link.query;
      while (select->op != sql::SetOp::none) select = select->left;
      if (!select->values.empty()) {
        *name = "column1";
        return 2;
      }
      if (select->targets.empty()) return 0;
      const sql::Target& target = select->targets[0];
      if (!target.label.empty()) {
        *name = target.label;
        return 2;
      }
      return figure(target.expr, name);
    }
    case NodeKind::case_expr: {
      const int strength = figure(sql::to<sql::CaseExpr>(*node).otherwise, name);
      if (strength > 1) return strength;
      *name = "case";
      return 1;
    }
    case NodeKind::conditional: {
      static constexpr std::string_view words[] = {"coalesce", "greatest", "least", "nullif"};
      *name = words[static_cast<std::size_t>(sql::to<sql::Conditional>(*node).which)];
      return 2;
    }
    case NodeKind::array_expr: *name = "array"; return 2;
    case NodeKind::row_expr: *name = "row"; return 2;
    case NodeKind::sql_value: {
      static constexpr std::string_view words[] = {
          "current_date", "current_time", "current_timestamp", "localtime",       "localtimestamp", "current_role",
          "current_user", "user",         "session_user",      "current_catalog", "current_schema"};
      *name = words[static_cast<std::size_t>(sql::to<sql::SqlValue>(*node).which)];
      return 2;
    }
    default: return 0;
  }
}
}  // namespace

namespace {
std::int32_t leftmost(std::int32_t a, std::int32_t b) { return a < 0 ? b : b < 0 ? a : a < b ? a : b; }
}  // namespace

std::int32_t location(const Expr* expr) {
  std::int32_t at = expr->position;
  switch (expr->kind) {
    case ExprKind::case_when:
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::array:
    case ExprKind::row: return at;
    default: break;
  }
  for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { at = leftmost(at, location(part)); });
  return at;
}

std::int32_t location(const sql::Expr& expr) {
  if (const auto* op = sql::as<sql::OpExpr>(&expr); op != nullptr && op->left != nullptr)
    return leftmost(op->at, location(*op->left));
  if (const auto* cast = sql::as<sql::TypeCast>(&expr); cast != nullptr)
    return leftmost(cast->at, location(*cast->arg));
  return expr.at;
}

std::string_view figure_name(const sql::Expr& expr) {
  std::string_view name = "?column?";
  figure(&expr, &name);
  return name;
}

std::string_view output_name(const sql::Target& target) {
  return target.label.empty() ? figure_name(*target.expr) : target.label;
}

}  // namespace spg::plan
