#!/usr/bin/python3
"""What tables take on disk, beside PostgreSQL 15: a table like TPC-H's lineitem, and the Debian package index.

usage: tools/bench/disk_size.py [--rows 300000] [--port 55451] [--only lineitem,debian] [--no-postgres]   (release build of spg-server and spg)

Loads both servers by COPY, stops SPG (which writes a checkpoint) and walks the records of its segments from the roots, so that
only what is in use counts. Prints bytes per row of the tables against pg_relation_size, and what each kind of object takes against
its image, which is what it took before it was encoded.
"""
import argparse
import collections
import os
import pathlib
import random
import re
import struct
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "tests/clients"))
os.environ.setdefault("SPG_SERVER", str(ROOT / "build/release/spg-server"))
import psycopg2  # noqa: E402

from support import SHARED, Server, psql, unpack_debian  # noqa: E402

KINDS = {1: "radix", 2: "table", 3: "layout", 4: "block", 5: "chunk", 6: "heap", 7: "large", 8: "int_leaf", 9: "int_inner", 10: "bytes_leaf",
         11: "bytes_inner", 12: "root"}
INDEX_KINDS = (8, 9, 10, 11)

LINEITEM = """CREATE TABLE lineitem (
  l_orderkey bigint NOT NULL, l_partkey integer NOT NULL, l_suppkey integer NOT NULL, l_linenumber integer NOT NULL,
  l_quantity numeric(15,2) NOT NULL, l_extendedprice numeric(15,2) NOT NULL, l_discount numeric(15,2) NOT NULL, l_tax numeric(15,2) NOT NULL,
  l_returnflag char(1) NOT NULL, l_linestatus char(1) NOT NULL, l_shipdate date NOT NULL, l_commitdate date NOT NULL, l_receiptdate date NOT NULL,
  l_shipinstruct char(25) NOT NULL, l_shipmode char(10) NOT NULL, l_comment varchar(44) NOT NULL);
CREATE UNIQUE INDEX lineitem_key ON lineitem (l_orderkey, l_linenumber);
CREATE INDEX lineitem_shipdate ON lineitem (l_shipdate)"""
WORDS = """furiously quickly slyly carefully blithely fluffily even final ironic regular express special pending bold silent unusual requests deposits
packages accounts instructions foxes theodolites pinto beans dependencies excuses platelets asymptotes courts ideas dolphins sleep wake are cajole haggle
nag use boost affix detect integrate maintain nod was lose sublate solve thrash promise engage hinder print doze run dazzle snooze doubt unwind kindle play
hang believe poach about above according to across after against along among around at before between into the of for from""".split()


def day(number):
    import datetime
    return (datetime.date(1992, 1, 1) + datetime.timedelta(days=number)).isoformat()


def comment(rng):
    text = " ".join(rng.choice(WORDS) for _ in range(9))
    start = rng.randrange(0, 12)
    return text[start:start + rng.randrange(10, 44)].strip() or "none"


