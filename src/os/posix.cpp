#include "spg/os/posix/posix.hpp"

#include <algorithm>
#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string>

#include <dirent.h>
#include <fcntl.h>
#include <pthread.h>
#include <sched.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/sysmacros.h>
#include <time.h>
#include <unistd.h>

namespace spg::os {
namespace {

/// A NUL-terminated copy of a path on the stack.
struct Path {
  explicit Path(std::string_view path) : fits(path.size() < sizeof text) {
    if (!fits) return;
    std::memcpy(text, path.data(), path.size());
    text[path.size()] = '\0';
  }
  char text[4096];
  bool fits;
};

Status system_error(const char* what, std::string_view path = {}) {
  const int number = errno;
  const Sqlstate code = number == ENOSPC || number == EDQUOT ? sqlstate::disk_full
                        : number == ENOENT                   ? sqlstate::undefined_file
                        : number == EEXIST                   ? sqlstate::duplicate_file
                                                             : sqlstate::io_error;
  char buffer[128];
  const char* text = ::strerror_r(number, buffer, sizeof buffer);
  return path.empty() ? Error::make(code, "could not ", what, ": ", text)
                      : Error::make(code, "could not ", what, " \"", path, "\": ", text);
}
Status path_too_long(std::string_view path) {
  return Error::make(sqlstate::io_error, "path is too long: ", path.substr(0, 80));
}

}  // namespace

PosixFile& PosixFile::operator=(PosixFile&& other) noexcept {
  std::swap(descriptor_, other.descriptor_);
  return *this;
}
PosixFile::~PosixFile() { if (descriptor_ >= 0) ::close(descriptor_); }

Status PosixFile::read_at(std::uint64_t at, MutableBytes into) {
  while (!into.empty()) {
    const ssize_t got = ::pread(descriptor_, into.data(), into.size(), static_cast<off_t>(at));
    if (got < 0 && errno == EINTR) continue;
    if (got < 0) return system_error("read file");
    if (got == 0) return Error::make(sqlstate::io_error, "could not read file: it ends at ", at);
    into = into.subspan(static_cast<std::size_t>(got));
    at += static_cast<std::uint64_t>(got);
  }
  return ok();
}
Result<bool> PosixFile::read_now(std::uint64_t at, MutableBytes into) {
#ifdef RWF_NOWAIT
  const iovec piece{into.data(), into.size()};
  const ssize_t got = ::preadv2(descriptor_, &piece, 1, static_cast<off_t>(at), RWF_NOWAIT);
  return got == static_cast<ssize_t>(into.size());  // else not all of it is in the page cache, or the file system does not tell
#else
  (void)at;
  return into.empty();
#endif
}
void PosixFile::will_read(std::uint64_t at, std::uint64_t bytes) {
#ifdef POSIX_FADV_WILLNEED
  (void)::posix_fadvise(descriptor_, static_cast<off_t>(at), static_cast<off_t>(bytes), POSIX_FADV_WILLNEED);
#endif
}
Status PosixFile::write_at(std::uint64_t at, Bytes from) {
  while (!from.empty()) {
    const ssize_t put = ::pwrite(descriptor_, from.data(), from.size(), static_cast<off_t>(at));
    if (put < 0 && errno == EINTR) continue;
    if (put < 0) return system_error("write file");
    from = from.subspan(static_cast<std::size_t>(put));
    at += static_cast<std::uint64_t>(put);
  }
  return ok();
}
Status PosixFile::sync() { return ::fdatasync(descriptor_) != 0 ? system_error("sync file") : ok(); }
Result<std::uint64_t> PosixFile::size() {
  struct stat status;
  if (::fstat(descriptor_, &status) != 0) return system_error("stat file");
  return static_cast<std::uint64_t>(status.st_size);
}
Status PosixFile::resize(std::uint64_t bytes) {
  return ::ftruncate(descriptor_, static_cast<off_t>(bytes)) != 0 ? system_error("resize file") : ok();
}

Result<PosixFile> PosixStorage::open(std::string_view path, policy::OpenMode mode) {
  const Path name(path);
  if (!name.fits) return path_too_long(path);
  const int flags = mode == policy::OpenMode::read ? O_RDONLY : mode == policy::OpenMode::write ? O_RDWR : O_RDWR | O_CREAT | O_EXCL;
  const int descriptor = ::open(name.text, flags | O_CLOEXEC, 0600);
  if (descriptor < 0) return system_error("open file", path);
  return PosixFile{descriptor};
}
Status PosixStorage::remove(std::string_view path) {
  const Path name(path);
  return ::unlink(name.text) != 0 ? system_error("remove file", path) : ok();
}
Status PosixStorage::rename(std::string_view from, std::string_view to) {
  const Path old_name(from), new_name(to);
  return ::rename(old_name.text, new_name.text) != 0 ? system_error("rename file", from) : ok();
}
Status PosixStorage::make_dir(std::string_view path) {
  const Path name(path);
  if (!name.fits) return path_too_long(path);
  return ::mkdir(name.text, 0700) != 0 && errno != EEXIST ? system_error("create directory", path) : ok();
}
Status PosixStorage::sync_dir(std::string_view path) {
  const Path name(path.empty() ? std::string_view(".") : path);
  const int descriptor = ::open(name.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error("open directory", path);
  const int result = ::fsync(descriptor);
  Status status = result != 0 ? system_error("sync directory", path) : ok();
  ::close(descriptor);
  return status;
}
Status PosixStorage::list(std::string_view path, FunctionRef<void(std::string_view)> visit) {
  const Path name(path);
  DIR* directory = ::opendir(name.text);
  if (directory == nullptr) return errno == ENOENT ? ok() : system_error("open directory", path);
  while (const dirent* entry = ::readdir(directory)) {
    const std::string_view base = entry->d_name;
    if (base != "." && base != "..") visit(base);
  }
  ::closedir(directory);
  return ok();
}

namespace {
/// Who holds a lock on the file: 0 when the system does not say.
long lock_holder(int descriptor) {
  struct stat status;
  std::FILE* locks = ::fstat(descriptor, &status) == 0 ? std::fopen("/proc/locks", "re") : nullptr;
  if (locks == nullptr) return 0;
  long holder = 0;
  char line[256], kind[16];
  while (holder == 0 && std::fgets(line, sizeof line, locks) != nullptr) {  // "1: FLOCK  ADVISORY  WRITE 708 fe:00:1125 0 EOF"
    long pid = 0;
    unsigned major_number = 0, minor_number = 0;
    unsigned long long inode = 0;
    if (std::sscanf(line, "%*d: %15s %*s %*s %ld %x:%x:%llu", kind, &pid, &major_number, &minor_number, &inode) != 5) continue;
    if (std::strcmp(kind, "FLOCK") == 0 && inode == status.st_ino && major_number == major(status.st_dev) && minor_number == minor(status.st_dev)) holder = pid;
  }
  std::fclose(locks);
  return holder;
}
}  // namespace

PosixLock::~PosixLock() { if (descriptor_ >= 0) ::close(descriptor_); }

/// The directory itself is locked, which no rename replaces and nobody takes for a stale file and removes.
Result<PosixLock> PosixStorage::lock(std::string_view path, policy::LockMode mode) {
  const Path name(path);
  if (!name.fits) return path_too_long(path);
  const int descriptor = ::open(name.text, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (descriptor < 0) return system_error("open directory", path);
  PosixLock lock(descriptor);
  int result;
  do result = ::flock(descriptor, (mode == policy::LockMode::shared ? LOCK_SH : LOCK_EX) | LOCK_NB);
  while (result != 0 && errno == EINTR);
  if (result == 0) return lock;
  if (errno != EWOULDBLOCK) return system_error("lock directory", path);
  const long holder = lock_holder(descriptor);
  if (holder == static_cast<long>(::getpid())) return Error::make(sqlstate::lock_file_exists, "directory \"", path, "\" is locked by this process");
  if (holder <= 0) return Error::make(sqlstate::lock_file_exists, "directory \"", path, "\" is locked by another process");
  return Error::make(sqlstate::lock_file_exists, "directory \"", path, "\" is locked by another process (PID ", holder, ")");
}

std::uint64_t SystemClock::monotonic_ns() {
  timespec now;
  ::clock_gettime(CLOCK_MONOTONIC, &now);
  return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000u + static_cast<std::uint64_t>(now.tv_nsec);
}
std::int64_t SystemClock::wall_us() {
  timespec now;
  ::clock_gettime(CLOCK_REALTIME, &now);
  return now.tv_sec * 1'000'000 + now.tv_nsec / 1000;
}

static_assert(sizeof(pthread_mutex_t) <= 48 && sizeof(pthread_cond_t) <= 48);
namespace {
pthread_mutex_t* mutex_of(unsigned char* handle) { return reinterpret_cast<pthread_mutex_t*>(handle); }
pthread_cond_t* condition_of(unsigned char* handle) { return reinterpret_cast<pthread_cond_t*>(handle); }
}  // namespace

// What these locks protect takes less time than to sleep and be woken: they spin a little first.
StdSync::Mutex::Mutex() {
  pthread_mutexattr_t attributes;
  ::pthread_mutexattr_init(&attributes);
#ifdef PTHREAD_MUTEX_ADAPTIVE_NP
  ::pthread_mutexattr_settype(&attributes, PTHREAD_MUTEX_ADAPTIVE_NP);
#endif
  ::pthread_mutex_init(mutex_of(handle_), &attributes);
  ::pthread_mutexattr_destroy(&attributes);
}
StdSync::Mutex::~Mutex() { ::pthread_mutex_destroy(mutex_of(handle_)); }
void StdSync::Mutex::lock() { ::pthread_mutex_lock(mutex_of(handle_)); }
bool StdSync::Mutex::try_lock() { return ::pthread_mutex_trylock(mutex_of(handle_)) == 0; }
void StdSync::Mutex::unlock() { ::pthread_mutex_unlock(mutex_of(handle_)); }

StdSync::CondVar::CondVar() {
  pthread_condattr_t attributes;
  ::pthread_condattr_init(&attributes);
  ::pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
  ::pthread_cond_init(condition_of(handle_), &attributes);
  ::pthread_condattr_destroy(&attributes);
}
StdSync::CondVar::~CondVar() { ::pthread_cond_destroy(condition_of(handle_)); }
void StdSync::CondVar::wait(Mutex& mutex) { ::pthread_cond_wait(condition_of(handle_), reinterpret_cast<pthread_mutex_t*>(&mutex)); }
void StdSync::CondVar::wait_for(Mutex& mutex, std::uint64_t timeout_ns) {
  timespec until;
  ::clock_gettime(CLOCK_MONOTONIC, &until);
  const std::uint64_t ns = static_cast<std::uint64_t>(until.tv_nsec) + timeout_ns;
  until.tv_sec += static_cast<time_t>(ns / 1'000'000'000u);
  until.tv_nsec = static_cast<long>(ns % 1'000'000'000u);
  ::pthread_cond_timedwait(condition_of(handle_), reinterpret_cast<pthread_mutex_t*>(&mutex), &until);
}
void StdSync::CondVar::notify_all() { ::pthread_cond_broadcast(condition_of(handle_)); }

Status StdSync::Thread::start(void (*body)(void*), void* argument) {
  struct Start { void (*body)(void*); void* argument; };
  auto* start = static_cast<Start*>(std::malloc(sizeof(Start)));
  if (start == nullptr) return Error::out_of_memory();
  *start = {body, argument};
  pthread_t handle;
  const int failed = ::pthread_create(&handle, nullptr, [](void* raw) -> void* {
    const Start begun = *static_cast<Start*>(raw);
    std::free(raw);
    begun.body(begun.argument);
    return nullptr;
  }, start);
  if (failed != 0) {
    std::free(start);
    return Error::make(sqlstate::insufficient_resources, "could not start a thread");
  }
  handle_ = handle;
  started_ = true;
  return ok();
}
void StdSync::Thread::join() {
  if (std::exchange(started_, false)) ::pthread_join(handle_, nullptr);
}

void SystemRandom::fill(MutableBytes into) {
  while (!into.empty()) {
    const ssize_t got = ::getrandom(into.data(), into.size(), 0);
    SPG_ASSERT(got > 0 || errno == EINTR);
    if (got > 0) into = into.subspan(static_cast<std::size_t>(got));
  }
}

unsigned processor_count() {
  const long count = ::sysconf(_SC_NPROCESSORS_ONLN);
  return count < 1 ? 1 : static_cast<unsigned>(count);
}

namespace {
/// The number in a file of one line; SIZE_MAX when there is none ("max").
std::size_t number_in(const std::string& path) {
  std::size_t number = SIZE_MAX;
  if (std::FILE* file = std::fopen(path.c_str(), "re")) {
    if (std::fscanf(file, "%zu", &number) != 1) number = SIZE_MAX;
    std::fclose(file);
  }
  return number;
}

/// What the control groups leave to this process: the least of the group's own and those above it (cgroups(7)).
std::size_t control_group_bytes() {
  std::size_t least = SIZE_MAX;
  std::FILE* file = std::fopen("/proc/self/cgroup", "re");
  if (file == nullptr) return least;
  char line[4096];
  while (std::fgets(line, sizeof line, file) != nullptr) {  // "number:controllers:path"
    const std::string_view text(line, std::strcspn(line, "\n"));
    const std::size_t first = text.find(':'), second = text.find(':', first + 1);
    if (second == std::string_view::npos) continue;
    const std::string_view controllers = text.substr(first + 1, second - first - 1);
    const bool is_unified = controllers.empty();
    if (!is_unified && controllers.find("memory") == std::string_view::npos) continue;
    const std::string root = is_unified ? "/sys/fs/cgroup" : "/sys/fs/cgroup/memory";
    for (std::string path(text.substr(second + 1));; path.resize(path.rfind('/'))) {
      if (path == "/") path.clear();
      least = std::min(least, number_in(root + path + (is_unified ? "/memory.max" : "/memory.limit_in_bytes")));
      if (path.empty()) break;
    }
  }
  std::fclose(file);
  return least;
}
}  // namespace

std::size_t memory_bytes() {
  const long pages = ::sysconf(_SC_PHYS_PAGES), page_bytes = ::sysconf(_SC_PAGESIZE);
  const std::size_t bytes = pages < 1 || page_bytes < 1 ? 0 : static_cast<std::size_t>(pages) * static_cast<std::size_t>(page_bytes);
  return std::max(std::min(bytes, control_group_bytes()), std::size_t{64} << 20);
}

}  // namespace spg::os
