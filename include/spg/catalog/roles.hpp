// Roles: CREATE, ALTER and DROP ROLE, membership, and what authentication asks. Roles live in the shared lineage;
// passwords are kept as SCRAM-SHA-256 verifiers only.
#pragma once
#include "spg/catalog/ddl.hpp"

namespace spg::catalog {

struct RoleInfo {
  Oid oid{};
  std::string_view name;               ///< in the arena
  std::string_view password_verifier;  ///< "SCRAM-SHA-256$..", empty when there is no password
  bool superuser = false, can_login = false, create_db = false, create_role = false, replication = false,
       bypass_rls = false;
  std::int32_t connection_limit = -1;
  bool has_valid_until = false;
  std::int64_t valid_until = 0;  ///< microseconds since 2000-01-01 UTC
};

/// Reads the shared lineage in a statement of its own. `found` says whether there is such a role.
struct FoundRole {
  bool found = false;
  RoleInfo role;
};
Result<FoundRole> find_role(txn::View& shared, std::string_view name, Arena& arena);

struct DatabaseInfo {
  bool found = false;
  Oid oid{};
  Oid owner{};
  bool allows_connections = true;
};
Result<DatabaseInfo> find_database(txn::View& shared, std::string_view name, Arena& arena);

Status create_role(DdlContext& context, const sql::CreateRole& statement);
Status alter_role(DdlContext& context, const sql::AlterRole& statement);
Status drop_role(DdlContext& context, const sql::DropRole& statement);
/// GRANT role TO role, REVOKE role FROM role.
Status grant_role(DdlContext& context, const sql::GrantRole& statement);

/// Built-in roles (pg_monitor and so on) have no rows in the store: null for them.
Result<Row*> find_role_row(Store& store, std::string_view name);
Result<Row*> find_role_row(Store& store, Oid oid);
Result<bool> is_superuser(Store& store, Oid role);
/// Whether a role is, or is a member of (directly or not), or as superuser may act as, another.
Result<bool> has_role(Store& store, Oid role, Oid other);

}  // namespace spg::catalog
