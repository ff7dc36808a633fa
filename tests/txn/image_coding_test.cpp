// Encoded images: what readers can see comes back, the same image gives the same bytes, and no bytes can harm.
#include <catch2/catch.hpp>

#include <cstring>
#include <map>
#include <random>
#include <vector>

#include "spg/txn/image_rules.hpp"
#include "support/stored_objects.hpp"

using namespace spg;
using store::Image;
using store::Kind;

namespace {

/// An image with the header of another, and no more.
struct Empty {
  explicit Empty(const Image& from) : memory(from.bytes / 8 + 2) {
    image->bytes = from.bytes;
    image->children = from.children;
    image->kind = from.kind;
    image->children_at = from.children_at;
    image->claimed.store(from.claimed.load());
    image->table = from.table;
    image->part = from.part;
    image->place = from.place;
  }
  std::vector<std::uint64_t> memory;  // of whole words, with one more on either side that stays zero
  Image* image = reinterpret_cast<Image*>(memory.data());
  bool kept_to_itself() const {
    const std::size_t words = (image->bytes + 7) / 8;
    return memory[words] == 0;
  }
};

std::vector<std::byte> encoded(const Image& image, std::uint8_t& encoding) {
  RecordBuffer to;
  REQUIRE(to.add_le(std::uint8_t{77}));  // what is there is kept
  auto done = txn::image_rules().encode(image, image.claimed.load(), to);
  REQUIRE(done);
  encoding = *done;
  REQUIRE(to.data()[0] == std::byte{77});
  return {to.data() + 1, to.data() + to.size()};
}

store::ChildSlots children_of(const Image& image) {
  store::ChildSlots slots;
  for (std::uint16_t i = 0; i < image.children; ++i)
    if (image.child_array()[i] != nullptr) slots.set(i);
  return slots;
}

std::vector<std::byte> bytes_between(const Image& image, std::uint32_t from, std::uint32_t to) {
  const auto* at = reinterpret_cast<const std::byte*>(&image);
  return {at + from, at + to};
}

struct Entry {
  std::string key;
  std::uint64_t rowid;
  friend bool operator==(const Entry&, const Entry&) = default;
};
std::vector<Entry> entries_of(const Image& node) {
  std::vector<Entry> entries;
  for (std::uint32_t i = 0; i < index::BytesNodes::count(&node); ++i) {
    const auto entry = index::BytesNodes::entry(&node, i);
    entries.push_back({std::string(entry.bytes, entry.size), entry.rowid});
  }
  return entries;
}

void check_same(const Image& a, const Image& b) {
  if (a.kind == Kind::bytes_leaf || a.kind == Kind::bytes_inner) {
    CHECK(entries_of(a) == entries_of(b));
    CHECK(index::BytesNodes::prefix(&a) == index::BytesNodes::prefix(&b));
    return;
  }
  if (a.kind == Kind::int_leaf || a.kind == Kind::int_inner) {  // behind its entries lie those that went to others
    const auto end = index::IntNodes::entries_at + index::IntNodes::count(&a) * static_cast<std::uint32_t>(sizeof(index::IntKey));
    CHECK(bytes_between(a, sizeof(Image), end) == bytes_between(b, sizeof(Image), end));
    return;
  }
  CHECK(bytes_between(a, sizeof(Image), a.children_at) == bytes_between(b, sizeof(Image), b.children_at));
}

void check_image(const Image& image, std::mt19937_64& random, std::map<Kind, int>& seen) {
  std::uint8_t encoding;
  const std::vector<std::byte> bytes = encoded(image, encoding);
  if (encoding == 0) {
    CHECK(bytes.empty());
    return;
  }
  ++seen[image.kind];
  CAPTURE(static_cast<int>(image.kind), image.part, image.place);
  Empty back(image);
  const char* fault = txn::image_rules().decode(encoding, bytes, *back.image);
  REQUIRE(std::string(fault == nullptr ? "" : fault) == "");
  check_same(image, *back.image);
  fault = txn::image_rules().fault(*back.image, {}, children_of(image));
  CHECK(std::string(fault == nullptr ? "" : fault) == "");
  std::uint8_t again;
  CHECK(encoded(*back.image, again) == bytes);
  CHECK(again == encoding);
  for (std::size_t size = 0; size < bytes.size(); size += 1 + random() % (1 + bytes.size() / 10)) {
    Empty cut(image);
    const std::vector<std::byte> part(bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(size));
    CHECK(txn::image_rules().decode(encoding, part, *cut.image) != nullptr);
  }
  for (int round = 0; round < 20; ++round) {
    std::vector<std::byte> changed = bytes;
    for (std::uint64_t n = 1 + random() % 3; n != 0; --n) changed[random() % (random() % 2 == 0 ? std::min<std::size_t>(changed.size(), 24) : changed.size())] = static_cast<std::byte>(random());
    Empty harmed(image);
    // A wrong image is what checksums are for. What is looked at here: it lies in its own bytes, and what is told of it is sound.
    if (txn::image_rules().decode(encoding, changed, *harmed.image) == nullptr) (void)txn::image_rules().fault(*harmed.image, {}, children_of(image));
    CHECK(harmed.kept_to_itself());
  }
  Empty other(image);
  CHECK(txn::image_rules().decode(200, bytes, *other.image) != nullptr);
}

}  // namespace

TEST_CASE("images of every kind come back from their encodings") {
  std::mt19937_64 random(20261127);
  std::map<Kind, int> seen;
  for (const std::uint32_t rows : {0u, 1u, 2u, 15u, 63u, 64u, 65u, 200u, 1023u, 1024u, 1100u, 2500u}) {
    CAPTURE(rows);
    test::StoredObjects objects(rows + 1, rows);
    objects.each([&](store::Cell*, const Image* image) { check_image(*image, random, seen); });
  }
  for (const Kind kind : {Kind::table, Kind::layout, Kind::block, Kind::chunk, Kind::heap, Kind::int_leaf, Kind::int_inner, Kind::bytes_leaf, Kind::bytes_inner})
    CHECK(seen[kind] > 0);
}

TEST_CASE("values in NULL slots and behind the rows of a chunk are not kept") {
  test::StoredObjects objects(5, 100);
  std::mt19937_64 random(1);
  objects.each([&](store::Cell*, const Image* image) {
    if (image->kind != Kind::chunk) return;
    const table::ChunkState& state = table::chunk_state(image);
    std::uint8_t encoding;
    const std::vector<std::byte> bytes = encoded(*image, encoding);
    std::vector<std::uint64_t> memory(image->bytes / 8);
    std::memcpy(memory.data(), static_cast<const void*>(image), image->bytes);
    auto* dirty = reinterpret_cast<Image*>(memory.data());
    const std::size_t width = type::physical_bytes(state.physical);
    for (std::uint32_t row = 0; row < state.capacity; ++row) {
      const bool is_value = row < 100 && (table::chunk_validity(image)[row / 64] >> row % 64 & 1) != 0;
      if (!is_value) std::memset(table::chunk_values(dirty) + row * width, static_cast<int>(random() % 256), width);
      if (row >= 100) table::chunk_validity(dirty)[row / 64] |= std::uint64_t{1} << row % 64;
    }
    CHECK(encoded(*dirty, encoding) == bytes);
  });
}
