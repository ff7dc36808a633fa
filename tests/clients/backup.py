#!/usr/bin/python3
"""BACKUP TO beside pgbench with the real daemon: every backup must balance its books, opened as it is, served, and restored; it
must have all that was told before it began, and nothing that began after its end. Backups are cancelled, killed, and given a full
disk meanwhile. Then a point behind a backup, by the archive.   usage: backup.py [ROUNDS [SEED]]"""
import os
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time

import psycopg2

from support import PGBENCH, ROOT, Server

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 4
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261127
SPG = os.environ.get("SPG_CLI", str(ROOT / "build/dev/spg"))
NOTICE = re.compile(r"^NOTICE:  backup: (\d+ % \(\d+ of \d+ MB\)|100 % \(\d+ MB, of which \d+ MB were copied\))\n$")
BOOKS = ("SELECT (SELECT sum(abalance) FROM pgbench_accounts), (SELECT sum(tbalance) FROM pgbench_tellers), (SELECT sum(bbalance) FROM pgbench_branches),"
         " (SELECT coalesce(sum(delta), 0) FROM pgbench_history), (SELECT count(*) FROM pgbench_history), (SELECT max(n) FROM told)")


def spg(*arguments, code=0):
    done = subprocess.run([SPG, *map(str, arguments)], capture_output=True, text=True, timeout=300)
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


def books(*query):
    """Of a backup or database: they must balance; how many history rows there are, and the last number told."""
    accounts, tellers, branches, history, rows, told = map(int, spg("query", *query, "--csv", BOOKS).splitlines()[1].split(","))
    assert accounts == tellers == branches == history, (query, accounts, tellers, branches, history)
    return rows, told


class Teller(threading.Thread):
    """Commits numbers, and knows which ones it has been told of."""

    def __init__(self, dsn):
        super().__init__(daemon=True)
        self.connection = psycopg2.connect(dsn)
        self.connection.autocommit = True
        self.told = self.begun = 0
        self.stop = False

    def run(self):
        cursor = self.connection.cursor()
        while not self.stop:
            self.begun = self.told + 1
            try:
                cursor.execute("INSERT INTO told VALUES (%s)", (self.begun,))
            except psycopg2.Error:
                return
            self.told = self.begun
            time.sleep(0.001)


