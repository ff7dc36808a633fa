#!/usr/bin/python3
"""The harness itself, without any server: reading specs and outcomes, comparing them, and making schedules smaller."""
import argparse
import pathlib
import tempfile
import unittest

import isolation
import random_schedules
from histories import Bank, Counter, Register, Unique
from isolation import Guide, equal, read_differences, read_entries
from spec import Spec

SPEC = """# A comment.
setup
  CREATE TABLE t (id int);
  INSERT INTO t
  VALUES (1);
each who in a, b
session {who}
  read  SELECT 1
      FROM t
end
each mode in SHARE, ACCESS EXCLUSIVE
session a
  lock_{mode_}  LOCK TABLE t IN {mode} MODE
interleaving {mode}
  a.begin a.lock_{mode_}
  b.read~ a.commit
end
interleaving compare=transactions last
  a.read pause:10 b.cancel
"""


class FakeControl:
    """Answers every query with the same rows."""

    def __init__(self, rows):
        self.rows = rows

    def must(self, sql):
        return self.rows


class FakeClient:
    number = 0

    def __init__(self, *transactions):
        self.history = []
        for status, note in transactions:
            self.history.append(argparse.Namespace(status=status, note=note, ops=[]))


class Specs(unittest.TestCase):
    def spec(self, text):
        with tempfile.TemporaryDirectory() as folder:
            path = pathlib.Path(folder) / "name.spec"
            path.write_text(text)
            return Spec(path)

    def test_reads(self):
        spec = self.spec(SPEC)
        self.assertEqual(spec.statements(spec.setup), ["CREATE TABLE t (id int)", "INSERT INTO t\nVALUES (1);\n".rstrip(";\n")])
        self.assertEqual(spec.created, [("TABLE", "t")])
        self.assertEqual(spec.sql("a.read"), "SELECT 1\nFROM t")
        self.assertEqual(spec.sql("a.lock_ACCESS_EXCLUSIVE"), "LOCK TABLE t IN ACCESS EXCLUSIVE MODE")
        self.assertEqual(spec.sql("b.begin"), "BEGIN")
        self.assertEqual([i.title for i in spec.interleavings], ["SHARE", "ACCESS EXCLUSIVE", "last"])
        self.assertEqual(spec.interleavings[1].steps, ["a.begin", "a.lock_ACCESS_EXCLUSIVE", "b.read~", "a.commit"])
        self.assertEqual([i.transactions for i in spec.interleavings], [False, False, True])

    def test_refuses_what_it_does_not_know(self):
        for wrong in ("  a.nothing", "  c.begin"):
            with self.assertRaises(SyntaxError):
                self.spec(SPEC + "interleaving wrong\n" + wrong + "\n")
        with self.assertRaises(SyntaxError):
            self.spec("nonsense\n")

    def test_every_spec_has_its_outcomes(self):
        for path in sorted(isolation.HERE.glob("*.spec")):
            spec = Spec(path)
            self.assertEqual(sorted(isolation.read_expected(spec)), list(range(1, len(spec.interleavings) + 1)), path.name)
        self.assertEqual({path.stem for path in isolation.HERE.glob("*.spec")}, {path.stem for path in (isolation.HERE / "expected").glob("*.out")})

    def test_differences_have_few_reasons(self):
        differences = isolation.read_differences()
        self.assertLessEqual(len({difference.reason for difference in differences}), 10)
        self.assertEqual(len({(difference.spec, difference.number) for difference in differences}), len(differences))


EXPECTED = """a.ser: BEGIN
b.ser: BEGIN
a.read: SELECT 1
  n
  2
b.write: waits
a.commit: COMMIT
b.write (after a.commit): ERROR 40001 could not serialize access
  HINT: again
b.commit: ROLLBACK
after: SELECT 1
  n
  1""".split("\n")


