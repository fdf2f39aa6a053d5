"""A local-first SQL system: SQLite in every copy of an app, Postgres behind all of them.

    import electricsql

    db = electricsql.electrify("notes.db")
    with db.transaction():
        db.execute("INSERT INTO notes (id, body) VALUES (?, ?)", ("1", "hello"))
    db.sync()

`electrify` opens a SQLite file, keeps it in sync, and gives a `Database`. Whatever can go wrong is
an `ElectricError`.
"""

from importlib import import_module
from typing import TYPE_CHECKING

from electricsql.errors import (
    DeviceError,
    ElectricError,
    MigrationError,
    PostgresError,
    ProjectError,
    ProtocolError,
    ServiceError,
    UsageError,
)

if TYPE_CHECKING:
    from electricsql.device import Database, Migrated, Progress, Rejected, Status, electrify

__version__ = "0.1.0"

_DEVICE = ("Database", "Migrated", "Progress", "Rejected", "Status", "electrify")

__all__ = [
    "Database",
    "DeviceError",
    "ElectricError",
    "Migrated",
    "MigrationError",
    "PostgresError",
    "Progress",
    "ProjectError",
    "ProtocolError",
    "Rejected",
    "ServiceError",
    "Status",
    "UsageError",
    "__version__",
    "electrify",
]


def __getattr__(name: str) -> object:
    """The device's names come with the first use: the command line starts without them."""
    if name not in _DEVICE:
        raise AttributeError(f"module 'electricsql' has no attribute {name!r}")
    return getattr(import_module("electricsql.device"), name)
