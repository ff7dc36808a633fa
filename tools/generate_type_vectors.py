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

current = {}


def escape(value):
    if value is None:
        return "\\N"
    return value.replace("\\", "\\\\").replace("\t", "\\t").replace("\n", "\\n").replace("\r", "\\r")


def ask(sql, values):
    settings = {"timezone": "UTC", "datestyle": "ISO, MDY", "intervalstyle": "postgres", "bytea_output": "hex"}
    if sql.startswith("/*"):
        for part in sql[2:sql.index("*/")].split(";"):
            name, value = part[4:].split("=", 1)
            settings[name] = value.strip("'")
        sql = sql[sql.index("*/") + 2:]
    try:
        for name, value in settings.items():
            if current.get(name) != value:
                cursor.execute("set " + name + " = %s", [value])
                current[name] = value
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


DATES = ["2001-02-03", "1999-12-31", "2000-02-29", "1900-02-29", "0001-01-01", "0044-03-15 BC", "99999-01-01", "J2451187",
         "j 2451187", "January 8, 1999", "8 January 1999", "Jan-08-1999", "08-Jan-1999", "1999-Jan-08", "99-Jan-08",
         "08-Jan-99", "Jan 8 99", "1/8/1999", "1/18/1999", "18/1/1999", "01/02/03", "19990108", "990108", "1999.008",
         "1999 008", "08 Jan 1999", "1999 Jan 08", "jan 1999", "epoch", "infinity", "-infinity", "today", "tomorrow",
         "yesterday", "now", "x", "", " ", "2001-13-01", "2001-02-30", "2001-00-10", "0000-01-01", "5874897-12-31",
         "5874898-01-01", "4713-11-24 BC", "4714-11-24 BC", "4714-11-23 BC", "Sat 2001-02-03", "2001-02-03 BC", "2001-1-1",
         "2001/02/03", "2001.02.03", "2001-02-03x", "12/31", "1999", "feb 29 2001", "sept 5 2020", "allballs",
         "2001-02-03 04:05", "20010203T040506", "2001-02-03 24:00:00", "12.31.1999", "31.12.1999", "1-2-3-4", "2020-W10"]
TIMES = ["04:05", "04:05:06", "04:05:06.789", "04:05:06.7891234", "040506", "0405", "4:5:6", "04:05 AM", "04:05 PM",
         "12:00 AM", "12:00 PM", "13:00 PM", "24:00:00", "24:00:01", "25:00", "12:60", "12:30:60", "12:30:61", "allballs",
         "x", "", "04:05:06-08:00", "04:05:06+05:30", "04:05:06 PST", "04:05:06Z", "040506-08", "04:05:06.789-8",
         "04:05:06 EST", "T040506", "t04:05:06", "23:59:59.999999", "23:59:59.9999999", "now x", "noon", "00:00:00", "1",
         "2003-04-12 04:05:06", "04:05:06 America/New_York", "04:05:06."]
ZONES = ["", " +00", "+02", "-08:00", " -0800", "+05:30:15", "+16", " UTC", "Z", " PST", " EST", " CEST", "+1:60",
         " America/New_York", " Europe/Berlin", " Nowhere/Land", " BC", " zulu", " foo"]
INTERVALS = ["1 day", "-1 day", "1 year 2 months 3 days 4 hours 5 minutes 6 seconds", "1-2", "-1-2", "1-12", "3 4:05:06",
             "-3 -4:05:06", "3 -4:05:06", "1 02:03", "+1 -02:03", "1.5 days", "1.5 months", "1.5 years", "1.234567891 seconds",
             "P1Y2M3DT4H5M6S", "P1W", "PT36H", "P-1Y-2M3DT-4H-5M-6S", "P0001-02-03T04:05:06", "P00010203T040506", "P",
             "PT", "P1YT", "1 century 2 decades", "1 millennium", "1 mil", "2 weeks", "1.7 weeks", "1 day ago", "@ 1 hour ago", "ago",
             "x", "", "1", "1.5", "-1.5", "0", "100:00:00", "1:60:00", "999999999 years", "2147483647 days", "2147483648 days",
             "9223372036854775807 us", "9223372036854775808 us", "1 mon -1 day", "1 month 1 month", "1h 2m 3s", "1h2m3s",
             "1 hr", "3 msecs", "4 usecs", "0.1 usec", "0.5 microsecond", "1 quarter", "1 y 1 mon 1 d 1 h 1 m 1 s",
             "00:00:00.000001", "-00:00:00.5", "1 day 1 day", "12:34", "12:34.5", "1 2:3:4 ago", "1 year -1 month +2 days",
             "P1.5Y", "PT1.5S", "PT0.5M", "p1y", "1e3 days", "1 fortnight", "2562047788:00:54.775807", "infinity",
             "1 day 25:00:00", "  2   hours  ", "1 months 40 days 30:00", "-1 month 40 days -30:00", "1 month -2 days 3:00",
             "-2 years 3 months", "-00:00:01", "1 sec", "-1 sec", "1.000001 sec", "5 years", "-5 mins"]
