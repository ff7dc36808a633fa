#include "spg/catalog/roles.hpp"

#include "spg/catalog/builtin.hpp"
#include "spg/crypto/scram.hpp"
#include "spg/type/io.hpp"
#include "unit.hpp"

namespace spg::catalog {

namespace {

/// The OID of a role that PostgreSQL has from the start (pg_monitor, ..); none when there is no such.
Oid built_in_role(std::string_view name) {
  if (!name.starts_with("pg_")) return Oid::none;
  builtin::RowReader reader(*builtin::find_rows(pg_authid::relation));
  for (std::string_view fields[12]; reader.next(fields);) {
    if (fields[1] != name) continue;
    std::uint32_t oid = 0;
    for (const char c : fields[0]) oid = oid * 10 + static_cast<std::uint32_t>(c - '0');
    return Oid{oid};
  }
  return Oid::none;
}

RoleInfo info_of(const Row& row, Arena& arena) {
  RoleInfo info;
  info.oid = row.oid(pg_authid::oid);
  info.name = arena.copy(row.text(pg_authid::rolname));
  info.password_verifier = arena.copy(row.text(pg_authid::rolpassword));
  info.superuser = row.boolean(pg_authid::rolsuper);
  info.can_login = row.boolean(pg_authid::rolcanlogin);
  info.create_db = row.boolean(pg_authid::rolcreatedb);
  info.create_role = row.boolean(pg_authid::rolcreaterole);
  info.replication = row.boolean(pg_authid::rolreplication);
  info.bypass_rls = row.boolean(pg_authid::rolbypassrls);
  info.connection_limit = row.int4(pg_authid::rolconnlimit);
  info.has_valid_until = !row.is_null(pg_authid::rolvaliduntil);
  if (info.has_valid_until) info.valid_until = row.at(pg_authid::rolvaliduntil).as<std::int64_t>();
  return info;
}

}  // namespace

Result<FoundRole> find_role(txn::View& shared, std::string_view name, Arena& arena) {
  Store store(nullptr, &shared, arena);
  SPG_ASSIGN(const Row* row, find_role_row(store, name));
  if (row == nullptr) return FoundRole{};
  return FoundRole{true, info_of(*row, arena)};
}

Result<DatabaseInfo> find_database(txn::View& shared, std::string_view name, Arena& arena) {
  Store store(nullptr, &shared, arena);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::database_name, {text_value(name)}));
  if (row == nullptr) return DatabaseInfo{};
  return DatabaseInfo{true, row->oid(pg_database::oid), row->oid(pg_database::datdba),
                      row->boolean(pg_database::datallowconn)};
}

Result<Row*> find_role_row(Store& store, std::string_view name) {
  if (store.shared_view() == nullptr) return nullptr;
  return store.find_one(StoredKey::authid_name, {text_value(name)});
}
Result<Row*> find_role_row(Store& store, Oid oid) {
  if (store.shared_view() == nullptr) return nullptr;
  return store.find_one(StoredKey::authid_oid, {oid_value(oid)});
}

Result<bool> is_superuser(Store& store, Oid role) {
  if (role == bootstrap_superuser) return true;
  SPG_ASSIGN(const Row* row, find_role_row(store, role));
  return row != nullptr && row->boolean(pg_authid::rolsuper);
}

Result<bool> has_role(Store& store, Oid role, Oid other) {
  if (role == other) return true;
  SPG_ASSIGN(const bool superuser, is_superuser(store, role));
  if (superuser || store.shared_view() == nullptr) return superuser;
  // Breadth first through the roles that it belongs to.
  Vec<Oid> seen(store.arena());
  seen.push_back(role);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    SPG_ASSIGN(const Vec<Row*> rows, store.find(StoredKey::auth_members_member, {oid_value(seen[i])}));
    for (const Row* row : rows) {
      const Oid group = row->oid(pg_auth_members::roleid);
      if (group == other) return true;
      bool known = false;
      for (const Oid one : seen) known |= one == group;
      if (!known) seen.push_back(group);
    }
  }
  return false;
}

// --- CREATE, ALTER
// ------------------------------------------------------------------------------------------------------

