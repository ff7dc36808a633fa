// Membership (ANY, ALL, IN lists), ARRAY[], ROW() and casts through text.
#include <algorithm>

#include "eval.hpp"
#include "operator.hpp"
#include "sets.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/record.hpp"

namespace spg::exec {

// --- ValueSet -------------------------------------------------------------------------------------------------------

ValueSet::ValueSet(Oid type, std::size_t count, Arena& arena) : type_(type) {
  std::uint32_t slots = 8;
  while (slots < count * 2) slots *= 2;
  values_ = arena.array<Value>(slots);
  for (std::uint32_t i = 0; i < slots; ++i) values_[i] = Value::null_of(Physical::none);
  mask_ = slots - 1;
}
void ValueSet::add(const Value& value) {
  if (value.is_null) {
    has_null = true;
    return;
  }
  auto at = static_cast<std::uint32_t>(type::hash(type_, value)) & mask_;
  for (; !values_[at].is_null; at = (at + 1) & mask_)
    if (type::compare(type_, values_[at], value) == 0) return;
  values_[at] = value;
}
bool ValueSet::contains(const Value& value) const {
  for (auto at = static_cast<std::uint32_t>(type::hash(type_, value)) & mask_; !values_[at].is_null;
       at = (at + 1) & mask_)
    if (type::compare(type_, values_[at], value) == 0) return true;
  return false;
}

namespace {

/// Results of a membership test while elements are tried: who is undecided, and who has met a NULL.
struct Membership {
  Register& reg;
  Selection rest;
  std::uint8_t* met_null;
  bool decisive;  ///< the element result that ends the search: true for ANY, false for ALL
  std::uint8_t* values() const { return static_cast<std::uint8_t*>(reg.values); }

  Membership(const Code& code, Frame& frame, Selection rows, bool decides)
      : reg(frame.reg(code)), rest(rows), decisive(decides) {
    Frame::all_valid(reg, frame.input.rows);
    met_null = frame.arena->array<std::uint8_t>(frame.input.rows);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      met_null[rows[i]] = 0;
      values()[rows[i]] = !decisive;
    }
  }
  void take(const Vector& result) {
    std::uint32_t count = 0;
    for (std::uint32_t i = 0; i < rest.count; ++i) {
      const std::uint32_t row = rest[i];
      if (result.is_null(row)) met_null[row] = 1;
      else if ((result.value<std::uint8_t>(row) != 0) == decisive) {
        values()[row] = decisive;
        continue;
      }
      reg.rows[count++] = static_cast<std::uint16_t>(row);
    }
    rest = {reg.rows, count};
  }
  void take_null() {
    for (std::uint32_t i = 0; i < rest.count; ++i) met_null[rest[i]] = 1;
  }
  void set_null(std::uint32_t row) { met_null[row] = 1; }
  Vector finish(bool negate, Selection rows) {
    bool nulls = false;
    for (std::uint32_t i = 0; i < rest.count; ++i) {
      if (met_null[rest[i]] == 0) continue;
      clear_bit(reg.validity, rest[i]);
      nulls = true;
    }
    if (negate)
      for (std::uint32_t i = 0; i < rows.count; ++i) values()[rows[i]] ^= 1;
    return {Physical::boolean, Vector::Form::flat, values(), nulls ? reg.validity : nullptr, nullptr};
  }
};

Status try_element(const MembershipCode& how, Frame& frame, Membership& membership, const Vector& scalar,
                   const Vector& element) {
  const Vector arguments[2] = {scalar, element};
  Vector result;
  SPG_TRY(call_kernel(*how.test, frame, arguments, membership.rest, frame.reg(*how.test), result));
  membership.take(result);
  return ok();
}

void try_set(const ValueSet& set, Membership& membership, const Vector& scalar) {
  std::uint32_t count = 0;
  for (std::uint32_t i = 0; i < membership.rest.count; ++i) {
    const std::uint32_t row = membership.rest[i];
    if (scalar.is_null(row)) membership.set_null(row);
    else if (set.contains(type::value_of(scalar, row))) {
      membership.values()[row] = 1;
      continue;
    } else if (set.has_null) membership.set_null(row);
    membership.reg.rows[count++] = static_cast<std::uint16_t>(row);
  }
  membership.rest = {membership.reg.rows, count};
}

}  // namespace

