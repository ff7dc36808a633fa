#!/usr/bin/python3
"""psql's backslash commands on one schema, on SPG and on PostgreSQL 15: every output must be the same.

Also the queries that psql's tab completion sends. The superuser is called alike on both sides; sizes and the database's
name are masked. Not asked, since they must differ: the owner of schema public, extensions and languages (there is no
plpgsql), and the collation of databases.
"""
import difflib
import re
import sys

from support import Server, psql, reference

DATABASE = "spg_meta"

SCHEMA = """
CREATE TABLE customer (
  id int PRIMARY KEY, code varchar(10) NOT NULL UNIQUE, name text DEFAULT 'x''y', grade char(3), balance numeric(12,2) DEFAULT 0,
  rate numeric, since date DEFAULT '2020-01-01', at time, at3 time(3), ts timestamp, tz timestamptz, i interval, u uuid,
  small smallint, big bigint, f4 real, f8 double precision, ok boolean NOT NULL DEFAULT true, raw bytea);
CREATE TABLE line (customer int NOT NULL, n int NOT NULL, item text, amount numeric(10,3) DEFAULT 1 + 2, PRIMARY KEY (customer, n));
CREATE INDEX line_item ON line (item);
CREATE INDEX line_item_desc ON line (item DESC NULLS LAST, n);
CREATE UNIQUE INDEX line_amount ON line (amount);
CREATE TABLE bare ();
CREATE TABLE plain (a int, "Mixed Case" text, "select" int);
CREATE TABLE later (a int);
ALTER TABLE later ADD COLUMN b text NOT NULL DEFAULT 'b';
ALTER TABLE later ADD PRIMARY KEY (a);
CREATE VIEW rich AS SELECT id, name, balance * 2 AS twice FROM customer WHERE balance > 100 AND grade IN ('a', 'b');
CREATE VIEW checked WITH (security_barrier) AS SELECT c.code, l.item FROM customer c JOIN line l ON l.customer = c.id;
CREATE VIEW "Odd View" AS SELECT customer, count(*) AS n, max(item) AS item FROM line GROUP BY customer ORDER BY 2 DESC;
CREATE VIEW limited AS SELECT a FROM plain WHERE a > 0 WITH LOCAL CHECK OPTION;
ALTER VIEW limited ALTER COLUMN a SET DEFAULT 5;
COMMENT ON VIEW rich IS 'those with money';
COMMENT ON COLUMN rich.twice IS 'twice as much';
"""

COMMANDS = r"""
\d
\dt
\di
\dt+
\di+
\d+
\dt customer
\dt c*
\dt nothing
\d customer
\d line
\d bare
\d plain
\d later
\dv
\dv+
\dv r*
\d rich
\d checked
\d "Odd View"
\d limited
\d+ rich
\d+ checked
\d+ "Odd View"
\d+ limited
\sv rich
\sv+ checked
\sv "Odd View"
\sv limited
\dd rich
\d+ customer
\d+ line
\d+ plain
\d customer_pkey
\d line_item
\d line_item_desc
\d+ line_amount
\d+ line_pkey
\d nothing
\d public.line
\d l*
\dn nothing
\dn+ pg_catalog
\dnS info*
\df
\df lower
\df+ lower
\df abs
\df int4*
\df *pad
\da sum
\da count
\dT
\dT int4
\dT numeric
\dT+ text
\dTS bool
\dC+ date
\do =
\do+ ||
\dx nothing
\dv
\dv+
\ds
\dm
\dE
\dp
\dp line
\z
\ddp
\du+ postgres
\dg
\db
\dD
\dO+
\dc
\dd
\dF
\dFd
\dL nothing
\dy
\dRp
\dRs
\dX
\det
\des
\dew
\drds
\dl
\dAc btree int*
\dA
\dAf btree integer_ops
\dS pg_class
\d pg_class
\d pg_attribute
\d pg_type
\dtS pg_cl*
\dvS pg_t*
\d pg_tables
\encoding
\sf nothing
\sf abs(int4)
\conninfo
\l nothing
\dconfig work_mem
\dP
\sv nothing
\lo_list
"""

