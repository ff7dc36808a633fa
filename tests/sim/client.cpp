#include "sim/client.hpp"

#include <algorithm>

namespace spg::sim {
namespace {

std::string code_of(const Error& error) {
  const auto text = sqlstate_text(error.code());
  return {text.data(), 5};
}
std::string shown(const std::vector<std::string>& lines) {
  std::string all;
  for (const std::string& line : lines) all += (all.empty() ? "" : " | ") + line;
  return all;
}

}  // namespace

// --- what it asks for -----------------------------------------------------------------------------------------------

Operation Client::some_operation() {
  os::SimChance& chance = world_.chance;
  const auto below = [&](int bound) { return static_cast<int>(chance.below(static_cast<std::uint64_t>(bound))); };
  const int from = 1 + below(16), value = world_.next_value++;
  const int one = 1 + below(account_count), other = 1 + (one + below(account_count - 1)) % account_count;
  switch (below(20)) {
    case 0: case 1: return {Kind::select_table, below(table_count)};
    case 2: return {Kind::select_index, below(3)};
    case 3: return {Kind::count_keys, from * 3, from * 3 + 20};
    case 4: return {Kind::select_sum};
    case 5: case 6: case 7: return {Kind::transfer, one, other, 1 + below(50)};
    case 8: case 9: return {Kind::append, value, number_};
    case 10: return {Kind::race_insert, below(6), number_, value};
    case 11: return {Kind::race_nothing, below(6), number_, value};
    case 12: return {Kind::race_upsert, below(6), number_, value};
    case 13: return {Kind::race_delete, below(6)};
    case 14: return {Kind::race_move, below(6), below(6)};
    case 15: return {Kind::wide_insert, from, from + below(4), value};
    case 16: return {Kind::wide_add, from * 3, from * 3 + below(20), value};
    case 17: return {Kind::wide_text, from, from + below(6), value};
    case 18: return {Kind::wide_delete, from, from + below(3)};
    default: {
      static constexpr Kind ways[] = {Kind::lock_rows, Kind::lock_rows, Kind::lock_rows_nowait, Kind::lock_rows_skip};
      return {ways[below(4)], one, other, below(2)};
    }
  }
}

void Client::plan_more() {
  os::SimChance& chance = world_.chance;
  const auto below = [&](int bound) { return static_cast<int>(chance.below(static_cast<std::uint64_t>(bound))); };
  if (below(40) == 0) return plan_.push_back({Kind::synchronous, below(2)});
  if (below(60) == 0) return plan_.push_back({below(2) == 0 ? Kind::create_index : Kind::drop_index});
  if (below(2) == 0) return plan_.push_back(some_operation());
  plan_.push_back({Kind::begin, below(3)});
  int marks = 0;
  for (int rest = 1 + below(5); rest != 0; --rest) {
    const int what = below(12);
    if (what == 0) {
      plan_.push_back({Kind::savepoint, ++marks});
    } else if (what == 1 && marks != 0) {
      plan_.push_back({Kind::rollback_to, marks = 1 + below(marks)});
    } else if (what == 2 && marks != 0) {
      const int name = 1 + below(marks);
      plan_.push_back({Kind::release, name});
      marks = name - 1;
    } else if (what <= 4) {
      const int one = 1 + below(account_count), other = 1 + below(account_count), amount = 1 + below(50);
      plan_.push_back({Kind::pay, one, 0, -amount});
      plan_.push_back({Kind::pay, other, 0, amount});
    } else {
      plan_.push_back(some_operation());
    }
  }
  plan_.push_back({below(8) == 0 ? Kind::rollback : Kind::commit});
}

Operation Client::next_operation(bool is_last) {
  if (block_.has_failed) {
    plan_.clear();
    if (!is_last && !block_.marks.empty() && world_.chance.below(2) == 0) {
      plan_ = {some_operation(), {Kind::commit}};
      return {Kind::rollback_to, block_.marks[world_.chance.below(block_.marks.size())].name};
    }
    return {world_.chance.below(2) == 0 ? Kind::rollback : Kind::commit};
  }
  if (is_last && block_.is_open) {
    plan_.clear();
    return {Kind::rollback};
  }
  if (block_.sees_key_twice) {
    plan_.clear();
    return {world_.chance.below(2) == 0 ? Kind::rollback : Kind::commit};
  }
  if (plan_.empty()) plan_more();
  const Operation next = plan_.front();
  plan_.pop_front();
  return next;
}

// --- the session ----------------------------------------------------------------------------------------------------

void Client::connect() {
  os::SimChance& chance = world_.chance;
  auto opened = db::Session::open(*world_.instance, "bench", "postgres", sink_);
  if (!opened) {
    if (!world_.is_faulty && !world_.disk.power_is_cut()) world_.find(name() + "cannot connect: " + std::string(opened.error().message()));
    return;
  }
  session_ = std::move(*opened);
  holds_ = chance.below(4) != 0;
  pipelines_ = holds_ && chance.below(2) != 0;
  is_synchronous_ = true;
  has_lock_timeout_ = chance.below(4) == 0;
  if (has_lock_timeout_ && session_->set_at_start("lock_timeout", "400")) world_.find(name() + "cannot set lock_timeout");
  session_->set_wake([](void*) {}, nullptr);  // is_woken() tells
  if (holds_) session_->let_caller_hold_replies();
  low_ = world_.commit_at(world_.machine->log().durable());
  world_.note(name() + "connects" + (holds_ ? ", holds replies" : "") + (pipelines_ ? ", pipelines" : "") + (has_lock_timeout_ ? ", lock_timeout" : ""));
}

bool Client::can_move() const {
  if (!is_running_) return false;
  switch (wait_) {
    case db::Progress::waits_turn: return session_->is_woken() || session_->time_left_ns() == 0;
    case db::Progress::waits_durable: {
      const Machine& machine = *world_.machine;
      return machine.is_durable(session_->floor()) || machine.is_lost(session_->floor()) || machine.log_is_broken();
    }
    default: return true;
  }
}

std::string Client::describe() const {
  return name() + (!is_connected() ? "is away" : is_running_ ? "runs " + sql_of(operation_) + ", progress " + std::to_string(static_cast<int>(wait_)) : "is idle") +
         (block_.is_open ? block_.has_failed ? ", in a failed block" : ", in a block" : "") + ", replies held: " + std::to_string(held_.size());
}

void Client::move(bool is_last) {
  if (!is_running_) start(next_operation(is_last));
  if (is_running_) run();
  if (std::exchange(reads_undone_, false)) vanish();
}

void Client::start(const Operation& operation) {
  operation_ = operation;
  is_running_ = true;
  is_settled_ = has_committed_ = has_waited_ = is_cancelled_ = false;
  if (!block_.is_open) may_be_doomed_ = false;
  is_synchronous_statement_ = is_synchronous_;
  where_ = db::Where::reactor;
  attempt_from_ = world_.newest();
  // Whatever anybody has been told of is there for a statement that begins now.
  if (!block_.has_snapshot) low_ = std::max(low_, world_.commit_at(world_.told));
  sink_.clear();
  sink_.full_lines = is_read(operation.kind) && world_.chance.below(4) == 0 ? 4 : SIZE_MAX;
  if (!block_.is_open) block_ = {};
  ++world_.counts.statements;
  send();
}

/// As a simple query, or by Parse, Bind, Execute and Sync: then the statement by itself commits at Sync.
void Client::send() {
  const std::string text = sql_of(operation_);
  stage_ = world_.chance.below(3) == 0 ? Stage::execute : Stage::query;
  world_.note(name() + (stage_ == Stage::execute ? "(extended) " : "") + text);
  if (stage_ == Stage::query) return session_->start_query(text);
  Status failed = session_->parse("", text, {}, db::Where::worker);
  if (!failed) failed = session_->bind("", "", {}, {}, db::Where::worker);
  if (!failed) failed = session_->start_execute("", 0);
  if (!failed) return;
  session_->fail();
  settle_error(failed);
}

void Client::run() {
  const std::uint64_t before = world_.newest_commit();
  const std::size_t attempt = world_.newest();
  auto progress = session_->run(where_);
  const bool has_moved = world_.newest_commit() > before;
  may_be_doomed_ = may_be_doomed_ || world_.machine->is_lost(world_.history.back().position);  // by this very step
  if (!progress) {
    world_.note(name() + "-> " + code_of(progress.error()) + " " + std::string(progress.error().message()));
    if (has_moved) return world_.find(name() + "an error, and yet a record in the log");
    const bool is_undone = may_be_doomed_ && code_of(progress.error()) == "53100";
    if (has_committed_ && !is_undone && code_of(progress.error()) != "08007") return world_.find(name() + "an error other than 08007 after the commit");
    return settle_error(progress.error());
  }
  wait_ = *progress;
  if (wait_ == db::Progress::output_full) sink_.send();
  if (has_moved) {
    settle();
    if (!reads_undone_) committed();
    else world_.find(name() + "commits after it has answered what is undone");
  }
  if (world_.is_over() || reads_undone_) return;
  switch (wait_) {
    case db::Progress::done: return ended();
    case db::Progress::wants_worker:
      where_ = db::Where::worker;
      world_.note(name() + "goes to a worker");
      break;
    case db::Progress::waits_turn:
      has_waited_ = true;
      ++world_.counts.waits;
      world_.note(name() + "waits");
      break;
    case db::Progress::wants_copy_data: return world_.find(name() + "is asked for data");
    case db::Progress::waits_durable: settle(); break;
    default: break;
  }
  attempt_from_ = attempt;
}

/// An activity of the session is over.
void Client::ended() {
  settle();
  if (world_.is_over() || reads_undone_) return;
  if (stage_ != Stage::execute) return answered(sink_.tag, false);
  stage_ = Stage::sync;
  where_ = db::Where::reactor;
  session_->start_sync();
}

std::vector<std::string> Client::lines() const {
  std::vector<std::string> all = sink_.sent;
  all.insert(all.end(), sink_.lines.begin(), sink_.lines.end());
  std::sort(all.begin(), all.end());
  return all;
}

// --- what it is shown -----------------------------------------------------------------------------------------------

/// The statement is done: its rows must be those of a state that it may see.
void Client::settle() {
  if (std::exchange(is_settled_, true)) return;
  if (is_read(operation_.kind) || is_write(operation_.kind) || is_lock(operation_.kind)) settle_rows();
}

std::vector<std::size_t> Client::possible_states() const {
  if (block_.has_snapshot) return block_.snapshots;
  // A snapshot may be the newest durable state, as a read's; who writes at READ COMMITTED goes by the newest.
  const std::size_t from = is_read(operation_.kind) || block_.isolation != 0 ? low_ : attempt_from_;
  std::vector<std::size_t> all;
  for (std::size_t at = from; at <= world_.newest(); ++at) all.push_back(at);
  return all;
}

/// Whether the rows that a statement has locked are those of the tip: else somebody's change would be lost.
bool Client::is_newest(const Outcome& outcome, std::size_t at) const {
  const State& then = world_.history[at].state;
  const State& now = world_.history.back().state;
  for (const auto& [table, key] : outcome.touched) {
    const auto is_it = [&](const Effect& effect) { return effect.table == table && effect.key == key; };
    if (std::any_of(block_.effects.begin(), block_.effects.end(), is_it)) continue;
    const auto old = then.rows(table).find(key), newest = now.rows(table).find(key);
    if ((old == then.rows(table).end()) != (newest == now.rows(table).end())) return false;
    if (old != then.rows(table).end() && old->second != newest->second) return false;
  }
  return true;
}

/// What the statement reads: the commit's state with the own changes. A new key is compared with the newest keys.
State Client::state_for(std::size_t at) const {
  State state = with(world_.history[at].state, block_.effects);
  if (operation_.kind != Kind::race_move || operation_.a == operation_.b) return state;
  const State newest = with(world_.history.back().state, block_.effects);
  return newest.rows(Table::race).contains(operation_.b) ? state : with(state, {{Table::race, operation_.b, false, {}}});
}

/// SKIP LOCKED may answer some of the rows only: they alone are locked.
void Client::keep_answered(Outcome& outcome, const std::vector<std::string>& got) {
  const auto is_passed_over = [&](const std::string& line) { return !std::binary_search(got.begin(), got.end(), line); };
  std::erase_if(outcome.lines, is_passed_over);
  std::erase_if(outcome.touched, [&](const auto& row) {
    const std::string key = std::to_string(row.second) + "\t";
    return std::none_of(got.begin(), got.end(), [&](const std::string& line) { return line.starts_with(key); });
  });
}

void Client::settle_rows() {
  const std::vector<std::string> got = lines();
  // New keys are compared with the newest rows at every level, as in PostgreSQL: who inserts where his snapshot has a row that
  // is gone by now succeeds. That tells nothing of the snapshot.
  const bool is_blind = block_.isolation != 0 && is_insert(operation_.kind);
  const std::vector<std::size_t> possible = possible_states();
  std::vector<std::size_t> matching;
  Outcome outcome;
  for (const std::size_t at : is_blind ? std::vector<std::size_t>{world_.newest()} : possible) {
    Outcome expected = evaluate(operation_, state_for(at));
    if (operation_.kind == Kind::lock_rows_skip) keep_answered(expected, got);
    if (!expected.error.empty() || expected.lines != got || !is_newest(expected, at)) continue;
    if (matching.empty()) outcome = std::move(expected);
    matching.push_back(at);
  }
  world_.note(name() + "-> " + shown(got));
  if (matching.empty() && may_be_doomed_) {
    reads_undone_ = true;
    return;
  }
  if (matching.empty()) {
    const Outcome expected = evaluate(operation_, with(world_.history.back().state, block_.effects));
    return world_.find(name() + sql_of(operation_) + ": no state that it may see answers " + shown(got) + "; the newest: " + expected.error + shown(expected.lines));
  }
  if (block_.isolation == 2 && block_.is_open && !is_blind && operation_.kind != Kind::lock_rows_skip) block_.reads.push_back({operation_, got, block_.effects});
  block_.seen = std::max(block_.seen, world_.history[matching.front()].position);
  if (!is_blind) low_ = std::max(low_, matching.front());
  for (const Effect& effect : outcome.effects) {
    const bool is_new = effect.is_there && std::find(outcome.touched.begin(), outcome.touched.end(), std::pair(effect.table, effect.key)) == outcome.touched.end();
    for (const std::size_t at : possible)
      block_.sees_key_twice |= is_new && with(world_.history[at].state, block_.effects).rows(effect.table).contains(effect.key);
  }
  if (block_.isolation != 0) {
    block_.has_snapshot = true;
    block_.snapshots = is_blind ? possible : std::move(matching);
  }
  block_.effects.insert(block_.effects.end(), outcome.effects.begin(), outcome.effects.end());
}

bool Client::is_allowed(const std::string& code) const {
  if (code == "40001") return may_be_doomed_ || (block_.is_open && block_.isolation != 0);
  if (code == "40P01") return has_waited_;
  if (code == "55P03") return operation_.kind == Kind::lock_rows_nowait || (has_waited_ && has_lock_timeout_);
  if (code == "57014") return is_cancelled_;
  return world_.is_faulty && (code == "53100" || code == "58030" || code == "08007" || code == "53200");
}

void Client::settle_error(const Error& error) {
  const std::string code = code_of(error);
  if (stage_ == Stage::execute) {
    session_->start_sync();
    auto progress = session_->run(db::Where::worker);
    if (!progress || *progress != db::Progress::done) return world_.find(name() + "Sync after an error is not done");
  }
  if (world_.disk.power_is_cut()) return;
  // A statement that has failed has fixed the snapshot, too.
  if (block_.isolation != 0 && !block_.has_snapshot && operation_.kind < Kind::begin) {
    block_.snapshots = possible_states();
    block_.has_snapshot = true;
  }
  if (code == "40P01") ++world_.counts.deadlocks;
  if (code == "40001") ++world_.counts.conflicts;
  if (code == "23505") {
    // The key must be in a state that it may see; the reply tells that the oldest such commit is there.
    const bool moves = operation_.kind == Kind::race_move;
    const int key = moves ? operation_.b : operation_.a;
    if (operation_.kind != Kind::race_insert && !moves) return world_.find(name() + sql_of(operation_) + ": 23505");
    std::size_t at = std::min(low_, block_.has_snapshot ? block_.snapshots.front() : low_);
    while (at <= world_.newest() && !world_.history[at].state.rows(Table::race).contains(key)) ++at;
    const auto is_own = [&](const Effect& effect) { return effect.table == Table::race && effect.key == key && effect.is_there; };
    const bool own = std::any_of(block_.effects.begin(), block_.effects.end(), is_own);
    if (at > world_.newest() && !own) return world_.find(name() + sql_of(operation_) + ": 23505, but nobody has that key");
    if (!own) block_.seen = std::max(block_.seen, world_.history[at].position);
  } else if (!is_allowed(code)) {
    return world_.find(name() + sql_of(operation_) + ": unexpected " + code + " " + std::string(error.message()));
  }
  // COMMIT ends the block, whatever comes of it.
  if (operation_.kind == Kind::commit || operation_.kind == Kind::rollback) block_.is_open = false;
  if (code == "08007") block_.seen = 0;  // it tells nothing
  answered(code, true);
}

/// The log has grown: the transaction is the next in the history.
void Client::committed() {
  if (std::exchange(has_committed_, true)) return world_.find(name() + "commits twice");
  if (block_.has_failed) return world_.find(name() + "commits what has failed");
  if (world_.machine->is_lost(block_.seen)) return world_.find(name() + "commits after it has seen what is undone");
  for (const Read& read : block_.reads) {
    if (block_.effects.empty()) break;
    if (evaluate(read.operation, with(world_.history.back().state, read.effects)).lines != read.lines)
      return world_.find(name() + "SERIALIZABLE: what it read has changed: " + sql_of(read.operation) + " -> " + shown(read.lines));
  }
  State state = with(world_.history.back().state, block_.effects);
  if (operation_.kind == Kind::create_index) state.has_extra_index = true;
  if (operation_.kind == Kind::drop_index) state.has_extra_index = false;
  const std::string fault = fault_of(state);
  world_.history.push_back({world_.newest_commit(), std::move(state)});
  ++world_.counts.commits;
  block_.seen = world_.history.back().position;
  low_ = world_.newest();
  world_.note(name() + "commits at " + std::to_string(block_.seen));
  if (!fault.empty()) world_.find(name() + fault);
}

/// What the statement means for the block; then the reply.
void Client::answered(const std::string& text, bool has_failed) {
  is_running_ = false;
  if (has_failed) {
    block_.has_failed = true;
  } else {
    settle_control();
  }
  const bool ends = !block_.is_open;
  if (ends && !has_failed && !block_.has_failed && operation_.kind != Kind::rollback && !block_.effects.empty() && !has_committed_)
    return world_.find(name() + sql_of(operation_) + ": done, but nothing is in the log");
  // What is undone by then was provisional, or is told of by no more than an error.
  const bool tells = ends && is_synchronous_statement_ && operation_.kind != Kind::synchronous && !world_.machine->is_lost(block_.seen);
  const std::uint64_t told = tells ? block_.seen : 0;
  if (ends) block_ = {};
  // Who does not hold replies has waited, but for errors.
  const Reply reply{holds_ || has_failed ? session_->reply_floor() : 0, told, text};
  if (holds_ || has_failed) held_.push_back(reply);
  else let_go(reply);
}

void Client::settle_control() {
  switch (operation_.kind) {
    case Kind::begin:
      block_.is_open = true;
      block_.isolation = operation_.a;
      break;
    case Kind::commit:
      if (block_.has_failed != (sink_.tag == "ROLLBACK")) return world_.find(name() + "COMMIT answers " + sink_.tag);
      block_.is_open = false;
      break;
    case Kind::rollback: block_.is_open = false; break;
    case Kind::savepoint: block_.marks.push_back({operation_.a, block_.effects.size()}); break;
    case Kind::rollback_to: case Kind::release:
      for (std::size_t at = block_.marks.size(); at-- > 0;) {
        if (block_.marks[at].name != operation_.a) continue;
        const bool undoes = operation_.kind == Kind::rollback_to;
        if (undoes) block_.effects.resize(block_.marks[at].effects);
        block_.marks.resize(at + (undoes ? 1 : 0));
        break;
      }
      block_.has_failed = false;
      break;
    case Kind::synchronous: is_synchronous_ = operation_.a != 0; break;
    default: break;
  }
}

// --- replies --------------------------------------------------------------------------------------------------------

void Client::release() {
  Machine& machine = *world_.machine;
  while (!held_.empty() && !world_.is_over()) {
    const Reply reply = held_.front();
    if (world_.options.canary != Canary::early_replies && !machine.is_durable(reply.floor)) {
      if (machine.log_is_broken() || machine.is_lost(reply.floor)) vanish();  // 08007 or 53100, and the connection ends
      return;
    }
    held_.pop_front();
    let_go(reply);
  }
}

void Client::let_go(const Reply& reply) {
  ++world_.counts.releases;
  if (reply.told > world_.machine->log().durable() && world_.options.canary == Canary::none)
    return world_.find(name() + "is told \"" + reply.text + "\", which shows the commit at " + std::to_string(reply.told) + ", but the log is durable up to " +
                       std::to_string(world_.machine->log().durable()) + " only");
  world_.told = std::max(world_.told, reply.told);
}

void Client::cancel() {
  world_.note(name() + "is cancelled");
  is_cancelled_ = true;
  session_->cancel();
}

void Client::fall_back() {
  if (!is_connected()) return;
  may_be_doomed_ = is_running_ || block_.is_open;
  low_ = std::min(low_, world_.newest());
  attempt_from_ = std::min(attempt_from_, world_.newest());
  std::erase_if(block_.snapshots, [&](std::size_t at) { return at > world_.newest(); });
  // It reads what is undone until it is told so.
  if (block_.has_snapshot && block_.snapshots.empty()) vanish();
}

void Client::vanish() {
  if (session_ == nullptr) return;
  world_.note(name() + "vanishes");
  session_->stop_waiting();
  session_.reset();
  sink_.clear();
  held_.clear();
  plan_.clear();
  block_ = {};
  is_running_ = false;
}

}  // namespace spg::sim
