#!/usr/bin/python3
"""How fast the log is replayed at a start: row changes in a second, after a kill -9 with no checkpoint since the table was made.

usage: tools/bench/recovery.py [--rows 2000000] [--commits 400000] [--runs 3] [--only bulk,insert,update,delete] [--keep FOLDER]

bulk: rows inserted by statements of 10,000. insert, update, delete: one row a commit, without waiting for each (pgbench's accounts: an
int primary key, a bigint, a text). Each run starts the server on a fresh copy of what the kill has left; the time of a start
without any log is taken away. The rate counts rows: an index entry is part of its row's change. On a machine that is busy with
other things the time of the processor says more than the clock: both are printed.
"""
import argparse
import os
import pathlib
import shutil
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from support import PSQL, Server, scratch  # noqa: E402

ENVIRONMENT = {"SPG_CHECKPOINT_SECONDS": "0", "SPG_CHECKPOINT_WAL_BYTES": str(1 << 40)}
TABLE = "CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, filler text)"


def run_script(server, lines):
    """Statements that commit one by one, without waiting for each."""
    text = "SET synchronous_commit = off;\n" + "\n".join(lines) + "\n"
    done = subprocess.run([PSQL, "-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", server.dsn()], input=text, capture_output=True, text=True)
    if done.returncode != 0:
        sys.exit(done.stderr)


def fill(server, kind, rows, commits):
    """Returns how many rows the log behind the last checkpoint changes."""
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute(TABLE)
    if kind in ("update", "delete"):
        cursor.execute("INSERT INTO accounts SELECT g, 0, repeat('x', 60) FROM generate_series(1, %s) g", (commits,))
    cursor.execute("CHECKPOINT")
    if kind == "bulk":
        for start in range(0, rows, 10000):
            cursor.execute("INSERT INTO accounts SELECT g, 0, repeat('x', 60) FROM generate_series(%s, %s) g", (start + 1, start + 10000))
        return rows
    statements = {
        "insert": "INSERT INTO accounts VALUES ({0}, 0, 'some words of filler {0}');",
        "update": "UPDATE accounts SET balance = balance + {0} WHERE id = {1};",
        "delete": "DELETE FROM accounts WHERE id = {1};",
    }
    # 7919 is prime: each row once, in no order of the table.
    run_script(server, [statements[kind].format(n, n * 7919 % commits + 1) for n in range(commits)])
    cursor.execute("INSERT INTO accounts VALUES (-1, 0, 'the log is durable up to here')")
    return commits


def start_seconds(folder):
    server = Server(folder, **ENVIRONMENT)
    begun = time.perf_counter()
    server.start(timeout=600)
    seconds = time.perf_counter() - begun
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    cpu = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
    connection = psycopg2.connect(server.dsn())
    cursor = connection.cursor()
    cursor.execute("SELECT count(*), sum(balance) FROM accounts")
    found = cursor.fetchone()
    connection.close()
    server.kill()
    return seconds, cpu, found


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--rows", type=int, default=2_000_000)
    arguments.add_argument("--commits", type=int, default=400_000)
    arguments.add_argument("--runs", type=int, default=3)
    arguments.add_argument("--only", default="bulk,insert,update,delete")
    arguments.add_argument("--keep")
    options = arguments.parse_args()
    folder = pathlib.Path(options.keep or scratch("spg-recovery-"))
    empty = folder / "empty"
    print("| workload | rows changed | log MiB | start s | CPU s | changes/s | per CPU s |\n| --- | --- | --- | --- | --- | --- | --- |")
    for kind in options.only.split(","):
        base = folder / kind
        base.mkdir(parents=True)
        server = Server(base, **ENVIRONMENT).start()
        changes = fill(server, kind, options.rows, options.commits)
        server.kill()
        if not empty.exists():
            empty.mkdir()
            Server(empty, **ENVIRONMENT).start().stop()
            other = Server(empty, **ENVIRONMENT).start()
            connection = psycopg2.connect(other.dsn())
            connection.autocommit = True
            connection.cursor().execute(TABLE)
            connection.cursor().execute("CHECKPOINT")
            other.kill()
        log_bytes = sum(path.stat().st_size for path in base.glob("wal.log.*"))
        times, cpus, found = [], [], set()
        for _ in range(options.runs):
            copy = folder / "copy"
            shutil.copytree(base, copy)
            seconds, cpu, rows = start_seconds(copy)
            shutil.rmtree(copy)
            times.append(seconds)
            cpus.append(cpu)
            found.add(rows)
        assert len(found) == 1, found
        without, cpu_without = (min(values) for values in list(zip(*(start_seconds(empty) for _ in range(3))))[:2])
        median, cpu = statistics.median(times), statistics.median(cpus)
        print(f"| {kind} | {changes} | {log_bytes / (1 << 20):.0f} | {median:.2f} ({min(times):.2f} .. {max(times):.2f}) | {cpu:.2f} | {changes / (median - without):,.0f} | {changes / (cpu - cpu_without):,.0f} |", flush=True)


if __name__ == "__main__":
    main()
