// Lexer: SQL text -> tokens, by PostgreSQL 15's rules (its manual, chapter 4.1), one token per call and never
// backwards.
//
// Place: under the parser; also splits scripts and serves pg_stat-like normalisation. Token text that needs no change
// (lower-case names, plain strings) is a view of the source text, everything else lives in the arena; both must outlive
// the tokens. The text is taken to be valid UTF-8 (the wire checks it). Thread rule: one lexer, one thread.
#pragma once
#include <cstdint>
#include <string_view>

#include "spg/base/arena.hpp"
#include "spg/base/result.hpp"
#include "spg/sql/keywords.hpp"

namespace spg::sql {

enum class BackslashQuote : std::uint8_t { off, on, safe_encoding };

struct LexerOptions {
  bool standard_conforming_strings = true;
  BackslashQuote backslash_quote = BackslashQuote::safe_encoding;
};

/// text: the folded name, the string's value, the digits, the operator; for a keyword its word.
struct Token {
  Tok kind = Tok::end;
  std::uint32_t begin = 0;  ///< byte offset in the source
  std::uint32_t end = 0;
  std::string_view text;
};

/// 1-based position in characters of a byte offset, as Error::at wants it.
std::int32_t char_position(std::string_view source, std::size_t offset_bytes);
/// "<what> at or near "<the source's bytes>"" or "<what> at end of input", with the position of `begin`.
Error error_near(std::string_view source, std::string_view what, std::size_t begin, std::size_t end,
                 Sqlstate code = sqlstate::syntax_error);
/// Cuts a name to 63 bytes without splitting a character.
std::string_view truncate_name(std::string_view name);

class Lexer {
 public:
  Lexer(Arena& arena, std::string_view source, const LexerOptions& options)
      : arena_(&arena), source_(source), options_(options) {}

  /// Tok::end at the end, again and again. Tok::error after a failure, whose reason is in error(); then never again.
  Token next();
  Error& error() { return error_; }
  std::string_view source() const { return source_; }

 private:
  struct Escaped;
  bool skip_blanks();
  char peek(std::size_t ahead = 0) const { return at_ + ahead < source_.size() ? source_[at_ + ahead] : '\0'; }
  Token finish(Tok kind, std::string_view text);
  Token fail(Error error);
  Token fail_near(std::string_view what, std::size_t end);
  Token identifier();
  Token number();
  Token parameter();
  Token op();
  Token plain_string(Tok kind, std::string_view unterminated);
  Token escape_string();
  Token dollar_string();
  Token quoted_identifier(bool unicode);
  Token unicode_string();
  bool continues_string();
  bool escape(Escaped& state);
  bool read_quoted(char quote, TextBuilder& text, bool doubling);
  Token unicode_unescape(Tok kind, std::string_view raw, std::size_t raw_at);

  Arena* arena_;
  std::string_view source_;
  LexerOptions options_;
  std::size_t at_ = 0, begin_ = 0;
  Error error_;
  bool failed_ = false;
};

}  // namespace spg::sql
