#include "spg/catalog/functions.hpp"

#include <algorithm>

#include "spg/catalog/builtin.hpp"
#include "spg/catalog/roles.hpp"
#include "spg/type/array.hpp"
#include "spg/type/io.hpp"

namespace spg::catalog {

using type::Value;

namespace {

Store store_of(SessionCatalog& catalog, Arena& arena) { return Store(&catalog.view(), catalog.shared_view(), arena); }

std::span<const std::int16_t> int2_list(const Value& value, Arena& arena) {
  Vec<std::int16_t> list(arena);
  if (!value.is_null) {
    type::ArrayReader reader(value.as<type::StringRef>());
    for (Value item; reader.next(&item);) list.push_back(item.as<std::int16_t>());
  }
  return list.span();
}
std::span<const Oid> oid_list(const Value& value, Arena& arena) {
  Vec<Oid> list(arena);
  if (!value.is_null) {
    type::ArrayReader reader(value.as<type::StringRef>());
    for (Value item; reader.next(&item);) list.push_back(Oid{item.as<std::uint32_t>()});
  }
  return list.span();
}

/// The fields of the built-in row whose first column is the OID, by bisection; false when there is none.
bool find_builtin_row(Oid relation, Oid oid, std::span<std::string_view> fields,
                      std::string_view* from_here = nullptr) {
  const builtin::Rows* rows = builtin::find_rows(relation);
  if (rows == nullptr) return false;
  const std::string_view text = rows->text;
  const auto line_start = [&](std::size_t at) {
    while (at > 0 && text[at - 1] != '\n') --at;
    return at;
  };
  const auto key_at = [&](std::size_t at) {
    std::uint64_t key = 0;
    for (; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at)
      key = key * 10 + static_cast<std::uint64_t>(text[at] - '0');
    return key;
  };
  std::size_t low = 0, high = text.size();
  while (low < high) {
    const std::size_t middle = line_start(low + (high - low) / 2);
    if (key_at(middle) < raw(oid)) {
      const std::size_t end = text.find('\n', std::max(middle, low));
      low = end + 1;
    } else {
      high = middle;
    }
  }
  if (low >= text.size() || key_at(low) != raw(oid)) return false;
  if (from_here != nullptr) *from_here = text.substr(low);
  builtin::RowReader reader({relation, 0, text.substr(low)});
  return reader.next(fields);
}

Result<Value> parsed(Oid type, std::string_view field, Arena& arena) {
  if (builtin::is_null_field(field)) return Value::null_of(type::physical_of(type));
  return type::input(type, builtin::unescape(field, arena), -1, {}, arena);
}

constexpr Oid pg_proc{1255}, pg_language{2612};

}  // namespace

// --- definitions
// --------------------------------------------------------------------------------------------------------

Result<IndexFacts> index_facts(SessionCatalog& catalog, Oid index, Arena& arena) {
  IndexFacts facts;
  if (raw(index) < 16384) {
    std::string_view row[pg_index::column_count], of_class[pg_class::column_count];
    if (!find_builtin_row(pg_index::relation, index, {row, pg_index::column_count - 1}) ||
        !find_builtin_row(pg_class::relation, index, {of_class, pg_class::column_count - 1}))
      return facts;
    facts.found = true;
    facts.table = Oid{builtin::number_of(row[pg_index::indrelid - 1])};
    facts.name = of_class[pg_class::relname - 1];
    facts.access_method = Oid{builtin::number_of(of_class[pg_class::relam - 1])};
    facts.key_count = builtin::number_of(row[pg_index::indnkeyatts - 1]);
    facts.unique = row[pg_index::indisunique - 1] == "t";
    facts.primary = row[pg_index::indisprimary - 1] == "t";
    SPG_ASSIGN(const Value keys, parsed(Oid{22}, row[pg_index::indkey - 1], arena));
    facts.columns = int2_list(keys, arena);
    SPG_ASSIGN(const Value options, parsed(Oid{22}, row[pg_index::indoption - 1], arena));
    facts.options = int2_list(options, arena);
  } else {
    Store store = store_of(catalog, arena);
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::index_oid, {oid_value(index)}));
    SPG_ASSIGN(const Row* of_class, store.find_one(StoredKey::class_oid, {oid_value(index)}));
    if (row == nullptr || of_class == nullptr) return facts;
    facts.found = true;
    facts.table = row->oid(pg_index::indrelid);
    facts.name = of_class->text(pg_class::relname);
    facts.access_method = of_class->oid(pg_class::relam);
    facts.key_count = static_cast<std::size_t>(row->int2(pg_index::indnkeyatts));
    facts.unique = row->boolean(pg_index::indisunique);
    facts.primary = row->boolean(pg_index::indisprimary);
    facts.nulls_not_distinct = row->boolean(pg_index::indnullsnotdistinct);
    facts.columns = int2_list(row->at(pg_index::indkey), arena);
    facts.options = int2_list(row->at(pg_index::indoption), arena);
    facts.classes = oid_list(row->at(pg_index::indclass), arena);
    if (!of_class->is_null(pg_class::reloptions)) {
      TextBuilder text(arena);
      type::ArrayReader reader(of_class->at(pg_class::reloptions).as<type::StringRef>());
      for (Value item; reader.next(&item);) {
        const std::string_view option = item.as<type::StringRef>().view();
        const std::size_t equals = option.find('=');
        text.add(text.size() == 0 ? "" : ", ", option.substr(0, equals), "='",
                 equals == std::string_view::npos ? std::string_view() : option.substr(equals + 1), "'");
      }
      facts.reloptions = text.view();
    }
  }
  SPG_ASSIGN(const Relation* table, catalog.relation(facts.table));
  if (table != nullptr) {
    facts.table_name = arena.copy(table->name);
    facts.schema = table->schema;
  }
  return facts;
}

