#pragma once
#include <algorithm>
#include <cstdio>
#include <cstring>

#include "spg/crypto/crc32c.hpp"
#include "spg/store/backup.hpp"

namespace spg::store {

// --- reading

/// Of "backup-00000001"; 0 when the name is another.
inline std::uint64_t backup_number(std::string_view name) {
  constexpr std::string_view prefix = "backup-";
  if (!name.starts_with(prefix) || name.size() < prefix.size() + 8 || name.size() > prefix.size() + 18) return 0;
  const std::string_view digits = name.substr(prefix.size());
  const bool is_number = std::all_of(digits.begin(), digits.end(), [](char c) { return c >= '0' && c <= '9'; });
  return is_number ? DatabasePaths::number_in(name) : 0;
}

/// The newest of a directory's backups; 0 when there is none.
template <policy::Storage Storage>
Result<std::uint64_t> newest_backup(Storage& storage, std::string_view directory) {
  std::uint64_t newest = 0;
  SPG_TRY(storage.list(directory, [&](std::string_view name) {
    newest = std::max(newest, backup_number(name));
  }));
  return newest;
}

/// "<directory>/backup-00000001"
inline void write_backup_name(std::span<char> to, std::string_view directory, std::uint64_t number) {
  std::snprintf(to.data(), to.size(), "%.*s/backup-%08llu", static_cast<int>(directory.size()), directory.data(), static_cast<unsigned long long>(number));
}

/// Whether a file begins as backups do; false when it is not there.
template <policy::Storage Storage>
Result<bool> is_backup_file(Storage& storage, std::string_view name) {
  auto file = storage.open(name, policy::OpenMode::read);
  if (!file && file.error().code() == sqlstate::undefined_file) return false;
  if (!file) return file.take_error();
  SPG_ASSIGN(const std::uint64_t bytes, file->size());
  std::byte magic[sizeof backup_magic];
  if (bytes < backup_header_bytes) return false;
  SPG_TRY(file->read_at(0, magic));
  return std::memcmp(magic, backup_magic, sizeof magic - 1) == 0;
}

template <policy::Storage Storage>
Result<bool> find_backup(Storage& storage, std::string_view path, char (&name)[400]) {
  std::snprintf(name, sizeof name, "%.*s", static_cast<int>(path.size()), path.data());
  if (!path.ends_with('/')) return is_backup_file(storage, path);
  const std::string_view directory = path.substr(0, path.size() - 1);
  SPG_ASSIGN(const std::uint64_t newest, newest_backup(storage, directory));
  if (newest == 0) return Error::make(sqlstate::undefined_file, "directory \"", path, "\" holds no backup");
  write_backup_name(name, directory, newest);
  return true;
}

template <policy::Storage Storage>
Result<Backup> open_backup(Storage& storage, std::string_view name) {
  SPG_ASSIGN(auto file, storage.open(name, policy::OpenMode::read));
  SPG_ASSIGN(const std::uint64_t bytes, file.size());
  std::byte head[backup_header_bytes];
  if (bytes < sizeof head) return Error::make(sqlstate::data_corrupted, "file \"", name, "\" is not a backup");
  SPG_TRY(file.read_at(0, head));
  SPG_ASSIGN(const BackupHeader header, read_backup_header(head, bytes));
  if (header.contents_bytes > std::uint64_t{1} << 30) return Error::make(sqlstate::data_corrupted, "the backup is damaged: header");
  RecordBuffer contents;
  std::byte* at = contents.extend(static_cast<std::size_t>(header.contents_bytes));
  if (at == nullptr) return Error::out_of_memory();
  SPG_TRY(file.read_at(header.contents_at, {at, contents.size()}));
  if (crypto::crc32c(0, contents.bytes()) != header.contents_crc) return Error::make(sqlstate::data_corrupted, "the backup is damaged: contents");
  SPG_ASSIGN(Backup backup, decode_contents(contents.bytes(), header.contents_at));
  std::snprintf(backup.path, sizeof backup.path, "%.*s", static_cast<int>(name.size()), name.data());
  return backup;
}

template <policy::Storage Storage>
Result<typename Storage::Lock> lock_backup(Storage& storage, const Backup& backup) {
  const bool shares = std::any_of(backup.segments.begin(), backup.segments.end(), [](const BackupSegment& one) { return one.offset == 0; });
  if (!shares) return typename Storage::Lock{};
  const DatabasePaths paths(backup.path);
  return storage.lock(paths.parent[0] == '\0' ? std::string_view(".") : std::string_view(paths.parent), policy::LockMode::shared);
}

/// A segment on its way from one file to another, a step at a time: every record is looked at.
template <policy::File File>
class SegmentCopy {
 public:
  static constexpr std::size_t step_bytes = 1024 * 1024;

