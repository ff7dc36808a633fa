#pragma once
#include <algorithm>
#include <cstdio>

#include "spg/txn/apply.inl.hpp"
#include "spg/txn/image_rules.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/machine_space.inl.hpp"

namespace spg::txn {

// --- one change, applied to the slot of its table: by statements that look at their own writes, commit, and replay ------

template <class Scope>
Status create_table_at(Scope& scope, Cell*& slot, TableId id, const table::LayoutBuilder& layout) {
  if (slot != nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(id), " exists already");
  SPG_ASSIGN(Cell * layout_cell, layout.write(scope, id));
  SPG_ASSIGN(slot, table::make_table(scope, id, layout_cell));
  table::TableState& state = table::table_state(Scope::ObjectsOf::image_of(slot));
  state.stamp = state.content_stamp = raw(scope.generation());
  return ok();
}

template <class Scope>
Status drop_table_at(Scope& scope, Cell*& slot, TableId id) {
  if (slot == nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(id), " is not there");
  SPG_TRY(scope.retire(slot, true));
  slot = nullptr;
  return ok();
}

/// Gives the table another layout and builds the indexes that are new in it.
template <class Scope>
Status set_layout_at(Scope& scope, Cell*& slot, TableId id, const table::LayoutBuilder& layout, Arena& arena, bool check,
                     Conflict& conflict, FunctionRef<Status()> interrupted, Access access, BuildProgress* progress = nullptr) {
  if (slot == nullptr) return Error::make(sqlstate::data_corrupted, "table ", raw(id), " is not there");
  SPG_ASSIGN(const Image* before_image, scope.objects().read(slot, access));
  SPG_ASSIGN(const Image* before_layout, scope.objects().read(before_image->child_array()[table::layout_child], access));
  std::uint64_t known[64];
  std::size_t known_count = 0;
  for (const table::IndexLayout& index : table::LayoutView(before_layout).indexes())
    if (known_count < 64) known[known_count++] = raw(index.id);
  SPG_ASSIGN(Cell * layout_cell, layout.write(scope, id));
  SPG_TRY(table::replace_layout(scope, slot, layout_cell));
  SPG_ASSIGN(auto edit, edit_table(scope, slot, id, arena, access));
  const auto indexes = edit.layout.indexes();
  for (std::size_t position = 0; position < indexes.size(); ++position) {
    if (std::find(known, known + known_count, raw(indexes[position].id)) != known + known_count) continue;
    SPG_TRY(build_index(edit, position, check, conflict, interrupted, progress));
    if (conflict.found()) return ok();
  }
  return ok();
}

template <class Scope>
Status apply_change(Scope& scope, Cell*& slot, const Change& change, Arena& arena, Access access) {
  Conflict conflict;
  auto never = [] { return ok(); };
  switch (change.kind) {
    case ChangeKind::create_table: return create_table_at(scope, slot, change.table, change.layout);
    case ChangeKind::drop_table: return drop_table_at(scope, slot, change.table);
    case ChangeKind::set_layout: return set_layout_at(scope, slot, change.table, change.layout, arena, false, conflict, never, access);
    default: break;
  }
  SPG_ASSIGN(auto edit, edit_table(scope, slot, change.table, arena, access));
  const type::Selection rows{nullptr, change.rows};
  // Replayed bytes are under a checksum, but a wrong column would still be undefined behaviour further down.
  for (const table::ColumnInput& column : change.columns) {
    const table::ColumnLayout* known = edit.layout.column(column.number);
    if (known == nullptr || known->physical != column.values.physical)
      return Error::make(sqlstate::data_corrupted, "log record writes column ", column.number, " of table ", raw(change.table), ", which is of another type");
  }
  switch (change.kind) {
    case ChangeKind::insert:
      if (change.first_rowid > table::rowids_max)
        return Error::make(sqlstate::data_corrupted, "log record writes a row at ", change.first_rowid, " of table ", raw(change.table));
      return insert_rows(edit, change.first_rowid, change.columns, rows);
    case ChangeKind::update: return update_rows(edit, change.rowids, change.columns, rows, nullptr, conflict);
    case ChangeKind::remove: return remove_rows(edit, change.rowids);
    default: return truncate(edit);
  }
}

/// What the root keeps of a change.
inline void note_change(RootState& state, const Change& change, Generation generation) {
  if (raw(change.table) < first_user_table) state.catalog_stamp = raw(generation);
  if (change.kind == ChangeKind::create_table && raw(change.table) >= state.next_table) state.next_table = std::uint64_t{raw(change.table)} + 1;
  for (const table::IndexLayout& index : change.layout.indexes)
    if (raw(index.id) >= state.next_index) state.next_index = std::uint64_t{raw(index.id)} + 1;
}

/// Applies one decoded change to a root.
template <class Scope>
Status apply_to_root(Scope& scope, Cell*& root, const Change& change, Arena& arena, Access access) {
  SPG_ASSIGN(Cell * *slot, table_slot(scope, root, change.table, access));
  SPG_TRY(apply_change(scope, *slot, change, arena, access));
  note_change(root_state(Scope::ObjectsOf::image_of(root)), change, scope.generation());
  return ok();
}

inline log::CopyOptions with_own_paths(log::CopyOptions options, std::span<char> archive, std::span<char> tee) {
  const auto keep = [](std::string_view& path, std::span<char> in) {
    path = {in.data(), path.copy(in.data(), in.size())};
  };
  keep(options.archive, archive);
  keep(options.tee, tee);
  return options;
}

// --- machine --------------------------------------------------------------------------------------------------------

template <policy::Env E>
Machine<E>::Machine(Storage& storage, typename E::Clock& clock, Alloc& alloc, typename E::Random& random, const MachineOptions& options)
    : options_(options), storage_(&storage), clock_(&clock), random_(&random), objects_(alloc, random),
      segments_(objects_, storage, std::string_view(store::DatabasePaths(options.database_path).directory), image_rules()),
      log_(storage, options.log_path, options.read_only ? policy::OpenMode::read : policy::OpenMode::write),
      copies_(storage, options.log_path, with_own_paths(options.copies, archive_, tee_), options.copy_report) {
  std::snprintf(database_path_, sizeof database_path_, "%.*s", static_cast<int>(options.database_path.size()), options.database_path.data());
  std::snprintf(log_path_, sizeof log_path_, "%.*s", static_cast<int>(options.log_path.size()), options.log_path.data());
  options_.database_path = database_path_;
  options_.log_path = log_path_;
  options_.copies = with_own_paths(options.copies, archive_, tee_);
  objects_.set_source(&segments_);
  segments_.set_limits(options.compaction);
}

template <policy::Env E>
Machine<E>::~Machine() {
  stop_background();
  drop_replay_batch();
  for (LineageOf* lineage = lineages_.load(); lineage != nullptr;) {
    LineageOf* next = lineage->next;
    delete lineage;
    lineage = next;
  }
}

template <policy::Env E>
Status Machine<E>::open() {
  if (options_.ephemeral) { is_new_ = true; return ok(); }
  char backup[400];
  SPG_ASSIGN(const bool is_backup, store::find_backup(*storage_, options_.database_path, backup));
  if (is_backup) return open_backup(backup);
  SPG_TRY(lock_files());
  auto manifest = store::read_manifest(*storage_, options_.database_path);
  if (manifest) return open_existing(std::move(*manifest));
  if (manifest.error().code() == sqlstate::undefined_file && !options_.read_only) return open_new();
  return manifest.take_error();
}

/// What is locked is the database's directory, which only a new database makes: a file that is no database must not get one.
template <policy::Env E>
Status Machine<E>::lock_files() {
  const auto mode = options_.read_only ? policy::LockMode::shared : policy::LockMode::exclusive;
  auto lock = store::lock_database(*storage_, options_.database_path, mode);
  if (!lock && lock.error().code() == sqlstate::undefined_file) {
    auto manifest = store::read_manifest(*storage_, options_.database_path);
    if (!manifest && (options_.read_only || manifest.error().code() != sqlstate::undefined_file)) return manifest.take_error();
    const store::DatabasePaths paths(options_.database_path);
    if (!manifest) SPG_TRY(storage_->make_dir(std::string_view(paths.directory)));
    lock = store::lock_database(*storage_, options_.database_path, mode);
  }
  if (!lock) return lock.take_error();
  lock_ = std::move(*lock);
  return ok();
}

template <policy::Env E>
Status Machine<E>::open_new() {
  is_new_ = true;
  manifest_.number = 1;
  manifest_.copies = own_copies();
  if (!manifest_.epochs.push_back({1, 0})) return Error::out_of_memory();
  const log::Epoch history{1, 0};
  SPG_TRY(log_.recover(0, {&history, 1}, [](const log::Record&) {
    return Error::make(sqlstate::data_corrupted, "the write-ahead log holds records but the database file is missing")
        .hint("Restore the database file (\"spg repair\" writes it anew where its directory is left), or give another path for the log.");
  }));
  SPG_TRY(open_copies());
  SPG_TRY(open_audit(manifest_));
  SPG_TRY(finish_audit({1, log_.end()}, manifest_.audit));
  // The log's file first: a database without one would be refused.
  SPG_TRY(log_.start(1));
  SPG_TRY(store::write_manifest(*storage_, options_.database_path, manifest_));
  visible_durable_ = log_.durable();
  return ok();
}

/// Makes the lineages what the manifest says.
template <policy::Env E>
Status Machine<E>::load_roots(const store::Manifest& manifest) {
  SPG_TRY(segments_.adopt(manifest.segments));
  next_generation_ = manifest.next_generation;
  next_oid_ = manifest.next_oid;
  for (const store::ManifestDatabase& database : manifest.databases) {
    auto* lineage = new (std::nothrow) LineageOf(objects_, database.id);
    if (lineage == nullptr) return Error::out_of_memory();
    lineage->next = lineages_.load();
    lineages_.store(lineage);
    SPG_ASSIGN(Cell * root, objects_.claim(database.root, database.birth, {store::Kind::root, 0, 0}, ~store::SegmentSet{0}));
    const std::int64_t time_us = manifest.commit_time_us == store::unknown_commit_time ? INT64_MAX : manifest.commit_time_us;
    if (Status failed = lineage->start(root, database.birth, database.log_position, recovered_time(time_us))) {
      objects_.free(root);
      return failed;
    }
  }
  commit_time_us_ = manifest.commit_time_us == store::unknown_commit_time ? INT64_MIN : manifest.commit_time_us;
  return ok();
}

/// Makes the lineages what they were: their roots in the manifest, then what the log says.
template <policy::Env E>
Status Machine<E>::load(const store::Manifest& manifest) {
  SPG_TRY(load_roots(manifest));
  SPG_TRY(open_audit(manifest));
  Array<log::Epoch> history;
  for (const store::ManifestEpoch& epoch : manifest.epochs)
    if (!history.push_back({epoch.number, epoch.start})) return Error::out_of_memory();
  if (history.empty()) return Error::make(sqlstate::data_corrupted, "manifest names no epoch");
  // A database without its log would open as of its last checkpoint, and then forget the rest for good. Manifest 1 is
  // written before the first log file: a start that did not end may have left it alone.
  if (manifest.number != 1 && !log_.has_files(manifest.log_start))
    return Error::make(sqlstate::undefined_file, "the write-ahead log \"", options_.log_path, "\" of database \"", options_.database_path, "\" is not there")
        .hint("Say where it is: without it, what was committed since the last checkpoint would be lost.");
  log_.set_jump(newest_jump(manifest));
  const auto visit = [&](const log::Record& record) -> Status {
    SPG_TRY(keep_replay_budget());
    return replay(record);
  };
  Status failed = log_.recover(manifest.log_start, history, visit);
  SPG_TRY(finish_replay_batch());  // of a damaged log, too: spg verify looks at what there is
  SPG_TRY(std::move(failed));
  objects_.settle(segments_.last());
  while (replayed_streams_ != nullptr) replayed_streams_ = std::move(replayed_streams_->next);  // never committed
  return ok();
}

template <policy::Env E>
Status Machine<E>::open_existing(store::Manifest manifest) {
  SPG_TRY(load(manifest));
  if (options_.read_only) {
    log_.give_up(Error::make(sqlstate::read_only_sql_transaction, "the database was opened to be read"));
    visible_durable_ = log_.end();
    manifest_ = std::move(manifest);
    return ok();
  }
  // The next epoch is durable before anything is written under it.
  manifest_ = std::move(manifest);
  manifest_.copies = options_.decides_copies ? own_copies() : manifest_.copies | own_copies();
  keeps_for_others_ = (manifest_.copies & ~own_copies()) != 0;
  if (keeps_for_others_) log_.keep(0);
  SPG_TRY(open_copies());
  ++manifest_.number;
  const std::uint32_t epoch = manifest_.epochs.back().number + 1;
  SPG_TRY(finish_audit({epoch - 1, log_.end()}, manifest_.audit));
  while (manifest_.epochs.size() > 1 && manifest_.epochs[1].start <= manifest_.log_start) manifest_.epochs.erase(0);
  if (!manifest_.epochs.push_back({epoch, log_.end()})) return Error::out_of_memory();
  manifest_.next_generation = next_generation_;
  manifest_.next_oid = next_oid_;
  SPG_TRY(log_.start(epoch));  // writes no record: an epoch that is not durable would be no one's
  SPG_TRY(store::write_manifest(*storage_, options_.database_path, manifest_));
  remove_old_files();
  remove_scratch_files();
  SPG_TRY(mark_jump());
  visible_durable_ = log_.durable();
  checkpoint_position_ = manifest_.log_start;
  log_start_ = manifest_.log_start;
  return ok();
}

/// Puts a write set into the log ahead of its commit. As much of it is in the buffer at any time as one piece: who commits
/// meanwhile waits for that, and not for the whole.
template <policy::Env E>
Status Machine<E>::stream(DatabaseId database, ChangeList<Storage>& changes, Stream& made) {
  made.id = raw(draw_generation());
  {
    policy::LockGuard lock(streams_mutex_);
    made.first = log_.position();
    if (!streams_.push_back(made)) return Error::out_of_memory();
  }
  RecordBuffer piece;
  std::uint64_t before = 0;
  return changes.each_piece(options_.piece_bytes, [&](Bytes bytes) -> Status {
    piece.clear();
    if (!piece.add_varint(made.id) || !piece.add(bytes)) return Error::out_of_memory();
    SPG_TRY(log_.reserve(piece.size()));
    SPG_ASSIGN(const std::uint64_t end, log_.append(database, log::RecordType::piece, piece.bytes()));
    kick_flusher();
    if (before != 0) SPG_TRY(wait_durable(before));
    before = made.last = end;
    return ok();
  });
}

template <policy::Env E>
void Machine<E>::end_stream(std::uint64_t id) {
  policy::LockGuard lock(streams_mutex_);
  for (std::size_t i = 0; i < streams_.size(); ++i)
    if (streams_[i].id == id) return streams_.erase(i);
}

template <policy::Env E>
typename Machine<E>::LineageOf* Machine<E>::lineage(DatabaseId id) {
  for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr; lineage = lineage->next)
    if (lineage->id() == id) return lineage;
  return nullptr;
}

