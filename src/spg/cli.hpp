// The verbs of `spg`, the operator's tool. Each takes the arguments behind its name and returns the exit code:
// 0 fine, 1 an error or damage, 2 wrong usage.
#pragma once
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spg/base/error.hpp"

namespace spg::cli {

using Arguments = std::span<const std::string_view>;

int query(Arguments arguments);
int wal_lint(Arguments arguments);
int dump(Arguments arguments);
int verify(Arguments arguments);
int repair(Arguments arguments);
int audit(Arguments arguments);
int revert(Arguments arguments);
int backup(Arguments arguments);
int restore(Arguments arguments);

/// "spg: what", to standard error; returns 2.
int wrong_usage(std::string_view what);
/// An error of the library as psql prints it, to standard error; returns 1.
int report(const Error& error);

/// How far something has come, on a line of standard error where that is a terminal; nothing elsewhere.
class Meter {
 public:
  explicit Meter(const char* what);
  ~Meter();
  void show(std::uint64_t done_bytes, std::uint64_t all_bytes);

 private:
  const char* what_;
  bool is_terminal_, has_shown_ = false;
  std::uint64_t next_ns_ = 0;
};

/// Options (`--name VALUE`, or flags) taken out of the arguments.
class Options {
 public:
  explicit Options(Arguments arguments) : rest(arguments.begin(), arguments.end()) {}
  /// True when `--name` was there.
  bool flag(std::string_view name);
  /// The value behind `--name`, or the fallback. Sets missing when the value is.
  std::string_view value(std::string_view name, std::string_view fallback);
  /// What is left looks like an option: nobody has taken it.
  bool has_unknown() const;

  std::vector<std::string_view> rest;
  bool missing = false;
};

/// Where the log of a database is when nobody says: <db>.wal (the library's default) if there is such a log, else wal.log
/// in the same folder (the server's).
std::string default_log_path(std::string_view database);

}  // namespace spg::cli
