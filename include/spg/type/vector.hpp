// Vectors and batches: what operators hand to each other, and what a table scan yields (DESIGN 3, "Executor").
//
// A vector is a view: values, validity and codes belong to a chunk (valid while its guard is held) or to the arena of the
// operator that made it (valid until that operator's next batch). Row i of a batch is value i of each of its vectors.
#pragma once
#include <cstddef>
#include <cstdint>
#include <span>

#include "spg/type/physical.hpp"

namespace spg::type {

/// The most rows of a batch, and the rows of a table's block.
inline constexpr std::size_t batch_rows_max = 1024;
inline constexpr std::size_t batch_words = batch_rows_max / 64;

struct Vector {
  enum class Form : std::uint8_t {
    flat,        ///< values[row]
    constant,    ///< values[0] for every row; validity bit 0 speaks for all
    dictionary,  ///< values[codes[row]]; validity is by row, as in flat
  };
  Physical physical = Physical::none;
  Form form = Form::flat;
  const void* values = nullptr;
  const std::uint64_t* validity = nullptr;  ///< bit set = not null; null pointer = no nulls
  const std::uint16_t* codes = nullptr;

  /// The place of a row's value.
  std::size_t slot(std::size_t row) const {
    return form == Form::flat ? row : form == Form::constant ? 0 : codes[row];
  }
  bool is_null(std::size_t row) const {
    if (validity == nullptr) return false;
    const std::size_t bit = form == Form::constant ? 0 : row;
    return (validity[bit / 64] >> (bit % 64) & 1) == 0;
  }
  template <class T>
  const T* as() const { return static_cast<const T*>(values); }
  template <class T>
  const T& value(std::size_t row) const { return as<T>()[slot(row)]; }
};

/// Which rows of a batch are meant: all of the first `count`, or the listed ones in ascending order.
struct Selection {
  const std::uint16_t* rows = nullptr;  ///< null = 0 .. count-1
  std::uint32_t count = 0;
  std::uint32_t operator[](std::size_t i) const { return rows == nullptr ? static_cast<std::uint32_t>(i) : rows[i]; }
};

struct Batch {
  std::span<Vector> columns;
  std::uint32_t rows = 0;   ///< rows present in the vectors (1 .. batch_rows_max)
  Selection selected;       ///< those that count
};

/// One value of any type: constants, parameters, defaults, min/max. Strings point to memory that the holder owns.
struct Value {
  Physical physical = Physical::none;
  bool is_null = true;
  std::byte reserved[14] = {};  ///< no padding: a layout's image holds Values
  alignas(16) std::byte bytes[16] = {};

  template <class T>
  static Value of(Physical physical, const T& value) {
    static_assert(sizeof(T) <= 16);
    Value result;
    result.physical = physical;
    result.is_null = false;
    std::memcpy(result.bytes, &value, sizeof value);
    return result;
  }
  static Value null_of(Physical physical) {
    Value result;
    result.physical = physical;
    return result;
  }
  template <class T>
  const T& as() const { return *reinterpret_cast<const T*>(bytes); }
  /// A constant vector over this value, which must outlive it.
  Vector vector() const {
    static constexpr std::uint64_t none_valid = 0;
    return {physical, Vector::Form::constant, bytes, is_null ? &none_valid : nullptr, nullptr};
  }
};

}  // namespace spg::type
