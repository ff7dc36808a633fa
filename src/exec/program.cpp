#include "program.hpp"

#include "eval.hpp"
#include "operator.hpp"

namespace spg::exec {

Register& Frame::reg(const Code& code) {
  Register& result = registers[code.slot];
  const std::uint32_t rows = input.rows == 0 ? 1 : input.rows;
  if (__builtin_expect(result.capacity >= rows, 1)) return result;
  const auto capacity = rows == 1 ? 1u : static_cast<std::uint32_t>(type::batch_rows_max);
  const std::size_t width = type::physical_bytes(code.physical);
  result.values = state->arena->allocate(capacity * (width == 0 ? 1 : width));
  result.validity = state->arena->array<std::uint64_t>((capacity + 63) / 64);
  result.rows = state->arena->array<std::uint16_t>(capacity * std::size_t{2});
  result.capacity = capacity;
  return result;
}

void set_single_row(Frame& frame) { frame.input = {{}, 1, {nullptr, 1}}; }

Result<Value> evaluate_row(const Code& code, Frame& frame, std::uint32_t row) {
  const auto number = static_cast<std::uint16_t>(row);
  Vector out;
  SPG_TRY(evaluate(code, frame, row == 0 ? Selection{nullptr, 1} : Selection{&number, 1}, out));
  return type::value_of(out, row);
}

Selection subtract(Selection rows, Selection taken, std::uint16_t* to) {
  std::uint32_t count = 0, at = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (at < taken.count && taken[at] == rows[i]) ++at;
    else to[count++] = static_cast<std::uint16_t>(rows[i]);
  }
  return {to, count};
}

/// Copies the selected values of a vector into a register of the same type.
void scatter(const Vector& from, Selection rows, Register& to, bool& has_nulls) {
  const std::size_t bytes = type::physical_bytes(from.physical);
  auto* values = static_cast<std::byte*>(to.values);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    if (from.is_null(row)) {
      clear_bit(to.validity, row);
      has_nulls = true;
    } else {
      copy_value(values + row * bytes, value_at(from, row), bytes);
    }
  }
}

// --- filters --------------------------------------------------------------------------------------------------------

Status filter_rows(const Code& condition, Frame& frame, Selection rows, std::uint16_t* to, Selection& out) {
  if (condition.expr->kind == plan::ExprKind::logical_and) {
    for (const Code* part : condition.arguments) {
      SPG_TRY(filter_rows(*part, frame, rows, to, rows));
      if (rows.count == 0) break;
    }
    out = rows;
    return ok();
  }
  Vector result;
  SPG_TRY(evaluate(condition, frame, rows, result));
  if (result.form == Vector::Form::constant) {
    out = !result.is_null(0) && *result.as<std::uint8_t>() != 0 ? rows : Selection{to, 0};
    return ok();
  }
  const std::uint8_t* values = result.as<std::uint8_t>();
  std::uint32_t count = 0;
  if (result.form == Vector::Form::flat && result.validity == nullptr) {
    if (rows.rows == nullptr) {
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        to[count] = static_cast<std::uint16_t>(i);
        count += values[i] != 0;
      }
      if (count == rows.count) {
        out = rows;
        return ok();
      }
    } else {
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        const std::uint16_t row = rows.rows[i];
        to[count] = row;
        count += values[row] != 0;
      }
    }
  } else {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint32_t row = rows[i];
      if (!result.is_null(row) && values[result.slot(row)] != 0) to[count++] = static_cast<std::uint16_t>(row);
    }
  }
  out = {to, count};
  return ok();
}

// --- leaves ---------------------------------------------------------------------------------------------------------

