// INSERT, UPDATE, DELETE through the seam, batch by batch. All reads are of the statement's root; what is written here
// is never seen by the same statement.
#include <algorithm>

#include "modify.hpp"

#include "spg/exec/violation.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"

namespace spg::exec {

using table::ColumnInput;

ModifyOp::ModifyOp(State& state, const CompiledNode& node)
    : Operator(state, node),
      input_(make_operator(state, *node.left)),
      written_(written_rows(state, plan::as<plan::Modify>(*node.node).table)),
      may_repeat_(!node.unique_rows || !state.plan->side_writes.empty()),
      inputs_(state.arena->array<ColumnInput>(node.columns.size() + 1)),
      returned_(state.arena->array<Vector>(node.more.size() + 1), node.more.size()) {
  if (!node.more.empty() || !node.codes.empty()) changes_.listen(*this);
}

Result<bool> ModifyOp::next(Batch& out) {
  for (;;) {
    SPG_TRY(state_.check());
    Batch batch;
    SPG_ASSIGN(const bool more, input_->next(batch));
    if (!more) return false;
    if (batch.selected.count == 0) continue;
    begin_batch();
    out_ = &out;
    out.selected.count = 0;
    SPG_TRY(write(batch));
    SPG_TRY(batch_arena_.check());
    if (out.selected.count != 0 && changes_.has_listeners()) return true;
  }
}

Status ModifyOp::write(const Batch& batch) {
  switch (node().op) {
    case plan::Modify::Op::insert: return insert(batch);
    case plan::Modify::Op::update: return update(batch);
    default: return remove(batch);
  }
}

RowidSet& written_rows(State& state, TableId table) {
  for (WrittenRows* one = state.written; one != nullptr; one = one->before)
    if (one->table == table) return *one->rows;
  auto* set = new (state.arena->allocate(sizeof(RowidSet), alignof(RowidSet))) RowidSet(*state.arena);
  auto* made = new (state.arena->allocate(sizeof(WrittenRows), alignof(WrittenRows))) WrittenRows{table, set, state.written};
  state.written = made;
  return *set;
}

// --- values

/// The values as the column stores them, for the selected rows.
Result<Vector> ModifyOp::stored(const Vector& values, const StoredColumn& column, std::uint32_t capacity,
                                Selection selected) {
  if (!column.is_scaled() || values.physical == column.physical)
    return values.validity == nullptr ? values : zero_nulls(values, capacity, selected);
  const std::size_t bytes = type::physical_bytes(column.physical);
  const bool constant = values.form == Vector::Form::constant;
  auto* to = static_cast<std::byte*>(batch_arena_.allocate(bytes * (constant ? 1 : capacity)));
  const Selection rows = constant ? Selection{nullptr, 1} : selected;
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
  return Vector{column.physical, constant ? Vector::Form::constant : Vector::Form::flat, to, values.validity, nullptr};
}

/// NULL slots reach table and log as zero bytes.
Vector ModifyOp::zero_nulls(const Vector& values, std::uint32_t capacity, Selection selected) {
  const std::size_t bytes = type::physical_bytes(values.physical);
  const bool constant = values.form == Vector::Form::constant;
  auto* to = static_cast<std::byte*>(batch_arena_.allocate(bytes * (constant ? 1 : capacity)));
  const Selection rows = constant ? Selection{nullptr, 1} : selected;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    if (values.is_null(row)) std::memset(to + row * bytes, 0, bytes);
    else copy_value(to + row * bytes, value_at(values, row), bytes);
  }
  return {values.physical, constant ? Vector::Form::constant : Vector::Form::flat, to, values.validity, nullptr};
}

Result<std::span<const ColumnInput>> ModifyOp::stored_inputs(const Written& written, Selection rows) {
  ColumnInput* inputs = inputs_;
  const bool is_own = written.columns.data() == node_.columns.data() && written.columns.size() == node_.columns.size();
  if (!is_own) inputs = batch_arena_.array<ColumnInput>(written.columns.size());
  for (std::size_t i = 0; i < written.columns.size(); ++i) {
    SPG_ASSIGN(const Vector values, stored(written.values[i], written.columns[i], written.capacity, rows));
    inputs[i] = {written.columns[i].number, values};
  }
  return std::span<const ColumnInput>{inputs, written.columns.size()};
}

