"""Deltas: all that changed between two cursors, as values.

A delta travels in parts; its rows in blocks, column by column, since a column of one type packs and
unpacks much faster than rows do. Most rows of a block were last written by few transactions, so the
shadow (who wrote which column) is kept once for all rows that share it.

A block has one author if its rows owe all that the delta changes in them to one device. That device
has these rows already, and is not sent the block; all others share its encoding.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

import msgspec

from electricsql.replication.clock import Clock
from electricsql.replication.row import Row
from electricsql.schema import Key, Table, Value


class Shadow(NamedTuple):
    """A row without its values (see `Row`). `writers` runs parallel to the block's columns."""

    incarnation: int
    deleted: int
    touched: int
    touched_before: int
    writers: tuple[int, ...]


class Block(msgspec.Struct, frozen=True):
    """Rows of one table. `values` has a list for each column; `shadow_of` the place in `shadows` of
    each row's shadow. Tombstones are rows too, with their last values.
    """

    table: str
    columns: tuple[str, ...]
    values: Sequence[Sequence[Value]]
    shadows: Sequence[Shadow]
    shadow_of: Sequence[int]
    author: int = 0
    """The origin that need not be sent the block; 0 if there is no such device."""

    def __len__(self) -> int:
        return len(self.shadow_of)

    def rows(self, table: Table) -> Iterator[tuple[Key, Row]]:
        """The block row by row."""
        shared = [
            (dict(zip(self.columns, shadow.writers, strict=True)), *shadow[:4])
            for shadow in self.shadows
        ]
        by_name = dict(zip(self.columns, self.values, strict=True))
        keys = zip(*(by_name[name] for name in table.primary_key), strict=True)
        rows = zip(*self.values, strict=True)
        for key, place, values in zip(keys, self.shadow_of, rows, strict=True):
            yield key, Row(dict(zip(self.columns, values, strict=True)), *shared[place])


@dataclass(frozen=True, slots=True)
class AppliedMigration:
    """A migration as the hub recorded it: what a device needs to apply it. One that is `additive`
    changes nothing for an app that does not know it."""

    name: str
    title: str
    sha256: str
    statements: tuple[str, ...]
    additive: bool = True


WAITING: Final = "waiting"


@dataclass(frozen=True, slots=True)
class Refused:
    """A device is told that its transaction is in the hub's quarantine, why, and what became of it
    there: it waits, was retried (and is merged now), or was discarded."""

    number: int
    code: str
    message: str
    fate: str = WAITING


class Place(NamedTuple):
    """Where a reading in order is: behind this row. The order is that of the tables' creation, and
    of the keys as the hub compares them."""

    table: str
    key: Key


class Part(msgspec.Struct, frozen=True):
    """Some of a delta's rows, with the clocks of all transactions that their shadows mention.
    `place` is where its rows end, if they were read in order."""

    blocks: Sequence[Block]
    clocks: Mapping[int, Clock] = {}
    place: Place | None = None
