"""What the engine has to tell: the connection's state for whoever asks, and calls of the app's
callbacks. They are called in the engine's thread; what they raise is logged, and ends there."""

import logging
import sqlite3
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Generic, TypeVar

from electricsql.device.apply import Outcome
from electricsql.device.status import Connection, Migrated, Progress, Rejected, Status
from electricsql.errors import DeviceError, ElectricError
from electricsql.protocol import DeltaPart
from electricsql.replication import Refused

Told = TypeVar("Told")
_log = logging.getLogger("electricsql")


class Listeners(Generic[Told]):
    """The callbacks for one kind of news."""

    def __init__(self) -> None:
        self._callbacks: list[Callable[[Told], object]] = []

    def __bool__(self) -> bool:
        return bool(self._callbacks)

    def add(self, callback: Callable[[Told], object]) -> None:
        self._callbacks.append(callback)

    def tell(self, value: Told) -> None:
        for callback in list(self._callbacks):
            try:
                callback(value)
            except Exception:
                _log.exception("a callback of the app failed")


class News:
    """The state of the connection, and all callbacks."""

    def __init__(self) -> None:
        self.connection = Connection()
        self.on_rejected: Listeners[Rejected] = Listeners()
        self.on_migration: Listeners[Migrated] = Listeners()
        self.on_status: Listeners[Status] = Listeners()
        self.read_status: Callable[[], Status] | None = None

    def connected(self) -> None:
        self.connection.connected = True
        self.connection.last_error = None
        self.status_changed()

    def disconnected(self, error: ElectricError) -> None:
        before = self.connection
        known = before.last_error is not None and before.last_error.code == error.code
        self.connection = Connection(last_error=error)
        if before.connected or not known:
            _log.info("not connected: %s", error)
            self.status_changed()

    def progressed(self, part: DeltaPart) -> None:
        """A part of a delta has come, and more will."""
        self.connection.progress = Progress(part.rows, part.rows_total)
        self.status_changed()

    def applied(self, outcome: Outcome) -> None:
        """A delta has been applied."""
        self.connection.progress = None
        self._rejected(outcome.refused)
        if outcome.migrations:
            names = tuple(outcome.migrations)
            self.on_migration.tell(Migrated(names, names[-1]))
        self.status_changed()

    def refused(self, refused: Sequence[Refused]) -> None:
        """What became of local transactions is known; these were refused."""
        self._rejected(refused)
        self.status_changed()

    def _rejected(self, refused: Sequence[Refused]) -> None:
        for each in refused:
            self.on_rejected.tell(Rejected(each.number, each.code, each.message))

    def started_over(self, copy: Path) -> None:
        """The hub was reset."""
        self.connection.last_error = DeviceError(
            "started-over",
            f"The environment was reset, and this device has started over; {copy} has what it was.",
            "Take from the copy what is still needed.",
        )
        _log.warning("%s", self.connection.last_error)
        self.status_changed()

    def hub_was_put_back(self, copy: Path) -> None:
        """The hub was restored from an older backup."""
        _log.warning(
            "the environment was put back to an older backup, and is given what it has lost;"
            " %s has what this device was",
            copy,
        )

    def status_changed(self) -> None:
        """Tell the status, if anybody wants to know."""
        if self.on_status and self.read_status is not None:
            try:
                status = self.read_status()
            except (DeviceError, sqlite3.Error) as error:
                _log.warning("the status could not be read: %s", error)
            else:
                self.on_status.tell(status)
