// What runs beside the sessions: flusher, checkpointer, evictor; and how one waits for what they do.
#pragma once
#include <algorithm>

#include "spg/txn/machine.hpp"

namespace spg::txn {

template <policy::Env E>
void Machine<E>::tell_waiters() {
  if (waiting_.load() != 0) {
    policy::LockGuard lock(wake_mutex_);
    durable_moved_.notify_all();
  }
  if (listener_ != nullptr) listener_->durable_moved();
}

template <policy::Env E>
Status Machine<E>::flush_log() {
  Status failed;
  {
    policy::LockGuard alone(flush_mutex_);
    failed = log_.flush();
    { policy::LockGuard all_are_published(publish_mutex_); }
    const std::uint64_t durable = log_.durable();
    for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr && !failed; lineage = lineage->next)
      lineage->advance_durable(durable);
    if (!failed) visible_durable_.store(durable, std::memory_order_seq_cst);
  }
  // Whoever flushes tells those who wait: the flusher is not the only one (a checkpoint flushes, too).
  tell_waiters();
  if (!failed) write_audit();
  if (copies_.has_tee()) wake_shipper_.notify_all();
  if (!failed) reclaim_some();  // after the replies
  return failed;
}

/// What a large commit has put out of use is too much for the flusher, whom the next commits wait for.
template <policy::Env E>
void Machine<E>::reclaim_some() {
  constexpr std::size_t objects_max = 1024;
  const bool alone = !background_.load(std::memory_order_relaxed);
  const std::int64_t from = history_from();
  bool more = false;
  for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr; lineage = lineage->next)
    if (alone || !reclaiming_.load(std::memory_order_acquire)) more = lineage->reclaim(alone ? SIZE_MAX : objects_max, from) || more;
  if (more && !reclaiming_.exchange(true)) {
    policy::LockGuard lock(wake_mutex_);
    wake_checkpointer_.notify_all();
  }
}

template <policy::Env E>
Status Machine<E>::wait_durable(std::uint64_t position) {
  if (is_durable(position)) return ok();
  if (!background_.load(std::memory_order_acquire)) {
    (void)flush();
  } else {
    waiting_.fetch_add(1);
    {
      policy::LockGuard lock(wake_mutex_);
      while (!is_durable(position) && !log_.is_lost(position) && !log_.is_broken() && !stopping_.load()) durable_moved_.wait(wake_mutex_);
    }
    waiting_.fetch_sub(1);
  }
  if (log_.is_lost(position)) return lost_error();
  return is_durable(position) ? ok() : Error::make(sqlstate::transaction_resolution_unknown, "the outcome of the transaction is unknown: ", log_.broken_error().message());
}

template <policy::Env E>
std::unique_ptr<Lock> Machine<E>::make_lock() {
  struct Held final : Lock {
    void lock() override { mutex.lock(); }
    void unlock() override { mutex.unlock(); }
    typename Sync::Mutex mutex;
  };
  return std::unique_ptr<Lock>(new (std::nothrow) Held);
}

