// Joins: by hash table, by nested loops with parameters, and by index look-ups.
//
// All three form candidate pairs (row of the left batch, right row) in the order of the left rows; what survives the
// residual is emitted, or marks its left row, by join type. A left batch that is not finished when next() returns is
// copied first.
#include <algorithm>

#include "hashing.hpp"
#include "operator.hpp"
#include "spg/type/io.hpp"

namespace spg::exec {
namespace {

using plan::JoinType;

constexpr std::uint32_t no_row = UINT32_MAX;

bool keeps_unmatched_left(JoinType type) { return type == JoinType::left || type == JoinType::full; }
bool keeps_unmatched_right(JoinType type) { return type == JoinType::right || type == JoinType::full; }
bool emits_left_only(JoinType type) {
  return type == JoinType::semi || type == JoinType::anti || type == JoinType::anti_null_aware;
}

/// The left side of a join: one batch at a time, with marks for the rows that found a match.
class LeftSide {
 public:
  LeftSide(State& state, Operator* input) : input_(input), arena_(state.arena->budget()) {}
  Operator* input() { return input_; }
  Result<bool> next() {
    arena_.reset();
    owned_ = false;
    do {
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) return false;
    } while (batch.selected.count == 0);
    std::memset(matched, 0, sizeof matched);
    return true;
  }
  /// Copies the batch if that was not done yet; rows keep their numbers within `selected`, which becomes dense.
  void own() {
    if (owned_) return;
    // Marks follow their rows.
    bool marks[type::batch_rows_max];
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) marks[i] = matched[batch.selected[i]];
    std::memcpy(matched, marks, batch.selected.count);
    batch = copy_batch(batch, arena_, true);
    owned_ = true;
  }
  Batch batch;
  bool matched[type::batch_rows_max];  ///< by batch row

 private:
  Operator* input_;
  Arena arena_;
  bool owned_ = false;
};

std::span<const Physical> physicals(State& state, std::span<const plan::OutputColumn> outputs) {
  auto* result = state.arena->array<Physical>(outputs.size() + 1);
  for (std::size_t i = 0; i < outputs.size(); ++i)
    result[i] = outputs[i].physical == Physical::none ? type::physical_of(outputs[i].type) : outputs[i].physical;
  return {result, outputs.size()};
}

/// The rows of the left batch that are (not) marked, as a batch of the left columns.
Batch marked_rows(LeftSide& left, bool wanted, Arena& arena) {
  auto* rows = arena.array<std::uint16_t>(left.batch.selected.count);
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < left.batch.selected.count; ++i) {
    const std::uint32_t row = left.batch.selected[i];
    if (left.matched[row] == wanted) rows[count++] = static_cast<std::uint16_t>(row);
  }
  return {left.batch.columns, left.batch.rows, {rows, count}};
}
/// The same with NULLs for the right columns.
Batch null_extended(const Batch& left, std::span<const Physical> right, Arena& arena) {
  const std::size_t width = left.columns.size() + right.size();
  std::span<Vector> columns{arena.array<Vector>(width + 1), width};
  std::copy(left.columns.begin(), left.columns.end(), columns.begin());
  for (std::size_t i = 0; i < right.size(); ++i) columns[left.columns.size() + i] = null_vector(right[i]);
  return {columns, left.rows, left.selected};
}

// --- hash join ------------------------------------------------------------------------------------------------------

