// Lineage: the chain of versions of one database, its turn, and who still reads what (DESIGN 1, 1.2, 1.7).
//
// Versions form a list from the oldest that somebody may read to the tip. `durable` is the newest whose log record is
// synced. A version keeps what its commit put out of use; that is freed once every older version has gone.
// Threads: tip and durable are read by anyone (pin()); publish() under the turn; advance_durable() and reclaim() by the
// flusher (or whoever flushes).
#pragma once
#include <atomic>

#include "spg/policy/policy.hpp"
#include "spg/store/scope.hpp"
#include "spg/txn/control.hpp"

namespace spg::txn {

/// The right to move the tip: one owner, the others first-come.
template <policy::Sync Sync>
class Turn {
 public:
  /// True when the caller owns the turn now; else it is queued and granted() will be called.
  bool acquire(TurnWaiter& waiter) {
    policy::LockGuard lock(mutex_);
    if (waiter.owns) return true;
    if (owner_ == nullptr) {
      owner_ = &waiter;
      waiter.owns = true;
      return true;
    }
    if (!waiter.queued) {
      waiter.queued = true;
      waiter.next = nullptr;
      (last_ == nullptr ? first_ : last_->next) = &waiter;
      last_ = &waiter;
    }
    return false;
  }
  /// Passes the turn on. The next owner's granted() runs in this thread, under the turn's mutex (so that a waiter that has
  /// left by abandon() is never called): it may only leave a message.
  void release(TurnWaiter& waiter) {
    policy::LockGuard lock(mutex_);
    SPG_ASSERT(owner_ == &waiter);
    waiter.owns = false;
    TurnWaiter* next = first_;
    if (next != nullptr) {
      first_ = next->next;
      if (first_ == nullptr) last_ = nullptr;
      next->queued = false;
      next->owns = true;
    }
    owner_ = next;
    if (next != nullptr && next->granted != nullptr) next->granted(*next);
  }
  /// Leaves the queue (or passes the turn on, if it was granted meanwhile).
  void abandon(TurnWaiter& waiter) {
    bool owned;
    {
      policy::LockGuard lock(mutex_);
      owned = waiter.owns;
      if (!owned && waiter.queued) {
        TurnWaiter* before = nullptr;
        for (TurnWaiter** link = &first_; *link != nullptr; before = *link, link = &(*link)->next)
          if (*link == &waiter) {
            *link = waiter.next;
            if (last_ == &waiter) last_ = before;
            break;
          }
        waiter.queued = false;
      }
    }
    if (owned) release(waiter);
  }

 private:
  typename Sync::Mutex mutex_;
  TurnWaiter* owner_ = nullptr;
  TurnWaiter* first_ = nullptr;
  TurnWaiter* last_ = nullptr;
};

template <policy::Alloc Alloc>
struct Version {
  explicit Version(Alloc& alloc) : retired(alloc) {}
  store::Cell* root = nullptr;
  Generation generation{};
  std::uint64_t log_end = 0;                ///< durable once the log is synced up to here
  std::atomic<Version*> newer{nullptr};
  store::CellList<Alloc> retired;           ///< what this version's commit put out of use
};

/// A session's announcement of the version that it reads. One pin per slot.
template <policy::Alloc Alloc>
struct alignas(64) PinSlot {
  std::atomic<Version<Alloc>*> version{nullptr};
  PinSlot* next = nullptr;
};

template <class Objects, policy::Alloc Alloc, policy::Sync Sync>
class Lineage {
 public:
  using VersionOf = Version<Alloc>;
  using Slot = PinSlot<Alloc>;

  Lineage(Objects& objects, DatabaseId id) : objects_(&objects), id_(id) {}
  ~Lineage();
  Lineage(const Lineage&) = delete;
  Lineage& operator=(const Lineage&) = delete;

  /// Sets the first version; it counts as durable. Takes ownership of the root.
  Status start(store::Cell* root, Generation generation, std::uint64_t log_end);
  DatabaseId id() const { return id_; }

  VersionOf* tip() const { return tip_.load(std::memory_order_acquire); }
  VersionOf* durable() const { return durable_.load(std::memory_order_acquire); }
  Turn<Sync>& turn() { return turn_; }

  void open_slot(Slot& slot);
  void close_slot(Slot& slot);
  /// Pins the newest durable version, or the tip when that is older than what the session has seen (`floor`, a log
  /// position). Pairs with reclaim(): announce, re-read, repeat until equal.
  VersionOf* pin(Slot& slot, std::uint64_t floor);
  VersionOf* pin_tip(Slot& slot);
  void unpin(Slot& slot) { slot.version.store(nullptr, std::memory_order_release); }

