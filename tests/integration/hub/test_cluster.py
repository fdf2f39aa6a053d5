"""The environments of a Postgres server: made, found, reset; and servers that can't be used."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from electricsql.errors import PostgresError, ServiceError
from electricsql.hub import Cluster, Hub
from electricsql.hub.connection import require_version
from electricsql.limits import HUB_CONNECTIONS_MAX
from tests.integration.hub.hubs import insert, opened, sources

pytestmark = pytest.mark.anyio
NOTES = "CREATE TABLE notes (id INTEGER PRIMARY KEY NOT NULL);"


@asynccontextmanager
async def cluster_at(url: str) -> AsyncIterator[Cluster]:
    cluster = await Cluster.open(url)
    try:
        yield cluster
    finally:
        await cluster.close()


@asynccontextmanager
async def environments(url: str, *names: tuple[str, str]) -> AsyncIterator[Cluster]:
    """A cluster on which these environments are made, and dropped at the end."""
    async with cluster_at(url) as cluster:
        try:
            for app, env in names:
                await cluster.create(app, env)
            yield cluster
        finally:
            await cluster.close()
            client = await asyncpg.connect(url)
            for app, env in names:
                await client.execute(f'DROP DATABASE IF EXISTS "{app}.{env}" WITH (FORCE)')
            await client.close()


@pytest.mark.parametrize("name", [("my-app", "dev"), ("x" * 31, "y" * 31), ("2024", "select")])
async def test_names_of_environments(cluster_url: str, name: tuple[str, str]) -> None:
    async with environments(cluster_url, name) as cluster:
        assert name in await cluster.environments()
        await cluster.create(*name)
        hub = await cluster.hub(*name)
        assert await cluster.hub(*name) is hub
        await hub.migrate(sources(NOTES))
        client = await asyncpg.connect(cluster.database_url(*name))
        assert await client.fetchval("SELECT current_database()") == ".".join(name)
        assert tuple(await client.fetchrow("SELECT app, env FROM electric.hub") or ()) == name
        await client.close()


async def test_a_name_that_postgres_would_cut_is_refused(cluster_url: str) -> None:
    async with cluster_at(cluster_url) as cluster:
        with pytest.raises(ServiceError) as refused:
            await cluster.create("x" * 31, "y" * 32)
        assert refused.value.code == "name-too-long"


async def test_an_environment_that_nobody_made(cluster_url: str) -> None:
    async with cluster_at(cluster_url) as cluster:
        for ask in (cluster.hub, cluster.reset):
            with pytest.raises(ServiceError) as unknown:
                await ask("no-such", "app")
            assert unknown.value.code == "unknown-environment"


async def test_services_that_make_and_open_an_environment_at_once(cluster_url: str) -> None:
    async with environments(cluster_url, ("race", "dev")) as first:
        for _ in range(3):
            await first.reset("race", "dev")
            client = await asyncpg.connect(cluster_url)
            await client.execute('DROP DATABASE "race.dev" WITH (FORCE)')
            await client.close()
            clusters = [await Cluster.open(cluster_url) for _ in range(4)]
            try:
                await asyncio.gather(*(cluster.create("race", "dev") for cluster in clusters))
                hubs = await asyncio.gather(*(c.hub("race", "dev") for c in clusters))
                assert len({hub.epoch for hub in hubs}) == 1
            finally:
                for cluster in clusters:
                    await cluster.close()


async def test_reset_while_connected(cluster_url: str) -> None:
    async with environments(cluster_url, ("used", "dev")) as cluster:
        hub = await cluster.hub("used", "dev")
        await hub.migrate(sources(NOTES))
        client = await asyncpg.connect(cluster.database_url("used", "dev"))
        transaction = client.transaction()
        await transaction.start()
        await client.execute("INSERT INTO notes VALUES (1)")
        await cluster.reset("used", "dev")
        with pytest.raises(PostgresError) as gone:
            await hub.migrations()
        assert gone.value.code == "postgres-unavailable"
        with pytest.raises((asyncpg.PostgresError, asyncpg.InterfaceError, OSError)):
            await client.execute("SELECT 1")
        again = await cluster.hub("used", "dev")
        assert again.epoch != hub.epoch
        assert await again.migrations() == []
        assert (await again.register("a")).origin == 1


async def test_reset_by_another_service(cluster_url: str) -> None:
    async with environments(cluster_url, ("shared", "dev")) as one, cluster_at(cluster_url) as two:
        hub = await two.hub("shared", "dev")
        await hub.register("a")
        for reopened in (False, True):
            await one.reset("shared", "dev")
            if reopened:
                await one.hub("shared", "dev")
            for _ in range(3):
                with pytest.raises(PostgresError) as over:
                    await hub.register("b")
                assert over.value.code == "postgres-unavailable"
            assert hub.is_over
            again = await two.hub("shared", "dev")
            assert (again.epoch != hub.epoch, again.is_over) == (True, False)
            assert (await again.register("b")).origin == 1
            assert await two.hub("shared", "dev") is again
            hub = again


async def test_a_hub_is_what_it_was_when_it_is_opened_again(any_database: str) -> None:
    async with opened(any_database, NOTES) as world:
        await (await world.device()).write(insert("notes", {"id": 1}))
        for hub in await asyncio.gather(*(Hub.open(any_database) for _ in range(3))):
            assert hub.epoch == world.hub.epoch
            assert (await hub.register("a")).acknowledged == 1
            await hub.close()


async def test_more_readers_at_once_than_connections(any_database: str) -> None:
    async with opened(any_database, NOTES):
        hub = await Hub.open(any_database)
        arrived = asyncio.Barrier(HUB_CONNECTIONS_MAX)

        async def read(number: int) -> set[str]:
            if number < HUB_CONNECTIONS_MAX:
                await arrived.wait()
            async with hub.reading() as reading:
                return set(reading.schema.tables)

        readers = [read(number) for number in range(2 * HUB_CONNECTIONS_MAX)]
        assert await asyncio.gather(*readers) == [{"notes"}] * len(readers)
        await hub.close()


async def test_a_hub_of_a_newer_version_is_left_alone(database: str) -> None:
    async with opened(database) as world:
        await world.client.execute("UPDATE electric.hub SET format = 99")
        with pytest.raises(PostgresError) as refused:
            await Hub.open(database)
        assert refused.value.code == "format-too-new"
        assert "99" in refused.value.problem
        assert await world.client.fetchval("SELECT format FROM electric.hub") == 99


@pytest.mark.parametrize(
    "wrong",
    [
        lambda url: "postgresql://127.0.0.1:1/x",
        lambda url: url.replace("electric:", "nobody:"),
        lambda url: url + "_that_is_not_there",
        lambda url: url + "?sslmode=require",
    ],
)
async def test_a_server_that_can_not_be_used(database: str, wrong: object) -> None:
    assert callable(wrong)
    for open in (Hub.open, Cluster.open):
        with pytest.raises(PostgresError) as refused:
            await open(wrong(database))
        assert refused.value.code == "postgres-unavailable"
        assert database.split(":")[2].split("@")[0] not in str(refused.value)


def test_a_server_that_is_too_old() -> None:
    with pytest.raises(PostgresError) as refused:
        require_version(13, "postgresql://me:secret@there/x")
    assert refused.value.code == "postgres-too-old"
    assert "secret" not in str(refused.value)


async def test_a_role_without_rights_is_told_so(database: str) -> None:
    client = await asyncpg.connect(database)
    await client.execute("CREATE ROLE weak LOGIN PASSWORD 'weak'")
    url = f"postgresql://weak:weak@{database.partition('@')[2]}"
    try:
        with pytest.raises(PostgresError) as refused:
            await Hub.open(url)
        assert refused.value.code == "postgres-failed"
        async with cluster_at(url) as cluster:
            with pytest.raises(PostgresError) as refused:
                await cluster.create("weak", "dev")
            assert refused.value.code == "postgres-failed"
    finally:
        await client.execute("DROP ROLE weak")
        await client.close()
