// GROUP BY: the groups of every grouping set, and the states of the aggregates by group.
#include <algorithm>

#include "group_table.hpp"
#include "operator.hpp"
#include "sorting.hpp"
#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

constexpr std::size_t cached_bytes = 256 * 1024;  ///< states beyond it are fetched ahead

/// States of one aggregate, by group.
struct Accumulator {
  std::byte* states = nullptr;
  std::uint32_t capacity = 0;
  Rows* collected = nullptr;  ///< DISTINCT, ORDER BY and ordered sets: group, arguments, order keys
  // Of ordered sets, once all rows are there: rows by group and order; those of group g begin at starts[g].
  std::span<const std::uint32_t> order, starts;
};

/// One grouping set: its groups and what they have gathered.
struct GroupSet {
  std::span<const std::uint32_t> keys;  ///< numbers of key expressions, ascending
  std::span<const KeyType> types;
  GroupTable* table = nullptr;  ///< null: no keys, one group
  std::uint32_t count = 0;
  Accumulator* accumulators = nullptr;
};

/// The rows of a batch that an aggregate wants, and its arguments for them. positions[i] (null: i) is the place of
/// rows[i] among the selected rows of the batch.
struct Wanted {
  Selection rows;
  const std::uint16_t* positions = nullptr;
  std::span<Vector> arguments;
  std::span<Vector> order;
};

class GroupRows final : public OrderedRows {
 public:
  GroupRows(const Rows& rows, std::span<const std::uint32_t> order) : rows_(&rows), order_(order) {}
  std::size_t size() const override { return order_.size(); }
  Value value(std::size_t row, std::size_t argument) const override { return rows_->value(order_[row], 1 + argument); }

 private:
  const Rows* rows_;
  std::span<const std::uint32_t> order_;
};

class AggregateOp final : public Operator {
 public:
  AggregateOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        table_arena_(state.arena->budget()),
        calls_{static_cast<const CompiledAggregate*>(node.extra), plan_node<plan::Aggregate>().aggregates.size()},
        sets_(*state.arena),
        groups_of_(*state.arena) {
    Arena& arena = *state.arena;
    const auto& aggregate = plan_node<plan::Aggregate>();
    keys_ = arena.array<Vector>(aggregate.keys.size() + 1);
    set_keys_ = arena.array<Vector>(aggregate.keys.size() + 1);
    wanted_ = arena.array<Wanted>(calls_.size() + 1);
    if (aggregate.sets.empty()) {
      auto* all = arena.array<std::uint32_t>(aggregate.keys.size() + 1);
      for (std::uint32_t i = 0; i < aggregate.keys.size(); ++i) all[i] = i;
      add_set({all, aggregate.keys.size()});
    }
    for (const auto set : aggregate.sets) add_set(set);
    find_shared_states();
  }
  Result<bool> next(Batch& out) override {
    if (!built_) SPG_TRY(build());
    while (set_ < groups_of_.size() && at_ >= groups().count) {
      ++set_;
      at_ = 0;
    }
    if (set_ == groups_of_.size()) return false;
    begin_batch();
    const std::uint32_t rows = std::min<std::uint32_t>(groups().count - at_, type::batch_rows_max);
    const std::size_t width = node_.node->outputs.size();
    std::span<Vector> columns{batch_arena_.array<Vector>(width + 1), width};
    key_columns(columns);
    const std::size_t first = plan_node<plan::Aggregate>().keys.size();
    see({columns, rows, {nullptr, rows}});
    for (std::size_t a = 0; a < calls_.size(); ++a) SPG_TRY(finish(a, rows, columns[first + a]));
    at_ += rows;
    out = {columns, rows, {nullptr, rows}};
    return true;
  }
  void rescan() override {
    built_ = false;
    input_->rescan();
  }

 private:
  const GroupSet& groups() const { return sets_[groups_of_[set_]]; }

