// Statements without their passwords.
#include "spg/sql/redact.hpp"

#include <catch2/catch.hpp>

#include <string>
#include <vector>

using namespace spg;
using namespace spg::sql;

namespace {
std::vector<std::string> redact(std::string_view source, bool standard_strings = true) {
  MemoryBudget budget;
  Arena arena(budget);
  ParseOptions options;
  options.standard_conforming_strings = standard_strings;
  auto statements = parse(arena, source, options);
  REQUIRE(statements);
  std::vector<std::string> texts;
  for (const RawStatement& one : *statements) texts.emplace_back(redacted_text(arena, source, one, options));
  return texts;
}
}  // namespace

TEST_CASE("passwords are taken out by where the parser found them, however they are written") {
  struct Row { const char *source, *wanted; };
  const Row rows[] = {
      {"CREATE ROLE r PASSWORD 'secret'", "CREATE ROLE r PASSWORD '********'"},
      {"CREATE USER r WITH ENCRYPTED PASSWORD 'it''s secret' LOGIN", "CREATE USER r WITH ENCRYPTED PASSWORD '********' LOGIN"},
      {"create user r password\n  'se'\n'cret' VALID UNTIL '2030-01-01'", "create user r password\n  '********' VALID UNTIL '2030-01-01'"},
      {"ALTER ROLE r PASSWORD E'secret\\'s'", "ALTER ROLE r PASSWORD '********'"},
      {"ALTER USER r VALID UNTIL 'infinity' PASSWORD $$secret$$", "ALTER USER r VALID UNTIL 'infinity' PASSWORD '********'"},
      {"ALTER USER r PASSWORD $x$sec$$ret$x$ CREATEDB", "ALTER USER r PASSWORD '********' CREATEDB"},
      {"ALTER ROLE r PASSWORD U&'\\0073ecret'", "ALTER ROLE r PASSWORD '********'"},
      {"ALTER ROLE r PASSWORD U&'!0073ecret' UESCAPE '!'", "ALTER ROLE r PASSWORD '********'"},
      {"ALTER ROLE r PASSWORD 'SCRAM-SHA-256$4096:c2FsdA==$aaaa:bbbb'", "ALTER ROLE r PASSWORD '********'"},
      {"CREATE GROUP g PASSWORD 'secret'", "CREATE GROUP g PASSWORD '********'"},
      {"CREATE ROLE password PASSWORD 'secret'", "CREATE ROLE password PASSWORD '********'"},
      {"CREATE ROLE \"password 'x'\" PASSWORD 'secret'", "CREATE ROLE \"password 'x'\" PASSWORD '********'"},
      {"CREATE/* secret */ROLE r -- secret\nPASSWORD/**/'secret' /* secret */ LOGIN", "CREATE ROLE r PASSWORD '********' LOGIN"},
      {"ALTER ROLE r PASSWORD NULL VALID UNTIL '2030-01-01'", "ALTER ROLE r PASSWORD NULL VALID UNTIL '2030-01-01'"},
      {"CREATE ROLE r LOGIN /* kept */ VALID UNTIL '2030-01-01'", "CREATE ROLE r LOGIN /* kept */ VALID UNTIL '2030-01-01'"},
      {"SELECT 'PASSWORD ''x'''", "SELECT 'PASSWORD ''x'''"},
      {"INSERT INTO password VALUES ('x')", "INSERT INTO password VALUES ('x')"},
      {"ALTER ROLE r SET search_path TO 'a'", "ALTER ROLE r SET search_path TO 'a'"},
  };
  for (const Row& row : rows) {
    CAPTURE(row.source);
    const auto texts = redact(row.source);
    REQUIRE(texts.size() == 1);
    CHECK(texts[0] == row.wanted);
  }
}

TEST_CASE("each of several statements is redacted by itself") {
  CHECK(redact("SELECT 1; CREATE ROLE a PASSWORD 'secret';\n ALTER ROLE b PASSWORD 'other' ; SELECT 'x'") ==
        std::vector<std::string>{"SELECT 1", "CREATE ROLE a PASSWORD '********'", "ALTER ROLE b PASSWORD '********'", "SELECT 'x'"});
}

TEST_CASE("a backslash is read as it was when the statement was parsed") {
  CHECK(redact("ALTER ROLE r PASSWORD 'se\\'cret' LOGIN", false) == std::vector<std::string>{"ALTER ROLE r PASSWORD '********' LOGIN"});
  CHECK(redact("ALTER ROLE r PASSWORD 'se\\' LOGIN", true) == std::vector<std::string>{"ALTER ROLE r PASSWORD '********' LOGIN"});
}
