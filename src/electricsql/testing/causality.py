"""The causal order of a history's transactions: a session's one after the other, and each after
those whose writes it read.

The past of a transaction is a clock (for each chain, how many of its transactions are in it), and
a set of bits for those in no chain.
"""

from bisect import bisect_right
from collections import defaultdict, deque
from collections.abc import Iterator, Sequence
from itertools import accumulate

from electricsql.testing.history import OpKind
from electricsql.testing.sources import UNCHAINED, Node, Read, Sources

__all__ = ["CausalOrder", "Node", "cycle_in"]


class _Writers:
    """Who wrote a key: by chain, in order, with how many values up to then; and who is in none."""

    def __init__(self) -> None:
        self.nodes: defaultdict[int, list[Node]] = defaultdict(list)
        self.places: defaultdict[int, list[int]] = defaultdict(list)
        self.counts: dict[int, list[int]] = {}
        self.unchained: list[Node] = []
        self._values: dict[Node, int] = {}

    def add(self, node: Node) -> None:
        if node in self._values:
            self._values[node] += 1
            return
        self._values[node] = 1
        if node.chain == UNCHAINED:
            self.unchained.append(node)
        else:
            self.nodes[node.chain].append(node)
            self.places[node.chain].append(node.place)

    def finish(self) -> None:
        for chain, nodes in self.nodes.items():
            self.counts[chain] = [0, *accumulate(self._values[node] for node in nodes)]

    def values_of(self, node: Node) -> int:
        return self._values[node]


class CausalOrder:
    """Who comes before whom. If there is a `cycle`, nothing else is of use."""

    def __init__(self, sources: Sources) -> None:
        self._nodes = sources.nodes
        self._before = [_direct(node) for node in sources.nodes]
        self.successors: list[list[int]] = [[] for _ in sources.nodes]
        for node, before in zip(sources.nodes, self._before, strict=True):
            for each in before:
                self.successors[each.number].append(node.number)
        self.cycle = [sources.nodes[number] for number in cycle_in(self.successors)]
        self._chains: list[Sequence[int]] = [()] * len(sources.nodes)
        self._bits = [0] * len(sources.nodes)
        self._writers: defaultdict[str, _Writers] = defaultdict(_Writers)
        if not self.cycle:
            self._note_writers()
            self._note_pasts(sources.chains)

    def precedes(self, one: Node, other: Node) -> bool:
        """Whether `one` is in the past of `other`."""
        chains, bits = self._past(other)
        if one.chain == UNCHAINED:
            return bool(bits >> one.number & 1)
        return chains[one.chain] >= one.place

    def last_writers(self, reader: Node, key: str) -> Iterator[Node]:
        """Who wrote a key in the reader's past: the last of each chain, and who is in none."""
        writers = self._writers.get(key)
        if writers is None:
            return
        chains, bits = self._past(reader)
        for chain, places in writers.places.items():
            count = bisect_right(places, chains[chain])
            if count:
                yield writers.nodes[chain][count - 1]
        for node in writers.unchained:
            if bits >> node.number & 1:
                yield node

    def appends_missed(self, reader: Node, read: Read) -> Iterator[Node]:
        """Who appended to a list, in the reader's past, what the reader did not see."""
        writers = self._writers.get(read.key)
        if writers is None:
            return
        seen: defaultdict[Node, int] = defaultdict(int)
        seen_of: defaultdict[int, int] = defaultdict(int)
        for node in read.seen:
            seen[node] += 1
            seen_of[node.chain] += 1
        chains, bits = self._past(reader)
        for chain, places in writers.places.items():
            count = bisect_right(places, chains[chain])
            if seen_of[chain] < writers.counts[chain][count]:
                nodes = writers.nodes[chain][:count]
                yield from (node for node in nodes if seen[node] < writers.values_of(node))
        for node in writers.unchained:
            if bits >> node.number & 1 and seen[node] < writers.values_of(node):
                yield node

    def is_read_by(self, writer: Node, reader: Node) -> bool:
        """Whether the reader saw something of the writer itself."""
        return any(writer in read.seen for read in reader.reads)

    def path(self, one: Node, other: Node) -> list[Node]:
        """The shortest way from one transaction to a later one; empty if that is a final one."""
        if other.transaction.final:
            return []
        came_from: dict[Node, Node] = {}
        queue = deque([other])
        while queue:
            node = queue.popleft()
            for before in self._before[node.number]:
                if before not in came_from and (before is one or self.precedes(one, before)):
                    came_from[before] = node
                    queue.append(before)
        path = [one]
        while path[-1] is not other:
            path.append(came_from[path[-1]])
        return path

    def _past(self, node: Node) -> tuple[Sequence[int], int]:
        """A final read has everything in its past."""
        if node.transaction.final:
            return self._all, self._all_bits
        return self._chains[node.number], self._bits[node.number]

    def _note_writers(self) -> None:
        for node in self._nodes:
            for op in node.written():
                if op.kind is OpKind.APPEND:
                    self._writers[op.key].add(node)
            for key in {op.key for op in node.written() if op.kind is OpKind.WRITE}:
                self._writers[key].add(node)
        for writers in self._writers.values():
            writers.finish()

    def _note_pasts(self, chains: int) -> None:
        for number in _in_order(self.successors):
            past, bits = [0] * chains, 0
            for before in self._before[number]:
                past = list(map(max, past, self._chains[before.number]))
                bits |= self._bits[before.number]
                if before.chain == UNCHAINED:
                    bits |= 1 << before.number
                else:
                    past[before.chain] = max(past[before.chain], before.place)
            self._chains[number], self._bits[number] = past, bits
        self._all = [0] * chains
        self._all_bits = 0
        for node in self._nodes:
            if node.chain == UNCHAINED:
                self._all_bits |= 1 << node.number
            else:
                self._all[node.chain] = max(self._all[node.chain], node.place)


