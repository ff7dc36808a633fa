#include "spg/type/io.hpp"

#include <algorithm>

#include "array_io.hpp"
#include "spg/type/datetime.hpp"
#include "spg/type/number_text.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/record.hpp"
#include "spg/type/transaction.hpp"

namespace spg::type {
namespace {

struct Entry {
  std::uint32_t oid, array;
  Format format;
  Physical physical;
  std::string_view name;
  std::uint32_t element = 0;
};
using enum Format;
constexpr Entry entries[] = {
    {16, 1000, boolean, Physical::boolean, "boolean"},
    {17, 1001, bytea, Physical::string, "bytea"},
    {18, 1002, character, Physical::int2, "\"char\""},
    {19, 1003, name, Physical::string, "name"},
    {20, 1016, int8, Physical::int8, "bigint"},
    {21, 1005, int2, Physical::int2, "smallint"},
    {22, 1006, vector, Physical::string, "int2vector", 21},
    {23, 1007, int4, Physical::int4, "integer"},
    {24, 1008, Format::oid, Physical::int4, "regproc"},
    {25, 1009, text, Physical::string, "text"},
    {26, 1028, Format::oid, Physical::int4, "oid"},
    {28, 1011, Format::xid, Physical::int4, "xid"},
    {29, 1012, Format::xid, Physical::int4, "cid"},
    {30, 1013, vector, Physical::string, "oidvector", 26},
    {194, 0, text, Physical::string, "pg_node_tree"},
    {700, 1021, float4, Physical::float4, "real"},
    {701, 1022, float8, Physical::float8, "double precision"},
    {705, 0, text, Physical::string, "unknown"},
    {1033, 1034, text, Physical::string, "aclitem"},
    {1042, 1014, bpchar, Physical::string, "character"},
    {1043, 1015, varchar, Physical::string, "character varying"},
    {1082, 1182, date, Physical::int4, "date"},
    {1083, 1183, Format::time, Physical::int8, "time without time zone"},
    {1114, 1115, timestamp, Physical::int8, "timestamp without time zone"},
    {1184, 1185, timestamptz, Physical::int8, "timestamp with time zone"},
    {1186, 1187, interval, Physical::interval, "interval"},
    {1266, 1270, timetz, Physical::string, "time with time zone"},
    {1700, 1231, numeric, Physical::string, "numeric"},
    {1790, 2201, text, Physical::string, "refcursor"},
    {2202, 2207, Format::oid, Physical::int4, "regprocedure"},
    {2203, 2208, Format::oid, Physical::int4, "regoper"},
    {2204, 2209, Format::oid, Physical::int4, "regoperator"},
    {2205, 2210, Format::oid, Physical::int4, "regclass"},
    {2206, 2211, Format::oid, Physical::int4, "regtype"},
    {2249, 2287, Format::record, Physical::string, "record"},
    {2275, 1263, text, Physical::string, "cstring"},
    {2277, 0, text, Physical::string, "anyarray"},
    {2278, 0, void_type, Physical::string, "void"},
    {2950, 2951, Format::uuid, Physical::uuid, "uuid"},
    {2970, 2949, Format::pg_snapshot, Physical::string, "txid_snapshot"},
    {3220, 3221, Format::pg_lsn, Physical::int8, "pg_lsn"},
    {4089, 4090, Format::oid, Physical::int4, "regnamespace"},
    {4096, 4097, Format::oid, Physical::int4, "regrole"},
    {5038, 5039, Format::pg_snapshot, Physical::string, "pg_snapshot"},
    {5069, 271, Format::xid8, Physical::int8, "xid8"},
};
constexpr std::size_t entry_count = std::size(entries);

constexpr std::size_t count_arrays() {
  std::size_t count = 0;
  for (const Entry& entry : entries) count += entry.array != 0;
  return count;
}

/// The types above and arrays of them, sorted by OID. Arrays go by their element's name in messages, with brackets.
struct Table {
  TypeInfo types[entry_count + count_arrays()];
  std::size_t count = 0;

