#pragma once
#include <algorithm>

#include "spg/log/copies.hpp"
#include "spg/log/reader.inl.hpp"

namespace spg::log {

/// Where the file of a position begins.
constexpr std::uint64_t file_start(std::uint64_t position) { return position / file_data_bytes * file_data_bytes; }

template <policy::Storage Storage>
Result<typename Storage::File> open_or_create(Storage& storage, std::string_view name) {
  auto made = storage.open(name, policy::OpenMode::create);
  if (!made && made.error().code() == sqlstate::duplicate_file) made = storage.open(name, policy::OpenMode::write);
  return made;
}

// --- archive --------------------------------------------------------------------------------------------------------

template <policy::Storage St>
Archive<St>::Archive(St& storage, std::string_view log_path, std::string_view path) : storage_(&storage), log_names_(log_path), names_(path) {}

template <policy::Storage St>
Result<bool> Archive<St>::open() {
  Array<std::uint64_t> numbers;
  SPG_TRY(names_.list(*storage_, numbers));
  if (numbers.empty()) return false;
  char name[512];
  names_.name(name, numbers.back());
  SPG_ASSIGN(File file, storage_->open(std::string_view(name), policy::OpenMode::read));
  SPG_ASSIGN(const std::uint64_t size, file.size());
  position_ = numbers.back() * file_data_bytes + (size > file_header_bytes ? size - file_header_bytes : 0);
  return true;
}

/// Goes through the first bytes of a log file: what the archive has of it must be the same, and all of it goes into `to`.
template <policy::Storage St>
Status Archive<St>::compare_or_write(File& from, std::uint64_t bytes, File* existing, std::uint64_t existing_bytes, File* to, std::string_view name) {
  RecordBuffer ours, theirs;
  std::byte* const a = ours.extend(step_bytes);
  std::byte* const b = theirs.extend(step_bytes);
  if (a == nullptr || b == nullptr) return Error::out_of_memory();
  for (std::uint64_t at = 0; at < bytes;) {
    const auto take = static_cast<std::size_t>(std::min<std::uint64_t>(bytes - at, step_bytes));
    SPG_TRY(from.read_at(at, {a, take}));
    const auto shared = at >= existing_bytes ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(existing_bytes - at, take));
    if (shared != 0) SPG_TRY(existing->read_at(at, {b, shared}));
    if (shared != 0 && std::memcmp(a, b, shared) != 0)
      return Error::make(sqlstate::duplicate_file, "\"", name, "\" is there already and holds something else: it is the archive of another log");
    if (to != nullptr) SPG_TRY(to->write_at(at, {a, take}));
    at += take;
  }
  return ok();
}

template <policy::Storage St>
Status Archive<St>::copy(std::uint64_t upto) {
  const std::uint64_t number = position_ / file_data_bytes, bytes = file_header_bytes + (upto - number * file_data_bytes);
  char log_name[512], name[512], fresh_name[520];
  log_names_.name(log_name, number);
  names_.name(name, number);
  std::snprintf(fresh_name, sizeof fresh_name, "%s.new", name);
  SPG_ASSIGN(File from, storage_->open(std::string_view(log_name), policy::OpenMode::read));
  std::byte header[file_header_bytes];
  SPG_TRY(from.read_at(0, header));
  Jump jump;
  if (!read_file_header(header, number, jump)) return Error::make(sqlstate::data_corrupted, "log file \"", std::string_view(log_name), "\" has a damaged header");
  auto existing = storage_->open(std::string_view(name), policy::OpenMode::read);
  std::uint64_t existing_bytes = 0;
  if (!existing && existing.error().code() != sqlstate::undefined_file) return existing.take_error();
  if (existing) { SPG_ASSIGN(existing_bytes, existing->size()); }
  File* const known = existing ? &*existing : nullptr;
  if (existing_bytes >= bytes) {
    SPG_TRY(compare_or_write(from, bytes, known, existing_bytes, nullptr, name));
  } else {
    SPG_ASSIGN(File to, open_or_create(*storage_, fresh_name));
    SPG_TRY(to.resize(0));
    SPG_TRY(compare_or_write(from, bytes, known, existing_bytes, &to, name));
    SPG_TRY(to.sync());
    SPG_TRY(storage_->rename(std::string_view(fresh_name), std::string_view(name)));
  }
  SPG_TRY(storage_->sync_dir(names_.directory()));  // of an earlier rename, too, whose process was killed
  position_ = upto;
  return ok();
}

