#include "unit.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include "spg/catalog/builtin.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"

namespace spg::catalog {

using type::Value;

Error with_names(Error error, std::string_view schema, std::string_view table, std::string_view column,
                 std::string_view constraint) {
  if (!schema.empty()) error = std::move(error).set(ErrorField::schema, {schema});
  if (!table.empty()) error = std::move(error).set(ErrorField::table, {table});
  if (!column.empty()) error = std::move(error).set(ErrorField::column, {column});
  if (!constraint.empty()) error = std::move(error).set(ErrorField::constraint, {constraint});
  return error;
}

Status Unit::finish() {
  SPG_TRY(store.flush());
  catalog.invalidate();
  return ok();
}

Error Unit::at(Error error, std::int32_t place) const {
  const std::int32_t position = position_in(context.source, place);
  return position == 0 ? std::move(error) : Error(std::move(error).at(position));
}

void Unit::notify(Severity severity, Sqlstate code, std::string_view message, std::string_view detail) const {
  if (context.notices != nullptr) context.notices->send({severity, code, message, detail, {}});
}

// --- names
// ------------------------------------------------------------------------------------------------------------

Result<Oid> Unit::require_schema(std::string_view name, std::int32_t place) {
  SPG_ASSIGN(const Oid oid, catalog.schema_oid(name));
  if (oid == Oid::none) {
    // A schema made by this very statement is not in the catalog yet.
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::namespace_name, {text_value(name)}));
    if (row != nullptr) return row->oid(pg_namespace::oid);
    return at(Error::make(sqlstate::undefined_schema, "schema \"", name, "\" does not exist"), place);
  }
  return oid;
}

Result<Oid> Unit::schema_for_new(const sql::TableRef& table) {
  Oid schema;
  if (!table.schema.empty()) {
    SPG_ASSIGN(schema, require_schema(table.schema, table.at));
  } else {
    SPG_ASSIGN(schema, catalog.creation_schema());
    if (schema == Oid::none)
      return at(Error::make(sqlstate::undefined_schema, "no schema has been selected to create in"), table.at);
  }
  SPG_TRY(require_create(schema));
  return schema;
}

Result<Row*> Unit::find_in_schema(Oid schema, std::string_view name) {
  if (builtin::find_relation(schema, name) != nullptr)
    return Error::make(sqlstate::insufficient_privilege, "permission denied: \"", name, "\" is a system catalog");
  return store.find_one(StoredKey::class_name, {text_value(name), oid_value(schema)});
}

Result<Row*> Unit::find_relation(std::string_view schema, std::string_view name, bool missing_ok) {
  if (!schema.empty()) {
    SPG_ASSIGN(Oid oid, catalog.schema_oid(schema));
    if (oid == Oid::none) {
      if (missing_ok) return nullptr;
      SPG_ASSIGN(oid, require_schema(schema));
    }
    return find_in_schema(oid, name);
  }
  SPG_ASSIGN(const auto path, catalog.search_path());
  for (const Oid oid : path) {
    SPG_ASSIGN(Row * row, find_in_schema(oid, name));
    if (row != nullptr) return row;
  }
  return nullptr;
}

Result<Row*> Unit::require_relation(const sql::TableRef& table) {
  SPG_ASSIGN(Row * row, find_relation(table.schema, table.name, true));
  if (row != nullptr) return row;
  if (!table.schema.empty())
    return Error::make(sqlstate::undefined_table, "relation \"", table.schema, ".", table.name, "\" does not exist");
  return Error::make(sqlstate::undefined_table, "relation \"", table.name, "\" does not exist");
}

Result<Row*> Unit::require_table(const sql::TableRef& table) {
  SPG_ASSIGN(Row * row, require_relation(table));
  if (row->character(pg_class::relkind) != 'r')
    return Error::make(sqlstate::wrong_object_type, "\"", table.name, "\" is not a table");
  SPG_TRY(require_owner(*row));
  return row;
}

Result<Row*> Unit::find_column(Oid relation, std::string_view name) {
  return store.find_one(StoredKey::attribute_name, {oid_value(relation), text_value(name)});
}

