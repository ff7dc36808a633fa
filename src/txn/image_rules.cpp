#include "spg/txn/image_rules.hpp"

#include "spg/index/node_check.hpp"
#include "spg/table/image_check.hpp"
#include "spg/txn/root.hpp"

namespace spg::txn {
namespace {

using store::ChildSlots;
using store::Expected;
using store::Image;
using store::Kind;

const char* root_fault(const Image& image) {
  constexpr std::uint32_t children_at = sizeof(Image) + sizeof(RootState);
  if (image.children != 1 || image.children_at != children_at || image.bytes != children_at + 8) return "shape of a root";
  return root_state(&image).height > table::radix_height_max ? "height of a root" : nullptr;
}

/// A split value stands where a heap may stand.
bool is_of_kind(const Image& image, Expected expected) {
  if (image.kind == expected.kind || expected.kind == Kind::none) return true;
  return image.kind == Kind::large && expected.kind == Kind::heap && expected.level != 0;
}

Expected child_of_table(const Image& image, std::size_t slot) {
  const table::TableState& state = table::table_state(&image);
  if (slot == table::layout_child) return {Kind::layout, 0, 0};
  if (slot == table::rows_child) return table::tree_of(Kind::block, state.row_height);
  const table::IndexState& index = state.indexes()[slot - table::index_children];
  return index::tree_of(index.kind == table::KeyKind::integer, index.height);
}

class Rules final : public store::ImageRules {
 public:
  const char* fault(const Image& image, Expected expected, const ChildSlots& children) const override {
    if (!is_of_kind(image, expected)) return "kind";
    switch (image.kind) {
      case Kind::root: return root_fault(image);
      case Kind::radix: return table::radix_fault(image);
      case Kind::table: return index_heights_fault(image, children);
      case Kind::layout: return table::layout_fault(image);
      case Kind::block: return table::block_fault(image, children);
      case Kind::chunk: return table::chunk_fault(image, expected, children);
      case Kind::heap: return table::heap_fault(image);
      case Kind::large: return table::large_fault(image, children);
      case Kind::int_leaf: case Kind::int_inner: case Kind::bytes_leaf: case Kind::bytes_inner: return index::node_fault(image, children);
      case Kind::none: break;
    }
    return "kind";
  }

  Expected child(const Image& image, Expected expected, std::size_t slot) const override {
    switch (image.kind) {
      case Kind::root: return table::tree_of(Kind::table, root_state(&image).height);
      case Kind::radix: return table::child_of_radix(expected);
      case Kind::table: return child_of_table(image, slot);
      case Kind::block: return table::child_of_block(image, slot);
      case Kind::chunk: return {Kind::heap, table::large_levels_max, 0};
      case Kind::large: return {Kind::heap, static_cast<std::uint8_t>(expected.level - 1), 0};
      case Kind::int_inner: case Kind::bytes_inner: return index::tree_of(image.kind == Kind::int_inner, expected.level - 1u);
      default: return {};
    }
  }

 private:
  static const char* index_heights_fault(const Image& image, const ChildSlots& children) {
    if (const char* fault = table::table_fault(image, children)) return fault;
    for (const table::IndexState& index : table::table_state(&image).indexes())
      if (index.height > index::height_max) return "height of an index";
    return nullptr;
  }
};

}  // namespace

const store::ImageRules& image_rules() {
  static constexpr Rules rules;
  return rules;
}

}  // namespace spg::txn
