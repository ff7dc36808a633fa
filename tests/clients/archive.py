#!/usr/bin/python3
"""Archive, tee, recovery to points and reverts with the real daemon, which is killed (SIGKILL) again and again meanwhile: the row
set at every point that was noted must be found again, by LSN and by time; what was given up must not. Then a failing archive, a
damaged log, and a database made from nothing but its archive or its tee. usage: archive.py [ROUNDS [SEED]]"""
import os
import random
import shutil
import subprocess
import sys
import threading
import time

import psycopg2

from support import ROOT, SERVER, Server, scratch

ROUNDS = int(sys.argv[1]) if len(sys.argv) > 1 else 12
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261127
SPG = os.environ.get("SPG_CLI", str(ROOT / "build/dev/spg"))


def run(*arguments, environment=None, code=0):
    done = subprocess.run(arguments, capture_output=True, text=True, timeout=300, env=dict(os.environ, **(environment or {})))
    assert done.returncode == code, f"{arguments}: {done.returncode}\n{done.stdout}{done.stderr}"
    return done.stdout if code == 0 else done.stderr


class Noise(threading.Thread):
    """Fills the log beside the writer: each transaction says how many rows it has."""

    def __init__(self, dsn, seed):
        super().__init__()
        self.dsn, self.random = dsn, random.Random(seed)

    def run(self):
        try:
            connection = psycopg2.connect(self.dsn)
            cursor = connection.cursor()
            while True:
                rows = self.random.choice((1, 40, 2000))
                step = self.random.getrandbits(62)
                cursor.execute("INSERT INTO noise_steps VALUES (%s, %s)", (step, rows))
                cursor.execute("INSERT INTO noise SELECT %s, repeat(md5(g::text), 4) FROM generate_series(1, %s) g", (step, rows))
                connection.commit()
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            pass


class World:
    def __init__(self):
        self.folder = scratch("spg-archive-")
        self.archive, self.tee = self.folder / "archive", self.folder / "tee.log"
        self.archive.mkdir()
        self.server = Server(self.folder / "data", SPG_WAL_ARCHIVE=str(self.archive), SPG_WAL_TEE=str(self.tee), SPG_WAL_ARCHIVE_SECONDS="1",
                             SPG_CHECKPOINT_WAL_BYTES="1048576", SPG_RECOVERY_SECONDS="3600")
        (self.folder / "data").mkdir()
        self.database, self.log = str(self.folder / "data/spg.db"), str(self.folder / "data/wal.log")
        self.rows = self.maybe = {}  # what the table is, as far as the writer has been told
        self.points = []    # (lsn, time, rows)
        self.given_up = []

    def write(self, chance, seconds, kill_at_end):
        """Commits for a while, noting points; then the server is killed, perhaps in the middle of a commit."""
        connection = psycopg2.connect(self.server.dsn())
        connection.autocommit = True
        cursor = connection.cursor()
        until = time.monotonic() + seconds
        killer = threading.Timer(seconds, self.server.kill) if kill_at_end else None
        if killer:
            killer.start()
        try:
            while kill_at_end or time.monotonic() < until:
                wanted = dict(self.rows)
                number, value = chance.randint(1, 60), chance.randint(0, 1 << 30)
                if number in wanted and chance.random() < 0.3:
                    del wanted[number]
                    self.maybe = wanted
                    cursor.execute("DELETE FROM kept WHERE id = %s", (number,))
                elif number in wanted:
                    wanted[number] = value
                    self.maybe = wanted
                    cursor.execute("UPDATE kept SET value = %s, note = %s WHERE id = %s", (value, "x" * (value % 50), number))
                else:
                    wanted[number] = value
                    self.maybe = wanted
                    cursor.execute("INSERT INTO kept VALUES (%s, %s, %s)", (number, value, "x" * (value % 50)))
                self.rows = wanted
                cursor.execute("SELECT pg_current_wal_lsn(), clock_timestamp()::text")
                self.points.append((*cursor.fetchone(), wanted))
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            pass
        if killer:
            killer.join()
            assert self.server.process.returncode == -9, f"the server ended by itself:\n{server_log(self)}"

    def check_live(self):
        connection = psycopg2.connect(self.server.dsn())
        cursor = connection.cursor()
        cursor.execute("SELECT id, value FROM kept WHERE note = repeat('x', value % 50)")
        found = dict(cursor.fetchall())
        connection.close()
        assert found in (self.rows, self.maybe), "an acknowledged commit is missing"
        self.rows = found
        return found


