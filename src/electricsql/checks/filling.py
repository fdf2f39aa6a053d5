"""Rows for a table that has none: what a migration does must not depend on what a device holds.

Each table gets a few rows with the smallest and the largest values of its types, the same value
twice, and NULL where that is allowed, as far as its own rules let them in.
"""

import contextlib
import sqlite3
from collections.abc import Iterator
from typing import Final

from electricsql.schema import Column, ColumnType, Scratch, Table, Value, quote

_VALUES: Final[dict[ColumnType, tuple[Value, ...]]] = {
    ColumnType.INTEGER: (1, 1, 0, -1, 2**63 - 1, -(2**63)),
    ColumnType.REAL: (1.5, 1.5, 0.0, -1e300, 5e-324, float("inf")),
    ColumnType.TEXT: ("a", "a", "", "Grüße 🙂", "12abc", "A" * 300),
    ColumnType.BLOB: (b"a", b"a", b"", b"\0\xff", b"12", b"x" * 300),
    ColumnType.BOOLEAN: (1, 1, 0, 0, 1, 0),
    ColumnType.DATE: ("2024-02-29", "2024-02-29", "0001-01-01", "9999-12-31", "1970-01-01"),
    ColumnType.TIME: ("12:00:00", "12:00:00", "00:00:00", "23:59:59.999999", "07:05:00"),
    ColumnType.TIMESTAMP: (
        *("2024-02-29 12:00:00", "2024-02-29 12:00:00", "0001-01-01 00:00:00"),
        *("9999-12-31 23:59:59.999999", "1970-01-01 00:00:00"),
    ),
    ColumnType.TIMESTAMPTZ: (
        *("2024-02-29 12:00:00+00:00", "2024-02-29 12:00:00+00:00", "0001-01-02 00:00:00+00:00"),
        *("9999-12-30 00:00:00+00:00", "1970-01-01 00:00:00+00:00"),
    ),
    ColumnType.UUID: tuple(f"2b0d7b3d-6f0c-4f0e-9d3c-{n:012x}" for n in (1, 1, 2, 3, 4)),
    ColumnType.JSON: ("null", "null", "[1]", '{"a": 1}', '"x"', "5"),
    ColumnType.NUMERIC: (1, 1, 0, -1.5, 2**63 - 1, 1e300),
}
_ROWS: Final = 6


def fill(scratch: Scratch, table: Table) -> None:
    """Insert rows into a table, as many of them as its rules let in."""
    columns = list(table.columns)
    names = ", ".join(map(quote, table.column_names))
    places = ", ".join("?" * len(columns))
    insert = f"INSERT OR IGNORE INTO {quote(table.name)} ({names}) VALUES ({places})"
    for row in _rows(table, columns):
        with contextlib.suppress(sqlite3.Error):
            scratch.run(insert, row)


def _rows(table: Table, columns: list[Column]) -> Iterator[list[Value]]:
    for number in range(_ROWS):
        yield [_value(column, number, column.name in table.primary_key) for column in columns]
    yield [
        None if not column.not_null and column.name not in table.primary_key
        else _value(column, _ROWS + 1, is_key=True)
        for column in columns
    ]  # fmt: skip


def _value(column: Column, number: int, is_key: bool) -> Value:
    """Of a key each row has another one."""
    values = _VALUES[column.type]
    return values[(number + 1 if is_key else number) % len(values)]
