// Locks of directories in every model of Storage, and across processes.
#include <catch2/catch.hpp>
#include <cstdlib>
#include <string>
#include <vector>

#include <sys/wait.h>
#include <unistd.h>

#include "spg/os/memory/memory.hpp"
#include "spg/os/sim/sim.hpp"

using namespace spg;
using namespace spg::os;
using policy::LockMode;

namespace {

template <class Storage>
bool is_refused(Storage& storage, std::string_view path, LockMode mode) {
  auto lock = storage.lock(path, mode);
  if (lock) return false;
  CHECK(lock.error().code() == sqlstate::lock_file_exists);
  return true;
}

template <class Storage>
void exclude(Storage& storage, const std::string& one, const std::string& other) {
  {
    auto writer = storage.lock(one, LockMode::exclusive);
    REQUIRE(writer);
    CHECK(is_refused(storage, one, LockMode::exclusive));
    CHECK(is_refused(storage, one, LockMode::shared));
    CHECK_FALSE(is_refused(storage, other, LockMode::exclusive));
    auto moved = std::move(*writer);
    CHECK(is_refused(storage, one, LockMode::shared));
  }
  auto reader = storage.lock(one, LockMode::shared);
  REQUIRE(reader);
  {
    auto second = storage.lock(one, LockMode::shared);
    REQUIRE(second);
    CHECK(is_refused(storage, one, LockMode::exclusive));
  }
  CHECK(is_refused(storage, one, LockMode::exclusive));
  *reader = {};
  CHECK_FALSE(is_refused(storage, one, LockMode::exclusive));
}

struct Folder {
  Folder() { REQUIRE(::mkdtemp(path) != nullptr); }
  ~Folder() { ::rmdir(path); }
  char path[32] = "/tmp/spg-lock-XXXXXX";
};

/// A process that holds a lock until it is killed.
struct Holder {
  Holder(const char* path, LockMode mode) {
    int ready[2];
    REQUIRE(::pipe(ready) == 0);
    pid = ::fork();
    if (pid == 0) {
      PosixStorage storage;
      auto lock = storage.lock(path, mode);
      (void)!::write(ready[1], lock ? "1" : "0", 1);
      for (;;) ::pause();
    }
    char answer = '?';
    REQUIRE(::read(ready[0], &answer, 1) == 1);
    REQUIRE(answer == '1');
    ::close(ready[0]);
    ::close(ready[1]);
  }
  ~Holder() { kill(); }
  void kill() {
    if (pid == 0) return;
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    pid = 0;
  }
  pid_t pid;
};

}  // namespace

TEST_CASE("a lock excludes what it must, in every model") {
  MemoryStorage memory;
  exclude(memory, "d/one.d", "d/two.d");
  SimStorage sim;
  exclude(sim, "d/one.d", "d/two.d");
  alignas(8) static std::byte block[RamStorage::block_bytes_min];
  RamStorage ram{MutableBytes(block)};
  exclude(ram, std::string(300, 'x'), std::string(300, 'y'));
  PosixStorage posix;
  Folder one, two;
  exclude(posix, one.path, two.path);
  CHECK(posix.lock(std::string(one.path) + "/nowhere", LockMode::shared).error().code() == sqlstate::undefined_file);
}

TEST_CASE("another process's lock is refused by its PID, and goes with it") {
  Folder folder;
  PosixStorage storage;
  {
    Holder writer(folder.path, LockMode::exclusive);
    auto refused = storage.lock(folder.path, LockMode::shared);
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code() == sqlstate::lock_file_exists);
    const std::string message(refused.error().message());
    CHECK(message == "directory \"" + std::string(folder.path) + "\" is locked by another process (PID " + std::to_string(writer.pid) + ")");
    writer.kill();
    CHECK(storage.lock(folder.path, LockMode::exclusive));
  }
  Holder reader(folder.path, LockMode::shared), second(folder.path, LockMode::shared);
  CHECK(storage.lock(folder.path, LockMode::shared));
  CHECK(is_refused(storage, folder.path, LockMode::exclusive));
  reader.kill();
  CHECK(is_refused(storage, folder.path, LockMode::exclusive));
  second.kill();
  CHECK(storage.lock(folder.path, LockMode::exclusive));
}

TEST_CASE("a power cut takes every lock, and what held them gives back nothing of others") {
  SimStorage disk;
  SimChance chance(1);
  auto before = disk.lock("d/db.d", LockMode::exclusive);
  REQUIRE(before);
  disk.power_cycle(chance, Survival::all);
  auto after = disk.lock("d/db.d", LockMode::exclusive);
  REQUIRE(after);
  *before = {};
  CHECK(is_refused(disk, "d/db.d", LockMode::shared));
}

TEST_CASE("there is an end to the directories that are locked at once in memory") {
  MemoryStorage storage;
  std::vector<MemoryStorage::Lock> held;
  for (;;) {
    auto lock = storage.lock("d" + std::to_string(held.size()), LockMode::exclusive);
    if (!lock) { CHECK(lock.error().code() == sqlstate::insufficient_resources); break; }
    held.push_back(std::move(*lock));
    REQUIRE(held.size() < 1000);
  }
  held.pop_back();
  CHECK(storage.lock("another", LockMode::exclusive));
}
