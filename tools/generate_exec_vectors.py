#!/usr/bin/python3
"""Asks the reference PostgreSQL (shared/tools/refpg) what the functions of src/exec/functions_*.cpp return, and writes
tests/vectors/exec/<module>.tsv.

usage: tools/generate_exec_vectors.py [module ...]      (fixed seed: the same server gives the same files)
A line: function OID, result type OID, argument type OIDs (comma), the arguments, expected; tab-separated, backslash
escapes as in COPY, \\N for NULL. The expected field of an error is "!" SQLSTATE " " message.
"""
import os, random, re, sys, zlib
import psycopg2

DSN = os.environ.get("SPG_REFPG_DSN", "host=127.0.0.1 port=55432 user=postgres dbname=postgres")
ROOT = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..")
connection = psycopg2.connect(DSN)
connection.autocommit = True
cursor = connection.cursor()
for setting in ("timezone = 'UTC'", "datestyle = 'ISO, MDY'", "intervalstyle = 'postgres'", "bytea_output = 'hex'", "statement_timeout = '2s'"):
    cursor.execute("set " + setting)

SAMPLES = {
    "bool": ["t", "f"],
    "int2": ["0", "1", "-1", "7", "-32768", "32767", "200"],
    "int4": ["0", "1", "-1", "3", "10", "-7", "2147483647", "-2147483648", "65536"],
    "int8": ["0", "1", "-1", "3", "1000000007", "-9223372036854775808", "9223372036854775807", "4294967296"],
    "float4": ["0", "1", "-1.5", "0.1", "3e38", "1e-40", "NaN", "Infinity", "123456.7"],
    "float8": ["0", "1", "-1", "0.5", "-2.5", "2.5", "30", "60", "45", "-90", "1e308", "1e-308", "NaN", "Infinity", "-Infinity", "123456789.125", "1e10"],
    "numeric": ["0", "1", "-1", "0.5", "-2.5", "2.50", "1234567890.123456789", "-0.0001", "99999999999999999999", "NaN", "Infinity", "10"],
    "text": ["", "a", "abc", "  abc xyz  ", "ABC", "h\u00e9llo w\u00f6rld", "a%b_c", "%b%", "a\\", "long enough to be out of line, certainly", "aXbXc", "X", "day", "hour", "month", "10", "base64", "hex", "UTF8"],
    "varchar": ["", "abc", "abc   ", "h\u00e9llo w\u00f6rld"],
    "bpchar": ["", "abc", "abc   ", "abd"],
    "name": ["", "abc", "Abc", "pg_class", "select"],
    "bytea": ["", "\\x00", "\\x616263", "\\xdeadbeef00ff", "\\x616263646566676869"],
    "char": ["", "a", "z", "0"],
    "oid": ["0", "1", "1259", "4294967295"],
    "date": ["2000-01-01", "1999-12-31", "2024-02-29", "0044-03-15 BC", "infinity", "-infinity", "5874897-12-31"],
    "time": ["00:00:00", "12:34:56.789", "23:59:59.999999", "24:00:00"],
    "timetz": ["00:00:00+00", "12:34:56.789+02", "23:59:59-05:30"],
    "timestamp": ["2000-01-01 00:00:00", "2024-02-29 12:34:56.789012", "1969-07-20 20:17:40", "infinity", "-infinity", "0044-03-15 12:00:00 BC", "294276-12-31 23:59:59"],
    "timestamptz": ["2000-01-01 00:00:00+00", "2024-02-29 12:34:56.789012+00", "1969-07-20 20:17:40+00", "infinity", "-infinity"],
    "interval": ["0", "1 day", "-1 mon 3 days 04:05:06.789", "1 year 2 mons", "36:00:00", "-00:00:01", "100 years"],
    "uuid": ["00000000-0000-0000-0000-000000000000", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "ffffffff-ffff-ffff-ffff-ffffffffffff"],
    "_int4": ["{}", "{1,2,3}", "{1,NULL,3}", "{{1,2},{3,4}}", "[2:4]={7,8,9}", "{3}"],
    "_text": ["{}", "{a,b,c}", "{a,NULL,\"x y\"}", "{{a,b},{c,d}}"],
}
POLYMORPHIC = {"anyarray": "_int4", "anyelement": "int4", "anynonarray": "int4", "anycompatiblearray": "_int4", "anycompatible": "int4", "any": "int4"}
FIELDS = ["year", "month", "day", "hour", "minute", "second", "epoch", "dow", "isodow", "doy", "week", "quarter", "century", "decade", "millennium", "microseconds", "nope", "isoyear", "julian", "timezone"]
ZONES = ["UTC", "EST", "+02", "nowhere"]
SKIP = {"random", "gen_random_uuid", "now", "clock_timestamp", "statement_timestamp", "transaction_timestamp", "timeofday", "version", "pg_backend_pid",
        "hashtext", "obj_description", "regclass", "convert_from", "convert_to",
        "btint2cmp", "bttextcmp", "btnamecmp", "byteacmp", "uuid_cmp", "bpcharcmp"}  # only their sign is defined, or what they need a catalog for


