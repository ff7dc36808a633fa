// What a session has to do with locks: waiting for them, LOCK TABLE, advisory locks.
#include <algorithm>

#include "session_impl.hpp"

namespace spg::db {

using txn::LockTag;

/// The statement cannot go on yet: it is undone, but for its locks, and begins anew when it is woken.
Progress SessionImpl::wait_for_lock() {
  execution_.close();
  end_statement(false);
  sink_.rewind(sink_mark_);
  phase_ = Phase::begin;
  advisory_carried_.insert(advisory_carried_.end(), advisory_taken_.begin(), advisory_taken_.end());
  advisory_taken_.clear();
  begin_lock_wait();
  return Progress::waits_turn;
}

void SessionImpl::begin_lock_wait() {
  if (lock_wait_.is_waiting || !transaction_->waits_for_lock()) return;
  const std::uint64_t now = instance_.machine().monotonic_ns();
  const auto after = [&](std::int64_t timeout_ms) { return now + static_cast<std::uint64_t>(timeout_ms) * 1'000'000; };
  lock_wait_.is_waiting = true;
  lock_wait_.deadlock_check_ns = after(hot_settings_.deadlock_timeout_ms);
  lock_wait_.deadline_ns = hot_settings_.lock_timeout_ms > 0 ? after(hot_settings_.lock_timeout_ms) : 0;
}

/// Whether a statement that waits for a lock must go on waiting. As in PostgreSQL, cycles are looked for once, when the
/// wait has lasted for deadlock_timeout.
Result<bool> SessionImpl::still_waits() {
  if (!lock_wait_.is_waiting) return false;
  if (!transaction_->waits_for_lock()) {
    lock_wait_ = {};
    return false;
  }
  const std::uint64_t now = instance_.machine().monotonic_ns();
  if (lock_wait_.deadline_ns != 0 && now >= lock_wait_.deadline_ns)
    return Error::make(sqlstate::lock_not_available, "canceling statement due to lock timeout");
  if (lock_wait_.deadlock_check_ns != 0 && now >= lock_wait_.deadlock_check_ns) {
    lock_wait_.deadlock_check_ns = 0;
    SPG_TRY(transaction_->check_deadlock());
  }
  return true;
}

// --- advisory locks -------------------------------------------------------------------------------------------------

namespace {

LockTag tag_of(DatabaseId database, const exec::SessionLocks::Advisory& lock) {
  return {database, txn::LockSpace::advisory, lock.is_pair ? 2u : 1u, lock.key};
}
std::uint8_t mode_of(const exec::SessionLocks::Advisory& lock) {
  return static_cast<std::uint8_t>(lock.exclusive ? txn::SimpleLock::exclusive : txn::SimpleLock::share);
}

}  // namespace

Result<bool> SessionImpl::advisory_lock(const Advisory& lock, bool wait) {
  const LockTag tag = tag_of(transaction_->database(), lock);
  // A statement that had to wait has taken those before it already.
  for (auto carried = advisory_carried_.begin(); carried != advisory_carried_.end(); ++carried) {
    if (!(*carried == tag)) continue;
    advisory_carried_.erase(carried);
    advisory_taken_.push_back(tag);
    return true;
  }
  const std::uint32_t level = lock.of_session ? txn::LockOwner::session_level : transaction_->lock_depth();
  auto result = txn::LockResult::out_of_memory;
  instance_.machine().with_locks([&](txn::LockTable& table) {
    result = table.request(transaction_->lock_owner(), tag, 0, mode_of(lock), level, wait ? txn::LockWait::wait : txn::LockWait::no_wait);
  });
  switch (result) {
    case txn::LockResult::granted: case txn::LockResult::held: advisory_taken_.push_back(tag); return true;
    case txn::LockResult::not_available: return false;
    case txn::LockResult::must_wait: return Error::must_wait();
    case txn::LockResult::out_of_memory: break;
  }
  return Error::out_of_memory();
}

bool SessionImpl::advisory_unlock(const Advisory& lock) {
  bool released = false;
  instance_.machine().with_locks([&](txn::LockTable& table) {
    released = table.release_one(transaction_->lock_owner(), tag_of(transaction_->database(), lock), mode_of(lock), txn::LockOwner::session_level);
  });
  if (!released) warn(sqlstate::warning, lock.exclusive ? "you don't own a lock of type ExclusiveLock" : "you don't own a lock of type ShareLock");
  return released;
}

void SessionImpl::advisory_unlock_all() {
  instance_.machine().with_locks([&](txn::LockTable& table) {
    table.release_space(transaction_->lock_owner(), txn::LockSpace::advisory, txn::LockOwner::session_level);
  });
}

/// The statement is over: a lock that came while it waited, and that it did not ask for again, is given back.
void SessionImpl::settle_advisory_locks() {
  if (transaction_->lock_owner().has_arrived)
    instance_.machine().with_locks([&](txn::LockTable& table) { table.drop_arrived(transaction_->lock_owner()); });
  advisory_taken_.clear();
  advisory_carried_.clear();
}

void SessionImpl::blocking_pids(std::int32_t pid, spg::FunctionRef<void(std::int32_t)> visit) {
  std::vector<std::int32_t> found;
  instance_.machine().with_locks([&](txn::LockTable& table) {
    table.each_blocker(static_cast<std::uint32_t>(pid), [&](std::uint32_t one) {
      if (std::find(found.begin(), found.end(), static_cast<std::int32_t>(one)) == found.end()) found.push_back(static_cast<std::int32_t>(one));
    });
  });
  for (const std::int32_t one : found) visit(one);
}

// --- LOCK TABLE -----------------------------------------------------------------------------------------------------

Status SessionImpl::run_lock(const sql::Lock& lock, Where where) {
  if (!in_block_) return Error::make(sqlstate::no_active_sql_transaction, "LOCK TABLE can only be used in transaction blocks");
  const auto mode = static_cast<txn::TableLock>(static_cast<int>(lock.mode) - 1);
  const bool had_snapshot = transaction_->has_snapshot();
  SPG_TRY(begin_statement(txn::Intent::read, where));
  if (!had_snapshot) transaction_->forget_snapshot();
  for (const sql::TableRef* table : lock.tables) {
    SPG_ASSIGN(const catalog::Relation* relation, require_table(*table));
    if (relation->kind != 'r' && relation->kind != 'v' && relation->kind != 'p')
      return Error::make(sqlstate::wrong_object_type, "\"", relation->name, "\" is not a table or view");
    if (relation->table == TableId::none) continue;
    Status failed = transaction_->lock_table(relation->table, mode, lock.nowait ? txn::LockWait::no_wait : txn::LockWait::wait);
    if (failed && failed.code() == sqlstate::lock_not_available)
      return Error::make(sqlstate::lock_not_available, "could not obtain lock on relation \"", relation->name, "\"");
    SPG_TRY(std::move(failed));
  }
  return ok();
}

}  // namespace spg::db
