// What INSERT, UPDATE and DELETE write to: a table, or one that views show.
//
// Through a view, its columns become expressions over the columns of the table below the (last) view, whose range entry is
// the statement's target; the conditions of the views become conditions of the statement. WITH CHECK OPTION adds checks
// of the written rows: those of inner views come first. The rules are PostgreSQL's rewriteTargetView().
#include "binder.hpp"

namespace spg::plan {

namespace {
struct Verb {
  std::string_view word, hint;
};
Verb verb_of(Modify::Op op) {
  switch (op) {
    case Modify::Op::insert:
      return {"insert into", "To enable inserting into the view, provide an INSTEAD OF INSERT trigger or an unconditional ON "
                             "INSERT DO INSTEAD rule."};
    case Modify::Op::update:
      return {"update", "To enable updating the view, provide an INSTEAD OF UPDATE trigger or an unconditional ON UPDATE DO "
                        "INSTEAD rule."};
    default:
      return {"delete from", "To enable deleting from the view, provide an INSTEAD OF DELETE trigger or an unconditional ON "
                             "DELETE DO INSTEAD rule."};
  }
}
Error not_updatable_error(const catalog::Relation& view, Modify::Op op, std::string_view reason) {
  const Verb verb = verb_of(op);
  return Error::make(sqlstate::object_not_in_prerequisite_state, "cannot ", verb.word, " view \"", view.name, "\"")
      .detail(reason)
      .hint(verb.hint);
}
}  // namespace

/// Columns of a range entry replaced by expressions, in queries within the expression as well (those in place: each
/// bound query has one owner).
Expr* Binder::with_columns(Expr* expr, std::uint16_t relation, std::span<Expr* const> columns) {
  if (expr->kind == ExprKind::column) {
    const auto& ref = as<Column>(*expr);
    return ref.relation == relation ? copy_node(*arena_, columns[static_cast<std::size_t>(ref.number - 1)]) : expr;
  }
  if (is_constant(expr) || expr->kind == ExprKind::parameter) return expr;
  Expr* made = copy_node(*arena_, expr);
  for_each_part(made, [&](Expr*& part) { part = with_columns(part, relation, columns); });
  if (made->kind == ExprKind::subquery)
    for_each_query_expr(static_cast<QueryLink*>(made)->query,
                        [&](Expr*& part) { part = with_columns(part, relation, columns); });
  return made;
}

/// `checked`: a view above checks whatever is written through it.
Result<ViewTarget*> Binder::view_target(const RangeEntry& range, Modify::Op op, bool checked) {
  const Query& query = *range.subquery;
  const catalog::Relation& view = *range.view;
  if (const std::string_view reason = not_updatable(query); !reason.empty()) return not_updatable_error(view, op, reason);
  bool any = op == Modify::Op::remove;
  for (std::size_t i = 0; i < query.visible; ++i) any = any || base_column(query, i) != 0;
  if (!any) return not_updatable_error(view, op, "Views that have no updatable columns are not automatically updatable.");
  const catalog::CheckOption check = view.view->check;
  const bool cascaded = checked || check == catalog::CheckOption::cascaded;
  auto* made = arena_->make<ViewTarget>();
  made->columns = Vec<ViewTarget::Column>(*arena_);
  made->checks = Vec<ViewCheck>(*arena_);
  RangeEntry* base = const_cast<RangeEntry*>(base_of(query));
  ViewTarget* inner = nullptr;
  Vec<Expr*> below(*arena_);
  if (base->view != nullptr) {
    SPG_ASSIGN(inner, view_target(*base, op, cascaded));
    made->reads = base->view;
    made->inner = inner;
    made->base = inner->base;
    made->where = inner->where;
    made->checks = inner->checks;
    for (const ViewTarget::Column& column : inner->columns) below.push_back(column.expr);
  } else {
    if (base->relation->kind == 'v') return not_updatable_error(*base->relation, op, "Views that do not select from a single table or view are not automatically updatable.");
    if (base->relation->table == TableId::none)
      return Error::make(sqlstate::insufficient_privilege, "permission denied for table ", base->relation->name);
    made->base = base;
    made->reads = base->relation;
  }
  const auto seen = [&](Expr* expr) { return inner == nullptr ? expr : with_columns(expr, base->number, below.span()); };
  for (std::size_t i = 0; i < query.visible; ++i) {
    ViewTarget::Column column;
    column.expr = seen(query.targets[i].expr);
    column.number = column.below = base_column(query, i);
    column.view = view.name;
    const Expr& value = *query.targets[i].expr;
    column.reason = value.shown != nullptr && value.shown->kind == Shown::Kind::system_column
                        ? "View columns that refer to system columns are not updatable."
                    : value.shown != nullptr && value.shown->kind == Shown::Kind::whole_row
                        ? "View columns that return whole-row references are not updatable."
                        : "View columns that are not columns of their base relation are not updatable.";
    if (inner != nullptr && column.number != 0) {
      const ViewTarget::Column& through = inner->columns[static_cast<std::size_t>(column.number - 1)];
      column.number = through.number;
      column.view = through.view;
      column.reason = through.reason;
    }
    made->columns.push_back(column);
  }
  Expr* where = query.where == nullptr ? nullptr : seen(query.where);
  if (where != nullptr) made->where = conjoin(*arena_, made->where, where);
  if (where != nullptr && (check != catalog::CheckOption::none || checked)) made->checks.push_back({where, view.name});
  return made;
}

/// The conditions that written rows must fulfil, bound apart from those that rows are found by: a query is planned once.
Status Binder::view_checks(const catalog::Relation& view, Modify::Op op, BoundStatement* bound) {
  bound->checks = Vec<ViewCheck>(*arena_);
  if (op == Modify::Op::remove) return ok();
  SPG_ASSIGN(const RangeEntry* range, view_range(view, -1));
  SPG_ASSIGN(const ViewTarget* again, view_target(*range, op, false));
  Vec<Expr*> own(*arena_);
  const RangeEntry& target = *bound->target;
  for (std::size_t i = 0; i < target.columns.size(); ++i) {
    const RangeColumn& column = target.columns[i];
    own.push_back(make_column(*arena_, target.number, static_cast<std::int16_t>(i + 1), column.type, column.typmod,
                              column.collation, column.physical, -1));
  }
  for (const ViewCheck& check : again->checks)
    bound->checks.push_back({with_columns(check.condition, again->base->number, own.span()), check.view});
  return ok();
}

/// The view's columns as names see them, over the columns of `range`, which is the table's.
NameItem Binder::view_item(const WriteTarget& target, std::string_view name, RangeEntry* range) {
  NameItem item;
  item.name = name;
  item.range = range;
  item.is_view = true;
  item.columns = Vec<NamedColumn>(*arena_);
  Vec<Expr*> own(*arena_);
  if (range != target.range)
    for (std::size_t i = 0; i < range->columns.size(); ++i) {
      const RangeColumn& column = range->columns[i];
      own.push_back(make_column(*arena_, range->number, static_cast<std::int16_t>(i + 1), column.type, column.typmod,
                                column.collation, column.physical, -1));
    }
  for (std::size_t i = 0; i < target.view->columns.size(); ++i) {
    Expr* expr = target.view->columns[i].expr;
    if (range != target.range) expr = with_columns(expr, target.range->number, own.span());
    item.columns.push_back({target.names[i], expr});
  }
  return item;
}

/// Finds what is written. Views are opened down to their table.
Result<WriteTarget> Binder::write_target(const sql::TableRef& node, Modify::Op op, BoundStatement* bound) {
  const bool with_row_id = op != Modify::Op::insert;
  WriteTarget target;
  SPG_ASSIGN(const catalog::Relation* named, open_relation(node));
  if (named->view == nullptr) {
    SPG_ASSIGN(target.named, writable(node, op));
    bound->relation = target.named;
    target.range = bound->target = relation_range(*target.named, with_row_id);
    SPG_TRY(apply_alias(node.alias, bound->target, "table", node.at));
    target.item = target_item(bound->target);
    return target;
  }
  target.named = named;
  SPG_ASSIGN(const RangeEntry* range, view_range(*named, node.at));
  SPG_ASSIGN(target.view, view_target(*range, op, false));
  target.range = bound->target = target.view->base;
  bound->relation = target.range->relation;
  target.range->owner = scope_->query;
  target.range->in_view = false;
  if (with_row_id) {
    RangeColumn column;
    column.type = oid::int8;
    column.physical = Physical::int8;
    target.range->columns.push_back(column);
  }
  target.names = Vec<std::string_view>(*arena_);
  for (const catalog::ColumnInfo& column : named->columns) target.names.push_back(arena_->copy(column.name));
  std::string_view name = arena_->copy(named->name);
  if (node.alias != nullptr) {
    name = arena_->copy(node.alias->name);
    if (node.alias->columns.size() > target.names.size())
      return fail(sqlstate::invalid_column_reference, node.at, "table \"", node.alias->name, "\" has ", target.names.size(),
                  " columns available but ", node.alias->columns.size(), " columns specified");
    for (std::size_t i = 0; i < node.alias->columns.size(); ++i) target.names[i] = arena_->copy(node.alias->columns[i]);
  }
  target.item = view_item(target, name, target.range);
  if (auto schema = catalog_->schema_name(named->schema); schema && node.alias == nullptr)
    target.item.schema = arena_->copy(*schema);
  SPG_TRY(view_checks(*named, op, bound));
  return target;
}

/// The table's column that a column of the target is; 0A000 when it is none.
Result<const catalog::ColumnInfo*> Binder::written_column(const WriteTarget& target, const catalog::ColumnInfo& column,
                                                          Modify::Op op) {
  if (target.view == nullptr) return &column;
  const ViewTarget::Column& of = target.view->columns[static_cast<std::size_t>(column.number - 1)];
  if (of.number == 0)
    return fail(sqlstate::feature_not_supported, -1, "cannot ", op == Modify::Op::insert ? "insert into" : "update", " column \"", column.name,
                "\" of view \"", of.view, "\"")
        .detail(of.reason);
  return &target.range->relation->columns[static_cast<std::size_t>(of.number - 1)];
}

/// Two columns of the target that are one column of the table: 42601 in the words of where they first are one.
Error Binder::assigned_twice(const WriteTarget& target, std::int16_t a, std::int16_t b) const {
  const catalog::Relation* relation = target.named;
  for (const ViewTarget* view = target.view; a != b && view != nullptr; view = view->inner) {
    a = view->columns[static_cast<std::size_t>(a - 1)].below;
    b = view->columns[static_cast<std::size_t>(b - 1)].below;
    relation = view->reads;
  }
  return Error::make(sqlstate::syntax_error, "multiple assignments to same column \"",
                     relation->columns[static_cast<std::size_t>(a - 1)].name, "\"");
}

/// The view's default of the column, else the table's.
Result<Expr*> Binder::target_default(const WriteTarget& target, const catalog::ColumnInfo& column) {
  if (target.view == nullptr || column.has_default) return default_of(*target.named, column);
  const std::int16_t number = target.view->columns[static_cast<std::size_t>(column.number - 1)].number;
  const catalog::Relation& table = *target.range->relation;
  if (number == 0) return default_of(*target.named, column);
  return default_of(table, table.columns[static_cast<std::size_t>(number - 1)]);
}

}  // namespace spg::plan
