// Operators that read: VALUES, table scans, index scans, computed relations.
#include <bit>

#include "eval.hpp"
#include "operator.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

class ValuesOp final : public Operator {
 public:
  using Operator::Operator;
  Result<bool> next(Batch& out) override {
    const auto& values = plan_node<plan::Values>();
    const std::size_t columns = node_.node->outputs.size(), rows = values.rows.size();
    if (at_ >= rows) return false;
    begin_batch();
    set_single_row(frame_);
    if (rows == 1) {
      std::span<Vector> vectors{batch_arena_.array<Vector>(columns + 1), columns};
      for (std::size_t c = 0; c < columns; ++c) SPG_TRY(evaluate(*node_.codes[c], frame_, {nullptr, 1}, vectors[c]));
      out = {vectors, 1, {nullptr, 1}};
      at_ = 1;
      return true;
    }
    SPG_TRY(state_.check());
    const std::size_t count = rows - at_ < type::batch_rows_max ? rows - at_ : type::batch_rows_max;
    std::span<Vector> vectors{batch_arena_.array<Vector>(columns + 1), columns};
    for (std::size_t c = 0; c < columns; ++c) {
      const Physical physical = node_.codes[c]->physical;
      const std::size_t bytes = type::physical_bytes(physical);
      auto* to = static_cast<std::byte*>(batch_arena_.allocate(count * bytes + 1));
      auto* validity = batch_arena_.array<std::uint64_t>(type::batch_words);
      std::memset(validity, 0xff, type::batch_words * 8);
      bool nulls = false;
      for (std::size_t i = 0; i < count; ++i) {
        SPG_ASSIGN(const Value value, evaluate_row(*node_.codes[(at_ + i) * columns + c], frame_));
        if (value.is_null) {
          clear_bit(validity, i);
          nulls = true;
          std::memset(to + i * bytes, 0, bytes);
        } else copy_value(to + i * bytes, value.bytes, bytes);
      }
      vectors[c] = {physical, Vector::Form::flat, to, nulls ? validity : nullptr, nullptr};
    }
    at_ += count;
    out = {vectors, static_cast<std::uint32_t>(count), {nullptr, static_cast<std::uint32_t>(count)}};
    return true;
  }
  void rescan() override { at_ = 0; }

 private:
  std::size_t at_ = 0;
};

/// rowid first + i as int8 values.
Vector rowid_vector(std::uint64_t first, std::uint32_t rows, Arena& arena) {
  auto* values = arena.array<std::uint64_t>(rows);
  for (std::uint32_t i = 0; i < rows; ++i) values[i] = first + i;
  return {Physical::int8, Vector::Form::flat, values, nullptr, nullptr};
}

/// What scans share: the columns to read, the filter.
class ScanBase : public Operator {
 public:
  ScanBase(State& state, const CompiledNode& node)
      : Operator(state, node), fetched_(*state.arena, node.columns.size()) {
    for (const StoredColumn& column : node.columns)
      if (column.number != 0) fetched_.push_back(column.number);
    columns_ = {state.arena->array<Vector>(node.columns.size() + 1), node.columns.size()};
    rows_capacity_ = 0;
  }

