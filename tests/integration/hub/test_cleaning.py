"""Forgetting at a hub: what all live devices have passed goes, and nothing else; the tables stay
small under a workload."""

import asyncio
from dataclasses import replace
from random import Random

import asyncpg
import pytest

from electricsql.hub import Claim, Hub
from electricsql.limits import MARKED_TRANSACTIONS
from electricsql.replication import RowId, Standing
from tests.integration.hub.hubs import Device, World, delete, insert, opened, update

pytestmark = pytest.mark.anyio
ITEMS = (
    "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a TEXT, b INTEGER NOT NULL DEFAULT 0);"
)
OURS = ("touched", "transactions", "shadow_1")


def item(id: int, a: str = "x") -> dict[str, str | int]:
    return {"id": id, "a": a, "b": 1}


async def counts(world: World) -> dict[str, int]:
    sql = "SELECT count(*) FROM electric."
    return {name: await world.client.fetchval(sql + name) for name in OURS}


async def note(world: World, device: Device, name: str = "a") -> None:
    """The device says that it has applied what it has received, and has nothing unsent."""
    assert await applied(world, name, Claim(device.cursor, device.cursor))


async def applied(world: World, name: str, claim: Claim) -> bool:
    session = "SELECT session FROM electric.devices WHERE device = $1"
    return await world.hub.applied(name, await world.client.fetchval(session, name), claim)


async def clean(world: World) -> int:
    return sum([await world.hub.clean() for _ in range(3)])


