#include "spg/db/database.hpp"

#include <charconv>
#include <vector>

#include "spg/db/database_state.hpp"
#include "spg/db/session.hpp"
#include "spg/type/io.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/oids.hpp"

namespace spg {
namespace db {

/// The rows of one statement, copied out of the batches.
struct RowsState {
  struct Column { std::string name; Oid type{}; };

  RowsState() : arena(budget) {}
  const type::Value& at(std::size_t row, std::size_t column) const { return values[row * columns.size() + column]; }

  MemoryBudget budget;
  Arena arena;                       ///< strings of values
  std::vector<Column> columns;
  std::vector<type::Value> values;   ///< row by row
  std::size_t rows = 0;
  std::string tag;
  type::TextSettings settings;       ///< as they were; zones belong to the connection
  std::shared_ptr<ConnectionState> connection;
};

struct ConnectionState final : ResultSink {
  ~ConnectionState() { session.reset(); }

  Result<Rows> drive();
  Result<Rows> execute_bound(std::string_view statement, std::span<const Parameter> parameters);
  Error undo(Error error);

  std::shared_ptr<DatabaseState> database;
  std::unique_ptr<txn::Event> turn;
  std::unique_ptr<Session> session;
  std::unique_ptr<RowsState> result;
  std::weak_ptr<ConnectionState> self;
  std::uint64_t statements = 0;

  // --- ResultSink
  void describe_rows(std::span<const plan::OutputColumn> columns, std::span<const std::int16_t>) override {
    result = std::make_unique<RowsState>();
    is_complete = false;
    for (const plan::OutputColumn& column : columns) result->columns.push_back({std::string(column.name), column.type});
  }
  Status rows(const type::Batch& batch, std::span<const plan::OutputColumn> columns, std::span<const std::int16_t>,
              const type::TextSettings& settings) override {
    result->settings = settings;
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
      for (std::size_t column = 0; column < columns.size(); ++column) {
        type::Value value = type::value_of(batch.columns[column], batch.selected[i]);
        if (!value.is_null && value.physical == type::Physical::string)
          value = type::string_value(result->arena.copy(value.as<type::StringRef>().view()));
        result->values.push_back(value);
      }
      ++result->rows;
    }
    return result->budget.check();
  }
  void command_complete(std::string_view tag) override {
    // A statement without rows ends here; the next one's rows start a new result.
    if (is_complete || result == nullptr) result = std::make_unique<RowsState>();
    result->tag = tag;
    is_complete = true;
  }
  void no_data() override {}
  void describe_parameters(std::span<const Oid>) override {}
  void empty_query() override { result = std::make_unique<RowsState>(); }
  void portal_suspended() override {}
  void notice(NoticeSeverity, const Error&) override {}
  void setting(std::string_view, std::string_view) override {}
  void begin_copy_in(std::size_t) override {}
  void begin_copy_out(std::size_t) override {
    result = std::make_unique<RowsState>();
    is_complete = false;
    result->columns.push_back({"copy", type::oid::text});
  }
  Status copy_out(Bytes line) override {
    std::string_view text = as_text(line);
    if (text.ends_with('\n')) text.remove_suffix(1);
    result->values.push_back(type::string_value(result->arena.copy(text)));
    ++result->rows;
    return result->budget.check();
  }
  void end_copy_out() override {}
  std::size_t mark() const override { return result == nullptr ? 0 : result->rows; }
  void rewind(std::size_t mark) override {
    if (result == nullptr) return;
    result->rows = std::min(mark, result->rows);
    result->values.resize(result->rows * result->columns.size());
  }
  bool is_full() const override { return false; }

  bool is_complete = false;  ///< `result` is a finished statement's
};

/// Runs the session's activity to its end; waits where it has to.
Result<Rows> ConnectionState::drive() {
  is_complete = false;
  for (;;) {
    auto progress = session->run(Where::worker);
    if (!progress) {
      SPG_TRY(database->machine->wait_durable(session->reply_floor()));
      return progress.take_error();
    }
    switch (*progress) {
      case Progress::done: {
        if (result == nullptr) result = std::make_unique<RowsState>();
        result->connection = self.lock();
        return Rows(std::move(result));
      }
      case Progress::waits_turn:
        if (session->is_woken() || turn->wait(session->time_left_ns())) break;
        session->fail();
        return Error::make(sqlstate::lock_not_available, "could not obtain lock: another connection's transaction has it");
      case Progress::waits_durable:
        if (Status failed = database->machine->wait_durable(session->floor())) {
          session->fail();
          return failed;
        }
        break;
      case Progress::wants_copy_data: return session->copy_fail("COPY FROM STDIN has no input in an embedded database");
      case Progress::output_full: case Progress::wants_worker: break;
    }
  }
}

/// Ends what a failed step of parse, bind, execute has left open.
Error ConnectionState::undo(Error error) {
  session->fail();
  session->start_sync();
  (void)drive();
  return error;
}

Result<Rows> ConnectionState::execute_bound(std::string_view statement, std::span<const Parameter> parameters) {
  std::vector<ParameterInput> inputs(parameters.size());
  for (std::size_t i = 0; i < parameters.size(); ++i)
    inputs[i] = {parameters[i].is_null(), parameters[i].is_binary(), as_bytes(parameters[i].text())};
  Status failed = session->bind("", statement, inputs, {}, Where::worker);
  if (!failed) failed = session->describe_portal("", Where::worker);
  if (!failed) failed = session->start_execute("", 0);
  if (failed) return undo(std::move(failed));
  auto rows = drive();
  if (!rows) return undo(rows.take_error());
  session->start_sync();
  SPG_TRY(drive().status());
  return rows;
}

}  // namespace db

