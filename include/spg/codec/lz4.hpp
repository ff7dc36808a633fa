// LZ4's block format (no frame, no checksum): the cheap compression of chunks, heaps and log records. Any thread.
//
// Blocks are self-contained; whoever stores them keeps the decoded size and a checksum beside them.
#pragma once
#include <cstddef>

#include "spg/base/bytes.hpp"
#include "spg/base/record_buffer.hpp"

namespace spg::codec {

/// What compressing can at worst need.
constexpr std::size_t lz4_bound(std::size_t count) { return count + count / 255 + 16; }
inline constexpr std::size_t lz4_input_bytes_max = 0x7e000000;

/// Returns the compressed size, or 0 when it would not fit into `to` (so a short `to` asks "is it worth it?").
/// Uses 16 KiB of stack. Requires: at most lz4_input_bytes_max bytes.
std::size_t lz4_compress(Bytes from, MutableBytes to);

/// True when `from` is a valid block that decodes to exactly to.size() bytes. Never reads or writes outside, whatever
/// the bytes are.
bool lz4_decompress(Bytes from, MutableBytes to);

/// Appends bytes whose number the reader will know: varint size of the block that follows, or 0 and the bytes as they are, when no
/// block is shorter. False when there is no memory.
[[nodiscard]] bool put_lz4(Bytes bytes, RecordBuffer& to);
/// Reads what put_lz4() wrote. False when the bytes are not that.
[[nodiscard]] bool get_lz4(ByteReader& from, MutableBytes to);

}  // namespace spg::codec
