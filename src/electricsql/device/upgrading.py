"""Migrations that do more than add: what becomes of a file when its app brings one.

Code that doesn't know such a migration would break on it, so it is never followed from the stream:
it comes with the app's bundle, in the SQLite transaction that prepares the file. What was written
until then stays in the oplog as it was written. The migration's own statements make of the rows
what the app sees until the hub's come.

The hub's rows can't be merged with unsent changes of an older version. So as long as there are any,
no delta is taken (`protocol/device_session.py`, rule 4); and then everything is asked for, whose
rows replace all that the statements made.
"""

import sqlite3
from collections.abc import Collection
from pathlib import Path

from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.schemas import Schemas
from electricsql.errors import DeviceError
from electricsql.migrations import NOTED
from electricsql.schema import OURS, quote

_UPGRADES = "FROM _electric_migrations WHERE NOT additive"


def last_upgrade(database: sqlite3.Connection) -> str | None:
    """The last migration of the file that does more than add."""
    (name,) = database.execute(f"SELECT max(name) {_UPGRADES}").fetchone()
    found: str | None = name
    return found


def last_older(database: sqlite3.Connection) -> int:
    """The last unsent transaction from before the last upgrade; 0 if there is none."""
    (number,) = database.execute(
        "SELECT coalesce(max(number), 0) FROM _electric_transactions"
        f" WHERE coalesce(schema_version, '') < (SELECT max(name) {_UPGRADES})"
    ).fetchone()
    found: int = number
    return found


def refuse_newer(path: Path, database: sqlite3.Connection, known: Collection[str]) -> None:
    """See to it that an app which knows these migrations can use the file.

    Raises:
        DeviceError: `newer-schema`.
    """
    for (name,) in database.execute(f"SELECT name {_UPGRADES} ORDER BY name"):
        if name not in known:
            raise DeviceError(
                "newer-schema",
                f"{path} was upgraded by a newer version of the app: migration {name}, which this"
                " one doesn't have, has renamed or dropped what was there.",
                "Use the newer version of the app. The file was left as it is.",
            )


def refuse_upgraded(database: sqlite3.Connection, before: str | None) -> None:
    """See to it that the file has not been upgraded since this was its last upgrade: what the hub
    was asked for then does not fit any more. The caller has a transaction open.

    Raises:
        DeviceError: `upgraded`.
    """
    if last_upgrade(database) != before:
        raise DeviceError(
            "upgraded",
            "Another program has upgraded the file meanwhile.",
            "Nothing needs to be done: the hub is asked anew.",
        )


def make_way(database: sqlite3.Connection) -> None:
    """Take away our triggers, and what they keep, before tables are changed that they refer to."""
    ours = database.execute(
        "SELECT type, name FROM sqlite_schema WHERE type = 'trigger' AND substr(name, 1, ?) = ?"
        " OR type = 'table' AND substr(name, 1, ?) = ?",
        (len(OURS), OURS, len(NOTED), NOTED),
    ).fetchall()
    for kind, name in ours:
        database.execute(f"DROP {kind} {quote(name)}")


def settle(database: sqlite3.Connection) -> None:
    """The file has been upgraded: forget what concerned rows as they were, and have all rows asked
    for, if there are any from the hub."""
    schema = Schemas().at(database, schema_version(database))
    numbers = ", ".join(str(table.number) for table in schema)
    database.execute(f"DELETE FROM _electric_lives WHERE tbl NOT IN ({numbers})")
    database.execute("DELETE FROM _electric_staged_lives")
    database.execute("DELETE FROM _electric_displaced")
    if read_meta(database).cursor is not None:
        write_meta(database, upgraded=1)
