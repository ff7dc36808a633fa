// Rows that are kept: materialised inputs, CTEs, recursion, and subqueries in expressions.
#include "group_table.hpp"
#include "operator.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"

namespace spg::exec {
namespace {

/// Keeps what its input yields. Readers (the node itself, and CteScans) go through read(), each with its own place.
class MaterializeOp final : public Operator {
 public:
  MaterializeOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        rows_arena_(state.arena->budget()),
        rows_(rows_arena_),
        versions_(state.arena->array<std::uint64_t>(node.reads.size() + 1)) {}
  Result<bool> next(Batch& out) override { return read(at_, out); }
  void rescan() override {
    at_ = 0;
    restart();
  }

  /// The chunk number `at`, reading on as far as needed.
  Result<bool> read(std::size_t& at, Batch& out) {
    if (at == 0) restart();
    while (!complete_ && at + 1 >= rows_.chunk_count()) {
      SPG_TRY(state_.check());
      Batch batch;
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) {
        complete_ = true;
        break;
      }
      rows_.append(batch);
      SPG_TRY(rows_arena_.check());
    }
    if (at >= rows_.chunk_count()) return false;
    const Batch chunk = rows_.chunk(at++);
    // The chunk's vectors are named anew: the last chunk may still grow for another reader.
    begin_batch();
    std::span<Vector> columns{batch_arena_.array<Vector>(chunk.columns.size() + 1), chunk.columns.size()};
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c] = chunk.columns[c];
    out = {columns, chunk.rows, chunk.selected};
    return true;
  }
  /// What nobody has read is not kept.
  Status run_to_end() {
    while (!complete_) {
      SPG_TRY(state_.check());
      Batch batch;
      SPG_ASSIGN(const bool more, input_->next(batch));
      complete_ = !more;
    }
    return ok();
  }
  /// A reader starts again: with other parameters than before, the rows are others.
  void restart() {
    bool is_changed = false;
    for (std::size_t i = 0; i < node_.reads.size(); ++i) {
      const std::uint32_t read = node_.reads[i], slot = read & ~work_table_bit;
      const std::uint64_t now = read == slot ? state_.versions[read] : state_.work_table_versions[slot];
      is_changed = is_changed || versions_[i] != now;
      versions_[i] = now;
    }
    if (is_changed && is_filled_) reset();
    is_filled_ = true;
  }

 private:
  void reset() {
    rows_.clear();
    rows_arena_.reset();
    complete_ = false;
    at_ = 0;
    input_->rescan();
  }
  Operator* input_;
  Arena rows_arena_;
  Rows rows_;
  bool complete_ = false;
  std::size_t at_ = 0;
  std::uint64_t* versions_;  ///< of what it reads, when it was filled
  bool is_filled_ = false;   ///< from then on, at least in part
};

class CteScanOp final : public Operator {
 public:
  CteScanOp(State& state, const CompiledNode& node)
      : Operator(state, node), source_(static_cast<MaterializeOp*>(shared_operator(state, *node.left))) {}
  Result<bool> next(Batch& out) override {
    SPG_ASSIGN(const bool more, source_->read(at_, out));
    if (!more) return false;
    // Two scans of one CTE may be open at once: the vectors are this scan's own.
    begin_batch();
    std::span<Vector> columns{batch_arena_.array<Vector>(out.columns.size() + 1), out.columns.size()};
    for (std::size_t c = 0; c < columns.size(); ++c) columns[c] = out.columns[c];
    out.columns = columns;
    return true;
  }
  void rescan() override {
    at_ = 0;
    source_->restart();
  }

 private:
  MaterializeOp* source_;
  std::size_t at_ = 0;
};

