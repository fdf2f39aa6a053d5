"""What a device tells the app about itself."""

import sqlite3
from dataclasses import dataclass

from electricsql.device.meta import read_meta, schema_version
from electricsql.device.sealing import last_sealed
from electricsql.errors import ElectricError
from electricsql.replication import WAITING


@dataclass(frozen=True, slots=True)
class Progress:
    """A delta that is arriving: how many of its rows are here, and about how many there will be."""

    rows: int
    rows_total: int


@dataclass(frozen=True, slots=True)
class Status:
    """How a device is.

    `pending` counts the local transactions that the hub has not acknowledged, `quarantined` those
    that it refused and nobody has decided about yet; `cursor` is up to
    where the hub's history has been applied (None: nothing yet); `last_error` says why the device
    is not connected.
    """

    connected: bool
    pending: int
    cursor: str | None
    schema_version: str | None
    last_error: ElectricError | None = None
    progress: Progress | None = None
    quarantined: int = 0


@dataclass(frozen=True, slots=True)
class Rejected:
    """A local transaction that the hub refused: its rows are again as the hub has them, and what it
    was is kept in the quarantine on both sides."""

    number: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Migrated:
    """Migrations that came from the hub and were applied to the file."""

    names: tuple[str, ...]
    schema_version: str | None


@dataclass(slots=True)
class Connection:
    """How the engine's connection is just now."""

    connected: bool = False
    last_error: ElectricError | None = None
    progress: Progress | None = None


def has_unsealed(database: sqlite3.Connection) -> bool:
    """Whether programs have committed something that is not sealed yet."""
    (last,) = database.execute("SELECT coalesce(max(seq), 0) FROM _electric_oplog").fetchone()
    found: bool = last > last_sealed(database)
    return found


def read_status(database: sqlite3.Connection, connection: Connection) -> Status:
    """The status, from what the file says and how the connection is."""
    (sealed,) = database.execute("SELECT count(*) FROM _electric_transactions").fetchone()
    (waiting,) = database.execute(
        "SELECT count(*) FROM _electric_quarantine WHERE fate = ?", (WAITING,)
    ).fetchone()
    cursor = read_meta(database).cursor
    return Status(
        connected=connection.connected,
        pending=sealed + has_unsealed(database),
        cursor=str(cursor) if cursor else None,
        schema_version=schema_version(database),
        last_error=connection.last_error,
        progress=connection.progress,
        quarantined=waiting,
    )
