// The object store over the simulator's policies, for tests of the rooms above it.
#pragma once
#include "spg/os/sim/sim.hpp"
#include "spg/store/objects.inl.hpp"
#include "spg/store/scope.inl.hpp"

namespace spg::test {

using Objects = store::Objects<os::SimAlloc, os::NoSync, os::SimRandom>;
using Scope = store::BasicScope<Objects, os::SimAlloc>;

struct ObjectsFixture {
  os::SimAlloc alloc;
  os::SimRandom random;
  Objects objects{alloc, random};
  std::uint64_t generation = 1;
  Scope scope() { return Scope(objects, Generation{++generation}); }
  /// Commits: nobody holds older versions, so what was retired goes at once.
  void commit(Scope& done) {
    auto retired = done.take_retired();
    retired.each([&](store::Cell* cell, bool whole) { whole ? objects.free_tree(cell, store::Access::no_wait) : objects.free(cell); });
  }
};

}  // namespace spg::test