/// Yields the initial rows, then what the step makes of the rows of the round before, until a round yields none.
class RecursiveUnionOp final : public Operator {
 public:
  RecursiveUnionOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        initial_(make_operator(state, *node.left)),
        step_(make_operator(state, *node.right)),
        arenas_{Arena(state.arena->budget()), Arena(state.arena->budget())},
        table_arena_(state.arena->budget()) {
    const auto outputs = node.node->outputs;
    auto* types = state.arena->array<KeyType>(outputs.size() + 1);
    for (std::size_t i = 0; i < outputs.size(); ++i) new (&types[i]) KeyType(KeyType::of(outputs[i].type));
    types_ = {types, outputs.size()};
  }
  Result<bool> next(Batch& out) override {
    if (!started_) start();
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, (in_step_ ? step_ : initial_)->next(out));
      if (!more) {
        if (round_->empty()) return false;
        // The rows of this round become the work table, and a new round begins.
        state_.work_tables[plan_node<plan::RecursiveUnion>().slot] = round_;
        current_ ^= 1;
        arenas_[current_].reset();
        new_round();
        in_step_ = true;
        state_.work_table_versions[plan_node<plan::RecursiveUnion>().slot] = ++state_.epoch;
        step_->rescan();
        continue;
      }
      if (!plan_node<plan::RecursiveUnion>().all && out.selected.count != 0) {
        std::uint32_t groups[type::batch_rows_max];
        SPG_TRY(table_->add(out.columns, out.rows, out.selected, groups));
        SPG_TRY(table_arena_.check());
        out.selected = table_->added();
      }
      if (out.selected.count == 0) continue;
      round_->append(out);
      SPG_TRY(arenas_[current_].check());
      return true;
    }
  }
  void rescan() override {
    started_ = false;
    initial_->rescan();
  }

 private:
  void start() {
    started_ = true;
    in_step_ = false;
    current_ = 0;
    arenas_[0].reset();
    arenas_[1].reset();
    table_arena_.reset();
    table_ = new (table_arena_.allocate(sizeof(GroupTable), alignof(GroupTable))) GroupTable(table_arena_, types_, state_.context.host);
    new_round();
  }
  void new_round() { round_ = new (arenas_[current_].allocate(sizeof(Rows), alignof(Rows))) Rows(arenas_[current_]); }

  Operator* initial_;
  Operator* step_;
  Arena arenas_[2];
  Arena table_arena_;
  GroupTable* table_ = nullptr;
  std::span<const KeyType> types_;
  Rows* round_ = nullptr;
  int current_ = 0;
  bool started_ = false, in_step_ = false;
};

class WorkTableOp final : public Operator {
 public:
  using Operator::Operator;
  Result<bool> next(Batch& out) override {
    const Rows* rows = state_.work_tables[plan_node<plan::WorkTable>().slot];
    if (rows == nullptr || at_ >= rows->chunk_count()) return false;
    out = rows->chunk(at_++);
    return true;
  }
  void rescan() override { at_ = 0; }

 private:
  std::size_t at_ = 0;
};

// --- subqueries -----------------------------------------------------------------------------------------------------

/// The batch of the rows that a subquery is asked for is in use as long as it runs.
class HeldBatch {
 public:
  explicit HeldBatch(State& state) : state_(state) { ++state_.held_batches; }
  ~HeldBatch() { --state_.held_batches; }
  HeldBatch(const HeldBatch&) = delete;
  HeldBatch& operator=(const HeldBatch&) = delete;

 private:
  State& state_;
};

SubqueryState& state_of(const CompiledSubquery& sub, State& state) {
  SubqueryState& result = state.subqueries[sub.number];
  if (result.root == nullptr) {
    result.root = make_operator(state, *sub.node);
    result.arena = new (state.arena->allocate(sizeof(Arena), alignof(Arena))) Arena(state.arena->budget());
  }
  return result;
}

