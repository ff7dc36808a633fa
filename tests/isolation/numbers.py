#!/usr/bin/python3
"""Transactions have one number, whoever tells it: pg_current_xact_id(), pg_locks and the detail of a deadlock.

usage: numbers.py [--dsn DSN]      (default: runs SPG_SERVER; PostgreSQL must pass, too)
"""
import re
import sys
import threading
import time

from isolation import own_database
from session import Session
from support import Server

# Who waits for whom, as monitoring asks for it.
WAITS = """SELECT waiter.pid, holder.pid FROM pg_locks waiter JOIN pg_locks holder
  ON holder.locktype = waiter.locktype AND holder.database IS NOT DISTINCT FROM waiter.database
  AND holder.relation IS NOT DISTINCT FROM waiter.relation AND holder.transactionid IS NOT DISTINCT FROM waiter.transactionid
  AND holder.virtualxid IS NOT DISTINCT FROM waiter.virtualxid AND holder.objid IS NOT DISTINCT FROM waiter.objid AND holder.granted
  WHERE NOT waiter.granted AND waiter.pid IN ({a}, {b})"""


def equal(found, expected, what):
    if found != expected:
        sys.exit(f"{what}: {found}, not {expected}")


def number(session):
    return int(session.must("SELECT pg_current_xact_id()")[0][0])


def until_blocked(control, session):
    for _ in range(500):
        if control.must(f"SELECT pg_blocking_pids({session.pid}) <> '{{}}'") == [["t"]]:
            return
        time.sleep(0.01)
    sys.exit(f"session {session.name} does not wait")


def end(session):
    if not session.poll(10):
        sys.exit(f"session {session.name} still waits")
    return session.answer


def in_locks(control, session, locktype, column, granted="t"):
    return [row[0] for row in control.must(f"SELECT {column} FROM pg_locks WHERE pid = {session.pid} AND locktype = '{locktype}' AND granted = '{granted}'")]


def waiting(control, a, b):
    """Nobody has asked for a number yet: pg_locks is the first to tell it."""
    a.must("BEGIN")
    a.must("SELECT * FROM n WHERE id = 1 FOR UPDATE")
    b.must("BEGIN")
    b.must("UPDATE n SET v = 0 WHERE id = 2")
    b.send("UPDATE n SET v = 1 WHERE id = 1")
    until_blocked(control, b)
    of_a, of_b = in_locks(control, a, "transactionid", "transactionid"), in_locks(control, b, "transactionid", "transactionid")
    equal(in_locks(control, b, "transactionid", "transactionid", "f"), of_a, "what the waiter waits for")
    equal(in_locks(control, b, "transactionid", "mode", "f"), ["ShareLock"], "how")
    equal(control.must(WAITS.format(a=a.pid, b=b.pid)), [[str(b.pid), str(a.pid)]], "who waits for whom")
    for session in (a, b):
        equal(in_locks(control, session, "virtualxid", "virtualxid = virtualtransaction AND mode = 'ExclusiveLock'"), ["t"], "virtual number")
    full = number(a)
    equal([str(full % 2**32)], of_a, "the holder's own number")
    equal(control.must(f"SELECT txid_status({full})"), [["in progress"]], "its status")
    a.must("COMMIT")
    end(b)
    equal([str(number(b) % 2**32)], of_b, "the waiter's own number")
    equal(control.must(f"SELECT txid_status({full})"), [["committed"]], "the holder's status")
    b.must("ROLLBACK")
    equal(control.must(f"SELECT txid_status({full // 2**32 * 2**32 + int(of_b[0])})"), [["aborted"]], "the waiter's status")
    for session in (a, b):
        equal(in_locks(control, session, "virtualxid", "1") + in_locks(control, session, "transactionid", "1"), [], "locks afterwards")


def row_lock(control, a):
    a.must("BEGIN")
    a.must("SELECT * FROM n")
    equal(a.must("SELECT pg_current_xact_id_if_assigned() IS NULL"), [["t"]], "reading draws no number")
    a.must("SELECT * FROM n WHERE id = 1 FOR SHARE")
    equal(a.must("SELECT pg_current_xact_id_if_assigned() IS NULL"), [["f"]], "locking a row draws one")
    before = number(a)
    a.must("COMMIT")
    a.must("BEGIN")
    a.must("INSERT INTO n VALUES (10, 10)")
    if number(a) <= before:
        sys.exit("the next transaction has no higher number")
    a.must("ROLLBACK")


