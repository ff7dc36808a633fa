#!/usr/bin/python3
"""The checker finds every anomaly in histories made by hand, and none where there is none."""
import random
import unittest

from checker import ABORTED, COMMITTED, UNKNOWN, Op, Transaction, check

INFINITE = float("inf")


class Clock:
    now = 0.0

    @classmethod
    def tick(cls):
        cls.now += 1
        return cls.now


def r(key, *values):
    return Op("read", key, list(values), Clock.tick(), Clock.tick())


def a(key, value):
    return Op("append", key, value, Clock.tick(), Clock.tick())


def add(key, value):
    return Op("add", key, value, Clock.tick(), Clock.tick())


def t(name, *ops, status=COMMITTED, sent=None, done=None):
    return Transaction(name, list(ops), status, sent, done)


def at_once(*transactions):
    """The same, as if all had run at one time: no order of clocks speaks for or against anything."""
    for transaction in transactions:
        for op in transaction.ops:
            op.sent, op.done = 0.0, 100.0
        transaction.sent, transaction.done = 50.0, 100.0
    return list(transactions)


class Anomalies(unittest.TestCase):
    def found(self, level, transactions, final, word):
        problems = check(level, transactions, final)
        self.assertTrue(any(word in problem for problem in problems), f"{level}: wanted {word!r}, found {problems}")

    def clean(self, level, transactions, final):
        self.assertEqual(check(level, transactions, final), [])

    def everywhere(self, make, final, word):
        for level in ("rc", "rr", "ser"):
            self.found(level, make(), final, word)

    def strict_only(self, make, final, word):
        self.clean("rc", make(), final)
        for level in ("rr", "ser"):
            self.found(level, make(), final, word)

    def test_aborted_read(self):
        self.everywhere(lambda: at_once(t("w", a(1, 10), status=ABORTED), t("r", r(1, 10))), {1: []}, "G1a")

    def test_intermediate_read(self):
        self.everywhere(lambda: at_once(t("w", a(1, 10), a(1, 11)), t("r", r(1, 10))), {1: [10, 11]}, "G1b")

    def test_intermediate_read_of_a_set(self):
        self.everywhere(lambda: at_once(t("w", add("set1", 10), add("set1", 11)), t("r", r("set1", 11))), {"set1": [10, 11]}, "G1b")

    def test_dirty_read(self):
        def make():
            write = a(1, 10)
            read = r(1, 10)
            return [t("w", write, sent=Clock.tick(), done=Clock.tick()), t("r", read)]
        self.everywhere(make, {1: [10]}, "dirty")

    def test_circular_information_flow(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10), r(2, 20)), t("b", a(2, 20), r(1, 10))), {1: [10], 2: [20]}, "G1c")

    def test_dirty_write(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10), a(2, 20)), t("b", a(1, 11), a(2, 21))), {1: [10, 11], 2: [21, 20]}, "G1c")

    def test_interleaved_appends(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10), a(1, 12)), t("b", a(1, 11))), {1: [10, 11, 12]}, "apart")

    def test_lost_write(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10)), t("b", a(1, 11))), {1: [11]}, "lost")

    def test_half_a_transaction(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10), a(2, 20), status=UNKNOWN)), {1: [10], 2: []}, "lost")

    def test_unknown_is_either(self):
        for level in ("rc", "rr", "ser"):
            self.clean(level, at_once(t("a", a(1, 10), a(2, 20), status=UNKNOWN)), {1: [10], 2: [20]})
            self.clean(level, at_once(t("a", a(1, 10), a(2, 20), status=UNKNOWN)), {1: [], 2: []})

    def test_block_that_a_crash_cuts_off_may_show_what_is_lost(self):
        lost = lambda: t("lost", a("x", 2), status=UNKNOWN)
        def cut(*ops):
            made = t("cut", *ops, status=ABORTED)
            made.cut = True
            return made
        first = lambda: t("first", a("x", 1))
        self.clean("rc", [first(), lost(), cut(r("x", 1, 2))], {"x": [1]})
        self.everywhere(lambda: [first(), lost(), t("told", r("x", 1, 2), status=ABORTED)], {"x": [1]}, "G1a")
        self.everywhere(lambda: [first(), t("undone", a("x", 2), status=ABORTED), cut(r("x", 1, 2))], {"x": [1]}, "G1a")
        self.everywhere(lambda: [first(), lost(), cut(r("x"))], {"x": [1]}, "stale")

    def test_aborted_write_is_there(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10), status=ABORTED)), {1: [10]}, "aborted")

    def test_written_twice(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10))), {1: [10, 10]}, "twice")

    def test_from_nowhere(self):
        self.everywhere(lambda: at_once(t("a", r(1, 99))), {1: []}, "nobody wrote")
        self.everywhere(lambda: [], {1: [99]}, "nobody wrote")

    def test_own_writes(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10), r(1))), {1: [10]}, "own writes")
        self.everywhere(lambda: at_once(t("a", add("set1", 10), r("set1"))), {"set1": [10]}, "own writes")

    def test_reads_that_do_not_fit(self):
        self.everywhere(lambda: at_once(t("a", a(1, 10)), t("b", a(1, 11)), t("r", r(1, 11, 10))), {1: [10, 11]}, "no beginning")

    def test_stale_read(self):
        self.everywhere(lambda: [t("w", a(1, 10), sent=Clock.tick(), done=Clock.tick()), t("r", r(1))], {1: [10]}, "stale")

    def test_read_from_before_its_own_write(self):
        self.everywhere(lambda: at_once(t("a", r(1, 10), a(1, 10))), {1: [10]}, "before it was written")

    def test_non_repeatable_read(self):
        self.strict_only(lambda: at_once(t("w", a(1, 10)), t("r", r(1), r(1, 10))), {1: [10]}, "not repeatable")

    def test_phantom(self):
        self.strict_only(lambda: at_once(t("w", add("set1", 10)), t("r", r("set1"), r("set1", 10))), {"set1": [10]}, "not repeatable")

    def test_fractured_read(self):
        self.strict_only(lambda: at_once(t("w", a(1, 10), a(2, 20)), t("r", r(1), r(2, 20))), {1: [10], 2: [20]}, "G-SI")

    def test_fractured_read_of_sets(self):
        self.strict_only(lambda: at_once(t("w", add("set1", 10), add("set2", 20)), t("r", r("set1"), r("set2", 20))), {"set1": [10], "set2": [20]}, "G-SI")

    def test_lost_update(self):
        self.strict_only(lambda: at_once(t("a", r(1), a(1, 10)), t("b", r(1), a(1, 11))), {1: [10, 11]}, "G-SI")

    def test_long_fork(self):
        def make():
            return at_once(t("w1", a(1, 10)), t("w2", a(2, 20)), t("r1", r(1, 10), r(2)), t("r2", r(1), r(2, 20)))
        self.strict_only(make, {1: [10], 2: [20]}, "G-SI")

    def test_write_skew_is_for_serializable_only(self):
        def make():
            return at_once(t("a", r(1), a(2, 20)), t("b", r(2), a(1, 10)))
        self.clean("rc", make(), {1: [10], 2: [20]})
        self.clean("rr", make(), {1: [10], 2: [20]})
        self.found("ser", make(), {1: [10], 2: [20]}, "G2")

    def test_write_skew_of_predicates(self):
        def make():
            return at_once(t("a", r("set1"), add("set1", 10)), t("b", r("set1"), add("set1", 11)))
        self.clean("rr", make(), {"set1": [10, 11]})
        self.found("ser", make(), {"set1": [10, 11]}, "G2")

    def test_read_only_anomaly(self):
        def make():
            return at_once(t("new", r(1), a(2, 20)), t("close", a(1, 10)), t("report", r(1, 10), r(2)))
        self.clean("rr", make(), {1: [10], 2: [20]})
        self.found("ser", make(), {1: [10], 2: [20]}, "G2")

    def test_ring_of_three(self):
        def make():
            return at_once(t("a", r(1), a(2, 20)), t("b", r(2), a(3, 30)), t("c", r(3), a(1, 10)))
        self.clean("rr", make(), {1: [10], 2: [20], 3: [30]})
        self.found("ser", make(), {1: [10], 2: [20], 3: [30]}, "G2")

    def test_a_single_antidependency_is_fine(self):
        for level in ("rc", "rr", "ser"):
            self.clean(level, at_once(t("r", r(1)), t("w", a(1, 10))), {1: [10]})

    def test_aborted_transactions_may_see_anything_consistent(self):
        for level in ("rc", "rr", "ser"):
            self.clean(level, at_once(t("a", r(1), a(2, 20), status=ABORTED), t("b", r(2), a(1, 10))), {1: [10], 2: []})


