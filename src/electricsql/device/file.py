"""Opening a device's file, and bringing its tables to the schema of a bundle.

Two kinds of connection: the app's, on which capture and foreign keys are on, and the engine's,
which applies what the hub decided and so checks no foreign keys again.
"""

import json
import secrets
import sqlite3
from collections.abc import Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import groupby
from pathlib import Path
from typing import Final, TypeAlias

from electricsql.device.adopting import Adoption
from electricsql.device.capturing import renew_triggers
from electricsql.device.format import upgrade
from electricsql.device.meta import write_meta
from electricsql.device.schemas import Schemas
from electricsql.device.sealing import seal
from electricsql.device.upgrading import make_way, refuse_newer, settle
from electricsql.errors import DeviceError
from electricsql.limits import BUSY_TIMEOUT_MS, ENGINE_CACHE_KIB, ENGINE_CHECKPOINT_PAGES
from electricsql.migrations import GUARD, LOCAL_ENV, Bundle, BundleMigration
from electricsql.replication import AppliedMigration

Migration: TypeAlias = BundleMigration | AppliedMigration

SQLITE_MIN: Final = (3, 38, 0)
_MIGRATING: Final = "migrating"
_NORMAL: Final = 1  # of PRAGMA synchronous: the WAL is written in order, and not waited for

_CANNOT_OPEN: Final = (
    "cannot-open",
    "can't be opened for writing",
    "See whether its folder exists, can be written to, and has room.",
)
_EXPLANATIONS: Final = {
    "SQLITE_NOTADB": (
        "not-a-database",
        "is not a SQLite database",
        "Give the path of one, or of a file that does not exist yet.",
    ),
    "SQLITE_CORRUPT": (
        "damaged-database",
        "is damaged",
        "Keep a copy of it, and start with a new file: what was synced comes back from the hub.",
    ),
    "SQLITE_BUSY": (
        "database-busy",
        "is kept locked by another program",
        "Look for a program that has a transaction open on it, and try again.",
    ),
    **dict.fromkeys(
        ("SQLITE_CANTOPEN", "SQLITE_READONLY", "SQLITE_FULL", "SQLITE_IOERR"), _CANNOT_OPEN
    ),
}
"""By how SQLite's name of the error starts: our code, the problem, and what to do."""


def connect(path: Path, *, engine: bool = False) -> sqlite3.Connection:
    """A connection to a device's file, set up for the app, or for the engine.

    Raises:
        DeviceError: `sqlite-too-old`, `cannot-open`, `not-a-database`, `database-busy`.
    """
    if sqlite3.sqlite_version_info < SQLITE_MIN:
        raise DeviceError(
            "sqlite-too-old",
            f"SQLite {sqlite3.sqlite_version} is too old; 3.38 is the oldest that works.",
            "Use a Python that comes with a newer SQLite.",
        )
    with explained(path):
        database = sqlite3.connect(
            path,
            timeout=BUSY_TIMEOUT_MS / 1000,
            isolation_level=None,
            check_same_thread=not engine,
        )
        try:
            database.execute("PRAGMA journal_mode = WAL")
            database.execute("PRAGMA synchronous = FULL")
            database.execute(f"PRAGMA foreign_keys = {'OFF' if engine else 'ON'}")
            database.execute("PRAGMA recursive_triggers = ON")
            if engine:
                database.text_factory = _text
                database.execute(f"PRAGMA cache_size = -{ENGINE_CACHE_KIB}")
                database.execute(f"PRAGMA wal_autocheckpoint = {ENGINE_CHECKPOINT_PAGES}")
        except BaseException:
            database.close()
            raise
    return database


def _text(raw: bytes) -> str:
    """How the engine reads text: SQLite takes any bytes for it, and one bad text must not keep it
    from reading all others. What is no UTF-8 is U+FFFD for everybody else."""
    return raw.decode("utf-8", "replace")


def prepare(path: Path, database: sqlite3.Connection, bundle: Bundle) -> None:
    """Make our tables if they are not there, and apply the bundle's migrations that are missing;
    all in one transaction. Tables that are there already are adopted, with their rows, by
    migrations that only add.

    Raises:
        DeviceError: `other-app`, `newer-format`, `newer-schema`, `changed-migration`,
        `migration-failed`, `unfit-rows`, `columns-missing`, `cannot-open`, `database-busy`,
        `damaged-database`.
    """
    with explained(path), _without_foreign_keys(database), transaction(database):
        found = initialise(database, bundle.app, bundle.env)
        _refuse_foreign(path, found, bundle)
        refuse_newer(path, database, bundle.names)
        if found["env"] == LOCAL_ENV != bundle.env:
            write_meta(database, env=bundle.env)
        # What was written until now belongs to the schema version until now, and was written then.
        seal(database, Schemas(), now_ms=0)
        missing = _missing(database, bundle.migrations)
        for additive, some in groupby(missing, lambda migration: migration.additive):
            if additive:
                _add(path, database, list(some))
            else:
                apply_migrations(database, some)


def initialise(database: sqlite3.Connection, app: str, env: str) -> dict[str, str | int]:
    """Make our own tables, or bring them up to date; a new file is a new device. The caller has a
    write transaction open. Gives what is in the file's meta table.

    Raises:
        DeviceError: `newer-format`.
    """
    if upgrade(database):
        write_meta(database, device=secrets.token_hex(16), app=app, env=env)
    return dict(database.execute("SELECT key, value FROM _electric_meta").fetchall())


