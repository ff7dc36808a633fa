// INSERT, UPDATE, DELETE through the seam, batch by batch. All reads are of the statement's root; what is written here
// is never seen by the same statement.
#include <algorithm>

#include "changes.hpp"
#include "operator.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"

namespace spg::exec {
namespace {

using table::ColumnInput;

/// Rowids written so far, for inputs that may yield a row twice.
class RowidSet {
 public:
  explicit RowidSet(Arena& arena) : slots_(arena) {}
  /// False when it was there.
  bool add(std::uint64_t rowid) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    std::size_t at = place(rowid);
    while (slots_[at] != 0) {
      if (slots_[at] == rowid + 1) return false;
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at] = rowid + 1;
    ++count_;
    return true;
  }

 private:
  std::size_t place(std::uint64_t rowid) const { return (rowid * 0x9e3779b97f4a7c15u >> 20) & (slots_.size() - 1); }
  void grow() {
    Vec<std::uint64_t> old = slots_;
    slots_ = Vec<std::uint64_t>(*old.arena());
    slots_.resize(old.size() == 0 ? 64 : old.size() * 2);
    for (const std::uint64_t stored : old) {
      if (stored == 0) continue;
      std::size_t at = place(stored - 1);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = stored;
    }
  }
  Vec<std::uint64_t> slots_;
  std::size_t count_ = 0;
};

class ModifyOp final : public Operator, private ChangeListener {
 public:
  ModifyOp(State& state, const CompiledNode& node)
      : Operator(state, node),
        input_(make_operator(state, *node.left)),
        inputs_(state.arena->array<ColumnInput>(node.columns.size() + 1)),
        written_(*state.arena),
        returned_(state.arena->array<Vector>(node.more.size() + 1), node.more.size()) {
    if (!node.more.empty()) changes_.listen(*this);
  }
  Result<bool> next(Batch& out) override {
    for (;;) {
      SPG_TRY(state_.check());
      Batch batch;
      SPG_ASSIGN(const bool more, input_->next(batch));
      if (!more) return false;
      if (batch.selected.count == 0) continue;
      begin_batch();
      out_ = &out;
      out.selected.count = 0;
      switch (node().op) {
        case plan::Modify::Op::insert: SPG_TRY(insert(batch)); break;
        case plan::Modify::Op::update: SPG_TRY(update(batch)); break;
        case plan::Modify::Op::remove: SPG_TRY(remove(batch)); break;
      }
      SPG_TRY(batch_arena_.check());
      if (out.selected.count != 0 && changes_.has_listeners()) return true;
    }
  }
  void rescan() override { input_->rescan(); }

 private:
  const plan::Modify& node() const { return plan_node<plan::Modify>(); }

  /// The input's values as the column stores them, for the selected rows.
  Result<Vector> stored(const Vector& values, const StoredColumn& column, const Batch& batch) {
    if (!column.is_scaled() || values.physical == column.physical)
      return values.validity == nullptr ? values : zero_nulls(values, batch);
    const std::size_t bytes = type::physical_bytes(column.physical);
    const bool constant = values.form == Vector::Form::constant;
    auto* to = static_cast<std::byte*>(batch_arena_.allocate(bytes * (constant ? 1 : batch.rows)));
    const Selection rows = constant ? Selection{nullptr, 1} : batch.selected;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint32_t row = rows[i];
      if (values.is_null(row)) {
        std::memset(to + row * bytes, 0, bytes);
        continue;
      }
      const StoredValue value = to_stored(type::value_of(values, row), column, batch_arena_);
      if (!value.in_range) return Error(Error::make(sqlstate::numeric_value_out_of_range, "numeric field overflow"));
      if (!value.exact) return Error::make(sqlstate::internal_error, "a value was not rounded to its column's scale");
      std::memcpy(to + row * bytes, value.value.bytes, bytes);
    }
    return Vector{column.physical, constant ? Vector::Form::constant : Vector::Form::flat, to, values.validity,
                  nullptr};
  }

