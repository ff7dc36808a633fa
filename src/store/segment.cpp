#include "spg/store/segment.hpp"

#include <cstdio>

#include "spg/crypto/crc32c.hpp"

namespace spg::store {

std::uint32_t place_seed(std::uint32_t segment, std::uint64_t offset) {
  std::byte place[12];
  store_le(place, segment);
  store_le(place + 4, offset);
  return crypto::crc32c(0, place);
}

void write_segment_name(char (&to)[512], const char* directory, std::uint32_t number) {
  std::snprintf(to, sizeof to, "%s/segment-%08u", directory, number);
}

void write_segment_header(std::byte* to, std::uint32_t segment) {
  std::memcpy(to, segment_magic, sizeof segment_magic);
  store_le(to + 8, segment);
  store_le(to + 12, crypto::crc32c(0, {to, 12}));
}

Result<std::uint8_t> check_segment_header(const std::byte* header, std::uint32_t segment) {
  constexpr std::size_t version_at = sizeof segment_magic - 1;
  const auto damaged = [&] { return Error::make(sqlstate::data_corrupted, "segment ", segment, " has a damaged header"); };
  if (std::memcmp(header, segment_magic, version_at) != 0) return damaged();
  const auto version = static_cast<std::uint8_t>(header[version_at]), known = static_cast<std::uint8_t>(segment_magic[version_at]);
  if (version > known)
    return Error::make(sqlstate::feature_not_supported, "segment ", segment, " has format ", unsigned{version}, ", this program reads up to ", unsigned{known});
  if (version == 0 || load_le<std::uint32_t>(header + 8) != segment || load_le<std::uint32_t>(header + 12) != crypto::crc32c(0, {header, 12})) return damaged();
  return version;
}

}  // namespace spg::store
