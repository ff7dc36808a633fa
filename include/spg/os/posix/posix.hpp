// The policies on a POSIX system (Linux first). Bodies in src/os/posix.cpp, so that no system header leaks.
#pragma once
#include <atomic>

#include "spg/os/posix/extent_alloc.hpp"
#include "spg/policy/policy.hpp"

namespace spg::os {

class PosixFile {
 public:
  PosixFile() = default;
  explicit PosixFile(int descriptor) : descriptor_(descriptor) {}
  PosixFile(PosixFile&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  PosixFile& operator=(PosixFile&& other) noexcept;
  ~PosixFile();
  Status read_at(std::uint64_t at, MutableBytes into);
  Result<bool> read_now(std::uint64_t at, MutableBytes into);
  void will_read(std::uint64_t at, std::uint64_t bytes);
  Status write_at(std::uint64_t at, Bytes from);
  Status sync();
  Result<std::uint64_t> size();
  Status resize(std::uint64_t bytes);

 private:
  int descriptor_ = -1;
};

/// A lock of a directory (flock). It belongs to the open directory and not to the process: a child that was forked and has
/// not called exec shares it, and keeps it for as long as it lives.
class PosixLock {
 public:
  PosixLock() = default;
  explicit PosixLock(int descriptor) : descriptor_(descriptor) {}
  PosixLock(PosixLock&& other) noexcept : descriptor_(std::exchange(other.descriptor_, -1)) {}
  PosixLock& operator=(PosixLock&& other) noexcept { std::swap(descriptor_, other.descriptor_); return *this; }
  ~PosixLock();

 private:
  int descriptor_ = -1;
};

class PosixStorage {
 public:
  using File = PosixFile;
  using Lock = PosixLock;
  Result<File> open(std::string_view path, policy::OpenMode mode);
  Status remove(std::string_view path);
  Status rename(std::string_view from, std::string_view to);
  Status make_dir(std::string_view path);
  Status sync_dir(std::string_view path);
  Status list(std::string_view path, FunctionRef<void(std::string_view)> visit);
  Result<Lock> lock(std::string_view path, policy::LockMode mode);
};

class SystemClock {
 public:
  std::uint64_t monotonic_ns();
  std::int64_t wall_us();
};

/// A futex-sized mutex and its condition variable (pthread's), and threads. Storage is opaque to keep <pthread.h> out.
struct StdSync {
  static constexpr bool has_threads = true;
  class Mutex {
   public:
    Mutex();
    ~Mutex();
    Mutex(const Mutex&) = delete;
    Mutex& operator=(const Mutex&) = delete;
    void lock();
    bool try_lock();
    void unlock();

   private:
    friend struct StdSync;
    alignas(16) unsigned char handle_[48];
  };
  class CondVar {
   public:
    CondVar();
    ~CondVar();
    CondVar(const CondVar&) = delete;
    CondVar& operator=(const CondVar&) = delete;
    void wait(Mutex& mutex);
    void wait_for(Mutex& mutex, std::uint64_t timeout_ns);
    void notify_all();

   private:
    alignas(16) unsigned char handle_[48];
  };
  class Thread {
   public:
    Thread() = default;
    ~Thread() { join(); }
    Thread(const Thread&) = delete;
    Thread& operator=(const Thread&) = delete;
    Status start(void (*body)(void*), void* argument);
    void join();

   private:
    unsigned long handle_ = 0;
    bool started_ = false;
  };
};

class SystemRandom {
 public:
  void fill(MutableBytes into);
  static constexpr bool pretend_cold() { return false; }
};

/// Processors that this process may use.
unsigned processor_count();
/// Of the machine, or what its control group leaves to the process; at least 64 MiB.
std::size_t memory_bytes();

struct PosixEnv {
  using Storage = PosixStorage;
  using Clock = SystemClock;
  using Sync = StdSync;
  using Alloc = ExtentAlloc;
  using Random = SystemRandom;
};
static_assert(policy::Env<PosixEnv>);

}  // namespace spg::os
