// Bound queries: what the binder hands to the planner. Private to src/plan.
//
// Every FROM item of a statement has a range entry with a number that is unique in the whole statement, so a Column
// {relation, number} means the same thing at every depth: no levels to adjust when queries are merged. Groups of a
// query are seen through more range numbers: one for its group keys, one for its aggregates, one for GROUPING. Range number 0 is not
// used.
#pragma once
#include "spg/plan/planner.hpp"
#include "spg/sql/expr.hpp"
#include "spg/sql/query.hpp"

namespace spg::plan {

struct Query;
struct BoundStatement;

/// The columns of a join that stand for something else than one column of an item: merged ones (USING), and all of a join
/// with an alias.
struct JoinNames {
  const sql::Join* node = nullptr;
  struct Pair { Expr* left; Expr* right; };
  std::uint16_t id = 0;          ///< unique in the statement
  std::uint16_t number = 0;      ///< the same, 0 without an alias
  std::size_t merged = 0;        ///< columns of USING, which come first
  Vec<std::string_view> using_names;
  Vec<Pair> pairs;               ///< what they merge
  std::string_view using_alias;
  Vec<std::string_view> names;   ///< of all columns
  Vec<Expr*> columns;            ///< what these are, seen from within
  std::string_view alias;
  std::size_t alias_columns = 0; ///< of which the user gave names
};

/// What an expression was before the binder made something simpler to evaluate of it.
struct Shown {
  enum class Kind : std::uint8_t { expr, join_column, row_compare, value_function, collate, whole_row, system_column } kind{};
  const Expr* expr = nullptr;       ///< expr, collate
  const JoinNames* join = nullptr;  ///< join_column; whole_row of a join
  std::size_t column = 0;           ///< join_column: 0-based
  Oid op{};                         ///< row_compare
  std::span<Expr*> left, right;
  sql::SqlValueKind function{};     ///< value_function
  std::int32_t precision = -1;
  std::string_view collation;
  std::uint16_t relation = 0;       ///< whole_row, system_column
  std::string_view name;            ///< system_column
};

struct RangeColumn {
  std::string_view name;
  Oid type{};
  std::int32_t typmod = -1;
  Oid collation{};
  Physical physical = Physical::none;
  Oid origin_table{};
  std::int16_t origin_number = 0;
  std::int16_t stored = 0;  ///< of relations: the attribute number; 0 = rowid
  bool aliased = false;     ///< the name is one that the query gave
  bool used = false;        ///< set by the planner: somebody above reads it
};

struct Cte {
  std::string_view name;
  const sql::CommonTable* node = nullptr;
  Query* query = nullptr;
  Vec<RangeColumn> columns;
  sql::Materialized materialized = sql::Materialized::unspecified;
  std::int32_t position = -1;
  bool is_no_union = false;  ///< being bound; may not read itself since it is no UNION
  bool is_writing = false;   ///< being bound; may not read itself since it writes
  bool recursive = false;    ///< reads itself
  bool union_all = false;
  BoundStatement* writes = nullptr;  ///< instead of a query: INSERT, UPDATE, DELETE
  std::uint32_t own_columns = 0;     ///< of `columns`; the others are those that SEARCH and CYCLE add
  Expr* mark_value = nullptr;        ///< of CYCLE
  Expr* mark_default = nullptr;
  Query* initial = nullptr;  ///< of recursive ones, with what SEARCH and CYCLE add
  Vec<std::string_view> initial_names;  ///< of its columns, before they got the table's
  Query* step = nullptr;
  Query* written_initial = nullptr;  ///< as the query had them; the step's targets go on behind its own columns
  Query* written_step = nullptr;
  std::uint32_t slot = 0;  ///< of recursive ones: their work table
  std::uint32_t references = 0;
  // planner
  Materialize* planned = nullptr;
  bool planning = false;
};

/// TABLESAMPLE: BERNOULLI, or SYSTEM (by blocks).
struct SampleClause {
  bool by_block = false;
  Expr* percent = nullptr;
  Expr* seed = nullptr;  ///< REPEATABLE; null: another sample each time
};

enum class RangeKind : std::uint8_t { relation, subquery, function, values, cte, work_table, groups, aggregates, windows, set };

struct RangeEntry {
  RangeKind kind{};
  std::uint16_t number = 0;
  std::string_view alias;  ///< as messages and EXPLAIN name it
  bool has_alias = false;
  bool only = false;              ///< FROM ONLY
  bool has_definitions = false;   ///< a function's columns were defined by the query
  std::uint16_t reference = 0;    ///< in a view's text: the number that columns refer to it by
  bool in_view = false;           ///< stands in the query of a view that is read here
  bool is_barrier = false;        ///< a security_barrier view
  Vec<RangeColumn> columns;  ///< column n of the entry is columns[n - 1]
  const catalog::Relation* relation = nullptr;
  const catalog::Relation* view = nullptr;  ///< that the subquery is
  SampleClause* sample = nullptr;  ///< of a relation
  Query* subquery = nullptr;  ///< subquery; groups, aggregates and windows: their query
  Cte* cte = nullptr;
  std::span<Call*> functions;
  std::span<std::int16_t> function_widths;  ///< columns that each function yields
  bool with_ordinality = false;
  std::span<std::span<Expr*>> rows;
  Query* owner = nullptr;  ///< the query in whose FROM it stands
  // planner
  bool locks_rows = false;  ///< FOR UPDATE and its kin
  bool pulled_up = false;  ///< its columns are its subquery's targets
};

/// A FROM item with its conditions. A list is an inner join of its items.
struct FromTree {
  enum class Kind : std::uint8_t { leaf, list, join } kind{};
  RangeEntry* range = nullptr;
  Vec<FromTree*> items;
  sql::JoinType type = sql::JoinType::inner;
  FromTree* left = nullptr;
  FromTree* right = nullptr;
  Expr* condition = nullptr;  ///< of a list or a join
  const JoinNames* names = nullptr;  ///< of a join
  bool lateral = false;       ///< a leaf that reads its left neighbours
};

struct Target {
  Expr* expr = nullptr;
  std::string_view name;
  std::int16_t assigned = 0;  ///< INSERT, UPDATE: column that is written
  std::int16_t named = 0;     ///< UPDATE: the target's column that names it; through a view, one of the view's
  Expr* written = nullptr;    ///< before a set operation converted it
};
struct SortBy {
  std::uint32_t target = 0;  ///< 0-based, in Query::targets
  bool descending = false, nulls_first = false;
};
/// A relation whose rows the query locks; `target` is its rowid.
struct RowLocking {
  RangeEntry* range = nullptr;
  txn::RowLock mode{};
  txn::RowWait wait{};
  std::uint32_t target = 0;
};
struct Aggregated {
  AggregateCall call;
  std::string_view name;
  std::int32_t position = -1;
  bool direct_replaced = false;  ///< the direct arguments read the groups' keys
};

struct WindowKey {
  Expr* value = nullptr;
  bool descending = false, nulls_first = false;
};
/// A window of the query: WINDOW name AS (...), or OVER (...) without a name.
struct WindowSpec {
  const sql::WindowDef* def = nullptr;
  std::string_view name;
  std::span<WindowKey> partition_by, order_by;
  WindowFrame frame;
  bool bound = false;
};
struct WindowedCall {
  WindowCall call;
  std::string_view name;
  std::uint32_t window = 0;  ///< in Query::windows
  bool groups_replaced = false;  ///< what it is over reads the groups' keys
};

struct Query {
  const sql::Select* node = nullptr;
  Vec<Target> targets;  ///< the first `visible` are the result; the others serve sorting and DISTINCT ON
  std::uint32_t visible = 0;
  FromTree* from = nullptr;  ///< null: one row without columns
  Expr* where = nullptr;
  bool grouped = false;  ///< GROUP BY, HAVING or an aggregate
  Vec<Expr*> group_keys;
  Vec<std::uint32_t> written_keys; ///< the key of each expression in GROUP BY, in order
  Vec<std::uint32_t> key_targets;  ///< the target that a key is; UINT32_MAX: it depends on the others
  Vec<Vec<std::uint32_t>> group_sets;  ///< grouping sets, of keys; none: one of all keys
  Vec<Vec<std::uint32_t>> groupings;   ///< GROUPING(...), of keys: a bit each, set where the set lacks the key
  Vec<Aggregated> aggregates;
  RangeEntry* key_range = nullptr;
  RangeEntry* aggregate_range = nullptr;
  RangeEntry* grouping_range = nullptr;
  Expr* having = nullptr;
  Vec<WindowSpec*> windows;  ///< those of WINDOW first
  Vec<WindowedCall> window_calls;
  RangeEntry* window_range = nullptr;  ///< its columns are the calls
  bool distinct = false;
  Vec<std::uint32_t> distinct_on;  ///< targets
  bool has_set_functions = false;  ///< set-returning functions among the targets
  Vec<SortBy> order_by;
  Expr* limit = nullptr;
  Expr* offset = nullptr;
  bool with_ties = false;
  // set operations; targets are then columns of `set_range`, which stands for the result
  sql::SetOp set_op = sql::SetOp::none;
  bool set_all = false;
  Query* left = nullptr;
  Query* right = nullptr;
  RangeEntry* set_range = nullptr;
  Vec<Cte*> ctes;
  Vec<RowLocking> row_locks;  ///< FOR UPDATE and its kin
  Vec<RowLocking> row_ids;    ///< of a cursor's query: relations whose rowids its rows carry
  bool locks_later = false;   ///< ... and whose rows are to be locked by whoever takes them
};

/// A subquery within an expression, before it is planned. `test` is over Parameters first_row_param.. for its row.
struct QueryLink : SubqueryExpr {
  Query* query = nullptr;
  std::span<Expr*> row_operands;  ///< any, all: the left side
  std::span<Oid> row_operators;   ///< their operators
  bool negated = false;           ///< NOT IN
};

/// GROUPING(...), before the groups of its query are known.
struct GroupingExpr : Variadic { Query* query = nullptr; };

inline bool in_all_sets(const Query& query, std::uint32_t key) {
  for (const Vec<std::uint32_t>& set : query.group_sets) {
    bool found = false;
    for (const std::uint32_t one : set) found = found || one == key;
    if (!found) return false;
  }
  return true;
}

/// INSERT ... ON CONFLICT. `set` is over the target and `excluded`, the row that was to be inserted.
struct ConflictClause {
  bool updates = false;
  RangeEntry* excluded = nullptr;
  Vec<const catalog::IndexInfo*> arbiters;  ///< none: all unique indexes
  Vec<Target> set;
  Expr* where = nullptr;
};

/// WHEN [NOT] MATCHED of MERGE. `set`: the columns of UPDATE, or all of INSERT.
struct MergeClause {
  bool matched = false;
  sql::MergeAction action = sql::MergeAction::nothing;
  Expr* condition = nullptr;
  Vec<Target> set;
};

/// WITH CHECK OPTION: what a written row must fulfil, over the target's columns.
struct ViewCheck {
  Expr* condition = nullptr;
  std::string_view view;
};

/// A view that rows are written through.
struct ViewTarget {
  struct Column {
    Expr* expr = nullptr;      ///< over the table's columns
    std::int16_t number = 0;   ///< of the table's column that it is; 0: none, for `reason`, in `view`
    std::int16_t below = 0;    ///< of the column of the relation that the view reads
    std::string_view view, reason;
  };
  RangeEntry* base = nullptr;  ///< the table
  const catalog::Relation* reads = nullptr;
  ViewTarget* inner = nullptr;  ///< of the view that it reads
  Vec<Column> columns;
  Expr* where = nullptr;       ///< of all the views
  Vec<ViewCheck> checks;       ///< inner views' first
};

/// A bound statement. DML: `query` yields what Modify reads.
struct BoundStatement {
  bool is_dml = false;
  Modify::Op op = Modify::Op::insert;
  Query* query = nullptr;
  const catalog::Relation* relation = nullptr;
  RangeEntry* target = nullptr;  ///< the written table's range entry
  ConflictClause* on_conflict = nullptr;
  Vec<MergeClause> merge;
  Vec<ViewCheck> checks;
  Vec<Target> returning;
  Vec<OutputColumn> outputs;
  std::span<Oid> parameter_types;
  Vec<BoundStatement*> writes;  ///< in WITH, in the order in which they stand there
  // of the statement as a whole
  Vec<RangeEntry*> ranges;  ///< by number
  std::uint32_t internal_parameters = 0;
  std::uint32_t work_tables = 0;
  bool is_current_of = false;
  std::uint64_t current_row = UINT64_MAX;
};

Result<BoundStatement*> bind_statement(Arena& arena, const sql::Statement& statement, PlanContext& context);

}  // namespace spg::plan
