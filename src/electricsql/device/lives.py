"""Which life of a row a change means.

A row's incarnation is one more after each insert that observed its tombstone. Nearly all rows are
alive in their first, so only the others are listed, in `_electric_lives`: the dead, and those that
came back. A row that only a refused transaction had is dead in no life, which has the number 0. A
delete and an insert in one transaction are no death. Listed, too, are the rows that a delete of
ours or of the hub's should have removed, and that are kept for their children's sake until the hub
has decided (`repair.py`).

The hub forgets a tombstone when all devices have received it, and may count a row's lives from the
first again. So a change of a row that is not in its first life says, too, which life its author
knew to be over at the hub (`replication.Change.ended`).

Keys are compared as SQLite's `quote` spells them: it tells storage classes apart.
"""

import json
import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from enum import IntEnum
from typing import Final

from electricsql.device.oplog import entry_columns, entry_of, fold
from electricsql.replication import Block, Op, RowId
from electricsql.schema import Key, Schema, Table

FIRST: Final = 1
_LISTS: Final = ("_electric_lives", "_electric_staged_lives")
_REPLACE: Final = (
    "ON CONFLICT (tbl, key) DO UPDATE SET incarnation = excluded.incarnation,"
    " alive = excluded.alive, ended = excluded.ended, passing = 0"
)


class Life(IntEnum):
    """What `_electric_lives.alive` says."""

    DEAD = 0
    ALIVE = 1
    KEPT = 2
    """Shown although deleted: a row that may come to stay refers to it."""


def lives_of(
    database: sqlite3.Connection, written: Iterable[Table], after: int, *, any_deleted: bool
) -> str | None:
    """Bring the list up to date with the oplog's entries after `after`, which are one transaction
    that wrote these tables, and may have deleted rows.

    Gives, as JSON, the incarnation of each changed row that is not in its first life, and the life
    that was over at the hub, by the number of the row's last entry; None if there is none (nearly
    always).
    """
    (any_listed,) = database.execute("SELECT EXISTS (SELECT 1 FROM _electric_lives)").fetchone()
    if not (any_listed or any_deleted):
        return None
    later: dict[int, tuple[int, int]] = {}
    for table in written:
        later.update(_of_table(database, table, after))
    return json.dumps(later) if later else None


def later_lives(text: str | None) -> dict[int, tuple[int, int]]:
    """What `lives_of` gave, read back: incarnation and ended life by the number of an entry.
    (Format 1 had the incarnation alone.)"""
    lives = json.loads(text or "{}").items()
    return {int(seq): (life, 0) if isinstance(life, int) else tuple(life) for seq, life in lives}


def _of_table(database: sqlite3.Connection, table: Table, after: int) -> dict[int, tuple[int, int]]:
    rows = database.execute(
        f"""
        SELECT k, op, seq, l.incarnation, l.alive, l.ended, k IN (
            SELECT {key_in_oplog(table)} FROM _electric_oplog
            WHERE tbl = {table.number} AND seq <= ?
        )
        FROM (
            SELECT {key_in_oplog(table)} AS k, op, max(seq) AS seq, sum(op = {Op.DELETE}) AS deaths
            FROM _electric_oplog
            WHERE tbl = {table.number} AND seq > ?
            GROUP BY 1
        )
        LEFT JOIN _electric_lives AS l ON l.tbl = {table.number} AND l.key = k
        WHERE deaths > 0 OR l.key IS NOT NULL
        """,
        (after, after),
    ).fetchall()
    later: dict[int, tuple[int, int]] = {}
    now: list[tuple[int, str, int, Life, int]] = []
    for key, op, seq, incarnation, alive, known, has_unsent in rows:
        life = FIRST if incarnation is None else incarnation
        ended = (known if has_unsent else _ended(life, alive)) if incarnation else 0
        dies = op == Op.DELETE
        if alive == Life.KEPT and not dies and not _is_changed(database, table, key, after):
            continue
        if not dies:
            life = max(life + (alive == Life.DEAD), FIRST)
        if life > FIRST:
            later[seq] = (life, min(ended, life - 1))  # ours may have brought it back
        if dies or incarnation is not None or life > FIRST:
            now.append((table.number, key, life, Life.DEAD if dies else Life.ALIVE, ended))
    database.executemany(
        f"INSERT INTO _electric_lives (tbl, key, incarnation, alive, ended)"
        f" VALUES (?, ?, ?, ?, ?) {_REPLACE}",
        now,
    )
    return later


