// NumericSum: the running state of sum() and avg() over numerics, int8 and scaled integers.
//
// Values that fit are added to one 128-bit integer at the largest scale seen; the rest goes to lanes, one 64-bit sum
// per digit of base 10000, which cannot run over within 10^14 additions. The result is exact and has PostgreSQL's
// scale. Plain data, trivially destructible; lanes live in the arena handed to add(), which must outlive the state. One
// thread.
#pragma once
#include <cstdint>

#include "spg/type/numeric.hpp"

namespace spg::type {

class NumericSum {
 public:
  void add(const Numeric& value, Arena& arena);
  /// value x 10^-scale; scale in 0 .. 38.
  void add_scaled(Int128 value, int scale, Arena& arena) {
    ++count_;
    note_scale(scale);
    Int128 sum;
    if (__builtin_expect(scale == fast_scale_ && !__builtin_add_overflow(fast_, value, &sum), 1)) {
      fast_ = sum;
      return;
    }
    add_slow(value, scale, arena);
  }
  void add_int8(std::int64_t value, Arena& arena) { add_scaled(value, 0, arena); }
  /// Takes out a value that was added. False when the sum's scale is then no longer known: the last value of the largest
  /// scale has gone.
  [[nodiscard]] bool remove(const Numeric& value, Arena& arena);
  [[nodiscard]] bool remove_scaled(Int128 value, int scale, Arena& arena);
  /// Takes over another state's values (parallel aggregation).
  void merge(const NumericSum& other, Arena& arena);

  std::int64_t count() const { return count_; }
  /// Requires: count() > 0 (SQL's answer is NULL otherwise).
  Result<Numeric> sum(Arena& arena) const;
  Result<Numeric> avg(Arena& arena) const;

 private:
  void note_scale(int scale) {
    if (scale > dscale_) {
      dscale_ = scale;
      at_dscale_ = 0;
    }
    at_dscale_ += scale == dscale_;
  }
  bool forget_scale(int scale);
  void add_value(const Numeric& value, bool negated, Arena& arena);
  void add_slow(Int128 value, int scale, Arena& arena);
  void flush(Arena& arena);
  void add_lanes(const Numeric& value, bool negated, Arena& arena);
  void reserve_lanes(int high, int low, Arena& arena);

  Int128 fast_ = 0;
  std::int64_t count_ = 0, nans_ = 0, plus_infinities_ = 0, minus_infinities_ = 0;
  std::int64_t at_dscale_ = 0;            ///< finite values of the largest scale
  std::int64_t* lanes_ = nullptr;         ///< lanes_[w - low_] sums the digits of weight w
  std::int32_t low_ = 0, lane_count_ = 0;
  std::int32_t dscale_ = 0;
  std::int32_t fast_scale_ = 0;
};

}  // namespace spg::type
