// What CREATE TABLE and ALTER TABLE ADD share: columns and keys as planned from the tree. Internal to the room.
#pragma once
#include "unit.hpp"

namespace spg::catalog {

struct ColumnPlan {
  ColumnDefinition definition;
  bool not_null = false;
  const sql::Expr* default_value = nullptr;
};
struct KeyPlan {
  const sql::Constraint* constraint = nullptr;
  std::span<const sql::Name> columns;
};
struct KeyList {
  std::string_view table;
  Vec<KeyPlan> plans;
};
/// Called for a column that a primary key makes NOT NULL: an error when it holds NULLs.
using NullCheck = FunctionRef<Status(const Row& attribute)>;

bool is_system_column(std::string_view name);
/// The column's type and constraints, except keys.
Result<ColumnPlan> plan_column(Unit& unit, const sql::ColumnDef& column, std::string_view table);
/// `columns` must outlive the list.
Status add_key(Unit& unit, KeyList& keys, const sql::Constraint& constraint, std::span<const sql::Name> columns);
Status define_keys(Unit& unit, Row& relation, KeyList& keys, NullCheck check);

}  // namespace spg::catalog
