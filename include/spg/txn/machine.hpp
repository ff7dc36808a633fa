// Machine: the storage of one server: objects, segments, log, manifest and the lineages of its databases. It opens and
// recovers, flushes, checkpoints and reclaims (DESIGN 1.7 to 1.9).
//
// Threads: everything but open() and close() from any thread. With threads, start_background() runs a flusher and a
// checkpointer; without, tick() does a bounded step of each and commits flush inline.
#pragma once
#include <algorithm>
#include <atomic>

#include "spg/base/array.hpp"
#include "spg/log/audit_log.hpp"
#include "spg/log/copies.hpp"
#include "spg/log/log.hpp"
#include "spg/store/backup.hpp"
#include "spg/store/manifest.hpp"
#include "spg/store/segment.hpp"
#include "spg/txn/change_list.hpp"
#include "spg/txn/control.hpp"
#include "spg/txn/lineage.hpp"
#include "spg/txn/locks.hpp"
#include "spg/txn/recovery.hpp"
#include "spg/txn/root.hpp"
#include "spg/txn/write_set.hpp"

namespace spg::txn {

struct MachineOptions {
  std::string_view database_path = "spg.db";
  std::string_view log_path = "wal.log";
  /// A checkpoint starts once the log has grown by so many bytes since the last one.
  std::uint64_t checkpoint_log_bytes = std::uint64_t{256} << 20;
  /// And so many seconds after the last one, when anything has been written since; 0: never.
  std::uint32_t checkpoint_seconds = 300;
  /// Memory for objects. Over it, those that have not been read for longest are dropped from memory; what has changed since
  /// the last checkpoint is written first.
  std::size_t hot_tier_bytes = SIZE_MAX;
  store::CompactionLimits compaction;
  /// open() changes no file: what recovery does stays in memory. Nothing can be written. Several may read so at once, while
  /// none writes.
  bool read_only = false;
  /// No log, no files: everything ends with the process.
  bool ephemeral = false;
  /// A write set of more than some of these goes into the log in such pieces before its commit, so that other commits do not
  /// wait while all of it is written.
  std::size_t piece_bytes = 128 * 1024;
  /// Of a transaction's records, so many bytes stay in memory; those before go to a scratch file.
  std::size_t changes_in_memory_max = std::size_t{4} << 20;
  /// So many bytes of its records may be applied to its private tables before what that makes is written to a segment of its own.
  std::size_t unspilled_bytes_max = std::size_t{16} << 20;
  /// The log's second copies (log/copies.hpp), and who hears of them.
  log::CopyOptions copies;
  log::CopyReport* copy_report = nullptr;
  /// Copies that are not named here are not wanted any more. Else, where a server has fed some, their log and manifests are kept.
  bool decides_copies = false;
  /// With an archive: manifests, and what they name, are kept so that every point of so long a time can be recovered.
  std::uint32_t recovery_seconds = 86400;
  /// So much of the past can be read by its time (AS OF SYSTEM TIME).
  std::uint32_t history_seconds = 0;
  /// The audit log. No path: none. Read-only machines leave it alone, and ephemeral ones have none.
  log::AuditOptions audit;
};

/// Called after every flush, from the flushing thread: durable() has moved (or the log has broken).
struct DurableListener {
  virtual void durable_moved() = 0;

 protected:
  ~DurableListener() = default;
};

template <policy::Env Env>
class Machine final : public MachineControl {
 public:
  using Storage = typename Env::Storage;
  using Sync = typename Env::Sync;
  using Alloc = typename Env::Alloc;
  using ObjectsOf = store::Objects<Alloc, Sync, typename Env::Random>;
  using ScopeOf = store::BasicScope<ObjectsOf, Alloc>;
  using LineageOf = Lineage<ObjectsOf, Alloc, Sync>;
  using VersionOf = Version<Alloc>;
  using LogOf = log::Log<Storage, Sync>;
  using SegmentsOf = store::Segments<ObjectsOf, Storage, Sync>;
  using AuditOf = log::AuditLog<Storage, Sync>;

  Machine(Storage& storage, typename Env::Clock& clock, Alloc& alloc, typename Env::Random& random, const MachineOptions& options);
  ~Machine() override;
  Machine(const Machine&) = delete;
  Machine& operator=(const Machine&) = delete;

