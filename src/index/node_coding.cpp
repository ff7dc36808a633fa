#include "spg/index/node_coding.hpp"

#include <array>

#include "spg/codec/array_coding.hpp"
#include "spg/codec/lz4.hpp"
#include "spg/index/btree/nodes.hpp"

namespace spg::index {
namespace {

using store::Kind;

// Integer keys: varint count, arrays (8) of the keys and of the rowids.
// Byte keys: varints count and bytes of the prefix, the prefix; arrays (2) of how many bytes after the prefix each key shares with
// the one before, and of how many follow; an array (8) of the rowids; varint number of the bytes that follow, and these, one key
// behind the other (codec: put_lz4).

constexpr std::size_t entries_max = codec::array_values_max;
static_assert((leaf_bytes_max - IntNodes::entries_at) / sizeof(IntKey) <= entries_max);
static_assert((BytesNodes::node_bytes_max - BytesNodes::slots_at) / (sizeof(BytesNodes::Slot) + 8) <= entries_max);

constexpr codec::ArrayShape shape_of(std::size_t count, std::size_t width) { return {count, width, codec::ArrayContent::integers}; }

bool encode_int_node(const Image& image, RecordBuffer& to) {
  const std::uint32_t count = IntNodes::count(&image);
  const IntKey* entries = IntNodes::keys(&image);
  std::array<std::uint64_t, entries_max> keys, rowids;
  for (std::uint32_t i = 0; i < count; ++i) {
    keys[i] = entries[i].key;
    rowids[i] = entries[i].rowid;
  }
  return to.add_varint(count) && codec::encode_array(keys.data(), shape_of(count, 8), to) && codec::encode_array(rowids.data(), shape_of(count, 8), to);
}

const char* decode_int_node(ByteReader& from, Image& image) {
  const std::uint64_t count = from.varint();
  if (image.children_at < IntNodes::entries_at || count > (image.children_at - IntNodes::entries_at) / sizeof(IntKey) || count > entries_max)
    return "entries of an encoded node";
  std::array<std::uint64_t, entries_max> keys, rowids;
  const codec::ArrayShape shape = shape_of(static_cast<std::size_t>(count), 8);
  if (!codec::decode_array(from, shape, keys.data()) || !codec::decode_array(from, shape, rowids.data())) return "keys of an encoded node";
  IntKey* entries = IntNodes::keys(&image);
  for (std::size_t i = 0; i < count; ++i) entries[i] = {keys[i], rowids[i]};
  image.payload<IntNodes::State>()->count = static_cast<std::uint32_t>(count);
  return nullptr;
}

bool encode_bytes_node(const Image& image, RecordBuffer& to) {
  const std::uint32_t count = BytesNodes::count(&image);
  std::array<std::uint16_t, entries_max> shared, own;
  std::array<std::uint64_t, entries_max> rowids;
  RecordBuffer tails;
  bool fits = true;
  std::string_view before;
  for (std::uint32_t i = 0; i < count; ++i) {
    const std::string_view suffix = BytesNodes::suffix(&image, i);
    const std::size_t common = BytesNodes::common_bytes(before, suffix);
    shared[i] = static_cast<std::uint16_t>(common);
    own[i] = static_cast<std::uint16_t>(suffix.size() - common);
    rowids[i] = BytesNodes::rowid(&image, i);
    fits = fits && tails.add(as_bytes(suffix.substr(common)));
    before = suffix;
  }
  const std::string_view prefix = BytesNodes::prefix(&image);
  return fits && to.add_varint(count) && to.add_varint(prefix.size()) && to.add(as_bytes(prefix)) && codec::encode_array(shared.data(), shape_of(count, 2), to) &&
         codec::encode_array(own.data(), shape_of(count, 2), to) && codec::encode_array(rowids.data(), shape_of(count, 8), to) &&
         to.add_varint(tails.size()) && codec::put_lz4(tails.bytes(), to);
}

/// Puts entry `at` behind the others, if there is room. `key` holds the one before, and then this one.
bool put_entry(Image& image, std::uint32_t at, std::size_t shared, Bytes own, std::uint64_t rowid, std::array<char, BytesNodes::node_bytes_max>& key,
               std::size_t& key_bytes) {
  const std::size_t size = shared + own.size();
  const BytesNodes::State& state = BytesNodes::state(&image);
  if (shared > key_bytes || BytesNodes::slots_at + (at + 1) * sizeof(BytesNodes::Slot) + 8 + size > state.low) return false;
  if (!own.empty()) std::memcpy(key.data() + shared, own.data(), own.size());
  key_bytes = size;
  BytesNodes::put(&image, at, {key.data(), size}, rowid);
  return true;
}

const char* decode_bytes_node(ByteReader& from, Image& image) {
  if (image.bytes > BytesNodes::node_bytes_max || image.children_at < BytesNodes::slots_at) return "shape of an encoded node";
  const std::uint64_t wide_count = from.varint(), prefix_bytes = from.varint();
  if (wide_count > entries_max || prefix_bytes > image.children_at - BytesNodes::slots_at) return "entries of an encoded node";
  const Bytes prefix = from.bytes(static_cast<std::size_t>(prefix_bytes));
  const auto count = static_cast<std::uint32_t>(wide_count);
  std::array<std::uint16_t, entries_max> shared, own;
  std::array<std::uint64_t, entries_max> rowids;
  if (!codec::decode_array(from, shape_of(count, 2), shared.data()) || !codec::decode_array(from, shape_of(count, 2), own.data()) ||
      !codec::decode_array(from, shape_of(count, 8), rowids.data()))
    return "keys of an encoded node";
  std::array<std::byte, BytesNodes::node_bytes_max> tails;
  const std::uint64_t tail_bytes = from.varint();
  if (tail_bytes > tails.size() || !codec::get_lz4(from, {tails.data(), static_cast<std::size_t>(tail_bytes)})) return "keys of an encoded node";
  ByteReader tail({tails.data(), static_cast<std::size_t>(tail_bytes)});
  BytesNodes::reset(&image, image.children_at, as_text(prefix));
  std::array<char, BytesNodes::node_bytes_max> key;
  std::size_t key_bytes = 0;
  for (std::uint32_t i = 0; i < count; ++i) {
    const Bytes bytes = tail.bytes(own[i]);
    if (!tail.ok() || !put_entry(image, i, shared[i], bytes, rowids[i], key, key_bytes)) return "entry of an encoded node";
  }
  return tail.at_end() ? nullptr : "keys of an encoded node";
}

bool has_int_keys(const Image& image) { return image.kind == Kind::int_leaf || image.kind == Kind::int_inner; }

}  // namespace

Result<bool> encode_node(const Image& image, RecordBuffer& to) {
  if (!(has_int_keys(image) ? encode_int_node(image, to) : encode_bytes_node(image, to))) return Error::out_of_memory();
  return true;
}

const char* decode_node(Bytes bytes, Image& image) {
  ByteReader from(bytes);
  if (const char* fault = has_int_keys(image) ? decode_int_node(from, image) : decode_bytes_node(from, image)) return fault;
  return from.at_end() ? nullptr : "length of an encoded node";
}

}  // namespace spg::index
