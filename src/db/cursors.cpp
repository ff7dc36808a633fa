// DECLARE, FETCH, MOVE, CLOSE; WHERE CURRENT OF; what becomes of cursors when transactions end.
#include <algorithm>
#include <cstring>

#include "cursors.hpp"
#include "session_copy.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/sql/lexer.hpp"
#include "spg/txn/root.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::db {

using sql::NodeKind;

const KeptRows* Cursor::find(std::uint64_t row) const {
  const auto after = std::upper_bound(rows.begin(), rows.end(), row, [](std::uint64_t number, const KeptRows& one) { return number < one.first; });
  if (after == rows.begin()) return nullptr;
  const KeptRows& found = *std::prev(after);
  return row <= found.last() ? &found : nullptr;
}

namespace {

Error no_such_cursor(std::string_view name) { return Error::make(sqlstate::undefined_cursor, "cursor \"", name, "\" does not exist"); }

/// Calls visit(node) for a node and all below it, but for the plans of subqueries within expressions.
template <class Visit>
void each_node(const plan::Node* node, const Visit& visit) {
  if (node == nullptr) return;
  visit(*node);
  using plan::as;
  switch (node->kind) {
    case plan::NodeKind::filter: return each_node(as<plan::Filter>(*node).input, visit);
    case plan::NodeKind::project: return each_node(as<plan::Project>(*node).input, visit);
    case plan::NodeKind::project_set: return each_node(as<plan::ProjectSet>(*node).input, visit);
    case plan::NodeKind::limit: return each_node(as<plan::Limit>(*node).input, visit);
    case plan::NodeKind::sort: return each_node(as<plan::Sort>(*node).input, visit);
    case plan::NodeKind::distinct: return each_node(as<plan::Distinct>(*node).input, visit);
    case plan::NodeKind::aggregate: return each_node(as<plan::Aggregate>(*node).input, visit);
    case plan::NodeKind::window: return each_node(as<plan::Window>(*node).input, visit);
    case plan::NodeKind::lock_rows: return each_node(as<plan::LockRows>(*node).input, visit);
    case plan::NodeKind::materialize: return each_node(as<plan::Materialize>(*node).input, visit);
    case plan::NodeKind::cte_scan: return each_node(as<plan::CteScan>(*node).source, visit);
    case plan::NodeKind::index_join: return each_node(as<plan::IndexJoin>(*node).left, visit);
    case plan::NodeKind::hash_join:
      each_node(as<plan::HashJoin>(*node).left, visit);
      return each_node(as<plan::HashJoin>(*node).right, visit);
    case plan::NodeKind::loop_join:
      each_node(as<plan::LoopJoin>(*node).left, visit);
      return each_node(as<plan::LoopJoin>(*node).right, visit);
    case plan::NodeKind::set_operation:
      each_node(as<plan::SetOperation>(*node).left, visit);
      return each_node(as<plan::SetOperation>(*node).right, visit);
    case plan::NodeKind::recursive_union:
      each_node(as<plan::RecursiveUnion>(*node).initial, visit);
      return each_node(as<plan::RecursiveUnion>(*node).step, visit);
    case plan::NodeKind::append:
      for (const plan::Node* input : as<plan::Append>(*node).inputs) each_node(input, visit);
      return;
    default: return;
  }
}

/// Whether PostgreSQL would let a cursor go backward without SCROLL: its plan can.
bool scans_backward(const plan::Node& node) {
  using plan::as;
  switch (node.kind) {
    case plan::NodeKind::table_scan: case plan::NodeKind::index_scan: case plan::NodeKind::virtual_scan: case plan::NodeKind::function_scan:
    case plan::NodeKind::sort: case plan::NodeKind::cte_scan: case plan::NodeKind::materialize: return true;
    case plan::NodeKind::values: return as<plan::Values>(node).rows.size() > 1;
    case plan::NodeKind::filter: return scans_backward(*as<plan::Filter>(node).input);
    case plan::NodeKind::project: return scans_backward(*as<plan::Project>(node).input);
    case plan::NodeKind::limit: return scans_backward(*as<plan::Limit>(node).input);
    case plan::NodeKind::append:
      for (const plan::Node* input : as<plan::Append>(node).inputs)
        if (!scans_backward(*input)) return false;
      return true;
    default: return false;
  }
}

std::string_view strength_name(sql::LockStrength strength) {
  static constexpr std::string_view names[] = {"FOR KEY SHARE", "FOR SHARE", "FOR NO KEY UPDATE", "FOR UPDATE"};
  return names[static_cast<std::size_t>(strength)];
}

/// What PostgreSQL finds wrong with DECLARE before it looks at the query.
Status check_declaration(const sql::DeclareCursor& declare, std::string_view text) {
  if (declare.scroll_conflict) return Error::make(sqlstate::invalid_cursor_definition, "cannot specify both SCROLL and NO SCROLL");
  if (declare.insensitive && declare.asensitive) return Error::make(sqlstate::invalid_cursor_definition, "cannot specify both ASENSITIVE and INSENSITIVE");
  const sql::Select& query = *declare.query;
  if (query.into != nullptr)
    return Error::make(sqlstate::syntax_error, "SELECT ... INTO is not allowed here").at(sql::char_position(text, static_cast<std::size_t>(query.into->at)));
  if (query.with != nullptr)
    for (const sql::CommonTable* table : query.with->tables)
      if (table->query->kind != NodeKind::select)
        return Error::make(sqlstate::feature_not_supported, "DECLARE CURSOR must not contain data-modifying statements in WITH");
  return ok();
}
Status check_locking(const sql::DeclareCursor& declare) {
  if (declare.query->locking.empty()) return ok();
  const std::string_view clause = strength_name(declare.query->locking[0].strength);
  if (declare.hold)
    return Error::make(sqlstate::feature_not_supported, "DECLARE CURSOR WITH HOLD ... ", clause, " is not supported").detail("Holdable cursors must be READ ONLY.");
  if (declare.scroll == sql::Toggle::on)
    return Error::make(sqlstate::feature_not_supported, "DECLARE SCROLL CURSOR ... ", clause, " is not supported").detail("Scrollable cursors must be READ ONLY.");
  if (declare.insensitive)
    return Error::make(sqlstate::invalid_cursor_definition, "DECLARE INSENSITIVE CURSOR ... ", clause, " is not valid").detail("Insensitive cursors must be READ ONLY.");
  return ok();
}

std::uint64_t rowid_of(const type::Batch& batch, std::uint32_t row, const plan::RowId& id) {
  const type::Vector& ids = batch.columns[id.column];
  return ids.is_null(row) ? UINT64_MAX : ids.value<std::uint64_t>(row);
}

}  // namespace

