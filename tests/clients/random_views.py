#!/usr/bin/python3
"""Random views, the same on SPG and on PostgreSQL: pg_get_viewdef in its forms, after tables and columns have been renamed
too, and the columns that information_schema shows. What cannot be created must fail alike.

usage: random_views.py [--seed 1] [--views 120] [--show]
"""
import argparse
import random
import sys

import psycopg2
import psycopg2.extensions

from support import Server, reference

# Columns by kind: i(nteger), s(tring), n(umeric), b(oolean), d(ate), t(imestamp).
TABLES = {"t": {"a": "i", "b": "s", "n": "n", "d": "d", "f": "b", "v": "v"}, "u": {"a": "i", "c": "i", "e": "s", "g": "n"},
          "w": {"z": "i", "b": "s", "ts": "t"}}
SCHEMA = """CREATE TABLE t (a int, b text, n numeric(10,2), d date, f boolean, v varchar(20));
CREATE TABLE u (a int, c int, e text, g numeric);
CREATE TABLE w (z int, b text, ts timestamp)"""
RENAMES = """ALTER TABLE t RENAME TO t9; ALTER TABLE t9 RENAME COLUMN a TO aa; ALTER TABLE t9 ADD COLUMN a int;
ALTER TABLE u RENAME COLUMN a TO ua; ALTER TABLE w RENAME COLUMN b TO bb"""
KINDS = ["i", "s", "n", "b", "d"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def column(self, scope, kind):
        found = [f"{alias}.{name}" for alias, columns in scope for name, one in columns.items() if one == kind or (kind == "s" and one == "v")]
        return self.random.choice(found) if found else None

    def literal(self, kind):
        r = self.random
        return {"i": lambda: str(r.randint(-3, 9)), "s": lambda: r.choice(["'x'", "'a''b'", "'%y'", "''"]),
                "n": lambda: r.choice(["1.5", "2", "-0.5", "100::numeric"]), "b": lambda: r.choice(["true", "false", "null::boolean"]),
                "d": lambda: f"date '2020-01-0{r.randint(1, 9)}'", "t": lambda: "timestamp '2020-01-01 10:00'"}[kind]()

    def expr(self, scope, kind, depth):
        r = self.random
        if depth <= 0 or r.random() < 0.25:
            column = self.column(scope, kind)
            return column if column and r.random() < 0.75 else self.literal(kind)

        def e(one):
            return self.expr(scope, one, depth - 1)
        forms = {
            "i": ["{i} %s {i}" % r.choice("+-*/%&|"), "({i} %s {i})" % r.choice("+-*"), "coalesce({i}, {i})", "length({s})", "abs({i})",
                  "case when {b} then {i} else {i} end", "case {i} when {i} then {i} end", "({n})::int", "nullif({i}, {i})",
                  "greatest({i}, {i}, 3)", "extract(day from {d})::int", "(array[{i}, 2])[1]", "cast({i} as smallint)::int",
                  "(select max(q.c) from u q where q.a = {i})"],
            "s": ["{s} || {s}", "upper({s})", "({i})::text", "({s})::varchar(5)::text", "coalesce({s}, 'z')", "substring({s} from 1 for {i})",
                  "case when {b} then {s} end", "trim({s})", "concat({s}, {i}, {n})", "lower({s})", "replace({s}, 'a', {s})"],
            "n": ["{n} %s {n}" % r.choice("+-*"), "round({n}, 1)", "{i}::numeric", "({n} + {i})", "({n})::numeric(8,2)", "least({n}, {i})"],
            "d": ["{d} + {i}", "coalesce({d}, current_date)", "({t})::date"],
            "t": ["{t} + interval '1 day'", "date_trunc('month', {t})", "({d})::timestamp"],
            "b": ["{i} %s {i}" % r.choice(["=", "<", ">", "<=", ">=", "<>"]), "{i} = {n}", "{s} = {s}", "({b} and {b})", "{b} or {b}",
                  "{b} and {b} and {b}", "not ({b})", "{i} is null", "({s}) is not null", "({b}) is not true", "{i} in ({i}, 2, {i})",
                  "{s} in ('a', 'b')", "{i} not in (1, 2)", "{i} between {i} and {i}", "{s} like '%x'", "{s} not ilike 'y_'",
                  "exists (select 1 from w q where q.z = {i})", "{i} in (select q.c from u q where q.g > {n})", "({i}, {s}) = (1, 'x')",
                  "({i}, {i}) < ({i}, 5)", "{i} is distinct from {i}", "{d} > {d}", "{i} = any (array[1, {i}])",
                  "{n} > all (select q.g from u q)"]}[kind]
        out = r.choice(forms)
        for one in "isnbdt":
            while "{" + one + "}" in out:
                out = out.replace("{" + one + "}", e(one), 1)
        return out

    def item(self, number, depth, used, scope):
        r = self.random
        table = r.choice(list(TABLES))
        alias = r.choice([table, table, f"x{number}", f"y{number}"])
        if depth > 0 and r.random() < 0.2:
            alias = f"s{number}"
        while alias in used:
            alias += "_"
        used.add(alias)
        if alias.startswith("s"):
            text, inner = self.from_list(depth - 1)
            columns = {"p": r.choice(KINDS), "q": r.choice(KINDS)}
            text = (f"(select {self.expr(inner, columns['p'], 1)} as p, {self.expr(inner, columns['q'], 1)} as q from {text}"
                    f"{' where ' + self.expr(inner, 'b', 1) if r.random() < 0.5 else ''}) {alias}")
            scope.append((alias, columns))
            return text
        scope.append((alias, TABLES[table]))
        return table if alias == table else f"{table} {alias}"

    def from_list(self, depth):
        r = self.random
        used, scope = set(), []
        text = self.item(0, depth, used, scope)
        for number in range(r.choice([0, 0, 1, 1, 2])):
            how = r.choice(["join", "left join", "full join", "cross join", "right join"])
            other = self.item(number + 1, depth, used, scope)
            condition = "" if how == "cross join" else " on " + ("1 = 1" if how == "full join" else self.expr(scope, "b", 1))
            text = f"{text} {how} {other}{condition}"
        return text, scope

    def select(self, kinds=None):
        r = self.random
        text, scope = self.from_list(1)
        kinds = kinds or [r.choice(KINDS) for _ in range(r.randint(1, 4))]
        where = f" where {self.expr(scope, 'b', 2)}" if r.random() < 0.6 else ""
        if r.random() < 0.25 and len(kinds) > 1:
            last = {"i": "count(*)", "n": f"sum({self.expr(scope, 'n', 1)})", "s": f"string_agg({self.expr(scope, 's', 1)}, ',' order by {self.expr(scope, 'i', 1)} desc)",
                    "b": f"bool_or({self.expr(scope, 'b', 1)}) filter (where {self.expr(scope, 'b', 1)})", "d": f"max({self.expr(scope, 'd', 1)})"}[kinds[-1]]
            keys = [f"{self.expr(scope, kind, 1)} as k{i}" for i, kind in enumerate(kinds[:-1])]
            numbers = ", ".join(str(i + 1) for i in range(len(keys)))
            numbers = r.choice([numbers, numbers, f"rollup({numbers})", f"grouping sets (({numbers}), ())"])
            return f"select {', '.join(keys)}, {last} as k{len(keys)} from {text}{where} group by {numbers}{' having count(*) > 1' if r.random() < 0.4 else ''}"
        targets = [f"{self.expr(scope, kind, 2)} as k{i}" for i, kind in enumerate(kinds)]
        return f"select {'distinct ' if r.random() < 0.1 else ''}{', '.join(targets)} from {text}{where}"

    def view(self):
        r = self.random
        kind = r.random()
        if kind < 0.15:
            kinds = [r.choice(KINDS) for _ in range(2)]
            query = f"{self.select(kinds)} {r.choice(['union', 'union all', 'except', 'intersect'])} {self.select(kinds)}"
        elif kind < 0.25:
            query = f"with c as ({self.select()}) select c.* from c"
        else:
            query = self.select()
        return query + (" order by 1" if r.random() < 0.3 else "") + (" limit 7" if r.random() < 0.1 else "")


def answer(connection, query):
    cursor = connection.cursor()
    try:
        cursor.execute(query)
        return cursor.fetchall() if cursor.description else []
    except psycopg2.Error as error:
        return error.pgcode


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--views", type=int, default=120)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    maker = Maker(options.seed)
    name = "random_views"
    admin = psycopg2.connect(reference())
    admin.autocommit = True
    admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    admin.cursor().execute(f"CREATE DATABASE {name}")
    failed = made = 0
    with Server() as server:
        pair = [psycopg2.connect(server.dsn()), psycopg2.connect(**{**admin.get_dsn_parameters(), "dbname": name})]
        for connection in pair:
            connection.autocommit = True

        def compare(what, query):
            ours, theirs = (answer(connection, query) for connection in pair)
            if ours != theirs:
                print(f"{what} of seed {options.seed}:\n  SPG        {ours}\n  PostgreSQL {theirs}", flush=True)
            return theirs, ours != theirs

        compare("schema", SCHEMA)
        for number in range(options.views):
            create = f"create view r{number} as {maker.view()}"
            if options.show:
                print(create, flush=True)
            result, differs = compare(create, create)
            failed += differs
            if isinstance(result, str):
                continue
            made += 1
            for form in ("", ", true", ", 50"):
                failed += compare(create, f"select pg_get_viewdef('r{number}'::regclass{form})")[1]
            failed += compare(create, f"select column_name, data_type, is_updatable from information_schema.columns where table_name = 'r{number}' order by ordinal_position")[1]
        failed += compare("renames", RENAMES)[1]
        failed += compare("definitions after the renames", "select viewname, definition from pg_views where schemaname = 'public' order by 1")[1]
        failed += compare("usage", "select view_name, table_name, column_name from information_schema.view_column_usage"
                          " where view_schema = 'public' order by 1, 2, 3")[1]
        for connection in pair:
            connection.close()
    admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    print(f"{made} views of {options.views}; {failed} answers other than PostgreSQL's")
    sys.exit(failed != 0 or made < options.views // 2)


main()
