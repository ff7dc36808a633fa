// Text of few different bytes (hexadecimal digests, numbers, base64), packed: what LZ4, which wants repetitions, cannot shorten.
//
//   u8 number of symbols - 1, the symbols ascending, a packed place among them for each byte (bit width of symbols - 1)
#pragma once
#include <cstddef>

#include "spg/base/bytes.hpp"

namespace spg::codec {

/// Texts of more different bytes are not packed: a place would take nearly as much as the byte.
inline constexpr std::size_t alphabet_symbols_max = 64;
inline constexpr std::size_t alphabet_input_bytes_max = 4096;

/// Returns the packed size, or 0 when the text has too many symbols or it would not fit into `to`.
/// Requires: at most alphabet_input_bytes_max bytes.
std::size_t alphabet_pack(Bytes from, MutableBytes to);

/// True when `from` is to.size() packed bytes, all of it. Never reads or writes outside, whatever the bytes are.
bool alphabet_unpack(Bytes from, MutableBytes to);

}  // namespace spg::codec
