// Functions and aggregates by pg_proc OID: what a module of the function library provides, and the registry of those
// that a build carries (DESIGN 2, `Modules`).
//
// Tables are constant data; a Registry is built once and then read by any thread. A kernel computes one call for the
// selected rows of a batch; rows whose arguments include a NULL never reach a kernel that does not ask for them.
#pragma once
#include <cstdint>
#include <span>

#include "spg/base/arena.hpp"
#include "spg/exec/context.hpp"
#include "spg/plan/expr.hpp"
#include "spg/type/vector.hpp"

namespace spg::exec {

using type::Physical;
using type::Selection;
using type::Value;
using type::Vector;

/// Where a call stands: its session, and memory for what it returns (valid for the batch).
struct FunctionContext {
  const ExecContext& exec;
  Arena& arena;
  const plan::Expr* expr = nullptr;        ///< the call; its type is the result's
  std::span<plan::Expr* const> arguments;  ///< for the types of polymorphic arguments
  const type::TextSettings& settings() const { return *exec.settings; }
  Oid argument_type(std::size_t i) const { return arguments[i]->type; }
};

struct KernelCall {
  FunctionContext& context;
  std::span<const Vector> arguments;
  Selection rows;
  void* out = nullptr;                ///< values by row, of the result's physical type
  std::uint64_t* validity = nullptr;  ///< by row; all set on entry
  bool has_nulls = false;
  void set_null(std::size_t row) {
    validity[row / 64] &= ~(std::uint64_t{1} << row % 64);
    has_nulls = true;
  }
};
using Kernel = Status (*)(KernelCall& call);

/// A set-returning call in progress; lives in the arena of its context.
struct SetFunction {
  /// Null: the function is not set-returning.
  Result<void*> (*open)(FunctionContext& context, std::span<const Value> arguments) = nullptr;
  /// Fills one row of the function's columns; false at the end.
  Result<bool> (*next)(FunctionContext& context, void* state, std::span<Value> columns) = nullptr;
};

struct Function {
  Kernel kernel = nullptr;
  bool sees_nulls = false;   ///< is called for NULL arguments too
  bool is_volatile = false;  ///< evaluated per row even when every argument is constant
  bool is_equality = false;  ///< `=` of two values of one type, as type::compare has it
  SetFunction set;
};

using OidList = std::span<const std::uint16_t>;

struct FunctionEntry {
  OidList oids;  ///< all pg_proc rows that this code stands behind
  Function function;
};

/// Values to fold into states: argument values of `rows`; row i of the batch belongs to state groups[i].
struct AggregateUpdate {
  FunctionContext& context;  ///< its arena keeps what states point to
  std::span<const Vector> arguments;
  Selection rows;
  const std::uint32_t* groups;
  std::byte* states;  ///< state_bytes each
  bool one_group = false;  ///< every groups[i] is 0
};

/// The rows of one group as WITHIN GROUP orders them.
class OrderedRows {
 public:
  virtual std::size_t size() const = 0;
  virtual Value value(std::size_t row, std::size_t argument) const = 0;

 protected:
  ~OrderedRows() = default;
};

struct OrderedSetCall {
  FunctionContext& context;  ///< its arguments are the ordered ones
  const plan::AggregateCall& call;
  const OrderedRows& rows;
  std::span<const Value> direct;
};

struct AggregateFunction {
  std::uint32_t state_bytes = 8;  ///< all zero at first; plain data, moved about freely
  bool sees_nulls = false;        ///< else rows with a NULL among the arguments are left out
  Status (*update)(AggregateUpdate& update) = nullptr;
  Status (*finish)(FunctionContext& context, const std::byte* state, Value& out) = nullptr;
  /// Of ordered-set aggregates, instead of update and finish.
  Status (*finish_ordered)(OrderedSetCall& call, Value& out) = nullptr;
  /// The inverse of update, where it is exact: takes values out that were put in first. False when it cannot (the state is
  /// then of no more use, and the frame is summed up anew).
  Result<bool> (*remove)(AggregateUpdate& update) = nullptr;
};

struct AggregateEntry {
  OidList oids;
  AggregateFunction aggregate;
};

struct Module {
  std::span<const FunctionEntry> functions;
  std::span<const AggregateEntry> aggregates;
};

class Registry {
 public:
  explicit Registry(std::span<const Module* const> modules);
  /// Null when the build does not carry it.
  const Function* function(Oid oid) const;
  const AggregateFunction* aggregate(Oid oid) const;

 private:
  static constexpr std::size_t oids_max = 10000;  ///< built-in functions lie below
  const FunctionEntry* functions_[oids_max] = {};
  const AggregateEntry* aggregates_[oids_max] = {};
};

namespace module {
extern const Module core, text, numeric, datetime, array, record, session, transaction, catalog, pattern, aggregates,
    ordered_aggregates, windows;
}  // namespace module

/// All modules.
const Registry& standard_functions();

/// The cast through text output and input (plan::Call with function none), and printing for concat(), format() and the
/// protocol: as type::output, but regclass, regtype and kin go by name through the catalog.
void print_value(const ExecContext& context, Oid type, const Value& value, TextBuilder& out);
Result<Value> parse_value(const ExecContext& context, Oid type, std::string_view text, std::int32_t typmod,
                          Arena& arena);

}  // namespace spg::exec
