// Bound expressions: what the binder makes of a sql:: expression, what the planner moves about and exec evaluates.
//
// Every node carries type, typmod, collation and source position. After planning, a Column names a place in the batch that
// the operator below yields (0-based); before that, binder and planner use `relation` and `number` as well. Nodes are
// plain data in an arena, immutable once planned, shared freely.
#pragma once
#include <span>

#include "spg/base/arena.hpp"
#include "spg/base/ids.hpp"
#include "spg/type/vector.hpp"

namespace spg::plan {

using type::Physical;

struct Node;  // node.hpp

enum class ExprKind : std::uint8_t {
  constant,    ///< Constant
  column,      ///< Column: a place in the input batch
  parameter,   ///< Parameter: $n, or a value that an outer operator sets (correlation, LATERAL)
  call,        ///< Call: a function by OID; operators and casts are calls too
  relabel,     ///< Unary: same bytes under another type (binary-coercible cast)
  logical_and, logical_or,  ///< Variadic, three-valued
  logical_not, ///< Unary
  is_null, is_not_null, is_true, is_not_true, is_false, is_not_false, is_unknown, is_not_unknown,  ///< Unary
  distinct_from, not_distinct_from,  ///< Call: `function` is the equality, two arguments
  case_when,   ///< Case
  coalesce,    ///< Variadic
  greatest, least,  ///< Variadic; the order comes from the type
  null_if,     ///< Call: `function` is the equality
  any_of, all_of,   ///< AnyAll: scalar op ANY/ALL (array)
  in_list,     ///< InList: scalar = one of constants or expressions
  subquery,    ///< SubqueryExpr: scalar, EXISTS, IN/ANY/ALL over a plan
  array,       ///< Variadic: ARRAY[...]
  row,         ///< Variadic: ROW(...)
  grouping,    ///< Variadic: GROUPING(...); gone after binding
  row_id,      ///< the row's rowid as int8, from a scan that was asked for it
  default_marker,  ///< DEFAULT in INSERT/UPDATE; gone after binding
};

/// How a call or cast was written, for whoever prints it.
enum class Written : std::uint8_t { call, operator_, explicit_cast, implicit_cast, sql_syntax };

struct Shown;  // src/plan/query.hpp

struct Expr {
  ExprKind kind{};
  Physical physical = Physical::none;
  Written written = Written::call;
  bool is_variadic = false;    ///< the last argument was written (or gathered) as VARIADIC
  Oid type{};
  std::int32_t typmod = -1;
  Oid collation{};
  std::int32_t position = -1;  ///< byte offset in the statement's text; -1 = none
  const Shown* shown = nullptr;  ///< what it stands for, where printing it needs more than the node
};

struct Constant : Expr { type::Value value; };
struct Column : Expr {
  std::uint32_t place = 0;      ///< in the input batch, once planned
  std::uint16_t relation = 0;   ///< range-table index, before
  std::int16_t number = 0;      ///< attribute number there
  std::uint16_t levels_up = 0;  ///< outer query it belongs to; 0 once planned
};
struct Parameter : Expr {
  std::uint32_t number = 0;  ///< 0-based
  bool internal = false;     ///< set by an operator (Node::sets), not by the client
};
/// Two calls have no pg_proc row of their own: `function` none with one argument casts through text output and input of
/// the types (PostgreSQL's CoerceViaIO); array_subscript_handler (6179) with an array and int4 subscripts is array[i, ...].
struct Call : Expr {
  Oid function{};            ///< pg_proc OID
  Oid input_collation{};
  Oid op{};                  ///< the operator that it was, for printing
  bool strict = true;        ///< NULL in, NULL out without a call
  bool returns_set = false;
  std::uint8_t given = 255;  ///< arguments that were written; defaults follow
  std::span<Expr*> arguments;
};
struct Unary : Expr { Expr* argument = nullptr; };
struct Variadic : Expr {
  std::span<Expr*> arguments;
  bool is_null_without_values = false;  ///< row: of a table that an outer join may leave out
};
struct Case : Expr {
  struct When { Expr* condition; Expr* result; };
  std::span<When> whens;
  Expr* tested = nullptr;     ///< of CASE x WHEN: x, for printing
  Expr* otherwise = nullptr;  ///< null = NULL
};
struct AnyAll : Expr {
  Oid function{};            ///< the operator's function: (scalar, element) -> boolean
  Oid op{};                  ///< the operator, for printing
  Expr* scalar = nullptr;
  Expr* array_value = nullptr;
};
struct InList : Expr {
  Oid function{};            ///< equality
  bool negated = false;
  Expr* scalar = nullptr;
  std::span<Expr*> items;
};
struct SubqueryExpr : Expr {
  enum class Form : std::uint8_t { scalar, exists, any, all, array, row } form{};
  Node* plan = nullptr;
  /// any, all, row: a boolean over the internal parameters from first_row_param (the subquery's row) and the outer row.
  Expr* test = nullptr;
  std::uint32_t first_row_param = 0;
  /// Values of the outer row that the plan reads as internal parameters: param number <- expression over the outer row.
  struct Binding { std::uint32_t parameter; Expr* value; };
  std::span<Binding> bindings;  ///< none: evaluated once
};

/// An aggregate call of an Aggregate node (not an expression: its result is a column of the node's output).
struct AggregateCall {
  Oid function{};            ///< pg_proc OID of the aggregate
  Oid result_type{};
  std::int32_t typmod = -1;
  Physical physical = Physical::none;
  std::span<Expr*> arguments;   ///< of an ordered-set aggregate: those of WITHIN GROUP, in `order_by` too
  std::span<Expr*> direct;      ///< of an ordered-set aggregate, over the node's outputs: evaluated once a group
  bool distinct = false;
  Expr* filter = nullptr;
  struct Order { Expr* value; bool descending, nulls_first; };
  std::span<Order> order_by;
};

/// A call over a window (a column of a Window node's output).
struct WindowCall {
  Oid function{};            ///< pg_proc OID: a window function or an aggregate
  bool is_aggregate = false;
  Oid result_type{};
  Physical physical = Physical::none;
  std::span<Expr*> arguments;
  Expr* filter = nullptr;    ///< of aggregates
  std::uint32_t frame = 0;   ///< of the node's frames
};

template <class T>
const T& as(const Expr& expr) { return static_cast<const T&>(expr); }
template <class T>
T& as(Expr& expr) { return static_cast<T&>(expr); }

}  // namespace spg::plan
