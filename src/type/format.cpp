// SQL's format(): %s, %I, %L with positions, widths and left alignment.
#include "spg/type/ascii.hpp"
#include "spg/type/text.hpp"

namespace spg::type {
namespace {

Error bad(std::string_view message) { return Error::make(sqlstate::invalid_parameter_value, message); }
Error unterminated() {
  Error error = bad("unterminated format() type specifier");
  return std::move(error).hint("For a single \"%\" use \"%%\".");
}

struct Formatter {
  std::string_view pattern;
  std::span<const FormatArgument> arguments;
  bool (*is_keyword)(std::string_view);
  Arena& arena;
  TextBuilder out{arena};
  std::size_t next = 0;

  bool read_number(std::int32_t* value) {
    if (pattern.empty() || !is_digit(pattern[0])) return false;
    std::int64_t read = 0;
    while (!pattern.empty() && is_digit(pattern[0])) {
      read = read > INT32_MAX ? read : read * 10 + (pattern[0] - '0');
      pattern.remove_prefix(1);
    }
    *value = read > INT32_MAX ? -1 : static_cast<std::int32_t>(read);
    return true;
  }
  Result<const FormatArgument*> argument(std::size_t index) {
    if (index >= arguments.size()) return bad("too few arguments for format()");
    return &arguments[index];
  }

  Status specifier() {
    std::int32_t position = 0, width = 0;
    std::int32_t number = 0;
    bool align_left = false;
    if (pattern.empty()) return unterminated();
    const std::string_view start = pattern;
    if (read_number(&number)) {
      if (number < 0) return Error::make(sqlstate::numeric_value_out_of_range, "number is out of range");
      if (pattern.empty()) return unterminated();
      if (pattern[0] == '$') {
        pattern.remove_prefix(1);
        position = number;
        if (position == 0)
          return bad("format specifies argument 0, but arguments are numbered from 1");
      } else {
        pattern = start;
      }
    }
    while (!pattern.empty() && pattern[0] == '-') { align_left = true; pattern.remove_prefix(1); }
    if (!pattern.empty() && pattern[0] == '*') {
      pattern.remove_prefix(1);
      std::size_t from = next;
      if (read_number(&number)) {
        if (pattern.empty() || pattern[0] != '$') return bad("width argument position must be ended by \"$\"");
        pattern.remove_prefix(1);
        if (number == 0) return bad("format specifies argument 0, but arguments are numbered from 1");
        from = static_cast<std::size_t>(number) - 1;
      }
      SPG_ASSIGN(const FormatArgument* by, argument(from));
      next = from + 1;
      if (!by->is_null) {
        std::string_view digits = by->text;
        const bool negative = !digits.empty() && digits[0] == '-';
        if (negative) digits.remove_prefix(1);
        std::int64_t read = 0;
        for (const char c : digits) {
          if (!is_digit(c) || read > INT32_MAX)
            return Error::make(sqlstate::invalid_text_representation, "invalid input syntax for type integer: \"",
                               by->text, "\"");
          read = read * 10 + (c - '0');
        }
        if (read > INT32_MAX) return bad("number is out of range");
        width = static_cast<std::int32_t>(read);
        align_left |= negative;
      }
    } else if (read_number(&number)) {
      if (number < 0) return Error::make(sqlstate::numeric_value_out_of_range, "number is out of range");
      width = number;
    }
    if (pattern.empty()) return unterminated();
    const std::string_view kind = pattern.substr(0, character_bytes(pattern[0]));
    pattern.remove_prefix(kind.size());
    if (kind != "s" && kind != "I" && kind != "L") {
      Error error =
          Error::make(sqlstate::invalid_parameter_value, "unrecognized format() type specifier \"", kind, "\"");
      return std::move(error).hint("For a single \"%\" use \"%%\".");
    }
    const std::size_t index = position != 0 ? static_cast<std::size_t>(position) - 1 : next;
    SPG_ASSIGN(const FormatArgument* value, argument(index));
    next = index + 1;
    std::string_view text = value->is_null ? std::string_view{} : value->text;
    if (kind == "I") {
      if (value->is_null)
        return Error::make(sqlstate::null_value_not_allowed, "null values cannot be formatted as an SQL identifier");
      text = quote_ident(text, is_keyword != nullptr && is_keyword(text), arena);
    } else if (kind == "L") {
      text = value->is_null ? std::string_view("NULL") : quote_literal(text, arena);
    }
    const std::int64_t blanks = width - character_count(text);
    if (blanks > static_cast<std::int64_t>(value_bytes_max)) return Error::out_of_memory();
    if (align_left) out.add(text);
    for (std::int64_t i = 0; i < blanks; ++i) out.add(' ');
    if (!align_left) out.add(text);
    return arena.check();
  }

  Status run() {
    while (!pattern.empty()) {
      const std::size_t at = pattern.find('%');
      out.add(pattern.substr(0, at));
      if (at == std::string_view::npos) return ok();
      pattern.remove_prefix(at + 1);
      if (!pattern.empty() && pattern[0] == '%') {
        out.add("%");
        pattern.remove_prefix(1);
        continue;
      }
      SPG_TRY(specifier());
    }
    return ok();
  }
};

}  // namespace

std::string_view quote_nullable(const FormatArgument& argument, Arena& arena) {
  return argument.is_null ? std::string_view("NULL") : quote_literal(argument.text, arena);
}

std::string_view concat_ws(std::string_view separator, std::span<const FormatArgument> arguments, Arena& arena) {
  TextBuilder out(arena);
  bool first = true;
  for (const FormatArgument& argument : arguments) {
    if (argument.is_null) continue;
    out.add(first ? std::string_view{} : separator, argument.text);
    first = false;
  }
  return out.view();
}

Result<std::string_view> format(std::string_view pattern, std::span<const FormatArgument> arguments,
                                bool (*is_keyword)(std::string_view), Arena& arena) {
  Formatter formatter{pattern, arguments, is_keyword, arena};
  SPG_TRY(formatter.run());
  return formatter.out.view();
}

}  // namespace spg::type
