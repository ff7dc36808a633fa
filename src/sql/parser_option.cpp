// Option lists: WITH (..), OPTIONS (..), EXPLAIN (..), sequences.
#include "parser_state.hpp"

namespace spg::sql {

Literal* Parser::boolean_node(bool value) {
  auto* node = literal(LiteralKind::boolean, -1);
  node->integer = value;
  return node;
}

/// A type, a word, an operator, a number or a string.
Node* Parser::definition_value() {
  const std::int32_t place = here();
  if (at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus) &&
      !(at_any(Tok::plus, Tok::minus) && !next_is(Tok::integer) && !next_is(Tok::numeric)))
    return signed_number();
  if (at(Tok::string)) return string_node(take(), place);
  if (at(Tok::op) || is_math_operator(kind())) return word(take(), place);
  if (at(Tok::kw_operator)) return word(operator_name().name, place);
  if (is_keyword(kind()) && (keyword(kind()).category == KeywordCategory::reserved || at(Tok::kw_none)))
    return word(take(), place);
  TypeName* type = function_type();
  if (type->name.size() == 1 && type->modifiers.empty() && type->array_bounds.empty() && !type->set_of &&
      !type->percent_type)
    return word(type->name[0], place);
  return type;
}

Option Parser::definition_option() {
  Option result = option({}, nullptr, here());
  result.name = label();
  if (accept('=')) result.value = definition_value();
  return result;
}

/// (name = value, ..)
Vec<Option> Parser::paren_options() {
  auto options = list<Option>();
  expect('(');
  do options.push_back(definition_option());
  while (accept(','));
  expect(')');
  return options;
}

Option Parser::reloption() {
  Option result = option({}, nullptr, here());
  result.name = label();
  if (accept('.')) { result.space = result.name; result.name = label(); }
  if (accept('=')) result.value = definition_value();
  return result;
}

/// ([space.]name [= value], ..)
Vec<Option> Parser::reloptions() {
  auto options = list<Option>();
  expect('(');
  do options.push_back(reloption());
  while (accept(','));
  expect(')');
  return options;
}

/// OPTIONS (name 'value', ..)
Vec<Option> Parser::generic_options() {
  auto options = list<Option>();
  if (!accept(Tok::kw_options)) return options;
  expect('(');
  do {
    const std::int32_t place = here();
    const Name name = label();
    const std::int32_t value_place = here();
    options.push_back(option(name, string_node(string_literal(), value_place), place));
  } while (accept(','));
  expect(')');
  return options;
}

/// (name [value], ..) of EXPLAIN, VACUUM and their like
Vec<Option> Parser::utility_options() {
  auto options = list<Option>();
  expect('(');
  do {
    Option result = option({}, nullptr, here());
    if (at_any(Tok::kw_analyze, Tok::kw_analyse)) { advance(); result.name = "analyze"; }
    else result.name = non_reserved_word();
    const std::int32_t place = here();
    if (at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus)) result.value = signed_number();
    else if (at(Tok::string)) result.value = string_node(take(), place);
    else if (at_any(Tok::kw_true, Tok::kw_false, Tok::kw_on)) result.value = word(take(), place);
    else if (is_col_id(kind()) || is_type_name(kind())) result.value = word(take(), place);
    options.push_back(result);
  } while (accept(','));
  expect(')');
  return options;
}

bool Parser::sequence_option(Vec<Option>& out) {
  const std::int32_t place = here();
  auto number = [&](Name name) { out.push_back(option(name, signed_number(), place)); return true; };
  switch (kind()) {
    case Tok::kw_as: {
      advance();
      out.push_back(option("as", simple_type(false), place));
      return true;
    }
    case Tok::kw_cache: advance(); return number("cache");
    case Tok::kw_cycle: advance(); out.push_back(option("cycle", boolean_node(true), place)); return true;
    case Tok::kw_increment: advance(); accept(Tok::kw_by); return number("increment");
    case Tok::kw_maxvalue: advance(); return number("maxvalue");
    case Tok::kw_minvalue: advance(); return number("minvalue");
    case Tok::kw_start: advance(); accept(Tok::kw_with); return number("start");
    case Tok::kw_restart:
      advance();
      if (accept(Tok::kw_with) || at_any(Tok::integer, Tok::numeric, Tok::plus, Tok::minus)) return number("restart");
      out.push_back(option("restart", nullptr, place));
      return true;
    case Tok::kw_no:
      advance();
      if (accept(Tok::kw_cycle)) out.push_back(option("cycle", boolean_node(false), place));
      else if (accept(Tok::kw_maxvalue)) out.push_back(option("maxvalue", nullptr, place));
      else { expect(Tok::kw_minvalue); out.push_back(option("minvalue", nullptr, place)); }
      return true;
    case Tok::kw_owned: {
      advance();
      expect(Tok::kw_by);
      Option result = option("owned_by", nullptr, place);
      result.names = any_name();
      out.push_back(result);
      return true;
    }
    case Tok::kw_sequence: {
      advance();
      expect(Tok::kw_name);
      Option result = option("sequence_name", nullptr, place);
      result.names = any_name();
      out.push_back(result);
      return true;
    }
    default: return false;
  }
}

Vec<Option> Parser::sequence_options(bool parenthesized) {
  auto options = list<Option>();
  if (parenthesized) {
    if (!accept('(')) return options;
    if (!sequence_option(options)) syntax_error();
  }
  while (sequence_option(options)) {}
  if (parenthesized) expect(')');
  return options;
}

}  // namespace spg::sql
