#!/usr/bin/python3
"""Storage beyond memory: what rows and tables take, scans and point reads over a table larger than the budget, starts, checkpoints,
large transactions.

usage: tools/bench/storage.py [--only rows,tables,start,checkpoint,cold,large] [--scale 1.0] [--port 55440]

Each part has a server of its own. Memory is the server's resident set (VmRSS, VmHWM), read from /proc; the page cache does not count.
PostgreSQL 15 (../shared/tools/refpg bench) is the peer of the scan, everything of it cached. Prints a markdown table.
"""
import argparse
import contextlib
import os
import pathlib
import random
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from raw import Raw, SYNC, bind, execute, parse  # noqa: E402
from support import SHARED, Server  # noqa: E402

MIB = 1 << 20
# 20 letters and digits each, as numbers with a tail that depends on them.
TEXT20 = "lpad(g::text, 8, '0') || substr(md5(g::text), 1, 12)"


def row(work, bar, figure):
    print(f"| {work} | {bar} | {figure} |", flush=True)


def memory(server, what="VmRSS"):
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) * 1024 for line in status if line.startswith(what))


def connect(server):
    """Not a transaction: psycopg2's own `with` would be one."""
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    return contextlib.closing(connection)


def run(server, sql):
    with connect(server) as connection, connection.cursor() as cursor:
        cursor.execute(sql)
        return cursor.fetchall() if cursor.description else []


def load(server, table, rows, step=100_000):
    with connect(server) as connection, connection.cursor() as cursor:
        for first in range(0, rows, step):
            cursor.execute(f"INSERT INTO {table} SELECT g, {TEXT20}, g / 7.0 FROM generate_series({first}, {min(rows, first + step) - 1}) g")


def folder_bytes(server):
    folder = server.folder / "spg.db.d"
    return sum(path.stat().st_size for path in folder.iterdir() if path.name.startswith("segment-"))


def measure_rows(arguments):
    rows = int(2_000_000 * arguments.scale)
    with Server() as server:
        run(server, "CREATE TABLE hot (id bigint, name text, amount double precision)")
        load(server, "hot", 1024)
        before = memory(server)
        load(server, "hot", rows)
        time.sleep(2)
        used = (memory(server) - before) / rows
    row(f"memory of a hot row (bigint, 20 characters, double), {rows} rows, no index", "1.5x of 36 bytes", f"{used:.1f} bytes, {used / 36:.2f}x")


def measure_tables(arguments):
    tables = int(10_000 * arguments.scale)
    with Server() as server:
        with connect(server) as connection, connection.cursor() as cursor:
            for i in range(tables):
                cursor.execute(f"CREATE TABLE t{i} (id int, name text); INSERT INTO t{i} VALUES ({i}, 'one row')")
        row(f"{tables} tables of one row", "150 MB", f"{memory(server) / 1e6:.0f} MB resident")


def first_answer(server):
    """Seconds from the creation of the process to the first row found by its key."""
    began = time.perf_counter()
    server.start()
    rows = run(server, "SELECT name FROM big WHERE id = 4711")
    assert len(rows) == 1
    return time.perf_counter() - began


