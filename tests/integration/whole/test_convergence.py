"""Devices, a service and Postgres that agree, whatever was written where and when."""

import asyncio

import asyncpg
import pytest

from electricsql import Database, Migrated, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App

ALBUMS = """\
-- @allow device-local-key reason="the tests give them"
CREATE TABLE artists (id INTEGER PRIMARY KEY NOT NULL, name TEXT NOT NULL);
-- @allow device-local-key reason="the tests give them"
CREATE TABLE albums (
    id INTEGER PRIMARY KEY NOT NULL,
    artist INTEGER NOT NULL REFERENCES artists (id),
    title TEXT,
    year INTEGER
);
"""


@pytest.fixture
def albums(app: App) -> App:
    app.migrate("albums", ALBUMS)
    return app


def run(app: App, sql: str) -> list[tuple[object, ...]]:
    """Run SQL in Postgres, as anybody may."""

    async def fetch() -> list[tuple[object, ...]]:
        connection = await asyncpg.connect(app.database_url())
        try:
            return [tuple(record) for record in await connection.fetch(sql)]
        finally:
            await connection.close()

    return asyncio.run(fetch())


def write(database: Database, *statements: str) -> None:
    with database.transaction():
        for statement in statements:
            database.execute(statement)


def settle(*databases: Database) -> None:
    """Until all have what each of them had."""
    for database in (*databases, *databases):
        database.sync(30)


def rows(database: Database, table: str) -> list[tuple[object, ...]]:
    return database.execute(f"SELECT * FROM {table} ORDER BY id").fetchall()


def agreed(app: App, table: str, *databases: Database) -> list[tuple[object, ...]]:
    """The rows of a table, which are the same everywhere."""
    found = run(app, f"SELECT * FROM {table} ORDER BY id")
    for database in databases:
        assert rows(database, table) == found
    return found


def test_concurrent_edits_of_a_row_are_merged_column_by_column(albums: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, "INSERT INTO artists VALUES (1, 'X')", "INSERT INTO albums VALUES (1, 1, 'T', 1)")
    settle(one, other)
    write(one, "UPDATE albums SET title = 'from one'")
    write(other, "UPDATE albums SET year = 1999")
    run(albums, "UPDATE artists SET name = 'from Postgres'")
    settle(one, other)
    assert agreed(albums, "albums", one, other) == [(1, 1, "from one", 1999)]
    assert agreed(albums, "artists", one, other) == [(1, "from Postgres")]


def test_what_a_delete_has_observed_goes_and_what_it_has_not_stays(
    albums: App, device: Open
) -> None:
    one, other = device("one"), device("other")
    write(one, *(f"INSERT INTO artists VALUES ({n}, 'a')" for n in range(1, 5)))
    settle(one, other)
    with electrify(one.path, albums.bundle, sync=False) as offline:
        one.close()
        write(offline, "DELETE FROM artists WHERE id IN (1, 2, 3)")
    write(other, "UPDATE artists SET name = 'still needed' WHERE id = 2")
    write(other, "INSERT INTO albums VALUES (1, 3, 'a new album', NULL)")
    other.sync(30)
    one = device("one")
    settle(one, other)
    assert agreed(albums, "artists", one, other) == [
        (2, "still needed"),
        (3, "a"),
        (4, "a"),
    ]
    assert agreed(albums, "albums", one, other) == [(1, 3, "a new album", None)]
    for database in (one, other):
        assert database.execute("PRAGMA foreign_key_check").fetchall() == []


def test_a_deleted_row_may_be_inserted_again(albums: App, device: Open) -> None:
    one, other = device("one"), device("other")
    write(one, "INSERT INTO artists VALUES (1, 'first')")
    settle(one, other)
    write(other, "DELETE FROM artists")
    settle(other, one)
    write(one, "INSERT INTO artists VALUES (1, 'second')")
    settle(one, other)
    assert agreed(albums, "artists", one, other) == [(1, "second")]
    run(albums, "DELETE FROM artists")
    settle(one, other)
    run(albums, "INSERT INTO artists VALUES (1, 'third')")
    settle(one, other)
    assert agreed(albums, "artists", one, other) == [(1, "third")]


def test_a_device_that_was_offline_gets_migrations_and_loses_nothing(
    albums: App, device: Open
) -> None:
    one, other = device("one"), device("other")
    heard: list[Migrated] = []
    one.on_migration(heard.append)
    settle(one, other)
    old_bundle = albums.bundle.joinpath("bundle.json").read_text()
    other.close()
    with electrify(other.path, albums.bundle, sync=False) as offline:
        write(offline, "INSERT INTO artists VALUES (7, 'old schema')")
        write(offline, "INSERT INTO albums VALUES (7, 7, 'unsent', 2000)")
    albums.migrate(
        "prices",
        "ALTER TABLE albums ADD COLUMN price REAL DEFAULT 9.5;\n"
        '-- @allow device-local-key reason="the tests give them"\n'
        "CREATE TABLE tracks"
        " (id INTEGER PRIMARY KEY NOT NULL, album INTEGER REFERENCES albums (id));",
    )
    settle(one)
    write(one, "INSERT INTO artists VALUES (8, 'new schema')")
    write(
        one,
        "INSERT INTO albums VALUES (8, 8, 'new', 2001, 1.5)",
        "INSERT INTO tracks VALUES (1, 8)",
    )
    settle(one)
    assert [migrated.names for migrated in heard] == [(heard[0].schema_version,)]
    albums.bundle.joinpath("bundle.json").write_text(old_bundle)  # an app of weeks ago
    other = device("other")
    settle(other, one)
    expected = [(7, 7, "unsent", 2000, 9.5), (8, 8, "new", 2001, 1.5)]
    assert agreed(albums, "albums", one, other) == expected
    assert agreed(albums, "tracks", one, other) == [(1, 8)]
    write(other, "UPDATE albums SET price = 3 WHERE id = 7")
    settle(other, one)
    assert agreed(albums, "albums", one, other)[0] == (7, 7, "unsent", 2000, 3.0)


def test_a_transaction_arrives_whole(albums: App, device: Open) -> None:
    one, other = device("one"), device("other")
    settle(one, other)
    for n in range(1, 40):
        write(
            one,
            f"INSERT INTO artists VALUES ({n}, 'a')",
            f"INSERT INTO albums VALUES ({n}, {n}, 'b', {n})",
        )
        artists, found = other.execute(
            "SELECT (SELECT count(*) FROM artists), (SELECT count(*) FROM albums)"
        ).fetchone()
        assert artists == found
    settle(one, other)
    assert len(agreed(albums, "albums", one, other)) == 39