class HashJoinOp final : public Operator {
 public:
  HashJoinOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        left_(state, make_operator(state, *node.left)),
        right_(make_operator(state, *node.right)),
        table_arena_(state.arena->budget()),
        type_(plan_node<plan::HashJoin>().type),
        right_types_(physicals(state, plan_node<plan::HashJoin>().right->outputs)),
        left_types_(physicals(state, plan_node<plan::HashJoin>().left->outputs)),
        key_count_(node.codes.size()) {
    const auto& join = plan_node<plan::HashJoin>();
    auto* types = state.arena->array<KeyType>(key_count_ + 1);
    for (std::size_t k = 0; k < key_count_; ++k) new (&types[k]) KeyType(KeyType::of(join.keys[k].left->type));
    key_types_ = {types, key_count_};
    left_keys_ = state.arena->array<Vector>(key_count_ + 1);
  }
  Result<bool> next(Batch& out) override {
    if (!built_) SPG_TRY(build());
    while (!left_done_) {
      SPG_TRY(state_.check());
      if (!has_left_) {
        SPG_ASSIGN(const bool more, left_.next());
        if (!more) {
          left_done_ = true;
          break;
        }
        SPG_TRY(start_left());
      }
      SPG_ASSIGN(const bool some, probe(out));
      if (some) return true;
      has_left_ = false;
      if (finish_left(out)) return true;
    }
    return emit_unmatched_right(out);
  }
  void rescan() override {
    left_.input()->rescan();
    if (!built_ || node_.right->depends) {
      built_ = false;
      right_->rescan();
    } else if (keeps_unmatched_right(type_)) {
      std::fill(matched_.begin(), matched_.end(), std::uint8_t{0});
    }
    has_left_ = left_done_ = false;
    unmatched_at_ = 0;
  }

