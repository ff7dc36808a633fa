// COPY, EXPLAIN, maintenance, LOCK, NOTIFY, DO, CALL, REFRESH, TRUNCATE.
#include "parser_state.hpp"

namespace spg::sql {

Statement* Parser::copy() {
  auto* node = make<Copy>(here());
  advance();
  const std::int32_t binary_place = here();
  const bool binary = at(Tok::kw_binary) && !next_is('.');
  node->options = list<Option>();
  if (binary) { advance(); node->options.push_back(option("format", word("binary", binary_place), binary_place)); }
  if (!binary && accept('(')) {
    node->query = preparable();
    expect(')');
    expect(Tok::kw_to);
  } else {
    node->table = qualified_name();
    if (at('(')) node->columns = paren_names();
    if (accept(Tok::kw_from)) node->from = true;
    else expect(Tok::kw_to);
  }
  node->program = accept(Tok::kw_program);
  if (at_any(Tok::kw_stdin, Tok::kw_stdout)) {
    if (node->program) fail([&] { return Error::make(sqlstate::syntax_error, "STDIN/STDOUT not allowed with PROGRAM")
                                     .at(char_position(lexer_.source(), cur().end + 1)); }());
    advance();
    node->stream = true;
  } else {
    node->file = string_literal();
  }
  if (node->table != nullptr && (at(Tok::kw_using) || at(Tok::kw_delimiters))) {
    const std::int32_t place = here();
    accept(Tok::kw_using);
    expect(Tok::kw_delimiters);
    const std::int32_t where = here();
    node->options.push_back(option("delimiter", string_node(string_literal(), where), place));
  }
  accept(Tok::kw_with);
  if (at('(')) node->options = copy_new_options();
  else copy_old_options(node);
  const std::int32_t where_place = here();
  if (at(Tok::kw_where) && node->table != nullptr) {
    node->where = optional_where();
    if (!node->from)
      fail([&] { return Error::make(sqlstate::syntax_error, "WHERE clause not allowed with COPY TO")
                     .at(char_position(lexer_.source(), static_cast<std::size_t>(where_place))); }());
  }
  return node;
}

/// (name [value], ..)
Vec<Option> Parser::copy_new_options() {
  auto options = list<Option>();
  expect('(');
  do {
    Option result = option({}, nullptr, here());
    result.name = label();
    const std::int32_t place = here();
    if (accept('*')) result.value = word("*", place);
    else if (accept('(')) {
      result.names = list<Name>();
      do {
        if (at(Tok::string)) result.names.push_back(take());
        else result.names.push_back(at_any(Tok::kw_true, Tok::kw_false, Tok::kw_on) ? take() : non_reserved_word());
      } while (accept(','));
      expect(')');
    } else if (at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus)) result.value = signed_number();
    else if (at(Tok::string)) result.value = string_node(take(), place);
    else if (at_any(Tok::kw_true, Tok::kw_false, Tok::kw_on) || is_col_id(kind()) || is_type_name(kind()))
      result.value = word(take(), place);
    options.push_back(result);
  } while (accept(','));
  expect(')');
  return options;
}

/// The words before PostgreSQL 9.0.
void Parser::copy_old_options(Copy* node) {
  while (true) {
    const std::int32_t place = here();
    auto text = [&](Name name) {
      advance();
      accept(Tok::kw_as);
      const std::int32_t where = here();
      node->options.push_back(option(name, string_node(string_literal(), where), place));
    };
    auto columns = [&](Name name, bool star) {
      Option result = option(name, nullptr, place);
      if (star && at('*')) { result.value = word("*", here()); advance(); }
      else result.names = name_list();
      node->options.push_back(result);
    };
    switch (kind()) {
      case Tok::kw_binary: advance(); node->options.push_back(option("format", word("binary", place), place)); continue;
      case Tok::kw_csv: advance(); node->options.push_back(option("format", word("csv", place), place)); continue;
      case Tok::kw_freeze: advance(); node->options.push_back(option("freeze", boolean_node(true), place)); continue;
      case Tok::kw_header: advance(); node->options.push_back(option("header", boolean_node(true), place)); continue;
      case Tok::kw_delimiter: text("delimiter"); continue;
      case Tok::kw_null: text("null"); continue;
      case Tok::kw_quote: text("quote"); continue;
      case Tok::kw_escape: text("escape"); continue;
      case Tok::kw_encoding: text("encoding"); continue;
      case Tok::kw_force:
        advance();
        if (accept(Tok::kw_quote)) columns("force_quote", true);
        else if (accept(Tok::kw_not)) { expect(Tok::kw_null); columns("force_not_null", false); }
        else { expect(Tok::kw_null); columns("force_null", false); }
        continue;
      default: return;
    }
  }
}

