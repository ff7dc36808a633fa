// MemoryEnv: the real world with files in RAM (tests, --ephemeral databases that want the whole machine).
#pragma once
#include "spg/os/held_locks.hpp"
#include "spg/os/posix/posix.hpp"

namespace spg::os {

struct MemoryInode;

/// A handle on a file in RAM; the bytes live as long as a name or a handle refers to them.
class MemoryFile {
 public:
  MemoryFile() = default;
  explicit MemoryFile(MemoryInode* inode);
  MemoryFile(MemoryFile&& other) noexcept : inode_(std::exchange(other.inode_, nullptr)) {}
  MemoryFile& operator=(MemoryFile&& other) noexcept { std::swap(inode_, other.inode_); return *this; }
  ~MemoryFile();
  Status read_at(std::uint64_t at, MutableBytes into);
  Result<bool> read_now(std::uint64_t at, MutableBytes into) {
    SPG_TRY(read_at(at, into));
    return true;
  }
  void will_read(std::uint64_t, std::uint64_t) {}
  Status write_at(std::uint64_t at, Bytes from);
  Status sync() { return ok(); }
  Result<std::uint64_t> size();
  Status resize(std::uint64_t bytes);

 private:
  MemoryInode* inode_ = nullptr;
};

/// One flat name space. Thread-safe.
class MemoryStorage {
 public:
  using File = MemoryFile;
  using Lock = HeldLocks<StdSync::Mutex>::Lock;
  MemoryStorage();
  ~MemoryStorage();
  MemoryStorage(const MemoryStorage&) = delete;
  MemoryStorage& operator=(const MemoryStorage&) = delete;
  Result<File> open(std::string_view path, policy::OpenMode mode);
  Status remove(std::string_view path);
  Status rename(std::string_view from, std::string_view to);
  Status make_dir(std::string_view) { return ok(); }
  Status sync_dir(std::string_view) { return ok(); }
  Status list(std::string_view path, FunctionRef<void(std::string_view)> visit);
  Result<Lock> lock(std::string_view path, policy::LockMode mode) { return locks_.take(path, mode); }

 private:
  struct Names;
  Names* names_;
  HeldLocks<StdSync::Mutex> locks_;
};

struct MemoryEnv : PosixEnv {
  using Storage = MemoryStorage;
};
static_assert(policy::Env<MemoryEnv>);

}  // namespace spg::os
