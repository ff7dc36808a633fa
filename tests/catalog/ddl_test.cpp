#include "catalog/sql.hpp"

using namespace spg;
using namespace spg::catalog;
using spg::test::Sql;

TEST_CASE("tables: columns, defaults, keys and their names") {
  struct Case {
    std::string_view text, shape;
  };
  const Case cases[] = {
      {"create table t(a int primary key, b varchar(10) not null default 'x', c numeric(10,2) default 0)",
       "a integer not null, b character varying(10) not null default 'x'::character varying, c numeric(10,2) default "
       "0; t_pkey(a) primary"},
      {"create table t(a int not null, b int, c int, unique(a,b), unique(b))",
       "a integer not null, b integer, c integer; t_a_b_key(a,b) unique; t_b_key(b) unique"},
      {"create table t(a int unique, b int, primary key(b, a))",
       "a integer not null, b integer not null; t_pkey(b,a) primary; t_a_key(a) unique"},
      {"create table t(a int unique, constraint mine unique(a))", "a integer; mine(a) unique"},
      {"create table t(a int, b text[], c timestamp(3), d timestamptz, e interval day to second(2), f char(3), g "
       "\"char\", h bool)",
       "a integer, b text[], c timestamp(3) without time zone, d timestamp with time zone, e interval day to "
       "second(2), f character(3), g \"char\", h boolean"},
      {"create table t(e timestamp default now(), f timestamptz default current_timestamp, h int default -1, i bool "
       "default 't', k int default (1+2)*3, "
       "l text default null, m text default upper('x'), p text[] default '{}', r text default 'a'||'b', s bigint "
       "default '5')",
       "e timestamp without time zone default now(), f timestamp with time zone default CURRENT_TIMESTAMP, h integer "
       "default '-1'::integer, "
       "i boolean default true, k integer default ((1 + 2) * 3), l text, m text default upper('x'::text), p text[] "
       "default '{}'::text[], "
       "r text default ('a'::text || 'b'::text), s bigint default 5"},
      {"create table t(a int) with (fillfactor=100)", "a integer"},
      {"create table public.t(\"Odd Name\" int)", "Odd Name integer"},
      {"create table t()", ""},
  };
  for (const Case& one : cases) {
    Sql sql;
    CHECK(sql(one.text) == "");
    CHECK(sql.shape("t") == one.shape);
  }
}

TEST_CASE("rows of user tables leave the catalog's stamp alone, schema changes move it") {
  Sql sql;
  CHECK(sql("create table t(a int)") == "");
  auto stamp = [&] {
    std::uint64_t value = 0;
    REQUIRE(!sql.world.run([&] { value = sql.world.database->catalog_stamp(); return ok(); }).failed());
    return value;
  };
  const std::uint64_t before = stamp();
  REQUIRE(!sql.world.run([&]() -> Status {
    SPG_ASSIGN(const Relation* relation, sql.world.catalog->relation("public", "t"));
    const std::int32_t one = 1;
    const table::ColumnInput column{1, {type::Physical::int4, type::Vector::Form::flat, &one, nullptr, nullptr}};
    txn::Conflict conflict;
    return sql.world.database->insert(relation->table, {&column, 1}, {nullptr, 1}, conflict).status();
  }).failed());
  CHECK(stamp() == before);
  CHECK(sql("alter table t add column b int") == "");
  CHECK(stamp() != before);
}

