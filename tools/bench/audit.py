#!/usr/bin/python3
"""What the audit log costs: durable one-row updates of 16 clients on two servers, one with and one without, by turns.

usage: tools/bench/audit.py [--seconds 5] [--rounds 5] [--clients 16]
The build used is build/release. Prints updates per second (medians of the rounds), the median of the rounds' ratios, the server's CPU
time for each, which others on the machine disturb less, and what the audit log takes on disk for each.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import tempfile

import psycopg2

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
from support import PGBENCH, Server  # noqa: E402

ROWS = 100_000


def prepare(server):
    connection = psycopg2.connect(server.dsn())
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL)")
    cursor.execute("INSERT INTO accounts SELECT g, 0 FROM generate_series(1, %s) g", (ROWS,))
    connection.commit()
    connection.close()


def cpu_us(server):
    fields = pathlib.Path(f"/proc/{server.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
    return (int(fields[11]) + int(fields[12])) * 1_000_000 / os.sysconf("SC_CLK_TCK")


def rate(server, script, options):
    done = subprocess.run([PGBENCH, "-n", "-M", "prepared", "-c", str(options.clients), "-j", "2", "-T", str(options.seconds), "-f", script,
                           "-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", "postgres"], env=dict(os.environ, PGPASSWORD="bench"), capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return float(re.search(r"tps = ([\d.]+)", done.stdout)[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=5)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--clients", type=int, default=16)
    options = parser.parse_args()
    with tempfile.NamedTemporaryFile("w", suffix=".sql") as script:
        script.write(f"\\set id random(1, {ROWS})\nUPDATE accounts SET balance = balance + 1 WHERE id = :id;\n")
        script.flush()
        plain, audited = Server(), Server()
        audit = audited.folder / "audit.log"
        audited.environment["SPG_AUDIT"] = str(audit)
        with plain, audited:
            prepare(plain)
            prepare(audited)
            rate(plain, script.name, options), rate(audited, script.name, options)  # warm
            rates, ratios, cpu = ([], []), [], [0, 0]
            before = audit.stat().st_size
            for number in range(options.rounds):
                order = ((0, plain), (1, audited)) if number % 2 == 0 else ((1, audited), (0, plain))
                for which, server in order:
                    used = cpu_us(server)
                    rates[which].append(rate(server, script.name, options))
                    cpu[which] += cpu_us(server) - used
                ratios.append(rates[1][-1] / rates[0][-1])
                print(f"round {number + 1}: {rates[0][-1]:.0f} without, {rates[1][-1]:.0f} with: {ratios[-1]:.3f}")
            grown = audit.stat().st_size - before
    print(f"{options.clients} clients: {statistics.median(rates[0]):.0f}/s without, {statistics.median(rates[1]):.0f}/s with the audit log: "
          f"{statistics.median(ratios):.3f} of the rate; "
          f"CPU {cpu[0] / (sum(rates[0]) * options.seconds):.1f} and {cpu[1] / (sum(rates[1]) * options.seconds):.1f} us; "
          f"{grown / (sum(rates[1]) * options.seconds):.0f} bytes an entry")


main()