type::Batch copy_rows(const type::Batch& rows, std::uint32_t first, Arena& arena) {
  const std::uint32_t count = rows.selected.count - first;
  type::Batch copy;
  copy.rows = count;
  copy.selected = {nullptr, count};
  copy.columns = {arena.array<type::Vector>(rows.columns.size()), rows.columns.size()};
  for (std::size_t c = 0; c < rows.columns.size(); ++c) {
    const type::Vector& vector = rows.columns[c];
    const std::size_t width = type::physical_bytes(vector.physical);
    auto* values = static_cast<std::byte*>(arena.allocate(width * count));
    auto* validity = arena.array<std::uint64_t>(type::batch_words);
    std::memset(validity, 0, type::batch_words * 8);
    for (std::uint32_t i = 0; i < count; ++i) {
      const std::uint32_t row = rows.selected[first + i];
      if (vector.is_null(row)) { std::memset(values + i * width, 0, width); continue; }
      validity[i / 64] |= std::uint64_t{1} << (i % 64);
      if (vector.physical == type::Physical::string) {
        const type::StringRef kept(arena.copy(vector.value<type::StringRef>(row).view()));
        std::memcpy(values + i * width, &kept, sizeof kept);
      } else {
        std::memcpy(values + i * width, static_cast<const std::byte*>(vector.values) + vector.slot(row) * width, width);
      }
    }
    copy.columns[c] = {vector.physical, type::Vector::Form::flat, values, validity, nullptr};
  }
  return copy;
}

