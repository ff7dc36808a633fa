// Copies: what is durable in the log, a second time: file by file into an archive, record by record into a tee (DESIGN 1.8;
// docs/recovery.md).
//
// Both are fed from the log's own files, never from its buffer: no commit waits for them, they get durable bytes alone, and
// what they have missed they catch up with. The log must keep what needs() says; a file is let go of once every copy that works
// has it.
//   archive  <dir>/wal.NNNNNNNN: written under another name, synced, renamed, and the directory synced. Never changed then, but
//            for a file that the log had not finished: it is replaced by a longer one. Another content under the same number is
//            an error. A failure keeps the log and is tried again, without end.
//   tee      <path>.NNNNNNNN: appended to and synced. It is given up, failing or too slow, when the log would have to keep
//            lag_bytes_max more for it than when it was opened.
// Positions here are places in the files. Threads: step() and finish() by one at a time; needs(), state() by any.
#pragma once
#include <atomic>
#include <cstdio>

#include "spg/log/reader.hpp"

namespace spg::log {

/// An archive's files are those of a log of this path: "<dir>/wal".
inline void archive_path(std::string_view directory, char (&to)[448]) {
  std::snprintf(to, sizeof to, "%.*s/wal", static_cast<int>(directory.size()), directory.data());
}

struct CopyOptions {
  std::string_view archive;  ///< a directory; empty: none
  std::string_view tee;      ///< a path as the log's; empty: none
  /// A tee is given up when it lags by so much more than it did at the start.
  std::uint64_t lag_bytes_max = std::uint64_t{4} << 30;
  /// After so long a file that is not finished is archived as far as it is durable, when that has grown.
  std::uint32_t archive_seconds = 60;
};

/// Hears, in whole lines, of what an operator must know.
struct CopyReport {
  virtual void say(std::string_view line) = 0;

 protected:
  ~CopyReport() = default;
};

/// One file of the log, or its beginning, as a file of the archive.
template <policy::Storage Storage>
class Archive {
 public:
  /// `path` as a log's: its files are <path>.NNNNNNNN.
  Archive(Storage& storage, std::string_view log_path, std::string_view path);
  /// Finds out what is there. False when nothing is.
  Result<bool> open();
  std::uint64_t position() const { return position_; }
  /// What comes next is the file at this position: what lies between is not in the log.
  void skip_to(std::uint64_t position) { position_ = position; }
  /// Copies the file at position() as far as `upto`. Requires: not behind the file's end.
  Status copy(std::uint64_t upto);

 private:
  using File = typename Storage::File;
  static constexpr std::uint64_t step_bytes = 256 * 1024;
  Status compare_or_write(File& from, std::uint64_t bytes, File* existing, std::uint64_t existing_bytes, File* to, std::string_view name);

  Storage* storage_;
  FileNames log_names_, names_;
  std::uint64_t position_ = 0;
};

template <policy::Storage Storage>
class Tee {
 public:
  Tee(Storage& storage, std::string_view log_path, std::string_view path);
  /// Finds out what is there, and that it is the log's. 58P02 when it is of another one.
  Status open(std::uint64_t log_first, std::uint64_t log_end);
  std::uint64_t position() const { return position_; }
  /// Behind the last record that open() found.
  std::uint64_t found_end() const { return found_end_; }
  void skip_to(std::uint64_t position) { position_ = position; }
  /// Copies and syncs some of what lies below `upto`.
  Status copy(std::uint64_t upto);

 private:
  using File = typename Storage::File;
  static constexpr std::uint64_t step_bytes = 1024 * 1024;
  Status open_file(std::uint64_t number);

  Storage* storage_;
  Reader<Storage> log_, own_;
  FileNames names_;
  File file_;
  std::uint64_t open_number_ = UINT64_MAX, position_ = 0, found_end_ = 0;
  RecordBuffer bytes_;
};

template <policy::Storage Storage>
class Copies {
 public:
  Copies(Storage& storage, std::string_view log_path, const CopyOptions& options, CopyReport* report);
  bool is_wanted() const { return !options_.archive.empty() || !options_.tee.empty(); }
  bool has_tee() const { return !options_.tee.empty(); }
  /// Once the log has been recovered: it holds [first, end). XX001 when a copy holds more than that: then records are gone that
  /// were durable. `jump`: the database's newest one.
  Status open(std::uint64_t first, std::uint64_t end, const Jump& jump);
  /// A bounded step: true when there is more to do at once.
  bool step(std::uint64_t durable, std::uint64_t now_ns);
  /// Everything, as far as it works.
  void finish(std::uint64_t durable, std::uint64_t now_ns);
  std::uint64_t needs() const { return needs_.load(std::memory_order_acquire); }

 private:
  struct One {
    std::uint64_t try_again_ns = 0, reported = 0;
    bool is_used = false, is_open = false, is_failing = false;
  };
  static constexpr std::uint64_t pause_ns = 1'000'000'000;
  Status open_archive(std::uint64_t end);
  Status open_tee(std::uint64_t end);
  std::uint64_t behind_gap(const char* what, std::uint64_t position, std::uint64_t found_end);
  bool step_archive(std::uint64_t durable, std::uint64_t now_ns, bool all);
  bool step_tee(std::uint64_t durable, std::uint64_t now_ns);
  bool note(One& one, const char* what, Status failed, std::uint64_t now_ns);
  void limit_lag(std::uint64_t durable);
  std::uint64_t upto(std::uint64_t position, std::uint64_t durable) const;
  void tell_needs();
  template <class... Pieces>
  void say(const Pieces&... pieces) {
    if (report_ != nullptr) report_->say(Error::make(sqlstate::warning, pieces...).message());
  }

  CopyOptions options_;
  CopyReport* report_;
  char archive_path_[448];
  Archive<Storage> archive_;
  Tee<Storage> tee_;
  One archiving_, teeing_;
  std::uint64_t first_ = 0;        ///< where the log began when it was opened
  std::uint64_t lag_max_ = 0;
  Jump jump_;
  std::uint64_t archived_ns_ = 0;  ///< when a file that is not finished was archived last
  std::atomic<std::uint64_t> needs_{0};  ///< until it is known, all of it
};

}  // namespace spg::log
