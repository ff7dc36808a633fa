// Manifests: what was written is read, in both versions, and nothing else is. SPG_WRITE_GOLDEN=1 writes the files that are kept.
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

Manifest make(bool audited) {
  Manifest manifest;
  manifest.number = 7;
  manifest.log_start = 123456789;
  manifest.next_generation = 5000;
  manifest.next_oid = 20000;
  REQUIRE(manifest.epochs.push_back({3, 1000}));
  REQUIRE(manifest.epochs.push_back({4, 123450000}));
  REQUIRE(manifest.segments.push_back({2, 65536, 0}));
  ManifestDatabase database{};
  database.id = DatabaseId{5};
  database.root.segment = 2;
  database.root.length = 300;
  database.root.offset = 4096;
  database.birth = Generation{4999};
  database.log_position = 123456800;
  REQUIRE(manifest.databases.push_back(database));
  if (!audited) return manifest;
  manifest.audit = {42, 9000, {}, {4, 123456789}, true};
  for (std::size_t i = 0; i < sizeof manifest.audit.hash; ++i) manifest.audit.hash[i] = static_cast<std::byte>(i * 7);
  return manifest;
}

std::string bytes_of(const Manifest& manifest) {
  RecordBuffer bytes;
  REQUIRE_FALSE(encode_manifest(manifest, bytes));
  return std::string(as_text(bytes.bytes()));
}

std::string kept(const char* name, const std::string& made) {
  const std::string path = std::string(SPG_TEST_VECTORS) + "/store/" + name;
  if (std::getenv("SPG_WRITE_GOLDEN") != nullptr) std::ofstream(path, std::ios::binary) << made;
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file);
  return {std::istreambuf_iterator<char>(file), {}};
}

}  // namespace

TEST_CASE("manifests of both versions are read, and written as they were") {
  for (const bool audited : {false, true}) {
    const std::string made = bytes_of(make(audited)), golden = kept(audited ? "manifest-v2" : "manifest-v1", made);
    CHECK(golden == made);
    auto read = decode_manifest(as_bytes(golden));
    REQUIRE(read);
    CHECK(bytes_of(*read) == golden);
    CHECK((read->audit.bytes != 0) == audited);
    if (!audited) continue;
    const ManifestAudit wanted = make(true).audit;
    CHECK((read->audit.number == 42 && read->audit.bytes == 9000 && read->audit.through == Lsn{4, 123456789} && read->audit.is_paused));
    CHECK(std::memcmp(read->audit.hash, wanted.hash, sizeof wanted.hash) == 0);
  }
}

TEST_CASE("a manifest that was changed, cut, or is of a newer version is refused") {
  for (const bool audited : {false, true}) {
    const std::string made = bytes_of(make(audited));
    for (std::size_t at = 0; at < made.size(); ++at) {
      CAPTURE(audited, at);
      REQUIRE_FALSE(decode_manifest(as_bytes(made.substr(0, at))));
      std::string bytes = made;
      bytes[at] = static_cast<char>(bytes[at] ^ 0x20);
      REQUIRE_FALSE(decode_manifest(as_bytes(bytes)));
    }
    // With its checksum made right, one of the other version still has too much, or too little.
    for (const char version : {'\0', '\1', '\2', '\3'}) {
      std::string bytes = made;
      bytes[7] = version;
      store_le(bytes.data() + bytes.size() - 4, crypto::crc32c(0, as_bytes(bytes).first(bytes.size() - 4)));
      auto read = decode_manifest(as_bytes(bytes));
      CAPTURE(audited, static_cast<int>(version));
      REQUIRE(read.has_value() == (version == (audited ? 2 : 1)));
      if (!read) CHECK(read.error().code() == (version == 1 || version == 2 ? sqlstate::data_corrupted : sqlstate::feature_not_supported));
    }
  }
}
