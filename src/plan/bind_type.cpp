// Names of types: looking them up, modifiers, and how messages show them.
#include "binder.hpp"
#include "spg/sql/deparse.hpp"
#include "spg/type/numeric.hpp"

namespace spg::plan {

Physical Binder::physical(Oid type_oid) {
  if (const type::TypeInfo* info = type::find_type(type_oid)) return info->physical;
  if (const catalog::Type* found = type(type_oid)) return catalog::physical_of(*found);
  return Physical::string;
}

Oid Binder::base_type(Oid type_oid) {
  for (const catalog::Type* found = type(type_oid); found != nullptr && found->kind == 'd'; found = type(type_oid))
    type_oid = found->base;
  return type_oid;
}

Oid Binder::collation_of(Oid type_oid) {
  const catalog::Type* found = type(type_oid);
  return found == nullptr ? Oid::none : found->collation;
}

char Binder::category(Oid type_oid) {
  const catalog::Type* found = type(type_oid);
  return found == nullptr ? 'X' : found->category;
}

bool Binder::is_preferred(Oid type_oid) {
  const catalog::Type* found = type(type_oid);
  return found != nullptr && found->preferred;
}

Oid Binder::element_of(Oid type_oid) {
  const catalog::Type* found = type(base_type(type_oid));
  if (found == nullptr || found->element == Oid::none) return Oid::none;
  // PostgreSQL's "true arrays" include the two vectors of the catalogs, which are no type's array.
  if (found->oid == oid::int2vector || found->oid == oid::oidvector) return found->element;
  const catalog::Type* element = type(found->element);
  return element != nullptr && element->array == found->oid ? found->element : Oid::none;
}

Oid Binder::array_of(Oid type_oid) {
  const catalog::Type* found = type(type_oid);
  return found == nullptr ? Oid::none : found->array;
}

namespace {

void add_number(TextBuilder& out, std::int32_t number) { out.add(number); }

void add_typmod(TextBuilder& out, Oid base, std::int32_t typmod) {
  if (typmod < 0) return;
  switch (raw(base)) {
    case raw(oid::varchar):
    case raw(oid::bpchar):
      out.add("(");
      add_number(out, typmod - 4);
      out.add(")");
      break;
    case raw(oid::numeric): {
      const auto parts = type::NumericTypmod::of(typmod);
      out.add("(", parts.precision, ",", parts.scale, ")");
      break;
    }
    case raw(oid::bit):
    case raw(oid::varbit): out.add("(", typmod, ")"); break;
    default: break;
  }
}

/// "timestamp(3) without time zone": the precision stands after the first word.
bool add_time_type(TextBuilder& out, Oid base, std::int32_t typmod) {
  std::string_view first, rest;
  switch (raw(base)) {
    case raw(oid::time): first = "time", rest = " without time zone"; break;
    case raw(oid::timetz): first = "time", rest = " with time zone"; break;
    case raw(oid::timestamp): first = "timestamp", rest = " without time zone"; break;
    case raw(oid::timestamptz): first = "timestamp", rest = " with time zone"; break;
    default: return false;
  }
  out.add(first);
  if (typmod >= 0) out.add("(", typmod, ")");
  out.add(rest);
  return true;
}

void add_interval(TextBuilder& out, std::int32_t typmod) {
  out.add("interval");
  if (typmod < 0) return;
  const std::int32_t fields = (typmod >> 16) & 0x7fff, precision = typmod & 0xffff;
  struct {
    std::int32_t mask;
    std::string_view text;
  } static constexpr names[] = {
      {sql::interval_year, " year"},
      {sql::interval_month, " month"},
      {sql::interval_day, " day"},
      {sql::interval_hour, " hour"},
      {sql::interval_minute, " minute"},
      {sql::interval_second, " second"},
      {sql::interval_year | sql::interval_month, " year to month"},
      {sql::interval_day | sql::interval_hour, " day to hour"},
      {sql::interval_day | sql::interval_hour | sql::interval_minute, " day to minute"},
      {sql::interval_day | sql::interval_hour | sql::interval_minute | sql::interval_second, " day to second"},
      {sql::interval_hour | sql::interval_minute, " hour to minute"},
      {sql::interval_hour | sql::interval_minute | sql::interval_second, " hour to second"},
      {sql::interval_minute | sql::interval_second, " minute to second"}};
  for (const auto& name : names)
    if (name.mask == fields) out.add(name.text);
  if (precision != 0xffff) out.add("(", precision, ")");
}

}  // namespace

std::string_view format_type(Arena& arena, catalog::Catalog& catalog, Oid type_oid, std::int32_t typmod) {
  const catalog::Type* found = catalog.type(type_oid);
  TextBuilder out(arena);
  if (found == nullptr) return type_oid == Oid::none ? "-" : "???";
  bool is_array = false;
  if (found->element != Oid::none) {
    const catalog::Type* element = catalog.type(found->element);
    if (element != nullptr && element->array == found->oid) {
      is_array = true;
      found = element;
    }
  }
  const type::TypeInfo* info = type::find_type(found->oid);
  if (add_time_type(out, found->oid, typmod)) {
  } else if (found->oid == oid::interval) {
    add_interval(out, typmod);
  } else if (info != nullptr && found->oid != oid::bpchar) {
    out.add(info->name);
    add_typmod(out, found->oid, typmod);
  } else if (found->oid == oid::bpchar) {
    out.add(typmod < 0 && !is_array ? "character" : "character");
    add_typmod(out, found->oid, typmod);
  } else if (found->oid == oid::bit || found->oid == oid::varbit) {
    out.add(found->oid == oid::bit ? "bit" : "bit varying");
    add_typmod(out, found->oid, typmod);
  } else {
    const catalog::Type* visible = catalog.type({}, found->name);
    if (visible == nullptr || visible->oid != found->oid) {
      auto schema = catalog.schema_name(found->schema);
      if (schema) out.add(sql::quote_identifier(arena, *schema), ".");
    }
    out.add(sql::quote_identifier(arena, found->name));
  }
  if (is_array) out.add("[]");
  return out.view();
}

std::string_view Binder::type_text(Oid type_oid, std::int32_t typmod) {
  return format_type(*arena_, *catalog_, type_oid, typmod);
}

namespace {

/// The constants of a type's modifier list.
Result<Vec<std::int32_t>> modifier_numbers(Arena& arena, const sql::TypeName& name) {
  Vec<std::int32_t> numbers(arena);
  for (const sql::Expr* modifier : name.modifiers) {
    const auto* literal = sql::as<sql::Literal>(modifier);
    if (literal == nullptr || literal->form != sql::LiteralKind::integer)
      return Error::make(sqlstate::syntax_error, "type modifiers must be simple constants or identifiers");
    numbers.push_back(literal->integer);
  }
  return numbers;
}

Result<std::int32_t> length_modifier(std::string_view word, std::int32_t length) {
  if (length < 1)
    return Error::make(sqlstate::invalid_parameter_value, "length for type ", word, " must be at least 1");
  if (length > 10485760)
    return Error::make(sqlstate::invalid_parameter_value, "length for type ", word, " cannot exceed 10485760");
  return length;
}

Result<std::int32_t> typmod_in(Oid base, std::span<const std::int32_t> numbers, const sql::TypeName& name) {
  const auto invalid = [] { return Error::make(sqlstate::invalid_parameter_value, "invalid type modifier"); };
  switch (raw(base)) {
    case raw(oid::varchar):
    case raw(oid::bpchar): {
      if (numbers.size() != 1) return invalid();
      SPG_ASSIGN(const std::int32_t length, length_modifier(base == oid::varchar ? "varchar" : "char", numbers[0]));
      return length + 4;
    }
    case raw(oid::bit):
    case raw(oid::varbit): {
      if (numbers.size() != 1) return invalid();
      return length_modifier(base == oid::bit ? "bit" : "varbit", numbers[0]);
    }
    case raw(oid::numeric): {
      if (numbers.empty() || numbers.size() > 2)
        return Error::make(sqlstate::invalid_parameter_value, "invalid NUMERIC type modifier");
      if (numbers[0] < 1 || numbers[0] > 1000)
        return Error::make(sqlstate::invalid_parameter_value, "NUMERIC precision ", numbers[0],
                           " must be between 1 and 1000");
      const std::int32_t scale = numbers.size() == 2 ? numbers[1] : 0;
      if (scale < -1000 || scale > 1000)
        return Error::make(sqlstate::invalid_parameter_value, "NUMERIC scale ", scale,
                           " must be between -1000 and 1000");
      return type::NumericTypmod{numbers[0], scale}.typmod();
    }
    case raw(oid::time):
    case raw(oid::timetz):
    case raw(oid::timestamp):
    case raw(oid::timestamptz): {
      if (numbers.size() != 1) return invalid();
      const bool stamp = base == oid::timestamp || base == oid::timestamptz;
      const std::string_view zone = base == oid::timetz || base == oid::timestamptz ? " WITH TIME ZONE" : "";
      if (numbers[0] < 0)
        return Error::make(sqlstate::invalid_parameter_value, stamp ? "TIMESTAMP(" : "TIME(", numbers[0], ")", zone,
                           " precision must not be negative");
      return numbers[0] > 6 ? 6 : numbers[0];
    }
    case raw(oid::interval): {
      std::int32_t precision = 0xffff;
      if (!numbers.empty()) {
        if (numbers[0] < 0)
          return Error::make(sqlstate::invalid_parameter_value, "INTERVAL(", numbers[0],
                             ") precision must not be negative");
        precision = numbers[0] > 6 ? 6 : numbers[0];
      }
      const std::int32_t fields = name.interval_fields == 0 ? 0x7fff : name.interval_fields;
      return (fields << 16) | precision;
    }
    default: return -1;
  }
}

}  // namespace

Result<ResolvedType> Binder::type_of(const sql::TypeName& name) {
  if (name.set_of) return fail(sqlstate::datatype_mismatch, name.at, "type reference cannot be SETOF");
  const std::size_t parts = name.name.size();
  std::string_view schema = parts >= 2 ? name.name[parts - 2] : std::string_view{};
  const std::string_view word = name.name[parts - 1];
  if (in_view_ != 0 && schema.empty()) schema = "pg_catalog";
  if (name.percent_type) return fail(sqlstate::feature_not_supported, name.at, "%TYPE is not supported here");
  const catalog::Type* found = catalog_->type(schema, word);
  if (found == nullptr) {
    if (!schema.empty()) {
      SPG_ASSIGN(const Oid schema_oid, catalog_->schema_oid(schema));
      if (schema_oid == Oid::none)
        return fail(make_sqlstate("3F000"), name.at, "schema \"", schema, "\" does not exist");
    }
    TextBuilder shown(*arena_);
    for (std::size_t i = 0; i < parts; ++i) shown.add(i == 0 ? "" : ".", name.name[i]);
    return fail(sqlstate::undefined_object, name.at, "type \"", shown.view(), name.array_bounds.empty() ? "" : "[]",
                "\" does not exist");
  }
  ResolvedType result{found->oid, -1};
  if (!name.modifiers.empty() || name.interval_fields != 0) {
    if (found->typmod_in == 0)
      return fail(sqlstate::syntax_error, name.at, "type modifier is not allowed for type \"", word, "\"");
    auto numbers = modifier_numbers(*arena_, name);
    if (!numbers) return numbers.take_error().at(position(name.at));
    auto typmod = typmod_in(found->oid, numbers->span(), name);
    if (!typmod) return typmod.take_error().at(position(name.at));
    result.typmod = *typmod;
  }
  if (!name.array_bounds.empty()) {
    if (found->array == Oid::none)
      return fail(sqlstate::undefined_object, name.at, "could not find array type for data type ",
                  type_text(found->oid));
    result.type = found->array;
  }
  return result;
}

Result<ResolvedType> resolve_type(Arena& arena, const sql::TypeName& name, PlanContext& context) {
  Binder binder(arena, context);
  return binder.type_of(name);
}

}  // namespace spg::plan