Status eval_any_all(const Code& code, Frame& frame, Selection rows, Vector& out) {
  const auto& how = *static_cast<const MembershipCode*>(code.extra);
  const bool any = code.expr->kind == plan::ExprKind::any_of;
  Vector scalar, arrays;
  SPG_TRY(evaluate(*code.arguments[0], frame, rows, scalar));
  SPG_TRY(evaluate(*code.arguments[1], frame, rows, arrays));
  Membership membership(code, frame, rows, any);
  if (arrays.form == Vector::Form::constant) {
    if (arrays.is_null(0)) {
      out = null_vector(Physical::boolean);
      return ok();
    }
    type::ArrayReader reader(arrays.as<StringRef>()[0]);
    Value element;
    if (any && how.is_equality && reader.count() > 8 && rows.count > 8) {
      ValueSet set(how.compared, static_cast<std::size_t>(reader.count()), *frame.arena);
      while (reader.next(&element)) set.add(element);
      SPG_TRY(frame.arena->check());
      try_set(set, membership, scalar);
    } else {
      while (membership.rest.count != 0 && reader.next(&element))
        SPG_TRY(try_element(how, frame, membership, scalar, element.vector()));
    }
  } else {
    // An array per row: the rows one by one.
    Selection undecided{nullptr, 0};
    auto* left = frame.arena->array<std::uint16_t>(rows.count);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const auto row = static_cast<std::uint16_t>(rows[i]);
      membership.rest = {&row, 1};
      if (arrays.is_null(row)) {
        membership.take_null();
      } else {
        const StringRef body = arrays.value<StringRef>(row);
        type::ArrayReader reader(body);
        Value element;
        while (membership.rest.count != 0 && reader.next(&element))
          SPG_TRY(try_element(how, frame, membership, scalar, element.vector()));
      }
      if (membership.rest.count != 0) left[undecided.count++] = row;
    }
    membership.rest = {left, undecided.count};
  }
  out = membership.finish(false, rows);
  return ok();
}

Status eval_in_list(const Code& code, Frame& frame, Selection rows, Vector& out) {
  const auto& how = *static_cast<const MembershipCode*>(code.extra);
  Vector scalar;
  SPG_TRY(evaluate(*code.arguments[0], frame, rows, scalar));
  Membership membership(code, frame, rows, true);
  if (how.set != nullptr) {
    try_set(*how.set, membership, scalar);
  } else {
    for (std::size_t i = 1; i < code.arguments.size() && membership.rest.count != 0; ++i) {
      Vector item;
      SPG_TRY(evaluate(*code.arguments[i], frame, membership.rest, item));
      SPG_TRY(try_element(how, frame, membership, scalar, item));
    }
  }
  out = membership.finish(plan::as<plan::InList>(*code.expr).negated, rows);
  return ok();
}

// --- ARRAY[], ROW() -------------------------------------------------------------------------------------------------

namespace {

/// Evaluates all arguments; the vectors lie in the frame's arena.
Result<std::span<Vector>> evaluate_all(const Code& code, Frame& frame, Selection rows) {
  const std::size_t count = code.arguments.size();
  std::span<Vector> parts{frame.arena->array<Vector>(count), count};
  for (std::size_t i = 0; i < count; ++i) {
    if (i % 1024 == 1023) SPG_TRY(frame.arena->check());
    SPG_TRY(evaluate(*code.arguments[i], frame, rows, parts[i]));
  }
  return parts;
}

/// ARRAY[...] over arrays of equal dimensions: one dimension more.
Result<StringRef> nest_arrays(std::span<const Vector> parts, std::uint32_t row, Oid element, Arena& arena) {
  Vec<Value> values(arena);
  type::ArrayDimension dimensions[type::array_dimensions_max + 1];
  int inner = -1;
  const auto mismatch = [] {
    return Error::make(sqlstate::array_subscript_error,
                       "multidimensional arrays must have array expressions with matching dimensions");
  };
  for (const Vector& part : parts) {
    if (part.is_null(row)) continue;
    type::ArrayReader reader(part.value<StringRef>(row));
    if (inner < 0) {
      inner = reader.dimensions();
      for (int d = 0; d < inner; ++d) dimensions[d + 1] = reader.dimension(d);
    } else if (inner != reader.dimensions()) {
      return mismatch();
    }
    for (int d = 0; d < inner; ++d)
      if (reader.dimension(d).length != dimensions[d + 1].length ||
          reader.dimension(d).lower != dimensions[d + 1].lower)
        return mismatch();
    Value value;
    while (reader.next(&value)) values.push_back(value);
  }
  if (inner <= 0) return type::make_array(element, {}, {}, arena);
  if (inner >= type::array_dimensions_max)
    return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", inner + 1,
                       ") exceeds the maximum allowed (6)");
  dimensions[0] = {static_cast<std::int32_t>(parts.size()), 1};
  return type::make_array(element, {dimensions, static_cast<std::size_t>(inner) + 1}, values.span(), arena);
}

}  // namespace

