#include "spg/catalog/virtual.hpp"

#include <algorithm>

#include "catalog/sql.hpp"
#include "spg/catalog/builtin.hpp"
#include "spg/catalog/functions.hpp"

using namespace spg;
using namespace spg::catalog;
using spg::test::Sql;

namespace {

struct Facts : ServerFacts {
  bool setting(std::size_t index, SettingRow& row) const override {
    static constexpr std::string_view values[] = {"a", "b"};
    if (index > 1) return false;
    row = {};
    row.name = index == 0 ? "work_mem" : "some_enum";
    row.setting = index == 0 ? "4096" : "a";
    row.unit = index == 0 ? "kB" : "";
    if (index == 1) row.values = values;
    return true;
  }
  void activities(spg::FunctionRef<void(const ActivityRow&)> visit) const override {
    ActivityRow row;
    row.pid = 42;
    row.state = "idle";
    visit(row);
  }
};

/// The columns of a relation's rows as text, one string a row: "a|b".
std::vector<std::string> rows_of(Sql& sql, std::string_view schema, std::string_view name,
                                 std::vector<std::string_view> columns) {
  std::vector<std::string> result;
  sql.read([&](SessionCatalog& catalog) -> Status {
    SPG_ASSIGN(const Relation* relation, catalog.relation(schema, name));
    REQUIRE(relation != nullptr);
    std::vector<std::uint16_t> numbers;
    for (const std::string_view column : columns)
      for (const ColumnInfo& info : relation->columns)
        if (info.name == column) numbers.push_back(static_cast<std::uint16_t>(info.number));
    REQUIRE(numbers.size() == columns.size());
    SPG_ASSIGN(VirtualRelation rows, open_virtual(catalog, relation->oid, numbers, Facts(), sql.world.arena));
    for (type::Batch batch; rows.next(batch);) {
      CHECK(batch.selected.count == batch.rows);
      for (std::uint32_t i = 0; i < batch.rows; ++i) {
        TextBuilder text(sql.world.arena);
        for (std::size_t c = 0; c < columns.size(); ++c) {
          text.add(c == 0 ? "" : "|");
          const type::Value value = type::value_of(batch.columns[c], i);
          if (!value.is_null) type::output(relation->columns[numbers[c] - 1u].type, value, text, {});
        }
        result.emplace_back(text.view());
      }
    }
    return ok();
  });
  return result;
}
std::vector<std::string> those_with(std::vector<std::string> rows, std::string_view part) {
  std::erase_if(rows, [&](const std::string& row) { return row.find(part) == std::string::npos; });
  return rows;
}
using Rows = std::vector<std::string>;

}  // namespace

TEST_CASE("every system relation can be read whole") {
  Sql sql;
  CHECK(sql("create table t(a int primary key, b text default 'x')") == "");
  for (std::size_t i = 0; i < builtin::relation_count; ++i) {
    const Relation& relation = builtin::relations[i];
    if (relation.kind != 'r' && relation.kind != 'v') continue;
    INFO(relation.name);
    sql.read([&](SessionCatalog& catalog) -> Status {
      std::vector<std::uint16_t> numbers;
      for (const ColumnInfo& column : relation.columns) numbers.push_back(static_cast<std::uint16_t>(column.number));
      SPG_ASSIGN(VirtualRelation rows, open_virtual(catalog, relation.oid, numbers, Facts(), sql.world.arena));
      std::size_t count = 0;
      for (type::Batch batch; rows.next(batch);) {
        count += batch.rows;
        for (std::size_t c = 0; c < numbers.size(); ++c) {
          REQUIRE(batch.columns[c].physical == relation.columns[c].physical);
          if (type::find_type(relation.columns[c].type) == nullptr) continue;
          for (std::uint32_t row = 0; row < batch.rows; ++row) {
            const type::Value value = type::value_of(batch.columns[c], row);
            if (relation.columns[c].not_null) REQUIRE(!value.is_null);
            if (value.is_null) continue;
            TextBuilder text(sql.world.arena);
            type::output(relation.columns[c].type, value, text, {});
          }
        }
      }
      const builtin::Rows* built_in = builtin::find_rows(relation.oid);
      if (built_in != nullptr) CHECK(count >= built_in->count);
      return ok();
    });
    sql.world.arena.reset();
  }
}