Statement* Parser::explainable() {
  switch (kind()) {
    case Tok::kw_select: case Tok::kw_values: case Tok::kw_table: case Tok('('): case Tok::kw_with: case Tok::kw_insert:
    case Tok::kw_update: case Tok::kw_delete: case Tok::kw_merge:
      return preparable();
    case Tok::kw_declare: return declare_cursor();
    case Tok::kw_execute: return execute();
    case Tok::kw_refresh: return refresh();
    case Tok::kw_create: {
      Statement* node = create();
      if (node->kind != NodeKind::create_table_as) syntax_error();
      return node;
    }
    default: syntax_error(); return make<Unsupported>(here());
  }
}

Statement* Parser::explain() {
  auto* node = make<Explain>(here());
  advance();
  node->options = list<Option>();
  if (at('(') && !next_is(Tok::kw_select) && !next_is('(') && !next_is(Tok::kw_with) && !next_is(Tok::kw_table) &&
      !next_is(Tok::kw_values)) {
    node->options = utility_options();
  } else {
    const std::int32_t place = here();
    if (at_any(Tok::kw_analyze, Tok::kw_analyse)) {
      advance();
      node->options.push_back(option("analyze", nullptr, place));
    }
    if (accept(Tok::kw_verbose)) node->options.push_back(option("verbose", nullptr, place));
  }
  node->query = explainable();
  return node;
}

Statement* Parser::vacuum(bool is_vacuum) {
  auto* node = make<Vacuum>(here());
  node->vacuum = is_vacuum;
  advance();
  node->options = list<Option>();
  auto flag = [&](Tok tok, Name name) {
    const std::int32_t place = here();
    if (accept(tok)) node->options.push_back(option(name, nullptr, place));
  };
  if (at('(')) {
    node->options = utility_options();
  } else if (is_vacuum) {
    flag(Tok::kw_full, "full");
    flag(Tok::kw_freeze, "freeze");
    flag(Tok::kw_verbose, "verbose");
    flag(Tok::kw_analyze, "analyze");
    flag(Tok::kw_analyse, "analyze");
  } else {
    flag(Tok::kw_verbose, "verbose");
  }
  node->targets = list<VacuumTarget>();
  if (at(Tok::end) || at(';')) return node;
  do {
    VacuumTarget target;
    target.table = qualified_name();
    if (at('(')) target.columns = paren_names();
    node->targets.push_back(target);
  } while (accept(','));
  return node;
}

Statement* Parser::reindex() {
  auto* node = make<Reindex>(here());
  advance();
  if (at('(')) node->options = utility_options();
  if (accept(Tok::kw_index)) node->target = ReindexTarget::index;
  else if (accept(Tok::kw_table)) node->target = ReindexTarget::table;
  else if (accept(Tok::kw_schema)) node->target = ReindexTarget::schema;
  else if (accept(Tok::kw_system)) node->target = ReindexTarget::system;
  else { expect(Tok::kw_database); node->target = ReindexTarget::database; }
  node->concurrently = accept(Tok::kw_concurrently);
  if (node->target == ReindexTarget::index || node->target == ReindexTarget::table) node->relation = qualified_name();
  else node->name = col_id();
  return node;
}

