"""Writing received rows into the app's tables, in whatever order they come.

A row that a rule of the table refuses is put off until all others are in place: rows may have
swapped values that must be unique. If it is still refused then, unsent changes are in the way, and
the hub will refuse them, too. Until it has decided, the row with unsent changes is displaced: it
leaves the table, waits in `_electric_displaced`, and each delta tries to put it back.

Triggers cost more than the writing itself, even silent ones; so a large delta does without those of
capture, and makes them again at its end.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import Final

from electricsql.device.displaced import read_displaced, write_displaced
from electricsql.replication import RowId
from electricsql.schema import OURS, Index, Key, Schema, Table, Value, quote, rivals

Values = Sequence[Value]
Named = Mapping[str, Value]

_TRIGGERS: Final = (
    "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'"
    f" AND lower(tbl_name) = lower(?) AND substr(name, 1, {len(OURS)}) = '{OURS}'"
)


class Writer:
    """Writes what one delta brings, inside its transaction, on a connection that does not check
    foreign keys. `yields` tells which rows have unsent changes; `large` whether the delta is."""

    def __init__(
        self,
        database: sqlite3.Connection,
        schema: Schema,
        yields: Callable[[RowId], bool],
        *,
        large: bool,
    ) -> None:
        self._database = database
        self._yields = yields
        self._large = large
        self._silenced: dict[str, list[str]] = {}
        self._put_off: dict[RowId, tuple[Table, Named]] = {}
        self._displaced = read_displaced(database, schema)
        self._were_displaced = set(self._displaced)

    def upsert(self, table: Table, columns: tuple[str, ...], rows: Sequence[Values]) -> None:
        """Insert rows, or update these columns of them."""
        self._prepare(table, columns, rows)
        for row in write_each(self._database, upsert_sql(table, columns), rows):
            named = dict(zip(columns, row, strict=True))
            self._put_off[RowId(table.name, table.key_of(named))] = (table, named)

    def delete(self, table: Table, keys: Sequence[Key]) -> None:
        """Delete rows, as far as they are there."""
        self._prepare(table, table.primary_key, keys)
        self._database.executemany(delete_sql(table), keys)

    def clear(self, table: Table) -> None:
        """Delete all rows of a table."""
        self._prepare(table, table.primary_key, ())
        self._database.execute(f"DELETE FROM {quote(table.name)}")

    def read(self, table: Table, key: Key) -> Named | None:
        """A row as it is in the file."""
        found = self._database.execute(select_sql(table, table.primary_key), key).fetchone()
        return dict(zip(table.column_names, found, strict=True)) if found else None

    def restore(self, table: Table, row: Named) -> bool:
        """Insert a row, as far as nothing is in its way."""
        try:
            self._insert(table, row)
        except sqlite3.IntegrityError:
            return False
        return True

    def settle(self) -> None:
        """Put in place what was put off, and what an earlier delta has displaced.

        Raises:
            sqlite3.IntegrityError: a row of the hub does not fit, whatever is displaced.
        """
        waiting: list[tuple[Table, Named]] = []
        for table, row in self._put_off.values():
            waiting.append((table, {**(self.read(table, table.key_of(row)) or {}), **row}))
        for table, row in self._displaced.values():
            if self.read(table, table.key_of(row)) is None:
                waiting.append((table, row))
        self._displaced = {}
        for table, row in waiting:
            self._database.execute(delete_sql(table), table.key_of(row))
        for table, row in sorted(waiting, key=lambda each: self._may_wait(*each)):
            self._place(table, row)

    def close(self) -> None:
        """Remember what is displaced now, and turn capture on again."""
        if self._displaced or self._were_displaced:
            write_displaced(self._database, self._displaced.values())
        for statements in self._silenced.values():
            for statement in statements:
                self._database.execute(statement)

    def _prepare(self, table: Table, columns: tuple[str, ...], rows: Sequence[Values]) -> None:
        """Silence capture if that pays, and forget waiting rows that come anew."""
        if self._large and table.name not in self._silenced:
            triggers = self._database.execute(_TRIGGERS, (table.name,)).fetchall()
            for name, _ in triggers:
                self._database.execute(f"DROP TRIGGER {quote(name)}")
            self._silenced[table.name] = [sql for _, sql in triggers]
        if self._displaced or self._put_off:
            places = [columns.index(name) for name in table.primary_key]
            for row in rows:
                row_id = RowId(table.name, tuple(row[at] for at in places))
                self._displaced.pop(row_id, None)
                self._put_off.pop(row_id, None)

    def _place(self, table: Table, row: Named) -> None:
        try:
            self._insert(table, row)
        except sqlite3.IntegrityError:
            if self._may_wait(table, row):
                self._displace(table, row)
                return
            for other in self._in_the_way(table, row):
                if self._may_wait(table, other):
                    self._database.execute(delete_sql(table), table.key_of(other))
                    self._displace(table, other)
            self._insert(table, row)

    def _insert(self, table: Table, row: Named) -> None:
        self._database.execute(upsert_sql(table, tuple(row)), tuple(row.values()))

    def _displace(self, table: Table, row: Named) -> None:
        self._displaced[RowId(table.name, table.key_of(row))] = (table, row)

    def _may_wait(self, table: Table, row: Named) -> bool:
        row_id = RowId(table.name, table.key_of(row))
        return row_id in self._were_displaced or self._yields(row_id)

    def _in_the_way(self, table: Table, row: Named) -> list[Named]:
        """The rows that have a value of this one which must be unique."""
        values = [row.get(name) for name in table.column_names]
        return [
            dict(zip(table.column_names, found, strict=True))
            for index in table.indexes
            if index.unique
            for found in self._database.execute(rivals_sql(table, index), values).fetchall()
        ]


def write_each(database: sqlite3.Connection, sql: str, rows: Iterable[Values]) -> Iterator[Values]:
    """Write rows; gives those that a rule of the table refuses."""
    waiting = iter(rows)
    row: Values = ()

    def one_by_one() -> Iterator[Values]:
        nonlocal row
        for row in waiting:  # noqa: UP028
            yield row

    while True:
        try:
            database.executemany(sql, one_by_one())
            return
        except sqlite3.IntegrityError:
            yield row


@lru_cache(maxsize=1000)
def upsert_sql(table: Table, columns: tuple[str, ...], name: str | None = None) -> str:
    """SQL that inserts a row, or updates these columns of it; in a copy of the table, if it has
    another name."""
    names, marks = ", ".join(map(quote, columns)), ", ".join("?" * len(columns))
    key = ", ".join(map(quote, table.primary_key))
    rest = [quote(name) for name in columns if name not in table.primary_key]
    update = "UPDATE SET " + ", ".join(f"{name} = excluded.{name}" for name in rest)
    return (
        f"INSERT INTO {quote(name or table.name)} ({names}) VALUES ({marks})"
        f" ON CONFLICT ({key}) DO {update if rest else 'NOTHING'}"
    )


def delete_sql(table: Table, name: str | None = None) -> str:
    """SQL that deletes a row by its key."""
    return f"DELETE FROM {quote(name or table.name)} WHERE {_equal(table.primary_key)}"


def select_sql(table: Table, where: tuple[str, ...], name: str | None = None) -> str:
    """SQL that reads rows that have these columns in common."""
    columns = ", ".join(map(quote, table.column_names))
    return f"SELECT {columns} FROM {quote(name or table.name)} WHERE {_equal(where)}"


def rivals_sql(table: Table, index: Index) -> str:
    """SQL that reads the rows that a UNIQUE index does not let be beside a given one."""
    given = ", ".join(f"? AS {quote(name)}" for name in table.column_names)
    columns = ", ".join(f"here.{quote(name)}" for name in table.column_names)
    return (
        f"SELECT {columns} FROM {quote(table.name)} AS here, (SELECT {given}) AS given"
        f" WHERE {rivals(table, index, 'here', 'given')}"
    )


def _equal(columns: tuple[str, ...]) -> str:
    return " AND ".join(f"{quote(name)} = ?" for name in columns)
