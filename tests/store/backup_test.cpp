// The parts of a backup's file: header, contents, and the check of segments on their way.
#include <catch2/catch.hpp>

#include <string>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/backup.hpp"

using namespace spg;
using namespace spg::store;

namespace {

std::string header_of(const BackupHeader& header) {
  std::string bytes(backup_header_bytes, '\0');
  write_backup_header(reinterpret_cast<std::byte*>(bytes.data()), header);
  return bytes;
}

std::string sealed(std::string bytes) {
  store_le(bytes.data() + 60, crypto::crc32c(0, as_bytes(std::string_view(bytes).substr(0, 60))));
  return bytes;
}

Manifest manifest_of(std::initializer_list<SegmentInfo> segments) {
  Manifest manifest;
  manifest.number = 9;
  REQUIRE(manifest.epochs.push_back({1, 0}));
  for (const SegmentInfo& one : segments) REQUIRE(manifest.segments.push_back(one));
  return manifest;
}

std::string contents_of(const Manifest& manifest, std::initializer_list<BackupSegment> segments) {
  RecordBuffer bytes;
  REQUIRE_FALSE(encode_contents(manifest, {segments.begin(), segments.size()}, 42, bytes));
  return std::string(as_text(bytes.bytes()));
}

/// A segment with records of these bytes of payload.
std::string segment_of(std::uint32_t number, std::initializer_list<std::size_t> payloads) {
  std::string bytes(segment_header_bytes, '\0');
  write_segment_header(reinterpret_cast<std::byte*>(bytes.data()), number);
  for (const std::size_t payload : payloads) {
    const std::size_t at = bytes.size(), length = record_header_bytes + payload;
    bytes.append(length, static_cast<char>('a' + payload % 20));
    auto* record = reinterpret_cast<std::byte*>(bytes.data() + at);
    store_le(record + 4, static_cast<std::uint32_t>(length));
    store_le(record, crypto::crc32c(place_seed(number, at), {record + 4, length - 4}));
    bytes.resize(padded(bytes.size()));
  }
  return bytes;
}

Result<SegmentPrint> check(std::uint32_t number, std::string_view bytes, std::size_t step) {
  SegmentCheck checked;
  checked.begin({number, bytes.size(), 0});
  for (std::size_t at = 0; at < bytes.size(); at += step) SPG_TRY(checked.add(as_bytes(bytes.substr(at, step))));
  return checked.finish();
}

}  // namespace

TEST_CASE("a backup's header is read as it was written, and no other is") {
  const std::string bytes = header_of({1000, 80, 0x12345678});
  const auto header = read_backup_header(as_bytes(bytes), 1080);
  REQUIRE(header);
  CHECK((header->contents_at == 1000 && header->contents_bytes == 80 && header->contents_crc == 0x12345678));
  for (std::size_t at = 0; at < bytes.size(); ++at) {
    CAPTURE(at);
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x10);
    CHECK_FALSE(read_backup_header(as_bytes(changed), 1080));
    CHECK_FALSE(read_backup_header(as_bytes(bytes.substr(0, at)), 1080));
  }
  for (const std::uint64_t size : {std::uint64_t{0}, std::uint64_t{64}, std::uint64_t{1079}, std::uint64_t{1081}}) CHECK_FALSE(read_backup_header(as_bytes(bytes), size));
  std::string other = bytes;
  other[7] = 2;
  CHECK(read_backup_header(as_bytes(sealed(other)), 1080).error().code() == sqlstate::feature_not_supported);
  other[7] = 0;
  CHECK(read_backup_header(as_bytes(sealed(other)), 1080).error().code() == sqlstate::data_corrupted);
  other = bytes;
  other[40] = 1;
  CHECK(read_backup_header(as_bytes(sealed(other)), 1080).error().code() == sqlstate::data_corrupted);
  for (const BackupHeader& wrong : {BackupHeader{63, 1017, 0}, BackupHeader{UINT64_MAX, 81, 0}, BackupHeader{1000, UINT64_MAX - 10, 0}})
    CHECK(read_backup_header(as_bytes(header_of(wrong)), 1080).error().code() == sqlstate::data_corrupted);
}

