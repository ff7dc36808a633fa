// Encoded arrays: whatever the values are, they come back, all together or one by one; and each form is taken where it pays.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstring>
#include <functional>
#include <limits>
#include <random>
#include <vector>

#include "spg/codec/array_coding.hpp"
#include "support/bytes.hpp"

using namespace spg;
using namespace spg::codec;

namespace {

using Random = std::mt19937_64;
template <class N>
using Values = std::vector<N>;

template <class N>
N any_of(Random& random) {
  if constexpr (sizeof(N) == 16) return static_cast<N>(static_cast<__int128>(random()) << 64 | static_cast<__int128>(random()));
  else return static_cast<N>(random());
}
template <class N>
constexpr N least_of() { return static_cast<N>(static_cast<__int128>(1) << (sizeof(N) * 8 - 1)); }
template <class N>
constexpr N most_of() { return static_cast<N>(~least_of<N>()); }

template <class N>
struct Shape {
  const char* name;
  std::function<N(std::size_t i, Random& random)> value;
};

template <class N>
std::vector<Shape<N>> shapes() {
  return {
      {"constant", [](std::size_t, Random&) { return static_cast<N>(77); }},
      {"constant but the last", [](std::size_t i, Random&) { return static_cast<N>(i == 1023); }},
      {"runs", [](std::size_t i, Random&) { return static_cast<N>(static_cast<__int128>(i / 97) * 0x123456789abcdef); }},
      {"small range", [](std::size_t, Random& random) { return static_cast<N>(static_cast<int>(random() % 13) - 6); }},
      {"ascending", [](std::size_t i, Random&) { return static_cast<N>(i); }},
      {"ascending by steps", [](std::size_t i, Random& random) { return static_cast<N>(i * 40 + random() % 40); }},
      {"descending", [](std::size_t i, Random&) { return static_cast<N>(-3 * static_cast<__int128>(i)); }},
      {"wraps around", [](std::size_t i, Random&) { return static_cast<N>(static_cast<unsigned __int128>(most_of<N>()) - 500 + i); }},
      {"few", [](std::size_t, Random& random) { Random few(random() % 9); return any_of<N>(few); }},
      {"random", [](std::size_t, Random& random) { return any_of<N>(random); }},
      {"extremes", [](std::size_t i, Random&) { return i % 2 == 0 ? least_of<N>() : most_of<N>(); }},
      {"extremes and zero", [](std::size_t, Random& random) { const auto one = random() % 3; return one == 0 ? least_of<N>() : one == 1 ? most_of<N>() : N{}; }},
      {"one far away", [](std::size_t i, Random& random) { return i == 511 ? most_of<N>() : static_cast<N>(random() % 4); }},
      {"sorted random", [](std::size_t i, Random& random) { return static_cast<N>(static_cast<__int128>(most_of<N>()) / 1024 * static_cast<__int128>(i) + static_cast<__int128>(random() % 3)); }},
  };
}

template <class N>
std::vector<std::byte> encoded(const Values<N>& values, ArrayContent content = ArrayContent::integers) {
  RecordBuffer to;
  REQUIRE(encode_array(values.data(), {values.size(), sizeof(N), content}, to));
  return {to.data(), to.data() + to.size()};
}

/// Bytes, since values may be floats of any bits.
template <class N>
bool same(const Values<N>& a, const Values<N>& b) { return a.size() == b.size() && (a.empty() || std::memcmp(a.data(), b.data(), a.size() * sizeof(N)) == 0); }

template <class N>
void check_round_trip(const Values<N>& values, ArrayContent content = ArrayContent::integers) {
  const ArrayShape shape{values.size(), sizeof(N), content};
  const std::vector<std::byte> bytes = encoded(values, content);
  CHECK(bytes.size() <= encoded_array_bound(shape));
  Values<N> back(values.size(), N(1));
  ByteReader reader(bytes);
  REQUIRE(decode_array(reader, shape, back.data()));
  CHECK(reader.at_end());
  CHECK(same(values, back));
  CHECK(encoded(back, content) == bytes);
  Values<N> one_by_one(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) array_value(bytes, shape, i, &one_by_one[i]);
  CHECK(same(values, one_by_one));
  for (std::size_t size = 0; size < bytes.size(); ++size) {  // the vector's end is where ASan looks
    const std::vector<std::byte> cut(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    ByteReader short_reader(cut);
    REQUIRE_FALSE(decode_array(short_reader, shape, back.data()));
    if (size > 64) size += bytes.size() / 40;
  }
}

template <class N>
ArrayForm form_of(const Values<N>& values, ArrayContent content = ArrayContent::integers) { return static_cast<ArrayForm>(encoded(values, content).at(0)); }

template <class N>
Values<N> made(std::size_t count, const std::function<N(std::size_t, Random&)>& value, std::uint64_t seed = 1) {
  Random random(seed);
  Values<N> values;
  for (std::size_t i = 0; i < count; ++i) values.push_back(value(i, random));
  return values;
}

}  // namespace

TEMPLATE_TEST_CASE("encoded arrays come back", "", std::int8_t, std::int16_t, std::int32_t, std::int64_t, __int128) {
  for (const Shape<TestType>& shape : shapes<TestType>())
    for (const std::size_t count : {0u, 1u, 2u, 63u, 64u, 65u, 127u, 128u, 129u, 1000u, 1023u, 1024u}) {
      CAPTURE(shape.name, count, sizeof(TestType));
      check_round_trip(made(count, shape.value, count));
    }
}

TEMPLATE_TEST_CASE("encoded arrays of arrays by chance come back", "", std::int8_t, std::int16_t, std::int32_t, std::int64_t, __int128) {
  Random random(20261127);
  const auto all = shapes<TestType>();
  for (int round = 0; round < 200; ++round) {
    const std::uint64_t seed = random();
    CAPTURE(seed, sizeof(TestType));
    Random choice(seed);
    Values<TestType> values;
    // Pieces of several shapes, one behind the other.
    while (values.size() < 1024 && choice() % 8 != 0) {
      const auto piece = made(1 + choice() % 400, all[choice() % all.size()].value, choice());
      values.insert(values.end(), piece.begin(), piece.begin() + static_cast<std::ptrdiff_t>(std::min(piece.size(), 1024 - values.size())));
    }
    check_round_trip(values);
  }
}

TEMPLATE_TEST_CASE("floats come back, bit by bit", "", float, double) {
  using Bits = std::conditional_t<sizeof(TestType) == 8, std::int64_t, std::int32_t>;
  const std::vector<Shape<TestType>> kinds = {
      {"prices", [](std::size_t, Random& random) { return static_cast<TestType>(static_cast<double>(random() % 10000000) / 100.0); }},
      {"prices with others between",
       [](std::size_t i, Random& random) {
         if (i % 100 == 5) return i % 200 == 5 ? std::numeric_limits<TestType>::quiet_NaN() : TestType(-0.0);
         if (i % 100 == 7) return std::numeric_limits<TestType>::infinity();
         return static_cast<TestType>((static_cast<double>(random() % 100000) - 50000) / 1000.0);
       }},
      {"whole", [](std::size_t, Random& random) { return static_cast<TestType>(random() % 1000); }},
      {"thirds", [](std::size_t i, Random&) { return static_cast<TestType>(static_cast<double>(i) / 3.0); }},
      {"zeros of both signs", [](std::size_t i, Random&) { return i % 3 == 0 ? TestType(-0.0) : TestType(0.0); }},
      {"huge", [](std::size_t i, Random&) { return std::numeric_limits<TestType>::max() / static_cast<TestType>(1 + i); }},
      {"tiny", [](std::size_t i, Random&) { return std::numeric_limits<TestType>::denorm_min() * static_cast<TestType>(i); }},
      {"any bits", [](std::size_t, Random& random) { const auto bits = static_cast<Bits>(random()); TestType value; std::memcpy(&value, &bits, sizeof value); return value; }},
  };
  for (const auto& kind : kinds)
    for (const std::size_t count : {1u, 2u, 64u, 65u, 1000u, 1024u}) {
      CAPTURE(kind.name, count, sizeof(TestType));
      check_round_trip(made(count, kind.value, count), ArrayContent::reals);
    }
  CHECK(form_of(made(1024, kinds[0].value), ArrayContent::reals) == ArrayForm::decimal);
  CHECK(form_of(made(1024, kinds[1].value), ArrayContent::reals) == ArrayForm::decimal);
  CHECK(form_of(made(1024, kinds[7].value), ArrayContent::reals) == ArrayForm::plain);
}

TEST_CASE("each form is taken where it pays") {
  const auto all = shapes<std::int64_t>();
  const auto form = [&](std::string_view name) {
    for (const auto& shape : all)
      if (shape.name == name) return form_of(made(1024, shape.value));
    return ArrayForm::decimal;
  };
  CHECK(form("constant") == ArrayForm::constant);
  CHECK(form("runs") == ArrayForm::runs);
  CHECK(form("small range") == ArrayForm::frame);
  CHECK(form("ascending") == ArrayForm::delta);
  CHECK(form("wraps around") == ArrayForm::delta);
  CHECK(form("few") == ArrayForm::dictionary);
  CHECK(form("random") == ArrayForm::plain);
  CHECK(encoded(made(1024, all[4].value)).size() == 19);  // ascending: two values, two widths, no bits
}

TEST_CASE("the bytes of each form are fixed") {
  const auto hex_of = [](const Values<std::int16_t>& values) { return test::hex(encoded(values)); };
  CHECK(hex_of({5, 5, 5, 5}) == "010500");
  CHECK(hex_of({1, -1}) == "000100ffff");
  CHECK(hex_of({100, 101, 103, 100, 102, 101, 100, 103, 100}) == "0264000234c600");
  CHECK(hex_of({10, 20, 30, 40, 50, 60, 70, 80, 90}) == "030a000a000000");
  CHECK(hex_of({1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 1, 9000, 9000, 9000, 9000}) == "040200f3020001002823");
  CHECK(hex_of({1, 9000, 1, 9000, 9000, 1, 1, 9000, 1, 9000, 1, 9000, 9000, 1, 1, 9000, 1, 1}) == "05020000010028239a9a00");
  const std::vector<double> prices = {1.25, 3.5, 100.01, 0.0, -7.75, 2.0, -0.0, 88.88, 12.34};
  CHECK(test::hex(encoded(prices, ArrayContent::reals)) == "0602010006000000000000000080" "02f9fcffffffffffff0e84431981a11e0c00c0f3f03cfc96d907");
}

TEST_CASE("no byte of an encoded array can harm") {
  Random random(7);
  for (const auto& shape : shapes<std::int32_t>()) {
    const auto values = made(300, shape.value);
    const std::vector<std::byte> bytes = encoded(values);
    for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 64)
      for (int round = 0; round < 8; ++round) {
        std::vector<std::byte> changed = bytes;
        changed[at] = static_cast<std::byte>(random());
        Values<std::int32_t> back(300);
        ByteReader reader(changed);
        (void)decode_array(reader, {300, 4}, back.data());  // any answer
      }
  }
  std::byte zeros[64] = {};
  Values<std::int32_t> back(2000);
  ByteReader reader(zeros);
  CHECK_FALSE(decode_array(reader, {2000, 4}, back.data()));
  ByteReader again(zeros);
  CHECK_FALSE(decode_array(again, {3, 3}, back.data()));
}
