// Statements that are not planned: schema and role changes, settings, prepared statements by SQL, maintenance.
#include <algorithm>
#include <charconv>

#include "session_copy.hpp"
#include "spg/catalog/ddl.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/plan/view.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/sql/lexer.hpp"
#include "spg/type/interval.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::db {

using sql::NodeKind;

namespace {

bool is_shared_change(const sql::Statement& statement) {
  switch (statement.kind) {
    case NodeKind::create_role: case NodeKind::alter_role: case NodeKind::drop_role: case NodeKind::grant_role: return true;
    case NodeKind::rename: return static_cast<const sql::Rename&>(statement).object == sql::ObjectKind::role;
    default: return false;
  }
}

Error not_supported(std::string_view what) { return Error::make(sqlstate::feature_not_supported, what, " is not supported"); }

std::string_view literal_text(const sql::Expr& expr, Arena& arena) {
  if (const auto* literal = sql::as<sql::Literal>(&expr)) {
    if (literal->form == sql::LiteralKind::integer) return arena.concat(literal->integer);
    if (literal->form == sql::LiteralKind::boolean) return literal->integer != 0 ? "on" : "off";
    return literal->text;
  }
  return {};
}

}  // namespace

/// What READ ONLY forbids whatever it is about. COPY and EXPLAIN are looked at when they are planned; others change nothing
/// that a query could see.
bool SessionImpl::is_forbidden_in_read_only(const sql::Statement& statement) {
  switch (statement.kind) {
    case NodeKind::copy: case NodeKind::explain: case NodeKind::execute: case NodeKind::cluster: case NodeKind::reindex: case NodeKind::call:
    case NodeKind::do_block: return false;
    default: return may_write(statement);
  }
}

Result<const catalog::Relation*> SessionImpl::require_table(const sql::TableRef& table) {
  SPG_ASSIGN(const catalog::Relation* relation, catalog_.relation(table.schema, table.name));
  if (relation != nullptr) return relation;
  return Error::make(sqlstate::undefined_table, "relation \"", table.schema, table.schema.empty() ? "" : ".", table.name, "\" does not exist");
}

/// There is nothing to vacuum, and row counts are exact: only checks what was named.
Status SessionImpl::run_vacuum(const sql::Vacuum& vacuum, Where where) {
  static constexpr std::string_view vacuum_options[] = {"verbose", "analyze", "freeze", "full", "disable_page_skipping", "skip_locked", "index_cleanup", "process_toast", "truncate", "parallel"};
  static constexpr std::string_view analyze_options[] = {"verbose", "skip_locked"};
  const std::span<const std::string_view> known = vacuum.vacuum ? std::span<const std::string_view>(vacuum_options) : std::span<const std::string_view>(analyze_options);
  for (const sql::Option& option : vacuum.options)
    if (std::find(known.begin(), known.end(), option.name) == known.end())
      return Error::make(sqlstate::syntax_error, "unrecognized ", vacuum.vacuum ? "VACUUM" : "ANALYZE", " option \"", option.name, "\"")
          .at(option.at < 0 ? 0 : sql::char_position(current_->text, static_cast<std::size_t>(option.at)));
  if (vacuum.vacuum && in_block_) return Error::make(sqlstate::active_sql_transaction, "VACUUM cannot run inside a transaction block");
  SPG_TRY(begin_statement(txn::Intent::read, where));
  for (const sql::VacuumTarget& target : vacuum.targets) {
    SPG_ASSIGN(const catalog::Relation* relation, require_table(*target.table));
    if (relation->kind != 'r') {
      warn(sqlstate::successful_completion, statement_arena_.concat("skipping \"", relation->name, "\" --- cannot ", vacuum.vacuum ? "vacuum" : "analyze", " non-tables or special system tables"));
      continue;
    }
    for (const std::string_view name : target.columns) {
      bool found = false;
      for (const catalog::ColumnInfo& column : relation->columns) found = found || (!column.dropped && column.name == name);
      if (!found) return Error::make(sqlstate::undefined_column, "column \"", name, "\" of relation \"", relation->name, "\" does not exist");
    }
  }
  return ok();
}

