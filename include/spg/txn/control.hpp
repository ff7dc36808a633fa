// Control: what a session needs of the machine beside the seam: transactions and durability. Abstract, so that sessions are
// ordinary code, compiled once; Transaction<Env> and Machine<Env> are the models.
#pragma once
#include <memory>

#include "spg/store/backup.hpp"
#include "spg/txn/view.hpp"

namespace spg::txn {

/// Waits for the turn. granted() is called by whoever gives the turn up: the waiter should try again. It may be called more
/// than once and may only leave a message.
struct TurnWaiter {
  void (*granted)(TurnWaiter&) = nullptr;
  void* context = nullptr;  ///< for granted()
  TurnWaiter* next = nullptr;
  std::uint32_t misses = 0;
  bool queued = false;
  bool owns = false;
};

enum class Isolation : std::uint8_t { read_uncommitted, read_committed, repeatable_read, serializable };

/// What a statement is about to do, at most.
enum class Intent : std::uint8_t {
  read,
  lock,  ///< lock rows and nothing else: what they are is looked at in the tip
  write
};

struct BeginOptions {
  Isolation isolation = Isolation::read_committed;
  bool read_only = false, deferrable = false;
  bool is_block = false;   ///< BEGIN ... COMMIT: what it reads it protects from changes of the schema
};

/// A row whose key in a deferrable unique index is another row's, too.
struct BrokenKey {
  TableId table{};
  IndexId index{};              ///< 0 = none
  std::uint64_t rowid = 0;
  bool found() const { return index != IndexId{}; }
};

/// One session's transactions on one database.
class TransactionControl : public View {
 public:
  /// Opens a block (BEGIN) or the transaction around one statement. Requires: not active.
  virtual Status begin(const BeginOptions& options) = 0;
  /// Opens a transaction with one statement that reads the version that the other's running statement reads, without
  /// locks and without what the other has written. It stays open until rollback(). Requires: of one database.
  virtual Status begin_snapshot(TransactionControl& of) = 0;
  /// How a row that has just been locked, and so is in the tip as the statement reads it, compares with a snapshot.
  enum class RowFate : std::uint8_t { same, changed, own };
  virtual Result<RowFate> compare_row(TransactionControl& snapshot, TableId table, std::uint64_t rowid) = 0;
  virtual bool is_active() const = 0;
  /// Isolation and access mode may change until the first statement has read.
  virtual void set_options(const BeginOptions& options) = 0;
  virtual const BeginOptions& options() const = 0;
  virtual bool has_snapshot() const = 0;
  /// The statement that has just ended was none that fixes the snapshot (LOCK TABLE): the next one does.
  virtual void forget_snapshot() = 0;
  /// Sets what reads see.
  virtual Status begin_statement(Intent intent, store::Access access) = 0;
  /// Instead, for one statement that only reads: it sees the database as it was at the time (microseconds since 2000-01-01 UTC),
  /// without what the transaction has written, and without locks. 72000 when that is not kept any more.
  virtual Status begin_statement_as_of(std::int64_t time_us, store::Access access) = 0;
  /// The running statement, which has not read anything that it must see again, goes on with the newest version.
  virtual void renew_statement() = 0;
  /// From here on the running statement, or the commit, may wait for cold objects and for the log, or may not: it has come to
  /// another thread.
  virtual void set_access(store::Access access) = 0;
  virtual store::Access access() const = 0;
  /// Keeps (succeeded) or undoes what the statement wrote.
  virtual Status end_statement(bool succeeded) = 0;
  virtual bool in_statement() const = 0;
  /// Publishes; afterwards not active, unless it "must wait" for the turn or "would block": then it is called again. The
  /// reply must wait until the log is durable up to floor().
  virtual Status commit() = 0;
  /// Whether keys of deferrable unique indexes (of one table, or of any: none) have been written that are yet to be checked.
  virtual bool has_unchecked_keys(TableId table = TableId::none) const = 0;
  using IsDue = FunctionRef<bool(IndexId, table::Uniqueness)>;
  /// Checks them in the indexes for which `is_due`. "Must wait" for others who write the same key; then it is called again.
  /// Requires: in a statement that writes. commit() checks nothing.
  virtual Status check_unique_keys(IsDue is_due, BrokenKey& broken) = 0;
  virtual void rollback() = 0;
  /// BEGIN EXCLUSIVE: from here on nobody else writes to the database. May "must wait". Requires: active, no statement.
  virtual Status lock_database() = 0;
  /// The newest log position that the session has read or committed behind (DESIGN 1.7).
  virtual std::uint64_t floor() const = 0;
  /// 53100 when the transaction that has ended last is lost, 40001 when what it read is (MachineControl::is_lost). Then, and
  /// only once, the floor falls to what is left.
  virtual Status check_floor() = 0;
  virtual bool has_written() const = 0;
  /// Bytes of the write set that lie in a scratch file. From any thread.
  virtual std::uint64_t spilled_bytes() const = 0;
  /// Bytes of the write set: it has grown when a statement has changed anything.
  virtual std::size_t write_set_bytes() const = 0;
  /// What the audit log is to say of the transaction (log/audit.hpp: a body), if it is committed. Refers to the bytes, until
  /// it has ended.
  virtual void set_audit(Bytes body) = 0;
  /// `wake` is called, from any thread, when something that must be waited for may have come: it may only leave a message.
  virtual void set_wake(void (*wake)(void*), void* context) = 0;
  /// A session's transactions on several databases are one owner of locks.
  virtual void share_locks_of(TransactionControl& other) = 0;
  virtual LockOwner& lock_owner() = 0;
  /// The savepoint depth that a lock taken now belongs to.
  virtual std::uint32_t lock_depth() const = 0;
  /// Whether a lock has been asked for that has not been granted yet.
  virtual bool waits_for_lock() = 0;
  /// Whether somebody waits for a lock of the owner's.
  virtual bool is_waited_for() = 0;
  /// 40P01 when the wait is one of a cycle.
  virtual Status check_deadlock() = 0;
  /// Asked while an index is built. Null: never.
  virtual void set_interrupts(Interrupts* interrupts) = 0;
  /// Told of indexes that are built. Null: nobody is.
  virtual void set_build_progress(BuildProgress* progress) = 0;
  /// Leaves the queues (cancelled while waiting).
  virtual void stop_waiting() = 0;
};

/// A mutex behind a virtual call, for code above the seam.
class Lock {
 public:
  virtual ~Lock() = default;
  virtual void lock() = 0;
  virtual void unlock() = 0;
};

/// Something to wait for that another thread brings about.
class Event {
 public:
  virtual ~Event() = default;
  /// From any thread.
  virtual void set() = 0;
  /// Returns true once set() was called since the last wait(), or after `at_most_ns`; false at once where nothing runs beside
  /// the caller.
  virtual bool wait(std::uint64_t at_most_ns) = 0;
};

/// A backup that is being made. Deleted before its end, it leaves nothing. By one thread at a time; not longer than the machine.
class BackupJob {
 public:
  virtual ~BackupJob() = default;
  /// Some milliseconds' work, or a short wait for others. True when all is done and durable; after an error it is over.
  virtual Result<bool> step() = 0;
  virtual const store::BackupProgress& progress() const = 0;
};

/// Figures for those who watch a server. Counters count from its start.
struct MachineFacts {
  static constexpr std::size_t no_budget = SIZE_MAX;
  std::size_t memory_used_bytes = 0, memory_held_bytes = 0, memory_budget_bytes = no_budget;  ///< of objects
  std::uint64_t objects = 0;
  std::uint64_t segments = 0, segment_bytes = 0, segment_live_bytes = 0;
  /// Of the log, in bytes: where it ends, where it is durable, and where the newest checkpoint begins.
  std::uint64_t log_position = 0, log_durable = 0, log_checkpoint = 0;
  std::uint64_t checkpoints = 0, compacted_segments = 0, commits = 0;
  std::uint64_t evictions = 0;   ///< objects that were dropped from memory
  std::uint64_t cold_loads = 0;  ///< objects that were read from disk
};

class MachineControl {
 public:
  virtual ~MachineControl() = default;
  virtual bool has_database(DatabaseId id) = 0;
  virtual Status create_database(DatabaseId id) = 0;
  /// Null when there is no such database or no memory. The caller deletes it.
  virtual TransactionControl* open_transaction(DatabaseId id) = 0;
  /// Commits transactions of different databases by one log record: all of them or, after a crash or an error, none.
  /// Afterwards none is active, but see TransactionControl::commit().
  virtual Status commit_together(std::span<TransactionControl* const> transactions) = 0;
  virtual bool is_durable(std::uint64_t position) const = 0;
  /// Whether what was committed up to this position could not be written, and is undone. It never becomes durable.
  virtual bool is_lost(std::uint64_t position) const = 0;
  /// Why: 53100.
  virtual Error lost_error() const = 0;
  /// Waits until the log is durable up to the position. 08007 when it broke, 53100 when the position is lost.
  virtual Status wait_durable(std::uint64_t position) = 0;
  /// Where the log ends: what has been appended, or what is durable of it.
  virtual Lsn log_end(bool durable) const = 0;
  virtual bool log_is_broken() const = 0;
  virtual Error log_error() const = 0;
  virtual Status checkpoint() = 0;
  /// A backup of all that is committed by now, of all databases at one point.
  virtual Result<std::unique_ptr<BackupJob>> start_backup(const store::BackupTarget& target) = 0;
  virtual std::int64_t clock_us() = 0;       ///< wall clock, microseconds since 2000-01-01 UTC
  virtual std::uint64_t monotonic_ns() = 0;
  virtual void fill_random(MutableBytes into) = 0;
  /// `use` has the table of locks for itself: it must be short.
  virtual void with_locks(FunctionRef<void(LockTable&)> use) = 0;
  /// A lock of the machine's world: where there are no threads, it does nothing. Null when there is no memory.
  virtual std::unique_ptr<Lock> make_lock() = 0;
  virtual std::unique_ptr<Event> make_event() = 0;
  /// Opened to be read: nothing can be written.
  virtual bool is_read_only() const = 0;
  /// Commits are written to an audit log.
  virtual bool is_audited() const = 0;
  virtual MachineFacts facts() = 0;
  virtual bool is_new() const = 0;           ///< open() made a new database
};

}  // namespace spg::txn
