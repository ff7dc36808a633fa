// ChangeList: the records of one transaction in the order in which they were made. The last ones are in memory; once there are
// many, those before lie in a scratch file (DESIGN 1.8), which is deleted with the list, or at the next start.
//
// One thread at a time. A record lies whole in the file or whole in memory.
#pragma once
#include <algorithm>
#include <atomic>
#include <cstdio>

#include "spg/base/function_ref.hpp"
#include "spg/base/record_buffer.hpp"
#include "spg/policy/policy.hpp"

namespace spg::txn {

template <policy::Storage Storage>
class ChangeList {
 public:
  ChangeList() = default;
  ChangeList(const ChangeList&) = delete;
  ChangeList& operator=(const ChangeList&) = delete;
  ~ChangeList() { clear(); }

  std::size_t size() const { return filed_ + tail_.size(); }
  /// Of which in the file. From any thread.
  std::size_t filed_bytes() const { return filed_.load(std::memory_order_relaxed); }
  /// Records are appended here.
  RecordBuffer& tail() { return tail_; }
  bool is_in_memory() const { return filed_ == 0; }
  /// All of it. Requires: it is in memory.
  Bytes bytes() const { return tail_.bytes(); }

  /// Forgets what is behind `size`, the end of a record.
  void cut(std::size_t size) {
    if (size >= filed_) return tail_.resize(size - filed_);
    filed_ = size;
    tail_.clear();
  }
  void clear() {
    if (storage_ != nullptr) {
      file_ = {};
      (void)storage_->remove(std::string_view(name_));
      storage_ = nullptr;
    }
    filed_ = 0;
    tail_.shrink(64 * 1024);
    tail_.clear();
  }

  /// A record's bytes, valid until the next call. 58030 when the file cannot be read.
  Result<Bytes> read(std::size_t at, std::size_t bytes) {
    if (at >= filed_) return tail_.bytes().subspan(at - filed_, bytes);
    read_.clear();
    std::byte* into = read_.extend(bytes);
    if (into == nullptr) return Error::out_of_memory();
    SPG_TRY(file_.read_at(at, {into, bytes}));
    return read_.bytes();
  }
  /// Moves what is in memory to the scratch file. `name` gives names to try until one is free. 53100 when there is no room.
  Status spill(Storage& storage, FunctionRef<void(char (&)[512])> name) {
    while (storage_ == nullptr) {
      name(name_);
      auto made = storage.open(std::string_view(name_), policy::OpenMode::create);
      if (!made && made.error().code() == sqlstate::duplicate_file) continue;
      if (!made) return made.take_error();
      file_ = std::move(*made);
      storage_ = &storage;
    }
    SPG_TRY(file_.write_at(filed_, tail_.bytes()));
    filed_ += tail_.size();
    tail_.clear();
    return ok();
  }
  /// Back to memory, all of it.
  Status load() {
    if (filed_ == 0) return ok();
    RecordBuffer all;
    std::byte* into = all.extend(filed_);
    if (into == nullptr || !all.add(tail_.bytes())) return Error::out_of_memory();
    SPG_TRY(file_.read_at(0, {all.data(), filed_}));
    filed_ = 0;
    tail_.swap(all);
    return ok();
  }
  /// Calls `visit` with all of it, in pieces of at most so many bytes.
  Status each_piece(std::size_t piece_bytes, FunctionRef<Status(Bytes)> visit) {
    for (std::size_t at = 0; at < size();) {
      const std::size_t end = at < filed_ ? filed_bytes() : size(), bytes = std::min(piece_bytes, end - at);
      SPG_ASSIGN(const Bytes piece, read(at, bytes));
      SPG_TRY(visit(piece));
      at += bytes;
    }
    return ok();
  }

 private:
  Storage* storage_ = nullptr;  ///< where the scratch file is, if there is one
  typename Storage::File file_;
  char name_[512];
  std::atomic<std::size_t> filed_{0};  ///< bytes before `tail_`
  RecordBuffer tail_, read_;
};

}  // namespace spg::txn
