// How images of tables are written to disk in fewer bytes (store::ImageRules; docs/file-formats.md has the bytes).
//
// encode_*: appends what an image says besides its header and its references; false: nothing was appended, it is written as it
// is. 53200 when there is no memory. decode_*: fills an image whose header is set, whose header's numbers lie within each other
// and whose other bytes are zero; gives the fault of the bytes, or null. Whatever they are, only the image is written to. Any
// thread; a sealed image is not changed meanwhile.
#pragma once
#include "spg/base/record_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/store/image.hpp"

namespace spg::table {

/// Heaps are compressed in pieces of this many bytes, so that one string can be read without the others.
inline constexpr std::uint32_t heap_frame_bytes = 4 * 1024;

/// `rows`: as many as have been claimed. Values in NULL slots, and rows behind them, are zero when it is decoded.
Result<bool> encode_chunk(const store::Image& image, std::uint32_t rows, RecordBuffer& to);
const char* decode_chunk(Bytes bytes, store::Image& image);

/// `used`: bytes that have been claimed.
Result<bool> encode_heap(const store::Image& image, std::uint32_t used, RecordBuffer& to);
const char* decode_heap(Bytes bytes, store::Image& image);

Result<bool> encode_block(const store::Image& image, RecordBuffer& to);
const char* decode_block(Bytes bytes, store::Image& image);

/// Layouts and tables: all bytes before the child array, compressed.
Result<bool> encode_payload(const store::Image& image, RecordBuffer& to);
const char* decode_payload(Bytes bytes, store::Image& image);

}  // namespace spg::table
