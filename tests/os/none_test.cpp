// FirmwareEnv's models: files in one block against a model, memory from one block, chance from a seed.
#include "spg/os/none/none.hpp"

#include <catch2/catch.hpp>
#include <map>
#include <random>
#include <string>
#include <vector>

#include "support/bytes.hpp"

using namespace spg;

TEST_CASE("a RAM storage behaves as files do") {
  std::mt19937_64 random(7);
  std::vector<std::byte> block(400 * 1024);
  std::optional<os::RamStorage> storage(block);
  std::map<std::string, std::string> model;
  const std::uint64_t all_free = storage->free_bytes();
  const auto name_of = [&] { return "d/" + std::to_string(random() % 6); };
  std::size_t full = 0;
  for (int step = 0; step < 20000; ++step) {
    const std::string name = name_of();
    auto file = storage->open(name, policy::OpenMode::write);
    REQUIRE(file.has_value() == model.contains(name));
    const std::uint64_t at = random() % 200'000, bytes = random() % 100'000;
    switch (random() % 8) {
      case 0: {
        auto made = storage->open(name, policy::OpenMode::create);
        REQUIRE(made.has_value() == !model.contains(name));
        if (!made) REQUIRE(made.error().code() == sqlstate::duplicate_file);
        model[name];
        break;
      }
      case 1: REQUIRE(storage->remove(name).failed() == !model.erase(name)); break;
      case 2: {
        const std::string to = name_of();
        const bool there = model.contains(name);
        REQUIRE(storage->rename(name, to).failed() == !there);
        if (there && to != name) { model[to] = model[name]; model.erase(name); }
        break;
      }
      case 3: {
        if (!file) break;
        std::string& want = model[name];
        Status failed = file->resize(at);
        if (failed) { REQUIRE(failed.code() == sqlstate::disk_full); ++full; break; }
        want.resize(at);
        break;
      }
      case 4: case 5: {
        if (!file) break;
        std::string& want = model[name];
        const std::string fresh = test::random_bytes(bytes, random());
        Status failed = file->write_at(at, as_bytes(fresh));
        if (failed) { REQUIRE(failed.code() == sqlstate::disk_full); ++full; break; }
        if (want.size() < at + bytes) want.resize(at + bytes);
        want.replace(at, bytes, fresh);
        break;
      }
      case 6: {
        if (!file) break;
        const std::string& want = model[name];
        REQUIRE(*file->size() == want.size());
        std::string got(want.size(), '?');
        REQUIRE_FALSE(file->read_at(0, {reinterpret_cast<std::byte*>(got.data()), got.size()}).failed());
        REQUIRE(got == want);
        std::byte past[1];
        REQUIRE(file->read_at(want.size(), past).failed());
        break;
      }
      case 7:
        // The program starts again, and finds everything in the same bytes at another address.
        if (random() % 50 == 0) {
          storage.reset();
          std::vector<std::byte> moved(block);
          block.swap(moved);
          storage.emplace(block);
        }
        break;
    }
  }
  REQUIRE(full > 100);
  std::size_t listed = 0;
  (void)storage->list("d", [&](std::string_view name) { listed += model.contains("d/" + std::string(name)); });
  REQUIRE(listed == model.size());
  for (const auto& [name, bytes] : model) REQUIRE_FALSE(storage->remove(name).failed());
  REQUIRE(storage->free_bytes() == all_free);
}

TEST_CASE("a handle on a removed file is dead, also when the name exists again") {
  std::vector<std::byte> block(256 * 1024);
  os::RamStorage storage(block);
  auto file = storage.open("a", policy::OpenMode::create);
  REQUIRE_FALSE(file->resize(10).failed());
  REQUIRE_FALSE(storage.remove("a").failed());
  REQUIRE(file->size().has_value() == false);
  REQUIRE(storage.open("a", policy::OpenMode::create).has_value());
  REQUIRE(file->write_at(0, as_bytes("x")).code() == sqlstate::io_error);
}

TEST_CASE("memory from a block ends with null, and what is released serves again") {
  std::vector<std::byte> block(100'000);
  os::FixedAlloc alloc(block);
  std::vector<void*> pieces;
  while (void* piece = alloc.allocate(1000)) {
    REQUIRE(reinterpret_cast<std::uintptr_t>(piece) % 16 == 0);
    std::memset(piece, 0x5a, 1000);
    pieces.push_back(piece);
  }
  REQUIRE(pieces.size() > 90);
  REQUIRE(alloc.used_bytes() <= alloc.limit_bytes());
  const std::size_t count = pieces.size();
  for (void* piece : pieces) alloc.release(piece, 1000);
  REQUIRE(alloc.used_bytes() == 0);
  for (std::size_t i = 0; i < count; ++i) REQUIRE(alloc.allocate(1000) != nullptr);
  REQUIRE(alloc.allocate(1000) == nullptr);
  REQUIRE(alloc.allocate(100 * 1024) == nullptr);
}

TEST_CASE("the same seed gives the same bytes, another one others") {
  const auto draw = [](std::string_view seed) {
    os::SeededRandom random(as_bytes(seed));
    std::byte bytes[100];
    random.fill({bytes, 10});
    random.fill(bytes);
    return test::hex(bytes);
  };
  REQUIRE(draw("a") == draw("a"));
  REQUIRE(draw("a") != draw("b"));
  REQUIRE(draw("a").substr(0, 20) != draw("a").substr(20, 20));
}