TEST_CASE("stored rows stand beside built-in ones") {
  Sql sql;
  CHECK(
      sql("create schema s; create table s.t(a int primary key, b varchar(9) default 'x'); create index i on s.t(b)") ==
      "");
  CHECK(rows_of(sql, "", "pg_class", {"relname"}).size() == builtin::find_rows(pg_class::relation)->count + 3);
  CHECK(those_with(rows_of(sql, "", "pg_class", {"relname", "relkind", "relnatts", "relhasindex", "relpersistence"}),
                   "t_pkey|") == Rows{"t_pkey|i|1|f|p"});
  CHECK(those_with(rows_of(sql, "", "pg_class", {"relname", "relkind", "relnatts", "relhasindex"}), "pg_class|") ==
        Rows{"pg_class|r|33|t"});
  CHECK(rows_of(sql, "", "pg_namespace", {"nspname"}) ==
        Rows{"pg_catalog", "pg_toast", "information_schema", "public", "s"});
  CHECK(those_with(rows_of(sql, "", "pg_index", {"indisprimary", "indisunique", "indkey", "indnatts"}), "t|t|1|1")
            .size() > 1);
  CHECK(those_with(rows_of(sql, "", "pg_attrdef", {"adnum", "adbin"}), "'") == Rows{"2|'x'::character varying"});
  CHECK(
      those_with(rows_of(sql, "", "pg_type", {"typnamespace", "typname", "typtype", "typcategory"}), "|t|c|C").size() ==
      1);
  CHECK(those_with(rows_of(sql, "", "pg_database", {"datname", "encoding"}), "") == Rows{"postgres|6"});
  CHECK(rows_of(sql, "", "pg_trigger", {"tgname"}).empty());
}