class Outcomes(unittest.TestCase):
    def compare(self, replaced, by, transactions=False):
        text = "\n".join(EXPECTED)
        self.assertIn(replaced, text)
        return equal(read_entries(EXPECTED), read_entries(text.replace(replaced, by).split("\n")), transactions)

    def test_round_trip(self):
        self.assertEqual([line for entry in read_entries(EXPECTED) for line in entry.lines()], EXPECTED)

    def test_equal(self):
        self.assertTrue(self.compare("HINT", "HINT"))
        for old, new in (("  2", "  3"), ("SELECT 1\n  n\n  2", "SELECT 0\n  n"), ("b.write: waits\n", ""), ("40001", "40P01"), ("(after a.commit)", "(after b.ser)"), ("HINT: again", "HINT: no")):
            self.assertFalse(self.compare(old, new), (old, new))

    def test_equal_by_transactions(self):
        later = "b.write (after a.commit): UPDATE 1\nb.commit: ERROR 40001 other words"
        failure = "b.write (after a.commit): ERROR 40001 could not serialize access\n  HINT: again\nb.commit: ROLLBACK"
        self.assertFalse(self.compare(failure, later))
        self.assertTrue(self.compare(failure, later, transactions=True))
        self.assertTrue(self.compare("b.write: waits\na.commit: COMMIT\n" + failure, "b.write: ERROR 40001 at once\na.commit: COMMIT\nb.commit: ROLLBACK", transactions=True))
        for old, new in ((failure, "b.write (after a.commit): UPDATE 1\nb.commit: COMMIT"), ("  2", "  3"), ("  1", "  0"), ("40001", "40P01"), ("a.commit: COMMIT", "a.commit: ERROR 40001 no")):
            self.assertFalse(self.compare(old, new, transactions=True), (old, new))

    def test_guide(self):
        guide = Guide(["a.ser", "b.ser", "a.read", "b.write", "a.commit", "b.commit"], read_entries(EXPECTED))
        self.assertEqual(guide.waits, [False, False, False, True, False, False])
        self.assertEqual(guide.ends, [set(), set(), set(), set(), {"b.write"}, set()])

    def test_differences(self):
        one, other, third = read_differences("# about\nreason: because\nof this\n\nname 3\n-   n\n-   2\n+   n\n+   5\n\nname 4\n-   not there\n\nreason: why\n\nlast 1\n- x\n")
        self.assertEqual([(d.spec, d.number, d.reason) for d in (one, other, third)], [("name", 3, "because\nof this"), ("name", 4, "because\nof this"), ("last", 1, "why")])
        self.assertEqual(one.apply(EXPECTED)[3:5], ["  n", "  5"])
        with self.assertRaises(SyntaxError):
            other.apply(EXPECTED)
        for wrong in ("name 3\n- without a reason", "reason: because\n\nname 3\n+ nothing of PostgreSQL's", "reason: because\n\nname 3\n- a\nb", "reason: because\n\nname\n- a"):
            with self.assertRaises(SyntaxError):
                read_differences(wrong)

    def test_what_is_lacking(self):
        self.assertEqual(isolation.first_lacking(["  x", "+ a.b: ERROR 0A000 MERGE is not supported"]), ["MERGE"])
        self.assertEqual(isolation.first_lacking(["- a.b: ERROR 0A000 MERGE is not supported", "+ a.b: MERGE 1"]), [])


class Random(unittest.TestCase):
    options = argparse.Namespace(without="truncate", multirow=False, serializable=True, steps=30, sessions=None)

    def test_a_seed_is_a_schedule(self):
        lists = [random_schedules.generate(7, self.options).list for _ in range(2)]
        self.assertEqual(*lists)
        self.assertNotEqual(lists[0], random_schedules.generate(8, self.options).list)

    def test_without(self):
        text = str([random_schedules.generate(seed, self.options).list for seed in range(100)])
        self.assertNotIn("TRUNCATE", text)
        for kind in ("SAVEPOINT", "ROLLBACK TO", "SKIP LOCKED", "NOWAIT", "FOR KEY SHARE", "ON CONFLICT", "SERIALIZABLE", "REPEATABLE READ", "DELETE", "LOCK TABLE"):
            self.assertIn(kind, text)

    def test_minimised_to_what_matters(self):
        compare = random_schedules.Compare(None, None)
        compare.differs = lambda schedule: ("a", "BEGIN") in schedule.list and ("b", "INSERT") in schedule.list
        steps = [("a", "x")] * 9 + [("a", "BEGIN")] + [("b", "y")] * 13 + [("b", "INSERT")] + [("a", "z")] * 4
        self.assertEqual(compare.minimised(random_schedules.Schedule("ab", steps)).list, [("a", "BEGIN"), ("b", "INSERT")])

    def test_kinds_of_difference(self):
        kind = random_schedules.kind_of
        self.assertEqual(kind(["a.0: UPDATE 1"], ["a.0: UPDATE 1"]), "same")
        self.assertEqual(kind(["a.0: UPDATE 1"], ["a.0: UPDATE 0"]), "mismatch")
        self.assertEqual(kind(["a.0: UPDATE 1"], ["a.0: 0A000"]), "unsupported")
        self.assertEqual(kind(["a.0: COMMIT"], ["a.0: 40001"]), "serializable")
        self.assertEqual(kind(["a.0: 40001", "b.1: UPDATE 1"], ["a.0: 40001", "b.1: UPDATE 0"]), "mismatch")