def _is_changed(database: sqlite3.Connection, table: Table, key: str, after: int) -> bool:
    """Whether the hub will hear of what was done to a row: else it stays what it was."""
    entries = database.execute(
        f"SELECT {entry_columns([table])} FROM _electric_oplog"
        f" WHERE tbl = {table.number} AND seq > ? AND {key_in_oplog(table)} = ? ORDER BY seq",
        (after, key),
    )
    return bool(fold(map(entry_of, entries), {table.number: table}))


def _ended(incarnation: int, alive: int) -> int:
    """The last life that is over, of a row that is listed so."""
    return incarnation if alive == Life.DEAD else max(incarnation - 1, 0)


def record_lives(
    database: sqlite3.Connection,
    table: Table,
    rows: Iterable[tuple[Key, int, Life]],
    ended: int | None = None,
) -> None:
    """Note what a delta says of rows: their key, incarnation, and whether they live. `ended` is
    the life that is over at the hub, where unsent changes make of a row what it is here."""
    special, plain = _sorted_out(rows, ended)
    unlist(database, table, plain)
    database.executemany(
        f"INSERT INTO _electric_lives (tbl, key, incarnation, alive, ended)"
        f" VALUES ({table.number}, {_marks(table)}, ?, ?, ?) {_REPLACE}",
        special,
    )


def unlist(database: sqlite3.Connection, table: Table, keys: Sequence[Key]) -> None:
    """Note that rows are just alive in their first life."""
    (any_listed,) = database.execute(
        "SELECT EXISTS (SELECT 1 FROM _electric_lives WHERE tbl = ?)", (table.number,)
    ).fetchone()
    if any_listed:
        database.executemany(
            f"DELETE FROM _electric_lives WHERE tbl = {table.number} AND key = {_marks(table)}",
            keys,
        )


def stage_block_lives(
    database: sqlite3.Connection, table: Table, keys: Sequence[Key], block: Block
) -> None:
    """Note aside what a delta says of rows, for `take_staged_lives`."""
    lives = [(s.incarnation, Life.DEAD if s.deleted else Life.ALIVE) for s in block.shadows]
    are_plain = set(lives) == {(FIRST, Life.ALIVE)}
    if not are_plain or _any_listed(database, table):
        marks = ((key, *lives[at]) for key, at in zip(keys, block.shadow_of, strict=True))
        stage_lives(database, table, marks)


def stage_lives(
    database: sqlite3.Connection,
    table: Table,
    rows: Iterable[tuple[Key, int, Life]],
    ended: int | None = None,
) -> None:
    """Note aside what `record_lives` would note. A row that is just alive in its first life is
    noted if it is listed, so that it is listed no more."""
    listed = "EXISTS (SELECT 1 FROM {} WHERE tbl = " + str(table.number)
    either = [listed.format(name) for name in _LISTS]
    stage = f"INSERT OR REPLACE INTO _electric_staged_lives SELECT {table.number}"
    special, plain = _sorted_out(rows, ended)
    database.executemany(f"{stage}, {_marks(table)}, ?, ?, ?", special)
    database.executemany(
        f"{stage}, k, {FIRST}, {Life.ALIVE}, 0 FROM (SELECT {_marks(table)} AS k)"
        f" WHERE {either[0]} AND key = k) OR {either[1]} AND key = k)",
        plain,
    )


def copy_life(database: sqlite3.Connection, table: Table, key: Key) -> None:
    """Note aside what is listed of a row: it stays so."""
    database.execute(
        "INSERT OR REPLACE INTO _electric_staged_lives (tbl, key, incarnation, alive, ended)"
        " SELECT tbl, key, incarnation, alive, ended FROM _electric_lives"
        f" WHERE tbl = {table.number} AND key = {_marks(table)}",
        key,
    )


