// The array module: array operators and functions, and the set-returning functions generate_series, unnest,
// generate_subscripts.
#include "kernels.hpp"
#include "spg/type/calendar.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using type::ArrayDimension;
using type::ArrayReader;

Oid element_of(Oid array_type) {
  const type::TypeInfo* info = type::find_type(array_type);
  return info == nullptr ? Oid::none : info->element;
}

/// An array taken apart.
struct Parts {
  Oid element{};
  int dimensions = 0;
  ArrayDimension dimension[type::array_dimensions_max];
  Vec<Value> values;
};
Parts take_apart(const StringRef& body, Arena& arena) {
  Parts parts;
  ArrayReader reader(body);
  parts.element = reader.element_type();
  parts.dimensions = reader.dimensions();
  for (int i = 0; i < parts.dimensions; ++i) parts.dimension[i] = reader.dimension(i);
  parts.values = Vec<Value>(arena, static_cast<std::size_t>(reader.count()) + 1);
  Value value;
  while (reader.next(&value)) parts.values.push_back(own_value(value, arena));
  return parts;
}
Result<StringRef> put_together(const Parts& parts, Arena& arena) {
  return type::make_array(parts.element, {parts.dimension, static_cast<std::size_t>(parts.dimensions)},
                          {parts.values.data(), parts.values.size()}, arena);
}
/// The array argument, or an empty one for NULL.
Parts parts_or_empty(Context& c, const Value& array, std::size_t argument) {
  if (!array.is_null) return take_apart(array.as<StringRef>(), c.arena);
  Parts empty;
  empty.element = element_of(c.argument_type(argument));
  if (empty.element == Oid::none) empty.element = element_of(c.expr->type);
  empty.values = Vec<Value>(c.arena);
  return empty;
}

template <Compare cmp>
bool array_is(Context& c, StringRef a, StringRef b) {
  return holds<cmp>(type::compare(c.argument_type(0), Value::of(Physical::string, a), Value::of(Physical::string, b)));
}
i4 array_order(Context& c, StringRef a, StringRef b) {
  const int order = type::compare(c.argument_type(0), Value::of(Physical::string, a), Value::of(Physical::string, b));
  return order < 0 ? -1 : order > 0;
}

std::optional<i4> array_length(StringRef a, i4 dimension) {
  ArrayReader reader(a);
  if (dimension < 1 || dimension > reader.dimensions()) return std::nullopt;
  return reader.dimension(dimension - 1).length;
}
std::optional<i4> array_lower(StringRef a, i4 dimension) {
  ArrayReader reader(a);
  if (dimension < 1 || dimension > reader.dimensions()) return std::nullopt;
  return reader.dimension(dimension - 1).lower;
}
std::optional<i4> array_upper(StringRef a, i4 dimension) {
  ArrayReader reader(a);
  if (dimension < 1 || dimension > reader.dimensions()) return std::nullopt;
  return reader.dimension(dimension - 1).lower + reader.dimension(dimension - 1).length - 1;
}
std::optional<i4> array_ndims(StringRef a) {
  ArrayReader reader(a);
  if (reader.dimensions() == 0) return std::nullopt;
  return reader.dimensions();
}
std::optional<Text> array_dims(Context& c, StringRef a) {
  ArrayReader reader(a);
  if (reader.dimensions() == 0) return std::nullopt;
  TextBuilder out(c.arena);
  for (int i = 0; i < reader.dimensions(); ++i)
    out.add("[", reader.dimension(i).lower, ":", reader.dimension(i).lower + reader.dimension(i).length - 1, "]");
  return out.view();
}
i4 cardinality(StringRef a) { return static_cast<i4>(ArrayReader(a).count()); }

