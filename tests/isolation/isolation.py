#!/usr/bin/python3
"""Concurrent sessions, step by step: what tests/isolation/*.spec (format: spec.py) must do as PostgreSQL 15 does.

usage: isolation.py record [--dsn DSN] [NAME ...]    writes expected/NAME.out from PostgreSQL (default: refpg's)
       isolation.py check  [--dsn DSN] [NAME ...]    runs SPG_SERVER (or DSN) and compares
       isolation.py show   [--dsn DSN] [NAME ...]    runs SPG_SERVER (or DSN) and prints the outcomes

An outcome has one entry per step: its answer (rows, command tag, notices, SQLSTATE, message, detail, hint), or `waits` when
it waits for another session; `s.step (after t.step):` is the answer of a step that had waited. Process and transaction
numbers are replaced by names.

differences.txt lists what may differ, by reason. Paragraphs:
  reason: ...              why: what follows, to the next reason, differs because of it
  NAME NUMBER              the spec and the number of its interleaving, as `check` prints it
  - LINE                   as PostgreSQL answers (may be repeated: the lines follow each other)
  + LINE                   as SPG answers (the same)
"""
import collections
import contextlib
import difflib
import os
import pathlib
import re
import sys
import time

from session import Blocked, Closed, Session
from spec import Spec
from support import Server, reference

HERE = pathlib.Path(__file__).resolve().parent
DEADLOCK_MS = 10       # deadlock_timeout of every session, so that whoever closes a cycle is the victim
HOLD_S = 0.12          # a step that the server calls blocked for so long, waits (well above DEADLOCK_MS)
HOLD_AGAIN_S = 0.06    # the same for a step that has waited before
EXPECTED_WAIT_S = 0.1  # where the server can not tell: what is expected to wait has waited when it has not ended by then
PATIENCE_S = 4         # and what is not expected to wait
UNKNOWN_S = 0.5        # what nothing is known about


class Entry:
    """`text` is the rest of the first line, `body` the lines below, without indentation."""

    def __init__(self, step, after, text, body=()):
        self.step, self.after, self.text, self.body = step, after, text, list(body)

    def lines(self):
        return [f"{self.step}{f' (after {self.after})' if self.after else ''}: {self.text}".rstrip()] + ["  " + line for line in self.body]


def read_entries(lines):
    out = []
    for line in lines:
        if line.startswith("  "):
            out[-1].body.append(line[2:])
        else:
            step, after, text = re.fullmatch(r"(\S+?)(?: \(after (\S+)\))?:(?: (.*))?", line).groups()
            out.append(Entry(step, after, text or ""))
    return out


class Guide:
    """What is expected at each step of a schedule, so that waiting is neither long nor a guess."""

    def __init__(self, steps, entries):
        self.waits, self.ends = [], []
        entries = list(entries or [])
        self.known = bool(entries)
        for step in steps:
            self.waits.append(False)
            self.ends.append(set())
            if entries and entries[0].step == step.rstrip("~") and not entries[0].after:
                self.waits[-1] = entries.pop(0).text == "waits"
            while entries and entries[0].after:
                self.ends[-1].add(entries.pop(0).step)