  /// Sets of the same keys have the same groups.
  void add_set(std::span<const std::uint32_t> keys) {
    Arena& arena = *state_.arena;
    auto* sorted = arena.array<std::uint32_t>(keys.size() + 1);
    std::copy(keys.begin(), keys.end(), sorted);
    std::sort(sorted, sorted + keys.size());
    for (std::uint32_t i = 0; i < sets_.size(); ++i)
      if (std::equal(sets_[i].keys.begin(), sets_[i].keys.end(), sorted, sorted + keys.size()))
        return groups_of_.push_back(i);
    GroupSet made;
    made.keys = {sorted, keys.size()};
    Vec<Oid> types(arena);
    for (const std::uint32_t key : made.keys) types.push_back(plan_node<plan::Aggregate>().keys[key]->type);
    made.types = key_types(arena, types.span());
    made.accumulators = arena.array<Accumulator>(calls_.size() + 1);
    groups_of_.push_back(static_cast<std::uint32_t>(sets_.size()));
    sets_.push_back(made);
  }

  /// sum(x) and avg(x) have the same states: the first of such calls keeps them.
  void find_shared_states() {
    shared_ = state_.arena->array<std::uint32_t>(calls_.size() + 1);
    const auto same = [](const CompiledAggregate& a, const CompiledAggregate& b) {
      if (a.function->update != b.function->update || a.function->state_bytes != b.function->state_bytes ||
          a.function->sees_nulls != b.function->sees_nulls || a.collects() || b.collects() || a.filter != nullptr ||
          b.filter != nullptr || a.call->arguments.size() != b.call->arguments.size())
        return false;
      for (std::size_t i = 0; i < a.call->arguments.size(); ++i) {
        const plan::Expr &x = *a.call->arguments[i], &y = *b.call->arguments[i];
        if (x.kind != plan::ExprKind::column || y.kind != plan::ExprKind::column || x.type != y.type ||
            plan::as<plan::Column>(x).place != plan::as<plan::Column>(y).place)
          return false;
      }
      return true;
    };
    for (std::uint32_t a = 0; a < calls_.size(); ++a) {
      shared_[a] = 0;
      while (shared_[a] < a && !same(calls_[shared_[a]], calls_[a])) ++shared_[a];
    }
  }

  template <class T>
  T* make(auto&&... args) {
    return new (table_arena_.allocate(sizeof(T), alignof(T))) T(args...);
  }

  void begin() {
    table_arena_.reset();
    built_ = true;
    set_ = 0;
    at_ = 0;
    for (GroupSet& set : sets_) {
      set.table = set.keys.empty() ? nullptr : make<GroupTable>(table_arena_, set.types, state_.context.host);
      set.count = set.keys.empty() ? 1 : 0;
      for (std::size_t a = 0; a < calls_.size(); ++a) {
        Accumulator& to = *new (&set.accumulators[a]) Accumulator{};
        if (calls_[a].collects()) to.collected = make<Rows>(table_arena_);
        if (set.keys.empty()) grow(to, *calls_[a].function, 1);
      }
    }
  }