 private:
  Status build() {
    table_arena_.reset();
    built_ = true;
    has_left_ = left_done_ = has_null_key_ = false;
    unmatched_at_ = 0;
    rows_ = new (table_arena_.allocate(sizeof(Rows), alignof(Rows))) Rows(table_arena_);
    hashes_ = Vec<std::uint32_t>(table_arena_);
    chains_ = Vec<std::uint32_t>(table_arena_);
    heads_ = nullptr;
    const std::size_t width = right_types_.size() + key_count_;
    std::span<Vector> columns{state_.arena->array<Vector>(width + 1), width};
    std::uint64_t hashes[type::batch_rows_max];
    Batch batch;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, right_->next(batch));
      if (!more) break;
      if (batch.selected.count == 0) continue;
      begin_batch();
      see(batch);
      std::copy(batch.columns.begin(), batch.columns.end(), columns.begin());
      for (std::size_t k = 0; k < key_count_; ++k)
        SPG_TRY(evaluate(*node_.more[k], frame_, batch.selected, columns[batch.columns.size() + k]));
      const std::span<Vector> keys = columns.subspan(right_types_.size());
      for (std::size_t k = 0; k < key_count_; ++k) hash_column(key_types_[k], keys[k], batch.selected, hashes, k == 0);
      if (key_count_ == 0) std::fill(hashes, hashes + batch.selected.count, 0);
      for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
        const std::uint32_t row = batch.selected[i];
        bool null = false;
        for (const Vector& key : keys) null = null || key.is_null(row);
        has_null_key_ = has_null_key_ || null;
        // Rows with a NULL key match nothing; they stay out of the chains.
        hashes_.push_back(static_cast<std::uint32_t>(hashes[i]));
        chains_.push_back(null ? no_row - 1 : no_row);
      }
      rows_->append({columns, batch.rows, batch.selected});
      SPG_TRY(table_arena_.check());
    }
    std::size_t buckets = 16;
    while (buckets < rows_->size() * std::size_t{2}) buckets *= 2;
    heads_ = static_cast<std::uint32_t*>(table_arena_.try_allocate(buckets * 4, 4));
    if (heads_ == nullptr) return Error::out_of_memory();
    std::fill(heads_, heads_ + buckets, no_row);
    mask_ = static_cast<std::uint32_t>(buckets - 1);
    // From the end, so that chains run in the order of the rows.
    for (std::uint32_t row = rows_->size(); row-- > 0;) {
      if (chains_[row] == no_row - 1) continue;
      std::uint32_t& head = heads_[hashes_[row] & mask_];
      chains_[row] = head;
      head = row;
    }
    matched_ = Vec<std::uint8_t>(table_arena_);
    if (keeps_unmatched_right(type_)) matched_.resize(rows_->size());
    if (plan::NodeCounters* did = counters()) {
      did->memory_bytes = std::max<std::uint64_t>(did->memory_bytes, table_arena_.held_bytes());
      did->hash_buckets = std::max<std::uint64_t>(did->hash_buckets, buckets);
    }
    return table_arena_.check();
  }

  Status start_left() {
    begin_batch();
    suspended_ = false;
    see(left_.batch);
    for (std::size_t k = 0; k < key_count_; ++k)
      SPG_TRY(evaluate(*node_.codes[k], frame_, left_.batch.selected, left_keys_[k]));
    for (std::size_t k = 0; k < key_count_; ++k)
      hash_column(key_types_[k], left_keys_[k], left_.batch.selected, left_hashes_, k == 0);
    if (key_count_ == 0) std::fill(left_hashes_, left_hashes_ + left_.batch.selected.count, 0);
    has_left_ = true;
    at_ = 0;
    chain_ = no_row;
    entered_ = false;
    return ok();
  }
  bool left_key_is_null(std::uint32_t row) const {
    for (std::size_t k = 0; k < key_count_; ++k)
      if (left_keys_[k].is_null(row)) return true;
    return false;
  }
  bool same_keys(std::uint32_t left_row, std::uint32_t right_row) const {
    for (std::size_t k = 0; k < key_count_; ++k) {
      const std::size_t c = right_types_.size() + k;
      if (!keys_equal(key_types_[k], left_keys_[k].physical, value_at(left_keys_[k], left_row),
                      rows_->column(right_row, c).physical, rows_->at(right_row, c)))
        return false;
    }
    return true;
  }

  /// Collects pairs of the left batch and emits what is to be emitted. False when the batch is exhausted.
  Result<bool> probe(Batch& out) {
    std::uint16_t left_rows[type::batch_rows_max];
    std::uint32_t right_rows[type::batch_rows_max];
    const bool first_is_enough = emits_left_only(type_) && node_.condition == nullptr;
    while (at_ < left_.batch.selected.count) {
      std::uint32_t pairs = 0;
      for (; at_ < left_.batch.selected.count; ++at_, entered_ = false) {
        const std::uint32_t row = left_.batch.selected[at_];
        if (!entered_) {
          entered_ = true;
          chain_ = left_key_is_null(row) ? no_row : heads_[static_cast<std::uint32_t>(left_hashes_[at_]) & mask_];
        }
        bool full = false;
        while (chain_ != no_row) {
          const std::uint32_t candidate = chain_;
          if (hashes_[candidate] == static_cast<std::uint32_t>(left_hashes_[at_]) && same_keys(row, candidate)) {
            if (first_is_enough) {
              left_.matched[row] = true;
              chain_ = no_row;
              break;
            }
            if (pairs == type::batch_rows_max) {
              full = true;
              break;
            }
            left_rows[pairs] = static_cast<std::uint16_t>(row);
            right_rows[pairs++] = candidate;
          }
          chain_ = chains_[candidate];
        }
        if (full) break;
      }
      if (pairs == 0) continue;
      SPG_ASSIGN(const bool some, emit(left_rows, right_rows, pairs, out));
      if (some) return true;
    }
    return false;
  }
  Result<bool> emit(const std::uint16_t* left_rows, const std::uint32_t* right_rows, std::uint32_t pairs, Batch& out) {
    pair_arena_.reset();
    const std::size_t left_width = left_.batch.columns.size(), width = left_width + right_types_.size();
    std::span<Vector> columns{pair_arena_.array<Vector>(width + 1), width};
    const Batch left = copy_batch({left_.batch.columns, left_.batch.rows, {left_rows, pairs}}, pair_arena_, false);
    std::copy(left.columns.begin(), left.columns.end(), columns.begin());
    rows_->gather_rows({right_rows, pairs}, columns.subspan(left_width), right_types_, pair_arena_);
    Selection selected{nullptr, pairs};
    if (node_.condition != nullptr) {
      // The residual sees pairs; the left batch comes back for the next ones.
      see({columns, pairs, selected});
      frame_.arena = &pair_arena_;
      Status status =
          filter_rows(*node_.condition, frame_, selected, pair_arena_.array<std::uint16_t>(pairs), selected);
      frame_.arena = &batch_arena_;
      SPG_TRY(std::move(status));
      if (plan::NodeCounters* did = counters()) did->removed_by_join_filter += pairs - selected.count;
    }
    for (std::uint32_t i = 0; i < selected.count; ++i) {
      left_.matched[left_rows[selected[i]]] = true;
      if (!matched_.empty()) matched_[right_rows[selected[i]]] = 1;
    }
    if (emits_left_only(type_) || selected.count == 0) return false;
    out = {columns, pairs, selected};
    if (at_ < left_.batch.selected.count) SPG_TRY(suspend());
    return true;
  }
  /// Before returning in the middle of a left batch: it is copied, and its keys evaluated over the copy. `at_` and
  /// `left_hashes_` count selected rows, which copying keeps.
  Status suspend() {
    if (suspended_) return ok();
    suspended_ = true;
    left_.own();
    see(left_.batch);
    for (std::size_t k = 0; k < key_count_; ++k)
      SPG_TRY(evaluate(*node_.codes[k], frame_, left_.batch.selected, left_keys_[k]));
    return ok();
  }

  bool finish_left(Batch& out) {
    switch (type_) {
      case JoinType::left:
      case JoinType::full:
        out = null_extended(marked_rows(left_, false, batch_arena_), right_types_, batch_arena_);
        break;
      case JoinType::semi: out = marked_rows(left_, true, batch_arena_); break;
      case JoinType::anti: out = marked_rows(left_, false, batch_arena_); break;
      case JoinType::anti_null_aware:
        if (rows_->size() != 0 && has_null_key_) return false;
        if (rows_->size() != 0)
          for (std::uint32_t i = 0; i < left_.batch.selected.count; ++i)
            if (const std::uint32_t row = left_.batch.selected[i]; left_key_is_null(row)) left_.matched[row] = true;
        out = marked_rows(left_, false, batch_arena_);
        break;
      default: return false;
    }
    return out.selected.count != 0;
  }

  Result<bool> emit_unmatched_right(Batch& out) {
    if (!keeps_unmatched_right(type_)) return false;
    std::uint32_t rows[type::batch_rows_max];
    std::uint32_t count = 0;
    for (; unmatched_at_ < rows_->size() && count < type::batch_rows_max; ++unmatched_at_)
      if (matched_[unmatched_at_] == 0) rows[count++] = unmatched_at_;
    if (count == 0) return false;
    pair_arena_.reset();
    const std::size_t width = left_types_.size() + right_types_.size();
    std::span<Vector> columns{pair_arena_.array<Vector>(width + 1), width};
    for (std::size_t i = 0; i < left_types_.size(); ++i) columns[i] = null_vector(left_types_[i]);
    rows_->gather_rows({rows, count}, columns.subspan(left_types_.size()), right_types_, pair_arena_);
    out = {columns, count, {nullptr, count}};
    return true;
  }

  LeftSide left_;
  Operator* right_;
  Arena table_arena_;
  Arena pair_arena_{state_.arena->budget()};  ///< of one batch of pairs; batch_arena_ keeps the left batch's keys
  JoinType type_;
  std::span<const Physical> right_types_, left_types_;
  std::size_t key_count_;
  std::span<const KeyType> key_types_;
  Vector* left_keys_;
  Rows* rows_ = nullptr;  ///< right columns, then right keys
  Vec<std::uint32_t> hashes_, chains_;
  Vec<std::uint8_t> matched_;
  std::uint32_t* heads_ = nullptr;
  std::uint32_t mask_ = 0, at_ = 0, chain_ = no_row, unmatched_at_ = 0;
  bool built_ = false, has_left_ = false, left_done_ = false, entered_ = false, has_null_key_ = false,
       suspended_ = false;
  std::uint64_t left_hashes_[type::batch_rows_max];
};

