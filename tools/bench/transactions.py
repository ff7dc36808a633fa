#!/usr/bin/python3
"""What transactions do to each other: spg-server beside PostgreSQL 15, both durable, in one run.

usage: tools/bench/transactions.py [--seconds 10] [--only NAME,...]

  think      simple-update and tpcb with 0.5 ms between a client's statements, 16 and 64 clients
  disturbed  p99.9 of 8 autocommit clients while another session updates a million rows, copies at 1 MB/s, thinks in a DDL
             block, builds an index
  inserts    10,000 INSERTs in one transaction, alone, and beside 16 writers of other tables and of the same
  pipeline   100 autocommit INSERTs sent at once, against one transaction of 100
  queue      SELECT ... FOR UPDATE SKIP LOCKED LIMIT 1, 16 workers
  serial     a job queue under SERIALIZABLE, 8 workers: rate, and how many fail with 40001
  forgotten  autocommit updates beside an open BEGIN; UPDATE of another row
The build used is build/release.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
from raw import Raw, SYNC, bind, execute, parse, query  # noqa: E402
from support import PGBENCH, SHARED, Server  # noqa: E402

ENVIRONMENT = dict(os.environ, PGPASSWORD="bench")


class Target:
    """One of the two servers."""

    def __init__(self, name, host, port, user, database):
        self.name, self.port = name, int(port)
        self.arguments = ["-h", host, "-p", str(port), "-U", user, database]
        self.dsn = f"host={host} port={port} user={user} password=bench dbname={database}"
        self.user, self.database = user, database

    def connect(self):
        connection = psycopg2.connect(self.dsn)
        connection.autocommit = True
        return connection

    def sql(self, *statements):
        connection = self.connect()
        for statement in statements:
            connection.cursor().execute(statement)
        connection.close()

    def pgbench(self, script, clients, seconds, *more, check=True):
        with tempfile.NamedTemporaryFile("w", suffix=".sql") as file:
            file.write(script)
            file.flush()
            done = subprocess.run([PGBENCH, "-n", "-f", file.name, "-M", "prepared", "-c", str(clients), "-j", "2", "-T", str(seconds), *more, *self.arguments],
                                  env=ENVIRONMENT, capture_output=True, text=True)
        rate = re.search(r"tps = ([\d.]+) \(without", done.stdout)
        if check and (done.returncode != 0 or not rate):
            sys.exit(f"{self.name}: {done.stderr}\n{done.stdout}")
        return (float(rate[1]) if rate else 0.0), done.stdout


def latency(target, script, clients, seconds):
    """Microseconds that 99.9 % of the transactions stay below, of pgbench's log."""
    with tempfile.TemporaryDirectory() as folder:
        target.pgbench(script, clients, seconds, "-l", "--log-prefix", f"{folder}/log")
        times = sorted(int(line.split()[2]) for file in pathlib.Path(folder).iterdir() for line in open(file))
    return times[int(len(times) * 0.999)], len(times) / seconds


def row(*cells):
    print("| " + " | ".join(str(cell) for cell in cells) + " |", flush=True)


def think(targets, seconds):
    row("with 0.5 ms of thinking", "clients", "SPG /s", "PostgreSQL /s", "ratio")
    row(*["---"] * 5)
    for target in targets:
        subprocess.run([PGBENCH, "-i", "-q", "-s", "10", *target.arguments], env=ENVIRONMENT, check=True, capture_output=True)
    for name in ("simple-update.sql", "tpcb.sql"):
        script = (SHARED / "tools/pgbench" / name).read_text()
        script = re.sub(r";\n(?=\w)", ";\n\\\\sleep 500 us\n", script)
        for clients in (16, 64):
            rates = {target.name: statistics.median(target.pgbench(script, clients, seconds)[0] for _ in range(3)) for target in targets}
            row(name, clients, f"{rates['SPG']:.0f}", f"{rates['PostgreSQL']:.0f}", f"{rates['SPG'] / rates['PostgreSQL']:.2f}")


