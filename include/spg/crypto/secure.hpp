// Comparing and forgetting secrets. Any thread; nothing is owned.
#pragma once
#include "spg/base/bytes.hpp"

namespace spg::crypto {

/// Compares in time that depends on the lengths only. Different lengths are unequal.
bool equal_constant_time(Bytes a, Bytes b);

/// Overwrites a secret; the compiler may not leave this out.
void wipe(MutableBytes secret);

}  // namespace spg::crypto
