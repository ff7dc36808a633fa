// BLAKE3: hash, keyed hash and key derivation (the audit chain, content ids). Portable code, one chunk at a time.
// An object belongs to one thread at a time and owns about 2 KiB of state.
#pragma once
#include <array>
#include <cstdint>

#include "spg/base/bytes.hpp"

namespace spg::crypto {

using Blake3Digest = std::array<std::byte, 32>;
using Blake3Key = std::array<std::byte, 32>;

class Blake3 {
 public:
  Blake3();
  static Blake3 keyed(const Blake3Key& key);
  /// The context names the use: fixed text, unique to application and purpose.
  static Blake3 derive(std::string_view context);

  Blake3& update(Bytes bytes);
  /// Any number of bytes, the first 32 being the digest. The object may be updated further.
  void finish(MutableBytes out) const;
  Blake3Digest finish() const {
    Blake3Digest digest;
    finish(digest);
    return digest;
  }

 private:
  using Words = std::array<std::uint32_t, 8>;
  /// What one more compression would make: a chaining value, or at the root the output.
  struct Node;
  Blake3(const Words& key, std::uint32_t flags) : key_(key), chain_(key), flags_(flags) {}
  Node chunk_node() const;
  void add_chunk(Words chain);
  std::uint32_t chunk_start_flag() const;

  static constexpr std::size_t levels_max = 54;  // 2^54 chunks of 1 KiB: more than 2^64 bytes
  Words key_, chain_;
  std::uint32_t flags_;
  std::uint64_t chunk_index_ = 0;
  std::array<std::byte, 64> block_{};
  std::uint32_t block_bytes_ = 0, blocks_in_chunk_ = 0;
  std::uint32_t level_count_ = 0;
  std::array<Words, levels_max> levels_;
};

inline Blake3Digest blake3(Bytes bytes) { return Blake3().update(bytes).finish(); }

}  // namespace spg::crypto
