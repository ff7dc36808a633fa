// The session module: who and where we are, settings, sequences, type names; and printing and reading of values whose
// text depends on the catalog.
#include "kernels.hpp"

namespace spg::exec {
namespace {

using Context = FunctionContext;
using i4 = std::int32_t;
using i8 = std::int64_t;
using u4 = std::uint32_t;

#ifndef SPG_VERSION
#define SPG_VERSION "0.1.0"
#endif

Result<SessionFacts*> session(Context& c) {
  if (c.exec.session != nullptr) return c.exec.session;
  return Error::make(sqlstate::object_not_in_prerequisite_state, "there is no session here");
}
Result<Sequences*> sequences(Context& c) {
  if (c.exec.sequences != nullptr) return c.exec.sequences;
  return Error::make(sqlstate::object_not_in_prerequisite_state, "there are no sequences here");
}
Text version() { return "PostgreSQL 15.0 (SPG " SPG_VERSION ")"; }
Result<Text> current_user(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->current_user();
}
Result<Text> session_user(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->session_user();
}
Result<Text> database_name(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->database_name();
}
Result<i4> backend_pid(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  return s->backend_pid();
}
Result<std::optional<Text>> current_schema(Context& c) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  const auto path = s->search_path();
  return path.empty() ? std::optional<Text>() : std::optional<Text>(path[0]);
}
Result<StringRef> current_schemas(Context& c, bool implicit) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  Vec<Value> names(c.arena);
  bool has_catalog = false;
  for (const Text name : s->search_path()) has_catalog = has_catalog || name == "pg_catalog";
  if (implicit && !has_catalog) names.push_back(type::string_value("pg_catalog"));
  for (const Text name : s->search_path()) names.push_back(type::string_value(name));
  const type::ArrayDimension dimension{static_cast<i4>(names.size()), 1};
  return type::make_array(type::oid::name, {&dimension, names.empty() ? std::size_t{0} : 1}, names.span(), c.arena);
}
Error no_setting(Text name) {
  return Error::make(sqlstate::undefined_object, "unrecognized configuration parameter \"", name, "\"");
}
Result<Text> setting(Context& c, Text name) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  const Text value = s->setting(name, c.arena);
  if (value.data() == nullptr) return no_setting(name);
  return value;
}
Result<std::optional<Text>> setting_or_null(Context& c, Text name, bool missing_ok) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  const Text value = s->setting(name, c.arena);
  if (value.data() == nullptr && !missing_ok) return no_setting(name);
  return value.data() == nullptr ? std::optional<Text>() : std::optional<Text>(value);
}
Result<Text> set_setting(Context& c, Value name, Value value, Value is_local) {
  SPG_ASSIGN(SessionFacts * s, session(c));
  if (name.is_null) return Error::make(sqlstate::null_value_not_allowed, "SET requires parameter name");
  const bool local = !is_local.is_null && is_local.as<std::uint8_t>() != 0;
  return s->set_setting(name.as<StringRef>().view(), value.is_null ? Text() : value.as<StringRef>().view(), local,
                        c.arena);
}
u4 type_of(Context& c, Value) { return raw(c.argument_type(0)); }
Result<Uuid> random_uuid(Context& c) {
  if (c.exec.host == nullptr)
    return Error::make(sqlstate::object_not_in_prerequisite_state, "there is no source of random numbers here");
  Uuid result;
  c.exec.host->fill_random({reinterpret_cast<std::byte*>(result.data()), result.size()});
  result[6] = static_cast<std::uint8_t>((result[6] & 0x0f) | 0x40);  // version 4, variant 1
  result[8] = static_cast<std::uint8_t>((result[8] & 0x3f) | 0x80);
  return result;
}
Result<i8> transaction_id(Context& c) {
  if (c.exec.view == nullptr) return Error::make(sqlstate::no_active_sql_transaction, "there is no transaction here");
  return static_cast<i8>(c.exec.view->transaction_number());
}
i4 count_nulls(Context&, Rest values) {
  i4 count = 0;
  for (const Value& value : values) count += value.is_null;
  return count;
}
i4 count_not_nulls(Context& c, Rest values) { return static_cast<i4>(values.size()) - count_nulls(c, values); }

Result<i8> next_value(Context& c, u4 sequence) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->next_value(Oid{sequence});
}
Result<i8> current_value(Context& c, u4 sequence) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->current_value(Oid{sequence});
}
Result<i8> last_value(Context& c) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->last_value();
}
Result<i8> set_value(Context& c, u4 sequence, i8 value) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->set_value(Oid{sequence}, value, true);
}
Result<i8> set_value_called(Context& c, u4 sequence, i8 value, bool called) {
  SPG_ASSIGN(Sequences * s, sequences(c));
  return s->set_value(Oid{sequence}, value, called);
}
Result<u4> text_to_regclass(Context& c, Text name) {
  SPG_ASSIGN(const Value value, parse_value(c.exec, type::oid::regclass, name, -1, c.arena));
  return value.as<u4>();
}
template <std::uint32_t kind>
Result<std::optional<u4>> to_reg(Context& c, Text name) {
  if (!name.empty() && (type::is_plain_identifier(name) || name[0] < '0' || name[0] > '9')) {
    auto value = parse_value(c.exec, Oid{kind}, name, -1, c.arena);
    if (value.has_value()) return std::optional<u4>(value->as<u4>());
    const Sqlstate code = value.error().code();
    if (code != sqlstate::undefined_table && code != sqlstate::undefined_object &&
        code != sqlstate::undefined_function && code != sqlstate::invalid_schema_name &&
        code != sqlstate::undefined_schema && code != sqlstate::ambiguous_function)
      return value.take_error();
  }
  return std::optional<u4>();
}

