"""A published database as a user would bring it: Chinook, with 11 tables and 15,607 rows.

All rows are written by plain sqlite3 on one device, and come through Postgres to another; then both
edit offline while somebody raises all prices with one UPDATE in Postgres. All three end equal.

Its schema is taken as it is, but for its types' spelling: `NVARCHAR(160)` and the like are known,
and a column that is declared `DATETIME` is a timestamp.
"""

import asyncio
import sqlite3
from collections import Counter
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from electricsql import Database, electrify
from tests.integration.whole.conftest import Open
from tests.integration.whole.processes import App

CHINOOK = Path(__file__).parents[4] / "shared" / "data" / "chinook.sqlite"
ROWS = 15_607
ALLOW = '-- @allow device-local-key reason="the catalogue gives them"\n'
PATIENCE_S = 120

pytestmark = pytest.mark.skipif(not CHINOOK.exists(), reason="the Chinook database is not here")


def chinook() -> sqlite3.Connection:
    return sqlite3.connect(f"file:{CHINOOK}?mode=ro", uri=True)


def schema() -> str:
    """Its tables and indexes, as their author wrote them. The app gives all keys."""
    with closing(chinook()) as source:
        rows = source.execute(
            "SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL AND name NOT LIKE 'sqlite_%'"
        )
        return "".join(f"{ALLOW if has_one_key(sql) else ''}{sql};\n" for (sql,) in rows)


def has_one_key(sql: str) -> bool:
    return sql.startswith("CREATE TABLE") and "[PlaylistTrack]\n" not in sql


def tables() -> list[str]:
    with closing(chinook()) as source:
        rows = source.execute(
            "SELECT name FROM sqlite_schema WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
        )
        return sorted(name for (name,) in rows)


def content(database: sqlite3.Connection) -> dict[str, Counter[tuple[object, ...]]]:
    return {name: Counter(database.execute(f'SELECT * FROM "{name}"')) for name in tables()}


def write_all(path: Path) -> None:
    """Copy every row with plain sqlite3, as any program might: parents after their children too,
    since foreign keys are off unless a program asks for them."""
    with closing(sqlite3.connect(path)) as target:
        target.execute("ATTACH ? AS source", (str(CHINOOK),))
        with target:
            for name in tables():
                target.execute(f'INSERT INTO main."{name}" SELECT * FROM source."{name}"')


async def in_postgres(url: str, sql: str) -> list[tuple[object, ...]]:
    connection = await asyncpg.connect(url)
    try:
        return [tuple(record) for record in await connection.fetch(sql)]
    finally:
        await connection.close()


def broken_keys(database: Database) -> list[object]:
    return database.execute("PRAGMA foreign_key_check").fetchall()


def edit_offline(one: Database, other: Database) -> int:
    """A deletes an artist without albums, to which B gives one meanwhile; and more. Gives its
    id."""
    (artist,) = one.execute(
        "SELECT ArtistId FROM Artist WHERE ArtistId NOT IN (SELECT ArtistId FROM Album) LIMIT 1"
    ).fetchone()
    with one.transaction():
        one.execute("DELETE FROM Artist WHERE ArtistId = ?", (artist,))
        one.execute("UPDATE Customer SET Company = 'Company of A' WHERE CustomerId <= 20")
    with other.transaction():
        other.execute("INSERT INTO Album VALUES (5000, 'Late, but here', ?)", (artist,))
        other.execute("UPDATE Customer SET Phone = '+0' WHERE CustomerId BETWEEN 10 AND 30")
        other.execute("DELETE FROM PlaylistTrack WHERE PlaylistId = 1 AND TrackId < 100")
    return int(artist)


def postgres_content(url: str, names: Iterable[str]) -> dict[str, int]:
    return {
        name: int(str(asyncio.run(in_postgres(url, f'SELECT count(*) FROM "{name}"'))[0][0]))
        for name in names
    }


def test_chinook_ends_equal_everywhere(app: App, device: Open, tmp_path: Path) -> None:
    app.migrate("chinook", schema())
    path = tmp_path / "a.db"
    electrify(path, app.bundle, sync=False).close()
    write_all(path)
    one, other = device("a"), device("b")
    one.sync(PATIENCE_S)
    other.sync(PATIENCE_S)
    with closing(chinook()) as source:
        original = content(source)
    assert sum(map(len, original.values())) == ROWS
    assert {name: rows.keys() for name, rows in content(other.connection).items()} == {
        name: rows.keys() for name, rows in original.items()
    }

    url = app.database_url()
    one.close()
    other.close()
    one = electrify(path, app.bundle, sync=False)
    other = electrify(tmp_path / "b.db", app.bundle, sync=False)
    artist = edit_offline(one, other)
    one.close()
    other.close()
    asyncio.run(in_postgres(url, 'UPDATE "Track" SET "UnitPrice" = "UnitPrice" + 0.5'))
    one, other = device("a"), device("b")
    for database in (one, other, one):
        database.sync(PATIENCE_S)

    assert content(one.connection) == content(other.connection)
    assert broken_keys(one) == broken_keys(other) == []
    assert one.execute("SELECT Title FROM Album WHERE ArtistId = ?", (artist,)).fetchall() == [
        ("Late, but here",)
    ]
    (customer,) = one.execute("SELECT Company, Phone FROM Customer WHERE CustomerId = 15")
    assert customer == ("Company of A", "+0")
    prices = {price for (price,) in one.execute("SELECT DISTINCT UnitPrice FROM Track")}
    assert prices == {1.49, 2.49}
    here = {name: sum(rows.values()) for name, rows in content(one.connection).items()}
    assert postgres_content(url, tables()) == here
