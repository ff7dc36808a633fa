#!/usr/bin/python3
"""Random concurrent transactions over the wire, recorded, and checked for what their isolation level promises.

usage: histories.py [--level rc|rr|ser|all] [--workload NAME|all] [--count N] [--seed N] [--threads N] [--kill N] [--promise rc|rr|ser]
                    [--dsn DSN]

Workloads (N transactions each):
  append    lists by key: appends and reads; the order of versions is known (checker.py)
  register  values by key: each write says what it wrote over, so their order is known, too
  set       rows of a predicate: inserts, and reads by a secondary index and by whole table (phantoms)
  bank      transfers computed by the client; the sum never changes in any read of one snapshot
  unique    inserts and deletes of few keys: a key is there at most once, and who was told so is right
  counter   increments in place: none is lost, and no RETURNING value comes twice
--kill N: N times over, the server is SIGKILLed in the middle of append, register, set, bank and counter at once, and
started again on its files: what was acknowledged is there, and what was not, is there as a whole or not at all.

--promise LEVEL: check for another level than the one that ran. A canary: `--level rc --promise rr` and `--level rr --promise
ser` must find anomalies, on any server, or this program finds nothing at all (the exit code is 0 when they do).

The seed fixes what the transactions do, not how they meet.
"""
import argparse
import random
import sys
import threading
import time

from checker import ABORTED, COMMITTED, UNKNOWN, Op, Transaction, check
from session import Session
from support import Server

LEVELS = {"rc": "READ COMMITTED", "rr": "REPEATABLE READ", "ser": "SERIALIZABLE"}
EXPECTED = {"40001", "40P01", "23505", "55P03"}  # what a transaction may fail with


class Failed(Exception):
    """A statement failed, as it may: the transaction is over."""


class Client(threading.Thread):
    """One connection, and what it did: `history`."""

    def __init__(self, number, dsn, level, workload, count, seed):
        super().__init__(daemon=True)
        self.number, self.dsn, self.level, self.workload, self.count = number, dsn, level, workload, count
        self.chance = random.Random(f"{seed} {number} {workload.name} {level}")
        self.history, self.errors, self.problem, self.gone = [], {}, None, False

    def run(self):
        try:
            self.session = Session(self.dsn, str(self.number), deadlock_timeout="20ms", default_transaction_isolation=LEVELS[self.level].lower())
            for step in range(self.count):
                self.transaction(f"{self.workload.name}{self.number}.{step}")
                if self.gone:
                    return
        except (OSError, RuntimeError, EOFError) as error:
            self.gone = True
            self.problem = None if self.killed(error) else error
        except Exception as error:  # anything else is a failure of the test
            self.problem = error

    @staticmethod
    def killed(error):
        return isinstance(error, OSError) and not isinstance(error, TimeoutError) or type(error).__name__ == "Closed"

    def transaction(self, name):
        self.ops, self.status, self.sent, block = [], ABORTED, None, self.chance.random() < 0.75
        try:
            if block:
                self.statement("BEGIN")
            self.workload.transaction(self, block)
            if block and self.chance.random() < 0.08:
                self.statement("ROLLBACK")
            elif block:
                self.sent = time.monotonic()
                self.status = UNKNOWN
                answer = self.statement("COMMIT")
                self.status = COMMITTED if answer.tags() == ["COMMIT"] else ABORTED
            else:
                self.status = COMMITTED
        except Failed:
            if not self.gone:
                self.status = ABORTED
                if block:
                    self.session.ask("ROLLBACK")
            elif not block and self.sent is not None:
                self.status = UNKNOWN
        # what a client was told before its COMMIT is nothing to rely on, but it may have been lied to all the same
        self.history.append(Transaction(name, self.ops, self.status, self.sent if self.sent is not None else time.monotonic(), time.monotonic()))
        self.history[-1].note = getattr(self, "note", None)
        self.history[-1].cut = self.gone

    def statement(self, sql):
        if self.chance.random() < 0.3:
            time.sleep(self.chance.random() * 0.002)
        answer = self.session.ask(sql)
        state = answer.sqlstate()
        if state is not None:
            self.gone = self.gone or state == "closed" or state.startswith("57P")
            if not self.gone:
                self.errors[state] = self.errors.get(state, 0) + 1
                if state not in EXPECTED:
                    raise AssertionError(f"{sql}: {answer.error()}")
            raise Failed(state)
        return answer

    def op(self, kind, key, sql, value=None, parse=None, block=True):
        """Runs it and notes it. A write is noted before, as nobody knows what becomes of it."""
        sent = time.monotonic()
        op = Op(kind, key, value, sent, float("inf"))
        if kind != "read":
            self.ops.append(op)
            if not block:
                self.sent = sent
        answer = self.statement(sql)
        op.done = time.monotonic()
        if kind == "read":
            op.value = parse(answer.rows())
            self.ops.append(op)
        return answer