TEST_CASE("what CREATE TABLE refuses") {
  struct Case {
    std::string_view text, said;
  };
  const Case cases[] = {
      {"create table t(a int primary key, a int)", "42701: column \"a\" specified more than once"},
      {"create table t(a int primary key, b int primary key)",
       "42P16: multiple primary keys for table \"t\" are not allowed"},
      {"create table t(a int, primary key(zz))", "42703: column \"zz\" named in key does not exist"},
      {"create table t(a int, primary key(a,a))", "42701: column \"a\" appears twice in primary key constraint"},
      {"create table t(a nosuch)", "42704: type \"nosuch\" does not exist"},
      {"create table t(a nosuch.int)", "3F000: schema \"nosuch\" does not exist"},
      {"create table t(a varchar(0))", "22023: length for type varchar must be at least 1"},
      {"create table t(a varchar(10485761))", "22023: length for type varchar cannot exceed 10485760"},
      {"create table t(a numeric(2000))", "22023: NUMERIC precision 2000 must be between 1 and 1000"},
      {"create table t(a text(3))", "42601: type modifier is not allowed for type \"text\""},
      {"create table t(a anyelement)", "42P16: column \"a\" has pseudo-type anyelement"},
      {"create table t(ctid int)", "42701: column name \"ctid\" conflicts with a system column name"},
      {"create table nosch.t(a int)", "3F000: schema \"nosch\" does not exist"},
      {"create table pg_catalog.t(a int)", "42501: permission denied for schema pg_catalog"},
      {"create table t(a int default b)", "0A000: cannot use column reference in DEFAULT expression"},
      {"create table t(a int null not null)",
       "42601: conflicting NULL/NOT NULL declarations for column \"a\" of table \"t\""},
      {"create table t(a int default 1 default 2)",
       "42601: multiple default values specified for column \"a\" of table \"t\""},
      {"create table t(a int check (a > 0))", "0A000: CHECK constraints are not supported"},
      {"create table t(a int references u)", "0A000: foreign keys are not supported"},
      {"create table t(a serial)", "0A000: serial columns are not supported"},
      {"create table t(a point unique)",
       "42704: data type point has no default operator class for access method \"btree\"\n"
       "HINT: You must specify an operator class for the index or define a default operator class for the data type."},
      {"create table t(a int); create table t(a int)", "42P07: relation \"t\" already exists"},
      {"create table t(a int); create table if not exists t(a int)", "NOTICE: relation \"t\" already exists, skipping"},
      {"create table t(a timestamp(9))", "WARNING: TIMESTAMP(9) precision reduced to maximum allowed, 6"},
      {"create table a(x int, constraint foo unique(x)); create table b(x int, constraint foo unique(x))",
       "42P07: relation \"foo\" already exists"},
  };
  for (const Case& one : cases) {
    Sql sql;
    INFO(one.text);
    CHECK(sql(one.text) == one.said);
  }
}

TEST_CASE("names of indexes avoid those that are taken") {
  Sql sql;
  CHECK(sql("create table o(a int unique, b int unique, unique(a,b)); create index on o(b); create index on o(b); "
            "create index on o(b desc,a);"
            "create unique index mine on o(a) include (b)") == "");
  CHECK(sql.shape("o") ==
        "a integer, b integer; o_a_key(a) unique; o_b_key(b) unique; o_a_b_key(a,b) unique; o_b_idx(b); o_b_idx1(b); "
        "o_b_a_idx(b,a); mine(a) unique");
  const std::string_view table = "a_table_name_that_is_long_enough_to_be_cut",
                         column = "a_column_name_that_is_long_enough_to_be_cut";
  CHECK(sql("create table " + std::string(table) + "(" + std::string(column) + " int unique)") == "");
  sql.read([&](SessionCatalog& catalog) -> Status {
    SPG_ASSIGN(const Relation* relation, catalog.relation("", table));
    CHECK(relation->indexes[0].name == "a_table_name_that_is_long_eno_a_column_name_that_is_long_en_key");
    return ok();
  });
}

TEST_CASE("what CREATE INDEX refuses") {
  Sql sql;
  CHECK(sql("create table t(a int, p point)") == "");
  struct Case {
    std::string_view text, said;
  };
  const Case cases[] = {
      {"create index on t(zz)", "42703: column \"zz\" does not exist"},
      {"create index on t(ctid)", "0A000: index creation on system columns is not supported"},
      {"create index i on nosuch(a)", "42P01: relation \"nosuch\" does not exist"},
      {"create index on pg_class(relname)", "42501: permission denied: \"pg_class\" is a system catalog"},
      {"create index t on t(a)", "42P07: relation \"t\" already exists"},
      {"create index if not exists t on t(a)", "NOTICE: relation \"t\" already exists, skipping"},
      {"create index on t using nosuch(a)", "42704: access method \"nosuch\" does not exist"},
      {"create unique index on t using hash(a)", "0A000: access method \"hash\" does not support unique indexes"},
      {"create index on t(p)",
       "42704: data type point has no default operator class for access method \"btree\"\n"
       "HINT: You must specify an operator class for the index or define a default operator class for the data type."},
      {"create index on t(a nosuch_ops)",
       "42704: operator class \"nosuch_ops\" does not exist for access method \"btree\""},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(sql(one.text) == one.said);
  }
}

