// COPY's file formats: text and CSV (chapter "COPY", File Formats), as bytes <-> rows of fields. No I/O, no types.
//
// CopyReader takes bytes in pieces of any size and yields rows; CopyWriter appends rows to a buffer. Memory grows with the
// longest row. One thread at a time.
#pragma once
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "spg/base/arena.hpp"
#include "spg/base/byte_buffer.hpp"
#include "spg/base/result.hpp"

namespace spg::db {

struct CopyFormat {
  bool csv = false;
  char delimiter = '\t';
  std::string null_text = "\\N";
  char quote = '"', escape = '"';
  bool header = false;
  bool header_match = false;               ///< HEADER MATCH: names must be the columns'
  std::vector<bool> force_quote;           ///< by column; CSV output
  std::vector<bool> force_not_null, force_null;
};

struct CopyField {
  std::string_view text;
  bool is_null = false;
};

class CopyReader {
 public:
  explicit CopyReader(const CopyFormat& format) : format_(format) {}

  /// 53200 when the row that the bytes belong to does not fit into memory.
  Status feed(Bytes bytes);
  /// No more bytes will come.
  void finish() { finished_ = true; }
  /// Reads the next row's fields into `row` (text lives in the arena). False when more bytes are needed, or at the end.
  /// 22P04 for a malformed line.
  Result<bool> next(Vec<CopyField>& row, Arena& arena);
  /// Line of the row returned last (or in error), from 1.
  std::uint64_t line() const { return line_; }
  std::size_t held_bytes() const { return pending_.held_bytes(); }
  bool at_end_marker() const { return ended_; }
  /// The raw line returned last, for error contexts.
  std::string_view raw_line() const { return raw_; }
  /// The header line's names, once the first row has been asked for (HEADER MATCH).
  const std::vector<std::string>& header() const { return header_; }

 private:
  bool take_line(std::string_view& line);
  Status split_text(std::string_view line, Vec<CopyField>& row, Arena& arena);
  Status split_csv(std::string_view line, Vec<CopyField>& row, Arena& arena);

  CopyFormat format_;
  ByteBuffer pending_;
  std::size_t at_ = 0, scanned_ = 0;
  bool in_quote_ = false, finished_ = false, ended_ = false, header_done_ = false;
  std::uint64_t line_ = 0, lines_in_row_ = 1;
  std::string_view raw_;
  std::vector<std::string> header_;
};

/// Writes one field, and between fields the delimiter; end_row() ends the line.
class CopyWriter {
 public:
  CopyWriter(const CopyFormat& format, ByteBuffer& out, std::size_t columns) : format_(&format), out_(&out), is_single_(columns == 1) {}
  /// The rows from here on are names of columns, which FORCE_QUOTE does not touch.
  void mark_header() { is_header_ = true; }
  void begin_row() { column_ = 0; }
  void null_field();
  void field(std::string_view text);
  void end_row() { out_->append_byte('\n'); }

 private:
  void separate() { if (column_++ != 0) out_->append_byte(format_->delimiter); }
  const CopyFormat* format_;
  ByteBuffer* out_;
  std::size_t column_ = 0;
  bool is_single_, is_header_ = false;
};

}  // namespace spg::db
