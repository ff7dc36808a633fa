// Window functions: rows are gathered until some partitions are whole, all calls are computed for these, and the rows
// go out with the results beside them. What begins the next partition is carried over.
#include "eval.hpp"
#include "operator.hpp"
#include "spg/type/oids.hpp"
#include "window.hpp"

namespace spg::exec {
namespace {

/// Rows of whole partitions that are worth computing together; the first few sooner, so that a LIMIT has them soon.
constexpr std::uint32_t gathered_rows_first = 256, gathered_rows_most = 16384;

/// Whether equal values have equal bytes, but for floats and intervals.
bool bytes_decide(Oid type, Physical physical) {
  switch (physical) {
    case Physical::boolean:
    case Physical::int2:
    case Physical::int4:
    case Physical::int8:
    case Physical::uuid: return true;
    case Physical::string:
      return type == type::oid::text || type == type::oid::varchar || type == type::oid::bytea ||
             type == type::oid::name;
    default: return false;
  }
}

struct Boundaries {
  const Rows& rows;
  std::uint8_t* changed;  ///< by row from `from`; set where the column's value is not that of the row before
  std::uint32_t from, to;

  void by_column(std::uint32_t column, Oid type) const {
    const Physical physical = rows.column(from, column).physical;
    if (!bytes_decide(type, physical)) {
      for (std::uint32_t row = from == 0 ? 1 : from; row < to; ++row)
        changed[row - from] |= !same_value(row - 1, row, column, type);
      return;
    }
    switch (type::physical_bytes(physical)) {
      case 1: return by_bytes<std::uint8_t>(column);
      case 2: return by_bytes<std::uint16_t>(column);
      case 4: return by_bytes<std::uint32_t>(column);
      case 8: return by_bytes<std::uint64_t>(column);
      default:
        if (physical == Physical::string) return by_bytes<StringRef>(column);
        return by_bytes<type::Int128>(column);
    }
  }

 private:
  bool same_value(std::uint32_t a, std::uint32_t b, std::uint32_t column, Oid type) const {
    const Value x = rows.value(a, column), y = rows.value(b, column);
    if (x.is_null || y.is_null) return x.is_null == y.is_null;
    return type::compare(type, x, y) == 0;
  }
  /// NULLs are zero bytes in Rows: validity tells them from zero.
  template <class T>
  void by_bytes(std::uint32_t column) const {
    for (std::uint32_t row = from; row < to;) {
      const Vector& chunk = rows.column(row, column);
      const T* values = chunk.as<T>();
      std::uint32_t at = row % type::batch_rows_max;
      const std::uint32_t base = row - at;
      const std::uint32_t end = to - base < type::batch_rows_max ? to - base : type::batch_rows_max;
      if (at == 0) {
        if (row != 0) {
          const Vector& before = rows.column(row - 1, column);
          constexpr std::size_t last = type::batch_rows_max - 1;
          if (!(values[0] == before.as<T>()[last]) || chunk.is_null(0) != before.is_null(last)) changed[row - from] = 1;
        }
        ++at;
      }
      for (std::uint32_t i = at; i < end; ++i) changed[base + i - from] |= !(values[i] == values[i - 1]);
      for (std::uint32_t i = at; i < end && rows.has_nulls(column); ++i)
        changed[base + i - from] |= chunk.is_null(i) != chunk.is_null(i - 1);
      row = base + end;
    }
  }
};

class WindowOp final : public Operator {
 public:
  WindowOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        compiled_(*static_cast<const CompiledWindow*>(node.extra)),
        arenas_{Arena(state.arena->budget()), Arena(state.arena->budget())},
        constants_(state.arena->budget()),
        scratch_(state.arena->budget()),
        calls_(state.arena->array<Call>(compiled_.calls.size())),
        frames_(state.arena->array<FrameState>(compiled_.frames.size())) {
    input_columns_ = static_cast<std::uint32_t>(node.left->node->outputs.size());
    buffer_columns_ = input_columns_;
    for (std::size_t i = 0; i < compiled_.calls.size(); ++i) new (&calls_[i]) Call(place_call(compiled_.calls[i]));
    for (std::size_t i = 0; i < compiled_.frames.size(); ++i) {
      new (&frames_[i]) FrameState{};
      frames_[i].clause.frame = compiled_.frames[i].frame;
    }
  }

