// What nodes of B+trees must look like before anything reads them (store::ImageRules). A node's entries lie inside it and
// ascend: searches, splits and joins count on it, and keep it so. Entries that lie in the wrong node make a wrong answer,
// nothing worse.
#pragma once
#include "spg/index/btree/tree.hpp"
#include "spg/store/segment.hpp"

namespace spg::index {

/// The fault of a node (whose kind has been checked), or null.
const char* node_fault(const Image& image, const store::ChildSlots& children);
/// The root of a tree of some height, or a child of a node that is `height + 1` high.
store::Expected tree_of(bool integer, unsigned height);

}  // namespace spg::index
