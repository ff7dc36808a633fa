#include "spg/codec/bitpack.hpp"

#include <array>
#include <utility>

#include "spg/base/assert.hpp"

namespace spg::codec {
namespace {

constexpr std::uint64_t mask_of(unsigned width) {
  return width == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << width) - 1;
}

/// A value at a bit offset of bytes that may be read to 8 bytes past the value's first.
template <unsigned width>
inline std::uint64_t extract(const std::byte* from, unsigned bit) {
  const unsigned shift = bit % 8;
  std::uint64_t value = load_le<std::uint64_t>(from + bit / 8) >> shift;
  if constexpr (width > 57) {
    if (shift + width > 64) value |= static_cast<std::uint64_t>(from[bit / 8 + 8]) << (64 - shift);
  }
  return value & mask_of(width);
}

template <unsigned width, class N>
void unpack_eight(const std::byte* from, N* to) {
#pragma GCC unroll 8
  for (unsigned i = 0; i < 8; ++i) to[i] = static_cast<N>(extract<width>(from, i * width));
}

template <unsigned width>
void pack_eight(const std::uint64_t* values, std::byte* to) {
  std::uint64_t filling = 0;
#pragma GCC unroll 8
  for (unsigned i = 0; i < 8; ++i) {
    const std::uint64_t value = values[i] & mask_of(width);
    const unsigned shift = i * width % 64;
    filling |= value << shift;
    if (shift + width >= 64) {
      store_le<std::uint64_t>(to + i * width / 64 * 8, filling);
      filling = shift + width == 64 ? 0 : value >> 1 >> (63 - shift);  // in two steps: shift may be 0
    }
  }
  constexpr unsigned tail = width % 8;  // bytes of the group past the last whole word
  if constexpr (tail != 0) {
    for (unsigned i = 0; i < tail; ++i) to[width - tail + i] = static_cast<std::byte>(filling >> (8 * i));
  }
}

constexpr std::size_t group_bytes_max = 64, slack_bytes = 16;

template <unsigned width, class N>
void unpack_all(Bytes from, std::span<N> values) {
  std::size_t index = 0, at = 0;
  // The last groups may not be over-read in place.
  for (; index + 8 <= values.size() && at + width + slack_bytes <= from.size(); index += 8, at += width)
    unpack_eight<width>(from.data() + at, values.data() + index);
  while (index < values.size()) {
    const std::size_t count = values.size() - index < 8 ? values.size() - index : 8;
    std::array<std::byte, group_bytes_max + slack_bytes> copy{};
    std::array<N, 8> eight;
    std::memcpy(copy.data(), from.data() + at, bitpacked_bytes(count, width));
    unpack_eight<width>(copy.data(), eight.data());
    std::memcpy(values.data() + index, eight.data(), count * sizeof(N));
    index += count;
    at += width;
  }
}

template <unsigned width>
void pack_all(std::span<const std::uint64_t> values, std::byte* to) {
  std::size_t index = 0;
  for (; index + 8 <= values.size(); index += 8, to += width) pack_eight<width>(values.data() + index, to);
  if (index == values.size()) return;
  std::array<std::uint64_t, 8> eight{};
  std::array<std::byte, group_bytes_max> group;
  const std::size_t count = values.size() - index;
  std::memcpy(eight.data(), values.data() + index, count * sizeof(std::uint64_t));
  pack_eight<width>(eight.data(), group.data());
  std::memcpy(to, group.data(), bitpacked_bytes(count, width));
}

template <class N>
using Unpack = void (*)(Bytes, std::span<N>);
using Pack = void (*)(std::span<const std::uint64_t>, std::byte*);

template <class N, unsigned... widths>
constexpr std::array<Unpack<N>, sizeof...(widths)> unpackers(std::integer_sequence<unsigned, widths...>) {
  return {unpack_all<widths + 1, N>...};
}
template <unsigned... widths>
constexpr std::array<Pack, sizeof...(widths)> packers(std::integer_sequence<unsigned, widths...>) {
  return {pack_all<widths + 1>...};
}
constexpr auto unpackers64 = unpackers<std::uint64_t>(std::make_integer_sequence<unsigned, 64>{});
constexpr auto unpackers32 = unpackers<std::uint32_t>(std::make_integer_sequence<unsigned, 32>{});
constexpr auto packers64 = packers(std::make_integer_sequence<unsigned, 64>{});

template <class N, class Table>
bool unpack_by(const Table& table, Bytes from, unsigned width, std::span<N> values) {
  // Written so that a count which a hostile file names cannot overflow the product.
  if (width > table.size() || (width != 0 && values.size() > from.size() * 8 / width)) return false;
  if (width == 0) {
    for (N& value : values) value = 0;
  } else if (!values.empty()) {
    table[width - 1](from, values);
  }
  return true;
}

}  // namespace

unsigned bit_width_of(std::span<const std::uint64_t> values) {
  std::uint64_t all = 0;
  for (std::uint64_t value : values) all |= value;
  return static_cast<unsigned>(std::bit_width(all));
}

void bitpack(std::span<const std::uint64_t> values, unsigned width, std::byte* to) {
  SPG_ASSERT(width <= 64);
  if (width != 0 && !values.empty()) packers64[width - 1](values, to);
}

bool bitunpack(Bytes from, unsigned width, std::span<std::uint64_t> values) {
  return unpack_by(unpackers64, from, width, values);
}
bool bitunpack(Bytes from, unsigned width, std::span<std::uint32_t> values) {
  return unpack_by(unpackers32, from, width, values);
}

std::uint64_t bitunpack_one(Bytes from, unsigned width, std::size_t index) {
  SPG_DCHECK(width <= 64 && bitpacked_bytes(index + 1, width) <= from.size());
  if (width == 0) return 0;
  const std::size_t bit = index * width, first = bit / 8;
  const auto shift = static_cast<unsigned>(bit % 8);
  std::array<std::byte, 9> copy{};
  const std::size_t have = from.size() - first;
  std::memcpy(copy.data(), from.data() + first, have < copy.size() ? have : copy.size());
  std::uint64_t value = load_le<std::uint64_t>(copy.data()) >> shift;
  if (shift != 0) value |= static_cast<std::uint64_t>(copy[8]) << (64 - shift);
  return value & mask_of(width);
}

}  // namespace spg::codec