template <policy::Env E>
std::unique_ptr<Event> Machine<E>::make_event() {
  struct Waited final : Event {
    void set() override {
      policy::LockGuard lock(mutex);
      is_set = true;
      changed.notify_all();
    }
    bool wait(std::uint64_t at_most_ns) override {
      policy::LockGuard lock(mutex);
      if (!Sync::has_threads) return std::exchange(is_set, false);
      // Woken early, the caller looks and waits again.
      if (!is_set) changed.wait_for(mutex, std::min<std::uint64_t>(at_most_ns, 1'000'000'000));
      is_set = false;
      return true;
    }
    typename Sync::Mutex mutex;
    typename Sync::CondVar changed;
    bool is_set = false;
  };
  return std::unique_ptr<Event>(new (std::nothrow) Waited);
}

template <policy::Env E>
void Machine<E>::kick_flusher() {
  if (!flusher_idle_.load(std::memory_order_seq_cst) || !flusher_idle_.exchange(false, std::memory_order_seq_cst)) return;
  { policy::LockGuard until_it_sleeps(wake_mutex_); }
  wake_flusher_.notify_all();
}

template <policy::Env E>
void Machine<E>::run_flusher() {
  while (true) {
    bool is_idle = false;
    {
      policy::LockGuard lock(wake_mutex_);
      for (;;) {
        flusher_idle_.store(true, std::memory_order_seq_cst);
        if (log_.has_unflushed() || stopping_.load()) break;
        if (is_idle && (log_.wants_mark() || options_.history_seconds != 0)) break;
        wake_flusher_.wait_for(wake_mutex_, 1'000'000'000);
        is_idle = true;
      }
      flusher_idle_.store(false, std::memory_order_seq_cst);
      if (!log_.has_unflushed() && stopping_.load()) return;
    }
    // Nobody has committed for a while: what is durable is said to be.
    if (is_idle && log_.wants_mark()) (void)log_.append_mark();
    else if (is_idle) { reclaim_some(); continue; }  // history goes with time
    if (flush().failed() && log_.is_broken()) return;
    if (wants_checkpoint()) {
      policy::LockGuard lock(wake_mutex_);
      wake_checkpointer_.notify_all();
    }
  }
}

template <policy::Env E>
void Machine<E>::run_checkpointer() {
  while (true) {
    {
      policy::LockGuard lock(wake_mutex_);
      while (!stopping_.load() && !wants_checkpoint() && !reclaiming_.load() && !backup_wanted_.load()) wake_checkpointer_.wait_for(wake_mutex_, 10'000'000'000u);
      if (stopping_.load()) return;
    }
    pass_gate();
    if (reclaiming_.load()) {
      for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr; lineage = lineage->next) (void)lineage->reclaim(SIZE_MAX, history_from());
      reclaiming_.store(false, std::memory_order_release);
    }
    if (backup_wanted_.load()) serve_backups();
    if (wants_checkpoint() && checkpoint().failed()) checkpoint_position_.store(log_.position());  // try again after as much log
  }
}

template <policy::Env E>
void Machine<E>::run_evictor() {
  for (;;) {
    // A byte in a nanosecond is as fast as it may fill.
    const std::size_t held = objects_.alloc().held_bytes(), left = options_.hot_tier_bytes - std::min(held, options_.hot_tier_bytes);
    {
      policy::LockGuard lock(wake_mutex_);
      if (!stopping_.load()) wake_evictor_.wait_for(wake_mutex_, std::clamp<std::uint64_t>(left, 1'000'000, 1'000'000'000));
      if (stopping_.load()) return;
    }
    keep_budget();
    if (!is_short_of_memory()) room_.notify_all();
  }
}

template <policy::Env E>
Status Machine<E>::start_background(DurableListener* listener) {
  if (!Sync::has_threads || options_.ephemeral || options_.read_only) return ok();
  listener_ = listener;
  stopping_ = false;
  SPG_TRY(flusher_.start([](void* self) { static_cast<Machine*>(self)->run_flusher(); }, this));
  background_.store(true, std::memory_order_release);
  if (copies_.is_wanted()) SPG_TRY(shipper_.start([](void* self) { static_cast<Machine*>(self)->run_shipper(); }, this));
  if (options_.hot_tier_bytes != SIZE_MAX) SPG_TRY(evictor_.start([](void* self) { static_cast<Machine*>(self)->run_evictor(); }, this));
  if (audit_ != nullptr) SPG_TRY(auditor_.start([](void* self) { static_cast<Machine*>(self)->run_auditor(); }, this));
  return checkpointer_.start([](void* self) { static_cast<Machine*>(self)->run_checkpointer(); }, this);
}

template <policy::Env E>
void Machine<E>::stop_background() {
  if (!background_.load()) return;
  {
    policy::LockGuard lock(wake_mutex_);
    stopping_.store(true);
    wake_flusher_.notify_all();
    wake_checkpointer_.notify_all();
    wake_evictor_.notify_all();
    wake_auditor_.notify_all();
    wake_shipper_.notify_all();
    durable_moved_.notify_all();
  }
  flusher_.join();
  checkpointer_.join();
  evictor_.join();
  auditor_.join();
  shipper_.join();
  background_.store(false);
  write_audit();  // of the flusher's last
  listener_ = nullptr;  // it may go now, though flush() can still be called
}

template <policy::Env E>
MachineFacts Machine<E>::facts() {
  MachineFacts facts;
  Alloc& alloc = objects_.alloc();
  facts.memory_used_bytes = alloc.used_bytes();
  facts.memory_held_bytes = alloc.held_bytes();
  facts.memory_budget_bytes = options_.hot_tier_bytes;
  facts.objects = objects_.live_objects();
  facts.evictions = objects_.evictions();
  facts.cold_loads = objects_.cold_loads();
  Array<store::SegmentInfo> segments;
  if (!options_.ephemeral && !segments_.list(segments).failed()) {
    facts.segments = segments.size();
    for (const store::SegmentInfo& one : segments) {
      facts.segment_bytes += one.bytes;
      facts.segment_live_bytes += one.live_bytes;
    }
  }
  facts.log_position = log_end(false).counter;
  facts.log_durable = log_end(true).counter;
  facts.log_checkpoint = checkpoint_position_.load(std::memory_order_relaxed);
  facts.checkpoints = checkpoints_.load(std::memory_order_relaxed);
  facts.compacted_segments = compacted_segments_.load(std::memory_order_relaxed);
  facts.commits = commits_.load(std::memory_order_relaxed);
  return facts;
}

template <policy::Env E>
Status Machine<E>::tick() {
  if (log_.has_unflushed()) SPG_TRY(flush());
  else if (options_.history_seconds != 0) reclaim_some();
  keep_budget();
  ship();
  return wants_checkpoint() ? checkpoint() : ok();
}

}  // namespace spg::txn
