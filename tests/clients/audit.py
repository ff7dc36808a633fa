#!/usr/bin/python3
"""The audit log of the real daemon: what psycopg2 and psql do is in it, no password is anywhere, kill -9 at random moments leaves a
chain with exactly the transactions that are there, and a daemon refuses to start on a broken one. usage: audit.py [KILLS [SEED]]"""
import os
import random
import re
import subprocess
import sys
import threading
import time

import psycopg2

from support import ROOT, SERVER, Server, psql

KILLS = int(sys.argv[1]) if len(sys.argv) > 1 else 12
SEED = int(sys.argv[2]) if len(sys.argv) > 2 else 20261127
SPG = os.environ.get("SPG_CLI", str(ROOT / "build/dev/spg"))
SECRET = "Kn0wn-5ecret"


def spg(*arguments):
    done = subprocess.run([SPG, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


class Audited:
    def __init__(self):
        self.server = Server()
        self.file = self.server.folder / "audit.log"
        self.server.environment["SPG_AUDIT"] = str(self.file)

    def refuses(self, wanted, **environment):
        """A start fails, and says why."""
        env = dict(os.environ, SPG_PG_ADDR=f"127.0.0.1:{self.server.port}", SPG_DB=str(self.server.folder / "spg.db"), SPG_WAL=str(self.server.folder / "wal.log"),
                   **dict(self.server.environment, **environment))
        done = subprocess.run([SERVER], env=env, capture_output=True, text=True, timeout=60)
        assert done.returncode == 1 and wanted in done.stderr, (wanted, done.returncode, done.stdout, done.stderr)

    def check(self):
        code, out, err = spg("audit", "verify", self.file, "--db", self.server.folder / "spg.db")
        assert code == 0 and out.endswith("sound\n"), (out, err)

    def entries(self):
        """Waits for the entries of what has been acknowledged: they are written a moment later."""
        time.sleep(0.2)
        code, out, err = spg("audit", "show", self.file)
        assert code == 0, err
        return re.split(r"\n(?=\d)", out.strip())


def passwords(audited):
    """By every way in which a password can be written; and in no file of the server's."""
    server = audited.server
    connection = psycopg2.connect(server.dsn())
    cursor = connection.cursor()
    hexed = "".join(f"\\x{ord(c):02x}" for c in SECRET)
    for text in (f"CREATE ROLE a LOGIN PASSWORD '{SECRET}'", f"CREATE USER b ENCRYPTED PASSWORD '{SECRET}' /* {SECRET} */", f"ALTER ROLE a PASSWORD $${SECRET}$$ LOGIN",
                 f"ALTER USER b PASSWORD $t${SECRET}$t$", f"ALTER USER b PASSWORD E'{hexed}'", f"ALTER USER b PASSWORD U&'{SECRET}'",
                 f"SELECT 1; ALTER USER b PASSWORD '{SECRET}'; CREATE TABLE p (n int); ALTER USER a VALID UNTIL '2040-01-01' PASSWORD E'{SECRET}'",
                 f"ALTER USER b -- {SECRET}\n PASSWORD '{SECRET}'"):
        cursor.execute(text)
        connection.commit()
    psql(server.dsn(), "-c", f"ALTER USER a PASSWORD '{SECRET}' CONNECTION LIMIT 7")
    # libpq's extended protocol, and one that fails.
    psql(server.dsn(), text=f"ALTER USER a PASSWORD '{SECRET}' \\bind \\g\n", check=False)
    try:
        cursor.execute(f"ALTER ROLE nobody PASSWORD '{SECRET}'")
    except psycopg2.Error:
        connection.rollback()
    connection.close()
    assert psycopg2.connect(server.dsn().replace("user=bench password=bench", f"user=b password={SECRET}")).closed == 0
    roles = [line for entry in audited.entries() for line in entry.split("\n") if " ROLE " in line or " USER " in line]
    assert len(roles) == 10 and all("PASSWORD '********'" in line or "VALID UNTIL '2040-01-01' PASSWORD '********'" in line for line in roles), roles
    server.kill()
    for path in server.folder.rglob("*"):
        if path.is_file():
            content = path.read_bytes()
            assert SECRET.encode() not in content and hexed.encode() not in content, f"{path} has a password"
    server.start()


class Writer(threading.Thread):
    """Transactions of several kinds, each with its number in a statement's text, until the server goes."""

    def __init__(self, dsn, number, start, seed):
        super().__init__()
        self.dsn, self.number, self.sent, self.acknowledged, self.random, self.error = dsn, number, start, start, random.Random(seed), None

    def run(self):
        try:
            connection = psycopg2.connect(self.dsn)
            cursor = connection.cursor()
            while True:
                step = self.sent = self.acknowledged + 1
                if self.random.random() < 0.2:
                    cursor.execute(f"INSERT INTO w VALUES ({self.number}, -1) /* undone */")
                    connection.rollback()
                cursor.execute(f"INSERT INTO w VALUES ({self.number}, {step})")
                if self.random.random() < 0.3:
                    cursor.execute("INSERT INTO filler SELECT g, repeat('x', 100) FROM generate_series(1, 3000) g")
                connection.commit()
                self.acknowledged = step
        except (psycopg2.OperationalError, psycopg2.InterfaceError):
            pass
        except Exception as error:  # anything else is a failure of the test
            self.error = error


def compare(audited, writers):
    """The entries of each writer are the steps that are in the table, one each and in order."""
    audited.check()
    connection = psycopg2.connect(audited.server.dsn())
    cursor = connection.cursor()
    cursor.execute("SELECT writer, step FROM w ORDER BY writer, step")
    found = {}
    for writer, step in cursor.fetchall():
        found.setdefault(writer, []).append(step)
    connection.close()
    told = {}
    for entry in audited.entries():
        assert "undone" not in entry, entry
        for writer, step in re.findall(r"INSERT INTO w VALUES \((\d+), (\d+)\)", entry):
            told.setdefault(int(writer), []).append(int(step))
    assert told == found, {n: (told.get(n), found.get(n)) for n in set(told) | set(found) if told.get(n) != found.get(n)}
    for writer in writers:
        if writer.error is not None:
            raise writer.error
        last = (found.get(writer.number) or [0])[-1]
        assert writer.acknowledged <= last <= writer.sent, (writer.number, writer.acknowledged, last, writer.sent)
        writer.acknowledged = last


def kills(audited, chance):
    server = audited.server
    connection = psycopg2.connect(server.dsn())
    connection.cursor().execute("CREATE TABLE w (writer int, step int); CREATE TABLE filler (n int, b text)")
    connection.commit()
    connection.close()
    acknowledged = [0] * 4
    for _ in range(KILLS):
        writers = [Writer(server.dsn(), n, acknowledged[n], chance.random()) for n in range(4)]
        for writer in writers:
            writer.start()
        time.sleep(chance.uniform(0.05, 0.5))
        server.kill()
        for writer in writers:
            writer.join()
        server.start()
        compare(audited, writers)
        acknowledged = [writer.acknowledged for writer in writers]
    server.stop()
    audited.check()
    return sum(acknowledged)


def damage(audited):
    """A daemon does not start on a broken chain; the command line names the entry."""
    server, file = audited.server, audited.file
    whole = file.read_bytes()
    middle = len(whole) // 2
    file.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1:])
    code, out, err = spg("audit", "verify", file)
    named = re.search(r"audit log entry (\d+) at offset \d+ is broken: ", err)
    assert code == 1 and out == "BROKEN\n" and named, (out, err)
    audited.refuses(named.group(0))
    code, out, _ = spg("audit", "show", file)
    assert code == 1 and out.strip().split("\n")[-1] != "", out
    ends, at = [], 104
    while at < len(whole):
        at += int.from_bytes(whole[at:at + 4], "little")
        ends.append(at)
    file.write_bytes(whole[:ends[-3]])  # a whole chain, but too short
    assert spg("audit", "verify", file)[0] == 0
    assert spg("audit", "verify", file, "--db", server.folder / "spg.db")[0] == 1
    audited.refuses(f"it ends behind entry {len(ends) - 2}, but the database knows of {len(ends)}")
    file.write_bytes(whole[:-10])
    code, out, err = spg("audit", "verify", file)
    assert code == 1 and f"audit log entry {len(ends)} at offset {ends[-2]} is broken: the file ends within it" in err, err
    audited.refuses("the file ends within it")
    file.rename(str(file) + ".old")
    audited.refuses(f"is not there, but the database knows of {len(ends)} entries")
    file.write_bytes(whole)
    server.start()
    server.stop()
    # Rotation: the next file says which entry it follows.
    file.rename(str(file) + ".1")
    server.environment["SPG_AUDIT_BEGIN"] = "on"
    server.start()
    psql(server.dsn(), "-c", "CREATE TABLE after_rotation (n int)")
    server.stop()
    del server.environment["SPG_AUDIT_BEGIN"]
    code, out, err = spg("audit", "verify", file, "--db", server.folder / "spg.db")
    last = spg("audit", "verify", str(file) + ".1")[1].split("the last hash is ")[1].split()[0]
    assert code == 0 and f"follows entry {len(ends)}, whose hash is {last}" in out, (out, err)
    # A pause is told.
    audit = server.environment.pop("SPG_AUDIT")
    server.start()
    psql(server.dsn(), "-c", "CREATE TABLE unseen (n int)")
    server.stop()
    server.environment["SPG_AUDIT"] = audit
    server.start()
    assert any("NOT AUDITED" in entry for entry in audited.entries())
    server.stop()
    audited.check()


