// Ledger: the numbers of transactions: who draws one, what became of it, and which of them a statement sees.
//
// Only a transaction that asks for its number (or writes while commit times are kept) is in here: all others never touch the
// ledger but for one look at two counters a statement (now()), which nobody writes meanwhile.
//
// Numbers are dense within a run of the server, and a run's lie above those of all runs before: the upper half is the log's
// epoch, which every start raises durably before anything else (docs/transactions.md). What became of a number is kept in
// memory, for the newest `fates_max` of this run.
//
// What a statement sees is a version, which may be older than the tip (it is the newest durable one). So a number that has
// committed counts as seen once its commit's place in the log is not behind the version's; one that has written nothing to
// the database, or has been rolled back, once its end came before the statement's start.
// Threads: any.
#pragma once
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "spg/exec/context.hpp"
#include "spg/txn/control.hpp"

namespace spg::db {

class Ledger {
 public:
  using Fate = exec::TransactionFacts::Fate;
  using CommitTime = exec::TransactionFacts::CommitTime;
  /// When a statement began to read: how many had ended, and the highest number that had.
  struct Moment { std::uint64_t ended = 0, highest_ended = 0; };
  /// What is seen: a version of a database, by the position of its commit in the log.
  struct Reading { Moment moment; DatabaseId database{}; std::uint64_t position = 0; };
  /// How a transaction has ended. Position 0: it has written nothing.
  struct End { bool committed = false; DatabaseId database{}; std::uint64_t position = 0; };

  Ledger(txn::MachineControl& machine, bool keeps_commit_times);
  /// 53200 when there is no memory for it.
  Status open();

  bool keeps_commit_times() const { return keeps_commit_times_; }
  Moment now() const;
  /// 54000 when a run has drawn 2^32.
  Result<std::uint64_t> draw();
  /// Requires: drawn, and not ended. Commits of one session come in their order.
  void end(std::uint64_t number, const End& how);
  /// The body of a pg_snapshot. `own`: the transaction's number, or 0. 72000 when so many have ended since the moment that
  /// it is not known any more.
  Result<std::string_view> snapshot(const Reading& reading, std::uint64_t own, Arena& arena);
  /// `floor`: what the session knows to be committed. 22023 for a number that is still to be drawn.
  Result<Fate> fate(std::uint64_t number, std::uint64_t floor);
  std::optional<CommitTime> commit_time(std::uint32_t xid);
  std::optional<CommitTime> last_commit();

  static constexpr std::size_t fates_max = 1 << 17, ends_max = 1 << 16, recent_commits_max = 64;
  static constexpr std::uint64_t bootstrap = 1, frozen = 2, first_normal = 3;  ///< as in PostgreSQL: the first two are always committed

 private:
  struct Known { std::uint64_t position = 0; std::int64_t time_us = 0; Fate fate = Fate::in_progress; };
  /// An end, in the order of ends. `highest`: the database's highest position up to here.
  struct Ended { std::uint64_t number = 0, position = 0, highest = 0; DatabaseId database{}; };
  /// Of a database: its highest position of all ends, and of those that ends_ has forgotten.
  struct Place { DatabaseId database{}; std::uint64_t highest = 0, forgotten = 0; };
  struct Commit { std::uint64_t position = 0; CommitTime time{}; };

  Known* known(std::uint64_t number);
  Place& place_of(DatabaseId database);
  std::int64_t note_commit(std::uint64_t number, std::uint64_t position);

  txn::MachineControl& machine_;
  const bool keeps_commit_times_;
  std::unique_ptr<txn::Lock> lock_;              // everything below; the atomics are written under it
  std::atomic<std::uint64_t> ended_{0}, highest_ended_{0};
  std::uint64_t first_ = 0, next_ = 0, limit_ = 0;
  std::vector<std::uint64_t> running_;           // ascending
  std::vector<Known> known_;                     // a ring once it is full: number first_ + i at i % fates_max
  std::vector<Ended> ends_;                      // likewise: the i-th end, from 0
  std::vector<Place> places_;
  std::vector<Commit> recent_;                   // the newest, in commit order
};

}  // namespace spg::db
