#include "spg/server/workers.hpp"

namespace spg::server {

Status Workers::start(unsigned count) {
  count_ = count > count_max ? count_max : count;
  for (unsigned i = 0; i < count_; ++i)
    SPG_TRY(threads_[i].start([](void* self) { static_cast<Workers*>(self)->work(); }, this));
  return ok();
}

void Workers::stop() {
  {
    policy::LockGuard lock(mutex_);
    stopping_ = true;
    ready_.notify_all();
  }
  for (unsigned i = 0; i < count_; ++i) threads_[i].join();
  count_ = 0;
}

void Workers::post(Job& job) {
  policy::LockGuard lock(mutex_);
  job.next = nullptr;
  (last_ == nullptr ? first_ : last_->next) = &job;
  last_ = &job;
  ready_.notify_all();
}

void Workers::work() {
  for (;;) {
    Job* job;
    {
      policy::LockGuard lock(mutex_);
      while (first_ == nullptr && !stopping_) ready_.wait(mutex_);
      if (first_ == nullptr) return;
      job = first_;
      first_ = job->next;
      if (first_ == nullptr) last_ = nullptr;
    }
    job->run(*job);
  }
}

}  // namespace spg::server
