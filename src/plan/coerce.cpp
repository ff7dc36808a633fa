// Casts: which conversions there are, applying them, and the common type of several expressions (chapter 10).
#include "binder.hpp"

namespace spg::plan {

namespace {
bool is_polymorphic(Oid type) {
  switch (raw(type)) {
    case 2276:
    case 2277:
    case 2283:
    case 2776:
    case 3500:
    case 3831:
    case 4537:
    case 5077:
    case 5078:
    case 5079:
    case 5080:
    case 4538: return true;
    default: return false;
  }
}
bool is_composite(const catalog::Type* type) { return type != nullptr && type->kind == 'c'; }
}  // namespace

Binder::Path Binder::find_path(Oid target, Oid source, CastContext context) {
  target = base_type(target);
  source = base_type(source);
  if (target == source) return {PathKind::relabel, Oid::none};
  if (const catalog::Cast* cast = catalog_->cast(source, target)) {
    const bool allowed = cast->context == 'i' || (cast->context == 'a' && context != CastContext::implicit) ||
                         context == CastContext::explicit_;
    if (!allowed) return {};
    if (cast->method == 'b') return {PathKind::relabel, Oid::none};
    if (cast->method == 'i') return {PathKind::io, Oid::none};
    return {PathKind::function, cast->function};
  }
  // Never to the catalogs' vectors: they would capture what should go to real arrays.
  const bool to_vector = target == oid::int2vector || target == oid::oidvector;
  const Oid target_element = to_vector ? Oid::none : element_of(target), source_element = element_of(source);
  if (target_element != Oid::none && source_element != Oid::none) {
    const Path path = find_path(target_element, source_element, context);
    if (path.kind == PathKind::none) return {};
    return {path.kind == PathKind::relabel ? PathKind::relabel : PathKind::array, Oid::none};
  }
  const bool to_string = category(target) == 'S', from_string = category(source) == 'S';
  if (context != CastContext::implicit && to_string) return {PathKind::io, Oid::none};
  if (context == CastContext::explicit_ && from_string) return {PathKind::io, Oid::none};
  return {};
}

bool Binder::can_coerce(Oid from, Oid to, CastContext context) {
  if (from == to || to == oid::any || is_polymorphic(to) || from == oid::unknown) return true;
  if (find_path(to, from, context).kind != PathKind::none) return true;
  if (to == oid::record && is_composite(type(from))) return true;
  return from == oid::record && is_composite(type(to));
}

Result<Expr*> Binder::coerce_parameter(Parameter* parameter, Oid target) {
  Oid& known = parameters_[parameter->number];
  if (known != Oid::none && known != oid::unknown && known != target) {
    return fail(sqlstate::ambiguous_parameter, parameter->position, "inconsistent types deduced for parameter $",
                parameter->number + 1)
        .detail(type_text(known), " versus ", type_text(target));
  }
  known = target;
  auto* made = make_expr<Parameter>(*arena_, ExprKind::parameter, target, physical(target), parameter->position);
  made->number = parameter->number;
  made->collation = collation_of(target);
  return made;
}

Result<Expr*> Binder::input_reg(const Constant& literal, Oid target) {
  auto found = catalog_->reg_in(base_type(target), literal.value.as<type::StringRef>().view(), *arena_);
  if (!found) return found.take_error().at(position(literal.position));
  return make_constant(*arena_, target, type::Value::of(Physical::int4, static_cast<std::int32_t>(raw(*found))),
                       literal.position);
}

Result<Expr*> Binder::input_literal(const Constant& literal, Oid target, std::int32_t typmod) {
  const Oid base = base_type(target);
  const Physical layout = physical(base);
  Constant* made = make_constant(*arena_, target, type::Value::null_of(layout), literal.position);
  made->collation = collation_of(target);
  if (literal.value.is_null) return made;
  if (catalog::is_reg_type(base)) return input_reg(literal, target);
  if (type::find_type(base) == nullptr) {
    if (layout != Physical::string)
      return fail(sqlstate::feature_not_supported, literal.position, "type ", type_text(base), " is not supported");
    made->value = literal.value;
    return made;
  }
  auto value = type::input(base, literal.value.as<type::StringRef>().view(), base == oid::interval ? typmod : -1,
                           settings(), *arena_);
  if (!value) return value.take_error().at(position(literal.position));
  made->value = *value;
  if (base == oid::interval) made->typmod = typmod;
  return made;
}

Result<Expr*> Binder::coerce(Expr* expr, Oid target, std::int32_t typmod, CastContext context, std::int32_t at) {
  const Oid source = expr->type;
  if (source == target || is_polymorphic(target)) return expr;
  if (source == oid::unknown) {
    if (expr->kind == ExprKind::constant) return input_literal(as<Constant>(*expr), target, typmod);
    if (expr->kind == ExprKind::parameter) return coerce_parameter(static_cast<Parameter*>(expr), target);
  }
  const Written written = context == CastContext::explicit_ ? Written::explicit_cast : Written::implicit_cast;
  Path path = find_path(target, source, context);
  if (source == oid::unknown && path.kind == PathKind::none) path = {PathKind::io, Oid::none};
  switch (path.kind) {
    case PathKind::relabel: {
      auto* made = make_expr<Unary>(*arena_, ExprKind::relabel, target, expr->physical, at < 0 ? expr->position : at);
      made->argument = expr;
      made->collation = collation_of(target);
      made->written = written;
      if (!is_constant(expr) || expr->physical != physical(target)) return made;
      auto* folded = static_cast<Constant*>(copy_node(*arena_, expr));
      folded->type = target;
      folded->typmod = -1;
      folded->collation = collation_of(target);
      folded->shown = show_expr(made);
      folded->written = written;
      return folded;
    }
    case PathKind::function:
    case PathKind::io:
    case PathKind::array: {
      auto* made = make_expr<Call>(*arena_, ExprKind::call, target, physical(target), at < 0 ? expr->position : at);
      made->function = path.function;
      made->written = written;
      made->collation = collation_of(target);
      made->input_collation = collation_of(source);
      const catalog::Function* function = path.function == Oid::none ? nullptr : catalog_->function(path.function);
      const std::size_t count = function == nullptr ? 1 : function->arguments.size();
      Expr* typmod_arg = make_int4(*arena_, -1);
      Expr* explicit_arg = make_bool(*arena_, context == CastContext::explicit_);
      made->arguments = count >= 3   ? span_of(*arena_, {expr, typmod_arg, explicit_arg})
                        : count == 2 ? span_of(*arena_, {expr, typmod_arg})
                                     : span_of(*arena_, {expr});
      made->strict = function == nullptr || function->strict;
      return made;
    }
    case PathKind::none: break;
  }
  return fail(sqlstate::cannot_coerce, at < 0 ? expr->position : at, "cannot cast type ", type_text(source), " to ",
              type_text(target));
}

Result<Expr*> Binder::apply_typmod(Expr* expr, Oid target, std::int32_t typmod, CastContext context) {
  if (typmod < 0 || expr->typmod == typmod) return expr;
  const Oid base = base_type(target);
  const catalog::Cast* cast = catalog_->cast(base, base);
  if (cast == nullptr || cast->function == Oid::none) {
    Expr* made = copy_node(*arena_, expr);
    made->typmod = typmod;
    return made;
  }
  const catalog::Function* function = catalog_->function(cast->function);
  auto* made = make_expr<Call>(*arena_, ExprKind::call, expr->type, expr->physical, expr->position);
  made->function = cast->function;
  made->written = context == CastContext::explicit_ ? Written::explicit_cast : Written::implicit_cast;
  made->typmod = typmod;
  made->collation = expr->collation;
  made->input_collation = expr->collation;
  made->strict = function == nullptr || function->strict;
  Expr* typmod_arg = make_int4(*arena_, typmod);
  made->arguments = function != nullptr && function->arguments.size() == 2
                        ? span_of(*arena_, {expr, typmod_arg})
                        : span_of(*arena_, {expr, typmod_arg, make_bool(*arena_, context == CastContext::explicit_)});
  if (!is_constant(expr)) return made;
  const auto& constant = as<Constant>(*expr);
  auto form = context == CastContext::explicit_ ? type::CastForm::explicit_cast : type::CastForm::implicit;
  auto value = constant.value.is_null ? Result<type::Value>(constant.value)
                                      : type::apply_typmod(base, constant.value, typmod, form, *arena_);
  if (!value) return made;
  Constant* folded = make_constant(*arena_, expr->type, *value, expr->position);
  folded->typmod = typmod;
  folded->collation = expr->collation;
  folded->shown = show_expr(made);
  return folded;
}

Result<Expr*> Binder::coerce_to(Expr* expr, Oid target, std::int32_t typmod, CastContext context, std::int32_t at,
                                bool* done) {
  *done = can_coerce(expr->type, target, context);
  if (!*done) return expr;
  SPG_ASSIGN(Expr * made, coerce(expr, target, typmod, context, at));
  SPG_ASSIGN(Expr * sized, apply_typmod(made, target, typmod, context));
  // Of the two casts, the one of the length is what was written.
  if (sized != made && made != expr && !is_constant(made)) made->written = Written::implicit_cast;
  if (sized != made && made != expr && is_constant(made) && made->shown != nullptr)
    const_cast<Expr*>(made->shown->expr)->written = Written::implicit_cast;
  return sized;
}

Result<Expr*> Binder::settle_unknown(Expr* expr) {
  if (expr->type != oid::unknown) return expr;
  return coerce(expr, oid::text, -1, CastContext::implicit, -1);
}

Result<Expr*> Binder::coerce_boolean(Expr* expr, std::string_view construct) {
  bool done = true;
  if (expr->type != oid::boolean) {
    SPG_ASSIGN(expr, coerce_to(expr, oid::boolean, -1, CastContext::assignment, -1, &done));
  }
  if (!done)
    return fail(sqlstate::datatype_mismatch, location(expr), "argument of ", construct,
                " must be type boolean, not type ", type_text(expr->type));
  return expr;
}

Result<Expr*> Binder::coerce_integer(Expr* expr, std::string_view construct) {
  bool done = true;
  if (expr->type != oid::int8) { SPG_ASSIGN(expr, coerce_to(expr, oid::int8, -1, CastContext::assignment, -1, &done)); }
  if (!done)
    return fail(sqlstate::datatype_mismatch, location(expr), "argument of ", construct,
                " must be type bigint, not type ", type_text(expr->type));
  return expr;
}

Result<Oid> Binder::common_type(std::span<Expr*> exprs, std::string_view context, bool unknown_stays) {
  Oid chosen = exprs[0]->type;
  bool same = chosen != oid::unknown;
  for (const Expr* expr : exprs) same = same && expr->type == chosen;
  if (same) return chosen;
  chosen = base_type(chosen);
  for (const Expr* expr : exprs.subspan(1)) {
    const Oid next = base_type(expr->type);
    if (next == oid::unknown || next == chosen) continue;
    if (chosen == oid::unknown) {
      chosen = next;
    } else if (category(next) != category(chosen)) {
      if (context.empty()) return Oid::none;
      return fail(sqlstate::datatype_mismatch, location(expr), context, " types ", type_text(chosen), " and ",
                  type_text(next), " cannot be matched");
    } else if (!is_preferred(chosen) && can_coerce(chosen, next, CastContext::implicit) &&
               !can_coerce(next, chosen, CastContext::implicit)) {
      chosen = next;
    }
  }
  if (chosen == oid::unknown && !unknown_stays) chosen = oid::text;
  return chosen;
}

Result<Expr*> Binder::coerce_common(Expr* expr, Oid target, std::string_view context) {
  if (expr->type == target) return expr;
  if (!can_coerce(expr->type, target, CastContext::implicit))
    return fail(sqlstate::cannot_coerce, location(expr), context, " could not convert type ", type_text(expr->type),
                " to ", type_text(target));
  return coerce(expr, target, -1, CastContext::implicit, -1);
}

std::int32_t Binder::common_typmod(std::span<Expr*> exprs) {
  if (exprs.empty()) return -1;
  const std::int32_t first = exprs[0]->typmod;
  for (const Expr* expr : exprs)
    if (expr->typmod != first || expr->type != exprs[0]->type) return -1;
  return first;
}

}  // namespace spg::plan