Result<Value> scalar_value(SubqueryState& sub, Physical physical) {
  Value result = Value::null_of(physical);
  bool found = false;
  Batch batch;
  for (;;) {
    SPG_ASSIGN(const bool more, sub.root->next(batch));
    if (!more) return result;
    if (batch.selected.count == 0) continue;
    if (found || batch.selected.count > 1)
      return Error::make(sqlstate::cardinality_violation,
                         "more than one row returned by a subquery used as an expression");
    found = true;
    result = own_value(type::value_of(batch.columns[0], batch.selected[0]), *sub.arena);
  }
}
Result<Value> exists_value(SubqueryState& sub) {
  Batch batch;
  for (;;) {
    SPG_ASSIGN(const bool more, sub.root->next(batch));
    if (!more) return Value::of(Physical::boolean, std::uint8_t{0});
    if (batch.selected.count != 0) return Value::of(Physical::boolean, std::uint8_t{1});
  }
}
Result<Value> array_value(SubqueryState& sub, Oid array_type) {
  Vec<Value> values(*sub.arena);
  Batch batch;
  for (;;) {
    SPG_ASSIGN(const bool more, sub.root->next(batch));
    if (!more) break;
    for (std::uint32_t i = 0; i < batch.selected.count; ++i)
      values.push_back(own_value(type::value_of(batch.columns[0], batch.selected[i]), *sub.arena));
    SPG_TRY(sub.arena->check());
  }
  const type::TypeInfo* type = type::find_type(array_type);
  const type::ArrayDimension dimension{static_cast<std::int32_t>(values.size()), 1};
  SPG_ASSIGN(const StringRef made,
             type::make_array(type == nullptr ? Oid::none : type->element,
                              {&dimension, values.empty() ? std::size_t{0} : 1}, values.span(), *sub.arena));
  return Value::of(Physical::string, made);
}

/// ANY and ALL: the test over each row of the subquery, until one decides. The subquery's rows are kept when they do
/// not depend on the outer row.
Result<Value> any_all_value(const CompiledSubquery& how, SubqueryState& sub, Frame& frame, std::uint32_t row) {
  State& state = *frame.state;
  const bool any = how.expr->form == plan::SubqueryExpr::Form::any;
  bool met_null = false, decided = false;
  const auto test = [&](const Batch& batch) -> Status {
    for (std::uint32_t i = 0; i < batch.selected.count && !decided; ++i) {
      for (std::size_t c = 0; c < batch.columns.size(); ++c)
        state.set_parameter(how.expr->first_row_param + static_cast<std::uint32_t>(c),
                            type::value_of(batch.columns[c], batch.selected[i]));
      SPG_ASSIGN(const Value verdict, evaluate_row(*how.test, frame, row));
      if (verdict.is_null) met_null = true;
      else decided = (verdict.as<std::uint8_t>() != 0) == any;
    }
    return ok();
  };
  if (sub.rows != nullptr) {
    for (std::size_t i = 0; i < sub.rows->chunk_count() && !decided; ++i) SPG_TRY(test(sub.rows->chunk(i)));
  } else {
    Batch batch;
    while (!decided) {
      SPG_TRY(state.check());
      SPG_ASSIGN(const bool more, sub.root->next(batch));
      if (!more) break;
      SPG_TRY(test(batch));
    }
  }
  if (!decided && met_null) return Value::null_of(Physical::boolean);
  return Value::of(Physical::boolean, static_cast<std::uint8_t>(decided == any));
}

/// (a, b) = (SELECT ...): the test over the only row of the subquery.
Result<Value> row_value(const CompiledSubquery& how, SubqueryState& sub, Frame& frame, std::uint32_t row) {
  Value result = Value::null_of(Physical::boolean);
  bool found = false;
  const auto test = [&](const Batch& batch) -> Status {
    if (batch.selected.count == 0) return ok();
    if (found || batch.selected.count > 1)
      return Error::make(sqlstate::cardinality_violation,
                         "more than one row returned by a subquery used as an expression");
    found = true;
    for (std::size_t c = 0; c < batch.columns.size(); ++c)
      frame.state->set_parameter(how.expr->first_row_param + static_cast<std::uint32_t>(c),
                                 type::value_of(batch.columns[c], batch.selected[0]));
    SPG_ASSIGN(result, evaluate_row(*how.test, frame, row));
    return ok();
  };
  if (sub.rows != nullptr) {
    for (std::size_t i = 0; i < sub.rows->chunk_count(); ++i) SPG_TRY(test(sub.rows->chunk(i)));
    return result;
  }
  Batch batch;
  for (;;) {
    SPG_ASSIGN(const bool more, sub.root->next(batch));
    if (!more) return result;
    SPG_TRY(test(batch));
  }
}

