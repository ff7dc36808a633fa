#!/usr/bin/python3
"""Storage beyond memory: what rows and tables take, scans and point reads over a table larger than the budget, starts, checkpoints,
large transactions.

usage: tools/bench/storage.py [--only rows,tables,start,checkpoint,cold,large,limit,stalls,export] [--scale 1.0] [--port 55440]

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
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from raw import Raw, SYNC, bind, execute, parse  # noqa: E402
from support import PGBENCH, PSQL, SERVER, SHARED, Server, scratch  # noqa: E402

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
    with contextlib.closing(psycopg2.connect(dsn)) as connection, connection.cursor() as cursor:
        connection.autocommit = True
        cursor.execute("DROP TABLE IF EXISTS big; CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
        cursor.execute(f"INSERT INTO big SELECT g, {TEXT20}, g / 7.0 FROM generate_series(0, {rows - 1}) g")
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


class Limit:
    """A control group (version 1) with so much memory, the page cache included."""

    def __init__(self, limit):
        self.folder = pathlib.Path(f"/sys/fs/cgroup/memory/spg-bench-{os.getpid()}")
        self.folder.mkdir()
        (self.folder / "memory.limit_in_bytes").write_text(str(limit))

    def server(self, **environment):
        server = Server(**environment)
        server.command = ["/bin/sh", "-c", f"echo $$ > {self.folder}/cgroup.procs && exec {SERVER}"]
        return server

    def figure(self, name):
        return int((self.folder / f"memory.{name}").read_text())

    def close(self):
        self.folder.rmdir()


def measure_limit(arguments):
    """A table of four times the budget, in a group that has little more memory than the budget, the page cache included."""
    budget, limit, rows = 128 * MIB, 256 * MIB, int(8_000_000 * arguments.scale)
    with contextlib.closing(Limit(limit)) as group:
        with group.server(SPG_HOT_TIER_BYTES=str(budget)) as server:
            run(server, "CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
            began = time.perf_counter()
            load(server, "big", rows)
            loaded = time.perf_counter() - began
            with connect(server) as connection, connection.cursor() as cursor:
                scan = statistics.median(times_of(cursor, "SELECT count(*), sum(id), sum(amount) FROM big"))
            rate = point_reads(server, rows, 5)
            most, taken_back = group.figure("max_usage_in_bytes"), group.figure("failcnt")
        row(f"{rows} rows under a budget of {budget // MIB} MiB in a control group of {limit // MIB} MiB, page cache included", "it runs",
            f"{most / MIB:.0f} MiB at most, page cache taken back {taken_back} times; loaded in {loaded:.0f} s, scan {scan:.1f} s, {rate:.0f} point reads/s")


def tail(logs):
    """Milliseconds: 99.9 % of transactions, and the longest, of pgbench's logs. Where a rate is given, from when they were due."""
    taken = sorted(int(line.split()[2]) for path in logs for line in path.read_text().splitlines())
    return taken[int(len(taken) * 0.999)] / 1000, taken[-1] / 1000, len(taken)


