#include "spg/catalog/constraints.hpp"

#include "spg/catalog/stored.hpp"

namespace spg::catalog {
namespace {

/// Appends the indexes of the constraints of one schema.
Status add_indexes(SessionCatalog& catalog, std::span<Row* const> constraints, Oid schema, std::string_view name, Vec<IndexId>& indexes) {
  for (const Row* row : constraints) {
    if (row->oid(pg_constraint::connamespace) != schema || row->text(pg_constraint::conname) != name) continue;
    if (!row->boolean(pg_constraint::condeferrable))
      return Error::make(sqlstate::wrong_object_type, "constraint \"", name, "\" is not deferrable");
    SPG_ASSIGN(const Relation* relation, catalog.relation(row->oid(pg_constraint::conrelid)));
    if (relation == nullptr) continue;
    for (const IndexInfo& index : relation->indexes)
      if (index.oid == row->oid(pg_constraint::conindid)) indexes.push_back(index.id);
  }
  return ok();
}

}  // namespace

Result<Vec<IndexId>> deferrable_indexes(SessionCatalog& catalog, std::string_view schema, std::string_view name, Arena& arena) {
  Store store(&catalog.view(), catalog.shared_view(), arena);
  SPG_ASSIGN(const Vec<Row*> constraints, store.all(Stored::constraint));
  Vec<IndexId> indexes(arena);
  if (!schema.empty()) {
    SPG_ASSIGN(const Oid oid, catalog.schema_oid(schema));
    if (oid == Oid::none) return Error::make(sqlstate::undefined_schema, "schema \"", schema, "\" does not exist");
    SPG_TRY(add_indexes(catalog, constraints.span(), oid, name, indexes));
  } else {
    SPG_ASSIGN(const std::span<const Oid> path, catalog.search_path());
    for (std::size_t i = 0; i < path.size() && indexes.empty(); ++i) SPG_TRY(add_indexes(catalog, constraints.span(), path[i], name, indexes));
  }
  if (indexes.empty()) return Error::make(sqlstate::undefined_object, "constraint \"", name, "\" does not exist");
  return indexes;
}

Result<const Relation*> relation_of_table(SessionCatalog& catalog, TableId table, Arena& arena) {
  Store store(&catalog.view(), catalog.shared_view(), arena);
  SPG_ASSIGN(const Vec<Row*> rows, store.all(Stored::class_));
  for (const Row* row : rows)
    if (row->character(pg_class::relkind) == 'r' && raw(row->oid(pg_class::relfilenode)) == raw(table)) return catalog.relation(row->oid(pg_class::oid));
  return static_cast<const Relation*>(nullptr);
}

}  // namespace spg::catalog
