// The machine's part in its audit log (log/audit_log.hpp): recovery, commits, checkpoints and the thread that writes it.
#pragma once
#include "spg/txn/machine.hpp"

namespace spg::txn {

/// What a commit will say to the audit log, made before anything is published, because nothing may fail behind that.
template <policy::Env E>
struct Machine<E>::PendingAudit {
  explicit PendingAudit(AuditOf* to) : log(to) {}
  ~PendingAudit() { AuditOf::drop(one); }
  PendingAudit(const PendingAudit&) = delete;
  PendingAudit& operator=(const PendingAudit&) = delete;

  /// Adds the text to the record. A commit that nobody has described is audited as well.
  Status prepare(RecordBuffer& record, Bytes body, std::int64_t time_us, std::uint64_t log_position) {
    if (log == nullptr) return ok();
    static constexpr std::byte nothing[4] = {};  // no user, no database, no statements
    if (body.empty()) body = nothing;
    SPG_TRY(log->check_room(log_position));
    one = AuditOf::make_pending(time_us, body);
    if (one == nullptr || !record.add_varint(body.size()) || !record.add(body)) return Error::out_of_memory();
    return ok();
  }
  log::RecordType type(log::RecordType of) const { return one == nullptr ? of : log::audited(of); }
  void push(std::uint64_t end, std::uint64_t payload_bytes, std::uint32_t epoch) {
    if (one != nullptr) log->push(std::exchange(one, nullptr), end - log::frame_bytes(payload_bytes), end, epoch);
  }

