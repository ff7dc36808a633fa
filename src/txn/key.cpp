#include "spg/txn/key.hpp"

#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/order.hpp"

namespace spg::txn {

using type::Physical;

table::KeyKind key_kind_of(std::span<const table::KeyPart> parts) {
  if (parts.size() != 1 || parts[0].descending != 0 || parts[0].nulls_first != 0) return table::KeyKind::bytes;
  switch (parts[0].type) {
    case raw(type::oid::int2): case raw(type::oid::int4): case raw(type::oid::int8): case raw(type::oid::date):
    case raw(type::oid::time): case raw(type::oid::timestamp): case raw(type::oid::timestamptz):
      return table::KeyKind::integer;
    default: return table::KeyKind::bytes;
  }
}

bool key_part_fits(const table::KeyPart& part, type::Physical physical) {
  const Physical usual = type::physical_of(Oid{part.type});
  // numeric columns of bounded precision are stored as scaled integers.
  return physical == usual || (Oid{part.type} == type::oid::numeric && (physical == Physical::int8 || physical == Physical::int16));
}

index::IntKey int_key(const type::Value& value, std::uint64_t rowid) {
  constexpr std::uint64_t sign = std::uint64_t{1} << 63;
  if (value.is_null) return {UINT64_MAX, rowid | index::null_rowid_bit};
  switch (value.physical) {
    case Physical::int2: return {static_cast<std::uint64_t>(std::int64_t{value.as<std::int16_t>()}) ^ sign, rowid};
    case Physical::int4: return {static_cast<std::uint64_t>(std::int64_t{value.as<std::int32_t>()}) ^ sign, rowid};
    case Physical::int8: return {static_cast<std::uint64_t>(value.as<std::int64_t>()) ^ sign, rowid};
    default: SPG_ASSERT(false); return {};
  }
}

bool KeyBuffer::to_next_prefix() {
  std::size_t size = text_.size();
  while (size != 0 && static_cast<unsigned char>(text_.data()[size - 1]) == 0xff) --size;
  if (size == 0) return false;
  text_.data()[size - 1] = static_cast<char>(text_.data()[size - 1] + 1);
  text_.resize(size);
  return true;
}

void append_key_part(KeyBuffer& key, const table::KeyPart& part, const type::Value& value) {
  if (!value.is_null && value.physical == Physical::string && value.as<type::StringRef>().size > index::key_bytes_max) {
    key.left_out_bytes_ += value.as<type::StringRef>().size;
    return;
  }
  type::append_key({Oid{part.type}, part.descending != 0, part.nulls_first != 0}, value, key.text_);
}

Error key_too_long(std::size_t bytes) {
  return Error::make(sqlstate::program_limit_exceeded, "index row size ", bytes, " exceeds btree version 4 maximum ", index::key_bytes_max)
      .hint("Values larger than 1/3 of a buffer page cannot be indexed.\nConsider a function index of an MD5 hash of the value, or use full text indexing.");
}

}  // namespace spg::txn
