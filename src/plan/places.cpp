// From columns to places in batches; what is not there comes from outside, as an internal parameter.
#include "planner.hpp"

namespace spg::plan {

void Planner::collect_columns_of(Query* query, Vec<Column*>& columns) {
  for_each_query_expr(query, [&](Expr*& expr) { collect_columns(expr, columns); });
}

/// Every column that the expression reads, those of its subqueries too.
void Planner::collect_columns(Expr* expr, Vec<Column*>& columns) {
  if (expr == nullptr) return;
  if (expr->kind == ExprKind::column) {
    auto* column = static_cast<Column*>(expr);
    RangeEntry* entry = range(column->relation);
    if (entry->pulled_up)
      collect_columns(entry->subquery->targets[static_cast<std::size_t>(column->number - 1)].expr, columns);
    else columns.push_back(column);
  }
  for_each_part(expr, [&](Expr*& part) { collect_columns(part, columns); });
  if (expr->kind == ExprKind::subquery) collect_columns_of(static_cast<QueryLink*>(expr)->query, columns);
}

bool Planner::reads_any(Expr* expr, const Rel& rel) {
  Vec<Column*> columns(*arena_);
  collect_columns(expr, columns);
  for (const Column* column : columns)
    for (const Slot& slot : rel.slots)
      if (slot.relation == column->relation && slot.number == column->number) return true;
  return false;
}

Expr* Planner::outer_parameter(Column* column) {
  std::uint32_t number = 0;
  if (correlation_ != nullptr) {
    const Correlation::Read* found = nullptr;
    for (const Correlation::Read& read : correlation_->reads)
      if (read.column->relation == column->relation && read.column->number == column->number) found = &read;
    if (found == nullptr) {
      correlation_->reads.push_back({internal_parameters_++, column});
      found = &correlation_->reads.back();
    }
    number = found->parameter;
  }
  auto* made = make_expr<Parameter>(*arena_, ExprKind::parameter, column->type, column->physical, column->position);
  made->typmod = column->typmod;
  made->collation = column->collation;
  made->number = number;
  made->internal = true;
  return made;
}

Result<std::span<SubqueryExpr::Binding>> Planner::bindings_of(const Correlation& inner, const Rel& below) {
  Vec<SubqueryExpr::Binding> bindings(*arena_);
  for (const Correlation::Read& read : inner.reads) {
    SPG_ASSIGN(Expr * value, resolve(read.column, below));
    bindings.push_back({read.parameter, value});
  }
  return bindings.span();
}

Result<Expr*> Planner::resolve(Expr* expr, const Rel& below) {
  if (expr == nullptr || is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  if (expr->kind == ExprKind::column) {
    auto* column = static_cast<Column*>(expr);
    if (range(column->relation)->pulled_up) return resolve(simplify(expr), below);
    for (std::size_t i = 0; i < below.slots.size(); ++i) {
      if (below.slots[i].relation != column->relation || below.slots[i].number != column->number) continue;
      auto* made = static_cast<Column*>(copy_node(*arena_, column));
      made->place = static_cast<std::uint32_t>(i);
      made->physical = below.node->outputs[i].physical;
      return made;
    }
    if (correlation_ == nullptr)
      return Error::make(sqlstate::internal_error, "column ", column->number, " of range ", column->relation,
                         " was not found in the plan");
    return outer_parameter(column);
  }
  Expr* made = copy_node(*arena_, expr);
  Status status;
  for_each_part(made, [&](Expr*& part) {
    if (status.failed()) return;
    auto resolved = resolve(part, below);
    if (!resolved) status = resolved.take_error();
    else part = *resolved;
  });
  if (status.failed()) return status;
  if (made->kind == ExprKind::subquery) {
    auto* link = static_cast<QueryLink*>(made);
    if (link->plan != nullptr) return made;
    Correlation inner{correlation_, Vec<Correlation::Read>(*arena_)};
    correlation_ = &inner;
    auto planned = plan_query(link->query, nullptr);
    correlation_ = inner.outer;
    if (!planned) return planned.take_error();
    link->plan = planned->node;
    SPG_ASSIGN(link->bindings, bindings_of(inner, below));
  }
  return made;
}

Result<std::span<Expr*>> Planner::resolve_all(std::span<Expr*> exprs, const Rel& below) {
  Expr** list = arena_->array<Expr*>(exprs.size());
  for (std::size_t i = 0; i < exprs.size(); ++i) { SPG_ASSIGN(list[i], resolve(exprs[i], below)); }
  return std::span<Expr*>(list, exprs.size());
}

OutputColumn Planner::output_of(const Expr& expr, std::string_view name) {
  OutputColumn output;
  output.name = name;
  output.type = expr.type;
  output.typmod = expr.typmod;
  output.collation = expr.collation;
  output.physical = expr.physical;
  if (expr.kind == ExprKind::column && as<Column>(expr).relation != 0) {
    const auto& ref = as<Column>(expr);
    const RangeColumn& column = range(ref.relation)->columns[static_cast<std::size_t>(ref.number - 1)];
    output.origin_table = column.origin_table;
    output.origin_number = column.origin_number;
  }
  return output;
}

std::span<OutputColumn> Planner::outputs_of(std::initializer_list<const Node*> inputs) {
  Vec<OutputColumn> outputs(*arena_);
  for (const Node* input : inputs)
    for (const OutputColumn& output : input->outputs) outputs.push_back(output);
  return outputs.span();
}

}  // namespace spg::plan