// --- Parameter ------------------------------------------------------------------------------------------------------

namespace {
template <class T>
std::uint8_t print_to(char (&buffer)[32], T value) { return static_cast<std::uint8_t>(std::to_chars(buffer, buffer + sizeof buffer, value).ptr - buffer); }
}  // namespace

void Parameter::print(double value) {
  if (value != value) text_ = "NaN";
  else if (value - value != 0) text_ = value > 0 ? "Infinity" : "-Infinity";
  else digits_ = print_to(buffer_, value);
}
void Parameter::print(std::int64_t value) { digits_ = print_to(buffer_, value); }
void Parameter::print(std::uint64_t value) { digits_ = print_to(buffer_, value); }

// --- Field, Row, Rows -----------------------------------------------------------------------------------------------

namespace {
Error wrong_type(const db::RowsState& rows, std::size_t column, const char* wanted) {
  const type::TypeInfo* info = type::find_type(rows.columns[column].type);
  return Error::make(sqlstate::datatype_mismatch, "column \"", std::string_view(rows.columns[column].name), "\" is of type ",
                     info == nullptr ? std::string_view("?") : info->name, " and not ", std::string_view(wanted));
}
}  // namespace

bool Field::is_null() const { return rows_->at(row_, column_).is_null; }
Error Field::null_value() const {
  return Error::make(sqlstate::null_value_no_indicator_parameter, "column \"", std::string_view(rows_->columns[column_].name), "\" is NULL");
}
Error Field::out_of_range() const {
  return Error::make(sqlstate::numeric_value_out_of_range, "column \"", std::string_view(rows_->columns[column_].name), "\" is out of range");
}
std::string Field::text() const {
  const type::Value& value = rows_->at(row_, column_);
  if (value.is_null) return {};
  MemoryBudget budget;
  Arena arena(budget);
  TextBuilder out(arena);
  type::output(rows_->columns[column_].type, value, out, rows_->settings);
  return std::string(out.view());
}
Result<bool> Field::boolean() const {
  const type::Value& value = rows_->at(row_, column_);
  if (value.is_null) return null_value();
  if (value.physical != type::Physical::boolean) return wrong_type(*rows_, column_, "boolean");
  return value.as<bool>();
}
Result<std::int64_t> Field::integer() const {
  const type::Value& value = rows_->at(row_, column_);
  if (value.is_null) return null_value();
  const type::TypeInfo* info = type::find_type(rows_->columns[column_].type);
  switch (info == nullptr ? type::Format::void_type : info->format) {
    case type::Format::int2: return std::int64_t{value.as<std::int16_t>()};
    case type::Format::int4: return std::int64_t{value.as<std::int32_t>()};
    case type::Format::int8: return value.as<std::int64_t>();
    case type::Format::oid: case type::Format::xid: return std::int64_t{value.as<std::uint32_t>()};
    case type::Format::numeric: case type::Format::xid8: {
      const std::string digits = text();
      std::int64_t number = 0;
      const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), number);
      if (error != std::errc{} || std::string_view(end, digits.data() + digits.size()).find_first_not_of(".0") != std::string_view::npos) return out_of_range();
      return number;
    }
    default: return wrong_type(*rows_, column_, "an integer");
  }
}
Result<double> Field::real() const {
  const type::Value& value = rows_->at(row_, column_);
  if (value.is_null) return null_value();
  const type::TypeInfo* info = type::find_type(rows_->columns[column_].type);
  switch (info == nullptr ? type::Format::void_type : info->format) {
    case type::Format::float4: return static_cast<double>(value.as<float>());
    case type::Format::float8: return value.as<double>();
    case type::Format::numeric: {
      const std::string digits = text();
      double number = 0;
      if (std::from_chars(digits.data(), digits.data() + digits.size(), number).ec != std::errc{}) return out_of_range();
      return number;
    }
    default: {
      auto whole = integer();
      if (!whole) return wrong_type(*rows_, column_, "a number");
      return static_cast<double>(*whole);
    }
  }
}
Result<std::string_view> Field::bytes() const {
  const type::Value& value = rows_->at(row_, column_);
  if (value.is_null) return null_value();
  const type::TypeInfo* info = type::find_type(rows_->columns[column_].type);
  switch (info == nullptr ? type::Format::void_type : info->format) {
    case type::Format::text: case type::Format::varchar: case type::Format::bpchar: case type::Format::name: case type::Format::bytea:
      return value.as<type::StringRef>().view();
    default: return wrong_type(*rows_, column_, "text or bytea");
  }
}

