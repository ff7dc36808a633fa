// Views: the text that one is kept as, bound as a subquery wherever the view is read.
//
// The text is SQL that no change of names, nor of the search path, gives another meaning (view.hpp): what it refers to is
// found by OIDs, and columns by the names that they had when the view was made, which stand in the text.
#include <charconv>

#include "binder.hpp"
#include "spg/sql/parser.hpp"

namespace spg::plan {

namespace {
std::uint32_t number_in(std::string_view text) {
  std::uint32_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}
}  // namespace

Result<const catalog::Relation*> Binder::relation_by_reference(std::string_view reference) {
  SPG_ASSIGN(const catalog::Relation* relation, catalog_->relation(Oid{number_in(reference)}));
  if (relation == nullptr)
    return Error::make(sqlstate::data_corrupted, "could not open relation with OID ", reference);
  return relation;
}

/// "3:2:+name": reference, columns with given names, whether the name was given, the name.
Binder::ReferenceAlias Binder::read_reference(std::string_view text) {
  ReferenceAlias made;
  const std::size_t first = std::min(text.find(':'), text.size());
  const std::size_t second = std::min(text.find(':', first + 1), text.size());
  made.reference = static_cast<std::uint16_t>(number_in(text.substr(0, first)));
  if (first < text.size()) made.columns = static_cast<std::int16_t>(number_in(text.substr(first + 1, second - first - 1)));
  if (second + 1 < text.size()) {
    made.given = text[second + 1] == '+';
    made.name = text.substr(second + 2);
  }
  return made;
}

/// Names as the query gave them; columns of relations have the names that they have now, unless it did.
void Binder::apply_reference(const sql::Alias& alias, RangeEntry* range) {
  const ReferenceAlias reference = read_reference(alias.name);
  range->reference = reference.reference;
  range->has_alias = reference.given;
  if (reference.given || (range->kind != RangeKind::relation && range->view == nullptr)) range->alias = arena_->copy(reference.name);
  for (std::size_t i = 0; i < range->columns.size(); ++i) {
    RangeColumn& column = range->columns[i];
    const auto at = column.stored != 0 ? static_cast<std::size_t>(column.stored - 1) : i;
    if (at >= alias.columns.size() || at >= static_cast<std::size_t>(reference.columns)) continue;
    column.name = arena_->copy(alias.columns[at]);
    column.aliased = true;
  }
}

/// The item as the text of the view refers to it: without the columns that the table has got since then.
NameItem Binder::referenced_item(RangeEntry* range, const sql::Alias* alias) {
  const NameItem all = item_of(range);
  if (alias == nullptr) return all;
  NameItem item;
  item.range = range;
  item.name = arena_->concat(range->reference);
  item.columns = Vec<NamedColumn>(*arena_);
  std::size_t i = 0;
  for (const NamedColumn& column : all.columns) {
    const RangeColumn& of = range->columns[i++];
    const auto at = of.stored != 0 ? static_cast<std::size_t>(of.stored - 1) : i - 1;
    if (at < alias->columns.size()) item.columns.push_back({arena_->copy(alias->columns[at]), column.expr});
    else if (of.stored == 0) item.columns.push_back(column);
  }
  return item;
}

/// A view that is read, as the subquery that it is.
Result<RangeEntry*> Binder::view_range(const catalog::Relation& view, std::int32_t at) {
  for (const Oid open : open_views_)
    if (open == view.oid)
      return fail(sqlstate::invalid_object_definition, at, "infinite recursion detected in rules for relation \"", view.name, "\"");
  SPG_ASSIGN(const Vec<sql::RawStatement> parsed, sql::parse(*arena_, view.view->text));
  const sql::Select* node = parsed.size() == 1 ? sql::as<sql::Select>(static_cast<const sql::Node*>(parsed[0].tree)) : nullptr;
  if (node == nullptr) return Error::make(sqlstate::data_corrupted, "the query of view \"", view.name, "\" is damaged");
  Scope* const kept_scope = scope_;
  const std::string_view kept_place = recursion_place_;
  scope_ = nullptr;
  recursion_place_ = {};
  open_views_.push_back(view.oid);
  ++in_view_;
  auto bound = select(*node, nullptr);
  --in_view_;
  open_views_.pop_back();
  scope_ = kept_scope;
  recursion_place_ = kept_place;
  if (!bound) return bound.take_error();
  RangeEntry* range = new_range(RangeKind::subquery);
  range->subquery = *bound;
  range->view = &view;
  range->alias = arena_->copy(view.name);
  range->is_barrier = view.view->security_barrier;
  for (const catalog::ColumnInfo& info : view.columns) {
    if (info.number < 1 || static_cast<std::uint32_t>(info.number) > range->subquery->visible)
      return Error::make(sqlstate::data_corrupted, "the query of view \"", view.name, "\" has too few columns");
    const Expr& value = *range->subquery->targets[static_cast<std::size_t>(info.number - 1)].expr;
    RangeColumn column;
    column.name = arena_->copy(info.name);
    column.type = value.type;
    column.typmod = value.typmod;
    column.collation = value.collation;
    column.physical = value.physical;
    column.origin_table = view.oid;
    column.origin_number = column.stored = info.number;
    range->columns.push_back(column);
  }
  return range;
}

/// view_query_is_auto_updatable()
std::string_view not_updatable(const Query& query) {
  if (query.distinct) return "Views containing DISTINCT are not automatically updatable.";
  if (query.node != nullptr && !query.node->group_by.empty())
    return "Views containing GROUP BY are not automatically updatable.";
  if (query.having != nullptr) return "Views containing HAVING are not automatically updatable.";
  if (query.set_op != sql::SetOp::none)
    return "Views containing UNION, INTERSECT, or EXCEPT are not automatically updatable.";
  if (!query.ctes.empty()) return "Views containing WITH are not automatically updatable.";
  if (query.limit != nullptr || query.offset != nullptr)
    return "Views containing LIMIT or OFFSET are not automatically updatable.";
  if (!query.aggregates.empty()) return "Views that return aggregate functions are not automatically updatable.";
  if (!query.window_calls.empty()) return "Views that return window functions are not automatically updatable.";
  if (query.has_set_functions) return "Views that return set-returning functions are not automatically updatable.";
  constexpr std::string_view single = "Views that do not select from a single table or view are not automatically updatable.";
  const FromTree* from = query.from;
  while (from != nullptr && from->kind == FromTree::Kind::list && from->items.size() == 1) from = from->items[0];
  if (from == nullptr || from->kind != FromTree::Kind::leaf) return single;
  const RangeEntry& range = *from->range;
  if (range.sample != nullptr) return "Views containing TABLESAMPLE are not automatically updatable.";
  const bool is_table = range.kind == RangeKind::relation && range.relation->kind == 'r';
  const bool is_view = range.view != nullptr || (range.kind == RangeKind::relation && range.relation->kind == 'v');
  return is_table || is_view ? std::string_view() : single;
}

}  // namespace spg::plan
