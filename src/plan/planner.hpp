// Planner: bound queries -> physical plans. One object per statement. Private to src/plan.
//
// Files: simplify (folding, substitution), usage (which columns are read), resolve (columns -> places, correlation),
// access (paths of one table), join (order and methods), select (the stages above FROM), modify, cost.
#pragma once
#include "make.hpp"

namespace spg::plan {

/// Which column of which range entry an output of a node is.
struct Slot {
  std::uint16_t relation = 0;
  std::int16_t number = 0;
};

/// A planned piece: a node, and what its outputs mean.
struct Rel {
  Node* node = nullptr;
  Vec<Slot> slots;
  Vec<WindowKey> order{};  ///< above windows: how the rows are sorted
};

/// Columns that a subplan reads from outside; each becomes an internal parameter.
struct Correlation {
  Correlation* outer = nullptr;
  struct Read {
    std::uint32_t parameter;
    Column* column;
  };
  Vec<Read> reads;
};

/// An order that the result should have, in terms of columns: for index order scans.
struct WantedOrder {
  struct Key {
    Column* column;
    bool descending, nulls_first;
  };
  Vec<Key> keys;
  bool limited = false;  ///< few rows are wanted
};

/// A FROM item of an inner join whose order is free.
struct Unit {
  RangeEntry* range = nullptr;  ///< a leaf, or
  FromTree* join = nullptr;     ///< an outer join
  Vec<Expr*> quals;             ///< conditions on this unit alone
  std::uint64_t needs = 0;      ///< units that it reads sideways
  double rows = 0;
};
struct JoinQual {
  Expr* expr = nullptr;
  std::uint64_t units = 0;
  bool done = false;
};

/// Keys of windows that are no columns: they become columns of a range entry of their own, computed below the sort.
struct KeyColumns {
  RangeEntry* range = nullptr;
  Vec<Expr*> exprs;
  Vec<Expr*> columns;
};
/// A window with its keys as columns of the node below.
struct PlannedWindow {
  const WindowSpec* spec = nullptr;
  std::uint32_t number = 0;  ///< in Query::windows
  std::span<WindowKey> partition_by, order_by;
};

class Planner {
 public:
  Planner(Arena& arena, PlanContext& context, BoundStatement& bound);
  Result<Plan*> plan();

 private:
  // --- simplify.cpp
  Expr* simplify(Expr* expr);
  Expr* fold(Expr* expr);
  Expr* evaluated(Expr* expr);
  bool is_immutable(const Expr* expr);
  bool is_volatile(const Expr* expr);

  // --- usage.cpp
  void use_query(Query* query, bool all_targets);
  void use_target(Query* query, std::size_t target);
  void use(Expr* expr);
  void use_window_call(const WindowedCall& one, const Query* query);
  void use_from(FromTree* tree);
  void pull_up(FromTree*& tree, bool nullable);
  bool can_pull_up(const Query* query, bool nullable);
  void pull_up_in(Query* query);

  // --- resolve.cpp
  Result<Expr*> resolve(Expr* expr, const Rel& below);
  Result<std::span<Expr*>> resolve_all(std::span<Expr*> exprs, const Rel& below);
  Expr* outer_parameter(Column* column);
  Result<std::span<SubqueryExpr::Binding>> bindings_of(const Correlation& inner, const Rel& below);
  bool reads_any(Expr* expr, const Rel& rel);
  void collect_columns(Expr* expr, Vec<Column*>& columns);
  void collect_columns_of(Query* query, Vec<Column*>& columns);

  // --- select.cpp
  Result<Rel> plan_query(Query* query, const Vec<bool>* wanted);
  Result<Rel> plan_plain(Query* query, const Vec<std::uint32_t>& kept);
  Result<Rel> plan_set(Query* query);
  Status plan_ctes(Query* query);
  Result<Rel> aggregate(Query* query, Rel input);
  Result<std::span<Expr*>> resolve_simplified(std::span<Expr*> exprs, const Rel& below);
  std::span<std::span<const std::uint32_t>> key_sets(const Vec<Vec<std::uint32_t>>& sets);
  bool can_push_below_groups(Expr* qual, const Query& query);
  Result<Rel> finish(Query* query, Rel input, const Vec<std::uint32_t>& kept);
  bool order_from_query(Query* query, WantedOrder& order);
  Result<Rel> min_max(Query* query);
  // --- window.cpp
  Result<Rel> windows(Query* query, Rel input);
  Vec<PlannedWindow> active_windows(Query* query);
  std::span<WindowKey> keys_as_columns(std::span<const WindowKey> from, const Rel& input, bool with_constants,
                                       KeyColumns& keys);
  Result<Rel> key_columns(Query* query, Rel input, std::span<const PlannedWindow> windows, const KeyColumns& keys);
  Result<Rel> window_node(Query* query, std::span<const PlannedWindow> windows, Rel rel);
  bool is_fixed(const Query* query, Expr* value);
  std::span<WindowKey> sort_keys(const Query* query, std::span<const WindowKey> partition,
                                 std::span<const WindowKey> order);
  Rel sorted(Rel rel, std::span<const WindowKey> keys);
  bool is_scanned_in_order(const Node* node, std::span<const WindowKey> keys);
  bool order_from_windows(Query* query, WantedOrder& order);
  bool windows_give_order(Query* query, const Rel& rel);
  Rel one_row();
  bool contains_set(const Expr* expr);
  bool scan_gives(const Node* node, const WantedOrder& order);