def write_lineitem(path, rows):
    """The distributions are those of TPC-H's dbgen, the numbers Python's from one seed."""
    rng = random.Random(1)
    instructions = ["DELIVER IN PERSON", "COLLECT COD", "NONE", "TAKE BACK RETURN"]
    modes = ["REG AIR", "AIR", "RAIL", "SHIP", "TRUCK", "MAIL", "FOB"]
    parts = 200000
    with open(path, "w") as out:
        order = written = 0
        while written < rows:
            order += 1
            key = (order // 8) * 32 + order % 8
            ordered = rng.randrange(0, 2400)
            for line in range(1, rng.randrange(1, 8) + 1):
                part = rng.randrange(1, parts + 1)
                supplier = (part + rng.randrange(4) * 2501) % 10000 + 1
                quantity = rng.randrange(1, 51)
                price = (90000 + (part // 10) % 20001 + 100 * (part % 1000)) * quantity
                shipped = ordered + rng.randrange(1, 122)
                committed, received = ordered + rng.randrange(30, 91), shipped + rng.randrange(1, 31)
                flag = rng.choice("RA") if received <= 1263 else "N"
                out.write(f"{key}\t{part}\t{supplier}\t{line}\t{quantity}.00\t{price // 100}.{price % 100:02}\t0.{rng.randrange(11):02}\t0.{rng.randrange(9):02}\t{flag}\t"
                          f"{'O' if shipped > 1263 else 'F'}\t{day(shipped)}\t{day(committed)}\t{day(received)}\t{rng.choice(instructions)}\t{rng.choice(modes)}\t{comment(rng)}\n")
                written += 1
    return written


def varint(data, at):
    value = shift = 0
    while True:
        byte = data[at]
        at += 1
        value |= (byte & 127) << shift
        if byte < 128:
            return value, at
        shift += 7


class Walk:
    """Adds up the records that the roots lead to, by table and kind: [records, bytes, bytes of the images]."""

    def __init__(self, folder):
        self.folder, self.files = folder, {}
        self.sizes = collections.defaultdict(lambda: [0, 0, 0])
        dump = subprocess.run([str(pathlib.Path(os.environ["SPG_SERVER"]).with_name("spg")), "dump", str(folder / "spg.db")], capture_output=True, text=True, check=True).stdout
        for database, segment, offset, length in re.findall(r"database (\d+): root in segment (\d+) at (\d+), (\d+) bytes", dump):
            self.visit(int(segment), int(offset), int(length), (int(database), 0))

    def visit(self, segment, offset, length, owner):
        if segment not in self.files:
            self.files[segment] = (self.folder / f"spg.db.d/segment-{segment:08}").read_bytes()
        record = self.files[segment][offset:offset + length]
        image_bytes, _, kind, encoding, children_at, _, table = struct.unpack_from("<IHBBIII", record, 8)
        if kind == 2:
            owner = (owner[0], table)
        size = self.sizes[owner + (kind,)]
        size[0] += 1
        size[1] += (length + 7) & ~7
        size[2] += image_bytes
        at = 48 if encoding else 48 + children_at - 32
        count, at = varint(record, at)
        for _ in range(count):
            fields = []
            for _ in range(5):
                value, at = varint(record, at)
                fields.append(value)
            self.visit(fields[1], fields[3], fields[2], owner)


def load(dsn, name, folder):
    if name == "lineitem":
        psql(dsn, "-c", "DROP TABLE IF EXISTS lineitem", "-c", LINEITEM)
        psql(dsn, "-c", "\\copy lineitem from 'lineitem.tsv'", cwd=folder)
    else:
        psql(dsn, "-f", str(ROOT / "examples/debian-packages/schema.sql"))
        psql(dsn, "-f", str(ROOT / "examples/debian-packages/load.sql"), cwd=folder)


def tables_of(name):
    return ["lineitem"] if name == "lineitem" else ["packages", "depends", "maintainers"]


def ask(dsn, text):
    connection = psycopg2.connect(dsn)
    connection.autocommit = True
    with connection, connection.cursor() as cursor:
        cursor.execute(text)
        result = cursor.fetchall()
    connection.close()
    return result


def spg_sizes(names, folder):
    with Server(folder) as server:
        for name in names:
            load(server.dsn(), name, folder)
        ids = {}
        for name in names:
            for table in tables_of(name):
                rows = ask(server.dsn(), f"SELECT count(*) FROM {table}")[0][0]
                ids[ask(server.dsn(), f"SELECT relfilenode FROM pg_class WHERE relname = '{table}'")[0][0]] = (table, rows)
        server.stop()
        walk = Walk(server.folder)
    return ids, walk.sizes


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--rows", type=int, default=300000)
    parser.add_argument("--port", default="55451")
    parser.add_argument("--only", default="lineitem,debian")
    parser.add_argument("--no-postgres", action="store_true")
    options = parser.parse_args()
    names = options.only.split(",")
    with tempfile.TemporaryDirectory(prefix="spg-size-") as place:
        folder = pathlib.Path(place)
        if "lineitem" in names:
            write_lineitem(folder / "lineitem.tsv", options.rows)
        if "debian" in names:
            unpack_debian(folder)
        ids, sizes = spg_sizes(names, folder)
        dsn = None
        if not options.no_postgres:
            folder.chmod(0o755)
            dsn = subprocess.run([str(SHARED / "tools/refpg"), "start", options.port], capture_output=True, text=True, check=True).stdout.strip()
            for name in names:
                load(dsn, name, folder)
        report(ids, sizes, dsn)


def report(ids, sizes, dsn):
    print("| table | rows | SPG, bytes/row | PostgreSQL, bytes/row | ratio | with indexes: SPG | PostgreSQL | ratio |")
    print("| --- | --- | --- | --- | --- | --- | --- | --- |")
    for (table, rows) in sorted(ids.values(), key=lambda one: -one[1]):
        of_table = {kind: size for (_, owner, kind), size in sizes.items() if ids.get(owner, ("", 0))[0] == table}
        heap = sum(size[1] for kind, size in of_table.items() if kind not in INDEX_KINDS)
        whole = sum(size[1] for size in of_table.values())
        theirs, theirs_whole = ask(dsn, f"SELECT pg_relation_size('{table}'), pg_total_relation_size('{table}')")[0] if dsn else (0, 0)
        print(f"| {table} | {rows} | {heap / rows:.1f} | {theirs / rows:.1f} | {heap / max(theirs, 1):.2f} | {whole / rows:.1f} | {theirs_whole / rows:.1f} | "
              f"{whole / max(theirs_whole, 1):.2f} |")
    print("\n| table | kind | objects | images, KiB | records, KiB | ratio | share before | share now |\n| --- | --- | --- | --- | --- | --- | --- | --- |")
    for table in [one[0] for one in ids.values()] + ["(catalogs)"]:
        of_table = collections.defaultdict(lambda: [0, 0, 0])
        for (_, owner, kind), size in sizes.items():
            if ids.get(owner, ("(catalogs)", 0))[0] == table:
                for i in range(3):
                    of_table[kind][i] += size[i]
        images, records = sum(size[2] for size in of_table.values()), sum(size[1] for size in of_table.values())
        for kind, size in sorted(of_table.items()):
            print(f"| {table} | {KINDS[kind]} | {size[0]} | {size[2] / 1024:.0f} | {size[1] / 1024:.0f} | {size[1] / size[2]:.2f} | {100 * size[2] / images:.1f} % | {100 * size[1] / records:.1f} % |")


if __name__ == "__main__":
    sys.setrecursionlimit(10000)
    main()
