// Transaction: one session's way into a lineage: begin, statements, savepoints, commit; and the model of the seam (view.hpp).
//
// A transaction is a pinned version, a write set, the private tables that follow from it (private_table.hpp), and its locks
// (locks.hpp). Nothing of it is seen by others, and nobody waits for it but for its locks, until COMMIT takes the turn for
// as long as it needs to apply the write set to the tip (DESIGN 1.6).
//
// A writing statement locks what it changes, then compares that with the tip: what has changed since the version that it
// reads makes it begin anew on the newest (READ COMMITTED) or fail with 40001. "Must wait" (Error::is_must_wait) stands for
// both: wake() tells when to run the statement again, from its begin_statement on; its locks are kept over that.
// Threads: one at a time; wake() runs in whichever thread makes the wait end.
//
// The parts: transaction.inl.hpp (life and commit), transaction_read.inl.hpp, transaction_write.inl.hpp,
// transaction_keys.inl.hpp (unique keys, ON CONFLICT), transaction_deferred.inl.hpp (unique keys that are checked later),
// transaction_serializable.inl.hpp, table_storage.inl.hpp.
#pragma once
#include "spg/txn/control.hpp"
#include "spg/txn/machine.hpp"
#include "spg/txn/change_list.hpp"
#include "spg/txn/private_table.hpp"
#include "spg/txn/read_set.hpp"

namespace spg::txn {

using store::Access;
using store::Cell;

class KeySet;

template <policy::Env Env>
class Transaction final : public TransactionControl {
 public:
  using MachineOf = Machine<Env>;
  using LineageOf = typename MachineOf::LineageOf;
  using VersionOf = typename MachineOf::VersionOf;
  using ScopeOf = typename MachineOf::ScopeOf;
  using Objects = typename MachineOf::ObjectsOf;
  using PrivateOf = PrivateTable<ScopeOf>;

  Transaction(MachineOf& machine, LineageOf& lineage);
  ~Transaction() override;

  // --- TransactionControl
  Status begin(const BeginOptions& options) override;
  Status begin_snapshot(TransactionControl& of) override;
  Result<RowFate> compare_row(TransactionControl& snapshot, TableId table, std::uint64_t rowid) override;
  bool is_active() const override { return active_; }
  void set_options(const BeginOptions& options) override { options_ = options; }
  const BeginOptions& options() const override { return options_; }
  bool has_snapshot() const override { return pinned_; }
  void forget_snapshot() override { pinned_ = false; }
  Status begin_statement(Intent intent, Access access) override;
  Status begin_statement_as_of(std::int64_t time_us, Access access) override;
  void renew_statement() override;
  void set_access(Access access) override { access_ = access; }
  Access access() const override { return access_; }
  Status end_statement(bool succeeded) override;
  bool in_statement() const override { return in_statement_; }
  Status commit() override {
    TransactionControl* self = this;
    return machine_->commit_together({&self, 1});
  }
  void rollback() override;
  Status lock_database() override;
  std::uint64_t floor() const override { return floor_; }
  Status check_floor() override;
  std::uint64_t spilled_bytes() const override { return changes_.filed_bytes(); }
  bool has_written() const override { return changes_.size() != 0; }
  std::size_t write_set_bytes() const override { return changes_.size(); }
  void set_audit(Bytes body) override { audit_ = body; }
  void set_wake(void (*wake)(void*), void* context) override { wake_ = wake; wake_context_ = context; }
  void share_locks_of(TransactionControl& other) override { owner_ = static_cast<Transaction&>(other).owner_; }
  LockOwner& lock_owner() override { return *owner_; }
  std::uint32_t lock_depth() const override { return lock_level(); }
  bool waits_for_lock() override;
  bool is_waited_for() override;
  Status check_deadlock() override;
  bool has_unchecked_keys(TableId table) const override;
  Status check_unique_keys(IsDue is_due, BrokenKey& broken) override;
  void stop_waiting() override;

