// The evaluation functions behind Code nodes (program.cpp, program_sets.cpp): shared by compile.cpp, which picks them.
#pragma once
#include "program.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"
#include "spg/type/order.hpp"
#include "vectors.hpp"

namespace spg::exec {

Status eval_constant(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_column(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_parameter(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_internal_parameter(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_relabel(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_call(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_and(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_or(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_not(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_is(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_distinct_from(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_null_if(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_case(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_coalesce(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_greatest_least(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_any_all(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_in_list(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_array(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_row(const Code& code, Frame& frame, Selection rows, Vector& out);
Status eval_io_cast(const Code& code, Frame& frame, Selection rows, Vector& out);

/// Runs the code's kernel over argument vectors, with NULLs left out as the function wants.
Status call_kernel(const Code& code, Frame& frame, std::span<const Vector> arguments, Selection rows, Register& reg,
                   Vector& out);
void scatter(const Vector& from, Selection rows, Register& to, bool& has_nulls);
/// rows without taken (both ascending), written to `to`, which may be the memory of `rows`.
Selection subtract(Selection rows, Selection taken, std::uint16_t* to);

/// A set of values of one type, for membership tests. Immutable once built; lives in an arena.
class ValueSet {
 public:
  ValueSet(Oid type, std::size_t count, Arena& arena);
  void add(const Value& value);
  bool contains(const Value& value) const;
  bool has_null = false;

 private:
  Oid type_;
  Value* values_;
  std::uint32_t mask_;
};

}  // namespace spg::exec
