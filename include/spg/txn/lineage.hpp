// Lineage: the chain of versions of one database, its turn, and who still reads what (DESIGN 1, 1.2, 1.7).
//
// Versions form a list from the oldest that somebody may read to the tip. `durable` is the newest whose log record is
// synced. A version keeps what its commit put out of use; that is freed once every older version has gone.
// Where history is wanted, versions leave that list for another one, and objects that died later wait with the newest version
// there that reads them (lineage_history.inl.hpp; ZFS's dead lists).
// Threads: tip and durable are read by anyone (pin()); publish() under the turn; advance_durable() and reclaim() by the
// flusher (or whoever flushes).
#pragma once
#include <atomic>

#include "spg/base/array.hpp"
#include "spg/base/cpu.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/policy/policy.hpp"
#include "spg/store/scope.hpp"
#include "spg/txn/control.hpp"

namespace spg::txn {

/// The right to move the tip. Whoever finds it free takes it: it is held for microseconds, and to keep it for a waiter
/// whose thread must first wake up would let it lie idle most of the time. So a release only tells the first waiter to try
/// again; one that has missed it `patience` times is kept it for.
template <policy::Sync Sync>
class Turn {
 public:
  /// True when the caller owns the turn now; else it is queued and will be told by granted().
  bool acquire(TurnWaiter& waiter) {
    if (waiter.owns) return true;
    for (unsigned tries = 0; tries < spins; ++tries, cpu_relax())
      if (take(waiter)) { leave_queue(waiter); return true; }
    policy::LockGuard lock(mutex_);
    if (!waiter.queued) {
      waiter.queued = true;
      waiter.misses = 0;
      waiter.next = nullptr;
      (last_ == nullptr ? first_ : last_->next) = &waiter;
      last_ = &waiter;
      waiting_.fetch_add(1, std::memory_order_seq_cst);
    } else if (++waiter.misses == patience && reserved_.load(std::memory_order_relaxed) == nullptr) {
      reserved_.store(&waiter, std::memory_order_relaxed);
    }
    // Pairs with release(): it sees the waiter, or the waiter sees that the turn is free.
    if (!take(waiter)) return false;
    unlink(waiter);
    return true;
  }
  void release(TurnWaiter& waiter) {
    SPG_ASSERT(owner_.load(std::memory_order_relaxed) == &waiter);
    waiter.owns = false;
    owner_.store(nullptr, std::memory_order_seq_cst);
    if (waiting_.load(std::memory_order_seq_cst) != 0) wake_next();
  }
  /// Leaves the queue, and gives the turn back if it has it.
  void abandon(TurnWaiter& waiter) {
    if (waiter.owns) return release(waiter);
    leave_queue(waiter);
    if (owner_.load(std::memory_order_seq_cst) == nullptr && waiting_.load(std::memory_order_seq_cst) != 0) wake_next();
  }

 private:
  /// Some microseconds: what a short statement needs.
  static constexpr unsigned spins = Sync::has_threads ? 200 : 1;
  static constexpr unsigned patience = 16;

  bool take(TurnWaiter& waiter) {
    TurnWaiter* const reserved = reserved_.load(std::memory_order_relaxed);
    if (reserved != nullptr && reserved != &waiter) return false;
    TurnWaiter* nobody = nullptr;
    if (owner_.load(std::memory_order_relaxed) != nullptr || !owner_.compare_exchange_strong(nobody, &waiter, std::memory_order_seq_cst)) return false;
    waiter.owns = true;
    return true;
  }
  void leave_queue(TurnWaiter& waiter) {
    if (!waiter.queued) return;
    policy::LockGuard lock(mutex_);
    unlink(waiter);
  }
  /// Requires: under the mutex.
  void unlink(TurnWaiter& waiter) {
    if (!waiter.queued) return;
    TurnWaiter* before = nullptr;
    TurnWaiter** link = &first_;
    for (; *link != &waiter; link = &(*link)->next) before = *link;
    *link = waiter.next;
    if (last_ == &waiter) last_ = before;
    waiter.queued = false;
    waiting_.fetch_sub(1, std::memory_order_seq_cst);
    if (reserved_.load(std::memory_order_relaxed) == &waiter) reserved_.store(nullptr, std::memory_order_relaxed);
  }
  /// granted() runs in this thread, under the mutex (so that a waiter that has left is never called): it may only leave a
  /// message.
  void wake_next() {
    policy::LockGuard lock(mutex_);
    TurnWaiter* const reserved = reserved_.load(std::memory_order_relaxed);
    TurnWaiter* const next = reserved != nullptr ? reserved : first_;
    if (next != nullptr && next->granted != nullptr) next->granted(*next);
  }

