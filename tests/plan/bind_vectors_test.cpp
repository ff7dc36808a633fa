// Result columns and errors of a few hundred statements, as PostgreSQL gives them (tools/generate_plan_vectors.py).
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>

#include "fake_catalog.hpp"
#include "spg/sql/parser.hpp"

using namespace spg;

namespace {
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields(1);
  for (const char one : line) {
    if (one == '\t' && fields.size() < 5) fields.emplace_back();
    else fields.back() += one;
  }
  return fields;
}
std::string code_text(Sqlstate code) {
  const auto text = sqlstate_text(code);
  return {text.data(), text.size()};
}
}  // namespace

TEST_CASE("binding agrees with PostgreSQL") {
  std::ifstream file(SPG_TEST_VECTORS "/plan/bind.tsv");
  REQUIRE(file.good());
  std::string line;
  int checked = 0;
  while (std::getline(file, line)) {
    const auto fields = fields_of(line);
    REQUIRE(fields.size() == 5);
    const std::string& text = fields[4];
    test::FakeCatalog catalog;
    MemoryBudget budget;
    Arena arena{budget};
    plan::PlanContext context;
    context.catalog = &catalog;
    context.text = text;
    auto parsed = sql::parse(arena, text);
    INFO(text);
    std::string got, want;
    if (!parsed) {
      got = code_text(parsed.error().code()) + "\t" + std::to_string(parsed.error().position()) + "\t" +
            std::string(parsed.error().message()) + "\t" + std::string(parsed.error().field(ErrorField::hint));
    } else {
      auto analysis = plan::analyze(arena, *(*parsed)[0].tree, context);
      if (!analysis) {
        const Error& error = analysis.error();
        got = code_text(error.code()) + "\t" + std::to_string(error.position()) + "\t" + std::string(error.message()) +
              "\t" + std::string(error.field(ErrorField::hint));
      } else {
        got = "ok\t";
        bool first = true;
        for (const plan::OutputColumn& column : analysis->outputs) {
          if (!first) got += ",";
          first = false;
          got += std::string(column.name) + ":" +
                 std::string(plan::format_type(arena, catalog, column.type, column.typmod));
        }
        got += "\t\t";
        auto planned = plan::plan_statement(arena, *(*parsed)[0].tree, context);
        if (!planned) got += "PLAN " + std::string(planned.error().message());
      }
    }
    want = fields[0] + "\t" + fields[1] + "\t" + fields[2] + "\t" + fields[3];
    CHECK(got == want);
    ++checked;
  }
  CHECK(checked > 300);
}
