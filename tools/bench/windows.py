#!/usr/bin/python3
"""Window functions over a million rows: spg-server and PostgreSQL 15 side by side.

usage: tools/bench/windows.py [--rows 1000000] [--runs 5] [--only NAME,NAME] [--dsn DSN] [--server PATH]

Runs alternate between the servers; medians with min and max are printed as a markdown table. PostgreSQL has work_mem for
sorts in memory, and as many workers as it likes. Each query reads its result once (count and max), so that the client
does not count; the answers are compared.
"""
import argparse
import io
import os
import pathlib
import random
import statistics
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from support import Server, reference  # noqa: E402

CALLS = {
    "sum by partition and order": "sum(x) OVER (PARTITION BY g ORDER BY o)",
    "sum by partition": "sum(x) OVER (PARTITION BY g)",
    "running sum, one partition": "sum(x) OVER (ORDER BY o)",
    "rank": "rank() OVER (PARTITION BY g ORDER BY o)",
    "row_number": "row_number() OVER (PARTITION BY g ORDER BY o)",
    "lag": "lag(x) OVER (PARTITION BY g ORDER BY o)",
    "sliding sum, 100 rows": "sum(x) OVER (PARTITION BY g ORDER BY o ROWS 100 PRECEDING)",
    "sliding min, 100 rows": "min(x) OVER (PARTITION BY g ORDER BY o ROWS 100 PRECEDING)",
    "sliding numeric avg, 100 rows": "avg(n) OVER (PARTITION BY g ORDER BY o ROWS 100 PRECEDING)",
    "sliding float sum, 100 rows": "sum(f) OVER (PARTITION BY g ORDER BY o ROWS 100 PRECEDING)",
    "sliding max of text, 100 rows": "max(t) OVER (PARTITION BY g ORDER BY o ROWS 100 PRECEDING)",
    "sum by range": "sum(x) OVER (PARTITION BY g ORDER BY o RANGE BETWEEN 1000 PRECEDING AND 1000 FOLLOWING)",
    "sum without the own row": "sum(x) OVER (PARTITION BY g ORDER BY o ROWS BETWEEN 10 PRECEDING AND 10 FOLLOWING EXCLUDE CURRENT ROW)",
    "partition by text": "count(*) OVER (PARTITION BY t)",
}


def measure(cursor, query):
    start = time.perf_counter()
    cursor.execute(query)
    answer = cursor.fetchall()
    return (time.perf_counter() - start) * 1000, answer


def load(cursor, data, temporary):
    cursor.execute(f"CREATE {temporary} TABLE windows (id int, g int, o int, x int, f float8, n numeric(10,2), t text)")
    cursor.copy_expert("COPY windows FROM STDIN", io.StringIO(data))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=1000000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", help="names of calls, or beginnings of them")
    parser.add_argument("--dsn", help="of PostgreSQL; else shared/tools/refpg starts one")
    parser.add_argument("--server")
    options = parser.parse_args()
    if options.server:
        os.environ["SPG_SERVER"] = options.server
    chance = random.Random(1)
    data = "".join(f"{i}\t{chance.randrange(1000)}\t{chance.randrange(1000000)}\t{chance.randrange(1000)}\t{chance.random()}"
                   f"\t{chance.randrange(100000) / 100}\tname {chance.randrange(10000):05}\n" for i in range(options.rows))
    connection = psycopg2.connect(options.dsn or reference())
    connection.autocommit = True
    postgres = connection.cursor()
    load(postgres, data, "TEMP")
    postgres.execute("SET work_mem = '1GB'")
    postgres.execute("ANALYZE windows")
    with Server(SPG_STATEMENT_MEMORY_MB="2048") as server:
        own = psycopg2.connect(server.dsn())
        own.autocommit = True
        spg = own.cursor()
        load(spg, data, "")
        print("| call | PostgreSQL ms | SPG ms | times as fast |\n| --- | --- | --- | --- |")
        for name, call in CALLS.items():
            if options.only and not any(name.startswith(one) for one in options.only.split(",")):
                continue
            query = f"SELECT count(c), max(c) FROM (SELECT {call} AS c FROM windows) q"
            times = {"PostgreSQL": [], "SPG": []}
            for _ in range(options.runs):
                for who, cursor in (("PostgreSQL", postgres), ("SPG", spg)):
                    spent, answer = measure(cursor, query)
                    times[who].append(spent)
                    times[who + " answer"] = answer
            if times["PostgreSQL answer"] != times["SPG answer"]:
                raise SystemExit(f"{name}: PostgreSQL says {times['PostgreSQL answer']}, SPG {times['SPG answer']}")
            shown = {who: f"{statistics.median(times[who]):.0f} ({min(times[who]):.0f} .. {max(times[who]):.0f})" for who in ("PostgreSQL", "SPG")}
            ratio = statistics.median(times["PostgreSQL"]) / statistics.median(times["SPG"])
            print(f"| {name} | {shown['PostgreSQL']} | {shown['SPG']} | {ratio:.1f} |", flush=True)


main()