  Table() {
    for (const Entry& e : entries) {
      types[count++] = {Oid{e.oid}, Oid{e.array}, Oid{e.element}, e.format, e.physical, e.name};
      if (e.array != 0) types[count++] = {Oid{e.array}, Oid::none, Oid{e.oid}, Format::array, Physical::string, e.name};
    }
    std::sort(types, types + count, [](const TypeInfo& a, const TypeInfo& b) { return raw(a.oid) < raw(b.oid); });
  }
};

Error no_such_type(Oid type) {
  return Error::make(sqlstate::undefined_object, "type with OID ", raw(type), " does not exist");
}

template <class T>
Result<Value> wrap(Physical physical, Result<T> result) {
  if (!result) return result.take_error();
  return Value::of(physical, *result);
}
Result<Value> wrap_text(Result<std::string_view> result) {
  if (!result) return result.take_error();
  return string_value(*result);
}
Result<Value> coerced(const TypeInfo& type, Result<Value> value, std::int32_t typmod, Arena& arena) {
  if (!value || typmod < 0) return value;
  return apply_typmod(type.oid, *value, typmod, CastForm::implicit, arena);
}

}  // namespace

const TypeInfo* find_type(Oid type) {
  static const Table table;
  const TypeInfo* end = table.types + table.count;
  const TypeInfo* found =
      std::lower_bound(table.types, end, type, [](const TypeInfo& a, Oid b) { return raw(a.oid) < raw(b); });
  return found != end && found->oid == type ? found : nullptr;
}

Physical physical_of(Oid type) {
  const TypeInfo* info = find_type(type);
  return info == nullptr ? Physical::string : info->physical;
}

Physical column_physical_of(Oid type, std::int32_t typmod) {
  if (type == type::oid::numeric && typmod >= 4) {
    const auto [precision, scale] = NumericTypmod::of(typmod);
    if (scale >= 0 && scale <= precision && precision <= 38) return precision <= 18 ? Physical::int8 : Physical::int16;
  }
  return physical_of(type);
}

Value value_of(const Vector& vector, std::size_t row) {
  Value result = Value::null_of(vector.physical);
  if (vector.is_null(row)) return result;
  result.is_null = false;
  const std::size_t bytes = physical_bytes(vector.physical);
  std::memcpy(result.bytes, static_cast<const std::byte*>(vector.values) + vector.slot(row) * bytes, bytes);
  return result;
}

Result<Value> input(Oid oid, std::string_view text, std::int32_t typmod, const TextSettings& settings, Arena& arena) {
  const TypeInfo* type = find_type(oid);
  if (type == nullptr) return no_such_type(oid);
  switch (type->format) {
    case boolean: return wrap(Physical::boolean, parse_bool(text));
    case int2: return wrap(Physical::int2, parse_int2(text));
    case int4: return wrap(Physical::int4, parse_int4(text));
    case int8: return wrap(Physical::int8, parse_int8(text));
    case Format::oid: return wrap(Physical::int4, parse_oid(text));
    case float4: return wrap(Physical::float4, parse_float4(text));
    case float8: return wrap(Physical::float8, parse_float8(text));
    case numeric: return coerced(*type, wrap(Physical::string, parse_numeric(text, arena)), typmod, arena);
    case Format::text: return string_value(text);
    case name: return string_value(truncate_name(text));
    case varchar: case bpchar: return coerced(*type, string_value(text), typmod, arena);
    case bytea: return wrap_text(parse_bytea(text, arena));
    case character: return Value::of(Physical::int2, parse_char(text));
    case date: return wrap(Physical::int4, parse_date(text, settings));
    case Format::time: return coerced(*type, wrap(Physical::int8, parse_time(text, settings)), typmod, arena);
    case timestamp: return coerced(*type, wrap(Physical::int8, parse_timestamp(text, settings)), typmod, arena);
    case timestamptz: return coerced(*type, wrap(Physical::int8, parse_timestamptz(text, settings)), typmod, arena);
    case timetz: {
      SPG_ASSIGN(const TimeTz value, parse_timetz(text, settings));
      return coerced(*type, Value::of(Physical::string, value.pack()), typmod, arena);
    }
    case interval: return wrap(Physical::interval, parse_interval(text, settings, typmod));
    case Format::uuid: return wrap(Physical::uuid, parse_uuid(text));
    case Format::xid: return Value::of(Physical::int4, parse_xid(text));
    case Format::xid8: return Value::of(Physical::int8, pack_unsigned(parse_xid8(text)));
    case Format::pg_lsn: {
      SPG_ASSIGN(const std::uint64_t lsn, parse_lsn(text));
      return Value::of(Physical::int8, pack_unsigned(lsn));
    }
    case Format::pg_snapshot: return wrap_text(parse_snapshot(text, arena));
    case void_type: return string_value({});
    case Format::array: return input_array(*type, text, typmod, settings, arena);
    case vector: return input_vector(*type, text, settings, arena);
    case Format::record:
      return Error::make(sqlstate::feature_not_supported, "input of anonymous composite types is not implemented");
  }
  return no_such_type(oid);
}

void output(Oid oid, const Value& value, TextBuilder& out, const TextSettings& settings) {
  const TypeInfo* type = find_type(oid);
  const Format format = type == nullptr ? Format::text : type->format;
  switch (format) {
    case boolean: print_bool(value.as<std::uint8_t>() != 0, out); return;
    case int2: print_int2(value.as<std::int16_t>(), out); return;
    case int4: print_int4(value.as<std::int32_t>(), out); return;
    case int8: print_int8(value.as<std::int64_t>(), out); return;
    case Format::oid: case Format::xid: print_oid(value.as<std::uint32_t>(), out); return;
    case float4: print_float4(value.as<float>(), out, settings.extra_float_digits); return;
    case float8: print_float8(value.as<double>(), out, settings.extra_float_digits); return;
    case numeric: print_numeric(value.as<Numeric>(), out); return;
    case Format::text: case name: case varchar: case bpchar: out.add(value.as<StringRef>().view()); return;
    case bytea: print_bytea(value.as<StringRef>().view(), out, settings.bytea_output); return;
    case character: print_char(value.as<std::int16_t>(), out); return;
    case date: print_date(value.as<std::int32_t>(), out, settings); return;
    case Format::time: print_time(value.as<std::int64_t>(), out); return;
    case timestamp: print_timestamp(value.as<std::int64_t>(), out, settings); return;
    case timestamptz: print_timestamptz(value.as<std::int64_t>(), out, settings); return;
    case timetz: print_timetz(TimeTz::unpack(value.as<StringRef>()), out); return;
    case interval: print_interval(value.as<Interval>(), out, settings); return;
    case Format::uuid: print_uuid(value.as<Uuid>(), out); return;
    case Format::xid8: out.add(unpack_unsigned(value.as<std::int64_t>())); return;
    case Format::pg_lsn: print_lsn(unpack_unsigned(value.as<std::int64_t>()), out); return;
    case Format::pg_snapshot: print_snapshot(value.as<StringRef>().view(), out); return;
    case void_type: return;
    case Format::array: output_array(value, out, settings); return;
    case vector: output_vector(value, out, settings); return;
    case Format::record: {
      const StringRef body = value.as<StringRef>();
      print_record(body, out, [&](Oid field, const Value& one) { output(field, one, out, settings); });
      return;
    }
  }
}

Result<Value> receive(Oid oid, Bytes bytes, std::int32_t typmod, Arena& arena) {
  const TypeInfo* type = find_type(oid);
  if (type == nullptr) return no_such_type(oid);
  ByteReader from(bytes);
  Value value;
  const auto range = [](std::string_view what) {
    return Error::make(sqlstate::datetime_value_out_of_range, what, " out of range");
  };
  switch (type->format) {
    case boolean:
      if (bytes.empty()) return Error::make(sqlstate::protocol_violation, "no data left in message");
      value = Value::of(Physical::boolean, static_cast<std::uint8_t>(from.be<std::uint8_t>() != 0));
      break;
    case character: value = Value::of(Physical::int2, static_cast<std::int16_t>(from.be<std::uint8_t>())); break;
    case int2: value = Value::of(Physical::int2, from.be<std::int16_t>()); break;
    case int4: case Format::oid: case Format::xid: case float4: value = Value::of(type->physical, from.be<std::int32_t>()); break;
    case int8: case float8: value = Value::of(type->physical, from.be<std::int64_t>()); break;
    case numeric: {
      SPG_ASSIGN(const Numeric number, receive_numeric(from, arena));
      value = Value::of(Physical::string, number);
      break;
    }
    case Format::text: case name: case varchar: case bpchar: {
      const std::string_view raw_text = as_text(from.bytes(bytes.size()));
      SPG_TRY(check_utf8(raw_text));
      if (type->format == name && raw_text.size() > name_bytes_max)
        return Error(Error::make(sqlstate::name_too_long, "identifier too long")
                         .detail("Identifier must be less than 64 characters."));
      value = string_value(raw_text);
      break;
    }
    case bytea: value = string_value(as_text(from.bytes(bytes.size()))); break;
    case date: {
      const auto days = from.be<std::int32_t>();
      if (!is_infinite_date(days) && (days < date_min || days >= date_end)) return range("date");
      value = Value::of(Physical::int4, days);
      break;
    }
    case Format::time: case timetz: {
      const auto us = from.be<std::int64_t>();
      if (us < 0 || us > day_us) return range("time");
      if (type->format == Format::time) { value = Value::of(Physical::int8, us); break; }
      const auto west = from.be<std::int32_t>();
      if (west <= -16 * 3600 || west >= 16 * 3600)
        return Error::make(sqlstate::invalid_time_zone_displacement_value, "time zone displacement out of range");
      value = Value::of(Physical::string, TimeTz{us, west}.pack());
      break;
    }
    case timestamp: case timestamptz: {
      const auto us = from.be<std::int64_t>();
      if (!is_infinite_timestamp(us) && !is_timestamp(us)) return range("timestamp");
      value = Value::of(Physical::int8, us);
      break;
    }
    case interval: {
      Interval read;
      read.microseconds = from.be<std::int64_t>();
      read.days = from.be<std::int32_t>();
      read.months = from.be<std::int32_t>();
      value = Value::of(Physical::interval, read);
      break;
    }
    case Format::uuid: {
      const Bytes raw_bytes = from.bytes(16);
      Uuid read{};
      if (raw_bytes.size() == 16) std::memcpy(read.data(), raw_bytes.data(), 16);
      value = Value::of(Physical::uuid, read);
      break;
    }
    case Format::xid8: case Format::pg_lsn: value = Value::of(Physical::int8, pack_unsigned(from.be<std::uint64_t>())); break;
    case Format::pg_snapshot: {
      SPG_ASSIGN(const std::string_view body, receive_snapshot(from, arena));
      value = string_value(body);
      break;
    }
    case void_type: value = string_value({}); from.bytes(bytes.size()); break;
    case Format::array: case vector: {
      SPG_ASSIGN(value, receive_array(*type, from, typmod, arena));
      break;
    }
    case Format::record:
      return Error::make(sqlstate::feature_not_supported, "input of anonymous composite types is not implemented");
  }
  if (!from.ok() && bytes.empty() && type->format == Format::boolean)
    return Error::make(sqlstate::protocol_violation, "no data left in message");  // PostgreSQL reads it as a byte
  if (!from.ok()) return Error::make(sqlstate::protocol_violation, "insufficient data left in message");
  if (!from.at_end()) return Error::make(sqlstate::invalid_binary_representation, "incorrect binary data format");
  if (type->format == Format::array) return value;
  return coerced(*type, std::move(value), typmod, arena);
}

namespace {
template <std::integral N>
void put(TextBuilder& out, N value) {
  char raw_bytes[sizeof(N)];
  store_be<N>(raw_bytes, value);
  out.add(std::string_view(raw_bytes, sizeof raw_bytes));
}

void send_record(const StringRef& body, TextBuilder& out) {
  RecordReader reader(body);
  put(out, static_cast<std::int32_t>(reader.size()));
  Oid type{};
  for (Value value; reader.next(&type, &value);) {
    put(out, raw(type));
    const std::size_t at = out.size();
    put(out, std::int32_t{-1});
    if (value.is_null) continue;
    send(type, value, out);
    store_be<std::uint32_t>(out.data() + at, static_cast<std::uint32_t>(out.size() - at - 4));
  }
}
}  // namespace

void send(Oid oid, const Value& value, TextBuilder& out) {
  const TypeInfo* type = find_type(oid);
  switch (type == nullptr ? Format::text : type->format) {
    case boolean: put(out, value.as<std::uint8_t>()); return;
    case character: put(out, static_cast<std::uint8_t>(value.as<std::int16_t>())); return;
    case int2: put(out, value.as<std::int16_t>()); return;
    case int4: case Format::oid: case Format::xid: case float4: case date: put(out, value.as<std::int32_t>()); return;
    case int8:
    case float8:
    case Format::time:
    case timestamp:
    case timestamptz: put(out, value.as<std::int64_t>()); return;
    case numeric: send_numeric(value.as<Numeric>(), out); return;
    case Format::text: case name: case varchar: case bpchar: case bytea: out.add(value.as<StringRef>().view()); return;
    case timetz: {
      const TimeTz t = TimeTz::unpack(value.as<StringRef>());
      put(out, t.microseconds);
      put(out, t.west);
      return;
    }
    case interval: {
      const Interval v = value.as<Interval>();
      put(out, v.microseconds);
      put(out, v.days);
      put(out, v.months);
      return;
    }
    case Format::uuid: out.add(std::string_view(reinterpret_cast<const char*>(value.bytes), 16)); return;
    case Format::xid8: case Format::pg_lsn: put(out, unpack_unsigned(value.as<std::int64_t>())); return;
    case Format::pg_snapshot: send_snapshot(value.as<StringRef>().view(), out); return;
    case void_type: return;
    case Format::array: case vector: send_array(value, out); return;
    case Format::record: send_record(value.as<StringRef>(), out); return;
  }
}

Result<Value> apply_typmod(Oid oid, const Value& value, std::int32_t typmod, CastForm form, Arena& arena) {
  const TypeInfo* type = find_type(oid);
  if (type == nullptr || typmod < 0 || value.is_null) return value;
  switch (type->format) {
    case numeric: return wrap(Physical::string, numeric_apply_typmod(value.as<Numeric>(), typmod, arena));
    case varchar: return wrap_text(coerce_varchar(value.as<StringRef>().view(), typmod, form));
    case bpchar: return wrap_text(coerce_bpchar(value.as<StringRef>().view(), typmod, form, arena));
    case Format::time: return Value::of(Physical::int8, round_time(value.as<std::int64_t>(), typmod));
    case timetz: {
      TimeTz t = TimeTz::unpack(value.as<StringRef>());
      t.microseconds = round_time(t.microseconds, typmod);
      return Value::of(Physical::string, t.pack());
    }
    case timestamp: case timestamptz: return wrap(Physical::int8, round_timestamp(value.as<std::int64_t>(), typmod));
    case interval: return wrap(Physical::interval, interval_apply_typmod(value.as<Interval>(), typmod));
    default: return value;
  }
}

}  // namespace spg::type
