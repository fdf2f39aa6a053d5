"""A table that is made anew beside the one that programs use, and then changes places with it.

Both have the same columns and indexes, so all there is to change are the numbers of the pages at
which SQLite's B-trees begin: `sqlite_schema.rootpage`. That takes no time, however many rows there
are, and is as atomic as anything else in a transaction. Names, triggers, views and foreign keys
stay with the table; other connections see that the schema has changed, and read it again. Why this
way, and what was tried: docs/decisions/0013-staged-apply.md.

The copy has no triggers and no foreign keys, so nobody's writes meet it.
"""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

from electricsql.device.app_triggers import has_listeners
from electricsql.device.steps import Work
from electricsql.schema import OURS, Key, Table, Token, quote, tokens

_PREFIX: Final = f"{OURS}aside_"
_ROWS: Final = 250
_OBJECTS: Final = (
    "SELECT name, sql, rowid, rootpage FROM sqlite_schema WHERE type IN ('table', 'index')"
    " AND lower(tbl_name) = lower(?) ORDER BY type DESC, rowid"
)


@dataclass(frozen=True, slots=True)
class _Object:
    """A table or an index in `sqlite_schema`; `sql` is None for SQLite's own indexes."""

    name: str
    sql: str | None
    place: int
    root: int


def can_swap(database: sqlite3.Connection) -> bool:
    """Whether this SQLite lets us. Some systems' own forbids it to all programs."""
    try:
        with _writable_schema(database):
            database.execute("UPDATE sqlite_schema SET rootpage = rootpage WHERE false")
    except sqlite3.Error:
        return False
    return True


def left_over(database: sqlite3.Connection) -> list[str]:
    """The tables that were left aside."""
    found = database.execute(
        "SELECT name FROM sqlite_schema WHERE type = 'table' AND substr(name, 1, ?) = ?",
        (len(_PREFIX), _PREFIX),
    )
    return [name for (name,) in found.fetchall()]


def drop(database: sqlite3.Connection, name: str) -> Work:
    """Drop a table, row by row first: giving back all its pages at once takes long."""
    columns = [row[1] for row in database.execute(f"PRAGMA table_xinfo({quote(name)})") if row[5]]
    key = ", ".join(map(quote, columns))
    some = f"SELECT {key} FROM {quote(name)} LIMIT {_ROWS}"
    while database.execute(f"DELETE FROM {quote(name)} WHERE ({key}) IN ({some})").rowcount > 0:
        yield
    database.execute(f"DROP TABLE {quote(name)}")


class Aside:
    """The copy of one table. Empty when it is made, inside a transaction.

    Raises:
        sqlite3.Error: such a table can't be made twice, or has triggers of the app's that must hear
        of each row.
    """

    def __init__(self, database: sqlite3.Connection, table: Table) -> None:
        self._database = database
        self._table = table
        self.name = f"{_PREFIX}{table.number}"
        if has_listeners(database, table.name):
            raise sqlite3.NotSupportedError(f"triggers hear of every row of {table.name}")
        self._original = _objects(database, table.name)
        for place, each in enumerate(self._original):
            if each.sql is not None:
                index = f"{self.name}_{place}" if place else None
                database.execute(_renamed(each.sql, self.name, index))

    def copy(self) -> Work:
        """Take over the table's rows."""
        names = ", ".join(map(quote, self._table.column_names))
        for condition, values in windows(self._database, self._table):
            self._database.execute(
                f"INSERT INTO {quote(self.name)} ({names}) SELECT {names}"
                f" FROM {quote(self._table.name)} WHERE {condition}",
                values,
            )
            yield

    def is_alike(self) -> bool:
        """Whether the table is still declared as when the copy was made."""
        now = _objects(self._database, self._table.name)
        return [(each.name, each.sql) for each in now] == [
            (each.name, each.sql) for each in self._original
        ]


