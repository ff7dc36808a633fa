// Reader: frames out of log files, or out of copies of them, and the names of such files (format: log/frame.hpp).
//
// The bytes are hostile: nothing of a frame is believed before its checksum, and memory grows with what the files really hold.
// Reads ahead, so that small frames cost no call each. Changes no file. Threads: one at a time.
#pragma once
#include "spg/base/array.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/log/frame.hpp"
#include "spg/policy/policy.hpp"

namespace spg::log {

/// A frame with its payload, in order of the log.
struct Record {
  FrameHeader header;
  Bytes payload;  ///< valid during the visit
  std::uint64_t end() const { return header.counter + frame_bytes(header.length); }
  std::uint64_t lsn() const { return lsn_of(header.epoch, end()); }
};

/// "<path>.00000001", and the folder that it is in.
class FileNames {
 public:
  explicit FileNames(std::string_view path);
  std::string_view path() const { return {path_, path_bytes_}; }
  std::string_view directory() const;
  void name(char (&to)[512], std::uint64_t number) const;
  /// The number of a file of this log, by its base name.
  bool number_of(std::string_view base_name, std::uint64_t& number) const;
  /// The numbers of the files that there are, ascending.
  template <policy::Storage Storage>
  Status list(Storage& storage, Array<std::uint64_t>& numbers) const;

 private:
  char path_[448];
  std::size_t path_bytes_;
};

/// XX001: what lies at a position is not what is known to have been written there durably.
Error damage_at(const FileNames& names, std::uint64_t position);

template <policy::Storage Storage>
class Reader {
 public:
  Reader(Storage& storage, std::string_view path) : storage_(&storage), names_(path) {}

  const FileNames& names() const { return names_; }
  /// Fills `into`; false when the files do not hold all of it.
  Result<bool> read(std::uint64_t position, MutableBytes into);
  /// The frame at a position; false when what is there is none of this place (counter, length, checksum). The record is valid
  /// until the next call.
  Result<bool> read_frame(std::uint64_t position, Record& record);
  /// The first valid frame in [from, upto) that `wanted` accepts by its header alone; false when there is none.
  Result<bool> find_frame(std::uint64_t from, std::uint64_t upto, FunctionRef<bool(const FrameHeader&)> wanted, Record& record);

 private:
  using File = typename Storage::File;
  static constexpr std::size_t window_bytes = 128 * 1024;
  Result<bool> open(std::uint64_t number);
  Result<bool> fill(std::uint64_t position, std::uint64_t bytes);
  Result<std::size_t> held(std::uint64_t position, std::size_t most);

  Storage* storage_;
  FileNames names_;
  File file_;
  std::uint64_t open_number_ = UINT64_MAX, size_ = 0;
  RecordBuffer window_;
  std::uint64_t window_start_ = 0;
};

}  // namespace spg::log