Status eval_constant(const Code& code, Frame&, Selection, Vector& out) {
  out = code.value.vector();
  return ok();
}
Status eval_column(const Code& code, Frame& frame, Selection, Vector& out) {
  SPG_DCHECK(code.place < frame.input.columns.size());
  out = frame.input.columns[code.place];
  return ok();
}
Status eval_parameter(const Code& code, Frame& frame, Selection, Vector& out) {
  const auto values = frame.state->context.parameters;
  if (code.place >= values.size())
    return Error::make(sqlstate::undefined_parameter, "there is no parameter $", code.place + 1);
  out = values[code.place].vector();
  if (out.physical != code.physical) out = values[code.place].is_null ? null_vector(code.physical) : out;
  return ok();
}
Status eval_internal_parameter(const Code& code, Frame& frame, Selection, Vector& out) {
  const Value& value = frame.state->parameters[code.place];
  out = value.is_null ? null_vector(code.physical) : value.vector();
  return ok();
}
Status eval_relabel(const Code& code, Frame& frame, Selection rows, Vector& out) {
  return evaluate(*code.arguments[0], frame, rows, out);
}

// --- calls ----------------------------------------------------------------------------------------------------------

namespace {

/// The rows for which no argument is NULL; clears the validity of the others.
Selection without_nulls(std::span<const Vector> arguments, Selection rows, Register& reg, bool& has_nulls) {
  bool any = false;
  for (const Vector& argument : arguments)
    any = any || (argument.validity != nullptr && argument.form != Vector::Form::constant);
  if (!any) return rows;
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    bool null = false;
    for (const Vector& argument : arguments) null = null || argument.is_null(row);
    if (null) clear_bit(reg.validity, row);
    else reg.rows[count++] = static_cast<std::uint16_t>(row);
  }
  if (count == rows.count) return rows;
  has_nulls = true;
  return {reg.rows, count};
}

}  // namespace

