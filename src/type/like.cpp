// LIKE and ILIKE. A percent sign remembers the last place to try again from, so that matching takes at most text x
// pattern steps and no recursion.
#include "spg/type/ascii.hpp"
#include "spg/type/text.hpp"

namespace spg::type {
namespace {

template <bool fold>
Result<bool> match(std::string_view text, std::string_view pattern, std::string_view escape) {
  if (character_count(escape) > 1)
    return Error(Error::make(sqlstate::invalid_escape_sequence, "invalid escape string")
                     .hint("Escape string must be empty or one character."));
  const auto bad_end = [] {
    return Error::make(sqlstate::invalid_escape_sequence, "LIKE pattern must not end with escape character");
  };
  const auto same = [](char a, char b) { return fold ? to_lower(a) == to_lower(b) : a == b; };
  const bool escapes = !escape.empty();
  std::size_t t = 0, p = 0;
  std::size_t retry_text = 0, retry_pattern = std::string_view::npos;
  for (;;) {
    bool fits = false;
    if (p < pattern.size()) {
      if (escapes && pattern.substr(p).starts_with(escape)) {
        // Whoever stands behind the escape stands for itself.
        const std::size_t next = p + escape.size();
        if (next >= pattern.size()) {
          if (t < text.size()) return bad_end();
        } else if (t < text.size() && same(text[t], pattern[next])) {
          ++t;
          p = next + 1;
          fits = true;
        }
      } else if (pattern[p] == '%') {
        retry_pattern = ++p;
        retry_text = t;
        if (p == pattern.size()) return true;
        continue;
      } else if (t < text.size() && pattern[p] == '_') {
        t += character_bytes(text[t]);
        if (t > text.size()) t = text.size();
        ++p;
        fits = true;
      } else if (t < text.size() && same(text[t], pattern[p])) {
        ++t;
        ++p;
        fits = true;
      }
    } else if (t == text.size()) {
      return true;
    }
    if (fits) continue;
    // Also when the text has run out: nothing after the last percent sign can match any more.
    if (retry_pattern == std::string_view::npos || retry_text >= text.size()) return false;
    retry_text += character_bytes(text[retry_text]);
    t = retry_text < text.size() ? retry_text : text.size();
    p = retry_pattern;
  }
}

}  // namespace

Result<bool> like(std::string_view text, std::string_view pattern, std::string_view escape) {
  return match<false>(text, pattern, escape);
}
Result<bool> ilike(std::string_view text, std::string_view pattern, std::string_view escape) {
  return match<true>(text, pattern, escape);
}

}  // namespace spg::type
