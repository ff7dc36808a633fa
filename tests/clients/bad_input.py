#!/usr/bin/python3
"""Malformed, hostile and vanishing clients against the daemon: the answer is PostgreSQL's (asked, where there is one), everybody
else is served at once, and in the end the server holds no more memory and no more files than before."""
import os
import random
import socket
import struct
import sys
import time

from raw import *
from support import Server, reference

SETUP = "CREATE TABLE t (id int PRIMARY KEY, v text); INSERT INTO t VALUES (1, 'one'), (2, 'two')"


def after(first, *rest):
    return b"".join((first,) + rest)


# name -> what a client that has logged in sends. Both servers must answer the same.
CASES = {
    "unknown message": message(b"y", b"abc"),
    "unknown message 0": message(b"\0", b""),
    "negative length": b"Q" + struct.pack("!i", -5) + b"xyz",
    "length 3": b"Q" + struct.pack("!i", 3) + b"xyz",
    "length too large": b"Q" + struct.pack("!i", 0x7fffffff) + b"xyz",
    "sync too large": b"S" + struct.pack("!i", 200000) + b"xyz",
    "query without zero": message(b"Q", b"SELECT 1"),
    "query with a zero inside": message(b"Q", b"SELECT 1\0SELECT 2\0"),
    "empty query": query(""),
    "query of a semicolon": query(";"),
    "bad UTF-8 in a query": query(b"SELECT '\xff'"),
    "cut UTF-8 in a query": query(b"SELECT '\xe2\x82'"),
    "overlong UTF-8": query(b"SELECT '\xc0\xaf'"),
    "surrogate": query(b"SELECT '\xed\xa0\x80'"),
    "syntax error": query("SELEC 1"),
    "end of input": query("SELECT"),
    "unterminated string": query("SELECT 'abc"),
    "unterminated comment": query("SELECT 1 /* abc"),
    "error in the second of three": query("SELECT 1; SELECT 1/0; SELECT 2"),
    "parse: two commands": parse("SELECT 1; SELECT 2") + SYNC,
    "parse: syntax error skips to sync": parse("SELEC") + bind() + execute() + SYNC,
    "parse: bad UTF-8": parse(b"SELECT '\xff'") + SYNC,
    "parse: name taken": parse("SELECT 1", "a") + parse("SELECT 2", "a") + SYNC,
    "parse: count of types too large": message(b"P", text("") + text("SELECT 1") + struct.pack("!h", 5)) + SYNC,
    "parse: negative count": message(b"P", text("") + text("SELECT 1") + struct.pack("!h", -1)) + SYNC,
    "parse: rest left over": message(b"P", text("") + text("SELECT 1") + struct.pack("!h", 0) + b"more") + SYNC,
    "parse: empty message": message(b"P") + SYNC,
    "bind: unknown statement": bind(statement="none") + SYNC,
    "bind: no statement": bind() + SYNC,
    "bind: too few": parse("SELECT $1::int") + bind() + SYNC,
    "bind: too many": parse("SELECT $1::int") + bind((b"1", b"2")) + SYNC,
    "bind: formats do not fit": parse("SELECT $1::int, $2::int") + bind((b"1", b"2"), formats=(0, 0, 0)) + SYNC,
    "bind: format 7": parse("SELECT $1::int") + bind((b"1",), formats=(7,)) + SYNC,
    "bind: result format 7": parse("SELECT 1") + bind(results=(7,)) + describe(b"P") + execute() + SYNC,
    "bind: result formats do not fit": parse("SELECT 1") + bind(results=(0, 0, 0)) + execute() + SYNC,
    "bind: count of values too large": parse("SELECT $1::int") + bind((b"1",), count=9) + SYNC,
    "bind: value longer than the message": parse("SELECT $1::int") + message(b"B", b"\0\0" + struct.pack("!hhi", 0, 1, 500) + b"1") + SYNC,
    "bind: value of length -2": parse("SELECT $1::int") + message(b"B", b"\0\0" + struct.pack("!hhi", 0, 1, -2) + struct.pack("!h", 0)) + SYNC,
    "bind: rest left over": parse("SELECT 1") + message(b"B", b"\0\0" + struct.pack("!hhh", 0, 0, 0) + b"more") + SYNC,
    "bind: bad text": parse("SELECT $1::int") + bind((b"x",)) + SYNC,
    "bind: bad UTF-8": parse("SELECT $1::text") + bind((b"\xff",)) + SYNC,
    "bind: zero byte": parse("SELECT $1::text") + bind((b"a\0b",)) + SYNC,
    "bind: binary text with a zero byte": parse("SELECT $1::text") + bind((b"a\0b",), formats=(1,)) + SYNC,
    "bind: binary text with bad UTF-8": parse("SELECT $1::text") + bind((b"\xc3",), formats=(1,)) + SYNC,
    "execute: no portal": execute("none") + SYNC,
    "execute: twice": parse("SELECT 1") + bind() + execute() + execute() + SYNC,
    "execute: empty message": message(b"E") + SYNC,
    "describe: unknown": describe(b"S", "none") + SYNC,
    "describe: unknown portal": describe(b"P", "none") + SYNC,
    "describe: unknown kind": describe(b"x", "") + SYNC,
    "close: unknown is fine": close(b"S", "none") + close(b"P", "none") + SYNC,
    "close: unknown kind": close(b"x", "") + SYNC,
    "copy data without COPY": copy_data(b"abc") + COPY_DONE + query("SELECT 1"),
    "copy fail without COPY": message(b"f", text("why")) + query("SELECT 1"),
    "password message after the log-in": message(b"p", b"secret\0"),
    "copy: bad number": query("COPY t FROM STDIN") + copy_data(b"7\tx\nbad\tx\n") + COPY_DONE,
    "copy: missing column": query("COPY t FROM STDIN") + copy_data(b"7\n") + COPY_DONE,
    "copy: extra column": query("COPY t FROM STDIN") + copy_data(b"7\tx\ty\n") + COPY_DONE,
    "copy: bad UTF-8": query("COPY t FROM STDIN") + copy_data(b"7\t\xff\xfe\n") + COPY_DONE,
    "copy: escaped bad UTF-8": query("COPY t FROM STDIN") + copy_data(b"7\t\\xff\n") + COPY_DONE,
    "copy: zero byte": query("COPY t FROM STDIN") + copy_data(b"7\ta\0b\n") + COPY_DONE,
    "copy: escaped zero byte": query("COPY t FROM STDIN") + copy_data(b"7\ta\\x00b\n") + COPY_DONE,
    "copy: duplicate key": query("COPY t FROM STDIN") + copy_data(b"1\tx\n") + COPY_DONE,
    "copy: the client gives up": query("COPY t FROM STDIN") + copy_data(b"7\tx\n") + message(b"f", text("changed my mind")),
    "copy: a query in the middle": query("COPY t FROM STDIN") + copy_data(b"7\tx\n") + query("SELECT 1"),
    "copy: sync and flush in the middle": query("COPY t FROM STDIN") + copy_data(b"3\tx\n") + FLUSH + SYNC + COPY_DONE + query("DELETE FROM t WHERE id = 3"),
    "copy: rows after the end marker": query("COPY t FROM STDIN") + copy_data(b"3\tx\n\\.\nbad\n") + COPY_DONE + query("DELETE FROM t WHERE id = 3"),
    "copy csv: unterminated quote": query("COPY t FROM STDIN WITH (FORMAT csv)") + copy_data(b'7,"x\n') + COPY_DONE,
    "failed block": query("BEGIN") + query("SELECT 1/0") + query("SELECT 1") + parse("SELECT 1") + SYNC + query("COMMIT"),
}
# Binary values that are none: type OID -> values.
BINARY = {
    16: (b"", b"\0\0"), 20: (b"1234567", b"123456789"), 21: (b"1", b"123"), 23: (b"123", b"12345"), 26: (b"", b"12345"), 700: (b"123", b"12345"),
    701: (b"1234567", b"123456789"), 1082: (b"123", b"12345", b"\x7f\xff\xff\xf0"), 1083: (b"1234567", b"\x7f" + b"\xff" * 7, b"\xff" * 8),
    1114: (b"1234567", b"\x7f\xff\xff\xff\xff\xff\xff\xf0"), 1184: (b"1234567",), 1186: (b"123456789012345", b"12345678901234567"),
    1266: (b"12345678901", b"\xff" * 12),
    1700: (b"", b"1234567", b"\0\1\0\0\0\0\0\0", b"\0\1\0\0\x70\0\0\0\0\1", b"\0\1\0\0\0\0\0\0\x7f\xff", b"\xff\xff\0\0\0\0\0\0", b"\0\0\0\0\0\0\xff\xff"),
    2950: (b"123456789012345", b"12345678901234567"),
    1007: (b"", b"\0\0\0\7" + b"\0" * 8, b"\0\0\0\1\0\0\0\7\0\0\0\x17", b"\0\0\0\1\0\0\0\0\0\0\0\x17\x7f\xff\xff\xff\0\0\0\1", b"\0\0\0\1\0\0\0\0\0\0\0\x19\0\0\0\1\0\0\0\1\0\0\0\1x",
           b"\0\0\0\1\0\0\0\0\0\0\0\x17\0\0\0\2\0\0\0\1\0\0\0\4\0\0\0\1", b"\0\0\0\1\0\0\0\0\0\0\0\x17\xff\xff\xff\xff\0\0\0\1", b"\xff\xff\xff\xff" + b"\0" * 8),
    25: (b"a\0", b"\xff"), 1043: (b"\xc3",),
}
for oid, values in BINARY.items():
    for value in values:
        CASES[f"binary value of type {oid}: {value.hex()}"] = parse("SELECT $1", types=(oid,)) + bind((value,), formats=(1,)) + execute() + SYNC