Status ModifyOp::fetch(std::span<const std::uint64_t> rowids, std::span<const StoredColumn> columns,
                       std::span<Vector> out) {
  auto* numbers = batch_arena_.array<std::uint16_t>(columns.size() + 1);
  for (std::size_t i = 0; i < columns.size(); ++i) numbers[i] = columns[i].number;
  SPG_TRY(state_.context.view->fetch(node().table, rowids, {numbers, columns.size()}, batch_arena_, out));
  const auto count = static_cast<std::uint32_t>(rowids.size());
  for (std::size_t i = 0; i < columns.size(); ++i) {
    SPG_TRY(check_stored(out[i], columns[i]));
    if (columns[i].is_scaled() && out[i].physical != Physical::string)
      out[i] = numerics_of(out[i], columns[i].scale, {nullptr, count}, count, batch_arena_);
  }
  return ok();
}

// --- errors

void ModifyOp::print_field(Oid type, const Value& value, TextBuilder& text) {
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

/// A column of the written row: as it is given, or (update) as it was.
Result<Value> ModifyOp::new_value(const Written& written, std::uint32_t row, std::uint64_t rowid,
                                  const plan::Modify::RowColumn& column) {
  for (std::size_t i = 0; i < written.columns.size(); ++i)
    if (written.columns[i].number == column.number) return type::value_of(written.values[i], row);
  if (written.op == plan::Modify::Op::insert) return Value::null_of(Physical::none);
  return fetch_value(*state_.context.view, node().table, rowid, {column.number, Physical::none, 0, column.type, column.typmod}, batch_arena_);
}

Status ModifyOp::check_not_null(const Written& written, std::span<const plan::Modify::NotNull> rules, Selection rows,
                                std::span<const std::uint64_t> rowids) {
  for (const auto& rule : rules) {
    std::size_t at = written.columns.size();
    for (std::size_t i = 0; i < written.columns.size(); ++i)
      if (written.columns[i].number == rule.number) at = i;
    if (at == written.columns.size()) {
      // A column that an INSERT does not give is NULL.
      if (written.op == plan::Modify::Op::insert) return null_violation(written, rows[0], 0, rule);
      continue;
    }
    const Vector& values = written.values[at];
    if (values.validity == nullptr) continue;
    for (std::uint32_t i = 0; i < rows.count; ++i)
      if (values.is_null(rows[i])) return null_violation(written, rows[i], rowids.empty() ? 0 : rowids[i], rule);
  }
  return ok();
}

Error ModifyOp::null_violation(const Written& written, std::uint32_t row, std::uint64_t rowid,
                               const plan::Modify::NotNull& rule) {
  TextBuilder text(batch_arena_);
  bool first = true;
  for (const auto& column : node().row_columns) {
    auto value = new_value(written, row, rowid, column);
    if (!value) return value.take_error();
    text.add(first ? "" : ", ");
    first = false;
    print_field(column.type, *value, text);
  }
  return Error::make(sqlstate::not_null_violation, "null value in column \"", rule.name, "\" of relation \"",
                     node().relation_name, "\" violates not-null constraint")
      .detail("Failing row contains (", text.view(), ").")
      .set(ErrorField::schema, {node().schema_name})
      .set(ErrorField::table, {node().relation_name})
      .set(ErrorField::column, {rule.name});
}

Result<const catalog::Relation*> ModifyOp::relation() { return state_.context.catalog->relation(node().relation); }

Error ModifyOp::unique_violation(const txn::Conflict& conflict, const Written& written, Selection rows,
                                 std::span<const std::uint64_t> rowids) {
  auto found = relation();
  if (!found) return found.take_error();
  const std::uint32_t at = conflict.row < rows.count ? conflict.row : 0;
  return exec::unique_violation(state_.context, *found, conflict.index, batch_arena_,
                                [&](const catalog::ColumnInfo& column) {
                                  return new_value(written, rows[at], rowids.empty() ? 0 : rowids[at],
                                                   {static_cast<std::uint16_t>(column.number), column.name, column.type,
                                                    column.typmod});
                                });
}

// --- the three ways to write

Result<Written> ModifyOp::inserted(const Batch& batch) {
  const Written written{plan::Modify::Op::insert, node_.columns, batch.columns.data(), batch.rows};
  SPG_TRY(check_not_null(written, node().not_null, batch.selected, {}));
  return written;
}

Status ModifyOp::insert(const Batch& batch) {
  SPG_ASSIGN(const Written written, inserted(batch));
  SPG_ASSIGN(const auto inputs, stored_inputs(written, batch.selected));
  txn::Conflict conflict;
  SPG_ASSIGN(const std::uint64_t first,
             state_.context.view->insert(node().table, inputs, batch.selected, conflict));
  if (conflict.found()) return unique_violation(conflict, written, batch.selected, {});
  count_rows(batch.selected.count);
  if (!changes_.has_listeners()) return ok();
  auto* rowids = batch_arena_.array<std::uint64_t>(batch.selected.count);
  for (std::uint32_t i = 0; i < batch.selected.count; ++i) rowids[i] = first + i;
  return publish(written, batch, batch.selected, {rowids, batch.selected.count});
}

ModifyOp::Targets ModifyOp::in_order(std::span<const std::uint64_t> rowids, Selection rows) {
  struct Target {
    std::uint64_t rowid;
    std::uint16_t row;
  };
  const std::size_t count = rowids.size();
  auto* list = batch_arena_.array<Target>(count);
  for (std::size_t i = 0; i < count; ++i) list[i] = {rowids[i], static_cast<std::uint16_t>(rows[i])};
  const auto before = [](const Target& a, const Target& b) { return a.rowid < b.rowid; };
  if (!std::is_sorted(list, list + count, before)) std::sort(list, list + count, before);
  Targets result{{batch_arena_.array<std::uint64_t>(count), count}, {}};
  auto* places = batch_arena_.array<std::uint16_t>(count);
  for (std::size_t i = 0; i < count; ++i) {
    result.rowids[i] = list[i].rowid;
    places[i] = list[i].row;
  }
  result.rows = {places, static_cast<std::uint32_t>(count)};
  return result;
}

ModifyOp::Targets ModifyOp::targets(const Batch& batch) {
  const Vector& ids = batch.columns[0];
  const std::uint32_t count = batch.selected.count;
  auto* rowids = batch_arena_.array<std::uint64_t>(count);
  auto* rows = batch_arena_.array<std::uint16_t>(count);
  std::uint32_t kept = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::uint32_t row = batch.selected[i];
    if (ids.is_null(row)) continue;  // the NULL-extended side of an outer join
    const std::uint64_t rowid = ids.value<std::uint64_t>(row);
    if (may_repeat_ && !written_.add(rowid)) continue;
    rowids[kept] = rowid;
    rows[kept++] = static_cast<std::uint16_t>(row);
  }
  return in_order({rowids, kept}, {rows, kept});
}

