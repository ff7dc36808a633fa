#include "group_table.hpp"

#include <algorithm>
#include <bit>
#include <cmath>

#include "spg/type/order.hpp"

namespace spg::exec {
namespace {

constexpr std::size_t record_keys_max = 64;  ///< as many NULL bits as a word has
constexpr std::uint64_t window_keys_max = 1 << 16;

/// One multiplication of 64 by 64 bits, folded.
std::uint64_t fold(std::uint64_t a, std::uint64_t b) {
  const auto product = static_cast<unsigned __int128>(a ^ 0x243f6a8885a308d3u) * (b ^ 0x9e3779b97f4a7c15u);
  return static_cast<std::uint64_t>(product) ^ static_cast<std::uint64_t>(product >> 64);
}
std::uint32_t tag_of_key(std::int64_t key) {
  return static_cast<std::uint32_t>(fold(static_cast<std::uint64_t>(key), 0));
}

const StringRef& as_text(const std::uint64_t* words) { return *reinterpret_cast<const StringRef*>(words); }

std::size_t words_of(const KeyType& type) { return type.kind == KeyKind::text ? 2 : 1; }

/// Floats that are equal have the same word.
std::uint64_t float_word(double value) {
  if (std::isnan(value)) return 0x7ff8000000000000u;
  return std::bit_cast<std::uint64_t>(value == 0 ? 0.0 : value);
}

template <class T, class Convert>
void load_typed(const Vector& column, Selection rows, std::int64_t* to, Convert convert) {
  const T* values = column.as<T>();
  if (column.form == Vector::Form::flat && rows.rows == nullptr) {
    for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = convert(values[i]);
    return;
  }
  for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = convert(values[column.slot(rows[i])]);
}
void load_integers(const KeyType& type, const Vector& column, Selection rows, std::int64_t* to) {
  const auto plain = [](auto value) { return std::int64_t{value}; };
  switch (column.physical) {
    case Physical::boolean: return load_typed<std::uint8_t>(column, rows, to, plain);
    case Physical::int2: return load_typed<std::int16_t>(column, rows, to, plain);
    case Physical::int4:
      if (type.is_unsigned) return load_typed<std::uint32_t>(column, rows, to, plain);
      return load_typed<std::int32_t>(column, rows, to, plain);
    default: return load_typed<std::int64_t>(column, rows, to, plain);
  }
}

}  // namespace

template <class Slot>
bool GroupTable::Slots<Slot>::is_large() const {
  return std::size_t{mask} * sizeof(Slot) > 256 * 1024;
}

GroupTable::GroupTable(Arena& arena, std::span<const KeyType> types, Interrupts* interrupts)
    : arena_(&arena), types_(types), interrupts_(interrupts), keys_(arena), texts_(arena), records_(arena) {
  bool general = types.size() > record_keys_max;
  for (const KeyType& type : types) {
    general = general || type.kind == KeyKind::general;
    has_texts_ = has_texts_ || type.kind == KeyKind::text;
    words_ += words_of(type);
  }
  if (general) return;
  ++words_;
  form_ = Form::record;
  if (types.size() == 1 && types[0].kind == KeyKind::integer) form_ = Form::integer;
  if (types.size() == 1 && types[0].kind == KeyKind::text) form_ = Form::text;
}

/// At most two thirds of the slots are taken.
template <class Slot, class TagOf>
Status GroupTable::reserve(Slots<Slot>& table, std::size_t more, TagOf tag_of) {
  const std::size_t wanted = (used_ + more) * 3 / 2 + 1;
  if (table.slots != nullptr && wanted <= table.mask) return ok();
  std::size_t size = table.slots == nullptr ? 16 : (std::size_t{table.mask} + 1) * 2;
  while (size < wanted + 1) size *= 2;
  auto* fresh = static_cast<Slot*>(arena_->allocate(size * sizeof(Slot), 64));
  constexpr std::size_t step = std::size_t{1} << 17;  // some milliseconds
  for (std::size_t done = 0; done < size; done += step) {
    if (done != 0) SPG_TRY(interrupted());
    std::memset(static_cast<void*>(fresh + done), 0, std::min(step, size - done) * sizeof(Slot));
  }
  const auto mask = static_cast<std::uint32_t>(size - 1);
  for (std::size_t i = 0; table.slots != nullptr && i <= table.mask; ++i) {
    if (i % step == step - 1) SPG_TRY(interrupted());
    const Slot& slot = table.slots[i];
    if (slot.group == 0) continue;
    std::uint32_t at = tag_of(slot) & mask;
    while (fresh[at].group != 0) at = (at + 1) & mask;
    fresh[at] = slot;
  }
  table = {fresh, mask};
  return ok();
}

// --- one integer ----------------------------------------------------------------------------------------------------

/// When the first keys lie close together, the groups of all that lie there are found by place.
void GroupTable::open_window(const Vector& column, Selection rows) {
  if (window_tried_ || rows.count < 128) return;
  window_tried_ = true;
  std::int64_t least = INT64_MAX, most = INT64_MIN;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (column.is_null(rows[i])) continue;
    least = std::min(least, batch_keys_[i]);
    most = std::max(most, batch_keys_[i]);
  }
  if (least > most || least < INT64_MIN / 2 || most > INT64_MAX / 2) return;
  const auto range = static_cast<std::uint64_t>(most - least) + 1;
  if (range > window_keys_max / 4) return;
  // Room on both sides: these are a sample.
  window_.size = range * 3 + 64;
  window_.first = least - static_cast<std::int64_t>(range) - 32;
  window_.groups = arena_->array<std::uint32_t>(window_.size);
  std::memset(window_.groups, 0, window_.size * sizeof window_.groups[0]);
}