def measure_stalls(arguments):
    """Point reads and commits at a steady rate, without and with checkpoints, freezing and compaction beside them."""
    rows, seconds, figures = int(2_000_000 * arguments.scale), 30, {}
    for name, environment in (("without", {"SPG_HOT_TIER_BYTES": str(4 << 30), "SPG_CHECKPOINT_WAL_BYTES": str(8 << 30), "SPG_CHECKPOINT_SECONDS": "0"}),
                              ("with", {"SPG_HOT_TIER_BYTES": str(64 * MIB), "SPG_CHECKPOINT_WAL_BYTES": str(4 * MIB), "SPG_COLD_COMPACT_SEGMENT_THRESHOLD": "8"})):
        with Server(**environment) as server:
            run(server, "CREATE TABLE big (id bigint PRIMARY KEY, name text, amount double precision)")
            load(server, "big", rows)
            time.sleep(2)
            folder = scratch("spg-stalls-")
            loads = []
            for what, rate, script in (("read", 1000, "SELECT name FROM big WHERE id = :id;"), ("write", 500, "UPDATE big SET amount = amount + 1 WHERE id = :id;")):
                (folder / f"{what}.sql").write_text(f"\\set id random(0, {rows - 1})\n{script}\n")
                loads.append(subprocess.Popen([PGBENCH, "-n", "-M", "prepared", "-c", "4", "-j", "1", "-T", str(seconds), "-R", str(rate), "-l", "--log-prefix", str(folder / what),
                                               "-f", str(folder / f"{what}.sql"), "-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", "postgres"],
                                              env=dict(os.environ, PGPASSWORD="bench"), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL))
            for one in loads:
                one.wait()
            for what in ("read", "write"):
                figures[name, what] = tail(list(folder.glob(f"{what}.*[0-9]")))
    for what, work, bar in (("read", "a point read", "2x"), ("write", "a commit", "3x")):
        (alone, longest_alone, _), (beside, longest, count) = figures["without", what], figures["with", what]
        row(f"p99.9 of {work} beside checkpoints, freezing and compaction, {count} of them", f"{bar}, none over 50 ms",
            f"{beside:.2f} ms against {alone:.2f} ms, {beside / alone:.2f}x; the longest {longest:.1f} ms against {longest_alone:.1f} ms")


def measure_export(arguments):
    """Every table by COPY TO in one REPEATABLE READ transaction, while writers move amounts between the tables as fast as they can."""
    tables, rows = 5, int(2_000_000 * arguments.scale)
    with Server(SPG_HOT_TIER_BYTES=str(1 << 30)) as server:
        for table in range(tables):
            run(server, f"CREATE TABLE part{table} (id int PRIMARY KEY, amount bigint NOT NULL, body text NOT NULL)")
            for first in range(0, rows, 100_000):
                run(server, f"INSERT INTO part{table} SELECT g, 100, repeat(md5(g::text), 15) FROM generate_series({first}, {min(rows, first + 100_000) - 1}) g")
        stop, moved = threading.Event(), [0] * 4

        def move(number):
            rng = random.Random(number)
            with contextlib.closing(psycopg2.connect(server.dsn())) as connection, connection.cursor() as cursor:
                while not stop.is_set():
                    giving, taking = rng.sample(range(tables), 2)
                    cursor.execute(f"UPDATE part{giving} SET amount = amount - 1 WHERE id = %s", (rng.randrange(rows // 4) * 4 + number,))
                    cursor.execute(f"UPDATE part{taking} SET amount = amount + 1 WHERE id = %s", (rng.randrange(rows // 4) * 4 + number,))
                    connection.commit()
                    moved[number] += 1

        movers = [threading.Thread(target=move, args=(number,)) for number in range(4)]
        for one in movers:
            one.start()
        began = time.perf_counter()
        script = "BEGIN ISOLATION LEVEL REPEATABLE READ;\n" + "".join(f"\\copy part{table} to program 'wc -lc'\n" for table in range(tables))
        script += "SELECT " + " + ".join(f"(SELECT sum(amount) FROM part{table})" for table in range(tables)) + ";\nCOMMIT;\n"
        done = subprocess.run([PSQL, "-X", "-q", "-A", "-t", "-v", "ON_ERROR_STOP=1", "-d", server.dsn()], input=script, capture_output=True, text=True, check=True)
        seconds = time.perf_counter() - began
        stop.set()
        for one in movers:
            one.join()
        *copied, total = done.stdout.split("\n")[: tables + 1]
        lines, size = (sum(int(one.split()[at]) for one in copied) for at in (0, 1))
        assert lines == tables * rows and float(total) == tables * rows * 100, done.stdout
        row(f"consistent export of {size / 1e9:.1f} GB beside {sum(moved) / seconds:.0f} transactions/s", "it finishes",
            f"{seconds:.0f} s, {size / seconds / 1e6:.0f} MB/s; resident {memory(server, 'VmHWM') / MIB:.0f} MiB at most, budget 1024 MiB")


PARTS = {"rows": measure_rows, "tables": measure_tables, "start": measure_start, "checkpoint": measure_checkpoint, "cold": measure_cold, "large": measure_large,
         "limit": measure_limit, "stalls": measure_stalls, "export": measure_export}


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
