#!/usr/bin/python3
"""Random window queries over random tables, the same in PostgreSQL 15 and in SPG: every answer must be the same text.

usage: tests/clients/windows.py [--seed 1] [--queries 500] [--dsn DSN]

Tables have NULLs, ties and duplicates, and sizes around those of batches. Where an answer depends on the order of peers
(rows by number, sums of floats), the window's order ends with the unique column. A failure prints seed and query.
"""
import argparse
import io
import random

import psycopg2

from support import Server, reference

SIZES = [0, 1, 2, 40, 200, 1023, 1024, 1025, 3000]
COLUMNS = "id int, g int, k int, v int, h smallint, w bigint, n numeric, m numeric(10,2), f float8, r real, s text, b boolean, d date, ts timestamp, iv interval"


def value(chance, make, nulls=0.1):
    return "\\N" if chance.random() < nulls else str(make())


def rows(chance, count):
    few = chance.choice([1, 3, 10, 100])
    for i in range(1, count + 1):
        scale = chance.choice([0, 1, 2, 6])
        yield "\t".join([
            str(i), value(chance, lambda: chance.randrange(few)), value(chance, lambda: chance.randrange(-5, 6), 0.05),
            value(chance, lambda: chance.randrange(-1000, 1000), 0.2), value(chance, lambda: chance.randrange(-30, 30)),
            value(chance, lambda: chance.randrange(-2**62, 2**62)),
            value(chance, lambda: chance.choice(["NaN", "Infinity", "1e40"]) if chance.random() < 0.02 else f"{chance.uniform(-50, 50):.{scale}f}"),
            value(chance, lambda: f"{chance.uniform(-500, 500):.2f}"),
            value(chance, lambda: chance.choice(["NaN", "-Infinity"]) if chance.random() < 0.01 else chance.randrange(-300, 300) / 10),
            value(chance, lambda: chance.randrange(-300, 300) / 8), value(chance, lambda: chance.choice("abcdefghij") * chance.randrange(1, 16)),
            value(chance, lambda: chance.choice("tf")), value(chance, lambda: f"2020-{chance.randrange(1, 13):02}-{chance.randrange(1, 29):02}"),
            value(chance, lambda: f"2020-01-{chance.randrange(1, 29):02} {chance.randrange(24):02}:{chance.randrange(60):02}:00"),
            value(chance, lambda: f"{chance.randrange(40)} days {chance.randrange(30)} hours")])


# Aggregates whose answer does not depend on the order of their rows, and all that do.
PLAIN = ["count(*)", "count(v)", "count(s)", "sum(v)", "sum(h)", "sum(w)", "sum(m)", "sum(n)", "avg(v)", "avg(w)", "avg(m)", "avg(h)", "min(v)", "max(v)", "min(w)",
         "max(f)", "min(f)", "max(r)", "min(m)", "max(m)", "min(s)", "max(s)", "min(d)", "max(ts)", "min(b::int)", "bool_and(b)", "bool_or(b)", "every(b)",
         "bit_and(v)", "bit_or(h)", "bit_xor(w)", "stddev(v)", "variance(m)", "var_pop(h)", "variance(n)", "sum(iv)", "avg(n)", "sum(v + k)", "sum(1)", "max(5)"]
ORDERED = ["sum(f)", "avg(f)", "sum(r)", "avg(r)", "stddev(f)", "corr(f, r)", "regr_slope(f, v)", "string_agg(s, ',')", "array_agg(v)", "array_agg(s)", "min(n)", "max(n)",
           "avg(iv)", "max(iv)", "first_value(v)", "last_value(s)", "first_value(n)", "nth_value(s, 2)", "nth_value(v, 5)", "nth_value(id, abs(k) + 1)", "last_value(d)"]
RANKS = ["rank()", "dense_rank()", "percent_rank()", "cume_dist()"]
NUMBERED = ["row_number()", "ntile(3)", "ntile(7)", "lag(v)", "lag(s, 2)", "lead(n)", "lead(v, 3, -1)", "lag(f, k)", "lead(s, k, 'x')", "lag(id, 1, g * 10)", "lead(b)", "lag(v + 1)"]
KEYS = ["g", "k", "v", "h", "b", "s", "d", "m", "f", "g % 2", "k > 0", "length(s)"]
OFFSETS = {"v": ["50", "0", "300::smallint", "5000000000"], "k": ["1", "2", "0"], "h": ["3", "10::smallint", "1"], "w": ["1000000000000000000", "9223372036854775807"], "m": ["1.5", "200"],
           "n": ["1.5", "'Infinity'"], "f": ["2.5", "0", "'Infinity'"], "r": ["1.125", "20"], "d": ["'1 month'", "'10 days'"], "ts": ["'36 hours'", "'1 day'"], "iv": ["'1 day'", "'30 hours'"],
           "id": ["5", "100"]}


