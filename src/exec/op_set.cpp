// Set-returning functions: in FROM (FunctionScan) and in the select list (ProjectSet).
#include <algorithm>

#include "operator.hpp"
#include "spg/type/io.hpp"

namespace spg::exec {
namespace {

/// Rows under construction: flat columns of up to batch_rows_max values.
class RowBuilder {
 public:
  void start(std::span<const Physical> types, Arena& arena) {
    types_ = types;
    columns_ = {arena.array<Vector>(types.size() + 1), types.size()};
    validity_ = arena.array<std::uint64_t*>(types.size() + 1);
    for (std::size_t c = 0; c < types.size(); ++c) {
      validity_[c] = arena.array<std::uint64_t>(type::batch_words);
      std::memset(validity_[c], 0xff, type::batch_words * 8);
      void* values = arena.allocate(type::physical_bytes(types[c]) * type::batch_rows_max);
      columns_[c] = {types[c], Vector::Form::flat, values, nullptr, nullptr};
    }
    rows_ = 0;
  }
  void set(std::size_t c, const Value& value) {
    const std::size_t bytes = type::physical_bytes(types_[c]);
    auto* to = static_cast<std::byte*>(const_cast<void*>(columns_[c].values)) + rows_ * bytes;
    if (value.is_null) {
      clear_bit(validity_[c], rows_);
      columns_[c].validity = validity_[c];
      std::memset(to, 0, bytes);
    } else {
      copy_value(to, value.bytes, bytes);
    }
  }
  void end_row() { ++rows_; }
  bool full() const { return rows_ == type::batch_rows_max; }
  std::uint32_t rows() const { return rows_; }
  Batch batch() const { return {columns_, rows_, {nullptr, rows_}}; }

 private:
  std::span<const Physical> types_;
  std::span<Vector> columns_;
  std::uint64_t** validity_ = nullptr;
  std::uint32_t rows_ = 0;
};

/// A set-returning call in progress; an ordinary call yields one row.
struct RunningSet {
  void* state = nullptr;
  bool done = false, single = false;
  Value value;  ///< of an ordinary call
};
Result<RunningSet> open_set(const SetCall& call, Frame& frame, std::uint32_t row, Arena& arena) {
  RunningSet result;
  std::span<Value> values{arena.array<Value>(call.arguments.size() + 1), call.arguments.size()};
  for (std::size_t i = 0; i < values.size(); ++i) {
    SPG_ASSIGN(const Value value, evaluate_row(*call.arguments[i], frame, row));
    values[i] = own_value(value, arena);
  }
  FunctionContext context{frame.state->context, arena, call.call, call.call->arguments};
  if (call.function->set.open != nullptr) {
    SPG_ASSIGN(result.state, call.function->set.open(context, values));
    return result;
  }
  result.single = true;
  bool null = false;
  std::span<Vector> vectors{arena.array<Vector>(values.size() + 1), values.size()};
  for (std::size_t i = 0; i < values.size(); ++i) {
    vectors[i] = values[i].vector();
    null = null || values[i].is_null;
  }
  const Physical physical =
      call.call->physical == Physical::none ? type::physical_of(call.call->type) : call.call->physical;
  result.value = Value::null_of(physical);
  if (null && !call.function->sees_nulls) return result;
  std::uint64_t validity = ~std::uint64_t{0};
  KernelCall kernel{context, vectors, {nullptr, 1}, result.value.bytes, &validity};
  SPG_TRY(call.function->kernel(kernel));
  result.value.is_null = (validity & 1) == 0;
  return result;
}
/// Fills `columns`; false at the end.
Result<bool> next_row(const SetCall& call, RunningSet& set, Frame& frame, Arena& arena, std::span<Value> columns) {
  if (set.done) return false;
  if (set.single) {
    columns[0] = set.value;
    set.done = true;
    return true;
  }
  FunctionContext context{frame.state->context, arena, call.call, call.call->arguments};
  SPG_ASSIGN(const bool more, call.function->set.next(context, set.state, columns));
  set.done = !more;
  return more;
}

std::span<const Physical> output_types(State& state, std::span<const plan::OutputColumn> outputs) {
  auto* result = state.arena->array<Physical>(outputs.size() + 1);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    result[i] = outputs[i].physical == Physical::none ? type::physical_of(outputs[i].type) : outputs[i].physical;
  return {result, outputs.size()};
}

class FunctionScanOp final : public Operator {
 public:
  FunctionScanOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        set_arena_(state.arena->budget()),
        calls_(static_cast<const SetCall*>(node.extra)),
        count_(plan_node<plan::FunctionScan>().functions.size()),
        sets_(state.arena->array<RunningSet>(count_ + 1)),
        types_(output_types(state, node.node->outputs)),
        values_(state.arena->array<Value>(types_.size() + 1)) {}
  Result<bool> next(Batch& out) override {
    if (!started_) SPG_TRY(start());
    if (done_) return false;
    begin_batch();
    SPG_TRY(state_.check());
    RowBuilder rows;
    rows.start(types_, batch_arena_);
    while (!rows.full()) {
      bool any = false;
      std::size_t column = 0;
      for (std::size_t i = 0; i < count_; ++i) {
        const std::span<Value> to{values_ + column, calls_[i].columns};
        SPG_ASSIGN(const bool more, next_row(calls_[i], sets_[i], frame_, set_arena_, to));
        // Shorter ones are filled up with NULLs.
        for (std::size_t c = 0; c < to.size(); ++c) {
          if (!more) to[c] = Value::null_of(types_[column + c]);
        }
        any = any || more;
        column += calls_[i].columns;
      }
      if (!any) {
        done_ = true;
        break;
      }
      ++ordinal_;
      if (column < types_.size()) values_[column] = Value::of(Physical::int8, ordinal_);
      for (std::size_t c = 0; c < types_.size(); ++c) rows.set(c, values_[c]);
      rows.end_row();
    }
    SPG_TRY(set_arena_.check());
    if (rows.rows() == 0) return false;
    out = rows.batch();
    return true;
  }
  void rescan() override { started_ = false; }