TEXTS = ["", "abc", "aaa", "foobar baz", "Hello World", "pg_class", "a1b22c333", "x=1, y=22", "line1\nline2", "h\u00e9llo", "a.b.c", "((a))"]
PATTERNS = ["", "a", "^a", "c$", "a+", "(a)(b)?", "^(pg_class)$", "[0-9]+", "\\d+", "\\w+", "\\s", "[[:alpha:]]+", "[^a-z]+", "o{2}", "a{1,2}", "(foo)(bar)",
            "b|l", "(l+)(o)", ".", "\\mW", "\\.", "x*", "a??", "l.*o", "h.llo", "[", "(", ")", "*a", "a{2,1}", "a\\", "\\yb", "[a-]", "[]a]", "(?i)hello", "e.l{2}o$", "^$", "a**"]
REPLACEMENTS = ["", "X", "[\\1]", "<\\&>", "\\2\\1", "a\\\\b"]
FLAGS = ["", "g", "i", "gi", "n", "x", "zz"]
module_now = None


def escape(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def ask(name, types, values):
    arguments = ", ".join("%s::" + ('"char"' if t == "char" else t) for t in types)
    try:
        cursor.execute('select v is null, format(\'%%s\', v) from (select pg_catalog."' + name + '"(' + arguments + ') as v) q', values)
        null, text = cursor.fetchone()
        return None if null else text
    except psycopg2.Error as error:
        return "!" + error.pgcode + " " + error.diag.message_primary


def arguments_of(rng, name, types, i):
    values = []
    for position, t in enumerate(types):
        samples = SAMPLES[t]
        if position == 0 and t == "text" and name in ("date_part", "extract", "date_trunc"):
            samples = FIELDS
        elif t == "text" and name == "timezone" or (name == "date_trunc" and position == 2):
            samples = ZONES
        elif name in ("repeat", "lpad", "rpad") and t == "int4":
            samples = ["0", "1", "3", "10", "-1"]
        elif name in ("round", "trunc") and t == "int4":
            samples = ["0", "1", "2", "-1", "-3", "5"]
        elif name in ("chr",):
            samples = ["0", "65", "233", "8364", "55296", "1114111", "1114112", "-1"]
        elif name == "age":
            samples = [s for s in samples if "infinity" not in s]  # PostgreSQL 15 computes with the sentinel values
        elif module_now == "pattern" and t in ("text", "name"):
            samples = [TEXTS, PATTERNS, REPLACEMENTS if "replace" in name else FLAGS, FLAGS][position]
            if name.startswith("similar"):
                samples = [["a%b_c", "(ab|c)%", "[a.c]_", "a\\%b", "a.b", ""], ["\\", "#", ""]][position]
        elif name == "format_type":
            samples = [["16", "21", "23", "25", "1042", "1043", "1082", "1114", "1184", "1186", "1700", "1007", "1015", "18", "0", "999999"],
                       ["-1", "14", "655366", "3", "196612"]][position]
        elif name.startswith("make_"):
            samples = {"int4": ["0", "1", "-1", "2", "5", "12", "13", "31", "59", "2024", "23"], "float8": ["0", "1.5", "59.999999", "61", "30"]}.get(t, ZONES)
        elif name == "date_bin":
            samples = [s for s in samples if "BC" not in s]  # PostgreSQL 15 lets the difference run over
        elif name == "array_fill":
            samples = ["{2}", "{}", "{2,2}", "{0}"] if t == "_int4" else samples
        elif name in ("numeric", "timestamp", "timestamptz", "time", "timetz", "interval", "varchar", "bpchar") and t == "int4":
            samples = {"numeric": ["-1", "196612", "655366", "327685"], "interval": ["-1", "2147418114", "458751"],
                       "varchar": ["-1", "7", "5", "14"], "bpchar": ["-1", "7", "5", "14"]}.get(name, ["-1", "0", "3", "6"])
        elif name in ("power", "pow", "exp", "factorial", "dexp", "numeric_power", "numeric_exp") and t == "numeric":
            samples = ["0", "1", "-1", "0.5", "-2.5", "2.50", "3", "NaN", "Infinity", "12.34"]
        elif name in ("factorial", "numeric_fac"):
            samples = ["0", "1", "5", "20", "-1", "30"]
        values.append(None if i % 11 == 10 else samples[i % len(samples)] if len(types) == 1 else rng.choice(samples))
    return values


def rows_of(module):
    source = open(os.path.join(ROOT, "src/exec/functions_%s.cpp" % module)).read()
    header = open(os.path.join(ROOT, "src/exec/proc_oids.hpp")).read()
    oids = set()
    macros = dict(re.findall(r"#define (SPG_\w+)\(prefix.*?\n((?:.*\\\n)*.*)", source))
    for name, numbers in re.findall(r"uint16_t (\w+)\[\] = \{([^}]*)\}", header):
        stem = any(re.search(m + r"\(" + p + r"[,)]", source) for m in macros for p in [name[:k] for k in range(3, len(name))])
        if re.search(r"proc::" + name + r"\b", source) or stem:
            oids |= {int(n) for n in numbers.split(",")}
    cursor.execute("""select p.oid, proname, prorettype, array(select t::regtype::oid from unnest(proargtypes) t)::oid[],
        array(select typname from unnest(proargtypes) with ordinality as u(t, i) join pg_type on pg_type.oid = t order by i)::text[], provariadic
        from pg_proc p where p.oid = any(%s) and not proretset and prokind = 'f' order by p.oid""", [list(oids)])
    for oid, name, result, _, types, variadic in cursor.fetchall():
        if name in SKIP or not types or oid in (6179, 1386, 2059):  # subscripts; age() of today
            continue
        types = [POLYMORPHIC.get(t, t) for t in types]
        if variadic:
            types += types[-1:]
        if any(t not in SAMPLES for t in types):
            continue
        cursor.execute("select array(select oid::int from pg_type join unnest(%s) with ordinality u(n, i) on n = typname where typnamespace = 11 order by i)", [types])
        type_oids = cursor.fetchone()[0]
        cursor.execute("select typname from pg_type where oid = %s", [result])
        result_name = cursor.fetchone()[0]
        if result_name in POLYMORPHIC:
            cursor.execute("select oid from pg_type where typname = %s and typnamespace = 11", [POLYMORPHIC[result_name]])
            result = cursor.fetchone()[0]
        rng = random.Random(zlib.crc32(str(oid).encode()))
        seen = set()
        for i in range(90 if module == "pattern" else 14 if len(types) > 1 else 24):
            values = arguments_of(rng, name, types, i)
            if tuple(values) in seen or (i >= 10 and types == ["bool", "bool"]):
                continue
            seen.add(tuple(values))
            yield [str(oid), str(result), ",".join(map(str, type_oids))] + [escape(v) for v in values] + [escape(ask(name, types, values))]


for module in sys.argv[1:] or ["core", "text", "numeric", "datetime", "array", "pattern"]:
    module_now = module
    with open(os.path.join(ROOT, "tests/vectors/exec", module + ".tsv"), "w") as out:
        for row in rows_of(module):
            out.write("\t".join(row) + "\n")