class Run:
    """One interleaving on one server."""

    patience = PATIENCE_S

    def __init__(self, dsn, spec, interleaving, expected):
        self.dsn, self.spec, self.steps = dsn, spec, interleaving.steps
        self.guide = Guide(self.steps, expected)
        self.entries, self.waiting = [], {}  # waiting: session -> the step that waits
        self.seen = 0  # how many entries are of before this step
        self.control = Session(dsn, "control")
        self.sessions = {}

    def run(self):
        try:
            self.prepare()
            for at, step in enumerate(self.steps):
                if not self.take(at, step):
                    break
            for session, step in self.waiting.items():
                self.entries.append(Entry(step, None, "waits to the end"))
            for session in self.sessions.values():
                if not session.closed:
                    session.cancel() if session.busy else None
                    session.close()
            self.finish()
            self.drop()
        finally:
            self.control.close()
        return self.entries

    def prepare(self):
        self.drop()
        for statement in self.spec.statements(self.spec.setup):
            self.control.must(statement)
        for name in self.spec.sessions:
            self.sessions[name] = Session(self.dsn, name, deadlock_timeout=f"{DEADLOCK_MS}ms", client_min_messages="notice")
        self.blocked = Blocked(self.control)

    def drop(self):
        for kind, name in self.spec.created[::-1]:
            self.control.ask(f"DROP {kind} IF EXISTS {name} CASCADE")

    def finish(self):
        for statement in self.spec.statements(self.spec.after):
            self.control.ask("SET statement_timeout = '10s'")
            self.entries.append(Entry("after", None, *self.shown(self.control.ask(statement))))

    def take(self, at, step):
        """False when the schedule can not go on."""
        if step.startswith("pause:"):
            time.sleep(int(step[6:]) / 1000)
            self.settle(at, step)
            return True
        name, _, word = step.rstrip("~").partition(".")
        session = self.sessions[name]
        if word in ("cancel", "close"):
            session.cancel() if word == "cancel" else session.close()
            if word == "close":
                session.busy = False
                self.waiting.pop(session, None)
            self.entries.append(Entry(step, None, "done"))
            self.settle(at, step)
            return True
        if session.busy:
            return self.met_busy(step)
        session.send(self.spec.sql(step))
        self.settle(at, step.rstrip("~"), session, ends_itself=step.endswith("~"))
        return True

    def met_busy(self, step):
        """A step of a session that still waits: the schedule can not go on."""
        return False

    def settle(self, at, step, started=None, ends_itself=False):
        """Waits until every busy session has ended its step or waits for another; notes what happened."""
        since = {session: time.monotonic() for session in self.sessions.values() if session.busy}
        begun, ended = dict(since), []
        settled = set()
        while any(session.busy and session not in settled for session in since):
            for session in since:
                if session in ended or not session.poll(0.002):
                    continue
                ended.append(session)
                settled.clear()  # others may go on now
                since = {s: time.monotonic() for s in since}
            for session in since:
                if session.busy and session not in settled and self.has_settled(at, step, session, session is started, ends_itself, time.monotonic() - since[session], time.monotonic() - begun[session]):
                    settled.add(session)
        order = list(self.sessions.values())
        if started is not None:
            self.entries.append(Entry(step, None, *self.shown(started.answer)) if not started.busy else Entry(step, None, "waits"))
        for session in sorted(ended, key=order.index):
            if session is not started:
                self.entries.append(Entry(self.waiting.pop(session), step, *self.shown(session.answer)))
        if started is not None and started.busy:
            self.waiting[started] = step
        late = {entry.step for entry in self.entries[self.seen:] if entry.after}
        if late != self.guide.ends[at] or (started in self.waiting) != self.guide.waits[at]:
            self.guide.known = False  # it has gone another way: what is expected is no guide any more
        self.seen = len(self.entries)

    def has_settled(self, at, step, session, new, ends_itself, seconds, total):
        if new and ends_itself:
            return total > self.patience
        if self.guide.known:
            waits = self.guide.waits[at] if new else self.waiting[session] not in self.guide.ends[at]
            limit = EXPECTED_WAIT_S if waits else self.patience
        else:
            waits, limit = True, UNKNOWN_S
        blocked = self.blocked(session, self.sessions.values()) if self.blocked.way else None
        if blocked and waits:
            return seconds > (HOLD_S if new else HOLD_AGAIN_S)
        if blocked:
            return seconds > UNKNOWN_S
        return seconds > limit if self.blocked.way is None or self.guide.known else seconds > self.patience * 3

    def shown(self, answer):
        """(first line, body)"""
        body, text = [], ""
        for at, part in enumerate(answer.parts):
            if part[0] == "rows":
                if at + 1 < len(answer.parts) and answer.parts[at + 1][0] in ("error", "closed"):
                    continue  # what came before the error, drivers throw away
                body += ["|".join(part[1])] + ["|".join(shown_value(v) for v in row) for row in part[2]]
            elif part[0] == "tag":
                text = f"{text}; {part[1]}" if text else part[1]
            elif part[0] == "closed":
                text = f"{text}; closed" if text else "closed"
            else:
                f = part[1]
                line = self.normal(f"{f['S']} {f['C']} {f['M']}")
                if part[0] == "error":
                    text = f"{text}; {line}" if text else line
                else:
                    body.append(line)
                body += [f"{word}: {line}" for word, key in (("DETAIL", "D"), ("HINT", "H")) if key in f for line in self.normal(f[key]).split("\n")]
        return text, body

    def normal(self, text):
        text = re.sub(r"\(0,\d+\)", "(N)", text)
        for session in self.sessions.values():
            text = re.sub(rf"\b[Pp]rocess {session.pid}\b", f"process {session.name}", text)
        text = re.sub(r"\btransaction \d+", "transaction N", text)
        text = re.sub(r"\b(relation|database|object|class) \d+", r"\1 N", text)
        text = re.sub(r"\[\d+,(\d+,\d+,\d+)\]", r"[N,\1]", text)
        return re.sub(r"Reason code: .*", "Reason code", text)


def shown_value(value):
    return "NULL" if value is None else value.replace("\n", "\\n") or "''"


