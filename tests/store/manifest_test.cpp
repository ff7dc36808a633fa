// Manifests: what was written is read, in all formats, and nothing else is. SPG_WRITE_GOLDEN=1 writes the files that are kept, but
// that of format 1, which a program has left that wrote no other.
#include <catch2/catch.hpp>

#include <cstdlib>
#include <fstream>
#include <iterator>
#include <string>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/manifest.hpp"

using namespace spg;
using namespace spg::store;

namespace {

Manifest make() {
  Manifest manifest;
  manifest.number = 7;
  manifest.log_start = 123456789;
  manifest.next_generation = 5000;
  manifest.next_oid = 20000;
  REQUIRE(manifest.epochs.push_back({3, 1000}));
  REQUIRE(manifest.epochs.push_back({4, 123450000}));
  REQUIRE(manifest.segments.push_back({2, 65536, 60000}));
  ManifestDatabase database{};
  database.id = DatabaseId{5};
  database.root.segment = 2;
  database.root.length = 300;
  database.root.offset = 4096;
  database.birth = Generation{4999};
  database.log_position = 123456800;
  REQUIRE(manifest.databases.push_back(database));
  manifest.commit_time_us = 1'700'000'000'000'001;
  manifest.lsn = (std::uint64_t{4} << 32) + 123456800;
  manifest.copies = 3;
  REQUIRE(manifest.jumps.push_back({1200, 16'777'152, 2, 3}));
  REQUIRE(manifest.jumps.push_back({16'777'200, 50'331'456, 4, 5}));
  return manifest;
}

Manifest make_audited() {
  Manifest manifest = make();
  manifest.audit = {42, 9000, {}, {4, 123456789}, true};
  for (std::size_t i = 0; i < sizeof manifest.audit.hash; ++i) manifest.audit.hash[i] = static_cast<std::byte>(i * 7);
  return manifest;
}

std::string bytes_of(const Manifest& manifest) {
  RecordBuffer bytes;
  REQUIRE_FALSE(encode_manifest(manifest, bytes));
  return std::string(as_text(bytes.bytes()));
}

std::string sealed(std::string bytes) {
  store_le(bytes.data() + bytes.size() - 4, crypto::crc32c(0, as_bytes(bytes).first(bytes.size() - 4)));
  return bytes;
}

/// Format 2 is format 3 without the audit log's byte that says that there is none.
std::string format_2() {
  std::string bytes = bytes_of(make());
  bytes.pop_back();
  bytes[7] = 2;
  return sealed(bytes);
}

std::string kept(const char* name, const std::string& made = {}) {
  const std::string path = std::string(SPG_TEST_VECTORS) + "/store/" + name;
  if (!made.empty() && std::getenv("SPG_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << made;
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

void check_common(const Manifest& manifest) {
  CHECK((manifest.number == 7 && manifest.log_start == 123456789 && manifest.next_generation == 5000 && manifest.next_oid == 20000));
  CHECK((manifest.epochs.size() == 2 && manifest.epochs[1].number == 4 && manifest.segments.size() == 1 && manifest.segments[0].bytes == 65536));
  CHECK((manifest.databases.size() == 1 && manifest.databases[0].root.offset == 4096 && manifest.contained() == 123456800));
}

void check_jumps(const Manifest& manifest) {
  CHECK((manifest.commit_time_us == 1'700'000'000'000'001 && manifest.lsn == make().lsn && manifest.copies == 3 && manifest.segments[0].live_bytes == 60000));
  REQUIRE(manifest.jumps.size() == 2);
  CHECK((manifest.jumps[1].from == 16'777'200 && manifest.jumps[1].to == 50'331'456 && manifest.jumps[1].epoch_before == 4 && manifest.jumps[1].epoch_after == 5));
}

}  // namespace

TEST_CASE("manifests of format 1 are read, and say nothing of times, LSNs, jumps and audit logs") {
  const auto manifest = decode_manifest(as_bytes(kept("manifest-v1")));
  REQUIRE(manifest);
  check_common(*manifest);
  CHECK(manifest->segments[0].live_bytes == 65536);
  CHECK((manifest->commit_time_us == unknown_commit_time && manifest->lsn == UINT64_MAX && manifest->copies == 0 && manifest->jumps.empty()));
  CHECK(manifest->audit.bytes == 0);
}

TEST_CASE("manifests of format 2 are read, and say nothing of audit logs") {
  const std::string golden = kept("manifest-v2", format_2());
  CHECK(golden == format_2());
  const auto manifest = decode_manifest(as_bytes(golden));
  REQUIRE(manifest);
  check_common(*manifest);
  check_jumps(*manifest);
  CHECK(manifest->audit.bytes == 0);
}

TEST_CASE("manifests of format 3 are read, and written as they were") {
  const std::string golden = kept("manifest-v3", bytes_of(make_audited()));
  CHECK(golden == bytes_of(make_audited()));
  const auto manifest = decode_manifest(as_bytes(golden));
  REQUIRE(manifest);
  check_common(*manifest);
  check_jumps(*manifest);
  CHECK(bytes_of(*manifest) == golden);
  const ManifestAudit &audit = manifest->audit, wanted = make_audited().audit;
  CHECK((audit.number == 42 && audit.bytes == 9000 && audit.through == Lsn{4, 123456789} && audit.is_paused));
  CHECK(std::memcmp(audit.hash, wanted.hash, sizeof wanted.hash) == 0);
  const auto unaudited = decode_manifest(as_bytes(bytes_of(make())));
  REQUIRE(unaudited);
  check_jumps(*unaudited);
  CHECK(unaudited->audit.bytes == 0);
}

TEST_CASE("a manifest that was changed, cut, or is of a newer format is refused") {
  for (const std::string& made : {kept("manifest-v1"), format_2(), bytes_of(make()), bytes_of(make_audited())}) {
    for (std::size_t at = 0; at < made.size(); ++at) {
      CAPTURE(made[7], at);
      REQUIRE_FALSE(decode_manifest(as_bytes(made.substr(0, at))));
      std::string bytes = made;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
      REQUIRE_FALSE(decode_manifest(as_bytes(bytes)));
    }
    // With its checksum made right, one of another format still has too much, or too little.
    for (const char format : {'\0', '\1', '\2', '\3', '\4'}) {
      std::string bytes = made;
      bytes[7] = format;
      auto read = decode_manifest(as_bytes(sealed(bytes)));
      CAPTURE(static_cast<int>(made[7]), static_cast<int>(format));
      REQUIRE(read.has_value() == (format == made[7]));
      if (!read) CHECK(read.error().code() == (format != 0 && format < 4 ? sqlstate::data_corrupted : sqlstate::feature_not_supported));
    }
  }
}

TEST_CASE("jumps that do not ascend, or lead back, are damage") {
  for (const ManifestJump& second : {ManifestJump{5, 16'777'152, 3, 4}, ManifestJump{60'000'000, 50'331'456, 4, 5}}) {
    Manifest manifest = make();
    manifest.jumps[1] = second;
    CHECK(decode_manifest(as_bytes(bytes_of(manifest))).error().code() == sqlstate::data_corrupted);
  }
}
