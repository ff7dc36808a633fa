#include "hashing.hpp"

#include "spg/type/io.hpp"
#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

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
const StringRef& load_text(const std::byte* from) { return *reinterpret_cast<const StringRef*>(from); }

/// Short strings are hashed as the two words that they lie in.
std::uint64_t hash_text(const StringRef& text) {
  if (!text.is_inline()) return type::hash_bytes(text.view());
  std::uint64_t words[2];
  std::memcpy(words, &text, sizeof words);
  const auto product = static_cast<unsigned __int128>(words[0] ^ 0x243f6a8885a308d3u) * (words[1] ^ 0x9e3779b97f4a7c15u);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}

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

GroupTable::GroupTable(Arena& arena, std::span<const KeyType> types, Interrupts* interrupts)
    : arena_(&arena), types_(types), interrupts_(interrupts), keys_(arena), integers_(arena), texts_(arena) {
  if (types.size() != 1) return;
  if (types[0].kind == KeyKind::integer) single_ = Single::integer;
  if (types[0].kind == KeyKind::text) single_ = Single::text;
}

Status GroupTable::reserve(std::size_t more) {
  const std::size_t wanted = (used_ + more) * 2;
  if (slots_ != nullptr && wanted <= mask_) return ok();
  std::size_t size = slots_ == nullptr ? 16 : (std::size_t{mask_} + 1) * 2;
  while (size < wanted + 1) size *= 2;
  auto* fresh = static_cast<Slot*>(arena_->allocate(size * sizeof(Slot), alignof(Slot)));
  constexpr std::size_t step = std::size_t{1} << 18;  // some milliseconds
  for (std::size_t done = 0; done < size; done += step) {
    if (done != 0) SPG_TRY(interrupted());
    std::memset(static_cast<void*>(fresh + done), 0, std::min(step, size - done) * sizeof(Slot));
  }
  const auto mask = static_cast<std::uint32_t>(size - 1);
  for (std::uint32_t i = 0; slots_ != nullptr && i <= mask_; ++i) {
    if (i % step == step - 1) SPG_TRY(interrupted());
    if (slots_[i].group == 0) continue;
    std::uint32_t at = slots_[i].tag & mask;
    while (fresh[at].group != 0) at = (at + 1) & mask;
    fresh[at] = slots_[i];
  }
  slots_ = fresh;
  mask_ = mask;
  return ok();
}

bool GroupTable::same_stored(std::span<const Vector> keys, std::uint32_t row, std::uint32_t group) const {
  for (std::size_t k = 0; k < types_.size(); ++k) {
    const bool null = keys[k].is_null(row);
    if (null != keys_.is_null(group, k)) return false;
    if (!null && !keys_equal(types_[k], keys[k].physical, value_at(keys[k], row), keys_.column(group, k).physical,
                             keys_.at(group, k)))
      return false;
  }
  return true;
}
bool GroupTable::same_pending(std::span<const Vector> keys, std::uint32_t row, std::uint32_t other) const {
  for (std::size_t k = 0; k < types_.size(); ++k) {
    const bool null = keys[k].is_null(row);
    if (null != keys[k].is_null(other)) return false;
    if (!null &&
        !keys_equal(types_[k], keys[k].physical, value_at(keys[k], row), keys[k].physical, value_at(keys[k], other)))
      return false;
  }
  return true;
}