def blanked(entries):
    """The entries for compare=transactions: from the first 40001 of a session's transaction to its end only the end counts.
    Which transactions those are, is counted by session: {(session, number of its transaction)}."""
    numbers, failed = {}, {}
    for entry in entries:
        session = entry.step.partition(".")[0]
        if entry.step.endswith((".begin", ".rc", ".rr", ".ser")):
            numbers[session] = numbers.get(session, 0) + 1
        entry.transaction = (session, numbers.get(session, 0))
        if " 40001 " in f" {entry.text} ":
            failed.setdefault(entry.transaction, entry)
    return failed


def equal(expected, found, transactions):
    if not transactions:
        return [line for entry in expected for line in entry.lines()] == [line for entry in found for line in entry.lines()]
    failed_there, failed_here = blanked(expected), blanked(found)
    if failed_there.keys() != failed_here.keys():
        return False

    def kept(entries):
        """What does not belong to the part of a failed transaction in which either side may have failed already."""
        out, started = [], {}
        for entry in entries:
            started[entry.transaction] = started.get(entry.transaction, 0) + 1
            if entry.transaction not in failed_there or started[entry.transaction] < min(first[entry.transaction]):
                out += entry.lines()
        return out

    first = {}
    for entries, failed in ((expected, failed_there), (found, failed_here)):
        count = {}
        for entry in entries:
            count[entry.transaction] = count.get(entry.transaction, 0) + 1
            if failed.get(entry.transaction) is entry:
                first.setdefault(entry.transaction, []).append(count[entry.transaction])
    return kept(expected) == kept(found)


def read_expected(spec):
    """{number of the interleaving: lines}"""
    path, out, lines = HERE / "expected" / f"{spec.name}.out", {}, None
    if not path.exists():
        raise SystemExit(f"there is no {path}: record it")
    for line in path.read_text().split("\n"):
        head = re.fullmatch(r"interleaving (\d+)(: .*)?", line)
        if head:
            lines = out.setdefault(int(head[1]), [])
        elif line.strip() and not line.startswith("schedule: "):
            lines.append(line)
    return out


class Difference:
    def __init__(self, reason, paragraph):
        lines = paragraph.split("\n")
        head = re.fullmatch(r"(\w+) (\d+)", lines[0])
        self.reason = reason
        self.old = [line[2:] for line in lines if line.startswith("- ")]
        self.new = [line[2:] for line in lines if line.startswith("+ ")]
        if not reason or not head or not self.old or len(lines) != 1 + len(self.old) + len(self.new):
            raise SyntaxError(f"differences.txt: {paragraph}")
        self.spec, self.number = head[1], int(head[2])

    def apply(self, lines):
        for at in range(len(lines)):
            if lines[at:at + len(self.old)] == self.old:
                return lines[:at] + self.new + lines[at + len(self.old):]
        raise SyntaxError(f"differences.txt: {self.spec} {self.number}: PostgreSQL's answer has no lines {self.old}")


def read_differences(text=None):
    if text is None:
        text = (HERE / "differences.txt").read_text()
    out, reason = [], ""
    for paragraph in "\n".join(line for line in text.split("\n") if not line.startswith("#")).strip("\n").split("\n\n"):
        if paragraph.startswith("reason: "):
            reason = paragraph.removeprefix("reason: ")
        elif paragraph.strip():
            out.append(Difference(reason, paragraph.strip("\n")))
    return out


def read_pending():
    """Numbers of interleavings by spec, or None for all of them."""
    pending = {}
    for line in (HERE / "pending.txt").read_text().split("\n"):
        if line and not line.startswith("#"):
            name, numbers = line.split(":")[0].split()
            pending[name] = None if numbers == "all" else {int(number) for number in numbers.split(",")}
    return pending


def title(number, interleaving):
    return f"interleaving {number}" + (f": {interleaving.title}" if interleaving.title else "")


def record(dsn, specs):
    count = 0
    for spec in specs:
        out = []
        for number, interleaving in enumerate(spec.interleavings, 1):
            entries = Run(dsn, spec, interleaving, None).run()
            count += 1
            stuck = [entry.step for entry in entries if entry.text == "waits to the end"]
            if stuck:
                print(f"{spec.name} {number}: still waiting at the end: {', '.join(stuck)}")
            out += [title(number, interleaving), "schedule: " + " ".join(interleaving.steps)] + [line for entry in entries for line in entry.lines()] + [""]
        (HERE / "expected" / f"{spec.name}.out").write_text("\n".join(out))
        print(f"{spec.name}: {len(spec.interleavings)} recorded", flush=True)
    print(f"{count} interleavings recorded")