# What is sent instead of a log-in. Nobody compares: the server may close, it must not hang or die.
JUNK = (b"", b"\0\0\0\0", b"\0\0\0\1", b"\0\0\0\4", struct.pack("!ii", 8, 196608), struct.pack("!ii", 9, 196608) + b"\0", b"\xff" * 40, struct.pack("!i", 0x7fffffff) + b"x" * 100,
        b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", struct.pack("!ii", 8, 80877103) * 3, struct.pack("!iiii", 16, 80877102, 1, 1), struct.pack("!ii", 12, 80877102) + b"1234", query("SELECT 1"),
        startup(user=""), startup(database="postgres"), startup(user="bench", database="none"), startup(user="x" * 9000), struct.pack("!ii", 200, 196608) + b"user\0bench\0", struct.pack("!ii", 8, 131072),
        struct.pack("!ii", 8, 0x00040000), startup(user="bench", database="postgres")[:-1] + b"x")
SCRAM = (b"", b"\0", text("PLAIN") + struct.pack("!i", 0), text("SCRAM-SHA-256") + struct.pack("!i", -1), text("SCRAM-SHA-256") + struct.pack("!i", 0x7fffffff), text("SCRAM-SHA-256") + struct.pack("!i", 3) + b"n,,",
         text("SCRAM-SHA-256") + struct.pack("!i", 8) + b"y,,n=,r=", text("SCRAM-SHA-256") + struct.pack("!i", 10) + b"p=x,,n=,r=", text("SCRAM-SHA-256-PLUS") + struct.pack("!i", 0), b"\xff" * 300,
         text("SCRAM-SHA-256") + struct.pack("!i", 12) + b"n,,n=,r=a\0b,")


