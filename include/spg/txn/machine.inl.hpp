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
                     Conflict& conflict, FunctionRef<Status()> interrupted, Access access) {
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
    SPG_TRY(build_index(edit, position, check, conflict, interrupted));
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
    if (Status failed = lineage->start(root, database.birth, database.log_position)) {
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

template <policy::Env E>
Status Machine<E>::replay(const log::Record& record) {
  const std::uint64_t end = record.header.counter + log::frame_bytes(record.header.length);
  if (record.header.type == log::RecordType::piece) return replay_piece(record);
  ByteReader reader(record.payload);
  const std::uint64_t generation = reader.varint(), oid = reader.varint();
  const auto commit_time_us = reader.le<std::int64_t>();
  const auto malformed = [] { return Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed"); };
  if (!reader.ok() || generation > generations_max) return malformed();
  if (generation >= next_generation_) next_generation_ = generation + 1;
  if (oid > next_oid_) next_oid_ = oid;
  if (commit_time_us > commit_time_us_) commit_time_us_ = commit_time_us;
  if (log::is_audited(record.header.type)) SPG_TRY(replay_audit(record, reader, end, commit_time_us));
  const log::RecordType type = log::without_audit(record.header.type);
  if (type == log::RecordType::streamed_commit) return replay_streamed(record, reader, end);
  if (type == log::RecordType::commit) return apply_changes(record.header.database, reader.rest(), end);
  if (type != log::RecordType::joint_commit)
    return Error::make(sqlstate::data_corrupted, "write-ahead log record has unknown type ", static_cast<int>(record.header.type));
  while (!reader.at_end()) {
    const DatabaseId database{static_cast<std::uint32_t>(reader.varint())};
    const Bytes changes = reader.bytes(reader.varint());
    if (!reader.ok()) return malformed();
    SPG_TRY(apply_changes(database, changes, end));
  }
  return ok();
}

template <policy::Env E>
Status Machine<E>::replay_piece(const log::Record& record) {
  ByteReader reader(record.payload);
  const std::uint64_t id = reader.varint();
  if (!reader.ok() || id > generations_max) return Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed");
  if (id >= next_generation_) next_generation_ = id + 1;  // its commit may be missing: no later one may have its number
  ReplayedStream* stream = replayed_streams_.get();
  while (stream != nullptr && stream->id != id) stream = stream->next.get();
  if (stream == nullptr) {
    std::unique_ptr<ReplayedStream> made(new (std::nothrow) ReplayedStream);
    if (made == nullptr) return Error::out_of_memory();
    made->id = id;
    made->next = std::move(replayed_streams_);
    replayed_streams_ = std::move(made);
    stream = replayed_streams_.get();
  }
  return stream->bytes.add(reader.rest()) ? ok() : Error::out_of_memory();
}

/// The pieces of what a checkpoint contains may have been let go of.
template <policy::Env E>
Status Machine<E>::replay_streamed(const log::Record& record, ByteReader& reader, std::uint64_t end) {
  const std::uint64_t id = reader.varint(), bytes = reader.varint();
  if (!reader.ok()) return Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed");
  SPG_ASSIGN(const LineageOf* lineage, replayed_lineage(record.header.database));
  const bool is_contained = end <= lineage->tip()->log_end;
  for (std::unique_ptr<ReplayedStream>* link = &replayed_streams_; *link != nullptr; link = &(*link)->next) {
    if ((*link)->id != id) continue;
    const std::unique_ptr<ReplayedStream> found = std::move(*link);
    *link = std::move(found->next);
    if (is_contained) return ok();
    if (found->bytes.size() != bytes) break;
    return apply_changes(record.header.database, found->bytes.bytes(), end);
  }
  return is_contained ? ok() : Error::make(sqlstate::data_corrupted, "write-ahead log lacks a part of the transaction that ends at ", end);
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

/// The lineage that a record writes to: a database's first record makes it.
template <policy::Env E>
Result<typename Machine<E>::LineageOf*> Machine<E>::replayed_lineage(DatabaseId id) {
  LineageOf* lineage = this->lineage(id);
  return lineage != nullptr ? Result<LineageOf*>(lineage) : create_lineage(id);
}

template <policy::Env E>
Status Machine<E>::apply_changes(DatabaseId database, Bytes changes, std::uint64_t log_end) {
  SPG_ASSIGN(LineageOf * lineage, replayed_lineage(database));
  if (log_end <= lineage->tip()->log_end) return ok();  // contained in the root that the manifest names
  if (replay_batch_ != nullptr && replay_batch_->lineage != lineage) SPG_TRY(finish_replay_batch());
  if (replay_batch_ == nullptr) {
    replay_batch_.reset(new (std::nothrow) ReplayBatch{lineage, ScopeOf(objects_, draw_generation()), lineage->tip()->root});
    if (replay_batch_ == nullptr) return Error::out_of_memory();
  }
  ReplayBatch& batch = *replay_batch_;
  Status failed;
  for (ByteReader reader(changes); !failed && !reader.at_end();) {
    Change change(replay_arena_);
    failed = reader.ok() ? decode_change(reader, replay_arena_, change) : Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed");
    if (!failed) failed = apply_to_root(batch.scope, batch.root, change, replay_arena_, Access::wait);
    replay_arena_.reset();
  }
  if (failed) {
    drop_replay_batch();
    return failed;
  }
  batch.log_end = log_end;
  batch.bytes += changes.size();
  return batch.bytes < replay_batch_bytes ? ok() : finish_replay_batch();
}

/// What has been replayed since the last time becomes the lineage's version.
template <policy::Env E>
Status Machine<E>::finish_replay_batch() {
  if (replay_batch_ == nullptr) return ok();
  ReplayBatch& batch = *replay_batch_;
  VersionOf* version = batch.lineage->make_version();
  if (version == nullptr) return Error::out_of_memory();
  version->root = batch.root;
  version->generation = batch.scope.generation();
  version->log_end = batch.log_end;
  auto retired = batch.scope.take_retired();
  version->retired.splice(retired);
  batch.lineage->publish(version);
  batch.lineage->advance_durable(batch.log_end);
  (void)batch.lineage->reclaim();
  replay_batch_.reset();
  return ok();
}

template <policy::Env E>
void Machine<E>::drop_replay_batch() {
  if (replay_batch_ != nullptr) replay_batch_->scope.undo();
  replay_batch_.reset();
}

/// Before a record is replayed.
template <policy::Env E>
Status Machine<E>::keep_replay_budget() {
  if (objects_.alloc().used_bytes() <= options_.hot_tier_bytes) return ok();
  SPG_TRY(finish_replay_batch());  // what it has put out of use goes first
  const std::size_t used = objects_.alloc().used_bytes();
  if (used > options_.hot_tier_bytes) objects_.evict(used - options_.hot_tier_bytes);
  return ok();
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
  Status started = made->start(root, scope.generation(), 0);
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
    auto retired = parts[i].scope->take_retired();
    versions[i]->retired.splice(retired);
    auto fresh = parts[i].scope->take_fresh();
    versions[i]->fresh.splice(fresh);
    lineage.publish(versions[i]);
    if (!options_.ephemeral) continue;
    lineage.advance_durable(UINT64_MAX);
    (void)lineage.reclaim();
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

template <policy::Env E>
void Machine<E>::tell_waiters() {
  if (waiting_.load() != 0) {
    policy::LockGuard lock(wake_mutex_);
    durable_moved_.notify_all();
  }
  if (listener_ != nullptr) listener_->durable_moved();
}

template <policy::Env E>
Status Machine<E>::flush_log() {
  Status failed;
  {
    policy::LockGuard alone(flush_mutex_);
    failed = log_.flush();
    { policy::LockGuard all_are_published(publish_mutex_); }
    const std::uint64_t durable = log_.durable();
    for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr && !failed; lineage = lineage->next)
      lineage->advance_durable(durable);
    if (!failed) visible_durable_.store(durable, std::memory_order_seq_cst);
  }
  // Whoever flushes tells those who wait: the flusher is not the only one (a checkpoint flushes, too).
  tell_waiters();
  if (!failed) write_audit();
  if (copies_.has_tee()) wake_shipper_.notify_all();
  // After the replies. What a large commit has put out of use is too much for the flusher, whom the next commits wait for.
  constexpr std::size_t objects_max = 1024;
  const bool alone = !background_.load(std::memory_order_relaxed);
  bool more = false;
  for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr && !failed; lineage = lineage->next)
    if (alone || !reclaiming_.load(std::memory_order_acquire)) more = lineage->reclaim(alone ? SIZE_MAX : objects_max) || more;
  if (more && !reclaiming_.exchange(true)) {
    policy::LockGuard lock(wake_mutex_);
    wake_checkpointer_.notify_all();
  }
  return failed;
}

template <policy::Env E>
Status Machine<E>::wait_durable(std::uint64_t position) {
  if (is_durable(position)) return ok();
  if (!background_.load(std::memory_order_acquire)) {
    (void)flush();
  } else {
    waiting_.fetch_add(1);
    {
      policy::LockGuard lock(wake_mutex_);
      while (!is_durable(position) && !log_.is_lost(position) && !log_.is_broken() && !stopping_.load()) durable_moved_.wait(wake_mutex_);
    }
    waiting_.fetch_sub(1);
  }
  if (log_.is_lost(position)) return lost_error();
  return is_durable(position) ? ok() : Error::make(sqlstate::transaction_resolution_unknown, "the outcome of the transaction is unknown: ", log_.broken_error().message());
}

template <policy::Env E>
std::unique_ptr<Lock> Machine<E>::make_lock() {
  struct Held final : Lock {
    void lock() override { mutex.lock(); }
    void unlock() override { mutex.unlock(); }
    typename Sync::Mutex mutex;
  };
  return std::unique_ptr<Lock>(new (std::nothrow) Held);
}

template <policy::Env E>
std::unique_ptr<Event> Machine<E>::make_event() {
  struct Waited final : Event {
    void set() override {
      policy::LockGuard lock(mutex);
      is_set = true;
      changed.notify_all();
    }
    bool wait(std::uint64_t at_most_ns) override {
      policy::LockGuard lock(mutex);
      if (!Sync::has_threads) return std::exchange(is_set, false);
      // Woken early, the caller looks and waits again.
      if (!is_set) changed.wait_for(mutex, std::min<std::uint64_t>(at_most_ns, 1'000'000'000));
      is_set = false;
      return true;
    }
    typename Sync::Mutex mutex;
    typename Sync::CondVar changed;
    bool is_set = false;
  };
  return std::unique_ptr<Event>(new (std::nothrow) Waited);
}

template <policy::Env E>
void Machine<E>::kick_flusher() {
  if (!flusher_idle_.load(std::memory_order_seq_cst) || !flusher_idle_.exchange(false, std::memory_order_seq_cst)) return;
  { policy::LockGuard until_it_sleeps(wake_mutex_); }
  wake_flusher_.notify_all();
}

template <policy::Env E>
void Machine<E>::run_flusher() {
  while (true) {
    bool is_idle = false;
    {
      policy::LockGuard lock(wake_mutex_);
      for (;;) {
        flusher_idle_.store(true, std::memory_order_seq_cst);
        if (log_.has_unflushed() || stopping_.load()) break;
        if (is_idle && log_.wants_mark()) break;
        wake_flusher_.wait_for(wake_mutex_, 1'000'000'000);
        is_idle = true;
      }
      flusher_idle_.store(false, std::memory_order_seq_cst);
      if (!log_.has_unflushed() && stopping_.load()) return;
    }
    // Nobody has committed for a while: what is durable is said to be.
    if (is_idle && log_.wants_mark()) (void)log_.append_mark();
    if (flush().failed() && log_.is_broken()) return;
    if (wants_checkpoint()) {
      policy::LockGuard lock(wake_mutex_);
      wake_checkpointer_.notify_all();
    }
  }
}

template <policy::Env E>
bool Machine<E>::wants_checkpoint() const {
  if (options_.ephemeral || options_.read_only) return false;
  const std::uint64_t unsaved = unsaved_log_bytes();
  // What has been written since lies in memory, and cannot be dropped.
  const std::uint64_t log_bytes_max = std::min<std::uint64_t>(options_.checkpoint_log_bytes, options_.hot_tier_bytes / 4);
  return unsaved >= log_bytes_max || is_pressed_.load(std::memory_order_acquire) ||
         (segments_.has_much_dead() && !is_waiting() && since_checkpoint_ns() >= 1'000'000'000) ||
         (unsaved != 0 && options_.checkpoint_seconds != 0 && since_checkpoint_ns() >= options_.checkpoint_seconds * std::uint64_t{1'000'000'000});
}

template <policy::Env E>
void Machine<E>::run_checkpointer() {
  while (true) {
    {
      policy::LockGuard lock(wake_mutex_);
      while (!stopping_.load() && !wants_checkpoint() && !reclaiming_.load() && !backup_wanted_.load()) wake_checkpointer_.wait_for(wake_mutex_, 10'000'000'000u);
      if (stopping_.load()) return;
    }
    pass_gate();
    if (reclaiming_.load()) {
      for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr; lineage = lineage->next) (void)lineage->reclaim();
      reclaiming_.store(false, std::memory_order_release);
    }
    if (backup_wanted_.load()) serve_backups();
    if (wants_checkpoint() && checkpoint().failed()) checkpoint_position_.store(log_.position());  // try again after as much log
  }
}

template <policy::Env E>
void Machine<E>::run_evictor() {
  for (;;) {
    // A byte in a nanosecond is as fast as it may fill.
    const std::size_t used = objects_.alloc().used_bytes(), left = options_.hot_tier_bytes - std::min(used, options_.hot_tier_bytes);
    {
      policy::LockGuard lock(wake_mutex_);
      if (!stopping_.load()) wake_evictor_.wait_for(wake_mutex_, std::clamp<std::uint64_t>(left, 5'000'000, 1'000'000'000));
      if (stopping_.load()) return;
    }
    keep_budget();
  }
}

template <policy::Env E>
Status Machine<E>::start_background(DurableListener* listener) {
  if (!Sync::has_threads || options_.ephemeral || options_.read_only) return ok();
  listener_ = listener;
  stopping_ = false;
  SPG_TRY(flusher_.start([](void* self) { static_cast<Machine*>(self)->run_flusher(); }, this));
  background_.store(true, std::memory_order_release);
  if (copies_.is_wanted()) SPG_TRY(shipper_.start([](void* self) { static_cast<Machine*>(self)->run_shipper(); }, this));
  if (options_.hot_tier_bytes != SIZE_MAX) SPG_TRY(evictor_.start([](void* self) { static_cast<Machine*>(self)->run_evictor(); }, this));
  if (audit_ != nullptr) SPG_TRY(auditor_.start([](void* self) { static_cast<Machine*>(self)->run_auditor(); }, this));
  return checkpointer_.start([](void* self) { static_cast<Machine*>(self)->run_checkpointer(); }, this);
}

template <policy::Env E>
void Machine<E>::stop_background() {
  if (!background_.load()) return;
  {
    policy::LockGuard lock(wake_mutex_);
    stopping_.store(true);
    wake_flusher_.notify_all();
    wake_checkpointer_.notify_all();
    wake_evictor_.notify_all();
    wake_auditor_.notify_all();
    wake_shipper_.notify_all();
    durable_moved_.notify_all();
  }
  flusher_.join();
  checkpointer_.join();
  evictor_.join();
  auditor_.join();
  shipper_.join();
  background_.store(false);
  write_audit();  // of the flusher's last
  listener_ = nullptr;  // it may go now, though flush() can still be called
}

template <policy::Env E>
Status Machine<E>::tick() {
  if (log_.has_unflushed()) SPG_TRY(flush());
  keep_budget();
  ship();
  return wants_checkpoint() ? checkpoint() : ok();
}

template <policy::Env E>
Status Machine<E>::checkpoint() {
  if (options_.ephemeral) return ok();
  if (options_.read_only) return Error::make(sqlstate::read_only_sql_transaction, "the database was opened to be read");
  policy::LockGuard alone(checkpoint_mutex_);
  return write_checkpoint(false);
}

template <policy::Env E>
Status Machine<E>::write_checkpoint(bool one_cut) {
  pass_gate();
  is_pressed_.store(false, std::memory_order_release);
  checkpoint_ns_.store(clock_->monotonic_ns(), std::memory_order_relaxed);
  store::Manifest next;
  next.number = std::max(manifest_.number, manifest_tried_) + 1;
  next.log_start = UINT64_MAX;
  // Pin a version of every lineage and seal what it holds: nothing that it reaches is appended to in place any more.
  const std::uint32_t settling_max = segments_.first_private() - 1;  // those may be published beside this checkpoint
  struct Held { LineageOf* lineage; VersionOf* version; PinSlot<Alloc>* slot; };
  Array<Held> held;
  Status failed;
  std::uint64_t contained, log_start = UINT64_MAX, first_piece = UINT64_MAX;
  // Nobody publishes under it. Who has a lineage's apply mutex does not wait for it.
  publish_mutex_.lock();
  // Every record before this place is in the tip of its database: one that nobody writes to must not keep the log.
  contained = log_.not_lost(log_.position());  // right behind a cut nothing has been appended yet
  if (!one_cut) publish_mutex_.unlock();
  const auto end_of = [&](const VersionOf& version) { return std::max(contained, version.log_end); };
  std::uint64_t newest = contained;
  for (LineageOf* lineage = lineages_.load(std::memory_order_acquire); lineage != nullptr && !failed; lineage = lineage->next) {
    auto* slot = new (std::align_val_t{64}, std::nothrow) PinSlot<Alloc>;
    if (slot == nullptr || !held.push_back({lineage, nullptr, slot})) { failed = Error::out_of_memory(); break; }
    lineage->open_slot(*slot);
    policy::LockGuard lock(lineage->apply_mutex());
    // The pieces of a commit that is not in the version, but begun before it: the log must keep them.
    policy::LockGuard streams(streams_mutex_);
    objects_.seal(draw_generation());
    held.back().version = lineage->pin_tip(*slot);
    for (const Stream& one : streams_) first_piece = std::min(first_piece, one.first);
    newest = std::max(newest, held.back().version->log_end);
  }
  if (one_cut) publish_mutex_.unlock();
  if (!failed && !is_waiting()) failed = segments_.choose_victims();
  // A root in a manifest whose log never became durable would outlive its log records, and later commits, whose records
  // take their positions, would be taken for part of it.
  if (!failed && log_.durable() < newest) failed = log_.is_broken() ? log_.broken_error() : flush_log();
  if (!failed && log_.is_lost(newest)) failed = log_.write_error();
  next.commit_time_us = commit_time_us_.load(std::memory_order_relaxed);
  store::ManifestAudit audited = manifest_.audit;
  if (!failed) audit_checkpoint(first_piece, audited);
  for (const Held& one : held) {
    if (failed) break;
    const VersionOf& version = *one.version;
    if (version.log_end == 0) continue;  // a database without a record yet: replay makes it
    failed = segments_.write_tree(version.root);
    log_start = std::min(log_start, end_of(version));
    next.log_start = log_.in_files(std::min(log_start, first_piece));
  }
  if (!failed) {
    for (const Held& one : held) {
      if (one.version->log_end == 0) continue;
      if (!next.databases.push_back({one.lineage->id(), segments_.planned(one.version->root), one.version->generation, log_.in_files(end_of(*one.version))}))
        failed = Error::out_of_memory();
    }
  }
  if (!failed) failed = segments_.finish();
  if (failed) segments_.abandon();  // what it planned refers to cells that may be gone when the next one begins
  if (!failed) failed = segments_.list(next.segments);
  if (!failed) failed = fill_manifest(next);
  next.audit = audited;
  next.lsn = contained_lsn(next);
  // Whatever becomes of the manifest, objects that were moved are looked for at two places until the gate has passed.
  Waiting waiting;
  for (const Held& one : held)
    if (!failed && !waiting.gate.push_back({one.lineage, one.version->generation})) failed = Error::out_of_memory();
  waiting.settling = failed ? 0 : std::min(segments_.last(), settling_max);
  if (!failed) {
    manifest_tried_ = next.number;
    failed = store::write_manifest(*storage_, options_.database_path, next);
  }
  if (!failed) {
    manifest_ = std::move(next);
    checkpoint_position_.store(log_start == UINT64_MAX ? checkpoint_position_.load() : log_start);
    failed = segments_.drop_victims(waiting.segments);
    wait_for_gate(std::move(waiting));
    remove_old_files();
    log_start_.store(manifest_.log_start, std::memory_order_release);
    if (!failed) trim_log();
  } else if (objects_.is_forwarding()) {
    wait_for_gate(std::move(waiting));
  }
  for (const Held& one : held) {
    one.lineage->close_slot(*one.slot);
    ::operator delete(one.slot, std::align_val_t{64});
  }
  if (log_.must_be_cut()) (void)fall_back();
  return failed;
}

template <policy::Env E>
Status Machine<E>::fill_manifest(store::Manifest& next) {
  if (next.log_start == UINT64_MAX) next.log_start = manifest_.log_start;
  next.audit = manifest_.audit;
  next.next_generation = next_generation_.load();
  next.next_oid = next_oid_.load();
  for (std::size_t i = 0; i < manifest_.epochs.size(); ++i) {
    const bool over = i + 1 < manifest_.epochs.size() && manifest_.epochs[i + 1].start <= next.log_start;
    if (!over && !next.epochs.push_back(manifest_.epochs[i])) return Error::out_of_memory();
  }
  next.copies = manifest_.copies;
  for (const store::ManifestJump& jump : manifest_.jumps)
    if (!next.jumps.push_back(jump)) return Error::out_of_memory();
  return ok();
}

/// Manifests before the one in force that no recovery begins with, and segments that none names (left by a crash). Failures only
/// leave files.
template <policy::Env E>
void Machine<E>::remove_old_files() {
  const store::DatabasePaths paths(options_.database_path);
  Array<std::uint64_t> manifests, segments;
  (void)storage_->list(std::string_view(paths.directory), [&](std::string_view name) {
    const std::uint64_t number = store::DatabasePaths::number_in(name);
    if (name.starts_with("manifest-")) (void)manifests.push_back(number);
    if (name.starts_with("segment-")) (void)segments.push_back(number);
  });
  const Kept kept = kept_manifests();
  char name[512];
  for (std::uint64_t number : manifests) {
    if (number >= manifest_.number || kept.has_manifest(number)) continue;
    paths.manifest_name(name, number);
    (void)storage_->remove(std::string_view(name));
  }
  for (std::uint64_t number : segments) {
    const auto segment = static_cast<std::uint32_t>(number);
    if (segments_.has(segment) || is_kept(segment) || kept.has_segment(segment)) continue;
    paths.segment_name(name, segment);
    (void)storage_->remove(std::string_view(name));
  }
}

}  // namespace spg::txn

#include "spg/txn/machine_audit.inl.hpp"
#include "spg/txn/machine_backup.inl.hpp"
#include "spg/txn/machine_copies.inl.hpp"
#include "spg/txn/machine_recovery.inl.hpp"
