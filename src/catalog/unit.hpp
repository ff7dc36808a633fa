// Unit: what the DDL statements share: the rows that they read and change, name look-up, descriptions of objects,
// rights, choice of names, notices. One per statement; internal to the room.
#pragma once
#include "spg/catalog/ddl.hpp"
#include "spg/catalog/names.hpp"

namespace spg::catalog {

/// A catalog object: what pg_depend calls it.
struct Object {
  Oid catalog{};
  Oid oid{};
  std::int32_t sub = 0;  ///< column number, 0 = the whole
  bool operator==(const Object&) const = default;
};
enum class Dependency : char { normal = 'n', automatic = 'a', internal = 'i' };

struct IndexDefinition {
  std::string_view name;                  ///< empty: to be chosen
  std::span<const std::int16_t> columns;  ///< keys
  std::span<const std::int16_t> include;
  std::span<const Oid> classes;           ///< operator classes of the keys
  std::span<const std::int16_t> options;  ///< 1 = DESC, 2 = NULLS FIRST
  Oid access_method{403};
  bool unique = false, primary = false, is_constraint = false, if_not_exists = false, nulls_not_distinct = false;
  bool deferrable = false, initially_deferred = false;
  const Vec<sql::Option>* with = nullptr;
};

class Unit {
 public:
  explicit Unit(DdlContext& of)
      : context(of), catalog(*of.catalog), arena(*of.arena), store(&catalog.view(), catalog.shared_view(), arena) {}

  DdlContext& context;
  SessionCatalog& catalog;
  Arena& arena;
  Store store;

  txn::View& view() { return catalog.view(); }
  Status finish();
  Error at(Error error, std::int32_t place) const;
  void notify(Severity severity, Sqlstate code, std::string_view message, std::string_view detail = {}) const;

  // --- names
  Result<Oid> require_schema(std::string_view name, std::int32_t place = -1);
  Result<Oid> schema_for_new(const sql::TableRef& table);
  /// The pg_class row of a user's relation by name, this statement's changes included; null when there is none. A
  /// system relation is 42501. A schema that does not exist is 3F000 (or null with `missing_ok`).
  Result<Row*> find_relation(std::string_view schema, std::string_view name, bool missing_ok = false);
  Result<Row*> find_in_schema(Oid schema, std::string_view name);
  /// 42P01 when absent.
  Result<Row*> require_relation(const sql::TableRef& table);
  /// Also the kind must be a table ("is not a table") and the role its owner.
  Result<Row*> require_table(const sql::TableRef& table);
  Result<Row*> find_column(Oid relation, std::string_view name);
  Result<std::string_view> choose_name(std::string_view first, std::string_view second, std::string_view label,
                                       Oid schema, bool is_constraint);

  // --- descriptions: table t, column a of table t, ..
  Result<std::string_view> describe(const Object& object);
  Result<std::string_view> qualified(const Row& relation);
  static std::string_view kind_word(char relkind);

  // --- rights
  Result<bool> is_superuser();
  Result<bool> has_role(Oid owner);
  Status require_owner(Oid owner, std::string_view what, std::string_view name);
  Status require_owner(const Row& relation);
  /// Locks a table whose definition is about to change; it waits for those who use it.
  Status lock_definition(const Row& relation);
  Status require_create(Oid schema);
  Result<Oid> require_role(std::string_view name);

  // --- making
  void depend(const Object& object, const Object& on, Dependency kind);
  Status add_attribute(Oid relation, std::int16_t number, const ColumnDefinition& column, bool not_null);
  Row* add_class(Oid oid, std::string_view name, Oid schema, char kind, Oid access_method, std::uint32_t storage,
                 int columns);
  Result<Oid> add_row_types(Oid relation, std::string_view name, Oid schema);
  Result<Oid> set_default(Oid relation, Row& attribute, const sql::Expr& expr);
  Status define_index(Row& relation, const IndexDefinition& index);
  /// Default B-tree (or hash) operator class; 42704 with PostgreSQL's hint.
  Result<Oid> default_class(Oid type, Oid access_method, std::string_view method_name);
  Status set_options(Row& relation, std::span<const sql::Option> options, bool reset);

  // --- dropping (drop.cpp)
  Status drop_objects(std::span<const Object> roots, sql::DropBehavior behavior);
  Status remove_comments(const Object& object);
};

/// The row that a message is about.
Error with_names(Error error, std::string_view schema, std::string_view table, std::string_view column,
                 std::string_view constraint);

}  // namespace spg::catalog
