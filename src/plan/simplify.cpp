// Simplifying expressions: columns of merged subqueries become what they stand for, constants fold.
#include "planner.hpp"

namespace spg::plan {

bool Planner::is_volatile(const Expr* expr) {
  if (expr->kind == ExprKind::call && as<Call>(*expr).function != io_cast_function) {
    const catalog::Function* function = catalog_->function(as<Call>(*expr).function);
    if (function != nullptr && (function->volatility == 'v' || function->returns_set)) return true;
  }
  bool found = false;
  for_each_part(const_cast<Expr*>(expr), [&](Expr*& part) { found = found || is_volatile(part); });
  return found;
}

bool Planner::is_immutable(const Expr* expr) {
  switch (expr->kind) {
    case ExprKind::subquery:
    case ExprKind::parameter:
    case ExprKind::column:
    case ExprKind::row_id:
    case ExprKind::default_marker:
    case ExprKind::row: return false;
    case ExprKind::call: {
      const auto& call = as<Call>(*expr);
      if (call.returns_set) return false;
      if (call.function == array_subscript_function) return true;
      if (call.function != io_cast_function) {
        const catalog::Function* function = catalog_->function(call.function);
        return function != nullptr && function->volatility == 'i';
      }
      // Text forms of dates and floats depend on settings.
      const auto stable = [&](Oid oid) {
        const catalog::Type* found = catalog_->type(oid);
        return found == nullptr || (found->category != 'N' && found->category != 'S' && found->category != 'B') ||
               oid == oid::float4 || oid == oid::float8;
      };
      return !stable(call.type) && !stable(call.arguments[0]->type);
    }
    default: return true;
  }
}

Expr* Planner::evaluated(Expr* expr) {
  if (context_->evaluator == nullptr) return expr;
  auto value = context_->evaluator->evaluate(*expr);
  if (!value) return expr;
  type::Value kept = *value;
  if (!kept.is_null && kept.physical == Physical::string)
    kept = type::string_value(arena_->copy(kept.as<type::StringRef>().view()));
  Constant* made = make_constant(*arena_, expr->type, kept, expr->position);
  made->physical = expr->physical;
  made->typmod = expr->typmod;
  made->collation = expr->collation;
  return made;
}

Expr* Planner::fold(Expr* expr) {
  const auto null_of = [&](const Expr* like) -> Expr* {
    Constant* made = make_constant(*arena_, like->type, type::Value::null_of(like->physical), like->position);
    made->typmod = like->typmod;
    made->collation = like->collation;
    return made;
  };
  switch (expr->kind) {
    case ExprKind::logical_and:
    case ExprKind::logical_or: {
      const bool is_and = expr->kind == ExprKind::logical_and;
      auto* list = static_cast<Variadic*>(expr);
      Vec<Expr*> kept(*arena_);
      bool has_null = false;
      for (Expr* part : list->arguments) {
        if (part->kind == expr->kind) {
          for (Expr* inner : static_cast<Variadic*>(part)->arguments) kept.push_back(inner);
          continue;
        }
        if (!is_constant(part)) {
          kept.push_back(part);
        } else if (is_null_constant(part)) {
          has_null = true;
        } else if (as<Constant>(*part).value.as<bool>() != is_and) {
          return make_bool(*arena_, !is_and, expr->position);
        }
      }
      if (kept.empty()) return has_null ? null_of(expr) : make_bool(*arena_, is_and, expr->position);
      if (has_null) kept.push_back(null_of(expr));
      if (kept.size() == 1) return kept[0];
      list->arguments = kept.span();
      return expr;
    }
    case ExprKind::logical_not: {
      Expr* part = static_cast<Unary*>(expr)->argument;
      if (part->kind == ExprKind::logical_not) return static_cast<Unary*>(part)->argument;
      if (!is_constant(part)) return expr;
      if (is_null_constant(part)) return null_of(expr);
      return make_bool(*arena_, !as<Constant>(*part).value.as<bool>(), expr->position);
    }
    case ExprKind::is_null:
    case ExprKind::is_not_null: {
      const Expr* part = static_cast<Unary*>(expr)->argument;
      if (!is_constant(part)) return expr;
      return make_bool(*arena_, is_null_constant(part) == (expr->kind == ExprKind::is_null), expr->position);
    }
    case ExprKind::relabel: {
      const Expr* part = static_cast<Unary*>(expr)->argument;
      if (!is_constant(part)) return expr;
      Expr* made = copy_node(*arena_, part);
      made->type = expr->type;
      made->typmod = expr->typmod;
      made->collation = expr->collation;
      return made;
    }
    case ExprKind::case_when: {
      auto* node = static_cast<Case*>(expr);
      Vec<Case::When> kept(*arena_);
      for (const Case::When& when : node->whens) {
        if (is_constant(when.condition)) {
          if (!is_true_constant(when.condition)) continue;
          if (kept.empty()) return when.result;
          node->otherwise = when.result;
          break;
        }
        kept.push_back(when);
      }
      if (kept.empty()) return node->otherwise == nullptr ? null_of(expr) : node->otherwise;
      node->whens = kept.span();
      return expr;
    }
    case ExprKind::coalesce: {
      auto* list = static_cast<Variadic*>(expr);
      Vec<Expr*> kept(*arena_);
      for (Expr* part : list->arguments) {
        if (is_null_constant(part)) continue;
        kept.push_back(part);
        if (is_constant(part)) break;
      }
      if (kept.empty()) return null_of(expr);
      if (kept.size() == 1) return kept[0];
      list->arguments = kept.span();
      return expr;
    }
    case ExprKind::call: {
      const auto& call = as<Call>(*expr);
      if (call.strict && !call.returns_set && call.function != io_cast_function)
        for (const Expr* part : call.arguments)
          if (is_null_constant(part) && is_immutable(expr)) return null_of(expr);
      break;
    }
    case ExprKind::constant:
    case ExprKind::column:
    case ExprKind::parameter:
    case ExprKind::subquery: return expr;
    default: break;
  }
  if (!is_immutable(expr)) return expr;
  bool constant = true;
  for_each_part(expr, [&](Expr*& part) { constant = constant && is_constant(part); });
  return constant ? evaluated(expr) : expr;
}

Expr* Planner::simplify(Expr* expr) {
  if (expr == nullptr || is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    RangeEntry* entry = range(ref.relation);
    if (!entry->pulled_up) return expr;
    Expr* meant = simplify(entry->subquery->targets[static_cast<std::size_t>(ref.number - 1)].expr);
    return meant;
  }
  Expr* made = copy_node(*arena_, expr);
  for_each_part(made, [&](Expr*& part) { part = simplify(part); });
  return fold(made);
}

}  // namespace spg::plan
