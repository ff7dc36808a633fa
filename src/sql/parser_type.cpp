// Type names with all their words.
#include "parser_state.hpp"

namespace spg::sql {

TypeName* Parser::builtin(Name name, std::int32_t place) {
  auto* type = make<TypeName>(place);
  type->name = catalog_name(name);
  return type;
}

/// Whether the type word at hand begins `type 'literal'`; else it is a column's name.
bool Parser::starts_typed_literal() {
  const Tok next = peek().kind;
  switch (kind()) {
    case Tok::kw_bigint:
    case Tok::kw_boolean:
    case Tok::kw_int:
    case Tok::kw_integer:
    case Tok::kw_real:
    case Tok::kw_smallint: return next == Tok::string;
    case Tok::kw_double: return next == Tok::kw_precision;
    case Tok::kw_national: return next == Tok::kw_char || next == Tok::kw_character;
    case Tok::kw_bit: case Tok::kw_char: case Tok::kw_character: case Tok::kw_nchar:
      return next == Tok::string || next == ch('(') || next == Tok::kw_varying;
    case Tok::kw_time: case Tok::kw_timestamp:
      return next == Tok::string || next == ch('(') || next == Tok::kw_without ||
             (next == Tok::kw_with && peek(2).kind == Tok::kw_time);
    default: return next == Tok::string || next == ch('(');
  }
}

Expr* Parser::typed_literal() {
  auto* node = make<TypeCast>(here());
  node->form = CastForm::typed_literal;
  const bool interval = at(Tok::kw_interval);
  node->type = simple_type(true);
  const std::int32_t place = here();
  node->arg = string_node(string_literal(), place);
  if (interval && node->type->modifiers.empty()) interval_fields(node->type);
  return node;
}

TypeName* Parser::type() {
  const Deeper deeper(*this);
  const std::int32_t place = here();
  const bool set_of = accept(Tok::kw_setof);
  TypeName* type = simple_type(false);
  type->at = place;
  type->set_of = set_of;
  array_bounds(type);
  return type;
}

/// In function signatures: also name%TYPE.
TypeName* Parser::function_type() {
  TypeName* result = type();
  if (accept('%')) {
    expect(Tok::kw_type);
    result->percent_type = true;
  }
  return result;
}

void Parser::array_bounds(TypeName* type) {
  if (accept(Tok::kw_array)) {
    type->array_bounds = list<std::int32_t>();
    std::int32_t bound = -1;
    if (accept('[')) { bound = integer(); expect(']'); }
    type->array_bounds.push_back(bound);
    return;
  }
  if (!at('[')) return;
  type->array_bounds = list<std::int32_t>();
  while (accept('[')) {
    type->array_bounds.push_back(at(']') ? -1 : integer());
    expect(']');
  }
}

void Parser::optional_modifiers(TypeName* type) {
  if (at('(')) type->modifiers = paren_exprs();
}

void Parser::integer_modifier(TypeName* type) {
  expect('(');
  auto* node = literal(LiteralKind::integer, here());
  node->integer = integer();
  type->modifiers = list<Expr*>();
  type->modifiers.push_back(node);
  expect(')');
}

TypeName* Parser::simple_type(bool constant) {
  const std::int32_t place = here();
  auto word = [&](Name name) { advance(); return builtin(name, place); };
  switch (kind()) {
    case Tok::kw_int: case Tok::kw_integer: return word("int4");
    case Tok::kw_smallint: return word("int2");
    case Tok::kw_bigint: return word("int8");
    case Tok::kw_real: return word("float4");
    case Tok::kw_boolean: return word("bool");
    case Tok::kw_float: return float_type();
    case Tok::kw_double:
      if (!next_is(Tok::kw_precision)) break;
      advance();
      return word("float8");
    case Tok::kw_decimal: case Tok::kw_dec: case Tok::kw_numeric: {
      TypeName* type = word("numeric");
      optional_modifiers(type);
      return type;
    }
    case Tok::kw_bit: return bit_type(constant);
    case Tok::kw_character: case Tok::kw_char: case Tok::kw_varchar: case Tok::kw_national: case Tok::kw_nchar:
      return character_type(constant);
    case Tok::kw_timestamp: return time_type("timestamp", "timestamptz");
    case Tok::kw_time: return time_type("time", "timetz");
    case Tok::kw_interval: {
      TypeName* type = word("interval");
      if (at('(')) integer_modifier(type);
      else if (!constant) interval_fields(type);
      return type;
    }
    default: break;
  }
  auto* type = make<TypeName>(place);
  if (!is_type_name(kind())) { syntax_error(); type->name = one_name({}); return type; }
  type->name = one_name(take());
  while (accept('.')) type->name.push_back(label());
  optional_modifiers(type);
  return type;
}

TypeName* Parser::float_type() {
  const std::int32_t place = here();
  advance();
  if (!accept('(')) return builtin("float8", place);
  const std::int32_t digits_place = here(), digits = integer();
  expect(')');
  if (digits < 1)
    fail_at(digits_place, sqlstate::invalid_parameter_value, "precision for type float must be at least 1 bit");
  if (digits > 53)
    fail_at(digits_place, sqlstate::invalid_parameter_value, "precision for type float must be less than 54 bits");
  return builtin(digits <= 24 ? "float4" : "float8", place);
}

/// BIT is BIT(1), except before a literal, whose length then counts.
TypeName* Parser::bit_type(bool constant) {
  const std::int32_t place = here();
  advance();
  TypeName* type = builtin(accept(Tok::kw_varying) ? "varbit" : "bit", place);
  optional_modifiers(type);
  if (type->modifiers.empty() && !constant && type->name.back() == "bit") {
    auto* one = literal(LiteralKind::integer, -1);
    one->integer = 1;
    type->modifiers = list<Expr*>();
    type->modifiers.push_back(one);
  }
  return type;
}

TypeName* Parser::character_type(bool constant) {
  const std::int32_t place = here();
  bool varying = at(Tok::kw_varchar);
  if (accept(Tok::kw_national) && !at_any(Tok::kw_char, Tok::kw_character)) syntax_error();
  advance();
  if (!varying) varying = accept(Tok::kw_varying);
  TypeName* type = builtin(varying ? "varchar" : "bpchar", place);
  if (at('(')) integer_modifier(type);
  else if (!varying && !constant) {
    auto* one = literal(LiteralKind::integer, -1);
    one->integer = 1;
    type->modifiers = list<Expr*>();
    type->modifiers.push_back(one);
  }
  return type;
}

TypeName* Parser::time_type(Name plain, Name zoned) {
  const std::int32_t place = here();
  advance();
  TypeName* type = builtin(plain, place);
  if (at('(')) integer_modifier(type);
  if ((at(Tok::kw_with) || at(Tok::kw_without)) && next_is(Tok::kw_time)) {
    if (at(Tok::kw_with)) type->name[1] = zoned;
    advance();
    advance();
    expect(Tok::kw_zone);
  }
  return type;
}

/// SECOND [(precision)]
void Parser::interval_seconds(TypeName* type) {
  expect(Tok::kw_second);
  if (at('(')) integer_modifier(type);
}

/// YEAR, MONTH TO .., DAY TO SECOND(3) and so on, or nothing.
void Parser::interval_fields(TypeName* type) {
  constexpr std::int32_t to_minute = interval_day | interval_hour | interval_minute;
  switch (kind()) {
    case Tok::kw_year:
      advance();
      type->interval_fields = interval_year;
      if (accept(Tok::kw_to)) { expect(Tok::kw_month); type->interval_fields |= interval_month; }
      return;
    case Tok::kw_month: advance(); type->interval_fields = interval_month; return;
    case Tok::kw_day:
      advance();
      type->interval_fields = interval_day;
      if (!accept(Tok::kw_to)) return;
      if (accept(Tok::kw_hour)) type->interval_fields |= interval_hour;
      else if (accept(Tok::kw_minute)) type->interval_fields = to_minute;
      else { type->interval_fields = to_minute | interval_second; interval_seconds(type); }
      return;
    case Tok::kw_hour:
      advance();
      type->interval_fields = interval_hour;
      if (!accept(Tok::kw_to)) return;
      type->interval_fields |= interval_minute;
      if (accept(Tok::kw_minute)) return;
      type->interval_fields |= interval_second;
      interval_seconds(type);
      return;
    case Tok::kw_minute:
      advance();
      type->interval_fields = interval_minute;
      if (accept(Tok::kw_to)) { type->interval_fields |= interval_second; interval_seconds(type); }
      return;
    case Tok::kw_second: type->interval_fields = interval_second; interval_seconds(type); return;
    default: return;
  }
}

}  // namespace spg::sql
