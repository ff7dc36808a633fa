// The pattern module: regular expression operators and functions.
#include "kernels.hpp"
#include "pattern.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;

Result<bool> matches(Context& c, Text text, Text pattern, bool ignore_case) {
  Arena scratch(c.arena.budget());
  PatternOptions options;
  options.ignore_case = ignore_case;
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, options, scratch));
  std::span<std::size_t> spans{scratch.array<std::size_t>(compiled->groups() * 2), compiled->groups() * 2};
  return compiled->find(text, 0, spans, scratch);
}
template <bool wanted, bool ignore_case>
Result<bool> is_match(Context& c, Text text, Text pattern) {
  SPG_ASSIGN(const bool found, matches(c, text, pattern, ignore_case));
  return found == wanted;
}

struct Flags {
  PatternOptions options;
  bool global = false;
};
Result<Flags> flags_of(Text text, bool allow_global, Text function) {
  Flags flags;
  for (const char flag : text) {
    switch (flag) {
      case 'g': flags.global = true; break;
      case 'i': flags.options.ignore_case = true; break;
      case 'c': flags.options.ignore_case = false; break;
      case 'n':
      case 'm': flags.options.newline_sensitive = true; break;
      case 's': flags.options.newline_sensitive = false; break;
      case 'x': flags.options.expanded = true; break;
      case 'q': flags.options.literal = true; break;
      case 't': break;
      default:
        return Error::make(sqlstate::invalid_parameter_value, "invalid regular expression option: \"", flag, "\"");
    }
  }
  if (flags.global && !allow_global)
    return Error(Error::make(sqlstate::invalid_parameter_value, function, " does not support the \"global\" option"));
  return flags;
}

/// All matches (or the first), one after another; empty ones move on by a character.
class Matches {
 public:
  Matches(const Pattern& pattern, Text text, Arena& arena)
      : pattern_(pattern),
        text_(text),
        scratch_(arena.budget()),
        spans_{arena.array<std::size_t>(pattern.groups() * 2), pattern.groups() * 2} {}
  bool next() {
    if (at_ > text_.size()) return false;
    scratch_.reset();
    if (!pattern_.find(text_, at_, spans_, scratch_)) {
      at_ = text_.size() + 1;
      return false;
    }
    at_ = spans_[1];
    if (spans_[1] == spans_[0]) at_ += at_ < text_.size() ? type::character_bytes(text_[at_]) : 1;
    return true;
  }
  bool has(std::size_t group) const { return spans_[group * 2] != Text::npos && spans_[group * 2 + 1] != Text::npos; }
  std::size_t begin(std::size_t group = 0) const { return spans_[group * 2]; }
  std::size_t end(std::size_t group = 0) const { return spans_[group * 2 + 1]; }
  Text group(std::size_t i) const { return text_.substr(begin(i), end(i) - begin(i)); }
  std::size_t groups() const { return pattern_.groups(); }

 private:
  const Pattern& pattern_;
  Text text_;
  Arena scratch_;
  std::span<std::size_t> spans_;
  std::size_t at_ = 0;
};