Result<StringRef> extend(Context& c, const Value& array, const Value& element, std::size_t array_argument, bool front) {
  Parts parts = parts_or_empty(c, array, array_argument);
  if (parts.dimensions > 1)
    return Error::make(sqlstate::data_exception, "argument must be empty or one-dimensional array");
  if (parts.dimensions == 0) {
    parts.dimensions = 1;
    parts.dimension[0] = {0, 1};
  }
  if (parts.dimension[0].length == INT32_MAX)
    return Error::make(sqlstate::numeric_value_out_of_range, "integer out of range");
  ++parts.dimension[0].length;
  if (!front) {
    parts.values.push_back(element);
  } else {
    Vec<Value> values(c.arena, parts.values.size() + 1);
    values.push_back(element);
    values.append({parts.values.data(), parts.values.size()});
    parts.values = values;
  }
  return put_together(parts, c.arena);
}
Result<StringRef> array_append(Context& c, Value array, Value element) { return extend(c, array, element, 0, false); }
Result<StringRef> array_prepend(Context& c, Value element, Value array) { return extend(c, array, element, 1, true); }

Error incompatible() { return Error::make(sqlstate::array_subscript_error, "cannot concatenate incompatible arrays"); }
Result<std::optional<StringRef>> array_cat(Context& c, Value a, Value b) {
  if (a.is_null && b.is_null) return std::optional<StringRef>();
  if (a.is_null) return std::optional<StringRef>(b.as<StringRef>());
  if (b.is_null) return std::optional<StringRef>(a.as<StringRef>());
  Parts x = take_apart(a.as<StringRef>(), c.arena), y = take_apart(b.as<StringRef>(), c.arena);
  if (x.dimensions == 0) return std::optional<StringRef>(b.as<StringRef>());
  if (y.dimensions == 0) return std::optional<StringRef>(a.as<StringRef>());
  const int difference = x.dimensions - y.dimensions;
  if (difference < -1 || difference > 1)
    return Error(incompatible().detail("Arrays of ", x.dimensions, " and ", y.dimensions,
                                       " dimensions are not compatible for concatenation."));
  // The outer dimension grows; an operand with one dimension less counts as one element of it.
  Parts& outer = difference >= 0 ? x : y;
  Parts& inner = difference >= 0 ? y : x;
  const int shift = difference == 0 ? 0 : 1;
  for (int d = 1; d < outer.dimensions; ++d) {
    const ArrayDimension other = inner.dimension[d - shift];
    if (outer.dimension[d].length != other.length || outer.dimension[d].lower != other.lower)
      return Error(incompatible().detail("Arrays with differing dimensions are not compatible for concatenation."));
  }
  outer.dimension[0].length += shift == 0 ? inner.dimension[0].length : 1;
  Vec<Value> values(c.arena, x.values.size() + y.values.size());
  values.append({x.values.data(), x.values.size()});
  values.append({y.values.data(), y.values.size()});
  outer.values = values;
  SPG_ASSIGN(const StringRef result, put_together(outer, c.arena));
  return std::optional<StringRef>(result);
}