/// One key column of a kind whose values compare as Keys: `known` has the key of every group, `load` a row's. NULL has
/// a group of its own, beside the slots.
template <class Key, class Load, class Hash>
void GroupTable::add_single(const Vector& column, Selection rows, std::uint32_t* groups, Vec<Key>& known, Load load,
                            Hash hash) {
  const std::uint32_t before = keys_.size();
  auto new_group = [&](std::uint32_t row, const Key& key) {
    known.push_back(key);
    pending_rows_[pending_] = static_cast<std::uint16_t>(row);
    return before + pending_++;
  };
  std::uint32_t last = UINT32_MAX;  // equal keys tend to follow each other
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    if (column.is_null(row)) {
      if (null_group_ == UINT32_MAX) null_group_ = new_group(row, Key{});
      groups[i] = null_group_;
      continue;
    }
    const Key key = load(row);
    if (last != UINT32_MAX && known[last] == key) {
      groups[i] = last;
      continue;
    }
    const auto tag = static_cast<std::uint32_t>(hash(key));
    for (std::uint32_t at = tag & mask_;; at = (at + 1) & mask_) {
      Slot& slot = slots_[at];
      if (slot.group == 0) {
        slot = {tag, new_group(row, key) + 1};
        ++used_;
      } else if (slot.tag != tag || !(known[slot.group - 1] == key)) {
        continue;
      }
      last = slot.group - 1;
      break;
    }
    groups[i] = last;
  }
}

void GroupTable::add_general(std::span<const Vector> keys, Selection rows, std::uint32_t* groups) {
  for (std::size_t k = 0; k < types_.size(); ++k) hash_column(types_[k], keys[k], rows, hashes_, k == 0);
  const std::uint32_t before = keys_.size();
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    const auto tag = static_cast<std::uint32_t>(hashes_[i]);
    for (std::uint32_t at = tag & mask_;; at = (at + 1) & mask_) {
      Slot& slot = slots_[at];
      if (slot.group == 0) {
        slot = {tag, before + pending_ + 1};
        pending_rows_[pending_++] = static_cast<std::uint16_t>(row);
        ++used_;
        groups[i] = slot.group - 1;
        break;
      }
      if (slot.tag != tag) continue;
      const std::uint32_t group = slot.group - 1;
      const bool same =
          group < before ? same_stored(keys, row, group) : same_pending(keys, row, pending_rows_[group - before]);
      if (!same) continue;
      groups[i] = group;
      break;
    }
  }
}

Status GroupTable::add(std::span<const Vector> keys, std::uint32_t batch_rows, Selection rows, std::uint32_t* groups) {
  SPG_TRY(reserve(rows.count));
  pending_ = 0;
  if (single_ == Single::integer) {
    add_single(keys[0], rows, groups, integers_,
               [&](std::uint32_t row) {
                 return load_integer(keys[0].physical, types_[0].is_unsigned, value_at(keys[0], row));
               },
               [](std::int64_t key) { return type::hash_int(key); });
  } else if (single_ == Single::text) {
    add_single(keys[0], rows, groups, texts_, [&](std::uint32_t row) { return keys[0].value<StringRef>(row); },
               [](const StringRef& key) { return hash_text(key); });
  } else {
    add_general(keys, rows, groups);
  }
  if (pending_ == 0) return ok();
  const std::uint32_t before = keys_.size();
  std::span<Vector> columns{const_cast<Vector*>(keys.data()), keys.size()};
  keys_.append({columns, batch_rows, added()});
  // Long keys of new groups referred to the batch; from now on they refer to the copies.
  if (single_ == Single::text)
    for (std::uint32_t group = before; group < keys_.size(); ++group)
      if (!texts_[group].is_inline()) texts_[group] = load_text(keys_.at(group, 0));
  return ok();
}

void GroupTable::find(std::span<const Vector> keys, Selection rows, std::uint32_t* groups) {
  for (std::size_t k = 0; k < types_.size(); ++k) hash_column(types_[k], keys[k], rows, hashes_, k == 0);
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    groups[i] = UINT32_MAX;
    if (slots_ == nullptr) continue;
    if (single_ != Single::none && keys[0].is_null(rows[i])) {
      groups[i] = null_group_;
      continue;
    }
    const auto tag = static_cast<std::uint32_t>(hashes_[i]);
    for (std::uint32_t at = tag & mask_; slots_[at].group != 0; at = (at + 1) & mask_) {
      if (slots_[at].tag != tag || !same_stored(keys, rows[i], slots_[at].group - 1)) continue;
      groups[i] = slots_[at].group - 1;
      break;
    }
  }
}

}  // namespace spg::exec
