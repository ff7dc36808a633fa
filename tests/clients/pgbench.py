#!/usr/bin/python3
"""Unmodified pgbench: initialisation and its built-in scripts in all three protocol modes; the books must balance."""
import subprocess
import sys

import psycopg2

from support import PGBENCH, Server


def main():
    with Server() as server:
        dsn = ["-h", "127.0.0.1", "-p", str(server.port), "-U", "bench", "postgres"]

        def pgbench(*arguments):
            done = subprocess.run([PGBENCH, *arguments, *dsn], env={"PGPASSWORD": "bench"}, capture_output=True, text=True)
            if done.returncode != 0 or "aborted" in done.stderr:
                sys.exit(f"pgbench {arguments}: {done.stderr}\n{done.stdout}")
            return done.stdout

        pgbench("-i", "-q", "-s", "2")
        for mode in ("simple", "extended", "prepared"):
            for script in ("tpcb-like", "simple-update", "select-only"):
                output = pgbench("-n", "-M", mode, "-b", script, "-c", "8", "-j", "2", "-t", "100")
                assert "number of transactions actually processed: 800/800" in output, output
        cursor = psycopg2.connect(server.dsn()).cursor()
        cursor.execute("SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers),"
                       " (SELECT sum(bbalance) FROM pgbench_branches), (SELECT sum(delta) FROM pgbench_history), (SELECT count(*) FROM pgbench_history)")
        accounts, tellers, branches, history, rows = cursor.fetchone()
        assert accounts == history and rows == 3 * 2 * 800, (accounts, history, rows)
        assert tellers == branches, (tellers, branches)
        print(f"{rows} history rows, the books balance")


main()
