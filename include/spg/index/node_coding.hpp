// How nodes of B+trees are written to disk in fewer bytes (store::ImageRules; docs/file-formats.md has the bytes). A node is
// decoded without the dead space that it had.
//
// encode_node: appends what a node says besides its header and its references. 53200 when there is no memory. decode_node: fills
// an image whose header is set, whose header's numbers lie within each other and whose other bytes are zero; gives the fault of
// the bytes, or null. Whatever they are, only the image is written to. Any thread; a sealed image is not changed meanwhile.
#pragma once
#include "spg/base/record_buffer.hpp"
#include "spg/base/result.hpp"
#include "spg/store/image.hpp"

namespace spg::index {

Result<bool> encode_node(const store::Image& image, RecordBuffer& to);
const char* decode_node(Bytes bytes, store::Image& image);

}  // namespace spg::index