  Result<bool> next(Batch& out) override {
    if (!started_) SPG_TRY(start());
    if (at_ >= ready_) {
      if (ended_) return false;
      SPG_TRY(fill());
      if (ready_ == 0) return false;
    }
    begin_batch();
    const std::uint32_t count = ready_ - at_ < type::batch_rows_max ? ready_ - at_ : type::batch_rows_max;
    std::span<Vector> columns{batch_arena_.array<Vector>(input_columns_ + compiled_.calls.size() + 1),
                              input_columns_ + compiled_.calls.size()};
    for (std::uint32_t c = 0; c < input_columns_; ++c) {
      columns[c] = rows_->column(at_, c);
      if (!rows_->has_nulls(c)) columns[c].validity = nullptr;
    }
    for (std::size_t i = 0; i < compiled_.calls.size(); ++i) {
      const WindowOutput& result = calls_[i].result;
      columns[input_columns_ + i] = {result.physical, Vector::Form::flat,
                                     result.values + at_ * type::physical_bytes(result.physical),
                                     result.has_nulls ? result.validity + at_ / 64 : nullptr, nullptr};
    }
    at_ += count;
    out = {columns, count, {nullptr, count}};
    return true;
  }
  void rescan() override {
    started_ = false;
    input_->rescan();
  }

 private:
  /// Where an argument is: a column of the buffer, or a value that is the same for all rows.
  struct Argument {
    const Code* code = nullptr;
    std::uint32_t column = UINT32_MAX;
    Value constant;
  };
  struct Call {
    std::span<Argument> arguments;
    std::uint32_t filter = UINT32_MAX;  ///< column of the buffer
    const WindowFunction* function = nullptr;
    WindowOutput result;
  };
  struct FrameState {
    FrameClause clause;
    FrameBounds bounds;
    bool computed = false;
  };

  static bool is_fixed(const Code& code) { return code.is_constant || code.expr->kind == plan::ExprKind::parameter; }
  bool is_default_argument(const Call& call, std::size_t i) const {
    return call.function != nullptr && call.function->has_default && i == 2;
  }
  Call place_call(const CompiledWindowCall& compiled) {
    Call call;
    if (compiled.aggregate == nullptr) call.function = find_window_function(compiled.call->function);
    const std::size_t count = compiled.arguments.size();
    call.arguments = {state_.arena->array<Argument>(count), count};
    for (std::size_t i = 0; i < count; ++i) {
      Argument& argument = *new (&call.arguments[i]) Argument{};
      argument.code = compiled.arguments[i];
      if (is_default_argument(call, i) || is_fixed(*argument.code)) continue;
      argument.column = argument.code->evaluate == eval_column ? argument.code->place : buffer_columns_++;
    }
    if (compiled.filter != nullptr) call.filter = buffer_columns_++;
    return call;
  }

  Status start() {
    started_ = true;
    ended_ = false;
    at_ = ready_ = 0;
    gather_ = gathered_rows_first;
    arenas_[0].reset();
    arenas_[1].reset();
    constants_.reset();
    start_rows();
    for (std::size_t i = 0; i < compiled_.frames.size(); ++i) SPG_TRY(start_frame(frames_[i], compiled_.frames[i]));
    for (std::size_t c = 0; c < compiled_.calls.size(); ++c)
      for (std::size_t i = 0; i < calls_[c].arguments.size(); ++i) {
        Argument& argument = calls_[c].arguments[i];
        if (argument.column != UINT32_MAX || is_default_argument(calls_[c], i)) continue;
        SPG_ASSIGN(argument.constant, constant(*argument.code));
        argument.constant = own_value(argument.constant, constants_);
        if (argument.constant.is_null) argument.constant = Value::null_of(argument.code->physical);
      }
    return ok();
  }
  Status start_frame(FrameState& frame, const CompiledWindowFrame& compiled) {
    if (compiled.start_offset != nullptr) {
      SPG_ASSIGN(const Value value, constant(*compiled.start_offset));
      frame.clause.start_offset = own_value(value, constants_);
    }
    if (compiled.end_offset != nullptr) {
      SPG_ASSIGN(const Value value, constant(*compiled.end_offset));
      frame.clause.end_offset = own_value(value, constants_);
    }
    SPG_TRY(check_offset(frame.clause, true));
    return check_offset(frame.clause, false);
  }
  Arena& arena() { return arenas_[current_]; }
  void start_rows() {
    rows_ = new (arena().allocate(sizeof(Rows), alignof(Rows))) Rows(arena());
    partitions_ = Vec<std::uint32_t>(arena());
    peers_ = Vec<std::uint32_t>(arena());
  }

