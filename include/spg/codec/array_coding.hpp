// Encodings of arrays of up to 1024 fixed-width values: random-access, chosen by size. Any thread; nothing is owned.
//
// An encoded array begins with its form (one byte); count and width come from whoever keeps it. Little-endian, packed arrays as in
// codec/bitpack.hpp. N is a signed integer of the array's width (1, 2, 4, 8 or 16 bytes); sums and differences wrap around.
//   form          bytes after it
//   0 plain       count values
//   1 constant    one value
//   2 frame       least value N, bits u8, count packed distances from it
//   3 delta       first value N, least step N, restart bits u8, step bits u8, packed restarts, count packed steps
//                 value i = first + i * least + restart[i / 64] + the steps behind the last multiple of 64, up to i. Steps at
//                 multiples of 64 and restart 0 (not stored) are zero.
//   4 runs        runs u16, packed last places (bit width of count - 1), an array of forms 0 to 3: the value of each run
//   5 dictionary  values u16, an array of forms 0 to 3: the values, ascending; count packed places in it (bit width of values - 1)
//   6 decimal     floats of 4 or 8 bytes: exponent u8, exceptions u16, their places u16 each, their values, an array of 8-byte
//                 integers of forms 0 to 3: value i = integer i / 10^exponent, rounded to 8 and then to the float's bytes
// A value is found without decoding others: at once, by a binary search (runs), or by adding up to 63 steps (delta).
#pragma once
#include <cstddef>
#include <cstdint>

#include "spg/base/bytes.hpp"
#include "spg/base/record_buffer.hpp"

namespace spg::codec {

inline constexpr std::size_t array_values_max = 1024;
inline constexpr std::size_t array_restart_values = 64;

enum class ArrayForm : std::uint8_t { plain, constant, frame, delta, runs, dictionary, decimal };

/// Whether the values may be looked at as floating-point numbers.
enum class ArrayContent : std::uint8_t { integers, reals };

struct ArrayShape {
  std::size_t count = 0;  ///< at most array_values_max
  std::size_t width = 0;  ///< bytes of a value: 1, 2, 4, 8 or 16
  ArrayContent content = ArrayContent::integers;
};

/// What encoding can at worst need.
constexpr std::size_t encoded_array_bound(ArrayShape shape) { return 1 + shape.count * shape.width; }

/// Appends the array in its shortest form; false when there is no memory. `values` may lie anywhere. The same values always give
/// the same bytes. Uses up to 80 KiB of stack.
[[nodiscard]] bool encode_array(const void* values, ArrayShape shape, RecordBuffer& to);

/// Reads one array and fills `values`; false, with `values` undefined, when the bytes are none. Never reads or writes outside. Uses
/// up to 24 KiB of stack.
[[nodiscard]] bool decode_array(ByteReader& from, ArrayShape shape, void* values);

/// One value of an array that decodes: `index` below shape.count.
void array_value(Bytes encoded, ArrayShape shape, std::size_t index, void* value);

}  // namespace spg::codec
