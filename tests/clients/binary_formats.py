#!/usr/bin/python3
"""Binary parameters and results of every type, on SPG and on PostgreSQL 15: the same bytes and the same errors.

psycopg2 knows the text format only, so this speaks the protocol itself: a value goes out as text and comes back binary,
goes out binary and comes back as both; then bytes that are no value of the type.
"""
import base64
import hashlib
import hmac
import os
import socket
import struct
import sys

from support import Server, reference


class Wire:
    """One connection, extended protocol."""

    def __init__(self, dsn):
        options = dict(part.split("=", 1) for part in dsn.split())
        self.socket = socket.create_connection((options["host"], int(options["port"])))
        self.socket.settimeout(30)
        start = "".join(f"{k}\0{v}\0" for k, v in (("user", options["user"]), ("database", options["dbname"]))).encode() + b"\0"
        self.socket.sendall(struct.pack("!II", len(start) + 8, 196608) + start)
        while True:
            kind, body = self.receive()
            if kind == b"R" and struct.unpack("!I", body[:4])[0] == 10:
                self.scram(options["password"])
            elif kind == b"E":
                raise RuntimeError(body)
            elif kind == b"Z":
                return

    def exactly(self, count):
        data = b""
        while len(data) < count:
            more = self.socket.recv(count - len(data))
            if not more:
                raise RuntimeError("the server hung up")
            data += more
        return data

    def receive(self):
        head = self.exactly(5)
        return head[:1], self.exactly(struct.unpack("!I", head[1:])[0] - 4)

    def send(self, kind, body=b""):
        self.socket.sendall(kind + struct.pack("!I", len(body) + 4) + body)

    def scram(self, password):
        first = "n=,r=" + base64.b64encode(os.urandom(18)).decode()
        message = ("n,," + first).encode()
        self.send(b"p", b"SCRAM-SHA-256\0" + struct.pack("!I", len(message)) + message)
        server = self.receive()[1][4:].decode()
        facts = dict(part.split("=", 1) for part in server.split(","))
        salted = hashlib.pbkdf2_hmac("sha256", password.encode(), base64.b64decode(facts["s"]), int(facts["i"]))
        key = hmac.new(salted, b"Client Key", "sha256").digest()
        final = "c=biws,r=" + facts["r"]
        signature = hmac.new(hashlib.sha256(key).digest(), f"{first},{server},{final}".encode(), "sha256").digest()
        self.send(b"p", f"{final},p=".encode() + base64.b64encode(bytes(a ^ b for a, b in zip(key, signature))))
        self.receive()

    def ask(self, sql, value, value_format, result_format):
        """The one value of the one row (bytes or None), or the error as text."""
        parameter = struct.pack("!i", -1) if value is None else struct.pack("!i", len(value)) + value
        self.send(b"P", b"\0" + sql.encode() + b"\0" + struct.pack("!h", 0))
        self.send(b"B", b"\0\0" + struct.pack("!hhh", 1, value_format, 1) + parameter + struct.pack("!hh", 1, result_format))
        self.send(b"E", b"\0" + struct.pack("!i", 0))
        self.send(b"S")
        answer = "nothing"
        while True:
            kind, body = self.receive()
            if kind == b"D":
                size = struct.unpack("!i", body[2:6])[0]
                answer = None if size < 0 else body[6:6 + size]
            elif kind == b"E":
                fields = {part[:1]: part[1:].decode() for part in body.split(b"\0") if part}
                answer = " ".join(fields[c] for c in (b"C", b"M") if c in fields)
            elif kind == b"Z":
                return answer


