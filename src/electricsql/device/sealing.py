"""Sealing: giving committed changes their transaction, with one number, one clock and one cursor.

`db.transaction()` seals its own changes in the same SQLite transaction. What other programs
committed is sealed as one transaction by whoever looks next, and always before a delta is applied:
after it, a change made before would seem to have observed it. While the device reconciles, what is
sealed is offered what it needs (`reconcile.py`).
"""

import sqlite3
from typing import Final

from electricsql.device.displaced import forget_written
from electricsql.device.lives import lives_of
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.offering import offer_last
from electricsql.device.schemas import Schemas
from electricsql.device.unsent import new_seal
from electricsql.migrations import FIRING, GUARD
from electricsql.replication import Op, tick
from electricsql.schema import SPELLED, Table, canonical, quote

_ENDS: Final = """
SELECT * FROM (SELECT seq, at FROM _electric_oplog WHERE seq > ? ORDER BY seq LIMIT 1)
UNION ALL
SELECT * FROM (SELECT seq, at FROM _electric_oplog WHERE seq > ? ORDER BY seq DESC LIMIT 1)
"""
"""The first and the last entry that are not sealed."""


def last_sealed(database: sqlite3.Connection) -> int:
    """The oplog entry up to which everything is sealed."""
    (seq,) = database.execute(
        "SELECT coalesce(max(last_seq), 0) FROM _electric_transactions"
    ).fetchone()
    found: int = seq
    return found


def seal(database: sqlite3.Connection, schemas: Schemas, now_ms: int) -> int | None:
    """Seal what is not sealed yet as one transaction; gives its number, or None if there was
    nothing. The caller has a write transaction open.
    """
    after = last_sealed(database)
    ends = database.execute(_ENDS, (after, after)).fetchall()
    if not ends:
        return None
    _end_firing(database)
    (first, _), (last, written_ms) = ends
    meta, version = read_meta(database), schema_version(database)
    tables = schemas.numbered(database, version)
    # Each look at all entries costs as much as a tenth of writing them: one tells it all.
    kinds = database.execute(
        "SELECT DISTINCT tbl, op FROM _electric_oplog WHERE seq > ?", (after,)
    ).fetchall()
    written = [tables[number] for number in dict.fromkeys(number for number, _ in kinds)]
    _spell(database, written, after)
    number = meta.number + 1
    hlc = tick(meta.hlc, max(now_ms, written_ms))
    cursor = str(meta.cursor) if meta.cursor else None
    any_deleted = any(op == Op.DELETE for _, op in kinds)
    lives = lives_of(database, written, after, any_deleted=any_deleted)
    for (table,) in database.execute("SELECT DISTINCT tbl FROM _electric_displaced").fetchall():
        forget_written(database, tables[table], after)
    database.execute(
        "INSERT INTO _electric_transactions"
        " (number, first_seq, last_seq, hlc, cursor, schema_version, lives, seal)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        (number, first, last, hlc, cursor, version, lives, new_seal()),
    )
    database.execute("UPDATE _electric_oplog SET w = 0 WHERE seq = ?", (last,))
    write_meta(database, number=number, hlc=hlc)
    return offer_last(database, schemas) if meta.reconciling else number


def _end_firing(database: sqlite3.Connection) -> None:
    """Forget which triggers were under way when a statement with OR FAIL failed: none is now."""
    name = "SELECT 1 FROM sqlite_schema WHERE name = ?"
    if database.execute(name, (FIRING,)).fetchone():
        database.execute(f"DELETE FROM {FIRING}")


def _spell(database: sqlite3.Connection, tables: list[Table], after: int) -> None:
    """Bring dates, times and UUIDs into their canonical spelling, in the oplog and in the app's row
    (if it still has that value), so that the author shows what everybody else will."""
    for table in tables:
        for position, column in enumerate(table.columns):
            if column.type not in SPELLED or column.name in table.primary_key:
                continue
            written = database.execute(
                f"SELECT seq, c{position} FROM _electric_oplog WHERE seq > ? AND tbl = ?"
                f" AND op <> 3 AND c{position} IS NOT NULL",
                (after, table.number),
            ).fetchall()
            for seq, value in written:
                spelled = canonical(column.type, value)
                if spelled != value:
                    _respell(database, table, position, (spelled, value, seq))


def _respell(
    database: sqlite3.Connection, table: Table, position: int, values: tuple[object, object, int]
) -> None:
    spelled, value, seq = values
    column = f"c{position}"
    database.execute(f"UPDATE _electric_oplog SET {column} = ? WHERE seq = ?", (spelled, seq))
    name = quote(table.columns[position].name)
    key = " AND ".join(
        f"t.{quote(part)} IS o.c{table.positions[part]}" for part in table.primary_key
    )
    database.execute(f"INSERT INTO {GUARD} VALUES (1)")
    database.execute(
        f"UPDATE {quote(table.name)} AS t SET {name} = ? FROM _electric_oplog AS o"
        f" WHERE o.seq = ? AND {key} AND t.{name} = ?",
        (spelled, seq, value),
    )
    database.execute(f"DELETE FROM {GUARD}")