namespace {

constexpr std::size_t password_bytes_max = 1024;

struct Flag {
  std::string_view option;
  std::uint16_t column;
};
constexpr Flag flags[] = {{"superuser", pg_authid::rolsuper},       {"createdb", pg_authid::rolcreatedb},
                          {"createrole", pg_authid::rolcreaterole}, {"inherit", pg_authid::rolinherit},
                          {"login", pg_authid::rolcanlogin},        {"replication", pg_authid::rolreplication},
                          {"bypassrls", pg_authid::rolbypassrls}};

bool is_true(const sql::Option& option) {
  const auto* literal = sql::as<sql::Literal>(option.value);
  return literal == nullptr || literal->integer != 0;
}

Status check_new_name(std::string_view name) {
  if (name == "public" || name == "none")
    return Error::make(sqlstate::reserved_name, "role name \"", name, "\" is reserved");
  if (name.starts_with("pg_"))
    return Error::make(sqlstate::reserved_name, "role name \"", name, "\" is reserved")
        .detail("Role names starting with \"pg_\" are reserved.");
  return ok();
}

Status require_create_role(Unit& unit, std::string_view verb) {
  SPG_ASSIGN(const bool superuser, unit.is_superuser());
  if (superuser) return ok();
  SPG_ASSIGN(const Row* self, find_role_row(unit.store, unit.catalog.role()));
  if (self != nullptr && self->boolean(pg_authid::rolcreaterole)) return ok();
  if (verb == "alter") return Error::make(sqlstate::insufficient_privilege, "permission denied");
  return Error::make(sqlstate::insufficient_privilege, "permission denied to ", verb, " role");
}

Status set_password(Unit& unit, Row& role, const sql::Option& option) {
  const auto* literal = sql::as<sql::Literal>(option.value);
  if (literal == nullptr || literal->form != sql::LiteralKind::string) {
    role.set(pg_authid::rolpassword, type::Value::null_of(type::Physical::string));
    return ok();
  }
  const std::string_view password = literal->text;
  if (password.empty()) {
    unit.notify(Severity::notice, sqlstate::successful_completion,
                "empty string is not a valid password, clearing password");
    role.set(pg_authid::rolpassword, type::Value::null_of(type::Physical::string));
    return ok();
  }
  if (crypto::parse_scram_verifier(password)) {
    role.set(pg_authid::rolpassword, text_value(password));
    return ok();
  }
  if (password.size() > password_bytes_max)
    return Error::make(sqlstate::invalid_parameter_value, "password is too long");
  if (unit.context.host == nullptr)
    return Error::make(sqlstate::feature_not_supported, "passwords are not supported here");
  std::byte salt[crypto::scram_salt_bytes_default];
  unit.context.host->fill_random(salt);
  const auto text = crypto::scram_verifier_text(crypto::make_scram_verifier(password, salt));
  role.set(pg_authid::rolpassword, text_value(unit.arena.copy(text.view())));
  return ok();
}

Status set_valid_until(Unit& unit, Row& role, const sql::Option& option) {
  const auto* literal = sql::as<sql::Literal>(option.value);
  if (literal == nullptr || literal->form != sql::LiteralKind::string) {
    role.set(pg_authid::rolvaliduntil, type::Value::null_of(type::Physical::int8));
    return ok();
  }
  SPG_ASSIGN(const type::Value value, type::input(Oid{1184}, literal->text, -1, {}, unit.arena));
  role.set(pg_authid::rolvaliduntil, value);
  return ok();
}

Result<Row*> require_role_row(Unit& unit, std::string_view name) {
  SPG_ASSIGN(Row * row, find_role_row(unit.store, name));
  if (row == nullptr) return Error::make(sqlstate::undefined_object, "role \"", name, "\" does not exist");
  return row;
}

Result<Oid> role_or_built_in(Unit& unit, std::string_view name) {
  if (const Oid oid = built_in_role(name); oid != Oid::none) return oid;
  SPG_ASSIGN(const Row* row, require_role_row(unit, name));
  return row->oid(pg_authid::oid);
}

Status add_member(Unit& unit, Oid group, std::string_view group_name, Oid member, std::string_view member_name,
                  bool admin, bool tell) {
  if (group == member)
    return Error::make(sqlstate::invalid_object_definition, "role \"", group_name, "\" is a member of role \"",
                       member_name, "\"");
  SPG_ASSIGN(Row * known, unit.store.find_one(StoredKey::auth_members_role, {oid_value(group), oid_value(member)}));
  if (known != nullptr) {
    if (admin && !known->boolean(pg_auth_members::admin_option))
      known->set(pg_auth_members::admin_option, bool_value(true));
    else if (tell)
      unit.notify(Severity::notice, sqlstate::successful_completion,
                  unit.arena.concat("role \"", member_name, "\" is already a member of role \"", group_name, "\""));
    return ok();
  }
  // No role may come to be a member of itself. (A superuser "has" every role; only memberships count here.)
  Vec<Oid> seen(unit.arena);
  seen.push_back(group);
  for (std::size_t i = 0; i < seen.size(); ++i) {
    SPG_ASSIGN(const Vec<Row*> rows, unit.store.find(StoredKey::auth_members_member, {oid_value(seen[i])}));
    for (const Row* row : rows) {
      if (row->oid(pg_auth_members::roleid) == member)
        return Error::make(sqlstate::invalid_grant_operation, "role \"", group_name, "\" is a member of role \"",
                           member_name, "\"");
      seen.push_back(row->oid(pg_auth_members::roleid));
    }
  }
  Row* row = unit.store.add(Stored::auth_members);
  row->set(pg_auth_members::roleid, oid_value(group));
  row->set(pg_auth_members::member, oid_value(member));
  row->set(pg_auth_members::grantor, oid_value(unit.catalog.role()));
  row->set(pg_auth_members::admin_option, bool_value(admin));
  return ok();
}

Status apply_options(Unit& unit, Row& role, std::span<const sql::Option> options, bool drop_members) {
  SPG_ASSIGN(const bool superuser, unit.is_superuser());
  const Oid oid = role.oid(pg_authid::oid);
  const std::string_view name = unit.arena.copy(role.text(pg_authid::rolname));
  for (std::size_t i = 0; i < options.size(); ++i) {
    const sql::Option& option = options[i];
    for (std::size_t other = 0; other < i; ++other)
      if (options[other].name == option.name)
        return unit.at(Error::make(sqlstate::syntax_error, "conflicting or redundant options"), option.at);
    bool done = false;
    for (const Flag& flag : flags) {
      if (flag.option != option.name) continue;
      const bool guarded = flag.column == pg_authid::rolsuper || flag.column == pg_authid::rolreplication ||
                           flag.column == pg_authid::rolbypassrls;
      if (guarded && !superuser && is_true(option))
        return Error::make(sqlstate::insufficient_privilege, "must be superuser to create ",
                           flag.option == "bypassrls"   ? "bypassrls users"
                           : flag.option == "superuser" ? "superusers"
                                                        : "replication users");
      role.set(flag.column, bool_value(is_true(option)));
      done = true;
    }
    if (done) continue;
    if (option.name == "password") {
      SPG_TRY(set_password(unit, role, option));
    } else if (option.name == "valid_until") {
      SPG_TRY(set_valid_until(unit, role, option));
    } else if (option.name == "connection_limit") {
      const auto* literal = sql::as<sql::Literal>(option.value);
      const std::int32_t limit = literal == nullptr ? -1 : literal->integer;
      if (limit < -1) return Error::make(sqlstate::invalid_parameter_value, "invalid connection limit: ", limit);
      role.set(pg_authid::rolconnlimit, int4_value(limit));
    } else if (option.name == "in_roles") {
      for (const sql::Name group : option.names) {
        SPG_ASSIGN(const Oid of, role_or_built_in(unit, group));
        SPG_TRY(add_member(unit, of, group, oid, name, false, false));
      }
    } else if (option.name == "members" || option.name == "admin_members") {
      for (const sql::Name member : option.names) {
        SPG_ASSIGN(const Row* row, require_role_row(unit, member));
        if (!drop_members) {
          SPG_TRY(add_member(unit, oid, name, row->oid(pg_authid::oid), member, option.name == "admin_members", true));
          continue;
        }
        SPG_ASSIGN(Row * known,
                   unit.store.find_one(StoredKey::auth_members_role, {oid_value(oid), row->at(pg_authid::oid)}));
        if (known != nullptr) unit.store.remove(known);
      }
    } else if (option.name == "sysid") {
      unit.notify(Severity::notice, sqlstate::successful_completion, "SYSID can no longer be specified");
    } else {
      return unit.at(Error::make(sqlstate::syntax_error, "unrecognized role option \"", option.name, "\""), option.at);
    }
  }
  return ok();
}

}  // namespace

