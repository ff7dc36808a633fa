#!/usr/bin/python3
"""GROUP BY over ten million rows, beside PostgreSQL 15 with one process (max_parallel_workers_per_gather = 0, jit off, work_mem
1 GB) and, if it is there, DuckDB with one thread.

usage: tools/bench/group_by.py [--rows 10000000] [--runs 5] [--server PATH] [--duckdb DIRECTORY] [--only WORD]

DIRECTORY is one in which `npm install @duckdb/node-api` has been run. Runs alternate; the rows are made and left
out (OFFSET), so that the wire does not matter; their number is compared. Medians of the processor time and, with min and max, of
the time that passed, as a markdown table; the ratios are of processor time, which other work on the machine disturbs less.
"""
import argparse
import os
import pathlib
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from support import SHARED, Server  # noqa: E402

# k: 100 values, m: a million, t: a hundred texts, v: a value.
ROW = "(i * 7919 % 100)::int AS k, (i * 7919 % 1000003 % 1000000)::int AS m, 't' || (i * 31 % 100) AS t, (i % 1000)::int AS v, i::int8 AS w"
QUERIES = {
    "100 groups": "SELECT k, count(*), sum(v), min(v), max(v) FROM g GROUP BY k",
    "100 groups of text": "SELECT t, count(*), sum(v) FROM g GROUP BY t",
    "a million groups": "SELECT m, count(*), sum(v) FROM g GROUP BY m",
    "a million groups, sum and avg of bigint": "SELECT m, sum(w), avg(w) FROM g GROUP BY m",
    "two keys, 100,000 groups": "SELECT k, v, count(*), sum(w) FROM g GROUP BY k, v",
    "int and text, 10,000 groups": "SELECT k, t, count(*) FROM g GROUP BY k, t",
    "rollup of two keys": "SELECT k, t, count(*), sum(v) FROM g GROUP BY ROLLUP (k, t)",
    "no groups": "SELECT count(*), sum(v), avg(w), max(m) FROM g",
}
DUCK = """
const { DuckDBInstance } = require('@duckdb/node-api');
(async () => {
  const connection = await (await DuckDBInstance.create(':memory:', { threads: '1' })).connect();
  const readline = require('readline').createInterface({ input: process.stdin });
  for await (const line of readline) {
    const start = process.hrtime.bigint();
    const result = await connection.runAndReadAll(line);
    const taken = Number(process.hrtime.bigint() - start) / 1e6, rows = result.getRows();
    console.log(taken + ' ' + (rows.length ? rows[0][0] : ''));
  }
})();
"""


def cpu_ms(pid):
    fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1000 / os.sysconf("SC_CLK_TCK")


class Duck:
    def __init__(self, directory):
        self.process = subprocess.Popen(["node", "-e", DUCK], cwd=directory, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.pid = self.process.pid

    def run(self, query):
        self.process.stdin.write(query.replace("\n", " ") + "\n")
        self.process.stdin.flush()
        ms, answer = self.process.stdout.readline().split(" ", 1)
        return float(ms), answer.strip()


class Postgres:
    def __init__(self, dsn, *settings, pid=None):
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.pid = pid or self.connection.info.backend_pid
        for setting in settings:
            self.connection.cursor().execute(setting)

    def run(self, query):
        with self.connection.cursor() as cursor:
            start = time.perf_counter()
            cursor.execute(query)
            return (time.perf_counter() - start) * 1000, str((cursor.fetchone() or [""])[0]) if cursor.description else ""


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=10_000_000)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--server")
    parser.add_argument("--duckdb")
    parser.add_argument("--port", default="55440")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    if options.server:
        os.environ["SPG_SERVER"] = options.server
    dsn = subprocess.run([str(SHARED / "tools/refpg"), "bench", options.port], capture_output=True, text=True, check=True).stdout.strip()
    with Server() as server:
        who = {"SPG": Postgres(server.dsn(), pid=server.process.pid),
               "PostgreSQL": Postgres(dsn, "SET max_parallel_workers_per_gather = 0", "SET jit = off", "SET work_mem = '1GB'")}
        if options.duckdb:
            who["DuckDB"] = Duck(options.duckdb)
        for name, one in who.items():
            one.run("DROP TABLE IF EXISTS g")
            one.run("CREATE TABLE g (k int, m int, t text, v int, w bigint)")
            series = "generate_series(1::bigint, {}) i" if name != "DuckDB" else "range(1, {} + 1) s(i)"
            one.run(f"INSERT INTO g SELECT {ROW} FROM {series.format(options.rows)}")
        who["PostgreSQL"].run("VACUUM ANALYZE g")
        print("| query | " + " | ".join(f"{name}: CPU ms; ms (min .. max)" for name in who) + " | PostgreSQL / SPG |" + (" SPG / DuckDB |" if options.duckdb else ""))
        print("| --- " * (len(who) + 2 + bool(options.duckdb)) + "|")
        for name, query in QUERIES.items():
            if options.only not in name:
                continue
            times = {one: [] for one in who}
            used = {one: [] for one in who}
            answers = {server_.run(f"SELECT count(*) FROM ({query}) q")[1] for server_ in who.values()}
            assert len(answers) == 1, (query, answers)
            for _ in range(options.runs):
                for one, server_ in who.items():
                    before = cpu_ms(server_.pid)
                    times[one].append(server_.run(f"{query} OFFSET 1000000000")[0])
                    used[one].append(cpu_ms(server_.pid) - before)
            median = {one: max(statistics.median(values), 1) for one, values in used.items()}
            shown = " | ".join(f"{median[one]:.0f}; {statistics.median(values):.0f} ({min(values):.0f} .. {max(values):.0f})" for one, values in times.items())
            print(f"| {name} | {shown} | {median['PostgreSQL'] / median['SPG']:.1f} |" + (f" {median['SPG'] / median['DuckDB']:.2f} |" if options.duckdb else ""), flush=True)
        who["PostgreSQL"].run("DROP TABLE g")


main()
