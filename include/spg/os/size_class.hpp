// Size classes of the allocators that serve images and nodes: multiples of 32 bytes up to 512, then `steps` per doubling up
// to 80 KiB (an object has at most 64 KiB), so that less than 1 / steps of a piece is lost. Pure functions.
#pragma once
#include <cstddef>

namespace spg::os {

template <unsigned steps_log2>
struct SizeClasses {
  static constexpr unsigned steps = 1u << steps_log2;
  static constexpr std::size_t bytes_max = 80 * 1024;

  static constexpr unsigned of(std::size_t bytes) {
    if (bytes <= 512) return static_cast<unsigned>((bytes + 31) / 32);
    const unsigned top = 63 - static_cast<unsigned>(__builtin_clzll(bytes - 1));
    return 16 + (top - 9) * steps + static_cast<unsigned>(((bytes - 1) >> (top - steps_log2)) & (steps - 1)) + 1;
  }
  static constexpr std::size_t bytes_of(unsigned index) {
    if (index <= 16) return index == 0 ? 32 : index * std::size_t{32};
    const unsigned step = index - 17, top = 9 + step / steps;
    return (steps + step % steps + std::size_t{1}) << (top - steps_log2);
  }
  static constexpr unsigned count = of(bytes_max) + 1;
  static_assert(bytes_of(of(512)) == 512 && bytes_of(of(513)) == 512 + 512 / steps && bytes_of(of(65536)) == 65536 && of(bytes_max) < count &&
                bytes_of(of(bytes_max)) == bytes_max);
};

}  // namespace spg::os
