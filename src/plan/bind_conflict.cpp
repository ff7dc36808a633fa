// INSERT ... ON CONFLICT: the arbiter indexes, and DO UPDATE over the row in the way and `excluded`.
#include "binder.hpp"
#include "spg/sql/ddl.hpp"

namespace spg::plan {

/// The columns and conditions of the conflict target, which see the table only.
Status Binder::check_inference(const sql::OnConflict& node, const BoundStatement& bound, const Scope& around) {
  Scope scope = around;
  scope_ = &scope;
  for (const sql::IndexElement* element : node.target) {
    if (element->direction != sql::SortDirection::unspecified)
      return fail(sqlstate::invalid_column_reference, node.target_at, "ASC/DESC is not allowed in ON CONFLICT clause");
    if (element->nulls != sql::NullsOrder::unspecified)
      return fail(sqlstate::invalid_column_reference, node.target_at, "NULLS FIRST/LAST is not allowed in ON CONFLICT clause");
    if (element->expr != nullptr) {
      scope.place = Place::index_expression;
      SPG_TRY(expr(*element->expr).status());
      scope.place = Place::none;
      continue;
    }
    bool found = false;
    for (const RangeColumn& column : bound.target->columns) found = found || column.name == element->column;
    if (!found) return no_column(element->column, {}, node.target_at);
  }
  if (node.target_where != nullptr) SPG_TRY(condition(*node.target_where, Place::where, "WHERE").status());
  return ok();
}

Status Binder::on_conflict(const sql::OnConflict& node, BoundStatement* bound, const Scope& around) {
  auto* clause = arena_->make<ConflictClause>();
  bound->on_conflict = clause;
  clause->arbiters = Vec<const catalog::IndexInfo*>(*arena_);
  clause->set = Vec<Target>(*arena_);
  clause->updates = node.action == sql::ConflictAction::update;
  if (clause->updates && node.target.empty() && node.constraint.empty())
    return fail(sqlstate::syntax_error, node.at, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
        .hint("For example, ON CONFLICT (column_name).");
  SPG_TRY(check_inference(node, *bound, around));
  clause->excluded = relation_range(*bound->relation, false);
  clause->excluded->alias = "excluded";
  clause->excluded->has_alias = true;
  if (!clause->updates) return ok();
  Scope scope = around;
  scope_ = &scope;
  const NameItem excluded = item_of(clause->excluded);
  Vec<NameItem> added(*arena_);
  added.push_back(excluded);
  SPG_TRY(check_duplicates(scope.items, added));
  scope.items.push_back(excluded);
  scope.columns.append(excluded.columns.span());
  scope.place = Place::update;
  SPG_TRY(assignments(node.set, *bound->relation, clause->set));
  scope.place = Place::none;
  if (node.where != nullptr) { SPG_ASSIGN(clause->where, condition(*node.where, Place::where, "WHERE")); }
  return ok();
}

namespace {
const catalog::ColumnInfo* column_of(const catalog::Relation& relation, const sql::IndexElement& element) {
  const std::string_view name = element.expr == nullptr ? std::string_view(element.column) : std::string_view();
  for (const catalog::ColumnInfo& column : relation.columns)
    if (!column.dropped && !name.empty() && column.name == name) return &column;
  return nullptr;
}
/// Whether the target names just the columns of the index, in any order.
bool infers(const sql::OnConflict& node, const catalog::Relation& relation, const catalog::IndexInfo& index) {
  const auto has = [&](std::int16_t number) {
    for (const std::int16_t column : index.columns)
      if (column == number) return true;
    return false;
  };
  for (const sql::IndexElement* element : node.target) {
    const catalog::ColumnInfo* column = column_of(relation, *element);
    if (column == nullptr || !has(column->number)) return false;
  }
  for (const std::int16_t number : index.columns) {
    bool named = false;
    for (const sql::IndexElement* element : node.target) named = named || column_of(relation, *element)->number == number;
    if (!named) return false;
  }
  return true;
}
}  // namespace

Status Binder::find_arbiters(const sql::OnConflict& node, BoundStatement* bound) {
  const catalog::Relation& relation = *bound->relation;
  Vec<const catalog::IndexInfo*>& arbiters = bound->on_conflict->arbiters;
  if (!node.constraint.empty()) {
    for (const catalog::IndexInfo& index : relation.indexes)
      if (index.constraint != Oid::none && index.name == node.constraint) arbiters.push_back(&index);
    if (arbiters.empty())
      return fail(sqlstate::undefined_object, -1, "constraint \"", node.constraint, "\" for table \"", relation.name,
                  "\" does not exist");
    return ok();
  }
  if (node.target.empty()) return ok();
  for (const catalog::IndexInfo& index : relation.indexes)
    if (index.unique && infers(node, relation, index)) arbiters.push_back(&index);
  if (arbiters.empty())
    return fail(sqlstate::invalid_column_reference, -1,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification");
  return ok();
}

}  // namespace spg::plan