// --- loop join ------------------------------------------------------------------------------------------------------

class LoopJoinOp final : public Operator {
 public:
  LoopJoinOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        left_(state, make_operator(state, *node.left)),
        right_(make_operator(state, *node.right)),
        type_(plan_node<plan::LoopJoin>().type),
        left_types_(physicals(state, plan_node<plan::LoopJoin>().left->outputs)),
        right_types_(physicals(state, plan_node<plan::LoopJoin>().right->outputs)),
        values_(state.arena->array<Value>(node.codes.size() + 1)),
        versions_(state.arena->array<std::uint64_t>(node.codes.size() + 1)),
        matched_memory_(state.arena->budget()),
        matched_right_(matched_memory_) {}

  Result<bool> next(Batch& out) override {
    begin_batch();
    while (!left_done_) {
      SPG_TRY(state_.check());
      if (!has_left_) {
        SPG_ASSIGN(const bool more, left_.next());
        if (!more) {
          left_done_ = true;
          break;
        }
        left_.own();  // the right side runs many times while the batch is here
        has_left_ = true;
        at_ = 0;
        in_row_ = false;
      }
      SPG_ASSIGN(const bool some, step(out));
      if (some) return true;
      has_left_ = false;
      if (finish_left(out)) return true;
      begin_batch();
    }
    return emit_unmatched_right(out);
  }
  void rescan() override {
    left_.input()->rescan();
    has_left_ = left_done_ = in_row_ = false;
    matched_right_.clear();
    unmatched_started_ = false;
  }

