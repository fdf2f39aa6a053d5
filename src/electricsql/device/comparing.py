"""Comparing the file with what the hub has, row by row, without sending the rows.

    we                                    service
    Compare()                          →
                                       ←  a delta, Moment, … Digests
    Compare(buckets that differ)       →
                                       ←  a delta, Moment, … Details   (again, while there are more)

Each answer is of the hub at the moment of that delta; so when Moment comes the file is looked at
through a connection on which it stays as it is, in a thread of its own, while syncing goes on. Rows
that the app has changed since are left out: nobody has to agree with them yet.
"""

import sqlite3
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from electricsql.device.lives import kept_rows
from electricsql.device.meta import schema_version
from electricsql.device.schemas import Schemas
from electricsql.limits import COMPARED_ROWS, DIFFERENCES_MAX
from electricsql.protocol import (
    Columns,
    Compare,
    DetailFrame,
    Details,
    DigestFrame,
    Digests,
    Marks,
    TableDigest,
    Wanted,
    marked,
)
from electricsql.schema import Key, Schema, Table, quote

_CHUNK_ROWS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Difference:
    """A row that is not the same on both sides: it is only `here`, only at the hub, or on both with
    other values in some columns."""

    table: str
    key: Key
    here: bool
    at_hub: bool
    columns: tuple[str, ...] = ()


@dataclass(slots=True)
class Comparison:
    """What came of it. `rows` is how many rows the hub has, `unsettled` how many were left out;
    `is_complete` tells whether all differences are named."""

    rows: int = 0
    unsettled: int = 0
    differences: list[Difference] = field(default_factory=list)
    is_complete: bool = True


class Look:
    """The file at one moment. For one thread at a time."""

    def __init__(self, database: sqlite3.Connection, schemas: Schemas) -> None:
        self._database = database
        database.execute("BEGIN")
        self.schema: Schema = schemas.at(database, schema_version(database))
        self._unsent: dict[str, set[Key]] = {}

    def close(self) -> None:
        self._database.close()

    def rows(self, table: Table) -> Iterator[Columns]:
        """All rows of a table, some at a time, column by column."""
        columns = ", ".join(map(quote, table.column_names))
        found = self._database.execute(f"SELECT {columns} FROM {quote(table.name)}")
        while chunk := found.fetchmany(_CHUNK_ROWS):
            yield list(zip(*chunk, strict=True))

    def unsettled(self, table: Table) -> set[Key]:
        """The rows that need not be as the hub has them: those with unsent changes, and those that
        are kept because of such."""
        if not self._unsent:
            self._unsent = {each.name: self._changed(each) for each in self.schema}
            for row_id, _ in kept_rows(self._database, self.schema):
                self._unsent[row_id.table].add(row_id.key)
        return self._unsent[table.name]

    def _changed(self, table: Table) -> set[Key]:
        columns = ", ".join(f"c{table.positions[name]}" for name in table.primary_key)
        return set(
            self._database.execute(
                f"SELECT DISTINCT {columns} FROM _electric_oplog WHERE tbl = {table.number}"
            )
        )


class Comparing:
    """A comparison under way on one connection."""

    def __init__(self) -> None:
        self.comparison = Comparison()
        self._pending: list[tuple[Wanted, int]] = []
        self._asked: dict[str, Wanted] = {}

    def take(self, look: Look, answer: Digests | Details) -> Compare | None:
        """Look at what the hub has; gives the next question, if there is one."""
        if isinstance(answer, Digests):
            self._take_digests(look, answer)
        else:
            for detail in answer.tables:
                self._take_detail(look, detail)
        found = self.comparison
        enough = len(found.differences) >= DIFFERENCES_MAX
        if len(found.differences) > DIFFERENCES_MAX or (enough and self._pending):
            found.is_complete = False
            del found.differences[DIFFERENCES_MAX:]
            self._pending.clear()
        return self._next() if self._pending else None

    def _take_digests(self, look: Look, digests: Digests) -> None:
        for digest in digests.tables:
            table = look.schema.tables[digest.table]
            self.comparison.rows += digest.rows
            self.comparison.unsettled += len(look.unsettled(table))
            self._pending += _differing(table, look, digest)

    def _take_detail(self, look: Look, detail: DetailFrame) -> None:
        table, wanted = look.schema.tables[detail.table], self._asked[detail.table]
        theirs = dict(zip(zip(*detail.keys, strict=True), detail.marks, strict=True))
        ours: dict[Key, Marks] = {}
        numbers = frozenset(wanted.numbers)
        for columns in look.rows(table):
            ours.update(marked(table, columns, wanted.count, numbers))
        for key in (theirs.keys() | ours.keys()) - look.unsettled(table):
            difference = _difference(table, key, ours.get(key), theirs.get(key))
            if difference is not None:
                self.comparison.differences.append(difference)

    def _next(self) -> Compare:
        """As many of the buckets that differ as can be looked at together."""
        asked: dict[str, Wanted] = {}
        rows = 0
        while self._pending and (not asked or rows + self._pending[0][1] <= COMPARED_ROWS):
            if self._pending[0][0].table in asked:
                break
            wanted, expected = self._pending.pop(0)
            asked[wanted.table] = wanted
            rows += expected
        self._asked = asked
        return Compare(tuple(asked.values()))


def _differing(table: Table, look: Look, theirs: DigestFrame) -> Iterator[tuple[Wanted, int]]:
    """The buckets that differ, as many together as can be looked at; with about how many rows."""
    ours, count = TableDigest(table), len(theirs.buckets)
    for columns in look.rows(table):
        ours.add(columns)
    pairs = zip(ours.buckets(count), theirs.buckets, strict=True)
    numbers = [number for number, (our, their) in enumerate(pairs) if our != their]
    rows = max(ours.rows, theirs.rows) // count + 1
    step = max(1, COMPARED_ROWS // rows)
    for start in range(0, len(numbers), step):
        some = tuple(numbers[start : start + step])
        yield Wanted(table.name, count, some), rows * len(some)


def _difference(
    table: Table, key: Key, ours: Sequence[int] | None, theirs: Sequence[int] | None
) -> Difference | None:
    if ours is None or theirs is None:
        return Difference(table.name, key, ours is not None, theirs is not None)
    pairs = zip(table.column_names, ours, theirs, strict=True)
    columns = tuple(name for name, our, their in pairs if our != their)
    return Difference(table.name, key, here=True, at_hub=True, columns=columns) if columns else None
