// EXPLAIN: a plan as PostgreSQL shows one.
//
// Reads a plan and writes lines into statement memory. Thread rule: a call touches only its arguments.
#pragma once
#include "spg/plan/counters.hpp"
#include "spg/plan/planner.hpp"

namespace spg::plan {

enum class ExplainFormat : std::uint8_t { text, json, yaml, xml };

/// A setting that differs from its start, for EXPLAIN (SETTINGS).
struct ExplainSetting { std::string_view name, value; };

struct ExplainOptions {
  bool costs = true;
  bool verbose = false;
  bool timing = true;
  bool summary = false;
  ExplainFormat format = ExplainFormat::text;
  std::span<const NodeCounters> counters;  ///< empty: no ANALYZE
  bool shows_settings = false;
  std::span<const ExplainSetting> settings;
  double planning_ms = 0, execution_ms = 0;
  std::uint64_t memory_bytes = 0;          ///< of the statement, after ANALYZE
};

/// Appends the lines of the plan, without line ends; of a structured form, one text.
void explain(Arena& arena, catalog::Catalog& catalog, const Plan& plan, const ExplainOptions& options,
             Vec<std::string_view>& lines);

/// A planned expression as SQL, its columns named by `names` (by place).
std::string_view deparse_expr(Arena& arena, catalog::Catalog& catalog, const Expr& expr,
                              std::span<const std::string_view> names);


}  // namespace spg::plan
