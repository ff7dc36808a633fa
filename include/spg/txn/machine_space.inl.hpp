// What memory and disk space a machine keeps, and what it gives back: the budget of memory, and what waits until no version
// needs it any more.
#pragma once
#include "spg/txn/machine.hpp"

namespace spg::txn {

/// A gate that passes once only the versions that are pinned now, or newer ones, are left.
template <policy::Env E>
bool Machine<E>::has_passed(const Gate& gate) const {
  for (const auto& [lineage, generation] : gate)
    if (raw(lineage->oldest_generation()) < raw(generation)) return false;
  return true;
}

/// Objects of segments that the gate stands behind have one parent: those that shared them have been freed.
template <policy::Env E>
void Machine<E>::settle_segments() {
  policy::LockGuard lock(settling_mutex_);
  if (settling_segment_ == 0 || !has_passed(settling_)) return;
  objects_.settle(settling_segment_);
  settling_segment_ = 0;
}

template <policy::Env E>
void Machine<E>::settle_once_passed(std::uint32_t segment, Gate gate) {
  policy::LockGuard lock(settling_mutex_);
  settling_ = std::move(gate);
  settling_segment_ = segment;
}

/// A step of keeping the budget: what must go, goes. Objects that are not on disk yet cannot: a checkpoint is asked for.
template <policy::Env E>
void Machine<E>::keep_budget() {
  settle_segments();
  auto& alloc = objects_.alloc();
  const std::size_t budget = options_.hot_tier_bytes, used = alloc.used_bytes();
  if (used <= budget - budget / 8) {
    // Pieces that went lay here and there, and others of their size did not come: whole extents must go.
    const std::size_t held = alloc.held_bytes();
    if (held > budget && alloc.mark_sparse(held - (budget - budget / 16)) != 0) objects_.evict_sparse();
    return;
  }
  if (used <= budget) return objects_.age();  // so that it is known what has been read lately
  const std::size_t freed = objects_.evict(used - (budget - budget / 16));
  if (used - std::min(freed, used) <= budget || unsaved_log_bytes() < budget / 16 || is_pressed_.exchange(true)) return;
  policy::LockGuard lock(wake_mutex_);
  wake_checkpointer_.notify_all();
}

}  // namespace spg::txn
