#!/usr/bin/python3
"""Runs examples/debian-packages on SPG and on PostgreSQL 15 by psql and compares every result, byte for byte."""
import difflib
import sys
import tempfile

from support import ROOT, Server, psql, reference, unpack_debian

EXAMPLE = ROOT / "examples/debian-packages"


def run(dsn, folder):
    psql(dsn, "-f", str(EXAMPLE / "schema.sql"))
    psql(dsn, "-f", str(EXAMPLE / "load.sql"), cwd=folder)
    return psql(dsn, "-a", "-f", str(EXAMPLE / "queries.sql")).stdout


def main():
    with tempfile.TemporaryDirectory() as folder, Server() as server:
        unpack_debian(folder)
        mine = run(server.dsn(), folder)
        psql(reference(), "-c", "DROP DATABASE IF EXISTS spg_example", "-c", "CREATE DATABASE spg_example")
        theirs = run(reference().replace("dbname=postgres", "dbname=spg_example"), folder)
        if mine != theirs:
            sys.stdout.writelines(difflib.unified_diff(theirs.splitlines(True), mine.splitlines(True), "PostgreSQL", "SPG"))
            sys.exit("results differ")
        print(f"{len(mine.splitlines())} lines of results are the same")


main()
