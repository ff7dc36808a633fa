// Roles, databases, GRANT and REVOKE.
#include "parser_state.hpp"

namespace spg::sql {

Statement* Parser::create_role(RoleForm form) {
  auto* node = make<CreateRole>(here());
  node->form = form;
  node->name = role();
  accept(Tok::kw_with);
  node->options = role_options(true);
  return node;
}

Vec<Option> Parser::role_options(bool create) {
  auto options = list<Option>();
  while (role_option(options, create)) {}
  return options;
}

bool Parser::role_option(Vec<Option>& out, bool create) {
  const std::int32_t place = here();
  auto flag = [&](Name name, bool value) { out.push_back(option(name, boolean_node(value), place)); return true; };
  auto named = [&](Name name) {
    Option members = option(name, nullptr, place);
    members.names = roles();
    out.push_back(members);
    return true;
  };
  switch (kind()) {
    case Tok::kw_password: {
      advance();
      const std::int32_t where = here();
      if (accept(Tok::kw_null)) out.push_back(option("password", literal(LiteralKind::null, where), place));
      else out.push_back(option("password", string_node(string_literal(), where), place));
      return true;
    }
    case Tok::kw_encrypted: {
      advance();
      expect(Tok::kw_password);
      const std::int32_t where = here();
      out.push_back(option("password", string_node(string_literal(), where), place));
      return true;
    }
    case Tok::kw_unencrypted:
      advance();
      expect(Tok::kw_password);
      string_literal();
      fail([&] {
        return Error::make(sqlstate::feature_not_supported, "UNENCRYPTED PASSWORD is no longer supported")
            .hint("Remove UNENCRYPTED to store the password in encrypted form instead.")
            .at(char_position(lexer_.source(), static_cast<std::size_t>(place)));
      }());
      return false;
    case Tok::kw_inherit: advance(); return flag("inherit", true);
    case Tok::kw_connection: {
      advance();
      expect(Tok::kw_limit);
      auto* number = literal(LiteralKind::integer, here());
      number->integer = signed_integer();
      out.push_back(option("connection_limit", number, place));
      return true;
    }
    case Tok::kw_valid: {
      advance();
      expect(Tok::kw_until);
      const std::int32_t where = here();
      out.push_back(option("valid_until", string_node(string_literal(), where), place));
      return true;
    }
    case Tok::kw_user: advance(); return named("members");
    case Tok::kw_sysid:
      if (!create) return false;
      advance();
      out.push_back(option("sysid", signed_number(), place));
      return true;
    case Tok::kw_admin: if (!create) return false; advance(); return named("admin_members");
    case Tok::kw_role: if (!create) return false; advance(); return named("members");
    case Tok::kw_in:
      if (!create) return false;
      advance();
      if (!accept(Tok::kw_group)) expect(Tok::kw_role);
      return named("in_roles");
    case Tok::identifier: {
      struct Flag { Name word, name; bool value; };
      constexpr Flag flags[] = {{"superuser", "superuser", true},
                                {"nosuperuser", "superuser", false},
                                {"createrole", "createrole", true},
                                {"nocreaterole", "createrole", false},
                                {"replication", "replication", true},
                                {"noreplication", "replication", false},
                                {"createdb", "createdb", true},
                                {"nocreatedb", "createdb", false},
                                {"login", "login", true},
                                {"nologin", "login", false},
                                {"bypassrls", "bypassrls", true},
                                {"nobypassrls", "bypassrls", false},
                                {"noinherit", "inherit", false}};
      for (const Flag& one : flags)
        if (one.word == cur().text) { advance(); return flag(one.name, one.value); }
      fail_at(place, sqlstate::syntax_error, arena_->concat("unrecognized role option \"", cur().text, "\""));
      return false;
    }
    default: break;
  }
  return false;
}

Statement* Parser::alter_role(RoleForm form) {
  if (form != RoleForm::group && at(Tok::kw_all) ) {
    auto* node = make<AlterRoleSet>(here());
    advance();
    node->all_roles = true;
    if (accept(Tok::kw_in)) { expect(Tok::kw_database); node->database = col_id(); }
    node->setting = set_or_reset();
    return node;
  }
  const std::int32_t place = here();
  const Name name = role();
  if (at(Tok::kw_rename)) {
    auto* node = make<Rename>(place);
    advance();
    expect(Tok::kw_to);
    node->object = ObjectKind::role;
    node->name.name = one_name(name);
    node->new_name = role();
    return node;
  }
  if (form == RoleForm::group) {
    auto* node = make<AlterRole>(place);
    node->form = form;
    node->name = name;
    if (!accept(Tok::kw_add)) { expect(Tok::kw_drop); node->drop_members = true; }
    expect(Tok::kw_user);
    Option members = option("members", nullptr, here());
    members.names = roles();
    node->options = list<Option>();
    node->options.push_back(members);
    return node;
  }
  if (at_any(Tok::kw_in, Tok::kw_set, Tok::kw_reset)) {
    auto* node = make<AlterRoleSet>(place);
    node->role = name;
    if (accept(Tok::kw_in)) { expect(Tok::kw_database); node->database = col_id(); }
    node->setting = set_or_reset();
    return node;
  }
  auto* node = make<AlterRole>(place);
  node->form = form;
  node->name = name;
  accept(Tok::kw_with);
  node->options = role_options(false);
  return node;
}

/// name [=] value, ..
Vec<Option> Parser::database_options() {
  auto options = list<Option>();
  while (at_any(Tok::identifier, Tok::kw_connection, Tok::kw_encoding, Tok::kw_location, Tok::kw_owner,
                Tok::kw_tablespace, Tok::kw_template)) {
    Option result = option({}, nullptr, here());
    if (accept(Tok::kw_connection)) { expect(Tok::kw_limit); result.name = "connection_limit"; }
    else result.name = take();
    accept('=');
    const std::int32_t place = here();
    if (accept(Tok::kw_default)) result.value = nullptr;
    else if (at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus)) result.value = signed_number();
    else if (at(Tok::string)) result.value = string_node(take(), place);
    else if (at_any(Tok::kw_true, Tok::kw_false, Tok::kw_on)) result.value = word(take(), place);
    else result.value = word(non_reserved_word(), place);
    options.push_back(result);
  }
  return options;
}

