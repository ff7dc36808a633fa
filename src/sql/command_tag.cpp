// The names of commands, as CommandComplete and error messages show them.
#include "spg/sql/parser.hpp"
#include "spg/sql/utility.hpp"

namespace spg::sql {

std::string_view object_word(ObjectKind object) {
  constexpr std::string_view words[] = {"TABLE",
                                        "INDEX",
                                        "VIEW",
                                        "MATERIALIZED VIEW",
                                        "SEQUENCE",
                                        "SCHEMA",
                                        "DATABASE",
                                        "ROLE",
                                        "TYPE",
                                        "DOMAIN",
                                        "FUNCTION",
                                        "PROCEDURE",
                                        "ROUTINE",
                                        "AGGREGATE",
                                        "OPERATOR",
                                        "OPERATOR CLASS",
                                        "OPERATOR FAMILY",
                                        "COLLATION",
                                        "CONVERSION",
                                        "EXTENSION",
                                        "FOREIGN TABLE",
                                        "TRIGGER",
                                        "RULE",
                                        "POLICY",
                                        "TABLESPACE",
                                        "CAST",
                                        "COLUMN",
                                        "CONSTRAINT",
                                        "CONSTRAINT",
                                        "LANGUAGE",
                                        "PUBLICATION",
                                        "SUBSCRIPTION",
                                        "SERVER",
                                        "FOREIGN DATA WRAPPER",
                                        "EVENT TRIGGER",
                                        "ACCESS METHOD",
                                        "STATISTICS",
                                        "TEXT SEARCH PARSER",
                                        "TEXT SEARCH DICTIONARY",
                                        "TEXT SEARCH TEMPLATE",
                                        "TEXT SEARCH CONFIGURATION",
                                        "TRANSFORM",
                                        "USER MAPPING",
                                        "LARGE OBJECT",
                                        "ATTRIBUTE"};
  return words[static_cast<std::size_t>(object)];
}

namespace {

std::string_view alter_tag(ObjectKind object) {
  constexpr std::string_view tags[] = {"ALTER TABLE",
                                       "ALTER INDEX",
                                       "ALTER VIEW",
                                       "ALTER MATERIALIZED VIEW",
                                       "ALTER SEQUENCE",
                                       "ALTER SCHEMA",
                                       "ALTER DATABASE",
                                       "ALTER ROLE",
                                       "ALTER TYPE",
                                       "ALTER DOMAIN",
                                       "ALTER FUNCTION",
                                       "ALTER PROCEDURE",
                                       "ALTER ROUTINE",
                                       "ALTER AGGREGATE",
                                       "ALTER OPERATOR",
                                       "ALTER OPERATOR CLASS",
                                       "ALTER OPERATOR FAMILY",
                                       "ALTER COLLATION",
                                       "ALTER CONVERSION",
                                       "ALTER EXTENSION",
                                       "ALTER FOREIGN TABLE",
                                       "ALTER TRIGGER",
                                       "ALTER RULE",
                                       "ALTER POLICY",
                                       "ALTER TABLESPACE",
                                       "ALTER CAST",
                                       "ALTER TABLE",
                                       "ALTER TABLE",
                                       "ALTER DOMAIN",
                                       "ALTER LANGUAGE",
                                       "ALTER PUBLICATION",
                                       "ALTER SUBSCRIPTION",
                                       "ALTER SERVER",
                                       "ALTER FOREIGN DATA WRAPPER",
                                       "ALTER EVENT TRIGGER",
                                       "ALTER ACCESS METHOD",
                                       "ALTER STATISTICS",
                                       "ALTER TEXT SEARCH PARSER",
                                       "ALTER TEXT SEARCH DICTIONARY",
                                       "ALTER TEXT SEARCH TEMPLATE",
                                       "ALTER TEXT SEARCH CONFIGURATION",
                                       "ALTER TRANSFORM",
                                       "ALTER USER MAPPING",
                                       "ALTER LARGE OBJECT",
                                       "ALTER TYPE"};
  return tags[static_cast<std::size_t>(object)];
}

std::string_view drop_tag(ObjectKind object) {
  constexpr std::string_view tags[] = {"DROP TABLE",
                                       "DROP INDEX",
                                       "DROP VIEW",
                                       "DROP MATERIALIZED VIEW",
                                       "DROP SEQUENCE",
                                       "DROP SCHEMA",
                                       "DROP DATABASE",
                                       "DROP ROLE",
                                       "DROP TYPE",
                                       "DROP DOMAIN",
                                       "DROP FUNCTION",
                                       "DROP PROCEDURE",
                                       "DROP ROUTINE",
                                       "DROP AGGREGATE",
                                       "DROP OPERATOR",
                                       "DROP OPERATOR CLASS",
                                       "DROP OPERATOR FAMILY",
                                       "DROP COLLATION",
                                       "DROP CONVERSION",
                                       "DROP EXTENSION",
                                       "DROP FOREIGN TABLE",
                                       "DROP TRIGGER",
                                       "DROP RULE",
                                       "DROP POLICY",
                                       "DROP TABLESPACE",
                                       "DROP CAST",
                                       "DROP COLUMN",
                                       "DROP CONSTRAINT",
                                       "DROP CONSTRAINT",
                                       "DROP LANGUAGE",
                                       "DROP PUBLICATION",
                                       "DROP SUBSCRIPTION",
                                       "DROP SERVER",
                                       "DROP FOREIGN DATA WRAPPER",
                                       "DROP EVENT TRIGGER",
                                       "DROP ACCESS METHOD",
                                       "DROP STATISTICS",
                                       "DROP TEXT SEARCH PARSER",
                                       "DROP TEXT SEARCH DICTIONARY",
                                       "DROP TEXT SEARCH TEMPLATE",
                                       "DROP TEXT SEARCH CONFIGURATION",
                                       "DROP TRANSFORM",
                                       "DROP USER MAPPING",
                                       "DROP LARGE OBJECT",
                                       "DROP ATTRIBUTE"};
  return tags[static_cast<std::size_t>(object)];
}

std::string_view transaction_tag(TransactionAction action) {
  constexpr std::string_view tags[] = {"BEGIN",           "START TRANSACTION", "COMMIT",   "ROLLBACK",
                                       "SAVEPOINT",       "RELEASE",           "ROLLBACK", "PREPARE TRANSACTION",
                                       "COMMIT PREPARED", "ROLLBACK PREPARED"};
  return tags[static_cast<std::size_t>(action)];
}

}  // namespace

std::string_view command_tag(const Statement& statement) {
  switch (statement.kind) {
    case NodeKind::select: {
      const Select* query = &to<Select>(statement);
      while (query->left != nullptr) query = query->left;
      return query->into != nullptr ? "SELECT INTO" : "SELECT";
    }
    case NodeKind::insert: return "INSERT";
    case NodeKind::update: return "UPDATE";
    case NodeKind::delete_: return "DELETE";
    case NodeKind::merge: return "MERGE";
    case NodeKind::create_table:
      return to<CreateTable>(statement).foreign_server.empty() ? "CREATE TABLE" : "CREATE FOREIGN TABLE";
    case NodeKind::create_table_as:
      return to<CreateTableAs>(statement).materialized_view ? "CREATE MATERIALIZED VIEW" : "CREATE TABLE AS";
    case NodeKind::alter_table: return alter_tag(to<AlterTable>(statement).object);
    case NodeKind::drop: return drop_tag(to<Drop>(statement).object);
    case NodeKind::create_index: return "CREATE INDEX";
    case NodeKind::create_view: return "CREATE VIEW";
    case NodeKind::create_schema: return "CREATE SCHEMA";
    case NodeKind::create_sequence: return "CREATE SEQUENCE";
    case NodeKind::alter_sequence: return "ALTER SEQUENCE";
    case NodeKind::create_type: return "CREATE TYPE";
    case NodeKind::create_domain: return "CREATE DOMAIN";
    case NodeKind::alter_enum: return "ALTER TYPE";
    case NodeKind::alter_domain: return "ALTER DOMAIN";
    case NodeKind::create_function:
      return to<CreateFunction>(statement).procedure ? "CREATE PROCEDURE" : "CREATE FUNCTION";
    case NodeKind::create_trigger: return "CREATE TRIGGER";
    case NodeKind::create_extension: return "CREATE EXTENSION";
    case NodeKind::rename: {
      const auto& rename = to<Rename>(statement);
      const bool part = rename.object == ObjectKind::column || rename.object == ObjectKind::constraint;
      return alter_tag(part ? rename.parent : rename.object);
    }
    case NodeKind::set_owner: return alter_tag(to<SetOwner>(statement).object);
    case NodeKind::set_schema: return alter_tag(to<SetSchema>(statement).object);
    case NodeKind::truncate: return "TRUNCATE TABLE";
    case NodeKind::comment: return "COMMENT";
    case NodeKind::grant: return to<Grant>(statement).revoke ? "REVOKE" : "GRANT";
    case NodeKind::grant_role: return to<GrantRole>(statement).revoke ? "REVOKE ROLE" : "GRANT ROLE";
    case NodeKind::create_role: return "CREATE ROLE";
    case NodeKind::alter_role: return "ALTER ROLE";
    case NodeKind::alter_role_set: return to<AlterRoleSet>(statement).of_database ? "ALTER DATABASE" : "ALTER ROLE";
    case NodeKind::create_database: return "CREATE DATABASE";
    case NodeKind::alter_database: return "ALTER DATABASE";
    case NodeKind::drop_role: return "DROP ROLE";
    case NodeKind::drop_database: return "DROP DATABASE";
    case NodeKind::default_privileges: return "ALTER DEFAULT PRIVILEGES";
    case NodeKind::transaction: return transaction_tag(to<Transaction>(statement).action);
    case NodeKind::set: {
      const auto action = to<Set>(statement).action;
      return action == SetAction::reset || action == SetAction::reset_all ? "RESET" : "SET";
    }
    case NodeKind::show: return "SHOW";
    case NodeKind::discard: {
      constexpr std::string_view tags[] = {"DISCARD ALL", "DISCARD PLANS", "DISCARD SEQUENCES", "DISCARD TEMP"};
      return tags[static_cast<std::size_t>(to<Discard>(statement).what)];
    }
    case NodeKind::prepare: return "PREPARE";
    case NodeKind::execute: return "EXECUTE";
    case NodeKind::deallocate: return to<Deallocate>(statement).name.empty() ? "DEALLOCATE ALL" : "DEALLOCATE";
    case NodeKind::declare_cursor: return "DECLARE CURSOR";
    case NodeKind::fetch: return to<Fetch>(statement).move ? "MOVE" : "FETCH";
    case NodeKind::close: return to<Close>(statement).cursor.empty() ? "CLOSE CURSOR ALL" : "CLOSE CURSOR";
    case NodeKind::copy: return "COPY";
    case NodeKind::explain: return "EXPLAIN";
    case NodeKind::vacuum: return to<Vacuum>(statement).vacuum ? "VACUUM" : "ANALYZE";
    case NodeKind::reindex: return "REINDEX";
    case NodeKind::cluster: return "CLUSTER";
    case NodeKind::checkpoint: return "CHECKPOINT";
    case NodeKind::lock: return "LOCK TABLE";
    case NodeKind::listen: return "LISTEN";
    case NodeKind::notify: return "NOTIFY";
    case NodeKind::unlisten: return "UNLISTEN";
    case NodeKind::do_block: return "DO";
    case NodeKind::call: return "CALL";
    case NodeKind::refresh: return "REFRESH MATERIALIZED VIEW";
    case NodeKind::constraints_set: return "SET CONSTRAINTS";
    case NodeKind::reassign_owned: return to<ReassignOwned>(statement).drop ? "DROP OWNED" : "REASSIGN OWNED";
    case NodeKind::backup: return "BACKUP";
    case NodeKind::unsupported: return to<Unsupported>(statement).command;
    default: return "???";
  }
}

}  // namespace spg::sql
