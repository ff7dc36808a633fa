// The policies: all that the engine asks of the outside world, as C++20 concepts (DESIGN 2). No implementation here; the
// models live in os/. Every concept has an archetype: the smallest type that meets it, declared only. A template that
// compiles against the archetypes asks for no more than is promised (src/inst/archetype.cpp).
//
// Files. After sync() returned ok, earlier writes of that file survive power loss; before that, any mix of 512-byte
//   sectors of each write may. An error of sync() is final for the database. Short reads are errors: read_at fills the span.
//   A file made by its default constructor is closed: it is only assigned to and destroyed.
// Storage. rename is atomic; created, renamed and removed names survive power loss only after sync_dir of their directory.
//   lock() of a directory is refused (F0001) while anybody else, in this process or another, holds a lock on it that excludes
//   this one, and with undefined_file where there is no such directory. A lock ends with its handle, or with its process
//   however that ends: nothing is left behind.
// Clock. monotonic_ns never goes back; wall_us (microseconds since 1970 UTC) may.
// Sync. With has_threads == false nothing runs beside the caller, and background work happens in tick().
// Alloc. Null when there is no more; never throws.
#pragma once
#include <concepts>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

#include "spg/base/bytes.hpp"
#include "spg/base/function_ref.hpp"
#include "spg/base/result.hpp"