def disturbed(targets, seconds):
    row("p99.9 of 8 autocommit updates, ms", "SPG", "ratio", "PostgreSQL", "ratio")
    row(*["---"] * 5)
    script = "\\set id random(1, 10000)\nUPDATE small SET v = v + 1 WHERE id = :id;\n"
    for target in targets:
        target.sql("DROP TABLE IF EXISTS small, large, copied, other", "CREATE TABLE small (id int PRIMARY KEY, v int)",
                   "INSERT INTO small SELECT g, 0 FROM generate_series(1, 10000) g", "CREATE TABLE large (id int PRIMARY KEY, v int, t text)",
                   "INSERT INTO large SELECT g, g, 'row ' || g FROM generate_series(1, 1000000) g", "CREATE TABLE copied (id int, t text)")

    def million(target, stop):
        connection = target.connect()
        while not stop.is_set():
            connection.cursor().execute("UPDATE large SET v = v + 1")

    def copy(target, stop):
        connection = target.connect()

        class Slow:
            """1 MB/s."""
            sent, begun = 0, time.monotonic()

            def read(self, size):
                if stop.is_set():
                    return ""
                time.sleep(max(0.0, self.begun + self.sent / 1e6 - time.monotonic()))
                self.sent += 8000
                return ("1\t" + "x" * 77 + "\n") * 100
        connection.cursor().copy_expert("COPY copied FROM STDIN", Slow())

    def ddl(target, stop):
        connection = target.connect()
        cursor = connection.cursor()
        while not stop.is_set():
            for statement in ("BEGIN", "CREATE TABLE other (a int)", "ALTER TABLE other ADD COLUMN b int", "INSERT INTO other VALUES (1, 2)", "DROP TABLE other", "COMMIT"):
                cursor.execute(statement)
                stop.wait(1)
        cursor.execute("ROLLBACK")

    def index(target, stop):
        cursor = target.connect().cursor()
        while not stop.is_set():
            cursor.execute("CREATE INDEX large_t ON large (t)")
            cursor.execute("DROP INDEX large_t")

    base = {}
    for name, work in (("undisturbed", None), ("a million rows updated", million), ("COPY at 1 MB/s", copy), ("a DDL block, thinking 1 s", ddl), ("an index built", index)):
        cells = [name]
        for target in targets:
            stop = threading.Event()
            thread = threading.Thread(target=work, args=(target, stop)) if work else None
            if thread:
                thread.start()
                time.sleep(0.5)
            worst, _ = latency(target, script, 8, seconds)
            stop.set()
            if thread:
                thread.join()
            base.setdefault(target.name, worst)
            cells += [f"{worst / 1000:.2f}", f"{worst / base[target.name]:.1f}"]
        row(*cells)


def inserts(targets, seconds):
    row("10,000 one-row INSERTs in one transaction, s", "SPG", "ratio", "PostgreSQL", "ratio")
    row(*["---"] * 5)

    def once(target):
        connection = target.connect()
        cursor = connection.cursor()
        cursor.execute("PREPARE i AS INSERT INTO mine VALUES ($1, 'a text of some length')")
        cursor.execute("SELECT coalesce(max(id), 0) FROM mine WHERE id < 100000000")
        first = cursor.fetchone()[0] + 1
        begun = time.monotonic()
        cursor.execute("BEGIN")
        for i in range(first, first + 10000):
            cursor.execute(f"EXECUTE i({i})")
        cursor.execute("COMMIT")
        return time.monotonic() - begun

    base = {}
    for name, script in (("alone", None), ("beside 16 writers of another table", "\\set id random(1, 10000)\nUPDATE theirs SET v = v + 1 WHERE id = :id;\n"),
                         ("beside 16 writers of the same table", "\\set id random(100000000, 2000000000)\nINSERT INTO mine VALUES (:id, 'theirs') ON CONFLICT DO NOTHING;\n")):
        cells = [name]
        for target in targets:
            target.sql("DROP TABLE IF EXISTS mine, theirs", "CREATE TABLE mine (id int PRIMARY KEY, t text)", "CREATE TABLE theirs (id int PRIMARY KEY, v int)",
                       "INSERT INTO theirs SELECT g, 0 FROM generate_series(1, 10000) g")
            noise = threading.Thread(target=lambda: target.pgbench(script, 16, 3 * seconds)) if script else None
            if noise:
                noise.start()
                time.sleep(1)
            took = statistics.median(once(target) for _ in range(3))
            if noise:
                noise.join()
            base.setdefault(target.name, took)
            cells += [f"{took:.2f}", f"{took / base[target.name]:.2f}"]
        row(*cells)


def pipeline(targets, seconds):
    row("100 INSERTs in one pipeline, ms", "each by itself", "one transaction", "ratio")
    row(*["---"] * 4)
    for target in targets:
        if target.name != "SPG":
            continue  # it authenticates otherwise
        target.sql("DROP TABLE IF EXISTS lines", "CREATE TABLE lines (id int, t text)")
        client = Raw(target.port)
        client.send(parse("INSERT INTO lines VALUES (1, 'a line')", "i") + SYNC)
        client.answers()
        one = bind(statement="i") + execute() + SYNC

        def timed(messages, answers):
            begun = time.perf_counter()
            client.send(messages)
            for _ in range(answers):
                client.answers()
            return (time.perf_counter() - begun) * 1000
        alone, block = [], []
        for _ in range(40):
            alone.append(timed(one * 100, 100))
            block.append(timed(query("BEGIN") + (bind(statement="i") + execute()) * 100 + SYNC + query("COMMIT"), 3))
        a, b = statistics.median(alone), statistics.median(block)
        row(target.name, f"{a:.2f}", f"{b:.2f}", f"{a / b:.2f}")


