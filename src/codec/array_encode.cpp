#include "spg/codec/array_coding.hpp"

#include <algorithm>
#include <array>

#include "spg/base/assert.hpp"
#include "array_forms.hpp"

namespace spg::codec {
namespace array {
namespace {

template <class N>
bool put(RecordBuffer& to, N value) {
  return to.add({reinterpret_cast<const std::byte*>(&value), sizeof value});
}
bool put_form(RecordBuffer& to, ArrayForm form) { return put(to, static_cast<std::uint8_t>(form)); }
bool put_packed(RecordBuffer& to, const std::uint64_t* numbers, std::size_t count, unsigned bits) {
  std::byte* at = to.extend(bitpacked_bytes(count, bits));
  if (at != nullptr) bitpack({numbers, count}, bits, at);
  return at != nullptr;
}

template <class U>
unsigned bits_of(U number) {
  if constexpr (sizeof(U) == 16) {
    const auto high = static_cast<std::uint64_t>(number >> 64);
    return high != 0 ? 64u + static_cast<unsigned>(std::bit_width(high)) : static_cast<unsigned>(std::bit_width(static_cast<std::uint64_t>(number)));
  } else {
    return static_cast<unsigned>(std::bit_width(number));
  }
}

constexpr std::size_t impossible = SIZE_MAX;
/// With more bits to a step, restarts of 16-byte values might not fit into 64 bits.
constexpr unsigned wide_step_bits_max = 54;

/// What one pass over an array tells.
template <class N>
struct Statistics {
  using W = typename Of<N>::Wide;
  using Step = typename Of<N>::Step;
  N least, most;
  std::size_t runs = 1;
  Step least_step = 0, most_step = 0;

