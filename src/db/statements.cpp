// Prepared statements, portals, planning, and the running of what is planned.
#include "session_copy.hpp"
#include "spg/plan/planner.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::db {

// --- parsing and planning -------------------------------------------------------------------------------------------

Result<std::shared_ptr<Prepared>> SessionImpl::make_prepared(std::string_view text, std::span<const std::uint32_t> types) {
  auto prepared = std::make_shared<Prepared>(memory_, hot_settings_.statement_memory_bytes);
  prepared->text = prepared->arena.copy(text);
  sql::ParseOptions options;
  options.standard_conforming_strings = prepared->standard_strings = hot_settings_.standard_strings;
  SPG_ASSIGN(Vec<sql::RawStatement> statements, sql::parse(prepared->arena, prepared->text, options));
  if (statements.size() > 1) return Error::make(sqlstate::syntax_error, "cannot insert multiple commands into a prepared statement");
  if (!statements.empty()) prepared->statement = statements[0];
  auto* oids = prepared->arena.array<Oid>(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) oids[i] = Oid{types[i]};
  prepared->given_types = {oids, types.size()};
  return prepared;
}

namespace {

bool is_planned(const sql::Statement& statement) {
  switch (statement.kind) {
    case sql::NodeKind::select: return static_cast<const sql::Select&>(statement).into == nullptr;
    case sql::NodeKind::insert: case sql::NodeKind::update: case sql::NodeKind::delete_: case sql::NodeKind::merge: return true;
    default: return false;
  }
}

/// What of a statement is planned; null: nothing.
const sql::Statement* planned_part(const sql::Statement* statement) {
  if (statement == nullptr || is_planned(*statement)) return statement;
  const auto* declare = sql::as<sql::DeclareCursor>(statement);
  return declare == nullptr ? nullptr : declare->query;
}

/// Utility statements that may read or build much: a reactor has others to serve. (EXECUTE looks at its plan.)
bool may_take_long(const sql::Statement& statement) {
  using sql::NodeKind;
  switch (statement.kind) {
    case NodeKind::set: case NodeKind::show: case NodeKind::prepare: case NodeKind::execute: case NodeKind::deallocate: case NodeKind::discard:
    case NodeKind::declare_cursor: case NodeKind::fetch: case NodeKind::close:
    case NodeKind::vacuum: case NodeKind::lock: case NodeKind::listen: case NodeKind::notify: case NodeKind::unlisten: return false;
    case NodeKind::copy: return !static_cast<const sql::Copy&>(statement).from;
    default: return true;
  }
}

}  // namespace

/// A SELECT has rows even where it has no columns.
bool SessionImpl::returns_rows(const Prepared& prepared) {
  return !prepared.outputs.empty() || (prepared.statement.tree != nullptr && prepared.statement.tree->kind == sql::NodeKind::select);
}

/// By a statement's looks: the turn must be taken, and a version pinned, before it is planned.
txn::Intent SessionImpl::intent_of(const sql::Statement& statement) {
  using sql::NodeKind;
  using txn::Intent;
  switch (statement.kind) {
    case NodeKind::select: {
      const auto& select = static_cast<const sql::Select&>(statement);
      if (select.into != nullptr) return Intent::write;
      if (select.with != nullptr)
        for (const sql::CommonTable* table : select.with->tables)
          if (table->query->kind != NodeKind::select) return Intent::write;
      return select.locking.empty() ? Intent::read : Intent::lock;
    }
    case NodeKind::explain: {
      const auto& explain = static_cast<const sql::Explain&>(statement);
      // An ANALYZE that is off only takes locks that it does not need.
      for (const sql::Option& option : explain.options)
        if (option.name == "analyze") return intent_of(*explain.query);
      return Intent::read;
    }
    case NodeKind::copy: {
      const auto& copy = static_cast<const sql::Copy&>(statement);
      return copy.from ? Intent::write : copy.query != nullptr ? intent_of(*copy.query) : Intent::read;
    }
    case NodeKind::show: case NodeKind::set: case NodeKind::vacuum: case NodeKind::checkpoint: case NodeKind::backup: case NodeKind::prepare: case NodeKind::deallocate:
    case NodeKind::discard: case NodeKind::lock: case NodeKind::listen: case NodeKind::notify: case NodeKind::unlisten: case NodeKind::declare_cursor:
    case NodeKind::fetch: case NodeKind::close: case NodeKind::unsupported:
      return Intent::read;
    default: return Intent::write;
  }
}

