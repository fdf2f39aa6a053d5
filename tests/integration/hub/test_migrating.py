"""Migrations at a hub: all or none, in the order of everybody, and additive on what is there."""

import asyncio

import asyncpg
import pytest

from electricsql.errors import MigrationError, PostgresError, ServiceError
from electricsql.hub import Hub, Source, migrating
from tests.integration.hub.hubs import delete, insert, opened, sources, update

pytestmark = pytest.mark.anyio
ONE = "CREATE TABLE one (id INTEGER PRIMARY KEY NOT NULL, a TEXT);"
TWO = "CREATE TABLE two (id INTEGER PRIMARY KEY NOT NULL, one INTEGER REFERENCES one);"
WIDER = (
    "ALTER TABLE one ADD COLUMN b TEXT NOT NULL DEFAULT 'new'; ALTER TABLE one ADD COLUMN c INT;"
)
TAKEN = "CREATE TABLE taken (id INTEGER PRIMARY KEY NOT NULL);"


async def names(hub: Hub) -> list[str]:
    return [migration.name for migration in await hub.migrations()]


async def test_migrations_are_applied_once(any_database: str) -> None:
    async with opened(any_database) as world:
        both = sources(ONE, TWO)
        plan = await world.hub.plan(both)
        assert plan.pending == tuple(source.name for source in both)
        assert await names(world.hub) == []
        assert await world.hub.migrate(both) == plan
        again = await world.hub.migrate(both)
        assert (again.pending, again.postgres) == ((), ())
        assert await names(world.hub) == list(plan.pending)
        (first, _) = await world.hub.migrations()
        assert (first.title, first.source, first.sha256) == ("m", ONE, both[0].sha256)


async def test_a_refused_migration_takes_all_others_along(any_database: str) -> None:
    async with opened(any_database, ONE) as world:
        await world.client.execute("CREATE VIEW taken AS SELECT 1 AS x")
        with pytest.raises(MigrationError) as refused:
            await world.hub.migrate(sources(ONE, TWO, TAKEN))
        assert refused.value.code == "postgres-refused"
        for part in ("20240103", "already exists", 'CREATE TABLE "taken"'):
            assert part in refused.value.problem
        assert await names(world.hub) == [sources(ONE)[0].name]
        assert await world.client.fetchval("SELECT to_regclass('two')") is None
        await world.client.execute("DROP VIEW taken")
        await world.hub.migrate(sources(ONE, TWO, TAKEN))
        assert len(await names(world.hub)) == 3


async def test_a_trial_says_what_postgres_would(any_database: str) -> None:
    async with opened(any_database, ONE) as world:
        await world.client.execute("CREATE VIEW taken AS SELECT 1 AS x")
        with pytest.raises(MigrationError) as refused:
            await world.hub.plan(sources(ONE, TAKEN))
        assert refused.value.code == "postgres-refused"


@pytest.mark.parametrize(
    ("local", "code"),
    [
        (sources(ONE)[:0], "migration-missing"),
        (sources(ONE + " -- other", TWO), "applied-migration-changed"),
        ([*sources(ONE, TWO), Source("20240101500000000_late", "late", TAKEN)], "out-of-order"),
        (sources(ONE, TWO, "CREATE TABEL x;"), "sql-error"),
    ],
)
async def test_what_does_not_fit_the_history_is_refused(
    database: str, local: list[Source], code: str
) -> None:
    async with opened(database, ONE, TWO) as world:
        for step in (world.hub.plan, world.hub.migrate):
            with pytest.raises(MigrationError) as refused:
                await step(local)
            assert refused.value.code.endswith(code)
            assert refused.value.remedy
        assert await names(world.hub) == [source.name for source in sources(ONE, TWO)]


async def test_two_services_migrate_at_once(any_database: str) -> None:
    async with opened(any_database) as world:
        other = await Hub.open(any_database, "test", "default")
        try:
            hubs = [world.hub, other] * 3
            done = await asyncio.gather(*(hub.migrate(sources(ONE, TWO, WIDER)) for hub in hubs))
        finally:
            await other.close()
        assert sorted(len(plan.pending) for plan in done) == [0, 0, 0, 0, 0, 3]
        assert len(await names(world.hub)) == 3