  AuditOf* log;
  typename AuditOf::Pending* one = nullptr;
};

inline log::AuditAnchor audit_anchor(const store::ManifestAudit& known) {
  log::AuditAnchor anchor;
  anchor.end.number = known.number;
  anchor.end.bytes = known.bytes;
  std::memcpy(anchor.end.hash.data(), known.hash, sizeof known.hash);
  anchor.through = known.through;
  anchor.is_paused = known.is_paused;
  return anchor;
}

inline store::ManifestAudit manifest_audit(const log::AuditAnchor& anchor) {
  store::ManifestAudit known{anchor.end.number, anchor.end.bytes, {}, anchor.through, anchor.is_paused};
  std::memcpy(known.hash, anchor.end.hash.data(), sizeof known.hash);
  return known;
}

/// A jump that the audit log has not come to yet gets its entry here, before what was committed behind it: only the manifest
/// says that it is in force, so that whoever recovers cannot write it before that.
template <policy::Env E>
Status Machine<E>::open_audit(const store::Manifest& known) {
  audited_through_ = known.audit.through;
  if (!wants_audit()) return ok();
  audit_.reset(new (std::nothrow) AuditOf(*storage_, options_.audit));
  if (audit_ == nullptr) return Error::out_of_memory();
  const log::AuditAnchor anchor = audit_anchor(known.audit);
  log::AuditHeader fresh;
  fresh.made_us = clock_->wall_us();
  random_->fill(fresh.random);
  SPG_TRY(audit_->open(anchor, fresh));
  for (const store::ManifestJump& jump : known.jumps) {
    const Lsn goes_on{jump.epoch_after, jump.to};
    if (anchor.is_there() && goes_on > anchor.through) SPG_TRY(audit_->recover_revert({jump.epoch_before, jump.from}, goes_on));
  }
  return ok();
}

template <policy::Env E>
Status Machine<E>::replay_audit(const log::Record& record, ByteReader& reader, std::uint64_t end, std::int64_t time_us) {
  const Bytes body = reader.bytes(reader.varint());
  if (!reader.ok() || body.size() > log::audit_entry_bytes_max - log::audit_entry_bytes_min)
    return Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed");
  const Lsn lsn{record.header.epoch, end};
  if (lsn <= audited_through_) return ok();
  if (audit_ != nullptr) return audit_->recover(lsn, time_us, body);
  ++unaudited_;
  return ok();
}

/// The manifest that is about to be written says how far the audit log has come.
template <policy::Env E>
Status Machine<E>::finish_audit(Lsn log_end, store::ManifestAudit& known) {
  if (audit_ == nullptr) {
    if (unaudited_ != 0)
      return Error::make(sqlstate::object_not_in_prerequisite_state, "the audit log may lack ", unaudited_, " transactions, which are in the write-ahead log")
          .detail("The database was not closed, and is opened without its audit log.")
          .hint("Open it once with its audit log, which then gets what it lacks.");
    known.is_paused = known.bytes != 0;
    return ok();
  }
  SPG_TRY(audit_->finish(log_end));
  known = manifest_audit(audit_->anchor());
  return ok();
}

/// Feeds the audit log with all that the log has. What the file has of what earlier recoveries have given up, or of pauses, of
/// which an older manifest knows nothing, stays.
template <policy::Env E>
Status Machine<E>::audit_given_up(const store::Manifest& knowing, log::Trail<Storage>& trail) {
  const auto is_explained = [&](const log::AuditEntry& entry) {
    return entry.kind != log::AuditKind::transaction || trail.is_given_up_lsn(log::lsn_of(entry.lsn.epoch, entry.lsn.counter));
  };
  const auto pass_explained = [&](Lsn lsn) -> Status {
    if (audit_ == nullptr || lsn <= audited_through_) return ok();
    SPG_ASSIGN(const bool is_next, audit_->has_next(lsn));
    return is_next ? ok() : audit_->keep_entries(is_explained);
  };
  Status failed;
  const auto visit = [&](const log::Record& record) -> Result<bool> {
    if (!log::is_audited(record.header.type)) return true;
    ByteReader reader(record.payload);
    reader.varint();
    reader.varint();
    const auto time_us = reader.le<std::int64_t>();
    failed = pass_explained({record.header.epoch, record.end()});
    if (!failed) failed = replay_audit(record, reader, record.end(), time_us);
    return !failed.failed();
  };
  Status damage = trail.follow(knowing.log_start, epoch_at(knowing, knowing.log_start), visit);
  if (failed) return failed;
  // Of a log that could not be read just now, more may be audited later.
  if (damage && damage.code() != sqlstate::data_corrupted && damage.code() != sqlstate::undefined_file) return damage;
  // Entries are of what was durable: those behind all that can be read of the log did happen.
  if (audit_ != nullptr) return audit_->keep_entries([](const log::AuditEntry&) { return true; });
  if (damage)
    return Error::make(sqlstate::object_not_in_prerequisite_state, "the audit log may lack transactions of the write-ahead log, which cannot be read to its end: ", damage.message())
        .hint("Say where the audit log is, so that it is complete before anything is given up.");
  return ok();
}

/// Before a recovery to an earlier point gives anything up: it has happened, and the audit log says so. Then nobody has it open.
template <policy::Env E>
Status Machine<E>::complete_audit(const store::Manifest& knowing, const Recovery& what, store::ManifestAudit& known) {
  known = knowing.audit;
  if (!wants_audit() && (known.bytes == 0 || known.is_paused)) return ok();
  SPG_TRY(open_audit(knowing));
  log::Trail<Storage> trail(*storage_);
  SPG_TRY(prepare_trail(knowing, what, trail));
  SPG_TRY(audit_given_up(knowing, trail));
  Lsn end{trail.epoch(), trail.position()};
  for (const store::ManifestEpoch& epoch : knowing.epochs) end.epoch = std::max(end.epoch, epoch.number);
  if (audit_ != nullptr) end = std::max(end, audit_->last_lsn());
  SPG_TRY(finish_audit(end, known));
  audit_.reset();
  audited_through_ = end;
  return ok();
}

/// Before a manifest lets go of old log: the audit log gets what is in it, or the log stays. Requires: checkpoint_mutex_, so
/// that the log is not cut meanwhile.
template <policy::Env E>
void Machine<E>::audit_checkpoint(std::uint64_t& keep_from, store::ManifestAudit& durable) {
  if (audit_ == nullptr) return;
  if (!audit_->make_durable(log_)) durable = manifest_audit(audit_->anchor());
  if (const std::uint64_t from = audit_->kept_from(); from != UINT64_MAX) keep_from = std::min(keep_from, log_.not_lost(from));
}

/// Where nobody else does.
template <policy::Env E>
void Machine<E>::write_audit() {
  if (audit_ == nullptr) return;
  if (background_.load(std::memory_order_acquire)) return kick_auditor();
  if (audit_->is_failing() || audit_->has_pending(log_.durable())) (void)audit_->write(log_);
}

template <policy::Env E>
void Machine<E>::kick_auditor() {
  if (!auditor_idle_.load(std::memory_order_seq_cst) || !auditor_idle_.exchange(false, std::memory_order_seq_cst)) return;
  { policy::LockGuard until_it_sleeps(wake_mutex_); }
  wake_auditor_.notify_all();
}

template <policy::Env E>
void Machine<E>::run_auditor() {
  constexpr std::uint64_t gather_ns = 5'000'000, retry_ns = 1'000'000'000;
  for (;;) {
    {
      policy::LockGuard lock(wake_mutex_);
      for (;;) {
        auditor_idle_.store(true, std::memory_order_seq_cst);
        if (stopping_.load() || audit_->is_failing() || audit_->has_pending(log_.durable())) break;
        wake_auditor_.wait_for(wake_mutex_, retry_ns);
      }
      auditor_idle_.store(false, std::memory_order_seq_cst);
      // Many entries at once: nobody waits for them.
      if (!stopping_.load()) wake_auditor_.wait_for(wake_mutex_, audit_->is_failing() ? retry_ns : gather_ns);
    }
    (void)audit_->write(log_);
    if (stopping_.load()) return;
  }
}

}  // namespace spg::txn
