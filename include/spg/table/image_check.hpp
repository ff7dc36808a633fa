// What images of tables must look like before anything reads them (store::ImageRules; txn/image_rules.hpp puts the rooms'
// rules together). Each function gives the fault of an image, or null. The kind has been checked.
#pragma once
#include "spg/store/segment.hpp"
#include "spg/table/table.hpp"

namespace spg::table {

/// Radix trees over 64-bit keys are not higher.
inline constexpr unsigned radix_height_max = 11;
/// Directories of split values nest at most this deep: 4096 * 4096 pieces are more than a value can hold.
inline constexpr std::uint8_t large_levels_max = 2;

const char* radix_fault(const store::Image& image);
const char* table_fault(const store::Image& image, const store::ChildSlots& children);
const char* layout_fault(const store::Image& image);
const char* block_fault(const store::Image& image, const store::ChildSlots& children);
const char* chunk_fault(const store::Image& image, store::Expected expected, const store::ChildSlots& children);
const char* heap_fault(const store::Image& image);
const char* large_fault(const store::Image& image, const store::ChildSlots& children);

store::Expected tree_of(store::Kind values, unsigned height);
store::Expected child_of_radix(store::Expected expected);
store::Expected child_of_block(const store::Image& image, std::size_t slot);

}  // namespace spg::table
