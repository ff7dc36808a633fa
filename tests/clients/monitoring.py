#!/usr/bin/python3
"""Watching a server: spg_stat_tables of a table that is loaded, checkpointed and evicted; sizes; sessions, their waits and their
progress; the log of slow statements; EXPLAIN's JSON; spg_metrics."""
import contextlib
import json
import re
import sys
import threading
import time

import psycopg2

from support import Server, psql

failures = 0


def check(what, holds, seen=None):
    global failures
    if not holds:
        failures += 1
        print(f"{what}: saw {seen!r}")


@contextlib.contextmanager
def connect(server, user="bench", password="bench"):
    connection = psycopg2.connect(server.dsn(), user=user, password=password)
    connection.autocommit = True
    try:
        yield connection.cursor()
    finally:
        connection.close()


def one(cursor, sql):
    cursor.execute(sql)
    return cursor.fetchone()


def storage(cursor, table):
    names = "rows rows_hot rows_clean rows_cold bytes_hot bytes_clean bytes_cold index_bytes_hot index_bytes_clean index_bytes_cold".split()
    return dict(zip(names, one(cursor, f"SELECT {', '.join(names)} FROM spg_stat_tables WHERE relname = '{table}'")))


def metrics(cursor):
    cursor.execute("SELECT name, value FROM spg_metrics")
    return dict(cursor.fetchall())


def wait_until(what, holds, seconds=30):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if holds():
            return True
        time.sleep(0.01)
    check(what, False, "a time-out")
    return False


def tables(server):
    rows = 300_000
    with connect(server) as cursor:
        cursor.execute("CREATE TABLE big (id int PRIMARY KEY, note text)")
        cursor.execute(f"INSERT INTO big SELECT g, 'note ' || md5(g::text) FROM generate_series(1, {rows}) g")
        loaded = storage(cursor, "big")
        check("rows", loaded["rows"] == rows, loaded)
        check("all rows are somewhere", loaded["rows_hot"] + loaded["rows_clean"] + loaded["rows_cold"] == rows, loaded)
        size_loaded = one(cursor, "SELECT pg_relation_size('big')")[0]
        check("a row takes more than its text", size_loaded > rows * 30, size_loaded)
        before = metrics(cursor)
        cursor.execute("CHECKPOINT")
        saved = storage(cursor, "big")
        check("nothing is hot after a checkpoint", saved["rows_hot"] == 0 and saved["bytes_hot"] == 0 and saved["index_bytes_hot"] == 0, saved)
        check("something is on disk", saved["bytes_clean"] + saved["bytes_cold"] > 0, saved)
        after = metrics(cursor)
        check("the checkpoint is counted", after["spg_checkpoints_total"] >= before["spg_checkpoints_total"] + 1, after)
        check("segments hold it", after["spg_segment_live_bytes"] > 1_000_000, after)
        # 300,000 rows take more than the budget of 16 MiB: some of them must have gone.
        cursor.execute("CREATE TABLE other (id int, note text)")
        cursor.execute("INSERT INTO other SELECT g, 'other ' || md5(g::text) FROM generate_series(1, 300000) g")
        cursor.execute("CHECKPOINT")
        wait_until("rows become cold", lambda: storage(cursor, "big")["rows_cold"] > 0)
        evicted = storage(cursor, "big")
        check("still all rows", evicted["rows_hot"] + evicted["rows_clean"] + evicted["rows_cold"] == rows, evicted)
        again = [storage(cursor, "big")["rows_cold"] for _ in range(20)][-1]
        check("looking does not load", again > 0, again)
        check("evictions are counted", metrics(cursor)["spg_evictions_total"] > 0)
        loads = metrics(cursor)["spg_cold_loads_total"]
        check("all can be read", one(cursor, "SELECT count(*), count(note) FROM big") == (rows, rows))
        check("loads are counted", metrics(cursor)["spg_cold_loads_total"] > loads)
        cursor.execute("UPDATE big SET note = 'hot' WHERE id = 5")
        changed = storage(cursor, "big")
        check("one block is hot", 0 < changed["rows_hot"] <= 2 * 1024, changed)
        size_evicted = one(cursor, "SELECT pg_relation_size('big')")[0]
        check("the size does not fall with what is in memory", size_evicted > 6_000_000, (size_loaded, size_evicted))
        table, indexes, total = one(cursor, "SELECT pg_table_size('big'), pg_indexes_size('big'), pg_total_relation_size('big')")
        check("a total is a sum", table + indexes == total and indexes > 20_000, (table, indexes, total))
        check("the index by itself", one(cursor, "SELECT pg_relation_size('big_pkey')")[0] == indexes)
        database = one(cursor, "SELECT pg_database_size(current_database())")[0]
        check("a database is more than a table", database > total, (database, total))
        check("another database", one(cursor, "SELECT pg_database_size('bench')")[0] > 0)
        check("no such relation", one(cursor, "SELECT pg_relation_size(99999), pg_database_size(99999::oid)") == (None, None))
    for command in (r"\dt+", r"\di+", r"\l+", r"\d spg_stat_tables"):
        shown = psql(server.dsn(), "-c", command).stdout
        check(command, any(word in shown for word in ("big", "postgres", "rows_cold")), shown)


