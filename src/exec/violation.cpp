#include "spg/exec/violation.hpp"

#include "operator.hpp"

namespace spg::exec {

Error unique_violation(const ExecContext& context, const catalog::Relation* relation, IndexId id, Arena& arena,
                       spg::FunctionRef<Result<type::Value>(const catalog::ColumnInfo&)> value_of) {
  const catalog::IndexInfo* index = nullptr;
  if (relation != nullptr)
    for (const catalog::IndexInfo& info : relation->indexes)
      if (info.id == id) index = &info;
  if (index == nullptr)
    return Error::make(sqlstate::unique_violation, "duplicate key value violates unique constraint");
  TextBuilder columns(arena), values(arena);
  for (std::size_t i = 0; i < index->columns.size(); ++i) {
    for (const catalog::ColumnInfo& column : relation->columns) {
      if (column.number != index->columns[i]) continue;
      auto value = value_of(column);
      if (!value) return value.take_error();
      columns.add(i == 0 ? "" : ", ", column.name);
      values.add(i == 0 ? "" : ", ");
      if (value->is_null) values.add("null");
      else print_value(context, column.type, *value, values);
    }
  }
  auto schema = context.catalog->schema_name(relation->schema);
  if (!schema) return schema.take_error();
  return Error::make(sqlstate::unique_violation, "duplicate key value violates unique constraint \"", index->name, "\"")
      .detail("Key (", columns.view(), ")=(", values.view(), ") already exists.")
      .set(ErrorField::schema, {*schema})
      .set(ErrorField::table, {relation->name})
      .set(ErrorField::constraint, {index->name});
}

Error unique_violation(const ExecContext& context, const catalog::Relation* relation, IndexId index, std::uint64_t rowid) {
  return unique_violation(context, relation, index, *context.arena, [&](const catalog::ColumnInfo& column) {
    const StoredColumn stored{static_cast<std::uint16_t>(column.number), type::Physical::none, 0, column.type, column.typmod};
    return fetch_value(*context.view, relation->table, rowid, stored, *context.arena);
  });
}

}  // namespace spg::exec
