"""What a delta carries: every value as it was, in parts and blocks, and migrations before rows."""

import math
from collections.abc import Mapping

import pytest

from electricsql.limits import PART_BYTES, PART_ROWS_MAX
from electricsql.replication import Change, Cursor, Op, Part, RowId
from electricsql.schema import Value
from tests.integration.hub.hubs import World, delete, insert, opened, sources, update

pytestmark = pytest.mark.anyio
TYPES = """
CREATE TABLE kinds (
    id TEXT PRIMARY KEY NOT NULL, i INTEGER DEFAULT 3, r REAL, t TEXT, b BLOB, yes BOOLEAN,
    d DATE, ti TIME, ts DATETIME, tz TIMESTAMPTZ, j JSON, n NUMERIC
);
"""
ITEMS = "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a INTEGER, b TEXT, c BLOB);"
PLANES: list[Value] = [chr(plane << 16 | 0xABCD) for plane in range(1, 17)]
VALUES: dict[str, list[Value]] = {
    "i": [0, -1, (1 << 63) - 1, -(1 << 63), None],
    "r": [0.0, -0.0, math.inf, -math.inf, 5e-324, 1.7976931348623157e308, 0.1, 1e22, None],
    "t": [
        *PLANES,
        "",
        "\t\r\n\x01\x7f",
        "\x80é€\uffff",
        "\U00010000\U0010ffff",
        "NULL",
        "\\",
        "{1,2}",
        None,
    ],
    "b": [b"", b"\0", bytes(range(256)), b"\\x00", None],
    "yes": [0, 1, None],
    "d": ["2024-02-29", "0001-01-01", "9999-12-31", None],
    "ti": ["00:00:00", "23:59:59.999999", "12:34:56.100000", None],
    "ts": ["2024-02-29 23:59:59", "0001-01-01 00:00:00", "9999-12-31 23:59:59.999999", None],
    "tz": ["2024-02-29 23:59:59+00:00", "1999-12-31 23:59:59.500000+00:00", None],
    "j": ["null", '{"a": 1,  "a": 2}', "[1.0, 1e400]", '"\\u00e9"', " {} ", None],
    "n": [0, 1, -5, 1.5, -0.25, 123456789012345678, 1e300, None],
}
BIG = 10 << 20


def exact(value: Value) -> tuple[type, str]:
    """Tells apart what Python takes for equal: 1, 1.0 and True; 0.0 and -0.0."""
    return type(value), repr(value)


def _values_by_id(prefix: str) -> dict[str, tuple[str, Value]]:
    """Each value with its column, by an id for its row."""
    return {
        f"{prefix} {column} {place}": (column, value)
        for column, values in VALUES.items()
        for place, value in enumerate(values)
    }


def _row(world: World, id: str, *pair: tuple[str, Value]) -> Change:
    blank: dict[str, Value] = dict.fromkeys(world.schema.tables["kinds"].column_names)
    return insert("kinds", {**blank, "id": id, **dict(pair)})


async def _got(world: World, ids: Mapping[str, tuple[str, Value]]) -> dict[str, tuple[type, str]]:
    rows = await world.rows()
    return {
        id: exact(rows[RowId("kinds", (id,))].values[column]) for id, (column, _) in ids.items()
    }


async def test_values_of_devices_come_back_as_they_were(any_database: str) -> None:
    async with opened(any_database, TYPES) as world:
        device = await world.device()
        inserted, updated = _values_by_id("insert"), _values_by_id("update")
        await device.write(*(_row(world, id, pair) for id, pair in inserted.items()))
        await device.write(*(_row(world, id) for id in updated))
        for id, (column, value) in updated.items():
            await device.write(Change("kinds", Op.UPDATE, (id,), {column: value}))
        expected = {id: exact(value) for id, (_, value) in (inserted | updated).items()}
        assert await _got(world, inserted | updated) == expected


async def test_tombstones_keep_values_as_they_were(any_database: str) -> None:
    async with opened(any_database, TYPES) as world:
        device = await world.device()
        by_device, direct = _values_by_id("device"), _values_by_id("direct")
        await device.write(*(_row(world, id, pair) for id, pair in (by_device | direct).items()))
        await device.write(*(delete("kinds", id) for id in by_device))
        await world.client.execute("DELETE FROM kinds")
        assert not any(row.alive for row in (await world.rows()).values())
        expected = {id: exact(value) for id, (_, value) in (by_device | direct).items()}
        assert await _got(world, by_device | direct) == expected


async def test_hidden_values_come_back_as_they_were(any_database: str) -> None:
    drops = "".join(f"-- @drop kinds.{c}\nALTER TABLE kinds DROP COLUMN {c};\n" for c in VALUES)
    async with opened(any_database, TYPES) as world:
        device, version = await world.device(), world.schema.version
        before, after, updated = (_values_by_id(when) for when in ("before", "after", "update"))
        every = before | after | updated
        expected = {id: exact(value) for id, (_, value) in every.items()}
        later = [_row(world, id, pair) for id, pair in after.items()]
        later += [_row(world, id) for id in updated]
        await device.write(*(_row(world, id, pair) for id, pair in before.items()))
        await world.migrate(TYPES, drops)
        updates = [Change("kinds", Op.UPDATE, (id,), dict([p])) for id, p in updated.items()]
        for changes in (later, updates, [delete("kinds", id) for id in every]):
            await world.hub.merge([device.transaction(*changes, version=version)])
            if changes is not later:
                rows, _ = await world.look(view=world.versions.view(version))
                values = {row_id.key[0]: row.values for row_id, row in rows.items()}
                assert {id: exact(values[id][c]) for id, (c, _) in every.items()} == expected


