// Operators that work row by row on what their input yields: filter, project, limit, append.
#include "operator.hpp"
#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

class FilterOp final : public Operator {
 public:
  FilterOp(State& state, const CompiledNode& node) : Operator(state, node), input_(make_operator(state, *node.left)) {}
  Result<bool> next(Batch& out) override {
    for (;;) {
      SPG_ASSIGN(const bool more, input_->next(out));
      if (!more) return false;
      begin_batch();
      see(out);
      if (capacity_ < out.rows) {
        capacity_ = out.rows == 1 ? 1 : type::batch_rows_max;
        rows_ = state_.arena->array<std::uint16_t>(capacity_);
      }
      const std::uint32_t before = out.selected.count;
      SPG_TRY(filter_rows(*node_.condition, frame_, out.selected, rows_, out.selected));
      if (plan::NodeCounters* did = counters()) did->removed_by_filter += before - out.selected.count;
      if (out.selected.count != 0) return true;
    }
  }
  void rescan() override { input_->rescan(); }

 private:
  Operator* input_;
  std::uint16_t* rows_ = nullptr;
  std::size_t capacity_ = 0;
};

class ProjectOp final : public Operator {
 public:
  ProjectOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(node.left == nullptr ? nullptr : make_operator(state, *node.left)),
        columns_(state.arena->array<Vector>(node.codes.size() + 1), node.codes.size()) {}
  Result<bool> next(Batch& out) override {
    Batch batch;
    if (input_ != nullptr) {
      do {
        SPG_ASSIGN(const bool more, input_->next(batch));
        if (!more) return false;
      } while (batch.selected.count == 0);
    } else {
      if (done_) return false;
      done_ = true;
      batch = {{}, 1, {nullptr, 1}};
    }
    begin_batch();
    see(batch);
    for (std::size_t i = 0; i < columns_.size(); ++i)
      SPG_TRY(evaluate(*node_.codes[i], frame_, batch.selected, columns_[i]));
    out = {columns_, batch.rows, batch.selected};
    return true;
  }
  void rescan() override {
    done_ = false;
    if (input_ != nullptr) input_->rescan();
  }

 private:
  Operator* input_;
  std::span<Vector> columns_;
  bool done_ = false;
};

class LimitOp final : public Operator {
 public:
  LimitOp(State& state, const CompiledNode& node)
      : Operator(state, node), input_(make_operator(state, *node.left)), last_arena_(state.arena->budget()) {}
  Result<bool> next(Batch& out) override {
    if (!started_) SPG_TRY(start());
    while (left_ != 0 || (with_ties_ && !ties_over_)) {
      SPG_ASSIGN(const bool more, input_->next(out));
      if (!more) return false;
      SPG_TRY(state_.check());
      if (skip_ != 0) {
        const auto skipped = static_cast<std::uint32_t>(skip_ < out.selected.count ? skip_ : out.selected.count);
        skip_ -= skipped;
        drop_first(out, skipped);
      }
      if (out.selected.count == 0) continue;
      if (left_ == 0) {
        keep_ties(out, 0);
      } else if (out.selected.count < left_) {
        left_ -= out.selected.count;
        if (with_ties_) remember(out, out.selected.count - 1);
      } else {
        const auto taken = static_cast<std::uint32_t>(left_);
        left_ = 0;
        if (with_ties_) {
          remember(out, taken - 1);
          keep_ties(out, taken);
        } else out.selected.count = taken;
      }
      if (out.selected.count != 0) return true;
    }
    return false;
  }
  void rescan() override {
    started_ = false;
    input_->rescan();
  }