TEST_CASE("stored rows are PostgreSQL's, column by column") {
  Sql sql;
  CHECK(sql("create table t(a int, b varchar(10) not null default 'x', c numeric(10,2), d text[], e timestamptz(3), f "
            "\"char\", g bool default true, "
            "h name, i uuid, j text collate \"C\", primary key (a), unique(b, c)) with (fillfactor=70);"
            "create index on t(d desc nulls last, j); alter table t add column k int default 7; alter table t drop "
            "column i; create unlogged table u()") == "");
  struct Case {
    std::string_view relation;
    std::vector<std::string_view> columns;
    Rows rows;
  };
  const Case cases[] = {
      {"pg_attribute",
       {"attname",     "atttypid",     "attstattarget", "attlen",         "attnum",      "attndims",    "atttypmod",
        "attbyval",    "attalign",     "attstorage",    "attcompression", "attnotnull",  "atthasdef",   "atthasmissing",
        "attidentity", "attgenerated", "attisdropped",  "attislocal",     "attinhcount", "attcollation"},
       Rows{"a|23|-1|4|1|0|-1|t|i|p||t|f|f|||f|t|0|0", "b|1043|-1|-1|2|0|14|f|i|x||t|t|f|||f|t|0|100",
            "c|1700|-1|-1|3|0|655366|f|i|m||f|f|f|||f|t|0|0", "d|1009|-1|-1|4|1|-1|f|i|x||f|f|f|||f|t|0|100",
            "e|1184|-1|8|5|0|3|t|d|p||f|f|f|||f|t|0|0", "f|18|-1|1|6|0|-1|t|c|p||f|f|f|||f|t|0|0",
            "g|16|-1|1|7|0|-1|t|c|p||f|t|f|||f|t|0|0", "h|19|-1|64|8|0|-1|f|c|p||f|f|f|||f|t|0|950",
            "........pg.dropped.9........|0|0|16|9|0|-1|f|c|p||f|f|f|||t|t|0|0",
            "j|25|-1|-1|10|0|-1|f|i|x||f|f|f|||f|t|0|950", "k|23|-1|4|11|0|-1|t|i|p||f|t|t|||f|t|0|0"}},
      {"pg_class",
       {"relname", "relam", "reltablespace", "relallvisible", "relhasindex", "relisshared", "relpersistence", "relkind",
        "relnatts", "relchecks", "relhasrules", "relhastriggers", "relhassubclass", "relrowsecurity",
        "relforcerowsecurity", "relispopulated", "relreplident", "relispartition", "reloptions"},
       Rows{"t|2|0|0|t|f|p|r|11|0|f|f|f|f|f|t|d|f|{fillfactor=70}", "u|2|0|0|f|f|u|r|0|0|f|f|f|f|f|t|d|f|",
            "t_pkey|403|0|0|f|f|p|i|1|0|f|f|f|f|f|t|n|f|"}},
      {"pg_index",
       {"indnatts", "indnkeyatts", "indisunique", "indnullsnotdistinct", "indisprimary", "indisexclusion",
        "indimmediate", "indisclustered", "indisvalid", "indcheckxmin", "indisready", "indislive", "indisreplident",
        "indkey", "indcollation", "indclass", "indoption"},
       Rows{"1|1|t|f|t|f|t|f|t|f|t|t|f|1|0|1978|0", "2|2|t|f|f|f|t|f|t|f|t|t|f|2 3|100 0|3126 3125|0 0",
            "2|2|f|f|f|f|t|f|t|f|t|t|f|4 10|100 950|10000 3126|1 0"}},
      {"pg_constraint",
       {"conname", "contype", "condeferrable", "condeferred", "convalidated", "confupdtype", "confdeltype",
        "confmatchtype", "conislocal", "coninhcount", "connoinherit", "conkey"},
       Rows{"t_pkey|p|f|f|t| | | |t|0|t|{1}", "t_b_c_key|u|f|f|t| | | |t|0|t|{2,3}"}},
      {"pg_type",
       {"typname",      "typlen",      "typbyval",     "typtype",    "typcategory", "typispreferred",
        "typisdefined", "typdelim",    "typsubscript", "typinput",   "typoutput",   "typreceive",
        "typsend",      "typmodin",    "typmodout",    "typanalyze", "typalign",    "typstorage",
        "typnotnull",   "typbasetype", "typtypmod",    "typndims",   "typcollation"},
       Rows{"t|-1|f|c|C|f|t|,|0|2290|2291|2402|2403|0|0|0|d|x|f|0|-1|0|0",
            "_t|-1|f|b|A|f|t|,|6179|750|751|2400|2401|0|0|3816|d|x|f|0|-1|0|0"}},
  };
  for (const Case& one : cases) {
    INFO(one.relation);
    const Rows found = rows_of(sql, "", one.relation, one.columns);
    for (const std::string& expected : one.rows) {
      INFO(expected);
      CHECK(std::find(found.begin(), found.end(), expected) != found.end());
    }
  }
}

TEST_CASE("views of pg_catalog") {
  Sql sql;
  CHECK(sql("create table t(a int primary key, b int); create index i on t(b desc, a); create role r login") == "");
  CHECK(those_with(rows_of(sql, "", "pg_tables", {"schemaname", "tablename", "tableowner", "hasindexes"}), "public|") ==
        Rows{"public|t|postgres|t"});
  CHECK(those_with(rows_of(sql, "", "pg_indexes", {"tablename", "indexname", "indexdef"}), "public.") ==
        Rows{"t|t_pkey|CREATE UNIQUE INDEX t_pkey ON public.t USING btree (a)",
             "t|i|CREATE INDEX i ON public.t USING btree (b DESC, a)"});
  CHECK(those_with(rows_of(sql, "", "pg_roles", {"rolname", "rolsuper", "rolcanlogin", "rolpassword"}), "r|f|t") ==
        Rows{"r|f|t|********"});
  CHECK(those_with(rows_of(sql, "", "pg_roles", {"rolname"}), "pg_monitor").size() == 1);
  CHECK(rows_of(sql, "", "pg_user", {"usename", "usesuper"}) == Rows{"postgres|t", "r|f"});
  CHECK(rows_of(sql, "", "pg_settings", {"name", "setting", "unit", "enumvals"}) ==
        Rows{"work_mem|4096|kB|", "some_enum|a||{a,b}"});
  CHECK(rows_of(sql, "", "pg_stat_activity", {"pid", "state", "client_addr"}) == Rows{"42|idle|"});
  CHECK(rows_of(sql, "", "pg_stat_user_tables", {"relname", "n_live_tup", "seq_scan"}) == Rows{"t|0|0"});
}

