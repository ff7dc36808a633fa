// What a statement's execution needs of its surroundings, and the interfaces through which it reaches them.
//
// An ExecContext is plain references, valid for one execution (a portal's included); it belongs to one session and one
// thread at a time. Nothing here is owned.
#pragma once
#include <atomic>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/catalog/catalog.hpp"
#include "spg/plan/counters.hpp"
#include "spg/txn/view.hpp"
#include "spg/type/settings.hpp"
#include "spg/type/vector.hpp"

namespace spg::exec {

/// Facts about the session, and its settings, for current_user, current_setting() and kin. Texts stay valid until the
/// end of the statement (or lie in the arena given).
class SessionFacts {
 public:
  virtual std::string_view current_user() = 0;
  virtual std::string_view session_user() = 0;
  virtual std::string_view database_name() = 0;
  virtual std::int32_t backend_pid() = 0;
  /// What a database's tables and indexes take; empty when there is none of that number.
  virtual Result<std::optional<std::uint64_t>> database_bytes(DatabaseId database) = 0;
  /// Schemas that exist, in the order of the search path, without the implicit ones.
  virtual std::span<const std::string_view> search_path() = 0;
  /// The value as SHOW prints it; a null data() when there is no such setting.
  virtual std::string_view setting(std::string_view name, Arena& arena) = 0;
  /// Returns the value as it reads afterwards. `is_local`: until the end of the transaction.
  virtual Result<std::string_view> set_setting(std::string_view name, std::string_view value, bool is_local,
                                               Arena& arena) = 0;

 protected:
  ~SessionFacts() = default;
};

/// What there is to know of transactions: their numbers, what became of them, and how far the log has come.
class TransactionFacts {
 public:
  enum class Fate : std::uint8_t { unknown, in_progress, committed, aborted };
  enum class LogEnd : std::uint8_t { appended, durable };
  struct CommitTime {
    std::uint64_t number;
    std::int64_t time_us;  ///< since 2000-01-01 UTC
  };
  /// The running transaction's number, which one that only reads has not until it is asked for: 0 then, unless `draw`.
  virtual Result<std::uint64_t> transaction_id(bool draw) = 0;
  /// The body of a pg_snapshot: what the running statement sees.
  virtual Result<std::string_view> current_snapshot(Arena& arena) = 0;
  /// 22023 for a number that has not been drawn yet.
  virtual Result<Fate> transaction_fate(std::uint64_t number) = 0;
  /// As a pg_lsn.
  virtual std::uint64_t log_position(LogEnd end) = 0;
  /// Of a transaction by the lower half of its number; empty when it is not known. 55000 when none are kept.
  virtual Result<std::optional<CommitTime>> commit_time(std::uint32_t xid) = 0;
  virtual Result<std::optional<CommitTime>> last_commit() = 0;

 protected:
  ~TransactionFacts() = default;
};

/// Advisory locks, and who waits for whom. A lock of the session lasts until it is given back; others go with the transaction.
class SessionLocks {
 public:
  struct Advisory {
    std::uint64_t key;        ///< one of 64 bits, or two of 32 (the first is the upper half)
    bool is_pair, exclusive, of_session;
  };
  /// False when it is not free and `wait` is false; "must wait" when it is not free.
  virtual Result<bool> advisory_lock(const Advisory& lock, bool wait) = 0;
  /// False (and a warning) when the session does not hold it.
  virtual bool advisory_unlock(const Advisory& lock) = 0;
  virtual void advisory_unlock_all() = 0;
  virtual void blocking_pids(std::int32_t pid, spg::FunctionRef<void(std::int32_t)> visit) = 0;

 protected:
  ~SessionLocks() = default;
};

/// nextval() and kin; sequences live outside versions (DESIGN 1.10).
class Sequences {
 public:
  virtual Result<std::int64_t> next_value(Oid sequence) = 0;
  virtual Result<std::int64_t> current_value(Oid sequence) = 0;
  virtual Result<std::int64_t> last_value() = 0;
  virtual Result<std::int64_t> set_value(Oid sequence, std::int64_t value, bool is_called) = 0;

 protected:
  ~Sequences() = default;
};

/// Rows of a computed catalog relation. Made by VirtualTables::open, deleted by its user.
class VirtualCursor {
 public:
  virtual ~VirtualCursor() = default;
  /// False at the end. Vectors live until the next call.
  virtual Result<bool> next(type::Batch& rows) = 0;
};

class VirtualTables {
 public:
  /// `columns`: attribute numbers, in the order of the batch's columns.
  virtual Result<VirtualCursor*> open(Oid relation, std::span<const std::uint16_t> columns, Arena& arena) = 0;

 protected:
  ~VirtualTables() = default;
};

/// How far a statement has come, for others to see: rows that its scans have read, and those that they are to read.
struct RowProgress {
  std::atomic<std::uint64_t> done{0}, expected{0};
  void clear() {
    done.store(0, std::memory_order_relaxed);
    expected.store(0, std::memory_order_relaxed);
  }
  /// By the thread that runs the statement.
  static void add(std::atomic<std::uint64_t>& to, std::uint64_t count) {
    to.store(to.load(std::memory_order_relaxed) + count, std::memory_order_relaxed);
  }
};

/// What EXPLAIN ANALYZE wants to know.
struct Measures {
  std::span<plan::NodeCounters> counters;  ///< one for each node of the plan
  bool timing = true;                      ///< else no clock is read
  std::uint64_t (*now_ns)(void* clock) = nullptr;
  void* clock = nullptr;
};

struct ExecContext {
  txn::View* view = nullptr;
  catalog::Catalog* catalog = nullptr;
  txn::Host* host = nullptr;
  /// The statement's (or portal's) memory; its budget is the statement's limit (53200).
  Arena* arena = nullptr;
  const type::TextSettings* settings = nullptr;
  std::span<const type::Value> parameters;  ///< $1, $2, ... of the plan's types
  SessionFacts* session = nullptr;
  TransactionFacts* transactions = nullptr;
  VirtualTables* virtual_tables = nullptr;
  Sequences* sequences = nullptr;
  SessionLocks* locks = nullptr;
  RowProgress* progress = nullptr;
  Measures* measures = nullptr;  ///< null: nothing is measured
};

}  // namespace spg::exec
