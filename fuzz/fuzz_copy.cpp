// COPY's text and CSV: any bytes are rows or refused, alike however they are cut; the first byte picks the format and the cut.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "spg/db/copy.hpp"

using namespace spg;

static std::string read(const db::CopyFormat& format, std::string_view input, std::size_t piece) {
  MemoryBudget budget;
  Arena arena(budget);
  db::CopyReader reader(format);
  Vec<db::CopyField> row(arena);
  std::string all;
  const auto drain = [&] {
    for (;;) {
      auto more = reader.next(row, arena);
      if (!more) { all += "error " + std::string(more.error().message()); return false; }
      if (!*more) return true;
      for (const db::CopyField& field : row) all += field.is_null ? std::string("N") : "<" + std::string(field.text) + ">";
      all += "\n" + std::to_string(reader.line());
    }
  };
  for (std::size_t at = 0; at < input.size(); at += piece) {
    if (reader.feed(as_bytes(input.substr(at, piece)))) std::abort();
    if (!drain()) return all;
  }
  reader.finish();
  (void)drain();
  return all;
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  if (size == 0) return 0;
  const std::string_view input(reinterpret_cast<const char*>(data) + 1, size - 1);
  db::CopyFormat format;
  format.csv = (data[0] & 1) != 0;
  if (format.csv) { format.delimiter = ','; format.null_text = ""; }
  if (format.csv && (data[0] & 2) != 0) format.escape = '\\';
  format.header = (data[0] & 4) != 0;
  if (read(format, input, input.size() + 1) != read(format, input, 1 + (data[0] >> 3))) std::abort();
  return 0;
}