  // --- View
  Result<std::uint64_t> row_count(TableId table) override;
  Result<std::uint64_t> block_count(TableId table) override;
  Result<TableStorage> table_storage(TableId table, Arena& arena) override;
  Result<std::uint64_t> database_bytes() override;
  Result<Scan*> open_scan(const ScanRequest& request, Arena& arena) override;
  Result<IndexScan*> open_index(TableId table, IndexId index, const KeyRange& range, bool backward, Arena& arena) override;
  Status probe(TableId table, IndexId index, std::span<const type::Vector> keys, type::Selection rows, Vec<std::uint64_t>& rowids,
               std::span<std::uint32_t> ends) override;
  Status fetch(TableId table, std::span<const std::uint64_t> rowids, std::span<const std::uint16_t> columns, Arena& arena,
               std::span<type::Vector> out) override;
  void renew_guard() override { machine_->objects().enter(*guard_); }
  void leave_guard() override { machine_->objects().leave(*guard_); }
  Status lock_table(TableId table, TableLock mode, LockWait wait) override;
  Status lock_for_statement(TableId table, TableLock mode) override;
  Status lock_definition(TableId table) override { return lock_for_change(table, TableLock::access_exclusive); }
  Status lock_rows(TableId table, std::span<const std::uint64_t> rowids, RowLock mode, RowWait wait, std::span<bool> taken) override;
  Result<std::uint64_t> insert(TableId table, std::span<const table::ColumnInput> columns, type::Selection rows, Conflict& conflict) override;
  Result<std::uint64_t> insert_unless(TableId table, std::span<const table::ColumnInput> columns, type::Selection rows,
                                      const Arbitration& arbitration, Conflict& conflict) override;
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
  void set_build_progress(BuildProgress* progress) override { build_progress_ = progress; }
  Oid new_oid() override { return machine_->draw_oid(); }
  DatabaseId database() const override { return lineage_->id(); }
  std::int64_t transaction_time() const override { return transaction_us_; }
  std::int64_t statement_time() const override { return statement_us_; }
  std::int64_t clock_time() override { return machine_->clock_us(); }

 private:
  friend MachineOf;
  using Layer = txn::Layer<ScopeOf>;
  /// A mark to go back to: a savepoint, or the running statement's start.
  struct Level { std::size_t changes_before; };
  /// What a table lock is known to be held at, so that it is asked for once.
  struct KnownLock { TableId table; TableLock mode; };

  /// A commit reads outside of statements.
  struct Guarded {
    explicit Guarded(Transaction& of) : transaction(of) { transaction.renew_guard(); }
    ~Guarded() { transaction.leave_guard(); }
    Transaction& transaction;
  };

  // transaction.inl.hpp
  bool is_stable() const { return options_.isolation >= Isolation::repeatable_read; }
  std::uint32_t depth() const { return static_cast<std::uint32_t>(levels_.size()) + 1; }  ///< the transaction itself is 1
  std::uint32_t lock_level() const { return depth() - (statement_level_ ? 1 : 0); }
  Status push_level();
  void pop_level(bool keep);
  void read_version(VersionOf* version);
  void forget_private();
  void forget_layers();
  void forget_suspects(PrivateOf& table, std::size_t at);
  PrivateOf* find_private(TableId table);
  Result<PrivateOf*> open_private(TableId table);
  Status stand_on_read_version(PrivateOf& table);
  Status apply(PrivateOf& table, std::size_t upto);
  Status spill(PrivateOf& table);
  void publish_spilled();
  Status settle(PrivateOf& table);
  Status apply_own(PrivateOf& table);
  Result<Layer*> own_layer(PrivateOf& table);
  Status decode(const RecordPlace& place, Change& change);
  // Commit, driven by Machine::commit_together.
  Status catch_up();
  Status build(ScopeOf& scope, Cell*& root);
  Status bring_to_tip(PrivateOf& table, ScopeOf& scope, Cell*& slot);
  bool take_turn() { return waiter_.owns || lineage_->turn().acquire(waiter_); }
  void give_turn() { if (waiter_.owns) lineage_->turn().release(waiter_); }
  void published(std::uint64_t log_end) { committed_ = floor_ = std::max(log_end, floor_); }
  /// 40001 when the transaction has read, or locked behind, what is lost.
  Status check_not_doomed();
  void end_transaction();

