// Model: what the tables of the simulation must hold, and one statement's effect on them, computed without the engine.
//
// A State is the tables after one commit; History has one State per commit with its position in the log. Whatever a client is
// shown, and whatever is there after a crash, must be the contents of one of them.
#pragma once
#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

namespace spg::sim {

enum class Table : std::uint8_t { accounts, list, race, wide };
inline constexpr std::size_t table_count = 4;
inline constexpr int account_count = 8, account_start = 1000;
inline constexpr const char* table_names[table_count] = {"accounts", "list", "race", "wide"};

/// The columns after the key, as text with tabs between.
using Rows = std::map<int, std::string>;

struct State {
  std::array<std::shared_ptr<const Rows>, table_count> tables;
  bool has_extra_index = false;
  const Rows& rows(Table table) const { return *tables[static_cast<std::size_t>(table)]; }
};

struct Effect {
  Table table;
  int key;
  bool is_there;      ///< else: the row is gone
  std::string row;
};
/// `state` with the effects done.
State with(const State& state, const std::vector<Effect>& effects);

struct Commit {
  std::uint64_t position;  ///< behind its log record
  State state;
};

enum class Kind : std::uint8_t {
  select_table, select_index, count_keys, select_sum,                     // a = table / index
  transfer, pay,                                                          // a, b = accounts, c = how much
  append,                                                                 // a = key, b = value
  race_insert, race_nothing, race_upsert, race_delete, race_move,         // a, b = keys, c = value
  wide_insert, wide_add, wide_text, wide_delete,                          // a .. b = range, c = value
  lock_rows, lock_rows_nowait, lock_rows_skip,                            // a, b = accounts
  begin, commit, rollback, savepoint, rollback_to, release,               // a = savepoint, or isolation
  synchronous, create_index, drop_index,
};

struct Operation {
  Kind kind{};
  int a = 0, b = 0, c = 0;
};
std::string sql_of(const Operation& operation);
inline bool is_read(Kind kind) { return kind <= Kind::select_sum; }
inline bool is_write(Kind kind) { return kind >= Kind::transfer && kind <= Kind::wide_delete; }
inline bool is_insert(Kind kind) { return (kind >= Kind::race_insert && kind <= Kind::race_upsert) || kind == Kind::wide_insert; }
inline bool is_lock(Kind kind) { return kind >= Kind::lock_rows && kind <= Kind::lock_rows_skip; }

/// What a statement answers when it reads `state`.
struct Outcome {
  std::vector<std::string> lines;   ///< sorted
  std::string error;                ///< SQLSTATE
  int conflicting_key = 0;          ///< of 23505
  std::vector<Effect> effects;
  std::vector<std::pair<Table, int>> touched;  ///< rows that it has locked: as read, they must be the newest
};
Outcome evaluate(const Operation& operation, const State& state);

State first_state();
/// The statements that make first_state().
std::vector<std::string> first_script();
/// What is wrong with the state by itself; empty if nothing is.
std::string fault_of(const State& state);

}  // namespace spg::sim
