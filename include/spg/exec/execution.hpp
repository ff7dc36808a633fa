// Execution: runs a plan over a View, batch by batch (DESIGN 3, "Executor").
//
// compile() turns a plan's expressions into programs and resolves its functions, once per plan: a CompiledPlan is
// immutable, lives in the arena it was made in (the plan's) and is shared by executions and threads. An Execution is
// the state of one run; it belongs to one session, may be suspended between batches, and holds nothing but memory of
// the context's arena and scans of its view. "Would block" and "must wait" errors pass through: the caller undoes the
// statement and runs it again.
#pragma once
#include <cstdint>

#include "spg/exec/context.hpp"
#include "spg/exec/function.hpp"
#include "spg/plan/node.hpp"

namespace spg::exec {

struct CompiledPlan;

/// 0A000 for a function that the build does not carry, 54001 for expressions nested too deep. Catalog objects are read
/// once, here; the plan and the compiled plan share the catalog stamp.
Result<const CompiledPlan*> compile(const plan::Plan& plan, catalog::Catalog& catalog, Arena& arena,
                                    const Registry& registry = standard_functions());

/// How many counters Measures needs for it.
std::uint32_t node_count(const CompiledPlan& plan);

/// The value of an expression without columns (constant folding, defaults, LIMIT of utility statements). Strings may
/// point into the context's arena.
Result<Value> evaluate_constant(const plan::Expr& expr, const ExecContext& context,
                                const Registry& registry = standard_functions());

/// Whether evaluate_constant could run it: every function that it calls is carried by the build.
bool is_supported(const plan::Expr& expr, const Registry& registry = standard_functions());

struct State;

class Execution {
 public:
  Execution() = default;
  Execution(const Execution&) = delete;
  Execution& operator=(const Execution&) = delete;
  ~Execution() { close(); }

  /// The context is copied; what it refers to must outlive the execution.
  Status open(const CompiledPlan& plan, const ExecContext& context);
  /// compile() and open() in one, in the context's arena.
  Status open(const plan::Plan& plan, const ExecContext& context);
  /// False at the end. The batch lives until the next call. Modify without RETURNING yields no batch.
  Result<bool> next(type::Batch& out);
  /// Starts again from the first row.
  Status rescan();
  /// Of Modify so far.
  std::uint64_t rows_affected() const;
  void close();
  bool is_open() const { return state_ != nullptr; }

 private:
  State* state_ = nullptr;
};

}  // namespace spg::exec