async def test_a_blob_of_10_mb_comes_back_as_it_was(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        blob = bytes(range(256)) * (BIG // 256)
        await device.write(insert("items", {"id": 1, "a": None, "b": "x" * BIG, "c": blob}))
        (row,) = (await world.rows()).values()
        assert (row.values["b"], row.values["c"]) == ("x" * BIG, blob)


async def test_defaults_of_columns_that_came_later(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        device = await world.device()
        await device.write(
            *(insert("items", {"id": n, "a": n, "b": "", "c": None}) for n in (1, 2))
        )
        await world.client.execute("DELETE FROM items WHERE id = 2")
        later = "ALTER TABLE items ADD COLUMN z INTEGER DEFAULT 7;"
        await world.hub.migrate(sources(ITEMS, later))
        async with world.hub.reading() as reading:
            world.schema = reading.schema
        rows = await world.rows()
        assert {row_id.key[0]: row.values["z"] for row_id, row in rows.items()} == {1: 7, 2: 7}
        assert all("z" not in row.writers for row in rows.values())


async def _parts(world: World) -> list[Part]:
    async with world.hub.reading() as reading:
        parts = [part async for part in reading.parts_since(world.start)]
        assert sum(_count(part) for part in parts) == await reading.rows_since(world.start)
        first = [part async for part in reading.parts_since(None)]
        assert sum(map(_count, first)) == await reading.rows_since(None)
    assert [_count(part) for part in parts] == [_count(part) for part in first]
    return parts


def _count(part: Part) -> int:
    return sum(len(block) for block in part.blocks)


async def test_many_rows_come_in_parts(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        many = 2 * PART_ROWS_MAX + 10
        await world.client.execute(
            f"INSERT INTO items SELECT n, n, 'x' FROM generate_series(1, {many}) n"
        )
        counts = [_count(part) for part in await _parts(world)]
        assert sum(counts) == many
        assert max(counts) <= PART_ROWS_MAX
        assert len(counts) <= 4


async def test_large_rows_come_in_small_parts(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        await world.client.execute(
            f"INSERT INTO items SELECT n, n, repeat('x', {PART_BYTES // 3})"
            " FROM generate_series(1, 20) n"
        )
        assert max(_count(part) for part in await _parts(world)) <= 3


async def test_blocks_have_the_author_who_made_all_that_is_new_in_them(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        a, b = await world.device("a"), await world.device("b")
        await a.write(*(insert("items", {"id": n, "a": n, "b": "", "c": None}) for n in (1, 2, 3)))
        await b.catch_up()
        await b.write(
            insert("items", {"id": 4, "a": 4, "b": "", "c": None}), update("items", 2, b="by b")
        )
        await world.client.execute("UPDATE items SET a = 30 WHERE id = 3")
        assert b.cursor
        assert await _authors(world, world.start) == {0: {2, 3}, a.origin: {1}, b.origin: {4}}
        assert await _authors(world, b.cursor) == {0: {3}, b.origin: {2, 4}}


async def _authors(world: World, since: Cursor) -> dict[int, set[Value]]:
    """The ids of the items in the blocks of each author."""
    async with world.hub.reading() as reading:
        return {
            block.author: {key[0] for key, _ in block.rows(world.schema.tables[block.table])}
            async for part in reading.parts_since(since)
            for block in part.blocks
        }


async def test_a_migration_is_in_the_delta_of_the_rows_that_need_it(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        later = "ALTER TABLE items ADD COLUMN z INTEGER;"
        before = await world.cursor()
        await world.hub.migrate(sources(ITEMS, later))
        between = await world.cursor()
        await world.client.execute("INSERT INTO items (id, z) VALUES (1, 26)")
        async with world.hub.reading() as reading:
            assert [m.name for m in await reading.migrations_since(before)] == [
                sources(ITEMS, later)[1].name
            ]
            assert await reading.migrations_since(between) == []
            assert len(await reading.migrations_since(None)) == 2
            assert reading.schema.tables["items"].column_names[-1] == "z"
            assert await reading.rows_since(before) == 1


async def test_there_is_news_exactly_when_something_happened(any_database: str) -> None:
    async with opened(any_database, ITEMS) as world:
        assert await world.hub.has_news(None)
        assert not await world.hub.has_news(await world.cursor())
        cursor = await world.cursor()
        await world.client.execute("UPDATE items SET a = 1")
        assert not await world.hub.has_news(cursor)
        await world.client.execute("INSERT INTO items VALUES (1)")
        assert await world.hub.has_news(cursor)
        cursor = await world.cursor()
        await world.hub.migrate(sources(ITEMS, "CREATE TABLE more (id TEXT PRIMARY KEY NOT NULL);"))
        assert await world.hub.has_news(cursor)