Statement* Parser::cluster() {
  auto* node = make<Cluster>(here());
  advance();
  node->options = list<Option>();
  if (at('(')) node->options = utility_options();
  else if (at(Tok::kw_verbose)) { node->options.push_back(option("verbose", nullptr, here())); advance(); }
  if (at(Tok::end) || at(';')) return node;
  node->table = qualified_name();
  if (accept(Tok::kw_using)) node->index = col_id();
  else if (accept(Tok::kw_on)) {  // CLUSTER index ON table
    node->index = node->table->name;
    if (!node->table->schema.empty()) syntax_error();
    node->table = qualified_name();
  }
  return node;
}

Statement* Parser::lock() {
  auto* node = make<Lock>(here());
  advance();
  accept(Tok::kw_table);
  node->tables = list<TableRef*>();
  do node->tables.push_back(relation_expr());
  while (accept(','));
  if (accept(Tok::kw_in)) {
    if (accept(Tok::kw_access)) {
      if (accept(Tok::kw_share)) node->mode = LockMode::access_share;
      else { expect(Tok::kw_exclusive); node->mode = LockMode::access_exclusive; }
    } else if (accept(Tok::kw_row)) {
      if (accept(Tok::kw_share)) node->mode = LockMode::row_share;
      else { expect(Tok::kw_exclusive); node->mode = LockMode::row_exclusive; }
    } else if (accept(Tok::kw_share)) {
      node->mode = LockMode::share;
      if (accept(Tok::kw_update)) { expect(Tok::kw_exclusive); node->mode = LockMode::share_update_exclusive; }
      else if (accept(Tok::kw_row)) { expect(Tok::kw_exclusive); node->mode = LockMode::share_row_exclusive; }
    } else {
      expect(Tok::kw_exclusive);
      node->mode = LockMode::exclusive;
    }
    expect(Tok::kw_mode);
  }
  node->nowait = accept(Tok::kw_nowait);
  return node;
}

Statement* Parser::notify() {
  auto* node = make<Notify>(here());
  advance();
  node->channel = col_id();
  if (accept(',')) { node->has_payload = true; node->payload = string_literal(); }
  return node;
}

Statement* Parser::do_block() {
  auto* node = make<DoBlock>(here());
  advance();
  bool any = false;
  while (at(Tok::string) || at(Tok::kw_language)) {
    any = true;
    if (at(Tok::string)) node->body = take();
    else { advance(); node->language = at(Tok::string) ? take() : non_reserved_word(); }
  }
  if (!any) syntax_error();
  return node;
}

Statement* Parser::call_statement() {
  auto* node = make<Call>(here());
  advance();
  const std::int32_t place = here();
  if (is_col_id(kind()) && next_is('.')) {
    const QualifiedName name = any_name();
    if (!at('(')) syntax_error();
    node->call = call(name, place);
  } else {
    if (!is_type_name(kind())) syntax_error();
    const Name name = take();
    if (!at('(')) syntax_error();
    node->call = call(one_name(name), place);
  }
  return node;
}

Statement* Parser::refresh() {
  auto* node = make<Refresh>(here());
  advance();
  expect(Tok::kw_materialized);
  expect(Tok::kw_view);
  node->concurrently = accept(Tok::kw_concurrently);
  node->view = qualified_name();
  node->with_data = with_data();
  return node;
}

Statement* Parser::truncate() {
  auto* node = make<Truncate>(here());
  advance();
  accept(Tok::kw_table);
  node->tables = list<TableRef*>();
  do node->tables.push_back(relation_expr());
  while (accept(','));
  if (accept(Tok::kw_restart)) { expect(Tok::kw_identity); node->restart_identity = true; }
  else if (accept(Tok::kw_continue)) { expect(Tok::kw_identity); node->continue_identity = true; }
  node->behavior = drop_behavior();
  return node;
}

}  // namespace spg::sql