namespace {

std::string_view method_name(Oid oid) {
  switch (raw(oid)) {
    case 403: return "btree";
    case 405: return "hash";
    case 783: return "gist";
    case 2742: return "gin";
    case 4000: return "spgist";
    case 3580: return "brin";
    default: return "?";
  }
}

/// The name of an operator class when it is not the default of the column's type.
std::string_view unusual_class(Oid op_class, Oid type) {
  std::string_view
      fields[9];  // oid, opcmethod, opcname, opcnamespace, opcowner, opcfamily, opcintype, opcdefault, opckeytype
  if (!find_builtin_row(Oid{2616}, op_class, fields)) return {};
  const std::uint32_t input = builtin::number_of(fields[6]);
  const bool usual = fields[7] == "t" && (input == raw(type) || input == raw(builtin::comparable(type)));
  return usual ? std::string_view() : fields[2];
}

std::string_view column_name(const Relation& table, std::int16_t number, Arena& arena) {
  if (number <= 0 || static_cast<std::size_t>(number) > table.columns.size()) return "?";
  return quote_name(table.columns[static_cast<std::size_t>(number) - 1].name, arena);
}

}  // namespace

Result<Text> pg_get_indexdef(SessionCatalog& catalog, Oid oid, std::int32_t column, bool pretty, Arena& arena) {
  SPG_ASSIGN(const IndexFacts index, index_facts(catalog, oid, arena));
  if (!index.found) return Text::null();
  SPG_ASSIGN(const Relation* table, catalog.relation(index.table));
  if (table == nullptr) return Text::null();
  if (column != 0) {
    const bool there = column > 0 && static_cast<std::size_t>(column) <= index.columns.size();
    return Text{there ? column_name(*table, index.columns[static_cast<std::size_t>(column) - 1], arena)
                      : std::string_view()};
  }
  TextBuilder text(arena);
  SPG_ASSIGN(const std::string_view bare, regclass_out(catalog, index.table, arena));
  SPG_ASSIGN(const std::string_view schema, catalog.schema_name(table->schema));
  text.add("CREATE ", index.unique ? "UNIQUE " : "", "INDEX ", quote_name(index.name, arena), " ON ",
           pretty ? bare : quote_names(schema, table->name, arena), " USING ", method_name(index.access_method), " (");
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    if (i == index.key_count) text.add(") INCLUDE (");
    else if (i != 0) text.add(", ");
    text.add(column_name(*table, index.columns[i], arena));
    if (i >= index.key_count) continue;
    if (i < index.classes.size() && index.columns[i] > 0)
      if (const std::string_view name =
              unusual_class(index.classes[i], table->columns[static_cast<std::size_t>(index.columns[i]) - 1].type);
          !name.empty())
        text.add(" ", quote_name(name, arena));
    const int option = i < index.options.size() ? index.options[i] : 0;
    if ((option & 1) != 0) text.add(" DESC", (option & 2) == 0 ? " NULLS LAST" : "");
    else if ((option & 2) != 0) text.add(" NULLS FIRST");
  }
  text.add(")", index.nulls_not_distinct ? " NULLS NOT DISTINCT" : "");
  if (!index.reloptions.empty()) text.add(" WITH (", index.reloptions, ")");
  return Text{text.view()};
}

