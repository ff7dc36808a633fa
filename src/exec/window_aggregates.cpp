// Aggregates over frames.
//
// count and the exact sums subtract running totals of the whole input, whatever the frame: no work per row of a frame.
// min, max and the bit and boolean aggregates fold each piece of a frame with two stacks (fold values of what will
// leave first, one fold of what came since), which costs two steps per row, however long the frames. Other aggregates
// keep a state that frames grow; when a frame's beginning moves, or it has a hole, rows are taken out again where the
// aggregate has an exact inverse (NumericSum, intervals), else the frame is aggregated anew: so does PostgreSQL, whose
// sums of floats depend on the order of additions. That one is as long as the frames are, for each row.
#include <cmath>

#include "kernels.hpp"
#include "window.hpp"

namespace spg::exec {
namespace {

using type::Int128;
using i2 = std::int16_t;
using i4 = std::int32_t;
using i8 = std::int64_t;

template <class T>
T* try_array(Arena& arena, std::size_t count) {
  return static_cast<T*>(arena.try_allocate(count * sizeof(T) + 1));
}

/// The rows that an aggregate sees: those that pass the filter and have no NULL argument, numbered without gaps.
struct Kept {
  std::uint32_t* before = nullptr;  ///< kept rows before each row, and before the end; null: all are kept
  std::uint32_t* rows = nullptr;    ///< the row of each kept one
  std::uint32_t index(std::uint32_t row) const { return before == nullptr ? row : before[row]; }
  std::uint32_t row(std::uint32_t at) const { return rows == nullptr ? at : rows[at]; }
  RowRange of(RowRange range) const { return {index(range.begin), index(range.end)}; }
};

Status find_kept(const WindowTask& task, bool sees_nulls, Kept& kept) {
  bool all = task.filter == nullptr;
  for (const Vector& argument : task.arguments) all = all && (sees_nulls || argument.validity == nullptr);
  if (all) return ok();
  const std::uint32_t count = task.rows.count;
  kept.before = try_array<std::uint32_t>(task.scratch, count + std::size_t{1});
  kept.rows = try_array<std::uint32_t>(task.scratch, count + std::size_t{1});
  if (kept.before == nullptr || kept.rows == nullptr) return Error::out_of_memory();
  std::uint32_t n = 0;
  for (std::uint32_t row = 0; row < count; ++row) {
    kept.before[row] = n;
    bool keep = task.filter == nullptr || task.filter->value<std::uint8_t>(row) != 0;
    for (const Vector& argument : task.arguments) keep = keep && (sees_nulls || !argument.is_null(row));
    kept.rows[n] = row;
    n += keep;
  }
  kept.before[count] = n;
  return ok();
}

/// Calls visit(row, pieces of kept rows) for each row whose frame is not that of the row before; others repeat its
/// result.
template <class Visit>
Status each_frame(WindowTask& task, const Kept& kept, Visit visit) {
  const FrameBounds& frame = *task.frame;
  const std::size_t count = frame.piece_count();
  RowRange pieces[2][3];
  int now = 0;
  for (std::uint32_t row = 0; row < task.rows.count; ++row, now ^= 1) {
    RowRange* own = pieces[now];
    frame.pieces(row, own);
    if (row != 0 && std::equal(own, own + count, pieces[now ^ 1])) {
      task.out.repeat(row, row - 1);
    } else {
      RowRange seen[3];
      for (std::size_t i = 0; i < count; ++i) seen[i] = kept.of(own[i]);
      SPG_TRY(visit(row, std::span<const RowRange>(seen, count)));
    }
    if (row % type::batch_rows_max == 0) SPG_TRY(task.scratch.check());
  }
  return ok();
}
std::uint32_t size_of(std::span<const RowRange> pieces) {
  std::uint32_t size = 0;
  for (const RowRange& piece : pieces) size += piece.size();
  return size;
}

// --- sums by running totals -----------------------------------------------------------------------------------------

Result<bool> count_rows(WindowTask& task, const Kept& kept) {
  SPG_TRY(each_frame(task, kept, [&](std::uint32_t row, std::span<const RowRange> pieces) -> Status {
    task.out.set(row, i8{size_of(pieces)});
    return ok();
  }));
  return true;
}

/// totals[i]: the sum of the first i kept values. Wraps around where a total does, which differences undo.
template <class Sum>
struct Totals {
  Sum* totals = nullptr;
  Sum of(std::span<const RowRange> pieces) const {
    Sum sum = 0;
    for (const RowRange& piece : pieces)
      if (piece.end > piece.begin) sum += totals[piece.end] - totals[piece.begin];
    return sum;
  }
};
template <class T, class Sum>
Result<Totals<Sum>> integer_totals(WindowTask& task, const Kept& kept) {
  const std::uint32_t count = kept.index(task.rows.count);
  Totals<Sum> made{try_array<Sum>(task.scratch, count + std::size_t{1})};
  if (made.totals == nullptr) return Error::out_of_memory();
  made.totals[0] = 0;
  for (std::uint32_t i = 0; i < count; ++i)
    made.totals[i + 1] = made.totals[i] + static_cast<Sum>(task.arguments[0].value<T>(kept.row(i)));
  return made;
}

template <class T>
Result<bool> integer_sum(WindowTask& task, const Kept& kept) {
  SPG_ASSIGN(const Totals<std::uint64_t> totals, (integer_totals<T, std::uint64_t>(task, kept)));
  SPG_TRY(each_frame(task, kept, [&](std::uint32_t row, std::span<const RowRange> pieces) -> Status {
    if (size_of(pieces) == 0) task.out.set_null(row);
    else task.out.set(row, static_cast<i8>(totals.of(pieces)));
    return ok();
  }));
  return true;
}

/// A result that is a numeric made of the frame's exact sum.
template <class Make>
Status numeric_results(WindowTask& task, const Kept& kept, Make make) {
  Arena memory(task.scratch.budget());
  return each_frame(task, kept, [&](std::uint32_t row, std::span<const RowRange> pieces) -> Status {
    const std::uint32_t count = size_of(pieces);
    if (count == 0) {
      task.out.set_null(row);
      return ok();
    }
    memory.reset();
    SPG_ASSIGN(const Numeric made, make(pieces, count, memory));
    task.out.set_value(row, own_value(Value::of(Physical::string, made), task.context.arena));
    return ok();
  });
}
template <bool average>
Result<Numeric> numeric_of(Int128 sum, int scale, std::uint32_t count, Arena& arena) {
  const Numeric total = type::numeric_from_scaled(sum, scale, arena);
  if (!average) return total;
  return type::numeric_div(total, type::numeric_from_int8(count, arena), arena);
}
template <class T, bool average>
Result<bool> integer_to_numeric(WindowTask& task, const Kept& kept) {
  SPG_ASSIGN(const Totals<Int128> totals, (integer_totals<T, Int128>(task, kept)));
  SPG_TRY(numeric_results(task, kept, [&](std::span<const RowRange> pieces, std::uint32_t count, Arena& arena) {
    return numeric_of<average>(totals.of(pieces), 0, count, arena);
  }));
  return true;
}

/// Numerics of one scale that are small enough for all of them to be summed in 128 bits; false when they are not.
template <bool average>
Result<bool> numeric_sum(WindowTask& task, const Kept& kept) {
  constexpr int digits_max = 27;  // 2^32 values of 10^27 are below 2^127
  const std::uint32_t count = kept.index(task.rows.count);
  if (count == 0) {
    SPG_TRY(numeric_results(task, kept, [](std::span<const RowRange>, std::uint32_t, Arena& arena) {
      return Result<Numeric>(type::numeric_from_int8(0, arena));
    }));
    return true;
  }
  Int128 most = 1;
  for (int i = 0; i < digits_max; ++i) most *= 10;
  const Vector& values = task.arguments[0];
  const auto& first = values.value<Numeric>(kept.row(0));
  if (first.is_special()) return false;
  const int scale = first.dscale();
  Totals<Int128> totals{try_array<Int128>(task.scratch, count + std::size_t{1})};
  if (totals.totals == nullptr) return Error::out_of_memory();
  totals.totals[0] = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const auto& value = values.value<Numeric>(kept.row(i));
    Int128 scaled;
    if (value.is_special() || value.dscale() != scale || !type::numeric_to_scaled(value, scale, &scaled) ||
        scaled > most || scaled < -most)
      return false;
    totals.totals[i + 1] = totals.totals[i] + scaled;
  }
  SPG_TRY(numeric_results(task, kept, [&](std::span<const RowRange> pieces, std::uint32_t n, Arena& arena) {
    return numeric_of<average>(totals.of(pieces), scale, n, arena);
  }));
  return true;
}

// --- sums of floats, in the order of rows ---------------------------------------------------------------------------

template <class T>
Status check_float_sum(const Vector& values, const Kept& kept, std::span<const RowRange> pieces) {
  T sum = 0;
  for (const RowRange& piece : pieces)
    for (std::uint32_t at = piece.begin; at < piece.end; ++at) {
      const T value = values.value<T>(kept.row(at));
      if (std::isinf(sum + value) && !std::isinf(sum) && !std::isinf(value)) return fault_error(overflow, {});
      sum += value;
    }
  return ok();
}

/// A frame that has only grown at its end goes on from the sum before; others are added up anew.
template <class T>
Result<bool> float_sum(WindowTask& task, const Kept& kept) {
  const Vector& values = task.arguments[0];
  const bool flat = values.form == Vector::Form::flat && kept.rows == nullptr;
  const T* all = values.as<T>();
  T sum = 0;
  RowRange held;
  SPG_TRY(each_frame(task, kept, [&](std::uint32_t row, std::span<const RowRange> pieces) -> Status {
    const bool grows =
        pieces.size() == 1 && held.size() != 0 && pieces[0].begin == held.begin && pieces[0].end >= held.end;
    bool first = !grows;
    for (const RowRange& piece : pieces)
      for (std::uint32_t at = grows ? held.end : piece.begin; at < piece.end; ++at) {
        const T value = flat ? all[at] : values.value<T>(kept.row(at));
        sum = first ? value : sum + value;  // not 0 + value: that would lose the sign of -0
        first = false;
      }
    held = pieces.size() == 1 ? pieces[0] : RowRange{};
    if (size_of(pieces) == 0) {
      task.out.set_null(row);
      return ok();
    }
    task.out.set(row, sum);
    return std::isfinite(sum) ? ok() : check_float_sum<T>(values, kept, pieces);
  }));
  return true;
}

// --- folds ----------------------------------------------------------------------------------------------------------

/// The fold of a range whose ends never go back. Fold: Item; load(kept row), combine(left, right).
template <class Fold>
class SlidingFold {
 public:
  using Item = typename Fold::Item;
  SlidingFold() = default;
  SlidingFold(const Fold& fold, std::uint32_t count, Arena& arena) : fold_(&fold), count_(count), arena_(&arena) {}

