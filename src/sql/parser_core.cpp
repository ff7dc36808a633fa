// Tokens, errors and names of the parser.
#include "parser_state.hpp"

namespace spg::sql {

const Token& Parser::peek(std::uint32_t ahead) {
  SPG_DCHECK(ahead < 4);
  while (window_size_ <= ahead) window_[window_size_++] = failed_ ? Token{} : lexer_.next();
  return window_[ahead];
}

void Parser::advance() {
  last_end_ = window_[0].end;
  if (__builtin_expect(++tokens_ % 256 == 0, 0)) check_arena();
  if (window_size_ > 1) {
    --window_size_;
    for (std::uint32_t i = 0; i < window_size_; ++i) window_[i] = window_[i + 1];
  } else {
    window_[0] = lexer_.next();
  }
  if (__builtin_expect(window_[0].kind == Tok::error, 0)) check_current();
}

bool Parser::accept(Tok first, Tok second) {
  if (!at(first) || peek().kind != second) return false;
  advance();
  advance();
  return true;
}

/// A bad token counts only when the parser arrives at it.
void Parser::check_current() {
  if (window_[0].kind == Tok::error) fail(std::move(lexer_.error()));
}

/// Memory used up, cancelled, or out of time.
void Parser::check_arena() {
  if (failed_) return;
  if (Status failed = arena_->check()) fail(std::move(failed));
}

void Parser::syntax_error() {
  if (!failed_) fail(error_near(lexer_.source(), "syntax error", cur().begin, cur().end));
}

void Parser::fail(Error error) {
  if (!failed_) error_ = std::move(error);
  failed_ = true;
  lexer_ = Lexer(*arena_, lexer_.source().substr(0, 0), {});
  window_size_ = 1;
  window_[0] = Token{};
}

void Parser::fail_at(std::int32_t place, Sqlstate code, std::string_view message) {
  if (failed_) return;
  Error error = Error::make(code, message);
  if (place >= 0) error = std::move(error).at(char_position(lexer_.source(), static_cast<std::size_t>(place)));
  fail(std::move(error));
}

void Parser::too_deep() {
  if (!failed_) fail(Error::make(sqlstate::statement_too_complex, "stack depth limit exceeded"));
}

QualifiedName Parser::any_name() {
  auto name = list<Name>();
  name.push_back(col_id());
  while (accept('.')) name.push_back(label());
  return name;
}

Vec<QualifiedName> Parser::any_names() {
  auto names = list<QualifiedName>();
  do names.push_back(any_name());
  while (accept(','));
  return names;
}

QualifiedName Parser::catalog_name(Name name) {
  QualifiedName qualified(*arena_, 2);
  qualified.push_back("pg_catalog");
  qualified.push_back(name);
  return qualified;
}

Vec<Name> Parser::name_list() {
  auto names = list<Name>();
  do names.push_back(col_id());
  while (accept(','));
  return names;
}

Vec<Name> Parser::paren_names() {
  expect('(');
  auto names = name_list();
  expect(')');
  return names;
}

TableRef* Parser::table_from(const QualifiedName& name, std::int32_t place) {
  auto* table = make<TableRef>(place);
  switch (name.size()) {
    case 1: table->name = name[0]; break;
    case 2: table->schema = name[0]; table->name = name[1]; break;
    case 3: table->catalog = name[0]; table->schema = name[1]; table->name = name[2]; break;
    default: {
      TextBuilder text(*arena_);
      for (std::size_t i = 0; i < name.size(); ++i) text.add(i == 0 ? "" : ".", name[i]);
      fail_at(place, sqlstate::syntax_error,
              arena_->concat("improper qualified name (too many dotted names): ", text.view()));
    }
  }
  return table;
}

TableRef* Parser::qualified_name() {
  const std::int32_t place = here();
  if (is_col_id(kind()) && peek().kind != ch('.')) {
    auto* table = make<TableRef>(place);
    table->name = take();
    return table;
  }
  return table_from(any_name(), place);
}

Vec<TableRef*> Parser::qualified_names() {
  auto tables = list<TableRef*>();
  do tables.push_back(qualified_name());
  while (accept(','));
  return tables;
}

/// A role's name; CURRENT_USER and its kin keep their spelling and are told apart by the statement that uses them.
Name Parser::role() {
  if (at_any(Tok::kw_current_role, Tok::kw_current_user, Tok::kw_session_user)) return take();
  const std::int32_t place = here();
  if (at(Tok::kw_none)) {
    fail_at(place, sqlstate::reserved_name, "role name \"none\" is reserved");
    return {};
  }
  return non_reserved_word();
}

Vec<Name> Parser::roles() {
  auto names = list<Name>();
  do names.push_back(role());
  while (accept(','));
  return names;
}

std::int32_t Parser::integer() {
  if (!at(Tok::integer)) { syntax_error(); return 0; }
  std::int32_t value = 0;
  for (const char c : cur().text) value = value * 10 + (c - '0');
  advance();
  return value;
}

std::int32_t Parser::signed_integer() {
  if (accept('-')) return -integer();
  accept('+');
  return integer();
}

/// [+-] integer or numeric
Literal* Parser::signed_number() {
  const std::int32_t place = here();
  const bool minus = at('-');
  if (minus || at('+')) advance();
  auto* node = make<Literal>(place);
  if (at(Tok::integer)) {
    node->form = LiteralKind::integer;
    node->integer = integer();
    if (minus) node->integer = -node->integer;
  } else if (at(Tok::numeric)) {
    node->form = LiteralKind::numeric;
    node->text = minus ? arena_->concat("-", cur().text) : cur().text;
    advance();
  } else {
    syntax_error();
  }
  return node;
}

}  // namespace spg::sql
