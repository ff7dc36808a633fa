// Reads the golden vectors that tools/generate_type_vectors.py wrote from the reference PostgreSQL.
#pragma once
#include <catch2/catch.hpp>
#include <fstream>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"

namespace vectors {

using Row = std::vector<std::string>;
inline const std::string null_field = "\\N";

inline std::string unescape(const std::string& field) {
  if (field == null_field) return field;
  std::string result;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') { result += field[i]; continue; }
    const char c = field[++i];
    result += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  return result;
}

inline std::vector<Row> read(const std::string& topic) {
  std::ifstream file(std::string(SPG_TEST_VECTORS) + "/type/" + topic + ".tsv");
  std::vector<Row> rows;
  for (std::string line; std::getline(file, line);) {
    Row row;
    std::size_t at = 0;
    for (;;) {
      const std::size_t tab = line.find('\t', at);
      row.push_back(unescape(line.substr(at, tab - at)));
      if (tab == std::string::npos) break;
      at = tab + 1;
    }
    rows.push_back(row);
  }
  return rows;
}

inline std::string describe(const spg::Error& error) {
  const auto code = spg::sqlstate_text(error.code());
  return "!" + std::string(code.data(), 5) + " " + std::string(error.message());
}

/// The text of a computed result, or of its error, in the form of the expected field.
template <class T, class Print>
std::string outcome(spg::Result<T> result, Print print) {
  if (!result) return describe(result.error());
  return print(*result);
}

using Function = std::function<std::string(const Row& row, spg::Arena& arena)>;

/// Replays topics: every row must have a function, and every function a row.
inline void replay(const std::vector<std::string>& topics, const std::map<std::string, Function>& functions) {
  std::vector<Row> rows;
  for (const std::string& topic : topics)
    for (Row& row : read(topic)) rows.push_back(row);
  REQUIRE(rows.size() > 20);
  std::map<std::string, int> used;
  spg::MemoryBudget budget;
  spg::Arena arena(budget);
  for (const Row& row : rows) {
    const auto found = functions.find(row[0]);
    std::string line;
    for (std::size_t i = 0; i + 1 < row.size(); ++i) line += (i == 0 ? "" : " | ") + row[i];
    if (found == functions.end()) { FAIL_CHECK("no function for " << line); continue; }
    ++used[row[0]];
    const std::string got = found->second(row, arena);
    if (got != row.back()) FAIL_CHECK(line << "\n  want " << row.back() << "\n  got  " << got);
    arena.reset();
  }
  for (const auto& [name, function] : functions)
    if (used[name] == 0) FAIL_CHECK("no row for " << name);
  SUCCEED();
}

}  // namespace vectors
