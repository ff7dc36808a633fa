// Transactions, settings, prepared statements and cursors.
#include "parser_state.hpp"

namespace spg::sql {

bool Parser::transaction_mode(TransactionModes& modes) {
  if (accept(Tok::kw_isolation)) {
    expect(Tok::kw_level);
    if (accept(Tok::kw_serializable)) modes.isolation = Isolation::serializable;
    else if (accept(Tok::kw_repeatable)) { expect(Tok::kw_read); modes.isolation = Isolation::repeatable_read; }
    else {
      expect(Tok::kw_read);
      if (accept(Tok::kw_committed)) modes.isolation = Isolation::read_committed;
      else { expect(Tok::kw_uncommitted); modes.isolation = Isolation::read_uncommitted; }
    }
    return true;
  }
  if (accept(Tok::kw_read)) {
    modes.read_only = accept(Tok::kw_only) ? Toggle::on : Toggle::off;
    if (modes.read_only == Toggle::off) expect(Tok::kw_write);
    return true;
  }
  if (accept(Tok::kw_deferrable)) { modes.deferrable = Toggle::on; return true; }
  if (at(Tok::kw_not)) { advance(); expect(Tok::kw_deferrable); modes.deferrable = Toggle::off; return true; }
  return false;
}

TransactionModes Parser::transaction_modes() {
  TransactionModes modes;
  if (!transaction_mode(modes)) { syntax_error(); return modes; }
  while (true) {
    if (accept(',')) { if (!transaction_mode(modes)) { syntax_error(); return modes; } }
    else if (!transaction_mode(modes)) return modes;
  }
}

Statement* Parser::transaction() {
  auto* node = make<Transaction>(here());
  const Tok first = kind();
  advance();
  auto optional_modes = [&] {
    if (at_any(Tok::kw_isolation, Tok::kw_read, Tok::kw_deferrable, Tok::kw_not)) node->modes = transaction_modes();
  };
  switch (first) {
    case Tok::kw_begin:
      node->action = TransactionAction::begin;
      if (accept(Tok::kw_immediate)) node->begin_mode = BeginMode::immediate;
      else if (accept(Tok::kw_exclusive)) node->begin_mode = BeginMode::exclusive;
      else if (accept(Tok::kw_deferred)) node->begin_mode = BeginMode::plain;
      if (!accept(Tok::kw_work)) accept(Tok::kw_transaction);
      optional_modes();
      return node;
    case Tok::kw_start:
      node->action = TransactionAction::start;
      expect(Tok::kw_transaction);
      optional_modes();
      return node;
    case Tok::kw_savepoint: node->action = TransactionAction::savepoint; node->name = col_id(); return node;
    case Tok::kw_release:
      node->action = TransactionAction::release;
      if (at(Tok::kw_savepoint) && is_col_id(peek().kind)) advance();
      node->name = col_id();
      return node;
    case Tok::kw_prepare:
      node->action = TransactionAction::prepare;
      expect(Tok::kw_transaction);
      node->name = string_literal();
      return node;
    default: break;
  }
  const bool commit = first == Tok::kw_commit || first == Tok::kw_end;
  node->action = commit ? TransactionAction::commit : TransactionAction::rollback;
  if ((first == Tok::kw_commit || first == Tok::kw_rollback) && accept(Tok::kw_prepared)) {
    node->action = commit ? TransactionAction::commit_prepared : TransactionAction::rollback_prepared;
    node->name = string_literal();
    return node;
  }
  if (!accept(Tok::kw_work)) accept(Tok::kw_transaction);
  if (first == Tok::kw_rollback && accept(Tok::kw_to)) {
    node->action = TransactionAction::rollback_to;
    if (at(Tok::kw_savepoint) && is_col_id(peek().kind)) advance();
    node->name = col_id();
    return node;
  }
  if (accept(Tok::kw_and)) {
    node->chain = !accept(Tok::kw_no);
    expect(Tok::kw_chain);
  }
  return node;
}

/// a.b.c, joined by dots
Name Parser::setting_name() {
  Name name = col_id();
  while (accept('.')) name = arena_->concat(name, ".", col_id());
  return name;
}

Statement* Parser::set_statement() {
  const std::int32_t place = here();
  advance();
  if (at(Tok::kw_constraints)) {
    auto* node = make<SetConstraints>(place);
    advance();
    if (!accept(Tok::kw_all)) node->names = qualified_names();
    if (accept(Tok::kw_deferred)) node->deferred = true;
    else expect(Tok::kw_immediate);
    return node;
  }
  auto* node = make<Set>(place);
  if (at(Tok::kw_local) && !next_is('.') && !next_is('=') && !next_is(Tok::kw_to)) { advance(); node->local = true;
  } else if (at(Tok::kw_session) && !next_is(Tok::kw_authorization) && !next_is(Tok::kw_characteristics) &&
             !next_is(ch('=')) && !next_is(Tok::kw_to) && !next_is('.')) {
    advance();
    node->session = true;
  }
  if (at(Tok::kw_transaction) && !next_is(Tok::kw_to) && !next_is('=')) {
    advance();
    if (accept(Tok::kw_snapshot)) {
      node->action = SetAction::snapshot;
      node->snapshot = string_literal();
      return node;
    }
    node->action = SetAction::transaction;
    node->modes = transaction_modes();
    return node;
  }
  if (at(Tok::kw_session) && next_is(Tok::kw_characteristics)) {
    advance();
    advance();
    expect(Tok::kw_as);
    expect(Tok::kw_transaction);
    node->action = SetAction::session_transaction;
    node->modes = transaction_modes();
    return node;
  }
  return set_rest(node);
}

/// What follows SET, in ALTER ROLE, ALTER DATABASE and functions too.
Set* Parser::set_rest(Set* node) {
  node->values = list<Expr*>();
  const std::int32_t place = here();
  auto word_value = [&](Name name) {
    node->name = name;
    const std::int32_t where = here();
    node->values.push_back(string_node(at(Tok::string) ? take() : non_reserved_word(), where));
    return node;
  };
  if (at(Tok::kw_time) && next_is(Tok::kw_zone)) { advance(); advance(); time_zone(node); return node; }
  if (at(Tok::kw_session) && next_is(Tok::kw_authorization)) {
    advance();
    advance();
    if (accept(Tok::kw_default)) {
      node->name = "session_authorization";
      node->action = SetAction::to_default;
      return node;
    }
    return word_value("session_authorization");
  }
  const bool plain = next_is('=') || next_is(Tok::kw_to) || next_is('.') || next_is(Tok::kw_from);
  if (!plain) {
    switch (kind()) {
      case Tok::kw_role: advance(); return word_value("role");
      case Tok::kw_schema: {
        advance();
        node->name = "search_path";
        const std::int32_t where = here();
        node->values.push_back(string_node(string_literal(), where));
        return node;
      }
      case Tok::kw_catalog:
        advance();
        string_literal();
        fail_at(place, sqlstate::feature_not_supported, "current database cannot be changed");
        return node;
      case Tok::kw_names:
        advance();
        node->name = "client_encoding";
        if (at(Tok::string)) node->values.push_back(string_node(take(), here()));
        else { accept(Tok::kw_default); node->action = SetAction::to_default; }
        return node;
      case Tok::kw_xml:
        advance();
        expect(Tok::kw_option);
        node->name = "xmloption";
        if (!at_any(Tok::kw_document, Tok::kw_content)) syntax_error();
        else node->values.push_back(string_node(take(), here()));
        return node;
      default: break;
    }
  }
  node->name = setting_name();
  if (accept(Tok::kw_from)) { expect(Tok::kw_current); node->action = SetAction::from_current; return node; }
  if (!accept(Tok::kw_to)) expect('=');
  set_values(node);
  return node;
}

void Parser::set_values(Set* node) {
  if (accept(Tok::kw_default)) { node->action = SetAction::to_default; return; }
  do {
    const std::int32_t place = here();
    if (at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus)) node->values.push_back(signed_number());
    else if (at(Tok::string) || at_any(Tok::kw_true, Tok::kw_false, Tok::kw_on))
      node->values.push_back(string_node(take(), place));
    else node->values.push_back(string_node(non_reserved_word(), place));
  } while (accept(','));
}