namespace spg::policy {

enum class OpenMode : std::uint8_t {
  read,    ///< must exist
  write,   ///< must exist; read and write
  create,  ///< must not exist
};

template <class F>
concept File = std::default_initializable<F> && std::movable<F> && requires(F& file, std::uint64_t at, MutableBytes into, Bytes from) {
  { file.read_at(at, into) } -> std::same_as<Status>;
  { file.read_now(at, into) } -> std::same_as<Result<bool>>;  // reads if that does not wait for a disk; false: it might have to
  { file.will_read(at, at) };                              // so many bytes from a place on are about to be read; may do nothing
  { file.write_at(at, from) } -> std::same_as<Status>;
  { file.sync() } -> std::same_as<Status>;
  { file.size() } -> std::same_as<Result<std::uint64_t>>;
  { file.resize(at) } -> std::same_as<Status>;
};

enum class LockMode : std::uint8_t {
  shared,     ///< any number of them at once
  exclusive,  ///< alone
};

template <class S>
concept Storage = File<typename S::File> && std::default_initializable<typename S::Lock> && std::movable<typename S::Lock> &&
                  requires(S& storage, std::string_view path, OpenMode mode, LockMode lock_mode, FunctionRef<void(std::string_view)> visit) {
  { storage.open(path, mode) } -> std::same_as<Result<typename S::File>>;
  { storage.remove(path) } -> std::same_as<Status>;
  { storage.rename(path, path) } -> std::same_as<Status>;
  { storage.make_dir(path) } -> std::same_as<Status>;      // ok when it exists
  { storage.sync_dir(path) } -> std::same_as<Status>;
  { storage.list(path, visit) } -> std::same_as<Status>;   // base names of a directory; none when it is absent
  { storage.lock(path, lock_mode) } -> std::same_as<Result<typename S::Lock>>;
};

template <class C>
concept Clock = requires(C& clock) {
  { clock.monotonic_ns() } -> std::same_as<std::uint64_t>;
  { clock.wall_us() } -> std::same_as<std::int64_t>;
};

template <class S>
concept Sync = std::default_initializable<typename S::Mutex> && std::default_initializable<typename S::CondVar> &&
               std::default_initializable<typename S::Thread> &&
               requires(typename S::Mutex& mutex, typename S::CondVar& condition, void (*body)(void*), void* argument,
                        typename S::Thread& thread, std::uint64_t timeout_ns) {
  { S::has_threads } -> std::convertible_to<bool>;
  mutex.lock();
  { mutex.try_lock() } -> std::same_as<bool>;
  mutex.unlock();
  condition.wait(mutex);
  condition.wait_for(mutex, timeout_ns);
  condition.notify_all();
  { thread.start(body, argument) } -> std::same_as<Status>;
  thread.join();  // ok when never started
};

template <class A>
concept Alloc = requires(A& alloc, void* memory, std::size_t bytes) {
  { alloc.allocate(bytes) } -> std::same_as<void*>;  // 16-byte aligned
  alloc.release(memory, bytes);
  { alloc.used_bytes() } -> std::same_as<std::size_t>;  // of what is allocated
  { alloc.held_bytes() } -> std::same_as<std::size_t>;  // what the process holds for it
  // Memory comes back where whole extents are released: marks some `bytes` of those that are used least, and tells whether
  // a piece lies in one.
  { alloc.mark_sparse(bytes) } -> std::same_as<std::size_t>;
  { alloc.is_sparse(memory, bytes) } -> std::same_as<bool>;
};

template <class R>
concept Random = requires(R& random, MutableBytes into) {
  random.fill(into);
  // Says at random that a resident object is not, so that every read path meets "would block"; constant false outside
  // of the simulator.
  { random.pretend_cold() } -> std::same_as<bool>;
};

/// The bundle. Only db/ and the composition roots see all of it; classes take the policies that they use.
template <class E>
concept Env = Storage<typename E::Storage> && Clock<typename E::Clock> && Sync<typename E::Sync> &&
              Alloc<typename E::Alloc> && Random<typename E::Random>;

// --- archetypes ---------------------------------------------------------------------------------------------------

struct FileArchetype {
  FileArchetype();
  FileArchetype(FileArchetype&&) noexcept;
  FileArchetype& operator=(FileArchetype&&) noexcept;
  ~FileArchetype();
  Status read_at(std::uint64_t at, MutableBytes into);
  Result<bool> read_now(std::uint64_t at, MutableBytes into);
  void will_read(std::uint64_t at, std::uint64_t bytes);
  Status write_at(std::uint64_t at, Bytes from);
  Status sync();
  Result<std::uint64_t> size();
  Status resize(std::uint64_t bytes);
};
struct LockArchetype {
  LockArchetype();
  LockArchetype(LockArchetype&&) noexcept;
  LockArchetype& operator=(LockArchetype&&) noexcept;
  ~LockArchetype();
};
struct StorageArchetype {
  using File = FileArchetype;
  using Lock = LockArchetype;
  Result<File> open(std::string_view path, OpenMode mode);
  Status remove(std::string_view path);
  Status rename(std::string_view from, std::string_view to);
  Status make_dir(std::string_view path);
  Status sync_dir(std::string_view path);
  Status list(std::string_view path, FunctionRef<void(std::string_view)> visit);
  Result<Lock> lock(std::string_view path, LockMode mode);
};
struct ClockArchetype {
  std::uint64_t monotonic_ns();
  std::int64_t wall_us();
};
struct SyncArchetype {
  static constexpr bool has_threads = true;
  struct Mutex { void lock(); bool try_lock(); void unlock(); };
  struct CondVar {
    void wait(Mutex& mutex);
    void wait_for(Mutex& mutex, std::uint64_t timeout_ns);
    void notify_all();
  };
  struct Thread {
    Status start(void (*body)(void*), void* argument);
    void join();
  };
};
struct AllocArchetype {
  void* allocate(std::size_t bytes);
  void release(void* memory, std::size_t bytes);
  std::size_t used_bytes();
  std::size_t held_bytes();
  std::size_t mark_sparse(std::size_t bytes);
  bool is_sparse(const void* memory, std::size_t bytes);
};
struct RandomArchetype {
  void fill(MutableBytes into);
  bool pretend_cold();
};
struct EnvArchetype {
  using Storage = StorageArchetype;
  using Clock = ClockArchetype;
  using Sync = SyncArchetype;
  using Alloc = AllocArchetype;
  using Random = RandomArchetype;
};
static_assert(Env<EnvArchetype>);

/// Locks a mutex of a Sync model for a scope.
template <class Mutex>
class [[nodiscard]] LockGuard {
 public:
  explicit LockGuard(Mutex& mutex) : mutex_(mutex) { mutex_.lock(); }
  ~LockGuard() { mutex_.unlock(); }
  LockGuard(const LockGuard&) = delete;
  LockGuard& operator=(const LockGuard&) = delete;

 private:
  Mutex& mutex_;
};

}  // namespace spg::policy