template <policy::Env E>
Result<typename Machine<E>::LineageOf*> Machine<E>::create_lineage(DatabaseId id) {
  policy::LockGuard lock(lineages_mutex_);
  SPG_ASSERT(lineage(id) == nullptr);
  auto* made = new (std::nothrow) LineageOf(objects_, id);
  if (made == nullptr) return Error::out_of_memory();
  ScopeOf scope(objects_, draw_generation());
  SPG_ASSIGN(Cell * root, make_root(scope));
  Status started = made->start(root, scope.generation(), 0, INT64_MIN);
  if (started) { delete made; return started; }
  (void)scope.take_retired();
  made->next = lineages_.load();
  lineages_.store(made, std::memory_order_release);
  return made;
}

template <policy::Env E>
Result<std::uint64_t> Machine<E>::commit(std::span<const CommitPart> parts, Bytes audit) {
  SPG_ASSERT(!parts.empty() && parts.size() <= commit_parts_max);
  RecordBuffer payload;
  const std::int64_t commit_time_us = clock_->wall_us();
  std::size_t changes_bytes = 0;
  for (const CommitPart& part : parts) changes_bytes += part.stream == 0 ? part.changes.size() : 0;
  if (!payload.reserve(changes_bytes + audit.size() + 48 + 16 * parts.size()) || !payload.add_varint(next_generation_.load(std::memory_order_relaxed)) ||
      !payload.add_varint(next_oid_.load(std::memory_order_relaxed)) || !payload.add_le(commit_time_us))
    return Error::out_of_memory();
  PendingAudit pending(audit_.get());
  SPG_TRY(pending.prepare(payload, audit, commit_time_us, log_.position()));
  const bool joint = parts.size() > 1, streamed = parts[0].stream != 0;
  SPG_ASSERT(!joint || !streamed);
  if (streamed && (!payload.add_varint(parts[0].stream) || !payload.add_varint(parts[0].changes_bytes))) return Error::out_of_memory();
  for (const CommitPart& part : parts) {
    if (streamed) break;
    if (joint && (!payload.add_varint(raw(part.lineage->id())) || !payload.add_varint(part.changes.size()))) return Error::out_of_memory();
    if (!payload.add(part.changes)) return Error::out_of_memory();
  }
  if (!options_.ephemeral) SPG_TRY(log_.reserve(payload.size()));
  VersionOf* versions[commit_parts_max];
  auto drop_versions = [&](std::size_t count) {
    for (std::size_t i = 0; i < count; ++i) parts[i].lineage->drop_version(versions[i]);
  };
  for (std::size_t i = 0; i < parts.size(); ++i) {
    versions[i] = parts[i].lineage->make_version();
    if (versions[i] != nullptr) continue;
    drop_versions(i);
    if (!options_.ephemeral) log_.give_back(payload.size());
    return Error::out_of_memory();
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    versions[i]->root = parts[i].root;
    versions[i]->generation = parts[i].scope->generation();
    if (parts[i].changes.size() == parts[i].changes_bytes) parts[i].lineage->keep_changes(*versions[i], parts[i].changes);
  }
  // Whoever flushes the record finds its version.
  policy::LockGuard publishing(publish_mutex_);
  commits_.store(commits_.load(std::memory_order_relaxed) + 1, std::memory_order_relaxed);
  if (commit_time_us > commit_time_us_.load(std::memory_order_relaxed)) commit_time_us_.store(commit_time_us, std::memory_order_relaxed);
  std::uint64_t end;
  if (options_.ephemeral) {
    end = ephemeral_position_.fetch_add(1);
  } else {
    const auto type = joint ? log::RecordType::joint_commit : streamed ? log::RecordType::streamed_commit : log::RecordType::commit;
    auto appended = log_.append(parts[0].lineage->id(), pending.type(type), payload.bytes());
    if (!appended) { drop_versions(parts.size()); return appended.take_error(); }
    end = *appended;
    pending.push(end, payload.size(), log_.epoch());
  }
  for (std::size_t i = 0; i < parts.size(); ++i) {
    LineageOf& lineage = *parts[i].lineage;
    versions[i]->log_end = end;
    versions[i]->time_us = version_time(commit_time_us);
    auto retired = parts[i].scope->take_retired();
    versions[i]->retired.splice(retired);
    auto fresh = parts[i].scope->take_fresh();
    versions[i]->fresh.splice(fresh);
    lineage.publish(versions[i]);
    if (!options_.ephemeral) continue;
    lineage.advance_durable(UINT64_MAX);
    (void)lineage.reclaim(SIZE_MAX, history_from());
  }
  if (!options_.ephemeral) kick_flusher();
  return end;
}

