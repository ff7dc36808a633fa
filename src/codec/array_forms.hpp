// What both directions of codec/array_coding.hpp share: integers by width, and the layout of the forms.
#pragma once
#include <bit>
#include <cstring>

#include "spg/codec/array_coding.hpp"
#include "spg/codec/bitpack.hpp"

namespace spg::codec::array {

static_assert(std::endian::native == std::endian::little, "arrays are copied as they lie, as object images are");

/// Unsigned of the same width, and a signed type in which steps between values are computed.
template <class N> struct Of;
template <> struct Of<std::int8_t> { using Unsigned = std::uint8_t; using Wide = std::uint64_t; using Step = std::int64_t; };
template <> struct Of<std::int16_t> { using Unsigned = std::uint16_t; using Wide = std::uint64_t; using Step = std::int64_t; };
template <> struct Of<std::int32_t> { using Unsigned = std::uint32_t; using Wide = std::uint64_t; using Step = std::int64_t; };
template <> struct Of<std::int64_t> { using Unsigned = std::uint64_t; using Wide = std::uint64_t; using Step = std::int64_t; };
template <> struct Of<__int128> { using Unsigned = unsigned __int128; using Wide = unsigned __int128; using Step = __int128; };

/// Calls `work` with a value of the type that has the width; false for a width that there is none of.
template <class Work>
bool with_width(std::size_t width, Work work) {
  switch (width) {
    case 1: return work(std::int8_t{});
    case 2: return work(std::int16_t{});
    case 4: return work(std::int32_t{});
    case 8: return work(std::int64_t{});
    case 16: return work(__int128{});
    default: return false;
  }
}

constexpr unsigned width_of_places(std::size_t count) { return static_cast<unsigned>(std::bit_width(count - 1)); }
constexpr std::size_t restarts_of(std::size_t count) { return (count - 1) / array_restart_values; }

/// Powers that a double holds exactly, as it does the integers that are divided by them: one rounding, the right one.
inline constexpr unsigned decimal_exponent_max = 18;
inline constexpr double powers_of_ten[] = {1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18};

}  // namespace spg::codec::array
