"""Small histories by hand, one for each thing that can be wrong; and random ones, which the
checker beside the design judges too, where it is there."""

import json
import subprocess
import sys
from pathlib import Path
from random import Random
from time import perf_counter

import pytest

from electricsql.testing.checker import check, main
from electricsql.testing.findings import Anomaly
from electricsql.testing.history import (
    Op,
    OpKind,
    Outcome,
    Transaction,
    UnusableHistory,
    Value,
    read_history,
    write_history,
)
from tests.house.tree import ROOT

SECOND_OPINION = ROOT.parent / "shared/tools/tcc_checker.py"


def history(text: str) -> list[Transaction]:
    """`a: w x 1, r y -` is a transaction of session a. A session that ends with `?` doesn't know
    how it ended, one with `!` knows that it failed, one with `.` reads in the end. `l` and `m` are
    lists, read as `1+2`."""
    transactions: list[Transaction] = []
    for line in filter(None, map(str.strip, text.strip().splitlines())):
        name, _, ops = line.partition(": ")
        session = name.rstrip("?!.")
        outcome = {"?": Outcome.INFO, "!": Outcome.FAIL}.get(name[-1], Outcome.OK)
        index = sum(each.session == session for each in transactions)
        parsed = tuple(_op(*op.split()) for op in ops.split(", "))
        transactions.append(Transaction(session, index, outcome, parsed, name[-1] == "."))
    return transactions


def _op(kind: str, key: str, text: str) -> Op:
    if key in "lm":
        values = () if text == "-" else tuple(map(int, text.split("+")))
        value: Value = values if kind == "r" else values[0]
        return Op(OpKind.READ if kind == "r" else OpKind.APPEND, key, value)
    return Op(OpKind(kind), key, None if text == "-" else int(text))


ANOMALIES = {
    Anomaly.THIN_AIR: """
        a: w x 1
        b: r x 2
    """,
    Anomaly.ABORTED: """
        a!: w x 1
        b: r x 1
    """,
    Anomaly.INTERMEDIATE: """
        a: w x 1, w x 2
        b: r x 1
    """,
    Anomaly.FUTURE: """
        a: r x 1, w x 1
    """,
    Anomaly.OWN_WRITE: """
        a: w x 1, r x -
    """,
    Anomaly.UNREPEATABLE: """
        a: w x 1
        b: r x -, r x 1
    """,
    Anomaly.DUPLICATE: """
        a: append l 1
        b: r l 1+1
    """,
    Anomaly.CYCLE: """
        a: r y 1, w x 1
        b: r x 1, w y 1
    """,
    Anomaly.OVERWRITTEN: """
        a: w x 1
        a: w x 2, w y 1
        b: r y 1
        b: w z 1
        c: r z 1, r x 1
    """,
    Anomaly.UNBORN: """
        a: w x 1
        a: w y 1
        b: r y 1, r x -
    """,
    Anomaly.FRACTURED: """
        a: w x 1
        b: r x 1, w x 2, w y 2
        c: r y 2, r x 1
    """,
    Anomaly.MISSING_APPEND: """
        a: append l 1
        a: append l 2
        b: r l 2
    """,
    Anomaly.NO_ORDER: """
        a: w x 1
        b: w x 2
        c: r x 1
        c: r x 2
        d: r x 2
        d: r x 1
    """,
    Anomaly.UNEQUAL: """
        a: w x 1
        b: w x 2
        c.: r x 1
        d.: r x 2
    """,
    Anomaly.UNREAD: """
        a: w x 1, w y 1
        c.: r x 1, r y 1
        d.: r x 1
    """,
    Anomaly.LOST: """
        a: w x 1, append l 1
        c.: r x 1, r l -
    """,
}


def anomalies(transactions: list[Transaction]) -> list[Anomaly]:
    return [finding.anomaly for finding in check(transactions)]


@pytest.mark.parametrize("anomaly", Anomaly)
def test_each_anomaly_is_found(anomaly: Anomaly) -> None:
    also = {Anomaly.NO_ORDER} if anomaly is Anomaly.UNEQUAL else set()
    assert set(anomalies(history(ANOMALIES[anomaly]))) == {anomaly} | also


