#include "spg/type/io.hpp"

#include "spg/type/array.hpp"
#include "spg/type/oids.hpp"
#include "vectors.hpp"

using namespace spg;
using namespace spg::type;
using vectors::Function;
using vectors::Row;

namespace {

const TextSettings settings;

std::string text_of(Oid type, const Value& value, Arena& arena) {
  TextBuilder out(arena);
  output(type, value, out, settings);
  return std::string(out.view());
}
std::string sent(Oid type, const Value& value, Arena& arena) {
  TextBuilder out(arena);
  send(type, value, out);
  return std::string(out.view());
}
Function through(Oid type) {
  return [=](const Row& r, Arena& arena) {
    return vectors::outcome(input(type, r[1], -1, settings, arena), [&](const Value& v) {
      const std::string binary = sent(type, v, arena);
      auto back = receive(type, as_bytes(binary), -1, arena);
      CHECK(back);
      if (back) CHECK(text_of(type, *back, arena) == text_of(type, v, arena));
      return text_of(type, v, arena);
    });
  };
}

}  // namespace

TEST_CASE("arrays read and print as PostgreSQL's do") {
  vectors::replay({"arrays"}, {
      {"int4", through(oid::int4_array)}, {"text", through(oid::text_array)}, {"numeric", through(Oid{1231})},
      {"date", through(Oid{1182})}, {"bool", through(oid::bool_array)},
      {"int2vector", through(oid::int2vector)},
      {"send_int4", [](const Row& r, Arena& arena) {
         return vectors::outcome(input(oid::int4_array, r[1], -1, settings, arena), [&](const Value& v) {
           TextBuilder hex(arena);
           print_bytea(sent(oid::int4_array, v, arena), hex, ByteaOutput::hex);
           return std::string(hex.view().substr(2));
         });
       }},
  });
}

TEST_CASE("every type goes through text and bytes, and damaged bytes are refused") {
  struct { Oid type; const char* text;
  } const cases[] = {
      {oid::boolean, "t"},
      {oid::int2, "-5"},
      {oid::int4, "123456"},
      {oid::int8, "-9000000000"},
      {oid::float4, "1.5"},
      {oid::float8, "-1e+100"},
      {oid::numeric, "123.4500"},
      {oid::text, "héllo"},
      {oid::varchar, "x"},
      {oid::bpchar, "y "},
      {oid::bytea, "\\x00ff"},
      {oid::date, "2001-02-03"},
      {oid::time, "04:05:06.7"},
      {oid::timestamp, "2001-02-03 04:05:06"},
      {oid::timestamptz, "2001-02-03 04:05:06+00"},
      {oid::interval, "1 mon 2 days 03:04:05"},
      {oid::timetz, "04:05:06-08"},
      {oid::uuid, "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"},
      {oid::object_id, "4000000000"},
      {oid::name, "n"},
      {oid::character, "c"},
      {oid::regclass, "1259"},
      {oid::xid, "4294967295"},
      {oid::xid8, "18446744073709551615"},
      {oid::pg_lsn, "FFFFFFFF/1"},
      {oid::pg_snapshot, "12:18:14,16"},
      {oid::int4_array, "{1,NULL,3}"},
      {oid::oidvector, "1 2"},
  };
  MemoryBudget budget;
  Arena arena(budget);
  for (const auto& test : cases) {
    INFO(test.text);
    auto value = input(test.type, test.text, -1, settings, arena);
    REQUIRE(value);
    CHECK(value->physical == physical_of(test.type));
    CHECK(text_of(test.type, *value, arena) == test.text);
    const std::string bytes = sent(test.type, *value, arena);
    auto back = receive(test.type, as_bytes(bytes), -1, arena);
    REQUIRE(back);
    CHECK(text_of(test.type, *back, arena) == test.text);
    const Format format = find_type(test.type)->format;
    const bool any_length = format == Format::text || format == Format::name || format == Format::varchar ||
                            format == Format::bpchar || format == Format::bytea;
    if (any_length) continue;
    CHECK(sqlstate_text(receive(test.type, as_bytes(bytes + "x"), -1, arena).error().code()) ==
          std::array<char, 5>{'2', '2', 'P', '0', '3'});
    for (std::size_t size = 0; size < bytes.size(); ++size)
      CHECK_FALSE(receive(test.type, as_bytes(std::string_view(bytes).substr(0, size)), -1, arena));
  }
}

TEST_CASE("columns of bounded numerics are scaled integers") {
  CHECK(column_physical_of(oid::numeric, ((18 << 16) | 4) + 4) == Physical::int8);
  CHECK(column_physical_of(oid::numeric, ((38 << 16) | 0) + 4) == Physical::int16);
  CHECK(column_physical_of(oid::numeric, ((39 << 16) | 0) + 4) == Physical::string);
  CHECK(column_physical_of(oid::numeric, -1) == Physical::string);
  CHECK(column_physical_of(oid::date, -1) == Physical::int4);
}

TEST_CASE("a typmod reaches the elements of arrays") {
  MemoryBudget budget;
  Arena arena(budget);
  CHECK(input(Oid{1015}, "{abc,ab}", 7, settings, arena));
  CHECK(input(Oid{1015}, "{abcd}", 7, settings, arena).error().message() ==
        "value too long for type character varying(3)");
  CHECK(text_of(Oid{1231}, *input(Oid{1231}, "{1.256}", ((5 << 16) | 2) + 4, settings, arena), arena) == "{1.26}");
}

TEST_CASE("a type that is not here has no input") {
  MemoryBudget budget;
  Arena arena(budget);
  CHECK_FALSE(input(Oid{999999}, "x", -1, settings, arena));
  CHECK(find_type(Oid{0}) == nullptr);
}
