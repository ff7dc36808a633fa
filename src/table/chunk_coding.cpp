#include <algorithm>
#include <array>
#include <bit>

#include "spg/codec/array_coding.hpp"
#include "spg/table/chunk.hpp"
#include "spg/table/image_coding.hpp"
#include "string_coding.hpp"

namespace spg::table {
namespace {

using store::Image;

// A chunk: physical u8, varints capacity, used heap slots, dead heap bytes; validity u8 (and, if some values are NULL, an array of
// the (rows + 7) / 8 bytes of the bitmap); then, if some are not: strings that are not NULL (string_coding.cpp), or an array of all
// rows' values, in which NULL slots repeat a neighbour.
enum class Validity : std::uint8_t { all, none, some };

constexpr std::size_t value_bytes_max = 16;

struct Bitmap {
  std::array<std::uint64_t, type::batch_words> words{};
  std::uint32_t valid = 0;

  /// Of the first `rows` of a chunk.
  Bitmap(const Image& image, std::uint32_t rows) {
    std::memcpy(words.data(), chunk_validity(&image), (rows + 63) / 64 * 8);
    if (rows % 64 != 0) words[rows / 64] &= (std::uint64_t{1} << rows % 64) - 1;
    for (std::uint64_t word : words) valid += static_cast<std::uint32_t>(std::popcount(word));
  }
  bool has(std::uint32_t row) const { return (words[row / 64] >> (row % 64) & 1) != 0; }
};

codec::ArrayContent content_of(Physical physical) {
  return physical == Physical::float4 || physical == Physical::float8 ? codec::ArrayContent::reals : codec::ArrayContent::integers;
}
codec::ArrayShape bitmap_shape(std::uint32_t rows) { return {(rows + 7) / 8, 1, codec::ArrayContent::integers}; }

bool encode_validity(const Bitmap& bitmap, std::uint32_t rows, RecordBuffer& to) {
  const Validity kind = bitmap.valid == rows ? Validity::all : bitmap.valid == 0 ? Validity::none : Validity::some;
  return to.add_le(static_cast<std::uint8_t>(kind)) && (kind != Validity::some || codec::encode_array(bitmap.words.data(), bitmap_shape(rows), to));
}

/// Each NULL slot takes the value before it, and those at the beginning the first one.
void fill_nulls(std::byte* values, std::size_t width, std::uint32_t rows, const Bitmap& bitmap) {
  std::uint32_t row = 0;
  while (!bitmap.has(row)) ++row;
  for (std::uint32_t before = 0; before < row; ++before) std::memcpy(values + before * width, values + row * width, width);
  for (++row; row < rows; ++row)
    if (!bitmap.has(row)) std::memcpy(values + row * width, values + (row - 1) * width, width);
}

bool encode_values(const Image& image, std::uint32_t rows, const Bitmap& bitmap, RecordBuffer& to) {
  const Physical physical = chunk_state(&image).physical;
  const std::size_t width = type::physical_bytes(physical);
  alignas(16) std::array<std::byte, block_rows * value_bytes_max> values;
  std::memcpy(values.data(), chunk_values(&image), rows * width);
  if (bitmap.valid != rows) fill_nulls(values.data(), width, rows, bitmap);
  return codec::encode_array(values.data(), {rows, width, content_of(physical)}, to);
}

bool encode_refs(const Image& image, std::uint32_t rows, const Bitmap& bitmap, RecordBuffer& to) {
  std::array<StringRef, block_rows> refs;
  std::size_t count = 0;
  for (std::uint32_t row = 0; row < rows; ++row)
    if (bitmap.has(row)) std::memcpy(static_cast<void*>(&refs[count++]), chunk_values(&image) + row * sizeof(StringRef), sizeof(StringRef));
  return encode_strings({refs.data(), count}, to);
}

bool decode_refs(ByteReader& from, Image& image, std::uint32_t rows, const Bitmap& bitmap) {
  std::array<StringRef, block_rows> refs;
  if (!decode_strings(from, {refs.data(), bitmap.valid})) return false;
  auto* to = reinterpret_cast<StringRef*>(chunk_values(&image));
  std::size_t next = 0;
  for (std::uint32_t row = 0; row < rows; ++row)
    if (bitmap.has(row)) to[row] = refs[next++];
  return true;
}

/// NULL slots become zero.
bool decode_values(ByteReader& from, Image& image, std::uint32_t rows, const Bitmap& bitmap) {
  const Physical physical = chunk_state(&image).physical;
  const std::size_t width = type::physical_bytes(physical);
  std::byte* values = chunk_values(&image);
  if (!codec::decode_array(from, {rows, width, content_of(physical)}, values)) return false;
  if (bitmap.valid == rows) return true;
  for (std::uint32_t row = 0; row < rows; ++row)
    if (!bitmap.has(row)) std::memset(values + row * width, 0, width);
  return true;
}

bool decode_validity(ByteReader& from, Image& image, std::uint32_t rows) {
  std::uint64_t* words = chunk_validity(&image);
  switch (static_cast<Validity>(from.le<std::uint8_t>())) {
    case Validity::none: return from.ok();
    case Validity::some: return codec::decode_array(from, bitmap_shape(rows), words);
    case Validity::all:
      for (std::uint32_t row = 0; row < rows; row += 64) words[row / 64] = rows - row >= 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << (rows - row)) - 1;
      return from.ok();
  }
  return false;
}

}  // namespace

