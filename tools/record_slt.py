#!/usr/bin/python3
"""Fills in (or refreshes) the expected results of tests/sql/*.slt from a running PostgreSQL 15.

usage: tools/record_slt.py "host=127.0.0.1 port=55432 user=postgres" FILE ...

A file is records separated by blank lines; the first line of a record says what it is:
  statement ok | statement error SQLSTATE | query [rowsort]
then the SQL, and for queries `----` and one line a row, columns separated by tabs, NULL as NULL; for errors `----` and the
message, DETAIL, HINT, POSITION and CONTEXT. COPY FROM STDIN has its data after a line `<<<<`. `# ...` lines are comments.

With --new, FILE is plain SQL instead (statements end with `;` at the end of a line, data of COPY with `\\.`) and becomes
FILE with the ending .slt.
"""
import io
import re
import sys

import psycopg2


def text(value):
    return "NULL" if value is None else value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def records(source):
    """(comments, kind, sql, data) of an .slt file."""
    for record in source.strip("\n").split("\n\n"):
        lines = record.split("\n")
        comments = [line for line in lines if line.startswith("#")]
        lines = [line for line in lines if not line.startswith("#")]
        sql, _, data = "\n".join(lines[1:]).split("\n----")[0].partition("\n<<<<")
        yield comments, lines[0] if lines else "", sql, data.lstrip("\n")


def statements(source):
    """The same of plain SQL."""
    lines, comments = source.split("\n"), []
    while lines:
        line = lines.pop(0)
        if line.startswith("--"):
            comments.append("#" + line[2:])
            continue
        if not line.strip():
            continue
        sql = [line]
        while not sql[-1].rstrip().endswith(";") and lines:
            sql.append(lines.pop(0))
        data = []
        if is_copy_in("\n".join(sql)):
            while lines and lines[0] != "\\.":
                data.append(lines.pop(0))
            lines[:1] = []
        yield comments, "", "\n".join(sql).rstrip()[:-1], "\n".join(data)
        comments = []


def is_copy_in(sql):
    return re.match(r"(?is)\s*copy\b.*\bfrom\s+stdin\b", sql)


def report(error):
    fields = [("", error.diag.message_primary), ("DETAIL: ", error.diag.message_detail), ("HINT: ", error.diag.message_hint),
              ("POSITION: ", error.diag.statement_position), ("CONTEXT: ", error.diag.context)]
    return ["----"] + "\n".join(word + value.replace("\t", "\\t") for word, value in fields if value).split("\n")


def answer(cursor, kind, sql, data):
    """The record, without comments."""
    shown = [sql] + (["<<<<"] + ([data] if data else []) if is_copy_in(sql) else [])
    try:
        if is_copy_in(sql):
            cursor.copy_expert(sql, io.StringIO(data + "\n" if data else ""))
            return ["statement ok"] + shown
        if re.match(r"(?is)\s*copy\b.*\bto\s+stdout\b", sql):
            out = io.StringIO()
            cursor.copy_expert(sql, out)
            return ["query"] + shown + ["----"] + [text(line) for line in out.getvalue().split("\n")[:-1]]
        cursor.execute(sql)
        if cursor.description is None:
            return ["statement ok"] + shown
        printed = ["\t".join(text(value) for value in row) for row in cursor.fetchall()]
        if "rowsort" in kind or (kind == "" and len(printed) > 1 and "order by" not in sql.lower()):
            return ["query rowsort"] + shown + ["----"] + sorted(printed)
        return ["query"] + shown + ["----"] + printed
    except psycopg2.Error as error:
        return [f"statement error {error.pgcode}"] + shown + report(error)


def main():
    arguments = [argument for argument in sys.argv[1:] if argument != "--new"]
    is_new = len(arguments) + 1 != len(sys.argv)
    dsn, files = arguments[0], arguments[1:]
    for name in files:
        admin = psycopg2.connect(dsn + " dbname=postgres")
        admin.autocommit = True
        admin.cursor().execute("DROP DATABASE IF EXISTS spg_record")
        admin.cursor().execute("CREATE DATABASE spg_record")
        connection = psycopg2.connect(dsn + " dbname=spg_record")
        connection.autocommit = True
        for oid in list(psycopg2.extensions.string_types):  # everything as the server prints it
            if oid not in (0,):
                psycopg2.extensions.register_type(psycopg2.extensions.new_type((oid,), "TEXT", lambda v, c: v), connection)
        cursor = connection.cursor()
        out = []
        source = open(name).read()
        for comments, kind, sql, data in statements(source) if is_new else records(source):
            out.append("\n".join(comments + (answer(cursor, kind, sql, data) if sql else [])))
        connection.close()
        open(name.rsplit(".", 1)[0] + ".slt" if is_new else name, "w").write("\n\n".join(out) + "\n")


main()