class Serial(unittest.TestCase):
    """Histories of transactions one after the other are clean; damaged ones are not."""

    @staticmethod
    def history(seed):
        chance, state, out, value = random.Random(seed), {1: [], 2: [], "set3": []}, [], 0
        for number in range(40):
            ops, before, ok = [], {key: list(values) for key, values in state.items()}, chance.random() < 0.8
            for _ in range(chance.randint(1, 4)):
                key = chance.choice(list(state))
                if chance.random() < 0.5:
                    ops.append(r(key, *state[key]))
                else:
                    value += 1
                    state[key].append(value)
                    ops.append((add if key == "set3" else a)(key, value))
            out.append(t(f"t{number}", *ops, status=COMMITTED if ok else ABORTED, sent=Clock.tick(), done=Clock.tick()))
            state = state if ok else before
        return out, state

    def test_clean(self):
        for seed in range(50):
            for level in ("rc", "rr", "ser"):
                transactions, final = self.history(seed)
                self.assertEqual(check(level, transactions, final), [])

    def test_damaged_reads_are_found(self):
        for seed in range(50):
            transactions, final = self.history(seed)
            reads = [op for transaction in transactions for op in transaction.ops if op.kind == "read" and op.value]
            op = random.Random(seed).choice(reads)
            op.value.pop(random.Random(seed).randrange(len(op.value)))
            self.assertNotEqual(check("rc", transactions, final), [], f"seed {seed}: {op}")

    def test_damaged_states_are_found(self):
        for seed in range(50):
            transactions, final = self.history(seed)
            values = final[random.Random(seed).choice([key for key in final if final[key]])]
            values.pop()
            self.assertNotEqual(check("rc", transactions, final), [], f"seed {seed}")

    def test_late_snapshots_are_found(self):
        """Two neighbours that both write swap what they saw: SERIALIZABLE says no."""
        found = 0
        for seed in range(50):
            transactions, final = self.history(seed)
            for transaction in at_once(*transactions):
                for op in transaction.ops:
                    if op.kind == "read" and op.value and self.not_own(transaction, op):
                        op.value.pop()
                        found += bool(check("ser", transactions, final))
                        break
                else:
                    continue
                break
        self.assertGreater(found, 10)

    @staticmethod
    def not_own(transaction, op):
        return op.value[-1] not in transaction.written(op.key)


if __name__ == "__main__":
    unittest.main()
