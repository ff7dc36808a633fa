#!/usr/bin/python3
"""Random schedules of two or three sessions, the same on PostgreSQL and on SPG: rows, SQLSTATEs, and who waits for whom.

usage: random_schedules.py [--seed N] [--count N] [--steps N] [--dsn DSN] [--postgres DSN] [--serializable] [--multirow]
                           [--sessions N] [--without KIND,KIND...] [--kinds] [--reasons] [--calibrate]

Schedule number I of seed N is that of seed N+I alone: `--seed N+I --count 1` runs it again. Where PostgreSQL did something
else, it is asked again, many times: who of two waiters comes first is often a race. If it then does what SPG did, that is
`same`; if it does different things without doing that one, `undetermined`; if it always does its first, a mismatch, which is
minimised by leaving steps out, and printed; unless one of the reasons for which SPG answers otherwise is its cause
(class Reason): these are counted by their names.
  --sessions N    always so many; otherwise two or three
  --serializable  also SERIALIZABLE blocks; where only one side fails with 40001, it is counted apart, and is no failure:
                  which serialization failures are false alarms is each server's own (histories.py checks what matters)
  --multirow      also writes of several rows without an order, which other servers may lock in another order
  --reasons       prints the schedules that a reason explains, too
  --calibrate     PostgreSQL on both sides: shows what the harness itself gets wrong
Exit code 1 when there are mismatches; 77 when there is no PostgreSQL (under CI=true it is installed).
"""
import argparse
import copy
import difflib
import itertools
import os
import random
import re
import subprocess
import sys

from isolation import Entry, Fresh, Run, own_database, read_entries
from session import Closed
from spec import BUILT_IN
from support import ROOT, reference

SETUP = ["CREATE TABLE t (id int PRIMARY KEY, u int UNIQUE, v int);", "CREATE INDEX t_v ON t (v);",
         "INSERT INTO t VALUES (1, 1, 1), (2, 2, 2), (3, 3, 3), (4, 4, 4);"]
AFTER = ["SELECT * FROM t ORDER BY id;"]


MULTIROW = r"(UPDATE t SET v = v \+ 1|DELETE FROM t)( WHERE v > \d+)?"


class Statements:
    """One random statement per kind; the weights say how often."""

    def __init__(self, chance):
        self.c = chance

    def id(self):
        return self.c.randint(1, 5)

    def v(self):
        return self.c.randint(0, 9)

    def lock(self):
        return self.c.choice(["UPDATE", "NO KEY UPDATE", "SHARE", "KEY SHARE"]) + self.c.choice(["", "", " NOWAIT", " SKIP LOCKED"])

    def insert(self):
        return f"INSERT INTO t VALUES ({self.id()}, {self.c.randint(1, 6)}, {self.v()})"

    def do_nothing(self):
        return self.insert() + " ON CONFLICT DO NOTHING"

    def do_update(self):
        return self.insert() + self.c.choice([" ON CONFLICT (id) DO UPDATE SET v = t.v + 10 RETURNING *", " ON CONFLICT (u) DO UPDATE SET v = EXCLUDED.v WHERE t.v > 3 RETURNING *"])

    def update(self):
        return f"UPDATE t SET v = v + 10 WHERE id = {self.id()}" + self.c.choice(["", f" AND v < {self.v() + 5}", " RETURNING *"])

    def update_by_unique(self):
        return f"UPDATE t SET v = {self.v()} WHERE u = {self.c.randint(1, 6)} RETURNING *"

    def update_unique(self):
        return f"UPDATE t SET u = {self.c.randint(1, 6)} WHERE id = {self.id()}"

    def update_key(self):
        return f"UPDATE t SET id = {self.id()} WHERE id = {self.id()}"

    def delete(self):
        return f"DELETE FROM t WHERE id = {self.id()}" + self.c.choice(["", " RETURNING *", f" AND v < {self.v()}"])

    def select(self):
        return self.c.choice(["SELECT * FROM t ORDER BY id", f"SELECT * FROM t WHERE id = {self.id()}", f"SELECT count(*), sum(v) FROM t WHERE v >= {self.v()}",
                              f"SELECT id FROM t WHERE u = {self.c.randint(1, 6)}"])

    def select_lock(self):
        return f"SELECT * FROM t WHERE id = {self.id()} FOR {self.lock()}"

    def select_lock_many(self):
        return "SELECT id FROM t ORDER BY id" + self.c.choice(["", " LIMIT 1", " LIMIT 2"]) + f" FOR {self.lock()}"

    def lock_table(self):
        return f"LOCK TABLE t IN {self.c.choice(['ROW SHARE', 'ROW EXCLUSIVE', 'SHARE', 'EXCLUSIVE', 'ACCESS EXCLUSIVE'])} MODE{self.c.choice(['', ' NOWAIT'])}"

    def advisory(self):
        return f"SELECT pg_advisory_xact_lock{self.c.choice(['', '_shared'])}({self.c.randint(1, 2)})"

    def multirow(self):
        return self.c.choice([f"UPDATE t SET v = v + 1 WHERE v > {self.v()}", f"DELETE FROM t WHERE v > {self.v() + 4}", "UPDATE t SET v = v + 1"])

    def truncate(self):
        return "TRUNCATE t"

    WEIGHTS = {"insert": 10, "do_nothing": 3, "do_update": 4, "update": 18, "update_by_unique": 5, "update_unique": 5, "update_key": 4, "delete": 8, "select": 12,
               "select_lock": 10, "select_lock_many": 4, "lock_table": 2, "advisory": 2, "truncate": 1, "multirow": 6}


