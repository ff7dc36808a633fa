#include <catch2/catch.hpp>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>
#include <vector>

#include "spg/sql/deparse.hpp"
#include "spg/sql/parser.hpp"
#include "spg/sql/utility.hpp"

using namespace spg;
using namespace spg::sql;

namespace {

std::string read_file(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  REQUIRE(file.good());
  return {std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
}

std::vector<std::string> split(const std::string& text, char separator) {
  std::vector<std::string> parts;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find(separator, at), text.size());
    if (end > at) parts.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return parts;
}

std::string unescape(const std::string& text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\') { out += text[i]; continue; }
    const char c = text[++i];
    out += c == 't' ? '\t' : c == 'n' ? '\n' : c;
  }
  return out;
}

/// print(parse(text)), or "error: message".
std::string canonical(Arena& arena, std::string_view text) {
  auto node = parse_expression(arena, text);
  if (!node) return "error: " + std::string(node.error().message());
  return std::string(deparse(arena, **node));
}

struct Tally { int statements = 0, accepted = 0, printed = 0; };

/// Parses a text and, where a statement has canonical text, checks that it is a fixed point of print and parse.
void check_round_trip(const std::string& text, Tally& tally) {
  MemoryBudget budget;
  Arena arena(budget);
  ++tally.statements;
  auto parsed = parse(arena, text);
  if (!parsed) return;
  ++tally.accepted;
  for (const RawStatement& raw : *parsed) {
    auto printed = deparse(arena, *raw.tree);
    if (!printed) continue;
    ++tally.printed;
    INFO(text << "\n-> " << *printed);
    auto again = parse(arena, *printed);
    if (!again) FAIL_CHECK("does not parse back: " << again.error().message());
    else if (again->size() != 1) FAIL_CHECK("parses back to several");
    else if (*deparse(arena, *(*again)[0].tree) != *printed)
      FAIL_CHECK("second print: " << *deparse(arena, *(*again)[0].tree));
  }
}

}  // namespace

TEST_CASE("operators bind as in PostgreSQL") {
  const std::pair<const char*, const char*> rows[] = {
      {"1 + 2 * 3 ^ 4", "(1 + (2 * (3 ^ 4)))"},
      {"2 ^ 3 ^ 4", "((2 ^ 3) ^ 4)"},
      {"a or b and not c = d", "(a OR (b AND (NOT (c = d))))"},
      {"-a ^ b::int", "((- a) ^ CAST(b AS int4))"},
      {"- 5", "(-5)"},
      {"a || b + c", "(a || (b + c))"},
      {"a = b is null", "((a = b) IS NULL)"},
      {"a is null = b", "((a IS NULL) = b)"},
      {"a = b between 1 and 2 and c", "((a = (b BETWEEN (1) AND (2))) AND c)"},
      {"a like b || 'x' escape c", "(a LIKE (b || 'x') ESCAPE c)"},
      {"not a in (1, 2)", "(NOT (a IN (1, 2)))"},
      {"a collate \"C\" < b at time zone 'x'", "((a COLLATE \"C\") < (b AT TIME ZONE 'x'))"},
      {"a = any (b)", "(a = ANY (b))"},
      {"a and b and c", "(a AND b AND c)"},
      {"x[1].y[2:3]", "x[1].y[2:3]"},
      {"(a).b.*", "(a).b.*"},
      {"a < b < c", "error: syntax error at or near \"<\""},
      {"a between 1 and 2 between 3 and 4", "error: syntax error at or near \"between\""},
      {"(select 1) + ((select 2))", "((SELECT 1) + (SELECT 2))"},
      {"interval '1' day to second(3)", "CAST('1' AS interval DAY TO SECOND(3))"},
      {"date '2020-01-01'", "CAST('2020-01-01' AS date)"},
      {"count(distinct a order by b desc) filter (where c)", "count(DISTINCT a ORDER BY b DESC) FILTER (WHERE c)"},
      {"trim(leading 'x' from y)", "TRIM(LEADING FROM y, 'x')"},
      {"E'a\\tb\\x41\\u00e9'", "'a\tbA\u00e9'"},
      {"U&'d\\0061t\\+000061'", "'data'"},
  };
  MemoryBudget budget;
  for (const auto& [text, expected] : rows) {
    Arena arena(budget);
    std::string printed = canonical(arena, text);
    for (std::size_t at; (at = printed.find("pg_catalog.")) != std::string::npos;) printed.erase(at, 11);
    CHECK(printed == expected);
  }
}

