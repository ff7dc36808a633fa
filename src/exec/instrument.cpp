// EXPLAIN ANALYZE: an operator around each other one, which counts what that yields and how long it takes. Without ANALYZE
// there are none.
#include "operator.hpp"

namespace spg::exec {
namespace {

class MeasuredOp final : public Operator {
 public:
  MeasuredOp(State& state, const CompiledNode& node, Operator* inner)
      : Operator(state, node), inner_(inner), measures_(*state.context.measures), counters_(measures_.counters[node.node->id]) {}

  Result<bool> next(Batch& out) override {
    const std::uint64_t before = now();
    auto more = inner_->next(out);
    const double took_ms = static_cast<double>(now() - before) / 1e6;
    if (!is_running_) {
      is_running_ = true;
      waits_for_row_ = true;
      loop_ms_ = 0;
      ++counters_.loops;
    }
    loop_ms_ += took_ms;
    counters_.total_ms += took_ms;
    const bool has_rows = more && *more && out.selected.count != 0;
    if (waits_for_row_ && (has_rows || !more || !*more)) {
      waits_for_row_ = false;
      counters_.start_ms += loop_ms_;
    }
    if (has_rows) counters_.rows += out.selected.count;
    return more;
  }
  void rescan() override {
    is_running_ = false;
    inner_->rescan();
  }

 private:
  std::uint64_t now() const { return measures_.timing ? measures_.now_ns(measures_.clock) : 0; }

  Operator* inner_;
  const Measures& measures_;
  plan::NodeCounters& counters_;
  bool is_running_ = false, waits_for_row_ = false;
  double loop_ms_ = 0;
};

}  // namespace

Operator* measured(State& state, const CompiledNode& node, Operator* inner) {
  return new_operator<MeasuredOp>(state, node, inner);
}

}  // namespace spg::exec
