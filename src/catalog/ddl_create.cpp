#include <algorithm>

#include "spg/type/io.hpp"
#include "table_constraints.hpp"
#include "unit.hpp"

namespace spg::catalog {

namespace {

constexpr std::size_t table_columns_max = 1600;

Error not_supported(std::string_view what) {
  return Error::make(sqlstate::feature_not_supported, what, " are not supported");
}

bool is_serial(const sql::TypeName& name) {
  if (name.name.size() != 1) return false;
  for (const std::string_view one : {"serial", "bigserial", "smallserial", "serial2", "serial4", "serial8"})
    if (name.name[0] == one) return true;
  return false;
}

}  // namespace

bool is_system_column(std::string_view name) {
  for (const std::string_view one : {"tableoid", "cmax", "xmax", "cmin", "xmin", "ctid"})
    if (name == one) return true;
  return false;
}

Result<ColumnPlan> plan_column(Unit& unit, const sql::ColumnDef& column, std::string_view table) {
  ColumnPlan plan;
  if (column.type == nullptr) return not_supported("typed tables");
  if (is_serial(*column.type)) return unit.at(not_supported("serial columns"), column.type->at);
  auto type = resolve_type(unit.catalog, *column.type, unit.context.notices, unit.arena);
  if (!type) {
    SPG_TRY(unit.catalog.take_error());
    return unit.at(type.take_error(), column.type->at);
  }
  plan.definition = {column.name, type->type->oid, type->typmod, Oid::none};
  if (column.type->set_of)
    return Error::make(sqlstate::invalid_table_definition, "column \"", column.name, "\" cannot be declared SETOF");
  if (type->type->kind == 'p' && type->type->oid != Oid{2287})
    return Error::make(sqlstate::invalid_table_definition, "column \"", column.name, "\" has pseudo-type ",
                       format_type(unit.catalog, type->type->oid, {}, unit.arena));
  if (!column.collation.empty()) {
    const std::string_view name = column.collation.back();
    plan.definition.collation = name == "C"         ? Oid{950}
                                : name == "POSIX"   ? Oid{951}
                                : name == "default" ? Oid{100}
                                                    : Oid::none;
    if (plan.definition.collation == Oid::none)
      return Error::make(sqlstate::undefined_object, "collation \"", name, "\" for encoding \"UTF8\" does not exist");
    if (type->type->collation == Oid::none)
      return Error::make(sqlstate::datatype_mismatch, "collations are not supported by type ",
                         format_type(unit.catalog, type->type->oid, {}, unit.arena));
  }
  bool saw_null = false;
  for (const sql::Constraint* constraint : column.constraints) {
    switch (constraint->form) {
      case sql::ConstraintKind::null:
      case sql::ConstraintKind::not_null: {
        const bool is_null = constraint->form == sql::ConstraintKind::null;
        if (is_null ? plan.not_null : saw_null)
          return unit.at(Error::make(sqlstate::syntax_error, "conflicting NULL/NOT NULL declarations for column \"",
                                     column.name, "\" of table \"", table, "\""),
                         constraint->at);
        if (is_null) saw_null = true;
        else plan.not_null = true;
        break;
      }
      case sql::ConstraintKind::default_value:
        if (plan.default_value != nullptr)
          return unit.at(Error::make(sqlstate::syntax_error, "multiple default values specified for column \"",
                                     column.name, "\" of table \"", table, "\""),
                         constraint->at);
        plan.default_value = constraint->expr;
        break;
      case sql::ConstraintKind::check: return unit.at(not_supported("CHECK constraints"), constraint->at);
      case sql::ConstraintKind::foreign_key: return unit.at(not_supported("foreign keys"), constraint->at);
      case sql::ConstraintKind::exclusion: return unit.at(not_supported("exclusion constraints"), constraint->at);
      case sql::ConstraintKind::identity: return unit.at(not_supported("identity columns"), constraint->at);
      case sql::ConstraintKind::generated: return unit.at(not_supported("generated columns"), constraint->at);
      case sql::ConstraintKind::primary_key:
      case sql::ConstraintKind::unique: break;  // the caller's
    }
  }
  return plan;
}

Status add_key(Unit& unit, KeyList& keys, const sql::Constraint& constraint, std::span<const sql::Name> columns) {
  if (constraint.form == sql::ConstraintKind::primary_key) {
    for (const KeyPlan& other : keys.plans)
      if (other.constraint->form == sql::ConstraintKind::primary_key)
        return unit.at(Error::make(sqlstate::invalid_table_definition, "multiple primary keys for table \"", keys.table,
                                   "\" are not allowed"),
                       constraint.at);
  }
  keys.plans.push_back({&constraint, columns});
  return ok();
}

namespace {

std::string_view key_word(const sql::Constraint& constraint) {
  return constraint.form == sql::ConstraintKind::primary_key ? "primary key" : "unique";
}

/// The column numbers of a key; the columns of a primary key become NOT NULL.
Result<std::span<const std::int16_t>> key_columns(Unit& unit, const Row& relation, const sql::Constraint& constraint,
                                                  std::span<const sql::Name> names, NullCheck check) {
  Vec<std::int16_t> numbers(unit.arena);
  for (const sql::Name name : names) {
    SPG_ASSIGN(Row * column, unit.find_column(relation.oid(pg_class::oid), name));
    if (column == nullptr)
      return unit.at(Error::make(sqlstate::undefined_column, "column \"", name, "\" named in key does not exist"),
                     constraint.at);
    const std::int16_t number = column->int2(pg_attribute::attnum);
    if (std::find(numbers.begin(), numbers.end(), number) != numbers.end())
      return unit.at(Error::make(sqlstate::duplicate_column, "column \"", name, "\" appears twice in ",
                                 key_word(constraint), " constraint"),
                     constraint.at);
    numbers.push_back(number);
    if (constraint.form != sql::ConstraintKind::primary_key || column->boolean(pg_attribute::attnotnull)) continue;
    SPG_TRY(check(*column));
    column->set(pg_attribute::attnotnull, bool_value(true));
  }
  return std::span<const std::int16_t>(numbers.span());
}

}  // namespace

Status define_keys(Unit& unit, Row& relation, KeyList& keys, NullCheck check) {
  // The primary key comes first; a unique constraint over the columns of an earlier one is that one.
  KeyPlan* front = keys.plans.begin();
  for (KeyPlan* plan = front; plan != keys.plans.end(); ++plan)
    if (plan->constraint->form == sql::ConstraintKind::primary_key) std::rotate(front++, plan, plan + 1);
  struct Planned {
    const sql::Constraint* constraint;
    std::span<const std::int16_t> columns;
    std::string_view name;
  };
  Vec<Planned> planned(unit.arena);
  for (const KeyPlan& key : keys.plans) {
    SPG_ASSIGN(const auto columns, key_columns(unit, relation, *key.constraint, key.columns, check));
    bool merged = false;
    for (Planned& other : planned) {
      if (!std::ranges::equal(other.columns, columns) ||
          other.constraint->nulls_not_distinct != key.constraint->nulls_not_distinct ||
          other.constraint->deferrable != key.constraint->deferrable ||
          other.constraint->initially_deferred != key.constraint->initially_deferred)
        continue;
      if (other.name.empty()) other.name = key.constraint->name;
      merged = true;
      break;
    }
    if (!merged) planned.push_back({key.constraint, columns, key.constraint->name});
  }
  for (const Planned& key : planned) {
    Vec<std::int16_t> include(unit.arena);
    for (const sql::Name name : key.constraint->include) {
      SPG_ASSIGN(const Row* column, unit.find_column(relation.oid(pg_class::oid), name));
      if (column == nullptr)
        return unit.at(Error::make(sqlstate::undefined_column, "column \"", name, "\" named in key does not exist"),
                       key.constraint->at);
      include.push_back(column->int2(pg_attribute::attnum));
    }
    IndexDefinition index;
    index.name = key.name;
    index.columns = key.columns;
    index.include = include.span();
    index.unique = index.is_constraint = true;
    index.primary = key.constraint->form == sql::ConstraintKind::primary_key;
    index.deferrable = key.constraint->deferrable;
    index.initially_deferred = key.constraint->initially_deferred;
    index.nulls_not_distinct = key.constraint->nulls_not_distinct;
    index.with = &key.constraint->with;
    SPG_TRY(unit.define_index(relation, index));
  }
  return ok();
}

namespace {

struct NewTable {
  Oid schema{};
  bool existed = false;
};

Result<NewTable> check_name(Unit& unit, const sql::TableRef& table, bool if_not_exists) {
  if (table.persistence == sql::Persistence::temporary) return unit.at(not_supported("temporary tables"), table.at);
  NewTable result;
  SPG_ASSIGN(result.schema, unit.schema_for_new(table));
  SPG_ASSIGN(const Row* taken, unit.find_in_schema(result.schema, table.name));
  if (taken == nullptr) return result;
  if (!if_not_exists) return Error::make(sqlstate::duplicate_table, "relation \"", table.name, "\" already exists");
  unit.notify(Severity::notice, sqlstate::duplicate_table,
              unit.arena.concat("relation \"", table.name, "\" already exists, skipping"));
  result.existed = true;
  return result;
}

/// The table with its class, attribute and type rows.
Result<Row*> make_table(Unit& unit, const sql::TableRef& name, Oid schema, std::span<const ColumnPlan> columns) {
  if (columns.size() > table_columns_max)
    return Error::make(sqlstate::too_many_columns, "tables can have at most 1600 columns");
  Vec<table::ColumnLayout> layouts(unit.arena, columns.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    for (std::size_t other = 0; other < i; ++other)
      if (columns[other].definition.name == columns[i].definition.name)
        return Error::make(sqlstate::duplicate_column, "column \"", columns[i].definition.name,
                           "\" specified more than once");
    if (is_system_column(columns[i].definition.name))
      return Error::make(sqlstate::duplicate_column, "column name \"", columns[i].definition.name,
                         "\" conflicts with a system column name");
    table::ColumnLayout layout;
    layout.number = static_cast<std::uint16_t>(i + 1);
    layout.physical = type::column_physical_of(columns[i].definition.type, columns[i].definition.typmod);
    layout.missing = type::Value::null_of(layout.physical);
    layouts.push_back(layout);
  }
  SPG_ASSIGN(const TableId storage, unit.view().create_table(txn::TableUse::user, layouts.span()));
  const Oid oid = unit.view().new_oid();
  Row* relation = unit.add_class(oid, name.name, schema, 'r', Oid{2}, raw(storage), static_cast<int>(columns.size()));
  if (name.persistence == sql::Persistence::unlogged) relation->set(pg_class::relpersistence, char_value('u'));
  SPG_ASSIGN(const Oid row_type, unit.add_row_types(oid, name.name, schema));
  relation->set(pg_class::reltype, oid_value(row_type));
  unit.depend({pg_class::relation, oid, 0}, {pg_namespace::relation, schema, 0}, Dependency::normal);
  for (std::size_t i = 0; i < columns.size(); ++i) {
    SPG_TRY(unit.add_attribute(oid, static_cast<std::int16_t>(i + 1), columns[i].definition, columns[i].not_null));
    if (columns[i].default_value == nullptr) continue;
    SPG_ASSIGN(Row * attribute, unit.find_column(oid, columns[i].definition.name));
    SPG_TRY(unit.set_default(oid, *attribute, *columns[i].default_value).status());
  }
  return relation;
}

CreatedTable created(const Row& relation) {
  return {relation.oid(pg_class::oid), TableId{raw(relation.oid(pg_class::relfilenode))}, false};
}

}  // namespace

Result<CreatedTable> create_table(DdlContext& context, const sql::CreateTable& statement) {
  Unit unit(context);
  if (!statement.inherits.empty()) return not_supported("inherited tables");
  if (statement.partition_by != nullptr || statement.partition_of != nullptr)
    return not_supported("partitioned tables");
  if (!statement.of_type.empty()) return not_supported("typed tables");
  if (!statement.foreign_server.empty()) return not_supported("foreign tables");
  NewTable place;
  if (statement.if_not_exists) {
    SPG_ASSIGN(place, check_name(unit, *statement.table, true));
    if (place.existed) return CreatedTable{{}, {}, true};
  }

  Vec<ColumnPlan> columns(unit.arena);
  KeyList keys{statement.table->name, Vec<KeyPlan>(unit.arena)};
  for (const sql::Node* element : statement.elements) {
    if (element->kind == sql::NodeKind::like_clause)
      return unit.at(Error::make(sqlstate::feature_not_supported, "LIKE is not supported for creating tables"),
                     element->at);
    if (const auto* column = sql::as<sql::ColumnDef>(element)) {
      SPG_ASSIGN(const ColumnPlan plan, plan_column(unit, *column, statement.table->name));
      columns.push_back(plan);
      for (const sql::Constraint* constraint : column->constraints)
        if (constraint->form == sql::ConstraintKind::primary_key || constraint->form == sql::ConstraintKind::unique)
          SPG_TRY(add_key(unit, keys, *constraint, {&column->name, 1}));
      continue;
    }
    const auto& constraint = sql::to<sql::Constraint>(*element);
    switch (constraint.form) {
      case sql::ConstraintKind::primary_key:
      case sql::ConstraintKind::unique: SPG_TRY(add_key(unit, keys, constraint, constraint.columns)); break;
      case sql::ConstraintKind::check: return unit.at(not_supported("CHECK constraints"), constraint.at);
      case sql::ConstraintKind::foreign_key: return unit.at(not_supported("foreign keys"), constraint.at);
      default: return unit.at(not_supported("exclusion constraints"), constraint.at);
    }
  }
  // Without IF NOT EXISTS, what is wrong with the columns is said before what is wrong with the name.
  if (!statement.if_not_exists) { SPG_ASSIGN(place, check_name(unit, *statement.table, false)); }
  SPG_ASSIGN(Row * relation, make_table(unit, *statement.table, place.schema, columns.span()));
  if (!statement.with.empty()) SPG_TRY(unit.set_options(*relation, statement.with, false));
  SPG_TRY(define_keys(unit, *relation, keys, [](const Row&) { return ok(); }));
  SPG_TRY(unit.finish());
  return created(*relation);
}

Result<CreatedTable> create_table(DdlContext& context, const sql::TableRef& name,
                                  std::span<const ColumnDefinition> columns, bool if_not_exists) {
  Unit unit(context);
  SPG_ASSIGN(const NewTable place, check_name(unit, name, if_not_exists));
  if (place.existed) return CreatedTable{{}, {}, true};
  Vec<ColumnPlan> plans(unit.arena, columns.size());
  for (const ColumnDefinition& column : columns) {
    ColumnPlan plan;
    plan.definition = column;
    plans.push_back(plan);
  }
  SPG_ASSIGN(Row * relation, make_table(unit, name, place.schema, plans.span()));
  SPG_TRY(unit.finish());
  return created(*relation);
}

Status create_schema(DdlContext& context, const sql::CreateSchema& statement) {
  Unit unit(context);
  Oid owner = unit.catalog.role();
  std::string_view name = statement.name;
  if (!statement.authorization.empty()) {
    SPG_ASSIGN(owner, unit.require_role(statement.authorization));
    if (name.empty()) name = statement.authorization;
  }
  if (name.starts_with("pg_"))
    return Error::make(sqlstate::reserved_name, "unacceptable schema name \"", name, "\"")
        .detail("The prefix \"pg_\" is reserved for system schemas.");
  SPG_ASSIGN(const Oid taken, unit.catalog.schema_oid(name));
  if (taken != Oid::none) {
    if (!statement.if_not_exists)
      return Error::make(sqlstate::duplicate_schema, "schema \"", name, "\" already exists");
    unit.notify(Severity::notice, sqlstate::duplicate_schema,
                unit.arena.concat("schema \"", name, "\" already exists, skipping"));
    return ok();
  }
  Row* row = unit.store.add(Stored::namespace_);
  row->set(pg_namespace::oid, oid_value(unit.view().new_oid()));
  row->set(pg_namespace::nspname, text_value(name));
  row->set(pg_namespace::nspowner, oid_value(owner));
  return unit.finish();
}

}  // namespace spg::catalog
