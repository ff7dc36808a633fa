#!/usr/bin/python3
"""Two daemons on one path, the daemon and the command line, and a start at once after kill -9."""
import os
import subprocess
import time

import psycopg2

from support import ROOT, SERVER, Server, free_port

SPG = os.environ.get("SPG_CLI", str(ROOT / "build/dev/spg"))


def refused(server, *command, environment=None):
    done = subprocess.run(command, env=dict(os.environ, **(environment or {})), capture_output=True, text=True, timeout=60)
    wanted = f'database "{server.folder}/spg.db" is open already: directory "{server.folder}/spg.db.d" is locked by another process (PID {server.process.pid})'
    assert done.returncode == 1 and wanted in done.stderr, (done.returncode, done.stdout, done.stderr)


def main():
    server = Server().start()
    connection = psycopg2.connect(server.dsn())
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE t (n int)")
    connection.commit()
    database, wal = str(server.folder / "spg.db"), str(server.folder / "wal.log")
    second = {"SPG_DB": database, "SPG_WAL": wal}
    refused(server, SERVER, environment=dict(second, SPG_PG_ADDR=f"127.0.0.1:{free_port()}"))
    for verb in (["query", database, "SELECT 1"], ["query", database, "--read-only", "SELECT 1"], ["verify", database], ["dump", database], ["repair", database]):
        refused(server, SPG, *verb)
    cursor.execute("INSERT INTO t VALUES (0)")
    connection.commit()
    for n in range(1, 11):
        cursor.execute("INSERT INTO t VALUES (%s)", (n,))
        connection.commit()
        server.kill()
        server.start()  # at once: what was locked went with the process
        connection = psycopg2.connect(server.dsn())
        cursor = connection.cursor()
        cursor.execute("SELECT count(*) FROM t")
        assert cursor.fetchone() == (n + 1,)
    connection.close()
    server.stop()
    # A reader keeps a server from starting, and another reader does not mind.
    reader = subprocess.Popen([SPG, "query", database, "--wal", wal, "--read-only"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    for _ in range(100):  # until it has opened the files
        if f" {reader.pid} " in open("/proc/locks").read():
            break
        time.sleep(0.05)
    server.process = reader
    refused(server, SERVER, environment=dict(second, SPG_PG_ADDR=f"127.0.0.1:{free_port()}"))
    done = subprocess.run([SPG, "verify", "--quiet", "--wal", wal, database], capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stdout + done.stderr
    out, _ = reader.communicate("SELECT count(*) AS n FROM t;", timeout=60)
    assert " 11\n" in out, out
    server.process = None
    server.start()
    server.stop()
    print("two daemons, the command line and ten kills: one opener")


main()