@pytest.mark.parametrize(
    "text",
    [
        "a: r x -, w x 1, r x 1, w x 2, r x 2",
        # Concurrent writes, and all agree on the later one.
        """
        a: w x 1
        b: w x 2
        c: r x 1
        c: r x 2
        d: r x 2
        d: r x 2
        a.: r x 2
        b.: r x 2
        """,
        # Lost updates and write skew are allowed.
        """
        a: w x 1
        b: r x 1, w x 2
        c: r x 1, w x 3
        d: r x 1, r y -, w y 1
        e.: r x 2, r y 1
        f.: r x 2, r y 1
        """,
        # Nobody knows of the first and the last, but somebody saw the first.
        """
        a?: w x 1, r y 17
        a: w y 1
        a?: w x 3
        b: r x 1
        b: w x 2
        c: r y 1, r x -
        c.: r x 2, r y 1
        """,
        # Lists may be read in any order, and have several elements of one transaction.
        """
        a: append l 1, append l 2, r l 1+2
        b: append l 3, append m 1, r l 3
        c: r l 3, r m 1
        c.: r l 3+1+2, r m 1
        """,
    ],
)
def test_what_is_consistent_passes(text: str) -> None:
    assert check(history(text)) == []


def test_a_part_of_a_transaction_is_fractured_in_lists_too() -> None:
    appends = "a: append l 1, append m 2\nb: r m 2, r l -"
    several = "a: append l 1, append l 2\nb: r l 2"
    assert anomalies(history(appends)) == anomalies(history(several)) == [Anomaly.FRACTURED]


def test_a_write_of_unknown_fate_comes_after_its_session() -> None:
    assert anomalies(history("a: w x 1\na?: w y 1\nb: r y 1, r x -")) == [Anomaly.UNBORN]


def test_a_finding_tells_how_it_was_known() -> None:
    (finding,) = check(history(ANOMALIES[Anomaly.OVERWRITTEN]))
    assert str(finding) == (
        "overwritten-read: c/0 reads x = 1 of a/0, without what a/1 wrote,"
        " known by a/1 -> b/0 -> b/1 -> c/0."
    )


@pytest.mark.parametrize(
    "text",
    ["a: w x 1\nb: w x 1", "a: w x 1, append x 2", "a: w x 1\nb: w x -", "a.: w x 1"],
)
def test_what_cannot_be_judged_is_refused(text: str) -> None:
    with pytest.raises(UnusableHistory):
        check(history(text))