 private:
  Status start() {
    started_ = true;
    done_ = false;
    ordinal_ = 0;
    set_arena_.reset();
    set_single_row(frame_);
    for (std::size_t i = 0; i < count_; ++i) { SPG_ASSIGN(sets_[i], open_set(calls_[i], frame_, 0, set_arena_)); }
    return ok();
  }
  Arena set_arena_;
  const SetCall* calls_;
  std::size_t count_;
  RunningSet* sets_;
  std::span<const Physical> types_;
  Value* values_;
  std::int64_t ordinal_ = 0;
  bool started_ = false, done_ = false;
};

/// For each input row as many rows as its longest set-returning call yields; shorter ones are filled up with NULLs.
class ProjectSetOp final : public Operator {
 public:
  ProjectSetOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        input_arena_(state.arena->budget()),
        set_arena_(state.arena->budget()),
        calls_(static_cast<const SetCall*>(node.extra)),
        count_(node.codes.size()),
        sets_(state.arena->array<RunningSet>(count_ + 1)),
        plain_(state.arena->array<Vector>(count_ + 1)),
        types_(output_types(state, node.node->outputs)),
        values_(state.arena->array<Value>(count_ + 1)) {}
  Result<bool> next(Batch& out) override {
    begin_batch();
    RowBuilder rows;
    rows.start(types_, batch_arena_);
    while (!rows.full()) {
      SPG_TRY(state_.check());
      if (!has_input_) {
        if (rows.rows() != 0) break;  // what was built may point to memory of this input
        SPG_ASSIGN(const bool more, take_input());
        if (!more) break;
      }
      SPG_TRY(expand(rows));
    }
    SPG_TRY(set_arena_.check());
    if (rows.rows() == 0) return false;
    out = rows.batch();
    return true;
  }
  void rescan() override {
    has_input_ = in_row_ = false;
    input_->rescan();
  }

 private:
  Result<bool> take_input() {
    Batch batch;
    do {
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) return false;
    } while (batch.selected.count == 0);
    input_arena_.reset();
    set_arena_.reset();
    see(copy_batch(batch, input_arena_, true));
    Arena* batch_memory = frame_.arena;
    frame_.arena = &input_arena_;  // plain values live as long as the input
    for (std::size_t i = 0; i < count_; ++i)
      if (node_.codes[i] != nullptr) SPG_TRY(evaluate(*node_.codes[i], frame_, frame_.input.selected, plain_[i]));
    frame_.arena = batch_memory;
    has_input_ = true;
    in_row_ = false;
    at_ = 0;
    return true;
  }
  Status expand(RowBuilder& rows) {
    for (; at_ < frame_.input.rows; ++at_, in_row_ = false) {
      if (!in_row_) {
        in_row_ = true;
        for (std::size_t i = 0; i < count_; ++i)
          if (node_.codes[i] == nullptr) { SPG_ASSIGN(sets_[i], open_set(calls_[i], frame_, at_, set_arena_)); }
      }
      for (;;) {
        if (rows.full()) return ok();
        bool any = false;
        for (std::size_t i = 0; i < count_; ++i) {
          if (node_.codes[i] != nullptr) continue;
          SPG_ASSIGN(const bool more, next_row(calls_[i], sets_[i], frame_, set_arena_, {&values_[i], 1}));
          if (!more) values_[i] = Value::null_of(types_[i]);
          any = any || more;
        }
        if (!any) break;
        for (std::size_t i = 0; i < count_; ++i)
          rows.set(i, node_.codes[i] != nullptr ? type::value_of(plain_[i], at_) : values_[i]);
        rows.end_row();
      }
    }
    has_input_ = false;
    return ok();
  }

  Operator* input_;
  Arena input_arena_, set_arena_;
  const SetCall* calls_;
  std::size_t count_;
  RunningSet* sets_;
  Vector* plain_;
  std::span<const Physical> types_;
  Value* values_;
  std::uint32_t at_ = 0;
  bool has_input_ = false, in_row_ = false;
};

}  // namespace

Operator* make_function_scan(State& state, const CompiledNode& node) {
  return new_operator<FunctionScanOp>(state, node);
}
Operator* make_project_set(State& state, const CompiledNode& node) { return new_operator<ProjectSetOp>(state, node); }

}  // namespace spg::exec
