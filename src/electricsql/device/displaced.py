"""Rows with unsent changes that have no place in their table for now (see `writing.py`)."""

import sqlite3
from collections.abc import Iterable, Mapping

from electricsql.device.lives import key_in_oplog, quoted_key
from electricsql.protocol import decode_block, encode_block
from electricsql.replication import Block, RowId, Shadow
from electricsql.schema import Schema, Table, Value

Displaced = tuple[Table, Mapping[str, Value]]


def any_displaced(database: sqlite3.Connection) -> bool:
    """Whether there are any."""
    (found,) = database.execute("SELECT EXISTS (SELECT 1 FROM _electric_displaced)").fetchone()
    return bool(found)


def read_displaced(database: sqlite3.Connection, schema: Schema) -> dict[RowId, Displaced]:
    """All of them; nearly always none."""
    displaced: dict[RowId, Displaced] = {}
    for (data,) in database.execute("SELECT block FROM _electric_displaced").fetchall():
        block = decode_block(data)
        table = schema.tables[block.table]
        for key, row in block.rows(table):
            displaced[RowId(table.name, key)] = (table, row.values)
    return displaced


def write_displaced(database: sqlite3.Connection, displaced: Iterable[Displaced]) -> None:
    """Remember these, and no others. Each is a block of its own, which keeps every value as it
    is."""
    database.execute("DELETE FROM _electric_displaced")
    for table, row in displaced:
        shadow = Shadow(1, 0, 0, 0, (0,) * len(row))
        block = Block(table.name, tuple(row), [[value] for value in row.values()], [shadow], [0])
        key = quoted_key(["?"] * len(table.primary_key))
        database.execute(
            f"INSERT INTO _electric_displaced VALUES (?, {key}, ?)",
            (table.number, *table.key_of(row), encode_block(block)),
        )


def forget_written(database: sqlite3.Connection, table: Table, after: int) -> None:
    """Forget the rows that the app has inserted anew, by the oplog's entries after `after`."""
    database.execute(
        f"DELETE FROM _electric_displaced WHERE tbl = {table.number} AND key IN"
        f" (SELECT {key_in_oplog(table)} FROM _electric_oplog"
        f" WHERE seq > ? AND tbl = {table.number})",
        (after,),
    )
