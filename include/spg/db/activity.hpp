// Activity: what a session is doing, for others to see: pg_stat_activity, spg_stat_activity and the progress views.
//
// The session's thread writes, any thread reads, and neither waits: single figures are atomics, and what belongs together is
// written between two steps of a stamp, which a reader looks at before and after. The instance lists those of all sessions
// (Instance::each_activity), and none of them ends while it visits.
#pragma once
#include <atomic>
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/ids.hpp"
#include "spg/exec/context.hpp"
#include "spg/txn/control.hpp"

namespace spg::db {

/// A text of at most so many bytes that may be read while it is written: what is read then is thrown away (Activity::read).
template <std::size_t bytes_max>
class SharedText {
 public:
  static_assert(bytes_max % 8 == 0);
  void write(std::string_view text);
  std::string_view read(char (&to)[bytes_max]) const;

 private:
  std::atomic<std::uint32_t> size_{0};
  std::atomic<std::uint64_t> words_[bytes_max / 8] = {};
};

class Activity {
 public:
  enum class State : std::uint8_t { none, idle, active, idle_in_transaction, idle_in_transaction_aborted };
  /// What it waits for; `relation` and those behind it: a lock of such a thing.
  enum class Wait : std::uint8_t { nothing, client_read, client_write, wal_sync, turn, relation, transaction, advisory, object };
  static constexpr std::size_t query_bytes_max = 1024, name_bytes_max = 64;

  /// Set before the session is known to others, and never again.
  struct Who {
    Oid database{}, role{};
    std::string_view database_name, role_name;
    std::int64_t started = 0;                 ///< times are microseconds since 2000-01-01 UTC
    const MemoryBudget* memory = nullptr;
    const txn::TransactionControl* transaction = nullptr;
  };
  /// What others read.
  struct Seen {
    State state = State::none;
    std::int64_t query_start = 0, state_change = 0, transaction_start = 0;
    char query_bytes[query_bytes_max], application_bytes[name_bytes_max];
    std::string_view query, application;
  };

  /// How far a COPY has come.
  struct Copying {
    enum class Direction : std::uint8_t { none, from, to };
    std::atomic<Direction> direction{Direction::none};
    std::atomic<std::uint32_t> relation{0};     ///< 0: of a query
    std::atomic<std::uint64_t> bytes{0}, rows{0};
    void begin(Direction which, Oid of) {
      bytes.store(0, std::memory_order_relaxed);
      rows.store(0, std::memory_order_relaxed);
      relation.store(raw(of), std::memory_order_relaxed);
      direction.store(which, std::memory_order_relaxed);
    }
  };

  Who who;

  // --- by the session
  void begin(std::string_view query, std::int64_t now);
  void settle(State state, std::int64_t now);
  void set_transaction_start(std::int64_t time) { transaction_start_.store(time, std::memory_order_relaxed); }
  void set_application(std::string_view name);
  void set_wait(Wait wait) { wait_.store(wait, std::memory_order_relaxed); }
  void count_statement() { statements_.store(statements_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed); }
  exec::RowProgress& rows() { return rows_; }
  txn::BuildProgress& build() { return build_; }
  Copying& copying() { return copying_; }
  void clear_progress() {
    copying_.direction.store(Copying::Direction::none, std::memory_order_relaxed);
    rows_.clear();
  }

  // --- by anybody
  void read(Seen& seen) const;
  Wait wait() const { return wait_.load(std::memory_order_relaxed); }
  bool is_active() const { return state_.load(std::memory_order_relaxed) == State::active; }
  std::uint64_t statements() const { return statements_.load(std::memory_order_relaxed); }
  const exec::RowProgress& rows() const { return rows_; }
  const txn::BuildProgress& build() const { return build_; }
  const Copying& copying() const { return copying_; }

 private:
  /// Odd while the session writes what belongs together.
  class Writing;
  std::atomic<std::uint32_t> stamp_{0};
  std::atomic<State> state_{State::idle};
  std::atomic<std::int64_t> query_start_{0}, state_change_{0}, transaction_start_{0};
  SharedText<query_bytes_max> query_;
  SharedText<name_bytes_max> application_;
  std::atomic<Wait> wait_{Wait::client_read};
  std::atomic<std::uint64_t> statements_{0};
  exec::RowProgress rows_;
  txn::BuildProgress build_;
  Copying copying_;
};

}  // namespace spg::db