def measure_start(arguments):
    times = {}
    for rows in (10_000, int(10_000_000 * arguments.scale)):
        server = Server().start()
        run(server, "CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
        load(server, "big", rows)
        server.stop()
        taken = []
        for _ in range(7):
            taken.append(first_answer(server))
            server.stop()
        times[rows] = statistics.median(taken) * 1000
        server.__exit__(None, None, None)
    (_, small), (rows, large) = times.items()
    row(f"start to the first answered key, {rows} rows against 10000", "50 ms, 2x", f"{large:.0f} ms against {small:.0f} ms, {large / small:.2f}x")


def measure_checkpoint(arguments):
    rows = int(6_000_000 * arguments.scale)
    for how, bar in (("clustered", "1 %"), ("at random", "5 %")):
        with Server(SPG_HOT_TIER_BYTES=str(8 << 30), SPG_CHECKPOINT_WAL_BYTES=str(8 << 30)) as server:
            run(server, "CREATE TABLE wide (id bigint PRIMARY KEY, name text, amount double precision, tail text, n int)")
            with connect(server) as connection, connection.cursor() as cursor:
                for first in range(0, rows, 100_000):
                    cursor.execute(f"INSERT INTO wide SELECT g, {TEXT20}, g / 7.0, md5(g::text) || md5((g * 7)::text) || md5((g * 11)::text), g "
                                   f"FROM generate_series({first}, {first + 99_999}) g")
            began = time.perf_counter()
            run(server, "CHECKPOINT")
            first_seconds, first_bytes = time.perf_counter() - began, folder_bytes(server)
            chosen = "id BETWEEN 1000000 AND 1000000 + %d" % (rows // 1000) if how == "clustered" else "id %% 1000 = 7".replace("%%", "%")
            run(server, f"UPDATE wide SET n = n + 1 WHERE {chosen}")
            began = time.perf_counter()
            run(server, "CHECKPOINT")
            seconds, more = time.perf_counter() - began, folder_bytes(server) - first_bytes
            row(f"second checkpoint, one column of 0.1 % of {rows} rows changed {how} ({first_bytes / 1e6:.0f} MB first)", bar,
                f"{more / first_bytes * 100:.2f} % of the bytes, {seconds / first_seconds * 100:.2f} % of the time ({first_seconds:.1f} s)")


def times_of(cursor, sql, runs=5):
    """Seconds of each run behind a first one."""
    taken = []
    for _ in range(runs + 1):
        began = time.perf_counter()
        cursor.execute(sql)
        cursor.fetchall()
        taken.append(time.perf_counter() - began)
    return taken[1:]


def measure_cold(arguments):
    """A table of four times the budget."""
    budget, rows = int(128 * MIB * arguments.scale), int(8_000_000 * arguments.scale)
    dsn = subprocess.run([SHARED / "tools/refpg", "bench", str(arguments.port)], capture_output=True, text=True, check=True).stdout.strip()
    scan = "SELECT count(*), sum(id), sum(amount) FROM big"
    with psycopg2.connect(dsn) as connection, connection.cursor() as cursor:
        cursor.execute("DROP TABLE IF EXISTS big; CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
        cursor.execute(f"INSERT INTO big SELECT g, {TEXT20}, g / 7.0 FROM generate_series(0, {rows - 1}) g")
        connection.commit()
        connection.autocommit = True
        cursor.execute("VACUUM ANALYZE big")
        theirs = statistics.median(times_of(cursor, scan))
        cursor.execute("DROP TABLE big")
    with Server(SPG_HOT_TIER_BYTES=str(budget)) as server:
        run(server, "CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
        load(server, "big", rows)
        run(server, "CHECKPOINT")
        time.sleep(1)
        loaded = memory(server, "VmHWM")
        with connect(server) as connection, connection.cursor() as cursor:
            ours = statistics.median(times_of(cursor, scan))
        row(f"scan sum of {rows} rows ({rows * 90 // MIB} MiB hot, budget {budget // MIB} MiB, file cached)", "faster than PostgreSQL, all cached",
            f"{ours:.2f} s against {theirs:.2f} s, {theirs / ours:.2f}x")
        rate = point_reads(server, rows, 5)
        row("uniform point reads over it, one connection, pipelined", "20000/s", f"{rate:.0f}/s")
        row("resident set after load, scans, reads", "110 % of the budget", f"{memory(server) / budget * 100:.0f} % (highest {memory(server, 'VmHWM') / budget * 100:.0f} %, "
            f"while loading {loaded / budget * 100:.0f} %)")


def point_reads(server, rows, seconds):
    """Of one session (on one thread of the server), its requests in flight a hundred at a time."""
    client = Raw(server.port)
    client.send(parse("SELECT name FROM big WHERE id = $1::text::bigint", "p") + SYNC)
    client.answers()
    done, rng, began = 0, random.Random(1), time.perf_counter()
    while time.perf_counter() - began < seconds:
        client.send(b"".join(bind(statement="p", values=[str(rng.randrange(rows)).encode()]) + execute() for _ in range(100)) + SYNC)
        client.answers()
        done += 100
    return done / (time.perf_counter() - began)


def measure_large(arguments):
    budget, rows = 128 * MIB, int(6_000_000 * arguments.scale)
    with Server(SPG_HOT_TIER_BYTES=str(budget)) as server:
        connection = psycopg2.connect(server.dsn())
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
        connection.commit()
        for end in ("rollback", "commit"):
            began = time.perf_counter()
            cursor.execute(f"INSERT INTO big SELECT g, {TEXT20}, g / 7.0 FROM generate_series(1, {rows}) g")
            inserted = time.perf_counter()
            getattr(connection, end)()
            row(f"transaction of {rows} rows under 128 MiB, {end}", "resident at most 192 MiB",
                f"{memory(server, 'VmHWM') / MIB:.0f} MiB at most; INSERT {inserted - began:.1f} s, {end} {time.perf_counter() - inserted:.1f} s")
        connection.close()


PARTS = {"rows": measure_rows, "tables": measure_tables, "start": measure_start, "checkpoint": measure_checkpoint, "cold": measure_cold, "large": measure_large}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--only", default=",".join(PARTS))
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--port", type=int, default=55440)
    arguments = parser.parse_args()
    print("| work | bar | figure |\n| --- | --- | --- |")
    for part in arguments.only.split(","):
        PARTS[part](arguments)


if __name__ == "__main__":
    main()