async def test_what_the_only_device_has_passed_is_forgotten(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        await device.catch_up()
        await note(world, device)
        await world.client.execute("INSERT INTO items SELECT n, 'a' FROM generate_series(1, 9) n")
        await world.client.execute("DELETE FROM items WHERE id <= 5")
        await clean(world)
        assert (await counts(world))["shadow_1"] == 9
        await device.catch_up()
        await note(world, device)
        await clean(world)
        left = await counts(world)
        assert left["shadow_1"] == 4
        assert left["touched"] == 0
        assert left["transactions"] <= MARKED_TRANSACTIONS
        assert (await world.rows(device.cursor)) == {}


async def test_a_live_device_that_is_away_holds_it_until_it_expires(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        here, away = await world.device(), await world.device("b")
        for each, name in ((here, "a"), (away, "b")):
            await each.catch_up()
            await note(world, each, name)
        await here.write(insert("items", item(1)))
        await here.catch_up()
        await here.write(delete("items", 1))
        await here.catch_up()
        await note(world, here)
        await clean(world)
        assert not (await world.rows(away.cursor))[RowId("items", (1,))].alive
        await world.client.execute("UPDATE electric.hub SET expiry_days = 30")
        for days, tombstones in ((29, 1), (31, 0)):
            await seen_before(world, "b", days)
            await clean(world)
            assert (await counts(world))["shadow_1"] == tombstones
        expired = {each.device: each.expired for each in (await world.hub.status()).devices}
        assert expired == {"a": False, "b": True}
        late = await world.hub.register("b", Claim(away.cursor, away.cursor))
        assert late.standing is Standing.FORGOTTEN
        assert (
            await world.hub.register("a", Claim(here.cursor, here.cursor))
        ).standing is Standing.HERE


@pytest.mark.parametrize("has_cursor", [False, True])
async def test_who_has_only_written_and_expired_is_told_so(database: str, has_cursor: bool) -> None:
    """What it wrote before it had received anything may need what is forgotten."""
    async with opened(database, ITEMS) as world:
        here, away = await world.device(), await world.device("b")
        await away.write(insert("items", item(1)))
        await here.catch_up()
        await here.write(delete("items", 1))
        await here.catch_up()
        await note(world, here)
        await seen_before(world, "b", days=100)
        await clean(world)
        assert (await counts(world))["shadow_1"] == 0
        claim = Claim(here.cursor if has_cursor else None, None)
        forgotten = await world.hub.register("b", claim)
        assert forgotten.standing is Standing.FORGOTTEN
        early = replace(claim, offered=forgotten.horizon - 1)
        assert (await world.hub.register("b", early)).standing is Standing.FORGOTTEN
        offered = replace(claim, offered=forgotten.horizon)
        assert (await world.hub.register("b", offered)).standing is Standing.HERE
        assert (await world.hub.register("new", Claim())).standing is Standing.HERE


async def seen_before(world: World, device: str, days: int) -> None:
    await world.client.execute(
        "UPDATE electric.devices SET seen_at = now() - make_interval(days => $2) WHERE device = $1",
        *(device, days),
    )


async def test_who_is_connected_is_live(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        await device.catch_up()
        await note(world, device)
        await world.client.execute("INSERT INTO items VALUES (1); DELETE FROM items")
        await seen_before(world, "a", days=100)
        await world.hub.clean(["a"])
        assert (await counts(world))["shadow_1"] == 1


async def test_an_unsent_transaction_holds_what_it_has_not_seen(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        await device.write(insert("items", item(1)))
        await device.catch_up()
        unsent = device.transaction(update("items", 1, a="mine"))
        await world.client.execute("DELETE FROM items")
        sealed_at = device.cursor
        await device.catch_up()
        await applied(world, "a", Claim(device.cursor, sealed_at))
        await clean(world)
        await world.hub.merge([unsent])
        assert (await world.tables())[RowId("items", (1,))] == item(1, "mine")


async def test_a_new_device_without_a_cursor_holds_everything_after_it(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        await world.hub.register("a")
        await world.client.execute("INSERT INTO items VALUES (1); DELETE FROM items")
        await clean(world)
        assert (await counts(world))["shadow_1"] == 1


async def test_a_forgotten_register_is_older_than_everything(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        await device.write(insert("items", item(1, "first")))
        await device.catch_up()
        await note(world, device)
        await clean(world)
        late = await world.device("b")
        late.hlc = 1
        await late.write(update("items", 1, a="late, with an old clock"), hlc=2)
        assert (await world.tables())[RowId("items", (1,))]["a"] == "late, with an old clock"


async def test_a_forgotten_row_that_is_still_there_does_not_count(any_database: str) -> None:
    """The horizon was moved, and the service that was to delete what is behind it has ended."""
    async with opened(any_database, ITEMS) as world:
        await world.client.execute("INSERT INTO items VALUES (1, 'old', 7); DELETE FROM items")
        xid = await world.client.fetchval("SELECT pg_current_xact_id()::text::bigint")
        await world.client.execute("UPDATE electric.hub SET horizon = $1", xid)
        async with world.hub.reading() as reading:
            assert [part async for part in reading.parts_since(None)] == []
        device = await world.device()
        await device.write(insert("items", item(1, "new")))
        row = (await world.rows())[RowId("items", (1,))]
        assert (row.incarnation, row.values) == (1, item(1, "new"))


async def test_the_tables_stay_small_while_everybody_writes(any_database: str) -> None:
    """Three devices and a client of Postgres insert, update and delete; a fourth device looks in
    now and then."""
    async with opened(any_database, ITEMS) as world:
        random = Random(7)
        devices = {name: await world.device(name) for name in "abcd"}
        most = 0
        for turn in range(60):
            name = random.choice("abc")
            device = devices[name]
            keys = [n + 10 * turn for n in range(10)]
            await device.write(*(insert("items", item(n)) for n in keys))
            await world.client.execute("UPDATE items SET b = b + 1 WHERE id % 10 = 3")
            await device.catch_up()
            await device.write(*(delete("items", n) for n in keys))
            for each in devices if turn % 10 == 9 else "abc":
                await devices[each].catch_up()
                await note(world, devices[each], each)
            await clean(world)
            most = max(most, *(await counts(world)).values())
        assert most < 60 * 10 / 4
        for name, device in devices.items():
            await device.catch_up()
            await note(world, device, name)
        await clean(world)
        left = 1 + MARKED_TRANSACTIONS + len(await world.tables())
        assert sum((await counts(world)).values()) <= left


async def test_two_services_clean_at_once(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        other = await Hub.open(any_database, "test", "default")
        for number in range(20):
            await world.client.execute("INSERT INTO items VALUES ($1)", number)
        await world.client.execute("DELETE FROM items")
        await asyncio.gather(*(hub.clean() for hub in (world.hub, other) * 5))
        await clean(world)
        assert (await counts(world))["shadow_1"] == 0
        await other.close()


async def test_cleaning_waits_for_no_row(any_database: str) -> None:
    """A tombstone that somebody is about to bring back is left for the next time."""
    async with opened(any_database, ITEMS) as world:
        await world.client.execute("INSERT INTO items VALUES (1), (2); DELETE FROM items")
        writer = await asyncpg.connect(any_database)
        transaction = writer.transaction()
        await transaction.start()
        await writer.execute("SELECT FROM electric.shadow_1 WHERE k0 = 1 FOR UPDATE")
        await clean(world)
        assert (await counts(world))["shadow_1"] == 1
        await transaction.rollback()
        await clean(world)
        assert (await counts(world))["shadow_1"] == 0
        await writer.close()
