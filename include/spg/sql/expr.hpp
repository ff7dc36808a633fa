// Expression nodes: what PostgreSQL calls a_expr, close to how it was written. Names are not resolved, AND/OR are flat.
//
// Place: between parser and binder. Every node's `at` is where PostgreSQL would point in an error about it: the
// operator for operators, the first name for columns and functions, the `::` or CAST for casts.
#pragma once
#include "spg/sql/node.hpp"

namespace spg::sql {

struct Select;
struct WindowDef;

enum class LiteralKind : std::uint8_t { null, boolean, integer, numeric, string, bits, hex };

/// A constant. An unsigned or folded negative int4 is `integer`; larger numbers keep their digits (`numeric`).
struct Literal : Tagged<NodeKind::literal, Expr> {
  LiteralKind form = LiteralKind::null;
  std::int32_t integer = 0;   ///< integer; 0/1 for boolean
  std::string_view text;      ///< numeric, string; the digits of bits and hex
};

/// a, a.b, a.b.c, a.*, *: `star` comes last.
struct ColumnRef : Tagged<NodeKind::column_ref, Expr> {
  QualifiedName fields;
  bool star = false;
};

struct Param : Tagged<NodeKind::param, Expr> { std::int32_t number = 0; };

enum class CastForm : std::uint8_t { cast, colons, typed_literal };
struct TypeCast : Tagged<NodeKind::type_cast, Expr> {
  Expr* arg = nullptr;
  TypeName* type = nullptr;
  CastForm form = CastForm::cast;
};

/// left is null for a prefix operator.
struct OpExpr : Tagged<NodeKind::op_expr, Expr> {
  OperatorName op;
  Expr* left = nullptr;
  Expr* right = nullptr;
};

enum class BoolOp : std::uint8_t { and_, or_, not_ };
struct BoolExpr : Tagged<NodeKind::bool_expr, Expr> {
  BoolOp op = BoolOp::and_;
  Vec<Expr*> args;
};

struct NullTest : Tagged<NodeKind::null_test, Expr> { Expr* arg = nullptr; bool negated = false; };
enum class BooleanTestKind : std::uint8_t { true_, false_, unknown };
struct BooleanTest : Tagged<NodeKind::boolean_test, Expr> {
  Expr* arg = nullptr;
  BooleanTestKind test = BooleanTestKind::true_;
  bool negated = false;
};
struct DocumentTest : Tagged<NodeKind::document_test, Expr> { Expr* arg = nullptr; bool negated = false; };
/// a IS [NOT] DISTINCT FROM b
struct DistinctTest : Tagged<NodeKind::distinct_test, Expr> {
  Expr* left = nullptr;
  Expr* right = nullptr;
  bool negated = false;
};
struct Between : Tagged<NodeKind::between, Expr> {
  Expr* arg = nullptr;
  Expr* low = nullptr;
  Expr* high = nullptr;
  bool symmetric = false, negated = false;
};
/// a [NOT] IN (x, y); IN (SELECT ...) is a Sublink.
struct InList : Tagged<NodeKind::in_list, Expr> {
  Expr* arg = nullptr;
  Vec<Expr*> list;
  bool negated = false;
};
enum class LikeForm : std::uint8_t { like, ilike, similar };
struct Like : Tagged<NodeKind::like, Expr> {
  LikeForm form = LikeForm::like;
  Expr* arg = nullptr;
  Expr* pattern = nullptr;
  Expr* escape = nullptr;  ///< null when not given
  bool negated = false;
};
/// a op ANY/ALL (array). LIKE here is the operator ~~, NOT ILIKE !~~* and so on.
struct Quantified : Tagged<NodeKind::quantified, Expr> {
  OperatorName op;
  Expr* left = nullptr;
  Expr* array = nullptr;
  bool all = false;
};
/// EXISTS (..), a op ANY (..), a op ALL (..), a [NOT] IN (..), (..), ARRAY(..)
enum class SublinkForm : std::uint8_t { exists, any, all, in, scalar, array };
struct Sublink : Tagged<NodeKind::sublink, Expr> {
  SublinkForm form = SublinkForm::scalar;
  Expr* test = nullptr;   ///< any, all, in; a RowExpr for (a, b) IN
  OperatorName op;        ///< any, all
  Select* query = nullptr;
  bool negated = false;   ///< NOT IN
};

enum class SortDirection : std::uint8_t { unspecified, ascending, descending, using_operator };
enum class NullsOrder : std::uint8_t { unspecified, first, last };
struct SortItem {
  Expr* expr = nullptr;
  SortDirection direction = SortDirection::unspecified;
  NullsOrder nulls = NullsOrder::unspecified;
  OperatorName using_op;
  std::int32_t using_at = -1;
};

/// How a call was written; the function's name is always filled in ({"pg_catalog", "extract"} and so on).
enum class CallSyntax : std::uint8_t {
  plain, extract, overlay, position, substring, trim_leading, trim_trailing, trim_both, normalize, is_normalized,
  at_time_zone, overlaps, collation_for, treat, substring_similar
};

struct FunctionCall : Tagged<NodeKind::function_call, Expr> {
  QualifiedName name;
  Vec<Expr*> args;             ///< NamedArgument among them
  Vec<SortItem> order_by;      ///< of an aggregate, or of WITHIN GROUP
  Expr* filter = nullptr;
  WindowDef* over = nullptr;   ///< OVER name: a WindowDef with only `reference` and `bare` set
  CallSyntax syntax = CallSyntax::plain;
  bool star = false;           ///< count(*)
  bool distinct = false;
  bool variadic = false;       ///< of the last argument
  bool within_group = false;
};
struct NamedArgument : Tagged<NodeKind::named_argument, Expr> { Name name; Expr* value = nullptr; };

struct Collate : Tagged<NodeKind::collate, Expr> { Expr* arg = nullptr; QualifiedName collation; };
struct CaseWhen { Expr* when = nullptr; Expr* then = nullptr; };
struct CaseExpr : Tagged<NodeKind::case_expr, Expr> {
  Expr* arg = nullptr;
  Vec<CaseWhen> whens;
  Expr* otherwise = nullptr;
};
enum class ConditionalKind : std::uint8_t { coalesce, greatest, least, nullif };
struct Conditional : Tagged<NodeKind::conditional, Expr> {
  ConditionalKind which = ConditionalKind::coalesce;
  Vec<Expr*> args;
};
struct ArrayExpr : Tagged<NodeKind::array_expr, Expr> { Vec<Expr*> elements; };
/// explicit_row: written with the word ROW.
struct RowExpr : Tagged<NodeKind::row_expr, Expr> { Vec<Expr*> args; bool explicit_row = false; };

enum class StepKind : std::uint8_t { field, star, index, slice };
struct Step {
  StepKind kind = StepKind::field;
  Name name;
  Expr* lower = nullptr;  ///< index, or slice's lower bound (null when open)
  Expr* upper = nullptr;
};
/// arg.field, arg[1][2:3], (row).*
struct Indirection : Tagged<NodeKind::indirection, Expr> { Expr* arg = nullptr; Vec<Step> steps; };

enum class SqlValueKind : std::uint8_t {
  current_date, current_time, current_timestamp, localtime, localtimestamp, current_role, current_user, user,
  session_user, current_catalog, current_schema
};
struct SqlValue : Tagged<NodeKind::sql_value, Expr> {
  SqlValueKind which{};
  std::int32_t precision = -1;
};
struct DefaultValue : Tagged<NodeKind::default_value, Expr> {};
struct GroupingCall : Tagged<NodeKind::grouping_call, Expr> { Vec<Expr*> args; };
/// WHERE CURRENT OF cursor
struct CurrentOf : Tagged<NodeKind::current_of, Expr> { Name cursor; };

enum class FrameMode : std::uint8_t { range, rows, groups };
enum class FrameBound : std::uint8_t { unbounded_preceding, preceding, current_row, following, unbounded_following };
enum class FrameExclusion : std::uint8_t { none, current_row, group, ties };
struct WindowDef {
  Name name;       ///< in WINDOW name AS (..)
  Name reference;  ///< (reference PARTITION BY ..), or OVER reference
  bool bare = false;
  bool has_frame = false;
  bool is_between = false;  ///< the frame was written with BETWEEN
  FrameMode mode = FrameMode::range;
  FrameBound start = FrameBound::unbounded_preceding, end = FrameBound::current_row;
  FrameExclusion exclusion = FrameExclusion::none;
  Vec<Expr*> partition_by;
  Vec<SortItem> order_by;
  Expr* start_offset = nullptr;
  Expr* end_offset = nullptr;
  std::int32_t at = -1;
};

}  // namespace spg::sql