namespace {

/// PostgreSQL's makeObjectName: both names give way until all fits into a name.
std::string_view object_name(std::string_view first, std::string_view second, std::string_view label, Arena& arena) {
  const std::size_t overhead = (second.empty() ? 0 : 1) + (label.empty() ? 0 : label.size() + 1);
  const std::size_t room = type::name_bytes_max - overhead;
  std::size_t first_size = first.size(), second_size = second.size();
  while (first_size + second_size > room) {
    if (first_size > second_size) --first_size;
    else --second_size;
  }
  const auto clip = [](std::string_view name, std::size_t size) {
    while (size > 0 && size < name.size() && (static_cast<unsigned char>(name[size]) & 0xc0) == 0x80) --size;
    return name.substr(0, size);
  };
  first = clip(first, first_size);
  second = clip(second, second_size);
  return arena.concat(first, second.empty() ? "" : "_", second, label.empty() ? "" : "_", label);
}

}  // namespace

Result<std::string_view> Unit::choose_name(std::string_view first, std::string_view second, std::string_view label,
                                           Oid schema, bool is_constraint) {
  std::string_view tail = label;
  for (int pass = 1;; ++pass) {
    const std::string_view name = object_name(first, second, tail, arena);
    SPG_ASSIGN(const Row* taken, store.find_one(StoredKey::class_name, {text_value(name), oid_value(schema)}));
    bool is_free = taken == nullptr;
    if (is_free && is_constraint) {
      SPG_ASSIGN(const Row* constraint,
                 store.find_one(StoredKey::constraint_name, {text_value(name), oid_value(schema)}));
      is_free = constraint == nullptr;
    }
    if (is_free) return name;
    tail = arena.concat(label, pass);
  }
}

// --- descriptions
// -----------------------------------------------------------------------------------------------------

std::string_view Unit::kind_word(char relkind) {
  switch (relkind) {
    case 'i':
    case 'I': return "index";
    case 'v': return "view";
    case 'm': return "materialized view";
    case 'S': return "sequence";
    case 'c': return "composite type";
    case 'f': return "foreign table";
    default: return "table";
  }
}

Result<std::string_view> Unit::qualified(const Row& relation) {
  const std::string_view name = relation.text(pg_class::relname);
  SPG_ASSIGN(const auto path, catalog.search_path());
  for (const Oid schema : path) {
    if (schema == relation.oid(pg_class::relnamespace)) return quote_name(name, arena);
    SPG_ASSIGN(const Row* other, store.find_one(StoredKey::class_name, {text_value(name), oid_value(schema)}));
    if (other != nullptr) break;
  }
  SPG_ASSIGN(const std::string_view schema, catalog.schema_name(relation.oid(pg_class::relnamespace)));
  return quote_names(schema, name, arena);
}

Result<std::string_view> Unit::describe(const Object& object) {
  if (object.catalog == pg_class::relation) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::class_oid, {oid_value(object.oid)}));
    if (row == nullptr) return arena.concat("relation ", raw(object.oid));
    SPG_ASSIGN(const std::string_view name, qualified(*row));
    const std::string_view whole = arena.concat(kind_word(row->character(pg_class::relkind)), " ", name);
    if (object.sub == 0) return whole;
    SPG_ASSIGN(const Row* column,
               store.find_one(StoredKey::attribute_number, {oid_value(object.oid), int2_value(object.sub)}));
    return arena.concat(
        "column ", column == nullptr ? std::string_view("?") : quote_name(column->text(pg_attribute::attname), arena),
        " of ", whole);
  }
  if (object.catalog == pg_constraint::relation) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::constraint_oid, {oid_value(object.oid)}));
    if (row == nullptr) return arena.concat("constraint ", raw(object.oid));
    SPG_ASSIGN(const std::string_view of, describe({pg_class::relation, row->oid(pg_constraint::conrelid), 0}));
    return arena.concat("constraint ", quote_name(row->text(pg_constraint::conname), arena), " on ", of);
  }
  if (object.catalog == pg_attrdef::relation) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::attrdef_oid, {oid_value(object.oid)}));
    if (row == nullptr) return arena.concat("default ", raw(object.oid));
    SPG_ASSIGN(const std::string_view of,
               describe({pg_class::relation, row->oid(pg_attrdef::adrelid), row->int2(pg_attrdef::adnum)}));
    return arena.concat("default value for ", of);
  }
  if (object.catalog == pg_rewrite::relation) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::rewrite_oid, {oid_value(object.oid)}));
    if (row == nullptr) return arena.concat("rule ", raw(object.oid));
    SPG_ASSIGN(const std::string_view of, describe({pg_class::relation, row->oid(pg_rewrite::ev_class), 0}));
    return arena.concat("rule ", row->text(pg_rewrite::rulename), " on ", of);
  }
  if (object.catalog == pg_type::relation) return arena.concat("type ", format_type(catalog, object.oid, {}, arena));
  if (object.catalog == pg_namespace::relation) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::namespace_oid, {oid_value(object.oid)}));
    return arena.concat("schema ",
                        row == nullptr ? std::string_view("?") : quote_name(row->text(pg_namespace::nspname), arena));
  }
  return arena.concat("object ", raw(object.oid));
}