TEST_CASE("a script is split into statements with tags, places and parameters") {
  MemoryBudget budget;
  Arena arena(budget);
  auto parsed = parse(arena,
                      " ;select $2, $1; ; insert into t values ($3) ;begin immediate; backup to 'x';create rule r as "
                      "on insert to t do instead (select 1; select 2)");
  REQUIRE(parsed);
  REQUIRE(parsed->size() == 5);
  CHECK((*parsed)[0].tag == "SELECT");
  CHECK((*parsed)[0].begin == 2);
  CHECK((*parsed)[0].end == 15);
  CHECK((*parsed)[0].params == 2);
  CHECK((*parsed)[1].tag == "INSERT");
  CHECK((*parsed)[1].params == 3);
  CHECK(to<Transaction>(*(*parsed)[2].tree).begin_mode == BeginMode::immediate);
  CHECK(to<Backup>(*(*parsed)[3].tree).file == "x");
  CHECK(to<Backup>(*(*parsed)[3].tree).options.size() == 0);
  auto backup = parse(arena, "BACKUP TO 'a''b/' WITH (prune, replace off); backup to 'x' (prune)");
  CHECK(backup.error().position() == 60);
  backup = parse(arena, "BACKUP TO 'a''b/' WITH (prune, replace off)");
  REQUIRE(backup);
  const auto& directory = to<Backup>(*(*backup)[0].tree);
  CHECK((directory.file == "a'b/" && directory.options.size() == 2 && directory.options[1].name == "replace" && directory.options[1].value != nullptr));
  CHECK((*backup)[0].tag == "BACKUP");
  CHECK((*parsed)[4].tree->kind == NodeKind::unsupported);
  CHECK((*parsed)[4].tag == "CREATE RULE");
}

TEST_CASE("deep nesting ends with 54001, not with the stack") {
  MemoryBudget budget;
  const std::string parens(100000, '(');
  std::string chain = "select 1", unions = "select 1";
  for (int i = 0; i < 100000; ++i) chain += "+1";
  for (int i = 0; i < 100000; ++i) unions += " union select 1";
  std::string minus = "select ", nots = "select ", arrays = "select array", joins = "select * from a";
  for (int i = 0; i < 100000; ++i) { minus += "- "; nots += "not "; arrays += "["; joins += " join (a"; }
  for (const std::string& text :
       {"select " + parens, "select * from " + parens, parens, chain, unions, minus, nots, arrays, joins}) {
    Arena arena(budget);
    auto parsed = parse(arena, text);
    REQUIRE_FALSE(parsed);
    CHECK(parsed.error().code() == sqlstate::statement_too_complex);
    CHECK(parsed.error().message() == "stack depth limit exceeded");
  }
}

TEST_CASE("an exhausted budget ends the parse with 53200") {
  MemoryBudget budget(64 * 1024);
  Arena arena(budget);
  std::string text = "values (1)";
  for (int i = 0; i < 20000; ++i) text += ",(1)";
  auto parsed = parse(arena, text);
  REQUIRE_FALSE(parsed);
  CHECK(parsed.error().code() == sqlstate::out_of_memory);
}

TEST_CASE("settings of the lexer change what strings mean") {
  MemoryBudget budget;
  Arena arena(budget);
  ParseOptions options;
  options.standard_conforming_strings = false;
  auto node = parse_expression(arena, "'a\\nb'", options);
  REQUIRE(node);
  CHECK(to<Literal>(**node).text == "a\nb");
  options.backslash_quote = BackslashQuote::off;
  auto refused = parse_expression(arena, "e'\\''", options);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code() == sqlstate::nonstandard_use_of_escape_character);
  auto unicode = parse_expression(arena, "U&'x'", options);
  REQUIRE_FALSE(unicode);
  CHECK(unicode.error().code() == sqlstate::feature_not_supported);
}

TEST_CASE("names are folded, cut at 63 bytes between characters, and quoted when needed") {
  MemoryBudget budget;
  Arena arena(budget);
  const std::string name = std::string(62, 'A') + "\u00e9";
  auto node = parse_expression(arena, name);
  REQUIRE(node);
  CHECK(to<ColumnRef>(**node).fields[0] == std::string(62, 'a'));
  CHECK(quote_identifier(arena, "abc") == "abc");
  CHECK(quote_identifier(arena, "Abc") == "\"Abc\"");
  CHECK(quote_identifier(arena, "select") == "\"select\"");
  CHECK(quote_identifier(arena, "a\"b") == "\"a\"\"b\"");
  CHECK(quote_literal(arena, "it's \\") == "E'it''s \\\\'");
}

TEST_CASE("good statements parse, and print to a fixed point") {
  Tally tally;
  for (const std::string& line : split(read_file(SPG_TEST_VECTORS "/sql/good.sql"), '\n')) {
    MemoryBudget budget;
    Arena arena(budget);
    auto parsed = parse(arena, line);
    INFO(line);
    if (!parsed) FAIL_CHECK(parsed.error().message());
    check_round_trip(line, tally);
  }
  CHECK(tally.accepted == tally.statements);
  CHECK(tally.printed > 90);
}