def sessions(server):
    with connect(server) as cursor, connect(server) as other:
        other.execute("SET application_name = 'other one'")
        pid = one(other, "SELECT pg_backend_pid()")[0]

        def seen():
            return one(cursor, f"SELECT state, wait_event_type, wait_event, query, xact_start IS NOT NULL, application_name FROM pg_stat_activity WHERE pid = {pid}")

        check("idle", seen() == ("idle", "Client", "ClientRead", "SELECT pg_backend_pid()", False, "other one"), seen())
        other.execute("BEGIN")
        check("in a transaction", seen()[0] == "idle in transaction" and seen()[4], seen())
        with contextlib.suppress(psycopg2.Error):
            other.execute("SELECT 1/0")
        check("in a failed one", seen()[0] == "idle in transaction (aborted)", seen())
        other.execute("ROLLBACK")
        check("oneself", one(cursor, "SELECT state, wait_event_type, query_id FROM pg_stat_activity WHERE pid = pg_backend_pid()") == ("active", None, None))
        cursor.execute("BEGIN")
        cursor.execute("LOCK TABLE big IN ACCESS EXCLUSIVE MODE")
        waiter = threading.Thread(target=lambda: other.execute("SELECT count(*) FROM big"))
        waiter.start()
        wait_until("a lock is waited for", lambda: seen()[:3] == ("active", "Lock", "relation"))
        cursor.execute("ROLLBACK")
        waiter.join()
        # Passwords are for nobody's eyes; others' statements for those of superusers.
        other.execute("CREATE ROLE reader LOGIN PASSWORD 'quite secret'")
        check("no password", "secret" not in seen()[3] and "reader" in seen()[3], seen())
        with connect(server, "reader", "quite secret") as reader:
            check("hidden", one(reader, f"SELECT state, query FROM pg_stat_activity WHERE pid = {pid}") == (None, "<insufficient privilege>"))
            check("one's own", one(reader, "SELECT state FROM pg_stat_activity WHERE pid = pg_backend_pid()") == ("active",))
        check("statements are counted", one(cursor, f"SELECT statements FROM spg_stat_activity WHERE pid = {pid}")[0] >= 6)
        check("sessions are counted", metrics(cursor)["spg_sessions"] >= 2)


class SlowFile:
    """Rows for COPY that come while somebody watches."""

    def __init__(self, on_half):
        self.lines, self.on_half = 0, on_half

    def read(self, size):
        self.lines += 1
        if self.lines == 20:
            self.on_half()
        return "".join(f"{self.lines * 1000 + i}\tcopied\n" for i in range(1000)) if self.lines <= 40 else ""


def progress(server):
    with connect(server) as cursor, connect(server) as other:
        cursor.execute("CREATE TABLE copied (id int, note text)")
        told = []

        def look():
            wait_until("COPY is told of", lambda: one(other, "SELECT 1 FROM pg_stat_progress_copy WHERE tuples_processed > 10000") is not None)
            told.append(one(other, "SELECT relid::regclass::text, command, type, bytes_processed, tuples_processed FROM pg_stat_progress_copy"))
            told.append(one(other, "SELECT command, rows_done FROM spg_stat_activity WHERE command = 'COPY FROM'"))

        cursor.copy_from(SlowFile(look), "copied")
        check("COPY", told[0][:3] == ("copied", "COPY FROM", "PIPE") and told[0][3] > 100_000 and told[0][4] > 10_000, told)
        check("COPY in spg_stat_activity", told[1][0] == "COPY FROM" and told[1][1] > 10_000, told)
        check("COPY is over", one(other, "SELECT count(*) FROM pg_stat_progress_copy") == (0,))
        phases, scans = set(), []
        done = threading.Event()

        def build():
            for i in range(3):
                cursor.execute(f"CREATE INDEX big_note_{i} ON big (note)")
            cursor.execute("SELECT count(*) FROM big a, other b WHERE a.id = b.id AND a.note < b.note")
            done.set()

        builder = threading.Thread(target=build)
        builder.start()
        while not done.is_set():
            other.execute("SELECT relid::regclass::text, command, phase, blocks_total, blocks_done, tuples_total, tuples_done FROM pg_stat_progress_create_index")
            for row in other.fetchall():
                phases.add(row[2])
                check("CREATE INDEX", row[:2] == ("big", "CREATE INDEX") and row[4] <= row[3] and row[6] <= row[5] and row[5] in (0, 300_000), row)
            other.execute("SELECT rows_done, rows_expected, memory_bytes FROM spg_stat_activity WHERE pid <> pg_backend_pid() AND rows_expected > 0")
            scans += other.fetchall()
        builder.join()
        check("phases", "building index: scanning table" in phases, phases)
        check("scans", any(0 < done <= expected <= 600_000 and memory > 0 for done, expected, memory in scans), scans[:5])


