// Locks: who may change or keep what until a transaction ends: tables, rows, keys of unique indexes, advisory locks. One
// table for the server, one graph of who waits for whom (DESIGN 1.6; PostgreSQL chapter 13.3).
//
// Requests are granted first-come: one that conflicts with a holder, or with an earlier request that waits, is queued and
// granted by whoever releases; its owner is told by wake(). A lock that is held covers weaker requests. Locks of one owner on
// the rows of one block share a holder with a bitmap, and so do those on keys that are neighbours: a large writer costs bits,
// not entries; there is no escalation.
//
// LockTable is plain code without a mutex; Locks<Sync> (below) is the same under one.
#pragma once
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>

#include "spg/base/ids.hpp"
#include "spg/base/result.hpp"
#include "spg/policy/policy.hpp"

namespace spg::txn {

/// PostgreSQL's table lock modes, weakest first.
enum class TableLock : std::uint8_t {
  access_share, row_share, row_exclusive, share_update_exclusive, share, share_row_exclusive, exclusive, access_exclusive
};
/// PostgreSQL's four, weakest first; then the same as the last two by those who write the row, and what somebody asks for who
/// has found the row's key in the way and waits for its writer.
enum class RowLock : std::uint8_t { key_share, share, no_key_update, update, no_key_write, write, settled };
/// `settled` is what somebody asks for who waits for a key's writer, and then wants no more of it.
enum class SimpleLock : std::uint8_t { share, exclusive, settled };

enum class LockSpace : std::uint8_t {
  table,     ///< TableLock; object = table
  row,       ///< RowLock; object = table, place = block number, slot = row of the block
  key,       ///< SimpleLock; object = index, place and slot = number of the key (KeySet::lock_number)
  advisory,  ///< SimpleLock; object = class (1: one key of 64 bits, 2: two of 32), place = key
  database   ///< SimpleLock: BEGIN EXCLUSIVE
};

/// How many rows or keys share a place.
inline constexpr std::uint16_t lock_slots = 1024;

struct LockTag {
  DatabaseId database{};
  LockSpace space{};
  std::uint32_t object = 0;
  std::uint64_t place = 0;
  bool operator==(const LockTag&) const = default;
};

enum class LockWait : std::uint8_t { wait, no_wait };
enum class LockResult : std::uint8_t {
  granted,        ///< now
  held,           ///< a lock that covers it was held before
  must_wait,      ///< queued; wake() comes
  not_available,  ///< no_wait, and it is not free
  out_of_memory
};

struct LockHolder;
struct LockEntry;

/// One session's locks and its one request that waits. Levels are savepoint depths: locks taken since a savepoint go with
/// it. `session_level` is for those that outlast the transaction.
struct LockOwner {
  static constexpr std::uint32_t session_level = 0;
  /// The request that waits has been granted, or should be tried again. Called with the table locked: may leave a message only.
  void (*wake)(LockOwner&) = nullptr;
  void* context = nullptr;           ///< for wake()
  std::uint32_t process_id = 0;
  /// The transaction's number; 0 until it is drawn, by the session or for somebody who is told of its locks
  /// (LockTable::number_of). Others do that only while it has or wants a row or a key, with the table locked.
  std::uint64_t transaction = 0;
  /// Which of the process's transactions runs: with process_id, the virtual transaction. 0: none.
  std::atomic<std::uint64_t> local_transaction{0};

  LockHolder* holders = nullptr;     ///< newest first; levels never rise along the list, but for session_level
  // The waiting request.
  LockEntry* waits_at = nullptr;
  LockOwner* next_waiter = nullptr;
  std::uint32_t level = 0;
  std::uint16_t slot = 0;
  std::uint8_t mode = 0;
  /// An advisory lock (which counts) that was granted while its statement waited: the statement, run again, takes it over.
  LockTag arrived{};
  std::uint32_t arrived_level = 0;
  std::uint8_t arrived_mode = 0;
  bool has_arrived = false;
  std::uint64_t mark = 0;            ///< of the last search for cycles that came by
  LockOwner* found_from = nullptr;
};

/// One line of pg_locks.
struct LockFact {
  LockTag tag;
  std::uint16_t slot = 0;            ///< row of the block, or key
  std::uint8_t mode = 0;
  std::uint32_t process_id = 0;
  std::uint64_t local_transaction = 0;
  std::uint64_t transaction = 0;     ///< of the holder or waiter; 0: it has drawn no number, and has neither row nor key
  std::uint64_t blocker = 0;         ///< of one who waits for a row or a key: the transaction that it waits for
  bool granted = false;
};

class LockTable {
 public:
  LockTable() = default;
  ~LockTable();
  LockTable(const LockTable&) = delete;
  LockTable& operator=(const LockTable&) = delete;

