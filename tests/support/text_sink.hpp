// TextSink: a session's answers as lines of text, for tests: columns separated by tabs, NULL as NULL.
#pragma once
#include <string>
#include <vector>

#include "spg/db/sink.hpp"
#include "spg/type/io.hpp"

namespace spg::test {

class TextSink final : public db::ResultSink {
 public:
  void describe_rows(std::span<const plan::OutputColumn>, std::span<const std::int16_t>) override { is_query = true; }
  void no_data() override {}
  void describe_parameters(std::span<const Oid>) override {}
  Status rows(const type::Batch& batch, std::span<const plan::OutputColumn> columns, std::span<const std::int16_t>, const type::TextSettings& settings) override {
    for (std::uint32_t i = 0; i < batch.selected.count; ++i) {
      std::string line;
      for (std::size_t c = 0; c < columns.size(); ++c) {
        if (c != 0) line += '\t';
        const std::uint32_t row = batch.selected[i];
        if (batch.columns[c].is_null(row)) { line += "NULL"; continue; }
        MemoryBudget budget;
        Arena arena(budget);
        TextBuilder text(arena);
        type::output(columns[c].type, type::value_of(batch.columns[c], row), text, settings);
        line += escaped(text.view());
      }
      lines.push_back(line);
    }
    return ok();
  }
  void command_complete(std::string_view one) override { tag = one; }
  void empty_query() override {}
  void portal_suspended() override {}
  void notice(db::NoticeSeverity, const Error& error) override { notices.emplace_back(error.message()); }
  void setting(std::string_view, std::string_view) override {}
  void begin_copy_in(std::size_t) override {}
  void begin_copy_out(std::size_t) override {}
  Status copy_out(Bytes bytes) override {
    is_query = true;
    std::string_view text = as_text(bytes);
    if (text.ends_with('\n')) text.remove_suffix(1);
    lines.push_back(escaped(text));
    return ok();
  }
  void end_copy_out() override {}
  std::size_t mark() const override { return lines.size(); }
  void rewind(std::size_t mark) override { lines.resize(mark); }
  bool is_full() const override { return lines.size() >= full_lines; }
  void clear() { lines.clear(); sent.clear(); notices.clear(); tag.clear(); is_query = false; }
  /// The output leaves, as it does when it is full: from here it cannot be taken back.
  void send() {
    sent.insert(sent.end(), lines.begin(), lines.end());
    lines.clear();
  }

  static std::string escaped(std::string_view text) {
    std::string result;
    for (const char one : text)
      result += one == '\\' ? std::string("\\\\") : one == '\t' ? std::string("\\t") : one == '\n' ? std::string("\\n") : std::string(1, one);
    return result;
  }

  std::size_t full_lines = SIZE_MAX;
  std::vector<std::string> lines, sent, notices;
  std::string tag;
  bool is_query = false;
};

}  // namespace spg::test