# Where the texts may differ: PostgreSQL says nothing before it closes, or what it says comes from its own inner order.
SAME_CODE = ("bind: result format 7", "bind: count of values too large",
             "binary value of type 1007: 00000001000000000000001900000001000000010000000178")


def comparable(name, answers):
    """Without what a plan decides (a row description before an error that folding finds) and without last words."""
    out = []
    for answer in answers:
        if answer.startswith("ERROR"):
            if out and out[-1] == "T":
                out.pop()
            if name in SAME_CODE:
                answer = answer[:11]
        if not answer.startswith("FATAL"):
            out.append(answer)
    if name in SAME_CODE:
        out = [answer for answer in out if answer not in ("2", "T")]
    return out


def memory(server):
    with open(f"/proc/{server.process.pid}/status") as status:
        return next(int(line.split()[1]) for line in status if line.startswith("VmRSS")) // 1024


def files(server):
    return len(os.listdir(f"/proc/{server.process.pid}/fd"))


def is_served(keeper):
    begun = time.time()
    got = keeper.ask(query("SELECT id FROM t"))
    assert got == ["T", "D 0000000131", "D 0000000132", "C SELECT 2", "ZI"], got
    assert time.time() - begun < 2, "the others had to wait"


def answer_cases(server, oracle_port, keeper):
    wrong = []
    for name, sent in CASES.items():
        got = []
        for port, user in ((server.port, "bench"), (oracle_port, "postgres")):
            client = Raw(port, user)
            client.send(sent)
            try:
                client.socket.shutdown(socket.SHUT_WR)
            except OSError:  # closed by the other side already
                pass
            answers = []
            while not answers or answers[-1] not in ("closed", "silence"):
                answers += client.answers()
            got.append(answers)
            client.close()
        if comparable(name, got[0]) != comparable(name, got[1]):
            wrong.append(f"{name}:\n   server     {got[0]}\n   PostgreSQL {got[1]}")
        try:
            is_served(keeper)
        except AssertionError as error:
            wrong.append(f"{name}: {error}")
            keeper.ask(query("DELETE FROM t WHERE id > 2"))
    assert not wrong, "\n".join(wrong)


