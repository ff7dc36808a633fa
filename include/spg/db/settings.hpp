// Settings: PostgreSQL's run-time parameters of one session (chapter 20): one table of them, checked values, SET LOCAL, and
// undo with the transaction.
//
// A session's Settings belong to its thread. Values are kept as canonical text; numbers that hot code needs are read once
// per statement into plain structs (TextSettings, limits).
#pragma once
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "spg/base/function_ref.hpp"
#include "spg/base/result.hpp"

namespace spg::db {

enum class SettingKind : std::uint8_t { boolean, integer, real, string, choice };
/// Who may change it, and when.
enum class SettingContext : std::uint8_t { internal, server_start, session_start, superuser, user };

struct SettingInfo {
  std::string_view name;
  SettingKind kind;
  SettingContext context;
  std::string_view unit;   ///< of an integer: ms, s, min, kB, 8kB, MB, B
  std::string_view start;  ///< value at start
  std::string_view least, greatest, choices;
  std::string_view description;
};
std::span<const SettingInfo> all_settings();
/// Null when there is none of the name (case does not matter).
const SettingInfo* find_setting(std::string_view name);

/// Checks a value and brings it into the form that SHOW prints for it. 22023 with PostgreSQL's words.
/// `now`: the value so far (DateStyle changes it in parts).
Result<std::string> canonical_setting(const SettingInfo& info, std::string_view text, std::string_view now);

class Settings {
 public:
  enum class Source : std::uint8_t { server, session_start, user };

  /// 42704 when there is none.
  Result<std::string_view> get(std::string_view name) const;
  /// The same for those that exist.
  std::string_view value(std::string_view name) const;
  /// Whether it is another one than every server starts with.
  bool is_changed(std::string_view name) const;
  bool is_on(std::string_view name) const { return value(name) == "on"; }
  /// In the setting's base unit; -1 when it is no number.
  std::int64_t number(std::string_view name) const;

  /// `local`: until the end of the transaction. Outside of a transaction block a change is for good.
  Status set(std::string_view name, std::string_view text, Source source, bool local = false);
  Status reset(std::string_view name, bool local = false);
  void reset_all();
  /// What the session started with: RESET goes back to it.
  void set_start(std::string_view name, std::string_view text);
  /// What is read of a setting that the session keeps elsewhere (transaction_isolation): no change, and never undone.
  void show(std::string_view name, std::string_view text) { entry(name).value = text; }

  // --- transactions: marks nest with savepoints
  std::size_t mark() const { return changes_.size(); }
  void undo_to(std::size_t mark);
  void commit();

  /// Settings that a driver is told about (ParameterStatus), when they changed since the last call.
  void report_changes(FunctionRef<void(std::string_view name, std::string_view value)> report);
  void each(FunctionRef<void(const SettingInfo& info, std::string_view value)> visit) const;
  /// Moves with every change: caches of parsed settings compare it.
  std::uint64_t stamp() const { return stamp_; }

 private:
  struct Entry { std::string name, value, start; };
  struct Change { std::string name, before; bool local; };
  Entry* find(std::string_view name);
  const Entry* find(std::string_view name) const;
  Entry& entry(std::string_view name);
  void change(std::string_view name, std::string value, bool local);

  std::vector<Entry> entries_;    // those that differ from the table
  std::vector<Change> changes_;   // of the running transaction
  std::vector<std::string> to_report_;
  std::uint64_t stamp_ = 1;
};

}  // namespace spg::db
