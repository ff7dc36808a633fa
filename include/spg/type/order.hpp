// Order, equality and hashes of values by type, and keys whose bytes compare as the values do.
//
// A sort key is the columns' parts one after another; memcmp (shorter first) of two keys of the same columns is the
// order of the rows. A column's part:
//   marker   1   NULL: 00 (NULLS FIRST) or 02 (NULLS LAST), nothing follows; else 01
//   then, every byte inverted when the column is DESC:
//   bool     1; int2 int4 int8 date time timestamp(tz): big-endian, sign flipped; oid and kin: big-endian
//   float4 float8   big-endian, made to order: -0 = 0, NaN above all
//   numeric  class (1 -Inf, 2 negative, 3 zero, 4 positive, 5 Inf, 6 NaN); for 2 and 4: weight (2, sign flipped),
//   digits of
//            base 10000 plus 1 (2 each), 0000; all after the class inverted for 2. Scale leaves no trace: 1.0 = 1.00
//   strings  bytes with 00 as 00 FF, then 00 01; bpchar without its trailing blanks
//   interval 10, sign flipped: its span;   uuid 16;   timetz 12: moment in UTC, then zone
//   arrays   elements as columns (NULL last), then 00, dimensions (1), length and lower bound of each (4 + 4)
//   records  fields as columns (NULL last), each with its type's OID (4) behind its marker, then 00
// Pure functions, usable from any thread.
#pragma once
#include <cstdint>
#include <span>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/type/vector.hpp"

namespace spg::type {

constexpr std::uint64_t hash_mix(std::uint64_t x) {
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  x ^= x >> 32;
  x *= 0xd6e8feb86659fd93u;
  return x ^ x >> 32;
}
/// Of any integer type: 1::int2 and 1::int8 hash alike, and as numeric 1.0 does.
constexpr std::uint64_t hash_int(std::int64_t value) {
  return hash_mix(static_cast<std::uint64_t>(value) + 0x9e3779b97f4a7c15u);
}
constexpr std::uint64_t hash_combine(std::uint64_t a, std::uint64_t b) { return hash_mix(a * 0x9e3779b97f4a7c15u + b); }
std::uint64_t hash_bytes(std::string_view bytes);
std::uint64_t hash_float(double value);

/// Negative, zero, positive; by the type's default order (NaN above all, bpchar without trailing blanks). Values are of
/// the executor's layout and not null. Types outside io.hpp's table compare as bytes.
int compare(Oid type, const Value& a, const Value& b);
/// Equal values (by compare) hash alike.
std::uint64_t hash(Oid type, const Value& value);

struct KeyColumn {
  Oid type = Oid::none;
  bool descending = false;
  bool nulls_first = false;
};
void append_key(const KeyColumn& column, const Value& value, TextBuilder& key);
/// Bytes of the first column's part of a key; 0 when the key is damaged.
std::size_t key_bytes(const KeyColumn& column, Bytes key);

}  // namespace spg::type
