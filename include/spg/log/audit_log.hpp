// AuditLog: writes the audit log of a machine (log/audit.hpp has its format) beside the write-ahead log.
//
// A commit's record in the write-ahead log carries the audit text, so that an entry is as durable as its transaction, and costs
// no sync of its own. push() queues it in the order of the log; write() appends the entries of what is durable there, which
// somebody does who commits do not wait for; make_durable() syncs before a checkpoint, which notes how far in its manifest
// (AuditAnchor), and lets go of no log before that. What a crash took from the file behind the anchor, recovery writes
// again from the log: open(), recover() for each audited record, finish().
//
// A write or sync that fails loses nothing: the entries since the last sync are kept in memory, and all of them are written
// again, through a new handle, the next time. The log is kept meanwhile; once that reaches a bound, check_room() refuses commits.
// Threads: push() in the order of the log, under the lock that orders it; write() and make_durable() from any, one at a time
// by a mutex; the rest before others know of it.
#pragma once
#include <atomic>

#include "spg/log/audit.hpp"
#include "spg/log/log.hpp"

namespace spg::log {

/// What an operator must be told. Called by whoever writes.
class AuditReport {
 public:
  virtual void audit_fails(const Error& why) = 0;
  virtual void audit_works_again() = 0;
  /// At the start: entries from this one on were torn or missing after a crash, and are written again from the log.
  virtual void audit_mended(std::uint64_t first, std::uint64_t count) = 0;

 protected:
  ~AuditReport() = default;
};

struct AuditOptions {
  std::string_view path;
  /// Where there is no file, but the database knows of one, a new one begins, which names the last entry of the other.
  bool begins = false;
  std::uint64_t backlog_bytes_max = std::uint64_t{64} << 20;
  AuditReport* report = nullptr;
};

template <policy::Storage Storage, policy::Sync Sync>
class AuditLog {
 public:
  using LogOf = Log<Storage, Sync>;
  /// A commit that waits to be written: what its entry will say.
  struct Pending {
    Pending* next;
    std::uint64_t from, to;   ///< its record's place in the log
    std::uint32_t epoch;
    std::int64_t time_us;
    std::size_t bytes;
    Bytes body() const { return {reinterpret_cast<const std::byte*>(this + 1), bytes}; }
  };

  AuditLog(Storage& storage, const AuditOptions& options);
  ~AuditLog();
  AuditLog(const AuditLog&) = delete;
  AuditLog& operator=(const AuditLog&) = delete;

  // --- at the start
  /// Checks the file up to the anchor, or makes it, with `fresh`'s time and random bytes. XX001 names the first broken entry.
  Status open(const AuditAnchor& anchor, AuditHeader fresh);
  /// An audited record behind the anchor. XX001 when the file has another entry in its place.
  Status recover(Lsn lsn, std::int64_t time_us, Bytes body) { return recover_entry(AuditKind::transaction, lsn, time_us, body); }
  /// A recovery to an earlier point: what was committed from one LSN on was given up, the log goes on at the other.
  Status recover_revert(Lsn from, Lsn to);
  /// Of a recovery to an earlier point, whose log may have less than the file: whole entries that come next stay, while this is so.
  Status keep_entries(FunctionRef<bool(const AuditEntry&)> stays);
  /// Whether the next entry is of that commit, by its head.
  Result<bool> has_next(Lsn lsn);
  Lsn last_lsn() const { return end_.lsn; }
  /// The log ends there. XX001 when the file goes on behind what the log knows of. Then all of it is durable.
  Status finish(Lsn log_end);

  // --- commits
  /// Null when there is no memory.
  static Pending* make_pending(std::int64_t time_us, Bytes body);
  static void drop(Pending* one) { std::free(one); }
  /// The record is in the log; takes ownership.
  void push(Pending* one, std::uint64_t from, std::uint64_t to, std::uint32_t epoch);
  /// 53100 when no more may be committed before entries have been written.
  Status check_room(std::uint64_t log_position) const;

  // --- writing
  bool has_pending(std::uint64_t durable) const;
  bool is_failing() const { return is_failing_.load(std::memory_order_acquire); }
  /// Appends the entries of what is durable.
  Status write(const LogOf& log);
  /// And syncs them; then anchor() is new. Requires: no cut of the log meanwhile.
  Status make_durable(const LogOf& log);
  AuditAnchor anchor() const { return anchor_; }
  /// The log must be kept from this position on. UINT64_MAX: it need not be.
  std::uint64_t kept_from() const { return kept_from_.load(std::memory_order_acquire); }

 private:
  using File = typename Storage::File;
  static constexpr std::size_t write_bytes = 1024 * 1024, unsynced_bytes_max = 4 * write_bytes;

  std::string_view path() const { return {path_, path_bytes_}; }
  Status create(const AuditHeader& header);
  Status check_prefix(AuditWalk& walk, const AuditEnd& known) const;
  Status recover_entry(AuditKind kind, Lsn lsn, std::int64_t time_us, Bytes body);
  Status check_torn(const AuditEnd& before);
  Status write_pending(const LogOf& log, std::uint64_t durable);
  Status add_pending(const LogOf& log, const Pending& one);
  Status write_out();
  Status sync();
  void note(const Status& outcome);
  Error named(Error error) const;

  Storage* storage_;
  AuditReport* report_;
  std::uint64_t backlog_bytes_max_;
  bool begins_;
  char path_[448];
  std::size_t path_bytes_;

  typename Sync::Mutex write_mutex_;  // the next block
  File file_;
  AuditAnchor anchor_;
  AuditEnd end_;                      ///< behind all that was made an entry
  RecordBuffer unsynced_;             ///< entries since the last sync, which begin at synced_bytes_
  std::uint64_t synced_bytes_ = 0;
  std::size_t written_ = 0;           ///< of unsynced_
  std::uint64_t file_bytes_ = 0, mended_from_ = 0;  ///< recovery: the file's size; the first entry that was written again

  mutable typename Sync::Mutex queue_mutex_;  // the next block
  Pending *head_ = nullptr, *tail_ = nullptr;
  std::uint64_t unsynced_from_ = UINT64_MAX;  ///< where the first entry of unsynced_ has its record
  Error why_;                         ///< of is_failing_
  std::atomic<std::uint64_t> kept_from_{UINT64_MAX}, queued_bytes_{0};
  std::atomic<bool> is_failing_{false};
};

}  // namespace spg::log
