// SHA-1 (FIPS 180-4). For protocols that name it (WebSocket's handshake); never where collisions matter.
// An object belongs to one thread at a time and owns its few bytes of state.
#pragma once
#include <array>
#include <cstdint>

#include "spg/base/bytes.hpp"

namespace spg::crypto {

using Sha1Digest = std::array<std::byte, 20>;

class Sha1 {
 public:
  Sha1& update(Bytes bytes);
  /// Ends the message; the object must not be used again.
  Sha1Digest finish();

 private:
  void compress(const std::byte* block);
  std::array<std::uint32_t, 5> state_{0x67452301, 0xefcdab89, 0x98badcfe, 0x10325476, 0xc3d2e1f0};
  std::uint64_t total_bytes_ = 0;
  std::array<std::byte, 64> block_{};
};

inline Sha1Digest sha1(Bytes bytes) { return Sha1().update(bytes).finish(); }

}  // namespace spg::crypto