/// Runs the whole of a utility statement; phase_ tells how it goes on.
Status SessionImpl::run_utility(const sql::Statement& statement, Where where) {
  set_tag(current_->statement.tag, 0, false);
  phase_ = Phase::finish;
  // Those that need neither catalog nor rows.
  switch (statement.kind) {
    case NodeKind::set: return run_set(static_cast<const sql::Set&>(statement));
    case NodeKind::show: return run_show(static_cast<const sql::Show&>(statement).name);
    case NodeKind::prepare: return run_prepare(static_cast<const sql::Prepare&>(statement), where);
    case NodeKind::deallocate: {
      const std::string_view name = static_cast<const sql::Deallocate&>(statement).name;
      if (name.empty()) { prepared_.clear(); return ok(); }
      const auto found = prepared_.find(name);
      if (found == prepared_.end()) return Error::make(sqlstate::undefined_pstatement, "prepared statement \"", name, "\" does not exist");
      prepared_.erase(found);
      return ok();
    }
    case NodeKind::discard: return run_discard(static_cast<const sql::Discard&>(statement));
    case NodeKind::vacuum: return run_vacuum(static_cast<const sql::Vacuum&>(statement), where);
    case NodeKind::cluster: case NodeKind::reindex: return ok();
    case NodeKind::constraints_set: return run_set_constraints(static_cast<const sql::SetConstraints&>(statement), where);
    case NodeKind::lock: return run_lock(static_cast<const sql::Lock&>(statement), where);
    case NodeKind::declare_cursor: return run_declare(static_cast<const sql::DeclareCursor&>(statement), where);
    case NodeKind::fetch: return run_fetch(static_cast<const sql::Fetch&>(statement), where);
    case NodeKind::close: return run_close(static_cast<const sql::Close&>(statement));
    case NodeKind::checkpoint:
      if (!role_.is_superuser) return Error::make(sqlstate::insufficient_privilege, "must be superuser or have privileges of pg_checkpoint to do CHECKPOINT");
      return instance_.machine().checkpoint();
    case NodeKind::backup: return start_backup(static_cast<const sql::Backup&>(statement));
    default: break;
  }
  if (statement.kind == NodeKind::execute) return run_execute(static_cast<const sql::Execute&>(statement), where);
  if (is_forbidden_in_read_only(statement)) {
    SPG_TRY(begin_transaction());
    SPG_TRY(check_read_only(current_->statement.tag));
  }
  writes_shared_ = is_shared_change(statement);
  // COPY FROM goes on where its data arrives, and cannot start again: its reads wait.
  const auto* copy = sql::as<sql::Copy>(&statement);
  Status failed = begin_statement(intent_of(statement), copy != nullptr && copy->from ? Where::worker : where, &current_->statement);
  writes_shared_ = false;
  if (failed) return failed;
  SPG_TRY(check_not_in_use(statement));
  const auto check = [&](const sql::Expr& expr, std::string_view column, Oid type, std::int32_t typmod) {
    return check_default(expr, column, type, typmod);
  };
  const catalog::CheckDefault check_default_call(check);
  catalog::DdlContext ddl{&catalog_, this, this, &statement_arena_, current_->text, &check_default_call};
  auto changed = [&](Status status) {
    catalog_.invalidate();
    return status;
  };
  switch (statement.kind) {
    case NodeKind::create_table: {
      auto made = catalog::create_table(ddl, static_cast<const sql::CreateTable&>(statement));
      return changed(std::move(made).status());
    }
    case NodeKind::drop: return changed(catalog::drop(ddl, static_cast<const sql::Drop&>(statement)));
    case NodeKind::alter_table:
      return changed(catalog::alter_table(ddl, static_cast<const sql::AlterTable&>(statement),
                                          [&](const sql::Expr& expr, Oid type, std::int32_t typmod) { return evaluate_default(expr, type, typmod); }));
    case NodeKind::create_view: return changed(create_view(ddl, static_cast<const sql::CreateView&>(statement)));
    case NodeKind::create_index: return changed(catalog::create_index(ddl, static_cast<const sql::CreateIndex&>(statement)));
    case NodeKind::truncate: return changed(catalog::truncate(ddl, static_cast<const sql::Truncate&>(statement)));
    case NodeKind::create_schema: return changed(catalog::create_schema(ddl, static_cast<const sql::CreateSchema&>(statement)));
    case NodeKind::comment: return changed(catalog::comment(ddl, static_cast<const sql::Comment&>(statement)));
    case NodeKind::rename: return changed(catalog::rename(ddl, static_cast<const sql::Rename&>(statement)));
    case NodeKind::set_owner: return changed(catalog::set_owner(ddl, static_cast<const sql::SetOwner&>(statement)));
    case NodeKind::set_schema: return changed(catalog::set_schema(ddl, static_cast<const sql::SetSchema&>(statement)));
    case NodeKind::create_role: return changed(catalog::create_role(ddl, static_cast<const sql::CreateRole&>(statement)));
    case NodeKind::alter_role: return changed(catalog::alter_role(ddl, static_cast<const sql::AlterRole&>(statement)));
    case NodeKind::drop_role: return changed(catalog::drop_role(ddl, static_cast<const sql::DropRole&>(statement)));
    case NodeKind::grant_role: return changed(catalog::grant_role(ddl, static_cast<const sql::GrantRole&>(statement)));
    case NodeKind::explain: return run_explain(static_cast<const sql::Explain&>(statement));
    case NodeKind::copy:
      SPG_TRY(start_copy(static_cast<const sql::Copy&>(statement)));
      phase_ = Phase::run;
      return ok();
    default: return not_supported(current_->statement.tag);
  }
}

