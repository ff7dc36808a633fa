// Regular expressions in PostgreSQL's advanced syntax, run as a set of threads over the text: time is proportional to
// text times pattern, whatever the pattern. Where alternatives of different length match, the first one is taken.
// Not supported (0A000): back references and look-around.
//
// A Pattern is immutable and lives in the arena that it was compiled in.
#pragma once
#include <span>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"

namespace spg::exec {

struct PatternOptions {
  bool ignore_case = false;
  bool newline_sensitive = false;  ///< `.` and [^...] stop at newlines, ^ and $ match beside them
  bool expanded = false;           ///< white space and comments in the pattern are ignored
  bool literal = false;
};

struct CharRange {
  std::uint32_t low, high;
};

struct PatternStep {
  enum class Op : std::uint8_t { set, split, jump, save, begin, end, word, not_word, word_start, word_end, match } op{};
  bool negated = false;
  std::uint32_t next = 0, other = 0;  ///< split tries next first; save: slot in other
  std::span<const CharRange> ranges;
};

class Pattern {
 public:
  /// 2201B for what is no regular expression.
  static Result<const Pattern*> compile(std::string_view text, const PatternOptions& options, Arena& arena);
  /// Groups, the whole match included.
  std::size_t groups() const { return groups_; }
  /// Finds the first match at or after byte `from`. spans[2 * i] and spans[2 * i + 1] are the bounds of group i,
  /// npos when it took no part. `spans` has 2 * groups() places. Scratch memory comes from the arena.
  bool find(std::string_view text, std::size_t from, std::span<std::size_t> spans, Arena& arena) const;

  PatternOptions options;
  std::span<const PatternStep> steps;
  std::size_t groups_ = 1;
};

}  // namespace spg::exec
