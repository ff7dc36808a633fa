#pragma once
#include <new>

#include "spg/txn/machine.inl.hpp"
#include "spg/txn/transaction.hpp"

namespace spg::txn {

/// More than so much of a write set is applied before the turn is taken; less, under it.
inline constexpr std::size_t bytes_under_turn_max = 32 * 1024;

template <policy::Env E>
Transaction<E>::Transaction(MachineOf& machine, LineageOf& lineage)
    : machine_(&machine), lineage_(&lineage), guard_(machine.objects().open_guard_slot()) {
  for (auto& pin : pins_) lineage_->open_slot(pin);
  lineage_->open_slot(tip_pin_);
  waiter_.context = own_locks_.context = this;
  waiter_.granted = [](TurnWaiter& waiter) {
    auto& self = *static_cast<Transaction*>(waiter.context);
    if (self.wake_ != nullptr) self.wake_(self.wake_context_);
  };
  own_locks_.wake = [](LockOwner& owner) {
    auto& self = *static_cast<Transaction*>(owner.context);
    if (self.wake_ != nullptr) self.wake_(self.wake_context_);
  };
}
template <policy::Env E>
Transaction<E>::~Transaction() {
  if (active_) rollback();
  lineage_->turn().abandon(waiter_);
  machine_->locks().with([&](LockTable& locks) {
    (void)locks.release_above(own_locks_, 0);
    for (const LockSpace space : {LockSpace::table, LockSpace::row, LockSpace::key, LockSpace::advisory, LockSpace::database})
      locks.release_space(own_locks_, space, LockOwner::session_level);
  });
  for (auto& pin : pins_) lineage_->close_slot(pin);
  lineage_->close_slot(tip_pin_);
  machine_->objects().close_guard_slot(guard_);
}

// --- levels and private tables --------------------------------------------------------------------------------------

template <policy::Env E>
Status Transaction<E>::push_level() {
  return levels_.push_back({changes_.size()}) ? ok() : Error::out_of_memory();
}

/// Ends the newest level: its work belongs to the one below, or is undone.
template <policy::Env E>
void Transaction<E>::pop_level(bool keep) {
  const std::uint32_t level = depth();
  const std::size_t changes_before = levels_.back().changes_before;
  for (PrivateOf* table = private_; table != nullptr; table = table->next) {
    if (!keep) {
      while (table->top != nullptr && table->top->depth >= level) table->pop_layer();
      std::size_t kept = table->records.size();
      while (kept != 0 && table->records[kept - 1].at >= changes_before) --kept;
      table->cut_records(kept);
      forget_suspects(*table, changes_before);
      SPG_ASSERT(table->applied <= kept);
      continue;
    }
    while (table->top != nullptr && table->top->depth >= level) {
      Layer* layer = table->top;
      if (layer->below == nullptr || layer->below->depth + 1 < level) { layer->depth = level - 1; break; }
      layer->scope.hand_to(layer->below->scope);
      table->top = layer->below;
      delete layer;
    }
  }
  if (!keep) {
    changes_.cut(changes_before);
    if (own_catalog_ != 0) own_catalog_ = raw(machine_->draw_generation());  // what was read under it counts no more
  }
  levels_.pop_back();
}

/// The records from `at` on are undone, and with them what was found to be in order after them.
template <policy::Env E>
void Transaction<E>::forget_suspects(PrivateOf& table, std::size_t at) {
  std::size_t kept = table.suspects.size();
  while (kept != 0 && table.suspects[kept - 1].at >= at) --kept;
  table.suspects.truncate(kept);
  for (Suspect& suspect : table.suspects)
    if (suspect.is_checked() && suspect.checked > at) suspect.checked = SIZE_MAX;
}

template <policy::Env E>
PrivateTable<typename Machine<E>::ScopeOf>* Transaction<E>::find_private(TableId id) {
  for (PrivateOf* table = private_; table != nullptr; table = table->next)
    if (table->id == id) return table;
  return nullptr;
}

/// The private part of a table, ready for the statement's records.
template <policy::Env E>
Result<PrivateTable<typename Machine<E>::ScopeOf>*> Transaction<E>::open_private(TableId id) {
  PrivateOf* table = find_private(id);
  if (table == nullptr) {
    table = new (std::nothrow) PrivateOf(id);
    if (table == nullptr) return Error::out_of_memory();
    table->next = private_;
    private_ = table;
  }
  if (table->statement != statement_) {
    table->statement = statement_;
    table->before_statement = table->records.size();
  }
  return table;
}

template <policy::Env E>
void Transaction<E>::forget_private() {
  while (private_ != nullptr) delete std::exchange(private_, private_->next);
}

/// Lets go of all private tables' objects: they are made anew from the records.
template <policy::Env E>
void Transaction<E>::forget_layers() {
  for (PrivateOf* table = private_; table != nullptr; table = table->next) table->stand_on(nullptr);
}

template <policy::Env E>
Status Transaction<E>::decode(const RecordPlace& place, Change& change) {
  SPG_ASSIGN(const Bytes bytes, changes_.read(place.at, place.size));
  ByteReader reader(bytes);
  return decode_change(reader, scratch_, change);
}

/// Lets the private table stand on the committed one of the version that is read.
template <policy::Env E>
Status Transaction<E>::stand_on_read_version(PrivateOf& table) {
  SPG_ASSIGN(Cell * cell, committed(root_, table.id));
  if (!table.is_on(cell)) table.stand_on(cell);
  return ok();
}

/// A layer for changes that come now: the statement's newest, when that is not read by it.
template <policy::Env E>
Result<Layer<typename Machine<E>::ScopeOf>*> Transaction<E>::own_layer(PrivateOf& table) {
  Layer* top = table.top;
  if (top != nullptr && top->statement == statement_ && top->depth == depth() && table.read != table.mine) return top;
  top = new (std::nothrow) Layer(machine_->objects(), machine_->draw_generation());
  if (top == nullptr) return Error::out_of_memory();
  top->mine = table.mine;
  top->base = table.base;
  top->base_birth = table.base_birth;
  top->applied = table.applied;
  top->depth = depth();
  top->statement = statement_;
  top->below = table.top;
  table.top = top;
  return top;
}

/// Does the first `upto` records. On an error the layer that it worked on is undone.
template <policy::Env E>
Status Transaction<E>::apply(PrivateOf& table, std::size_t upto) {
  if (table.applied >= upto) return ok();
  SPG_ASSIGN(Layer * layer, own_layer(table));
  for (; table.applied < upto; ++table.applied) {
    scratch_.reset();
    Change change(scratch_);
    Status failed = decode(table.records[table.applied], change);
    if (!failed) failed = apply_change(layer->scope, table.mine, change, scratch_, access_);
    if (!failed && table.applied % 64 == 63) failed = interrupted();
    unspilled_ += table.records[table.applied].size;
    if (!failed && machine_->must_spill(unspilled_)) failed = spill(table);
    if (!failed) continue;
    table.pop_layer();
    return failed;
  }
  return ok();
}

/// Writes what the layers have made. What the newest has made is dropped from memory: the statement does not read it.
template <policy::Env E>
Status Transaction<E>::spill(PrivateOf& table) {
  if (table.mine == nullptr || access_ == Access::no_wait) return ok();
  unspilled_ = 0;
  const Layer* bottom = table.top;
  while (bottom->below != nullptr) bottom = bottom->below;
  SPG_ASSIGN(const std::uint32_t segment, machine_->spill(table.mine, bottom->scope.generation(), table.top->scope.generation()));
  return segment == 0 || spilled_.push_back(segment) ? ok() : Error::out_of_memory();
}

/// Checkpoints must know of the segments before they meet what refers to them.
template <policy::Env E>
void Transaction<E>::publish_spilled() {
  machine_->publish_spilled({spilled_.data(), spilled_.size()});
  spilled_.clear();
}

/// Makes what the statement reads: the table with the records from before it.
template <policy::Env E>
Status Transaction<E>::settle(PrivateOf& table) {
  if (table.read_statement == statement_) return ok();
  SPG_TRY(stand_on_read_version(table));
  const std::size_t before = table.statement == statement_ ? table.before_statement : table.records.size();
  table.read = nullptr;
  SPG_TRY(apply(table, before));
  table.read = table.mine;
  table.read_statement = statement_;
  return ok();
}

/// Does all records, the running statement's included; what it reads stays as it was.
template <policy::Env E>
Status Transaction<E>::apply_own(PrivateOf& table) {
  SPG_TRY(settle(table));
  return apply(table, table.records.size());
}

// --- begin, statements, savepoints ----------------------------------------------------------------------------------

template <policy::Env E>
Status Transaction<E>::begin(const BeginOptions& options) {
  SPG_ASSERT(!active_);
  active_ = true;
  floor_ = machine_->not_lost(floor_);
  committed_ = 0;
  options_ = options;
  if (owner_ == &own_locks_) owner_->local_transaction.store(raw(machine_->draw_generation()), std::memory_order_relaxed);
  transaction_us_ = machine_->clock_us();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::begin_snapshot(TransactionControl& other) {
  auto& of = static_cast<Transaction&>(other);
  SPG_ASSERT(of.in_statement_ && of.lineage_ == lineage_);
  SPG_TRY(begin({Isolation::repeatable_read, true, false, false}));
  is_snapshot_ = true;
  owner_ = of.owner_;  // what a function locks is the other's, and ends with it
  transaction_us_ = of.transaction_us_;
  // The other keeps the version pinned for as long as this takes.
  VersionOf* version = (of.is_as_of_ ? of.tip_pin_ : of.pins_[of.pin_]).version.load(std::memory_order_relaxed);
  pins_[pin_ ^ 1].version.store(version, std::memory_order_seq_cst);
  read_version(version);
  return begin_statement(Intent::read, Access::wait);
}

/// Reads `version`, which is pinned in the other slot, from here on.
template <policy::Env E>
void Transaction<E>::read_version(VersionOf* version) {
  lineage_->unpin(pins_[pin_]);
  pin_ ^= 1;
  pinned_ = true;
  root_ = version->root;
  if (version->log_end > floor_) floor_ = version->log_end;
}

template <policy::Env E>
Status Transaction<E>::begin_statement(Intent intent, Access access) {
  const bool writes = intent == Intent::write;
  SPG_ASSERT(active_ && !in_statement_);
  access_ = access;
  if (writes && machine_->log_is_broken() && !machine_->is_read_only()) return machine_->log_error();
  if (writes && machine_->is_short_of_memory()) {
    if (access == Access::no_wait) return Error::would_block();
    machine_->wait_for_room();
  }
  SPG_TRY(check_not_doomed());
  // What a transaction has locked, and what it may lock, is looked at on the tip: the version that is read should be that,
  // or as little behind it as can be.
  auto& slot = pins_[pin_ ^ 1];
  if (!pinned_ || !is_stable()) read_version(intent != Intent::read || has_locked_ || has_written() ? lineage_->pin_tip(slot) : lineage_->pin(slot, floor_));
  ++statement_;
  if (writes) SPG_TRY(push_level());
  statement_level_ = writes;
  in_statement_ = true;
  own_catalog_before_ = own_catalog_;
  statement_us_ = machine_->clock_us();
  renew_guard();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::begin_statement_as_of(std::int64_t time_us, Access access) {
  SPG_ASSERT(active_ && !in_statement_);
  access_ = access;
  SPG_TRY(check_not_doomed());
  VersionOf* version = lineage_->pin_at(tip_pin_, time_us + epoch_2000_us);
  if (version == nullptr)
    return Error::make(sqlstate::snapshot_too_old, "the database is not kept as it was at that time")
        .hint("SPG_HISTORY_SECONDS says how much of the past is kept.");
  renew_guard();
  if (Status failed = machine_->objects().read(version->root, access).status()) {
    leave_guard();
    lineage_->unpin(tip_pin_);
    return failed;
  }
  is_as_of_ = in_statement_ = true;
  root_ = version->root;
  if (version->log_end > floor_) floor_ = version->log_end;
  ++statement_;
  statement_us_ = machine_->clock_us();
  return ok();
}

template <policy::Env E>
Status Transaction<E>::check_not_doomed() {
  if (!machine_->is_lost(floor_)) return ok();
  return Error::make(sqlstate::t_r_serialization_failure, "could not serialize access due to a concurrent transaction that could not be written");
}
template <policy::Env E>
Status Transaction<E>::check_floor() {
  if (!machine_->is_lost(floor_)) return ok();
  Status failed = machine_->is_lost(committed_) ? machine_->lost_error() : check_not_doomed();
  floor_ = machine_->not_lost(floor_);
  committed_ = 0;
  return failed;
}

template <policy::Env E>
void Transaction<E>::renew_statement() {
  SPG_ASSERT(in_statement_);
  if (!is_stable()) read_version(lineage_->pin_tip(pins_[pin_ ^ 1]));
  ++statement_;
}

template <policy::Env E>
Status Transaction<E>::end_statement(bool succeeded) {
  SPG_ASSERT(in_statement_);
  in_statement_ = false;
  if (statement_level_) pop_level(succeeded);
  statement_level_ = false;
  tip_root_ = nullptr;
  lineage_->unpin(tip_pin_);
  // Nothing is pinned while a client thinks, unless it was promised: the private tables are a cache over the write set.
  if (!is_stable()) {
    lineage_->unpin(pins_[pin_]);
    root_ = nullptr;
  } else if (is_as_of_) {
    const VersionOf* snapshot = pins_[pin_].version.load(std::memory_order_relaxed);
    root_ = snapshot != nullptr ? snapshot->root : nullptr;
  }
  is_as_of_ = false;
  own_catalog_before_ = own_catalog_;
  leave_guard();
  return ok();
}

template <policy::Env E>
Result<std::uint32_t> Transaction<E>::savepoint() {
  SPG_TRY(push_level());
  return depth();
}
template <policy::Env E>
Status Transaction<E>::release(std::uint32_t depth) {
  while (this->depth() >= depth) pop_level(true);
  machine_->locks().with([&](LockTable& locks) { locks.lower_to(*owner_, depth - 1); });
  return ok();
}
template <policy::Env E>
Status Transaction<E>::rollback_to(std::uint32_t depth) {
  while (this->depth() >= depth) pop_level(false);
  own_catalog_before_ = own_catalog_;
  known_locks_.clear();
  machine_->locks().release_above(*owner_, depth - 1);
  return push_level();  // the mark stays
}

template <policy::Env E>
void Transaction<E>::end_transaction() {
  if (stream_ != 0) machine_->end_stream(std::exchange(stream_, 0));
  forget_private();
  if (!spilled_.empty()) machine_->discard_spilled({spilled_.data(), spilled_.size()});
  spilled_.clear();
  unspilled_ = 0;
  levels_.clear();
  changes_.clear();
  reads_.clear();
  known_locks_.clear();
  if (is_snapshot_) owner_ = &own_locks_;
  else if (owner_->holders != nullptr || owner_->waits_at != nullptr)
    machine_->locks().release_above(*owner_, LockOwner::session_level);
  own_locks_.local_transaction.store(0, std::memory_order_relaxed);
  for (auto& pin : pins_) lineage_->unpin(pin);
  lineage_->unpin(tip_pin_);
  pinned_ = active_ = in_statement_ = statement_level_ = has_locked_ = is_snapshot_ = is_as_of_ = false;
  give_turn();
  lineage_->turn().abandon(waiter_);
  root_ = tip_root_ = nullptr;
  own_catalog_ = own_catalog_before_ = 0;
  audit_ = {};
}

template <policy::Env E>
void Transaction<E>::rollback() {
  if (in_statement_) (void)end_statement(false);
  end_transaction();
}

template <policy::Env E>
bool Transaction<E>::waits_for_lock() {
  return machine_->locks().with([&](LockTable&) { return owner_->waits_at != nullptr; });
}
template <policy::Env E>
bool Transaction<E>::is_waited_for() {
  return machine_->locks().with([&](LockTable& locks) { return locks.is_waited_for(*owner_); });
}
template <policy::Env E>
Status Transaction<E>::check_deadlock() {
  return machine_->locks().with([&](LockTable& locks) { return locks.check_deadlock(*owner_); });
}
template <policy::Env E>
void Transaction<E>::stop_waiting() {
  machine_->locks().with([&](LockTable& locks) { locks.stop_waiting(*owner_); });
  lineage_->turn().abandon(waiter_);
}

/// The catalog as the statement reads it. Own changes count from the next statement on, as reads do.
template <policy::Env E>
std::uint64_t Transaction<E>::catalog_stamp() {
  // The root of a pinned version is in RAM or was read by the statement; a cold one is read here.
  auto image = machine_->objects().read(root_, Access::wait);
  const std::uint64_t of_version = image ? root_state(*image).catalog_stamp : 0;
  if (own_catalog_before_ == 0 || is_as_of_) return of_version;
  if (stamp_ == 0 || stamp_of_version_ != of_version || stamp_of_own_ != own_catalog_before_) {
    stamp_ = raw(machine_->draw_generation());
    stamp_of_version_ = of_version;
    stamp_of_own_ = own_catalog_before_;
  }
  return stamp_;
}

// --- commit ---------------------------------------------------------------------------------------------------------

/// Off the turn: applies the write set to the newest version, so that little is left to do under it.
template <policy::Env E>
Status Transaction<E>::catch_up() {
  const Guarded guarded(*this);
  SPG_TRY(check_reads());
  read_version(lineage_->pin_tip(pins_[pin_ ^ 1]));
  ++statement_;
  for (PrivateOf* table = private_; table != nullptr; table = table->next) {
    if (table->records.empty()) continue;
    SPG_TRY(settle(*table));
  }
  return ok();
}

/// Puts the table with the transaction's records into `slot`, which holds the tip's.
template <policy::Env E>
Status Transaction<E>::bring_to_tip(PrivateOf& table, ScopeOf& scope, Cell*& slot) {
  if (table.is_on(slot)) {
    slot = table.mine;
    table.hand_layers_to(scope);
  } else {
    table.stand_on(slot);
  }
  for (; table.applied < table.records.size(); ++table.applied) {
    scratch_.reset();
    Change change(scratch_);
    SPG_TRY(decode(table.records[table.applied], change));
    SPG_TRY(apply_change(scope, slot, change, scratch_, access_));
  }
  return ok();
}

/// Under the turn: the tip with this transaction's work.
template <policy::Env E>
Status Transaction<E>::build(ScopeOf& scope, Cell*& root) {
  const Guarded guarded(*this);
  SPG_TRY(check_not_doomed());
  if (stream_ != 0 && machine_->is_lost(stream_end_)) return machine_->lost_error();
  SPG_TRY(check_reads());
  policy::LockGuard lock(lineage_->apply_mutex());
  root = lineage_->tip()->root;
  for (PrivateOf* table = private_; table != nullptr; table = table->next) {
    if (table->records.empty()) continue;
    SPG_ASSIGN(Cell * *slot, table_slot(scope, root, table->id, access_));
    SPG_TRY(bring_to_tip(*table, scope, *slot));
    RootState& state = root_state(Objects::image_of(root));
    if (raw(table->id) < first_user_table) state.catalog_stamp = raw(scope.generation());
    if (!table->changes_layout()) continue;
    for (const RecordPlace& place : table->records) {
      scratch_.reset();
      Change change(scratch_);
      SPG_TRY(decode(place, change));
      note_change(state, change, scope.generation());
      if (change.kind == ChangeKind::drop_table) lineage_->forget_table(table->id);
    }
  }
  return ok();
}

template <policy::Env E>
Status Machine<E>::commit_together(std::span<TransactionControl* const> transactions) {
  using TransactionOf = Transaction<E>;
  SPG_ASSERT(transactions.size() <= commit_parts_max);
  TransactionOf* writers[commit_parts_max];
  std::size_t count = 0;
  for (TransactionControl* one : transactions) {
    SPG_ASSERT(one->is_active() && !one->in_statement());
    if (one->has_written()) writers[count++] = static_cast<TransactionOf*>(one);
  }
  Bytes audit;
  for (TransactionControl* one : transactions)
    if (const Bytes body = static_cast<TransactionOf*>(one)->audit_; !body.empty()) audit = body;
  const auto for_all = [&](auto what) { for (TransactionControl* one : transactions) what(*static_cast<TransactionOf*>(one)); };
  std::size_t bytes = 0;
  for (std::size_t i = 0; i < count; ++i) bytes += writers[i]->changes_.size();
  // Much work, and waiting for the log in between: not where others wait for the thread.
  const bool streams = count == 1 && wants_stream(bytes);
  if (streams && writers[0]->access_ == Access::no_wait) return Error::would_block();
  Status failed;
  for (int tries = 0; count != 0; ++tries) {
    failed = ok();
    for (std::size_t i = 0; i < count && !failed; ++i)
      if (tries != 0 || writers[i]->changes_.size() > bytes_under_turn_max) failed = writers[i]->catch_up();
    if (failed.is_would_block()) return failed;
    // What takes time is done before the turn.
    if (!failed && streams && writers[0]->stream_ == 0) {
      Stream made{};
      failed = stream(writers[0]->lineage_->id(), writers[0]->changes_, made);
      writers[0]->stream_ = made.id;
      writers[0]->stream_end_ = made.last;
    } else if (!failed && !streams && bytes > bytes_under_turn_max && !options_.ephemeral) {
      failed = log_.reserve(bytes);  // makes room, which need not be kept for this record
      if (!failed) log_.give_back(bytes);
    }
    for (std::size_t i = 0; i < count && !failed && !streams; ++i) failed = writers[i]->changes_.load();
    for (std::size_t i = 0; i < count && !failed; ++i) {
      if (writers[i]->take_turn()) continue;
      for (std::size_t held = 0; held < i; ++held) writers[held]->give_turn();
      return Error::must_wait();
    }
    // From here on until they are given up, the turns are held.
    CommitPart parts[commit_parts_max];
    alignas(ScopeOf) std::byte memory[commit_parts_max][sizeof(ScopeOf)];
    ScopeOf* scopes[commit_parts_max] = {};
    for (std::size_t i = 0; i < count && !failed; ++i) {
      scopes[i] = new (memory[i]) ScopeOf(objects_, draw_generation());
      auto& changes = writers[i]->changes_;
      parts[i] = {writers[i]->lineage_, scopes[i], nullptr, changes.is_in_memory() ? changes.bytes() : Bytes{}, changes.size(), writers[i]->stream_};
      // A cold object must not be waited for here: catch_up() reads it, off the turn.
      const auto access = std::exchange(writers[i]->access_, tries < 3 ? Access::no_wait : Access::wait);
      failed = writers[i]->build(*scopes[i], parts[i].root);
      writers[i]->access_ = access;
    }
    if (!failed) {
      for (std::size_t i = 0; i < count; ++i) writers[i]->publish_spilled();
      auto end = commit({parts, count}, audit);
      if (end) for (std::size_t i = 0; i < count; ++i) writers[i]->published(*end);
      else failed = end.take_error();
    }
    for (std::size_t i = 0; i < count; ++i) {
      if (scopes[i] == nullptr) continue;
      if (failed) scopes[i]->undo();
      scopes[i]->~ScopeOf();
    }
    if (!failed.is_would_block()) break;
    for (std::size_t i = 0; i < count; ++i) {
      writers[i]->forget_layers();
      writers[i]->give_turn();
    }
    if (writers[0]->access_ == Access::no_wait) return failed;
  }
  for_all([](TransactionOf& one) { one.end_transaction(); });
  return failed;
}

template <policy::Env E>
TransactionControl* Machine<E>::open_transaction(DatabaseId id) {
  LineageOf* of = lineage(id);
  return of == nullptr ? nullptr : new (std::nothrow) Transaction<E>(*this, *of);
}

}  // namespace spg::txn

#include "spg/txn/transaction_read.inl.hpp"
#include "spg/txn/table_storage.inl.hpp"
#include "spg/txn/transaction_write.inl.hpp"
#include "spg/txn/transaction_deferred.inl.hpp"
#include "spg/txn/transaction_keys.inl.hpp"
#include "spg/txn/transaction_serializable.inl.hpp"
