// SimEnv: a world decided by one seed. The disk loses, tears and reorders what was not synced; calls fail on request; the
// clock moves when told; nothing runs beside the caller (the test schedules background steps itself).
//
// Fault model of the disk (facts/reliability.md, R1): at a power cut each write since the file's last sync is, by
// 512-byte sector, there or not, independently; a name that was created, renamed or removed since the directory's last
// sync is in its old or new state. Synced bytes and names always survive.
#pragma once
#include "spg/os/none/none.hpp"
#include "spg/policy/policy.hpp"

namespace spg::os {

/// SplitMix64: the one source of chance in the simulator.
class SimChance {
 public:
  explicit SimChance(std::uint64_t seed = 1) : state_(seed) {}
  std::uint64_t next() {
    std::uint64_t z = state_ += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
  }
  std::uint64_t below(std::uint64_t bound) { return next() % bound; }

 private:
  std::uint64_t state_;
};

/// What survives a power cut of the bytes that were not synced: torn = any sectors, reordered = any writes, each whole.
enum class Survival : std::uint8_t { none, all, torn, reordered };

/// Which calls fail_at() means.
enum class SimCalls : std::uint8_t { all, writes, syncs, names, dir_syncs, all_but_syncs };

struct SimDiskState;

struct SimReads { std::uint64_t all = 0, announced = 0; };

class SimFile {
 public:
  SimFile() = default;
  SimFile(SimDiskState* disk, std::uint64_t inode) : disk_(disk), inode_(inode) {}
  SimFile(SimFile&& other) noexcept : disk_(std::exchange(other.disk_, nullptr)), inode_(other.inode_) {}
  SimFile& operator=(SimFile&& other) noexcept { std::swap(disk_, other.disk_); std::swap(inode_, other.inode_); return *this; }
  Status read_at(std::uint64_t at, MutableBytes into);
  Result<bool> read_now(std::uint64_t at, MutableBytes into);
  void will_read(std::uint64_t at, std::uint64_t bytes);
  Status write_at(std::uint64_t at, Bytes from);
  Status sync();
  Result<std::uint64_t> size();
  Status resize(std::uint64_t bytes);

 private:
  SimDiskState* disk_ = nullptr;
  std::uint64_t inode_ = 0;
};

class SimStorage {
 public:
  using File = SimFile;
  using Lock = HeldLocks<NoSync::Mutex>::Lock;
  SimStorage();
  ~SimStorage();
  SimStorage(const SimStorage&) = delete;
  SimStorage& operator=(const SimStorage&) = delete;

  Result<File> open(std::string_view path, policy::OpenMode mode);
  Status remove(std::string_view path);
  Status rename(std::string_view from, std::string_view to);
  Status make_dir(std::string_view path);
  Status sync_dir(std::string_view path);
  Status list(std::string_view path, FunctionRef<void(std::string_view)> visit);
  Result<Lock> lock(std::string_view path, policy::LockMode mode) { return locks_.take(path, mode); }

  /// Changing calls (writes, syncs, resizes, names) so far.
  std::uint64_t steps() const;
  /// Reads since the last call, and how many of them had been announced (File::will_read).
  SimReads take_reads();
  /// The n-th changing call from now (1 = the next) and all that follow fail as if the power were gone; 0 = never.
  void cut_power_at(std::uint64_t nth);
  bool power_is_cut() const;
  /// The process is killed: what its destructors do until begin_process() changes nothing, and fails. Gives the number of writes
  /// and syncs that they tried.
  void end_process();
  std::uint64_t begin_process();
  /// The n-th changing call from now, or the first behind it of those that are meant, fails with `code` once (or for good).
  /// A write that fails has written its first half.
  void fail_at(std::uint64_t nth, Sqlstate code, bool sticky = false, SimCalls which = SimCalls::all);
  /// Power comes back: decides what survived. Handles opened before are dead, and locks gone.
  void power_cycle(SimChance& chance, Survival survival);
  /// A canary: syncs are reported as done but protect nothing. Crash tests must notice.
  void ignore_syncs(bool ignore);
  /// Flips one bit of a stored byte, for corruption tests. False when there is no such byte.
  bool flip(std::string_view path, std::uint64_t at, unsigned bit);
  /// Becomes a copy of another disk, so that a test can damage one many times. Handles opened before are dead.
  void copy_from(const SimStorage& other);
  /// Hash of every file's bytes: the same seed must give the same trace.
  std::uint64_t fingerprint() const;

 private:
  SimDiskState* disk_;
  HeldLocks<NoSync::Mutex> locks_;
};

class SimClock {
 public:
  std::uint64_t monotonic_ns() { return ns_ += 1000; }
  std::int64_t wall_us() { return 1'700'000'000'000'000 + stepped_us_ + static_cast<std::int64_t>((ns_ += 1000) / 1000); }
  void advance_ns(std::uint64_t ns) { ns_ += ns; }
  /// Somebody sets the wall clock, backwards maybe.
  void step_wall_us(std::int64_t by) { stepped_us_ += by; }

 private:
  std::uint64_t ns_ = 0;
  std::int64_t stepped_us_ = 0;
};

class SimRandom {
 public:
  explicit SimRandom(std::uint64_t seed = 1) : chance_(seed) {}
  void fill(MutableBytes into) { for (auto& byte : into) byte = static_cast<std::byte>(chance_.next()); }
  bool pretend_cold() { return cold_one_in_ != 0 && chance_.below(cold_one_in_) == 0; }
  /// Every n-th read of a resident object (on average) answers "not resident"; 0 = never.
  void set_cold_one_in(std::uint64_t n) { cold_one_in_ = n; }

 private:
  SimChance chance_;
  std::uint64_t cold_one_in_ = 0;
};

/// malloc with an account and a switch that makes the n-th allocation fail.
class SimAlloc {
 public:
  void* allocate(std::size_t bytes);
  void release(void* memory, std::size_t bytes);
  std::size_t used_bytes() { return used_bytes_; }
  std::size_t held_bytes() { return used_bytes_; }
  std::size_t mark_sparse(std::size_t) { return 0; }
  bool is_sparse(const void*, std::size_t) { return false; }
  void fail_at(std::uint64_t nth) { fail_at_ = nth; }
  /// Calls of allocate() so far.
  std::uint64_t calls() const { return calls_; }
  /// The most that was in use since the last call.
  std::size_t take_most_used_bytes() { return std::exchange(most_used_bytes_, used_bytes_); }

 private:
  std::size_t used_bytes_ = 0, most_used_bytes_ = 0;
  std::uint64_t calls_ = 0;
  std::uint64_t fail_at_ = 0;
};

struct SimEnv {
  using Storage = SimStorage;
  using Clock = SimClock;
  using Sync = NoSync;
  using Alloc = SimAlloc;
  using Random = SimRandom;
};
static_assert(policy::Env<SimEnv>);

}  // namespace spg::os
