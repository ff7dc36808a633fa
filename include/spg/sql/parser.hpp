// The parser's door: SQL text -> statements. PostgreSQL 15's dialect, its syntax errors with its texts and positions.
//
// Recursive descent with a Pratt core for expressions; one token of look-ahead nearly everywhere. The recursion is
// bounded (54001), the memory is the arena's (53200 when its budget is exhausted), and no catalog is looked at.
// The text and the arena must outlive the trees. Thread rule: a call touches only its arguments.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"
#include "spg/sql/expr.hpp"
#include "spg/sql/lexer.hpp"
#include "spg/sql/node.hpp"

namespace spg::sql {

struct ParseOptions {
  bool standard_conforming_strings = true;
  BackslashQuote backslash_quote = BackslashQuote::safe_encoding;
  /// Nesting of expressions, queries and FROM items. A chain such as a+a+a+... may be four times as long.
  std::uint32_t depth_limit = 1000;
};

struct RawStatement {
  Statement* tree = nullptr;
  std::uint32_t begin = 0, end = 0;   ///< bytes of the source text, without the semicolon and outer white space
  std::int32_t params = 0;            ///< the highest $n, 0 without any
  const Literal* as_of = nullptr;     ///< of AS OF SYSTEM TIME: a string; all of the statement reads as of then
  std::string_view tag;               ///< PostgreSQL's command tag without counts: "SELECT", "CREATE TABLE", ..
};

/// All statements of the text, empty ones left out. One error anywhere fails the whole text, as in PostgreSQL.
Result<Vec<RawStatement>> parse(Arena& arena, std::string_view text, const ParseOptions& options = {});
/// One expression and nothing behind it.
Result<Expr*> parse_expression(Arena& arena, std::string_view text, const ParseOptions& options = {});
/// One type name and nothing behind it, as in `'numeric(10,2)'::regtype`.
Result<TypeName*> parse_type_name(Arena& arena, std::string_view text, const ParseOptions& options = {});
/// The command tag of a statement, as in RawStatement::tag.
std::string_view command_tag(const Statement& statement);

}  // namespace spg::sql