 protected:
  /// Lays out the batch: fetched vectors, rowids, numerics; then filters. False when no row is left.
  Result<bool> finish(std::span<const Vector> fetched, const Vector* rowids, std::uint32_t rows, Selection selected,
                      Batch& out) {
    std::size_t at = 0;
    bool scaled = false;
    for (std::size_t c = 0; c < columns_.size(); ++c) {
      if (node_.columns[c].number == 0) {
        columns_[c] = *rowids;
        continue;
      }
      columns_[c] = fetched[at++];
      SPG_TRY(check_stored(columns_[c], node_.columns[c]));
      scaled = scaled || (node_.columns[c].is_scaled() && columns_[c].physical != Physical::string);
    }
    if (scaled)
      for (std::size_t c = 0; c < columns_.size(); ++c)
        if (node_.columns[c].is_scaled() && columns_[c].physical != Physical::string)
          columns_[c] = numerics_of(columns_[c], node_.columns[c].scale, selected, rows, batch_arena_);
    out = {columns_, rows, selected};
    if (node_.condition == nullptr) return true;
    see(out);
    SPG_TRY(filter_rows(*node_.condition, frame_, selected, selection(rows), out.selected));
    if (plan::NodeCounters* did = counters()) did->removed_by_filter += selected.count - out.selected.count;
    return out.selected.count != 0;
  }
  std::uint16_t* selection(std::uint32_t rows) {
    if (rows_capacity_ < rows) {
      rows_capacity_ = rows == 1 ? 1 : type::batch_rows_max;
      selection_ = state_.arena->array<std::uint16_t>(rows_capacity_);
    }
    return selection_;
  }

  Vec<std::uint16_t> fetched_;
  std::span<Vector> columns_;
  std::uint16_t* selection_ = nullptr;
  std::size_t rows_capacity_;
};

class TableScanOp final : public ScanBase {
 public:
  TableScanOp(State& state, const CompiledNode& node) : ScanBase(state, node), scan_arena_(state.arena->budget()) {}
  ~TableScanOp() override { end(); }

  Result<bool> next(Batch& out) override {
    if (done_) return false;
    if (scan_ == nullptr) SPG_TRY(start());
    while (!done_) {
      begin_batch();
      SPG_TRY(state_.check());
      state_.renew_guards();
      txn::RowBatch rows;
      SPG_ASSIGN(const bool more, scan_->next(rows));
      if (!more) break;
      if (RowProgress* progress = state_.context.progress) RowProgress::add(progress->done, rows.batch.selected.count);
      if (node_.count != nullptr) rows.batch.selected = sampled(rows);
      if (rows.batch.selected.count == 0) continue;
      const Vector rowids =
          fetched_.size() != columns_.size() ? rowid_vector(rows.first_rowid, rows.batch.rows, batch_arena_) : Vector{};
      SPG_ASSIGN(const bool some, finish(rows.batch.columns, &rowids, rows.batch.rows, rows.batch.selected, out));
      if (some) return true;
    }
    done_ = true;
    return false;
  }
  void rescan() override {
    end();
    done_ = false;
  }

