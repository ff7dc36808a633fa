// Operators over distinct keys: DISTINCT, INTERSECT and EXCEPT, GROUP BY.
#include <algorithm>

#include "hashing.hpp"
#include "operator.hpp"
#include "sorting.hpp"
#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

std::span<const KeyType> key_types(State& state, std::span<const Oid> types) {
  auto* result = state.arena->array<KeyType>(types.size() + 1);
  for (std::size_t i = 0; i < types.size(); ++i) new (&result[i]) KeyType(KeyType::of(types[i]));
  return {result, types.size()};
}

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
    types_ = key_types(state, types.span());
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
    types_ = key_types(state, types.span());
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

/// States of one aggregate, by group.
struct Accumulator {
  const CompiledAggregate* aggregate = nullptr;
  std::byte* states = nullptr;
  std::uint32_t capacity = 0;
  Rows* collected = nullptr;  ///< DISTINCT and ORDER BY: group, arguments, order keys; folded in at the end
};

class AggregateOp final : public Operator {
 public:
  AggregateOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        table_arena_(state.arena->budget()),
        aggregates_(plan_node<plan::Aggregate>().aggregates.size()) {
    Vec<Oid> types(*state.arena);
    for (const plan::Expr* key : plan_node<plan::Aggregate>().keys) types.push_back(key->type);
    types_ = key_types(state, types.span());
    keys_ = state.arena->array<Vector>(types_.size() + 1);
    accumulators_ = state.arena->array<Accumulator>(aggregates_ + 1);
  }
  Result<bool> next(Batch& out) override {
    if (!built_) SPG_TRY(build());
    const std::size_t chunk = at_ / type::batch_rows_max;
    if (at_ >= count_) return false;
    begin_batch();
    const auto rows =
        static_cast<std::uint32_t>(count_ - at_ < type::batch_rows_max ? count_ - at_ : type::batch_rows_max);
    std::span<Vector> columns{batch_arena_.array<Vector>(types_.size() + aggregates_ + 1), types_.size() + aggregates_};
    if (!types_.empty()) {
      const Batch keys = table_->keys().chunk(chunk);
      std::copy(keys.columns.begin(), keys.columns.end(), columns.begin());
    }
    for (std::size_t a = 0; a < aggregates_; ++a)
      SPG_TRY(finish(accumulators_[a], static_cast<std::uint32_t>(at_), rows, columns[types_.size() + a]));
    at_ += rows;
    out = {columns, rows, {nullptr, rows}};
    return true;
  }
  void rescan() override {
    built_ = false;
    input_->rescan();
  }