class Check:
    """Runs specs and counts."""

    def __init__(self, connect):
        self.connect, self.differences, self.pending = connect, read_differences(), read_pending()
        self.left_out = 0
        self.passed, self.accepted, self.failed, self.lacking = 0, 0, 0, collections.Counter()
        self.reasons = collections.Counter()  # interleavings that differ as accepted, by reason

    def spec(self, spec):
        expected = read_expected(spec)
        if sorted(expected) != list(range(1, len(spec.interleavings) + 1)):
            raise SystemExit(f"expected/{spec.name}.out has other interleavings than the spec: record it")
        pending = self.pending.get(spec.name, set())
        run = [(number, interleaving) for number, interleaving in enumerate(spec.interleavings, 1) if pending is not None and number not in pending]
        wrong = [number for number, interleaving in run if not self.interleaving(spec, number, interleaving, expected[number])]
        total = len(run)
        self.left_out += len(spec.interleavings) - total
        print(f"{'FAIL' if wrong else 'pass'} {spec.name}: {total - len(wrong)} of {total}" + (f" (failed: {', '.join(map(str, wrong))})" if wrong else ""), flush=True)

    def interleaving(self, spec, number, interleaving, lines):
        accepted = [d for d in self.differences if (d.spec, d.number) == (spec.name, number)]
        for difference in accepted:
            lines = difference.apply(lines)
        try:
            entries = Run(self.connect(), spec, interleaving, read_entries(lines)).run()
        except (RuntimeError, OSError, Closed) as error:  # the server has gone, does not answer, or refuses the set-up
            entries = [Entry("harness", None, f"{type(error).__name__}: {error}")]
            self.connect.give_up(error)
        good = equal(read_entries(lines), entries, interleaving.transactions)
        self.passed, self.failed, self.accepted = self.passed + good, self.failed + (not good), self.accepted + (good and bool(accepted))
        self.reasons.update({difference.reason for difference in accepted} if good else ())
        if not good:
            print(f"--- {spec.name}, {title(number, interleaving)}\n    {' '.join(interleaving.steps)}")
            shown = [line for line in difflib.ndiff(lines, [line for entry in entries for line in entry.lines()]) if not line.startswith("?")]
            print("\n".join("    " + line for line in shown))
            self.lacking.update(first_lacking(shown))
        return good

    def summary(self, specs):
        for reason, count in self.reasons.most_common():
            print(f"accepted {count} times: {reason.splitlines()[0]}")
        for what, count in self.lacking.most_common():
            print(f"not supported: {what} ({count})")
        print(f"{self.passed} passed ({self.accepted} with accepted differences), {self.failed} failed, {self.left_out} left out (pending.txt), of {self.passed + self.failed} interleavings in {specs} specs")


def check(connect, specs):
    checking = Check(connect)
    for spec in specs:
        checking.spec(spec)
    checking.summary(len(specs))
    return checking.failed > 0


def first_lacking(shown):
    """What the server says that it does not support, if that is what made the outcome another."""
    return next(([found[1]] for line in shown for found in [re.match(r"\+ .*\b0A000\b\W+(?:M': ')?(.*?) (?:is|are) not supported", line)] if found), [])


@contextlib.contextmanager
def own_database(dsn):
    """A database of our own on a server that others may use at the same time: its DSN."""
    name = f"isolation_{os.getpid()}"
    with contextlib.closing(Session(dsn)) as control:
        control.must(f"CREATE DATABASE {name}")
        try:
            yield re.sub(r"dbname=\w+", f"dbname={name}", dsn)
        finally:
            control.must(f"DROP DATABASE {name} WITH (FORCE)")


class Fresh:
    """A server of our own, started again when it has gone."""

    def __init__(self, dsn):
        self.dsn, self.server = dsn, None

    def __call__(self):
        if self.dsn:
            return self.dsn
        if self.server is None or self.server.process.poll() is not None:
            self.server = Server().start()
        return self.server.dsn()

    def give_up(self, error):
        """A server that does not answer any more would hold up all that follows."""
        if isinstance(error, TimeoutError) and self.server is not None:
            self.server.kill()

    def stop(self):
        if self.server is not None:
            self.server.stop()


def main():
    arguments, dsn = sys.argv[1:], None
    if "--dsn" in arguments:
        at = arguments.index("--dsn")
        dsn = arguments[at + 1]
        del arguments[at:at + 2]
    if not arguments or arguments[0] not in ("record", "check", "show"):
        sys.exit(__doc__)
    chosen = [HERE / f"{name.removesuffix('.spec')}.spec" for name in arguments[1:]] or sorted(HERE.glob("*.spec"))
    specs = [Spec(path) for path in chosen]
    if arguments[0] == "record":
        with own_database(dsn or reference()) as own:
            return record(own, specs)
    fresh = Fresh(dsn)
    try:
        if arguments[0] == "check":
            return check(fresh, specs)
        for spec in specs:
            for number, interleaving in enumerate(spec.interleavings, 1):
                print("\n".join([f"{spec.name}, {title(number, interleaving)}"] + [line for entry in Run(fresh(), spec, interleaving, None).run() for line in entry.lines()]))
    finally:
        fresh.stop()


if __name__ == "__main__":
    sys.exit(main())
