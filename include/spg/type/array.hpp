// Arrays: the body of an array value in its StringRef, and reading and building one.
//
// Body (little-endian):
//   offset size  meaning
//     0     4    element type's OID
//     4     1    dimensions, 0 .. 6 (0: the empty array, which ends here)
//     5     1    1 when a null bitmap follows
//     6     2    zero
//     8    8d    per dimension: length, lower bound (int4 each)
//     ..   n/8   bitmap, bit set = not null, rounded up to bytes (only with nulls)
//     ..         the elements that are not null, row-major: the bytes of fixed-width types; length (4) and bytes of
//     others
// Valid iff the product of the lengths is the number of elements that the body holds. Pure functions, any thread.
#pragma once
#include <cstdint>
#include <span>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/result.hpp"
#include "spg/type/vector.hpp"

namespace spg::type {

inline constexpr int array_dimensions_max = 6;
inline constexpr std::int64_t array_elements_max = 0x7ffffff;

struct ArrayDimension {
  std::int32_t length = 0, lower = 1;
};

/// Walks the elements of an array body, in order. The body must stay where it is; element strings point into it.
class ArrayReader {
 public:
  /// `body` is referred to, also when it is inline. A damaged one is read as an empty array.
  explicit ArrayReader(const StringRef& body);
  Oid element_type() const { return element_; }
  int dimensions() const { return dimensions_; }
  ArrayDimension dimension(int i) const;
  std::int64_t count() const { return count_; }
  /// False at the end.
  bool next(Value* value);

 private:
  bool find_shape();
  bool holds_elements() const;
  bool is_present(std::int64_t index) const;
  std::string_view body_;
  Oid element_ = Oid::none;
  Physical physical_ = Physical::none;
  int dimensions_ = 0;
  bool has_nulls_ = false;
  std::int64_t count_ = 0, index_ = 0;
  std::size_t bitmap_ = 0, at_ = 0;
};

/// Builds a body. Requires: the product of the lengths is elements.size(). 54000 past the limits of size.
Result<StringRef> make_array(Oid element_type, std::span<const ArrayDimension> dimensions,
                             std::span<const Value> elements, Arena& arena);

/// 54000 for too many dimensions or elements, 2202E/22003 for bounds that run over.
Status check_dimensions(std::span<const ArrayDimension> dimensions);

}  // namespace spg::type
