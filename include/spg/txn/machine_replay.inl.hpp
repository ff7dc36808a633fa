// Replaying the log's records at open, in batches and within the budget of memory.
#pragma once
#include <algorithm>
#include <cstring>

#include "spg/txn/machine.hpp"

namespace spg::txn {

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
  if (!stream->changes.tail().add(reader.rest())) return Error::out_of_memory();
  if (options_.read_only || stream->changes.tail().size() < changes_in_memory_max()) return ok();
  return spill(stream->changes);
}

/// The pieces of what a checkpoint contains may have been let go of.
template <policy::Env E>
Status Machine<E>::replay_streamed(const log::Record& record, ByteReader& reader, std::uint64_t end) {
  const std::uint64_t id = reader.varint(), bytes = reader.varint();
  if (!reader.ok()) return Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed");
  SPG_ASSIGN(LineageOf * lineage, replayed_lineage(record.header.database));
  const bool is_contained = end <= lineage->tip()->log_end;
  for (std::unique_ptr<ReplayedStream>* link = &replayed_streams_; *link != nullptr; link = &(*link)->next) {
    if ((*link)->id != id) continue;
    const std::unique_ptr<ReplayedStream> found = std::move(*link);
    *link = std::move(found->next);
    if (is_contained) return ok();
    if (found->changes.size() != bytes) break;
    return apply_streamed(*lineage, found->changes, end);
  }
  return is_contained ? ok() : Error::make(sqlstate::data_corrupted, "write-ahead log lacks a part of the transaction that ends at ", end);
}

/// The lineage that a record writes to: a database's first record makes it.
template <policy::Env E>
Result<typename Machine<E>::LineageOf*> Machine<E>::replayed_lineage(DatabaseId id) {
  LineageOf* lineage = this->lineage(id);
  return lineage != nullptr ? Result<LineageOf*>(lineage) : create_lineage(id);
}

template <policy::Env E>
Status Machine<E>::begin_replay_batch(LineageOf& lineage) {
  if (replay_batch_ != nullptr && replay_batch_->lineage != &lineage) SPG_TRY(finish_replay_batch());
  if (replay_batch_ == nullptr) replay_batch_.reset(new (std::nothrow) ReplayBatch{&lineage, ScopeOf(objects_, draw_generation()), lineage.tip()->root, lineage.tip()->log_end});
  return replay_batch_ != nullptr ? ok() : Error::out_of_memory();
}

template <policy::Env E>
Status Machine<E>::end_replayed(Status failed, std::uint64_t bytes, std::uint64_t log_end) {
  if (failed) {
    drop_replay_batch();
    return failed;
  }
  replay_batch_->log_end = log_end;
  replay_batch_->bytes += bytes;
  return replay_batch_->bytes < replay_batch_bytes ? ok() : finish_replay_batch();
}

/// A change of `bytes` in the log. A transaction may be larger than memory: then a part of it becomes a version, which nobody sees.
template <policy::Env E>
Status Machine<E>::apply_replayed(const Change& change, std::size_t bytes) {
  ReplayBatch& batch = *replay_batch_;
  SPG_TRY(apply_to_root(batch.scope, batch.root, change, replay_arena_, Access::wait));
  batch.unspilled += bytes;
  if (!must_spill(batch.unspilled)) return ok();
  batch.unspilled = 0;
  if (objects_.alloc().used_bytes() <= options_.hot_tier_bytes) return ok();
  LineageOf& lineage = *batch.lineage;
  SPG_TRY(keep_replay_budget());
  return begin_replay_batch(lineage);
}

/// Writes what replay has made below a root, as a large transaction does with what it has made: the next manifest names the segment.
template <policy::Env E>
Status Machine<E>::spill_replayed(store::Cell* root) {
  if (options_.read_only) return ok();
  SPG_ASSIGN(const std::uint32_t segment, segments_.spill(root, Generation{}, Generation{}));
  if (segment != 0) segments_.publish({&segment, 1});
  return ok();
}

template <policy::Env E>
Status Machine<E>::apply_changes(DatabaseId database, Bytes changes, std::uint64_t log_end) {
  SPG_ASSIGN(LineageOf * lineage, replayed_lineage(database));
  if (log_end <= lineage->tip()->log_end) return ok();  // contained in the root that the manifest names
  SPG_TRY(begin_replay_batch(*lineage));
  Status failed;
  for (ByteReader reader(changes); !failed && !reader.at_end();) {
    Change change(replay_arena_);
    const std::size_t before = reader.left();
    failed = reader.ok() ? decode_change(reader, replay_arena_, change) : Error::make(sqlstate::data_corrupted, "write-ahead log record is malformed");
    if (!failed) failed = apply_replayed(change, before - reader.left());
    replay_arena_.reset();
  }
  return end_replayed(std::move(failed), changes.size(), log_end);
}

/// What was written in pieces. They have been cut anywhere: a change that cannot be read may end in the next.
template <policy::Env E>
Status Machine<E>::apply_streamed(LineageOf& lineage, ChangeList<Storage>& changes, std::uint64_t log_end) {
  constexpr std::size_t piece_bytes = 1 << 20;
  SPG_TRY(begin_replay_batch(lineage));
  RecordBuffer window;
  std::size_t left = changes.size();
  Status failed = changes.each_piece(piece_bytes, [&](Bytes piece) -> Status {
    if (!window.add(piece)) return Error::out_of_memory();
    left -= piece.size();
    std::size_t done = 0;
    while (done < window.size()) {
      ByteReader reader(window.bytes().subspan(done));
      Change change(replay_arena_);
      Status fault = decode_change(reader, replay_arena_, change);
      const bool is_cut = fault && left != 0 && fault.code() == sqlstate::data_corrupted;
      const std::size_t bytes = window.size() - done - reader.left();
      if (!fault) fault = apply_replayed(change, bytes);
      replay_arena_.reset();
      if (is_cut) break;
      if (fault) return fault;
      done += bytes;
    }
    std::memmove(window.data(), window.data() + done, window.size() - done);
    window.resize(window.size() - done);
    return ok();
  });
  return end_replayed(std::move(failed), changes.size(), log_end);
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
  version->time_us = recovered_time(commit_time_us_);
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
  const std::size_t budget = options_.hot_tier_bytes;
  if (std::size_t used = objects_.alloc().used_bytes(); used > budget) objects_.evict(used - budget + budget / 16);
  if (objects_.alloc().used_bytes() <= budget) return ok();
  for (LineageOf* lineage = lineages_.load(); lineage != nullptr; lineage = lineage->next) SPG_TRY(spill_replayed(lineage->tip()->root));
  if (std::size_t used = objects_.alloc().used_bytes(); used > budget) objects_.evict(used - budget + budget / 16);
  return ok();
}

}  // namespace spg::txn