VALUES = {
    "bool": ["t", "f"],
    "int2": ["0", "-32768", "32767"],
    "int4": ["0", "-2147483648", "2147483647"],
    "int8": ["0", "-9223372036854775808", "9223372036854775807"],
    "oid": ["0", "4294967295"],
    "float4": ["0", "-0", "1.5", "NaN", "Infinity", "-Infinity", "3.4028235e38", "1e-45"],
    "float8": ["0", "-0", "0.1", "NaN", "Infinity", "-Infinity", "1.7976931348623157e308", "5e-324"],
    "numeric": ["0", "0.000", "1", "-1.50", "10000", "9999.9999", "0.0001", "1e100", "-1e-100", "NaN", "Infinity", "-Infinity",
                "123456789012345678901234567890.123456789", "100000000", "0.00012300"],
    "numeric(10,2)": ["0", "1.005", "-99999999.99", "NaN", "10000"],
    "numeric(30,5)": ["123456789012345678901234.12345", "-0.00001", "NaN"],
    "text": ["", "abc", "h\u00e9llo \u20ac", "x" * 5000],
    "varchar": ["", "abc"], "char(5)": ["ab", ""], "name": ["abc"],
    "bytea": ["", "\\x00ff10", "abc\\\\d"],
    "date": ["2000-01-01", "1999-12-31", "infinity", "-infinity", "4713-01-01 BC", "5874897-12-31"],
    "time": ["00:00", "24:00:00", "12:34:56.789012"],
    "timetz": ["00:00+00", "12:34:56.789-07:30"],
    "timestamp": ["2000-01-01", "1999-12-31 23:59:59.999999", "infinity", "-infinity", "4713-01-01 00:00:00 BC", "294276-12-31 23:59:59.999999"],
    "timestamptz": ["2000-01-01 00:00+00", "2024-02-29 12:34:56.7+05:30", "infinity", "-infinity"],
    "interval": ["0", "1 day", "-1 mon +2 days -03:04:05.678901", "178000000 years", "-178000000 years", "1 us"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "int4[]": ["{}", "{1,NULL,3}", "[0:1]={5,6}", "{{1,2},{3,4}}"],
    "text[]": ["{a,\"b c\",NULL}", "{}"],
    '"char"': ["a", ""],
    "xid": ["0", "4294967295"],
    "xid8": ["0", "9223372036854775808", "18446744073709551615"],
    "pg_lsn": ["0/0", "1/2A", "FFFFFFFF/FFFFFFFF"],
    "pg_snapshot": ["1:1:", "12:18:14,16", "1000100010001000:1000100010001100:1000100010001012"],
    "txid_snapshot": ["12:18:14,16"],
    "pg_lsn[]": ["{0/1,NULL,FF/0}"], "xid8[]": ["{1,18446744073709551615}"],
}
# Bytes that are no value: too short, too long, out of range.
FAULTS = {
    "bool": [b"", b"\2", b"\0\0"],
    "int2": [b"\0", b"\0\0\0"], "int4": [b"\0\0\0", b"\0" * 5], "int8": [b"\0" * 7, b"\0" * 9],
    "float4": [b"\0" * 3], "float8": [b"\0" * 9],
    "numeric": [b"", b"\0" * 7, struct.pack("!hhHh", 1, 0, 0, 0), struct.pack("!hhHhh", 1, 0, 0, 0, 10000),
                struct.pack("!hhHh", 0, 0, 0x1234, 0), struct.pack("!hhHh", 0, 0, 0, 0x4000), struct.pack("!hhHhh", 1, 0, 0, 0, -1)],
    "text": [b"a\0b", b"\xff\xfe", b"\xc3"],
    "date": [b"\0" * 3, struct.pack("!i", 2147483646)],
    "time": [b"\0" * 4, struct.pack("!q", -1), struct.pack("!q", 86400000001)],
    "timestamp": [b"\0" * 4, struct.pack("!q", 9223372036854775806)],
    "timestamptz": [struct.pack("!q", -9223372036854775807)],
    "interval": [b"\0" * 15, b"\0" * 17],
    "uuid": [b"\0" * 15, b"\0" * 17],
    "xid": [b"\0" * 3, b"\0" * 5], "xid8": [b"\0" * 7, b"\0" * 9], "pg_lsn": [b"\0" * 7, b"\0" * 9],
    "pg_snapshot": [b"", struct.pack("!i", -1), struct.pack("!iqq", 0, 0, 5), struct.pack("!iqq", 0, 6, 5), struct.pack("!iqq", 0, 1, -5),
                    struct.pack("!iqqq", 1, 5, 9, 4), struct.pack("!iqqq", 1, 5, 9, 9), struct.pack("!iqqq", 1, 5, 9, 10),
                    struct.pack("!iqqqq", 2, 5, 9, 7, 6), struct.pack("!iqqqq", 2, 5, 9, 7, 7), struct.pack("!iqqq", 2, 5, 9, 7),
                    struct.pack("!iqqq", 0, 5, 9, 7)],
    "int4[]": [b"", struct.pack("!iiI", 7, 0, 23), struct.pack("!iiI", 0, 2, 23), struct.pack("!iiI", 0, 0, 25),
               struct.pack("!iiIii", 1, 0, 23, -1, 1), struct.pack("!iiIii", 1, 0, 23, 1, 1)],
}


def conversation(wire):
    lines = []
    for type_name, texts in VALUES.items():
        sql = f"SELECT $1::{type_name}"
        for text in texts + [None]:
            given = None if text is None else text.encode()
            binary = wire.ask(sql, given, 0, 1)
            lines.append(f"{type_name} {text!r:.60} -> {binary!r:.200}")
            if isinstance(binary, bytes):
                lines.append(f"  back {wire.ask(sql, binary, 1, 0)!r:.200} {wire.ask(sql, binary, 1, 1) == binary}")
    for type_name, faults in FAULTS.items():
        for fault in faults:
            lines.append(f"{type_name} {fault!r} -> {wire.ask(f'SELECT $1::{type_name}', fault, 1, 0)!r}")
    return lines


def main():
    with Server() as server:
        theirs, mine = conversation(Wire(reference())), conversation(Wire(server.dsn()))
    differences = [(a, b) for a, b in zip(theirs, mine) if a != b]
    for a, b in differences:
        print(f"PostgreSQL: {a}\nSPG:        {b}")
    if differences or len(theirs) != len(mine):
        sys.exit(f"{len(differences)} of {len(theirs)} answers differ")
    print(f"{len(theirs)} answers are the same")


main()
