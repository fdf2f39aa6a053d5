"""Rows with unsent changes that have no place in their table for now (see `writing.py`)."""

import sqlite3
from collections.abc import Iterable, Mapping

from electricsql.protocol import decode_block, encode_block
from electricsql.replication import Block, RowId, Shadow
from electricsql.schema import Schema, Table, Value

Displaced = tuple[Table, Mapping[str, Value]]


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
        database.execute("INSERT INTO _electric_displaced VALUES (?)", (encode_block(block),))
