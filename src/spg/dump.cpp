// spg dump: prints what a database is made of and checks every checksum: pointer file, manifest, segments' records.
#include <cinttypes>
#include <cstdio>
#include <cstring>
#include <map>

#include "cli.hpp"
#include "spg/crypto/crc32c.hpp"
#include "spg/os/posix/posix.hpp"
#include "spg/store/manifest.hpp"
#include "spg/store/segment.hpp"

namespace spg::cli {
namespace {

struct KindReport { std::uint64_t records = 0, bytes = 0, image_bytes = 0; };
struct SegmentReport {
  std::uint64_t records = 0, damaged = 0;
  std::map<unsigned, KindReport> kinds;
};

const char* kind_name(unsigned kind) {
  constexpr const char* names[] = {"none", "radix", "table", "layout", "block", "chunk", "heap", "large", "int_leaf", "int_inner", "bytes_leaf", "bytes_inner", "root"};
  return kind < std::size(names) ? names[kind] : "other";
}

/// Walks the records of a segment: they lie one behind the other, 8-byte aligned.
Result<SegmentReport> check_segment(os::PosixFile& file, const store::SegmentInfo& info) {
  SegmentReport report;
  std::byte header[store::segment_header_used_bytes];
  SPG_TRY(file.read_at(0, header));
  SPG_TRY(store::check_segment_header(header, info.number).status());
  RecordBuffer record;
  for (std::uint64_t offset = store::segment_header_bytes; offset < info.bytes;) {
    std::byte head[8];
    SPG_TRY(file.read_at(offset, head));
    const auto length = load_le<std::uint32_t>(head + 4);
    if (length < store::record_header_bytes || length > info.bytes - offset)
      return Error::make(sqlstate::data_corrupted, "the record at ", offset, " has an impossible length");
    record.clear();
    std::byte* at = record.extend(length);
    if (at == nullptr) return Error::out_of_memory();
    SPG_TRY(file.read_at(offset, {at, length}));
    if (load_le<std::uint32_t>(at) != crypto::crc32c(store::place_seed(info.number, offset), {at + 4, length - 4})) {
      ++report.damaged;
      std::printf("    the record at %" PRIu64 " has a wrong checksum\n", offset);
    }
    ++report.records;
    KindReport& kind = report.kinds[static_cast<unsigned>(at[14])];
    ++kind.records;
    kind.bytes += length;
    kind.image_bytes += load_le<std::uint32_t>(at + 8);
    offset += (length + std::uint64_t{7}) & ~std::uint64_t{7};
  }
  return report;
}

bool print_segment(os::PosixStorage& storage, const store::DatabasePaths& paths, const store::SegmentInfo& info) {
  char name[512];
  std::snprintf(name, sizeof name, "%s/segment-%08u", paths.directory, info.number);
  std::printf("segment %u: %" PRIu64 " bytes\n", info.number, info.bytes);
  const auto complain = [&](const Error& error) {
    const std::string message(error.message());
    std::printf("    DAMAGED: %s\n", message.c_str());
    return false;
  };
  auto file = storage.open(std::string_view(name), policy::OpenMode::read);
  if (!file) return complain(file.error());
  auto checked = check_segment(*file, info);
  if (!checked) return complain(checked.error());
  std::printf("    %" PRIu64 " records:", checked->records);
  for (const auto& [kind, of] : checked->kinds) std::printf(" %" PRIu64 " %s (%u)", of.records, kind_name(kind), kind);
  std::printf("%s\n", checked->damaged == 0 ? ", all checksums right" : "");
  for (const auto& [kind, of] : checked->kinds)
    std::printf("    %s: %" PRIu64 " bytes, images of %" PRIu64 "\n", kind_name(kind), of.bytes, of.image_bytes);
  return checked->damaged == 0;
}

}  // namespace

int dump(Arguments arguments) {
  const Options options(arguments);
  if (options.rest.size() != 1 || options.has_unknown()) return wrong_usage("dump: one database");
  os::PosixStorage storage;
  const store::DatabasePaths paths(options.rest[0]);
  auto manifest = store::read_manifest(storage, options.rest[0]);
  if (!manifest) return report(manifest.error());
  std::printf("manifest %" PRIu64 ": log start %" PRIu64 ", next generation %" PRIu64 ", next oid %" PRIu64 "\n", manifest->number, manifest->log_start,
              manifest->next_generation, manifest->next_oid);
  for (const store::ManifestEpoch& epoch : manifest->epochs) std::printf("epoch %u: from %" PRIu64 "\n", epoch.number, epoch.start);
  for (const store::ManifestDatabase& one : manifest->databases)
    std::printf("database %u: root in segment %u at %" PRIu64 ", %u bytes; born %" PRIu64 "; log until %" PRIu64 " contained\n", raw(one.id), one.root.segment,
                one.root.offset, one.root.length, raw(one.birth), one.log_position);
  bool sound = true;
  for (const store::SegmentInfo& info : manifest->segments) sound &= print_segment(storage, paths, info);
  std::printf("%s\n", sound ? "sound" : "DAMAGED");
  return sound ? 0 : 1;
}

}  // namespace spg::cli