namespace {
/// Inserts (a, b) pairs; INT32_MIN is NULL.
void fill(Sql& sql, std::string_view table, std::vector<std::pair<std::int32_t, std::int32_t>> rows) {
  sql.read([&](SessionCatalog& catalog) -> Status {
    SPG_ASSIGN(const Relation* relation, catalog.relation("", table));
    std::int32_t a[64], b[64];
    std::uint64_t valid_a = 0, valid_b = 0;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      a[i] = rows[i].first;
      b[i] = rows[i].second;
      valid_a |= std::uint64_t{a[i] != INT32_MIN} << i;
      valid_b |= std::uint64_t{b[i] != INT32_MIN} << i;
    }
    const table::ColumnInput columns[] = {{1, {type::Physical::int4, type::Vector::Form::flat, a, &valid_a, nullptr}},
                                          {2, {type::Physical::int4, type::Vector::Form::flat, b, &valid_b, nullptr}}};
    txn::Conflict conflict;
    SPG_TRY(sql.world.database
                ->insert(relation->table, columns, {nullptr, static_cast<std::uint32_t>(rows.size())}, conflict)
                .status());
    CHECK(!conflict.found());
    return ok();
  });
}
}  // namespace

TEST_CASE("unique indexes and NOT NULL look at the rows that are there") {
  Sql sql;
  CHECK(sql("create table t(a int, \"B\" int)") == "");
  fill(sql, "t", {{1, 7}, {1, 8}, {2, INT32_MIN}});
  CHECK(sql("create unique index u on t(a)") ==
        "23505: could not create unique index \"u\"\nDETAIL: Key (a)=(1) is duplicated.");
  CHECK(sql("alter table t add primary key(a)") ==
        "23505: could not create unique index \"t_pkey\"\nDETAIL: Key (a)=(1) is duplicated.");
  CHECK(sql("alter table t alter \"B\" set not null") == "23502: column \"B\" of relation \"t\" contains null values");
  CHECK(sql("alter table t add primary key(a, \"B\")") == "23502: column \"B\" of relation \"t\" contains null values");
  CHECK(sql("alter table t add constraint k unique(a, \"B\")") == "");
  CHECK(sql("alter table t alter a set not null") == "");
  CHECK(sql("alter table t add column c int not null") == "23502: column \"c\" of relation \"t\" contains null values");
  CHECK(sql("alter table t add column c int not null default 5") == "");
  CHECK(sql("alter table t add column d uuid default gen_random_uuid()") ==
        "0A000: adding a column with a volatile default to a table that has rows is not supported");
  CHECK(sql("alter table t add column d int, alter d set not null") ==
        "23502: column \"d\" of relation \"t\" contains null values");
  CHECK(sql("alter table t add column d int default 6, alter d set not null, drop column \"B\"") == "");
  CHECK(sql.shape("t") == "a integer not null, c integer not null default 5, d integer not null default 6");
  sql.read([&](SessionCatalog& catalog) -> Status {
    SPG_ASSIGN(const Relation* relation, catalog.relation("", "t"));
    const std::uint16_t columns[] = {1, 3, 4};
    txn::ScanRequest request;
    request.table = relation->table;
    request.columns = columns;
    SPG_ASSIGN(txn::Scan * scan, sql.world.database->open_scan(request, sql.world.arena));
    const std::unique_ptr<txn::Scan> owned(scan);
    txn::RowBatch rows;
    SPG_ASSIGN(const bool more, scan->next(rows));
    REQUIRE(more);
    CHECK(rows.batch.rows == 3);
    CHECK(rows.batch.columns[1].value<std::int32_t>(2) == 5);
    CHECK(rows.batch.columns[2].value<std::int32_t>(0) == 6);
    return ok();
  });
}

