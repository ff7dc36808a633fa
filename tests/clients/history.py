#!/usr/bin/env python3
"""AS OF SYSTEM TIME: tables, their definitions and cursors as they were; what refuses it; with traffic, checkpoints and a small budget."""
import contextlib
import sys
import threading
import time

import psycopg2

from support import Server

failures = 0


def check(what, got, wanted):
    global failures
    if got != wanted:
        failures += 1
        print(f"{what}: wanted {wanted!r}, got {got!r}")


def connect(server):
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    return contextlib.closing(connection)


def run(cursor, sql, *arguments):
    cursor.execute(sql, arguments or None)
    return cursor.fetchall() if cursor.description else None


def error_of(cursor, sql):
    try:
        run(cursor, sql)
    except psycopg2.Error as error:
        return error.pgcode, error.diag.message_primary
    return None


def now(cursor):
    time.sleep(0.01)
    moment = run(cursor, "SELECT clock_timestamp()::text")[0][0]
    time.sleep(0.01)
    return moment


def statements(server):
    with connect(server) as connection, connection.cursor() as cursor:
        run(cursor, "CREATE TABLE t (a int PRIMARY KEY, b text); INSERT INTO t VALUES (1, 'one'), (2, 'two')")
        then = now(cursor)
        run(cursor, "UPDATE t SET b = 'eins' WHERE a = 1; INSERT INTO t VALUES (3, 'three')")
        changed = now(cursor)
        run(cursor, "ALTER TABLE t ADD COLUMN c int DEFAULT 7; ALTER TABLE t DROP COLUMN b")
        old = [(1, "one"), (2, "two")]
        check("then", run(cursor, f"SELECT * FROM t AS OF SYSTEM TIME '{then}' ORDER BY a"), old)
        check("changed", run(cursor, f"SELECT * FROM t AS OF SYSTEM TIME '{changed}' ORDER BY a"), [(1, "eins"), (2, "two"), (3, "three")])
        check("today", run(cursor, "SELECT * FROM t ORDER BY a"), [(1, 7), (2, 7), (3, 7)])
        check("an alias", run(cursor, f"SELECT x.b FROM t AS x AS OF SYSTEM TIME '{then}' WHERE x.a = 2"), [("two",)])
        check("a join and a subquery", run(cursor, f"SELECT count(*) FROM t JOIN t y USING (a) AS OF SYSTEM TIME '{then}' WHERE a IN (SELECT a FROM t WHERE b LIKE 't%')"), [(1,)])
        check("within a subquery", run(cursor, f"SELECT (SELECT count(*) FROM t AS OF SYSTEM TIME '{then}'), count(*) FROM t"), [(2, 2)])
        check("now", run(cursor, "SELECT count(*) FROM t AS OF SYSTEM TIME 'now'"), [(3,)])
        check("0 seconds ago", run(cursor, "SELECT count(*) FROM t AS OF SYSTEM TIME '0 s'"), [(3,)])
        check("EXPLAIN", "Scan" in str(run(cursor, f"EXPLAIN SELECT b FROM t AS OF SYSTEM TIME '{then}'")), True)
        check("an alias named of", run(cursor, "SELECT of.a FROM t AS of WHERE of.a = 3"), [(3,)])
        run(cursor, f"PREPARE p AS SELECT b FROM t AS OF SYSTEM TIME '{then}' WHERE a = $1")
        check("prepared", run(cursor, "EXECUTE p (1)"), [("one",)])
        check("pg_attribute", run(cursor, f"SELECT attname FROM pg_attribute AS OF SYSTEM TIME '{then}' WHERE attrelid = 't'::regclass AND attnum > 0 AND NOT attisdropped ORDER BY attnum"), [("a",), ("b",)])
        run(cursor, "DROP TABLE t")
        check("a dropped table", run(cursor, f"SELECT * FROM t AS OF SYSTEM TIME '{then}' ORDER BY a"), old)
        check("an interval", run(cursor, "SELECT count(*) > 0 FROM pg_class AS OF SYSTEM TIME '-10 ms'"), [(True,)])
        # in transactions
        run(cursor, "CREATE TABLE v (a int); INSERT INTO v VALUES (1)")
        first = now(cursor)
        for isolation in ("READ COMMITTED", "REPEATABLE READ", "SERIALIZABLE"):
            run(cursor, f"BEGIN ISOLATION LEVEL {isolation}; INSERT INTO v VALUES (10)")
            check(f"own writes, {isolation}", run(cursor, "SELECT count(*) FROM v"), [(2,)])
            check(f"not of the past, {isolation}", run(cursor, f"SELECT count(*) FROM v AS OF SYSTEM TIME '{first}'"), [(1,)])
            check(f"and again, {isolation}", run(cursor, "SELECT count(*) FROM v"), [(2,)])
            run(cursor, f"DECLARE c CURSOR FOR SELECT * FROM t AS OF SYSTEM TIME '{then}' ORDER BY a")
            check(f"a cursor, {isolation}", run(cursor, "FETCH 1 FROM c") + run(cursor, "FETCH ALL FROM c"), old)
            run(cursor, "ROLLBACK")
        # what is refused
        check("writes", error_of(cursor, f"INSERT INTO v SELECT * FROM v AS OF SYSTEM TIME '{first}'"), ("0A000", "AS OF SYSTEM TIME is only for statements that do nothing but read"))
        check("locks", error_of(cursor, f"SELECT * FROM v AS OF SYSTEM TIME '{first}' FOR UPDATE")[0], "0A000")
        check("two times", error_of(cursor, "SELECT * FROM (SELECT * FROM v AS OF SYSTEM TIME '-1 s') x AS OF SYSTEM TIME '-2 s'"), ("0A000", "AS OF SYSTEM TIME cannot name different times in one statement"))
        check("nonsense", error_of(cursor, "SELECT * FROM v AS OF SYSTEM TIME 'yore'"), ("22007", 'AS OF SYSTEM TIME "yore" is neither a timestamp nor an interval'))
        check("the future", error_of(cursor, "SELECT * FROM v AS OF SYSTEM TIME '2100-01-01'"), ("22023", "AS OF SYSTEM TIME cannot name a time in the future"))
        check("too long ago", error_of(cursor, "SELECT * FROM v AS OF SYSTEM TIME '-1 hour'"), ("72000", "the database is not kept as it was at that time"))
        check("a syntax error", error_of(cursor, "SELECT * FROM v AS OF SYSTEM TIME now()")[0], "42601")
        check("before the table", error_of(cursor, f"SELECT * FROM v AS OF SYSTEM TIME '{then}'"), ("42P01", 'relation "v" does not exist'))


