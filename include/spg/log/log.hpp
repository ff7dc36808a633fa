// Log: the server's one write-ahead log: append to a buffer, flush what has gathered, recover (DESIGN 1.7, 1.8).
//
// append() puts a record into the buffer and returns at once; flush() writes and syncs all that has gathered, so that
// commits share one sync without a timer. reserve() makes sure that the files have room before the tip moves, so a full
// disk is an ordinary 53100. After a failed sync the log is broken: nothing is appended any more. After a failed write it
// refuses appends until cut() has dropped what was not durable and begun a new epoch.
//
// Positions count on behind what was cut off, so that none ever stands for two records; in the files, and after the next
// start, the new epoch goes on where the durable log ended. What leaves the process is in_files().
// Threads: append/reserve from any (one mutex); flush and cut from one at a time (the flusher, or whoever has no threads).
#pragma once
#include <atomic>

#include "spg/base/array.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/log/reader.hpp"
#include "spg/policy/policy.hpp"

namespace spg::log {

template <policy::Storage Storage, policy::Sync Sync>
class Log {
 public:
  /// A log opened to be read has recover() alone, which then changes no file.
  Log(Storage& storage, std::string_view path, policy::OpenMode mode = policy::OpenMode::write);
  ~Log();

  /// Whether the files are there that a log with its start at `from` has.
  bool has_files(std::uint64_t from) const;
  /// Reads the records from `from` on, finds the end, and makes what it has found durable. `history`: epochs in ascending order of start.
  /// XX001 when the log is damaged before its end; an error of `visit` ends the scan.
  Status recover(std::uint64_t from, std::span<const Epoch> history, FunctionRef<Status(const Record&)> visit);
  /// Where recover() found the end: the next record's position.
  std::uint64_t end() const { return next_; }
  /// After recover(): the place from which on the files hold the log; recovery may have begun later.
  std::uint64_t first() const { return recyclable_first_ * file_data_bytes; }
  /// Between recover() and start(): files from this place on are not reused, though recovery does not need them.
  void keep(std::uint64_t position);
  /// The newest jump of the database: its file begins with it, whenever it is made.
  void set_jump(const Jump& jump) { jump_ = jump; }
  /// Opens the log for writing at its end under a new epoch (which the caller has made durable in a manifest).
  Status start(std::uint32_t epoch);
  /// Instead of recover() and start(): an empty log behind a jump. Its file is durable when this returns ok.
  Status start_behind(const Jump& jump, std::uint32_t epoch);

  /// Makes room for a record of so many payload bytes; append() or give_back() ends the reservation. 53100 when the disk is
  /// full (nothing is reserved then).
  Status reserve(std::uint64_t payload_bytes);
  void give_back(std::uint64_t payload_bytes) { reserved_.fetch_sub(frame_bytes(payload_bytes), std::memory_order_acq_rel); }
  /// Appends a record for which room was reserved; returns the position behind it: the commit is durable once durable() has reached it.
  Result<std::uint64_t> append(DatabaseId database, RecordType type, Bytes payload);
  /// Whether nothing in the log says of its last record that it is durable: rot of that record would look like a torn tail.
  bool wants_mark() const { return wants_mark_.load(std::memory_order_relaxed) && !has_unflushed() && !is_broken() && !must_be_cut(); }
  /// Appends a record that says so.
  Status append_mark();
  bool has_unflushed() const { return next_.load(std::memory_order_seq_cst) > durable_.load(std::memory_order_acquire); }
  /// Writes and syncs everything appended so far; then durable() covers it.
  Status flush();
  /// seq_cst, as are the stores behind it: a waiter announces itself and looks, the flusher moves it and looks for waiters.
  std::uint64_t durable() const { return durable_.load(std::memory_order_seq_cst); }
  std::uint64_t position() const { return next_.load(std::memory_order_acquire); }
  std::uint32_t epoch() const { return epoch_; }
  bool is_broken() const { return broken_.load(std::memory_order_acquire); }
  Error broken_error() const;

  /// A write has failed: what is not durable is lost, but nothing is in doubt.
  bool must_be_cut() const { return must_be_cut_.load(std::memory_order_acquire); }
  Error write_error() const;
  /// Drops what is not durable and goes on under a new epoch, which the caller has made durable with its start
  /// in_files(durable()). Nobody appends or flushes meanwhile.
  Status cut(std::uint32_t epoch);
  /// After a failed write that could not be dealt with.
  void give_up(const Error& why);
  /// Whether a position was cut off.
  bool is_lost(std::uint64_t position) const { return cut_count_.load(std::memory_order_seq_cst) != 0 && is_cut_off(position); }
  /// The newest position that was not cut off, at or before this one.
  std::uint64_t not_lost(std::uint64_t position) const;
  std::uint64_t in_files(std::uint64_t position) const;

  /// Nothing below `position`, a place in the files, is needed any more: such files are reused.
  Status trim(std::uint64_t position);
  const FileNames& names() const { return names_; }

 private:
  using File = typename Storage::File;
  static constexpr std::size_t open_files_max = 3;
  static constexpr std::uint64_t allocate_ahead_bytes = 1024 * 1024;
  struct OpenFile {
    std::uint64_t number = UINT64_MAX;
    bool dirty = false;
    File file;
  };
  Result<File*> file_at(std::uint64_t number);
  void forget_file(std::uint64_t number);
  struct Cut { std::uint64_t from, to; };  ///< positions in (from, to] are lost
  bool is_cut_off(std::uint64_t position) const;
  Status sync(File& file);
  Status write_at(std::uint64_t position, Bytes bytes);
  Status allocate_upto(std::uint64_t position);
  Status create_file(std::uint64_t number);
  Status sync_dirty();
  Status sync_found(std::uint64_t from, std::uint64_t to);
  void find_reusable(std::uint64_t from);

  Storage* storage_;
  policy::OpenMode mode_;
  FileNames names_;
  Jump jump_;
  typename Sync::Mutex mutex_;        // buffer_, next_, last_crc_
  typename Sync::Mutex files_mutex_;  // open_, allocated_, recyclable_
  RecordBuffer buffer_, flushing_;
  std::atomic<std::uint64_t> next_{0}, durable_{0};
  std::atomic<std::uint64_t> allocated_{0};  ///< the files hold everything below; written under files_mutex_
  std::atomic<std::uint64_t> reserved_{0};   ///< bytes that reserve() has promised and append() not taken yet
  std::uint64_t buffer_start_ = 0, first_kept_ = 0;
  std::atomic<std::uint64_t> skew_{0};       ///< a position less this is the newest epoch's place in the files
  std::uint32_t epoch_ = 0, last_crc_ = 0;
  std::atomic<bool> broken_{false}, must_be_cut_{false}, wants_mark_{false};
  bool sync_failed_ = false;
  Error broken_by_;
  mutable typename Sync::Mutex cuts_mutex_;  // cuts_, failed_write_
  Array<Cut> cuts_;
  Error failed_write_;
  std::atomic<std::size_t> cut_count_{0};
  OpenFile open_[open_files_max];
  std::uint64_t recyclable_first_ = 0, recyclable_end_ = 0;  // file numbers free for reuse
};

}  // namespace spg::log
