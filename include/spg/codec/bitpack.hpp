// Bit-packing: arrays of unsigned integers of a fixed width of 0 to 64 bits, low bit first, no gaps. Any thread.
//
// Eight values of width w take exactly w bytes, so the work goes in groups of eight whose shifts are compile-time
// constants, one instance per width. Meant for arrays of up to a block's 1024 values; any count works.
#pragma once
#include <cstdint>
#include <span>

#include "spg/base/bytes.hpp"

namespace spg::codec {

constexpr std::size_t bitpacked_bytes(std::size_t count, unsigned width) { return (count * width + 7) / 8; }

/// The width that the largest of the values needs.
unsigned bit_width_of(std::span<const std::uint64_t> values);

/// Writes bitpacked_bytes(values.size(), width) bytes; the bits above `width` of a value are dropped.
void bitpack(std::span<const std::uint64_t> values, unsigned width, std::byte* to);

/// Fills `values` from bitpacked_bytes(values.size(), width) bytes and reads no others. False when `from` has fewer, or
/// for a width above 64 (above 32 for the 32-bit form).
bool bitunpack(Bytes from, unsigned width, std::span<std::uint64_t> values);
bool bitunpack(Bytes from, unsigned width, std::span<std::uint32_t> values);

/// One value. Requires: it lies within `from`; width at most 64.
std::uint64_t bitunpack_one(Bytes from, unsigned width, std::size_t index);

}  // namespace spg::codec
