// The small statements: names, owners, schemas, comments, TRUNCATE.
#include "spg/catalog/builtin.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/type/text.hpp"
#include "table_constraints.hpp"

namespace spg::catalog {

namespace {

using sql::ObjectKind;

std::string_view schema_part(const sql::QualifiedName& name) {
  return name.size() > 1 ? name[name.size() - 2] : std::string_view();
}

bool is_relation_kind(ObjectKind kind) {
  return kind == ObjectKind::table || kind == ObjectKind::index || kind == ObjectKind::view ||
         kind == ObjectKind::sequence || kind == ObjectKind::materialized_view || kind == ObjectKind::foreign_table;
}

/// Null after IF EXISTS has missed (and said so). What is called a view must be one.
Result<Row*> named_relation(Unit& unit, const sql::QualifiedName& name, bool if_exists, ObjectKind as = ObjectKind::table) {
  SPG_ASSIGN(Row * row, unit.find_relation(schema_part(name), name.back(), true));
  if (row != nullptr && as == ObjectKind::view && row->character(pg_class::relkind) != 'v')
    return Error::make(sqlstate::wrong_object_type, "\"", name.back(), "\" is not a view");
  if (row != nullptr) return row;
  const std::string_view schema = schema_part(name);
  const std::string_view text =
      unit.arena.concat("relation \"", schema, schema.empty() ? "" : ".", name.back(), "\" does not exist");
  if (!if_exists) return Error::make(sqlstate::undefined_table, text);
  unit.notify(Severity::notice, sqlstate::successful_completion, unit.arena.concat(text, ", skipping"));
  return nullptr;
}

Status rename_column(Unit& unit, const sql::Rename& statement) {
  SPG_ASSIGN(Row * relation, named_relation(unit, statement.name.name, statement.if_exists, statement.parent));
  if (relation == nullptr) return ok();
  SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
  const Oid oid = relation->oid(pg_class::oid);
  SPG_ASSIGN(Row * column, unit.find_column(oid, statement.member));
  if (column == nullptr) {
    if (is_system_column(statement.member))
      return Error::make(sqlstate::feature_not_supported, "cannot rename system column \"", statement.member, "\"");
    return Error::make(sqlstate::undefined_column, "column \"", statement.member, "\" does not exist");
  }
  if (is_system_column(statement.new_name))
    return Error::make(sqlstate::duplicate_column, "column name \"", statement.new_name,
                       "\" conflicts with a system column name");
  SPG_ASSIGN(const Row* taken, unit.find_column(oid, statement.new_name));
  if (taken != nullptr)
    return Error::make(sqlstate::duplicate_column, "column \"", statement.new_name, "\" of relation \"",
                       relation->text(pg_class::relname), "\" already exists");
  column->set(pg_attribute::attname, text_value(statement.new_name));
  // Indexes show the names that their columns had: those follow.
  SPG_ASSIGN(const Vec<Row*> indexes, unit.store.find(StoredKey::index_relation, {oid_value(oid)}));
  for (const Row* index : indexes) {
    SPG_ASSIGN(Row * part, unit.find_column(index->oid(pg_index::indexrelid), statement.member));
    if (part != nullptr) part->set(pg_attribute::attname, text_value(statement.new_name));
  }
  return unit.finish();
}

/// Also renames the row type of a table, and the constraint behind an index.
Status rename_relation(Unit& unit, const sql::Rename& statement) {
  SPG_ASSIGN(Row * relation, named_relation(unit, statement.name.name, statement.if_exists, statement.object));
  if (relation == nullptr) return ok();
  SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
  const Oid schema = relation->oid(pg_class::relnamespace);
  SPG_ASSIGN(const Row* taken, unit.find_in_schema(schema, statement.new_name));
  if (taken != nullptr)
    return Error::make(sqlstate::duplicate_table, "relation \"", statement.new_name, "\" already exists");
  relation->set(pg_class::relname, text_value(statement.new_name));
  if (relation->oid(pg_class::reltype) != Oid::none) {
    SPG_ASSIGN(Row * type, unit.store.find_one(StoredKey::type_oid, {relation->at(pg_class::reltype)}));
    if (type != nullptr) {
      type->set(pg_type::typname, text_value(statement.new_name));
      SPG_ASSIGN(Row * array, unit.store.find_one(StoredKey::type_oid, {type->at(pg_type::typarray)}));
      for (std::string_view name = statement.new_name; array != nullptr;) {
        name = type::truncate_name(unit.arena.concat("_", name));
        SPG_ASSIGN(const Row* other, unit.store.find_one(StoredKey::type_name, {text_value(name), oid_value(schema)}));
        if (other != nullptr && other != array) continue;
        array->set(pg_type::typname, text_value(name));
        break;
      }
    }
  }
  SPG_ASSIGN(const Row* index, unit.store.find_one(StoredKey::index_oid, {relation->at(pg_class::oid)}));
  if (index != nullptr) {
    SPG_ASSIGN(const Vec<Row*> constraints,
               unit.store.find(StoredKey::constraint_relation, {index->at(pg_index::indrelid)}));
    for (Row* row : constraints)
      if (row->oid(pg_constraint::conindid) == relation->oid(pg_class::oid))
        row->set(pg_constraint::conname, text_value(statement.new_name));
  }
  return unit.finish();
}

Status rename_constraint(Unit& unit, const sql::Rename& statement) {
  SPG_ASSIGN(Row * relation, named_relation(unit, statement.name.name, statement.if_exists));
  if (relation == nullptr) return ok();
  SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
  SPG_ASSIGN(const Vec<Row*> constraints,
             unit.store.find(StoredKey::constraint_relation, {relation->at(pg_class::oid)}));
  for (Row* row : constraints) {
    if (row->text(pg_constraint::conname) != statement.member) continue;
    SPG_ASSIGN(const Row* taken, unit.find_in_schema(relation->oid(pg_class::relnamespace), statement.new_name));
    if (taken != nullptr)
      return Error::make(sqlstate::duplicate_table, "relation \"", statement.new_name, "\" already exists");
    row->set(pg_constraint::conname, text_value(statement.new_name));
    SPG_ASSIGN(Row * index, unit.store.find_one(StoredKey::class_oid, {row->at(pg_constraint::conindid)}));
    if (index != nullptr) index->set(pg_class::relname, text_value(statement.new_name));
    return unit.finish();
  }
  return Error::make(sqlstate::undefined_object, "constraint \"", statement.member, "\" for table \"",
                     relation->text(pg_class::relname), "\" does not exist");
}

Result<Row*> named_schema(Unit& unit, std::string_view name) {
  SPG_ASSIGN(const Oid oid, unit.require_schema(name));
  SPG_ASSIGN(Row * row, unit.store.find_one(StoredKey::namespace_oid, {oid_value(oid)}));
  if (row == nullptr) return Error::make(sqlstate::insufficient_privilege, "must be owner of schema ", name);
  SPG_TRY(unit.require_owner(row->oid(pg_namespace::nspowner), "schema", name));
  return row;
}

Status rename_schema(Unit& unit, const sql::Rename& statement) {
  SPG_ASSIGN(Row * schema, named_schema(unit, statement.name.name.back()));
  SPG_ASSIGN(const Oid taken, unit.catalog.schema_oid(statement.new_name));
  if (taken != Oid::none)
    return Error::make(sqlstate::duplicate_schema, "schema \"", statement.new_name, "\" already exists");
  if (statement.new_name.starts_with("pg_"))
    return Error::make(sqlstate::reserved_name, "unacceptable schema name \"", statement.new_name, "\"")
        .detail("The prefix \"pg_\" is reserved for system schemas.");
  schema->set(pg_namespace::nspname, text_value(statement.new_name));
  return unit.finish();
}

Status rename_role(Unit& unit, const sql::Rename& statement) {
  SPG_ASSIGN(Row * role, find_role_row(unit.store, statement.name.name.back()));
  if (role == nullptr)
    return Error::make(sqlstate::undefined_object, "role \"", statement.name.name.back(), "\" does not exist");
  SPG_ASSIGN(const bool allowed, unit.is_superuser());
  if (!allowed) return Error::make(sqlstate::insufficient_privilege, "permission denied to rename role");
  SPG_ASSIGN(const Row* taken, find_role_row(unit.store, statement.new_name));
  if (taken != nullptr)
    return Error::make(sqlstate::duplicate_object, "role \"", statement.new_name, "\" already exists");
  role->set(pg_authid::rolname, text_value(statement.new_name));
  return unit.finish();
}

}  // namespace

Status rename(DdlContext& context, const sql::Rename& statement) {
  Unit unit(context);
  if (statement.object == ObjectKind::column || statement.object == ObjectKind::attribute)
    return rename_column(unit, statement);
  if (statement.object == ObjectKind::constraint) return rename_constraint(unit, statement);
  if (is_relation_kind(statement.object)) return rename_relation(unit, statement);
  if (statement.object == ObjectKind::schema) return rename_schema(unit, statement);
  if (statement.object == ObjectKind::role) return rename_role(unit, statement);
  return Error::make(sqlstate::feature_not_supported, "ALTER ", sql::object_word(statement.object),
                     " RENAME is not supported");
}

Status set_owner(DdlContext& context, const sql::SetOwner& statement) {
  Unit unit(context);
  SPG_ASSIGN(const Oid owner, unit.require_role(statement.owner));
  if (statement.object == ObjectKind::schema) {
    SPG_ASSIGN(Row * schema, named_schema(unit, statement.name.name.back()));
    schema->set(pg_namespace::nspowner, oid_value(owner));
    return unit.finish();
  }
  if (!is_relation_kind(statement.object))
    return Error::make(sqlstate::feature_not_supported, "ALTER ", sql::object_word(statement.object),
                       " OWNER TO is not supported");
  SPG_ASSIGN(Row * relation, named_relation(unit, statement.name.name, false, statement.object));
  SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
  relation->set(pg_class::relowner, oid_value(owner));
  return unit.finish();
}

Status set_schema(DdlContext& context, const sql::SetSchema& statement) {
  Unit unit(context);
  if (!is_relation_kind(statement.object))
    return Error::make(sqlstate::feature_not_supported, "ALTER ", sql::object_word(statement.object),
                       " SET SCHEMA is not supported");
  SPG_ASSIGN(Row * relation, named_relation(unit, statement.name.name, statement.if_exists, statement.object));
  if (relation == nullptr) return ok();
  SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
  SPG_ASSIGN(const Oid schema, unit.require_schema(statement.schema));
  SPG_TRY(unit.require_create(schema));
  const std::string_view name = relation->text(pg_class::relname);
  SPG_ASSIGN(const Row* taken, unit.find_in_schema(schema, name));
  if (taken != nullptr && taken != relation)
    return Error::make(sqlstate::duplicate_table, "relation \"", name, "\" already exists in schema \"",
                       statement.schema, "\"");
  const auto move = [&](StoredKey key, const type::Value& oid, std::uint16_t column) -> Status {
    SPG_ASSIGN(const Vec<Row*> rows, unit.store.find(key, {oid}));
    for (Row* row : rows) row->set(column, oid_value(schema));
    return ok();
  };
  relation->set(pg_class::relnamespace, oid_value(schema));
  const type::Value oid = relation->at(pg_class::oid);
  SPG_ASSIGN(const Row* type, unit.store.find_one(StoredKey::type_oid, {relation->at(pg_class::reltype)}));
  if (type != nullptr) {
    const type::Value array = type->at(pg_type::typarray);
    SPG_TRY(move(StoredKey::type_oid, relation->at(pg_class::reltype), pg_type::typnamespace));
    SPG_TRY(move(StoredKey::type_oid, array, pg_type::typnamespace));
  }
  SPG_ASSIGN(const Vec<Row*> indexes, unit.store.find(StoredKey::index_relation, {oid}));
  for (const Row* index : indexes)
    SPG_TRY(move(StoredKey::class_oid, index->at(pg_index::indexrelid), pg_class::relnamespace));
  SPG_TRY(move(StoredKey::constraint_relation, oid, pg_constraint::connamespace));
  SPG_ASSIGN(const Vec<Row*> depends, unit.store.find(StoredKey::depend_object, {oid_value(pg_class::relation), oid}));
  for (Row* row : depends)
    if (row->oid(pg_depend::refclassid) == pg_namespace::relation) row->set(pg_depend::refobjid, oid_value(schema));
  return unit.finish();
}

Status truncate(DdlContext& context, const sql::Truncate& statement) {
  Unit unit(context);
  Vec<TableId> tables(unit.arena);
  for (const sql::TableRef* table : statement.tables) {
    SPG_ASSIGN(const Row* relation, unit.require_table(*table));
    tables.push_back(TableId{raw(relation->oid(pg_class::relfilenode))});
  }
  for (const TableId table : tables) SPG_TRY(unit.view().truncate_table(table));
  return ok();
}

// --- COMMENT
// ----------------------------------------------------------------------------------------------------------

namespace {

Result<Object> commented_object(Unit& unit, const sql::Comment& statement) {
  const sql::QualifiedName& name = statement.name.name;
  if (is_relation_kind(statement.object)) {
    SPG_ASSIGN(const Row* relation, named_relation(unit, name, false));
    SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
    const char kind = relation->character(pg_class::relkind);
    if (statement.object == ObjectKind::table && kind != 'r')
      return Error::make(sqlstate::wrong_object_type, "\"", name.back(), "\" is not a table");
    if (statement.object == ObjectKind::index && kind != 'i')
      return Error::make(sqlstate::wrong_object_type, "\"", name.back(), "\" is not an index");
    if (statement.object == ObjectKind::view && kind != 'v')
      return Error::make(sqlstate::wrong_object_type, "\"", name.back(), "\" is not a view");
    return Object{pg_class::relation, relation->oid(pg_class::oid), 0};
  }
  if (statement.object == ObjectKind::column && name.size() > 1) {
    const std::string_view schema = name.size() > 2 ? name[name.size() - 3] : std::string_view();
    const std::string_view table = name[name.size() - 2];
    SPG_ASSIGN(const Row* relation, unit.find_relation(schema, table, true));
    if (relation == nullptr) return Error::make(sqlstate::undefined_table, "relation \"", table, "\" does not exist");
    SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
    SPG_ASSIGN(const Row* column, unit.find_column(relation->oid(pg_class::oid), name.back()));
    if (column == nullptr)
      return Error::make(sqlstate::undefined_column, "column \"", name.back(), "\" of relation \"", table,
                         "\" does not exist");
    return Object{pg_class::relation, relation->oid(pg_class::oid), column->int2(pg_attribute::attnum)};
  }
  if (statement.object == ObjectKind::schema) {
    SPG_ASSIGN(const Row* schema, named_schema(unit, name.back()));
    return Object{pg_namespace::relation, schema->oid(pg_namespace::oid), 0};
  }
  if (statement.object == ObjectKind::constraint) {
    SPG_ASSIGN(const Row* relation, named_relation(unit, statement.name.on, false));
    SPG_TRY(unit.require_owner(*relation));
  SPG_TRY(unit.lock_definition(*relation));
    SPG_ASSIGN(const Vec<Row*> constraints,
               unit.store.find(StoredKey::constraint_relation, {relation->at(pg_class::oid)}));
    for (const Row* row : constraints)
      if (row->text(pg_constraint::conname) == name.back())
        return Object{pg_constraint::relation, row->oid(pg_constraint::oid), 0};
    return Error::make(sqlstate::undefined_object, "constraint \"", name.back(), "\" for table \"",
                       relation->text(pg_class::relname), "\" does not exist");
  }
  return Error::make(sqlstate::feature_not_supported, "COMMENT ON ", sql::object_word(statement.object),
                     " is not supported");
}

}  // namespace

Status comment(DdlContext& context, const sql::Comment& statement) {
  Unit unit(context);
  SPG_ASSIGN(const Object object, commented_object(unit, statement));
  SPG_ASSIGN(Row * row,
             unit.store.find_one(StoredKey::description_object,
                                 {oid_value(object.oid), oid_value(object.catalog), int4_value(object.sub)}));
  if (statement.is_null || statement.text.empty()) {
    if (row != nullptr) unit.store.remove(row);
    return unit.finish();
  }
  if (row == nullptr) {
    row = unit.store.add(Stored::description);
    row->set(pg_description::objoid, oid_value(object.oid));
    row->set(pg_description::classoid, oid_value(object.catalog));
    row->set(pg_description::objsubid, int4_value(object.sub));
  }
  row->set(pg_description::description, text_value(statement.text));
  return unit.finish();
}

}  // namespace spg::catalog
