#pragma once
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#include "spg/log/log.hpp"
#include "spg/log/reader.inl.hpp"

namespace spg::log {

template <policy::Storage St, policy::Sync Sy>
Log<St, Sy>::Log(St& storage, std::string_view path, policy::OpenMode mode) : storage_(&storage), mode_(mode), names_(path) {}
template <policy::Storage St, policy::Sync Sy>
Log<St, Sy>::~Log() = default;

template <policy::Storage St, policy::Sync Sy>
bool Log<St, Sy>::has_files(std::uint64_t from) const {
  const auto exists = [&](std::uint64_t number) {
    char name[512];
    names_.name(name, number);
    return storage_->open(name, policy::OpenMode::read).has_value();
  };
  // A start on the very edge of a file may be from before that file was made.
  const std::uint64_t number = from / file_data_bytes;
  return exists(number) || (number != 0 && from % file_data_bytes == 0 && exists(number - 1));
}

template <policy::Storage St, policy::Sync Sy>
Result<typename St::File*> Log<St, Sy>::file_at(std::uint64_t number) {
  for (OpenFile& open : open_)
    if (open.number == number) return &open.file;
  // The lowest number makes room; what was written to it is synced first.
  OpenFile* victim = &open_[0];
  for (OpenFile& open : open_)
    if (open.number == UINT64_MAX) victim = &open;
    else if (victim->number != UINT64_MAX && open.number < victim->number) victim = &open;
  if (victim->dirty) SPG_TRY(sync(victim->file));
  victim->dirty = false;
  victim->number = UINT64_MAX;
  char name[512];
  names_.name(name, number);
  SPG_ASSIGN(victim->file, storage_->open(name, mode_));
  victim->number = number;
  return &victim->file;
}

/// Before a file is removed or gets another name: what is written under its number must not go there any more.
template <policy::Storage St, policy::Sync Sy>
void Log<St, Sy>::forget_file(std::uint64_t number) {
  for (OpenFile& open : open_)
    if (open.number == number) open.number = UINT64_MAX;
}

/// After one that has failed nobody knows what is on disk.
template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::sync(File& file) {
  Status failed = file.sync();
  sync_failed_ = sync_failed_ || failed;
  return failed;
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::write_at(std::uint64_t position, Bytes bytes) {
  while (!bytes.empty()) {
    const std::uint64_t number = position / file_data_bytes, at = position % file_data_bytes;
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(bytes.size(), file_data_bytes - at));
    SPG_ASSIGN(File * file, file_at(number));
    for (OpenFile& open : open_)
      if (open.number == number) open.dirty = true;
    SPG_TRY(file->write_at(file_header_bytes + at, bytes.first(take)));
    bytes = bytes.subspan(take);
    position += take;
  }
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::sync_dirty() {
  for (OpenFile& open : open_) {
    if (open.number == UINT64_MAX || !open.dirty) continue;
    SPG_TRY(sync(open.file));
    open.dirty = false;
  }
  return ok();
}

/// A log file with its header, durable under its name. A file that is no longer needed is renamed: its old frames carry
/// other counters and so are invalid at their new positions.
template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::create_file(std::uint64_t number) {
  char name[512];
  names_.name(name, number);
  bool reused = false;
  if (recyclable_first_ < recyclable_end_) {
    char old[512];
    names_.name(old, recyclable_first_);
    forget_file(recyclable_first_);
    reused = !storage_->rename(old, name).failed();
    ++recyclable_first_;
  }
  Result<File> made = storage_->open(name, reused ? policy::OpenMode::write : policy::OpenMode::create);
  // A crash may have left a file that was being made: its header is written anew.
  if (!made && made.error().code() == sqlstate::duplicate_file) made = storage_->open(name, policy::OpenMode::write);
  if (!made) return made.take_error();
  std::byte header[file_header_bytes];
  write_file_header(header, number, jump_.to != 0 && jump_.to == number * file_data_bytes ? &jump_ : nullptr);
  SPG_TRY(made->write_at(0, header));
  SPG_TRY(sync(*made));
  Status failed = storage_->sync_dir(names_.directory());
  sync_failed_ = sync_failed_ || failed;
  return failed;
}

/// Extends the files so that everything below `position` has its blocks on disk: full disks show here, and syncs of later
/// writes change no file size.
template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::allocate_upto(std::uint64_t position) {
  static const std::byte zeros[64 * 1024] = {};
  while (allocated_ < position) {
    const std::uint64_t number = allocated_ / file_data_bytes, at = allocated_ % file_data_bytes;
    if (at == 0) SPG_TRY(create_file(number));
    SPG_ASSIGN(File * file, file_at(number));
    SPG_ASSIGN(const std::uint64_t size, file->size());
    if (size == file_header_bytes + file_data_bytes) {  // reused: its blocks are there
      allocated_ = (number + 1) * file_data_bytes;
      continue;
    }
    const std::uint64_t step = std::min<std::uint64_t>({file_data_bytes - at, 1024 * 1024, std::max<std::uint64_t>(position - allocated_, 256 * 1024)});
    for (std::uint64_t done = 0; done < step;) {
      const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(sizeof zeros, step - done));
      SPG_TRY(file->write_at(file_header_bytes + at + done, Bytes(zeros, take)));
      done += take;
    }
    for (OpenFile& open : open_)
      if (open.number == number) open.dirty = true;
    allocated_ += step;
  }
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::reserve(std::uint64_t payload_bytes) {
  if (is_broken()) return broken_error();
  if (must_be_cut()) return write_error();
  // append() moves next_ before it lowers reserved_, so the sum never misses a reservation.
  const std::uint64_t reserved = reserved_.fetch_add(frame_bytes(payload_bytes), std::memory_order_acq_rel) + frame_bytes(payload_bytes);
  const std::uint64_t upto = next_.load(std::memory_order_acquire) + reserved - skew_.load(std::memory_order_acquire);
  if (upto <= allocated_.load(std::memory_order_acquire)) return ok();  // as a rule: flush() allocates ahead
  policy::LockGuard lock(files_mutex_);
  Status failed = allocate_upto(upto);
  if (failed) give_back(payload_bytes);
  sync_failed_ = false;  // of a file without records: it is made again
  return failed;
}

template <policy::Storage St, policy::Sync Sy>
Error Log<St, Sy>::broken_error() const {
  return Error::make(broken_by_.failed() ? broken_by_.code() : sqlstate::io_error, "the write-ahead log cannot be written: ",
                     broken_by_.failed() ? broken_by_.message() : std::string_view("unknown error"))
      .hint("The server is read-only until it is restarted.");
}

template <policy::Storage St, policy::Sync Sy>
Result<std::uint64_t> Log<St, Sy>::append(DatabaseId database, RecordType type, Bytes payload) {
  struct Taken {
    Log& log;
    std::uint64_t payload_bytes;
    ~Taken() { log.give_back(payload_bytes); }
  } taken{*this, payload.size()};
  if (payload.size() > payload_bytes_max) return Error::make(sqlstate::program_limit_exceeded, "transaction is too large for one log record");
  policy::LockGuard lock(mutex_);
  if (is_broken()) return broken_error();
  if (must_be_cut()) return write_error();
  const std::uint64_t bytes = frame_bytes(payload.size());
  std::byte* at = buffer_.extend(static_cast<std::size_t>(bytes));
  if (at == nullptr) return Error::out_of_memory();
  if (!payload.empty()) std::memcpy(at + frame_header_bytes, payload.data(), payload.size());
  std::memset(at + frame_header_bytes + payload.size(), 0, static_cast<std::size_t>(bytes - frame_header_bytes - payload.size()));
  const std::uint64_t position = next_.load(std::memory_order_relaxed), skew = skew_.load(std::memory_order_relaxed);
  FrameHeader header{0, static_cast<std::uint32_t>(payload.size()), position - skew, epoch_, last_crc_, durable() - skew, database, type};
  last_crc_ = write_frame_header(at, header);
  wants_mark_.store(type != RecordType::mark, std::memory_order_relaxed);
  next_.store(position + bytes, std::memory_order_seq_cst);
  return position + bytes;
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::append_mark() {
  SPG_TRY(reserve(0));
  return append(DatabaseId{}, RecordType::mark, {}).status();
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::flush() {
  std::uint64_t start, upto;
  {
    policy::LockGuard lock(mutex_);
    if (is_broken()) return broken_error();
    if (must_be_cut()) return write_error();
    start = buffer_start_;
    upto = next_.load(std::memory_order_relaxed);
    flushing_.clear();
    flushing_.swap(buffer_);
    buffer_start_ = upto;
  }
  if (start == upto) return ok();
  policy::LockGuard lock(files_mutex_);
  const std::uint64_t skew = skew_.load(std::memory_order_relaxed);
  Status failed = allocate_upto(upto - skew);
  if (!failed) failed = write_at(start - skew, flushing_.bytes());
  if (!failed) failed = sync_dirty();
  flushing_.shrink(4 * 1024 * 1024);
  if (failed && !sync_failed_) {
    policy::LockGuard cuts(cuts_mutex_);
    failed_write_ = failed.copy();
    must_be_cut_.store(true, std::memory_order_release);
  } else if (failed) {
    give_up(failed);
  }
  if (failed) return failed;
  durable_.store(upto, std::memory_order_seq_cst);
  // Room for what comes meanwhile, so that no commit waits in reserve() for the next sync. A full disk shows there.
  if (allocated_.load(std::memory_order_relaxed) - (upto - skew) < allocate_ahead_bytes) (void)allocate_upto(upto - skew + allocate_ahead_bytes);
  sync_failed_ = false;
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
void Log<St, Sy>::give_up(const Error& why) {
  broken_by_ = why.copy();
  broken_.store(true, std::memory_order_release);
  must_be_cut_.store(false, std::memory_order_release);
}

template <policy::Storage St, policy::Sync Sy>
Error Log<St, Sy>::write_error() const {
  policy::LockGuard lock(cuts_mutex_);
  return Error::make(sqlstate::disk_full, "the write-ahead log could not be written: ", failed_write_.message());
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::cut(std::uint32_t epoch) {
  policy::LockGuard lock(mutex_);
  policy::LockGuard cuts(cuts_mutex_);
  SPG_ASSERT(must_be_cut());
  const std::uint64_t from = durable_.load(), to = next_.load();
  if (!cuts_.push_back({from, to})) return Error::out_of_memory();
  cut_count_.store(cuts_.size(), std::memory_order_seq_cst);
  buffer_.clear();
  buffer_start_ = to;
  epoch_ = epoch;
  last_crc_ = 0;
  skew_.fetch_add(to - from, std::memory_order_acq_rel);
  durable_.store(to, std::memory_order_seq_cst);
  must_be_cut_.store(false, std::memory_order_release);
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
bool Log<St, Sy>::is_cut_off(std::uint64_t position) const { return not_lost(position) != position; }

template <policy::Storage St, policy::Sync Sy>
std::uint64_t Log<St, Sy>::not_lost(std::uint64_t position) const {
  if (cut_count_.load(std::memory_order_seq_cst) == 0) return position;
  policy::LockGuard lock(cuts_mutex_);
  for (std::size_t i = cuts_.size(); i-- > 0;)
    if (position > cuts_[i].from && position <= cuts_[i].to) position = cuts_[i].from;
  return position;
}

template <policy::Storage St, policy::Sync Sy>
std::uint64_t Log<St, Sy>::in_files(std::uint64_t position) const {
  if (cut_count_.load(std::memory_order_seq_cst) == 0) return position;
  policy::LockGuard lock(cuts_mutex_);
  std::uint64_t skew = 0;
  for (const Cut& cut : cuts_)
    if (position >= cut.to) skew += cut.to - cut.from;
  return position - skew;
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::start(std::uint32_t epoch) {
  policy::LockGuard lock(mutex_);
  epoch_ = epoch;
  last_crc_ = 0;
  buffer_start_ = next_.load(std::memory_order_relaxed);
  durable_.store(buffer_start_, std::memory_order_release);
  policy::LockGuard files(files_mutex_);
  // What exists behind the end is old or torn; its file is kept and extended.
  const std::uint64_t number = buffer_start_ / file_data_bytes;
  char name[512];
  names_.name(name, number);
  auto existing = storage_->open(name, policy::OpenMode::write);
  std::uint64_t held = number * file_data_bytes;
  if (existing) {
    std::byte header[file_header_bytes];
    auto size = existing->size();
    const Jump expected = jump_.to == number * file_data_bytes ? jump_ : Jump{};
    Jump jump;
    const bool is_ours = size && *size >= file_header_bytes && !existing->read_at(0, header) && read_file_header(header, number, jump);
    // A jump that was begun and never came to be has left its file: without records, it is made anew.
    const bool is_left = jump.to != expected.to || jump.from != expected.from;
    if (is_ours && (!is_left || held != buffer_start_)) held += *size - file_header_bytes;
  }
  allocated_ = held < buffer_start_ ? number * file_data_bytes : held;  // a file that is too short is made anew below
  // Files of higher numbers were made for records that never became durable.
  for (std::uint64_t later = number + 1;; ++later) {
    names_.name(name, later);
    if (!storage_->open(name, policy::OpenMode::read)) break;
    forget_file(later);
    SPG_TRY(storage_->remove(name));
  }
  return allocate_upto(std::max(buffer_start_, number * file_data_bytes + 1));
}

/// Files below the start were kept by a crash between manifest and trimming; they can be reused.
template <policy::Storage St, policy::Sync Sy>
void Log<St, Sy>::find_reusable(std::uint64_t from) {
  recyclable_first_ = recyclable_end_ = from / file_data_bytes;
  for (; recyclable_first_ > 0; --recyclable_first_) {
    char name[512];
    names_.name(name, recyclable_first_ - 1);
    if (!storage_->open(std::string_view(name), policy::OpenMode::read)) break;
  }
}

template <policy::Storage St, policy::Sync Sy>
void Log<St, Sy>::keep(std::uint64_t position) {
  policy::LockGuard lock(files_mutex_);
  recyclable_end_ = std::max(recyclable_first_, std::min(recyclable_end_, position / file_data_bytes));
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::recover(std::uint64_t from, std::span<const Epoch> history, FunctionRef<Status(const Record&)> visit) {
  policy::LockGuard lock(files_mutex_);
  Reader<St> reader(*storage_, names_.path());
  std::uint64_t position = from;
  std::uint32_t before_crc = 0;
  bool know_before = false;
  find_reusable(from);
  for (Record record;;) {
    std::uint32_t epoch = 0;
    bool at_start = false;
    for (const Epoch& one : history)
      if (one.start <= position) { epoch = one.number; at_start = one.start == position; }
    SPG_ASSIGN(const bool valid, reader.read_frame(position, record));
    const bool chained = at_start ? record.header.before_crc == 0 : !know_before || record.header.before_crc == before_crc;
    if (!valid || record.header.epoch != epoch || !chained) break;
    if (record.header.type != RecordType::mark) SPG_TRY(visit(record));
    before_crc = record.header.crc;
    know_before = true;
    position = record.end();
  }
  // Every epoch begins behind what was durable. Beyond the last, a later frame may know of it: it lies within what one flush
  // may have written, so all files that follow are looked through.
  bool damaged = !history.empty() && position < history.back().start;
  Record later;
  if (!damaged) {
    SPG_ASSIGN(damaged, reader.find_frame(position + 8, (position / file_data_bytes + 64) * file_data_bytes,
                                          [&](const FrameHeader& header) { return header.durable > position; }, later));
  }
  if (damaged) return damage_at(names_, position);
  SPG_TRY(sync_found(from, position));
  next_.store(position, std::memory_order_release);
  buffer_start_ = position;  // a flush without a start(), of an open that has failed behind, must find nothing to write
  return ok();
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::start_behind(const Jump& jump, std::uint32_t epoch) {
  SPG_ASSERT(jump.to % file_data_bytes == 0 && jump.from <= jump.to);
  jump_ = jump;
  next_.store(jump.to, std::memory_order_release);
  char name[512];
  names_.name(name, jump.to / file_data_bytes);
  if (storage_->open(std::string_view(name), policy::OpenMode::read)) return Error::make(sqlstate::duplicate_file, "log file \"", std::string_view(name), "\" is there already");
  find_reusable(jump.to);
  recyclable_end_ = recyclable_first_;  // what is before is left to the next start
  SPG_TRY(start(epoch));
  policy::LockGuard files(files_mutex_);
  return sync_dirty();
}

/// What a process that was killed has written may be in the system's cache only. It is shown to clients, and later records
/// are chained to it: it must outlive a power cut from here on.
template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::sync_found(std::uint64_t from, std::uint64_t to) {
  if (from == to || mode_ == policy::OpenMode::read) return ok();
  for (std::uint64_t number = from / file_data_bytes; number * file_data_bytes < to; ++number) {
    SPG_ASSIGN(File * file, file_at(number));
    SPG_TRY(file->sync());
  }
  return storage_->sync_dir(names_.directory());
}

template <policy::Storage St, policy::Sync Sy>
Status Log<St, Sy>::trim(std::uint64_t position) {
  policy::LockGuard lock(files_mutex_);
  const std::uint64_t first = std::min(position, in_files(durable())) / file_data_bytes;
  if (first > recyclable_end_) recyclable_end_ = first;
  // Keep two files for reuse, delete the rest.
  while (recyclable_end_ - recyclable_first_ > 2) {
    char name[512];
    forget_file(recyclable_first_);
    names_.name(name, recyclable_first_++);
    SPG_TRY(storage_->remove(name));
  }
  return ok();
}

}  // namespace spg::log
