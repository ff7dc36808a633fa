// Encodings of images without the record around them: any bytes are decoded into an image of any shape, or refused. What is
// decoded and sound is encoded again, and comes back as it was; and single values of arrays are those of the whole.
//
// Input: kind u8, encoding u8, children u16, image bytes u32, children_at u32, claimed u32, then the encoded bytes. Kind 0: an
// array; its width is 2 to the power of the encoding, its count the children, reals if claimed is odd.
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <vector>

#include "spg/codec/array_coding.hpp"
#include "spg/index/btree/nodes.hpp"
#include "spg/table/block.hpp"
#include "spg/txn/image_rules.hpp"

using namespace spg;
using store::Image;
using store::Kind;

namespace {

constexpr std::size_t head_bytes = 16;

void array(const std::byte* head, Bytes bytes) {
  const codec::ArrayShape shape{load_le<std::uint16_t>(head + 2), std::size_t{1} << (static_cast<unsigned>(head[1]) % 6),
                                (load_le<std::uint32_t>(head + 12) & 1) != 0 ? codec::ArrayContent::reals : codec::ArrayContent::integers};
  if (shape.count == 0 || shape.count > 2000) return;
  std::vector<__int128> values((shape.count * shape.width + 15) / 16), back(values.size());
  ByteReader reader(bytes);
  if (!codec::decode_array(reader, shape, values.data())) return;
  for (std::size_t i = 0; i < shape.count; i += 1 + i / 4) {
    std::byte one[16];
    codec::array_value(bytes.first(reader.at()), shape, i, one);
    if (std::memcmp(one, reinterpret_cast<const std::byte*>(values.data()) + i * shape.width, shape.width) != 0) std::abort();
  }
  RecordBuffer again;
  if (!codec::encode_array(values.data(), shape, again)) std::abort();
  ByteReader second(again.bytes());
  if (!codec::decode_array(second, shape, back.data()) || !second.at_end()) std::abort();
  if (std::memcmp(values.data(), back.data(), shape.count * shape.width) != 0) std::abort();
}

struct Memory {
  explicit Memory(const Image& header) : words(header.bytes / 16 + 1) { std::memcpy(static_cast<void*>(image), &header, sizeof header); }
  std::vector<__int128> words;
  Image* image = reinterpret_cast<Image*>(words.data());
};

store::ChildSlots first_children(const Image& image) {
  std::size_t count = image.children;
  if (image.kind == Kind::chunk) count = table::chunk_state(&image).heap_count;
  if (image.kind == Kind::int_inner) count = index::IntNodes::count(&image) + 1;
  if (image.kind == Kind::bytes_inner) count = index::BytesNodes::count(&image) + 1;
  store::ChildSlots slots;
  for (std::size_t i = 0; i < count && i < image.children; ++i) slots.set(i);
  return slots;
}

void image(const std::byte* head, Bytes bytes) {
  Image header{};
  header.kind = static_cast<Kind>(head[0]);
  header.children = load_le<std::uint16_t>(head + 2);
  header.bytes = load_le<std::uint32_t>(head + 4);
  header.children_at = load_le<std::uint32_t>(head + 8);
  header.claimed.store(load_le<std::uint32_t>(head + 12));
  // What the store has looked at before.
  if (header.bytes < sizeof(Image) || header.bytes > store::object_bytes_max || header.children_at % 8 != 0 || header.children_at < sizeof(Image) ||
      header.children_at + std::uint64_t{header.children} * 8 > header.bytes)
    return;
  const store::ImageRules& rules = txn::image_rules();
  Memory decoded(header);
  const auto encoding = static_cast<std::uint8_t>(head[1]);
  if (rules.decode(encoding, bytes, *decoded.image) != nullptr) return;
  if (rules.fault(*decoded.image, {}, first_children(*decoded.image)) != nullptr) return;
  RecordBuffer again, third;
  auto done = rules.encode(*decoded.image, header.claimed.load(), again);
  if (!done || *done != encoding) std::abort();
  Memory back(header);
  if (rules.decode(encoding, again.bytes(), *back.image) != nullptr) std::abort();
  done = rules.encode(*back.image, header.claimed.load(), third);
  if (!done || third.size() != again.size() || std::memcmp(third.data(), again.data(), third.size()) != 0) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size < head_bytes || size > 1 << 17) return 0;
  const auto* head = reinterpret_cast<const std::byte*>(data);
  const std::vector<std::byte> bytes(head + head_bytes, head + size);  // ends where ASan sees it
  if (head[0] == std::byte{0}) array(head, bytes);
  else image(head, bytes);
  return 0;
}