class Queries:
    def __init__(self, chance, table):
        self.chance, self.table = chance, table

    def direction(self):
        return self.chance.choice(["", "", " DESC", " NULLS FIRST", " DESC NULLS LAST"])

    def bound(self, offsets, start):
        kind = self.chance.choice(["unbounded", "current", "preceding", "following"])
        if kind == "unbounded":
            return "UNBOUNDED " + ("PRECEDING" if start else "FOLLOWING"), 0 if start else 9
        if kind == "current":
            return "CURRENT ROW", 5
        return self.chance.choice(offsets) + " " + kind.upper(), 4 if kind == "preceding" else 6

    def frame(self, order):
        modes = ["ROWS"] if order and order[-1].startswith("id") else []
        if order:
            modes += ["GROUPS", "RANGE"]
        if not modes:
            return ""
        mode = self.chance.choice(modes)
        offsets = ["0", "1", "2", "5", "30"] if mode != "RANGE" else OFFSETS.get(order[0].split(" ")[0]) if len(order) == 1 else None
        while True:
            if offsets is None:
                start, end = self.chance.choice([("UNBOUNDED PRECEDING", "CURRENT ROW"), ("CURRENT ROW", "UNBOUNDED FOLLOWING"),
                                                 ("UNBOUNDED PRECEDING", "UNBOUNDED FOLLOWING"), ("CURRENT ROW", "CURRENT ROW")])
                break
            (start, a), (end, b) = self.bound(offsets, True), self.bound(offsets, False)
            if a <= b and (a, b) != (6, 5):
                break
        exclude = self.chance.choice(["", "", "", " EXCLUDE CURRENT ROW", " EXCLUDE GROUP", " EXCLUDE TIES", " EXCLUDE NO OTHERS"])
        return f" {mode} BETWEEN {start} AND {end}{exclude}"

    def window(self):
        """(text, whether its order is total, whether it has an order)"""
        chance = self.chance
        partition = chance.sample(KEYS, chance.choice([0, 0, 1, 1, 2]))
        order = [key + self.direction() for key in chance.sample(KEYS + ["w", "n", "ts", "iv", "r"], chance.choice([0, 1, 1, 2]))]
        total = chance.random() < 0.6
        if total:
            order.append("id" + chance.choice(["", " DESC"]))
        elif chance.random() < 0.05:
            order = []
        text = ("PARTITION BY " + ", ".join(partition) if partition else "") + (" ORDER BY " + ", ".join(order) if order else "")
        return text + (self.frame(order) if chance.random() < 0.7 else ""), total, bool(order)

    def call(self, window):
        text, total, _ = window
        chance = self.chance
        choices = PLAIN + RANKS + (ORDERED + NUMBERED if total else [])
        if total and chance.random() < 0.5:
            choices = ORDERED + NUMBERED
        name = chance.choice(choices)
        is_plain = name in PLAIN or (name in ORDERED and "_value" not in name)
        clause = f" FILTER (WHERE {chance.choice(['v > 0', 'b', 'g <> 1', 'false', 's IS NOT NULL'])})" if is_plain and chance.random() < 0.15 else ""
        return f"{name}{clause} OVER ({text})"

    def calls(self):
        windows = [self.window() for _ in range(self.chance.choice([1, 1, 2, 3]))]
        return [self.call(self.chance.choice(windows)) for _ in range(self.chance.choice([1, 2, 3, 5]))]

    def query(self):
        chance, table = self.chance, self.table
        calls = ", ".join(f"{call} AS c{i}" for i, call in enumerate(self.calls()))
        where = f" WHERE {chance.choice(['v > 0', 'g = 1', 'k BETWEEN -2 AND 2', 'id % 3 <> 0'])}" if chance.random() < 0.3 else ""
        form = chance.random()
        if form < 0.5:
            return f"SELECT id, {calls} FROM {table}{where} ORDER BY id"
        if form < 0.6:
            return f"SELECT id, {calls} FROM {table}{where} ORDER BY c0{self.direction()}, id LIMIT {chance.randrange(50)} OFFSET {chance.randrange(5)}"
        if form < 0.75:
            return f"SELECT * FROM (SELECT id, g, k, {calls} FROM {table}{where}) q WHERE {chance.choice(['g = 1', 'k > 0', 'g = 2 AND k = 1', 'c0 IS NOT NULL', 'id < 100'])} ORDER BY id"
        if form < 0.85:
            window, rank = chance.choice(["g", "k, g", "g DESC, k"]), chance.choice(["rank()", "row_number()", "sum(sum(v))", "lag(count(*))", "count(*)", "max(min(w))"])
            return f"SELECT g, k, sum(v), {rank} OVER (PARTITION BY {chance.choice(['g', 'k % 2'])} ORDER BY {window}, k, g), avg(count(*)) OVER (PARTITION BY g) FROM {table}{where} GROUP BY g, k ORDER BY g, k"
        if form < 0.92:
            return f"SELECT count(*), count(c0), min(c0::text), max(c0::text) FROM (SELECT {calls} FROM {table}{where}) q"
        inner = ", ".join(f"{call} AS c{i}" for i, call in enumerate(self.calls()))
        return f"SELECT o.id, l.* FROM {table} o, LATERAL (SELECT id, {inner} FROM {table} i WHERE i.g = o.g AND i.id < o.id + {chance.randrange(20)}) l(i) WHERE o.id BETWEEN 10 AND 14 ORDER BY 1, 2"


