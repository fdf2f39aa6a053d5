"""A row may not fit into a page of Postgres.

A row has 8,160 bytes there. Texts, blobs and JSON of more than 24 bytes are stored aside, if they
have to be; what is left of each column counts. Postgres refuses a row for which that is too much,
and a device's goes to the quarantine: a table may have about 1,000 numbers, or 338 texts, if all of
them have values. Where many columns are empty, waive the rule: NULL takes no room.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from electricsql.checks.analysis import Analysis
from electricsql.checks.finding import Problem, Severity
from electricsql.checks.rule import rule
from electricsql.schema import Column, ColumnType

_PAGE_BYTES: Final = 8_160
_HEADER_BYTES: Final = 23
_ALIGNMENT: Final = 8
_NUMBER: Final = (8, 8)
_SHORT: Final = (24, 1)
_ROOM: Final = {
    **dict.fromkeys((ColumnType.INTEGER, ColumnType.REAL, ColumnType.TIME), _NUMBER),
    **dict.fromkeys((ColumnType.TIMESTAMP, ColumnType.TIMESTAMPTZ), _NUMBER),
    ColumnType.BOOLEAN: (1, 1),
    ColumnType.DATE: (4, 4),
    ColumnType.UUID: (16, 1),
}
"""The bytes that a value takes at most, and what its place is a multiple of."""


@rule(Severity.WARNING, waivable=True)
def find(seen: Analysis) -> Iterator[Problem]:
    """Tables that come to be so wide."""
    for fate in seen.fates:
        before, table = fate.before, fate.after
        if table is None or (before and _bytes(before.every.values()) > _PAGE_BYTES):
            continue
        size = _bytes(table.every.values())
        if size > _PAGE_BYTES:
            yield Problem(
                fate.at,
                f"A row of {table.name} may take {size:,} bytes, besides long texts.",
                f"Postgres refuses one of more than {_PAGE_BYTES:,}.",
                help="Keep some of its columns in a table of their own, with the same key.",
            )


def _bytes(columns: Iterable[Column]) -> int:
    """The size of a row with the largest values, as Postgres lays it out."""
    every = list(columns)
    size = _aligned(_HEADER_BYTES + (len(every) + 7) // 8, _ALIGNMENT)
    for column in every:
        room, alignment = _ROOM.get(column.type, _SHORT)
        size = _aligned(size, alignment) + room
    return _aligned(size, _ALIGNMENT)


def _aligned(size: int, alignment: int) -> int:
    return -(-size // alignment) * alignment