template <bool insert>
std::uint32_t GroupTable::integer_group(std::int64_t key, std::uint32_t row) {
  IntegerSlot* const slots = integers_.slots;
  for (std::uint32_t at = tag_of_key(key) & integers_.mask;; at = (at + 1) & integers_.mask) {
    IntegerSlot& slot = slots[at];
    if (slot.group != 0) {
      if (slot.key == key) return slot.group - 1;
      continue;
    }
    if constexpr (!insert) {
      return UINT32_MAX;
    } else {
      slot = {key, new_group(row) + 1, 0};
      ++used_;
      return slot.group - 1;
    }
  }
}
template <bool insert>
std::uint32_t GroupTable::null_group(std::uint32_t row) {
  if constexpr (insert)
    if (null_group_ == UINT32_MAX) null_group_ = new_group(row);
  return null_group_;
}

template <bool insert>
void GroupTable::integer_groups(const Vector& column, Selection rows, std::uint32_t* groups) {
  load_integers(types_[0], column, rows, batch_keys_);
  if constexpr (insert) open_window(column, rows);
  if (window_.groups != nullptr && column.validity == nullptr) {
    bool missing = false;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const std::uint64_t place =
          static_cast<std::uint64_t>(batch_keys_[i]) - static_cast<std::uint64_t>(window_.first);
      const std::uint32_t group = place < window_.size ? window_.groups[place] : 0;
      groups[i] = group - 1;
      missing |= group == 0;
    }
    if (!missing) return;
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      if (groups[i] != UINT32_MAX) continue;
      groups[i] = integer_group<insert>(batch_keys_[i], rows[i]);
      const std::uint64_t place =
          static_cast<std::uint64_t>(batch_keys_[i]) - static_cast<std::uint64_t>(window_.first);
      if (place < window_.size) window_.groups[place] = groups[i] + 1;
    }
    return;
  }
  if (integers_.is_large())
    for (std::uint32_t i = 0; i < rows.count; ++i)
      __builtin_prefetch(&integers_.slots[tag_of_key(batch_keys_[i]) & integers_.mask], insert ? 1 : 0);
  for (std::uint32_t i = 0; i < rows.count; ++i)
    groups[i] = column.is_null(rows[i]) ? null_group<insert>(rows[i]) : integer_group<insert>(batch_keys_[i], rows[i]);
}

// --- one text -------------------------------------------------------------------------------------------------------

