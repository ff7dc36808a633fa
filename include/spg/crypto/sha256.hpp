// SHA-256 (FIPS 180-4), HMAC-SHA-256 (RFC 2104) and PBKDF2 over it (RFC 8018). The SHA extensions are used where the
// processor has them. Objects belong to one thread at a time, own their state, and may be copied in mid-message.
#pragma once
#include <array>
#include <cstdint>

#include "spg/base/bytes.hpp"

namespace spg::crypto {

using Sha256Digest = std::array<std::byte, 32>;
using Sha256State = std::array<std::uint32_t, 8>;

class Sha256 {
 public:
  Sha256();
  /// Goes on from a state that `prefix_bytes` (a multiple of 64) have been hashed into.
  Sha256(const Sha256State& state, std::uint64_t prefix_bytes) : state_(state), total_bytes_(prefix_bytes) {}
  Sha256& update(Bytes bytes);
  /// Ends the message; the object must not be used again.
  Sha256Digest finish();

 private:
  Sha256State state_;
  std::uint64_t total_bytes_ = 0;
  std::array<std::byte, 64> block_{};
};

inline Sha256Digest sha256(Bytes bytes) { return Sha256().update(bytes).finish(); }

/// A key prepared for HMAC: the states after the inner and the outer padded key, so that each use saves two blocks.
class HmacKey {
 public:
  explicit HmacKey(Bytes key);
  HmacKey(const HmacKey&) = default;
  HmacKey& operator=(const HmacKey&) = default;
  ~HmacKey();
  Sha256Digest mac(Bytes message) const;
  /// The message in two parts.
  Sha256Digest mac(Bytes first, Bytes second) const;
  /// One iteration of PBKDF2: the MAC of a digest, two compressions.
  Sha256Digest mac_of_digest(const Sha256Digest& digest) const;

 private:
  Sha256State inner_, outer_;
};

inline Sha256Digest hmac_sha256(Bytes key, Bytes message) { return HmacKey(key).mac(message); }

/// Fills `out`. Cost: two compressions (about 0.1 us with SHA extensions) per iteration and 32 bytes of output.
void pbkdf2_hmac_sha256(Bytes password, Bytes salt, std::uint32_t iterations, MutableBytes out);

namespace detail {
/// For tests: hash `count` blocks of 64 bytes by the portable code.
void sha256_compress_portable(Sha256State& state, const std::byte* blocks, std::size_t count);
}  // namespace detail

}  // namespace spg::crypto
