// Names and types between SQL text and catalog: quoting, format_type, type names with modifiers, text of expressions.
//
// Pure over the Catalog that they are given; results live in the arena (or the catalog).
#pragma once
#include "spg/catalog/catalog.hpp"
#include "spg/catalog/notice.hpp"
#include "spg/sql/expr.hpp"

namespace spg::catalog {

/// Quoted where SQL needs it, keywords included.
std::string_view quote_name(std::string_view name, Arena& arena);
/// In double quotes, whatever it is.
std::string_view quote_always(std::string_view name, Arena& arena);
std::string_view quote_names(std::string_view schema, std::string_view name, Arena& arena);

/// How format_type() is asked: without a modifier (NULL), or with one (-1 included).
struct TypeModifier {
  bool given = false;
  std::int32_t value = -1;
};
/// SQL's spelling of a type: "character varying(10)", "integer[]"; "-" for OID 0, "???" for an unknown one.
std::string_view format_type(Catalog& catalog, Oid type, TypeModifier modifier, Arena& arena);

struct TypeReference {
  const Type* type = nullptr;
  std::int32_t typmod = -1;
};
/// A type name as a statement has it. Errors as PostgreSQL's, without positions: 42704 unknown, 42601 modifiers that
/// the type does not take, 22023 modifiers out of range. `notices` (may be null) hears of precisions that are cut.
Result<TypeReference> resolve_type(Catalog& catalog, const sql::TypeName& name, NoticeSink* notices, Arena& arena);

/// The text of an expression in PostgreSQL's spelling. `target` is the type that a bare string stands for (none:
/// unknown). 0A000 for forms that defaults cannot have.
Result<std::string_view> expression_text(Catalog& catalog, const sql::Expr& expr, Oid target, Arena& arena);

/// 1-based character position in `source` of a byte offset (0 when there is none).
std::int32_t position_in(std::string_view source, std::int32_t at);

}  // namespace spg::catalog
