#include "spg/type/order.hpp"

#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"
#include "vectors.hpp"

using namespace spg;
using namespace spg::type;

namespace {

const TextSettings settings;

struct Ladder {
  Oid type;
  std::vector<std::vector<std::string>> rungs;  ///< ascending; the values of a rung are equal
};

const Ladder ladders[] = {
    {oid::boolean, {{"f"}, {"t"}}},
    {oid::int2, {{"-32768"}, {"-1"}, {"0"}, {"1"}, {"32767"}}},
    {oid::int4, {{"-2147483648"}, {"-1"}, {"0"}, {"256"}, {"2147483647"}}},
    {oid::int8, {{"-9223372036854775808"}, {"-1"}, {"0"}, {"65536"}, {"9223372036854775807"}}},
    {oid::object_id, {{"0"}, {"1"}, {"4000000000"}}},
    {oid::float8,
     {{"-Infinity"}, {"-1e300"}, {"-1"}, {"-1e-300"}, {"0", "-0"}, {"1e-300"}, {"1"}, {"Infinity"}, {"NaN"}}},
    {oid::float4, {{"-Infinity"}, {"-1"}, {"0", "-0"}, {"1"}, {"Infinity"}, {"NaN"}}},
    {oid::numeric,
     {{"-Infinity"},
      {"-10000"},
      {"-9999.5", "-9999.50"},
      {"-1.01"},
      {"-1", "-1.000"},
      {"-0.5"},
      {"-0.00001"},
      {"0", "0.00"},
      {"0.00001"},
      {"0.5", "0.500"},
      {"1", "1.0"},
      {"1.0001"},
      {"9999"},
      {"10000", "1e4"},
      {"10000.00000001"},
      {"1e100"},
      {"Infinity"},
      {"NaN"}}},
    {oid::text, {{""}, {"a"}, {"a "}, {"aa"}, {"ab"}, {"abcdefghijklm"}, {"abcdefghijklmn"}, {"b"}, {"é"}}},
    {oid::bpchar, {{"", "  "}, {"a", "a  "}, {"ab"}}},
    {oid::bytea,
     {{"\\x"}, {"\\x00"}, {"\\x0000"}, {"\\x0001"}, {"\\x01"}, {"\\x01ff"}, {"\\xff"}, {"\\xff00"}, {"\\xffff"}}},
    {oid::date, {{"-infinity"}, {"0044-03-15 BC"}, {"1999-12-31"}, {"2001-01-01"}, {"infinity"}}},
    {oid::timestamp, {{"-infinity"}, {"1999-12-31 00:00:00"}, {"2001-01-01 00:00:01"}, {"infinity"}}},
    {oid::interval,
     {{"-1 mon"}, {"-29 days"}, {"0"}, {"23:59:59"}, {"1 day", "24:00:00"}, {"1 mon", "30 days"}, {"1 year"}}},
    {oid::timetz, {{"04:05:06+02"}, {"04:05:06+00"}, {"03:05:06-01"}, {"04:05:06-08"}}},
    {oid::uuid,
     {{"00000000-0000-0000-0000-000000000001"},
      {"7f000000-0000-0000-0000-000000000000"},
      {"ff000000-0000-0000-0000-000000000000"}}},
    {oid::int4_array, {{"{}"}, {"{1}"}, {"{1,2}"}, {"{{1,2}}"}, {"{1,3}"}, {"{1,NULL}"}, {"{2}"}}},
};

std::string key_of(const KeyColumn& column, const Value& value, Arena& arena) {
  TextBuilder key(arena);
  append_key(column, value, key);
  CHECK(key_bytes(column, as_bytes(key.view())) == key.size());
  for (std::size_t size = 0; size < key.size(); ++size)
    CHECK(key_bytes(column, as_bytes(key.view().substr(0, size))) == 0);
  return std::string(key.view());
}
int sign(int x) { return x < 0 ? -1 : x > 0; }

}  // namespace

TEST_CASE("values, hashes and sort keys agree on the order") {
  MemoryBudget budget;
  Arena arena(budget);
  for (const Ladder& ladder : ladders) {
    struct Step { int rung; std::string text; Value value; };
    std::vector<Step> steps;
    for (std::size_t i = 0; i < ladder.rungs.size(); ++i)
      for (const std::string& text : ladder.rungs[i]) {
        auto value = input(ladder.type, text, -1, settings, arena);
        REQUIRE(value);
        steps.push_back({static_cast<int>(i), text, *value});
      }
    for (const Step& a : steps)
      for (const Step& b : steps) {
        INFO(find_type(ladder.type)->name << ": " << a.text << " and " << b.text);
        const int want = sign(a.rung - b.rung);
        CHECK(sign(compare(ladder.type, a.value, b.value)) == want);
        if (want == 0) CHECK(hash(ladder.type, a.value) == hash(ladder.type, b.value));
        const KeyColumn up{ladder.type, false, false}, down{ladder.type, true, true};
        CHECK(sign(key_of(up, a.value, arena).compare(key_of(up, b.value, arena))) == want);
        CHECK(sign(key_of(down, a.value, arena).compare(key_of(down, b.value, arena))) == -want);
      }
    const Value null = Value::null_of(physical_of(ladder.type));
    for (bool descending : {false, true})
      for (bool nulls_first : {false, true}) {
        const KeyColumn column{ladder.type, descending, nulls_first};
        CHECK(sign(key_of(column, null, arena).compare(key_of(column, steps[0].value, arena))) ==
              (nulls_first ? -1 : 1));
      }
  }
}

TEST_CASE("a shorter first column sorts first whatever follows") {
  MemoryBudget budget;
  Arena arena(budget);
  const auto row = [&](const char* first, const char* second, bool descending) {
    TextBuilder key(arena);
    append_key({oid::text, descending, false}, string_value(first), key);
    append_key({oid::text, false, false}, string_value(second), key);
    return std::string(key.view());
  };
  CHECK(row("a", "z", false) < row("ab", "a", false));
  CHECK(row("a", "a", false) < row("a", "b", false));
  CHECK(row("ab", "a", true) < row("a", "z", true));
}

TEST_CASE("equal integers of different types hash alike, as integral numerics do") {
  MemoryBudget budget;
  Arena arena(budget);
  for (const char* text : {"0", "1", "-1", "12345", "-32768"}) {
    const std::uint64_t want = hash(oid::int8, *input(oid::int8, text, -1, settings, arena));
    CHECK(hash(oid::int2, *input(oid::int2, text, -1, settings, arena)) == want);
    CHECK(hash(oid::int4, *input(oid::int4, text, -1, settings, arena)) == want);
    CHECK(hash(oid::numeric, *input(oid::numeric, std::string(text) + ".00", -1, settings, arena)) == want);
  }
}
