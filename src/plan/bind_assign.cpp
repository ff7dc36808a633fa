// SET of UPDATE, ON CONFLICT and MERGE: what each column gets.
#include "binder.hpp"

namespace spg::plan {

Result<const catalog::ColumnInfo*> Binder::assigned_column(const catalog::Relation& relation,
                                                           const sql::AssignTarget& target) {
  for (const catalog::ColumnInfo& column : relation.columns)
    if (!column.dropped && column.name == target.column) return &column;
  return fail(sqlstate::undefined_column, target.at, "column \"", target.column, "\" of relation \"", relation.name,
              "\" does not exist");
}

Result<Expr*> Binder::assign(Expr* value, const catalog::Relation&, const catalog::ColumnInfo& column,
                             std::int32_t at) {
  const Oid source = value->type;
  const std::int32_t place = location(value), where = place >= 0 ? place : at;
  bool done = false;
  SPG_ASSIGN(Expr * made, coerce_to(value, column.type, column.typmod, CastContext::assignment, -1, &done));
  if (!done)
    return fail(sqlstate::datatype_mismatch, where, "column \"", column.name, "\" is of type ", type_text(column.type),
                " but expression is of type ", type_text(source))
        .hint("You will need to rewrite or cast the expression.");
  return made;
}

/// What the row has in the column before it is written.
Expr* Binder::value_before(const WriteTarget& target, const catalog::ColumnInfo& column) {
  if (target.view != nullptr)
    return copy_node(*arena_, target.view->columns[static_cast<std::size_t>(column.number - 1)].expr);
  std::size_t at = 0;
  while (target.range->columns[at].stored != column.number) ++at;
  return column_of(*target.range, at);
}

Result<Expr*> Binder::subscript(const sql::Expr& node) {
  SPG_ASSIGN(Expr * bound, expr(node));
  const std::int32_t where = bound->position;
  bool done = false;
  SPG_ASSIGN(bound, coerce_to(bound, oid::int4, -1, CastContext::assignment, -1, &done));
  if (!done) return fail(sqlstate::datatype_mismatch, where, "array subscript must have type integer");
  return bound;
}

/// The bounds of a slice: which of them are there (a bit each), then all. An index is a slice from 1.
Status Binder::slice_bounds(const sql::AssignTarget& target, Vec<Expr*>& args) {
  const auto number = [&](std::int32_t value) {
    return make_constant(*arena_, oid::int4, type::Value::of(Physical::int4, value));
  };
  std::int32_t given = 0, bit = 1;
  Vec<Expr*> bounds(*arena_);
  for (const sql::Step& step : target.steps)
    for (const bool is_upper : {false, true}) {
      const bool is_index = step.kind == sql::StepKind::index;
      const sql::Expr* node = is_index ? (!is_upper               ? nullptr
                                          : step.upper != nullptr ? step.upper
                                                                  : step.lower)
                                       : (is_upper ? step.upper : step.lower);
      Expr* bound = number(1);
      if (node != nullptr) { SPG_ASSIGN(bound, subscript(*node)); }
      bounds.push_back(bound);
      if (node != nullptr || is_index) given |= bit;
      bit <<= 1;
    }
  args.push_back(number(given));
  args.append(bounds.span());
  return ok();
}

/// column[i] = value, column[i:j] = values: the whole array then.
Result<Expr*> Binder::assigned_part(Expr* array, Expr* value, const catalog::ColumnInfo& column,
                                    const sql::AssignTarget& target) {
  const Oid element = element_of(column.type);
  bool is_slice = false;
  for (const sql::Step& step : target.steps) {
    if (step.kind != sql::StepKind::index && step.kind != sql::StepKind::slice)
      return fail(sqlstate::datatype_mismatch, target.at, "cannot assign to field \"", step.name, "\" of column \"",
                  column.name, "\" because its type ", type_text(column.type), " is not a composite type");
    is_slice = is_slice || step.kind == sql::StepKind::slice;
  }
  if (element == Oid::none)
    return fail(sqlstate::datatype_mismatch, target.at, "cannot subscript type ", type_text(column.type),
                " because it does not support subscripting");
  const Oid wanted = is_slice ? column.type : element, source = value->type;
  Vec<Expr*> args(*arena_);
  args.push_back(array);
  args.push_back(nullptr);
  if (is_slice) {
    SPG_TRY(slice_bounds(target, args));
  } else {
    for (const sql::Step& step : target.steps) {
      SPG_ASSIGN(Expr * at, subscript(step.upper != nullptr ? *step.upper : *step.lower));
      args.push_back(at);
    }
  }
  bool done = false;
  SPG_ASSIGN(args[1], coerce_to(value, wanted, column.typmod, CastContext::assignment, -1, &done));
  if (!done)
    return fail(sqlstate::datatype_mismatch, target.at, "subscripted assignment to \"", column.name,
                "\" requires type ", type_text(wanted), " but expression is of type ", type_text(source))
        .hint("You will need to rewrite or cast the expression.");
  auto* made = make_expr<Call>(*arena_, ExprKind::call, column.type, Physical::string, -1);
  made->function = is_slice ? array_assign_slice_function : array_assign_function;
  made->strict = false;
  made->arguments = args.span();
  return made;
}

/// `value`: null for DEFAULT. What can be written is asked after what the values are, as PostgreSQL's rewriter does.
Status Binder::add_assignment(const sql::AssignTarget& target, Expr* value, const WriteTarget& to,
                              Vec<Target>& targets) {
  SPG_ASSIGN(const catalog::ColumnInfo* column, assigned_column(*to.named, target));
  Target made;
  if (!target.steps.empty()) {
    if (value == nullptr)
      return fail(sqlstate::feature_not_supported, target.at, "cannot set an array element to DEFAULT");
    SPG_ASSIGN(made.expr, assigned_part(value_before(to, *column), value, *column, target));
  } else if (value == nullptr) {
    // Of a view, only its own default: the table's is for rows that are new.
    SPG_ASSIGN(made.expr, default_of(*to.named, *column));
  } else {
    SPG_ASSIGN(made.expr, assign(value, *to.named, *column, target.at));
  }
  SPG_ASSIGN(const catalog::ColumnInfo* written, written_column(to, *column, Modify::Op::update));
  made.name = written->name;
  made.assigned = written->number;
  made.named = column->number;
  for (Target& before : targets) {
    if (before.assigned != written->number) continue;
    if (target.steps.empty() || !is_assigned_part(before.expr)) return assigned_twice(to, before.named, made.named);
    as<Call>(*made.expr).arguments[0] = before.expr;
    before = made;
    return ok();
  }
  targets.push_back(made);
  return ok();
}

bool Binder::is_assigned_part(const Expr* expr) {
  if (expr->kind != ExprKind::call) return false;
  const Oid function = as<Call>(*expr).function;
  return function == array_assign_function || function == array_assign_slice_function;
}

/// The value that is to be assigned; null for DEFAULT.
Result<Expr*> Binder::assigned_value(const sql::Expr& node) {
  if (node.kind == sql::NodeKind::default_value) return static_cast<Expr*>(nullptr);
  return expr(node);
}

/// (a, b) = (SELECT ...): a scalar subquery per column, each bound anew, so that its columns can be pruned to one.
Status Binder::assign_subquery(const sql::Assignment& node, const sql::Sublink& link, const WriteTarget& to,
                               Vec<Target>& targets) {
  for (std::size_t i = 0; i < node.targets.size(); ++i) {
    SPG_ASSIGN(Query * inner, select(*link.query, scope_));
    if (inner->visible != node.targets.size())
      return fail(sqlstate::syntax_error, link.at, "number of columns does not match number of values");
    std::swap(inner->targets[0], inner->targets[i]);
    for (SortBy& sort : inner->order_by) {
      if (sort.target == 0) sort.target = static_cast<std::uint32_t>(i);
      else if (sort.target == i) sort.target = 0;
    }
    const Expr& value = *inner->targets[0].expr;
    auto* made = make_expr<QueryLink>(*arena_, ExprKind::subquery, value.type, value.physical, value.position);
    made->form = SubqueryExpr::Form::scalar;
    made->query = inner;
    made->typmod = value.typmod;
    made->collation = value.collation;
    if (!inner->distinct) inner->visible = 1;
    SPG_TRY(add_assignment(node.targets[i], made, to, targets));
  }
  return ok();
}

Status Binder::assignments(const Vec<sql::Assignment>& nodes, const WriteTarget& to, Vec<Target>& targets) {
  for (const sql::Assignment& node : nodes) {
    if (!node.row) {
      SPG_ASSIGN(Expr * value, assigned_value(*node.value));
      SPG_TRY(add_assignment(node.targets[0], value, to, targets));
      continue;
    }
    if (const auto* fields = sql::as<sql::RowExpr>(node.value); fields != nullptr) {
      if (fields->args.size() != node.targets.size())
        return fail(sqlstate::syntax_error, node.value->at, "number of columns does not match number of values");
      for (std::size_t i = 0; i < fields->args.size(); ++i) {
        SPG_ASSIGN(Expr * value, assigned_value(*fields->args[i]));
        SPG_TRY(add_assignment(node.targets[i], value, to, targets));
      }
      continue;
    }
    const auto* link = sql::as<sql::Sublink>(node.value);
    if (link == nullptr || link->form != sql::SublinkForm::scalar)
      return fail(sqlstate::feature_not_supported, node.value->at,
                  "source for a multiple-column UPDATE item must be a sub-SELECT or ROW() expression");
    SPG_TRY(assign_subquery(node, *link, to, targets));
  }
  return ok();
}

}  // namespace spg::plan