Result<Text> join(Context& c, const StringRef& array, Text delimiter, const Value* null_text) {
  ArrayReader reader(array);
  const Oid element = reader.element_type();
  TextBuilder out(c.arena);
  Value value;
  bool first = true;
  while (reader.next(&value)) {
    if (value.is_null && (null_text == nullptr || null_text->is_null)) continue;
    if (!first) out.add(delimiter);
    first = false;
    if (value.is_null) out.add(null_text->as<StringRef>().view());
    else print_value(c.exec, element, value, out);
  }
  return out.view();
}
Result<Text> array_to_text(Context& c, StringRef array, Text delimiter) { return join(c, array, delimiter, nullptr); }
Result<std::optional<Text>> array_to_text_null(Context& c, Value array, Value delimiter, Value null_text) {
  if (array.is_null || delimiter.is_null) return std::optional<Text>();
  SPG_ASSIGN(const Text text, join(c, array.as<StringRef>(), delimiter.as<StringRef>().view(), &null_text));
  return std::optional<Text>(text);
}
Result<std::optional<StringRef>> split(Context& c, const Value& text, const Value& delimiter, const Value* null_text) {
  if (text.is_null) return std::optional<StringRef>();
  Vec<Value> parts(c.arena);
  const auto given_up = [&] { return parts.size() % 4096 == 4095 ? c.arena.check() : ok(); };
  const auto add = [&](Text part) {
    if (null_text != nullptr && !null_text->is_null && part == null_text->as<StringRef>().view())
      parts.push_back(Value::null_of(Physical::string));
    else parts.push_back(type::string_value(part));
  };
  const Text all = c.arena.copy(text.as<StringRef>().view());
  if (!all.empty()) {
    if (delimiter.is_null) {
      for (std::size_t at = 0; at < all.size();) {
        const std::size_t bytes = type::character_bytes(all[at]);
        add(all.substr(at, bytes));
        at += bytes;
        SPG_TRY(given_up());
      }
    } else if (delimiter.as<StringRef>().size == 0) {
      add(all);
    } else {
      const Text mark = delimiter.as<StringRef>().view();
      std::size_t from = 0;
      for (std::size_t at; (at = all.find(mark, from)) != Text::npos; from = at + mark.size()) {
        add(all.substr(from, at - from));
        SPG_TRY(given_up());
      }
      add(all.substr(from));
    }
  }
  const ArrayDimension dimension{static_cast<i4>(parts.size()), 1};
  SPG_ASSIGN(const StringRef made, type::make_array(type::oid::text, {&dimension, parts.empty() ? std::size_t{0} : 1},
                                                    parts.span(), c.arena));
  return std::optional<StringRef>(made);
}
Result<std::optional<StringRef>> text_to_array(Context& c, Value text, Value delimiter) {
  return split(c, text, delimiter, nullptr);
}
Result<std::optional<StringRef>> text_to_array_null(Context& c, Value text, Value delimiter, Value null_text) {
  return split(c, text, delimiter, &null_text);
}