  typename Sync::Mutex mutex_;
  std::atomic<TurnWaiter*> owner_{nullptr}, reserved_{nullptr};
  std::atomic<std::uint32_t> waiting_{0};
  TurnWaiter* first_ = nullptr;
  TurnWaiter* last_ = nullptr;
};

template <policy::Alloc Alloc>
struct Version {
  explicit Version(Alloc& alloc) : fresh(alloc), retired(alloc), dead(alloc) {}
  store::Cell* root = nullptr;
  Generation generation{};
  std::uint64_t log_end = 0;                ///< durable once the log is synced up to here
  std::int64_t time_us = INT64_MIN;         ///< of the commit, since 1970; never before an older version's
  std::atomic<Version*> newer{nullptr};
  store::CellList<Alloc> fresh;             ///< what this version's commit made; kept until it is durable
  store::CellList<Alloc> retired;           ///< what this version's commit put out of use
  /// The commit's write set, for those who bring work on an older version up to date; absent when too much was kept.
  RecordBuffer changes;
  bool has_changes = false;
  // Of versions that nobody need have pinned any more: whether this one is kept as history or is being given up.
  enum class Fate : std::uint8_t { open, history, going };
  bool is_lost = false;                     ///< it never became durable, and what it wrote is undone
  Fate fate = Fate::open;
  Version* older_history = nullptr;
  Version* newer_history = nullptr;
  store::CellList<Alloc> dead;              ///< of history: what it reads, but no younger version does
};

/// What of the past can be read. Times in microseconds since 1970.
constexpr std::int64_t no_history = INT64_MAX;

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
  Status start(store::Cell* root, Generation generation, std::uint64_t log_end, std::int64_t time_us);
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
  /// Copies the write set into a version that is about to be published, unless old versions keep too much already.
  void keep_changes(VersionOf& version, Bytes changes);
  /// Under the turn: the version becomes the tip.
  void publish(VersionOf* version);

  /// Numbers that transactions draw before they commit. They are never handed out twice; `least` is what the drawer's
  /// version would give.
  std::uint64_t draw_table(std::uint64_t least) { return draw(next_table_, least, 1); }
  std::uint64_t draw_index(std::uint64_t least) { return draw(next_index_, least, 1); }
  /// The first of `count` rowids of a table. UINT64_MAX when there is no memory.
  std::uint64_t draw_rowids(TableId table, std::uint64_t least, std::uint32_t count);
  void forget_table(TableId table);
  /// The log is durable up to `position`.
  void advance_durable(std::uint64_t position);
  /// What has been published since the durable version is lost: `made` becomes the tip, which is as the durable version was,
  /// and takes over what must be freed. Under the turn, while nobody moves durable.
  void fall_back(VersionOf* made);
  /// Frees versions that nobody can read any more and what died with them: some `most` objects. True when there is more.
  /// What was the newest version at some time behind `history_from` is kept to be read by time: all versions while few are made,
  /// one a second otherwise.
  bool reclaim(std::size_t most = SIZE_MAX, std::int64_t history_from = no_history);
  /// Pins the newest version that was committed at the time or before. Null when it is not kept any more.
  VersionOf* pin_at(Slot& slot, std::int64_t time_us);
  /// Until it is undone, no version leaves either list: for whoever walks over history.
  void freeze(bool on);
  template <class Visit>  // visit(const VersionOf&) -> Status. Requires: frozen.
  Status each_in_history(Visit visit) const {
    for (const VersionOf* one = oldest_history_; one != nullptr; one = one->newer_history) SPG_TRY(visit(*one));
    return ok();
  }

  /// Of the oldest version that is left: what older ones alone could see has been freed.
  Generation oldest_generation() const { return Generation{oldest_generation_.load(std::memory_order_acquire)}; }

  /// Held while objects are changed in place; a checkpoint seals under it.
  typename Sync::Mutex& apply_mutex() { return apply_mutex_; }

  Lineage* next = nullptr;  ///< the machine's list

 private:
  Objects* objects_;
  DatabaseId id_;
  std::atomic<VersionOf*> tip_{nullptr}, durable_{nullptr};
  VersionOf* oldest_ = nullptr;             ///< but for history
  VersionOf* newest_history_ = nullptr;
  VersionOf* oldest_history_ = nullptr;
  std::int64_t history_second_ = INT64_MIN; ///< in which the newest of them was committed
  std::uint32_t history_in_second_ = 0;
  std::uint32_t frozen_ = 0;
  std::atomic<std::uint64_t> oldest_generation_{0};
  Turn<Sync> turn_;
  typename Sync::Mutex apply_mutex_, slots_mutex_, reclaim_mutex_, numbers_mutex_;
  Slot* slots_ = nullptr;
  static constexpr std::size_t kept_bytes_max = 64 << 20, kept_commit_bytes_max = 256 << 10;
  std::atomic<std::size_t> kept_bytes_{0};

