// The catalog module: the functions that psql and its kin call on catalogs. The work is catalog/functions.hpp's; here they
// are given their pg_proc OIDs. They need a session's catalog (not just any model of the interface).
#include "kernels.hpp"
#include "spg/catalog/functions.hpp"
#include "spg/catalog/names.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/plan/view.hpp"

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
OptionalText function_arguments_only(Context& c, u4 function) { return text_or_null(catalog::pg_get_function_arguments(of(c), Oid{function}, false, c.arena)); }
OptionalText function_result(Context& c, u4 function) { return text_or_null(catalog::pg_get_function_result(of(c), Oid{function}, c.arena)); }
OptionalText function_definition(Context& c, u4 function) { return text_or_null(catalog::pg_get_functiondef(of(c), Oid{function}, c.arena)); }
std::optional<Text> nothing_of_oid(Context&, u4) { return std::nullopt; }

// --- views
plan::PlanContext plan_context(Context& c) {
  plan::PlanContext planning;
  planning.catalog = c.exec.catalog;
  if (c.exec.settings != nullptr) planning.settings = *c.exec.settings;
  return planning;
}
OptionalText view_definition(Context& c, Oid oid, plan::ViewStyle style) {
  SPG_ASSIGN(const catalog::Relation* relation, of(c).relation(oid));
  if (relation == nullptr) return std::optional<Text>();
  if (relation->view == nullptr) return std::optional<Text>();
  plan::PlanContext planning = plan_context(c);
  SPG_ASSIGN(const Text text, plan::view_text(c.arena, *relation, style, planning));
  return std::optional<Text>(text);
}
OptionalText viewdef(Context& c, u4 oid) { return view_definition(c, Oid{oid}, {}); }
OptionalText viewdef_pretty(Context& c, u4 oid, bool pretty) { return view_definition(c, Oid{oid}, {pretty, 0}); }
OptionalText viewdef_wrapped(Context& c, u4 oid, i4 columns) { return view_definition(c, Oid{oid}, {true, columns}); }
OptionalText viewdef_by_name_pretty(Context& c, Text name, bool pretty) {
  SPG_ASSIGN(const Oid oid, catalog::regclass_in(of(c), name, c.arena));
  return view_definition(c, oid, {pretty, 0});
}
OptionalText viewdef_by_name(Context& c, Text name) { return viewdef_by_name_pretty(c, name, false); }
/// CREATE RULE of a view's rule.
OptionalText rule_definition(Context& c, Oid rule, bool pretty) {
  SPG_ASSIGN(const catalog::Relation* relation, of(c).relation_of_rule(rule));
  if (relation == nullptr) return std::optional<Text>();
  SPG_ASSIGN(const std::optional<Text> query, view_definition(c, relation->oid, {pretty, 0}));
  if (!query.has_value()) return query;
  SPG_ASSIGN(const std::string_view schema, of(c).schema_name(relation->schema));
  SPG_ASSIGN(const catalog::Relation* shown, of(c).relation({}, relation->name));
  const bool hidden = !pretty || shown == nullptr || shown->oid != relation->oid;
  const Text name = catalog::quote_names(hidden ? schema : Text(), relation->name, c.arena);
  return std::optional<Text>(c.arena.concat("CREATE RULE \"_RETURN\" AS\n    ON SELECT TO ", name, " DO INSTEAD ", *query));
}
OptionalText ruledef(Context& c, u4 rule) { return rule_definition(c, Oid{rule}, false); }
OptionalText ruledef_pretty(Context& c, u4 rule, bool pretty) { return rule_definition(c, Oid{rule}, pretty); }
Result<i4> relation_is_updatable(Context& c, u4 oid, bool) {
  SPG_ASSIGN(const catalog::Relation* relation, of(c).relation(Oid{oid}));
  if (relation == nullptr) return 0;
  plan::PlanContext planning = plan_context(c);
  return plan::updatable_events(c.arena, *relation, 0, planning);
}
Result<bool> column_is_updatable(Context& c, u4 oid, std::int16_t column, bool) {
  if (column <= 0) return false;
  SPG_ASSIGN(const catalog::Relation* relation, of(c).relation(Oid{oid}));
  if (relation == nullptr) return false;
  plan::PlanContext planning = plan_context(c);
  SPG_ASSIGN(const int events, plan::updatable_events(c.arena, *relation, column, planning));
  constexpr int wanted = plan::update_event | plan::delete_event;
  return (events & wanted) == wanted;
}

