"""Reads tests/isolation/*.spec. Lines that start in the first column are directives; indented ones belong to the directive
above them; `#` starts a comment.

  setup                    SQL run before each interleaving, on a connection of its own, one statement per `;` at the end
                           of a line. Tables, views, sequences, functions and types that the file creates are dropped first.
  after                    SQL run after each interleaving; what it returns is part of the outcome.
  session NAME             the steps of one connection, one per line: the step's name, blanks, its SQL. Lines indented
                           further go on with the SQL above. Every session also has the steps of BUILT_IN below.
  interleaving [compare=transactions] [TITLE]
                           the schedule: SESSION.STEP, separated by blanks, over as many indented lines as it takes.
                           SESSION.STEP~ ends by itself (a timeout), so wait for it; SESSION.cancel sends a CancelRequest;
                           SESSION.close drops the connection; pause:MS does nothing for so long.
  each NAME in VALUE, VALUE ...
                           repeats what stands between it and `end` with {NAME} replaced, and {NAME_} by the value with
                           underscores for blanks.

compare=transactions: a transaction that fails with 40001 may do so at any of its steps: PostgreSQL's SERIALIZABLE fails
at whichever step closes a dangerous structure, another implementation may find out at COMMIT. What it read until the
first failure, and whether it commits, must be the same.
"""
import re

BUILT_IN = {
    "begin": "BEGIN", "rc": "BEGIN ISOLATION LEVEL READ COMMITTED", "rr": "BEGIN ISOLATION LEVEL REPEATABLE READ",
    "ser": "BEGIN ISOLATION LEVEL SERIALIZABLE", "commit": "COMMIT", "rollback": "ROLLBACK", "save": "SAVEPOINT s", "back": "ROLLBACK TO SAVEPOINT s",
    "release": "RELEASE SAVEPOINT s", "cancel": None, "close": None,
}


class Interleaving:
    def __init__(self, title, transactions):
        self.title, self.transactions, self.steps = title, transactions, []


class Spec:
    def __init__(self, path):
        self.name, self.setup, self.after, self.sessions, self.interleavings = path.stem, [], [], {}, []
        source = path.read_text()
        self.read(expand([line.rstrip() for line in source.split("\n") if line.strip() and not line.lstrip().startswith("#")]))
        created = re.findall(r"(?i)\bcreate\s+(?:or\s+replace\s+)?(?:temp\w*\s+|unlogged\s+)?(table|view|sequence|function|materialized view|type)\s+(?:if\s+not\s+exists\s+)?(\w+)", source)
        renamed = re.findall(r"(?i)\balter\s+(table)\s+\w+\s+rename\s+to\s+(\w+)", source)
        self.created = list(dict.fromkeys((kind.upper(), name) for kind, name in created + renamed))
        for interleaving in self.interleavings:
            for step in interleaving.steps:
                if not step.startswith("pause:"):
                    self.sql(step)

    def read(self, lines):
        body, session, step = None, None, None
        for line in lines:
            if not line[0].isspace():
                word, _, rest = line.partition(" ")
                rest, session, step = rest.strip(), None, None
                if word in ("setup", "after"):
                    body = getattr(self, word)
                elif word == "session":
                    body, session = None, self.sessions.setdefault(rest, {})
                elif word == "interleaving":
                    transactions, title = rest.startswith("compare=transactions"), rest.removeprefix("compare=transactions").strip()
                    self.interleavings.append(Interleaving(title, transactions))
                    body = self.interleavings[-1].steps
                else:
                    raise SyntaxError(f"{self.name}: {line}")
                continue
            if session is not None:
                depth = len(line) - len(line.lstrip())
                if step is not None and depth > step[0]:
                    session[step[1]] += "\n" + line.strip()
                    continue
                name, _, sql = line.strip().partition(" ")
                if name in session or not sql or name in ("cancel", "close"):
                    raise SyntaxError(f"{self.name}: step {name}: {line}")
                session[name] = sql.strip()
                step = (depth, name)
            elif body is self.setup or body is self.after:
                body.append(line.strip())
            else:
                body.extend(line.split())

    def sql(self, step):
        session, _, name = step.rstrip("~").partition(".")
        steps = self.sessions.get(session)
        if steps is None or (name not in steps and name not in BUILT_IN):
            raise SyntaxError(f"{self.name}: there is no step {step}")
        return steps.get(name, BUILT_IN.get(name))

    def statements(self, lines):
        out = "\n".join(lines)
        return [statement for statement in re.split(r";\n", out + "\n") if statement.strip()]


def expand(lines):
    out, at = [], 0
    while at < len(lines):
        if not lines[at].startswith("each "):
            out.append(lines[at])
            at += 1
            continue
        name, _, values = lines[at][5:].partition(" in ")
        depth, end = 1, at + 1
        while depth:
            depth += lines[end].startswith("each ") - (lines[end] == "end")
            end += 1
        for value in values.split(","):
            value = value.strip()
            inside = [line.replace("{" + name + "}", value).replace("{" + name + "_}", value.replace(" ", "_")) for line in lines[at + 1:end - 1]]
            out.extend(expand(inside))
        at = end
    return out
