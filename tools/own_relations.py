"""SPG's own system views, which tools/generate_catalog.py adds to PostgreSQL's.

Each is (OID, name, comment, columns); a column is (name, type, comment). The OID is the view's; the next ones are those of its row
type, the array of that, and its rule. PostgreSQL leaves 8000 to 9999 to the developers of patches: no release uses them.
"""
OWN_RELATIONS = [
    (9000, "spg_stat_activity", "statistics: what each session is doing, how far it has come, and what it takes", [
        ("pid", "int4", "process ID of the session, as in pg_stat_activity"),
        ("datid", "oid", None),
        ("datname", "name", None),
        ("usename", "name", None),
        ("state", "text", None),
        ("wait_event_type", "text", None),
        ("wait_event", "text", None),
        ("command", "text", "the statement's command tag"),
        ("phase", "text", "what a long statement is at"),
        ("rows_done", "int8", "rows that a long statement has handled"),
        ("rows_expected", "int8", "rows that it is to handle, when that is known"),
        ("memory_bytes", "int8", "memory of the session's statements, portals and caches"),
        ("spilled_bytes", "int8", "bytes of the transaction that lie in scratch files"),
        ("statements", "int8", "statements that the session has ended"),
        ("query_start", "timestamptz", None),
        ("query", "text", None),
    ]),
    (9010, "spg_stat_tables", "statistics: where the rows of each table lie, and how large they are there", [
        ("relid", "oid", None),
        ("schemaname", "name", None),
        ("relname", "name", None),
        ("rows", "int8", None),
        ("rows_hot", "int8", "rows of blocks that are in memory only, in part at least"),
        ("rows_clean", "int8", "rows of blocks that are in memory and on disk"),
        ("rows_cold", "int8", "rows of blocks whose header is on disk only"),
        ("bytes_hot", "int8", "in memory only: bytes there"),
        ("bytes_clean", "int8", "in memory and on disk: bytes on disk"),
        ("bytes_cold", "int8", "on disk only: bytes there, without those below cold blocks"),
        ("index_bytes_hot", "int8", None),
        ("index_bytes_clean", "int8", None),
        ("index_bytes_cold", "int8", None),
    ]),
    (9020, "spg_metrics", "statistics: figures of the whole server, for monitoring systems", [
        ("name", "text", "of counters: ends in _total"),
        ("value", "float8", None),
        ("unit", "text", None),
        ("description", "text", None),
    ]),
]


def create(execute):
    """Makes the views, with OIDs as they come."""
    execute("set allow_system_table_mods = on")
    for _, name, comment, columns in OWN_RELATIONS:
        execute("create view pg_catalog.%s as select %s" % (name, ", ".join('null::%s as "%s"' % (c[1], c[0]) for c in columns)))
        execute("grant select on pg_catalog.%s to public" % name)
        execute("comment on view pg_catalog.%s is '%s'" % (name, comment))
        for column, _, text in columns:
            if text is not None:
                execute("comment on column pg_catalog.%s.%s is '%s'" % (name, column, text.replace("'", "''")))


def renumber(query, execute):
    """Gives the views their OIDs. In another connection, which has not cached them; they cannot be used afterwards."""
    execute("set allow_system_table_mods = on")
    for oid, name, _, _ in OWN_RELATIONS:
        (old, row_type, array), = query(f"""select c.oid, t.oid, t.typarray from pg_class c join pg_type t on t.oid = c.reltype
            where c.relname = '{name}' and c.relnamespace = 11""")
        execute(f"update pg_description set objoid = {oid} where objoid = {old} and classoid = 1259")
        execute(f"update pg_attribute set attrelid = {oid}, attoptions = null where attrelid = {old}")
        execute(f"update pg_rewrite set oid = {oid + 3}, ev_class = {oid} where ev_class = {old}")
        execute(f"update pg_type set oid = {oid + 2}, typelem = {oid + 1} where oid = {array}")
        execute(f"update pg_type set oid = {oid + 1}, typarray = {oid + 2}, typrelid = {oid} where oid = {row_type}")
        execute(f"update pg_class set oid = {oid}, reltype = {oid + 1} where oid = {old}")
