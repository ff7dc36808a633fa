#!/usr/bin/python3
"""Sessions that say nothing: idle_in_transaction_session_timeout, idle_session_timeout, and SPG's own
spg.idle_blocker_timeout, which ends a session in a block only when others wait for its locks."""
import select
import threading
import time

import psycopg2

from support import Server


def connect(server, options=""):
    connection = psycopg2.connect(server.dsn(), options=options)
    connection.autocommit = True
    return connection


def run(connection, sql):
    connection.cursor().execute(sql)


def ended(connection):
    """What the server ended the connection with, or nothing. libpq takes an error for a notice that comes while it asks for
    nothing; it is read before anything is sent, as the answer to that may be a reset that takes it away."""
    try:
        if select.select([connection], [], [], 0)[0]:
            connection.poll()
        run(connection, "SELECT 1")
    except psycopg2.Error as error:
        return " ".join(connection.notices) + str(error)
    return None


class Writer(threading.Thread):
    def __init__(self, connection):
        super().__init__(daemon=True)
        self.connection, self.seconds, self.error = connection, None, None
        self.start()

    def run(self):
        start = time.monotonic()
        try:
            run(self.connection, "UPDATE t SET v = v + 1")
        except psycopg2.Error as error:
            self.error = error
        self.seconds = time.monotonic() - start


def main():
    with Server() as server:
        other = connect(server)
        run(other, "CREATE TABLE t (v int); INSERT INTO t VALUES (0)")
        cursor = other.cursor()
        cursor.execute("SHOW spg.idle_blocker_timeout")
        assert cursor.fetchone()[0] == "1min"

        # PostgreSQL's, in a block and outside of one.
        a = connect(server, "-c idle_in_transaction_session_timeout=300")
        time.sleep(0.5)
        run(a, "BEGIN; UPDATE t SET v = 10")
        writer = Writer(other)
        writer.join(10)
        assert not writer.is_alive() and writer.error is None and writer.seconds < 5, (writer.error, writer.seconds)
        message = ended(a)
        assert "FATAL:  terminating connection due to idle-in-transaction timeout" in message, message
        a = connect(server, "-c idle_session_timeout=300")
        run(a, "BEGIN")
        time.sleep(0.6)
        run(a, "COMMIT")
        time.sleep(0.6)
        message = ended(a)
        assert "FATAL:  terminating connection due to idle-session timeout" in message, message

        # Its own: idle for longer than that is allowed for as long as nobody waits.
        a = connect(server, "-c spg.idle_blocker_timeout=400")
        run(a, "BEGIN; UPDATE t SET v = 20")
        time.sleep(1)
        assert ended(a) is None
        writer = Writer(other)
        time.sleep(0.2)
        assert writer.is_alive(), "the writer did not wait"
        run(a, "SELECT 1")  # a client that works is left alone
        time.sleep(0.3)
        run(a, "SELECT 1")
        time.sleep(0.3)
        assert ended(a) is None and writer.is_alive()
        writer.join(10)
        assert not writer.is_alive() and writer.error is None, writer.error
        message = ended(a)
        assert "FATAL:  terminating connection due to idle-in-transaction timeout" in message, message
        cursor.execute("SELECT v FROM t")
        assert cursor.fetchone()[0] == 2, "the block of the session that was ended counted"

        # Switched off, the writer waits for as long as it wants to.
        a = connect(server, "-c spg.idle_blocker_timeout=0")
        run(a, "BEGIN; UPDATE t SET v = 30")
        writer = Writer(other)
        time.sleep(2)
        assert writer.is_alive() and ended(a) is None
        run(a, "COMMIT")
        writer.join(10)
        assert writer.error is None
    print("ok")


main()
