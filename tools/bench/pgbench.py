#!/usr/bin/python3
"""spg-server and PostgreSQL 15 side by side under pgbench, with the echo server as the physical limit.

usage: tools/bench/pgbench.py [--seconds 15] [--runs 5] [--clients 16] [--scale 10] [--only NAME,...]

Runs alternate between the servers; medians with min and max are printed as a markdown table. CPU counts all processes and
threads of a server (user + system, from /proc), per transaction. The build used is build/release.
"""
import argparse
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
from support import PGBENCH, SHARED, Server, free_port  # noqa: E402

SCRIPTS = SHARED / "tools/pgbench"
WORK = [  # name, script, what the echo server does
    ("prepared point select", "select.sql", "memory"),
    ("durable autocommit update", "autocommit-update.sql", None),
    ("simple-update", "simple-update.sql", "sync"),
    ("tpcb", "tpcb.sql", "sync"),
]


def cpu_seconds(pids):
    ticks = 0
    for pid in pids:
        try:
            fields = pathlib.Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
            ticks += sum(int(f) for f in fields[11:15])  # with the children that have been waited for
        except FileNotFoundError:
            pass
    return ticks / os.sysconf("SC_CLK_TCK")


def process_tree(pid):
    found = [pid]
    for entry in pathlib.Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                parent = int((entry / "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            if parent == pid:
                found += process_tree(int(entry.name))
    return found


def run(dsn, pid, script, options):
    environment = dict(os.environ, PGPASSWORD="bench")
    before = {p: cpu_seconds([p]) for p in process_tree(pid)}
    command = [PGBENCH, "-n", "-f", str(SCRIPTS / script), "-M", "prepared", "-c", str(options.clients), "-j", "2", "-T", str(options.seconds), "-s", str(options.scale), *dsn]
    text = subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    used = {}
    while text.poll() is None:
        for p in process_tree(pid):
            used[p] = cpu_seconds([p])
        time.sleep(0.2)
    output = text.stdout.read()
    rate = re.search(r"tps = ([\d.]+) \(without", output)
    count = re.search(r"actually processed: (\d+)", output)
    if not rate:
        sys.exit(output)
    cpu = sum(used[p] - before.get(p, 0) for p in used)
    return float(rate[1]), cpu * 1e6 / int(count[1])


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=int, default=15)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--clients", type=int, default=16)
    parser.add_argument("--scale", type=int, default=10)
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    subprocess.run(["g++", "-O2", "-std=c++20", "-pthread", str(SHARED / "tools/echo_pg.cpp"), "-o", "/tmp/echo_pg"], check=True)
    reference = subprocess.run([str(SHARED / "tools/refpg"), "bench"], capture_output=True, text=True, check=True).stdout.split()
    pg = dict(part.split("=") for part in reference)
    pg_dsn = ["-h", pg["host"], "-p", pg["port"], "-U", pg["user"], pg["dbname"]]
    pg_pid = int(open(f"/tmp/spg-refpg/{pg['port']}/data/postmaster.pid").readline())
    with Server() as server:
        spg_dsn = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", "postgres"]
        for dsn in (spg_dsn, pg_dsn):
            subprocess.run([PGBENCH, "-i", "-q", "-s", str(options.scale), *dsn], env=dict(os.environ, PGPASSWORD="bench"), check=True, capture_output=True)
        print("| work | server | transactions/s (min .. max) | CPU us/transaction | rate vs PostgreSQL | CPU vs PostgreSQL | rate vs echo |")
        print("| --- | --- | --- | --- | --- | --- | --- |")
        for name, script, echo in WORK:
            if options.only and script.removesuffix(".sql") not in options.only.split(","):
                continue
            results = {"SPG": [], "PostgreSQL": [], "echo": []}
            for _ in range(options.runs):
                results["SPG"].append(run(spg_dsn, server.process.pid, script, options))
                results["PostgreSQL"].append(run(pg_dsn, pg_pid, script, options))
                if echo:
                    port = free_port()
                    log = [str(server.folder / "echo.log")] if echo == "sync" else []
                    process = subprocess.Popen(["/tmp/echo_pg", str(port), "2", *log])
                    time.sleep(1)
                    results["echo"].append(run(["-h", "127.0.0.1", "-p", str(port), "-U", "bench", "postgres"], process.pid, script, options))
                    process.kill()
                    process.wait()
            median = {who: (statistics.median(r[0] for r in rows), statistics.median(r[1] for r in rows)) for who, rows in results.items() if rows}
            for who, rows in results.items():
                if not rows:
                    continue
                rates = [r[0] for r in rows]
                against_echo = f"{median[who][0] / median['echo'][0]:.2f}" if "echo" in median else ""
                print(f"| {name} | {who} | {median[who][0]:.0f} ({min(rates):.0f} .. {max(rates):.0f}) | {median[who][1]:.1f} | "
                      f"{median[who][0] / median['PostgreSQL'][0]:.2f} | {median[who][1] / median['PostgreSQL'][1]:.2f} | {against_echo} |", flush=True)


main()