 private:
  /// Reads what the sample is to be. Without a seed, it is another one in each execution.
  Status start_sample() {
    SPG_ASSIGN(const Value percent, constant(*node_.count));
    if (percent.is_null)
      return Error::make(sqlstate::invalid_tablesample_argument, "TABLESAMPLE parameter cannot be null");
    const auto share = static_cast<double>(percent.as<float>()) / 100;
    if (!(share >= 0 && share <= 1))
      return Error::make(sqlstate::invalid_tablesample_argument, "sample percentage must be between 0 and 100");
    share_ = share;
    if (node_.offset != nullptr) {
      SPG_ASSIGN(const Value seed, constant(*node_.offset));
      if (seed.is_null)
        return Error::make(sqlstate::invalid_tablesample_repeat, "TABLESAMPLE REPEATABLE parameter cannot be null");
      const double number = seed.as<double>() + 0.0;  // -0 is 0
      seed_ = mixed(std::bit_cast<std::uint64_t>(number));
    } else if (!has_seed_ && state_.context.host != nullptr) {
      std::byte bytes[sizeof seed_];
      state_.context.host->fill_random(bytes);
      std::memcpy(&seed_, bytes, sizeof seed_);
    }
    has_seed_ = true;
    return ok();
  }
  /// Spreads a number over 64 bits (splitmix64).
  static std::uint64_t mixed(std::uint64_t number) {
    number += 0x9e3779b97f4a7c15u;
    number = (number ^ number >> 30) * 0xbf58476d1ce4e5b9u;
    number = (number ^ number >> 27) * 0x94d049bb133111ebu;
    return number ^ number >> 31;
  }
  bool is_in_sample(std::uint64_t number) const {
    return static_cast<double>(mixed(seed_ ^ mixed(number)) >> 11) * 0x1p-53 < share_;
  }
  Selection sampled(const txn::RowBatch& rows) {
    const Selection all = rows.batch.selected;
    if (plan_node<plan::TableScan>().sample->by_block)
      return is_in_sample(rows.first_rowid / table::block_rows) ? all : Selection{nullptr, 0};
    auto* kept = batch_arena_.array<std::uint16_t>(all.count);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < all.count; ++i)
      if (is_in_sample(rows.first_rowid + all[i])) kept[count++] = static_cast<std::uint16_t>(all[i]);
    return {kept, count};
  }

  void end() {
    if (plan::NodeCounters* did = counters(); did != nullptr && scan_ != nullptr) {
      did->blocks += scan_->blocks;
      did->blocks_pruned += scan_->blocks_pruned;
    }
    delete scan_;
    scan_ = nullptr;
  }
  Status start() {
    scan_arena_.reset();
    const auto& node = plan_node<plan::TableScan>();
    if (node_.count != nullptr) SPG_TRY(start_sample());
    Vec<txn::ZonePredicate> zones(scan_arena_);
    for (std::size_t i = 0; i < node.zones.size(); ++i) {
      txn::ZonePredicate zone{node.zones[i].column, node.zones[i].op, {}};
      if (node_.codes[i] != nullptr) {
        SPG_ASSIGN(zone.value, constant(*node_.codes[i]));
        if (zone.value.is_null) {
          done_ = true;
          return ok();
        }  // a comparison with NULL holds for no row
        const StoredValue stored = to_stored(zone.value, node_.keys[i], scan_arena_);
        // A bound that the column cannot hold exactly is left to the filter, which decides in any case.
        if (!stored.in_range || !stored.exact) continue;
        zone.value = own_value(stored.value, scan_arena_);
      }
      zones.push_back(zone);
    }
    txn::ScanRequest request;
    request.table = node.table;
    request.columns = {fetched_.data(), fetched_.size()};
    request.zones = {zones.data(), zones.size()};
    if (node.only_row != UINT64_MAX) {
      request.first_block = node.only_row / table::block_rows;
      request.end_block = request.first_block + 1;
    }
    SPG_ASSIGN(scan_, state_.context.view->open_scan(request, scan_arena_));
    if (RowProgress* progress = state_.context.progress) {
      SPG_ASSIGN(const std::uint64_t expected, state_.context.view->row_count(node.table));
      RowProgress::add(progress->expected, expected);
    }
    return ok();
  }

  Arena scan_arena_;
  txn::Scan* scan_ = nullptr;
  bool done_ = false;
  double share_ = 1;  ///< of a sample
  std::uint64_t seed_ = 0;
  bool has_seed_ = false;
};

/// One key range after the other: one, or one per distinct element of any_of.
class IndexScanOp final : public ScanBase {
 public:
  IndexScanOp(State& state, const CompiledNode& node)
      : ScanBase(state, node), scan_arena_(state.arena->budget()), elements_(*state.arena) {}
  ~IndexScanOp() override { delete scan_; }

