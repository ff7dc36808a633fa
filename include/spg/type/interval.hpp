// Interval: SQL's interval as 16 bytes of plain data. Months, days and time are kept apart, as PostgreSQL does: a month
// has no fixed number of days, a day no fixed number of hours. For comparison a month counts 30 days and a day 24
// hours.
#pragma once
#include <cstdint>

#include "spg/type/physical.hpp"

namespace spg::type {

struct Interval {
  std::int64_t microseconds = 0;
  std::int32_t days = 0, months = 0;
  friend bool operator==(const Interval&, const Interval&) = default;  ///< same parts; see interval_compare for SQL's =

  /// Microseconds with months of 30 days and days of 24 hours: the order of intervals.
  Int128 span() const { return (Int128{months} * 30 + days) * 86400000000 + microseconds; }
};
static_assert(sizeof(Interval) == 16);

inline int interval_compare(const Interval& a, const Interval& b) {
  const Int128 x = a.span(), y = b.span();
  return x < y ? -1 : x > y;
}

}  // namespace spg::type