def test_the_command_tells_by_its_status(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    file = tmp_path / "history.jsonl"
    write_history(file, history("a: w x 1\nb: r x 1"))
    assert main([str(file)]) == 0
    write_history(file, history(ANOMALIES[Anomaly.LOST]))
    assert main([str(file)]) == 1
    assert "lost-write" in capsys.readouterr().out
    file.write_text('{"session": 1}\n')
    assert main([str(file)]) == 2
    assert main([str(tmp_path / "nothing")]) == 2
    assert main([]) == 2


def test_histories_are_read_as_they_were_written(tmp_path: Path) -> None:
    for text in ANOMALIES.values():
        write_history(tmp_path / "history.jsonl", history(text))
        assert read_history(tmp_path / "history.jsonl") == history(text)


class Replicas:
    """Sessions that each have a copy of everything, and now and then take in another one's. The
    last writer wins; a list is the union. That is consistent."""

    def __init__(self, random: Random, sessions: int, keys: int) -> None:
        self._random = random
        self._registers = [f"r{n}" for n in range(keys)]
        self._lists = [f"l{n}" for n in range(keys)]
        self._states: list[dict[str, tuple[int, Value]]] = [{} for _ in range(sessions)]
        self._appended: list[set[tuple[str, int]]] = [set() for _ in range(sessions)]
        self._indexes = [0] * sessions
        self._writes = 0

    def play(self, count: int) -> list[Transaction]:
        transactions = []
        for _ in range(count):
            session, other = self._random.sample(range(len(self._states)), 2)
            if self._random.random() < 0.5:
                self._take_in(session, other)
            transactions.append(self._transaction(session))
        for session in range(len(self._states)):
            for _ in range(2):
                for other in range(len(self._states)):
                    self._take_in(session, other)
        for session in range(len(self._states)):
            keys = [*self._registers, *self._lists]
            reads = tuple(self._read(session, key) for key in keys)
            transactions.append(
                Transaction(f"s{session}", self._index(session), Outcome.OK, reads, True)
            )
        return transactions

    def _take_in(self, session: int, other: int) -> None:
        mine = self._states[session]
        for key, written in self._states[other].items():
            mine[key] = max(mine.get(key, written), written)
        self._appended[session] |= self._appended[other]

    def _index(self, session: int) -> int:
        self._indexes[session] += 1
        return self._indexes[session]

    def _transaction(self, session: int) -> Transaction:
        outcome = self._random.choices(list(Outcome), (8, 1, 1))[0]
        before = dict(self._states[session]), set(self._appended[session])
        ops = [self._op(session) for _ in range(self._random.randint(1, 3))]
        if outcome is Outcome.FAIL or (outcome is Outcome.INFO and self._random.random() < 0.5):
            self._states[session], self._appended[session] = before
        return Transaction(f"s{session}", self._index(session), outcome, tuple(ops))

    def _op(self, session: int) -> Op:
        if self._random.random() < 0.5:
            return self._read(session, self._random.choice([*self._registers, *self._lists]))
        self._writes += 1
        if self._random.random() < 0.6:
            key = self._random.choice(self._registers)
            self._states[session][key] = (self._writes, self._writes)
            return Op(OpKind.WRITE, key, self._writes)
        key = self._random.choice(self._lists)
        self._appended[session].add((key, self._writes))
        return Op(OpKind.APPEND, key, self._writes)

    def _read(self, session: int, key: str) -> Op:
        if key in self._registers:
            return Op(OpKind.READ, key, self._states[session].get(key, (0, None))[1])
        values = sorted(value for name, value in self._appended[session] if name == key)
        return Op(OpKind.READ, key, tuple(values))


def spoiled(random: Random, transactions: list[Transaction]) -> list[Transaction]:
    """The same with one read of something else."""
    place = random.randrange(len(transactions))
    changed = transactions[place]
    reads = [n for n, op in enumerate(changed.ops) if op.kind is OpKind.READ]
    if not reads:
        return transactions
    at = random.choice(reads)
    key = changed.ops[at].key
    everywhere = [op for each in transactions for op in each.ops if op.key == key]
    value = random.choice([op.value for op in everywhere])
    is_list = isinstance(changed.ops[at].value, tuple)
    if is_list != isinstance(value, tuple):
        value = () if is_list else None
    ops = [*changed.ops]
    ops[at] = Op(OpKind.READ, key, value)
    spoiled = Transaction(
        changed.session, changed.index, changed.outcome, tuple(ops), changed.final
    )
    return [*transactions[:place], spoiled, *transactions[place + 1 :]]


@pytest.mark.parametrize("seed", range(200))
def test_replicas_that_exchange_everything_are_consistent(seed: int) -> None:
    assert check(Replicas(Random(seed), 4, 3).play(40)) == []


@pytest.mark.skipif(not SECOND_OPINION.exists(), reason="there is no second checker here")
def test_the_second_opinion_is_the_same(tmp_path: Path) -> None:
    verdicts = {True: 0, False: 0}
    for seed in range(40):
        random = Random(seed)
        transactions = Replicas(random, 4, 2).play(25)
        for _ in range(seed % 4):
            transactions = spoiled(random, transactions)
        file = tmp_path / f"{seed}.jsonl"
        write_history(file, transactions)
        consistent = not check(transactions)
        verdicts[consistent] += 1
        done = subprocess.run(
            [sys.executable, SECOND_OPINION, "--unordered", file],
            capture_output=True,
            text=True,
            check=False,
        )
        assert json.loads(done.stdout)["valid"] == consistent, (seed, done.stdout)
    assert min(verdicts.values()) >= 10, verdicts


def test_a_long_history_is_judged_in_reasonable_time() -> None:
    transactions = Replicas(Random(1), 12, 10).play(3_000)
    started = perf_counter()
    assert check(transactions) == []
    assert perf_counter() - started < 60
