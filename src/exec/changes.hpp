// The change stream of a Modify: batches of old and new rows, in the order in which they were written. RETURNING reads
// it; whatever else must see what a statement changed hangs on it, too.
#pragma once
#include "compile.hpp"
#include "vectors.hpp"

namespace spg::exec {

/// One applied write of up to 1024 rows. Vectors live until the next write of the statement.
struct Change {
  plan::Modify::Op op{};
  std::uint32_t rows = 0;
  std::span<const std::uint64_t> rowids;  ///< of inserts: consecutive
  Batch input;                            ///< what the Modify's input yielded; rows of the change are `selected`
  /// Columns of the written rows (of removed ones: as they were), by place in Modify::returning_columns; flat, row i
  /// of the change is value i.
  std::span<const Vector> row_values;
};

class ChangeListener {
 public:
  virtual Status on_change(const Change& change) = 0;

 protected:
  ~ChangeListener() = default;
};

/// Hands each change to those who listen, in order of registration.
class ChangeStream {
 public:
  void listen(ChangeListener& listener) {
    SPG_ASSERT(count_ < listeners_max);
    listeners_[count_++] = &listener;
  }
  bool has_listeners() const { return count_ != 0; }
  Status publish(const Change& change) {
    for (std::size_t i = 0; i < count_; ++i) SPG_TRY(listeners_[i]->on_change(change));
    return ok();
  }

 private:
  static constexpr std::size_t listeners_max = 4;
  ChangeListener* listeners_[listeners_max] = {};
  std::size_t count_ = 0;
};

}  // namespace spg::exec
