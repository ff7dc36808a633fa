// The catalog module: the functions that psql and its kin call on catalogs. The work is catalog/functions.hpp's; here they
// are given their pg_proc OIDs. They need a session's catalog (not just any model of the interface).
#include "kernels.hpp"
#include "spg/catalog/functions.hpp"
#include "spg/catalog/names.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using u4 = std::uint32_t;
using OptionalText = Result<std::optional<Text>>;
using OptionalBool = Result<std::optional<bool>>;

catalog::SessionCatalog& of(Context& c) { return static_cast<catalog::SessionCatalog&>(*c.exec.catalog); }

OptionalText text_or_null(Result<catalog::Text> found) {
  if (!found) return found.take_error();
  return found->is_null ? std::optional<Text>() : std::optional<Text>(found->text);
}
OptionalBool bool_or_null(Result<catalog::FoundBool> found) {
  if (!found) return found.take_error();
  return found->is_null ? std::optional<bool>() : std::optional<bool>(found->value);
}
Result<std::optional<i8>> int8_or_null(Result<catalog::FoundInt8> found) {
  if (!found) return found.take_error();
  return found->is_null ? std::optional<i8>() : std::optional<i8>(found->value);
}
Result<std::optional<u4>> oid_or_null(Result<catalog::FoundOid> found) {
  if (!found) return found.take_error();
  return found->is_null ? std::optional<u4>() : std::optional<u4>(raw(found->oid));
}

// --- definitions
OptionalText indexdef(Context& c, u4 index) { return text_or_null(catalog::pg_get_indexdef(of(c), Oid{index}, 0, false, c.arena)); }
OptionalText indexdef_column(Context& c, u4 index, i4 column, bool pretty) { return text_or_null(catalog::pg_get_indexdef(of(c), Oid{index}, column, pretty, c.arena)); }
OptionalText constraintdef(Context& c, u4 constraint) { return text_or_null(catalog::pg_get_constraintdef(of(c), Oid{constraint}, false, c.arena)); }
OptionalText constraintdef_pretty(Context& c, u4 constraint, bool pretty) { return text_or_null(catalog::pg_get_constraintdef(of(c), Oid{constraint}, pretty, c.arena)); }
Text expression(Context&, Text stored, u4) { return stored; }
Text expression_pretty(Context&, Text stored, u4, bool) { return stored; }
OptionalText function_arguments(Context& c, u4 function) { return text_or_null(catalog::pg_get_function_arguments(of(c), Oid{function}, true, c.arena)); }
OptionalText function_result(Context& c, u4 function) { return text_or_null(catalog::pg_get_function_result(of(c), Oid{function}, c.arena)); }
std::optional<Text> nothing_of_oid(Context&, u4) { return std::nullopt; }
std::optional<Text> nothing_of_oid_flag(Context&, u4, bool) { return std::nullopt; }

// --- visibility
OptionalBool table_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_table_is_visible(of(c), Oid{oid})); }
OptionalBool type_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_type_is_visible(of(c), Oid{oid})); }
OptionalBool function_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_function_is_visible(of(c), Oid{oid})); }
OptionalBool operator_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_operator_is_visible(of(c), Oid{oid})); }
OptionalBool collation_is_visible(Context&, u4 oid) { return bool_or_null(catalog::pg_builtin_is_visible(Oid{3456}, Oid{oid})); }
OptionalBool opclass_is_visible(Context&, u4 oid) { return bool_or_null(catalog::pg_builtin_is_visible(Oid{2616}, Oid{oid})); }
OptionalBool is_publishable(Context& c, u4 oid) { return bool_or_null(catalog::pg_relation_is_publishable(of(c), Oid{oid})); }

// --- names
Result<std::optional<u4>> to_regclass(Context& c, Text name) { return oid_or_null(catalog::or_null(catalog::regclass_in(of(c), name, c.arena))); }
Result<std::optional<u4>> to_regtype(Context& c, Text name) { return oid_or_null(catalog::or_null(catalog::regtype_in(of(c), name, c.arena))); }
Result<std::optional<u4>> to_regproc(Context& c, Text name) { return oid_or_null(catalog::or_null(catalog::regproc_in(of(c), name, c.arena))); }
Result<std::optional<u4>> to_regnamespace(Context& c, Text name) { return oid_or_null(catalog::or_null(catalog::regnamespace_in(of(c), name, c.arena))); }
Result<std::optional<u4>> to_regrole(Context& c, Text name) { return oid_or_null(catalog::or_null(catalog::regrole_in(of(c), name, c.arena))); }

// --- types
std::optional<Text> type_text(Context& c, Value type, Value typmod) {
  if (type.is_null) return std::nullopt;
  return catalog::format_type(of(c), Oid{type.as<u4>()}, {!typmod.is_null, typmod.is_null ? -1 : typmod.as<i4>()}, c.arena);
}

// --- comments
OptionalText object_comment(Context& c, u4 object, Text catalog_name) { return text_or_null(catalog::obj_description(of(c), Oid{object}, catalog_name, c.arena)); }
OptionalText column_comment(Context& c, u4 relation, i4 column) { return text_or_null(catalog::col_description(of(c), Oid{relation}, column, c.arena)); }

