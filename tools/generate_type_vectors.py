#!/usr/bin/python3
"""Asks the reference PostgreSQL (shared/tools/refpg) for results and writes tests/vectors/type/*.tsv.

usage: tools/generate_type_vectors.py [topic ...]      (fixed seed: the same server gives the same files)
A line: function, arguments, expected; tab-separated, backslash escapes as in COPY, \\N for NULL. The expected field of an
error is "!" SQLSTATE " " message.
"""
import os, random, sys
import psycopg2

DSN = os.environ.get("SPG_REFPG_DSN", "host=127.0.0.1 port=55432 user=postgres dbname=postgres")
HERE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "tests", "vectors", "type")
connection = psycopg2.connect(DSN)
connection.autocommit = True
cursor = connection.cursor()


def escape(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def ask(sql, values):
    try:
        cursor.execute("select (" + sql + ")::text", values)
        return cursor.fetchone()[0]
    except psycopg2.Error as error:
        return "!" + error.pgcode + " " + error.diag.message_primary


def write(topic, rows):
    """rows: (function name, sql with %s for each argument, arguments)"""
    seen = set()
    with open(os.path.join(HERE, topic + ".tsv"), "w") as out:
        for name, sql, values in rows:
            line = "\t".join([name] + [escape(v) for v in values])
            if line in seen:
                continue
            seen.add(line)
            out.write(line + "\t" + escape(ask(sql, values)) + "\n")


def numbers(rng):
    texts = ["0", "1", "-1", " 12 ", "+7", "", " ", "x", "1x", "1.0", "32767", "32768", "-32768", "-32769", "2147483647",
             "2147483648", "-2147483648", "-2147483649", "9223372036854775807", "9223372036854775808",
             "-9223372036854775808", "-9223372036854775809", "4294967295", "4294967296", "0x10", "1_000", "- 1", "--1",
             "99999999999999999999999", "\t5\n"]
    for t in texts:
        for typ in ("int2", "int4", "int8", "oid"):
            yield typ, "%s::" + typ, [t]
    floats = texts + ["nan", "NaN", "inf", "-inf", "Infinity", "-INFINITY", "+inf", "1e400", "-1e400", "1e-400", "1e39",
                      "1e-46", "1e-45", "1e-50", "4.9e-324", "2e-324", "2.2250738585072014e-308", "1e-310", "1.5e", ".5",
                      "5.", ".", "1e5", "1E+5", "1e15", "1e14", "123456789012345", "1234567890123456", "1e6", "999999",
                      "1000000", "0.0001", "0.00001", "0.1", "1e23", "9007199254740993", "33554433", "8.5e37", "-0",
                      "3.4028235e38", "3.4028236e38", "1.17549435e-38", "0e500", "0.0000", "1e0", "  1.5  ", "1.5 x"]
    for i in range(250):
        floats.append(repr(rng.uniform(-1, 1) * 10 ** rng.randint(-40, 40)))
        floats.append("%d%s" % (rng.randint(1, 99), "0" * rng.randint(0, 30)))
        floats.append("%.*f" % (rng.randint(0, 12), rng.uniform(-1e6, 1e6)))
        floats.append(repr(2.0 ** rng.randint(-140, 140)))
    for t in floats:
        for typ in ("float4", "float8"):
            yield typ, "%s::" + typ, [t]
    for t in ["t", "true", "TRUE", "tr", "f", "fal", "yes", "ye", "y", "n", "no", "on", "o", "of", "off", "1", "0", "2", "",
              " true ", "truex", "nope"]:
        yield "bool", "%s::bool", [t]


def random_numeric(rng):
    kind = rng.randint(0, 9)
    if kind == 0:
        return rng.choice(["0", "1", "-1", "0.0", "0.00", "10", "100", "10000", "9999", "0.5", "-0.5", "1.5", "2.5", "1e10",
                           "0.0001", "0.00001", "99999999", "1.0000", "12345678901234567890"])
    if kind == 1:
        return str(rng.randint(-10 ** rng.randint(1, 30), 10 ** rng.randint(1, 30)))
    whole, after = rng.randint(0, 10 if kind < 8 else 40), rng.randint(0, 10 if kind < 8 else 40)
    text = "".join(rng.choice("0123456789" if rng.random() < .8 else "09") for _ in range(whole)) or "0"
    if after:
        text += "." + "".join(rng.choice("0123456789" if rng.random() < .8 else "09") for _ in range(after))
    return rng.choice(["", "-"]) + text


def numeric(rng):
    special = ["NaN", "Infinity", "-Infinity", "0", "1", "-1", "2.5", "-3"]
    binary = {"add": "%s::numeric + %s::numeric", "sub": "%s::numeric - %s::numeric", "mul": "%s::numeric * %s::numeric",
              "div": "%s::numeric / %s::numeric", "mod": "%s::numeric %% %s::numeric",
              "div_trunc": "div(%s::numeric, %s::numeric)", "gcd": "gcd(%s::numeric, %s::numeric)",
              "lcm": "lcm(%s::numeric, %s::numeric)", "cmp": "case when %s::numeric < %s::numeric then -1 else 0 end"}
    unary = {"neg": "-%s::numeric", "abs": "abs(%s::numeric)", "sign": "sign(%s::numeric)", "ceil": "ceil(%s::numeric)",
             "floor": "floor(%s::numeric)", "sqrt": "sqrt(%s::numeric)", "ln": "ln(%s::numeric)",
             "exp": "exp(%s::numeric)", "log10": "log(%s::numeric)", "scale": "scale(%s::numeric)",
             "min_scale": "min_scale(%s::numeric)", "trim_scale": "trim_scale(%s::numeric)",
             "to_int2": "%s::numeric::int2", "to_int4": "%s::numeric::int4", "to_int8": "%s::numeric::int8",
             "to_float4": "%s::numeric::float4", "to_float8": "%s::numeric::float8",
             "from_float4": "%s::float4::numeric", "from_float8": "%s::float8::numeric",
             "send": "encode(numeric_send(%s::numeric), 'hex')"}
    for t in ["", "x", "1.2.3", "1e", "1e+", "1e5", "1e-5", "-1.5E3", "1e131071", "1e131072", "1e-16383", "1e-16384", ".5",
              "5.", ".", "- 1", " 1 ", "nan", "inf", "-inf", "+infinity", "-nan", "1e99999999999", "0e200000", "00012.500",
              "0x1", "1_0", "0.00000000000000000000000001", "1e-20"]:
        yield "in", "%s::numeric", [t]
    for name, sql in binary.items():
        for a in special:
            for b in special:
                yield name, sql, [a, b]
        for _ in range(130):
            yield name, sql, [random_numeric(rng), random_numeric(rng)]
    for name, sql in unary.items():
        for a in special + ["32767.5", "-32768.5", "2147483647.5", "9223372036854775807.5", "-9223372036854775808.5",
                            "1e300", "1e-300", "1e400", "0.99999", "1.00001", "0.0000012345", "5000", "-5000"]:
            yield name, sql, [a]
        for _ in range(60):
            a = random_numeric(rng)
            if name == "exp" and abs(float(a)) > 5000:
                a = str(float(a) % 300)
            if name in ("sqrt", "ln", "log10"):
                a = a.lstrip("-")
            yield name, sql, [a]
    for name, sql in {"power": "power(%s::numeric, %s::numeric)", "log": "log(%s::numeric, %s::numeric)"}.items():
        for a in special:
            for b in special + ["2", "3", "-2", "0.5", "1000.5"]:
                yield name, sql, [a, b]
        for _ in range(120):
            a = "%.*f" % (rng.randint(0, 6), rng.uniform(0, 10 ** rng.randint(0, 4)))
            b = "%.*f" % (rng.choice([0, 0, 1, 2, 5]), rng.uniform(-40, 40))
            if name == "log":
                b = b.lstrip("-")
            yield name, sql, [a, b]
    for name in ("round", "trunc"):
        for _ in range(100):
            yield name, name + "(%s::numeric, %s::int)", [random_numeric(rng), str(rng.randint(-8, 12))]
        for a in ("9999.9999", "0.5", "-0.5", "0.4", "99995", "4999", "5000", "NaN", "Infinity"):
            for s in ("0", "1", "-1", "3", "-4", "-5", "4"):
                yield name, name + "(%s::numeric, %s::int)", [a, s]
    for _ in range(120):
        p = rng.randint(1, 20)
        s = str(rng.randint(-3, 20))
        yield "typmod", "%s::numeric(%s,%s)".replace("%s,%s", "{},{}").format(p, s) + " || left(%s,0) || left(%s,0)", [
            random_numeric(rng), str(p), s]
    for a in ("NaN", "Infinity", "-Infinity", "0", "0.001", "0.999", "0.9999", "99.99", "99.995"):
        for p, s in (("3", "3"), ("4", "2"), ("2", "-1"), ("2", "5")):
            yield "typmod", "%s::numeric({},{})".format(p, s) + " || left(%s,0) || left(%s,0)", [a, p, s]
    for op, lo, hi, n in (("5", "0", "10", "5"), ("-1", "0", "10", "5"), ("10", "0", "10", "5"), ("3.3", "10", "0", "7"),
                          ("NaN", "0", "1", "2"), ("1", "0", "Infinity", "2"), ("1", "1", "1", "2"), ("1", "0", "2", "0"),
                          ("Infinity", "0", "2", "4"), ("-Infinity", "0", "2", "4"), ("0.35", "0.024", "10.06", "5")):
        yield "width_bucket", "width_bucket(%s::numeric,%s::numeric,%s::numeric,%s::int)", [op, lo, hi, n]
    for n in ("0", "1", "5", "20", "25", "100", "-1", "40000"):
        yield "factorial", "factorial(%s::int8)", [n]
    for _ in range(150):
        values = [random_numeric(rng) for _ in range(rng.randint(1, 12))]
        if rng.random() < .1:
            values.append(rng.choice(["NaN", "Infinity", "-Infinity", "1e60", "-1e-40"]))
        for name in ("sum", "avg"):
            yield name, "select " + name + "(v::numeric) from unnest(string_to_array(%s, ',')) v", [",".join(values)]


ARITHMETIC = {"in", "add", "sub", "mul", "div", "mod", "div_trunc", "gcd", "lcm", "cmp", "sum", "avg"}
TOPICS = {
    "numbers": numbers,
    "numeric": lambda rng: (row for row in numeric(rng) if row[0] in ARITHMETIC),
    "numeric_functions": lambda rng: (row for row in numeric(rng) if row[0] not in ARITHMETIC),
}

if __name__ == "__main__":
    for topic in sys.argv[1:] or TOPICS:
        cursor.execute("set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; "
                       "set extra_float_digits = 1; set statement_timeout = '20s'")
        write(topic, TOPICS[topic](random.Random(20261120)))