  /// A version for publish(); null when there is no memory.
  VersionOf* make_version();
  void drop_version(VersionOf* version);
  /// Under the turn: the version becomes the tip.
  void publish(VersionOf* version);
  /// The log is durable up to `position`.
  void advance_durable(std::uint64_t position);
  /// Frees versions that nobody can read any more and what died with them; at most `quota` versions.
  void reclaim(std::size_t quota);

  /// Held while objects are changed in place; a checkpoint seals under it.
  typename Sync::Mutex& apply_mutex() { return apply_mutex_; }

  Lineage* next = nullptr;  ///< the machine's list

 private:
  Objects* objects_;
  DatabaseId id_;
  std::atomic<VersionOf*> tip_{nullptr}, durable_{nullptr};
  VersionOf* oldest_ = nullptr;
  Turn<Sync> turn_;
  typename Sync::Mutex apply_mutex_, slots_mutex_, reclaim_mutex_;
  Slot* slots_ = nullptr;
};

template <class O, policy::Alloc A, policy::Sync S>
Version<A>* Lineage<O, A, S>::make_version() {
  void* memory = objects_->alloc().allocate(sizeof(VersionOf));
  return memory == nullptr ? nullptr : new (memory) VersionOf(objects_->alloc());
}
template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::drop_version(VersionOf* version) {
  version->~VersionOf();
  objects_->alloc().release(version, sizeof(VersionOf));
}

template <class O, policy::Alloc A, policy::Sync S>
Status Lineage<O, A, S>::start(store::Cell* root, Generation generation, std::uint64_t log_end) {
  VersionOf* version = make_version();
  if (version == nullptr) return Error::out_of_memory();
  version->root = root;
  version->generation = generation;
  version->log_end = log_end;
  oldest_ = version;
  tip_.store(version, std::memory_order_release);
  durable_.store(version, std::memory_order_release);
  return ok();
}

template <class O, policy::Alloc A, policy::Sync S>
Lineage<O, A, S>::~Lineage() {
  SPG_ASSERT(slots_ == nullptr);
  if (oldest_ == nullptr) return;
  durable_.store(tip());
  reclaim(SIZE_MAX);
  objects_->free_tree(oldest_->root);
  drop_version(oldest_);
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::open_slot(Slot& slot) {
  policy::LockGuard lock(slots_mutex_);
  slot.next = slots_;
  slots_ = &slot;
}
template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::close_slot(Slot& slot) {
  unpin(slot);
  policy::LockGuard lock(slots_mutex_);
  for (Slot** link = &slots_; *link != nullptr; link = &(*link)->next)
    if (*link == &slot) { *link = slot.next; break; }
}

template <class O, policy::Alloc A, policy::Sync S>
Version<A>* Lineage<O, A, S>::pin(Slot& slot, std::uint64_t floor) {
  for (;;) {
    VersionOf* version = durable_.load(std::memory_order_acquire);
    slot.version.store(version, std::memory_order_seq_cst);
    if (durable_.load(std::memory_order_seq_cst) != version) continue;
    return version->log_end < floor ? pin_tip(slot) : version;  // only a pinned version may be looked into
  }
}
template <class O, policy::Alloc A, policy::Sync S>
Version<A>* Lineage<O, A, S>::pin_tip(Slot& slot) {
  for (;;) {
    VersionOf* version = tip_.load(std::memory_order_acquire);
    slot.version.store(version, std::memory_order_seq_cst);
    if (tip_.load(std::memory_order_seq_cst) == version) return version;
  }
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::publish(VersionOf* version) {
  tip()->newer.store(version, std::memory_order_release);
  tip_.store(version, std::memory_order_seq_cst);
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::advance_durable(std::uint64_t position) {
  VersionOf* version = durable();
  for (;;) {
    VersionOf* newer = version->newer.load(std::memory_order_acquire);
    if (newer == nullptr || newer->log_end > position) break;
    version = newer;
  }
  durable_.store(version, std::memory_order_seq_cst);
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::reclaim(std::size_t quota) {
  policy::LockGuard lock(reclaim_mutex_);
  for (; quota != 0; --quota) {
    VersionOf* version = oldest_;
    if (version == durable_.load(std::memory_order_seq_cst)) return;
    {
      policy::LockGuard slots(slots_mutex_);
      for (Slot* slot = slots_; slot != nullptr; slot = slot->next)
        if (slot->version.load(std::memory_order_seq_cst) == version) return;
    }
    VersionOf* newer = version->newer.load(std::memory_order_acquire);
    newer->retired.each([&](store::Cell* cell, bool whole) { whole ? objects_->free_tree(cell) : objects_->free(cell); });
    newer->retired.clear();
    oldest_ = newer;
    drop_version(version);
  }
}

}  // namespace spg::txn