  LockResult request(LockOwner& owner, const LockTag& tag, std::uint16_t slot, std::uint8_t mode, std::uint32_t level, LockWait wait);
  /// Whether somebody else holds a lock that `mode` conflicts with.
  bool is_held_by_other(const LockOwner& owner, const LockTag& tag, std::uint16_t slot, std::uint8_t mode) const;
  /// Whether the owner has a row or a key.
  bool has_rows(const LockOwner& owner) const;
  /// The strongest mode that the owner holds, or -1.
  int held_mode(const LockOwner& owner, const LockTag& tag, std::uint16_t slot) const;
  /// Gives up the waiting request.
  void stop_waiting(LockOwner& owner);
  /// Releases up to `most` of what was taken at levels above `level`, and gives up a waiting request. False when there is more:
  /// others may be let in between.
  bool release_above(LockOwner& owner, std::uint32_t level, std::size_t most = SIZE_MAX);
  /// Counts locks of levels above `level` to it (a released savepoint).
  void lower_to(LockOwner& owner, std::uint32_t level);
  /// Releases one count of a session's or transaction's advisory lock. False when there is none.
  bool release_one(LockOwner& owner, const LockTag& tag, std::uint8_t mode, std::uint32_t level);
  /// Releases everything in `space` at exactly this level.
  void release_space(LockOwner& owner, LockSpace space, std::uint32_t level);

  /// Looks for a cycle through the owner's waiting request. 40P01 with PostgreSQL's detail, or ok.
  Status check_deadlock(LockOwner& owner);
  /// Visits the processes that a process waits for.
  void each_blocker(std::uint32_t process_id, FunctionRef<void(std::uint32_t blocker)> visit) const;
  /// Gives back an advisory lock that came while its statement waited, and that nobody has taken over.
  void drop_arrived(LockOwner& owner);
  /// Gives all who write to the tag's database, but for one, a share of its lock: they took none while nobody asked for all
  /// of it. False without memory.
  bool admit_writers(const LockOwner& but, const LockTag& database);
  /// What the owner waits for: none when it does not wait.
  std::optional<LockSpace> waits_in(const LockOwner& owner) const;
  /// Whether a request waits for one of the owner's locks.
  bool is_waited_for(const LockOwner& owner) const;
  /// Visits every lock and request.
  void each(FunctionRef<void(const LockFact&)> visit);
  /// Who draws numbers for transactions that have none and are to be told of. It is called with the table locked; 0: there is
  /// none to be had.
  void set_numbers(std::uint64_t (*draw)(void*), void* context) {
    draw_number_ = draw;
    numbers_context_ = context;
  }
  bool is_empty() const { return entry_count_ == 0; }
  /// Holders and requests of ACCESS EXCLUSIVE; read without the mutex.
  std::uint32_t access_exclusive_count() const { return access_exclusive_.load(std::memory_order_relaxed); }
  /// The same of BEGIN EXCLUSIVE.
  std::uint32_t database_exclusive_count() const { return database_exclusive_.load(std::memory_order_relaxed); }

 private:
  static constexpr std::size_t spare_max = 256;
  LockEntry** bucket(const LockTag& tag) const;
  LockEntry* find(const LockTag& tag) const;
  LockEntry* find_or_make(const LockTag& tag);
  bool grow();
  /// Takes part in the counts of those who want something for themselves.
  void count_exclusive(const LockTag& tag, std::uint8_t mode, std::uint32_t by);
  LockHolder* new_holder(LockOwner& owner, LockEntry& entry, std::uint8_t mode, std::uint32_t level);
  bool grant(LockOwner& owner, LockEntry& entry, std::uint16_t slot, std::uint8_t mode, std::uint32_t level);
  void grant_waiters(LockEntry& entry);
  void remove_waiter(LockOwner& owner);
  void drop_holder(LockHolder* holder);
  void drop_if_unused(LockEntry* entry);
  bool is_blocked(const LockOwner& owner, const LockEntry& entry, std::uint16_t slot, std::uint8_t mode) const;
  std::uint64_t number_of(LockOwner& owner);
  LockFact fact_of(const LockEntry& entry, LockOwner& owner, std::uint8_t mode);

  LockEntry** buckets_ = nullptr;
  std::size_t bucket_count_ = 0, entry_count_ = 0;
  LockEntry* spare_entries_ = nullptr;
  LockHolder* spare_holders_ = nullptr;
  std::size_t spare_entry_count_ = 0, spare_holder_count_ = 0;
  std::uint64_t last_mark_ = 0;
  std::uint64_t (*draw_number_)(void*) = nullptr;
  void* numbers_context_ = nullptr;
  std::atomic<std::uint32_t> access_exclusive_{0}, database_exclusive_{0};
};

/// The same for many threads.
template <policy::Sync Sync>
class Locks {
 public:
  /// `use(LockTable&)` with the table locked: short.
  template <class Use>
  decltype(auto) with(Use use) {
    policy::LockGuard lock(mutex_);
    return use(table_);
  }
  /// release_above() without keeping others waiting for as long as that takes.
  void release_above(LockOwner& owner, std::uint32_t level) {
    while (!with([&](LockTable& table) { return table.release_above(owner, level, 256); })) {}
  }
  /// Whether anybody has or wants a table for himself; readers outside of blocks look at no lock otherwise.
  bool has_access_exclusive() const { return table_.access_exclusive_count() != 0; }
  /// Whether anybody has or wants a database for himself; writers take no share of its lock otherwise.
  bool has_database_exclusive() const { return table_.database_exclusive_count() != 0; }

 private:
  typename Sync::Mutex mutex_;
  LockTable table_;
};

/// PostgreSQL's name of a mode, as in pg_locks.
std::string_view lock_mode_name(LockSpace space, std::uint8_t mode);

}  // namespace spg::txn
