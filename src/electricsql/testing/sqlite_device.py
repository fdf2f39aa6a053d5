"""A device's file as the product has it: SQLite, worked on by the engine's own replica."""

import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from itertools import count
from pathlib import Path
from typing import Final, Self

from electricsql.device.file import connect, prepare, transaction
from electricsql.device.meta import write_meta
from electricsql.device.replica import Replica
from electricsql.device.status import has_unsealed
from electricsql.migrations import build, bundled, make_bundle
from electricsql.protocol import DeltaPart, Opened, Took
from electricsql.replication import RowId
from electricsql.testing.example import MIGRATIONS, Shown, Statement, schema_at

_BUNDLE: Final = make_bundle("example", "local", map(bundled, build(MIGRATIONS[:1]).migrations))


class SqliteDevice:
    """A `DeviceStore`. Its files are in a folder that somebody else deletes."""

    def __init__(self, folder: Path, names: Iterator[str]) -> None:
        self._folder, self._names = folder, names
        self._path = _new_path(folder)
        with closing(connect(self._path)) as database:
            prepare(self._path, database, _BUNDLE)
            write_meta(database, device=next(names))
        self._open()

    def _open(self) -> None:
        self._app = connect(self._path)
        self._app.execute("PRAGMA synchronous = OFF")
        self._replica = Replica(self._path)

    def close(self) -> None:
        self._replica.close()
        self._app.close()

    @property
    def version(self) -> int:
        (applied,) = self._app.execute("SELECT count(*) FROM _electric_migrations").fetchone()
        return int(applied)

    @property
    def has_unsealed(self) -> bool:
        return has_unsealed(self._app)

    @property
    def pending(self) -> Mapping[int, int]:
        return dict(self._app.execute("SELECT number, hlc FROM _electric_transactions"))

    def opened(self) -> Opened:
        return self._replica.opened()

    def write(self, statements: Sequence[Statement]) -> bool:
        if not self.version:
            return False
        try:
            with transaction(self._app):
                for statement in statements:
                    self._app.execute(*statement.sql())
                # The triggers look at the wall's clock, which is not the world's.
                self._app.execute("UPDATE _electric_oplog SET at = 0 WHERE at > 0")
        except sqlite3.IntegrityError:
            return False
        return True

    def seal(self, now_ms: int) -> int:
        return self._replica.seal(now_ms)

    def load(self, number: int) -> bytes:
        return self._replica.load(number)

    def place(self, origin: int) -> None:
        self._replica.place(origin)

    def stage(self, part: DeltaPart) -> None:
        self._replica.stage(part)
        self._tidy()

    def apply(self, last: DeltaPart, now_ms: int) -> Took:
        outcome = self._replica.apply(last, now_ms)
        self._tidy()
        return Took(str(outcome.cursor), outcome.acknowledged, self.opened().oldest)

    def _tidy(self) -> None:
        """Clean up, as the engine does when nothing comes for a moment."""
        for _ in self._replica.tidy():
            pass

    def renew(self) -> int:
        number = self._replica.renew()
        write_meta(self._app, device=next(self._names))
        return number

    def reconcile(self, acknowledged: int, horizon: int, now_ms: int, /) -> None:
        self._replica.reconcile(acknowledged, horizon, now_ms)

    def start_over(self, epoch: str) -> None:
        self._replica.start_over(epoch)
        write_meta(self._app, device=next(self._names))

    def crash(self) -> None:
        self.close()
        self._open()

    def shown(self) -> Shown:
        shown = {}
        for table in schema_at(self.version):
            for row in self._app.execute(f"SELECT * FROM {table.name}").fetchall():
                values = dict(zip(table.column_names, row, strict=True))
                shown[RowId(table.name, table.key_of(values))] = values
        return shown

    def copy(self) -> Self:
        other = object.__new__(type(self))
        other._folder, other._names = self._folder, self._names
        other._path = _new_path(self._folder)
        with closing(sqlite3.connect(other._path)) as target:
            self._app.backup(target)
        other._open()
        return other


def _new_path(folder: Path) -> Path:
    return next(path for n in count() if not (path := folder / f"{n}.db").exists())