def swap(database: sqlite3.Connection, pairs: Iterable[tuple[str, str]]) -> None:
    """Have tables and their copies change places, inside a transaction."""
    roots = []
    for table, copy in pairs:
        theirs, ours = _objects(database, table), _objects(database, copy)
        for one, other in zip(theirs, ours, strict=True):
            roots += [(other.root, one.place), (one.root, other.place)]
    with _writable_schema(database):
        database.executemany("UPDATE sqlite_schema SET rootpage = ? WHERE rowid = ?", roots)
        (version,) = database.execute("PRAGMA schema_version").fetchone()
        database.execute(f"PRAGMA schema_version = {version + 1}")


def windows(database: sqlite3.Connection, table: Table) -> Iterator[tuple[str, Key]]:
    """All rows of a table by their keys, some at a time: conditions on the key, with values."""
    key = ", ".join(map(quote, table.primary_key))
    last = ", ".join(f"{quote(name)} DESC" for name in table.primary_key)
    marks = f"({', '.join('?' * len(table.primary_key))})"
    after = "true"
    start: Key = ()
    while end := database.execute(
        f"SELECT {key} FROM (SELECT {key} FROM {quote(table.name)} WHERE {after} ORDER BY {key}"
        f" LIMIT {_ROWS}) ORDER BY {last} LIMIT 1",
        start,
    ).fetchone():
        yield f"{after} AND ({key}) <= {marks}", (*start, *end)
        after, start = f"({key}) > {marks}", end


@contextmanager
def _writable_schema(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("PRAGMA writable_schema = ON")
    try:
        yield
    finally:
        database.execute("PRAGMA writable_schema = RESET")


def _objects(database: sqlite3.Connection, table: str) -> list[_Object]:
    """A table and its indexes, in the order in which they were made."""
    return [_Object(*row) for row in database.execute(_OBJECTS, (table,)).fetchall()]


def _renamed(sql: str, table: str, index: str | None) -> str:
    """The statement that makes the copy of a table, or of one of its indexes."""
    every = list(tokens(sql))
    if index is not None:
        on = next(n for n, token in enumerate(every) if token.is_word("ON"))
        return _replaced(sql, every, [(on - 1, on, quote(index)), (on + 1, on + 2, quote(table))])
    spans = [(2, 3, quote(table))]
    for place, token in enumerate(every):
        if token.is_word("REFERENCES"):
            start = _start_of_foreign_key(every, place)
            end = _end_of_foreign_key(every, place)
            spans.append((start, end, "" if start == place else "CHECK (1)"))
    return _replaced(sql, every, spans)


def _start_of_foreign_key(every: Sequence[Token], references: int) -> int:
    """Where a constraint begins that refers to another table: at FOREIGN KEY, if it is one of the
    table and not of a column."""
    if every[references - 1].text != ")":
        return references
    depth, place = 1, references - 1
    while depth:
        place -= 1
        depth += (every[place].text == ")") - (every[place].text == "(")
    is_of_table = every[place - 2].is_word("FOREIGN") and every[place - 1].is_word("KEY")
    return place - 2 if is_of_table else references


def _end_of_foreign_key(every: Sequence[Token], references: int) -> int:
    """Behind the last token of that constraint: REFERENCES name (columns) ON … MATCH … DEFERRABLE
    INITIALLY …"""
    place = references + 2
    if every[place].text == "(":
        place = next(n for n in range(place, len(every)) if every[n].text == ")") + 1
    while True:
        word = every[place].text.upper()
        if word == "ON":
            place += 4 if every[place + 2].is_word("SET", "NO") else 3
        elif word in ("MATCH", "INITIALLY"):
            place += 2
        elif word == "DEFERRABLE" or (word == "NOT" and every[place + 1].is_word("DEFERRABLE")):
            place += 1
        else:
            return place


def _replaced(sql: str, every: Sequence[Token], spans: Iterable[tuple[int, int, str]]) -> str:
    """SQL with something else in place of some of its tokens."""
    pieces, end = [], 0
    for first, last, text in spans:
        pieces += [sql[end : every[first].start], text]
        end = every[last - 1].end
    return "".join((*pieces, sql[end:]))
