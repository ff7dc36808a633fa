#include <catch2/catch.hpp>
#include <fstream>
#include <string>
#include <vector>

#include "spg/exec/execution.hpp"
#include "spg/type/io.hpp"

using namespace spg;

namespace {

std::string unescape(const std::string& field) {
  std::string result;
  for (std::size_t i = 0; i < field.size(); ++i) {
    if (field[i] != '\\') {
      result += field[i];
      continue;
    }
    const char c = field[++i];
    result += c == 't' ? '\t' : c == 'n' ? '\n' : c == 'r' ? '\r' : c;
  }
  return result;
}
std::vector<std::string> fields_of(const std::string& line) {
  std::vector<std::string> fields;
  for (std::size_t at = 0;;) {
    const std::size_t tab = line.find('\t', at);
    fields.push_back(line.substr(at, tab - at));
    if (tab == std::string::npos) return fields;
    at = tab + 1;
  }
}
std::string describe(const Error& error) {
  const auto code = sqlstate_text(error.code());
  return "!" + std::string(code.data(), 5) + " " + std::string(error.message());
}

/// Calls a function with constants; its result, or its error, as text.
std::string outcome(const std::vector<std::string>& fields, Arena& arena) {
  const type::TextSettings settings;
  std::vector<plan::Constant> constants(fields.size() - 4);
  std::vector<plan::Expr*> arguments;
  std::size_t at = 0;
  for (std::size_t i = 0; i < constants.size(); ++i) {
    std::size_t used = 0;
    plan::Constant& constant = constants[i];
    constant.kind = plan::ExprKind::constant;
    constant.type = Oid{static_cast<std::uint32_t>(std::stoul(fields[2].substr(at), &used))};
    at += used + 1;
    constant.physical = type::physical_of(constant.type);
    constant.value = type::Value::null_of(constant.physical);
    if (fields[3 + i] != "\\N") {
      const auto text = arena.copy(unescape(fields[3 + i]));
      auto value = type::input(constant.type, text, -1, settings, arena);
      if (!value) return describe(value.error());
      constant.value = *value;
    }
    arguments.push_back(&constant);
  }
  plan::Call call;
  call.kind = plan::ExprKind::call;
  call.function = Oid{static_cast<std::uint32_t>(std::stoul(fields[0]))};
  call.type = Oid{static_cast<std::uint32_t>(std::stoul(fields[1]))};
  call.physical = type::physical_of(call.type);
  call.arguments = arguments;
  exec::ExecContext context;
  context.arena = &arena;
  context.settings = &settings;
  auto value = exec::evaluate_constant(call, context);
  if (!value) return describe(value.error());
  if (value->is_null) return "\\N";
  TextBuilder out(arena);
  type::output(call.type, *value, out, settings);
  return std::string(out.view());
}

}  // namespace

TEST_CASE("functions return what PostgreSQL returns") {
  MemoryBudget budget;
  Arena arena(budget);
  for (const char* module : {"core", "text", "numeric", "datetime", "array", "pattern"}) {
    std::ifstream file(std::string(SPG_TEST_VECTORS) + "/exec/" + module + ".tsv");
    std::size_t rows = 0, wrong = 0;
    for (std::string line; std::getline(file, line); ++rows) {
      const auto fields = fields_of(line);
      const std::string want = fields.back() == "\\N" ? fields.back() : unescape(fields.back());
      const std::string got = outcome(fields, arena);
      arena.reset();
      if (got == want) continue;
      if (++wrong < 60) FAIL_CHECK(module << ": " << line << "\n  got " << got);
    }
    CHECK(wrong == 0);
    CHECK(rows > 100);
  }
}
