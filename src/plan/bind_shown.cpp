// What nodes stand for, where the binder has made something else of what was written: for those who print the query.
#include "binder.hpp"

namespace spg::plan {

/// For a node that stands in the place of another, which is what is printed.
const Shown* Binder::show_expr(const Expr* expr) {
  auto* shown = arena_->make<Shown>();
  shown->kind = Shown::Kind::expr;
  shown->expr = expr;
  return shown;
}

/// As PostgreSQL has it: what reads no columns is compared as an array, the rest one by one.
Result<const Shown*> Binder::show_in_list(const sql::InList& node, const InList& made, Expr* scalar, std::span<Expr*> items, Oid common) {
  Vec<Expr*> fixed(*arena_), varying(*arena_);
  for (Expr* item : items) {
    bool reads = false;
    auto look = [&](Expr* part) { reads = reads || (part->kind == ExprKind::column && scope_ != nullptr && ranges_[as<Column>(*part).relation]->owner == scope_->query); };
    for_each_below(item, look);
    (reads ? varying : fixed).push_back(item);
  }
  Expr* result = nullptr;
  const auto add = [&](Expr* part) {
    if (result == nullptr) {
      result = part;
      return;
    }
    auto* both = make_expr<Variadic>(*arena_, node.negated ? ExprKind::logical_and : ExprKind::logical_or, oid::boolean, Physical::boolean, node.at);
    both->arguments = span_of(*arena_, {result, part});
    result = both;
  };
  const std::string_view name = node.negated ? "<>" : "=";
  if (fixed.size() > 1 && array_of(common) != Oid::none) {
    auto* list = make_expr<Variadic>(*arena_, ExprKind::array, array_of(common), Physical::string, node.at);
    list->arguments = fixed.span();
    auto* any = make_expr<AnyAll>(*arena_, node.negated ? ExprKind::all_of : ExprKind::any_of, made.type, made.physical, node.at);
    sql::OperatorName op_name;
    op_name.name = name;
    SPG_ASSIGN(const catalog::Operator* op, find_operator(op_name, scalar, fixed[0], node.at));
    any->op = op->oid;
    any->scalar = scalar;
    any->array_value = list;
    if (!is_polymorphic_operator(*op)) {
      SPG_ASSIGN(any->scalar, coerce(scalar, op->left, -1, CastContext::implicit, -1));
      SPG_ASSIGN(any->array_value, coerce(list, array_of(op->right), -1, CastContext::implicit, -1));
    }
    add(any);
  } else {
    varying = Vec<Expr*>(*arena_);
    varying.append(items);
  }
  for (Expr* item : varying) {
    SPG_ASSIGN(Expr * part, make_operator(name, scalar, item, node.at));
    add(part);
  }
  return show_expr(result);
}

Result<Expr*> Binder::show_row_compare(std::string_view op, std::span<Expr*> left, std::span<Expr*> right, Expr* made, std::int32_t at) {
  auto* shown = arena_->make<Shown>();
  shown->kind = Shown::Kind::row_compare;
  Vec<Expr*> lefts(*arena_), rights(*arena_);
  for (std::size_t i = 0; i < left.size(); ++i) {
    SPG_ASSIGN(const Expr* part, make_operator(op, left[i], right[i], at));
    const auto& call = as<Call>(*part);
    if (i == 0) shown->op = call.op;
    lefts.push_back(call.arguments[0]);
    rights.push_back(call.arguments[1]);
  }
  shown->left = lefts.span();
  shown->right = rights.span();
  made->shown = shown;
  return made;
}

const Shown* Binder::show_join_column(const JoinNames& join, std::size_t column) {
  auto* shown = arena_->make<Shown>();
  shown->kind = Shown::Kind::join_column;
  shown->join = &join;
  shown->column = column;
  return shown;
}

}  // namespace spg::plan
