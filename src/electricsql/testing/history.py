"""Histories: what sessions did, transaction by transaction, as JSON lines.

    {"session": "phone", "index": 3, "type": "ok", "ops": [["r", "k", null], ["w", "k", 1]]}

`type` is `ok` (committed), `fail` (certainly not committed) or `info` (nobody knows: the process
was killed meanwhile). An op reads a register (`["r", key, value]`, null: there was no row), writes
one (`["w", …]`), appends to a list (`["append", …]`), or reads one (`["r", key, [value, …]]`).
A value is written to a key once at most, so every read tells whose write it saw. `"final": true`
marks a read made when everything had come to rest.

Not here: whether a history is consistent (`checker.py`).
"""

import json
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

Scalar = str | int | float | bool | None
Value = Scalar | tuple[Scalar, ...]


class Outcome(StrEnum):
    """What the session knows of its transaction's end."""

    OK = "ok"
    FAIL = "fail"
    INFO = "info"


class OpKind(StrEnum):
    """What an op does."""

    READ = "r"
    WRITE = "w"
    APPEND = "append"


class Op(NamedTuple):
    """One read or write. A list is read as a tuple."""

    kind: OpKind
    key: str
    value: Value


@dataclass(frozen=True, slots=True)
class Transaction:
    """What one session did at once; `index` grows within a session."""

    session: str
    index: int
    outcome: Outcome
    ops: tuple[Op, ...]
    final: bool = False

    def __str__(self) -> str:
        return f"{self.session}/{self.index}"


class UnusableHistory(ValueError):
    """A history that nothing can be said about."""


def read_history(path: Path) -> list[Transaction]:
    """Read a file.

    Raises:
        UnusableHistory: it has a line that is no transaction.
    """
    with path.open(encoding="utf-8") as lines:
        return [_transaction(line, number) for number, line in enumerate(lines, 1) if line.strip()]


def write_history(path: Path, transactions: Iterable[Transaction]) -> None:
    """Write a file."""
    with path.open("w", encoding="utf-8") as lines:
        lines.writelines(f"{line}\n" for line in to_lines(transactions))


def to_lines(transactions: Iterable[Transaction]) -> Iterator[str]:
    """Transactions as JSON, each one line."""
    for each in transactions:
        record: dict[str, Any] = {
            "session": each.session,
            "index": each.index,
            "type": each.outcome,
            "ops": each.ops,
        }
        yield json.dumps({**record, "final": True} if each.final else record, ensure_ascii=False)


def _transaction(line: str, number: int) -> Transaction:
    try:
        record = json.loads(line)
        return Transaction(
            str(record["session"]),
            int(record["index"]),
            Outcome(record["type"]),
            tuple(_op(*op) for op in record["ops"]),
            bool(record.get("final", False)),
        )
    except (ValueError, KeyError, TypeError) as error:
        raise UnusableHistory(f"Line {number} is not a transaction: {error!r}.") from None


def _op(kind: str, key: str, value: Scalar | list[Scalar]) -> Op:
    if not isinstance(value, list):
        return Op(OpKind(kind), str(key), value)
    if kind != OpKind.READ:
        raise ValueError("only a read has a list")
    return Op(OpKind.READ, str(key), tuple(value))
