"""Digests: what two databases tell each other to find the rows in which they differ. Pure.

A table's rows fall into buckets by their keys. A bucket's digest is the sum of its rows'
fingerprints, so rows may come in any order; a table has as many buckets as keep each of them small.
In the buckets that differ, rows are told apart by a mark for each column: values never travel.

What counts is what SQLite shows, and it has no -0.0.
"""

from collections.abc import Collection, Iterator, Sequence
from hashlib import blake2b
from operator import itemgetter
from typing import Final
from zlib import crc32

import msgspec

from electricsql.limits import BUCKET_ROWS, BUCKETS_MAX
from electricsql.schema import ColumnType, Key, Table, Value

_MASK: Final = (1 << 64) - 1
_encode: Final = msgspec.msgpack.Encoder().encode

Columns = Sequence[Sequence[Value]]
"""Rows, column by column, in the table's order."""
Marks = tuple[int, ...]
"""What a row holds: a hash for each column."""


class TableDigest:
    """The digest of one table, whose rows come some at a time."""

    def __init__(self, table: Table) -> None:
        self.rows = 0
        self._table = table
        self._buckets = [0] * BUCKETS_MAX

    def add(self, columns: Columns) -> None:
        """Count rows in."""
        buckets = self._buckets
        for key, row in _shown(self._table, columns):
            place = crc32(_encode(key)) % BUCKETS_MAX
            buckets[place] = (buckets[place] + _hash(row)) & _MASK
            self.rows += 1

    def buckets(self, count: int) -> tuple[int, ...]:
        """The digests of so many buckets (see `buckets_for`)."""
        return tuple(sum(self._buckets[place::count]) & _MASK for place in range(count))


def buckets_for(rows: int) -> int:
    """How many buckets a table of so many rows has: a power of two."""
    count = 1
    while count < BUCKETS_MAX and count * BUCKET_ROWS < rows:
        count *= 2
    return count


def bucket_of(key: Key, count: int) -> int:
    """Which of `count` buckets a row is in."""
    return crc32(_encode(key)) % BUCKETS_MAX % count


def marked(
    table: Table, columns: Columns, count: int, wanted: Collection[int]
) -> Iterator[tuple[Key, Marks]]:
    """The rows that are in one of the wanted buckets of `count`, with their marks."""
    for key, row in _shown(table, columns):
        if bucket_of(key, count) in wanted:
            yield key, tuple(map(_hash, row))


def _shown(table: Table, columns: Columns) -> Iterator[tuple[Key, tuple[Value, ...]]]:
    """Rows as SQLite shows them, with their keys."""
    shown = [
        [0.0 if value == 0 else value for value in values]
        if column.type is ColumnType.REAL
        else values
        for column, values in zip(table.columns, columns, strict=True)
    ]
    places = [table.positions[name] for name in table.primary_key]
    keys = (
        zip(*itemgetter(*places)(shown), strict=True) if len(places) > 1 else zip(shown[places[0]])
    )
    return zip(keys, zip(*shown, strict=True), strict=True)


def _hash(value: Value | tuple[Value, ...]) -> int:
    return int.from_bytes(blake2b(_encode(value), digest_size=8).digest(), "little")
