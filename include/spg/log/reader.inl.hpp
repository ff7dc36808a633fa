#pragma once
#include <algorithm>

#include "spg/log/reader.hpp"

namespace spg::log {

template <policy::Storage St>
Status FileNames::list(St& storage, Array<std::uint64_t>& numbers) const {
  bool fits = true;
  SPG_TRY(storage.list(directory(), [&](std::string_view name) {
    std::uint64_t number = 0;
    if (number_of(name, number)) fits = fits && numbers.push_back(number);
  }));
  if (!fits) return Error::out_of_memory();
  std::sort(numbers.begin(), numbers.end());
  return ok();
}

/// False when there is no such file.
template <policy::Storage St>
Result<bool> Reader<St>::open(std::uint64_t number) {
  if (open_number_ == number) return true;
  open_number_ = UINT64_MAX;
  char name[512];
  names_.name(name, number);
  auto opened = storage_->open(std::string_view(name), policy::OpenMode::read);
  if (!opened) {
    if (opened.error().code() == sqlstate::undefined_file) return false;
    return opened.take_error();
  }
  file_ = std::move(*opened);
  SPG_ASSIGN(size_, file_.size());
  open_number_ = number;
  return true;
}

/// How many bytes, at most so many, the file of a position holds from there on.
template <policy::Storage St>
Result<std::size_t> Reader<St>::held(std::uint64_t position, std::size_t most) {
  SPG_ASSIGN(const bool there, open(position / file_data_bytes));
  const std::uint64_t at = position % file_data_bytes;
  if (there && size_ < file_header_bytes + at + most) {  // it may have grown
    SPG_ASSIGN(size_, file_.size());
  }
  const std::uint64_t data = there && size_ > file_header_bytes ? std::min(size_ - file_header_bytes, file_data_bytes) : 0;
  return at >= data ? 0 : static_cast<std::size_t>(std::min<std::uint64_t>(data - at, most));
}

template <policy::Storage St>
Result<bool> Reader<St>::read(std::uint64_t position, MutableBytes into) {
  while (!into.empty()) {
    SPG_ASSIGN(const std::size_t take, held(position, into.size()));
    if (take == 0) return false;
    SPG_TRY(file_.read_at(file_header_bytes + position % file_data_bytes, into.first(take)));
    into = into.subspan(take);
    position += take;
  }
  return true;
}

/// Makes the window hold so many bytes from a position on; false when the files do not.
template <policy::Storage St>
Result<bool> Reader<St>::fill(std::uint64_t position, std::uint64_t bytes) {
  const bool inside = position >= window_start_ && position - window_start_ <= window_.size();
  if (inside && window_start_ + window_.size() - position >= bytes) return true;
  const std::size_t keep = inside ? static_cast<std::size_t>(window_start_ + window_.size() - position) : 0;
  if (keep != 0) std::memmove(window_.data(), window_.data() + window_.size() - keep, keep);
  window_.resize(keep);
  window_start_ = position;
  // A length that is not under a checksum yet may ask for a gigabyte: no more is taken than is there.
  while (window_.size() < bytes || window_.size() < window_bytes) {
    SPG_ASSIGN(const std::size_t take, held(position + window_.size(), std::max<std::size_t>(window_bytes, window_.size())));
    if (take == 0) break;
    std::byte* to = window_.extend(take);
    if (to == nullptr) return Error::out_of_memory();
    const std::uint64_t from = position + window_.size() - take;
    if (Status failed = file_.read_at(file_header_bytes + from % file_data_bytes, {to, take})) {
      window_.clear();
      return failed;
    }
  }
  return window_.size() >= bytes;
}

template <policy::Storage St>
Result<bool> Reader<St>::read_frame(std::uint64_t position, Record& record) {
  SPG_ASSIGN(const bool has_header, fill(position, frame_header_bytes));
  if (!has_header) return false;
  record.header = read_frame_header(window_.data() + (position - window_start_));
  if (record.header.counter != position || record.header.length > payload_bytes_max) return false;
  const std::uint64_t bytes = frame_header_bytes + std::uint64_t{record.header.length};
  SPG_ASSIGN(const bool has_payload, fill(position, bytes));
  if (!has_payload) return false;
  const Bytes frame = window_.bytes().subspan(static_cast<std::size_t>(position - window_start_), static_cast<std::size_t>(bytes));
  record.payload = frame.subspan(frame_header_bytes);
  return crypto::crc32c(0, frame.subspan(4)) == record.header.crc;
}

template <policy::Storage St>
Result<bool> Reader<St>::find_frame(std::uint64_t from, std::uint64_t upto, FunctionRef<bool(const FrameHeader&)> wanted, Record& record) {
  for (std::uint64_t position = (from + 7) & ~std::uint64_t{7}; position + frame_header_bytes <= upto; position += 8) {
    SPG_ASSIGN(const bool there, fill(position, frame_header_bytes));
    if (!there) return false;
    const std::byte* at = window_.data() + (position - window_start_);
    if (load_le<std::uint64_t>(at + 8) != position || !wanted(read_frame_header(at))) continue;
    SPG_ASSIGN(const bool valid, read_frame(position, record));
    if (valid) return true;
  }
  return false;
}

}  // namespace spg::log