UNITS = ["microseconds", "milliseconds", "second", "minute", "hour", "day", "week", "month", "quarter", "year", "decade",
         "century", "millennium", "dow", "doy", "isodow", "isoyear", "epoch", "julian", "timezone", "timezone_hour", "foo"]
STYLES = ["ISO", "SQL", "Postgres", "German"]
MOMENTS = ["2001-02-03 04:05:06.789", "1999-12-31 23:59:59.999999", "2000-02-29 00:00:00", "0044-03-15 12:00:00 BC",
           "0001-01-01 00:00:00", "infinity", "-infinity", "2024-12-30 01:02:03", "2021-01-03 10:20:30.5",
           "1901-01-01 00:00:00", "294276-12-31 23:59:59", "4713-01-01 00:00:00 BC", "1970-01-01 00:00:00", "100-06-15 BC",
           "2001-03-25 02:30:00", "2001-10-28 02:30:00", "2050-07-01 12:00:00", "1850-01-01 00:00:00", "2000-12-31"]


def scripted(settings, sql):
    """An expression evaluated under other settings: each row sets them first."""
    return "/*" + ";".join("set " + k + "=" + repr(v) for k, v in settings.items()) + "*/" + sql


MONTHS = "jan feb march apr may june jul aug sept oct nov december".split()


def date_part(rng):
    k=rng.randint(0,13)
    if k==0: return "%d-%d-%d"%(rng.randint(1,2100),rng.randint(0,13),rng.randint(0,32))
    if k==1: return "%d/%d/%d"%(rng.randint(1,13),rng.randint(1,31),rng.choice([5,99,1999,70,69]))
    if k==2: return "%s %d"%(rng.choice(MONTHS),rng.randint(1,31))
    if k==3: return "%s %d, %d"%(rng.choice(MONTHS),rng.randint(1,31),rng.randint(1,2100))
    if k==4: return "%d:%02d"%(rng.randint(0,25),rng.randint(0,61))
    if k==5: return "%d:%02d:%02d.%d"%(rng.randint(0,24),rng.randint(0,59),rng.randint(0,60),rng.randint(0,9999999))
    if k==6: return rng.choice(["am","pm","bc","ad","utc","z","est","+02","-0330","+5:30","t"])
    if k==7: return "%06d"%rng.randint(0,999999)
    if k==8: return str(rng.randint(0,40))
    if k==9: return "%d"%rng.randint(1,2100)
    if k==10: return "%d-%s-%d"%(rng.randint(1,31),rng.choice(MONTHS),rng.choice([5,1999,99]))
    if k==11: return "2001-02-03"
    if k==12: return "04:05:06"
    return "%04d%02d%02d"%(rng.randint(1900,2050),rng.randint(1,12),rng.randint(1,28))


INTERVAL_UNITS = "us ms s sec second min m h hour d day w week mon month y year dec c mil".split()


def interval_part(rng):
    k=rng.randint(0,6)
    n=rng.choice(["%d"%rng.randint(-50,50),"%.3f"%rng.uniform(-20,20),"+%d"%rng.randint(0,9)])
    if k<=3: return n+rng.choice([""," "])+rng.choice(INTERVAL_UNITS)
    if k==4: return rng.choice(["","-","+"])+"%d:%02d:%02d.%d"%(rng.randint(0,30),rng.randint(0,59),rng.randint(0,59),rng.randint(0,999))
    if k==5: return n
    return rng.choice(["ago","1-2","-3-4","5 1:2"])


