#include "spg/txn/locks.hpp"

#include <cstring>
#include <new>

#include "spg/base/arena.hpp"

namespace spg::txn {

/// What one owner holds of one entry in one mode, since one level. `count` for advisory locks, which nest; `rows` for rows and keys.
struct LockHolder {
  static constexpr std::size_t row_words = lock_slots / 64;
  LockOwner* owner;
  LockEntry* entry;
  LockHolder* next_of_entry;
  LockHolder* next_of_owner;
  std::uint32_t level, count;
  std::uint8_t mode;
  std::uint64_t rows[row_words];
  bool has(std::uint16_t slot) const { return (rows[slot / 64] >> (slot % 64) & 1) != 0; }
};

struct LockEntry {
  LockTag tag;
  LockEntry* next;
  LockHolder* holders;
  LockOwner* first_waiter;
  LockOwner* last_waiter;
};

namespace {

constexpr std::uint16_t bits(std::initializer_list<int> modes) {
  unsigned set = 0;
  for (const int mode : modes) set |= 1u << mode;
  return static_cast<std::uint16_t>(set);
}
// PostgreSQL, table 13.2: what each table mode conflicts with.
constexpr std::uint16_t table_conflicts[8] = {bits({7}),          bits({6, 7}),          bits({4, 5, 6, 7}), bits({3, 4, 5, 6, 7}),
                                              bits({2, 3, 5, 6, 7}), bits({2, 3, 4, 5, 6, 7}), bits({1, 2, 3, 4, 5, 6, 7}), bits({0, 1, 2, 3, 4, 5, 6, 7})};
// Table 13.3: the same of rows.
constexpr std::uint16_t row_conflicts[7] = {bits({3, 5}),          bits({2, 3, 4, 5}),       bits({1, 2, 3, 4, 5}), bits({0, 1, 2, 3, 4, 5}),
                                            bits({1, 2, 3, 4, 5, 6}), bits({0, 1, 2, 3, 4, 5, 6}), bits({4, 5})};
constexpr std::uint16_t simple_conflicts[3] = {bits({1}), bits({0, 1, 2}), bits({})};  // nobody waits for who holds the last

std::uint16_t conflicts_of(LockSpace space, std::uint8_t mode) {
  return space == LockSpace::table ? table_conflicts[mode] : space == LockSpace::row ? row_conflicts[mode] : simple_conflicts[mode];
}
bool conflict(LockSpace space, std::uint8_t a, std::uint8_t b) { return (conflicts_of(space, a) >> b & 1) != 0; }
/// Whether who holds `held` needs no `wanted` beside it.
bool covers(LockSpace space, std::uint8_t held, std::uint8_t wanted) {
  const std::uint16_t of_wanted = conflicts_of(space, wanted);
  return held == wanted || (held > wanted && (conflicts_of(space, held) & of_wanted) == of_wanted);
}
bool has_slots(LockSpace space) { return space == LockSpace::row || space == LockSpace::key; }
bool is_about(const LockHolder& holder, std::uint16_t slot) { return !has_slots(holder.entry->tag.space) || holder.has(slot); }

/// Whether a lock is one of a writer's: a table's, or a unique key's.
bool is_of_writer(const LockTag& tag, std::uint8_t mode) {
  return tag.space == LockSpace::key || (tag.space == LockSpace::table && mode >= static_cast<std::uint8_t>(TableLock::row_exclusive));
}

/// Whether another waits for a lock that conflicts with `mode`. For what has no slots.
bool is_waited_against(const LockOwner& owner, const LockEntry& entry, std::uint8_t mode) {
  for (const LockOwner* waiter = entry.first_waiter; waiter != nullptr; waiter = waiter->next_waiter)
    if (waiter != &owner && conflict(entry.tag.space, waiter->mode, mode)) return true;
  return false;
}

std::uint64_t hash_of(const LockTag& tag) {
  std::uint64_t hash = (raw(tag.database) * 0x9e3779b97f4a7c15u) ^ (static_cast<std::uint64_t>(tag.space) << 56) ^ tag.object;
  hash = (hash ^ hash >> 29) * 0xbf58476d1ce4e5b9u;
  hash = (hash ^ tag.place) * 0x94d049bb133111ebu;
  return hash ^ hash >> 32;
}

}  // namespace

std::string_view lock_mode_name(LockSpace space, std::uint8_t mode) {
  static constexpr std::string_view tables[] = {"AccessShareLock", "RowShareLock", "RowExclusiveLock", "ShareUpdateExclusiveLock",
                                                "ShareLock", "ShareRowExclusiveLock", "ExclusiveLock", "AccessExclusiveLock"};
  static constexpr std::string_view rows[] = {"AccessShareLock", "RowShareLock",        "ExclusiveLock", "AccessExclusiveLock",
                                              "ExclusiveLock",   "AccessExclusiveLock", "ShareLock"};
  if (space == LockSpace::table) return tables[mode];
  if (space == LockSpace::row) return rows[mode];
  return mode == 0 ? "ShareLock" : "ExclusiveLock";
}

LockTable::~LockTable() {
  for (std::size_t i = 0; i < bucket_count_; ++i)
    for (LockEntry* entry = buckets_[i]; entry != nullptr;) {
      LockEntry* next = entry->next;
      for (LockHolder* holder = entry->holders; holder != nullptr;) {
        LockHolder* after = holder->next_of_entry;
        delete holder;
        holder = after;
      }
      delete entry;
      entry = next;
    }
  while (spare_entries_ != nullptr) delete std::exchange(spare_entries_, spare_entries_->next);
  while (spare_holders_ != nullptr) delete std::exchange(spare_holders_, spare_holders_->next_of_owner);
  delete[] buckets_;
}

LockEntry** LockTable::bucket(const LockTag& tag) const { return &buckets_[hash_of(tag) & (bucket_count_ - 1)]; }
LockEntry* LockTable::find(const LockTag& tag) const {
  if (bucket_count_ == 0) return nullptr;
  for (LockEntry* entry = *bucket(tag); entry != nullptr; entry = entry->next)
    if (entry->tag == tag) return entry;
  return nullptr;
}

bool LockTable::grow() {
  const std::size_t count = bucket_count_ == 0 ? 256 : bucket_count_ * 2;
  auto** made = new (std::nothrow) LockEntry*[count]();
  if (made == nullptr) return false;
  LockEntry** const old = buckets_;
  const std::size_t old_count = bucket_count_;
  buckets_ = made;
  bucket_count_ = count;
  for (std::size_t i = 0; i < old_count; ++i)
    for (LockEntry* entry = old[i]; entry != nullptr;) {
      LockEntry* next = entry->next;
      LockEntry** to = bucket(entry->tag);
      entry->next = *to;
      *to = entry;
      entry = next;
    }
  delete[] old;
  return true;
}

LockEntry* LockTable::find_or_make(const LockTag& tag) {
  if (LockEntry* entry = find(tag)) return entry;
  if (entry_count_ >= bucket_count_ && !grow() && bucket_count_ == 0) return nullptr;
  LockEntry* entry = spare_entries_;
  if (entry != nullptr) {
    spare_entries_ = entry->next;
    --spare_entry_count_;
  } else {
    entry = new (std::nothrow) LockEntry;
    if (entry == nullptr) return nullptr;
  }
  LockEntry** to = bucket(tag);
  *entry = {tag, *to, nullptr, nullptr, nullptr};
  *to = entry;
  ++entry_count_;
  return entry;
}

void LockTable::drop_if_unused(LockEntry* entry) {
  if (entry->holders != nullptr || entry->first_waiter != nullptr) return;
  LockEntry** link = bucket(entry->tag);
  while (*link != entry) link = &(*link)->next;
  *link = entry->next;
  --entry_count_;
  if (spare_entry_count_ == spare_max) { delete entry; return; }
  entry->next = spare_entries_;
  spare_entries_ = entry;
  ++spare_entry_count_;
}

/// A holder conflicts, or an earlier request does. From the first request on that waits for what the owner holds already, none
/// counts: they would wait for each other.
bool LockTable::is_blocked(const LockOwner& owner, const LockEntry& entry, std::uint16_t slot, std::uint8_t mode) const {
  const LockSpace space = entry.tag.space;
  unsigned held = 0;  // modes, as bits
  for (const LockHolder* holder = entry.holders; holder != nullptr; holder = holder->next_of_entry) {
    if (!is_about(*holder, slot)) continue;
    if (holder->owner == &owner) held |= 1u << holder->mode;
    else if (conflict(space, holder->mode, mode)) return true;
  }
  // Rows are queued for as in PostgreSQL: whoever comes and conflicts with no holder goes before those who wait.
  if (space == LockSpace::row && owner.waits_at != &entry) return false;
  for (const LockOwner* waiter = entry.first_waiter; waiter != nullptr && waiter != &owner; waiter = waiter->next_waiter) {
    if (waiter->slot != slot) continue;
    if ((held & conflicts_of(space, waiter->mode)) != 0) return false;
    if (conflict(space, waiter->mode, mode)) return true;
  }
  return false;
}

void LockTable::count_exclusive(const LockTag& tag, std::uint8_t mode, std::uint32_t by) {
  if (tag.space == LockSpace::table && mode == static_cast<std::uint8_t>(TableLock::access_exclusive)) access_exclusive_.fetch_add(by, std::memory_order_relaxed);
  if (tag.space == LockSpace::database && mode == static_cast<std::uint8_t>(SimpleLock::exclusive)) database_exclusive_.fetch_add(by, std::memory_order_relaxed);
}

/// A holder, linked into its entry's list but not yet into its owner's. Null without memory.
LockHolder* LockTable::new_holder(LockOwner& owner, LockEntry& entry, std::uint8_t mode, std::uint32_t level) {
  LockHolder* holder = spare_holders_;
  if (holder != nullptr) {
    spare_holders_ = holder->next_of_owner;
    --spare_holder_count_;
  } else {
    holder = new (std::nothrow) LockHolder;
    if (holder == nullptr) return nullptr;
  }
  holder->owner = &owner;
  holder->entry = &entry;
  holder->level = level;
  holder->count = 0;
  holder->mode = mode;
  if (has_slots(entry.tag.space)) std::memset(holder->rows, 0, sizeof holder->rows);
  holder->next_of_entry = entry.holders;
  entry.holders = holder;
  count_exclusive(entry.tag, mode, 1);
  return holder;
}

bool LockTable::grant(LockOwner& owner, LockEntry& entry, std::uint16_t slot, std::uint8_t mode, std::uint32_t level) {
  LockHolder* holder = entry.holders;
  while (holder != nullptr && (holder->owner != &owner || holder->mode != mode || holder->level != level)) holder = holder->next_of_entry;
  if (holder == nullptr) {
    holder = new_holder(owner, entry, mode, level);
    if (holder == nullptr) return false;
    holder->next_of_owner = owner.holders;
    owner.holders = holder;
  }
  if (has_slots(entry.tag.space)) holder->rows[slot / 64] |= std::uint64_t{1} << (slot % 64);
  ++holder->count;
  return true;
}

/// The new holder goes behind one that its owner has: the owner may look at the head of its list without the mutex.
bool LockTable::admit_writers(const LockOwner& but, const LockTag& database) {
  LockEntry* all = find_or_make(database);
  if (all == nullptr) return false;
  bool fits = true;
  const auto admit = [&](LockHolder& writer) {
    for (const LockHolder* known = all->holders; known != nullptr; known = known->next_of_entry)
      if (known->owner == writer.owner) return;
    LockHolder* share = new_holder(*writer.owner, *all, static_cast<std::uint8_t>(SimpleLock::share), writer.level);
    fits = fits && share != nullptr;
    if (share == nullptr) return;
    share->count = 1;
    share->next_of_owner = writer.next_of_owner;
    writer.next_of_owner = share;
  };
  for (std::size_t i = 0; i < bucket_count_; ++i)
    for (LockEntry* entry = buckets_[i]; entry != nullptr; entry = entry->next) {
      if (entry->tag.database != database.database) continue;
      for (LockHolder* holder = entry->holders; holder != nullptr; holder = holder->next_of_entry)
        if (holder->owner != &but && is_of_writer(entry->tag, holder->mode)) admit(*holder);
    }
  drop_if_unused(all);
  return fits;
}

LockResult LockTable::request(LockOwner& owner, const LockTag& tag, std::uint16_t slot, std::uint8_t mode, std::uint32_t level, LockWait wait) {
  LockEntry* entry = find(tag);
  const bool nests = tag.space == LockSpace::advisory;
  if (owner.has_arrived && owner.arrived == tag && owner.arrived_mode == mode && owner.arrived_level == level) {
    owner.has_arrived = false;
    return LockResult::granted;
  }
  // Where somebody waits for what conflicts, PostgreSQL 15 gives nobody a lock at once but who has that very one.
  const bool is_wanted = wait == LockWait::no_wait && !has_slots(tag.space) && entry != nullptr && is_waited_against(owner, *entry, mode);
  if (entry != nullptr)
    for (const LockHolder* holder = entry->holders; holder != nullptr; holder = holder->next_of_entry)
      if (holder->owner == &owner && is_about(*holder, slot) && covers(tag.space, holder->mode, mode) && (!is_wanted || holder->mode == mode)) {
        if (nests && !grant(owner, *entry, slot, mode, level)) return LockResult::out_of_memory;
        return LockResult::held;
      }
  if (owner.waits_at != nullptr) {
    const bool same = owner.waits_at == entry && owner.slot == slot && owner.mode == mode;
    if (same && is_blocked(owner, *entry, slot, mode)) return LockResult::must_wait;  // it keeps its place
    remove_waiter(owner);
    entry = find(tag);
  }
  if (is_wanted) return LockResult::not_available;
  if (entry == nullptr) entry = find_or_make(tag);
  if (entry == nullptr) return LockResult::out_of_memory;
  if (!is_blocked(owner, *entry, slot, mode)) {
    const bool fits = grant(owner, *entry, slot, mode, level);
    if (!fits) drop_if_unused(entry);
    return fits ? LockResult::granted : LockResult::out_of_memory;
  }
  if (wait == LockWait::no_wait) return LockResult::not_available;
  owner.waits_at = entry;
  owner.slot = slot;
  owner.mode = mode;
  owner.level = level;
  owner.next_waiter = nullptr;
  (entry->last_waiter == nullptr ? entry->first_waiter : entry->last_waiter->next_waiter) = &owner;
  entry->last_waiter = &owner;
  count_exclusive(tag, mode, 1);
  return LockResult::must_wait;
}

bool LockTable::is_held_by_other(const LockOwner& owner, const LockTag& tag, std::uint16_t slot, std::uint8_t mode) const {
  const LockEntry* entry = find(tag);
  if (entry == nullptr) return false;
  for (const LockHolder* holder = entry->holders; holder != nullptr; holder = holder->next_of_entry)
    if (holder->owner != &owner && is_about(*holder, slot) && conflict(tag.space, holder->mode, mode)) return true;
  return false;
}

bool LockTable::has_rows(const LockOwner& owner) const {
  for (const LockHolder* holder = owner.holders; holder != nullptr; holder = holder->next_of_owner)
    if (has_slots(holder->entry->tag.space)) return true;
  return false;
}

int LockTable::held_mode(const LockOwner& owner, const LockTag& tag, std::uint16_t slot) const {
  int mode = -1;
  const LockEntry* entry = find(tag);
  if (entry == nullptr) return mode;
  for (const LockHolder* holder = entry->holders; holder != nullptr; holder = holder->next_of_entry)
    if (holder->owner == &owner && is_about(*holder, slot) && holder->mode > mode) mode = holder->mode;
  return mode;
}

/// Takes the request out of its queue; those behind it may go on.
void LockTable::remove_waiter(LockOwner& owner) {
  LockEntry* const entry = owner.waits_at;
  if (entry == nullptr) return;
  LockOwner* before = nullptr;
  LockOwner** link = &entry->first_waiter;
  for (; *link != &owner; link = &(*link)->next_waiter) before = *link;
  *link = owner.next_waiter;
  if (entry->last_waiter == &owner) entry->last_waiter = before;
  owner.waits_at = nullptr;
  owner.next_waiter = nullptr;
  count_exclusive(entry->tag, owner.mode, UINT32_MAX);
  grant_waiters(*entry);
  drop_if_unused(entry);
}

void LockTable::stop_waiting(LockOwner& owner) { remove_waiter(owner); }

/// First-come: a request is granted when nothing before it conflicts.
void LockTable::grant_waiters(LockEntry& entry) {
  LockOwner* before = nullptr;
  for (LockOwner* waiter = entry.first_waiter; waiter != nullptr;) {
    LockOwner* next = waiter->next_waiter;
    if (is_blocked(*waiter, entry, waiter->slot, waiter->mode)) {
      before = waiter;
    } else {
      (before == nullptr ? entry.first_waiter : before->next_waiter) = next;
      if (entry.last_waiter == waiter) entry.last_waiter = before;
      waiter->waits_at = nullptr;
      waiter->next_waiter = nullptr;
      count_exclusive(entry.tag, waiter->mode, UINT32_MAX);
      // Without memory it is only woken: the statement asks again, and hears of it.
      const bool fits = grant(*waiter, entry, waiter->slot, waiter->mode, waiter->level);
      if (fits && entry.tag.space == LockSpace::advisory) {
        waiter->arrived = entry.tag;
        waiter->arrived_level = waiter->level;
        waiter->arrived_mode = waiter->mode;
        waiter->has_arrived = true;
      }
      if (waiter->wake != nullptr) waiter->wake(*waiter);
    }
    waiter = next;
  }
}

/// Unlinks from the entry and lets waiters in; the owner's list is the caller's.
void LockTable::drop_holder(LockHolder* holder) {
  LockEntry* entry = holder->entry;
  count_exclusive(entry->tag, holder->mode, UINT32_MAX);
  LockHolder** link = &entry->holders;
  while (*link != holder) link = &(*link)->next_of_entry;
  *link = holder->next_of_entry;
  if (spare_holder_count_ == spare_max) {
    delete holder;
  } else {
    holder->next_of_owner = spare_holders_;
    spare_holders_ = holder;
    ++spare_holder_count_;
  }
  if (entry->first_waiter != nullptr) grant_waiters(*entry);
  drop_if_unused(entry);
}

bool LockTable::release_above(LockOwner& owner, std::uint32_t level, std::size_t most) {
  remove_waiter(owner);
  for (LockHolder** link = &owner.holders; *link != nullptr;) {
    LockHolder* holder = *link;
    if (holder->level <= level) { link = &holder->next_of_owner; continue; }
    if (most-- == 0) return false;
    *link = holder->next_of_owner;
    drop_holder(holder);
  }
  return true;
}

void LockTable::lower_to(LockOwner& owner, std::uint32_t level) {
  for (LockHolder* holder = owner.holders; holder != nullptr; holder = holder->next_of_owner)
    if (holder->level > level) holder->level = level;
}

bool LockTable::release_one(LockOwner& owner, const LockTag& tag, std::uint8_t mode, std::uint32_t level) {
  for (LockHolder** link = &owner.holders; *link != nullptr; link = &(*link)->next_of_owner) {
    LockHolder* holder = *link;
    if (!(holder->entry->tag == tag) || holder->mode != mode || holder->level != level) continue;
    if (--holder->count == 0) {
      *link = holder->next_of_owner;
      drop_holder(holder);
    }
    return true;
  }
  return false;
}

void LockTable::release_space(LockOwner& owner, LockSpace space, std::uint32_t level) {
  for (LockHolder** link = &owner.holders; *link != nullptr;) {
    LockHolder* holder = *link;
    if (holder->entry->tag.space != space || holder->level != level) { link = &holder->next_of_owner; continue; }
    *link = holder->next_of_owner;
    drop_holder(holder);
  }
}

// --- who waits for whom ---------------------------------------------------------------------------------------------

namespace {

/// Visits those whom a waiting request waits for: holders that conflict, then earlier requests that do, as far as they count
/// (is_blocked). Stops on true.
template <class Visit>
bool each_obstacle(const LockOwner& owner, Visit visit) {
  const LockEntry& entry = *owner.waits_at;
  const LockSpace space = entry.tag.space;
  unsigned held = 0;  // modes, as bits
  for (const LockHolder* holder = entry.holders; holder != nullptr; holder = holder->next_of_entry) {
    if (!is_about(*holder, owner.slot)) continue;
    if (holder->owner == &owner) held |= 1u << holder->mode;
    else if (conflict(space, holder->mode, owner.mode) && visit(holder->owner, true)) return true;
  }
  for (LockOwner* waiter = entry.first_waiter; waiter != nullptr && waiter != &owner; waiter = waiter->next_waiter) {
    if (waiter->slot != owner.slot) continue;
    if ((held & conflicts_of(space, waiter->mode)) != 0) return false;
    if (conflict(space, waiter->mode, owner.mode) && visit(waiter, false)) return true;
  }
  return false;
}

/// "ShareLock on transaction 756": what a request waits for, in PostgreSQL's words. `number_of_blocker`: where that counts.
void describe_wait(const LockOwner& waiter, const LockOwner& blocker, std::uint64_t number_of_blocker, TextBuilder& out) {
  const LockTag& tag = waiter.waits_at->tag;
  char number[24];
  const auto add = [&](std::uint64_t value) {
    char* at = number + sizeof number;
    do *--at = static_cast<char>('0' + value % 10); while ((value /= 10) != 0);
    out.add(std::string_view(at, static_cast<std::size_t>(number + sizeof number - at)));
  };
  out.add("Process ");
  add(waiter.process_id);
  out.add(" waits for ");
  switch (tag.space) {
    case LockSpace::table:
      out.add(lock_mode_name(tag.space, waiter.mode), " on relation ");
      add(tag.object);
      out.add(" of database ");
      add(raw(tag.database));
      break;
    case LockSpace::row: case LockSpace::key:
      out.add("ShareLock on transaction ");
      add(number_of_blocker & UINT32_MAX);
      break;
    case LockSpace::advisory:
      out.add(lock_mode_name(tag.space, waiter.mode), " on advisory lock [");
      add(raw(tag.database));
      out.add(",");
      add(tag.place >> 32);
      out.add(",");
      add(tag.place & UINT32_MAX);
      out.add(",");
      add(tag.object);
      out.add("]");
      break;
    case LockSpace::database:
      out.add(lock_mode_name(tag.space, waiter.mode), " on database ");
      add(raw(tag.database));
      break;
  }
  out.add("; blocked by process ");
  add(blocker.process_id);
  out.add(".");
}

}  // namespace

Status LockTable::check_deadlock(LockOwner& owner) {
  if (owner.waits_at == nullptr) return ok();
  // Depth first from the owner over requests that wait; each is come by once. `found_from` is the way back.
  const std::uint64_t mark = ++last_mark_;
  owner.found_from = nullptr;
  LockOwner* last = nullptr;
  LockOwner* stack = &owner;  // linked by found_from: the newest not yet looked at is found by the search itself
  const auto search = [&](auto& self, LockOwner& from) -> bool {
    return each_obstacle(from, [&](LockOwner* other, bool) {
      if (other == &owner) { last = &from; return true; }
      if (other->mark == mark || other->waits_at == nullptr) return false;
      other->mark = mark;
      other->found_from = &from;
      return self(self, *other);
    });
  };
  if (!search(search, *stack)) return ok();
  // From the last back to the owner; told from the owner on.
  MemoryBudget budget;
  Arena arena(budget);
  Vec<LockOwner*> path(arena);
  for (LockOwner* one = last; one != nullptr; one = one == &owner ? nullptr : one->found_from) path.push_back(one);
  TextBuilder detail(arena);
  for (std::size_t i = path.size(); i-- > 0;) {
    LockOwner& blocker = i == 0 ? owner : *path[i - 1];
    describe_wait(*path[i], blocker, has_slots(path[i]->waits_at->tag.space) ? number_of(blocker) : 0, detail);
    if (i != 0) detail.add("\n");
  }
  return Error::make(sqlstate::t_r_deadlock_detected, "deadlock detected").detail(detail.view()).hint("See server log for query details.");
}

void LockTable::each_blocker(std::uint32_t process_id, FunctionRef<void(std::uint32_t)> visit) const {
  for (std::size_t i = 0; i < bucket_count_; ++i)
    for (const LockEntry* entry = buckets_[i]; entry != nullptr; entry = entry->next)
      for (const LockOwner* waiter = entry->first_waiter; waiter != nullptr; waiter = waiter->next_waiter)
        if (waiter->process_id == process_id)
          (void)each_obstacle(*waiter, [&](const LockOwner* other, bool) { visit(other->process_id); return false; });
}

void LockTable::drop_arrived(LockOwner& owner) {
  if (!std::exchange(owner.has_arrived, false)) return;
  (void)release_one(owner, owner.arrived, owner.arrived_mode, owner.arrived_level);
}

std::optional<LockSpace> LockTable::waits_in(const LockOwner& owner) const {
  if (owner.waits_at == nullptr) return std::nullopt;
  return owner.waits_at->tag.space;
}

bool LockTable::is_waited_for(const LockOwner& owner) const {
  for (const LockHolder* holder = owner.holders; holder != nullptr; holder = holder->next_of_owner)
    for (const LockOwner* waiter = holder->entry->first_waiter; waiter != nullptr; waiter = waiter->next_waiter)
      if (each_obstacle(*waiter, [&](const LockOwner* other, bool) { return other == &owner; })) return true;
  return false;
}

std::uint64_t LockTable::number_of(LockOwner& owner) {
  if (owner.transaction == 0 && draw_number_ != nullptr) owner.transaction = draw_number_(numbers_context_);
  return owner.transaction;
}

LockFact LockTable::fact_of(const LockEntry& entry, LockOwner& owner, std::uint8_t mode) {
  LockFact fact;
  fact.tag = entry.tag;
  fact.mode = mode;
  fact.process_id = owner.process_id;
  fact.local_transaction = owner.local_transaction.load(std::memory_order_relaxed);
  fact.transaction = has_slots(entry.tag.space) ? number_of(owner) : owner.transaction;
  return fact;
}

void LockTable::each(FunctionRef<void(const LockFact&)> visit) {
  for (std::size_t i = 0; i < bucket_count_; ++i)
    for (const LockEntry* entry = buckets_[i]; entry != nullptr; entry = entry->next) {
      for (const LockHolder* holder = entry->holders; holder != nullptr; holder = holder->next_of_entry) {
        LockFact fact = fact_of(*entry, *holder->owner, holder->mode);
        fact.granted = true;
        if (entry->tag.space != LockSpace::row) { visit(fact); continue; }
        for (std::uint16_t slot = 0; slot < LockHolder::row_words * 64; ++slot) {
          if (!holder->has(slot)) continue;
          fact.slot = slot;
          visit(fact);
        }
      }
      for (LockOwner* waiter = entry->first_waiter; waiter != nullptr; waiter = waiter->next_waiter) {
        LockFact fact = fact_of(*entry, *waiter, waiter->mode);
        fact.slot = waiter->slot;
        if (has_slots(entry->tag.space)) (void)each_obstacle(*waiter, [&](LockOwner* other, bool) { fact.blocker = number_of(*other); return true; });
        visit(fact);
      }
    }
}

}  // namespace spg::txn