  void begin(SegmentFile<File> from, const SegmentInfo& info) {
    from_ = std::move(from);
    info_ = info;
    done_ = 0;
    check_.begin(info);
  }
  bool is_done() const { return done_ == info_.bytes; }
  std::uint64_t done_bytes() const { return done_; }
  /// The next part; to a file, where it begins at `to_at`, or to nowhere.
  Status step(File* to, std::uint64_t to_at) {
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(step_bytes, info_.bytes - done_));
    buffer_.clear();
    std::byte* at = buffer_.extend(take);
    if (at == nullptr) return Error::out_of_memory();
    SPG_TRY(from_.file.read_at(from_.offset + done_, {at, take}));
    SPG_TRY(check_.add({at, take}));
    if (to != nullptr) SPG_TRY(to->write_at(to_at + done_, {at, take}));
    done_ += take;
    return ok();
  }
  Result<SegmentPrint> finish() { return check_.finish(); }

 private:
  SegmentFile<File> from_;
  SegmentInfo info_;
  std::uint64_t done_ = 0;
  SegmentCheck check_;
  RecordBuffer buffer_;
};

// --- writing

/// Writes a backup, a step at a time. What is there under the target's name is what it was until all of the new one is durable.
template <policy::Storage Storage>
class BackupWriter {
 public:
  using File = typename Storage::File;
  explicit BackupWriter(Storage& storage) : storage_(&storage) {}
  /// One that has not come to its end leaves nothing.
  ~BackupWriter() { give_up(); }
  BackupWriter(const BackupWriter&) = delete;
  BackupWriter& operator=(const BackupWriter&) = delete;

  /// Looks at the target: 58P02 when a file is there, F0001 when somebody else uses the directory.
  Status begin(const BackupTarget& target);
  /// What is to be in it.
  Status start(Manifest manifest, std::int64_t made_us);
  /// True when all is done and durable. `source.open_to_copy(number)` gives a segment's SegmentFile.
  template <class Source>
  Result<bool> step(Source& source);
  const BackupProgress& progress() const { return progress_; }

 private:
  /// What has been written is synced after so many bytes: so that little is left for the end, and so that neither the log's syncs
  /// nor a cancel wait for much.
  static constexpr std::uint64_t unsynced_bytes_max = 4 * 1024 * 1024;
  std::string_view directory() const { return {directory_}; }
  const SegmentInfo& info() const { return manifest_.segments[next_]; }
  Status begin_directory();
  Result<const SegmentPrint*> known_print();
  Result<bool> has_shared(const SegmentPrint& print);
  template <class Source>
  Status begin_segment(Source& source, bool only_looks);
  Status create(const char* name);
  Status end_segment();
  Status keep_segment(const SegmentPrint& print);
  Status end_shared(const SegmentPrint& print);
  Status write_contents();
  Status finish();
  void prune(std::uint64_t newest);
  void give_up();

  Storage* storage_;
  typename Storage::Lock lock_;
  bool is_directory_ = false, replaces_ = false, prunes_ = false;
  char path_[400] = {}, directory_[408] = {}, fresh_[512] = {};
  Backup before_;                   ///< the newest that the directory has
  Manifest manifest_;
  std::int64_t made_us_ = 0;
  Array<BackupSegment> segments_;
  std::uint64_t at_ = backup_header_bytes, unsynced_ = 0;
  std::size_t next_ = 0;
  SegmentCopy<File> copy_;
  bool is_copying_ = false, only_looks_ = false, looked_ = false, has_fresh_ = false;
  File out_;
  BackupProgress progress_;
};

template <policy::Storage St>
Status BackupWriter<St>::begin(const BackupTarget& target) {
  is_directory_ = target.is_directory();
  replaces_ = target.replace;
  prunes_ = target.prune;
  const std::string_view path = is_directory_ ? target.path.substr(0, target.path.size() - 1) : target.path;
  if (path.empty() || path.size() > sizeof path_ - 32) return Error::make(sqlstate::invalid_parameter_value, "a backup cannot have the path \"", target.path, "\"");
  std::snprintf(path_, sizeof path_, "%.*s", static_cast<int>(path.size()), path.data());
  if (is_directory_) return begin_directory();
  std::snprintf(directory_, sizeof directory_, "%s", DatabasePaths(path).parent);
  SPG_ASSIGN(const bool is_backup, is_backup_file(*storage_, path));
  if (is_backup && replaces_) return ok();
  replaces_ = false;
  auto there = storage_->open(path, policy::OpenMode::read);
  if (!there) return there.error().code() == sqlstate::undefined_file ? ok() : there.take_error();
  if (!is_backup) return Error::make(sqlstate::duplicate_file, "file \"", path, "\" exists already, and is no backup");
  return Error::make(sqlstate::duplicate_file, "backup \"", path, "\" exists already").hint("WITH (replace) puts another in its place.");
}