def deadlock(control, a, b, asks_before):
    for session, row in ((a, 1), (b, 2)):
        session.must("BEGIN")
        session.must(f"UPDATE n SET v = v + 1 WHERE id = {row}")
    numbers = {session.pid: number(session) for session in (a, b)} if asks_before else {}
    a.send("UPDATE n SET v = v + 1 WHERE id = 2")
    until_blocked(control, a)
    time.sleep(0.1)  # longer than deadlock_timeout: it is b that closes the cycle
    error = b.ask("UPDATE n SET v = v + 1 WHERE id = 1").error()
    equal(error["C"], "40P01", "the victim's SQLSTATE")
    end(a)
    b.must("ROLLBACK")
    numbers.setdefault(a.pid, number(a))
    told = re.findall(r"Process (\d+) waits for ShareLock on transaction (\d+); blocked by process (\d+)\.", error["D"])
    equal([(int(waiter), int(blocker)) for waiter, _, blocker in told], [(b.pid, a.pid), (a.pid, b.pid)], "the cycle")
    equal(int(told[0][1]), numbers[a.pid] % 2**32, "the survivor's number")
    if asks_before:
        equal(int(told[1][1]), numbers[b.pid] % 2**32, "the victim's number")
    of_b = numbers[a.pid] // 2**32 * 2**32 + int(told[1][1])
    equal(control.must(f"SELECT txid_status({of_b})"), [["aborted"]], "the victim's status")
    a.must("COMMIT")


def session_locks(control, a):
    """An advisory lock that outlasts its transaction: that one is over."""
    a.must("BEGIN")
    a.must("SELECT pg_advisory_lock(7)")
    a.must("INSERT INTO n VALUES (11, 11)")
    control.must("SELECT * FROM pg_locks")
    a.must("COMMIT")
    equal(in_locks(control, a, "advisory", "virtualtransaction LIKE '%/0'"), ["t"], "its virtual transaction")
    equal(in_locks(control, a, "virtualxid", "1") + in_locks(control, a, "transactionid", "1"), [], "what the transaction has left")
    a.must("SELECT pg_advisory_unlock(7)")


def watched(dsn, control):
    """Numbers are drawn for transactions that end meanwhile: none of them stays behind as one that runs."""
    done, first = threading.Event(), number(control)

    def work(name):
        session = Session(dsn, name)
        for step in range(150):
            session.must(f"UPDATE n SET v = v + 1 WHERE id = {1 + step % 2}")
        session.close()

    def look():
        session = Session(dsn, "look")
        while not done.is_set():
            session.must("SELECT * FROM pg_locks")
        session.close()

    workers = [threading.Thread(target=work, args=(f"w{at}",)) for at in range(3)]
    looks = [threading.Thread(target=look) for _ in range(2)]
    for one in workers + looks:
        one.start()
    for one in workers:
        one.join()
    done.set()
    for one in looks:
        one.join()
    for _ in range(500):  # on a server that others use, too, somebody may run
        running = control.must("SELECT pg_current_snapshot()")[0][0].split(":")[2]
        if all(int(one) < first for one in running.split(",") if one):
            return
        time.sleep(0.01)
    sys.exit(f"some transactions run that have ended: {running}, the first was {first}")


def check(dsn):
    control = Session(dsn, "control")
    control.must("CREATE TABLE n (id int PRIMARY KEY, v int)")
    control.must("INSERT INTO n VALUES (1, 1), (2, 2)")
    a, b = (Session(dsn, name, deadlock_timeout="10ms") for name in "ab")
    waiting(control, a, b)
    row_lock(control, a)
    deadlock(control, a, b, asks_before=False)
    deadlock(control, a, b, asks_before=True)
    session_locks(control, a)
    watched(dsn, control)
    for session in (a, b, control):
        session.close()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--dsn"]:
        with own_database(sys.argv[2]) as own:
            check(own)
    else:
        with Server() as server:
            check(server.dsn())
    print("numbers: as PostgreSQL tells them")
