#include "spg/catalog/names.hpp"

#include "spg/sql/keywords.hpp"
#include "spg/type/numeric.hpp"
#include "spg/type/text.hpp"

namespace spg::catalog {

std::string_view quote_name(std::string_view name, Arena& arena) {
  bool keyword = false;
  if (const sql::Tok tok = sql::find_keyword(name); tok != sql::Tok::identifier)
    keyword = sql::keyword(tok).category != sql::KeywordCategory::unreserved;
  return type::quote_ident(name, keyword, arena);
}
std::string_view quote_always(std::string_view name, Arena& arena) {
  TextBuilder text(arena);
  text.add("\"");
  for (const char& c : name) text.add(c == '"' ? std::string_view("\"\"") : std::string_view(&c, 1));
  return text.add("\"").view();
}
std::string_view quote_names(std::string_view schema, std::string_view name, Arena& arena) {
  return schema.empty() ? quote_name(name, arena)
                        : arena.concat(quote_name(schema, arena), ".", quote_name(name, arena));
}

std::int32_t position_in(std::string_view source, std::int32_t at) {
  if (at < 0 || static_cast<std::size_t>(at) > source.size()) return 0;
  return static_cast<std::int32_t>(type::character_count(source.substr(0, static_cast<std::size_t>(at)))) + 1;
}

// --- format_type
// ------------------------------------------------------------------------------------------------------

namespace {

constexpr std::int32_t var_header = 4;  ///< typmods of lengths and of numeric are raised by this

std::string_view interval_words(std::int32_t fields) {
  using namespace sql;
  switch (fields) {
    case interval_year: return " year";
    case interval_month: return " month";
    case interval_day: return " day";
    case interval_hour: return " hour";
    case interval_minute: return " minute";
    case interval_second: return " second";
    case interval_year | interval_month: return " year to month";
    case interval_day | interval_hour: return " day to hour";
    case interval_day | interval_hour | interval_minute: return " day to minute";
    case interval_day | interval_hour | interval_minute | interval_second: return " day to second";
    case interval_hour | interval_minute: return " hour to minute";
    case interval_hour | interval_minute | interval_second: return " hour to second";
    case interval_minute | interval_second: return " minute to second";
    default: return "";
  }
}

std::string_view interval_text(std::int32_t typmod, Arena& arena) {
  if (typmod < 0) return "interval";
  const std::int32_t fields = typmod >> 16 & 0x7fff, precision = typmod & 0xffff;
  const std::string_view words = interval_words(fields);
  return precision == 0xffff ? arena.concat("interval", words) : arena.concat("interval", words, "(", precision, ")");
}

/// The spelling of types whose name is SQL's own syntax; empty for others.
std::string_view special_name(Oid oid, TypeModifier modifier, Arena& arena) {
  const std::int32_t typmod = modifier.value;
  const auto sized = [&](std::string_view name) {
    return typmod < 0 ? name : arena.concat(name, "(", typmod - var_header, ")");
  };
  const auto precise = [&](std::string_view name, std::string_view after) {
    return typmod < 0 ? arena.concat(name, after) : arena.concat(name, "(", typmod, ")", after);
  };
  switch (raw(oid)) {
    case 16: return "boolean";
    case 20: return "bigint";
    case 21: return "smallint";
    case 23: return "integer";
    case 700: return "real";
    case 701: return "double precision";
    case 1042:
      // bpchar without a length is not CHARACTER, which means CHARACTER(1).
      if (modifier.given && typmod < 0) return {};
      return sized("character");
    case 1043: return sized("character varying");
    case 1560:
      if (modifier.given && typmod < 0) return {};
      return typmod < 0 ? "bit" : arena.concat("bit(", typmod, ")");
    case 1562: return typmod < 0 ? "bit varying" : arena.concat("bit varying(", typmod, ")");
    case 1700: {
      if (typmod < 0) return "numeric";
      const auto [precision, scale] = type::NumericTypmod::of(typmod);
      return arena.concat("numeric(", precision, ",", scale, ")");
    }
    case 1083: return precise("time", " without time zone");
    case 1266: return precise("time", " with time zone");
    case 1114: return precise("timestamp", " without time zone");
    case 1184: return precise("timestamp", " with time zone");
    case 1186: return interval_text(typmod, arena);
    default: return {};
  }
}

}  // namespace

std::string_view format_type(Catalog& catalog, Oid oid, TypeModifier modifier, Arena& arena) {
  if (oid == Oid::none) return "-";
  const Type* type = catalog.type(oid);
  if (type == nullptr) return "???";
  std::string_view brackets;
  if (type->length == -1 && type->element != Oid::none && !type->name.ends_with("vector")) {
    brackets = "[]";
    oid = type->element;
    type = catalog.type(oid);
    if (type == nullptr) return "???[]";
  }
  std::string_view name = special_name(oid, modifier, arena);
  if (name.empty()) {
    // Qualified unless the bare name would find it.
    std::string_view schema;
    if (const Type* visible = catalog.type({}, type->name); visible == nullptr || visible->oid != oid) {
      auto found = catalog.schema_name(type->schema);
      if (found) schema = *found;
    }
    name = quote_names(schema, type->name, arena);
    if (modifier.value >= 0 && raw(oid) >= 16384) name = arena.concat(name, "(", modifier.value, ")");
  }
  return brackets.empty() ? name : arena.concat(name, brackets);
}

// --- type names
// ---------------------------------------------------------------------------------------------------------

namespace {

std::string_view spelled(const sql::TypeName& name, Arena& arena) {
  TextBuilder text(arena);
  for (std::size_t i = 0; i < name.name.size(); ++i) text.add(i == 0 ? "" : ".", name.name[i]);
  if (!name.array_bounds.empty()) text.add("[]");
  return text.view();
}

Error invalid(std::string_view message) { return Error::make(sqlstate::invalid_parameter_value, message); }

/// The modifier list as integers; at most two.
struct Modifiers {
  std::int32_t values[2] = {};
  std::size_t count = 0;
};
Result<Modifiers> read_modifiers(const sql::TypeName& name, std::string_view type_name) {
  Modifiers result;
  for (const sql::Expr* expr : name.modifiers) {
    const auto* literal = sql::as<sql::Literal>(expr);
    if (literal == nullptr || literal->form != sql::LiteralKind::integer)
      return Error::make(sqlstate::syntax_error, "type modifiers must be simple constants or identifiers");
    if (result.count == 2)
      return Error::make(sqlstate::invalid_parameter_value, "invalid ", type_name == "numeric" ? "NUMERIC" : type_name,
                         " type modifier");
    result.values[result.count++] = literal->integer;
  }
  return result;
}

Result<std::int32_t> length_typmod(const Modifiers& modifiers, std::string_view name, std::int32_t raise,
                                   std::int32_t limit) {
  if (modifiers.count != 1) return invalid("invalid type modifier");
  const std::int32_t length = modifiers.values[0];
  if (length < 1)
    return Error::make(sqlstate::invalid_parameter_value, "length for type ", name, " must be at least 1");
  if (length > limit)
    return Error::make(sqlstate::invalid_parameter_value, "length for type ", name, " cannot exceed ", limit);
  return length + raise;
}

Result<std::int32_t> time_typmod(const Modifiers& modifiers, std::string_view word, std::string_view tail,
                                 NoticeSink* notices, Arena& arena) {
  if (modifiers.count != 1) return invalid("invalid type modifier");
  const std::int32_t precision = modifiers.values[0];
  if (precision < 0)
    return Error::make(sqlstate::invalid_parameter_value, word, "(", precision, ")", tail,
                       " precision must not be negative");
  if (precision <= 6) return precision;
  if (notices != nullptr)
    notices->send({Severity::warning,
                   sqlstate::invalid_parameter_value,
                   arena.concat(word, "(", precision, ")", tail, " precision reduced to maximum allowed, 6"),
                   {},
                   {}});
  return 6;
}

Result<std::int32_t> numeric_typmod(const Modifiers& modifiers) {
  if (modifiers.count == 0) return invalid("invalid NUMERIC type modifier");
  const std::int32_t precision = modifiers.values[0], scale = modifiers.count == 2 ? modifiers.values[1] : 0;
  if (precision < 1 || precision > 1000)
    return Error::make(sqlstate::invalid_parameter_value, "NUMERIC precision ", precision,
                       " must be between 1 and 1000");
  if (scale < -1000 || scale > 1000)
    return Error::make(sqlstate::invalid_parameter_value, "NUMERIC scale ", scale, " must be between -1000 and 1000");
  return type::NumericTypmod{precision, scale}.typmod();
}

Result<std::int32_t> interval_typmod(const sql::TypeName& name, const Modifiers& modifiers, NoticeSink* notices,
                                     Arena& arena) {
  if (name.interval_fields == 0 && modifiers.count == 0) return -1;
  std::int32_t precision = 0xffff;
  if (modifiers.count != 0) { SPG_ASSIGN(precision, time_typmod(modifiers, "INTERVAL", "", notices, arena)); }
  const std::int32_t fields = name.interval_fields == 0 ? 0x7fff : name.interval_fields;
  return fields << 16 | precision;
}

Result<std::int32_t> typmod_of(const Type& type, const sql::TypeName& name, NoticeSink* notices, Arena& arena) {
  if (raw(type.oid) == 1186 || !name.modifiers.empty()) {
    SPG_ASSIGN(const Modifiers modifiers, read_modifiers(name, type.name));
    switch (raw(type.oid)) {
      case 1042: return length_typmod(modifiers, "char", var_header, 10485760);
      case 1043: return length_typmod(modifiers, "varchar", var_header, 10485760);
      case 1560: return length_typmod(modifiers, "bit", 0, 83886080);
      case 1562: return length_typmod(modifiers, "varbit", 0, 83886080);
      case 1700: return numeric_typmod(modifiers);
      case 1083: return time_typmod(modifiers, "TIME", "", notices, arena);
      case 1266: return time_typmod(modifiers, "TIME", " WITH TIME ZONE", notices, arena);
      case 1114: return time_typmod(modifiers, "TIMESTAMP", "", notices, arena);
      case 1184: return time_typmod(modifiers, "TIMESTAMP", " WITH TIME ZONE", notices, arena);
      case 1186: return interval_typmod(name, modifiers, notices, arena);
      default:
        return Error::make(sqlstate::syntax_error, "type modifier is not allowed for type \"", spelled(name, arena),
                           "\"");
    }
  }
  return -1;
}

}  // namespace

Result<TypeReference> resolve_type(Catalog& catalog, const sql::TypeName& name, NoticeSink* notices, Arena& arena) {
  const std::size_t parts = name.name.size();
  const std::string_view schema = parts >= 2 ? name.name[parts - 2] : std::string_view();
  if (!schema.empty()) {
    SPG_ASSIGN(const Oid oid, catalog.schema_oid(schema));
    if (oid == Oid::none) return Error::make(sqlstate::undefined_schema, "schema \"", schema, "\" does not exist");
  }
  const Type* type = catalog.type(schema, name.name[parts - 1]);
  if (type == nullptr || (type->kind == 'p' && type->oid == Oid{705}))
    return Error::make(sqlstate::undefined_object, "type \"", spelled(name, arena), "\" does not exist");
  TypeReference result;
  SPG_ASSIGN(result.typmod, typmod_of(*type, name, notices, arena));
  if (!name.array_bounds.empty()) {
    const Type* array = type->array == Oid::none ? nullptr : catalog.type(type->array);
    if (array == nullptr && type->category == 'A') array = type;
    if (array == nullptr)
      return Error::make(sqlstate::undefined_object, "could not find array type for data type ",
                         format_type(catalog, type->oid, {}, arena));
    type = array;
  }
  result.type = type;
  return result;
}

}  // namespace spg::catalog
