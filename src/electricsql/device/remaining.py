"""Of a whole delta: which rows of the file have not come, and so are gone.

A table is emptied before a whole delta, unless triggers hear of what comes from others: to them a
row that stays must not seem to go. Such a table's rows are written over, and what is left then is
deleted. The keys that came are kept in a temporary table: they may be many.
"""

import sqlite3
from collections.abc import Iterable, Iterator
from typing import Final

from electricsql.schema import OURS, Key, Table, quote

_CAME: Final = f"temp.{OURS}came_"


class Remaining:
    """Knows it of the tables that it is asked to."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._tables: dict[str, Table] = {}

    def expect(self, table: Table) -> None:
        """Rows of this table will come."""
        key = ", ".join(f"k{place}" for place in range(len(table.primary_key)))
        self._database.execute(f"CREATE TABLE {_came(table)} ({key}, PRIMARY KEY ({key}))")
        self._tables[table.name] = table

    def note(self, table: Table, keys: Iterable[Key]) -> None:
        """Rows of these keys have come, or stay anyway."""
        if table.name in self._tables:
            marks = ", ".join("?" * len(table.primary_key))
            self._database.executemany(
                f"INSERT OR IGNORE INTO {_came(table)} VALUES ({marks})", keys
            )

    def gone(self) -> Iterator[tuple[Table, list[Key]]]:
        """All has come: the keys of the rows that have not. To be asked once."""
        for table in self._tables.values():
            key = ", ".join(map(quote, table.primary_key))
            yield (
                table,
                self._database.execute(
                    f"SELECT {key} FROM {quote(table.name)}"
                    f" WHERE ({key}) NOT IN (SELECT * FROM {_came(table)})"
                ).fetchall(),
            )
            self._database.execute(f"DROP TABLE {_came(table)}")
        self._tables = {}


def _came(table: Table) -> str:
    return f"{_CAME}{table.number}"
