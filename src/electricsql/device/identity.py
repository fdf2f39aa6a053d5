"""When a file is not what the hub thinks it is: a copy, a restored backup, or of a history that is
no more."""

import os
import secrets
import sqlite3
from contextlib import closing
from pathlib import Path

from electricsql.device.file import initialise, transaction
from electricsql.device.meta import read_meta, write_meta
from electricsql.device.schemas import Schemas, compiled_statements
from electricsql.migrations import created, is_marked
from electricsql.schema import quote


def renew(database: sqlite3.Connection) -> None:
    """Become another device. The hub knows later transactions of this one, so the file is a copy,
    or was restored; its unsent transactions are numbered anew, and go up as the new device's."""
    with transaction(database):
        database.execute(
            "INSERT INTO _electric_earlier (device, acknowledged)"
            " SELECT device, acknowledged FROM _electric_fates WHERE device = ?",
            (read_meta(database).device,),
        )
        database.execute(
            "UPDATE _electric_transactions SET number = -t.place FROM (SELECT number AS own,"
            " row_number() OVER (ORDER BY number) AS place FROM _electric_transactions) AS t"
            " WHERE number = t.own"
        )
        database.execute("UPDATE _electric_transactions SET number = -number")
        (count,) = database.execute("SELECT count(*) FROM _electric_transactions").fetchone()
        write_meta(
            database,
            device=secrets.token_hex(16),
            origin=0,
            number=count,
            acknowledged=0,
            offered=0,
            offered_behind=0,
        )


def start_over(path: Path, database: sqlite3.Connection, schemas: Schemas, epoch: str) -> Path:
    """Keep a copy of the file beside it, and empty it: the hub was reset, and has nothing of what
    is here. Gives the copy's path. The schema comes back with the first delta."""
    copy = path.with_name(f"{path.stem}.before-reset-{epoch[:8]}{path.suffix}")
    keep_copy(database, copy)
    meta = read_meta(database)
    version = database.execute("SELECT max(name) FROM _electric_migrations").fetchone()[0]
    with transaction(database):
        for kind, name in _local(database, version):
            database.execute(f"DROP {kind} {quote(name)}")
        for table in reversed(list(schemas.at(database, version))):
            database.execute(f"DROP TABLE IF EXISTS {quote(table.name)}")
        ours = database.execute(
            "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view')"
            " AND name LIKE '\\_electric\\_%' ESCAPE '\\'"
        ).fetchall()
        for kind, name in ours:
            database.execute(f"DROP {kind} {quote(name)}")
        initialise(database, meta.app, meta.env)
    schemas.forget()
    return copy


def _local(database: sqlite3.Connection, version: str | None) -> list[tuple[str, str]]:
    """What the migrations have made in this file that is not replicated."""
    statements = compiled_statements(database, version) if version is not None else []
    names = {created(sql)[1].lower() for sql in statements if is_marked(sql)}
    found = database.execute(
        "SELECT type, name FROM sqlite_schema WHERE type IN ('table', 'view') ORDER BY type DESC"
    )
    return [(kind, name) for kind, name in found.fetchall() if name.lower() in names]


def keep_copy(database: sqlite3.Connection, target: Path) -> None:
    """A whole copy or none, also when interrupted."""
    unfinished = target.with_name(target.name + ".tmp")
    unfinished.unlink(missing_ok=True)
    with closing(sqlite3.connect(unfinished)) as copy:
        database.backup(copy)
    os.replace(unfinished, target)
