// Plan shapes as EXPLAIN (COSTS OFF) text: access paths, join methods and orders, rewrites. The expected texts are in
// tests/vectors/plan/shapes.txt: a statement after "-- ", then its lines. SPG_PRINT_SHAPES=1 prints what comes out.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <fstream>
#include <iostream>

#include "fake_catalog.hpp"
#include "spg/plan/explain.hpp"
#include "spg/sql/parser.hpp"

using namespace spg;

namespace {
/// Folds the casts of int4 that the shapes need.
struct CastEvaluator final : plan::Evaluator {
  Result<type::Value> evaluate(const plan::Expr& expr) override {
    if (expr.kind != plan::ExprKind::call) return Error::make(sqlstate::feature_not_supported, "no");
    const auto& call = plan::as<plan::Call>(expr);
    const auto& from = plan::as<plan::Constant>(*call.arguments[0]).value;
    if (raw(call.function) == 481) return type::Value::of(type::Physical::int8, std::int64_t{from.as<std::int32_t>()});
    if (raw(call.function) == 316)
      return type::Value::of(type::Physical::float8, double{static_cast<double>(from.as<std::int32_t>())});
    return Error::make(sqlstate::feature_not_supported, "no");
  }
};

std::string shape_of(const std::string& text) {
  test::FakeCatalog catalog;
  MemoryBudget budget;
  Arena arena{budget};
  plan::PlanContext context;
  CastEvaluator evaluator;
  context.evaluator = &evaluator;
  context.catalog = &catalog;
  context.text = text;
  auto parsed = sql::parse(arena, text);
  if (!parsed) return "ERROR " + std::string(parsed.error().message()) + "\n";
  auto planned = plan::plan_statement(arena, *(*parsed)[0].tree, context);
  if (!planned) return "ERROR " + std::string(planned.error().message()) + "\n";
  Vec<std::string_view> lines(arena);
  plan::ExplainOptions options;
  options.costs = false;
  plan::explain(arena, catalog, **planned, options, lines);
  std::string all;
  for (const std::string_view line : lines) all += std::string(line) + "\n";
  return all;
}
}  // namespace

TEST_CASE("plans have the expected shapes") {
  std::ifstream file(SPG_TEST_VECTORS "/plan/shapes.txt");
  REQUIRE(file.good());
  std::vector<std::pair<std::string, std::string>> cases;
  std::string line;
  while (std::getline(file, line)) {
    if (line.starts_with("-- ")) cases.emplace_back(line.substr(3), "");
    else if (!line.empty() && !cases.empty()) cases.back().second += line + "\n";
  }
  CHECK(cases.size() > 40);
  for (const auto& [text, expected] : cases) {
    INFO(text);
    const std::string shape = shape_of(text);
    if (std::getenv("SPG_PRINT_SHAPES") != nullptr) std::cout << "-- " << text << "\n" << shape << "\n";
    CHECK(shape == expected);
  }
}
