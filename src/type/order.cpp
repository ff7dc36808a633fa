#include "spg/type/order.hpp"

#include <bit>
#include <cmath>
#include <cstring>

#include "spg/type/array.hpp"
#include "spg/type/datetime.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/record.hpp"

namespace spg::type {
namespace {

template <class T>
int three_way(const T& a, const T& b) { return a < b ? -1 : b < a; }

int compare_floats(double a, double b) {
  if (std::isnan(a) || std::isnan(b)) return std::isnan(a) - std::isnan(b);
  return three_way(a, b);
}

Format format_of(Oid type) {
  const TypeInfo* info = find_type(type);
  return info == nullptr ? Format::text : info->format;
}

int compare_arrays(const StringRef& a, const StringRef& b) {
  ArrayReader x(a), y(b);
  Value u, v;
  const std::int64_t least = x.count() < y.count() ? x.count() : y.count();
  for (std::int64_t i = 0; i < least && x.next(&u) && y.next(&v); ++i) {
    if (u.is_null || v.is_null) {
      if (u.is_null != v.is_null) return u.is_null ? 1 : -1;
      continue;
    }
    if (const int order = compare(x.element_type(), u, v); order != 0) return order;
  }
  if (x.count() != y.count()) return three_way(x.count(), y.count());
  if (x.dimensions() != y.dimensions()) return three_way(x.dimensions(), y.dimensions());
  for (int i = 0; i < x.dimensions(); ++i) {
    const ArrayDimension p = x.dimension(i), q = y.dimension(i);
    if (p.length != q.length) return three_way(p.length, q.length);
    if (p.lower != q.lower) return three_way(p.lower, q.lower);
  }
  return 0;
}

/// NULLs last; fields of unequal types by their types, which only sorts of what has no order come to.
int compare_records(const StringRef& a, const StringRef& b) {
  RecordReader x(a), y(b);
  Oid p{}, q{};
  Value u, v;
  while (x.next(&p, &u) && y.next(&q, &v)) {
    if (u.is_null || v.is_null) {
      if (u.is_null != v.is_null) return u.is_null ? 1 : -1;
      continue;
    }
    if (p != q) return three_way(raw(p), raw(q));
    if (const int order = compare(p, u, v); order != 0) return order;
  }
  return three_way(x.size(), y.size());
}

}  // namespace

std::uint64_t hash_bytes(std::string_view bytes) {
  std::uint64_t hash = 0x243f6a8885a308d3u ^ bytes.size() * 0x9e3779b97f4a7c15u;
  for (; bytes.size() >= 8; bytes.remove_prefix(8)) hash = hash_mix(hash ^ load_le<std::uint64_t>(bytes.data()));
  std::uint64_t rest = 0;
  for (std::size_t i = 0; i < bytes.size(); ++i) rest |= std::uint64_t{static_cast<unsigned char>(bytes[i])} << (8 * i);
  return hash_mix(hash ^ rest);
}

std::uint64_t hash_float(double value) {
  if (std::isnan(value)) return hash_mix(0x7ff8dead);
  return hash_mix(std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value) + 0x13198a2e03707344u);
}

