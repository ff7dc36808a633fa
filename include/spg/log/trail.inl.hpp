#pragma once
#include <algorithm>

#include "spg/log/reader.inl.hpp"
#include "spg/log/trail.hpp"

namespace spg::log {

template <policy::Storage St>
Status Trail<St>::add(std::string_view path, PlaceKind kind) {
  SPG_ASSERT(count_ < places_max);
  std::unique_ptr<Place> place(new (std::nothrow) Place(*storage_, path, kind));
  if (place == nullptr) return Error::out_of_memory();
  SPG_TRY(place->reader.names().list(*storage_, place->numbers));
  if (kind != PlaceKind::log) SPG_TRY(read_jumps(*place));
  places_[count_++] = std::move(place);
  return ok();
}

template <policy::Storage St>
Status Trail<St>::read_jumps(Place& place) {
  for (const std::uint64_t number : place.numbers) {
    char name[512];
    std::byte header[file_header_bytes];
    place.reader.names().name(name, number);
    auto file = storage_->open(std::string_view(name), policy::OpenMode::read);
    Jump jump;
    if (!file || file->read_at(0, header) || !read_file_header(header, number, jump) || jump.to == 0) continue;
    // A recovery that was cut short before it was in force has left a file without a record.
    Record first;
    SPG_ASSIGN(const bool is_in_force, place.reader.read_frame(jump.to, first));
    if (is_in_force && first.header.epoch >= jump.epoch_after) SPG_TRY(add_jump(jump));
  }
  return ok();
}

template <policy::Storage St>
Status Trail<St>::add_jump(const Jump& jump) {
  for (const Jump& known : jumps_)
    if (known.from == jump.from && known.to == jump.to) return ok();
  return jumps_.push_back(jump) ? ok() : Error::out_of_memory();
}

template <policy::Storage St>
bool Trail<St>::is_given_up(std::uint64_t position) const {
  return std::any_of(jumps_.begin(), jumps_.end(), [&](const Jump& jump) { return position > jump.from && position < jump.to; });
}

template <policy::Storage St>
std::uint64_t Trail<St>::next_file() const {
  std::uint64_t next = 0;
  for (std::size_t i = 0; i < count_; ++i)
    if (!places_[i]->numbers.empty()) next = std::max(next, places_[i]->numbers.back() + 1);
  return next;
}

/// Of several from one position the newest counts; one may lead to where the next begins.
template <policy::Storage St>
void Trail<St>::pass_jumps() {
  for (std::uint64_t before = UINT64_MAX; before != position_;) {
    before = position_;
    for (const Jump& jump : jumps_)
      if (jump.from == before) position_ = std::max(position_, jump.to);
  }
}

template <policy::Storage St>
bool Trail<St>::is_given_up_lsn(std::uint64_t lsn) const {
  return std::any_of(jumps_.begin(), jumps_.end(), [&](const Jump& jump) { return gives_up(jump, lsn); });
}

/// Whether a valid frame at the position goes on what has been read.
template <policy::Storage St>
bool Trail<St>::may_follow(const FrameHeader& header) const {
  std::uint32_t least = epoch_, most = UINT32_MAX;
  for (std::size_t i = 0; i < history_.size() && history_[i].start <= position_; ++i) {
    least = std::max(least, history_[i].number);
    most = i + 1 < history_.size() ? history_[i].number : UINT32_MAX;
  }
  if (header.epoch < least || header.epoch > most) return false;
  if (header.epoch > epoch_) return header.before_crc == 0;
  return !know_before_ || header.before_crc == before_crc_;
}

template <policy::Storage St>
Result<bool> Trail<St>::find_next(Record& record) {
  for (std::size_t i = 0; i < count_; ++i) {
    SPG_ASSIGN(const bool valid, places_[i]->reader.read_frame(position_, record));
    if (valid && may_follow(record.header)) return true;
  }
  return false;
}

template <policy::Storage St>
Status Trail<St>::follow(std::uint64_t from, std::uint32_t epoch, Visit visit) {
  position_ = taken_ = from;
  epoch_ = epoch;
  know_before_ = stopped_ = false;
  for (Record record;;) {
    pass_jumps();
    SPG_ASSIGN(const bool found, find_next(record));
    if (!found) return check_end();
    if (record.header.type != RecordType::mark) {
      SPG_ASSIGN(const bool goes_on, visit(record));
      if (!goes_on) { stopped_ = true; return ok(); }
    }
    before_crc_ = record.header.crc;
    epoch_ = record.header.epoch;
    know_before_ = true;
    position_ = taken_ = record.end();
  }
}

/// Whether the place says that the log goes on behind the position.
template <policy::Storage St>
Result<bool> Trail<St>::is_known_beyond(Place& place) {
  if (place.kind == PlaceKind::archive && !place.numbers.empty()) {
    char name[512];
    place.reader.names().name(name, place.numbers.back());
    SPG_ASSIGN(auto file, storage_->open(std::string_view(name), policy::OpenMode::read));
    SPG_ASSIGN(const std::uint64_t size, file.size());
    if (place.numbers.back() * file_data_bytes + std::max(size, file_header_bytes) - file_header_bytes > position_) return true;
  }
  Record record;
  for (const std::uint64_t number : place.numbers) {
    const std::uint64_t start = number * file_data_bytes, upto = start + file_data_bytes;
    if (upto <= position_) continue;
    SPG_ASSIGN(const bool found, place.reader.find_frame(std::max(position_ + 8, start), upto, [&](const FrameHeader& header) { return header.durable > position_; }, record));
    if (found) return true;
  }
  return false;
}

template <policy::Storage St>
Status Trail<St>::check_end() {
  bool goes_on = !history_.empty() && position_ < history_.back().start;
  for (std::size_t i = 0; i < count_ && !goes_on; ++i) {
    SPG_ASSIGN(goes_on, is_known_beyond(*places_[i]));
  }
  if (!goes_on) return ok();
  const std::uint64_t number = position_ / file_data_bytes;
  for (std::size_t i = 0; i < count_; ++i)
    if (std::binary_search(places_[i]->numbers.begin(), places_[i]->numbers.end(), number)) return damage_at(places_[i]->reader.names(), position_);
  return Error::make(sqlstate::undefined_file, "the write-ahead log from ", position_, " on is missing: file ", number, " is in none of the places given")
      .hint("Say where the archive is.");
}

}  // namespace spg::log
