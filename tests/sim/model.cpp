#include "sim/model.hpp"

#include <algorithm>
#include <cstdlib>

namespace spg::sim {
namespace {

std::string number(int value) { return std::to_string(value); }
/// A text, short or long enough for the heap, that sorts by itself.
std::string text_of(int value) { return "s" + number(value) + std::string(static_cast<std::size_t>(value % 5 * 9), 'x'); }
std::string line_of(int key, const std::string& row) { return number(key) + "\t" + row; }
int column(const std::string& row, int at) {
  std::size_t from = 0;
  while (at-- > 0) from = row.find('\t', from) + 1;
  return std::atoi(row.c_str() + from);
}
std::string wide_row(int a, const std::string& b, int c) { return number(a) + "\t" + b + "\t" + number(c); }
std::string middle(const std::string& row) {
  const auto from = row.find('\t') + 1;
  return row.substr(from, row.find('\t', from) - from);
}

/// Collects an Outcome: rows that a statement returns as they are afterwards.
struct Maker {
  Outcome made;
  void put(Table table, int key, const std::string& row, bool was_there) {
    made.lines.push_back(line_of(key, row));
    made.effects.push_back({table, key, true, row});
    if (was_there) made.touched.emplace_back(table, key);
  }
  void remove(Table table, int key, const std::string& row) {
    made.lines.push_back(line_of(key, row));
    made.effects.push_back({table, key, false, {}});
    made.touched.emplace_back(table, key);
  }
  void duplicate(int key) {
    made = {};
    made.error = "23505";
    made.conflicting_key = key;
  }
};

void pay(Maker& to, const Rows& accounts, int id, int amount) {
  const auto found = accounts.find(id);
  if (found != accounts.end()) to.put(Table::accounts, id, number(column(found->second, 0) + amount), true);
}

void race(Maker& to, const Operation& operation, const Rows& rows) {
  const auto found = rows.find(operation.a);
  const bool is_there = found != rows.end();
  const std::string fresh = number(operation.c) + "\t" + number(operation.b);
  switch (operation.kind) {
    case Kind::race_insert: return is_there ? to.duplicate(operation.a) : to.put(Table::race, operation.a, fresh, false);
    case Kind::race_nothing: if (!is_there) to.put(Table::race, operation.a, fresh, false); return;
    case Kind::race_upsert:
      return to.put(Table::race, operation.a, is_there ? number(column(found->second, 0) + 1) + "\t" + number(operation.b) : fresh, is_there);
    case Kind::race_delete: if (is_there) to.remove(Table::race, operation.a, found->second); return;
    default: break;
  }
  if (!is_there) return;
  if (operation.a != operation.b && rows.contains(operation.b)) return to.duplicate(operation.b);
  const std::string row = found->second;
  if (operation.a != operation.b) to.made.effects.push_back({Table::race, operation.a, false, {}});
  to.made.touched.emplace_back(Table::race, operation.a);
  to.put(Table::race, operation.b, row, false);
}

void wide(Maker& to, const Operation& operation, const Rows& rows) {
  if (operation.kind == Kind::wide_insert) {
    for (int id = operation.a; id <= operation.b; ++id)
      if (!rows.contains(id)) to.put(Table::wide, id, wide_row(operation.c + id, text_of(id), operation.c), false);
    return;
  }
  for (const auto& [id, row] : rows) {
    const int a = column(row, 0), by = operation.kind == Kind::wide_add ? a : id;
    if (by < operation.a || by > operation.b) continue;
    if (operation.kind == Kind::wide_add) to.put(Table::wide, id, wide_row(a + 7, middle(row), operation.c), true);
    else if (operation.kind == Kind::wide_text) to.put(Table::wide, id, wide_row(a, text_of(operation.c), column(row, 2)), true);
    else to.remove(Table::wide, id, row);
  }
}

}  // namespace

State with(const State& state, const std::vector<Effect>& effects) {
  State result = state;
  for (std::size_t table = 0; table < table_count; ++table) {
    std::shared_ptr<Rows> own;
    for (const Effect& effect : effects) {
      if (static_cast<std::size_t>(effect.table) != table) continue;
      if (own == nullptr) own = std::make_shared<Rows>(*state.tables[table]);
      if (effect.is_there) (*own)[effect.key] = effect.row;
      else own->erase(effect.key);
    }
    if (own != nullptr) result.tables[table] = own;
  }
  return result;
}

std::string sql_of(const Operation& operation) {
  const std::string a = number(operation.a), b = number(operation.b), c = number(operation.c);
  static constexpr const char* by_index[] = {"a >= -1000000 ORDER BY a", "b >= '' ORDER BY b", "id >= -1000000 ORDER BY id"};
  static constexpr const char* levels[] = {"READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"};
  switch (operation.kind) {
    case Kind::select_table: return std::string("SELECT * FROM ") + table_names[operation.a];
    case Kind::select_index: return std::string("SELECT * FROM wide WHERE ") + by_index[operation.a];
    case Kind::count_keys: return "SELECT count(*) FROM wide WHERE a BETWEEN " + a + " AND " + b;
    case Kind::select_sum: return "SELECT sum(balance) FROM accounts";
    case Kind::transfer:
      return "UPDATE accounts SET balance = balance + CASE WHEN id = " + a + " THEN -" + c + " ELSE " + c + " END WHERE id = " + a + " OR id = " + b +
             " RETURNING id, balance";
    case Kind::pay: return "UPDATE accounts SET balance = balance + (" + c + ") WHERE id = " + a + " RETURNING id, balance";
    case Kind::append: return "INSERT INTO list VALUES (" + a + ", " + b + ") RETURNING k, v";
    case Kind::race_insert: return "INSERT INTO race VALUES (" + a + ", " + c + ", " + b + ") RETURNING k, v, who";
    case Kind::race_nothing: return "INSERT INTO race VALUES (" + a + ", " + c + ", " + b + ") ON CONFLICT DO NOTHING RETURNING k, v, who";
    case Kind::race_upsert:
      return "INSERT INTO race VALUES (" + a + ", " + c + ", " + b + ") ON CONFLICT (k) DO UPDATE SET v = race.v + 1, who = excluded.who RETURNING k, v, who";
    case Kind::race_delete: return "DELETE FROM race WHERE k = " + a + " RETURNING k, v, who";
    case Kind::race_move: return "UPDATE race SET k = " + b + " WHERE k = " + a + " RETURNING k, v, who";
    case Kind::wide_insert: {
      std::string rows;
      for (int id = operation.a; id <= operation.b; ++id)
        rows += (rows.empty() ? "(" : ", (") + number(id) + ", " + number(operation.c + id) + ", '" + text_of(id) + "', " + c + ")";
      return "INSERT INTO wide VALUES " + rows + " ON CONFLICT DO NOTHING RETURNING *";
    }
    case Kind::wide_add: return "UPDATE wide SET a = a + 7, c = " + c + " WHERE a BETWEEN " + a + " AND " + b + " RETURNING *";
    case Kind::wide_text: return "UPDATE wide SET b = '" + text_of(operation.c) + "' WHERE id BETWEEN " + a + " AND " + b + " RETURNING *";
    case Kind::wide_delete: return "DELETE FROM wide WHERE id BETWEEN " + a + " AND " + b + " RETURNING *";
    case Kind::lock_rows: return "SELECT * FROM accounts WHERE id = " + a + " OR id = " + b + (operation.c == 0 ? " FOR UPDATE" : " FOR SHARE");
    case Kind::lock_rows_nowait: return "SELECT * FROM accounts WHERE id = " + a + " OR id = " + b + " FOR UPDATE NOWAIT";
    case Kind::lock_rows_skip: return "SELECT * FROM accounts WHERE id = " + a + " OR id = " + b + " FOR UPDATE SKIP LOCKED";
    case Kind::begin: return std::string("BEGIN ISOLATION LEVEL ") + levels[operation.a];
    case Kind::commit: return "COMMIT";
    case Kind::rollback: return "ROLLBACK";
    case Kind::savepoint: return "SAVEPOINT s" + a;
    case Kind::rollback_to: return "ROLLBACK TO s" + a;
    case Kind::release: return "RELEASE s" + a;
    case Kind::synchronous: return std::string("SET synchronous_commit = ") + (operation.a != 0 ? "on" : "off");
    case Kind::create_index: return "CREATE INDEX IF NOT EXISTS wide_extra ON wide (c, id)";
    case Kind::drop_index: return "DROP INDEX IF EXISTS wide_extra";
  }
  return {};
}

Outcome evaluate(const Operation& operation, const State& state) {
  Maker to;
  const Rows& accounts = state.rows(Table::accounts);
  switch (operation.kind) {
    case Kind::select_table:
      for (const auto& [key, row] : state.rows(static_cast<Table>(operation.a))) to.made.lines.push_back(line_of(key, row));
      break;
    case Kind::select_index:
      for (const auto& [key, row] : state.rows(Table::wide)) to.made.lines.push_back(line_of(key, row));
      break;
    case Kind::count_keys: {
      int count = 0;
      for (const auto& [key, row] : state.rows(Table::wide)) count += column(row, 0) >= operation.a && column(row, 0) <= operation.b;
      to.made.lines.push_back(number(count));
      break;
    }
    case Kind::select_sum: {
      int sum = 0;
      for (const auto& [id, row] : accounts) sum += column(row, 0);
      to.made.lines.push_back(number(sum));
      break;
    }
    case Kind::transfer:
      pay(to, accounts, operation.a, -operation.c);
      if (operation.a != operation.b) pay(to, accounts, operation.b, operation.c);
      break;
    case Kind::pay: pay(to, accounts, operation.a, operation.c); break;
    case Kind::append: to.put(Table::list, operation.a, number(operation.b), false); break;
    case Kind::lock_rows: case Kind::lock_rows_nowait: case Kind::lock_rows_skip:
      for (const auto& [id, row] : accounts) {
        if (id != operation.a && id != operation.b) continue;
        to.made.lines.push_back(line_of(id, row));
        to.made.touched.emplace_back(Table::accounts, id);
      }
      break;
    default:
      if (operation.kind >= Kind::race_insert && operation.kind <= Kind::race_move) race(to, operation, state.rows(Table::race));
      if (operation.kind >= Kind::wide_insert && operation.kind <= Kind::wide_delete) wide(to, operation, state.rows(Table::wide));
  }
  std::sort(to.made.lines.begin(), to.made.lines.end());
  return std::move(to.made);
}

State first_state() {
  State state;
  std::vector<Effect> effects;
  for (auto& table : state.tables) table = std::make_shared<const Rows>();
  for (int id = 1; id <= account_count; ++id) effects.push_back({Table::accounts, id, true, number(account_start)});
  for (int id = 1; id <= 12; ++id) effects.push_back({Table::wide, id, true, wide_row(id * 3, text_of(id), 0)});
  return with(state, effects);
}

std::vector<std::string> first_script() {
  std::vector<std::string> script = {
      "CREATE TABLE accounts (id int PRIMARY KEY, balance int NOT NULL)",
      "CREATE TABLE list (k int, v int)",
      "CREATE TABLE race (k int PRIMARY KEY, v int, who int)",
      "CREATE TABLE wide (id int PRIMARY KEY, a int, b text, c int)",
      "CREATE INDEX wide_a ON wide (a)",
      "CREATE INDEX wide_b ON wide (b)",
  };
  for (int id = 1; id <= account_count; ++id) script.push_back("INSERT INTO accounts VALUES (" + number(id) + ", " + number(account_start) + ")");
  for (int id = 1; id <= 12; ++id)
    script.push_back("INSERT INTO wide VALUES (" + number(id) + ", " + number(id * 3) + ", '" + text_of(id) + "', 0)");
  return script;
}

std::string fault_of(const State& state) {
  const Operation sum{Kind::select_sum};
  const std::string found = evaluate(sum, state).lines[0];
  return found == number(account_count * account_start) ? "" : "the accounts' sum is " + found;
}

}  // namespace spg::sim