// --- pg_cursors -----------------------------------------------------------------------------------------------------

bool SystemTables::cursor(std::size_t index, catalog::CursorRow& row) const {
  if (index >= cursors_.size()) return false;
  const db::Cursor& cursor = *std::next(cursors_.begin(), static_cast<std::ptrdiff_t>(index))->second;
  row = {cursor.name, cursor.text, cursor.is_hold, cursor.is_binary, cursor.is_scrollable, cursor.created_us};
  return true;
}

// --- DECLARE, CLOSE -------------------------------------------------------------------------------------------------

Status SessionImpl::run_declare(const sql::DeclareCursor& declare, Where where) {
  SPG_TRY(check_declaration(declare, current_->text));
  SPG_TRY(begin_statement(txn::Intent::read, where, &current_->statement));
  SPG_TRY(plan(*current_));  // for errors in the client's own text, and the types of parameters
  SPG_TRY(check_locking(declare));
  if (!declare.hold && !in_block_) return Error::make(sqlstate::no_active_sql_transaction, "DECLARE CURSOR can only be used in transaction blocks");
  if (cursors_.contains(declare.name) || portals_.contains(declare.name))
    return Error::make(sqlstate::duplicate_cursor, "cursor \"", declare.name, "\" already exists");
  SPG_TRY(check_read_only(*current_));
  auto cursor = std::make_unique<Cursor>(memory_, hot_settings_.statement_memory_bytes);
  cursor->name = declare.name;
  cursor->text = current_->text;  // of the whole message, as PostgreSQL shows it
  cursor->is_binary = declare.binary;
  cursor->is_hold = declare.hold;
  cursor->depth = savepoints_.size();
  cursor->created_us = transaction_->statement_time();
  SPG_TRY(make_cursor_query(*cursor, *declare.query));
  const plan::Plan& planned = *cursor->query->plan;
  cursor->is_scrollable = declare.scroll == sql::Toggle::on || (declare.scroll == sql::Toggle::unspecified && !planned.locks_rows && scans_backward(*planned.root));
  SPG_TRY(open_cursor(*cursor, where));
  cursors_[cursor->name] = std::move(cursor);
  return ok();
}

/// The query by itself: it outlives the message, and is planned once for good.
Status SessionImpl::make_cursor_query(Cursor& cursor, const sql::Select& select) {
  SPG_ASSIGN(const std::string_view text, sql::deparse(statement_arena_, select));
  std::vector<std::uint32_t> types;
  for (const Oid type : current_->parameter_types) types.push_back(raw(type));
  SPG_ASSIGN(cursor.query, make_prepared(text, types));
  cursor.query->is_for_cursor = true;
  SPG_TRY(plan(*cursor.query));
  const plan::Plan& planned = *cursor.query->plan;
  cursor.locks_rows = !planned.row_ids.empty() && planned.row_ids[0].locks;
  const auto reads = [&](const auto& scan) {
    cursor.relations.push_back(scan.relation);
    cursor.tables.push_back(scan.table);
  };
  each_node(planned.root, [&](const plan::Node& node) {
    if (node.kind == plan::NodeKind::table_scan) reads(plan::as<plan::TableScan>(node));
    if (node.kind == plan::NodeKind::index_scan) reads(plan::as<plan::IndexScan>(node));
    if (node.kind == plan::NodeKind::index_join) reads(plan::as<plan::IndexJoin>(node));
  });
  auto* values = cursor.arena.array<type::Value>(parameters_.size());
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    values[i] = parameters_[i];
    if (!values[i].is_null && values[i].physical == type::Physical::string) values[i] = type::string_value(cursor.arena.copy(values[i].as<type::StringRef>().view()));
  }
  cursor.parameters = {values, parameters_.size()};
  return ok();
}

