// Bodies of Machine: recovery to a point (docs/recovery.md).
#pragma once
#include <optional>

#include "spg/txn/machine.hpp"

namespace spg::txn {

/// When a record's commit was, microseconds since 1970; none for records without one.
inline std::optional<std::int64_t> commit_time_of(const log::Record& record) {
  if (record.header.type == log::RecordType::piece) return std::nullopt;
  ByteReader reader(record.payload);
  reader.varint();
  reader.varint();
  const auto time_us = reader.le<std::int64_t>();
  return reader.ok() ? std::optional(time_us) : std::nullopt;
}

/// The jumps that two lists know of, ascending.
inline Status merge_jumps(std::span<const log::Jump> known, Array<store::ManifestJump>& into) {
  for (const log::Jump& jump : known) {
    bool is_there = false;
    for (const store::ManifestJump& one : into) is_there = is_there || one.to == jump.to;
    if (!is_there && !into.push_back(manifest_jump(jump))) return Error::out_of_memory();
  }
  std::sort(into.begin(), into.end(), [](const store::ManifestJump& a, const store::ManifestJump& b) { return a.to < b.to; });
  return ok();
}

/// All places that there are, and what the newest manifest knows of them.
template <policy::Env E>
Status Machine<E>::prepare_trail(const store::Manifest& knowing, const Recovery& what, log::Trail<Storage>& trail) {
  for (const RecoveryPlace& place : what.places) SPG_TRY(trail.add(place.path, place.kind));
  for (const store::ManifestJump& jump : knowing.jumps) SPG_TRY(trail.add_jump(log_jump(jump)));
  for (const store::ManifestEpoch& epoch : knowing.epochs) SPG_TRY(trail.add_epoch({epoch.number, epoch.start}));
  return ok();
}

template <policy::Env E>
Status Machine<E>::follow_log(const store::Manifest& base, const Recovery& what, log::Trail<Storage>& trail, Recovered& done) {
  const store::Manifest& knowing = what.newest != nullptr ? *what.newest : base;
  SPG_TRY(prepare_trail(knowing, what, trail));
  if (trail.is_given_up(base.contained()))
    return Error::make(sqlstate::object_not_in_prerequisite_state, "manifest ", base.number, " contains commits that were given up by a recovery to an earlier point");
  const RecoveryTarget& target = what.target;
  std::uint32_t epoch = epoch_at(base, base.log_start);
  const auto visit = [&](const log::Record& record) -> Result<bool> {
    if (target.kind == RecoveryTarget::Kind::lsn && record.lsn() > target.lsn) return false;
    const auto time_us = commit_time_of(record);
    if (target.kind == RecoveryTarget::Kind::time && time_us && *time_us > target.time_us) return false;
    SPG_TRY(keep_replay_budget());
    SPG_TRY(replay(record));
    done.lsn = record.lsn();
    ++done.records;
    done.records_bytes += log::frame_bytes(record.header.length);
    return true;
  };
  SPG_TRY(trail.follow(base.log_start, epoch, visit));
  SPG_TRY(finish_replay_batch());
  for (const store::ManifestEpoch& one : knowing.epochs) epoch = std::max(epoch, one.number);
  epoch = std::max(epoch, trail.epoch());
  if (target.kind == RecoveryTarget::Kind::lsn && trail.is_given_up_lsn(target.lsn))
    return Error::make(sqlstate::object_not_in_prerequisite_state, "what was there has been given up by a recovery to an earlier point");
  if (target.kind == RecoveryTarget::Kind::lsn && !trail.was_stopped() && log::lsn_of(epoch, trail.position()) < target.lsn)
    return Error::make(sqlstate::invalid_parameter_value, "the log ends before that");
  if (base.number == 0 && done.records == 0) return Error::make(sqlstate::undefined_file, "there is neither a database nor a log that begins at the beginning");
  while (replayed_streams_ != nullptr) replayed_streams_ = std::move(replayed_streams_->next);  // never committed
  done.commit_time_us = commit_time_us_;
  return ok();
}

/// Behind every file that there is, and all that the audit log has, so that no position is used twice.
template <policy::Env E>
Result<log::Jump> Machine<E>::choose_jump(const store::Manifest& base, const Recovery& what, const log::Trail<Storage>& trail) {
  std::uint64_t file = std::max(trail.next_file(), trail.position() / log::file_data_bytes + 1);
  const store::Manifest& knowing = what.newest != nullptr ? *what.newest : base;
  for (const store::ManifestEpoch& epoch : knowing.epochs) file = std::max(file, epoch.start / log::file_data_bytes + 1);
  Array<std::uint64_t> own;
  SPG_TRY(log_.names().list(*storage_, own));
  if (!own.empty()) file = std::max(file, own.back() + 1);
  file = std::max(file, audited_through_.counter / log::file_data_bytes + 1);
  std::uint32_t epoch = std::max(trail.epoch(), audited_through_.epoch);
  for (const store::ManifestEpoch& one : knowing.epochs) epoch = std::max(epoch, one.number);
  return log::Jump{trail.taken(), file * log::file_data_bytes, trail.epoch(), epoch + 1};
}

template <policy::Env E>
Result<Recovered> Machine<E>::recover(store::Manifest base, const Recovery& what) {
  Recovered done;
  done.base = base.number;
  done.lsn = base.lsn;
  const store::Manifest& knowing = what.newest != nullptr ? *what.newest : base;
  store::ManifestAudit audited;
  SPG_TRY(complete_audit(knowing, what, audited));
  SPG_TRY(load_roots(base));
  log::Trail<Storage> trail(*storage_);
  SPG_TRY(follow_log(base, what, trail, done));
  SPG_ASSIGN(const log::Jump jump, choose_jump(base, what, trail));
  // Numbers that were given up are not given again: transactions, generations of segments that are still there.
  if (knowing.next_generation > next_generation_) next_generation_ = knowing.next_generation;
  if (knowing.next_oid > next_oid_) next_oid_ = knowing.next_oid;
  manifest_.number = std::max(base.number, knowing.number);
  manifest_.log_start = jump.to;
  manifest_.lsn = done.lsn;
  manifest_.copies = knowing.copies;
  manifest_.audit = audited;
  done.goes_on_at = log::lsn_of(jump.epoch_after, jump.to);
  if (!manifest_.epochs.push_back({jump.epoch_after, jump.to})) return Error::out_of_memory();
  for (const store::ManifestJump& one : knowing.jumps)
    if (!manifest_.jumps.push_back(one)) return Error::out_of_memory();
  SPG_TRY(merge_jumps(trail.jumps(), manifest_.jumps));
  if (!manifest_.jumps.push_back(manifest_jump(jump))) return Error::out_of_memory();
  SPG_TRY(storage_->make_dir(std::string_view(store::DatabasePaths(options_.database_path).directory)));
  // The log's new file is durable before the manifest that needs it; until that is in force, nothing has changed.
  SPG_TRY(log_.start_behind(jump, jump.epoch_after));
  visible_durable_ = log_.durable();
  trimmed_ = jump.to / log::file_data_bytes;  // the next start knows who needs the files before
  SPG_TRY(checkpoint());
  SPG_TRY(mark_jump());
  if (wants_audit()) {
    SPG_TRY(open_audit(manifest_));
    SPG_TRY(finish_audit({jump.epoch_after, log_.end()}, manifest_.audit));
  }
  if (copies_.is_wanted()) {
    SPG_TRY(copies_.open(log_.first(), log_.end(), jump));
    ship(true);
  }
  return done;
}

}  // namespace spg::txn
