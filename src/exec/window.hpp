// Calls over windows: what op_window.cpp, which gathers whole partitions, hands to the functions that compute them
// (window_functions.cpp, window_aggregates.cpp), and the frames that these see (window_frames.cpp).
//
// A function computes a call for all rows at once, however many partitions they are. Columns are in one piece: flat
// vectors as long as the rows, or constants. Frame bounds never go back from one row to the next of its partition,
// which is what makes every function but those that must begin anew linear.
#pragma once
#include "compile.hpp"
#include "vectors.hpp"

namespace spg::exec {

/// Rows [0, count) of whole partitions, in order.
struct WindowRows {
  std::uint32_t count = 0;
  std::span<const std::uint32_t> partitions;  ///< the first row of each, then count
  std::span<const std::uint32_t> peers;       ///< the first row of each group of peers, then count
};

struct RowRange {
  std::uint32_t begin = 0, end = 0;
  std::uint32_t size() const { return end > begin ? end - begin : 0; }
  bool operator==(const RowRange&) const = default;
};

/// The frame of each row: [begin, end) but for what is excluded.
struct FrameBounds {
  std::uint32_t* begin = nullptr;
  std::uint32_t* end = nullptr;
  sql::FrameExclusion exclusion = sql::FrameExclusion::none;
  std::uint32_t* peers_begin = nullptr;  ///< of a row's peers; with EXCLUDE GROUP and TIES only
  std::uint32_t* peers_end = nullptr;

  std::size_t piece_count() const {
    return exclusion == sql::FrameExclusion::none ? 1 : exclusion == sql::FrameExclusion::ties ? 3 : 2;
  }
  /// The frame of a row as pieces in order, of which some may be empty. Their bounds, too, never go back.
  void pieces(std::uint32_t row, RowRange out[3]) const {
    const RowRange all{begin[row], end[row]};
    switch (exclusion) {
      case sql::FrameExclusion::none: out[0] = all; return;
      case sql::FrameExclusion::current_row:
        out[0] = before(all, row);
        out[1] = after(all, row + 1);
        return;
      case sql::FrameExclusion::group:
        out[0] = before(all, peers_begin[row]);
        out[1] = after(all, peers_end[row]);
        return;
      case sql::FrameExclusion::ties:
        out[0] = before(all, peers_begin[row]);
        out[1] = row >= all.begin && row < all.end ? RowRange{row, row + 1} : RowRange{row, row};
        out[2] = after(all, peers_end[row]);
        return;
    }
  }

 private:
  static RowRange before(RowRange all, std::uint32_t row) {
    const std::uint32_t end = all.end < row ? all.end : row;
    return {all.begin, end < all.begin ? all.begin : end};
  }
  static RowRange after(RowRange all, std::uint32_t row) {
    const std::uint32_t begin = all.begin > row ? all.begin : row;
    return {begin, all.end < begin ? begin : all.end};
  }
};

/// Results of a call, by row.
struct WindowOutput {
  Physical physical = Physical::none;
  std::byte* values = nullptr;
  std::uint64_t* validity = nullptr;  ///< all set at first
  bool has_nulls = false;

  template <class T>
  void set(std::uint32_t row, const T& value) {
    reinterpret_cast<T*>(values)[row] = value;
  }
  void set_value(std::uint32_t row, const Value& value) {
    if (value.is_null) return set_null(row);
    const std::size_t bytes = type::physical_bytes(physical);
    copy_value(values + row * bytes, value.bytes, bytes);
  }
  void set_null(std::uint32_t row) {
    const std::size_t bytes = type::physical_bytes(physical);
    std::memset(values + row * bytes, 0, bytes);
    clear_bit(validity, row);
    has_nulls = true;
  }
  void repeat(std::uint32_t row, std::uint32_t from) {
    if (!test_bit(validity, from)) return set_null(row);
    const std::size_t bytes = type::physical_bytes(physical);
    copy_value(values + row * bytes, values + from * bytes, bytes);
  }
};

/// One call to compute.
struct WindowTask {
  FunctionContext& context;  ///< its arena keeps the results' strings
  Arena& scratch;            ///< until the call is computed
  const WindowRows& rows;
  const FrameBounds* frame;  ///< of calls that see one
  std::span<const Vector> arguments;
  const Vector* filter = nullptr;
  /// lag and lead with a default: a bit for each row that wants it.
  std::uint64_t* wants_default = nullptr;
  WindowOutput& out;
};

struct WindowFunction {
  Status (*compute)(WindowTask& task) = nullptr;
  bool sees_frame = false;
  bool has_default = false;  ///< a third argument that is evaluated only where it is wanted
};
/// Null: there is no such window function.
const WindowFunction* find_window_function(Oid function);
inline bool is_window_function(Oid function) { return find_window_function(function) != nullptr; }

Status compute_window_aggregate(const CompiledWindowCall& call, WindowTask& task);

/// A frame clause in an execution: its offsets, and for RANGE the column that they are counted from.
struct FrameClause {
  const plan::WindowFrame* frame = nullptr;
  Value start_offset, end_offset;
  Vector order;
  bool descending = false, nulls_first = false;
};
/// 22013 and 22004 for offsets that no frame can have.
Status check_offset(const FrameClause& clause, bool is_start);
Result<FrameBounds> compute_frames(const FrameClause& clause, const WindowRows& rows, FunctionContext& context,
                                   Arena& arena);

}  // namespace spg::exec
