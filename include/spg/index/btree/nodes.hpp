// Nodes of the copy-on-write B+tree, one policy per kind of key (DESIGN 1.4).
//
// IntNodes: keys are (uint64, rowid) pairs compared as integers. A NULL is the key UINT64_MAX with the top bit of the rowid
// set, so that NULLs come last. BytesNodes: memcmp-comparable byte keys; the common prefix of a node is stored once, and
// every slot carries the next four bytes as a big-endian head, so that most comparisons end there. Entries of equal
// keys are ordered by rowid: a tree never holds the same (key, rowid) twice.
//
// Inner nodes have n children and n-1 separators; separator i is above everything in child i and not above anything in
// child i+1. Node sizes are format constants; leaves of small trees start small and grow.
#pragma once
#include <algorithm>
#include <cstring>
#include <string_view>

#include "spg/base/bytes.hpp"
#include "spg/store/objects.hpp"

namespace spg::index {

using store::Cell;
using store::Image;

inline constexpr std::uint32_t inner_bytes = 1024;
inline constexpr std::uint32_t leaf_bytes_min = 256, leaf_bytes_max = 4096;
/// PostgreSQL's limit for an index row ("index row size ... exceeds btree version 4 maximum 2704", 54000).
inline constexpr std::uint32_t key_bytes_max = 2704;

// --- integer keys -------------------------------------------------------------------------------------------------

struct IntKey {
  std::uint64_t key = 0, rowid = 0;
  friend auto operator<=>(const IntKey&, const IntKey&) = default;
};
inline constexpr std::uint64_t null_rowid_bit = std::uint64_t{1} << 63;

struct IntNodes {
  using Key = IntKey;
  using OwnedKey = IntKey;  ///< a key that outlives the node it came from
  static constexpr store::Kind leaf_kind = store::Kind::int_leaf, inner_kind = store::Kind::int_inner;

  struct State { std::uint32_t count, reserved; };
  static constexpr std::uint32_t entries_at = sizeof(Image) + sizeof(State);
  static constexpr std::uint16_t inner_children = (inner_bytes - entries_at + sizeof(IntKey)) / (sizeof(IntKey) + 8);
  static constexpr std::uint32_t inner_children_at = entries_at + (inner_children - 1) * static_cast<std::uint32_t>(sizeof(IntKey));

  static std::uint32_t count(const Image* node) { return node->payload<State>()->count; }
  static IntKey* keys(Image* node) { return reinterpret_cast<IntKey*>(node->payload<State>() + 1); }
  static const IntKey* keys(const Image* node) { return reinterpret_cast<const IntKey*>(node->payload<State>() + 1); }
  static std::uint32_t capacity(const Image* leaf) { return (leaf->bytes - entries_at) / static_cast<std::uint32_t>(sizeof(IntKey)); }

  static OwnedKey own(const Key& key) { return key; }
  static Key key_of(const OwnedKey& key) { return key; }
  static std::uint64_t rowid(const Image* leaf, std::uint32_t i) { return keys(leaf)[i].rowid & ~null_rowid_bit; }
  /// <0, 0, >0 as entry i is below, at, above the key.
  static int compare(const Image* node, std::uint32_t i, const Key& key) {
    const auto order = keys(node)[i] <=> key;
    return order < 0 ? -1 : order > 0 ? 1 : 0;
  }
  /// First entry at or above the key.
  static std::uint32_t lower(const Image* node, const Key& key) {
    const IntKey* first = keys(node);
    std::uint32_t base = 0, left = count(node);
    while (left > 0) {
      const std::uint32_t half = left / 2;
      if (first[base + half] < key) { base += half + 1; left -= half + 1; }
      else left = half;
    }
    return base;
  }
  /// Which child of an inner node covers the key.
  static std::uint32_t child(const Image* node, const Key& key) {
    const std::uint32_t at = lower(node, key);
    return at < count(node) && keys(node)[at] == key ? at + 1 : at;
  }

