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

template <policy::Env E>
Status Machine<E>::open_audit(const store::ManifestAudit& known) {
  audited_through_ = known.through;
  if (!wants_audit()) return ok();
  audit_.reset(new (std::nothrow) AuditOf(*storage_, options_.audit));
  if (audit_ == nullptr) return Error::out_of_memory();
  log::AuditAnchor anchor;
  anchor.end.number = known.number;
  anchor.end.bytes = known.bytes;
  std::memcpy(anchor.end.hash.data(), known.hash, sizeof known.hash);
  anchor.through = known.through;
  anchor.is_paused = known.is_paused;
  log::AuditHeader fresh;
  fresh.made_us = clock_->wall_us();
  random_->fill(fresh.random);
  return audit_->open(anchor, fresh);
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
  const log::AuditAnchor anchor = audit_->anchor();
  known = {anchor.end.number, anchor.end.bytes, {}, anchor.through, false};
  std::memcpy(known.hash, anchor.end.hash.data(), sizeof known.hash);
  return ok();
}

/// Before a manifest lets go of old log: the audit log gets what is in it, or the log stays. Requires: checkpoint_mutex_, so
/// that the log is not cut meanwhile.
template <policy::Env E>
void Machine<E>::audit_checkpoint(std::uint64_t& keep_from, store::ManifestAudit& durable) {
  if (audit_ == nullptr) return;
  if (!audit_->make_durable(log_)) {
    const log::AuditAnchor anchor = audit_->anchor();
    durable = {anchor.end.number, anchor.end.bytes, {}, anchor.through, false};
    std::memcpy(durable.hash, anchor.end.hash.data(), sizeof durable.hash);
  }
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
