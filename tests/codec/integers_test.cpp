#include <catch2/catch.hpp>

#include "spg/codec/bitpack.hpp"
#include "spg/codec/varint.hpp"
#include "support/bytes.hpp"

using namespace spg;
using namespace spg::codec;

TEST_CASE("varints round trip at every bit length and are refused when cut off or too long") {
  for (unsigned bits = 0; bits <= 64; ++bits)
    for (std::int64_t delta : {-1, 0, 1}) {
      const std::uint64_t number = (bits == 64 ? 0 : std::uint64_t{1} << bits) + static_cast<std::uint64_t>(delta);
      std::array<std::byte, varint_bytes_max> bytes;
      const std::byte* end = put_varint(bytes.data(), number);
      const auto size = static_cast<std::size_t>(end - bytes.data());
      CHECK(size == varint_bytes(number));
      const std::byte* at = bytes.data();
      std::uint64_t back;
      CHECK(get_varint(at, end, back));
      CHECK(at == end);
      CHECK(back == number);
      CHECK(ByteReader({bytes.data(), size}).varint() == number);
      at = bytes.data();
      CHECK_FALSE(get_varint(at, end - 1, back));
      CHECK(unzigzag(zigzag(static_cast<std::int64_t>(number))) == static_cast<std::int64_t>(number));
    }
  CHECK(zigzag(0) == 0);
  CHECK(zigzag(-1) == 1);
  CHECK(zigzag(1) == 2);
  CHECK(zigzag(INT64_MIN) == UINT64_MAX);
  const std::string too_long = test::unhex("ffffffffffffffffff02");
  const auto* at = as_bytes(too_long).data();
  std::uint64_t number;
  CHECK_FALSE(get_varint(at, at + too_long.size(), number));
}

TEST_CASE("bit-packed arrays round trip at every width and count, reading nothing beyond their bytes") {
  std::mt19937_64 random(6);
  for (unsigned width = 0; width <= 64; ++width)
    for (std::size_t count : {0u, 1u, 7u, 8u, 9u, 31u, 64u, 100u, 1023u, 1024u}) {
      const std::uint64_t mask = width == 0 ? 0 : ~std::uint64_t{0} >> (64 - width);
      std::vector<std::uint64_t> values(count);
      for (auto& value : values) value = random() & mask;
      const std::size_t size = bitpacked_bytes(count, width);
      std::vector<std::byte> packed(size + 1, std::byte{0x55});
      bitpack(values, width, packed.data());
      CHECK(packed[size] == std::byte{0x55});
      packed.resize(size);
      packed.shrink_to_fit();
      std::vector<std::uint64_t> back(count, 1);
      CHECK(bitunpack(packed, width, back));
      CHECK(back == values);
      if (width <= 32) {
        std::vector<std::uint32_t> narrow(count);
        CHECK(bitunpack(packed, width, narrow));
        CHECK(std::equal(values.begin(), values.end(), narrow.begin()));
      }
      for (std::size_t i = 0; i < count; i += 1 + count / 10) CHECK(bitunpack_one(packed, width, i) == values[i]);
      if (size != 0) CHECK_FALSE(bitunpack(Bytes(packed).first(size - 1), width, back));
    }
}

TEST_CASE("the packed layout is low bit first") {
  const std::uint64_t values[] = {1, 2, 3, 7, 0, 5};
  std::array<std::byte, 3> bytes;
  bitpack(values, 3, bytes.data());
  CHECK(test::hex(bytes) == "d18e02");
  CHECK(bit_width_of(values) == 3);
  CHECK(bit_width_of({}) == 0);
}

TEST_CASE("hostile widths and counts are refused") {
  std::vector<std::uint64_t> values(8);
  std::vector<std::uint32_t> narrow(8);
  const std::vector<std::byte> bytes(600);
  CHECK_FALSE(bitunpack(bytes, 65, values));
  CHECK_FALSE(bitunpack(bytes, 33, narrow));
  CHECK_FALSE(bitunpack(Bytes(bytes).first(2), 3, values));
}