TEST_CASE("broken statements fail as PostgreSQL's grammar fails them") {
  int different = 0, total = 0;
  for (const std::string& line : split(read_file(SPG_TEST_VECTORS "/sql/errors.tsv"), '\n')) {
    const std::size_t first = line.find('\t'), second = line.find('\t', first + 1), third = line.find('\t', second + 1);
    const std::string code = line.substr(0, first), position = line.substr(first + 1, second - first - 1);
    const std::string message = unescape(line.substr(second + 1, third - second - 1)),
                      statement = unescape(line.substr(third + 1));
    MemoryBudget budget;
    Arena arena(budget);
    auto parsed = parse(arena, statement);
    std::string got = "\t0\t";
    if (!parsed) {
      const auto state = sqlstate_text(parsed.error().code());
      got = std::string(state.data(), 5) + "\t" + std::to_string(parsed.error().position()) + "\t" +
            std::string(parsed.error().message());
    }
    ++total;
    if (got != code + "\t" + position + "\t" + message) {
      ++different;
      WARN(statement << "\n  PostgreSQL: " << code << " " << position << " " << message << "\n  SPG: " << got);
    }
  }
  CHECK(total > 1000);
  // The commands that SPG only names (CREATE AGGREGATE and its like) are read less strictly than PostgreSQL reads them.
  CHECK(different <= 6);
}

TEST_CASE("PostgreSQL's regression statements print to a fixed point") {
  const char* shared = std::getenv("SPG_SHARED");
  const std::filesystem::path folder =
      std::filesystem::path(shared != nullptr ? shared : "../shared") / "corpora/postgres/sql";
  if (!std::filesystem::exists(folder)) {
    const char* ci = std::getenv("CI");
    CHECK_FALSE((ci != nullptr && std::string(ci) == "true"));
    return;
  }
  Tally tally;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    const std::string text = read_file(entry.path());
    // Statements are cut by the lexer at semicolons outside parentheses; pieces with psql's own commands do not parse
    // and are left out.
    MemoryBudget budget;
    Arena arena(budget);
    std::size_t at = 0;
    while (at < text.size()) {
      Lexer lexer(arena, std::string_view(text).substr(at), {});
      int depth = 0;
      std::size_t end = text.size();
      for (Token token = lexer.next(); token.kind != Tok::end && token.kind != Tok::error; token = lexer.next()) {
        if (token.kind == Tok::left_paren) ++depth;
        if (token.kind == Tok::right_paren) --depth;
        if (token.kind == Tok::semicolon && depth <= 0) { end = at + token.end; break; }
      }
      check_round_trip(text.substr(at, end - at), tally);
      at = end;
    }
  }
  WARN(tally.statements << " pieces, " << tally.accepted << " parse, " << tally.printed << " print");
  CHECK(tally.accepted > tally.statements * 9 / 10);
}

TEST_CASE("GROUP BY and aggregates print as pg_get_viewdef has them") {
  const struct {
    const char *text, *printed;
  } cases[] = {
      {"grouping sets (a, (b, c), rollup (a, (b, c)), cube (a, b), (), grouping sets ((a), (b)))",
       "GROUPING SETS ((a), (b, c), ROLLUP(a, (b, c)), CUBE(a, b), (), (a), (b))"},
      {"distinct rollup (a, (b, c)), c", "DISTINCT ROLLUP(a, (b, c)), c"},
      {"all rollup ((a)), cube ((a), (a + 1))", "ROLLUP(a), CUBE(a, (a + 1))"},
      {"a, (b, (c, d))", "a, b, c, d"},
      {"rollup ((a, (b, c)), row(a, b))", "ROLLUP((a, b, c), ROW(a, b))"},
      {"grouping sets (row(a, b), ((a, b)))", "GROUPING SETS ((ROW(a, b)), (a, b))"},
      {"()", "()"},
  };
  MemoryBudget budget;
  Arena arena(budget);
  const auto print = [&](const std::string& text) {
    auto parsed = parse(arena, text);
    REQUIRE(parsed.has_value());
    const auto printed = deparse(arena, *(*parsed)[0].tree);
    REQUIRE(printed.has_value());
    return std::string(*printed);
  };
  for (const auto& [text, printed] : cases) {
    const std::string all = print(std::string("select 1 from t group by ") + text);
    CHECK(all == std::string("SELECT 1 FROM t GROUP BY ") + printed);
    CHECK(print(all) == all);
  }
  CHECK(canonical(arena, "grouping(a, b)") == "GROUPING(a, b)");
  CHECK(canonical(arena, "rank(1, 2) within group (order by a, b desc nulls last) filter (where c)") ==
        "rank(1, 2) WITHIN GROUP (ORDER BY a, b DESC NULLS LAST) FILTER (WHERE c)");
  CHECK(canonical(arena, "mode() within group (order by c using >)") == "mode() WITHIN GROUP (ORDER BY c USING >)");
  CHECK(canonical(arena, "string_agg(distinct a, ',' order by a desc) filter (where b > 1)") ==
        "string_agg(DISTINCT a, ',' ORDER BY a DESC) FILTER (WHERE (b > 1))");
}