Result<Text> pg_get_constraintdef(SessionCatalog& catalog, Oid oid, bool pretty, Arena& arena) {
  (void)pretty;  // of keys both forms are one
  if (raw(oid) < 16384) {
    std::string_view fields[pg_constraint::column_count];
    if (!find_builtin_row(pg_constraint::relation, oid, {fields, pg_constraint::column_count - 1})) return Text::null();
    return Text{
        builtin::unescape(fields[pg_constraint::conbin - 1], arena)};  // the generator has put the definition there
  }
  Store store = store_of(catalog, arena);
  SPG_ASSIGN(const Row* row, store.find_one(StoredKey::constraint_oid, {oid_value(oid)}));
  if (row == nullptr) return Text::null();
  SPG_ASSIGN(const IndexFacts index, index_facts(catalog, row->oid(pg_constraint::conindid), arena));
  SPG_ASSIGN(const Relation* table, catalog.relation(row->oid(pg_constraint::conrelid)));
  if (!index.found || table == nullptr) return Text::null();
  TextBuilder text(arena);
  text.add(row->character(pg_constraint::contype) == 'p' ? "PRIMARY KEY ("
           : index.nulls_not_distinct                    ? "UNIQUE NULLS NOT DISTINCT ("
                                                         : "UNIQUE (");
  for (std::size_t i = 0; i < index.columns.size(); ++i) {
    if (i == index.key_count) text.add(") INCLUDE (");
    else if (i != 0) text.add(", ");
    text.add(column_name(*table, index.columns[i], arena));
  }
  text.add(")");
  if (!index.reloptions.empty()) text.add(" WITH (", index.reloptions, ")");
  if (row->boolean(pg_constraint::condeferrable)) text.add(" DEFERRABLE");
  if (row->boolean(pg_constraint::condeferred)) text.add(" INITIALLY DEFERRED");
  return Text{text.view()};
}

Text pg_get_function_arguments(SessionCatalog& catalog, Oid oid, bool with_defaults, Arena& arena) {
  const Function* function = catalog.function(oid);
  if (function == nullptr) return Text::null();
  TextBuilder text(arena);
  std::string_view defaults = function->default_text;
  const auto next_default = [&] {
    int depth = 0;
    bool quoted = false;
    std::size_t end = 0;
    for (; end < defaults.size(); ++end) {
      const char c = defaults[end];
      if (c == '\'') quoted = !quoted;
      if (quoted) continue;
      if (c == '(' || c == '[') ++depth;
      if (c == ')' || c == ']') --depth;
      if (c == ',' && depth == 0) break;
    }
    const std::string_view one = defaults.substr(0, end);
    defaults = end < defaults.size() ? defaults.substr(end + 2) : std::string_view();
    return one;
  };
  const std::size_t count = function->arguments.size();
  for (std::size_t i = 0; i < count; ++i) {
    text.add(i == 0 ? "" : ", ");
    if (function->variadic != Oid::none && i + 1 == count) text.add("VARIADIC ");
    if (i < function->argument_names.size() && !function->argument_names[i].empty())
      text.add(quote_name(function->argument_names[i], arena), " ");
    text.add(format_type(catalog, function->arguments[i], {}, arena));
    if (with_defaults && i + function->defaults >= count) text.add(" DEFAULT ", next_default());
  }
  for (std::size_t i = 0; i < function->out_types.size(); ++i) {
    text.add(text.size() == 0 ? "" : ", ", "OUT ");
    if (!function->out_names[i].empty()) text.add(quote_name(function->out_names[i], arena), " ");
    text.add(format_type(catalog, function->out_types[i], {}, arena));
  }
  return {text.view()};
}

