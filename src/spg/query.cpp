// spg query: runs statements on a database's files and prints the answers as psql does, or as CSV or TSV.
#include <cstdio>

#include "cli.hpp"
#include "spg/codec/utf8.hpp"
#include "spg/spg.hpp"
#include "spg/sql/lexer.hpp"
#include "spg/type/io.hpp"

namespace spg::cli {
namespace {

enum class Style : std::uint8_t { aligned, csv, tsv };

bool is_numeric(Oid type) {
  const type::TypeInfo* info = type::find_type(type);
  if (info == nullptr) return false;
  switch (info->format) {
    case type::Format::int2: case type::Format::int4: case type::Format::int8: case type::Format::float4: case type::Format::float8:
    case type::Format::numeric: case type::Format::oid: case type::Format::xid: case type::Format::xid8: return true;
    default: return false;
  }
}

/// Characters, not bytes.
std::size_t width_of(std::string_view text) {
  std::size_t width = 0;
  for (const char c : text) width += (static_cast<unsigned char>(c) & 0xc0) != 0x80;
  return width;
}

void put(std::string_view text) { (void)std::fwrite(text.data(), 1, text.size(), stdout); }
void put_spaces(std::size_t count) { put(std::string(count, ' ')); }

void print_aligned(const Rows& rows) {
  const std::size_t columns = rows.column_count();
  std::vector<std::size_t> widths;
  std::vector<std::vector<std::string>> cells;
  for (std::size_t c = 0; c < columns; ++c) widths.push_back(width_of(rows.column_name(c)));
  for (const Row row : rows) {
    auto& line = cells.emplace_back();
    for (std::size_t c = 0; c < columns; ++c) {
      line.push_back(row[c].text());
      widths[c] = std::max(widths[c], width_of(line[c]));
    }
  }
  for (std::size_t c = 0; c < columns; ++c) {
    const std::size_t room = widths[c] - width_of(rows.column_name(c));
    put(c == 0 ? " " : "| ");
    put_spaces(room / 2);
    put(rows.column_name(c));
    put_spaces(room - room / 2 + 1);
  }
  put("\n");
  for (std::size_t c = 0; c < columns; ++c) put((c == 0 ? "" : "+") + std::string(widths[c] + 2, '-'));
  put("\n");
  for (const auto& line : cells) {
    for (std::size_t c = 0; c < columns; ++c) {
      const std::size_t room = widths[c] - width_of(line[c]);
      put(c == 0 ? " " : " | ");
      if (is_numeric(rows.column_type(c))) {
        put_spaces(room);
        put(line[c]);
      } else {
        put(line[c]);
        if (c + 1 != columns) put_spaces(room);
      }
    }
    put("\n");
  }
  std::printf("(%zu row%s)\n\n", rows.size(), rows.size() == 1 ? "" : "s");
}

std::string csv_field(std::string_view text) {
  if (!text.empty() && text.find_first_of(",\"\r\n") == std::string_view::npos) return std::string(text);
  std::string quoted = "\"";
  for (const char c : text) quoted += c == '"' ? std::string("\"\"") : std::string(1, c);
  return quoted + '"';
}
std::string tsv_field(std::string_view text) {
  std::string escaped;
  for (const char c : text) escaped += c == '\\' ? std::string("\\\\") : c == '\t' ? std::string("\\t") : c == '\n' ? std::string("\\n") : c == '\r' ? std::string("\\r") : std::string(1, c);
  return escaped;
}

/// With a line of names. NULL is an empty field in CSV (the empty string is ""), \N in TSV, as COPY writes them.
void print_separated(const Rows& rows, Style style) {
  const auto field = style == Style::csv ? csv_field : tsv_field;
  const char separator = style == Style::csv ? ',' : '\t';
  const auto print_line = [&](auto cell) {
    for (std::size_t c = 0; c < rows.column_count(); ++c) {
      if (c != 0) std::putchar(separator);
      put(cell(c));
    }
    std::putchar('\n');
  };
  print_line([&](std::size_t c) { return field(rows.column_name(c)); });
  for (const Row row : rows)
    print_line([&](std::size_t c) { return row[c].is_null() ? std::string(style == Style::csv ? "" : "\\N") : field(row[c].text()); });
}

void print(const Rows& rows, Style style) {
  if (rows.column_count() == 0 && rows.size() == 0) {
    if (style == Style::aligned && !rows.tag().empty()) { put(rows.tag()); put("\n"); }
  } else if (style == Style::aligned) {
    print_aligned(rows);
  } else {
    print_separated(rows, style);
  }
}

/// Cuts a script at its semicolons, as psql does: each statement is a transaction of its own.
std::vector<std::string_view> statements_of(std::string_view script) {
  MemoryBudget budget;
  Arena arena(budget);
  sql::Lexer lexer(arena, script, {});
  std::vector<std::string_view> statements;
  std::size_t begin = 0;
  int depth = 0;
  bool is_empty = true;
  for (;;) {
    const sql::Token token = lexer.next();
    const bool ends = token.kind == sql::Tok::end || token.kind == sql::Tok::error;
    const std::string_view text = ends ? std::string_view{} : script.substr(token.begin, token.end - token.begin);
    depth += text == "(" ? 1 : text == ")" ? -1 : 0;
    if (ends || (text == ";" && depth <= 0)) {
      // What cannot be read is handed on, so that the engine says why.
      const std::size_t end = ends ? script.size() : token.begin;
      if (!is_empty || token.kind == sql::Tok::error) statements.push_back(script.substr(begin, end - begin));
      if (ends) return statements;
      begin = token.end;
      is_empty = true;
    } else {
      is_empty = false;
    }
  }
}

std::string read_input() {
  std::string text;
  char buffer[64 * 1024];
  for (std::size_t got; (got = std::fread(buffer, 1, sizeof buffer, stdin)) != 0;) text.append(buffer, got);
  return text;
}

}  // namespace

int query(Arguments arguments) {
  Options options(arguments);
  const bool csv = options.flag("--csv"), tsv = options.flag("--tsv"), read_only = options.flag("--read-only"), audit_begins = options.flag("--audit-begin");
  const std::string_view log = options.value("--wal", ""), database_name = options.value("--database", "postgres"), audit_path = options.value("--audit", "");
  if (options.missing) return wrong_usage("an option lacks its value");
  if (options.rest.empty()) return wrong_usage("query: which database?");
  const std::string_view path = options.rest[0];
  if (path.starts_with('-') || (csv && tsv)) return wrong_usage("query: unknown or conflicting options");
  const Style style = csv ? Style::csv : tsv ? Style::tsv : Style::aligned;

  const std::string log_path = log.empty() ? default_log_path(path) : std::string(log);
  DatabaseOptions database_options;
  database_options.log_path = log_path;
  database_options.read_only = read_only;
  database_options.audit_path = audit_path;
  database_options.audit_begins = audit_begins;
  auto database = Database::open(path, database_options);
  if (!database) return report(database.error());
  auto connection = database->connect(database_name);
  if (!connection) return report(connection.error());
  std::string input;
  std::vector<std::string_view> scripts(options.rest.begin() + 1, options.rest.end());
  if (scripts.empty()) scripts.push_back(input = read_input());
  for (const std::string_view script : scripts)
    for (const std::string_view statement : statements_of(script)) {
      auto rows = connection->execute(statement);
      if (!rows) return report(rows.error());
      print(*rows, style);
    }
  return 0;
}

}  // namespace spg::cli