  static bool leaf_fits(const Image* leaf, const Key&) { return count(leaf) < capacity(leaf); }
  static void leaf_insert(Image* leaf, std::uint32_t at, const Key& key) {
    IntKey* first = keys(leaf);
    std::memmove(first + at + 1, first + at, (count(leaf) - at) * sizeof(IntKey));
    first[at] = key;
    ++leaf->payload<State>()->count;
  }
  static void leaf_erase(Image* leaf, std::uint32_t at) {
    IntKey* first = keys(leaf);
    std::memmove(first + at, first + at + 1, (count(leaf) - at - 1) * sizeof(IntKey));
    --leaf->payload<State>()->count;
  }
  /// Where a full node is split.
  static std::uint32_t middle(const Image* node) { return count(node) / 2; }
  static std::uint32_t used_bytes(const Image* leaf) { return count(leaf) * static_cast<std::uint32_t>(sizeof(IntKey)); }

  template <class Scope>
  static Result<Cell*> make_leaf(Scope& scope, std::uint32_t bytes) { return scope.make(leaf_kind, bytes, 0, bytes); }
  static constexpr std::uint32_t inner_node_bytes = inner_bytes;
  static constexpr std::uint32_t node_bytes_max = leaf_bytes_max;
  template <class Scope>
  static Result<Cell*> make_inner(Scope& scope, std::uint32_t = inner_node_bytes) { return scope.make(inner_kind, inner_bytes, inner_children, inner_children_at); }

  /// Appends entries [from, to) of one leaf to another that has room.
  static bool leaf_append(Image* to_leaf, const Image* leaf, std::uint32_t from, std::uint32_t to) {
    if (count(to_leaf) + (to - from) > capacity(to_leaf)) return false;
    std::memcpy(keys(to_leaf) + count(to_leaf), keys(leaf) + from, (to - from) * sizeof(IntKey));
    to_leaf->payload<State>()->count += to - from;
    return true;
  }
  static bool leaf_append_key(Image* leaf, const Key& key) {
    if (count(leaf) == capacity(leaf)) return false;
    leaf_insert(leaf, count(leaf), key);
    return true;
  }
  static void leaf_truncate(Image* leaf, std::uint32_t count_left) { leaf->payload<State>()->count = count_left; }
  /// A separator between two neighbours.
  static OwnedKey separator(const Image*, std::uint32_t, const Image* right, std::uint32_t right_at) { return keys(right)[right_at]; }
  static OwnedKey entry(const Image* node, std::uint32_t i) { return keys(node)[i]; }

  static bool inner_fits(const Image* node, const OwnedKey&) { return count(node) + 2 <= inner_children; }
  /// Puts separator `key` at `at` with `right` as the child after it.
  static void inner_insert(Image* node, std::uint32_t at, const OwnedKey& key, Cell* right) {
    const std::uint32_t n = count(node);
    Cell** children = node->child_array();
    std::memmove(children + at + 2, children + at + 1, (n - at) * sizeof(Cell*));
    children[at + 1] = right;
    leaf_insert(node, at, key);
  }
  /// Takes child `at` out with a separator next to it.
  static void inner_erase(Image* node, std::uint32_t at) {
    const std::uint32_t n = count(node);
    Cell** children = node->child_array();
    std::memmove(children + at, children + at + 1, (n - at) * sizeof(Cell*));
    children[n] = nullptr;
    if (n != 0) leaf_erase(node, at == 0 ? 0 : at - 1);
  }
  /// Moves the upper half to an empty inner node; returns the separator between the halves.
  static OwnedKey inner_split(Image* node, Image* right) {
    const std::uint32_t n = count(node), half = middle(node);
    const IntKey up = keys(node)[half];
    std::memcpy(keys(right), keys(node) + half + 1, (n - half - 1) * sizeof(IntKey));
    std::memcpy(right->child_array(), node->child_array() + half + 1, (n - half) * sizeof(Cell*));
    for (std::uint32_t i = half + 1; i <= n; ++i) node->child_array()[i] = nullptr;
    right->payload<State>()->count = n - half - 1;
    node->payload<State>()->count = half;
    return up;
  }
};

// --- byte keys ----------------------------------------------------------------------------------------------------

struct BytesKey {
  std::string_view bytes;
  std::uint64_t rowid = 0;
};

inline int compare_text(std::string_view a, std::string_view b) {
  const int order = std::memcmp(a.data(), b.data(), std::min(a.size(), b.size()));
  return order != 0 ? order : a.size() < b.size() ? -1 : a.size() > b.size() ? 1 : 0;
}

struct BytesNodes {
  using Key = BytesKey;
  struct OwnedKey {
    std::uint64_t rowid = 0;
    std::uint32_t size = 0;
    char bytes[key_bytes_max + 16];
    void assign(std::string_view prefix, std::string_view suffix, std::uint64_t row) {
      rowid = row;
      size = static_cast<std::uint32_t>(prefix.size() + suffix.size());
      if (!prefix.empty()) std::memcpy(bytes, prefix.data(), prefix.size());
      if (!suffix.empty()) std::memcpy(bytes + prefix.size(), suffix.data(), suffix.size());
    }
  };
  static constexpr store::Kind leaf_kind = store::Kind::bytes_leaf, inner_kind = store::Kind::bytes_inner;