class Scripted(random_schedules.Compare):
    """Servers that do what is written, by the SQL and the order of the steps they are given."""

    def __init__(self, postgres, spg=None):
        super().__init__(None, None)
        self.servers = {"postgres": postgres, "spg": spg}

    def answer(self, server, schedule):
        return read_entries(self.servers[server]([schedule.sql(step) for step in schedule.steps]))

    def expected(self, schedule):
        return self.answer("postgres", schedule)

    def found(self, schedule, expected):
        return self.answer("spg", schedule)


class Reasons(unittest.TestCase):
    WAITED = ["a.0: BEGIN", "a.1: UPDATE 1", "b.2: waits", "b.3: passed over", "a.4: COMMIT", "b.2 (after a.4): UPDATE 1", "after: SELECT 1", "  1"]
    ANEW = random_schedules.Schedule("ab", [("a", "BEGIN"), ("a", "UPDATE t SET v = 1 WHERE id = 1"), ("b", "UPDATE t SET v = 2 WHERE id = 1"), ("b", "COMMIT")])

    @staticmethod
    def with_answer(lines, at, line):
        return lines[:at] + [line] + lines[at + 1:]

    def test_begins_anew_comes_when_its_wait_ended(self):
        found = read_entries(self.WAITED)
        self.assertEqual(random_schedules.BeginsAnew.without(self.ANEW, found).steps, ["a.0", "a.1", "a.4", "b.2"])
        stable = random_schedules.Schedule("ab", [*self.ANEW.list[:2], ("b", "BEGIN ISOLATION LEVEL REPEATABLE READ"), ("b", "UPDATE t SET v = 2 WHERE id = 1")])
        waits = read_entries(["a.0: BEGIN", "a.1: UPDATE 1", "b.2: BEGIN", "b.3: waits", "a.4: COMMIT", "b.3 (after a.4): UPDATE 1", "after: SELECT 0"])
        self.assertFalse(random_schedules.BeginsAnew.applies(stable, waits, waits))

    def test_begins_anew_must_be_the_cause(self):
        expected = self.with_answer(self.WAITED, 5, "b.2 (after a.4): UPDATE 0")
        late = ["a.0: BEGIN", "a.1: UPDATE 1", "a.4: COMMIT", "b.2: UPDATE 1", "after: SELECT 1", "  1"]
        self.assertEqual(Scripted(lambda sql: late).explained(self.ANEW, expected, self.WAITED), "begins anew")
        for at, line in ((3, "b.2: UPDATE 0"), (3, "b.2: 40P01"), (1, "a.1: UPDATE 2"), (5, "  2")):
            self.assertIsNone(Scripted(lambda sql: self.with_answer(late, at, line)).explained(self.ANEW, expected, self.WAITED))

    def test_begins_anew_waited_on_both(self):
        at_once = ["a.0: BEGIN", "a.1: UPDATE 1", "b.2: UPDATE 1", "b.3: COMMIT", "a.4: COMMIT", "after: SELECT 1", "  1"]
        late = ["a.0: BEGIN", "a.1: UPDATE 1", "a.4: COMMIT", "b.2: UPDATE 1", "after: SELECT 1", "  1"]
        self.assertIsNone(Scripted(lambda sql: late).explained(self.ANEW, at_once, self.WAITED))

    def test_truncate_must_be_the_cause(self):
        schedule = random_schedules.Schedule("ab", [("a", "BEGIN ISOLATION LEVEL REPEATABLE READ"), ("a", "SELECT 1"), ("b", "TRUNCATE t"), ("a", "SELECT v FROM t")])
        lines = ["a.0: BEGIN", "a.1: SELECT 1", "b.2: TRUNCATE TABLE", "a.3: SELECT 1", "  5", "after: SELECT 0"]
        expected = self.with_answer(lines[:4] + lines[5:], 3, "a.3: SELECT 0")
        deletes = lambda rows: lambda sql: [line if line != "b.2: TRUNCATE TABLE" or "TRUNCATE t" in sql else "b.2: LOCK TABLE; DELETE 4" for line in self.with_answer(lines, 4, rows)]
        self.assertEqual(Scripted(deletes("  5")).explained(schedule, expected, lines), "truncate")
        self.assertIsNone(Scripted(deletes("  6")).explained(schedule, expected, lines))

    def test_no_change_is_for_failures_of_postgresql_only(self):
        schedule = random_schedules.Schedule("ab", [("a", "BEGIN ISOLATION LEVEL REPEATABLE READ"), ("b", "UPDATE t SET v = 1 WHERE id = 1"), ("a", "UPDATE t SET v = 1 WHERE id = 1")])
        lines = ["a.0: BEGIN", "b.1: UPDATE 1", "a.2: UPDATE 1", "after: SELECT 0"]
        failed = self.with_answer(lines, 2, "a.2: 40001")
        counts = lambda sql: failed if "SET n = t.n + 1, v = 1" in sql[1] else lines
        self.assertEqual(Scripted(counts, counts).explained(schedule, failed, lines), "no change")
        self.assertIsNone(Scripted(counts, counts).explained(schedule, lines, failed))
        self.assertIsNone(Scripted(counts, lambda sql: lines).explained(schedule, failed, lines))

    def test_row_order(self):
        ordered = random_schedules.RowOrder.without(random_schedules.Schedule("a", [("a", "DELETE FROM t WHERE v > 5"), ("a", "UPDATE t SET v = v + 1"), ("a", "DELETE FROM t WHERE id = 1")]), None)
        self.assertEqual([ordered.sql(f"a.{at}") for at in range(3)], ["DELETE FROM t WHERE id IN (SELECT id FROM t WHERE v > 5 ORDER BY id FOR UPDATE)",
                                                                         "UPDATE t SET v = v + 1 WHERE id IN (SELECT id FROM t ORDER BY id FOR NO KEY UPDATE)", "DELETE FROM t WHERE id = 1"])


