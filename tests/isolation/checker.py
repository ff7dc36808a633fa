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

    def seen(self):
        """The values read, for look-ups."""
        if not hasattr(self, "found") or len(self.found) != len(self.value):
            self.found = set(self.value)
        return self.found

    def __repr__(self):
        return f"{self.kind} {self.key} {brief(self.value)}"


class Transaction:
    """`sent` is when its COMMIT (or autocommit statement) was sent, `done` when the answer came. UNKNOWN: no answer came.
    `cut`: a crash came before it was told of its end."""

    def __init__(self, name, ops, status=COMMITTED, sent=None, done=None, cut=False):
        self.name, self.ops, self.status, self.cut = name, ops, status, cut
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
        self.there = {key: set(values) for key, values in final.items()}
        self.problems, self.edges = [], {}  # edges: transaction -> {(kind, transaction): why}
        self.writer, self.lost = {}, set()

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
                there = any(op.kind != "read" and op.value in self.there.get(op.key, ()) for op in transaction.ops)
                transaction.status, transaction.done = (COMMITTED if there else ABORTED), float("inf")
                if not there:
                    self.lost.add(transaction)

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
                missing = [op for op in transaction.ops if op.kind != "read" and op.value not in self.there.get(op.key, ())]
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
            # Answers within an open block are provisional, as the block is: a crash may take back what they show.
            if transaction.cut and any(self.writer.get((op.key, value)) in self.lost for value in others):
                continue
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
                if writer and writer is not transaction and writer.status == COMMITTED and writer.done < seen_from and value not in op.seen():
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
            if writer is not transaction and not set(writer.written(op.key)) <= op.seen():
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
                    self.add_edge("ww", before, after, (key,))

    def add_read_edges(self, transaction):
        for op in transaction.ops:
            if op.kind != "read":
                continue
            final = self.final.get(op.key, [])
            others = [value for value in op.value if self.writer.get((op.key, value)) is not transaction]
            sources = others[-1:] if self.ordered(op.key) else others
            unseen = [value for value in final if value not in op.seen() and self.writer.get((op.key, value)) is not transaction]
            for value in sources:
                writer = self.writer.get((op.key, value))
                if writer and writer.status == COMMITTED:
                    self.add_edge("wr", writer, transaction, (op.key, value))
            for value in unseen[:1] if self.ordered(op.key) else unseen:
                writer = self.writer.get((op.key, value))
                if writer and writer.status == COMMITTED:
                    self.add_edge("rw", transaction, writer, (op.key, value))

    def check_cycles(self):
        if self.complain_cycle("G1c: a cycle of writes and reads", lambda state, kind: state if kind != "rw" else None):
            return
        # The state is whether the edge before was rw: then the next may not be.
        if self.level != "rc" and self.complain_cycle("G-SI: a cycle without two rw in a row", lambda state, kind: None if state and kind == "rw" else kind == "rw"):
            return
        if self.level == "ser":
            self.complain_cycle("G2: a cycle", lambda state, kind: False)

    def complain_cycle(self, what, step):
        """`step(state, kind)` is the state after an edge, or None where that edge is no part of such a cycle."""
        graph = {(source, state): [(kind, (target, step(state, kind))) for kind, target in edges if step(state, kind) is not None]
                 for source, edges in self.edges.items() for state in (False, True)}
        part = component(graph)
        if not part:
            return False
        cycle = min((shortest(graph, part, start) for start in sorted(part, key=lambda node: node[0].name)[:40]), key=len)
        edges = [(source[0], kind, target[0]) for source, kind, target in cycle]
        self.complain(f"{what}: " + ", ".join(f"{source.name} -{kind}-> {target.name} (key {' value '.join(map(str, self.edges[source][kind, target]))})" for source, kind, target in edges), *[source for source, _, _ in edges])
        return True


def shortest(graph, part, start):
    """A shortest cycle through `start` inside of its component, as [(from, kind, to)]."""
    came, queue = {}, [start]
    for node in queue:
        for kind, target in graph.get(node, ()):
            if target == start:
                out = [(node, kind, target)]
                while node != start:
                    out.append(came[node])
                    node = came[node][0]
                return out[::-1]
            if target in part and target not in came:
                came[target] = (node, kind, target)
                queue.append(target)
    raise AssertionError("a component without a cycle")


def component(graph):
    """The nodes of a strongly connected component of more than one; empty if there is none (Tarjan, without recursion)."""
    index, low, stack, on_stack = {}, {}, [], set()
    for root in graph:
        work = [] if root in index else [(root, iter(graph[root]))]
        while work:
            node, targets = work[-1]
            if node not in index:
                index[node] = low[node] = len(index)
                stack.append(node)
                on_stack.add(node)
            for _, target in targets:
                if target not in index:
                    work.append((target, iter(graph.get(target, ()))))
                    break
                if target in on_stack:
                    low[node] = min(low[node], index[target])
            else:
                work.pop()
                if work:
                    low[work[-1][0]] = min(low[work[-1][0]], low[node])
                if low[node] == index[node]:
                    part = set()
                    while node not in part:
                        part.add(stack.pop())
                    on_stack -= part
                    if len(part) > 1:
                        return part
    return set()


def contiguous(values, part):
    return not part or values[values.index(part[0]):][:len(part)] == part


def key_changed(before, after, ordered):
    return before != after if ordered else set(before) != set(after)


def check(level, transactions, final):
    return Checker(level, transactions, final).check()