  // header | State | Slot[] -> ... <- entries | child array. An entry: rowid (8 bytes), then the bytes after the prefix.
  // The prefix lies as the first (highest) piece of the entry area.
  struct State {
    std::uint16_t count, prefix_bytes, low, end;  ///< entries lie in [low, end); the prefix at [end - prefix_bytes, end)
  };
  struct Slot { std::uint32_t head; std::uint16_t at, size; };
  static constexpr std::uint32_t slots_at = sizeof(Image) + sizeof(State);
  static constexpr std::uint16_t inner_children = 40;
  static constexpr std::uint32_t inner_node_bytes = 2048;
  static constexpr std::uint32_t node_bytes_max = 16 * 1024;  ///< when keys are so long that a usual node holds too few

  static State& state(Image* node) { return *node->payload<State>(); }
  static const State& state(const Image* node) { return *node->payload<State>(); }
  static Slot* slots(Image* node) { return reinterpret_cast<Slot*>(&state(node) + 1); }
  static const Slot* slots(const Image* node) { return reinterpret_cast<const Slot*>(&state(node) + 1); }
  static const char* base(const Image* node) { return reinterpret_cast<const char*>(node); }
  static char* base(Image* node) { return reinterpret_cast<char*>(node); }
  static std::uint32_t count(const Image* node) { return state(node).count; }
  static std::string_view prefix(const Image* node) { return {base(node) + state(node).end - state(node).prefix_bytes, state(node).prefix_bytes}; }
  static std::string_view suffix(const Image* node, std::uint32_t i) { return {base(node) + slots(node)[i].at + 8, slots(node)[i].size}; }
  static std::uint64_t rowid(const Image* node, std::uint32_t i) { return load_le<std::uint64_t>(base(node) + slots(node)[i].at); }
  static std::uint32_t free_bytes(const Image* node) { return state(node).low - slots_at - count(node) * static_cast<std::uint32_t>(sizeof(Slot)); }
  static std::uint32_t used_bytes(const Image* node) {
    std::uint32_t used = state(node).prefix_bytes;
    for (std::uint32_t i = 0; i < count(node); ++i) used += slots(node)[i].size + 8u + static_cast<std::uint32_t>(sizeof(Slot));
    return used;
  }
  /// Where a full node is split: by bytes, so that what is left of it and one more entry fit into node_bytes_max, however
  /// unlike the sizes of its entries are.
  static std::uint32_t middle(const Image* node) {
    const std::uint32_t half = (used_bytes(node) - state(node).prefix_bytes) / 2;
    std::uint32_t i = 0;
    for (std::uint32_t used = 0; i < count(node); ++i) {
      used += entry_bytes(slots(node)[i].size);
      if (used > half) break;
    }
    return std::max<std::uint32_t>(1, std::min(i, count(node) - 1));
  }
  static std::uint32_t head_of(std::string_view suffix) {
    unsigned char padded[4] = {};
    std::memcpy(padded, suffix.data(), std::min<std::size_t>(suffix.size(), 4));
    return load_be<std::uint32_t>(padded);
  }

