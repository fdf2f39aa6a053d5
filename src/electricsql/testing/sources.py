"""What each transaction of a history read from whom, and what is wrong with single transactions.

Left out are the transactions that did not commit, and those of which nobody knows and nobody saw
anything.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Final

from electricsql.testing.findings import Anomaly, Finding
from electricsql.testing.history import (
    Op,
    OpKind,
    Outcome,
    Scalar,
    Transaction,
    UnusableHistory,
    Value,
)

UNCHAINED: Final = -1


@dataclass(eq=False, slots=True)
class Node:
    """A committed transaction. Its session is a chain, in which it has a place (from 1); one of
    which nobody knows whether it committed is in no chain, and only comes after `previous`."""

    transaction: Transaction
    number: int = UNCHAINED
    chain: int = UNCHAINED
    place: int = 0
    previous: "Node | None" = None
    reads: "list[Read]" = field(default_factory=list)

    def __str__(self) -> str:
        return str(self.transaction)

    def written(self) -> Iterator[Op]:
        """Its writes and appends."""
        return (op for op in self.transaction.ops if op.kind is not OpKind.READ)


@dataclass(eq=False, slots=True)
class Read:
    """What a transaction read of a key that others had written: whose values those are (of a list
    one for each element, of a register one or none)."""

    key: str
    value: Value
    is_list: bool
    seen: tuple[Node, ...] = ()


@dataclass(slots=True)
class Sources:
    """The committed transactions, those of a session one after the other; the final ones apart."""

    nodes: list[Node]
    finals: list[Node]
    chains: int
    findings: list[Finding]


def sources_of(transactions: Iterable[Transaction]) -> Sources:
    """Resolve all reads.

    Raises:
        UnusableHistory: the history can't be judged.
    """
    return _Resolving(transactions).run()


class _Resolving:
    def __init__(self, transactions: Iterable[Transaction]) -> None:
        self._all = sorted(transactions, key=lambda each: (each.session, each.index))
        self._writers: dict[tuple[str, Value], Node] = {}
        self._overwritten: set[tuple[str, Value]] = set()
        self._lists: set[str] = set()
        self._findings: list[Finding] = []
        self._reading = [Node(each) for each in self._all if each.outcome is Outcome.OK]
        nodes = {id(node.transaction): node for node in self._reading}
        self._nodes = [nodes.get(id(each)) or Node(each) for each in self._all]

    def run(self) -> Sources:
        self._note_writes()
        for node in self._reading:
            self._read(node)
        seen = {writer for node in self._reading for read in node.reads for writer in read.seen}
        committed = [
            node for node in self._nodes if node.transaction.outcome is Outcome.OK or node in seen
        ]
        finals = [node for node in committed if node.transaction.final]
        nodes = [node for node in committed if not node.transaction.final]
        return Sources(nodes, finals, _chain(nodes), self._findings)

    def _note_writes(self) -> None:
        names = [(node.transaction.session, node.transaction.index) for node in self._nodes]
        if len(set(names)) < len(names):
            raise UnusableHistory("Two transactions of a session have the same index.")
        registers: set[str] = set()
        for node in self._nodes:
            last: dict[str, Value] = {}
            for op in node.transaction.ops:
                if op.kind is OpKind.APPEND or isinstance(op.value, tuple):
                    self._lists.add(op.key)
                elif op.kind is OpKind.WRITE or op.value is not None:
                    registers.add(op.key)
            for op in node.written():
                self._note_write(node, op)
                if op.kind is OpKind.WRITE:
                    if op.key in last:
                        self._overwritten.add((op.key, last[op.key]))
                    last[op.key] = op.value
        mixed = sorted(self._lists & registers)
        if mixed:
            raise UnusableHistory(f"Both a list and a register: {', '.join(mixed)}.")

    def _note_write(self, node: Node, op: Op) -> None:
        if node.transaction.final:
            raise UnusableHistory(f"{node} is final, and writes.")
        if op.value is None or (op.key, op.value) in self._writers:
            raise UnusableHistory(f"{node} writes {op.value!r} to {op.key}, which is not new.")
        self._writers[op.key, op.value] = node

    def _read(self, node: Node) -> None:
        """Judge a transaction's reads by its own writes; keep those of others' values."""
        own: defaultdict[str, list[Value]] = defaultdict(list)
        first: dict[str, Read] = {}
        for kind, key, found in node.transaction.ops:
            if kind is not OpKind.READ:
                own[key].append(found)
                continue
            is_list = key in self._lists
            if own[key] and not is_list:
                if found != own[key][-1]:
                    self._find(Anomaly.OWN_WRITE, node, f"{key} = {found!r}")
                continue
            value = self._foreign(node, key, found, own[key]) if is_list else found
            before = first.get(key)
            if before is None:
                first[key] = Read(key, value, is_list, tuple(self._seen(node, key, value)))
            elif before.value != value:
                self._find(Anomaly.UNREPEATABLE, node, f"{key} = {value!r}, {before.value!r}")
        node.reads = list(first.values())

    def _foreign(self, node: Node, key: str, value: Value, own: list[Value]) -> Value:
        """The elements of a list that others appended."""
        elements: tuple[Scalar, ...] = value if isinstance(value, tuple) else ()
        if len(set(elements)) < len(elements):
            self._find(Anomaly.DUPLICATE, node, f"{key} = {elements!r}")
        if not set(own) <= set(elements):
            self._find(Anomaly.OWN_WRITE, node, f"{key} = {elements!r}")
        mine = set(own)
        return tuple(each for each in dict.fromkeys(elements) if each not in mine)

    def _seen(self, node: Node, key: str, value: Value) -> Iterator[Node]:
        """Who wrote what was read."""
        values: Iterable[Value] = value if isinstance(value, tuple) else (value,)
        for each in values:
            writer = self._writers.get((key, each))
            if each is None:
                continue
            if writer is None:
                self._find(Anomaly.THIN_AIR, node, f"{key} = {each!r}")
            elif writer.transaction.outcome is Outcome.FAIL:
                self._find(Anomaly.ABORTED, node, f"{key} = {each!r} of {writer}")
            elif writer is node:
                self._find(Anomaly.FUTURE, node, f"{key} = {each!r}")
            else:
                if (key, each) in self._overwritten:
                    self._find(Anomaly.INTERMEDIATE, node, f"{key} = {each!r} of {writer}")
                yield writer

    def _find(self, anomaly: Anomaly, node: Node, what: str) -> None:
        self._findings.append(Finding(anomaly, f"{node} reads {what}.", (node.transaction,)))


def _chain(nodes: Iterable[Node]) -> int:
    """Number the nodes and their places; gives how many chains there are."""
    chains: dict[str, int] = {}
    last: dict[str, Node] = {}
    for number, node in enumerate(nodes):
        session = node.transaction.session
        node.number = number
        node.previous = last.get(session)
        if node.transaction.outcome is Outcome.OK:
            node.chain = chains.setdefault(session, len(chains))
            node.place = node.previous.place + 1 if node.previous else 1
            last[session] = node
    return len(chains)