def before_log_in(server, keeper):
    for junk in JUNK:
        client = Raw(server.port, log_in=False)
        client.send(junk)
        try:
            client.socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        client.socket.settimeout(10)
        assert "silence" not in drain(client), junk
        client.close()
        is_served(keeper)
    for answer in SCRAM:
        for repeat in (1, 2):
            client = Raw(server.port, log_in=False)
            client.send(startup(user="bench", database="postgres") + message(b"p", answer) * repeat)
            client.socket.shutdown(socket.SHUT_WR)
            client.socket.settimeout(10)
            got = client.answers()
            assert got[-1] == "closed" and "K" not in got and all(one[:12] in ("FATAL 08P01 ", "FATAL 28P01 ", "FATAL 28000 ") for one in got[:-1] if one != "R"), (answer, got)
            client.close()
    # Any cut of a whole log-in and a query, then silence and the end.
    whole = startup(user="bench", database="postgres") + message(b"p", SCRAM[5]) + query("SELECT 1")
    for cut in range(0, len(whole), 7):
        client = Raw(server.port, log_in=False)
        client.send(whole[:cut])
        client.close()
    is_served(keeper)


def drain(client):
    """Everything that comes until the end; bytes that are no message are fine here."""
    try:
        while client.socket.recv(65536):
            pass
    except ConnectionResetError:
        pass
    except TimeoutError:
        return "silence"
    return "closed"


def log_ins(server):
    def refused(**arguments):
        try:
            Raw(server.port, **arguments).close()
        except RuntimeError as error:
            fields = error.args[0]
            return f"{fields['S']} {fields['C']} {fields['M']}"
        raise AssertionError(f"{arguments} was let in")
    assert refused(password="wrong") == 'FATAL 28P01 password authentication failed for user "bench"'
    assert refused(user="nobody") == 'FATAL 28P01 password authentication failed for user "nobody"'
    assert refused(database="none") == 'FATAL 3D000 database "none" does not exist'


def vanishing(server, keeper):
    """Clients that go in the middle, by an orderly end and by a reset, at every kind of place."""
    steps = {
        "in a COPY": query("COPY t FROM STDIN") + copy_data(b"50\tx\n" * 1000),
        "in a message": query("SELECT 1")[:-3],
        "in a copied row": query("COPY t FROM STDIN") + copy_data(b"50\tx\n51\t"),
        "in a transaction": query("BEGIN") + query("INSERT INTO t VALUES (60, 'x')"),
        "in a large answer": query("SELECT repeat('x', 1000) FROM generate_series(1, 100000)"),
        "in COPY TO": query("COPY (SELECT repeat('x', 1000) FROM generate_series(1, 100000)) TO STDOUT"),
        "in a long query": query("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b"),
        "with a portal": query("BEGIN") + parse("SELECT * FROM generate_series(1, 100000)") + bind() + execute(rows=5) + FLUSH,
        "in the extended protocol": parse("INSERT INTO t VALUES (70, 'x')") + bind() + execute() + FLUSH,
    }
    for name, sent in steps.items():
        for hard in (False, True):
            client = Raw(server.port)
            client.send(sent)
            time.sleep(0.05)
            if hard:
                client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            client.close()
            begun = time.time()
            got = keeper.ask(query("UPDATE t SET v = v WHERE id = 1"))
            assert got == ["C UPDATE 1", "ZI"], (name, got)
            assert time.time() - begun < 2, f"{name}: the turn was not given back"
            is_served(keeper)