def read_list(rows):
    return [int(value) for value in rows[0][0].split(",") if value] if rows else []


class Append:
    """A list per key, as text."""

    name, KEYS = "append", 5

    def __init__(self, tag=""):
        self.table, self.lock, self.last = f"h_{self.name}{tag}", threading.Lock(), 0

    def next(self):
        with self.lock:
            self.last += 1
            return self.last

    def create(self, control):
        control.ask(f"DROP TABLE IF EXISTS {self.table}")
        control.must(f"CREATE TABLE {self.table} (k int PRIMARY KEY, v text)")
        for key in range(self.KEYS):
            control.must(f"INSERT INTO {self.table} VALUES ({key}, '')")

    def transaction(self, client, block):
        for _ in range(client.chance.randint(1, 4) if block else 1):
            key = client.chance.randrange(self.KEYS)
            if client.chance.random() < 0.5:
                lock = client.chance.choice(["", "", "", " FOR UPDATE", " FOR SHARE"]) if self.locks else ""
                client.op("read", key, f"SELECT v FROM {self.table} WHERE k = {key}{lock}", parse=read_list)
            else:
                value = self.next()
                client.op("append", key, f"UPDATE {self.table} SET v = v || ',{value}' WHERE k = {key}", value, block=block)

    locks = False

    def final(self, control):
        return {int(key): read_list([[value]]) for key, value in control.must(f"SELECT k, v FROM {self.table}")}

    def verify(self, level, clients, control):
        history = [transaction for client in clients for transaction in client.history]
        return check(level, history, self.final(control))


class AppendLocking(Append):
    """The same with locking reads: FOR UPDATE and FOR SHARE read the newest version."""

    name, locks = "locking", True

    def verify(self, level, clients, control):
        # In READ COMMITTED a locking read shows the newest row, beside older snapshots: the checks of "rc" hold for both.
        return super().verify(level, clients, control)


class Register(Append):
    """One value per key; a write returns what it wrote over, the row keeps some of those. Turned into lists for the checker."""

    name = "register"

    def create(self, control):
        control.ask(f"DROP TABLE IF EXISTS {self.table}")
        control.must(f"CREATE TABLE {self.table} (k int PRIMARY KEY, v int, old text)")
        for key in range(self.KEYS):
            control.must(f"INSERT INTO {self.table} VALUES ({key}, 0, '')")
        self.before, self.reads = {}, []

    def transaction(self, client, block):
        for _ in range(client.chance.randint(1, 4) if block else 1):
            key = client.chance.randrange(self.KEYS)
            if client.chance.random() < 0.5:
                client.op("read", key, f"SELECT v FROM {self.table} WHERE k = {key}", parse=lambda rows: int(rows[0][0]))
            else:
                value = self.next()
                answer = client.op("append", key, f"UPDATE {self.table} SET old = left(v || ',' || old, 200), v = {value} WHERE k = {key} RETURNING old", value, block=block)
                self.before[key, value] = int(answer.rows()[0][0].split(",")[0])

    def verify(self, level, clients, control):
        problems = []

        def past(key, value):
            """All values of the key up to this one."""
            out = []
            while value:
                out.append(value)
                value = self.before.get((key, value), 0)
                if len(out) > self.last:
                    problems.append(f"key {key}: values in a ring: {out[:10]}")
                    break
            return out[::-1]

        rows = [(int(key), int(value), old.split(",")[:-1]) for key, value, old in control.must(f"SELECT k, v, old FROM {self.table}")]
        for key, value, olds in rows:  # those who got no answer; the last of the old ones may be cut off
            for old in olds:
                value = self.before.setdefault((key, value), int(old))
        final = {key: past(key, value) for key, value, _ in rows}
        history = [transaction for client in clients for transaction in client.history]
        for transaction in history:
            for op in transaction.ops:
                if op.kind == "read":
                    op.value = past(op.key, op.value)
        return problems + check(level, history, final)


