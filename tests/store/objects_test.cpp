// Objects over the extents of the real allocator: eviction gives memory back, and never keeps room from those who need it.
#include <catch2/catch.hpp>

#include <vector>

#include "spg/os/posix/posix.hpp"
#include "spg/store/objects.inl.hpp"

using namespace spg;
using Objects = store::Objects<os::ExtentAlloc, os::StdSync, os::SystemRandom>;

namespace {

constexpr std::uint32_t object_bytes = 8368;

struct World {
  os::ExtentAlloc alloc;
  os::SystemRandom random;
  Objects objects{alloc, random};
  std::vector<store::Cell*> cells;

  store::Cell* make() {
    auto made = objects.make(store::Kind::heap, object_bytes, 0, object_bytes, Generation{1});
    REQUIRE(made);
    return *made;
  }
  /// One object in `n` is left, all over the memory that they had.
  void thin_out(std::size_t n) {
    std::vector<store::Cell*> left;
    for (std::size_t i = 0; i < cells.size(); ++i) {
      if (i % n == 0) left.push_back(cells[i]);
      else objects.free(cells[i]);
    }
    cells = left;
  }
  ~World() {
    for (store::Cell* cell : cells) objects.free(cell);
  }
};

}  // namespace

TEST_CASE("sparse extents are emptied of clean objects, and their memory goes back") {
  World world;
  for (std::uint64_t i = 0; i < 8000; ++i) {
    world.cells.push_back(world.make());
    world.objects.set_address(world.cells.back(), {1, object_bytes, 64 + i * 8368}, 0);
  }
  world.thin_out(10);
  const std::size_t held = world.alloc.held_bytes();
  CHECK(held > std::size_t{60} << 20);
  for (int i = 0; i < 3; ++i) world.objects.age();
  CHECK(world.objects.evict_sparse(held / 2) > 0);
  CHECK(world.alloc.held_bytes() < held * 2 / 3 + (std::size_t{8} << 20));
}

TEST_CASE("sparse extents whose objects cannot go serve those who come") {
  World world;
  for (int i = 0; i < 8000; ++i) world.cells.push_back(world.make());  // not on disk
  world.thin_out(2);
  const std::size_t held = world.alloc.held_bytes();
  // As many come and stay as go, here and there: there is room for them.
  for (std::size_t round = 0; round < 50; ++round) {
    CHECK(world.objects.evict_sparse(world.alloc.held_bytes()) == 0);
    std::vector<store::Cell*> passing;
    for (std::size_t i = 0; i < 1000; ++i) {
      store::Cell* made = world.make();
      if (i % 20 == 0) std::swap(world.cells[(round * 397 + i * 31) % world.cells.size()], made);
      passing.push_back(made);
    }
    for (store::Cell* cell : passing) world.objects.free(cell);
  }
  CHECK(world.alloc.held_bytes() <= held + (std::size_t{8} << 20));
}