Status SessionImpl::create_view(catalog::DdlContext& ddl, const sql::CreateView& statement) {
  if (current_->statement.as_of != nullptr) return not_supported("AS OF SYSTEM TIME in a view");
  plan::ViewRequest request;
  request.query = statement.query;
  request.name = statement.view->name;
  request.columns = statement.columns.span();
  request.recursive = statement.recursive;
  plan::PlanContext planning = plan_context(current_->text);
  planning.allows_parameters = false;
  SPG_ASSIGN(const plan::ViewDefinition made, unless_unread(plan::define_view(statement_arena_, request, planning)));
  Vec<catalog::ColumnDefinition> columns(statement_arena_);
  for (const plan::OutputColumn& column : made.columns) columns.push_back({column.name, column.type, column.typmod, column.collation});
  Vec<catalog::ViewQuery::Reference> references(statement_arena_);
  for (const plan::ViewReference& one : made.references) references.push_back({one.catalog, one.oid, one.sub});
  return catalog::create_view(ddl, statement, {columns.span(), made.text, references.span(), made.not_updatable});
}

/// An expression of a schema change (ADD COLUMN ... DEFAULT), planned as SELECT expr and evaluated once.
Result<type::Value> SessionImpl::evaluate_default(const sql::Expr& expr, Oid type, std::int32_t typmod) {
  const exec::ExecContext run = context(statement_arena_, {});
  plan::PlanContext planning = plan_context(current_->text);
  SPG_ASSIGN(plan::Expr * bound, unless_unread(plan::bind_standalone(statement_arena_, expr, type, typmod, planning)));
  return exec::evaluate_constant(*bound, run);
}

/// Binds a default as INSERT will; a bare literal must also be a value of the type.
Status SessionImpl::check_default(const sql::Expr& expr, std::string_view column, Oid type, std::int32_t typmod) {
  plan::PlanContext planning = plan_context(current_->text);
  planning.default_column = column;
  return unless_unread(plan::bind_standalone(statement_arena_, expr, type, typmod, planning)).status();
}

Status SessionImpl::run_discard(const sql::Discard& discard) {
  if (discard.what == sql::DiscardWhat::all) {
    if (in_block_) return Error::make(sqlstate::active_sql_transaction, "DISCARD ALL cannot run inside a transaction block");
    prepared_.clear();
    advisory_unlock_all();
    cursors_.clear();
    settings_.reset_all();
    apply_settings();
  }
  return ok();
}

namespace {

/// Seconds east as the name of a POSIX zone: <+05:30>-05:30.
void print_zone(std::int64_t seconds, TextBuilder& out) {
  const auto part = [&](bool negative) {
    const std::int64_t all = seconds < 0 ? -seconds : seconds;
    const auto two = [&](std::int64_t n) { out.add(n < 10 ? "0" : "", n); };
    out.add(negative ? "-" : "+");
    two(all / 3600);
    if (all % 3600 == 0) return;
    out.add(":");
    two(all / 60 % 60);
    if (all % 60 == 0) return;
    out.add(":");
    two(all % 60);
  };
  out.resize(0);
  out.add("<");
  part(seconds < 0);
  out.add(">");
  part(seconds >= 0);
}

/// SET TIME ZONE 5, '-3.5' and INTERVAL '-03:30': the text becomes a zone's name.
Status numeric_zone(const sql::Expr& expr, TextBuilder& value) {
  MemoryBudget budget;
  Arena arena(budget);
  if (const auto* cast = sql::as<sql::TypeCast>(&expr)) {
    if (cast->type->name.empty() || cast->type->name.back() != "interval") return ok();
    SPG_ASSIGN(const type::Value span, type::input(type::oid::interval, value.view(), -1, {}, arena));
    const auto interval = span.as<type::Interval>();
    if (interval.months != 0) return Error::make(sqlstate::invalid_parameter_value, "cannot specify months in time zone interval");
    if (interval.days != 0) return Error::make(sqlstate::invalid_parameter_value, "cannot specify days in time zone interval");
    print_zone(interval.microseconds / 1000000, value);
    return ok();
  }
  double hours = 0;
  const std::string_view text = value.view();
  const char* end = text.data() + text.size();
  const auto parsed = std::from_chars(text.data() + (text.starts_with('+') ? 1 : 0), end, hours);
  if (parsed.ec == std::errc{} && parsed.ptr == end) print_zone(static_cast<std::int64_t>(hours * 3600), value);
  return ok();
}

}  // namespace

