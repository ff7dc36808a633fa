#!/usr/bin/python3
"""Fills in (or refreshes) the expected results of tests/sql/*.slt from a running PostgreSQL 15.

usage: tools/record_slt.py "host=127.0.0.1 port=55432 user=postgres" FILE ...

A file is records separated by blank lines; the first line of a record says what it is:
  statement ok | statement error SQLSTATE | query [rowsort]
then the SQL, and for queries `----` and one line a row, columns separated by tabs, NULL as NULL. `# ...` lines are comments.
"""
import sys

import psycopg2


def text(value):
    return "NULL" if value is None else value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n")


def main():
    dsn, files = sys.argv[1], sys.argv[2:]
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
        for record in open(name).read().strip("\n").split("\n\n"):
            lines = record.split("\n")
            comments = [line for line in lines if line.startswith("#")]
            lines = [line for line in lines if not line.startswith("#")]
            if not lines:
                out.append("\n".join(comments))
                continue
            kind = lines[0]
            sql = "\n".join(lines[1:]).split("\n----")[0]
            try:
                cursor.execute(sql)
                rows = cursor.fetchall() if cursor.description else None
                if rows is None:
                    out.append("\n".join(comments + ["statement ok", sql]))
                else:
                    sort = " rowsort" if "rowsort" in kind else ""
                    printed = ["\t".join(text(v) for v in row) for row in rows]
                    if sort:
                        printed.sort()
                    out.append("\n".join(comments + ["query" + sort, sql, "----"] + printed))
            except psycopg2.Error as error:
                out.append("\n".join(comments + [f"statement error {error.pgcode}", sql]))
        connection.close()
        open(name, "w").write("\n\n".join(out) + "\n")


main()
