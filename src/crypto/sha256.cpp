#include "spg/crypto/sha256.hpp"

#include <algorithm>

#include "spg/crypto/secure.hpp"

#if defined(__x86_64__)
#include <cpuid.h>
#include <immintrin.h>
#endif

namespace spg::crypto {
namespace {

constexpr Sha256State sha256_start{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                   0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};

alignas(16) constexpr std::array<std::uint32_t, 64> sha256_rounds{
    0x428a2f98, 0x71374491, 0xb5c0fbcf, 0xe9b5dba5, 0x3956c25b, 0x59f111f1, 0x923f82a4, 0xab1c5ed5,
    0xd807aa98, 0x12835b01, 0x243185be, 0x550c7dc3, 0x72be5d74, 0x80deb1fe, 0x9bdc06a7, 0xc19bf174,
    0xe49b69c1, 0xefbe4786, 0x0fc19dc6, 0x240ca1cc, 0x2de92c6f, 0x4a7484aa, 0x5cb0a9dc, 0x76f988da,
    0x983e5152, 0xa831c66d, 0xb00327c8, 0xbf597fc7, 0xc6e00bf3, 0xd5a79147, 0x06ca6351, 0x14292967,
    0x27b70a85, 0x2e1b2138, 0x4d2c6dfc, 0x53380d13, 0x650a7354, 0x766a0abb, 0x81c2c92e, 0x92722c85,
    0xa2bfe8a1, 0xa81a664b, 0xc24b8b70, 0xc76c51a3, 0xd192e819, 0xd6990624, 0xf40e3585, 0x106aa070,
    0x19a4c116, 0x1e376c08, 0x2748774c, 0x34b0bcb5, 0x391c0cb3, 0x4ed8aa4a, 0x5b9cca4f, 0x682e6ff3,
    0x748f82ee, 0x78a5636f, 0x84c87814, 0x8cc70208, 0x90befffa, 0xa4506ceb, 0xbef9a3f7, 0xc67178f2};

#if defined(__x86_64__)

/// The instructions keep the state as ABEF and CDGH; four rounds per step, the schedule kept in four registers.
__attribute__((target("sha,sse4.1"))) void sha256_compress_ni(Sha256State& state, const std::byte* blocks,
                                                              std::size_t count) {
  const __m128i big_endian = _mm_set_epi64x(0x0c0d0e0f08090a0b, 0x0405060700010203);
  const auto* words = reinterpret_cast<__m128i*>(state.data());
  const __m128i badc = _mm_shuffle_epi32(_mm_loadu_si128(words), 0xb1);
  const __m128i hgfe = _mm_shuffle_epi32(_mm_loadu_si128(words + 1), 0x1b);
  __m128i abef = _mm_alignr_epi8(badc, hgfe, 8), cdgh = _mm_blend_epi16(hgfe, badc, 0xf0);
  for (; count != 0; --count, blocks += 64) {
    const __m128i abef_before = abef, cdgh_before = cdgh;
    __m128i w[4];
    for (int i = 0; i < 4; ++i)
      w[i] = _mm_shuffle_epi8(_mm_loadu_si128(reinterpret_cast<const __m128i*>(blocks) + i), big_endian);
#pragma GCC unroll 16
    for (unsigned step = 0; step < 16; ++step) {
      __m128i& now = w[step % 4];
      const __m128i added =
          _mm_add_epi32(now, _mm_load_si128(reinterpret_cast<const __m128i*>(sha256_rounds.data()) + step));
      cdgh = _mm_sha256rnds2_epu32(cdgh, abef, added);
      abef = _mm_sha256rnds2_epu32(abef, cdgh, _mm_shuffle_epi32(added, 0x0e));
      if (step < 12) {
        const __m128i last = w[(step + 3) % 4];
        const __m128i sum =
            _mm_add_epi32(_mm_sha256msg1_epu32(now, w[(step + 1) % 4]), _mm_alignr_epi8(last, w[(step + 2) % 4], 4));
        now = _mm_sha256msg2_epu32(sum, last);
      }
    }
    abef = _mm_add_epi32(abef, abef_before);
    cdgh = _mm_add_epi32(cdgh, cdgh_before);
  }
  const __m128i feba = _mm_shuffle_epi32(abef, 0x1b), dchg = _mm_shuffle_epi32(cdgh, 0xb1);
  auto* out = reinterpret_cast<__m128i*>(state.data());
  _mm_storeu_si128(out, _mm_blend_epi16(feba, dchg, 0xf0));
  _mm_storeu_si128(out + 1, _mm_alignr_epi8(dchg, feba, 8));
}

bool detect_sha_extensions() {
  unsigned a = 0, b = 0, c = 0, d = 0;
  if (__get_cpuid_count(7, 0, &a, &b, &c, &d) == 0) return false;
  return (b >> 29 & 1) != 0 && __builtin_cpu_supports("sse4.1") != 0;
}
const bool has_sha_extensions = detect_sha_extensions();

#endif

void sha256_compress(Sha256State& state, const std::byte* blocks, std::size_t count) {
#if defined(__x86_64__)
  if (__builtin_expect(has_sha_extensions, 1)) {
    sha256_compress_ni(state, blocks, count);
    return;
  }
#endif
  detail::sha256_compress_portable(state, blocks, count);
}

void put_state(const Sha256State& state, std::byte* to) {
  for (std::size_t i = 0; i < 8; ++i) store_be<std::uint32_t>(to + 4 * i, state[i]);
}

}  // namespace

namespace detail {
void sha256_compress_portable(Sha256State& state, const std::byte* blocks, std::size_t count) {
  for (; count != 0; --count, blocks += 64) {
    std::array<std::uint32_t, 64> w;
    for (std::size_t t = 0; t < 16; ++t) w[t] = load_be<std::uint32_t>(blocks + 4 * t);
    for (std::size_t t = 16; t < 64; ++t) {
      const std::uint32_t s0 = std::rotr(w[t - 15], 7) ^ std::rotr(w[t - 15], 18) ^ w[t - 15] >> 3;
      const std::uint32_t s1 = std::rotr(w[t - 2], 17) ^ std::rotr(w[t - 2], 19) ^ w[t - 2] >> 10;
      w[t] = w[t - 16] + s0 + w[t - 7] + s1;
    }
    auto [a, b, c, d, e, f, g, h] = state;
    for (std::size_t t = 0; t < 64; ++t) {
      const std::uint32_t s1 = std::rotr(e, 6) ^ std::rotr(e, 11) ^ std::rotr(e, 25);
      const std::uint32_t t1 = h + s1 + ((e & f) ^ (~e & g)) + sha256_rounds[t] + w[t];
      const std::uint32_t s0 = std::rotr(a, 2) ^ std::rotr(a, 13) ^ std::rotr(a, 22);
      const std::uint32_t t2 = s0 + ((a & b) ^ (a & c) ^ (b & c));
      h = g;
      g = f;
      f = e;
      e = d + t1;
      d = c;
      c = b;
      b = a;
      a = t1 + t2;
    }
    state[0] += a;
    state[1] += b;
    state[2] += c;
    state[3] += d;
    state[4] += e;
    state[5] += f;
    state[6] += g;
    state[7] += h;
  }
}
}  // namespace detail

Sha256::Sha256() : state_(sha256_start) {}

Sha256& Sha256::update(Bytes bytes) {
  if (bytes.empty()) return *this;
  std::size_t filled = total_bytes_ % 64;
  total_bytes_ += bytes.size();
  if (filled != 0) {
    const std::size_t take = std::min(bytes.size(), 64 - filled);
    std::memcpy(block_.data() + filled, bytes.data(), take);
    bytes = bytes.subspan(take);
    if (filled + take < 64) return *this;
    sha256_compress(state_, block_.data(), 1);
  }
  if (bytes.size() >= 64) {
    sha256_compress(state_, bytes.data(), bytes.size() / 64);
    bytes = bytes.subspan(bytes.size() / 64 * 64);
  }
  if (!bytes.empty()) std::memcpy(block_.data(), bytes.data(), bytes.size());
  return *this;
}

Sha256Digest Sha256::finish() {
  std::size_t filled = total_bytes_ % 64;
  block_[filled++] = std::byte{0x80};
  if (filled > 56) {
    std::memset(block_.data() + filled, 0, 64 - filled);
    sha256_compress(state_, block_.data(), 1);
    filled = 0;
  }
  std::memset(block_.data() + filled, 0, 56 - filled);
  store_be<std::uint64_t>(block_.data() + 56, total_bytes_ * 8);
  sha256_compress(state_, block_.data(), 1);
  Sha256Digest digest;
  put_state(state_, digest.data());
  return digest;
}

HmacKey::HmacKey(Bytes key) : inner_(sha256_start), outer_(sha256_start) {
  std::array<std::byte, 64> block{};
  if (key.size() > 64) {
    const Sha256Digest digest = sha256(key);
    std::memcpy(block.data(), digest.data(), digest.size());
  } else if (!key.empty()) {
    std::memcpy(block.data(), key.data(), key.size());
  }
  for (auto& byte : block) byte ^= std::byte{0x36};
  sha256_compress(inner_, block.data(), 1);
  for (auto& byte : block) byte ^= std::byte{0x36 ^ 0x5c};
  sha256_compress(outer_, block.data(), 1);
  wipe(block);
}

HmacKey::~HmacKey() {
  wipe(std::as_writable_bytes(std::span(inner_)));
  wipe(std::as_writable_bytes(std::span(outer_)));
}

Sha256Digest HmacKey::mac(Bytes message) const { return mac(message, {}); }

Sha256Digest HmacKey::mac(Bytes first, Bytes second) const {
  const Sha256Digest inside = Sha256(inner_, 64).update(first).update(second).finish();
  return Sha256(outer_, 64).update(inside).finish();
}

Sha256Digest HmacKey::mac_of_digest(const Sha256Digest& digest) const {
  std::array<std::byte, 64> block{};  // 32 bytes of message, the end mark, the length of key block and message in bits
  std::memcpy(block.data(), digest.data(), 32);
  block[32] = std::byte{0x80};
  store_be<std::uint64_t>(block.data() + 56, (64 + 32) * 8);
  Sha256State state = inner_;
  sha256_compress(state, block.data(), 1);
  put_state(state, block.data());
  state = outer_;
  sha256_compress(state, block.data(), 1);
  Sha256Digest result;
  put_state(state, result.data());
  return result;
}

void pbkdf2_hmac_sha256(Bytes password, Bytes salt, std::uint32_t iterations, MutableBytes out) {
  const HmacKey key(password);
  for (std::uint32_t part = 1; !out.empty(); ++part) {
    std::array<std::byte, 4> number;
    store_be<std::uint32_t>(number.data(), part);
    Sha256Digest last = key.mac(salt, number), sum = last;
    for (std::uint32_t i = 1; i < iterations; ++i) {
      last = key.mac_of_digest(last);
      for (std::size_t k = 0; k < 32; ++k) sum[k] ^= last[k];
    }
    const std::size_t take = std::min<std::size_t>(out.size(), 32);
    std::memcpy(out.data(), sum.data(), take);
    out = out.subspan(take);
    wipe(sum);
    wipe(last);
  }
}

}  // namespace spg::crypto