// --- settings -------------------------------------------------------------------------------------------------------

Status SessionImpl::run_set(const sql::Set& set) {
  using sql::SetAction;
  if (set.local && !in_block_ && set.action != SetAction::transaction) warn(sqlstate::no_active_sql_transaction, "SET LOCAL can only be used in transaction blocks");
  Status failed;
  switch (set.action) {
    case SetAction::transaction:
      if (!in_block_) warn(sqlstate::no_active_sql_transaction, "SET TRANSACTION can only be used in transaction blocks");
      if (in_block_) SPG_TRY(begin_transaction());
      if (transaction_->is_active()) failed = set_transaction_modes(set.modes);
      break;
    case SetAction::session_transaction: {
      static constexpr std::string_view levels[] = {"", "read uncommitted", "read committed", "repeatable read", "serializable"};
      if (set.modes.isolation != sql::Isolation::unspecified)
        failed = settings_.set("default_transaction_isolation", levels[static_cast<std::size_t>(set.modes.isolation)], Settings::Source::user);
      if (!failed && set.modes.read_only != sql::Toggle::unspecified)
        failed = settings_.set("default_transaction_read_only", set.modes.read_only == sql::Toggle::on ? "on" : "off", Settings::Source::user);
      if (!failed && set.modes.deferrable != sql::Toggle::unspecified)
        failed = settings_.set("default_transaction_deferrable", set.modes.deferrable == sql::Toggle::on ? "on" : "off", Settings::Source::user);
      break;
    }
    case SetAction::reset: case SetAction::to_default:
      failed = is_transaction_setting(set.name) ? set_transaction_setting(set.name, find_setting(set.name)->start) : settings_.reset(set.name, set.local);
      break;
    case SetAction::reset_all: settings_.reset_all(); break;
    case SetAction::from_current: break;
    case SetAction::snapshot: return not_supported("SET TRANSACTION SNAPSHOT");
    case SetAction::value: {
      TextBuilder value(statement_arena_);
      for (std::size_t i = 0; i < set.values.size(); ++i) {
        const sql::Expr* one = set.values[i];
        if (const auto* cast = sql::as<sql::TypeCast>(one)) one = cast->arg;
        value.add(i == 0 ? "" : ", ", literal_text(*one, statement_arena_));
      }
      if (find_setting(set.name) != nullptr && find_setting(set.name)->name == "TimeZone") {
        SPG_TRY(numeric_zone(*set.values[0], value));
        if (zones_.find(value.view()) == nullptr)
          return Error::make(sqlstate::invalid_parameter_value, "invalid value for parameter \"TimeZone\": \"", value.view(), "\"");
        failed = settings_.set(set.name, zones_.find(value.view())->name(), Settings::Source::user, set.local);
        break;
      }
      failed = is_transaction_setting(set.name) ? set_transaction_setting(set.name, value.view())
                                                : settings_.set(set.name, value.view(), Settings::Source::user, set.local);
      break;
    }
  }
  if (failed) return failed;
  if (!in_block_) settings_.commit();
  apply_settings();
  return ok();
}

Result<std::span<const plan::OutputColumn>> SessionImpl::show_columns(std::string_view name) {
  const bool all = name == "all";
  auto* columns = query_arena_.array<plan::OutputColumn>(3);
  auto text_column = [](std::string_view column) { return plan::OutputColumn{column, type::oid::text, -1, Oid::none, type::Physical::string, Oid::none, 0}; };
  if (all) {
    columns[0] = text_column("name");
    columns[1] = text_column("setting");
    columns[2] = text_column("description");
    return std::span<const plan::OutputColumn>(columns, 3);
  }
  const SettingInfo* info = find_setting(name);
  columns[0] = text_column(info == nullptr ? query_arena_.copy(name) : info->name);
  return std::span<const plan::OutputColumn>(columns, 1);
}

