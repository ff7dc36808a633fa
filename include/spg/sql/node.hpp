// The tree's root types: a node is a plain struct in the statement's arena, with a kind and a place in the source text.
//
// No virtuals: `as<T>(node)` gives T* or null, `to<T>(node)` asserts. Nodes hold views of the source text, so text and
// arena must outlive the tree. Every list is a Vec in the same arena. Thread rule: a finished tree is immutable by
// habit and may be read by any thread; the parser that builds it belongs to one.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"

namespace spg::sql {

enum class NodeKind : std::uint8_t {
  // expressions (expr.hpp)
  literal,
  column_ref,
  param,
  type_cast,
  op_expr,
  bool_expr,
  null_test,
  boolean_test,
  distinct_test,
  between,
  in_list,
  like,
  quantified,
  sublink,
  function_call,
  collate,
  case_expr,
  conditional,
  array_expr,
  row_expr,
  indirection,
  sql_value,
  default_value,
  grouping_call,
  current_of,
  document_test,
  named_argument,
  xml_call,
  type_name,
  // FROM items (query.hpp)
  table_ref,
  subquery_ref,
  function_ref,
  join,
  table_sample,
  // statements (query.hpp, ddl.hpp, utility.hpp)
  select,
  insert,
  update,
  delete_,
  merge,
  create_table,
  create_table_as,
  alter_table,
  drop,
  create_index,
  create_view,
  create_schema,
  create_sequence,
  alter_sequence,
  create_type,
  create_domain,
  alter_enum,
  alter_domain,
  create_function,
  create_trigger,
  create_extension,
  rename,
  set_owner,
  set_schema,
  truncate,
  comment,
  grant,
  grant_role,
  create_role,
  alter_role,
  alter_role_set,
  create_database,
  alter_database,
  drop_role,
  drop_database,
  default_privileges,
  transaction,
  set,
  show,
  discard,
  prepare,
  execute,
  deallocate,
  declare_cursor,
  fetch,
  close,
  copy,
  explain,
  vacuum,
  reindex,
  cluster,
  checkpoint,
  lock,
  listen,
  notify,
  unlisten,
  do_block,
  call,
  refresh,
  constraints_set,
  reassign_owned,
  backup,
  unsupported,
  // parts
  column_def,
  table_constraint,
  like_clause,
  word
};

struct Node {
  NodeKind kind{};
  std::int32_t at = -1;  ///< byte offset in the source text; -1 when there is no place to show
};

struct Expr : Node {};
struct FromItem : Node {};
struct Statement : Node {};

template <NodeKind K, class Base>
struct Tagged : Base {
  static constexpr NodeKind tag = K;
  Tagged() { this->kind = K; }
};

template <class T>
T* as(Node* node) { return node != nullptr && node->kind == T::tag ? static_cast<T*>(node) : nullptr; }
template <class T>
const T* as(const Node* node) {
  return node != nullptr && node->kind == T::tag ? static_cast<const T*>(node) : nullptr;
}
template <class T>
const T& to(const Node& node) { SPG_DCHECK(node.kind == T::tag); return static_cast<const T&>(node); }
template <class T>
T& to(Node& node) { SPG_DCHECK(node.kind == T::tag); return static_cast<T&>(node); }

using Name = std::string_view;
/// The parts of a dotted name, outermost first.
using QualifiedName = Vec<Name>;

/// Fields of an interval type, as bits; their numbers are PostgreSQL's, because they go into the type modifier.
enum IntervalField : std::int32_t {
  interval_month = 1 << 1, interval_year = 1 << 2, interval_day = 1 << 3, interval_hour = 1 << 10,
  interval_minute = 1 << 11, interval_second = 1 << 12
};

/// Words such as `int` are already mapped: {"pg_catalog", "int4"}.
struct TypeName : Tagged<NodeKind::type_name, Node> {
  QualifiedName name;
  Vec<Expr*> modifiers;                ///< varchar(10), numeric(10, 2), interval's precision
  Vec<std::int32_t> array_bounds;      ///< one per dimension, -1 without a bound
  std::int32_t interval_fields = 0;    ///< IntervalField bits; 0 is "all"
  bool set_of = false;
  bool percent_type = false;           ///< table.column%TYPE
};

struct OperatorName {
  QualifiedName schema;  ///< empty unless written OPERATOR(schema.op)
  Name name;
};

}  // namespace spg::sql