 private:
  /// Goes on with the left batch until something is to be emitted; false at its end.
  Result<bool> step(Batch& out) {
    const auto& join = plan_node<plan::LoopJoin>();
    for (; at_ < left_.batch.selected.count; ++at_, in_row_ = false) {
      const std::uint32_t row = left_.batch.selected[at_];
      if (!in_row_) {
        in_row_ = true;
        right_seen_ = 0;
        see(left_.batch);
        for (std::size_t i = 0; i < join.bindings.size(); ++i) {
          SPG_ASSIGN(const Value value, evaluate_row(*node_.codes[i], frame_, row));
          // The left batch is owned, but computed values lie in batch memory that goes.
          values_[i] = own_value(value, row_arena(i == 0));
          state_.set_parameter(join.bindings[i].parameter, values_[i]);
          versions_[i] = state_.epoch;
        }
        right_->rescan();
      } else {
        // Another loop, or a subquery, may have set the same parameters since.
        for (std::size_t i = 0; i < join.bindings.size(); ++i) {
          state_.parameters[join.bindings[i].parameter] = values_[i];
          state_.versions[join.bindings[i].parameter] = versions_[i];
        }
      }
      Batch right;
      for (;;) {
        SPG_TRY(state_.check());
        SPG_ASSIGN(const bool more, right_->next(right));
        if (!more) break;
        if (right.selected.count == 0) continue;
        const bool decided = type_ == JoinType::semi || type_ == JoinType::anti || type_ == JoinType::anti_null_aware;
        begin_batch();
        SPG_ASSIGN(const bool some, pair(row, right, out));
        right_seen_ += right.selected.count;
        if (decided && left_.matched[row]) break;
        if (some && !decided) return true;
      }
    }
    return false;
  }
  Arena& row_arena(bool first) {
    if (first) row_memory_.reset();
    return row_memory_;
  }
  /// One left row against a batch of right rows.
  Result<bool> pair(std::uint32_t row, const Batch& right, Batch& out) {
    const std::size_t left_width = left_.batch.columns.size(), width = left_width + right.columns.size();
    std::span<Vector> columns{batch_arena_.array<Vector>(width + 1), width};
    static constexpr std::uint64_t none_valid = 0;
    for (std::size_t c = 0; c < left_width; ++c) {
      const Vector& from = left_.batch.columns[c];
      columns[c] = {from.physical, Vector::Form::constant, value_at(from, row),
                    from.is_null(row) ? &none_valid : nullptr, nullptr};
    }
    std::copy(right.columns.begin(), right.columns.end(), columns.begin() + static_cast<std::ptrdiff_t>(left_width));
    Selection selected = right.selected;
    if (node_.condition != nullptr) {
      see({columns, right.rows, selected});
      if (type_ == JoinType::anti_null_aware) {
        // NOT IN: an unknown comparison keeps the row out, too.
        Vector verdict;
        SPG_TRY(evaluate(*node_.condition, frame_, selected, verdict));
        for (std::uint32_t i = 0; i < selected.count; ++i)
          if (verdict.is_null(selected[i]) || verdict.value<std::uint8_t>(selected[i]) != 0) left_.matched[row] = true;
        return false;
      }
      SPG_TRY(
          filter_rows(*node_.condition, frame_, selected, batch_arena_.array<std::uint16_t>(selected.count), selected));
      if (plan::NodeCounters* did = counters()) did->removed_by_join_filter += right.selected.count - selected.count;
    }
    if (selected.count == 0) return false;
    left_.matched[row] = true;
    if (keeps_unmatched_right(type_)) mark_right(right, selected);
    out = {columns, right.rows, selected};
    return true;
  }
  /// Right and full joins: the right side does not depend on the left row, so its rows come in the same order each
  /// time.
  void mark_right(const Batch& right, Selection selected) {
    matched_right_.resize(std::max<std::size_t>(matched_right_.size(), right_seen_ + right.selected.count));
    std::uint32_t at = 0;
    for (std::uint32_t i = 0; i < right.selected.count && at < selected.count; ++i) {
      if (right.selected[i] != selected[at]) continue;
      matched_right_[right_seen_ + i] = 1;
      ++at;
    }
  }

