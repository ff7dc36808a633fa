#include "spg/crypto/scram.hpp"

#include <catch2/catch.hpp>

#include "spg/base/base64.hpp"
#include "support/bytes.hpp"

using namespace spg;
using namespace spg::crypto;

namespace {
std::string base64(Bytes bytes) {
  std::string text(base64_encoded_bytes(bytes.size()), '\0');
  base64_encode(bytes, text.data());
  return text;
}
}  // namespace

TEST_CASE("SCRAM-SHA-256 gives the exchange of RFC 7677") {
  std::array<std::byte, 18> salt;
  REQUIRE(base64_decode("W22ZaJ0SNY7soEsUEjb6gQ==", salt.data()) == 16);
  const std::string_view auth_message =
      "n=user,r=rOprNGfwEbeRWgbNEkqO,"
      "r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s=W22ZaJ0SNY7soEsUEjb6gQ==,i=4096,"
      "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0";
  const auto salted = scram_salted_password("pencil", Bytes(salt).first(16), 4096);
  const auto proof = scram_client_proof(scram_client_key(salted), auth_message);
  CHECK(base64(proof) == "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
  CHECK(base64(scram_server_signature(scram_server_key(salted), auth_message)) ==
        "6rriTRBi23WpRR/wtup+mMhUZUn/dB5nLTJRsjl95G4=");
  const auto stored = scram_stored_key(scram_client_key(salted));
  CHECK(scram_proof_is_valid(stored, auth_message, proof));
  auto wrong = proof;
  for (std::size_t i = 0; i < wrong.size(); ++i) {
    wrong[i] ^= std::byte{1};
    CHECK_FALSE(scram_proof_is_valid(stored, auth_message, wrong));
    wrong[i] ^= std::byte{1};
  }
  CHECK_FALSE(scram_proof_is_valid(stored, auth_message, Bytes(proof).first(31)));
}

TEST_CASE("verifiers are written and read as PostgreSQL does") {
  // Made by PostgreSQL 15: CREATE ROLE ... PASSWORD 'sesame'.
  const std::string_view from_postgres =
      "SCRAM-SHA-256$4096:Kx3ANu+s7uIrvYwcajya9Q==$6pTqL3"
      "AYfMBoZLpnkGRlryu5mZDcgx1JxI3rLVwJwz0=:3fJ/wULB/Jt3TmwdTH9c8mo0dGsTcQs8ZGGRPBZieac=";
  const auto parsed = parse_scram_verifier(from_postgres);
  REQUIRE(parsed);
  CHECK(parsed->iterations == 4096);
  CHECK(scram_verifier_text(*parsed).view() == from_postgres);
  const auto made = make_scram_verifier("sesame", parsed->salt_view());
  CHECK(scram_verifier_text(made).view() == from_postgres);
  CHECK(scram_verifier_text(make_scram_verifier("sesam", parsed->salt_view())).view() != from_postgres);
  std::string damaged(from_postgres);
  for (std::size_t size = 0; size < damaged.size(); ++size) CHECK_FALSE(parse_scram_verifier(damaged.substr(0, size)));
  for (std::size_t i = 0; i < damaged.size(); ++i) {
    damaged[i] ^= 0x40;
    if (const auto other = parse_scram_verifier(damaged)) CHECK(scram_verifier_text(*other).view() == damaged);
    damaged[i] ^= 0x40;
  }
}

TEST_CASE("what is no verifier is refused") {
  const std::string long_salt(1000, 'A');
  for (std::string text :
       {std::string(""), std::string("md5abc"), std::string("SCRAM-SHA-256$"), std::string("SCRAM-SHA-256$0:AAAA$x:y"),
        "SCRAM-SHA-256$4096:" + long_salt + "$" + std::string(44, 'A') + ":" + std::string(44, 'A'),
        std::string("SCRAM-SHA-256$-1:AAAA$") + std::string(43, 'A') + "=:" + std::string(43, 'A') + "="})
    CHECK_FALSE(parse_scram_verifier(text));
}
