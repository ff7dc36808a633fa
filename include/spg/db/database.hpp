// Database: SPG as a library.
//
//   auto database = spg::Database::open("app.db").value();
//   auto connection = database.connect().value();
//   connection.execute("CREATE TABLE t (a int, b text)").value();
//   connection.execute("INSERT INTO t VALUES ($1, $2)", 1, "one").value();
//   spg::Rows rows = connection.execute("SELECT a, b FROM t").value();
//   for (spg::Row row : rows) use(row[0].as<int>().value(), row["b"].text());
//
// Every call that can fail returns a Result: look at it (`if (!rows) ... rows.error().message()`), or take its value(),
// which throws where exceptions are on.
// Place: the embedded face of db/Instance and db/Session; no template parameters. Which world it stands on is decided by
// what opens it (profile/embedded: files, or memory; Database::over: a machine that the caller has put together).
// Threads: a Database may be used by any; a Connection and what it returns by one at a time, but for cancel(). A statement
// that has to wait for another connection's transaction blocks its thread: do not wait for yourself.
// Ownership: handles keep alive what they need; copying a Database or a Connection copies the handle.
#pragma once
#include <array>
#include <concepts>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <type_traits>

#include "spg/base/bytes.hpp"
#include "spg/base/ids.hpp"
#include "spg/base/result.hpp"

namespace spg {

namespace txn { class MachineControl; }
namespace db {
class ZoneFiles;
struct DatabaseState;
struct ConnectionState;
struct RowsState;
}  // namespace db

/// A statement's parameter. Its SQL type comes from where $n stands. Refers to the text that it is made of.
class Parameter {
 public:
  Parameter(std::nullptr_t) : null_(true) {}
  Parameter(std::string_view text) : text_(text) {}
  Parameter(const char* text) : text_(text) {}
  Parameter(const std::string& text) : text_(text) {}
  Parameter(bool value) : text_(value ? "t" : "f") {}
  template <class T>
    requires std::is_arithmetic_v<T>
  Parameter(T value) { number(value); }
  /// bytea
  Parameter(Bytes bytes) : text_(as_text(bytes)), binary_(true) {}
  template <class T>
  Parameter(const std::optional<T>& value) : null_(!value.has_value()) { if (value) *this = Parameter(*value); }

  bool is_null() const { return null_; }
  bool is_binary() const { return binary_; }
  std::string_view text() const { return digits_ != 0 ? std::string_view(buffer_, digits_) : text_; }

 private:
  template <class T>
  void number(T value) {
    if constexpr (std::is_floating_point_v<T>) print(static_cast<double>(value));
    else if constexpr (std::is_signed_v<T>) print(static_cast<std::int64_t>(value));
    else print(static_cast<std::uint64_t>(value));
  }
  void print(double value);
  void print(std::int64_t value);
  void print(std::uint64_t value);

  std::string_view text_;
  char buffer_[32];
  std::uint8_t digits_ = 0;
  bool null_ = false, binary_ = false;
};

/// One value of a result.
class Field {
 public:
  Field(const db::RowsState& rows, std::size_t row, std::size_t column) : rows_(&rows), row_(row), column_(column) {}
  bool is_null() const;
  /// As psql prints it; empty when NULL.
  std::string text() const;
  /// bool, integers, float, double, std::string_view (text and bytea: the bytes), std::string (any type, as text()), or
  /// std::optional of these (NULL: nullopt). 22002 when NULL, 22003 when it does not fit, 42804 when it is of another type.
  template <class T>
  Result<T> as() const {
    if constexpr (is_optional<T>) {
      if (is_null()) return T{};
      SPG_ASSIGN(auto value, as<typename T::value_type>());
      return T(std::move(value));
    } else if constexpr (std::is_same_v<T, bool>) {
      return boolean();
    } else if constexpr (std::is_integral_v<T>) {
      SPG_ASSIGN(const std::int64_t value, integer());
      if (!std::in_range<T>(value)) return out_of_range();
      return static_cast<T>(value);
    } else if constexpr (std::is_floating_point_v<T>) {
      SPG_ASSIGN(const double value, real());
      return static_cast<T>(value);
    } else if constexpr (std::is_same_v<T, std::string_view>) {
      return bytes();
    } else {
      static_assert(std::is_same_v<T, std::string>, "Field::as<T>: no SQL value is read as a T");
      if (is_null()) return null_value();
      return text();
    }
  }

 private:
  template <class T>
  static constexpr bool is_optional = requires { typename T::value_type; requires std::is_same_v<T, std::optional<typename T::value_type>>; };
  Result<bool> boolean() const;
  Result<std::int64_t> integer() const;
  Result<double> real() const;
  Result<std::string_view> bytes() const;
  Error null_value() const;
  Error out_of_range() const;

  const db::RowsState* rows_;
  std::size_t row_, column_;
};

class Row {
 public:
  Row(const db::RowsState& rows, std::size_t row) : rows_(&rows), row_(row) {}
  std::size_t size() const;
  /// Requires: column < size().
  template <std::integral Index>
  Field operator[](Index column) const { return {*rows_, row_, static_cast<std::size_t>(column)}; }
  /// The first column of the name. Requires: there is one (Rows::find_column() asks).
  Field operator[](std::string_view column) const;