def gone_for_good(server, keeper):
    """A client that has gone without a word does not keep its worker: more of them than there are workers."""
    for _ in range(20):
        client = Raw(server.port)
        client.send(query("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b"))
        time.sleep(0.02)
        client.close()
    begun = time.time()
    got = keeper.ask(query("SELECT count(*) FROM generate_series(1, 200000)"))
    assert got[-1] == "ZI" and time.time() - begun < 8, (got, time.time() - begun)


def slow_reader(server, keeper):
    """Who does not read a large answer costs the server a bounded amount of memory."""
    before = memory(server)
    clients = [Raw(server.port) for _ in range(4)]
    for client, sql in zip(clients, ("SELECT repeat('x', 1000) FROM generate_series(1, 2000000)", "COPY (SELECT repeat('x', 1000) FROM generate_series(1, 2000000)) TO STDOUT") * 2):
        client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        client.send(query(sql))
    time.sleep(1.5)
    used = memory(server) - before
    is_served(keeper)
    for client in clients:
        client.close()
    assert used < 100, f"slow readers cost {used} MiB"
    pipelined = Raw(server.port)  # a flood of questions whose answers are not read
    pipelined.socket.settimeout(3)
    try:
        for _ in range(20000):
            pipelined.send(query("SELECT repeat('x', 10000)"))
    except TimeoutError:
        pass
    used = memory(server) - before
    pipelined.close()
    assert used < 150, f"unread answers cost {used} MiB"
    is_served(keeper)


def oversized(server, keeper):
    """Large messages are taken whole or refused, and their memory comes back."""
    client = Raw(server.port)
    got = client.ask(query("SELECT length('" + "x" * 30_000_000 + "')"))
    assert got[-1] == "ZI" and got[1] == "D " + struct.pack("!i", 8).hex() + b"30000000".hex(), got
    got = client.ask(parse("SELECT 1 /* " + "x" * 30_000_000 + " */") + bind() + execute() + SYNC)
    assert got[-1] == "ZI" and "D " + struct.pack("!i", 1).hex() + b"1".hex() in got, got
    got = client.ask(query("SET spg.statement_memory = '8MB'") + query("SELECT length('" + "x" * 30_000_000 + "')"))
    got = client.answers()
    assert got == ["ERROR 53200 out of memory", "ZI"], got
    got = client.ask(query("COPY t FROM STDIN") + copy_data(b"80\t" + b"x" * 30_000_000 + b"\n") + COPY_DONE)
    assert got == ["G", "ERROR 53200 out of memory", "ZI"], got
    for sql in ("SELECT * FROM generate_series(1, 10000000) g ORDER BY g DESC LIMIT 1 OFFSET 9000000", "SELECT g, count(*) FROM generate_series(1, 10000000) g GROUP BY g",
                "SELECT array_agg(g) FROM generate_series(1, 10000000) g", "SELECT count(*) FROM generate_series(1, 10000000) a JOIN generate_series(1, 10000000) b ON a = b",
                "SELECT string_agg(repeat('x', 1000), '') FROM generate_series(1, 1000000)", "SELECT DISTINCT g FROM generate_series(1, 10000000) g",
                "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r) SELECT count(*) FROM r", "SELECT repeat(repeat('x', 1000000), 100)",
                "SELECT g || repeat('x', 10000000) FROM generate_series(1, 10000) g", "SELECT " + "+".join(["1"] * 3000) + " UNION ALL SELECT 2" * 5, "SELECT 1 WHERE 1 IN (" + ",".join(map(str, range(500000))) + ")"):
        client.ask(query("BEGIN"))
        got = client.ask(query(sql))
        if "1+1" in sql:
            assert got[-1] in ("ZT", "ZE"), got
        else:
            assert got[-2:] == ["ERROR 53200 out of memory", "ZE"], (sql[:80], got[-2:])
        assert client.ask(query("ROLLBACK")) == ["C ROLLBACK", "ZI"]
    got = client.ask(query("SELECT 1"))
    assert got[-1] == "ZI", got
    client.close()
    is_served(keeper)