void Parser::time_zone(Set* node) {
  node->name = "timezone";
  const std::int32_t place = here();
  if (accept(Tok::kw_default) || accept(Tok::kw_local)) { node->action = SetAction::to_default; return; }
  if (at(Tok::string) || at(Tok::identifier)) node->values.push_back(string_node(take(), place));
  else if (at(Tok::kw_interval)) {
    Expr* zone = typed_literal();
    const std::int32_t fields = to<TypeCast>(*zone).type->interval_fields;
    if ((fields & ~(interval_hour | interval_minute)) != 0)
      fail_at(place, sqlstate::syntax_error, "time zone interval must be HOUR or HOUR TO MINUTE");
    node->values.push_back(zone);
  } else node->values.push_back(signed_number());
}

/// SET .. or RESET .. inside another statement.
Set* Parser::set_or_reset() {
  if (at(Tok::kw_reset)) return static_cast<Set*>(reset());
  auto* node = make<Set>(here());
  expect(Tok::kw_set);
  return set_rest(node);
}

Statement* Parser::reset() {
  auto* node = make<Set>(here());
  advance();
  node->action = SetAction::reset;
  if (accept(Tok::kw_all)) node->action = SetAction::reset_all;
  else if (accept(Tok::kw_time, Tok::kw_zone)) node->name = "timezone";
  else if (accept(Tok::kw_session, Tok::kw_authorization)) node->name = "session_authorization";
  else if (at(Tok::kw_transaction) && next_is(Tok::kw_isolation)) {
    advance();
    advance();
    expect(Tok::kw_level);
    node->name = "transaction_isolation";
  } else node->name = setting_name();
  return node;
}

