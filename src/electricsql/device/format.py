"""The format of our own tables in a device's file: made with a new file, brought up to date when an
older one is opened."""

import sqlite3
from collections.abc import Iterator
from importlib.resources import files
from typing import Final

from electricsql.device.capturing import renew_triggers
from electricsql.device.meta import write_meta
from electricsql.errors import DeviceError
from electricsql.migrations import CAPTURE_TABLES

FORMATS: Final = tuple(f"format_{number}.sql" for number in range(1, 10))
"""What brings a file from format n to n + 1, in order."""
_OF_CAPTURE: Final = frozenset({"format_8.sql"})
"""What a new file has already, with its capture tables."""


def upgrade(database: sqlite3.Connection) -> bool:
    """Bring our tables to the newest format; says whether there were none. The caller has a write
    transaction open.

    Raises:
        DeviceError: `newer-format`.
    """
    before = check_format(database)
    if before == 0:
        for statement in CAPTURE_TABLES:
            database.execute(statement)
    missing = [name for name in FORMATS[before:] if before or name not in _OF_CAPTURE]
    for name in missing:
        for statement in _statements(files(__package__).joinpath(name).read_text("utf-8")):
            database.execute(statement)
    if before != len(FORMATS):
        write_meta(database, format=len(FORMATS))
        renew_triggers(database)
    return before == 0


def check_format(database: sqlite3.Connection) -> int:
    """The format of the file; 0 for none.

    Raises:
        DeviceError: `newer-format`.
    """
    (is_ours,) = database.execute(
        "SELECT EXISTS (SELECT 1 FROM sqlite_schema WHERE name = '_electric_meta')"
    ).fetchone()
    if not is_ours:
        return 0
    (found,) = database.execute(
        "SELECT value FROM _electric_meta WHERE key = 'format'"
    ).fetchone() or (0,)
    if found > len(FORMATS):
        raise DeviceError(
            "newer-format",
            f"The file was opened by a newer version of electricsql: it has format {found}, and"
            f" this one knows {len(FORMATS)}.",
            "Update electricsql here too.",
        )
    return int(found)


def _statements(script: str) -> Iterator[str]:
    start = 0
    for end, character in enumerate(script):
        if character == ";" and sqlite3.complete_statement(script[start : end + 1]):
            yield script[start : end + 1]
            start = end + 1