template <policy::Storage St>
Status BackupWriter<St>::begin_directory() {
  std::snprintf(directory_, sizeof directory_, "%s", path_);
  SPG_TRY(storage_->make_dir(directory()));
  SPG_TRY(storage_->sync_dir(std::string_view(DatabasePaths(path_).parent)));
  auto lock = storage_->lock(directory(), policy::LockMode::exclusive);
  if (!lock) return lock.take_error();
  lock_ = std::move(*lock);
  SPG_ASSIGN(const std::uint64_t newest, newest_backup(*storage_, directory()));
  if (newest == 0) return ok();
  char name[400];
  write_backup_name(name, directory(), newest);
  // One that cannot be read helps nobody: everything is copied.
  if (auto before = open_backup(*storage_, std::string_view(name))) before_ = std::move(*before);
  return ok();
}

template <policy::Storage St>
Status BackupWriter<St>::start(Manifest manifest, std::int64_t made_us) {
  manifest_ = std::move(manifest);
  made_us_ = made_us;
  for (const SegmentInfo& one : manifest_.segments) progress_.all_bytes += one.bytes;
  if (is_directory_) return ok();
  std::snprintf(fresh_, sizeof fresh_, "%s.new", path_);
  return create(fresh_);
}

/// A file of that name is left from a backup that was cut short.
template <policy::Storage St>
Status BackupWriter<St>::create(const char* name) {
  auto made = storage_->open(std::string_view(name), policy::OpenMode::create);
  if (!made && made.error().code() == sqlstate::duplicate_file) {
    SPG_TRY(storage_->remove(std::string_view(name)));
    made = storage_->open(std::string_view(name), policy::OpenMode::create);
  }
  if (!made) return made.take_error();
  out_ = std::move(*made);
  has_fresh_ = true;
  unsynced_ = 0;
  return ok();
}

/// Of a segment of this number and size that the directory has; null when there is none.
template <policy::Storage St>
Result<const SegmentPrint*> BackupWriter<St>::known_print() {
  for (std::size_t i = 0; i < before_.segments.size(); ++i) {
    const SegmentInfo& one = before_.manifest.segments[i];
    if (one.number != info().number || one.bytes != info().bytes || before_.segments[i].offset != 0) continue;
    SPG_ASSIGN(const bool is_there, has_shared(before_.segments[i].print));
    return is_there ? &before_.segments[i].print : nullptr;
  }
  return static_cast<const SegmentPrint*>(nullptr);
}

template <policy::Storage St>
Result<bool> BackupWriter<St>::has_shared(const SegmentPrint& print) {
  char name[512];
  write_shared_name(name, directory(), info().number, print);
  auto file = storage_->open(std::string_view(name), policy::OpenMode::read);
  if (!file && file.error().code() == sqlstate::undefined_file) return false;
  if (!file) return file.take_error();
  SPG_ASSIGN(const std::uint64_t bytes, file->size());
  return bytes == info().bytes;
}

template <policy::Storage St>
template <class Source>
Status BackupWriter<St>::begin_segment(Source& source, bool only_looks) {
  SPG_ASSIGN(SegmentFile<File> from, source.open_to_copy(info().number));
  copy_.begin(std::move(from), info());
  is_copying_ = true;
  only_looks_ = only_looks;
  if (!is_directory_ || only_looks) return ok();
  std::snprintf(fresh_, sizeof fresh_, "%s/segment.new", directory_);
  at_ = 0;
  return create(fresh_);
}

template <policy::Storage St>
template <class Source>
Result<bool> BackupWriter<St>::step(Source& source) {
  if (!is_copying_ && next_ == segments_.size() && next_ == manifest_.segments.size()) {
    SPG_TRY(finish());
    return true;
  }
  if (!is_copying_) {
    // What the directory seems to have is only read: it is copied where it turns out to be another.
    const SegmentPrint* known = nullptr;
    if (is_directory_ && !looked_) {
      SPG_ASSIGN(known, known_print());
    }
    SPG_TRY(begin_segment(source, known != nullptr));
  }
  const std::uint64_t before = copy_.done_bytes();
  SPG_TRY(copy_.step(only_looks_ ? nullptr : &out_, at_));
  const std::uint64_t moved = copy_.done_bytes() - before;
  progress_.done_bytes += moved;
  if (!only_looks_) {
    progress_.copied_bytes += moved;
    unsynced_ += moved;
    if (unsynced_ >= unsynced_bytes_max) {
      SPG_TRY(out_.sync());
      unsynced_ = 0;
    }
  }
  if (copy_.is_done()) SPG_TRY(end_segment());
  return false;
}

