#!/usr/bin/python3
"""Cursors as drivers use them: psycopg2's named cursors, parameters and binary results by the extended protocol, portals
that are fetched in pieces; and how much memory they take."""
import struct

import psycopg2
from psycopg2 import errors

from raw import Raw, SYNC, bind, close, describe, execute, fields, parse, query
from support import Server

ROWS = 200_000


def named_cursors(server):
    connection = psycopg2.connect(server.dsn())
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE big (id int PRIMARY KEY, filler text)")
        cursor.execute(f"INSERT INTO big SELECT g, repeat('x', 100) FROM generate_series(1, {ROWS}) g")
    connection.commit()

    # All rows pass through much less memory than they have; going back takes as much as they have.
    with connection.cursor() as cursor:
        cursor.execute("SET spg.statement_memory = '8MB'")
    connection.commit()
    with connection.cursor("all", withhold=False) as cursor:
        cursor.itersize = 5000
        cursor.execute("SELECT id, filler || '' FROM big JOIN (VALUES (1)) v(one) ON true")
        count = total = 0
        for number, filler in cursor:
            count += 1
            total += number
            assert len(filler) == 100
    assert (count, total) == (ROWS, ROWS * (ROWS + 1) // 2), (count, total)
    connection.commit()
    cursor = connection.cursor("back", scrollable=True)
    cursor.execute("SELECT * FROM big")
    assert [cursor.fetchone()[0] for _ in range(3)] == [1, 2, 3]
    cursor.scroll(-2)
    assert cursor.fetchone()[0] == 2
    cursor.scroll(1000, mode="absolute")
    assert [row[0] for row in cursor.fetchmany(2)] == [1001, 1002]
    try:
        cursor.scroll(ROWS - 1, mode="absolute")
        assert False, "20 MB were kept in 8 MB"
    except errors.OutOfMemory:
        connection.rollback()

    # What is fetched is what was there, while the same transaction and others write.
    other = psycopg2.connect(server.dsn())
    with connection.cursor("seen") as cursor:
        cursor.itersize = 1000
        cursor.execute("SELECT id FROM big WHERE id <= 5000 ORDER BY id DESC")
        assert len(cursor.fetchmany(1000)) == 1000
        with connection.cursor() as writer:
            writer.execute("DELETE FROM big WHERE id <= 4000")
        with other.cursor() as writer:
            writer.execute("UPDATE big SET id = -id WHERE id BETWEEN 4500 AND 4600")
        other.commit()
        assert [row[0] for row in cursor] == list(range(4000, 0, -1))
    connection.rollback()
    held = connection.cursor("held", withhold=True)
    held.execute("SELECT id FROM big WHERE id BETWEEN 10 AND 20 ORDER BY id")
    connection.commit()
    with other.cursor() as writer:
        writer.execute("DELETE FROM big WHERE id BETWEEN 10 AND 20")
    other.commit()
    assert [row[0] for row in held.fetchall()] == list(range(10, 21))
    held.close()
    connection.commit()

    # Row by row, as programs of old do it.
    with connection.cursor() as cursor:
        cursor.execute("CREATE TABLE todo (id int, done boolean DEFAULT false)")
        cursor.execute("INSERT INTO todo SELECT g FROM generate_series(1, 3000) g")
        connection.commit()
        cursor.execute("DECLARE each CURSOR FOR SELECT * FROM todo FOR UPDATE")
        for _ in range(3000):
            cursor.execute("FETCH each")
            number = cursor.fetchone()[0]
            cursor.execute("DELETE FROM todo WHERE CURRENT OF each" if number % 3 == 0 else "UPDATE todo SET done = true WHERE CURRENT OF each")
            assert cursor.rowcount == 1
        connection.commit()
        cursor.execute("SELECT count(*), count(*) FILTER (WHERE done), sum(id) FILTER (WHERE id % 3 = 0) FROM todo")
        assert cursor.fetchone() == (2000, 2000, None)
    connection.close()
    other.close()


def ask(raw, data):
    """All answers up to ReadyForQuery, as (kind, body)."""
    raw.send(data)
    answers = []
    while not answers or answers[-1][0] != b"Z":
        answers.append(raw.receive())
    return answers


def kinds(answers):
    return b"".join(kind for kind, _ in answers)


def values(answers):
    """The first column of each row."""
    return [body[6:6 + struct.unpack("!i", body[2:6])[0]] for kind, body in answers if kind == b"D"]


def code(answers):
    return next(fields(body)["C"] for kind, body in answers if kind == b"E")


def extended(server):
    raw = Raw(server.port)
    ask(raw, query("CREATE TABLE p (id int PRIMARY KEY); INSERT INTO p SELECT g FROM generate_series(1, 30) g"))
    ask(raw, query("BEGIN"))
    # DECLARE with a parameter: its type is inferred, it yields no rows, and the value is kept.
    got = ask(raw, parse("DECLARE c CURSOR FOR SELECT id FROM p WHERE id > $1 ORDER BY id") + describe() + SYNC)
    assert kinds(got) == b"1tnZ", got
    assert next(body for kind, body in got if kind == b"t") == struct.pack("!hI", 1, 23)
    got = ask(raw, bind([b"10"]) + execute() + SYNC)
    assert kinds(got) == b"2CZ" and (b"C", b"DECLARE CURSOR\0") in got, got
    # FETCH knows its columns, and answers in the format that was asked for.
    got = ask(raw, parse("FETCH 2 FROM c") + describe() + bind(results=[1]) + describe(b"P") + execute() + SYNC)
    assert kinds(got) == b"1tT2TDDCZ", got
    assert values(got) == [struct.pack("!i", 11), struct.pack("!i", 12)]
    got = ask(raw, parse("MOVE 3 FROM c") + bind() + describe(b"P") + execute() + SYNC)
    assert kinds(got) == b"12nCZ" and (b"C", b"MOVE 3\0") in got, got
    got = ask(raw, describe(b"P", "c") + SYNC)
    assert kinds(got) == b"TZ", got
    # A cursor and a portal cannot have one name; closing the portal of its name closes the cursor.
    got = ask(raw, parse("SELECT 1") + bind(portal="c") + SYNC)
    assert code(got) == "42P03", got
    ask(raw, query("ROLLBACK"))
    ask(raw, query("BEGIN; DECLARE c CURSOR FOR SELECT 1"))
    ask(raw, close(b"P", "c") + SYNC)
    got = ask(raw, query("FETCH c"))
    assert code(got) == "34000", got
    ask(raw, query("ROLLBACK"))
    # A binary cursor answers the simple protocol in binary.
    got = ask(raw, query("BEGIN; DECLARE c BINARY CURSOR FOR SELECT id FROM p ORDER BY id; FETCH 2 FROM c; COMMIT"))
    assert values(got) == [struct.pack("!i", 1), struct.pack("!i", 2)], got

    # JDBC's fetch size: a named portal, ten rows at a time, while the block goes on writing.
    ask(raw, query("BEGIN"))
    got = ask(raw, parse("SELECT id FROM p ORDER BY id", "s") + bind(portal="rows", statement="s") + execute("rows", 10) + SYNC)
    assert kinds(got) == b"12" + b"D" * 10 + b"sZ", got
    ask(raw, query("DELETE FROM p WHERE id > 15"))
    got = ask(raw, execute("rows", 10) + SYNC)
    assert kinds(got) == b"D" * 10 + b"sZ" and values(got)[-1] == b"20", got
    got = ask(raw, execute("rows", 11) + SYNC)
    assert kinds(got) == b"D" * 10 + b"CZ" and values(got)[-1] == b"30", got
    ask(raw, query("ROLLBACK"))
    raw.close()


def schema_changes(server):
    """Nobody changes the definition of a table under an open cursor."""
    reader, other = psycopg2.connect(server.dsn()), psycopg2.connect(server.dsn(), options="-c lock_timeout=300")
    cursor = reader.cursor()
    cursor.execute("CREATE TABLE kept (id int)")
    cursor.execute("INSERT INTO kept SELECT g FROM generate_series(1, 3000) g")
    reader.commit()
    cursor.execute("DECLARE c CURSOR FOR SELECT * FROM kept")
    for change in "ALTER TABLE kept ADD v int", "TRUNCATE kept", "DROP TABLE kept":
        try:
            other.cursor().execute(change)
            assert False, f"{change} did not wait"
        except errors.LockNotAvailable:
            other.rollback()
    cursor.execute("FETCH ALL FROM c")
    assert len(cursor.fetchall()) == 3000
    reader.commit()
    other.cursor().execute("DROP TABLE kept")
    other.commit()
    reader.close()
    other.close()


def main():
    with Server() as server:
        named_cursors(server)
        extended(server)
        schema_changes(server)
    print("ok")


main()