/// Plans (again, when the catalog or the settings have changed). Requires: in a statement.
Status SessionImpl::plan(Prepared& prepared) {
  apply_settings();
  if (prepared.compiled != nullptr && prepared.plan_stamp == transaction_->catalog_stamp() && prepared.plan_settings == settings_.stamp() &&
      !prepared.plan->is_once)
    return ok();
  prepared.plan = nullptr;
  prepared.compiled = nullptr;
  prepared.plan_arena.release();
  prepared.budget.clear();
  const exec::ExecContext folding = context(prepared.plan_arena, {});
  Folder folder(folding);
  plan::PlanContext planning = plan_context(prepared.text);
  planning.evaluator = &folder;
  planning.for_cursor = prepared.is_for_cursor;
  planning.cursors = is_analyzing_ ? nullptr : this;
  planning.parameter_types = prepared.is_analyzed ? prepared.parameter_types : prepared.given_types;
  SPG_ASSIGN(const plan::Plan* planned, unless_unread<plan::Plan*>(plan::plan_statement(prepared.plan_arena, *planned_part(prepared.statement.tree), planning)));
  SPG_ASSIGN(prepared.compiled, exec::compile(*planned, catalog_, prepared.plan_arena));
  prepared.plan = planned;
  prepared.plan_stamp = transaction_->catalog_stamp();
  prepared.plan_settings = settings_.stamp();
  if (!prepared.is_analyzed) {  // a new plan must keep the types that the client was told
    auto* types = prepared.arena.array<Oid>(planned->parameter_types.size());
    std::copy(planned->parameter_types.begin(), planned->parameter_types.end(), types);
    prepared.parameter_types = {types, planned->parameter_types.size()};
    prepared.is_analyzed = true;
  }
  return is_planned(*prepared.statement.tree) ? keep_outputs(prepared) : prepared.budget.check();
}

/// Who has been told what the rows are like must get such rows.
Status SessionImpl::keep_outputs(Prepared& prepared) {
  const auto outputs = prepared.plan->root->outputs.first(prepared.plan->root->outputs.size() - prepared.plan->row_ids.size());
  bool same = prepared.outputs_of_client.empty() || prepared.outputs_of_client.size() == outputs.size();
  for (std::size_t i = 0; same && i < prepared.outputs_of_client.size(); ++i)
    same = prepared.outputs_of_client[i].type == outputs[i].type && prepared.outputs_of_client[i].typmod == outputs[i].typmod;
  if (!same) {
    prepared.compiled = nullptr;
    return Error::make(sqlstate::feature_not_supported, "cached plan must not change result type");
  }
  prepared.outputs = outputs;
  if (!prepared.name.empty() && prepared.outputs_of_client.empty() && !outputs.empty()) {
    auto* kept = prepared.arena.array<ResultType>(outputs.size());
    for (std::size_t i = 0; i < outputs.size(); ++i) kept[i] = {outputs[i].type, outputs[i].typmod};
    prepared.outputs_of_client = {kept, outputs.size()};
  }
  return prepared.budget.check();
}

plan::PlanContext SessionImpl::plan_context(std::string_view text) {
  plan::PlanContext planning;
  planning.catalog = &catalog_;
  planning.view = transaction_.get();
  planning.settings = text_settings();
  planning.text = text;
  return planning;
}

exec::ExecContext SessionImpl::context(Arena& arena, std::span<const type::Value> parameters) {
  exec::ExecContext context;
  context.view = transaction_.get();
  context.catalog = &catalog_;
  context.host = this;
  context.arena = &arena;
  context.settings = &text_settings();
  context.parameters = parameters;
  context.session = this;
  context.transactions = this;
  context.virtual_tables = &virtual_tables_;
  context.locks = this;
  context.progress = &activity_told_.rows();
  return context;
}

Status SessionImpl::open_execution(const exec::CompiledPlan& compiled, std::span<const type::Value> parameters) {
  exec::ExecContext running = context(statement_arena_, parameters);
  running.measures = log_measures(compiled);
  return execution_.open(compiled, running);
}

