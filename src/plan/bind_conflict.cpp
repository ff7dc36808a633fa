// INSERT ... ON CONFLICT: the arbiter indexes, and DO UPDATE over the row in the way and `excluded`.
#include "binder.hpp"
#include "spg/catalog/operator_class.hpp"
#include "spg/sql/ddl.hpp"

namespace spg::plan {

/// The columns and conditions of the conflict target, which see the table only.
Status Binder::check_inference(const sql::OnConflict& node, const WriteTarget& target, const Scope& around) {
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
    for (const NamedColumn& column : target.item.columns) found = found || column.name == element->column;
    if (!found) return no_column(element->column, {}, node.target_at);
  }
  if (node.target_where != nullptr) SPG_TRY(expr(*node.target_where).status());  // of any type: only implication counts
  return ok();
}

Status Binder::on_conflict(const sql::OnConflict& node, const WriteTarget& target, BoundStatement* bound, const Scope& around) {
  auto* clause = arena_->make<ConflictClause>();
  bound->on_conflict = clause;
  clause->arbiters = Vec<const catalog::IndexInfo*>(*arena_);
  clause->set = Vec<Target>(*arena_);
  clause->updates = node.action == sql::ConflictAction::update;
  if (clause->updates && node.target.empty() && node.constraint.empty())
    return fail(sqlstate::syntax_error, node.at, "ON CONFLICT DO UPDATE requires inference specification or constraint name")
        .hint("For example, ON CONFLICT (column_name).");
  SPG_TRY(check_inference(node, target, around));
  clause->excluded = relation_range(*bound->relation, false);
  clause->excluded->alias = "excluded";
  clause->excluded->has_alias = true;
  if (!clause->updates) return ok();
  Scope scope = around;
  scope_ = &scope;
  NameItem excluded = item_of(clause->excluded);
  if (target.view != nullptr) excluded = view_item(target, "excluded", clause->excluded);
  Vec<NameItem> added(*arena_);
  added.push_back(excluded);
  SPG_TRY(check_duplicates(scope.items, added));
  scope.items.push_back(excluded);
  scope.columns.append(excluded.columns.span());
  scope.place = Place::update;
  SPG_TRY(assignments(node.set, target, clause->set));
  scope.place = Place::none;
  if (node.where != nullptr) { SPG_ASSIGN(clause->where, condition(*node.where, Place::where, "WHERE")); }
  return ok();
}

namespace {
/// What a target's element asks of an index column.
struct WantedColumn {
  std::int16_t number = 0;  ///< 0: an expression
  Oid collation{};          ///< none: any
  Oid family{}, input{};    ///< of the operator class; none: any
};
bool fits(const WantedColumn& wanted, const catalog::Relation& relation, const catalog::IndexInfo& index, std::size_t key) {
  if (index.columns[key] != wanted.number) return false;
  for (const catalog::ColumnInfo& column : relation.columns)
    if (column.number == wanted.number && wanted.collation != Oid::none && column.collation != wanted.collation) return false;
  if (wanted.family == Oid::none) return true;
  const auto own = catalog::find_operator_class([&](const catalog::OperatorClass& one) { return one.oid == index.classes[key]; });
  return own.family == wanted.family && own.input == wanted.input;
}
/// Whether the target names just the columns of the index, in any order.
bool infers(const Vec<WantedColumn>& wanted, const catalog::Relation& relation, const catalog::IndexInfo& index) {
  std::uint64_t named = 0;
  for (const WantedColumn& column : wanted) {
    std::uint64_t fitting = 0;
    for (std::size_t key = 0; key < index.columns.size(); ++key)
      if (fits(column, relation, index, key)) fitting |= std::uint64_t{1} << key;
    if (fitting == 0) return false;
    named |= fitting;
  }
  return named == (std::uint64_t{1} << index.columns.size()) - 1;
}
}  // namespace

Status Binder::find_arbiters(const sql::OnConflict& node, const WriteTarget& target, BoundStatement* bound) {
  const catalog::Relation& relation = *bound->relation;
  Vec<const catalog::IndexInfo*>& arbiters = bound->on_conflict->arbiters;
  if (!node.constraint.empty()) {
    for (const catalog::IndexInfo& index : relation.indexes)
      if (target.view == nullptr && index.constraint != Oid::none && index.name == node.constraint) arbiters.push_back(&index);
    if (arbiters.empty())
      return fail(sqlstate::undefined_object, -1, "constraint \"", node.constraint, "\" for table \"",
                  target.named->name, "\" does not exist");
    return ok();
  }
  if (node.target.empty()) return ok();
  Vec<WantedColumn> wanted(*arena_);
  for (const sql::IndexElement* element : node.target) {
    WantedColumn& column = wanted.emplace_back();
    for (const catalog::ColumnInfo& info : target.named->columns)
      if (element->expr == nullptr && !info.dropped && info.name == element->column)
        column.number = target.view == nullptr ? info.number
                                               : target.view->columns[static_cast<std::size_t>(info.number - 1)].number;
    if (!element->collation.empty()) { SPG_ASSIGN(column.collation, named_collation(element->collation.back(), node.target_at)); }
    if (element->op_class.empty()) continue;
    const std::string_view name = element->op_class.back();
    const auto op_class = catalog::find_operator_class(
        [&](const catalog::OperatorClass& one) { return one.method == catalog::btree_method && one.name == name; });
    if (op_class.oid == Oid::none)
      return fail(sqlstate::undefined_object, -1, "operator class \"", name, "\" does not exist for access method \"btree\"");
    column.family = op_class.family;
    column.input = op_class.input;
  }
  for (const catalog::IndexInfo& index : relation.indexes)
    if (index.unique && infers(wanted, relation, index)) arbiters.push_back(&index);
  if (arbiters.empty())
    return fail(sqlstate::invalid_column_reference, -1,
                "there is no unique or exclusion constraint matching the ON CONFLICT specification");
  return ok();
}

}  // namespace spg::plan
