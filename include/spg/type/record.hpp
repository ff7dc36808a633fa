// Records (values of ROW(...)): the body of one in its StringRef, and reading, building and printing one.
//
// Body (little-endian):
//   offset size  meaning
//     0     2    fields
//     2     2    depth: 0 without records in it, else one more than the deepest of them (in arrays, too)
//     4     4    per field: the type's OID
//     ..   n/8   bitmap, bit set = not null, rounded up to bytes
//     ..         the fields that are not null: the bytes of fixed-width types; length (4) and bytes of others
// Valid iff the fields end where the body does and those that hold records say less depth than it, which is at most
// record_depth_max: so far, and no deeper, goes whoever walks over one. Pure functions, any thread.
#pragma once
#include <cstdint>
#include <span>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/result.hpp"
#include "spg/type/vector.hpp"

namespace spg::type {

inline constexpr std::uint16_t record_depth_max = 200;

/// Walks the fields of a record's body, in order. The body must stay where it is; strings point into it.
class RecordReader {
 public:
  /// `body` is referred to, also when it is inline. A damaged one is read as a record without fields.
  explicit RecordReader(const StringRef& body);
  std::size_t size() const { return size_; }
  /// False at the end.
  bool next(Oid* type, Value* value);

 private:
  bool is_whole() const;
  std::string_view body_;
  std::size_t size_ = 0, index_ = 0;
  std::size_t at_ = 0;
};

/// Builds a body; each value is of its type's executor layout. 54001 past record_depth_max.
Result<StringRef> make_record(std::span<const Oid> types, std::span<const Value> values, Arena& arena);

/// Quotes, where a record's text needs it, what `out` holds from `start` on: a field's text.
void quote_record_field(TextBuilder& out, std::size_t start);

/// "(1,abc)"; `print(type, value)` appends a field's text to `out`.
template <class Print>
void print_record(const StringRef& body, TextBuilder& out, Print print) {
  RecordReader reader(body);
  Oid type{};
  Value value;
  out.add("(");
  for (bool first = true; reader.next(&type, &value); first = false) {
    if (!first) out.add(",");
    if (value.is_null) continue;
    const std::size_t start = out.size();
    print(type, value);
    quote_record_field(out, start);
  }
  out.add(")");
}

}  // namespace spg::type