int compare(Oid type, const Value& a, const Value& b) {
  switch (format_of(type)) {
    case Format::boolean: return three_way(a.as<std::uint8_t>(), b.as<std::uint8_t>());
    case Format::int2: case Format::character: return three_way(a.as<std::int16_t>(), b.as<std::int16_t>());
    case Format::int4: case Format::date: return three_way(a.as<std::int32_t>(), b.as<std::int32_t>());
    case Format::oid: case Format::xid: return three_way(a.as<std::uint32_t>(), b.as<std::uint32_t>());
    case Format::int8: case Format::time: case Format::timestamp: case Format::timestamptz: case Format::xid8: case Format::pg_lsn:
      return three_way(a.as<std::int64_t>(), b.as<std::int64_t>());
    case Format::float4: return compare_floats(static_cast<double>(a.as<float>()), static_cast<double>(b.as<float>()));
    case Format::float8: return compare_floats(a.as<double>(), b.as<double>());
    case Format::numeric: return numeric_compare(a.as<Numeric>(), b.as<Numeric>());
    case Format::interval: return interval_compare(a.as<Interval>(), b.as<Interval>());
    case Format::uuid: return std::memcmp(a.bytes, b.bytes, 16);
    case Format::timetz: {
      const TimeTz x = TimeTz::unpack(a.as<StringRef>()), y = TimeTz::unpack(b.as<StringRef>());
      return x.utc() != y.utc() ? three_way(x.utc(), y.utc()) : three_way(x.west, y.west);
    }
    case Format::bpchar: return trim_bpchar(a.as<StringRef>().view()).compare(trim_bpchar(b.as<StringRef>().view()));
    case Format::array: case Format::vector: return compare_arrays(a.as<StringRef>(), b.as<StringRef>());
    case Format::record: return compare_records(a.as<StringRef>(), b.as<StringRef>());
    case Format::void_type: return 0;
    default: return compare_bytes(a.as<StringRef>(), b.as<StringRef>());
  }
}

std::uint64_t hash(Oid type, const Value& value) {
  switch (format_of(type)) {
    case Format::boolean: return hash_int(value.as<std::uint8_t>());
    case Format::int2: case Format::character: return hash_int(value.as<std::int16_t>());
    case Format::int4: case Format::date: return hash_int(value.as<std::int32_t>());
    case Format::oid: case Format::xid: return hash_int(value.as<std::uint32_t>());
    case Format::int8: case Format::time: case Format::timestamp: case Format::timestamptz: case Format::xid8: case Format::pg_lsn:
      return hash_int(value.as<std::int64_t>());
    case Format::float4: return hash_float(static_cast<double>(value.as<float>()));
    case Format::float8: return hash_float(value.as<double>());
    case Format::numeric: return numeric_hash(value.as<Numeric>());
    case Format::interval: {
      const Int128 span = value.as<Interval>().span();
      return hash_combine(static_cast<std::uint64_t>(span), static_cast<std::uint64_t>(span >> 64));
    }
    case Format::uuid: return hash_bytes({reinterpret_cast<const char*>(value.bytes), 16});
    case Format::timetz: {
      const TimeTz t = TimeTz::unpack(value.as<StringRef>());
      return hash_combine(hash_int(t.utc()), hash_int(t.west));
    }
    case Format::bpchar: return hash_bytes(trim_bpchar(value.as<StringRef>().view()));
    case Format::array: case Format::vector: {
      ArrayReader reader(value.as<StringRef>());
      Value element;
      std::uint64_t result = 1;
      while (reader.next(&element))
        result = hash_combine(result, element.is_null ? 0 : hash(reader.element_type(), element));
      return result;
    }
    case Format::record: {
      const StringRef body = value.as<StringRef>();
      RecordReader reader(body);
      Oid type_of{};
      std::uint64_t result = 2;
      for (Value field; reader.next(&type_of, &field);)
        result = hash_combine(result, field.is_null ? 0 : hash(type_of, field));
      return result;
    }
    case Format::void_type: return 0;
    default: return hash_bytes(value.as<StringRef>().view());
  }
}

