// Kernels from plain functions. `call<f>` makes one from a typed C++ function of one row: argument and result types say
// how values are read and written. `dense<Op>` makes one for arithmetic and comparisons on fixed-width types, whose
// loops the compiler can vectorise.
//
// Argument types: bool, the integers (std::uint32_t: oid), float, double, Interval, Uuid, Numeric, std::string_view,
// StringRef, TimeTz; Value for polymorphic ones (NULL included); Rest for all further arguments; FunctionContext&
// first, if wanted. Result types: the same, std::optional of one (NULL), Result of either.
#pragma once
#include <optional>
#include <type_traits>

#include "proc_oids.hpp"
#include "spg/exec/function.hpp"
#include "spg/type/array.hpp"
#include "spg/type/datetime_math.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/order.hpp"
#include "spg/type/text.hpp"
#include "vectors.hpp"

namespace spg::exec {

using type::Interval;
using type::Numeric;
using type::TimeTz;
using type::Uuid;
using Text = std::string_view;

/// All arguments from here on.
struct Rest : std::span<const Value> {
  using std::span<const Value>::span;
};

namespace kernel_detail {

template <class T>
struct Reader {
  static T read(const Vector& vector, std::size_t row) { return vector.value<T>(row); }
};
template <>
struct Reader<bool> {
  static bool read(const Vector& vector, std::size_t row) { return vector.value<std::uint8_t>(row) != 0; }
};
template <>
struct Reader<Text> {
  // A view of the value where it lies in the vector, short ones included.
  static Text read(const Vector& vector, std::size_t row) { return vector.value<StringRef>(row).view(); }
};
template <>
struct Reader<const StringRef&> {
  static const StringRef& read(const Vector& vector, std::size_t row) { return vector.value<StringRef>(row); }
};
template <>
struct Reader<TimeTz> {
  static TimeTz read(const Vector& vector, std::size_t row) { return TimeTz::unpack(vector.value<StringRef>(row)); }
};
template <>
struct Reader<Value> {
  static Value read(const Vector& vector, std::size_t row) { return type::value_of(vector, row); }
};

template <class T>
void write(KernelCall& call, std::size_t row, const T& value) {
  if constexpr (std::is_same_v<T, bool>) static_cast<std::uint8_t*>(call.out)[row] = value;
  else if constexpr (std::is_same_v<T, Text>) static_cast<StringRef*>(call.out)[row] = StringRef(value);
  else if constexpr (std::is_same_v<T, TimeTz>) static_cast<StringRef*>(call.out)[row] = value.pack();
  else if constexpr (std::is_same_v<T, Value>) {
    if (value.is_null) {
      call.set_null(row);
      return;
    }
    const std::size_t bytes = type::physical_bytes(value.physical);
    copy_value(static_cast<std::byte*>(call.out) + row * bytes, value.bytes, bytes);
  } else static_cast<T*>(call.out)[row] = value;
}
template <class T>
void write(KernelCall& call, std::size_t row, const std::optional<T>& value) {
  if (value.has_value()) write(call, row, *value);
  else call.set_null(row);
}

template <class T>
struct IsResult : std::false_type {};
template <class T>
struct IsResult<Result<T>> : std::true_type {};
template <class T>
struct IsOptional : std::false_type {};
template <class T>
struct IsOptional<std::optional<T>> : std::true_type {};

template <class R>
Status put(KernelCall& call, std::size_t row, R&& result) {
  if constexpr (IsResult<std::remove_cvref_t<R>>::value) {
    if (!result.has_value()) return result.take_error();
    write(call, row, *result);
  } else {
    write(call, row, result);
  }
  return ok();
}

/// Asks after a piece of a batch whether the statement should end: values may be large, and results of unknown size.
/// `held`: the arena's size when it was last asked.
inline Status check_row(KernelCall& call, std::uint32_t i, std::size_t& held) {
  const Arena& arena = call.context.arena;
  if (__builtin_expect(i % 64 != 63 && arena.held_bytes() == held, 1)) return ok();
  held = arena.held_bytes();
  return arena.check();
}

template <class F>
struct Signature;
template <class R, class... A>
struct Signature<R (*)(A...)> {
  static constexpr bool with_context = false;
  static constexpr bool sees_nulls = (std::is_same_v<A, Value> || ...) || (std::is_same_v<A, Rest> || ...);
  static constexpr bool with_rest = (std::is_same_v<A, Rest> || ...);
  template <auto f, std::size_t... I>
  static Status run(KernelCall& call, std::index_sequence<I...>) {
    std::size_t held = call.context.arena.held_bytes();
    for (std::uint32_t i = 0; i < call.rows.count; ++i) {
      const std::uint32_t row = call.rows[i];
      SPG_TRY(put(call, row, f(Reader<A>::read(call.arguments[I], row)...)));
      SPG_TRY(check_row(call, i, held));
    }
    return ok();
  }
  template <auto f>
  static Status kernel(KernelCall& call) {
    return run<f>(call, std::index_sequence_for<A...>());
  }
};
template <class R, class... A>
struct Signature<R (*)(FunctionContext&, A...)> {
  static constexpr bool sees_nulls = (std::is_same_v<A, Value> || ...) || (std::is_same_v<A, Rest> || ...);
  static constexpr bool with_rest = (std::is_same_v<A, Rest> || ...);
  template <class T>
  static T read(KernelCall& call, std::size_t index, std::uint32_t row, Value* all) {
    if constexpr (std::is_same_v<T, Rest>) {
      for (std::size_t a = index; a < call.arguments.size(); ++a)
        all[a - index] = type::value_of(call.arguments[a], row);
      return Rest(all, call.arguments.size() - index);
    } else {
      return Reader<T>::read(call.arguments[index], row);
    }
  }
  template <auto f, std::size_t... I>
  static Status run(KernelCall& call, std::index_sequence<I...>) {
    [[maybe_unused]] Value* all =
        with_rest ? call.context.arena.template array<Value>(call.arguments.size() + 1) : nullptr;
    std::size_t held = call.context.arena.held_bytes();
    for (std::uint32_t i = 0; i < call.rows.count; ++i) {
      const std::uint32_t row = call.rows[i];
      SPG_TRY(put(call, row, f(call.context, read<A>(call, I, row, all)...)));
      SPG_TRY(check_row(call, i, held));
    }
    return call.context.arena.check();
  }
  template <auto f>
  static Status kernel(KernelCall& call) {
    return run<f>(call, std::index_sequence_for<A...>());
  }
};

}  // namespace kernel_detail

/// A function of one row.
template <auto f>
constexpr Function call() {
  using S = kernel_detail::Signature<decltype(f)>;
  Function result;
  result.kernel = &S::template kernel<f>;
  result.sees_nulls = S::sees_nulls;
  return result;
}
/// One that is `=` of two values of one type, as type::compare has it.
constexpr Function equality(Function function) {
  function.is_equality = true;
  return function;
}
/// One whose result differs from call to call.
template <auto f>
constexpr Function call_volatile() {
  Function result = call<f>();
  result.is_volatile = true;
  return result;
}

// --- dense kernels --------------------------------------------------------------------------------------------------

/// What went wrong in some row of a dense kernel; bits, so that loops need no branches.
enum Fault : unsigned { no_fault = 0, zero_division = 1, out_of_range = 2, overflow = 4, underflow = 8 };
Error fault_error(unsigned faults, std::string_view type_name);

template <class T>
constexpr std::string_view range_name() {
  return std::is_same_v<T, std::int16_t> ? "smallint" : std::is_same_v<T, std::int32_t> ? "integer" : "bigint";
}

/// Op: types A, B, R; static unsigned run(A, B, R*) -> faults; `checked` says whether it can fail.
template <class Op>
Status dense_binary(KernelCall& call) {
  using A = typename Op::A;
  using B = typename Op::B;
  using R = typename Op::R;
  const Vector &x = call.arguments[0], &y = call.arguments[1];
  const A* a = x.as<A>();
  const B* b = y.as<B>();
  R* out = static_cast<R*>(call.out);
  const std::uint32_t n = call.rows.count;
  unsigned faults = 0;
  const bool plain = call.rows.rows == nullptr;
  if (plain && x.form == Vector::Form::flat && y.form == Vector::Form::flat) {
    for (std::uint32_t i = 0; i < n; ++i) faults |= Op::run(a[i], b[i], &out[i]);
  } else if (plain && x.form == Vector::Form::flat && y.form == Vector::Form::constant) {
    const B right = b[0];
    for (std::uint32_t i = 0; i < n; ++i) faults |= Op::run(a[i], right, &out[i]);
  } else if (x.form == Vector::Form::flat && y.form == Vector::Form::constant) {
    const B right = b[0];
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t row = call.rows[i];
      faults |= Op::run(a[row], right, &out[row]);
    }
  } else {
    for (std::uint32_t i = 0; i < n; ++i) {
      const std::uint32_t row = call.rows[i];
      faults |= Op::run(a[x.slot(row)], b[y.slot(row)], &out[row]);
    }
  }
  if (__builtin_expect(faults != 0, 0)) return fault_error(faults, range_name<R>());
  return ok();
}
template <class Op>
constexpr Function dense() {
  Function result;
  result.kernel = &dense_binary<Op>;
  if constexpr (requires { Op::is_equality; }) result.is_equality = Op::is_equality;
  return result;
}
/// A set-returning function.
constexpr Function set(SetFunction f) {
  Function result;
  result.set = f;
  return result;
}

enum class Compare : std::uint8_t { eq, ne, lt, le, gt, ge };
template <Compare c>
constexpr bool holds(int order) {
  switch (c) {
    case Compare::eq: return order == 0;
    case Compare::ne: return order != 0;
    case Compare::lt: return order < 0;
    case Compare::le: return order <= 0;
    case Compare::gt: return order > 0;
    case Compare::ge: return order >= 0;
  }
}

}  // namespace spg::exec
