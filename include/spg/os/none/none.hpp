// FirmwareEnv: the policies for machines without an operating system's services. No threads; memory, storage, time and
// chance are handed in by the caller. It doubles as the documentation of the policies: these are the smallest real models.
//
// Threads: one thread of control. The caller owns every block that it hands in, and keeps it until the model is gone.
#pragma once
#include "spg/crypto/blake3.hpp"
#include "spg/os/held_locks.hpp"
#include "spg/os/size_class.hpp"
#include "spg/policy/policy.hpp"

namespace spg::os {

/// One thread of control: locks are free, waiting is impossible, background work happens in tick().
struct NoSync {
  static constexpr bool has_threads = false;
  struct Mutex {
    void lock() {}
    bool try_lock() { return true; }
    void unlock() {}
  };
  struct CondVar {
    void wait(Mutex&) {}
    void wait_for(Mutex&, std::uint64_t) {}
    void notify_all() {}
  };
  struct Thread {
    Status start(void (*)(void*), void*) { return Error::make(sqlstate::insufficient_resources, "this build has no threads"); }
    void join() {}
  };
};
static_assert(policy::Sync<NoSync>);

/// Size classes over one block of memory. What has been cut to a class stays in it: the budget is the block.
class FixedAlloc {
 public:
  explicit FixedAlloc(MutableBytes block);
  FixedAlloc(const FixedAlloc&) = delete;
  FixedAlloc& operator=(const FixedAlloc&) = delete;
  void* allocate(std::size_t bytes);
  void release(void* memory, std::size_t bytes);
  std::size_t used_bytes() { return used_bytes_; }
  /// The block is the process's in any case.
  std::size_t held_bytes() { return used_bytes_; }
  std::size_t mark_sparse(std::size_t) { return 0; }
  bool is_sparse(const void*, std::size_t) { return false; }
  std::size_t limit_bytes() const { return limit_bytes_; }

 private:
  using Classes = SizeClasses<2, 9>;
  struct Free { Free* next; };
  Free* free_[Classes::count] = {};
  std::byte* fresh_;
  std::byte* end_;
  std::size_t limit_bytes_, used_bytes_ = 0;
};
static_assert(policy::Alloc<FixedAlloc>);

class RamStorage;

/// A handle on a file of a RamStorage; dead once the file was removed or replaced.
class RamFile {
 public:
  RamFile() = default;
  RamFile(RamStorage& storage, std::uint32_t entry, std::uint32_t life) : storage_(&storage), entry_(entry), life_(life) {}
  RamFile(RamFile&&) noexcept = default;
  RamFile& operator=(RamFile&&) noexcept = default;
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
  friend class RamStorage;
  RamStorage* storage_ = nullptr;
  std::uint32_t entry_ = 0, life_ = 0;
};
static_assert(policy::File<RamFile>);

/// Files in one block of memory (RAM, or what behaves like it: battery-backed, memory-mapped flash behind a cache). The
/// block holds everything, by numbers and not by pointers: a RamStorage made later over the same bytes, at whatever
/// address, finds the files again. A block without files yet is formatted.
///
///   offset 0: header, then `file_count_max` entries, then one 32-bit link per page, then the pages of 4 KiB.
/// A file is a chain of pages. The links of free pages form a chain of their own. Calls are not atomic against losing power
/// in the middle of one.
class RamStorage {
 public:
  using File = RamFile;
  using Lock = HeldLocks<NoSync::Mutex>::Lock;
  static constexpr std::size_t page_bytes = 4096;
  static constexpr std::size_t name_bytes_max = 95;
  static constexpr std::uint32_t file_count_max = 64;
  static constexpr std::size_t block_bytes_min = 64 * 1024;

  /// Requires: at least block_bytes_min, 8-byte aligned.
  explicit RamStorage(MutableBytes block);
  RamStorage(const RamStorage&) = delete;
  RamStorage& operator=(const RamStorage&) = delete;

  Result<File> open(std::string_view path, policy::OpenMode mode);
  Status remove(std::string_view path);
  Status rename(std::string_view from, std::string_view to);
  Status make_dir(std::string_view) { return ok(); }
  Status sync_dir(std::string_view) { return ok(); }
  Status list(std::string_view path, FunctionRef<void(std::string_view)> visit);
  Result<Lock> lock(std::string_view path, policy::LockMode mode) { return locks_.take(path, mode); }
  std::uint64_t free_bytes() const;

 private:
  friend class RamFile;
  struct Header;
  struct Entry;
  /// Where the last access of a file ended: chains are walked from here on.
  struct Cursor { std::uint32_t index = 0, page = 0; };

  void format(std::uint32_t pages);
  std::uint32_t find(std::string_view path) const;
  void drop(std::uint32_t entry);
  Entry* live(const RamFile& file) const;
  std::uint32_t page_at(std::uint32_t entry, std::uint32_t index);
  std::byte* page(std::uint32_t number) { return pages_ + std::size_t{number} * page_bytes; }
  Status grow(std::uint32_t entry, std::uint64_t bytes);
  void shrink(std::uint32_t entry, std::uint64_t bytes);
  template <class Copy>
  void walk(std::uint32_t entry, std::uint64_t at, std::size_t bytes, Copy copy);

  Header* header_;
  Entry* entries_;
  std::uint32_t* links_;
  std::byte* pages_;
  Cursor cursors_[file_count_max];
  HeldLocks<NoSync::Mutex> locks_;  ///< of this object's life, not of the block's
};
static_assert(policy::Storage<RamStorage>);

/// Time passes when the caller says so: from a timer interrupt's flag, or once per turn of the main loop.
class TickClock {
 public:
  TickClock() = default;
  explicit TickClock(std::int64_t wall_us) : wall_us_(wall_us) {}
  std::uint64_t monotonic_ns() { return ns_; }
  std::int64_t wall_us() { return wall_us_ + static_cast<std::int64_t>(ns_ / 1000); }
  void advance_ns(std::uint64_t ns) { ns_ += ns; }
  /// Microseconds since 1970 UTC, now.
  void set_wall_us(std::int64_t us) { wall_us_ = us - static_cast<std::int64_t>(ns_ / 1000); }

 private:
  std::uint64_t ns_ = 0;
  std::int64_t wall_us_ = 0;
};
static_assert(policy::Clock<TickClock>);

/// BLAKE3 keyed with the caller's seed, as a stream. As unpredictable as the seed, and the same for the same seed: take it
/// from a hardware source, and mix in something that differs from start to start.
class SeededRandom {
 public:
  explicit SeededRandom(Bytes seed) : key_(crypto::Blake3::derive("spg 2026-01 firmware random").update(seed).finish()) {}
  void fill(MutableBytes into);
  static constexpr bool pretend_cold() { return false; }

 private:
  crypto::Blake3Key key_;
  std::uint64_t calls_ = 0;
};
static_assert(policy::Random<SeededRandom>);

struct FirmwareEnv {
  using Storage = RamStorage;
  using Clock = TickClock;
  using Sync = NoSync;
  using Alloc = FixedAlloc;
  using Random = SeededRandom;
};
static_assert(policy::Env<FirmwareEnv>);

}  // namespace spg::os