/// Starts the query over a snapshot of what this statement reads, or runs it here and now.
Status SessionImpl::open_cursor(Cursor& cursor, Where where) {
  const plan::Plan& planned = *cursor.query->plan;
  bool is_computed = false;
  each_node(planned.root, [&](const plan::Node& node) { is_computed = is_computed || node.kind == plan::NodeKind::virtual_scan; });
  cursor.sees_own_writes = transaction_->has_written();
  // A serializable transaction must know what it has read, which a snapshot does not tell it.
  const bool is_serializable = transaction_->options().isolation == txn::Isolation::serializable;
  const bool runs_now = cursor.sees_own_writes || is_serializable || is_computed || (planned.locks_rows && !cursor.locks_rows);
  // The snapshot takes no locks, and others must not change a table's definition under it.
  for (const TableId table : cursor.tables)
    if (raw(table) >= txn::first_user_table) SPG_TRY(transaction_->lock_table(table, txn::TableLock::access_share, txn::LockWait::wait));
  exec::ExecContext running = context(cursor.arena, cursor.parameters);
  if (!runs_now || cursor.locks_rows) {
    cursor.snapshot.reset(instance_.machine().open_transaction(transaction_->database()));
    if (cursor.snapshot == nullptr) return Error::out_of_memory();
    SPG_TRY(cursor.snapshot->begin_snapshot(*transaction_));
  }
  if (!runs_now) {
    running.view = cursor.snapshot.get();
    return cursor.execution.open(*cursor.query->compiled, running);
  }
  if (where == Where::reactor && !planned.is_short) return Error::would_block();
  SPG_TRY(cursor.execution.open(*cursor.query->compiled, running));
  return pull_all(cursor);
}

Result<bool> SessionImpl::pull(Cursor& cursor) {
  if (cursor.is_exhausted) return false;
  type::Batch batch;
  auto more = cursor.execution.next(batch);
  if (!more && more.error().is_must_wait() && cursor.snapshot != nullptr) SPG_TRY(start_again(cursor));
  if (!more) return more;
  if (!*more) {
    cursor.is_exhausted = true;
    cursor.execution.close();
    if (!cursor.locks_rows) cursor.snapshot.reset();
    return false;
  }
  KeptRows kept{std::make_unique<Arena>(cursor.budget), {}, cursor.pulled + 1};
  kept.batch = copy_rows(batch, 0, *kept.arena);
  if (cursor.snapshot != nullptr) cursor.snapshot->leave_guard();
  cursor.pulled += kept.batch.rows;
  cursor.rows.push_back(std::move(kept));
  SPG_TRY(cursor.budget.check());
  return true;
}
/// An execution that had to wait (a function took a lock) is over: another one comes to where it was.
Status SessionImpl::start_again(Cursor& cursor) {
  exec::ExecContext running = context(cursor.arena, cursor.parameters);
  running.view = cursor.snapshot.get();
  cursor.rows.clear();
  cursor.pulled = 0;
  return cursor.execution.open(*cursor.query->compiled, running);
}
Status SessionImpl::pull_all(Cursor& cursor) {
  for (bool more = true; more;) { SPG_ASSIGN(more, pull(cursor)); }
  return ok();
}

/// Pulls until the row is there; false when there is none of the number. A query may take long for the next row.
Result<bool> SessionImpl::reach(Cursor& cursor, std::uint64_t row, Where where) {
  while (cursor.pulled < row && !cursor.is_exhausted) {
    if (where == Where::reactor) return Error::would_block();
    auto more = pull(cursor);
    if (more) continue;
    cursor.has_failed = !more.error().is_must_wait();
    return more.take_error();
  }
  return cursor.pulled >= row;
}

Status SessionImpl::run_close(const sql::Close& close) {
  if (close.cursor.empty()) {
    cursors_.clear();
    forget_portals();
    return ok();
  }
  const auto found = cursors_.find(close.cursor);
  if (found == cursors_.end()) return no_such_cursor(close.cursor);
  cursors_.erase(found);
  return ok();
}

