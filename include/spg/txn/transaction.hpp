// Transaction: one session's way into a lineage: begin, statements, savepoints, commit; and the model of the seam (view.hpp).
//
// States: idle (no pin, no scope) -> in a statement or block -> idle. A block that has written keeps the turn until it
// ends; its private root is built in scopes, one per savepoint and one per statement, each of which is also its own undo.
// A write statement takes the turn before it reads, so that it reads the tip; when the turn is taken, begin_statement
// answers "must wait" and the waiter's granted() is called later.
// Threads: one at a time; granted() runs in whichever thread passes the turn on.
#pragma once
#include "spg/txn/machine.hpp"
#include "spg/txn/view.hpp"

namespace spg::txn {

enum class Isolation : std::uint8_t { read_uncommitted, read_committed, repeatable_read, serializable };

struct BeginOptions {
  Isolation isolation = Isolation::read_committed;
  bool read_only = false;
};

template <policy::Env Env>
class Transaction final : public View {
 public:
  using MachineOf = Machine<Env>;
  using LineageOf = typename MachineOf::LineageOf;
  using ScopeOf = typename MachineOf::ScopeOf;
  using Objects = typename MachineOf::ObjectsOf;

  Transaction(MachineOf& machine, LineageOf& lineage);
  ~Transaction() override;

  /// Opens a block (BEGIN) or the transaction around one statement. Requires: not active.
  Status begin(const BeginOptions& options);
  bool is_active() const { return active_; }
  /// Between begin and the end: sets what reads see. `writes`: the statement may write, and needs the turn.
  Status begin_statement(bool writes, Access access);
  /// Keeps (ok) or undoes what the statement wrote.
  Status end_statement(bool succeeded);
  /// Publishes; afterwards idle. The reply must wait until the log is durable up to floor().
  Status commit();
  void rollback();
  /// The newest log position that the session has read or committed behind (DESIGN 1.7).
  std::uint64_t floor() const { return floor_; }
  bool has_written() const { return !changes_.bytes().empty(); }
  bool holds_turn() const { return waiter_.owns; }
  TurnWaiter& turn_waiter() { return waiter_; }
  /// Leaves the queue for the turn (cancelled while waiting).
  void stop_waiting() { if (!has_written()) lineage_->turn().abandon(waiter_); }

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
  Result<TableId> create_table(std::span<const table::ColumnLayout> columns) override;
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
  Oid new_oid() override { return machine_->draw_oid(); }
  DatabaseId database() const override { return lineage_->id(); }
  std::int64_t transaction_time() const override { return transaction_us_; }
  std::int64_t statement_time() const override { return statement_us_; }
  std::int64_t clock_time() override { return now_us(); }
  std::uint64_t transaction_number() override { return number_; }

 private:
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
  void end_transaction();
  Status require_writable();
  Result<const store::Image*> read_table(TableId table);
  Result<table::LayoutView> layout_of(const store::Image* table);
  Status change_layout(TableId table, const table::LayoutBuilder& layout, Conflict& conflict);
  std::int64_t now_us();
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
  MemoryBudget scratch_budget_;
  Arena scratch_{scratch_budget_};   ///< for one call
};

}  // namespace spg::txn
