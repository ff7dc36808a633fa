#!/usr/bin/python3
"""Random GROUP BY queries, the same on SPG and on PostgreSQL: grouping sets, aggregates with DISTINCT, ORDER BY, FILTER and
WITHIN GROUP, HAVING, over random tables with NULLs. Rows are compared as multisets, errors by code, message and position.

usage: random_grouping.py [--seed 1] [--queries 400] [--show]
"""
import argparse
import random
import sys
from collections import Counter

import psycopg2

from support import Server, reference

COLUMNS = {"i": "int", "j": "int8", "s": "int2", "t": "text", "d": "date", "n": "numeric(8,2)", "u": "numeric", "b": "bool", "f": "float8"}
NUMBERS = ["i", "j", "s", "n", "u", "f"]


class Maker:
    def __init__(self, seed):
        self.random = random.Random(seed)

    def value(self, name):
        r = self.random
        if r.random() < 0.15:
            return "NULL"
        return {"i": lambda: str(r.randint(-2, 3)), "j": lambda: str(r.choice([0, 1, 5, 10**12, -7])), "s": lambda: str(r.randint(0, 40)),
                "t": lambda: "'" + r.choice(["", "a", "b", "ab", "a rather long text " * 2, "a rather long text, too"]) + "'",
                "d": lambda: f"'2024-01-{r.randint(1, 4):02d}'", "n": lambda: r.choice(["1.50", "1.5", "0", "-3.25", "999999.99"]),
                "u": lambda: r.choice(["1.50", "0", "12345678901234567890.5", "-2"]),
                "b": lambda: r.choice(["true", "false"]),
                "f": lambda: r.choice(["0", "1.25", "'NaN'", "2.5", "-4"])}[name]()

    def tables(self):
        for name, rows in (("r1", 60), ("r2", 1500), ("r3", 0)):
            yield f"CREATE TABLE {name} (id int PRIMARY KEY, {', '.join(f'{c} {t}' for c, t in COLUMNS.items())})"
            lines = [f"({i}, {', '.join(self.value(c) for c in COLUMNS)})" for i in range(rows)]
            if lines:
                yield f"INSERT INTO {name} VALUES {', '.join(lines)}"

    # --- keys
    def key(self):
        r = self.random
        if r.random() < 0.75:
            return f"q.{r.choice(list(COLUMNS))}"
        return r.choice(["q.i % 2", "q.t || 'x'", "coalesce(q.i, 0)", "q.i + q.s", "q.b IS NULL", "q.n * 2", "upper(q.t)", "q.id", "q.id % 3",
                         "date_trunc('month', q.d)", "q.f > 1"])

    def element(self, keys):
        some = self.random.sample(keys, min(len(keys), self.random.choice([1, 1, 1, 2])))
        return f"({', '.join(some)})" if len(some) > 1 else some[0]

    def item(self, keys, depth=0):
        r = self.random
        kind = r.random()
        some = lambda most: [self.element(keys) for _ in range(r.randint(1, most))]  # noqa: E731
        if kind < 0.35:
            return self.element(keys)
        if kind < 0.55:
            return f"ROLLUP ({', '.join(some(3))})"
        if kind < 0.7:
            return f"CUBE ({', '.join(some(3))})"
        if kind < 0.76:
            return "()"
        if depth > 2:
            return self.element(keys)
        return f"GROUPING SETS ({', '.join(self.item(keys, depth + 1) for _ in range(r.randint(1, 3)))})"

    # --- aggregates
    def argument(self, names):
        return f"q.{self.random.choice(names)}"

    def order(self, value):
        return value + self.random.choice(["", " DESC", " NULLS FIRST", " DESC NULLS LAST"])

    def aggregate(self, keys):
        r = self.random
        distinct = "DISTINCT " if r.random() < 0.25 else ""
        number, any_of = self.argument(NUMBERS), self.argument(list(COLUMNS))
        rounded = lambda call: f"round({call}{self.filter()}::numeric, 6)"  # noqa: E731
        choice = r.randrange(17)
        if choice == 0:
            return f"count(*){self.filter()}"
        if choice == 1:
            return f"count({distinct}{any_of}){self.filter()}"
        if choice == 2:
            return f"{r.choice(['sum', 'avg'])}({distinct}{self.argument(['i', 'j', 's', 'n', 'u'])}){self.filter()}"
        if choice == 3:
            return f"{r.choice(['min', 'max'])}({distinct}{self.argument(['i', 'j', 's', 't', 'd', 'n', 'u', 'f'])}){self.filter()}"
        if choice == 4:
            return f"{r.choice(['bool_and', 'bool_or', 'every'])}({distinct}q.b){self.filter()}"
        if choice == 5:
            return f"{r.choice(['bit_and', 'bit_or', 'bit_xor'])}({distinct}{self.argument(['i', 'j', 's'])}){self.filter()}"
        if choice == 6:
            return f"{r.choice(['variance', 'stddev', 'var_pop', 'stddev_pop'])}({distinct}{self.argument(['i', 'j', 's', 'n'])}){self.filter()}"
        if choice == 7:
            return f"array_agg({any_of} ORDER BY {self.order(any_of)}, q.id)" + self.filter()
        if choice == 8:
            return f"string_agg({distinct}q.t, ',' ORDER BY {self.order('q.t')}{'' if distinct else ', q.id'}){self.filter()}"
        if choice == 9:
            return f"array_agg(DISTINCT {any_of} ORDER BY {self.order(any_of)})" + self.filter()
        if choice == 10:
            return rounded(f"{r.choice(['regr_slope', 'corr', 'covar_pop', 'regr_sxy', 'regr_avgx', 'covar_samp'])}(q.s, q.i)")
        if choice == 11:
            return f"regr_count({number}, {self.argument(NUMBERS)}){self.filter()}"
        if choice == 12:
            return f"percentile_cont({r.choice(['0', '0.25', '0.5', '1', 'ARRAY[0.1, 0.9, NULL]', 'NULL'])}) WITHIN GROUP (ORDER BY {self.order(self.argument(['i', 's', 'n']))}){self.filter()}"
        if choice == 13:
            return f"percentile_disc({r.choice(['0', '0.3', '0.5', '1', 'ARRAY[0.1, 0.9]', '7'])}) WITHIN GROUP (ORDER BY {self.order(any_of)}){self.filter()}"
        if choice == 14:
            return f"mode() WITHIN GROUP (ORDER BY {self.order(self.argument(['i', 'j', 's', 't', 'd', 'b']))}){self.filter()}"
        if choice == 15:
            name = r.choice(["rank", "dense_rank", "percent_rank", "cume_dist"])
            return f"{name}({r.randint(-1, 4)}, {r.randint(0, 30)}) WITHIN GROUP (ORDER BY {self.order('q.i')}, {self.order('q.s')}){self.filter()}"
        return f"GROUPING({', '.join(r.choice(keys) for _ in range(r.randint(1, 3)))})"

    def filter(self):
        return f" FILTER (WHERE {self.condition()})" if self.random.random() < 0.2 else ""

    def condition(self):
        return self.random.choice(["q.i > 0", "q.b", "q.t <> 'a'", "q.d IS NOT NULL", "q.s < 20", "q.i IS NULL OR q.s > 5", "q.id % 2 = 0"])

    def query(self):
        r = self.random
        keys = list(dict.fromkeys(self.key() for _ in range(r.randint(1, 4))))
        items = [self.item(keys) for _ in range(r.choice([1, 1, 1, 2, 2, 3]))]
        # Mostly what is grouped by; now and then something that is not.
        used = [key for key in keys if any(key in item for item in items)] or keys
        shown = [r.choice(used) for _ in range(r.randint(0, 3))] + ([self.key()] if r.random() < 0.06 else [])
        shown += [self.aggregate(used) for _ in range(r.randint(1, 4))]
        source = r.choice(["r1 q", "r1 q", "r2 q", "r3 q", "r1 q JOIN r1 o ON o.id = q.id + 1", "(SELECT * FROM r2 WHERE s < 30) q"])
        text = f"SELECT {r.choice(['', '', '', 'DISTINCT '])}{', '.join(shown)} FROM {source}"
        if r.random() < 0.3:
            text += f" WHERE {self.condition()}"
        text += f" GROUP BY {r.choice(['', '', '', 'DISTINCT '])}{', '.join(items)}"
        if r.random() < 0.25:
            text += " HAVING " + r.choice(["count(*) > 2", "count(*) < 100", f"GROUPING({used[0]}) = 0", f"{used[0]} IS NOT NULL", "min(q.s) < 10"])
        return text