  // SERIALIZABLE: transaction_serializable.inl.hpp
  ReadSet* reads() { return options_.isolation == Isolation::serializable && in_statement_ && !is_as_of_ ? &reads_ : nullptr; }
  Status check_reads();
  Result<bool> reads_changed(const Change& change, const table::LayoutView& layout);

  // table_storage.inl.hpp
  Result<TableStorage> storage_of(Cell* table, Arena& arena);

  // transaction_read.inl.hpp
  Result<Cell*> committed(Cell* root, TableId table);
  Result<Cell*> table_to_read(TableId table);
  Result<const store::Image*> read_table(TableId table);
  Result<table::LayoutView> layout_of(const store::Image* table);

  // transaction_write.inl.hpp
  Status try_again();
  Status lock_for_reading(TableId table);
  Status lock_database_for_writing();
  LockResult request_lock(const LockTag& tag, std::uint16_t slot, std::uint8_t mode, LockWait wait);
  Result<bool> lock(const LockTag& tag, std::uint16_t slot, std::uint8_t mode, LockWait wait);
  LockTag tag_of(LockSpace space, std::uint32_t object, std::uint64_t place = 0) const { return {lineage_->id(), space, object, place}; }
  Status see_tip();
  Result<Cell*> tip_table(TableId table);
  Status lock_for_writing(TableId table, TableLock mode);
  Status lock_for_change(TableId table, TableLock mode);
  Result<const store::Image*> layout_table(PrivateOf& table);
  enum class Compare : std::uint8_t { same, changed, gone };
  Result<Compare> compare_row(const store::Image* ours, const store::Image* theirs, std::uint64_t rowid, bool keys_only);
  Status check_unchanged(TableId table, std::span<const std::uint64_t> rowids, RowLock mode, bool writes);
  Result<bool> may_have_changed(TableId table);
  Result<Compare> compare_with_tip(TableId table, std::uint64_t rowid);
  Status lock_free_rows(TableId table, std::span<const std::uint64_t> rowids, RowLock mode, std::span<bool> taken);
  Status lock_and_check_rows(TableId table, std::span<const std::uint64_t> rowids, RowLock mode);
  /// Whether the row is locked by this transaction as one that it writes.
  bool is_own_row(TableId table, std::uint64_t rowid);
  Status each_with_key(const store::Image* table, const table::LayoutView& layout, std::size_t position, const KeySet& keys,
                       std::size_t entry, FunctionRef<Result<bool>(std::uint64_t)> visit);
  Result<std::uint64_t> find_key(const store::Image* table, const table::LayoutView& layout, std::size_t position, const KeySet& keys, std::size_t entry);
  Result<bool> is_stale(PrivateOf& table, std::uint64_t rowid);
  Result<bool> is_in_the_way(PrivateOf& table, std::uint64_t rowid);
  Status check_new_keys(PrivateOf& table, const table::LayoutView& layout, std::span<const table::ColumnInput> columns,
                        type::Selection rows, const Arbitration* decided, Conflict& conflict);
  Result<std::uint64_t> record_insert(PrivateOf& table, const store::Image* image, std::span<const table::ColumnInput> columns,
                                      type::Selection rows);
  Status record(PrivateOf& table, std::size_t before, bool changes_layout);
  Status record_plain(PrivateOf& table, ChangeKind kind);
  Result<bool> changes_unique_keys(TableId table, const table::LayoutView& layout, std::span<const std::uint64_t> rowids,
                                   std::span<const table::ColumnInput> columns, type::Selection rows);
  Status update_keys(PrivateOf& table, std::span<const std::uint64_t> rowids, std::span<const table::ColumnInput> columns,
                     type::Selection rows, Conflict& conflict);
  Status change_layout(PrivateOf& table, const table::LayoutBuilder& layout, Conflict& conflict);
  Result<PrivateOf*> open_own_layer(TableId table);
  Result<PrivateOf*> open_for_change(TableId table, TableLock mode, table::LayoutBuilder& layout);