template <policy::Env E>
Status Machine<E>::flush() {
  Status failed = flush_log();
  if (!failed || !log_.must_be_cut()) return failed;
  policy::LockGuard alone(checkpoint_mutex_);
  if (Status worse = fall_back()) return worse;
  return failed;
}

/// A write of the log has failed: what is not durable is undone, and the log goes on under a new epoch, which is durable before
/// anybody is told, so that nothing of it comes back (DESIGN 1.7). Where that is impossible, the log is broken.
/// Requires: checkpoint_mutex_, which the manifest is changed under.
template <policy::Env E>
Status Machine<E>::fall_back() {
  if (!log_.must_be_cut()) return ok();
  struct Turns {
    ~Turns() { for (std::size_t i = 0; i < count; ++i) lineages[i]->turn().release(waiters[i]); }
    Array<LineageOf*> lineages;
    Array<VersionOf*> made;
    std::unique_ptr<TurnWaiter[]> waiters;
    std::size_t count = 0;
  } turns;
  Status failed;
  policy::LockGuard none_is_made(lineages_mutex_);
  for (LineageOf* lineage = lineages_.load(); lineage != nullptr && !failed; lineage = lineage->next) {
    VersionOf* version = lineage->make_version();
    if (version == nullptr || !turns.lineages.push_back(lineage) || !turns.made.push_back(version)) failed = Error::out_of_memory();
  }
  turns.waiters.reset(new (std::nothrow) TurnWaiter[turns.lineages.size() + 1]);
  if (turns.waiters == nullptr) failed = Error::out_of_memory();
  for (; !failed && turns.count < turns.lineages.size(); ++turns.count)
    while (!turns.lineages[turns.count]->turn().acquire(turns.waiters[turns.count])) {
      policy::LockGuard lock(wake_mutex_);
      durable_moved_.wait_for(wake_mutex_, 100'000);  // a commit has it, which waits for nothing
    }
  policy::LockGuard alone(flush_mutex_);
  store::Manifest next;
  next.number = std::max(manifest_.number, manifest_tried_) + 1;
  next.log_start = manifest_.log_start;
  next.commit_time_us = manifest_.commit_time_us;
  next.lsn = manifest_.lsn;
  for (const store::ManifestDatabase& database : manifest_.databases)
    if (!failed && !next.databases.push_back(database)) failed = Error::out_of_memory();
  for (const store::SegmentInfo& segment : manifest_.segments)
    if (!failed && !next.segments.push_back(segment)) failed = Error::out_of_memory();
  const std::uint32_t epoch = log_.epoch() + 1;
  if (!failed) failed = fill_manifest(next);
  if (!failed && !next.epochs.push_back({epoch, log_.in_files(log_.durable())})) failed = Error::out_of_memory();
  if (!failed) {
    manifest_tried_ = next.number;
    failed = store::write_manifest(*storage_, options_.database_path, next);
  }
  if (!failed) {
    manifest_ = std::move(next);
    remove_old_files();
    failed = log_.cut(epoch);
  }
  if (failed) log_.give_up(failed);
  for (std::size_t i = 0; i < turns.lineages.size(); ++i) {
    if (failed) turns.lineages[i]->drop_version(turns.made[i]);
    else turns.lineages[i]->fall_back(turns.made[i]);
  }
  if (!failed) visible_durable_.store(log_.durable(), std::memory_order_seq_cst);
  tell_waiters();
  return failed;
}

}  // namespace spg::txn

#include "spg/txn/machine_audit.inl.hpp"
#include "spg/txn/machine_background.inl.hpp"
#include "spg/txn/machine_backup.inl.hpp"
#include "spg/txn/machine_checkpoint.inl.hpp"
#include "spg/txn/machine_copies.inl.hpp"
#include "spg/txn/machine_recovery.inl.hpp"
#include "spg/txn/machine_replay.inl.hpp"