Status eval_array(const Code& code, Frame& frame, Selection rows, Vector& out) {
  SPG_ASSIGN(const std::span<Vector> parts, evaluate_all(code, frame, rows));
  Register& reg = frame.reg(code);
  const type::TypeInfo* type = type::find_type(code.expr->type);
  const Oid element = type == nullptr ? Oid::none : type->element;
  const bool nested = !code.expressions.empty() && code.expressions[0]->type == code.expr->type;
  Value* values = frame.arena->array<Value>(parts.size() + 1);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    auto& to = static_cast<StringRef*>(reg.values)[row];
    if (nested) {
      SPG_ASSIGN(to, nest_arrays(parts, row, element, *frame.arena));
      continue;
    }
    for (std::size_t a = 0; a < parts.size(); ++a) values[a] = type::value_of(parts[a], row);
    const type::ArrayDimension dimension{static_cast<std::int32_t>(parts.size()), 1};
    SPG_ASSIGN(to, type::make_array(element, {&dimension, parts.empty() ? std::size_t{0} : 1}, {values, parts.size()},
                                    *frame.arena));
  }
  SPG_TRY(frame.arena->check());
  out = {Physical::string, Vector::Form::flat, reg.values, nullptr, nullptr};
  return ok();
}

Status eval_row(const Code& code, Frame& frame, Selection rows, Vector& out) {
  SPG_ASSIGN(const std::span<Vector> parts, evaluate_all(code, frame, rows));
  Register& reg = frame.reg(code);
  const auto* types = static_cast<const Oid*>(code.extra);
  auto* values = frame.arena->array<Value>(parts.size() + 1);
  const bool is_null_without_values = plan::as<plan::Variadic>(*code.expr).is_null_without_values;
  bool has_nulls = false;
  Frame::all_valid(reg, frame.input.rows);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    for (std::size_t a = 0; a < parts.size(); ++a) values[a] = type::value_of(parts[a], row);
    const bool is_empty = std::all_of(values, values + parts.size(), [](const Value& value) { return value.is_null; });
    if (is_empty && is_null_without_values) {
      clear_bit(reg.validity, row);
      has_nulls = true;
      continue;
    }
    SPG_ASSIGN(static_cast<StringRef*>(reg.values)[row],
               type::make_record({types, parts.size()}, {values, parts.size()}, *frame.arena));
  }
  SPG_TRY(frame.arena->check());
  out = {Physical::string, Vector::Form::flat, reg.values, has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

// --- casts through text ---------------------------------------------------------------------------------------------

Status eval_io_cast(const Code& code, Frame& frame, Selection rows, Vector& out) {
  Vector argument;
  SPG_TRY(evaluate(*code.arguments[0], frame, rows, argument));
  Register& reg = frame.reg(code);
  const bool constant = argument.form == Vector::Form::constant;
  Frame::all_valid(reg, constant ? 1 : frame.input.rows);
  const Oid from = code.expressions[0]->type, to = code.expr->type;
  const std::size_t bytes = type::physical_bytes(code.physical);
  const Selection todo = constant ? Selection{nullptr, 1} : rows;
  bool has_nulls = false;
  for (std::uint32_t i = 0; i < todo.count; ++i) {
    const std::uint32_t row = todo[i];
    if (argument.is_null(row)) {
      clear_bit(reg.validity, row);
      has_nulls = true;
      continue;
    }
    TextBuilder text(*frame.arena);
    print_value(frame.state->context, from, type::value_of(argument, row), text);
    SPG_ASSIGN(const Value value, parse_value(frame.state->context, to, text.view(), code.expr->typmod, *frame.arena));
    copy_value(static_cast<std::byte*>(reg.values) + row * bytes, value.bytes, bytes);
  }
  SPG_TRY(frame.arena->check());
  out = {code.physical, constant ? Vector::Form::constant : Vector::Form::flat, reg.values,
         has_nulls ? reg.validity : nullptr, nullptr};
  return ok();
}

}  // namespace spg::exec
