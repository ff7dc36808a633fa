#include "spg/index/node_check.hpp"

#include <bit>

namespace spg::index {
namespace {

using store::ChildSlots;
using store::Kind;

const char* children_fault(const Image& image, const ChildSlots& children, std::uint32_t count, std::uint16_t slots, std::uint32_t children_at) {
  if (image.children != slots || image.children_at != children_at) return "shape of an index node";
  if (slots != 0 && (count + 1 > slots || !children.are_first(count + 1))) return "children of an index node";
  return nullptr;
}
/// Nodes grow by doubling.
bool is_node_size(std::uint32_t bytes, std::uint32_t least, std::uint32_t most) { return bytes >= least && bytes <= most && std::has_single_bit(bytes); }

const char* int_node_fault(const Image& image, const ChildSlots& children) {
  const bool leaf = image.kind == Kind::int_leaf;
  if (!(leaf ? is_node_size(image.bytes, leaf_bytes_min, leaf_bytes_max) : image.bytes == inner_bytes))
    return "size of an index node";
  const std::uint32_t count = IntNodes::count(&image);
  if (count > (leaf ? IntNodes::capacity(&image) : IntNodes::inner_children - 1u)) return "entries of an index node";
  if (const char* fault = leaf ? children_fault(image, children, count, 0, image.bytes)
                               : children_fault(image, children, count, IntNodes::inner_children, IntNodes::inner_children_at))
    return fault;
  const IntKey* keys = IntNodes::keys(&image);
  for (std::uint32_t i = 1; i < count; ++i)
    if (!(keys[i - 1] < keys[i])) return "order of an index node";
  return nullptr;
}

bool suffixes_ascend(const Image& image, std::uint32_t i) {
  const std::uint32_t head = BytesNodes::slots(&image)[i].head;
  return BytesNodes::compare_suffix(&image, i - 1, BytesNodes::suffix(&image, i), head, BytesNodes::rowid(&image, i)) < 0;
}

const char* bytes_node_fault(const Image& image, const ChildSlots& children) {
  const bool leaf = image.kind == Kind::bytes_leaf;
  const std::uint32_t least = leaf ? leaf_bytes_min : BytesNodes::inner_node_bytes;
  if (!is_node_size(image.bytes, least, BytesNodes::node_bytes_max)) return "size of an index node";
  const BytesNodes::State& state = BytesNodes::state(&image);
  const std::uint32_t end = leaf ? image.bytes : image.bytes - BytesNodes::inner_children * 8u;
  if (const char* fault = children_fault(image, children, state.count, leaf ? 0 : BytesNodes::inner_children, end)) return fault;
  const std::uint64_t slots_end = BytesNodes::slots_at + std::uint64_t{state.count} * sizeof(BytesNodes::Slot);
  if (state.end != end || state.low < slots_end || std::uint32_t{state.low} + state.prefix_bytes > end) return "entries of an index node";
  for (std::uint32_t i = 0; i < state.count; ++i) {
    const BytesNodes::Slot& slot = BytesNodes::slots(&image)[i];
    if (slot.at < state.low || slot.at + 8u + slot.size > end || slot.size + std::uint32_t{state.prefix_bytes} > sizeof(BytesNodes::OwnedKey::bytes))
      return "entry of an index node";
    if (slot.head != BytesNodes::head_of(BytesNodes::suffix(&image, i))) return "entry of an index node";
    if (i != 0 && !suffixes_ascend(image, i)) return "order of an index node";
  }
  // Entries may not share bytes: a node that is written anew has room for all of them.
  if (BytesNodes::slots_at + BytesNodes::used_bytes(&image) > end) return "entries of an index node";
  return nullptr;
}

}  // namespace

const char* node_fault(const Image& image, const ChildSlots& children) {
  if (image.bytes < IntNodes::entries_at) return "size of an index node";
  return image.kind == Kind::int_leaf || image.kind == Kind::int_inner ? int_node_fault(image, children) : bytes_node_fault(image, children);
}

store::Expected tree_of(bool integer, unsigned height) {
  const Kind leaf = integer ? Kind::int_leaf : Kind::bytes_leaf, inner = integer ? Kind::int_inner : Kind::bytes_inner;
  return {height == 1 ? leaf : inner, static_cast<std::uint8_t>(height), 0};
}

}  // namespace spg::index
