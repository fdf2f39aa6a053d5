"""Foreign keys where a delta meets unsent changes: what the hub will do when it gets them, done
here.

The hub's rows keep their foreign keys among themselves, and so do the device's. Only between the
two can one be broken: the hub deleted a row that an unsent one refers to, or sent a child of a row
that an unsent delete removed. In both cases the parent is kept (`lives.Life.KEPT`), as it will be
at the hub (`replication/merge.py`). It goes after all if its last child does, here or at the hub;
and what the hub sends of it counts more than what is guessed here.
"""

import sqlite3
from collections.abc import Callable, Iterable, Iterator

from electricsql.device.lives import Life, kept_rows, record_lives
from electricsql.device.unsent import Unsent
from electricsql.device.writing import Writer
from electricsql.replication import Op, Row, RowId, parents_of
from electricsql.schema import Key, Schema, Table, quote

Tombstone = Callable[[RowId], Row | None]
"""What a delta has of a row, if that is its death."""


class Repair:
    """What there is to repair after a delta's rows are written, inside its transaction."""

    def __init__(
        self, database: sqlite3.Connection, schema: Schema, unsent: Unsent, writer: Writer
    ) -> None:
        self._database = database
        self._schema = schema
        self._unsent = unsent
        self._writer = writer

    def run(self, tombstone: Tombstone | None, needed: Iterable[RowId]) -> None:
        """Keep parents, and let go those that are needed no more.

        `tombstone` knows the rows that the delta deleted, if there are any; `needed` are those that
        an unsent delete removed, and that others may refer to.
        """
        self._let_go()
        self._restore([id for id in needed if any(self._children(id))], tombstone)
        if tombstone is not None:
            for row_id in (*self._changed(), *self._kept()):
                self._restore(self._parents(row_id), tombstone)

    def _changed(self) -> list[RowId]:
        """The rows with unsent changes, as far as they refer to others."""
        children = [table for table in self._schema if table.foreign_keys]
        return [RowId(table.name, key) for table in children for key in self._unsent.keys(table)]

    def _restore(self, wanted: Iterable[RowId], tombstone: Tombstone | None) -> None:
        """Put rows back that are not there, and what they refer to themselves."""
        pending = list(wanted)
        while pending:
            row_id = pending.pop()
            table = self._schema.tables[row_id.table]
            if self._writer.read(table, row_id.key) is not None:
                continue
            dead = tombstone(row_id) if tombstone is not None else None
            row = dead or self._before_delete(row_id)
            if row is not None and self._put_back(table, row_id.key, row):
                record_lives(self._database, table, [(row_id.key, row.incarnation, Life.KEPT)])
                pending.extend(self._parents(row_id))

    def _put_back(self, table: Table, key: Key, row: Row) -> bool:
        """Insert a row; without its values, if they are in the way of others."""
        bare = {**table.default_values, **dict(zip(table.primary_key, key, strict=True))}
        return self._writer.restore(table, row.values) or self._writer.restore(table, bare)

    def _before_delete(self, row_id: RowId) -> Row | None:
        """The row as it was before our own first unsent delete of it."""
        table = self._schema.tables[row_id.table]
        for sealed, folded in self._unsent.of(table, row_id.key):
            if folded.op is Op.DELETE and folded.before is not None:
                return Row(folded.before, {}, sealed.change(folded).incarnation)
        return None

    def _let_go(self) -> None:
        """Delete what is kept, and has no other descendants than what is kept itself."""
        kept = self._kept()
        held: set[RowId] = set()
        pending = [row_id for row_id in kept if any(c not in kept for c in self._children(row_id))]
        while pending:
            row_id = pending.pop()
            if row_id not in held:
                held.add(row_id)
                pending.extend(parent for parent in self._parents(row_id) if parent in kept)
        for row_id in kept.keys() - held:
            table = self._schema.tables[row_id.table]
            self._writer.delete(table, [row_id.key])
            record_lives(self._database, table, [(row_id.key, kept[row_id], Life.DEAD)])

    def _kept(self) -> dict[RowId, int]:
        return dict(kept_rows(self._database, self._schema))

    def _parents(self, row_id: RowId) -> list[RowId]:
        """What a row in the file refers to."""
        table = self._schema.tables[row_id.table]
        return list(parents_of(table, self._writer.read(table, row_id.key) or {}))

    def _children(self, row_id: RowId) -> Iterator[RowId]:
        return children_of(self._database, self._schema, row_id)


def children_of(
    database: sqlite3.Connection,
    schema: Schema,
    row_id: RowId,
    name_of: Callable[[str], str] = str,
) -> Iterator[RowId]:
    """The rows in the file that refer to one; those of a table may be in one of another name."""
    for table, foreign_key in schema.children_of(row_id.table):
        keys = ", ".join(map(quote, table.primary_key))
        refers = " AND ".join(f"{quote(name)} = ?" for name in foreign_key.columns)
        for key in database.execute(
            f"SELECT {keys} FROM {quote(name_of(table.name))} WHERE {refers}", row_id.key
        ):
            yield RowId(table.name, key)
