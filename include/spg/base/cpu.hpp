// What the processor is told in a loop that waits for another one.
#pragma once

namespace spg {

/// Lets the other hardware thread run, and leaves the loop without a penalty.
inline void cpu_relax() {
#if defined(__x86_64__) || defined(__i386__)
  __builtin_ia32_pause();
#elif defined(__aarch64__)
  asm volatile("yield");
#endif
}

}  // namespace spg
