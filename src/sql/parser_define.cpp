// CREATE of everything but tables, and DROP.
#include "parser_state.hpp"

namespace spg::sql {

Statement* Parser::create() {
  const std::int32_t place = here();
  advance();
  auto placed = [place](Statement* node) { node->at = place; return node; };
  bool or_replace = false;
  if (accept(Tok::kw_or)) {
    expect(Tok::kw_replace);
    or_replace = true;
    if (!at_any(Tok::kw_view, Tok::kw_temp, Tok::kw_temporary, Tok::kw_local, Tok::kw_global, Tok::kw_unlogged,
                Tok::kw_recursive, Tok::kw_function, Tok::kw_procedure, Tok::kw_trigger, Tok::kw_constraint,
                Tok::kw_rule, Tok::kw_aggregate, Tok::kw_language, Tok::kw_trusted, Tok::kw_procedural,
                Tok::kw_transform))
      syntax_error();
  }
  const Persistence persistence =
      at_any(Tok::kw_temp, Tok::kw_temporary, Tok::kw_local, Tok::kw_global, Tok::kw_unlogged) ? optional_temp()
                                                                                               : Persistence::permanent;
  const bool temp_word = persistence != Persistence::permanent;
  if (temp_word && !at_any(Tok::kw_table, Tok::kw_view, Tok::kw_sequence, Tok::kw_recursive, Tok::kw_materialized))
    syntax_error();
  if (or_replace && temp_word && !at_any(Tok::kw_view, Tok::kw_recursive)) syntax_error();
  switch (kind()) {
    case Tok::kw_table: advance(); return placed(create_table(persistence, false));
    case Tok::kw_view: case Tok::kw_recursive: return placed(create_view(or_replace, persistence));
    case Tok::kw_materialized: advance(); expect(Tok::kw_view); return placed(create_materialized_view(persistence));
    case Tok::kw_sequence: advance(); return placed(create_sequence(persistence));
    case Tok::kw_unique: case Tok::kw_index: return placed(create_index());
    case Tok::kw_schema: return placed(create_schema());
    case Tok::kw_role: advance(); return placed(create_role(RoleForm::role));
    case Tok::kw_user:
      advance();
      if (accept(Tok::kw_mapping)) return placed(unsupported("CREATE USER MAPPING"));
      return placed(create_role(RoleForm::user));
    case Tok::kw_group: advance(); return placed(create_role(RoleForm::group));
    case Tok::kw_database: advance(); return placed(create_database());
    case Tok::kw_type: advance(); return placed(create_type());
    case Tok::kw_domain: advance(); return placed(create_domain());
    case Tok::kw_function: case Tok::kw_procedure: return placed(create_function(or_replace));
    case Tok::kw_trigger: advance(); return placed(create_trigger(or_replace, false));
    case Tok::kw_constraint: advance(); expect(Tok::kw_trigger); return placed(create_trigger(or_replace, true));
    case Tok::kw_extension: advance(); return placed(create_extension());
    case Tok::kw_foreign:
      advance();
      if (accept(Tok::kw_table)) return placed(create_table(Persistence::permanent, true));
      expect(Tok::kw_data);
      expect(Tok::kw_wrapper);
      col_id();
      return placed(unsupported("CREATE FOREIGN DATA WRAPPER"));
    case Tok::kw_aggregate:
      advance();
      any_name();
      if (!at('(')) syntax_error();
      return placed(unsupported("CREATE AGGREGATE"));
    case Tok::kw_operator:
      advance();
      if (accept(Tok::kw_class)) return placed(unsupported("CREATE OPERATOR CLASS"));
      if (accept(Tok::kw_family)) return placed(unsupported("CREATE OPERATOR FAMILY"));
      all_operator();
      if (!at('(')) syntax_error();
      return placed(unsupported("CREATE OPERATOR"));
    case Tok::kw_cast: advance(); if (!at('(')) syntax_error(); return placed(unsupported("CREATE CAST"));
    case Tok::kw_collation: advance(); 
      if_not_exists();
      any_name();
      if (accept(Tok::kw_from)) any_name();
      else if (!at('(')) syntax_error();
      return placed(unsupported("CREATE COLLATION"));
    case Tok::kw_default: advance(); expect(Tok::kw_conversion); return placed(unsupported("CREATE CONVERSION"));
    case Tok::kw_conversion:
      advance();
      any_name();
      expect(Tok::kw_for);
      return placed(unsupported("CREATE CONVERSION"));
    case Tok::kw_rule:
      advance();
      col_id();
      expect(Tok::kw_as);
      expect(Tok::kw_on);
      return placed(unsupported("CREATE RULE"));
    case Tok::kw_policy:
      advance();
      col_id();
      expect(Tok::kw_on);
      qualified_name();
      return placed(unsupported("CREATE POLICY"));
    case Tok::kw_trusted: case Tok::kw_procedural: case Tok::kw_language: return placed(unsupported("CREATE LANGUAGE"));
    case Tok::kw_tablespace: advance(); col_id(); return placed(unsupported("CREATE TABLESPACE"));
    case Tok::kw_statistics: advance(); return placed(unsupported("CREATE STATISTICS"));
    case Tok::kw_publication:
      advance();
      col_id();
      if (!at_any(Tok::kw_for, Tok::kw_with, Tok::semicolon, Tok::end)) syntax_error();
      return placed(unsupported("CREATE PUBLICATION"));
    case Tok::kw_subscription:
      advance();
      col_id();
      expect(Tok::kw_connection);
      return placed(unsupported("CREATE SUBSCRIPTION"));
    case Tok::kw_server:
      advance();
      if_not_exists();
      col_id();
      if (accept(Tok::kw_type)) string_literal();
      if (accept(Tok::kw_version)) string_literal();
      expect(Tok::kw_foreign);
      expect(Tok::kw_data);
      expect(Tok::kw_wrapper);
      col_id();
      generic_options();
      return placed(unsupported("CREATE SERVER"));
    case Tok::kw_event:
      advance();
      expect(Tok::kw_trigger);
      col_id();
      expect(Tok::kw_on);
      return placed(unsupported("CREATE EVENT TRIGGER"));
    case Tok::kw_access:
      advance();
      expect(Tok::kw_method);
      col_id();
      expect(Tok::kw_type);
      return placed(unsupported("CREATE ACCESS METHOD"));
    case Tok::kw_transform: advance(); expect(Tok::kw_for); return placed(unsupported("CREATE TRANSFORM"));
    case Tok::kw_text:
      advance();
      expect(Tok::kw_search);
      if (accept(Tok::kw_parser)) return placed(unsupported("CREATE TEXT SEARCH PARSER"));
      if (accept(Tok::kw_dictionary)) return placed(unsupported("CREATE TEXT SEARCH DICTIONARY"));
      if (accept(Tok::kw_template)) return placed(unsupported("CREATE TEXT SEARCH TEMPLATE"));
      expect(Tok::kw_configuration);
      return placed(unsupported("CREATE TEXT SEARCH CONFIGURATION"));
    default: syntax_error(); return make<Unsupported>(place);
  }
}

Vec<IndexElement*> Parser::index_elements() {
  auto elements = list<IndexElement*>();
  expect('(');
  do elements.push_back(index_element());
  while (accept(','));
  expect(')');
  return elements;
}

IndexElement* Parser::index_element() {
  auto* node = arena_->make<IndexElement>();
  node->at = here();
  if (at('(')) { advance(); node->expr = expr(); expect(')'); }
  else if (is_col_id(kind()) && !next_is('(') && !next_is('.')) node->column = take();
  else {
    const std::int32_t place = here();
    node->expr = is_col_id(kind()) && next_is('.') ? call(any_name(), place) : windowless_call();
  }
  if (accept(Tok::kw_collate)) node->collation = any_name();
  if (is_col_id(kind()) && !at(Tok::kw_nulls)) {
    node->op_class = any_name();
    if (at('(')) node->op_class_options = reloptions();
  } else if (at(Tok::kw_nulls) && !next_is(Tok::kw_first) && !next_is(Tok::kw_last)) {
    node->op_class = any_name();
  }
  if (accept(Tok::kw_asc)) node->direction = SortDirection::ascending;
  else if (accept(Tok::kw_desc)) node->direction = SortDirection::descending;
  if (at(Tok::kw_nulls) && (next_is(Tok::kw_first) || next_is(Tok::kw_last))) {
    advance();
    if (accept(Tok::kw_first)) node->nulls = NullsOrder::first;
    else { expect(Tok::kw_last); node->nulls = NullsOrder::last; }
  }
  return node;
}

Statement* Parser::create_index() {
  auto* node = make<CreateIndex>(here());
  node->unique = accept(Tok::kw_unique);
  expect(Tok::kw_index);
  node->concurrently = accept(Tok::kw_concurrently);
  node->if_not_exists = if_not_exists();
  if (node->if_not_exists || !at(Tok::kw_on)) node->name = col_id();
  expect(Tok::kw_on);
  node->table = relation_expr();
  if (accept(Tok::kw_using)) node->access_method = col_id();
  node->elements = index_elements();
  if (accept(Tok::kw_include)) node->include = index_elements();
  if (accept(Tok::kw_nulls)) { node->nulls_not_distinct = accept(Tok::kw_not); expect(Tok::kw_distinct); }
  if (accept(Tok::kw_with)) node->with = reloptions();
  if (accept(Tok::kw_tablespace)) node->tablespace = col_id();
  node->where = optional_where();
  return node;
}

Statement* Parser::create_view(bool or_replace, Persistence persistence) {
  auto* node = make<CreateView>(here());
  node->or_replace = or_replace;
  node->recursive = accept(Tok::kw_recursive);
  expect(Tok::kw_view);
  node->view = qualified_name();
  node->view->persistence = persistence;
  if (node->recursive || at('(')) node->columns = paren_names();
  if (accept(Tok::kw_with)) node->with = reloptions();
  expect(Tok::kw_as);
  node->query = select();
  if (at(Tok::kw_with)) {
    const std::int32_t place = here();
    advance();
    node->check = CheckOption::cascaded;
    if (accept(Tok::kw_local)) node->check = CheckOption::local;
    else accept(Tok::kw_cascaded);
    expect(Tok::kw_check);
    expect(Tok::kw_option);
    if (node->recursive)
      fail_at(place, sqlstate::feature_not_supported, "WITH CHECK OPTION not supported on recursive views");
  }
  return node;
}

Statement* Parser::create_sequence(Persistence persistence) {
  auto* node = make<CreateSequence>(here());
  node->if_not_exists = if_not_exists();
  node->sequence = qualified_name();
  node->sequence->persistence = persistence;
  node->options = sequence_options(false);
  return node;
}

Statement* Parser::create_schema() {
  auto* node = make<CreateSchema>(here());
  advance();
  node->if_not_exists = if_not_exists();
  if (!at(Tok::kw_authorization)) node->name = col_id();
  if (accept(Tok::kw_authorization)) node->authorization = role();
  node->elements = list<Statement*>();
  while (at_any(Tok::kw_create, Tok::kw_grant)) {
    const std::int32_t place = here();
    if (node->if_not_exists) {
      fail_at(place, sqlstate::feature_not_supported, "CREATE SCHEMA IF NOT EXISTS cannot include schema elements");
      break;
    }
    if (at(Tok::kw_create) && !next_is(Tok::kw_table) && !next_is(Tok::kw_unique) && !next_is(Tok::kw_index) &&
        !next_is(Tok::kw_view) && !next_is(Tok::kw_sequence) && !next_is(Tok::kw_trigger) && !next_is(Tok::kw_temp) &&
        !next_is(Tok::kw_temporary) && !next_is(Tok::kw_unlogged) && !next_is(Tok::kw_or) &&
        !next_is(Tok::kw_constraint) && !next_is(Tok::kw_local) && !next_is(Tok::kw_global) &&
        !next_is(Tok::kw_recursive)) {
      advance();
      syntax_error();
      break;
    }
    node->elements.push_back(at(Tok::kw_create) ? create() : grant(false));
  }
  return node;
}

Statement* Parser::create_type() {
  auto* node = make<CreateType>(here());
  node->name = any_name();
  if (at('(')) { node->form = TypeForm::base; node->options = paren_options(); return node; }
  if (!accept(Tok::kw_as)) return node;
  if (accept(Tok::kw_enum)) {
    node->form = TypeForm::enumeration;
    node->labels = list<std::string_view>();
    expect('(');
    if (!at(')')) {
      do node->labels.push_back(string_literal());
      while (accept(','));
    }
    expect(')');
  } else if (accept(Tok::kw_range)) {
    node->form = TypeForm::range;
    node->options = paren_options();
  } else {
    node->form = TypeForm::composite;
    if (at('(') && next_is(')')) { advance(); advance(); node->columns = list<ColumnDef*>(); }
    else node->columns = column_definitions();
  }
  return node;
}

Statement* Parser::create_domain() {
  auto* node = make<CreateDomain>(here());
  node->name = any_name();
  accept(Tok::kw_as);
  node->type = type();
  auto* column = make<ColumnDef>(here());
  column_constraints(column);
  node->collation = column->collation;
  node->constraints = column->constraints;
  return node;
}

FunctionParameter Parser::function_parameter(bool with_default) {
  FunctionParameter parameter;
  auto mode = [&] {
    if (accept(Tok::kw_in)) parameter.mode = accept(Tok::kw_out) ? ParameterMode::in_out : ParameterMode::in;
    else if (accept(Tok::kw_out)) parameter.mode = ParameterMode::out;
    else if (accept(Tok::kw_inout)) parameter.mode = ParameterMode::in_out;
    else if (accept(Tok::kw_variadic)) parameter.mode = ParameterMode::variadic;
    else return false;
    return true;
  };
  const bool had_mode = mode();
  const Tok next = peek().kind;
  const bool more = is_type_name(next) || next == Tok::kw_setof || next == Tok::kw_in || next == Tok::kw_out ||
                    next == Tok::kw_inout || next == Tok::kw_variadic || (is_col_id(next) && next != Tok::kw_precision);
  if (is_type_name(kind()) && more && !(at(Tok::kw_double) && next == Tok::kw_precision)) {
    parameter.name = take();
    if (!had_mode) mode();
  }
  parameter.type = function_type();
  if (with_default && (at('=') || at(Tok::kw_default))) {
    parameter.default_equals = at('=');
    advance();
    parameter.default_value = expr();
  }
  return parameter;
}

Vec<FunctionParameter> Parser::function_parameters(bool with_defaults) {
  auto parameters = list<FunctionParameter>();
  expect('(');
  if (accept(')')) return parameters;
  do parameters.push_back(function_parameter(with_defaults));
  while (accept(','));
  expect(')');
  return parameters;
}

Statement* Parser::create_function(bool or_replace) {
  auto* node = make<CreateFunction>(here());
  node->or_replace = or_replace;
  node->procedure = at(Tok::kw_procedure);
  advance();
  node->name = any_name();
  node->parameters = function_parameters(true);
  if (!node->procedure && accept(Tok::kw_returns)) {
    if (accept(Tok::kw_table)) {
      node->returns_table = true;
      expect('(');
      do {
        FunctionParameter column;
        column.mode = ParameterMode::table;
        column.name = is_type_name(kind()) ? take() : Name{};
        if (column.name.empty()) syntax_error();
        column.type = function_type();
        node->parameters.push_back(column);
      } while (accept(','));
      expect(')');
    } else {
      node->returns = function_type();
    }
  }
  function_options(node);
  return node;
}

void Parser::function_options(CreateFunction* node) {
  node->options = list<Option>();
  while (function_option(node->options)) {}
  if (accept(Tok::kw_return)) {
    node->return_expr = expr();
  } else if (at(Tok::kw_begin)) {
    advance();
    expect(Tok::kw_atomic);
    node->atomic = true;
    node->body = list<Statement*>();
    while (!at(Tok::kw_end) && !failed_) {
      if (accept(';')) continue;
      if (accept(Tok::kw_return)) {
        auto* query = make<Select>(here());
        query->targets = list<Target>();
        query->targets.push_back({expr(), {}, -1});
        node->body.push_back(query);
      } else {
        node->body.push_back(statement());
      }
      expect(';');
    }
    expect(Tok::kw_end);
  }
}

bool Parser::function_option(Vec<Option>& out) {
  const std::int32_t place = here();
  auto flag = [&](Name name, Name value) { out.push_back(option(name, word(value, place), place)); return true; };
  switch (kind()) {
    case Tok::kw_as: {
      advance();
      Option body = option("as", nullptr, place);
      body.names = list<Name>();
      body.names.push_back(string_literal());
      if (accept(',')) body.names.push_back(string_literal());
      out.push_back(body);
      return true;
    }
    case Tok::kw_language: advance(); return flag("language", at(Tok::string) ? take() : non_reserved_word());
    case Tok::kw_window: advance(); return flag("window", "true");
    case Tok::kw_called:
      advance();
      expect(Tok::kw_on);
      expect(Tok::kw_null);
      expect(Tok::kw_input);
      return flag("strict", "false");
    case Tok::kw_returns:
      advance();
      expect(Tok::kw_null);
      expect(Tok::kw_on);
      expect(Tok::kw_null);
      expect(Tok::kw_input);
      return flag("strict", "true");
    case Tok::kw_strict: advance(); return flag("strict", "true");
    case Tok::kw_immutable: case Tok::kw_stable: case Tok::kw_volatile: return flag("volatility", take());
    case Tok::kw_external: case Tok::kw_security:
      accept(Tok::kw_external);
      expect(Tok::kw_security);
      if (accept(Tok::kw_definer)) return flag("security", "definer");
      expect(Tok::kw_invoker);
      return flag("security", "invoker");
    case Tok::kw_leakproof: advance(); return flag("leakproof", "true");
    case Tok::kw_not: advance(); expect(Tok::kw_leakproof); return flag("leakproof", "false");
    case Tok::kw_cost: advance(); out.push_back(option("cost", signed_number(), place)); return true;
    case Tok::kw_rows: advance(); out.push_back(option("rows", signed_number(), place)); return true;
    case Tok::kw_parallel: advance(); return flag("parallel", col_id());
    case Tok::kw_support: {
      advance();
      Option support = option("support", nullptr, place);
      support.names = any_name();
      out.push_back(support);
      return true;
    }
    case Tok::kw_transform:
      advance();
      do { expect(Tok::kw_for); expect(Tok::kw_type); type(); } while (accept(','));
      return flag("transform", "true");
    case Tok::kw_set: case Tok::kw_reset: {
      Option setting = option("set", nullptr, place);
      setting.value = set_or_reset();
      out.push_back(setting);
      return true;
    }
    default: return false;
  }
}

Statement* Parser::create_trigger(bool or_replace, bool constraint) {
  auto* node = make<CreateTrigger>(here());
  node->or_replace = or_replace;
  node->constraint = constraint;
  node->name = col_id();
  if (constraint) expect(Tok::kw_after);
  if (constraint || accept(Tok::kw_after)) node->timing = TriggerTiming::after;
  else if (accept(Tok::kw_instead)) { expect(Tok::kw_of); node->timing = TriggerTiming::instead_of; }
  else expect(Tok::kw_before);
  do {
    std::uint8_t event = 0;
    if (accept(Tok::kw_insert)) event = trigger_insert;
    else if (accept(Tok::kw_delete)) event = trigger_delete;
    else if (accept(Tok::kw_truncate)) event = trigger_truncate;
    else {
      expect(Tok::kw_update);
      event = trigger_update;
      if (accept(Tok::kw_of)) node->columns = name_list();
    }
    if ((node->events & event) != 0)
      fail(error_near(lexer_.source(), "duplicate trigger events specified", cur().begin, cur().end));
    node->events |= event;
  } while (accept(Tok::kw_or));
  expect(Tok::kw_on);
  node->table = qualified_name();
  if (constraint) {
    if (accept(Tok::kw_from)) node->from_table = qualified_name();
    Constraint attributes;
    constraint_attributes(&attributes);
    node->deferrable = attributes.deferrable;
    node->initially_deferred = attributes.initially_deferred;
  }
  if (accept(Tok::kw_referencing)) {
    node->transitions = list<TriggerTransition>();
    while (at_any(Tok::kw_new, Tok::kw_old)) {
      TriggerTransition transition;
      transition.is_new = at(Tok::kw_new);
      advance();
      transition.is_table = accept(Tok::kw_table);
      if (!transition.is_table) expect(Tok::kw_row);
      accept(Tok::kw_as);
      transition.name = col_id();
      node->transitions.push_back(transition);
    }
    if (node->transitions.empty()) syntax_error();
  }
  if (accept(Tok::kw_for)) {
    accept(Tok::kw_each);
    node->for_each_row = accept(Tok::kw_row);
    if (!node->for_each_row) expect(Tok::kw_statement);
  }
  if (accept(Tok::kw_when)) { expect('('); node->when = expr(); expect(')'); }
  expect(Tok::kw_execute);
  if (!accept(Tok::kw_procedure)) expect(Tok::kw_function);
  node->function = any_name();
  node->args = list<std::string_view>();
  expect('(');
  if (!at(')')) {
    do {
      if (at_any(Tok::integer, Tok::numeric, Tok::string) || is_label(kind())) node->args.push_back(take());
      else syntax_error();
    } while (accept(','));
  }
  expect(')');
  return node;
}

Statement* Parser::create_extension() {
  auto* node = make<CreateExtension>(here());
  node->if_not_exists = if_not_exists();
  node->name = col_id();
  accept(Tok::kw_with);
  node->options = list<Option>();
  while (true) {
    const std::int32_t place = here();
    if (accept(Tok::kw_schema)) node->options.push_back(option("schema", word(col_id(), place), place));
    else if (accept(Tok::kw_version))
      node->options.push_back(option("version", word(at(Tok::string) ? take() : non_reserved_word(), place), place));
    else if (accept(Tok::kw_cascade)) node->options.push_back(option("cascade", boolean_node(true), place));
    else return node;
  }
}

/// The kind behind DROP, COMMENT ON or ALTER; consumes its words. False when none fits.
bool Parser::object_kind(ObjectKind& out) {
  auto one = [&](ObjectKind object) { advance(); out = object; return true; };
  switch (kind()) {
    case Tok::kw_table: return one(ObjectKind::table);
    case Tok::kw_index: return one(ObjectKind::index);
    case Tok::kw_view: return one(ObjectKind::view);
    case Tok::kw_sequence: return one(ObjectKind::sequence);
    case Tok::kw_schema: return one(ObjectKind::schema);
    case Tok::kw_database: return one(ObjectKind::database);
    case Tok::kw_role: return one(ObjectKind::role);
    case Tok::kw_type: return one(ObjectKind::type);
    case Tok::kw_domain: return one(ObjectKind::domain);
    case Tok::kw_function: return one(ObjectKind::function);
    case Tok::kw_procedure: return one(ObjectKind::procedure);
    case Tok::kw_routine: return one(ObjectKind::routine);
    case Tok::kw_aggregate: return one(ObjectKind::aggregate);
    case Tok::kw_collation: return one(ObjectKind::collation);
    case Tok::kw_conversion: return one(ObjectKind::conversion);
    case Tok::kw_extension: return one(ObjectKind::extension);
    case Tok::kw_trigger: return one(ObjectKind::trigger);
    case Tok::kw_rule: return one(ObjectKind::rule);
    case Tok::kw_policy: return one(ObjectKind::policy);
    case Tok::kw_tablespace: return one(ObjectKind::tablespace);
    case Tok::kw_cast: return one(ObjectKind::cast);
    case Tok::kw_column: return one(ObjectKind::column);
    case Tok::kw_constraint: return one(ObjectKind::constraint);
    case Tok::kw_procedural: advance(); expect(Tok::kw_language); out = ObjectKind::language; return true;
    case Tok::kw_language: return one(ObjectKind::language);
    case Tok::kw_publication: return one(ObjectKind::publication);
    case Tok::kw_subscription: return one(ObjectKind::subscription);
    case Tok::kw_server: return one(ObjectKind::server);
    case Tok::kw_statistics: return one(ObjectKind::statistics);
    case Tok::kw_transform: return one(ObjectKind::transform);
    case Tok::kw_materialized: advance(); expect(Tok::kw_view); out = ObjectKind::materialized_view; return true;
    case Tok::kw_event: advance(); expect(Tok::kw_trigger); out = ObjectKind::event_trigger; return true;
    case Tok::kw_access: advance(); expect(Tok::kw_method); out = ObjectKind::access_method; return true;
    case Tok::kw_large: advance(); expect(Tok::kw_object); out = ObjectKind::large_object; return true;
    case Tok::kw_foreign:
      advance();
      if (accept(Tok::kw_table)) { out = ObjectKind::foreign_table; return true; }
      expect(Tok::kw_data);
      expect(Tok::kw_wrapper);
      out = ObjectKind::foreign_data_wrapper;
      return true;
    case Tok::kw_operator:
      advance();
      out = ObjectKind::operator_;
      if (accept(Tok::kw_class)) out = ObjectKind::operator_class;
      else if (accept(Tok::kw_family)) out = ObjectKind::operator_family;
      return true;
    case Tok::kw_text:
      advance();
      expect(Tok::kw_search);
      if (accept(Tok::kw_parser)) out = ObjectKind::text_search_parser;
      else if (accept(Tok::kw_dictionary)) out = ObjectKind::text_search_dictionary;
      else if (accept(Tok::kw_template)) out = ObjectKind::text_search_template;
      else { expect(Tok::kw_configuration); out = ObjectKind::text_search_configuration; }
      return true;
    default: return false;
  }
}

Statement* Parser::drop() {
  const std::int32_t place = here();
  advance();
  if (at(Tok::kw_user) && next_is(Tok::kw_mapping)) { advance(); return unsupported("DROP USER MAPPING"); }
  if (at_any(Tok::kw_role, Tok::kw_user, Tok::kw_group)) {
    auto* node = make<DropRole>(place);
    node->form = at(Tok::kw_user) ? RoleForm::user : at(Tok::kw_group) ? RoleForm::group : RoleForm::role;
    advance();
    node->if_exists = if_exists();
    node->roles = roles();
    return node;
  }
  if (accept(Tok::kw_database)) {
    auto* node = make<DropDatabase>(place);
    node->if_exists = if_exists();
    node->name = col_id();
    const bool with_word = accept(Tok::kw_with);
    if (with_word || at('(')) {
      expect('(');
      do expect(Tok::kw_force);
      while (accept(','));
      node->force = true;
      expect(')');
    }
    return node;
  }
  if (accept(Tok::kw_owned)) {
    auto* node = make<ReassignOwned>(place);
    node->drop = true;
    expect(Tok::kw_by);
    node->roles = roles();
    node->behavior = drop_behavior();
    return node;
  }
  auto* node = make<Drop>(place);
  if (at(Tok::kw_column) || at(Tok::kw_constraint) || at(Tok::kw_large) || !object_kind(node->object)) {
    syntax_error();
    return node;
  }
  if (node->object == ObjectKind::index) node->concurrently = accept(Tok::kw_concurrently);
  node->if_exists = if_exists();
  node->names = list<ObjectName>();
  do node->names.push_back(object_name(node->object));
  while (accept(','));
  if (node->object != ObjectKind::tablespace) node->behavior = drop_behavior();
  return node;
}

}  // namespace spg::sql
