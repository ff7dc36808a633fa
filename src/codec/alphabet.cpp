#include "spg/codec/alphabet.hpp"

#include <algorithm>
#include <array>
#include <bit>

#include "spg/base/assert.hpp"
#include "spg/codec/bitpack.hpp"

namespace spg::codec {

std::size_t alphabet_pack(Bytes from, MutableBytes to) {
  SPG_ASSERT(from.size() <= alphabet_input_bytes_max);
  std::array<bool, 256> seen{};
  for (std::byte byte : from) seen[static_cast<std::uint8_t>(byte)] = true;
  std::array<std::uint8_t, 256> places{};
  std::size_t symbols = 0;
  for (std::size_t symbol = 0; symbol < 256; ++symbol)
    if (seen[symbol]) places[symbol] = static_cast<std::uint8_t>(symbols++);
  if (symbols == 0 || symbols > alphabet_symbols_max) return 0;
  const auto bits = static_cast<unsigned>(std::bit_width(symbols - 1));
  const std::size_t size = 1 + symbols + bitpacked_bytes(from.size(), bits);
  if (size > to.size()) return 0;
  std::byte* at = to.data();
  *at++ = static_cast<std::byte>(symbols - 1);
  for (std::size_t symbol = 0; symbol < 256; ++symbol)
    if (seen[symbol]) *at++ = static_cast<std::byte>(symbol);
  std::array<std::uint64_t, 64> group;
  for (std::size_t i = 0; i < from.size(); i += group.size(), at += bits * group.size() / 8) {
    const std::size_t count = std::min(group.size(), from.size() - i);
    for (std::size_t j = 0; j < count; ++j) group[j] = places[static_cast<std::uint8_t>(from[i + j])];
    bitpack({group.data(), count}, bits, at);
  }
  return size;
}

bool alphabet_unpack(Bytes from, MutableBytes to) {
  if (from.empty()) return false;
  const std::size_t symbols = static_cast<std::size_t>(from[0]) + 1;
  if (symbols > alphabet_symbols_max || from.size() < 1 + symbols) return false;
  const auto bits = static_cast<unsigned>(std::bit_width(symbols - 1));
  const Bytes alphabet = from.subspan(1, symbols), packed = from.subspan(1 + symbols);
  if (packed.size() != bitpacked_bytes(to.size(), bits)) return false;
  std::array<std::byte, alphabet_symbols_max> symbol_at{};
  std::copy(alphabet.begin(), alphabet.end(), symbol_at.begin());
  std::array<std::uint32_t, 64> group{};
  for (std::size_t i = 0; i < to.size(); i += group.size()) {
    const std::size_t count = std::min(group.size(), to.size() - i);
    if (!bitunpack(packed.subspan(i / 8 * bits), bits, std::span<std::uint32_t>(group.data(), count))) return false;
    for (std::size_t j = 0; j < count; ++j) {
      if (group[j] >= symbols) return false;
      to[i + j] = symbol_at[group[j]];
    }
  }
  return true;
}

}  // namespace spg::codec