template <policy::Storage St>
Status BackupWriter<St>::end_segment() {
  SPG_ASSIGN(const SegmentPrint print, copy_.finish());
  is_copying_ = false;
  if (!is_directory_) return keep_segment(print);
  if (!only_looks_) return end_shared(print);
  SPG_ASSIGN(const SegmentPrint* known, known_print());
  if (known != nullptr && *known == print) return keep_segment(print);
  looked_ = true;
  progress_.done_bytes -= info().bytes;
  return ok();
}

template <policy::Storage St>
Status BackupWriter<St>::keep_segment(const SegmentPrint& print) {
  if (!segments_.push_back({is_directory_ ? 0 : at_, print})) return Error::out_of_memory();
  if (!is_directory_) at_ += info().bytes;
  ++next_;
  looked_ = false;
  return ok();
}

/// Gives a segment that has been copied its name, unless the directory has it, from another of its backups or one that was cut short.
template <policy::Storage St>
Status BackupWriter<St>::end_shared(const SegmentPrint& print) {
  SPG_TRY(out_.sync());
  out_ = File();
  SPG_ASSIGN(const bool is_there, has_shared(print));
  char name[512];
  write_shared_name(name, directory(), info().number, print);
  SPG_TRY(is_there ? storage_->remove(std::string_view(fresh_)) : storage_->rename(std::string_view(fresh_), std::string_view(name)));
  has_fresh_ = false;
  return keep_segment(print);
}

template <policy::Storage St>
Status BackupWriter<St>::write_contents() {
  RecordBuffer contents;
  SPG_TRY(encode_contents(manifest_, {segments_.data(), segments_.size()}, made_us_, contents));
  SPG_TRY(out_.write_at(at_, contents.bytes()));
  std::byte header[backup_header_bytes];
  write_backup_header(header, {at_, contents.size(), crypto::crc32c(0, contents.bytes())});
  SPG_TRY(out_.write_at(0, header));
  SPG_TRY(out_.sync());
  out_ = File();
  return ok();
}

/// Gives the whole its name: from then on it is there.
template <policy::Storage St>
Status BackupWriter<St>::finish() {
  std::uint64_t number = 0;
  if (is_directory_) {
    SPG_TRY(storage_->sync_dir(directory()));
    SPG_ASSIGN(number, newest_backup(*storage_, directory()));
    write_backup_name(path_, directory(), ++number);
    std::snprintf(fresh_, sizeof fresh_, "%s/backup.new", directory_);
    at_ = backup_header_bytes;
    SPG_TRY(create(fresh_));
  }
  SPG_TRY(write_contents());
  SPG_TRY(storage_->rename(std::string_view(fresh_), std::string_view(path_)));
  has_fresh_ = false;
  if (Status failed = storage_->sync_dir(directory())) {
    if (!replaces_) (void)storage_->remove(std::string_view(path_));  // nobody counts on it
    return failed;
  }
  if (is_directory_ && prunes_) prune(number);
  return ok();
}

/// Failures only leave files.
template <policy::Storage St>
void BackupWriter<St>::prune(std::uint64_t newest) {
  Array<std::uint64_t> old;
  Array<std::array<char, 64>> shared;
  (void)storage_->list(directory(), [&](std::string_view name) {
    if (const std::uint64_t number = backup_number(name); number != 0 && number < newest) (void)old.push_back(number);
    std::array<char, 64> kept{};
    if (name.starts_with("segment-") && name.size() < kept.size()) {
      std::copy(name.begin(), name.end(), kept.begin());
      (void)shared.push_back(kept);
    }
  });
  for (const std::uint64_t number : old) {
    char name[512];
    write_backup_name(name, directory(), number);
    (void)storage_->remove(std::string_view(name));
  }
  for (const auto& one : shared) {
    char name[512], own[512];
    std::snprintf(name, sizeof name, "%s/%s", directory_, one.data());
    bool is_named = false;
    for (std::size_t i = 0; i < segments_.size() && !is_named; ++i) {
      write_shared_name(own, directory(), manifest_.segments[i].number, segments_[i].print);
      is_named = std::strcmp(own, name) == 0;
    }
    if (!is_named) (void)storage_->remove(std::string_view(name));
  }
  (void)storage_->sync_dir(directory());
}

template <policy::Storage St>
void BackupWriter<St>::give_up() {
  out_ = File();
  if (std::exchange(has_fresh_, false)) (void)storage_->remove(std::string_view(fresh_));
}

}  // namespace spg::store
