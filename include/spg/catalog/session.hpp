// SessionCatalog: the Catalog of one session, over a view of its database and, for roles and databases, of the shared
// lineage. Stored objects are read through index probes and kept until the catalog stamp changes.
//
// What it returns lives until invalidate() or the first look-up after the stamp has changed. Threads: one at a time,
// the one that uses the views.
#pragma once
#include "spg/catalog/stored.hpp"

namespace spg::catalog {

class SessionCatalog final : public Catalog {
 public:
  /// The views must outlive the catalog; `shared` may be null (then no role has a name).
  SessionCatalog(txn::View& view, txn::View* shared, MemoryBudget& budget);
  SessionCatalog(const SessionCatalog&) = delete;
  SessionCatalog& operator=(const SessionCatalog&) = delete;
  ~SessionCatalog() override = default;

  /// The setting's list; "$user" stands for the current role's name. Copied.
  void set_search_path(std::span<const std::string_view> schemas);
  void set_role(Oid role, std::string_view name);
  Oid role() const { return role_; }
  std::string_view role_name() const { return role_name_; }
  /// The name that information_schema and pg_database rows show as the current database.
  void set_database(std::string_view name) { database_name_ = settings_.copy(name); }
  std::string_view database_name() const { return database_name_; }
  /// Forgets what is cached: called at the end of a statement that changed the catalog.
  void invalidate() { is_loaded_ = false; }
  /// The error that a look-up without a Result has met (a cold read, say) since the last call.
  Status take_error() { return std::move(error_); }

  /// OIDs of the schemas that names are looked up in, pg_catalog included.
  Result<std::span<const Oid>> search_path();
  /// Of the search path as it is written: what current_schemas(false) shows.
  Result<std::span<const Oid>> written_path();
  /// Where unqualified CREATE puts things; none when the path has no schema that exists.
  Result<Oid> creation_schema();
  /// The index with its relation; null when there is none. Built-in indexes are not here.
  Result<const Relation*> relation_of_index(Oid index);
  /// The view whose query the rule is; null when there is none.
  Result<const Relation*> relation_of_rule(Oid rule);
  txn::View& view() { return *view_; }
  txn::View* shared_view() { return shared_; }

  const Type* type(Oid oid) override;
  const Type* type(std::string_view schema, std::string_view name) override;
  const Function* function(Oid oid) override;
  std::span<const Function* const> functions(std::string_view schema, std::string_view name) override;
  const Operator* operator_(Oid oid) override;
  std::span<const Operator* const> operators(std::string_view schema, std::string_view name) override;
  const Cast* cast(Oid source, Oid target) override;
  Comparison comparison_of(Oid operator_oid) override;
  const Operator* comparison(Oid left, Oid right, Comparison comparison) override;
  Result<const Relation*> relation(std::string_view schema, std::string_view name) override;
  Result<const Relation*> relation(Oid oid) override;
  Result<Oid> schema_oid(std::string_view name) override;
  Result<std::string_view> schema_name(Oid oid) override;
  Result<Oid> reg_in(Oid type, std::string_view text, Arena& arena) override;
  Result<std::string_view> reg_out(Oid type, Oid value, Arena& arena) override;
  /// In one schema only.
  Result<const Relation*> relation_in(Oid schema, std::string_view name);

 private:
  struct RelationEntry {
    Oid oid;
    const Relation* relation;
    RelationEntry* next;
  };
  struct NameEntry {
    Oid schema;
    std::string_view name;
    Oid oid;
    NameEntry* next;
  };
  struct TypeEntry {
    Oid oid;
    const Type* type;
    TypeEntry* next;
  };
  struct SchemaEntry {
    Oid oid;
    std::string_view name;
    SchemaEntry* next;
  };
  static constexpr std::size_t bucket_count = 128;

  void refresh();
  Status load_path();
  Result<const Relation*> load_relation(Store& store, const Row& row);
  Result<const ViewInfo*> load_view(Store& store, const Row& row);
  Result<const Type*> load_type(const Row& row);
  Result<const Type*> find_type(Oid oid);
  Result<const Type*> find_type(std::string_view schema, std::string_view name);

  txn::View* view_;
  txn::View* shared_;
  Arena settings_, cache_, scratch_;
  Oid role_ = bootstrap_superuser;
  std::string_view role_name_ = "postgres", database_name_ = "postgres";
  std::span<const std::string_view> path_names_;
  std::uint64_t stamp_ = 0;
  bool is_loaded_ = false, path_loaded_ = false;
  std::span<const Oid> path_, written_path_;
  Oid creation_schema_ = Oid::none;
  RelationEntry** relations_ = nullptr;
  NameEntry** names_ = nullptr;
  TypeEntry** types_ = nullptr;
  SchemaEntry* schemas_ = nullptr;
  Error error_;
};

}  // namespace spg::catalog
