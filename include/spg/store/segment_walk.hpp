// Walking a segment file record by record, with no objects: for `spg dump`, `spg verify` and tests.
//
// Every byte up to the end that the manifest names is looked at: header, records, and the zeros between and behind them.
#pragma once
#include "spg/base/function_ref.hpp"
#include "spg/store/segment.hpp"

namespace spg::store {

struct WalkedRecord {
  std::uint64_t offset = 0;
  std::uint32_t length = 0, image_bytes = 0;
  Kind kind = Kind::none;
};

/// Reads the segment by `read(offset, into)`. `visit` gets every record whose checksum is right, `fault` every place that is
/// not as it was written, with what is wrong. A record without a credible length ends the walk. An error only where memory ends.
Status walk_segment(const SegmentInfo& info, FunctionRef<Status(std::uint64_t, MutableBytes)> read, FunctionRef<void(const WalkedRecord&)> visit,
                    FunctionRef<void(std::uint64_t, std::string_view)> fault);

}  // namespace spg::store