class Sets(Append):
    """Rows (key, value): inserts, and reads of a key's rows. Phantoms are missing or additional rows."""

    name, KEYS = "set", 3

    def create(self, control):
        control.ask(f"DROP TABLE IF EXISTS {self.table}")
        control.must(f"CREATE TABLE {self.table} (value int PRIMARY KEY, k int NOT NULL)")
        control.must(f"CREATE INDEX {self.table}_k ON {self.table} (k)")

    def transaction(self, client, block):
        for _ in range(client.chance.randint(1, 3) if block else 1):
            key = client.chance.randrange(self.KEYS)
            if client.chance.random() < 0.6:
                where = client.chance.choice([f"k = {key}", f"k BETWEEN {key} AND {key}", f"k + 0 = {key}"])
                client.op("read", f"set{key}", f"SELECT value FROM {self.table} WHERE {where} ORDER BY value", parse=lambda rows: [int(row[0]) for row in rows])
            else:
                value = self.next()
                client.op("add", f"set{key}", f"INSERT INTO {self.table} VALUES ({value}, {key})", value, block=block)

    def final(self, control):
        final = {f"set{key}": [] for key in range(self.KEYS)}
        for key, value in control.must(f"SELECT k, value FROM {self.table} ORDER BY value"):
            final[f"set{key}"].append(int(value))
        return final


class Bank(Append):
    """READ COMMITTED transfers in place; the stricter levels read, compute in the client and write back."""

    name, KEYS, EACH = "bank", 6, 100

    def create(self, control):
        control.ask(f"DROP TABLE IF EXISTS {self.table}")
        control.must(f"CREATE TABLE {self.table} (id int PRIMARY KEY, balance int NOT NULL)")
        control.must(f"INSERT INTO {self.table} VALUES " + ", ".join(f"({key}, {self.EACH})" for key in range(self.KEYS)))
        self.wrong = []

    def balance(self, client, key):
        return int(client.statement(f"SELECT balance FROM {self.table} WHERE id = {key}").rows()[0][0])

    def transaction(self, client, block):
        a, b = client.chance.sample(range(self.KEYS), 2)
        amount = client.chance.randint(1, 30)
        if not block or client.chance.random() < 0.25:
            if block and client.level != "rc":
                total = sum(self.balance(client, key) for key in range(self.KEYS))
            else:
                total = int(client.statement(f"SELECT sum(balance) FROM {self.table}").rows()[0][0])
            if total != self.KEYS * self.EACH:
                self.wrong.append(f"client {client.number} saw a sum of {total}")
            return
        if client.level == "rc":
            client.statement(f"UPDATE {self.table} SET balance = balance - {amount} WHERE id = {a}")
            client.statement(f"UPDATE {self.table} SET balance = balance + {amount} WHERE id = {b}")
        else:
            from_a, from_b = self.balance(client, a), self.balance(client, b)
            client.statement(f"UPDATE {self.table} SET balance = {from_a - amount} WHERE id = {a}")
            client.statement(f"UPDATE {self.table} SET balance = {from_b + amount} WHERE id = {b}")

    def verify(self, level, clients, control):
        total = int(control.must(f"SELECT sum(balance) FROM {self.table}")[0][0])
        return self.wrong + ([] if total == self.KEYS * self.EACH else [f"the sum is {total} in the end, and was {self.KEYS * self.EACH}"])


