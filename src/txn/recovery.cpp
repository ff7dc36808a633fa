#include "spg/txn/recovery.hpp"

#include <algorithm>

#include "spg/type/datetime.hpp"
#include "spg/type/transaction.hpp"

namespace spg::txn {

Result<RecoveryTarget> parse_recovery_target(std::string_view text, std::int64_t now_us) {
  RecoveryTarget target;
  if (auto lsn = type::parse_lsn(text)) {
    target.kind = RecoveryTarget::Kind::lsn;
    target.lsn = *lsn;
    return target;
  }
  type::TextSettings settings;
  settings.now = now_us - epoch_2000_us;
  SPG_ASSIGN(const std::int64_t time, type::parse_timestamptz(text, settings));
  // Infinities are times, too: before all commits, behind all.
  if (time == INT64_MAX) return target;
  target.kind = RecoveryTarget::Kind::time;
  target.time_us = time == INT64_MIN ? INT64_MIN : time + epoch_2000_us;
  return target;
}

bool may_begin_with(const ManifestFacts& manifest, const RecoveryTarget& target) {
  switch (target.kind) {
    case RecoveryTarget::Kind::end: return true;
    case RecoveryTarget::Kind::lsn: return manifest.lsn <= target.lsn;
    case RecoveryTarget::Kind::time: break;
  }
  return manifest.commit_time_us != store::unknown_commit_time && manifest.commit_time_us <= target.time_us;
}

Status select_kept(std::span<const ManifestFacts> manifests, std::int64_t now_us, std::int64_t window_us, Array<std::uint8_t>& keep) {
  RecoveryTarget oldest;
  oldest.kind = RecoveryTarget::Kind::time;
  oldest.time_us = now_us - window_us;
  std::size_t base = 0;
  for (std::size_t i = 0; i < manifests.size(); ++i)
    if (may_begin_with(manifests[i], oldest)) base = i;
  std::int64_t last = 0;
  for (std::size_t i = 0; i < manifests.size(); ++i) {
    const std::int64_t time = manifests[i].commit_time_us;
    // Times before any commit, or unknown ones, have no distance.
    const bool has_distance = time != INT64_MIN && time != store::unknown_commit_time;
    const bool stays = i == base || i + 1 == manifests.size() || (i > base && has_distance && (last == 0 || time - last > window_us / 8));
    if (stays && has_distance) last = time;
    if (!keep.push_back(stays)) return Error::out_of_memory();
  }
  return ok();
}

std::string_view print_time(std::int64_t time_us, Arena& arena) {
  TextBuilder text(arena);
  type::print_timestamptz(time_us == INT64_MIN || time_us == INT64_MAX ? time_us : time_us - epoch_2000_us, text, {});
  return text.view();
}

std::string_view print_lsn(std::uint64_t lsn, Arena& arena) {
  TextBuilder text(arena);
  type::print_lsn(lsn, text);
  return text.view();
}

Error too_old(std::uint64_t lsn, std::int64_t commit_time_us) {
  MemoryBudget budget;
  Arena arena(budget);
  Error error = Error::make(sqlstate::object_not_in_prerequisite_state, "no manifest is kept that is as old as that");
  if (lsn != UINT64_MAX)
    error = Error::make(sqlstate::object_not_in_prerequisite_state, "no manifest is kept that is as old as that: the oldest contains commits up to ",
                        print_lsn(lsn, arena), ", ", print_time(commit_time_us, arena));
  return std::move(error).hint("With an archive, SPG_RECOVERY_SECONDS says how long manifests are kept.");
}

bool Kept::has_manifest(std::uint64_t number) const { return std::find(manifests.begin(), manifests.end(), number) != manifests.end(); }
bool Kept::has_segment(std::uint64_t number) const { return !is_complete || std::binary_search(segments.begin(), segments.end(), number); }

}  // namespace spg::txn
