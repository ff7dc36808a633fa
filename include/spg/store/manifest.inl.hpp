#pragma once
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/manifest.hpp"

namespace spg::store {

template <policy::Storage Storage>
Status write_whole_file(Storage& storage, std::string_view path, Bytes bytes) {
  auto file = storage.open(path, policy::OpenMode::create);
  if (!file && file.error().code() == sqlstate::duplicate_file) file = storage.open(path, policy::OpenMode::write);
  if (!file) return file.take_error();
  SPG_TRY(file->resize(bytes.size()));
  SPG_TRY(file->write_at(0, bytes));
  return file->sync();
}

template <policy::Storage Storage>
Status read_whole_file(Storage& storage, std::string_view path, RecordBuffer& into) {
  SPG_ASSIGN(auto file, storage.open(path, policy::OpenMode::read));
  SPG_ASSIGN(const std::uint64_t size, file.size());
  if (size > std::uint64_t{1} << 30) return Error::make(sqlstate::data_corrupted, "file \"", path, "\" is too large");
  std::byte* at = into.extend(static_cast<std::size_t>(size));
  if (at == nullptr) return Error::out_of_memory();
  return file.read_at(0, {at, static_cast<std::size_t>(size)});
}

template <policy::Storage Storage>
Status write_pointer(Storage& storage, std::string_view database_path, std::uint64_t number) {
  const DatabasePaths paths(database_path);
  std::byte pointer[20];
  std::memcpy(pointer, database_magic, 8);
  store_le(pointer + 8, number);
  store_le(pointer + 16, crypto::crc32c(0, {pointer, 16}));
  SPG_TRY(write_whole_file(storage, std::string_view(paths.fresh), pointer));
  SPG_TRY(storage.rename(std::string_view(paths.fresh), std::string_view(paths.name)));
  return storage.sync_dir(std::string_view(paths.parent));
}

template <policy::Storage Storage>
Status write_manifest(Storage& storage, std::string_view database_path, const Manifest& manifest) {
  const DatabasePaths paths(database_path);
  RecordBuffer bytes;
  SPG_TRY(encode_manifest(manifest, bytes));
  char name[512];
  paths.manifest_name(name, manifest.number);
  SPG_TRY(write_whole_file(storage, name, bytes.bytes()));
  SPG_TRY(storage.sync_dir(std::string_view(paths.directory)));
  return write_pointer(storage, database_path, manifest.number);
}

/// Visits the numbers of the manifests in the database's directory.
template <policy::Storage Storage>
Status each_manifest(Storage& storage, const DatabasePaths& paths, FunctionRef<void(std::uint64_t)> visit) {
  constexpr std::string_view prefix = "manifest-";
  return storage.list(std::string_view(paths.directory), [&](std::string_view name) {
    if (!name.starts_with(prefix)) return;
    std::uint64_t number = 0;
    for (const char c : name.substr(prefix.size())) number = number * 10 + static_cast<std::uint64_t>(c - '0');
    visit(number);
  });
}

/// A directory with manifests belongs to a database, though the file that names them is gone. Manifest 1 alone is what a first
/// start leaves that has not come to its end.
template <policy::Storage Storage>
Status check_never_made(Storage& storage, const DatabasePaths& paths) {
  std::uint64_t newest = 0;
  SPG_TRY(each_manifest(storage, paths, [&](std::uint64_t number) { newest = std::max(newest, number); }));
  if (newest <= 1) return ok();
  return Error::make(sqlstate::data_corrupted, "file \"", std::string_view(paths.name), "\" is missing, but directory \"", std::string_view(paths.directory), "\" holds a database")
      .hint("\"spg repair ", std::string_view(paths.name), "\" writes it anew.");
}

template <policy::Storage Storage>
Status check_segments(Storage& storage, const DatabasePaths& paths, const Manifest& manifest) {
  for (const SegmentInfo& segment : manifest.segments) {
    char name[512];
    paths.segment_name(name, segment.number);
    SPG_ASSIGN(auto file, storage.open(std::string_view(name), policy::OpenMode::read));
    SPG_ASSIGN(const std::uint64_t bytes, file.size());
    if (bytes < segment.bytes) return Error::make(sqlstate::data_corrupted, "file \"", std::string_view(name), "\" is shorter than its manifest says");
  }
  return ok();
}

template <policy::Storage Storage>
Result<Manifest> find_manifest(Storage& storage, std::string_view database_path) {
  const DatabasePaths paths(database_path);
  Status why = Error::make(sqlstate::undefined_file, "directory \"", std::string_view(paths.directory), "\" holds no manifest");
  for (std::uint64_t before = UINT64_MAX;;) {
    std::uint64_t newest = 0;
    SPG_TRY(each_manifest(storage, paths, [&](std::uint64_t number) { if (number < before) newest = std::max(newest, number); }));
    if (newest == 0) return why;
    char name[512];
    paths.manifest_name(name, newest);
    RecordBuffer bytes;
    Status failed = read_whole_file(storage, std::string_view(name), bytes);
    if (!failed) {
      auto manifest = decode_manifest(bytes.bytes());
      if (manifest && manifest->number != newest) failed = Error::make(sqlstate::data_corrupted, "manifest has another number than its name");
      else if (manifest) failed = check_segments(storage, paths, *manifest);
      else failed = manifest.take_error();
      if (!failed) return manifest;
    }
    if (before == UINT64_MAX) why = std::move(failed);
    before = newest;
  }
}

template <policy::Storage Storage>
Result<typename Storage::Lock> lock_database(Storage& storage, std::string_view database_path, policy::LockMode mode) {
  const DatabasePaths paths(database_path);
  auto lock = storage.lock(std::string_view(paths.directory), mode);
  if (lock || lock.error().code() != sqlstate::lock_file_exists) return lock;
  return Error::make(sqlstate::lock_file_exists, "database \"", database_path, "\" is open already: ", lock.error().message())
      .hint("One process may write to a database, or several may read it.");
}

template <policy::Storage Storage>
Result<Manifest> read_manifest(Storage& storage, std::string_view database_path) {
  const DatabasePaths paths(database_path);
  RecordBuffer pointer;
  if (Status failed = read_whole_file(storage, std::string_view(paths.name), pointer)) {
    if (failed.code() == sqlstate::undefined_file) SPG_TRY(check_never_made(storage, paths));
    return failed;
  }
  const std::byte* at = pointer.data();
  if (pointer.size() != 20 || std::memcmp(at, database_magic, 8) != 0 || load_le<std::uint32_t>(at + 16) != crypto::crc32c(0, {at, 16}))
    return Error::make(sqlstate::data_corrupted, "file \"", database_path, "\" is not an SPG database");
  const auto number = load_le<std::uint64_t>(at + 8);
  auto manifest = read_manifest(storage, paths, number);
  // No database is what a missing pointer file means, and is answered by making one.
  if (manifest || manifest.error().code() != sqlstate::undefined_file) return manifest;
  char name[512];
  paths.manifest_name(name, number);
  return Error::make(sqlstate::data_corrupted, "file \"", std::string_view(name), "\", which \"", database_path, "\" names, is not there");
}

template <policy::Storage Storage>
Result<Manifest> read_manifest(Storage& storage, const DatabasePaths& paths, std::uint64_t number) {
  char name[512];
  paths.manifest_name(name, number);
  RecordBuffer bytes;
  SPG_TRY(read_whole_file(storage, std::string_view(name), bytes));
  SPG_ASSIGN(Manifest manifest, decode_manifest(bytes.bytes()));
  if (manifest.number != number) return Error::make(sqlstate::data_corrupted, "manifest has another number than its name");
  return manifest;
}

}  // namespace spg::store
