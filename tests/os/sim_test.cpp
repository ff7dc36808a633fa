#include <catch2/catch.hpp>

#include "spg/os/memory/memory.hpp"
#include "spg/os/sim/sim.hpp"

using namespace spg;
using namespace spg::os;

namespace {
template <class Storage>
void write_all(Storage& storage, std::string_view path, std::string_view text, bool sync) {
  auto file = storage.open(path, policy::OpenMode::create);
  REQUIRE(file);
  REQUIRE_FALSE(file->write_at(0, as_bytes(text)));
  if (sync) REQUIRE_FALSE(file->sync());
}
template <class Storage>
std::string read_all(Storage& storage, std::string_view path) {
  auto file = storage.open(path, policy::OpenMode::read);
  if (!file) return "absent";
  std::string text(*file->size(), '\0');
  REQUIRE_FALSE(file->read_at(0, {reinterpret_cast<std::byte*>(text.data()), text.size()}));
  return text;
}
}  // namespace

TEST_CASE("files in RAM behave as files") {
  MemoryStorage storage;
  write_all(storage, "d/a", "hello", true);
  CHECK(read_all(storage, "d/a") == "hello");
  REQUIRE_FALSE(storage.rename("d/a", "d/b"));
  CHECK(read_all(storage, "d/a") == "absent");
  int seen = 0;
  REQUIRE_FALSE(storage.list("d", [&](std::string_view name) { seen += name == "b"; }));
  CHECK(seen == 1);
  REQUIRE_FALSE(storage.remove("d/b"));
}

TEST_CASE("a power cut keeps what was synced and nothing else") {
  SimStorage disk;
  SimChance chance(7);
  write_all(disk, "d/synced", "kept", true);
  REQUIRE_FALSE(disk.sync_dir("d"));
  write_all(disk, "d/unnamed", "lost", true);
  {
    auto file = disk.open("d/synced", policy::OpenMode::write);
    REQUIRE_FALSE(file->write_at(0, as_bytes("gone")));
  }
  disk.power_cycle(chance, Survival::none);
  CHECK(read_all(disk, "d/synced") == "kept");
  CHECK(read_all(disk, "d/unnamed") == "absent");
}

TEST_CASE("unsynced sectors live or die one by one") {
  bool mixed = false;
  for (std::uint64_t seed = 0; seed < 20; ++seed) {
    SimStorage disk;
    SimChance chance(seed);
    write_all(disk, "f", std::string(2048, 'a'), true);
    REQUIRE_FALSE(disk.sync_dir(""));
    auto file = disk.open("f", policy::OpenMode::write);
    REQUIRE_FALSE(file->write_at(0, as_bytes(std::string(2048, 'b'))));
    disk.power_cycle(chance, Survival::torn);
    const std::string text = read_all(disk, "f");
    for (std::size_t sector = 0; sector < 4; ++sector)
      CHECK((text.substr(sector * 512, 512) == std::string(512, 'a') || text.substr(sector * 512, 512) == std::string(512, 'b')));
    mixed |= text.find('a') != std::string::npos && text.find('b') != std::string::npos;
  }
  CHECK(mixed);
}

TEST_CASE("the n-th call fails, and a cut disk stays dead until its power cycle") {
  SimStorage disk;
  disk.fail_at(1, sqlstate::disk_full);
  CHECK(disk.open("a", policy::OpenMode::create).error().code() == sqlstate::disk_full);
  write_all(disk, "a", "x", true);
  disk.cut_power_at(1);
  CHECK(disk.sync_dir("").failed());
  CHECK(disk.power_is_cut());
  CHECK_FALSE(disk.open("a", policy::OpenMode::read));
}

TEST_CASE("the extent allocator serves every size and accounts for it") {
  ExtentAlloc alloc;
  std::vector<std::pair<void*, std::size_t>> held;
  for (std::size_t bytes = 1; bytes < 200000; bytes = bytes * 5 / 4 + 1) {
    void* memory = alloc.allocate(bytes);
    REQUIRE(memory != nullptr);
    CHECK(reinterpret_cast<std::uintptr_t>(memory) % 16 == 0);
    std::memset(memory, 0x5a, bytes);
    held.emplace_back(memory, bytes);
  }
  CHECK(alloc.used_bytes() > 200000);
  for (auto [memory, bytes] : held) alloc.release(memory, bytes);
  CHECK(alloc.used_bytes() == 0);
}