def queue_table(target):
    target.sql("DROP TABLE IF EXISTS jobs", "CREATE TABLE jobs (id int PRIMARY KEY, done bool NOT NULL DEFAULT false, v int)",
               "INSERT INTO jobs SELECT g, false, 0 FROM generate_series(1, 200000) g")


def queue(targets, seconds):
    row("job queue, SKIP LOCKED, 16 workers, jobs/s", "SPG", "PostgreSQL", "ratio")
    row(*["---"] * 4)
    script = "BEGIN;\nSELECT id FROM jobs ORDER BY id FOR UPDATE SKIP LOCKED LIMIT 1 \\gset\nDELETE FROM jobs WHERE id = :id;\nCOMMIT;\n"
    rates = {}
    for target in targets:
        found = []
        for _ in range(3):
            queue_table(target)
            found.append(target.pgbench(script, 16, seconds)[0])
        rates[target.name] = statistics.median(found)
    row("", f"{rates['SPG']:.0f}", f"{rates['PostgreSQL']:.0f}", f"{rates['SPG'] / rates['PostgreSQL']:.2f}")


def serial(targets, seconds):
    row("job queue, SERIALIZABLE, 8 workers", "jobs/s", "40001 a job", "ratio of those")
    row(*["---"] * 4)
    shares = {}
    for target in targets:
        queue_table(target)
        counts = {"done": 0, "failed": 0}
        end = time.monotonic() + seconds

        def work(number):
            connection = psycopg2.connect(target.dsn)
            connection.set_session("SERIALIZABLE")
            cursor = connection.cursor()
            done = failed = 0
            while time.monotonic() < end:
                try:
                    cursor.execute("SELECT id FROM jobs WHERE id > %s ORDER BY id LIMIT 1", (number * 25000,))
                    got = cursor.fetchone()
                    cursor.execute("DELETE FROM jobs WHERE id = %s", (got[0],))
                    cursor.execute("UPDATE jobs SET v = v + 1 WHERE id = %s", (got[0] + 20,))
                    connection.commit()
                    done += 1
                except psycopg2.errors.SerializationFailure:
                    connection.rollback()
                    failed += 1
            counts["done"] += done
            counts["failed"] += failed
        threads = [threading.Thread(target=work, args=(n % 2,)) for n in range(8)]  # four at each of two ends
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        shares[target.name] = counts["failed"] / max(1, counts["done"])
        row(target.name, f"{counts['done'] / seconds:.0f}", f"{shares[target.name]:.2f}", f"{shares[target.name] / shares[targets[-1].name]:.2f}" if targets[-1].name in shares and shares[targets[-1].name] else "")
    if shares.get("PostgreSQL"):
        row("SPG against PostgreSQL", "", "", f"{shares['SPG'] / shares['PostgreSQL']:.2f}")


def forgotten(targets, seconds):
    row("updates/s of 8 clients", "alone", "beside a forgotten BEGIN; UPDATE", "ratio")
    row(*["---"] * 4)
    script = "\\set id random(2, 10000)\nUPDATE small SET v = v + 1 WHERE id = :id;\n"
    for target in targets:
        target.sql("DROP TABLE IF EXISTS small", "CREATE TABLE small (id int PRIMARY KEY, v int)", "INSERT INTO small SELECT g, 0 FROM generate_series(1, 10000) g")
        alone = statistics.median(target.pgbench(script, 8, seconds)[0] for _ in range(3))
        holder = target.connect()
        holder.cursor().execute("BEGIN; UPDATE small SET v = 7 WHERE id = 1")
        beside = statistics.median(target.pgbench(script, 8, seconds)[0] for _ in range(3))
        holder.close()
        row(target.name, f"{alone:.0f}", f"{beside:.0f}", f"{beside / alone:.2f}")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=10)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    reference = subprocess.run([str(SHARED / "tools/refpg"), "bench"], capture_output=True, text=True, check=True).stdout.split()
    pg = dict(part.split("=") for part in reference)
    with Server() as server:
        targets = [Target("SPG", "127.0.0.1", server.port, "bench", "postgres"), Target("PostgreSQL", pg["host"], pg["port"], pg["user"], pg["dbname"])]
        for measure in (think, disturbed, inserts, pipeline, queue, serial, forgotten):
            if options.only and measure.__name__ not in options.only.split(","):
                continue
            measure(targets, options.seconds)
            print(flush=True)


if __name__ == "__main__":
    main()
