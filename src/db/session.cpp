#include "session_impl.hpp"

#include "session_copy.hpp"
#include "spg/sql/redact.hpp"

namespace spg::db {

namespace {
constexpr std::size_t arena_keep_bytes = 256 * 1024;

void reset(Arena& arena, MemoryBudget& budget) {
  if (arena.held_bytes() > arena_keep_bytes) arena.release();
  else arena.reset();
  budget.clear();
}
}  // namespace

Result<std::unique_ptr<Session>> Session::open(Instance& instance, std::string_view user, std::string_view database, ResultSink& sink) {
  SPG_ASSIGN(const DatabaseId id, instance.find_database(database));
  SPG_ASSIGN(auto role, instance.find_role(user));
  if (!role.has_value()) return Error::make(sqlstate::invalid_authorization_specification, "role \"", user, "\" does not exist");
  std::unique_ptr<txn::TransactionControl> transaction(instance.machine().open_transaction(id));
  std::unique_ptr<txn::TransactionControl> shared(instance.machine().open_transaction(DatabaseId::shared));
  if (transaction == nullptr || shared == nullptr) return Error::make(sqlstate::undefined_database, "database \"", database, "\" does not exist");
  auto session = std::make_unique<SessionImpl>(instance, user, *role, database, sink, std::move(transaction), std::move(shared));
  SPG_TRY(session->start());
  return std::unique_ptr<Session>(std::move(session));
}

SessionImpl::SessionImpl(Instance& instance, std::string_view user, const LoginRole& role, std::string_view database, ResultSink& sink,
                         std::unique_ptr<txn::TransactionControl> transaction, std::unique_ptr<txn::TransactionControl> shared)
    : instance_(instance), sink_(sink), user_(user), database_(database), role_(role), transaction_(std::move(transaction)), shared_(std::move(shared)),
      memory_(SIZE_MAX, &instance.memory(), this), catalog_(*transaction_, shared_.get(), memory_), query_budget_(SIZE_MAX, &memory_), query_arena_(query_budget_),
      statement_budget_(SIZE_MAX, &memory_), statement_arena_(statement_budget_),
      unsent_budget_(SIZE_MAX, &memory_), unsent_arena_(unsent_budget_) {}

SessionImpl::~SessionImpl() {
  if (process_id_ != 0) instance_.unregister_session(process_id_);
  execution_.close();
  copy_in_.reset();
  portals_.clear();
  cursors_.clear();
  abort_transaction();
  stop_waiting();
}

Status SessionImpl::start() {
  transaction_->set_interrupts(this);
  transaction_->set_build_progress(&activity_told_.build());
  shared_->share_locks_of(*transaction_);
  std::byte key[4];
  fill_random(key);
  secret_key_ = load_le<std::uint32_t>(key);
  activity_told_.who = {Oid{raw(transaction_->database())}, role_.oid, database_, user_, instance_.machine().clock_us(), &memory_, transaction_.get()};
  tell_end();
  process_id_ = instance_.register_session(*this, secret_key_, activity_told_);
  transaction_->lock_owner().process_id = process_id_;
  catalog_.set_role(role_.oid, user_);
  settings_.set_start("session_authorization", user_);
  settings_.set_start("is_superuser", role_.is_superuser ? "on" : "off");
  if (instance_.ledger().keeps_commit_times()) settings_.set_start("track_commit_timestamp", "on");
  if (const std::size_t limit = instance_.statement_memory_bytes(); limit != SIZE_MAX)
    SPG_TRY(set_at_start("spg.statement_memory", std::to_string(limit / 1024)));
  if (const std::int64_t ms = instance_.log_min_duration_ms(); ms >= 0) settings_.set_start("log_min_duration_statement", std::to_string(ms));
  apply_settings();
  return ok();
}

void SessionImpl::set_wake(Wake wake, void* context) {
  wake_ = wake;
  wake_context_ = context;
  for (txn::TransactionControl* one : {transaction_.get(), shared_.get()})
    one->set_wake([](void* self) { static_cast<SessionImpl*>(self)->wake_up(); }, this);
}

void SessionImpl::wake_up() {
  is_woken_.store(true, std::memory_order_seq_cst);
  if (wake_ != nullptr) wake_(wake_context_);
}

Status SessionImpl::set_at_start(std::string_view name, std::string_view value) {
  if (name == "options") {
    // -c name=value and --name=value, as libpq's PGOPTIONS sends them.
    while (!value.empty()) {
      const auto space = value.find(' ');
      std::string_view word = value.substr(0, space);
      value = space == std::string_view::npos ? std::string_view{} : value.substr(space + 1);
      if (word == "-c" || word.empty()) continue;
      if (word.starts_with("-c")) word.remove_prefix(2);
      else if (word.starts_with("--")) word.remove_prefix(2);
      const auto equals = word.find('=');
      if (equals == std::string_view::npos) return Error::make(sqlstate::syntax_error, "invalid command-line argument for server process: ", word);
      SPG_TRY(set_at_start(word.substr(0, equals), word.substr(equals + 1)));
    }
    return ok();
  }
  const SettingInfo* info = find_setting(name);
  if (info == nullptr && name.find('.') == std::string_view::npos) return Error::make(sqlstate::undefined_object, "unrecognized configuration parameter \"", name, "\"");
  std::string canonical(value);
  if (info != nullptr) {
    if (info->context == SettingContext::internal || info->context == SettingContext::server_start)
      return Error::make(sqlstate::cant_change_runtime_param, "parameter \"", info->name, "\" cannot be changed now");
    if (info->context == SettingContext::superuser && !role_.is_superuser)
      return Error::make(sqlstate::insufficient_privilege, "permission denied to set parameter \"", info->name, "\"");
    SPG_ASSIGN(canonical, canonical_setting(*info, value, settings_.value(info->name)));
  }
  settings_.set_start(name, canonical);
  apply_settings();
  return ok();
}

void SessionImpl::report_settings() {
  for (const std::string_view name : {"application_name", "client_encoding", "DateStyle", "default_transaction_read_only", "in_hot_standby", "integer_datetimes",
                                      "IntervalStyle", "is_superuser", "server_encoding", "server_version", "session_authorization",
                                      "standard_conforming_strings", "TimeZone"})
    sink_.setting(name, settings_.value(name));
}

/// Settings as the code reads them, made anew when one has changed.
void SessionImpl::apply_settings() {
  settings_.report_changes([&](std::string_view name, std::string_view value) { sink_.setting(name, value); });
  if (settings_seen_ == settings_.stamp()) return;
  settings_seen_ = settings_.stamp();
  const std::string_view style = settings_.value("DateStyle");
  using type::DateStyle, type::DateOrder, type::IntervalStyle;
  text_settings_.date_style = style.starts_with("SQL") ? DateStyle::sql : style.starts_with("Post") ? DateStyle::postgres : style.starts_with("Germ") ? DateStyle::german : DateStyle::iso;
  text_settings_.date_order = style.ends_with("YMD") ? DateOrder::ymd : style.ends_with("DMY") ? DateOrder::dmy : DateOrder::mdy;
  const std::string_view interval = settings_.value("IntervalStyle");
  text_settings_.interval_style = interval == "iso_8601" ? IntervalStyle::iso_8601 : interval == "sql_standard" ? IntervalStyle::sql_standard
                                  : interval == "postgres_verbose" ? IntervalStyle::postgres_verbose : IntervalStyle::postgres;
  text_settings_.bytea_output = settings_.value("bytea_output") == "escape" ? type::ByteaOutput::escape : type::ByteaOutput::hex;
  text_settings_.extra_float_digits = static_cast<int>(settings_.number("extra_float_digits"));
  text_settings_.zones = &zones_;
  const type::TimeZone* zone = zones_.find(settings_.value("TimeZone"));
  text_settings_.zone = zone != nullptr ? zone : &type::utc_zone;
  hot_settings_.statement_timeout_ms = settings_.number("statement_timeout");
  hot_settings_.statement_memory_bytes = static_cast<std::size_t>(settings_.number("spg.statement_memory")) * 1024;
  query_budget_.set_limit_bytes(hot_settings_.statement_memory_bytes);
  statement_budget_.set_limit_bytes(hot_settings_.statement_memory_bytes);
  hot_settings_.synchronous_commit = settings_.value("synchronous_commit") != "off";
  hot_settings_.deadlock_timeout_ms = settings_.number("deadlock_timeout");
  hot_settings_.lock_timeout_ms = settings_.number("lock_timeout");
  hot_settings_.idle_session_timeout_ms = settings_.number("idle_session_timeout");
  hot_settings_.idle_in_transaction_timeout_ms = settings_.number("idle_in_transaction_session_timeout");
  hot_settings_.idle_blocker_timeout_ms = settings_.number("spg.idle_blocker_timeout");
  apply_log_settings();
  hot_settings_.tells_activity = settings_.is_on("track_activities");
  activity_told_.set_application(settings_.value("application_name"));
  hot_settings_.standard_strings = settings_.is_on("standard_conforming_strings");
  const std::string_view isolation = settings_.value("default_transaction_isolation");
  hot_settings_.begin.isolation = isolation == "serializable" ? txn::Isolation::serializable : isolation == "repeatable read" ? txn::Isolation::repeatable_read
                                  : isolation == "read uncommitted" ? txn::Isolation::read_uncommitted : txn::Isolation::read_committed;
  hot_settings_.begin.read_only = settings_.is_on("default_transaction_read_only") || instance_.machine().is_read_only();
  hot_settings_.begin.deferrable = settings_.is_on("default_transaction_deferrable");
  path_.clear();
  path_views_.clear();
  std::string_view list = settings_.value("search_path");
  while (!list.empty()) {
    const auto comma = list.find(',');
    std::string_view one = list.substr(0, comma);
    list = comma == std::string_view::npos ? std::string_view{} : list.substr(comma + 1);
    while (!one.empty() && one.front() == ' ') one.remove_prefix(1);
    while (!one.empty() && one.back() == ' ') one.remove_suffix(1);
    if (one.size() >= 2 && one.front() == '"') one = one.substr(1, one.size() - 2);
    if (!one.empty()) path_.emplace_back(one);
  }
  for (const std::string& one : path_) path_views_.emplace_back(one);
  catalog_.set_search_path(path_views_);
}

const type::TextSettings& SessionImpl::text_settings() {
  apply_settings();
  text_settings_.now = transaction_->is_active() ? transaction_->transaction_time() : instance_.machine().clock_us();
  return text_settings_;
}

std::span<const std::string_view> SessionImpl::search_path() { return path_views_; }
Result<std::optional<std::uint64_t>> SessionImpl::database_bytes(DatabaseId database) {
  if (database == transaction_->database()) {
    SPG_ASSIGN(const std::uint64_t bytes, transaction_->database_bytes());
    return std::optional(bytes);
  }
  if (!instance_.machine().has_database(database)) return std::optional<std::uint64_t>();
  std::unique_ptr<txn::TransactionControl> other(instance_.machine().open_transaction(database));
  if (other == nullptr) return Error::out_of_memory();
  SPG_TRY(other->begin({}));
  SPG_TRY(other->begin_statement(txn::Intent::read, transaction_->access()));
  auto bytes = other->database_bytes();
  (void)other->end_statement(true);
  other->rollback();
  if (!bytes) return bytes.take_error();
  return std::optional(*bytes);
}
std::string_view SessionImpl::setting(std::string_view name, Arena&) {
  auto found = settings_.get(name);
  return found ? *found : std::string_view{};
}
Result<std::string_view> SessionImpl::set_setting(std::string_view name, std::string_view value, bool is_local, Arena& arena) {
  if (is_transaction_setting(name)) SPG_TRY(set_transaction_setting(name, value));
  else SPG_TRY(settings_.set(name, value, Settings::Source::user, is_local));
  apply_settings();
  return arena.copy(settings_.value(name));
}

void SessionImpl::send(const catalog::Notice& notice) {
  Error error = Error::make(notice.code, notice.message);
  if (!notice.detail.empty()) error = std::move(error).detail(notice.detail);
  if (!notice.hint.empty()) error = std::move(error).hint(notice.hint);
  const auto severity = notice.severity == catalog::Severity::warning ? NoticeSeverity::warning : notice.severity == catalog::Severity::info ? NoticeSeverity::info
                        : notice.severity == catalog::Severity::log ? NoticeSeverity::log : notice.severity == catalog::Severity::debug ? NoticeSeverity::debug : NoticeSeverity::notice;
  const std::string_view least = settings_.value("client_min_messages");
  if (severity == NoticeSeverity::debug || severity == NoticeSeverity::log) return;
  if (severity == NoticeSeverity::notice && (least == "warning" || least == "error")) return;
  if (severity == NoticeSeverity::warning && least == "error") return;
  sink_.notice(severity, error);
}
void SessionImpl::warn(Sqlstate code, std::string_view message) {
  catalog::Notice notice;
  notice.severity = catalog::Severity::warning;
  notice.code = code;
  notice.message = message;
  send(notice);
}

/// The next moment at which a wait must be looked at.
std::uint64_t SessionImpl::time_left_ns() const {
  std::uint64_t next = UINT64_MAX;
  for (const std::uint64_t at : {deadline_ns_, lock_wait_.deadlock_check_ns, lock_wait_.deadline_ns})
    if (at != 0 && at < next) next = at;
  if (next == UINT64_MAX) return next;
  const std::uint64_t now = instance_.machine().monotonic_ns();
  return now >= next ? 0 : next - now;
}

Result<std::uint64_t> SessionImpl::idle_time_left_ns(bool begins) {
  constexpr std::uint64_t ms = 1'000'000;
  const std::int64_t limit_ms = in_block_ ? hot_settings_.idle_in_transaction_timeout_ms : hot_settings_.idle_session_timeout_ms;
  const std::int64_t blocker_ms = in_block_ && limit_ms == 0 ? hot_settings_.idle_blocker_timeout_ms : 0;
  if (limit_ms == 0 && blocker_ms == 0) return UINT64_MAX;
  const std::uint64_t now = instance_.machine().monotonic_ns();
  if (begins) {
    idle_since_ns_ = now;
    blocks_since_ns_ = 0;
  }
  if (limit_ms != 0) {
    const std::uint64_t end = idle_since_ns_ + static_cast<std::uint64_t>(limit_ms) * ms;
    if (now < end) return end - now;
    if (in_block_) return Error::make(sqlstate::idle_in_transaction_session_timeout, "terminating connection due to idle-in-transaction timeout");
    return Error::make(sqlstate::idle_session_timeout, "terminating connection due to idle-session timeout");
  }
  // Nothing tells when somebody begins to wait: it is looked at now and then, for as long as the client keeps the block.
  const std::uint64_t limit = static_cast<std::uint64_t>(blocker_ms) * ms;
  if (begins || !transaction_->is_waited_for()) blocks_since_ns_ = 0;
  else if (blocks_since_ns_ == 0) blocks_since_ns_ = now;
  if (blocks_since_ns_ != 0 && now - blocks_since_ns_ >= limit)
    return Error::make(sqlstate::idle_in_transaction_session_timeout, "terminating connection due to idle-in-transaction timeout")
        .detail("Others have waited for its locks for as long as spg.idle_blocker_timeout allows.");
  return std::min(1000 * ms, limit / 4 + ms);
}

void SessionImpl::cancel() {
  cancelled_.store(true, std::memory_order_seq_cst);
  wake_up();
}

Status SessionImpl::check_interrupts() {
  if (__builtin_expect(cancelled_.load(std::memory_order_relaxed), 0)) return Error::make(sqlstate::query_canceled, "canceling statement due to user request");
  if (deadline_ns_ != 0 && instance_.machine().monotonic_ns() > deadline_ns_) return Error::make(sqlstate::query_canceled, "canceling statement due to statement timeout");
  return ok();
}

/// The client asks for something: a cancel request that came while nothing ran is forgotten.
void SessionImpl::start_answer() {
  if (!is_busy_) cancelled_.store(false, std::memory_order_relaxed);
  is_busy_ = true;
  // What has been undone since the last answer is not this one's (synchronous_commit = off).
  if (!transaction_->is_active()) (void)check_floor();
  memory_.clear();
  statement_started_ns_ = log_settings_.is_on ? instance_.machine().monotonic_ns() : 0;
  start_statement_clock();
}

/// statement_timeout counts from here.
void SessionImpl::start_statement_clock() {
  const std::int64_t timeout_ms = hot_settings_.statement_timeout_ms;
  deadline_ns_ = timeout_ms > 0 ? instance_.machine().monotonic_ns() + static_cast<std::uint64_t>(timeout_ms) * 1'000'000 : 0;
}

void SessionImpl::stop_waiting() {
  lock_wait_ = {};
  transaction_->stop_waiting();
  shared_->stop_waiting();
}

/// What an error does: the statement is undone, and the transaction with it, or the block is doomed to its last savepoint.
void SessionImpl::statement_failed() {
  deadline_ns_ = 0;
  execution_.close();
  activity_told_.clear_progress();
  backup_.reset();
  copy_in_.reset();
  copy_out_format_.reset();
  end_statement(false);
  stop_waiting();
  if (!in_block_) {
    abort_transaction();
  } else {
    failed_ = true;
    // Nothing but a savepoint can bring the block back: what came after it, and its locks, go now.
    if (savepoints_.empty()) {
      if (transaction_->is_active()) transaction_->rollback();
      if (shared_->is_active()) shared_->rollback();
      end_number(false, false, false);
      end_cursors(false);
    } else {
      (void)transaction_->rollback_to(savepoints_.back().depth);
      (void)shared_->rollback_to(savepoints_.back().shared_depth);
      audit_text_.back_to(savepoints_.back().audit_mark);
    }
  }
  apply_settings();
}

void SessionImpl::fail() {
  if (activity_ == ClientActivity::none && !transaction_->is_active()) {
    if (in_block_) failed_ = true;
    return;
  }
  statement_failed();
  end_activity();
}

/// What has been read or committed may have been undone by a failed write of the log: then that is the answer, and the floor falls.
Status SessionImpl::check_floor() {
  if (!instance_.machine().is_lost(floor())) return ok();
  Status own = transaction_->check_floor(), of_shared = shared_->check_floor();
  return own ? std::move(own) : std::move(of_shared);
}

void SessionImpl::end_activity() {
  deadline_ns_ = 0;
  if (activity_ != ClientActivity::execute) {
    is_busy_ = false;
    tell_end();
  }
  activity_ = ClientActivity::none;
  phase_ = Phase::idle;
  wait_for_worker_ = false;
  current_.reset();
  portal_ = nullptr;
  settle_advisory_locks();
  // An error that ends a transaction tells of what it has met (a key that is there already), as rows do.
  if (!in_block_ && !transaction_->is_active() && hot_settings_.synchronous_commit) reply_floor_ = floor();
}

// --- what others are told of it ------------------------------------------------------------------------------------

/// Of the statement that begins, without its passwords.
void SessionImpl::tell_begin() {
  activity_told_.clear_progress();
  if (!hot_settings_.tells_activity) return;
  std::string_view text = stated_->text;
  MemoryBudget budget(SIZE_MAX, &memory_);
  Arena arena(budget);
  if (stated_->statement.tree != nullptr) {
    sql::ParseOptions options;
    options.standard_conforming_strings = stated_->standard_strings;
    text = sql::redacted_text(arena, stated_->text, stated_->statement, options);
  }
  activity_told_.begin(text, instance_.machine().clock_us());
}

void SessionImpl::tell_end() {
  using State = Activity::State;
  if (!hot_settings_.tells_activity) return;
  const State state = !in_block_ ? State::idle : failed_ ? State::idle_in_transaction_aborted : State::idle_in_transaction;
  if (!transaction_->is_active()) activity_told_.set_transaction_start(0);
  activity_told_.settle(state, instance_.machine().clock_us());
}

void SessionImpl::tell_wait(Progress progress) {
  using Wait = Activity::Wait;
  switch (progress) {
    case Progress::done: return;
    case Progress::wants_worker: return activity_told_.set_wait(Wait::nothing);
    case Progress::waits_durable: return activity_told_.set_wait(Wait::wal_sync);
    case Progress::output_full: return activity_told_.set_wait(Wait::client_write);
    case Progress::wants_copy_data: return activity_told_.set_wait(Wait::client_read);
    case Progress::waits_turn: break;
  }
  instance_.machine().with_locks([&](txn::LockTable& locks) {
    const std::optional<txn::LockSpace> space = locks.waits_in(transaction_->lock_owner());
    if (!space.has_value()) return activity_told_.set_wait(Wait::turn);
    switch (*space) {
      case txn::LockSpace::table: return activity_told_.set_wait(Wait::relation);
      case txn::LockSpace::row: case txn::LockSpace::key: return activity_told_.set_wait(Wait::transaction);
      case txn::LockSpace::advisory: return activity_told_.set_wait(Wait::advisory);
      case txn::LockSpace::database: return activity_told_.set_wait(Wait::object);
    }
  });
}

// --- the driver -----------------------------------------------------------------------------------------------------

void SessionImpl::start_query(std::string_view text) {
  SPG_ASSERT(activity_ == ClientActivity::none);
  reset(query_arena_, query_budget_);
  query_text_ = query_arena_.copy(text);
  activity_ = ClientActivity::query;
  phase_ = Phase::next;
  next_statement_ = SIZE_MAX;  // not parsed yet
  start_answer();
}

void SessionImpl::start_sync() {
  SPG_ASSERT(activity_ == ClientActivity::none);
  activity_ = ClientActivity::sync;
  deadline_ns_ = 0;
  phase_ = !in_block_ && transaction_->is_active() ? Phase::commit : Phase::idle;
}

Result<Progress> SessionImpl::run(Where where) {
  SPG_ASSERT(activity_ != ClientActivity::none);
  activity_told_.set_wait(Activity::Wait::nothing);
  auto progress = step(where);
  if (progress) {
    tell_wait(*progress);
    if (*progress == Progress::done) end_activity();
    return progress;
  }
  statement_failed();
  if (implicit_block_) {  // a simple query of several statements fails as a whole
    in_block_ = implicit_block_ = failed_ = false;
    abort_transaction();
  }
  Status lost = in_block_ ? ok() : check_floor();
  end_activity();
  if (lost) return lost;
  return progress;
}

Result<Progress> SessionImpl::step(Where where) {
  for (;;) {
    switch (phase_) {
      case Phase::idle: return Progress::done;
      case Phase::next:
        if (activity_ != ClientActivity::query) return Progress::done;
        // Parsing and planning a long text keeps others waiting, and the request to cancel it.
        if (where == Where::reactor && next_statement_ == SIZE_MAX && query_text_.size() > text_bytes_on_reactor_max) return Progress::wants_worker;
        SPG_TRY(next_statement());
        if (phase_ == Phase::idle) return Progress::done;
        break;
      case Phase::begin: {
        SPG_TRY(check_interrupts());
        if (wait_for_worker_ && where == Where::reactor) return Progress::wants_worker;
        is_woken_.store(false, std::memory_order_seq_cst);
        SPG_ASSIGN(const bool waits, still_waits());
        if (waits) return Progress::waits_turn;
        bool move_to_worker = false;
        sink_mark_ = sink_.mark();
        Status failed = begin_run(where, move_to_worker);
        if (failed.is_must_wait()) return wait_for_lock();
        if (failed.is_would_block() || move_to_worker) {
          phase_ = Phase::begin;
          execution_.close();
          end_statement(false);
          sink_.rewind(sink_mark_);
          wait_for_worker_ = true;
          return Progress::wants_worker;
        }
        if (failed) return failed;
        break;
      }
      case Phase::run: {
        if (copy_in_ != nullptr) {
          if (!copy_in_->is_blocked) {
            SPG_TRY(leave_guards());
            return Progress::wants_copy_data;
          }
          SPG_ASSIGN(const bool waits, insert_blocked(false));
          SPG_TRY(leave_guards());
          return waits ? Progress::waits_turn : Progress::wants_copy_data;
        }
        if (wait_for_worker_ && where == Where::reactor) return Progress::wants_worker;
        if (where == Where::worker) set_access(store::Access::wait);
        auto more = backup_ != nullptr ? backup_some() : fetch_.cursor != nullptr ? fetch_some(where) : run_some(where);
        if (!more && more.error().is_would_block()) {
          execution_.close();
          end_statement(false);
          sink_.rewind(sink_mark_);
          wait_for_worker_ = true;
          phase_ = Phase::begin;
          return Progress::wants_worker;
        }
        if (!more && more.error().is_must_wait()) return wait_for_lock();
        if (!more) return more.take_error();
        if (*more) {
          SPG_TRY(leave_guards());
          // A part of the answer leaves now: the statement cannot be run again from its start, so it goes on where it may wait.
          wait_for_worker_ = true;
          return Progress::output_full;
        }
        phase_ = Phase::finish;
        break;
      }
      case Phase::copy_end: {
        SPG_ASSIGN(const bool waits, insert_blocked(true));
        if (waits) return Progress::waits_turn;
        set_tag("COPY", copy_in_->total, true);
        copy_in_.reset();
        phase_ = Phase::finish;
        break;
      }
      case Phase::finish: {
        SPG_TRY(audit_statement());
        SPG_ASSIGN(const Checked checked, check_constraints(false, where));
        if (checked == Checked::waits) return Progress::waits_turn;
        if (checked == Checked::wants_worker) return Progress::wants_worker;
        deadline_ns_ = 0;  // the work is done: what follows is not given up
        execution_.close();
        keep_logged_plan();
        end_statement(true);
        // A statement by itself commits before its reply; in an implicit block of several, the last one does. Those of the
        // extended protocol commit at Sync.
        const bool is_last = activity_ == ClientActivity::query && next_statement_ >= statements_.size();
        const bool commits = !in_block_ ? activity_ == ClientActivity::query : implicit_block_ && is_last;
        phase_ = commits ? Phase::commit : Phase::complete;
        break;
      }
      case Phase::commit: {
        is_woken_.store(false, std::memory_order_seq_cst);
        set_access(where == Where::worker ? store::Access::wait : store::Access::no_wait);
        const txn::BeginOptions modes = transaction_->options();
        auto checked = check_constraints(true, where);
        if (checked && *checked == Checked::waits) return Progress::waits_turn;
        if (checked && *checked == Checked::wants_worker) return Progress::wants_worker;
        Status failed = std::move(checked).status();
        if (!failed) failed = hold_cursors(where);
        if (!failed) failed = commit_transaction();
        if (failed.is_must_wait()) return Progress::waits_turn;
        if (failed.is_would_block()) {
          wait_for_worker_ = true;
          return Progress::wants_worker;
        }
        if (implicit_block_ || ends_block_) in_block_ = implicit_block_ = ends_block_ = false;
        const bool chains = std::exchange(chains_, false);
        if (failed) return failed;
        if (chains) SPG_TRY(chain_block(modes));
        phase_ = Phase::await;
        break;
      }
      case Phase::await:
        if (Status lost = check_floor(); lost && hot_settings_.synchronous_commit) return lost;
        if (hot_settings_.synchronous_commit && caller_holds_replies_) {
          reply_floor_ = floor();
        } else if (hot_settings_.synchronous_commit && !instance_.machine().is_durable(floor())) {
          if (instance_.machine().log_is_broken())
            return Error::make(sqlstate::transaction_resolution_unknown, "the outcome of the transaction is unknown: ", instance_.machine().log_error().message());
          return Progress::waits_durable;
        }
        phase_ = Phase::complete;
        break;
      case Phase::complete:
        apply_settings();
        if (activity_ == ClientActivity::sync) return Progress::done;
        if (is_suspended_) sink_.portal_suspended();
        else if (current_ != nullptr && current_->statement.tree == nullptr) sink_.empty_query();
        else sink_.command_complete({tag_, tag_size_});
        activity_told_.count_statement();
        activity_told_.clear_progress();
        log_duration();
        current_.reset();
        settle_advisory_locks();
        wait_for_worker_ = false;
        phase_ = Phase::next;
        break;
    }
  }
}

}  // namespace spg::db