class Unique(Append):
    """Few keys of two unique indexes, inserted and deleted by all."""

    name, KEYS = "unique", 4

    def create(self, control):
        control.ask(f"DROP TABLE IF EXISTS {self.table}")
        control.must(f"CREATE TABLE {self.table} (id int PRIMARY KEY, u int UNIQUE, client int)")

    def transaction(self, client, block):
        client.note = []
        for _ in range(client.chance.randint(1, 2) if block else 1):
            key = client.chance.randrange(self.KEYS)
            if client.chance.random() < 0.6:
                client.statement(f"INSERT INTO {self.table} VALUES ({key}, {key * 7 % self.KEYS}, {client.number})")
                client.note.append((key, 1))
            elif client.statement(f"DELETE FROM {self.table} WHERE id = {key}").tags() == ["DELETE 1"]:
                client.note.append((key, -1))
            if not block:
                client.sent = time.monotonic()

    def verify(self, level, clients, control):
        there = [int(row[0]) for row in control.must(f"SELECT id FROM {self.table} ORDER BY id")]
        counts = dict.fromkeys(range(self.KEYS), 0)
        for client in clients:
            for transaction in client.history:
                for key, by in transaction.note if transaction.status == COMMITTED else ():
                    counts[key] += by
        wrong = [f"key {key}: {count} more inserts than deletes were acknowledged, and it is there {there.count(key)} times"
                 for key, count in counts.items() if count != there.count(key)]
        return wrong + ([] if len(there) == len(set(there)) else [f"a unique key twice: {there}"])


class Counter(Append):
    """UPDATE ... SET n = n + 1 RETURNING n."""

    name, KEYS = "counter", 2

    def create(self, control):
        control.ask(f"DROP TABLE IF EXISTS {self.table}")
        control.must(f"CREATE TABLE {self.table} (k int PRIMARY KEY, n int)")
        control.must(f"INSERT INTO {self.table} VALUES " + ", ".join(f"({key}, 0)" for key in range(self.KEYS)))

    def transaction(self, client, block):
        client.note = []
        for key in sorted(client.chance.sample(range(self.KEYS), client.chance.randint(1, self.KEYS) if block else 1)):
            if not block:
                client.sent = time.monotonic()
                client.note = [(key, None)]
            value = int(client.statement(f"UPDATE {self.table} SET n = n + 1 WHERE k = {key} RETURNING n").rows()[0][0])
            client.note = [note for note in client.note if note != (key, None)] + [(key, value)]

    def verify(self, level, clients, control):
        problems = []
        for key, total in ((int(key), int(total)) for key, total in control.must(f"SELECT k, n FROM {self.table} ORDER BY k")):
            notes = [(transaction.status, value) for client in clients for transaction in client.history for k, value in transaction.note or () if k == key]
            sure = [value for status, value in notes if status == COMMITTED]
            unknown = sum(status == UNKNOWN for status, _ in notes)
            if not len(sure) <= total <= len(sure) + unknown:
                problems.append(f"counter {key} is {total} after {len(sure)} acknowledged and {unknown} unknown increments")
            if len(set(sure)) != len(sure):
                problems.append(f"counter {key}: two increments returned the same")
            if sure and max(sure) > total:
                problems.append(f"counter {key} is {total}, but {max(sure)} was acknowledged")
        return problems


WORKLOADS = {workload.name: workload for workload in (Append, AppendLocking, Register, Sets, Bank, Unique, Counter)}
KILLED = ("append", "register", "set", "bank", "counter")


