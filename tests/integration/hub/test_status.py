"""What a hub says of its devices: versions, how far behind they are, what became of what they
sent."""

import pytest

from electricsql.hub import Claim
from tests.integration.hub.hubs import Device, World, insert, opened

pytestmark = pytest.mark.anyio
ITEMS = "CREATE TABLE items (id TEXT PRIMARY KEY NOT NULL);"


async def lags(world: World) -> list[int | None]:
    return [each.lag for each in (await world.hub.status()).devices]


async def applied(world: World, device: Device, name: str) -> None:
    """The device has applied all there is."""
    assert await world.hub.applied(name, device.session, Claim(await world.cursor()))


async def test_the_lag_counts_what_a_device_does_not_have_yet(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        one, _ = await world.device("one"), await world.device("two")
        assert await lags(world) == [None, None], "neither has anything yet"
        await applied(world, one, "one")
        assert await lags(world) == [0, None]
        await world.client.execute("INSERT INTO items VALUES ('a'), ('b')")
        await one.write(insert("items", {"id": "c"}))
        assert await lags(world) == [2, None]
        await applied(world, one, "one")
        assert await lags(world) == [0, None]


async def test_a_cursor_of_another_history_has_nothing(database: str) -> None:
    async with opened(database, ITEMS) as world:
        one = await world.device("one")
        await applied(world, one, "one")
        await world.client.execute("UPDATE electric.devices SET cursor = 'other/' || '1:1:'")
        assert await lags(world) == [None]


async def test_what_a_device_sent_adds_up_or_it_shows(database: str) -> None:
    async with opened(database, ITEMS) as world:
        one = await world.device("one")
        await one.write(insert("items", {"id": "a"}))
        (device,) = (await world.hub.status()).devices
        assert (device.number, device.merged, device.conserved) == (1, 1, True)
        for damage in ("number = 2", "merged = 0", "merged = 2"):
            await world.client.execute(f"UPDATE electric.devices SET {damage}")
            (device,) = (await world.hub.status()).devices
            assert not device.conserved, damage
            await world.client.execute("UPDATE electric.devices SET number = 1, merged = 1")