bool same_element(Oid element, const Value& a, const Value& b) {
  return a.is_null == b.is_null && (a.is_null || type::compare(element, a, b) == 0);
}
Result<std::optional<StringRef>> array_remove(Context& c, Value array, Value element) {
  if (array.is_null) return std::optional<StringRef>();
  Parts parts = take_apart(array.as<StringRef>(), c.arena);
  if (parts.dimensions > 1)
    return Error::make(sqlstate::feature_not_supported,
                       "removing elements from multidimensional arrays is not supported");
  std::size_t kept = 0;
  for (std::size_t i = 0; i < parts.values.size(); ++i)
    if (!same_element(parts.element, parts.values[i], element)) parts.values[kept++] = parts.values[i];
  while (parts.values.size() > kept) parts.values.pop_back();
  parts.dimension[0].length = static_cast<i4>(kept);
  if (kept == 0) parts.dimensions = 0;
  SPG_ASSIGN(const StringRef made, put_together(parts, c.arena));
  return std::optional<StringRef>(made);
}
Result<std::optional<StringRef>> array_replace(Context& c, Value array, Value from, Value to) {
  if (array.is_null) return std::optional<StringRef>();
  Parts parts = take_apart(array.as<StringRef>(), c.arena);
  for (Value& value : parts.values)
    if (same_element(parts.element, value, from)) value = to;
  SPG_ASSIGN(const StringRef made, put_together(parts, c.arena));
  return std::optional<StringRef>(made);
}
Result<std::optional<i4>> position_from(const Value& array, const Value& element, const Value* start) {
  if (array.is_null) return std::optional<i4>();
  const StringRef body = array.as<StringRef>();
  ArrayReader reader(body);
  if (reader.dimensions() > 1)
    return Error::make(sqlstate::feature_not_supported,
                       "searching for elements in multidimensional arrays is not supported");
  if (start != nullptr && start->is_null)
    return Error::make(sqlstate::null_value_not_allowed, "initial position must not be null");
  if (reader.dimensions() == 0) return std::optional<i4>();
  i4 at = reader.dimension(0).lower;
  Value value;
  for (; reader.next(&value); ++at)
    if ((start == nullptr || at >= start->as<i4>()) && same_element(reader.element_type(), value, element))
      return std::optional<i4>(at);
  return std::optional<i4>();
}
Result<std::optional<i4>> array_position(Value array, Value element) { return position_from(array, element, nullptr); }
Result<std::optional<i4>> array_position_start(Value array, Value element, Value start) {
  return position_from(array, element, &start);
}
Result<std::optional<StringRef>> array_positions(Context& c, Value array, Value element) {
  if (array.is_null) return std::optional<StringRef>();
  const StringRef body = array.as<StringRef>();
  ArrayReader reader(body);
  if (reader.dimensions() > 1)
    return Error::make(sqlstate::feature_not_supported,
                       "searching for elements in multidimensional arrays is not supported");
  Vec<Value> found(c.arena);
  i4 at = reader.dimensions() == 0 ? 1 : reader.dimension(0).lower;
  Value value;
  for (; reader.next(&value); ++at)
    if (same_element(reader.element_type(), value, element)) found.push_back(Value::of(Physical::int4, at));
  const ArrayDimension dimension{static_cast<i4>(found.size()), 1};
  SPG_ASSIGN(const StringRef made, type::make_array(type::oid::int4, {&dimension, found.empty() ? std::size_t{0} : 1},
                                                    found.span(), c.arena));
  return std::optional<StringRef>(made);
}
Result<std::optional<StringRef>> array_fill(Context& c, Value element, Value lengths) {
  if (lengths.is_null)
    return Error::make(sqlstate::null_value_not_allowed, "dimension array or low bound array cannot be null");
  Parts parts;
  parts.element = element_of(c.expr->type);
  const StringRef body = lengths.as<StringRef>();
  ArrayReader reader(body);
  Value length;
  i8 total = reader.count() == 0 ? 0 : 1;
  while (reader.next(&length)) {
    if (parts.dimensions == type::array_dimensions_max)
      return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", reader.count(),
                         ") exceeds the maximum allowed (6)");
    if (length.is_null) return Error::make(sqlstate::null_value_not_allowed, "dimension values cannot be null");
    parts.dimension[parts.dimensions++] = {length.as<i4>(), 1};
    total *= length.as<i4>();
    SPG_TRY(type::check_dimensions({parts.dimension, static_cast<std::size_t>(parts.dimensions)}));
  }
  if (total == 0) parts.dimensions = 0;
  parts.values = Vec<Value>(c.arena);
  for (i8 i = 0; i < total; ++i) {
    parts.values.push_back(element);
    if (i % 4096 == 0) SPG_TRY(c.arena.check());
  }
  SPG_ASSIGN(const StringRef made, put_together(parts, c.arena));
  return std::optional<StringRef>(made);
}

/// array[i, j, ...]: NULL out of bounds. Elements of types with a wider physical form than the array's are read as is.
std::optional<Value> subscript(Context&, Value array, Rest indexes) {
  if (array.is_null) return std::nullopt;
  for (const Value& index : indexes)
    if (index.is_null) return std::nullopt;
  ArrayReader reader(array.as<StringRef>());
  if (static_cast<std::size_t>(reader.dimensions()) != indexes.size()) return std::nullopt;
  i8 at = 0;
  for (int d = 0; d < reader.dimensions(); ++d) {
    const ArrayDimension dimension = reader.dimension(d);
    const i8 offset = i8{indexes[static_cast<std::size_t>(d)].as<i4>()} - dimension.lower;
    if (offset < 0 || offset >= dimension.length) return std::nullopt;
    at = at * dimension.length + offset;
  }
  Value value;
  for (i8 i = 0; i <= at; ++i)
    if (!reader.next(&value)) return std::nullopt;
  return value;
}
// --- assignment to parts --------------------------------------------------------------------------------------------

/// What calls hold for them (plan's array_assign_function, array_assign_slice_function); no functions of PostgreSQL's.
constexpr std::uint16_t assign_element_oid[] = {2}, assign_slice_oid[] = {3};

Error bad_subscript(std::string_view text) { return Error::make(sqlstate::array_subscript_error, text); }

Status read_positions(Rest at, i4* to) {
  for (std::size_t i = 0; i < at.size(); ++i) {
    if (at[i].is_null)
      return Error::make(sqlstate::null_value_not_allowed, "array subscript in assignment must not be null");
    to[i] = at[i].as<i4>();
  }
  return ok();
}

