// Size classes of the allocators that serve images and nodes: multiples of 32 bytes up to `linear_bytes`, then `steps` per
// doubling up to 80 KiB (an object has at most 64 KiB), so that less than 1 / steps of a piece is lost. Pure functions.
#pragma once
#include <cstddef>

namespace spg::os {

template <unsigned steps_log2, unsigned linear_log2>
struct SizeClasses {
  static constexpr unsigned steps = 1u << steps_log2;
  static constexpr std::size_t linear_bytes = std::size_t{1} << linear_log2, bytes_max = 80 * 1024;
  static constexpr unsigned linear_count = linear_bytes / 32;

  static constexpr unsigned of(std::size_t bytes) {
    if (bytes <= linear_bytes) return static_cast<unsigned>((bytes + 31) / 32);
    const unsigned top = 63 - static_cast<unsigned>(__builtin_clzll(bytes - 1));
    return linear_count + (top - linear_log2) * steps + static_cast<unsigned>(((bytes - 1) >> (top - steps_log2)) & (steps - 1)) + 1;
  }
  static constexpr std::size_t bytes_of(unsigned index) {
    if (index <= linear_count) return index == 0 ? 32 : index * std::size_t{32};
    const unsigned step = index - linear_count - 1, top = linear_log2 + step / steps;
    return (steps + step % steps + std::size_t{1}) << (top - steps_log2);
  }
  static constexpr unsigned count = of(bytes_max) + 1;
  static_assert(linear_bytes / steps % 16 == 0, "pieces are 16-byte aligned");
  static_assert(bytes_of(of(linear_bytes)) == linear_bytes && bytes_of(of(linear_bytes + 1)) == linear_bytes + linear_bytes / steps &&
                bytes_of(of(65536)) == 65536 && bytes_of(of(bytes_max)) == bytes_max);
};

}  // namespace spg::os