Statement* Parser::create_database() {
  auto* node = make<CreateDatabase>(here());
  node->name = col_id();
  accept(Tok::kw_with);
  node->options = database_options();
  return node;
}

Statement* Parser::alter_database() {
  const std::int32_t place = here();
  const Name name = col_id();
  if (accept(Tok::kw_rename, Tok::kw_to)) {
    auto* node = make<Rename>(place);
    node->object = ObjectKind::database;
    node->name.name = one_name(name);
    node->new_name = col_id();
    return node;
  }
  if (at(Tok::kw_owner) && next_is(Tok::kw_to)) {
    auto* node = make<SetOwner>(place);
    advance();
    advance();
    node->object = ObjectKind::database;
    node->name.name = one_name(name);
    node->owner = role();
    return node;
  }
  if (at(Tok::kw_refresh)) return unsupported("ALTER DATABASE");
  if (at(Tok::kw_reset) || (at(Tok::kw_set) && !next_is(Tok::kw_tablespace))) {
    auto* node = make<AlterRoleSet>(place);
    node->of_database = true;
    node->database = name;
    node->setting = set_or_reset();
    return node;
  }
  auto* node = make<AlterDatabase>(place);
  node->name = name;
  if (accept(Tok::kw_set)) {
    const std::int32_t where = here();
    advance();
    node->options = list<Option>();
    node->options.push_back(option("tablespace", word(col_id(), where), where));
    return node;
  }
  accept(Tok::kw_with);
  node->options = database_options();
  return node;
}

/// A role, or PUBLIC.
Name Parser::grantee() {
  accept(Tok::kw_group);
  return role();
}
Vec<Name> Parser::grantees() {
  auto names = list<Name>();
  do names.push_back(grantee());
  while (accept(','));
  return names;
}

Vec<Privilege> Parser::privileges() {
  auto result = list<Privilege>();
  if (accept(Tok::kw_all)) {
    accept(Tok::kw_privileges);
    if (at('(')) {
      Privilege all;
      all.columns = paren_names();
      result.push_back(all);
    }
    return result;
  }
  do {
    Privilege one;
    if (accept(Tok::kw_alter)) { expect(Tok::kw_system); one.name = "alter system"; }
    else if (at_any(Tok::kw_select, Tok::kw_references, Tok::kw_create)) one.name = take();
    else one.name = col_id();
    if (at('(')) one.columns = paren_names();
    result.push_back(one);
  } while (accept(','));
  return result;
}