class Schedule:
    """Looks to isolation.Run like a spec with one interleaving: `list` is (session, SQL) step by step."""

    setup, after, created = SETUP, AFTER, [("TABLE", "t")]

    def __init__(self, sessions, steps):
        self.sessions, self.list = dict.fromkeys(sessions, {}), steps
        ends = [(session, "COMMIT") for _ in sessions for session in sessions]  # the later rounds are for those that waited in the earlier ones
        self.texts = dict(enumerate(steps + ends))
        self.steps = [f"{session}.{number}" for number, (session, _) in self.texts.items()]

    def sql(self, step):
        return self.texts[int(step.partition(".")[2])][1]

    def has(self, pattern):
        return any(re.search(pattern, sql) for _, sql in self.list)

    def changed(self, to):
        """The same schedule with other SQL: `to` makes it of each statement's."""
        out = copy.copy(self)
        out.texts = {number: (session, to(sql)) for number, (session, sql) in self.texts.items()}
        return out

    @staticmethod
    def statements(lines):
        return [line.rstrip(";") for line in lines]


class Watch(Run):
    """Steps of a session that waits are passed over; of errors only the SQLSTATE counts, and no order where none was asked for."""

    def met_busy(self, step):
        self.entries.append(Entry(step, None, "passed over"))
        return True

    def shown(self, answer):
        if answer.sqlstate():
            return answer.sqlstate(), []
        rows = ["|".join("NULL" if v is None else v for v in row) for row in answer.rows()]
        return "; ".join(answer.tags()), rows

    def finish(self):
        super().finish()
        for entry in self.entries:
            if entry.step != "after" and "ORDER BY" not in self.spec.sql(entry.step):
                entry.body.sort()


