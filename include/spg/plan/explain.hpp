// EXPLAIN: a plan as PostgreSQL's text form shows one.
//
// Reads a plan and writes lines into statement memory. Thread rule: a call touches only its arguments.
#pragma once
#include "spg/plan/planner.hpp"

namespace spg::plan {

/// What one node did, for EXPLAIN ANALYZE; indexed by Node::id. Times in milliseconds.
struct NodeCounters {
  double start_ms = 0, total_ms = 0;
  std::uint64_t rows = 0, loops = 0, removed_by_filter = 0;
};

struct ExplainOptions {
  bool costs = true;
  bool verbose = false;
  bool timing = true;
  std::span<const NodeCounters> counters;  ///< empty: no ANALYZE
};

/// Appends the lines of the plan, without line ends.
void explain(Arena& arena, catalog::Catalog& catalog, const Plan& plan, const ExplainOptions& options,
             Vec<std::string_view>& lines);

/// A planned expression as SQL, its columns named by `names` (by place).
std::string_view deparse_expr(Arena& arena, catalog::Catalog& catalog, const Expr& expr,
                              std::span<const std::string_view> names);

}  // namespace spg::plan