def check_plans(cursor):
    """What PostgreSQL shows with nodes of its own (Subquery Scan): conditions on all partitions go below their windows."""
    cursor.execute("CREATE TABLE plans (a int, b int, c int)")

    def lines(condition, windows="rank() OVER (PARTITION BY a, b ORDER BY c) r, sum(c) OVER (PARTITION BY b, a)"):
        cursor.execute(f"EXPLAIN (COSTS OFF) SELECT * FROM (SELECT a, b, c, {windows} FROM plans) q WHERE {condition}")
        return [line.strip() for line, in cursor.fetchall()]

    for condition in ("a = 1", "a > 1 AND b < a"):
        found = lines(condition)
        assert found[0] == "WindowAgg" and not found[1].startswith("Filter"), found
        assert found[-2] == "->  Seq Scan on plans" and found[-1].startswith("Filter"), found
    for condition in ("c = 1", "r = 1", "a = c"):
        found = lines(condition)
        assert found[0] == "WindowAgg" and found[1].startswith("Filter") and found[-1] == "->  Seq Scan on plans", found
    # Only one of two windows is over a.
    assert lines("a = 1", "rank() OVER (PARTITION BY a), rank() OVER (PARTITION BY b)")[-1] == "->  Seq Scan on plans"
    assert explain_unused(cursor) == ["Seq Scan on plans"], "a call that nobody reads is not computed"


def explain_unused(cursor):
    cursor.execute("EXPLAIN (COSTS OFF) SELECT a FROM (SELECT a, rank() OVER (ORDER BY b) FROM plans) q")
    return [line for line, in cursor.fetchall()]


def answer(cursor, query):
    out = io.StringIO()
    try:
        cursor.copy_expert(f"COPY ({query}) TO STDOUT", out)
        return out.getvalue()
    except psycopg2.Error as error:
        return f"error {error.pgcode} {error.diag.message_primary}"


def connect(dsn):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("SET extra_float_digits = 1")
    return cursor


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--queries", type=int, default=500)
    parser.add_argument("--dsn", help="of PostgreSQL; else shared/tools/refpg starts one")
    options = parser.parse_args()
    chance = random.Random(options.seed)
    postgres = connect(options.dsn or reference())
    failures = errors = 0
    with Server() as server:
        spg = connect(server.dsn())
        check_plans(spg)
        for at, size in enumerate(SIZES):
            table = f"windows_{at}"
            data = "".join(row + "\n" for row in rows(chance, size))
            postgres.execute(f"CREATE TEMP TABLE {table} ({COLUMNS})")
            spg.execute(f"CREATE TABLE {table} ({COLUMNS})")
            for cursor in (postgres, spg):
                cursor.copy_expert(f"COPY {table} FROM STDIN", io.StringIO(data))
            queries = Queries(chance, table)
            # Long tables take PostgreSQL long: frames that begin anew are as long as the table.
            for _ in range(max(1, options.queries // len(SIZES) // (1 if size < 1000 else 3))):
                query = queries.query()
                wanted, got = answer(postgres, query), answer(spg, query)
                errors += wanted.startswith("error")
                if wanted == got:
                    continue
                failures += 1
                print(f"seed {options.seed}, {size} rows: {query}")
                for a, b in zip(wanted.split("\n"), got.split("\n")):
                    if a != b:
                        print(f"  PostgreSQL: {a[:300]}\n  SPG:        {b[:300]}")
                        break
                if failures > 20:
                    raise SystemExit("too many failures")
    print(f"{options.queries} queries, {errors} errors in both, {failures} failures")
    raise SystemExit(failures != 0)


main()