  Status move(RowRange to) {
    if (to.begin >= end_) {
      begin_ = end_ = middle_ = to.begin;
      has_back_ = false;
    }
    for (; end_ < to.end; ++end_) {
      const Item item = fold_->load(end_);
      back_ = has_back_ ? fold_->combine(back_, item) : item;
      has_back_ = true;
    }
    begin_ = to.begin > begin_ ? to.begin : begin_;
    return begin_ > middle_ && begin_ < end_ ? restack() : ok();
  }
  bool empty() const { return begin_ >= end_; }
  Item value() const {
    if (begin_ >= middle_) return back_;
    return has_back_ ? fold_->combine(front_[begin_], back_) : front_[begin_];
  }

 private:
  /// All that is there becomes the front stack: front_[i] folds [i, middle_).
  Status restack() {
    if (front_ == nullptr) {
      front_ = try_array<Item>(*arena_, count_ + std::size_t{1});
      if (front_ == nullptr) return Error::out_of_memory();
    }
    middle_ = end_;
    front_[end_ - 1] = fold_->load(end_ - 1);
    for (std::uint32_t i = end_ - 1; i-- > begin_;) front_[i] = fold_->combine(fold_->load(i), front_[i + 1]);
    has_back_ = false;
    return ok();
  }

  const Fold* fold_ = nullptr;
  std::uint32_t count_ = 0;
  Arena* arena_ = nullptr;
  Item* front_ = nullptr;
  Item back_{};
  bool has_back_ = false;
  std::uint32_t begin_ = 0, middle_ = 0, end_ = 0;
};

template <class Fold, class Put>
Status fold_frames(WindowTask& task, const Kept& kept, const Fold& fold, Put put) {
  SlidingFold<Fold> folds[3];
  for (SlidingFold<Fold>& one : folds) one = SlidingFold<Fold>(fold, kept.index(task.rows.count), task.scratch);
  return each_frame(task, kept, [&](std::uint32_t row, std::span<const RowRange> pieces) -> Status {
    bool has = false;
    typename Fold::Item all{};
    for (std::size_t i = 0; i < pieces.size(); ++i) {
      SPG_TRY(folds[i].move(pieces[i]));
      if (pieces[i].size() == 0) continue;
      all = has ? fold.combine(all, folds[i].value()) : folds[i].value();
      has = true;
    }
    if (has) put(row, all);
    else task.out.set_null(row);
    return ok();
  });
}

template <class T>
bool is_above(T a, T b) {
  if constexpr (std::is_floating_point_v<T>) {
    if (std::isnan(a) || std::isnan(b)) return std::isnan(a) && !std::isnan(b);
  }
  return a > b;
}
/// Of equal values the later one stays, as in PostgreSQL.
template <class T, bool max>
struct BestValueFold {
  using Item = T;
  const Vector& values;
  const Kept& kept;
  T load(std::uint32_t at) const { return values.value<T>(kept.row(at)); }
  T combine(T a, T b) const { return (max ? is_above(a, b) : is_above(b, a)) ? a : b; }
};
enum class FoldOp : std::uint8_t { and_, or_, xor_ };
template <class T, FoldOp op>
struct BitsFold {
  using Item = T;
  const Vector& values;
  const Kept& kept;
  T load(std::uint32_t at) const { return values.value<T>(kept.row(at)); }
  T combine(T a, T b) const { return static_cast<T>(op == FoldOp::and_ ? a & b : op == FoldOp::or_ ? a | b : a ^ b); }
};
/// The row with the best value, by the type's order.
template <bool max>
struct BestRow {
  using Item = std::uint32_t;
  const Vector& values;
  const Kept& kept;
  Oid type;
  std::uint32_t load(std::uint32_t at) const { return kept.row(at); }
  std::uint32_t combine(std::uint32_t a, std::uint32_t b) const {
    const int order = type::compare(type, type::value_of(values, a), type::value_of(values, b));
    return (max ? order > 0 : order < 0) ? a : b;
  }
};
template <bool max>
struct BestText {
  using Item = std::uint32_t;
  const Vector& values;
  const Kept& kept;
  std::uint32_t load(std::uint32_t at) const { return kept.row(at); }
  std::uint32_t combine(std::uint32_t a, std::uint32_t b) const {
    const int order = type::compare_bytes(values.value<StringRef>(a), values.value<StringRef>(b));
    return (max ? order > 0 : order < 0) ? a : b;
  }
};

template <class Fold>
Result<bool> fold_values(WindowTask& task, const Kept& kept) {
  const Fold fold{task.arguments[0], kept};
  SPG_TRY(fold_frames(task, kept, fold, [&](std::uint32_t row, typename Fold::Item item) { task.out.set(row, item); }));
  return true;
}
template <class Fold>
Status fold_rows(WindowTask& task, const Kept& kept, const Fold& fold) {
  return fold_frames(task, kept, fold, [&](std::uint32_t row, std::uint32_t from) {
    task.out.set_value(row, type::value_of(task.arguments[0], from));
  });
}
template <bool max>
Result<bool> best_row(WindowTask& task, const Kept& kept) {
  SPG_TRY(fold_rows(task, kept, BestRow<max>{task.arguments[0], kept, task.context.argument_type(0)}));
  return true;
}
template <bool max>
Result<bool> best_text(WindowTask& task, const Kept& kept) {
  SPG_TRY(fold_rows(task, kept, BestText<max>{task.arguments[0], kept}));
  return true;
}

// --- all others: a state that rows go into, and out of --------------------------------------------------------------

class MovingState {
 public:
  MovingState(const CompiledWindowCall& call, WindowTask& task, const Kept& kept)
      : function_(*call.aggregate),
        task_(task),
        kept_(kept),
        memory_(task.scratch.budget()),
        result_memory_(task.scratch.budget()),
        context_{task.context.exec, memory_, nullptr, task.context.arguments} {
    const std::size_t count = task.arguments.size();
    arguments_ = {task.scratch.array<Vector>(count + 1), count};
    rows_ = task.scratch.array<std::uint16_t>(type::batch_rows_max);
    groups_ = task.scratch.array<std::uint32_t>(type::batch_rows_max);
    std::memset(groups_, 0, type::batch_rows_max * sizeof(std::uint32_t));
    state_ = static_cast<std::byte*>(task.scratch.allocate(function_.state_bytes));
    std::memset(state_, 0, function_.state_bytes);
  }

