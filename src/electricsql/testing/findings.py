"""What can be wrong with a history."""

from dataclasses import dataclass
from enum import StrEnum

from electricsql.testing.history import Transaction


class Anomaly(StrEnum):
    """Each with its name in reports."""

    THIN_AIR = "thin-air-read"
    """A value that nobody wrote."""
    ABORTED = "aborted-read"
    """A value of a transaction that did not commit."""
    INTERMEDIATE = "intermediate-read"
    """A value that its own transaction overwrote before it committed."""
    FUTURE = "future-read"
    """A value that the reading transaction writes only afterwards."""
    OWN_WRITE = "own-write-not-read"
    """A transaction does not see what it wrote before."""
    UNREPEATABLE = "unrepeatable-read"
    """A transaction reads two values of one key."""
    DUPLICATE = "duplicate-append"
    """A list has one element twice."""
    CYCLE = "causal-cycle"
    """Transactions that each depend on the next, in a circle."""
    OVERWRITTEN = "overwritten-read"
    """A value that something in the reader's past has overwritten."""
    UNBORN = "unborn-read"
    """No value, although something in the reader's past wrote one."""
    FRACTURED = "fractured-read"
    """A part of a transaction is seen, and another part is not."""
    MISSING_APPEND = "missing-append"
    """A list without an element that is in the reader's past."""
    NO_ORDER = "no-total-order"
    """No order of all transactions explains which concurrent writes won."""
    UNEQUAL = "unequal-final-reads"
    """Two final reads differ."""
    UNREAD = "unread-in-the-end"
    """A final read lacks a key that others have."""
    LOST = "lost-write"
    """A committed write is missing in the end."""


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that is wrong, and the transactions that show it."""

    anomaly: Anomaly
    problem: str
    transactions: tuple[Transaction, ...]

    def __str__(self) -> str:
        return f"{self.anomaly}: {self.problem}"
