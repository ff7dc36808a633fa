#!/usr/bin/python3
"""Queries whose first read meets cold objects move from their reactor to a worker; their answers must arrive whole. Several
clients ask for tables that nobody has touched since the start, over and over. usage: cold.py [STARTS]"""
import sys
import threading

import psycopg2

from support import Server

STARTS = int(sys.argv[1]) if len(sys.argv) > 1 else 8
TABLES, CLIENTS, ROWS = 24, 8, 40


def ask(dsn, number, errors):
    try:
        connection = psycopg2.connect(dsn)
        cursor = connection.cursor()
        for i in range(TABLES):
            table = (i + number * TABLES // CLIENTS) % TABLES
            cursor.execute(f"SELECT id, note FROM cold_{table} WHERE id >= 0 ORDER BY id")
            rows = cursor.fetchall()
            assert rows == [(n, f"note {table} {n}") for n in range(ROWS)], f"table {table}: {rows}"
        connection.close()
    except Exception as error:
        errors.append(error)


def main():
    server = Server().start()
    connection = psycopg2.connect(server.dsn())
    connection.autocommit = True
    cursor = connection.cursor()
    for table in range(TABLES):
        cursor.execute(f"CREATE TABLE cold_{table} (id int PRIMARY KEY, note text)")
        cursor.execute(f"INSERT INTO cold_{table} SELECT g, 'note {table} ' || g FROM generate_series(0, {ROWS - 1}) g")
    connection.close()
    for _ in range(STARTS):
        server.stop()
        server.start()
        errors = []
        clients = [threading.Thread(target=ask, args=(server.dsn(), n, errors)) for n in range(CLIENTS)]
        for client in clients:
            client.start()
        for client in clients:
            client.join()
        if errors:
            raise errors[0]
    server.stop()
    print(f"{STARTS} starts, {CLIENTS} clients, {TABLES} tables")


main()
