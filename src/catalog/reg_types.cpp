// The reg* types: names to OIDs and back.
#include "spg/catalog/builtin.hpp"
#include "spg/catalog/functions.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/sql/parser.hpp"
#include "spg/type/oids.hpp"
#include "spg/type/text.hpp"

namespace spg::catalog {

namespace {

constexpr std::size_t parts_max = 3;

/// A dotted name with quotes, folded and cut as identifiers are.
struct ParsedName {
  std::string_view parts[parts_max];
  std::size_t count = 0;
  std::string_view schema() const { return count > 1 ? parts[count - 2] : std::string_view(); }
  std::string_view name() const { return parts[count - 1]; }
};

bool is_space(char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }

Result<ParsedName> parse_name(std::string_view text, Arena& arena) {
  const auto invalid = [] { return Error::make(sqlstate::invalid_name, "invalid name syntax"); };
  ParsedName name;
  std::size_t at = 0;
  const auto skip = [&] {
    while (at < text.size() && is_space(text[at])) ++at;
  };
  for (skip();; skip()) {
    if (name.count == parts_max || at == text.size()) return invalid();
    TextBuilder part(arena);
    if (text[at] == '"') {
      for (++at;; ++at) {
        if (at == text.size()) return invalid();
        if (text[at] != '"') {
          part.add(text[at]);
          continue;
        }
        if (at + 1 < text.size() && text[at + 1] == '"') {
          part.add('"');
          ++at;
          continue;
        }
        break;
      }
      ++at;
    } else {
      for (; at < text.size() && text[at] != '.' && !is_space(text[at]) && text[at] != '"'; ++at) {
        const char c = text[at];
        part.add(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
      }
    }
    if (part.size() == 0) return invalid();
    name.parts[name.count++] = type::truncate_name(part.view());
    skip();
    if (at == text.size()) return name;
    if (text[at] != '.') return invalid();
    ++at;
  }
}

/// "-" is 0 and digits are an OID; false for names.
bool parse_oid(std::string_view text, Oid* oid) {
  if (text == "-") {
    *oid = Oid::none;
    return true;
  }
  if (text.empty() || text.find_first_not_of("0123456789") != std::string_view::npos || text.size() > 10) return false;
  std::uint64_t value = 0;
  for (const char c : text) value = value * 10 + static_cast<std::uint64_t>(c - '0');
  if (value > UINT32_MAX) return false;
  *oid = Oid{static_cast<std::uint32_t>(value)};
  return true;
}

Status check_schema(SessionCatalog& catalog, std::string_view schema) {
  if (schema.empty()) return ok();
  SPG_ASSIGN(const Oid oid, catalog.schema_oid(schema));
  return oid != Oid::none ? ok() : Error::make(sqlstate::undefined_schema, "schema \"", schema, "\" does not exist");
}

std::string_view oid_text(Oid oid, Arena& arena) {
  return oid == Oid::none ? std::string_view("-") : arena.concat(raw(oid));
}

std::string_view function_name(SessionCatalog& catalog, const Function& function, bool alone, Arena& arena) {
  const bool visible =
      function.schema == ns::pg_catalog && (!alone || catalog.functions({}, function.name).size() == 1);
  auto schema = catalog.schema_name(function.schema);
  return quote_names(visible || !schema ? std::string_view() : *schema, function.name, arena);
}

}  // namespace

Result<Oid> regclass_in(SessionCatalog& catalog, std::string_view text, Arena& arena) {
  Oid oid;
  if (parse_oid(text, &oid)) return oid;
  SPG_ASSIGN(const ParsedName name, parse_name(text, arena));
  SPG_ASSIGN(const Relation* relation, catalog.relation(name.schema(), name.name()));
  if (relation != nullptr) return relation->oid;
  if (name.schema().empty())
    return Error::make(sqlstate::undefined_table, "relation \"", name.name(), "\" does not exist");
  return Error::make(sqlstate::undefined_table, "relation \"", name.schema(), ".", name.name(), "\" does not exist");
}

Result<std::string_view> regclass_out(SessionCatalog& catalog, Oid oid, Arena& arena) {
  SPG_ASSIGN(const Relation* relation, catalog.relation(oid));
  if (relation == nullptr) return oid_text(oid, arena);
  const std::string_view bare = arena.copy(relation->name);
  SPG_ASSIGN(const std::string_view schema, catalog.schema_name(relation->schema));
  SPG_ASSIGN(const Relation* by_name, catalog.relation({}, bare));
  return quote_names(by_name != nullptr && by_name->oid == oid ? std::string_view() : schema, bare, arena);
}

Result<Oid> regtype_in(SessionCatalog& catalog, std::string_view text, Arena& arena) {
  Oid oid;
  if (parse_oid(text, &oid)) return oid;
  SPG_ASSIGN(const sql::TypeName* name, sql::parse_type_name(arena, text));
  SPG_ASSIGN(const TypeReference type, resolve_type(catalog, *name, nullptr, arena));
  return type.type->oid;
}
Result<std::string_view> regtype_out(SessionCatalog& catalog, Oid oid, Arena& arena) {
  if (oid == Oid::none) return std::string_view("-");
  const Type* type = catalog.type(oid);
  SPG_TRY(catalog.take_error());
  return type == nullptr ? oid_text(oid, arena) : format_type(catalog, oid, {}, arena);
}

Result<Oid> regproc_in(SessionCatalog& catalog, std::string_view text, Arena& arena) {
  Oid oid;
  if (parse_oid(text, &oid)) return oid;
  SPG_ASSIGN(const ParsedName name, parse_name(text, arena));
  SPG_TRY(check_schema(catalog, name.schema()));
  const auto found = catalog.functions(name.schema(), name.name());
  if (found.empty()) return Error::make(sqlstate::undefined_function, "function \"", text, "\" does not exist");
  if (found.size() > 1) return Error::make(sqlstate::ambiguous_function, "more than one function named \"", text, "\"");
  return found[0]->oid;
}
std::string_view regproc_out(SessionCatalog& catalog, Oid oid, Arena& arena) {
  const Function* function = catalog.function(oid);
  return function == nullptr ? oid_text(oid, arena) : function_name(catalog, *function, true, arena);
}

Result<Oid> regprocedure_in(SessionCatalog& catalog, std::string_view text, Arena& arena) {
  Oid oid;
  if (parse_oid(text, &oid)) return oid;
  const std::size_t open = text.find('('), close = text.rfind(')');
  if (open == std::string_view::npos)
    return Error::make(sqlstate::invalid_text_representation, "expected a left parenthesis");
  if (close == std::string_view::npos || close < open)
    return Error::make(sqlstate::invalid_text_representation, "expected a right parenthesis");
  SPG_ASSIGN(const ParsedName name, parse_name(text.substr(0, open), arena));
  SPG_TRY(check_schema(catalog, name.schema()));
  Vec<Oid> types(arena);
  std::string_view list = text.substr(open + 1, close - open - 1);
  while (list.find_first_not_of(" \t\n") != std::string_view::npos) {
    std::size_t end = 0;
    for (int depth = 0; end < list.size() && (list[end] != ',' || depth != 0); ++end)
      depth += list[end] == '(' ? 1 : list[end] == ')' ? -1 : 0;
    SPG_ASSIGN(const Oid type, regtype_in(catalog, list.substr(0, end), arena));
    types.push_back(type);
    list = end < list.size() ? list.substr(end + 1) : std::string_view();
  }
  for (const Function* function : catalog.functions(name.schema(), name.name())) {
    if (function->arguments.size() != types.size()) continue;
    bool same = true;
    for (std::size_t i = 0; i < types.size(); ++i) same &= function->arguments[i] == types[i];
    if (same) return function->oid;
  }
  return Error::make(sqlstate::undefined_function, "function \"", text, "\" does not exist");
}
std::string_view regprocedure_out(SessionCatalog& catalog, Oid oid, Arena& arena) {
  const Function* function = catalog.function(oid);
  if (function == nullptr) return oid_text(oid, arena);
  TextBuilder text(arena);
  text.add(function_name(catalog, *function, false, arena), "(");
  for (std::size_t i = 0; i < function->arguments.size(); ++i)
    text.add(i == 0 ? "" : ",", format_type(catalog, function->arguments[i], {}, arena));
  text.add(")");
  return text.view();
}

Result<Oid> regnamespace_in(SessionCatalog& catalog, std::string_view text, Arena& arena) {
  Oid oid;
  if (parse_oid(text, &oid)) return oid;
  SPG_ASSIGN(const ParsedName name, parse_name(text, arena));
  if (name.count != 1) return Error::make(sqlstate::invalid_name, "invalid name syntax");
  SPG_ASSIGN(oid, catalog.schema_oid(name.name()));
  if (oid == Oid::none) return Error::make(sqlstate::undefined_schema, "schema \"", name.name(), "\" does not exist");
  return oid;
}
Result<std::string_view> regnamespace_out(SessionCatalog& catalog, Oid oid, Arena& arena) {
  SPG_ASSIGN(const std::string_view name, catalog.schema_name(oid));
  return name.empty() ? oid_text(oid, arena) : quote_name(name, arena);
}

Result<Oid> regrole_in(SessionCatalog& catalog, std::string_view text, Arena& arena) {
  Oid oid;
  if (parse_oid(text, &oid)) return oid;
  SPG_ASSIGN(const ParsedName name, parse_name(text, arena));
  if (name.count != 1) return Error::make(sqlstate::invalid_name, "invalid name syntax");
  Store store(&catalog.view(), catalog.shared_view(), arena);
  SPG_ASSIGN(const Row* row, find_role_row(store, name.name()));
  if (row == nullptr) return Error::make(sqlstate::undefined_object, "role \"", name.name(), "\" does not exist");
  return row->oid(pg_authid::oid);
}
Result<std::string_view> regrole_out(SessionCatalog& catalog, Oid oid, Arena& arena) {
  SPG_ASSIGN(const std::string_view name, pg_get_userbyid(catalog, oid, arena));
  return name.starts_with("unknown (OID=") ? oid_text(oid, arena) : quote_name(name, arena);
}

bool is_reg_type(Oid type) {
  namespace oid = type::oid;
  return type == oid::regclass || type == oid::regtype || type == oid::regproc || type == oid::regprocedure ||
         type == oid::regnamespace || type == oid::regrole;
}

Result<Oid> SessionCatalog::reg_in(Oid type, std::string_view text, Arena& arena) {
  namespace oid = type::oid;
  if (type == oid::regclass) return regclass_in(*this, text, arena);
  if (type == oid::regtype) return regtype_in(*this, text, arena);
  if (type == oid::regproc) return regproc_in(*this, text, arena);
  if (type == oid::regprocedure) return regprocedure_in(*this, text, arena);
  if (type == oid::regnamespace) return regnamespace_in(*this, text, arena);
  return regrole_in(*this, text, arena);
}

Result<std::string_view> SessionCatalog::reg_out(Oid type, Oid value, Arena& arena) {
  namespace oid = type::oid;
  if (value == Oid::none) return std::string_view("-");
  if (type == oid::regclass) return regclass_out(*this, value, arena);
  if (type == oid::regtype) return regtype_out(*this, value, arena);
  if (type == oid::regproc) return regproc_out(*this, value, arena);
  if (type == oid::regprocedure) return regprocedure_out(*this, value, arena);
  if (type == oid::regnamespace) return regnamespace_out(*this, value, arena);
  return regrole_out(*this, value, arena);
}

Result<FoundOid> or_null(Result<Oid> found) {
  if (found) return FoundOid{*found, false};
  const Sqlstate code = found.error().code();
  for (const Sqlstate missing : {sqlstate::undefined_table, sqlstate::undefined_object, sqlstate::undefined_schema,
                                 sqlstate::undefined_function, sqlstate::ambiguous_function})
    if (code == missing) return FoundOid{Oid::none, true};
  return found.take_error();
}

}  // namespace spg::catalog
