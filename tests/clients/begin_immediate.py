#!/usr/bin/python3
"""BEGIN IMMEDIATE and BEGIN EXCLUSIVE, SQLite's: one writer for the whole database, readers go on."""
import threading
import time

import psycopg2
from psycopg2 import errors

from support import Server


def connect(server):
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    return connection


class Step(threading.Thread):
    """A statement in a thread of its own; `error` is what it ended with."""

    def __init__(self, connection, sql):
        super().__init__(daemon=True)
        self.connection, self.sql, self.error = connection, sql, None
        self.start()
        time.sleep(0.2)  # until it waits

    def run(self):
        try:
            self.connection.cursor().execute(self.sql)
        except psycopg2.Error as error:
            self.error = error

    def waits(self):
        return self.is_alive()

    def ends(self):
        self.join(10)
        assert not self.is_alive(), f"{self.sql} still waits"
        return self.error


def value(connection, sql):
    cursor = connection.cursor()
    cursor.execute(sql)
    return cursor.fetchone()[0]


def run(connection, sql):
    connection.cursor().execute(sql)


def main():
    with Server() as server:
        a, b, c = connect(server), connect(server), connect(server)
        run(a, "CREATE TABLE t (id int PRIMARY KEY, v int); CREATE TABLE u (id int); INSERT INTO t VALUES (1, 0)")

        for begin in "BEGIN IMMEDIATE", "BEGIN EXCLUSIVE TRANSACTION":
            # Who has it keeps other writers out of every table; readers see what was committed.
            run(a, begin)
            run(a, "UPDATE t SET v = v + 1")
            writer, creator = Step(b, "INSERT INTO u VALUES (1)"), Step(c, "CREATE TABLE w (id int); DROP TABLE w")
            assert writer.waits() and creator.waits(), "a writer did not wait"
            run(a, "COMMIT")
            assert writer.ends() is None and creator.ends() is None, (writer.error, creator.error)
            run(a, begin)
            assert value(b, "SELECT v FROM t") == value(a, "SELECT v FROM t")
            run(b, "SET lock_timeout = 200")
            assert isinstance(Step(b, "DELETE FROM u").ends(), errors.LockNotAvailable)
            assert isinstance(Step(b, begin).ends(), errors.LockNotAvailable)
            assert b.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE
            run(b, "RESET lock_timeout")
            run(a, "ROLLBACK")
            run(b, "INSERT INTO u VALUES (2)")

        # It waits for those who have written before anybody asked for it, and sees what they did.
        run(b, "BEGIN; UPDATE t SET v = 100")
        first = Step(a, "BEGIN IMMEDIATE; UPDATE t SET v = v + 1")
        assert first.waits(), "BEGIN IMMEDIATE did not wait for a writer"
        second = Step(c, "BEGIN IMMEDIATE")
        assert second.waits()
        run(b, "UPDATE t SET v = v + 10")  # who is in already goes on
        run(b, "INSERT INTO u VALUES (3)")
        run(b, "COMMIT")
        assert first.ends() is None, first.error
        assert value(a, "SELECT v FROM t") == 111
        assert second.waits()
        run(a, "COMMIT")
        assert second.ends() is None, second.error
        run(c, "ROLLBACK")

        # A reader's block is in nobody's way, until it writes; a savepoint gives it back.
        run(b, "BEGIN; SELECT * FROM t")
        run(a, "BEGIN IMMEDIATE")
        late = Step(b, "SAVEPOINT s; DELETE FROM u")
        assert late.waits()
        run(a, "COMMIT")
        assert late.ends() is None
        again = Step(a, "BEGIN IMMEDIATE")
        assert again.waits()
        run(b, "ROLLBACK TO s")
        assert again.ends() is None, again.error
        run(a, "ROLLBACK")
        run(b, "ROLLBACK")
        # Cancelled while it waits, it leaves nothing behind.
        run(b, "BEGIN; DELETE FROM u")
        given_up = Step(a, "BEGIN IMMEDIATE")
        a.cancel()
        assert isinstance(given_up.ends(), errors.QueryCanceled)
        run(c, "INSERT INTO u VALUES (4)")
        run(b, "ROLLBACK")
    print("ok")


main()
