// The door of the room: a parsed statement -> a bound and planned one (SELECT, VALUES, INSERT, UPDATE, DELETE).
//
// Binding resolves names, types and casts as PostgreSQL 15 does, with its errors; planning chooses access paths and
// join orders. Everything made lives in the caller's arena and refers to nothing else but the catalog's objects, so a
// plan may outlive text, tree and view; it is good until the catalog stamp changes. Thread rule: a call touches only
// its arguments.
#pragma once
#include "spg/base/result.hpp"
#include "spg/catalog/catalog.hpp"
#include "spg/plan/node.hpp"
#include "spg/sql/query.hpp"
#include "spg/type/settings.hpp"

namespace spg::plan {

/// Evaluates an expression without columns, parameters and subqueries; exec implements it. The planner folds with it
/// what is immutable; an error leaves the expression as it is, to be raised when (and if) it runs.
class Evaluator {
 public:
  virtual ~Evaluator() = default;
  /// Strings of the value need to live only until the next call.
  virtual Result<type::Value> evaluate(const Expr& expr) = 0;
};

/// Where the cursors of the session stand, for WHERE CURRENT OF.
class CursorPlaces {
 public:
  /// The rowid of the row of `relation` that the cursor stands on; UINT64_MAX when that was taken back meanwhile. 34000 and
  /// 24000 as PostgreSQL has them.
  virtual Result<std::uint64_t> current_row(std::string_view cursor, Oid relation, std::string_view relation_name) = 0;

 protected:
  ~CursorPlaces() = default;
};

struct PlanContext {
  catalog::Catalog* catalog = nullptr;
  txn::View* view = nullptr;       ///< for row counts; null: the catalog's estimates
  Evaluator* evaluator = nullptr;  ///< null: nothing is folded
  /// Types of $1, $2, .. as the client gave them; none = to be inferred.
  std::span<const Oid> parameter_types;
  std::string_view text;             ///< of the whole source, for error positions
  type::TextSettings settings;       ///< for the input of literals
  bool allows_parameters = true;     ///< false: $1 is 42P02
  std::string_view default_column;   ///< bind_standalone: the expression is this column's default
  /// For a cursor: rowids follow the visible columns (Plan::row_ids), and whoever takes a row locks it, not the plan.
  bool for_cursor = false;
  CursorPlaces* cursors = nullptr;   ///< null: nothing is asked, only analysed
  std::uint32_t depth_limit = 1500;  ///< nesting of expressions and queries; 54001 beyond
};

/// What Describe tells of a statement.
struct Analysis {
  std::span<Oid> parameter_types;
  std::span<OutputColumn> outputs;  ///< empty: the statement returns no rows
};

Result<Plan*> plan_statement(Arena& arena, const sql::Statement& statement, PlanContext& context);
Result<Analysis> analyze(Arena& arena, const sql::Statement& statement, PlanContext& context);

/// A lone expression without columns, coerced as an assignment to the type: defaults, SET values, EXECUTE parameters.
Result<Expr*> bind_standalone(Arena& arena, const sql::Expr& expr, Oid type, std::int32_t typmod, PlanContext& context);

/// The type a name means, with its modifier. 42704 when there is none.
struct ResolvedType {
  Oid type{};
  std::int32_t typmod = -1;
};
Result<ResolvedType> resolve_type(Arena& arena, const sql::TypeName& name, PlanContext& context);

/// As messages and format_type() show it: "character varying(10)", "integer[]".
std::string_view format_type(Arena& arena, catalog::Catalog& catalog, Oid type, std::int32_t typmod = -1);

}  // namespace spg::plan