def _direct(node: Node) -> list[Node]:
    """Those right before a transaction: its predecessor, and of each chain the last one read."""
    last: dict[int, Node] = {}
    unchained: dict[Node, None] = {}
    before = (node.previous, *(seen for read in node.reads for seen in read.seen))
    for each in before:
        if each is None:
            continue
        if each.chain == UNCHAINED:
            unchained[each] = None
        elif each.chain not in last or last[each.chain].place < each.place:
            last[each.chain] = each
    return [*last.values(), *unchained]


def _in_order(successors: Sequence[Sequence[int] | set[int]]) -> list[int]:
    """All that are in no circle and behind none, each after those it depends on."""
    waits = [0] * len(successors)
    for later in successors:
        for each in later:
            waits[each] += 1
    ready = [number for number, count in enumerate(waits) if not count]
    for number in ready:
        for each in successors[number]:
            waits[each] -= 1
            if not waits[each]:
                ready.append(each)
    return ready


def cycle_in(successors: Sequence[Sequence[int] | set[int]]) -> list[int]:
    """A short circle, if there is one: of those through a few of its members, the shortest."""
    left = set(range(len(successors))) - set(_in_order(successors))
    starts_max = 50
    found: list[int] = []
    tried = 0
    for start in sorted(left):
        circle = _circle(successors, left, start)
        if circle and (not found or len(circle) < len(found)):
            found = circle
        tried += bool(circle)
        if tried >= starts_max:
            break
    return found


def _circle(
    successors: Sequence[Sequence[int] | set[int]], left: set[int], start: int
) -> list[int]:
    came_from: dict[int, int] = {}
    queue = deque([start])
    while queue:
        number = queue.popleft()
        for each in successors[number]:
            if each == start:
                circle = [number]
                while circle[-1] != start:
                    circle.append(came_from[circle[-1]])
                return circle[::-1]
            if each in left and each not in came_from:
                came_from[each] = number
                queue.append(each)
    return []