  Status run() {
    return each_frame(task_, kept_, [&](std::uint32_t row, std::span<const RowRange> pieces) -> Status {
      SPG_TRY(move(pieces));
      return finish(row);
    });
  }

 private:
  Status move(std::span<const RowRange> to) {
    SPG_ASSIGN(const bool moved, slide(to));
    if (!moved) {
      memory_.reset();
      std::memset(state_, 0, function_.state_bytes);
      for (const RowRange& piece : to) SPG_TRY(add(piece));
    }
    std::copy(to.begin(), to.end(), held_);
    return ok();
  }
  /// Brings the state from the frame that it has to another one. False when it is to begin anew.
  Result<bool> slide(std::span<const RowRange> to) {
    std::uint32_t leaving = 0, staying = 0;
    for (std::size_t i = 0; i < to.size(); ++i) {
      const RowRange out = leaves(held_[i], to[i]);
      leaving += out.size();
      staying += held_[i].size() - out.size();
    }
    // Where order matters (there is no inverse), rows may only be added behind all others.
    if (function_.remove == nullptr && (leaving != 0 || to.size() != 1)) return false;
    if (leaving != 0 && leaving >= staying) return false;
    for (std::size_t i = 0; i < to.size(); ++i) {
      SPG_ASSIGN(const bool removed, remove(leaves(held_[i], to[i])));
      if (!removed) return false;
      SPG_TRY(add({held_[i].end > to[i].begin ? held_[i].end : to[i].begin, to[i].end}));
    }
    return true;
  }
  static RowRange leaves(RowRange held, RowRange to) {
    return {held.begin, held.end < to.begin ? held.end : to.begin > held.begin ? to.begin : held.begin};
  }

