// MERGE: of the actions that fit a row of the join, the first is done.
//
// Rows of a batch that get the same action are written together. Where one action may free or take the key that another
// wants, only neighbours are, so that all is done in the order of the rows.
#include "modify.hpp"

namespace spg::exec {
namespace {

class MergeOp final : public ModifyOp {
 public:
  MergeOp(State& state, const CompiledNode& node)
      : ModifyOp(state, node), actions_(*static_cast<const CompiledMerge*>(node.extra)) {}

 private:
  using Action = plan::Modify::Action;

  Status write(const Batch& batch) override {
    see(batch);
    auto* chosen = batch_arena_.array<std::uint16_t>(batch.rows + 1);
    SPG_TRY(choose(batch, chosen));
    if (!node().in_order) {
      for (std::uint16_t action = 0; action < node().actions.size(); ++action)
        SPG_TRY(perform(batch, action, those_of(batch.selected, chosen, action)));
      return ok();
    }
    for (std::uint32_t begin = 0, end = 0; begin < batch.selected.count; begin = end) {
      const std::uint16_t action = chosen[batch.selected[begin]];
      while (end < batch.selected.count && chosen[batch.selected[end]] == action) ++end;
      if (action == node().actions.size()) continue;
      const Selection run = part(batch.selected, begin, end);
      SPG_TRY(perform(batch, action, run));
    }
    return ok();
  }

  /// The number of each row's action; that of no action is one more than the last.
  Status choose(const Batch& batch, std::uint16_t* chosen) {
    const std::span<const Action> actions = node().actions;
    const auto none = static_cast<std::uint16_t>(actions.size());
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) chosen[batch.selected[i]] = none;
    const Vector& ids = batch.columns[0];
    for (std::uint16_t at = 0; at < none; ++at) {
      auto* rows = batch_arena_.array<std::uint16_t>(batch.selected.count);
      std::uint32_t count = 0;
      for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
        const std::uint32_t row = batch.selected[i];
        if (chosen[row] == none && ids.is_null(row) != actions[at].matched)
          rows[count++] = static_cast<std::uint16_t>(row);
      }
      Selection fitting{rows, count};
      if (count == 0) continue;
      if (actions_.actions[at].condition != nullptr)
        SPG_TRY(filter_rows(*actions_.actions[at].condition, frame_, fitting, batch_arena_.array<std::uint16_t>(count),
                            fitting));
      for (std::uint32_t i = 0; i < fitting.count; ++i) chosen[fitting[i]] = at;
    }
    return ok();
  }

  Selection those_of(Selection rows, const std::uint16_t* chosen, std::uint16_t action) {
    auto* kept = batch_arena_.array<std::uint16_t>(rows.count);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rows.count; ++i)
      if (chosen[rows[i]] == action) kept[count++] = static_cast<std::uint16_t>(rows[i]);
    return {kept, count};
  }
  Selection part(Selection rows, std::uint32_t begin, std::uint32_t end) {
    auto* kept = batch_arena_.array<std::uint16_t>(end - begin);
    for (std::uint32_t i = begin; i < end; ++i) kept[i - begin] = static_cast<std::uint16_t>(rows[i]);
    return {kept, end - begin};
  }

  Status perform(const Batch& batch, std::uint16_t at, Selection rows) {
    const Action& action = node().actions[at];
    if (!action.writes || rows.count == 0) return ok();
    SPG_TRY(batch_arena_.check());
    const CompiledMerge::Action& how = actions_.actions[at];
    Targets to;
    if (action.op != plan::Modify::Op::insert) { SPG_ASSIGN(to, once(batch, rows)); }
    auto* values = batch_arena_.array<Vector>(how.values.size() + 1);
    for (std::size_t i = 0; i < how.values.size(); ++i) SPG_TRY(evaluate(*how.values[i], frame_, rows, values[i]));
    const Written written{action.op, how.columns, values, batch.rows};
    count_rows(rows.count);
    switch (action.op) {
      case plan::Modify::Op::insert: return insert_rows(written, action, rows);
      case plan::Modify::Op::update: return update_rows(written, action, rows, to);
      default: return state_.context.view->remove(node().table, to.rowids);
    }
  }

  /// The rows of the target, which the statement must not have written before.
  Result<Targets> once(const Batch& batch, Selection rows) {
    auto* rowids = batch_arena_.array<std::uint64_t>(rows.count);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      rowids[i] = batch.columns[0].value<std::uint64_t>(rows[i]);
      if (written_.add(rowids[i])) continue;
      return Error::make(sqlstate::cardinality_violation, "MERGE command cannot affect row a second time")
          .hint("Ensure that not more than one source row matches any one target row.");
    }
    return in_order({rowids, rows.count}, rows);
  }

  Status insert_rows(const Written& written, const Action& action, Selection rows) {
    SPG_TRY(check_not_null(written, action.not_null, rows, {}));
    SPG_ASSIGN(const auto inputs, stored_inputs(written, rows));
    txn::Conflict conflict;
    SPG_TRY(state_.context.view->insert(node().table, inputs, rows, conflict).status());
    return conflict.found() ? unique_violation(conflict, written, rows, {}) : ok();
  }

  Status update_rows(const Written& written, const Action& action, Selection rows, const Targets& to) {
    SPG_TRY(check_not_null(written, action.not_null, to.rows, to.rowids));
    SPG_ASSIGN(const auto inputs, stored_inputs(written, rows));
    txn::Conflict conflict;
    SPG_TRY(state_.context.view->update(node().table, to.rowids, inputs, to.rows, conflict));
    return conflict.found() ? unique_violation(conflict, written, to.rows, to.rowids) : ok();
  }

  const CompiledMerge& actions_;
};

}  // namespace

Operator* make_merge(State& state, const CompiledNode& node) { return new_operator<MergeOp>(state, node); }

}  // namespace spg::exec
