#!/usr/bin/env python3
"""The command line tool on a database that the server has written: queries in every form, and lint and dump before and
after bytes have been changed."""
import atexit
import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

SPG = os.environ["SPG_CLI"]
failures = 0


def spg(*arguments, stdin=""):
    done = subprocess.run([SPG, *map(str, arguments)], input=stdin, capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout, done.stderr


def check(what, got, wanted):
    global failures
    if got != wanted:
        failures += 1
        print(f"{what}:\n  wanted {wanted!r}\n  got    {got!r}")


folder = pathlib.Path(tempfile.mkdtemp(prefix="spg-cli-"))
atexit.register(shutil.rmtree, folder, ignore_errors=True)
db = folder / "app.db"
wal = folder / "app.db.wal"

# --- usage
for arguments in ([], ["frobnicate"], ["query"], ["query", db, "--wal"], ["query", "--oops", db], ["query", db, "--csv", "--tsv"],
                  ["wal-lint"], ["wal-lint", "--oops"], ["dump"], ["dump", db, db], ["verify"], ["verify", db, "--wal"], ["verify", "--oops", db], ["repair"], ["repair", db, db],
                  ["audit"], ["audit", "verify"], ["audit", "show"], ["audit", "show", db, "--from", "x"], ["audit", "sing", db], ["audit", "verify", db, "--oops"],
                  ["backup"], ["backup", db], ["backup", db, "x", "--oops"], ["backup", db, "x", "--prune"], ["backup", db, "x/", "--replace"], ["restore"], ["restore", db],
                  ["restore", db, "x", "--to", "infinity"], ["restore", db, "x", "--wal"]):
    code, out, err = spg(*arguments)
    check(f"{arguments}", (code, out), (2, ""))
    check(f"{arguments} explains itself", "usage:" in err, True)
check("--version", spg("--version")[0::2], (0, ""))
check("--help", spg("--help")[1].startswith("usage: spg query"), True)

# --- query; the forms are psql's
options = ["--wal", wal]
check("create", spg("query", db, *options, "CREATE TABLE t (a int PRIMARY KEY, name text, n numeric)", "INSERT INTO t VALUES (1, 'one', 1.5), (22, 'zwölf', NULL), (3, E'a\"b,c\\td', -0.25)"),
      (0, "CREATE TABLE\nINSERT 0 3\n", ""))
check("aligned", spg("query", db, "SELECT a, name, n FROM t WHERE a <> 3 ORDER BY a; SELECT 1 AS x"),
      (0, " a  | name  |  n  \n----+-------+-----\n  1 | one   | 1.5\n 22 | zwölf |    \n(2 rows)\n\n x \n---\n 1\n(1 row)\n\n", ""))
check("csv", spg("query", db, "--csv", "SELECT a, name, n, '' AS e FROM t ORDER BY a"),
      (0, 'a,name,n,e\n1,one,1.5,""\n3,"a""b,c\td",-0.25,""\n22,zwölf,,""\n', ""))
check("tsv", spg("query", db, "--tsv", "SELECT * FROM t ORDER BY a"), (0, 'a\tname\tn\n1\tone\t1.5\n3\ta"b,c\\td\t-0.25\n22\tzwölf\t\\N\n', ""))
check("standard input", spg("query", db, stdin="INSERT INTO t VALUES (4, 'four; $$', 4); -- a comment; with a semicolon\nSELECT count(*) FROM t;\n"),
      (0, "INSERT 0 1\n count \n-------\n     4\n(1 row)\n\n", ""))
code, out, err = spg("query", db, "SELECT 1 AS x; SELECT nonsense; SELECT 2")
check("the first error ends it", (code, out), (1, " x \n---\n 1\n(1 row)\n\n"))
check("the error", err, 'ERROR:  column "nonsense" does not exist\n')
check("an unknown database", spg("query", db, "--database", "nowhere", "SELECT 1")[::2], (1, 'ERROR:  database "nowhere" does not exist\n'))
code, out, err = spg("query", db, "--wal", folder / "other.log", "SELECT 1")
check("a wrong log is refused", (code, "is not there" in err), (1, True))

# --- wal-lint
for number in range(5):
    spg("query", db, f"INSERT INTO t VALUES ({100 + number}, 'x', 0)")
code, out, err = spg("wal-lint", wal)
frames = [line for line in out.splitlines() if line.startswith("lsn ")]
check("lint of a sound log", (code, err, len(frames) >= 8, "DAMAGED" in out), (0, "", True, False))
check("epochs rise", [int(f.split()[3]) for f in frames] == sorted(int(f.split()[3]) for f in frames), True)
check("quiet", [line for line in spg("wal-lint", wal, "--quiet")[1].splitlines() if line.startswith("lsn ")], [])
check("no log", spg("wal-lint", folder / "nothing")[0], 1)
log_file = folder / "app.db.wal.00000000"
sound = log_file.read_bytes()
lsns = [int(f.split()[1]) for f in frames]


def flip(at):
    broken = bytearray(sound)
    broken[at] ^= 4
    log_file.write_bytes(broken)


flip(64 + lsns[2] + 44)
code, out, err = spg("wal-lint", wal)
check("a flipped bit in the middle is damage", (code, len([l for l in out.splitlines() if l.startswith("lsn ")]), "checksum is wrong" in out, "DAMAGED" in out),
      (1, 2, True, True))
flip(64 + lsns[-1] + 44)
code, out, err = spg("wal-lint", wal)
check("a torn last frame is an end", (code, len([l for l in out.splitlines() if l.startswith("lsn ")]), "DAMAGED" in out), (0, len(frames) - 1, False))
flip(9)
check("a damaged header", spg("wal-lint", wal)[0], 1)
log_file.write_bytes(sound)

# --- dump: enough rows and a checkpoint for segments
spg("query", db, "CREATE TABLE big (a int, b text)", "INSERT INTO big SELECT g, repeat('text', 20) FROM generate_series(1, 20000) g")
spg("query", db, "INSERT INTO t VALUES (5000, 'x', 0)", "CHECKPOINT")
code, out, err = spg("dump", db)
check("dump", (code, err, "manifest " in out, out.splitlines()[-1]), (0, "", True, "sound"))

# --- verify: it changes nothing
def contents():
    return {path: path.read_bytes() for path in sorted(folder.rglob("*")) if path.is_file()}


before = contents()
code, verified, err = spg("verify", db)
check("verify", (code, err, verified.splitlines()[-1], contents() == before), (0, "", "sound", True))
check("verify counts", [line.split(": ")[1] for line in verified.splitlines() if " 20000 rows" in line and "table" in line][0].startswith("20000 rows in 20 blocks, 0 entries in 0 indexes"), True)
check("verify quietly", spg("verify", db, "--quiet"), (0, "", ""))
check("verify without the log", spg("verify", db, "--wal", folder / "nowhere")[0], 1)

# --- revert: an older base and the log of today; by LSN and by time; what was given up does not come back
spg("query", db, "CREATE TABLE r (a int)", "INSERT INTO r VALUES (1)")
(folder / "base").mkdir()
base, base_wal = folder / "base/app.db", folder / "base/app.db.wal"
shutil.copy(db, base)
shutil.copytree(folder / "app.db.d", folder / "base/app.db.d")
spg("query", db, "INSERT INTO r VALUES (2)")
code, out, err = spg("query", db, "--tsv", "SELECT pg_current_wal_lsn()", "SELECT now()")
lsn, moment = out.split()[1], out.splitlines()[-1]
spg("query", db, "INSERT INTO r SELECT g FROM generate_series(3, 9) g")
for path in folder.glob("app.db.wal.*"):
    shutil.copy(path, folder / "base")


def rows_of_base():
    return spg("query", base, "--tsv", "SELECT count(*) FROM r")[1].split()[-1]


before = contents()
check("revert needs a target", spg("revert", base)[0], 2)
check("revert to nonsense", (spg("revert", "--to", "nonsense", base)[0], "invalid input syntax" in spg("revert", "--to", "nonsense", base)[2]), (1, True))
check("revert nothing", spg("revert", "--to", lsn, folder / "nothing.db")[0], 1)
check("revert too far ahead", (spg("revert", "--to", "FFFF/0", base)[0], "the log ends before that" in spg("revert", "--to", "FFFF/0", base)[2]), (1, True))
check("revert too far back", (spg("revert", "--to", "2000-01-01", base)[0], "no manifest is kept" in spg("revert", "--to", "2000-01-01", base)[2]), (1, True))
check("nothing has changed", contents() == before, True)
shutil.copytree(folder / "base", folder / "same")
code, out, err = spg("revert", "--to", lsn, base)
check("revert to an LSN", (code, err, out.startswith("reverted to ")), (0, "", True))
code, out, err = spg("wal-lint", base_wal, "--quiet")
check("wal-lint passes a jump", (code, "was given up; the log goes on at" in out, "DAMAGED" in out), (0, True, False))
check("what it was", rows_of_base(), "2")
spg("query", base, "INSERT INTO r SELECT g FROM generate_series(3, 5) g")
check("life goes on", rows_of_base(), "5")
check("verify after a revert", spg("verify", base, "--quiet"), (0, "", ""))
check("dump knows the jump", "jump: what followed" in spg("dump", base)[1], True)
epoch, place = lsn.split("/")
code, out, err = spg("revert", "--to", f"{epoch}/{int(place, 16) + 100:X}", base)
check("what was given up has no place", (code, "no manifest is kept" in err or "given up" in err), (1, True))
shutil.rmtree(folder / "base")
(folder / "same").rename(folder / "base")
check("revert to a time", (spg("revert", "--to", moment, base)[0], rows_of_base()), (0, "2"))
shutil.rmtree(folder / "base")
check("query to read", spg("query", db, "--read-only", "SELECT 1 AS x", "CREATE TABLE no (a int)"),
      (1, " x \n---\n 1\n(1 row)\n\n", "ERROR:  cannot execute CREATE TABLE in a read-only transaction\n"))

# --- a lock of another process, as a server has one
directory = os.open(folder / "app.db.d", os.O_RDONLY)
fcntl.flock(directory, fcntl.LOCK_EX)
refused = f'ERROR:  database "{db}" is open already: directory "{db}.d" is locked by another process (PID {os.getpid()})\nHINT:  One process may write to a database, or several may read it.\n'
for arguments in (["query", db, "SELECT 1"], ["query", db, "--read-only", "SELECT 1"], ["dump", db], ["verify", db], ["repair", db]):
    check(f"{arguments} while it is written", spg(*arguments), (1, "", refused))
fcntl.flock(directory, fcntl.LOCK_SH)
for arguments in (["query", db, "SELECT 1"], ["repair", db]):
    check(f"{arguments} while it is read", spg(*arguments), (1, "", refused))
for arguments in (["query", db, "--read-only", "SELECT 1"], ["dump", db], ["verify", db]):
    check(f"{arguments} while it is read", spg(*arguments)[0::2], (0, ""))
os.close(directory)

# --- a lost or damaged pointer file
pointer = db.read_bytes()
for lost in (None, b"nothing of ours", pointer[:10], pointer[:8] + b"\x99" + pointer[9:]):
    db.unlink()
    if lost is not None:
        db.write_bytes(lost)
    kept = contents()
    for arguments in (["query", db, "SELECT 1"], ["verify", db], ["dump", db]):
        code, out, err = spg(*arguments)
        check(f"{arguments} without its pointer file", (code, contents() == kept), (1, True))
        if lost is None:
            check(f"{arguments} says what is lost", "is missing, but directory" in out + err, True)
    code, out, err = spg("repair", db)
    check("repair", (code, err, db.read_bytes()), (0, "", pointer))
check("nothing to repair", spg("repair", db)[1].startswith("nothing to repair"), True)
check("after a repair", spg("verify", db, "--quiet"), (0, "", ""))
check("repair of nothing", spg("repair", folder / "nowhere")[0], 1)

segments = sorted((folder / "app.db.d").glob("segment-*"))
out = spg("dump", db)[1]
if "segment 1" in out:
    check("segments verify", "all checksums right" in out, True)
    target = segments[0]
    content = bytearray(target.read_bytes())
    content[len(content) // 2] ^= 1
    target.write_bytes(content)
    code, out, err = spg("dump", db)
    check("a flipped bit in a segment", (code, out.splitlines()[-1]), (1, "DAMAGED"))
    code, out, err = spg("verify", db)
    check("verify finds it", (code, out.splitlines()[-1], f"FAULT {target} at " in out), (1, "DAMAGED", True))
    target.unlink()
    check("a lost segment", spg("dump", db)[0], 1)
else:
    failures += 1
    print("there is no segment after a checkpoint:\n" + out)
db.write_bytes(b"nothing of ours")
check("nothing to verify", spg("verify", db)[0], 1)
check("no database", spg("dump", db)[0], 1)

# --- an audit log
db, audit = folder / "audited.db", folder / "audited.log"
check("audited", spg("query", db, "--audit", audit, "CREATE TABLE t (a int)", "INSERT INTO t VALUES (1); ", "SELECT 1 AS x", "CREATE ROLE r PASSWORD 'secret'",
                     "BEGIN; INSERT INTO t VALUES (2);\n INSERT INTO t\tVALUES (3); COMMIT")[0], 0)
code, out, err = spg("audit", "show", audit)
shown = [line.split("  ", 3)[-1] for line in out.splitlines()]
check("show", (code, shown), (0, ["user=bench  database=  /* the first start: the superuser and the first databases */", "user=bench  database=postgres  CREATE TABLE t (a int)",
                                  "user=bench  database=postgres  INSERT INTO t VALUES (1)", "user=bench  database=postgres  CREATE ROLE r PASSWORD '********'",
                                  "user=bench  database=postgres", "INSERT INTO t VALUES (2)", "INSERT INTO t\\tVALUES (3)"]))
check("a part", [line.split()[0] for line in spg("audit", "show", audit, "--from", "2", "--to", "3")[1].splitlines()], ["2", "3"])
code, out, err = spg("audit", "verify", audit, "--db", db)
check("verify", (code, err, out.startswith("entries 1 to 5, made 2"), out.endswith("sound\n")), (0, "", True, True))
check("verify quietly", spg("audit", "verify", audit, "--quiet"), (0, "", ""))
check("without it", (lambda r: (r[0], "the audit log may lack" in r[2]))(spg("query", db, "SELECT 1")), (1, True))
check("to read", spg("query", db, "--read-only", "--csv", "SELECT count(*) FROM t"), (0, "count\n3\n", ""))
check("with it", spg("query", db, "--audit", audit, "--csv", "SELECT count(*) FROM t"), (0, "count\n3\n", ""))
check("dump says", "audit log: complete until entry 5 at " in spg("dump", db)[1], True)
code, out, err = spg("query", db, "--audit", audit, "--tsv", "SELECT pg_current_wal_lsn()")
lsn, hashes = out.split()[-1], spg("audit", "show", audit)[1]
shutil.copy(db, folder / "older.db")  # the base: a query may end with a checkpoint, and keeps no older manifest
shutil.copytree(folder / "audited.db.d", folder / "older.db.d")
spg("query", db, "--audit", audit, "INSERT INTO t VALUES (77)")
shutil.rmtree(folder / "audited.db.d")
(folder / "older.db.d").rename(folder / "audited.db.d")
(folder / "older.db").rename(db)
check("revert knows", "NOT AUDITED" not in spg("audit", "show", audit)[1], True)
check("revert with an audit log", (lambda r: (r[0], r[2]))(spg("revert", "--to", lsn, db, "--audit", audit)), (0, ""))
code, out, err = spg("audit", "show", audit)
check("what was given up stays", (out.startswith(hashes), out.splitlines()[-2].endswith("INSERT INTO t VALUES (77)"), "REVERTED to lsn " in out.splitlines()[-1]), (True, True, True))
check("verify counts it", "1 times the database was reverted" in spg("audit", "verify", audit, "--db", db)[1], True)
check("reverted", spg("query", db, "--audit", audit, "--csv", "SELECT count(*) FROM t"), (0, "count\n3\n", ""))
check("dump says", "audit log: complete until entry 7 at " in spg("dump", db)[1], True)
whole = audit.read_bytes()
audit.write_bytes(whole[:-1])
code, out, err = spg("audit", "verify", audit)
check("cut short", (code, out, err.startswith("ERROR:  audit log entry 7 at offset "), "the file ends within it" in err, "HINT" in err), (1, "BROKEN\n", True, True, True))
audit.write_bytes(whole[:200] + b"!" + whole[201:])
code, out, err = spg("audit", "verify", audit)
check("changed", (code, out, err), (1, "BROKEN\n", "ERROR:  audit log entry 1 at offset 104 is broken: its hash is wrong\n"))
check("show stops", (lambda r: (r[0], r[1]))(spg("audit", "show", audit)), (1, ""))
check("it keeps the database closed", (lambda r: (r[0], "entry 1 at offset 104 is broken" in r[2]))(spg("query", db, "--audit", audit, "SELECT 1")), (1, True))
audit.write_bytes(b"something else")
check("no audit log", spg("audit", "verify", audit)[::2], (1, "ERROR:  the file is not an audit log\n"))
check("nothing there", spg("audit", "verify", folder / "nowhere")[0], 1)
audit.unlink()
check("a missing one", (lambda r: (r[0], "is not there, but the database knows of 7 entries" in r[2]))(spg("query", db, "--audit", audit, "SELECT 1")), (1, True))
check("begun anew", spg("query", db, "--audit", audit, "--audit-begin", "INSERT INTO t VALUES (4)")[0::2], (0, ""))
check("it goes on", [line.split()[0] for line in spg("audit", "show", audit)[1].splitlines()], ["8"])
check("and follows", "follows entry 7, whose hash is " in spg("audit", "verify", audit, "--db", db)[1], True)

# --- backup and restore
source, one, shared = folder / "source.db", folder / "one.backup", f"{folder}/shared/"
spg("query", source, "--wal", f"{source}.wal", "CREATE TABLE t (a int PRIMARY KEY, b text)", "INSERT INTO t SELECT i, 'row ' || i FROM generate_series(1, 5000) i")
files = {p: p.read_bytes() for p in folder.rglob("source.db*") if p.is_file()}
code, out, err = spg("backup", source, one)
check("backup", (code, err, out.startswith("backed up "), out.split()[2] == out.split()[6]), (0, "", True, True))
check("a quiet one", spg("backup", source, shared, "--quiet"), (0, "", ""))
check("which changes nothing", {p: p.read_bytes() for p in folder.rglob("source.db*") if p.is_file()} == files, True)
check("there already", spg("backup", source, one), (1, "", f'ERROR:  backup "{one}" exists already\nHINT:  WITH (replace) puts another in its place.\n'))
check("no backup", spg("backup", source, source, "--replace"), (1, "", f'ERROR:  file "{source}" exists already, and is no backup\n'))
check("replaced", spg("backup", source, one, "--replace")[0::2], (0, ""))
check("nothing to back up", (lambda r: (r[0], r[2].startswith("ERROR:  could not open file")))(spg("backup", folder / "nowhere", folder / "x")), (1, True))
check("and nothing made", sorted(p.name for p in folder.iterdir() if p.name.startswith(("nowhere", "x"))), [])
check("what is there is not written", spg("backup", source, shared, "--prune")[1].endswith(", of which 0 were copied\n"), True)
check("pruned", len([p for p in pathlib.Path(shared).iterdir() if p.name.startswith("backup-")]), 1)
for backup in (one, shared):
    check("opens", spg("query", backup, "--csv", "SELECT count(*), max(b) FROM t"), (0, "count,max\n5000,row 999\n", ""))
    check("not to be written", spg("query", backup, "DELETE FROM t"), (1, "", "ERROR:  cannot execute DELETE in a read-only transaction\n"))
    code, out, err = spg("verify", backup)
    check("verify", (code, err, "5000 rows" in out, out.splitlines()[-1]), (0, "", True, "sound"))
    code, out, err = spg("dump", backup)
    check("dump", (code, err, out.startswith("backup of "), "\nmanifest " in out, out.splitlines()[-1]), (0, "", True, True, "sound"))
target = folder / "target.db"
code, out, err = spg("restore", one, target)
check("restore", (code, err, out.endswith(f"the backup and 0 log records; the log is {target}.wal\n")), (0, "", True))
check("a database", spg("query", target, "--csv", "INSERT INTO t VALUES (0, 'new')", "SELECT count(*) FROM t")[1].endswith("count\n5001\n"), True)
check("which is sound", spg("verify", target, "--quiet"), (0, "", ""))
check("not twice", spg("restore", one, target), (1, "", f'ERROR:  database "{target}" exists already\n'))
check("not over a log", spg("restore", one, folder / "other.db", "--wal", f"{target}.wal"), (1, "", f'ERROR:  log "{target}.wal" exists already\n'))
check("not from a database", spg("restore", source, folder / "other.db"), (1, "", f'ERROR:  file "{source}" is not a backup\n'))
check("not from nothing", spg("restore", folder / "nowhere", folder / "other.db")[0], 1)
check("nor from an empty directory", (lambda r: (r[0], r[2]))(spg("restore", f"{folder}/", folder / "other.db")), (1, f'ERROR:  directory "{folder}/" holds no backup\n'))
# What the source has committed since is in its log.
spg("query", source, "--wal", f"{source}.wal", "INSERT INTO t VALUES (6000, 'later')")
check("and its log", spg("restore", one, folder / "other.db", "--replay", f"{source}.wal")[0::2], (0, ""))
check("has what came later", spg("query", folder / "other.db", "--csv", "SELECT b FROM t WHERE a = 6000"), (0, "b\nlater\n", ""))
# Damage: told by all, carried on by none.
whole = one.read_bytes()
for at in (0, 7, 9, 40, 64, 100, len(whole) // 2, len(whole) - 20):
    one.write_bytes(whole[:at] + bytes([whole[at] ^ 8]) + whole[at + 1:])
    check(f"verify with byte {at} changed", (lambda r: (r[0], r[1].splitlines()[-1]))(spg("verify", one)), (1, "DAMAGED"))
    check(f"restore with byte {at} changed", (spg("restore", one, folder / "never.db")[0], (folder / "never.db").exists()), (1, False))
one.write_bytes(whole[:7] + b"\2" + whole[8:])
check("a newer format", spg("query", one, "SELECT 1"), (1, "", "ERROR:  the backup has format 2, this program reads up to 1\n"))
one.write_bytes(whole)
check("after failures", spg("restore", one, folder / "never.db")[0], 0)

sys.exit(1 if failures else 0)
