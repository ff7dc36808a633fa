// Bodies of Machine: the log's copies, and what is kept for recoveries.
#pragma once
#include "spg/txn/machine.hpp"

namespace spg::txn {

template <policy::Env E>
Status Machine<E>::open_copies() {
  if (!copies_.is_wanted()) return ok();
  SPG_TRY(copies_.open(log_.first(), log_.end(), newest_jump(manifest_)));
  log_.keep(copies_.needs());  // never raises what is reused
  return ok();
}

/// The first record behind a jump says that it is in force: until then, copies of the log do not know of it.
template <policy::Env E>
Status Machine<E>::mark_jump() {
  if (manifest_.jumps.empty() || log_.position() != manifest_.jumps.back().to) return ok();
  SPG_TRY(log_.append_mark());
  SPG_TRY(log_.flush());
  visible_durable_ = log_.durable();
  return ok();
}

template <policy::Env E>
void Machine<E>::ship(bool finish) {
  if (options_.ephemeral || options_.read_only || !copies_.is_wanted()) return;
  const auto durable = [&] { return log_.in_files(log_.durable()); };
  if (finish) copies_.finish(durable(), clock_->monotonic_ns());
  while (!finish && !stopping_.load(std::memory_order_relaxed) && copies_.step(durable(), clock_->monotonic_ns())) trim_log();
  trim_log();
}

/// Lets go of log that neither a recovery from the newest manifest nor a copy needs.
template <policy::Env E>
void Machine<E>::trim_log() {
  policy::LockGuard lock(trim_mutex_);
  const std::uint64_t needed = std::min(log_start_.load(std::memory_order_acquire), copies_.is_wanted() ? copies_.needs() : UINT64_MAX);
  if (needed / log::file_data_bytes <= trimmed_ || keeps_for_others_) return;
  // What cannot be removed now is removed by a later one.
  if (!log_.trim(needed)) trimmed_ = needed / log::file_data_bytes;
}

template <policy::Env E>
void Machine<E>::run_shipper() {
  const std::uint64_t pause_ns = copies_.has_tee() ? 50'000'000 : 1'000'000'000;
  for (;;) {
    {
      policy::LockGuard lock(wake_mutex_);
      if (!stopping_.load()) wake_shipper_.wait_for(wake_mutex_, pause_ns);
      if (stopping_.load()) return;
    }
    ship();
  }
}

/// Of the newest record that the next manifest contains: its epoch is the last that begins before its end.
template <policy::Env E>
std::uint64_t Machine<E>::contained_lsn(const store::Manifest& next) const {
  const std::uint64_t contained = next.contained();
  if (contained <= manifest_.contained()) return manifest_.lsn;
  std::uint32_t epoch = 0;
  for (const store::ManifestEpoch& one : manifest_.epochs)
    if (one.start < contained) epoch = one.number;
  return log::lsn_of(epoch, contained);
}

/// Of the manifests before the one in force, those that recoveries may begin with. Without an archive there are none: the log
/// behind them goes.
template <policy::Env E>
Kept Machine<E>::kept_manifests() {
  Kept kept;
  if (!keeps_manifests()) return kept;
  const store::DatabasePaths paths(options_.database_path);
  Array<std::uint64_t> numbers;
  (void)storage_->list(std::string_view(paths.directory), [&](std::string_view name) {
    const std::uint64_t number = store::DatabasePaths::number_in(name);
    if (name.starts_with("manifest-") && number < manifest_.number) kept.is_complete = numbers.push_back(number) && kept.is_complete;
  });
  std::sort(numbers.begin(), numbers.end());
  Array<ManifestFacts> facts;
  Array<std::uint8_t> keep;
  for (const std::uint64_t number : numbers) {
    auto manifest = store::read_manifest(*storage_, paths, number);
    // What is damaged no recovery can begin with; what cannot be read now, one may.
    if (!manifest && manifest.error().code() == sqlstate::data_corrupted) continue;
    if (!manifest) kept.is_complete = kept.manifests.push_back(number) && false;
    else if (!is_given_up({manifest_.jumps.data(), manifest_.jumps.size()}, manifest->contained()))
      kept.is_complete = facts.push_back({number, manifest->lsn, manifest->commit_time_us}) && kept.is_complete;
  }
  kept.is_complete = facts.push_back({manifest_.number, manifest_.lsn, manifest_.commit_time_us}) && kept.is_complete;
  if (select_kept(facts, clock_->wall_us(), std::int64_t{options_.recovery_seconds} * 1'000'000, keep)) kept.is_complete = false;
  for (std::size_t i = 0; i + 1 < facts.size(); ++i) {
    if (!keeps_all_manifests() && i < keep.size() && keep[i] == 0) continue;
    kept.is_complete = kept.manifests.push_back(facts[i].number) && kept.is_complete;
    auto manifest = store::read_manifest(*storage_, paths, facts[i].number);
    if (!manifest) { kept.is_complete = false; continue; }
    for (const store::SegmentInfo& segment : manifest->segments) kept.is_complete = kept.segments.push_back(segment.number) && kept.is_complete;
  }
  std::sort(kept.segments.begin(), kept.segments.end());
  return kept;
}

}  // namespace spg::txn