def datetime(rng):
    for _ in range(500):
        t, order = " ".join(date_part(rng) for _ in range(rng.randint(1, 4))), rng.choice(["MDY", "DMY", "YMD"])
        typ = rng.choice(["date", "timestamp"])
        yield typ, scripted({"datestyle": "ISO, " + order}, "%s::" + typ + " || left(%s,0)"), [t, order]
        t, style = " ".join(interval_part(rng) for _ in range(rng.randint(1, 4))), rng.choice(["postgres", "sql_standard"])
        yield "interval", scripted({"intervalstyle": style}, "%s::interval || left(%s,0)"), [t, style]
    for order in ("MDY", "DMY", "YMD"):
        for t in DATES:
            if t in ("today", "tomorrow", "yesterday", "now"):
                continue
            for typ in ("date", "timestamp"):
                yield typ, scripted({"datestyle": "ISO, " + order}, "%s::" + typ + " || left(%s,0)"), [t, order]
    for t in TIMES:
        if t == "04:05:06 America/New_York":
            continue
        yield "time", "%s::time", [t]
        yield "timetz", "%s::timetz", [t]
    for zone in ("UTC", "Europe/Berlin", "America/New_York"):
        for t in ["2001-02-03 04:05:06", "2001-07-03 04:05:06.5", "2001-03-25 02:30", "2001-10-28 02:30", "2040-10-28 02:30"]:
            for z in ZONES:
                yield "timestamptz", scripted({"timezone": zone}, "%s::timestamptz || left(%s,0)"), [t + z, zone]
        for style in STYLES:
            for t in MOMENTS:
                yield "timestamptz_style", scripted({"timezone": zone, "datestyle": style},
                                                   "(%s || '') ::timestamptz || left(%s||%s,0)"), [t, zone, style]
    for style in STYLES:
        for order in ("MDY", "DMY"):
            for t in MOMENTS:
                for typ in ("date", "timestamp"):
                    yield typ + "_style", scripted({"datestyle": style + ", " + order},
                                                   "(cast(%s as text)) ::" + typ + " || left(%s||%s,0)"), [t, style, order]
    for style in ("postgres", "postgres_verbose", "iso_8601", "sql_standard"):
        for t in INTERVALS:
            yield "interval", scripted({"intervalstyle": style}, "%s::interval || left(%s,0)"), [t, style]
    good = ["1 day", "-1 day", "1 month", "1 year 2 mons", "-1 mon", "1 mon -1 day 3:04:05.5", "100 years", "25:00:00", "0",
            "40 days", "1 mon 40 days 30:00:00", "-1 mon 40 days -30:00", "178000000 years", "-00:00:00.000001", "1 mon -2 days 3:00"]
    for t in MOMENTS:
        for i in good:
            yield "timestamp_add", "%s::timestamp + %s::interval", [t, i]
            yield "timestamptz_add", scripted({"timezone": "Europe/Berlin"}, "%s::timestamptz + %s::interval"), [t, i]
        for u in MOMENTS[::2]:
            yield "timestamp_sub", "%s::timestamp - %s::timestamp", [t, u]
            # age() of infinity is accidental in PostgreSQL 15; ours is an error.
            if "inf" not in t + u:
                yield "age", "age(%s::timestamp, %s::timestamp)", [t, u]
        for u in UNITS:
            yield "extract_timestamp", "extract(" + u + " from %s::timestamp) || left(%s,0)", [t, u]
            yield "extract_date", "extract(" + u + " from %s::date) || left(%s,0)", [t, u]
            yield "extract_timestamptz", scripted({"timezone": "America/New_York"},
                                                  "extract(" + u + " from %s::timestamptz) || left(%s,0)"), [t, u]
            yield "trunc_timestamp", "date_trunc(%s, %s::timestamp)", [u, t]
            yield "trunc_timestamptz", scripted({"timezone": "Europe/Berlin"}, "date_trunc(%s, %s::timestamptz)"), [u, t]
        for st in ("15 min", "7 days", "1 month", "-1 min"):
            yield "date_bin", "date_bin(%s::interval, %s::timestamp, '2001-01-01')", [st, t]
    for i in good:
        for u in UNITS:
            yield "extract_interval", "extract(" + u + " from %s::interval) || left(%s,0)", [i, u]
            yield "trunc_interval", "date_trunc(%s, %s::interval)", [u, i]
        for f in ("2", "0.5", "-1.5", "0", "1e10", "0.333"):
            yield "interval_mul", "%s::interval * %s::float8", [i, f]
            yield "interval_div", "%s::interval / %s::float8", [i, f]
        for j in good:
            yield "interval_add", "%s::interval + %s::interval", [i, j]
            yield "interval_sub", "%s::interval - %s::interval", [i, j]
        for f in ("justify_hours", "justify_days", "justify_interval"):
            yield f, f + "(%s::interval)", [i]
    for t in ("04:05:06.789", "23:59:59.999999", "00:00:00"):
        for u in UNITS:
            yield "extract_time", "extract(" + u + " from %s::time) || left(%s,0)", [t, u]
        for i in good:
            yield "time_add", "%s::time + %s::interval", [t, i]
    for p in range(7):
        for t in ("2001-02-03 04:05:06.123456", "1999-12-31 23:59:59.999999", "1999-12-31 23:59:59.5", "infinity"):
            yield "timestamp_typmod", "%s::timestamp({}) || left(%s,0)".format(p), [t, str(p)]
    for y, m, d in ((2001, 2, 3), (0, 1, 1), (-44, 3, 15), (2001, 13, 1), (2001, 2, 30), (9999999, 1, 1)):
        yield "make_date", "make_date(%s::int,%s::int,%s::int)", [str(y), str(m), str(d)]
    for v in ([8, 15, 23.5], [24, 0, 0], [24, 0, 1], [0, 0, 60], [-1, 0, 0], [1, 60, 0], [1, 2, 3.0000001]):
        yield "make_time", "make_time(%s::int,%s::int,%s::float8)", [str(x) for x in v]