  /// Locks the files against other processes, opens them, or makes them; recovers from the log. After it the machine takes
  /// writes. F0001 when they are open already.
  Status open();
  /// The first part of open(). Whoever recovers does it before he looks at manifests.
  Status lock_files();
  /// Instead of open(), and behind lock_files(): the database as a manifest and the records behind it make it, as far as the
  /// target. What has been recovered is in force, and durable, when this returns ok; before, nothing has changed but that the
  /// audit log may have got what it lacked. Then the machine takes writes.
  Result<Recovered> recover(store::Manifest base, const Recovery& what);
  // --- MachineControl
  bool has_database(DatabaseId id) override { return lineage(id) != nullptr; }
  Status create_database(DatabaseId id) override { return create_lineage(id).status(); }
  TransactionControl* open_transaction(DatabaseId id) override;
  /// Whether open() made a new database.
  bool is_new() const override { return is_new_; }
  MachineFacts facts() override;
  bool is_read_only() const override { return options_.read_only; }
  bool is_audited() const override { return audit_ != nullptr; }
  std::int64_t clock_us() override { return clock_->wall_us() - epoch_2000_us; }
  std::uint64_t monotonic_ns() override { return clock_->monotonic_ns(); }
  void fill_random(MutableBytes into) override { random_->fill(into); }
  void with_locks(FunctionRef<void(LockTable&)> use) override { locks_.with([&](LockTable& table) { use(table); }); }
  std::unique_ptr<Lock> make_lock() override;
  std::unique_ptr<Event> make_event() override;
  Status start_background(DurableListener* listener);
  void stop_background();

  LineageOf* lineage(DatabaseId id);
  template <class Visit>
  void each_lineage(Visit visit) {
    for (LineageOf* one = lineages_.load(std::memory_order_acquire); one != nullptr; one = one->next) visit(*one);
  }
  /// Makes the lineage of a new, empty database. Durable with the next flush.
  Result<LineageOf*> create_lineage(DatabaseId id);

  Generation draw_generation() { return Generation{next_generation_.fetch_add(1, std::memory_order_relaxed)}; }
  Oid draw_oid() { return Oid{static_cast<std::uint32_t>(next_oid_.fetch_add(1, std::memory_order_relaxed))}; }

  /// One lineage's share of a commit.
  struct CommitPart {
    LineageOf* lineage = nullptr;
    ScopeOf* scope = nullptr;
    store::Cell* root = nullptr;
    Bytes changes;             ///< empty when they are not in memory
    std::size_t changes_bytes = 0;
    std::uint64_t stream = 0;  ///< not 0: the changes are in the log already (stream())
  };
  static constexpr std::size_t commit_parts_max = 8;
  /// The pieces of a write set that stream() has put into the log need not be kept for its commit any more.
  void end_stream(std::uint64_t id);
  /// Publishes what the scopes built as their lineages' next versions, by one log record. The caller owns the turns. Returns
  /// the log position behind the commit; 53100 and nothing done when the log has no room. On success the scopes are empty.
  /// `audit`: the body of its entry in the audit log, where there is one; may be empty.
  Result<std::uint64_t> commit(std::span<const CommitPart> parts, Bytes audit = {});
  Status commit_together(std::span<TransactionControl* const> transactions) override;
  bool is_durable(std::uint64_t position) const override {
    return options_.ephemeral || (visible_durable_.load(std::memory_order_seq_cst) >= position && !log_.is_lost(position));
  }
  bool is_lost(std::uint64_t position) const override { return log_.is_lost(position); }
  Error lost_error() const override { return log_.write_error(); }
  std::uint64_t not_lost(std::uint64_t position) const { return log_.not_lost(position); }
  /// Waits until the log is durable up to the position (flushes itself where nobody else does). 08007 when it broke.
  Status wait_durable(std::uint64_t position) override;
  Lsn log_end(bool durable) const override {
    if (options_.ephemeral) return {1, ephemeral_position_.load(std::memory_order_seq_cst)};
    if (backup_ != nullptr) return {epoch_at(manifest_, manifest_.contained()), manifest_.contained()};
    return {log_.epoch(), log_.in_files(durable ? visible_durable_.load(std::memory_order_seq_cst) : log_.position())};
  }
  Error log_error() const override { return log_.broken_error(); }
  bool log_is_broken() const override { return log_.is_broken(); }

