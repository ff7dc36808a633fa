// Transaction: one session's way into a lineage: begin, statements, savepoints, commit; and the model of the seam (view.hpp).
//
// States: idle (no pin, no scope) -> in a statement or block -> idle. A block that has written keeps the turn until it
// ends; its private root is built in scopes, one per savepoint and one per statement, each of which is also its own undo.
// A write statement takes the turn before it reads, so that it reads the tip; when the turn is taken, begin_statement
// answers "must wait" and the waiter's granted() says when to try again.
// Threads: one at a time; granted() runs in whichever thread gives the turn up.
#pragma once
#include "spg/txn/control.hpp"
#include "spg/txn/machine.hpp"

namespace spg::txn {

using store::Access;

template <policy::Env Env>
class Transaction final : public TransactionControl {
 public:
  using MachineOf = Machine<Env>;
  using LineageOf = typename MachineOf::LineageOf;
  using ScopeOf = typename MachineOf::ScopeOf;
  using Objects = typename MachineOf::ObjectsOf;

  Transaction(MachineOf& machine, LineageOf& lineage);
  ~Transaction() override;

  // --- TransactionControl
  Status begin(const BeginOptions& options) override;
  bool is_active() const override { return active_; }
  void set_options(const BeginOptions& options) override { options_ = options; }
  const BeginOptions& options() const override { return options_; }
  bool has_snapshot() const override { return pinned_; }
  Status begin_statement(bool writes, Access access) override;
  void allow_waiting() override { access_ = Access::wait; }
  Status end_statement(bool succeeded) override;
  bool in_statement() const override { return in_statement_; }
  Status commit() override {
    TransactionControl* self = this;
    return machine_->commit_together({&self, 1});
  }
  void rollback() override;
  std::uint64_t floor() const override { return floor_; }
  bool has_written() const override { return changes_.size() != 0; }
  bool holds_turn() const override { return waiter_.owns; }
  TurnWaiter& turn_waiter() override { return waiter_; }
  void stop_waiting() override { if (!has_written()) lineage_->turn().abandon(waiter_); }

  // --- View
  Result<std::uint64_t> row_count(TableId table) override;
  Result<std::uint64_t> block_count(TableId table) override;
  Result<Scan*> open_scan(const ScanRequest& request, Arena& arena) override;
  Result<IndexScan*> open_index(TableId table, IndexId index, const KeyRange& range, bool backward, Arena& arena) override;
  Status probe(TableId table, IndexId index, std::span<const type::Vector> keys, type::Selection rows, Vec<std::uint64_t>& rowids,
               std::span<std::uint32_t> ends) override;
  Status fetch(TableId table, std::span<const std::uint64_t> rowids, std::span<const std::uint16_t> columns, Arena& arena,
               std::span<type::Vector> out) override;
  void renew_guard() override { machine_->objects().enter(*guard_); }
  Result<std::uint64_t> insert(TableId table, std::span<const table::ColumnInput> columns, type::Selection rows, Conflict& conflict) override;
  Status update(TableId table, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                type::Selection rows, Conflict& conflict) override;
  Status remove(TableId table, std::span<const std::uint64_t> rowids) override;
  Result<TableId> create_table(TableUse use, std::span<const table::ColumnLayout> columns) override;
  Status drop_table(TableId table) override;
  Status truncate_table(TableId table) override;
  Status add_column(TableId table, const table::ColumnLayout& column) override;
  Status drop_column(TableId table, std::uint16_t number) override;
  Result<IndexId> create_index(TableId table, const IndexSpec& spec, Conflict& conflict) override;
  Status drop_index(TableId table, IndexId index) override;
  Result<std::uint32_t> savepoint() override;
  Status release(std::uint32_t depth) override;
  Status rollback_to(std::uint32_t depth) override;
  std::uint64_t catalog_stamp() override;
  void set_interrupts(Interrupts* interrupts) override { interrupts_ = interrupts; }
  Oid new_oid() override { return machine_->draw_oid(); }
  DatabaseId database() const override { return lineage_->id(); }
  std::int64_t transaction_time() const override { return transaction_us_; }
  std::int64_t statement_time() const override { return statement_us_; }
  std::int64_t clock_time() override { return machine_->clock_us(); }
  std::uint64_t transaction_number() override { return number_; }

 private:
  friend MachineOf;
  /// A mark to go back to: the scope that collects what comes after it.
  struct Level {
    Level(Objects& objects, Generation generation) : scope(objects, generation) {}
    ScopeOf scope;
    store::Cell* root_before = nullptr;
    std::size_t changes_before = 0;
    Level* below = nullptr;
  };
  Status push_level();
  void pop_level(bool keep);
  /// The work of all levels in one scope, for Machine::commit.
  typename MachineOf::CommitPart whole_work();
  /// The work has been published; the log ends behind it at `log_end`.
  void published(std::uint64_t log_end);
  void end_transaction();
  Status require_writable();
  Result<const store::Image*> read_table(TableId table);
  Result<table::LayoutView> layout_of(const store::Image* table);
  Status change_layout(TableId table, const table::LayoutBuilder& layout, Conflict& conflict);
  ScopeOf& scope() { return top_->scope; }

  MachineOf* machine_;
  LineageOf* lineage_;
  PinSlot<typename Env::Alloc> pin_;
  store::GuardSlot* guard_;
  TurnWaiter waiter_;
  Level* top_ = nullptr;
  std::uint32_t depth_ = 0;          ///< levels, the transaction's own included
  bool active_ = false, in_statement_ = false, statement_level_ = false, pinned_ = false;
  BeginOptions options_;
  Access access_ = Access::wait;
  store::Cell* root_ = nullptr;      ///< the newest: private once written
  store::Cell* read_root_ = nullptr; ///< what the statement sees
  std::uint64_t base_generation_ = 0, base_log_end_ = 0, floor_ = 0, number_ = 0;
  std::int64_t transaction_us_ = 0, statement_us_ = 0;
  RecordBuffer changes_;
  Interrupts* interrupts_ = nullptr;
  MemoryBudget scratch_budget_;
  Arena scratch_{scratch_budget_};   ///< for one call
};

}  // namespace spg::txn