Text pg_get_function_result(SessionCatalog& catalog, Oid oid, Arena& arena) {
  const Function* function = catalog.function(oid);
  if (function == nullptr || function->kind == 'p') return Text::null();
  return {arena.concat(function->returns_set ? "SETOF " : "", format_type(catalog, function->result, {}, arena))};
}

Result<Text> pg_get_functiondef(SessionCatalog& catalog, Oid oid, Arena& arena) {
  const Function* function = catalog.function(oid);
  std::string_view f[30];
  if (function == nullptr || !find_builtin_row(pg_proc, oid, f)) return Text::null();
  enum { language = 4, cost, rows, support = 8, kind, secdef, leakproof, strict, volatility = 14, parallel, source = 25, binary, body };
  if (function->kind == 'a')
    return Error::make(sqlstate::wrong_object_type, "\"", function->name, "\" is an aggregate function");
  if (!builtin::is_null_field(f[body])) return Text::null();
  SPG_ASSIGN(const std::string_view schema, catalog.schema_name(function->schema));
  std::string_view language_row[9];
  if (!find_builtin_row(pg_language, Oid{builtin::number_of(f[language])}, language_row)) return Text::null();
  const bool procedure = function->kind == 'p';
  const std::string_view word = procedure ? "procedure" : "function";
  TextBuilder text(arena);
  text.add("CREATE OR REPLACE ", procedure ? "PROCEDURE " : "FUNCTION ", quote_names(schema, function->name, arena), "(",
           pg_get_function_arguments(catalog, oid, true, arena).text, ")\n");
  if (!procedure) text.add(" RETURNS ", pg_get_function_result(catalog, oid, arena).text, "\n");
  text.add(" LANGUAGE ", quote_name(language_row[1], arena), "\n");
  const std::size_t before = text.size();
  if (function->kind == 'w') text.add(" WINDOW");
  if (f[volatility] == "i") text.add(" IMMUTABLE");
  if (f[volatility] == "s") text.add(" STABLE");
  if (f[parallel] == "s") text.add(" PARALLEL SAFE");
  if (f[parallel] == "r") text.add(" PARALLEL RESTRICTED");
  if (f[strict] == "t") text.add(" STRICT");
  if (f[secdef] == "t") text.add(" SECURITY DEFINER");
  if (f[leakproof] == "t") text.add(" LEAKPROOF");
  const bool compiled = language_row[1] == "internal" || language_row[1] == "c";
  if (f[cost] != (compiled ? "1" : "100")) text.add(" COST ", f[cost]);
  if (f[rows] != "0" && f[rows] != "1000") text.add(" ROWS ", f[rows]);
  if (f[support] != "0" && f[support] != "-") text.add(" SUPPORT ", regproc_out(catalog, Oid{builtin::number_of(f[support])}, arena));
  if (text.size() != before) text.add("\n");
  text.add("AS ");
  if (!builtin::is_null_field(f[binary])) text.add("'", f[binary], "', ");
  std::string_view quote = arena.concat("$", word);
  const std::string_view code = builtin::unescape(f[source], arena);
  while (code.find(quote) != std::string_view::npos) quote = arena.concat(quote, "x");
  text.add(quote, "$", code, quote, "$\n");
  return Text{text.view()};
}

// --- visibility
// -----------------------------------------------------------------------------------------------------------

