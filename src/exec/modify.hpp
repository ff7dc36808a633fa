// What the ways of writing rows share: values as the table stores them, errors, the change stream.
#pragma once
#include "changes.hpp"
#include "operator.hpp"
#include "spg/table/table.hpp"

namespace spg::exec {

/// Rowids written so far, for inputs that may yield a row twice.
class RowidSet {
 public:
  explicit RowidSet(Arena& arena) : slots_(arena) {}
  bool contains(std::uint64_t rowid) const {
    if (count_ == 0) return false;
    std::size_t at = place(rowid);
    while (slots_[at] != 0 && slots_[at] != rowid + 1) at = (at + 1) & (slots_.size() - 1);
    return slots_[at] != 0;
  }
  /// False when it was there.
  bool add(std::uint64_t rowid) {
    if ((count_ + 1) * 2 > slots_.size()) grow();
    std::size_t at = place(rowid);
    while (slots_[at] != 0) {
      if (slots_[at] == rowid + 1) return false;
      at = (at + 1) & (slots_.size() - 1);
    }
    slots_[at] = rowid + 1;
    ++count_;
    return true;
  }

 private:
  std::size_t place(std::uint64_t rowid) const { return (rowid * 0x9e3779b97f4a7c15u >> 20) & (slots_.size() - 1); }
  void grow() {
    Vec<std::uint64_t> old = slots_;
    slots_ = Vec<std::uint64_t>(*old.arena());
    slots_.resize(old.size() == 0 ? 64 : old.size() * 2);
    for (const std::uint64_t stored : old) {
      if (stored == 0) continue;
      std::size_t at = place(stored - 1);
      while (slots_[at] != 0) at = (at + 1) & (slots_.size() - 1);
      slots_[at] = stored;
    }
  }
  Vec<std::uint64_t> slots_;
  std::size_t count_ = 0;
};

/// Rows that are written: the values of their columns. Of an update, columns that are not given stay.
struct Written {
  plan::Modify::Op op{};
  std::span<const StoredColumn> columns;
  const Vector* values = nullptr;  ///< one per column
  std::uint32_t capacity = 0;      ///< rows of the vectors
};

/// The set of the table's, which all parts of the statement share.
RowidSet& written_rows(State& state, TableId table);

/// INSERT, UPDATE, DELETE; classes of their own add ON CONFLICT, and MERGE.
class ModifyOp : public Operator, protected ChangeListener {
 public:
  ModifyOp(State& state, const CompiledNode& node);
  Result<bool> next(Batch& out) override;
  void rescan() override { input_->rescan(); }

 protected:
  const plan::Modify& node() const { return plan_node<plan::Modify>(); }
  virtual Status write(const Batch& batch);
  virtual Status insert(const Batch& batch);
  Status update(const Batch& batch);
  Status remove(const Batch& batch);

  /// An INSERT's rows, checked.
  Result<Written> inserted(const Batch& batch);
  /// The written values as the table stores them.
  Result<std::span<const table::ColumnInput>> stored_inputs(const Written& written, Selection rows);
  /// `rowids`, in these functions: of an update, of the rows; else empty.
  Status check_not_null(const Written& written, std::span<const plan::Modify::NotNull> rules, Selection rows,
                        std::span<const std::uint64_t> rowids);
  /// The relation as the catalog has it now, for messages; null: it is gone.
  Result<const catalog::Relation*> relation();
  Error unique_violation(const txn::Conflict& conflict, const Written& written, Selection rows,
                         std::span<const std::uint64_t> rowids);
  /// Columns of rows in the table, as batches have them.
  Status fetch(std::span<const std::uint64_t> rowids, std::span<const StoredColumn> columns, std::span<Vector> out);

  /// The rows to write in ascending order of their rowids, each once. Row i of the result is batch row rows[i].
  struct Targets {
    std::span<std::uint64_t> rowids;
    Selection rows;
  };
  Targets in_order(std::span<const std::uint64_t> rowids, Selection rows);
  /// Values of Modify::returning_columns, flat; row i is rows[i].
  Result<std::span<Vector>> row_values(const Written& written, Selection rows, std::span<const std::uint64_t> rowids);
  Status publish(const Written& written, const Batch& batch, Selection rows, std::span<const std::uint64_t> rowids);
  Status on_change(const Change& change) override;
  Status check_views(const Change& change);
  Error check_violation(const Change& change, std::uint32_t row, std::size_t check);
  /// Adds to what the statement's tag says, which is about its main part only.
  void count_rows(std::uint64_t count) {
    if (state_.plan->root == &node_) state_.rows_affected += count;
  }

  Operator* input_;
  RowidSet& written_;
  ChangeStream changes_;

 private:
  Targets targets(const Batch& batch);
  Result<Vector> stored(const Vector& values, const StoredColumn& column, std::uint32_t capacity, Selection selected);
  Vector zero_nulls(const Vector& values, std::uint32_t capacity, Selection selected);
  void print_field(Oid type, const Value& value, TextBuilder& text);
  Result<Value> new_value(const Written& written, std::uint32_t row, std::uint64_t rowid,
                          const plan::Modify::RowColumn& column);
  Error null_violation(const Written& written, std::uint32_t row, std::uint64_t rowid,
                       const plan::Modify::NotNull& rule);

  const bool may_repeat_;  ///< a row may come that has been written
  table::ColumnInput* inputs_;
  std::span<Vector> returned_;
  Batch* out_ = nullptr;
};

/// In op_conflict.cpp.
Operator* make_insert_on_conflict(State& state, const CompiledNode& node);
/// In op_merge.cpp.
Operator* make_merge(State& state, const CompiledNode& node);

}  // namespace spg::exec
