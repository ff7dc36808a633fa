#!/usr/bin/env python3
"""Writes tests/vectors/plan/bind.tsv from the reference PostgreSQL: for each statement of tests/vectors/plan/statements.sql
either `ok<TAB>name:type-oid:typmod ...` of the result's columns, or `SQLSTATE<TAB>position<TAB>message<TAB>hint`; last the
statement. Usage: generate_plan_vectors.py (the reference server must run: tools/refpg start)."""
import os, re, subprocess, sys
root = os.path.join(os.path.dirname(os.path.abspath(__file__)), '..', 'tests', 'vectors', 'plan')
dsn = ['-h', '127.0.0.1', '-p', '55432', '-U', 'postgres', '-X', '-q', '-d']
schema = '''create table t (a int primary key, b text, c numeric(10,2), d timestamp, e varchar(10), f bool, g float8, h bigint default 7);
create index on t(b); create index on t(h, a);
create table u (id bigint primary key, a int, name text not null, tags text[], day date default now());
create index on u(a); create table v (x int, y int, z interval);'''
subprocess.run(['psql', *dsn, 'postgres', '-c', 'drop database if exists plan_vectors', '-c', 'create database plan_vectors'], check=True)
subprocess.run(['psql', *dsn, 'plan_vectors', '-c', schema], check=True)
out = []
for line in open(os.path.join(root, 'statements.sql')):
    text = line.rstrip('\n')
    if not text or text.startswith('--'): continue
    probe = text.replace("'", "''")
    script = "\\set VERBOSITY verbose\n" + text + " \\gdesc\n"
    done = subprocess.run(['psql', *dsn, 'plan_vectors', '-A', '-t', '-F', '\t'], input=script, capture_output=True, text=True)
    if 'ERROR:' in done.stderr:
        head = re.search(r'ERROR:\s+(\w{5}): (.*)', done.stderr)
        hint = re.search(r'HINT:\s+(.*)', done.stderr)
        line_at = re.search(r'LINE 1: (.*)\n(\s*)\^', done.stderr)
        position = 0
        if line_at:
            shown, caret = line_at.group(1), len(line_at.group(2)) - len('LINE 1: ')
            # psql cuts long lines; it marks that with dots.
            piece = shown
            if piece.startswith('...'):
                body = piece[3:].removesuffix('...')
                position = text.index(body) + caret - 3 + 1
            else:
                position = caret + 1
        out.append('\t'.join([head.group(1), str(position), head.group(2), hint.group(1) if hint else '', text]))
    else:
        columns = [l.split('\t') for l in done.stdout.strip('\n').split('\n') if l and not l.startswith('The command has no result')]
        out.append('\t'.join(['ok', ','.join(c[0] + ':' + c[1] for c in columns), '', '', text]))
open(os.path.join(root, 'bind.tsv'), 'w').write('\n'.join(out) + '\n')
print(len(out), 'statements')