// --- rights
// -----------------------------------------------------------------------------------------------------------

Result<bool> Unit::is_superuser() { return catalog::is_superuser(store, catalog.role()); }
Result<bool> Unit::has_role(Oid owner) { return catalog::has_role(store, catalog.role(), owner); }

Status Unit::require_owner(Oid owner, std::string_view what, std::string_view name) {
  SPG_ASSIGN(const bool owns, has_role(owner));
  return owns ? ok() : Error::make(sqlstate::insufficient_privilege, "must be owner of ", what, " ", name);
}
Status Unit::lock_definition(const Row& relation) {
  if (relation.character(pg_class::relkind) != 'r') return ok();
  return view().lock_definition(TableId{raw(relation.oid(pg_class::relfilenode))});
}
Status Unit::require_owner(const Row& relation) {
  return require_owner(relation.oid(pg_class::relowner), kind_word(relation.character(pg_class::relkind)),
                       relation.text(pg_class::relname));
}

Status Unit::require_create(Oid schema) {
  SPG_ASSIGN(const std::string_view name, catalog.schema_name(schema));
  if (schema == ns::pg_catalog || schema == ns::information_schema || schema == ns::pg_toast)
    return Error::make(sqlstate::insufficient_privilege, "permission denied for schema ", name);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::namespace_oid, {oid_value(schema)}));
  if (row == nullptr) return ok();
  SPG_ASSIGN(const bool owns, has_role(row->oid(pg_namespace::nspowner)));
  return owns ? ok() : Error::make(sqlstate::insufficient_privilege, "permission denied for schema ", name);
}

Result<Oid> Unit::require_role(std::string_view name) {
  if (name == "current_user" || name == "current_role" || name == "session_user") return catalog.role();
  SPG_ASSIGN(const Row* row, find_role_row(store, name));
  if (row == nullptr) return Error::make(sqlstate::undefined_object, "role \"", name, "\" does not exist");
  return row->oid(pg_authid::oid);
}

// --- making
// -----------------------------------------------------------------------------------------------------------

void Unit::depend(const Object& object, const Object& on, Dependency kind) {
  if (raw(on.oid) < 16384 && on.oid != ns::public_schema) return;  // built-in objects are never dropped
  Row* row = store.add(Stored::depend);
  row->set(pg_depend::classid, oid_value(object.catalog));
  row->set(pg_depend::objid, oid_value(object.oid));
  row->set(pg_depend::objsubid, int4_value(object.sub));
  row->set(pg_depend::refclassid, oid_value(on.catalog));
  row->set(pg_depend::refobjid, oid_value(on.oid));
  row->set(pg_depend::refobjsubid, int4_value(on.sub));
  row->set(pg_depend::deptype, char_value(static_cast<char>(kind)));
}

Status Unit::add_attribute(Oid relation, std::int16_t number, const ColumnDefinition& column, bool not_null) {
  const Type* type = catalog.type(column.type);
  if (type == nullptr)
    return Error::make(sqlstate::undefined_object, "type with OID ", raw(column.type), " does not exist");
  Row* row = store.add(Stored::attribute);
  row->set(pg_attribute::attrelid, oid_value(relation));
  row->set(pg_attribute::attname, text_value(column.name));
  row->set(pg_attribute::atttypid, oid_value(column.type));
  row->set(pg_attribute::attstattarget, int4_value(-1));
  row->set(pg_attribute::attlen, int2_value(type->length));
  row->set(pg_attribute::attnum, int2_value(number));
  row->set(pg_attribute::attndims, int4_value(type->category == 'A' ? 1 : 0));
  row->set(pg_attribute::attcacheoff, int4_value(-1));
  row->set(pg_attribute::atttypmod, int4_value(column.typmod));
  row->set(pg_attribute::attbyval, bool_value(type->by_value));
  row->set(pg_attribute::attalign, char_value(type->alignment));
  row->set(pg_attribute::attstorage, char_value(type->storage));
  row->set(pg_attribute::attnotnull, bool_value(not_null));
  row->set(pg_attribute::attislocal, bool_value(true));
  row->set(pg_attribute::attcollation, oid_value(column.collation != Oid::none ? column.collation : type->collation));
  depend({pg_class::relation, relation, number}, {pg_type::relation, column.type, 0}, Dependency::normal);
  return ok();
}

