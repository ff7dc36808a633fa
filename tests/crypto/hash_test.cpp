#include <catch2/catch.hpp>

#include "spg/crypto/crc32c.hpp"
#include "spg/crypto/secure.hpp"
#include "spg/crypto/sha1.hpp"
#include "spg/crypto/sha256.hpp"
#include "support/bytes.hpp"

using namespace spg;
using namespace spg::crypto;
using test::hex;
using test::unhex;

TEST_CASE("CRC32C gives the values of RFC 3720") {
  std::string up, down;
  for (int i = 0; i < 32; ++i) {
    up += static_cast<char>(i);
    down += static_cast<char>(31 - i);
  }
  const std::pair<std::string, std::uint32_t> cases[] = {{"", 0},
                                                         {"123456789", 0xe3069283},
                                                         {std::string(32, '\0'), 0x8a9136aa},
                                                         {std::string(32, '\xff'), 0x62a8ab43},
                                                         {up, 0x46dd794e},
                                                         {down, 0x113fdb5c}};
  for (const auto& [text, crc] : cases) {
    CHECK(crc32c(0, as_bytes(text)) == crc);
    CHECK(crc32c_portable(0, as_bytes(text)) == crc);
  }
}

TEST_CASE("CRC32C by instruction, by table and in parts agree at every length") {
  const std::string bytes = test::random_bytes(20000, 1);
  const std::string_view text = bytes;
  for (std::size_t size : {1u, 7u, 8u, 383u, 384u, 385u, 767u, 1000u, 6143u, 6144u, 6145u, 6600u, 12288u, 19999u})
    for (std::size_t from : {0u, 1u, 3u}) {
      if (from + size > text.size()) continue;
      const std::string_view part = text.substr(from, size);
      const std::uint32_t whole = crc32c_portable(0, as_bytes(part));
      CHECK(crc32c(0, as_bytes(part)) == whole);
      for (std::size_t cut : {std::size_t{0}, size / 3, size})
        CHECK(crc32c(crc32c(0, as_bytes(part.substr(0, cut))), as_bytes(part.substr(cut))) == whole);
    }
}

TEST_CASE("SHA-1 and SHA-256 give the values of FIPS 180") {
  struct Case {
    std::string text;
    const char *sha1, *sha256;
  };
  const Case cases[] = {
      {"", "da39a3ee5e6b4b0d3255bfef95601890afd80709",
       "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
      {"abc", "a9993e364706816aba3e25717850c26c9cd0d89d",
       "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
      {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "84983e441c3bd26ebaae4aa1f95129e5e54670f1",
       "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
      {std::string(1000000, 'a'), "34aa973cd4c4daa4f61eeb2bdbad27316534016f",
       "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"}};
  for (const auto& one : cases) {
    CHECK(hex(sha1(as_bytes(one.text))) == one.sha1);
    CHECK(hex(sha256(as_bytes(one.text))) == one.sha256);
  }
}

TEST_CASE("hashes do not depend on how the input is cut, and portable code agrees with the SHA extensions") {
  const std::string bytes = test::random_bytes(300, 2);
  for (std::size_t size = 0; size <= bytes.size(); ++size) {
    const std::string_view text = std::string_view(bytes).substr(0, size);
    const auto digest = sha256(as_bytes(text));
    const auto digest1 = sha1(as_bytes(text));
    for (std::size_t step : {1u, 63u, 65u}) {
      Sha256 hash;
      Sha1 hash1;
      for (std::size_t at = 0; at < size; at += step) {
        hash.update(as_bytes(text.substr(at, step)));
        hash1.update(as_bytes(text.substr(at, step)));
      }
      CHECK(hash.finish() == digest);
      CHECK(hash1.finish() == digest1);
    }
  }
  Sha256State state{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a, 0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
  detail::sha256_compress_portable(state, as_bytes(bytes).data(), 4);
  CHECK(Sha256(state, 256).update(as_bytes(bytes).subspan(256)).finish() == sha256(as_bytes(bytes)));
}

TEST_CASE("HMAC-SHA-256 gives the values of RFC 4231") {
  struct Case {
    std::string key, message;
    const char* mac;
  };
  const Case cases[] = {
      {std::string(20, '\x0b'), "Hi There", "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7"},
      {"Jefe", "what do ya want for nothing?", "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"},
      {std::string(20, '\xaa'), std::string(50, '\xdd'),
       "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe"},
      {std::string(131, '\xaa'), "Test Using Larger Than Block-Size Key - Hash Key First",
       "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"}};
  for (const auto& one : cases) CHECK(hex(hmac_sha256(as_bytes(one.key), as_bytes(one.message))) == one.mac);
  const Sha256Digest digest = sha256(as_bytes("x"));
  CHECK(HmacKey(as_bytes("k")).mac_of_digest(digest) == hmac_sha256(as_bytes("k"), digest));
  CHECK(HmacKey(as_bytes("k")).mac(as_bytes("ab"), as_bytes("c")) == hmac_sha256(as_bytes("k"), as_bytes("abc")));
}

TEST_CASE("PBKDF2-HMAC-SHA-256 gives the values of RFC 7914 and of hashlib") {
  struct Case {
    std::string_view password, salt;
    std::uint32_t iterations;
    const char* key;
  };
  const Case cases[] = {{"passwd", "salt", 1,
                         "55ac046e56e3089fec1691c22544b605f94185216dde0465e68b9d57c20dacbc"
                         "49ca9cccf179b645991664b39d77ef317c71b845b1e30bd509112041d3a19783"},
                        {"Password", "NaCl", 80000,
                         "4ddcd8f60b98be21830cee5ef22701f9641a4418d04c0414aeff08876b34ab56"
                         "a1d425a1225833549adb841b51c9b3176a272bdebba1d078478f62b397f33c8d"}};
  for (const auto& one : cases) {
    std::array<std::byte, 64> out;
    pbkdf2_hmac_sha256(as_bytes(one.password), as_bytes(one.salt), one.iterations, out);
    CHECK(hex(out) == one.key);
  }
}

TEST_CASE("secrets compare whole and are wiped") {
  CHECK(equal_constant_time(as_bytes("abc"), as_bytes("abc")));
  CHECK_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abd")));
  CHECK_FALSE(equal_constant_time(as_bytes("abc"), as_bytes("abcd")));
  std::string secret = "secret";
  wipe(std::as_writable_bytes(std::span(secret)));
  CHECK(secret == std::string(6, '\0'));
}
