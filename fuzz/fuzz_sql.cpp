// SQL text -> tree -> text -> tree: no crash on any input, and what is printed parses back to the same text.
#include <cstdint>
#include <cstdlib>

#include "spg/codec/utf8.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/sql/parser.hpp"

using namespace spg;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  // The lexer takes its text to be valid UTF-8; the wire refuses other text (22021) before it comes here.
  if (size > 20000 || !codec::utf8_is_valid({reinterpret_cast<const char*>(data), size})) return 0;
  MemoryBudget budget(64 << 20);
  Arena arena(budget);
  sql::ParseOptions options;
  options.depth_limit = 200;
  auto parsed = sql::parse(arena, {reinterpret_cast<const char*>(data), size}, options);
  if (!parsed) return 0;
  options.depth_limit = 4000;  // parentheses of the canonical text may nest deeper than the source did
  for (const sql::RawStatement& raw : *parsed) {
    auto printed = sql::deparse(arena, *raw.tree);
    if (!printed) continue;
    auto again = sql::parse(arena, *printed, options);
    if (!again) {
      if (again.error().code() == sqlstate::statement_too_complex || again.error().code() == sqlstate::out_of_memory)
        continue;
      std::abort();
    }
    if (again->size() != 1 || *sql::deparse(arena, *(*again)[0].tree) != *printed) std::abort();
  }
  return 0;
}
