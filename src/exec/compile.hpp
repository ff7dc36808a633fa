// Compiling plans: expressions to Code, nodes to CompiledNode (compile.cpp); what the operators start from.
#pragma once
#include "program.hpp"

namespace spg::exec {

/// A stored numeric(p,s): scaled integers in tables, numerics in batches.
struct StoredColumn {
  std::uint16_t number = 0;
  Physical physical = Physical::none;  ///< in the table
  std::uint8_t scale = 0;
  Oid type{};
  std::int32_t typmod = -1;
  bool is_scaled() const { return type == Oid{1700} && (physical == Physical::int8 || physical == Physical::int16); }
};

/// In a number of CompiledNode::reads: it is a work table's slot.
inline constexpr std::uint32_t work_table_bit = 0x80000000u;

struct CompiledNode {
  const plan::Node* node = nullptr;
  std::uint32_t registers = 0;
  std::uint32_t number = 0;            ///< of Materialize: its place in State::shared
  bool depends = false;                ///< reads internal parameters
  std::span<const std::uint32_t> reads;  ///< Materialize: which, and work tables (with work_table_bit)
  bool unique_rows = true;             ///< a Modify's input yields no rowid twice
  const CompiledNode* left = nullptr;  ///< the input, where there is one
  const CompiledNode* right = nullptr;
  std::span<const CompiledNode* const> inputs;
  const Code* condition = nullptr;  ///< filter, residual
  const Code* count = nullptr;      ///< Limit, Sort; percentage of a sample
  const Code* offset = nullptr;     ///< Limit; seed of a sample
  std::span<const Code* const> codes;  ///< expressions, keys, prefix, zones, bindings: by kind
  std::span<const Code* const> more;   ///< right keys, aggregate arguments, returning: by kind
  const Code* low = nullptr;
  const Code* high = nullptr;
  const Code* any_of = nullptr;
  std::span<const StoredColumn> columns;   ///< of scans; of Modify: the written ones
  std::span<const StoredColumn> keys;      ///< of an index
  std::span<const StoredColumn> returned;  ///< Modify's returning_columns
  const void* extra = nullptr;
};

/// One aggregate call: codes of its arguments, filter and order over the input, of direct arguments over the outputs.
struct CompiledAggregate {
  const plan::AggregateCall* call = nullptr;
  const AggregateFunction* function = nullptr;
  std::span<const Code* const> arguments;
  std::span<const Code* const> direct;
  const Code* filter = nullptr;
  std::span<const Code* const> order;
  bool collects() const { return call->distinct || !order.empty(); }
};

/// A call over a window. `aggregate` is null for window functions, which window.hpp knows.
struct CompiledWindowCall {
  const plan::WindowCall* call = nullptr;
  const AggregateFunction* aggregate = nullptr;
  std::span<const Code* const> arguments;
  const Code* filter = nullptr;
};
struct CompiledWindowFrame {
  const plan::WindowFrame* frame = nullptr;
  const Code* start_offset = nullptr;
  const Code* end_offset = nullptr;
};
struct CompiledWindow {
  std::span<const CompiledWindowCall> calls;
  std::span<const CompiledWindowFrame> frames;
};

/// ON CONFLICT DO UPDATE: columns of the row in the way that are read, those that are set, and to what.
struct CompiledConflict {
  std::span<const StoredColumn> existing;
  std::span<const StoredColumn> columns;
  std::span<const Code* const> values;
  const Code* where = nullptr;
};

/// MERGE: an entry for each of Modify::actions.
struct CompiledMerge {
  struct Action {
    const Code* condition = nullptr;
    std::span<const StoredColumn> columns;
    std::span<const Code* const> values;
  };
  std::span<const Action> actions;
};

struct SetCall {
  const Function* function = nullptr;
  const plan::Call* call = nullptr;
  std::span<const Code* const> arguments;
  std::uint32_t columns = 1;
};

struct CompiledPlan {
  const plan::Plan* plan = nullptr;
  const CompiledNode* root = nullptr;
  std::span<const CompiledNode* const> side_writes;  ///< Materialize nodes
  std::uint32_t internal_parameters = 0, work_tables = 0, shared_count = 0, subquery_count = 0;
};

/// Compiles one expression outside of a plan; `registers` counts what its frame needs.
Result<const Code*> compile_expression(const plan::Expr& expr, Arena& arena, const Registry& registry,
                                       std::uint32_t& registers);

}  // namespace spg::exec
