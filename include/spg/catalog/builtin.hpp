// The built-in catalog's data: constant tables that tools/generate_catalog.py writes (data_*.cpp). Nothing is built at
// start-up; everything lives for ever and may be read by any thread.
#pragma once
#include "spg/catalog/catalog.hpp"

namespace spg::catalog::builtin {

struct ComparisonEntry {
  std::uint32_t left, right, strategy, operator_oid;
};  ///< strategy = Comparison's number
struct ComparisonMeaning {
  std::uint32_t oid, strategy;
};  ///< oid of an operator or its function

/// The rows of one catalog as COPY text: fields between tabs, \N for NULL, one line a row. reg* columns hold OIDs.
struct Rows {
  Oid relation{};
  std::uint32_t count = 0;
  std::string_view text;
};

extern const Type types[];  // by OID
extern const std::size_t type_count;
extern const std::uint16_t types_by_name[];  // by (name, schema)
extern const Operator operators[];           // by OID
extern const std::size_t operator_count;
extern const Operator* const operators_by_name[];
extern const Cast casts[];  // by (source, target)
extern const std::size_t cast_count;
extern const ComparisonEntry comparisons[];  // by (left, right, strategy)
extern const std::size_t comparison_count;
extern const ComparisonMeaning comparison_meanings[];  // by OID
extern const std::size_t comparison_meaning_count;
extern const Function functions[];  // by OID
extern const std::size_t function_count;
extern const Function* const functions_by_name[];
extern const Relation relations[];  // by OID
extern const std::size_t relation_count;
extern const std::uint16_t relations_by_name[];  // by (name, schema)
extern const Rows* const row_sets[];             // by relation
extern const std::size_t row_set_count;

/// Null when the relation has no built-in rows.
const Rows* find_rows(Oid relation);

/// Walks rows. A field is still escaped; unescape() makes its text.
class RowReader {
 public:
  explicit RowReader(const Rows& rows) : text_(rows.text) {}
  /// Fills fields (as many as the relation has columns); false at the end.
  bool next(std::span<std::string_view> fields);

 private:
  std::string_view text_;
};
inline bool is_null_field(std::string_view field) { return field == "\\N"; }
std::string_view unescape(std::string_view field, Arena& arena);
/// A field of digits only (oids, counts).
std::uint32_t number_of(std::string_view field);

const Type* find_type(Oid oid);
const Type* find_type(Oid schema, std::string_view name);
const Function* find_function(Oid oid);
std::span<const Function* const> find_functions(std::string_view name);
const Operator* find_operator(Oid oid);
std::span<const Operator* const> find_operators(std::string_view name);
const Cast* find_cast(Oid source, Oid target);
const Relation* find_relation(Oid oid);
const Relation* find_relation(Oid schema, std::string_view name);
/// The type whose B-tree class serves a type that has none of its own (varchar: text; arrays: anyarray); else itself.
Oid comparable(Oid type);
Comparison comparison_of(Oid oid);
const Operator* comparison(Oid left, Oid right, Comparison comparison);

}  // namespace spg::catalog::builtin
