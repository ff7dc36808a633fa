// Compiled expressions: trees of Code whose nodes hold a function to evaluate them for the selected rows of a batch.
//
// Codes are immutable and shared; what an evaluation writes lies in the registers of a Frame (one per operator and
// execution), which grow from one row (point queries) to a whole batch on first need.
#pragma once
#include "spg/exec/context.hpp"
#include "spg/exec/execution.hpp"
#include "spg/exec/function.hpp"
#include "spg/plan/node.hpp"

namespace spg::exec {

using type::Batch;
using type::StringRef;

struct CompiledNode;
struct Frame;
struct Code;
using Evaluate = Status (*)(const Code& code, Frame& frame, Selection rows, Vector& out);

struct CompiledSubquery;

struct Code {
  Evaluate evaluate = nullptr;
  const plan::Expr* expr = nullptr;
  Physical physical = Physical::none;
  std::uint32_t slot = 0;   ///< register
  std::uint32_t place = 0;  ///< of a column or parameter
  bool sees_nulls = false, is_volatile = false, is_constant = false;
  std::span<const Code* const> arguments;
  std::span<plan::Expr* const> expressions;  ///< those that the arguments were made from
  Kernel kernel = nullptr;
  Oid compared{};  ///< type that compare() and hash() take
  Value value;     ///< constants
  const CompiledSubquery* subquery = nullptr;
  const void* extra = nullptr;  ///< by kind: see compile.cpp
};

struct Register {
  void* values = nullptr;
  std::uint64_t* validity = nullptr;
  std::uint16_t* rows = nullptr;  ///< two selections of `capacity` each
  std::uint32_t capacity = 0;
};

struct Frame {
  State* state = nullptr;
  Arena* arena = nullptr;  ///< for strings of results, until the operator's next batch
  Register* registers = nullptr;
  Batch input;

  /// The register with room for the input's rows.
  Register& reg(const Code& code);
  /// All bits of the register's validity set.
  static std::uint64_t* all_valid(Register& reg, std::uint32_t rows) {
    for (std::uint32_t w = 0; w * 64 < rows; ++w) reg.validity[w] = ~std::uint64_t{0};
    return reg.validity;
  }
};

inline Status evaluate(const Code& code, Frame& frame, Selection rows, Vector& out) {
  return code.evaluate(code, frame, rows, out);
}
/// The rows for which the condition is true, written to `to` (which may be the memory of `rows` itself).
Status filter_rows(const Code& condition, Frame& frame, Selection rows, std::uint16_t* to, Selection& out);
/// The value for one row; of an expression without columns with an empty input.
Result<Value> evaluate_row(const Code& code, Frame& frame, std::uint32_t row = 0);

/// A frame over no columns and one row.
void set_single_row(Frame& frame);

struct CompiledSubquery {
  const plan::SubqueryExpr* expr = nullptr;
  const CompiledNode* node = nullptr;
  std::uint32_t number = 0;               ///< of its state in State::subqueries
  bool depends = false;                   ///< reads internal parameters that others set
  std::span<const Code* const> bindings;  ///< values of expr->bindings
  const Code* test = nullptr;             ///< evaluated in the frame of the outer row
};
Status evaluate_subquery(const Code& code, Frame& frame, Selection rows, Vector& out);

}  // namespace spg::exec
