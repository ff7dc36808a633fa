// SessionImpl: the state of a session and the phases of its activity. The parts lie in session.cpp (life, the driver),
// transactions.cpp, cursors.cpp, statements.cpp (prepared statements, portals, planning), utility.cpp (what is not planned), session_explain.cpp, session_copy.cpp, session_backup.cpp.
//
//   start_query / start_execute / start_sync
//        -> next -> begin -> run -> finish -> commit -> await -> complete -> next ... -> done
// begin and run may hand the statement to a worker or ask for the turn; then it begins anew.
#pragma once
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "spg/catalog/notice.hpp"
#include "spg/catalog/ddl.hpp"
#include "spg/catalog/session.hpp"
#include "spg/db/activity.hpp"
#include "spg/db/copy.hpp"
#include "spg/db/instance.hpp"
#include "spg/db/ledger.hpp"
#include "spg/db/session.hpp"
#include "spg/db/settings.hpp"
#include "spg/exec/execution.hpp"
#include "spg/log/audit.hpp"
#include "spg/plan/explain.hpp"
#include "spg/plan/planner.hpp"
#include "spg/sql/parser.hpp"
#include "spg/sql/utility.hpp"
#include "cursors.hpp"
#include "system_tables.hpp"
#include "zones.hpp"

namespace spg::db {

struct ResultType { Oid type; std::int32_t typmod; };

/// A parsed statement with its plan: one of a simple query, a named or unnamed prepared one.
struct Prepared {
  Prepared(MemoryBudget& memory, std::size_t limit_bytes) : budget(limit_bytes, &memory), arena(budget), plan_arena(budget) {}
  MemoryBudget budget;
  Arena arena;               ///< text, tree, parameter types
  Arena plan_arena;          ///< dropped when the plan is made anew
  std::string name;
  std::string_view text;
  sql::RawStatement statement;   ///< tree null: an empty query
  bool standard_strings = true;  ///< as it was parsed
  std::span<const Oid> given_types;
  std::span<const Oid> parameter_types;      ///< once planned or analysed
  std::span<const plan::OutputColumn> outputs;
  std::span<const ResultType> outputs_of_client;   ///< of a named one, once planned: it may not change
  bool is_analyzed = false;
  bool is_for_cursor = false;
  const plan::Plan* plan = nullptr;
  const exec::CompiledPlan* compiled = nullptr;
  std::uint64_t plan_stamp = 0, plan_settings = 0;
};

/// Rows kept for later: what a suspended portal has not sent yet.
struct StoredRows {
  std::vector<type::Batch> batches;
  std::size_t batch = 0;
  std::uint32_t row = 0;
  bool is_filled = false;
};

struct Portal {
  Portal(MemoryBudget& memory, std::size_t limit_bytes) : budget(limit_bytes, &memory), arena(budget) {}
  MemoryBudget budget;
  Arena arena;               ///< parameters and stored rows
  std::string name;
  std::shared_ptr<Prepared> statement;
  std::span<type::Value> parameters;
  std::span<const std::int16_t> formats;
  StoredRows stored;
  bool is_done = false;
};

/// Rows of a batch from the `first`-th selected one on, flat, in the arena.
type::Batch copy_rows(const type::Batch& rows, std::uint32_t first, Arena& arena);

/// What SET CONSTRAINTS has said in a transaction.
struct ConstraintModes {
  struct One { IndexId index; bool deferred; };
  std::optional<bool> all;   ///< deferred; none: each as it was declared
  std::vector<One> named;    ///< since ALL
  bool is_deferred(IndexId index, table::Uniqueness unique) const;
};

/// Parameters of one COPY FROM STDIN in progress.
struct CopyIn;

/// Constant folding for the planner, by exec.
class Folder final : public plan::Evaluator {
 public:
  explicit Folder(const exec::ExecContext& context) : context_(context) {}
  Result<type::Value> evaluate(const plan::Expr& expr) override { return exec::evaluate_constant(expr, context_); }

