// Inbox: how other threads (flusher, workers) hand work to a reactor. Lock-free, and without allocation where the
// sender owns a Post.
//
// A Post is a link that lives inside what it wakes (a parked session, say). It may be posted by any thread; posting one
// that is still queued does nothing, so wake-ups merge. It must stay alive until its `run` has been called.
// Ownership: the Inbox owns nothing. put() from any thread; run_all() from the reactor's thread only.
#pragma once
#include <atomic>
#include <cstddef>

namespace spg::net {

struct Post {
  using Run = void (*)(Post& self);
  explicit Post(Run what) : run(what) {}
  Run run;
  Post* next = nullptr;             ///< the Inbox's
  std::atomic<bool> queued{false};  ///< the Inbox's
};

class Inbox {
 public:
  /// True when the inbox was empty: then the receiver must be woken.
  bool put(Post& post) {
    // acq_rel: what the sender wrote is seen by run(), whether or not this call is the one that queues.
    if (post.queued.exchange(true, std::memory_order_acq_rel)) return false;
    Post* head = head_.load(std::memory_order_relaxed);
    do post.next = head;
    while (!head_.compare_exchange_weak(head, &post, std::memory_order_seq_cst, std::memory_order_relaxed));
    return head == nullptr;
  }
  bool empty() const { return head_.load(std::memory_order_seq_cst) == nullptr; }
  /// Runs what is queued, oldest first; returns how many ran. What is posted meanwhile waits for the next call.
  std::size_t run_all() {
    Post* list = head_.exchange(nullptr, std::memory_order_acquire);
    Post* oldest = nullptr;
    while (list != nullptr) {
      Post* next = list->next;
      list->next = oldest;
      oldest = list;
      list = next;
    }
    std::size_t count = 0;
    while (oldest != nullptr) {
      Post* post = oldest;
      oldest = post->next;  // before it may be queued again, or be gone
      post->queued.exchange(false, std::memory_order_acq_rel);
      post->run(*post);
      ++count;
    }
    return count;
  }

 private:
  std::atomic<Post*> head_{nullptr};
};

}  // namespace spg::net
