#include "spg/type/numeric_sum.hpp"

#include <algorithm>

#include "decimal.hpp"

namespace spg::type {

using namespace decimal;

namespace {
constexpr int fast_scale_max = 24;  ///< beyond it the 128-bit sum would have too few whole digits to pay

bool scale_up(Int128 value, int by, Int128* to) {
  for (; by > 0; --by)
    if (__builtin_mul_overflow(value, Int128{10}, &value)) return false;
  *to = value;
  return true;
}
}  // namespace

void NumericSum::reserve_lanes(int high, int low, Arena& arena) {
  if (lane_count_ != 0) {
    if (low >= low_ && high < low_ + lane_count_) return;
    high = std::max(high, low_ + lane_count_ - 1);
    low = std::min(low, low_);
  }
  high += 2;  // some room, so that a growing sum does not come back each time
  const int count = high - low + 1;
  auto* lanes = arena.array<std::int64_t>(static_cast<std::size_t>(count));
  std::fill(lanes, lanes + count, 0);
  if (lane_count_ != 0) std::copy(lanes_, lanes_ + lane_count_, lanes + (low_ - low));
  lanes_ = lanes;
  low_ = low;
  lane_count_ = count;
}

void NumericSum::add_lanes(const Numeric& value, bool negated, Arena& arena) {
  // The body is read in place: unpacking a long value into the arena would keep its memory for every row.
  const std::string_view body = value.body.view();
  if (body.size() <= 4) return;
  const int weight = load_le<std::int16_t>(body.data() + 2), count = static_cast<int>((body.size() - 4) / 2);
  reserve_lanes(weight, weight - count + 1, arena);
  const std::int64_t sign = ((value.head() >> 14) == 1) != negated ? -1 : 1;
  for (int i = 0; i < count; ++i) lanes_[weight - i - low_] += sign * load_le<Digit>(body.data() + 4 + 2 * i);
}

void NumericSum::flush(Arena& arena) {
  if (fast_ == 0) return;
  add_lanes(numeric_from_scaled(fast_, fast_scale_, arena), false, arena);
  fast_ = 0;
}

void NumericSum::add_slow(Int128 value, int scale, Arena& arena) {
  Int128 grown;
  if (scale <= fast_scale_) {
    if (!scale_up(value, fast_scale_ - scale, &grown)) {
      add_lanes(numeric_from_scaled(value, scale, arena), false, arena);
      return;
    }
    value = grown;
  } else {
    if (scale > fast_scale_max) {
      add_lanes(numeric_from_scaled(value, scale, arena), false, arena);
      return;
    }
    if (scale_up(fast_, scale - fast_scale_, &grown)) fast_ = grown;
    else flush(arena);
    fast_scale_ = scale;
  }
  if (__builtin_add_overflow(fast_, value, &grown)) {
    flush(arena);
    grown = value;
  }
  fast_ = grown;
}

/// A finite value, or its negative; count and scale are the caller's.
void NumericSum::add_value(const Numeric& value, bool negated, Arena& arena) {
  const std::string_view body = value.body.view();
  const int scale = std::max(value.dscale(), fast_scale_);
  // Whole groups of digits: at most 36 decimal digits in the integer.
  const int weight = body.size() <= 4 ? 0 : load_le<std::int16_t>(body.data() + 2);
  Int128 scaled, sum;
  if (body.size() > 12 || scale > fast_scale_max || weight > 2 || !numeric_to_scaled(value, scale, &scaled)) {
    add_lanes(value, negated, arena);
    return;
  }
  if (negated) scaled = -scaled;
  if (scale == fast_scale_ && !__builtin_add_overflow(fast_, scaled, &sum)) fast_ = sum;
  else add_slow(scaled, scale, arena);
}

void NumericSum::add(const Numeric& value, Arena& arena) {
  ++count_;
  if (__builtin_expect(value.is_special(), 0)) {
    if (value.is_nan()) ++nans_;
    else if ((value.head() & 0x3fff) == 2) ++minus_infinities_;
    else ++plus_infinities_;
    return;
  }
  note_scale(value.dscale());
  add_value(value, false, arena);
}

bool NumericSum::forget_scale(int scale) {
  --count_;
  if (scale != dscale_ || --at_dscale_ > 0) return true;
  return dscale_ == 0;
}

bool NumericSum::remove(const Numeric& value, Arena& arena) {
  if (value.is_special()) {
    --count_;
    if (value.is_nan()) --nans_;
    else if ((value.head() & 0x3fff) == 2) --minus_infinities_;
    else --plus_infinities_;
    return true;
  }
  add_value(value, true, arena);
  return forget_scale(value.dscale());
}

bool NumericSum::remove_scaled(Int128 value, int scale, Arena& arena) {
  Int128 sum;
  if (scale == fast_scale_ && !__builtin_sub_overflow(fast_, value, &sum)) fast_ = sum;
  else add_slow(-value, scale, arena);
  return forget_scale(scale);
}

void NumericSum::merge(const NumericSum& other, Arena& arena) {
  count_ += other.count_;
  nans_ += other.nans_;
  plus_infinities_ += other.plus_infinities_;
  minus_infinities_ += other.minus_infinities_;
  if (other.dscale_ > dscale_) {
    dscale_ = other.dscale_;
    at_dscale_ = 0;
  }
  if (other.dscale_ == dscale_) at_dscale_ += other.at_dscale_;
  if (other.fast_ != 0) add_lanes(numeric_from_scaled(other.fast_, other.fast_scale_, arena), false, arena);
  if (other.lane_count_ != 0) {
    reserve_lanes(other.low_ + other.lane_count_ - 1, other.low_, arena);
    for (int i = 0; i < other.lane_count_; ++i) lanes_[other.low_ + i - low_] += other.lanes_[i];
  }
}

Result<Numeric> NumericSum::sum(Arena& arena) const {
  Decimal result;
  if (nans_ != 0 || (plus_infinities_ != 0 && minus_infinities_ != 0)) {
    result.kind = Kind::nan;
    return store(result, arena);
  }
  if (plus_infinities_ != 0 || minus_infinities_ != 0) {
    result.kind = Kind::infinity;
    result.negative = minus_infinities_ != 0;
    return store(result, arena);
  }
  const Decimal fast = load(numeric_from_scaled(fast_, fast_scale_, arena), arena);
  if (lane_count_ != 0) {
    // Carries are signed; when the top one is negative the whole sum is, and is negated first.
    const int count = lane_count_ + 5;
    auto* lanes = arena.array<std::int64_t>(static_cast<std::size_t>(count));
    std::copy(lanes_, lanes_ + lane_count_, lanes);
    std::fill(lanes + lane_count_, lanes + count, 0);
    const auto carry_up = [&] {
      std::int64_t carry = 0;
      for (int i = 0; i < count; ++i) {
        carry += lanes[i];
        std::int64_t digit = carry % base;
        carry /= base;
        if (digit < 0) { digit += base; --carry; }
        lanes[i] = digit;
      }
      return carry;
    };
    if (carry_up() < 0) {
      for (int i = 0; i < count; ++i) lanes[i] = -lanes[i];
      carry_up();
      result.negative = true;
    }
    Digit* digits = result.allocate(count, arena);
    for (int i = 0; i < count; ++i) digits[i] = static_cast<Digit>(lanes[count - 1 - i]);
    result.weight = low_ + count - 1;
    strip(result);
  }
  result = decimal::add(result, fast, arena);
  result.dscale = dscale_;
  return store(result, arena);
}

Result<Numeric> NumericSum::avg(Arena& arena) const {
  SPG_ASSIGN(const Numeric total, sum(arena));
  return numeric_div(total, numeric_from_int8(count_, arena), arena);
}

}  // namespace spg::type