Result<bool> encode_chunk(const Image& image, std::uint32_t rows, RecordBuffer& to) {
  const ChunkState& state = chunk_state(&image);
  const Bitmap bitmap(image, rows);
  bool fits = to.add_le(static_cast<std::uint8_t>(state.physical)) && to.add_varint(state.capacity) && to.add_varint(state.heap_count) &&
              to.add_varint(state.dead_heap_bytes) && encode_validity(bitmap, rows, to);
  if (fits && bitmap.valid != 0) fits = state.physical == Physical::string ? encode_refs(image, rows, bitmap, to) : encode_values(image, rows, bitmap, to);
  if (!fits) return Error::out_of_memory();
  return true;
}

const char* decode_chunk(Bytes bytes, Image& image) {
  ByteReader from(bytes);
  const auto physical = static_cast<Physical>(from.le<std::uint8_t>());
  const std::uint64_t capacity = from.varint(), heaps = from.varint(), dead = from.varint();
  const std::uint32_t rows = image.claimed.load(std::memory_order_relaxed);
  if (!from.ok() || physical == Physical::none || physical > Physical::string || capacity == 0 || capacity > block_rows || heaps > UINT16_MAX || dead > UINT32_MAX ||
      chunk_capacity_for(static_cast<std::uint32_t>(capacity)) != capacity || rows > capacity)
    return "encoded chunk";
  const std::uint32_t children_at = chunk_children_at(static_cast<std::uint32_t>(capacity), physical);
  if (image.children_at != children_at || image.bytes != children_at + image.children * 8u) return "shape of an encoded chunk";
  ChunkState& state = chunk_state(&image);
  state.capacity = static_cast<std::uint16_t>(capacity);
  state.physical = physical;
  state.heap_count = static_cast<std::uint16_t>(heaps);
  state.dead_heap_bytes = static_cast<std::uint32_t>(dead);
  if (!decode_validity(from, image, rows)) return "encoded validity of a chunk";
  const Bitmap bitmap(image, rows);
  std::memcpy(chunk_validity(&image), bitmap.words.data(), chunk_words(state.capacity) * 8);  // nothing behind the rows
  if (bitmap.valid != 0 && !(physical == Physical::string ? decode_refs(from, image, rows, bitmap) : decode_values(from, image, rows, bitmap)))
    return "encoded values of a chunk";
  return from.at_end() ? nullptr : "length of an encoded chunk";
}

}  // namespace spg::table