Statement* Parser::show() {
  auto* node = make<Show>(here());
  advance();
  if (accept(Tok::kw_all)) node->name = "all";
  else if (accept(Tok::kw_time, Tok::kw_zone)) node->name = "timezone";
  else if (accept(Tok::kw_session, Tok::kw_authorization)) node->name = "session_authorization";
  else if (at(Tok::kw_transaction) && next_is(Tok::kw_isolation)) {
    advance();
    advance();
    expect(Tok::kw_level);
    node->name = "transaction_isolation";
  } else node->name = setting_name();
  return node;
}

Statement* Parser::discard() {
  auto* node = make<Discard>(here());
  advance();
  if (accept(Tok::kw_all)) node->what = DiscardWhat::all;
  else if (accept(Tok::kw_plans)) node->what = DiscardWhat::plans;
  else if (accept(Tok::kw_sequences)) node->what = DiscardWhat::sequences;
  else if (accept(Tok::kw_temp) || accept(Tok::kw_temporary)) node->what = DiscardWhat::temporary;
  else syntax_error();
  return node;
}

Statement* Parser::prepare() {
  auto* node = make<Prepare>(here());
  advance();
  node->name = col_id();
  if (accept('(')) {
    node->types = list<TypeName*>();
    do node->types.push_back(type());
    while (accept(','));
    expect(')');
  }
  expect(Tok::kw_as);
  node->query = preparable();
  return node;
}

Statement* Parser::execute() {
  auto* node = make<Execute>(here());
  advance();
  node->name = col_id();
  if (at('(')) node->params = paren_exprs();
  return node;
}

Statement* Parser::deallocate() {
  auto* node = make<Deallocate>(here());
  advance();
  if (at(Tok::kw_prepare) && (is_col_id(peek().kind) || next_is(Tok::kw_all))) advance();
  if (!accept(Tok::kw_all)) node->name = col_id();
  return node;
}

Statement* Parser::declare_cursor() {
  auto* node = make<DeclareCursor>(here());
  advance();
  node->name = col_id();
  while (!accept(Tok::kw_cursor) && !failed_) {
    if (accept(Tok::kw_binary)) node->binary = true;
    else if (accept(Tok::kw_insensitive)) node->insensitive = true;
    else if (accept(Tok::kw_asensitive)) node->asensitive = true;
    else {
      const Toggle scroll = accept(Tok::kw_no) ? Toggle::off : Toggle::on;
      expect(Tok::kw_scroll);
      node->scroll_conflict = node->scroll_conflict || (node->scroll != Toggle::unspecified && node->scroll != scroll);
      node->scroll = scroll;
    }
  }
  if (at_any(Tok::kw_with, Tok::kw_without)) { node->hold = at(Tok::kw_with); advance(); expect(Tok::kw_hold); }
  expect(Tok::kw_for);
  node->query = select();
  return node;
}

Statement* Parser::fetch(bool move) {
  auto* node = make<Fetch>(here());
  node->move = move;
  advance();
  auto from = [&] { if (!accept(Tok::kw_from)) accept(Tok::kw_in); };
  auto count = [&](FetchDirection direction) { node->direction = direction; node->count = signed_integer(); };
  const bool named = is_col_id(kind()) && (next_is(ch(';')) || peek().kind == Tok::end);
  if (!named) {
    switch (kind()) {
      case Tok::kw_next: advance(); break;
      case Tok::kw_prior: advance(); node->direction = FetchDirection::backward; break;
      case Tok::kw_first: advance(); node->direction = FetchDirection::absolute; break;
      case Tok::kw_last: advance(); node->direction = FetchDirection::absolute; node->count = -1; break;
      case Tok::kw_absolute: advance(); count(FetchDirection::absolute); break;
      case Tok::kw_relative: advance(); count(FetchDirection::relative); break;
      case Tok::integer: case Tok::plus: case Tok::minus: count(FetchDirection::forward); break;
      case Tok::kw_all: advance(); node->all = true; break;
      case Tok::kw_forward: case Tok::kw_backward:
        node->direction = at(Tok::kw_forward) ? FetchDirection::forward : FetchDirection::backward;
        advance();
        if (accept(Tok::kw_all)) node->all = true;
        else if (at_any(Tok::integer, Tok::plus, Tok::minus)) node->count = signed_integer();
        break;
      default: break;
    }
  }
  from();
  node->cursor = col_id();
  return node;
}

Statement* Parser::close() {
  auto* node = make<Close>(here());
  advance();
  if (!accept(Tok::kw_all)) node->cursor = col_id();
  return node;
}

}  // namespace spg::sql