  Result<bool> next(Batch& out) override {
    const auto& node = plan_node<plan::IndexScan>();
    if (!started_) SPG_TRY(start());
    while (!done_) {
      begin_batch();
      SPG_TRY(state_.check());
      state_.renew_guards();
      if (scan_ == nullptr) {
        SPG_TRY(open_range());
        if (done_) break;
      }
      std::uint64_t few[16];
      std::span<std::uint64_t> rowids{few};
      if (want_ > std::size(few)) rowids = {batch_arena_.array<std::uint64_t>(want_), want_};
      SPG_ASSIGN(const std::size_t count, scan_->next(rowids));
      if (count < rowids.size()) {
        delete scan_;
        scan_ = nullptr;
      }
      // A short scan is mostly a point query; a long one reads ever larger batches.
      want_ = want_ * 4 < type::batch_rows_max ? want_ * 4 : type::batch_rows_max;
      if (count == 0) continue;
      auto* fetched = batch_arena_.array<Vector>(fetched_.size() + 1);
      if (!fetched_.empty())
        SPG_TRY(state_.context.view->fetch(node.table, rowids.first(count), {fetched_.data(), fetched_.size()},
                                           batch_arena_, {fetched, fetched_.size()}));
      Vector ids;
      if (fetched_.size() != columns_.size()) {
        auto* values = batch_arena_.array<std::uint64_t>(count);
        std::memcpy(values, rowids.data(), count * 8);
        ids = {Physical::int8, Vector::Form::flat, values, nullptr, nullptr};
      }
      const auto rows = static_cast<std::uint32_t>(count);
      SPG_ASSIGN(const bool some, finish({fetched, fetched_.size()}, &ids, rows, {nullptr, rows}, out));
      if (some) return true;
    }
    return false;
  }
  void rescan() override {
    delete scan_;
    scan_ = nullptr;
    started_ = done_ = false;
  }

 private:
  StoredColumn key_column(std::size_t i) const { return i < node_.keys.size() ? node_.keys[i] : StoredColumn{}; }

  /// Evaluates the bounds; done_ when nothing can match.
  Status start() {
    started_ = true;
    want_ = 16;
    range_at_ = 0;
    scan_arena_.reset();
    prefix_ = scan_arena_.array<Value>(node_.codes.size() + 1);
    elements_.clear();
    for (std::size_t i = 0; i < node_.codes.size(); ++i) {
      SPG_ASSIGN(const Value value, constant(*node_.codes[i]));
      const StoredValue stored = to_stored(value, key_column(i), scan_arena_);
      if (value.is_null || !stored.exact) {
        done_ = true;
        return ok();
      }
      prefix_[i] = own_value(stored.value, scan_arena_);
    }
    const std::size_t at = node_.codes.size();
    if (node_.any_of != nullptr) return start_elements(at);
    const auto& node = plan_node<plan::IndexScan>();
    low_inclusive_ = node.low_inclusive;
    high_inclusive_ = node.high_inclusive;
    has_low_ = has_high_ = false;
    if (node_.low != nullptr) SPG_TRY(bound(*node_.low, key_column(at), true));
    if (node_.high != nullptr && !done_) SPG_TRY(bound(*node_.high, key_column(at), false));
    return ok();
  }
  Status bound(const Code& code, const StoredColumn& column, bool is_low) {
    SPG_ASSIGN(const Value value, constant(code));
    if (value.is_null) {
      done_ = true;
      return ok();
    }
    const StoredValue stored = to_stored(value, column, scan_arena_);
    if (!stored.in_range && stored.negative) {
      // Below all values of the column: either no bound, or no rows.
      if (!is_low) done_ = true;
      return ok();
    }
    // Stored values lie on a grid; `stored` is the point below: x > v and x >= v are x > point, x < v and x <= v are x
    // <= point.
    (is_low ? low_ : high_) = own_value(stored.value, scan_arena_);
    (is_low ? has_low_ : has_high_) = true;
    if (!stored.exact) (is_low ? low_inclusive_ : high_inclusive_) = !is_low;
    return ok();
  }
  Status start_elements(std::size_t at) {
    SPG_ASSIGN(const Value array, constant(*node_.any_of));
    if (array.is_null) {
      done_ = true;
      return ok();
    }
    const StringRef body = own_value(array, scan_arena_).as<StringRef>();
    type::ArrayReader reader(body);
    ValueSet known(reader.element_type(), static_cast<std::size_t>(reader.count()), scan_arena_);
    Value element;
    for (std::uint32_t count = 1; reader.next(&element); ++count) {
      if (count % 1024 == 0) SPG_TRY(scan_arena_.check());
      if (element.is_null || known.contains(element)) continue;
      known.add(element);
      const StoredValue stored = to_stored(element, key_column(at), scan_arena_);
      if (!stored.exact) continue;
      elements_.push_back(own_value(stored.value, scan_arena_));
    }
    if (elements_.empty()) done_ = true;
    return scan_arena_.check();
  }
  Status open_range() {
    const auto& node = plan_node<plan::IndexScan>();
    txn::KeyRange range;
    std::size_t prefix = node_.codes.size();
    if (node_.any_of != nullptr) {
      if (range_at_ == elements_.size()) {
        done_ = true;
        return ok();
      }
      prefix_[prefix++] = node.backward ? elements_[elements_.size() - 1 - range_at_] : elements_[range_at_];
    } else if (range_at_ == 1) {
      done_ = true;
      return ok();
    } else {
      range.low = has_low_ ? &low_ : nullptr;
      range.high = has_high_ ? &high_ : nullptr;
      range.low_inclusive = low_inclusive_;
      range.high_inclusive = high_inclusive_;
    }
    ++range_at_;
    range.prefix = {prefix_, prefix};
    range.with_nulls = node_.low == nullptr && node_.high == nullptr && (node.with_nulls || node_.any_of != nullptr);
    SPG_ASSIGN(scan_, state_.context.view->open_index(node.table, node.index, range, node.backward, scan_arena_));
    return ok();
  }