std::shared_ptr<Prepared> SessionImpl::find_prepared(std::string_view name) {
  const auto found = prepared_.find(name);
  return found == prepared_.end() ? nullptr : found->second;
}

// --- the extended protocol ------------------------------------------------------------------------------------------

Status SessionImpl::parse(std::string_view name, std::string_view text, std::span<const std::uint32_t> types, Where where) {
  start_answer();
  if (!name.empty() && prepared_.contains(name)) return Error::make(sqlstate::duplicate_pstatement, "prepared statement \"", name, "\" already exists");
  if (name.empty()) prepared_.erase(std::string());
  SPG_ASSIGN(auto prepared, make_prepared(text, types));
  if (prepared->statement.tree != nullptr && failed_ && !is_allowed_in_failed_block(*prepared->statement.tree))
    return Error::make(sqlstate::in_failed_sql_transaction, "current transaction is aborted, commands ignored until end of transaction block");
  prepared->name = name;
  if (planned_part(prepared->statement.tree) != nullptr) SPG_TRY(analyze(*prepared, where));
  prepared_[std::string(name)] = std::move(prepared);
  return ok();
}

/// Finds parameter and result types by planning once, in a reading statement of its own.
Status SessionImpl::analyze(Prepared& prepared, Where where) {
  if (prepared.compiled != nullptr || prepared.is_analyzed) return ok();
  const bool was_active = transaction_->is_active();
  SPG_TRY(begin_statement(txn::Intent::read, where, &prepared.statement));
  is_analyzing_ = true;
  Status failed = plan(prepared);
  is_analyzing_ = false;
  end_statement(!failed);
  if (!was_active && !in_block_ && failed) abort_transaction();
  return failed;
}

Result<type::Value> SessionImpl::parameter_value(const ParameterInput& input, Oid type, std::size_t number, Arena& arena) {
  if (input.is_null) return type::Value::null_of(type::physical_of(type));
  auto value = input.binary ? type::receive(type, input.bytes, -1, arena) : exec::parse_value(context(arena, {}), type, as_text(input.bytes), -1, arena);
  if (!value) {
    Error error = value.take_error();
    if (input.binary && error.message() == "incorrect binary data format")  // bytes were left over
      error = Error::make(error.code(), error.message(), " in bind parameter ", number + 1);
    return std::move(error).context("unnamed portal parameter $", number + 1);
  }
  // Long strings may refer to the message, which goes with this call.
  if (value->physical == type::Physical::string && !value->as<type::StringRef>().is_inline()) {
    const std::string_view copy = arena.copy(value->as<type::StringRef>().view());
    *value = type::string_value(copy);
  }
  return value;
}

Status SessionImpl::bind(std::string_view name, std::string_view statement, std::span<const ParameterInput> parameters,
                         std::span<const std::int16_t> formats, Where where) {
  start_answer();
  auto prepared = find_prepared(statement);
  if (prepared == nullptr)
    return statement.empty() ? Error::make(sqlstate::undefined_pstatement, "unnamed prepared statement does not exist")
                             : Error::make(sqlstate::undefined_pstatement, "prepared statement \"", statement, "\" does not exist");
  const bool planned = planned_part(prepared->statement.tree) != nullptr;
  if (prepared->statement.tree != nullptr && failed_ && !is_allowed_in_failed_block(*prepared->statement.tree))
    return Error::make(sqlstate::in_failed_sql_transaction, "current transaction is aborted, commands ignored until end of transaction block");
  if (planned) SPG_TRY(analyze(*prepared, where));
  const auto types = prepared->parameter_types;
  if (parameters.size() != types.size())
    return Error::make(sqlstate::protocol_violation, "bind message supplies ", parameters.size(), " parameters, but prepared statement \"", statement, "\" requires ", types.size());
  if (!name.empty() && (portals_.contains(name) || cursors_.contains(name))) return Error::make(sqlstate::duplicate_cursor, "cursor \"", name, "\" already exists");
  auto found = portals_.find(name);
  if (found == portals_.end()) found = portals_.emplace(std::string(name), std::make_unique<Portal>(memory_, hot_settings_.statement_memory_bytes)).first;
  Portal& portal = *found->second;
  portal.arena.reset();
  portal.stored = {};
  portal.is_done = false;
  portal.name = name;
  portal.statement = prepared;
  auto* values = portal.arena.array<type::Value>(types.size());
  for (std::size_t i = 0; i < types.size(); ++i) {
    auto value = parameter_value(parameters[i], types[i], i, portal.arena);
    if (!value) return value.take_error();
    values[i] = *value;
  }
  portal.parameters = {values, types.size()};
  auto* copied = portal.arena.array<std::int16_t>(formats.size());
  for (std::size_t i = 0; i < formats.size(); ++i) {
    if (formats[i] != 0 && formats[i] != 1) return Error::make(sqlstate::invalid_parameter_value, "unsupported format code: ", formats[i]);
    copied[i] = formats[i];
  }
  portal.formats = {copied, formats.size()};
  const bool has_own_shape = prepared->statement.tree != nullptr && prepared->statement.tree->kind == sql::NodeKind::fetch;
  if (formats.size() > 1 && formats.size() != prepared->outputs.size() && !has_own_shape)
    return Error::make(sqlstate::protocol_violation, "bind message has ", formats.size(), " result formats but query has ", prepared->outputs.size(), " columns");
  return portal.budget.check();
}