// --- FETCH, MOVE ----------------------------------------------------------------------------------------------------

Status SessionImpl::run_fetch(const sql::Fetch& fetch, Where where) {
  const auto found = cursors_.find(fetch.cursor);
  if (found == cursors_.end()) return no_such_cursor(fetch.cursor);
  Cursor& cursor = *found->second;
  if (cursor.has_failed) return Error::make(sqlstate::object_not_in_prerequisite_state, "portal \"", cursor.name, "\" cannot be run");
  SPG_TRY(begin_statement(txn::Intent::read, where));
  cursor.budget.clear();
  static constexpr std::int16_t binary[] = {1};
  if (cursor.is_binary && activity_ == ClientActivity::query) formats_ = binary;
  fetch_ = {&cursor, cursor.position, 0, true, fetch.move, 0};
  SPG_TRY(place_fetch(fetch, where));
  current_ = cursor.query;
  if (!fetch.move && sends_description_) sink_.describe_rows(current_->outputs, formats_);
  phase_ = Phase::run;
  return ok();
}

/// Goes to where the rows begin, and sets how many are wanted from there: PostgreSQL's DoPortalRunFetch.
Status SessionImpl::place_fetch(const sql::Fetch& fetch, Where where) {
  using sql::FetchDirection;
  const auto magnitude = [](std::int64_t count) { return count < 0 ? ~static_cast<std::uint64_t>(count) + 1 : static_cast<std::uint64_t>(count); };
  const Cursor& cursor = *fetch_.cursor;
  std::uint64_t& at = fetch_.position;
  const std::uint64_t count = fetch.all ? UINT64_MAX : magnitude(fetch.count);
  const bool is_negative = !fetch.all && fetch.count < 0;
  const auto want = [&](bool forward, std::uint64_t rows) -> Status {
    if (!forward && rows != 0 && !cursor.is_scrollable) return only_forward();
    fetch_.is_forward = forward;
    fetch_.left = rows;
    return ok();
  };
  switch (fetch.direction) {
    case FetchDirection::absolute:
      if (is_negative) {
        SPG_TRY(skip_rows(true, UINT64_MAX, where));
        SPG_TRY(skip_rows(false, count - 1, where));
        return want(false, 1);
      }
      if (count == 0 || count - 1 <= std::min(at, cursor.pulled) / 2) {
        if (at != 0 && !cursor.is_scrollable) return only_forward();
        at = 0;
        if (count > 1) SPG_TRY(skip_rows(true, count - 1, where));
      } else if (count <= at) {
        SPG_TRY(skip_rows(false, at - count + 1, where));
      } else {
        SPG_TRY(skip_rows(true, count - at - 1, where));
      }
      return want(true, count == 0 ? 0 : 1);
    case FetchDirection::relative:
      if (count == 0) break;
      SPG_TRY(skip_rows(!is_negative, count - 1, where));
      return want(!is_negative, 1);
    case FetchDirection::forward: case FetchDirection::backward: break;
  }
  const bool forward = (fetch.direction == FetchDirection::backward) == is_negative;
  if (count == 0) {  // the current row again
    if (at == 0 || cursor.is_after_end(at)) return want(true, 0);
    if (fetch.move) {
      fetch_.moved = 1;
      return want(true, 0);
    }
    SPG_TRY(skip_rows(false, 1, where));
    return want(true, 1);
  }
  if (!forward && fetch.all && fetch.move && at == 0) return want(true, 0);
  return want(forward, count);
}

Error SessionImpl::only_forward() {
  return Error::make(sqlstate::object_not_in_prerequisite_state, "cursor can only scan forward").hint("Declare it with SCROLL option to enable backward scan.");
}

