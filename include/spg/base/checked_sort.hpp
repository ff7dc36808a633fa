// Sorting that can be given up: std::sort between looks at whether the statement should end. For giant arrays only.
#pragma once
#include <algorithm>
#include <utility>

#include "spg/base/function_ref.hpp"
#include "spg/base/result.hpp"

namespace spg {

/// Sorts [first, last); asks `check` about every `checked_sort_run` elements and ends with its error, the elements then
/// being in any order. Requires: `less` is a strict order, random access.
inline constexpr std::ptrdiff_t checked_sort_run = 1 << 14;

template <class It, class Less>
Status checked_sort(It first, It last, Less less, FunctionRef<Status()> check) {
  // Quicksort down to runs that std::sort does at once. An unlucky input (sixty levels) is left to it as well.
  for (int depth = 0; last - first > checked_sort_run && depth < 60; ++depth) {
    auto median = [&](It a, It b, It c) { return less(*a, *b) ? (less(*b, *c) ? b : less(*a, *c) ? c : a) : (less(*a, *c) ? a : less(*b, *c) ? c : b); };
    const auto step = (last - first) / 9;
    const It pivot_at = median(median(first, first + step, first + 2 * step), median(first + 3 * step, first + 4 * step, first + 5 * step),
                               median(first + 6 * step, first + 7 * step, last - 1));
    std::iter_swap(first, pivot_at);
    const auto pivot = *first;
    It low = first, high = last;
    for (std::ptrdiff_t until_check = checked_sort_run;;) {
      do ++low, --until_check;
      while (low != last && less(*low, pivot) && until_check > 0);
      if (until_check <= 0) {
        SPG_TRY(check());
        until_check = checked_sort_run;
        if (low != last && less(*low, pivot)) continue;
      }
      do --high, --until_check;
      while (less(pivot, *high));
      if (low >= high) break;
      std::iter_swap(low, high);
    }
    std::iter_swap(first, high);
    // The smaller side by recursion, so that it stays shallow.
    if (high - first < last - (high + 1)) {
      SPG_TRY(checked_sort(first, high, less, check));
      first = high + 1;
    } else {
      SPG_TRY(checked_sort(high + 1, last, less, check));
      last = high;
    }
  }
  std::sort(first, last, less);
  return check();
}

}  // namespace spg
