#include "spg/type/number_text.hpp"

#include "vectors.hpp"

using namespace spg;
using namespace spg::type;

namespace {
template <class T, class Print>
vectors::Function through(Result<T> (*parse)(std::string_view), Print print) {
  return [=](const vectors::Row& row, Arena& arena) {
    return vectors::outcome(parse(row[1]), [&](T value) {
      TextBuilder out(arena);
      print(value, out);
      return std::string(out.view());
    });
  };
}
}  // namespace

TEST_CASE("numbers read and print as PostgreSQL's do") {
  vectors::replay({"numbers"}, {
      {"int2", through(parse_int2, print_int2)},
      {"int4", through(parse_int4, print_int4)},
      {"int8", through(parse_int8, print_int8)},
      {"oid", through(parse_oid, print_oid)},
      {"float4", through(parse_float4, [](float v, TextBuilder& out) { print_float4(v, out); })},
      {"float8", through(parse_float8, [](double v, TextBuilder& out) { print_float8(v, out); })},
      {"bool", through(parse_bool, [](bool v, TextBuilder& out) { out.add(v ? "true" : "false"); })},
  });
}

TEST_CASE("extra_float_digits below one rounds") {
  MemoryBudget budget;
  Arena arena(budget);
  TextBuilder out(arena);
  print_float8(1.1 / 3, out, 0);
  out.add(" ");
  print_float4(1.0f / 3, out, -3);
  CHECK(out.view() == "0.366666666666667 0.333");
}