Status ModifyOp::update(const Batch& batch) {
  const Targets to = targets(batch);
  if (to.rowids.empty()) return ok();
  auto* values = batch_arena_.array<Vector>(node_.columns.size() + 1);
  for (std::size_t i = 0; i < node_.columns.size(); ++i) values[i] = batch.columns[node().values[i]];
  const Written written{plan::Modify::Op::update, node_.columns, values, batch.rows};
  SPG_TRY(check_not_null(written, node().not_null, to.rows, to.rowids));
  SPG_ASSIGN(const auto inputs, stored_inputs(written, batch.selected));
  txn::Conflict conflict;
  SPG_TRY(state_.context.view->update(node().table, to.rowids, inputs, to.rows, conflict));
  if (conflict.found()) return unique_violation(conflict, written, to.rows, to.rowids);
  count_rows(to.rowids.size());
  return changes_.has_listeners() ? publish(written, batch, to.rows, to.rowids) : ok();
}

Status ModifyOp::remove(const Batch& batch) {
  const Targets to = targets(batch);
  if (to.rowids.empty()) return ok();
  SPG_TRY(state_.context.view->remove(node().table, to.rowids));
  count_rows(to.rowids.size());
  const Written written{plan::Modify::Op::remove, {}, nullptr, batch.rows};
  return changes_.has_listeners() ? publish(written, batch, to.rows, to.rowids) : ok();
}

// --- the change stream

Status ModifyOp::publish(const Written& written, const Batch& batch, Selection rows,
                         std::span<const std::uint64_t> rowids) {
  SPG_ASSIGN(const auto values, row_values(written, rows, rowids));
  Change change;
  change.op = node().op;
  change.rows = rows.count;
  change.rowids = rowids;
  change.input = {batch.columns, batch.rows, rows};
  change.row_values = values;
  return changes_.publish(change);
}