  // --- join.cpp
  Result<Rel> plan_from(FromTree* from, Expr* where, const WantedOrder* order);
  void flatten(FromTree* tree, Vec<Expr*>& quals, Vec<Unit>& units);
  void find_nonnullable(Expr* condition, Vec<std::uint16_t>& ranges);
  bool is_strict(Expr* expr);
  void reduce_outer_joins(FromTree* tree, const Vec<std::uint16_t>& nonnullable);
  Result<Rel> plan_units(Vec<Unit>& units, Vec<Expr*>& quals, const WantedOrder* order);
  Result<Rel> plan_unit(Unit& unit, const WantedOrder* order);
  Result<Rel> plan_outer_join(FromTree* tree, Vec<Expr*>& quals);
  Result<Rel> join(Rel left, Unit* right_unit, Rel right, JoinType type, std::span<Expr*> quals, bool lateral);
  Result<Rel> apply_quals(Rel rel, std::span<Expr*> quals);
  bool covers_unique_key(const RangeEntry* entry, const Vec<Expr*>& quals);
  Result<bool> semi_join(Rel& rel, Expr* qual);
  Rel filtered(Rel rel, Expr* condition);
  void ranges_of(const FromTree* tree, Vec<std::uint16_t>& ranges);
  void derive_equalities(Vec<Expr*>& quals);
  bool push_into_query(Query* query, std::uint16_t relation, Expr* qual);
  bool reads_partitions_only(const Query* query, std::uint16_t relation, Expr* qual);
  bool can_push(Query* query, std::uint16_t relation, Expr* qual);
  double function_rows(const RangeEntry* entry);
  bool can_probe(const Unit& unit, std::uint64_t mask, const Vec<JoinQual>& joins, const Vec<std::uint8_t>& unit_of);
  Result<Rel> lateral_join(const Rel& left, const Rel& right, const Correlation& inner, JoinType type,
                           std::span<Expr*> quals);
  RangeEntry* new_range();
  struct EquiKey {
    Expr* left;
    Expr* right;
    Oid function;
  };
  bool equi_key(Expr* qual, const Rel& left, const Rel& right, EquiKey* key);
  bool same_type_sides(EquiKey* key);
  Result<Node*> index_join(const Rel& left, const Unit& unit, JoinType type, std::span<Expr*> quals, Rel* result);

  // --- access.cpp
  Result<Rel> plan_table(RangeEntry* range, std::span<Expr*> quals, const WantedOrder* order);
  Result<TableScan::Sample*> sample(const SampleClause& clause, double* rows);
  Result<Rel> plan_leaf(Unit& unit, const WantedOrder* order);
  struct ColumnTest {
    std::int16_t stored = 0;
    catalog::Comparison comparison{};
    Expr* value = nullptr;
    Expr* any_of = nullptr;
  };
  bool column_test(Expr* qual, const RangeEntry* range, ColumnTest* test);
  Expr* as_column_type(Expr* value, const RangeColumn& column);
  const RangeColumn* column_of(Expr* expr, const RangeEntry* range);
  bool reads_range(Expr* expr, std::uint16_t range);
  void scan_columns(RangeEntry* range, Rel& rel, Vec<std::uint16_t>& numbers);
  double table_rows(const catalog::Relation& relation);
  double selectivity(Expr* qual, const RangeEntry* range, double rows);

  // --- modify.cpp
  Result<Node*> modify(BoundStatement& statement);
  Modify* modify_node(const BoundStatement& statement);
  std::size_t riding_target(Query* query, Column* column);
  void ride_along(const BoundStatement& statement, RangeEntry* riders, Expr*& expr);
  void describe_riders(const Query& query, RangeEntry* riders);
  Status returning(const BoundStatement& statement, const RangeEntry& riders, Modify* node);
  void add_input(const RangeEntry& riders, const Node& input, Rel& rel, Vec<OutputColumn>& shape);
  Status merge_actions(const BoundStatement& statement, const RangeEntry& riders, Modify* node);
  std::span<Modify::NotNull> not_null(const catalog::Relation& relation, std::span<const std::uint16_t> written);
  bool sets_keys(const catalog::Relation& relation, const Vec<Target>& set);
  Result<Materialize*> side_write(Cte* cte);
  static void look_at_row(Node* node, TableId table, std::uint64_t row);
  Result<Modify::OnConflict*> on_conflict(const BoundStatement& statement, const Modify& node);

  template <class T>
  T* make_node(NodeKind kind) {
    T* made = arena_->make<T>();
    made->kind = kind;
    made->id = next_id_++;
    return made;
  }
  std::span<OutputColumn> outputs_of(std::initializer_list<const Node*> inputs);
  OutputColumn output_of(const Expr& expr, std::string_view name);
  Rel rel_of(Node* node) { return {node, Vec<Slot>(*arena_)}; }
  RangeEntry* range(std::uint16_t number) { return bound_->ranges[number]; }

  Arena* arena_;
  PlanContext* context_;
  catalog::Catalog* catalog_;
  BoundStatement* bound_;
  Correlation* correlation_ = nullptr;
  std::uint32_t next_id_ = 0;
  bool locks_rows_ = false;
  std::span<Plan::TableNeed> table_needs();
  txn::RowLock row_lock_{};
  std::span<RowId> row_ids_;      ///< of the cursor's query
  std::uint32_t internal_parameters_ = 0;
  Vec<Plan::SideWrite> side_writes_;
};

/// Whether the work of a plan is bounded.
bool is_short_plan(const Node* node);

}  // namespace spg::plan
