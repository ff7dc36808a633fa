// String references of a chunk, encoded: lengths, inline bytes, and of long strings prefixes and places.
#pragma once
#include <span>

#include "spg/base/record_buffer.hpp"
#include "spg/type/physical.hpp"

namespace spg::table {

/// Appends them; false when there is no memory.
[[nodiscard]] bool encode_strings(std::span<const type::StringRef> refs, RecordBuffer& to);
/// Fills `refs`, whose number the bytes do not say. False when the bytes are not such references.
[[nodiscard]] bool decode_strings(ByteReader& from, std::span<type::StringRef> refs);

}  // namespace spg::table