TEST_CASE("information_schema") {
  Sql sql;
  CHECK(sql("create table t(a int primary key, b varchar(10) not null default 'x', c numeric(10,2), d text[], e "
            "timestamptz(3), unique(b, a))") == "");
  const std::string_view is = "information_schema";
  CHECK(those_with(rows_of(sql, is, "tables", {"table_catalog", "table_schema", "table_name", "table_type"}),
                   "|public|") == Rows{"postgres|public|t|BASE TABLE"});
  CHECK(those_with(rows_of(sql, is, "columns",
                           {"table_schema", "column_name", "ordinal_position", "column_default", "is_nullable",
                            "data_type", "character_maximum_length", "numeric_precision", "numeric_scale",
                            "datetime_precision", "udt_name"}),
                   "public|") == Rows{"public|a|1||NO|integer||32|0||int4",
                                      "public|b|2|'x'::character varying|NO|character varying|10||||varchar",
                                      "public|c|3||YES|numeric||10|2||numeric", "public|d|4||YES|ARRAY|||||_text",
                                      "public|e|5||YES|timestamp with time zone||||3|timestamptz"});
  CHECK(those_with(rows_of(sql, is, "table_constraints", {"table_schema", "constraint_name", "constraint_type"}),
                   "public|t_") == Rows{"public|t_pkey|PRIMARY KEY", "public|t_b_a_key|UNIQUE"});
  CHECK(rows_of(sql, is, "key_column_usage", {"constraint_name", "column_name", "ordinal_position"}) ==
        Rows{"t_pkey|a|1", "t_b_a_key|b|1", "t_b_a_key|a|2"});
  CHECK(rows_of(sql, is, "schemata", {"schema_name", "schema_owner"}).size() == 4);
}