TEST_CASE("ALTER TABLE") {
  Sql sql;
  CHECK(sql("create table t(a int, b int, c int, unique(b))") == "");
  struct Case {
    std::string_view text, said;
  };
  const Case cases[] = {
      {"alter table t add column a int", "42701: column \"a\" of relation \"t\" already exists"},
      {"alter table t add column if not exists a int",
       "NOTICE: column \"a\" of relation \"t\" already exists, skipping"},
      {"alter table t drop column zz", "42703: column \"zz\" of relation \"t\" does not exist"},
      {"alter table t drop column if exists zz", "NOTICE: column \"zz\" of relation \"t\" does not exist, skipping"},
      {"alter table t drop column ctid", "0A000: cannot drop system column \"ctid\""},
      {"alter table nosuch add column a int", "42P01: relation \"nosuch\" does not exist"},
      {"alter table if exists nosuch add column a int", "NOTICE: relation \"nosuch\" does not exist, skipping"},
      {"alter table t add constraint t_b_key unique(c)", "42P07: relation \"t_b_key\" already exists"},
      {"alter table t drop constraint zz", "42704: constraint \"zz\" of relation \"t\" does not exist"},
      {"alter table t drop constraint if exists zz",
       "NOTICE: constraint \"zz\" of relation \"t\" does not exist, skipping"},
      {"alter table t alter column zz set not null", "42703: column \"zz\" of relation \"t\" does not exist"},
      {"alter table t add primary key(c)", ""},
      {"alter table t add primary key(a)", "42P16: multiple primary keys for table \"t\" are not allowed"},
      {"alter table t alter c drop not null", "42P16: column \"c\" is in a primary key"},
      {"drop index t_pkey",
       "2BP01: cannot drop index t_pkey because constraint t_pkey on table t requires it\n"
       "HINT: You can drop constraint t_pkey on table t instead."},
      {"alter table t rename column zz to q", "42703: column \"zz\" does not exist"},
      {"alter table t rename column a to b", "42701: column \"b\" of relation \"t\" already exists"},
      {"alter table t rename column a to ctid", "42701: column name \"ctid\" conflicts with a system column name"},
      {"alter table t alter a set default 3, alter a set default 4", ""},
      {"alter table t alter a drop default, alter a set default 5", ""},
      {"alter table t drop column b", ""},
      {"alter table t rename c to d", ""},
      {"alter table t rename constraint t_pkey to pk", ""},
      {"alter table t rename to s", ""},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(sql(one.text) == one.said);
  }
  CHECK(sql.shape("t") == "absent");
  CHECK(sql.shape("s") == "a integer default 5, d integer not null; pk(d) primary");
  CHECK(sql("alter table s drop constraint pk; alter table s alter d drop not null; alter table s alter a drop "
            "default") == "");
  CHECK(sql.shape("s") == "a integer, d integer");
}

TEST_CASE("DROP: what is missing, wrong or needed") {
  Sql sql;
  CHECK(sql("create schema zz; create table zz.t(a int primary key); create table t(a int); create index i on t(a); "
            "create table u(t t)") == "");
  struct Case {
    std::string_view text, said;
  };
  const Case cases[] = {
      {"drop table nosuch", "42P01: table \"nosuch\" does not exist"},
      {"drop table if exists nosuch, zz.nosuch",
       "NOTICE: table \"nosuch\" does not exist, skipping\nNOTICE: table \"nosuch\" does not exist, skipping"},
      {"drop table nosch.x", "3F000: schema \"nosch\" does not exist"},
      {"drop table if exists nosch.x", "NOTICE: schema \"nosch\" does not exist, skipping"},
      {"drop index t", "42809: \"t\" is not an index\nHINT: Use DROP TABLE to remove a table."},
      {"drop table i", "42809: \"i\" is not a table\nHINT: Use DROP INDEX to remove an index."},
      {"drop index nosuch", "42704: index \"nosuch\" does not exist"},
      {"drop table pg_class", "42501: permission denied: \"pg_class\" is a system catalog"},
      {"drop schema nosuch", "3F000: schema \"nosuch\" does not exist"},
      {"drop schema if exists nosuch", "NOTICE: schema \"nosuch\" does not exist, skipping"},
      {"drop schema zz",
       "2BP01: cannot drop schema zz because other objects depend on it\nDETAIL: table zz.t depends on schema zz\n"
       "HINT: Use DROP ... CASCADE to drop the dependent objects too."},
      {"drop table t",
       "2BP01: cannot drop table t because other objects depend on it\nDETAIL: column t of table u depends on type t\n"
       "HINT: Use DROP ... CASCADE to drop the dependent objects too."},
      {"drop table t, u", ""},
      {"drop schema zz cascade", "NOTICE: drop cascades to table zz.t"},
      {"drop view if exists v", "NOTICE: view \"v\" does not exist, skipping"},
      {"create table zz(a int); drop table zz, zz", ""},
      {"drop schema public", ""},
      {"create table t(a int)", "3F000: no schema has been selected to create in"},
      {"create schema public; create table t(a int)", ""},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(sql(one.text) == one.said);
  }
}

