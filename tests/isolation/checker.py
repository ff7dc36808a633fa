"""Says which promises of an isolation level a history of transactions breaks.

A history is a list of Transaction and, per key, the final value read when all was over. Keys hold lists ("append", as in
Elle: a read shows the whole past of the key, so the order of versions is known) or sets ("add": a predicate's rows, so
that phantoms count). Every value is written once, so who wrote what was read is known.

Edges between committed transactions: ww (the next append to a key), wr (read what the other wrote last), rw (did not see
what the other wrote next: an anti-dependency).
  every level         no lost or half transactions, no aborted (G1a), intermediate (G1b) or dirty reads, own writes are
                      seen, what was acknowledged before the snapshot is seen, no cycle of ww and wr (G1c)
  rr, ser             reads are repeatable; no cycle without two rw edges in a row (snapshot isolation: G-SI)
  ser                 no cycle at all (G2)
"""
COMMITTED, ABORTED, UNKNOWN = "committed", "aborted", "unknown"


def brief(value):
    """A long list by its ends."""
    if not isinstance(value, list) or len(value) <= 12:
        return str(value)
    return f"[{', '.join(map(str, value[:3]))}, ...{len(value) - 9} more..., {', '.join(map(str, value[-6:]))}]"


class Op:
    """kind: append, add or read. `value` is what was written, or the list that was read. Times: a monotone clock."""

    def __init__(self, kind, key, value=None, sent=0.0, done=0.0):
        self.kind, self.key, self.value, self.sent, self.done = kind, key, value, sent, done

    def __repr__(self):
        return f"{self.kind} {self.key} {brief(self.value)}"


class Transaction:
    """`sent` is when its COMMIT (or autocommit statement) was sent, `done` when the answer came. UNKNOWN: no answer came."""

    def __init__(self, name, ops, status=COMMITTED, sent=None, done=None):
        self.name, self.ops, self.status = name, ops, status
        self.sent = sent if sent is not None else max((op.done for op in ops), default=0.0)
        self.done = done if done is not None else self.sent

    def written(self, key):
        return [op.value for op in self.ops if op.kind != "read" and op.key == key]

    def begun(self):
        return self.ops[0].sent if self.ops else self.sent

    def __repr__(self):
        return f"{self.name} ({self.status}): " + "; ".join(map(repr, self.ops))