// --- tee ------------------------------------------------------------------------------------------------------------

template <policy::Storage St>
Tee<St>::Tee(St& storage, std::string_view log_path, std::string_view path)
    : storage_(&storage), log_(storage, log_path), own_(storage, path), names_(path) {}

/// Its last file is copied anew: the end may be torn.
template <policy::Storage St>
Status Tee<St>::open(std::uint64_t log_first, std::uint64_t log_end) {
  Array<std::uint64_t> numbers;
  SPG_TRY(names_.list(*storage_, numbers));
  position_ = found_end_ = numbers.empty() ? file_start(log_first) : numbers.back() * file_data_bytes;
  if (numbers.empty()) return ok();
  Record record;
  SPG_ASSIGN(bool valid, own_.find_frame(position_, position_ + file_data_bytes, [](const FrameHeader&) { return true; }, record));
  if (!valid) return ok();
  std::byte ours[frame_header_bytes], theirs[frame_header_bytes];
  const std::uint64_t at = record.header.counter;
  if (at >= log_first && at < log_end) {
    SPG_ASSIGN(const bool have, log_.read(at, ours));
    SPG_ASSIGN(const bool have_own, own_.read(at, theirs));
    if (!have || !have_own || std::memcmp(ours, theirs, sizeof ours) != 0) return Error::make(sqlstate::duplicate_file, "\"", names_.path(), "\" holds another log");
  }
  for (FrameHeader before = record.header; valid; before = record.header) {
    found_end_ = record.end();
    SPG_ASSIGN(valid, own_.read_frame(found_end_, record));
    const std::uint32_t expected = record.header.epoch == before.epoch ? before.crc : 0;
    valid = valid && record.header.epoch >= before.epoch && record.header.before_crc == expected;
  }
  return ok();
}

/// The log file's header becomes the tee's.
template <policy::Storage St>
Status Tee<St>::open_file(std::uint64_t number) {
  if (open_number_ == number) return ok();
  open_number_ = UINT64_MAX;
  char log_name[512], name[512];
  log_.names().name(log_name, number);
  names_.name(name, number);
  SPG_ASSIGN(File log_file, storage_->open(std::string_view(log_name), policy::OpenMode::read));
  std::byte header[file_header_bytes];
  SPG_TRY(log_file.read_at(0, header));
  Jump jump;
  if (!read_file_header(header, number, jump)) return Error::make(sqlstate::data_corrupted, "log file \"", std::string_view(log_name), "\" has a damaged header");
  SPG_ASSIGN(file_, open_or_create(*storage_, name));
  SPG_TRY(file_.write_at(0, header));
  SPG_TRY(file_.sync());
  SPG_TRY(storage_->sync_dir(names_.directory()));
  open_number_ = number;
  return ok();
}

template <policy::Storage St>
Status Tee<St>::copy(std::uint64_t upto) {
  SPG_TRY(open_file(position_ / file_data_bytes));
  const std::uint64_t end = std::min({upto, file_start(position_) + file_data_bytes, position_ + step_bytes});
  bytes_.clear();
  std::byte* const to = bytes_.extend(static_cast<std::size_t>(end - position_));
  if (to == nullptr) return Error::out_of_memory();
  SPG_ASSIGN(const bool there, log_.read(position_, {to, bytes_.size()}));
  if (!there) return Error::make(sqlstate::data_corrupted, "the log does not hold what is durable at ", position_);
  Status failed = file_.write_at(file_header_bytes + position_ % file_data_bytes, bytes_.bytes());
  if (!failed) failed = file_.sync();
  if (failed) {
    // Nobody knows what a handle has written whose sync has failed: the whole file is written once more.
    open_number_ = UINT64_MAX;
    position_ = file_start(position_);
    return failed;
  }
  position_ = end;
  return ok();
}

