// The checkpoint: pinned versions become segments and a manifest, and what that makes superfluous goes.
#pragma once
#include <algorithm>

#include "spg/txn/machine.hpp"

namespace spg::txn {

template <policy::Env E>
bool Machine<E>::wants_checkpoint() const {
  if (options_.ephemeral || options_.read_only) return false;
  const std::uint64_t unsaved = unsaved_log_bytes();
  // What has been written since lies in memory, and cannot be dropped.
  const std::uint64_t log_bytes_max = std::min<std::uint64_t>(options_.checkpoint_log_bytes, options_.hot_tier_bytes / 4);
  return unsaved >= log_bytes_max || is_pressed_.load(std::memory_order_acquire) ||
         (segments_.has_much_dead() && !is_waiting() && since_checkpoint_ns() >= 1'000'000'000) ||
         (unsaved != 0 && options_.checkpoint_seconds != 0 && since_checkpoint_ns() >= options_.checkpoint_seconds * std::uint64_t{1'000'000'000});
}

template <policy::Env E>
Status Machine<E>::checkpoint() {
  if (options_.ephemeral) return ok();
  if (options_.read_only) return Error::make(sqlstate::read_only_sql_transaction, "the database was opened to be read");
  policy::LockGuard alone(checkpoint_mutex_);
  return write_checkpoint(false);
}

template <policy::Env E>
Status Machine<E>::write_checkpoint(bool one_cut) {
  pass_gate();
  is_pressed_.store(false, std::memory_order_release);
  checkpoint_ns_.store(clock_->monotonic_ns(), std::memory_order_relaxed);
  store::Manifest next;
  next.number = std::max(manifest_.number, manifest_tried_) + 1;
  next.log_start = UINT64_MAX;
  // Pin a version of every lineage and seal what it holds: nothing that it reaches is appended to in place any more.
  const std::uint32_t settling_max = segments_.first_private() - 1;  // those may be published beside this checkpoint
  struct Held { LineageOf* lineage; VersionOf* version; PinSlot<Alloc>* slot; };
  const bool has_history = options_.history_seconds != 0;
  Array<Held> held;
  Status failed;
  std::uint64_t contained, log_start = UINT64_MAX, first_piece = UINT64_MAX;
  // Nobody publishes under it. Who has a lineage's apply mutex does not wait for it.
  publish_mutex_.lock();
  // Every record before this place is in the tip of its database: one that nobody writes to must not keep the log.
  contained = log_.not_lost(log_.position());  // right behind a cut nothing has been appended yet
  if (!one_cut) publish_mutex_.unlock();
  const auto end_of = [&](const VersionOf& version) { return std::max(contained, version.log_end); };
  std::uint64_t newest = contained;
  for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr && !failed; lineage = lineage->next) {
    auto* slot = new (std::align_val_t{64}, std::nothrow) PinSlot<Alloc>;
    if (slot == nullptr || !held.push_back({lineage, nullptr, slot})) { failed = Error::out_of_memory(); break; }
    lineage->open_slot(*slot);
    if (has_history) lineage->freeze(true);
    policy::LockGuard lock(lineage->apply_mutex());
    // The pieces of a commit that is not in the version, but begun before it: the log must keep them.
    policy::LockGuard streams(streams_mutex_);
    objects_.seal(draw_generation());
    held.back().version = lineage->pin_tip(*slot);
    for (const Stream& one : streams_) first_piece = std::min(first_piece, one.first);
    newest = std::max(newest, held.back().version->log_end);
  }
  if (one_cut) publish_mutex_.unlock();
  if (!failed && !is_waiting()) failed = segments_.choose_victims();
  // A root in a manifest whose log never became durable would outlive its log records, and later commits, whose records
  // take their positions, would be taken for part of it.
  if (!failed && log_.durable() < newest) failed = log_.is_broken() ? log_.broken_error() : flush_log();
  if (!failed && log_.is_lost(newest)) failed = log_.write_error();
  next.commit_time_us = commit_time_us_.load(std::memory_order_relaxed);
  store::ManifestAudit audited = manifest_.audit;
  if (!failed) audit_checkpoint(first_piece, audited);
  for (const Held& one : held) {
    if (failed) break;
    const VersionOf& version = *one.version;
    if (version.log_end == 0) continue;  // a database without a record yet: replay makes it
    failed = segments_.write_tree(version.root);
    log_start = std::min(log_start, end_of(version));
    next.log_start = log_.in_files(std::min(log_start, first_piece));
  }
  // What only history reads must not stay in memory for ever: it is written, too, though no manifest refers to it.
  for (const Held& one : held)
    if (has_history && !failed) failed = one.lineage->each_in_history([&](const VersionOf& version) { return segments_.write_history(version.root); });
  if (!failed) {
    for (const Held& one : held) {
      if (one.version->log_end == 0) continue;
      if (!next.databases.push_back({one.lineage->id(), segments_.planned(one.version->root), one.version->generation, log_.in_files(end_of(*one.version))}))
        failed = Error::out_of_memory();
    }
  }
  if (!failed) failed = segments_.finish();
  if (failed) segments_.abandon();  // what it planned refers to cells that may be gone when the next one begins
  if (!failed) failed = segments_.list(next.segments);
  if (!failed) failed = fill_manifest(next);
  next.audit = audited;
  next.lsn = contained_lsn(next);
  // Whatever becomes of the manifest, objects that were moved are looked for at two places until the gate has passed.
  Waiting waiting;
  for (const Held& one : held)
    if (!failed && !waiting.gate.push_back({one.lineage, one.version->generation})) failed = Error::out_of_memory();
  waiting.settling = failed ? 0 : std::min(segments_.last(), settling_max);
  if (!failed) {
    manifest_tried_ = next.number;
    failed = store::write_manifest(*storage_, options_.database_path, next);
  }
  if (!failed) {
    manifest_ = std::move(next);
    checkpoint_position_.store(log_start == UINT64_MAX ? checkpoint_position_.load() : log_start);
    checkpoints_.fetch_add(1, std::memory_order_relaxed);
    failed = segments_.drop_victims(waiting.segments);
    compacted_segments_.fetch_add(waiting.segments.size(), std::memory_order_relaxed);
    wait_for_gate(std::move(waiting));
    remove_old_files();
    log_start_.store(manifest_.log_start, std::memory_order_release);
    if (!failed) trim_log();
  } else if (objects_.is_forwarding()) {
    wait_for_gate(std::move(waiting));
  }
  for (const Held& one : held) {
    if (has_history) one.lineage->freeze(false);
    one.lineage->close_slot(*one.slot);
    ::operator delete(one.slot, std::align_val_t{64});
  }
  if (log_.must_be_cut()) (void)fall_back();
  return failed;
}

template <policy::Env E>
Status Machine<E>::fill_manifest(store::Manifest& next) {
  if (next.log_start == UINT64_MAX) next.log_start = manifest_.log_start;
  next.audit = manifest_.audit;
  next.next_generation = next_generation_.load();
  next.next_oid = next_oid_.load();
  for (std::size_t i = 0; i < manifest_.epochs.size(); ++i) {
    const bool over = i + 1 < manifest_.epochs.size() && manifest_.epochs[i + 1].start <= next.log_start;
    if (!over && !next.epochs.push_back(manifest_.epochs[i])) return Error::out_of_memory();
  }
  next.copies = manifest_.copies;
  for (const store::ManifestJump& jump : manifest_.jumps)
    if (!next.jumps.push_back(jump)) return Error::out_of_memory();
  return ok();
}

/// Manifests before the one in force that no recovery begins with, and segments that none names (left by a crash). Failures only
/// leave files.
template <policy::Env E>
void Machine<E>::remove_old_files() {
  const store::DatabasePaths paths(options_.database_path);
  Array<std::uint64_t> manifests, segments;
  (void)storage_->list(std::string_view(paths.directory), [&](std::string_view name) {
    const std::uint64_t number = store::DatabasePaths::number_in(name);
    if (name.starts_with("manifest-")) (void)manifests.push_back(number);
    if (name.starts_with("segment-")) (void)segments.push_back(number);
  });
  const Kept kept = kept_manifests();
  char name[512];
  for (std::uint64_t number : manifests) {
    if (number >= manifest_.number || kept.has_manifest(number)) continue;
    paths.manifest_name(name, number);
    (void)storage_->remove(std::string_view(name));
  }
  for (std::uint64_t number : segments) {
    const auto segment = static_cast<std::uint32_t>(number);
    if (segments_.has(segment) || is_kept(segment) || kept.has_segment(segment)) continue;
    paths.segment_name(name, segment);
    (void)storage_->remove(std::string_view(name));
  }
}

}  // namespace spg::txn
