// Statements about the session, the server and its users: transactions, settings, prepared statements, cursors, COPY,
// EXPLAIN, maintenance, roles and privileges.
#pragma once
#include "spg/sql/ddl.hpp"

namespace spg::sql {

struct Privilege { Name name; Vec<Name> columns; };  ///< empty name: ALL
struct Grant : Tagged<NodeKind::grant, Statement> {
  bool revoke = false, option_only = false /* REVOKE GRANT OPTION FOR */, with_grant_option = false;
  bool all_in_schema = false;
  Vec<Privilege> privileges;   ///< empty: ALL
  ObjectKind object{};
  Vec<ObjectName> objects;     ///< schemas when all_in_schema
  Vec<Name> grantees;          ///< "public" is everybody
  Name granted_by;
  DropBehavior behavior = DropBehavior::unspecified;
};
struct GrantRole : Tagged<NodeKind::grant_role, Statement> {
  bool revoke = false, option_only = false, with_admin_option = false;
  Vec<Name> roles, grantees;
  Name granted_by;
  DropBehavior behavior = DropBehavior::unspecified;
};
struct DefaultPrivileges : Tagged<NodeKind::default_privileges, Statement> {
  Vec<Name> roles, schemas;
  Grant* grant = nullptr;
};

enum class RoleForm : std::uint8_t { role, user, group };
/// options: superuser, createdb, createrole, inherit, login, replication, bypassrls (boolean), password (string or
/// null), connection_limit, valid_until, in_roles, members, admin_members (names), sysid.
struct CreateRole : Tagged<NodeKind::create_role, Statement> {
  RoleForm form = RoleForm::role;
  Name name;
  Vec<Option> options;
};
/// ALTER GROUP g ADD/DROP USER: option "members" and add.
struct AlterRole : Tagged<NodeKind::alter_role, Statement> {
  RoleForm form = RoleForm::role;
  Name name;
  Vec<Option> options;
  bool drop_members = false;
};
struct Set;
/// ALTER ROLE/DATABASE .. SET/RESET
struct AlterRoleSet : Tagged<NodeKind::alter_role_set, Statement> {
  bool all_roles = false;
  bool of_database = false;   ///< ALTER DATABASE: role is empty
  Name role, database;
  Set* setting = nullptr;
};
struct DropRole : Tagged<NodeKind::drop_role, Statement> {
  RoleForm form = RoleForm::role;
  Vec<Name> roles;
  bool if_exists = false;
};
struct CreateDatabase : Tagged<NodeKind::create_database, Statement> { Name name; Vec<Option> options; };
struct AlterDatabase : Tagged<NodeKind::alter_database, Statement> { Name name; Vec<Option> options; };
struct DropDatabase : Tagged<NodeKind::drop_database, Statement> { Name name; bool if_exists = false, force = false; };
struct ReassignOwned : Tagged<NodeKind::reassign_owned, Statement> {
  bool drop = false;  ///< DROP OWNED
  Vec<Name> roles;
  Name new_owner;
  DropBehavior behavior = DropBehavior::unspecified;
};

enum class TransactionAction : std::uint8_t {
  begin, start, commit, rollback, savepoint, release, rollback_to, prepare, commit_prepared, rollback_prepared
};
enum class Isolation : std::uint8_t { unspecified, read_uncommitted, read_committed, repeatable_read, serializable };
enum class Toggle : std::uint8_t { unspecified, off, on };
/// SQLite's words for how early BEGIN locks; SPG's own.
enum class BeginMode : std::uint8_t { plain, immediate, exclusive };
struct TransactionModes {
  Isolation isolation = Isolation::unspecified;
  Toggle read_only = Toggle::unspecified, deferrable = Toggle::unspecified;
};
struct Transaction : Tagged<NodeKind::transaction, Statement> {
  TransactionAction action{};
  TransactionModes modes;
  BeginMode begin_mode = BeginMode::plain;
  bool chain = false;
  std::string_view name;  ///< savepoint; global id of PREPARE TRANSACTION
};

enum class SetAction : std::uint8_t {
  value,
  to_default,
  from_current,
  reset,
  reset_all,
  transaction,
  session_transaction,
  snapshot
};
struct Set : Tagged<NodeKind::set, Statement> {
  SetAction action = SetAction::value;
  bool local = false, session = false;
  Name name;            ///< "timezone" for TIME ZONE, dotted names joined
  Vec<Expr*> values;    ///< Literals (words as strings); TIME ZONE may hold a TypeCast to interval
  TransactionModes modes;
  std::string_view snapshot;
};
struct Show : Tagged<NodeKind::show, Statement> { Name name; };  ///< "all" for ALL
enum class DiscardWhat : std::uint8_t { all, plans, sequences, temporary };
struct Discard : Tagged<NodeKind::discard, Statement> { DiscardWhat what{}; };

struct Prepare : Tagged<NodeKind::prepare, Statement> { Name name; Vec<TypeName*> types; Statement* query = nullptr; };
struct Execute : Tagged<NodeKind::execute, Statement> { Name name; Vec<Expr*> params; };
struct Deallocate : Tagged<NodeKind::deallocate, Statement> { Name name; };  ///< empty: ALL

struct DeclareCursor : Tagged<NodeKind::declare_cursor, Statement> {
  Name name;
  bool binary = false, insensitive = false, asensitive = false, hold = false;
  bool scroll_conflict = false;  ///< SCROLL and NO SCROLL
  Toggle scroll = Toggle::unspecified;
  Select* query = nullptr;
};
enum class FetchDirection : std::uint8_t { forward, backward, absolute, relative };
struct Fetch : Tagged<NodeKind::fetch, Statement> {
  bool move = false;
  FetchDirection direction = FetchDirection::forward;
  bool all = false;
  std::int64_t count = 1;
  Name cursor;
};
struct Close : Tagged<NodeKind::close, Statement> { Name cursor; };  ///< empty: ALL

/// Old syntax is turned into the new options: format, delimiter, null, header, quote, escape, force_quote (names or
/// star), force_not_null, force_null, encoding, freeze.
struct Copy : Tagged<NodeKind::copy, Statement> {
  TableRef* table = nullptr;     ///< or
  Statement* query = nullptr;
  Vec<Name> columns;
  bool from = false, program = false;
  bool stream = false;           ///< STDIN or STDOUT: file is empty
  std::string_view file;
  Vec<Option> options;
  Expr* where = nullptr;
};
struct Explain : Tagged<NodeKind::explain, Statement> { Vec<Option> options; Statement* query = nullptr; };
struct VacuumTarget { TableRef* table = nullptr; Vec<Name> columns; };
struct Vacuum : Tagged<NodeKind::vacuum, Statement> {
  bool vacuum = true;
  Vec<Option> options;
  Vec<VacuumTarget> targets;
};
enum class ReindexTarget : std::uint8_t { index, table, schema, system, database };
struct Reindex : Tagged<NodeKind::reindex, Statement> {
  ReindexTarget target{};
  Vec<Option> options;
  bool concurrently = false;
  TableRef* relation = nullptr;
  Name name;                     ///< schema, system, database
};
struct Cluster : Tagged<NodeKind::cluster, Statement> { Vec<Option> options; TableRef* table = nullptr; Name index; };
struct Checkpoint : Tagged<NodeKind::checkpoint, Statement> {};
enum class LockMode : std::uint8_t {
  access_share = 1,
  row_share,
  row_exclusive,
  share_update_exclusive,
  share,
  share_row_exclusive,
  exclusive,
  access_exclusive
};
struct Lock : Tagged<NodeKind::lock, Statement> {
  Vec<TableRef*> tables;
  LockMode mode = LockMode::access_exclusive;
  bool nowait = false;
};
struct Listen : Tagged<NodeKind::listen, Statement> { Name channel; };
struct Unlisten : Tagged<NodeKind::unlisten, Statement> { Name channel; };  ///< empty: *
struct Notify : Tagged<NodeKind::notify, Statement> {
  Name channel;
  std::string_view payload;
  bool has_payload = false;
};
struct DoBlock : Tagged<NodeKind::do_block, Statement> { Name language; std::string_view body; };
struct Call : Tagged<NodeKind::call, Statement> { Expr* call = nullptr; };
struct Refresh : Tagged<NodeKind::refresh, Statement> {
  TableRef* view = nullptr;
  bool concurrently = false, with_data = true;
};
struct SetConstraints : Tagged<NodeKind::constraints_set, Statement> {
  Vec<TableRef*> names;
  bool deferred = false;
};  ///< no names: ALL
/// SPG's own: BACKUP TO 'file' [WITH (option, ..)]
struct Backup : Tagged<NodeKind::backup, Statement> { std::string_view file; Vec<Option> options; };
/// PostgreSQL knows the statement, SPG does not run it (0A000). `command` is its command tag.
struct Unsupported : Tagged<NodeKind::unsupported, Statement> { Name command; };

}  // namespace spg::sql