template <bool insert>
void GroupTable::text_groups(const Vector& column, Selection rows, std::uint32_t* groups) {
  const std::uint32_t mask = tags_.mask;
  TagSlot* const slots = tags_.slots;
  const bool ahead = tags_.is_large();
  if (ahead) {
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      hashes_[i] = column.is_null(rows[i]) ? 0 : hash_text(column.value<StringRef>(rows[i]));
      __builtin_prefetch(&slots[static_cast<std::uint32_t>(hashes_[i]) & mask], insert ? 1 : 0);
    }
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const TagSlot slot = slots[static_cast<std::uint32_t>(hashes_[i]) & mask];
      if (slot.group != 0) __builtin_prefetch(texts_.data() + slot.group - 1);
    }
  }
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    if (column.is_null(row)) {
      groups[i] = null_group<insert>(row);
      if (insert && texts_.size() <= groups[i]) texts_.push_back(StringRef{});
      continue;
    }
    const StringRef& text = column.value<StringRef>(row);
    const auto tag = static_cast<std::uint32_t>(ahead ? hashes_[i] : hash_text(text));
    for (std::uint32_t at = tag & mask;; at = (at + 1) & mask) {
      TagSlot& slot = slots[at];
      if (slot.group == 0) {
        groups[i] = UINT32_MAX;
        if constexpr (insert) {
          slot = {tag, new_group(row) + 1};
          ++used_;
          texts_.push_back(text);
          groups[i] = slot.group - 1;
        }
        break;
      }
      if (slot.tag != tag || !(texts_[slot.group - 1] == text)) continue;
      groups[i] = slot.group - 1;
      break;
    }
  }
}

// --- records --------------------------------------------------------------------------------------------------------

void GroupTable::make_records(std::span<const Vector> keys, Selection rows) {
  if (batch_records_ == nullptr) batch_records_ = arena_->array<std::uint64_t>(words_ * type::batch_rows_max);
  for (std::uint32_t i = 0; i < rows.count; ++i) batch_records_[i * words_] = 0;
  std::size_t word = 1;
  for (std::size_t k = 0; k < types_.size(); ++k) {
    const Vector& column = keys[k];
    std::uint64_t* to = batch_records_ + word;
    switch (types_[k].kind) {
      case KeyKind::integer:
        load_integers(types_[k], column, rows, batch_keys_);
        for (std::uint32_t i = 0; i < rows.count; ++i) to[i * words_] = static_cast<std::uint64_t>(batch_keys_[i]);
        break;
      case KeyKind::floating:
        for (std::uint32_t i = 0; i < rows.count; ++i)
          to[i * words_] = float_word(load_float(column.physical, value_at(column, rows[i])));
        break;
      default:
        for (std::uint32_t i = 0; i < rows.count; ++i) std::memcpy(to + i * words_, value_at(column, rows[i]), 16);
        break;
    }
    if (column.validity != nullptr)
      for (std::uint32_t i = 0; i < rows.count; ++i) {
        if (!column.is_null(rows[i])) continue;
        batch_records_[i * words_] |= std::uint64_t{1} << k;
        std::memset(to + i * words_, 0, words_of(types_[k]) * 8);
      }
    word += words_of(types_[k]);
  }
  hash_records(rows.count);
}

void GroupTable::hash_records(std::uint32_t count) {
  for (std::uint32_t i = 0; i < count; ++i) hashes_[i] = batch_records_[i * words_];
  std::size_t word = 1;
  for (const KeyType& type : types_) {
    const std::uint64_t* from = batch_records_ + word;
    if (type.kind == KeyKind::text) {
      for (std::uint32_t i = 0; i < count; ++i) hashes_[i] = fold(hashes_[i], hash_text(as_text(from + i * words_)));
    } else {
      for (std::uint32_t i = 0; i < count; ++i) hashes_[i] = fold(hashes_[i] * 0xd6e8feb86659fd93u, from[i * words_]);
    }
    word += words_of(type);
  }
}

bool GroupTable::same_record(const std::uint64_t* a, const std::uint64_t* b) const {
  std::uint64_t different = 0;
  for (std::size_t i = 0; i < words_; ++i) different |= a[i] ^ b[i];
  if (different == 0) return true;
  if (!has_texts_ || a[0] != b[0]) return false;
  std::size_t word = 1;
  for (const KeyType& type : types_) {
    if (type.kind == KeyKind::text ? !(as_text(a + word) == as_text(b + word)) : a[word] != b[word]) return false;
    word += words_of(type);
  }
  return true;
}

