"""Hubs that earlier versions made: each is brought up to date, and works on with what was in it."""

from pathlib import Path

import asyncpg
import pytest

from electricsql.errors import PostgresError
from electricsql.hub import Hub
from electricsql.hub.format import FORMATS
from electricsql.replication import Cursor, RowId
from tests.integration.hub.hubs import insert, opened, update

pytestmark = pytest.mark.anyio
EARLIER = sorted(Path(__file__).with_name("formats").glob("format_*.sql"))
FAMILY = """
CREATE TABLE parents (id TEXT PRIMARY KEY NOT NULL, name TEXT, n INTEGER);
CREATE TABLE children (id TEXT PRIMARY KEY NOT NULL, parent TEXT REFERENCES parents, n INTEGER);
"""
COLUMNS = """
SELECT table_name::text, column_name::text, data_type::text, is_nullable::text,
    column_default::text
FROM information_schema.columns WHERE table_schema = 'electric' AND table_name NOT LIKE 'shadow%'
ORDER BY table_name, column_name
"""
ANN, BOB, ONE = RowId("parents", ("ann",)), RowId("parents", ("bob",)), RowId("children", ("c1",))


async def restore(url: str, script: Path) -> None:
    """Load the dump, on a server that is as far as the one it was made on."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(script.read_text())
        last = await connection.fetchval("SELECT max(id) >> 10 FROM electric.transactions")
        while await connection.fetchval("SELECT pg_current_xact_id()::text::bigint") <= last:
            pass
    finally:
        await connection.close()


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
async def test_an_older_hub_gets_the_tables_of_a_new_one(script: Path, database: str) -> None:
    await restore(database, script)
    async with opened(database, FAMILY) as world:
        upgraded = await world.client.fetch(COLUMNS)
        assert await world.client.fetchval("SELECT format FROM electric.hub") == len(FORMATS)
        await world.client.execute("DROP SCHEMA electric CASCADE")
        await (await Hub.open(database)).close()
        assert await world.client.fetch(COLUMNS) == upgraded


@pytest.mark.parametrize("between", range(1, len(FORMATS)))
async def test_it_may_have_been_opened_by_each_version_in_between(
    database: str, monkeypatch: pytest.MonkeyPatch, between: int
) -> None:
    await restore(database, EARLIER[0])
    for formats in (FORMATS[:between], FORMATS):
        monkeypatch.setattr("electricsql.hub.format.FORMATS", formats)
        await (await Hub.open(database)).close()
    async with opened(database, FAMILY) as world:
        upgraded = await world.client.fetch(COLUMNS)
        assert await world.client.fetchval("SELECT format FROM electric.hub") == len(FORMATS)
        (known,) = (await world.hub.status()).devices
        assert (known.number, known.merged, known.waiting, known.conserved) == (4, 3, 1, True)
        await world.client.execute("DROP SCHEMA electric CASCADE")
        await (await Hub.open(database)).close()
        assert await world.client.fetch(COLUMNS) == upgraded


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
async def test_an_older_hub_loses_nothing_and_works_on(script: Path, database: str) -> None:
    await restore(database, script)
    async with opened(database, FAMILY) as world:
        status = await world.hub.status()
        (known,) = status.devices
        name = f"device-of-{script.stem.replace('_', '-')}"
        assert (known.device, known.number, status.quarantined) == (name, 4, 1)
        assert known.cursor is not None
        before = Cursor.parse(known.cursor)
        assert before.epoch == world.hub.epoch
        rows = await world.rows(before)
        assert {row_id: row.alive for row_id, row in rows.items()} == {
            ANN: True,
            BOB: False,
            ONE: True,
            RowId("children", ("c2",)): False,
        }
        assert (known.merged, known.waiting, known.conserved) == (3, 1, True)
        async with world.hub.reading() as reading:
            refused = await reading.refused_since([known.origin], before)
        assert [(each.number, each.fate) for each in refused[known.origin]] == [(4, "waiting")]
        assert (await world.hub.register(name)).mark, "it had a clock, and that is its mark now"
        device = await world.device(name)
        device.cursor = before
        assert (device.origin, device.number) == (known.origin, 4)
        await device.catch_up()
        await device.write(update("parents", "ann", name="Anna"), insert("parents", person("eve")))
        await world.client.execute("UPDATE parents SET n = 7 WHERE id = 'ann'")
        tables = await world.tables()
        assert tables.keys() == {ANN, ONE, RowId("parents", ("eve",))}
        assert tables[ANN] == {"id": "ann", "name": "Anna", "n": 7}


def person(id: str) -> dict[str, str | int]:
    return {"id": id, "name": id, "n": 1}


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
async def test_an_older_hub_takes_no_more_rows_that_are_too_large(
    script: Path, database: str
) -> None:
    await restore(database, script)
    connection = await asyncpg.connect(database)
    large = "INSERT INTO parents VALUES ('{}', repeat('x', 33554433), 1)"
    await connection.execute(large.format("was there"))
    async with opened(database, FAMILY) as world:
        with pytest.raises(asyncpg.CheckViolationError, match="electric_row_at_most_32_MiB"):
            await connection.execute(large.format("new"))
        assert (await world.hub.status()).drift == ()
    await connection.execute("DROP SCHEMA electric CASCADE")
    await connection.close()


async def test_a_table_in_use_is_waited_for(database: str) -> None:
    await restore(database, EARLIER[0])
    connection = await asyncpg.connect(database)
    async with connection.transaction():
        await connection.execute("LOCK TABLE parents IN SHARE MODE")
        with pytest.raises(PostgresError) as error:
            await Hub.open(database)
        assert error.value.code == "postgres-unavailable"
    await connection.close()
    async with opened(database, FAMILY) as world:
        assert await world.client.fetchval("SELECT format FROM electric.hub") == len(FORMATS)


@pytest.mark.parametrize("script", EARLIER, ids=lambda path: path.stem)
async def test_migrations_of_an_older_hub_only_add(script: Path, database: str) -> None:
    await restore(database, script)
    async with opened(database, FAMILY) as world:
        migrations = await world.hub.migrations()
        assert {(each.lens, each.additive) for each in migrations} == {(None, True)}
