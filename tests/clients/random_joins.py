#!/usr/bin/python3
"""Random joins and subqueries, the same on SPG and on PostgreSQL: inner, left, right, full and cross joins with ON, USING and
NATURAL, LATERAL, EXISTS, IN, NOT IN with NULLs, scalar subqueries, ANY and ALL, DISTINCT ON, set operations, WITH, comparisons
of rows, over small tables with NULLs. Rows are compared as multisets, errors by code.

usage: random_joins.py [--seed 1] [--queries 600] [--show]
"""
import argparse
import random
import sys
from collections import Counter
from decimal import Decimal

import psycopg2

from support import Server, reference

COLUMNS = {"a": "int", "b": "int", "s": "text", "n": "numeric", "k": "int8"}
INTEGERS = ["a", "b", "k"]
COMPARISONS = ["=", "=", "=", "<>", "<", "<=", ">", ">="]


class Item:
    """What stands in FROM under an alias: its columns by name and type."""

    def __init__(self, alias, columns):
        self.alias, self.columns = alias, columns


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)
        self.aliases = 0
        self.withs = []

    def chance(self, probability):
        return self.random.random() < probability

    def alias(self):
        self.aliases += 1
        return f"t{self.aliases}"

    # --- tables
    def value(self, name):
        if self.chance(0.2):
            return "NULL"
        return {"a": lambda: str(self.random.randint(0, 4)), "b": lambda: str(self.random.randint(0, 3)),
                "s": lambda: "'" + self.random.choice(["", "a", "b", "ab", "a text that is long enough"]) + "'",
                "n": lambda: self.random.choice(["1", "1.0", "1.00", "2.5", "0"]),
                "k": lambda: str(self.random.choice([0, 1, 2, 10**10]))}[name]()

    def tables(self):
        for name, rows, extra in (("j1", 9, ""), ("j2", 7, ""), ("j3", 0, ""), ("j4", 5, ", UNIQUE (a, b)"), ("j5", 40, "")):
            yield f"CREATE TABLE {name} (id int PRIMARY KEY, {', '.join(f'{c} {t}' for c, t in COLUMNS.items())}{extra})"
            seen, lines = set(), []
            for i in range(rows):
                values = [self.value(c) for c in COLUMNS]
                key = tuple(values[:2])
                if extra and key in seen and "NULL" not in key:
                    continue
                seen.add(key)
                lines.append(f"({i}, {', '.join(values)})")
            if lines:
                yield f"INSERT INTO {name} VALUES {', '.join(lines)}"
        yield "CREATE INDEX j5_a ON j5 (a)"
        yield "CREATE INDEX j1_s ON j1 (s, b)"

    # --- expressions
    def column(self, scope, of=None):
        fitting = [(item, name) for item in scope for name, kind in item.columns.items() if of is None or kind in of]
        if not fitting:
            return self.random.choice(["1", "NULL::int"]) if of is None or "int" in of else "'a'::text" if "text" in of else "1.0"
        item, name = self.random.choice(fitting)
        return f"{item.alias}.{name}"

    def number(self, scope, depth):
        r = self.random.random()
        if r < 0.6:
            return self.column(scope, ("int", "int8"))
        if r < 0.72:
            return str(self.random.randint(0, 4))
        if r < 0.76:
            return "NULL::int"
        if r < 0.84:
            return f"{self.column(scope, ('int', 'int8'))} {self.random.choice('+-*')} {self.random.randint(0, 3)}"
        if r < 0.9:
            return f"coalesce({self.column(scope, ('int', 'int8'))}, {self.number(scope, depth + 1)})"
        if r < 0.94 or depth > 2:
            return f"CASE WHEN {self.simple(scope)} THEN {self.column(scope, ('int',))} ELSE {self.random.randint(0, 3)} END"
        return self.scalar(scope, depth + 1)

    def scalar(self, scope, depth):
        """A scalar subquery; now and then of more than one row."""
        source, items = self.source(depth + 1, scope)
        inner = items + (scope if self.chance(0.7) else [])
        where = self.where(items, scope, depth + 1)
        r = self.random.random()
        if r < 0.6:
            call = self.random.choice(["count(*)", f"max({self.column(items, ('int', 'int8'))})", f"count({self.column(items)})",
                                       f"sum({self.column(items, ('int',))})", f"min({self.column(inner, ('int',))})"])
            group = f" HAVING {self.random.choice(['count(*) > 1', 'false', 'true'])}" if self.chance(0.1) else ""
            return f"(SELECT {call} FROM {source}{where}{group})"
        if r < 0.95:
            order = ", ".join(f"{item.alias}.{name}" for item in items for name in item.columns)
            value = self.column(inner, ("int", "int8"))
            return f"(SELECT {value} FROM {source}{where} ORDER BY {order} LIMIT 1{self.random.choice(['', ' OFFSET 1'])})"
        return f"(SELECT {self.column(inner, ('int', 'int8'))} FROM {source}{where})"

    def whole_row(self, scope):
        """Of a table, which has a column that is not NULL; or what is like it."""
        tables = [item.alias for item in scope if "id" in item.columns]
        if not tables:
            return self.column(scope)
        alias = self.random.choice(tables)
        return self.random.choice([alias, alias, f"{alias} IS NULL", f"{alias} IS NOT NULL", f"ROW({alias}.*) = ROW({alias}.*)", f"ROW({alias}.id, {alias}.s)"])

    def simple(self, scope):
        r = self.random.random()
        if r < 0.55:
            return f"{self.column(scope, ('int', 'int8'))} {self.random.choice(COMPARISONS)} {self.random.randint(0, 3)}"
        if r < 0.75:
            return f"{self.column(scope)} IS {self.random.choice(['', 'NOT '])}NULL"
        return f"{self.column(scope, ('text',))} {self.random.choice(['=', '<', '<>'])} {self.random.choice(['chr(97)', repr(''), repr('b')])}"

    def comparison(self, scope, others=None):
        """Of two columns of one type; of `scope` and, if that is given, of `others`."""
        of = self.random.choice([("int", "int8"), ("int", "int8"), ("text",), ("numeric", "int")])
        op = self.random.choice(COMPARISONS)
        left, right = self.column(scope, of), self.column(others or scope, of)
        if self.chance(0.06):
            return f"{left} IS {self.random.choice(['', 'NOT '])}DISTINCT FROM {right}"
        if self.chance(0.08):
            pair = self.column(scope, ("int",)), self.column(others or scope, ("int",))
            return f"({left}, {pair[0]}) {op} ({right}, {pair[1]})"
        return f"{left} {op} {right}"

    def condition(self, scope, depth, others=None):
        r = self.random.random()
        if r < 0.4:
            return self.comparison(scope, others)
        if r < 0.55:
            return self.simple(scope)
        if r < 0.62:
            return f"{self.number(scope, depth)} {self.random.choice(COMPARISONS)} {self.number(scope, depth)}"
        if r < 0.68 and depth < 3:
            return f"NOT ({self.condition(scope, depth + 1)})"
        if r < 0.8 and depth < 3:
            return f"({self.condition(scope, depth + 1)} {self.random.choice(['AND', 'OR'])} {self.condition(scope, depth + 1)})"
        if depth < 3:
            return self.subquery_test(scope, depth)
        return self.simple(scope)

    def subquery_test(self, scope, depth):
        r = self.random.random()
        source, items = self.source(depth + 1, scope)
        where = self.where(items, scope, depth + 1)
        negated = self.random.choice(["", "", "NOT "])
        if r < 0.35:
            return f"{negated}EXISTS (SELECT {self.random.choice(['', '1', '*'])} FROM {source}{where})"
        if r < 0.6:
            of = self.random.choice([("int", "int8"), ("text",), ("numeric",)])
            distinct = self.random.choice(["", "", "DISTINCT "])
            return f"{self.column(scope, of)} {negated}IN (SELECT {distinct}{self.column(items, of)} FROM {source}{where})"
        if r < 0.7:
            left, right = (f"{self.column(some, ('int', 'int8'))}, {self.column(some, ('text',))}" for some in (scope, items))
            return f"({left}) {negated}IN (SELECT {right} FROM {source}{where})"
        if r < 0.88:
            of = self.random.choice([("int", "int8"), ("text",)])
            return (f"{self.column(scope, of)} {self.random.choice(COMPARISONS)} {self.random.choice(['ANY', 'ALL'])} "
                    f"(SELECT {self.column(items, of)} FROM {source}{where})")
        if r < 0.92:
            left, right = (f"{self.column(some, ('int',))}, {self.column(some, ('int', 'int8'))}" for some in (scope, items))
            order = ", ".join(f"{item.alias}.{name}" for item in items for name in item.columns)
            return f"({left}) {self.random.choice(COMPARISONS)} (SELECT {right} FROM {source}{where} ORDER BY {order} LIMIT 1)"
        return f"{self.column(scope, ('int',))} {negated}IN ({self.number(scope, 3)}, {self.random.randint(0, 4)}, {self.random.choice(['NULL', '2'])})"

    def where(self, items, outer, depth):
        if self.chance(0.15):
            return ""
        tests = []
        if outer and self.chance(0.7):
            tests.append(self.comparison(items, outer))
        if not tests or self.chance(0.4):
            tests.append(self.condition(items + (outer if self.chance(0.3) else []), depth + 1))
        return " WHERE " + " AND ".join(tests)

    # --- FROM
    def leaf(self, depth, outer, lateral):
        """`lateral`: items of this FROM that it may read."""
        alias, r = self.alias(), self.random.random()
        table_columns = {"id": "int", **COLUMNS}
        if r < 0.62 or depth > 2:
            if self.withs and self.chance(0.35):
                name, columns = self.random.choice(self.withs)
                return f"{name} {alias}", Item(alias, columns)
            return f"{self.random.choice(['j1', 'j2', 'j2', 'j3', 'j4', 'j5'])} {alias}", Item(alias, table_columns)
        if r < 0.7:
            rows = ", ".join(f"({self.value('a')}, {self.value('s')})" for _ in range(self.random.randint(1, 4)))
            return f"(VALUES (0, 'v'), {rows}) {alias}(a, s)", Item(alias, {"a": "int", "s": "text"})
        if r < 0.75:
            end = self.column(lateral, ("int",)) if lateral and self.chance(0.5) else str(self.random.randint(0, 3))
            return f"generate_series(0, {end}) {alias}(a)", Item(alias, {"a": "int"})
        seen = lateral if lateral and self.chance(0.6) else []
        text, columns = self.select(depth + 1, outer + seen)
        return f"{'LATERAL ' if seen else ''}({text}) {alias}", Item(alias, columns)

    def source(self, depth, outer):
        """The text of a FROM and its items."""
        text, item = self.leaf(depth, outer, [])
        items = [item]
        lateral_ok = True
        while self.chance(0.5 if depth < 2 else 0.2) and len(items) < 4:
            kind = self.random.choice(["JOIN", "JOIN", "LEFT JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN", "CROSS JOIN", ","])
            sees = items if kind in ("JOIN", "LEFT JOIN", "CROSS JOIN") and lateral_ok else []
            right, item = self.leaf(depth, outer, sees)
            if self.chance(0.15) and kind != ",":
                other, more = self.leaf(depth, outer, [])
                inner = self.random.choice(["JOIN", "LEFT JOIN", "FULL JOIN"])
                test = self.comparison([item], [more]) if inner != "FULL JOIN" else f"{self.column([item], ('int',))} = {self.column([more], ('int',))}"
                if "LATERAL" not in right and "generate_series" not in right:
                    right, new = f"({right} {inner} {other} ON {test})", [item, more]
                else:
                    new = [item]
            else:
                new = [item]
            if kind == ",":
                text = f"{text}, {right}"
                # What comes behind binds tighter than the comma.
                return text, items + new
            if kind == "CROSS JOIN":
                text = f"{text} CROSS JOIN {right}"
            elif kind == "FULL JOIN":
                left_column, right_column = self.column(items, ("int", "int8")), self.column(new, ("int", "int8"))
                text = f"{text} FULL JOIN {right} ON {left_column} = {right_column}"
            else:
                tests = [self.comparison(items, new)]
                if self.chance(0.3):
                    tests.append(self.condition(items + new + (outer if self.chance(0.3) else []), depth + 1))
                text = f"{text} {kind} {right} ON {self.random.choice([' AND ', ' AND ', ' OR ']).join(tests)}"
            items = items + new
        return text, items

    # --- queries
    def select(self, depth, outer):
        """A query and its columns, which are named c1, c2, ..."""
        if depth < 3 and self.chance(0.12):
            return self.set_operation(depth, outer)
        if self.chance(0.12):
            return self.merged_join(depth)
        source, items = self.source(depth, outer)
        scope = items + (outer if self.chance(0.5) else [])
        kinds = [self.random.choice(["int", "int", "text", "any"]) for _ in range(self.random.randint(1, 4))]
        values, columns = [], {}
        grouped = self.chance(0.15)
        keys = [self.column(items, ("int", "int8", "text")) for _ in range(self.random.randint(1, 2))] if grouped else []
        for i, kind in enumerate(kinds):
            if grouped:
                value = self.random.choice([self.random.choice(keys), "count(*)", f"sum({self.column(items, ('int',))})"])
                kind = "any"
            elif kind == "int":
                value = self.number(scope, depth)
                value, kind = f"({value})::int8", "int8"
            elif kind == "text":
                value = self.column(scope, ("text",))
            else:
                value = self.random.choice([self.column(scope), f"{self.condition(scope, 2)}", self.whole_row(items)])
            values.append(f"{value} AS c{i + 1}")
            columns[f"c{i + 1}"] = kind
        columns = {name: kind for name, kind in columns.items() if kind != "any"} or {"c1": "any"}
        where = self.where(items, outer, depth)
        group = f" GROUP BY {', '.join(keys)}" if grouped else ""
        if grouped and self.chance(0.3):
            group += f" HAVING count(*) {self.random.choice(['>', '<', '='])} {self.random.randint(1, 3)}"
        distinct = ""
        order = ""
        if not grouped and self.chance(0.15):
            distinct = "DISTINCT "
        elif not grouped and self.chance(0.08):
            keys = [f"{item.alias}.{name}" for item in items for name in item.columns]
            first = self.random.choice(keys)
            distinct, order = f"DISTINCT ON ({first}) ", f" ORDER BY {', '.join([first] + keys)}, {', '.join(str(i + 1) for i in range(len(values)))}"
        elif self.chance(0.08):
            order = f" ORDER BY {', '.join(str(i + 1) for i in range(len(values)))} LIMIT {self.random.randint(0, 4)}"
        return f"SELECT {distinct}{', '.join(values)} FROM {source}{where}{group}{order}", columns

    def merged_join(self, depth):
        """Joins with USING and NATURAL, whose columns are merged."""
        tables = self.random.sample(["j1", "j2", "j3", "j4", "j5"], self.random.choice([2, 2, 3]))
        aliases = [self.alias() for _ in tables]
        kind = lambda: self.random.choice(["JOIN", "LEFT JOIN", "RIGHT JOIN", "FULL JOIN"])  # noqa: E731
        text = f"{tables[0]} {aliases[0]}"
        merged = self.random.choice([["a"], ["a", "b"], ["s"], ["k", "s"], ["id"]])
        for table, alias in zip(tables[1:], aliases[1:]):
            if self.chance(0.15):
                text = f"{text} NATURAL {kind()} {table} {alias}"
                merged = ["id", *COLUMNS]
                break
            text = f"{text} {kind()} {table} {alias} USING ({', '.join(merged)})"
        first = aliases[:2]
        values = [self.random.choice(merged) if self.chance(0.6) else f"{self.random.choice(first)}.{self.random.choice(list(COLUMNS))}"
                  for _ in range(self.random.randint(1, 4))]
        star = self.random.choice([f"{first[0]}.*", "*"]) if depth == 0 and self.chance(0.3) else None
        where = ""
        if self.chance(0.4):
            name = self.random.choice(merged)
            literal = "'a'" if name == "s" else "1"
            where = f" WHERE {name} {self.random.choice(['IS NULL', 'IS NOT NULL', f'= {literal}', f'<> {literal}'])}"
        if star:
            return f"SELECT {star} FROM {text}{where}", {"c1": "any"}
        shown = ", ".join(f"{value} AS c{i + 1}" for i, value in enumerate(values))
        kinds = {f"c{i + 1}": {"id": "int", **COLUMNS}[value.split(".")[-1]] for i, value in enumerate(values)}
        return f"SELECT {shown} FROM {text}{where}", kinds

    def set_operation(self, depth, outer):
        word = self.random.choice(["UNION", "UNION ALL", "INTERSECT", "INTERSECT ALL", "EXCEPT", "EXCEPT ALL"])
        parts = []
        for _ in range(self.random.choice([2, 2, 3])):
            source, items = self.source(depth + 1, outer)
            parts.append(f"SELECT {self.column(items, ('int', 'int8'))} AS c1, {self.column(items + outer, ('text',))} AS c2 "
                         f"FROM {source}{self.where(items, outer, depth + 1)}")
        if len(parts) == 3:
            text = f"({parts[0]} {word} {parts[1]}) {self.random.choice(['UNION', 'EXCEPT', 'INTERSECT', 'UNION ALL'])} {parts[2]}"
        else:
            text = f"{parts[0]} {word} {parts[1]}"
        return text, {"c1": "int8", "c2": "text"}

    def query(self):
        self.aliases, self.withs = 0, []
        head = []
        for number in range(self.random.choice([0, 0, 0, 1, 1, 2])):
            text, columns = self.select(1, [])
            kept = self.random.choice(["", "", "MATERIALIZED ", "NOT MATERIALIZED "])
            head.append(f"w{number + 1} AS {kept}({text})")
            self.withs.append((f"w{number + 1}", columns))
        text, _ = self.select(0, [])
        return (f"WITH {', '.join(head)} " if head else "") + text