/// "schema.name" with quotes undone and the rest folded.
struct Name {
  Text schema, name;
};
Result<Name> split_name(Text text, Arena& arena) {
  Text parts[2];
  std::size_t count = 0, at = 0;
  const Text all = text;
  const auto invalid = [&] { return Error::make(sqlstate::invalid_name, "invalid name syntax"); };
  for (;;) {
    TextBuilder part(arena);
    if (at < all.size() && all[at] == '"') {
      for (++at;; ++at) {
        if (at >= all.size()) return invalid();
        if (all[at] == '"' && (at + 1 >= all.size() || all[at + 1] != '"')) break;
        if (all[at] == '"') ++at;
        part.add(all[at]);
      }
      ++at;
    } else {
      for (; at < all.size() && all[at] != '.' && all[at] != '"'; ++at)
        part.add(all[at] >= 'A' && all[at] <= 'Z' ? static_cast<char>(all[at] + 32) : all[at]);
    }
    if (part.size() == 0 || count == 2) return invalid();
    parts[count++] = part.view();
    if (at >= all.size()) break;
    if (all[at++] != '.') return invalid();
  }
  return count == 1 ? Name{{}, parts[0]} : Name{parts[0], parts[1]};
}
bool is_number(Text text) {
  for (const char ch : text)
    if (ch < '0' || ch > '9') return false;
  return !text.empty();
}
/// Trims blanks around and between the words of a type's name.
Oid standard_type(Text name) {
  struct Known {
    Text name;
    u4 oid;
  };
  static constexpr Known known[] = {{"integer", 23},
                                    {"int", 23},
                                    {"smallint", 21},
                                    {"bigint", 20},
                                    {"real", 700},
                                    {"double precision", 701},
                                    {"boolean", 16},
                                    {"character varying", 1043},
                                    {"character", 1042},
                                    {"char", 1042},
                                    {"decimal", 1700},
                                    {"timestamp without time zone", 1114},
                                    {"timestamp with time zone", 1184},
                                    {"time without time zone", 1083},
                                    {"time with time zone", 1266},
                                    {"\"char\"", 18}};
  for (const Known& k : known)
    if (k.name == name) return Oid{k.oid};
  return Oid::none;
}

bool is_visible_schema(const ExecContext& context, Oid schema) {
  if (schema == catalog::ns::pg_catalog || schema == catalog::ns::public_schema) return true;
  if (context.session == nullptr || context.catalog == nullptr) return false;
  auto name = context.catalog->schema_name(schema);
  if (!name.has_value()) return false;
  for (const Text path : context.session->search_path())
    if (path == *name) return true;
  return false;
}
void print_qualified(const ExecContext& context, Oid schema, Text name, TextBuilder& out) {
  Arena scratch(context.arena->budget());
  if (!is_visible_schema(context, schema) && context.catalog != nullptr) {
    auto schema_name = context.catalog->schema_name(schema);
    if (schema_name.has_value()) out.add(type::quote_ident(*schema_name, false, scratch), ".");
  }
  out.add(type::quote_ident(name, false, scratch));
}
bool print_type_name(const ExecContext& context, Oid oid, TextBuilder& out) {
  if (const type::TypeInfo* info = type::find_type(oid); info != nullptr) {
    out.add(info->name);
    if (info->format == type::Format::array) out.add("[]");
    return true;
  }
  const catalog::Type* type = context.catalog == nullptr ? nullptr : context.catalog->type(oid);
  if (type == nullptr) return false;
  if (type->category == 'A' && type->element != Oid::none) {
    if (!print_type_name(context, type->element, out)) return false;
    out.add("[]");
    return true;
  }
  print_qualified(context, type->schema, type->name, out);
  return true;
}