/// Makes a flat array reach from `lower` to `upper` at least; NULLs fill what lies between.
Status grow(Parts& parts, i4 lower, i4 upper, Arena& arena) {
  ArrayDimension& dimension = parts.dimension[0];
  const i8 begin = dimension.lower, end = begin + dimension.length;
  const i8 before = lower < begin ? begin - lower : 0, after = upper >= end ? i8{upper} - end + 1 : 0;
  if (before == 0 && after == 0) return ok();
  const i8 length = before + dimension.length + after;
  if (length > type::array_elements_max)
    return Error::make(sqlstate::program_limit_exceeded, "array size exceeds the maximum allowed (",
                       type::array_elements_max, ")");
  Vec<Value> values(arena, static_cast<std::size_t>(length));
  const Value null = Value::null_of(type::physical_of(parts.element));
  for (i8 i = 0; i < before; ++i) values.push_back(null);
  values.append({parts.values.data(), parts.values.size()});
  for (i8 i = 0; i < after; ++i) values.push_back(null);
  parts.values = values;
  dimension = {static_cast<i4>(length), static_cast<i4>(begin - before)};
  return arena.check();
}

Result<std::optional<StringRef>> assigned(const Parts& parts, Arena& arena) {
  SPG_ASSIGN(const StringRef made, put_together(parts, arena));
  return std::optional<StringRef>(made);
}

/// array[i, j, ...] = value; an empty array gets that element, a flat one grows.
Result<std::optional<StringRef>> assign_element(Context& c, Value array, Value value, Rest at) {
  i4 index[type::array_dimensions_max];
  if (at.size() > type::array_dimensions_max)
    return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", at.size(),
                       ") exceeds the maximum allowed (", type::array_dimensions_max, ")");
  SPG_TRY(read_positions(at, index));
  Parts parts = parts_or_empty(c, array, 0);
  if (parts.dimensions == 0) {
    parts.dimensions = static_cast<int>(at.size());
    for (std::size_t d = 0; d < at.size(); ++d) parts.dimension[d] = {1, index[d]};
    parts.values.push_back(value);
    return assigned(parts, c.arena);
  }
  if (static_cast<std::size_t>(parts.dimensions) != at.size()) return bad_subscript("wrong number of array subscripts");
  if (parts.dimensions == 1) SPG_TRY(grow(parts, index[0], index[0], c.arena));
  i8 place = 0;
  for (int d = 0; d < parts.dimensions; ++d) {
    const i8 offset = i8{index[d]} - parts.dimension[d].lower;
    if (offset < 0 || offset >= parts.dimension[d].length) return bad_subscript("array subscript out of range");
    place = place * parts.dimension[d].length + offset;
  }
  parts.values[static_cast<std::size_t>(place)] = value;
  return assigned(parts, c.arena);
}

/// The slice's bounds within the array, which grows if it is flat. `given` has a bit for each bound that is there.
Status settle_slice(Parts& parts, std::size_t count, i4 given, i4* bounds, Arena& arena) {
  if (parts.dimensions == 0) {
    if (given != (1 << 2 * count) - 1)
      return bad_subscript("array slice subscript must provide both boundaries")
          .detail("When assigning to a slice of an empty array value, slice boundaries must be fully specified.");
    parts.dimensions = static_cast<int>(count);
    i8 cells = 1;
    for (std::size_t d = 0; d < count; ++d) {
      const i8 length = i8{bounds[2 * d + 1]} - bounds[2 * d] + 1;
      if (length < 0) return bad_subscript("upper bound cannot be less than lower bound");
      cells *= length;
      if (cells > type::array_elements_max)
        return Error::make(sqlstate::program_limit_exceeded, "array size exceeds the maximum allowed (",
                           type::array_elements_max, ")");
      parts.dimension[d] = {static_cast<i4>(length), bounds[2 * d]};
    }
    for (i8 i = 0; i < cells; ++i) parts.values.push_back(Value::null_of(type::physical_of(parts.element)));
    return arena.check();
  }
  if (static_cast<std::size_t>(parts.dimensions) < count) return bad_subscript("wrong number of array subscripts");
  for (std::size_t d = 0; d < static_cast<std::size_t>(parts.dimensions); ++d) {
    const ArrayDimension& dimension = parts.dimension[d];
    if (d >= count || (given >> 2 * d & 1) == 0) bounds[2 * d] = dimension.lower;
    if (d >= count || (given >> (2 * d + 1) & 1) == 0) bounds[2 * d + 1] = dimension.lower + dimension.length - 1;
    if (bounds[2 * d] > bounds[2 * d + 1]) return bad_subscript("upper bound cannot be less than lower bound");
  }
  if (parts.dimensions == 1) return grow(parts, bounds[0], bounds[1], arena);
  for (int d = 0; d < parts.dimensions; ++d)
    if (bounds[2 * d] < parts.dimension[d].lower ||
        bounds[2 * d + 1] >= i8{parts.dimension[d].lower} + parts.dimension[d].length)
      return bad_subscript("array subscript out of range");
  return ok();
}

