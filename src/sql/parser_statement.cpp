// Scripts and the choice among statements.
#include "parser_state.hpp"

namespace spg::sql {

Result<Vec<RawStatement>> Parser::script() {
  auto statements = list<RawStatement>();
  while (!failed_) {
    if (accept(';')) continue;
    if (at(Tok::end)) break;
    RawStatement raw;
    raw.begin = cur().begin;
    params_ = 0;
    as_of_ = nullptr;
    raw.tree = statement();
    raw.end = last_end_;
    if (!at(';') && !at(Tok::end)) syntax_error();
    check_arena();
    if (failed_) break;
    raw.params = params_;
    raw.as_of = as_of_;
    raw.tag = command_tag(*raw.tree);
    statements.push_back(raw);
  }
  if (failed_) return take_error();
  return statements;
}

Result<Expr*> Parser::whole_expression() {
  Expr* node = expr();
  if (!at(Tok::end)) syntax_error();
  check_arena();
  if (failed_) return take_error();
  return node;
}

Result<TypeName*> Parser::whole_type() {
  TypeName* node = type();
  if (!at(Tok::end)) syntax_error();
  if (failed_) return take_error();
  return node;
}

Statement* Parser::statement() {
  const Deeper deeper(*this);
  switch (kind()) {
    case Tok::kw_select: case Tok::kw_values: case Tok::kw_table: case Tok('('): return select();
    case Tok::kw_with: return with_statement();
    case Tok::kw_insert: return insert(nullptr);
    case Tok::kw_update: return update(nullptr);
    case Tok::kw_delete: return delete_from(nullptr);
    case Tok::kw_merge: return merge(nullptr);
    case Tok::kw_begin:
    case Tok::kw_start:
    case Tok::kw_commit:
    case Tok::kw_end:
    case Tok::kw_rollback:
    case Tok::kw_abort:
    case Tok::kw_savepoint: case Tok::kw_release:
      return transaction();
    case Tok::kw_set: return set_statement();
    case Tok::kw_reset: return reset();
    case Tok::kw_show: return show();
    case Tok::kw_prepare: return next_is(Tok::kw_transaction) ? transaction() : prepare();
    case Tok::kw_execute: return execute();
    case Tok::kw_deallocate: return deallocate();
    case Tok::kw_create: return create();
    case Tok::kw_alter: return alter();
    case Tok::kw_drop: return drop();
    case Tok::kw_truncate: return truncate();
    case Tok::kw_copy: return copy();
    case Tok::kw_explain: return explain();
    case Tok::kw_declare: return declare_cursor();
    case Tok::kw_fetch: return fetch(false);
    case Tok::kw_move: return fetch(true);
    case Tok::kw_close: return close();
    case Tok::kw_grant: return grant(false);
    case Tok::kw_revoke: return grant(true);
    case Tok::kw_comment: return comment();
    case Tok::kw_vacuum: return vacuum(true);
    case Tok::kw_analyze: case Tok::kw_analyse: return vacuum(false);
    case Tok::kw_reindex: return reindex();
    case Tok::kw_cluster: return cluster();
    case Tok::kw_checkpoint: {
      auto* node = make<Checkpoint>(here());
      advance();
      return node;
    }
    case Tok::kw_lock: return lock();
    case Tok::kw_listen: {
      auto* node = make<Listen>(here());
      advance();
      node->channel = col_id();
      return node;
    }
    case Tok::kw_unlisten: {
      auto* node = make<Unlisten>(here());
      advance();
      if (!accept('*')) node->channel = col_id();
      return node;
    }
    case Tok::kw_notify: return notify();
    case Tok::kw_do: return do_block();
    case Tok::kw_call: return call_statement();
    case Tok::kw_refresh: return refresh();
    case Tok::kw_discard: return discard();
    case Tok::kw_backup: {
      auto* node = make<Backup>(here());
      advance();
      expect(Tok::kw_to);
      node->file = string_literal();
      node->options = accept(Tok::kw_with) ? utility_options() : list<Option>();
      return node;
    }
    case Tok::kw_reassign: {
      auto* node = make<ReassignOwned>(here());
      advance();
      expect(Tok::kw_owned);
      expect(Tok::kw_by);
      node->roles = roles();
      expect(Tok::kw_to);
      node->new_owner = role();
      return node;
    }
    case Tok::kw_load: advance(); string_literal(); return unsupported("LOAD");
    case Tok::kw_import:
      advance();
      expect(Tok::kw_foreign);
      expect(Tok::kw_schema);
      col_id();
      return unsupported("IMPORT FOREIGN SCHEMA");
    case Tok::kw_security: advance(); expect(Tok::kw_label); return unsupported("SECURITY LABEL");
    default: break;
  }
  syntax_error();
  return make<Unsupported>(here());
}

/// The rest of the statement, parentheses balanced: PostgreSQL knows its grammar, SPG only its name.
void Parser::skip_statement() {
  std::uint32_t depth = 0;
  while (!at(Tok::end) && (depth != 0 || !at(';'))) {
    if (at('(')) ++depth;
    if (at(')')) {
      if (depth == 0) { syntax_error(); return; }
      --depth;
    }
    advance();
  }
  if (depth != 0) syntax_error();
}

Statement* Parser::unsupported(Name command) {
  auto* node = make<Unsupported>(here());
  node->command = command;
  skip_statement();
  return node;
}

Result<Vec<RawStatement>> parse(Arena& arena, std::string_view text, const ParseOptions& options) {
  if (text.size() > INT32_MAX) return Error::make(sqlstate::program_limit_exceeded, "statement text is too long");
  return Parser(arena, text, options).script();
}
Result<Expr*> parse_expression(Arena& arena, std::string_view text, const ParseOptions& options) {
  if (text.size() > INT32_MAX) return Error::make(sqlstate::program_limit_exceeded, "statement text is too long");
  return Parser(arena, text, options).whole_expression();
}
Result<TypeName*> parse_type_name(Arena& arena, std::string_view text, const ParseOptions& options) {
  if (text.size() > INT32_MAX) return Error::make(sqlstate::program_limit_exceeded, "statement text is too long");
  return Parser(arena, text, options).whole_type();
}

}  // namespace spg::sql
