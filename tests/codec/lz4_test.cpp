#include "spg/codec/lz4.hpp"

#include <catch2/catch.hpp>

#include "support/bytes.hpp"

using namespace spg;
using namespace spg::codec;

namespace {

std::string compress(std::string_view bytes) {
  std::string out(lz4_bound(bytes.size()), '\0');
  out.resize(lz4_compress(as_bytes(bytes), std::as_writable_bytes(std::span(out))));
  CHECK_FALSE(out.empty());
  return out;
}
bool decompress(std::string_view block, std::string& out) {
  return lz4_decompress(as_bytes(block), std::as_writable_bytes(std::span(out)));
}
std::string repeat(std::string_view text, int count) {
  std::string all;
  while (count-- > 0) all += text;
  return all;
}
std::string squares() {
  std::string bytes;
  for (int i = 0; i < 300; ++i) bytes += static_cast<char>(i * i >> 5);
  return bytes + std::string(400, 'x');
}

}  // namespace

TEST_CASE("LZ4 round trips") {
  const std::string noise = test::random_bytes(5000, 3);
  const std::string inputs[] = {"",
                                "a",
                                "abcdefghijkl",
                                "abcdefghijklm",
                                std::string(12, 'a'),
                                std::string(13, 'a'),
                                std::string(100000, '\0'),
                                noise,
                                noise + noise,
                                repeat("The quick brown fox. ", 5000),
                                noise + std::string(70000, 'b') + noise,
                                std::string(300, 'q') + noise.substr(0, 270) + std::string(300, 'q'),
                                squares()};
  for (const auto& input : inputs) {
    const std::string block = compress(input);
    std::string back(input.size(), '?');
    CHECK(decompress(block, back));
    CHECK(back == input);
    for (std::size_t wrong : {input.size() + 1, input.size() - 1}) {
      if (wrong > input.size() + 1) continue;
      std::string other(wrong, '?');
      CHECK_FALSE(decompress(block, other));
    }
    std::string tight(block.size() / 2, '\0');
    CHECK(lz4_compress(as_bytes(input), std::as_writable_bytes(std::span(tight))) == 0);
  }
  CHECK(compress(repeat("The quick brown fox. ", 5000)).size() < 600);
}

TEST_CASE("every length round trips") {
  const std::string text = repeat("abcab", 40) + test::random_bytes(100, 4);
  for (std::size_t size = 0; size <= text.size(); ++size) {
    std::string back(size, '?');
    CHECK(decompress(compress(text.substr(0, size)), back));
    CHECK(back == text.substr(0, size));
  }
}

TEST_CASE("blocks that liblz4 1.9.4 made are decoded") {
  const std::pair<std::string, const char*> cases[] = {
      {"", "00"},
      {"a", "1061"},
      {std::string(20, 'a'), "1a610100506161616161"},
      {repeat("The quick brown fox. ", 20), "ff0654686520717569636b2062726f776e20666f782e201500ff7850666f782e20"},
      {squares(),
       "11000100ffff1b0101020203030405060708090a0b0c0d0f1012131516181a1c1e20222426282a2d2f323437393c3f424548"
       "4b4e5154575b5e6265696c7074787c8084888c9094999da2a6abafb4b9bec3c8cdd2d7dce1e7ecf2f7fd02080e141a20262c"
       "32383e454b52585f656c737a81888f969da4abb3bac2c9d1d8e0e8f0f80008101820283139424a535b646d767f88919aa3ac"
       "b5bfc8d2dbe5eef8020c16202a343e48525d67727c87919ca7b2bdc8d3dee9f4ff0b16222d3944505c6874808c98a4b0bcc9"
       "d5e2eefb0714212e3b4855626f7c8997a4b2bfcddae8f60412202e3c4a5866758392a0afbdccdbeaf9081726354453637282"
       "91a1b0c0d0e0f000102030405061718292a3b3c4d5e6f708192a3b4c5d6f8092a3b5c6d8eafc0e20324456687a8d9fb2c4d7"
       "e97878780300ff76507878787878"},
  };
  for (const auto& [input, block] : cases) {
    std::string back(input.size(), '?');
    CHECK(decompress(test::unhex(block), back));
    CHECK(back == input);
  }
}

TEST_CASE("no truncation and no changed byte makes the decoder leave its bounds") {
  const std::string input = repeat("The quick brown fox. ", 20) + test::random_bytes(40, 5) + std::string(300, 'z');
  const std::string block = compress(input);
  for (std::size_t size = 0; size < block.size(); ++size) {
    const std::vector<char> exact(block.begin(),
                                  block.begin() + static_cast<std::ptrdiff_t>(size));  // so that asan sees over-reads
    std::string back(input.size(), '?');
    CHECK_FALSE(decompress({exact.data(), exact.size()}, back));
  }
  for (std::size_t i = 0; i < block.size(); ++i)
    for (int bit = 0; bit < 8; ++bit) {
      std::vector<char> changed(block.begin(), block.end());
      changed[i] = static_cast<char>(changed[i] ^ 1 << bit);
      std::string back(input.size() + 1, '?');
      if (lz4_decompress(as_bytes({changed.data(), changed.size()}),
                         std::as_writable_bytes(std::span(back)).first(input.size())))
        CHECK(back.back() == '?');
    }
}