class Workloads(unittest.TestCase):
    """The checks of histories.py that are not the checker's."""

    def test_counter(self):
        def problems(total, *transactions):
            return Counter().verify("rc", [FakeClient(*transactions)], FakeControl([["0", str(total)]]))
        self.assertEqual(problems(2, ("committed", [(0, 1)]), ("committed", [(0, 2)])), [])
        self.assertEqual(problems(2, ("committed", [(0, 1)]), ("unknown", [(0, None)]), ("aborted", [(0, 2)])), [])
        self.assertTrue(problems(1, ("committed", [(0, 1)]), ("committed", [(0, 1)])))
        self.assertTrue(problems(2, ("committed", [(0, 1)]), ("aborted", [(0, 2)])))
        self.assertTrue(problems(1, ("committed", [(0, 2)])))

    def test_unique(self):
        def problems(there, *transactions):
            return Unique().verify("rc", [FakeClient(*transactions)], FakeControl([[str(key)] for key in there]))
        self.assertEqual(problems([1], ("committed", [(1, 1), (1, -1)]), ("committed", [(1, 1)]), ("aborted", [(2, 1)])), [])
        self.assertTrue(problems([1, 1], ("committed", [(1, 1)]), ("committed", [(1, 1)])))
        self.assertTrue(problems([1], ("committed", [(1, 1)]), ("committed", [(1, 1)])))
        self.assertTrue(problems([], ("committed", [(1, 1)])))

    def test_bank(self):
        bank = Bank()
        bank.wrong = []
        self.assertEqual(bank.verify("rc", [], FakeControl([["600"]])), [])
        self.assertTrue(bank.verify("rc", [], FakeControl([["599"]])))

    def test_register_follows_what_was_written_over(self):
        register = Register()
        register.last, register.before = 3, {(0, 1): 0, (0, 2): 1}
        from checker import Op, Transaction
        client = FakeClient()
        client.history = [Transaction("a", [Op("append", 0, 1, 1, 2)], sent=3, done=4), Transaction("b", [Op("append", 0, 2, 5, 6)], sent=7, done=8), Transaction("r", [Op("read", 0, 2, 9, 10)], sent=11, done=12)]
        self.assertEqual(register.verify("ser", [client], FakeControl([["0", "2", "1"]])), [])
        client.history[2].ops[0].value = 1
        self.assertTrue(any("stale" in problem for problem in register.verify("ser", [client], FakeControl([["0", "2", "1"]]))))


if __name__ == "__main__":
    unittest.main()
