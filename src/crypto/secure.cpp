#include "spg/crypto/secure.hpp"

namespace spg::crypto {

bool equal_constant_time(Bytes a, Bytes b) {
  if (a.size() != b.size()) return false;
  unsigned difference = 0;
  for (std::size_t i = 0; i < a.size(); ++i) {
    difference |= static_cast<unsigned>(a[i] ^ b[i]);
    __asm__("" : "+r"(difference));  // hides the value, so that no early exit can be derived from it
  }
  return difference == 0;
}

void wipe(MutableBytes secret) {
  if (secret.empty()) return;
  std::memset(secret.data(), 0, secret.size());
  __asm__ volatile("" : : "r"(secret.data()) : "memory");
}

}  // namespace spg::crypto