Status call_kernel(const Code& code, Frame& frame, std::span<const Vector> arguments, Selection rows, Register& reg,
                   Vector& out) {
  bool all_constant = !code.is_volatile, null_constant = false;
  for (const Vector& argument : arguments) {
    if (argument.form == Vector::Form::constant) null_constant = null_constant || argument.is_null(0);
    else all_constant = false;
  }
  if (null_constant && !code.sees_nulls) {
    out = null_vector(code.physical);
    return ok();
  }
  if (rows.count == 0) {
    out = null_vector(code.physical);
    return ok();
  }
  FunctionContext context{frame.state->context, *frame.arena, code.expr, code.expressions};
  KernelCall call{context, arguments, all_constant ? Selection{nullptr, 1} : rows, reg.values,
                  Frame::all_valid(reg, all_constant ? 1 : frame.input.rows)};
  if (!code.sees_nulls && !all_constant) {
    call.rows = without_nulls(arguments, rows, reg, call.has_nulls);
    if (call.rows.count == 0) {
      out = null_vector(code.physical);
      return ok();
    }
  }
  Status status = code.kernel(call);
  if (__builtin_expect(status.failed(), 0)) return status;
  out = {code.physical, all_constant ? Vector::Form::constant : Vector::Form::flat, reg.values,
         call.has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

Status eval_call(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Vector few[6];
  const std::size_t count = code.arguments.size();
  Vector* arguments = count <= std::size(few) ? few : frame.arena->array<Vector>(count);
  for (std::size_t i = 0; i < count; ++i) SPG_TRY(evaluate(*code.arguments[i], frame, rows, arguments[i]));
  return call_kernel(code, frame, {arguments, count}, rows, frame.reg(code), out);
}

// --- three-valued logic ---------------------------------------------------------------------------------------------

namespace {

/// AND and OR: `decisive` ends a row (false for AND, true for OR); a NULL is kept in mind.
template <bool decisive>
Status eval_logical(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Register& reg = frame.reg(code);
  auto* values = static_cast<std::uint8_t*>(reg.values);
  Frame::all_valid(reg, frame.input.rows);
  for (std::uint32_t i = 0; i < rows.count; ++i) values[rows[i]] = !decisive;
  bool has_nulls = false;
  Selection rest = rows;
  for (std::size_t a = 0; a < code.arguments.size() && rest.count != 0; ++a) {
    Vector part;
    SPG_TRY(evaluate(*code.arguments[a], frame, rest, part));
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rest.count; ++i) {
      const std::uint32_t row = rest[i];
      if (part.is_null(row)) {
        clear_bit(reg.validity, row);
        has_nulls = true;
      } else if ((part.value<std::uint8_t>(row) != 0) == decisive) {
        values[row] = decisive;
        set_bit(reg.validity, row);
        continue;
      }
      reg.rows[count++] = static_cast<std::uint16_t>(row);
    }
    rest = {reg.rows, count};
  }
  out = {Physical::boolean, Vector::Form::flat, values, has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

}  // namespace

Status eval_and(const Code& code, Frame& frame, Selection rows, Vector& out) {
  return eval_logical<false>(code, frame, rows, out);
}
Status eval_or(const Code& code, Frame& frame, Selection rows, Vector& out) {
  return eval_logical<true>(code, frame, rows, out);
}

Status eval_not(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Vector argument;
  SPG_TRY(evaluate(*code.arguments[0], frame, rows, argument));
  Register& reg = frame.reg(code);
  auto* values = static_cast<std::uint8_t*>(reg.values);
  if (argument.form == Vector::Form::constant) {
    values[0] = *argument.as<std::uint8_t>() == 0;
  } else {
    for (std::uint32_t i = 0; i < rows.count; ++i) values[rows[i]] = argument.value<std::uint8_t>(rows[i]) == 0;
  }
  out = {Physical::boolean, argument.form == Vector::Form::constant ? Vector::Form::constant : Vector::Form::flat,
         values, argument.validity, nullptr};
  return ok();
}

/// IS [NOT] NULL, TRUE, FALSE, UNKNOWN.
Status eval_is(const Code& code, Frame& frame, Selection rows, Vector& out) {
  using plan::ExprKind;
  Vector argument;
  SPG_TRY(evaluate(*code.arguments[0], frame, rows, argument));
  Register& reg = frame.reg(code);
  auto* values = static_cast<std::uint8_t*>(reg.values);
  const ExprKind kind = code.expr->kind;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    const bool null = argument.is_null(row);
    bool result = false;
    switch (kind) {
      case ExprKind::is_null:
      case ExprKind::is_unknown: result = null; break;
      case ExprKind::is_not_null:
      case ExprKind::is_not_unknown: result = !null; break;
      case ExprKind::is_true: result = !null && argument.value<std::uint8_t>(row) != 0; break;
      case ExprKind::is_not_true: result = null || argument.value<std::uint8_t>(row) == 0; break;
      case ExprKind::is_false: result = !null && argument.value<std::uint8_t>(row) == 0; break;
      default: result = null || argument.value<std::uint8_t>(row) != 0; break;
    }
    values[row] = result;
  }
  out = {Physical::boolean, Vector::Form::flat, values, nullptr, nullptr};
  return ok();
}

Status eval_distinct_from(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Vector arguments[2], equal;
  for (std::size_t i = 0; i < 2; ++i) SPG_TRY(evaluate(*code.arguments[i], frame, rows, arguments[i]));
  Register& reg = frame.reg(code);
  SPG_TRY(call_kernel(code, frame, arguments, rows, reg, equal));
  const bool negated = code.expr->kind == plan::ExprKind::distinct_from;
  auto* values = static_cast<std::uint8_t*>(reg.values);
  const bool constant_equal =
      equal.form == Vector::Form::constant && !equal.is_null(0) && *equal.as<std::uint8_t>() != 0;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    const bool a = arguments[0].is_null(row), b = arguments[1].is_null(row);
    bool same = a && b;
    if (!a && !b)
      same = equal.form == Vector::Form::constant ? constant_equal
                                                  : !equal.is_null(row) && equal.value<std::uint8_t>(row) != 0;
    values[row] = same != negated;
  }
  out = {Physical::boolean, Vector::Form::flat, values, nullptr, nullptr};
  return ok();
}

Status eval_null_if(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Vector arguments[2], equal;
  for (std::size_t i = 0; i < 2; ++i) SPG_TRY(evaluate(*code.arguments[i], frame, rows, arguments[i]));
  Register& reg = frame.reg(code);
  // The register first takes the comparison's booleans (one byte each), then the values: it is read behind what is
  // written only when values are wider, so the booleans move out of the way.
  Code compare = code;
  compare.physical = Physical::boolean;
  SPG_TRY(call_kernel(compare, frame, arguments, rows, reg, equal));
  auto* take_null = frame.arena->array<std::uint8_t>(frame.input.rows);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    take_null[row] = !equal.is_null(row) && equal.value<std::uint8_t>(row) != 0;
  }
  Frame::all_valid(reg, frame.input.rows);
  bool has_nulls = false;
  scatter(arguments[0], rows, reg, has_nulls);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (take_null[rows[i]] == 0) continue;
    clear_bit(reg.validity, rows[i]);
    has_nulls = true;
  }
  out = {code.physical, Vector::Form::flat, reg.values, has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

// --- choices --------------------------------------------------------------------------------------------------------

/// Arguments: condition, result, condition, result, ... [, otherwise].
Status eval_case(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Register& reg = frame.reg(code);
  Frame::all_valid(reg, frame.input.rows);
  bool has_nulls = false;
  std::uint16_t* rest_rows = reg.rows;
  std::uint16_t* taken_rows = reg.rows + reg.capacity;
  Selection rest = rows;
  const std::size_t whens = code.arguments.size() / 2;
  for (std::size_t i = 0; i < whens && rest.count != 0; ++i) {
    Selection taken;
    SPG_TRY(filter_rows(*code.arguments[2 * i], frame, rest, taken_rows, taken));
    if (taken.count == 0) continue;
    Vector result;
    SPG_TRY(evaluate(*code.arguments[2 * i + 1], frame, taken, result));
    if (taken.count == rows.count) {
      out = result;
      return ok();
    }
    scatter(result, taken, reg, has_nulls);
    rest = subtract(rest, taken, rest_rows);
  }
  if (rest.count != 0) {
    Vector result = null_vector(code.physical);
    if (code.arguments.size() % 2 != 0) SPG_TRY(evaluate(*code.arguments.back(), frame, rest, result));
    if (rest.count == rows.count) {
      out = result;
      return ok();
    }
    scatter(result, rest, reg, has_nulls);
  }
  out = {code.physical, Vector::Form::flat, reg.values, has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

Status eval_coalesce(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Register& reg = frame.reg(code);
  Frame::all_valid(reg, frame.input.rows);
  Selection rest = rows;
  for (const Code* argument : code.arguments) {
    Vector part;
    SPG_TRY(evaluate(*argument, frame, rest, part));
    if (rest.count == rows.count && part.validity == nullptr) {
      out = part;
      return ok();
    }
    const std::size_t bytes = type::physical_bytes(part.physical);
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rest.count; ++i) {
      const std::uint32_t row = rest[i];
      if (part.is_null(row)) reg.rows[count++] = static_cast<std::uint16_t>(row);
      else copy_value(static_cast<std::byte*>(reg.values) + row * bytes, value_at(part, row), bytes);
    }
    rest = {reg.rows, count};
    if (count == 0) break;
  }
  for (std::uint32_t i = 0; i < rest.count; ++i) clear_bit(reg.validity, rest[i]);
  out = {code.physical, Vector::Form::flat, reg.values, rest.count != 0 ? reg.validity : nullptr, nullptr};
  return ok();
}

Status eval_greatest_least(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Register& reg = frame.reg(code);
  const std::size_t count = code.arguments.size();
  Vector* parts = frame.arena->array<Vector>(count);
  for (std::size_t i = 0; i < count; ++i) SPG_TRY(evaluate(*code.arguments[i], frame, rows, parts[i]));
  Frame::all_valid(reg, frame.input.rows);
  const bool greatest = code.expr->kind == plan::ExprKind::greatest;
  const std::size_t bytes = type::physical_bytes(code.physical);
  bool has_nulls = false;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    Value best = Value::null_of(code.physical);
    for (std::size_t a = 0; a < count; ++a) {
      if (parts[a].is_null(row)) continue;
      const Value value = type::value_of(parts[a], row);
      if (best.is_null) {
        best = value;
        continue;
      }
      const int order = type::compare(code.compared, value, best);
      if (greatest ? order > 0 : order < 0) best = value;
    }
    if (best.is_null) {
      clear_bit(reg.validity, row);
      has_nulls = true;
    } else copy_value(static_cast<std::byte*>(reg.values) + row * bytes, best.bytes, bytes);
  }
  out = {code.physical, Vector::Form::flat, reg.values, has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

}  // namespace spg::exec
