#!/usr/bin/python3
"""Backups: how fast one is written, verified and restored, what a second one into a directory costs, and how much a backup disturbs
those who work beside it.   usage: tools/bench/backup.py [--scale 1.0] [--seconds 10]

Prints a markdown table. MB are 10^6 bytes of segments; `cp` of the same files, with its sync, is the peer."""
import argparse
import contextlib
import os
import pathlib
import statistics
import subprocess
import sys
import threading
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
SPG = os.environ.get("SPG_CLI", str(ROOT / "build/release/spg"))
import psycopg2  # noqa: E402

from support import Server  # noqa: E402


def row(what, figure):
    print(f"| {what} | {figure} |", flush=True)


def timed(action):
    began = time.perf_counter()
    action()
    return time.perf_counter() - began


def connect(server):
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    return contextlib.closing(connection)


def spg(*arguments):
    subprocess.run([SPG, *map(str, arguments)], check=True, stdout=subprocess.DEVNULL)


class Updater(threading.Thread):
    """Durable one-row updates; the time of each."""

    def __init__(self, server, number):
        super().__init__()
        self.server, self.number, self.stop, self.times = server, number, False, []

    def run(self):
        with connect(self.server) as connection, connection.cursor() as cursor:
            key = self.number
            while not self.stop:
                key = (key * 7919 + 17) % 100_000
                began = time.perf_counter()
                cursor.execute("UPDATE hot SET n = n + 1 WHERE id = %s", (key,))
                self.times.append(time.perf_counter() - began)


def updates(server, seconds, meanwhile=None):
    """Rate and 99th percentile of the updates of four clients, for so long or as long as `meanwhile` takes."""
    threads = [Updater(server, number) for number in range(4)]
    for thread in threads:
        thread.start()
    taken = timed(meanwhile if meanwhile else lambda: time.sleep(seconds))
    for thread in threads:
        thread.stop = True
    for thread in threads:
        thread.join()
    times = sorted(t for thread in threads for t in thread.times)
    return len(times) / taken, times[len(times) * 99 // 100] * 1000, taken


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=10)
    arguments = parser.parse_args()
    rows = int(6_000_000 * arguments.scale)
    server = Server()
    with server:
        with connect(server) as connection, connection.cursor() as cursor:
            cursor.execute("CREATE TABLE wide (id bigint PRIMARY KEY, a text, b text)")
            cursor.execute("CREATE TABLE hot (id int PRIMARY KEY, n int)")
            cursor.execute("INSERT INTO hot SELECT g, 0 FROM generate_series(0, 99999) g")
            for first in range(0, rows, 200_000):
                cursor.execute(f"INSERT INTO wide SELECT g, md5(g::text), md5((g * 31)::text) FROM generate_series({first}, {min(rows, first + 200_000) - 1}) g")
            cursor.execute("CHECKPOINT")
            folder = server.folder / "backups"
            folder.mkdir()
            one, shared = folder / "one", folder / "shared"
            size = sum(p.stat().st_size for p in (server.folder / "spg.db.d").iterdir()) / 1e6
            row("segments", f"{size:.0f} MB")
            copied = [timed(lambda: subprocess.run(f"rm -rf {folder}/copy && cp -r {server.folder}/spg.db.d {folder}/copy && sync {folder}/copy/*", shell=True, check=True)) for _ in range(3)]
            row("`cp -r` and `sync`", f"{size / statistics.median(copied):.0f} MB/s")
            taken = [timed(lambda: cursor.execute(f"BACKUP TO '{one}' WITH (replace)")) for _ in range(3)]
            row("`BACKUP TO` a file", f"{size / statistics.median(taken):.0f} MB/s")
            row("`BACKUP TO` a new directory", f"{size / timed(lambda: cursor.execute(f'BACKUP TO {chr(39)}{shared}/{chr(39)}')):.0f} MB/s")
            cursor.execute("UPDATE hot SET n = n + 1 WHERE id < 1000")
            again = timed(lambda: cursor.execute(f"BACKUP TO '{shared}/'"))
            row("again, when 1000 rows have changed", f"{size / again:.0f} MB/s; {connection.notices[-1].split('of which')[1].split(' were')[0].strip()} written")
            rate, p99, _ = updates(server, arguments.seconds)
            beside, p99_beside, taken_beside = updates(server, 0, lambda: [cursor.execute(f"BACKUP TO '{one}' WITH (replace)") for _ in range(3)])
            row("durable one-row updates of 4 clients: alone, beside backups", f"{rate:.0f}/s (p99 {p99:.1f} ms), {beside:.0f}/s (p99 {p99_beside:.1f} ms)")
            row("`BACKUP TO` beside them", f"{3 * size / taken_beside:.0f} MB/s")
        row("`spg verify` of the backup", f"{size / timed(lambda: spg('verify', '--quiet', one)):.0f} MB/s")
        row("`spg restore`", f"{size / timed(lambda: spg('restore', one, folder / 'restored')):.0f} MB/s")


main()
