// Errors of broken constraints, in PostgreSQL's words.
#pragma once
#include "spg/exec/context.hpp"

namespace spg::exec {

/// 23505 for a unique index of the relation (null: it is gone); `value_of` gives the row's value of a key column.
Error unique_violation(const ExecContext& context, const catalog::Relation* relation, IndexId index, Arena& arena,
                       FunctionRef<Result<type::Value>(const catalog::ColumnInfo&)> value_of);
/// The same for a row that the context's view reads.
Error unique_violation(const ExecContext& context, const catalog::Relation* relation, IndexId index, std::uint64_t rowid);

}  // namespace spg::exec
