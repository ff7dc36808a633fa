#include "spg/store/manifest.hpp"

#include <cstdio>

#include "spg/crypto/crc32c.hpp"

namespace spg::store {

DatabasePaths::DatabasePaths(std::string_view database) {
  std::snprintf(name, sizeof name, "%.*s", static_cast<int>(database.size()), database.data());
  std::snprintf(fresh, sizeof fresh, "%s.new", name);
  std::snprintf(directory, sizeof directory, "%s.d", name);
  const auto slash = database.rfind('/');
  std::snprintf(parent, sizeof parent, "%.*s", slash == std::string_view::npos ? 0 : static_cast<int>(slash == 0 ? 1 : slash), database.data());
}

void DatabasePaths::manifest_name(char (&to)[512], std::uint64_t number) const {
  std::snprintf(to, sizeof to, "%s/manifest-%08llu", directory, static_cast<unsigned long long>(number));
}

Status encode_manifest(const Manifest& manifest, RecordBuffer& out) {
  const bool is_audited = manifest.audit.bytes != 0;
  bool fits = out.add(std::as_bytes(std::span(manifest_magic))) && out.add_le(is_audited ? manifest_version_audited : manifest_version_plain) && out.add_le(manifest.number) && out.add_varint(manifest.log_start) &&
              out.add_varint(manifest.next_generation) && out.add_varint(manifest.next_oid);
  fits = fits && out.add_varint(manifest.epochs.size());
  for (const ManifestEpoch& epoch : manifest.epochs) fits = fits && out.add_varint(epoch.number) && out.add_varint(epoch.start);
  fits = fits && out.add_varint(manifest.segments.size());
  for (const SegmentInfo& segment : manifest.segments) fits = fits && out.add_varint(segment.number) && out.add_varint(segment.bytes);
  fits = fits && out.add_varint(manifest.databases.size());
  for (const ManifestDatabase& database : manifest.databases)
    fits = fits && out.add_varint(raw(database.id)) && out.add_varint(database.root.segment) && out.add_varint(database.root.length) &&
           out.add_varint(database.root.offset) && out.add_varint(raw(database.birth)) && out.add_varint(database.log_position);
  if (is_audited) {
    const ManifestAudit& audit = manifest.audit;
    fits = fits && out.add_varint(audit.number) && out.add_varint(audit.bytes) && out.add_varint(audit.through.counter) && out.add_varint(audit.through.epoch) &&
           out.add_varint(audit.is_paused ? 1 : 0) && out.add(audit.hash);
  }
  fits = fits && out.add_le(crypto::crc32c(0, out.bytes()));
  return fits ? ok() : Error::out_of_memory();
}

Result<Manifest> decode_manifest(Bytes bytes) {
  auto damaged = [] { return Error::make(sqlstate::data_corrupted, "manifest is damaged"); };
  if (bytes.size() < 20 || std::memcmp(bytes.data(), manifest_magic, 7) != 0) return damaged();
  const auto version = static_cast<std::uint8_t>(bytes[7]);
  if (version < manifest_version_plain || version > manifest_version_audited)
    return Error::make(sqlstate::feature_not_supported, "manifest has format ", unsigned{version}, ", this program reads up to ", unsigned{manifest_version_audited});
  const Bytes body = bytes.first(bytes.size() - 4);
  if (load_le<std::uint32_t>(bytes.data() + body.size()) != crypto::crc32c(0, body)) return damaged();
  ByteReader reader(body.subspan(8));
  Manifest manifest;
  manifest.number = reader.le<std::uint64_t>();
  manifest.log_start = reader.varint();
  manifest.next_generation = reader.varint();
  manifest.next_oid = reader.varint();
  for (std::uint64_t left = reader.varint(); left != 0 && reader.ok(); --left) {
    const auto number = static_cast<std::uint32_t>(reader.varint());
    if (!manifest.epochs.push_back({number, reader.varint()})) return Error::out_of_memory();
  }
  for (std::uint64_t left = reader.varint(); left != 0 && reader.ok(); --left) {
    const auto number = static_cast<std::uint32_t>(reader.varint());
    if (!manifest.segments.push_back({number, reader.varint(), 0})) return Error::out_of_memory();
  }
  for (std::uint64_t left = reader.varint(); left != 0 && reader.ok(); --left) {
    ManifestDatabase database{};
    database.id = DatabaseId{static_cast<std::uint32_t>(reader.varint())};
    database.root.segment = static_cast<std::uint32_t>(reader.varint());
    database.root.length = static_cast<std::uint32_t>(reader.varint());
    database.root.offset = reader.varint();
    database.birth = Generation{reader.varint()};
    database.log_position = reader.varint();
    if (raw(database.birth) >= manifest.next_generation) return damaged();
    if (!manifest.databases.push_back(database)) return Error::out_of_memory();
  }
  if (version == manifest_version_audited) {
    ManifestAudit& audit = manifest.audit;
    audit.number = reader.varint();
    audit.bytes = reader.varint();
    audit.through.counter = reader.varint();
    audit.through.epoch = static_cast<std::uint32_t>(reader.varint());
    audit.is_paused = reader.varint() != 0;
    const Bytes hash = reader.bytes(sizeof audit.hash);
    if (audit.bytes == 0 || !reader.ok()) return damaged();
    std::memcpy(audit.hash, hash.data(), sizeof audit.hash);
  }
  // Generations only grow: one that could run over would make old objects look new.
  if (!reader.at_end() || manifest.next_generation > generations_max) return damaged();
  return manifest;
}

}  // namespace spg::store
