#include "hashing.hpp"

#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {

std::int64_t load_integer(Physical physical, bool is_unsigned, const std::byte* from) {
  switch (physical) {
    case Physical::boolean: {
      std::uint8_t v;
      std::memcpy(&v, from, 1);
      return v;
    }
    case Physical::int2: {
      std::int16_t v;
      std::memcpy(&v, from, 2);
      return v;
    }
    case Physical::int4: {
      std::int32_t v;
      std::memcpy(&v, from, 4);
      return is_unsigned ? std::int64_t{static_cast<std::uint32_t>(v)} : v;
    }
    default: {
      std::int64_t v;
      std::memcpy(&v, from, 8);
      return v;
    }
  }
}
double load_float(Physical physical, const std::byte* from) {
  if (physical == Physical::float4) {
    float v;
    std::memcpy(&v, from, 4);
    return static_cast<double>(v);
  }
  double v;
  std::memcpy(&v, from, 8);
  return v;
}
namespace {
const StringRef& load_text(const std::byte* from) { return *reinterpret_cast<const StringRef*>(from); }

}  // namespace

/// Short strings are hashed as the two words that they lie in.
std::uint64_t hash_text(const StringRef& text) {
  if (!text.is_inline()) return type::hash_bytes(text.view());
  std::uint64_t words[2];
  std::memcpy(words, &text, sizeof words);
  const auto product = static_cast<unsigned __int128>(words[0] ^ 0x243f6a8885a308d3u) * (words[1] ^ 0x9e3779b97f4a7c15u);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

namespace {
constexpr std::uint64_t null_hash = 0x6e756c6c6e756c6cu;

template <class Hash>
void fold(const Vector& column, Selection rows, std::uint64_t* hashes, bool first, Hash hash) {
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    const std::uint64_t h = column.is_null(row) ? null_hash : hash(row);
    hashes[i] = first ? h : type::hash_combine(hashes[i], h);
  }
}

}  // namespace

KeyType KeyType::of(Oid oid) {
  KeyType result{oid, KeyKind::general, false};
  const type::TypeInfo* info = type::find_type(oid);
  if (info == nullptr) {
    result.kind = KeyKind::text;
    return result;
  }
  switch (info->format) {
    case type::Format::boolean:
    case type::Format::int2:
    case type::Format::int4:
    case type::Format::int8:
    case type::Format::character:
    case type::Format::date:
    case type::Format::time:
    case type::Format::timestamp:
    case type::Format::timestamptz:
    case type::Format::xid8:
    case type::Format::pg_lsn: result.kind = KeyKind::integer; break;
    case type::Format::oid:
    case type::Format::xid:
      result.kind = KeyKind::integer;
      result.is_unsigned = true;
      break;
    case type::Format::float4:
    case type::Format::float8: result.kind = KeyKind::floating; break;
    case type::Format::text:
    case type::Format::name:
    case type::Format::varchar:
    case type::Format::bytea: result.kind = KeyKind::text; break;
    default: break;
  }
  return result;
}

std::span<const KeyType> key_types(Arena& arena, std::span<const Oid> types) {
  auto* result = arena.array<KeyType>(types.size() + 1);
  for (std::size_t i = 0; i < types.size(); ++i) new (&result[i]) KeyType(KeyType::of(types[i]));
  return {result, types.size()};
}

void hash_column(const KeyType& type, const Vector& column, Selection rows, std::uint64_t* hashes, bool first) {
  switch (type.kind) {
    case KeyKind::integer:
      return fold(column, rows, hashes, first, [&](std::uint32_t row) {
        return type::hash_int(load_integer(column.physical, type.is_unsigned, value_at(column, row)));
      });
    case KeyKind::floating:
      return fold(column, rows, hashes, first, [&](std::uint32_t row) {
        return type::hash_float(load_float(column.physical, value_at(column, row)));
      });
    case KeyKind::text:
      return fold(column, rows, hashes, first,
                  [&](std::uint32_t row) { return hash_text(column.value<StringRef>(row)); });
    case KeyKind::general:
      return fold(column, rows, hashes, first,
                  [&](std::uint32_t row) { return type::hash(type.type, type::value_of(column, row)); });
  }
}

bool keys_equal(const KeyType& type, Physical a_physical, const std::byte* a, Physical b_physical, const std::byte* b) {
  switch (type.kind) {
    case KeyKind::integer:
      return load_integer(a_physical, type.is_unsigned, a) == load_integer(b_physical, type.is_unsigned, b);
    case KeyKind::floating: {
      const double x = load_float(a_physical, a), y = load_float(b_physical, b);
      return x == y || (x != x && y != y);
    }
    case KeyKind::text: return load_text(a) == load_text(b);
    case KeyKind::general: {
      Value x, y;
      x.physical = a_physical;
      y.physical = b_physical;
      x.is_null = y.is_null = false;
      copy_value(x.bytes, a, type::physical_bytes(a_physical));
      copy_value(y.bytes, b, type::physical_bytes(b_physical));
      return type::compare(type.type, x, y) == 0;
    }
  }
  return false;
}

}  // namespace spg::exec
