"""Reconciling: the hub has forgotten what happened since the device's cursor, so it is asked for
everything there is, and is offered first what unsent transactions need.

An unsent update says only what it changed. If the row was deleted meanwhile, and its tombstone is
forgotten, the hub could not bring it back. So the device offers the rows that unsent transactions
update or refer to, as it has them, in a transaction of its own before them, without a clock: what
the hub has counts more (`replication.Op.OFFER`).
"""

import json
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from electricsql.device.file import transaction
from electricsql.device.lives import FIRST, incarnation_of
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.oplog import Folded
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import new_seal, seal
from electricsql.device.unsent import Sealed, sealed_after
from electricsql.replication import NO_HLC, Cursor, Op, RowId, parents_of
from electricsql.schema import Schema, Value, quote

Rows = dict[RowId, dict[str, Value]]
Offered = tuple[Op, RowId, Mapping[str, Value]]


def reconcile(
    database: sqlite3.Connection, schemas: Schemas, acknowledged: int, horizon: int, now_ms: int
) -> None:
    """Offer what the transactions after the last acknowledged one need, and have everything asked
    for. Should the hub's horizon move before all of them are in, that is done again: an offer that
    was not needed has left nothing behind."""
    with transaction(database):
        seal(database, schemas, now_ms)
        schema = schemas.at(database, schema_version(database))
        unsent = list(sealed_after(database, schemas, acknowledged))
        offered = _needed(database, schema, unsent)
        if offered:
            offer(database, schema, offered, unsent)
        last = read_meta(database).number
        write_meta(database, reconciling=1, offered=last, offered_behind=horizon)


def offer(database: sqlite3.Connection, schema: Schema, rows: Rows, unsent: list[Sealed]) -> None:
    """Put a transaction that offers rows before the unsent ones, without a clock."""
    first = unsent[0]
    make_room(database, first.number, first.first_seq, (1, len(rows)))
    offered = [(Op.OFFER, row_id, values) for row_id, values in rows.items()]
    place = Place(first.number, first.first_seq, NO_HLC, first.cursor)
    put(database, schema, offered, place)


class Place(NamedTuple):
    """Where a transaction goes: its number, the first of its entries, its clock and cursor."""

    number: int
    first_seq: int
    hlc: int
    cursor: Cursor | None


def put(
    database: sqlite3.Connection, schema: Schema, offered: Sequence[Offered], place: Place
) -> None:
    """Put a transaction into its place, which is free."""
    lives = {}
    for seq, (op, row_id, values) in enumerate(offered, start=place.first_seq):
        table = schema.tables[row_id.table]
        columns = [f"c{table.positions[name]}" for name in values]
        database.execute(
            f"INSERT INTO _electric_oplog (seq, tbl, op, mask, at, {', '.join(columns)})"
            f" VALUES (?, ?, ?, 0, 0, {', '.join('?' * len(columns))})",
            (seq, table.number, op, *values.values()),
        )
        life = incarnation_of(database, table, row_id.key)
        if life > FIRST:
            lives[seq] = (life, life - 1)
    database.execute(
        "INSERT INTO _electric_transactions"
        " (number, first_seq, last_seq, hlc, cursor, schema_version, lives, seal)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (
            *(place.number, place.first_seq, place.first_seq + len(offered) - 1, place.hlc),
            *(str(place.cursor) if place.cursor is not None else None, schema.version),
            json.dumps(lives) if lives else None,
            new_seal(),
        ),
    )


def make_room(database: sqlite3.Connection, number: int, seq: int, room: tuple[int, int]) -> None:
    """Give transactions from `number` on higher numbers, and their entries from `seq` on: there is
    room then for so many transactions and so many entries."""
    transactions, count = room
    moved = database.execute(
        "SELECT number, lives FROM _electric_transactions WHERE number >= ? ORDER BY number DESC",
        (number,),
    ).fetchall()
    for own, lives in moved:
        later = {int(at) + count: life for at, life in json.loads(lives or "{}").items()}
        database.execute(
            "UPDATE _electric_transactions SET number = number + ?, first_seq = first_seq + ?,"
            " last_seq = last_seq + ?, lives = ? WHERE number = ?",
            (transactions, count, count, json.dumps(later) if later else None, own),
        )
    # By way of negative numbers, so that no two are ever alike.
    database.execute("UPDATE _electric_oplog SET seq = -seq - ? WHERE seq >= ?", (count, seq))
    database.execute("UPDATE _electric_oplog SET seq = -seq WHERE seq < 0")
    write_meta(database, number=read_meta(database).number + transactions)


def _needed(database: sqlite3.Connection, schema: Schema, unsent: list[Sealed]) -> Rows:
    """The rows that unsent transactions update, or refer to, as the file has them."""
    own: set[RowId] = set()
    before: Rows = {}
    updated: dict[RowId, None] = {}
    parents: dict[RowId, None] = {}
    for folded in (folded for sealed in unsent for folded in sealed.rows):
        if folded.op in (Op.INSERT, Op.OFFER):
            own.add(folded.id)
        if folded.op is Op.DELETE and folded.before is not None:
            before.setdefault(folded.id, dict(folded.before))
        if folded.id not in own and folded.op is Op.UPDATE:
            updated[folded.id] = None
        parents.update(dict.fromkeys(_parents(schema, folded)))
    found: Rows = {}
    pending = [*updated, *(row_id for row_id in parents if row_id not in own)]
    while pending:
        row_id = pending.pop()
        values = read_row(database, schema, row_id) or before.get(row_id)
        if row_id not in found and values is not None:
            found[row_id] = values
            # These values may be newer than an own row that they refer to: that is offered, too.
            pending.extend(parents_of(schema.tables[row_id.table], values))
    return found


def _parents(schema: Schema, folded: Folded) -> Iterator[RowId]:
    """What a change refers to, as far as it says itself."""
    table = schema.tables.get(folded.table.name)
    if table is not None and folded.op is not Op.DELETE:
        yield from parents_of(table, folded.values)


def read_row(
    database: sqlite3.Connection, schema: Schema, row_id: RowId
) -> dict[str, Value] | None:
    """A row as the file has it."""
    table = schema.tables.get(row_id.table)
    if table is None:
        return None
    columns = ", ".join(map(quote, table.column_names))
    key = " AND ".join(f"{quote(name)} = ?" for name in table.primary_key)
    found = database.execute(
        f"SELECT {columns} FROM {quote(table.name)} WHERE {key}", row_id.key
    ).fetchone()
    return dict(zip(table.column_names, found, strict=True)) if found else None
