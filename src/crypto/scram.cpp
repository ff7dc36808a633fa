#include "spg/crypto/scram.hpp"

#include <charconv>

#include "spg/base/assert.hpp"
#include "spg/base/base64.hpp"
#include "spg/crypto/secure.hpp"

namespace spg::crypto {
namespace {

constexpr std::string_view scram_name = "SCRAM-SHA-256$";

/// Cuts the text at the first `mark` and returns what was before it; nullopt without one.
std::optional<std::string_view> cut(std::string_view& text, char mark) {
  const std::size_t at = text.find(mark);
  if (at == std::string_view::npos) return std::nullopt;
  const std::string_view before = text.substr(0, at);
  text.remove_prefix(at + 1);
  return before;
}

bool decode_key(std::string_view text, Sha256Digest& key) {
  std::array<std::byte, 33> bytes;
  if (text.size() != base64_encoded_bytes(key.size()) || base64_decode(text, bytes.data()) != key.size()) return false;
  std::memcpy(key.data(), bytes.data(), key.size());
  return true;
}

}  // namespace

Sha256Digest scram_salted_password(std::string_view password, Bytes salt, std::uint32_t iterations) {
  Sha256Digest salted;
  pbkdf2_hmac_sha256(as_bytes(password), salt, iterations, salted);
  return salted;
}
Sha256Digest scram_client_key(const Sha256Digest& salted_password) {
  return hmac_sha256(salted_password, as_bytes("Client Key"));
}
Sha256Digest scram_server_key(const Sha256Digest& salted_password) {
  return hmac_sha256(salted_password, as_bytes("Server Key"));
}

Sha256Digest scram_client_proof(const Sha256Digest& client_key, std::string_view auth_message) {
  Sha256Digest proof = hmac_sha256(scram_stored_key(client_key), as_bytes(auth_message));
  for (std::size_t i = 0; i < proof.size(); ++i) proof[i] ^= client_key[i];
  return proof;
}

Sha256Digest scram_server_signature(const Sha256Digest& server_key, std::string_view auth_message) {
  return hmac_sha256(server_key, as_bytes(auth_message));
}

bool scram_proof_is_valid(const Sha256Digest& stored_key, std::string_view auth_message, Bytes proof) {
  if (proof.size() != stored_key.size()) return false;
  Sha256Digest client_key = hmac_sha256(stored_key, as_bytes(auth_message));
  for (std::size_t i = 0; i < client_key.size(); ++i) client_key[i] ^= proof[i];
  return equal_constant_time(scram_stored_key(client_key), stored_key);
}

ScramVerifier make_scram_verifier(std::string_view password, Bytes salt, std::uint32_t iterations) {
  SPG_ASSERT(salt.size() <= scram_salt_bytes_max && iterations > 0);
  ScramVerifier verifier;
  verifier.iterations = iterations;
  verifier.salt_bytes = static_cast<std::uint32_t>(salt.size());
  if (!salt.empty()) std::memcpy(verifier.salt.data(), salt.data(), salt.size());
  Sha256Digest salted = scram_salted_password(password, salt, iterations);
  verifier.stored_key = scram_stored_key(scram_client_key(salted));
  verifier.server_key = scram_server_key(salted);
  wipe(salted);
  return verifier;
}

ScramVerifierText scram_verifier_text(const ScramVerifier& verifier) {
  ScramVerifierText result;
  char* at = result.text.data();
  std::memcpy(at, scram_name.data(), scram_name.size());
  at = std::to_chars(at + scram_name.size(), at + scram_name.size() + 10, verifier.iterations).ptr;
  *at++ = ':';
  at += base64_encode(verifier.salt_view(), at);
  *at++ = '$';
  at += base64_encode(verifier.stored_key, at);
  *at++ = ':';
  at += base64_encode(verifier.server_key, at);
  result.size = static_cast<std::size_t>(at - result.text.data());
  return result;
}

std::optional<ScramVerifier> parse_scram_verifier(std::string_view text) {
  if (!text.starts_with(scram_name)) return std::nullopt;
  text.remove_prefix(scram_name.size());
  ScramVerifier verifier;
  const auto iterations = cut(text, ':');
  const auto salt = cut(text, '$');
  const auto stored_key = cut(text, ':');
  if (!iterations || !salt || !stored_key) return std::nullopt;
  const auto parsed = std::from_chars(iterations->data(), iterations->data() + iterations->size(), verifier.iterations);
  if (parsed.ec != std::errc{} || parsed.ptr != iterations->data() + iterations->size()) return std::nullopt;
  if (verifier.iterations == 0 || verifier.iterations > INT32_MAX) return std::nullopt;
  std::array<std::byte, base64_decoded_bytes_max(base64_encoded_bytes(scram_salt_bytes_max))> raw;
  if (base64_decoded_bytes_max(salt->size()) > raw.size()) return std::nullopt;
  const auto salt_bytes = base64_decode(*salt, raw.data());
  if (!salt_bytes || *salt_bytes > scram_salt_bytes_max) return std::nullopt;
  verifier.salt_bytes = static_cast<std::uint32_t>(*salt_bytes);
  std::memcpy(verifier.salt.data(), raw.data(), *salt_bytes);
  if (!decode_key(*stored_key, verifier.stored_key) || !decode_key(text, verifier.server_key)) return std::nullopt;
  return verifier;
}

}  // namespace spg::crypto
