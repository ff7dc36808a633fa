// EXPLAIN, and what the server's log says of slow statements.
#include <algorithm>
#include <charconv>

#include "session_impl.hpp"
#include "spg/plan/explain.hpp"
#include "spg/sql/lexer.hpp"
#include "spg/sql/redact.hpp"
#include "spg/type/io.hpp"
#include "spg/type/oids.hpp"

namespace spg::db {

using sql::NodeKind;

// --- options --------------------------------------------------------------------------------------------------------

namespace {

std::string_view option_text(const sql::Option& option, Arena& arena) {
  if (const auto* word = sql::as<sql::Word>(option.value)) return word->text;
  if (option.value == nullptr || option.value->kind != NodeKind::literal) return {};
  const auto& literal = static_cast<const sql::Literal&>(*option.value);
  if (literal.form == sql::LiteralKind::integer) return arena.concat(literal.integer);
  if (literal.form == sql::LiteralKind::boolean) return literal.integer != 0 ? "on" : "off";
  return literal.text;
}

bool same_word(std::string_view text, std::string_view lower) {
  return std::equal(text.begin(), text.end(), lower.begin(), lower.end(),
                    [](char a, char b) { return (a >= 'A' && a <= 'Z' ? static_cast<char>(a - 'A' + 'a') : a) == b; });
}
bool is_any_of(std::string_view text, std::initializer_list<std::string_view> words) {
  return std::any_of(words.begin(), words.end(), [&](std::string_view word) { return same_word(text, word); });
}

Result<bool> flag_of(const sql::Option& option, std::string_view value) {
  if (option.value == nullptr || is_any_of(value, {"on", "true", "1"})) return true;
  if (is_any_of(value, {"off", "false", "0"})) return false;
  return Error::make(sqlstate::syntax_error, option.name, " requires a Boolean value");
}

/// Those that say how statements are planned: EXPLAIN (SETTINGS) shows the ones that have been changed.
constexpr std::string_view planner_settings[] = {
    "constraint_exclusion", "cpu_index_tuple_cost", "cpu_operator_cost", "cpu_tuple_cost", "cursor_tuple_fraction", "effective_cache_size",
    "effective_io_concurrency", "enable_async_append", "enable_bitmapscan", "enable_gathermerge", "enable_hashagg", "enable_hashjoin",
    "enable_incremental_sort", "enable_indexonlyscan", "enable_indexscan", "enable_material", "enable_memoize", "enable_mergejoin",
    "enable_nestloop", "enable_parallel_append", "enable_parallel_hash", "enable_partition_pruning", "enable_partitionwise_aggregate",
    "enable_partitionwise_join", "enable_seqscan", "enable_sort", "enable_tidscan", "force_parallel_mode", "from_collapse_limit",
    "hash_mem_multiplier", "join_collapse_limit", "maintenance_io_concurrency", "max_parallel_workers", "max_parallel_workers_per_gather",
    "min_parallel_index_scan_size", "min_parallel_table_scan_size", "plan_cache_mode", "random_page_cost", "recursive_worktable_factor",
    "search_path", "seq_page_cost", "temp_buffers", "work_mem"};

std::uint64_t machine_ns(void* machine) { return static_cast<txn::MachineControl*>(machine)->monotonic_ns(); }

}  // namespace

struct SessionImpl::ExplainRequest {
  plan::ExplainOptions shown;
  bool analyze = false;
};

Result<SessionImpl::ExplainRequest> SessionImpl::explain_request(const sql::Explain& explain) {
  ExplainRequest request;
  bool wal = false;
  std::optional<bool> timing, summary;
  for (const sql::Option& option : explain.options) {
    const std::string_view value = option_text(option, statement_arena_);
    const auto placed = [&](Error error) { return std::move(error).at(option.at < 0 ? 0 : sql::char_position(current_->text, static_cast<std::size_t>(option.at))); };
    if (option.name == "format") {
      using plan::ExplainFormat;
      if (option.value == nullptr) return Error::make(sqlstate::syntax_error, "format requires a parameter");
      if (value == "text") request.shown.format = ExplainFormat::text;
      else if (value == "json") request.shown.format = ExplainFormat::json;
      else if (value == "yaml") request.shown.format = ExplainFormat::yaml;
      else if (value == "xml") request.shown.format = ExplainFormat::xml;
      else return placed(Error::make(sqlstate::invalid_parameter_value, "unrecognized value for EXPLAIN option \"format\": \"", value, "\""));
      continue;
    }
    static constexpr std::string_view flags[] = {"costs", "verbose", "analyze", "buffers", "timing", "summary", "settings", "wal"};
    if (std::find(std::begin(flags), std::end(flags), option.name) == std::end(flags))
      return placed(Error::make(sqlstate::syntax_error, "unrecognized EXPLAIN option \"", option.name, "\""));
    SPG_ASSIGN(const bool on, flag_of(option, value));
    if (option.name == "costs") request.shown.costs = on;
    else if (option.name == "verbose") request.shown.verbose = on;
    else if (option.name == "analyze") request.analyze = on;
    else if (option.name == "settings") request.shown.shows_settings = on;
    else if (option.name == "timing") timing = on;
    else if (option.name == "summary") summary = on;
    else if (option.name == "wal") wal = on;
  }
  const auto needs_analyze = [](std::string_view option) { return Error::make(sqlstate::invalid_parameter_value, "EXPLAIN option ", option, " requires ANALYZE"); };
  if (wal && !request.analyze) return needs_analyze("WAL");
  if (timing.value_or(false) && !request.analyze) return needs_analyze("TIMING");
  request.shown.timing = timing.value_or(request.analyze);
  request.shown.summary = summary.value_or(request.analyze);
  return request;
}

std::span<const plan::ExplainSetting> SessionImpl::changed_planner_settings(Arena& arena) const {
  Vec<plan::ExplainSetting> changed(arena);
  for (const std::string_view name : planner_settings) {
    if (settings_.is_changed(name)) changed.push_back({find_setting(name)->name, arena.copy(settings_.value(name))});
  }
  return {changed.data(), changed.size()};
}

// --- EXPLAIN --------------------------------------------------------------------------------------------------------

/// Plans what is to be explained; of EXECUTE, what has been prepared, with its parameters.
Result<const plan::Plan*> SessionImpl::plan_explained(const sql::Statement& query, std::span<const type::Value>& parameters) {
  if (const auto* execute = sql::as<sql::Execute>(&query)) {
    auto prepared = find_prepared(execute->name);
    if (prepared == nullptr) return Error::make(sqlstate::undefined_pstatement, "prepared statement \"", execute->name, "\" does not exist");
    SPG_TRY(plan(*prepared));
    SPG_ASSIGN(parameters, execute_parameters(*execute, *prepared));
    SPG_TRY(check_read_only(*prepared));
    explained_ = prepared;  // keeps the plan
    return prepared->plan;
  }
  const exec::ExecContext folding = context(statement_arena_, {});
  Folder folder(folding);
  plan::PlanContext planning = plan_context(current_->text);
  planning.evaluator = &folder;
  const auto* declare = sql::as<sql::DeclareCursor>(&query);
  SPG_ASSIGN(const plan::Plan* planned, unless_unread<plan::Plan*>(plan::plan_statement(statement_arena_, declare == nullptr ? query : *declare->query, planning)));
  return planned;
}

/// Runs the statement to its end, and throws its rows away.
Status SessionImpl::run_measured(const plan::Plan& plan, std::span<const type::Value> parameters, plan::ExplainOptions& options) {
  SPG_ASSIGN(const exec::CompiledPlan* compiled, exec::compile(plan, catalog_, statement_arena_));
  auto* counters = statement_arena_.array<plan::NodeCounters>(plan.node_count);
  for (std::uint32_t i = 0; i < plan.node_count; ++i) new (&counters[i]) plan::NodeCounters{};
  exec::Measures measures{{counters, plan.node_count}, options.timing, machine_ns, &instance_.machine()};
  exec::ExecContext running = context(statement_arena_, parameters);
  running.measures = &measures;
  const std::uint64_t before = instance_.machine().monotonic_ns();
  Status failed = execution_.open(*compiled, running);
  for (bool more = true; more && !failed;) {
    if (failed = check_interrupts(); failed) break;
    type::Batch batch;
    auto got = execution_.next(batch);
    if (!got) failed = got.take_error();
    else more = *got;
  }
  options.memory_bytes = statement_budget_.used_bytes();
  execution_.close();  // operators count until then, and `measures` ends here
  if (failed) return failed;
  options.execution_ms = static_cast<double>(instance_.machine().monotonic_ns() - before) / 1e6;
  options.counters = {counters, plan.node_count};
  return statement_budget_.check();
}

Status SessionImpl::run_explain(const sql::Explain& explain) {
  SPG_ASSIGN(ExplainRequest request, explain_request(explain));
  const bool is_declare = explain.query->kind == NodeKind::declare_cursor;
  const std::uint64_t before = instance_.machine().monotonic_ns();
  std::span<const type::Value> parameters;
  SPG_ASSIGN(const plan::Plan* planned, plan_explained(*explain.query, parameters));
  request.shown.planning_ms = static_cast<double>(instance_.machine().monotonic_ns() - before) / 1e6;
  if (request.analyze && !is_declare) {
    if (planned->writes) SPG_TRY(check_read_only(sql::command_tag(*explain.query)));
    SPG_TRY(run_measured(*planned, parameters, request.shown));
  }
  if (request.shown.shows_settings) request.shown.settings = changed_planner_settings(statement_arena_);
  Vec<std::string_view> lines(statement_arena_);
  plan::explain(statement_arena_, catalog_, *planned, request.shown, lines);
  explained_.reset();
  const plan::OutputColumn column = explain_column();
  return send_text_rows({&column, 1}, lines.span());
}

plan::OutputColumn SessionImpl::explain_column() { return {"QUERY PLAN", type::oid::text, -1, Oid::none, type::Physical::string, Oid::none, 0}; }

// --- slow statements ------------------------------------------------------------------------------------------------

/// Settings that say when: read once per change.
void SessionImpl::apply_log_settings() {
  log_settings_.min_duration_ms = settings_.number("log_min_duration_statement");
  log_settings_.min_sample_ms = settings_.number("log_min_duration_sample");
  log_settings_.sample_rate = 1;
  const std::string_view rate = settings_.value("log_statement_sample_rate");
  (void)std::from_chars(rate.data(), rate.data() + rate.size(), log_settings_.sample_rate);
  log_settings_.min_explained_ms = settings_.number("auto_explain.log_min_duration");
  log_settings_.analyzes = settings_.is_on("auto_explain.log_analyze");
  const bool any = log_settings_.min_duration_ms >= 0 || log_settings_.min_sample_ms >= 0 || log_settings_.min_explained_ms >= 0;
  log_settings_.is_on = any && instance_.server_log() != nullptr;
}

/// auto_explain.log_analyze: counters for the statement that is about to run, or null.
exec::Measures* SessionImpl::log_measures(const exec::CompiledPlan& compiled) {
  log_counters_ = {};
  if (!log_settings_.is_on || !log_settings_.analyzes || log_settings_.min_explained_ms < 0) return nullptr;
  const std::uint32_t count = exec::node_count(compiled);
  auto* counters = statement_arena_.array<plan::NodeCounters>(count);
  for (std::uint32_t i = 0; i < count; ++i) new (&counters[i]) plan::NodeCounters{};
  log_counters_ = {counters, count};
  log_measures_ = {log_counters_, true, machine_ns, &instance_.machine()};
  return &log_measures_;
}

/// The plan of a statement that has taken long, while names can still be looked up.
void SessionImpl::keep_logged_plan() {
  logged_plan_.clear();
  if (!log_settings_.is_on || log_settings_.min_explained_ms < 0 || statement_started_ns_ == 0 || current_ == nullptr || current_->plan == nullptr) return;
  if (instance_.machine().monotonic_ns() - statement_started_ns_ < static_cast<std::uint64_t>(log_settings_.min_explained_ms) * 1'000'000) return;
  MemoryBudget budget(SIZE_MAX, &memory_);
  Arena arena(budget);
  plan::ExplainOptions options;
  options.counters = log_counters_;
  Vec<std::string_view> lines(arena);
  plan::explain(arena, catalog_, *current_->plan, options, lines);
  for (const std::string_view line : lines) logged_plan_.append("\n").append(line);
}

/// A statement has succeeded.
void SessionImpl::log_duration() {
  if (!log_settings_.is_on || statement_started_ns_ == 0 || stated_ == nullptr || stated_->statement.tree == nullptr) return;
  const double ms = static_cast<double>(instance_.machine().monotonic_ns() - statement_started_ns_) / 1e6;
  const auto is_over = [&](std::int64_t limit_ms) { return limit_ms >= 0 && ms >= static_cast<double>(limit_ms); };
  bool tells = is_over(log_settings_.min_duration_ms) || !logged_plan_.empty();
  if (!tells && is_over(log_settings_.min_sample_ms)) {
    std::byte chance[4];
    fill_random(chance);
    tells = static_cast<double>(load_le<std::uint32_t>(chance)) < log_settings_.sample_rate * 4294967296.0;
  }
  if (!tells) return;
  MemoryBudget budget(SIZE_MAX, &memory_);
  Arena arena(budget);
  TextBuilder line(arena);
  char number[32];
  const auto end = std::to_chars(number, number + sizeof number, ms, std::chars_format::fixed, 3);
  sql::ParseOptions options;
  options.standard_conforming_strings = stated_->standard_strings;
  line.add("duration: ", std::string_view(number, static_cast<std::size_t>(end.ptr - number)), " ms  user: ", user_, "  database: ", database_, "  pid: ", process_id_,
           "  statement: ", sql::redacted_text(arena, stated_->text, stated_->statement, options));
  line.add(logged_plan_);
  instance_.server_log()->say(line.view());
}

}  // namespace spg::db
