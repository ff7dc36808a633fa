// Bodies of Machine: backups, and machines that are opened on one (docs/backup.md).
#pragma once
#include <algorithm>
#include <memory>

#include "spg/store/backup.inl.hpp"
#include "spg/txn/machine.hpp"

namespace spg::txn {

/// A backup can only be read, whatever was asked for: it is a file of its own that nothing is written beside.
template <policy::Env E>
Status Machine<E>::open_backup(std::string_view name) {
  options_.read_only = true;
  SPG_ASSIGN(store::Backup opened, store::open_backup(*storage_, name));
  backup_.reset(new (std::nothrow) store::Backup(std::move(opened)));
  if (backup_ == nullptr) return Error::out_of_memory();
  SPG_ASSIGN(backup_lock_, store::lock_backup(*storage_, *backup_));
  segments_.read_from(*backup_);
  RecordBuffer encoded;
  SPG_TRY(store::encode_manifest(backup_->manifest, encoded));
  SPG_ASSIGN(manifest_, store::decode_manifest(encoded.bytes()));
  SPG_TRY(load_roots(manifest_));
  objects_.settle(segments_.last());
  log_.give_up(Error::make(sqlstate::read_only_sql_transaction, "the database is a backup, which can only be read"));
  visible_durable_ = manifest_.contained();
  return ok();
}

/// Requires: gate_mutex_.
template <policy::Env E>
bool Machine<E>::is_pinned(std::uint32_t segment) const {
  for (const BackupPin* pin = backup_pins_; pin != nullptr; pin = pin->next)
    if (std::find(pin->segments.begin(), pin->segments.end(), segment) != pin->segments.end()) return true;
  return false;
}

template <policy::Env E>
void Machine<E>::pin_backup(BackupPin& pin) {
  policy::LockGuard lock(gate_mutex_);
  pin.next = backup_pins_;
  backup_pins_ = &pin;
}

template <policy::Env E>
void Machine<E>::unpin_backup(BackupPin& pin) {
  policy::LockGuard lock(gate_mutex_);
  for (BackupPin** link = &backup_pins_; *link != nullptr; link = &(*link)->next)
    if (*link == &pin) { *link = pin.next; break; }
}

/// Makes a checkpoint for the backups that ask for one, and keeps its segments for them.
template <policy::Env E>
void Machine<E>::serve_backups() {
  using State = typename BackupPin::State;
  policy::LockGuard alone(checkpoint_mutex_);
  {
    // Who asks from here on has seen commits that this checkpoint may lack.
    policy::LockGuard lock(gate_mutex_);
    backup_wanted_.store(false);
    for (BackupPin* pin = backup_pins_; pin != nullptr; pin = pin->next)
      if (pin->state == State::asked) pin->state = State::being_made;
  }
  const Status failed = write_checkpoint(true);
  policy::LockGuard lock(gate_mutex_);
  for (BackupPin* pin = backup_pins_; pin != nullptr; pin = pin->next) {
    if (pin->state != State::being_made) continue;
    pin->state = State::ready;
    pin->failed = failed.failed() ? failed.copy() : store::encode_manifest(manifest_, pin->manifest);
    for (const store::SegmentInfo& segment : manifest_.segments)
      if (!pin->failed && !pin->segments.push_back(segment.number)) pin->failed = Error::out_of_memory();
  }
  backup_ready_.notify_all();
}

/// For machines that write nothing: what recovery has made of the log goes to files of the backup's own.
template <policy::Env E>
Status Machine<E>::pin_apart(std::string_view prefix, store::Manifest& made, Array<std::uint32_t>& apart) {
  policy::LockGuard alone(checkpoint_mutex_);
  RecordBuffer encoded;
  SPG_TRY(store::encode_manifest(manifest_, encoded));
  SPG_ASSIGN(made, store::decode_manifest(encoded.bytes()));
  if (backup_ != nullptr) return ok();  // it is a backup's already
  made.databases.clear();
  made.log_start = std::max(made.contained(), visible_durable_.load());
  Status failed;
  Array<store::SegmentInfo> segments;
  segments_.write_apart(prefix);
  each_lineage([&](LineageOf& lineage) {
    const VersionOf& version = *lineage.tip();
    if (!failed && version.log_end != 0) failed = segments_.write_tree(version.root);
  });
  if (!failed) failed = segments_.end_apart(segments);
  each_lineage([&](LineageOf& lineage) {
    const VersionOf& version = *lineage.tip();
    if (failed || version.log_end == 0) return;
    if (!made.databases.push_back({lineage.id(), segments_.planned(version.root), version.generation, made.log_start})) failed = Error::out_of_memory();
  });
  segments_.abandon();
  for (const store::SegmentInfo& one : segments) {
    if (!apart.push_back(one.number) || !made.segments.push_back(one)) failed = Error::out_of_memory();
  }
  if (failed) return failed;
  made.next_generation = next_generation_.load();
  made.next_oid = next_oid_.load();
  made.commit_time_us = std::max(made.commit_time_us, commit_time_us_.load());
  made.lsn = contained_lsn(made);
  return ok();
}

template <policy::Env E>
class Machine<E>::Backing final : public BackupJob {
 public:
  Backing(Machine& machine, const store::BackupTarget& target) : machine_(machine), writer_(*machine.storage_) {
    path_bytes_ = target.path.copy(path_, sizeof path_ - 16);
  }
  ~Backing() override {
    if (!is_pinning_) return;
    machine_.unpin_backup(pin_);
    if (machine_.options_.read_only) remove_apart();
  }