  Statistics(const N* values, std::size_t count) : least(values[0]), most(values[0]) {
    if (count > 1) least_step = most_step = step(values, 1);
    for (std::size_t i = 1; i < count; ++i) {
      least = std::min(least, values[i]);
      most = std::max(most, values[i]);
      const Step one = step(values, i);
      least_step = std::min(least_step, one);
      most_step = std::max(most_step, one);
      runs += one != 0;
    }
  }
  static Step step(const N* values, std::size_t i) { return static_cast<Step>(static_cast<W>(values[i]) - static_cast<W>(values[i - 1])); }
  unsigned frame_bits() const {
    using U = typename Of<N>::Unsigned;
    return bits_of(static_cast<U>(static_cast<U>(most) - static_cast<U>(least)));
  }
  unsigned step_bits() const { return bits_of(static_cast<W>(most_step) - static_cast<W>(least_step)); }
};

template <class N>
std::size_t frame_bytes(std::size_t count, unsigned bits) { return bits > 64 ? impossible : 1 + sizeof(N) + 1 + bitpacked_bytes(count, bits); }
template <class N>
std::size_t plain_bytes(std::size_t count) { return 1 + count * sizeof(N); }

/// The restarts of a delta array: how far the values there lie above a line of the least step.
template <class N>
std::size_t restarts(const N* values, std::size_t count, typename Of<N>::Step least_step, std::uint64_t* to) {
  using W = typename Of<N>::Wide;
  const std::size_t number = restarts_of(count);
  for (std::size_t i = 0; i < number; ++i) {
    const std::size_t at = (i + 1) * array_restart_values;
    to[i] = static_cast<std::uint64_t>(static_cast<W>(values[at]) - static_cast<W>(values[0]) - static_cast<W>(at) * static_cast<W>(least_step));
  }
  return number;
}

template <class N>
std::size_t delta_bytes(const N* values, std::size_t count, const Statistics<N>& known) {
  const unsigned bits = known.step_bits();
  if (bits > (sizeof(N) == 16 ? wide_step_bits_max : 64)) return impossible;
  std::uint64_t all[array_values_max / array_restart_values];
  const std::size_t number = restarts(values, count, known.least_step, all);
  return 1 + 2 * sizeof(N) + 2 + bitpacked_bytes(number, bit_width_of({all, number})) + bitpacked_bytes(count, bits);
}

/// A form and what it takes.
struct Choice {
  ArrayForm form;
  std::size_t bytes;
  void offer(ArrayForm other, std::size_t other_bytes) {
    if (other_bytes < bytes) *this = {other, other_bytes};
  }
};

/// Of forms 0 to 3; among equals the one that is decoded first.
template <class N>
Choice choose_simple(const N* values, std::size_t count, const Statistics<N>& known) {
  if (known.runs == 1) return {ArrayForm::constant, 1 + sizeof(N)};
  Choice best{ArrayForm::plain, plain_bytes<N>(count)};
  best.offer(ArrayForm::frame, frame_bytes<N>(count, known.frame_bits()));
  best.offer(ArrayForm::delta, delta_bytes(values, count, known));
  return best;
}

template <class N>
bool encode_frame(const N* values, std::size_t count, const Statistics<N>& known, RecordBuffer& to) {
  using U = typename Of<N>::Unsigned;
  std::array<std::uint64_t, array_values_max> distances;
  for (std::size_t i = 0; i < count; ++i)
    distances[i] = static_cast<std::uint64_t>(static_cast<U>(static_cast<U>(values[i]) - static_cast<U>(known.least)));
  const unsigned bits = known.frame_bits();
  return put(to, known.least) && put(to, static_cast<std::uint8_t>(bits)) && put_packed(to, distances.data(), count, bits);
}

template <class N>
bool encode_delta(const N* values, std::size_t count, const Statistics<N>& known, RecordBuffer& to) {
  using W = typename Of<N>::Wide;
  std::array<std::uint64_t, array_values_max> steps;
  for (std::size_t i = 0; i < count; ++i)
    steps[i] = i % array_restart_values == 0 ? 0 : static_cast<std::uint64_t>(static_cast<W>(known.step(values, i)) - static_cast<W>(known.least_step));
  std::uint64_t all[array_values_max / array_restart_values];
  const std::size_t number = restarts(values, count, known.least_step, all);
  const unsigned restart_bits = bit_width_of({all, number}), bits = known.step_bits();
  return put(to, values[0]) && put(to, static_cast<N>(known.least_step)) && put(to, static_cast<std::uint8_t>(restart_bits)) &&
         put(to, static_cast<std::uint8_t>(bits)) && put_packed(to, all, number, restart_bits) && put_packed(to, steps.data(), count, bits);
}

template <class N>
bool encode_as(ArrayForm form, const N* values, std::size_t count, const Statistics<N>& known, RecordBuffer& to) {
  if (!put_form(to, form)) return false;
  switch (form) {
    case ArrayForm::constant: return put(to, values[0]);
    case ArrayForm::frame: return encode_frame(values, count, known, to);
    case ArrayForm::delta: return encode_delta(values, count, known, to);
    default: return to.add({reinterpret_cast<const std::byte*>(values), count * sizeof(N)});
  }
}
template <class N>
bool encode_simple(const N* values, std::size_t count, RecordBuffer& to) {
  const Statistics<N> known(values, count);
  return encode_as(choose_simple(values, count, known).form, values, count, known, to);
}

// --- runs

template <class N>
bool encode_runs(const N* values, std::size_t count, RecordBuffer& to) {
  std::array<std::uint64_t, array_values_max> last;
  std::array<N, array_values_max> of_runs;
  std::size_t runs = 0;
  for (std::size_t i = 0; i < count; ++i) {
    if (i != 0 && values[i] != values[i - 1]) ++runs;
    last[runs] = i;
    of_runs[runs] = values[i];
  }
  ++runs;
  return put_form(to, ArrayForm::runs) && put(to, static_cast<std::uint16_t>(runs)) && put_packed(to, last.data(), runs, width_of_places(count)) &&
         encode_simple(of_runs.data(), runs, to);
}
template <class N>
std::size_t few_bytes(std::size_t count, unsigned bits) { return std::min(frame_bytes<N>(count, bits), plain_bytes<N>(count)); }

// --- dictionary

template <class N>
class Dictionary {
 public:
  /// Collects the values, but gives up once the array would need `bytes_max`; `frame_bits` as the statistics say.
  Dictionary(const N* values, std::size_t count, unsigned frame_bits, std::size_t bytes_max) : count_(count) {
    for (std::size_t i = 0; i < count; ++i) {
      std::uint16_t& place = slot_of(values[i]);
      if (place == none) {
        place = static_cast<std::uint16_t>(distinct_);
        all_[distinct_++] = values[i];
        if (needs(frame_bits) >= bytes_max) {
          given_up_ = true;
          return;
        }
      }
      codes_[i] = place;
    }
    bytes_ = needs(frame_bits);
  }
  /// At most.
  std::size_t bytes() const { return given_up_ ? impossible : bytes_; }

