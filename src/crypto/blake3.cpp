#include "spg/crypto/blake3.hpp"

#include <algorithm>

namespace spg::crypto {
namespace {

using Blake3Words = std::array<std::uint32_t, 8>;
using Blake3Block = std::array<std::uint32_t, 16>;

constexpr Blake3Words blake3_iv{0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a,
                                0x510e527f, 0x9b05688c, 0x1f83d9ab, 0x5be0cd19};
constexpr std::uint32_t chunk_start = 1, chunk_end = 2, parent = 4, root = 8, keyed_hash = 16, derive_context = 32,
                        derive_material = 64;
constexpr std::uint32_t blocks_per_chunk = 16;
constexpr std::array<std::uint8_t, 16> message_order{2, 6, 3, 10, 7, 0, 4, 13, 1, 11, 12, 5, 9, 14, 15, 8};

inline void mix(Blake3Block& v, std::size_t a, std::size_t b, std::size_t c, std::size_t d, std::uint32_t x,
                std::uint32_t y) {
  v[a] += v[b] + x;
  v[d] = std::rotr(v[d] ^ v[a], 16);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 12);
  v[a] += v[b] + y;
  v[d] = std::rotr(v[d] ^ v[a], 8);
  v[c] += v[d];
  v[b] = std::rotr(v[b] ^ v[c], 7);
}

Blake3Block blake3_compress(const Blake3Words& chain, const Blake3Block& message, std::uint64_t counter,
                            std::uint32_t block_bytes, std::uint32_t flags) {
  Blake3Block m = message;
  Blake3Block v{chain[0],
                chain[1],
                chain[2],
                chain[3],
                chain[4],
                chain[5],
                chain[6],
                chain[7],
                blake3_iv[0],
                blake3_iv[1],
                blake3_iv[2],
                blake3_iv[3],
                static_cast<std::uint32_t>(counter),
                static_cast<std::uint32_t>(counter >> 32),
                block_bytes,
                flags};
  for (int round = 0; round < 7; ++round) {
    mix(v, 0, 4, 8, 12, m[0], m[1]);
    mix(v, 1, 5, 9, 13, m[2], m[3]);
    mix(v, 2, 6, 10, 14, m[4], m[5]);
    mix(v, 3, 7, 11, 15, m[6], m[7]);
    mix(v, 0, 5, 10, 15, m[8], m[9]);
    mix(v, 1, 6, 11, 12, m[10], m[11]);
    mix(v, 2, 7, 8, 13, m[12], m[13]);
    mix(v, 3, 4, 9, 14, m[14], m[15]);
    Blake3Block next;
    for (std::size_t i = 0; i < 16; ++i) next[i] = m[message_order[i]];
    m = next;
  }
  for (std::size_t i = 0; i < 8; ++i) {
    v[i] ^= v[i + 8];
    v[i + 8] ^= chain[i];
  }
  return v;
}

Blake3Block words_of(const std::byte* block) {
  Blake3Block words;
  for (std::size_t i = 0; i < 16; ++i) words[i] = load_le<std::uint32_t>(block + 4 * i);
  return words;
}

Blake3Words first_half(const Blake3Block& block) {
  Blake3Words half;
  std::copy_n(block.begin(), 8, half.begin());
  return half;
}

Blake3Words words_of_key(const Blake3Key& key) {
  Blake3Words words;
  for (std::size_t i = 0; i < 8; ++i) words[i] = load_le<std::uint32_t>(key.data() + 4 * i);
  return words;
}

}  // namespace

struct Blake3::Node {
  Words chain;
  Blake3Block message;
  std::uint64_t counter;
  std::uint32_t block_bytes, flags;

  Words chaining_value() const { return first_half(blake3_compress(chain, message, counter, block_bytes, flags)); }
  static Node of_children(const Words& left, const Words& right, const Words& key, std::uint32_t flags) {
    Node node{key, {}, 0, 64, flags | parent};
    std::copy(left.begin(), left.end(), node.message.begin());
    std::copy(right.begin(), right.end(), node.message.begin() + 8);
    return node;
  }
};

Blake3::Blake3() : Blake3(blake3_iv, 0) {}
Blake3 Blake3::keyed(const Blake3Key& key) { return {words_of_key(key), keyed_hash}; }
Blake3 Blake3::derive(std::string_view context) {
  const Blake3Digest key = Blake3(blake3_iv, derive_context).update(as_bytes(context)).finish();
  return {words_of_key(key), derive_material};
}

std::uint32_t Blake3::chunk_start_flag() const { return blocks_in_chunk_ == 0 ? chunk_start : 0; }

Blake3::Node Blake3::chunk_node() const {
  std::array<std::byte, 64> padded{};
  std::memcpy(padded.data(), block_.data(), block_bytes_);
  return {chain_, words_of(padded.data()), chunk_index_, block_bytes_, flags_ | chunk_start_flag() | chunk_end};
}

/// Merges complete subtrees: as many as the number of chunks so far has trailing zero bits.
void Blake3::add_chunk(Words chain) {
  std::uint64_t chunks = ++chunk_index_;
  for (; (chunks & 1) == 0; chunks >>= 1)
    chain = Node::of_children(levels_[--level_count_], chain, key_, flags_).chaining_value();
  levels_[level_count_++] = chain;
}

Blake3& Blake3::update(Bytes bytes) {
  while (!bytes.empty()) {
    // A full block waits until more comes: the last block of a chunk, and the root, are compressed with other flags.
    if (block_bytes_ == 64) {
      if (blocks_in_chunk_ == blocks_per_chunk - 1) {
        add_chunk(chunk_node().chaining_value());
        chain_ = key_;
        blocks_in_chunk_ = 0;
      } else {
        chain_ =
            first_half(blake3_compress(chain_, words_of(block_.data()), chunk_index_, 64, flags_ | chunk_start_flag()));
        ++blocks_in_chunk_;
      }
      block_bytes_ = 0;
    }
    const std::size_t take = std::min<std::size_t>(bytes.size(), 64 - block_bytes_);
    std::memcpy(block_.data() + block_bytes_, bytes.data(), take);
    block_bytes_ += static_cast<std::uint32_t>(take);
    bytes = bytes.subspan(take);
  }
  return *this;
}

void Blake3::finish(MutableBytes out) const {
  Node node = chunk_node();
  for (std::uint32_t level = level_count_; level != 0; --level)
    node = Node::of_children(levels_[level - 1], node.chaining_value(), key_, flags_);
  for (std::uint64_t counter = 0; !out.empty(); ++counter) {
    const Blake3Block words = blake3_compress(node.chain, node.message, counter, node.block_bytes, node.flags | root);
    std::array<std::byte, 64> bytes;
    for (std::size_t i = 0; i < 16; ++i) store_le<std::uint32_t>(bytes.data() + 4 * i, words[i]);
    const std::size_t take = std::min<std::size_t>(out.size(), 64);
    std::memcpy(out.data(), bytes.data(), take);
    out = out.subspan(take);
  }
}

}  // namespace spg::crypto