# What psql 15 asks when TAB is pressed (taken from a server's log). Their order is nobody's.
COMPLETIONS = [
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND (c.relname) LIKE 'cu%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'cu%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE (c.relname) LIKE 'cu%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'cu%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE (c.relname) LIKE 'li%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'li%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'f', 'v', 'p') AND (c.relname) LIKE 'li%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'li%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT a.attname, NULL::pg_catalog.text FROM pg_catalog.pg_attribute a, pg_catalog.pg_class c WHERE c.oid = a.attrelid and a.attnum > 0 and not a.attisdropped AND (a.attname) LIKE 'it%' AND c.relname = 'line' AND pg_catalog.pg_table_is_visible(c.oid)
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'f', 'v', 'p') AND (c.relname) LIKE 'cu%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'cu%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p') AND (c.relname) LIKE 'cu%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'cu%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('i', 'I') AND (c.relname) LIKE 'li%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'li%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'm') AND (c.relname) LIKE 'li%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'li%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT con.conname, NULL::pg_catalog.text FROM pg_catalog.pg_constraint con, pg_catalog.pg_class c1 WHERE con.conrelid=c1.oid AND (con.conname) LIKE 'li%' AND c1.relname = 'line' AND pg_catalog.pg_table_is_visible(c1.oid)
LIMIT 1000""",
    r"""SELECT p.proname, NULL::pg_catalog.text FROM pg_catalog.pg_proc p WHERE (p.proname) LIKE 'low%' AND pg_catalog.pg_function_is_visible(p.oid)
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'low%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT t.typname, NULL::pg_catalog.text FROM pg_catalog.pg_type t WHERE (t.typrelid = 0  OR (SELECT c.relkind = 'c'     FROM pg_catalog.pg_class c WHERE c.oid = t.typrelid)) AND t.typname !~ '^_' AND (t.typname) LIKE 'num%' AND pg_catalog.pg_type_is_visible(t.oid)
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'num%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT rolname    FROM pg_catalog.pg_roles   WHERE rolname LIKE 'po%'
LIMIT 1000""",
    r"""SELECT nspname FROM pg_catalog.pg_namespace  WHERE nspname LIKE 'pub%'
LIMIT 1000""",
    r"""SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings  WHERE context IN ('user', 'superuser')    AND pg_catalog.lower(name) LIKE pg_catalog.lower('work\_m%')
LIMIT 1000""",
    r"""SELECT pg_catalog.lower(name) FROM pg_catalog.pg_settings  WHERE pg_catalog.lower(name) LIKE pg_catalog.lower('work\_m%')
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p', 'm', 'f') AND (c.relname) LIKE 'li%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'li%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
    r"""SELECT c.relname, n.nspname FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND (c.relname) LIKE 'cu%' AND n.nspname = 'public'
LIMIT 1000""",
    r"""SELECT c.relname, n.nspname FROM pg_catalog.pg_class c, pg_catalog.pg_namespace n WHERE c.relnamespace = n.oid AND c.relkind IN ('r', 'S', 'v', 'm', 'f', 'p') AND (c.relname) LIKE 'pg\_cl%' AND n.nspname = 'pg_catalog'
LIMIT 1000""",
    r"""SELECT name    FROM pg_catalog.pg_prepared_statements   WHERE name LIKE '%'
LIMIT 1000""",
    r"""SELECT c.relname, NULL::pg_catalog.text FROM pg_catalog.pg_class c WHERE c.relkind IN ('r', 'p') AND (c.relname) LIKE 'li%' AND pg_catalog.pg_table_is_visible(c.oid) AND c.relnamespace <> (SELECT oid FROM pg_catalog.pg_namespace WHERE nspname = 'pg_catalog')
UNION ALL
SELECT NULL::pg_catalog.text, n.nspname FROM pg_catalog.pg_namespace n WHERE n.nspname LIKE 'li%' AND n.nspname NOT LIKE E'pg\\_%'
LIMIT 1000""",
]


def run(dsn, command):
    done = psql(dsn, "-c", command, check=False)
    return done.stdout + done.stderr


def masked(text):
    """Without sizes, and so without the widths of their columns."""
    text = re.sub(r'(connected to database) .*', r"\1", text)
    text = re.sub(r"\b\d+ (bytes|kB)\b", "SIZE", text)
    return re.sub(r"-{2,}", "--", re.sub(r" +", " ", text)) if "SIZE" in text else text


def main():
    psql(reference(), "-c", f"DROP DATABASE IF EXISTS {DATABASE}", "-c", f"CREATE DATABASE {DATABASE}")
    theirs = reference().replace("dbname=postgres", f"dbname={DATABASE}")
    failed = 0
    with Server(SPG_SUPERUSER="postgres", SPG_SUPERUSER_PASSWORD="meta") as server:
        mine = server.dsn().replace("bench", "postgres").replace("password=postgres", "password=meta")
        for dsn in (theirs, mine):
            psql(dsn, "-c", SCHEMA)
        commands = COMMANDS.strip().split("\n") + COMPLETIONS
        for command in commands:
            wanted, got = masked(run(theirs, command)), masked(run(mine, command))
            if command in COMPLETIONS:
                wanted, got = ("\n".join(sorted(text.split("\n"))) for text in (wanted, got))
            if wanted != got:
                failed += 1
                print(f"--- {command}")
                sys.stdout.writelines(difflib.unified_diff(wanted.splitlines(True), got.splitlines(True), "PostgreSQL", "SPG"))
    if failed:
        sys.exit(f"{failed} of {len(commands)} commands differ")
    print(f"{len(commands)} commands print the same")


main()