  // Large transactions: what they have done is written before they commit, so that it need not stay in memory.
  std::size_t changes_in_memory_max() const { return options_.ephemeral ? SIZE_MAX : options_.changes_in_memory_max; }
  /// Whether what has been made of so many bytes of records is to be written. Each of them may change a page of an index.
  bool must_spill(std::size_t unspilled_bytes) const {
    const std::size_t most = options_.unspilled_bytes_max, budget = options_.hot_tier_bytes, used = objects_.alloc().used_bytes();
    return !options_.ephemeral && (unspilled_bytes >= most || (unspilled_bytes >= most / 16 && used > budget && used - budget > budget / 4));
  }
  Status spill(ChangeList<Storage>& changes);
  /// Segments::spill. No manifest names the segment before publish_spilled().
  Result<std::uint32_t> spill(store::Cell* root, Generation from, Generation unseen_from);
  /// The segments' objects are about to be committed.
  void publish_spilled(std::span<const std::uint32_t> segments) { segments_.publish(segments); }
  /// Nobody refers to the segments' objects.
  void discard_spilled(std::span<const std::uint32_t> segments);

  /// Whether what has been written since the last checkpoint takes more memory than there is: who writes on should wait.
  bool is_short_of_memory() const {
    const std::size_t budget = options_.hot_tier_bytes, used = objects_.alloc().used_bytes();
    return used > budget && used - budget > budget / 16 && unsaved_log_bytes() > budget / 16 && background_.load(std::memory_order_relaxed);
  }
  /// Waits for a checkpoint to make room, for some milliseconds at most: writers go on, but slowly.
  void wait_for_room();

  /// Writes and syncs what has gathered, moves durable, frees what nobody needs.
  Status flush();
  /// Writes all that has changed since the last one into segments, then a manifest, then lets old log go.
  Status checkpoint() override;
  Result<std::unique_ptr<BackupJob>> start_backup(const store::BackupTarget& target) override;
  /// The backup that is open in the place of a database, or null.
  const store::Backup* opened_backup() const { return backup_.get(); }
  bool wants_checkpoint() const;
  /// Bounded background work for builds without threads.
  Status tick();
  /// Gives the log's copies what is durable; with `finish` all of it, unfinished files too: before the end. Requires: by one at
  /// a time.
  void ship(bool finish = false);

  ObjectsOf& objects() { return objects_; }
  typename Env::Clock& clock() { return *clock_; }
  typename Env::Random& random() { return *random_; }
  LogOf& log() { return log_; }
  Locks<Sync>& locks() { return locks_; }
  const store::Manifest& manifest() const { return manifest_; }
  std::string_view database_path() const { return options_.database_path; }

