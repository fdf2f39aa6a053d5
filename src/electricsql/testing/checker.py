"""Whether a history is causally consistent, transactional and convergent (TCC+), seen from outside.

Every value is written once, so each read tells whose transaction it saw; that and the order within
each session make the causal order. Then a history is causally convergent exactly if (Bouajjani et
al., "On Verifying Causal Consistency", 2017; Biswas and Enea, "On the Complexity of Checking
Transactional Consistency", 2019):

1. each transaction is sound in itself: it reads what was committed whole, its own writes, and one
   value of a key however often it looks;
2. the causal order has no cycle;
3. no read misses a write that its transaction has in its past: a value that was overwritten by it,
   a key without any, a list that lacks it;
4. there is one order of all transactions that explains every choice between concurrent writes: for
   each read, all other writes of the key in the reader's past come before the one it saw.

A final read has everything committed in its past, so by 3 and 4 nothing may be lost in it; and all
final reads are equal.

A transaction of which nobody knows whether it committed counts if its writes were read. It comes
after what its session did before, but nothing has to come after it, and what it read says nothing.

The past of a transaction is kept as a clock: how many transactions of each session are in it. The
cost is about transactions x sessions + reads x sessions.

Run it: `python -m electricsql.testing.checker history.jsonl`. It ends with 0 if the history is
consistent, 1 if not, 2 if it can't be judged.
"""

import sys
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Final

from electricsql.testing.causality import CausalOrder, Node, cycle_in
from electricsql.testing.findings import Anomaly, Finding
from electricsql.testing.history import Transaction, UnusableHistory, read_history
from electricsql.testing.sources import Read, sources_of

_FINDINGS_MAX: Final = 1_000
_SHOWN_MAX: Final = 20


def check(transactions: Iterable[Transaction]) -> list[Finding]:
    """What is wrong with a history, up to a thousand findings; nothing if it is consistent.

    Raises:
        UnusableHistory: it can't be judged: a value is written twice, or an index is.
    """
    sources = sources_of(transactions)
    findings = [*sources.findings, *_unequal_finals(sources.finals)]
    order = CausalOrder(sources)
    if order.cycle:
        return [*findings, _cyclic(Anomaly.CYCLE, order.cycle)]
    after: list[set[int]] = [set(successors) for successors in order.successors]
    for reader in (*sources.nodes, *sources.finals):
        for read in reader.reads:
            findings.extend(_check_read(order, reader, read, after))
        if len(findings) >= _FINDINGS_MAX:
            return findings
    cycle = cycle_in(after)
    if cycle:
        nodes = [sources.nodes[number] for number in cycle]
        findings.append(_cyclic(Anomaly.NO_ORDER, nodes))
    return findings


def _check_read(
    order: CausalOrder, reader: Node, read: Read, after: list[set[int]]
) -> Iterable[Finding]:
    """Rule 3 for one read; what it says for rule 4 goes into `after`."""
    if read.is_list:
        return [_missed(order, reader, read, lost) for lost in order.appends_missed(reader, read)]
    seen = read.seen[0] if read.seen else None
    findings = []
    for other in order.last_writers(reader, read.key):
        if other is seen or other is reader:
            continue
        if seen is None or order.precedes(seen, other):
            findings.append(_missed(order, reader, read, other))
        else:
            after[other.number].add(seen.number)
    return findings


def _missed(order: CausalOrder, reader: Node, read: Read, missed: Node) -> Finding:
    if reader.transaction.final:
        anomaly = Anomaly.LOST
    elif order.is_read_by(missed, reader):
        anomaly = Anomaly.FRACTURED
    elif read.is_list:
        anomaly = Anomaly.MISSING_APPEND
    else:
        anomaly = Anomaly.OVERWRITTEN if read.seen else Anomaly.UNBORN
    how = order.path(missed, reader)
    known = f", known by {' -> '.join(map(str, how))}" if how else ""
    saw = f" of {read.seen[0]}" if read.seen and not read.is_list else ""
    return Finding(
        anomaly,
        f"{reader} reads {read.key} = {_shown(read.value)}{saw}, without what {missed} wrote"
        f"{known}.",
        (reader.transaction, missed.transaction),
    )


def _cyclic(anomaly: Anomaly, nodes: Sequence[Node]) -> Finding:
    chain = " -> ".join(map(str, (*nodes, nodes[0])))
    return Finding(anomaly, f"In a circle: {chain}.", tuple(node.transaction for node in nodes))


def _unequal_finals(finals: Sequence[Node]) -> Iterable[Finding]:
    """Every final read must have every key, with one value."""
    first: dict[str, tuple[Node, Read]] = {}
    for reader in finals:
        for read in reader.reads:
            found, other = first.setdefault(read.key, (reader, read))
            if set(other.seen) != set(read.seen):
                yield Finding(
                    Anomaly.UNEQUAL,
                    f"In the end {reader} reads {read.key} = {_shown(read.value)}, and {found}"
                    f" {_shown(other.value)}.",
                    (reader.transaction, found.transaction),
                )
    for reader in finals:
        unread = sorted(first.keys() - {read.key for read in reader.reads})
        if unread:
            problem = f"In the end {reader} does not read {', '.join(unread)}, as others do."
            yield Finding(Anomaly.UNREAD, problem, (reader.transaction,))


def _shown(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else f"{text[:40]} … {text[-20:]}"


def main(arguments: Sequence[str]) -> int:
    """The command; gives its exit status."""
    if len(arguments) != 1:
        sys.stderr.write("usage: python -m electricsql.testing.checker history.jsonl\n")
        return 2
    try:
        transactions = read_history(Path(arguments[0]))
        findings = check(transactions)
    except (UnusableHistory, OSError, UnicodeDecodeError) as error:
        sys.stderr.write(f"{error}\n")
        return 2
    for finding in findings[:_SHOWN_MAX]:
        sys.stdout.write(f"{finding}\n")
    kinds = Counter(finding.anomaly.value for finding in findings)
    counts = ", ".join(f"{count} {kind}" for kind, count in kinds.items())
    sys.stdout.write(f"{len(transactions)} transactions: {counts or 'consistent'}\n")
    return 1 if findings else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
