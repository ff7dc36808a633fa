// ORDER BY: all rows are collected, their keys normalised and sorted; with a limit, only the best rows are kept.
#include <algorithm>

#include "operator.hpp"
#include "sorting.hpp"
#include "spg/type/io.hpp"

namespace spg::exec {

namespace {

class SortOp final : public Operator {
 public:
  SortOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        arenas_{Arena(state.arena->budget()), Arena(state.arena->budget())},
        by_(*state.arena) {
    const auto& sort = plan_node<plan::Sort>();
    for (const auto& key : sort.keys)
      by_.push_back({key.column, {sort.input->outputs[key.column].type, key.descending, key.nulls_first}});
  }
  Result<bool> next(Batch& out) override {
    if (!built_) SPG_TRY(build());
    if (at_ >= order_.size()) return false;
    begin_batch();
    const std::size_t count = order_.size() - at_ < type::batch_rows_max ? order_.size() - at_ : type::batch_rows_max;
    std::span<Vector> columns{batch_arena_.array<Vector>(rows_->column_count() + 1), rows_->column_count()};
    rows_->gather_rows(order_.subspan(at_, count), columns, {}, batch_arena_);
    at_ += count;
    const auto rows = static_cast<std::uint32_t>(count);
    out = {columns, rows, {nullptr, rows}};
    return true;
  }
  void rescan() override {
    if (built_ && !node_.depends) {
      at_ = 0;
      return;
    }
    built_ = false;
    input_->rescan();
  }

 private:
  Arena& arena() { return arenas_[current_]; }
  void start_rows() { rows_ = new (arena().allocate(sizeof(Rows), alignof(Rows))) Rows(arena()); }

  Status build() {
    built_ = true;
    at_ = 0;
    std::uint64_t limit = UINT64_MAX;
    if (node_.count != nullptr) {
      SPG_ASSIGN(const Value value, constant(*node_.count));
      if (!value.is_null && value.as<std::int64_t>() >= 0) limit = static_cast<std::uint64_t>(value.as<std::int64_t>());
    }
    arenas_[0].reset();
    arenas_[1].reset();
    current_ = 0;
    worst_known_ = false;
    start_rows();
    Batch batch;
    // A top-N keeps up to a few times N rows before it prunes, so that pruning is rare.
    const std::uint64_t prune_at = limit >= (1u << 20) ? UINT64_MAX : limit * 2 + 4096;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) break;
      if (worst_known_) drop_worse(batch);
      rows_->append(batch);
      SPG_TRY(arena().check());
      if (rows_->size() >= prune_at) SPG_TRY(prune(limit));
    }
    SPG_ASSIGN(order_, sort_rows(*rows_, by_.span(), arena()));
    if (order_.size() > limit) order_ = order_.first(limit);
    if (plan::NodeCounters* did = counters()) {
      did->memory_bytes = std::max<std::uint64_t>(did->memory_bytes, arenas_[0].held_bytes() + arenas_[1].held_bytes());
      did->sorted = limit != UINT64_MAX ? plan::NodeCounters::Sorted::top_n : plan::NodeCounters::Sorted::quicksort;
    }
    return ok();
  }
  /// Keeps the best `limit` rows, and the key of the last of them.
  Status prune(std::uint64_t limit) {
    SPG_ASSIGN(const std::span<std::uint32_t> order, sort_rows(*rows_, by_.span(), arena()));
    Rows* all = rows_;
    current_ ^= 1;
    arena().reset();
    start_rows();
    for (std::size_t at = 0; at < limit; at += type::batch_rows_max) {
      const std::size_t count = limit - at < type::batch_rows_max ? limit - at : type::batch_rows_max;
      begin_batch();
      std::span<Vector> columns{batch_arena_.array<Vector>(all->column_count() + 1), all->column_count()};
      all->gather_rows(order.subspan(at, count), columns, {}, batch_arena_);
      const auto rows = static_cast<std::uint32_t>(count);
      rows_->append({columns, rows, {nullptr, rows}});
    }
    arenas_[current_ ^ 1].reset();
    if (limit != 0) {
      const auto last = static_cast<std::uint32_t>(limit - 1);
      worst_ = make_sort_entry(rows_->chunk(last / type::batch_rows_max).columns, last % type::batch_rows_max,
                               UINT32_MAX, by_.span(), arena());
    }
    worst_known_ = true;
    return arena().check();
  }
  /// Leaves rows out that come behind all that are kept.
  void drop_worse(Batch& batch) {
    begin_batch();
    auto* kept = batch_arena_.array<std::uint16_t>(batch.selected.count);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
      const std::uint32_t row = batch.selected[i];
      const SortEntry entry = make_sort_entry(batch.columns, row, UINT32_MAX, by_.span(), batch_arena_);
      if (sorts_before(entry, worst_)) kept[count++] = static_cast<std::uint16_t>(row);
    }
    batch.selected = {kept, count};
  }

  Operator* input_;
  Arena arenas_[2];
  int current_ = 0;
  Vec<SortColumn> by_;
  Rows* rows_ = nullptr;
  std::span<std::uint32_t> order_;
  SortEntry worst_;
  bool built_ = false, worst_known_ = false;
  std::size_t at_ = 0;
};

}  // namespace

Operator* make_sort(State& state, const CompiledNode& node) { return new_operator<SortOp>(state, node); }

}  // namespace spg::exec