Result<FoundBool> pg_table_is_visible(SessionCatalog& catalog, Oid oid) {
  SPG_ASSIGN(const Relation* relation, catalog.relation(oid));
  if (relation == nullptr) return FoundBool{false, true};
  SPG_ASSIGN(const Relation* by_name, catalog.relation({}, relation->name));
  return FoundBool{by_name != nullptr && by_name->oid == oid, false};
}
Result<FoundBool> pg_type_is_visible(SessionCatalog& catalog, Oid oid) {
  const Type* type = catalog.type(oid);
  SPG_TRY(catalog.take_error());
  if (type == nullptr) return FoundBool{false, true};
  const Type* by_name = catalog.type({}, type->name);
  SPG_TRY(catalog.take_error());
  return FoundBool{by_name != nullptr && by_name->oid == oid, false};
}
FoundBool pg_function_is_visible(SessionCatalog& catalog, Oid oid) {
  const Function* function = catalog.function(oid);
  return function == nullptr ? FoundBool{false, true} : FoundBool{function->schema == ns::pg_catalog, false};
}
FoundBool pg_operator_is_visible(SessionCatalog& catalog, Oid oid) {
  const Operator* found = catalog.operator_(oid);
  return found == nullptr ? FoundBool{false, true} : FoundBool{found->schema == ns::pg_catalog, false};
}

FoundBool pg_builtin_is_visible(Oid of, Oid object) {
  const Relation* relation = builtin::find_relation(of);
  std::string_view fields[64];
  const bool found = relation != nullptr && find_builtin_row(of, object, {fields, relation->columns.size()});
  return {found, !found};
}
Result<FoundBool> pg_relation_is_publishable(SessionCatalog& catalog, Oid oid) {
  SPG_ASSIGN(const Relation* relation, catalog.relation(oid));
  if (relation == nullptr) return FoundBool{false, true};
  return FoundBool{relation->kind == 'r' && !relation->is_virtual && relation->persistence == 'p'};
}

// --- comments
// -------------------------------------------------------------------------------------------------------------

namespace {

Result<Text> description(SessionCatalog& catalog, Oid object, Oid of, std::int32_t sub, Arena& arena) {
  Store store = store_of(catalog, arena);
  SPG_ASSIGN(const Row* row,
             store.find_one(StoredKey::description_object, {oid_value(object), oid_value(of), int4_value(sub)}));
  if (row != nullptr) return Text{row->text(pg_description::description)};
  std::string_view fields[4], rest;
  if (!find_builtin_row(pg_description::relation, object, fields, &rest)) return Text::null();
  builtin::RowReader reader({pg_description::relation, 0, rest});
  while (reader.next(fields) && builtin::number_of(fields[0]) == raw(object))
    if (builtin::number_of(fields[1]) == raw(of) && fields[2] == arena.concat(sub))
      return Text{builtin::unescape(fields[3], arena)};
  return Text::null();
}

}  // namespace

Result<Text> obj_description(SessionCatalog& catalog, Oid object, std::string_view catalog_name, Arena& arena) {
  const Relation* of = builtin::find_relation(ns::pg_catalog, catalog_name);
  if (of == nullptr) return Text::null();
  return description(catalog, object, of->oid, 0, arena);
}
Result<Text> col_description(SessionCatalog& catalog, Oid relation, std::int32_t column, Arena& arena) {
  return description(catalog, relation, pg_class::relation, column, arena);
}

// --- the rest
// -------------------------------------------------------------------------------------------------------------

Result<std::string_view> pg_get_userbyid(SessionCatalog& catalog, Oid role, Arena& arena) {
  Store store = store_of(catalog, arena);
  SPG_ASSIGN(const Row* row, find_role_row(store, role));
  if (row != nullptr) return row->text(pg_authid::rolname);
  std::string_view fields[pg_authid::column_count];
  if (find_builtin_row(pg_authid::relation, role, {fields, pg_authid::column_count - 1}))
    return fields[pg_authid::rolname - 1];
  return arena.concat("unknown (OID=", raw(role), ")");
}