  static constexpr std::uint32_t history_per_second_max = 100;
  bool is_pinned(const VersionOf* version);
  void set_oldest_generation();
  bool is_history(const VersionOf& version, const VersionOf& newer, std::int64_t history_from) const;
  bool give_up(VersionOf& newer, std::size_t& most);
  void become_history(VersionOf* version);
  bool forget_history(std::size_t& most, std::int64_t history_from);

  struct NextRow { TableId table; std::uint64_t rowid; };
  std::uint64_t draw(std::uint64_t& counter, std::uint64_t least, std::uint32_t count) {
    policy::LockGuard lock(numbers_mutex_);
    if (counter < least) counter = least;
    counter += count;
    return counter - count;
  }
  std::uint64_t next_table_ = 0, next_index_ = 0;
  Array<NextRow> next_rows_;  ///< sorted by table: of those that were written to
};

template <class O, policy::Alloc A, policy::Sync S>
std::uint64_t Lineage<O, A, S>::draw_rowids(TableId table, std::uint64_t least, std::uint32_t count) {
  policy::LockGuard lock(numbers_mutex_);
  std::size_t at = 0, end = next_rows_.size();
  while (at < end) {
    const std::size_t middle = (at + end) / 2;
    if (raw(next_rows_[middle].table) < raw(table)) at = middle + 1; else end = middle;
  }
  if (at == next_rows_.size() || next_rows_[at].table != table) {
    if (!next_rows_.push_back({table, least})) return UINT64_MAX;
    for (std::size_t i = next_rows_.size() - 1; i > at; --i) std::swap(next_rows_[i], next_rows_[i - 1]);
  }
  NextRow& counter = next_rows_[at];
  if (counter.rowid < least) counter.rowid = least;
  counter.rowid += count;
  return counter.rowid - count;
}
template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::forget_table(TableId table) {
  policy::LockGuard lock(numbers_mutex_);
  for (std::size_t i = 0; i < next_rows_.size(); ++i)
    if (next_rows_[i].table == table) { next_rows_.erase(i); return; }
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::keep_changes(VersionOf& version, Bytes changes) {
  if (changes.size() > kept_commit_bytes_max || kept_bytes_.load(std::memory_order_relaxed) > kept_bytes_max || !version.changes.add(changes)) return;
  version.has_changes = true;
  kept_bytes_.fetch_add(changes.size(), std::memory_order_relaxed);
}

template <class O, policy::Alloc A, policy::Sync S>
Version<A>* Lineage<O, A, S>::make_version() {
  void* memory = objects_->alloc().allocate(sizeof(VersionOf));
  return memory == nullptr ? nullptr : new (memory) VersionOf(objects_->alloc());
}
template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::drop_version(VersionOf* version) {
  if (version->has_changes) kept_bytes_.fetch_sub(version->changes.size(), std::memory_order_relaxed);
  version->~VersionOf();
  objects_->alloc().release(version, sizeof(VersionOf));
}

template <class O, policy::Alloc A, policy::Sync S>
Status Lineage<O, A, S>::start(store::Cell* root, Generation generation, std::uint64_t log_end, std::int64_t time_us) {
  VersionOf* version = make_version();
  if (version == nullptr) return Error::out_of_memory();
  version->root = root;
  version->generation = generation;
  version->log_end = log_end;
  version->time_us = time_us;
  oldest_ = version;
  oldest_generation_.store(raw(generation), std::memory_order_release);
  tip_.store(version, std::memory_order_release);
  durable_.store(version, std::memory_order_release);
  return ok();
}

template <class O, policy::Alloc A, policy::Sync S>
Lineage<O, A, S>::~Lineage() {
  SPG_ASSERT(slots_ == nullptr);
  if (oldest_ == nullptr) return;
  durable_.store(tip());
  (void)reclaim();
  objects_->free_tree(oldest_->root, store::Access::no_wait);
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
    version->fresh.clear();
  }
  durable_.store(version, std::memory_order_seq_cst);
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::fall_back(VersionOf* made) {
  policy::LockGuard lock(reclaim_mutex_);
  VersionOf* const before = durable();
  made->root = before->root;
  made->generation = before->generation;
  made->log_end = before->log_end;
  made->time_us = before->time_us;
  // What the lost versions put out of use is in use again, or made by one of them.
  for (VersionOf* lost = before->newer.load(); lost != nullptr; lost = lost->newer.load()) {
    lost->is_lost = true;
    made->time_us = lost->time_us;
    lost->retired.clear();
    made->retired.splice(lost->fresh);
  }
  publish(made);
  durable_.store(made, std::memory_order_seq_cst);
}

}  // namespace spg::txn

#include "spg/txn/lineage_history.inl.hpp"
