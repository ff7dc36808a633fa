// The catalog module: what tools ask about objects: type names, visibility, privileges, descriptions, definitions.
//
// Roles' grants are judged where statements are planned; the has_..._privilege functions answer for the session's own
// role, which may use what it can name.
#include "kernels.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using u4 = std::uint32_t;

/// format_type(oid, typmod): the name as DDL writes it.
std::optional<Text> format_type(Context& c, Value oid, Value typmod_value) {
  if (oid.is_null) return std::nullopt;
  const Oid type{oid.as<u4>()};
  const i4 typmod = typmod_value.is_null ? -1 : typmod_value.as<i4>();
  TextBuilder out(c.arena);
  if (type == Oid::none) return "-";
  const type::TypeInfo* info = type::find_type(type);
  const bool is_array = info != nullptr && info->format == type::Format::array;
  const type::TypeInfo* base = is_array ? type::find_type(info->element) : info;
  if (base == nullptr) {
    TextBuilder name(c.arena);
    print_value(c.exec, type::oid::regtype, Value::of(Physical::int4, raw(type)), name);
    const Text text = name.view();
    return !text.empty() && text[0] >= '0' && text[0] <= '9' ? Text("???") : text;
  }
  Text name = base->name;
  if (base->oid == type::oid::bpchar && typmod < 0) name = typmod_value.is_null ? "character" : "bpchar";
  // Modifiers stand behind the first word of "timestamp without time zone" and kin.
  TextBuilder modifier(c.arena);
  if (typmod >= 0) {
    switch (base->format) {
      case type::Format::varchar:
      case type::Format::bpchar:
        if (typmod >= 4) modifier.add("(", typmod - 4, ")");
        break;
      case type::Format::numeric:
        if (typmod >= 4) {
          const auto [precision, scale] = type::NumericTypmod::of(typmod);
          modifier.add("(", precision, ",", scale, ")");
        }
        break;
      case type::Format::time:
      case type::Format::timetz:
      case type::Format::timestamp:
      case type::Format::timestamptz: modifier.add("(", typmod, ")"); break;
      default: break;
    }
  }
  const std::size_t blank = base->format == type::Format::varchar ? Text::npos : name.find(' ');
  if (modifier.size() != 0 && blank != Text::npos) out.add(name.substr(0, blank), modifier.view(), name.substr(blank));
  else out.add(name, modifier.view());
  if (is_array) out.add("[]");
  return out.view();
}

bool on_search_path(Context& c, Oid schema) {
  if (schema == catalog::ns::pg_catalog) return true;
  if (c.exec.session == nullptr || c.exec.catalog == nullptr) return schema == catalog::ns::public_schema;
  auto name = c.exec.catalog->schema_name(schema);
  if (!name.has_value()) return false;
  for (const Text path : c.exec.session->search_path())
    if (path == *name) return true;
  return false;
}
Result<const catalog::Relation*> relation_of(Context& c, u4 oid) {
  if (c.exec.catalog == nullptr) return static_cast<const catalog::Relation*>(nullptr);
  return c.exec.catalog->relation(Oid{oid});
}
Result<std::optional<bool>> table_is_visible(Context& c, u4 oid) {
  SPG_ASSIGN(const catalog::Relation* relation, relation_of(c, oid));
  if (relation == nullptr) return std::optional<bool>();
  if (!on_search_path(c, relation->schema)) return std::optional<bool>(false);
  // Another of the name may come first in the path.
  SPG_ASSIGN(const catalog::Relation* found, c.exec.catalog->relation({}, relation->name));
  return std::optional<bool>(found == nullptr || found->oid == relation->oid || relation->kind == 'i');
}
std::optional<bool> type_is_visible(Context& c, u4 oid) {
  const catalog::Type* type = c.exec.catalog == nullptr ? nullptr : c.exec.catalog->type(Oid{oid});
  return type == nullptr ? std::optional<bool>() : std::optional<bool>(on_search_path(c, type->schema));
}
std::optional<bool> function_is_visible(Context& c, u4 oid) {
  const catalog::Function* function = c.exec.catalog == nullptr ? nullptr : c.exec.catalog->function(Oid{oid});
  return function == nullptr ? std::optional<bool>() : std::optional<bool>(on_search_path(c, function->schema));
}
Text role_name(Context& c, u4 oid) {
  if (oid == 10) return "postgres";
  return c.arena.concat("unknown (OID=", oid, ")");
}
Text encoding_name(i4 encoding) { return encoding == 6 ? "UTF8" : encoding == 0 ? "SQL_ASCII" : ""; }

/// Stored expressions are kept as SQL text.
std::optional<Text> expression_text(Text tree, u4) { return tree; }
std::optional<Text> expression_text_pretty(Text tree, u4, bool) { return tree; }

/// Privileges of the session's own role.
bool may(Context&, Rest) { return true; }
bool never() { return false; }
std::optional<Text> no_text(u4) { return std::nullopt; }
std::optional<Text> no_text_of(u4, Text) { return std::nullopt; }
std::optional<Text> no_column_text(u4, i4) { return std::nullopt; }

constexpr FunctionEntry functions[] = {
    {proc::format_type, call<format_type>()},
    {proc::pg_table_is_visible, call<table_is_visible>()},
    {proc::pg_type_is_visible, call<type_is_visible>()},
    {proc::pg_function_is_visible, call<function_is_visible>()},
    {proc::pg_get_userbyid, call<role_name>()},
    {proc::PG_encoding_to_char, call<encoding_name>()},
    {proc::pg_get_expr, call<expression_text>()},
    {proc::pg_get_expr_ext, call<expression_text_pretty>()},
    {proc::pg_is_in_recovery, call<never>()},
    {proc::pg_is_other_temp_schema, call<+[](u4) { return false; }>()},
    {proc::pg_my_temp_schema, call<+[]() { return u4{0}; }>()},
    {proc::pg_relation_is_publishable, call<+[](u4) { return true; }>()},
    {proc::obj_description_1215, call<no_text_of>()},
    {proc::obj_description_1348, call<no_text>()},
    {proc::shobj_description_1993, call<no_text_of>()},
    {proc::col_description_1216, call<no_column_text>()},
    {proc::has_table_privilege_name, call<may>()},
    {proc::has_table_privilege_id, call<may>()},
    {proc::has_table_privilege_name_name, call<may>()},
    {proc::has_table_privilege_name_id, call<may>()},
    {proc::has_table_privilege_id_name, call<may>()},
    {proc::has_table_privilege_id_id, call<may>()},
    {proc::has_schema_privilege_name, call<may>()},
    {proc::has_schema_privilege_id, call<may>()},
    {proc::has_schema_privilege_name_name, call<may>()},
    {proc::has_schema_privilege_name_id, call<may>()},
    {proc::has_database_privilege_name, call<may>()},
    {proc::has_database_privilege_id, call<may>()},
    {proc::has_database_privilege_name_name, call<may>()},
    {proc::has_any_column_privilege_id, call<may>()},
    {proc::has_any_column_privilege_name, call<may>()},
    {proc::has_column_privilege_id_attnum, call<may>()},
    {proc::has_column_privilege_id_name, call<may>()},
    {proc::has_sequence_privilege_id, call<may>()},
    {proc::has_sequence_privilege_name, call<may>()},
    {proc::has_function_privilege_id, call<may>()},
    {proc::has_function_privilege_name, call<may>()},
    {proc::has_type_privilege_id, call<may>()},
    {proc::has_type_privilege_name, call<may>()},
};

}  // namespace

namespace module {
const Module catalog{functions, {}};
}

}  // namespace spg::exec