  bool encode(RecordBuffer& to) {
    std::array<std::uint16_t, array_values_max> order, rank;
    for (std::size_t i = 0; i < distinct_; ++i) order[i] = static_cast<std::uint16_t>(i);
    std::sort(order.begin(), order.begin() + distinct_, [&](std::uint16_t a, std::uint16_t b) { return all_[a] < all_[b]; });
    std::array<N, array_values_max> sorted;
    for (std::size_t i = 0; i < distinct_; ++i) {
      sorted[i] = all_[order[i]];
      rank[order[i]] = static_cast<std::uint16_t>(i);
    }
    if (!put_form(to, ArrayForm::dictionary) || !put(to, static_cast<std::uint16_t>(distinct_)) || !encode_simple(sorted.data(), distinct_, to)) return false;
    std::array<std::uint64_t, array_values_max> codes;
    for (std::size_t i = 0; i < count_; ++i) codes[i] = rank[codes_[i]];
    return put_packed(to, codes.data(), count_, width_of_places(distinct_));
  }

 private:
  static constexpr std::size_t slot_count = 2 * array_values_max;
  static constexpr std::uint16_t none = UINT16_MAX;

  std::size_t needs(unsigned frame_bits) const {
    return 3 + few_bytes<N>(distinct_, frame_bits) + bitpacked_bytes(count_, width_of_places(distinct_));
  }
  std::uint16_t& slot_of(N value) {
    auto hash = static_cast<std::uint64_t>(value) * 0x9e3779b97f4a7c15u;
    if constexpr (sizeof(N) == 16) hash = (hash ^ static_cast<std::uint64_t>(value >> 64)) * 0x9e3779b97f4a7c15u;
    std::size_t at = hash >> 53;
    while (slots_[at] != none && all_[slots_[at]] != value) at = (at + 1) % slot_count;
    return slots_[at];
  }
  std::array<std::uint16_t, slot_count> slots_ = filled();
  static constexpr std::array<std::uint16_t, slot_count> filled() {
    std::array<std::uint16_t, slot_count> all{};
    all.fill(none);
    return all;
  }
  std::array<N, array_values_max> all_;
  std::array<std::uint16_t, array_values_max> codes_;
  std::size_t count_, distinct_ = 0, bytes_ = 0;
  bool given_up_ = false;
};

// --- decimals

/// Floats that are decimals of few digits, as prices and measurements mostly are (the idea is ALP's, here with one power and by
/// division, so that what decodes is right by the rules of arithmetic and not by luck).
template <class F>
class Decimals {
 public:
  /// Requires: count > 0.
  Decimals(const F* values, std::size_t count) : values_(values), count_(count), integers_{} {
    exponent_ = find_exponent();
    if (exponent_ > decimal_exponent_max) return;
    std::int64_t before = 0;
    for (std::size_t i = 0; i < count; ++i) {
      std::int64_t integer = 0;
      if (is_decimal(values[i], exponent_, integer)) before = integer;
      else places_[exceptions_++] = static_cast<std::uint16_t>(i);
      integers_[i] = before;
    }
    const Statistics<std::int64_t> known(integers_.data(), count);
    bytes_ = 4 + exceptions_ * (2 + sizeof(F)) + choose_simple(integers_.data(), count, known).bytes;
  }
  std::size_t bytes() const { return bytes_; }