  /// NULL slots reach table and log as zero bytes.
  Vector zero_nulls(const Vector& values, const Batch& batch) {
    const std::size_t bytes = type::physical_bytes(values.physical);
    const bool constant = values.form == Vector::Form::constant;
    auto* to = static_cast<std::byte*>(batch_arena_.allocate(bytes * (constant ? 1 : batch.rows)));
    const Selection rows = constant ? Selection{nullptr, 1} : batch.selected;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint32_t row = rows[i];
      if (values.is_null(row)) std::memset(to + row * bytes, 0, bytes);
      else copy_value(to + row * bytes, value_at(values, row), bytes);
    }
    return {values.physical, constant ? Vector::Form::constant : Vector::Form::flat, to, values.validity, nullptr};
  }

  // --- errors
  void print_field(Oid type, const Value& value, TextBuilder& text) {
    if (value.is_null) {
      text.add("null");
      return;
    }
    TextBuilder field(batch_arena_);
    print_value(state_.context, type, value, field);
    std::string_view view = field.view();
    if (view.size() <= 64) {
      text.add(view);
      return;
    }
    std::size_t cut = 64;
    while (cut > 0 && (static_cast<unsigned char>(view[cut]) & 0xc0) == 0x80) --cut;
    text.add(view.substr(0, cut), "...");
  }
  /// Where the written row's column comes from: the input, or (update) the row as it was.
  Result<Value> new_value(const Batch& batch, std::uint32_t row, std::uint64_t rowid,
                          const plan::Modify::RowColumn& column) {
    for (std::size_t i = 0; i < node_.columns.size(); ++i)
      if (node_.columns[i].number == column.number) return type::value_of(batch.columns[input_column(i)], row);
    if (node().op == plan::Modify::Op::insert) return Value::null_of(Physical::none);
    Vector fetched;
    SPG_TRY(state_.context.view->fetch(node().table, {&rowid, 1}, {&column.number, 1}, batch_arena_, {&fetched, 1}));
    StoredColumn stored_column{column.number, fetched.physical, 0, column.type, column.typmod};
    if (stored_column.is_scaled())
      fetched = numerics_of(fetched, type::NumericTypmod::of(column.typmod).scale, {nullptr, 1}, 1, batch_arena_);
    return type::value_of(fetched, 0);
  }
  std::size_t input_column(std::size_t i) const { return node().op == plan::Modify::Op::insert ? i : node().values[i]; }

  Status check_not_null(const Batch& batch, Selection rows, std::span<const std::uint64_t> rowids) {
    for (const auto& rule : node().not_null) {
      std::size_t at = node_.columns.size();
      for (std::size_t i = 0; i < node_.columns.size(); ++i)
        if (node_.columns[i].number == rule.number) at = i;
      if (at == node_.columns.size()) {
        // A column that an INSERT does not give is NULL.
        if (node().op == plan::Modify::Op::insert) return null_violation(batch, rows[0], 0, rule);
        continue;
      }
      const Vector& values = batch.columns[input_column(at)];
      if (values.validity == nullptr) continue;
      for (std::uint32_t i = 0; i < rows.count; ++i)
        if (values.is_null(rows[i])) return null_violation(batch, rows[i], rowids.empty() ? 0 : rowids[i], rule);
    }
    return ok();
  }
  Status null_violation(const Batch& batch, std::uint32_t row, std::uint64_t rowid, const plan::Modify::NotNull& rule) {
    TextBuilder text(batch_arena_);
    bool first = true;
    for (const auto& column : node().row_columns) {
      SPG_ASSIGN(const Value value, new_value(batch, row, rowid, column));
      text.add(first ? "" : ", ");
      first = false;
      print_field(column.type, value, text);
    }
    return Error::make(sqlstate::not_null_violation, "null value in column \"", rule.name, "\" of relation \"",
                       node().relation_name, "\" violates not-null constraint")
        .detail("Failing row contains (", text.view(), ").")
        .set(ErrorField::schema, {node().schema_name})
        .set(ErrorField::table, {node().relation_name})
        .set(ErrorField::column, {rule.name});
  }
  Status unique_violation(const txn::Conflict& conflict, const Batch& batch, Selection rows,
                          std::span<const std::uint64_t> rowids) {
    std::string_view name = "?";
    TextBuilder columns(batch_arena_), values(batch_arena_);
    SPG_ASSIGN(const catalog::Relation* relation, state_.context.catalog->relation(node().relation));
    const catalog::IndexInfo* index = nullptr;
    if (relation != nullptr)
      for (const auto& info : relation->indexes)
        if (info.id == conflict.index) index = &info;
    if (index != nullptr) {
      name = index->name;
      for (std::size_t i = 0; i < index->columns.size(); ++i) {
        for (const auto& column : relation->columns) {
          if (column.number != index->columns[i]) continue;
          const plan::Modify::RowColumn row_column{static_cast<std::uint16_t>(column.number), column.name, column.type,
                                                   column.typmod};
          const std::uint32_t at = conflict.row < rows.count ? conflict.row : 0;
          SPG_ASSIGN(const Value value, new_value(batch, rows[at], rowids.empty() ? 0 : rowids[at], row_column));
          columns.add(i == 0 ? "" : ", ", column.name);
          values.add(i == 0 ? "" : ", ");
          if (value.is_null) values.add("null");
          else print_value(state_.context, column.type, value, values);
        }
      }
    }
    return Error::make(sqlstate::unique_violation, "duplicate key value violates unique constraint \"", name, "\"")
        .detail("Key (", columns.view(), ")=(", values.view(), ") already exists.")
        .set(ErrorField::schema, {node().schema_name})
        .set(ErrorField::table, {node().relation_name})
        .set(ErrorField::constraint, {name});
  }

  // --- the three ways to write
  Status insert(const Batch& batch) {
    SPG_TRY(check_not_null(batch, batch.selected, {}));
    for (std::size_t i = 0; i < node_.columns.size(); ++i) {
      SPG_ASSIGN(const Vector values, stored(batch.columns[i], node_.columns[i], batch));
      inputs_[i] = {node_.columns[i].number, values};
    }
    txn::Conflict conflict;
    SPG_ASSIGN(const std::uint64_t first,
               state_.context.view->insert(node().table, {inputs_, node_.columns.size()}, batch.selected, conflict));
    if (conflict.found()) return unique_violation(conflict, batch, batch.selected, {});
    state_.rows_affected += batch.selected.count;
    if (!changes_.has_listeners()) return ok();
    auto* rowids = batch_arena_.array<std::uint64_t>(batch.selected.count);
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) rowids[i] = first + i;
    return publish(batch, batch.selected, {rowids, batch.selected.count});
  }

  /// The rows to write in ascending order of their rowids, each once. Row i of the result is batch row rows[i].
  struct Targets {
    std::span<std::uint64_t> rowids;
    Selection rows;
  };
  Targets targets(const Batch& batch) {
    const Vector& ids = batch.columns[0];
    const std::uint32_t count = batch.selected.count;
    struct Target {
      std::uint64_t rowid;
      std::uint16_t row;
    };
    auto* list = batch_arena_.array<Target>(count);
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t row = batch.selected[i];
      if (ids.is_null(row)) continue;  // the NULL-extended side of an outer join
      const std::uint64_t rowid = ids.value<std::uint64_t>(row);
      if (!node_.unique_rows && !written_.add(rowid)) continue;
      list[kept++] = {rowid, static_cast<std::uint16_t>(row)};
    }
    const auto before = [](const Target& a, const Target& b) { return a.rowid < b.rowid; };
    if (!std::is_sorted(list, list + kept, before)) std::sort(list, list + kept, before);
    Targets result{{batch_arena_.array<std::uint64_t>(kept), kept}, {}};
    auto* rows = batch_arena_.array<std::uint16_t>(kept);
    for (std::uint32_t i = 0; i < kept; ++i) {
      result.rowids[i] = list[i].rowid;
      rows[i] = list[i].row;
    }
    result.rows = {rows, kept};
    return result;
  }

  Status update(const Batch& batch) {
    const Targets to = targets(batch);
    if (to.rowids.empty()) return ok();
    SPG_TRY(check_not_null(batch, to.rows, to.rowids));
    for (std::size_t i = 0; i < node_.columns.size(); ++i) {
      SPG_ASSIGN(const Vector values, stored(batch.columns[node().values[i]], node_.columns[i], batch));
      inputs_[i] = {node_.columns[i].number, values};
    }
    txn::Conflict conflict;
    SPG_TRY(state_.context.view->update(node().table, to.rowids, {inputs_, node_.columns.size()}, to.rows, conflict));
    if (conflict.found()) return unique_violation(conflict, batch, to.rows, to.rowids);
    state_.rows_affected += to.rowids.size();
    return changes_.has_listeners() ? publish(batch, to.rows, to.rowids) : ok();
  }

  Status remove(const Batch& batch) {
    const Targets to = targets(batch);
    if (to.rowids.empty()) return ok();
    SPG_TRY(state_.context.view->remove(node().table, to.rowids));
    state_.rows_affected += to.rowids.size();
    return changes_.has_listeners() ? publish(batch, to.rows, to.rowids) : ok();
  }

  // --- the change stream
  Status publish(const Batch& batch, Selection rows, std::span<const std::uint64_t> rowids) {
    Change change;
    change.op = node().op;
    change.rows = rows.count;
    change.rowids = rowids;
    change.input = {batch.columns, batch.rows, rows};
    std::span<Vector> values{batch_arena_.array<Vector>(node_.returned.size() + 1), node_.returned.size()};
    SPG_TRY(row_values(batch, rows, rowids, values));
    change.row_values = values;
    return changes_.publish(change);
  }
  Status row_values(const Batch& batch, Selection rows, std::span<const std::uint64_t> rowids, std::span<Vector> out) {
    Vec<std::uint16_t> old_numbers(batch_arena_);
    Vec<std::uint32_t> old_places(batch_arena_);
    for (std::size_t i = 0; i < node_.returned.size(); ++i) {
      const StoredColumn& column = node_.returned[i];
      if (column.number == 0) {
        out[i] = {Physical::int8, Vector::Form::flat, rowids.data(), nullptr, nullptr};
        continue;
      }
      std::size_t at = node_.columns.size();
      if (node().op != plan::Modify::Op::remove)
        for (std::size_t c = 0; c < node_.columns.size(); ++c)
          if (node_.columns[c].number == column.number) at = c;
      if (at < node_.columns.size()) {
        const Batch one{{const_cast<Vector*>(&batch.columns[input_column(at)]), 1}, batch.rows, rows};
        out[i] = copy_batch(one, batch_arena_, false).columns[0];
      } else if (node().op == plan::Modify::Op::insert) {
        out[i] = null_vector(type::physical_of(column.type));
      } else {
        old_numbers.push_back(column.number);
        old_places.push_back(static_cast<std::uint32_t>(i));
      }
    }
    if (old_numbers.empty()) return ok();
    auto* fetched = batch_arena_.array<Vector>(old_numbers.size());
    SPG_TRY(state_.context.view->fetch(node().table, rowids, {old_numbers.data(), old_numbers.size()}, batch_arena_,
                                       {fetched, old_numbers.size()}));
    for (std::size_t i = 0; i < old_numbers.size(); ++i) {
      const StoredColumn& column = node_.returned[old_places[i]];
      SPG_TRY(check_stored(fetched[i], column));
      out[old_places[i]] = column.is_scaled() && fetched[i].physical != Physical::string
                               ? numerics_of(fetched[i], column.scale, {nullptr, rows.count}, rows.count, batch_arena_)
                               : fetched[i];
    }
    return ok();
  }

  /// RETURNING: expressions over the row's values, then the input's columns.
  Status on_change(const Change& change) override {
    const Batch input = copy_batch(change.input, batch_arena_, false);
    std::span<Vector> columns{batch_arena_.array<Vector>(change.row_values.size() + input.columns.size() + 1),
                              change.row_values.size() + input.columns.size()};
    std::copy(change.row_values.begin(), change.row_values.end(), columns.begin());
    std::copy(input.columns.begin(), input.columns.end(),
              columns.begin() + static_cast<std::ptrdiff_t>(change.row_values.size()));
    see({columns, change.rows, {nullptr, change.rows}});
    for (std::size_t i = 0; i < returned_.size(); ++i)
      SPG_TRY(evaluate(*node_.more[i], frame_, {nullptr, change.rows}, returned_[i]));
    *out_ = {returned_, change.rows, {nullptr, change.rows}};
    return ok();
  }

  Operator* input_;
  ColumnInput* inputs_;
  RowidSet written_;
  ChangeStream changes_;
  std::span<Vector> returned_;
  Batch* out_ = nullptr;
};

}  // namespace

Operator* make_modify(State& state, const CompiledNode& node) { return new_operator<ModifyOp>(state, node); }

}  // namespace spg::exec