def traffic(server):
    """Sums stay what they were while everything changes, over checkpoints and with more data than memory."""
    with connect(server) as connection, connection.cursor() as cursor:
        run(cursor, "CREATE TABLE accounts (id int PRIMARY KEY, balance int, filler text)")
        run(cursor, "INSERT INTO accounts SELECT g, 100, repeat(md5(g::text), 6) FROM generate_series(1, 100000) g")
        stop = threading.Event()
        errors = []

        def write():
            try:
                with connect(server) as own, own.cursor() as mine:
                    n = 0
                    while not stop.wait(0.02):  # fewer commits in a second than are kept
                        n += 1
                        run(mine, "UPDATE accounts SET balance = balance + 1, filler = md5(filler) || repeat(md5(balance::text), 5) WHERE id BETWEEN %s AND %s + 99", n * 137 % 99000, n * 137 % 99000)
            except Exception as error:  # noqa: BLE001
                errors.append(error)

        writer = threading.Thread(target=write)
        writer.start()
        known = []
        until = time.monotonic() + 15
        while time.monotonic() < until:
            moment, total = run(cursor, "SELECT statement_timestamp()::text, sum(balance) FROM accounts")[0]
            known.append((moment, run(cursor, f"SELECT sum(balance) FROM accounts AS OF SYSTEM TIME '{moment}'")[0][0]))
            if len(known) % 7 == 0:
                run(cursor, "CHECKPOINT")
            for moment, total in known[:: max(1, len(known) // 4)]:
                check("the sum as of " + moment, run(cursor, f"SELECT sum(balance) FROM accounts AS OF SYSTEM TIME '{moment}'")[0][0], total)
            time.sleep(0.3)
        stop.set()
        writer.join()
        check("the writer", errors, [])
        check("it has written", known[-1][1] > known[0][1], True)
        with open(f"/proc/{server.process.pid}/status") as status:
            resident = next(int(line.split()[1]) // 1024 for line in status if line.startswith("VmRSS"))
        print(f"{len(known)} moments, {known[-1][1] - known[0][1]} changes, {resident} MiB resident")


with Server(SPG_HISTORY_SECONDS="600") as one:
    statements(one)
with Server(SPG_HISTORY_SECONDS="600", SPG_HOT_TIER_BYTES=str(64 << 20), SPG_CHECKPOINT_WAL_BYTES=str(16 << 20)) as one:
    traffic(one)
sys.exit(1 if failures else 0)
