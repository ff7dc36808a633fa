#include "spg/txn/key.hpp"

#include <bit>

#include "spg/type/oids.hpp"

namespace spg::txn {

using type::Physical;

table::KeyKind key_kind_of(std::span<const table::KeyPart> parts, Physical first_column) {
  if (parts.size() != 1 || parts[0].descending != 0 || parts[0].nulls_first != 0) return table::KeyKind::bytes;
  switch (first_column) {
    case Physical::int2: case Physical::int4: case Physical::int8: return table::KeyKind::integer;
    default: return table::KeyKind::bytes;
  }
}

namespace {
/// OIDs are unsigned: their order is that of the bits.
std::uint64_t ordered(const type::Value& value) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  switch (value.physical) {
    case Physical::int2: return static_cast<std::uint64_t>(std::int64_t{value.as<std::int16_t>()}) ^ sign;
    case Physical::int4: return static_cast<std::uint64_t>(std::int64_t{value.as<std::int32_t>()}) ^ sign;
    case Physical::int8: return static_cast<std::uint64_t>(value.as<std::int64_t>()) ^ sign;
    default: SPG_ASSERT(false); return 0;
  }
}
}  // namespace

index::IntKey int_key(const type::Value& value, std::uint64_t rowid) {
  if (value.is_null) return {UINT64_MAX, rowid | index::null_rowid_bit};
  return {ordered(value), rowid};
}

Error key_too_long(std::size_t bytes) {
  return Error::make(sqlstate::program_limit_exceeded, "index row size ", bytes, " exceeds btree version 4 maximum ", index::key_bytes_max)
      .hint("Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of the value, or use full text indexing.");
}

}  // namespace spg::txn