 private:
  Status open_new();
  Status open_existing(store::Manifest manifest);
  Status load_roots(const store::Manifest& manifest);
  Status open_backup(std::string_view name);
  // machine_backup.inl.hpp
  class Backing;
  /// What a running backup is about, and keeps.
  struct BackupPin {
    enum class State : std::uint8_t { asked, being_made, ready };
    State state = State::asked;
    Status failed;
    RecordBuffer manifest;               ///< encoded
    Array<std::uint32_t> segments;       ///< whose files must stay
    BackupPin* next = nullptr;
  };
  bool is_pinned(std::uint32_t segment) const;
  void pin_backup(BackupPin& pin);
  void unpin_backup(BackupPin& pin);
  void serve_backups();
  Status pin_apart(std::string_view prefix, store::Manifest& made, Array<std::uint32_t>& apart);
  /// With `one_cut`, the versions of all databases are of one point. Requires: checkpoint_mutex_.
  Status write_checkpoint(bool one_cut);
  Status load(const store::Manifest& manifest);
  Status open_copies();
  Status mark_jump();
  void trim_log();
  void run_shipper();
  Status prepare_trail(const store::Manifest& knowing, const Recovery& what, log::Trail<Storage>& trail);
  Status follow_log(const store::Manifest& base, const Recovery& what, log::Trail<Storage>& trail, Recovered& done);
  Result<log::Jump> choose_jump(const store::Manifest& base, const Recovery& what, const log::Trail<Storage>& trail);
  struct Stream { std::uint64_t id, first, last; };  ///< pieces in the log, between these positions, whose commit is to come
  struct ReplayedStream {
    std::uint64_t id = 0;
    ChangeList<Storage> changes;
    std::unique_ptr<ReplayedStream> next;
  };
  /// Records of one database are replayed together: nobody reads what is between, and an object is copied once for all.
  struct ReplayBatch {
    LineageOf* lineage;
    ScopeOf scope;
    store::Cell* root;
    std::uint64_t log_end = 0, bytes = 0;
    std::uint64_t unspilled = 0;  ///< bytes that have been applied since the last spill
  };
  static constexpr std::uint64_t replay_batch_bytes = 4 * 1024 * 1024;
  bool wants_stream(std::size_t bytes) const { return !options_.ephemeral && bytes > 4 * options_.piece_bytes; }
  Status stream(DatabaseId database, ChangeList<Storage>& changes, Stream& made);
  Status replay_piece(const log::Record& record);
  Status replay_streamed(const log::Record& record, ByteReader& reader, std::uint64_t end);
  Status replay(const log::Record& record);
  Result<LineageOf*> replayed_lineage(DatabaseId id);
  Status apply_changes(DatabaseId database, Bytes changes, std::uint64_t log_end);
  Status apply_streamed(LineageOf& lineage, ChangeList<Storage>& changes, std::uint64_t log_end);
  Status begin_replay_batch(LineageOf& lineage);
  Status end_replayed(Status failed, std::uint64_t bytes, std::uint64_t log_end);
  Status apply_replayed(const Change& change, std::size_t bytes);
  Status spill_replayed(store::Cell* root);
  Status finish_replay_batch();
  void drop_replay_batch();
  Status keep_replay_budget();
  void kick_flusher();
  void run_flusher();
  void run_checkpointer();
  void run_evictor();
  void keep_budget();
  struct Gated { LineageOf* lineage; Generation generation; };
  using Gate = Array<Gated>;
  bool has_passed(const Gate& gate) const;
  /// What a checkpoint has to wait for with giving back, until the versions from before it have gone.
  struct Waiting {
    Gate gate;
    std::uint32_t settling = 0;        ///< segments up to this one will be settled (Objects::settle)
    Array<std::uint32_t> segments;     ///< emptied: their files go
  };
  bool is_waiting() const;
  bool is_kept(std::uint32_t segment) const;
  void wait_for_gate(Waiting waiting);
  void pass_gate();
  /// Of the log since the last checkpoint began.
  std::uint64_t unsaved_log_bytes() const { return log_.position() - checkpoint_position_.load(std::memory_order_relaxed); }
  std::uint64_t since_checkpoint_ns() const { return clock_->monotonic_ns() - checkpoint_ns_.load(std::memory_order_relaxed); }
  Status flush_log();
  Status fall_back();
  void tell_waiters();
  std::int64_t history_from() const {
    return options_.history_seconds == 0 ? no_history : clock_->wall_us() - std::int64_t{1'000'000} * options_.history_seconds;
  }
  void reclaim_some();
  /// When a version begins to be the newest that is committed at that time: not before those that are there. Requires:
  /// publish_mutex_, or nobody else.
  std::int64_t version_time(std::int64_t time_us) { return version_time_us_ = std::max(version_time_us_, time_us); }
  /// That of recovered ones. The clock may have been set back since.
  std::int64_t recovered_time(std::int64_t commit_time_us) { return version_time(std::min(commit_time_us, clock_->wall_us())); }
  // machine_audit.inl.hpp
  struct PendingAudit;
  bool wants_audit() const { return !options_.audit.path.empty() && !options_.ephemeral && !options_.read_only; }
  Status open_audit(const store::Manifest& known);
  Status replay_audit(const log::Record& record, ByteReader& reader, std::uint64_t end, std::int64_t time_us);
  Status finish_audit(Lsn log_end, store::ManifestAudit& known);
  Status complete_audit(const store::Manifest& knowing, const Recovery& what, store::ManifestAudit& known);
  Status audit_given_up(const store::Manifest& knowing, log::Trail<Storage>& trail);
  void audit_checkpoint(std::uint64_t& keep_from, store::ManifestAudit& durable);
  void write_audit();
  void kick_auditor();
  void run_auditor();
  Status fill_manifest(store::Manifest& next);
  void remove_old_files();
  void remove_scratch_files();
  std::uint64_t own_copies() const { return (options_.copies.archive.empty() ? 0u : 1u) + (options_.copies.tee.empty() ? 0u : 2u); }
  bool keeps_all_manifests() const { return options_.recovery_seconds == keep_all_manifests || keeps_for_others_; }
  bool keeps_manifests() const { return keeps_all_manifests() || (!options_.copies.archive.empty() && options_.recovery_seconds != 0); }
  Kept kept_manifests();
  std::uint64_t contained_lsn(const store::Manifest& next) const;