/// Sends rows of texts: `values` row by row.
Status SessionImpl::send_text_rows(std::span<const plan::OutputColumn> columns, std::span<const std::string_view> values) {
  if (sends_description_) sink_.describe_rows(columns, formats_);
  const std::size_t width = columns.size();
  for (std::size_t at = 0; at < values.size(); at += width) {
    type::StringRef refs[8];
    type::Vector vectors[8];
    for (std::size_t c = 0; c < width; ++c) {
      refs[c] = type::StringRef(values[at + c]);
      vectors[c] = {type::Physical::string, type::Vector::Form::flat, &refs[c], nullptr, nullptr};
    }
    type::Batch batch{{vectors, width}, 1, {nullptr, 1}};
    SPG_TRY(sink_.rows(batch, columns, formats_, text_settings()));
  }
  return ok();
}

Status SessionImpl::run_show(std::string_view name) {
  SPG_ASSIGN(const auto columns, show_columns(name));
  set_tag("SHOW", 0, false);
  apply_settings();
  show_transaction_modes();
  if (name == "all") {
    Vec<std::string_view> values(statement_arena_);
    settings_.each([&](const SettingInfo& info, std::string_view value) {
      values.push_back(info.name);
      values.push_back(value);
      values.push_back(info.description);
    });
    return send_text_rows(columns, values.span());
  }
  SPG_ASSIGN(const std::string_view value, settings_.get(name));
  return send_text_rows(columns, {&value, 1});
}

// --- prepared statements by SQL -------------------------------------------------------------------------------------

Status SessionImpl::run_prepare(const sql::Prepare& prepare, Where where) {
  if (prepared_.contains(prepare.name)) return Error::make(sqlstate::duplicate_pstatement, "prepared statement \"", prepare.name, "\" already exists");
  SPG_TRY(begin_statement(txn::Intent::read, where, &current_->statement));
  std::vector<std::uint32_t> types;
  for (const sql::TypeName* type : prepare.types) {
    plan::PlanContext planning = plan_context(current_->text);
    SPG_ASSIGN(const plan::ResolvedType resolved, unless_unread(plan::resolve_type(statement_arena_, *type, planning)));
    types.push_back(raw(resolved.type));
  }
  // The query is a part of this statement's text: parsed again by itself, so that it may outlive the message.
  SPG_ASSIGN(const std::string_view text, sql::deparse(statement_arena_, *prepare.query));
  SPG_ASSIGN(auto prepared, make_prepared(text, types));
  prepared->name = prepare.name;
  is_analyzing_ = true;
  Status failed = plan(*prepared);
  is_analyzing_ = false;
  if (failed) return failed;
  prepared_[std::string(prepare.name)] = std::move(prepared);
  return ok();
}

Result<std::span<const type::Value>> SessionImpl::execute_parameters(const sql::Execute& execute, const Prepared& prepared) {
  if (execute.params.size() != prepared.parameter_types.size())
    return Error::make(sqlstate::syntax_error, "wrong number of parameters for prepared statement \"", execute.name, "\"")
        .detail("Expected ", prepared.parameter_types.size(), " parameters but got ", execute.params.size(), ".");
  auto* values = statement_arena_.array<type::Value>(execute.params.size());
  for (std::size_t i = 0; i < execute.params.size(); ++i) {
    SPG_ASSIGN(values[i], evaluate_default(*execute.params[i], prepared.parameter_types[i], -1));
  }
  return std::span<const type::Value>(values, execute.params.size());
}

Status SessionImpl::run_execute(const sql::Execute& execute, Where where) {
  auto prepared = find_prepared(execute.name);
  if (prepared == nullptr) return Error::make(sqlstate::undefined_pstatement, "prepared statement \"", execute.name, "\" does not exist");
  SPG_TRY(begin_statement(intent_of(*prepared->statement.tree), where, &prepared->statement));
  SPG_TRY(plan(*prepared));
  SPG_TRY(check_read_only(*prepared));
  if (where == Where::reactor && !prepared->plan->is_short) return Error::would_block();  // begins anew on a worker
  SPG_ASSIGN(parameters_, execute_parameters(execute, *prepared));
  current_ = prepared;
  SPG_TRY(open_execution(*prepared->compiled, parameters_));
  if (sends_description_ && returns_rows(*prepared)) sink_.describe_rows(prepared->outputs, formats_);
  phase_ = Phase::run;
  return ok();
}

}  // namespace spg::db
