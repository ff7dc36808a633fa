#pragma once
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
Status write_manifest(Storage& storage, std::string_view database_path, const Manifest& manifest) {
  const DatabasePaths paths(database_path);
  RecordBuffer bytes;
  SPG_TRY(encode_manifest(manifest, bytes));
  char name[512];
  paths.manifest_name(name, manifest.number);
  SPG_TRY(write_whole_file(storage, name, bytes.bytes()));
  SPG_TRY(storage.sync_dir(std::string_view(paths.directory)));
  std::byte pointer[20];
  std::memcpy(pointer, database_magic, 8);
  store_le(pointer + 8, manifest.number);
  store_le(pointer + 16, crypto::crc32c(0, {pointer, 16}));
  SPG_TRY(write_whole_file(storage, std::string_view(paths.fresh), pointer));
  SPG_TRY(storage.rename(std::string_view(paths.fresh), std::string_view(paths.name)));
  return storage.sync_dir(std::string_view(paths.parent));
}

template <policy::Storage Storage>
Result<Manifest> read_manifest(Storage& storage, std::string_view database_path) {
  const DatabasePaths paths(database_path);
  RecordBuffer pointer;
  SPG_TRY(read_whole_file(storage, std::string_view(paths.name), pointer));
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
