#include "spg/crypto/blake3.hpp"

#include <array>
#include <catch2/catch.hpp>
#include <fstream>
#include <sstream>
#include <string>
#include <vector>

#include "support/bytes.hpp"

using namespace spg;
using namespace spg::crypto;
using test::hex;

namespace {

std::string pattern(std::size_t count) {
  std::string bytes(count, '\0');
  for (std::size_t i = 0; i < count; ++i) bytes[i] = static_cast<char>(i % 251);
  return bytes;
}

struct Blake3Case {
  std::size_t count = 0;
  std::string hash, keyed, derived;   ///< 131 bytes each
};
/// All of the published test vectors.
std::vector<Blake3Case> blake3_cases() {
  std::ifstream file(std::string(SPG_TEST_VECTORS) + "/crypto/blake3.txt");
  REQUIRE(file);
  std::vector<Blake3Case> cases;
  for (std::string line; std::getline(file, line);) {
    if (line.starts_with('#')) continue;
    Blake3Case one;
    REQUIRE(std::istringstream(line) >> one.count >> one.hash >> one.keyed >> one.derived);
    cases.push_back(one);
  }
  REQUIRE(cases.size() == 35);
  return cases;
}
constexpr std::string_view context = "BLAKE3 2019-12-27 16:29:52 test vectors context";

std::string output_of(const Blake3& hash) {
  std::array<std::byte, 131> out;
  hash.finish(out);
  return hex(out);
}

}  // namespace

TEST_CASE("BLAKE3 gives the published test vectors, however the input is cut") {
  Blake3Key key;
  std::memcpy(key.data(), "whats the Elvish word for friend", 32);
  for (const Blake3Case& one : blake3_cases()) {
    CAPTURE(one.count);
    const std::string input = pattern(one.count);
    CHECK(output_of(Blake3().update(as_bytes(input))) == one.hash);
    CHECK(output_of(Blake3::keyed(key).update(as_bytes(input))) == one.keyed);
    CHECK(output_of(Blake3::derive(context).update(as_bytes(input))) == one.derived);
    CHECK(hex(blake3(as_bytes(input))) == one.hash.substr(0, 64));
    for (std::size_t step : {1u, 63u, 1000u, 1024u}) {
      Blake3 hash;
      for (std::size_t at = 0; at < input.size(); at += step)
        hash.update(as_bytes(std::string_view(input).substr(at, step)));
      CHECK(hex(hash.finish()) == one.hash.substr(0, 64));
    }
  }
}