  bool finish_left(Batch& out) {
    begin_batch();
    switch (type_) {
      case JoinType::left:
      case JoinType::full:
        out = null_extended(marked_rows(left_, false, batch_arena_), right_types_, batch_arena_);
        break;
      case JoinType::semi: out = marked_rows(left_, true, batch_arena_); break;
      case JoinType::anti:
      case JoinType::anti_null_aware: out = marked_rows(left_, false, batch_arena_); break;
      default: return false;
    }
    return out.selected.count != 0;
  }
  Result<bool> emit_unmatched_right(Batch& out) {
    if (!keeps_unmatched_right(type_)) return false;
    if (!unmatched_started_) {
      unmatched_started_ = true;
      right_seen_ = 0;
      right_->rescan();
    }
    Batch right;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, right_->next(right));
      if (!more) return false;
      begin_batch();
      auto* rows = batch_arena_.array<std::uint16_t>(right.selected.count);
      std::uint32_t count = 0;
      for (std::uint32_t i = 0; i < right.selected.count; ++i) {
        const std::size_t number = right_seen_ + i;
        if (number >= matched_right_.size() || matched_right_[number] == 0)
          rows[count++] = static_cast<std::uint16_t>(right.selected[i]);
      }
      right_seen_ += right.selected.count;
      if (count == 0) continue;
      const std::size_t width = left_types_.size() + right.columns.size();
      std::span<Vector> columns{batch_arena_.array<Vector>(width + 1), width};
      for (std::size_t c = 0; c < left_types_.size(); ++c) columns[c] = null_vector(left_types_[c]);
      std::copy(right.columns.begin(), right.columns.end(),
                columns.begin() + static_cast<std::ptrdiff_t>(left_types_.size()));
      out = {columns, right.rows, {rows, count}};
      return true;
    }
  }

  LeftSide left_;
  Operator* right_;
  JoinType type_;
  std::span<const Physical> left_types_, right_types_;
  Value* values_;
  std::uint64_t* versions_;  ///< State::versions of the bindings
  Arena row_memory_{state_.arena->budget()};
  Arena matched_memory_;
  Vec<std::uint8_t> matched_right_;
  std::uint32_t at_ = 0;
  std::size_t right_seen_ = 0;
  bool has_left_ = false, left_done_ = false, in_row_ = false, unmatched_started_ = false;
};

// --- index join -----------------------------------------------------------------------------------------------------