def idle(server, keeper):
    before = memory(server)
    clients = [Raw(server.port) for _ in range(300)]
    clients += [Raw(server.port, log_in=False) for _ in range(700)]
    cost = (memory(server) - before) * 1024 / 1000
    is_served(keeper)
    for client in clients:
        client.close()
    print(f"an idle connection costs about {cost:.0f} KiB")
    assert cost < 200, cost


def garbage(server, keeper, seed):
    """Whatever bytes come after a log-in."""
    chance = random.Random(seed)
    kinds = [query("SELECT v FROM t"), parse("SELECT $1::int"), bind((b"1",)), describe(), execute(), close(), SYNC, FLUSH, COPY_DONE, query("COPY scratch FROM STDIN"), copy_data(b"90\tx\n"), query("BEGIN"), query("ROLLBACK")]
    for _ in range(150):
        client = Raw(server.port)
        data = bytearray(b"".join(chance.choice(kinds) for _ in range(chance.randrange(1, 12))))
        for _ in range(chance.randrange(0, 6)):
            at = chance.randrange(len(data))
            if chance.random() < 0.7:
                data[at] = chance.randrange(256)
            else:
                del data[at:at + chance.randrange(1, 5)]
            if not data:
                break
        try:
            client.send(bytes(data))
            if chance.random() < 0.5:
                client.socket.shutdown(socket.SHUT_WR)
                drain(client)
        except OSError:
            pass
        client.close()
    is_served(keeper)


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    print(f"seed {seed}", flush=True)
    oracle = dict(part.split("=") for part in reference().split())
    oracle_port = int(oracle["port"])
    for port, user in ((oracle_port, "postgres"),):
        client = Raw(port, user)
        client.ask(query("DROP TABLE IF EXISTS t"))
        client.ask(query(SETUP))
        client.close()
    with Server() as server:
        keeper = Raw(server.port)
        keeper.ask(query(SETUP))
        keeper.ask(query("CREATE TABLE scratch (id int, v text)"))
        is_served(keeper)
        phases = (lambda: answer_cases(server, oracle_port, keeper), lambda: before_log_in(server, keeper), lambda: log_ins(server), lambda: vanishing(server, keeper), lambda: gone_for_good(server, keeper),
                  lambda: slow_reader(server, keeper), lambda: oversized(server, keeper), lambda: garbage(server, keeper, seed), lambda: idle(server, keeper))
        for _ in range(2):  # to warm up: caches and pools may stay
            for phase in phases:
                phase()
        files_before, memory_before = files(server), memory(server)
        for phase in phases:
            phase()
        for _ in range(50):
            if files(server) <= files_before:
                break
            time.sleep(0.1)
        assert files(server) <= files_before, f"{files(server) - files_before} files were left open"
        grown = memory(server) - memory_before
        print(f"memory {memory_before} -> {memory(server)} MiB")
        assert grown < 60, f"the server has grown by {grown} MiB"
        keeper.close()
    with Server() as server:  # a statement that runs when the server is told to stop does not hold it up
        busy = Raw(server.port)
        busy.send(query("SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b"))
        time.sleep(0.3)
        server.stop()
    with Server(SPG_AUTHENTICATION_TIMEOUT_S="1") as server:
        silent = Raw(server.port, log_in=False)
        begun = time.time()
        assert silent.socket.recv(100) == b"" and 0.5 < time.time() - begun < 5, "a silent client was kept"
        half = Raw(server.port, log_in=False)
        half.send(startup(user="bench", database="postgres"))
        assert half.answers()[-1] == "closed" and time.time() - begun < 10
        Raw(server.port).close()
    print("all well")


main()
