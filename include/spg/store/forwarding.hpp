// Forwarding: the two addresses of objects that a compaction has moved (store/compaction.inl.hpp).
//
// Versions share objects, so that records of an older version, already out of use but not freed, refer to moved objects by the
// address from before. Immutable once sealed; threads read it freely.
#pragma once
#include <algorithm>

#include "spg/base/array.hpp"

namespace spg::store {

class Forwarding {
 public:
  /// Packed addresses. 53200 when there is no memory.
  Status add(std::uint64_t from, std::uint64_t to) {
    return pairs_.push_back({from, to}) && pairs_.push_back({to, from}) ? ok() : Error::out_of_memory();
  }
  void seal() {
    std::sort(pairs_.begin(), pairs_.end(), [](const Pair& a, const Pair& b) { return a.address < b.address; });
  }
  /// The object's other address; 0 when it has not been moved.
  std::uint64_t other(std::uint64_t address) const {
    const Pair* found = std::lower_bound(pairs_.begin(), pairs_.end(), address, [](const Pair& pair, std::uint64_t key) { return pair.address < key; });
    return found != pairs_.end() && found->address == address ? found->other : 0;
  }
  bool empty() const { return pairs_.empty(); }

 private:
  struct Pair { std::uint64_t address, other; };
  Array<Pair> pairs_;
};

}  // namespace spg::store
