#pragma once
#include <cstdio>
#include <cstdlib>
#include <new>

#include "spg/log/audit_log.hpp"

namespace spg::log {

template <policy::Storage St, policy::Sync Sy>
AuditLog<St, Sy>::AuditLog(St& storage, const AuditOptions& options)
    : storage_(&storage), report_(options.report), backlog_bytes_max_(options.backlog_bytes_max), begins_(options.begins),
      path_bytes_(std::min(options.path.size(), sizeof path_ - 8)) {
  std::memcpy(path_, options.path.data(), path_bytes_);
  path_[path_bytes_] = '\0';
}
template <policy::Storage St, policy::Sync Sy>
AuditLog<St, Sy>::~AuditLog() {
  while (head_ != nullptr) drop(std::exchange(head_, head_->next));
}

template <policy::Storage St, policy::Sync Sy>
Error AuditLog<St, Sy>::named(Error error) const {
  return Error::make(error.code(), "audit log \"", path(), "\": ", error.message());
}

// --- at the start ---------------------------------------------------------------------------------------------------

/// The file comes to its name when it has its header: no crash leaves half of one.
template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::create(const AuditHeader& header) {
  char fresh[sizeof path_ + 8];
  std::snprintf(fresh, sizeof fresh, "%s.new", path_);
  std::byte bytes[audit_header_bytes];
  write_audit_header(bytes, header);
  auto file = storage_->open(std::string_view(fresh), policy::OpenMode::create);
  if (!file && file.error().code() == sqlstate::duplicate_file) file = storage_->open(std::string_view(fresh), policy::OpenMode::write);
  if (!file) return file.take_error();
  SPG_TRY(file->resize(sizeof bytes));
  SPG_TRY(file->write_at(0, bytes));
  SPG_TRY(file->sync());
  SPG_TRY(storage_->rename(std::string_view(fresh), path()));
  const auto slash = path().rfind('/');
  return storage_->sync_dir(slash == std::string_view::npos ? std::string_view{} : path().substr(0, slash == 0 ? 1 : slash));
}

/// The database knows of entries up to `known`: they must be there, one by one.
template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::check_prefix(AuditWalk& walk, const AuditEnd& known) const {
  AuditEntry entry;
  while (walk.end().bytes < known.bytes) {
    SPG_ASSIGN(const bool more, walk.next(entry));
    if (!more) return Error::make(sqlstate::data_corrupted, "it ends behind entry ", walk.end().number, ", but the database knows of ", known.number);
  }
  if (walk.end().bytes == known.bytes && walk.end().number == known.number && walk.end().hash == known.hash) return ok();
  return Error::make(sqlstate::data_corrupted, "entry ", walk.end().number, " is not the one that the database knows: it is another database's, or was written anew");
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::open(const AuditAnchor& anchor, AuditHeader fresh) {
  anchor_ = anchor;
  auto file = storage_->open(path(), policy::OpenMode::write);
  if (!file && file.error().code() == sqlstate::undefined_file) {
    if (anchor.is_there() && !begins_)
      return Error::make(sqlstate::undefined_file, "audit log \"", path(), "\" is not there, but the database knows of ", anchor.end.number, " entries")
          .hint("Say where it is, or let a new one begin, which names the last entry of the other (SPG_AUDIT_BEGIN=on; spg query --audit-begin).");
    fresh.first_number = anchor.end.number + 1;
    fresh.before = anchor.end.hash;
    if (Status failed = create(fresh)) return named(std::move(failed));
    file = storage_->open(path(), policy::OpenMode::write);
  }
  if (!file) return named(file.take_error());
  file_ = std::move(*file);
  auto bytes = file_.size();
  if (!bytes) return named(bytes.take_error());
  file_bytes_ = *bytes;
  const auto read = [&](std::uint64_t at, MutableBytes into) { return file_.read_at(at, into); };
  AuditWalk walk(read, file_bytes_);
  auto header = walk.open();
  if (!header) return named(header.take_error());
  // Begun anew, maybe by a start that did not come to its end.
  const bool follows = header->first_number == anchor.end.number + 1 && header->before == anchor.end.hash;
  if (!follows || (anchor.is_there() && !begins_))
    if (Status failed = check_prefix(walk, anchor.end)) return named(std::move(failed));
  end_ = walk.end();
  if (end_.lsn < anchor.end.lsn) end_.lsn = anchor.end.lsn;
  return ok();
}

/// What the file has in the entry's place is no entry: the crash took it, or a part of it. Another entry would be damage.
template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::check_torn(const AuditEnd& before) {
  if (before.bytes >= file_bytes_) return ok();
  const auto read = [&](std::uint64_t at, MutableBytes into) { return file_.read_at(at, into); };
  AuditWalk walk(read, file_bytes_);
  walk.go_on(before);
  AuditEntry found;
  auto other = walk.next(found);
  if (!other && other.error().code() != sqlstate::data_corrupted) return other.take_error();
  if (!other) return ok();
  return Error::make(sqlstate::data_corrupted, "entry ", found.number, " at offset ", found.offset, " is not what the write-ahead log says");
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::recover_entry(AuditKind kind, Lsn lsn, std::int64_t time_us, Bytes body) {
  const AuditEnd before = end_;
  RecordBuffer made, found;
  SPG_TRY(add_audit_entry(made, kind, lsn, time_us, body, end_));
  if (before.bytes + made.size() <= file_bytes_) {
    std::byte* at = found.extend(made.size());
    if (at == nullptr) return Error::out_of_memory();
    if (Status failed = file_.read_at(before.bytes, {at, made.size()})) return named(std::move(failed));
    if (std::memcmp(at, made.data(), made.size()) == 0) return ok();
  }
  Status failed = check_torn(before);
  if (!failed) failed = file_.write_at(before.bytes, made.bytes());
  if (mended_from_ == 0) mended_from_ = end_.number;
  return failed ? named(std::move(failed)) : ok();
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::recover_revert(Lsn from, Lsn to) {
  const auto body = audit_from_body(from);
  return recover_entry(AuditKind::revert, to, 0, body);
}

template <policy::Storage St, policy::Sync Sy>
Result<bool> AuditLog<St, Sy>::has_next(Lsn lsn) {
  std::byte head[audit_fixed_bytes];
  if (file_bytes_ < end_.bytes + sizeof head) return false;
  if (Status failed = file_.read_at(end_.bytes, head)) return named(std::move(failed));
  const Lsn found{load_le<std::uint32_t>(head + 56), load_le<std::uint64_t>(head + 48)};
  return load_le<std::uint32_t>(head + 4) == static_cast<std::uint32_t>(AuditKind::transaction) && found == lsn;
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::keep_entries(FunctionRef<bool(const AuditEntry&)> stays) {
  const auto read = [&](std::uint64_t at, MutableBytes into) { return file_.read_at(at, into); };
  AuditWalk walk(read, file_bytes_);
  walk.go_on(end_);
  for (AuditEntry entry; end_.bytes < file_bytes_; end_ = walk.end()) {
    const auto more = walk.next(entry);
    // What is no entry, the log has, or finish() finds.
    if (!more && more.error().code() == sqlstate::data_corrupted) return ok();
    if (!more) return named(more.error().copy());
    if (!stays(entry)) return ok();
  }
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::finish(Lsn log_end) {
  if (anchor_.is_paused) {
    const auto body = audit_from_body(anchor_.through);
    SPG_TRY(recover_entry(AuditKind::pause, log_end, 0, body));
  }
  if (file_bytes_ > end_.bytes)
    return named(Error::make(sqlstate::data_corrupted, "it goes on behind entry ", end_.number, " at offset ", end_.bytes, ", where the write-ahead log knows of no more"));
  if (Status failed = file_.sync()) return named(std::move(failed));
  synced_bytes_ = end_.bytes;
  anchor_ = {end_, log_end, false};
  if (mended_from_ != 0 && report_ != nullptr) report_->audit_mended(mended_from_, end_.number + 1 - mended_from_);
  return ok();
}

// --- commits --------------------------------------------------------------------------------------------------------

template <policy::Storage St, policy::Sync Sy>
typename AuditLog<St, Sy>::Pending* AuditLog<St, Sy>::make_pending(std::int64_t time_us, Bytes body) {
  void* memory = std::malloc(sizeof(Pending) + body.size());
  if (memory == nullptr) return nullptr;
  auto* one = new (memory) Pending{nullptr, 0, 0, 0, time_us, body.size()};
  if (!body.empty()) std::memcpy(static_cast<void*>(one + 1), body.data(), body.size());
  return one;
}

template <policy::Storage St, policy::Sync Sy>
void AuditLog<St, Sy>::push(Pending* one, std::uint64_t from, std::uint64_t to, std::uint32_t epoch) {
  one->from = from;
  one->to = to;
  one->epoch = epoch;
  policy::LockGuard lock(queue_mutex_);
  (head_ == nullptr ? head_ : tail_->next) = one;
  tail_ = one;
  queued_bytes_.fetch_add(sizeof(Pending) + one->bytes, std::memory_order_relaxed);
  if (kept_from_.load(std::memory_order_relaxed) == UINT64_MAX) kept_from_.store(from, std::memory_order_release);
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::check_room(std::uint64_t log_position) const {
  const std::uint64_t kept_from = kept_from_.load(std::memory_order_acquire), queued = queued_bytes_.load(std::memory_order_relaxed);
  const bool waits_long = is_failing() && kept_from < log_position && log_position - kept_from >= backlog_bytes_max_;
  if (queued < backlog_bytes_max_ && !waits_long) return ok();
  policy::LockGuard lock(queue_mutex_);
  const std::string_view why = why_.failed() ? why_.message() : std::string_view("it is written more slowly than commits come");
  return Error::make(sqlstate::disk_full, "the audit log cannot be written: ", why)
      .detail("What could not be audited yet has reached the bound of ", backlog_bytes_max_, " bytes: nothing more is committed.")
      .hint("Commits go on by themselves once the audit log can be written.");
}

// --- writing --------------------------------------------------------------------------------------------------------

template <policy::Storage St, policy::Sync Sy>
bool AuditLog<St, Sy>::has_pending(std::uint64_t durable) const {
  policy::LockGuard lock(queue_mutex_);
  return head_ != nullptr && head_->to <= durable;
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::write_out() {
  if (written_ == unsynced_.size()) return ok();
  SPG_TRY(file_.write_at(synced_bytes_ + written_, unsynced_.bytes().subspan(written_)));
  written_ = unsynced_.size();
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::sync() {
  if (unsynced_.size() == 0) return ok();
  SPG_TRY(file_.sync());
  synced_bytes_ += unsynced_.size();
  unsynced_.clear();
  unsynced_.shrink(2 * write_bytes);
  written_ = 0;
  policy::LockGuard lock(queue_mutex_);
  unsynced_from_ = UINT64_MAX;
  kept_from_.store(head_ == nullptr ? UINT64_MAX : head_->from, std::memory_order_release);
  return ok();
}

/// Makes the entry of a commit that has become durable. One that was lost leaves none.
template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::add_pending(const LogOf& log, const Pending& one) {
  if (log.is_lost(one.to)) return ok();
  SPG_TRY(add_audit_entry(unsynced_, AuditKind::transaction, {one.epoch, log.in_files(one.to)}, one.time_us, one.body(), end_));
  policy::LockGuard lock(queue_mutex_);
  unsynced_from_ = std::min(unsynced_from_, one.from);
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::write_pending(const LogOf& log, std::uint64_t durable) {
  if (is_failing()) {
    // Nobody knows what of it has arrived.
    SPG_ASSIGN(file_, storage_->open(path(), policy::OpenMode::write));
    written_ = 0;
  }
  for (;;) {
    Pending* one;
    {
      policy::LockGuard lock(queue_mutex_);
      one = head_;
      if (one == nullptr || one->to > durable) break;
    }
    SPG_TRY(add_pending(log, *one));
    {
      policy::LockGuard lock(queue_mutex_);
      head_ = one->next;
      queued_bytes_.fetch_sub(sizeof(Pending) + one->bytes, std::memory_order_relaxed);
      if (unsynced_from_ == UINT64_MAX) kept_from_.store(head_ == nullptr ? UINT64_MAX : head_->from, std::memory_order_release);
    }
    drop(one);
    if (unsynced_.size() - written_ >= write_bytes) SPG_TRY(write_out());
    if (unsynced_.size() >= unsynced_bytes_max) SPG_TRY(sync());
  }
  return write_out();
}

template <policy::Storage St, policy::Sync Sy>
void AuditLog<St, Sy>::note(const Status& outcome) {
  const bool failed = outcome.failed();
  if (failed) {
    policy::LockGuard lock(queue_mutex_);
    why_ = outcome.copy();
  }
  if (is_failing_.exchange(failed, std::memory_order_acq_rel) == failed || report_ == nullptr) return;
  if (failed) report_->audit_fails(outcome);
  else report_->audit_works_again();
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::write(const LogOf& log) {
  policy::LockGuard alone(write_mutex_);
  // What has failed counts as done when it is durable: a write may well be taken by a disk that keeps nothing.
  Status failed = write_pending(log, log.durable());
  if (!failed && is_failing()) failed = sync();
  note(failed);
  return failed;
}

template <policy::Storage St, policy::Sync Sy>
Status AuditLog<St, Sy>::make_durable(const LogOf& log) {
  policy::LockGuard alone(write_mutex_);
  const std::uint64_t durable = log.durable();
  Status failed = write_pending(log, durable);
  if (!failed) failed = sync();
  note(failed);
  if (!failed) anchor_ = {end_, {log.epoch(), log.in_files(durable)}, false};
  return failed;
}

}  // namespace spg::log