def slow_log(server):
    with connect(server) as cursor:
        cursor.execute("SET log_min_duration_statement = 0")
        cursor.execute("SELECT 'a marker\nspg-server: not a message'")
        cursor.execute("ALTER ROLE reader PASSWORD 'other secret'")
        cursor.execute("SET log_min_duration_statement = -1")
        cursor.execute("SELECT 'not told of'")
        cursor.execute("SET auto_explain.log_min_duration = 0")
        cursor.execute("SET auto_explain.log_analyze = on")
        cursor.execute("SELECT count(*) FROM copied")
        cursor.execute("SET auto_explain.log_min_duration = 3600000")
        cursor.execute("SELECT 'too fast'")
    with connect(server, "reader", "other secret") as reader:
        try:
            reader.execute("SET log_min_duration_statement = 0")
            check("who may log", False)
        except psycopg2.Error as error:
            check("who may log", error.pgcode == "42501", error.pgcode)
    log = (server.folder / "server.log").read_text()
    check("the line", re.search(r"^spg-server: duration: \d+\.\d{3} ms  user: bench  database: postgres  pid: \d+  statement: SELECT 'a marker\n\tspg-server: not", log, re.M), log)
    check("a password", "secret" not in log and "ALTER ROLE reader" in log, log)
    check("what is not told of", "not told of" not in log and "too fast" not in log, log)
    plan = re.search(r"statement: SELECT count\(\*\) FROM copied\n\tAggregate .*\(actual time=.* rows=1 loops=1\)\n\t  ->  Seq Scan on copied .*rows=40000 loops=1\)", log)
    check("the plan", plan is not None, log[-2000:])


def explained(server):
    with connect(server) as cursor:
        def explain(sql):
            cursor.execute(sql)
            return "\n".join(row[0] if isinstance(row[0], str) else json.dumps(row[0]) for row in cursor.fetchall())

        text = explain("EXPLAIN (ANALYZE) SELECT * FROM big WHERE note = 'hot' ORDER BY id")
        check("times", re.search(r"\(actual time=\d+\.\d{3}\.\.\d+\.\d{3} rows=1 loops=1\)", text), text)
        check("summary", re.search(r"^Planning Time: \d+\.\d{3} ms\nMemory: \d+kB\nExecution Time: \d+\.\d{3} ms$", text, re.M), text)
        check("sort", re.search(r"Sort Method: quicksort  Memory: \d+kB", text), text)
        pruned = explain("EXPLAIN (ANALYZE, TIMING OFF, COSTS OFF) SELECT count(*) FROM copied WHERE id BETWEEN 39000 AND 39100")
        check("pruned blocks", re.search(r"Blocks: read=\d pruned=3\d", pruned), pruned)
        joined = explain("EXPLAIN (ANALYZE, COSTS OFF) SELECT count(*) FROM copied a JOIN copied b ON a.id = b.id")
        check("hash", re.search(r"Hash \(actual time=.* rows=40000 loops=1\)\n +Buckets: \d+  Batches: 1  Memory Usage: \d+kB", joined), joined)
        plan = json.loads(explain("EXPLAIN (ANALYZE, FORMAT JSON) SELECT note, count(*) FROM copied WHERE id > 1 GROUP BY note ORDER BY 2 LIMIT 3"))
        top = plan[0]["Plan"]
        check("json", top["Node Type"] == "Limit" and top["Actual Rows"] == 1 and plan[0]["Execution Time"] > 0, plan)
        while "Plans" in top:
            top = top["Plans"][0]
        check("json's leaf", top["Node Type"] == "Seq Scan" and top["Relation Name"] == "copied" and top["Actual Rows"] == 40000
              and top["Parent Relationship"] == "Outer", top)
        settings = explain("EXPLAIN (SETTINGS, COSTS OFF) SELECT 1")
        check("no settings", settings == "Result", settings)
        cursor.execute("SET work_mem = '8MB'")
        settings = explain("EXPLAIN (SETTINGS, COSTS OFF) SELECT 1")
        check("settings", settings == "Result\nSettings: work_mem = '8MB'", settings)


def main():
    with Server(SPG_HOT_TIER_BYTES=str(16 << 20)) as server:
        for part in (tables, sessions, progress, slow_log, explained):
            part(server)
    sys.exit(1 if failures else 0)


main()