  /// Gathers rows until enough of them are in whole partitions, and computes the calls for these.
  Status fill() {
    SPG_TRY(carry_over());
    Batch batch;
    for (;;) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) {
        ended_ = true;
        ready_ = rows_->size();
        partitions_.push_back(ready_);
        peers_.push_back(ready_);
        last_partition_ = static_cast<std::uint32_t>(peers_.size() - 1);
        break;
      }
      SPG_TRY(append(batch));
      if (!partitions_.empty() && partitions_.back() >= gather_) {
        ready_ = partitions_.back();
        break;
      }
    }
    if (gather_ < gathered_rows_most) gather_ *= 4;
    if (ready_ == 0) return ok();
    SPG_TRY(compute());
    return arena().check();
  }

  /// The rows behind those that have gone out begin a new buffer.
  Status carry_over() {
    Rows* const old = rows_;
    const std::uint32_t from = ready_, size = old->size();
    current_ ^= 1;
    arena().reset();
    start_rows();
    at_ = ready_ = 0;
    auto* numbers = scratch_.array<std::uint32_t>(type::batch_rows_max);
    for (std::uint32_t row = from; row < size;) {
      std::uint32_t count = 0;
      for (; count < type::batch_rows_max && row < size; ++row) numbers[count++] = row;
      begin_batch();
      std::span<Vector> columns{batch_arena_.array<Vector>(old->column_count() + 1), old->column_count()};
      old->gather_rows({numbers, count}, columns, {}, batch_arena_);
      add_rows({columns, count, {nullptr, count}});
    }
    scratch_.reset();
    arenas_[current_ ^ 1].reset();
    return arena().check();
  }