TEST_CASE("definitions and names") {
  Sql sql;
  CHECK(sql("create schema s; create table t(a int primary key, \"B c\" text); create table s.t(a int);"
            "create unique index i on t(\"B c\" desc nulls last, a nulls first) include (a) with (fillfactor=70); "
            "create index j on t(\"B c\" text_pattern_ops);"
            "comment on table t is 'a comment'; comment on column t.a is 'of a'") == "");
  sql.read([&](SessionCatalog& catalog) -> Status {
    Arena& arena = sql.world.arena;
    const auto oid = [&](std::string_view name) {
      auto found = regclass_in(catalog, name, arena);
      REQUIRE(found.has_value());
      return *found;
    };
    const auto indexdef = [&](std::string_view name, std::int32_t column, bool pretty) {
      auto text = pg_get_indexdef(catalog, oid(name), column, pretty, arena);
      REQUIRE(text.has_value());
      return text->is_null ? std::string_view("NULL") : text->text;
    };
    CHECK(indexdef("i", 0, false) ==
          "CREATE UNIQUE INDEX i ON public.t USING btree (\"B c\" DESC NULLS LAST, a NULLS FIRST) INCLUDE (a) WITH "
          "(fillfactor='70')");
    CHECK(indexdef("j", 0, true) == "CREATE INDEX j ON t USING btree (\"B c\" text_pattern_ops)");
    CHECK(indexdef("i", 1, true) == "\"B c\"");
    CHECK(indexdef("i", 9, true) == "");
    CHECK(indexdef("t", 0, true) == "NULL");
    CHECK(indexdef("pg_class_relname_nsp_index", 0, false) ==
          "CREATE UNIQUE INDEX pg_class_relname_nsp_index ON pg_catalog.pg_class USING btree (relname, relnamespace)");
    Store store(sql.world.database.get(), sql.world.shared.get(), arena);
    SPG_ASSIGN(const Row* key, store.find_one(StoredKey::constraint_relation, {oid_value(oid("t"))}));
    SPG_ASSIGN(const Text definition, pg_get_constraintdef(catalog, key->oid(pg_constraint::oid), true, arena));
    CHECK(definition.text == "PRIMARY KEY (a)");

    const auto shown = [&](std::string_view name) {
      auto text = regclass_out(catalog, oid(name), arena);
      REQUIRE(text.has_value());
      return *text;
    };
    CHECK(shown("t") == "t");
    CHECK(shown("s.t") == "s.t");
    CHECK(shown("\"t\"") == "t");
    CHECK(shown(" Pg_Catalog . PG_CLASS ") == "pg_class");
    CHECK(shown("information_schema.tables") == "information_schema.tables");
    CHECK(shown("99999") == "99999");
    CHECK(shown("-") == "-");
    auto missing = regclass_in(catalog, "s.nosuch", arena);
    REQUIRE(!missing.has_value());
    CHECK(missing.error().message() == "relation \"s.nosuch\" does not exist");
    CHECK(regclass_in(catalog, "a..b", arena).take_error().code() == sqlstate::invalid_name);
    SPG_ASSIGN(const FoundOid none, or_null(regclass_in(catalog, "nosuch", arena)));
    CHECK(none.is_null);
    SPG_ASSIGN(const FoundBool visible, pg_table_is_visible(catalog, oid("t")));
    SPG_ASSIGN(const FoundBool hidden, pg_table_is_visible(catalog, oid("s.t")));
    SPG_ASSIGN(const FoundBool absent, pg_table_is_visible(catalog, Oid{99999}));
    CHECK((visible.value && !hidden.value && absent.is_null));

    SPG_ASSIGN(const Text comment, obj_description(catalog, oid("t"), "pg_class", arena));
    CHECK(comment.text == "a comment");
    SPG_ASSIGN(const Text of_column, col_description(catalog, oid("t"), 1, arena));
    CHECK(of_column.text == "of a");
    SPG_ASSIGN(const Text built_in, obj_description(catalog, Oid{23}, "pg_type", arena));
    CHECK(built_in.text == "-2 billion to 2 billion integer, 4-byte storage");
    SPG_ASSIGN(const Text no_comment, obj_description(catalog, oid("s.t"), "pg_class", arena));
    CHECK(no_comment.is_null);
    return ok();
  });
}

TEST_CASE("format_type") {
  Sql sql;
  CHECK(sql("create schema s; create table t(a int); create table s.u(a int)") == "");
  struct Case {
    std::uint32_t oid;
    bool given;
    std::int32_t typmod;
    std::string_view text;
  };
  const Case cases[] = {
      {23, true, -1, "integer"},
      {1007, true, -1, "integer[]"},
      {1043, true, 14, "character varying(10)"},
      {1043, false, -1, "character varying"},
      {1042, true, -1, "bpchar"},
      {1042, false, -1, "character"},
      {1042, true, 7, "character(3)"},
      {18, true, -1, "\"char\""},
      {1700, true, 655366, "numeric(10,2)"},
      {1114, true, 3, "timestamp(3) without time zone"},
      {1184, true, -1, "timestamp with time zone"},
      {1186, true, 470351871, "interval day to second"},
      {1560, true, -1, "\"bit\""},
      {1560, true, 3, "bit(3)"},
      {0, true, -1, "-"},
      {99999, true, -1, "???"},
      {30, true, -1, "oidvector"},
      {2205, true, -1, "regclass"},
      {1015, true, 14, "character varying(10)[]"},
      {25, true, -1, "text"},
      {2287, true, -1, "record[]"},
  };
  sql.read([&](SessionCatalog& catalog) -> Status {
    for (const Case& one : cases)
      CHECK(format_type(catalog, Oid{one.oid}, {one.given, one.typmod}, sql.world.arena) == one.text);
    CHECK(format_type(catalog, catalog.type("", "t")->oid, {}, sql.world.arena) == "t");
    CHECK(format_type(catalog, catalog.type("", "_t")->oid, {}, sql.world.arena) == "t[]");
    CHECK(format_type(catalog, catalog.type("s", "u")->oid, {}, sql.world.arena) == "s.u");
    return ok();
  });
}

