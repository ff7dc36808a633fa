// The arithmetic of SCRAM-SHA-256 (RFC 5802, RFC 7677) and PostgreSQL's verifier text; the message exchange is wire/'s.
// Any thread; values only.
//
// Passwords are taken as they are. For ASCII that is what SASLprep does (what it prohibits there, PostgreSQL uses raw);
// passwords beyond ASCII are not normalised, so both ends must send the same code points.
#pragma once
#include <cstdint>
#include <optional>

#include "spg/crypto/sha256.hpp"

namespace spg::crypto {

inline constexpr std::uint32_t scram_iterations_default = 4096;
inline constexpr std::size_t scram_salt_bytes_default = 16, scram_salt_bytes_max = 64;

Sha256Digest scram_salted_password(std::string_view password, Bytes salt, std::uint32_t iterations);
Sha256Digest scram_client_key(const Sha256Digest& salted_password);
Sha256Digest scram_server_key(const Sha256Digest& salted_password);
inline Sha256Digest scram_stored_key(const Sha256Digest& client_key) { return sha256(client_key); }

/// What the client sends: its key, masked by the signature of the exchange.
Sha256Digest scram_client_proof(const Sha256Digest& client_key, std::string_view auth_message);
/// What the server sends at the end, to show that it knows the verifier.
Sha256Digest scram_server_signature(const Sha256Digest& server_key, std::string_view auth_message);
/// Whether the proof was made by one who knows the client key behind the stored key. Constant time.
bool scram_proof_is_valid(const Sha256Digest& stored_key, std::string_view auth_message, Bytes proof);

/// What the server keeps of a password.
struct ScramVerifier {
  std::uint32_t iterations = 0;
  std::uint32_t salt_bytes = 0;
  std::array<std::byte, scram_salt_bytes_max> salt{};
  Sha256Digest stored_key{}, server_key{};

  Bytes salt_view() const { return {salt.data(), salt_bytes}; }
};

/// Requires: the salt has at most scram_salt_bytes_max bytes, iterations is positive.
ScramVerifier make_scram_verifier(std::string_view password, Bytes salt,
                                  std::uint32_t iterations = scram_iterations_default);

/// "SCRAM-SHA-256$<iterations>:<salt>$<stored key>:<server key>", as in pg_authid.rolpassword.
struct ScramVerifierText {
  std::array<char, 224> text;
  std::size_t size = 0;
  std::string_view view() const { return {text.data(), size}; }
};
ScramVerifierText scram_verifier_text(const ScramVerifier& verifier);
/// Nullopt when the text is no verifier (an ordinary password, then).
std::optional<ScramVerifier> parse_scram_verifier(std::string_view text);

}  // namespace spg::crypto
