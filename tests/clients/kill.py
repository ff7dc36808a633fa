#!/usr/bin/python3
"""Kills the server with SIGKILL at random moments during loads and updates; every acknowledged change must be there
afterwards, and no half transaction. usage: kill.py [KILLS [SEED]] (or SPG_KILLS; default 200)"""
import os
import random
import subprocess
import sys
import threading
import time

import psycopg2

from support import ROOT, Server

KILLS = int(sys.argv[1] if len(sys.argv) > 1 else os.environ.get("SPG_KILLS", 200))
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261120
WRITERS = 4
SPG = os.environ.get("SPG_CLI", str(ROOT / "build/dev/spg"))


class Writer(threading.Thread):
    """Transfers between two of its accounts, appends to a ledger and loads batches, until the server goes. `sent` is the
    number of its last transaction begun, `acknowledged` of the last one that the server confirmed."""

    def __init__(self, dsn, number, start, seed):
        super().__init__()
        self.dsn, self.number, self.sent, self.acknowledged = dsn, number, start, start
        self.random = random.Random(seed)
        self.error = None

    def run(self):
        try:
            connection = psycopg2.connect(self.dsn)
            cursor = connection.cursor()
            while True:
                step = self.acknowledged + 1
                self.sent = step
                amount = self.random.randint(1, 100)
                a, b = self.number * 2, self.number * 2 + 1
                cursor.execute("UPDATE accounts SET balance = balance - %s, last = %s WHERE id = %s", (amount, step, a))
                cursor.execute("UPDATE accounts SET balance = balance + %s, last = %s WHERE id = %s", (amount, step, b))
                rows = self.random.choice((1, 1, 1, 50, 1500))
                cursor.execute("INSERT INTO ledger SELECT %s, %s, g, repeat('x', g %% 50) FROM generate_series(1, %s) g", (self.number, step, rows))
                cursor.execute("INSERT INTO steps VALUES (%s, %s, %s)", (self.number, step, rows))
                connection.commit()
                self.acknowledged = step
        except psycopg2.OperationalError:
            pass
        except psycopg2.InterfaceError:
            pass
        except Exception as error:  # anything else is a failure of the test
            self.error = error


def check(dsn, writers):
    connection = psycopg2.connect(dsn)
    cursor = connection.cursor()
    cursor.execute("SELECT sum(balance) FROM accounts")
    assert cursor.fetchone()[0] == 0, "money was made or lost: half a transaction"
    for writer in writers:
        if writer.error is not None:
            raise writer.error
        cursor.execute("SELECT id, last FROM accounts WHERE id IN (%s, %s) ORDER BY id", (writer.number * 2, writer.number * 2 + 1))
        lasts = {last for _, last in cursor.fetchall()}
        assert len(lasts) == 1, f"writer {writer.number}: half a transaction: {lasts}"
        last = lasts.pop()
        assert writer.acknowledged <= last <= writer.sent, f"writer {writer.number}: acknowledged {writer.acknowledged}, sent {writer.sent}, found {last}"
        cursor.execute("SELECT count(*), coalesce(sum(rows), 0), coalesce(max(step), 0) FROM steps WHERE writer = %s", (writer.number,))
        steps, rows, top = cursor.fetchone()
        assert steps == last and top == last, f"writer {writer.number}: {steps} steps up to {top}, accounts say {last}"
        cursor.execute("SELECT count(*) FROM ledger WHERE writer = %s", (writer.number,))
        assert cursor.fetchone()[0] == rows, f"writer {writer.number}: ledger rows are missing or too many"
        writer.acknowledged = last
    connection.close()


def start_over(dsn):
    connection = psycopg2.connect(dsn)
    connection.cursor().execute("TRUNCATE ledger; TRUNCATE steps; UPDATE accounts SET balance = 0, last = 0")
    connection.commit()
    connection.close()


def verify(server):
    """What a crash has left, and what recovery will make of it: no server has it open."""
    done = subprocess.run([SPG, "verify", "--quiet", "--wal", str(server.folder / "wal.log"), str(server.folder / "spg.db")], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0 and done.stdout == "", done.stdout + done.stderr


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    server = Server().start()
    connection = psycopg2.connect(server.dsn())
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE accounts (id int PRIMARY KEY, balance bigint NOT NULL, last int NOT NULL)")
    cursor.execute("CREATE TABLE ledger (writer int NOT NULL, step int NOT NULL, row int NOT NULL, note text)")
    cursor.execute("CREATE TABLE steps (writer int NOT NULL, step int NOT NULL, rows int NOT NULL, PRIMARY KEY (writer, step))")
    cursor.execute("CREATE INDEX ledger_writer ON ledger (writer, step)")
    cursor.execute("INSERT INTO accounts SELECT g, 0, 0 FROM generate_series(0, %s) g", (WRITERS * 2 - 1,))
    connection.commit()
    connection.close()
    acknowledged, before, total = [0] * WRITERS, 0, 0
    for kill in range(KILLS):
        writers = [Writer(server.dsn(), n, acknowledged[n], chance.random()) for n in range(WRITERS)]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.02, 0.35))
        server.kill()
        for writer in writers:
            writer.join()
        if kill % 20 == 19:
            verify(server)
        server.start()
        check(server.dsn(), writers)
        acknowledged = [writer.acknowledged for writer in writers]
        total += sum(acknowledged) - before
        before = sum(acknowledged)
        if kill % 20 == 19:  # what grows makes every start slower
            start_over(server.dsn())
            acknowledged, before = [0] * WRITERS, 0
    server.stop()
    verify(server)
    print(f"{KILLS} kills, {total} transactions, none lost, none half")


main()
