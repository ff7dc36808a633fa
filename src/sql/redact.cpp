#include "spg/sql/redact.hpp"

#include "spg/sql/utility.hpp"

namespace spg::sql {
namespace {

constexpr std::string_view hidden = "'********'";

const Vec<Option>* role_options(const Statement* tree) {
  if (const auto* create = as<CreateRole>(tree)) return &create->options;
  if (const auto* alter = as<AlterRole>(tree)) return &alter->options;
  return nullptr;
}

bool is_password(const Vec<Option>& options, std::size_t at) {
  for (const Option& option : options)
    if (option.name == "password" && option.at >= 0 && static_cast<std::size_t>(option.at) == at) return true;
  return false;
}

bool is_blank(std::string_view text) { return text.find_first_not_of(" \t\r\n\f\v") == std::string_view::npos; }

}  // namespace

std::string_view redacted_text(Arena& arena, std::string_view source, const RawStatement& statement, const ParseOptions& options) {
  const std::string_view text = source.substr(statement.begin, statement.end - statement.begin);
  const Vec<Option>* role = role_options(statement.tree);
  bool has_password = false;
  if (role != nullptr)
    for (const Option& option : *role) has_password = has_password || option.name == "password";
  if (!has_password) return text;
  TextBuilder out(arena);
  Lexer lexer(arena, text, {options.standard_conforming_strings, options.backslash_quote});
  std::size_t behind = 0;
  // An option begins at its first word, and its value is the next string: PASSWORD '..', ENCRYPTED PASSWORD '..'.
  bool hides_next = false;
  for (Token token = lexer.next(); token.kind != Tok::end; token = lexer.next()) {
    if (token.kind == Tok::error) return hidden;  // it has been parsed: never
    const std::string_view gap = text.substr(behind, token.begin - behind);
    out.add(is_blank(gap) ? gap : std::string_view(" "));
    hides_next = hides_next || is_password(*role, statement.begin + token.begin);
    const std::string_view own = text.substr(token.begin, token.end - token.begin);
    const bool hides = hides_next && token.kind == Tok::string;
    out.add(hides ? hidden : own);
    hides_next = hides_next && !hides && token.kind != Tok::kw_null;
    behind = token.end;
  }
  return out.view();
}

}  // namespace spg::sql