// --- visibility
OptionalBool table_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_table_is_visible(of(c), Oid{oid})); }
OptionalBool type_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_type_is_visible(of(c), Oid{oid})); }
OptionalBool function_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_function_is_visible(of(c), Oid{oid})); }
OptionalBool operator_is_visible(Context& c, u4 oid) { return bool_or_null(catalog::pg_operator_is_visible(of(c), Oid{oid})); }
/// Objects of kinds that only initdb makes; `catalog` is the OID of the catalog that lists them.
template <u4 catalog_oid>
OptionalBool builtin_is_visible(Context&, u4 oid) { return bool_or_null(catalog::pg_builtin_is_visible(Oid{catalog_oid}, Oid{oid})); }
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
Result<std::optional<i8>> relation_size(Context& c, u4 relation) { return int8_or_null(catalog::pg_relation_size(of(c), Oid{relation}, c.arena)); }
Result<std::optional<i8>> relation_fork_size(Context& c, u4 relation, Text) { return relation_size(c, relation); }
Result<std::optional<i8>> indexes_size(Context& c, u4 relation) { return int8_or_null(catalog::pg_indexes_size(of(c), Oid{relation}, c.arena)); }
Result<std::optional<i8>> total_size(Context& c, u4 relation) {
  SPG_ASSIGN(const std::optional<i8> rows, relation_size(c, relation));
  SPG_ASSIGN(const std::optional<i8> indexes, indexes_size(c, relation));
  if (!rows.has_value()) return rows;
  return std::optional<i8>(*rows + indexes.value_or(0));
}
Result<std::optional<i8>> database_size(Context& c, u4 database) {
  if (c.exec.session == nullptr) return Error::make(sqlstate::object_not_in_prerequisite_state, "there is no session here");
  SPG_ASSIGN(const std::optional<std::uint64_t> bytes, c.exec.session->database_bytes(DatabaseId{database}));
  return bytes.has_value() ? std::optional<i8>(static_cast<i8>(*bytes)) : std::nullopt;
}
Result<u4> database_of(Context& c, Text name) {
  if (of(c).shared_view() != nullptr) {
    SPG_ASSIGN(const catalog::DatabaseInfo found, catalog::find_database(*of(c).shared_view(), name, c.arena));
    if (found.found) return raw(found.oid);
  }
  return Error::make(sqlstate::undefined_database, "database \"", name, "\" does not exist");
}
Result<std::optional<i8>> database_size_by_name(Context& c, Text name) {
  SPG_ASSIGN(const u4 database, database_of(c, name));
  return database_size(c, database);
}

struct SizeUnit {
  Text name;
  i8 limit;   ///< shown in this unit below it
  bool round;
  int bits;   ///< shift from the unit before
};
constexpr SizeUnit size_units[] = {{"bytes", 10 * 1024, false, 0},     {"kB", 20 * 1024 - 1, true, 10},
                                   {"MB", 20 * 1024 - 1, true, 10},    {"GB", 20 * 1024 - 1, true, 10},
                                   {"TB", 20 * 1024 - 1, true, 10},    {"PB", 20 * 1024 - 1, true, 10}};
constexpr int next_shift(std::size_t i) {
  return size_units[i + 1].bits - (size_units[i + 1].round ? 1 : 0) + (size_units[i].round ? 1 : 0);
}
/// pg_size_pretty: half-way values are shown by shifting to one bit more than the unit and rounding that away.
Result<Text> size_pretty(Context& c, i8 size) {
  TextBuilder out(c.arena);
  for (std::size_t i = 0;; ++i) {
    const SizeUnit& unit = size_units[i];
    const i8 magnitude = size < 0 ? (size == INT64_MIN ? INT64_MAX : -size) : size;
    if (i + 1 == std::size(size_units) || magnitude < unit.limit) {
      if (unit.round) size = size / 2 + (size < 0 ? -(size % 2 != 0) : size % 2 != 0);
      out.add(size, " ", unit.name);
      return out.view();
    }
    size /= i8{1} << next_shift(i);
  }
}
Result<Text> size_pretty_numeric(Context& c, Numeric size) {
  TextBuilder out(c.arena);
  const auto whole = [&](i8 value) { return type::numeric_from_int8(value, c.arena); };
  for (std::size_t i = 0;; ++i) {
    const SizeUnit& unit = size_units[i];
    if (i + 1 == std::size(size_units) || type::numeric_compare(type::numeric_abs(size, c.arena), whole(unit.limit)) < 0) {
      if (unit.round) {
        const i8 away = type::numeric_compare(size, whole(0)) < 0 ? -1 : 1;
        SPG_ASSIGN(const Numeric moved, type::numeric_add(size, whole(away), c.arena));
        SPG_ASSIGN(size, type::numeric_div_trunc(moved, whole(2), c.arena));
      }
      type::print_numeric(size, out);
      out.add(" ", unit.name);
      return out.view();
    }
    SPG_ASSIGN(size, type::numeric_div_trunc(size, whole(i8{1} << next_shift(i)), c.arena));
  }
}
/// All of a cluster lies in one place.
Text tablespace_location(Context&, u4) { return {}; }

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
OptionalBool has_schema_privilege_by_name(Context& c, Text name, Text privileges) {
  SPG_ASSIGN(const Oid schema, of(c).schema_oid(name));
  if (schema == Oid::none) return Error::make(sqlstate::undefined_schema, "schema \"", name, "\" does not exist");
  return bool_or_null(catalog::has_privilege(of(c), of(c).role(), catalog::PrivilegeOn::schema, schema, privileges, c.arena));
}
OptionalBool has_database_privilege_by_name(Context& c, Text name, Text privileges) {
  SPG_ASSIGN(const u4 database, database_of(c, name));
  return bool_or_null(catalog::has_privilege(of(c), of(c).role(), catalog::PrivilegeOn::database, Oid{database}, privileges, c.arena));
}
Result<bool> has_role_by_name(Context& c, Text name, Text) {
  SPG_ASSIGN(const Oid role, catalog::regrole_in(of(c), name, c.arena));
  return catalog::pg_has_role(of(c), of(c).role(), role, c.arena);
}
Result<bool> has_role(Context& c, u4 other, Text) { return catalog::pg_has_role(of(c), of(c).role(), Oid{other}, c.arena); }
Result<bool> role_has_role(Context& c, u4 role, u4 other, Text) { return catalog::pg_has_role(of(c), Oid{role}, Oid{other}, c.arena); }

