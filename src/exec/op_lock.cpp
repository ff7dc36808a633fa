// LockRows: FOR UPDATE, FOR NO KEY UPDATE, FOR SHARE, FOR KEY SHARE.
#include "operator.hpp"

namespace spg::exec {
namespace {

class LockRowsOp final : public Operator {
 public:
  LockRowsOp(State& state, const CompiledNode& node)
      : Operator(state, node), input_(make_operator(state, *node.left)), rows_(state.arena->array<std::uint16_t>(type::batch_rows_max)) {}
  Result<bool> next(Batch& out) override {
    if (!started_) SPG_TRY(start());
    while (left_ != 0) {
      SPG_TRY(state_.check());
      SPG_ASSIGN(const bool more, input_->next(out));
      if (!more) return false;
      SPG_TRY(lock(out));
      if (out.selected.count != 0) return true;
    }
    return false;
  }
  void rescan() override {
    started_ = false;
    input_->rescan();
  }

 private:
  std::span<plan::LockRows::Lock> locks() const { return plan_node<plan::LockRows>().locks; }

  Status start() {
    started_ = true;
    left_ = UINT64_MAX;
    begin_batch();
    std::uint64_t skipped = 0;
    for (const Code* code : {node_.count, node_.offset}) {
      if (code == nullptr) continue;
      SPG_ASSIGN(const Value value, constant(*code));
      if (value.is_null || value.as<std::int64_t>() < 0) continue;  // LIMIT NULL; a negative one is LIMIT's error
      const auto number = static_cast<std::uint64_t>(value.as<std::int64_t>());
      if (code == node_.count) left_ = number;
      else skipped = number;
    }
    left_ = left_ > UINT64_MAX - skipped ? UINT64_MAX : left_ + skipped;
    return ok();
  }

  /// One row after another: what is not passed on must not be locked.
  Status lock(Batch& batch) {
    std::uint32_t kept = 0;
    for (std::uint32_t i = 0; i < batch.selected.count && left_ != 0; ++i) {
      const std::uint16_t row = static_cast<std::uint16_t>(batch.selected[i]);
      bool taken = true;
      for (const plan::LockRows::Lock& lock : locks()) {
        const Vector& ids = batch.columns[lock.column];
        if (!taken || ids.is_null(row)) continue;
        const auto rowid = ids.value<std::uint64_t>(row);
        Status failed = state_.context.view->lock_rows(lock.table, {&rowid, 1}, lock.mode, lock.wait, {&taken, 1});
        if (failed && failed.code() == sqlstate::lock_not_available)
          return Error::make(sqlstate::lock_not_available, "could not obtain lock on row in relation \"", lock.relation_name, "\"");
        SPG_TRY(std::move(failed));
      }
      if (!taken) continue;
      rows_[kept++] = row;
      --left_;
    }
    batch.selected = {rows_, kept};
    return ok();
  }

  Operator* input_;
  std::uint16_t* rows_;
  std::uint64_t left_ = 0;
  bool started_ = false;
};

}  // namespace

Operator* make_lock_rows(State& state, const CompiledNode& node) { return new_operator<LockRowsOp>(state, node); }

}  // namespace spg::exec