 private:
  const db::RowsState* rows_;
  std::size_t row_;
};

/// A statement's result, all of it in memory. Rows and Fields refer to it.
class Rows {
 public:
  explicit Rows(std::unique_ptr<db::RowsState> state);
  Rows(Rows&&) noexcept;
  Rows& operator=(Rows&&) noexcept;
  ~Rows();

  std::size_t size() const;
  bool empty() const { return size() == 0; }
  /// Requires: row < size().
  Row operator[](std::size_t row) const { return {*state_, row}; }
  std::size_t column_count() const;
  std::string_view column_name(std::size_t column) const;
  Oid column_type(std::size_t column) const;
  /// Empty when there is none.
  std::optional<std::size_t> find_column(std::string_view name) const;
  /// PostgreSQL's command tag: "INSERT 0 1".
  std::string_view tag() const;
  /// Of the tag: rows inserted, updated, deleted, selected.
  std::uint64_t rows_affected() const;

  class Iterator {
   public:
    Iterator(const db::RowsState& rows, std::size_t row) : rows_(&rows), row_(row) {}
    Row operator*() const { return {*rows_, row_}; }
    Iterator& operator++() { ++row_; return *this; }
    bool operator==(const Iterator&) const = default;

   private:
    const db::RowsState* rows_;
    std::size_t row_;
  };
  Iterator begin() const { return {*state_, 0}; }
  Iterator end() const { return {*state_, size()}; }

 private:
  std::unique_ptr<db::RowsState> state_;
};

/// A prepared statement: parsed once, planned when the schema changes. Must not outlive its use of the connection's thread.
class Statement {
 public:
  Statement(std::shared_ptr<db::ConnectionState> connection, std::string name) : connection_(std::move(connection)), name_(std::move(name)) {}
  Statement(Statement&&) noexcept = default;
  Statement& operator=(Statement&&) noexcept = default;
  ~Statement();

  template <class... Values>
  Result<Rows> execute(const Values&... values) {
    const std::array<Parameter, sizeof...(Values)> parameters{Parameter(values)...};
    return run(parameters);
  }
  Result<Rows> run(std::span<const Parameter> parameters);

 private:
  std::shared_ptr<db::ConnectionState> connection_;
  std::string name_;
};

class Connection {
 public:
  explicit Connection(std::shared_ptr<db::ConnectionState> state) : state_(std::move(state)) {}

  /// Without parameters the text may hold several statements: they run as one transaction (unless they say otherwise), and
  /// the last one's rows are returned. With parameters, exactly one.
  template <class... Values>
  Result<Rows> execute(std::string_view sql, const Values&... values) {
    if constexpr (sizeof...(Values) == 0) {
      return run_script(sql);
    } else {
      const std::array<Parameter, sizeof...(Values)> parameters{Parameter(values)...};
      return run(sql, parameters);
    }
  }
  Result<Rows> run(std::string_view sql, std::span<const Parameter> parameters);
  Result<Statement> prepare(std::string_view sql);
  bool in_transaction() const;
  /// From any thread: the statement that runs ends with 57014 soon.
  void cancel();

 private:
  Result<Rows> run_script(std::string_view sql);
  std::shared_ptr<db::ConnectionState> state_;
};

struct DatabaseOptions {
  /// Write-ahead log: files <log_path>.NNNNNNNN. Empty: <path>.wal
  std::string_view log_path;
  /// The superuser of a new database; connections are this role's.
  std::string_view user = "bench";
  std::string_view password = "bench";
  std::size_t memory_limit_bytes = SIZE_MAX;
  std::uint64_t checkpoint_log_bytes = std::uint64_t{256} << 20;
  /// open() changes no file, and nothing can be written. Several processes may read so at once, while none writes.
  bool read_only = false;
  /// Of open(): each transaction that changes anything is written to this file, too (docs/audit.md). Empty: none.
  std::string_view audit_path;
  /// Where that file is missing, but the database knows of one, a new one begins, which names the last entry of the other.
  bool audit_begins = false;
  /// Time zones for over() (null: UTC only); open() and in_memory() take the system's.
  const db::ZoneFiles* zone_files = nullptr;
};

class Database {
 public:
  /// Opens the files at `path` (and <path>.d), or makes them. One at a time, in this process and all others, or several that
  /// only read: F0001 when it is open already. The operating system takes the lock from a process that dies; a forked child
  /// that does not call exec shares it.
  static Result<Database> open(std::string_view path, const DatabaseOptions& options = {});
  /// Everything ends with the last handle.
  static Result<Database> in_memory(const DatabaseOptions& options = {});
  /// On an opened machine of the caller, which must outlive every handle.
  static Result<Database> over(txn::MachineControl& machine, const DatabaseOptions& options = {});

  explicit Database(std::shared_ptr<db::DatabaseState> state) : state_(std::move(state)) {}
  /// 3D000 when there is no database of the name. Each connection is a session of its own.
  Result<Connection> connect(std::string_view database = "postgres") const;
  /// Writes what has changed into segments, so that the log can go. Happens by itself now and then.
  Status checkpoint() const;

 private:
  std::shared_ptr<db::DatabaseState> state_;
};

}  // namespace spg