Status SessionImpl::describe_statement(std::string_view name, Where where) {
  start_answer();
  auto prepared = find_prepared(name);
  if (prepared == nullptr) return Error::make(sqlstate::undefined_pstatement, "prepared statement \"", name, "\" does not exist");
  if (planned_part(prepared->statement.tree) != nullptr) SPG_TRY(analyze(*prepared, where));
  sink_.describe_parameters(prepared->parameter_types);
  return describe_result(*prepared, {});
}

Status SessionImpl::describe_portal(std::string_view name, Where) {
  if (const auto cursor = cursors_.find(name); cursor != cursors_.end()) return describe_result(*cursor->second->query, {});
  const auto found = portals_.find(name);
  if (found == portals_.end()) return Error::make(sqlstate::undefined_cursor, "portal \"", name, "\" does not exist");
  return describe_result(*found->second->statement, found->second->formats);
}

/// RowDescription, or NoData.
Status SessionImpl::describe_result(const Prepared& prepared, std::span<const std::int16_t> formats) {
  if (const auto* show = sql::as<sql::Show>(prepared.statement.tree)) {
    SPG_ASSIGN(const auto columns, show_columns(show->name));
    sink_.describe_rows(columns, formats);
  } else if (const auto* fetch = sql::as<sql::Fetch>(prepared.statement.tree)) {
    const auto cursor = cursors_.find(fetch->cursor);
    if (fetch->move || cursor == cursors_.end()) sink_.no_data();
    else sink_.describe_rows(cursor->second->query->outputs, formats);
  } else if (prepared.statement.tree != nullptr && prepared.statement.tree->kind == sql::NodeKind::explain) {
    const plan::OutputColumn column = explain_column();
    sink_.describe_rows({&column, 1}, formats);
  } else if (!returns_rows(prepared)) {
    sink_.no_data();
  } else {
    sink_.describe_rows(prepared.outputs, formats);
  }
  return ok();
}

void SessionImpl::close_statement(std::string_view name) {
  if (const auto found = prepared_.find(name); found != prepared_.end()) prepared_.erase(found);
}
void SessionImpl::close_portal(std::string_view name) {
  if (const auto found = portals_.find(name); found != portals_.end()) portals_.erase(found);
  if (const auto cursor = cursors_.find(name); cursor != cursors_.end()) cursors_.erase(cursor);
}

Status SessionImpl::start_execute(std::string_view name, std::int64_t max_rows) {
  const auto found = portals_.find(name);
  if (found == portals_.end()) return Error::make(sqlstate::undefined_cursor, "portal \"", name, "\" does not exist");
  portal_ = found->second.get();
  current_ = stated_ = portal_->statement;
  parameters_ = portal_->parameters;
  formats_ = portal_->formats;
  max_rows_ = max_rows > 0 ? max_rows : 0;
  sends_description_ = false;
  activity_ = ClientActivity::execute;
  phase_ = Phase::begin;
  start_answer();
  tell_begin();
  return ok();
}

// --- running --------------------------------------------------------------------------------------------------------

