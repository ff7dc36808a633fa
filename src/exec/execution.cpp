#include "spg/exec/execution.hpp"

#include "operator.hpp"

namespace spg::exec {
namespace {

State* make_state(const ExecContext& context, std::uint32_t parameters, std::uint32_t shared, std::uint32_t tables,
                  std::uint32_t subqueries) {
  Arena& arena = *context.arena;
  State* state = new (arena.allocate(sizeof(State), alignof(State))) State{};
  state->context = context;
  static const type::TextSettings default_settings;
  if (state->context.settings == nullptr) state->context.settings = &default_settings;
  state->arena = &arena;
  state->parameters = arena.array<Value>(parameters);
  for (std::uint32_t i = 0; i < parameters; ++i) new (&state->parameters[i]) Value{};
  state->versions = arena.array<std::uint64_t>(parameters);
  for (std::uint32_t i = 0; i < parameters; ++i) state->versions[i] = 0;
  state->work_table_versions = arena.array<std::uint64_t>(tables);
  for (std::uint32_t i = 0; i < tables; ++i) state->work_table_versions[i] = 0;
  state->shared = arena.array<Operator*>(shared);
  for (std::uint32_t i = 0; i < shared; ++i) state->shared[i] = nullptr;
  state->work_tables = arena.array<Rows*>(tables);
  for (std::uint32_t i = 0; i < tables; ++i) state->work_tables[i] = nullptr;
  state->subqueries = arena.array<SubqueryState>(subqueries);
  for (std::uint32_t i = 0; i < subqueries; ++i) new (&state->subqueries[i]) SubqueryState{};
  return state;
}

void destroy(State* state) {
  for (Operator* op = state->operators; op != nullptr;) {
    Operator* before = op->made_before;
    op->~Operator();
    op = before;
  }
  for (std::uint32_t i = 0; state->plan != nullptr && i < state->plan->subquery_count; ++i)
    if (state->subqueries[i].arena != nullptr) state->subqueries[i].arena->~Arena();
}

/// The last first, as in PostgreSQL: it may read those before it.
Status run_side_writes(State& state) {
  for (; state.side_writes_left != 0; --state.side_writes_left) {
    const CompiledNode& node = *state.plan->side_writes[state.side_writes_left - 1];
    SPG_TRY(run_to_end(*shared_operator(state, node)));
  }
  return ok();
}

}  // namespace

Status Execution::open(const CompiledPlan& plan, const ExecContext& context) {
  close();
  if (context.view != nullptr)
    for (const plan::Plan::TableNeed& need : plan.plan->tables) SPG_TRY(context.view->lock_for_statement(need.table, need.mode));
  State* state =
      make_state(context, plan.internal_parameters, plan.shared_count, plan.work_tables, plan.subquery_count);
  state->plan = &plan;
  state_ = state;
  state->root = make_operator(*state, *plan.root);
  state->side_writes_left = plan.side_writes.size();
  return state->arena->check();
}

std::uint32_t node_count(const CompiledPlan& plan) { return plan.plan->node_count; }

Status Execution::open(const plan::Plan& plan, const ExecContext& context) {
  SPG_ASSIGN(const CompiledPlan* compiled, compile(plan, *context.catalog, *context.arena));
  return open(*compiled, context);
}

Result<bool> Execution::next(type::Batch& out) {
  SPG_DCHECK(state_ != nullptr);
  SPG_TRY(state_->check());
  state_->renew_guards();  // the caller is done with the last batch
  for (;;) {
    SPG_ASSIGN(const bool more, state_->root->next(out));
    if (!more) {
      SPG_TRY(run_side_writes(*state_));
      return false;
    }
    if (out.selected.count != 0) break;
    SPG_TRY(state_->check());
  }
  SPG_TRY(state_->arena->check());
  return true;
}

Status Execution::rescan() {
  state_->root->rescan();
  return ok();
}

std::uint64_t Execution::rows_affected() const { return state_ == nullptr ? 0 : state_->rows_affected; }

void Execution::close() {
  if (state_ == nullptr) return;
  destroy(state_);
  state_ = nullptr;
}

bool is_supported(const plan::Expr& expr, const Registry& registry) {
  MemoryBudget budget;
  Arena arena(budget);
  std::uint32_t registers = 0;
  return compile_expression(expr, arena, registry, registers).has_value();
}

Result<Value> evaluate_constant(const plan::Expr& expr, const ExecContext& context, const Registry& registry) {
  std::uint32_t registers = 0;
  SPG_ASSIGN(const Code* code, compile_expression(expr, *context.arena, registry, registers));
  State* state = make_state(context, 0, 0, 0, 0);
  Frame frame = make_frame(*state, registers, *context.arena);
  SPG_ASSIGN(const Value value, evaluate_row(*code, frame));
  SPG_TRY(context.arena->check());
  return own_value(value, *context.arena);
}

}  // namespace spg::exec
