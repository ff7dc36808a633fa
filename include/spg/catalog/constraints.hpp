// Constraints by name, for SET CONSTRAINTS.
#pragma once
#include "spg/base/arena.hpp"
#include "spg/catalog/session.hpp"

namespace spg::catalog {

/// The indexes of the deferrable constraints with a name: of the schema (3F000 without one), or of the first schema of the search path
/// that has any. 42704 when there is none, 42809 when one of them is not deferrable.
Result<Vec<IndexId>> deferrable_indexes(SessionCatalog& catalog, std::string_view schema, std::string_view name, Arena& arena);

/// The relation whose rows are in the table; null when there is none.
Result<const Relation*> relation_of_table(SessionCatalog& catalog, TableId table, Arena& arena);

}  // namespace spg::catalog
