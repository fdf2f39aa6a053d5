"""A first sync of many rows: its process is killed again and again, and rows are written on both
sides meanwhile."""

import asyncio
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

import asyncpg
import pytest

from electricsql.device.replica import Replica
from tests.integration.whole import receiver_process
from tests.integration.whole.processes import PATIENCE_S, App

SCHEMA = """\
-- @allow device-local-key reason="the tests give them"
-- @unique shelves.name on-conflict=quarantine
CREATE TABLE shelves (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL UNIQUE);
CREATE TABLE books (
    id TEXT PRIMARY KEY NOT NULL, shelf INTEGER REFERENCES shelves (id), title TEXT
);
CREATE INDEX books_by_shelf ON books (shelf);
"""
FILL = """\
INSERT INTO shelves SELECT n, 'shelf ' || n FROM generate_series(1, 1000) n;
INSERT INTO books SELECT md5(n::text), 1 + n % 1000, 'book ' || n FROM generate_series(1, {}) n
"""
BOOKS = 25_000
ROWS = BOOKS + 1_000
KILLS = 4
_PAUSE_S = 0.01
MEANWHILE = """\
UPDATE books SET title = title || '.' WHERE shelf % 50 = {0};
DELETE FROM books WHERE shelf = {0} + 500;
UPDATE shelves SET name = 'other ' || id WHERE id % 100 = {0};
INSERT INTO books VALUES ('new {0}', {0} + 1, 'new')
"""
AWAY = """\
UPDATE books SET title = title || '!', shelf = 1001 - shelf;
DELETE FROM books WHERE shelf < 10
"""
Rows = list[tuple[object, ...]]


@pytest.fixture
def filled(app: App) -> App:
    """An environment with many rows."""
    app.migrate("library", SCHEMA)
    run(app, FILL.format(BOOKS))
    return app


def run(app: App, sql: str) -> None:
    """A transaction of a Postgres client."""

    async def execute() -> None:
        connection = await asyncpg.connect(app.database_url())
        await connection.execute(sql)
        await connection.close()

    asyncio.run(execute())


def in_postgres(app: App, table: str) -> Rows:
    async def fetch() -> Rows:
        connection = await asyncpg.connect(app.database_url())
        records = await connection.fetch(f"SELECT * FROM {table}")
        await connection.close()
        return sorted(map(tuple, records))

    return asyncio.run(fetch())


def in_file(path: Path, table: str) -> Rows:
    with closing(sqlite3.connect(path)) as database:
        return sorted(database.execute(f"SELECT * FROM {table}").fetchall())


@contextmanager
def receiver(app: App, path: Path) -> Iterator[subprocess.Popen[str]]:
    command = [sys.executable, "-m", receiver_process.__name__, str(path), str(app.bundle)]
    with subprocess.Popen([*command, app.token], stdout=subprocess.PIPE, text=True) as process:
        try:
            yield process
        finally:
            process.kill()
            process.wait(PATIENCE_S)


def test_a_first_sync_that_is_killed_goes_on_where_it_was(filled: App, tmp_path: Path) -> None:
    path, reached = tmp_path / "a.db", 0
    for kill in range(KILLS):
        with receiver(filled, path) as process:
            assert process.stdout is not None
            first = int(process.stdout.readline())
            assert first >= reached
            came = first
            while came < (kill + 1) * ROWS // (KILLS + 1):
                came = int(process.stdout.readline())
        reached = staged(path)
        assert reached >= first
        assert in_file(path, "books") == [(f"mine {n}", None, "mine") for n in range(kill)]
        with closing(sqlite3.connect(path)) as program, program:
            program.execute("INSERT INTO books VALUES (?, NULL, 'mine')", (f"mine {kill}",))
        run(filled, MEANWHILE.format(kill))
    with receiver(filled, path) as process:
        assert process.stdout is not None
        said = process.stdout.read().split()
        assert int(said[0]) > reached
        assert said[-1] == "done"
    for table in ("shelves", "books"):
        assert in_file(path, table) == in_postgres(filled, table)
    with closing(sqlite3.connect(path)) as database:
        assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def staged(path: Path) -> int:
    """How many rows have come."""
    with closing(Replica(path)) as replica:
        found = replica.opened().staged
        assert found is not None
        return found.rows


def test_a_device_that_was_away_for_long_catches_up_while_its_app_writes(
    filled: App, tmp_path: Path
) -> None:
    path = tmp_path / "a.db"
    with receiver(filled, path) as process:
        assert process.wait(PATIENCE_S) == 0
    run(filled, AWAY)
    with receiver(filled, path) as process, closing(sqlite3.connect(path, timeout=60)) as program:
        count = 0
        while process.poll() is None:
            with program:
                count += 1
                program.execute("INSERT INTO books VALUES (?, 5, 'mine')", (f"mine {count}",))
                program.execute("UPDATE books SET title = 'mine' WHERE shelf = ?", (20 + count,))
            time.sleep(_PAUSE_S)
        assert process.returncode == 0
    with receiver(filled, path) as process:
        assert process.wait(PATIENCE_S) == 0
    books = in_file(path, "books")
    assert books == in_postgres(filled, "books")
    assert sum(str(book[0]).startswith("mine") for book in books) == count > 1