TEST_CASE("functions and procedures by name") {
  Sql sql;
  sql.read([&](SessionCatalog& catalog) -> Status {
    Arena& arena = sql.world.arena;
    SPG_ASSIGN(const Oid now, regproc_in(catalog, "now", arena));
    CHECK(regproc_out(catalog, now, arena) == "now");
    CHECK(regproc_in(catalog, "lower", arena).take_error().message() == "more than one function named \"lower\"");
    CHECK(regproc_in(catalog, "nosuch", arena).take_error().message() == "function \"nosuch\" does not exist");
    SPG_ASSIGN(const Oid substring, regprocedure_in(catalog, "substring(text, integer, int4)", arena));
    CHECK(regprocedure_out(catalog, substring, arena) == "\"substring\"(text,integer,integer)");
    CHECK(regproc_out(catalog, substring, arena) == "pg_catalog.\"substring\"");
    CHECK(pg_get_function_arguments(catalog, Oid{3464}, true, arena).text ==
          "years integer DEFAULT 0, months integer DEFAULT 0, weeks integer DEFAULT 0, days integer DEFAULT 0, hours "
          "integer DEFAULT 0, "
          "mins integer DEFAULT 0, secs double precision DEFAULT 0.0");
    CHECK(pg_get_function_result(catalog, Oid{1067}, arena).text == "SETOF integer");
    SPG_ASSIGN(const Oid type, regtype_in(catalog, "varchar(10)[]", arena));
    SPG_ASSIGN(const std::string_view type_name, regtype_out(catalog, type, arena));
    CHECK(type_name == "character varying[]");
    SPG_ASSIGN(const Oid schema, regnamespace_in(catalog, "public", arena));
    SPG_ASSIGN(const std::string_view schema_name, regnamespace_out(catalog, schema, arena));
    CHECK(schema_name == "public");
    SPG_ASSIGN(const Oid role, regrole_in(catalog, "postgres", arena));
    CHECK(role == bootstrap_superuser);
    SPG_ASSIGN(const std::string_view nobody, pg_get_userbyid(catalog, Oid{7}, arena));
    CHECK(nobody == "unknown (OID=7)");
    CHECK(pg_encoding_to_char(6) == "UTF8");
    CHECK(pg_char_to_encoding("utf8") == 6);
    return ok();
  });
}

TEST_CASE("privileges") {
  Sql sql;
  CHECK(sql("create role r; create role member in role r; create schema mine authorization r; create table t(a int); "
            "create table u(a int); alter table u owner to r") == "");
  sql.read([&](SessionCatalog& catalog) -> Status {
    Arena& arena = sql.world.arena;
    SPG_ASSIGN(const Oid r, regrole_in(catalog, "r", arena));
    SPG_ASSIGN(const Oid member, regrole_in(catalog, "member", arena));
    SPG_ASSIGN(const Oid t, regclass_in(catalog, "t", arena));
    SPG_ASSIGN(const Oid u, regclass_in(catalog, "u", arena));
    const auto has = [&](Oid role, Oid relation, std::string_view privilege) {
      auto found = has_privilege(catalog, role, PrivilegeOn::relation, relation, privilege, arena);
      if (!found) return std::string(found.error().message());
      return std::string(found->is_null ? "null" : found->value ? "yes" : "no");
    };
    CHECK(has(bootstrap_superuser, t, "SELECT") == "yes");
    CHECK(has(r, t, "select") == "no");
    CHECK(has(r, u, "INSERT, UPDATE") == "yes");
    CHECK(has(member, u, "DELETE with grant option") == "yes");
    CHECK(has(r, pg_class::relation, "SELECT") == "yes");
    CHECK(has(r, pg_class::relation, "INSERT") == "no");
    CHECK(has(r, Oid{99999}, "SELECT") == "null");
    CHECK(has(r, t, "FLY") == "unrecognized privilege type: \"FLY\"");
    SPG_ASSIGN(const bool is_member, pg_has_role(catalog, member, r, arena));
    SPG_ASSIGN(const bool is_not, pg_has_role(catalog, r, member, arena));
    CHECK((is_member && !is_not));
    return ok();
  });
}