  Arena scan_arena_;
  txn::IndexScan* scan_ = nullptr;
  bool started_ = false, done_ = false, has_low_ = false, has_high_ = false, low_inclusive_ = true,
       high_inclusive_ = true;
  Value* prefix_ = nullptr;
  Value low_, high_;
  Vec<Value> elements_;
  std::size_t range_at_ = 0, want_ = 16;
};

class VirtualScanOp final : public Operator {
 public:
  using Operator::Operator;
  ~VirtualScanOp() override { delete cursor_; }
  Result<bool> next(Batch& out) override {
    const auto& node = plan_node<plan::VirtualScan>();
    if (done_) return false;
    if (cursor_ == nullptr) {
      if (state_.context.virtual_tables == nullptr)
        return Error::make(sqlstate::feature_not_supported, "relation \"", node.relation_name,
                           "\" cannot be read here");
      SPG_ASSIGN(cursor_, state_.context.virtual_tables->open(node.relation, node.columns, *state_.arena));
    }
    for (;;) {
      begin_batch();
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, cursor_->next(out));
      if (!more) break;
      if (node_.condition == nullptr) return true;
      see(out);
      const std::uint32_t before = out.selected.count;
      SPG_TRY(filter_rows(*node_.condition, frame_, out.selected, selection_, out.selected));
      if (plan::NodeCounters* did = counters()) did->removed_by_filter += before - out.selected.count;
      if (out.selected.count != 0) return true;
    }
    done_ = true;
    return false;
  }
  void rescan() override {
    delete cursor_;
    cursor_ = nullptr;
    done_ = false;
  }

 private:
  VirtualCursor* cursor_ = nullptr;
  bool done_ = false;
  std::uint16_t selection_[type::batch_rows_max];
};

}  // namespace

Operator* make_values(State& state, const CompiledNode& node) { return new_operator<ValuesOp>(state, node); }
Operator* make_table_scan(State& state, const CompiledNode& node) { return new_operator<TableScanOp>(state, node); }
Operator* make_index_scan(State& state, const CompiledNode& node) { return new_operator<IndexScanOp>(state, node); }
Operator* make_virtual_scan(State& state, const CompiledNode& node) { return new_operator<VirtualScanOp>(state, node); }

}  // namespace spg::exec