  static OwnedKey own(const Key& key) {
    OwnedKey owned;
    owned.assign(key.bytes, {}, key.rowid);
    return owned;
  }
  static Key key_of(const OwnedKey& key) { return {{key.bytes, key.size}, key.rowid}; }

  static int compare(const Image* node, std::uint32_t i, const Key& key) {
    const std::string_view common = prefix(node);
    const int order = compare_text(common, key.bytes.substr(0, common.size()));
    if (order != 0) return order;
    return compare_suffix(node, i, key.bytes.substr(common.size()), key.rowid);
  }
  static int compare_suffix(const Image* node, std::uint32_t i, std::string_view tail, std::uint64_t row) {
    return compare_suffix(node, i, tail, head_of(tail), row);
  }
  static int compare_suffix(const Image* node, std::uint32_t i, std::string_view tail, std::uint32_t head, std::uint64_t row) {
    if (slots(node)[i].head != head) return slots(node)[i].head < head ? -1 : 1;
    // Equal heads are equal first four bytes, or all there are.
    const std::string_view mine = suffix(node, i);
    const std::size_t least = std::min(mine.size(), tail.size());
    if (least > 4)
      if (const int order = std::memcmp(mine.data() + 4, tail.data() + 4, least - 4); order != 0) return order;
    if (mine.size() != tail.size()) return mine.size() < tail.size() ? -1 : 1;
    const std::uint64_t at = rowid(node, i);
    return at < row ? -1 : at > row ? 1 : 0;
  }
  static std::uint32_t lower(const Image* node, const Key& key) {
    const std::string_view common = prefix(node);
    const int order = compare_text(common, key.bytes.substr(0, common.size()));
    if (order > 0) return 0;
    if (order < 0) return count(node);
    const std::string_view tail = key.bytes.substr(common.size());
    const std::uint32_t head = head_of(tail);
    std::uint32_t low = 0, high = count(node);
    // Rows come with ascending rowids: of equal keys the new one is the last, and often the last of the node.
    if (high != 0 && compare_suffix(node, high - 1, tail, head, key.rowid) < 0) return high;
    while (low < high) {
      const std::uint32_t middle = (low + high) / 2;
      if (compare_suffix(node, middle, tail, head, key.rowid) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  }
  static std::uint32_t child(const Image* node, const Key& key) {
    const std::uint32_t at = lower(node, key);
    return at < count(node) && rowid(node, at) == key.rowid && compare(node, at, key) == 0 ? at + 1 : at;
  }

  static void reset(Image* node, std::uint32_t end, std::string_view common) {
    State& to = state(node);
    to.count = 0;
    to.end = static_cast<std::uint16_t>(end);
    to.prefix_bytes = static_cast<std::uint16_t>(common.size());
    to.low = static_cast<std::uint16_t>(end - common.size());
    if (!common.empty()) std::memcpy(base(node) + to.low, common.data(), common.size());
  }
  template <class Scope>
  static Result<Cell*> make_leaf(Scope& scope, std::uint32_t bytes) {
    SPG_ASSIGN(Cell * cell, scope.make(leaf_kind, bytes, 0, bytes));
    reset(Scope::ObjectsOf::image_of(cell), bytes, {});
    return cell;
  }
  template <class Scope>
  static Result<Cell*> make_inner(Scope& scope, std::uint32_t bytes = inner_node_bytes) {
    const std::uint32_t children_at = bytes - inner_children * 8u;
    SPG_ASSIGN(Cell * cell, scope.make(inner_kind, bytes, inner_children, children_at));
    reset(Scope::ObjectsOf::image_of(cell), children_at, {});
    return cell;
  }

  /// Inserts an entry whose key begins with the node's prefix; the caller has checked for room.
  static void put(Image* node, std::uint32_t at, std::string_view tail, std::uint64_t row) {
    State& to = state(node);
    to.low = static_cast<std::uint16_t>(to.low - tail.size() - 8);
    store_le(base(node) + to.low, row);
    if (!tail.empty()) std::memcpy(base(node) + to.low + 8, tail.data(), tail.size());
    Slot* first = slots(node);
    std::memmove(first + at + 1, first + at, (to.count - at) * sizeof(Slot));
    first[at] = {head_of(tail), to.low, static_cast<std::uint16_t>(tail.size())};
    ++to.count;
  }
  static std::uint32_t entry_bytes(std::size_t tail) { return static_cast<std::uint32_t>(tail + 8 + sizeof(Slot)); }
  static bool has_prefix(const Image* node, std::string_view key) { return key.substr(0, prefix(node).size()) == prefix(node); }
  static std::size_t common_bytes(std::string_view a, std::string_view b) {
    const std::size_t least = std::min(a.size(), b.size());
    std::size_t i = 0;
    while (i < least && a[i] == b[i]) ++i;
    return i;
  }

  /// Rewrites a node in place: entries [from, to), with the longest prefix common to them and to `also` (if given).
  static void rewrite(Image* node, std::uint32_t from, std::uint32_t to, const Key* also) {
    SPG_ASSERT(node->bytes <= node_bytes_max);
    char scratch[node_bytes_max];
    std::memcpy(scratch, base(node), node->bytes);
    const auto* old = reinterpret_cast<const Image*>(scratch);
    OwnedKey low, high;
    std::size_t common = 0;
    if (from < to) {
      low = entry(old, from);
      high = entry(old, to - 1);
      common = common_bytes(key_of(low).bytes, key_of(high).bytes);
      if (also != nullptr) common = std::min(common, common_bytes(key_of(low).bytes, also->bytes));
    }
    reset(node, state(old).end, std::string_view(low.bytes, common));
    const std::size_t had = state(old).prefix_bytes;
    for (std::uint32_t i = from; i < to; ++i) {
      const std::string_view tail = suffix(old, i);
      if (common >= had) {
        put(node, i - from, tail.substr(common - had), rowid(old, i));
      } else {  // part of the old prefix goes back into the entries
        char joined[key_bytes_max + 16];
        const std::string_view back = prefix(old).substr(common);
        std::memcpy(joined, back.data(), back.size());
        if (!tail.empty()) std::memcpy(joined + back.size(), tail.data(), tail.size());
        put(node, i - from, {joined, back.size() + tail.size()}, rowid(old, i));
      }
    }
  }

  static bool leaf_fits(const Image* leaf, const Key& key) {
    const std::size_t had = state(leaf).prefix_bytes;
    if (has_prefix(leaf, key.bytes)) return free_bytes(leaf) >= entry_bytes(key.bytes.size() - had) || compacted_fits(leaf, key);
    return compacted_fits(leaf, key);
  }
  /// Whether the key fits after a rewrite (dead space gone, prefix cut to what remains common).
  static bool compacted_fits(const Image* leaf, const Key& key) {
    const std::size_t had = state(leaf).prefix_bytes, common = common_bytes(prefix(leaf), key.bytes);
    const std::size_t used = used_bytes(leaf) + (had - common) * count(leaf) + entry_bytes(key.bytes.size() - common);
    return used + slots_at <= state(leaf).end;
  }
  static void leaf_insert(Image* leaf, std::uint32_t at, const Key& key) {
    const std::size_t had = state(leaf).prefix_bytes;
    if (!has_prefix(leaf, key.bytes) || free_bytes(leaf) < entry_bytes(key.bytes.size() - had)) rewrite_keeping(leaf, key);
    put(leaf, at, key.bytes.substr(state(leaf).prefix_bytes), key.rowid);
  }
  /// A rewrite that keeps as much of the present prefix as the key shares (never lengthens it: cheap, and enough).
  static void rewrite_keeping(Image* leaf, const Key& key) {
    const Key cut{key.bytes.substr(0, common_bytes(prefix(leaf), key.bytes)), key.rowid};
    rewrite(leaf, 0, count(leaf), &cut);
  }
  static void leaf_erase(Image* leaf, std::uint32_t at) {
    Slot* first = slots(leaf);
    std::memmove(first + at, first + at + 1, (count(leaf) - at - 1) * sizeof(Slot));
    --state(leaf).count;
  }
  static bool leaf_append_key(Image* leaf, const Key& key) {
    if (count(leaf) == 0 && !has_prefix(leaf, key.bytes)) reset(leaf, state(leaf).end, {});
    if (!leaf_fits(leaf, key)) return false;
    leaf_insert(leaf, count(leaf), key);
    return true;
  }
  static bool leaf_append(Image* to_leaf, const Image* leaf, std::uint32_t from, std::uint32_t to) {
    if (count(to_leaf) == 0 && from < to) {
      const OwnedKey low = entry(leaf, from), high = entry(leaf, to - 1);
      const std::size_t common = common_bytes(key_of(low).bytes, key_of(high).bytes);
      reset(to_leaf, state(to_leaf).end, std::string_view(low.bytes, common));
    }
    for (std::uint32_t i = from; i < to; ++i) {
      const OwnedKey key = entry(leaf, i);
      if (!leaf_append_key(to_leaf, key_of(key))) return false;
    }
    return true;
  }
  static void leaf_truncate(Image* leaf, std::uint32_t count_left) { rewrite(leaf, 0, count_left, nullptr); }
  /// The shortest bytes above the left neighbour and not above the right one.
  static OwnedKey separator(const Image* left, std::uint32_t left_at, const Image* right, std::uint32_t right_at) {
    const OwnedKey below = entry(left, left_at);
    OwnedKey above = entry(right, right_at);
    const std::size_t common = common_bytes(key_of(below).bytes, key_of(above).bytes);
    if (common < above.size) {  // equal bytes need the rowid as well
      above.size = static_cast<std::uint32_t>(common + 1);
      above.rowid = 0;
    }
    return above;
  }
  static OwnedKey entry(const Image* node, std::uint32_t i) {
    OwnedKey key;
    key.assign(prefix(node), suffix(node, i), rowid(node, i));
    return key;
  }

  static bool inner_fits(const Image* node, const OwnedKey& key) { return count(node) + 2u <= inner_children && leaf_fits(node, key_of(key)); }
  static void inner_insert(Image* node, std::uint32_t at, const OwnedKey& key, Cell* right) {
    const std::uint32_t n = count(node);
    Cell** children = node->child_array();
    std::memmove(children + at + 2, children + at + 1, (n - at) * sizeof(Cell*));
    children[at + 1] = right;
    leaf_insert(node, at, key_of(key));
  }
  static void inner_erase(Image* node, std::uint32_t at) {
    const std::uint32_t n = count(node);
    Cell** children = node->child_array();
    std::memmove(children + at, children + at + 1, (n - at) * sizeof(Cell*));
    children[n] = nullptr;
    if (n != 0) leaf_erase(node, at == 0 ? 0 : at - 1);
  }
  static OwnedKey inner_split(Image* node, Image* right) {
    const std::uint32_t n = count(node), half = middle(node);
    const OwnedKey up = entry(node, half);
    SPG_ASSERT(leaf_append(right, node, half + 1, n));
    std::memcpy(right->child_array(), node->child_array() + half + 1, (n - half) * sizeof(Cell*));
    for (std::uint32_t i = half + 1; i <= n; ++i) node->child_array()[i] = nullptr;
    rewrite(node, 0, half, nullptr);
    return up;
  }
};

}  // namespace spg::index
