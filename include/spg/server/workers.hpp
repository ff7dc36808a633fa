// Workers: the threads for statements that are long or must wait for the disk (DESIGN 4). First come, first served.
#pragma once
#include "spg/os/posix/posix.hpp"

namespace spg::server {

/// A piece of work, linked into the queue; must live until it has run.
struct Job {
  void (*run)(Job& self) = nullptr;
  Job* next = nullptr;
};

class Workers {
 public:
  static constexpr unsigned count_max = 64;
  Status start(unsigned count);
  /// Finishes what is queued, then joins. Called by the destructor, too.
  void stop();
  ~Workers() { stop(); }
  void post(Job& job);

 private:
  void work();
  os::StdSync::Mutex mutex_;
  os::StdSync::CondVar ready_;
  Job* first_ = nullptr;
  Job* last_ = nullptr;
  bool stopping_ = false;
  unsigned count_ = 0;
  os::StdSync::Thread threads_[count_max];
};

}  // namespace spg::server