  /// Calls visit(update) for pieces of a batch's size. Vectors begin at whole words of their validity.
  template <class Visit>
  Result<bool> each_batch(RowRange range, Visit visit) {
    for (std::uint32_t at = range.begin; at < range.end;) {
      const std::uint32_t base = kept_.row(at) / 64 * 64;
      std::uint32_t count = 0;
      for (; at < range.end && count < type::batch_rows_max && kept_.row(at) - base <= UINT16_MAX; ++at)
        rows_[count++] = static_cast<std::uint16_t>(kept_.row(at) - base);
      for (std::size_t i = 0; i < arguments_.size(); ++i) {
        arguments_[i] = task_.arguments[i];
        if (arguments_[i].form == Vector::Form::constant) continue;
        arguments_[i].values = task_.arguments[i].as<std::byte>() + base * type::physical_bytes(arguments_[i].physical);
        if (arguments_[i].validity != nullptr) arguments_[i].validity += base / 64;
      }
      AggregateUpdate update{context_, arguments_, {rows_, count}, groups_, state_};
      SPG_ASSIGN(const bool more, visit(update));
      if (!more) return false;
      SPG_TRY(memory_.check());
    }
    return true;
  }
  Status add(RowRange range) {
    SPG_ASSIGN(const bool all, each_batch(range, [&](AggregateUpdate& update) -> Result<bool> {
                 SPG_TRY(function_.update(update));
                 return true;
               }));
    (void)all;
    return ok();
  }
  Result<bool> remove(RowRange range) {
    return each_batch(range, [&](AggregateUpdate& update) { return function_.remove(update); });
  }
  Status finish(std::uint32_t row) {
    result_memory_.reset();
    FunctionContext context{task_.context.exec, result_memory_, nullptr, task_.context.arguments};
    Value value;
    SPG_TRY(function_.finish(context, state_, value));
    task_.out.set_value(row, own_value(value, task_.context.arena));
    return result_memory_.check();
  }