TEST_CASE("dropping leaves no rows behind") {
  Sql sql;
  const auto counts = [&] {
    std::vector<std::size_t> result;
    sql.read([&](SessionCatalog&) -> Status {
      Store store(sql.world.database.get(), sql.world.shared.get(), sql.world.arena);
      for (int i = 0; i < static_cast<int>(Stored::count_); ++i) {
        SPG_ASSIGN(const Vec<Row*> rows, store.all(static_cast<Stored>(i)));
        result.push_back(rows.size());
      }
      return ok();
    });
    return result;
  };
  const auto before = counts();
  CHECK(sql("create schema s; create table s.t(a int primary key, b text default 'x', unique(b,a)); create index on "
            "s.t(b);"
            "comment on table s.t is 'x'; comment on column s.t.a is 'y'; comment on schema s is 'z'; create role r; "
            "create role q in role r") == "");
  const auto between = counts();
  CHECK(between != before);
  CHECK(sql("drop schema s cascade; drop role r, q") == "NOTICE: drop cascades to table s.t");
  CHECK(counts() == before);
}

TEST_CASE("a failed or undone statement leaves nothing, and the cache knows") {
  Sql sql;
  CHECK(sql("create table t(a int)") == "");
  sql.world.begin();
  CHECK(sql("alter table t add b int") == "");
  CHECK(sql.shape("t") == "a integer, b integer");
  CHECK(sql("create table v(a int, b int, primary key(a), unique(zz))") ==
        "42703: column \"zz\" named in key does not exist");
  CHECK(sql.shape("v") == "absent");
  CHECK(sql.shape("t") == "a integer, b integer");
  sql.world.end(false);
  CHECK(sql.shape("t") == "a integer");
}

TEST_CASE("comments, schemas, owners") {
  Sql sql;
  CHECK(sql("create table t(a int, constraint k unique(a)); create role r; create schema s authorization r") == "");
  struct Case {
    std::string_view text, said;
  };
  const Case cases[] = {
      {"comment on table nosuch is 'x'", "42P01: relation \"nosuch\" does not exist"},
      {"comment on column t.zz is 'x'", "42703: column \"zz\" of relation \"t\" does not exist"},
      {"comment on constraint nosuch on t is 'x'", "42704: constraint \"nosuch\" for table \"t\" does not exist"},
      {"comment on index t is 'x'", "42809: \"t\" is not an index"},
      {"comment on constraint k on t is 'x'; comment on column t.a is 'a'; comment on column t.a is null", ""},
      {"create schema s", "42P06: schema \"s\" already exists"},
      {"create schema if not exists s", "NOTICE: schema \"s\" already exists, skipping"},
      {"create schema pg_x",
       "42939: unacceptable schema name \"pg_x\"\nDETAIL: The prefix \"pg_\" is reserved for system schemas."},
      {"alter schema nosuch rename to x", "3F000: schema \"nosuch\" does not exist"},
      {"alter schema s rename to public", "42P06: schema \"public\" already exists"},
      {"alter table t owner to nosuch", "42704: role \"nosuch\" does not exist"},
      {"alter table t owner to r", ""},
      {"alter table t set schema nosuch", "3F000: schema \"nosuch\" does not exist"},
      {"alter table t set schema s", ""},
      {"truncate nosuch", "42P01: relation \"nosuch\" does not exist"},
      {"truncate s.t", ""},
      {"drop role r",
       "2BP01: role \"r\" cannot be dropped because some objects depend on it\nDETAIL: owner of schema s\nowner of "
       "table s.t"},
      {"drop schema s",
       "2BP01: cannot drop schema s because other objects depend on it\nDETAIL: table s.t depends on schema s\n"
       "HINT: Use DROP ... CASCADE to drop the dependent objects too."},
  };
  for (const Case& one : cases) {
    INFO(one.text);
    CHECK(sql(one.text) == one.said);
  }
  CHECK(sql.shape("t") == "absent");
}

TEST_CASE("only owners and superusers change things") {
  Sql sql;
  CHECK(sql("create table t(a int); create role r login; create schema mine authorization r") == "");
  sql.read([&](SessionCatalog& catalog) -> Status {
    SPG_ASSIGN(const FoundRole role, find_role(*sql.world.shared, "r", sql.world.arena));
    catalog.set_role(role.role.oid, role.role.name);
    return ok();
  });
  CHECK(sql("alter table t add b int") == "42501: must be owner of table t");
  CHECK(sql("drop table t") == "42501: must be owner of table t");
  CHECK(sql("create table public.x(a int)") == "42501: permission denied for schema public");
  CHECK(sql("create table mine.x(a int)") == "");
  CHECK(sql("create role q") == "42501: permission denied to create role");
}
