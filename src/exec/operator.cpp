#include "operator.hpp"

#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"

namespace spg::exec {

Frame make_frame(State& state, std::uint32_t count, Arena& arena) {
  Frame frame;
  frame.state = &state;
  frame.arena = &arena;
  frame.registers = state.arena->array<Register>(count);
  for (std::uint32_t i = 0; i < count; ++i) new (&frame.registers[i]) Register{};
  set_single_row(frame);
  return frame;
}

Operator::Operator(State& state, const CompiledNode& node)
    : state_(state),
      node_(node),
      batch_arena_(state.arena->budget()),
      frame_(make_frame(state, node.registers, batch_arena_)) {}

Result<Value> Operator::constant(const Code& code) {
  set_single_row(frame_);
  return evaluate_row(code, frame_);
}

static Operator* make_plain(State& state, const CompiledNode& node) {
  switch (node.node->kind) {
    case plan::NodeKind::values: return make_values(state, node);
    case plan::NodeKind::table_scan: return make_table_scan(state, node);
    case plan::NodeKind::index_scan: return make_index_scan(state, node);
    case plan::NodeKind::virtual_scan: return make_virtual_scan(state, node);
    case plan::NodeKind::function_scan: return make_function_scan(state, node);
    case plan::NodeKind::filter: return make_filter(state, node);
    case plan::NodeKind::project: return make_project(state, node);
    case plan::NodeKind::limit: return make_limit(state, node);
    case plan::NodeKind::sort: return make_sort(state, node);
    case plan::NodeKind::distinct: return make_distinct(state, node);
    case plan::NodeKind::aggregate: return make_aggregate(state, node);
    case plan::NodeKind::window: return make_window(state, node);
    case plan::NodeKind::hash_join: return make_hash_join(state, node);
    case plan::NodeKind::loop_join: return make_loop_join(state, node);
    case plan::NodeKind::index_join: return make_index_join(state, node);
    case plan::NodeKind::append: return make_append(state, node);
    case plan::NodeKind::set_operation: return make_set_operation(state, node);
    case plan::NodeKind::recursive_union: return make_recursive_union(state, node);
    case plan::NodeKind::work_table: return make_work_table(state, node);
    case plan::NodeKind::materialize: return make_materialize(state, node);
    case plan::NodeKind::cte_scan: return make_cte_scan(state, node);
    case plan::NodeKind::project_set: return make_project_set(state, node);
    case plan::NodeKind::modify: return make_modify(state, node);
    case plan::NodeKind::lock_rows: return make_lock_rows(state, node);
  }
  return nullptr;
}

Operator* make_operator(State& state, const CompiledNode& node) {
  Operator* made = make_plain(state, node);
  return state.context.measures == nullptr ? made : measured(state, node, made);
}

// --- stored numerics ------------------------------------------------------------------------------------------------

Vector numerics_of(const Vector& scaled, int scale, Selection rows, std::uint32_t count, Arena& arena) {
  auto* values = arena.array<type::Numeric>(scaled.form == Vector::Form::constant ? 1 : count);
  const auto convert = [&](std::uint32_t row) {
    if (scaled.is_null(row)) return;
    values[scaled.form == Vector::Form::constant ? 0 : row] =
        type::numeric_from_stored(type::value_of(scaled, row), scale, arena);
  };
  if (scaled.form == Vector::Form::constant) convert(0);
  else
    for (std::uint32_t i = 0; i < rows.count; ++i) convert(rows[i]);
  const auto form = scaled.form == Vector::Form::constant ? Vector::Form::constant : Vector::Form::flat;
  return {Physical::string, form, values, scaled.validity, nullptr};
}

Result<Value> fetch_value(txn::View& view, TableId table, std::uint64_t rowid, StoredColumn column, Arena& arena) {
  Vector fetched;
  SPG_TRY(view.fetch(table, {&rowid, 1}, {&column.number, 1}, arena, {&fetched, 1}));
  column.physical = fetched.physical;
  if (column.is_scaled()) fetched = numerics_of(fetched, type::NumericTypmod::of(column.typmod).scale, {nullptr, 1}, 1, arena);
  return type::value_of(fetched, 0);
}

Status check_stored(const Vector& values, const StoredColumn& column) {
  // The missing-value of an added column may be NULL without a type.
  if (values.physical == column.physical || (values.physical == Physical::none && values.form == Vector::Form::constant && values.is_null(0)))
    return ok();
  return Error::make(sqlstate::data_corrupted, "column ", column.number, " of a table is of another type than the catalog says");
}

StoredValue to_stored(const Value& value, const StoredColumn& column, Arena& arena) {
  StoredValue result{value};
  if (!column.is_scaled() || value.physical == column.physical) return result;
  if (value.is_null) {
    result.value = Value::null_of(column.physical);
    return result;
  }
  const auto& number = value.as<type::Numeric>();
  const auto zero = type::numeric_from_int8(0, arena);
  result.negative = type::numeric_compare(number, zero) < 0;
  const auto fill = [&](const type::Numeric& from) {
    return type::numeric_to_stored(from, column.physical, column.scale, &result.value);
  };
  if (fill(number)) return result;
  result.exact = false;
  // The value has more decimals than the column, or is greater than all it can hold: the scaled value below it bounds
  // ranges. NaN is above them all.
  const auto put = [&](type::Int128 scaled) {
    result.value = column.physical == Physical::int8 ? Value::of(Physical::int8, static_cast<std::int64_t>(scaled))
                                                     : Value::of(Physical::int16, scaled);
  };
  if (!number.is_infinite()) {
    auto lower = type::numeric_trunc(number, column.scale, arena);
    if (lower.has_value() && fill(*lower)) {
      if (result.negative)
        put((column.physical == Physical::int8 ? type::Int128{result.value.as<std::int64_t>()}
                                               : result.value.as<type::Int128>()) -
            1);
      return result;
    }
  }
  result.in_range = false;
  if (!result.negative)
    put((column.physical == Physical::int8 ? type::Int128{type::scaled_nan8} : type::scaled_nan16) - 1);
  return result;
}

}  // namespace spg::exec
