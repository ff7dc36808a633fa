// Size classes of the allocators that serve images and nodes: multiples of 32 bytes up to 512, then four per doubling up
// to 80 KiB (an object has at most 64 KiB). At most a quarter of a piece is lost. Pure functions.
#pragma once
#include <cstddef>

namespace spg::os {

inline constexpr std::size_t class_bytes_max = 80 * 1024;
inline constexpr unsigned class_count = 64;

constexpr unsigned class_of(std::size_t bytes) {
  if (bytes <= 512) return static_cast<unsigned>((bytes + 31) / 32);
  const unsigned top = 63 - static_cast<unsigned>(__builtin_clzll(bytes - 1));
  return 16 + (top - 9) * 4 + static_cast<unsigned>(((bytes - 1) >> (top - 2)) & 3) + 1;
}
constexpr std::size_t bytes_of(unsigned index) {
  if (index <= 16) return index == 0 ? 32 : index * std::size_t{32};
  const unsigned step = index - 17, top = 9 + step / 4;
  return (std::size_t{4} + step % 4 + 1) << (top - 2);
}
static_assert(bytes_of(class_of(512)) == 512 && bytes_of(class_of(513)) == 640 && bytes_of(class_of(65536)) == 65536 &&
              bytes_of(class_of(65537)) == class_bytes_max && class_of(class_bytes_max) < class_count);

}  // namespace spg::os
