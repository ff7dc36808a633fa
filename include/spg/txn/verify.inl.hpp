#pragma once
#include <cstdio>
#include <memory>

#include "spg/store/backup.inl.hpp"
#include "spg/store/manifest.hpp"
#include "spg/store/segment_walk.hpp"
#include "spg/txn/verify_table.inl.hpp"

namespace spg::txn {

/// `is_whole`: the segment is all of its file.
template <policy::Storage Storage>
Status verify_segment(Storage& storage, const store::SegmentPlace& place, bool is_whole, const store::SegmentInfo& info, VerifyReport& report) {
  const auto fault = [&](std::uint64_t offset, std::string_view what) { report.fault({place.name, place.offset + offset, {}, TableId::none, what}); };
  auto file = storage.open(std::string_view(place.name), policy::OpenMode::read);
  if (!file) { fault(0, file.error().message()); return ok(); }
  VerifiedSegment counts{info.number, 0, info.bytes};
  SPG_TRY(store::walk_segment(info, [&](std::uint64_t at, MutableBytes into) { return file->read_at(place.offset + at, into); },
                              [&](const store::WalkedRecord&) { ++counts.records; }, fault));
  if (auto size = file->size(); is_whole && size && *size > info.bytes) fault(info.bytes, "the segment is longer than the manifest says");
  report.segment(counts);
  return ok();
}

/// Those of the files that hold the log's records. A start reads no header but that of the last; what lies behind the records may
/// be torn.
template <policy::Storage Storage>
void verify_log_files(Storage& storage, std::string_view log_path, std::uint64_t from, std::uint64_t to, const log::Jump* jump, VerifyReport& report) {
  for (std::uint64_t number = from / log::file_data_bytes; number * log::file_data_bytes < to; ++number) {
    char name[512];
    std::snprintf(name, sizeof name, "%.*s.%08llu", static_cast<int>(log_path.size()), log_path.data(), static_cast<unsigned long long>(number));
    const auto fault = [&](std::string_view what) { report.fault({name, 0, {}, TableId::none, what}); };
    std::byte header[log::file_header_bytes], expected[log::file_header_bytes];
    log::write_file_header(expected, number, jump != nullptr && jump->to == number * log::file_data_bytes ? jump : nullptr);
    auto file = storage.open(std::string_view(name), policy::OpenMode::read);
    Status failed = file ? file->read_at(0, header) : file.take_error();
    if (failed) fault(failed.message());
    else if (std::memcmp(header, expected, sizeof header) != 0) fault("the log file's header is damaged");
  }
}

/// What the manifest's parts say of each other.
inline void verify_manifest(const store::Manifest& manifest, std::string_view name, VerifyReport& report) {
  const auto fault = [&](std::string_view what) { report.fault({name, 0, {}, TableId::none, what}); };
  if (manifest.epochs.empty()) fault("the manifest names no epoch");
  for (std::size_t i = 1; i < manifest.epochs.size(); ++i)
    if (manifest.epochs[i].number <= manifest.epochs[i - 1].number || manifest.epochs[i].start < manifest.epochs[i - 1].start) fault("the manifest's epochs do not ascend");
  for (const store::ManifestDatabase& database : manifest.databases) {
    bool lies_in_segment = false;
    for (const store::SegmentInfo& segment : manifest.segments)
      lies_in_segment |= segment.number == database.root.segment && database.root.offset + database.root.length <= segment.bytes;
    if (!lies_in_segment) fault("a database's root lies in no segment of the manifest");
    if (database.log_position < manifest.log_start) fault("a database needs the log from before its start");
  }
}

template <policy::Storage Storage, policy::Sync Sync>
Status verify_log(Storage& storage, std::string_view log_path, const store::Manifest& manifest, VerifyReport& report) {
  Array<log::Epoch> history;
  for (const store::ManifestEpoch& epoch : manifest.epochs)
    if (!history.push_back({epoch.number, epoch.start})) return Error::out_of_memory();
  std::unique_ptr<log::Log<Storage, Sync>> log(new (std::nothrow) log::Log<Storage, Sync>(storage, log_path, policy::OpenMode::read));
  if (log == nullptr) return Error::out_of_memory();
  VerifiedLog counts{0, manifest.log_start, manifest.log_start};
  Status failed = log->recover(manifest.log_start, history, [&](const log::Record& record) {
    ++counts.records;
    counts.to = record.header.counter + log::frame_bytes(record.header.length);
    return ok();
  });
  if (failed && failed.code() == sqlstate::out_of_memory) return failed;
  if (failed) report.fault({log_path, counts.to, {}, TableId::none, failed.message()});
  const log::Jump jump = newest_jump(manifest);
  if (counts.records != 0) verify_log_files(storage, log_path, counts.from, counts.to, jump.to == 0 ? nullptr : &jump, report);
  report.log(counts);
  return ok();
}

template <policy::Storage Storage, policy::Sync Sync>
Status verify_files(Storage& storage, std::string_view database_path, std::string_view log_path, VerifyReport& report) {
  const store::DatabasePaths paths(database_path);
  auto manifest = store::read_manifest(storage, database_path);
  if (!manifest) {
    report.fault({database_path, 0, {}, TableId::none, manifest.error().message()});
    return ok();
  }
  char name[512];
  paths.manifest_name(name, manifest->number);
  verify_manifest(*manifest, name, report);
  std::uint64_t done = 0, all = 0;
  for (const store::SegmentInfo& info : manifest->segments) all += info.bytes;
  for (const store::SegmentInfo& info : manifest->segments) {
    store::SegmentPlace place;
    paths.segment_name(place.name, info.number);
    SPG_TRY(verify_segment(storage, place, true, info, report));
    report.progress(done += info.bytes, all);
  }
  return verify_log<Storage, Sync>(storage, log_path, *manifest, report);
}

/// Whether a segment is the one that the backup was made of, where all its checksums are right.
template <policy::Storage Storage>
Status verify_print(Storage& storage, const store::Backup& backup, std::size_t at, VerifyReport& report) {
  const store::SegmentPlace place = backup.place_of(at);
  const store::SegmentInfo& info = backup.manifest.segments[at];
  store::SegmentFile<typename Storage::File> from;
  auto file = storage.open(std::string_view(place.name), policy::OpenMode::read);
  if (!file) return ok();  // told
  from.file = std::move(*file);
  from.offset = place.offset;
  store::SegmentCopy<typename Storage::File> copy;
  copy.begin(std::move(from), info);
  Status failed;
  while (!failed && !copy.is_done()) failed = copy.step(nullptr, 0);
  if (failed) return failed.code() == sqlstate::out_of_memory ? std::move(failed) : ok();  // told, with all of its kind
  const auto print = copy.finish();
  if (print && *print != backup.segments[at].print)
    report.fault({place.name, place.offset, {}, TableId::none, "the segment is another than the one that the backup was made of"});
  return ok();
}

template <policy::Storage Storage>
Status verify_backup(Storage& storage, std::string_view path, VerifyReport& report) {
  const auto fault = [&](const Error& error) { report.fault({path, 0, {}, TableId::none, error.message()}); };
  char name[400];
  const auto found = store::find_backup(storage, path, name);
  if (!found) { fault(found.error()); return ok(); }
  auto backup = store::open_backup(storage, std::string_view(name));
  if (!backup) { fault(backup.error()); return ok(); }
  verify_manifest(backup->manifest, name, report);
  std::uint64_t done = 0, all = 0;
  for (const store::SegmentInfo& info : backup->manifest.segments) all += info.bytes;
  for (std::size_t i = 0; i < backup->segments.size(); ++i) {
    const store::SegmentInfo& info = backup->manifest.segments[i];
    SPG_TRY(verify_segment(storage, backup->place_of(i), backup->segments[i].offset == 0, info, report));
    SPG_TRY(verify_print(storage, *backup, i, report));
    report.progress(done += info.bytes, all);
  }
  return ok();
}

template <policy::Env E>
Status verify_version(typename Machine<E>::LineageOf& lineage, ObjectVerifier<typename Machine<E>::ObjectsOf>& base, VerifyReport& report) {
  Cell* const root = lineage.tip()->root;
  base.set_place(lineage.id(), TableId::none);
  constexpr store::Expected expected{store::Kind::root, 0, 0};
  SPG_ASSIGN(const Image* image, base.visit(root, expected));
  if (image == nullptr) return ok();
  const RootState state = root_state(image);
  const store::Expected below = image_rules().child(*image, expected, 0);
  return base.walk_radix(image->child_array()[0], below, state.height, 0, [&](Cell* cell, std::uint64_t number, store::Expected of) -> Status {
    const TableId id{static_cast<std::uint32_t>(number)};
    const std::uint64_t objects_before = base.visited();
    base.set_place(lineage.id(), id);
    if (number >= state.next_table) base.fault(cell, "the table's number is to come");
    VerifiedTable counts{lineage.id(), id};
    TableVerifier<typename Machine<E>::ObjectsOf> verifier(base, cell, id, counts);
    SPG_TRY(verifier.run(of, state.next_index));
    counts.objects = base.visited() - objects_before;
    base.set_place(lineage.id(), TableId::none);
    report.table(counts);
    base.keep_budget();
    return ok();
  });
}

template <policy::Env E>
Status verify_versions(Machine<E>& machine, VerifyReport& report, std::size_t memory_bytes) {
  const store::DatabasePaths paths(machine.database_path());
  ObjectVerifier<typename Machine<E>::ObjectsOf> base(machine.objects(), report, paths, machine.opened_backup(), raw(machine.draw_generation()), memory_bytes);
  Status failed;
  machine.each_lineage([&](auto& lineage) {
    if (!failed) failed = verify_version<E>(lineage, base, report);
  });
  return failed;
}

}  // namespace spg::txn
