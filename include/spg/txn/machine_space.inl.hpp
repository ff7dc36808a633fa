// What memory and disk space a machine keeps, and what it gives back: the budget of memory, and what waits until no version
// needs it any more.
#pragma once
#include <algorithm>

#include "spg/txn/machine.hpp"

namespace spg::txn {

/// A gate that passes once only the versions that are pinned now, or newer ones, are left.
template <policy::Env E>
bool Machine<E>::has_passed(const Gate& gate) const {
  for (const auto& [lineage, generation] : gate)
    if (raw(lineage->oldest_generation()) < raw(generation)) return false;
  return true;
}

template <policy::Env E>
bool Machine<E>::is_waiting() const {
  policy::LockGuard lock(gate_mutex_);
  return is_waiting_;
}

/// Whether older versions, or a backup, may read from a segment that the manifest does not name any more.
template <policy::Env E>
bool Machine<E>::is_kept(std::uint32_t segment) const {
  policy::LockGuard lock(gate_mutex_);
  if (is_pinned(segment)) return true;
  return is_waiting_ && std::find(at_gate_.segments.begin(), at_gate_.segments.end(), segment) != at_gate_.segments.end();
}

/// One checkpoint at a time waits. Who finds another waiting gives nothing back itself: the next one will.
template <policy::Env E>
void Machine<E>::wait_for_gate(Waiting waiting) {
  policy::LockGuard lock(gate_mutex_);
  if (std::exchange(is_waiting_, true)) return;
  at_gate_ = std::move(waiting);
}

template <policy::Env E>
void Machine<E>::pass_gate() {
  policy::LockGuard lock(gate_mutex_);
  if (!is_waiting_ || !has_passed(at_gate_.gate)) return;
  objects_.settle(at_gate_.settling);
  objects_.end_forwarding();
  const store::DatabasePaths paths(options_.database_path);
  for (std::uint32_t segment : at_gate_.segments) {
    segments_.forget(segment);
    if (keeps_manifests() || is_pinned(segment)) continue;  // an older one may name it, or a backup: the next checkpoint looks at them
    char name[512];
    paths.segment_name(name, segment);
    (void)storage_->remove(std::string_view(name));
  }
  is_waiting_ = false;
}

template <policy::Env E>
Status Machine<E>::spill(ChangeList<Storage>& changes) {
  const store::DatabasePaths paths(options_.database_path);
  return changes.spill(*storage_, [&](char (&name)[512]) { paths.scratch_name(name, scratch_number_.fetch_add(1) + 1); });
}

template <policy::Env E>
Result<std::uint32_t> Machine<E>::spill(store::Cell* root, Generation from, Generation unseen_from) {
  policy::LockGuard alone(checkpoint_mutex_);
  return segments_.spill(root, from, unseen_from);
}

template <policy::Env E>
void Machine<E>::discard_spilled(std::span<const std::uint32_t> segments) {
  const store::DatabasePaths paths(options_.database_path);
  for (std::uint32_t segment : segments) {
    segments_.discard(segment);
    char name[512];
    paths.segment_name(name, segment);
    (void)storage_->remove(std::string_view(name));
  }
}

/// What transactions had written of their records when the process ended.
template <policy::Env E>
void Machine<E>::remove_scratch_files() {
  const store::DatabasePaths paths(options_.database_path);
  Array<std::uint32_t> numbers;
  (void)storage_->list(std::string_view(paths.directory), [&](std::string_view name) {
    if (name.starts_with("scratch-")) (void)numbers.push_back(static_cast<std::uint32_t>(store::DatabasePaths::number_in(name)));
  });
  for (std::uint32_t number : numbers) {
    char name[512];
    paths.scratch_name(name, number);
    (void)storage_->remove(std::string_view(name));
  }
}

template <policy::Env E>
void Machine<E>::wait_for_room() {
  constexpr std::uint64_t at_most_ns = 20'000'000;
  policy::LockGuard lock(wake_mutex_);
  if (!is_short_of_memory() || stopping_.load()) return;
  is_pressed_.store(true, std::memory_order_release);
  wake_checkpointer_.notify_all();
  room_.wait_for(wake_mutex_, at_most_ns);
}

/// A step of keeping the budget: what must go, goes. Objects that are not on disk yet cannot: a checkpoint is asked for.
/// The budget is of what the process holds: pieces that went lay here and there, and where others of their size do not come,
/// whole extents must go. A part of it is left for what comes between two steps, and for what is not objects.
template <policy::Env E>
void Machine<E>::keep_budget() {
  pass_gate();
  auto& alloc = objects_.alloc();
  const std::size_t step = std::min<std::size_t>(options_.hot_tier_bytes / 16, 16 * 1024 * 1024);
  const std::size_t high = options_.hot_tier_bytes - step, low = high - step, used = alloc.used_bytes();
  if (used > high) {
    const std::size_t freed = objects_.evict(used - low);
    if (used - std::min(freed, used) > high && unsaved_log_bytes() >= options_.hot_tier_bytes / 16 && !is_pressed_.exchange(true)) {
      policy::LockGuard lock(wake_mutex_);
      wake_checkpointer_.notify_all();
    }
  } else if (used > high - high / 8) {
    objects_.age();  // so that it is known what has been read lately
  }
  const std::size_t held = alloc.held_bytes();
  const std::uint64_t now_ns = clock_->monotonic_ns();
  if (held <= high || now_ns < next_emptying_ns_) return;
  if (objects_.evict_sparse(held - low) < (held - low) / 8) next_emptying_ns_ = now_ns + 50'000'000;
}

}  // namespace spg::txn