/// \1 .. \9 and \& in a replacement.
void add_replacement(Text replacement, const Matches& match, TextBuilder& out) {
  for (std::size_t i = 0; i < replacement.size(); ++i) {
    if (replacement[i] != '\\' || i + 1 == replacement.size()) {
      out.add(replacement[i]);
      continue;
    }
    const char c = replacement[++i];
    if (c == '&') out.add(match.group(0));
    else if (c >= '1' && c <= '9') {
      const auto group = static_cast<std::size_t>(c - '0');
      if (group < match.groups() && match.has(group)) out.add(match.group(group));
    } else if (c == '\\') out.add('\\');
    else out.add('\\', c);
  }
}
Result<Text> replace_with(Context& c, Text text, Text pattern, Text replacement, const Flags& flags) {
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, flags.options, c.arena));
  TextBuilder out(c.arena);
  Matches match(*compiled, text, c.arena);
  std::size_t copied = 0;
  while (match.next()) {
    out.add(text.substr(copied, match.begin() - copied));
    add_replacement(replacement, match, out);
    copied = match.end();
    if (!flags.global) break;
  }
  out.add(text.substr(copied));
  return out.view();
}
Result<Text> replace_first(Context& c, Text text, Text pattern, Text replacement) {
  return replace_with(c, text, pattern, replacement, {});
}
Result<Text> replace_flags(Context& c, Text text, Text pattern, Text replacement, Text options) {
  if (!options.empty() && options[0] >= '0' && options[0] <= '9')
    return Error(
        Error::make(sqlstate::invalid_parameter_value, "invalid regular expression option: \"", options[0], "\"")
            .hint("If you meant to use regexp_replace() with a start parameter, cast the fourth argument to integer "
                  "explicitly."));
  SPG_ASSIGN(const Flags flags, flags_of(options, true, ""));
  return replace_with(c, text, pattern, replacement, flags);
}
/// The first group where there is one, else the whole match.
Result<std::optional<Text>> substring(Context& c, Text text, Text pattern) {
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, {}, c.arena));
  Matches match(*compiled, text, c.arena);
  if (!match.next()) return std::optional<Text>();
  const std::size_t group = match.groups() > 1 ? 1 : 0;
  return match.has(group) ? std::optional<Text>(match.group(group)) : std::optional<Text>();
}
Result<StringRef> groups_array(const Matches& match, Arena& arena) {
  Vec<Value> values(arena);
  for (std::size_t i = match.groups() > 1 ? 1 : 0; i < match.groups(); ++i)
    values.push_back(match.has(i) ? type::string_value(match.group(i)) : Value::null_of(Physical::string));
  const type::ArrayDimension dimension{static_cast<i4>(values.size()), 1};
  return type::make_array(type::oid::text, {&dimension, 1}, values.span(), arena);
}
Result<std::optional<StringRef>> match_flags(Context& c, Text text, Text pattern, Text options) {
  SPG_ASSIGN(const Flags flags, flags_of(options, false, "regexp_match()"));
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, flags.options, c.arena));
  Matches match(*compiled, text, c.arena);
  if (!match.next()) return std::optional<StringRef>();
  SPG_ASSIGN(const StringRef made, groups_array(match, c.arena));
  return std::optional<StringRef>(made);
}
Result<std::optional<StringRef>> match_first(Context& c, Text text, Text pattern) {
  return match_flags(c, text, pattern, "");
}
Result<bool> like_flags(Context& c, Text text, Text pattern, Text options) {
  SPG_ASSIGN(const Flags flags, flags_of(options, false, "regexp_like()"));
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, flags.options, c.arena));
  return Matches(*compiled, text, c.arena).next();
}
Result<i4> count_matches(Context& c, Text text, Text pattern) {
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, {}, c.arena));
  Matches match(*compiled, text, c.arena);
  i4 count = 0;
  while (match.next()) ++count;
  return count;
}

/// The pieces between matches; empty matches at the ends do not split.
Result<Vec<Value>> pieces(Text text, Text pattern, const PatternOptions& options, Arena& arena) {
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, options, arena));
  Vec<Value> parts(arena);
  Matches match(*compiled, text, arena);
  std::size_t from = 0;
  while (match.next()) {
    if (match.end() == match.begin() && (match.begin() == from || match.begin() >= text.size())) continue;
    parts.push_back(type::string_value(text.substr(from, match.begin() - from)));
    from = match.end();
  }
  parts.push_back(type::string_value(text.substr(from)));
  return parts;
}
Result<StringRef> split_flags(Context& c, Text text, Text pattern, Text options) {
  SPG_ASSIGN(const Flags flags, flags_of(options, false, "regexp_split_to_array()"));
  SPG_ASSIGN(const Vec<Value> parts, pieces(text, pattern, flags.options, c.arena));
  const type::ArrayDimension dimension{static_cast<i4>(parts.size()), 1};
  return type::make_array(type::oid::text, {&dimension, 1}, {parts.data(), parts.size()}, c.arena);
}
Result<StringRef> split_by_pattern(Context& c, Text text, Text pattern) { return split_flags(c, text, pattern, ""); }

