// ALTER of relations, types and other objects; COMMENT.
#include "parser_state.hpp"

namespace spg::sql {

/// A function's name: the words that may name types count, the words that may only name columns do not.
QualifiedName Parser::function_name() {
  if (next_is('.')) return any_name();
  if (is_type_name(kind())) return one_name(take());
  const Name name = col_id();
  if (at('(')) syntax_error();
  return one_name(name);
}

/// Types of an operator's or function's arguments.
void Parser::function_signature(ObjectName& out) {
  if (!at('(')) return;
  out.has_parameters = true;
  out.parameters = function_parameters(false);
}

void Parser::aggregate_signature(ObjectName& out) {
  out.has_parameters = true;
  out.parameters = list<FunctionParameter>();
  expect('(');
  if (accept('*')) { out.star = true; expect(')'); return; }
  if (!at(Tok::kw_order)) {
    do out.parameters.push_back(function_parameter(false));
    while (accept(','));
  }
  if (accept(Tok::kw_order)) {
    expect(Tok::kw_by);
    out.order_by_index = static_cast<std::int32_t>(out.parameters.size());
    do out.parameters.push_back(function_parameter(false));
    while (accept(','));
  }
  expect(')');
}

/// A name with what its kind needs beside it: signature, table, access method.
ObjectName Parser::object_name(ObjectKind object) {
  ObjectName out;
  out.at = here();
  switch (object) {
    case ObjectKind::type: case ObjectKind::domain:
      out.type = type();
      out.name = out.type->name;
      return out;
    case ObjectKind::function: case ObjectKind::procedure: case ObjectKind::routine:
      out.name = function_name();
      function_signature(out);
      return out;
    case ObjectKind::aggregate:
      out.name = function_name();
      aggregate_signature(out);
      return out;
    case ObjectKind::operator_: {
      OperatorName op = all_operator();
      out.name = op.schema;
      out.name.push_back(op.name);
      out.has_parameters = true;
      out.parameters = list<FunctionParameter>();
      expect('(');
      do {
        FunctionParameter side;
        if (!accept(Tok::kw_none)) side.type = type();
        out.parameters.push_back(side);
      } while (accept(','));
      if (out.parameters.size() == 1 && at(')')) {
        fail([&] {
          return Error::make(sqlstate::syntax_error, "missing argument")
              .hint("Use NONE to denote the missing argument of a unary operator.")
              .at(char_position(lexer_.source(), cur().begin));
        }());
      }
      expect(')');
      return out;
    }
    case ObjectKind::operator_class: case ObjectKind::operator_family:
      out.name = any_name();
      expect(Tok::kw_using);
      out.using_method = col_id();
      return out;
    case ObjectKind::trigger: case ObjectKind::rule: case ObjectKind::policy:
      out.name = one_name(col_id());
      expect(Tok::kw_on);
      out.on = any_name();
      return out;
    case ObjectKind::cast:
      expect('(');
      out.type = type();
      expect(Tok::kw_as);
      out.target_type = type();
      expect(')');
      return out;
    case ObjectKind::transform:
      expect(Tok::kw_for);
      out.type = type();
      expect(Tok::kw_language);
      out.name = one_name(col_id());
      return out;
    case ObjectKind::large_object:
      out.name = one_name(at_any(Tok::integer, Tok::numeric) ? take() : Name{});
      if (out.name[0].empty()) syntax_error();
      return out;
    case ObjectKind::schema: case ObjectKind::database: case ObjectKind::extension: case ObjectKind::tablespace:
    case ObjectKind::language: case ObjectKind::publication: case ObjectKind::subscription: case ObjectKind::server:
    case ObjectKind::foreign_data_wrapper: case ObjectKind::event_trigger: case ObjectKind::access_method:
      out.name = one_name(col_id());
      return out;
    case ObjectKind::role: out.name = one_name(role()); return out;
    default: out.name = any_name(); return out;
  }
}

ObjectName Parser::relation_object(const TableRef* table) {
  ObjectName out;
  out.at = table->at;
  out.name = list<Name>();
  if (!table->catalog.empty()) out.name.push_back(table->catalog);
  if (!table->schema.empty()) out.name.push_back(table->schema);
  out.name.push_back(table->name);
  return out;
}

Statement* Parser::comment() {
  auto* node = make<Comment>(here());
  advance();
  expect(Tok::kw_on);
  if (!object_kind(node->object)) { syntax_error(); return node; }
  if (node->object == ObjectKind::constraint) {
    node->name.at = here();
    node->name.name = one_name(col_id());
    expect(Tok::kw_on);
    if (accept(Tok::kw_domain)) node->object = ObjectKind::domain_constraint;
    node->name.on = any_name();
  } else {
    node->name = object_name(node->object);
  }
  expect(Tok::kw_is);
  node->is_null = accept(Tok::kw_null);
  if (!node->is_null) node->text = string_literal();
  return node;
}

Statement* Parser::alter() {
  const std::int32_t place = here();
  advance();
  auto placed = [place](Statement* node) { node->at = place; return node; };
  switch (kind()) {
    case Tok::kw_table: case Tok::kw_index: case Tok::kw_view: case Tok::kw_sequence: {
      ObjectKind object{};
      object_kind(object);
      return placed(alter_relation(object));
    }
    case Tok::kw_materialized:
      advance();
      expect(Tok::kw_view);
      return placed(alter_relation(ObjectKind::materialized_view));
    case Tok::kw_foreign:
      if (!next_is(Tok::kw_table)) {
        advance();
        expect(Tok::kw_data);
        expect(Tok::kw_wrapper);
        return placed(alter_named(ObjectKind::foreign_data_wrapper, "ALTER FOREIGN DATA WRAPPER"));
      }
      advance();
      advance();
      return placed(alter_relation(ObjectKind::foreign_table));
    case Tok::kw_role: advance(); return placed(alter_role(RoleForm::role));
    case Tok::kw_user:
      advance();
      if (accept(Tok::kw_mapping)) return placed(unsupported("ALTER USER MAPPING"));
      return placed(alter_role(RoleForm::user));
    case Tok::kw_group: advance(); return placed(alter_role(RoleForm::group));
    case Tok::kw_database: advance(); return placed(alter_database());
    case Tok::kw_type: advance(); return placed(alter_type());
    case Tok::kw_domain: advance(); return placed(alter_domain());
    case Tok::kw_default: advance(); expect(Tok::kw_privileges); return placed(alter_default_privileges());
    case Tok::kw_system: advance(); return placed(unsupported("ALTER SYSTEM"));
    case Tok::kw_schema: advance(); return placed(alter_named(ObjectKind::schema, "ALTER SCHEMA"));
    case Tok::kw_function: advance(); return placed(alter_named(ObjectKind::function, "ALTER FUNCTION"));
    case Tok::kw_procedure: advance(); return placed(alter_named(ObjectKind::procedure, "ALTER PROCEDURE"));
    case Tok::kw_routine: advance(); return placed(alter_named(ObjectKind::routine, "ALTER ROUTINE"));
    case Tok::kw_aggregate: advance(); return placed(alter_named(ObjectKind::aggregate, "ALTER AGGREGATE"));
    case Tok::kw_collation: advance(); return placed(alter_named(ObjectKind::collation, "ALTER COLLATION"));
    case Tok::kw_conversion: advance(); return placed(alter_named(ObjectKind::conversion, "ALTER CONVERSION"));
    case Tok::kw_extension: advance(); return placed(alter_named(ObjectKind::extension, "ALTER EXTENSION"));
    case Tok::kw_trigger: advance(); return placed(alter_named(ObjectKind::trigger, "ALTER TRIGGER"));
    case Tok::kw_rule: advance(); return placed(alter_named(ObjectKind::rule, "ALTER RULE"));
    case Tok::kw_policy: advance(); if_exists(); return placed(alter_named(ObjectKind::policy, "ALTER POLICY"));
    case Tok::kw_tablespace: advance(); return placed(alter_named(ObjectKind::tablespace, "ALTER TABLESPACE"));
    case Tok::kw_procedural:
    case Tok::kw_language:
      accept(Tok::kw_procedural);
      expect(Tok::kw_language);
      return placed(alter_named(ObjectKind::language, "ALTER LANGUAGE"));
    case Tok::kw_publication: advance(); return placed(alter_named(ObjectKind::publication, "ALTER PUBLICATION"));
    case Tok::kw_subscription: advance(); return placed(alter_named(ObjectKind::subscription, "ALTER SUBSCRIPTION"));
    case Tok::kw_server: advance(); return placed(alter_named(ObjectKind::server, "ALTER SERVER"));
    case Tok::kw_statistics:
      advance();
      if_exists();
      return placed(alter_named(ObjectKind::statistics, "ALTER STATISTICS"));
    case Tok::kw_event:
      advance();
      expect(Tok::kw_trigger);
      return placed(alter_named(ObjectKind::event_trigger, "ALTER EVENT TRIGGER"));
    case Tok::kw_large:
      advance();
      expect(Tok::kw_object);
      return placed(alter_named(ObjectKind::large_object, "ALTER LARGE OBJECT"));
    case Tok::kw_operator:
      advance();
      if (accept(Tok::kw_class)) return placed(alter_named(ObjectKind::operator_class, "ALTER OPERATOR CLASS"));
      if (accept(Tok::kw_family)) return placed(alter_named(ObjectKind::operator_family, "ALTER OPERATOR FAMILY"));
      return placed(alter_named(ObjectKind::operator_, "ALTER OPERATOR"));
    case Tok::kw_text: {
      ObjectKind object{};
      object_kind(object);
      constexpr Name commands[] = {"ALTER TEXT SEARCH PARSER", "ALTER TEXT SEARCH DICTIONARY",
                                   "ALTER TEXT SEARCH TEMPLATE", "ALTER TEXT SEARCH CONFIGURATION"};
      const int which = static_cast<int>(object) - static_cast<int>(ObjectKind::text_search_parser);
      return placed(alter_named(object, commands[which >= 0 && which < 4 ? which : 0]));
    }
    default: syntax_error(); return make<Unsupported>(place);
  }
}

/// RENAME TO, OWNER TO and SET SCHEMA of what is not a relation; all else is Unsupported.
Statement* Parser::alter_named(ObjectKind object, Name command) {
  const ObjectName name = object_name(object);
  if (at(Tok::kw_rename)) {
    auto* node = make<Rename>(here());
    advance();
    expect(Tok::kw_to);
    node->object = object;
    node->name = name;
    node->new_name = col_id();
    return node;
  }
  if (at(Tok::kw_owner)) {
    auto* node = make<SetOwner>(here());
    advance();
    expect(Tok::kw_to);
    node->object = object;
    node->name = name;
    node->owner = role();
    return node;
  }
  if (accept(Tok::kw_set, Tok::kw_schema)) {
    auto* node = make<SetSchema>(here());
    node->object = object;
    node->name = name;
    node->schema = col_id();
    return node;
  }
  const bool routine =
      object == ObjectKind::function || object == ObjectKind::procedure || object == ObjectKind::routine;
  if (at(Tok::end) || at(';') || !is_keyword(kind()) ||
      (object == ObjectKind::trigger && !at_any(Tok::kw_no, Tok::kw_depends)) ||
      (routine &&
       !at_any(Tok::kw_no, Tok::kw_depends, Tok::kw_called, Tok::kw_returns, Tok::kw_strict, Tok::kw_immutable,
               Tok::kw_stable, Tok::kw_volatile, Tok::kw_external, Tok::kw_security, Tok::kw_leakproof, Tok::kw_not,
               Tok::kw_cost, Tok::kw_rows, Tok::kw_support, Tok::kw_set, Tok::kw_reset, Tok::kw_parallel)))
    syntax_error();
  return unsupported(command);
}

Statement* Parser::alter_relation(ObjectKind object) {
  if (at(Tok::kw_all) && next_is(Tok::kw_in)) {
    advance();
    advance();
    expect(Tok::kw_tablespace);
    return unsupported(object == ObjectKind::table   ? "ALTER TABLE"
                       : object == ObjectKind::index ? "ALTER INDEX"
                                                     : "ALTER MATERIALIZED VIEW");
  }
  const bool missing_ok = if_exists();
  const bool plain = object == ObjectKind::index || object == ObjectKind::view || object == ObjectKind::sequence ||
                     object == ObjectKind::materialized_view;
  TableRef* table = plain ? qualified_name() : relation_expr();
  if (at(Tok::kw_rename) || (at(Tok::kw_set) && next_is(Tok::kw_schema)))
    return rename_or_move(object, table, missing_ok);
  if (object == ObjectKind::sequence &&
      !(at(Tok::kw_owner) || (at(Tok::kw_set) && (next_is(Tok::kw_logged) || next_is(Tok::kw_unlogged)))))
    return alter_sequence_tail(table, missing_ok);
  if (object == ObjectKind::index && at_any(Tok::kw_no, Tok::kw_depends)) return unsupported("ALTER INDEX");
  auto* node = make<AlterTable>(here());
  node->object = object;
  node->table = table;
  node->if_exists = missing_ok;
  node->commands = list<AlterCommand>();
  do node->commands.push_back(alter_command(object));
  while (accept(','));
  return node;
}

Statement* Parser::alter_sequence_tail(TableRef* table, bool missing_ok) {
  auto* node = make<AlterSequence>(here());
  node->sequence = table;
  node->if_exists = missing_ok;
  node->options = list<Option>();
  while (true) {
    if (at(Tok::kw_set)) {  // the identity form of ALTER TABLE writes SET before each option
      advance();
      if (!sequence_option(node->options)) syntax_error();
    } else if (!sequence_option(node->options)) {
      if (node->options.empty()) syntax_error();
      return node;
    }
  }
}

Statement* Parser::rename_or_move(ObjectKind object, TableRef* table, bool missing_ok) {
  if (accept(Tok::kw_set)) {
    auto* node = make<SetSchema>(here());
    advance();
    node->object = object;
    node->name = relation_object(table);
    node->if_exists = missing_ok;
    node->schema = col_id();
    return node;
  }
  auto* node = make<Rename>(here());
  advance();
  node->object = node->parent = object;
  node->name = relation_object(table);
  node->if_exists = missing_ok;
  if (accept(Tok::kw_to)) {
    node->new_name = col_id();
    return node;
  }
  if (accept(Tok::kw_constraint)) node->object = ObjectKind::constraint;
  else { accept(Tok::kw_column); node->object = ObjectKind::column; }
  node->member = col_id();
  expect(Tok::kw_to);
  node->new_name = col_id();
  return node;
}

AlterCommand Parser::alter_command(ObjectKind object) {
  AlterCommand command;
  command.at = here();
  switch (kind()) {
    case Tok::kw_add:
      advance();
      if (object == ObjectKind::type) {
        expect(Tok::kw_attribute);
        command.action = AlterAction::add_attribute;
        auto* column = make<ColumnDef>(here());
        column->name = col_id();
        column->type = type();
        if (accept(Tok::kw_collate)) column->collation = any_name();
        command.definition = column;
        command.behavior = drop_behavior();
        return command;
      }
      if (at_any(Tok::kw_constraint, Tok::kw_check, Tok::kw_unique, Tok::kw_primary, Tok::kw_foreign) ||
          (at(Tok::kw_exclude) && (next_is('(') || next_is(Tok::kw_using)))) {
        command.action = AlterAction::add_constraint;
        command.definition = table_constraint();
        return command;
      }
      accept(Tok::kw_column);
      command.action = AlterAction::add_column;
      command.if_not_exists = if_not_exists();
      command.definition = column_def();
      return command;
    case Tok::kw_drop:
      advance();
      if (accept(Tok::kw_constraint)) command.action = AlterAction::drop_constraint;
      else if (object == ObjectKind::type) { expect(Tok::kw_attribute); command.action = AlterAction::drop_attribute; }
      else { accept(Tok::kw_column); command.action = AlterAction::drop_column; }
      command.if_exists = if_exists();
      command.name = col_id();
      command.behavior = drop_behavior();
      return command;
    case Tok::kw_alter: alter_column(command); return command;
    case Tok::kw_validate:
      advance();
      expect(Tok::kw_constraint);
      command.action = AlterAction::validate_constraint;
      command.name = col_id();
      return command;
    case Tok::kw_cluster:
      advance();
      expect(Tok::kw_on);
      command.action = AlterAction::cluster_on;
      command.name = col_id();
      return command;
    case Tok::kw_set: alter_set(command); return command;
    case Tok::kw_reset:
      advance();
      command.action = AlterAction::reset_options;
      command.options = reloptions();
      return command;
    case Tok::kw_enable: advance(); alter_enable(command, true); return command;
    case Tok::kw_disable: advance(); alter_enable(command, false); return command;
    case Tok::kw_force: case Tok::kw_no:
      command.action = AlterAction::force_rls;
      if (accept(Tok::kw_no)) {
        command.action = AlterAction::no_force_rls;
        if (accept(Tok::kw_inherit)) {
          command.action = AlterAction::no_inherit;
          command.table = qualified_name();
          return command;
        }
      }
      expect(Tok::kw_force);
      expect(Tok::kw_row);
      expect(Tok::kw_level);
      expect(Tok::kw_security);
      return command;
    case Tok::kw_inherit:
      advance();
      command.action = AlterAction::inherit;
      command.table = qualified_name();
      return command;
    case Tok::kw_of: advance(); command.action = AlterAction::of_type; command.of_type = any_name(); return command;
    case Tok::kw_not: advance(); expect(Tok::kw_of); command.action = AlterAction::not_of; return command;
    case Tok::kw_owner:
      advance();
      expect(Tok::kw_to);
      command.action = AlterAction::owner_to;
      command.name = role();
      return command;
    case Tok::kw_replica: {
      advance();
      expect(Tok::kw_identity);
      command.action = AlterAction::replica_identity;
      if (accept(Tok::kw_using)) { expect(Tok::kw_index); command.name = col_id(); command.number = 1; }
      else if (at_any(Tok::kw_nothing, Tok::kw_full, Tok::kw_default)) command.name = take();
      else syntax_error();
      return command;
    }
    case Tok::kw_attach:
      advance();
      expect(Tok::kw_partition);
      command.action = AlterAction::attach_partition;
      command.table = qualified_name();
      if (object != ObjectKind::index) command.bound = partition_bound();
      return command;
    case Tok::kw_detach:
      advance();
      expect(Tok::kw_partition);
      command.action = AlterAction::detach_partition;
      command.table = qualified_name();
      command.concurrently = accept(Tok::kw_concurrently);
      if (!command.concurrently) command.finalize = accept(Tok::kw_finalize);
      return command;
    case Tok::kw_options:
      command.action = AlterAction::fdw_options;
      advance();
      expect('(');
      skip_statement();
      return command;
    default: syntax_error(); return command;
  }
}

void Parser::alter_set(AlterCommand& command) {
  advance();
  if (accept(Tok::kw_without)) {
    if (accept(Tok::kw_oids)) command.action = AlterAction::set_without_oids;
    else { expect(Tok::kw_cluster); command.action = AlterAction::set_without_cluster; }
  } else if (accept(Tok::kw_logged)) command.action = AlterAction::set_logged;
  else if (accept(Tok::kw_unlogged)) command.action = AlterAction::set_unlogged;
  else if (accept(Tok::kw_tablespace)) { command.action = AlterAction::set_tablespace; command.name = col_id();
  } else if (accept(Tok::kw_access)) {
    expect(Tok::kw_method);
    command.action = AlterAction::set_access_method;
    command.name = col_id();
  } else {
    command.action = AlterAction::set_options;
    command.options = reloptions();
  }
}

void Parser::alter_enable(AlterCommand& command, bool enable) {
  if (accept(Tok::kw_row)) {
    expect(Tok::kw_level);
    expect(Tok::kw_security);
    command.action = enable ? AlterAction::enable_rls : AlterAction::disable_rls;
    return;
  }
  const bool always = enable && accept(Tok::kw_always), replica = enable && !always && accept(Tok::kw_replica);
  if (accept(Tok::kw_rule)) {
    command.action = !enable ? AlterAction::disable_rule : always ? AlterAction::enable_always_rule :
                     replica ? AlterAction::enable_replica_rule : AlterAction::enable_rule;
    command.name = col_id();
    return;
  }
  expect(Tok::kw_trigger);
  command.action = !enable ? AlterAction::disable_trigger : always ? AlterAction::enable_always_trigger :
                   replica ? AlterAction::enable_replica_trigger : AlterAction::enable_trigger;
  command.if_exists = !always && !replica && at_any(Tok::kw_all, Tok::kw_user);  // the words, not a trigger so named
  command.name = command.if_exists ? take() : col_id();
}

/// ALTER [COLUMN] name .., ALTER CONSTRAINT, ALTER ATTRIBUTE
void Parser::alter_column(AlterCommand& command) {
  advance();
  if (accept(Tok::kw_constraint)) {
    command.action = AlterAction::alter_constraint;
    auto* constraint = make<Constraint>(here());
    constraint->name = command.name = col_id();
    constraint_attributes(constraint);
    command.definition = constraint;
    return;
  }
  const bool attribute = accept(Tok::kw_attribute);
  if (!attribute) accept(Tok::kw_column);
  if (at(Tok::integer)) {
    command.column_number = integer();
    expect(Tok::kw_set);
    expect(Tok::kw_statistics);
    command.action = AlterAction::set_statistics;
    command.number = signed_integer();
    return;
  }
  command.name = col_id();
  const bool set = accept(Tok::kw_set);
  if ((set && accept(Tok::kw_data)) || at(Tok::kw_type)) {
    expect(Tok::kw_type);
    command.action = attribute ? AlterAction::alter_attribute : AlterAction::alter_type;
    command.type = type();
    if (accept(Tok::kw_collate)) command.collation = any_name();
    if (!attribute && accept(Tok::kw_using)) command.expr = expr();
    if (attribute) command.behavior = drop_behavior();
    return;
  }
  if (set) {
    if (accept(Tok::kw_default)) { command.action = AlterAction::set_default; command.expr = expr(); }
    else if (accept(Tok::kw_not)) { expect(Tok::kw_null); command.action = AlterAction::set_not_null;
    } else if (accept(Tok::kw_statistics)) {
      command.action = AlterAction::set_statistics;
      command.number = signed_integer();
    } else if (at('(')) {
      command.action = AlterAction::set_column_options;
      command.options = reloptions();
    } else if (accept(Tok::kw_storage)) {
      command.action = AlterAction::set_storage;
      auto* column = make<ColumnDef>(here());
      column->storage = col_id();
      command.definition = column;
    } else if (accept(Tok::kw_compression)) {
      command.action = AlterAction::set_compression;
      auto* column = make<ColumnDef>(here());
      column->compression = at(Tok::kw_default) ? take() : col_id();
      command.definition = column;
    } else {
      command.action = AlterAction::set_identity;
      command.options = list<Option>();
      bool more = true;
      for (bool first = true; more && !failed_; first = false) {
        const std::int32_t place = here();
        if (!first) {
          if (accept(Tok::kw_restart)) {
            Option restart = option("restart", nullptr, place);
            if (accept(Tok::kw_with) || at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus))
              restart.value = signed_number();
            command.options.push_back(restart);
            continue;
          }
          if (!accept(Tok::kw_set)) { more = false; continue; }
        }
        if (accept(Tok::kw_generated)) {
          const bool always = accept(Tok::kw_always);
          if (!always) { expect(Tok::kw_by); expect(Tok::kw_default); }
          command.options.push_back(option("generated", word(always ? "always" : "by default", place), place));
        } else if (!sequence_option(command.options)) {
          syntax_error();
        }
      }
    }
    return;
  }
  if (accept(Tok::kw_drop)) {
    if (accept(Tok::kw_default)) command.action = AlterAction::drop_default;
    else if (accept(Tok::kw_not)) { expect(Tok::kw_null); command.action = AlterAction::drop_not_null;
    } else if (accept(Tok::kw_expression)) {
      command.action = AlterAction::set_expression_drop;
      command.if_exists = if_exists();
    } else {
      expect(Tok::kw_identity);
      command.action = AlterAction::drop_identity;
      command.if_exists = if_exists();
    }
    return;
  }
  if (accept(Tok::kw_reset)) {
    command.action = AlterAction::reset_column_options;
    command.options = reloptions();
    return;
  }
  if (accept(Tok::kw_restart)) {
    command.action = AlterAction::set_identity;
    command.options = list<Option>();
    Option restart = option("restart", nullptr, here());
    if (accept(Tok::kw_with) || at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus))
      restart.value = signed_number();
    command.options.push_back(restart);
    while (accept(Tok::kw_set)) if (!sequence_option(command.options)) syntax_error();
    return;
  }
  if (accept(Tok::kw_add)) {
    expect(Tok::kw_generated);
    command.action = AlterAction::add_identity;
    auto* constraint = make<Constraint>(here());
    constraint->form = ConstraintKind::identity;
    constraint->always = accept(Tok::kw_always);
    if (!constraint->always) { expect(Tok::kw_by); expect(Tok::kw_default); }
    expect(Tok::kw_as);
    expect(Tok::kw_identity);
    constraint->sequence_options = sequence_options(true);
    command.definition = constraint;
    return;
  }
  syntax_error();
}

