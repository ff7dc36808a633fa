#include "make.hpp"

namespace spg::plan {

void split_and(Expr* condition, Vec<Expr*>& parts) {
  if (condition == nullptr) return;
  if (condition->kind != ExprKind::logical_and) {
    parts.push_back(condition);
    return;
  }
  for (Expr* part : static_cast<Variadic*>(condition)->arguments) split_and(part, parts);
}

Expr* conjoin(Arena& arena, Expr* a, Expr* b) {
  if (a == nullptr) return b;
  if (b == nullptr) return a;
  Vec<Expr*> parts(arena);
  split_and(a, parts);
  split_and(b, parts);
  auto* made = make_expr<Variadic>(arena, ExprKind::logical_and, oid::boolean, Physical::boolean, -1);
  made->arguments = parts.span();
  return made;
}

namespace {
std::size_t node_bytes(ExprKind kind) {
  switch (kind) {
    case ExprKind::constant: return sizeof(Constant);
    case ExprKind::column: return sizeof(Column);
    case ExprKind::parameter: return sizeof(Parameter);
    case ExprKind::call:
    case ExprKind::distinct_from:
    case ExprKind::not_distinct_from:
    case ExprKind::null_if: return sizeof(Call);
    case ExprKind::logical_and:
    case ExprKind::logical_or:
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::array:
    case ExprKind::row: return sizeof(Variadic);
    case ExprKind::grouping: return sizeof(GroupingExpr);
    case ExprKind::case_when: return sizeof(Case);
    case ExprKind::any_of:
    case ExprKind::all_of: return sizeof(AnyAll);
    case ExprKind::in_list: return sizeof(InList);
    case ExprKind::subquery: return sizeof(QueryLink);
    case ExprKind::row_id:
    case ExprKind::default_marker: return sizeof(Expr);
    default: return sizeof(Unary);
  }
}
template <class T>
std::span<T> copy_span(Arena& arena, std::span<T> from) {
  T* to = arena.array<T>(from.size());
  for (std::size_t i = 0; i < from.size(); ++i) to[i] = from[i];
  return {to, from.size()};
}
bool same_value(const type::Value& a, const type::Value& b) {
  if (a.is_null || b.is_null) return a.is_null == b.is_null && a.physical == b.physical;
  if (a.physical != b.physical) return false;
  if (a.physical == Physical::string) return a.as<type::StringRef>() == b.as<type::StringRef>();
  return std::memcmp(a.bytes, b.bytes, type::physical_bytes(a.physical)) == 0;
}
bool same_list(std::span<Expr*> a, std::span<Expr*> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (!same_expr(a[i], b[i])) return false;
  return true;
}
}  // namespace

Expr* copy_node(Arena& arena, const Expr* expr) {
  const std::size_t bytes = node_bytes(expr->kind);
  void* memory = arena.allocate(bytes);
  std::memcpy(memory, static_cast<const void*>(expr), bytes);
  auto* made = static_cast<Expr*>(memory);
  switch (made->kind) {
    case ExprKind::call:
    case ExprKind::distinct_from:
    case ExprKind::not_distinct_from:
    case ExprKind::null_if: {
      auto* call = static_cast<Call*>(made);
      call->arguments = copy_span(arena, call->arguments);
      break;
    }
    case ExprKind::logical_and:
    case ExprKind::logical_or:
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::array:
    case ExprKind::row:
    case ExprKind::grouping: {
      auto* list = static_cast<Variadic*>(made);
      list->arguments = copy_span(arena, list->arguments);
      break;
    }
    case ExprKind::case_when:
      static_cast<Case*>(made)->whens = copy_span(arena, static_cast<Case*>(made)->whens);
      break;
    case ExprKind::in_list:
      static_cast<InList*>(made)->items = copy_span(arena, static_cast<InList*>(made)->items);
      break;
    case ExprKind::subquery: {
      auto* link = static_cast<QueryLink*>(made);
      link->row_operands = copy_span(arena, link->row_operands);
      link->bindings = copy_span(arena, link->bindings);
      break;
    }
    default: break;
  }
  return made;
}

bool same_expr(const Expr* a, const Expr* b) {
  if (a == b) return true;
  if (a == nullptr || b == nullptr || a->kind != b->kind || a->type != b->type) return false;
  switch (a->kind) {
    case ExprKind::constant: return same_value(as<Constant>(*a).value, as<Constant>(*b).value);
    case ExprKind::column:
      return as<Column>(*a).relation == as<Column>(*b).relation && as<Column>(*a).number == as<Column>(*b).number &&
             as<Column>(*a).place == as<Column>(*b).place;
    case ExprKind::parameter:
      return as<Parameter>(*a).number == as<Parameter>(*b).number &&
             as<Parameter>(*a).internal == as<Parameter>(*b).internal;
    case ExprKind::call:
    case ExprKind::distinct_from:
    case ExprKind::not_distinct_from:
    case ExprKind::null_if:
      return as<Call>(*a).function == as<Call>(*b).function &&
             same_list(as<Call>(*a).arguments, as<Call>(*b).arguments);
    case ExprKind::logical_and:
    case ExprKind::logical_or:
    case ExprKind::coalesce:
    case ExprKind::greatest:
    case ExprKind::least:
    case ExprKind::array:
    case ExprKind::row: return same_list(as<Variadic>(*a).arguments, as<Variadic>(*b).arguments);
    case ExprKind::grouping:
      return static_cast<const GroupingExpr*>(a)->query == static_cast<const GroupingExpr*>(b)->query &&
             same_list(as<Variadic>(*a).arguments, as<Variadic>(*b).arguments);
    case ExprKind::case_when: {
      const auto &x = as<Case>(*a), &y = as<Case>(*b);
      if (x.whens.size() != y.whens.size() || !same_expr(x.otherwise, y.otherwise)) return false;
      for (std::size_t i = 0; i < x.whens.size(); ++i)
        if (!same_expr(x.whens[i].condition, y.whens[i].condition) || !same_expr(x.whens[i].result, y.whens[i].result))
          return false;
      return true;
    }
    case ExprKind::any_of:
    case ExprKind::all_of:
      return as<AnyAll>(*a).function == as<AnyAll>(*b).function &&
             same_expr(as<AnyAll>(*a).scalar, as<AnyAll>(*b).scalar) &&
             same_expr(as<AnyAll>(*a).array_value, as<AnyAll>(*b).array_value);
    case ExprKind::in_list:
      return as<InList>(*a).function == as<InList>(*b).function && as<InList>(*a).negated == as<InList>(*b).negated &&
             same_expr(as<InList>(*a).scalar, as<InList>(*b).scalar) &&
             same_list(as<InList>(*a).items, as<InList>(*b).items);
    case ExprKind::subquery: return false;
    case ExprKind::row_id:
    case ExprKind::default_marker: return true;
    default: return same_expr(as<Unary>(*a).argument, as<Unary>(*b).argument);
  }
}

bool same_keys(std::span<const WindowKey> a, std::span<const WindowKey> b) {
  if (a.size() != b.size()) return false;
  for (std::size_t i = 0; i < a.size(); ++i)
    if (a[i].descending != b[i].descending || a[i].nulls_first != b[i].nulls_first ||
        !same_expr(a[i].value, b[i].value))
      return false;
  return true;
}

}  // namespace spg::plan
