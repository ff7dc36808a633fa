// Segment files that are kept: what was written once is read for ever, and what is written does not change unnoticed. When the
// format gets a new version, the file of the old one stays; SPG_WRITE_GOLDEN=1 writes that of the present one.
#include <catch2/catch.hpp>

#include <algorithm>
#include <cstdlib>
#include <fstream>
#include <iterator>
#include <random>

#include "spg/store/manifest.inl.hpp"
#include "spg/store/segment.inl.hpp"
#include "spg/txn/image_rules.hpp"
#include "support/stored_objects.hpp"

using namespace spg;
using store::Image;
using store::Kind;

namespace {

using Segments = store::Segments<test::Objects, os::SimStorage, os::NoSync>;
constexpr std::uint64_t seed = 7;
constexpr std::uint32_t rows_v1 = 16, rows_v2 = 200, rows_v3 = 70;

std::string path_of(const char* name) { return std::string(SPG_TEST_VECTORS) + "/store/" + name; }
std::vector<std::byte> kept(const char* name) {
  std::ifstream file(path_of(name), std::ios::binary);
  REQUIRE(file);
  const std::string text{std::istreambuf_iterator<char>(file), {}};
  const Bytes bytes = as_bytes(text);
  return {bytes.begin(), bytes.end()};
}

std::vector<std::byte> written(test::StoredObjects& objects) {
  os::SimStorage storage;
  Segments segments(objects.objects, storage, "d", txn::image_rules());
  REQUIRE_FALSE(segments.write_tree(objects.table));
  REQUIRE_FALSE(segments.finish());
  RecordBuffer bytes;
  REQUIRE_FALSE(store::read_whole_file(storage, "d/segment-00000001", bytes));
  return {bytes.data(), bytes.data() + bytes.size()};
}

/// What readers can see of an image, as text.
std::string seen_of(const Image& image) {
  std::string text;
  const auto add = [&](const auto& value) { text.append(reinterpret_cast<const char*>(&value), sizeof value); };
  add(image.kind);
  add(image.children);
  add(image.claimed.load());
  add(image.table);
  add(image.part);
  add(image.place);
  if (image.kind == Kind::bytes_leaf || image.kind == Kind::bytes_inner) {
    for (std::uint32_t i = 0; i < index::BytesNodes::count(&image); ++i) {
      const auto entry = index::BytesNodes::entry(&image, i);
      text.append(entry.bytes, entry.size);
      add(entry.rowid);
    }
    return text;
  }
  std::uint32_t end = image.children_at;
  if (image.kind == Kind::int_leaf || image.kind == Kind::int_inner)
    end = index::IntNodes::entries_at + index::IntNodes::count(&image) * static_cast<std::uint32_t>(sizeof(index::IntKey));
  return text.append(reinterpret_cast<const char*>(&image) + sizeof(Image), end - sizeof(Image));
}

/// The objects of a table, parents first, read from a segment file; of a file that is refused, the error's code and text.
std::vector<std::string> read_all(const std::vector<std::byte>& file) {
  os::SimStorage storage;
  REQUIRE_FALSE(store::write_whole_file(storage, "d/segment-00000001", file));
  test::ObjectsFixture fixture;
  Segments segments(fixture.objects, storage, "d", txn::image_rules());
  fixture.objects.set_source(&segments);
  std::uint64_t root_at = 0;  // the last record
  for (std::uint64_t at = store::segment_header_bytes; at < file.size(); at += (load_le<std::uint32_t>(file.data() + at + 4) + 7) / 8 * 8) root_at = at;
  const Generation birth{load_le<std::uint64_t>(file.data() + root_at + 40)};
  auto root = fixture.objects.claim({1, load_le<std::uint32_t>(file.data() + root_at + 4), root_at}, birth, {Kind::table, 0, 0}, ~store::SegmentSet{0});
  REQUIRE(root);
  std::vector<std::string> seen;
  const auto visit = [&](auto self, store::Cell* cell) -> void {
    auto image = fixture.objects.read(cell, store::Access::wait);
    if (!image) {
      seen.push_back(std::string(sqlstate_text(image.error().code()).data(), 5) + " " + std::string(image.error().message()));
      return;
    }
    seen.push_back(seen_of(**image));
    for (std::uint16_t i = 0; i < (*image)->children; ++i)
      if (store::Cell* child = (*image)->child_array()[i]) self(self, child);
  };
  visit(visit, *root);
  fixture.objects.free_tree(*root, store::Access::no_wait);
  return seen;
}

std::vector<std::string> made(std::uint32_t rows) {
  test::StoredObjects objects(seed, rows);
  std::vector<std::string> seen;
  objects.each([&](store::Cell*, const Image* image) { seen.push_back(seen_of(*image)); });
  return seen;
}

}  // namespace

