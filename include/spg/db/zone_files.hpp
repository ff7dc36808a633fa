// ZoneFiles: where time zones come from: TZif files by name ("Europe/Berlin"). The composition root hands one in; without
// it an instance knows UTC only.
//
// Any thread; the storage must outlive it.
#pragma once

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"
#include "spg/policy/policy.hpp"

namespace spg::db {

class ZoneFiles {
 public:
  virtual ~ZoneFiles() = default;
  /// The bytes of a zone's file, in the arena; undefined_file when there is none of that name.
  virtual Result<Bytes> read(std::string_view name, Arena& arena) const = 0;
};

/// Zone files below a directory of a storage.
template <policy::Storage Storage>
class StoredZoneFiles final : public ZoneFiles {
 public:
  explicit StoredZoneFiles(Storage& storage, const char* directory = "/usr/share/zoneinfo") : storage_(&storage), directory_(directory) {}
  Result<Bytes> read(std::string_view name, Arena& arena) const override {
    SPG_ASSIGN(auto file, storage_->open(arena.concat(std::string_view(directory_), "/", name), policy::OpenMode::read));
    SPG_ASSIGN(const std::uint64_t size, file.size());
    if (size > 64 * 1024) return Error::make(sqlstate::data_corrupted, "time zone file \"", name, "\" is too large");
    auto* bytes = static_cast<std::byte*>(arena.allocate(static_cast<std::size_t>(size)));
    SPG_TRY(file.read_at(0, {bytes, static_cast<std::size_t>(size)}));
    return Bytes(bytes, static_cast<std::size_t>(size));
  }

 private:
  Storage* storage_;
  const char* directory_;
};

}  // namespace spg::db