std::size_t Row::size() const { return rows_->columns.size(); }
Field Row::operator[](std::string_view column) const {
  std::size_t at = 0;
  while (at < rows_->columns.size() && rows_->columns[at].name != column) ++at;
  SPG_ASSERT(at < rows_->columns.size());
  return {*rows_, row_, at};
}

Rows::Rows(std::unique_ptr<db::RowsState> state) : state_(std::move(state)) {}
Rows::Rows(Rows&&) noexcept = default;
Rows& Rows::operator=(Rows&&) noexcept = default;
Rows::~Rows() = default;
std::size_t Rows::size() const { return state_->rows; }
std::size_t Rows::column_count() const { return state_->columns.size(); }
std::string_view Rows::column_name(std::size_t column) const { return state_->columns[column].name; }
Oid Rows::column_type(std::size_t column) const { return state_->columns[column].type; }
std::optional<std::size_t> Rows::find_column(std::string_view name) const {
  for (std::size_t i = 0; i < state_->columns.size(); ++i)
    if (state_->columns[i].name == name) return i;
  return {};
}
std::string_view Rows::tag() const { return state_->tag; }
std::uint64_t Rows::rows_affected() const {
  const std::string& tag = state_->tag;
  std::uint64_t count = 0;
  const auto space = tag.rfind(' ');
  if (space != std::string::npos) (void)std::from_chars(tag.data() + space + 1, tag.data() + tag.size(), count);
  return count;
}

// --- Statement, Connection, Database --------------------------------------------------------------------------------

Statement::~Statement() {
  if (connection_ != nullptr) connection_->session->close_statement(name_);
}
Result<Rows> Statement::run(std::span<const Parameter> parameters) {
  connection_->result.reset();
  return connection_->execute_bound(name_, parameters);
}

Result<Rows> Connection::run_script(std::string_view sql) {
  state_->result.reset();
  state_->session->start_query(sql);
  return state_->drive();
}
Result<Rows> Connection::run(std::string_view sql, std::span<const Parameter> parameters) {
  state_->result.reset();
  if (Status failed = state_->session->parse("", sql, {}, db::Where::worker)) return state_->undo(std::move(failed));
  return state_->execute_bound("", parameters);
}
Result<Statement> Connection::prepare(std::string_view sql) {
  std::string name = "spg" + std::to_string(++state_->statements);
  if (Status failed = state_->session->parse(name, sql, {}, db::Where::worker)) return state_->undo(std::move(failed));
  return Statement(state_, std::move(name));
}
bool Connection::in_transaction() const { return state_->session->status() != db::BlockStatus::idle; }
void Connection::cancel() {
  state_->session->cancel();
  state_->turn->set();
}

Result<Connection> Database::connect(std::string_view database) const {
  auto connection = std::make_shared<db::ConnectionState>();
  connection->database = state_;
  connection->self = connection;
  connection->turn = state_->machine->make_event();
  if (connection->turn == nullptr) return Error::out_of_memory();
  SPG_ASSIGN(connection->session, db::Session::open(*state_->instance, state_->user, database, *connection));
  connection->session->set_wake([](void* turn) { static_cast<txn::Event*>(turn)->set(); }, connection->turn.get());
  return Connection(std::move(connection));
}

Status Database::checkpoint() const { return state_->machine->checkpoint(); }

Result<Database> Database::over(txn::MachineControl& machine, const DatabaseOptions& options) {
  return db::open_database(std::make_shared<db::DatabaseState>(), machine, options, options.zone_files);
}

Result<Database> db::open_database(std::shared_ptr<DatabaseState> state, txn::MachineControl& machine, const DatabaseOptions& options, const ZoneFiles* zone_files) {
  InstanceOptions instance;
  instance.superuser = options.user;
  instance.superuser_password = options.password;
  instance.memory_limit_bytes = options.memory_limit_bytes;
  instance.zone_files = zone_files;
  state->machine = &machine;
  state->user = options.user;
  SPG_ASSIGN(state->instance, Instance::open(machine, instance));
  return Database(std::move(state));
}

}  // namespace spg
