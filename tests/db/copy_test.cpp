#include <catch2/catch.hpp>

#include <utility>

#include "spg/db/copy.hpp"

using namespace spg;
using namespace spg::db;

namespace {

/// Rows as "a|b|NULL", read with the input cut into pieces of every size.
std::vector<std::string> read(const CopyFormat& format, std::string_view text, std::size_t piece) {
  MemoryBudget budget;
  Arena arena(budget);
  CopyReader reader(format);
  std::vector<std::string> rows;
  Vec<CopyField> fields(arena);
  auto drain = [&] {
    for (;;) {
      auto more = reader.next(fields, arena);
      if (!more) { rows.push_back("error: " + std::string(more.error().message())); return; }
      if (!*more) return;
      std::string row;
      bool first = true;
      for (const CopyField& field : fields) row += (std::exchange(first, false) ? "" : "|") + (field.is_null ? std::string("NULL") : std::string(field.text));
      rows.push_back(row);
    }
  };
  for (std::size_t at = 0; at < text.size(); at += piece) {
    REQUIRE_FALSE(reader.feed(as_bytes(text.substr(at, piece))));
    drain();
  }
  reader.finish();
  drain();
  return rows;
}

}  // namespace

TEST_CASE("COPY text is read alike however it is cut") {
  const std::string_view text = "1\tone\t\\N\n2\ta\\tb\\\\c\\nd\t\n3\t\\x41\\102\te\\\nf\r\n4\tend\tx\n\\.\nignored\n";
  const std::vector<std::string> want = {"1|one|NULL", "2|a\tb\\c\nd|", "3|AB|e\nf", "4|end|x"};
  for (std::size_t piece = 1; piece < text.size() + 2; ++piece) {
    CAPTURE(piece);
    CHECK(read({}, text, piece) == want);
  }
}

TEST_CASE("COPY CSV is read alike however it is cut") {
  CopyFormat csv;
  csv.csv = true;
  csv.delimiter = ',';
  csv.null_text = "";
  csv.header = true;
  const std::string_view text = "a,b,c\n1,\"x,\"\"y\"\"\",\n2,\"\",\"line\nbreak\"\n3,plain,z";
  const std::vector<std::string> want = {"1|x,\"y\"|NULL", "2||line\nbreak", "3|plain|z"};
  for (std::size_t piece = 1; piece < text.size() + 2; ++piece) {
    CAPTURE(piece);
    CHECK(read(csv, text, piece) == want);
  }
  CHECK(read(csv, "a,b,c\n1,\"open", 100) == std::vector<std::string>{"error: unterminated CSV quoted field"});
}

TEST_CASE("what COPY writes it reads back") {
  for (const bool is_csv : {false, true}) {
    CopyFormat format;
    format.csv = is_csv;
    if (is_csv) { format.delimiter = ','; format.null_text = ""; }
    ByteBuffer out;
    CopyWriter writer(format, out, 2);
    const std::vector<std::string> fields = {"tab\there", "new\nline", "back\\slash", "quo\"te", "com,ma", "\\.", "", "\\N"};
    for (const std::string& field : fields) {
      writer.begin_row();
      writer.field(field);
      writer.null_field();
      writer.end_row();
    }
    const auto rows = read(format, as_text(out.view()), 7);
    REQUIRE(rows.size() == fields.size());
    for (std::size_t i = 0; i < fields.size(); ++i) CHECK(rows[i] == fields[i] + "|NULL");
  }
}