  // transaction_keys.inl.hpp
  struct TipIndex;
  struct WantedKey;
  struct SharedKeys;
  Result<TipIndex> tip_index(const PrivateOf& table, IndexId index);
  Result<std::uint64_t> find_in_tip(const TipIndex& tip, const KeySet& keys, const WantedKey& key);
  Status find_committed(PrivateOf& table, const TipIndex& tip, IndexId index, const KeySet& keys, std::span<WantedKey> wanted, bool locks);
  Status find_own(PrivateOf& table, std::size_t position, const KeySet& keys, std::span<WantedKey> wanted);
  Status wait_for_changes(TableId table, std::uint64_t rowid);
  Status wait_until_settled(const LockTag& tag, std::uint16_t slot, std::uint8_t mode);
  Status settle_committed(PrivateOf& table, const TipIndex& tip, IndexId index, const KeySet& keys, std::span<WantedKey> wanted,
                          const Arbitration* arbitration);
  template <class IsWanted>
  Status group_keys(const table::IndexLayout& index, KeySet& keys, Array<WantedKey>& wanted, IsWanted is_wanted);
  Conflict first_conflict(IndexId index, const KeySet& keys, std::span<const WantedKey> wanted);
  Status check_keys(PrivateOf& table, const table::LayoutView& layout, std::size_t position, KeySet& keys, bool looks_at_own,
                    Conflict& conflict);
  Status arbitrate(PrivateOf& table, const table::LayoutView& layout, std::size_t position, KeySet& keys,
                   const Arbitration& arbitration, SharedKeys* shared);
  // transaction_deferred.inl.hpp
  Status suspect_keys(PrivateOf& table, const table::LayoutView& layout, std::size_t position, KeySet& keys,
                      std::span<const std::uint64_t> rowids);
  Result<bool> is_key_of_other(PrivateOf& table, const TipIndex& tip, const KeySet& keys, std::size_t entry, std::uint64_t& row);
  template <class Edit>
  Status check_suspect(PrivateOf& table, Edit& edit, std::size_t position, const KeySet& keys, std::size_t entry, std::uint64_t rowid, bool& is_alone);
  template <class Edit>
  Status check_suspects(PrivateOf& table, Edit& edit, std::size_t position, BrokenKey& broken);
  Status interrupted() { return interrupts_ == nullptr ? ok() : interrupts_->check_interrupts(); }

  MachineOf* machine_;
  LineageOf* lineage_;
  PinSlot<typename Env::Alloc> pins_[2];   ///< the version that is read, and room for the next
  PinSlot<typename Env::Alloc> tip_pin_;   ///< of a statement that reads the past: that
  unsigned pin_ = 0;
  store::GuardSlot* guard_;
  TurnWaiter waiter_;
  LockOwner own_locks_;
  LockOwner* owner_ = &own_locks_;         ///< a session's transactions on two lineages share one
  void (*wake_)(void*) = nullptr;
  void* wake_context_ = nullptr;
  BeginOptions options_;
  bool active_ = false, in_statement_ = false, statement_level_ = false, pinned_ = false, has_locked_ = false, is_snapshot_ = false, is_as_of_ = false;
  Access access_ = Access::wait;
  Cell* root_ = nullptr;                   ///< of the version that is read
  Cell* tip_root_ = nullptr;               ///< of the tip as the running write call has seen it; null: not looked at
  std::uint64_t floor_ = 0, committed_ = 0, statement_ = 0;
  std::int64_t transaction_us_ = 0, statement_us_ = 0;
  ChangeList<typename Env::Storage> changes_;
  Bytes audit_;
  Array<std::uint32_t> spilled_;           ///< segments that hold objects of private tables
  std::size_t unspilled_ = 0;              ///< bytes of records that have been applied since the last one was written
  /// Under which the write set is in the log, and up to where; 0: it is not.
  std::uint64_t stream_ = 0, stream_end_ = 0;
  ReadSet reads_;
  Array<Level> levels_;
  Array<KnownLock> known_locks_;
  PrivateOf* private_ = nullptr;
  // The stamp of the catalog with the transaction's own changes: a number for each pair of the version's and the own one.
  std::uint64_t own_catalog_ = 0, own_catalog_before_ = 0, stamp_of_version_ = 0, stamp_of_own_ = 0, stamp_ = 0;
  Interrupts* interrupts_ = nullptr;
  BuildProgress* build_progress_ = nullptr;
  MemoryBudget scratch_budget_;
  Arena scratch_{scratch_budget_};         ///< for one call
};

}  // namespace spg::txn
