#!/usr/bin/python3
"""Long statements of every kind are cancelled at random moments, by CancelRequest and by statement_timeout: each ends soon with
57014, the data is as before, and the session goes on. The seed is printed; it is the first argument."""
import pathlib
import random
import sys
import threading
import time

from raw import *
from support import Server

N = 300000
SETUP = [
    "CREATE TABLE big (id int, k int, t text)",
    f"INSERT INTO big SELECT i, i * 7919::bigint % {N}, 'row number ' || i FROM generate_series(1, {N}) i",
    "CREATE TABLE other (id int PRIMARY KEY, v text)",
    "INSERT INTO other SELECT i, 'v' || i FROM generate_series(1, 1000) i",
]
# How long each runs if nobody stops it does not matter, as long as it is longer than the latest moment.
STATEMENTS = {
    "cross join": "SELECT count(*) FROM generate_series(1, 100000000) a, generate_series(1, 1000) b",
    "sort of numbers": "SELECT * FROM generate_series(1, 20000000) g ORDER BY -g OFFSET 19999999",
    "sort of texts": "SELECT * FROM (SELECT 'a common beginning ' || g::text AS t FROM generate_series(1, 5000000) g) s ORDER BY t DESC OFFSET 4999999",
    "top n": "SELECT * FROM generate_series(1, 100000000) g ORDER BY g DESC LIMIT 10",
    "hash join": "SELECT count(*) FROM generate_series(1, 20000000) a JOIN generate_series(1, 20000000) b ON a = b",
    "hash join of one key": "SELECT count(*) FROM (SELECT 1 AS x FROM generate_series(1, 1000000)) a JOIN (SELECT 1 AS x FROM generate_series(1, 1000000)) b ON a.x = b.x",
    "loop join": "SELECT count(*) FROM big a JOIN big b ON a.id < b.k AND a.k < b.id",
    "group by": "SELECT g % 7654321, count(*), sum(g) FROM generate_series(1, 100000000) g GROUP BY 1",
    "distinct": "SELECT count(*) FROM (SELECT DISTINCT g FROM generate_series(1, 30000000) g) s",
    "aggregate of an ordered list": "SELECT length(string_agg(g::text, ',' ORDER BY -g)) FROM generate_series(1, 5000000) g",
    "array_agg": "SELECT array_length(array_agg(g), 1) FROM generate_series(1, 100000000) g",
    "recursion": "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "recursion without repeats": "WITH RECURSIVE r(n) AS (SELECT 1 UNION SELECT n + 1 FROM r) SELECT count(*) FROM r",
    "union": "SELECT count(*) FROM (SELECT g FROM generate_series(1, 20000000) g UNION SELECT -g FROM generate_series(1, 20000000) g) s",
    "except": "SELECT count(*) FROM (SELECT g FROM generate_series(1, 20000000) g EXCEPT SELECT g FROM generate_series(1, 20000000) g) s",
    "subquery for each row": "SELECT count(*) FROM big a WHERE k = (SELECT count(*) FROM big b WHERE b.k < a.id)",
    "create index": "CREATE INDEX big_t ON big (t, k, id)",
    "primary key": "ALTER TABLE big ADD PRIMARY KEY (id)",
    "update": "UPDATE big SET t = t || '!', k = k + 1",
    "delete": "DELETE FROM big WHERE id IN (SELECT id FROM big)",
    "insert": "INSERT INTO big SELECT g, g, g::text FROM generate_series(1, 50000000) g",
    "insert into an index": "INSERT INTO other SELECT g, g::text FROM generate_series(2000, 50000000) g",
    "insert of many values": "INSERT INTO big VALUES " + ",".join(f"({i}, {i}, 'text {i}')" for i in range(100000)),
    "like": "SELECT count(*) FROM generate_series(1, 100000000) g WHERE g::text LIKE '%9%9%9%'",
    "regular expression": "SELECT count(*) FROM generate_series(1, 100000000) g WHERE g::text ~ '(1|2)*3+[4-7]$'",
    "regular expression on one value": "SELECT repeat('ab', 5000000) ~ '(a|b|ab)*c$'",
    "replace in one value": "SELECT length(replace(repeat('ab', 40000000), 'a', 'xyz'))",
    "split of one value": "SELECT count(*) FROM unnest(string_to_array(repeat('a,', 20000000), ',')) u",
    "repeats": "SELECT count(*) FROM generate_series(1, 1000) g WHERE length(repeat('x', 100000000 + g)) = 7",
    "concatenations": "SELECT sum(length(repeat('x', 10000000) || g)) FROM generate_series(1, 100000) g",
    "hash of one value": "SELECT md5(repeat('x', 100000000 + g)) FROM generate_series(1, 20) g",
    "power": "SELECT 10::numeric ^ 100000, 7.3::numeric ^ 30000, 3::numeric ^ 60000",
    "many powers": "SELECT count(*) FROM generate_series(1, 100000) g WHERE 1.0001::numeric ^ (g + 10000) = 0",
    "root": "SELECT sqrt(g * 1e9999::numeric) FROM generate_series(1, 1000) g",
    "exp and ln": "SELECT count(*) FROM generate_series(1, 100000) g WHERE ln(exp(g % 4000::numeric)) = 0",
    "factorial": "SELECT factorial(30000)",
    "division": "SELECT count(*) FROM generate_series(1, 100000) g WHERE 1e20000::numeric / (g + 7e9999::numeric) = 0",
    "product": "SELECT length((repeat('9', 60000)::numeric * repeat('8', 60000)::numeric)::text) FROM generate_series(1, 100) g",
    "large sum": "SELECT sum(repeat('9', 50000)::numeric) FROM generate_series(1, 100000) g",
    "a series": "SELECT g FROM generate_series(1, 2000000000) g WHERE g < 0",
    "series in the target list": "SELECT count(*) FROM (SELECT generate_series(1, 2000000000)) s",
    "long list": "SELECT 1 WHERE 1 IN (" + ",".join(map(str, range(2, 400000))) + ") AND (SELECT count(*) FROM generate_series(1, 1000000000)) = 1",
    "deep expression": "SELECT " + "(" * 900 + "1" + ")" * 900 + " FROM generate_series(1, 2000000000) g WHERE g < 0",
    "long conjunction": "SELECT count(*) FROM generate_series(1, 1000000000) g WHERE " + " AND ".join(f"g <> {-i}" for i in range(1, 500)),
    "many joins": "SELECT count(*) FROM " + " JOIN ".join(["big b0"] + [f"big b{i} ON b{i}.k > b{i - 1}.k" for i in range(1, 14)]),
    "join order": "SELECT count(*) FROM " + ", ".join(f"other o{i}" for i in range(12)) + " WHERE " + " AND ".join(f"o{i}.id < o{j}.id" for i in range(12) for j in range(i)),
    "copy out": "COPY (SELECT g FROM generate_series(1, 2000000000) g WHERE g < 0) TO STDOUT",
    "several statements": "UPDATE big SET k = k + 1 WHERE id < 10; SELECT count(*) FROM generate_series(1, 2000000000)",
}