def generate(seed, options):
    chance = random.Random(seed)
    statements = Statements(chance)
    sessions = "abcdefgh"[:chance.choice([2, 2, 3]) if options.sessions is None else options.sessions]
    without = set(options.without.split(",")) | (set() if options.multirow else {"multirow"})
    weights = {kind: weight for kind, weight in Statements.WEIGHTS.items() if kind not in without}
    # A schedule leaves some kinds out, so that others meet more often.
    for kind in chance.sample(sorted(weights), len(weights) // 3):
        weights[kind] = 0.3
    levels = [BUILT_IN["rc"], BUILT_IN["rc"], BUILT_IN["rr"]] + ([BUILT_IN["ser"]] * 2 if options.serializable else [])
    open_blocks, steps = dict.fromkeys(sessions, False), []
    for _ in range(options.steps):
        session = chance.choice(sessions)
        draw = chance.random()
        if not open_blocks[session] and draw < 0.75:
            open_blocks[session], sql = True, chance.choice(levels)
        elif open_blocks[session] and draw < 0.18:
            open_blocks[session], sql = False, chance.choice(["COMMIT", "COMMIT", "ROLLBACK"])
        elif open_blocks[session] and draw < 0.28:
            sql = chance.choice(["SAVEPOINT s", "SAVEPOINT s", "ROLLBACK TO s", "ROLLBACK TO s", "RELEASE s"])
        else:
            sql = getattr(statements, chance.choices(list(weights), list(weights.values()))[0])()
        steps.append((session, sql))
    return Schedule(sessions, steps)


def lines_of(entries):
    return [line for entry in entries for line in entry.lines()]


class Reason:
    """Why SPG answers otherwise than PostgreSQL, as something to try: PostgreSQL is given a schedule without the cause. What
    it does then, SPG must have done (or does, when it is given that one, too)."""

    name = ""
    for_both = False  # whether SPG is given the other schedule as well

    @staticmethod
    def applies(schedule, expected, found):
        raise NotImplementedError

    @staticmethod
    def without(schedule, found):
        """The schedule without the cause. `found`: what SPG did."""
        raise NotImplementedError

    @staticmethod
    def comparable(schedule, entries):
        return entries


def first_difference(expected, found):
    """The entries at which two outcomes part."""
    return next(((theirs, ours) for theirs, ours in zip(expected, found) if theirs.lines() != ours.lines()), (expected[-1], found[-1]))


class Truncate(Reason):
    """TRUNCATE makes a version as other statements do: older snapshots go on to see the rows. PostgreSQL's see none: it is
    asked to delete them, while the table is locked as TRUNCATE locks it."""

    name = "truncate"

    @staticmethod
    def applies(schedule, expected, found):
        return schedule.has("TRUNCATE") and schedule.has("REPEATABLE READ|SERIALIZABLE")

    @staticmethod
    def without(schedule, found):
        return schedule.changed(lambda sql: "LOCK TABLE t IN ACCESS EXCLUSIVE MODE; DELETE FROM t" if sql == "TRUNCATE t" else sql)

    @staticmethod
    def comparable(schedule, entries):
        """The tags of the statements in its stead are TRUNCATE's."""
        truncates = {step for step in schedule.steps if schedule.sql(step) == "TRUNCATE t"}
        return [Entry(e.step, e.after, re.sub(r"^LOCK TABLE; DELETE \d+$", "TRUNCATE TABLE", e.text) if e.step in truncates else e.text, e.body) for e in entries]


class TruncateNewest(Truncate):
    """The same of TRUNCATE in a block with a snapshot of its own: whatever that is, all rows go. PostgreSQL's DELETE does that at
    READ COMMITTED."""

    name = "truncate in a snapshot"

    @staticmethod
    def without(schedule, found):
        out = Truncate.without(schedule, found)
        truncating = {session for session, sql in schedule.list if sql == "TRUNCATE t"}
        out.texts = {number: (session, "BEGIN ISOLATION LEVEL READ COMMITTED" if session in truncating and sql.startswith("BEGIN") else sql)
                     for number, (session, sql) in out.texts.items()}
        return out


class NoChange(Reason):
    """A snapshot's row has changed when one of its values has. PostgreSQL takes any UPDATE for a change: all are made some."""

    name, for_both = "no change", True

    @staticmethod
    def applies(schedule, expected, found):
        theirs, ours = first_difference(expected, found)
        return schedule.has("UPDATE (t )?SET") and theirs.text == "40001" and ours.step == theirs.step

    @staticmethod
    def without(schedule, found):
        out = schedule.changed(lambda sql: re.sub(r"\bUPDATE (t )?SET ", r"UPDATE \1SET n = t.n + 1, ", sql))
        out.setup = SETUP + ["ALTER TABLE t ADD n int NOT NULL DEFAULT 0;"]
        return out


class BeginsAnew(Reason):
    """A READ COMMITTED statement that had to wait begins anew on the newest version as a whole. PostgreSQL looks again at the
    row that it waited for only: it is given such a statement when the wait has ended."""

    name = "begins anew"

    @staticmethod
    def applies(schedule, expected, found):
        """Where the two part, there is the answer of one that waited on both."""
        both = BeginsAnew.late(schedule, found) & BeginsAnew.late(schedule, expected)
        return any(entry.after and entry.step in both for entry in first_difference(expected, found))

    @staticmethod
    def late(schedule, found):
        """The READ COMMITTED statements that had to wait."""
        levels, out = {}, set()
        for entry in found:
            session, sql = entry.step.partition(".")[0], schedule.sql(entry.step) if entry.step != "after" else ""
            if sql.startswith("BEGIN"):
                levels.setdefault(session, sql)
            elif sql in ("COMMIT", "ROLLBACK") and entry.text != "passed over":
                levels.pop(session, None)
            elif entry.text == "waits" and "READ COMMITTED" in levels.get(session, "READ COMMITTED"):
                out.add(entry.step)
        return out

    @staticmethod
    def without(schedule, found):
        late, out = BeginsAnew.late(schedule, found), copy.copy(schedule)
        out.steps = [entry.step for entry in found if entry.step != "after" and entry.text != "passed over" and
                     (not entry.text.startswith("waits") if entry.step in late else not entry.after and entry.text != "waits to the end")]
        return out

    @staticmethod
    def comparable(schedule, entries):
        """What each step has come to, whenever it did."""
        kept = [Entry(e.step, None, e.text, e.body) for e in entries if not e.text.startswith(("waits", "passed over"))]
        return sorted(kept, key=lambda entry: (entry.step == "after", entry.step))


class RowOrder(Reason):
    """Which of several rows a statement locks first, when no order is asked for, is by rowid; PostgreSQL's by place, where an
    updated row is the last. Both are given an order."""

    name, for_both = "row order", True

    @staticmethod
    def applies(schedule, expected, found):
        return schedule.has(MULTIROW)

    @staticmethod
    def without(schedule, found):
        def ordered(sql):
            parts = re.fullmatch(MULTIROW, sql)
            lock = "NO KEY UPDATE" if sql.startswith("UPDATE") else "UPDATE"
            return sql if parts is None else f"{parts[1]} WHERE id IN (SELECT id FROM t{parts[2] or ''} ORDER BY id FOR {lock})"
        return schedule.changed(ordered)


# In this order where more than one is needed: the last looks at what the others leave.
REASONS = [Truncate, TruncateNewest, NoChange, RowOrder, BeginsAnew]


class Compare:
    def __init__(self, postgres, candidate):
        self.postgres, self.candidate = postgres, candidate

    def expected(self, schedule):
        return Watch(self.postgres, schedule, schedule, None).run()

    def found(self, schedule, expected):
        try:
            return Watch(self.candidate(), schedule, schedule, expected).run()
        except (RuntimeError, OSError, Closed) as error:
            self.candidate.give_up(error)
            return [Entry("harness", None, f"{type(error).__name__}: {error}")]

    def run(self, schedule):
        """(what PostgreSQL did, what the other did), as lines"""
        expected = self.expected(schedule)
        return lines_of(expected), lines_of(self.found(schedule, expected))

    def explained(self, schedule, expected, found, tries=5):
        """The names of the reasons (as few as possible) without which PostgreSQL does what SPG does; or None."""
        expected, found = read_entries(expected), read_entries(found)
        if found[0].step == "harness":
            return None
        possible = [reason for reason in REASONS if reason.applies(schedule, expected, found)]
        for count in range(1, len(possible) + 1):
            for reasons in itertools.combinations(possible, count):
                if any(self.agrees_without(reasons, schedule, found) for _ in range(tries)):
                    return " and ".join(reason.name for reason in reasons)
        return None

    def agrees_without(self, reasons, schedule, found):
        without = schedule
        for reason in reasons:
            if reason.for_both:
                both = reason.without(schedule, found)
                found = self.found(both, self.expected(both))
            without = reason.without(without, found)
        expected = self.expected(without)
        for reason in reasons:
            expected, found = reason.comparable(schedule, expected), reason.comparable(schedule, found)
        return lines_of(expected) == lines_of(found)

    def verdict(self, schedule, expected, found, tries=40):
        """same, undetermined or mismatch; the races of PostgreSQL's waiters may need some tries to end the other way"""
        does_others = False
        for _ in range(tries if expected != found else 0):
            again = lines_of(Watch(self.postgres, schedule, schedule, None).run())
            if again == found:
                return "same"
            does_others = does_others or again != expected
        return "same" if expected == found else "undetermined" if does_others else "mismatch"

    def differs(self, schedule):
        expected, found = self.run(schedule)
        return self.verdict(schedule, expected, found, tries=5) == "mismatch" and self.explained(schedule, expected, found, tries=2) is None

    def minimised(self, schedule, tries=80):
        """Fewer steps that still differ, by leaving out ever smaller parts."""
        steps, size = schedule.list, max(1, len(schedule.list) // 2)
        while True:
            at, shorter = 0, False
            while at < len(steps) and tries > 0:
                fewer = steps[:at] + steps[at + size:]
                tries -= 1
                if fewer and self.differs(Schedule(schedule.sessions, fewer)):
                    steps, shorter = fewer, True
                else:
                    at += size
            if tries <= 0 or (size == 1 and not shorter):
                return Schedule(schedule.sessions, steps)
            size = max(1, size // 2)


KINDS = ("same", "mismatch", "serializable", "unsupported", "undetermined")


def kind_of(expected, found):
    """same, unsupported, serializable or mismatch"""
    if expected == found:
        return "same"
    if any(entry.text == "0A000" for entry in read_entries(found)):
        return "unsupported"
    theirs, ours = ({entry.step for entry in read_entries(lines) if entry.text == "40001"} for lines in (expected, found))
    return "serializable" if theirs != ours else "mismatch"


def report(number, seed, schedule, expected, found, what):
    print(f"--- schedule {number}: --seed {seed} --count 1; {what}:")
    for at, (session, sql) in schedule.texts.items():
        if at < len(schedule.list):
            print(f"    {session}.{at}  {sql}")
    print("\n".join("  " + line for line in difflib.ndiff(expected, found) if not line.startswith("?")))


def postgres(given):
    if given:
        return given
    if os.environ.get("CI") == "true":
        subprocess.run([str(ROOT / "tools/need"), "postgresql-15=/usr/lib/postgresql/15/bin/postgres"], check=True)
    try:
        return reference()
    except (OSError, subprocess.CalledProcessError) as error:
        if os.environ.get("CI") == "true":
            raise
        print(f"skipped: no PostgreSQL to compare with ({error})")
        sys.exit(77)


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randint(1, 10**9))
    parser.add_argument("--count", type=int, default=100)
    parser.add_argument("--steps", type=int, default=16)
    parser.add_argument("--sessions", type=int)
    parser.add_argument("--without", default="")
    for name in ("dsn", "postgres"):
        parser.add_argument(f"--{name}")
    for name in ("serializable", "multirow", "kinds", "reasons", "calibrate"):
        parser.add_argument(f"--{name}", action="store_true")
    options = parser.parse_args()
    if options.kinds:
        return print(" ".join(Statements.WEIGHTS))
    with own_database(postgres(options.postgres)) as dsn:
        return run(options, dsn)


def run(options, dsn):
    fresh = Fresh(dsn if options.calibrate else options.dsn)
    compare, counts = Compare(dsn, fresh), dict.fromkeys(KINDS, 0)
    print(f"seed {options.seed}, {options.count} schedules of {options.steps} steps")
    try:
        for number in range(options.count):
            seed = options.seed + number
            schedule = generate(seed, options)
            expected, found = compare.run(schedule)
            kind = kind_of(expected, found)
            if kind == "serializable" and not options.serializable:
                kind = "mismatch"
            if kind == "mismatch":
                kind = compare.verdict(schedule, expected, found)
            if kind == "mismatch":
                kind = compare.explained(schedule, expected, found) or kind
            counts[kind] = counts.get(kind, 0) + 1
            if kind == "mismatch":
                Watch.patience = 1  # enough to see the same again, and to try much
                smaller = compare.minimised(schedule)
                Watch.patience = Run.patience
                report(number, seed, smaller, *compare.run(smaller), f"minimised to {len(smaller.list)} steps")
            elif options.reasons and kind not in KINDS:
                report(number, seed, schedule, expected, found, kind)
            sys.stdout.flush()
    finally:
        fresh.stop()
    print(", ".join(f"{count} {kind}" for kind, count in counts.items()))
    return counts["mismatch"] > 0


if __name__ == "__main__":
    sys.exit(main())