def text(rng):
    words = ["", "a", "abc", "Hello World", "héllo wörld", "日本語テキスト", "x'y\\z", "  pad  ", "aXbXc", "ÄÖÜ äöü", "foo_bar-baz9 qux",
             "100%%", "a\\b", "😀 smile"]
    short = ["", "a", "b", "lo", "X", " ", "ö", "本", "xyz", "ab"]
    nums = ["-5", "-1", "0", "1", "2", "3", "5", "100"]
    for f in ("upper", "lower", "initcap", "reverse", "length", "octet_length", "ascii", "md5", "btrim", "quote_ident", "quote_literal"):
        for w in words:
            yield f, f + "(%s)", [w]
    for w in words:
        for n in nums:
            yield "left", "left(%s,%s::int)", [w, n]
            yield "right", "right(%s,%s::int)", [w, n]
            yield "substr1", "substr(%s,%s::int)", [w, n]
            for m in ("-1", "0", "2", "2147483647"):
                yield "substr2", "substr(%s,%s::int,%s::int)", [w, n, m]
            if n != "100":
                yield "repeat", "repeat(%s,%s::int)", [w, n]
            yield "split_part", "split_part(%s,%s,%s::int)", [w, "X", n]
            yield "split_part", "split_part(%s,%s,%s::int)", [w, " ", n]
        for t in short:
            yield "position", "strpos(%s,%s)", [w, t]
            yield "replace", "replace(%s,%s,'<>')", [w, t]
            yield "ltrim", "ltrim(%s,%s)", [w, t]
            yield "rtrim", "rtrim(%s,%s)", [w, t]
            yield "translate", "translate(%s,%s,'12')", [w, t]
            for n in ("0", "3", "10", "-1"):
                yield "lpad", "lpad(%s,%s::int,%s)", [w, n, t]
                yield "rpad", "rpad(%s,%s::int,%s)", [w, n, t]
        for n in ("0", "1", "3", "9"):
            yield "overlay", "overlay(%s placing 'zz' from %s::int for %s::int)", [w, n, "2"]
        for n in (1, 3, 12):
            for t in (w, w + "  "):
                yield "varchar_cast", "%s::varchar({}) || left(%s,0)".format(n), [t, str(n)]
                yield "bpchar_cast", "concat('[', %s::char({}), ']') || left(%s,0)".format(n), [t, str(n)]
    for n in ("0", "-1", "65", "228", "8364", "128512", "1114112", "55296", "2147483647"):
        yield "chr", "chr(%s::int)", [n]
    for n in ("0", "255", "-1", "2147483647"):
        yield "to_hex", "to_hex(%s::int)", [n]
    for t in ["\\x", "\\xDEADbeef", "\\xde ad", "\\xd", "\\xzz", "abc", "a\\\\b", "a\\001\\377", "a\\9", "\\", "é", "\\xé"]:
        yield "bytea", "%s::bytea", [t]
        yield "bytea_escape", scripted({"bytea_output": "escape"}, "%s::bytea"), [t]
    for t in ["a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11", "{A0EEBC999C0B4EF8BB6D6BB9BD380A11}", "a0ee-bc99-9c0b-4ef8-bb6d-6bb9-bd38-0a11",
              "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a1", "a0eebc999c0b4ef8bb6d6bb9bd380a11x", "{a0eebc999c0b4ef8bb6d6bb9bd380a11", "",
              "a0eebc9-99c0b4ef8bb6d6bb9bd380a11", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11-"]:
        yield "uuid", "%s::uuid", [t]
    patterns = ["", "%", "_", "a%", "%c", "%b%", "a_c", "abc", "ABC", "a\\%", "\\", "%\\", "a\\", "h%o w_rld", "_____", "%%", "%_%", "日%",
                "__語%", "a\\\\b", "100\\%%", "%l%l%", "%ö%", "x%", "%xyz", "%a%b%c%", "aX%Xc", "%X_"]
    for w in words:
        for q in patterns:
            yield "like", "%s like %s", [w, q]
            yield "ilike", "%s ilike %s", [w, q]
    for w, q, e in (("a%c", "a!%c", "!"), ("abc", "a!%c", "!"), ("a\\c", "a\\c", ""), ("abc", "a%", "ab"), ("a%c", "aö%c", "ö"), ("a", "a!", "!"), ("ab", "a!", "!")):
        yield "like_escape", "%s like %s escape %s", [w, q, e]
    for f in ("%s", "Hello %s, %I = %L", "%2$s %1$s", "%%", "%", "%x", "%5s|", "%-5s|", "%1$", "%3$s %s", "%s %s %s %s", "%L", "%I", "%0$s",
              "%-*s|", "%1$10s|", "%99999999999s"):
        yield "format", "format(%s, 'w o''r', 'Ta\\ble', 'x')", [f]


def arrays(rng):
    texts = ["{}", " { } ", "{1,2,3}", "{ 1 , 2 }", "{1,NULL,3}", "{null}", "{{1,2},{3,4}}", "{{1,2},{3}}", "{{1},2}", "{1,{2}}", "{1,,2}", "{1,}",
             "{,1}", "{1", "1}", "1", "", "{1}x", "[0:2]={1,2,3}", "[2:3][1:2]={{1,2},{3,4}}", "[1:2]={1,2,3}", "[3:2]={}", "[2]={1,2}", "[1:2]{1,2}",
             "{{{{{{1}}}}}}", "{{{{{{{1}}}}}}}", "{{},{}}", "{a}", '{"1"}', '{"1" , "2"}', "{99999999999}", "[-2:0]={1,2,3}", "{1 2}", "{{1,2},{3,NULL}}"]
    for t in texts:
        yield "int4", "%s::int4[]", [t]
        yield "send_int4", "encode(array_send(%s::int4[]),'hex')", [t]
    for t in texts + ['{"a b",c}', '{"a\\"b","c\\\\d"}', "{a\\,b}", '{"","NULL",NULL,nUlL}', "{ a b , c }", '{"{}"}', "{a{b}", '{"a}', '{a"b}',
                      "{é,日本}", '{" x "}', "{'q'}", "{\\null}"]:
        yield "text", "%s::text[]", [t]
    for t in ["{1.5,NaN}", "{2001-02-03}", "{t,f}"]:
        yield "numeric", "%s::numeric[]", [t]
        yield "date", "%s::date[]", [t]
        yield "bool", "%s::bool[]", [t]
    for t in ["", "1 2 3", " 5 ", "1 x", "99999"]:
        yield "int2vector", "%s::int2vector", [t]


ARITHMETIC = {"in", "add", "sub", "mul", "div", "mod", "div_trunc", "gcd", "lcm", "cmp", "sum", "avg"}
MATH = ("timestamp_add", "timestamptz_add", "timestamp_sub", "age", "extract", "trunc", "interval_", "justify", "time_add", "date_bin",
        "make")
TOPICS = {
    "text": text,
    "arrays": arrays,
    "datetime": lambda rng: (row for row in datetime(rng) if not row[0].startswith(MATH)),
    "datetime_math": lambda rng: (row for row in datetime(rng) if row[0].startswith(MATH)),
    "numbers": numbers,
    "numeric": lambda rng: (row for row in numeric(rng) if row[0] in ARITHMETIC),
    "numeric_functions": lambda rng: (row for row in numeric(rng) if row[0] not in ARITHMETIC),
}

if __name__ == "__main__":
    for topic in sys.argv[1:] or TOPICS:
        cursor.execute("set timezone = 'UTC'; set datestyle = 'ISO, MDY'; set intervalstyle = 'postgres'; "
                       "set extra_float_digits = 1; set statement_timeout = '20s'")
        write(topic, TOPICS[topic](random.Random(int(os.environ.get("SPG_VECTOR_SEED", "20261120")))))
