"""The single values that a device keeps in its file, by name and type."""

import sqlite3
from dataclasses import dataclass

from electricsql.replication import Cursor


@dataclass(frozen=True, slots=True)
class Meta:
    """What a device knows of itself.

    `number` is that of its last sealed transaction, `acknowledged` that of the last one known to be
    at the hub, `hlc` the highest hybrid clock that it has made
    or received, `origin` its place at the hub (0 until it was there), `staged_for` what the staged
    parts of a delta belong to (`staging.py`). While it is `reconciling`, or since it was `upgraded`
    (`upgrading.py`), it asks for everything;
    `offered` is the number of the last transaction whose needs were offered, `offered_behind`
    the hub's horizon when that began (`reconcile.py`).
    `horizon` is what the hub said last; for `passing` and `passed_at` see `forgetting.py`.
    """

    device: str
    app: str
    env: str
    origin: int
    cursor: Cursor | None
    number: int
    acknowledged: int
    hlc: int
    staged_for: str | None
    reconciling: bool
    upgraded: bool
    offered: int
    offered_behind: int
    horizon: int
    passing: int | None
    passed_at: int | None


def read_meta(database: sqlite3.Connection) -> Meta:
    """Everything at once; the table has been filled when the file was opened."""
    values = dict(database.execute("SELECT key, value FROM _electric_meta").fetchall())
    cursor = values.get("cursor")
    return Meta(
        device=values["device"],
        app=values["app"],
        env=values["env"],
        origin=values.get("origin", 0),
        cursor=Cursor.parse(cursor) if cursor else None,
        number=values.get("number", 0),
        acknowledged=values.get("acknowledged", 0),
        hlc=values.get("hlc", 0),
        staged_for=values.get("staged_for"),
        reconciling=bool(values.get("reconciling")),
        upgraded=bool(values.get("upgraded")),
        offered=values.get("offered", 0),
        offered_behind=values.get("offered_behind", 0),
        horizon=values.get("horizon", 0),
        passing=values.get("passing"),
        passed_at=values.get("passed_at"),
    )


def write_meta(database: sqlite3.Connection, **values: str | int | None) -> None:
    """Set single values (`cursor` as text)."""
    database.executemany(
        "INSERT INTO _electric_meta (key, value) VALUES (?, ?)"
        " ON CONFLICT (key) DO UPDATE SET value = excluded.value",
        values.items(),
    )


def schema_version(database: sqlite3.Connection) -> str | None:
    """The name of the last migration that the file has applied."""
    (name,) = database.execute("SELECT max(name) FROM _electric_migrations").fetchone()
    version: str | None = name
    return version