/// Moves without looking at rows, but for those that must be locked on the way.
Status SessionImpl::skip_rows(bool forward, std::uint64_t count, Where where) {
  Cursor& cursor = *fetch_.cursor;
  std::uint64_t& at = fetch_.position;
  if (!forward) {
    if (count == 0) return ok();
    if (!cursor.is_scrollable) return only_forward();
    at = count < at ? at - count : 0;
    return ok();
  }
  while (count != 0 && !cursor.is_after_end(at)) {
    SPG_ASSIGN(const bool there, reach(cursor, at + 1, where));
    if (!there) { at = cursor.pulled + 1; break; }
    if (cursor.locks_rows) {
      type::Batch row;
      SPG_ASSIGN(const bool counts, take_row(at + 1, row));
      ++at;
      count -= counts ? 1 : 0;
      continue;
    }
    const std::uint64_t step = std::min(count, cursor.pulled - at);
    at += step;
    count -= step;
  }
  return ok();
}

/// Locks a row that is fetched. What has changed since DECLARE is looked at again, as PostgreSQL does: the newest version
/// is given if the query still has it. False: the row is passed over.
Result<bool> SessionImpl::take_row(std::uint64_t number, type::Batch& row) {
  Cursor& cursor = *fetch_.cursor;
  const KeptRows& kept = *cursor.find(number);
  const auto slot = static_cast<std::uint32_t>(number - kept.first);
  auto* selected = statement_arena_.array<std::uint16_t>(1);
  selected[0] = static_cast<std::uint16_t>(slot);
  row = kept.batch;
  row.selected = {selected, 1};
  bool has_changed = false;
  for (const plan::RowId& id : cursor.query->plan->row_ids) {
    const std::uint64_t rowid = rowid_of(kept.batch, slot, id);
    if (rowid == UINT64_MAX) continue;
    bool taken = true;
    Status failed = transaction_->lock_rows(id.table, {&rowid, 1}, id.mode, id.wait, {&taken, 1});
    if (failed && failed.code() == sqlstate::lock_not_available)
      return Error::make(sqlstate::lock_not_available, "could not obtain lock on row in relation \"", id.relation_name, "\"");
    if (failed) return failed;
    if (!taken) return false;
    SPG_ASSIGN(const auto fate, transaction_->compare_row(*cursor.snapshot, id.table, rowid));
    // Own changes from before DECLARE are among what the cursor has seen.
    if (fate == txn::TransactionControl::RowFate::own && !cursor.sees_own_writes) return false;
    has_changed = has_changed || fate != txn::TransactionControl::RowFate::same;
  }
  if (!has_changed) return true;
  return look_again(kept.batch, slot, row);
}

/// Runs the query on the newest version for the row with the same rowids.
Result<bool> SessionImpl::look_again(const type::Batch& batch, std::uint32_t slot, type::Batch& row) {
  Cursor& cursor = *fetch_.cursor;
  if (cursor.recheck == nullptr) {
    std::vector<std::uint32_t> types;
    for (const Oid type : cursor.query->parameter_types) types.push_back(raw(type));
    SPG_ASSIGN(cursor.recheck, make_prepared(cursor.query->text, types));
    auto& select = static_cast<sql::Select&>(*cursor.recheck->statement.tree);
    select.limit = select.offset = nullptr;
    select.limit_form = sql::LimitForm::limit;
    select.order_by = {};
    cursor.recheck->is_for_cursor = true;
  }
  SPG_TRY(plan(*cursor.recheck));
  const auto before = cursor.query->plan->row_ids, now = cursor.recheck->plan->row_ids;
  exec::Execution again;
  SPG_TRY(again.open(*cursor.recheck->compiled, context(statement_arena_, cursor.parameters)));
  for (;;) {
    type::Batch found;
    SPG_ASSIGN(const bool more, again.next(found));
    if (!more) return false;
    for (std::uint32_t i = 0; i < found.selected.count; ++i) {
      bool same = true;
      for (std::size_t k = 0; k < before.size(); ++k) same = same && rowid_of(batch, slot, before[k]) == rowid_of(found, found.selected[i], now[k]);
      if (!same) continue;
      type::Batch one = found;
      auto* selected = statement_arena_.array<std::uint16_t>(1);
      selected[0] = static_cast<std::uint16_t>(found.selected[i]);
      one.selected = {selected, 1};
      row = copy_rows(one, 0, statement_arena_);
      return true;
    }
  }
}