/// The value for one row, or for all rows when nothing is bound.
Result<Value> subquery_value(const Code& code, SubqueryState& sub, Frame& frame, std::uint32_t row) {
  switch (code.subquery->expr->form) {
    case plan::SubqueryExpr::Form::scalar: return scalar_value(sub, code.physical);
    case plan::SubqueryExpr::Form::exists: return exists_value(sub);
    case plan::SubqueryExpr::Form::row: return row_value(*code.subquery, sub, frame, row);
    case plan::SubqueryExpr::Form::array: return array_value(sub, code.expr->type);
    default: return any_all_value(*code.subquery, sub, frame, row);
  }
}

Status keep_rows(SubqueryState& sub, State& state) {
  sub.rows = new (sub.arena->allocate(sizeof(Rows), alignof(Rows))) Rows(*sub.arena);
  Batch batch;
  for (;;) {
    SPG_TRY(state.check());
    SPG_ASSIGN(const bool more, sub.root->next(batch));
    if (!more) return ok();
    sub.rows->append(batch);
    SPG_TRY(sub.arena->check());
  }
}

}  // namespace

Status evaluate_subquery(const Code& code, Frame& frame, Selection rows, Vector& out) {
  const CompiledSubquery& how = *code.subquery;
  State& state = *frame.state;
  SubqueryState& sub = state_of(how, state);
  const HeldBatch held(state);
  using Form = plan::SubqueryExpr::Form;
  const bool per_row_test = how.expr->form == Form::any || how.expr->form == Form::all || how.expr->form == Form::row;
  const bool bound = !how.bindings.empty();
  if (!bound && (!sub.known || (how.depends && sub.epoch != state.epoch))) {
    if (sub.known) sub.root->rescan();
    sub.arena->reset();
    sub.rows = nullptr;
    sub.known = true;
    if (per_row_test) SPG_TRY(keep_rows(sub, state));
    else { SPG_ASSIGN(sub.value, subquery_value(code, sub, frame, 0)); }
    sub.epoch = state.epoch;
  }
  if (!bound && !per_row_test) {
    out = sub.value.is_null ? null_vector(code.physical) : sub.value.vector();
    return ok();
  }
  Register& reg = frame.reg(code);
  Frame::all_valid(reg, frame.input.rows);
  bool has_nulls = false;
  const std::size_t bytes = type::physical_bytes(code.physical);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    SPG_TRY(state.check());
    if (bound) {
      for (std::size_t b = 0; b < how.bindings.size(); ++b) {
        SPG_ASSIGN(const Value value, evaluate_row(*how.bindings[b], frame, row));
        state.set_parameter(how.expr->bindings[b].parameter, value);
      }
      sub.arena->reset();
      sub.rows = nullptr;
      sub.root->rescan();
    }
    SPG_ASSIGN(const Value value, subquery_value(code, sub, frame, row));
    if (value.is_null) {
      clear_bit(reg.validity, row);
      has_nulls = true;
      continue;
    }
    copy_value(static_cast<std::byte*>(reg.values) + row * bytes, own_value(value, *frame.arena).bytes, bytes);
  }
  SPG_TRY(frame.arena->check());
  out = {code.physical, Vector::Form::flat, reg.values, has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

Operator* shared_operator(State& state, const CompiledNode& materialize) {
  Operator*& shared = state.shared[materialize.number];
  if (shared == nullptr) shared = new_operator<MaterializeOp>(state, materialize);
  return shared;
}
Status run_to_end(Operator& materialize) { return static_cast<MaterializeOp&>(materialize).run_to_end(); }
Operator* make_materialize(State& state, const CompiledNode& node) { return shared_operator(state, node); }
Operator* make_cte_scan(State& state, const CompiledNode& node) { return new_operator<CteScanOp>(state, node); }
Operator* make_recursive_union(State& state, const CompiledNode& node) {
  return new_operator<RecursiveUnionOp>(state, node);
}
Operator* make_work_table(State& state, const CompiledNode& node) { return new_operator<WorkTableOp>(state, node); }

}  // namespace spg::exec