// --- the rest
Result<Text> user_by_id(Context& c, u4 role) { return catalog::pg_get_userbyid(of(c), Oid{role}, c.arena); }
Text encoding_name(Context&, i4 encoding) { return catalog::pg_encoding_to_char(encoding); }
i4 encoding_number(Context&, Text name) { return catalog::pg_char_to_encoding(name); }
Result<std::optional<i8>> relation_size(Context& c, u4 relation) { return int8_or_null(catalog::pg_relation_size(of(c), Oid{relation})); }
Result<std::optional<i8>> relation_fork_size(Context& c, u4 relation, Text) { return relation_size(c, relation); }
Result<std::optional<i8>> indexes_size(Context& c, u4 relation) { return int8_or_null(catalog::pg_indexes_size(of(c), Oid{relation})); }
Result<std::optional<i8>> total_size(Context& c, u4 relation) {
  SPG_ASSIGN(const std::optional<i8> rows, relation_size(c, relation));
  SPG_ASSIGN(const std::optional<i8> indexes, indexes_size(c, relation));
  if (!rows.has_value()) return rows;
  return std::optional<i8>(*rows + indexes.value_or(0));
}

template <catalog::PrivilegeOn on>
OptionalBool has_privilege(Context& c, u4 object, Text privileges) {
  return bool_or_null(catalog::has_privilege(of(c), of(c).role(), on, Oid{object}, privileges, c.arena));
}
template <catalog::PrivilegeOn on>
OptionalBool role_has_privilege(Context& c, u4 role, u4 object, Text privileges) {
  return bool_or_null(catalog::has_privilege(of(c), Oid{role}, on, Oid{object}, privileges, c.arena));
}
OptionalBool has_table_privilege_by_name(Context& c, Text table, Text privileges) {
  SPG_ASSIGN(const Oid relation, catalog::regclass_in(of(c), table, c.arena));
  return bool_or_null(catalog::has_privilege(of(c), of(c).role(), catalog::PrivilegeOn::relation, relation, privileges, c.arena));
}
Result<bool> has_role(Context& c, u4 other, Text) { return catalog::pg_has_role(of(c), of(c).role(), Oid{other}, c.arena); }
Result<bool> role_has_role(Context& c, u4 role, u4 other, Text) { return catalog::pg_has_role(of(c), Oid{role}, Oid{other}, c.arena); }

template <std::uint16_t... oids>
inline constexpr std::uint16_t list[] = {oids...};

using catalog::PrivilegeOn;
constexpr FunctionEntry catalog_functions[] = {
    {list<1643>, call<indexdef>()}, {list<2507>, call<indexdef_column>()}, {list<1387>, call<constraintdef>()}, {list<2508>, call<constraintdef_pretty>()},
    {list<1716>, call<expression>()}, {list<2509>, call<expression_pretty>()}, {list<2162>, call<function_arguments>()}, {list<2165>, call<function_result>()},
    // partitions, extended statistics: there are none
    {list<3352, 6174, 1641>, call<nothing_of_oid>()}, {list<2506>, call<nothing_of_oid_flag>()},
    {list<2079>, call<table_is_visible>()}, {list<2080>, call<type_is_visible>()}, {list<2081>, call<function_is_visible>()},
    {list<2082>, call<operator_is_visible>()}, {list<3815>, call<collation_is_visible>()}, {list<2083>, call<opclass_is_visible>()},
    {list<6121>, call<is_publishable>()},
    {list<3495>, call<to_regclass>()}, {list<3493>, call<to_regtype>()}, {list<3494>, call<to_regproc>()}, {list<4086>, call<to_regnamespace>()}, {list<4093>, call<to_regrole>()},
    {list<1081>, call<type_text>()},
    // there is no recovery to be in, and no temporary schema
    {proc::pg_is_in_recovery, call<+[]() { return false; }>()}, {proc::pg_is_other_temp_schema, call<+[](u4) { return false; }>()},
    {proc::pg_my_temp_schema, call<+[]() { return u4{0}; }>()},
    {list<1215, 1993>, call<object_comment>()}, {list<1216>, call<column_comment>()},
    {list<1642>, call<user_by_id>()}, {list<1597>, call<encoding_name>()}, {list<1264>, call<encoding_number>()},
    {list<2325, 2997>, call<relation_size>()}, {list<2332>, call<relation_fork_size>()}, {list<2998>, call<indexes_size>()}, {list<2286>, call<total_size>()},
    {list<1927>, call<has_privilege<PrivilegeOn::relation>>()}, {list<1925>, call<role_has_privilege<PrivilegeOn::relation>>()}, {list<1926>, call<has_table_privilege_by_name>()},
    {list<2273>, call<has_privilege<PrivilegeOn::schema>>()}, {list<2271>, call<role_has_privilege<PrivilegeOn::schema>>()},
    {list<2255>, call<has_privilege<PrivilegeOn::database>>()}, {list<2253>, call<role_has_privilege<PrivilegeOn::database>>()},
    {list<2261>, call<has_privilege<PrivilegeOn::function>>()}, {list<2259>, call<role_has_privilege<PrivilegeOn::function>>()},
    {list<2710>, call<has_role>()}, {list<2708>, call<role_has_role>()},
};

}  // namespace

namespace module {
const Module catalog{catalog_functions, {}};
}

}  // namespace spg::exec