/// array[i:j, ...] = values, in row-major order; `rest` is which bounds are there, then all. NULL changes nothing.
Result<std::optional<StringRef>> assign_slice(Context& c, Value array, Value value, Rest rest) {
  const std::size_t count = (rest.size() - 1) / 2;
  if (count > type::array_dimensions_max)
    return Error::make(sqlstate::program_limit_exceeded, "number of array dimensions (", count,
                       ") exceeds the maximum allowed (", type::array_dimensions_max, ")");
  i4 bounds[2 * type::array_dimensions_max] = {};
  SPG_TRY(read_positions(Rest(rest.data() + 1, rest.size() - 1), bounds));
  Parts parts = parts_or_empty(c, array, 0);
  if (value.is_null) return assigned(parts, c.arena);
  const Parts source = take_apart(value.as<StringRef>(), c.arena);
  SPG_TRY(settle_slice(parts, count, rest[0].as<i4>(), bounds, c.arena));
  i8 cells = 1;
  for (int d = 0; d < parts.dimensions; ++d) cells *= i8{bounds[2 * d + 1]} - bounds[2 * d] + 1;
  if (static_cast<i8>(source.values.size()) < cells) return bad_subscript("source array too small");
  for (i8 cell = 0; cell < cells; ++cell) {
    i8 left = cell, place = 0, stride = 1;
    for (int d = parts.dimensions; d-- > 0;) {
      const i8 width = i8{bounds[2 * d + 1]} - bounds[2 * d] + 1;
      place += (left % width + bounds[2 * d] - parts.dimension[d].lower) * stride;
      left /= width;
      stride *= parts.dimension[d].length;
    }
    parts.values[static_cast<std::size_t>(place)] = source.values[static_cast<std::size_t>(cell)];
  }
  return assigned(parts, c.arena);
}

// --- containment ----------------------------------------------------------------------------------------------------

enum class Containment : std::uint8_t { contains, contained, overlap };
template <Containment how>
bool contains(Context& c, StringRef a, StringRef b) {
  Parts x = take_apart(how == Containment::contained ? b : a, c.arena),
        y = take_apart(how == Containment::contained ? a : b, c.arena);
  for (const Value& wanted : y.values) {
    bool found = false;
    for (const Value& value : x.values) found = found || (!wanted.is_null && same_element(x.element, value, wanted));
    if (found == (how == Containment::overlap)) return found;
  }
  return how != Containment::overlap;
}

// --- set-returning --------------------------------------------------------------------------------------------------

template <class T>
struct Series {
  T next, last, step;
  bool done;
};