WRITES = ("create index", "primary key", "update", "delete", "insert of many values")
# Over by themselves after a while.
SHORT = WRITES + ("factorial", "power", "root", "exp and ln", "product", "replace in one value", "long list", "split of one value", "regular expression on one value")


def work_of(pid):
    """Seconds that the threads of a process have been on a processor. What others do to the machine does not count."""
    total = 0
    for task in pathlib.Path(f"/proc/{pid}/task").iterdir():
        try:
            total += int((task / "schedstat").read_text().split()[0])
        except FileNotFoundError:
            pass
    return total / 1e9


class Watch:
    """How much a server works after a moment, and how long that takes by the clock."""

    def __init__(self, pid, moment, strike=None):
        self.pid, self.due = pid, time.perf_counter() + moment
        self.thread = threading.Thread(target=self.sleep, args=(strike,))
        self.thread.start()

    def sleep(self, strike):
        time.sleep(max(0, self.due - time.perf_counter()))
        if strike is not None:
            self.due = time.perf_counter()
        self.work, self.seen = work_of(self.pid), time.perf_counter()
        if strike is not None:
            strike()

    def end(self):
        """(work, time) since the moment, in seconds; what was worked before this thread woke up counts as if it was all work."""
        ended, work = time.perf_counter(), work_of(self.pid)
        self.thread.join()
        if ended <= self.due or ended <= self.seen:
            return max(0.0, ended - self.due), max(0.0, ended - self.due)
        return work - self.work + self.seen - self.due, ended - self.due


def state(client):
    out = []
    for sql in ("SELECT count(*), sum(id), sum(k), min(t), max(t) FROM big", "SELECT count(*), sum(id) FROM other", "SELECT indexrelid::regclass FROM pg_index WHERE indrelid IN ('big'::regclass, 'other'::regclass)",
                "SELECT attname, atttypid FROM pg_attribute WHERE attrelid = 'big'::regclass AND attnum > 0 ORDER BY attnum"):
        out.append(client.ask(query(sql)))
    return out