def tally(clients):
    statuses, errors = {}, {}
    for client in clients:
        for transaction in client.history:
            statuses[transaction.status] = statuses.get(transaction.status, 0) + 1
        for state, count in client.errors.items():
            errors[state] = errors.get(state, 0) + count
    return ", ".join(f"{count} {status}" for status, count in sorted(statuses.items())) + (f" ({', '.join(f'{s}: {n}' for s, n in sorted(errors.items()))})" if errors else "")


def verdict(title, level, workload, clients, control):
    """The number of problems, after printing them."""
    problems = [f"client {client.number}: {type(client.problem).__name__}: {client.problem}" for client in clients if client.problem]
    stats = tally(clients)  # before the checker decides what became of the unknown
    problems += workload.verify(level, clients, control)
    print(f"{'FAIL' if problems else 'pass'} {title}: {stats}")
    for problem in problems[:5]:
        print("    " + problem)
    if len(problems) > 5:
        print(f"    and {len(problems) - 5} more")
    sys.stdout.flush()
    return len(problems)


def start(dsn, level, workload, options, seed, count):
    clients = [Client(number, dsn, level, workload, count, seed) for number in range(options.threads)]
    for client in clients:
        client.start()
    return clients


def peace(options, dsn, levels, workloads):
    bad = 0
    control = Session(dsn, "control")
    for level in levels:
        for name in workloads:
            workload = WORKLOADS[name]()
            workload.create(control)
            clients = start(dsn, level, workload, options, options.seed, max(1, options.count // options.threads))
            for client in clients:
                client.join()
            bad += verdict(f"{level} {name}", options.promise or level, workload, clients, control) > 0
            control.ask(f"DROP TABLE {workload.table}")
    return bad


def war(options, levels, workloads):
    """Kills the server in the middle of the work, each time with new tables."""
    bad, chance = 0, random.Random(options.seed)
    server = Server().start()
    for kill in range(options.kill):
        level = levels[kill % len(levels)]
        control = Session(server.dsn(), "control")
        running = []
        for name in workloads:
            workload = WORKLOADS[name](f"_{kill}")
            workload.create(control)
            running.append((workload, start(server.dsn(), level, workload, options, options.seed + kill, 10**9)))
        time.sleep(chance.uniform(0.1, 0.6))
        server.kill()
        for _, clients in running:
            for client in clients:
                client.join(60)
        server.start()
        control = Session(server.dsn(), "control")
        for workload, clients in running:
            bad += verdict(f"kill {kill + 1}, {level} {workload.name}", level, workload, clients, control) > 0
            control.ask(f"DROP TABLE {workload.table}")
        control.close()
    server.stop()
    return bad


def main():
    parser = argparse.ArgumentParser(usage=__doc__)
    parser.add_argument("--level", default="all", choices=[*LEVELS, "all"])
    parser.add_argument("--workload", default="all", choices=[*WORKLOADS, "all"])
    parser.add_argument("--count", type=int, default=400)
    parser.add_argument("--threads", type=int, default=4)
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randint(1, 10**9))
    parser.add_argument("--kill", type=int, default=0)
    parser.add_argument("--dsn")
    parser.add_argument("--promise", choices=list(LEVELS))
    options = parser.parse_args()
    print(f"seed {options.seed}")
    levels = list(LEVELS) if options.level == "all" else [options.level]
    workloads = list(WORKLOADS) if options.workload == "all" else [options.workload]
    if options.kill:
        bad = war(options, levels, [name for name in workloads if name in KILLED])
    elif options.dsn:
        bad = peace(options, options.dsn, levels, workloads)
    else:
        with Server() as server:
            bad = peace(options, server.dsn(), levels, workloads)
    print(f"{bad} histories broke a promise" if bad else "all histories are as promised")
    return bad == 0 if options.promise else bad > 0


if __name__ == "__main__":
    sys.exit(main())
