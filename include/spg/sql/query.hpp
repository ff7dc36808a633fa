// Queries and row changes: SELECT with its FROM items, INSERT, UPDATE, DELETE, MERGE.
#pragma once
#include "spg/sql/expr.hpp"

namespace spg::sql {

struct Alias { Name name; Vec<Name> columns; std::int32_t at = -1; };

enum class Persistence : std::uint8_t { permanent, temporary, unlogged };

struct ColumnDef;

/// A relation by name.
struct TableRef : Tagged<NodeKind::table_ref, FromItem> {
  Name catalog, schema, name;
  Alias* alias = nullptr;
  bool only = false;
  Persistence persistence = Persistence::permanent;  ///< of what CREATE or INTO makes
};
struct SubqueryRef : Tagged<NodeKind::subquery_ref, FromItem> {
  Select* query = nullptr;
  Alias* alias = nullptr;
  bool lateral = false;
};
struct FunctionRefItem { Expr* call = nullptr; Vec<ColumnDef*> columns; };
struct FunctionRef : Tagged<NodeKind::function_ref, FromItem> {
  Vec<FunctionRefItem> functions;  ///< one, or several in ROWS FROM (..)
  Vec<ColumnDef*> columns;         ///< AS t(a int, b text)
  Alias* alias = nullptr;
  bool lateral = false, with_ordinality = false, rows_from = false;
};
enum class JoinType : std::uint8_t { inner, left, right, full, cross };
struct Join : Tagged<NodeKind::join, FromItem> {
  JoinType type = JoinType::inner;
  bool natural = false;
  FromItem* left = nullptr;
  FromItem* right = nullptr;
  Vec<Name> using_columns;
  Alias* using_alias = nullptr;
  Expr* on = nullptr;
  Alias* alias = nullptr;  ///< (a JOIN b) AS alias
};
/// `at`: of the method.
struct TableSample : Tagged<NodeKind::table_sample, FromItem> {
  FromItem* relation = nullptr;
  QualifiedName method;
  Vec<Expr*> args;
  Expr* repeatable = nullptr;
};

struct SearchClause { Vec<Name> columns; bool breadth_first = false; Name sequence; std::int32_t at = -1; };
struct CycleClause {
  Vec<Name> columns;
  Name mark;
  Expr* mark_value = nullptr;    ///< null: TRUE
  Expr* mark_default = nullptr;  ///< null: FALSE
  Name path;
  std::int32_t at = -1;
};
enum class Materialized : std::uint8_t { unspecified, always, never };
struct CommonTable {
  Name name;
  Vec<Name> columns;
  Materialized materialized = Materialized::unspecified;
  Statement* query = nullptr;  ///< Select, Insert, Update or Delete
  SearchClause* search = nullptr;
  CycleClause* cycle = nullptr;
  std::int32_t at = -1;
};
struct With { bool recursive = false; Vec<CommonTable*> tables; std::int32_t at = -1; };

/// An output column, or one of RETURNING.
struct Target { Expr* expr = nullptr; Name label; std::int32_t at = -1; };

enum class GroupItemKind : std::uint8_t { expr, empty, rollup, cube, sets };
struct GroupItem {
  GroupItemKind kind = GroupItemKind::expr;
  Expr* expr = nullptr;
  Vec<GroupItem*> items;  ///< of rollup, cube (exprs) and sets (any)
  std::int32_t at = -1;
};

enum class LockStrength : std::uint8_t { key_share, share, no_key_update, update };
enum class LockWait : std::uint8_t { block, skip_locked, nowait };
struct LockingClause { LockStrength strength{}; Vec<TableRef*> tables; LockWait wait = LockWait::block; };

enum class SetOp : std::uint8_t { none, union_, intersect, except };
enum class LimitForm : std::uint8_t { none, limit, fetch_first, fetch_with_ties };

/// Exactly one of: set operation (op != none: left, right), VALUES (values not empty), plain SELECT.
/// with, order_by, limit and locking belong to the whole.
struct Select : Tagged<NodeKind::select, Statement> {
  SetOp op = SetOp::none;
  bool all = false;
  bool distinct = false;
  bool group_distinct = false;
  bool parenthesized = false;
  bool limit_all = false;             ///< LIMIT ALL, LIMIT NULL is an expression
  LimitForm limit_form = LimitForm::none;
  Select* left = nullptr;
  Select* right = nullptr;
  With* with = nullptr;
  Vec<Expr*> distinct_on;
  Vec<Target> targets;
  TableRef* into = nullptr;
  Vec<FromItem*> from;
  Literal* as_of = nullptr;           ///< FROM ... AS OF SYSTEM TIME 'timestamp or interval' (CockroachDB)
  Expr* where = nullptr;
  Vec<GroupItem*> group_by;
  Expr* having = nullptr;
  Vec<WindowDef*> windows;
  Vec<Vec<Expr*>> values;
  Vec<SortItem> order_by;
  Expr* limit = nullptr;
  Expr* offset = nullptr;
  Vec<LockingClause> locking;
};

/// A column that is written to: a, a.b, a[1].
struct AssignTarget { Name column; Vec<Step> steps; std::int32_t at = -1; };
/// targets = value; more than one target: (a, b) = row or subquery.
struct Assignment { Vec<AssignTarget> targets; bool row = false; Expr* value = nullptr; };

enum class Overriding : std::uint8_t { none, user, system };
struct IndexElement;
enum class ConflictAction : std::uint8_t { nothing, update };
struct OnConflict {
  ConflictAction action = ConflictAction::nothing;
  Vec<IndexElement*> target;  ///< may be empty
  std::int32_t target_at = -1;
  Expr* target_where = nullptr;
  Name constraint;
  Vec<Assignment> set;
  Expr* where = nullptr;
  std::int32_t at = -1;
};
struct Insert : Tagged<NodeKind::insert, Statement> {
  With* with = nullptr;
  TableRef* table = nullptr;
  Vec<AssignTarget> columns;
  Overriding overriding = Overriding::none;
  Select* query = nullptr;  ///< null: DEFAULT VALUES
  OnConflict* on_conflict = nullptr;
  Vec<Target> returning;
};
struct Update : Tagged<NodeKind::update, Statement> {
  With* with = nullptr;
  TableRef* table = nullptr;
  Vec<Assignment> set;
  Vec<FromItem*> from;
  Expr* where = nullptr;
  Vec<Target> returning;
};
struct Delete : Tagged<NodeKind::delete_, Statement> {
  With* with = nullptr;
  TableRef* table = nullptr;
  Vec<FromItem*> using_items;
  Expr* where = nullptr;
  Vec<Target> returning;
};
enum class MergeAction : std::uint8_t { nothing, update, insert, delete_ };
struct MergeWhen {
  bool matched = false;
  Expr* condition = nullptr;
  MergeAction action = MergeAction::nothing;
  Vec<Assignment> set;            ///< update
  Vec<AssignTarget> columns;      ///< insert
  Overriding overriding = Overriding::none;
  Vec<Expr*> values;              ///< insert; empty: DEFAULT VALUES
};
struct Merge : Tagged<NodeKind::merge, Statement> {
  With* with = nullptr;
  TableRef* target = nullptr;
  FromItem* source = nullptr;
  Expr* on = nullptr;
  Vec<MergeWhen> whens;
};

}  // namespace spg::sql
