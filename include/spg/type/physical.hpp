// How values lie in memory: the physical types behind SQL types, and the 16-byte string reference.
//
// Every SQL type maps to one physical type (type/catalog of types: physical_of()). Chunks of tables, vectors of the
// executor and constants all use these layouts, so that a scan hands chunks on without copying.
//   boolean  bool, one byte 0/1
//   int2, int4, int8   two's complement. date = int4 days since 2000-01-01; time, timestamp, timestamptz = int8
//            microseconds (since midnight / 2000-01-01 00:00); oid and reg* types = int4 holding the unsigned bits;
//            "char" = int2; numeric(p,s) columns with p <= 18 = int8 scaled by 10^s (in tables; see type/numeric.hpp)
//   int16    128 bits: numeric(p,s) columns with p <= 38, scaled (in tables)
//   float4, float8     IEEE
//   interval           type/interval.hpp, 16 bytes
//   uuid     16 bytes as printed
//   string   StringRef: text, varchar, bpchar, name, bytea, numeric in expressions, and every other variable-length type
// The value in a NULL slot is all zero bytes.
#pragma once
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string_view>

#include "spg/base/assert.hpp"

namespace spg::type {

enum class Physical : std::uint8_t { none, boolean, int2, int4, int8, int16, float4, float8, interval, uuid, string };

using Int128 = __int128;

constexpr std::size_t physical_bytes(Physical physical) {
  switch (physical) {
    case Physical::none: return 0;
    case Physical::boolean: return 1;
    case Physical::int2: return 2;
    case Physical::int4: case Physical::float4: return 4;
    case Physical::int8: case Physical::float8: return 8;
    case Physical::int16: case Physical::interval: case Physical::uuid: case Physical::string: return 16;
  }
  return 0;
}

/// 16 bytes: length, then either up to 12 bytes inline, or a 4-byte prefix and where the bytes are: a pointer in vectors
/// and constants, a place {heap, offset} in the chunks of tables. Comparisons mostly end at the prefix.
struct StringRef {
  static constexpr std::uint32_t inline_bytes_max = 12;

  std::uint32_t size = 0;
  char prefix[4] = {};
  union {
    char rest[8] = {};
    const char* pointer;
    struct { std::uint32_t heap, offset; } place;
  };

  StringRef() = default;
  /// Refers to `text` where it is when it is long; copies it when it is short.
  explicit StringRef(std::string_view text) : size(static_cast<std::uint32_t>(text.size())) {
    if (text.size() <= inline_bytes_max) {
      if (!text.empty()) std::memcpy(prefix, text.data(), text.size());
    } else {
      std::memcpy(prefix, text.data(), 4);
      pointer = text.data();
    }
  }
  bool is_inline() const { return size <= inline_bytes_max; }
  const char* data() const { return is_inline() ? prefix : pointer; }
  /// Valid while this object (inline) or the pointed-to bytes (long) stay where they are.
  std::string_view view() const { return {data(), size}; }
};
static_assert(sizeof(StringRef) == 16 && offsetof(StringRef, rest) == 8);

inline bool operator==(const StringRef& a, const StringRef& b) {
  std::uint64_t head_a, head_b;
  std::memcpy(&head_a, &a, 8);
  std::memcpy(&head_b, &b, 8);
  if (head_a != head_b) return false;
  if (a.is_inline()) return std::memcmp(a.rest, b.rest, 8) == 0;
  return std::memcmp(a.pointer, b.pointer, a.size) == 0;
}
/// Byte order (collation "C"): negative, zero, positive.
inline int compare_bytes(const StringRef& a, const StringRef& b) {
  std::uint32_t head_a, head_b;
  std::memcpy(&head_a, a.prefix, 4);
  std::memcpy(&head_b, b.prefix, 4);
  if (head_a != head_b) {
    const int order = __builtin_bswap32(head_a) < __builtin_bswap32(head_b) ? -1 : 1;
    return order;  // short strings are padded with zeros: a proper prefix sorts first, and equal bytes fall through
  }
  const std::uint32_t least = a.size < b.size ? a.size : b.size;
  const int order = least <= 4 ? 0 : std::memcmp(a.data() + 4, b.data() + 4, least - 4);
  if (order != 0) return order;
  return a.size < b.size ? -1 : a.size > b.size ? 1 : 0;
}

}  // namespace spg::type