  Status build() {
    begin();
    Batch batch;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) break;
      if (batch.selected.count == 0) continue;
      begin_batch();
      see(batch);
      for (std::size_t k = 0; k < node_.codes.size(); ++k)
        SPG_TRY(evaluate(*node_.codes[k], frame_, batch.selected, keys_[k]));
      for (std::size_t a = 0; a < calls_.size(); ++a)
        if (shared_[a] == a) SPG_TRY(prepare(calls_[a], batch, wanted_[a]));
      for (GroupSet& set : sets_) {
        SPG_TRY(add(set, batch));
        SPG_TRY(table_arena_.check());
      }
      SPG_TRY(batch_arena_.check());
    }
    for (GroupSet& set : sets_)
      for (std::size_t a = 0; a < calls_.size(); ++a) SPG_TRY(fold(set, a));
    if (plan::NodeCounters* did = counters()) did->memory_bytes = std::max<std::uint64_t>(did->memory_bytes, table_arena_.held_bytes());
    return table_arena_.check();
  }

  Status add(GroupSet& set, const Batch& batch) {
    if (set.table != nullptr) {
      for (std::size_t k = 0; k < set.keys.size(); ++k) set_keys_[k] = keys_[set.keys[k]];
      SPG_TRY(set.table->add({set_keys_, set.keys.size()}, batch.rows, batch.selected, groups_));
      set.count = set.table->count();
    } else {
      std::memset(groups_, 0, batch.selected.count * sizeof groups_[0]);
    }
    for (std::size_t a = 0; a < calls_.size(); ++a)
      if (shared_[a] == a) SPG_TRY(update(set, a, batch.rows));
    return ok();
  }

  void grow(Accumulator& to, const AggregateFunction& function, std::uint32_t count) {
    if (count <= to.capacity) return;
    std::uint32_t capacity = to.capacity == 0 ? 4 : to.capacity;
    while (capacity < count) capacity *= 2;
    const std::size_t bytes = function.state_bytes;
    auto* states = static_cast<std::byte*>(table_arena_.allocate(capacity * bytes));
    if (to.states != nullptr) std::memcpy(states, to.states, to.capacity * bytes);
    std::memset(states + to.capacity * bytes, 0, (capacity - to.capacity) * bytes);
    to.states = states;
    to.capacity = capacity;
  }

  /// FILTER, the arguments, and what has no NULLs among them.
  Status prepare(const CompiledAggregate& aggregate, const Batch& batch, Wanted& out) {
    const Selection all = batch.selected;
    const std::size_t count = aggregate.arguments.size();
    out = {all, nullptr, {batch_arena_.array<Vector>(count + 1), count}, {}};
    if (aggregate.filter != nullptr)
      SPG_TRY(filter_rows(*aggregate.filter, frame_, all, batch_arena_.array<std::uint16_t>(all.count), out.rows));
    if (out.rows.count == 0) return ok();
    for (std::size_t i = 0; i < count; ++i)
      SPG_TRY(evaluate(*aggregate.arguments[i], frame_, out.rows, out.arguments[i]));
    bool nulls = false;
    if (!aggregate.function->sees_nulls)
      for (const Vector& argument : out.arguments) nulls = nulls || argument.validity != nullptr;
    if (nulls || aggregate.filter != nullptr) {
      auto* kept = batch_arena_.array<std::uint16_t>(out.rows.count);
      auto* positions = batch_arena_.array<std::uint16_t>(out.rows.count);
      std::uint32_t n = 0, at = 0;
      for (std::uint32_t i = 0; i < all.count && at < out.rows.count; ++i) {
        const std::uint32_t row = all[i];
        if (out.rows[at] != row) continue;
        ++at;
        bool null = false;
        for (std::size_t k = 0; nulls && k < count; ++k) null |= out.arguments[k].is_null(row);
        kept[n] = static_cast<std::uint16_t>(row);
        positions[n] = static_cast<std::uint16_t>(i);
        n += !null;
      }
      out.rows = {kept, n};
      out.positions = positions;
    }
    if (out.rows.count == 0 || aggregate.order.empty()) return ok();
    out.order = {batch_arena_.array<Vector>(aggregate.order.size()), aggregate.order.size()};
    for (std::size_t k = 0; k < aggregate.order.size(); ++k)
      SPG_TRY(evaluate(*aggregate.order[k], frame_, out.rows, out.order[k]));
    return ok();
  }

  Status update(GroupSet& set, std::size_t a, std::uint32_t batch_rows) {
    const CompiledAggregate& aggregate = calls_[a];
    const Wanted& wanted = wanted_[a];
    Accumulator& to = set.accumulators[a];
    grow(to, *aggregate.function, set.count);
    if (wanted.rows.count == 0) return ok();
    const std::uint32_t* groups = groups_;
    if (wanted.positions != nullptr) {
      auto* gathered = batch_arena_.array<std::uint32_t>(wanted.rows.count);
      for (std::uint32_t i = 0; i < wanted.rows.count; ++i) gathered[i] = groups_[wanted.positions[i]];
      groups = gathered;
    }
    if (to.collected != nullptr) {
      collect(to, wanted, batch_rows, groups);
      return ok();
    }
    const std::size_t bytes = aggregate.function->state_bytes;
    if (set.count * bytes > cached_bytes)
      for (std::uint32_t i = 0; i < wanted.rows.count; ++i) __builtin_prefetch(to.states + groups[i] * bytes, 1);
    FunctionContext context{state_.context, table_arena_, nullptr, aggregate.call->arguments};
    AggregateUpdate update{context, wanted.arguments, wanted.rows, groups, to.states, set.table == nullptr};
    return aggregate.function->update(update);
  }

  void collect(Accumulator& to, const Wanted& wanted, std::uint32_t batch_rows, const std::uint32_t* groups) {
    const std::size_t width = 1 + wanted.arguments.size() + wanted.order.size();
    std::span<Vector> columns{batch_arena_.array<Vector>(width), width};
    auto* numbers = batch_arena_.array<std::int32_t>(batch_rows);
    for (std::uint32_t i = 0; i < wanted.rows.count; ++i)
      numbers[wanted.rows[i]] = static_cast<std::int32_t>(groups[i]);
    columns[0] = {Physical::int4, Vector::Form::flat, numbers, nullptr, nullptr};
    std::copy(wanted.arguments.begin(), wanted.arguments.end(), columns.begin() + 1);
    std::copy(wanted.order.begin(), wanted.order.end(),
              columns.begin() + 1 + static_cast<std::ptrdiff_t>(wanted.arguments.size()));
    to.collected->append({columns, batch_rows, wanted.rows});
  }

  /// Sorts what was collected by group and order (DISTINCT: by the arguments as well).
  Result<std::span<std::uint32_t>> sort_collected(const CompiledAggregate& aggregate, const Rows& rows,
                                                  Arena& scratch) {
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
    return sort_rows(rows, columns.span(), scratch);
  }

  /// What was collected, in order: into the states, or kept for ordered sets.
  Status fold(GroupSet& set, std::size_t a) {
    const CompiledAggregate& aggregate = calls_[a];
    Accumulator& to = set.accumulators[a];
    if (to.collected == nullptr) return ok();
    const Rows& rows = *to.collected;
    Arena scratch(state_.arena->budget());
    SPG_ASSIGN(const std::span<std::uint32_t> order, sort_collected(aggregate, rows, scratch));
    if (aggregate.function->finish_ordered != nullptr) {
      keep_order(set, to, order);
      return table_arena_.check();
    }
    Vec<std::uint32_t> kept(scratch, order.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
      if (aggregate.call->distinct && i != 0 && same_arguments(rows, kept.back(), order[i], aggregate)) continue;
      kept.push_back(order[i]);
    }
    auto* vectors = scratch.array<Vector>(rows.column_count() + 1);
    auto* groups = scratch.array<std::uint32_t>(type::batch_rows_max);
    for (std::size_t at = 0; at < kept.size(); at += type::batch_rows_max) {
      SPG_TRY(state_.check());
      begin_batch();
      const std::size_t count = std::min<std::size_t>(kept.size() - at, type::batch_rows_max);
      rows.gather_rows({kept.data() + at, count}, {vectors, rows.column_count()}, {}, batch_arena_);
      for (std::size_t i = 0; i < count; ++i) groups[i] = vectors[0].as<std::uint32_t>()[i];
      FunctionContext context{state_.context, table_arena_, nullptr, aggregate.call->arguments};
      AggregateUpdate update{context,
                             {vectors + 1, aggregate.arguments.size()},
                             {nullptr, static_cast<std::uint32_t>(count)},
                             groups,
                             to.states};
      SPG_TRY(aggregate.function->update(update));
      SPG_TRY(table_arena_.check());
    }
    return ok();
  }
  void keep_order(const GroupSet& set, Accumulator& to, std::span<const std::uint32_t> order) {
    auto* kept = table_arena_.array<std::uint32_t>(order.size() + 1);
    std::copy(order.begin(), order.end(), kept);
    to.order = {kept, order.size()};
    auto* starts = table_arena_.array<std::uint32_t>(std::size_t{set.count} + 1);
    std::uint32_t at = 0;
    for (std::uint32_t group = 0; group < set.count; ++group) {
      starts[group] = at;
      while (at < order.size() && to.collected->value(order[at], 0).as<std::uint32_t>() == group) ++at;
    }
    starts[set.count] = at;
    to.starts = {starts, std::size_t{set.count} + 1};
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

  /// The keys of the groups from at_ on (NULL where the set lacks the key), and GROUPING of the set.
  void key_columns(std::span<Vector> columns) {
    const auto& aggregate = plan_node<plan::Aggregate>();
    const GroupSet& set = groups();
    for (std::size_t i = 0; i < columns.size(); ++i) columns[i] = null_vector(output_type(i));
    if (set.table != nullptr) {
      const Batch stored = set.table->keys().chunk(at_ / type::batch_rows_max);
      for (std::size_t k = 0; k < set.keys.size(); ++k) columns[set.keys[k]] = stored.columns[k];
    }
    for (std::size_t g = 0; g < aggregate.groupings.size(); ++g) {
      auto* bits = batch_arena_.array<std::uint32_t>(1);
      *bits = 0;
      for (const std::uint32_t key : aggregate.groupings[g])
        *bits = *bits << 1 | (std::binary_search(set.keys.begin(), set.keys.end(), key) ? 0u : 1u);
      columns[aggregate.keys.size() + calls_.size() + g] = {Physical::int4, Vector::Form::constant, bits, nullptr,
                                                            nullptr};
    }
  }

  Status finish(std::size_t a, std::uint32_t rows, Vector& out) {
    const CompiledAggregate& aggregate = calls_[a];
    const Physical physical = aggregate.call->physical == Physical::none
                                  ? type::physical_of(aggregate.call->result_type)
                                  : aggregate.call->physical;
    const std::size_t bytes = type::physical_bytes(physical);
    auto* values = static_cast<std::byte*>(batch_arena_.allocate(rows * bytes));
    auto* validity = batch_arena_.array<std::uint64_t>((rows + 63) / 64);
    std::memset(validity, 0xff, (rows + 63) / 64 * 8);
    std::span<Vector> direct{batch_arena_.array<Vector>(aggregate.direct.size() + 1), aggregate.direct.size()};
    for (std::size_t i = 0; i < direct.size(); ++i)
      SPG_TRY(evaluate(*aggregate.direct[i], frame_, {nullptr, rows}, direct[i]));
    bool nulls = false;
    for (std::uint32_t i = 0; i < rows; ++i) {
      Value value;
      SPG_TRY(finish_group(a, i, direct, value));
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

  /// The result of an aggregate for group at_ + i.
  Status finish_group(std::size_t a, std::uint32_t i, std::span<const Vector> direct, Value& out) {
    const CompiledAggregate& aggregate = calls_[a];
    const Accumulator& from = groups().accumulators[shared_[a]];
    const std::size_t group = at_ + i;
    FunctionContext context{state_.context, batch_arena_, nullptr, aggregate.call->arguments};
    if (aggregate.function->finish_ordered == nullptr)
      return aggregate.function->finish(context, from.states + group * aggregate.function->state_bytes, out);
    auto* arguments = batch_arena_.array<Value>(direct.size() + 1);
    for (std::size_t d = 0; d < direct.size(); ++d) arguments[d] = type::value_of(direct[d], i);
    const GroupRows rows(*from.collected,
                         from.order.subspan(from.starts[group], from.starts[group + 1] - from.starts[group]));
    OrderedSetCall call{context, *aggregate.call, rows, {arguments, direct.size()}};
    return aggregate.function->finish_ordered(call, out);
  }

  Operator* input_;
  Arena table_arena_;
  std::span<const CompiledAggregate> calls_;
  Vec<GroupSet> sets_;               ///< of different keys
  Vec<std::uint32_t> groups_of_;     ///< which of them each grouping set is
  std::uint32_t* shared_ = nullptr;  ///< by aggregate: the one whose states it reads
  Vector* keys_ = nullptr;
  Vector* set_keys_ = nullptr;
  Wanted* wanted_ = nullptr;
  bool built_ = false;
  std::size_t set_ = 0;
  std::uint32_t at_ = 0;
  std::uint32_t groups_[type::batch_rows_max];
};

}  // namespace

Operator* make_aggregate(State& state, const CompiledNode& node) { return new_operator<AggregateOp>(state, node); }

}  // namespace spg::exec