class Checker:
    def __init__(self, level, transactions, final):
        self.level, self.transactions, self.final = level, transactions, final
        self.problems, self.edges = [], {}  # edges: transaction -> {(kind, transaction): why}
        self.writer = {}

    def check(self):
        """The problems, as text; none when the history is as promised."""
        self.find_writers()
        self.settle_unknown()
        self.check_final()
        for transaction in self.transactions:
            self.check_reads(transaction)
        self.add_write_edges()
        for transaction in self.transactions:
            if transaction.status == COMMITTED:
                self.add_read_edges(transaction)
        self.check_cycles()
        return self.problems

    def complain(self, what, *transactions):
        self.problems.append(what + "".join(f"\n      {transaction}" for transaction in transactions))

    def find_writers(self):
        for transaction in self.transactions:
            for op in transaction.ops:
                if op.kind != "read":
                    assert (op.key, op.value) not in self.writer, f"the history writes {op} twice"
                    self.writer[op.key, op.value] = transaction

    def settle_unknown(self):
        """Who got no answer has committed if anything of it is there; then everything must be."""
        for transaction in self.transactions:
            if transaction.status == UNKNOWN:
                there = any(op.kind != "read" and op.value in self.final.get(op.key, ()) for op in transaction.ops)
                transaction.status, transaction.done = (COMMITTED if there else ABORTED), float("inf")

    def check_final(self):
        for key, values in self.final.items():
            for value in values:
                writer = self.writer.get((key, value))
                if writer is None:
                    self.complain(f"key {key} holds {value}, which nobody wrote")
                elif writer.status == ABORTED:
                    self.complain(f"key {key} holds {value} of an aborted transaction", writer)
            if len(set(values)) != len(values):
                self.complain(f"key {key} holds a value twice: {brief(values)}")
        for transaction in self.transactions:
            if transaction.status == COMMITTED:
                missing = [op for op in transaction.ops if op.kind != "read" and op.value not in self.final.get(op.key, ())]
                if missing:
                    self.complain(f"lost: a committed transaction's {missing} is not there", transaction)
                for key in {op.key for op in transaction.ops if op.kind == "append"}:
                    mine = [value for value in self.final.get(key, ()) if value in transaction.written(key)]
                    if not missing and (mine != transaction.written(key) or not contiguous(self.final[key], mine)):
                        self.complain(f"key {key}: the appends of one transaction are apart: {brief(self.final[key])}", transaction)

    def check_reads(self, transaction):
        own, first = {}, {}  # per key: written so far; what the first read showed of others
        for op in transaction.ops:
            mine = own.setdefault(op.key, [])
            if op.kind != "read":
                mine.append(op.value)
                continue
            others = [value for value in op.value if value not in mine]
            if [value for value in op.value if value in mine] != (mine if self.ordered(op.key) else sorted(mine, key=op.value.index) if set(mine) <= set(op.value) else mine):
                self.complain(f"own writes are not seen: {op}", transaction)
            elif self.ordered(op.key) and mine and op.value[-len(mine):] != mine:
                self.complain(f"somebody wrote over uncommitted writes: {op}", transaction)
            self.check_others(transaction, op, others)
            if self.level != "rc" and key_changed(first.setdefault(op.key, others), others, self.ordered(op.key)):
                self.complain(f"not repeatable: {op}, before {brief(first[op.key])}", transaction)
            seen_from = op.sent if self.level == "rc" else transaction.begun()
            for value in self.final.get(op.key, ()):
                writer = self.writer.get((op.key, value))
                if writer and writer is not transaction and writer.status == COMMITTED and writer.done < seen_from and value not in op.value:
                    self.complain(f"stale: {op} lacks {value}, which had been acknowledged", transaction, writer)

    def check_others(self, transaction, op, others):
        for value in others:
            writer = self.writer.get((op.key, value))
            if writer is None:
                self.complain(f"{op}: nobody wrote {value}", transaction)
            elif writer.status == ABORTED:
                self.complain(f"G1a: {op} shows {value} of an aborted transaction", transaction, writer)
            elif writer is not transaction and op.done < writer.sent:
                self.complain(f"dirty: {op} shows {value} before its COMMIT was sent", transaction, writer)
            elif writer is transaction:
                self.complain(f"{op} shows {value} before it was written", transaction)
        if self.ordered(op.key):
            if others != self.final.get(op.key, [])[:len(others)]:
                self.complain(f"{op} is no beginning of the final {brief(self.final.get(op.key))}", transaction)
        for writer in {self.writer[op.key, value] for value in others if (op.key, value) in self.writer}:
            if writer is not transaction and not set(writer.written(op.key)) <= set(op.value):
                self.complain(f"G1b: {op} shows a part of what a transaction wrote", transaction, writer)

    def ordered(self, key):
        return not str(key).startswith("set")

    def add_edge(self, kind, source, target, why):
        if source is not target:
            self.edges.setdefault(source, {}).setdefault((kind, target), why)

    def add_write_edges(self):
        for key, values in self.final.items():
            writers = [self.writer.get((key, value)) for value in values] if self.ordered(key) else []
            for before, after in zip(writers, writers[1:]):
                if before and after:
                    self.add_edge("ww", before, after, f"key {key}")

    def add_read_edges(self, transaction):
        for op in transaction.ops:
            if op.kind != "read":
                continue
            final = self.final.get(op.key, [])
            others = [value for value in op.value if self.writer.get((op.key, value)) is not transaction]
            sources = others[-1:] if self.ordered(op.key) else others
            unseen = [value for value in final if value not in op.value and self.writer.get((op.key, value)) is not transaction]
            for value in sources:
                writer = self.writer.get((op.key, value))
                if writer and writer.status == COMMITTED:
                    self.add_edge("wr", writer, transaction, f"key {op.key} value {value}")
            for value in unseen[:1] if self.ordered(op.key) else unseen:
                writer = self.writer.get((op.key, value))
                if writer and writer.status == COMMITTED:
                    self.add_edge("rw", transaction, writer, f"key {op.key} value {value}")

    def check_cycles(self):
        cycle = self.cycle(lambda kind, last: kind != "rw")
        if cycle:
            return self.complain("G1c: a cycle of writes and reads: " + self.described(cycle), *[t for t, _, _ in cycle])
        if self.level == "rc":
            return None
        cycle = self.cycle(lambda kind, last: kind != "rw" or last != "rw")
        if cycle:
            return self.complain("G-SI: a cycle without two rw in a row: " + self.described(cycle), *[t for t, _, _ in cycle])
        if self.level == "ser":
            cycle = self.cycle(lambda kind, last: True)
            if cycle:
                return self.complain("G2: a cycle: " + self.described(cycle), *[t for t, _, _ in cycle])
        return None

    def described(self, cycle):
        return ", ".join(f"{source.name} -{kind}-> {target.name} ({self.edges[source][kind, target]})" for source, kind, target in cycle)

    def cycle(self, allowed):
        """A shortest cycle in which each edge is `allowed` after the one before, as [(from, kind, to)]; None if there is none."""
        best = None
        for start in self.inside_cycles():
            for (kind, first) in self.edges.get(start, {}):
                if not allowed(kind, None):
                    continue
                found = self.path(start, kind, first, allowed)
                if found and (best is None or len(found) < len(best)):
                    best = found
                if best and len(best) == 2:
                    return best
        return best

    def path(self, start, kind, first, allowed):
        came, queue = {(first, kind): None}, [(first, kind)]
        for state in queue:
            node, last = state
            if node is start and allowed(kind, last):  # the first edge follows the last one, too
                out = []
                while state is not None:
                    before = came[state]
                    out.append((before[0] if before else start, state[1], state[0]))
                    state = before
                return out[::-1]
            if node is start:
                continue
            for (next_kind, target) in self.edges.get(node, {}):
                if allowed(next_kind, last) and (target, next_kind) not in came and target in self.members:
                    came[target, next_kind] = state
                    queue.append((target, next_kind))
        return None

    def inside_cycles(self):
        """The transactions of strongly connected components of more than one (Tarjan, without recursion)."""
        index, low, stack, on_stack, out = {}, {}, [], set(), []
        for root in list(self.edges):
            if root in index:
                continue
            work = [(root, iter(self.edges.get(root, {})))]
            index[root] = low[root] = len(index)
            stack.append(root)
            on_stack.add(root)
            while work:
                node, targets = work[-1]
                for _, target in targets:
                    if target not in index:
                        index[target] = low[target] = len(index)
                        stack.append(target)
                        on_stack.add(target)
                        work.append((target, iter(self.edges.get(target, {}))))
                        break
                    if target in on_stack:
                        low[node] = min(low[node], index[target])
                else:
                    work.pop()
                    if work:
                        low[work[-1][0]] = min(low[work[-1][0]], low[node])
                    if low[node] == index[node]:
                        part = []
                        while not part or part[-1] is not node:
                            part.append(stack.pop())
                            on_stack.discard(part[-1])
                        if len(part) > 1:
                            out += part
        self.members = set(out)
        return out


def contiguous(values, part):
    return not part or values[values.index(part[0]):][:len(part)] == part


def key_changed(before, after, ordered):
    return before != after if ordered else set(before) != set(after)


def check(level, transactions, final):
    return Checker(level, transactions, final).check()
