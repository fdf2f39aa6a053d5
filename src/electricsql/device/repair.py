"""Foreign keys where a delta meets unsent changes: what the hub will do when it gets them, done
here.

The hub's rows keep their foreign keys among themselves, and so do the device's. Only between the
two can one be broken: the hub deleted a row that an unsent one refers to, or sent a child of a row
that an unsent delete removed. In both cases the parent stays, as it will at the hub
(`replication/merge.py`).
"""

import sqlite3
from collections.abc import Iterable, Iterator, Mapping, Sequence

from electricsql.device.unsent import Unsent
from electricsql.replication import Op, Row, RowId, parents_of
from electricsql.schema import ForeignKey, Key, Schema, Table, quote

Restored = tuple[Table, Row]


def keep_parents(
    database: sqlite3.Connection, schema: Schema, tombstones: Mapping[RowId, Row]
) -> Iterator[Restored]:
    """The tombstones that a row here still refers to; and what those refer to themselves."""
    pending = [
        row_id
        for row_id in tombstones
        if any(
            _has_child(database, table, foreign_key, row_id.key)
            for table, foreign_key in schema.children_of(row_id.table)
        )
    ]
    seen: set[RowId] = set()
    while pending:
        row_id = pending.pop()
        if row_id in seen or row_id not in tombstones:
            continue
        seen.add(row_id)
        row, table = tombstones[row_id], schema.tables[row_id.table]
        yield table, row
        pending.extend(parents_of(table, row.values))


def bring_back_parents(
    database: sqlite3.Connection,
    schema: Schema,
    received: Sequence[tuple[RowId, Row]],
    unsent: Unsent,
) -> Iterator[Restored]:
    """The rows that an unsent delete removed, and that a received row refers to; recursively."""
    pending: list[RowId] = []
    for row_id, row in received:
        pending.extend(parents_of(schema.tables[row_id.table], row.values))
    seen: set[RowId] = set()
    while pending:
        row_id = pending.pop()
        if row_id in seen:
            continue
        seen.add(row_id)
        table = schema.tables[row_id.table]
        if _is_there(database, table, row_id.key):
            continue
        before = _before_delete(row_id, unsent)
        if before is not None:
            yield table, before
            pending.extend(parents_of(table, before.values))


def _before_delete(row_id: RowId, unsent: Unsent) -> Row | None:
    """The row as it was before our own first unsent delete of it."""
    for sealed, folded in unsent.of(row_id):
        if folded.op is Op.DELETE and folded.before is not None:
            incarnation = sealed.change(folded).incarnation
            return Row(dict(folded.before), {}, incarnation)
    return None


def _is_there(database: sqlite3.Connection, table: Table, key: Key) -> bool:
    return _exists(database, table, table.primary_key, key)


def _has_child(
    database: sqlite3.Connection, table: Table, foreign_key: ForeignKey, key: Key
) -> bool:
    return _exists(database, table, foreign_key.columns, key)


def _exists(
    database: sqlite3.Connection, table: Table, columns: Iterable[str], values: Key
) -> bool:
    condition = " AND ".join(f"{quote(name)} = ?" for name in columns)
    (found,) = database.execute(
        f"SELECT EXISTS (SELECT 1 FROM {quote(table.name)} WHERE {condition})", values
    ).fetchone()
    return bool(found)