/// The next statement of a simple query; phase_ becomes begin, complete (an empty query) or idle at the end.
Status SessionImpl::next_statement() {
  if (next_statement_ == SIZE_MAX) {
    sql::ParseOptions options;
    options.standard_conforming_strings = query_standard_strings_ = hot_settings_.standard_strings;
    next_statement_ = 0;
    statements_ = Vec<sql::RawStatement>();
    SPG_ASSIGN(statements_, sql::parse(query_arena_, query_text_, options));
    if (statements_.empty()) {
      sink_.empty_query();
      phase_ = Phase::idle;
      return ok();
    }
  }
  if (next_statement_ >= statements_.size()) {
    phase_ = Phase::idle;
    return ok();
  }
  // Several statements in one message are one transaction, unless they say otherwise.
  if (statements_.size() > 1 && !in_block_) in_block_ = implicit_block_ = true;
  current_ = std::make_shared<Prepared>(memory_, hot_settings_.statement_memory_bytes);
  if (next_statement_ != 0) {
    start_statement_clock();
    statement_started_ns_ = log_settings_.is_on ? instance_.machine().monotonic_ns() : 0;
  }
  current_->text = query_text_;
  current_->standard_strings = query_standard_strings_;
  current_->statement = statements_[next_statement_++];
  stated_ = current_;
  tell_begin();
  parameters_ = {};
  formats_ = {};
  max_rows_ = 0;
  portal_ = nullptr;
  sends_description_ = true;
  phase_ = Phase::begin;
  return ok();
}

/// Begins a statement: the transaction's part, then planning and opening, or the whole of a utility statement.
Status SessionImpl::begin_run(Where where, bool& move_to_worker) {
  current_ = stated_;
  fetch_ = {};
  explained_.reset();
  log_counters_ = {};
  copy_out_format_.reset();
  rows_sent_ = 0;
  unsent_ = {};
  unsent_from_ = 0;
  is_suspended_ = false;
  tag_size_ = 0;
  execution_.close();
  if (statement_arena_.held_bytes() > 256 * 1024) statement_arena_.release();
  else statement_arena_.reset();
  statement_budget_.clear();
  const sql::Statement* tree = current_->statement.tree;
  if (tree == nullptr) { phase_ = Phase::complete; return ok(); }
  if (failed_ && !is_allowed_in_failed_block(*tree))
    return Error::make(sqlstate::in_failed_sql_transaction, "current transaction is aborted, commands ignored until end of transaction block");
  if (const auto* transaction = sql::as<sql::Transaction>(tree)) {
    set_tag(current_->statement.tag, 0, false);
    SPG_TRY(run_transaction_statement(*transaction));
    phase_ = ends_block_ && transaction_->is_active() ? Phase::commit : transaction_->is_active() ? Phase::complete : Phase::await;
    if (phase_ != Phase::commit && ends_block_) in_block_ = implicit_block_ = ends_block_ = false;
    return ok();
  }
  if (portal_ != nullptr && portal_->stored.is_filled) {  // a suspended portal goes on with what was kept
    phase_ = Phase::run;
    return ok();
  }
  if (portal_ != nullptr && portal_->is_done && is_planned(*tree)) {
    set_tag(current_->statement.tag, 0, tree->kind == sql::NodeKind::select);
    phase_ = Phase::complete;
    return ok();
  }
  if (!is_planned(*tree)) {
    move_to_worker = where == Where::reactor && may_take_long(*tree);
    return move_to_worker ? ok() : run_utility(*tree, where);
  }
  SPG_TRY(begin_statement(intent_of(*tree), where, &current_->statement));
  SPG_TRY(plan(*current_));
  if (where == Where::reactor && !current_->plan->is_short) {
    move_to_worker = true;
    return ok();
  }
  SPG_TRY(check_read_only(*current_));
  SPG_TRY(open_execution(*current_->compiled, parameters_));
  if (sends_description_ && returns_rows(*current_)) sink_.describe_rows(current_->outputs, formats_);
  phase_ = Phase::run;
  return ok();
}

void SessionImpl::renew_guards() {
  if (transaction_->in_statement()) transaction_->renew_guard();
  if (shared_->in_statement()) shared_->renew_guard();
}
/// Before a wait for the client, which may be long: what the statement has read may leave the memory meanwhile.
Status SessionImpl::leave_guards() {
  if (unsent_from_ < unsent_.selected.count && !unsent_is_kept_) {
    unsent_arena_.reset();
    unsent_budget_.clear();
    unsent_ = copy_rows(unsent_, unsent_from_, unsent_arena_);
    unsent_from_ = 0;
    unsent_is_kept_ = true;
  }
  transaction_->leave_guard();
  shared_->leave_guard();
  return unsent_budget_.check();
}

