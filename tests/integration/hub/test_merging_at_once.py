"""Merges, resends and clients at the same rows at the same time."""

import asyncio
import random
import time
from collections import Counter

import asyncpg
import pytest

from electricsql.limits import CLOCK_AHEAD_MS_MAX
from electricsql.replication import hlc_at
from electricsql.schema import Value
from tests.integration.hub.hubs import Device, Rows, World, delete, insert, opened, update

pytestmark = pytest.mark.anyio
FAMILY = """
CREATE TABLE parents (id INTEGER PRIMARY KEY NOT NULL, n INTEGER, who TEXT);
CREATE TABLE children (
    id TEXT PRIMARY KEY NOT NULL, parent INTEGER REFERENCES parents, n INTEGER DEFAULT 0
);
"""
PARENTS = (1, 2, 3, 4, 5)
WAITS = """
SELECT xact_start FROM pg_stat_activity
WHERE datname = current_database() AND application_name LIKE 'electric %'
    AND wait_event_type = 'Lock'
"""
DIRECT = (
    "UPDATE parents SET n = n + 1 WHERE id = {n}",
    "UPDATE parents SET n = n + 1 WHERE id >= {n}",
    "INSERT INTO parents VALUES ({n}, 0, 'direct') ON CONFLICT (id) DO UPDATE SET who = 'direct'",
    "INSERT INTO children VALUES ('direct', {n}) ON CONFLICT (id) DO UPDATE SET parent = {n}",
    "UPDATE children SET n = n + 1 WHERE parent = {n}",
    "DELETE FROM children WHERE parent = {n}; DELETE FROM parents WHERE id = {n}",
)