// --- both -----------------------------------------------------------------------------------------------------------

template <policy::Storage St>
Copies<St>::Copies(St& storage, std::string_view log_path, const CopyOptions& options, CopyReport* report)
    : options_(options), report_(report), archive_(storage, log_path, (archive_path(options.archive, archive_path_), std::string_view(archive_path_))),
      tee_(storage, log_path, options.tee) {
  archiving_.is_used = !options.archive.empty();
  teeing_.is_used = !options.tee.empty();
}

template <policy::Storage St>
Status Copies<St>::open(std::uint64_t first, std::uint64_t end, const Jump& jump) {
  first_ = first;
  jump_ = jump;
  // A copy that cannot be reached now is tried again; one that knows of more than the log is not ignored.
  if (archiving_.is_used) {
    if (Status failed = open_archive(end); failed && failed.code() == sqlstate::data_corrupted) return failed;
    else if (failed) (void)note(archiving_, "archive", std::move(failed), 0);
  }
  if (teeing_.is_used) {
    if (Status failed = open_tee(end); failed && failed.code() == sqlstate::data_corrupted) return failed;
    else if (failed) (void)note(teeing_, "tee", std::move(failed), 0);
    const std::uint64_t at = teeing_.is_open ? tee_.position() : first_;
    lag_max_ = options_.lag_bytes_max + (end - std::min(at, end));
  }
  tell_needs();
  return ok();
}

/// Where a copy goes on that ends at a position: the log may not hold what comes next, or have given it up.
template <policy::Storage St>
std::uint64_t Copies<St>::behind_gap(const char* what, std::uint64_t position, std::uint64_t found_end) {
  if (jump_.to != 0 && found_end >= jump_.from && position < jump_.to) return jump_.to;
  if (position >= first_) return position;
  say("the ", std::string_view(what), " lacks the log from ", found_end, " to ", first_, ", which is not there any more: no recovery goes past that");
  return first_;
}

template <policy::Storage St>
Status Copies<St>::open_archive(std::uint64_t end) {
  SPG_ASSIGN(const bool holds_any, archive_.open());
  if (!holds_any) archive_.skip_to(first_);
  if (archive_.position() > end)
    return Error::make(sqlstate::data_corrupted, "the archive \"", options_.archive, "\" holds the log up to ", archive_.position(), ", but the log ends at ", end)
        .detail("What was durable is not in the log any more, or the archive is another database's.")
        .hint("Recover from the archive, or give this database one of its own.");
  archive_.skip_to(behind_gap("archive", archive_.position(), archive_.position()));
  archiving_.is_open = true;
  return ok();
}

template <policy::Storage St>
Status Copies<St>::open_tee(std::uint64_t end) {
  SPG_TRY(tee_.open(first_, end));
  if (tee_.found_end() > end)
    return Error::make(sqlstate::data_corrupted, "the tee \"", options_.tee, "\" holds the log up to ", tee_.found_end(), ", but the log ends at ", end)
        .detail("What was durable is not in the log any more, or the tee is another database's.")
        .hint("Recover from the tee, or give this database one of its own.");
  tee_.skip_to(behind_gap("tee", tee_.position(), tee_.found_end()));
  teeing_.is_open = true;
  return ok();
}

/// How far a copy that is at `position` goes on in the same way.
template <policy::Storage St>
std::uint64_t Copies<St>::upto(std::uint64_t position, std::uint64_t durable) const {
  return jump_.to != 0 && position < jump_.to ? std::min(durable, jump_.from) : durable;
}