/// Sends what is left of a batch; true when the sink is full. A few rows of large values may fill it, and many small ones
/// must not ask each time: pieces grow while they are small.
Result<bool> SessionImpl::send_until_full() {
  constexpr std::size_t piece_bytes = 16 * 1024;
  std::uint32_t rows = 1;
  while (unsent_from_ < unsent_.selected.count) {
    const std::uint32_t count = std::min(rows, unsent_.selected.count - unsent_from_);
    std::uint16_t numbers[type::batch_rows_max];
    for (std::uint32_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint16_t>(unsent_.selected[unsent_from_ + i]);
    type::Batch piece = unsent_;
    piece.selected = {numbers, count};
    const std::size_t before = sink_.mark();
    SPG_TRY(send_rows(piece));
    unsent_from_ += count;
    rows_sent_ += count;
    // A statement that may have to begin anew keeps what it has answered.
    if (sink_.is_full() && !current_->plan->writes) return true;
    if (sink_.mark() - before < piece_bytes) rows *= 4;
  }
  return false;
}

/// Pulls and sends; true when the sink is full and the statement not over.
Result<bool> SessionImpl::run_some(Where) {
  renew_guards();
  if (portal_ != nullptr && portal_->stored.is_filled) {
    SPG_TRY(send_stored_rows());
    return false;
  }
  if (!execution_.is_open()) return false;  // a utility statement has done its work
  const bool copies_out = copy_out_format_ != nullptr;
  if (unsent_from_ < unsent_.selected.count) {
    SPG_TRY(check_interrupts());
    SPG_ASSIGN(const bool full, send_until_full());
    if (full) return true;
  }
  for (;;) {
    SPG_TRY(check_interrupts());
    SPG_TRY(statement_budget_.check());
    type::Batch batch;
    SPG_ASSIGN(const bool more, execution_.next(batch));
    if (!more) break;
    const std::uint32_t count = batch.selected.count;
    if (copies_out) {
      SPG_TRY(copy_rows_out(batch));
    } else if (!returns_rows(*current_)) {
      // rows of an INSERT, UPDATE or DELETE without RETURNING are only counted
    } else if (max_rows_ != 0 && rows_sent_ + count > static_cast<std::uint64_t>(max_rows_)) {
      const auto part = static_cast<std::uint32_t>(static_cast<std::uint64_t>(max_rows_) - rows_sent_);
      type::Batch first = batch;
      first.selected.count = part;
      SPG_TRY(send_rows(first));
      SPG_TRY(store_rest(batch, part));
      rows_sent_ += part;
      is_suspended_ = true;
      return false;
    } else {
      unsent_ = batch;
      unsent_from_ = 0;
      unsent_is_kept_ = false;
      SPG_ASSIGN(const bool full, send_until_full());
      if (full) return true;
      continue;
    }
    rows_sent_ += count;
    if (sink_.is_full()) return true;
  }
  if (portal_ != nullptr) portal_->is_done = true;
  if (copies_out) {
    sink_.end_copy_out();
    copy_out_format_.reset();
    set_tag("COPY", rows_sent_, true);
    return false;
  }
  switch (current_->statement.tree->kind) {
    case sql::NodeKind::insert: set_tag("INSERT 0", execution_.rows_affected(), true); break;
    case sql::NodeKind::update: case sql::NodeKind::delete_: case sql::NodeKind::merge: set_tag(current_->statement.tag, execution_.rows_affected(), true); break;
    default: set_tag("SELECT", rows_sent_, true);
  }
  return false;
}

namespace {
/// Types whose text is a name that the catalog knows: regclass and kin.
/// Whether its text may have names of objects in it.
bool is_named_type(Oid type) {
  using namespace type::oid;
  return type == record || type == regproc || type == regprocedure || type == regoper || type == regoperator || type == regclass || type == regtype || type == regrole || type == regnamespace;
}
}  // namespace

/// Hands rows to the sink, with object names in place of the numbers behind them.
Status SessionImpl::send_rows(const type::Batch& batch) {
  bool has_names = false;
  for (const plan::OutputColumn& column : current_->outputs) has_names |= is_named_type(column.type);
  if (!has_names) return sink_.rows(batch, current_->outputs, formats_, text_settings());
  MemoryBudget budget(hot_settings_.statement_memory_bytes, &memory_);
  Arena arena(budget);
  const std::size_t width = batch.columns.size();
  type::Batch shown = batch;
  shown.columns = {arena.array<type::Vector>(width), width};
  auto* columns = arena.array<plan::OutputColumn>(width);
  const exec::ExecContext printing = context(arena, {});
  for (std::size_t c = 0; c < width; ++c) {
    shown.columns[c] = batch.columns[c];
    columns[c] = current_->outputs[c];
    const bool binary = !formats_.empty() && formats_[formats_.size() == 1 ? 0 : c] == 1;
    if (binary || !is_named_type(columns[c].type)) continue;
    columns[c].type = type::oid::text;
    auto* names = arena.array<type::StringRef>(batch.rows);
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
      const std::uint32_t row = batch.selected[i];
      names[row] = type::StringRef{};
      if (batch.columns[c].is_null(row)) continue;
      TextBuilder text(arena);
      exec::print_value(printing, current_->outputs[c].type, type::value_of(batch.columns[c], row), text);
      names[row] = type::StringRef(text.view());
    }
    auto* validity = arena.array<std::uint64_t>(type::batch_words);
    for (std::uint32_t row = 0; row < batch.rows; ++row) {
      const std::uint64_t bit = std::uint64_t{1} << (row % 64);
      validity[row / 64] = batch.columns[c].is_null(row) ? validity[row / 64] & ~bit : validity[row / 64] | bit;
    }
    shown.columns[c] = {type::Physical::string, type::Vector::Form::flat, names, validity, nullptr};
  }
  return sink_.rows(shown, {columns, width}, formats_, text_settings());
}