namespace {
constexpr std::string_view encodings[] = {
    "SQL_ASCII",     "EUC_JP",  "EUC_CN",  "EUC_KR",  "EUC_TW",     "EUC_JIS_2004", "UTF8",
    "MULE_INTERNAL", "LATIN1",  "LATIN2",  "LATIN3",  "LATIN4",     "LATIN5",       "LATIN6",
    "LATIN7",        "LATIN8",  "LATIN9",  "LATIN10", "WIN1256",    "WIN1258",      "WIN866",
    "WIN874",        "KOI8R",   "WIN1251", "WIN1252", "ISO_8859_5", "ISO_8859_6",   "ISO_8859_7",
    "ISO_8859_8",    "WIN1250", "WIN1253", "WIN1254", "WIN1255",    "WIN1257",      "KOI8U",
    "SJIS",          "BIG5",    "GBK",     "UHC",     "GB18030",    "JOHAB",        "SHIFT_JIS_2004"};
}
std::string_view pg_encoding_to_char(std::int32_t encoding) {
  return encoding >= 0 && static_cast<std::size_t>(encoding) < std::size(encodings) ? encodings[encoding]
                                                                                    : std::string_view();
}
std::int32_t pg_char_to_encoding(std::string_view name) {
  for (std::size_t i = 0; i < std::size(encodings); ++i)
    if (std::ranges::equal(encodings[i], name,
                           [](char a, char b) { return a == (b >= 'a' && b <= 'z' ? static_cast<char>(b - 32) : b); }))
      return static_cast<std::int32_t>(i);
  return -1;
}

Result<Text> current_schema(SessionCatalog& catalog) {
  SPG_ASSIGN(const Oid schema, catalog.creation_schema());
  if (schema == Oid::none) return Text::null();
  SPG_ASSIGN(const std::string_view name, catalog.schema_name(schema));
  return Text{name};
}
Result<std::span<const std::string_view>> current_schemas(SessionCatalog& catalog, bool implicit, Arena& arena) {
  Result<std::span<const Oid>> path = implicit ? catalog.search_path() : catalog.written_path();
  if (!path) return path.take_error();
  Vec<std::string_view> names(arena);
  for (const Oid oid : *path) {
    SPG_ASSIGN(const std::string_view name, catalog.schema_name(oid));
    names.push_back(name);
  }
  return std::span<const std::string_view>(names.data(), names.size());
}

namespace {
/// What a row takes where none has been seen.
std::uint64_t row_bytes_of(const Relation& relation) {
  std::uint64_t bytes = 8;
  for (const ColumnInfo& column : relation.columns) bytes += type::physical_bytes(column.physical) + 1;
  return bytes;
}
std::uint64_t index_bytes(const txn::TableStorage& storage, const Relation& table, Oid only) {
  std::uint64_t bytes = 0;
  for (const txn::IndexStorage& one : storage.indexes)
    for (const IndexInfo& info : table.indexes)
      if (info.id == one.index && (only == Oid::none || info.oid == only)) bytes += one.estimated_bytes();
  return bytes;
}
FoundInt8 found(std::uint64_t bytes) { return {static_cast<std::int64_t>(bytes)}; }
}  // namespace