def answer(connection, query):
    with connection.cursor() as cursor:
        try:
            cursor.execute(query)
            return Counter(map(repr, cursor.fetchall()))
        except psycopg2.Error as error:
            return [error.pgcode, error.diag.message_primary, error.diag.statement_position]


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=400)
    parser.add_argument("--show", action="store_true")
    options = parser.parse_args()
    maker = Maker(options.seed)
    name = "random_grouping"
    admin = psycopg2.connect(reference())
    admin.autocommit = True
    admin.cursor().execute(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
    admin.cursor().execute(f"CREATE DATABASE {name}")
    failed = errors = 0
    with Server() as server:
        pair = [psycopg2.connect(server.dsn()), psycopg2.connect(**{**admin.get_dsn_parameters(), "dbname": name})]
        for connection in pair:
            connection.autocommit = True
            connection.cursor().execute("SET extra_float_digits = 1")
        for statement in maker.tables():
            for connection in pair:
                connection.cursor().execute(statement)
        for number in range(options.queries):
            query = maker.query()
            if options.show:
                print(query, flush=True)
            ours, theirs = (answer(connection, query) for connection in pair)
            errors += isinstance(theirs, list)
            if ours != theirs:
                failed += 1
                print(f"query {number} of seed {options.seed}: {query}", flush=True)
                if isinstance(ours, Counter) and isinstance(theirs, Counter):
                    ours, theirs = ours - theirs, theirs - ours
                print(f"  SPG        {list(ours)[:8]}\n  PostgreSQL {list(theirs)[:8]}", flush=True)
        for connection in pair:
            connection.close()
    admin.cursor().execute(f"DROP DATABASE {name} WITH (FORCE)")
    print(f"{options.queries} queries, {errors} of them errors; {failed} with other answers than PostgreSQL's")
    sys.exit(failed != 0)


main()
