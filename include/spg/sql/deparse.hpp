// Deparser: tree -> canonical SQL, which parses back to the same tree. For pg_get_expr and its kin, and for tests.
//
// Operators are fully parenthesised, as PostgreSQL's own deparser does it; names are quoted where a bare word would not
// read back. Place: beside the parser. The result lives in the arena. Thread rule: none, it only reads the tree.
#pragma once
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"
#include "spg/sql/node.hpp"

namespace spg::sql {

std::string_view deparse(Arena& arena, const Expr& expr);
std::string_view deparse(Arena& arena, const TypeName& type);
/// Queries, row changes, definitions of tables, views, indexes and sequences, DROP of relations, TRUNCATE,
/// transactions; 0A000 for the others.
Result<std::string_view> deparse(Arena& arena, const Statement& statement);

/// The name, in double quotes unless it is a lower-case word that no keyword rule forbids.
std::string_view quote_identifier(Arena& arena, std::string_view name);
/// 'text' with quotes doubled; E'..' when it holds a backslash.
std::string_view quote_literal(Arena& arena, std::string_view text);

}  // namespace spg::sql
