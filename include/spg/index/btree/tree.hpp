// Tree: insert, erase, seek and bulk load on a copy-on-write B+tree (DESIGN 1.4). The root and its height live in the table
// object; a null root is an empty tree; height 1 is a single leaf.
//
// Writers hand in a Scope and change the path from the root down; readers walk the cells of a pinned version. Neighbours
// are not linked (copying would ripple), so a cursor keeps the path.
#pragma once
#include "spg/index/btree/nodes.hpp"

namespace spg::index {

using store::Access;

struct Root {
  Cell*& cell;
  std::uint8_t& height;
  std::uint64_t& entries;
};

inline constexpr unsigned height_max = 24;

template <class Nodes>
class Tree {
 public:
  using Key = typename Nodes::Key;
  using OwnedKey = typename Nodes::OwnedKey;

  /// Adds an entry; false when this very (key, rowid) is there.
  template <class Scope>
  static Result<bool> insert(Scope& scope, Root root, const Key& key, std::uint32_t table, std::uint32_t index, Access access);
  /// Removes an entry; false when it is not there.
  template <class Scope>
  static Result<bool> erase(Scope& scope, Root root, const Key& key, Access access);
  /// Writes a node anew in an image of another size (never smaller than its content).
  template <class Scope>
  static Status regrow(Scope& scope, Cell*& slot, std::uint32_t bytes);

 private:
  struct Split {
    Cell* right = nullptr;
    OwnedKey separator;
  };
  template <class Scope>
  static Status insert_below(Scope& scope, Cell*& slot, unsigned level, const Key& key, bool& inserted, Split& split, Access access);
  template <class Scope>
  static Status insert_leaf(Scope& scope, Cell*& slot, const Key& key, bool& inserted, Split& split);
  template <class Scope>
  static Status erase_below(Scope& scope, Cell*& slot, unsigned level, const Key& key, bool& erased, Access access);
  template <class Scope>
  static Status merge_leaves(Scope& scope, Image* parent, std::uint32_t at, Access access);
};

/// A place in a tree of a pinned version. After seek() it stands before the first entry at or above the key;
/// next() and prev() move over entries. Keeps cells, no image pointers, so it may rest between batches.
template <class Nodes, class Objects>
class Cursor {
 public:
  using Key = typename Nodes::Key;
  Cursor(Objects& objects, Cell* root, unsigned height) : objects_(&objects), root_(root), height_(root == nullptr ? 0 : height) {}

  Status seek(const Key& key, Access access);
  Status seek_first(Access access);
  Status seek_end(Access access);
  /// The entry after (before) the place, which moves over it: the leaf and the entry's number. Null leaf at the end.
  /// The image is valid under the caller's guard.
  Result<const Image*> next(std::uint32_t& at, Access access);
  Result<const Image*> prev(std::uint32_t& at, Access access);
  /// Looks at the next entry without moving.
  Result<const Image*> peek(std::uint32_t& at, Access access);

 private:
  struct Step { Cell* cell; std::uint32_t at; };
  Status descend(Cell* cell, unsigned from_depth, bool to_end, Access access);
  Objects* objects_;
  Cell* root_;
  unsigned height_;
  Step path_[height_max];  ///< path_[height-1] is the leaf; `at` of a leaf = entries before the place
};

/// Builds a tree bottom-up from entries in ascending order, leaves nearly full.
template <class Nodes, class Scope>
class BulkLoader {
 public:
  using Key = typename Nodes::Key;
  BulkLoader(Scope& scope, std::uint32_t table, std::uint32_t index) : scope_(&scope), table_(table), index_(index) {}
  /// Requires: above every key added before.
  Status add(const Key& key);
  /// The root (null when nothing was added) goes to `root`.
  Status finish(Root root);

 private:
  Status push_child(unsigned level, Cell* child, const typename Nodes::OwnedKey& separator);
  Scope* scope_;
  std::uint32_t table_, index_;
  Cell* leaf_ = nullptr;
  Cell* inner_[height_max] = {};
  unsigned levels_ = 0;
  std::uint64_t entries_ = 0;
};

}  // namespace spg::index
