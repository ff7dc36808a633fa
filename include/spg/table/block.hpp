// Block: the header of 1024 consecutive rowids: which slots are used and live, and per column its chunk, null count and
// bounds (DESIGN 1.3).
//
// Block image (Kind::block): header | BlockState | ColumnEntry[] ; child i = chunk of entry i. `last_validity` is the
// validity word of the last, partly filled 64 rows: appends in place may be writing the chunk's own copy of that word.
#pragma once
#include "spg/table/chunk.hpp"
#include "spg/table/layout.hpp"

namespace spg::table {

struct ColumnEntry {
  std::uint16_t number;
  Physical physical;
  std::uint8_t bounded;          ///< low and high hold (false while no non-null value was written)
  std::uint32_t null_count;
  std::uint64_t last_validity;
  std::uint64_t low, high;       ///< zone map: bound_of() of the least and greatest value; only ever widened
};

struct BlockState {
  std::uint64_t number;
  std::uint16_t used;            ///< slots handed out, live or not
  std::uint16_t live_count;
  std::uint16_t column_count;
  std::uint16_t flags;
  std::uint64_t live[type::batch_words];

  std::span<ColumnEntry> entries() { return {reinterpret_cast<ColumnEntry*>(this + 1), column_count}; }
  std::span<const ColumnEntry> entries() const { return {reinterpret_cast<const ColumnEntry*>(this + 1), column_count}; }
  bool is_live(std::uint32_t slot) const { return slot < used && (live[slot / 64] >> (slot % 64) & 1) != 0; }
  /// Position of a column's entry, or -1 when the block is older than the column.
  int find(std::uint16_t column) const {
    const auto all = entries();
    for (std::size_t i = 0; i < all.size(); ++i)
      if (all[i].number == column) return static_cast<int>(i);
    return -1;
  }
};

inline BlockState& block_state(store::Image* image) { return *image->payload<BlockState>(); }
inline const BlockState& block_state(const store::Image* image) { return *image->payload<BlockState>(); }

constexpr std::uint32_t block_children_at(std::size_t columns) {
  return static_cast<std::uint32_t>(sizeof(store::Image) + sizeof(BlockState) + columns * sizeof(ColumnEntry));
}

/// Maps a value to an unsigned number in the order of its type (a prefix of the order for strings, where equal numbers say
/// nothing). Floats: NaN is the greatest.
inline std::uint64_t bound_of(Physical physical, const void* value) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  auto load = [&]<class T>(T initial) { std::memcpy(&initial, value, sizeof initial); return initial; };
  switch (physical) {
    case Physical::boolean: return static_cast<std::uint64_t>(load(std::uint8_t{}));
    case Physical::int2: return static_cast<std::uint64_t>(std::int64_t{load(std::int16_t{})}) ^ sign;
    case Physical::int4: return static_cast<std::uint64_t>(std::int64_t{load(std::int32_t{})}) ^ sign;
    case Physical::int8: return static_cast<std::uint64_t>(load(std::int64_t{})) ^ sign;
    case Physical::float4: case Physical::float8: {
      double number = physical == Physical::float4 ? static_cast<double>(load(float{})) : load(double{});
      if (number != number) return UINT64_MAX;
      if (number == 0) number = 0;  // -0 = 0
      const auto bits = std::bit_cast<std::uint64_t>(number);
      return (bits & sign) != 0 ? ~bits : bits | sign;
    }
    case Physical::uuid: return load_be<std::uint64_t>(value);
    case Physical::int16: {
      const auto wide = load(type::Int128{});
      const auto high = static_cast<std::int64_t>(wide >> 64);
      return static_cast<std::uint64_t>(high) ^ sign;
    }
    default: return 0;
  }
}
/// Whether bound_of() means anything for the type. (Strings are not bounded: their order depends on their SQL type.)
constexpr bool has_bounds(Physical physical) { return physical != Physical::string && physical != Physical::interval && physical != Physical::none; }

}  // namespace spg::table