def _any_listed(database: sqlite3.Connection, table: Table) -> bool:
    """Whether anything is listed of a table's rows, or noted aside."""
    one = f"EXISTS (SELECT 1 FROM {{}} WHERE tbl = {table.number})"
    (found,) = database.execute(f"SELECT {' OR '.join(map(one.format, _LISTS))}").fetchone()
    return bool(found)


def _sorted_out(
    rows: Iterable[tuple[Key, int, Life]], ended: int | None
) -> tuple[list[Sequence[object]], list[Key]]:
    """What is listed of rows, and those that are not: alive in their first life."""
    special: list[Sequence[object]] = []
    plain: list[Key] = []
    for key, incarnation, life in rows:
        if incarnation > FIRST or life is not Life.ALIVE:
            over = _ended(incarnation, life) if ended is None else ended
            special.append((*key, incarnation, life, over))
        else:
            plain.append(key)
    return special, plain


def take_staged_lives(database: sqlite3.Connection) -> None:
    """Note what was noted aside."""
    noted = database.execute(
        "INSERT INTO _electric_lives (tbl, key, incarnation, alive, ended)"
        " SELECT tbl, key, incarnation, alive, ended FROM _electric_staged_lives WHERE true"
        f" {_REPLACE}"
    )
    if noted.rowcount > 0:
        database.execute(
            f"DELETE FROM _electric_lives WHERE incarnation = {FIRST} AND alive = {Life.ALIVE}"
            " AND (tbl, key) IN (SELECT tbl, key FROM _electric_staged_lives)"
        )


def incarnation_of(database: sqlite3.Connection, table: Table, key: Key) -> int:
    """Which life a row is in, or was last."""
    found = database.execute(
        "SELECT incarnation FROM _electric_lives"
        f" WHERE tbl = {table.number} AND key = {_marks(table)}",
        key,
    ).fetchone()
    return int(found[0]) if found else FIRST


def forget_lives(database: sqlite3.Connection, table: Table, besides: Iterable[Key]) -> None:
    """Forget what is listed of a table's rows: a whole delta follows, which tells all that the hub
    has not forgotten. Rows with unsent changes stay."""
    columns = "tbl, key, incarnation, alive, ended"
    select = f"SELECT {columns} FROM _electric_lives WHERE tbl = {table.number}"
    kept = [
        database.execute(f"{select} AND key = {_marks(table)}", key).fetchone() for key in besides
    ]
    database.execute("DELETE FROM _electric_lives WHERE tbl = ?", (table.number,))
    database.executemany(
        f"INSERT INTO _electric_lives ({columns}) VALUES (?, ?, ?, ?, ?)", filter(None, kept)
    )


def kept_rows(database: sqlite3.Connection, schema: Schema) -> Iterator[tuple[RowId, int]]:
    """The rows that are kept, with their incarnations."""
    tables = {table.number: table for table in schema}
    for number, key, incarnation in _listed(database, Life.KEPT):
        yield RowId(tables[number].name, key), incarnation


def dead_rows(database: sqlite3.Connection, schema: Schema) -> Iterator[RowId]:
    """The rows that are known to be dead."""
    tables = {table.number: table for table in schema}
    for number, key, _ in _listed(database, Life.DEAD):
        yield RowId(tables[number].name, key)


def _listed(database: sqlite3.Connection, life: Life) -> Iterator[tuple[int, Key, int]]:
    listed = database.execute(
        f"SELECT tbl, key, incarnation FROM _electric_lives WHERE alive = {life}"
    ).fetchall()
    for number, key, incarnation in listed:
        # `quote` made literals of the key's values, so SQLite reads them back.
        yield number, database.execute(f"SELECT {key}").fetchone(), incarnation


def key_in_oplog(table: Table) -> str:
    """SQL for the key of an oplog entry of a table, as the list spells it."""
    return quoted_key([f"c{table.positions[name]}" for name in table.primary_key])


def quoted_key(values: Sequence[str]) -> str:
    """SQL for a key, from SQL for its values."""
    return " || ',' || ".join(f"quote({value})" for value in values)


def _marks(table: Table) -> str:
    return quoted_key(["?"] * len(table.primary_key))