  bool encode(RecordBuffer& to) const {
    bool fits = put_form(to, ArrayForm::decimal) && put(to, static_cast<std::uint8_t>(exponent_)) && put(to, static_cast<std::uint16_t>(exceptions_));
    for (std::size_t i = 0; i < exceptions_; ++i) fits = fits && put(to, places_[i]);
    for (std::size_t i = 0; i < exceptions_; ++i) fits = fits && put(to, values_[places_[i]]);
    return fits && encode_simple(integers_.data(), count_, to);
  }

 private:
  static constexpr double integers_max = 4503599627370496;  // 2^52

  static bool is_decimal(F value, unsigned exponent, std::int64_t& integer) {
    using Bits = std::conditional_t<sizeof(F) == 8, std::uint64_t, std::uint32_t>;
    const double scaled = static_cast<double>(value) * powers_of_ten[exponent];
    if (!(scaled > -integers_max && scaled < integers_max)) return false;
    integer = static_cast<std::int64_t>(scaled < 0 ? scaled - 0.5 : scaled + 0.5);
    return std::bit_cast<Bits>(static_cast<F>(static_cast<double>(integer) / powers_of_ten[exponent])) == std::bit_cast<Bits>(value);
  }
  /// The least power with which nearly all of a sample are integers, or one above the greatest.
  unsigned find_exponent() const {
    constexpr std::size_t sample_max = 32;
    const std::size_t stride = (count_ + sample_max - 1) / sample_max, sampled = (count_ + stride - 1) / stride;
    for (unsigned exponent = 0; exponent <= decimal_exponent_max; ++exponent) {
      std::size_t fit = 0;
      std::int64_t integer = 0;
      for (std::size_t i = 0; i < count_; i += stride) fit += is_decimal(values_[i], exponent, integer);
      if (fit >= sampled - sampled / 8) return exponent;
    }
    return decimal_exponent_max + 1;
  }

  const F* values_;
  std::size_t count_;
  unsigned exponent_;
  std::array<std::int64_t, array_values_max> integers_;
  std::array<std::uint16_t, array_values_max> places_;
  std::size_t exceptions_ = 0, bytes_ = impossible;
};

/// As decimals, when that takes less than `bytes`; `is_done` says whether it did.
template <class F, class N>
bool encode_decimals(const N* values, std::size_t count, std::size_t bytes, RecordBuffer& to, bool& is_done) {
  F reals[array_values_max];
  std::memcpy(reals, values, count * sizeof(F));
  const Decimals<F> decimals(reals, count);
  is_done = decimals.bytes() < bytes;
  return !is_done || decimals.encode(to);
}

template <class N>
bool encode(const N* values, std::size_t count, ArrayContent content, RecordBuffer& to) {
  const Statistics<N> known(values, count);
  Choice best = choose_simple(values, count, known);
  if (best.form == ArrayForm::constant) return encode_as(best.form, values, count, known, to);
  const unsigned bits = known.frame_bits();
  best.offer(ArrayForm::runs, 3 + bitpacked_bytes(known.runs, width_of_places(count)) + few_bytes<N>(known.runs, bits));
  Dictionary<N> dictionary(values, count, bits, best.bytes);
  best.offer(ArrayForm::dictionary, dictionary.bytes());
  if constexpr (sizeof(N) == 8 || sizeof(N) == 4) {
    using F = std::conditional_t<sizeof(N) == 8, double, float>;
    bool is_done = false;
    if (content == ArrayContent::reals && !encode_decimals<F>(values, count, best.bytes, to, is_done)) return false;
    if (is_done) return true;
  }
  if (best.form == ArrayForm::runs) return encode_runs(values, count, to);
  if (best.form == ArrayForm::dictionary) return dictionary.encode(to);
  return encode_as(best.form, values, count, known, to);
}

}  // namespace
}  // namespace array

bool encode_array(const void* values, ArrayShape shape, RecordBuffer& to) {
  if (shape.count == 0) return true;
  SPG_ASSERT(shape.count <= array_values_max);
  return array::with_width(shape.width, [&]<class N>(N) {
    std::array<N, array_values_max> copy;  // aligned, and nobody changes it meanwhile
    std::memcpy(copy.data(), values, shape.count * sizeof(N));
    return array::encode(copy.data(), shape.count, shape.content, to);
  });
}

}  // namespace spg::codec