async def test_columns_are_added_to_rows_and_tombstones_there_are(any_database: str) -> None:
    async with opened(any_database, ONE) as world:
        device = await world.device()
        await device.write(*(insert("one", {"id": n, "a": f"a{n}"}) for n in range(4)))
        await device.catch_up()
        await device.write(delete("one", 1))
        await world.client.execute("DELETE FROM one WHERE id = 2")
        await device.catch_up()
        assert device.cursor
        await world.hub.migrate(sources(ONE, WIDER))
        async with world.hub.reading() as reading:
            world.schema = reading.schema
        assert await world.rows(device.cursor) == {}
        wide = {"b": "new", "c": None}
        rows = await world.rows()
        assert {row_id.key[0]: row.values for row_id, row in rows.items()} == {
            n: {"id": n, "a": f"a{n}"} | wide for n in range(4)
        }
        await device.write(
            update("one", 0, c=7), insert("one", {"id": 1, "a": "back", **wide}, incarnation=2)
        )
        await world.client.execute("UPDATE one SET b = 'b' WHERE id = 3; DELETE FROM one")
        rows = await world.rows()
        assert not any(row.alive for row in rows.values())
        kept = {row_id.key[0]: row.values for row_id, row in rows.items()}
        assert kept[0] == {"id": 0, "a": "a0", "b": "new", "c": 7}
        assert kept[1] == {"id": 1, "a": "back", "b": "new", "c": None}
        assert kept[3] == {"id": 3, "a": "a3", "b": "b", "c": None}


@pytest.mark.parametrize("order", [("one", "two"), ("two", "one")])
async def test_a_migration_gives_way_to_writers(any_database: str, order: tuple[str, str]) -> None:
    async with opened(any_database, ONE, TWO) as world:
        columns = "ALTER TABLE two ADD COLUMN b TEXT; ALTER TABLE one ADD COLUMN b TEXT;"
        writer = await asyncpg.connect(any_database)
        transaction = writer.transaction()
        await transaction.start()
        await writer.execute(f"INSERT INTO {order[0]} VALUES (1)")
        waiting = asyncio.create_task(world.hub.migrate(sources(ONE, TWO, columns)))
        while not await world.client.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0)
        await writer.execute(f"INSERT INTO {order[1]} VALUES (1)")
        await transaction.commit()
        await writer.close()
        assert len((await waiting).pending) == 1
        assert len(await world.tables()) == len(await world.shown()) == 2


async def test_a_migration_does_not_wait_for_ever(
    database: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(migrating, "MIGRATION_ATTEMPTS_MAX", 2)
    async with opened(database, ONE) as world:
        transaction = world.client.transaction()
        await transaction.start()
        await world.client.execute("INSERT INTO one VALUES (1)")
        with pytest.raises(PostgresError) as busy:
            await world.hub.migrate(sources(ONE, WIDER))
        assert busy.value.code == "postgres-failed"
        await transaction.rollback()
        assert len((await world.hub.migrate(sources(ONE, WIDER))).pending) == 1


async def test_tables_named_like_ours_are_the_ones_a_client_finds(any_database: str) -> None:
    tables = "".join(
        f"CREATE TABLE {name} (id INTEGER PRIMARY KEY NOT NULL);"
        for name in ("hub", "devices", "transactions", "migrations", "shadow_1", "touched")
    )
    async with opened(any_database, tables) as world:
        for table in world.schema:
            await world.client.execute(f"INSERT INTO {table.name} VALUES (1)")
        assert len(await world.tables()) == len(await world.shown()) == 6


async def test_a_version_that_the_hub_does_not_have(database: str) -> None:
    async with opened(database, ONE) as world:
        assert (await world.hub.schema_at(sources(ONE)[0].name)).tables.keys() == {"one"}
        assert not list(await world.hub.schema_at(None))
        with pytest.raises(ServiceError) as unknown:
            await world.hub.schema_at("20990101000000000_other")
        assert unknown.value.code == "unknown-version"
