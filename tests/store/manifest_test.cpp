#include <catch2/catch.hpp>

#include <string>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/manifest.hpp"

using namespace spg;
using namespace spg::store;

namespace {

/// As format 1 was written: number 7, log from 1000 on, one epoch, segment and database.
RecordBuffer& format_1(RecordBuffer& bytes) {
  const char magic[8] = {'S', 'P', 'G', 'M', 'A', 'N', 0, 1};
  REQUIRE(bytes.add(std::as_bytes(std::span(magic))));
  REQUIRE(bytes.add_le(std::uint64_t{7}));
  for (const std::uint64_t one : std::initializer_list<std::uint64_t>{1000, 500, 16400, 1, 3, 900, 1, 2, 4096, 1, 5, 2, 100, 64, 400, 1200}) REQUIRE(bytes.add_varint(one));
  REQUIRE(bytes.add_le(crypto::crc32c(0, bytes.bytes())));
  return bytes;
}

Manifest whole() {
  Manifest manifest;
  manifest.number = 9;
  manifest.log_start = 50'000'000;
  manifest.next_generation = 70;
  manifest.commit_time_us = 1'700'000'000'000'001;
  manifest.lsn = (std::uint64_t{4} << 32) + 1200;
  manifest.copies = 3;
  REQUIRE(manifest.epochs.push_back({5, 50'331'456}));
  REQUIRE(manifest.jumps.push_back({1200, 16'777'152, 2, 3}));
  REQUIRE(manifest.jumps.push_back({16'777'200, 50'331'456, 4, 5}));
  return manifest;
}

}  // namespace

TEST_CASE("manifests of format 1 are read, and say nothing of times, LSNs and jumps") {
  RecordBuffer bytes;
  const auto manifest = decode_manifest(format_1(bytes).bytes());
  REQUIRE(manifest);
  CHECK((manifest->number == 7 && manifest->log_start == 1000 && manifest->databases.size() == 1 && manifest->segments[0].bytes == 4096));
  CHECK(manifest->contained() == 1200);
  CHECK((manifest->commit_time_us == unknown_commit_time && manifest->lsn == UINT64_MAX && manifest->copies == 0 && manifest->jumps.empty()));
}

TEST_CASE("what recoveries need of a manifest is written and read; a newer format is refused") {
  RecordBuffer bytes;
  REQUIRE_FALSE(encode_manifest(whole(), bytes));
  const auto manifest = decode_manifest(bytes.bytes());
  REQUIRE(manifest);
  CHECK((manifest->commit_time_us == whole().commit_time_us && manifest->lsn == whole().lsn && manifest->copies == 3));
  REQUIRE(manifest->jumps.size() == 2);
  CHECK((manifest->jumps[1].from == 16'777'200 && manifest->jumps[1].to == 50'331'456 && manifest->jumps[1].epoch_before == 4 && manifest->jumps[1].epoch_after == 5));
  for (std::size_t size = 0; size < bytes.size(); ++size) CHECK_FALSE(decode_manifest(bytes.bytes().first(size)));
  bytes.data()[7] = std::byte{3};
  CHECK(decode_manifest(bytes.bytes()).error().code() == sqlstate::feature_not_supported);
}

TEST_CASE("jumps that do not ascend, or lead back, are damage") {
  for (const ManifestJump& second : {ManifestJump{5, 16'777'152, 3, 4}, ManifestJump{60'000'000, 50'331'456, 4, 5}}) {
    Manifest manifest = whole();
    manifest.jumps[1] = second;
    RecordBuffer bytes;
    REQUIRE_FALSE(encode_manifest(manifest, bytes));
    CHECK(decode_manifest(bytes.bytes()).error().code() == sqlstate::data_corrupted);
  }
}
