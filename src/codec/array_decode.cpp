#include "spg/codec/array_coding.hpp"

#include <algorithm>
#include <array>

#include "spg/base/assert.hpp"
#include "array_forms.hpp"

namespace spg::codec {
namespace array {
namespace {

// Arrays are unpacked by groups of this many into a buffer, and then changed into values by loops whose length is a constant, so
// that -O2 makes vector instructions of them.
constexpr std::size_t group = array_restart_values;

template <class N>
N take(ByteReader& from) {
  N value{};
  const Bytes bytes = from.bytes(sizeof value);
  if (!bytes.empty()) std::memcpy(&value, bytes.data(), sizeof value);
  return value;
}

/// Packed numbers need at most 64 bits, and those that are added to narrow values no more than these have.
template <class N>
using Packed = std::conditional_t<(sizeof(N) < 8), std::uint32_t, std::uint64_t>;
template <class N>
constexpr unsigned packed_bits_max = sizeof(N) < 8 ? 32 : 64;

/// The group that begins with value `at`. Its bytes are there.
template <class P>
void unpack_group(Bytes packed, unsigned bits, std::size_t at, std::size_t count, P (&to)[group]) {
  (void)bitunpack(packed.subspan(at / 8 * bits), bits, std::span<P>(to, std::min(count - at, group)));
}

template <class N>
bool decode_frame(ByteReader& from, std::size_t count, N* values) {
  using U = typename Of<N>::Unsigned;
  const auto least = static_cast<U>(take<N>(from));
  const unsigned bits = from.le<std::uint8_t>();
  if (bits > packed_bits_max<N>) return false;
  const Bytes packed = from.bytes(bitpacked_bytes(count, bits));
  if (!from.ok()) return false;
  Packed<N> distances[group] = {};
  for (std::size_t at = 0; at < count; at += group) {
    unpack_group(packed, bits, at, count, distances);
    N sums[group];
    N* to = count - at >= group ? values + at : sums;
    for (std::size_t i = 0; i < group; ++i) to[i] = static_cast<N>(static_cast<U>(least + static_cast<U>(distances[i])));
    if (to == sums) std::memcpy(values + at, sums, (count - at) * sizeof(N));
  }
  return true;
}

struct DeltaHeader {
  unsigned restart_bits, step_bits;
  Bytes restarts, steps;
};

template <class N>
bool read_delta(ByteReader& from, std::size_t count, N& first, N& least, DeltaHeader& header) {
  first = take<N>(from);
  least = take<N>(from);
  header.restart_bits = from.le<std::uint8_t>();
  header.step_bits = from.le<std::uint8_t>();
  if (header.restart_bits > 64 || header.step_bits > 64) return false;
  header.restarts = from.bytes(bitpacked_bytes(restarts_of(count), header.restart_bits));
  header.steps = from.bytes(bitpacked_bytes(count, header.step_bits));
  return from.ok();
}

template <class N>
bool decode_delta(ByteReader& from, std::size_t count, N* values) {
  using W = typename Of<N>::Wide;
  N first, least;
  DeltaHeader header;
  if (!read_delta(from, count, first, least, header)) return false;
  const W step = static_cast<W>(least);
  std::uint64_t steps[group] = {};
  for (std::size_t at = 0; at < count; at += group) {
    unpack_group(header.steps, header.step_bits, at, count, steps);
    const std::uint64_t restart = at == 0 ? 0 : bitunpack_one(header.restarts, header.restart_bits, at / group - 1);
    W value = static_cast<W>(first) + static_cast<W>(at) * step + restart;
    const std::size_t end = std::min(count - at, group);
    values[at] = static_cast<N>(value);
    for (std::size_t i = 1; i < end; ++i) {
      value += step + steps[i];
      values[at + i] = static_cast<N>(value);
    }
  }
  return true;
}

template <class N>
bool decode_constant(ByteReader& from, std::size_t count, N* values) {
  const N value = take<N>(from);
  std::fill_n(values, count, value);
  return from.ok();
}

template <class N>
bool decode_plain(ByteReader& from, std::size_t count, N* values) {
  const Bytes bytes = from.bytes(count * sizeof(N));
  if (!bytes.empty()) std::memcpy(values, bytes.data(), bytes.size());
  return from.ok();
}

/// Forms 0 to 3.
template <class N>
bool decode_simple(ArrayForm form, ByteReader& from, std::size_t count, N* values) {
  switch (form) {
    case ArrayForm::plain: return decode_plain(from, count, values);
    case ArrayForm::constant: return decode_constant(from, count, values);
    case ArrayForm::frame: return decode_frame(from, count, values);
    case ArrayForm::delta: return decode_delta(from, count, values);
    default: return false;
  }
}
ArrayForm form_of(ByteReader& from) { return static_cast<ArrayForm>(from.le<std::uint8_t>()); }

template <class N>
bool decode_runs(ByteReader& from, std::size_t count, N* values) {
  const std::size_t runs = from.le<std::uint16_t>();
  if (runs == 0 || runs > count) return false;
  const unsigned bits = width_of_places(count);
  const Bytes packed = from.bytes(bitpacked_bytes(runs, bits));
  std::array<std::uint32_t, array_values_max> last;
  std::array<N, array_values_max> of_runs;
  if (!from.ok() || !bitunpack(packed, bits, std::span<std::uint32_t>(last.data(), runs))) return false;
  if (!decode_simple(form_of(from), from, runs, of_runs.data())) return false;
  std::size_t at = 0;
  for (std::size_t run = 0; run < runs; ++run) {
    if (last[run] < at || last[run] >= count) return false;
    for (; at <= last[run]; ++at) values[at] = of_runs[run];
  }
  return at == count;
}

template <class N>
bool decode_dictionary(ByteReader& from, std::size_t count, N* values) {
  const std::size_t distinct = from.le<std::uint16_t>();
  if (distinct == 0 || distinct > count) return false;
  std::array<N, array_values_max> all;
  if (!decode_simple(form_of(from), from, distinct, all.data())) return false;
  const unsigned bits = width_of_places(distinct);
  const Bytes packed = from.bytes(bitpacked_bytes(count, bits));
  if (!from.ok()) return false;
  std::uint32_t codes[group] = {};
  for (std::size_t at = 0; at < count; at += group) {
    unpack_group(packed, bits, at, count, codes);
    const std::size_t end = std::min(count - at, group);
    std::uint32_t most = 0;
    for (std::size_t i = 0; i < end; ++i) most = std::max(most, codes[i]);
    if (most >= distinct) return false;
    for (std::size_t i = 0; i < end; ++i) values[at + i] = all[codes[i]];
  }
  return true;
}

struct DecimalHeader {
  double power;
  std::size_t exceptions;
  Bytes places, values;
};

bool read_decimal(ByteReader& from, std::size_t count, std::size_t width, DecimalHeader& header) {
  const unsigned exponent = from.le<std::uint8_t>();
  header.exceptions = from.le<std::uint16_t>();
  if (exponent > decimal_exponent_max || header.exceptions > count) return false;
  header.power = powers_of_ten[exponent];
  header.places = from.bytes(header.exceptions * 2);
  header.values = from.bytes(header.exceptions * width);
  return from.ok();
}

template <class F>
bool decode_decimal(ByteReader& from, std::size_t count, F* values) {
  DecimalHeader header;
  if (!read_decimal(from, count, sizeof(F), header)) return false;
  std::array<std::int64_t, array_values_max> integers;
  if (!decode_simple(form_of(from), from, count, integers.data())) return false;
  for (std::size_t i = 0; i < count; ++i) values[i] = static_cast<F>(static_cast<double>(integers[i]) / header.power);
  for (std::size_t i = 0; i < header.exceptions; ++i) {
    const std::size_t place = load_le<std::uint16_t>(header.places.data() + i * 2);
    if (place >= count) return false;
    std::memcpy(values + place, header.values.data() + i * sizeof(F), sizeof(F));
  }
  return true;
}

template <class N>
bool decode(ByteReader& from, std::size_t count, N* values) {
  const ArrayForm form = form_of(from);
  if (!from.ok()) return false;
  switch (form) {
    case ArrayForm::runs: return decode_runs(from, count, values);
    case ArrayForm::dictionary: return decode_dictionary(from, count, values);
    case ArrayForm::decimal:
      if constexpr (sizeof(N) == 8) return decode_decimal(from, count, reinterpret_cast<double*>(values));
      else if constexpr (sizeof(N) == 4) return decode_decimal(from, count, reinterpret_cast<float*>(values));
      else return false;
    default: return decode_simple(form, from, count, values);
  }
}

// --- one value

template <class N>
N value_of(ByteReader& from, std::size_t count, std::size_t index);

template <class N>
N value_of_frame(ByteReader& from, std::size_t count, std::size_t index) {
  using U = typename Of<N>::Unsigned;
  const auto least = static_cast<U>(take<N>(from));
  const unsigned bits = from.le<std::uint8_t>();
  return static_cast<N>(static_cast<U>(least + static_cast<U>(bitunpack_one(from.bytes(bitpacked_bytes(count, bits)), bits, index))));
}

template <class N>
N value_of_delta(ByteReader& from, std::size_t count, std::size_t index) {
  using W = typename Of<N>::Wide;
  N first, least;
  DeltaHeader header;
  SPG_ASSERT(read_delta(from, count, first, least, header));
  W value = static_cast<W>(first) + static_cast<W>(index) * static_cast<W>(least);
  if (index >= group) value += bitunpack_one(header.restarts, header.restart_bits, index / group - 1);
  std::uint64_t steps[group];
  const std::size_t from_value = index / group * group, add = index % group;
  (void)bitunpack(header.steps.subspan(from_value / 8 * header.step_bits), header.step_bits, std::span<std::uint64_t>(steps, add + 1));
  for (std::size_t i = 1; i <= add; ++i) value += steps[i];
  return static_cast<N>(value);
}

template <class N>
N value_of_runs(ByteReader& from, std::size_t count, std::size_t index) {
  const std::size_t runs = from.le<std::uint16_t>();
  const unsigned bits = width_of_places(count);
  const Bytes last = from.bytes(bitpacked_bytes(runs, bits));
  std::size_t low = 0, high = runs - 1;  // the first run that ends at or behind the index
  while (low < high) {
    const std::size_t middle = (low + high) / 2;
    if (bitunpack_one(last, bits, middle) < index) low = middle + 1;
    else high = middle;
  }
  return value_of<N>(from, runs, low);
}

/// Where the array of simple form ends that begins here.
template <class N>
void skip_simple(ByteReader& from, std::size_t count) {
  switch (form_of(from)) {
    case ArrayForm::plain: (void)from.bytes(count * sizeof(N)); break;
    case ArrayForm::constant: (void)from.bytes(sizeof(N)); break;
    case ArrayForm::frame: {
      (void)from.bytes(sizeof(N));
      const unsigned bits = from.le<std::uint8_t>();
      (void)from.bytes(bitpacked_bytes(count, bits));
      break;
    }
    default: {
      N first, least;
      DeltaHeader header;
      SPG_ASSERT(read_delta(from, count, first, least, header));
    }
  }
}

template <class N>
N value_of_dictionary(ByteReader& from, std::size_t count, std::size_t index) {
  const std::size_t distinct = from.le<std::uint16_t>();
  ByteReader codes = from;
  skip_simple<N>(codes, distinct);
  const unsigned bits = width_of_places(distinct);
  return value_of<N>(from, distinct, bitunpack_one(codes.bytes(bitpacked_bytes(count, bits)), bits, index));
}

template <class F>
F value_of_decimal(ByteReader& from, std::size_t count, std::size_t index) {
  DecimalHeader header;
  SPG_ASSERT(read_decimal(from, count, sizeof(F), header));
  for (std::size_t i = 0; i < header.exceptions; ++i) {
    if (load_le<std::uint16_t>(header.places.data() + i * 2) != index) continue;
    F value;
    std::memcpy(&value, header.values.data() + i * sizeof(F), sizeof value);
    return value;
  }
  return static_cast<F>(static_cast<double>(value_of<std::int64_t>(from, count, index)) / header.power);
}

template <class N>
N value_of(ByteReader& from, std::size_t count, std::size_t index) {
  switch (form_of(from)) {
    case ArrayForm::plain: {
      (void)from.bytes(index * sizeof(N));
      return take<N>(from);
    }
    case ArrayForm::constant: return take<N>(from);
    case ArrayForm::frame: return value_of_frame<N>(from, count, index);
    case ArrayForm::delta: return value_of_delta<N>(from, count, index);
    case ArrayForm::runs: return value_of_runs<N>(from, count, index);
    case ArrayForm::dictionary: return value_of_dictionary<N>(from, count, index);
    case ArrayForm::decimal:
      if constexpr (sizeof(N) == 8) return std::bit_cast<N>(value_of_decimal<double>(from, count, index));
      else if constexpr (sizeof(N) == 4) return std::bit_cast<N>(value_of_decimal<float>(from, count, index));
  }
  return N{};
}

}  // namespace
}  // namespace array

bool decode_array(ByteReader& from, ArrayShape shape, void* values) {
  if (shape.count == 0) return from.ok();
  if (shape.count > array_values_max) return false;
  return array::with_width(shape.width, [&]<class N>(N) { return array::decode(from, shape.count, static_cast<N*>(values)); });
}

void array_value(Bytes encoded, ArrayShape shape, std::size_t index, void* value) {
  SPG_DCHECK(index < shape.count);
  ByteReader from(encoded);
  array::with_width(shape.width, [&]<class N>(N) {
    const N found = array::value_of<N>(from, shape.count, index);
    std::memcpy(value, &found, sizeof found);
    return true;
  });
}

}  // namespace spg::codec