Row* Unit::add_class(Oid oid, std::string_view name, Oid schema, char kind, Oid access_method, std::uint32_t storage,
                     int columns) {
  Row* row = store.add(Stored::class_);
  row->set(pg_class::oid, oid_value(oid));
  row->set(pg_class::relname, text_value(name));
  row->set(pg_class::relnamespace, oid_value(schema));
  row->set(pg_class::relowner, oid_value(catalog.role()));
  row->set(pg_class::relam, oid_value(access_method));
  row->set(pg_class::relfilenode, oid_value(Oid{storage}));
  row->set(pg_class::reltuples, Value::of(type::Physical::float4, -1.0f));
  row->set(pg_class::relpersistence, char_value('p'));
  row->set(pg_class::relkind, char_value(kind));
  row->set(pg_class::relnatts, int2_value(columns));
  row->set(pg_class::relispopulated, bool_value(true));
  row->set(pg_class::relreplident, char_value(kind == 'r' ? 'd' : 'n'));
  return row;
}

namespace {

struct TypeFunctions {
  std::uint32_t input, output, receive, send, analyze, subscript;
};

void fill_type(Row& row, Oid oid, std::string_view name, Oid schema, Oid owner, char kind, char category,
               const TypeFunctions& functions) {
  row.set(pg_type::oid, oid_value(oid));
  row.set(pg_type::typname, text_value(name));
  row.set(pg_type::typnamespace, oid_value(schema));
  row.set(pg_type::typowner, oid_value(owner));
  row.set(pg_type::typlen, int2_value(-1));
  row.set(pg_type::typtype, char_value(kind));
  row.set(pg_type::typcategory, char_value(category));
  row.set(pg_type::typisdefined, bool_value(true));
  row.set(pg_type::typdelim, char_value(','));
  row.set(pg_type::typinput, oid_value(Oid{functions.input}));
  row.set(pg_type::typoutput, oid_value(Oid{functions.output}));
  row.set(pg_type::typreceive, oid_value(Oid{functions.receive}));
  row.set(pg_type::typsend, oid_value(Oid{functions.send}));
  row.set(pg_type::typanalyze, oid_value(Oid{functions.analyze}));
  row.set(pg_type::typsubscript, oid_value(Oid{functions.subscript}));
  row.set(pg_type::typalign, char_value('d'));
  row.set(pg_type::typstorage, char_value('x'));
  row.set(pg_type::typtypmod, int4_value(-1));
}

/// "_name", with more underscores until it is free.
Result<std::string_view> choose_array_name(Store& store, std::string_view name, Oid schema) {
  for (std::string_view chosen = name;;) {
    chosen = type::truncate_name(store.arena().concat("_", chosen));
    SPG_ASSIGN(const Row* taken, store.find_one(StoredKey::type_name, {text_value(chosen), oid_value(schema)}));
    if (taken == nullptr) return chosen;
  }
}

}  // namespace

Result<Oid> Unit::add_row_types(Oid relation, std::string_view name, Oid schema) {
  SPG_ASSIGN(Row * taken, store.find_one(StoredKey::type_name, {text_value(name), oid_value(schema)}));
  if (taken != nullptr) {
    // A type of arrays gives way; any other keeps its name.
    if (taken->oid(pg_type::typelem) == Oid::none)
      return Error::make(sqlstate::duplicate_object, "type \"", name, "\" already exists")
          .hint(
              "A relation has an associated type of the same name, so you must use a name that doesn't conflict with "
              "any existing type.");
    SPG_ASSIGN(const std::string_view other, choose_array_name(store, name, schema));
    taken->set(pg_type::typname, text_value(other));
  }
  const Oid oid = view().new_oid(), array = view().new_oid();
  Row* row = store.add(Stored::type);
  fill_type(*row, oid, name, schema, catalog.role(), 'c', 'C', {2290, 2291, 2402, 2403, 0, 0});
  row->set(pg_type::typrelid, oid_value(relation));
  row->set(pg_type::typarray, oid_value(array));
  SPG_ASSIGN(const std::string_view array_name, choose_array_name(store, name, schema));
  row = store.add(Stored::type);
  fill_type(*row, array, array_name, schema, catalog.role(), 'b', 'A', {750, 751, 2400, 2401, 3816, 6179});
  row->set(pg_type::typelem, oid_value(oid));
  depend({pg_type::relation, oid, 0}, {pg_class::relation, relation, 0}, Dependency::internal);
  depend({pg_type::relation, array, 0}, {pg_type::relation, oid, 0}, Dependency::internal);
  return oid;
}

