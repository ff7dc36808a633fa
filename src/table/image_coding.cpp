#include "spg/table/image_coding.hpp"

#include <algorithm>
#include <array>

#include "spg/codec/alphabet.hpp"
#include "spg/codec/array_coding.hpp"
#include "spg/codec/lz4.hpp"
#include "spg/codec/varint.hpp"
#include "spg/table/block.hpp"

namespace spg::table {
namespace {

using store::Image;

// --- heaps: sizes of the frames (u16; 0 = as it is; top bit: codec/alphabet.hpp, else LZ4), then the frames. Only the last one
// holds less than heap_frame_bytes.

constexpr std::uint16_t alphabet_bit = 0x8000;
static_assert(heap_frame_bytes <= codec::alphabet_input_bytes_max && heap_frame_bytes < alphabet_bit);

constexpr std::uint32_t frames_of(std::uint32_t used) { return (used + heap_frame_bytes - 1) / heap_frame_bytes; }
constexpr std::uint32_t frame_bytes(std::uint32_t frame, std::uint32_t used) { return std::min(heap_frame_bytes, used - frame * heap_frame_bytes); }

/// Compression that saves less costs more when it is read than it saves.
constexpr std::uint32_t worthwhile(std::uint32_t bytes) { return bytes - bytes / 8; }

/// Writes a frame to `to`, which has room for it as it is; returns how it is to be found.
std::uint16_t encode_frame(Bytes frame, std::byte* to, std::uint32_t& end) {
  const auto bytes = static_cast<std::uint32_t>(frame.size());
  std::array<std::byte, heap_frame_bytes> packed;
  const std::size_t by_lz4 = codec::lz4_compress(frame, {to + end, worthwhile(bytes)});
  const std::size_t room = by_lz4 == 0 ? worthwhile(bytes) : by_lz4 - 1;
  if (const std::size_t size = codec::alphabet_pack(frame, {packed.data(), room}); size != 0) {
    std::memcpy(to + end, packed.data(), size);
    end += static_cast<std::uint32_t>(size);
    return static_cast<std::uint16_t>(size | alphabet_bit);
  }
  if (by_lz4 == 0) std::memcpy(to + end, frame.data(), bytes);
  end += by_lz4 == 0 ? bytes : static_cast<std::uint32_t>(by_lz4);
  return static_cast<std::uint16_t>(by_lz4);
}

bool decode_frame(std::uint16_t found, ByteReader& from, MutableBytes to) {
  const std::size_t size = found & ~alphabet_bit;
  const Bytes part = from.bytes(found == 0 ? to.size() : size);
  if (!from.ok()) return false;
  if (found == 0) std::memcpy(to.data(), part.data(), part.size());
  else return (found & alphabet_bit) != 0 ? codec::alphabet_unpack(part, to) : codec::lz4_decompress(part, to);
  return true;
}

// --- blocks: varints number, used, live, flags; live bits u8 (0: all that are used; 1: an array of their bytes follows); of each
// column varint number, physical u8 (top bit: bounded), varint NULLs, last validity word u8 (0: none; 1: all rows; 2: 8 bytes
// follow), and if it is bounded the low one (zig-zag, of a signed number) and varint the distance to the high one.

enum class LiveBits : std::uint8_t { used, some };
enum class LastWord : std::uint8_t { zero, all, some };
constexpr std::uint8_t bounded_bit = 0x80;
constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

std::uint64_t all_of_last_word(std::uint32_t used) { return (std::uint64_t{1} << used % 64) - 1; }

void fill_used(std::uint32_t used, std::uint64_t (&live)[type::batch_words]) {
  for (std::uint32_t word = 0; word < type::batch_words; ++word) {
    const std::uint32_t from = word * 64;
    live[word] = used >= from + 64 ? ~std::uint64_t{0} : used <= from ? 0 : all_of_last_word(used);
  }
}
constexpr codec::ArrayShape live_shape{sizeof(BlockState::live), 1, codec::ArrayContent::integers};

bool encode_entry(const ColumnEntry& entry, std::uint32_t used, RecordBuffer& to) {
  const bool bounded = entry.bounded != 0;
  const auto physical = static_cast<std::uint8_t>(entry.physical);
  const LastWord last = entry.last_validity == 0 ? LastWord::zero : entry.last_validity == all_of_last_word(used) ? LastWord::all : LastWord::some;
  return to.add_varint(entry.number) && to.add_le(static_cast<std::uint8_t>(physical | (bounded ? bounded_bit : 0))) && to.add_varint(entry.null_count) &&
         to.add_le(static_cast<std::uint8_t>(last)) && (last != LastWord::some || to.add_le(entry.last_validity)) &&
         (!bounded || (to.add_varint(codec::zigzag(static_cast<std::int64_t>(entry.low ^ sign_bit))) && to.add_varint(entry.high - entry.low)));
}

bool decode_entry(ByteReader& from, std::uint32_t used, ColumnEntry& entry) {
  const std::uint64_t number = from.varint();
  const auto physical = from.le<std::uint8_t>();
  const std::uint64_t nulls = from.varint();
  if (number > UINT16_MAX || nulls > UINT32_MAX) return false;
  entry.number = static_cast<std::uint16_t>(number);
  entry.physical = static_cast<Physical>(physical & ~bounded_bit);
  entry.bounded = (physical & bounded_bit) != 0;
  entry.null_count = static_cast<std::uint32_t>(nulls);
  switch (static_cast<LastWord>(from.le<std::uint8_t>())) {
    case LastWord::zero: break;
    case LastWord::all: entry.last_validity = all_of_last_word(used); break;
    case LastWord::some: entry.last_validity = from.le<std::uint64_t>(); break;
    default: return false;
  }
  if (entry.bounded != 0) {
    entry.low = static_cast<std::uint64_t>(from.signed_varint()) ^ sign_bit;
    entry.high = entry.low + from.varint();
  }
  return from.ok();
}

}  // namespace

Result<bool> encode_heap(const Image& image, std::uint32_t used, RecordBuffer& to) {
  const Bytes text{image.payload<std::byte>(), used};
  const std::uint32_t frames = frames_of(used);
  const std::size_t start = to.size();
  std::byte* at = to.extend(frames * 2 + used);
  if (at == nullptr) return Error::out_of_memory();
  std::uint32_t end = frames * 2;
  for (std::uint32_t frame = 0; frame < frames; ++frame)
    store_le(at + frame * 2, encode_frame(text.subspan(frame * heap_frame_bytes, frame_bytes(frame, used)), at, end));
  to.resize(start + end);
  return true;
}

const char* decode_heap(Bytes bytes, Image& image) {
  const std::uint32_t used = image.claimed.load(std::memory_order_relaxed);
  if (image.children != 0 || image.children_at != image.bytes || used > image.bytes - sizeof(Image)) return "shape of an encoded heap";
  ByteReader from(bytes);
  const std::uint32_t frames = frames_of(used);
  const Bytes sizes = from.bytes(frames * 2);
  if (!from.ok()) return "frames of an encoded heap";
  for (std::uint32_t frame = 0; frame < frames; ++frame) {
    const MutableBytes to{image.payload<std::byte>() + frame * heap_frame_bytes, frame_bytes(frame, used)};
    if (!decode_frame(load_le<std::uint16_t>(sizes.data() + frame * 2), from, to)) return "frame of an encoded heap";
  }
  return from.at_end() ? nullptr : "length of an encoded heap";
}

Result<bool> encode_block(const Image& image, RecordBuffer& to) {
  const BlockState& state = block_state(&image);
  std::uint64_t used[type::batch_words];
  fill_used(state.used, used);
  const bool all_live = std::equal(std::begin(used), std::end(used), std::begin(state.live));
  bool fits = to.add_varint(state.number) && to.add_varint(state.used) && to.add_varint(state.live_count) && to.add_varint(state.flags) &&
              to.add_le(static_cast<std::uint8_t>(all_live ? LiveBits::used : LiveBits::some)) && (all_live || codec::encode_array(state.live, live_shape, to));
  for (const ColumnEntry& entry : state.entries()) fits = fits && encode_entry(entry, state.used, to);
  if (!fits) return Error::out_of_memory();
  return true;
}

const char* decode_block(Bytes bytes, Image& image) {
  const std::uint32_t children_at = block_children_at(image.children);
  if (image.children_at != children_at || image.bytes != children_at + image.children * 8u) return "shape of an encoded block";
  ByteReader from(bytes);
  BlockState& state = block_state(&image);
  state.number = from.varint();
  const std::uint64_t used = from.varint(), live = from.varint(), flags = from.varint();
  if (used > block_rows || live > block_rows || flags > UINT16_MAX) return "rows of an encoded block";
  state.used = static_cast<std::uint16_t>(used);
  state.live_count = static_cast<std::uint16_t>(live);
  state.flags = static_cast<std::uint16_t>(flags);
  state.column_count = image.children;
  switch (static_cast<LiveBits>(from.le<std::uint8_t>())) {
    case LiveBits::used: fill_used(state.used, state.live); break;
    case LiveBits::some:
      if (codec::decode_array(from, live_shape, state.live)) break;
      [[fallthrough]];
    default: return "live rows of an encoded block";
  }
  for (ColumnEntry& entry : state.entries())
    if (!decode_entry(from, state.used, entry)) return "column of an encoded block";
  return from.at_end() ? nullptr : "length of an encoded block";
}

Result<bool> encode_payload(const Image& image, RecordBuffer& to) {
  if (!codec::put_lz4({image.payload<std::byte>(), image.children_at - sizeof(Image)}, to)) return Error::out_of_memory();
  return true;
}

const char* decode_payload(Bytes bytes, Image& image) {
  if (image.bytes != image.children_at + image.children * 8u) return "shape of an encoded image";
  ByteReader from(bytes);
  if (!codec::get_lz4(from, {image.payload<std::byte>(), image.children_at - sizeof(Image)})) return "compressed image";
  return from.at_end() ? nullptr : "length of a compressed image";
}

}  // namespace spg::table
