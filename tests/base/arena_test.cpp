#include <catch2/catch.hpp>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"

using namespace spg;

TEST_CASE("an arena hands out aligned memory and gives it back") {
  MemoryBudget budget;
  {
    Arena arena(budget);
    for (std::size_t bytes : {1u, 7u, 100u, 5000u, 300000u}) {
      auto* at = static_cast<char*>(arena.allocate(bytes, 64));
      CHECK(reinterpret_cast<std::uintptr_t>(at) % 64 == 0);
      std::memset(at, 1, bytes);
    }
    CHECK(budget.used_bytes() >= 305000);
    arena.reset();
    CHECK(budget.used_bytes() < 305000);
  }
  CHECK(budget.used_bytes() == 0);
}

TEST_CASE("past its limit an arena still serves and raises the flag; large requests are refused") {
  MemoryBudget budget(64 * 1024);
  Arena arena(budget);
  CHECK(arena.try_allocate(1 << 20) == nullptr);
  CHECK(budget.check().code() == sqlstate::out_of_memory);
  budget.clear();
  for (int i = 0; i < 100; ++i) CHECK(arena.allocate(1024) != nullptr);
  CHECK(budget.exhausted());
}

TEST_CASE("the n-th charge can be made to fail") {
  MemoryBudget budget;
  budget.fail_at(2);
  Arena arena(budget);
  arena.allocate(8);
  CHECK_FALSE(budget.exhausted());
  arena.allocate(100000);
  CHECK(budget.exhausted());
}

TEST_CASE("a Vec grows and keeps its values") {
  MemoryBudget budget;
  Arena arena(budget);
  Vec<int> numbers(arena);
  for (int i = 0; i < 1000; ++i) numbers.push_back(i);
  for (int i = 0; i < 1000; ++i) CHECK(numbers[static_cast<std::size_t>(i)] == i);
}

TEST_CASE("errors carry their fields") {
  Error error = Error::make(sqlstate::undefined_table, "relation \"", "t", "\" does not exist").detail("n=", 5).at(15);
  CHECK(error.message() == "relation \"t\" does not exist");
  CHECK(error.field(ErrorField::detail) == "n=5");
  CHECK(error.position() == 15);
  CHECK(sqlstate_text(error.code()) == std::array<char, 5>{'4', '2', 'P', '0', '1'});
  Error copy = error.copy();
  CHECK(copy.message() == error.message());
  CHECK_FALSE(Error{}.failed());
}

TEST_CASE("a reader of bytes never runs past the end") {
  const std::byte raw[] = {std::byte{1}, std::byte{2}, std::byte{0x80}};
  ByteReader reader(raw);
  CHECK(reader.le<std::uint16_t>() == 0x0201);
  CHECK(reader.varint() == 0);
  CHECK_FALSE(reader.ok());
  CHECK(reader.bytes(1).empty());
}