Statement* Parser::alter_type() {
  const std::int32_t place = here();
  const ObjectName name = object_name(ObjectKind::type);
  if (at(Tok::kw_add) && next_is(Tok::kw_value)) {
    auto* node = make<AlterEnum>(place);
    advance();
    advance();
    node->name = name.name;
    node->if_not_exists = if_not_exists();
    node->new_value = string_literal();
    if (at_any(Tok::kw_before, Tok::kw_after)) {
      node->has_neighbor = true;
      node->after = at(Tok::kw_after);
      advance();
      node->neighbor = string_literal();
    }
    return node;
  }
  if (at(Tok::kw_rename)) {
    advance();
    if (accept(Tok::kw_value)) {
      auto* node = make<AlterEnum>(place);
      node->name = name.name;
      node->rename = true;
      node->old_value = string_literal();
      expect(Tok::kw_to);
      node->new_value = string_literal();
      return node;
    }
    auto* node = make<Rename>(place);
    node->object = node->parent = ObjectKind::type;
    node->name = name;
    if (accept(Tok::kw_attribute)) { node->object = ObjectKind::attribute; node->member = col_id(); }
    expect(Tok::kw_to);
    node->new_name = col_id();
    if (node->object == ObjectKind::attribute) node->behavior = drop_behavior();
    return node;
  }
  if (at(Tok::kw_owner) || (at(Tok::kw_set) && next_is(Tok::kw_schema))) {
    if (accept(Tok::kw_owner)) {
      auto* node = make<SetOwner>(place);
      expect(Tok::kw_to);
      node->object = ObjectKind::type;
      node->name = name;
      node->owner = role();
      return node;
    }
    auto* node = make<SetSchema>(place);
    advance();
    advance();
    node->object = ObjectKind::type;
    node->name = name;
    node->schema = col_id();
    return node;
  }
  if (at(Tok::kw_set)) return unsupported("ALTER TYPE");
  auto* node = make<AlterTable>(place);
  node->object = ObjectKind::type;
  node->table = table_from(name.name, name.at);
  node->commands = list<AlterCommand>();
  do node->commands.push_back(alter_command(ObjectKind::type));
  while (accept(','));
  return node;
}