template <bool insert>
void GroupTable::record_groups(Selection rows, std::uint32_t* groups) {
  const std::uint32_t mask = tags_.mask;
  TagSlot* const slots = tags_.slots;
  if (tags_.is_large()) {
    // Slots first, then the records that they name.
    for (std::uint32_t i = 0; i < rows.count; ++i)
      __builtin_prefetch(&slots[static_cast<std::uint32_t>(hashes_[i]) & mask], insert ? 1 : 0);
    for (std::uint32_t i = 0; i < rows.count; ++i) {
      const TagSlot slot = slots[static_cast<std::uint32_t>(hashes_[i]) & mask];
      if (slot.group != 0) __builtin_prefetch(records_.data() + (slot.group - 1) * words_);
    }
  }
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const auto tag = static_cast<std::uint32_t>(hashes_[i]);
    const std::uint64_t* record = batch_records_ + i * words_;
    for (std::uint32_t at = tag & mask;; at = (at + 1) & mask) {
      TagSlot& slot = slots[at];
      if (slot.group == 0) {
        groups[i] = UINT32_MAX;
        if constexpr (insert) {
          slot = {tag, new_group(rows[i]) + 1};
          ++used_;
          records_.append({record, words_});
          groups[i] = slot.group - 1;
        }
        break;
      }
      if (slot.tag != tag || !same_record(records_.data() + (slot.group - 1) * words_, record)) continue;
      groups[i] = slot.group - 1;
      break;
    }
  }
}

/// Long texts of new groups refer to the batch; from now on to the copies.
void GroupTable::own_texts(std::uint32_t first_group) {
  if (!has_texts_ || form_ == Form::general) return;
  if (form_ == Form::text) {
    for (std::uint32_t group = first_group; group < keys_.size(); ++group)
      if (!texts_[group].is_inline()) std::memcpy(static_cast<void*>(&texts_[group]), keys_.at(group, 0), 16);
    return;
  }
  for (std::uint32_t group = first_group; group < keys_.size(); ++group) {
    std::uint64_t* record = records_.data() + group * words_;
    std::size_t word = 1;
    for (std::size_t k = 0; k < types_.size(); ++k) {
      if (types_[k].kind == KeyKind::text && !as_text(record + word).is_inline())
        std::memcpy(record + word, keys_.at(group, k), 16);
      word += words_of(types_[k]);
    }
  }
}

// --- keys of any type -----------------------------------------------------------------------------------------------

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

template <bool insert>
void GroupTable::general_groups(std::span<const Vector> keys, Selection rows, std::uint32_t* groups) {
  for (std::size_t k = 0; k < types_.size(); ++k) hash_column(types_[k], keys[k], rows, hashes_, k == 0);
  const std::uint32_t before = keys_.size();
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    const std::uint32_t row = rows[i];
    const auto tag = static_cast<std::uint32_t>(hashes_[i]);
    for (std::uint32_t at = tag & tags_.mask;; at = (at + 1) & tags_.mask) {
      TagSlot& slot = tags_.slots[at];
      if (slot.group == 0) {
        groups[i] = UINT32_MAX;
        if constexpr (insert) {
          slot = {tag, new_group(row) + 1};
          ++used_;
          groups[i] = slot.group - 1;
        }
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

// --------------------------------------------------------------------------------------------------------------------

Status GroupTable::add(std::span<const Vector> keys, std::uint32_t batch_rows, Selection rows, std::uint32_t* groups) {
  pending_ = 0;
  if (form_ == Form::integer) {
    SPG_TRY(reserve(integers_, rows.count, [](const IntegerSlot& slot) { return tag_of_key(slot.key); }));
    integer_groups<true>(keys[0], rows, groups);
  } else {
    SPG_TRY(reserve(tags_, rows.count, [](const TagSlot& slot) { return slot.tag; }));
    if (form_ == Form::text) {
      text_groups<true>(keys[0], rows, groups);
    } else if (form_ == Form::record) {
      make_records(keys, rows);
      record_groups<true>(rows, groups);
    } else {
      general_groups<true>(keys, rows, groups);
    }
  }
  if (pending_ == 0) return ok();
  const std::uint32_t before = keys_.size();
  std::span<Vector> columns{const_cast<Vector*>(keys.data()), keys.size()};
  keys_.append({columns, batch_rows, added()});
  own_texts(before);
  return ok();
}

void GroupTable::find(std::span<const Vector> keys, Selection rows, std::uint32_t* groups) {
  pending_ = 0;
  if (keys_.empty()) {
    std::fill(groups, groups + rows.count, UINT32_MAX);
  } else if (form_ == Form::integer) {
    integer_groups<false>(keys[0], rows, groups);
  } else if (form_ == Form::text) {
    text_groups<false>(keys[0], rows, groups);
  } else if (form_ == Form::record) {
    make_records(keys, rows);
    record_groups<false>(rows, groups);
  } else {
    general_groups<false>(keys, rows, groups);
  }
}

}  // namespace spg::exec
