// Transactions of a session: blocks, savepoints, their characteristics.
#include "session_impl.hpp"
#include "spg/sql/redact.hpp"
#include "spg/type/datetime.hpp"
#include "spg/type/datetime_math.hpp"

namespace spg::db {

Status SessionImpl::begin_transaction() {
  if (transaction_->is_active()) return ok();
  apply_settings();
  txn::BeginOptions options = hot_settings_.begin;
  options.is_block = in_block_;
  SPG_TRY(transaction_->begin(options));
  activity_told_.set_transaction_start(transaction_->transaction_time());
  begin_modes_ = options;
  audit_text_.clear();
  show_transaction_modes();
  return shared_->begin({});
}

/// The moment that AS OF SYSTEM TIME names. An interval counts back from now, with a minus or without.
Result<std::int64_t> SessionImpl::as_of_time(const sql::Literal& as_of, std::string_view text) {
  const type::TextSettings& settings = text_settings();
  const std::int64_t now = instance_.machine().clock_us();
  const auto at = [&](Error error) { return std::move(error).at(sql::char_position(text, static_cast<std::size_t>(as_of.at))); };
  auto time = type::parse_timestamptz(as_of.text, settings);
  if (!time) {
    auto interval = type::parse_interval(as_of.text, settings);
    if (!interval) return at(Error::make(sqlstate::invalid_datetime_format, "AS OF SYSTEM TIME \"", as_of.text, "\" is neither a timestamp nor an interval"));
    time = type::timestamptz_add(now, *interval, *settings.zone);
    if (!time) return at(time.take_error());
    if (*time > now) {
      SPG_ASSIGN(const type::Interval back, type::interval_neg(*interval));
      SPG_ASSIGN(*time, type::timestamptz_add(now, back, *settings.zone));
    }
  }
  if (*time > now) return at(Error::make(sqlstate::invalid_parameter_value, "AS OF SYSTEM TIME cannot name a time in the future"));
  return *time;
}

/// Opens the statement on both lineages. "Must wait" leaves neither open.
Status SessionImpl::begin_statement(txn::Intent intent, Where where, const sql::RawStatement* statement) {
  SPG_TRY(begin_transaction());
  const bool keeps_reading = transaction_->has_snapshot() && transaction_->options().isolation >= txn::Isolation::repeatable_read;
  const auto access = where == Where::reactor ? store::Access::no_wait : store::Access::wait;
  if (statement != nullptr && statement->as_of != nullptr) {
    if (intent != txn::Intent::read) return Error::make(sqlstate::feature_not_supported, "AS OF SYSTEM TIME is only for statements that do nothing but read");
    SPG_ASSIGN(const std::int64_t time, as_of_time(*statement->as_of, current_ != nullptr ? current_->text : std::string_view{}));
    SPG_TRY(transaction_->begin_statement_as_of(time, access));
  } else {
    SPG_TRY(transaction_->begin_statement(intent, access));
  }
  if (!keeps_reading) note_reading();
  Status failed = shared_->begin_statement(intent == txn::Intent::write && writes_shared_ ? intent : txn::Intent::read, access);
  if (failed) (void)transaction_->end_statement(false);
  written_before_ = written_bytes();
  return failed;
}

/// The statement has succeeded: one that has changed anything is told of in the audit log, as it was parsed and without its
/// passwords; what EXECUTE ran as it was prepared, so that parameters are told in no form.
Status SessionImpl::audit_statement() {
  if (!instance_.machine().is_audited() || !transaction_->is_active() || stated_ == nullptr || written_bytes() <= written_before_) return ok();
  const bool runs_other = stated_->statement.tree != nullptr && stated_->statement.tree->kind == sql::NodeKind::execute && current_ != nullptr;
  const Prepared& prepared = runs_other ? *current_ : *stated_;
  sql::ParseOptions options;
  options.standard_conforming_strings = prepared.standard_strings;
  MemoryBudget budget(SIZE_MAX, &memory_);
  Arena arena(budget);
  SPG_TRY(audit_text_.add(sql::redacted_text(arena, prepared.text, prepared.statement, options)));
  written_before_ = written_bytes();  // what checks it may wait, and come here again
  return budget.check();
}

Status SessionImpl::describe_for_audit() {
  if (!instance_.machine().is_audited()) return ok();
  audit_body_.clear();
  SPG_TRY(audit_text_.write_body(user_, database_, audit_body_));
  transaction_->set_audit(audit_body_.bytes());
  return ok();
}

/// Remembers what the statement that has just begun reads. It costs no more than that, until somebody asks.
void SessionImpl::note_reading() {
  // After the version has been pinned: what has ended by then with nothing written counts as seen.
  reading_ = {instance_.ledger().now(), transaction_->database(), transaction_->floor()};
  snapshot_.clear();
}

void SessionImpl::end_statement(bool succeeded) {
  if (transaction_->in_statement()) (void)transaction_->end_statement(succeeded);
  if (shared_->in_statement()) (void)shared_->end_statement(succeeded);
}

Status SessionImpl::commit_transaction() {
  if (!transaction_->is_active()) return ok();
  const bool wrote = transaction_->has_written(), wrote_shared = shared_->has_written();
  if ((wrote || wrote_shared) && instance_.ledger().keeps_commit_times()) SPG_TRY(transaction_id(true).status());
  if (wrote || wrote_shared) SPG_TRY(describe_for_audit());
  // The shared lineage goes second (DESIGN 1.6).
  txn::TransactionControl* const both[] = {transaction_.get(), shared_.get()};
  Status failed = instance_.machine().commit_together(both);
  if (failed.is_must_wait() || failed.is_would_block()) return failed;
  end_number(!failed, wrote, wrote_shared);
  if (failed) settings_.undo_to(0);
  else settings_.commit();
  constraint_modes_ = {};
  savepoints_.clear();
  forget_portals();
  end_cursors(!failed);
  return failed;
}

void SessionImpl::abort_transaction() {
  end_statement(false);
  if (transaction_->is_active()) transaction_->rollback();
  if (shared_->is_active()) shared_->rollback();
  end_number(false, false, false);
  settings_.undo_to(0);
  constraint_modes_ = {};
  savepoints_.clear();
  forget_portals();
  end_cursors(false);
}

void SessionImpl::forget_portals() {
  portal_ = nullptr;
  portals_.clear();
}

/// BEGIN IMMEDIATE and EXCLUSIVE, as SQLite has them: nobody else writes to the database until the block ends.
Status SessionImpl::lock_database() {
  SPG_TRY(begin_transaction());
  return transaction_->lock_database();
}

Status SessionImpl::start_block(const sql::Transaction& statement) {
  if (statement.begin_mode != sql::BeginMode::plain) SPG_TRY(lock_database());
  if (in_block_ && !implicit_block_) {
    warn(sqlstate::active_sql_transaction, "there is already a transaction in progress");
    return set_transaction_modes(statement.modes);
  }
  in_block_ = true;
  implicit_block_ = false;
  failed_ = false;
  SPG_TRY(begin_transaction());
  return set_transaction_modes(statement.modes);
}

/// The modes' rules are those of PostgreSQL's settings transaction_isolation and kin.
Status SessionImpl::set_transaction_modes(const sql::TransactionModes& modes) {
  txn::BeginOptions options = transaction_->options();
  options.is_block = in_block_;
  const bool has_read = transaction_->has_snapshot(), is_nested = !savepoints_.empty();
  if (modes.isolation != sql::Isolation::unspecified) {
    const auto isolation = static_cast<txn::Isolation>(static_cast<int>(modes.isolation) - 1);
    if (isolation != options.isolation && has_read)
      return Error::make(sqlstate::active_sql_transaction, "SET TRANSACTION ISOLATION LEVEL must be called before any query");
    if (isolation != options.isolation && is_nested)
      return Error::make(sqlstate::active_sql_transaction, "SET TRANSACTION ISOLATION LEVEL must not be called in a subtransaction");
    options.isolation = isolation;
  }
  if (modes.read_only != sql::Toggle::unspecified) {
    const bool read_only = modes.read_only == sql::Toggle::on;
    if (!read_only && instance_.machine().is_read_only())
      return Error::make(sqlstate::feature_not_supported, "cannot set transaction read-write mode: the database was opened to be read");
    if (options.read_only && !read_only && is_nested)
      return Error::make(sqlstate::active_sql_transaction, "cannot set transaction read-write mode inside a read-only transaction");
    if (options.read_only && !read_only && has_read)
      return Error::make(sqlstate::active_sql_transaction, "transaction read-write mode must be set before any query");
    options.read_only = read_only;
  }
  if (modes.deferrable != sql::Toggle::unspecified) {
    if (is_nested) return Error::make(sqlstate::active_sql_transaction, "SET TRANSACTION [NOT] DEFERRABLE cannot be called within a subtransaction");
    if (has_read) return Error::make(sqlstate::active_sql_transaction, "SET TRANSACTION [NOT] DEFERRABLE must be called before any query");
    options.deferrable = modes.deferrable == sql::Toggle::on;
  }
  transaction_->set_options(options);
  show_transaction_modes();
  return ok();
}

void SessionImpl::set_read_only(bool read_only) {
  txn::BeginOptions options = transaction_->options();
  options.read_only = read_only;
  transaction_->set_options(options);
  show_transaction_modes();
}

/// Keeps what SHOW transaction_isolation and kin answer: the running transaction's, or what the next one begins with.
void SessionImpl::show_transaction_modes() {
  const txn::BeginOptions& now = transaction_->is_active() ? transaction_->options() : hot_settings_.begin;
  if (modes_shown_ && now.isolation == shown_modes_.isolation && now.read_only == shown_modes_.read_only && now.deferrable == shown_modes_.deferrable) return;
  static constexpr std::string_view levels[] = {"read uncommitted", "read committed", "repeatable read", "serializable"};
  settings_.show("transaction_isolation", levels[static_cast<std::size_t>(now.isolation)]);
  settings_.show("transaction_read_only", now.read_only ? "on" : "off");
  settings_.show("transaction_deferrable", now.deferrable ? "on" : "off");
  shown_modes_ = now;
  modes_shown_ = true;
}

/// Whether the setting is one of the running transaction, which is set by set_transaction_setting().
bool SessionImpl::is_transaction_setting(std::string_view name) {
  const SettingInfo* info = find_setting(name);
  return info != nullptr && (info->name == "transaction_isolation" || info->name == "transaction_read_only" || info->name == "transaction_deferrable");
}

/// SET transaction_isolation = .. is SET TRANSACTION; outside of a block it holds for the statement itself, that is, not.
Status SessionImpl::set_transaction_setting(std::string_view name, std::string_view value) {
  const SettingInfo& info = *find_setting(name);
  SPG_ASSIGN(const std::string made, canonical_setting(info, value, {}));
  const std::string_view canonical = made;
  sql::TransactionModes modes;
  const sql::Toggle toggle = canonical == "on" ? sql::Toggle::on : sql::Toggle::off;
  if (info.name == "transaction_read_only") modes.read_only = toggle;
  else if (info.name == "transaction_deferrable") modes.deferrable = toggle;
  else modes.isolation = canonical == "serializable" ? sql::Isolation::serializable : canonical == "repeatable read" ? sql::Isolation::repeatable_read
                         : canonical == "read uncommitted" ? sql::Isolation::read_uncommitted : sql::Isolation::read_committed;
  if (in_block_) SPG_TRY(begin_transaction());
  return transaction_->is_active() ? set_transaction_modes(modes) : ok();
}

// --- the ledger -----------------------------------------------------------------------------------------------------

Result<std::uint64_t> SessionImpl::transaction_id(bool draw) {
  std::uint64_t& number = transaction_->lock_owner().transaction;
  draw = draw || transaction_->has_written() || shared_->has_written();
  Result<std::uint64_t> found = std::uint64_t{0};
  instance_.machine().with_locks([&](txn::LockTable& locks) {  // others may draw it, too
    if (number == 0 && (draw || locks.has_rows(transaction_->lock_owner()))) found = instance_.ledger().draw();
    else found = number;
    if (found) number = *found;
  });
  return found;
}

/// The transaction has ended: its number, if one has been drawn, is said to have. It has no locks any more for which others
/// would look at it or draw it.
void SessionImpl::end_number(bool committed, bool wrote, bool wrote_shared) {
  std::uint64_t& number = transaction_->lock_owner().transaction;
  if (number == 0) return;
  Ledger::End how{committed, transaction_->database(), 0};
  if (wrote) how.position = transaction_->floor();
  else if (wrote_shared) how = {committed, DatabaseId::shared, shared_->floor()};
  const std::uint64_t ended = number;
  instance_.machine().with_locks([&](txn::LockTable&) { number = 0; });  // advisory locks of the session may be looked at
  instance_.ledger().end(ended, how);
}

Result<std::string_view> SessionImpl::current_snapshot(Arena& arena) {
  if (snapshot_.empty()) {
    std::uint64_t own = 0;
    instance_.machine().with_locks([&](txn::LockTable&) { own = transaction_->lock_owner().transaction; });
    SPG_ASSIGN(const std::string_view made, instance_.ledger().snapshot(reading_, own, arena));
    snapshot_ = made;
  }
  return arena.copy(snapshot_);
}

/// Positions of one epoch differ by bytes of the log. The next epoch goes on where the durable log ended, which lies behind
/// what was appended by less than the 2^32 that it adds: the sum always grows.
std::uint64_t SessionImpl::log_position(LogEnd end) {
  const Lsn lsn = instance_.machine().log_end(end == LogEnd::durable);
  return (std::uint64_t{lsn.epoch} << 32) + lsn.counter;
}

namespace {
Status commit_times_kept(const Ledger& ledger) {
  if (ledger.keeps_commit_times()) return ok();
  return Error::make(sqlstate::object_not_in_prerequisite_state, "could not get commit timestamp data")
      .hint("Make sure the configuration parameter \"track_commit_timestamp\" is set.");
}
}  // namespace

Result<std::optional<exec::TransactionFacts::CommitTime>> SessionImpl::commit_time(std::uint32_t xid) {
  if (xid == 0) return Error::make(sqlstate::invalid_parameter_value, "cannot retrieve commit timestamp for transaction 0");
  if (xid < Ledger::first_normal) return std::optional<CommitTime>();
  SPG_TRY(commit_times_kept(instance_.ledger()));
  return instance_.ledger().commit_time(xid);
}
Result<std::optional<exec::TransactionFacts::CommitTime>> SessionImpl::last_commit() {
  SPG_TRY(commit_times_kept(instance_.ledger()));
  return instance_.ledger().last_commit();
}

/// AND CHAIN: a block like the one that has just ended.
Status SessionImpl::chain_block(const txn::BeginOptions& modes) {
  in_block_ = true;
  SPG_TRY(begin_transaction());
  transaction_->set_options(modes);
  begin_modes_ = modes;
  show_transaction_modes();
  return ok();
}

Result<std::size_t> SessionImpl::find_savepoint(std::string_view name) {
  for (std::size_t i = savepoints_.size(); i-- > 0;)
    if (savepoints_[i].name == name) return i;
  return Error::make(sqlstate::s_e_invalid_specification, "savepoint \"", name, "\" does not exist");
}

Status SessionImpl::run_savepoint_statement(const sql::Transaction& statement) {
  using sql::TransactionAction;
  if (!in_block_ || implicit_block_) {
    const std::string_view what = statement.action == TransactionAction::savepoint ? "SAVEPOINT"
                                  : statement.action == TransactionAction::release ? "RELEASE SAVEPOINT" : "ROLLBACK TO SAVEPOINT";
    return Error::make(sqlstate::no_active_sql_transaction, what, " can only be used in transaction blocks");
  }
  if (statement.action == TransactionAction::savepoint) {
    SPG_ASSIGN(const std::uint32_t depth, transaction_->savepoint());
    SPG_ASSIGN(const std::uint32_t shared_depth, shared_->savepoint());
    savepoints_.push_back({std::string(statement.name), depth, shared_depth, settings_.mark(), transaction_->options().read_only, constraint_modes_, audit_text_.mark()});
    return ok();
  }
  SPG_ASSIGN(const std::size_t at, find_savepoint(statement.name));
  const Savepoint& mark = savepoints_[at];
  // READ ONLY set since the savepoint ends with it, either way.
  set_read_only(mark.read_only);
  if (statement.action == TransactionAction::release) {
    SPG_TRY(transaction_->release(mark.depth));
    SPG_TRY(shared_->release(mark.shared_depth));
    end_cursors_of_savepoint(at, true);
    savepoints_.resize(at);
    return ok();
  }
  forget_portals();
  end_cursors_of_savepoint(at, false);
  SPG_TRY(transaction_->rollback_to(mark.depth));
  SPG_TRY(shared_->rollback_to(mark.shared_depth));
  settings_.undo_to(mark.settings_mark);
  constraint_modes_ = mark.constraint_modes;
  audit_text_.back_to(mark.audit_mark);
  savepoints_.resize(at + 1);
  failed_ = false;
  apply_settings();
  return ok();
}

/// ROLLBACK, and COMMIT of a failed block.
Status SessionImpl::roll_back(bool chain) {
  // As in PostgreSQL, what was SET in a block that has failed is undone by then.
  const txn::BeginOptions modes = failed_ && savepoints_.empty() ? begin_modes_ : transaction_->options();
  in_block_ = implicit_block_ = failed_ = false;
  abort_transaction();
  // What a block has told was provisional.
  (void)check_floor();
  apply_settings();
  return chain ? chain_block(modes) : ok();
}

Status SessionImpl::run_transaction_statement(const sql::Transaction& statement) {
  using sql::TransactionAction;
  const bool is_explicit = in_block_ && !implicit_block_;
  if (statement.chain && !is_explicit)
    return Error::make(sqlstate::no_active_sql_transaction, statement.action == TransactionAction::commit ? "COMMIT" : "ROLLBACK",
                       " AND CHAIN can only be used in transaction blocks");
  switch (statement.action) {
    case TransactionAction::begin: case TransactionAction::start: return start_block(statement);
    case TransactionAction::commit:
      if (!is_explicit) warn(sqlstate::no_active_sql_transaction, "there is no transaction in progress");
      if (failed_) {
        set_tag("ROLLBACK", 0, false);
        return roll_back(statement.chain);
      }
      ends_block_ = true;
      chains_ = statement.chain;
      return ok();
    case TransactionAction::rollback:
      if (!is_explicit) warn(sqlstate::no_active_sql_transaction, "there is no transaction in progress");
      return roll_back(statement.chain);
    case TransactionAction::savepoint: case TransactionAction::release: case TransactionAction::rollback_to: return run_savepoint_statement(statement);
    case TransactionAction::prepare:
      if (is_explicit && !failed_) {
        in_block_ = false;
        return Error::make(sqlstate::object_not_in_prerequisite_state, "prepared transactions are disabled")
            .hint("Set max_prepared_transactions to a nonzero value.");
      }
      if (!is_explicit) warn(sqlstate::no_active_sql_transaction, "there is no transaction in progress");
      set_tag("ROLLBACK", 0, false);
      return roll_back(false);
    case TransactionAction::commit_prepared: case TransactionAction::rollback_prepared: break;
  }
  if (in_block_)
    return Error::make(sqlstate::active_sql_transaction, statement.action == TransactionAction::commit_prepared ? "COMMIT" : "ROLLBACK",
                       " PREPARED cannot run inside a transaction block");
  return Error::make(sqlstate::undefined_object, "prepared transaction with identifier \"", statement.name, "\" does not exist");
}

bool SessionImpl::is_allowed_in_failed_block(const sql::Statement& statement) const {
  const auto* transaction = sql::as<sql::Transaction>(&statement);
  if (transaction == nullptr) return false;
  using sql::TransactionAction;
  switch (transaction->action) {
    case TransactionAction::commit: case TransactionAction::rollback: case TransactionAction::rollback_to: case TransactionAction::prepare: return true;
    default: return false;
  }
}

// --- READ ONLY ------------------------------------------------------------------------------------------------------

Status SessionImpl::check_read_only(std::string_view command) {
  if (!transaction_->options().read_only) return ok();
  return Error::make(sqlstate::read_only_sql_transaction, "cannot execute ", command, " in a read-only transaction");
}

/// A planned statement that writes or locks rows. As in PostgreSQL, what is wrong with the statement itself comes first.
Status SessionImpl::check_read_only(const Prepared& prepared) {
  const plan::Plan& planned = *prepared.plan;
  if (planned.writes || (prepared.statement.tree != nullptr && may_write(*prepared.statement.tree))) return check_read_only(prepared.statement.tag);
  if (!planned.locks_rows) return ok();
  static constexpr std::string_view commands[] = {"SELECT FOR KEY SHARE", "SELECT FOR SHARE", "SELECT FOR NO KEY UPDATE", "SELECT FOR UPDATE"};
  return check_read_only(commands[static_cast<std::size_t>(planned.row_lock)]);
}

}  // namespace spg::db
