#!/usr/bin/python3
"""spg-server and PostgreSQL 15 side by side on the Debian package index: COPY, a GROUP BY, and the start of the process.

usage: tools/bench/bulk.py [--runs 5] [--only copy,group,start] [--server PATH]

Runs alternate between the servers; medians with min and max are printed as a markdown table. COPY loads depends with its
indexes in place into an emptied table. Between two runs of the GROUP BY one row is updated. The start is measured by a raw
client, from the creation of the process to ReadyForQuery after SCRAM.
"""
import argparse
import base64
import hashlib
import hmac
import os
import pathlib
import socket
import statistics
import struct
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from support import SHARED, Server, free_port, psql, scratch, unpack_debian  # noqa: E402

GROUP_BY = "SELECT kind, count(*), max(version) FROM depends GROUP BY kind ORDER BY kind"


def print_row(work, unit, results, more_is_better):
    reference = statistics.median(results["PostgreSQL"])
    for who, values in results.items():
        median = statistics.median(values)
        ratio = median / reference if more_is_better else reference / median
        print(f"| {work} | {who} | {median:.1f} {unit} ({min(values):.1f} .. {max(values):.1f}) | {ratio:.2f} |", flush=True)


def copy_rate(connection, path, rows):
    with connection.cursor() as cursor, open(path, "rb") as source:
        cursor.execute("TRUNCATE depends")
        start = time.perf_counter()
        cursor.copy_expert("COPY depends FROM STDIN", source)
        return rows / (time.perf_counter() - start) / 1000


def group_ms(connection):
    with connection.cursor() as cursor:
        cursor.execute("UPDATE depends SET version = version WHERE package_id = (SELECT min(package_id) FROM depends)")
        start = time.perf_counter()
        cursor.execute(GROUP_BY)
        rows = cursor.fetchall()
        return (time.perf_counter() - start) * 1000, rows


def connect(dsn):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    return connection


def receive(client):
    def exactly(count):
        data = b""
        while len(data) < count:
            part = client.recv(count - len(data))
            if not part:
                raise ConnectionError("the server closed the connection")
            data += part
        return data
    tag = exactly(1)
    return tag, exactly(struct.unpack("!I", exactly(4))[0] - 4)


def log_in(client, user, password, database):
    """The raw client: start-up, SCRAM-SHA-256, up to ReadyForQuery."""
    body = struct.pack("!I", 196608) + b"".join(part.encode() + b"\0" for part in ("user", user, "database", database)) + b"\0"
    client.sendall(struct.pack("!I", len(body) + 4) + body)
    receive(client)
    first = "n=,r=" + base64.b64encode(os.urandom(18)).decode()
    initial = b"SCRAM-SHA-256\0" + struct.pack("!I", len(first) + 3) + b"n,," + first.encode()
    client.sendall(b"p" + struct.pack("!I", len(initial) + 4) + initial)
    server_first = receive(client)[1][4:].decode()
    fields = dict(part.split("=", 1) for part in server_first.split(","))
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(fields["s"]), int(fields["i"]))
    client_key = hmac.digest(salted, b"Client Key", "sha256")
    last = f"c=biws,r={fields['r']}"
    message = f"{first},{server_first},{last}".encode()
    signature = hmac.digest(hashlib.sha256(client_key).digest(), message, "sha256")
    proof = base64.b64encode(bytes(a ^ b for a, b in zip(client_key, signature))).decode()
    final = f"{last},p={proof}".encode()
    client.sendall(b"p" + struct.pack("!I", len(final) + 4) + final)
    while receive(client)[0] != b"Z":
        pass


def start_ms(folder):
    """From the creation of the process to ReadyForQuery; the process is stopped afterwards."""
    port = free_port()
    environment = dict(os.environ, SPG_PG_ADDR=f"127.0.0.1:{port}", SPG_DB=f"{folder}/spg.db", SPG_WAL=f"{folder}/wal.log")
    start = time.perf_counter()
    process = subprocess.Popen([os.environ["SPG_SERVER"]], env=environment, stdout=subprocess.DEVNULL)
    while True:
        client = socket.socket()
        try:
            client.connect(("127.0.0.1", port))
            break
        except ConnectionRefusedError:
            client.close()
            time.sleep(0.0002)
    log_in(client, "bench", "bench", "postgres")
    seconds = time.perf_counter() - start
    client.close()
    process.terminate()
    process.wait()
    return seconds * 1000


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="copy,group,start")
    options = parser.parse_args()
    only = options.only.split(",")
    folder = scratch("spg-bulk-")
    print("| work | server | median (min .. max) | times PostgreSQL |\n| --- | --- | --- | --- |")
    if "start" in only:
        first, again = [], []
        for run in range(max(options.runs, 5)):
            database = folder / f"start-{run}"
            database.mkdir()
            first.append(start_ms(database))
            again.append(start_ms(database))
        for work, values in (("first start to ReadyForQuery", first), ("restart to ReadyForQuery", again)):
            print(f"| {work} | SPG | {statistics.median(values):.1f} ms ({min(values):.1f} .. {max(values):.1f}) | |", flush=True)
    if "copy" in only or "group" in only:
        unpack_debian(folder)
        rows = sum(1 for _ in open(folder / "depends.tsv", "rb"))
        reference = subprocess.run([str(SHARED / "tools/refpg"), "bench"], capture_output=True, text=True, check=True).stdout.strip()
        with Server(folder=folder) as server:
            connections = {}
            for who, dsn in (("SPG", server.dsn()), ("PostgreSQL", reference)):
                psql(dsn, "-f", str(ROOT / "examples/debian-packages/schema.sql"), cwd=folder)
                psql(dsn, "-f", str(ROOT / "examples/debian-packages/load.sql"), cwd=folder)
                connections[who] = connect(dsn)
            if "copy" in only:
                rates = {who: [] for who in connections}
                for _ in range(options.runs):
                    for who, connection in connections.items():
                        rates[who].append(copy_rate(connection, folder / "depends.tsv", rows))
                print_row("COPY FROM of depends", "krows/s", rates, True)
            if "group" in only:
                connections["PostgreSQL"].cursor().execute("VACUUM ANALYZE depends")
                times, answers = {who: [] for who in connections}, {}
                for run in range(options.runs + 2):
                    for who, connection in connections.items():
                        took, answers[who] = group_ms(connection)
                        if run >= 2:  # warm
                            times[who].append(took)
                if answers["SPG"] != answers["PostgreSQL"]:
                    sys.exit(f"the answers differ: {answers}")
                print_row("GROUP BY kind", "ms", times, False)


main()
