#include "spg/type/numeric.hpp"

#include "spg/type/number_text.hpp"
#include "spg/type/numeric_sum.hpp"
#include "vectors.hpp"

using namespace spg;
using namespace spg::type;
using vectors::Function;
using vectors::Row;

namespace {

std::string text_of(const Numeric& value, Arena& arena) {
  TextBuilder out(arena);
  print_numeric(value, out);
  return std::string(out.view());
}
Numeric number(const std::string& text, Arena& arena) {
  auto parsed = parse_numeric(text, arena);
  REQUIRE(parsed);
  CHECK(numeric_is_valid(as_bytes(parsed->body.view())));
  return *parsed;
}
std::string shown(Result<Numeric> result, Arena& arena) {
  return vectors::outcome(std::move(result), [&](const Numeric& value) {
    CHECK(numeric_is_valid(as_bytes(value.body.view())));
    return text_of(value, arena);
  });
}
Function binary(Result<Numeric> (*operation)(const Numeric&, const Numeric&, Arena&)) {
  return [=](const Row& row, Arena& arena) {
    return shown(operation(number(row[1], arena), number(row[2], arena), arena), arena);
  };
}
Function unary(Result<Numeric> (*operation)(const Numeric&, Arena&)) {
  return [=](const Row& row, Arena& arena) { return shown(operation(number(row[1], arena), arena), arena); };
}
Function with_scale(Result<Numeric> (*operation)(const Numeric&, std::int32_t, Arena&)) {
  return [=](const Row& row, Arena& arena) {
    return shown(operation(number(row[1], arena), std::stoi(row[2]), arena), arena);
  };
}
template <class T, class Print>
Function converted(Result<T> (*convert)(const Numeric&), Print print) {
  return [=](const Row& row, Arena& arena) {
    return vectors::outcome(convert(number(row[1], arena)), [&](T value) {
      TextBuilder out(arena);
      print(value, out);
      return std::string(out.view());
    });
  };
}
template <class T>
Function from_float(Result<T> (*parse)(std::string_view), Result<Numeric> (*convert)(T, Arena&)) {
  return [=](const Row& row, Arena& arena) {
    auto value = parse(row[1]);
    if (!value) return vectors::describe(value.error());
    return shown(convert(*value, arena), arena);
  };
}
Function aggregate(bool average) {
  return [=](const Row& row, Arena& arena) {
    NumericSum sum, other;
    std::size_t at = 0, index = 0;
    while (at <= row[1].size()) {
      const std::size_t comma = std::min(row[1].find(',', at), row[1].size());
      (index++ % 3 == 2 ? other : sum).add(number(row[1].substr(at, comma - at), arena), arena);
      at = comma + 1;
    }
    sum.merge(other, arena);
    return shown(average ? sum.avg(arena) : sum.sum(arena), arena);
  };
}

}  // namespace

TEST_CASE("numerics compute as PostgreSQL's do") {
  vectors::replay(
      {"numeric", "numeric_functions"},
      {
          {"in", [](const Row& row, Arena& arena) { return shown(parse_numeric(row[1], arena), arena); }},
          {"add", binary(numeric_add)},
          {"sub", binary(numeric_sub)},
          {"mul", binary(numeric_mul)},
          {"div", binary(numeric_div)},
          {"mod", binary(numeric_mod)},
          {"div_trunc", binary(numeric_div_trunc)},
          {"gcd", binary(numeric_gcd)},
          {"lcm", binary(numeric_lcm)},
          {"power", binary(numeric_power)},
          {"log", binary(numeric_log)},
          {"cmp",
           [](const Row& row, Arena& arena) {
             const Numeric a = number(row[1], arena), b = number(row[2], arena);
             CHECK(numeric_compare(a, b) == -numeric_compare(b, a));
             if (numeric_compare(a, b) == 0) CHECK(numeric_hash(a) == numeric_hash(b));
             return std::string(numeric_compare(a, b) < 0 ? "-1" : "0");
           }},
          {"neg", unary([](const Numeric& a, Arena& arena) { return Result<Numeric>(numeric_neg(a, arena)); })},
          {"abs", unary([](const Numeric& a, Arena& arena) { return Result<Numeric>(numeric_abs(a, arena)); })},
          {"sign", unary([](const Numeric& a, Arena&) { return Result<Numeric>(numeric_sign(a)); })},
          {"ceil", unary(numeric_ceil)},
          {"floor", unary(numeric_floor)},
          {"sqrt", unary(numeric_sqrt)},
          {"ln", unary(numeric_ln)},
          {"exp", unary(numeric_exp)},
          {"log10", unary(numeric_log10)},
          {"trim_scale", unary(numeric_trim_scale)},
          {"scale",
           [](const Row& row, Arena& arena) {
             const Numeric a = number(row[1], arena);
             return a.is_special() ? vectors::null_field : std::to_string(a.dscale());
           }},
          {"min_scale",
           [](const Row& row, Arena& arena) {
             const Numeric a = number(row[1], arena);
             return a.is_special() ? vectors::null_field : std::to_string(numeric_min_scale(a));
           }},
          {"to_int2", converted(numeric_to_int2, print_int2)},
          {"to_int4", converted(numeric_to_int4, print_int4)},
          {"to_int8", converted(numeric_to_int8, print_int8)},
          {"to_float4", converted(numeric_to_float4, [](float v, TextBuilder& out) { print_float4(v, out); })},
          {"to_float8", converted(numeric_to_float8, [](double v, TextBuilder& out) { print_float8(v, out); })},
          {"from_float4", from_float(parse_float4, numeric_from_float4)},
          {"from_float8", from_float(parse_float8, numeric_from_float8)},
          {"send",
           [](const Row& row, Arena& arena) {
             TextBuilder out(arena);
             send_numeric(number(row[1], arena), out);
             ByteReader reader(as_bytes(out.view()));
             CHECK(shown(receive_numeric(reader, arena), arena) == text_of(number(row[1], arena), arena));
             std::string hex;
             for (const char c : out.view()) {
               hex += "0123456789abcdef"[static_cast<unsigned char>(c) >> 4];
               hex += "0123456789abcdef"[static_cast<unsigned char>(c) & 15];
             }
             return hex;
           }},
          {"round", with_scale(numeric_round)},
          {"trunc", with_scale(numeric_trunc)},
          {"typmod",
           [](const Row& row, Arena& arena) {
             const std::int32_t typmod = NumericTypmod{std::stoi(row[2]), std::stoi(row[3])}.typmod();
             return shown(numeric_apply_typmod(number(row[1], arena), typmod, arena), arena);
           }},
          {"width_bucket",
           [](const Row& row, Arena& arena) {
             return vectors::outcome(numeric_width_bucket(number(row[1], arena), number(row[2], arena),
                                                          number(row[3], arena), std::stoi(row[4]), arena),
                                     [](std::int32_t bucket) { return std::to_string(bucket); });
           }},
          {"factorial",
           [](const Row& row, Arena& arena) { return shown(numeric_factorial(std::stoll(row[1]), arena), arena); }},
          {"sum", aggregate(false)},
          {"avg", aggregate(true)},
      });
}

