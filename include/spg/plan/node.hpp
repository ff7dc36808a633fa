// Physical plans: the contract between the planner, which makes them, and exec, which runs them.
//
// A node yields batches whose columns are `outputs`, in order. Expressions of a node see the batch of its input; of a join:
// the left columns, then the right columns. Nodes are plain data in the arena of the plan (which outlives executions: plans
// are cached), immutable while running.
#pragma once
#include "spg/plan/expr.hpp"
#include "spg/sql/expr.hpp"
#include "spg/txn/view.hpp"

namespace spg::plan {

enum class NodeKind : std::uint8_t {
  values,         ///< Values: rows of expressions (also SELECT without FROM: one row)
  table_scan,     ///< TableScan
  index_scan,     ///< IndexScan
  virtual_scan,   ///< VirtualScan: a computed catalog relation
  function_scan,  ///< FunctionScan: set-returning functions in FROM
  filter, project, limit, sort, distinct, aggregate,
  window,         ///< Window: window functions
  hash_join, loop_join, index_join,
  append,         ///< Append: UNION ALL
  set_operation,  ///< SetOperation: INTERSECT/EXCEPT [ALL]
  recursive_union, work_table,  ///< WITH RECURSIVE
  materialize,    ///< Materialize: a CTE that is read more than once, or rescanned
  cte_scan,       ///< CteScan: reads a Materialize of the plan
  project_set,    ///< ProjectSet: set-returning functions in the select list
  modify,         ///< Modify: INSERT, UPDATE, DELETE, MERGE
  lock_rows,      ///< LockRows: FOR UPDATE and its kin
};

struct OutputColumn {
  std::string_view name;
  Oid type{};
  std::int32_t typmod = -1;
  Oid collation{};
  Physical physical = Physical::none;
  Oid origin_table{};           ///< pg_class OID and attribute number for RowDescription; 0 = computed
  std::int16_t origin_number = 0;
};

struct Node {
  NodeKind kind{};
  std::span<OutputColumn> outputs;
  double rows_estimate = 1, cost_start = 0, cost_total = 0;
  /// Slot of this node in per-execution state arrays; numbered 0.. within a Plan.
  std::uint32_t id = 0;
};

struct Values : Node { std::span<std::span<Expr*>> rows; };

struct TableScan : Node {
  TableId table{};
  Oid relation{};
  std::string_view relation_name, alias;
  std::span<std::uint16_t> columns;   ///< numbers of the outputs; 0 = rowid (int8)
  Expr* filter = nullptr;             ///< over the outputs
  struct Zone { std::uint16_t column; txn::ZonePredicate::Op op; Expr* value; };  ///< value: no columns
  std::span<Zone> zones;
  /// TABLESAMPLE: `percent` (float4) of the rows, or of the blocks; the same for the same seed (float8). No columns.
  struct Sample { bool by_block; Expr* percent; Expr* seed; };
  Sample* sample = nullptr;
  std::uint64_t only_row = UINT64_MAX;  ///< a rowid: other blocks than its one need not be looked at
};

struct IndexScan : Node {
  TableId table{};
  IndexId index{};
  Oid relation{}, index_relation{};
  std::string_view relation_name, alias, index_name;
  std::span<std::uint16_t> columns;   ///< as in TableScan
  Expr* filter = nullptr;             ///< everything that the key range does not imply
  std::span<Expr*> prefix;            ///< equalities on the leading key columns; no columns of this scan
  Expr* low = nullptr;                ///< bounds on the key column after the prefix
  Expr* high = nullptr;
  bool low_inclusive = true, high_inclusive = true;
  bool backward = false;
  bool with_nulls = true;             ///< full-order scans; false when a bound is given
  Expr* any_of = nullptr;             ///< key column after the prefix = ANY (this array), tried one by one
};

/// A catalog relation that is computed: rows come from catalog::VirtualRelation (by OID).
struct VirtualScan : Node {
  Oid relation{};
  std::string_view relation_name, alias;
  std::span<std::uint16_t> columns;
  Expr* filter = nullptr;
};

struct FunctionScan : Node {
  std::span<Call*> functions;         ///< ROWS FROM: run side by side
  bool with_ordinality = false;
  std::string_view alias;
};

struct Filter : Node { Node* input = nullptr; Expr* condition = nullptr; };
struct Project : Node { Node* input = nullptr; std::span<Expr*> expressions; };
struct ProjectSet : Node { Node* input = nullptr; std::span<Expr*> expressions; };
struct Limit : Node { Node* input = nullptr; Expr* count = nullptr; Expr* offset = nullptr; bool with_ties = false; };

struct SortKey {
  std::uint32_t column = 0;           ///< of the input
  bool descending = false, nulls_first = false;
};
struct Sort : Node {
  Node* input = nullptr;
  std::span<SortKey> keys;
  Expr* limit = nullptr;              ///< top-N: only so many rows (limit + offset) are needed
};
/// Distinct rows over the key columns (all of the input when empty). `sorted`: equal rows are adjacent; else hashing.
struct Distinct : Node { Node* input = nullptr; std::span<std::uint32_t> keys; bool sorted = false; };

/// Outputs: the group keys, then the aggregates, then the groupings. No keys: one row, always.
struct Aggregate : Node {
  Node* input = nullptr;
  std::span<Expr*> keys;
  std::span<AggregateCall> aggregates;
  /// Grouping sets: the input is grouped by each in turn, by number of key; keys that a set lacks are NULL in its rows.
  /// None: one set of all keys. An empty set is one row, always.
  std::span<std::span<const std::uint32_t>> sets;
  /// GROUPING(...) as int4: a bit for each of these keys, the last the lowest, set where the row's set lacks it.
  std::span<std::span<const std::uint32_t>> groupings;
};

/// The rows around a row that a call over a window sees.
struct WindowFrame {
  sql::FrameMode mode = sql::FrameMode::range;
  sql::FrameBound start = sql::FrameBound::unbounded_preceding, end = sql::FrameBound::current_row;
  sql::FrameExclusion exclusion = sql::FrameExclusion::none;
  Expr* start_offset = nullptr;       ///< no columns; int8, of RANGE what the in_range function takes
  Expr* end_offset = nullptr;
  Oid start_in_range{}, end_in_range{};  ///< pg_proc OIDs
};
/// Calls over windows of one partition and order. The input is sorted by partition_by, then order_by (whose keys may also
/// be among partition_by). Outputs: the input's columns, then the calls.
struct Window : Node {
  Node* input = nullptr;
  std::span<std::uint32_t> partition_by;  ///< columns of the input
  std::span<SortKey> order_by;
  std::span<WindowFrame> frames;
  std::span<WindowCall> calls;
};

enum class JoinType : std::uint8_t {
  inner, left, right, full,
  semi,        ///< left rows with a match; outputs: left columns
  anti,        ///< left rows without a match
  anti_null_aware,  ///< NOT IN: a NULL on either side makes it unknown
};

struct HashJoin : Node {
  JoinType type{};
  Node* left = nullptr;               ///< probes
  Node* right = nullptr;              ///< is built
  struct Key { Expr* left; Expr* right; Oid equality; };  ///< both of one type; equality: pg_proc OID; left over left columns, right over right columns
  std::span<Key> keys;
  Expr* residual = nullptr;           ///< over left and right columns
};
/// For each left row the right side runs again, with internal parameters set from the left row.
struct LoopJoin : Node {
  JoinType type{};
  Node* left = nullptr;
  Node* right = nullptr;
  std::span<SubqueryExpr::Binding> bindings;
  Expr* condition = nullptr;
};
/// For each left row, index entries equal to the keys; outputs: left columns, then `columns` of the table.
struct IndexJoin : Node {
  JoinType type{};
  Node* left = nullptr;
  TableId table{};
  IndexId index{};
  Oid relation{}, index_relation{};
  std::string_view relation_name, alias, index_name;
  std::span<std::uint16_t> columns;
  std::span<Expr*> keys;              ///< one per key column of the index, over left columns
  Expr* residual = nullptr;
};

struct Append : Node { std::span<Node*> inputs; };
struct SetOperation : Node {
  enum class Op : std::uint8_t { intersect, except } op{};
  bool all = false;
  Node* left = nullptr;
  Node* right = nullptr;
};
struct RecursiveUnion : Node {
  Node* initial = nullptr;
  Node* step = nullptr;               ///< reads WorkTable nodes with the same `slot`
  bool all = false;
  std::uint32_t slot = 0;
};
struct WorkTable : Node { std::uint32_t slot = 0; std::string_view name, alias; };
struct Materialize : Node { Node* input = nullptr; };
struct CteScan : Node { Materialize* source = nullptr; std::string_view name, alias; };

/// Locks the rows of its input, one after another, and passes them on; those that may be skipped are left out. At most
/// count + offset (null: no bound) are locked.
struct LockRows : Node {
  struct Lock {
    TableId table;
    std::string_view relation_name;
    std::uint32_t column;             ///< of the input: the rowid
    txn::RowLock mode;
    txn::RowWait wait;
  };
  Node* input = nullptr;
  std::span<Lock> locks;
  Expr* count = nullptr;
  Expr* offset = nullptr;
};

struct Modify : Node {
  enum class Op : std::uint8_t { insert, update, remove, merge } op{};
  Oid relation{};
  TableId table{};
  Node* input = nullptr;
  /// insert: `columns[i]` takes input column i (all columns of the table are there, defaults filled in).
  /// update: input column 0 is the rowid; columns[i] takes input column `values[i]`.
  /// delete: input column 0 is the rowid. merge: so it is, NULL where nothing matches; see `actions`.
  std::span<std::uint16_t> columns;
  std::span<std::uint32_t> values;
  /// Columns that must not be NULL, for 23502, with names for the message.
  struct NotNull { std::uint16_t number; std::string_view name; };
  std::span<NotNull> not_null;
  std::string_view relation_name, schema_name;
  std::string_view alias;                       ///< empty: none
  /// RETURNING: expressions over `returning_columns` of the new (or deleted) row, then the input's columns.
  std::span<std::uint16_t> returning_columns;
  std::span<Expr*> returning;         ///< outputs of the node; empty = none
  /// WITH CHECK OPTION: conditions over what `returning` is over, in the order in which they are checked. With them,
  /// returning_columns are all of the row's.
  struct Check { Expr* condition; std::string_view view; };
  std::span<Check> checks;
  /// All columns of the row, for "Failing row contains (...)": number, name, type.
  struct RowColumn { std::uint16_t number; std::string_view name; Oid type; std::int32_t typmod; };
  std::span<RowColumn> row_columns;
  /// INSERT ... ON CONFLICT; null: a row in the way is an error.
  struct OnConflict {
    bool updates = false;                       ///< DO UPDATE; else DO NOTHING
    std::span<IndexId> arbiters;                ///< empty: all unique indexes
    std::span<std::string_view> arbiter_names;
    bool changes_keys = false;                  ///< some unique index is over a column that it sets
    /// DO UPDATE: `values[i]` is for columns[i]. Expressions are over `existing_columns` of the row in the way, then the
    /// input's columns (excluded).
    std::span<std::uint16_t> existing_columns;
    std::span<std::uint16_t> columns;
    std::span<Expr*> values;
    Expr* where = nullptr;
    std::span<NotNull> not_null;
    std::span<std::string_view> names;          ///< of what the expressions are over, for EXPLAIN
  };
  OnConflict* on_conflict = nullptr;
  /// WHEN [NOT] MATCHED: of those whose condition holds, the first is done. Expressions are over the input's columns.
  struct Action {
    bool matched = false;
    bool writes = false;                        ///< else DO NOTHING
    Op op{};
    Expr* condition = nullptr;
    std::span<std::uint16_t> columns;           ///< `values[i]` is for columns[i]; of an insert, all of the table
    std::span<Expr*> values;
    std::span<NotNull> not_null;
  };
  std::span<Action> actions;
  bool in_order = false;              ///< what an action does may decide whether another's keys are free
};

/// A planned statement.
/// A relation of a cursor's query with the column of the batch that has its rowid.
struct RowId {
  TableId table{};
  Oid relation{};
  std::string_view relation_name;
  std::uint32_t column = 0;
  bool locks = false;                 ///< FOR UPDATE and kin: `mode` and `wait` say how
  txn::RowLock mode{};
  txn::RowWait wait{};
};

struct Plan {
  Node* root = nullptr;
  std::uint32_t node_count = 0;
  std::uint32_t internal_parameters = 0;
  std::uint32_t work_tables = 0;
  std::span<Oid> parameter_types;     ///< of $1, $2, ...
  bool is_short = false;              ///< bounded work: may run on a reactor thread
  bool writes = false;
  bool locks_rows = false;
  struct TableNeed { TableId table; txn::TableLock mode; };
  std::span<TableNeed> tables;        ///< what it reads, locks rows of, writes to: to be locked so before it begins
  txn::RowLock row_lock{};            ///< the first of its clauses
  bool is_once = false;               ///< it depends on where a cursor stands: to be made anew each time
  /// Statements that write in WITH. What nobody has read of them by the end is then run, the last first.
  struct SideWrite { Materialize* rows; std::string_view name; };
  std::span<SideWrite> side_writes;
  std::span<RowId> row_ids;           ///< of PlanContext::for_cursor; their columns follow the result's
  std::uint64_t catalog_stamp = 0;    ///< planned against this catalog
};

template <class T>
const T& as(const Node& node) { return static_cast<const T&>(node); }

}  // namespace spg::plan