Result<std::span<Vector>> ModifyOp::row_values(const Written& written, Selection rows,
                                               std::span<const std::uint64_t> rowids) {
  std::span<Vector> out{batch_arena_.array<Vector>(node_.returned.size() + 1), node_.returned.size()};
  Vec<StoredColumn> old_columns(batch_arena_);
  Vec<std::uint32_t> old_places(batch_arena_);
  for (std::size_t i = 0; i < node_.returned.size(); ++i) {
    const StoredColumn& column = node_.returned[i];
    if (column.number == 0) {
      out[i] = {Physical::int8, Vector::Form::flat, rowids.data(), nullptr, nullptr};
      continue;
    }
    std::size_t at = written.columns.size();
    for (std::size_t c = 0; c < written.columns.size(); ++c)
      if (written.columns[c].number == column.number) at = c;
    if (at < written.columns.size()) {
      const Batch one{{const_cast<Vector*>(&written.values[at]), 1}, written.capacity, rows};
      out[i] = copy_batch(one, batch_arena_, false).columns[0];
    } else if (written.op == plan::Modify::Op::insert) {
      out[i] = null_vector(type::physical_of(column.type));
    } else {
      old_columns.push_back(column);
      old_places.push_back(static_cast<std::uint32_t>(i));
    }
  }
  if (old_columns.empty()) return out;
  std::span<Vector> fetched{batch_arena_.array<Vector>(old_columns.size()), old_columns.size()};
  SPG_TRY(fetch(rowids, old_columns.span(), fetched));
  for (std::size_t i = 0; i < fetched.size(); ++i) out[old_places[i]] = fetched[i];
  return out;
}

/// WITH CHECK OPTION of views. What is seen: the changed rows.
Status ModifyOp::check_views(const Change& change) {
  for (std::size_t i = 0; i < node_.codes.size(); ++i) {
    Vector holds;
    SPG_TRY(evaluate(*node_.codes[i], frame_, {nullptr, change.rows}, holds));
    for (std::uint32_t row = 0; row < change.rows; ++row)
      if (holds.is_null(row) || holds.value<std::uint8_t>(row) == 0) return check_violation(change, row, i);
  }
  return ok();
}

Error ModifyOp::check_violation(const Change& change, std::uint32_t row, std::size_t check) {
  TextBuilder text(batch_arena_);
  bool first = true;
  for (const auto& column : node().row_columns)
    for (std::size_t c = 0; c < node_.returned.size(); ++c) {
      if (node_.returned[c].number != column.number) continue;
      text.add(first ? "" : ", ");
      first = false;
      print_field(column.type, type::value_of(change.row_values[c], row), text);
    }
  return Error::make(sqlstate::with_check_option_violation, "new row violates check option for view \"",
                     node().checks[check].view, "\"")
      .detail("Failing row contains (", text.view(), ").");
}

/// RETURNING: expressions over the row's values, then the input's columns.
Status ModifyOp::on_change(const Change& change) {
  const Batch input = copy_batch(change.input, batch_arena_, false);
  std::span<Vector> columns{batch_arena_.array<Vector>(change.row_values.size() + input.columns.size() + 1),
                            change.row_values.size() + input.columns.size()};
  std::copy(change.row_values.begin(), change.row_values.end(), columns.begin());
  std::copy(input.columns.begin(), input.columns.end(),
            columns.begin() + static_cast<std::ptrdiff_t>(change.row_values.size()));
  see({columns, change.rows, {nullptr, change.rows}});
  if (change.op != plan::Modify::Op::remove) SPG_TRY(check_views(change));
  if (returned_.empty()) return ok();
  for (std::size_t i = 0; i < returned_.size(); ++i)
    SPG_TRY(evaluate(*node_.more[i], frame_, {nullptr, change.rows}, returned_[i]));
  *out_ = {returned_, change.rows, {nullptr, change.rows}};
  return ok();
}

Operator* make_modify(State& state, const CompiledNode& node) {
  if (plan::as<plan::Modify>(*node.node).on_conflict != nullptr) return make_insert_on_conflict(state, node);
  if (plan::as<plan::Modify>(*node.node).op == plan::Modify::Op::merge) return make_merge(state, node);
  return new_operator<ModifyOp>(state, node);
}

}  // namespace spg::exec