async def test_a_merge_waits_for_a_client_that_holds_a_row_for_long(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        await device.write(insert("parents", {"id": 1, "n": 1, "who": "a"}))
        client = await asyncpg.connect(world.url)
        transaction = client.transaction()
        await transaction.start()
        await client.execute("UPDATE parents SET n = 2")
        merging = asyncio.create_task(device.write(update("parents", 1, who="b")))
        attempts: set[object] = set()
        while len(attempts) < 3:
            attempts |= {record[0] for record in await world.client.fetch(WAITS)}
        assert not merging.done()
        await transaction.commit()
        await client.close()
        await merging
        (row,) = (await world.tables()).values()
        assert row == {"id": 1, "n": 2, "who": "b"}


async def test_a_clock_cut_back_is_later_than_what_its_merge_has_waited_for(
    any_database: str,
) -> None:
    """Its author may have received that in the meantime, and shows its own write over it."""
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        await device.write(insert("parents", {"id": 1, "n": 1, "who": "a"}))
        ahead = hlc_at(time.time_ns() // 1_000_000 + 2 * CLOCK_AHEAD_MS_MAX)
        submitted = device.transaction(update("parents", 1, n=3), hlc=ahead)
        client = await asyncpg.connect(world.url)
        transaction = client.transaction()
        await transaction.start()
        await client.execute("UPDATE parents SET n = 2, who = 'direct'")
        merging = asyncio.create_task(world.hub.merge([submitted]))
        while not await world.client.fetch(WAITS):
            pass
        await transaction.commit()
        await client.close()
        await merging
        (row,) = (await world.tables()).values()
        assert row == {"id": 1, "n": 3, "who": "direct"}


async def test_who_brings_a_child_back_waits_for_whoever_deletes_its_parent(
    any_database: str,
) -> None:
    """Only the hub knows which parent that is: the change does not name it."""
    async with opened(any_database, FAMILY) as world:
        device = await world.device()
        child: dict[str, Value] = {"id": "c", "parent": 1, "n": 1}
        await device.write(insert("parents", {"id": 1, "n": 1}), insert("children", child))
        await device.catch_up()
        await world.client.execute("DELETE FROM children")
        client = await asyncpg.connect(world.url)
        transaction = client.transaction()
        await transaction.start()
        await client.execute("DELETE FROM parents")
        merging = asyncio.create_task(device.write(update("children", "c", n=2)))
        while not await world.client.fetch(WAITS):
            pass
        await transaction.commit()
        await client.close()
        await merging
        assert await world.hub.quarantined() == []
        assert (await world.tables()).keys() == {("parents", (1,)), ("children", ("c",))}


NESTED = """
CREATE TABLE tops (id INTEGER PRIMARY KEY NOT NULL);
CREATE TABLE middles (id INTEGER PRIMARY KEY NOT NULL, top INTEGER REFERENCES tops);
CREATE TABLE leaves (id INTEGER PRIMARY KEY NOT NULL, middle INTEGER REFERENCES middles);
"""


async def test_a_parent_that_is_also_a_child_of_what_goes_is_brought_back(
    any_database: str,
) -> None:
    """Middle 1 is moved below top 1 by a client and then deleted by another one; meanwhile a device
    that knows of neither deletes top 1 and puts a leaf below middle 1."""
    async with opened(any_database, NESTED) as world:
        device = await world.device()
        await device.write(
            insert("tops", {"id": 1}),
            insert("tops", {"id": 2}),
            insert("middles", {"id": 1, "top": 2}),
        )
        await device.catch_up()
        await world.client.execute("UPDATE middles SET top = 1")
        client = await asyncpg.connect(world.url)
        transaction = client.transaction()
        await transaction.start()
        await client.execute("DELETE FROM middles")
        leaf: dict[str, Value] = {"id": 1, "middle": 1}
        merging = asyncio.create_task(device.write(delete("tops", 1), insert("leaves", leaf)))
        while not await world.client.fetch(WAITS):
            pass
        await transaction.commit()
        await client.close()
        await merging
        assert await world.hub.quarantined() == []
        assert {(row_id.table, *row_id.key) for row_id in await world.tables()} == {
            ("tops", 1),
            ("tops", 2),
            ("middles", 1),
            ("leaves", 1),
        }


NAMES = """
-- @unique names.a on-conflict=keep-first
-- @unique names.b on-conflict=keep-first
CREATE TABLE names (id TEXT PRIMARY KEY NOT NULL, a TEXT UNIQUE, b TEXT UNIQUE, c TEXT);
"""


async def test_values_give_way_to_those_that_come_at_the_same_time(any_database: str) -> None:
    async with opened(any_database, NAMES) as world:
        device = await world.device()
        clients = [await asyncpg.connect(world.url) for _ in "ab"]
        holding = [client.transaction() for client in clients]
        for name, client, transaction in zip("ab", clients, holding, strict=True):
            await transaction.start()
            await client.execute(f"INSERT INTO names (id, {name}) VALUES ('{name}', 'x')")
        row: dict[str, Value] = {"id": "d", "a": "x", "b": "x", "c": "c"}
        merging = asyncio.create_task(device.write(insert("names", row)))
        attempts: set[object] = set()
        for number, transaction in enumerate(holding, start=1):
            while len(attempts) < number:
                attempts |= {record[0] for record in await world.client.fetch(WAITS)}
            await transaction.commit()
        await merging
        for client in clients:
            await client.close()
        found = sorted((tuple(each.values()) for each in (await world.tables()).values()), key=repr)
        assert found == [
            ("a", "x", None, None),
            ("b", None, "x", None),
            ("d", None, None, "c"),
        ]
        assert await world.hub.quarantined() == []


async def test_one_of_two_merges_at_once_gives_way(any_database: str) -> None:
    async with opened(any_database, NAMES) as world:
        devices = [await world.device(name) for name in "abc"]
        for number in range(10):
            rows: list[dict[str, Value]] = [
                {"id": f"{number} {device.origin}", "a": f"{number}", "b": None, "c": "c"}
                for device in devices
            ]
            pairs = zip(devices, rows, strict=True)
            await asyncio.gather(*(device.write(insert("names", row)) for device, row in pairs))
        found = [each["a"] for each in (await world.tables()).values()]
        assert sorted(filter(None, found), key=str) == [f"{number}" for number in range(10)]
        assert found.count(None) == 20
        assert await world.hub.quarantined() == []


async def _send(world: World, device: Device, chance: random.Random, count: int) -> None:
    """Write so many transactions of what is there, now and then several at once, some twice."""
    for number in range(count):
        rows = await device.catch_up()
        alive = {row_id for row_id, row in rows.items() if row.alive}
        parents = [row_id for row_id in alive if row_id.table == "parents"]
        child: dict[str, Value] = {"id": f"{device.origin} {number}", "n": 0, "parent": None}
        changes = []
        if parents:
            parent, other = chance.choice(parents), chance.choice(parents)
            child["parent"] = parent.key[0]
            changes.append(update("parents", parent.key[0], rows[parent].incarnation, n=number))
            if other != parent and not _has_child(rows, other.key[0]):
                changes.append(delete("parents", other.key[0], rows[other].incarnation))
        submitted = device.transaction(insert("children", child), *changes)
        await asyncio.gather(*(world.hub.merge([submitted]) for _ in range(chance.randint(1, 2))))


def _has_child(rows: Rows, parent: Value) -> bool:
    return any(row.alive and row.values.get("parent") == parent for row in rows.values())


async def _write(url: str, chance: random.Random, done: asyncio.Event) -> Counter[str]:
    """A client that takes its rows in the order of their keys, as it should."""
    said: Counter[str] = Counter()
    client = await asyncpg.connect(url)
    try:
        while not done.is_set():
            numbers = sorted(chance.sample(PARENTS, 2))
            try:
                async with client.transaction():
                    for n in numbers:
                        await client.execute(chance.choice(DIRECT).format(n=n))
                said["committed"] += 1
            except asyncpg.PostgresError as error:
                said[type(error).__name__] += 1
    finally:
        await client.close()
    return said


async def _hammer(world: World, count: int, clients: int) -> Counter[str]:
    """Four devices that send so many transactions each, and clients; what the clients were told."""
    chance = random.Random(7)
    devices = [await world.device(name) for name in "abcd"]
    await world.client.execute("INSERT INTO parents SELECT n, 0 FROM generate_series(1, 5) n")
    done = asyncio.Event()
    writing = [asyncio.create_task(_write(world.url, chance, done)) for _ in range(clients)]
    await asyncio.gather(*(_send(world, device, chance, count) for device in devices))
    done.set()
    said = sum(await asyncio.gather(*writing), Counter[str]())
    status = await world.hub.status()
    assert status.quarantined == 0
    assert [device.number for device in status.devices] == [count] * len(devices)
    merged = await world.client.fetch(
        "SELECT origin, number FROM electric.transactions WHERE origin > 0 ORDER BY 1, 2"
    )
    expected = [(device.origin, n) for device in devices for n in range(1, count + 1)]
    assert [tuple(record) for record in merged] == expected
    assert await world.shown() == await world.tables()
    return said


async def test_a_client_has_no_deadlock_with_merges_at_the_same_rows(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        said = await _hammer(world, count=15, clients=1)
        assert said.keys() <= {"committed", "ForeignKeyViolationError"}
        assert said["committed"] > 0


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_many_merges_and_clients_at_the_same_rows(any_database: str) -> None:
    async with opened(any_database, FAMILY) as world:
        said = await _hammer(world, count=120, clients=3)
        assert said["committed"] > 0