Result<Oid> Unit::set_default(Oid relation, Row& attribute, const sql::Expr& expr) {
  const auto* literal = sql::as<sql::Literal>(&expr);
  if (literal != nullptr && literal->form == sql::LiteralKind::null) return Oid::none;
  auto text = expression_text(catalog, expr, attribute.oid(pg_attribute::atttypid), arena);
  if (context.check_default != nullptr)
    SPG_TRY((*context.check_default)(expr, attribute.text(pg_attribute::attname), attribute.oid(pg_attribute::atttypid),
                                     attribute.int4(pg_attribute::atttypmod)));
  if (!text) return at(text.take_error(), expr.at);
  const Oid oid = view().new_oid();
  Row* row = store.add(Stored::attrdef);
  row->set(pg_attrdef::oid, oid_value(oid));
  row->set(pg_attrdef::adrelid, oid_value(relation));
  row->set(pg_attrdef::adnum, attribute.at(pg_attribute::attnum));
  row->set(pg_attrdef::adbin, text_value(*text));
  attribute.set(pg_attribute::atthasdef, bool_value(true));
  depend({pg_attrdef::relation, oid, 0}, {pg_class::relation, relation, attribute.int2(pg_attribute::attnum)},
         Dependency::automatic);
  return oid;
}

namespace {
/// The word or literal of an option, as pg_class.reloptions shows it.
std::string_view option_text(const sql::Option& option, Arena& arena) {
  if (option.value == nullptr) return "true";
  if (const auto* word = sql::as<sql::Word>(option.value)) return word->text;
  if (const auto* type = sql::as<sql::TypeName>(option.value)) return type->name.back();
  const auto* literal = sql::as<sql::Literal>(option.value);
  if (literal == nullptr) return "";
  switch (literal->form) {
    case sql::LiteralKind::integer: return arena.concat(literal->integer);
    case sql::LiteralKind::boolean: return literal->integer != 0 ? "true" : "false";
    default: return literal->text;
  }
}
}  // namespace