Status SessionImpl::send_fetched(type::Batch rows) {
  fetch_.left -= fetch_.left == UINT64_MAX ? 0 : rows.selected.count;
  fetch_.moved += rows.selected.count;
  if (fetch_.is_move) return ok();
  rows.columns = rows.columns.first(current_->outputs.size());
  return send_rows(rows);
}

/// Sends what FETCH asks for; true when the sink is full.
Result<bool> SessionImpl::fetch_some(Where where) {
  Cursor& cursor = *fetch_.cursor;
  std::uint64_t& at = fetch_.position;
  while (fetch_.left != 0) {
    SPG_TRY(check_interrupts());
    if (fetch_.is_forward) {
      if (cursor.is_after_end(at)) break;
      SPG_ASSIGN(const bool there, reach(cursor, at + 1, where));
      if (!there) { at = cursor.pulled + 1; break; }
      if (cursor.locks_rows) {
        type::Batch row;
        SPG_ASSIGN(const bool counts, take_row(at + 1, row));
        ++at;
        if (counts) SPG_TRY(send_fetched(row));
        continue;  // it may have to wait, and begin anew: the answer is held
      }
      SPG_TRY(send_kept(*cursor.find(at + 1), at + 1, true));
      // Where the statement cannot begin anew any more, rows that nobody can go back to may go.
      if (where == Where::worker && !cursor.is_scrollable) forget_rows(cursor, at);
    } else {
      if (at <= 1) { at = 0; break; }
      SPG_TRY(send_kept(*cursor.find(at - 1), at - 1, false));
    }
    if (sink_.is_full() && fetch_.left != 0) return true;
  }
  cursor.position = at;
  if (!cursor.is_scrollable) forget_rows(cursor, at);
  set_tag(fetch_.is_move ? "MOVE" : "FETCH", fetch_.moved, true);
  fetch_.cursor = nullptr;
  return false;
}

/// Rows of one batch, from a row on in either direction.
Status SessionImpl::send_kept(const KeptRows& kept, std::uint64_t from, bool forward) {
  const std::uint64_t there = forward ? kept.last() - from + 1 : from - kept.first + 1;
  const auto count = static_cast<std::uint32_t>(std::min(there, fetch_.left));
  auto* selected = statement_arena_.array<std::uint16_t>(count);
  for (std::uint32_t i = 0; i < count; ++i) selected[i] = static_cast<std::uint16_t>(forward ? from - kept.first + i : from - kept.first - i);
  type::Batch rows = kept.batch;
  rows.selected = {selected, count};
  SPG_TRY(send_fetched(rows));
  fetch_.position = forward ? from + count - 1 : from - count + 1;
  return ok();
}

void SessionImpl::forget_rows(Cursor& cursor, std::uint64_t before) {
  while (!cursor.rows.empty() && cursor.rows.front().last() < before) cursor.rows.pop_front();
}

// --- WHERE CURRENT OF -----------------------------------------------------------------------------------------------

Result<std::uint64_t> SessionImpl::current_row(std::string_view name, Oid relation, std::string_view relation_name) {
  const auto found = cursors_.find(name);
  if (found == cursors_.end()) return no_such_cursor(name);
  const Cursor& cursor = *found->second;
  if (cursor.is_held) return Error::make(sqlstate::invalid_cursor_state, "cursor \"", name, "\" is held from a previous transaction");
  const plan::RowId* id = nullptr;
  for (const plan::RowId& one : cursor.query->plan->row_ids) {
    if (one.relation != relation) continue;
    if (id != nullptr)
      return Error::make(sqlstate::invalid_cursor_state, "cursor \"", name, "\" has multiple FOR UPDATE/SHARE references to table \"", relation_name, "\"");
    id = &one;
  }
  if (id == nullptr && cursor.query->plan->locks_rows)
    return Error::make(sqlstate::invalid_cursor_state, "cursor \"", name, "\" does not have a FOR UPDATE/SHARE reference to table \"", relation_name, "\"");
  if (id == nullptr) return Error::make(sqlstate::invalid_cursor_state, "cursor \"", name, "\" is not a simply updatable scan of table \"", relation_name, "\"");
  const KeptRows* kept = cursor.find(cursor.position);
  if (kept == nullptr) return Error::make(sqlstate::invalid_cursor_state, "cursor \"", name, "\" is not positioned on a row");
  return rowid_of(kept->batch, static_cast<std::uint32_t>(cursor.position - kept->first), *id);
}

