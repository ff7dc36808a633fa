// Operators: the running form of plan nodes, and the State of an execution that they share.
//
// An Operator is constructed without work; the first next() starts it, rescan() makes the next next() start it again
// (with the internal parameters as they are then). A batch that next() yields lives until the operator's next call.
// An operator that returns, or asks an input, while it still holds a batch of another input copies that first: scans renew the
// guard whenever they read on.
#pragma once
#include "compile.hpp"
#include "vectors.hpp"

namespace spg::exec {

class Operator;
class RowidSet;

/// Rows of a table that the statement has updated or deleted, whichever of its parts has.
struct WrittenRows {
  TableId table{};
  RowidSet* rows = nullptr;
  WrittenRows* before = nullptr;
};

struct SubqueryState {
  Operator* root = nullptr;
  bool known = false;
  std::uint64_t epoch = 0;  ///< State::epoch when `value` or `rows` was found
  Value value;
  Rows* rows = nullptr;    ///< of any/all, kept when known
  Arena* arena = nullptr;  ///< of rows and value
};

struct State {
  ExecContext context;
  const CompiledPlan* plan = nullptr;
  Arena* arena = nullptr;
  Value* parameters = nullptr;  ///< internal ones
  std::uint64_t epoch = 1;      ///< counts settings of internal parameters and of work tables
  std::uint64_t* versions = nullptr;             ///< epochs at which the parameters were set
  std::uint64_t* work_table_versions = nullptr;  ///< ... and the work tables, by slot
  Operator** shared = nullptr;  ///< Materialize operators by number
  Rows** work_tables = nullptr;
  SubqueryState* subqueries = nullptr;
  Operator* operators = nullptr;  ///< all, for close()
  Operator* root = nullptr;
  std::uint64_t rows_affected = 0;  ///< by the root
  WrittenRows* written = nullptr;
  std::size_t side_writes_left = 0;  ///< of CompiledPlan::side_writes, to be run when the root is done
  std::uint32_t held_batches = 0;  ///< of those whose rows a running subquery is asked for

  /// To be called by who is about to read tables anew: what was read before may leave the memory, however long the statement
  /// goes on without yielding anything. Whoever asks an input for a batch has copied what it needs of the earlier ones; but
  /// a subquery runs while its row's batch is in use.
  void renew_guards() {
    if (held_batches != 0 || context.view == nullptr) return;
    context.view->renew_guard();
    if (context.host != nullptr) context.host->renew_guards();
  }

  void set_parameter(std::uint32_t number, const Value& value) {
    parameters[number] = value;
    versions[number] = ++epoch;
  }
  /// To be called for every batch: cancellation, time, memory.
  Status check() {
    if (context.host != nullptr) SPG_TRY(context.host->check_interrupts());
    return arena->check();
  }
};

class Operator {
 public:
  Operator(State& state, const CompiledNode& node);
  virtual ~Operator() = default;
  virtual Result<bool> next(Batch& out) = 0;
  virtual void rescan() = 0;
  Operator* made_before = nullptr;

 protected:
  template <class T>
  const T& plan_node() const {
    return plan::as<T>(*node_.node);
  }
  /// Starts the batch whose expressions see `input`.
  void begin_batch() { batch_arena_.reset(); }
  void see(const Batch& input) { frame_.input = input; }
  Physical output_type(std::size_t i) const { return node_.node->outputs[i].physical; }
  /// Null unless something is measured.
  plan::NodeCounters* counters() const {
    return state_.context.measures == nullptr ? nullptr : &state_.context.measures->counters[node_.node->id];
  }
  /// Values of codes over no columns.
  Result<Value> constant(const Code& code);

  State& state_;
  const CompiledNode& node_;
  Arena batch_arena_;
  Frame frame_;
};

/// Around an operator, when something is measured.
Operator* measured(State& state, const CompiledNode& node, Operator* inner);

/// Makes the operators of a tree.
Operator* make_operator(State& state, const CompiledNode& node);

template <class T, class... Args>
T* new_operator(State& state, const CompiledNode& node, Args&&... args) {
  T* made = new (state.arena->allocate(sizeof(T), alignof(T))) T(state, node, std::forward<Args>(args)...);
  made->made_before = state.operators;
  state.operators = made;
  return made;
}

/// A frame with `count` registers in the statement's arena.
Frame make_frame(State& state, std::uint32_t count, Arena& arena);

// --- by file
Operator* make_values(State& state, const CompiledNode& node);
Operator* make_table_scan(State& state, const CompiledNode& node);
Operator* make_index_scan(State& state, const CompiledNode& node);
Operator* make_virtual_scan(State& state, const CompiledNode& node);
Operator* make_function_scan(State& state, const CompiledNode& node);
Operator* make_project_set(State& state, const CompiledNode& node);
Operator* make_filter(State& state, const CompiledNode& node);
Operator* make_project(State& state, const CompiledNode& node);
Operator* make_limit(State& state, const CompiledNode& node);
Operator* make_lock_rows(State& state, const CompiledNode& node);
Operator* make_sort(State& state, const CompiledNode& node);
Operator* make_distinct(State& state, const CompiledNode& node);
Operator* make_set_operation(State& state, const CompiledNode& node);
Operator* make_aggregate(State& state, const CompiledNode& node);
Operator* make_window(State& state, const CompiledNode& node);
Operator* make_hash_join(State& state, const CompiledNode& node);
Operator* make_loop_join(State& state, const CompiledNode& node);
Operator* make_index_join(State& state, const CompiledNode& node);
Operator* make_append(State& state, const CompiledNode& node);
Operator* make_recursive_union(State& state, const CompiledNode& node);
Operator* make_work_table(State& state, const CompiledNode& node);
Operator* make_materialize(State& state, const CompiledNode& node);
Operator* make_cte_scan(State& state, const CompiledNode& node);
Operator* make_modify(State& state, const CompiledNode& node);

/// The Materialize operator of a node, made on first use.
Operator* shared_operator(State& state, const CompiledNode& materialize);
/// Runs its input to the end, with nobody to read it.
Status run_to_end(Operator& materialize);

// --- stored numerics
/// One value of a row, as batches have it. The column's physical type is the one that is found.
Result<Value> fetch_value(txn::View& view, TableId table, std::uint64_t rowid, StoredColumn column, Arena& arena);
/// A scaled column as numerics, for the selected rows.
Vector numerics_of(const Vector& scaled, int scale, Selection rows, std::uint32_t count, Arena& arena);
/// A numeric (or any other value) as the column stores it. Exact says whether the value could be kept as it is; if not,
/// the result is the next lower scaled value (none for what is below all of them: not in range and negative).
struct StoredValue {
  Value value;
  bool exact = true;
  bool in_range = true;
  bool negative = false;
};
StoredValue to_stored(const Value& value, const StoredColumn& column, Arena& arena);
/// XX001 when what a table gave for a column is not of the type that the catalog names: they are stored apart.
Status check_stored(const Vector& values, const StoredColumn& column);

}  // namespace spg::exec