TEST_CASE("the detail of an overflowing field says what would fit") {
  MemoryBudget budget;
  Arena arena(budget);
  auto result = numeric_apply_typmod(number("123.45", arena), NumericTypmod{4, 2}.typmod(), arena);
  REQUIRE_FALSE(result);
  CHECK(result.error().field(ErrorField::detail) ==
        "A field with precision 4, scale 2 must round to an absolute value less than 10^2.");
}

TEST_CASE("scaled integers and numerics convert exactly") {
  MemoryBudget budget;
  Arena arena(budget);
  struct { const char* text; int scale; bool fits; std::int64_t scaled; } const cases[] = {
      {"12.34", 2, true, 1234}, {"12.34", 4, true, 123400}, {"12.345", 2, false, 0}, {"-0.01", 2, true, -1},
      {"0", 10, true, 0}, {"9223372036854775807", 0, true, INT64_MAX}, {"9223372036854775808", 0, false, 0},
      {"-9223372036854775808", 0, true, INT64_MIN}, {"NaN", 2, false, 0}, {"Infinity", 0, false, 0},
      {"0.000000000000000001", 18, true, 1}, {"0.0000000000000000001", 18, false, 0}, {"100000", 1, true, 1000000},
      {"0.00001", 4, false, 0}, {"0.5", 0, false, 0},
  };
  for (const auto& test : cases) {
    INFO(test.text << " at " << test.scale);
    std::int64_t scaled = 0;
    CHECK(numeric_to_scaled(number(test.text, arena), test.scale, &scaled) == test.fits);
    if (!test.fits) continue;
    CHECK(scaled == test.scaled);
    const Numeric back = numeric_from_scaled(scaled, test.scale, arena);
    CHECK(numeric_compare(back, number(test.text, arena)) == 0);
    CHECK(back.dscale() == test.scale);
  }
  const Int128 big = (Int128{1} << 126) + 12345;
  for (int scale = 0; scale <= 38; ++scale) {
    Int128 back = 0;
    CHECK(numeric_to_scaled(numeric_from_scaled(-big, scale, arena), scale, &back));
    CHECK(back == -big);
  }
}

TEST_CASE("sums leave the 128-bit path and stay exact") {
  MemoryBudget budget;
  Arena arena(budget);
  NumericSum sum;
  const Int128 big = Int128{1} << 126;
  for (int i = 0; i < 9; ++i) sum.add_scaled(big, 3, arena);
  for (int i = 0; i < 8; ++i) sum.add_scaled(-big, 3, arena);
  sum.add_int8(-7, arena);
  CHECK(text_of(*sum.sum(arena), arena) == "85070591730234615865843651857942045.864");
  CHECK(sum.count() == 18);
}

TEST_CASE("bytes that are no numeric are refused") {
  MemoryBudget budget;
  Arena arena(budget);
  struct { std::string bytes; const char* message; } const cases[] = {
      {std::string("\0\1\0\0\0\0\0\0\x27\x10", 10), "invalid digit in external \"numeric\" value"},
      {std::string("\0\1\0\0\1\0\0\0\0\1", 10), "invalid sign in external \"numeric\" value"},
      {std::string("\0\1\0\0\0\0\x40\0\0\1", 10), "invalid scale in external \"numeric\" value"},
      {std::string("\0\2\0\0\0\0\0\0\0\1", 10), "insufficient data left in message"},
  };
  for (const auto& test : cases) {
    ByteReader reader(as_bytes(test.bytes));
    auto result = receive_numeric(reader, arena);
    REQUIRE_FALSE(result);
    CHECK(result.error().message() == test.message);
  }
}
