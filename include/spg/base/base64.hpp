// Base64 (RFC 4648, with padding, no line breaks). On floor 0 because both crypto/ (SCRAM verifiers) and the rooms
// above need it and siblings do not include each other. Any thread; nothing is owned.
#pragma once
#include <cstddef>
#include <optional>

#include "spg/base/bytes.hpp"

namespace spg {

constexpr std::size_t base64_encoded_bytes(std::size_t count) { return (count + 2) / 3 * 4; }
constexpr std::size_t base64_decoded_bytes_max(std::size_t count) { return count / 4 * 3; }

/// Writes base64_encoded_bytes(bytes.size()) characters; returns how many.
std::size_t base64_encode(Bytes bytes, char* to);

/// Strict: only the alphabet, whole groups of four, padding only at the end, unused bits zero. Writes at most
/// base64_decoded_bytes_max(text.size()) bytes and returns how many; nullopt when the text is not base64.
std::optional<std::size_t> base64_decode(std::string_view text, std::byte* to);

}  // namespace spg