/// What has become of a step; returns whether it did something.
template <policy::Storage St>
bool Copies<St>::note(One& one, const char* what, Status failed, std::uint64_t now_ns) {
  if (!failed) {
    if (one.is_failing) say("the ", std::string_view(what), " works again");
    one.is_failing = false;
    return true;
  }
  if (!one.is_failing) say("the ", std::string_view(what), " fails, and is tried again; the log is kept for it: ", failed.message());
  one.is_failing = true;
  one.try_again_ns = now_ns + pause_ns;
  return false;
}

template <policy::Storage St>
bool Copies<St>::step_archive(std::uint64_t durable, std::uint64_t now_ns, bool all) {
  if (!archiving_.is_used || (archiving_.is_failing && !all && now_ns < archiving_.try_again_ns)) return false;
  if (!archiving_.is_open)
    if (Status failed = open_archive(durable)) return note(archiving_, "archive", std::move(failed), now_ns);
  if (jump_.to != 0 && archive_.position() >= jump_.from && archive_.position() < jump_.to) archive_.skip_to(jump_.to);
  const std::uint64_t from = archive_.position(), end = file_start(from) + file_data_bytes, most = std::min(upto(from, durable), end);
  // The part of a file behind which the log jumps is all that there will be of it.
  const bool is_whole = most == end || (jump_.to != 0 && most == jump_.from && from < jump_.from);
  // Until it has the first file behind a jump, an archive makes what was given up.
  const bool is_due = all || from == jump_.to || now_ns - archived_ns_ >= options_.archive_seconds * std::uint64_t{1'000'000'000};
  if (most <= from || (!is_whole && !is_due)) return false;
  if (!note(archiving_, "archive", archive_.copy(most), now_ns)) return false;
  if (is_whole) return true;
  archived_ns_ = now_ns;
  return false;
}

template <policy::Storage St>
bool Copies<St>::step_tee(std::uint64_t durable, std::uint64_t now_ns) {
  if (!teeing_.is_used || (teeing_.is_failing && now_ns < teeing_.try_again_ns)) return false;
  if (!teeing_.is_open)
    if (Status failed = open_tee(durable)) return note(teeing_, "tee", std::move(failed), now_ns);
  if (jump_.to != 0 && tee_.position() >= jump_.from && tee_.position() < jump_.to) tee_.skip_to(jump_.to);
  const std::uint64_t most = upto(tee_.position(), durable);
  if (most <= tee_.position()) return false;
  return note(teeing_, "tee", tee_.copy(most), now_ns);
}

template <policy::Storage St>
void Copies<St>::limit_lag(std::uint64_t durable) {
  const std::uint64_t at = teeing_.is_open ? tee_.position() : first_;
  if (!teeing_.is_used || durable < at || durable - at <= lag_max_) return;
  teeing_.is_used = false;
  say("the tee \"", options_.tee, "\" is given up: it lags by ", durable - at, " bytes; the log is not kept for it any more, until the next start");
}

template <policy::Storage St>
void Copies<St>::tell_needs() {
  std::uint64_t needs = UINT64_MAX;
  if (archiving_.is_used) needs = std::min(needs, archiving_.is_open ? archive_.position() : 0);
  if (teeing_.is_used) needs = std::min(needs, teeing_.is_open ? tee_.position() : 0);
  needs_.store(needs, std::memory_order_release);
}

template <policy::Storage St>
bool Copies<St>::step(std::uint64_t durable, std::uint64_t now_ns) {
  bool more = step_tee(durable, now_ns);
  more = step_archive(durable, now_ns, false) || more;
  limit_lag(durable);
  tell_needs();
  return more;
}

template <policy::Storage St>
void Copies<St>::finish(std::uint64_t durable, std::uint64_t now_ns) {
  teeing_.try_again_ns = 0;
  while (step_tee(durable, now_ns)) {}
  while (step_archive(durable, now_ns, true)) {}
  tell_needs();
}

}  // namespace spg::log
