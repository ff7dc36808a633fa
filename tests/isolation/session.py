"""A connection that is driven without waiting for it: send a statement, ask now and then whether it has ended."""
import pathlib
import select
import socket
import sys
import time

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "clients"))
from raw import Closed, Raw, fields, query  # noqa: E402
import struct  # noqa: E402


def parse_dsn(dsn):
    return dict(part.split("=", 1) for part in dsn.split())


class Answer:
    """What one simple query brought: `parts` are ("rows", names, rows), ("tag", text), ("error", fields), ("notice",
    fields) and ("closed",), in the order they came."""

    def __init__(self):
        self.parts = []

    def error(self):
        """The fields of the error that ended it, or None."""
        return next((part[1] for part in self.parts if part[0] == "error"), None)

    def sqlstate(self):
        error = self.error()
        return error["C"] if error else "closed" if ("closed",) in self.parts else None

    def rows(self):
        return [row for part in self.parts if part[0] == "rows" for row in part[2]]

    def tags(self):
        return [part[1] for part in self.parts if part[0] == "tag"]


class Session:
    def __init__(self, dsn, name="", **parameters):
        where = parse_dsn(dsn)
        self.name = name
        self.raw = Raw(int(where["port"]), where["user"], where.get("password", ""), where.get("dbname", "postgres"))
        self.pid = self.raw.key[0] if self.raw.key else 0
        self.raw.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self.answer, self.busy, self.closed = None, False, False
        self.status = "I"  # of the last ReadyForQuery: I idle, T in a block, E in a failed block
        for setting, value in parameters.items():
            self.ask(f"SET {setting} = '{value}'")  # who does not know a setting goes without

    def fileno(self):
        return self.raw.socket.fileno()

    def send(self, sql):
        assert not self.busy
        self.answer, self.busy, self.sent = Answer(), True, time.monotonic()
        try:
            self.raw.send(query(sql))
        except OSError:
            pass  # closed by the server: what it said before is still to be read

    def poll(self, timeout=0.0):
        """True when the statement has ended. Waits no longer than `timeout` seconds."""
        end = time.monotonic() + timeout
        while self.busy:
            if self.whole():
                self.take_message()
                continue
            left = end - time.monotonic()
            if not select.select([self.raw.socket], [], [], max(left, 0))[0]:
                break
            try:
                got = self.raw.socket.recv(65536)
            except OSError:
                got = b""
            if not got:
                self.answer.parts.append(("closed",))
                self.busy, self.closed = False, True
            self.raw.buffer += got
        return not self.busy

    def whole(self):
        buffer = self.raw.buffer
        return len(buffer) >= 5 and len(buffer) > struct.unpack("!i", buffer[1:5])[0]

    def take_message(self):
        kind, body = self.raw.receive()
        parts = self.answer.parts
        if kind == b"Z":
            self.busy, self.status = False, body.decode()
        elif kind == b"T":
            parts.append(("rows", names(body), []))
        elif kind == b"D":
            parts[-1][2].append(values(body))
        elif kind == b"C":
            parts.append(("tag", body[:-1].decode()))
        elif kind == b"E":
            parts.append(("error", fields(body)))
        elif kind == b"N":
            at = len(parts) - 1 if parts and parts[-1][0] == "rows" else len(parts)
            parts.insert(at, ("notice", fields(body)))  # before the rows that it came among

    def ask(self, sql, timeout=30):
        """The answer, waited for."""
        self.send(sql)
        if not self.poll(timeout):
            raise TimeoutError(f"session {self.name}: no answer within {timeout} s to {sql}")
        return self.answer

    def must(self, sql, timeout=30):
        answer = self.ask(sql, timeout)
        if answer.sqlstate():
            raise RuntimeError(f"{sql}: {answer.error() or 'connection closed'}")
        return answer.rows()

    def cancel(self):
        try:
            self.raw.cancel()
        except (OSError, Closed):
            pass

    def close(self):
        self.closed = True
        self.raw.close()


def names(body):
    count, at, out = struct.unpack("!h", body[:2])[0], 2, []
    for _ in range(count):
        end = body.index(b"\0", at)
        out.append(body[at:end].decode())
        at = end + 19
    return out


def values(body):
    count, at, out = struct.unpack("!h", body[:2])[0], 2, []
    for _ in range(count):
        size = struct.unpack("!i", body[at:at + 4])[0]
        at += 4
        out.append(None if size < 0 else body[at:at + size].decode())
        at += max(size, 0)
    return out


class Blocked:
    """Asks the server whether a session waits for another, in whichever of PostgreSQL's ways it knows."""

    WAYS = ("SELECT pg_isolation_test_session_is_blocked({pid}, '{{{others}}}')", "SELECT pg_blocking_pids({pid}) <> '{{}}'")

    def __init__(self, control):
        self.control = control
        self.way = next((way for way in self.WAYS if not control.ask(way.format(pid=control.pid, others=control.pid)).sqlstate()), None)

    def __call__(self, session, sessions):
        """True or False, or None when the server can not tell."""
        if self.way is None:
            return None
        answer = self.control.ask(self.way.format(pid=session.pid, others=",".join(str(s.pid) for s in sessions)))
        return answer.rows() == [["t"]]
