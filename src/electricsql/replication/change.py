"""What happened to rows: changes, and the transactions they are committed in.

Not here: what they do to a row (`row.py`), and how they are written on the wire (`protocol`).
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import IntEnum
from types import MappingProxyType
from typing import Final, NamedTuple

from electricsql.replication.clock import Clock, Clocks
from electricsql.replication.cursor import Cursor
from electricsql.schema import Key, Value


class Op(IntEnum):
    """The numbers are those of the oplog's `op` column."""

    INSERT = 1
    UPDATE = 2
    DELETE = 3
    OFFER = 4
    """Made by no statement: what a device has, and the hub may have lost (device/reconcile.py)."""


NOTHING: Final[Mapping[str, Value]] = MappingProxyType({})


class Present(NamedTuple):
    """A row as a change finds it, for its author: `knows` says of a column that it writes whether
    the author had observed what is in it, and `wins` whether it writes later."""

    values: Mapping[str, Value]
    writers: Mapping[str, int]
    clocks: Clocks
    knows: Callable[[str], bool]
    wins: Callable[[str], bool]


Unchanged = Callable[[Present], Collection[str]]
"""Which columns of a row hold already what an author writes, and knows to be there; or need not be
written, since others win."""


class Change(NamedTuple):
    """One row's insert or offer (`values`: all columns the author's schema has), update (the
    changed ones, never of the key) or delete (none).

    `incarnation` is the life of the row that the author meant: one more than the last one when it
    inserted a row whose tombstone it had observed. `ended` is the last life that its author knew to
    be over at the hub, which may have forgotten that. `made_up` are the columns of an insert that
    its author's schema version would have filled so by itself (None: the table says it), and
    `unchanged` says which columns an insert or offer would write in vain (None: those that have its
    values): an author may be shown other values than there are, and must not write them for that.
    """

    table: str
    op: Op
    key: Key
    values: Mapping[str, Value] = NOTHING
    incarnation: int = 1
    ended: int = 0
    made_up: frozenset[str] | None = None
    unchanged: Unchanged | None = None


@dataclass(frozen=True, slots=True)
class Transaction:
    """Changes that a device committed together: at most one for each row, in no particular order.

    `number` counts the device's transactions from 1; `cursor` is what the device had received when
    it sealed this one (None: nothing yet). `seal` is a random number that it was sealed with: two
    copies of one file may seal different ones under the same number and clock, and one copy may
    send what the other one has sent (0: earlier versions had none).
    """

    number: int
    hlc: int
    cursor: Cursor | None
    schema_version: str | None
    changes: Sequence[Change]
    seal: int = 0

    @property
    def mark(self) -> int:
        """What tells it from others of its number (0: nothing does)."""
        return self.seal or self.hlc

    def clock(self, origin: int) -> Clock:
        return Clock(self.hlc, origin)
