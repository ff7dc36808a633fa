"""PostgreSQL's protocol by hand: what no well-behaved driver would send."""
import base64
import hashlib
import hmac
import os
import socket
import struct


def message(kind, body=b""):
    return kind + struct.pack("!i", len(body) + 4) + body


def text(value):
    return (value if isinstance(value, bytes) else value.encode()) + b"\0"


def query(sql):
    return message(b"Q", text(sql))


def parse(sql, name="", types=()):
    return message(b"P", text(name) + text(sql) + struct.pack("!h", len(types)) + b"".join(struct.pack("!I", t) for t in types))


def bind(values=(), formats=(), results=(), portal="", statement="", count=None):
    body = text(portal) + text(statement) + struct.pack("!h", len(formats)) + b"".join(struct.pack("!h", f) for f in formats)
    body += struct.pack("!h", len(values) if count is None else count)
    for value in values:
        body += struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
    return message(b"B", body + struct.pack("!h", len(results)) + b"".join(struct.pack("!h", f) for f in results))


def describe(kind=b"S", name=""):
    return message(b"D", kind + text(name))


def execute(portal="", rows=0):
    return message(b"E", text(portal) + struct.pack("!i", rows))


def close(kind=b"S", name=""):
    return message(b"C", kind + text(name))


SYNC, FLUSH, TERMINATE = message(b"S"), message(b"H"), message(b"X")
COPY_DONE = message(b"c")


def copy_data(data):
    return message(b"d", data)


def startup(**parameters):
    body = struct.pack("!i", 196608) + b"".join(text(k) + text(v) for k, v in parameters.items()) + b"\0"
    return struct.pack("!i", len(body) + 4) + body


class Closed(Exception):
    pass


class Raw:
    """One connection. `log_in=False` leaves it silent."""

    def __init__(self, port, user="bench", password="bench", database="postgres", log_in=True, timeout=20):
        self.socket = socket.create_connection(("127.0.0.1", port), timeout)
        self.buffer = b""
        self.key = None
        if log_in:
            self.send(startup(user=user, database=database))
            self.authenticate(password)

    def send(self, data):
        self.socket.sendall(data)

    def take(self, count):
        while len(self.buffer) < count:
            try:
                got = self.socket.recv(65536)
            except ConnectionResetError:
                got = b""
            if not got:
                raise Closed()
            self.buffer += got
        out, self.buffer = self.buffer[:count], self.buffer[count:]
        return out

    def receive(self):
        kind = self.take(1)
        return kind, self.take(struct.unpack("!i", self.take(4))[0] - 4)

    def authenticate(self, password):
        nonce = base64.b64encode(os.urandom(18)).decode()
        first = f"n=,r={nonce}"
        while True:
            kind, body = self.receive()
            if kind == b"E":
                raise RuntimeError(fields(body))
            if kind == b"K":
                self.key = struct.unpack("!ii", body)
            if kind == b"Z":
                return
            if kind != b"R":
                continue
            code = struct.unpack("!i", body[:4])[0]
            if code == 10:
                data = ("n,," + first).encode()
                self.send(message(b"p", text("SCRAM-SHA-256") + struct.pack("!i", len(data)) + data))
            elif code == 11:
                server = body[4:].decode()
                parts = dict(p.split("=", 1) for p in server.split(","))
                salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(parts["s"]), int(parts["i"]))
                key = hmac.digest(salted, b"Client Key", "sha256")
                last = "c=biws,r=" + parts["r"]
                signature = hmac.digest(hashlib.sha256(key).digest(), f"{first},{server},{last}".encode(), "sha256")
                proof = base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))).decode()
                self.send(message(b"p", f"{last},p={proof}".encode()))

    def answers(self):
        """What comes until ReadyForQuery or the end, as short strings."""
        out = []
        try:
            while True:
                kind, body = self.receive()
                if kind == b"E":
                    f = fields(body)
                    out.append(f"{f['S']} {f['C']} {f['M']}")
                elif kind == b"Z":
                    out.append("Z" + body.decode())
                    return out
                elif kind in b"S" or kind == b"N":
                    pass
                elif kind == b"C":
                    out.append("C " + body[:-1].decode())
                elif kind == b"D":
                    out.append("D " + body[2:].hex())
                else:
                    out.append(kind.decode("latin1"))
        except Closed:
            return out + ["closed"]
        except TimeoutError:
            return out + ["silence"]

    def ask(self, data):
        self.send(data)
        return self.answers()

    def close(self):
        self.socket.close()

    def cancel(self):
        with socket.create_connection(self.socket.getpeername(), 10) as other:
            other.sendall(struct.pack("!iiii", 16, 80877102, *self.key))
            while other.recv(100):
                pass


def fields(body):
    return {part[:1].decode(): part[1:].decode("utf8", "replace") for part in body.split(b"\0") if part}