TEST_CASE("segments of version 1 are read") {
  const std::vector<std::byte> file = kept("segment-v1");
  REQUIRE(file.at(7) == std::byte{1});
  CHECK(read_all(file) == made(rows_v1));
}

TEST_CASE("segments of version 2 are read") {
  const std::vector<std::byte> file = kept("segment-v2");
  REQUIRE(file.at(7) == std::byte{2});
  CHECK(read_all(file) == made(rows_v2));
}

TEST_CASE("segments of version 3 are written as ever, and read") {
  test::StoredObjects objects(seed, rows_v3);
  const std::vector<std::byte> file = written(objects);
  if (std::getenv("SPG_WRITE_GOLDEN") != nullptr)
    std::ofstream(path_of("segment-v3"), std::ios::binary).write(reinterpret_cast<const char*>(file.data()), static_cast<std::streamsize>(file.size()));
  const std::vector<std::byte> golden = kept("segment-v3");
  REQUIRE(golden.at(7) == std::byte{3});
  CHECK(file == golden);
  CHECK(read_all(golden) == made(rows_v3));
}

TEST_CASE("a segment of a newer version is refused, and one of version 1 knows no encodings") {
  std::vector<std::byte> file = kept("segment-v2");
  const auto set_version = [&](std::uint8_t version) {
    file[7] = std::byte{version};
    store_le(file.data() + 12, crypto::crc32c(0, {file.data(), 12}));
    return read_all(file).at(0);
  };
  CHECK(set_version(4) == "0A000 segment 1 has format 4, this program reads up to 3");
  CHECK(set_version(0) == "XX001 segment 1 has a damaged header");
  CHECK_THAT(set_version(1), Catch::Contains("is damaged: encoding"));
}

TEST_CASE("any byte of a segment that changes is told, and with a right checksum there are errors or other values, nothing worse") {
  test::StoredObjects objects(seed, 3);
  const std::vector<std::byte> file = written(objects);
  REQUIRE(read_all(file) == made(3));
  std::mt19937_64 random(11);
  int told = 0, silent = 0;
  for (std::uint64_t at = store::segment_header_bytes, length; at < file.size(); at += (length + 7) / 8 * 8) {
    length = load_le<std::uint32_t>(file.data() + at + 4);
    for (std::uint64_t place = at; place < at + length; ++place) {
      if (place >= at + 4 && place < at + 8) continue;  // the walk over the file would go astray, not the reader
      std::vector<std::byte> changed = file;
      changed[place] ^= static_cast<std::byte>(1 + random() % 255);
      CAPTURE(at, place);
      const auto is_damage = [](const std::string& one) { return one.substr(0, 5) == "XX001"; };
      const auto seen = read_all(changed);
      REQUIRE(std::any_of(seen.begin(), seen.end(), is_damage));
      if (place < at + 8) continue;
      store_le(changed.data() + at, crypto::crc32c(store::place_seed(1, at), {changed.data() + at + 4, length - 4}));
      const auto taken = read_all(changed);
      ++(std::any_of(taken.begin(), taken.end(), is_damage) ? told : silent);
    }
  }
  CHECK(told > silent / 4);  // the shapes of images are looked at, their values cannot be
}
