#include "spg/table/image_check.hpp"

#include <bit>

namespace spg::table {
namespace {

using store::ChildSlots;
using store::Expected;
using store::Image;
using store::Kind;

/// The payload ends where the child array begins, and the image with that array.
bool has_shape(const Image& image, std::uint64_t children_at, std::uint64_t children) {
  return image.children == children && image.children_at == children_at && image.bytes == children_at + children * 8;
}
bool holds_values(Physical physical) { return physical > Physical::none && physical <= Physical::string; }

bool flag_is_sound(const bool& flag) { return *reinterpret_cast<const std::uint8_t*>(&flag) <= 1; }

const char* missing_value_fault(const Image& image, const ColumnLayout& column) {
  const type::Value& missing = column.missing;
  if (!flag_is_sound(missing.is_null)) return "missing value of a column";
  if (missing.is_null) return nullptr;
  if (missing.physical != column.physical) return "type of a missing value";
  if (missing.physical == Physical::boolean && missing.as<std::uint8_t>() > 1) return "missing value of a column";
  if (missing.physical != Physical::string) return nullptr;
  const auto& text = missing.as<StringRef>();
  if (!text.is_inline() && std::uint64_t{text.place.offset} + text.size > image.bytes) return "string of a missing value";
  return nullptr;
}

}  // namespace

const char* radix_fault(const Image& image) {
  return has_shape(image, sizeof(Image), radix_fanout) ? nullptr : "shape of a radix node";
}

const char* table_fault(const Image& image, const ChildSlots& children) {
  if (image.bytes < sizeof(Image) + sizeof(TableState)) return "shape of a table";
  const TableState& state = table_state(&image);
  if (state.index_count > image.children || !has_shape(image, table_children_at(state.index_count), index_children + state.index_count))
    return "shape of a table";
  if (!children.has(layout_child)) return "table without a layout";
  if (state.row_height > radix_height_max || state.next_rowid > rowids_max) return "state of a table";
  for (std::size_t i = 0; i < state.index_count; ++i) {
    const IndexState& index = state.indexes()[i];
    if (index.kind > KeyKind::bytes || (index.height != 0) != children.has(index_children + i)) return "state of an index";
  }
  return nullptr;
}

const char* layout_fault(const Image& image) {
  if (image.bytes < sizeof(Image) + sizeof(LayoutState) || image.children != 0) return "shape of a layout";
  const LayoutView layout(&image);
  const LayoutState& state = layout.state();
  const std::uint64_t bytes = sizeof(Image) + sizeof(LayoutState) + std::uint64_t{state.column_count} * sizeof(ColumnLayout) +
                              std::uint64_t{state.index_count} * sizeof(IndexLayout) + std::uint64_t{state.part_count} * sizeof(KeyPart);
  if (bytes > image.bytes) return "shape of a layout";
  for (const ColumnLayout& column : layout.columns()) {
    if (!holds_values(column.physical)) return "type of a column";
    if (const char* fault = missing_value_fault(image, column)) return fault;
  }
  for (const IndexLayout& index : layout.indexes()) {
    if (index.kind > KeyKind::bytes || index.part_count == 0 || index.first_part + std::uint64_t{index.part_count} > state.part_count)
      return "key of an index";
    if (index.kind == KeyKind::integer && index.part_count != 1) return "key of an index";
    for (const KeyPart& part : layout.parts(index))
      if (layout.column(part.column) == nullptr) return "key of an index";
  }
  return nullptr;
}

const char* block_fault(const Image& image, const ChildSlots&) {
  if (image.bytes < sizeof(Image) + sizeof(BlockState)) return "shape of a block";
  const BlockState& state = block_state(&image);
  if (!has_shape(image, block_children_at(state.column_count), state.column_count)) return "shape of a block";
  if (state.used > block_rows) return "rows of a block";
  std::uint32_t live = 0;
  for (std::uint32_t word = 0; word < type::batch_words; ++word) {
    const std::uint32_t from = word * 64;
    const std::uint64_t unused = state.used >= from + 64 ? 0 : state.used <= from ? ~std::uint64_t{0} : ~std::uint64_t{0} << (state.used - from);
    if ((state.live[word] & unused) != 0) return "live rows of a block";
    live += static_cast<std::uint32_t>(std::popcount(state.live[word]));
  }
  if (live != state.live_count) return "live rows of a block";
  for (const ColumnEntry& entry : state.entries())
    if (!holds_values(entry.physical)) return "type of a column in a block";
  return nullptr;
}

const char* chunk_fault(const Image& image, Expected expected, const ChildSlots& children) {
  if (image.bytes < sizeof(Image) + sizeof(ChunkState)) return "shape of a chunk";
  const ChunkState& state = chunk_state(&image);
  const bool is_string = state.physical == Physical::string;
  if (!holds_values(state.physical) || state.capacity == 0 || state.capacity > block_rows || chunk_capacity_for(state.capacity) != state.capacity)
    return "type or capacity of a chunk";
  if (image.children > 2 * block_rows || !has_shape(image, chunk_children_at(state.capacity, state.physical), image.children)) return "shape of a chunk";
  if (image.claimed.load(std::memory_order_relaxed) > state.capacity) return "rows of a chunk";
  if (state.heap_count > image.children || !children.are_first(state.heap_count) || (!is_string && image.children != 0)) return "heaps of a chunk";
  if (expected.kind != Kind::none && (static_cast<std::uint8_t>(state.physical) != expected.level || expected.detail * 16u > state.capacity))
    return "chunk that its block does not mean";
  // Without heaps, strings are read where they lie.
  if (is_string && image.children == 0)
    for (std::uint32_t row = 0; row < state.capacity; ++row)
      if (!reinterpret_cast<const StringRef*>(chunk_values(&image))[row].is_inline()) return "long string in a chunk without heaps";
  if (state.physical == Physical::boolean)
    for (std::uint32_t row = 0; row < state.capacity; ++row)
      if (chunk_values(&image)[row] > std::byte{1}) return "boolean in a chunk";
  return nullptr;
}

const char* heap_fault(const Image& image) {
  if (image.children != 0 || image.claimed.load(std::memory_order_relaxed) > image.bytes - sizeof(Image)) return "shape of a heap";
  return nullptr;
}

const char* large_fault(const Image& image, const ChildSlots& children) {
  if (image.children > directory_pieces_max || !has_shape(image, sizeof(Image) + 8, image.children) || !children.are_first(image.children))
    return "shape of a split value";
  return nullptr;
}

Expected tree_of(Kind values, unsigned height) {
  if (height == 0) return {values, 0, 0};
  return {Kind::radix, static_cast<std::uint8_t>(height), static_cast<std::uint8_t>(values)};
}
Expected child_of_radix(Expected expected) { return tree_of(static_cast<Kind>(expected.detail), expected.level - 1u); }

Expected child_of_block(const Image& image, std::size_t slot) {
  const BlockState& state = block_state(&image);
  return {Kind::chunk, static_cast<std::uint8_t>(state.entries()[slot].physical), static_cast<std::uint8_t>((state.used + 15) / 16)};
}

}  // namespace spg::table
