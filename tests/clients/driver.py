#!/usr/bin/python3
"""psycopg2 and raw sockets against the server: types, transactions, COPY, cancel, bad messages, vanishing clients."""
import io
import socket
import struct
import threading
import time

import psycopg2
import psycopg2.errors

from support import Server, psql


def types(connection):
    cursor = connection.cursor()
    cursor.execute("SELECT 1::int2, 2::int8, 1.5::float8, 'x'::text, true, '2024-01-02'::date, 12.50::numeric, NULL::int, '\\x00ff'::bytea")
    row = cursor.fetchone()
    assert row[:5] == (1, 2, 1.5, "x", True) and str(row[5]) == "2024-01-02" and str(row[6]) == "12.50" and row[7] is None and bytes(row[8]) == b"\x00\xff", row
    cursor.execute("SELECT %s || %s", ("a", "b"))
    assert cursor.fetchone() == ("ab",)
    connection.rollback()


def transactions(server):
    a, b = psycopg2.connect(server.dsn()), psycopg2.connect(server.dsn())
    ca, cb = a.cursor(), b.cursor()
    ca.execute("CREATE TABLE t (id int PRIMARY KEY, v text)")
    ca.execute("INSERT INTO t VALUES (1, 'one')")
    a.commit()
    ca.execute("UPDATE t SET v = 'uno' WHERE id = 1")
    cb.execute("SELECT v FROM t")
    assert cb.fetchone() == ("one",), "a reader sees an uncommitted change"
    b.rollback()
    done = []

    def other():
        cb.execute("UPDATE t SET v = v || '!' WHERE id = 1")
        b.commit()
        done.append(True)

    thread = threading.Thread(target=other)
    thread.start()
    time.sleep(0.2)
    assert not done, "the second writer did not wait for the first"
    a.commit()
    thread.join(10)
    ca.execute("SELECT v FROM t")
    assert ca.fetchone() == ("uno!",)
    a.rollback()
    try:
        ca.execute("INSERT INTO t VALUES (1, 'again')")
        raise AssertionError("a duplicate key was taken")
    except psycopg2.errors.UniqueViolation as error:
        assert 'duplicate key value violates unique constraint "t_pkey"' in str(error) and "Key (id)=(1) already exists." in str(error), str(error)
    try:
        ca.execute("SELECT 1")
        raise AssertionError("a failed block went on")
    except psycopg2.errors.InFailedSqlTransaction:
        pass
    a.rollback()
    a.close()
    b.close()


def copy(connection):
    cursor = connection.cursor()
    cursor.execute("CREATE TABLE c (id int PRIMARY KEY, name text, price numeric)")
    cursor.copy_expert("COPY c FROM STDIN", io.StringIO("".join(f"{i}\tname {i}\t{i}.25\n" for i in range(5000)) + "5000\t\\N\t\\N\n"))
    out = io.StringIO()
    cursor.copy_expert("COPY (SELECT * FROM c WHERE id > 4997 ORDER BY id) TO STDOUT WITH (FORMAT csv, HEADER)", out)
    assert out.getvalue() == "id,name,price\n4998,name 4998,4998.25\n4999,name 4999,4999.25\n5000,,\n", out.getvalue()
    connection.commit()
    try:
        cursor.copy_expert("COPY c FROM STDIN", io.StringIO("6000\tx\t1\n6001\tbad\tnot a number\n"))
        raise AssertionError("COPY took a bad number")
    except psycopg2.errors.InvalidTextRepresentation as error:
        assert "COPY c, line 2, column price" in str(error), str(error)
    connection.rollback()
    cursor.execute("SELECT count(*) FROM c")
    assert cursor.fetchone() == (5001,)
    connection.rollback()


def cancel(connection):
    cursor = connection.cursor()
    timer = threading.Timer(0.3, connection.cancel)
    timer.start()
    begun = time.time()
    try:
        cursor.execute("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b")
        raise AssertionError("the query was not cancelled")
    except psycopg2.errors.QueryCanceled:
        assert time.time() - begun < 5
    connection.rollback()
    cursor.execute("SET statement_timeout = '200ms'")
    try:
        cursor.execute("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b")
        raise AssertionError("no timeout")
    except psycopg2.errors.QueryCanceled as error:
        assert "statement timeout" in str(error)
    connection.rollback()


def bad_messages(server):
    for junk in (b"", b"\0\0\0\1", b"\xff" * 20, struct.pack("!ii", 8, 196608), struct.pack("!i", 0x7fffffff) + b"x" * 100,
                 struct.pack("!ii", 9, 196608) + b"u", b"GET / HTTP/1.1\r\n\r\n"):
        with socket.create_connection(("127.0.0.1", server.port), 5) as s:
            s.sendall(junk)
            s.shutdown(socket.SHUT_WR)
            s.settimeout(5)
            while s.recv(4096):
                pass
    for password in ("wrong", ""):
        try:
            psycopg2.connect(server.dsn().replace("password=bench", f"password={password or 'x'}"))
            raise AssertionError("a wrong password was taken")
        except psycopg2.OperationalError as error:
            assert 'password authentication failed for user "bench"' in str(error), str(error)


def vanish(server):
    """A client that goes in the middle of a COPY or a transaction leaves nothing behind and holds nobody up."""
    keeper = psycopg2.connect(server.dsn())
    cursor = keeper.cursor()
    for statement in ("COPY c FROM STDIN", "UPDATE c SET price = 0"):
        victim = psycopg2.connect(server.dsn())
        if statement.startswith("COPY"):
            class Feed(io.StringIO):
                def read(self, size=-1):
                    victim_socket.shutdown(socket.SHUT_RDWR)
                    return "7000\tx\t1\n"
            victim_socket = socket.socket(fileno=victim.fileno())
            try:
                victim.cursor().copy_expert(statement, Feed())
            except psycopg2.Error:
                pass
            victim_socket.detach()
        else:
            victim.cursor().execute(statement)
            victim.close()
        cursor.execute("UPDATE c SET name = name WHERE id = 1")
        keeper.commit()
    cursor.execute("SELECT count(*), count(*) FILTER (WHERE price = 0) FROM c")
    assert cursor.fetchone() == (5001, 0)
    keeper.rollback()


def users(server):
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE USER alice PASSWORD 'secret'")
    other = psycopg2.connect(server.dsn().replace("user=bench password=bench", "user=alice password=secret"))
    c = other.cursor()
    c.execute("SELECT current_user")
    assert c.fetchone() == ("alice",)
    other.close()
    cursor.execute("ALTER USER alice PASSWORD 'other'")
    try:
        psycopg2.connect(server.dsn().replace("user=bench password=bench", "user=alice password=secret"))
        raise AssertionError("the old password was taken")
    except psycopg2.OperationalError:
        pass
    cursor.execute("DROP USER alice")
    connection.close()


def main():
    with Server() as server:
        connection = psycopg2.connect(server.dsn())
        assert connection.server_version == 150000, connection.server_version
        types(connection)
        transactions(server)
        copy(connection)
        cancel(psycopg2.connect(server.dsn()))
        bad_messages(server)
        vanish(server)
        users(server)
        assert psql(server.dsn(), "-Atc", "SHOW server_version").stdout.startswith("15.0 (SPG")
        connection.close()
    print("all well")


main()