  Status append(const Batch& batch) {
    if (batch.selected.count == 0) return ok();
    begin_batch();
    see(batch);
    std::span<Vector> columns{batch_arena_.array<Vector>(buffer_columns_ + 1), buffer_columns_};
    for (std::uint32_t c = 0; c < input_columns_; ++c) columns[c] = batch.columns[c];
    for (std::size_t c = 0; c < compiled_.calls.size(); ++c)
      SPG_TRY(evaluate_arguments(compiled_.calls[c], calls_[c], batch, columns));
    add_rows({columns, batch.rows, batch.selected});
    SPG_TRY(batch_arena_.check());
    return arena().check();
  }
  /// Arguments that are no columns, for the rows that pass the filter.
  Status evaluate_arguments(const CompiledWindowCall& compiled, const Call& call, const Batch& batch,
                            std::span<Vector> columns) {
    Selection rows = batch.selected;
    if (compiled.filter != nullptr) {
      auto* passing = batch_arena_.array<std::uint16_t>(rows.count);
      SPG_TRY(filter_rows(*compiled.filter, frame_, rows, passing, rows));
      auto* passes = batch_arena_.array<std::uint8_t>(batch.rows);
      std::memset(passes, 0, batch.rows);
      for (std::uint32_t i = 0; i < rows.count; ++i) passes[rows[i]] = 1;
      columns[call.filter] = {Physical::boolean, Vector::Form::flat, passes, nullptr, nullptr};
    }
    for (const Argument& argument : call.arguments) {
      if (argument.column == UINT32_MAX || argument.column < input_columns_) continue;
      Vector& out = columns[argument.column];
      if (rows.count == 0) {
        out = null_vector(argument.code->physical);
        continue;
      }
      SPG_TRY(evaluate(*argument.code, frame_, rows, out));
      if (compiled.filter != nullptr) out = spread(out, rows, batch.rows);
    }
    return ok();
  }
  /// The vector with NULL in the rows that are not selected.
  Vector spread(const Vector& from, Selection rows, std::uint32_t count) {
    const std::size_t bytes = type::physical_bytes(from.physical);
    auto* values = static_cast<std::byte*>(batch_arena_.allocate(count * bytes + 1));
    auto* validity = batch_arena_.array<std::uint64_t>((count + 63) / 64);
    std::memset(values, 0, count * bytes);
    std::memset(validity, 0, (count + 63) / 64 * 8);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint32_t row = rows[i];
      if (from.is_null(row)) continue;
      set_bit(validity, row);
      copy_value(values + row * bytes, value_at(from, row), bytes);
    }
    return {from.physical, Vector::Form::flat, values, validity, nullptr};
  }

  /// Adds rows to the buffer and finds the partitions and peer groups that begin among them.
  void add_rows(const Batch& batch) {
    const std::uint32_t from = rows_->size();
    rows_->append(batch);
    const std::uint32_t to = rows_->size();
    auto* partition = batch_arena_.array<std::uint8_t>(to - from);
    auto* peer = batch_arena_.array<std::uint8_t>(to - from);
    std::memset(partition, 0, to - from);
    std::memset(peer, 0, to - from);
    const auto& window = plan_node<plan::Window>();
    const auto type_of = [&](std::uint32_t column) { return window.input->outputs[column].type; };
    for (const std::uint32_t column : window.partition_by)
      Boundaries{*rows_, partition, from, to}.by_column(column, type_of(column));
    for (const plan::SortKey& key : window.order_by)
      Boundaries{*rows_, peer, from, to}.by_column(key.column, type_of(key.column));
    for (std::uint32_t row = from; row < to; ++row) {
      const bool begins = row == 0 || partition[row - from] != 0;
      if (begins) {
        partitions_.push_back(row);
        last_partition_ = static_cast<std::uint32_t>(peers_.size());
      }
      if (begins || peer[row - from] != 0) peers_.push_back(row);
    }
  }

  Status compute() {
    const WindowRows rows{ready_, partitions_.span(), peers_.span().first(last_partition_ + 1)};
    auto* flat = scratch_.array<Vector>(buffer_columns_ + 1);
    for (std::uint32_t c = 0; c < buffer_columns_; ++c) flat[c] = Vector{};
    for (std::size_t i = 0; i < compiled_.frames.size(); ++i) frames_[i].computed = false;
    Status status;
    for (std::size_t c = 0; c < compiled_.calls.size() && !status.failed(); ++c)
      status = compute_call(compiled_.calls[c], calls_[c], rows, flat);
    scratch_.reset();
    return status;
  }
  Status compute_call(const CompiledWindowCall& compiled, Call& call, const WindowRows& rows, Vector* flat) {
    SPG_TRY(state_.check());
    const std::size_t count = call.arguments.size();
    std::span<Vector> arguments{scratch_.array<Vector>(count + 1), count};
    for (std::size_t i = 0; i < count; ++i) {
      const Argument& argument = call.arguments[i];
      if (argument.column == UINT32_MAX) arguments[i] = argument.constant.vector();
      else { SPG_ASSIGN(arguments[i], flat_column(argument.column, flat)); }
    }
    FunctionContext context{state_.context, arena(), nullptr, compiled.call->arguments};
    SPG_TRY(make_output(*compiled.call, call.result));
    WindowTask task{context, scratch_, rows, nullptr, arguments, nullptr, nullptr, call.result};
    if (call.function == nullptr || call.function->sees_frame) {
      SPG_ASSIGN(task.frame, frame_of(compiled.call->frame, rows, flat, context));
    }
    Vector filter;
    if (call.filter != UINT32_MAX) {
      SPG_ASSIGN(filter, flat_column(call.filter, flat));
      task.filter = &filter;
    }
    if (call.function == nullptr) return compute_window_aggregate(compiled, task);
    if (!call.function->has_default) return call.function->compute(task);
    const std::size_t words = (ready_ + 63) / 64;
    task.wants_default = scratch_.array<std::uint64_t>(words);
    std::memset(task.wants_default, 0, words * 8);
    SPG_TRY(call.function->compute(task));
    return fill_defaults(*compiled.arguments[2], task.wants_default, call.result);
  }
  Status make_output(const plan::WindowCall& call, WindowOutput& out) {
    out.physical = call.physical == Physical::none ? type::physical_of(call.result_type) : call.physical;
    out.values =
        static_cast<std::byte*>(arena().try_allocate(std::size_t{ready_} * type::physical_bytes(out.physical) + 1));
    const std::size_t words = (std::size_t{ready_} + 63) / 64;
    out.validity = static_cast<std::uint64_t*>(arena().try_allocate(words * 8));
    if (out.values == nullptr || out.validity == nullptr) return Error::out_of_memory();
    std::memset(out.validity, 0xff, words * 8);
    out.has_nulls = false;
    return ok();
  }
  Result<const FrameBounds*> frame_of(std::uint32_t number, const WindowRows& rows, Vector* flat,
                                      FunctionContext& context) {
    FrameState& frame = frames_[number];
    if (frame.computed) return &frame.bounds;
    const auto& window = plan_node<plan::Window>();
    if (!window.order_by.empty()) {
      const plan::SortKey& key = window.order_by[0];
      SPG_ASSIGN(frame.clause.order, flat_column(key.column, flat));
      frame.clause.descending = key.descending;
      frame.clause.nulls_first = key.nulls_first;
    }
    SPG_ASSIGN(frame.bounds, compute_frames(frame.clause, rows, context, scratch_));
    frame.computed = true;
    return &frame.bounds;
  }
  /// A column of the buffer in one piece, made once.
  Result<Vector> flat_column(std::uint32_t column, Vector* flat) {
    Vector& made = flat[column];
    if (made.values != nullptr) return made;
    const Physical physical = rows_->column(0, column).physical;
    const std::size_t bytes = type::physical_bytes(physical);
    if (rows_->chunk_count() == 1) {
      made = rows_->column(0, column);
    } else {
      auto* values = static_cast<std::byte*>(scratch_.try_allocate(std::size_t{ready_} * bytes + 1));
      auto* validity = static_cast<std::uint64_t*>(scratch_.try_allocate((std::size_t{ready_} + 63) / 64 * 8));
      if (values == nullptr || validity == nullptr) return Error::out_of_memory();
      for (std::uint32_t row = 0; row < ready_; row += type::batch_rows_max) {
        const std::size_t count = ready_ - row < type::batch_rows_max ? ready_ - row : type::batch_rows_max;
        const Vector& chunk = rows_->column(row, column);
        std::memcpy(values + row * bytes, chunk.values, count * bytes);
        std::memcpy(validity + row / 64, chunk.validity, (count + 63) / 64 * 8);
      }
      made = {physical, Vector::Form::flat, values, validity, nullptr};
    }
    if (!rows_->has_nulls(column)) made.validity = nullptr;
    return made;
  }
  /// Evaluates the default for the rows that want it.
  Status fill_defaults(const Code& code, const std::uint64_t* wanted, WindowOutput& out) {
    for (std::uint32_t base = 0; base < ready_; base += type::batch_rows_max) {
      const std::uint32_t count = ready_ - base < type::batch_rows_max ? ready_ - base : type::batch_rows_max;
      begin_batch();
      auto* rows = batch_arena_.array<std::uint16_t>(count);
      std::uint32_t selected = 0;
      for (std::uint32_t i = 0; i < count; ++i)
        if (test_bit(wanted, base + i)) rows[selected++] = static_cast<std::uint16_t>(i);
      if (selected == 0) continue;
      std::span<Vector> columns{batch_arena_.array<Vector>(input_columns_ + 1), input_columns_};
      for (std::uint32_t c = 0; c < input_columns_; ++c) columns[c] = rows_->column(base, c);
      see({columns, count, {nullptr, count}});
      Vector values;
      SPG_TRY(evaluate(code, frame_, {rows, selected}, values));
      for (std::uint32_t i = 0; i < selected; ++i) {
        const Value value = own_value(type::value_of(values, rows[i]), arena());
        if (value.is_null) continue;  // as it is
        set_bit(out.validity, base + rows[i]);
        out.set_value(base + rows[i], value);
      }
    }
    return ok();
  }

  Operator* input_;
  const CompiledWindow& compiled_;
  Arena arenas_[2];  ///< of the buffer and its results; the other one is empty but while rows are carried over
  Arena constants_;  ///< of offsets and arguments that are the same for all rows
  Arena scratch_;    ///< while calls are computed
  Call* calls_;
  FrameState* frames_;
  int current_ = 0;
  std::uint32_t input_columns_ = 0, buffer_columns_ = 0;
  Rows* rows_ = nullptr;
  Vec<std::uint32_t> partitions_, peers_;  ///< first rows; the last partition may be incomplete
  std::uint32_t last_partition_ = 0;       ///< in peers_: where the last partition begins
  std::uint32_t gather_ = gathered_rows_first;
  std::uint32_t at_ = 0, ready_ = 0;  ///< rows that have gone out, and that may
  bool started_ = false, ended_ = false;
};

}  // namespace

Operator* make_window(State& state, const CompiledNode& node) { return new_operator<WindowOp>(state, node); }

}  // namespace spg::exec
