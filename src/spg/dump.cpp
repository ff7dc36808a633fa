// spg dump: prints what a database is made of and checks every checksum: pointer file, manifest, segments' records.
#include <cinttypes>
#include <cstdio>
#include <map>

#include "cli.hpp"
#include "spg/os/posix/posix.hpp"
#include "spg/store/backup.hpp"
#include "spg/store/manifest.hpp"
#include "spg/store/segment_walk.hpp"

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

/// Prints what is wrong as it goes.
Result<SegmentReport> check_segment(os::PosixFile& file, std::uint64_t offset_in_file, const store::SegmentInfo& info) {
  SegmentReport report;
  SPG_TRY(store::walk_segment(
      info, [&](std::uint64_t at, MutableBytes into) { return file.read_at(offset_in_file + at, into); },
      [&](const store::WalkedRecord& record) {
        ++report.records;
        KindReport& kind = report.kinds[static_cast<unsigned>(record.kind)];
        ++kind.records;
        kind.bytes += record.length;
        kind.image_bytes += record.image_bytes;
      },
      [&](std::uint64_t offset, std::string_view what) {
        ++report.damaged;
        std::printf("    DAMAGED at %" PRIu64 ": %.*s\n", offset, static_cast<int>(what.size()), what.data());
      }));
  return report;
}

bool print_segment(os::PosixStorage& storage, const store::SegmentPlace& place, const store::SegmentInfo& info) {
  std::printf("segment %u: %" PRIu64 " bytes\n", info.number, info.bytes);
  const auto complain = [&](const Error& error) {
    const std::string message(error.message());
    std::printf("    DAMAGED: %s\n", message.c_str());
    return false;
  };
  auto file = storage.open(std::string_view(place.name), policy::OpenMode::read);
  if (!file) return complain(file.error());
  auto checked = check_segment(*file, place.offset, info);
  if (!checked) return complain(checked.error());
  std::printf("    %" PRIu64 " records:", checked->records);
  for (const auto& [kind, of] : checked->kinds) std::printf(" %" PRIu64 " %s (%u)", of.records, kind_name(kind), kind);
  std::printf("%s\n", checked->damaged == 0 ? ", all checksums right" : "");
  for (const auto& [kind, of] : checked->kinds)
    std::printf("    %s: %" PRIu64 " bytes, images of %" PRIu64 "\n", kind_name(kind), of.bytes, of.image_bytes);
  return checked->damaged == 0;
}

void print_manifest(const store::Manifest& manifest) {
  std::printf("manifest %" PRIu64 ": log start %" PRIu64 ", next generation %" PRIu64 ", next oid %" PRIu64 "\n", manifest.number, manifest.log_start,
              manifest.next_generation, manifest.next_oid);
  for (const store::ManifestEpoch& epoch : manifest.epochs) std::printf("epoch %u: from %" PRIu64 "\n", epoch.number, epoch.start);
  for (const store::ManifestJump& jump : manifest.jumps)
    std::printf("jump: what followed %" PRIu64 " (epoch %u) was given up; the log goes on at %" PRIu64 " (epoch %u)\n", jump.from, jump.epoch_before, jump.to, jump.epoch_after);
  if (manifest.copies != 0) std::printf("a server feeds%s%s with the log\n", (manifest.copies & 1) != 0 ? " an archive" : "", (manifest.copies & 2) != 0 ? " a tee" : "");
  for (const store::ManifestDatabase& one : manifest.databases)
    std::printf("database %u: root in segment %u at %" PRIu64 ", %u bytes; born %" PRIu64 "; log until %" PRIu64 " contained\n", raw(one.id), one.root.segment,
                one.root.offset, one.root.length, raw(one.birth), one.log_position);
  if (const store::ManifestAudit& audit = manifest.audit; audit.bytes != 0)
    std::printf("audit log: complete until entry %" PRIu64 " at %" PRIu64 "%s\n", audit.number, audit.bytes, audit.is_paused ? ", paused" : "");
}

Result<bool> dump_backup(os::PosixStorage& storage, const char* name) {
  SPG_ASSIGN(const store::Backup backup, store::open_backup(storage, std::string_view(name)));
  std::printf("backup of %" PRId64 " microseconds since 1970\n", backup.made_us);
  print_manifest(backup.manifest);
  bool sound = true;
  for (std::size_t i = 0; i < backup.segments.size(); ++i) sound &= print_segment(storage, backup.place_of(i), backup.manifest.segments[i]);
  return sound;
}

Result<bool> dump_database(os::PosixStorage& storage, std::string_view database) {
  const auto lock = store::lock_database(storage, database, policy::LockMode::shared);
  if (!lock && lock.error().code() != sqlstate::undefined_file) return lock.error().copy();  // what is not there is told below
  const store::DatabasePaths paths(database);
  SPG_ASSIGN(const store::Manifest manifest, store::read_manifest(storage, database));
  print_manifest(manifest);
  bool sound = true;
  for (const store::SegmentInfo& info : manifest.segments) {
    store::SegmentPlace place;
    paths.segment_name(place.name, info.number);
    sound &= print_segment(storage, place, info);
  }
  return sound;
}

}  // namespace

int dump(Arguments arguments) {
  const Options options(arguments);
  if (options.rest.size() != 1 || options.has_unknown()) return wrong_usage("dump: one database");
  os::PosixStorage storage;
  char backup[400];
  const auto is_backup = store::find_backup(storage, options.rest[0], backup);
  if (!is_backup) return report(is_backup.error());
  const auto dumped = *is_backup ? dump_backup(storage, backup) : dump_database(storage, options.rest[0]);
  if (!dumped) return report(dumped.error());
  const bool sound = *dumped;
  std::printf("%s\n", sound ? "sound" : "DAMAGED");
  return sound ? 0 : 1;
}

}  // namespace spg::cli