namespace {

template <std::unsigned_integral N>
void put_key(TextBuilder& key, N value) {
  char raw[sizeof(N)];
  store_be<N>(raw, value);
  key.add(std::string_view(raw, sizeof raw));
}
template <std::signed_integral N>
void put_signed(TextBuilder& key, N value) {
  using Unsigned = std::make_unsigned_t<N>;
  put_key<Unsigned>(key, static_cast<Unsigned>(static_cast<Unsigned>(value) ^
                                           static_cast<Unsigned>(Unsigned{1} << (8 * sizeof(N) - 1))));
}
void put_int128(TextBuilder& key, Int128 value) {
  put_signed(key, static_cast<std::int64_t>(value >> 64));
  put_key(key, static_cast<std::uint64_t>(value));
}
template <class Bits, class Float>
void put_float(TextBuilder& key, Float value) {
  Bits bits = std::isnan(value) ? static_cast<Bits>(~Bits{0} >> 1) : std::bit_cast<Bits>(value == 0 ? Float{0} : value);
  constexpr Bits sign = Bits{1} << (8 * sizeof(Bits) - 1);
  bits = (bits & sign) != 0 ? static_cast<Bits>(~bits) : static_cast<Bits>(bits | sign);
  put_key<Bits>(key, bits);
}
void invert(TextBuilder& key, std::size_t from) {
  for (std::size_t i = from; i < key.size(); ++i) key.data()[i] = static_cast<char>(~key.data()[i]);
}

void put_string(TextBuilder& key, std::string_view text) {
  while (!text.empty()) {
    const std::size_t zero = text.find('\0');
    key.add(text.substr(0, zero));
    if (zero == std::string_view::npos) break;
    key.add(std::string_view("\0\xff", 2));
    text.remove_prefix(zero + 1);
  }
  key.add(std::string_view("\0\1", 2));
}

void put_numeric(TextBuilder& key, const Numeric& value) {
  const std::uint16_t head = value.head();
  if (value.is_special()) {
    key.add(value.is_nan() ? '\6' : (head & 0x3fff) == 2 ? '\1' : '\5');
    return;
  }
  if (value.is_zero()) { key.add('\3'); return; }
  const bool negative = (head >> 14) == 1;
  key.add(negative ? '\2' : '\4');
  const std::size_t from = key.size();
  const std::string_view body = value.body.view();
  put_signed<std::int16_t>(key, load_le<std::int16_t>(body.data() + 2));
  for (std::size_t at = 4; at + 2 <= body.size(); at += 2)
    put_key<std::uint16_t>(key, static_cast<std::uint16_t>(load_le<std::uint16_t>(body.data() + at) + 1));
  put_key<std::uint16_t>(key, 0);
  if (negative) invert(key, from);
}

void put_value(Oid type, const Value& value, TextBuilder& key);

void put_array(TextBuilder& key, const StringRef& body) {
  ArrayReader reader(body);
  Value element;
  while (reader.next(&element)) append_key({reader.element_type(), false, false}, element, key);
  key.add('\0');
  key.add(static_cast<char>(reader.dimensions()));
  for (int i = 0; i < reader.dimensions(); ++i) {
    put_signed<std::int32_t>(key, reader.dimension(i).length);
    put_signed<std::int32_t>(key, reader.dimension(i).lower);
  }
}

void put_record(TextBuilder& key, const StringRef& body) {
  RecordReader reader(body);
  Oid type{};
  for (Value value; reader.next(&type, &value);) {
    if (value.is_null) { key.add('\2'); continue; }
    key.add('\1');
    put_key<std::uint32_t>(key, raw(type));
    put_value(type, value, key);
  }
  key.add('\0');
}

void put_value(Oid type, const Value& value, TextBuilder& key) {
  switch (format_of(type)) {
    case Format::boolean: key.add(static_cast<char>(value.as<std::uint8_t>())); return;
    case Format::int2: case Format::character: put_signed(key, value.as<std::int16_t>()); return;
    case Format::int4: case Format::date: put_signed(key, value.as<std::int32_t>()); return;
    case Format::oid: case Format::xid: put_key(key, value.as<std::uint32_t>()); return;
    case Format::int8: case Format::time: case Format::timestamp: case Format::timestamptz: case Format::xid8: case Format::pg_lsn:
      put_signed(key, value.as<std::int64_t>());
      return;
    case Format::float4: put_float<std::uint32_t>(key, value.as<float>()); return;
    case Format::float8: put_float<std::uint64_t>(key, value.as<double>()); return;
    case Format::numeric:
      if (value.physical == Physical::int16) put_int128(key, value.as<Int128>());
      else if (value.physical == Physical::int8) put_signed(key, value.as<std::int64_t>());
      else put_numeric(key, value.as<Numeric>());
      return;
    case Format::interval: {
      const Int128 span = value.as<Interval>().span();
      put_signed(key, static_cast<std::int16_t>(span >> 64));
      put_key(key, static_cast<std::uint64_t>(span));
      return;
    }
    case Format::uuid: key.add(std::string_view(reinterpret_cast<const char*>(value.bytes), 16)); return;
    case Format::timetz: {
      const TimeTz t = TimeTz::unpack(value.as<StringRef>());
      put_signed(key, t.utc());
      put_signed(key, t.west);
      return;
    }
    case Format::bpchar: put_string(key, trim_bpchar(value.as<StringRef>().view())); return;
    case Format::array: case Format::vector: put_array(key, value.as<StringRef>()); return;
    case Format::record: put_record(key, value.as<StringRef>()); return;
    case Format::void_type: return;
    default: put_string(key, value.as<StringRef>().view());
  }
}

/// Bytes of a value's part; `flip` is ff in descending columns. Sets *ok to false past the end.
std::size_t value_bytes(Oid type, Bytes key, unsigned flip, bool* ok) {
  const auto byte = [&](std::size_t at) -> unsigned {
    if (at >= key.size()) { *ok = false; return 0; }
    return static_cast<unsigned>(key[at]) ^ flip;
  };
  switch (format_of(type)) {
    case Format::boolean: return 1;
    case Format::int2: case Format::character: return 2;
    case Format::int4: case Format::date: case Format::oid: case Format::xid: case Format::float4: return 4;
    case Format::int8:
    case Format::time:
    case Format::timestamp:
    case Format::timestamptz:
    case Format::xid8:
    case Format::pg_lsn:
    case Format::float8: return 8;
    case Format::interval: return 10;
    case Format::timetz: return 12;
    case Format::uuid: return 16;
    case Format::void_type: return 0;
    case Format::numeric: {
      const unsigned kind = byte(0);
      if (kind != 2 && kind != 4) return 1;
      const unsigned end = kind == 2 ? 0xff : 0;
      std::size_t at = 3;
      while (*ok && !(byte(at) == end && byte(at + 1) == end)) at += 2;
      return at + 2;
    }
    case Format::array: case Format::vector: {
      const Oid element = find_type(type)->element;
      std::size_t at = 0;
      while (*ok && byte(at) != 0) {
        const bool is_null = byte(at++) == 2;
        if (!is_null && at <= key.size()) at += value_bytes(element, key.subspan(at), flip, ok);
      }
      return at + 2 + 8 * std::size_t{byte(at + 1)};
    }
    case Format::record: {
      std::size_t at = 0;
      while (*ok && byte(at) != 0) {
        if (byte(at++) == 2) continue;
        const unsigned field = byte(at) << 24 | byte(at + 1) << 16 | byte(at + 2) << 8 | byte(at + 3);
        at += 4;
        if (at <= key.size()) at += value_bytes(Oid{field}, key.subspan(at), flip, ok);
      }
      return at + 1;
    }
    default: {
      std::size_t at = 0;
      while (*ok && !(byte(at) == 0 && byte(at + 1) == 1)) at += byte(at) == 0 ? 2 : 1;
      return at + 2;
    }
  }
}

}  // namespace

void append_key(const KeyColumn& column, const Value& value, TextBuilder& key) {
  if (value.is_null) { key.add(column.nulls_first ? '\0' : '\2'); return; }
  key.add('\1');
  const std::size_t from = key.size();
  put_value(column.type, value, key);
  if (column.descending) invert(key, from);
}

std::size_t key_bytes(const KeyColumn& column, Bytes key) {
  if (key.empty()) return 0;
  if (key[0] != std::byte{1}) return 1;
  bool ok = true;
  const std::size_t bytes = 1 + value_bytes(column.type, key.subspan(1), column.descending ? 0xff : 0, &ok);
  return ok && bytes <= key.size() ? bytes : 0;
}

}  // namespace spg::type
