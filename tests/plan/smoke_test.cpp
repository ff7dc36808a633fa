// Statements of every kind bind and plan; parameter types and shortness.
#include <catch2/catch.hpp>

#include "fake_catalog.hpp"
#include "spg/sql/parser.hpp"

using namespace spg;

namespace {
struct Bench {
  test::FakeCatalog catalog;
  MemoryBudget budget;
  Arena arena{budget};
  plan::PlanContext context;
  std::string error;

  const plan::Plan* plan(std::string_view text) {
    context.catalog = &catalog;
    context.text = text;
    auto parsed = sql::parse(arena, text);
    if (!parsed) {
      error = parsed.error().message();
      return nullptr;
    }
    auto planned = plan::plan_statement(arena, *(*parsed)[0].tree, context);
    if (!planned) {
      error = planned.error().message();
      return nullptr;
    }
    error.clear();
    return *planned;
  }
};
}  // namespace

TEST_CASE("statements of every kind are planned") {
  static constexpr std::string_view statements[] = {
      "select 1",
      "select a, b from t where a = 1",
      "select * from t where b like 'x%' order by a desc limit 10",
      "select t.a, u.name from t join u on t.a = u.a where u.id = 5",
      "select count(*), sum(a) from t group by b having count(*) > 1",
      "select a from t where exists (select 1 from u where u.a = t.a)",
      "select a from t where a not in (select a from u)",
      "select (select max(id) from u where u.a = t.a) from t",
      "values (1, 'x'), (2, null)",
      "select a from t union select a from u order by 1",
      "with w as (select a from t) select * from w where a > 3",
      "with recursive n(i) as (select 1 union all select i + 1 from n where i < 10) select i from n",
      "insert into t (a, b) values ($1, $2), (2, default)",
      "insert into u select h, a, b from t returning id",
      "update t set b = 'x', c = c + 1 where a = $1 returning *",
      "delete from t using u where t.a = u.a and u.id = 3",
      "select * from generate_series(1, 10) with ordinality as g(x, n)",
      "select generate_series(1, a) from t",
      "select * from t left join u using (a) where u.name = 'x'",
      "select s.* from u, lateral (select * from t where t.a = u.a limit 1) s",
      "select distinct on (b) a, b from t order by b, a desc",
      "select a[1], tags[1] from (select tags, tags as a from u) s",
      "select case a when 1 then 'x' else b end, coalesce(b, 'y'), nullif(a, 2), greatest(a, 2.5) from t",
      "select a from t where (a, h) < (1, 2) and b in ('x', 'y') and a = any ('{1,2}')"};
  for (const std::string_view text : statements) {
    Bench bench;
    const plan::Plan* plan = bench.plan(text);
    INFO(text << ": " << bench.error);
    CHECK(plan != nullptr);
  }
}

TEST_CASE("point statements are short, scans are not") {
  static constexpr struct {
    std::string_view text;
    bool is_short;
  } cases[] = {{"select b from t where a = $1", true},
               {"insert into t (a) values (1)", true},
               {"update t set b = 'x' where a = 1", true},
               {"delete from t where a = 1", true},
               {"select 1 + 1", true},
               {"select b from t", false},
               {"update t set b = 'x'", false},
               {"select b from t where g > 1", false},
               {"insert into t select * from t", false}};
  for (const auto& one : cases) {
    Bench bench;
    const plan::Plan* plan = bench.plan(one.text);
    INFO(one.text << ": " << bench.error);
    REQUIRE(plan != nullptr);
    CHECK(plan->is_short == one.is_short);
  }
}

TEST_CASE("parameters take their types from where they stand") {
  Bench bench;
  const plan::Plan* plan = bench.plan("select $1, $2 + 1, a from t where b = $3 and d > $4 limit $5");
  INFO(bench.error);
  REQUIRE(plan != nullptr);
  REQUIRE(plan->parameter_types.size() == 5);
  CHECK(plan->parameter_types[0] == type::oid::text);
  CHECK(plan->parameter_types[1] == type::oid::int4);
  CHECK(plan->parameter_types[2] == type::oid::text);
  CHECK(plan->parameter_types[3] == type::oid::timestamp);
  CHECK(plan->parameter_types[4] == type::oid::int8);
  CHECK(bench.plan("select $2::int") == nullptr);
  CHECK(bench.error == "could not determine data type of parameter $1");
}

TEST_CASE("long chains end with an error, not with the stack") {
  Bench bench;
  std::string text = "select 1";
  for (int i = 0; i < 1000; ++i) text += "+1";
  CHECK(bench.plan(text) != nullptr);
  for (int i = 0; i < 1000; ++i) text += "+1";
  CHECK(bench.plan(text) == nullptr);
  CHECK(bench.error == "stack depth limit exceeded");
}