constexpr FunctionEntry session_functions[] = {
    {proc::pgsql_version, call<version>()},
    {proc::current_user, call<current_user>()},
    {proc::session_user, call<session_user>()},
    {proc::current_database, call<database_name>()},
    {proc::pg_backend_pid, call<backend_pid>()},
    {proc::current_schema, call<current_schema>()},
    {proc::current_schemas, call<current_schemas>()},
    {proc::show_config_by_name, call<setting>()},
    {proc::show_config_by_name_missing_ok, call<setting_or_null>()},
    {proc::set_config_by_name, call_volatile<set_setting>()},
    {proc::pg_typeof, call<type_of>()},
    {proc::gen_random_uuid, call_volatile<random_uuid>()},
    {proc::pg_current_xact_id, call<transaction_id>()},
    {proc::pg_num_nulls, call<count_nulls>()},
    {proc::pg_num_nonnulls, call<count_not_nulls>()},
    {proc::nextval_oid, call_volatile<next_value>()},
    {proc::currval_oid, call_volatile<current_value>()},
    {proc::lastval, call_volatile<last_value>()},
    {proc::setval_oid, call_volatile<set_value>()},
    {proc::setval3_oid, call_volatile<set_value_called>()},
    {proc::text_regclass, call<text_to_regclass>()},
    {proc::to_regclass, call<to_reg<2205>>()},
    {proc::to_regtype, call<to_reg<2206>>()},
    {proc::to_regproc, call<to_reg<24>>()},
    {proc::to_regnamespace, call<to_reg<4089>>()},
    {proc::pg_client_encoding, call<+[]() { return Text("UTF8"); }>()},
    {proc::getdatabaseencoding, call<+[]() { return Text("UTF8"); }>()},
};

}  // namespace

void print_value(const ExecContext& context, Oid type, const Value& value, TextBuilder& out) {
  static const type::TextSettings default_settings;
  const auto plain = [&] {
    type::output(type, value, out, context.settings == nullptr ? default_settings : *context.settings);
  };
  const bool is_reg = type == type::oid::regclass || type == type::oid::regtype || type == type::oid::regproc ||
                      type == type::oid::regprocedure || type == type::oid::regnamespace;
  if (!is_reg || context.catalog == nullptr) return plain();
  const Oid oid{value.as<u4>()};
  if (oid == Oid::none) {
    out.add("-");
    return;
  }
  if (type == type::oid::regtype) {
    if (!print_type_name(context, oid, out)) plain();
  } else if (type == type::oid::regclass) {
    auto relation = context.catalog->relation(oid);
    if (!relation.has_value() || *relation == nullptr) return plain();
    print_qualified(context, (*relation)->schema, (*relation)->name, out);
  } else if (type == type::oid::regnamespace) {
    auto name = context.catalog->schema_name(oid);
    if (!name.has_value() || name->empty()) return plain();
    Arena scratch(context.arena->budget());
    out.add(type::quote_ident(*name, false, scratch));
  } else {
    const catalog::Function* function = context.catalog->function(oid);
    if (function == nullptr) return plain();
    print_qualified(context, function->schema, function->name, out);
    if (type != type::oid::regprocedure) return;
    out.add("(");
    for (std::size_t i = 0; i < function->arguments.size(); ++i) {
      if (i != 0) out.add(",");
      print_type_name(context, function->arguments[i], out);
    }
    out.add(")");
  }
}

Result<Value> parse_value(const ExecContext& context, Oid type, std::string_view text, std::int32_t typmod,
                          Arena& arena) {
  static const type::TextSettings default_settings;
  const auto plain = [&] {
    return type::input(type, text, typmod, context.settings == nullptr ? default_settings : *context.settings, arena);
  };
  const auto oid_value = [](Oid oid) { return Value::of(Physical::int4, raw(oid)); };
  const bool is_reg = type == type::oid::regclass || type == type::oid::regtype || type == type::oid::regproc ||
                      type == type::oid::regnamespace;
  if (!is_reg || context.catalog == nullptr || is_number(text)) return plain();
  if (text == "-") return oid_value(Oid::none);
  if (type == type::oid::regtype) {
    Text name = text;
    const bool is_array = name.ends_with("[]");
    if (is_array) name.remove_suffix(2);
    Oid found = standard_type(name);
    if (found == Oid::none) {
      SPG_ASSIGN(const Name parts, split_name(name, arena));
      const catalog::Type* known = context.catalog->type(parts.schema, parts.name);
      if (known == nullptr) return Error::make(sqlstate::undefined_object, "type \"", text, "\" does not exist");
      found = known->oid;
    }
    if (!is_array) return oid_value(found);
    const catalog::Type* element = context.catalog->type(found);
    return oid_value(element == nullptr ? Oid::none : element->array);
  }
  SPG_ASSIGN(const Name parts, split_name(text, arena));
  if (type == type::oid::regclass) {
    SPG_ASSIGN(const catalog::Relation* relation, context.catalog->relation(parts.schema, parts.name));
    if (relation == nullptr) return Error::make(sqlstate::undefined_table, "relation \"", text, "\" does not exist");
    return oid_value(relation->oid);
  }
  if (type == type::oid::regnamespace) {
    SPG_ASSIGN(const Oid schema, context.catalog->schema_oid(parts.name));
    if (schema == Oid::none) return Error::make(sqlstate::undefined_schema, "schema \"", text, "\" does not exist");
    return oid_value(schema);
  }
  const auto functions_found = context.catalog->functions(parts.schema, parts.name);
  if (functions_found.empty())
    return Error::make(sqlstate::undefined_function, "function \"", text, "\" does not exist");
  if (functions_found.size() > 1)
    return Error::make(sqlstate::ambiguous_function, "more than one function named \"", text, "\"");
  return oid_value(functions_found[0]->oid);
}

namespace module {
const Module session{session_functions, {}};
}

}  // namespace spg::exec