def outcome(answers):
    errors = [answer for answer in answers if answer.startswith("ERROR")]
    return errors[0][6:11] if errors else "done"


def cancelled(client, sql, moment, pid):
    """Runs the statement, cancels after `moment`, returns the answer and what the server did and how long it took after that."""
    client.send(query(sql))
    watch = Watch(pid, moment, client.cancel)
    answers = client.answers()
    return outcome(answers), *watch.end()


def timed_out(client, sql, moment, pid):
    moment = max(1, int(moment * 1000)) / 1000
    client.ask(query(f"SET statement_timeout = {moment * 1000:.0f}"))
    watch = Watch(pid, moment)
    answers = client.ask(query(sql))
    return outcome(answers), *watch.end()


def copy_in(client, moment, pid):
    """COPY FROM of a stream without end."""
    row = b"".join(b"%d\t%d\tsome text\n" % (i, i) for i in range(1000))
    client.ask(query(f"SET statement_timeout = {max(1, int(moment * 1000))}"))
    client.send(query("COPY big FROM STDIN"))
    begun = time.perf_counter()
    watch = Watch(pid, moment)
    client.socket.settimeout(0.001)
    chunk = copy_data(row)
    while time.perf_counter() - begun < moment + 2:
        client.socket.settimeout(20)
        client.send(chunk)
        client.socket.settimeout(0.0005)
        try:
            client.buffer += client.socket.recv(65536)
        except (TimeoutError, BlockingIOError):
            pass
        if b"C57014" in client.buffer:
            break
    late = watch.end()
    client.socket.settimeout(20)
    client.send(COPY_DONE)
    return outcome(client.answers()), *late


def is_prompt(work, late):
    """The server's own work is what counts: on a busy machine its threads wait for a processor like any other. The second bound is
    for what waits without working."""
    return work <= 0.05 and late <= 2


def main():
    seed = int(sys.argv[1]) if len(sys.argv) > 1 else int(time.time())
    only = sys.argv[2] if len(sys.argv) > 2 else ""
    chance = random.Random(seed)
    print(f"seed {seed}", flush=True)
    worst, wrong, done = [], [], 0
    with Server(SPG_MEMORY_MB="6000", SPG_STATEMENT_MEMORY_MB="5000") as server:
        client, watcher = Raw(server.port, timeout=120), Raw(server.port)
        for sql in SETUP:
            answers = client.ask(query(sql))
            assert outcome(answers) == "done", answers
        before = state(watcher)
        assert all(outcome(answer) == "done" for answer in before), before
        for name, sql in list(STATEMENTS.items()) + [("copy in", None)]:
            if only not in name:
                continue
            for way in (cancelled, timed_out):
                moment = chance.random() ** 2 * 0.25 + 0.001
                # In a block, so that what is done before its moment can be taken back; alone, so that an error undoes it.
                in_block = name in WRITES or chance.random() < 0.3
                if in_block:
                    client.ask(query("BEGIN"))
                pid = server.process.pid
                # The watching thread, too, waits for a processor: who is late by its clock gets two more attempts.
                for _ in range(3):
                    code, work, late = copy_in(client, moment, pid) if sql is None else way(client, sql, moment, pid)
                    if is_prompt(min(work, late), late) or in_block or code != "57014":
                        break
                if in_block:
                    client.ask(query("ROLLBACK"))
                if way is timed_out:
                    client.ask(query("SET statement_timeout = 0"))
                if code == "done" and (late <= 0.05 or name in SHORT):  # over before its moment
                    done += 1
                elif code != "57014":
                    wrong.append(f"{name} by {way.__name__} after {moment * 1000:.0f} ms: {code}")
                else:
                    worst.append((min(work, late), late, name, way.__name__, moment))
                got = client.ask(query("SELECT 1"))
                assert got == ["T", "D " + "0000000131", "C SELECT 1", "ZI"], (name, got)
            now = state(watcher)
            if now != before:
                wrong.append(f"{name}: the data has changed: {now} instead of {before}")
                before = now
    worst.sort(reverse=True)
    for work, late, name, way, moment in worst[:12]:
        print(f"{work * 1000:7.1f} ms of work, {late * 1000:.1f} ms late: {name}, {way} after {moment * 1000:.0f} ms")
    print(f"{len(worst)} statements ended early, {done} were done before")
    wrong += [f"{name} by {way} after {moment * 1000:.0f} ms: {work * 1000:.0f} ms of work, {late * 1000:.0f} ms late"
              for work, late, name, way, moment in worst if not is_prompt(work, late)]
    assert not wrong, "\n".join(wrong)
    print("all well")


main()
