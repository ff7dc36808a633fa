#include "vectors.hpp"

#include "spg/type/io.hpp"

namespace spg::exec {
namespace {

constexpr std::byte zero_value[16] = {};
constexpr std::uint64_t none_valid = 0;

template <class T>
void gather_typed(const Vector& from, Selection rows, T* to) {
  const T* values = from.as<T>();
  switch (from.form) {
    case Vector::Form::constant:
      for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = values[0];
      return;
    case Vector::Form::dictionary:
      for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = values[from.codes[rows[i]]];
      return;
    case Vector::Form::flat:
      if (rows.rows == nullptr) {
        std::memcpy(static_cast<void*>(to), values, rows.count * sizeof(T));
        return;
      }
      for (std::uint32_t i = 0; i < rows.count; ++i) to[i] = values[rows.rows[i]];
  }
}
struct Wide {
  std::uint64_t low, high;
};

}  // namespace

Vector null_vector(Physical physical) { return {physical, Vector::Form::constant, zero_value, &none_valid, nullptr}; }

Value own_value(const Value& value, Arena& arena) {
  if (value.is_null || value.physical != Physical::string) return value;
  const StringRef text = value.as<StringRef>();
  return text.is_inline() ? value : type::string_value(arena.copy(text.view()));
}

bool gather(const Vector& from, Selection rows, void* values, std::uint64_t* validity, std::size_t at) {
  if (rows.count == 0) return false;
  const std::size_t bytes = type::physical_bytes(from.physical);
  auto* to = static_cast<std::byte*>(values) + at * bytes;
  switch (bytes) {
    case 1: gather_typed(from, rows, reinterpret_cast<std::uint8_t*>(to)); break;
    case 2: gather_typed(from, rows, reinterpret_cast<std::uint16_t*>(to)); break;
    case 4: gather_typed(from, rows, reinterpret_cast<std::uint32_t*>(to)); break;
    case 8: gather_typed(from, rows, reinterpret_cast<std::uint64_t*>(to)); break;
    default: gather_typed(from, rows, reinterpret_cast<Wide*>(to)); break;
  }
  if (from.validity == nullptr) return false;
  bool any = false;
  for (std::uint32_t i = 0; i < rows.count; ++i) {
    if (!from.is_null(rows[i])) continue;
    clear_bit(validity, at + i);
    std::memset(to + i * bytes, 0, bytes);
    any = true;
  }
  return any;
}

void own_strings(StringRef* values, std::size_t count, Arena& arena) {
  std::size_t total = 0;
  for (std::size_t i = 0; i < count; ++i)
    if (!values[i].is_inline()) total += values[i].size;
  if (total == 0) return;
  auto* to = static_cast<char*>(arena.allocate(total, 1));
  for (std::size_t i = 0; i < count; ++i) {
    if (values[i].is_inline()) continue;
    std::memcpy(to, values[i].pointer, values[i].size);
    values[i].pointer = to;
    to += values[i].size;
  }
}

Batch copy_batch(const Batch& from, Arena& arena, bool own) {
  const std::uint32_t rows = from.selected.count;
  const std::size_t words = (rows + 63) / 64;
  std::span<Vector> columns{arena.array<Vector>(from.columns.size()), from.columns.size()};
  for (std::size_t c = 0; c < columns.size(); ++c) {
    const Vector& source = from.columns[c];
    void* values = arena.allocate(rows * type::physical_bytes(source.physical) + 1);
    auto* validity = arena.array<std::uint64_t>(words);
    std::memset(validity, 0xff, words * 8);
    const bool nulls = gather(source, from.selected, values, validity, 0);
    if (own && source.physical == Physical::string) own_strings(static_cast<StringRef*>(values), rows, arena);
    columns[c] = {source.physical, Vector::Form::flat, values, nulls ? validity : nullptr, nullptr};
  }
  return {columns, rows, {nullptr, rows}};
}

Value Rows::value(std::uint32_t row, std::size_t c) const {
  return type::value_of(column(row, c), row % type::batch_rows_max);
}

void Rows::grow() {
  const std::uint32_t in_last = size_ % type::batch_rows_max;
  const bool fresh = in_last == 0;
  // The last chunk starts small and grows, so that small row sets are small.
  const std::uint32_t was = fresh ? 0 : capacity_ - (size_ - in_last);
  const std::uint32_t now = chunks_.size() > 1 || (fresh && chunks_.size() == 1) ? type::batch_rows_max
                            : was == 0                                           ? 16
                                                                                 : was * 4;
  Vector* columns = fresh ? nullptr : chunks_.back();
  Vector* to = arena_->array<Vector>(types_.size());
  for (std::size_t c = 0; c < types_.size(); ++c) {
    const Physical physical = types_[c];
    const std::size_t bytes = type::physical_bytes(physical);
    auto* values = static_cast<std::byte*>(arena_->allocate(now * bytes + 1));
    auto* validity = arena_->array<std::uint64_t>(now / 64 + 1);
    std::memset(validity, 0xff, (now / 64 + 1) * 8);
    if (columns != nullptr) {
      std::memcpy(values, columns[c].values, in_last * bytes);
      std::memcpy(validity, columns[c].validity, (in_last + 63) / 64 * 8);
    }
    to[c] = {physical, Vector::Form::flat, values, validity, nullptr};
  }
  if (fresh) chunks_.push_back(to);
  else chunks_.back() = to;
  capacity_ = size_ - in_last + now;
}

void Rows::append(const Batch& batch) {
  if (batch.selected.count == 0) return;
  if (types_.empty())
    for (const Vector& column : batch.columns) {
      types_.push_back(column.physical);
      nulls_.push_back(0);
    }
  std::uint16_t every[type::batch_rows_max];
  Selection rest = batch.selected;
  while (rest.count != 0) {
    if (size_ == capacity_) grow();
    const std::uint32_t at = size_ % type::batch_rows_max;
    const std::uint32_t count = rest.count < capacity_ - size_ ? rest.count : capacity_ - size_;
    const Selection now{rest.rows, count};
    for (std::size_t c = 0; c < types_.size(); ++c) {
      Vector& column = chunks_.back()[c];
      auto* values = static_cast<std::byte*>(const_cast<void*>(column.values));
      nulls_[c] |= static_cast<std::uint8_t>(
          gather(batch.columns[c], now, values, const_cast<std::uint64_t*>(column.validity), at));
      if (types_[c] == Physical::string) own_strings(reinterpret_cast<StringRef*>(values) + at, count, *arena_);
    }
    size_ += count;
    if (count == rest.count) return;
    if (rest.rows == nullptr) {
      for (std::uint32_t i = 0; i < rest.count; ++i) every[i] = static_cast<std::uint16_t>(i);
      rest.rows = every;
    }
    rest = {rest.rows + count, rest.count - count};
  }
}

/// Rows lie anywhere, so that each value is a cache miss: they are asked for some rows ahead.
template <class T>
bool Rows::gather_column(std::size_t c, std::span<const std::uint32_t> rows, T* to, std::uint64_t* validity) const {
  constexpr std::size_t ahead = 16;
  const auto place = [&](std::uint32_t row) {
    return static_cast<const T*>(chunks_[row / type::batch_rows_max][c].values) + row % type::batch_rows_max;
  };
  const bool may_be_null = nulls_[c] != 0;
  bool nulls = false;
  for (std::size_t i = 0; i < rows.size(); ++i) {
    if (i + ahead < rows.size() && rows[i + ahead] != UINT32_MAX) __builtin_prefetch(place(rows[i + ahead]));
    if (rows[i] == UINT32_MAX || (may_be_null && is_null(rows[i], c))) {
      clear_bit(validity, i);
      to[i] = T{};
      nulls = true;
    } else {
      to[i] = *place(rows[i]);
    }
  }
  return nulls;
}

void Rows::gather_rows(std::span<const std::uint32_t> rows, std::span<Vector> out, std::span<const Physical> types,
                       Arena& arena) const {
  const std::size_t words = (rows.size() + 63) / 64;
  for (std::size_t c = 0; c < out.size(); ++c) {
    const Physical physical = types_.empty() ? types[c] : types_[c];
    const std::size_t bytes = type::physical_bytes(physical);
    void* values = arena.allocate(rows.size() * bytes + 1);
    auto* validity = arena.array<std::uint64_t>(words);
    std::memset(validity, 0xff, words * 8);
    bool nulls = false;
    if (types_.empty()) {  // no rows: all are asked for as NULL
      std::memset(values, 0, rows.size() * bytes);
      std::memset(validity, 0, words * 8);
      nulls = true;
    } else {
      switch (bytes) {
        case 1: nulls = gather_column(c, rows, static_cast<std::uint8_t*>(values), validity); break;
        case 2: nulls = gather_column(c, rows, static_cast<std::uint16_t*>(values), validity); break;
        case 4: nulls = gather_column(c, rows, static_cast<std::uint32_t*>(values), validity); break;
        case 8: nulls = gather_column(c, rows, static_cast<std::uint64_t*>(values), validity); break;
        default: nulls = gather_column(c, rows, static_cast<Wide*>(values), validity); break;
      }
    }
    out[c] = {physical, Vector::Form::flat, values, nulls ? validity : nullptr, nullptr};
  }
}

}  // namespace spg::exec
