// Sorting of stored rows.
//
// Keys whose columns are numbers, dates and the like are packed: of each column only its range counts, so that several
// columns mostly fit into 64 bits, which are sorted by their digits. Other keys are bytes (type/order.hpp); what all of
// them begin with is not compared.
#include "sorting.hpp"

#include <bit>
#include <cmath>

#include "spg/base/bytes.hpp"
#include "spg/base/checked_sort.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"

namespace spg::exec {

namespace {

struct KeyOrder {
  bool operator()(const SortEntry& a, const SortEntry& b) const {
    if (a.head != b.head) return a.head < b.head;
    const std::uint32_t least = a.bytes < b.bytes ? a.bytes : b.bytes;
    if (least > 8) {
      const int order = std::memcmp(a.key + 8, b.key + 8, least - 8);
      if (order != 0) return order < 0;
    }
    return a.bytes != b.bytes ? a.bytes < b.bytes : a.row < b.row;
  }
};

std::uint64_t head_of(const char* key, std::uint32_t bytes) {
  char head[8] = {};
  std::memcpy(head, key, bytes < 8 ? bytes : 8);
  return load_be<std::uint64_t>(head);
}

}  // namespace

bool sorts_before(const SortEntry& a, const SortEntry& b) { return KeyOrder{}(a, b); }

SortEntry make_sort_entry(std::span<const Vector> columns, std::uint32_t batch_row, std::uint32_t row,
                          std::span<const SortColumn> by, Arena& arena) {
  TextBuilder key(arena);
  for (const SortColumn& column : by)
    type::append_key(column.key, type::value_of(columns[column.column], batch_row), key);
  SortEntry entry{0, key.data(), static_cast<std::uint32_t>(key.size()), row};
  entry.head = head_of(entry.key, entry.bytes);
  return entry;
}

namespace {

// --- packed keys ----------------------------------------------------------------------------------------------------

constexpr std::uint64_t sign_bit = std::uint64_t{1} << 63;

/// How values become numbers that are ordered as they are.
enum class PackedKind : std::uint8_t { none, int1, int2, int4, uint4, int8, float4, float8, numeric };

PackedKind packed_kind(Oid type, Physical physical) {
  const type::TypeInfo* info = type::find_type(type);
  if (info == nullptr || info->physical != physical) return PackedKind::none;
  switch (info->format) {
    case type::Format::boolean: return PackedKind::int1;
    case type::Format::int2: return PackedKind::int2;
    case type::Format::int4:
    case type::Format::date: return PackedKind::int4;
    case type::Format::oid: return PackedKind::uint4;
    case type::Format::int8:
    case type::Format::time:
    case type::Format::timestamp:
    case type::Format::timestamptz: return PackedKind::int8;
    case type::Format::float4: return PackedKind::float4;
    case type::Format::float8: return PackedKind::float8;
    case type::Format::numeric: return PackedKind::numeric;
    default: return PackedKind::none;
  }
}

constexpr std::uint64_t ordered_number(std::int64_t value) { return static_cast<std::uint64_t>(value) ^ sign_bit; }
std::uint64_t ordered_number(double value) {
  if (std::isnan(value)) return ~std::uint64_t{0};
  if (value == 0) value = 0;  // -0
  const auto bits = std::bit_cast<std::uint64_t>(value);
  return bits & sign_bit ? ~bits : bits | sign_bit;
}

struct PackedColumn {
  std::uint32_t column = 0;
  bool descending = false, nulls_first = false, has_nulls = false;
  std::uint64_t least = ~std::uint64_t{0}, most = 0;
  std::uint64_t* values = nullptr;  ///< by row; of NULLs undefined
  unsigned bits = 0;
};

/// Calls visit(row, value) for all values that are not NULL, as T.
template <class T, class Visit>
bool each_value(const Rows& rows, PackedColumn& to, Visit visit) {
  for (std::uint32_t base = 0; base < rows.size(); base += type::batch_rows_max) {
    const Vector& chunk = rows.column(base, to.column);
    const std::uint32_t count = rows.size() - base < type::batch_rows_max ? rows.size() - base : type::batch_rows_max;
    for (std::uint32_t i = 0; i < count; ++i) {
      if (to.has_nulls && chunk.is_null(i)) continue;
      if (!visit(base + i, chunk.as<T>()[i])) return false;
    }
  }
  return true;
}
template <class T, class Map>
bool read_values(const Rows& rows, PackedColumn& to, Map map) {
  return each_value<T>(rows, to, [&](std::uint32_t row, const T& value) {
    const std::uint64_t number = map(value);
    to.values[row] = number;
    if (number < to.least) to.least = number;
    if (number > to.most) to.most = number;
    return true;
  });
}
/// Numerics at one scale, while they are small enough.
bool read_numerics(const Rows& rows, PackedColumn& to) {
  constexpr int scale_max = 15;
  int scale = 0;
  if (!each_value<type::Numeric>(rows, to, [&](std::uint32_t, const type::Numeric& value) {
        if (value.is_special()) return false;
        if (value.dscale() > scale) scale = value.dscale();
        return scale <= scale_max;
      }))
    return false;
  return each_value<type::Numeric>(rows, to, [&](std::uint32_t row, const type::Numeric& value) {
    std::int64_t scaled = 0;
    if (!type::numeric_to_scaled(value, scale, &scaled)) return false;
    const std::uint64_t number = ordered_number(scaled);
    to.values[row] = number;
    if (number < to.least) to.least = number;
    if (number > to.most) to.most = number;
    return true;
  });
}
bool read_column(const Rows& rows, PackedKind how, PackedColumn& to) {
  const auto integer = [](auto value) { return ordered_number(std::int64_t{value}); };
  switch (how) {
    case PackedKind::int1: return read_values<std::uint8_t>(rows, to, integer);
    case PackedKind::int2: return read_values<std::int16_t>(rows, to, integer);
    case PackedKind::int4: return read_values<std::int32_t>(rows, to, integer);
    case PackedKind::uint4: return read_values<std::uint32_t>(rows, to, integer);
    case PackedKind::int8: return read_values<std::int64_t>(rows, to, integer);
    case PackedKind::float4:
      return read_values<float>(rows, to, [](float value) { return ordered_number(double{value}); });
    case PackedKind::float8: return read_values<double>(rows, to, [](double value) { return ordered_number(value); });
    case PackedKind::numeric: return read_numerics(rows, to);
    case PackedKind::none: break;
  }
  return false;
}

struct PackedEntry {
  std::uint64_t key;
  std::uint32_t row;
};

/// Sorts by the low `bits` of the keys, a byte at a time from the lowest: equal keys keep their order. The result is in
/// `sorting` or in `other`.
Result<PackedEntry*> radix_sort(PackedEntry* sorting, PackedEntry* other, std::size_t count, unsigned bits,
                                Arena& arena) {
  for (unsigned shift = 0; shift < bits; shift += 8) {
    std::size_t places[256] = {};
    for (std::size_t i = 0; i < count; ++i) ++places[sorting[i].key >> shift & 0xff];
    if (places[sorting[0].key >> shift & 0xff] == count) continue;
    std::size_t at = 0;
    for (std::size_t& place : places) at += std::exchange(place, at);
    for (std::size_t i = 0; i < count; ++i) other[places[sorting[i].key >> shift & 0xff]++] = sorting[i];
    std::swap(sorting, other);
    SPG_TRY(arena.check());
  }
  return sorting;
}

/// Rows in order by packed keys; empty when the keys do not fit (and there are rows).
Result<std::span<std::uint32_t>> sort_packed(const Rows& rows, std::span<const SortColumn> by, Arena& arena) {
  const std::size_t count = rows.size();
  auto* columns = arena.array<PackedColumn>(by.size());
  for (const SortColumn& one : by)
    if (packed_kind(one.key.type, rows.column(0, one.column).physical) == PackedKind::none)
      return std::span<std::uint32_t>{};
  Arena memory(arena.budget());
  unsigned bits = 0;
  for (std::size_t c = 0; c < by.size(); ++c) {
    PackedColumn& column = *new (&columns[c]) PackedColumn{};
    column.column = by[c].column;
    column.descending = by[c].key.descending;
    column.nulls_first = by[c].key.nulls_first;
    column.has_nulls = rows.has_nulls(column.column);
    column.values = static_cast<std::uint64_t*>(memory.try_allocate(count * sizeof(std::uint64_t)));
    if (column.values == nullptr) return Error::out_of_memory();
    if (!read_column(rows, packed_kind(by[c].key.type, rows.column(0, column.column).physical), column))
      return std::span<std::uint32_t>{};
    if (column.least > column.most) column.least = column.most = 0;  // nothing but NULLs
    const std::uint64_t range = column.most - column.least;
    if (column.has_nulls && range == ~std::uint64_t{0}) return std::span<std::uint32_t>{};
    column.bits = static_cast<unsigned>(std::bit_width(range + (column.has_nulls ? 1 : 0)));
    bits += column.bits;
    if (bits > 64) return std::span<std::uint32_t>{};
    SPG_TRY(arena.check());
  }
  auto* sorting = static_cast<PackedEntry*>(memory.try_allocate(count * sizeof(PackedEntry)));
  auto* other = static_cast<PackedEntry*>(memory.try_allocate(count * sizeof(PackedEntry)));
  if (sorting == nullptr || other == nullptr) return Error::out_of_memory();
  for (std::uint32_t row = 0; row < count; ++row) sorting[row] = {0, row};
  for (std::size_t c = 0; c < by.size(); ++c) {
    const PackedColumn& column = columns[c];
    if (column.bits == 0) continue;
    const std::uint64_t range = column.most - column.least, first = column.has_nulls && column.nulls_first ? 1 : 0;
    const std::uint64_t null_number = column.nulls_first ? 0 : range + 1;
    const unsigned shift = column.bits;
    for (std::uint32_t row = 0; row < count; ++row) {
      std::uint64_t number =
          first + (column.descending ? column.most - column.values[row] : column.values[row] - column.least);
      if (column.has_nulls && rows.is_null(row, column.column)) number = null_number;
      sorting[row].key = (shift == 64 ? 0 : sorting[row].key << shift) | number;
    }
  }
  SPG_ASSIGN(const PackedEntry* sorted, radix_sort(sorting, other, count, bits, memory));
  auto* numbers = static_cast<std::uint32_t*>(arena.try_allocate(count * sizeof(std::uint32_t) + 1));
  if (numbers == nullptr) return Error::out_of_memory();
  for (std::size_t i = 0; i < count; ++i) numbers[i] = sorted[i].row;
  return std::span<std::uint32_t>{numbers, count};
}

// --- keys of bytes --------------------------------------------------------------------------------------------------

/// Leaves out of all keys what they have in common at their beginning.
void skip_common_prefix(SortEntry* sorting, std::size_t count) {
  std::uint32_t common = count == 0 ? 0 : sorting[0].bytes;
  for (std::size_t i = 1; i < count && common != 0; ++i) {
    const std::uint32_t most = sorting[i].bytes < common ? sorting[i].bytes : common;
    std::uint32_t same = 0;
    while (same < most && sorting[i].key[same] == sorting[0].key[same]) ++same;
    common = same;
  }
  for (std::size_t i = 0; i < count; ++i) {
    sorting[i].key += common;
    sorting[i].bytes -= common;
    sorting[i].head = head_of(sorting[i].key, sorting[i].bytes);
  }
}

}  // namespace

Result<std::span<std::uint32_t>> sort_rows(const Rows& rows, std::span<const SortColumn> by, Arena& arena) {
  const std::size_t count = rows.size();
  if (count > 1) {
    SPG_ASSIGN(const std::span<std::uint32_t> packed, sort_packed(rows, by, arena));
    if (!packed.empty()) return packed;
  }
  auto* sorting = static_cast<SortEntry*>(arena.try_allocate(count * sizeof(SortEntry) + 1, alignof(SortEntry)));
  if (sorting == nullptr) return Error::out_of_memory();
  Arena memory(arena.budget());
  TextBuilder key(memory);
  for (std::uint32_t row = 0; row < count; ++row) {
    key.resize(0);
    for (const SortColumn& column : by) type::append_key(column.key, rows.value(row, column.column), key);
    sorting[row] = {0, arena.copy(key.view()).data(), static_cast<std::uint32_t>(key.size()), row};
    if (row % type::batch_rows_max == 0) SPG_TRY(arena.check());
  }
  SPG_TRY(arena.check());
  skip_common_prefix(sorting, count);
  SPG_TRY(checked_sort(sorting, sorting + count, KeyOrder{}, [&] { return arena.check(); }));
  std::span<std::uint32_t> order{arena.array<std::uint32_t>(count + 1), count};
  for (std::size_t i = 0; i < count; ++i) order[i] = sorting[i].row;
  return order;
}

}  // namespace spg::exec
