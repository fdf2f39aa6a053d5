"""A device played by hand against a real service and a real Postgres: the whole protocol."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import asyncpg
import pytest

from electricsql.protocol import Upload, with_checksum
from electricsql.replication import Change, Op
from electricsql.service.server import Running
from tests.integration.service.conftest import ALTER, FIRST, SECOND, Deployed, migration
from tests.integration.service.strangers import Caller, device
from tests.service.player import Player

pytestmark = pytest.mark.anyio


@asynccontextmanager
async def arrival(
    service: Running, deployed: Deployed, name: str, token: str | None = None
) -> AsyncIterator[Player]:
    """A device that has said hello and has had its first delta."""
    secret = token or await deployed.token()
    path = f"{deployed.app}/{deployed.env}"
    async with device(service.url, path, token=secret, name=name) as player:
        player.schema_version = FIRST
        await player.hello()
        await player.hear_delta()
        yield player


@asynccontextmanager
async def postgres(deployed: Deployed) -> AsyncIterator[asyncpg.Connection]:
    """Somebody who writes directly."""
    answer = await deployed.admin.get(f"{deployed.path}/database-url")
    connection = await asyncpg.connect(answer["url"])
    try:
        yield connection
    finally:
        await connection.close()


async def test_two_devices_and_a_direct_writer_agree(service: Running, deployed: Deployed) -> None:
    async with (
        arrival(service, deployed, "one") as one,
        arrival(service, deployed, "two") as two,
        postgres(deployed) as direct,
    ):
        assert one.migrations == two.migrations == [FIRST]
        await one.write(a="from one", b="also")
        await one.hear_acknowledgement()
        assert await direct.fetchval("SELECT body FROM notes WHERE id = 'a'") == "from one"
        await direct.execute("INSERT INTO notes VALUES ('c', 'direct')")
        await direct.execute("UPDATE notes SET body = 'changed' WHERE id = 'b'")
        await one.sync()
        await two.sync()
        assert two.bodies() == {"a": "from one", "b": "changed", "c": "direct"}
        assert one.bodies() == {"b": "changed", "c": "direct"}, "its own row is not sent back"
        await two.upload([Change("notes", Op.DELETE, ("a",))])
        await two.hear_acknowledgement()
        await direct.execute("DELETE FROM notes WHERE id = 'c'")
        await one.sync()
        assert one.bodies() == {"b": "changed"}
        assert [row["id"] for row in await direct.fetch("SELECT id FROM notes")] == ["b"]


async def test_a_device_comes_back_after_a_cut_and_resends(
    service: Running, deployed: Deployed
) -> None:
    async with arrival(service, deployed, "one") as player:
        await player.write(a="1")
        await player.hear_acknowledgement()
        await player.write(b="2")
    path, token = f"{deployed.app}/{deployed.env}", await deployed.token()
    async with device(service.url, path, token=token, name="one") as again:
        again.cursor, again.number = player.cursor, 2
        welcome = await again.hello()
        assert welcome.acknowledged in (1, 2)
        again.number = welcome.acknowledged
        if welcome.acknowledged < 2:
            await again.write(b="2")
        await again.sync()
        await again.hear_acknowledgement()
    async with postgres(deployed) as direct:
        assert await direct.fetchval("SELECT count(*) FROM notes") == 2
    status = await deployed.admin.get(deployed.path)
    assert [each["number"] for each in status["devices"]] == [2]


async def test_a_migration_reaches_the_stream_before_its_rows(
    service: Running, deployed: Deployed
) -> None:
    async with arrival(service, deployed, "one") as player, postgres(deployed) as direct:
        await deployed.migrate(migration(SECOND, ALTER))
        await player.hear_delta()
        assert player.migrations == [FIRST, SECOND]
        await direct.execute("INSERT INTO notes VALUES ('a', 'x', 8)")
        await player.sync()
        assert player.rows["notes", ("a",)]["extra"] == 8
        await player.write(b="in the old version")
        await player.hear_acknowledgement()
        assert await direct.fetchval("SELECT extra FROM notes WHERE id = 'b'") == 7


async def test_what_postgres_does_not_take_is_refused_and_taken_back(
    service: Running, deployed: Deployed
) -> None:
    async with arrival(service, deployed, "one") as player:
        await player.write(a=12)
        await player.write(b="fine")
        await player.hear_acknowledgement()
        await player.sync()
        assert player.refused == [1]
    assert (await deployed.admin.get(deployed.path))["quarantined"] == 1


async def test_a_large_first_sync_comes_in_parts(service: Running, deployed: Deployed) -> None:
    async with postgres(deployed) as direct:
        await direct.execute(
            "INSERT INTO notes SELECT n::text, 'body ' || n FROM generate_series(1, 30000) n"
        )
        async with arrival(service, deployed, "one") as player:
            parts = player.deltas[0]
            assert len(parts) > 3
            assert len(player.bodies()) == 30_000
            await direct.execute("UPDATE notes SET body = 'all' || id")
            await player.sync()
            assert set(player.bodies().values()) == {f"all{n}" for n in range(1, 30_001)}


async def test_a_large_transaction_in_many_parts(service: Running, deployed: Deployed) -> None:
    async with arrival(service, deployed, "one") as player:
        await player.write(parts=7, a="\U0001f600" * 3_000_000)
        await player.hear_acknowledgement()
    async with postgres(deployed) as direct:
        assert await direct.fetchval("SELECT length(body) FROM notes") == 3_000_000


async def test_a_reset_ends_streams_and_changes_the_epoch(
    service: Running, deployed: Deployed
) -> None:
    async with arrival(service, deployed, "one") as player:
        await deployed.admin.post(f"{deployed.path}/reset", {"confirm": deployed.env})
        assert (await player.hear_bye()).code == "reset"
    await deployed.migrate()
    path, token = f"{deployed.app}/{deployed.env}", await deployed.token()
    async with device(service.url, path, token=token, name="one") as again:
        again.cursor = player.cursor
        welcome = await again.hello()
        assert again.cursor is not None
        assert welcome.epoch != again.cursor.partition("/")[0]
        again.cursor = None
        await again.hello()
        assert (await again.hear_delta())[0].whole


async def test_a_second_stream_of_a_device_takes_over(service: Running, deployed: Deployed) -> None:
    async with (
        arrival(service, deployed, "one") as old,
        arrival(service, deployed, "one") as new,
    ):
        assert (await old.hear_bye()).code == "superseded"
        await new.write(a="x")
        await new.hear_acknowledgement()


@pytest.mark.parametrize("frame", [b"", b"\xc1", b"\x93\x01\x02\x03", b"\x91\x63", b"text"])
async def test_nonsense_ends_one_stream_only(
    service: Running, deployed: Deployed, frame: bytes
) -> None:
    async with (
        arrival(service, deployed, "good") as good,
        arrival(service, deployed, "bad") as bad,
    ):
        await bad.wire.send(with_checksum(frame))
        assert (await bad.hear_bye()).code == "protocol"
        await good.write(a="x")
        await good.hear_acknowledgement()


async def test_a_transaction_of_nonsense_is_quarantined_and_holds_up_nothing(
    service: Running, deployed: Deployed
) -> None:
    async with arrival(service, deployed, "bad") as player:
        await player.say(Upload(1, 0, True, b"\x01" + b"\x28\xb5\x2f\xfd" * 9))
        player.number = 1
        await player.write(a="x")
        await player.hear_acknowledgement()
        assert player.refused == [1]
    async with arrival(service, deployed, "bad") as again:
        assert (again.acknowledged, again.bodies()) == (2, {"a": "x"})


async def test_wrong_tokens_are_told(service: Running, deployed: Deployed) -> None:
    path = f"{deployed.app}/{deployed.env}"
    elsewhere = await deployed.token(env="elsewhere")
    for token in (None, "nonsense", elsewhere):
        async with device(service.url, path, token=token) as player:
            bye = await player.hear_bye()
            assert (bye.code, bye.definite) == ("unauthorized", False)


async def test_a_browser_gives_its_token_in_the_address(
    service: Running, deployed: Deployed
) -> None:
    path = f"{deployed.app}/{deployed.env}?token={await deployed.token()}"
    async with device(service.url, path, token=None) as player:
        await player.hello()


async def test_an_unknown_environment_is_told(service: Running, admin: Caller) -> None:
    async with device(service.url, "notes/nowhere", token=admin.secret) as player:
        assert (await player.hear_bye()).code == "unknown-environment"


async def test_many_devices_write_at_once_and_all_agree(
    service: Running, deployed: Deployed
) -> None:
    async with asyncio.timeout(60):
        await _many(service, deployed)


async def _many(service: Running, deployed: Deployed) -> None:
    token = await deployed.token()
    arrivals = [arrival(service, deployed, f"n{number}", token) for number in range(20)]
    players = [await each.__aenter__() for each in arrivals]
    try:
        for turn in range(5):
            for number, player in enumerate(players):
                await player.write(1, **{f"{number}-{turn}": "mine", "shared": f"{number}-{turn}"})
        await asyncio.gather(*(player.hear_acknowledgement() for player in players))
        await asyncio.gather(*(player.sync() for player in players))
        async with postgres(deployed) as direct:
            rows = {row["id"]: row["body"] for row in await direct.fetch("SELECT * FROM notes")}
        assert len(rows) == 101
        for player in players:
            own = {key: "mine" for key in rows if rows[key] == "mine"}
            assert player.bodies().items() <= rows.items() or player.bodies()["shared"]
            assert own
    finally:
        for each in arrivals:
            await each.__aexit__(None, None, None)
