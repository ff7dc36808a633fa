#include "spg/db/copy.hpp"

#include <cstring>
#include <utility>

namespace spg::db {

Status CopyReader::feed(Bytes bytes) {
  if (at_ != 0) {
    pending_.consume(at_);
    scanned_ -= at_;
    at_ = 0;
  }
  pending_.append(bytes);
  return pending_.failed() ? Error::out_of_memory() : ok();
}

/// Finds the end of a line: a newline that is not escaped (text) or quoted (CSV).
bool CopyReader::take_line(std::string_view& line) {
  const char* data = as_text(pending_.view()).data();
  const std::size_t size = pending_.size();
  while (scanned_ < size) {
    const char c = data[scanned_];
    if (c == '\n') {
      if (!in_quote_) {
        std::size_t end = scanned_;
        if (end > at_ && data[end - 1] == '\r') --end;
        line = {data + at_, end - at_};
        at_ = ++scanned_;
        return true;
      }
      ++lines_in_row_;
    } else if (format_.csv) {
      if (c == format_.quote) in_quote_ = !in_quote_;
      else if (in_quote_ && c == format_.escape && format_.escape != format_.quote) {
        if (scanned_ + 1 == size && !finished_) return false;  // what it escapes has not come yet
        // An escape is one only before a quote or an escape.
        if (scanned_ + 1 < size && (data[scanned_ + 1] == format_.quote || data[scanned_ + 1] == format_.escape)) ++scanned_;
      }
    } else if (c == '\\') {
      if (scanned_ + 1 == size && !finished_) return false;
      if (scanned_ + 1 < size && data[scanned_ + 1] == '\n') ++lines_in_row_;
      ++scanned_;  // whatever follows is escaped
      if (scanned_ < size) ++scanned_;
      continue;
    }
    if (!format_.csv) {  // the bulk of the bytes: jump to the next interesting one
      const char* from = data + scanned_ + 1;
      const char* end = data + size;
      while (from < end && *from != '\n' && *from != '\\') ++from;
      scanned_ = static_cast<std::size_t>(from - data);
    } else {
      ++scanned_;
    }
  }
  if (!finished_ || at_ >= size) return false;
  line = {data + at_, size - at_};
  at_ = scanned_ = size;
  return true;
}

Result<bool> CopyReader::next(Vec<CopyField>& row, Arena& arena) {
  for (;;) {
    if (ended_) return false;
    std::string_view line;
    if (!take_line(line)) return false;
    line_ += std::exchange(lines_in_row_, 1);
    raw_ = line;
    if (line == "\\.") {
      ended_ = true;
      return false;
    }
    row.clear();
    if (in_quote_ && format_.csv) return Error::make(sqlstate::bad_copy_file_format, "unterminated CSV quoted field");
    if (format_.csv) SPG_TRY(split_csv(line, row, arena));
    else SPG_TRY(split_text(line, row, arena));
    if (format_.header && !header_done_) {
      header_done_ = true;
      for (const CopyField& field : row) header_.emplace_back(field.text);
      continue;
    }
    return true;
  }
}

namespace {

/// Text format's backslash sequences. Returns the unescaped text.
std::string_view unescape(std::string_view text, Arena& arena) {
  auto* to = static_cast<char*>(arena.allocate(text.size() + 1, 1));
  std::size_t size = 0;
  auto hex = [](char c) { return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1; };
  for (std::size_t i = 0; i < text.size(); ++i) {
    char c = text[i];
    if (c != '\\' || i + 1 == text.size()) { to[size++] = c; continue; }
    c = text[++i];
    switch (c) {
      case 'b': c = '\b'; break;
      case 'f': c = '\f'; break;
      case 'n': c = '\n'; break;
      case 'r': c = '\r'; break;
      case 't': c = '\t'; break;
      case 'v': c = '\v'; break;
      case '0': case '1': case '2': case '3': case '4': case '5': case '6': case '7': {
        int value = c - '0';
        for (int digits = 1; digits < 3 && i + 1 < text.size() && text[i + 1] >= '0' && text[i + 1] <= '7'; ++digits) value = value * 8 + (text[++i] - '0');
        c = static_cast<char>(value);
        break;
      }
      case 'x':
        if (i + 1 < text.size() && hex(text[i + 1]) >= 0) {
          int value = hex(text[++i]);
          if (i + 1 < text.size() && hex(text[i + 1]) >= 0) value = value * 16 + hex(text[++i]);
          c = static_cast<char>(value);
        }
        break;
      default: break;
    }
    to[size++] = c;
  }
  return {to, size};
}

}  // namespace

Status CopyReader::split_text(std::string_view line, Vec<CopyField>& row, Arena& arena) {
  // One copy of the line serves all fields without a backslash.
  const std::string_view copy = arena.copy(line);
  std::size_t from = 0;
  for (;;) {
    std::size_t to = from;
    bool escaped = false;
    while (to < copy.size() && copy[to] != format_.delimiter) {
      if (copy[to] == '\\' && to + 1 < copy.size()) { escaped = true; ++to; }
      else if (copy[to] == '\\') escaped = true;
      ++to;
    }
    if (to > copy.size()) to = copy.size();
    const std::string_view raw = copy.substr(from, to - from);
    if (raw == format_.null_text) row.push_back({{}, true});
    else row.push_back({escaped ? unescape(raw, arena) : raw, false});
    if (to >= copy.size()) return ok();
    from = to + 1;
  }
}

Status CopyReader::split_csv(std::string_view line, Vec<CopyField>& row, Arena& arena) {
  std::size_t at = 0;
  for (;;) {
    auto* to = static_cast<char*>(arena.allocate(line.size() - at + 1, 1));
    std::size_t size = 0;
    bool quoted = false, in_quote = false;
    while (at < line.size()) {
      const char c = line[at];
      if (in_quote) {
        if (c == format_.escape && at + 1 < line.size() && (line[at + 1] == format_.quote || line[at + 1] == format_.escape)) {
          to[size++] = line[at + 1];
          at += 2;
          continue;
        }
        if (c == format_.quote) { in_quote = false; ++at; continue; }
      } else {
        if (c == format_.delimiter) break;
        if (c == format_.quote) { in_quote = quoted = true; ++at; continue; }
      }
      to[size++] = c;
      ++at;
    }
    const std::string_view text{to, size};
    const std::size_t column = row.size();
    const bool force_not_null = column < format_.force_not_null.size() && format_.force_not_null[column];
    const bool force_null = column < format_.force_null.size() && format_.force_null[column];
    const bool is_null = text == format_.null_text && (quoted ? force_null : !force_not_null);
    row.push_back({is_null ? std::string_view{} : text, is_null});
    if (at >= line.size()) return ok();
    ++at;
  }
}

void CopyWriter::null_field() {
  separate();
  out_->append(std::string_view(format_->null_text));
}

void CopyWriter::field(std::string_view text) {
  const std::size_t column = column_;
  separate();
  if (format_->csv) {
    const bool forced = column < format_->force_quote.size() && format_->force_quote[column] && !is_header_;
    // A line that is \. alone would end the data.
    bool needs = forced || text == format_->null_text || (is_single_ && text == "\\.");
    for (char c : text) needs |= c == format_->delimiter || c == format_->quote || c == '\n' || c == '\r';
    if (!needs) { out_->append(text); return; }
    out_->append_byte(format_->quote);
    for (char c : text) {
      if (c == format_->quote || c == format_->escape) out_->append_byte(format_->escape);
      out_->append_byte(c);
    }
    out_->append_byte(format_->quote);
    return;
  }
  std::size_t from = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    char escaped = 0;
    switch (text[i]) {
      case '\b': escaped = 'b'; break;
      case '\f': escaped = 'f'; break;
      case '\n': escaped = 'n'; break;
      case '\r': escaped = 'r'; break;
      case '\t': escaped = 't'; break;
      case '\v': escaped = 'v'; break;
      case '\\': escaped = '\\'; break;
      default: if (text[i] == format_->delimiter) escaped = text[i];
    }
    if (escaped == 0) continue;
    out_->append(text.substr(from, i - from));
    out_->append_byte('\\');
    out_->append_byte(text[i] == format_->delimiter && format_->delimiter != '\t' ? text[i] : escaped);
    from = i + 1;
  }
  out_->append(text.substr(from));
}

}  // namespace spg::db