namespace {
/// PostgreSQL's storage parameters: numbers with bounds, booleans with none.
struct StorageParameter {
  std::string_view name;
  double least, greatest;
  enum class Kind : std::uint8_t { boolean, integer, real, word } kind;
  bool of_table, of_index, of_view = false;
};
constexpr auto integer = StorageParameter::Kind::integer, boolean = StorageParameter::Kind::boolean,
               real = StorageParameter::Kind::real, word = StorageParameter::Kind::word;
constexpr double int_max = 2147483647;
constexpr StorageParameter storage_parameters[] = {
    {"fillfactor", 10, 100, integer, true, true},
    {"toast_tuple_target", 128, 8160, integer, true, false},
    {"parallel_workers", 0, 1024, integer, true, false},
    {"user_catalog_table", 0, 1, boolean, true, false},
    {"autovacuum_enabled", 0, 1, boolean, true, false},
    {"vacuum_truncate", 0, 1, boolean, true, false},
    {"vacuum_index_cleanup", 0, 0, word, true, false},
    {"deduplicate_items", 0, 1, boolean, false, true},
    {"autovacuum_vacuum_threshold", 0, int_max, integer, true, false},
    {"autovacuum_vacuum_insert_threshold", -1, int_max, integer, true, false},
    {"autovacuum_analyze_threshold", 0, int_max, integer, true, false},
    {"autovacuum_vacuum_cost_limit", 1, 10000, integer, true, false},
    {"autovacuum_vacuum_cost_delay", 0, 100, real, true, false},
    {"autovacuum_vacuum_scale_factor", 0, 100, real, true, false},
    {"autovacuum_vacuum_insert_scale_factor", 0, 100, real, true, false},
    {"autovacuum_analyze_scale_factor", 0, 100, real, true, false},
    {"autovacuum_freeze_min_age", 0, 1000000000, integer, true, false},
    {"autovacuum_freeze_max_age", 100000, 2000000000, integer, true, false},
    {"autovacuum_freeze_table_age", 0, 2000000000, integer, true, false},
    {"autovacuum_multixact_freeze_min_age", 0, 1000000000, integer, true, false},
    {"autovacuum_multixact_freeze_max_age", 10000, 2000000000, integer, true, false},
    {"autovacuum_multixact_freeze_table_age", 0, 2000000000, integer, true, false},
    {"log_autovacuum_min_duration", -1, int_max, integer, true, false},
    {"security_barrier", 0, 1, boolean, false, false, true},
    {"security_invoker", 0, 1, boolean, false, false, true},
    {"check_option", 0, 0, word, false, false, true},
};

Status check_option(const sql::Option& option, char relkind, std::string_view text) {
  const StorageParameter* found = nullptr;
  for (const StorageParameter& one : storage_parameters)
    if (one.name == option.name && (relkind == 'i' ? one.of_index : relkind == 'v' ? one.of_view : one.of_table))
      found = &one;
  if (found == nullptr)
    return Error::make(sqlstate::invalid_parameter_value, "unrecognized parameter \"", option.name, "\"");
  if (found->of_view && found->kind == word && text != "local" && text != "cascaded")
    return Error::make(sqlstate::invalid_parameter_value, "invalid value for enum option \"", option.name, "\": ", text)
        .detail("Valid values are \"local\" and \"cascaded\".");
  if (found->kind == word) return ok();
  if (found->kind == boolean) {
    for (const std::string_view one : {"true", "false", "on", "off", "yes", "no", "1", "0", "t", "f", "y", "n"})
      if (text == one) return ok();
    return Error::make(sqlstate::invalid_parameter_value, "invalid value for boolean option \"", option.name, "\": ",
                       text);
  }
  double number = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = found->kind == real || number == std::floor(number);
  if (parsed.ec != std::errc{} || parsed.ptr != text.data() + text.size() || !whole)
    return Error::make(sqlstate::invalid_parameter_value, "invalid value for ",
                       found->kind == real ? "floating point" : "integer", " option \"", option.name, "\": ", text);
  if (number >= found->least && number <= found->greatest) return ok();
  const auto whole_text = [](double value) { return static_cast<std::int64_t>(value); };
  Error error = Error::make(sqlstate::invalid_parameter_value, "value ", text, " out of bounds for option \"",
                            option.name, "\"");
  if (found->kind == real)
    return std::move(error).detail("Valid values are between \"", whole_text(found->least), ".000000\" and \"",
                                   whole_text(found->greatest), ".000000\".");
  return std::move(error).detail("Valid values are between \"", whole_text(found->least), "\" and \"",
                                 whole_text(found->greatest), "\".");
}
}  // namespace

Status Unit::set_options(Row& relation, std::span<const sql::Option> options, bool reset) {
  if (!reset)
    for (const sql::Option& option : options)
      if (option.space.empty())
        SPG_TRY(check_option(option, relation.character(pg_class::relkind), option_text(option, arena)));
  Vec<Value> items(arena);
  if (!relation.is_null(pg_class::reloptions)) {
    type::ArrayReader reader(relation.at(pg_class::reloptions).as<type::StringRef>());
    for (Value item; reader.next(&item);) {
      const std::string_view text = arena.copy(item.as<type::StringRef>().view());
      bool replaced = false;
      for (const sql::Option& option : options) replaced |= text.substr(0, text.find('=')) == option.name;
      if (!replaced) items.push_back(text_value(text));
    }
  }
  if (!reset)
    for (const sql::Option& option : options)
      items.push_back(text_value(arena.concat(option.name, "=", option_text(option, arena))));
  if (items.empty()) {
    relation.set(pg_class::reloptions, Value::null_of(type::Physical::string));
    return ok();
  }
  const type::ArrayDimension dimension{static_cast<std::int32_t>(items.size()), 1};
  SPG_ASSIGN(const type::StringRef body, type::make_array(Oid{25}, {&dimension, 1}, items.span(), arena));
  relation.set(pg_class::reloptions, Value::of(type::Physical::string, body));
  return ok();
}

}  // namespace spg::catalog