def read_rows(database, log):
    text = run(SPG, "query", database, "--wal", log, "--tsv", "SELECT id, value FROM kept WHERE note = repeat('x', value % 50)")
    lines = [line.split("\t") for line in text.splitlines()]
    # Bulk commits are whole or absent.
    counts = run(SPG, "query", database, "--wal", log, "--tsv", "SELECT step, rows, (SELECT count(*) FROM noise n WHERE n.step = s.step) FROM noise_steps s")
    for line in counts.splitlines():
        if line[0].isdigit():
            _, rows, found = line.split("\t")
            assert rows == found, f"half a commit: {line}"
    return {int(a): int(b) for a, b in lines if a.isdigit()}


def check_point(world, target, rows, number):
    copy = str(world.folder / f"copy-{number}.db")
    before = {path: path.stat().st_mtime_ns for path in world.folder.rglob("*") if path.is_file()}
    line = run(SERVER, "--recover-to", target, "--into", copy, "127.0.0.1:5544", world.database, "-", world.log,
               environment={"SPG_WAL_ARCHIVE": str(world.archive)})
    assert "recovered to" in line, line
    for path, mtime in before.items():
        assert path.stat().st_mtime_ns == mtime, f"{path} was written to"
    found = read_rows(copy, copy + ".wal")
    assert found == rows, f"at {target}: {len(found)} rows instead of {len(rows)}: {set(found.items()) ^ set(rows.items())}"
    run(SPG, "verify", "--quiet", "--wal", copy + ".wal", copy)
    for path in world.folder.glob(f"copy-{number}.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def check_given_up(world, lsn):
    error = run(SERVER, "--recover-to", lsn, "--into", str(world.folder / "never.db"), "127.0.0.1:5544", world.database, "-", world.log,
                environment={"SPG_WAL_ARCHIVE": str(world.archive)}, code=1)
    assert "given up" in error, error
    for path in world.folder.glob("never.db*"):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def revert(world, chance):
    """To one of the last points; what came after it is given up."""
    at = len(world.points) - 1 - chance.randint(0, min(20, len(world.points) - 1))
    lsn, when, rows = world.points[at]
    target, archive = (lsn if chance.random() < 0.5 else when), (["--archive", str(world.archive)] if chance.random() < 0.7 else [])
    arguments = [SPG, "revert", "--to", target, world.database, "--wal", world.log]
    done = subprocess.run(arguments + archive, capture_output=True, text=True, timeout=300)
    if done.returncode != 0 and not archive:  # the log that is left may not reach back so far
        assert "no manifest is kept" in done.stderr or "is missing" in done.stderr or "damaged" in done.stderr, done.stderr
        done = subprocess.run(arguments + ["--archive", str(world.archive)], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    world.given_up += [point for point in world.points[at + 1:] if point[0] != lsn]
    del world.points[at + 1:]
    world.rows = world.maybe = rows
    assert read_rows(world.database, world.log) == rows


def check_copies(world):
    """Archive and tee make the same database from nothing."""
    for path in (world.archive / "wal", world.tee):
        database, log = str(world.folder / "new/db"), str(world.folder / "new/log")
        (world.folder / "new").mkdir()
        line = run(SERVER, "--replay-only", str(path), "127.0.0.1:5544", database, "-", log)
        assert "recovered to" in line, line
        assert read_rows(database, log) == world.rows, path
        run(SPG, "verify", "--quiet", "--wal", log, database)
        run(SPG, "wal-lint", "--quiet", str(path))
        shutil.rmtree(world.folder / "new")


def server_log(world):
    return (world.folder / "data/server.log").read_text(errors="replace")


def check_failing_archive(world, chance):
    """The archive's folder goes: service does not. It comes back: nothing is missing."""
    hidden = world.folder / "hidden"
    world.archive.rename(hidden)
    world.write(chance, 2.5, False)
    assert server_log(world).count("the archive fails") == 1, server_log(world)
    hidden.rename(world.archive)
    deadline = time.monotonic() + 20
    while "the archive works again" not in server_log(world):
        assert time.monotonic() < deadline, server_log(world)
        time.sleep(0.1)


def check_damage(world):
    """A flipped bit in the middle of the log: the start is refused, with file and offset."""
    copy = world.folder / "damaged"
    shutil.copytree(world.folder / "data", copy)
    lint = run(SPG, "wal-lint", str(copy / "wal.log"))
    lsns = [int(line.split()[1]) for line in lint.splitlines() if line.startswith("lsn ")]
    at = lsns[-3]  # the last ones are marks and what they speak of
    data = 16 * 1024 * 1024 - 64
    name = copy / f"wal.log.{at // data:08d}"
    with open(name, "r+b") as file:
        file.seek(64 + at % data + 41)
        byte = file.read(1)
        file.seek(-1, 1)
        file.write(bytes([byte[0] ^ 1]))
    done = subprocess.run([SERVER], env=dict(os.environ, SPG_DB=str(copy / "spg.db"), SPG_WAL=str(copy / "wal.log"), SPG_PG_ADDR="127.0.0.1:0"), capture_output=True,
                          text=True, timeout=60)
    assert done.returncode == 1 and f'is damaged in file "{name}" at offset {64 + at % data}' in done.stderr and "wal-lint" in done.stderr, done.stderr
    assert "checksum" in subprocess.run([SPG, "wal-lint", "--quiet", str(copy / "wal.log")], capture_output=True, text=True).stdout
    # The tee is whole: the database is made again with it.
    run(SERVER, "--replay-only", str(world.tee), "127.0.0.1:5544", str(copy / "spg.db"), "-", str(copy / "new.log"))
    assert read_rows(str(copy / "spg.db"), str(copy / "new.log")) == world.rows
    shutil.rmtree(copy)


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    world = World()
    world.server.start()
    connection = psycopg2.connect(world.server.dsn())
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE kept (id int PRIMARY KEY, value int NOT NULL, note text)")
    cursor.execute("CREATE TABLE noise_steps (step bigint PRIMARY KEY, rows int NOT NULL)")
    cursor.execute("CREATE TABLE noise (step bigint NOT NULL, text text)")
    cursor.execute("CREATE INDEX noise_step ON noise (step)")
    connection.commit()
    connection.close()
    checked = 0
    for round_number in range(ROUNDS):
        noise = Noise(world.server.dsn(), chance.random())
        noise.start()
        world.write(chance, chance.uniform(0.2, 0.8), True)
        noise.join()
        if round_number % 4 == 3:
            if chance.random() < 0.5:  # a revert needs no clean shutdown, but bears one
                world.server.start()
                world.check_live()
                world.server.stop()
            else:
                world.maybe = world.rows
            revert(world, chance)
        world.server.start()
        world.check_live()
    check_failing_archive(world, chance)
    time.sleep(2.5)  # the last commit is marked as durable
    world.server.kill()
    check_damage(world)
    world.server.start()
    world.server.stop()
    for number, (lsn, when, rows) in enumerate(chance.sample(world.points, min(len(world.points), 12))):
        check_point(world, lsn if number % 2 == 0 else when, rows, number)
        checked += 1
    for lsn, _, _ in chance.sample(world.given_up, min(len(world.given_up), 4)):
        check_given_up(world, lsn)
    check_copies(world)
    run(SPG, "verify", "--quiet", "--wal", world.log, world.database)
    print(f"{ROUNDS} kills, {len(world.points)} points, {checked} of them recovered; {len(world.given_up)} given up")


main()