 private:
  const exec::ExecContext& context_;
};

class SessionImpl final : public Session, public txn::Host, public exec::SessionFacts, public exec::TransactionFacts, public exec::SessionLocks, public catalog::NoticeSink,
                          public plan::CursorPlaces {
 public:
  SessionImpl(Instance& instance, std::string_view user, const LoginRole& role, std::string_view database, ResultSink& sink,
              std::unique_ptr<txn::TransactionControl> transaction, std::unique_ptr<txn::TransactionControl> shared);
  ~SessionImpl() override;
  Status start();

  // --- Session
  void set_wake(Wake wake, void* context) override;
  Status set_at_start(std::string_view name, std::string_view value) override;
  void report_settings() override;
  std::uint32_t process_id() const override { return process_id_; }
  std::uint32_t secret_key() const override { return secret_key_; }
  BlockStatus status() const override { return !in_block_ ? BlockStatus::idle : failed_ ? BlockStatus::failed : BlockStatus::block; }
  std::uint64_t floor() const override { return std::max(transaction_->floor(), shared_->floor()); }
  void let_caller_hold_replies() override { caller_holds_replies_ = true; }
  std::uint64_t reply_floor() const override { return reply_floor_; }
  void start_query(std::string_view text) override;
  Status start_execute(std::string_view portal, std::int64_t max_rows) override;
  void start_sync() override;
  Result<Progress> run(Where where) override;
  Status copy_data(Bytes bytes) override;
  void copy_done() override;
  Error copy_fail(std::string_view reason) override;
  Status parse(std::string_view name, std::string_view text, std::span<const std::uint32_t> types, Where where) override;
  Status bind(std::string_view portal, std::string_view statement, std::span<const ParameterInput> parameters,
              std::span<const std::int16_t> formats, Where where) override;
  Status describe_statement(std::string_view name, Where where) override;
  Status describe_portal(std::string_view name, Where where) override;
  void close_statement(std::string_view name) override;
  void close_portal(std::string_view name) override;
  void fail() override;
  std::uint64_t time_left_ns() const override;
  Result<std::uint64_t> idle_time_left_ns(bool begins) override;
  bool is_woken() const override { return is_woken_.load(std::memory_order_seq_cst); }
  bool copy_waits() const override;
  void cancel() override;
  void stop_waiting() override;

  // --- txn::Host
  Status check_interrupts() override;
  void fill_random(MutableBytes into) override { instance_.machine().fill_random(into); }
  void renew_guards() override;

  // --- exec::SessionFacts
  std::string_view current_user() override { return user_; }
  std::string_view session_user() override { return user_; }
  std::string_view database_name() override { return database_; }
  std::int32_t backend_pid() override { return static_cast<std::int32_t>(process_id_); }
  Result<std::optional<std::uint64_t>> database_bytes(DatabaseId database) override;
  std::span<const std::string_view> search_path() override;
  std::string_view setting(std::string_view name, Arena& arena) override;
  Result<std::string_view> set_setting(std::string_view name, std::string_view value, bool is_local, Arena& arena) override;

  // --- exec::TransactionFacts (transactions.cpp)
  Result<std::uint64_t> transaction_id(bool draw) override;
  Result<std::string_view> current_snapshot(Arena& arena) override;
  Result<Fate> transaction_fate(std::uint64_t number) override { return instance_.ledger().fate(number, floor()); }
  std::uint64_t log_position(LogEnd end) override;
  Result<std::optional<CommitTime>> commit_time(std::uint32_t xid) override;
  Result<std::optional<CommitTime>> last_commit() override;

  // --- exec::SessionLocks (session_locks.cpp)
  Result<bool> advisory_lock(const Advisory& lock, bool wait) override;
  bool advisory_unlock(const Advisory& lock) override;
  void advisory_unlock_all() override;
  void blocking_pids(std::int32_t pid, spg::FunctionRef<void(std::int32_t)> visit) override;
  // --- plan::CursorPlaces
  Result<std::uint64_t> current_row(std::string_view cursor, Oid relation, std::string_view relation_name) override;

  // --- catalog::NoticeSink
  void send(const catalog::Notice& notice) override;

 private:
  enum class Phase : std::uint8_t { idle, next, begin, run, copy_end, finish, commit, await, complete };
  enum class ClientActivity : std::uint8_t { none, query, execute, sync };
  struct Savepoint { std::string name; std::uint32_t depth, shared_depth; std::size_t settings_mark; bool read_only; ConstraintModes constraint_modes; log::AuditText::Mark audit_mark; };

  void set_access(store::Access access) {
    transaction_->set_access(access);
    shared_->set_access(access);
  }
  // session.cpp
  Result<Progress> step(Where where);
  void wake_up();
  // session_locks.cpp
  Progress wait_for_lock();
  void begin_lock_wait();
  Result<bool> still_waits();
  void settle_advisory_locks();
  Status run_lock(const sql::Lock& lock, Where where);
  void statement_failed();
  Status check_floor();
  void end_activity();
  void warn(Sqlstate code, std::string_view message);
  const type::TextSettings& text_settings();
  void apply_settings();
  void start_statement_clock();
  void tell_begin();
  void tell_end();
  void tell_wait(Progress progress);
  void start_answer();

  // transactions.cpp
  Status begin_transaction();
  Status begin_statement(txn::Intent intent, Where where, const sql::RawStatement* statement = nullptr);
  Result<std::int64_t> as_of_time(const sql::Literal& as_of, std::string_view text);
  void end_statement(bool succeeded);
  void note_reading();
  void end_number(bool committed, bool wrote, bool wrote_shared);
  std::size_t written_bytes() const { return transaction_->write_set_bytes() + shared_->write_set_bytes(); }
  Status audit_statement();
  Status describe_for_audit();
  Status commit_transaction();
  void abort_transaction();
  void forget_portals();
  Status lock_database();
  Status start_block(const sql::Transaction& statement);
  Status chain_block(const txn::BeginOptions& modes);
  Status roll_back(bool chain);
  Result<std::size_t> find_savepoint(std::string_view name);
  Status run_savepoint_statement(const sql::Transaction& statement);
  Status run_transaction_statement(const sql::Transaction& statement);
  Status set_transaction_modes(const sql::TransactionModes& modes);
  void set_read_only(bool read_only);
  void show_transaction_modes();
  static bool is_transaction_setting(std::string_view name);
  Status set_transaction_setting(std::string_view name, std::string_view value);
  static bool is_forbidden_in_read_only(const sql::Statement& statement);
  Status check_read_only(std::string_view command);
  Status check_read_only(const Prepared& prepared);
  bool is_allowed_in_failed_block(const sql::Statement& statement) const;

  // constraints.cpp
  Status run_set_constraints(const sql::SetConstraints& set, Where where);
  enum class Checked : std::uint8_t { done, waits, wants_worker };
  Result<Checked> check_constraints(bool at_commit, Where where);
  Error broken_key(const txn::BrokenKey& broken);

  // statements.cpp
  Status next_statement();
  Result<std::shared_ptr<Prepared>> make_prepared(std::string_view text, std::span<const std::uint32_t> types);
  Status keep_outputs(Prepared& prepared);
  Status plan(Prepared& prepared);
  Status analyze(Prepared& prepared, Where where);
  Status begin_run(Where where, bool& move_to_worker);
  Result<bool> run_some(Where where);
  Status leave_guards();
  Status send_stored_rows();
  Status send_rows(const type::Batch& batch);
  Result<bool> send_until_full();
  Status store_rest(const type::Batch& batch, std::uint32_t from);
  void set_tag(std::string_view verb, std::uint64_t rows, bool with_rows);
  Status describe_result(const Prepared& prepared, std::span<const std::int16_t> formats);
  plan::PlanContext plan_context(std::string_view text);
  exec::ExecContext context(Arena& arena, std::span<const type::Value> parameters);
  Result<type::Value> parameter_value(const ParameterInput& input, Oid type, std::size_t number, Arena& arena);
  Status open_execution(const exec::CompiledPlan& compiled, std::span<const type::Value> parameters);
  std::shared_ptr<Prepared> find_prepared(std::string_view name);

  // session_backup.cpp
  Status start_backup(const sql::Backup& backup);
  Result<bool> backup_some();
  void tell_backup(bool is_done);

  // utility.cpp
  Status run_utility(const sql::Statement& statement, Where where);
  Result<type::Value> evaluate_default(const sql::Expr& expr, Oid type, std::int32_t typmod);
  Status create_view(catalog::DdlContext& ddl, const sql::CreateView& statement);
  /// What came of look-ups in the catalog, unless one could not read (a cold page): then that, and not what the binder
  /// took it for ("does not exist").
  template <class T>
  Result<T> unless_unread(Result<T> made) {
    Status unread = catalog_.take_error();
    if (unread) return unread;
    return made;
  }
  Result<const catalog::Relation*> require_table(const sql::TableRef& table);
  Status run_vacuum(const sql::Vacuum& vacuum, Where where);
  Status check_default(const sql::Expr& expr, std::string_view column, Oid type, std::int32_t typmod);
  Status run_discard(const sql::Discard& discard);
  Result<std::span<const plan::OutputColumn>> show_columns(std::string_view name);
  static bool returns_rows(const Prepared& prepared);
  static txn::Intent intent_of(const sql::Statement& statement);
  static bool may_write(const sql::Statement& statement) { return intent_of(statement) == txn::Intent::write; }
  Status run_set(const sql::Set& set);
  Status run_show(std::string_view name);
  Result<std::span<const type::Value>> execute_parameters(const sql::Execute& execute, const Prepared& prepared);
  Status run_prepare(const sql::Prepare& prepare, Where where);
  Status run_execute(const sql::Execute& execute, Where where);
  Status send_text_rows(std::span<const plan::OutputColumn> columns, std::span<const std::string_view> values);

  // session_explain.cpp
  struct ExplainRequest;
  Result<ExplainRequest> explain_request(const sql::Explain& explain);
  std::span<const plan::ExplainSetting> changed_planner_settings(Arena& arena) const;
  Result<const plan::Plan*> plan_explained(const sql::Statement& query, std::span<const type::Value>& parameters);
  Status run_measured(const plan::Plan& plan, std::span<const type::Value> parameters, plan::ExplainOptions& options);
  Status run_explain(const sql::Explain& explain);
  static plan::OutputColumn explain_column();
  void apply_log_settings();
  exec::Measures* log_measures(const exec::CompiledPlan& compiled);
  void keep_logged_plan();
  void log_duration();

  // cursors.cpp
  Status run_declare(const sql::DeclareCursor& declare, Where where);
  Status make_cursor_query(Cursor& cursor, const sql::Select& select);
  Status open_cursor(Cursor& cursor, Where where);
  Result<bool> pull(Cursor& cursor);
  Status start_again(Cursor& cursor);
  Status pull_all(Cursor& cursor);
  Result<bool> reach(Cursor& cursor, std::uint64_t row, Where where);
  Status run_close(const sql::Close& close);
  Status run_fetch(const sql::Fetch& fetch, Where where);
  Status place_fetch(const sql::Fetch& fetch, Where where);
  static Error only_forward();
  Status skip_rows(bool forward, std::uint64_t count, Where where);
  Result<bool> take_row(std::uint64_t number, type::Batch& row);
  Result<bool> look_again(const type::Batch& batch, std::uint32_t slot, type::Batch& row);
  Status send_fetched(type::Batch rows);
  Status send_kept(const KeptRows& kept, std::uint64_t from, bool forward);
  Result<bool> fetch_some(Where where);
  static void forget_rows(Cursor& cursor, std::uint64_t before);
  Status hold_cursors(Where where);
  void end_cursors(bool committed);
  void end_cursors_of_savepoint(std::size_t savepoint, bool keep);
  Status check_not_in_use(const sql::Statement& statement);

  // session_copy.cpp
  Status start_copy(const sql::Copy& copy);
  Status start_copy_from(const sql::Copy& copy, const CopyFormat& format);
  Status start_copy_to(const sql::Copy& copy, const CopyFormat& format);
  Status copy_rows_out(const type::Batch& batch);
  Status insert_copied(bool at_end);
  Result<bool> insert_blocked(bool at_end);

  Instance& instance_;
  ResultSink& sink_;
  std::string user_, database_;
  LoginRole role_;
  std::unique_ptr<txn::TransactionControl> transaction_, shared_;
  MemoryBudget memory_;
  catalog::SessionCatalog catalog_;
  Settings settings_;
  CursorMap cursors_;
  SystemTables virtual_tables_{catalog_, settings_, cursors_, instance_, role_};
  Zones zones_{instance_.zone_files()};
  type::TextSettings text_settings_;
  std::uint64_t settings_seen_ = 0;
  /// What every statement asks of the settings, read once per change.
  struct {
    std::int64_t statement_timeout_ms = 0;
    std::size_t statement_memory_bytes = SIZE_MAX;
    std::int64_t deadlock_timeout_ms = 1000, lock_timeout_ms = 0;
    std::int64_t idle_session_timeout_ms = 0, idle_in_transaction_timeout_ms = 0, idle_blocker_timeout_ms = 0;
    bool synchronous_commit = true, standard_strings = true, tells_activity = true;
    txn::BeginOptions begin;
  } hot_settings_;
  struct {
    bool is_on = false;                     ///< anything could be logged
    bool analyzes = false;
    std::int64_t min_duration_ms = -1, min_sample_ms = -1, min_explained_ms = -1;
    double sample_rate = 1;
  } log_settings_;
  std::uint64_t statement_started_ns_ = 0;  ///< 0: nobody wants to know
  std::span<plan::NodeCounters> log_counters_;
  exec::Measures log_measures_;
  std::string logged_plan_;                 ///< of the running statement, for the log: lines that begin with a line end
  std::shared_ptr<Prepared> explained_;     ///< whose plan EXPLAIN EXECUTE shows
  std::vector<std::string> path_;
  std::vector<std::string_view> path_views_;
  std::uint32_t process_id_ = 0, secret_key_ = 0;
  Activity activity_told_;                  ///< what others are told
  std::atomic<bool> cancelled_{false};
  std::atomic<bool> is_woken_{false};       ///< something that was waited for may have come since the last run()
  struct {
    bool is_waiting = false;
    std::uint64_t deadlock_check_ns = 0, deadline_ns = 0;  ///< 0: no more
  } lock_wait_;
  /// Advisory locks that the running statement has taken. What an attempt took that had to wait is the next one's.
  std::vector<txn::LockTag> advisory_taken_, advisory_carried_;
  std::uint64_t idle_since_ns_ = 0;
  std::uint64_t blocks_since_ns_ = 0;       ///< since when others are known to wait for what it holds while idle; 0: they do not
  bool is_busy_ = false;                    ///< between a client's message and the end of what it began: can be cancelled
  bool caller_holds_replies_ = false;
  std::uint64_t reply_floor_ = 0;
  std::uint64_t deadline_ns_ = 0;           ///< 0: none, or no statement runs
  Wake wake_ = nullptr;
  void* wake_context_ = nullptr;

  // transaction block
  bool in_block_ = false, failed_ = false, implicit_block_ = false;
  bool ends_block_ = false;                 ///< COMMIT runs
  bool chains_ = false;                     ///< ... AND CHAIN
  txn::BeginOptions begin_modes_;           ///< what the running transaction began with, before any SET
  Ledger::Reading reading_;                 ///< what the statement sees, or the transaction from REPEATABLE READ on
  std::string snapshot_;                    ///< the same for those who asked: a pg_snapshot's body, or empty
  bool modes_shown_ = false;
  txn::BeginOptions shown_modes_;           ///< what the settings transaction_isolation and kin show
  bool writes_shared_ = false;              ///< the statement changes roles or databases
  std::vector<Savepoint> savepoints_;
  log::AuditText audit_text_;               ///< the statements of the transaction that have written
  RecordBuffer audit_body_;                 ///< the same for the commit that runs
  std::size_t written_before_ = 0;          ///< bytes of the write sets when the statement began
  ConstraintModes constraint_modes_;

  // activity
  ClientActivity activity_ = ClientActivity::none;
  Phase phase_ = Phase::idle;
  MemoryBudget query_budget_;
  Arena query_arena_;                       ///< text and trees of a simple query
  Vec<sql::RawStatement> statements_;
  std::string_view query_text_;
  std::size_t next_statement_ = 0;
  bool query_standard_strings_ = true;
  bool wait_for_worker_ = false;            ///< the statement runs where it may wait

  // the running statement
  MemoryBudget statement_budget_;
  Arena statement_arena_;
  std::shared_ptr<Prepared> stated_;   ///< the statement that runs, as the client gave it: where a re-run starts
  std::shared_ptr<Prepared> current_;  ///< the same, or what EXECUTE or COPY (query) TO runs in its place
  Portal* portal_ = nullptr;
  std::span<const type::Value> parameters_;
  std::span<const std::int16_t> formats_;
  exec::Execution execution_;
  std::uint64_t rows_sent_ = 0;
  type::Batch unsent_;                      ///< of the running statement, once the sink was full in the middle of it
  std::uint32_t unsent_from_ = 0;
  MemoryBudget unsent_budget_;
  bool unsent_is_kept_ = false;
  Arena unsent_arena_;                      ///< then holds the rows of unsent_ while the client is waited for
  std::int64_t max_rows_ = 0;
  bool sends_description_ = false, is_suspended_ = false;
  char tag_[96];
  std::size_t tag_size_ = 0;
  std::size_t sink_mark_ = 0;

  std::map<std::string, std::shared_ptr<Prepared>, std::less<>> prepared_;
  std::map<std::string, std::unique_ptr<Portal>, std::less<>> portals_;

  /// FETCH or MOVE: where it is, how many rows it still wants and how many it has had. The cursor is moved at its end.
  struct { Cursor* cursor = nullptr; std::uint64_t position = 0, left = 0; bool is_forward = true, is_move = false; std::uint64_t moved = 0; } fetch_;
  bool is_analyzing_ = false;               ///< what is planned now will not run now

  std::unique_ptr<txn::BackupJob> backup_;  ///< the running statement is BACKUP
  std::uint64_t backup_told_ns_ = 0;
  std::unique_ptr<CopyIn> copy_in_;
  std::unique_ptr<CopyFormat> copy_out_format_;
  ByteBuffer copy_line_;
};

}  // namespace spg::db
