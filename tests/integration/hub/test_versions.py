"""Versions of one application write and read one hub: what a newer one has renamed, dropped and
added is the same row to all of them, directly in Postgres too."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass

import pytest

from electricsql.errors import ServiceError
from electricsql.hub import Claim
from electricsql.replication import Change
from electricsql.schema import Value
from tests.integration.hub.hubs import Device, World, delete, insert, opened, sources, update
from tests.integration.hub.lensed import APP, VERSIONS

pytestmark = pytest.mark.anyio
V1, V2, V3, V4, V5 = VERSIONS
Shown = Mapping[Value, Mapping[str, Value]]
ITEM: Mapping[str, Value] = {"title": "t", "note": "n", "size": 1}


@dataclass
class Pinned:
    """A device that stays at one version."""

    device: Device
    version: str

    async def write(self, *changes: Change) -> None:
        world = self.device.world
        await world.hub.merge([self.device.transaction(*changes, version=self.version)])

    async def items(self) -> Shown:
        """What it shows of the first table, having received everything."""
        view = self.device.world.versions.view(self.version)
        shown = await self.device.catch_up(view)
        first = next(iter(view.schema)).name
        return {
            id.key[0]: {name: value for name, value in row.values.items() if name != "id"}
            for id, row in shown.items()
            if row.alive and id.table == first
        }


async def pinned(world: World, name: str, version: str) -> Pinned:
    device = Pinned(await world.device(name), version)
    await device.items()
    return device


async def test_what_is_renamed_is_the_same_and_what_is_dropped_is_kept(any_database: str) -> None:
    async with opened(any_database, APP[0]) as world:
        old = await pinned(world, "old", V1)
        await old.write(
            insert("items", {"id": 1, **ITEM}),
            insert("items", {"id": 2, "title": "", "note": None, "size": None}),
        )
        await world.client.execute("INSERT INTO items VALUES (3, 'C', 'direct', 7)")
        await world.migrate(*APP[:2])
        new = await pinned(world, "new", V2)
        assert await new.items() == {
            1: {"name": "t", "size": 1, "done": 0},
            2: {"name": "", "size": None, "done": 0},
            3: {"name": "C", "size": 7, "done": 0},
        }
        assert (await old.items())[3] == {"title": "C", "note": "direct", "size": 7}
        d: Mapping[str, Value] = {"id": 4, "name": "D", "size": None, "done": 0}
        await new.write(update("items", 1, name="N", done=1), insert("items", d))
        await old.write(update("items", 1, note="nn", size=2), delete("items", 2))
        await world.client.execute("UPDATE items SET size = 8 WHERE id = 3")
        await world.client.execute("INSERT INTO items VALUES (5, 'E', 9, 1)")
        assert await new.items() == {
            1: {"name": "N", "size": 2, "done": 1},
            3: {"name": "C", "size": 8, "done": 0},
            4: {"name": "D", "size": None, "done": 0},
            5: {"name": "E", "size": 9, "done": 1},
        }
        assert await old.items() == {
            1: {"title": "N", "note": "nn", "size": 2},
            3: {"title": "C", "note": "direct", "size": 8},
            4: {"title": "D", "note": "none", "size": None},
            5: {"title": "E", "note": "none", "size": 9},
        }


async def test_direct_deletes_keep_what_is_hidden_and_inserts_forget_it(any_database: str) -> None:
    async with opened(any_database, APP[0]) as world:
        old = await pinned(world, "old", V1)
        await old.write(*(insert("items", {"id": n, **ITEM}) for n in range(1, 5)))
        await old.items()
        await world.client.execute("DELETE FROM items WHERE id = 4")
        await world.migrate(*APP[:2])
        await world.client.execute("DELETE FROM items WHERE id IN (1, 2)")
        await world.client.execute("INSERT INTO items (id, name) VALUES (2, 'new life')")
        await world.client.execute("UPDATE items SET id = 5 WHERE id = 3")
        # It has not observed any of that: its writes bring rows back, with what was hidden.
        await old.write(*(update("items", n, size=2) for n in (1, 3, 4)))
        assert await old.items() == {
            1: {**ITEM, "size": 2},
            2: {"title": "new life", "note": "none", "size": 0},
            3: {**ITEM, "size": 2},
            4: {**ITEM, "size": 2},
            5: {**ITEM, "note": "none"},
        }
        await world.client.execute("TRUNCATE items, parts")
        await old.write(update("items", 1, size=3))
        assert await old.items() == {1: {**ITEM, "size": 3}}


async def test_a_renamed_table_is_the_same_and_so_is_its_drift(any_database: str) -> None:
    async with opened(any_database, APP[0]) as world:
        old = await pinned(world, "old", V1)
        await old.write(insert("items", {"id": 1, **ITEM}))
        await world.client.execute("SET electric.migrating = 'on'")
        await world.client.execute("ALTER TABLE items ADD COLUMN drifted text")
        await world.migrate(*APP[:3])
        new = await pinned(world, "new", V3)
        await old.write(insert("items", {"id": 2, **ITEM}))
        await new.write(update("things", 1, name="N"))
        await world.client.execute("UPDATE things SET done = 1 WHERE id = 2")
        assert await old.items() == {1: {**ITEM, "title": "N"}, 2: ITEM}
        assert await new.items() == {
            1: {"name": "N", "size": 1, "done": 0},
            2: {"name": "t", "size": 1, "done": 1},
        }
        (drift,) = (await world.hub.status()).drift
        assert (drift.table, "drifted" in drift.problem) == ("things", True)


async def test_a_dropped_table_is_there_for_old_devices(any_database: str) -> None:
    async with opened(any_database, APP[0]) as world:
        one, other = await pinned(world, "one", V1), await pinned(world, "other", V1)
        part: Mapping[str, Value] = {"item": 1, "kind": "a", "n": 1}
        await one.write(insert("items", {"id": 1, **ITEM}), insert("parts", part, "item", "kind"))
        await world.client.execute(
            "CREATE FUNCTION no() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NULL; END';"
            "CREATE TRIGGER no BEFORE INSERT ON parts FOR EACH ROW EXECUTE FUNCTION no();"
            "CREATE UNIQUE INDEX theirs ON parts (n); CREATE TABLE more (LIKE parts)"
        )
        await world.migrate(*APP[:4])
        assert await world.client.fetchval("SELECT to_regclass('parts')") is None
        await other.items()
        b: Mapping[str, Value] = {**part, "kind": "b"}
        await other.write(insert("parts", b, "item", "kind"))
        rows = await one.device.catch_up(world.versions.view(V1))
        assert [r.values for id, r in rows.items() if id.table == "parts"] == [part, b]
        new = await pinned(world, "new", V4)
        rows = await new.device.catch_up(world.versions.view(V4))
        assert {row_id.table for row_id in rows} == {"things"}
        status = await world.hub.status()
        assert (status.drift, status.quarantined) == ((), 0)


async def test_what_is_being_written_or_read_comes_before_the_migration(any_database: str) -> None:
    async with opened(any_database, APP[0]) as world:
        old = await pinned(world, "old", V1)
        await old.write(insert("items", {"id": 1, **ITEM}))
        async with world.client.transaction():
            await world.client.execute("UPDATE items SET note = 'late' WHERE id = 1")
            await world.client.execute("INSERT INTO items VALUES (2, 't', 'later', 1)")
            migrating = asyncio.create_task(world.hub.migrate(sources(*APP)))
            await asyncio.sleep(0.2)
        async with world.hub.reading() as reading:
            await asyncio.sleep(0.2)
            parts = [part async for part in reading.parts_since(None)]
        assert all(
            block.columns == reading.schema.tables[block.table].column_names
            for part in parts
            for block in part.blocks
        )
        await migrating
        await world.migrate(*APP)
        assert await old.items() == {1: {**ITEM, "note": "late"}, 2: {**ITEM, "note": "later"}}


async def test_a_plan_hides_nothing(any_database: str) -> None:
    async with opened(any_database, APP[0]) as world:
        await world.client.execute("INSERT INTO items VALUES (1, 'A', 'n', 1)")
        assert (await world.hub.plan(sources(*APP))).pending == (V2, V3, V4, V5)
        assert await world.client.fetchval("SELECT note FROM items") == "n"
        assert await world.client.fetchval("SELECT kept FROM electric.shadow_1") is None


async def test_a_device_is_sent_the_migrations_that_only_add(any_database: str) -> None:
    async with opened(any_database, APP[0], *APP[1:]) as world:
        sent = {v: [m.name for m in world.versions.after(v)] for v in (None, *VERSIONS, "later")}
        assert sent == {None: [V1], V1: [], V2: [], V3: [], V4: [V5], V5: [], "later": []}


async def test_a_later_column_of_a_dropped_name_is_another_one(any_database: str) -> None:
    async with opened(any_database, *APP) as world:
        old, new = await pinned(world, "old", V1), await pinned(world, "new", V5)
        await old.write(insert("items", {"id": 1, **ITEM}))
        assert (await new.items())[1] == {"name": "t", "size": 1, "done": 0, "note": "again"}
        await new.write(update("things", 1, note="new"))
        assert (await old.items())[1] == ITEM


async def test_the_quarantine_keeps_what_was_written(any_database: str) -> None:
    async with opened(any_database, *APP) as world:
        old = await pinned(world, "old", V1)
        await world.client.execute("ALTER TABLE things ADD CONSTRAINT c CHECK (name <> 'bad')")
        refused = old.device.transaction(
            insert("items", {"id": 1, **ITEM, "title": "bad"}), version=V1
        )
        await world.hub.merge([refused])
        (held,) = await world.hub.quarantined()
        assert await old.items() == {}
        assert await world.hub.retry(refused) is not None
        await world.client.execute("ALTER TABLE things DROP CONSTRAINT c")
        assert await world.hub.retry(refused) is None
        assert (await old.items())[1] == {**ITEM, "title": "bad"}
        assert held.code == "postgres-refused"


async def test_the_census_says_what_each_device_is_at(any_database: str) -> None:
    async with opened(any_database, *APP) as world:
        await world.hub.register("device", Claim(schema_version=V2))
        (device,) = (await world.hub.status()).devices
        assert device.schema_version == V2
        with pytest.raises(ServiceError):
            await world.hub.schema_at("later")


USERS = (
    "-- @unique users.email on-conflict=keep-first\n"
    "CREATE TABLE users (id INTEGER PRIMARY KEY NOT NULL, email TEXT UNIQUE, note TEXT);",
    "ALTER TABLE users RENAME COLUMN email TO mail; ALTER TABLE users RENAME TO people;",
)


async def test_a_value_that_is_taken_gives_way_under_another_name(any_database: str) -> None:
    async with opened(any_database, *USERS) as world:
        old, new = await pinned(world, "old", sources(*USERS)[0].name), await world.device("new")
        await new.write(insert("people", {"id": 1, "mail": "a", "note": None}))
        await old.write(insert("users", {"id": 2, "email": "a", "note": None}))
        assert {n: row["email"] for n, row in (await old.items()).items()} == {1: "a", 2: None}
        assert (await world.hub.status()).drift == ()


REBUILT = (
    "CREATE TABLE items (id INTEGER PRIMARY KEY NOT NULL, a TEXT, b TEXT, c INTEGER);"
    "CREATE TABLE parts (id INTEGER PRIMARY KEY NOT NULL, item INTEGER REFERENCES items);",
    "-- @drop items.b\n"
    "CREATE TABLE new_items (c INTEGER, d TEXT DEFAULT 'd', id INTEGER PRIMARY KEY NOT NULL,"
    " aa TEXT);\nINSERT INTO new_items (c, id, aa) SELECT c, id, a FROM items;\n"
    "DROP TABLE items;\nALTER TABLE new_items RENAME TO items;",
)


async def test_a_table_that_was_built_anew_is_the_same(any_database: str) -> None:
    async with opened(any_database, REBUILT[0]) as world:
        old = await pinned(world, "old", sources(*REBUILT)[0].name)
        await old.write(insert("items", {"id": 1, "a": "a", "b": "b", "c": 3}))
        await world.migrate(*REBUILT)
        new = await pinned(world, "new", sources(*REBUILT)[1].name)
        assert await new.items() == {1: {"c": 3, "d": "d", "aa": "a"}}
        await new.write(update("items", 1, aa="A"))
        await old.write(update("items", 1, b="B"))
        await world.client.execute("INSERT INTO items (id, aa) VALUES (2, 'direct')")
        await world.client.execute("INSERT INTO parts VALUES (1, 2)")
        assert await old.items() == {
            1: {"a": "A", "b": "B", "c": 3},
            2: {"a": "direct", "b": None, "c": None},
        }
        assert (await world.hub.status()).drift == ()
