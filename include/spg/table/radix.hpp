// Radix: a copy-on-write tree of 64-way nodes over dense 64-bit keys. It maps block numbers to blocks in a table, and table
// ids to tables in a version (DESIGN 1.3). Height 0: the root is the value of key 0 itself.
//
// Image (Kind::radix): header, then 64 child slots; slot i of a node at level l covers keys whose bits [6l, 6l+6) are i.
#pragma once
#include <cstdint>

#include "spg/store/objects.hpp"

namespace spg::table {

inline constexpr unsigned radix_bits = 6;
inline constexpr std::uint16_t radix_fanout = 1u << radix_bits;
inline constexpr std::uint32_t radix_image_bytes = sizeof(store::Image) + radix_fanout * 8;

constexpr bool radix_covers(unsigned height, std::uint64_t key) { return height >= 11 || key >> (radix_bits * height) == 0; }
constexpr std::size_t radix_slot(unsigned level, std::uint64_t key) { return key >> (radix_bits * level) & (radix_fanout - 1); }

/// The value of a key, or null.
template <class Objects>
Result<store::Cell*> radix_find(Objects& objects, store::Cell* root, unsigned height, std::uint64_t key, store::Access access) {
  if (root == nullptr || !radix_covers(height, key)) return static_cast<store::Cell*>(nullptr);
  for (unsigned level = height; level-- > 0 && root != nullptr;) {
    SPG_ASSIGN(const store::Image* node, objects.read(root, access));
    root = node->child_array()[radix_slot(level, key)];
  }
  return root;
}

/// The first key at or above `key` that has a value: sets key and returns the value; null when there is none.
template <class Objects>
Result<store::Cell*> radix_next(Objects& objects, store::Cell* root, unsigned height, std::uint64_t& key, store::Access access) {
  if (root == nullptr || !radix_covers(height, key)) return static_cast<store::Cell*>(nullptr);
  if (height == 0) return root;
  SPG_ASSIGN(const store::Image* node, objects.read(root, access));
  const unsigned shift = radix_bits * (height - 1);
  for (std::size_t slot = radix_slot(height - 1, key); slot < radix_fanout; ++slot) {
    if (store::Cell* child = node->child_array()[slot]) {
      const std::uint64_t base = static_cast<std::uint64_t>(slot) << shift;
      std::uint64_t below = (key >> shift) == slot ? key - base : 0;
      SPG_ASSIGN(store::Cell * found, radix_next(objects, child, height - 1, below, access));
      if (found != nullptr) {
        key = base + below;
        return found;
      }
    }
  }
  return static_cast<store::Cell*>(nullptr);
}

/// The slot that holds the value of `key`, with every node on the way made changeable; grows the tree as needed. The
/// slot may hold null. Reads nodes with Access::wait unless told otherwise.
template <class Scope>
Result<store::Cell**> radix_writable(Scope& scope, store::Cell*& root, std::uint8_t& height, std::uint64_t key, store::Access access) {
  auto make_node = [&] { return scope.make(store::Kind::radix, radix_image_bytes, radix_fanout, sizeof(store::Image)); };
  while (!radix_covers(height, key)) {
    if (root != nullptr) {
      SPG_ASSIGN(store::Cell * above, make_node());
      Scope::ObjectsOf::image_of(above)->child_array()[0] = root;
      root = above;
    }
    ++height;
  }
  store::Cell** slot = &root;
  for (unsigned level = height; level-- > 0;) {
    if (*slot == nullptr) {
      SPG_ASSIGN(*slot, make_node());
    } else {
      SPG_TRY(scope.objects().read(*slot, access).status());
      SPG_TRY(scope.writable(*slot).status());
    }
    slot = &Scope::ObjectsOf::image_of(*slot)->child_array()[radix_slot(level, key)];
  }
  return slot;
}

}  // namespace spg::table
