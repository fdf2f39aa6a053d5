"""Local writes and reads: a captured table against the same table in plain SQLite.

Both sides commit with fsync (WAL, synchronous = FULL). Ours is what an app writes:
`db.transaction()`, so sealing is in it; for single rows also what any other program does, plain
SQL on the file. The engine does not run.
"""

import sqlite3
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from benchmarks import notes
from benchmarks.measuring import Result, Side, in_turns, scaled, timed
from benchmarks.stage import Stage
from electricsql.migrations import GUARD

_ROUNDS = 7
_SINGLE_ROUNDS = 20  # short ones: how long an fsync takes changes from second to second
_SINGLE_ROWS = 100
_BULK_ROWS = 50_000
_READ_ROWS = 20_000
_SAME = 1.05  # "1.0": what two runs of the very same thing differ by
_AGAINST = "plain SQLite"

Transaction = Callable[[], AbstractContextManager[object]]
Work = Callable[[sqlite3.Connection, Transaction], None]


@dataclass(frozen=True, slots=True)
class _Writing:
    """One row of the table: what is written, into a file with `before` rows that are there
    already. `by_another`: by a program that knows nothing of electricsql."""

    what: str
    target_max: float
    work: Work
    rounds: int
    before: int = 0
    by_another: bool = False


def run(stage: Stage) -> Iterator[Result]:
    """The rows of this subject."""
    singly = _singly(scaled(_SINGLE_ROWS, stage.scale))
    bulk = scaled(_BULK_ROWS, stage.scale)
    for writing in (
        _Writing("1-row transactions", 1.7, singly, _SINGLE_ROUNDS),
        _Writing("1-row, of another program", 1.7, singly, _SINGLE_ROUNDS, by_another=True),
        _Writing("bulk insert", 2.3, _inserting(bulk), _ROUNDS),
        _Writing("bulk update", 2.3, _updating, _ROUNDS, before=bulk),
    ):
        yield _written(stage, writing)
    yield _read(stage, bulk)


def _singly(count: int) -> Work:
    def work(database: sqlite3.Connection, transaction: Transaction) -> None:
        for row in notes.rows(0, count):
            with transaction():
                database.execute(notes.INSERT, row)

    return work


def _inserting(count: int) -> Work:
    rows = notes.rows(0, count)

    def work(database: sqlite3.Connection, transaction: Transaction) -> None:
        with transaction():
            database.executemany(notes.INSERT, rows)

    return work


def _updating(database: sqlite3.Connection, transaction: Transaction) -> None:
    with transaction():
        database.execute("UPDATE notes SET stars = stars + 1, price = price * 2")


def _written(stage: Stage, writing: _Writing) -> Result:
    """Measure it, in each round in new files."""

    def ours(_: int) -> float:
        with _file(stage, writing.before) as path:
            if writing.by_another:
                with closing(notes.connect_plain(path)) as database, timed() as watch:
                    writing.work(database, lambda: _plain_transaction(database))
            else:
                with notes.open_ours(path) as db, timed() as watch:
                    writing.work(db.connection, db.transaction)
        return watch.seconds

    def plain(_: int) -> float:
        with _plain_file(stage, writing.before) as database, timed() as watch:
            writing.work(database, lambda: _plain_transaction(database))
        return watch.seconds

    times = in_turns(ours, plain, writing.rounds)
    return Result(f"local write, {writing.what}", _AGAINST, writing.target_max, *times)


def _read(stage: Stage, count: int) -> Result:
    """Rows by key, and a look at all of them; the files stay open."""
    numbers = [(number * 7_919) % count for number in range(scaled(_READ_ROWS, stage.scale))]
    with (
        _file(stage, count) as path,
        notes.open_ours(path) as db,
        _plain_file(stage, count) as plain,
    ):

        def reading(database: sqlite3.Connection) -> Side:
            def side(_: int) -> float:
                with timed() as watch:
                    for number in numbers:
                        database.execute(
                            "SELECT * FROM notes WHERE id = ?", (notes.key(number),)
                        ).fetchone()
                    database.execute("SELECT * FROM notes").fetchall()
                return watch.seconds

            return side

        times = in_turns(reading(db.connection), reading(plain), 2 * _ROUNDS)
    return Result("local read, by key and a scan", _AGAINST, _SAME, *times)


@contextmanager
def _file(stage: Stage, before: int = 0) -> Iterator[Path]:
    """A file of ours with rows that came from the hub, so that the oplog is empty."""
    with stage.folder() as folder:
        path = folder / "ours.db"
        with notes.open_ours(path) as db, _plain_transaction(db.connection):
            db.execute(f"INSERT INTO {GUARD} VALUES (1)")
            db.executemany(notes.INSERT, notes.rows(0, before))
            db.execute(f"DELETE FROM {GUARD}")
        yield path


@contextmanager
def _plain_file(stage: Stage, before: int = 0) -> Iterator[sqlite3.Connection]:
    """A plain one with the same rows."""
    with stage.folder() as folder:
        path = folder / "plain.db"
        with closing(notes.open_plain(path)) as database, _plain_transaction(database):
            database.executemany(notes.INSERT, notes.rows(0, before))
        with closing(notes.connect_plain(path)) as database:
            yield database


@contextmanager
def _plain_transaction(database: sqlite3.Connection) -> Iterator[None]:
    database.execute("BEGIN IMMEDIATE")
    yield
    database.execute("COMMIT")
