#!/usr/bin/env python3
"""Writes tests/vectors/sql/errors.tsv: broken statements with the SQLSTATE, message and position of PostgreSQL 15's grammar.

usage: tools/generate_parse_vectors.py [COUNT]     (needs `refpg start`; seed fixed, statements mutated from good.sql)
Columns: SQLSTATE (empty when the mutant is still good), position, message, statement; \\t \\n \\\\ escaped.
"""
import pathlib
import random
import re
import sys

from parse_oracle import Oracle

ROOT = pathlib.Path(__file__).resolve().parent.parent / "tests/vectors/sql"
TOKENS = re.compile(r"[A-Za-z_][\w$]*|\d+(?:\.\d+)?|'(?:[^']|'')*'|\"[^\"]*\"|\s+|::|<=|>=|<>|=>|:=|.", re.S)
JUNK = ["'", '"', "(", ")", ",", ";", ".", "::", "select", "from", "not", "null", "as", "1", "x", "$1", "/*", "--", "e'\\u12'",
        "0x1", "1e", "$$", "'a' 'b'", "in", "is", "[", "]", "*", "=", "order by", "limit", "with", "on", "default", "\u00e9", "@-",
        "u&'\\00'", "1a", "$2b", "values", "all", "set", "to", "table", "b''", "similar", "between", "cast", "%", "interval",
        "\"\"", "collate", "and", "union", "lateral", "array", "row", "only", "using", "{", "\\"]


def mutate(statement, rng):
    tokens = TOKENS.findall(statement)
    for _ in range(rng.choice([1, 1, 1, 2])):
        words = [i for i, token in enumerate(tokens) if not token.isspace()]
        if not words:
            break
        i = rng.choice(words)
        kind = rng.randrange(6)
        if kind == 0:
            del tokens[i]
        elif kind == 1:
            tokens.insert(i, " " + rng.choice(JUNK) + " ")
        elif kind == 2:
            tokens[i] = rng.choice(JUNK)
        elif kind == 3:
            j = rng.choice(words)
            tokens[i], tokens[j] = tokens[j], tokens[i]
        elif kind == 4:
            tokens = tokens[:i + 1]
        else:
            tokens.insert(i, tokens[i] + " ")
    return "".join(tokens)


def main():
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 1500
    rng = random.Random(20261120)
    good = [part for line in (ROOT / "good.sql").read_text().splitlines() for part in
            ([line] if "$$" in line or "'" in line or "atomic" in line or " do instead" in line else line.split("; "))]
    good = [line if len(line) < 160 else line for line in good if line]
    oracle, rows, seen = Oracle(), [], set()

    def escape(text):
        return text.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")

    size = 0
    while len(rows) < count and size < 290_000:
        statement = mutate(rng.choice(good), rng)
        if statement in seen or "\0" in statement:
            continue
        seen.add(statement)
        code, message, position = oracle.check(statement)
        if code not in ("", "42601", "22025", "22P06", "22021", "42P20", "42622"):
            continue
        if code == "" and rng.random() < 0.7:
            continue
        if len(statement) > 200 and rng.random() < 0.6:
            continue
        rows.append(f"{code}\t{position}\t{escape(message)}\t{escape(statement)}\n")
        size += len(rows[-1].encode())
    (ROOT / "errors.tsv").write_text("".join(rows))


main()