/// regexp_matches and regexp_split_to_table: everything is found at the start.
struct Found {
  Vec<Value> values;
  std::size_t at = 0;
};
Result<void*> open_found(Context& c, std::span<const Value> arguments, bool splits) {
  auto* found = c.arena.make<Found>();
  found->values = Vec<Value>(c.arena);
  for (const Value& argument : arguments)
    if (argument.is_null) return static_cast<void*>(found);
  const Text text = c.arena.copy(arguments[0].as<StringRef>().view()),
             pattern = c.arena.copy(arguments[1].as<StringRef>().view());
  const Text options = arguments.size() > 2 ? arguments[2].as<StringRef>().view() : Text();
  SPG_ASSIGN(const Flags flags, flags_of(options, !splits, "regexp_split_to_table()"));
  if (splits) {
    SPG_ASSIGN(found->values, pieces(text, pattern, flags.options, c.arena));
    return static_cast<void*>(found);
  }
  SPG_ASSIGN(const Pattern* compiled, Pattern::compile(pattern, flags.options, c.arena));
  Matches match(*compiled, text, c.arena);
  while (match.next()) {
    SPG_ASSIGN(const StringRef groups, groups_array(match, c.arena));
    found->values.push_back(Value::of(Physical::string, groups));
    SPG_TRY(c.arena.check());
    if (!flags.global) break;
  }
  return static_cast<void*>(found);
}
Result<void*> open_matches(Context& c, std::span<const Value> arguments) { return open_found(c, arguments, false); }
Result<void*> open_split(Context& c, std::span<const Value> arguments) { return open_found(c, arguments, true); }
Result<bool> next_found(Context&, void* state, std::span<Value> out) {
  auto& found = *static_cast<Found*>(state);
  if (found.at == found.values.size()) return false;
  out[0] = found.values[found.at++];
  return true;
}

/// SIMILAR TO's pattern as a regular expression.
Result<Text> similar(Context& c, Text pattern, Text escape) {
  if (!escape.empty() && type::character_count(escape) != 1)
    return Error(Error::make(sqlstate::invalid_escape_sequence, "invalid escape string")
                     .hint("Escape string must be empty or one character."));
  TextBuilder out(c.arena);
  out.add("^(?:");
  bool after_escape = false, in_bracket = false;
  for (std::size_t at = 0; at < pattern.size();) {
    const Text character = pattern.substr(at, type::character_bytes(pattern[at]));
    at += character.size();
    const char ch = character[0];
    if (after_escape) {
      out.add("\\", character);
      after_escape = false;
    } else if (!escape.empty() && character == escape) after_escape = true;
    else if (in_bracket) {
      if (ch == '\\') out.add("\\");
      if (ch == ']') in_bracket = false;
      out.add(character);
    } else if (ch == '[') {
      out.add(character);
      in_bracket = true;
    } else if (ch == '%') out.add(".*");
    else if (ch == '_') out.add(".");
    else if (ch == '(') out.add("(?:");
    else if (ch == '\\' || ch == '.' || ch == '^' || ch == '$') out.add("\\", character);
    else out.add(character);
  }
  out.add(")$");
  return out.view();
}
Result<Text> similar_default(Context& c, Text pattern) { return similar(c, pattern, "\\"); }


constexpr FunctionEntry pattern_functions[] = {
    {proc::textregexeq, call<is_match<true, false>>()},
    {proc::textregexne, call<is_match<false, false>>()},
    {proc::texticregexeq, call<is_match<true, true>>()},
    {proc::texticregexne, call<is_match<false, true>>()},
    {proc::nameregexeq, call<is_match<true, false>>()},
    {proc::nameregexne, call<is_match<false, false>>()},
    {proc::nameicregexeq, call<is_match<true, true>>()},
    {proc::nameicregexne, call<is_match<false, true>>()},
    {proc::textregexsubstr, call<substring>()},
    {proc::textregexreplace_noopt, call<replace_first>()},
    {proc::textregexreplace, call<replace_flags>()},
    {proc::regexp_match_no_flags, call<match_first>()},
    {proc::regexp_match, call<match_flags>()},
    {proc::regexp_like_no_flags, call<is_match<true, false>>()},
    {proc::regexp_like, call<like_flags>()},
    {proc::regexp_count_no_start, call<count_matches>()},
    {proc::regexp_split_to_array_no_flags, call<split_by_pattern>()},
    {proc::regexp_split_to_array, call<split_flags>()},
    {proc::regexp_matches_no_flags, set({&open_matches, &next_found})},
    {proc::regexp_matches, set({&open_matches, &next_found})},
    {proc::regexp_split_to_table_no_flags, set({&open_split, &next_found})},
    {proc::regexp_split_to_table, set({&open_split, &next_found})},
    {proc::similar_to_escape_1, call<similar_default>()},
    {proc::similar_to_escape_2, call<similar>()},
};

}  // namespace

namespace module {
const Module pattern{pattern_functions, {}};
}

}  // namespace spg::exec
