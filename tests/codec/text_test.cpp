#include <catch2/catch.hpp>

#include "spg/codec/hex.hpp"
#include "spg/codec/utf8.hpp"
#include "support/bytes.hpp"

using namespace spg;
using namespace spg::codec;

TEST_CASE("hex in both directions") {
  std::string text(8, '?');
  hex_encode(as_bytes(std::string_view("\x00\x7f\xab\xff", 4)), text.data());
  CHECK(text == "007fabff");
  std::array<std::byte, 4> bytes;
  CHECK(hex_decode("007FabFF", bytes.data()) == 4);
  CHECK(test::hex(bytes) == "007fabff");
  for (const char* bad : {"0", "0g", "g0", " 0", "0x12", "\xff\xff"}) CHECK_FALSE(hex_decode(bad, bytes.data()));
}

TEST_CASE("every code point and no other sequence of up to three bytes is valid") {
  char coded[4];
  for (char32_t c = 1; c <= 0x10ffff; c += c < 0x3000 || (c > 0xd000 && c < 0x11000) ? 1 : 97) {
    const std::string_view text(coded, utf8_encode(c, coded));
    const bool surrogate = c >= 0xd800 && c <= 0xdfff;
    if (utf8_is_valid(text) == surrogate || (!surrogate && utf8_decode(text) != c) ||
        utf8_bytes_of_lead(text[0]) != text.size())
      FAIL("code point " << static_cast<std::uint32_t>(c));
  }
  std::size_t valid = 0;
  for (unsigned bits = 0; bits < 1u << 24; bits += 1) {
    const char three[] = {static_cast<char>(bits >> 16), static_cast<char>(bits >> 8), static_cast<char>(bits)};
    if ((bits >> 16 & 0x80) == 0) {
      bits |= 0xffff;
      continue;
    }
    valid += utf8_is_valid({three, 3}) ? 1 : 0;
  }
  // A two-byte character and an ASCII one, or a three-byte character.
  CHECK(valid == 1920 * 127 + (0x10000 - 0x800 - 2048));
}

TEST_CASE("invalid UTF-8 is found wherever it stands, with PostgreSQL's text") {
  struct Case {
    std::string text;
    const char* bytes;
  };
  const Case cases[] = {{std::string("\0", 1), "0x00"},
                        {"\x80", "0x80"},
                        {"\xff", "0xff"},
                        {"\xc3(", "0xc3 0x28"},
                        {"\xc3", "0xc3"},
                        {"\xe2\x28\xa1", "0xe2 0x28 0xa1"},
                        {"\xe2\x82", "0xe2 0x82"},
                        {"\xed\xa0\x80", "0xed 0xa0 0x80"},
                        {"\xf4\x90\x80\x80zz", "0xf4 0x90 0x80 0x80"},
                        {"\xc0\x80", "0xc0 0x80"},
                        {"\xf8\x88\x80\x80\x80", "0xf8"}};
  for (const auto& one : cases)
    for (std::size_t before = 0; before < 20; ++before)
      for (const char* after : {"", "1234567890"}) {
        if (*after != 0 && one.text.size() < utf8_bytes_of_lead(one.text[0])) continue;
        const std::string text = std::string(before, 'a') + one.text + after;
        CHECK(utf8_valid_bytes(text) == before);
        const Status status = check_utf8(text);
        REQUIRE(status.failed());
        CHECK(status.code() == sqlstate::character_not_in_repertoire);
        CHECK(std::string(status.message()) ==
              std::string("invalid byte sequence for encoding \"UTF8\": ") + one.bytes);
      }
  CHECK_FALSE(check_utf8("caf\xc3\xa9 \xe2\x82\xac \xf0\x9f\x90\x98 and some more ascii text").failed());
}

TEST_CASE("characters are counted and found") {
  const std::string_view text = "0123456789\xc3\xa9\xe2\x82\xac\xf0\x9f\x90\x98xyz";
  CHECK(utf8_length(text) == 16);
  CHECK(utf8_length("") == 0);
  CHECK(utf8_offset(text, 0) == 0);
  CHECK(utf8_offset(text, 9) == 9);
  CHECK(utf8_offset(text, 11) == 12);
  CHECK(utf8_offset(text, 12) == 15);
  CHECK(utf8_offset(text, 13) == 19);
  CHECK(utf8_offset(text, 16) == text.size());
  CHECK(utf8_offset(text, 99) == text.size());
}

TEST_CASE("LATIN1 and UTF-8 convert both ways") {
  MemoryBudget budget;
  Arena arena(budget);
  std::string all;
  for (int c = 1; c < 256; ++c) all += static_cast<char>(c);
  const std::string_view coded = latin1_to_utf8(all, arena);
  CHECK(utf8_is_valid(coded));
  CHECK(utf8_length(coded) == 255);
  const auto back = utf8_to_latin1(coded, arena);
  REQUIRE(back);
  CHECK(*back == all);
  const auto lost = utf8_to_latin1("a\xe2\x82\xac", arena);
  REQUIRE_FALSE(lost);
  CHECK(lost.error().code() == sqlstate::untranslatable_character);
  CHECK(lost.error().message() ==
        "character with byte sequence 0xe2 0x82 0xac in encoding \"UTF8\" has no equivalent in encoding \"LATIN1\"");
}