template <class T>
Result<void*> open_series(Context& c, std::span<const Value> arguments) {
  auto* series = c.arena.make<Series<T>>();
  for (const Value& argument : arguments)
    if (argument.is_null) {
      series->done = true;
      return static_cast<void*>(series);
    }
  *series = {arguments[0].as<T>(), arguments[1].as<T>(), arguments.size() > 2 ? arguments[2].as<T>() : T{1}, false};
  if (series->step == 0) return Error::make(sqlstate::invalid_parameter_value, "step size cannot equal zero");
  series->done = series->step > 0 ? series->next > series->last : series->next < series->last;
  return static_cast<void*>(series);
}
template <class T>
Result<bool> next_series(Context&, void* state, std::span<Value> out) {
  auto& series = *static_cast<Series<T>*>(state);
  if (series.done) return false;
  out[0] = Value::of(sizeof(T) == 4 ? Physical::int4 : Physical::int8, series.next);
  series.done = __builtin_add_overflow(series.next, series.step, &series.next) ||
                (series.step > 0 ? series.next > series.last : series.next < series.last);
  return true;
}

struct NumericSeries {
  Numeric next, last, step;
  int sign;
  bool done;
};
Result<void*> open_numeric_series(Context& c, std::span<const Value> arguments) {
  auto* series = c.arena.make<NumericSeries>();
  for (const Value& argument : arguments)
    if (argument.is_null) {
      series->done = true;
      return static_cast<void*>(series);
    }
  const auto owned = [&](std::size_t i) { return own_value(arguments[i], c.arena).as<Numeric>(); };
  static constexpr std::string_view names[] = {"start", "stop", "step size"};
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    const Numeric value = owned(i);
    if (value.is_special())
      return Error::make(sqlstate::invalid_parameter_value, names[i], " value cannot be ",
                         value.is_nan() ? "NaN" : "infinity");
  }
  const Numeric zero = type::numeric_from_int8(0, c.arena);
  *series = {owned(0), owned(1), arguments.size() > 2 ? owned(2) : type::numeric_from_int8(1, c.arena), 0, false};
  series->sign = type::numeric_compare(series->step, zero);
  if (series->sign == 0) return Error::make(sqlstate::invalid_parameter_value, "step size cannot equal zero");
  return static_cast<void*>(series);
}
Result<bool> next_numeric_series(Context& c, void* state, std::span<Value> out) {
  auto& series = *static_cast<NumericSeries*>(state);
  if (series.done) return false;
  const int order = type::numeric_compare(series.next, series.last);
  if (series.sign > 0 ? order > 0 : order < 0) {
    series.done = true;
    return false;
  }
  out[0] = Value::of(Physical::string, series.next);
  SPG_ASSIGN(series.next, type::numeric_add(series.next, series.step, c.arena));
  return true;
}

struct TimeSeries {
  i8 next, last;
  Interval step;
  int sign;
  bool done;
};
Result<void*> open_time_series(Context& c, std::span<const Value> arguments) {
  auto* series = c.arena.make<TimeSeries>();
  for (const Value& argument : arguments)
    if (argument.is_null) {
      series->done = true;
      return static_cast<void*>(series);
    }
  *series = {arguments[0].as<i8>(), arguments[1].as<i8>(), arguments[2].as<Interval>(), 0, false};
  series->sign = type::interval_compare(series->step, Interval{});
  if (series->sign == 0) return Error::make(sqlstate::invalid_parameter_value, "step size cannot equal zero");
  return static_cast<void*>(series);
}
template <bool zoned>
Result<bool> next_time_series(Context& c, void* state, std::span<Value> out) {
  auto& series = *static_cast<TimeSeries*>(state);
  if (series.done || (series.sign > 0 ? series.next > series.last : series.next < series.last)) return false;
  out[0] = Value::of(Physical::int8, series.next);
  if constexpr (zoned) {
    SPG_ASSIGN(series.next, type::timestamptz_add(series.next, series.step, *c.settings().zone));
  } else {
    SPG_ASSIGN(series.next, type::timestamp_add(series.next, series.step));
  }
  return true;
}

struct Unnest {
  ArrayReader reader;
};
Result<void*> open_unnest(Context& c, std::span<const Value> arguments) {
  if (arguments[0].is_null) return static_cast<void*>(nullptr);
  auto* body = c.arena.make<StringRef>(own_value(arguments[0], c.arena).as<StringRef>());
  return static_cast<void*>(new (c.arena.allocate(sizeof(Unnest), alignof(Unnest))) Unnest{ArrayReader(*body)});
}
Result<bool> next_unnest(Context&, void* state, std::span<Value> out) {
  return state != nullptr && static_cast<Unnest*>(state)->reader.next(&out[0]);
}

