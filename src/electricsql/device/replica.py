"""The file as the engine works on it: what the session asks for, done in SQLite.

Everything here is one SQLite transaction or none, so the process may end at any moment.
"""

import sqlite3
import time
from collections.abc import Collection, Iterator
from pathlib import Path

from electricsql.device.apply import Outcome
from electricsql.device.comparing import Look
from electricsql.device.fates import take_fates
from electricsql.device.file import connect, explained, transaction
from electricsql.device.format import check_format
from electricsql.device.identity import renew, start_over
from electricsql.device.meta import read_meta, schema_version, write_meta
from electricsql.device.ready import Ready
from electricsql.device.reconcile import reconcile
from electricsql.device.restoring import give_back
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.staging import Staging
from electricsql.device.status import Connection, Status, has_unsealed, read_status
from electricsql.device.unsent import Sealed, encode, marks_of_unsent, oldest_cursor, sealed_after
from electricsql.device.upgrading import last_older, last_upgrade, refuse_newer
from electricsql.limits import (
    COURTESY_MS,
    PAUSES_PER_STEP,
    STEP_PAUSE_ALONE_MS,
    STEP_PAUSE_MS,
    STEP_PAUSE_MS_MAX,
)
from electricsql.protocol import Acknowledged, DeltaPart, Opened
from electricsql.replication import Fork, Refused