Status create_role(DdlContext& context, const sql::CreateRole& statement) {
  Unit unit(context);
  SPG_TRY(require_create_role(unit, "create"));
  if (Status status = check_new_name(statement.name); status.failed()) return unit.at(std::move(status), -1);
  SPG_ASSIGN(const Row* taken, find_role_row(unit.store, statement.name));
  if (taken != nullptr) return Error::make(sqlstate::duplicate_object, "role \"", statement.name, "\" already exists");
  Row* role = unit.store.add(Stored::authid);
  role->set(pg_authid::oid, oid_value(unit.view().new_oid()));
  role->set(pg_authid::rolname, text_value(statement.name));
  role->set(pg_authid::rolinherit, bool_value(true));
  role->set(pg_authid::rolcanlogin, bool_value(statement.form == sql::RoleForm::user));
  role->set(pg_authid::rolconnlimit, int4_value(-1));
  SPG_TRY(apply_options(unit, *role, statement.options, false));
  return unit.finish();
}

Status alter_role(DdlContext& context, const sql::AlterRole& statement) {
  Unit unit(context);
  std::string_view name = statement.name;
  if (name == "current_user" || name == "current_role" || name == "session_user") name = unit.catalog.role_name();
  SPG_ASSIGN(Row * role, require_role_row(unit, name));
  // One may change one's own password.
  const bool own_password = role->oid(pg_authid::oid) == unit.catalog.role() && statement.options.size() == 1 &&
                            statement.options[0].name == "password";
  if (!own_password) SPG_TRY(require_create_role(unit, "alter"));
  if (role->boolean(pg_authid::rolsuper)) {
    SPG_ASSIGN(const bool superuser, unit.is_superuser());
    if (!superuser && !own_password)
      return Error::make(sqlstate::insufficient_privilege,
                         "must be superuser to alter superuser roles or change superuser attribute");
  }
  SPG_TRY(apply_options(unit, *role, statement.options, statement.drop_members));
  return unit.finish();
}

