"""Deltas in the order of tables and keys, gone on with behind any row; by themselves, and as the
service sends them to a device whose connections break."""

import asyncio
from typing import cast

import asyncpg
import pytest

from electricsql.hub import reading
from electricsql.protocol import DeltaPart
from electricsql.replication import Part, Place
from electricsql.schema import Value, postgres_literal
from electricsql.service import fanout
from tests.integration.hub.hubs import opened, sources
from tests.service.rooms import TestRoom
from tests.service.twin import TwinHub

pytestmark = pytest.mark.anyio
KEYS: dict[str, list[Value]] = {
    "TEXT": ["", "'", "\\", "a", "Z", "é", "\U0001f600", "a b", "NULL"],
    "INTEGER": [0, -1, 5, (1 << 63) - 1, -(1 << 63)],
    "REAL": [0.0, -1.5, 5e-324, 1e300, 0.1, float("inf")],
    "BLOB": [b"", b"\0", b"\\x00", b"\xff"],
    "BOOLEAN": [0, 1],
    "DATE": ["2024-02-29", "0001-01-01", "9999-12-31"],
    "TIME": ["00:00:00", "23:59:59.999999", "12:34:56.100000"],
    "DATETIME": ["2024-02-29 23:59:59", "2024-02-29 23:59:59.500000"],
    "TIMESTAMPTZ": ["2024-02-29 23:59:59+00:00", "1999-12-31 23:59:59.500000+00:00"],
    "UUID": ["01234567-89ab-cdef-0123-456789abcdef", "f1234567-89ab-cdef-0123-456789abcdef"],
    "NUMERIC": [0, -5, 1.5, 123456789012345678, 1e300],
}
TABLES = [
    f"CREATE TABLE t{place} (k {type} NOT NULL, n INTEGER NOT NULL, v TEXT, PRIMARY KEY (k, n));"
    for place, type in enumerate(KEYS)
]
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a INTEGER, b TEXT);"
OTHERS = "CREATE TABLE others (id TEXT PRIMARY KEY NOT NULL, a INTEGER);"


@pytest.fixture
def rows_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each row is a part."""
    monkeypatch.setattr(reading, "PART_ROWS_MAX", 1)
    monkeypatch.setattr(reading, "_FIRST_ROWS", 1)


@pytest.fixture
def small_limits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reading, "PART_ROWS_MAX", 10)
    monkeypatch.setattr(reading, "_FIRST_ROWS", 10)
    monkeypatch.setattr(fanout, "LIVE_DELTA_ROWS_MAX", 20)


def keys(parts: list[Part]) -> list[tuple[str, tuple[str, ...]]]:
    return [
        (block.table, tuple(map(repr, key)))
        for part in parts
        for block in part.blocks
        for key in zip(*block.values[:2], strict=True)
    ]


@pytest.mark.usefixtures("rows_alone")
@pytest.mark.parametrize("changed", [False, True])
async def test_any_key_can_be_gone_on_behind(any_database: str, *, changed: bool) -> None:
    async with opened(any_database, *TABLES) as world:
        for place, values in enumerate(KEYS.values()):
            column = world.schema.tables[f"t{place}"].columns[0].type
            for value in values:
                key = postgres_literal(value, column)
                await world.client.execute(f"INSERT INTO t{place} VALUES ({key}, 1), ({key}, 2)")
        await world.client.execute("DELETE FROM t0 WHERE n = 2")
        since = world.start if changed else None
        async with world.hub.reading() as look:
            every = [part async for part in look.parts_since(since, in_order=True)]
            assert sorted(keys(every)) == sorted(
                keys([part async for part in look.parts_since(since)])
            )
            for number, part in enumerate(every, start=1):
                assert part.place is not None
                assert await look.can_follow(world.start, part.place)
                rest = [part async for part in look.parts_since(since, part.place, in_order=True)]
                assert keys(rest) == keys(every[number:])


async def test_what_is_no_place_is_not_gone_on_behind(any_database: str) -> None:
    async with opened(any_database, ITEMS, OTHERS) as world:
        wrong = [
            Place("no table", (1,)),
            Place("items", ()),
            Place("items", (1, 2)),
            Place("items", ("1",)),
            Place("items", (None,)),
            Place("others", (1,)),
            Place("others", ("a\0b",)),
        ]
        async with world.hub.reading() as look:
            assert await look.can_follow(world.start, Place("items", (7,)))
            assert not any([await look.can_follow(world.start, place) for place in wrong])


@pytest.mark.usefixtures("small_limits")
@pytest.mark.parametrize("has_cursor", [False, True])
async def test_a_device_whose_connections_break_gets_what_the_tables_hold(
    any_database: str, *, has_cursor: bool
) -> None:
    async with opened(any_database, ITEMS, OTHERS) as world:
        room = TestRoom(cast("TwinHub", world.hub))
        player, wire, _ = room.connect(1)
        player.tables = world.schema.tables
        player.schema_version = world.schema.version
        if has_cursor:
            await player.hello()
            await player.hear_delta()
            wire.cut()
        await world.client.execute("INSERT INTO items SELECT n, 0 FROM generate_series(1, 90) n")
        await world.client.execute("INSERT INTO others SELECT n, 0 FROM generate_series(1, 50) n")
        count = len(player.deltas)
        for attempt in range(40):
            _, wire, _ = room.connect(1)
            player.reconnect(wire)
            await player.hello()
            follows = [await _hear(player) for _ in range(1 + attempt % 3)]
            assert attempt == 0 or follows[0] or len(player.deltas) > count
            if len(player.deltas) > count:
                break
            wire.cut()
            await _write(world.client, attempt)
        assert len(player.deltas) == count + 1
        assert player.rows == {
            (row_id.table, row_id.key): values for row_id, values in (await world.tables()).items()
        }
        await room.stop()


async def _hear(player: object) -> bool:
    part = await player.hear()  # type: ignore[attr-defined]
    return isinstance(part, DeltaPart) and part.follows


async def _write(client: "asyncpg.Connection[asyncpg.Record]", attempt: int) -> None:
    """In front of where the device is, and behind it."""
    await client.execute("DELETE FROM items WHERE id IN ($1, $2)", attempt + 1, 90 - attempt)
    await client.execute("UPDATE items SET a = $1 WHERE id % 10 = $1", attempt % 10)
    await client.execute("UPDATE others SET id = id || '!' WHERE a = 0 AND id = $1", f"{attempt}")


@pytest.mark.usefixtures("small_limits")
async def test_after_a_migration_a_device_begins_anew(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        room = TestRoom(cast("TwinHub", world.hub))
        await world.client.execute("INSERT INTO items SELECT n, 0 FROM generate_series(1, 90) n")
        player, wire, _ = room.connect(1)
        player.tables = world.schema.tables
        await player.hello()
        assert not await _hear(player)
        wire.cut()
        more = "ALTER TABLE items ADD COLUMN more INTEGER DEFAULT 7;"
        await world.hub.migrate(sources(ITEMS, more))
        async with world.hub.reading() as look:
            player.tables = look.schema.tables
        _, wire, _ = room.connect(1)
        player.reconnect(wire)
        await player.hello()
        assert not await _hear(player)
        await player.hear_delta()
        assert len(player.rows) == 90
        assert all(row["more"] == 7 for row in player.rows.values())
        assert len(player.migrations) == 2
        await room.stop()
        await asyncio.sleep(0)
