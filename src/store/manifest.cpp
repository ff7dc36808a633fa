#include "spg/store/manifest.hpp"

#include <algorithm>
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

void DatabasePaths::segment_name(char (&to)[512], std::uint32_t number) const {
  write_segment_name(to, directory, number);
}

void DatabasePaths::scratch_name(char (&to)[512], std::uint32_t number) const {
  std::snprintf(to, sizeof to, "%s/scratch-%08u", directory, number);
}

std::uint64_t DatabasePaths::number_in(std::string_view name) {
  std::uint64_t number = 0;
  for (char c : name.substr(name.rfind('-') + 1)) number = number * 10 + static_cast<std::uint64_t>(c - '0');
  return number;
}

std::uint64_t Manifest::contained() const {
  std::uint64_t upto = log_start;
  for (const ManifestDatabase& database : databases) upto = std::max(upto, database.log_position);
  return upto;
}

static bool add_audit(RecordBuffer& out, const ManifestAudit& audit) {
  if (audit.bytes == 0) return out.add_varint(0);
  return out.add_varint(audit.bytes) && out.add_varint(audit.number) && out.add_varint(audit.through.counter) && out.add_varint(audit.through.epoch) &&
         out.add_varint(audit.is_paused ? 1 : 0) && out.add(audit.hash);
}

static void read_audit(ByteReader& reader, ManifestAudit& audit) {
  audit.bytes = reader.varint();
  if (audit.bytes == 0) return;
  audit.number = reader.varint();
  audit.through.counter = reader.varint();
  audit.through.epoch = static_cast<std::uint32_t>(reader.varint());
  audit.is_paused = reader.varint() != 0;
  const Bytes hash = reader.bytes(sizeof audit.hash);
  if (reader.ok()) std::memcpy(audit.hash, hash.data(), sizeof audit.hash);
}

Status encode_manifest(const Manifest& manifest, RecordBuffer& out) {
  bool fits = out.add(std::as_bytes(std::span(manifest_magic))) && out.add_le(manifest.number) && out.add_varint(manifest.log_start) &&
              out.add_varint(manifest.next_generation) && out.add_varint(manifest.next_oid);
  fits = fits && out.add_varint(manifest.epochs.size());
  for (const ManifestEpoch& epoch : manifest.epochs) fits = fits && out.add_varint(epoch.number) && out.add_varint(epoch.start);
  fits = fits && out.add_varint(manifest.segments.size());
  for (const SegmentInfo& segment : manifest.segments) fits = fits && out.add_varint(segment.number) && out.add_varint(segment.bytes) && out.add_varint(segment.live_bytes);
  fits = fits && out.add_varint(manifest.databases.size());
  for (const ManifestDatabase& database : manifest.databases)
    fits = fits && out.add_varint(raw(database.id)) && out.add_varint(database.root.segment) && out.add_varint(database.root.length) &&
           out.add_varint(database.root.offset) && out.add_varint(raw(database.birth)) && out.add_varint(database.log_position);
  fits = fits && out.add_le(manifest.commit_time_us) && out.add_varint(manifest.lsn) && out.add_varint(manifest.copies) && out.add_varint(manifest.jumps.size());
  for (const ManifestJump& jump : manifest.jumps) fits = fits && out.add_varint(jump.from) && out.add_varint(jump.to) && out.add_varint(jump.epoch_before) && out.add_varint(jump.epoch_after);
  fits = fits && add_audit(out, manifest.audit);
  fits = fits && out.add_le(crypto::crc32c(0, out.bytes()));
  return fits ? ok() : Error::out_of_memory();
}

Result<Manifest> decode_manifest(Bytes bytes) {
  auto damaged = [] { return Error::make(sqlstate::data_corrupted, "manifest is damaged"); };
  if (bytes.size() < 20 || std::memcmp(bytes.data(), manifest_magic, 7) != 0) return damaged();
  const auto format = static_cast<std::uint8_t>(bytes[7]);
  if (format == 0 || format > manifest_magic[7])
    return Error::make(sqlstate::feature_not_supported, "manifest has format ", static_cast<unsigned>(format), ", this program reads ", static_cast<unsigned>(manifest_magic[7]));
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
    const std::uint64_t segment_bytes = reader.varint(), live_bytes = format == 1 ? segment_bytes : reader.varint();
    if (!manifest.segments.empty() && manifest.segments.back().number >= number) return damaged();
    if (live_bytes > segment_bytes || !manifest.segments.push_back({number, segment_bytes, live_bytes}))
      return live_bytes > segment_bytes ? damaged() : Error::out_of_memory();
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
  manifest.commit_time_us = format == 1 ? unknown_commit_time : reader.le<std::int64_t>();
  manifest.lsn = format == 1 ? UINT64_MAX : reader.varint();
  manifest.copies = format == 1 ? 0 : reader.varint();
  for (std::uint64_t left = format == 1 ? 0 : reader.varint(); left != 0 && reader.ok(); --left) {
    const std::uint64_t from = reader.varint(), to = reader.varint(), before = manifest.jumps.empty() ? 0 : manifest.jumps.back().to;
    const auto epoch_before = static_cast<std::uint32_t>(reader.varint()), epoch_after = static_cast<std::uint32_t>(reader.varint());
    if (from > to || to <= before) return damaged();
    if (!manifest.jumps.push_back({from, to, epoch_before, epoch_after})) return Error::out_of_memory();
  }
  if (format > 2) read_audit(reader, manifest.audit);
  // Generations only grow: one that could run over would make old objects look new.
  if (!reader.ok() || !reader.at_end() || manifest.next_generation > generations_max) return damaged();
  return manifest;
}

}  // namespace spg::store