class Replica:
    """One connection to a file; not for several threads at once.

    All methods raise DeviceError (`cannot-open`, `database-busy`, …) where the file can't be used.
    """

    def __init__(self, path: Path, known: Collection[str] | None = None) -> None:
        self.path = path
        self._known = known
        """The migrations that the app has (None: whichever there are)."""
        self.schemas = Schemas()
        self.wants_all = False
        """Whether the hub is to send all that it has, in a whole delta."""
        self._database = connect(path, engine=True)
        self._staging = Staging(self._database)
        self._ready = Ready(self._database, self.schemas, self._staging)
        self._begun: DeltaPart | None = None
        self._version = -1
        self._others = (-1, 0.0)
        self._unread: Iterator[Sealed] = iter(())
        self._next_number = 0

    def close(self) -> None:
        self._database.close()

    def check(self) -> None:
        """See to it that the file can still be used: other programs may have changed it.

        Raises:
            DeviceError: `newer-format`, `newer-schema`.
        """
        with explained(self.path):
            check_format(self._database)
            if self._known is not None:
                refuse_newer(self.path, self._database, self._known)

    @property
    def was_upgraded(self) -> bool:
        """Whether another program has upgraded the file since `opened`."""
        with explained(self.path):
            return last_upgrade(self._database) != self._ready.upgrade

    def opened(self) -> Opened:
        """What the file says of itself.

        Raises:
            DeviceError: `newer-format`, `newer-schema`.
        """
        self.check()
        with explained(self.path):
            self._ready.upgrade = last_upgrade(self._database)
            meta = read_meta(self._database)
            cursor = str(meta.cursor) if meta.cursor else None
            version = schema_version(self._database)
            marks = marks_of_unsent(self._database)
            return Opened(
                *(meta.device, cursor, version, meta.number, marks, self._staging.reached()),
                wants_all=self.wants_all or meta.reconciling or meta.upgraded,
                oldest=oldest_cursor(self._database),
                offered=meta.offered_behind
                if min(marks, default=meta.number) <= meta.offered
                else 0,
                origin=meta.origin,
                acknowledged=meta.acknowledged,
                upgrade=self._ready.upgrade,
                older=last_older(self._database),
            )

    def has_changed(self) -> bool:
        """Whether anybody else has committed since the last call."""
        with explained(self.path):
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
        changed: bool = version != self._version
        self._version = version
        return changed

    def seal(self, now_ms: int) -> int:
        """Seal what programs have committed; gives the number of the last sealed transaction."""
        with explained(self.path):
            return seal_committed(self._database, self.schemas, now_ms)

    def status(self, connection: Connection) -> Status:
        """How the device is."""
        with explained(self.path):
            return read_status(self._database, connection)

    def load(self, number: int) -> bytes:
        """A sealed transaction as it is uploaded."""
        with explained(self.path):
            sealed = next(self._unread, None) if number == self._next_number else None
            if sealed is None:
                self._unread = sealed_after(self._database, self.schemas, number - 1)
                sealed = next(self._unread)
            assert sealed.number == number, "sealed transactions are numbered without gaps"
            self._next_number = number + 1
            return encode(self._database, self.schemas, sealed)

    def place(self, origin: int, horizon: int = 0) -> None:
        """Remember our origin, and what the hub has forgotten."""
        with explained(self.path):
            meta = read_meta(self._database)
            if (meta.origin, meta.horizon) != (origin, horizon):
                write_meta(self._database, origin=origin, horizon=horizon)

    def acknowledge(self, frame: Acknowledged) -> list[Refused]:
        """Note what became of our transactions; gives those that are newly refused."""
        with explained(self.path), transaction(self._database):
            self._next_number = 0
            return take_fates(self._database, self.schemas, frame.number, frame.refused)

    def stage(self, part: DeltaPart) -> None:
        """Keep a part of a delta until the last one comes."""
        with explained(self.path):
            if part.part == 0:
                self._begin(part)
            self._staging.add(part)

    def get_ready(self, now_ms: int, last: DeltaPart | None = None) -> Iterator[None]:
        """Do what can be done with the parts that have come before their delta is applied, in short
        transactions, between which this yields; all of it when the `last` one is here."""
        with explained(self.path):
            if last is not None and last.part == 0:
                self._begin(last)
            yield from self._ready.get(now_ms, last)

    def tidy(self) -> Iterator[None]:
        """Clean up what large deltas have left behind, in short transactions, between which this
        yields."""
        with explained(self.path):
            yield from self._ready.tidy()

    def pause_s(self, kept_s: float) -> float:
        """How long to leave the file to others after a transaction that took so long. Whoever was
        kept waiting looks less and less often, so it is for longer than the file was kept."""
        with explained(self.path):
            (version,) = self._database.execute("PRAGMA data_version").fetchone()
        if version != self._others[0]:
            self._others = (version, time.monotonic())
        are_writing = time.monotonic() - self._others[1] < COURTESY_MS / 1000
        if not are_writing:
            return STEP_PAUSE_ALONE_MS / 1000
        return min(max(STEP_PAUSE_MS, 1000 * kept_s * PAUSES_PER_STEP), STEP_PAUSE_MS_MAX) / 1000

    def _begin(self, first: DeltaPart) -> None:
        if first is not self._begun:
            self._begun = first
            self._staging.begin(first)
            self._ready.begin(first)

    def apply(self, last: DeltaPart, now_ms: int) -> Outcome:
        """Apply the delta whose last part this is."""
        with explained(self.path):
            if last.part == 0:
                self._begin(last)
            try:
                outcome = self._ready.apply(last, now_ms)
                self.wants_all = self.wants_all and not last.whole
                return outcome
            finally:
                self._next_number = 0
                self._begun = None

    def look(self) -> Look:
        """The file as it is now, on a connection of its own."""
        with explained(self.path):
            return Look(connect(self.path, engine=True), self.schemas)

    def start_over(self, epoch: str) -> Path:
        """Empty the file, since the hub was reset; gives the path of the copy that was kept."""
        with explained(self.path):
            self._next_number = 0
            self._ready.forget()
            return start_over(self.path, self._database, self.schemas, epoch)

    def reconcile(self, acknowledged: int, horizon: int, now_ms: int) -> int:
        """Have the hub tell everything, since it has forgotten too much; gives the number of the
        last sealed transaction."""
        with explained(self.path):
            self._next_number = 0
            self._ready.forget()
            reconcile(self._database, self.schemas, acknowledged, horizon, now_ms)
            return read_meta(self._database).number

    def give_back(self, fork: Fork, horizon: int, now_ms: int) -> tuple[Path, int]:
        """Offer all that is here, as another device, to a hub that was put back to a backup; gives
        the path of the copy that was kept, and the number of the last sealed transaction."""
        with explained(self.path):
            self._next_number = 0
            self._ready.forget()
            copy = give_back(self.path, self._database, self.schemas, fork, now_ms, horizon=horizon)
            return copy, read_meta(self._database).number

    def number(self) -> int:
        """The number of the last sealed transaction."""
        with explained(self.path):
            return read_meta(self._database).number

    def renew(self) -> int:
        """Become another device; gives the number of its last sealed transaction."""
        with explained(self.path):
            self._next_number = 0
            renew(self._database)
            return read_meta(self._database).number


def seal_committed(database: sqlite3.Connection, schemas: Schemas, now_ms: int) -> int:
    """Seal, in a transaction of its own, what programs have committed; gives the number of the last
    sealed transaction."""
    if has_unsealed(database):
        with transaction(database):
            seal(database, schemas, now_ms)
    return read_meta(database).number