// --- transactions ---------------------------------------------------------------------------------------------------

/// What WITH HOLD promises is read before the transaction ends. "Would block" on a reactor.
Status SessionImpl::hold_cursors(Where where) {
  for (auto& [name, cursor] : cursors_) {
    if (!cursor->is_hold || cursor->is_held || cursor->is_exhausted) continue;
    if (where == Where::reactor) return Error::would_block();
    cursor->budget.clear();
    SPG_TRY(pull_all(*cursor));
  }
  return ok();
}

void SessionImpl::end_cursors(bool committed) {
  for (auto at = cursors_.begin(); at != cursors_.end();) {
    Cursor& cursor = *at->second;
    if (!cursor.is_held && !(committed && cursor.is_hold)) { at = cursors_.erase(at); continue; }
    cursor.is_held = true;
    cursor.depth = 0;
    cursor.execution.close();
    cursor.snapshot.reset();
    ++at;
  }
}

/// ROLLBACK TO and RELEASE of the savepoint with this number.
void SessionImpl::end_cursors_of_savepoint(std::size_t savepoint, bool keep) {
  for (auto at = cursors_.begin(); at != cursors_.end();) {
    Cursor& cursor = *at->second;
    if (cursor.depth <= savepoint) { ++at; continue; }
    if (!keep) { at = cursors_.erase(at); continue; }
    cursor.depth = savepoint;
    ++at;
  }
}

/// A table that a cursor of the running transaction reads is not changed under it, nor one with keys that are yet to be checked.
Status SessionImpl::check_not_in_use(const sql::Statement& statement) {
  if (cursors_.empty() && !transaction_->has_unchecked_keys()) return ok();
  const auto check = [&](std::string_view schema, std::string_view name, std::string_view command) -> Status {
    SPG_ASSIGN(const catalog::Relation* relation, catalog_.relation(schema, name));
    if (relation == nullptr) return ok();
    for (const auto& [cursor_name, cursor] : cursors_)
      if (!cursor->is_held && std::find(cursor->relations.begin(), cursor->relations.end(), relation->oid) != cursor->relations.end())
        return Error::make(sqlstate::object_in_use, "cannot ", command, " \"", relation->name, "\" because it is being used by active queries in this session");
    if (relation->table != TableId::none && transaction_->has_unchecked_keys(relation->table))
      return Error::make(sqlstate::object_in_use, "cannot ", command, " \"", relation->name, "\" because it has pending trigger events");
    return ok();
  };
  if (const auto* truncate = sql::as<sql::Truncate>(&statement))
    for (const sql::TableRef* table : truncate->tables) SPG_TRY(check(table->schema, table->name, "TRUNCATE"));
  if (const auto* alter = sql::as<sql::AlterTable>(&statement)) SPG_TRY(check(alter->table->schema, alter->table->name, "ALTER TABLE"));
  if (const auto* index = sql::as<sql::CreateIndex>(&statement)) SPG_TRY(check(index->table->schema, index->table->name, "CREATE INDEX"));
  if (const auto* drop = sql::as<sql::Drop>(&statement); drop != nullptr && drop->object == sql::ObjectKind::table)
    for (const sql::ObjectName& name : drop->names) SPG_TRY(check(name.name.size() > 1 ? name.name[name.name.size() - 2] : std::string_view{}, name.name[name.name.size() - 1], "DROP TABLE"));
  return ok();
}

}  // namespace spg::db
