// Operators over distinct keys: DISTINCT, INTERSECT and EXCEPT.
#include "group_table.hpp"
#include "operator.hpp"

namespace spg::exec {
namespace {

class DistinctOp final : public Operator {
 public:
  DistinctOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        table_arena_(state.arena->budget()),
        places_(*state.arena) {
    const auto& distinct = plan_node<plan::Distinct>();
    const auto outputs = distinct.input->outputs;
    Vec<Oid> types(*state.arena);
    if (distinct.keys.empty())
      for (std::uint32_t i = 0; i < outputs.size(); ++i) places_.push_back(i);
    for (const std::uint32_t key : distinct.keys) places_.push_back(key);
    for (const std::uint32_t place : places_) types.push_back(outputs[place].type);
    types_ = key_types(*state.arena, types.span());
    keys_ = state.arena->array<Vector>(places_.size() + 1);
  }
  Result<bool> next(Batch& out) override {
    if (table_ == nullptr) {
      table_arena_.reset();
      table_ = new (table_arena_.allocate(sizeof(GroupTable), alignof(GroupTable))) GroupTable(table_arena_, types_, state_.context.host);
    }
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, input_->next(out));
      if (!more) return false;
      if (out.selected.count == 0) continue;
      if (places_.empty()) {  // no columns: all rows are alike
        if (seen_any_) return false;
        seen_any_ = true;
        out.selected.count = 1;
        return true;
      }
      for (std::size_t i = 0; i < places_.size(); ++i) keys_[i] = out.columns[places_[i]];
      SPG_TRY(table_->add({keys_, places_.size()}, out.rows, out.selected, groups_));
      SPG_TRY(table_arena_.check());
      out.selected = table_->added();
      if (out.selected.count != 0) return true;
    }
  }
  void rescan() override {
    table_ = nullptr;
    seen_any_ = false;
    input_->rescan();
  }

 private:
  Operator* input_;
  Arena table_arena_;
  GroupTable* table_ = nullptr;
  Vec<std::uint32_t> places_;
  std::span<const KeyType> types_;
  Vector* keys_;
  bool seen_any_ = false;
  std::uint32_t groups_[type::batch_rows_max];
};

/// INTERSECT and EXCEPT: the left rows are grouped and counted, then the right ones counted against them.
class SetOperationOp final : public Operator {
 public:
  SetOperationOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        left_(make_operator(state, *node.left)),
        right_(make_operator(state, *node.right)),
        table_arena_(state.arena->budget()) {
    Vec<Oid> types(*state.arena);
    for (const auto& output : node.node->outputs) types.push_back(output.type);
    types_ = key_types(*state.arena, types.span());
  }
  Result<bool> next(Batch& out) override {
    if (table_ == nullptr) SPG_TRY(build());
    begin_batch();
    std::uint32_t rows[type::batch_rows_max];
    std::uint32_t count = 0;
    while (count < type::batch_rows_max && group_ < table_->count()) {
      if (repeat_ == 0) {
        repeat_ = times(group_);
        if (repeat_ == 0) {
          ++group_;
          continue;
        }
      }
      rows[count++] = group_;
      if (--repeat_ == 0) ++group_;
    }
    if (count == 0) return false;
    std::span<Vector> columns{batch_arena_.array<Vector>(types_.size() + 1), types_.size()};
    table_->keys().gather_rows({rows, count}, columns, {}, batch_arena_);
    out = {columns, count, {nullptr, count}};
    return true;
  }
  void rescan() override {
    table_ = nullptr;
    left_->rescan();
    right_->rescan();
  }

 private:
  Status build() {
    table_arena_.reset();
    table_ = new (table_arena_.allocate(sizeof(GroupTable), alignof(GroupTable))) GroupTable(table_arena_, types_, state_.context.host);
    left_counts_ = Vec<std::uint64_t>(table_arena_);
    right_counts_ = Vec<std::uint64_t>(table_arena_);
    group_ = 0;
    repeat_ = 0;
    std::uint32_t groups[type::batch_rows_max];
    Batch batch;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, left_->next(batch));
      if (!more) break;
      SPG_TRY(table_->add(batch.columns, batch.rows, batch.selected, groups));
      left_counts_.resize(table_->count());
      for (std::uint32_t i = 0; i < batch.selected.count; ++i) ++left_counts_[groups[i]];
      SPG_TRY(table_arena_.check());
    }
    right_counts_.resize(table_->count());
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, right_->next(batch));
      if (!more) return ok();
      table_->find(batch.columns, batch.selected, groups);
      for (std::uint32_t i = 0; i < batch.selected.count; ++i)
        if (groups[i] != UINT32_MAX) ++right_counts_[groups[i]];
    }
  }
  std::uint64_t times(std::uint32_t group) const {
    const auto& node = plan_node<plan::SetOperation>();
    const std::uint64_t left = left_counts_[group], right = right_counts_[group];
    if (node.op == plan::SetOperation::Op::intersect) return node.all ? (left < right ? left : right) : right != 0;
    return node.all ? (left > right ? left - right : 0) : right == 0;
  }

  Operator* left_;
  Operator* right_;
  Arena table_arena_;
  GroupTable* table_ = nullptr;
  std::span<const KeyType> types_;
  Vec<std::uint64_t> left_counts_, right_counts_;
  std::uint32_t group_ = 0;
  std::uint64_t repeat_ = 0;
};

}  // namespace

Operator* make_distinct(State& state, const CompiledNode& node) { return new_operator<DistinctOp>(state, node); }
Operator* make_set_operation(State& state, const CompiledNode& node) {
  return new_operator<SetOperationOp>(state, node);
}

}  // namespace spg::exec
