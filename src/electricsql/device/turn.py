"""Whose turn it is to sync a file: one engine's at a time, whatever process it is in."""

import sqlite3
from pathlib import Path


class Turn:
    """A lock that ends with its process. It is SQLite's own, on a file beside the database, so it
    works wherever SQLite does."""

    def __init__(self, path: Path) -> None:
        self._path = path.with_name(path.name + "-electric")
        self._lock: sqlite3.Connection | None = None

    def take(self) -> bool:
        """Try to get it; whether we have it now."""
        if self._lock is not None:
            return True
        lock = sqlite3.connect(self._path, timeout=0, isolation_level=None, check_same_thread=False)
        try:
            lock.execute("BEGIN EXCLUSIVE")
        except sqlite3.OperationalError:
            lock.close()
            return False
        self._lock = lock
        return True

    def give_back(self) -> None:
        """Let another one have it."""
        if self._lock is not None:
            self._lock.close()
            self._lock = None
