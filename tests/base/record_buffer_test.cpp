#include <catch2/catch.hpp>

#include "spg/base/record_buffer.hpp"

using namespace spg;

TEST_CASE("an empty piece fits into an empty buffer") {
  RecordBuffer buffer;
  CHECK(buffer.extend(0) != nullptr);
  RecordBuffer other;
  CHECK(other.add({}));
  CHECK(other.size() == 0);
  other.shrink(0);
  CHECK(other.add({}));
}
