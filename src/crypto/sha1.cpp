#include "spg/crypto/sha1.hpp"

#include <algorithm>

namespace spg::crypto {

void Sha1::compress(const std::byte* block) {
  std::array<std::uint32_t, 80> w;
  for (std::size_t t = 0; t < 16; ++t) w[t] = load_be<std::uint32_t>(block + 4 * t);
  for (std::size_t t = 16; t < 80; ++t) w[t] = std::rotl(w[t - 3] ^ w[t - 8] ^ w[t - 14] ^ w[t - 16], 1);
  auto [a, b, c, d, e] = state_;
  for (std::size_t t = 0; t < 80; ++t) {
    std::uint32_t f, k;
    if (t < 20) {
      f = (b & c) | (~b & d);
      k = 0x5a827999;
    } else if (t < 40) {
      f = b ^ c ^ d;
      k = 0x6ed9eba1;
    } else if (t < 60) {
      f = (b & c) | (b & d) | (c & d);
      k = 0x8f1bbcdc;
    } else {
      f = b ^ c ^ d;
      k = 0xca62c1d6;
    }
    const std::uint32_t next = std::rotl(a, 5) + f + e + k + w[t];
    e = d;
    d = c;
    c = std::rotl(b, 30);
    b = a;
    a = next;
  }
  state_[0] += a;
  state_[1] += b;
  state_[2] += c;
  state_[3] += d;
  state_[4] += e;
}

Sha1& Sha1::update(Bytes bytes) {
  std::size_t filled = total_bytes_ % 64;
  total_bytes_ += bytes.size();
  while (!bytes.empty()) {
    const std::size_t take = std::min(bytes.size(), 64 - filled);
    std::memcpy(block_.data() + filled, bytes.data(), take);
    bytes = bytes.subspan(take);
    filled += take;
    if (filled == 64) {
      compress(block_.data());
      filled = 0;
    }
  }
  return *this;
}

Sha1Digest Sha1::finish() {
  std::size_t filled = total_bytes_ % 64;
  block_[filled++] = std::byte{0x80};
  if (filled > 56) {
    std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled), block_.end(), std::byte{0});
    compress(block_.data());
    filled = 0;
  }
  std::fill(block_.begin() + static_cast<std::ptrdiff_t>(filled), block_.end(), std::byte{0});
  store_be<std::uint64_t>(block_.data() + 56, total_bytes_ * 8);
  compress(block_.data());
  Sha1Digest digest;
  for (std::size_t i = 0; i < 5; ++i) store_be<std::uint32_t>(digest.data() + 4 * i, state_[i]);
  return digest;
}

}  // namespace spg::crypto
