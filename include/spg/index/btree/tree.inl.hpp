#pragma once
#include "spg/index/btree/tree.hpp"

namespace spg::index {

template <class N>
template <class Scope>
Status Tree<N>::regrow(Scope& scope, Cell*& slot, std::uint32_t bytes) {
  const Image* old = Scope::ObjectsOf::image_of(slot);
  const bool leaf = old->kind == N::leaf_kind;
  Cell* cell;
  if (leaf) { SPG_ASSIGN(cell, N::make_leaf(scope, bytes)); }
  else { SPG_ASSIGN(cell, N::make_inner(scope, bytes)); }
  Image* image = Scope::ObjectsOf::image_of(cell);
  image->table = old->table;
  image->part = old->part;
  SPG_ASSERT(N::leaf_append(image, old, 0, N::count(old)));
  if (!leaf) std::memcpy(image->child_array(), old->child_array(), (N::count(old) + 1) * sizeof(Cell*));
  SPG_TRY(scope.retire(slot));
  slot = cell;
  return ok();
}

template <class N>
template <class Scope>
Status Tree<N>::insert_leaf(Scope& scope, Cell*& slot, const Key& key, bool& inserted, Split& split) {
  {
    const Image* leaf = Scope::ObjectsOf::image_of(slot);
    const std::uint32_t at = N::lower(leaf, key);
    inserted = !(at < N::count(leaf) && N::compare(leaf, at, key) == 0);
    if (!inserted) return ok();
  }
  SPG_ASSIGN(Image * leaf, scope.writable(slot));
  while (!N::leaf_fits(leaf, key) && leaf->bytes < leaf_bytes_max) {
    SPG_TRY(regrow(scope, slot, leaf->bytes * 2));
    leaf = Scope::ObjectsOf::image_of(slot);
  }
  std::uint32_t at = N::lower(leaf, key);
  if (N::leaf_fits(leaf, key)) {
    N::leaf_insert(leaf, at, key);
    return ok();
  }
  // Ascending inserts leave full leaves behind; others split in the middle.
  const std::uint32_t n = N::count(leaf), middle = at == n ? n : at == 0 ? 0 : N::middle(leaf);
  SPG_ASSIGN(split.right, N::make_leaf(scope, leaf_bytes_max > leaf->bytes ? leaf_bytes_max : leaf->bytes));
  Image* right = Scope::ObjectsOf::image_of(split.right);
  right->table = leaf->table;
  right->part = leaf->part;
  SPG_ASSERT(N::leaf_append(right, leaf, middle, n));
  N::leaf_truncate(leaf, middle);
  const bool goes_left = at < middle || (at == middle && middle == 0);
  Cell*& target = goes_left ? slot : split.right;
  Image* into = goes_left ? leaf : right;
  if (!goes_left) at -= middle;
  while (!N::leaf_fits(into, key)) {  // only byte keys near the size limit come here
    SPG_TRY(regrow(scope, target, into->bytes * 2));
    into = Scope::ObjectsOf::image_of(target);
  }
  N::leaf_insert(into, at, key);
  leaf = Scope::ObjectsOf::image_of(slot);
  split.separator = N::separator(leaf, N::count(leaf) - 1, Scope::ObjectsOf::image_of(split.right), 0);
  return ok();
}

template <class N>
template <class Scope>
Status Tree<N>::insert_below(Scope& scope, Cell*& slot, unsigned level, const Key& key, bool& inserted, Split& split, Access access) {
  SPG_TRY(scope.objects().read(slot, access).status());
  if (level == 0) return insert_leaf(scope, slot, key, inserted, split);
  // A leaf that must be copied changes its parent, and one that is owned has an owned parent: copying from the top down
  // copies nothing in vain (but for the rare entry that is there already).
  SPG_ASSIGN(Image * node, scope.writable(slot));
  const std::uint32_t at = N::child(node, key);
  Split below;
  SPG_TRY(insert_below(scope, node->child_array()[at], level - 1, key, inserted, below, access));
  if (below.right == nullptr) return ok();
  // Only a child whose entries belong elsewhere gives a separator that does not fit between its neighbours.
  if (N::child(node, N::key_of(below.separator)) != at)
    return Error::make(sqlstate::index_corrupted, "index ", node->part, " holds entries in the wrong place");
  if (!N::inner_fits(node, below.separator) && N::count(node) < 8 && node->bytes < N::node_bytes_max) {
    SPG_TRY(regrow(scope, slot, node->bytes * 2));
    node = Scope::ObjectsOf::image_of(slot);
  }
  if (N::inner_fits(node, below.separator)) {
    N::inner_insert(node, at, below.separator, below.right);
    return ok();
  }
  SPG_ASSIGN(split.right, N::make_inner(scope, node->bytes));
  Image* right = Scope::ObjectsOf::image_of(split.right);
  right->table = node->table;
  right->part = node->part;
  // At an edge the new separator itself goes up: it need not share the prefix of the others, which would have to be written
  // out for each of them. (One between two others shares it.)
  if (at == 0 || at == N::count(node)) {
    split.separator = below.separator;
    if (at != 0) { right->child_array()[0] = below.right; return ok(); }
    SPG_ASSERT(N::leaf_append(right, node, 0, N::count(node)));
    std::memcpy(right->child_array(), node->child_array(), (N::count(node) + 1) * sizeof(Cell*));
    right->child_array()[0] = below.right;
    for (std::uint32_t i = 1; i <= N::count(node); ++i) node->child_array()[i] = nullptr;
    N::leaf_truncate(node, 0);
    return ok();
  }
  split.separator = N::inner_split(node, right);
  const std::uint32_t left_children = N::count(node) + 1;
  Cell*& target = at < left_children ? slot : split.right;
  Image* into = at < left_children ? node : right;
  while (!N::inner_fits(into, below.separator)) {
    SPG_TRY(regrow(scope, target, into->bytes * 2));
    into = Scope::ObjectsOf::image_of(target);
  }
  N::inner_insert(into, at < left_children ? at : at - left_children, below.separator, below.right);
  return ok();
}

template <class N>
template <class Scope>
Result<bool> Tree<N>::insert(Scope& scope, Root root, const Key& key, std::uint32_t table, std::uint32_t index, Access access) {
  if (root.cell == nullptr) {
    SPG_ASSIGN(root.cell, N::make_leaf(scope, leaf_bytes_min));
    Image* leaf = Scope::ObjectsOf::image_of(root.cell);
    leaf->table = table;
    leaf->part = index;
    root.height = 1;
  }
  bool inserted = false;
  Split split;
  SPG_TRY(insert_below(scope, root.cell, root.height - 1u, key, inserted, split, access));
  if (split.right != nullptr) {
    if (root.height >= height_max) return Error::make(sqlstate::index_corrupted, "index ", index, " is too high");
    SPG_ASSIGN(Cell * above, N::make_inner(scope));
    while (!N::inner_fits(Scope::ObjectsOf::image_of(above), split.separator)) SPG_TRY(regrow(scope, above, Scope::ObjectsOf::image_of(above)->bytes * 2));
    Image* node = Scope::ObjectsOf::image_of(above);
    node->table = table;
    node->part = index;
    node->child_array()[0] = root.cell;
    N::inner_insert(node, 0, split.separator, split.right);
    root.cell = above;
    ++root.height;
  }
  root.entries += inserted;
  return inserted;
}

/// Joins child `at` of `parent` with a neighbour when together they fill at most three quarters of a leaf.
template <class N>
template <class Scope>
Status Tree<N>::merge_leaves(Scope& scope, Image* parent, std::uint32_t at, Access access) {
  const std::uint32_t left_at = at == N::count(parent) ? at - 1 : at;
  Cell*& left = parent->child_array()[left_at];
  Cell*& right = parent->child_array()[left_at + 1];
  SPG_ASSIGN(const Image* left_image, scope.objects().read(left, access));
  SPG_ASSIGN(const Image* right_image, scope.objects().read(right, access));
  if (N::used_bytes(left_image) + N::used_bytes(right_image) > leaf_bytes_max * 3 / 4) return ok();
  if (N::count(left_image) != 0 && N::count(right_image) != 0 &&
      N::compare(left_image, N::count(left_image) - 1, N::key_of(N::entry(right_image, 0))) >= 0)
    return Error::make(sqlstate::index_corrupted, "index ", parent->part, " holds entries in the wrong place");
  SPG_ASSIGN(Cell * cell, N::make_leaf(scope, leaf_bytes_max));
  Image* image = Scope::ObjectsOf::image_of(cell);
  image->table = left_image->table;
  image->part = left_image->part;
  if (!N::leaf_append(image, left_image, 0, N::count(left_image)) || !N::leaf_append(image, right_image, 0, N::count(right_image)))
    return scope.retire(cell);  // without their prefixes they do not fit: leave them
  SPG_TRY(scope.retire(left));
  SPG_TRY(scope.retire(right));
  left = cell;
  N::inner_erase(parent, left_at + 1);
  return ok();
}

template <class N>
template <class Scope>
Status Tree<N>::erase_below(Scope& scope, Cell*& slot, unsigned level, const Key& key, bool& erased, Access access) {
  SPG_ASSIGN(const Image* now, scope.objects().read(slot, access));
  if (level == 0) {
    const std::uint32_t at = N::lower(now, key);
    erased = at < N::count(now) && N::compare(now, at, key) == 0;
    if (!erased) return ok();
    SPG_ASSIGN(Image * leaf, scope.writable(slot));
    N::leaf_erase(leaf, at);
    return ok();
  }
  SPG_ASSIGN(Image * node, scope.writable(slot));
  const std::uint32_t at = N::child(node, key);
  Cell*& child = node->child_array()[at];
  SPG_TRY(erase_below(scope, child, level - 1, key, erased, access));
  if (!erased) return ok();
  const Image* below = Scope::ObjectsOf::image_of(child);
  if (level == 1) {
    if (N::count(below) == 0) {
      SPG_TRY(scope.retire(child));
      if (N::count(node) == 0) child = nullptr;  // the last child: the caller drops this node
      else N::inner_erase(node, at);
    } else if (N::used_bytes(below) < leaf_bytes_max / 8 && N::count(node) != 0) {
      return merge_leaves(scope, node, at, access);
    }
  } else if (below->child_array()[0] == nullptr) {
    SPG_TRY(scope.retire(child));
    if (N::count(node) == 0) child = nullptr;
    else N::inner_erase(node, at);
  }
  return ok();
}

template <class N>
template <class Scope>
Result<bool> Tree<N>::erase(Scope& scope, Root root, const Key& key, Access access) {
  if (root.cell == nullptr) return false;
  bool erased = false;
  SPG_TRY(erase_below(scope, root.cell, root.height - 1u, key, erased, access));
  if (!erased) return false;
  --root.entries;
  for (;;) {
    const Image* node = Scope::ObjectsOf::image_of(root.cell);
    const bool leaf = node->kind == N::leaf_kind;
    if (leaf ? N::count(node) != 0 : N::count(node) != 0) break;
    Cell* only = leaf ? nullptr : node->child_array()[0];
    SPG_TRY(scope.retire(root.cell));
    root.cell = only;
    --root.height;
    if (only == nullptr) { root.height = 0; break; }
    SPG_TRY(scope.objects().read(only, access).status());
  }
  return true;
}

// --- cursor -------------------------------------------------------------------------------------------------------

template <class N, class O>
Status Cursor<N, O>::descend(Cell* cell, unsigned from_depth, bool to_end, Access access) {
  for (unsigned depth = from_depth; depth < height_; ++depth) {
    SPG_ASSIGN(const Image* node, objects_->read(cell, access));
    path_[depth] = {cell, to_end ? N::count(node) : 0};
    if (depth + 1 < height_) cell = node->child_array()[path_[depth].at];
  }
  return ok();
}
template <class N, class O>
Status Cursor<N, O>::seek_first(Access access) { return height_ == 0 ? ok() : descend(root_, 0, false, access); }
template <class N, class O>
Status Cursor<N, O>::seek_end(Access access) { return height_ == 0 ? ok() : descend(root_, 0, true, access); }

template <class N, class O>
Status Cursor<N, O>::seek(const Key& key, Access access) {
  Cell* cell = root_;
  for (unsigned depth = 0; depth < height_; ++depth) {
    SPG_ASSIGN(const Image* node, objects_->read(cell, access));
    const bool leaf = depth + 1 == height_;
    const std::uint32_t at = leaf ? N::lower(node, key) : N::child(node, key);
    path_[depth] = {cell, at};
    if (!leaf) cell = node->child_array()[at];
  }
  return ok();
}

template <class N, class O>
Result<const Image*> Cursor<N, O>::peek(std::uint32_t& at, Access access) {
  if (height_ == 0) return static_cast<const Image*>(nullptr);
  for (;;) {
    Step& leaf = path_[height_ - 1];
    SPG_ASSIGN(const Image* node, objects_->read(leaf.cell, access));
    if (leaf.at < N::count(node)) { at = leaf.at; return node; }
    unsigned depth = height_ - 1;
    Cell* below = nullptr;
    while (depth > 0 && below == nullptr) {
      Step& step = path_[--depth];
      SPG_ASSIGN(const Image* inner, objects_->read(step.cell, access));
      if (step.at < N::count(inner)) below = inner->child_array()[++step.at];
    }
    if (below == nullptr) return static_cast<const Image*>(nullptr);
    SPG_TRY(descend(below, depth + 1, false, access));
  }
}
template <class N, class O>
Result<const Image*> Cursor<N, O>::next(std::uint32_t& at, Access access) {
  SPG_ASSIGN(const Image* node, peek(at, access));
  if (node != nullptr) ++path_[height_ - 1].at;
  return node;
}
template <class N, class O>
Result<const Image*> Cursor<N, O>::prev(std::uint32_t& at, Access access) {
  if (height_ == 0) return static_cast<const Image*>(nullptr);
  for (;;) {
    Step& leaf = path_[height_ - 1];
    SPG_ASSIGN(const Image* node, objects_->read(leaf.cell, access));
    if (leaf.at > 0) { at = --leaf.at; return node; }
    unsigned depth = height_ - 1;
    Cell* below = nullptr;
    while (depth > 0 && below == nullptr) {
      Step& step = path_[--depth];
      SPG_ASSIGN(const Image* inner, objects_->read(step.cell, access));
      if (step.at > 0) below = inner->child_array()[--step.at];
    }
    if (below == nullptr) return static_cast<const Image*>(nullptr);
    SPG_TRY(descend(below, depth + 1, true, access));
  }
}

// --- bulk load ----------------------------------------------------------------------------------------------------

template <class N, class Scope>
Status BulkLoader<N, Scope>::push_child(unsigned level, Cell* child, const typename N::OwnedKey& separator) {
  Cell*& node = inner_[level];
  if (level == levels_) {  // the first split of the level below: its left node is already there
    SPG_ASSERT(level < height_max);
    ++levels_;
    SPG_ASSIGN(node, N::make_inner(*scope_));
    Image* image = Scope::ObjectsOf::image_of(node);
    image->table = table_;
    image->part = index_;
    image->child_array()[0] = level == 0 ? leaf_ : inner_[level - 1];
  }
  Image* image = Scope::ObjectsOf::image_of(node);
  while (!N::inner_fits(image, separator) && N::count(image) < 8 && image->bytes < N::node_bytes_max) {
    SPG_TRY(Tree<N>::regrow(*scope_, node, image->bytes * 2));
    // The parent's child slot, if there is one, is the last of the level above.
    if (level + 1 < levels_) {
      Image* above = Scope::ObjectsOf::image_of(inner_[level + 1]);
      above->child_array()[N::count(above)] = node;
    }
    image = Scope::ObjectsOf::image_of(node);
  }
  if (N::inner_fits(image, separator)) {
    N::inner_insert(image, N::count(image), separator, child);
    return ok();
  }
  // Full: start a right neighbour with this child alone and push it up under the same separator.
  SPG_ASSIGN(Cell * right, N::make_inner(*scope_, image->bytes));
  Image* right_image = Scope::ObjectsOf::image_of(right);
  right_image->table = table_;
  right_image->part = index_;
  right_image->child_array()[0] = child;
  SPG_TRY(push_child(level + 1, right, separator));
  inner_[level] = right;
  return ok();
}

template <class N, class Scope>
Status BulkLoader<N, Scope>::add(const Key& key) {
  auto make = [&]() -> Result<Cell*> {
    SPG_ASSIGN(Cell * cell, N::make_leaf(*scope_, leaf_bytes_max));
    Scope::ObjectsOf::image_of(cell)->table = table_;
    Scope::ObjectsOf::image_of(cell)->part = index_;
    return cell;
  };
  if (leaf_ == nullptr) { SPG_ASSIGN(leaf_, make()); }
  ++entries_;
  Image* leaf = Scope::ObjectsOf::image_of(leaf_);
  // A tenth stays free for inserts to come.
  const bool has_room = N::count(leaf) == 0 || N::used_bytes(leaf) < leaf_bytes_max * 9 / 10;
  if (has_room && N::leaf_append_key(leaf, key)) return ok();
  SPG_ASSIGN(Cell * right, make());
  Image* right_image = Scope::ObjectsOf::image_of(right);
  SPG_ASSERT(N::leaf_append_key(right_image, key));
  SPG_TRY(push_child(0, right, N::separator(leaf, N::count(leaf) - 1, right_image, 0)));
  leaf_ = right;
  return ok();
}

template <class N, class Scope>
Status BulkLoader<N, Scope>::finish(Root root) {
  root.entries = entries_;
  root.height = static_cast<std::uint8_t>(leaf_ == nullptr ? 0 : levels_ + 1);
  root.cell = levels_ == 0 ? leaf_ : inner_[levels_ - 1];
  return ok();
}

}  // namespace spg::index