Result<FoundInt8> pg_relation_size(SessionCatalog& catalog, Oid oid, Arena& arena) {
  SPG_ASSIGN(const Relation* relation, catalog.relation(oid));
  if (relation == nullptr) return FoundInt8{0, true};
  if (relation->kind == 'i') {
    SPG_ASSIGN(const Relation* table, catalog.relation_of_index(oid));
    if (table == nullptr) return FoundInt8{};
    SPG_ASSIGN(const txn::TableStorage storage, catalog.view().table_storage(table->table, arena));
    return found(index_bytes(storage, *table, oid));
  }
  if (relation->table == TableId::none) return FoundInt8{};
  SPG_ASSIGN(const txn::TableStorage storage, catalog.view().table_storage(relation->table, arena));
  return found(storage.estimated_bytes(row_bytes_of(*relation)));
}
Result<FoundInt8> pg_indexes_size(SessionCatalog& catalog, Oid oid, Arena& arena) {
  SPG_ASSIGN(const Relation* relation, catalog.relation(oid));
  if (relation == nullptr) return FoundInt8{0, true};
  if (relation->table == TableId::none) return FoundInt8{};
  SPG_ASSIGN(const txn::TableStorage storage, catalog.view().table_storage(relation->table, arena));
  return found(index_bytes(storage, *relation, Oid::none));
}
namespace {

struct PrivilegeWords {
  PrivilegeOn on;
  std::string_view words;
};
constexpr PrivilegeWords privilege_words[] = {
    {PrivilegeOn::relation, " select insert update delete truncate references trigger "},
    {PrivilegeOn::schema, " create usage "},
    {PrivilegeOn::database, " create connect temporary temp "},
    {PrivilegeOn::function, " execute "},
    {PrivilegeOn::type, " usage "},
    {PrivilegeOn::sequence, " usage select update "},
    {PrivilegeOn::language, " usage "},
    {PrivilegeOn::tablespace, " create "},
};

/// Whether the list asks (also) for something that everybody has on a system object.
Result<bool> parse_privileges(PrivilegeOn on, std::string_view list, Arena& arena) {
  std::string_view known;
  for (const PrivilegeWords& one : privilege_words)
    if (one.on == on) known = one.words;
  bool harmless = false;
  while (true) {
    const std::size_t comma = list.find(',');
    std::string_view word = list.substr(0, comma);
    while (!word.empty() && word.front() == ' ') word.remove_prefix(1);
    while (!word.empty() && word.back() == ' ') word.remove_suffix(1);
    TextBuilder lower(arena);
    for (const char c : word) lower.add(c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
    std::string_view bare = lower.view();
    if (bare.ends_with(" with grant option")) bare.remove_suffix(18);
    if (known.find(arena.concat(" ", bare, " ")) == std::string_view::npos || bare.empty())
      return Error::make(sqlstate::invalid_parameter_value, "unrecognized privilege type: \"", word, "\"");
    harmless |= bare == "select" || bare == "usage" || bare == "execute" || bare == "connect" || bare == "temporary" ||
                bare == "temp";
    if (comma == std::string_view::npos) return harmless;
    list.remove_prefix(comma + 1);
  }
}

}  // namespace

Result<FoundBool> has_privilege(SessionCatalog& catalog, Oid role, PrivilegeOn on, Oid object,
                                std::string_view privileges, Arena& arena) {
  SPG_ASSIGN(const bool harmless, parse_privileges(on, privileges, arena));
  Store store = store_of(catalog, arena);
  Oid owner = bootstrap_superuser;
  bool is_system = true;
  if (on == PrivilegeOn::relation || on == PrivilegeOn::sequence) {
    SPG_ASSIGN(const Relation* relation, catalog.relation(object));
    if (relation == nullptr) return FoundBool{false, true};
    owner = relation->owner;
    is_system = relation->is_virtual;
  } else if (on == PrivilegeOn::schema) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::namespace_oid, {oid_value(object)}));
    if (row == nullptr && raw(object) >= 16384) return FoundBool{false, true};
    if (row != nullptr) owner = row->oid(pg_namespace::nspowner);
    is_system = row == nullptr || object == ns::public_schema;  // everybody may use public
  } else if (on == PrivilegeOn::function) {
    if (catalog.function(object) == nullptr) return FoundBool{false, true};
  } else if (on == PrivilegeOn::database && store.shared_view() != nullptr) {
    SPG_ASSIGN(const Row* row, store.find_one(StoredKey::database_oid, {oid_value(object)}));
    if (row == nullptr) return FoundBool{false, true};
    owner = row->oid(pg_database::datdba);
  }
  if (is_system && harmless) return FoundBool{true};
  SPG_ASSIGN(const bool owns, has_role(store, role, owner));
  return FoundBool{owns};
}

Result<bool> pg_has_role(SessionCatalog& catalog, Oid role, Oid other, Arena& arena) {
  Store store = store_of(catalog, arena);
  return has_role(store, role, other);
}

}  // namespace spg::catalog
