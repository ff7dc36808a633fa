#include <catch2/catch.hpp>

#include "spg/catalog/builtin.hpp"
#include "spg/type/io.hpp"

using namespace spg;
using namespace spg::catalog;

TEST_CASE("every built-in object is found by its OID and by its name") {
  for (std::size_t i = 0; i < builtin::type_count; ++i) {
    const Type& type = builtin::types[i];
    REQUIRE(builtin::find_type(type.oid) == &type);
    REQUIRE(builtin::find_type(type.schema, type.name) == &type);
  }
  for (std::size_t i = 0; i < builtin::function_count; ++i) {
    const Function& function = builtin::functions[i];
    REQUIRE(builtin::find_function(function.oid) == &function);
    bool found = false;
    for (const Function* other : builtin::find_functions(function.name)) found |= other == &function;
    REQUIRE(found);
  }
  for (std::size_t i = 0; i < builtin::operator_count; ++i) REQUIRE(builtin::find_operator(builtin::operators[i].oid) == &builtin::operators[i]);
  for (std::size_t i = 0; i < builtin::cast_count; ++i)
    REQUIRE(builtin::find_cast(builtin::casts[i].source, builtin::casts[i].target) == &builtin::casts[i]);
  for (std::size_t i = 0; i < builtin::relation_count; ++i) {
    const Relation& relation = builtin::relations[i];
    REQUIRE(builtin::find_relation(relation.oid) == &relation);
    REQUIRE(builtin::find_relation(relation.schema, relation.name) == &relation);
  }
}

TEST_CASE("absent objects are not found") {
  CHECK(builtin::find_type(Oid{15}) == nullptr);
  CHECK(builtin::find_type(ns::pg_catalog, "int") == nullptr);
  CHECK(builtin::find_functions("no_such_function").empty());
  CHECK(builtin::find_operators("<!>").empty());
  CHECK(builtin::find_cast(Oid{16}, Oid{17}) == nullptr);
  CHECK(builtin::find_relation(ns::public_schema, "pg_class") == nullptr);
}

TEST_CASE("columns of the system relations lie as the type room says") {
  for (std::size_t i = 0; i < builtin::relation_count; ++i) {
    const Relation& relation = builtin::relations[i];
    for (std::size_t c = 0; c < relation.columns.size(); ++c) {
      const ColumnInfo& column = relation.columns[c];
      INFO(relation.name << "." << column.name);
      REQUIRE(column.number == static_cast<int>(c) + 1);
      const Type* type = builtin::find_type(column.type);
      REQUIRE(type != nullptr);
      REQUIRE(column.physical == physical_of(*type));
    }
  }
}

TEST_CASE("comparisons of the default B-tree families") {
  struct Case { std::uint32_t left, right; Comparison comparison; std::uint32_t expected; };
  const Case cases[] = {
      {23, 23, Comparison::equal, 96},         {23, 23, Comparison::less, 97},       {23, 20, Comparison::equal, 15},
      {23, 23, Comparison::not_equal, 518},    {25, 25, Comparison::less, 664},      {1043, 1043, Comparison::equal, 98},
      {1007, 1007, Comparison::equal, 1070},   {19, 19, Comparison::equal, 93},      {2205, 2205, Comparison::equal, 607},
      {1082, 1114, Comparison::less, 2345},    {600, 600, Comparison::equal, 0},     {23, 25, Comparison::equal, 0},
      {1700, 1700, Comparison::greater, 1756}, {1042, 1042, Comparison::equal, 1054}, {1009, 1009, Comparison::less, 1072},
  };
  for (const Case& one : cases) {
    const Operator* found = builtin::comparison(Oid{one.left}, Oid{one.right}, one.comparison);
    INFO(one.left << " " << one.right << " " << static_cast<int>(one.comparison));
    CHECK((found == nullptr ? 0 : raw(found->oid)) == one.expected);
    if (found != nullptr) {
      CHECK(builtin::comparison_of(found->oid) == one.comparison);
      CHECK(builtin::comparison_of(found->function) == one.comparison);
    }
  }
  CHECK(builtin::comparison_of(Oid{1}) == Comparison::none);
}

TEST_CASE("functions carry names, defaults and result columns") {
  const Function* make_interval = builtin::find_function(Oid{3464});
  REQUIRE(make_interval != nullptr);
  CHECK(make_interval->arguments.size() == 7);
  CHECK(make_interval->defaults == 7);
  CHECK(make_interval->argument_names[0] == "years");
  CHECK(make_interval->default_text == "0, 0, 0, 0, 0, 0, 0.0");
  const Function* keywords = builtin::find_functions("pg_get_keywords")[0];
  CHECK(keywords->returns_set);
  CHECK(keywords->out_names.size() == 5);
  CHECK(keywords->out_names[0] == "word");
  CHECK(keywords->out_types[0] == Oid{25});
}

TEST_CASE("built-in rows have the fields of their relation") {
  MemoryBudget budget;
  Arena arena(budget);
  for (std::size_t i = 0; i < builtin::row_set_count; ++i) {
    const builtin::Rows& rows = *builtin::row_sets[i];
    const Relation* relation = builtin::find_relation(rows.relation);
    REQUIRE(relation != nullptr);
    INFO(relation->name);
    builtin::RowReader reader(rows);
    std::string_view fields[64];
    std::uint32_t count = 0;
    while (reader.next({fields, relation->columns.size()})) {
      ++count;
      for (const ColumnInfo& column : relation->columns) {
        const std::string_view field = fields[column.number - 1];
        if (builtin::is_null_field(field)) { REQUIRE(!column.not_null); continue; }
        if (type::find_type(column.type) == nullptr) continue;
        INFO(column.name << " = " << field);
        REQUIRE(type::input(column.type, builtin::unescape(field, arena), -1, {}, arena).has_value());
      }
      arena.reset();
    }
    CHECK(count == rows.count);
  }
}