def answer(connection, query):
    with connection.cursor() as cursor:
        try:
            cursor.execute(query)
            # Of equal numbers, which one DISTINCT, a group or USING shows is the plan's.
            return Counter(repr([value.normalize() if isinstance(value, Decimal) else value for value in row]) for row in cursor.fetchall())
        except psycopg2.Error as error:
            return [error.pgcode, error.diag.message_primary]


def same(ours, theirs):
    if isinstance(ours, list) and isinstance(theirs, list):
        return ours[0] == theirs[0]
    # Which rows are looked at, and so whether one meets an error at run time, is the plan's. And SPG takes FULL JOIN ON anything.
    if isinstance(ours, list) != isinstance(theirs, list):
        error = ours if isinstance(ours, list) else theirs
        return error[0] in ("21000", "22003") or (error is theirs and error[1].startswith("FULL JOIN is only supported"))
    return ours == theirs


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=600)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    maker = Maker(options.seed)
    name = "random_joins"
    admin = psycopg2.connect(reference())
    admin.autocommit = True
    admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    admin.cursor().execute(f"CREATE DATABASE {name}")
    failed = errors = slow = 0
    with Server() as server:
        pair = [psycopg2.connect(server.dsn()), psycopg2.connect(**{**admin.get_dsn_parameters(), "dbname": name})]
        for connection in pair:
            connection.autocommit = True
            connection.cursor().execute(f"SET statement_timeout = '{30 if connection is pair[0] else 5}s'")
        for statement in maker.tables():
            for connection in pair:
                connection.cursor().execute(statement)
        pair[1].cursor().execute("ANALYZE")
        for number in range(options.queries):
            query = maker.query()
            if options.show:
                print(query, flush=True)
            theirs = answer(pair[1], query)
            if isinstance(theirs, list) and theirs[0] == "57014":
                slow += 1
                continue
            ours = answer(pair[0], query)
            errors += isinstance(theirs, list)
            if same(ours, theirs):
                continue
            failed += 1
            print(f"query {number} of seed {options.seed}: {query}", flush=True)
            if isinstance(ours, Counter) and isinstance(theirs, Counter):
                ours, theirs = ours - theirs, theirs - ours
            print(f"  SPG        {list(ours)[:6]}\n  PostgreSQL {list(theirs)[:6]}", flush=True)
        for connection in pair:
            connection.close()
    admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    print(f"{options.queries} queries, {errors} of them errors, {slow} too slow for PostgreSQL; {failed} with other answers than PostgreSQL's")
    sys.exit(failed != 0)


main()
