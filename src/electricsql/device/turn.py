"""Whose turn it is to sync a file: one engine's at a time, whatever process it is in."""

import sqlite3
from pathlib import Path

from electricsql.device.file import explained


class Turn:
    """A lock that ends with its process. It is SQLite's own, on a file beside the database, so it
    works wherever SQLite does."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + "-electric")
        self._lock: sqlite3.Connection | None = None

    def take(self) -> bool:
        """Try to get it; whether we have it now.

        Raises:
            DeviceError: `cannot-open`: the file of the lock can't be made.
        """
        if self._lock is None:
            with explained(self._path):
                self._lock = _locked(self._path)
        return self._lock is not None

    def give_back(self) -> None:
        """Let another one have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None


def _locked(path: Path) -> sqlite3.Connection | None:
    """A connection that has the file locked, if nobody else has."""
    lock = sqlite3.connect(path, timeout=0, isolation_level=None, check_same_thread=False)
    try:
        lock.execute("BEGIN EXCLUSIVE")
    except sqlite3.OperationalError as error:
        lock.close()
        if error.sqlite_errorcode == sqlite3.SQLITE_BUSY:
            return None
        raise
    return lock
