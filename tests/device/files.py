"""Devices' files for tests: real SQLite files, prepared from migrations given as SQL."""

import sqlite3
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path

from electricsql.device.file import connect, prepare, transaction
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.unsent import Sealed, sealed_after
from electricsql.migrations import Bundle, Source, build, bundled, make_bundle
from electricsql.replication import AppliedMigration
from electricsql.schema import Schema, Value

NOW_MS = 1_700_000_000_000
NOTES = (
    "CREATE TABLE notes (id TEXT PRIMARY KEY NOT NULL, body TEXT, done BOOLEAN NOT NULL DEFAULT 0)"
)


def sources(*migrations: str) -> list[Source]:
    """Migrations with made-up names, in order."""
    return [
        Source(f"202401010000000{number:02}_m{number}", f"m{number}", sql)
        for number, sql in enumerate(migrations, start=1)
    ]


def bundle(*migrations: str, app: str = "shop") -> Bundle:
    return make_bundle(app, "local", map(bundled, build(sources(*migrations)).migrations))


def applied(*migrations: str) -> list[AppliedMigration]:
    """The same as a hub tells of them."""
    every = bundle(*migrations).migrations
    return [AppliedMigration(m.name, m.title, m.sha256, m.statements) for m in every]


@cache
def _bundle(*migrations: str) -> Bundle:
    return bundle(*migrations)


class DeviceFile:
    """A device's file, and what its rooms need to work on it."""

    def __init__(self, path: Path, *migrations: str) -> None:
        self.path = path
        self.app = connect(path)
        prepare(path, self.app, _bundle(*migrations))
        self.engine = connect(path, engine=True)
        self.schemas = Schemas()

    def close(self) -> None:
        self.app.close()
        self.engine.close()

    def seal(self, now_ms: int = NOW_MS) -> int | None:
        with transaction(self.engine):
            return seal(self.engine, self.schemas, now_ms)

    def unsent(self, after: int = 0) -> list[Sealed]:
        return list(sealed_after(self.engine, self.schemas, after))

    @property
    def schema(self) -> Schema:
        (version,) = self.read("SELECT max(name) FROM _electric_migrations")[0]
        assert version is None or isinstance(version, str)
        return self.schemas.at(self.engine, version)

    def read(self, sql: str, values: Sequence[Value] = ()) -> list[tuple[Value, ...]]:
        return self.app.execute(sql, values).fetchall()

    def rows(self, table: str) -> list[tuple[Value, ...]]:
        return sorted(self.read(f'SELECT * FROM "{table}"'), key=repr)


def plain(path: Path) -> sqlite3.Connection:
    """The file as any other program opens it: no settings of ours."""
    return sqlite3.connect(path, isolation_level=None)


def with_storage(values: Sequence[Value]) -> Iterator[tuple[str, str]]:
    """Values so that all differences show: 1 and 1.0, 0.0 and -0.0."""
    return ((type(value).__name__, repr(value)) for value in values)