  MachineOptions options_;
  char database_path_[400], log_path_[400], archive_[440], tee_[440];
  Storage* storage_;
  typename Storage::Lock lock_;        ///< outlives all that uses the files
  typename Env::Clock* clock_;
  typename Env::Random* random_;
  ObjectsOf objects_;
  SegmentsOf segments_;
  LogOf log_;
  std::unique_ptr<AuditOf> audit_;
  Lsn audited_through_;                ///< at the start, by the manifest; of a recovery, the end of all that there was
  std::uint64_t unaudited_ = 0;        ///< audited records that recovery has met without an audit log
  log::Copies<Storage> copies_;
  Locks<Sync> locks_;
  store::Manifest manifest_;
  std::atomic<std::uint32_t> scratch_number_{0};
  std::uint64_t next_emptying_ns_ = 0;  ///< the evictor's: when sparse extents are looked at again, after little could go
  std::uint64_t manifest_tried_ = 0;   ///< the highest number written, or tried: what failed may still be in force
  bool is_new_ = false;
  bool keeps_for_others_ = false;      ///< a server feeds copies that this machine does not know: log and manifests stay
  /// The log is durable up to here, and the lineages' durable versions are those: whoever is told of a commit finds it.
  std::atomic<std::uint64_t> visible_durable_{0};
  std::atomic<std::uint64_t> log_start_{0};          ///< the manifest's, for trim_log()
  std::uint64_t trimmed_ = 0;                        ///< under trim_mutex_
  /// Counted for facts(): under publish_mutex_, and by the one who makes a checkpoint.
  std::atomic<std::uint64_t> commits_{0}, checkpoints_{0}, compacted_segments_{0};
  std::atomic<std::int64_t> commit_time_us_{INT64_MIN};  ///< the youngest commit's, since 1970
  std::int64_t version_time_us_ = INT64_MIN;
  std::atomic<std::uint64_t> next_generation_{1}, next_oid_{16384}, checkpoint_position_{0}, checkpoint_ns_{0}, ephemeral_position_{1};
  typename Sync::Mutex streams_mutex_;
  Array<Stream> streams_;
  std::unique_ptr<ReplayedStream> replayed_streams_;
  typename Sync::Mutex lineages_mutex_;
  std::atomic<LineageOf*> lineages_{nullptr};

  std::unique_ptr<store::Backup> backup_;    ///< what is open is a backup
  typename Storage::Lock backup_lock_;
  BackupPin* backup_pins_ = nullptr;         ///< under gate_mutex_
  std::atomic<bool> backup_wanted_{false};   ///< one is asked for
  typename Sync::CondVar backup_ready_;      ///< with gate_mutex_
  mutable typename Sync::Mutex gate_mutex_;
  bool is_waiting_ = false;
  Waiting at_gate_;
  typename Sync::Mutex checkpoint_mutex_, flush_mutex_;
  typename Sync::Mutex publish_mutex_;  ///< a commit's record is in the log and its version is not published yet
  typename Sync::Mutex wake_mutex_, trim_mutex_;
  typename Sync::CondVar wake_flusher_, wake_checkpointer_, wake_evictor_, wake_shipper_, wake_auditor_, durable_moved_, room_;
  std::atomic<bool> flusher_idle_{false}, auditor_idle_{false}, background_{false}, stopping_{false};
  std::atomic<bool> reclaiming_{false};  ///< the checkpointer frees what is too much for the flusher, or is about to
  std::atomic<std::uint32_t> waiting_{0};
  std::atomic<bool> is_pressed_{false};  ///< memory is over its budget until something is written
  typename Sync::Thread flusher_, checkpointer_, evictor_, shipper_, auditor_;
  DurableListener* listener_ = nullptr;
  MemoryBudget replay_budget_;
  Arena replay_arena_{replay_budget_};
  std::unique_ptr<ReplayBatch> replay_batch_;
};

}  // namespace spg::txn
