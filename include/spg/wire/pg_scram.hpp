// ScramServer: the server's side of one SCRAM-SHA-256 exchange (RFC 5802) as PostgreSQL words it; no I/O, no
// randomness, no look-up: the owner hands in the verifier and the nonce. One per authenticating connection, one thread
// at a time.
//
// A user that does not exist, or has no password, goes through the same exchange with a mock verifier, whose salt is a
// function of the name and a server-wide secret, so that repeated attempts look alike too; then it fails.
#pragma once
#include <array>

#include "spg/base/byte_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/crypto/scram.hpp"

namespace spg::wire::pg {

inline constexpr std::string_view scram_mechanism = "SCRAM-SHA-256";
inline constexpr std::size_t scram_nonce_bytes = 18;

struct ScramSetup {
  const crypto::ScramVerifier* verifier = nullptr;   ///< null: let the client fail without telling why
  std::array<std::byte, scram_nonce_bytes> nonce{};  ///< fresh random bytes
  Bytes mock_secret;                                 ///< random bytes of the server, the same for years
};

class ScramServer {
 public:
  void start(std::string_view user, const ScramSetup& setup);
  /// client-first-message; returns the server-first-message.
  Result<std::string_view> first(std::string_view message);
  /// client-final-message; returns the server-final-message. 28P01 when the proof is wrong.
  Result<std::string_view> final(std::string_view message);

 private:
  crypto::ScramVerifier verifier_;
  bool doomed_ = false;
  char binding_flag_ = 'n';
  std::array<char, 24> nonce_{};  // base64
  ByteBuffer user_;
  ByteBuffer auth_message_;  // client-first-bare , server-first , client-final-without-proof
  std::size_t server_first_at_ = 0, nonce_at_ = 0, nonce_size_ = 0;
  std::array<char, 48> final_{};
};

}  // namespace spg::wire::pg
