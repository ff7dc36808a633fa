#!/usr/bin/python3
"""Statements that wait for another session's transaction: they go on when it ends, end by CancelRequest and by
statement_timeout, and whoever vanishes while waiting holds nobody up."""
import os
import socket
import struct
import threading
import time

import psycopg2
from psycopg2 import errors

from raw import Raw, query
from support import Server


def connect(server):
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    return connection


class Update(threading.Thread):
    """An update in a thread of its own; `error` is what it ended with."""

    def __init__(self, connection, before=""):
        super().__init__()
        self.connection, self.before, self.error, self.seconds = connection, before, None, None
        self.start()
        time.sleep(0.2)  # until it waits

    def run(self):
        start = time.monotonic()
        try:
            self.connection.cursor().execute(self.before + "UPDATE t SET v = v + 1 WHERE id = 1")
        except psycopg2.Error as error:
            self.error = error
        self.seconds = time.monotonic() - start


def vanish_as_granted(server):
    """Clients go at the very moment at which they get what they wait for."""
    holder = Raw(server.port)
    holder.ask(query("CREATE TABLE wanted (id int PRIMARY KEY, v int); INSERT INTO wanted VALUES (1, 0)"))
    for round in range(40):
        holder.ask(query("BEGIN; UPDATE wanted SET v = v + 1 WHERE id = 1"))
        waiters = [Raw(server.port) for _ in range(6)]
        for one in waiters:
            one.send(query("UPDATE wanted SET v = v + 1 WHERE id = 1"))
        time.sleep(0.005)
        holder.send(query("COMMIT"))
        time.sleep(0.0002 * (round % 8))
        for one in waiters:
            one.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # reset
            one.socket.close()
        assert holder.answers()[-1] == "ZI"
    assert holder.ask(query("SELECT v >= 40 FROM wanted"))[1].startswith("D"), "the server answers"


def main():
    with Server() as server:
        vanish_as_granted(server)
        holder, waiter, other = connect(server), connect(server), connect(server)
        holder.cursor().execute("CREATE TABLE t (id int PRIMARY KEY, v int); INSERT INTO t VALUES (1, 0)")
        holder.cursor().execute("BEGIN; UPDATE t SET v = 100 WHERE id = 1")

        cancelled = Update(waiter)
        assert cancelled.is_alive(), "the update did not wait"
        waiter.cancel()
        cancelled.join(10)
        assert not cancelled.is_alive() and isinstance(cancelled.error, errors.QueryCanceled), cancelled.error
        assert "user request" in str(cancelled.error)

        waiter.cursor().execute("SET statement_timeout = 500")
        timed_out = Update(waiter)
        timed_out.join(10)
        assert not timed_out.is_alive() and isinstance(timed_out.error, errors.QueryCanceled), timed_out.error
        assert "statement timeout" in str(timed_out.error)
        waiter.cursor().execute("RESET statement_timeout")

        # The readers of others are not held up by any of it.
        cursor = other.cursor()
        cursor.execute("SELECT v FROM t")
        assert cursor.fetchone() == (0,)

        vanished = connect(server)
        vanishing = Update(vanished)
        waiting = Update(waiter)
        socket.socket(fileno=os.dup(vanished.fileno())).shutdown(socket.SHUT_RDWR)
        holder.cursor().execute("COMMIT")
        waiting.join(10)
        assert not waiting.is_alive() and waiting.error is None, waiting.error
        vanishing.join(10)
        cursor.execute("SELECT v FROM t")
        assert cursor.fetchone()[0] in (101, 102)  # the vanished one's update may have got through before it was missed

        # A block whose client vanishes is rolled back, and passes the turn on.
        holder.cursor().execute("BEGIN; UPDATE t SET v = -1 WHERE id = 1")
        waiting = Update(waiter)
        holder.close()
        waiting.join(10)
        assert not waiting.is_alive() and waiting.error is None, waiting.error
        cursor.execute("SELECT v FROM t")
        assert cursor.fetchone()[0] in (102, 103)
    print("waiting: cancelled, timed out, vanished, granted")


main()