  Status begin(const store::BackupTarget& target) {
    SPG_TRY(writer_.begin(target));
    machine_.pin_backup(pin_);
    is_pinning_ = true;
    return ok();
  }
  const store::BackupProgress& progress() const override { return writer_.progress(); }

  Result<bool> step() override {
    if (has_started_) return writer_.step(*this);
    SPG_ASSIGN(const bool is_ready, machine_.options_.read_only ? take_apart() : take_checkpoint());
    if (is_ready) {
      SPG_TRY(writer_.start(std::move(manifest_), machine_.backup_ != nullptr ? machine_.backup_->made_us : machine_.clock_->wall_us()));
      has_started_ = true;
    }
    return false;
  }

  /// For the writer.
  Result<store::SegmentFile<typename Storage::File>> open_to_copy(std::uint32_t segment) {
    if (std::find(apart_.begin(), apart_.end(), segment) == apart_.end()) return machine_.segments_.open_to_copy(segment);
    char name[512];
    store::write_apart_name(name, prefix(), segment);
    store::SegmentFile<typename Storage::File> opened;
    SPG_ASSIGN(opened.file, machine_.storage_->open(std::string_view(name), policy::OpenMode::read));
    return opened;
  }

 private:
  using State = typename BackupPin::State;
  /// "<file>.apart-", "<directory>/apart-": of this backup's own segments.
  std::string_view prefix() {
    if (prefix_[0] != '\0') return prefix_;
    const bool is_directory = path_[path_bytes_ - 1] == '/';
    std::snprintf(prefix_, sizeof prefix_, "%.*s%s", static_cast<int>(path_bytes_), path_, is_directory ? "apart-" : ".apart-");
    return prefix_;
  }
  Result<bool> take_apart() {
    remove_apart();  // of one that was killed
    SPG_TRY(machine_.pin_apart(prefix(), manifest_, apart_));
    return true;
  }
  void remove_apart() {
    const store::DatabasePaths paths(prefix());
    const std::string_view parent = paths.parent, base = prefix().substr(parent.empty() ? 0 : parent.size() + 1);
    Array<std::uint32_t> numbers;
    (void)machine_.storage_->list(parent.empty() ? std::string_view(".") : parent, [&](std::string_view name) {
      if (name.size() == base.size() + 8 && name.starts_with(base)) (void)numbers.push_back(static_cast<std::uint32_t>(store::DatabasePaths::number_in(name)));
    });
    for (const std::uint32_t number : numbers) {
      char name[512];
      store::write_apart_name(name, prefix(), number);
      (void)machine_.storage_->remove(std::string_view(name));
    }
  }
  /// The checkpointer makes it, so that who waits here can be cancelled.
  Result<bool> take_checkpoint() {
    if (!machine_.background_.load(std::memory_order_acquire)) machine_.serve_backups();
    if (!has_asked_) {
      has_asked_ = true;
      machine_.backup_wanted_.store(true);
      policy::LockGuard lock(machine_.wake_mutex_);
      machine_.wake_checkpointer_.notify_all();
    }
    {
      policy::LockGuard lock(machine_.gate_mutex_);
      if (pin_.state != State::ready && machine_.background_.load()) machine_.backup_ready_.wait_for(machine_.gate_mutex_, 10'000'000);
      if (pin_.state != State::ready && !machine_.stopping_.load()) return false;
    }
    if (pin_.state != State::ready) return Error::make(sqlstate::admin_shutdown, "the database is being closed");
    if (pin_.failed) return std::move(pin_.failed);
    SPG_ASSIGN(manifest_, store::decode_manifest(pin_.manifest.bytes()));
    return true;
  }

  Machine& machine_;
  char path_[416] = {}, prefix_[448] = {};
  std::size_t path_bytes_ = 0;
  BackupPin pin_;
  store::Manifest manifest_;
  Array<std::uint32_t> apart_;       ///< segments of this backup's own
  bool is_pinning_ = false, has_asked_ = false, has_started_ = false;
  store::BackupWriter<Storage> writer_;
};

template <policy::Env E>
Result<std::unique_ptr<BackupJob>> Machine<E>::start_backup(const store::BackupTarget& target) {
  if (options_.ephemeral) return Error::make(sqlstate::feature_not_supported, "a database without files cannot be backed up");
  std::unique_ptr<Backing> made(new (std::nothrow) Backing(*this, target));
  if (made == nullptr) return Error::out_of_memory();
  SPG_TRY(made->begin(target));
  return std::unique_ptr<BackupJob>(std::move(made));
}

}  // namespace spg::txn