OptionalText current_schema(Context& c) { return text_or_null(catalog::current_schema(of(c))); }
Result<type::StringRef> current_schemas(Context& c, bool implicit) {
  SPG_ASSIGN(const std::span<const std::string_view> names, catalog::current_schemas(of(c), implicit, c.arena));
  Vec<Value> values(c.arena);
  for (const std::string_view name : names) values.push_back(type::string_value(c.arena.copy(name)));
  const type::ArrayDimension dimension{static_cast<i4>(values.size()), 1};
  return type::make_array(type::oid::name, {&dimension, values.empty() ? std::size_t{0} : 1}, values.span(), c.arena);
}

template <std::uint16_t... oids>
inline constexpr std::uint16_t list[] = {oids...};

using catalog::PrivilegeOn;
constexpr FunctionEntry catalog_functions[] = {
    {list<1643>, call<indexdef>()}, {list<2507>, call<indexdef_column>()}, {list<1387>, call<constraintdef>()}, {list<2508>, call<constraintdef_pretty>()},
    {list<1716>, call<expression>()}, {list<2509>, call<expression_pretty>()}, {list<2162>, call<function_arguments>()}, {list<2165>, call<function_result>()},
    {list<2098>, call<function_definition>()}, {list<2232>, call<function_arguments_only>()},
    // partitions, extended statistics: there are none
    {list<3352, 6174, 6197>, call<nothing_of_oid>()},
    {list<1641>, call<viewdef>()}, {list<2506>, call<viewdef_pretty>()}, {list<3159>, call<viewdef_wrapped>()},
    {list<1640>, call<viewdef_by_name>()}, {list<2505>, call<viewdef_by_name_pretty>()},
    {list<1573>, call<ruledef>()}, {list<2504>, call<ruledef_pretty>()},
    {list<3842>, call<relation_is_updatable>()}, {list<3843>, call<column_is_updatable>()},
    {list<2079>, call<table_is_visible>()}, {list<2080>, call<type_is_visible>()}, {list<2081>, call<function_is_visible>()},
    {list<2082>, call<operator_is_visible>()}, {list<3815>, call<builtin_is_visible<3456>>()}, {list<2083>, call<builtin_is_visible<2616>>()},
    {list<3829>, call<builtin_is_visible<2753>>()}, {list<2093>, call<builtin_is_visible<2607>>()}, {list<3403>, call<builtin_is_visible<3381>>()},
    {list<3758>, call<builtin_is_visible<3602>>()}, {list<3757>, call<builtin_is_visible<3600>>()}, {list<3756>, call<builtin_is_visible<3601>>()}, {list<3768>, call<builtin_is_visible<3764>>()},
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
    {list<2272>, call<has_schema_privilege_by_name>()},
    {list<2273>, call<has_privilege<PrivilegeOn::schema>>()}, {list<2271>, call<role_has_privilege<PrivilegeOn::schema>>()},
    {list<2255>, call<has_privilege<PrivilegeOn::database>>()}, {list<2253>, call<role_has_privilege<PrivilegeOn::database>>()},
    {list<2261>, call<has_privilege<PrivilegeOn::function>>()}, {list<2259>, call<role_has_privilege<PrivilegeOn::function>>()},
    {proc::current_schema, call<current_schema>()}, {proc::current_schemas, call<current_schemas>()},
    {list<2288>, call<size_pretty>()}, {list<3166>, call<size_pretty_numeric>()}, {list<3778>, call<tablespace_location>()},
    {list<2324>, call_volatile<database_size>()}, {list<2168>, call_volatile<database_size_by_name>()}, {list<2254>, call<has_database_privilege_by_name>()},
    {list<2709>, call<has_role_by_name>()}, {list<2710>, call<has_role>()}, {list<2708>, call<role_has_role>()},
};

}  // namespace

namespace module {
const Module catalog{catalog_functions, {}};
}

}  // namespace spg::exec
