// Checks for what only a bug can break. What a user, a peer or a disk can do is an Error (error.hpp), never an assert.
//
// SPG_ASSERT stays on in release builds and must be cheap; SPG_DCHECK is for debug builds.
#pragma once

namespace spg {
/// Prints the place and aborts.
[[noreturn]] void assertion_failed(const char* what, const char* file, int line) noexcept;
}  // namespace spg

#define SPG_ASSERT(condition) \
  (__builtin_expect(static_cast<bool>(condition), 1) ? static_cast<void>(0) \
                                                     : ::spg::assertion_failed(#condition, __FILE__, __LINE__))
#ifdef NDEBUG
#define SPG_DCHECK(condition) static_cast<void>(0)
#else
#define SPG_DCHECK(condition) SPG_ASSERT(condition)
#endif
