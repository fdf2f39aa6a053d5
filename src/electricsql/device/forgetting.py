"""Forgetting the dead rows that the hub has forgotten, so that `_electric_lives` stays small.

All that are listed start on their way together. When the transactions that were sealed by then are
acknowledged, the file's cursor has all these deaths; and when the hub has forgotten everything
before that cursor, none of them is known to anybody who counts. A row that something else happens
to meanwhile leaves the others (`lives.py`).

The hub says how far it has forgotten when it welcomes the device. It may have, after the device's
cursor, rows that have come back to life since; so this happens only after a delta.
"""

import sqlite3
from typing import Final

from electricsql.device.lives import Life
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.steps import Work
from electricsql.limits import FORGOTTEN_LIVES_MIN

_SOME: Final = 200
_DEAD: Final = f"SELECT {{}} FROM _electric_lives WHERE alive = {Life.DEAD} AND passing = {{}}"
_START: Final = (
    "UPDATE _electric_lives SET passing = 1 WHERE (tbl, key) IN"
    f" ({_DEAD.format('tbl, key', 0)} LIMIT {_SOME})"
)
_FORGET: Final = (
    f"DELETE FROM _electric_lives WHERE (tbl, key) IN ({_DEAD.format('tbl, key', 1)} LIMIT {_SOME})"
)


def can_forget(database: sqlite3.Connection) -> bool:
    """Whether there is something to do. Cheap."""
    meta = read_meta(database)
    if meta.passing is None:
        some = f"{_DEAD.format(1, 0)} LIMIT {FORGOTTEN_LIVES_MIN}"
        (count,) = database.execute(f"SELECT count(*) FROM ({some})").fetchone()
        return bool(count == FORGOTTEN_LIVES_MIN)
    if meta.passed_at is None:
        return meta.acknowledged >= meta.passing and meta.cursor is not None
    return meta.horizon >= meta.passed_at


def forgetting(database: sqlite3.Connection) -> Work:
    """Go the next step of the way."""
    meta = read_meta(database)
    if meta.passing is None:
        while database.execute(_START).rowcount:
            yield
        write_meta(database, passing=read_meta(database).number)
    elif meta.passed_at is None:
        if meta.acknowledged >= meta.passing and meta.cursor is not None:
            write_meta(database, passed_at=meta.cursor.snapshot.xmax)
    elif meta.horizon >= meta.passed_at:
        while database.execute(_FORGET).rowcount:
            yield
        write_meta(database, passing=None, passed_at=None)
