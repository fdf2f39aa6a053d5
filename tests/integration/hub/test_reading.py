"""Deltas: replayed one after the other they give what the tables hold at the same snapshot."""

import asyncio
import random
from dataclasses import dataclass, field

import asyncpg
import pytest

from electricsql.hub import Reading
from electricsql.replication import Cursor, RowId
from electricsql.schema import Value
from tests.integration.hub.hubs import Device, Rows, World, delete, insert, opened, plain, update

pytestmark = pytest.mark.anyio
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a INTEGER, b TEXT DEFAULT 'b');"
TAGS = "CREATE TABLE tags (item INTEGER NOT NULL, tag TEXT NOT NULL, PRIMARY KEY (item, tag));"
WRITES = (
    "INSERT INTO items VALUES ({one}, {two}) ON CONFLICT (id) DO UPDATE SET a = excluded.a",
    "UPDATE items SET a = {two}, b = 'b{two}' WHERE id = {one}",
    "UPDATE items SET id = 100 + {two} WHERE id = {one}",
    "DELETE FROM items WHERE id = {one} OR id = 100 + {two}",
    "INSERT INTO tags SELECT {one}, 't' || n FROM generate_series(1, {two}) n"
    " ON CONFLICT DO NOTHING",
    "DELETE FROM tags WHERE item = {one} AND tag > 't{two}'",
)
_PAUSE_S_MAX = 0.03


@dataclass
class Replica:
    """Somebody who only reads, and replays deltas."""

    cursor: Cursor | None = None
    rows: Rows = field(default_factory=dict)

    async def catch_up(self, world: World) -> None:
        """Replay one delta, and compare with all rows in the same snapshot."""
        async with world.hub.reading() as reading:
            expected = await reading.rows_since(self.cursor)
            delta = await _rows(world, reading, self.cursor)
            assert len(delta) == expected
            self.rows |= delta
            assert _alive(self.rows) == _alive(await _rows(world, reading, None))
            self.cursor = reading.cursor


def _alive(rows: Rows) -> Rows:
    return {row_id: row for row_id, row in rows.items() if row.alive}


async def _rows(world: World, reading: Reading, since: Cursor | None) -> Rows:
    rows: Rows = {}
    async for part in reading.parts_since(since):
        for block in part.blocks:
            for key, row in block.rows(world.schema.tables[block.table]):
                rows[RowId(block.table, key)] = plain(row)
    return rows


async def _write(url: str, chance: random.Random, done: asyncio.Event) -> None:
    """A client whose transactions take their time, have savepoints, and are not all committed."""
    client = await asyncpg.connect(url)
    try:
        while not done.is_set():
            transaction = client.transaction(
                isolation=chance.choice(["read_committed", "repeatable_read"])
            )
            await transaction.start()
            try:
                for _ in range(chance.randint(1, 4)):
                    await _write_once(client, chance)
                    await asyncio.sleep(chance.choice([0, 0, 0, _PAUSE_S_MAX]) * chance.random())
            except (asyncpg.SerializationError, asyncpg.DeadlockDetectedError):
                await transaction.rollback()
                continue
            await (transaction.rollback if chance.random() < 0.2 else transaction.commit)()
    finally:
        await client.close()


async def _write_once(client: "asyncpg.Connection[asyncpg.Record]", chance: random.Random) -> None:
    savepoint = client.transaction()
    await savepoint.start()
    try:
        statement = chance.choice(WRITES)
        await client.execute(statement.format(one=chance.randint(1, 12), two=chance.randint(1, 9)))
    except asyncpg.UniqueViolationError:
        await savepoint.rollback()
        return
    await (savepoint.rollback if chance.random() < 0.2 else savepoint.commit)()


async def _merge(device: Device, chance: random.Random, done: asyncio.Event) -> None:
    """A device that writes rows of its own."""
    ids = iter(range(1000 * device.origin, 1000 * device.origin + 10**9))
    while not done.is_set():
        id, other = next(ids), next(ids)
        rows: list[dict[str, Value]] = [{"id": key, "a": 1, "b": "b"} for key in (id, other)]
        await device.write(*(insert("items", row) for row in rows))
        await device.write(update("items", id, a=2), delete("items", other))
        await asyncio.sleep(_PAUSE_S_MAX * chance.random())


async def _compare(world: World, deltas: int, chance: random.Random) -> None:
    """Replay so many deltas while clients and a device write."""
    done = asyncio.Event()
    device = await world.device()
    writers = [asyncio.create_task(_write(world.url, chance, done)) for _ in range(4)]
    writers.append(asyncio.create_task(_merge(device, chance, done)))
    replicas = [Replica() for _ in range(3)]
    for _ in range(deltas):
        await chance.choice(replicas).catch_up(world)
        assert not [writer.result() for writer in writers if writer.done()]
    done.set()
    await asyncio.gather(*writers)
    for replica in replicas:
        await replica.catch_up(world)
    assert await world.shown() == await world.tables()


async def test_deltas_replayed_are_the_tables(any_database: str) -> None:
    async with opened(any_database, ITEMS, TAGS) as world:
        await _compare(world, 400, random.Random(1))


@pytest.mark.soak
@pytest.mark.timeout(1800)
async def test_many_deltas_replayed_are_the_tables(any_database: str) -> None:
    async with opened(any_database, ITEMS, TAGS) as world:
        await _compare(world, 2_500, random.Random(2))
