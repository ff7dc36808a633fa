#include "spg/txn/image_rules.hpp"

#include "spg/index/node_check.hpp"
#include "spg/index/node_coding.hpp"
#include "spg/table/image_check.hpp"
#include "spg/table/image_coding.hpp"
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

/// Each kind has one encoding of its own so far.
constexpr std::uint8_t encoding_of_kind = 1;

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

  Result<std::uint8_t> encode(const Image& image, std::uint32_t claimed, RecordBuffer& to) const override {
    SPG_ASSIGN(const bool is_encoded, encode_kind(image, claimed, to));
    return is_encoded ? encoding_of_kind : std::uint8_t{0};
  }

  const char* decode(std::uint8_t encoding, Bytes bytes, Image& image) const override {
    if (encoding != encoding_of_kind) return "encoding";
    switch (image.kind) {
      case Kind::table: case Kind::layout: return table::decode_payload(bytes, image);
      case Kind::block: return table::decode_block(bytes, image);
      case Kind::chunk: return table::decode_chunk(bytes, image);
      case Kind::heap: return table::decode_heap(bytes, image);
      case Kind::int_leaf: case Kind::int_inner: case Kind::bytes_leaf: case Kind::bytes_inner: return index::decode_node(bytes, image);
      default: return "encoding";
    }
  }

 private:
  static Result<bool> encode_kind(const Image& image, std::uint32_t claimed, RecordBuffer& to) {
    switch (image.kind) {
      case Kind::table: case Kind::layout: return table::encode_payload(image, to);
      case Kind::block: return table::encode_block(image, to);
      case Kind::chunk: return table::encode_chunk(image, claimed, to);
      case Kind::heap: return table::encode_heap(image, claimed, to);
      case Kind::int_leaf: case Kind::int_inner: case Kind::bytes_leaf: case Kind::bytes_inner: return index::encode_node(image, to);
      default: return false;
    }
  }
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