Result<void*> open_subscripts(Context& c, std::span<const Value> arguments) {
  auto* series = c.arena.make<Series<i4>>();
  series->done = true;
  for (const Value& argument : arguments)
    if (argument.is_null) return static_cast<void*>(series);
  ArrayReader reader(arguments[0].as<StringRef>());
  const i4 dimension = arguments[1].as<i4>();
  if (dimension < 1 || dimension > reader.dimensions()) return static_cast<void*>(series);
  const ArrayDimension d = reader.dimension(dimension - 1);
  const bool reverse = arguments.size() > 2 && arguments[2].as<std::uint8_t>() != 0;
  const i4 last = d.lower + d.length - 1;
  *series = reverse ? Series<i4>{last, d.lower, -1, false} : Series<i4>{d.lower, last, 1, false};
  return static_cast<void*>(series);
}

template <class T>
constexpr Function series() {
  return set({&open_series<T>, &next_series<T>});
}

constexpr FunctionEntry array_functions[] = {
    {proc::array_eq, call<array_is<Compare::eq>>()},
    {proc::array_ne, call<array_is<Compare::ne>>()},
    {proc::array_lt, call<array_is<Compare::lt>>()},
    {proc::array_le, call<array_is<Compare::le>>()},
    {proc::array_gt, call<array_is<Compare::gt>>()},
    {proc::array_ge, call<array_is<Compare::ge>>()},
    {proc::btarraycmp, call<array_order>()},
    {proc::arraycontains, call<contains<Containment::contains>>()},
    {proc::arraycontained, call<contains<Containment::contained>>()},
    {proc::arrayoverlap, call<contains<Containment::overlap>>()},
    {proc::array_length, call<array_length>()},
    {proc::array_lower, call<array_lower>()},
    {proc::array_upper, call<array_upper>()},
    {proc::array_ndims, call<array_ndims>()},
    {proc::array_dims, call<array_dims>()},
    {proc::array_cardinality, call<cardinality>()},
    {proc::array_append, call<array_append>()},
    {proc::array_prepend, call<array_prepend>()},
    {proc::array_cat, call<array_cat>()},
    {proc::array_to_text, call<array_to_text>()},
    {proc::array_to_text_null, call<array_to_text_null>()},
    {proc::text_to_array, call<text_to_array>()},
    {proc::text_to_array_null, call<text_to_array_null>()},
    {proc::array_remove, call<array_remove>()},
    {proc::array_replace, call<array_replace>()},
    {proc::array_position, call<array_position>()},
    {proc::array_position_start, call<array_position_start>()},
    {proc::array_positions, call<array_positions>()},
    {proc::array_fill, call<array_fill>()},
    {proc::array_subscript_handler, call<subscript>()},
    {assign_element_oid, call<assign_element>()},
    {assign_slice_oid, call<assign_slice>()},
    {proc::generate_series_int4, series<i4>()},
    {proc::generate_series_step_int4, series<i4>()},
    {proc::generate_series_int8, series<i8>()},
    {proc::generate_series_step_int8, series<i8>()},
    {proc::generate_series_numeric, set({&open_numeric_series, &next_numeric_series})},
    {proc::generate_series_step_numeric, set({&open_numeric_series, &next_numeric_series})},
    {proc::generate_series_timestamp, set({&open_time_series, &next_time_series<false>})},
    {proc::generate_series_timestamptz, set({&open_time_series, &next_time_series<true>})},
    {proc::array_unnest, set({&open_unnest, &next_unnest})},
    {proc::generate_subscripts, set({&open_subscripts, &next_series<i4>})},
    {proc::generate_subscripts_nodir, set({&open_subscripts, &next_series<i4>})},
};

}  // namespace

namespace module {
const Module array{array_functions, {}};
}

}  // namespace spg::exec