Statement* Parser::alter_domain() {
  const std::int32_t place = here();
  const ObjectName name = object_name(ObjectKind::domain);
  if (at(Tok::kw_rename) && next_is(Tok::kw_constraint)) {
    auto* node = make<Rename>(place);
    advance();
    advance();
    node->object = ObjectKind::domain_constraint;
    node->parent = ObjectKind::domain;
    node->name = name;
    node->member = col_id();
    expect(Tok::kw_to);
    node->new_name = col_id();
    return node;
  }
  if (accept(Tok::kw_rename)) {
    auto* node = make<Rename>(place);
    expect(Tok::kw_to);
    node->object = node->parent = ObjectKind::domain;
    node->name = name;
    node->new_name = col_id();
    return node;
  }
  if (accept(Tok::kw_owner)) {
    auto* node = make<SetOwner>(place);
    expect(Tok::kw_to);
    node->object = ObjectKind::domain;
    node->name = name;
    node->owner = role();
    return node;
  }
  if (accept(Tok::kw_set, Tok::kw_schema)) {
    auto* node = make<SetSchema>(place);
    node->object = ObjectKind::domain;
    node->name = name;
    node->schema = col_id();
    return node;
  }
  auto* node = make<AlterDomain>(place);
  node->name = name.name;
  if (accept(Tok::kw_add)) {
    node->action = AlterDomainAction::add_constraint;
    node->constraint = table_constraint();
  } else if (accept(Tok::kw_validate)) {
    expect(Tok::kw_constraint);
    node->action = AlterDomainAction::validate_constraint;
    node->constraint_name = col_id();
  } else if (accept(Tok::kw_set)) {
    if (accept(Tok::kw_default)) { node->action = AlterDomainAction::set_default; node->expr = expr(); }
    else { expect(Tok::kw_not); expect(Tok::kw_null); node->action = AlterDomainAction::set_not_null; }
  } else {
    expect(Tok::kw_drop);
    if (accept(Tok::kw_default)) node->action = AlterDomainAction::drop_default;
    else if (accept(Tok::kw_not)) { expect(Tok::kw_null); node->action = AlterDomainAction::drop_not_null; }
    else {
      expect(Tok::kw_constraint);
      node->action = AlterDomainAction::drop_constraint;
      node->if_exists = if_exists();
      node->constraint_name = col_id();
      node->behavior = drop_behavior();
    }
  }
  return node;
}

}  // namespace spg::sql