namespace {

/// "owner of table t" for every object of this database that the role owns.
Result<std::string_view> owned_objects(Unit& unit, Oid role) {
  TextBuilder lines(unit.arena);
  const auto add = [&](std::string_view what) { lines.add(lines.size() == 0 ? "" : "\n", "owner of ", what); };
  SPG_ASSIGN(const Vec<Row*> schemas, unit.store.all(Stored::namespace_));
  for (const Row* row : schemas) {
    if (row->oid(pg_namespace::nspowner) != role) continue;
    SPG_ASSIGN(const std::string_view what, unit.describe({pg_namespace::relation, row->oid(pg_namespace::oid), 0}));
    add(what);
  }
  SPG_ASSIGN(const Vec<Row*> relations, unit.store.all(Stored::class_));
  for (const Row* row : relations) {
    if (row->oid(pg_class::relowner) != role || row->character(pg_class::relkind) == 'i') continue;
    SPG_ASSIGN(const std::string_view what, unit.describe({pg_class::relation, row->oid(pg_class::oid), 0}));
    add(what);
  }
  SPG_ASSIGN(const Vec<Row*> databases, unit.store.all(Stored::database));
  for (const Row* row : databases)
    if (row->oid(pg_database::datdba) == role)
      add(unit.arena.concat("database ", quote_name(row->text(pg_database::datname), unit.arena)));
  return lines.view();
}

}  // namespace

Status drop_role(DdlContext& context, const sql::DropRole& statement) {
  Unit unit(context);
  SPG_TRY(require_create_role(unit, "drop"));
  for (const sql::Name name : statement.roles) {
    SPG_ASSIGN(Row * role, find_role_row(unit.store, name));
    if (role == nullptr) {
      if (!statement.if_exists) return Error::make(sqlstate::undefined_object, "role \"", name, "\" does not exist");
      unit.notify(Severity::notice, sqlstate::successful_completion,
                  unit.arena.concat("role \"", name, "\" does not exist, skipping"));
      continue;
    }
    const Oid oid = role->oid(pg_authid::oid);
    if (oid == unit.catalog.role()) return Error::make(sqlstate::object_in_use, "current user cannot be dropped");
    if (oid == bootstrap_superuser)
      return Error::make(sqlstate::dependent_objects_still_exist, "cannot drop role ", name,
                         " because it is required by the database system");
    SPG_ASSIGN(const std::string_view owned, owned_objects(unit, oid));
    if (!owned.empty())
      return Error::make(sqlstate::dependent_objects_still_exist, "role \"", name,
                         "\" cannot be dropped because some objects depend on it")
          .detail(owned);
    for (const StoredKey key : {StoredKey::auth_members_role, StoredKey::auth_members_member}) {
      SPG_ASSIGN(const Vec<Row*> rows, unit.store.find(key, {oid_value(oid)}));
      for (Row* row : rows) unit.store.remove(row);
    }
    unit.store.remove(role);
  }
  return unit.finish();
}

Status grant_role(DdlContext& context, const sql::GrantRole& statement) {
  Unit unit(context);
  SPG_TRY(require_create_role(unit, statement.revoke ? "revoke" : "grant"));
  for (const sql::Name group : statement.roles) {
    SPG_ASSIGN(const Oid group_oid, role_or_built_in(unit, group));
    for (const sql::Name member : statement.grantees) {
      SPG_ASSIGN(const Oid member_oid, unit.require_role(member));
      if (!statement.revoke) {
        SPG_TRY(add_member(unit, group_oid, group, member_oid, member, statement.with_admin_option, true));
        continue;
      }
      SPG_ASSIGN(Row * known,
                 unit.store.find_one(StoredKey::auth_members_role, {oid_value(group_oid), oid_value(member_oid)}));
      if (known == nullptr) {
        unit.notify(Severity::warning, sqlstate::warning,
                    unit.arena.concat("role \"", member, "\" is not a member of role \"", group, "\""));
      } else if (statement.option_only) {
        known->set(pg_auth_members::admin_option, bool_value(false));
      } else {
        unit.store.remove(known);
      }
    }
  }
  return unit.finish();
}

}  // namespace spg::catalog
