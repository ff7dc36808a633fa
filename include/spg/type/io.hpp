// One table of the built-in types: how values of a type OID lie in memory, are read, printed, sent, received and
// coerced.
//
// Pure functions, usable from any thread. Values that are strings refer to the caller's text (or message) where they
// can, else to its arena. Types outside the table (find_type() is null) have no I/O here.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/result.hpp"
#include "spg/type/settings.hpp"
#include "spg/type/text.hpp"
#include "spg/type/vector.hpp"

namespace spg::type {

/// What the code behind a type is; several types may share one (regclass is an oid here).
enum class Format : std::uint8_t {
  boolean, int2, int4, int8, float4, float8, numeric, text, name, varchar, bpchar, bytea, character, oid, date, time,
  timetz, timestamp, timestamptz, interval, uuid, xid, xid8, pg_lsn, pg_snapshot, void_type, array, vector,
  record
};

struct TypeInfo {
  Oid oid;
  Oid array;    ///< the type of arrays of it, or none
  Oid element;  ///< of arrays and of int2vector and oidvector, else none
  Format format;
  Physical physical;
  std::string_view name;  ///< as in messages: "timestamp without time zone"
};

/// Null when the type is none of the table.
const TypeInfo* find_type(Oid type);
/// The executor's layout; Physical::string for types outside the table.
Physical physical_of(Oid type);
/// A table column's layout: like the executor's, but numeric(p,s) is scaled int8 (p <= 18) or int16 (p <= 38) when
/// 0 <= s <= p.
Physical column_physical_of(Oid type, std::int32_t typmod);

/// One row of a vector as a value.
Value value_of(const Vector& vector, std::size_t row);
inline Value string_value(std::string_view text) { return Value::of(Physical::string, StringRef(text)); }

Result<Value> input(Oid type, std::string_view text, std::int32_t typmod, const TextSettings& settings, Arena& arena);
/// Requires: not null.
void output(Oid type, const Value& value, TextBuilder& out, const TextSettings& settings);
/// `bytes` is the whole value: 22P03 when some are left over, 08P01 when some are missing.
Result<Value> receive(Oid type, Bytes bytes, std::int32_t typmod, Arena& arena);
void send(Oid type, const Value& value, TextBuilder& out);
/// The length coercion of the type: what an assignment (or an explicit cast) to type(typmod) does to a value of the
/// type.
Result<Value> apply_typmod(Oid type, const Value& value, std::int32_t typmod, CastForm form, Arena& arena);

}  // namespace spg::type