 private:
  Status start() {
    started_ = true;
    ties_over_ = false;
    left_ = UINT64_MAX;
    skip_ = 0;
    with_ties_ = plan_node<plan::Limit>().with_ties;
    begin_batch();
    if (node_.offset != nullptr) {
      SPG_ASSIGN(const Value value, constant(*node_.offset));
      if (!value.is_null && value.as<std::int64_t>() < 0)
        return Error::make(sqlstate::invalid_row_count_in_result_offset_clause, "OFFSET must not be negative");
      if (!value.is_null) skip_ = static_cast<std::uint64_t>(value.as<std::int64_t>());
    }
    if (node_.count != nullptr) {
      SPG_ASSIGN(const Value value, constant(*node_.count));
      if (!value.is_null && value.as<std::int64_t>() < 0)
        return Error::make(sqlstate::invalid_row_count_in_limit_clause, "LIMIT must not be negative");
      if (value.is_null && with_ties_)
        return Error::make(sqlstate::invalid_row_count_in_limit_clause,
                           "row count cannot be null in FETCH FIRST ... WITH TIES clause");
      if (!value.is_null) left_ = static_cast<std::uint64_t>(value.as<std::int64_t>());
    }
    if (left_ == 0) ties_over_ = true;
    return ok();
  }
  void drop_first(Batch& batch, std::uint32_t count) {
    if (count == 0) return;
    const std::uint32_t rest = batch.selected.count - count;
    if (batch.selected.rows != nullptr) {
      batch.selected = {batch.selected.rows + count, rest};
      return;
    }
    if (rows_ == nullptr) rows_ = state_.arena->array<std::uint16_t>(type::batch_rows_max);
    for (std::uint32_t i = 0; i < rest; ++i) rows_[i] = static_cast<std::uint16_t>(count + i);
    batch.selected = {rows_, rest};
  }
  /// The sort keys of the last row counted; rows equal to it still belong.
  std::span<const plan::SortKey> keys() const {
    const plan::Node& input = *plan_node<plan::Limit>().input;
    return input.kind == plan::NodeKind::sort ? std::span<const plan::SortKey>(plan::as<plan::Sort>(input).keys)
                                              : std::span<const plan::SortKey>();
  }
  void remember(const Batch& batch, std::uint32_t index) {
    last_arena_.reset();
    last_ = last_arena_.array<Value>(keys().size() + 1);
    for (std::size_t k = 0; k < keys().size(); ++k)
      last_[k] = own_value(type::value_of(batch.columns[keys()[k].column], batch.selected[index]), last_arena_);
  }
  void keep_ties(Batch& batch, std::uint32_t from) {
    std::uint32_t kept = from;
    for (; kept < batch.selected.count; ++kept) {
      bool same = true;
      for (std::size_t k = 0; k < keys().size() && same; ++k) {
        const Value value = type::value_of(batch.columns[keys()[k].column], batch.selected[kept]);
        const Oid type = plan_node<plan::Limit>().input->outputs[keys()[k].column].type;
        same = value.is_null == last_[k].is_null && (value.is_null || type::compare(type, value, last_[k]) == 0);
      }
      if (!same) {
        ties_over_ = true;
        break;
      }
    }
    batch.selected.count = kept;
  }

  Operator* input_;
  Arena last_arena_;
  Value* last_ = nullptr;
  std::uint64_t left_ = 0, skip_ = 0;
  bool started_ = false, with_ties_ = false, ties_over_ = false;
  std::uint16_t* rows_ = nullptr;
};

class AppendOp final : public Operator {
 public:
  AppendOp(State& state, const CompiledNode& node)
      : Operator(state, node), inputs_(state.arena->array<Operator*>(node.inputs.size() + 1)) {
    for (std::size_t i = 0; i < node.inputs.size(); ++i) inputs_[i] = make_operator(state, *node.inputs[i]);
  }
  Result<bool> next(Batch& out) override {
    for (; at_ < node_.inputs.size(); ++at_) {
      SPG_ASSIGN(const bool more, inputs_[at_]->next(out));
      if (more) return true;
    }
    return false;
  }
  void rescan() override {
    at_ = 0;
    for (std::size_t i = 0; i < node_.inputs.size(); ++i) inputs_[i]->rescan();
  }

 private:
  Operator** inputs_;
  std::size_t at_ = 0;
};

}  // namespace

Operator* make_filter(State& state, const CompiledNode& node) { return new_operator<FilterOp>(state, node); }
Operator* make_project(State& state, const CompiledNode& node) { return new_operator<ProjectOp>(state, node); }
Operator* make_limit(State& state, const CompiledNode& node) { return new_operator<LimitOp>(state, node); }
Operator* make_append(State& state, const CompiledNode& node) { return new_operator<AppendOp>(state, node); }

}  // namespace spg::exec
