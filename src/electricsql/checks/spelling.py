"""SQL that an author can paste: names quoted only where they need it."""

import re
from collections.abc import Sequence
from typing import Final

from electricsql.schema import Column, ColumnType, Table, quote

_PLAIN: Final = re.compile("[a-z_][a-z0-9_]*")
_EXAMPLES: Final = {
    ColumnType.INTEGER: "0",
    ColumnType.REAL: "0.0",
    ColumnType.NUMERIC: "0",
    ColumnType.BOOLEAN: "FALSE",
    ColumnType.BLOB: "x''",
    ColumnType.DATE: "'1970-01-01'",
    ColumnType.TIME: "'00:00:00'",
    ColumnType.TIMESTAMP: "'1970-01-01 00:00:00'",
    ColumnType.TIMESTAMPTZ: "'1970-01-01 00:00:00+00:00'",
    ColumnType.UUID: "'00000000-0000-0000-0000-000000000000'",
    ColumnType.JSON: "'null'",
}


def name(of: str) -> str:
    """A name as people write it."""
    return of if _PLAIN.fullmatch(of) else quote(of)


def names(of: Sequence[str]) -> str:
    """Names with commas between."""
    return ", ".join(map(name, of))


def example(type: ColumnType) -> str:
    """A constant of a type, in its canonical spelling."""
    return _EXAMPLES.get(type, "''")


def dropped(table: Table, column: Column, *, has_down: bool = False) -> str:
    """The directive which says that a column is meant to go."""
    down = f" down={example(column.type)}" if has_down else ""
    return f"-- @drop {name(table.name)}.{name(column.name)}{down}"


def add_column(table: str, column: Column, rest: str = "") -> str:
    """The statement that adds a column."""
    words = " ".join(part for part in (name(column.name), column.declared, rest) if part)
    return f"ALTER TABLE {name(table)} ADD COLUMN {words};"