TEST_CASE("contents name each segment's place: they fill the file in their order, or lie beside it") {
  const Manifest manifest = manifest_of({{1, 100, 50}, {3, 200, 200}, {7, 300, 1}});
  BackupSegment one{64, {}}, two{0, {}}, three{164, {}};
  two.print[0] = std::byte{0xab};
  two.print[7] = std::byte{0x01};
  const std::string bytes = contents_of(manifest, {one, two, three});
  const auto backup = decode_contents(as_bytes(bytes), 464);
  REQUIRE(backup);
  CHECK((backup->made_us == 42 && backup->manifest.number == 9 && backup->segments.size() == 3));
  Backup read;
  read.manifest = manifest_of({{1, 100, 50}, {3, 200, 200}, {7, 300, 1}});
  for (const BackupSegment& segment : {one, two, three}) REQUIRE(read.segments.push_back(segment));
  std::snprintf(read.path, sizeof read.path, "some/where/backup-00000001");
  SegmentPlace place;
  REQUIRE(read.find(7, place));
  CHECK((place.offset == 164 && place.name == std::string_view("some/where/backup-00000001")));
  REQUIRE(read.find(3, place));
  CHECK((place.offset == 0 && place.name == std::string_view("some/where/segment-00000003-ab00000000000001")));
  CHECK_FALSE(read.find(2, place));
  // They must fill it.
  CHECK_FALSE(decode_contents(as_bytes(bytes), 465));
  CHECK_FALSE(decode_contents(as_bytes(bytes), 463));
  for (std::size_t at = 0; at < bytes.size(); ++at) CHECK_FALSE(decode_contents(as_bytes(bytes.substr(0, at)), 464));
  CHECK_FALSE(decode_contents(as_bytes(bytes + '\0'), 464));
  for (const std::uint64_t offset : {std::uint64_t{63}, std::uint64_t{65}, std::uint64_t{1} << 60}) {
    CAPTURE(offset);
    CHECK_FALSE(decode_contents(as_bytes(contents_of(manifest, {{offset, {}}, two, three})), 464));
  }
  const Manifest huge = manifest_of({{1, UINT64_MAX - 10, 0}});
  CHECK_FALSE(decode_contents(as_bytes(contents_of(huge, {{64, {}}})), 53));
  CHECK_FALSE(decode_contents(as_bytes(contents_of(huge, {{64, {}}})), 64));
}

TEST_CASE("a segment's print does not depend on how its bytes come, and tells every change") {
  const std::string bytes = segment_of(5, {0, 1, 7, 8, 3000, 60'000, 70'000, 5});
  const auto print = check(5, bytes, bytes.size());
  REQUIRE(print);
  for (const std::size_t step : {std::size_t{1}, std::size_t{7}, std::size_t{64}, std::size_t{4096}, std::size_t{65'536}, std::size_t{100'000}}) {
    const auto again = check(5, bytes, step);
    REQUIRE(again);
    CHECK(*again == *print);
  }
  CHECK_FALSE(check(6, bytes, 4096));
  for (std::size_t at = 0; at < bytes.size(); at += at < 4000 ? 1 : 997) {
    CAPTURE(at);
    std::string changed = bytes;
    changed[at] = static_cast<char>(changed[at] ^ 0x04);
    const auto found = check(5, changed, 4096);
    REQUIRE_FALSE(found);
    CHECK((found.error().code() == sqlstate::data_corrupted || found.error().code() == sqlstate::feature_not_supported));
  }
  for (const std::size_t size : {std::size_t{0}, std::size_t{63}, std::size_t{64 + 4}, std::size_t{64 + 20}, bytes.size() - 8, bytes.size() - 1}) {
    CAPTURE(size);
    CHECK_FALSE(check(5, bytes.substr(0, size), 4096));
  }
  // Sound segments of one number and size are told from each other.
  const std::string other = segment_of(5, {0, 1, 7, 8, 3000, 60'000, 70'000, 4});
  REQUIRE(other.size() == bytes.size());
  CHECK(*check(5, other, 4096) != *print);
}