class World:
    def __init__(self):
        self.folder = pathlib.Path(tempfile.mkdtemp(prefix="spg-backup-"))
        (self.folder / "data").mkdir()
        (self.folder / "archive").mkdir()
        self.server = Server(self.folder / "data", SPG_CHECKPOINT_WAL_BYTES="4194304", SPG_WAL_ARCHIVE=str(self.folder / "archive"), SPG_WAL_ARCHIVE_SECONDS="1")
        self.backups = self.folder / "backups"
        self.backups.mkdir()

    def connect(self):
        connection = psycopg2.connect(self.server.dsn())
        connection.autocommit = True
        return connection

    def pgbench(self, *arguments):
        command = [PGBENCH, *arguments, "-h", "127.0.0.1", "-p", str(self.server.port), "-U", "bench", "postgres"]
        return subprocess.Popen(command, env={"PGPASSWORD": "bench"}, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def files(self):
        return sorted(p.name for p in self.backups.iterdir())


def back_up(connection, target, options=""):
    connection.notices.clear()
    cursor = connection.cursor()
    cursor.execute(f"BACKUP TO '{target}' {options}")
    assert cursor.statusmessage == "BACKUP", cursor.statusmessage
    assert connection.notices and all(NOTICE.match(line) for line in connection.notices), connection.notices


def refused(connection, code, statement):
    try:
        connection.cursor().execute(statement)
    except psycopg2.Error as error:
        assert error.pgcode == code, (statement, error.pgcode, str(error))
        return str(error)
    raise AssertionError(f"{statement} was not refused")


def beside_traffic(world, chance):
    traffic = world.pgbench("-n", "-c", "4", "-j", "1", "-T", str(4 + 3 * ROUNDS))
    teller = Teller(world.server.dsn())
    teller.start()
    connection = world.connect()
    shared = world.backups / "shared"
    rows_before = 0
    for number in range(ROUNDS):
        for target in (str(world.backups / f"one{number}"), f"{shared}/"):
            time.sleep(chance.random() * 0.3)
            least = teller.told
            back_up(connection, target)
            most = teller.begun
            rows, told = books(target)
            assert least <= told <= most and rows >= rows_before, (least, told, most, rows, rows_before)
            rows_before = rows
            assert spg("verify", target).splitlines()[-1] == "sound"
    assert "exists already" in refused(connection, "58P02", f"BACKUP TO '{world.backups}/one0'")
    back_up(connection, world.backups / "one0", "WITH (replace)")
    back_up(connection, f"{shared}/", "WITH (prune)")
    names = [p.name for p in shared.iterdir()]
    assert [n for n in names if n.startswith("backup-")] == [f"backup-{ROUNDS + 1:08d}"], names
    traffic.wait(120)
    teller.stop = True
    teller.join()
    connection.close()
    return shared


def cancelled(world, chance):
    """At random moments of a backup with much to write: soon, with no file left."""
    connection, canceller = world.connect(), None
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE ballast (g int, t text)")
    cursor.execute("INSERT INTO ballast SELECT g, md5(g::text) || md5((-g)::text) || md5((g * 3)::text) AS t FROM generate_series(1, 400000) g")
    cursor.execute("CHECKPOINT")
    delays, finished = [], 0
    before = world.files()
    began = time.monotonic()
    back_up(connection, world.backups / "whole")
    whole = time.monotonic() - began
    (world.backups / "whole").unlink()
    for number in range(24):
        by_timeout = number % 3 == 0
        after = chance.random() * whole
        if by_timeout:
            cursor.execute(f"SET statement_timeout = {max(1, int(after * 1000))}")
        target = f"{world.backups}/" + ("shared/" if number % 2 else "cancelled")
        moment = [time.monotonic() + max(1, int(after * 1000)) / 1000]
        if not by_timeout:
            def cancel():
                moment[0] = time.monotonic()
                connection.cancel()
            canceller = threading.Timer(after, cancel)
            canceller.start()
        try:
            cursor.execute(f"BACKUP TO '{target}'")
            finished += 1
        except psycopg2.errors.QueryCanceled:
            delays.append(time.monotonic() - moment[0])
        if canceller:
            canceller.join()
            canceller = None
        try:
            cursor.execute("SET statement_timeout = 0")  # where a late cancel goes
        except psycopg2.errors.QueryCanceled:
            cursor.execute("SET statement_timeout = 0")
        if (world.backups / "cancelled").exists():
            (world.backups / "cancelled").unlink()
        assert world.files() == before, world.files()
        assert not [p for p in (world.backups / "shared").iterdir() if p.name.endswith(".new")]
    cursor.execute("SELECT count(*) FROM ballast")
    assert cursor.fetchone() == (400000,)
    connection.close()
    assert len(delays) >= 6, (len(delays), finished)
    # The bar is 50 ms; what a machine that many share adds is not ours.
    assert sorted(delays)[len(delays) // 2] < 0.05 and max(delays) < 1, delays
    return delays


def full_disk(world):
    """A small file system of its own, where that can be had."""
    small = world.folder / "small"
    small.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=4m", "tmpfs", str(small)], capture_output=True).returncode != 0:
        return "no full disk here"
    try:
        connection = world.connect()
        refused(connection, "53100", f"BACKUP TO '{small}/one'")
        refused(connection, "53100", f"BACKUP TO '{small}/shared/'")
        assert [p.name for p in small.iterdir()] == ["shared"], list(small.iterdir())
        cursor = connection.cursor()
        cursor.execute("INSERT INTO told SELECT max(n) + 1 FROM told")
        back_up(connection, world.backups / "after")
        connection.close()
    finally:
        subprocess.run(["umount", str(small)], check=True)
    return "a full disk"


def killed(world, chance):
    for number in range(3):
        target = world.backups / f"killed{number}"
        failed = []

        def back():
            try:
                back_up(world.connect(), target)
            except psycopg2.Error as error:
                failed.append(error)
        thread = threading.Thread(target=back)
        thread.start()
        time.sleep(chance.random() * 0.4)
        world.server.kill()
        thread.join()
        if failed:
            assert not target.exists() or spg("verify", target).endswith("sound\n")  # it may not have been told
        world.server.start()
        if not target.exists():
            back_up(world.connect(), target)
        assert spg("verify", target).endswith("sound\n")
        assert not (world.backups / f"killed{number}.new").exists()


def served(world, backup):
    server = Server(world.folder / "served")
    (world.folder / "served").mkdir()
    os.link(backup, server.folder / "spg.db")
    with server:
        connection = psycopg2.connect(server.dsn())
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute(BOOKS)
        accounts, tellers, branches, history, rows, told = cursor.fetchone()
        assert accounts == tellers == branches == history
        refused(connection, "25006", "INSERT INTO told VALUES (0)")
        refused(connection, "25006", "CREATE TABLE x (a int)")
        refused(connection, "25006", "CHECKPOINT")
        back_up(connection, world.backups / "again")
        connection.close()
    assert (world.backups / "again").read_bytes() == backup.read_bytes()
    assert sorted(p.name for p in server.folder.iterdir()) == ["server.log", "spg.db"], list(server.folder.iterdir())
    return rows, told


def restored(world, backup, rows, told):
    folder = world.folder / "restored"
    folder.mkdir()
    spg("restore", backup, folder / "spg.db", "--wal", folder / "wal.log")
    assert "exists already" in spg("restore", backup, folder / "spg.db", "--wal", folder / "wal.log", code=1)
    assert spg("verify", folder / "spg.db", "--wal", folder / "wal.log").endswith("sound\n")
    with Server(folder) as server:
        connection = psycopg2.connect(server.dsn())
        cursor = connection.cursor()
        cursor.execute(BOOKS)
        assert cursor.fetchone()[4:] == (rows, told)
        for _ in range(100):
            cursor.execute("INSERT INTO told SELECT max(n) + 1 FROM told")
        connection.commit()
        connection.close()
    assert books(folder / "spg.db", "--wal", folder / "wal.log") == (rows, told + 100)


def point_behind(world, backup):
    connection = world.connect()
    cursor = connection.cursor()
    points = []
    for _ in range(5):
        cursor.execute("INSERT INTO told SELECT max(n) + 1 FROM told RETURNING n")
        n, = cursor.fetchone()
        time.sleep(0.05)  # the clocks' words for the moments differ
        cursor.execute("SELECT pg_current_wal_lsn(), clock_timestamp()::text")
        points.append((n, *cursor.fetchone()))
        time.sleep(0.05)
    connection.close()
    world.server.stop()
    for number, (n, lsn, moment) in enumerate(points):
        database = world.folder / f"point{number}"
        spg("restore", backup, database, "--archive", world.folder / "archive", "--to", lsn if number % 2 else moment)
        assert books(database)[1] == n, (books(database), n)
    database = world.folder / "end"
    spg("restore", backup, database, "--archive", world.folder / "archive")
    assert books(database)[1] == points[-1][0]
    assert "too old" in (error := spg("restore", backup, world.folder / "never", "--archive", world.folder / "archive", "--to", "2020-01-01", code=1)) or "ERROR" in error
    # And offline, beside a reader.
    data = world.folder / "data"
    reader = subprocess.Popen([SPG, "query", data / "spg.db", "--wal", data / "wal.log", "--read-only"], stdin=subprocess.PIPE, stdout=subprocess.DEVNULL)
    spg("backup", data / "spg.db", world.backups / "offline", "--wal", data / "wal.log")
    reader.communicate(b"SELECT 1;", timeout=60)
    assert books(world.backups / "offline")[1] == points[-1][0]


def main():
    chance = random.Random(SEED)
    world = World()
    world.server.start()
    assert world.pgbench("-i", "-q", "-s", "2").wait() == 0
    connection = world.connect()
    connection.cursor().execute("CREATE TABLE told (n int PRIMARY KEY)")
    connection.cursor().execute("INSERT INTO told VALUES (0)")
    refused(connection, "58P01", f"BACKUP TO '{world.folder}/nowhere/one'")
    refused(connection, "58P02", f"BACKUP TO '{world.folder}/data/spg.db' WITH (replace)")
    refused(connection, "F0001", f"BACKUP TO '{world.folder}/data/spg.db.d/'")
    connection.close()
    shared = beside_traffic(world, chance)
    delays = cancelled(world, chance)
    disk = full_disk(world)
    killed(world, chance)
    last = world.backups / f"one{ROUNDS - 1}"
    assert "is open already" in spg("backup", world.folder / "data/spg.db", world.backups / "never", code=1)
    rows, told = served(world, last)
    restored(world, last, rows, told)
    restored_shared = world.folder / "from-shared"
    spg("restore", f"{shared}/", restored_shared)
    books(restored_shared)
    point_behind(world, world.backups / "killed2")
    shutil.rmtree(world.folder)
    print(f"{2 * ROUNDS} backups beside pgbench, the books balance; {len(delays)} cancelled within {max(delays) * 1000:.0f} ms; {disk}")


main()
