// CRC-32C (Castagnoli), the checksum of every frame and object on disk. Any thread; no state.
//
// Uses the SSE4.2 instruction where the processor has it, three streams at a time because its latency is three times
// its throughput; tables elsewhere.
#pragma once
#include <cstdint>

#include "spg/base/bytes.hpp"

namespace spg::crypto {

/// The checksum of what came before (0 at the start) followed by these bytes: crc32c(crc32c(0, a), b) == crc32c(0, ab).
std::uint32_t crc32c(std::uint32_t seed, Bytes bytes);

/// The same by tables, on every processor.
std::uint32_t crc32c_portable(std::uint32_t seed, Bytes bytes);

}  // namespace spg::crypto
