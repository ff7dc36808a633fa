// Models for machines without an operating system's services: no threads, a fixed arena handed in, a clock that ticks.
#pragma once
#include "spg/policy/policy.hpp"

namespace spg::os {

/// One thread of control: locks are free, waiting is impossible, background work happens in tick().
struct NoSync {
  static constexpr bool has_threads = false;
  struct Mutex {
    void lock() {}
    void unlock() {}
  };
  struct CondVar {
    void wait(Mutex&) {}
    void wait_for(Mutex&, std::uint64_t) {}
    void notify_all() {}
  };
  struct Thread {
    Status start(void (*)(void*), void*) { return Error::make(sqlstate::insufficient_resources, "this build has no threads"); }
    void join() {}
  };
};
static_assert(policy::Sync<NoSync>);

}  // namespace spg::os