class IndexJoinOp final : public Operator {
 public:
  IndexJoinOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        left_(state, make_operator(state, *node.left)),
        type_(plan_node<plan::IndexJoin>().type),
        probe_arena_(state.arena->budget()),
        rowids_(probe_arena_),
        numbers_(*state.arena) {
    const auto& join = plan_node<plan::IndexJoin>();
    for (const std::uint16_t number : join.columns)
      if (number != 0) numbers_.push_back(number);
    right_types_ = physicals(state, node.node->outputs);
    if (!emits_left_only(type_)) right_types_ = right_types_.last(join.columns.size());
    else {
      auto* types = state.arena->array<Physical>(join.columns.size() + 1);
      for (std::size_t i = 0; i < join.columns.size(); ++i) types[i] = type::physical_of(node.columns[i].type);
      right_types_ = {types, join.columns.size()};
    }
  }
  Result<bool> next(Batch& out) override {
    begin_batch();
    for (;;) {
      SPG_TRY(state_.check());
      if (!has_left_) {
        state_.renew_guards();  // what was looked up for the last batch
        SPG_ASSIGN(const bool more, left_.next());
        if (!more) return false;
        SPG_TRY(look_up());
      }
      SPG_ASSIGN(const bool some, pairs(out));
      if (some) return true;
      has_left_ = false;
      if (finish_left(out)) return true;
      begin_batch();
    }
  }
  void rescan() override {
    left_.input()->rescan();
    has_left_ = false;
  }

 private:
  Status look_up() {
    const auto& join = plan_node<plan::IndexJoin>();
    probe_arena_.reset();
    rowids_ = Vec<std::uint64_t>(probe_arena_);
    const std::uint32_t count = left_.batch.selected.count;
    see(left_.batch);
    auto* keys = probe_arena_.array<Vector>(node_.codes.size() + 1);
    for (std::size_t k = 0; k < node_.codes.size(); ++k) {
      SPG_TRY(evaluate(*node_.codes[k], frame_, left_.batch.selected, keys[k]));
      if (k < node_.keys.size() && node_.keys[k].is_scaled() && keys[k].physical == Physical::string)
        scale_keys(keys[k], node_.keys[k]);
    }
    ends_ = probe_arena_.array<std::uint32_t>(count);
    SPG_TRY(state_.context.view->probe(join.table, join.index, {keys, node_.codes.size()}, left_.batch.selected,
                                       rowids_, {ends_, count}));
    if (plan::NodeCounters* did = counters()) {
      did->probes += count;
      did->probed_rows += rowids_.size();
    }
    has_left_ = true;
    at_ = pair_at_ = 0;
    return probe_arena_.check();
  }
  /// Numerics as the index keeps them; a value that the column cannot hold matches nothing.
  void scale_keys(Vector& key, const StoredColumn& column) {
    const std::size_t bytes = type::physical_bytes(column.physical);
    auto* values = static_cast<std::byte*>(probe_arena_.allocate(bytes * left_.batch.rows));
    auto* validity = probe_arena_.array<std::uint64_t>(type::batch_words);
    std::memset(validity, 0xff, type::batch_words * 8);
    for (std::uint32_t i = 0; i < left_.batch.selected.count; ++i) {
      const std::uint32_t row = left_.batch.selected[i];
      StoredValue stored;
      if (!key.is_null(row)) stored = to_stored(type::value_of(key, row), column, probe_arena_);
      if (key.is_null(row) || !stored.exact) {
        clear_bit(validity, row);
        std::memset(values + row * bytes, 0, bytes);
      } else std::memcpy(values + row * bytes, stored.value.bytes, bytes);
    }
    key = {column.physical, Vector::Form::flat, values, validity, nullptr};
  }

