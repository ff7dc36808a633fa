#include "spg/type/record.hpp"

#include <catch2/catch.hpp>

#include "spg/base/bytes.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/order.hpp"

using namespace spg;
using namespace spg::type;

namespace {

struct Made {
  MemoryBudget budget{1 << 24};
  Arena arena{budget};

  Value number(std::int32_t n) { return Value::of(Physical::int4, n); }
  StringRef record(std::initializer_list<Oid> types, std::initializer_list<Value> values) {
    auto made = make_record({types.begin(), types.size()}, {values.begin(), values.size()}, arena);
    REQUIRE(made.has_value());
    return *made;
  }
  std::string text(const StringRef& body) {
    TextBuilder out(arena);
    output(oid::record, Value::of(Physical::string, body), out, {});
    return std::string(out.view());
  }
};

Value value_of_record(const StringRef& body) { return Value::of(Physical::string, body); }

}  // namespace

TEST_CASE("records are printed as PostgreSQL prints them") {
  Made m;
  const Value null = Value::null_of(Physical::string);
  CHECK(m.text(m.record({}, {})) == "()");
  CHECK(m.text(m.record({oid::int4, oid::text}, {m.number(1), null})) == "(1,)");
  CHECK(m.text(m.record({oid::text, oid::text}, {string_value(""), string_value("a\"b\\c")})) == R"x(("","a""b\\c"))x");
  const StringRef inner = m.record({oid::int4, oid::text}, {m.number(2), string_value("x y")});
  CHECK(m.text(m.record({oid::record}, {value_of_record(inner)})) == R"x(("(2,""x y"")"))x");
}

TEST_CASE("records are ordered by their fields, and so are their keys") {
  Made m;
  const Value null = Value::null_of(Physical::int4);
  const StringRef ordered[] = {m.record({oid::int4, oid::int4}, {m.number(2), m.number(-1)}),
                               m.record({oid::int4, oid::int4}, {m.number(2), m.number(7)}),
                               m.record({oid::int4, oid::int4}, {m.number(2), null}),
                               m.record({oid::int4, oid::int4}, {m.number(10), m.number(0)}),
                               m.record({oid::int4, oid::int4}, {null, m.number(0)})};
  for (std::size_t i = 0; i < std::size(ordered); ++i)
    for (std::size_t j = 0; j < std::size(ordered); ++j) {
      CAPTURE(i, j);
      const Value a = value_of_record(ordered[i]), b = value_of_record(ordered[j]);
      const int order = compare(oid::record, a, b);
      CHECK((order < 0) == (i < j));
      CHECK((order == 0) == (i == j));
      CHECK((hash(oid::record, a) == hash(oid::record, b)) == (i == j));
      for (const bool descending : {false, true}) {
        TextBuilder x(m.arena), y(m.arena);
        append_key({oid::record, descending, false}, a, x);
        append_key({oid::record, descending, false}, b, y);
        CHECK((x.view() < y.view()) == (descending ? j < i : i < j));
        const std::size_t bytes = x.size();
        x.add("behind");
        CHECK(key_bytes({oid::record, descending, false},
                        Bytes{reinterpret_cast<const std::byte*>(x.data()), x.size()}) == bytes);
      }
    }
}

TEST_CASE("records nest so deep and no deeper") {
  Made m;
  StringRef body = m.record({oid::int4}, {m.number(1)});
  for (unsigned depth = 0; depth < record_depth_max; ++depth) {
    const ArrayDimension one{1, 1};
    Value value = value_of_record(body);
    if (depth % 2 == 0) {
      body = m.record({oid::record}, {value});
      continue;
    }
    auto array = make_array(oid::record, {&one, 1}, {&value, 1}, m.arena);
    REQUIRE(array.has_value());
    body = m.record({oid::record_array}, {Value::of(Physical::string, *array)});
  }
  const Value deepest = value_of_record(body);
  CHECK(compare(oid::record, deepest, deepest) == 0);
  const Oid type = oid::record;
  const auto deeper = make_record({&type, 1}, {&deepest, 1}, m.arena);
  REQUIRE(!deeper.has_value());
  CHECK(deeper.error().code() == sqlstate::statement_too_complex);
}

TEST_CASE("damaged records are read without harm") {
  Made m;
  const StringRef inner = m.record({oid::int4, oid::text}, {m.number(1), string_value("a text that is long")});
  const StringRef whole =
      m.record({oid::int4, oid::record, oid::text, oid::int8},
               {m.number(7), value_of_record(inner), string_value("abc"), Value::null_of(Physical::int8)});
  const std::string bytes(whole.view());
  const auto walk = [&](std::string_view body) {
    const StringRef ref(body);
    m.text(ref);
    hash(oid::record, value_of_record(ref));
    compare(oid::record, value_of_record(ref), value_of_record(whole));
    return RecordReader(ref).size();
  };
  CHECK(walk(bytes) == 4);
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK(walk(bytes.substr(0, size)) == 0);
  CHECK(walk(bytes + "x") == 0);
  for (std::size_t at = 0; at < bytes.size(); ++at)
    for (int bit = 0; bit < 8; ++bit) {
      std::string damaged = bytes;
      damaged[at] = static_cast<char>(damaged[at] ^ 1 << bit);
      walk(damaged);
    }
}
