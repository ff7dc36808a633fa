"""What PostgreSQL's own grammar says of a text, asked through the wire's Parse message: nothing is ever executed.

check(sql) gives ("", "", 0) when the grammar accepts it (whatever analysis says later), else SQLSTATE, message, position.
The error's source file tells the grammar's own errors from those of analysis.
"""
import socket
import struct

GRAMMAR_FILES = {"gram.y", "scan.l", "parser.c", "scansup.c", "scanner_yyerror", "mbutils.c"}


class Oracle:
    def __init__(self, host="127.0.0.1", port=55432, user="postgres", database="postgres"):
        self.address, self.user, self.database = (host, port), user, database
        self.connect()

    def connect(self):
        self.sock = socket.create_connection(self.address)
        self.buffer = b""
        body = struct.pack("!i", 196608) + f"user\0{self.user}\0database\0{self.database}\0client_min_messages\0error\0\0".encode()
        self.sock.sendall(struct.pack("!i", len(body) + 4) + body)
        while self.message()[0] != b"Z":
            pass

    def take(self, n):
        while len(self.buffer) < n:
            got = self.sock.recv(65536)
            if not got:
                raise ConnectionError
            self.buffer += got
        out, self.buffer = self.buffer[:n], self.buffer[n:]
        return out

    def message(self):
        head = self.take(5)
        return head[:1], self.take(struct.unpack("!i", head[1:])[0] - 4)

    def check(self, sql):
        raw = sql.encode() if isinstance(sql, str) else sql
        body = b"\0" + raw + b"\0\0\0"
        self.sock.sendall(b"P" + struct.pack("!i", len(body) + 4) + body + b"S\0\0\0\4")
        result = ("", "", 0)
        while True:
            kind, payload = self.message()
            if kind == b"E":
                fields = {part[:1].decode(): part[1:].decode(errors="replace") for part in payload.split(b"\0") if part}
                if fields.get("F") in GRAMMAR_FILES and not (fields.get("F") == "mbutils.c" and "P" not in fields and "\\" not in sql):
                    result = (fields["C"], fields["M"], int(fields.get("P", 0)))
            elif kind == b"Z":
                return result
