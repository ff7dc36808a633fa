// The functions that tools call on catalogs, as plain functions for exec to register by PostgreSQL's function OIDs.
//
// Each reads through the session's catalog in the running statement; texts live in the arena. `Text` is NULL where
// PostgreSQL's function answers NULL (an object that does not exist).
#pragma once
#include "spg/catalog/names.hpp"
#include "spg/catalog/session.hpp"

namespace spg::catalog {

struct Text {
  std::string_view text;
  bool is_null = false;
  static Text null() { return {{}, true}; }
};
struct FoundOid {
  Oid oid{};
  bool is_null = false;
};
struct FoundBool {
  bool value = false;
  bool is_null = false;
};
struct FoundInt8 {
  std::int64_t value = 0;
  bool is_null = false;
};

/// An index of either kind, as pg_index has it.
struct IndexFacts {
  bool found = false;
  Oid table{}, schema{};
  std::string_view table_name, name;
  std::span<const std::int16_t> columns;  ///< with the included ones
  std::size_t key_count = 0;
  std::span<const std::int16_t> options;
  std::span<const Oid> classes;
  Oid access_method{};
  bool unique = false, primary = false, nulls_not_distinct = false;
  std::string_view reloptions;  ///< "fillfactor='70'"
};
Result<IndexFacts> index_facts(SessionCatalog& catalog, Oid index, Arena& arena);

// --- definitions
/// `column` 0 = the whole statement.
Result<Text> pg_get_indexdef(SessionCatalog& catalog, Oid index, std::int32_t column, bool pretty, Arena& arena);
Result<Text> pg_get_constraintdef(SessionCatalog& catalog, Oid constraint, bool pretty, Arena& arena);
/// Stored expressions are SQL text already.
inline Text pg_get_expr(std::string_view expression) { return {expression}; }
Text pg_get_function_arguments(SessionCatalog& catalog, Oid function, bool with_defaults, Arena& arena);
Text pg_get_function_result(SessionCatalog& catalog, Oid function, Arena& arena);
/// CREATE OR REPLACE FUNCTION ... of a built-in function; NULL for one whose body is a parsed query.
Result<Text> pg_get_functiondef(SessionCatalog& catalog, Oid function, Arena& arena);

// --- visibility: whether the bare name finds it. NULL when there is no such object.
Result<FoundBool> pg_table_is_visible(SessionCatalog& catalog, Oid relation);
Result<FoundBool> pg_type_is_visible(SessionCatalog& catalog, Oid type);
FoundBool pg_function_is_visible(SessionCatalog& catalog, Oid function);
FoundBool pg_operator_is_visible(SessionCatalog& catalog, Oid op);
/// For collations, conversions, operator classes and families, text search objects: all are built in, in pg_catalog.
/// `of` is the catalog that they are rows of.
FoundBool pg_builtin_is_visible(Oid of, Oid object);
/// Whether logical replication could publish it: a user's table that is logged.
Result<FoundBool> pg_relation_is_publishable(SessionCatalog& catalog, Oid relation);

// --- names and OIDs. The readers give an error for what does not exist; to_*() gives NULL instead.
Result<Oid> regclass_in(SessionCatalog& catalog, std::string_view text, Arena& arena);
Result<Oid> regtype_in(SessionCatalog& catalog, std::string_view text, Arena& arena);
Result<Oid> regproc_in(SessionCatalog& catalog, std::string_view text, Arena& arena);
Result<Oid> regprocedure_in(SessionCatalog& catalog, std::string_view text, Arena& arena);
Result<Oid> regnamespace_in(SessionCatalog& catalog, std::string_view text, Arena& arena);
Result<Oid> regrole_in(SessionCatalog& catalog, std::string_view text, Arena& arena);
Result<std::string_view> regclass_out(SessionCatalog& catalog, Oid oid, Arena& arena);
Result<std::string_view> regtype_out(SessionCatalog& catalog, Oid oid, Arena& arena);
std::string_view regproc_out(SessionCatalog& catalog, Oid oid, Arena& arena);
std::string_view regprocedure_out(SessionCatalog& catalog, Oid oid, Arena& arena);
Result<std::string_view> regnamespace_out(SessionCatalog& catalog, Oid oid, Arena& arena);
Result<std::string_view> regrole_out(SessionCatalog& catalog, Oid oid, Arena& arena);
/// Turns the "does not exist" errors of a reader into NULL: to_regclass(x) = or_null(regclass_in(x)).
Result<FoundOid> or_null(Result<Oid> found);

// --- comments
Result<Text> obj_description(SessionCatalog& catalog, Oid object, std::string_view catalog_name, Arena& arena);
Result<Text> col_description(SessionCatalog& catalog, Oid relation, std::int32_t column, Arena& arena);

// --- the rest
/// "unknown (OID=7)" when there is no such role.
Result<std::string_view> pg_get_userbyid(SessionCatalog& catalog, Oid role, Arena& arena);
std::string_view pg_encoding_to_char(std::int32_t encoding);
std::int32_t pg_char_to_encoding(std::string_view name);
Result<Text> current_schema(SessionCatalog& catalog);
Result<std::span<const std::string_view>> current_schemas(SessionCatalog& catalog, bool implicit, Arena& arena);
/// Estimates from row counts and column widths; NULL when there is no such relation.
/// What is on disk, and what is in memory only, without what belongs to others: a table without its indexes. Of what is on disk
/// and has not been looked at since the start (TableStorage) an estimate.
Result<FoundInt8> pg_relation_size(SessionCatalog& catalog, Oid relation, Arena& arena);
Result<FoundInt8> pg_indexes_size(SessionCatalog& catalog, Oid relation, Arena& arena);

enum class PrivilegeOn : std::uint8_t { relation, schema, database, function, type, sequence, language, tablespace };
/// has_*_privilege(role, object, 'SELECT, INSERT'): owners, their members and superusers have all; everybody reads
/// system relations and uses built-in functions and types. 22023 for a word that is no privilege of such objects.
Result<FoundBool> has_privilege(SessionCatalog& catalog, Oid role, PrivilegeOn on, Oid object,
                                std::string_view privileges, Arena& arena);
/// pg_has_role(role, other, ..)
Result<bool> pg_has_role(SessionCatalog& catalog, Oid role, Oid other, Arena& arena);

}  // namespace spg::catalog
