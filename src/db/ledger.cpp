#include "spg/db/ledger.hpp"

#include <algorithm>

#include "spg/policy/policy.hpp"
#include "spg/type/transaction.hpp"

namespace spg::db {

Ledger::Ledger(txn::MachineControl& machine, bool keeps_commit_times)
    : machine_(machine), keeps_commit_times_(keeps_commit_times), lock_(machine.make_lock()) {}

Status Ledger::open() {
  if (lock_ == nullptr) return Error::out_of_memory();
  const std::uint64_t base = std::uint64_t{machine_.log_end(false).epoch - 1} << 32;
  first_ = next_ = base + first_normal;
  limit_ = base + (std::uint64_t{1} << 32);
  highest_ended_ = first_ - 1;
  return ok();
}

Ledger::Moment Ledger::now() const {
  Moment moment;
  // In this order: an end that comes between the two loads counts as one that came later.
  moment.ended = ended_.load(std::memory_order_acquire);
  moment.highest_ended = highest_ended_.load(std::memory_order_acquire);
  return moment;
}

Result<std::uint64_t> Ledger::draw() {
  policy::LockGuard lock(*lock_);
  if (next_ == limit_)
    return Error::make(sqlstate::program_limit_exceeded, "all transaction numbers of this run are used up").hint("Restart the server.");
  const std::uint64_t number = next_++;
  running_.push_back(number);
  if (known_.size() < fates_max) known_.emplace_back();
  else known_[(number - first_) % fates_max] = {};
  return number;
}

Ledger::Known* Ledger::known(std::uint64_t number) {
  const bool is_kept = number >= first_ && number < next_ && next_ - number <= fates_max;
  return is_kept ? &known_[(number - first_) % fates_max] : nullptr;
}

Ledger::Place& Ledger::place_of(DatabaseId database) {
  for (Place& place : places_)
    if (place.database == database) return place;
  return places_.emplace_back(Place{database});
}

/// Gives a commit its time. Commits come here nearly in their order, each from its own thread: one that is late must not be
/// younger than those behind it.
std::int64_t Ledger::note_commit(std::uint64_t number, std::uint64_t position) {
  std::int64_t time_us = machine_.clock_us();
  if (!recent_.empty()) time_us = std::max(time_us, recent_.back().time.time_us);
  auto at = recent_.end();
  if (position == 0) position = recent_.empty() ? 0 : recent_.back().position;  // in no database: after all there are
  for (; at != recent_.begin() && (at - 1)->position > position; --at) time_us = (at - 1)->time.time_us;
  recent_.insert(at, {position, {number, time_us}});
  if (recent_.size() > recent_commits_max) recent_.erase(recent_.begin());
  return time_us;
}

void Ledger::end(std::uint64_t number, const End& how) {
  policy::LockGuard lock(*lock_);
  const auto at = std::lower_bound(running_.begin(), running_.end(), number);
  SPG_ASSERT(at != running_.end() && *at == number);
  running_.erase(at);
  const std::uint64_t position = how.committed ? how.position : 0;
  const std::int64_t time_us = how.committed && keeps_commit_times_ ? note_commit(number, position) : 0;
  if (Known* one = known(number)) *one = {position, time_us, how.committed ? Fate::committed : Fate::aborted};
  Ended ended{number, position, 0, how.database};
  if (position != 0) {
    Place& place = place_of(how.database);
    ended.highest = place.highest = std::max(place.highest, position);
  }
  const std::uint64_t count = ended_.load(std::memory_order_relaxed);
  if (ends_.size() < ends_max) {
    ends_.push_back(ended);
  } else {
    Ended& oldest = ends_[count % ends_max];
    if (oldest.position != 0) place_of(oldest.database).forgotten = oldest.highest;
    oldest = ended;
  }
  if (number > highest_ended_.load(std::memory_order_relaxed)) highest_ended_.store(number, std::memory_order_release);
  ended_.store(count + 1, std::memory_order_release);
}

Result<std::string_view> Ledger::snapshot(const Reading& reading, std::uint64_t own, Arena& arena) {
  policy::LockGuard lock(*lock_);
  const Moment& moment = reading.moment;
  const std::uint64_t xmax = moment.highest_ended + 1, ended = ended_.load(std::memory_order_relaxed);
  const auto too_old = [] { return Error::make(sqlstate::snapshot_too_old, "snapshot too old"); };
  if (ended - moment.ended > ends_.size()) return too_old();
  Vec<std::uint64_t> xip(arena);
  for (const std::uint64_t number : running_)
    if (number < xmax && number != own) xip.push_back(number);
  const Place place = place_of(reading.database);
  // Behind what has ended since, only commits that are not in the version yet are looked for.
  bool all_seen = place.highest <= reading.position;
  std::uint64_t i = ended;
  for (; i > moment.ended || (!all_seen && ended - i < ends_.size()); --i) {
    const Ended& one = ends_[(i - 1) % ends_max];
    const bool has_place = one.position != 0 && one.database == reading.database;
    if (has_place && one.highest <= reading.position) all_seen = true;
    const bool is_seen = has_place ? one.position <= reading.position : i <= moment.ended;
    if (!is_seen && one.number < xmax) xip.push_back(one.number);
  }
  if (!all_seen && place.forgotten > reading.position) return too_old();
  std::sort(xip.begin(), xip.end());
  std::uint64_t xmin = xip.empty() ? xmax : xip[0];
  if (own != 0) xmin = std::min(xmin, own);
  type::SnapshotBuilder made(arena);
  made.add(xmin);
  made.add(xmax);
  for (const std::uint64_t number : xip) made.add(number);
  return made.body();
}

Result<Ledger::Fate> Ledger::fate(std::uint64_t number, std::uint64_t floor) {
  if (number == bootstrap || number == frozen) return Fate::committed;
  policy::LockGuard lock(*lock_);
  if (number >= next_) return Error::make(sqlstate::invalid_parameter_value, "transaction ID ", number, " is in the future");
  if (std::binary_search(running_.begin(), running_.end(), number)) return Fate::in_progress;
  const Known* one = known(number);
  if (one == nullptr) return Fate::unknown;
  // A commit that a crash may still undo has not happened, but for the session whose it is: its replies wait for the log.
  if (one->fate == Fate::committed && machine_.is_lost(one->position)) return Fate::aborted;
  if (one->fate == Fate::committed && one->position > floor && !machine_.is_durable(one->position)) return Fate::in_progress;
  return one->fate;
}

std::optional<Ledger::CommitTime> Ledger::commit_time(std::uint32_t xid) {
  policy::LockGuard lock(*lock_);
  // The newest number that has been drawn of those that end like this.
  std::uint64_t number = ((next_ - 1) & ~std::uint64_t{UINT32_MAX}) | xid;
  if (number >= next_) {
    if (number >> 32 == 0) return std::nullopt;
    number -= std::uint64_t{1} << 32;
  }
  const Known* one = known(number);
  if (one == nullptr || one->fate != Fate::committed || machine_.is_lost(one->position)) return std::nullopt;
  return CommitTime{number, one->time_us};
}

std::optional<Ledger::CommitTime> Ledger::last_commit() {
  policy::LockGuard lock(*lock_);
  for (std::size_t i = recent_.size(); i-- > 0;)
    if (!machine_.is_lost(recent_[i].position)) return recent_[i].time;
  return std::nullopt;
}

}  // namespace spg::db