def full_disk(audited):
    """The audit log cannot be written past a limit: commits are refused at the bound, and nothing is lost once it can be."""
    server = audited.server
    server.environment["SPG_AUDIT_BACKLOG_BYTES"] = "20000"
    device = server.folder / "full"
    device.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(device)], capture_output=True)
    if mounted.returncode != 0:
        print("no file system of its own for the audit log can be mounted here: a full one is tested in tests/db/audit_test.cpp alone")
        return
    try:
        server.environment["SPG_AUDIT"] = str(device / "audit.log")
        server.environment["SPG_AUDIT_BEGIN"] = "on"
        server.start()
        connection = psycopg2.connect(server.dsn())
        connection.autocommit = True
        cursor = connection.cursor()
        cursor.execute("CREATE TABLE f (n int, b text)")
        taken, refused = 0, None
        for n in range(2000):
            try:
                cursor.execute(f"INSERT INTO f VALUES ({n}, '{'x' * 500}')")
                taken += 1
            except psycopg2.Error as error:
                refused = error
                break
            time.sleep(0.001)
        assert refused is not None and refused.pgcode == "53100" and "the audit log cannot be written" in str(refused), refused
        cursor.execute("SELECT count(*) FROM f")
        assert cursor.fetchone() == (taken,)
        subprocess.run(["mount", "-o", "remount,size=8m", str(device)], check=True)
        for _ in range(100):
            try:
                cursor.execute("INSERT INTO f VALUES (-1, 'again')")
                break
            except psycopg2.Error:
                time.sleep(0.1)
        else:
            raise AssertionError("commits did not go on")
        connection.close()
        server.stop()
        code, out, err = spg("audit", "show", device / "audit.log")
        assert code == 0 and out.count("INSERT INTO f VALUES") == taken + 1, (code, err, out.count("INSERT INTO f VALUES"), taken)
        log = (server.folder / "server.log").read_text()
        assert "the audit log cannot be written, and is tried again" in log and "the audit log is written again" in log, log
    finally:
        server.stop()
        subprocess.run(["umount", str(device)], check=True)


def main():
    print(f"seed {SEED}")
    chance = random.Random(SEED)
    audited = Audited()
    audited.server.start()
    passwords(audited)
    transactions = kills(audited, chance)
    damage(audited)
    full_disk(audited)
    print(f"{KILLS} kills, {transactions} transactions, each in the audit log once")


main()