void Parser::grant_objects(Grant* node) {
  node->object = ObjectKind::table;
  node->objects = list<ObjectName>();
  if (accept(Tok::kw_all)) {
    node->all_in_schema = true;
    if (accept(Tok::kw_tables)) node->object = ObjectKind::table;
    else if (accept(Tok::kw_sequences)) node->object = ObjectKind::sequence;
    else if (accept(Tok::kw_functions)) node->object = ObjectKind::function;
    else if (accept(Tok::kw_procedures)) node->object = ObjectKind::procedure;
    else { expect(Tok::kw_routines); node->object = ObjectKind::routine; }
    expect(Tok::kw_in);
    expect(Tok::kw_schema);
  } else if (at_any(Tok::kw_table, Tok::kw_sequence, Tok::kw_database, Tok::kw_schema, Tok::kw_type, Tok::kw_domain,
                    Tok::kw_function, Tok::kw_procedure, Tok::kw_routine, Tok::kw_language, Tok::kw_tablespace) &&
             (at(Tok::kw_table) || is_col_id(peek().kind) || is_type_name(peek().kind))) {
    object_kind(node->object);
  } else if (at(Tok::kw_large) && next_is(Tok::kw_object)) {
    object_kind(node->object);
  } else if (at(Tok::kw_foreign)) {
    advance();
    if (accept(Tok::kw_server)) node->object = ObjectKind::server;
    else { expect(Tok::kw_data); expect(Tok::kw_wrapper); node->object = ObjectKind::foreign_data_wrapper; }
  } else if (at(Tok::kw_parameter) && is_col_id(peek().kind)) {
    advance();
    node->object = ObjectKind::attribute;
  }
  do {
    if (node->object == ObjectKind::type || node->object == ObjectKind::domain) {
      ObjectName name;
      name.at = here();
      name.name = any_name();
      node->objects.push_back(name);
    } else {
      node->objects.push_back(object_name(node->all_in_schema ? ObjectKind::schema : node->object));
    }
  } while (accept(','));
}

Statement* Parser::grant(bool revoke) {
  const std::int32_t place = here();
  advance();
  bool option_only = false, admin_only = false;
  if (revoke && at_any(Tok::kw_grant, Tok::kw_admin) && next_is(Tok::kw_option)) {
    option_only = at(Tok::kw_grant);
    admin_only = !option_only;
    advance();
    advance();
    expect(Tok::kw_for);
  }
  Vec<Privilege> granted = privileges();
  const Tok to = revoke ? Tok::kw_from : Tok::kw_to;
  if (!at(Tok::kw_on) && !granted.empty()) {
    auto* node = make<GrantRole>(place);
    node->revoke = revoke;
    node->option_only = admin_only;
    node->roles = list<Name>();
    for (const Privilege& one : granted) node->roles.push_back(one.name);
    expect(to);
    node->grantees = roles();
    if (!revoke && accept(Tok::kw_with)) {
      expect(Tok::kw_admin);
      expect(Tok::kw_option);
      node->with_admin_option = true;
    }
    if (accept(Tok::kw_granted)) { expect(Tok::kw_by); node->granted_by = role(); }
    if (revoke) node->behavior = drop_behavior();
    return node;
  }
  auto* node = make<Grant>(place);
  node->revoke = revoke;
  node->option_only = option_only;
  node->privileges = granted;
  expect(Tok::kw_on);
  grant_objects(node);
  expect(to);
  node->grantees = grantees();
  if (!revoke && accept(Tok::kw_with)) {
    expect(Tok::kw_grant);
    expect(Tok::kw_option);
    node->with_grant_option = true;
  }
  if (accept(Tok::kw_granted)) { expect(Tok::kw_by); node->granted_by = role(); }
  if (revoke) node->behavior = drop_behavior();
  return node;
}

Statement* Parser::alter_default_privileges() {
  auto* node = make<DefaultPrivileges>(here());
  node->roles = list<Name>();
  node->schemas = list<Name>();
  while (true) {
    if (accept(Tok::kw_in)) { expect(Tok::kw_schema); node->schemas = name_list(); }
    else if (accept(Tok::kw_for)) {
      if (!accept(Tok::kw_user)) expect(Tok::kw_role);
      node->roles = roles();
    } else break;
  }
  auto* grant_node = make<Grant>(here());
  node->grant = grant_node;
  grant_node->revoke = at(Tok::kw_revoke);
  if (!at(Tok::kw_grant) && !at(Tok::kw_revoke)) { syntax_error(); return node; }
  advance();
  if (grant_node->revoke && accept(Tok::kw_grant, Tok::kw_option)) {
    expect(Tok::kw_for);
    grant_node->option_only = true;
  }
  grant_node->privileges = privileges();
  expect(Tok::kw_on);
  if (accept(Tok::kw_tables)) grant_node->object = ObjectKind::table;
  else if (accept(Tok::kw_functions) || accept(Tok::kw_routines)) grant_node->object = ObjectKind::function;
  else if (accept(Tok::kw_sequences)) grant_node->object = ObjectKind::sequence;
  else if (accept(Tok::kw_types)) grant_node->object = ObjectKind::type;
  else { expect(Tok::kw_schemas); grant_node->object = ObjectKind::schema; }
  expect(grant_node->revoke ? Tok::kw_from : Tok::kw_to);
  grant_node->grantees = grantees();
  if (!grant_node->revoke && accept(Tok::kw_with)) {
    expect(Tok::kw_grant);
    expect(Tok::kw_option);
    grant_node->with_grant_option = true;
  }
  if (grant_node->revoke) grant_node->behavior = drop_behavior();
  return node;
}

}  // namespace spg::sql
