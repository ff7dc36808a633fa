// Moving values between vectors: gathering, scattering, deep copies of strings, and Rows, the columnar store of what
// must outlive a batch (hash tables, sorts, CTEs).
#pragma once
#include <span>

#include "spg/base/arena.hpp"
#include "spg/type/vector.hpp"

namespace spg::exec {

using type::Batch;
using type::Physical;
using type::Selection;
using type::StringRef;
using type::Value;
using type::Vector;

/// One value copied; `bytes` is the width of the physical type.
inline void copy_value(void* to, const void* from, std::size_t bytes) {
  switch (bytes) {
    case 1: std::memcpy(to, from, 1); return;
    case 2: std::memcpy(to, from, 2); return;
    case 4: std::memcpy(to, from, 4); return;
    case 8: std::memcpy(to, from, 8); return;
    default: std::memcpy(to, from, 16); return;
  }
}
inline const std::byte* value_at(const Vector& vector, std::size_t row) {
  return static_cast<const std::byte*>(vector.values) + vector.slot(row) * type::physical_bytes(vector.physical);
}
inline void clear_bit(std::uint64_t* bits, std::size_t at) { bits[at / 64] &= ~(std::uint64_t{1} << at % 64); }
inline void set_bit(std::uint64_t* bits, std::size_t at) { bits[at / 64] |= std::uint64_t{1} << at % 64; }
inline bool test_bit(const std::uint64_t* bits, std::size_t at) { return (bits[at / 64] >> at % 64 & 1) != 0; }

/// A constant NULL of the type.
Vector null_vector(Physical physical);
/// A value whose string, if long, lies in the arena.
Value own_value(const Value& value, Arena& arena);

/// Row rows[i] of `from` becomes place at + i. NULLs become zero bytes and a cleared bit. True when there were any.
bool gather(const Vector& from, Selection rows, void* values, std::uint64_t* validity, std::size_t at);
/// Gives long strings among values[at .. at + count) bodies in the arena.
void own_strings(StringRef* values, std::size_t count, Arena& arena);
/// The selected rows as flat columns in the arena; with `own`, their strings too.
Batch copy_batch(const Batch& from, Arena& arena, bool own);

/// Rows in chunks of batch_rows_max, each full but the last. A row is known by its number.
class Rows {
 public:
  explicit Rows(Arena& arena) : arena_(&arena), chunks_(arena), types_(arena), nulls_(arena) {}
  /// Copies the selected rows, strings included.
  void append(const Batch& batch);
  std::uint32_t size() const { return size_; }
  bool empty() const { return size_ == 0; }
  std::size_t chunk_count() const { return chunks_.size(); }
  Batch chunk(std::size_t i) const {
    const std::size_t rows = i + 1 < chunks_.size() ? type::batch_rows_max : size_ - i * type::batch_rows_max;
    return {{chunks_[i], types_.size()}, static_cast<std::uint32_t>(rows), {nullptr, static_cast<std::uint32_t>(rows)}};
  }
  std::size_t column_count() const { return types_.size(); }
  /// Whether any row has NULL there.
  bool has_nulls(std::size_t column) const { return nulls_[column] != 0; }
  const Vector& column(std::uint32_t row, std::size_t column) const {
    return chunks_[row / type::batch_rows_max][column];
  }
  bool is_null(std::uint32_t row, std::size_t c) const { return column(row, c).is_null(row % type::batch_rows_max); }
  const std::byte* at(std::uint32_t row, std::size_t c) const {
    return value_at(column(row, c), row % type::batch_rows_max);
  }
  Value value(std::uint32_t row, std::size_t c) const;
  /// Rows by number into flat columns in `arena`; a row of UINT32_MAX is all NULL. `types` stands in while there are no
  /// rows.
  void gather_rows(std::span<const std::uint32_t> rows, std::span<Vector> out, std::span<const Physical> types,
                   Arena& arena) const;
  /// Forgets the rows; the owner resets the arena.
  void clear() {
    chunks_ = Vec<Vector*>(*arena_);
    types_ = Vec<Physical>(*arena_);
    nulls_ = Vec<std::uint8_t>(*arena_);
    size_ = capacity_ = 0;
  }

 private:
  void grow();
  template <class T>
  bool gather_column(std::size_t column, std::span<const std::uint32_t> rows, T* to, std::uint64_t* validity) const;
  Arena* arena_;
  Vec<Vector*> chunks_;
  Vec<Physical> types_;
  Vec<std::uint8_t> nulls_;  ///< by column
  std::uint32_t size_ = 0, capacity_ = 0;  ///< rows that fit without growing
};

}  // namespace spg::exec
