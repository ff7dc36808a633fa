#include "spg/codec/alphabet.hpp"

#include <catch2/catch.hpp>

#include "spg/codec/lz4.hpp"
#include "support/bytes.hpp"

using namespace spg;
using namespace spg::codec;

namespace {

std::string packed(std::string_view text, std::size_t room) {
  std::string to(room, '\0');
  to.resize(alphabet_pack(as_bytes(text), std::as_writable_bytes(std::span(to))));
  return to;
}
bool unpack(std::string_view bytes, std::string& text) { return alphabet_unpack(as_bytes(bytes), std::as_writable_bytes(std::span(text))); }

/// Text of the first `symbols` of some bytes.
std::string text_of(std::size_t count, unsigned symbols) {
  std::string text = test::random_bytes(count, symbols);
  for (char& byte : text) byte = static_cast<char>(static_cast<unsigned char>(byte) % symbols * 3 + 7);
  return text;
}

}  // namespace

TEST_CASE("texts of few symbols are packed") {
  for (const unsigned symbols : {1u, 2u, 3u, 4u, 5u, 16u, 17u, 33u, 64u})
    for (const std::size_t count : {1u, 7u, 8u, 63u, 64u, 65u, 1000u, 4096u}) {
      CAPTURE(symbols, count);
      const std::string text = text_of(count, symbols), bytes = packed(text, 5000);
      REQUIRE_FALSE(bytes.empty());
      CHECK(bytes == packed(text, bytes.size()));
      CHECK(packed(text, bytes.size() - 1).empty());
      std::string back(count, '\0');
      CHECK(unpack(bytes, back));
      CHECK(back == text);
      for (std::size_t size = 0; size < bytes.size(); size += 1 + size / 4) CHECK_FALSE(unpack(bytes.substr(0, size), back));
      CHECK_FALSE(unpack(bytes + "x", back));
      for (std::size_t at = 0; at < bytes.size(); at += 1 + at / 4) {
        std::string changed = bytes;
        changed[at] = static_cast<char>(changed[at] ^ 0x55);
        (void)unpack(changed, back);  // any answer
      }
    }
  CHECK(packed(text_of(4096, 65), 5000).empty());
  CHECK(packed("", 10).empty());
  CHECK(test::hex(as_bytes(packed("ffee00", 10))) == "0230" "6566" "5a00");
}

TEST_CASE("bytes of a known number are kept as they are or as an LZ4 block") {
  for (const std::string& text : {std::string(), std::string("a"), std::string(500, 'a'), test::random_bytes(500, 1)}) {
    RecordBuffer to;
    REQUIRE(put_lz4(as_bytes(text), to));
    CHECK(to.size() <= text.size() + 1);
    std::string back(text.size(), '\0');
    ByteReader reader(to.bytes());
    CHECK(get_lz4(reader, std::as_writable_bytes(std::span(back))));
    CHECK(reader.at_end());
    CHECK(back == text);
    for (std::size_t size = 0; size < to.size(); ++size) {
      ByteReader cut(to.bytes().first(size));
      CHECK_FALSE(get_lz4(cut, std::as_writable_bytes(std::span(back))));
    }
  }
}
