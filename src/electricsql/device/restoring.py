"""Giving back what a hub has lost: it was put back to an older backup, and this device has received
more than it has now.

The device keeps a copy of its file, becomes another device, and offers all that it has before its
unsent transactions: every row (`Op.OFFER`), and the deletion of every row that it knows to be dead.
The hub takes of it what differs and wins. The clock of what is offered is the highest that the hub
had when the device received the last of it. So of two devices the one that had seen more wins, and
what was written after the hub was put back wins against both; for what the device has observed is
cut off at the fork.

It goes in pieces, so that one row which Postgres refuses takes only its piece to the quarantine. A
row is in the piece of the rows that it refers to, or in a later one. Deletions come first, since
another row may have the dead one's UNIQUE value; and again at the end, when no row refers to the
dead ones any more.
"""

import sqlite3
from collections.abc import Iterator
from pathlib import Path

from electricsql.device.file import transaction
from electricsql.device.identity import keep_copy, renew
from electricsql.device.lives import dead_rows
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.offering import Offered, Place, as_now, make_room, put, read_row
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.unsent import sealed_after
from electricsql.limits import OFFERED_ROWS_MAX
from electricsql.replication import Cursor, Fork, Op, RowId, parents_of
from electricsql.schema import Schema, Table, Value, quote


def give_back(
    path: Path,
    database: sqlite3.Connection,
    schemas: Schemas,
    fork: Fork,
    now_ms: int,
    *,
    horizon: int,
) -> Path:
    """Offer all that the file has to a hub that left our history at the fork; gives the path of the
    copy that was kept."""
    meta = read_meta(database)
    copy = path.with_name(f"{path.stem}.before-put-back-{meta.device[:8]}{path.suffix}")
    keep_copy(database, copy)
    with transaction(database):
        seal(database, schemas, now_ms)
        cursor = _cut(meta.cursor, fork)
        _cut_unsent(database, fork)
        hlc = min(meta.cursor.hlc if meta.cursor else 0, fork.hlc)
        _offer(database, _Everything(database, schemas), Place(1, 1, hlc, cursor))
        renew(database)
        last = read_meta(database).number
        write_meta(database, cursor=str(cursor) if cursor else None, reconciling=1)
        write_meta(database, offered=last, offered_behind=horizon)
        write_meta(database, horizon=0, passing=None, passed_at=None)
    return copy


def _cut(cursor: Cursor | None, fork: Fork) -> Cursor | None:
    """What a cursor sees of the history that is common to us and the hub."""
    return cursor and Cursor(cursor.epoch, cursor.snapshot.before(fork.xid))


def _cut_unsent(database: sqlite3.Connection, fork: Fork) -> None:
    told = "SELECT DISTINCT cursor FROM _electric_transactions WHERE cursor IS NOT NULL"
    for (text,) in database.execute(told).fetchall():
        cut = str(_cut(Cursor.parse(text), fork))
        if cut != text:
            database.execute(
                "UPDATE _electric_transactions SET cursor = ? WHERE cursor = ?", (cut, text)
            )


def _offer(database: sqlite3.Connection, everything: "_Everything", place: Place) -> None:
    """Put all of it before the unsent transactions, which are numbered anew afterwards."""
    count = everything.count()
    make_room(database, 1, 1, (count, count))
    for piece in everything.pieces():
        put(database, everything.schema, piece, place)
        place = place._replace(number=place.number + 1, first_seq=place.first_seq + len(piece))


class _Everything:
    """What a file has to offer: its rows, and what it knows to be deleted. Rows that only unsent
    transactions have inserted come with these, unless other rows refer to them."""

    def __init__(self, database: sqlite3.Connection, schemas: Schemas) -> None:
        self.schema: Schema = schemas.at(database, schema_version(database))
        self._database = database
        self._ranks = {table.name: rank for rank, table in enumerate(self.schema)}
        self._dead = list(dead_rows(database, self.schema))
        self._own = {
            row_id
            for sealed in sealed_after(database, schemas, 0)
            for folded, row_id, _ in as_now(database, schemas, sealed)
            if folded.op is Op.INSERT
        }
        self._taken: set[RowId] = set()
        """Rows that may be met again: only where a table refers to itself, or to a later one."""
        referred = {key.parent for table in self.schema for key in table.foreign_keys}
        self._met_again = referred if self._any_refers_ahead() else set()

    def count(self) -> int:
        """How many it is at most."""
        total = 2 * len(self._dead)
        for table in self.schema:
            sql = f"SELECT count(*) FROM {quote(table.name)}"
            total += self._database.execute(sql).fetchone()[0]
        return total

    def pieces(self) -> Iterator[list[Offered]]:
        """All of it, in pieces, as they have to be taken."""
        for groups in (self._deletions(), self._rows(), self._deletions()):
            piece: list[Offered] = []
            for group in groups:
                piece += group
                if len(piece) >= OFFERED_ROWS_MAX:
                    yield piece
                    piece = []
            if piece:
                yield piece

    def _deletions(self) -> Iterator[list[Offered]]:
        """Those of a table together, children first: a row stays as long as others refer to it."""
        for table in reversed(list(self.schema)):
            named: list[Offered] = [
                (Op.DELETE, row_id, dict(zip(table.primary_key, row_id.key, strict=True)))
                for row_id in self._dead
                if row_id.table == table.name
            ]
            if named:
                yield named

    def _rows(self) -> Iterator[list[Offered]]:
        for table in self.schema:
            columns = ", ".join(map(quote, table.column_names))
            for row in self._database.execute(f"SELECT {columns} FROM {quote(table.name)}"):
                values = dict(zip(table.column_names, row, strict=True))
                row_id = RowId(table.name, table.key_of(values))
                if row_id not in self._own and row_id not in self._taken:
                    yield self._with_parents(table, row_id, values)

    def _any_refers_ahead(self) -> bool:
        return any(
            self._ranks[key.parent] >= self._ranks[table.name]
            for table in self.schema
            for key in table.foreign_keys
        )

    def _with_parents(self, table: Table, row_id: RowId, values: dict[str, Value]) -> list[Offered]:
        """A row, and what it refers to as far as that has not come yet."""
        group: list[Offered] = []
        pending = [(row_id, values)]
        if table.name in self._met_again:
            self._taken.add(row_id)
        while pending:
            row_id, values = pending.pop()
            group.append((Op.OFFER, row_id, values))
            for parent in parents_of(self.schema.tables[row_id.table], values):
                later = parent in self._own or self._ranks[parent.table] >= self._ranks[table.name]
                if later and parent not in self._taken:
                    self._taken.add(parent)
                    found = read_row(self._database, self.schema, parent)
                    if found is not None:
                        pending.append((parent, found))
        return group
