#include "spg/base/base64.hpp"

#include <catch2/catch.hpp>
#include <string>

using namespace spg;

namespace {
std::string encode(std::string_view bytes) {
  std::string text(base64_encoded_bytes(bytes.size()), '\0');
  CHECK(base64_encode(as_bytes(bytes), text.data()) == text.size());
  return text;
}
std::optional<std::string> decode(std::string_view text) {
  std::string bytes(base64_decoded_bytes_max(text.size()), '\0');
  const auto size = base64_decode(text, reinterpret_cast<std::byte*>(bytes.data()));
  if (!size) return std::nullopt;
  return bytes.substr(0, *size);
}
}  // namespace

TEST_CASE("base64 gives the values of RFC 4648") {
  const std::pair<std::string, std::string> cases[] = {{"", ""},
                                                       {"f", "Zg=="},
                                                       {"fo", "Zm8="},
                                                       {"foo", "Zm9v"},
                                                       {"foob", "Zm9vYg=="},
                                                       {"fooba", "Zm9vYmE="},
                                                       {"foobar", "Zm9vYmFy"}};
  for (const auto& [bytes, text] : cases) {
    CHECK(encode(bytes) == text);
    CHECK(decode(text) == bytes);
  }
}

TEST_CASE("base64 is strict: a text that decodes is the text of what it decodes to") {
  for (const char* text :
       {"Z", "Zg", "Zg=", "Zg==Zg==", "=Zg=", "Zh==", "Zm9=", "Zg= ", "Zm\n9v", "Z===", "====", "Zm-v"})
    CHECK_FALSE(decode(text));
  std::string text = encode("any bytes \x01\xff");
  for (std::size_t i = 0; i < text.size(); ++i)
    for (int byte = 0; byte < 256; ++byte) {
      std::string changed = text;
      changed[i] = static_cast<char>(byte);
      if (const auto bytes = decode(changed)) CHECK(encode(*bytes) == changed);
    }
}
