// Which versions of a lineage go, which stay to be read by their time, and what is freed with those that go.
//
// Versions that no session reads leave the list of young ones at its old end. One that is history then stands in a list of its
// own. An object that dies when its successor takes over is freed, unless the newest version of history reads it: then it waits
// in that version's `dead`. History goes at its old end, and what waits there goes with it: no older version reads it.
#pragma once
#include "spg/txn/lineage.hpp"

namespace spg::txn {

template <class O, policy::Alloc A, policy::Sync S>
bool Lineage<O, A, S>::is_pinned(const VersionOf* version) {
  policy::LockGuard lock(slots_mutex_);
  for (const Slot* slot = slots_; slot != nullptr; slot = slot->next)
    if (slot->version.load(std::memory_order_seq_cst) == version) return true;
  return false;
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::set_oldest_generation() {
  oldest_generation_.store(raw((oldest_history_ != nullptr ? oldest_history_ : oldest_)->generation), std::memory_order_release);
}

/// A version answers for the time until its successor was committed.
template <class O, policy::Alloc A, policy::Sync S>
bool Lineage<O, A, S>::is_history(const VersionOf& version, const VersionOf& newer, std::int64_t history_from) const {
  if (newer.time_us <= history_from || history_from == no_history || newer.time_us == version.time_us || version.time_us == INT64_MIN || version.is_lost) return false;
  constexpr std::int64_t second_us = 1'000'000;
  const std::int64_t second = version.time_us / second_us;
  return second != history_second_ || history_in_second_ < history_per_second_max || newer.time_us / second_us != second;
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::become_history(VersionOf* version) {
  const std::int64_t second = version->time_us / 1'000'000;
  history_in_second_ = second == history_second_ ? history_in_second_ + 1 : 1;
  history_second_ = second;
  version->older_history = newest_history_;
  (newest_history_ != nullptr ? newest_history_->newer_history : oldest_history_) = version;
  newest_history_ = version;
}

/// Frees what died when `newer` became the tip, or leaves it with the history that reads it. False when some is left.
template <class O, policy::Alloc A, policy::Sync S>
bool Lineage<O, A, S>::give_up(VersionOf& newer, std::size_t& most) {
  return newer.retired.drain([&](store::Cell* cell, bool whole) {
    if (most == 0 || (whole && most != SIZE_MAX)) return false;  // nobody knows how large a tree is
    if (newest_history_ != nullptr && (whole || raw(cell->birth) <= raw(newest_history_->generation))) {
      if (newest_history_->dead.push(cell, whole).failed()) return false;
      if (!whole) objects_->outlive(cell);
    } else {
      whole ? objects_->free_tree(cell, store::Access::wait) : objects_->free(cell);
    }
    if (most != SIZE_MAX) --most;
    return true;
  });
}

template <class O, policy::Alloc A, policy::Sync S>
bool Lineage<O, A, S>::reclaim(std::size_t most, std::int64_t history_from) {
  policy::LockGuard lock(reclaim_mutex_);
  if (frozen_ != 0) return false;
  for (;;) {
    VersionOf* version = oldest_;
    if (version == durable_.load(std::memory_order_seq_cst)) return forget_history(most, history_from);
    VersionOf* newer = version->newer.load(std::memory_order_acquire);
    if (version->fate == VersionOf::Fate::open) {
      // Somebody who reads it may need the changes of those behind it, too: it stays where it is.
      if (is_pinned(version)) return forget_history(most, history_from);
      version->fate = is_history(*version, *newer, history_from) ? VersionOf::Fate::history : VersionOf::Fate::going;
      if (version->fate == VersionOf::Fate::history) become_history(version);
    }
    if (!give_up(*newer, most)) return true;
    // Whoever needs a version's changes has pinned one before it.
    kept_bytes_.fetch_sub(newer->has_changes ? newer->changes.size() : 0, std::memory_order_relaxed);
    newer->has_changes = false;
    newer->changes.shrink(0);
    oldest_ = newer;
    if (version->fate == VersionOf::Fate::going) drop_version(version);
    set_oldest_generation();
  }
}

/// True when there is more to be forgotten.
template <class O, policy::Alloc A, policy::Sync S>
bool Lineage<O, A, S>::forget_history(std::size_t& most, std::int64_t history_from) {
  while (oldest_history_ != nullptr) {
    VersionOf* version = oldest_history_;
    VersionOf* newer = version->newer_history;
    const std::int64_t until_us = (newer != nullptr ? newer : oldest_)->time_us;
    // The newest one may still be handed what dies.
    if (version == oldest_ || until_us > history_from || is_pinned(version)) return false;
    const bool all = version->dead.drain([&](store::Cell* cell, bool whole) {
      if (most == 0 || (whole && most != SIZE_MAX)) return false;
      if (most != SIZE_MAX) --most;
      whole ? objects_->free_tree(cell, store::Access::wait) : objects_->free(cell);
      return true;
    });
    if (!all) return true;
    oldest_history_ = newer;
    (newer != nullptr ? newer->older_history : newest_history_) = nullptr;
    drop_version(version);
    set_oldest_generation();
  }
  return false;
}

template <class O, policy::Alloc A, policy::Sync S>
Version<A>* Lineage<O, A, S>::pin_at(Slot& slot, std::int64_t time_us) {
  policy::LockGuard lock(reclaim_mutex_);
  VersionOf* found = nullptr;
  for (VersionOf* one = oldest_; one != nullptr && one->time_us <= time_us; one = one->newer.load(std::memory_order_acquire))
    if (one->fate != VersionOf::Fate::going && !one->is_lost && one->time_us != INT64_MIN) found = one;
  for (VersionOf* one = newest_history_; one != nullptr && found == nullptr; one = one->older_history)
    if (one->time_us <= time_us) found = one;
  slot.version.store(found, std::memory_order_seq_cst);
  return found;
}

template <class O, policy::Alloc A, policy::Sync S>
void Lineage<O, A, S>::freeze(bool on) {
  policy::LockGuard lock(reclaim_mutex_);
  frozen_ += on ? 1u : -1u;
}

}  // namespace spg::txn
