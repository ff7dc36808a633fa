#include "spg/plan/view.hpp"

#include <algorithm>

#include "query_text.hpp"

namespace spg::plan {

Result<Query*> Binder::lone_query(const sql::Select& node) { return select(node, nullptr); }

/// CREATE RECURSIVE VIEW name (a, b) AS query: WITH RECURSIVE name (a, b) AS (query) SELECT a, b FROM name.
static sql::Select* recursive_select(Arena& arena, const ViewRequest& request) {
  auto* table = arena.make<sql::CommonTable>();
  table->name = request.name;
  table->columns = Vec<sql::Name>(arena);
  table->columns.append(request.columns);
  table->query = const_cast<sql::Select*>(request.query);
  auto* with = arena.make<sql::With>();
  with->recursive = true;
  with->tables = Vec<sql::CommonTable*>(arena);
  with->tables.push_back(table);
  auto* from = arena.make<sql::TableRef>();
  from->name = request.name;
  auto* made = arena.make<sql::Select>();
  made->with = with;
  made->from = Vec<sql::FromItem*>(arena);
  made->from.push_back(from);
  made->targets = Vec<sql::Target>(arena);
  for (const std::string_view name : request.columns) {
    auto* column = arena.make<sql::ColumnRef>();
    column->fields = sql::QualifiedName(arena);
    column->fields.push_back(name);
    sql::Target target;
    target.expr = column;
    made->targets.push_back(target);
  }
  return made;
}

Status Binder::check_view(const sql::Select& node, const ViewRequest& request) {
  if (node.into != nullptr) return Error::make(sqlstate::feature_not_supported, "views must not contain SELECT INTO");
  if (node.with != nullptr && !request.recursive)
    for (const sql::CommonTable* table : node.with->tables)
      if (table->query->kind != sql::NodeKind::select)
        return Error::make(sqlstate::feature_not_supported,
                           "views must not contain data-modifying statements in WITH");
  return ok();
}

namespace {

/// The columns of a view, as pg_attribute has them.
Status name_columns(Arena& arena, Binder& binder, const Query& query, std::span<const std::string_view> names,
                    Vec<OutputColumn>& columns) {
  if (names.size() > query.visible)
    return Error::make(sqlstate::syntax_error, "CREATE VIEW specifies more column names than columns");
  for (std::uint32_t i = 0; i < query.visible; ++i) {
    const Expr& value = *query.targets[i].expr;
    OutputColumn column;
    column.name = arena.copy(i < names.size() ? names[i] : query.targets[i].name);
    column.type = value.type;
    column.typmod = value.typmod;
    column.collation = value.collation;
    column.physical = value.physical;
    for (const OutputColumn& other : columns)
      if (other.name == column.name)
        return Error::make(sqlstate::duplicate_column, "column \"", column.name, "\" specified more than once");
    columns.push_back(column);
  }
  for (const OutputColumn& column : columns) {
    const catalog::Type* type = binder.type(column.type);
    if (type != nullptr && type->kind == 'p')
      return Error::make(sqlstate::invalid_table_definition, "column \"", column.name, "\" has pseudo-type ",
                         binder.type_text(column.type));
  }
  return ok();
}

/// The constraints without which the query would not be right: primary keys that it groups by in place of columns.
void add_keys(const Binder& binder, Vec<ViewReference>& references) {
  for (const Oid constraint : binder.grouping_keys()) {
    const ViewReference made{Oid{2606}, constraint, 0};
    bool known = false;
    for (const ViewReference& one : references) known = known || one == made;
    if (!known) references.push_back(made);
  }
}

}  // namespace

Result<ViewDefinition> define_view(Arena& arena, const ViewRequest& request, PlanContext& context) {
  Binder binder(arena, context);
  binder.keep_views_closed();
  SPG_TRY(binder.check_view(*request.query, request));
  const sql::Select* node = request.recursive ? recursive_select(arena, request) : request.query;
  SPG_ASSIGN(Query * query, binder.lone_query(*node));
  ViewDefinition made;
  made.columns = Vec<OutputColumn>(arena);
  SPG_TRY(name_columns(arena, binder, *query, request.columns, made.columns));
  QueryText printer(arena, context, binder.ranges(), QueryText::Form::stored, {});
  SPG_TRY(printer.print(*query, {}));
  made.text = printer.text();
  Vec<ViewReference> references(arena);
  references.append(printer.references());
  add_keys(binder, references);
  made.references = references.span();
  made.not_updatable = not_updatable(*query);
  return made;
}

Result<std::string_view> view_text(Arena& arena, const catalog::Relation& view, ViewStyle style, PlanContext& context) {
  Binder binder(arena, context);
  binder.keep_views_closed();
  SPG_ASSIGN(const RangeEntry* range, binder.view_range(view, -1));
  Vec<std::string_view> names(arena);
  for (const catalog::ColumnInfo& column : view.columns) names.push_back(column.name);
  QueryText printer(arena, context, binder.ranges(), QueryText::Form::display, style);
  SPG_TRY(printer.print(*range->subquery, names.span()));
  return printer.text();
}

/// The relation that a view that can be changed through reads from.
const RangeEntry* base_of(const Query& query) {
  const FromTree* from = query.from;
  while (from->kind == FromTree::Kind::list) from = from->items[0];
  return from->range;
}

std::int16_t base_column(const Query& query, std::size_t target) {
  const Expr& value = *query.targets[target].expr;
  if (value.kind != ExprKind::column || (value.shown != nullptr && value.shown->kind != Shown::Kind::expr)) return 0;
  const RangeEntry& base = *base_of(query);
  const auto& column = as<Column>(value);
  return column.relation == base.number ? base.columns[static_cast<std::size_t>(column.number - 1)].stored : std::int16_t{0};
}

namespace {
/// `wanted`: columns of the relation by number; empty: any.
Result<int> events_of(Arena& arena, Binder& binder, const catalog::Relation& relation, std::span<const std::int16_t> wanted,
                      int depth) {
  constexpr int all = update_event | insert_event | delete_event;
  if (relation.kind == 'r' || relation.kind == 'p') return all;
  if (relation.view == nullptr) return 0;
  // A view that reads itself can do nothing.
  if (depth > 100) return 0;
  SPG_TRY(arena.check());
  SPG_ASSIGN(const RangeEntry* range, binder.view_range(relation, -1));
  const Query& query = *range->subquery;
  if (!not_updatable(query).empty()) return 0;
  Vec<std::int16_t> below(arena);
  for (std::size_t i = 0; i < query.visible; ++i) {
    const auto number = static_cast<std::int16_t>(i + 1);
    const bool is_wanted = wanted.empty() || std::find(wanted.begin(), wanted.end(), number) != wanted.end();
    if (const std::int16_t column = base_column(query, i); is_wanted && column != 0) below.push_back(column);
  }
  const int own = below.empty() ? delete_event : all;
  const RangeEntry& base = *base_of(query);
  const catalog::Relation& next = base.view != nullptr ? *base.view : *base.relation;
  if (next.kind == 'r') return own;
  SPG_ASSIGN(const int allowed, events_of(arena, binder, next, below.span(), depth + 1));
  return own & allowed;
}
}  // namespace

Result<int> updatable_events(Arena& arena, const catalog::Relation& relation, std::int16_t column, PlanContext& context) {
  Binder binder(arena, context);
  binder.keep_views_closed();
  return events_of(arena, binder, relation, std::span<const std::int16_t>(&column, column == 0 ? 0u : 1u), 0);
}

}  // namespace spg::plan
