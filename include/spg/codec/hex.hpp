// Hexadecimal, lower case out, both cases in. Any thread; nothing is owned.
#pragma once
#include <optional>

#include "spg/base/bytes.hpp"

namespace spg::codec {

/// Writes 2 * bytes.size() characters.
void hex_encode(Bytes bytes, char* to);

/// Writes text.size() / 2 bytes and returns how many; nullopt for an odd length or another character than a digit.
std::optional<std::size_t> hex_decode(std::string_view text, std::byte* to);

}  // namespace spg::codec