  const AggregateFunction& function_;
  WindowTask& task_;
  const Kept& kept_;
  Arena memory_;         ///< what the state points to
  Arena result_memory_;  ///< of one result
  FunctionContext context_;
  std::span<Vector> arguments_;
  std::uint16_t* rows_;
  std::uint32_t* groups_;
  std::byte* state_;
  RowRange held_[3];
};

// --- which is computed how ------------------------------------------------------------------------------------------

struct AggregateKernel {
  OidList oids;
  /// False: not these values.
  Result<bool> (*compute)(WindowTask& task, const Kept& kept);
};

#define SPG_BEST_FOLD(prefix, max)                                                                     \
  {proc::prefix##_smallint, &fold_values<BestValueFold<i2, max>>},                                     \
      {proc::prefix##_integer, &fold_values<BestValueFold<i4, max>>},                                  \
      {proc::prefix##_bigint, &fold_values<BestValueFold<i8, max>>},                                   \
      {proc::prefix##_oid, &fold_values<BestValueFold<std::uint32_t, max>>},                           \
      {proc::prefix##_real, &fold_values<BestValueFold<float, max>>},                                  \
      {proc::prefix##_double_precision, &fold_values<BestValueFold<double, max>>},                     \
      {proc::prefix##_date, &fold_values<BestValueFold<i4, max>>},                                     \
      {proc::prefix##_time_without_time_zone, &fold_values<BestValueFold<i8, max>>},                   \
      {proc::prefix##_timestamp_without_time_zone, &fold_values<BestValueFold<i8, max>>},              \
      {proc::prefix##_timestamp_with_time_zone, &fold_values<BestValueFold<i8, max>>},                 \
      {proc::prefix##_time_with_time_zone, &best_row<max>}, {proc::prefix##_interval, &best_row<max>}, \
      {proc::prefix##_text, &best_text<max>}, {proc::prefix##_character, &best_row<max>},              \
      {proc::prefix##_numeric, &best_row<max>}, {                                                      \
    proc::prefix##_anyarray, &best_row<max>                                                            \
  }
#define SPG_BITS_FOLD(prefix, op)                                                                                      \
  {proc::prefix##_smallint, &fold_values<BitsFold<i2, op>>}, {proc::prefix##_integer, &fold_values<BitsFold<i4, op>>}, \
  {                                                                                                                    \
    proc::prefix##_bigint, &fold_values<BitsFold<i8, op>>                                                              \
  }

constexpr AggregateKernel kernels[] = {
    {proc::agg_count, &count_rows},
    {proc::agg_count_any, &count_rows},
    {proc::agg_sum_smallint, &integer_sum<i2>},
    {proc::agg_sum_integer, &integer_sum<i4>},
    {proc::agg_sum_bigint, &integer_to_numeric<i8, false>},
    {proc::agg_sum_numeric, &numeric_sum<false>},
    {proc::agg_sum_real, &float_sum<float>},
    {proc::agg_sum_double_precision, &float_sum<double>},
    {proc::agg_avg_smallint, &integer_to_numeric<i2, true>},
    {proc::agg_avg_integer, &integer_to_numeric<i4, true>},
    {proc::agg_avg_bigint, &integer_to_numeric<i8, true>},
    {proc::agg_avg_numeric, &numeric_sum<true>},
    SPG_BEST_FOLD(agg_max, true),
    SPG_BEST_FOLD(agg_min, false),
    SPG_BITS_FOLD(agg_bit_and, FoldOp::and_),
    SPG_BITS_FOLD(agg_bit_or, FoldOp::or_),
    SPG_BITS_FOLD(agg_bit_xor, FoldOp::xor_),
    {proc::agg_bool_and_boolean, &fold_values<BitsFold<std::uint8_t, FoldOp::and_>>},
    {proc::agg_every_boolean, &fold_values<BitsFold<std::uint8_t, FoldOp::and_>>},
    {proc::agg_bool_or_boolean, &fold_values<BitsFold<std::uint8_t, FoldOp::or_>>},
};

const AggregateKernel* find_kernel(Oid function) {
  for (const AggregateKernel& kernel : kernels)
    for (const std::uint16_t oid : kernel.oids)
      if (oid == raw(function)) return &kernel;
  return nullptr;
}

}  // namespace

Status compute_window_aggregate(const CompiledWindowCall& call, WindowTask& task) {
  Kept kept;
  SPG_TRY(find_kept(task, call.aggregate->sees_nulls, kept));
  if (const AggregateKernel* kernel = find_kernel(call.call->function); kernel != nullptr) {
    SPG_ASSIGN(const bool done, kernel->compute(task, kept));
    if (done) return ok();
  }
  MovingState state(call, task, kept);
  return state.run();
}

}  // namespace spg::exec