def apply_migrations(
    database: sqlite3.Connection,
    migrations: Iterable[Migration],
    present: Collection[str] = (),
) -> list[str]:
    """Apply those that the file has not, each with its record, but for the statements whose result
    is `present`. The caller has a write transaction open, and has sealed in it what was written
    before. Gives the names of those that were new.

    Raises:
        DeviceError: `changed-migration`, `migration-failed`.
    """
    new = _missing(database, migrations)
    for migration in new:
        if not migration.additive:
            make_way(database)
        _apply(database, migration, present)
    if new:
        renew_triggers(database)
    if not all(migration.additive for migration in new):
        settle(database)
    return [migration.name for migration in new]


def _missing(database: sqlite3.Connection, migrations: Iterable[Migration]) -> list[Migration]:
    """Those that the file has not applied."""
    applied = dict(database.execute("SELECT name, sha256 FROM _electric_migrations").fetchall())
    missing = []
    for migration in migrations:
        if migration.name not in applied:
            missing.append(migration)
        elif applied[migration.name] != migration.sha256:
            raise DeviceError(
                "changed-migration",
                f"The file has applied migration {migration.name}, but with other contents than"
                " this bundle's.",
                "Use the bundle it was made with, or start with a new file.",
            )
    return missing


def _add(path: Path, database: sqlite3.Connection, migrations: Sequence[Migration]) -> None:
    """Apply migrations that only add; they adopt what they would make and is there already."""
    statements = [sql for migration in migrations for sql in migration.statements]
    adoption = Adoption(path, database, statements)
    apply_migrations(database, migrations, adoption.present)
    adoption.bring_in()
    _run(database, adoption.later, "What migrations make on devices only")
    adoption.offer()


@contextmanager
def _without_foreign_keys(database: sqlite3.Connection) -> Iterator[None]:
    """Tables may be set aside, dropped and made anew, without the rows of others following."""
    database.execute("PRAGMA foreign_keys = OFF")
    try:
        yield
    finally:
        database.execute("PRAGMA foreign_keys = ON")


def _apply(
    database: sqlite3.Connection,
    migration: Migration,
    present: Collection[str],
) -> None:
    missing = [statement for statement in migration.statements if statement not in present]
    _run(database, missing, f"Migration {migration.name}")
    database.execute(
        "INSERT INTO _electric_migrations (name, title, sha256, statements, additive)"
        " VALUES (?, ?, ?, ?, ?)",
        (
            *(migration.name, migration.title, migration.sha256),
            *(json.dumps(migration.statements), migration.additive),
        ),
    )


def _run(database: sqlite3.Connection, statements: Iterable[str], what: str) -> None:
    """Run what a migration says. It writes nothing that is replicated, so triggers that would are
    silent."""
    database.execute(f"INSERT INTO {GUARD} VALUES (?)", (_MIGRATING,))
    try:
        for statement in statements:
            database.execute(statement)
    except (sqlite3.OperationalError, sqlite3.IntegrityError) as error:
        raise DeviceError(
            "migration-failed",
            f"{what} could not be applied to the file: {error}.",
            "See whether the app makes a table of the same name itself, or has rows that break a"
            " new rule.",
        ) from error
    database.execute(f"DELETE FROM {GUARD} WHERE x = ?", (_MIGRATING,))


@contextmanager
def transaction(database: sqlite3.Connection) -> Iterator[None]:
    """A write transaction from the start, so that nothing read in it is out of date when it writes.
    Inside another one it is part of that one."""
    if _is_open(database):
        yield
        return
    database.execute("BEGIN IMMEDIATE")
    try:
        yield
        database.execute("COMMIT")
    except BaseException:
        if _is_open(database):
            database.execute("ROLLBACK")
        raise


@contextmanager
def hasty(database: sqlite3.Connection) -> Iterator[None]:
    """Transactions that need not survive a power cut: what comes later is only there if they
    are."""
    (before,) = database.execute("PRAGMA synchronous").fetchone()
    database.execute(f"PRAGMA synchronous = {min(before, _NORMAL)}")
    try:
        yield
    finally:
        database.execute(f"PRAGMA synchronous = {before}")


def sync(database: sqlite3.Connection) -> None:
    """Have what hasty transactions wrote on the disk, so that the next one that isn't has little to
    wait for. Nobody is kept from writing meanwhile."""
    database.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchall()


def _is_open(database: sqlite3.Connection) -> bool:
    """A call, since the answer changes behind the type checker's back."""
    return database.in_transaction


def _refuse_foreign(path: Path, found: dict[str, str | int], bundle: Bundle) -> None:
    """A file that has only known a bundle of `electric build` may go to any environment, and any
    file may be opened with such a bundle."""
    elsewhere = len({found["env"], bundle.env} - {LOCAL_ENV}) > 1
    if found["app"] != bundle.app or elsewhere:
        raise DeviceError(
            "other-app",
            f"{path} belongs to {found['app']}/{found['env']}, and the bundle to"
            f" {bundle.app}/{bundle.env}.",
            "Open it with the bundle of its own app and environment, or use another file.",
        )


@contextmanager
def explained(path: Path) -> Iterator[None]:
    """SQLite's errors about the file itself, said for whoever opened it."""
    try:
        yield
    except sqlite3.DatabaseError as error:
        name = getattr(error, "sqlite_errorname", "")
        for start, (code, problem, remedy) in _EXPLANATIONS.items():
            if name.startswith(start):
                raise DeviceError(code, f"{path} {problem}: {error}.", remedy) from None
        raise