 private:
  Status build() {
    table_arena_.reset();
    built_ = true;
    at_ = 0;
    table_ = new (table_arena_.allocate(sizeof(GroupTable), alignof(GroupTable))) GroupTable(table_arena_, types_, state_.context.host);
    const auto* compiled = static_cast<const CompiledAggregate*>(node_.extra);
    for (std::size_t a = 0; a < aggregates_; ++a) {
      new (&accumulators_[a]) Accumulator{};
      accumulators_[a].aggregate = &compiled[a];
      if (compiled[a].call->distinct || !compiled[a].order.empty())
        accumulators_[a].collected = new (table_arena_.allocate(sizeof(Rows), alignof(Rows))) Rows(table_arena_);
    }
    count_ = types_.empty() ? 1 : 0;
    if (types_.empty()) {
      std::memset(groups_, 0, sizeof groups_);
      for (std::size_t a = 0; a < aggregates_; ++a) grow(accumulators_[a]);
    }
    Batch batch;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) break;
      if (batch.selected.count == 0) continue;
      begin_batch();
      see(batch);
      if (!types_.empty()) {
        for (std::size_t k = 0; k < types_.size(); ++k)
          SPG_TRY(evaluate(*node_.codes[k], frame_, batch.selected, keys_[k]));
        SPG_TRY(table_->add({keys_, types_.size()}, batch.rows, batch.selected, groups_));
        count_ = table_->count();
      }
      for (std::size_t a = 0; a < aggregates_; ++a) SPG_TRY(update(accumulators_[a], batch));
      SPG_TRY(table_arena_.check());
      SPG_TRY(batch_arena_.check());
    }
    for (std::size_t a = 0; a < aggregates_; ++a)
      if (accumulators_[a].collected != nullptr) SPG_TRY(fold_collected(accumulators_[a]));
    return table_arena_.check();
  }

  void grow(Accumulator& to) {
    if (count_ <= to.capacity) return;
    std::uint32_t capacity = to.capacity == 0 ? 4 : to.capacity;
    while (capacity < count_) capacity *= 2;
    const std::size_t bytes = to.aggregate->function->state_bytes;
    auto* states = static_cast<std::byte*>(table_arena_.allocate(capacity * bytes));
    if (to.states != nullptr) std::memcpy(states, to.states, to.capacity * bytes);
    std::memset(states + to.capacity * bytes, 0, (capacity - to.capacity) * bytes);
    to.states = states;
    to.capacity = capacity;
  }

  Status update(Accumulator& to, const Batch& batch) {
    const CompiledAggregate& aggregate = *to.aggregate;
    grow(to);
    Selection rows = batch.selected;
    const std::uint32_t* groups = groups_;
    if (aggregate.filter != nullptr) {
      SPG_TRY(filter_rows(*aggregate.filter, frame_, rows, batch_arena_.array<std::uint16_t>(rows.count), rows));
      if (rows.count == 0) return ok();
    }
    const std::size_t count = aggregate.arguments.size();
    auto* arguments = batch_arena_.array<Vector>(count + 1);
    for (std::size_t i = 0; i < count; ++i) SPG_TRY(evaluate(*aggregate.arguments[i], frame_, rows, arguments[i]));
    bool nulls = false;
    if (!aggregate.function->sees_nulls)
      for (std::size_t i = 0; i < count; ++i) nulls = nulls || arguments[i].validity != nullptr;
    if (nulls || aggregate.filter != nullptr) {
      // The rows that remain, with their groups beside them.
      auto* kept = batch_arena_.array<std::uint16_t>(rows.count);
      auto* kept_groups = batch_arena_.array<std::uint32_t>(rows.count);
      std::uint32_t n = 0, at = 0;
      for (std::uint32_t i = 0; i < batch.selected.count && at < rows.count; ++i) {
        const std::uint32_t row = batch.selected[i];
        if (rows[at] != row) continue;
        ++at;
        bool null = false;
        for (std::size_t k = 0; nulls && k < count; ++k) null |= arguments[k].is_null(row);
        kept[n] = static_cast<std::uint16_t>(row);
        kept_groups[n] = groups_[i];
        n += !null;
      }
      rows = {kept, n};
      groups = kept_groups;
    }
    if (rows.count == 0) return ok();
    if (to.collected != nullptr) return collect(to, {arguments, count}, batch.rows, rows, groups);
    FunctionContext context{state_.context, table_arena_, nullptr, aggregate.call->arguments};
    AggregateUpdate update{context, {arguments, count}, rows, groups, to.states};
    return aggregate.function->update(update);
  }

  Status collect(Accumulator& to, std::span<const Vector> arguments, std::uint32_t batch_rows, Selection rows,
                 const std::uint32_t* groups) {
    const CompiledAggregate& aggregate = *to.aggregate;
    const std::size_t width = 1 + arguments.size() + aggregate.order.size();
    std::span<Vector> columns{batch_arena_.array<Vector>(width), width};
    auto* numbers = batch_arena_.array<std::int32_t>(batch_rows);
    for (std::uint32_t i = 0; i < rows.count; ++i) numbers[rows[i]] = static_cast<std::int32_t>(groups[i]);
    columns[0] = {Physical::int4, Vector::Form::flat, numbers, nullptr, nullptr};
    std::copy(arguments.begin(), arguments.end(), columns.begin() + 1);
    for (std::size_t k = 0; k < aggregate.order.size(); ++k)
      SPG_TRY(evaluate(*aggregate.order[k], frame_, rows, columns[1 + arguments.size() + k]));
    to.collected->append({columns, batch_rows, rows});
    return ok();
  }

  /// Sorts what was collected by group and order (DISTINCT: by the arguments), drops repetitions, and updates row by
  /// row batches of it.
  Status fold_collected(Accumulator& to) {
    const CompiledAggregate& aggregate = *to.aggregate;
    const Rows& rows = *to.collected;
    if (rows.empty()) return ok();
    Arena scratch(state_.arena->budget());
    Vec<SortColumn> columns(scratch);
    columns.push_back({0, {Oid{23}, false, false}});
    const std::size_t arguments = aggregate.arguments.size();
    for (std::size_t k = 0; k < aggregate.order.size(); ++k) {
      const auto& order = aggregate.call->order_by[k];
      columns.push_back(
          {static_cast<std::uint32_t>(1 + arguments + k), {order.value->type, order.descending, order.nulls_first}});
    }
    if (aggregate.call->distinct)
      for (std::size_t i = 0; i < arguments; ++i)
        columns.push_back({static_cast<std::uint32_t>(1 + i), {aggregate.call->arguments[i]->type, false, false}});
    SPG_ASSIGN(const std::span<std::uint32_t> order, sort_rows(rows, columns.span(), scratch));
    Vec<std::uint32_t> kept(scratch, order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (aggregate.call->distinct && i != 0 && same_arguments(rows, kept.back(), order[i], aggregate)) continue;
      kept.push_back(order[i]);
    }
    auto* vectors = scratch.array<Vector>(rows.column_count());
    auto* groups = scratch.array<std::uint32_t>(type::batch_rows_max);
    for (std::size_t at = 0; at < kept.size(); at += type::batch_rows_max) {
      SPG_TRY(state_.check());
      begin_batch();
      const std::size_t count = kept.size() - at < type::batch_rows_max ? kept.size() - at : type::batch_rows_max;
      rows.gather_rows({kept.data() + at, count}, {vectors, rows.column_count()}, {}, batch_arena_);
      for (std::size_t i = 0; i < count; ++i) groups[i] = vectors[0].as<std::uint32_t>()[i];
      FunctionContext context{state_.context, table_arena_, nullptr, aggregate.call->arguments};
      AggregateUpdate update{
          context, {vectors + 1, arguments}, {nullptr, static_cast<std::uint32_t>(count)}, groups, to.states};
      SPG_TRY(aggregate.function->update(update));
      SPG_TRY(table_arena_.check());
    }
    return ok();
  }
  static bool same_arguments(const Rows& rows, std::uint32_t a, std::uint32_t b, const CompiledAggregate& aggregate) {
    if (rows.value(a, 0).as<std::int32_t>() != rows.value(b, 0).as<std::int32_t>()) return false;
    for (std::size_t i = 0; i < aggregate.arguments.size(); ++i) {
      const Value x = rows.value(a, 1 + i), y = rows.value(b, 1 + i);
      if (x.is_null != y.is_null) return false;
      if (!x.is_null && type::compare(aggregate.call->arguments[i]->type, x, y) != 0) return false;
    }
    return true;
  }

  Status finish(const Accumulator& from, std::uint32_t first, std::uint32_t rows, Vector& out) {
    const CompiledAggregate& aggregate = *from.aggregate;
    const Physical physical = aggregate.call->physical == Physical::none
                                  ? type::physical_of(aggregate.call->result_type)
                                  : aggregate.call->physical;
    const std::size_t bytes = type::physical_bytes(physical), state_bytes = aggregate.function->state_bytes;
    auto* values = static_cast<std::byte*>(batch_arena_.allocate(rows * bytes));
    auto* validity = batch_arena_.array<std::uint64_t>((rows + 63) / 64);
    std::memset(validity, 0xff, (rows + 63) / 64 * 8);
    bool nulls = false;
    FunctionContext context{state_.context, batch_arena_, nullptr, aggregate.call->arguments};
    for (std::uint32_t i = 0; i < rows; ++i) {
      Value value;
      SPG_TRY(aggregate.function->finish(context, from.states + (first + i) * state_bytes, value));
      if (value.is_null) {
        clear_bit(validity, i);
        nulls = true;
        std::memset(values + i * bytes, 0, bytes);
      } else copy_value(values + i * bytes, value.bytes, bytes);
    }
    SPG_TRY(batch_arena_.check());
    out = {physical, Vector::Form::flat, values, nulls ? validity : nullptr, nullptr};
    return ok();
  }

  Operator* input_;
  Arena table_arena_;
  std::size_t aggregates_;
  std::span<const KeyType> types_;
  Vector* keys_;
  Accumulator* accumulators_;
  GroupTable* table_ = nullptr;
  bool built_ = false;
  std::size_t at_ = 0, count_ = 0;
  std::uint32_t groups_[type::batch_rows_max];
};

}  // namespace

Operator* make_distinct(State& state, const CompiledNode& node) { return new_operator<DistinctOp>(state, node); }
Operator* make_set_operation(State& state, const CompiledNode& node) {
  return new_operator<SetOperationOp>(state, node);
}
Operator* make_aggregate(State& state, const CompiledNode& node) { return new_operator<AggregateOp>(state, node); }

}  // namespace spg::exec