  Result<bool> pairs(Batch& out) {
    const auto& join = plan_node<plan::IndexJoin>();
    const std::uint32_t lefts = left_.batch.selected.count;
    if (emits_left_only(type_) && node_.condition == nullptr) {
      for (std::uint32_t i = 0, from = 0; i < lefts; from = ends_[i++])
        left_.matched[left_.batch.selected[i]] = ends_[i] > from;
      return false;
    }
    std::uint16_t left_rows[type::batch_rows_max];
    while (pair_at_ < rowids_.size()) {
      begin_batch();
      const std::uint32_t first = pair_at_;
      std::uint32_t count = 0;
      for (; pair_at_ < rowids_.size() && count < type::batch_rows_max; ++pair_at_) {
        while (ends_[at_] <= pair_at_) ++at_;
        left_rows[count++] = static_cast<std::uint16_t>(left_.batch.selected[at_]);
      }
      const std::size_t left_width = left_.batch.columns.size(), width = left_width + join.columns.size();
      std::span<Vector> columns{batch_arena_.array<Vector>(width + 1), width};
      const Batch left = copy_batch({left_.batch.columns, left_.batch.rows, {left_rows, count}}, batch_arena_, false);
      std::copy(left.columns.begin(), left.columns.end(), columns.begin());
      SPG_TRY(fetch({rowids_.data() + first, count}, columns.subspan(left_width)));
      Selection selected{nullptr, count};
      if (node_.condition != nullptr) {
        see({columns, count, selected});
        SPG_TRY(filter_rows(*node_.condition, frame_, selected, batch_arena_.array<std::uint16_t>(count), selected));
        if (plan::NodeCounters* did = counters()) did->removed_by_filter += count - selected.count;
      }
      for (std::uint32_t i = 0; i < selected.count; ++i) left_.matched[left_rows[selected[i]]] = true;
      if (emits_left_only(type_) || selected.count == 0) continue;
      out = {columns, count, selected};
      if (pair_at_ < rowids_.size() || keeps_unmatched_left(type_)) left_.own();
      return true;
    }
    return false;
  }
  Status fetch(std::span<const std::uint64_t> rowids, std::span<Vector> out) {
    const auto count = static_cast<std::uint32_t>(rowids.size());
    auto* fetched = batch_arena_.array<Vector>(numbers_.size() + 1);
    if (!numbers_.empty())
      SPG_TRY(state_.context.view->fetch(plan_node<plan::IndexJoin>().table, rowids, {numbers_.data(), numbers_.size()},
                                         batch_arena_, {fetched, numbers_.size()}));
    std::size_t at = 0;
    for (std::size_t c = 0; c < out.size(); ++c) {
      const StoredColumn& column = node_.columns[c];
      if (column.number == 0) {
        out[c] = {Physical::int8, Vector::Form::flat, rowids.data(), nullptr, nullptr};
        continue;
      }
      out[c] = fetched[at++];
      SPG_TRY(check_stored(out[c], column));
      if (column.is_scaled() && out[c].physical != Physical::string)
        out[c] = numerics_of(out[c], column.scale, {nullptr, count}, count, batch_arena_);
    }
    return ok();
  }
  bool finish_left(Batch& out) {
    switch (type_) {
      case JoinType::left:
      case JoinType::full:
        out = null_extended(marked_rows(left_, false, batch_arena_), right_types_, batch_arena_);
        break;
      case JoinType::semi: out = marked_rows(left_, true, batch_arena_); break;
      case JoinType::anti:
      case JoinType::anti_null_aware: out = marked_rows(left_, false, batch_arena_); break;
      default: return false;
    }
    return out.selected.count != 0;
  }

  LeftSide left_;
  JoinType type_;
  Arena probe_arena_;
  Vec<std::uint64_t> rowids_;
  Vec<std::uint16_t> numbers_;
  std::span<const Physical> right_types_;
  std::uint32_t* ends_ = nullptr;
  std::uint32_t at_ = 0, pair_at_ = 0;
  bool has_left_ = false;
};

}  // namespace

Operator* make_hash_join(State& state, const CompiledNode& node) { return new_operator<HashJoinOp>(state, node); }
Operator* make_loop_join(State& state, const CompiledNode& node) { return new_operator<LoopJoinOp>(state, node); }
Operator* make_index_join(State& state, const CompiledNode& node) { return new_operator<IndexJoinOp>(state, node); }

}  // namespace spg::exec
