#include "spg/base/checked_sort.hpp"

#include <catch2/catch.hpp>
#include <random>
#include <vector>

using namespace spg;

TEST_CASE("a checked sort sorts, whatever the input") {
  std::mt19937 random(7);
  for (const std::size_t size : {0u, 1u, 2u, 16384u, 16385u, 50000u, 300000u})
    for (const int shape : {0, 1, 2, 3, 4}) {
      std::vector<unsigned> numbers(size);
      for (std::size_t i = 0; i < size; ++i) {
        const auto n = static_cast<unsigned>(i);
        numbers[i] = shape == 0 ? static_cast<unsigned>(random()) : shape == 1 ? n : shape == 2 ? 1000000 - n : shape == 3 ? n % 7 : 5;
      }
      std::vector<unsigned> wanted = numbers;
      std::sort(wanted.begin(), wanted.end());
      int checks = 0;
      CAPTURE(size, shape);
      REQUIRE_FALSE(checked_sort(numbers.begin(), numbers.end(), std::less<>(), [&] { ++checks; return ok(); }));
      CHECK(numbers == wanted);
      CHECK(static_cast<std::size_t>(checks) >= size / static_cast<std::size_t>(checked_sort_run));
    }
}

TEST_CASE("a checked sort ends where it is told to, without losing an element") {
  std::mt19937 random(8);
  for (int until = 1; until < 60; until += 7) {
    std::vector<unsigned> numbers(400000);
    for (unsigned& number : numbers) number = static_cast<unsigned>(random());
    std::vector<unsigned> wanted = numbers;
    int left = until;
    Status ended = checked_sort(numbers.begin(), numbers.end(), std::less<>(), [&] { return --left == 0 ? Error::make(sqlstate::query_canceled, "enough") : ok(); });
    REQUIRE(ended.failed());
    CHECK(ended.code() == sqlstate::query_canceled);
    std::sort(numbers.begin(), numbers.end());
    std::sort(wanted.begin(), wanted.end());
    CHECK(numbers == wanted);
  }
}
