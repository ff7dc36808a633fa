#include "spg/store/segment.hpp"

#include "spg/crypto/crc32c.hpp"

namespace spg::store {

std::uint32_t place_seed(std::uint32_t segment, std::uint64_t offset) {
  std::byte place[12];
  store_le(place, segment);
  store_le(place + 4, offset);
  return crypto::crc32c(0, place);
}

}  // namespace spg::store