/// Keeps the rest of a result whose portal was suspended: the statement ends now, its rows are sent on demand.
Status SessionImpl::store_rest(const type::Batch& batch, std::uint32_t from) {
  Portal& portal = *portal_;
  auto keep = [&](const type::Batch& rows, std::uint32_t first) {
    if (rows.selected.count > first) portal.stored.batches.push_back(copy_rows(rows, first, portal.arena));
  };
  keep(batch, from);
  for (;;) {
    SPG_TRY(check_interrupts());
    type::Batch rest;
    SPG_ASSIGN(const bool more, execution_.next(rest));
    if (!more) break;
    keep(rest, 0);
    SPG_TRY(portal.budget.check());
  }
  portal.stored.is_filled = true;
  portal.is_done = true;
  return ok();
}

Status SessionImpl::send_stored_rows() {
  StoredRows& stored = portal_->stored;
  while (stored.batch < stored.batches.size()) {
    const type::Batch& all = stored.batches[stored.batch];
    std::uint32_t count = all.rows - stored.row;
    if (max_rows_ != 0 && rows_sent_ + count > static_cast<std::uint64_t>(max_rows_)) count = static_cast<std::uint32_t>(static_cast<std::uint64_t>(max_rows_) - rows_sent_);
    if (count == 0) { is_suspended_ = true; return ok(); }
    std::uint16_t numbers[type::batch_rows_max];
    for (std::uint32_t i = 0; i < count; ++i) numbers[i] = static_cast<std::uint16_t>(stored.row + i);
    type::Batch part = all;
    part.selected = {numbers, count};
    SPG_TRY(send_rows(part));
    rows_sent_ += count;
    stored.row += count;
    if (stored.row == all.rows) { ++stored.batch; stored.row = 0; }
  }
  stored.is_filled = false;
  set_tag("SELECT", rows_sent_, true);
  return ok();
}

void SessionImpl::set_tag(std::string_view verb, std::uint64_t rows, bool with_rows) {
  tag_size_ = std::min(verb.size(), sizeof tag_ - 24);
  verb.copy(tag_, tag_size_);
  if (!with_rows) return;
  const Piece number(rows);
  tag_[tag_size_++] = ' ';
  number.text().copy(tag_ + tag_size_, number.text().size());
  tag_size_ += number.text().size();
}

}  // namespace spg::db
