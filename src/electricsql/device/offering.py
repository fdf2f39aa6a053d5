"""Offering: what an unsent transaction needs goes up in one before it: the hub may have forgotten.

An unsent update says only what it changed. If the row was deleted meanwhile, and its tombstone is
forgotten, the hub could not bring it back. So the device offers the rows that transactions update
or refer to, as it has them, without a clock: what the hub has counts more (`replication.Op.OFFER`).

Not here: when that is done (`reconcile.py`, `sealing.py`).
"""

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Final, NamedTuple

from electricsql.device.lives import FIRST, incarnation_of
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.oplog import Folded
from electricsql.device.schemas import Schemas
from electricsql.device.unsent import Sealed, Unsent, new_seal, sealed_after
from electricsql.replication import NO_HLC, Cursor, Op, RowId, parents_of
from electricsql.schema import Key, Schema, Table, Value, quote

Rows = dict[RowId, dict[str, Value]]
Offered = tuple[Op, RowId, Mapping[str, Value]]
_MAKING: Final = (Op.INSERT, Op.OFFER)


def offer_all(database: sqlite3.Connection, schemas: Schemas, acknowledged: int) -> None:
    """Offer what the transactions after the last acknowledged one need."""
    schema = schemas.at(database, schema_version(database))
    unsent = list(sealed_after(database, schemas, acknowledged))
    rows = [as_now(database, schemas, sealed) for sealed in unsent]
    _offer(database, schema, unsent[:1], _with_parents(database, schema, rows, _needs(rows)))


def offer_last(database: sqlite3.Connection, schemas: Schemas) -> int:
    """Offer what the last sealed transaction needs, and none before it has made; gives its number
    then."""
    schema = schemas.at(database, schema_version(database))
    last = list(sealed_after(database, schemas, read_meta(database).number - 1))
    rows = [as_now(database, schemas, sealed) for sealed in last]
    needs = _needs(rows)
    made = set(_made(Unsent(database, schemas), schema, needs))
    needs = [row_id for row_id in needs if row_id not in made]
    return _offer(database, schema, last, _with_parents(database, schema, rows, needs))


class Done(NamedTuple):
    """What a transaction did to a row, with the ids that it, and those that it refers to as far as
    the change says, have now."""

    folded: Folded
    id: RowId
    parents: Sequence[RowId]


def as_now(database: sqlite3.Connection, schemas: Schemas, sealed: Sealed) -> list[Done]:
    """What a transaction did. What the file has no table for any more is left out."""
    names = schemas.now(database, sealed.schema_version)
    done = []
    for folded in sealed.rows:
        if folded.table.name in names:
            values = {} if folded.op is Op.DELETE else folded.values
            row_id, *parents = [
                RowId(names[id.table].name, id.key)
                for id in (folded.id, *parents_of(folded.table, values))
                if id.table in names
            ]
            done.append(Done(folded, row_id, parents))
    return done


def _offer(
    database: sqlite3.Connection, schema: Schema, unsent: Sequence[Sealed], rows: Rows
) -> int:
    """Put a transaction that offers rows before the first of those that need them; gives the number
    of the last one then."""
    if rows:
        first = unsent[0]
        make_room(database, first.number, first.first_seq, (1, len(rows)))
        offered = [(Op.OFFER, row_id, values) for row_id, values in rows.items()]
        place = Place(first.number, first.first_seq, NO_HLC, first.cursor)
        put(database, schema, offered, place)
    number = read_meta(database).number
    write_meta(database, offered=number)
    return number


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


def _needs(transactions: Iterable[Sequence[Done]]) -> list[RowId]:
    """The rows that transactions update or refer to, and that none of them had made by then."""
    made: set[RowId] = set()
    needs: dict[RowId, None] = {}
    for rows in transactions:
        made.update(done.id for done in rows if done.folded.op in _MAKING)
        for folded, row_id, parents in rows:
            if folded.op is Op.UPDATE and row_id not in made:
                needs[row_id] = None
            needs.update((parent, None) for parent in parents if parent not in made)
    return list(needs)


def _made(unsent: Unsent, schema: Schema, rows: Iterable[RowId]) -> Iterator[RowId]:
    """Those of some rows that an unsent transaction has made."""
    by_table: defaultdict[str, list[Key]] = defaultdict(list)
    for row_id in rows:
        by_table[row_id.table].append(row_id.key)
    for name, keys in by_table.items():
        table = schema.tables[name]
        for place in unsent.met(table, keys):
            if any(folded.op in _MAKING for _, folded in unsent.of(table, keys[place])):
                yield RowId(name, keys[place])


def _with_parents(
    database: sqlite3.Connection,
    schema: Schema,
    transactions: Iterable[Sequence[Done]],
    needs: Iterable[RowId],
) -> Rows:
    """Rows as the file has them, or had them before a transaction deleted them; and what these
    refer to: they may be newer than the transactions that need them."""
    before: Rows = {}
    for folded, row_id, _ in chain.from_iterable(transactions):
        if folded.op is Op.DELETE and folded.before is not None:
            before.setdefault(row_id, _known(schema.tables[row_id.table], folded.before))
    found: Rows = {}
    pending = list(needs)
    while pending:
        row_id = pending.pop()
        values = read_row(database, schema, row_id) or before.get(row_id)
        if row_id not in found and values is not None:
            found[row_id] = values
            pending.extend(parents_of(schema.tables[row_id.table], values))
    return found


def _known(table: Table, values: Mapping[str, Value]) -> dict[str, Value]:
    """Those values that a table has columns for."""
    return {name: value for name, value in values.items() if name in table.by_name}


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
